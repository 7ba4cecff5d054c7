/* Preparing blocks without a chain. */
#include "harness.h"

typedef struct {
    posw_chain_spec spec;
    h_node a;
    h_block block; /* three transactions */
} world;

static int setup(void **state) {
    world *w = calloc(1, sizeof *w);
    h_spec(&w->spec);
    h_open(&w->a, &w->spec);
    h_plan plan = {
        .miner = 1, .tx_count = 3, .txs = {h_transfer(0, 0, 2, 5), h_stake(1, 0, 2, 6), h_transfer(0, 1, 3, 7)}};
    w->block = h_build(w->a.chain, &plan);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world *w = *state;
    h_block_clear(&w->block);
    h_close(&w->a);
    posw_chain_spec_clear(&w->spec);
    free(w);
    return 0;
}

static void everything_is_there(void **state) {
    world *w = *state;
    posw_prepared p;
    uint8_t *copy = malloc(w->block.bytes.size); /* freed at once: prepare keeps nothing of its input */
    memcpy(copy, w->block.bytes.data, w->block.bytes.size);
    ok(posw_prepare(&p, copy, w->block.bytes.size, &h_pow, NULL, NULL));
    memset(copy, 0, w->block.bytes.size);
    free(copy);
    assert_int_equal(p.verdict.kind, POSW_VALID);
    assert_true(p.pow_checked);
    assert_int_equal(p.block.tx_count, 3);
    assert_memory_equal(p.block.hash.b, w->block.hash.b, 32);
    static const unsigned senders[] = {0, 1, 0};
    for (size_t i = 0; i < 3; i++) {
        const posw_address a = h_address(senders[i]);
        posw_hash h;
        posw_keccak256(&h, p.block.txs[i].raw.data, p.block.txs[i].raw.size);
        assert_memory_equal(p.senders[i].b, a.b, 20);
        assert_memory_equal(p.tx_hashes[i].b, h.b, 32);
    }
    posw_prepared_clear(&p);
    posw_prepared_clear(&p);
    posw_prepared_clear(NULL);
}

static bool count_and_answer(void *arg, posw_address *out, const posw_hash *tx_hash) {
    unsigned *calls = arg;
    (void)tx_hash;
    memset(out->b, 0x11, sizeof out->b);
    return (*calls)++ == 1;
}

static void known_senders_are_not_recovered(void **state) {
    world *w = *state;
    posw_prepared p;
    unsigned calls = 0;
    const posw_sender_cache cache = {count_and_answer, &calls};
    ok(posw_prepare(&p, w->block.bytes.data, w->block.bytes.size, &h_pow, NULL, &cache));
    assert_int_equal(calls, 3);
    const posw_address zero = h_address(0);
    assert_memory_equal(p.senders[0].b, zero.b, 20);
    assert_int_equal(p.senders[1].b[5], 0x11);
    posw_prepared_clear(&p);
}

static void without_an_engine(void **state) {
    world *w = *state;
    posw_prepared p;
    posw_pow keyed = h_pow;
    keyed.name = "randomx";
    ok(posw_prepare(&p, w->block.bytes.data, w->block.bytes.size, NULL, NULL, NULL));
    assert_true(p.verdict.kind == POSW_VALID && !p.pow_checked);
    posw_prepared_clear(&p);
    ok(posw_prepare(&p, w->block.bytes.data, w->block.bytes.size, &keyed, NULL, NULL));
    assert_true(p.verdict.kind == POSW_VALID && !p.pow_checked);
    posw_verdict v;
    ok(posw_chain_import(w->a.chain, &p, H_NOW, &v, NULL)); /* which checks it then */
    assert_int_equal(v.kind, POSW_VALID);
}

static bool broken_hash(void *scratch, posw_hash *out, const posw_hash *key, const uint8_t input[POSW_POW_INPUT_SIZE]) {
    (void)scratch, (void)out, (void)key, (void)input;
    return false;
}

static void an_engine_that_fails_is_no_verdict(void **state) {
    world *w = *state;
    posw_prepared p;
    const posw_pow broken = {.name = "keccak256", .hash = broken_hash};
    ok(posw_prepare(&p, w->block.bytes.data, w->block.bytes.size, &broken, NULL, NULL));
    assert_true(p.verdict.kind == POSW_VALID && !p.pow_checked);
    posw_prepared_clear(&p);
}

