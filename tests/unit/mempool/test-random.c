/* Thousands of random operations on a small pool, held against a naive one that knows no queue and no heap: a list of
 * transactions, and the rules of mempool.h by looking at all of it every time. Blocks, reorganisations, expiry,
 * replacement and eviction included. */
#include "mempool/pool.h"
#include "posw/economy.h"

enum { TXS_MAX = 24, PENDING_MAX = 9, QUEUED_MAX = 3, LIFETIME_S = 400, LIST_MAX = 64, REORG_DEPTH_MAX = 3 };

typedef struct {
    unsigned from;
    posw_tx tx; /* views of raw */
    posw_buf raw;
    posw_hash hash;
    posw_u256 cost;
    uint64_t arrival, added_s;
} item;

typedef struct {
    p_world w;
    uint64_t random, arrivals;
    item list[LIST_MAX];
    size_t count;
    uint64_t nonce[H_KEYS]; /* of the accounts at the tip */
    posw_u256 balance[H_KEYS];
    size_t bytes_max;
    size_t operations[POSW_MEMPOOL_FULL + 1], blocks, reorgs, evictions;
} model;

/* ---- the naive pool ---- */

static item *find(model *m, unsigned from, uint64_t nonce) {
    for (size_t i = 0; i < m->count; i++)
        if (m->list[i].from == from && m->list[i].tx.nonce == nonce) return &m->list[i];
    return NULL;
}

static void drop(model *m, item *x) {
    posw_buf_clear(&x->raw);
    *x = m->list[--m->count];
}

/* How many are pending, and what they cost. */
static uint64_t pending_of(model *m, unsigned from, posw_u256 *cost) {
    uint64_t n = 0;
    posw_u256 sum = POSW_U256_ZERO;
    for (const item *x; (x = find(m, from, m->nonce[from] + n)) != NULL; n++) {
        const posw_u256 more = posw_u256_add_sat(&sum, &x->cost);
        if (posw_u256_cmp(&more, &m->balance[from]) > 0) break;
        sum = more;
    }
    if (cost != NULL) *cost = sum;
    return n;
}

static size_t count_of(const model *m, unsigned from) {
    size_t n = 0;
    for (size_t i = 0; i < m->count; i++)
        n += m->list[i].from == from;
    return n;
}

static bool is_pending(model *m, const item *x) {
    return x->tx.nonce < m->nonce[x->from] + pending_of(m, x->from, NULL);
}

static posw_u256 next_base_fee(const model *m) {
    const posw_header *tip = posw_chain_tip(m->w.node.chain);
    return posw_u256_from_u64(posw_base_fee_next(&m->w.spec.params, tip->number, tip->base_fee_wei, tip->gas_used));
}

/* What the miner of the next block gets. */
static posw_u256 tip_of(const model *m, const item *x) {
    const posw_u256 base = next_base_fee(m), room = posw_u256_sub_sat(&x->tx.max_fee, &base);
    return posw_u256_cmp(&room, &x->tx.max_tip) < 0 ? room : x->tx.max_tip;
}

/* Below 0: a offers less. */
static int offer_cmp(const model *m, const item *a, const item *b) {
    const posw_u256 tip_a = tip_of(m, a), tip_b = tip_of(m, b);
    int by = posw_u256_cmp(&tip_a, &tip_b);
    if (by == 0) by = posw_u256_cmp(&a->tx.max_fee, &b->tx.max_fee);
    return by != 0 ? by : a->arrival < b->arrival ? 1 : -1;
}

/* The worst offer of its sender up to its nonce. */
static const item *worst_up_to(const model *m, const item *x) {
    const item *worst = x;
    for (size_t i = 0; i < m->count; i++) {
        const item *y = &m->list[i];
        if (y->from == x->from && y->tx.nonce < x->tx.nonce && offer_cmp(m, y, worst) < 0) worst = y;
    }
    return worst;
}

static bool is_tail(const model *m, const item *x) {
    for (size_t i = 0; i < m->count; i++)
        if (m->list[i].from == x->from && m->list[i].tx.nonce > x->tx.nonce) return false;
    return true;
}

static bool goes_before(model *m, const item *a, const item *b) {
    const bool pa = is_pending(m, a), pb = is_pending(m, b);
    if (pa != pb) return !pa;
    return offer_cmp(m, worst_up_to(m, a), worst_up_to(m, b)) < 0;
}

static item *next_to_go(model *m) {
    item *worst = NULL;
    for (size_t i = 0; i < m->count; i++)
        if (is_tail(m, &m->list[i]) && (worst == NULL || goes_before(m, &m->list[i], worst))) worst = &m->list[i];
    return worst;
}

