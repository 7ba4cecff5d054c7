/* What is taken and what is refused, with which words: clients match them. */
#include "mempool/pool.h"

static int setup(void **state) {
    p_world *w = malloc(sizeof *w);
    p_open(w);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    p_close(*state);
    free(*state);
    return 0;
}

static void says(p_world *w, unsigned from, posw_tx tx, enum posw_mempool_refusal refusal, const char *text) {
    posw_message msg = {""};
    size_t before = w->pool->tx_count;
    assert_int_equal(p_add_says(w, from, &tx, &msg), refusal);
    assert_string_equal(msg.text, text);
    assert_int_equal(w->pool->tx_count, before);
}

static void raw_says(p_world *w, posw_bytes raw, enum posw_mempool_refusal refusal, const char *text) {
    posw_message msg = {""};
    assert_int_equal(p_add_raw(w, raw, &msg), refusal);
    assert_string_equal(msg.text, text);
    assert_int_equal(w->pool->tx_count, 0);
}

/* ---- the transaction alone ---- */

static void takes_all_three_types(void **state) {
    p_world *w = *state;
    posw_tx tx = p_tx(0);
    enum posw_mempool_refusal refusal;
    posw_hash hash;
    for (int type = 0; type <= 2; type++) {
        tx.type = (enum posw_tx_type)type;
        tx.nonce = (uint64_t)type;
        tx.max_tip = type == 2 ? posw_u256_from_u64(P_GWEI) : tx.max_fee;
        h_tx t = p_sign(1, &tx);
        ok(posw_mempool_add(w->pool, &refusal, NULL, &hash, t.raw.data, t.raw.size, NULL, P_NOW));
        assert_int_equal(refusal, POSW_MEMPOOL_ACCEPTED);
        const posw_hash expected = p_hash(&t);
        assert_true(posw_hash_equal(&hash, &expected));
        const posw_mempool_entry *e = posw_mempool_find(w->pool, &hash);
        const posw_address from = h_address(1);
        posw_address found;
        assert_non_null(e);
        assert_true(posw_address_equal(&e->sender, &from));
        assert_true(posw_mempool_sender(w->pool, &found, &hash) && posw_address_equal(&found, &from));
        assert_int_equal(e->tx.type, type);
        assert_int_equal(e->tx.raw.size, t.raw.size);
        assert_memory_equal(e->tx.raw.data, t.raw.data, t.raw.size);
        assert_int_equal(e->added_s, P_NOW);
        assert_true(e->pending);
        posw_buf_clear(&t.raw);
    }
    p_expect(w, 3, 0);
}

static void refuses_what_is_not_a_transaction(void **state) {
    p_world *w = *state;
    const char *malformed = "the transaction is malformed: it is not canonical RLP of a signed transaction";
    h_tx t = h_transfer(1, 0, 2, 1);
    raw_says(w, (posw_bytes){NULL, 0}, POSW_MEMPOOL_MALFORMED, malformed);
    raw_says(w, posw_bytes_of("\x80", 1), POSW_MEMPOOL_MALFORMED, malformed);
    raw_says(w, posw_bytes_of("\xc0", 1), POSW_MEMPOOL_MALFORMED, malformed);
    for (size_t cut = 1; cut < t.raw.size; cut++)
        raw_says(w, posw_bytes_of(t.raw.data, cut), POSW_MEMPOOL_MALFORMED, malformed);
    posw_buf_byte(&t.raw, 0);
    raw_says(w, posw_buf_view(&t.raw), POSW_MEMPOOL_MALFORMED, malformed);
    t.raw.size--;
    t.raw.data[0] = 3;
    raw_says(w, posw_buf_view(&t.raw), POSW_MEMPOOL_TYPE,
             "transaction type not supported: type 3 is a transaction type not valid here; this chain takes types 0, 1 "
             "and 2");
    t.raw.data[0] = 0x7f;
    raw_says(w, posw_buf_view(&t.raw), POSW_MEMPOOL_TYPE,
             "transaction type not supported: type 127 is a transaction type not valid here; this chain takes types 0, "
             "1 and 2");
    posw_buf_clear(&t.raw);
}

