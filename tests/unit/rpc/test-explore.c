/* What an explorer asks for: samples of a range, summaries, rows of transactions, the search of an account, shares of
 * miners, the newest of the pool; each at its limit. */
#include "rpc/world.h"

#include "posw/economy.h"
#include "posw/seal.h"

static void expect_u64(const json_t *o, const char *key, uint64_t want) {
    if (w_u64(o, key) != want) fail_msg("%s is %s, not %" PRIu64, key, w_string(o, key), want);
}

static size_t rows(const json_t *o, const char *key) {
    return json_array_size(json_object_get(o, key));
}

static const json_t *row(const json_t *o, const char *key, size_t i) {
    const json_t *v = json_array_get(json_object_get(o, key), i);
    assert_non_null(v);
    return v;
}

/* ---- posw_getBlockStats ---- */

static void check_stats_row(world *w, const json_t *r) {
    posw_chain_block_info info;
    const uint64_t number = w_u64(r, "number");
    ok(posw_chain_block_by_number(w->chain.chain, &info, number));
    const posw_stake_table *t = posw_chain_table(w->chain.chain, number);
    const posw_u256 total = w_u256(r, "totalStake"), supply = w_u256(r, "supply"),
                    weight = w_u256(r, "totalDifficulty");
    assert_string_equal(w_string(r, "hash"), w_hash_at(w, number));
    assert_string_equal(w_string(r, "miner"), w_hex(info.header.beneficiary.b, 20));
    expect_u64(r, "timestamp", info.header.timestamp);
    expect_u64(r, "gasUsed", info.header.gas_used);
    expect_u64(r, "size", info.size);
    assert_true(posw_u256_equal(&total, &t->total_wei) && posw_u256_equal(&supply, &t->supply_wei));
    assert_true(posw_u256_equal(&weight, &info.weight_total));
    assert_int_equal(json_is_true(json_object_get(r, "boosted")),
                     posw_seal_boosted(&info.header.mix_hash, &info.header.difficulty));
}

static void stats(world *w, uint64_t from, uint64_t to, uint64_t points, uint64_t step, bool counted) {
    json_t *s = w_call(w, "posw_getBlockStats", "[\"0x%" PRIx64 "\",\"0x%" PRIx64 "\",%" PRIu64 "]", from, to, points);
    const size_t count = rows(s, "blocks");
    assert_int_equal(count, (to - from) / step + 1);
    assert_true(count <= points);
    expect_u64(s, "step", step);
    for (size_t i = 0; i < count; i++) {
        const json_t *r = row(s, "blocks", i);
        expect_u64(r, "number", to - (count - 1 - i) * step);
        check_stats_row(w, r);
        assert_int_equal(json_object_get(r, "transactions") != NULL, counted);
    }
    json_decref(s);
}

static void test_stats(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_send_only(&w, h_stake(2, 0, 3, 50)); /* so that the sums differ between epochs */
    w_mine(&w, 460);
    stats(&w, 0, 460, 400, 2, false);
    stats(&w, 61, 460, 400, 1, false);
    stats(&w, 60, 460, 400, 2, false);
    stats(&w, 0, 460, 50, 10, true);
    stats(&w, 0, 460, 51, 10, true);
    stats(&w, 0, 460, 1, 461, true);
    stats(&w, 0, 50, 51, 1, false); /* 51 rows: too many to count */
    stats(&w, 0, 49, 50, 1, true);
    stats(&w, 7, 7, 400, 1, true);
    json_t *s = w_call(&w, "posw_getBlockStats", "[\"0x1\",\"0x1\"]");
    expect_u64(row(s, "blocks", 0), "transactions", 1);
    json_decref(s);
    s = w_call(&w, "posw_getBlockStats", "[\"earliest\",\"latest\"]");
    assert_int_equal(rows(s, "blocks"), 231);
    json_decref(s);
    w_refused(&w, -32602, "invalid argument 0: it is above the end of the range", "posw_getBlockStats",
              "[\"0x5\",\"0x4\"]");
    w_refused(&w, -32602, "invalid argument 2: at least 1", "posw_getBlockStats", "[\"0x0\",\"0x4\",0]");
    w_refused(&w, -32000, "header not found", "posw_getBlockStats", "[\"0x0\",\"0x1cd\"]");
    json_decref(w_error(&w, "posw_getBlockStats", "[\"0x0\",\"0x4\",401]"));
    json_decref(w_error(&w, "posw_getBlockStats", "[\"0x0\"]"));
    w_close(&w);
}