static size_t bytes_of(const model *m) {
    size_t sum = 0;
    for (size_t i = 0; i < m->count; i++)
        sum += sizeof(pool_tx) + m->list[i].raw.size;
    return sum;
}

static bool outbids(const posw_u256 *a, const posw_u256 *b) {
    uint64_t x, y;
    assert_true(posw_u256_to_u64(&x, a) && posw_u256_to_u64(&y, b));
    return x >= y + y / 10 && (x > y || y == 0);
}

/* Everything but the limits of the pool. */
static enum posw_mempool_refusal judge(model *m, const item *x) {
    posw_u256 sum;
    const uint64_t nonce = x->tx.nonce, pending = pending_of(m, x->from, &sum), next = m->nonce[x->from] + pending;
    const item *old = find(m, x->from, nonce);
    if (old != NULL && posw_hash_equal(&old->hash, &x->hash)) return POSW_MEMPOOL_KNOWN;
    if (nonce < m->nonce[x->from]) return POSW_MEMPOOL_NONCE_LOW;
    if (nonce - m->nonce[x->from] >= PENDING_MAX) return POSW_MEMPOOL_NONCE_HIGH;
    if (nonce > next && old == NULL && count_of(m, x->from) - pending >= QUEUED_MAX) return POSW_MEMPOOL_NONCE_HIGH;
    if (nonce < next) sum = posw_u256_sub_sat(&sum, &old->cost);
    sum = posw_u256_add_sat(&sum, &x->cost);
    if (posw_u256_cmp(&sum, &m->balance[x->from]) > 0) return POSW_MEMPOOL_FUNDS;
    if (old != NULL && !(outbids(&x->tx.max_fee, &old->tx.max_fee) && outbids(&x->tx.max_tip, &old->tx.max_tip)))
        return POSW_MEMPOOL_REPLACEMENT;
    return POSW_MEMPOOL_ACCEPTED;
}

/* Takes x over if it is accepted: what is worth less goes until there is room for it, or nothing does. */
static enum posw_mempool_refusal naive_add(model *m, const item *x) {
    const enum posw_mempool_refusal refusal = judge(m, x);
    if (refusal != POSW_MEMPOOL_ACCEPTED) return refusal;
    const bool pending = x->tx.nonce <= m->nonce[x->from] + pending_of(m, x->from, NULL);
    model *copy = malloc(sizeof *copy);
    *copy = *m;
    for (;;) {
        const item *old = find(copy, x->from, x->tx.nonce);
        const size_t count = copy->count + (old == NULL), bytes = bytes_of(copy) + sizeof(pool_tx) + x->raw.size;
        if (count <= TXS_MAX && bytes - (old == NULL ? 0 : sizeof(pool_tx) + old->raw.size) <= m->bytes_max) break;
        item *gone = next_to_go(copy);
        const bool gone_pending = is_pending(copy, gone);
        const bool worth_more =
            pending != gone_pending ? pending : offer_cmp(copy, worst_up_to(copy, x), worst_up_to(copy, gone)) > 0;
        if (!worth_more) {
            free(copy);
            return POSW_MEMPOOL_FULL;
        }
        m->evictions++;
        *gone = copy->list[--copy->count];
    }
    item *old = find(copy, x->from, x->tx.nonce);
    if (old != NULL) *old = copy->list[--copy->count];
    copy->list[copy->count++] = *x;
    for (size_t i = 0; i < m->count; i++) { /* what is in m only is over */
        bool kept = false;
        for (size_t k = 0; k < copy->count; k++)
            kept |= copy->list[k].raw.data == m->list[i].raw.data;
        if (!kept) posw_buf_clear(&m->list[i].raw);
    }
    memcpy(m->list, copy->list, sizeof m->list);
    m->count = copy->count;
    free(copy);
    return POSW_MEMPOOL_ACCEPTED;
}

static void read_accounts(model *m) {
    posw_state *s;
    ok(posw_chain_state_at(m->w.node.chain, &s, posw_chain_tip(m->w.node.chain)->number));
    for (unsigned i = 0; i < H_KEYS; i++) {
        const posw_address a = h_address(i);
        posw_account account;
        ok(posw_state_account(s, &account, &a));
        m->nonce[i] = account.nonce;
        m->balance[i] = account.balance_wei;
    }
    posw_state_free(s);
}

static void naive_filter(model *m) {
    for (size_t i = 0; i < m->count;) {
        const item *x = &m->list[i];
        if (x->tx.nonce < m->nonce[x->from] || posw_u256_cmp(&x->cost, &m->balance[x->from]) > 0)
            drop(m, &m->list[i]);
        else
            i++;
    }
}

