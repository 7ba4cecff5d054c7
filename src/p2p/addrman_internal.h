/* The address table from inside: addrman.c moves entries, addrman_tellers.c knows who told of them, addrman_choose.c
 * draws them, addrman_file.c reads and writes them. */
#ifndef POSW_P2P_ADDRMAN_INTERNAL_H
#define POSW_P2P_ADDRMAN_INTERNAL_H

#include "base/map.h"
#include "crypto/random.h"
#include "p2p/addrman.h"

enum {
    ADDRMAN_REFS_MAX = 8,
    ADDRMAN_KEY_SIZE = 16,
    ADDRMAN_ADDRESS_SIZE = 18,
    ADDRMAN_NEW_PLACES = POSW_ADDRMAN_NEW_BUCKETS * POSW_ADDRMAN_BUCKET,
    ADDRMAN_TRIED_PLACES = POSW_ADDRMAN_TRIED_BUCKETS * POSW_ADDRMAN_BUCKET
};

typedef struct {
    posw_addrman_entry e;
    uint64_t failed_s; /* last failure that counts against it; 0: never */
    uint8_t source_group[POSW_NETGROUP_SIZE];
    uint8_t refs; /* places in the new table; 0 and not tried: this member of the pool is free */
    uint16_t places[ADDRMAN_REFS_MAX];
    uint32_t next_free; /* of a free member: the next one + 1, 0: none */
} addrman_entry;

/* A newcomer that waits for the test of who has its place. */
typedef struct {
    uint32_t newcomer;
    uint64_t since_s;
} addrman_collision;

/* One group of tellers, with the places of the new table that it has filled: so that the new table is drawn from teller
 * by teller. */
typedef struct {
    uint8_t group[POSW_NETGROUP_SIZE];
    uint16_t *places; /* bucket * POSW_ADDRMAN_BUCKET + slot */
    uint32_t count, capacity;
} addrman_teller;

struct posw_addrman {
    uint8_t key[ADDRMAN_KEY_SIZE];
    uint64_t sip[2]; /* key, as words */
    bool private_network;
    posw_random random;
    addrman_entry *pool;
    uint32_t used, capacity, first_free; /* first_free + 1; 0: none */
    posw_map by_address;                 /* address -> uint32_t: place in the pool */
    size_t new_count, tried_count;       /* entries */
    /* By bucket * POSW_ADDRMAN_BUCKET + slot: place in the pool + 1; 0: empty. */
    uint32_t new_table[ADDRMAN_NEW_PLACES], tried_table[ADDRMAN_TRIED_PLACES];
    uint16_t teller_of[ADDRMAN_NEW_PLACES], rank_of[ADDRMAN_NEW_PLACES]; /* whose, and where in the teller's list */
    addrman_teller *tellers;
    size_t teller_count, teller_capacity;
    posw_map teller_by_group; /* -> uint16_t */
    /* The tried buckets that are not empty: used[rank[b]] = b where fill[b] > 0. */
    uint8_t tried_fill[POSW_ADDRMAN_TRIED_BUCKETS];
    uint16_t tried_used[POSW_ADDRMAN_TRIED_BUCKETS], tried_rank[POSW_ADDRMAN_TRIED_BUCKETS];
    size_t tried_used_count;
    addrman_collision collisions[POSW_ADDRMAN_COLLISIONS_MAX];
    size_t collision_count;
};

void addrman_key(uint8_t out[ADDRMAN_ADDRESS_SIZE], const posw_netaddr *a);
bool addrman_takes(const posw_addrman *a, const posw_netaddr *address);
void addrman_group(uint8_t out[POSW_NETGROUP_SIZE], const posw_addrman *a, const posw_netaddr *address);
addrman_entry *addrman_lookup(const posw_addrman *a, const posw_netaddr *address);
bool addrman_is_gone(const posw_addrman_entry *e, uint64_t now_s);
/* Where an address lies in a bucket of the new table; and in the tried table. */
size_t addrman_new_place(const posw_addrman *a, size_t bucket, const posw_netaddr *address);
size_t addrman_tried_place(const posw_addrman *a, const posw_netaddr *address);
/* Into an empty place. False: no memory. */
POSW_MUST_USE bool addrman_put_new(posw_addrman *a, addrman_entry *e, size_t place,
                                   const uint8_t teller[POSW_NETGROUP_SIZE]);
void addrman_put_tried(posw_addrman *a, addrman_entry *e, size_t place);
/* A new member of the pool that lies nowhere yet; NULL: no memory. The pool may move. */
addrman_entry *addrman_create(posw_addrman *a, const posw_netaddr *address);

/* ---- addrman_tellers.c ---- */
POSW_MUST_USE bool addrman_teller_fills(posw_addrman *a, size_t place, const uint8_t group[POSW_NETGROUP_SIZE]);
void addrman_teller_leaves(posw_addrman *a, size_t place);
void addrman_tellers_clear(posw_addrman *a);
uint32_t addrman_index(const posw_addrman *a, const addrman_entry *e);

#endif
