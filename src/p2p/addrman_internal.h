/* The address table from inside: addrman.c moves entries, addrman_choose.c draws them, addrman_file.c reads and writes them. */
#ifndef POSW_P2P_ADDRMAN_INTERNAL_H
#define POSW_P2P_ADDRMAN_INTERNAL_H

#include "base/map.h"
#include "crypto/random.h"
#include "p2p/addrman.h"

enum { ADDRMAN_REFS_MAX = 8, ADDRMAN_KEY_SIZE = 16, ADDRMAN_ADDRESS_SIZE = 18 };

typedef struct {
    posw_addrman_entry e;
    uint64_t failed_s; /* last failure that counts against it; 0: never */
    uint8_t source_group[POSW_NETGROUP_SIZE];
    uint8_t refs;                         /* places in the new table; 0 and not tried: this member of the pool is free */
    uint16_t buckets[ADDRMAN_REFS_MAX];   /* of those places */
    uint32_t next_free;                   /* of a free member: the next one + 1, 0: none */
} addrman_entry;

/* A newcomer that waits for the test of who has its place. */
typedef struct {
    uint32_t newcomer;
    uint64_t since_s;
} addrman_collision;

struct posw_addrman {
    uint8_t key[ADDRMAN_KEY_SIZE];
    uint64_t sip[2]; /* key, as words */
    bool private_network;
    posw_random random;
    addrman_entry *pool;
    uint32_t used, capacity, first_free; /* first_free + 1; 0: none */
    posw_map by_address;                 /* address -> uint32_t: place in the pool */
    size_t new_count, tried_count;       /* entries */
    /* place in the pool + 1; 0: empty */
    uint32_t new_table[POSW_ADDRMAN_NEW_BUCKETS][POSW_ADDRMAN_BUCKET];
    uint32_t tried_table[POSW_ADDRMAN_TRIED_BUCKETS][POSW_ADDRMAN_BUCKET];
    uint8_t new_fill[POSW_ADDRMAN_NEW_BUCKETS], tried_fill[POSW_ADDRMAN_TRIED_BUCKETS];
    addrman_collision collisions[POSW_ADDRMAN_COLLISIONS_MAX];
    size_t collision_count;
};

void addrman_key(uint8_t out[ADDRMAN_ADDRESS_SIZE], const posw_netaddr *a);
bool addrman_takes(const posw_addrman *a, const posw_netaddr *address);
void addrman_group(uint8_t out[POSW_NETGROUP_SIZE], const posw_addrman *a, const posw_netaddr *address);
addrman_entry *addrman_lookup(const posw_addrman *a, const posw_netaddr *address);
bool addrman_is_gone(const posw_addrman_entry *e, uint64_t now_s);
/* The place of an address in a bucket of the new table, and its place in the tried table. */
uint32_t *addrman_new_slot(posw_addrman *a, size_t bucket, const posw_netaddr *address);
uint32_t *addrman_tried_slot(posw_addrman *a, size_t *bucket, const posw_netaddr *address);
/* A new member of the pool that lies nowhere yet; NULL: no memory. The pool may move. */
addrman_entry *addrman_create(posw_addrman *a, const posw_netaddr *address);
uint32_t addrman_index(const posw_addrman *a, const addrman_entry *e);

#endif
