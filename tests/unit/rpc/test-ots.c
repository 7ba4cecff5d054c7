/* ots_* and erigon_getHeaderByNumber: against the standard methods, which have their own tests. */
#include "rpc/world.h"

#include "posw/economy.h"

static const char BLOCK_PARAMS[] = "[\"0x%" PRIx64 "\",%s]";

/* `part` has the members of `whole` but for those named, and nothing else but `extra` (NULL: none). */
static void expect_subset(const json_t *part, const json_t *whole, const char *const changed[], const char *extra) {
    const char *key;
    json_t *value;
    size_t differing = 0;
    json_object_foreach((json_t *)whole, key, value) {
        bool is_changed = false;
        for (size_t i = 0; changed[i] != NULL; i++)
            is_changed = is_changed || strcmp(changed[i], key) == 0;
        differing += is_changed && json_object_get(part, key) == NULL;
        if (!is_changed && !json_equal(json_object_get(part, key), value)) fail_msg("%s differs", key);
    }
    assert_int_equal(json_object_size(part), json_object_size(whole) - differing + (extra != NULL));
    if (extra != NULL) assert_non_null(json_object_get(part, extra));
}

static void test_level_and_header(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_mine(&w, 2);
    json_t *v = w_call(&w, "ots_getApiLevel", "[]");
    assert_int_equal(json_integer_value(v), 8);
    json_decref(v);
    json_t *block = w_call(&w, "eth_getBlockByNumber", "[\"0x2\",false]");
    for (int i = 0; i < 2; i++) { /* a JSON number, and a quantity */
        v = w_call(&w, "erigon_getHeaderByNumber", i == 0 ? "[2]" : "[\"0x2\"]");
        expect_subset(v, block, (const char *const[]){"transactions", "uncles", "size", "totalDifficulty", NULL}, NULL);
        json_decref(v);
    }
    json_decref(block);
    w_null(&w, "erigon_getHeaderByNumber", "[3]");
    w_close(&w);
}

/* Gas times price of a standard receipt. */
static posw_u256 fee_of(const json_t *receipt) {
    posw_u256 fee, price = w_u256(receipt, "effectiveGasPrice");
    assert_true(posw_u256_mul_u64(&fee, &price, w_u64(receipt, "gasUsed")));
    return fee;
}

static void treasury(posw_chain_spec *spec) {
    spec->params.treasury = h_address(9);
    spec->params.treasury_share = 1000;
}

static void test_details(void **state) {
    (void)state;
    world w;
    char *hashes[3];
    const world_options o = {.change = treasury};
    w_open_with(&w, &o);
    w_three_kinds(&w, hashes);
    json_t *d = w_call(&w, "ots_getBlockDetails", "[1]");
    json_t *again = w_call(&w, "ots_getBlockDetailsByHash", "[\"%s\"]", w_hash_at(&w, 1));
    json_t *block = w_call(&w, "eth_getBlockByNumber", "[\"0x1\",false]");
    json_t *receipts = w_call(&w, "eth_getBlockReceipts", "[\"0x1\"]");
    assert_true(json_equal(d, again));
    const json_t *b = json_object_get(d, "block"), *issuance = json_object_get(d, "issuance");
    expect_subset(b, block, (const char *const[]){"transactions", "logsBloom", NULL}, "transactionCount");
    assert_true(json_is_null(json_object_get(b, "logsBloom")));
    assert_int_equal(json_integer_value(json_object_get(b, "transactionCount")), 3);
    posw_u256 fees = POSW_U256_ZERO, got = w_u256(d, "totalFees");
    for (size_t i = 0; i < 3; i++) {
        const posw_u256 fee = fee_of(json_array_get(receipts, i));
        fees = posw_u256_add_sat(&fees, &fee);
    }
    assert_true(posw_u256_equal(&fees, &got));
    /* new coins: a tenth for the treasury */
    posw_u256 subsidy = posw_reward_subsidy(&w.spec.params, 1), ten = posw_u256_from_u64(10), part;
    got = w_u256(issuance, "issuance");
    assert_true(posw_u256_equal(&subsidy, &got) && !posw_u256_is_zero(&got));
    posw_u256_divmod(&part, NULL, &subsidy, &ten);
    const posw_u256 own = posw_u256_sub_sat(&subsidy, &part);
    got = w_u256(issuance, "blockReward");
    assert_true(posw_u256_equal(&own, &got));
    assert_string_equal(w_string(issuance, "uncleReward"), "0x0");
    json_decref(d);
    json_decref(again);
    json_decref(block);
    json_decref(receipts);
    d = w_call(&w, "ots_getBlockDetails", "[0]"); /* genesis has neither reward nor fees */
    assert_string_equal(w_string(json_object_get(d, "issuance"), "issuance"), "0x0");
    assert_string_equal(w_string(d, "totalFees"), "0x0");
    json_decref(d);
    w_null(&w, "ots_getBlockDetails", "[2]");
    w_null(&w, "ots_getBlockDetailsByHash", "[\"0x%064d\"]", 1);
    w_free_hashes(hashes);
    w_close(&w);
}