static void naive_expire(model *m) {
    for (size_t i = 0; i < m->count;) {
        item *x = &m->list[i];
        if (!is_pending(m, x) && m->w.now_s - x->added_s > LIFETIME_S)
            drop(m, x);
        else
            i++;
    }
}

/* ---- the two together ---- */

static void compare(model *m) {
    size_t pending = 0;
    p_check(m->w.pool);
    for (size_t i = 0; i < m->count; i++) {
        const item *x = &m->list[i];
        const posw_mempool_entry *e = posw_mempool_find(m->w.pool, &x->hash);
        assert_non_null(e);
        assert_int_equal(e->pending, is_pending(m, x));
        assert_int_equal(e->added_s, x->added_s);
        pending += e->pending;
    }
    p_expect(&m->w, pending, m->count - pending);
    for (unsigned from = 0; from < H_KEYS; from++)
        assert_int_equal(p_next(&m->w, from), m->nonce[from] + pending_of(m, from, NULL));
}

/* The naive pool adds the same; raw is taken over. */
static enum posw_mempool_refusal model_add(model *m, unsigned from, posw_buf raw) {
    item x = {.from = from, .raw = raw, .arrival = m->arrivals++, .added_s = m->w.now_s};
    assert_int_equal(posw_tx_decode(&x.tx, raw.data, raw.size), POSW_TX_OK);
    posw_keccak256(&x.hash, raw.data, raw.size);
    assert_true(posw_u256_mul_u64(&x.cost, &x.tx.max_fee, x.tx.gas_limit));
    x.cost = posw_u256_add_sat(&x.cost, &x.tx.value);
    const enum posw_mempool_refusal refusal = naive_add(m, &x);
    if (refusal != POSW_MEMPOOL_ACCEPTED) posw_buf_clear(&x.raw);
    return refusal;
}

static posw_buf copy_of(posw_bytes b) {
    posw_buf out = {0};
    posw_buf_append(&out, b.data, b.size);
    return out;
}

static posw_tx random_tx(model *m, uint64_t nonce) {
    static const uint8_t zeros[600];
    uint64_t *r = &m->random;
    posw_tx tx = p_tx_tip(nonce, 1 + random_below(r, 4));
    tx.max_fee = posw_u256_from_u64((88 + 10 * random_below(r, 5)) * P_GWEI);
    tx.to = h_address((unsigned)random_below(r, H_KEYS));
    if (random_below(r, 3) == 0) tx.value = h_coins(random_below(r, 4000));
    if (random_below(r, 6) == 0) tx.input = posw_bytes_of(zeros, random_below(r, sizeof zeros));
    tx.gas_limit = 21000 + 4 * tx.input.size;
    return tx;
}

static void operate_add(model *m) {
    const unsigned from = (unsigned)random_below(&m->random, H_KEYS);
    const uint64_t low = m->nonce[from] > 1 ? m->nonce[from] - 1 : 0;
    const posw_tx tx = random_tx(m, low + random_below(&m->random, 1 + random_below(&m->random, 12)));
    h_tx t = p_sign(from, &tx);
    enum posw_mempool_refusal refusal;
    ok(posw_mempool_add(m->w.pool, &refusal, NULL, NULL, t.raw.data, t.raw.size, NULL, m->w.now_s));
    assert_int_equal(refusal, model_add(m, from, t.raw));
    m->operations[refusal]++;
}

/* Some of what is pending, each sender's in order, and now and then one that the pool has not seen. */
static void plan_block(model *m, h_plan *plan) {
    for (unsigned from = 0; from < H_KEYS; from++) {
        uint64_t n = random_below(&m->random, pending_of(m, from, NULL) + 1);
        if (random_below(&m->random, 3) > 0) n = 0;
        for (uint64_t i = 0; i < n; i++) {
            const item *x = find(m, from, m->nonce[from] + i);
            const posw_u256 base = next_base_fee(m);
            if (posw_u256_cmp(&x->tx.max_fee, &base) < 0) break;
            plan->txs[plan->tx_count++] = (h_tx){from, copy_of(posw_buf_view(&x->raw))};
        }
        if (n == 0 && random_below(&m->random, 8) == 0)
            plan->txs[plan->tx_count++] = h_transfer(from, m->nonce[from], 7 - from, 1);
    }
}