/* ---- blocks and their transactions ---- */

static void test_summary(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_send_only(&w, h_transfer(1, 0, 2, 5));
    w_send_only(&w, h_stake(2, 0, 3, 50));
    w_mine(&w, 2);
    json_t *b = w_call(&w, "posw_getBlockSummary", "[\"0x1\"]"),
           *standard = w_call(&w, "eth_getBlockByNumber", "[\"0x1\",false]");
    const char *key;
    json_t *value;
    json_object_foreach(standard, key, value) {
        if (strcmp(key, "transactions") == 0 || strcmp(key, "uncles") == 0) continue;
        if (!json_equal(value, json_object_get(b, key))) fail_msg("%s differs", key);
    }
    expect_u64(b, "transactions", 2);
    const posw_u256 subsidy = posw_reward_subsidy(&w.spec.params, 1), shown = w_u256(b, "subsidy");
    assert_true(posw_u256_equal(&subsidy, &shown));
    assert_true(json_is_true(json_object_get(b, "main")));
    json_t *same = w_call(&w, "posw_getBlockSummary", "[\"%s\"]", w_hash_at(&w, 1));
    assert_true(json_equal(b, same));
    json_decref(same);
    json_decref(standard);
    json_decref(b);
    b = w_call(&w, "posw_getBlockSummary", "[\"0x0\"]");
    expect_u64(b, "subsidy", 0);
    assert_true(json_is_false(json_object_get(b, "boosted")));
    json_decref(b);
    w_null(&w, "posw_getBlockSummary", "[\"0x3\"]");
    w_null(&w, "posw_getBlockSummary", "[\"%s\"]", w_hex((uint8_t[32]){1}, 32));
    w_close(&w);
}

/* Transactions of keys 1 and 2 in turn: 2 to 3, 1 to 2. */
static void send_many(world *w, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        w_send_only(w, i % 2 == 0 ? h_transfer(1, i / 2, 2, 1) : h_transfer(2, i / 2, 3, 1));
}

static void test_block_transactions(void **state) {
    (void)state;
    world w;
    w_open(&w);
    send_many(&w, 110);
    w_mine(&w, 1);
    json_t *full = w_call(&w, "eth_getBlockByNumber", "[\"0x1\",true]");
    for (uint64_t first = 0; first <= 120; first += 40) {
        json_t *t = w_call(&w, "posw_getBlockTransactions", "[\"0x1\",\"0x%" PRIx64 "\",40]", first);
        expect_u64(t, "total", 110);
        assert_int_equal(rows(t, "transactions"), first >= 110 ? 0 : 110 - first < 40 ? 110 - first : 40);
        for (size_t i = 0; i < rows(t, "transactions"); i++) {
            const json_t *r = row(t, "transactions", i), *want = row(full, "transactions", first + i);
            const char *const keys[] = {"hash", "from", "to", "value", "nonce", "blockNumber", "transactionIndex"};
            for (size_t k = 0; k < POSW_ARRAY_SIZE(keys); k++)
                assert_string_equal(w_string(r, keys[k]), w_string(want, keys[k]));
            assert_string_equal(w_string(r, "status"), "0x1");
            assert_string_equal(w_string(r, "selector"), "0x");
        }
        json_decref(t);
    }
    json_decref(full);
    json_t *all = w_call(&w, "posw_getBlockTransactions", "[\"0x1\"]");
    assert_int_equal(rows(all, "transactions"), 100);
    json_decref(all);
    w_null(&w, "posw_getBlockTransactions", "[\"0x2\"]");
    json_decref(w_error(&w, "posw_getBlockTransactions", "[\"0x1\",\"0x0\",101]"));
    w_close(&w);
}

/* ---- an account ---- */

/* Asks until nothing is left; returns how many rows came, in the order of the chain backwards, and in how many answers.
 */
