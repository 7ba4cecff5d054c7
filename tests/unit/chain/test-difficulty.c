/* Whole chains under each difficulty rule: what is mined by one instance is taken by another, over reorganisations
 * across the edge of an interval, after reopening, and by the check of a stored chain. Every header's difficulty is
 * what its own ancestors give, recomputed from the stored headers alone. */
#include "harness.h"

enum { BLOCK_TIME_S = 10, INTERVAL = 9, HEADERS_MAX = 256 };
enum { LAG_PART = 16 }; /* D8 */

static void make_spec(posw_chain_spec *spec, enum posw_difficulty_rule rule) {
    h_spec(spec);
    posw_params *p = &spec->params;
    p->block_time_s = BLOCK_TIME_S;
    p->difficulty_rule = rule;
    p->difficulty_blocks = posw_difficulty_has_blocks(rule) ? INTERVAL : 0;
    if (rule == POSW_DIFFICULTY_ASERT_LAG) p->difficulty_blocks = LAG_PART * INTERVAL;
    const bool small_steps = rule == POSW_DIFFICULTY_HOMESTEAD || rule == POSW_DIFFICULTY_ASERT_LAG;
    p->genesis_difficulty = posw_u256_from_u64(small_steps ? 2500 : 40); /* 1/2048 of it counts */
    posw_message msg = {{0}};
    if (posw_chain_spec_check(spec, NULL, &msg) != POSW_OK) fail_msg("%s", msg.text);
}

static uint64_t height(posw_chain *c) {
    return posw_chain_tip(c)->number;
}

static void grow(posw_chain *c, uint64_t blocks, unsigned miner, uint64_t gap_s) {
    for (uint64_t i = 0; i < blocks; i++) {
        h_plan plan = {.miner = miner, .gap_s = gap_s + i % 2};
        h_block b = h_extend(c, &plan);
        h_block_clear(&b);
    }
}

/* From headers, with a window that is filled from genesis on. */
static void recompute(posw_chain *c) {
    const posw_params *p = posw_chain_params(c);
    const size_t size = posw_window_size(p->window_blocks, 0);
    void *memory = aligned_alloc(16, (size + 15) & ~(size_t)15);
    assert_non_null(memory);
    posw_window *w = posw_window_init(memory, p->window_blocks, 0, 2 * p->window_blocks * p->block_time_s);
    posw_header parent = {0};
    unsigned changes = 0;
    for (uint64_t n = 0; n <= height(c); n++) {
        posw_chain_block_info info;
        ok(posw_chain_block_by_number(c, &info, n));
        if (n > 0) {
            const posw_u256 want = posw_difficulty_next(p, w, &parent, info.header.timestamp);
            assert_true(posw_u256_equal(&info.header.difficulty, &want));
            changes += !posw_u256_equal(&info.header.difficulty, &parent.difficulty);
        }
        const posw_window_entry e = {.timestamp = info.header.timestamp, .difficulty = info.header.difficulty};
        posw_window_push(w, &e);
        parent = info.header;
    }
    free(memory);
    assert_true((changes > 0) == (p->difficulty_rule != POSW_DIFFICULTY_FIXED));
}

/* a: slow blocks up to just before an edge, over it and on; b: the same ones but for the last, then quick ones, which
 * are harder. */