/* s of the other half of the group (EIP-2); an r that is no point. */
static void refuses_bad_signatures(void **state) {
    p_world *w = *state;
    posw_tx tx = p_tx(0);
    posw_buf raw = {0};
    memset(tx.signature.b, 0x11, 64);
    tx.signature.b[32] = 0xfe;
    posw_tx_encode(&raw, &tx);
    raw_says(w, posw_buf_view(&raw), POSW_MEMPOOL_SIGNATURE, "invalid sender: the signature is out of range");
    posw_buf_reset(&raw);
    memset(tx.signature.b, 0, 65);
    tx.signature.b[31] = 5; /* x = 5 is not on the curve */
    tx.signature.b[63] = 1;
    posw_tx_encode(&raw, &tx);
    raw_says(w, posw_buf_view(&raw), POSW_MEMPOOL_SIGNATURE, "invalid sender: no key made this signature");
    posw_buf_clear(&raw);
}

static void refuses_other_chains(void **state) {
    p_world *w = *state;
    posw_tx tx = p_tx(0);
    tx.chain_id = 1;
    says(w, 1, tx, POSW_MEMPOOL_CHAIN_ID, "invalid chain id for signer: have 1 want 1337");
    tx.type = POSW_TX_LEGACY;
    tx.max_tip = tx.max_fee;
    says(w, 1, tx, POSW_MEMPOOL_CHAIN_ID, "invalid chain id for signer: have 1 want 1337");
    tx.is_protected = false;
    tx.chain_id = 0;
    says(w, 1, tx, POSW_MEMPOOL_UNPROTECTED, "only replay-protected (EIP-155) transactions allowed over RPC");
}

static void refuses_contract_creation(void **state) {
    posw_tx tx = p_tx(0);
    tx.has_to = false;
    tx.gas_limit = 100000;
    says(*state, 1, tx, POSW_MEMPOOL_CREATES_CONTRACT,
         "contract creation is not supported: this chain has no contract VM; set 'to'");
}

static void gas_limits(void **state) {
    p_world *w = *state;
    posw_tx tx = p_tx(0);
    tx.gas_limit = 20999;
    says(w, 1, tx, POSW_MEMPOOL_INTRINSIC_GAS, "intrinsic gas too low: gas 20999, minimum needed 21000");
    tx.input = posw_bytes_of("\0\1", 2); /* 4 + 16 */
    tx.gas_limit = 21019;
    says(w, 1, tx, POSW_MEMPOOL_INTRINSIC_GAS, "intrinsic gas too low: gas 21019, minimum needed 21020");
    tx.gas_limit = 30000001;
    says(w, 1, tx, POSW_MEMPOOL_GAS_LIMIT, "exceeds block gas limit: gas 30000001, limit 30000000");
    tx.gas_limit = 30000000;
    assert_int_equal(p_add(w, 1, tx), POSW_MEMPOOL_ACCEPTED);
}

static void size_limit(void **state) {
    p_world *w = *state;
    posw_tx tx = p_tx(0);
    uint8_t *input = calloc(1, POSW_TX_SIZE_MAX);
    tx.gas_limit = 30000000;
    tx.input = posw_bytes_of(input, POSW_TX_SIZE_MAX - 1000);
    h_tx t = p_sign(1, &tx);
    tx.input.size += POSW_TX_SIZE_MAX - t.raw.size; /* exactly the limit */
    posw_buf_clear(&t.raw);
    t = p_sign(1, &tx);
    assert_int_equal(t.raw.size, POSW_TX_SIZE_MAX);
    tx.input.size++;
    says(w, 1, tx, POSW_MEMPOOL_SIZE, "oversized data: transaction size 131073, limit 131072");
    /* With its blobs a transaction of type 3 is always larger: what is wrong with it is its type. */
    uint8_t *blobs = calloc(2, POSW_TX_SIZE_MAX);
    blobs[0] = 3;
    raw_says(w, posw_bytes_of(blobs, (size_t)2 * POSW_TX_SIZE_MAX), POSW_MEMPOOL_TYPE,
             "transaction type not supported: type 3 is a transaction type not valid here; this chain takes types 0, 1 "
             "and 2");
    free(blobs);
    assert_int_equal(p_add_raw(w, posw_buf_view(&t.raw), NULL), POSW_MEMPOOL_ACCEPTED);
    posw_buf_clear(&t.raw);
    free(input);
}

