/* The address table: which addresses of other nodes are kept, and which is dialled next, so that somebody who floods
 * the node with addresses gains little.
 *
 *      heard of ──► new   1,024 buckets of 64, chosen by secret, group of the teller, group of the address
 *                    │ a connection worked (good)
 *                    ▼
 *                  tried    256 buckets of 64, chosen by secret, group of the address, address
 *
 *  - One group of tellers reaches 64 of the new buckets, one group of addresses 8 of the tried ones: who owns few
 * groups can fill but a part of either table, however many addresses it has. An address that several groups tell of
 * lies in up to 8 new buckets.
 *  - Half of the picks are from each table. From the new one a group of tellers is drawn first, then one of the places
 * that it has filled: an attacker's part of the picks is that of its groups among all that have told something, not
 * that of its addresses. From the tried one a bucket is drawn first, then an address in it.
 *  - In a new bucket a newcomer takes an occupied place only from one that is gone for good (see below) or that lies
 * elsewhere, too.
 *  - Nothing tried is replaced before it was tested and found gone: a newcomer for its place waits (at most 10 do)
 * until a dial of the old one has failed. If none was made within 40 minutes, the newcomer stays *new*.
 *  - Gone for good: told from the future, not heard of for 30 days, never reached in 3 attempts, or not for a week and
 * in 10 attempts.
 *
 * The design is that of Bitcoin's address manager after Heilman, Kendler, Zohar, Goldberg, "Eclipse Attacks on
 * Bitcoin's Peer-to-Peer Network" (2015), but for the drawing by tellers.
 *
 * Times are unix seconds and come in; they may be earlier than in the run that was kept, and what lies ahead of them
 * then is taken for unknown. Everything random comes from the seed: same seed and calls, same table. Memory:
 * at most 81,920 places, about 20 MB when an attacker has filled all that it can reach; it grows as needed.
 * Single-threaded. */
#ifndef POSW_P2P_ADDRMAN_H
#define POSW_P2P_ADDRMAN_H

#include "base/error.h"
#include "p2p/message.h"

enum {
    POSW_ADDRMAN_NEW_BUCKETS = 1024,
    POSW_ADDRMAN_TRIED_BUCKETS = 256,
    POSW_ADDRMAN_BUCKET = 64,
    POSW_ADDRMAN_ANSWER_PERCENT = 23,
    POSW_ADDRMAN_ANSWER_MIN = 16, /* small networks: up to so many are told whatever the share */
    POSW_ADDRMAN_ANSWER_MAX = POSW_MSG_ADDRESSES_MAX,
    POSW_ADDRMAN_PROVEN_MAX = 64,
    POSW_ADDRMAN_COLLISIONS_MAX = 10,
    POSW_ADDRMAN_RETRY_S = 600 /* a failed address is not likely to be chosen again before */
};

typedef struct posw_addrman posw_addrman;

/* seed: secret. private_network: addresses that the internet does not route are taken, too. */
int posw_addrman_new(posw_addrman **out, const uint8_t seed[32], bool private_network);
void posw_addrman_free(posw_addrman *a);
size_t posw_addrman_count(const posw_addrman *a, size_t *in_new, size_t *in_tried); /* both may be NULL */

typedef struct {
    posw_netaddr address;
    posw_node_id id;    /* zero: not known */
    bool id_proven;     /* shown by the node itself; otherwise somebody said so */
    bool tried;         /* in the tried table */
    uint64_t seen_s;    /* last known to be there, by what is told */
    uint64_t dialled_s; /* last attempt; 0: never */
    uint64_t success_s; /* last connection that worked; 0: never */
    uint32_t failures;  /* attempts that failed since */
} posw_addrman_entry;
bool posw_addrman_find(const posw_addrman *a, posw_addrman_entry *out, const posw_netaddr *address);

/* An address that `source` told of (a node that tells its own address is its source). An address is taken over with a
 * penalty of 2 hours on its age unless source and address are the same. True if it was not known before and has a place
 * now. */