static size_t search_all(world *w, unsigned key, unsigned count, size_t *answers) {
    uint64_t block = 0, index = 0, last_block = UINT64_MAX, last_index = 0;
    size_t found = 0;
    for (*answers = 0;; ++*answers) {
        json_t *a = *answers == 0
                        ? w_call(w, "posw_getAccountTransactions", "[\"%s\",%u]", w_address(key), count)
                        : w_call(w, "posw_getAccountTransactions", "[\"%s\",%u,\"0x%" PRIx64 "\",\"0x%" PRIx64 "\"]",
                                 w_address(key), count, block, index);
        assert_true(rows(a, "transactions") <= count);
        for (size_t i = 0; i < rows(a, "transactions"); i++, found++) {
            const json_t *r = row(a, "transactions", i);
            const uint64_t at = w_u64(r, "blockNumber"), place = w_u64(r, "transactionIndex");
            assert_true(at < last_block || (at == last_block && place < last_index));
            assert_true(strcmp(w_string(r, "from"), w_address(key)) == 0 ||
                        strcmp(w_string(r, "to"), w_address(key)) == 0);
            last_block = at;
            last_index = place;
        }
        const json_t *next = json_object_get(a, "next");
        const bool done = json_is_null(next);
        if (!done) block = w_u64(next, "block"), index = w_u64(next, "index");
        json_decref(a);
        if (done) return found;
    }
}

static void test_account(void **state) {
    (void)state;
    world w;
    size_t answers;
    w_open(&w);
    send_many(&w, 60);
    w_mine(&w, 3);
    for (unsigned i = 30; i < 40; i++) {
        w_send_only(&w, h_transfer(1, i, 1, 1)); /* to itself: once */
        w_mine(&w, 2);
    }
    assert_int_equal(search_all(&w, 1, 100, &answers), 40);
    assert_int_equal(answers, 0);
    assert_int_equal(search_all(&w, 1, 7, &answers), 40);
    assert_int_equal(answers, 5);
    assert_int_equal(search_all(&w, 2, 1, &answers), 60);
    assert_int_equal(search_all(&w, 3, 100, &answers), 30);
    assert_int_equal(search_all(&w, 5, 100, &answers), 0);
    json_t *a =
        w_call(&w, "posw_getAccountTransactions", "[\"%s\",100,\"0x1\",\"0x0\"]", w_address(1)); /* before block 1 */
    assert_int_equal(rows(a, "transactions"), 0);
    json_decref(a);
    /* an index of a block without transactions is none of the block below */
    a = w_call(&w, "posw_getAccountTransactions", "[\"%s\",100,\"latest\",\"0x0\"]", w_address(1));
    assert_int_equal(rows(a, "transactions"), 40);
    json_decref(a);
    w_refused(&w, -32000, "header not found", "posw_getAccountTransactions", "[\"%s\",1,\"0xffff\"]", w_address(1));
    json_decref(w_error(&w, "posw_getAccountTransactions", "[\"%s\",0]", w_address(1)));
    json_decref(w_error(&w, "posw_getAccountTransactions", "[\"%s\",101]", w_address(1)));
    json_decref(w_error(&w, "posw_getAccountTransactions", "[]"));
    w_close(&w);
}

/* One search looks at so many blocks and so many transactions, and the next goes on behind them. */
static void test_account_limit(void **state) {
    (void)state;
    world w;
    const world_options o = {.rpc = {.search_blocks_max = 100, .search_txs_max = 70}};
    w_open_with(&w, &o);
    for (unsigned i = 0; i < 120; i++) {
        w_send_only(&w, h_transfer(1, i, 2, 1));
        if (i % 2 == 1) w_mine(&w, 1);
    }
    w_mine(&w, 150);
    /* from block 210: 100 empty ones; then 50 more and 35 with two each */
    static const uint64_t stops[] = {110, 25};
    uint64_t from = 210;
    for (size_t i = 0; i < 2; i++) {
        json_t *a = w_call(&w, "posw_getAccountTransactions", "[\"%s\",1,\"0x%" PRIx64 "\"]", w_address(5), from);
        from = w_u64(json_object_get(a, "next"), "block");
        assert_int_equal(from, stops[i]);
        json_decref(a);
    }
    size_t answers;
    assert_int_equal(search_all(&w, 5, 1, &answers), 0);
    assert_int_equal(answers, 2);
    assert_int_equal(search_all(&w, 2, 100, &answers), 120);
    w_close(&w);
}

/* ---- shares ---- */

static void mine_by(world *w, unsigned key, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        h_plan plan = {.miner = key};
        h_block b = h_build(w->chain.chain, &plan);
        w_submit(w, &b);
        h_block_clear(&b);
    }
}