static void fees(void **state) {
    p_world *w = *state;
    posw_tx tx = p_tx(0);
    tx.max_tip = posw_u256_from_u64(100 * P_GWEI + 1);
    says(w, 1, tx, POSW_MEMPOOL_TIP_ABOVE_MAX,
         "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: 100000000001, maxFeePerGas: "
         "100000000000");
    const uint64_t minimum = w->spec.params.base_fee_min_wei;
    char text[200];
    tx.max_fee = tx.max_tip = posw_u256_from_u64(minimum - 1);
    snprintf(text, sizeof text, "transaction underpriced: maxFeePerGas %llu, the chain's minimum base fee is %llu",
             (unsigned long long)minimum - 1, (unsigned long long)minimum);
    says(w, 1, tx, POSW_MEMPOOL_UNDERPRICED, text);
    tx.max_fee = posw_u256_from_u64(minimum);
    tx.max_tip = POSW_U256_ZERO;
    assert_int_equal(p_add(w, 1, tx), POSW_MEMPOOL_ACCEPTED);
}

/* ---- the sender ---- */

static void known(void **state) {
    p_world *w = *state;
    assert_int_equal(p_add(w, 1, p_tx(0)), POSW_MEMPOOL_ACCEPTED);
    says(w, 1, p_tx(0), POSW_MEMPOOL_KNOWN, "already known");
}

static void nonces(void **state) {
    p_world *w = *state;
    h_plan plan = {.miner = 0, .tx_count = 5};
    for (uint64_t i = 0; i < 5; i++)
        plan.txs[i] = h_transfer(1, i, 2, 1);
    p_mine(w, &plan);
    says(w, 1, p_tx(4), POSW_MEMPOOL_NONCE_LOW, "nonce too low: next nonce 5, tx nonce 4");
    says(w, 1, p_tx(0), POSW_MEMPOOL_NONCE_LOW, "nonce too low: next nonce 5, tx nonce 0");
    says(w, 1, p_tx(UINT64_MAX), POSW_MEMPOOL_NONCE_MAX, "nonce has max value: 2^64-1");
    says(w, 1, p_tx(UINT64_MAX - 1), POSW_MEMPOOL_NONCE_HIGH,
         "nonce too high: next nonce 5, tx nonce 18446744073709551614");
    assert_int_equal(p_next(w, 1), 5);
    assert_int_equal(p_add(w, 1, p_tx(5)), POSW_MEMPOOL_ACCEPTED);
    assert_int_equal(p_next(w, 1), 6);
}

static void gaps_are_filled(void **state) {
    p_world *w = *state;
    assert_int_equal(p_add(w, 1, p_tx(3)), POSW_MEMPOOL_ACCEPTED);
    p_expect(w, 0, 1);
    assert_int_equal(p_next(w, 1), 0);
    assert_int_equal(p_add(w, 1, p_tx(1)), POSW_MEMPOOL_ACCEPTED);
    p_expect(w, 0, 2);
    assert_int_equal(p_add(w, 1, p_tx(0)), POSW_MEMPOOL_ACCEPTED);
    p_expect(w, 2, 1);
    assert_int_equal(p_next(w, 1), 2);
    assert_int_equal(p_add(w, 1, p_tx(2)), POSW_MEMPOOL_ACCEPTED);
    p_expect(w, 4, 0);
    assert_int_equal(p_next(w, 1), 4);
}

