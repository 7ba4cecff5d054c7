/* Suggested fees and fee history, recomputed from the blocks. */
#include "rpc/world.h"

#include "posw/economy.h"

/* A raw transfer with these fees (in gwei). */
static h_tx paying(unsigned from, uint64_t nonce, uint64_t max_gwei, uint64_t tip_gwei, uint64_t gas) {
    uint8_t secret[32];
    h_tx out = {.from = from};
    posw_tx tx = {.type = POSW_TX_DYNAMIC_FEE,
                  .is_protected = true,
                  .chain_id = 1337,
                  .nonce = nonce,
                  .gas_limit = gas,
                  .max_fee = posw_u256_from_u64(max_gwei * 1000000000),
                  .max_tip = posw_u256_from_u64(tip_gwei * 1000000000),
                  .has_to = true,
                  .to = h_address(7)};
    h_secret(secret, from);
    assert_true(posw_tx_sign(&out.raw, &tx, secret));
    return out;
}

static void test_empty_chain(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_text(&w, "0x3b9aca00", "eth_baseFee", "[]");
    w_text(&w, "0x5f5e100", "eth_maxPriorityFeePerGas", "[]"); /* a tenth of the least base fee */
    w_text(&w, "0x4190ab00", "eth_gasPrice", "[]");
    w_close(&w);
}

static void test_suggestion(void **state) {
    (void)state;
    world w;
    w_open(&w);
    for (unsigned i = 0; i < 5;
         i++) { /* tips 1..5 gwei; the lowest three count: 1, 2, 3 -> 60th percentile of three is the second */
        w_send_only(&w, paying(i + 1, 0, 100, i + 1, 21000));
    }
    w_mine(&w, 1);
    w_text(&w, "0x77359400", "eth_maxPriorityFeePerGas", "[]");
    w_text(&w, "0x77359400", "eth_maxPriorityFeePerGas", "[]"); /* remembered */
    /* Enough for the next block. */
    uint64_t price = w_number(&w, "eth_gasPrice", "[]"), base = w_number(&w, "eth_baseFee", "[]");
    assert_int_equal(price, base + 2000000000);
    /* Old blocks stop counting. */
    w_mine(&w, 20);
    w_text(&w, "0x5f5e100", "eth_maxPriorityFeePerGas", "[]");
    w_close(&w);
}

static void test_history_shape(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_send_only(&w, paying(1, 0, 100, 1, 21000));
    w_mine(&w, 3);
    json_t *h = w_call(&w, "eth_feeHistory", "[\"0x2\",\"latest\",[]]");
    assert_string_equal(w_string(h, "oldestBlock"), "0x2");
    assert_int_equal(json_array_size(json_object_get(h, "baseFeePerGas")), 3);
    assert_int_equal(json_array_size(json_object_get(h, "gasUsedRatio")), 2);
    assert_null(json_object_get(h, "reward"));
    assert_int_equal(json_object_size(h), 3);
    json_t *same = w_call(&w, "eth_feeHistory", "[2,\"pending\"]");
    assert_true(json_equal(h, same));
    json_decref(same);
    json_decref(h);
    h = w_call(&w, "eth_feeHistory", "[5000,\"0x1\",[0,50.5,100]]"); /* more than there are */
    assert_string_equal(w_string(h, "oldestBlock"), "0x0");
    assert_int_equal(json_array_size(json_object_get(h, "reward")), 2);
    assert_string_equal(json_string_value(json_array_get(json_array_get(json_object_get(h, "reward"), 0), 1)), "0x0");
    assert_string_equal(json_string_value(json_array_get(json_array_get(json_object_get(h, "reward"), 1), 1)),
                        "0x3b9aca00");
    json_decref(h);
    h = w_call(&w, "eth_feeHistory", "[0,\"latest\",[]]");
    assert_string_equal(w_string(h, "oldestBlock"), "0x0");
    json_decref(h);
    w_close(&w);
}

/* Base fees and ratios against headers, over blocks above and below the gas target. */
static void small_gas(posw_chain_spec *spec) {
    spec->params.gas_limit = 100000;
}

static void test_history_values(void **state) {
    (void)state;
    world w;
    const world_options o = {.change = small_gas};
    w_open_with(&w, &o);
    for (uint64_t i = 0; i < 12; i++) {
        for (unsigned k = 1; k <= (i % 4) + 1; k++)
            w_send_only(&w, paying(k, h_nonce(w.chain.chain, k), 1000, k, 21000));
        w_mine(&w, 1);
    }
    json_t *h = w_call(&w, "eth_feeHistory", "[13,\"latest\",[10,50,90]]");
    const json_t *fees = json_object_get(h, "baseFeePerGas"), *ratios = json_object_get(h, "gasUsedRatio"),
                 *rewards = json_object_get(h, "reward");
    assert_int_equal(json_array_size(fees), 14);
    assert_int_equal(json_array_size(rewards), 13);
    for (uint64_t n = 0; n <= 12; n++) {
        posw_chain_block_info info;
        ok(posw_chain_block_by_number(w.chain.chain, &info, n));
        assert_int_equal(w_u64_of(json_array_get(fees, n)), info.header.base_fee_wei);
        uint64_t next = posw_base_fee_next(&w.spec.params, n, info.header.base_fee_wei, info.header.gas_used);
        assert_int_equal(w_u64_of(json_array_get(fees, n + 1)), next);
        assert_true(json_number_value(json_array_get(ratios, n)) == (double)info.header.gas_used / 100000);
        /* k transfers with tips 1..k gwei and equal gas: the percentile's tip is the one at which its part of the gas
         * is reached */
        uint64_t k = info.header.gas_used / 21000;
        static const double PERCENT[] = {10, 50, 90};
        for (size_t p = 0; p < 3; p++) {
            uint64_t want = 0, sum = 0;
            for (uint64_t i = 1; i <= k; i++) {
                sum += 21000;
                want = i;
                if ((double)sum >= (double)info.header.gas_used * PERCENT[p] / 100) break;
            }
            assert_int_equal(w_u64_of(json_array_get(json_array_get(rewards, n), p)), want * 1000000000);
        }
    }
    assert_int_equal(w_number(&w, "eth_baseFee", "[]"), w_u64_of(json_array_get(fees, 13)));
    json_decref(h);
    w_close(&w);
}

/* The tip that counts is what was paid above the base fee. */
static void test_capped_tip(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_send_only(&w, paying(1, 0, 3, 3, 21000)); /* base fee 1 gwei, at most 3: pays 2 */
    w_mine(&w, 1);
    json_t *h = w_call(&w, "eth_feeHistory", "[1,\"latest\",[50]]");
    assert_string_equal(json_string_value(json_array_get(json_array_get(json_object_get(h, "reward"), 0), 0)),
                        "0x77359400");
    json_decref(h);
    w_text(&w, "0x77359400", "eth_maxPriorityFeePerGas", "[]");
    w_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_chain),    cmocka_unit_test(test_suggestion), cmocka_unit_test(test_history_shape),
        cmocka_unit_test(test_history_values), cmocka_unit_test(test_capped_tip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