static void live(enum posw_difficulty_rule rule, uint64_t common_blocks) {
    posw_chain_spec spec;
    h_node a, b;
    make_spec(&spec, rule);
    h_open(&a, &spec);
    h_open(&b, &spec);
    grow(a.chain, common_blocks, 1, 8);
    h_feed(b.chain, a.chain, 1, common_blocks);
    grow(a.chain, H_REORG - 2, 2, 25);
    grow(b.chain, H_REORG - 1, 3, 3);
    h_feed(a.chain, b.chain, common_blocks + 1, height(b.chain));
    h_same(a.chain, b.chain);
    recompute(a.chain);
    h_verify(a.chain);
    h_reopen(&a); /* the window is filled again, from the middle of the chain where that is long enough */
    h_same(a.chain, b.chain);
    grow(a.chain, 5, 1, 12); /* and both ways of standing at the tip go on alike */
    h_feed(b.chain, a.chain, height(b.chain) + 1, height(a.chain));
    h_same(b.chain, a.chain);
    grow(b.chain, 2 * INTERVAL + 3, 4, 6);
    h_feed(a.chain, b.chain, height(a.chain) + 1, height(b.chain));
    recompute(a.chain);
    h_verify(a.chain);
    h_close(&a);
    h_close(&b);
    posw_chain_spec_clear(&spec);
}

static void every_rule(void **state) {
    (void)state;
    for (int rule = POSW_DIFFICULTY_ASERT; rule <= POSW_DIFFICULTY_ASERT_LAG; rule++)
        for (uint64_t fork = 2 * INTERVAL - 3; fork <= 2 * INTERVAL + 1; fork += 2)
            live((enum posw_difficulty_rule)rule, fork);
}

/* The window of the chain keeps W + R + 10 blocks: longer chains have lost the first ones, and N = W (a lag of W) looks
 * back as far as it may, also from the deepest fork. */
static void the_longest_look_back(void **state) {
    (void)state;
    static const enum posw_difficulty_rule rules[] = {POSW_DIFFICULTY_LWMA3, POSW_DIFFICULTY_BITCOIN2016,
                                                      POSW_DIFFICULTY_ASERT_LAG};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(rules); i++) {
        posw_chain_spec spec;
        h_node a, b;
        make_spec(&spec, rules[i]);
        spec.params.difficulty_blocks = rules[i] == POSW_DIFFICULTY_ASERT_LAG ? LAG_PART * H_WINDOW : H_WINDOW;
        h_open(&a, &spec);
        h_open(&b, &spec);
        grow(a.chain, 5 * H_WINDOW - 4, 1, 9);
        h_feed(b.chain, a.chain, 1, height(a.chain));
        const uint64_t fork = height(a.chain);
        h_reopen(&b);
        grow(a.chain, H_REORG, 2, 20);
        grow(b.chain, H_REORG + 1, 3, 2);
        h_feed(a.chain, b.chain, fork + 1, height(b.chain));
        h_same(a.chain, b.chain);
        recompute(a.chain);
        h_verify(a.chain);
        h_close(&a);
        h_close(&b);
        posw_chain_spec_clear(&spec);
    }
}

/* F3: a heavier branch of fewer blocks brings nothing that was final into the reach of the next one. */
static void what_is_final_stays(void **state) {
    (void)state;
    enum { COMMON = 20, LOWER = COMMON - 2 };
    posw_chain_spec spec;
    h_node a, b, c;
    make_spec(&spec, POSW_DIFFICULTY_ASERT);
    spec.params.difficulty_blocks = 2; /* quick blocks are soon much harder */
    h_open(&a, &spec);
    h_open(&b, &spec);
    h_open(&c, &spec);
    grow(a.chain, COMMON, 1, 10);
    h_feed(b.chain, a.chain, 1, COMMON);
    h_feed(c.chain, a.chain, 1, LOWER);
    grow(a.chain, H_REORG, 2, 10);
    grow(b.chain, H_REORG - 2, 3, 1);
    h_feed(a.chain, b.chain, COMMON + 1, height(b.chain));
    h_same(a.chain, b.chain);
    assert_int_equal(height(a.chain), LOWER + H_REORG);
    assert_int_equal(posw_chain_finalized(a.chain), COMMON);
    assert_true(posw_chain_safe(a.chain) >= COMMON);
    grow(c.chain, 1, 4, 1);
    h_block below = h_copy(c.chain, LOWER + 1);
    const posw_verdict v = h_import(a.chain, &below);
    assert_true(v.kind == POSW_NOT_YET && v.rule == POSW_RULE_REORG_DEPTH);
    posw_chain_allow_deep_reorg(a.chain, true); /* the limit is off, and what was final no longer is */
    assert_int_equal(posw_chain_finalized(a.chain), LOWER);
    h_import_valid(a.chain, &below);
    h_block_clear(&below);
    h_close(&a);
    h_close(&b);
    h_close(&c);
    posw_chain_spec_clear(&spec);
}