static void funds_of_one(void **state) {
    p_world *w = *state;
    posw_tx tx = p_tx(0);
    const posw_u256 gas = posw_u256_from_u64(21000 * 100 * P_GWEI), all = h_coins(10000);
    assert_true(posw_u256_sub(&tx.value, &all, &gas)); /* exactly what there is */
    assert_int_equal(p_add(w, 1, tx), POSW_MEMPOOL_ACCEPTED);
    posw_tx more = tx;
    assert_true(posw_u256_add(&more.value, &tx.value, &POSW_U256_ONE));
    says(w, 2, more, POSW_MEMPOOL_FUNDS,
         "insufficient funds for gas * price + value: balance 10000000000000000000000, tx cost "
         "10000000000000000000001, overshot 1");
    tx.value = POSW_U256_MAX;
    posw_message msg;
    assert_int_equal(p_add_says(w, 2, &tx, &msg), POSW_MEMPOOL_FUNDS); /* the sum does not wrap around */
    tx = p_tx(0);
    tx.max_fee = POSW_U256_MAX;
    assert_int_equal(p_add_says(w, 2, &tx, &msg), POSW_MEMPOOL_FUNDS); /* nor the product */
    says(w, 20, p_tx(0), POSW_MEMPOOL_FUNDS,
         "insufficient funds for gas * price + value: balance 0, tx cost 2100000000000001, overshot 2100000000000001");
}

static void funds_of_all_before(void **state) {
    p_world *w = *state;
    posw_tx tx = p_tx(0);
    const posw_u256 gas = posw_u256_from_u64(21000 * 100 * P_GWEI), half = h_coins(5000);
    assert_true(posw_u256_sub(&tx.value, &half, &gas));
    assert_int_equal(p_add(w, 1, tx), POSW_MEMPOOL_ACCEPTED);
    posw_tx next = tx;
    next.nonce = 1;
    assert_true(posw_u256_add(&next.value, &tx.value, &POSW_U256_ONE));
    says(w, 1, next, POSW_MEMPOOL_FUNDS,
         "insufficient funds for gas * price + value: balance 10000000000000000000000, queued cost "
         "10000000000000000000001, overshot 1");
    next.value = tx.value;
    assert_int_equal(p_add(w, 1, next), POSW_MEMPOOL_ACCEPTED);
    p_expect(w, 2, 0);
    /* nor does a dearer first one take the money away from the second */
    tx.max_fee = posw_u256_from_u64(200 * P_GWEI);
    tx.max_tip = posw_u256_from_u64(2 * P_GWEI);
    says(w, 1, tx, POSW_MEMPOOL_FUNDS,
         "insufficient funds for gas * price + value: balance 10000000000000000000000, queued cost "
         "10000002100000000000000, overshot 2100000000000000");
    p_expect(w, 2, 0);
    /* unless a cheaper second one leaves it some, which must outbid what it replaces */
    next.value = POSW_U256_ONE;
    says(w, 1, next, POSW_MEMPOOL_REPLACEMENT,
         "replacement transaction underpriced: offer at least 10 % more in every fee field");
    next.max_fee = posw_u256_from_u64(110 * P_GWEI);
    next.max_tip = posw_u256_from_u64(P_GWEI / 10 * 11);
    assert_int_equal(p_add(w, 1, next), POSW_MEMPOOL_ACCEPTED);
    assert_int_equal(p_add(w, 1, tx), POSW_MEMPOOL_ACCEPTED);
    p_expect(w, 2, 0);
}

/* ---- replacement ---- */

static void offers(p_world *w, uint64_t fee, uint64_t tip, bool taken) {
    posw_tx tx = p_tx(0);
    tx.max_fee = posw_u256_from_u64(fee);
    tx.max_tip = posw_u256_from_u64(tip);
    if (taken)
        assert_int_equal(p_add(w, 1, tx), POSW_MEMPOOL_ACCEPTED);
    else
        says(w, 1, tx, POSW_MEMPOOL_REPLACEMENT,
             "replacement transaction underpriced: offer at least 10 % more in every fee field");
    p_expect(w, 1, 0);
}