/* What was put together around a known header is as if it had come whole; its body is checked all the same. */
static void around_a_known_header(void **state) {
    world *w = *state;
    posw_prepared whole, p;
    posw_buf bytes = {0};
    ok(posw_prepare(&whole, w->block.bytes.data, w->block.bytes.size, NULL, NULL, NULL));
    posw_buf_append(&bytes, whole.bytes.data, whole.bytes.size);
    ok(posw_prepare_known(&p, &bytes, &whole.block.header, &whole.block.hash, NULL));
    assert_true(bytes.data == NULL && p.verdict.kind == POSW_VALID && !p.pow_checked);
    assert_true(posw_hash_equal(&p.block.hash, &whole.block.hash) && p.block.tx_count == whole.block.tx_count);
    assert_memory_equal(p.senders, whole.senders, p.block.tx_count * sizeof *p.senders);
    assert_memory_equal(p.tx_hashes, whole.tx_hashes, p.block.tx_count * sizeof *p.tx_hashes);
    posw_prepared_clear(&p);
    posw_block_encode(&bytes, &whole.block.header, NULL, 0);
    ok(posw_prepare_known(&p, &bytes, &whole.block.header, &whole.block.hash, NULL));
    assert_true(p.verdict.kind == POSW_INVALID && p.verdict.rule == POSW_RULE_TX_ROOT);
    posw_prepared_clear(&p);
    bytes = (posw_buf){.failed = true};
    assert_int_equal(posw_prepare_known(&p, &bytes, &whole.block.header, &whole.block.hash, NULL), POSW_ENOMEM);
    posw_prepared_clear(&whole);
}

static void expect(const posw_buf *bytes, enum posw_rule rule) {
    posw_prepared p;
    ok(posw_prepare(&p, bytes->data, bytes->size, &h_pow, NULL, NULL));
    assert_int_equal(p.verdict.kind, POSW_INVALID);
    if (p.verdict.rule != rule) fail_msg("%s", posw_rule_text(p.verdict.rule));
    posw_prepared_clear(&p);
}

static posw_buf encoded(const posw_header *h, const posw_bytes *txs, size_t count) {
    posw_buf b = {0};
    posw_block_encode(&b, h, txs, count);
    return b;
}

static void broken_rules(void **state) {
    world *w = *state;
    posw_header h = w->block.header;
    h_tx tx = h_transfer(0, 0, 2, 5);
    posw_bytes one = posw_buf_view(&tx.raw);
    posw_buf b = encoded(&h, &one, 1);
    expect(&b, POSW_RULE_TX_ROOT);
    posw_buf_clear(&b);
    h.mix_hash.b[3] ^= 1;
    b = encoded(&h, &one, 1);
    expect(&b, POSW_RULE_POW); /* before the root */
    posw_buf_clear(&b);
    /* r = 0 cannot be a signature: the decoder says so; r beyond every point: recovery does. */
    posw_tx t;
    assert_int_equal(posw_tx_decode(&t, one.data, one.size), POSW_TX_OK);
    posw_buf forged = {0};
    for (unsigned i = 0; i < 50; i++) {
        posw_address sender;
        t.signature.b[31]++;
        if (!posw_tx_sender(&sender, &t)) break;
    }
    posw_tx_encode(&forged, &t);
    one = posw_buf_view(&forged);
    h = w->block.header;
    ok(posw_trie_list_root(&h.transactions_root, &one, 1));
    const h_plan plan = {.ignore_target = true};
    const posw_hash no_key = {{0}};
    h_search(&h, &no_key, &POSW_U256_ONE, &plan);
    b = encoded(&h, &one, 1);
    expect(&b, POSW_RULE_TX_FORM);
    posw_buf_clear(&b);
    posw_buf_clear(&forged);
    posw_buf_clear(&tx.raw);
}

/* 8 MiB are a block, one byte more is not looked at. */
static void the_size_limit(void **state) {
    world *w = *state;
    posw_buf big = {0};
    memset(posw_buf_extend(&big, POSW_BLOCK_SIZE_MAX + 1), 0, POSW_BLOCK_SIZE_MAX + 1);
    expect(&big, POSW_RULE_BLOCK_SIZE);
    big.size--;
    expect(&big, POSW_RULE_HEADER_FORM);
    posw_buf_clear(&big);
    (void)w;
}

/* Cut anywhere or with any byte changed: a verdict, never a crash; what is still valid has the same hash or a changed
 * nonce-free part that nothing here checks. */
static void mutations(void **state) {
    world *w = *state;
    uint64_t random = 3;
    posw_prepared p;
    for (size_t size = 0; size < w->block.bytes.size; size++) {
        ok(posw_prepare(&p, w->block.bytes.data, size, &h_pow, NULL, NULL));
        assert_int_equal(p.verdict.kind, POSW_INVALID);
        posw_prepared_clear(&p);
    }
    for (int i = 0; i < 3000; i++) {
        uint8_t *at = &w->block.bytes.data[random_below(&random, w->block.bytes.size)];
        const uint8_t before = *at;
        *at ^= (uint8_t)(1 + random_below(&random, 255));
        ok(posw_prepare(&p, w->block.bytes.data, w->block.bytes.size, &h_pow, NULL, NULL));
        assert_true(p.verdict.kind == POSW_INVALID || p.block.tx_count == 3);
        posw_prepared_clear(&p);
        *at = before;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(known_senders_are_not_recovered, setup, teardown),
        cmocka_unit_test_setup_teardown(without_an_engine, setup, teardown),
        cmocka_unit_test_setup_teardown(an_engine_that_fails_is_no_verdict, setup, teardown),
        cmocka_unit_test_setup_teardown(around_a_known_header, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_rules, setup, teardown),
        cmocka_unit_test_setup_teardown(the_size_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(mutations, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
