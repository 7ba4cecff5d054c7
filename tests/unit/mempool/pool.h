/* A pool over a small chain in memory, transactions of any shape, and a check of everything that must always hold
 * inside the pool. */
#ifndef POSW_TEST_MEMPOOL_POOL_H
#define POSW_TEST_MEMPOOL_POOL_H

#include "chain/harness.h"
#include "mempool/mempool_internal.h"

static const uint64_t P_GWEI = 1000000000;
enum { P_NOW = 5000 };

typedef struct {
    posw_chain_spec spec;
    h_node node;
    posw_mempool *pool;
    uint64_t now_s;
} p_world;

static inline posw_mempool_options p_options(void) {
    posw_mempool_options o;
    posw_mempool_options_default(&o);
    o.seed[0] = 42;
    return o;
}

static inline void p_open_with(p_world *w, const posw_mempool_options *o, void (*change)(posw_chain_spec *spec)) {
    memset(w, 0, sizeof *w);
    h_spec(&w->spec);
    if (change != NULL) change(&w->spec);
    h_open(&w->node, &w->spec);
    ok(posw_mempool_new(&w->pool, w->node.chain, o));
    w->now_s = P_NOW;
}

static inline void p_open(p_world *w) {
    const posw_mempool_options o = p_options();
    p_open_with(w, &o, NULL);
}

static inline void p_close(p_world *w) {
    posw_mempool_free(w->pool);
    h_close(&w->node);
    posw_chain_spec_clear(&w->spec);
}

/* ---- transactions ---- */

/* A transfer of 1 wei to key 7 at 100 gwei with a tip of 1 gwei. */
static inline posw_tx p_tx(uint64_t nonce) {
    return (posw_tx){.type = POSW_TX_DYNAMIC_FEE,
                     .is_protected = true,
                     .chain_id = 1337,
                     .nonce = nonce,
                     .gas_limit = 21000,
                     .max_fee = posw_u256_from_u64(100 * P_GWEI),
                     .max_tip = posw_u256_from_u64(P_GWEI),
                     .has_to = true,
                     .to = h_address(7),
                     .value = POSW_U256_ONE};
}

static inline posw_tx p_tx_tip(uint64_t nonce, uint64_t tip_gwei) {
    posw_tx tx = p_tx(nonce);
    tx.max_tip = posw_u256_from_u64(tip_gwei * P_GWEI);
    return tx;
}

static inline h_tx p_sign(unsigned from, const posw_tx *tx) {
    uint8_t secret[32];
    h_tx out = {.from = from};
    h_secret(secret, from);
    assert_true(posw_tx_sign(&out.raw, tx, secret));
    return out;
}

static inline posw_hash p_hash(const h_tx *tx) {
    posw_hash h;
    posw_keccak256(&h, tx->raw.data, tx->raw.size);
    return h;
}

/* ---- what must always hold ---- */

static inline void p_check_sender(const posw_mempool *m, const pool_sender *s, size_t heap_index) {
    posw_u256 cost = POSW_U256_ZERO;
    const pool_tx *worst = NULL;
    assert_true(s->count > 0 && s->count <= s->capacity && s->pending <= s->count);
    assert_int_equal(s->heap_index, heap_index);
    assert_ptr_equal(pool_sender_find(m, &s->address), s);
    for (size_t i = 0; i < s->count; i++) {
        const pool_tx *t = s->txs[i];
        assert_ptr_equal(posw_mempool_find(m, &t->e.hash), &t->e);
        assert_true(posw_address_equal(&t->e.sender, &s->address));
        assert_true(t->e.tx.nonce >= s->nonce && (i == 0 || t->e.tx.nonce > s->txs[i - 1]->e.tx.nonce));
        assert_int_equal(t->e.pending, i < s->pending);
        if (i < s->pending) {
            assert_int_equal(t->e.tx.nonce, s->nonce + i);
            cost = posw_u256_add_sat(&cost, &t->cost_wei);
        }
        assert_int_equal(t->tip_wei, pool_tip(&t->e.tx, m->base_fee_wei));
        if (worst == NULL || pool_offer_cmp(t, worst) < 0) worst = t;
        assert_ptr_equal(t->worst, worst);
        assert_true(t->e.tx.raw.data == t->raw);
    }
    assert_true(posw_u256_equal(&cost, &s->pending_cost_wei));
    assert_true(posw_u256_cmp(&cost, &s->balance_wei) <= 0);
    if (s->pending == s->count || s->txs[s->pending]->e.tx.nonce != s->nonce + s->pending) return;
    cost = posw_u256_add_sat(&cost, &s->txs[s->pending]->cost_wei); /* the next would be pending if it could be paid */
    assert_true(posw_u256_cmp(&cost, &s->balance_wei) > 0);
}