static void replacement_at_the_edge(void **state) {
    p_world *w = *state;
    offers(w, 100 * P_GWEI, P_GWEI, true);
    offers(w, 110 * P_GWEI, P_GWEI + P_GWEI / 10 - 1, false);
    offers(w, 110 * P_GWEI - 1, P_GWEI + P_GWEI / 10, false);
    offers(w, 110 * P_GWEI - 1, 50 * P_GWEI, false);
    offers(w, 500 * P_GWEI, P_GWEI, false);
    assert_true(p_has(w, 1, p_tx(0)));
    offers(w, 110 * P_GWEI, P_GWEI + P_GWEI / 10, true);
    assert_false(p_has(w, 1, p_tx(0)));
    offers(w, 121 * P_GWEI, P_GWEI + P_GWEI / 10 * 2 + P_GWEI / 100 - 1, false);
    offers(w, 121 * P_GWEI, P_GWEI + P_GWEI / 10 * 2 + P_GWEI / 100, true);
}

static void replacement_of_small_tips(void **state) {
    p_world *w = *state;
    offers(w, 100 * P_GWEI, 0, true);
    offers(w, 110 * P_GWEI, 0, true); /* 10 % of nothing */
    offers(w, 121 * P_GWEI, 1, true);
    offers(w, 200 * P_GWEI, 1, false);
    offers(w, 200 * P_GWEI, 2, true);
    offers(w, 300 * P_GWEI, 19, true);
    offers(w, 400 * P_GWEI, 19, false);
    offers(w, 400 * P_GWEI, 20, true); /* 19 and a tenth, rounded down */
}

static void replacement_keeps_the_queue(void **state) {
    p_world *w = *state;
    for (uint64_t n = 0; n < 5; n++)
        assert_int_equal(p_add(w, 1, p_tx(n)), POSW_MEMPOOL_ACCEPTED);
    assert_int_equal(p_add(w, 1, p_tx(7)), POSW_MEMPOOL_ACCEPTED);
    p_expect(w, 5, 1);
    const uint64_t replaced[] = {2, 0, 4, 7};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(replaced); i++) {
        posw_tx tx = p_tx_tip(replaced[i], 2);
        tx.max_fee = posw_u256_from_u64(200 * P_GWEI);
        assert_int_equal(p_add(w, 1, tx), POSW_MEMPOOL_ACCEPTED);
        assert_true(p_has(w, 1, tx));
        assert_false(p_has(w, 1, p_tx(replaced[i])));
        p_expect(w, 5, 1);
    }
}

static void replacing_the_only_one(void **state) {
    p_world *w = *state;
    assert_int_equal(p_add(w, 1, p_tx(2)), POSW_MEMPOOL_ACCEPTED);
    posw_tx tx = p_tx_tip(2, 2);
    tx.max_fee = posw_u256_from_u64(200 * P_GWEI);
    assert_int_equal(p_add(w, 1, tx), POSW_MEMPOOL_ACCEPTED);
    p_expect(w, 0, 1);
}

/* ---- limits of one sender ---- */

static void sender_queued_limit(void **state) {
    p_world w;
    (void)state;
    posw_mempool_options o = p_options();
    o.sender_queued_max = 3;
    p_open_with(&w, &o, NULL);
    for (uint64_t n = 5; n < 8; n++)
        assert_int_equal(p_add(&w, 1, p_tx(n)), POSW_MEMPOOL_ACCEPTED);
    says(&w, 1, p_tx(8), POSW_MEMPOOL_NONCE_HIGH,
         "nonce too high: next nonce 0, tx nonce 8 and 3 transactions are already waiting behind the gap");
    says(&w, 1, p_tx(1), POSW_MEMPOOL_NONCE_HIGH,
         "nonce too high: next nonce 0, tx nonce 1 and 3 transactions are already waiting behind the gap");
    posw_tx better = p_tx_tip(6, 3);
    better.max_fee = posw_u256_from_u64(300 * P_GWEI);
    assert_int_equal(p_add(&w, 1, better), POSW_MEMPOOL_ACCEPTED); /* a replacement adds none */
    for (uint64_t n = 0; n < 4; n++)
        assert_int_equal(p_add(&w, 1, p_tx(n)), POSW_MEMPOOL_ACCEPTED);
    p_expect(&w, 4, 3);
    assert_int_equal(p_add(&w, 1, p_tx(4)), POSW_MEMPOOL_ACCEPTED);
    p_expect(&w, 8, 0);
    assert_int_equal(p_add(&w, 2, p_tx(9)), POSW_MEMPOOL_ACCEPTED); /* another sender has its own */
    p_close(&w);
}