/* Pages of two from the end: {1, 2}, {0}, nothing. */
static void test_pages(void **state) {
    (void)state;
    static const size_t first[] = {1, 0, 0, 0}, count[] = {2, 1, 0, 0};
    static const uint64_t page[] = {0, 1, 2, UINT32_MAX};
    world w;
    char *hashes[3];
    w_open(&w);
    w_three_kinds(&w, hashes);
    json_t *block = w_call(&w, "eth_getBlockByNumber", BLOCK_PARAMS, (uint64_t)1, "true");
    json_t *receipts = w_call(&w, "eth_getBlockReceipts", "[\"0x1\"]");
    for (size_t k = 0; k < POSW_ARRAY_SIZE(page); k++) {
        json_t *p = w_call(&w, "ots_getBlockTransactions", "[1,%" PRIu64 ",2]", page[k]);
        const json_t *full = json_object_get(p, "fullblock"), *txs = json_object_get(full, "transactions");
        const json_t *brief = json_object_get(p, "receipts");
        assert_int_equal(json_integer_value(json_object_get(full, "transactionCount")), 3);
        assert_int_equal(json_array_size(txs), count[k]);
        assert_int_equal(json_array_size(brief), count[k]);
        for (size_t i = 0; i < count[k]; i++) {
            const json_t *tx = json_array_get(json_object_get(block, "transactions"), first[k] + i);
            const json_t *has = json_array_get(txs, i), *r = json_array_get(brief, i);
            expect_subset(has, tx, (const char *const[]){"input", NULL}, NULL);
            assert_memory_equal(w_string(has, "input"), w_string(tx, "input"), strlen(w_string(has, "input")));
            assert_true(strlen(w_string(has, "input")) <= 10);
            expect_subset(r, json_array_get(receipts, first[k] + i), (const char *const[]){"logs", "logsBloom", NULL},
                          "timestamp");
            assert_true(json_is_null(json_object_get(r, "logs")) && json_is_null(json_object_get(r, "logsBloom")));
            assert_int_equal(json_integer_value(json_object_get(r, "timestamp")), w_u64(block, "timestamp"));
        }
        json_decref(p);
    }
    json_decref(block);
    json_decref(receipts);
    w_null(&w, "ots_getBlockTransactions", "[2,0,25]");
    w_refused(&w, -32602, "invalid argument 2: 1001 is too large, at most 1000", "ots_getBlockTransactions",
              "[1,0,1001]");
    w_refused(&w, -32602, "invalid argument 2: a page has at least one transaction", "ots_getBlockTransactions",
              "[1,0,0]");
    w_free_hashes(hashes);
    w_close(&w);
}

static void test_code(void **state) {
    (void)state;
    world w;
    w_open(&w);
    json_t *v = w_call(&w, "ots_hasCode", "[\"" W_CONTRACT "\",\"latest\"]");
    assert_true(json_is_true(v));
    json_decref(v);
    v = w_call(&w, "ots_hasCode", "[\"%s\",0]", w_address(1));
    assert_true(json_is_false(v));
    json_decref(v);
    w_null(&w, "ots_getContractCreator", "[\"" W_CONTRACT "\"]");
    w_null(&w, "ots_getContractCreator", "[\"%s\"]", w_address(1));
    w_close(&w);
}

/* ---- inside a transaction ---- */