static inline void p_check(const posw_mempool *m) {
    size_t txs = 0, pending = 0, bytes = 0;
    for (size_t i = 0; i < m->heap_count; i++) {
        const pool_sender *s = m->heap[i];
        p_check_sender(m, s, i);
        txs += s->count;
        pending += s->pending;
        for (size_t k = 0; k < s->count; k++)
            bytes += pool_tx_bytes(s->txs[k]);
        if (i == 0) continue;
        const pool_sender *up = m->heap[(i - 1) / 2];
        assert_true(pool_rank_cmp(up->pending == up->count, up->txs[up->count - 1]->worst, s->pending == s->count,
                                  s->txs[s->count - 1]->worst) < 0);
    }
    assert_int_equal(m->senders.count, m->heap_count);
    assert_int_equal(m->by_hash.count, txs);
    assert_int_equal(m->tx_count, txs);
    assert_int_equal(m->pending_count, pending);
    assert_int_equal(m->bytes, bytes);
    assert_true(m->tx_count <= m->o.txs_max && m->bytes <= m->o.bytes_max);
}

/* ---- adding ---- */

static inline enum posw_mempool_refusal p_add_raw(p_world *w, posw_bytes raw, posw_message *text) {
    enum posw_mempool_refusal refusal;
    posw_message own;
    memset(&own, 0, sizeof own);
    ok(posw_mempool_add(w->pool, &refusal, text != NULL ? text : &own, NULL, raw.data, raw.size, NULL, w->now_s));
    p_check(w->pool);
    return refusal;
}

static inline enum posw_mempool_refusal p_add_says(p_world *w, unsigned from, const posw_tx *tx, posw_message *text) {
    h_tx t = p_sign(from, tx);
    const enum posw_mempool_refusal refusal = p_add_raw(w, posw_buf_view(&t.raw), text);
    posw_buf_clear(&t.raw);
    return refusal;
}

static inline enum posw_mempool_refusal p_add(p_world *w, unsigned from, posw_tx tx) {
    return p_add_says(w, from, &tx, NULL);
}

static inline posw_hash p_hash_of(unsigned from, const posw_tx *tx) {
    h_tx t = p_sign(from, tx);
    const posw_hash h = p_hash(&t);
    posw_buf_clear(&t.raw);
    return h;
}

static inline bool p_has(const p_world *w, unsigned from, posw_tx tx) {
    const posw_hash h = p_hash_of(from, &tx);
    return posw_mempool_find(w->pool, &h) != NULL;
}

static inline void p_expect(const p_world *w, size_t pending, size_t queued) {
    size_t p, q;
    posw_mempool_counts(w->pool, &p, &q, NULL);
    assert_int_equal(p, pending);
    assert_int_equal(q, queued);
}

static inline uint64_t p_next(p_world *w, unsigned from) {
    const posw_address a = h_address(from);
    uint64_t nonce;
    ok(posw_mempool_next_nonce(w->pool, &nonce, &a));
    return nonce;
}

/* ---- blocks ---- */

static inline void p_import(p_world *w, const h_block *b) {
    posw_verdict v;
    posw_chain_change change;
    ok(h_try(w->node.chain, b, H_NOW, &v, &change));
    assert_int_equal(v.kind, POSW_VALID);
    ok(posw_mempool_follow(w->pool, &change, w->now_s));
    p_check(w->pool);
}

/* A block on the tip; the pool follows. */
static inline void p_mine(p_world *w, h_plan *plan) {
    h_block b = h_build(w->node.chain, plan);
    p_import(w, &b);
    h_block_clear(&b);
}

#endif