static void expect_share(const json_t *m, size_t i, unsigned key, uint64_t blocks) {
    const json_t *r = row(m, "miners", i);
    assert_string_equal(w_string(r, "miner"), w_address(key));
    expect_u64(r, "blocks", blocks);
}

static void test_miners(void **state) {
    (void)state;
    world w;
    w_open(&w);
    json_t *m = w_call(&w, "posw_getMiners", "[]");
    expect_u64(m, "blocks", 0);
    expect_u64(m, "nakamoto", 0);
    expect_u64(m, "minerCount", 0);
    expect_u64(m, "seconds", 0);
    expect_u64(m, "tickets", 10); /* 100 coins of 10 each */
    assert_int_equal(rows(m, "miners"), 0);
    json_decref(m);
    mine_by(&w, 1, 3);
    mine_by(&w, 0, 2);
    mine_by(&w, 2, 1);
    m = w_call(&w, "posw_getMiners", "[]");
    expect_u64(m, "blocks", 6);
    expect_u64(m, "minerCount", 3);
    expect_u64(m, "nakamoto", 2); /* three of six are not more than half */
    expect_share(m, 0, 1, 3);
    expect_share(m, 1, 0, 2);
    expect_share(m, 2, 2, 1);
    uint64_t boosted = 0;
    for (size_t i = 0; i < 3; i++)
        boosted += w_u64(row(m, "miners", i), "boosted");
    expect_u64(m, "boosted", boosted);
    expect_u64(row(m, "miners", 1), "tickets", 10);
    expect_u64(row(m, "miners", 0), "tickets", 0);
    const uint64_t span = posw_window_at(posw_chain_window(w.chain.chain), 0).timestamp -
                          posw_window_at(posw_chain_window(w.chain.chain), 5).timestamp;
    expect_u64(m, "seconds", span);
    json_decref(m);
    m = w_call(&w, "posw_getMiners", "[1]");
    assert_int_equal(rows(m, "miners"), 1);
    json_decref(m);
    m = w_call(&w, "posw_getMiners", "[0]");
    assert_int_equal(rows(m, "miners"), 0);
    json_decref(m);
    mine_by(&w, 0, H_WINDOW - 1);
    m = w_call(&w, "posw_getMiners", "[]");
    expect_u64(m, "blocks", H_WINDOW); /* older ones have left it */
    expect_u64(m, "minerCount", 2);
    expect_u64(m, "nakamoto", 1);
    json_decref(m);
    json_decref(w_error(&w, "posw_getMiners", "[101]"));
    w_close(&w);
}

/* ---- the pool ---- */

static void test_pending(void **state) {
    (void)state;
    world w;
    w_open(&w);
    json_t *p = w_call(&w, "posw_getPendingTransactions", "[]");
    assert_int_equal(rows(p, "transactions"), 0);
    json_decref(p);
    for (unsigned i = 0; i < 120; i++) {
        w_send_only(&w, h_transfer(1 + i % 3, i / 3, 5, 1 + i));
        w_wait(&w, 1);
    }
    w_send_only(&w, h_transfer(4, 7, 5, 1)); /* behind a gap */
    p = w_call(&w, "posw_getPendingTransactions", "[]");
    expect_u64(p, "pending", 120);
    expect_u64(p, "queued", 1);
    assert_int_equal(rows(p, "transactions"), 100);
    assert_true(json_is_false(json_object_get(row(p, "transactions", 0), "pending")));
    for (size_t i = 1; i < 100; i++) {
        const posw_u256 want = h_coins(121 - i), value = w_u256(row(p, "transactions", i), "value");
        assert_true(posw_u256_equal(&want, &value)); /* the newest first */
    }
    json_decref(p);
    p = w_call(&w, "posw_getPendingTransactions", "[3]");
    assert_int_equal(rows(p, "transactions"), 3);
    json_decref(p);
    json_decref(w_error(&w, "posw_getPendingTransactions", "[0]"));
    w_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stats),   cmocka_unit_test(test_summary),       cmocka_unit_test(test_block_transactions),
        cmocka_unit_test(test_account), cmocka_unit_test(test_account_limit), cmocka_unit_test(test_miners),
        cmocka_unit_test(test_pending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