static void expect_reason(const char *hex, const char *part) {
    posw_buf data = {0};
    char reason[200] = "";
    const size_t size = strlen(hex) / 2 - 1;
    assert_true(posw_hex_decode_prefixed(posw_buf_extend(&data, size), size, hex, strlen(hex)));
    assert_true(posw_abi_revert_reason(reason, sizeof reason, posw_buf_view(&data)));
    assert_non_null(strstr(reason, part));
    posw_buf_clear(&data);
}

/* The reason depends on the transactions before it in the block, so the whole block is replayed. */
static void test_error(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_send_only(&w, h_stake(2, 0, 3, 50));
    w_send_only(&w, h_unstake(2, 1, 3, 20));
    char *failed = w_send(&w, h_unstake(2, 2, 3, 40)), *fine = w_send(&w, h_transfer(1, 0, 2, 5));
    w_mine(&w, 1);
    json_t *v = w_call(&w, "ots_getTransactionError", "[\"%s\"]", failed);
    expect_reason(json_string_value(v), "more than you have staked");
    json_t *trace = w_call(&w, "ots_traceTransaction", "[\"%s\"]", failed);
    assert_int_equal(json_array_size(trace), 1);
    assert_string_equal(w_string(json_array_get(trace, 0), "output"), json_string_value(v));
    json_decref(trace);
    json_decref(v);
    w_text(&w, "0x", "ots_getTransactionError", "[\"%s\"]", fine);
    w_null(&w, "ots_getTransactionError", "[\"0x%064d\"]", 7);
    w_null(&w, "ots_traceTransaction", "[\"0x%064d\"]", 7);
    /* Long after: that a success gave nothing is known; what a failure gave needs the state of then. */
    w_mine(&w, 200);
    w_text(&w, "0x", "ots_getTransactionError", "[\"%s\"]", fine);
    v = w_error(&w, "ots_getTransactionError", "[\"%s\"]", failed);
    assert_non_null(strstr(w_string(v, "message"), "the state of block 0 is not kept"));
    json_decref(v);
    free(failed);
    free(fine);
    w_close(&w);
}

static h_tx withdraw(unsigned from, uint64_t nonce) {
    posw_buf input = {0};
    posw_abi_append_selector(&input, "withdraw()");
    const h_tx tx = h_call(from, nonce, &POSW_STAKING_ADDRESS, POSW_U256_ZERO, posw_buf_view(&input), 200000);
    posw_buf_clear(&input);
    return tx;
}

static void test_withdrawal(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_send_only(&w, h_stake(2, 0, 3, 50));
    w_send_only(&w, h_unstake(2, 1, 3, 20));
    char *transfer = w_send(&w, h_transfer(1, 0, 2, 5));
    w_mine(&w, H_UNBONDING + 2);
    char *hash = w_send(&w, withdraw(2, 2));
    w_mine(&w, 1);
    const posw_u256 coins = h_coins(20);
    json_t *ops = w_call(&w, "ots_getInternalOperations", "[\"%s\"]", hash);
    json_t *trace = w_call(&w, "ots_traceTransaction", "[\"%s\"]", hash);
    assert_int_equal(json_array_size(ops), 1);
    assert_int_equal(json_array_size(trace), 2);
    const json_t *op = json_array_get(ops, 0), *outer = json_array_get(trace, 0), *inner = json_array_get(trace, 1);
    const posw_u256 paid = w_u256(op, "value"), moved = w_u256(inner, "value");
    assert_int_equal(json_integer_value(json_object_get(op, "type")), 0);
    assert_string_equal(w_string(op, "from"), W_CONTRACT);
    assert_string_equal(w_string(op, "to"), w_address(2));
    assert_true(posw_u256_equal(&paid, &coins) && posw_u256_equal(&moved, &coins));
    assert_string_equal(w_string(outer, "from"), w_address(2));
    assert_string_equal(w_string(outer, "to"), W_CONTRACT);
    assert_string_equal(w_string(outer, "type"), "CALL");
    assert_int_equal(json_integer_value(json_object_get(inner, "depth")), 1);
    assert_string_equal(w_string(inner, "from"), W_CONTRACT);
    json_decref(ops);
    json_decref(trace);
    ops = w_call(&w, "ots_getInternalOperations", "[\"%s\"]", transfer);
    assert_int_equal(json_array_size(ops), 0);
    json_decref(ops);
    ops = w_call(&w, "ots_getInternalOperations", "[\"0x%064d\"]", 7);
    assert_int_equal(json_array_size(ops), 0);
    json_decref(ops);
    free(hash);
    free(transfer);
    w_close(&w);
}