/* What the naive pool makes of a change: hashes of removed blocks from the old tip down. */
static void naive_follow(model *m, const posw_hash *removed, size_t removed_count) {
    read_accounts(m);
    naive_filter(m);
    for (size_t i = removed_count; i-- > 0;) {
        posw_buf bytes = {0}, senders = {0};
        posw_block block;
        ok(posw_chain_block_bytes(m->w.node.chain, &bytes, &removed[i]));
        ok(posw_block_decode(&block, NULL, bytes.data, bytes.size));
        for (size_t k = 0; k < block.tx_count; k++) {
            posw_address sender;
            unsigned from = 0;
            assert_true(posw_tx_sender(&sender, &block.txs[k]));
            for (posw_address a = h_address(0); !posw_address_equal(&a, &sender); a = h_address(from))
                from++;
            (void)model_add(m, from, copy_of(block.txs[k].raw));
        }
        posw_block_clear(&block);
        posw_buf_clear(&bytes);
        posw_buf_clear(&senders);
    }
    naive_expire(m);
}

static void import(model *m, const h_block *b) {
    posw_verdict v;
    posw_chain_change change;
    posw_hash removed[REORG_DEPTH_MAX];
    ok(h_try(m->w.node.chain, b, H_NOW, &v, &change));
    assert_int_equal(v.kind, POSW_VALID);
    const size_t count = change.removed_count;
    assert_true(count <= REORG_DEPTH_MAX);
    if (count > 0) memcpy(removed, change.removed, count * sizeof *removed);
    ok(posw_mempool_follow(m->w.pool, &change, m->w.now_s));
    if (change.added_count > 0) naive_follow(m, removed, count);
}

static void operate_mine(model *m) {
    h_plan plan = {.miner = (unsigned)random_below(&m->random, H_KEYS)};
    plan_block(m, &plan);
    h_block b = h_build(m->w.node.chain, &plan);
    import(m, &b);
    h_block_clear(&b);
    m->blocks++;
}

/* A branch that leaves `depth` below the tip and is one longer. Its blocks pay from keys 0 and 1 as they stand there.
 */
static void operate_reorg(model *m) {
    const uint64_t tip = posw_chain_tip(m->w.node.chain)->number, depth = 1 + random_below(&m->random, REORG_DEPTH_MAX);
    if (tip <= depth) return;
    h_node other;
    h_open(&other, &m->w.spec);
    h_feed(other.chain, m->w.node.chain, 1, tip - depth);
    for (uint64_t i = 0; i <= depth; i++) {
        h_plan plan = {.miner = (unsigned)random_below(&m->random, H_KEYS), .gap_s = 2};
        for (unsigned from = 0; from < 2; from++)
            if (random_below(&m->random, 2) == 0)
                plan.txs[plan.tx_count++] = h_transfer(from, h_nonce(other.chain, from), 5, 1);
        h_block b = h_extend(other.chain, &plan);
        import(m, &b);
        h_block_clear(&b);
    }
    h_close(&other);
    assert_int_equal(posw_chain_tip(m->w.node.chain)->number, tip + 1);
    m->reorgs++;
}

/* The base fee falls for two blocks; then some of the fees leave all of a tip, and some a part of it. */
static void with_a_high_base_fee(posw_chain_spec *spec) {
    spec->params.base_fee_initial_wei = 110 * P_GWEI;
    spec->params.base_fee_min_wei = 87 * P_GWEI;
}

static void run(uint64_t seed, unsigned operations) {
    model *m = calloc(1, sizeof *m);
    posw_mempool_options o = p_options();
    o.txs_max = TXS_MAX;
    o.sender_pending_max = PENDING_MAX;
    o.sender_queued_max = QUEUED_MAX;
    o.lifetime_s = LIFETIME_S;
    m->bytes_max = o.bytes_max = TXS_MAX * (sizeof(pool_tx) + 140);
    m->random = seed;
    p_open_with(&m->w, &o, with_a_high_base_fee);
    read_accounts(m);
    for (unsigned i = 0; i < operations; i++) {
        const uint64_t what = random_below(&m->random, 100);
        if (what < 88)
            operate_add(m);
        else if (what < 97)
            operate_mine(m);
        else if (what < 98)
            operate_reorg(m);
        else
            m->w.now_s += random_below(&m->random, 300);
        compare(m);
    }
    /* every path was taken */
    assert_true(m->operations[POSW_MEMPOOL_ACCEPTED] > operations / 20);
    assert_true(m->operations[POSW_MEMPOOL_FULL] > 0 && m->operations[POSW_MEMPOOL_REPLACEMENT] > 0 &&
                m->operations[POSW_MEMPOOL_FUNDS] > 0);
    assert_true(m->operations[POSW_MEMPOOL_NONCE_LOW] > 0 && m->operations[POSW_MEMPOOL_NONCE_HIGH] > 0);
    assert_true(m->evictions > 0 && m->blocks > 0 && m->reorgs > 0);
    while (m->count > 0)
        drop(m, &m->list[0]);
    p_close(&m->w);
    free(m);
}

static void random_operations(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++)
        run(seed, 1200);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_operations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