bool posw_addrman_add(posw_addrman *a, const posw_msg_address *told, const posw_netaddr *source, uint64_t now_s);
/* It is dialled now. */
void posw_addrman_attempt(posw_addrman *a, const posw_netaddr *address, uint64_t now_s);
/* The dial did not lead to a usable connection. count: this says something about the address, for others can be reached
 * at this time; a node that is cut off must not hold it against all addresses that it knows. */
void posw_addrman_failed(posw_addrman *a, const posw_netaddr *address, bool count, uint64_t now_s);
/* The handshake with it is complete: it moves to tried, or waits for the test of who has its place there. id: what it
 * showed. An address that is not known is not added. */
void posw_addrman_good(posw_addrman *a, const posw_netaddr *address, const posw_node_id *id, uint64_t now_s);
/* It was connected until now: it is told to others as fresh. */
void posw_addrman_was_connected(posw_addrman *a, const posw_netaddr *address, uint64_t now_s);
/* It belongs to another network, or is ourselves. */
void posw_addrman_remove(posw_addrman *a, const posw_netaddr *address);

enum posw_addrman_table { POSW_ADDRMAN_EITHER, POSW_ADDRMAN_NEW, POSW_ADDRMAN_TRIED };
/* One to dial; recent failures make it less likely, never impossible. False: the table is empty. */
bool posw_addrman_select(posw_addrman *a, posw_addrman_entry *out, enum posw_addrman_table table, uint64_t now_s);
/* A tried one whose place a newcomer waits for: to be dialled as a test. False: none. */
bool posw_addrman_select_collision(posw_addrman *a, posw_addrman_entry *out, uint64_t now_s);
/* Decides what tests have shown; call now and then (each minute). */
void posw_addrman_resolve_collisions(posw_addrman *a, uint64_t now_s);

/* What is told to somebody who asks: at most max (and POSW_ADDRMAN_ANSWER_MAX, and the percentage), none that is gone,
 * in random order. */
size_t posw_addrman_answer(posw_addrman *a, posw_msg_address *out, size_t max, uint64_t now_s);

/* Less than that ago. What is kept may be of a run whose clock was ahead: a time that is still to come says nothing. */
static inline bool posw_addrman_is_recent(uint64_t at_s, uint64_t within_s, uint64_t now_s) {
    return at_s <= now_s && now_s - at_s < within_s;
}
static inline bool posw_addrman_was_dialled(const posw_addrman_entry *e, uint64_t within_s, uint64_t now_s) {
    return e->dialled_s != 0 && posw_addrman_is_recent(e->dialled_s, within_s, now_s);
}

/* Addresses of one family with this port that a connection from here has worked with since then, and no dial has failed
 * of since, in random order: what a seeder answers with. Groups are drawn first, then one address of each; only where
 * there are fewer groups than places, more of the same. At most POSW_ADDRMAN_PROVEN_MAX. */
size_t posw_addrman_proven(posw_addrman *a, posw_netaddr *out, size_t max, bool ipv6, uint16_t port, uint64_t since_s);

/* Everything with the secret, appended; without a checksum (that is the book's, see connect.h). */
void posw_addrman_encode(posw_buf *out, const posw_addrman *a);
/* What was encoded; random numbers come from the seed. Strict: POSW_EPARSE with no table for anything that
 * posw_addrman_encode does not write; POSW_EMISMATCH for a table of the other kind of network. */
int posw_addrman_decode(posw_addrman **out, posw_bytes in, const uint8_t seed[32], bool private_network);

/* ---- How many addresses one peer may tell unasked ---- */

/* A bucket of tokens, in thousandths: one is used for each address, one comes every 10 s. Zero-initialise. */
typedef struct {
    uint64_t milli, at_ms;
} posw_addr_quota;
/* Addresses were asked for: as many as an answer has may come. */
void posw_addr_quota_asked(posw_addr_quota *q);
/* Of `wanted` addresses so many may be taken now; they are used up. */
size_t posw_addr_quota_take(posw_addr_quota *q, size_t wanted, uint64_t now_ms);

#endif