static void sender_pending_limit(void **state) {
    p_world w;
    (void)state;
    posw_mempool_options o = p_options();
    o.sender_pending_max = 4;
    p_open_with(&w, &o, NULL);
    says(&w, 1, p_tx(4), POSW_MEMPOOL_NONCE_HIGH, "nonce too high: next nonce 0, tx nonce 4");
    assert_int_equal(p_add(&w, 1, p_tx(3)), POSW_MEMPOOL_ACCEPTED);
    for (uint64_t n = 0; n < 3; n++)
        assert_int_equal(p_add(&w, 1, p_tx(n)), POSW_MEMPOOL_ACCEPTED);
    says(&w, 1, p_tx(4), POSW_MEMPOOL_NONCE_HIGH, "nonce too high: next nonce 4, tx nonce 4");
    h_plan plan = {.miner = 0, .tx_count = 1};
    posw_tx first = p_tx(0);
    plan.txs[0] = p_sign(1, &first);
    p_mine(&w, &plan);
    p_expect(&w, 3, 0);
    assert_int_equal(p_add(&w, 1, p_tx(4)), POSW_MEMPOOL_ACCEPTED);
    p_expect(&w, 4, 0);
    p_close(&w);
}

/* A sender whose key is known to the caller is not recovered, only believed. */
static void a_given_sender_is_believed(void **state) {
    p_world *w = *state;
    const posw_address other = h_address(2);
    enum posw_mempool_refusal refusal;
    h_tx t = h_transfer(1, 0, 3, 1);
    ok(posw_mempool_add(w->pool, &refusal, NULL, NULL, t.raw.data, t.raw.size, &other, P_NOW));
    assert_int_equal(refusal, POSW_MEMPOOL_ACCEPTED);
    assert_int_equal(p_next(w, 2), 1);
    assert_int_equal(p_next(w, 1), 0);
    posw_buf_clear(&t.raw);
}

/* An operating error is no refusal: the pool stays as it was. */
static void store_fault(void **state) {
    p_world *w = *state;
    h_reopen(&w->node); /* nothing of the state is in memory */
    posw_mempool_free(w->pool);
    const posw_mempool_options o = p_options();
    ok(posw_mempool_new(&w->pool, w->node.chain, &o));
    h_tx t = h_transfer(3, 0, 2, 1);
    enum posw_mempool_refusal refusal;
    posw_store_memory_fail(w->node.store, 1, POSW_EIO, true);
    const int rc = posw_mempool_add(w->pool, &refusal, NULL, NULL, t.raw.data, t.raw.size, NULL, P_NOW);
    posw_store_memory_fail(w->node.store, 0, POSW_OK, false);
    assert_int_equal(rc, POSW_EIO);
    p_check(w->pool);
    p_expect(w, 0, 0);
    assert_int_equal(p_add_raw(w, posw_buf_view(&t.raw), NULL), POSW_MEMPOOL_ACCEPTED);
    posw_buf_clear(&t.raw);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(takes_all_three_types),
        TEST(refuses_what_is_not_a_transaction),
        TEST(refuses_bad_signatures),
        TEST(refuses_other_chains),
        TEST(refuses_contract_creation),
        TEST(gas_limits),
        TEST(size_limit),
        TEST(fees),
        TEST(known),
        TEST(nonces),
        TEST(gaps_are_filled),
        TEST(funds_of_one),
        TEST(funds_of_all_before),
        TEST(replacement_at_the_edge),
        TEST(replacement_of_small_tips),
        TEST(replacement_keeps_the_queue),
        TEST(replacing_the_only_one),
        cmocka_unit_test(sender_queued_limit),
        cmocka_unit_test(sender_pending_limit),
        TEST(a_given_sender_is_believed),
        TEST(store_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
