/* What the files of src/mempool share.
 *
 *  by_hash ──► pool_tx ──► its place in a queue ◄── senders (by address), heap (who goes first when the pool is full)
 *
 *  pool_sender.txs, by nonce:   n n+1 n+2 | n+5 n+6
 *                               pending   | queued (behind a gap, or more than the balance pays)
 *
 * Only tails are evicted, so that no eviction makes a gap. A tail is worth what the worst offer before it in its queue
 * is worth, its own included: it cannot be mined before that one. (Else one generous transaction at the end would keep
 * a thousand cheap ones in a full pool.) An offer is what the base fee of the next block leaves of the tip: a high tip
 * below that base fee costs nothing, and would push out what could be mined. Queued tails go before pending ones,
 * whatever they offer: they cost their sender nothing, so they must not push out what could be mined. */
#ifndef POSW_MEMPOOL_MEMPOOL_INTERNAL_H
#define POSW_MEMPOOL_MEMPOOL_INTERNAL_H

#include "base/map.h"
#include "mempool/mempool.h"
#include "posw/u256.h"

typedef struct pool_sender pool_sender;

typedef struct pool_tx {
    posw_mempool_entry e;        /* tx views point into raw */
    const struct pool_tx *worst; /* the least offer of the queue up to and including this one */
    struct pool_tx *next;        /* of a list that somebody keeps outside the pool */
    uint64_t arrival;
    uint64_t tip_wei;   /* what a miner gets for each gas at the pool's base_fee_wei; saturated */
    posw_u256 cost_wei; /* gas limit * max fee + value, saturated */
    uint8_t raw[];
} pool_tx;

struct pool_sender {
    posw_address address;
    uint64_t nonce;        /* of the account at the tip */
    posw_u256 balance_wei; /* likewise */
    pool_tx **txs;         /* owned; ascending nonces; never empty between calls */
    size_t count, capacity, pending;
    posw_u256 pending_cost_wei; /* at most the balance */
    size_t heap_index;
    uint64_t touched; /* the follow that last refreshed it */
};

struct posw_mempool {
    posw_chain *chain;
    posw_mempool_options o;
    posw_map by_hash;   /* hash -> pool_tx* */
    posw_map senders;   /* address -> pool_sender* */
    pool_sender **heap; /* the sender whose tail goes first on top */
    size_t heap_count, heap_capacity;
    size_t tx_count, pending_count, bytes;
    uint64_t next_arrival, follows;
    uint64_t base_fee_wei; /* of the next block, when there was last no room: all tips, and so the heap, are by it */
    size_t expiry_cursor;
    posw_state *state; /* a copy of the tip's; NULL: nobody has asked for an account since the tip moved */
    posw_rules rules;  /* of the block after the tip */
};

/* heap.c */
int pool_heap_push(posw_mempool *m, pool_sender *s); /* POSW_ENOMEM */
void pool_heap_update(posw_mempool *m, pool_sender *s);
void pool_heap_remove(posw_mempool *m, pool_sender *s);
/* What two transactions offer: below 0 if a offers less. Tip (that of pool_tx), then fee, then the earlier arrival is
 * better. */
int pool_offer_cmp(const pool_tx *a, const pool_tx *b);
/* Below 0 if a tail of this kind and worth goes before the other. */
int pool_rank_cmp(bool a_pending, const pool_tx *a_worst, bool b_pending, const pool_tx *b_worst);
bool pool_tail_is_pending(const pool_sender *s);
void pool_heap_order(posw_mempool *m); /* all may have changed */

/* queue.c */
static inline size_t pool_tx_bytes(const pool_tx *t) {
    return sizeof *t + t->e.tx.raw.size;
}
/* What is left of a tip above a base fee. */
uint64_t pool_tip(const posw_tx *tx, uint64_t base_fee_wei);
/* Orders the pool by what transactions offer in the next block. O(transactions), when the base fee has changed. */
void pool_rank_by_next_fee(posw_mempool *m);
/* An account at the tip. */
int pool_account(posw_mempool *m, posw_account *out, const posw_address *a);
/* The tip has moved. */
void pool_state_drop(posw_mempool *m);
pool_sender *pool_sender_find(const posw_mempool *m, const posw_address *a);
/* Index of the first transaction with a nonce >= this. */
size_t pool_sender_at(const pool_sender *s, uint64_t nonce);
/* The sender's transaction of this nonce, NULL: none. s may be NULL. */
pool_tx *pool_sender_tx(const pool_sender *s, uint64_t nonce);
/* Puts a transaction into its sender's queue; one with the same nonce is replaced and freed (a pending one by one that
 * the balance pays with all others that are pending). POSW_OK: taken over. Else nothing changed. */
int pool_insert(posw_mempool *m, pool_tx *t);
/* Removes and frees those for which drop says so (it sees which were pending before); pending is recomputed for the
 * nonce and balance that s has now. False: that was all, and the sender is gone. */
bool pool_sender_filter(posw_mempool *m, pool_sender *s, bool (*drop)(const void *arg, const pool_tx *t),
                        const void *arg);
/* Takes the last transaction out, for the caller to keep or free. The sender is gone if it was the only one. */
pool_tx *pool_sender_take_tail(posw_mempool *m, pool_sender *s);

#endif