/* ---- searching ---- */

/* Blocks with up to five transactions among keys 1 to 3, some empty. */
static void busy_chain(world *w) {
    uint64_t random = 5, nonce[4] = {0};
    for (int i = 0; i < 25; i++) {
        for (uint64_t k = random_below(&random, 6); k > 0; k--) {
            const unsigned from = 1 + (unsigned)random_below(&random, 3), to = 1 + (unsigned)random_below(&random, 4);
            w_send_only(w, h_transfer(from, nonce[from]++, to, 1));
        }
        w_mine(w, 1 + random_below(&random, 2));
    }
}

/* Every transaction of the address, newest first, by the standard methods. */
static json_t *all_of(world *w, const char *address) {
    json_t *list = json_array();
    for (uint64_t n = w_number(w, "eth_blockNumber", "[]"); n > 0; n--) {
        json_t *block = w_call(w, "eth_getBlockByNumber", BLOCK_PARAMS, n, "true");
        const json_t *txs = json_object_get(block, "transactions");
        for (size_t i = json_array_size(txs); i-- > 0;) {
            json_t *tx = json_array_get(txs, i);
            if (strcmp(w_string(tx, "from"), address) == 0 || strcmp(w_string(tx, "to"), address) == 0)
                json_array_append(list, tx);
        }
        json_decref(block);
    }
    return list;
}

/* Pages from one end to the other are all of it, once, in order. */
static void walk_pages(world *w, const char *address, const json_t *want, uint64_t size, bool after) {
    json_t *got = json_array();
    uint64_t from = 0;
    for (bool last = false, first = true; !last; first = false) {
        json_t *p = w_call(w, after ? "ots_searchTransactionsAfter" : "ots_searchTransactionsBefore",
                           "[\"%s\",%" PRIu64 ",%" PRIu64 "]", address, from, size);
        json_t *txs = json_object_get(p, "txs"), *receipts = json_object_get(p, "receipts");
        assert_int_equal(json_is_true(json_object_get(p, after ? "lastPage" : "firstPage")), first);
        last = json_is_true(json_object_get(p, after ? "firstPage" : "lastPage"));
        assert_int_equal(json_array_size(txs), json_array_size(receipts));
        assert_true(last || json_array_size(txs) >= size);
        for (size_t i = 0; i < json_array_size(receipts); i++) {
            const json_t *r = json_array_get(receipts, i);
            json_t *standard = w_call(w, "eth_getTransactionReceipt", "[\"%s\"]", w_string(r, "transactionHash"));
            assert_string_equal(w_string(r, "transactionHash"), w_string(json_array_get(txs, i), "hash"));
            expect_subset(r, standard, (const char *const[]){NULL}, "timestamp");
            json_decref(standard);
        }
        if (after) { /* newer pages come before */
            json_array_extend(txs, got);
            json_decref(got);
            got = json_incref(txs);
            if (json_array_size(txs) > 0) from = w_u64(json_array_get(txs, 0), "blockNumber");
        } else {
            json_array_extend(got, txs);
            if (json_array_size(got) > 0) from = w_u64(json_array_get(got, json_array_size(got) - 1), "blockNumber");
        }
        json_decref(p);
    }
    assert_true(json_equal(got, want));
    json_decref(got);
}

static void test_search(void **state) {
    (void)state;
    static const uint64_t sizes[] = {1, 2, 7, 100};
    world w;
    w_open(&w);
    busy_chain(&w);
    for (unsigned key = 1; key <= 5; key++) { /* 5 has none */
        const char *address = w_address(key);
        char text[64];
        snprintf(text, sizeof text, "%s", address);
        json_t *want = all_of(&w, text);
        assert_int_equal(json_array_size(want) > 0, key != 5);
        for (size_t i = 0; i < POSW_ARRAY_SIZE(sizes); i++)
            for (int after = 0; after < 2; after++)
                walk_pages(&w, text, want, sizes[i], after);
        json_decref(want);
    }
    const char *const method = "ots_searchTransactionsBefore";
    w_refused(&w, -32602, "invalid argument 2: 101 is too large, at most 100", method, "[\"" W_CONTRACT "\",0,101]");
    w_refused(&w, -32602, "invalid argument 2: a page has at least one transaction", method,
              "[\"" W_CONTRACT "\",0,0]");
    w_close(&w);
}

