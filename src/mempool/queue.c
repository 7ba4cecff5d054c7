/* The queues of senders. Every function leaves counts, order and the heap as they must be. */
#include "mempool/mempool_internal.h"

#include "base/error.h"
#include "posw/economy.h"

#include <stdlib.h>
#include <string.h>

int pool_account(posw_mempool *m, posw_account *out, const posw_address *a) {
    if (m->state == NULL) {
        const int err = posw_chain_state_at(m->chain, &m->state, posw_chain_tip(m->chain)->number);
        if (err != POSW_OK) return err;
    }
    return posw_state_account(m->state, out, a);
}

void pool_state_drop(posw_mempool *m) {
    posw_state_free(m->state);
    m->state = NULL;
}

pool_sender *pool_sender_find(const posw_mempool *m, const posw_address *a) {
    pool_sender **slot = posw_map_find(&m->senders, a);
    return slot == NULL ? NULL : *slot;
}

size_t pool_sender_at(const pool_sender *s, uint64_t nonce) {
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (s->txs[mid]->e.tx.nonce < nonce)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

pool_tx *pool_sender_tx(const pool_sender *s, uint64_t nonce) {
    if (s == NULL) return NULL;
    size_t at = pool_sender_at(s, nonce);
    return at < s->count && s->txs[at]->e.tx.nonce == nonce ? s->txs[at] : NULL;
}

/* ---- pending and worth ---- */

/* Those from here on are not pending any more. */
static void pending_cut(posw_mempool *m, pool_sender *s, size_t from) {
    for (size_t i = from; i < s->pending; i++) {
        s->txs[i]->e.pending = false;
        bool covered = posw_u256_sub(&s->pending_cost_wei, &s->pending_cost_wei, &s->txs[i]->cost_wei);
        POSW_ASSERT(covered);
    }
    if (s->pending <= from) return;
    m->pending_count -= s->pending - from;
    s->pending = from;
}

/* Takes transactions into pending while their nonces follow and the balance pays for all of them. */
static void pending_extend(posw_mempool *m, pool_sender *s) {
    while (s->pending < s->count && s->txs[s->pending]->e.tx.nonce == s->nonce + s->pending) {
        pool_tx *t = s->txs[s->pending];
        posw_u256 sum = posw_u256_add_sat(&s->pending_cost_wei, &t->cost_wei);
        if (posw_u256_cmp(&sum, &s->balance_wei) > 0) break;
        s->pending_cost_wei = sum;
        t->e.pending = true;
        s->pending++;
        m->pending_count++;
    }
}

/* Recomputes what those from `from` on are worth. */
static void rank_from(pool_sender *s, size_t from) {
    const pool_tx *worst = from > 0 ? s->txs[from - 1]->worst : NULL;
    for (size_t i = from; i < s->count; i++) {
        if (worst == NULL || pool_offer_cmp(s->txs[i], worst) < 0) worst = s->txs[i];
        if (i > from && s->txs[i]->worst == worst) return; /* and so are all that follow */
        s->txs[i]->worst = worst;
    }
}

uint64_t pool_tip(const posw_tx *tx, uint64_t base_fee_wei) {
    const posw_u256 base = posw_u256_from_u64(base_fee_wei), room = posw_u256_sub_sat(&tx->max_fee, &base);
    uint64_t tip;
    return posw_u256_to_u64(&tip, posw_u256_cmp(&room, &tx->max_tip) < 0 ? &room : &tx->max_tip) ? tip : UINT64_MAX;
}

static void rank_all(posw_mempool *m, pool_sender *s) {
    for (size_t i = 0; i < s->count; i++) {
        s->txs[i]->tip_wei = pool_tip(&s->txs[i]->e.tx, m->base_fee_wei);
        s->txs[i]->worst = NULL;
    }
    rank_from(s, 0);
}

void pool_rank_by_next_fee(posw_mempool *m) {
    const posw_header *tip = posw_chain_tip(m->chain);
    const uint64_t fee = posw_base_fee_next(posw_chain_params(m->chain), tip->number, tip->base_fee_wei, tip->gas_used);
    if (fee == m->base_fee_wei) return;
    m->base_fee_wei = fee;
    for (size_t i = 0; i < m->heap_count; i++)
        rank_all(m, m->heap[i]);
    pool_heap_order(m);
}

/* ---- senders ---- */

static int sender_new(posw_mempool *m, pool_sender **out, const posw_address *a) {
    posw_account account;
    int err = pool_account(m, &account, a);
    if (err != POSW_OK) return err;
    pool_sender *s = calloc(1, sizeof *s);
    pool_sender **slot = s == NULL ? NULL : posw_map_put(&m->senders, a, NULL);
    if (slot == NULL) {
        free(s);
        return POSW_ENOMEM;
    }
    *slot = s;
    s->address = *a;
    s->nonce = account.nonce;
    s->balance_wei = account.balance_wei;
    s->touched = m->follows;
    *out = s;
    return POSW_OK;
}

static void sender_free(posw_mempool *m, pool_sender *s) {
    (void)posw_map_remove(&m->senders, &s->address);
    free(s->txs);
    free(s);
}

static int sender_reserve(pool_sender *s) {
    if (s->count < s->capacity) return POSW_OK;
    size_t capacity = s->capacity ? 2 * s->capacity : 4;
    pool_tx **txs = realloc(s->txs, capacity * sizeof(pool_tx *));
    if (txs == NULL) return POSW_ENOMEM;
    s->txs = txs;
    s->capacity = capacity;
    return POSW_OK;
}

/* Gives memory back after a long queue. */
static void sender_shrink(pool_sender *s) {
    if (s->capacity < 64 || s->count > s->capacity / 4) return;
    pool_tx **txs = realloc(s->txs, s->capacity / 2 * sizeof(pool_tx *));
    if (txs == NULL) return;
    s->txs = txs;
    s->capacity /= 2;
}

/* ---- the pool's books ---- */

static int register_tx(posw_mempool *m, pool_tx *t) {
    pool_tx **slot = posw_map_put(&m->by_hash, &t->e.hash, NULL);
    if (slot == NULL) return POSW_ENOMEM;
    *slot = t;
    m->tx_count++;
    m->bytes += pool_tx_bytes(t);
    return POSW_OK;
}

static void unregister_tx(posw_mempool *m, const pool_tx *t) {
    (void)posw_map_remove(&m->by_hash, &t->e.hash);
    m->tx_count--;
    m->bytes -= pool_tx_bytes(t);
}

/* ---- in ---- */

/* A pending one for another: the balance pays for all that are pending, as before. */
static void swap_pending(pool_sender *s, const pool_tx *old, pool_tx *t) {
    posw_u256 sum;
    bool covered = posw_u256_sub(&sum, &s->pending_cost_wei, &old->cost_wei) && posw_u256_add(&sum, &sum, &t->cost_wei);
    POSW_ASSERT(covered && posw_u256_cmp(&sum, &s->balance_wei) <= 0);
    s->pending_cost_wei = sum;
    t->e.pending = true;
}

/* In the place of one with the same nonce. */
static int replace(posw_mempool *m, pool_sender *s, size_t at, pool_tx *t) {
    int err = register_tx(m, t);
    if (err != POSW_OK) return err;
    pool_tx *old = s->txs[at];
    if (at < s->pending) swap_pending(s, old, t);
    s->txs[at] = t;
    unregister_tx(m, old);
    free(old);
    pending_extend(m, s);
    rank_from(s, at);
    pool_heap_update(m, s);
    return POSW_OK;
}

static int insert_at(posw_mempool *m, pool_sender *s, size_t at, pool_tx *t) {
    POSW_ASSERT(at >= s->pending && t->e.tx.nonce >= s->nonce); /* pending ones have no gaps */
    if (sender_reserve(s) != POSW_OK || register_tx(m, t) != POSW_OK) return POSW_ENOMEM;
    memmove(s->txs + at + 1, s->txs + at, (s->count - at) * sizeof(pool_tx *));
    s->txs[at] = t;
    s->count++;
    pending_extend(m, s);
    rank_from(s, at);
    if (s->count > 1) {
        pool_heap_update(m, s);
        return POSW_OK;
    }
    int err = pool_heap_push(m, s);
    if (err == POSW_OK) return POSW_OK;
    pending_cut(m, s, 0);
    s->count = 0;
    unregister_tx(m, t);
    return err;
}

int pool_insert(posw_mempool *m, pool_tx *t) {
    t->e.pending = false;
    pool_sender *s = pool_sender_find(m, &t->e.sender);
    if (s == NULL) {
        int err = sender_new(m, &s, &t->e.sender);
        if (err != POSW_OK) return err;
    }
    size_t at = pool_sender_at(s, t->e.tx.nonce);
    if (at < s->count && s->txs[at]->e.tx.nonce == t->e.tx.nonce) return replace(m, s, at, t);
    int err = insert_at(m, s, at, t);
    if (s->count == 0) sender_free(m, s);
    return err;
}

/* ---- out ---- */

static void sender_end(posw_mempool *m, pool_sender *s) {
    pool_heap_remove(m, s);
    sender_free(m, s);
}

pool_tx *pool_sender_take_tail(posw_mempool *m, pool_sender *s) {
    pending_cut(m, s, s->count - 1);
    pool_tx *t = s->txs[--s->count];
    unregister_tx(m, t);
    if (s->count == 0) {
        sender_end(m, s);
        return t;
    }
    sender_shrink(s);
    pool_heap_update(m, s);
    return t;
}

bool pool_sender_filter(posw_mempool *m, pool_sender *s, bool (*drop)(const void *arg, const pool_tx *t),
                        const void *arg) {
    size_t kept = 0;
    m->pending_count -= s->pending;
    s->pending = 0;
    s->pending_cost_wei = POSW_U256_ZERO;
    for (size_t i = 0; i < s->count; i++) {
        pool_tx *t = s->txs[i];
        if (drop(arg, t)) {
            unregister_tx(m, t);
            free(t);
            continue;
        }
        t->e.pending = false;
        t->worst = NULL; /* it may be one that goes */
        s->txs[kept++] = t;
    }
    s->count = kept;
    if (kept == 0) {
        sender_end(m, s);
        return false;
    }
    sender_shrink(s);
    pending_extend(m, s);
    rank_from(s, 0);
    pool_heap_update(m, s);
    return true;
}