/* A secret branch whose blocks say that they came a second after each other: under asert as many of them outweigh the
 * public ones, and under asert-lag, within its lag of 96 / 16 blocks, one more must come, as with true times. */
static void false_times(void **state) {
    (void)state;
    enum { COMMON = 12, LAG = 6, HALF_LIFE = 96 };
    static const enum posw_difficulty_rule rules[] = {POSW_DIFFICULTY_ASERT, POSW_DIFFICULTY_ASERT_LAG};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(rules); i++) {
        posw_chain_spec spec;
        h_node public, secret;
        make_spec(&spec, rules[i]);
        spec.params.difficulty_blocks = HALF_LIFE;
        spec.params.genesis_difficulty = posw_u256_from_u64(4000);
        h_open(&public, &spec);
        h_open(&secret, &spec);
        grow(public.chain, COMMON, 1, BLOCK_TIME_S);
        h_feed(secret.chain, public.chain, 1, COMMON);
        grow(public.chain, LAG, 2, BLOCK_TIME_S);
        grow(secret.chain, LAG + 1, 3, 1);
        const posw_address miner = posw_chain_tip(public.chain)->beneficiary;
        h_feed(public.chain, secret.chain, COMMON + 1, COMMON + LAG);
        const bool same = memcmp(&posw_chain_tip(public.chain)->beneficiary, &miner, sizeof miner) == 0;
        assert_int_equal(same, rules[i] == POSW_DIFFICULTY_ASERT_LAG);
        h_feed(public.chain, secret.chain, COMMON + LAG + 1, COMMON + LAG + 1);
        h_same(public.chain, secret.chain);
        recompute(public.chain);
        h_close(&public);
        h_close(&secret);
        posw_chain_spec_clear(&spec);
    }
}

/* Under homestead and step the difficulty belongs to the block's own time: that of another moment is refused. */
static void one_later(void *arg, posw_header *h) {
    h->timestamp += *(const uint64_t *)arg;
}

static void the_own_time_counts(void **state) {
    (void)state;
    static const struct {
        enum posw_difficulty_rule rule;
        uint64_t last_quick_s; /* the last second of the first bucket: 6 = 6931 * 10 / 10000 */
    } rules[] = {{POSW_DIFFICULTY_HOMESTEAD, 5}, {POSW_DIFFICULTY_STEP, 9}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(rules); i++) {
        posw_chain_spec spec;
        h_node n;
        make_spec(&spec, rules[i].rule);
        spec.params.genesis_difficulty = posw_u256_from_u64(2500);
        h_open(&n, &spec);
        uint64_t later = 1;
        h_plan moved = {.miner = 1, .gap_s = rules[i].last_quick_s, .before_seal = one_later, .arg = &later};
        h_block wrong = h_build(n.chain, &moved);
        h_import_refused(n.chain, &wrong, POSW_INVALID, POSW_RULE_DIFFICULTY);
        h_block right = h_simple(n.chain, 1, rules[i].last_quick_s);
        assert_true(right.header.difficulty.w[0] > 2500);
        h_import_valid(n.chain, &right);
        h_block_clear(&wrong);
        h_block_clear(&right);
        h_close(&n);
        posw_chain_spec_clear(&spec);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_rule), cmocka_unit_test(the_longest_look_back),
                                       cmocka_unit_test(what_is_final_stays), cmocka_unit_test(false_times),
                                       cmocka_unit_test(the_own_time_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