static void test_by_nonce(void **state) {
    (void)state;
    world w;
    w_open(&w);
    busy_chain(&w);
    json_t *all = all_of(&w, w_address(1));
    size_t sent = 0;
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *tx = json_array_get(all, i);
        if (strcmp(w_string(tx, "from"), w_address(1)) != 0) continue;
        sent++;
        w_text(&w, w_string(tx, "hash"), "ots_getTransactionBySenderAndNonce", "[\"%s\",%" PRIu64 "]", w_address(1),
               w_u64(tx, "nonce"));
    }
    assert_true(sent > 10);
    w_null(&w, "ots_getTransactionBySenderAndNonce", "[\"%s\",%zu]", w_address(1), sent);
    w_null(&w, "ots_getTransactionBySenderAndNonce", "[\"%s\",0]", w_address(5));
    json_decref(all);
    w_close(&w);
}

/* What a search may look at: just enough, and one too few. */
static void test_search_limits(void **state) {
    (void)state;
    for (int short_by = 0; short_by < 2; short_by++) {
        world w;
        const world_options o = {.rpc = {.search_blocks_max = 10 - (uint64_t)short_by}};
        w_open_with(&w, &o);
        char *hash = w_send(&w, h_transfer(1, 0, 2, 5));
        w_mine(&w, 10); /* it is in the first */
        if (short_by == 0) {
            json_t *p = w_call(&w, "ots_searchTransactionsBefore", "[\"%s\",0,25]", w_address(1));
            assert_int_equal(json_array_size(json_object_get(p, "txs")), 1);
            json_decref(p);
            w_text(&w, hash, "ots_getTransactionBySenderAndNonce", "[\"%s\",0]", w_address(1));
        } else {
            json_t *e = w_error(&w, "ots_searchTransactionsBefore", "[\"%s\",0,25]", w_address(1));
            assert_non_null(strstr(w_string(e, "message"), "stopped before block 1, after 9 blocks"));
            json_decref(e);
            e = w_error(&w, "ots_getTransactionBySenderAndNonce", "[\"%s\",0]", w_address(1));
            assert_non_null(strstr(w_string(e, "message"), "older than block 1"));
            json_decref(e);
            /* asked again from there, it is found */
            json_t *p = w_call(&w, "ots_searchTransactionsBefore", "[\"%s\",2,25]", w_address(1));
            assert_int_equal(json_array_size(json_object_get(p, "txs")), 1);
            json_decref(p);
            /* and what was found before the limit is a page with more to come */
            w_send_only(&w, h_transfer(1, 1, 2, 5));
            w_mine(&w, 1);
            p = w_call(&w, "ots_searchTransactionsBefore", "[\"%s\",0,25]", w_address(1));
            assert_int_equal(json_array_size(json_object_get(p, "txs")), 1);
            assert_true(json_is_false(json_object_get(p, "lastPage")));
            json_decref(p);
        }
        free(hash);
        w_close(&w);
    }
    /* by transactions: two blocks with two each, of which one may be looked at */
    world w;
    const world_options o = {.rpc = {.search_txs_max = 2}};
    w_open_with(&w, &o);
    for (uint64_t k = 0; k < 4; k++) {
        w_send_only(&w, h_transfer(1, k, 2, 5));
        if (k % 2 == 1) w_mine(&w, 1);
    }
    json_t *p = w_call(&w, "ots_searchTransactionsBefore", "[\"%s\",0,25]", w_address(1));
    assert_int_equal(json_array_size(json_object_get(p, "txs")), 2);
    assert_true(json_is_false(json_object_get(p, "lastPage")));
    json_decref(p);
    w_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_level_and_header),
        cmocka_unit_test(test_details),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_code),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_withdrawal),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_by_nonce),
        cmocka_unit_test(test_search_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
