/* eth_getLogs and the filters that are asked again and again. */
#include "rpc/world.h"

#include "base/scale.h"
#include "rpc/rpc_internal.h"

static const char *topic_of(const char *signature) {
    posw_hash topic;
    posw_abi_topic(&topic, signature);
    return w_hex(topic.b, sizeof topic.b);
}
#define STAKED topic_of("Staked(address,address,uint256,uint256)")
#define UNSTAKED topic_of("Unstaked(address,address,uint256,uint256)")

static const char *padded(unsigned key) {
    uint8_t word[32] = {0};
    posw_address a = h_address(key);
    memcpy(word + 12, a.b, 20);
    return w_hex(word, 32);
}

static void expect_logs(world *w, size_t want, const char *filter) {
    json_t *logs = w_call(w, "eth_getLogs", "[%s]", filter);
    if (json_array_size(logs) != want) fail_msg("%zu logs instead of %zu for %s", json_array_size(logs), want, filter);
    json_decref(logs);
}

__attribute__((format(printf, 3, 4))) static void expect_logs_f(world *w, size_t want, const char *format, ...) {
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    expect_logs(w, want, text);
}

/* Block 1: two stakes (owner 1 for 3, owner 2 for 3). Block 2: nothing. Block 3: an unstake by 1 and a stake of 1
 * for 4. */
static void stakes(world *w) {
    w_send_only(w, h_stake(1, 0, 3, 50));
    w_send_only(w, h_stake(2, 0, 3, 60));
    w_mine(w, 1);
    w_mine(w, 1);
    w_send_only(w, h_unstake(1, 1, 3, 20));
    w_send_only(w, h_stake(1, 2, 4, 10));
    w_mine(w, 1);
}

static void test_ranges(void **state) {
    (void)state;
    world w;
    w_open(&w);
    stakes(&w);
    expect_logs(&w, 4, "{\"fromBlock\":\"earliest\",\"toBlock\":\"latest\"}");
    expect_logs(&w, 4, "{\"fromBlock\":\"0x0\"}"); /* to the tip */
    expect_logs(&w, 2, "{}");                      /* the tip */
    expect_logs(&w, 2, "{\"fromBlock\":\"0x1\",\"toBlock\":\"0x1\"}");
    expect_logs(&w, 2, "{\"fromBlock\":\"0x1\",\"toBlock\":\"0x2\",\"address\":null,\"topics\":null}");
    expect_logs(&w, 0, "{\"fromBlock\":\"0x2\",\"toBlock\":\"0x2\"}");
    expect_logs_f(&w, 2, "{\"blockHash\":\"%s\"}", w_hash_at(&w, 3));
    expect_logs_f(&w, 0, "{\"blockHash\":\"%s\"}", w_hash_at(&w, 2));
    w_close(&w);
}

static void test_clauses(void **state) {
    (void)state;
    world w;
    w_open(&w);
    stakes(&w);
    expect_logs(&w, 4, "{\"fromBlock\":\"0x0\",\"address\":\"" W_CONTRACT "\"}");
    expect_logs_f(&w, 4, "{\"fromBlock\":\"0x0\",\"address\":[\"%s\",\"" W_CONTRACT "\"]}", w_address(1));
    expect_logs_f(&w, 0, "{\"fromBlock\":\"0x0\",\"address\":\"%s\"}", w_address(1));
    expect_logs(&w, 4, "{\"fromBlock\":\"0x0\",\"address\":[],\"topics\":[]}");
    expect_logs_f(&w, 3, "{\"fromBlock\":\"0x0\",\"topics\":[\"%s\"]}", STAKED);
    expect_logs_f(&w, 1, "{\"fromBlock\":\"0x0\",\"topics\":[\"%s\"]}", UNSTAKED);
    expect_logs_f(&w, 4, "{\"fromBlock\":\"0x0\",\"topics\":[[\"%s\",\"%s\"]]}", STAKED, UNSTAKED);
    expect_logs_f(&w, 3, "{\"fromBlock\":\"0x0\",\"topics\":[null,\"%s\"]}", padded(1));
    expect_logs_f(&w, 3, "{\"fromBlock\":\"0x0\",\"topics\":[null,null,\"%s\"]}", padded(3));
    expect_logs_f(&w, 1, "{\"fromBlock\":\"0x0\",\"topics\":[\"%s\",\"%s\",[\"%s\"]]}", STAKED, padded(1), padded(4));
    expect_logs_f(&w, 2, "{\"fromBlock\":\"0x0\",\"topics\":[[],\"%s\",\"%s\"]}", padded(1), padded(3));
    expect_logs(&w, 4, "{\"fromBlock\":\"0x0\",\"topics\":[null,null,null]}");
    expect_logs(&w, 0, "{\"fromBlock\":\"0x0\",\"topics\":[null,null,null,null]}"); /* needs a fourth topic */
    w_close(&w);
}

static void test_log_object(void **state) {
    (void)state;
    world w;
    w_open(&w);
    stakes(&w);
    json_t *logs = w_call(&w, "eth_getLogs", "[{\"fromBlock\":\"0x1\",\"toBlock\":\"0x1\"}]");
    const json_t *second = json_array_get(logs, 1);
    assert_string_equal(w_string(second, "logIndex"), "0x1");
    assert_string_equal(w_string(second, "transactionIndex"), "0x1");
    assert_string_equal(w_string(second, "blockHash"), w_hash_at(&w, 1));
    assert_true(json_is_false(json_object_get(second, "removed")));
    assert_int_equal(json_object_size(second), 10);
    /* data: amount, active from: block 16 of epoch 2 */
    posw_u256 sixty = h_coins(60);
    uint8_t words[64] = {[63] = 2 * H_EPOCH};
    posw_u256_to_be(words, &sixty);
    assert_string_equal(w_string(second, "data"), w_hex(words, 64));
    json_decref(logs);
    w_close(&w);
}

static void test_range_limit(void **state) {
    (void)state;
    world w;
    const world_options o = {.rpc = {.logs_range_max = 3}};
    w_open_with(&w, &o);
    stakes(&w);
    expect_logs(&w, 4, "{\"fromBlock\":\"0x1\"}");
    w_refused(&w, -32602, "query exceeds max block range 3", "eth_getLogs", "[{\"fromBlock\":\"0x0\"}]");
    w_close(&w);
}

/* ---- filters ---- */

static json_t *changes(world *w, const char *id) {
    return w_call(w, "eth_getFilterChanges", "[\"%s\"]", id);
}

static char *new_filter(world *w, const char *method, const char *params) {
    json_t *v = w_call(w, method, "%s", params);
    char *id = strdup(json_string_value(v));
    json_decref(v);
    return id;
}

static void expect_changes(world *w, const char *id, size_t count) {
    json_t *v = changes(w, id);
    assert_int_equal(json_array_size(v), count);
    json_decref(v);
}

static void test_block_filter(void **state) {
    (void)state;
    world w;
    w_open(&w);
    char *id = new_filter(&w, "eth_newBlockFilter", "[]");
    expect_changes(&w, id, 0);
    w_mine(&w, 3);
    json_t *v = changes(&w, id);
    assert_int_equal(json_array_size(v), 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(json_string_value(json_array_get(v, i)), w_hash_at(&w, i + 1));
    json_decref(v);
    expect_changes(&w, id, 0);
    w_refused(&w, -32000, "filter not found", "eth_getFilterLogs", "[\"%s\"]", id);
    v = w_call(&w, "eth_uninstallFilter", "[\"%s\"]", id);
    assert_true(json_is_true(v));
    json_decref(v);
    v = w_call(&w, "eth_uninstallFilter", "[\"%s\"]", id);
    assert_true(json_is_false(v));
    json_decref(v);
    w_refused(&w, -32000, "filter not found", "eth_getFilterChanges", "[\"%s\"]", id);
    free(id);
    w_close(&w);
}

static void test_tx_filter(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_send_only(&w, h_transfer(2, 0, 2, 1)); /* before */
    char *id = new_filter(&w, "eth_newPendingTransactionFilter", "[]");
    char *a = w_send(&w, h_transfer(1, 0, 2, 1)), *b = w_send(&w, h_transfer(1, 1, 2, 1));
    json_t *v = changes(&w, id);
    assert_int_equal(json_array_size(v), 2);
    assert_string_equal(json_string_value(json_array_get(v, 0)), a);
    assert_string_equal(json_string_value(json_array_get(v, 1)), b);
    json_decref(v);
    expect_changes(&w, id, 0);
    free(a);
    free(b);
    free(id);
    w_close(&w);
}

static void test_log_filter(void **state) {
    (void)state;
    world w;
    char params[512];
    w_open(&w);
    snprintf(params, sizeof params, "[{\"topics\":[\"%s\"]}]", STAKED);
    char *staked = new_filter(&w, "eth_newFilter", params);
    snprintf(params, sizeof params, "[{\"fromBlock\":\"0x3\",\"toBlock\":\"0x9\",\"address\":\"" W_CONTRACT "\"}]");
    char *late = new_filter(&w, "eth_newFilter", params);
    char *all = new_filter(&w, "eth_newFilter", "[{\"fromBlock\":\"earliest\"}]");
    stakes(&w);
    expect_changes(&w, staked, 3);
    expect_changes(&w, staked, 0);
    expect_changes(&w, late, 2);
    expect_changes(&w, all, 4);
    json_t *v = w_call(&w, "eth_getFilterLogs", "[\"%s\"]", all);
    assert_int_equal(json_array_size(v), 4);
    json_decref(v);
    v = w_call(&w, "eth_getFilterLogs", "[\"%s\"]", staked); /* the tip */
    assert_int_equal(json_array_size(v), 1);
    json_decref(v);
    free(staked);
    free(late);
    free(all);
    w_close(&w);
}

/* A longer branch made elsewhere takes over: logs come back as removed. */
static void test_reorganisation(void **state) {
    (void)state;
    world w, other;
    w_open(&w);
    w_open(&other);
    char *blocks = new_filter(&w, "eth_newBlockFilter", "[]"), *logs = new_filter(&w, "eth_newFilter", "[{}]");
    w_send_only(&w, h_stake(1, 0, 3, 50));
    w_mine(&w, 1);
    char *first = strdup(w_hash_at(&w, 1));
    h_grow(other.chain.chain, 2);
    for (uint64_t n = 1; n <= 2; n++) {
        h_block b = h_copy(other.chain.chain, n);
        w_submit(&w, &b);
        h_block_clear(&b);
    }
    assert_string_equal(w_hash_at(&w, 2), w_hash_at(&other, 2));
    json_t *v = changes(&w, blocks);
    assert_int_equal(json_array_size(v), 3);
    assert_string_equal(json_string_value(json_array_get(v, 0)), first);
    assert_string_equal(json_string_value(json_array_get(v, 2)), w_hash_at(&w, 2));
    json_decref(v);
    v = changes(&w, logs);
    assert_int_equal(json_array_size(v), 2);
    assert_true(json_is_false(json_object_get(json_array_get(v, 0), "removed")));
    assert_true(json_is_true(json_object_get(json_array_get(v, 1), "removed")));
    assert_string_equal(w_string(json_array_get(v, 1), "blockHash"), first);
    json_decref(v);
    free(first);
    free(blocks);
    free(logs);
    w_close(&other);
    w_close(&w);
}

/* By its hash a block can be asked for that is not on the main chain: its logs say so. */
static void test_logs_of_side_blocks(void **state) {
    (void)state;
    world w, other;
    w_open(&w);
    w_open(&other);
    h_plan plan = {.miner = 1, .gap_s = 7, .tx_count = 1, .txs = {h_stake(1, 0, 3, 50)}};
    h_block never = h_build(w.chain.chain, &plan);
    h_grow(other.chain.chain, 2);
    w_send_only(&w, h_stake(1, 0, 3, 50));
    w_mine(&w, 1);
    char *out = strdup(w_hash_at(&w, 1));
    json_t *v = w_call(&w, "eth_getLogs", "[{\"blockHash\":\"%s\"}]", out);
    assert_int_equal(json_array_size(v), 1);
    assert_true(json_is_false(json_object_get(json_array_get(v, 0), "removed")));
    json_decref(v);
    for (uint64_t n = 1; n <= 2; n++) {
        h_block b = h_copy(other.chain.chain, n);
        w_submit(&w, &b);
        h_block_clear(&b);
    }
    v = w_call(&w, "eth_getLogs", "[{\"blockHash\":\"%s\"}]", out);
    assert_int_equal(json_array_size(v), 1);
    assert_true(json_is_true(json_object_get(json_array_get(v, 0), "removed")));
    json_decref(v);
    w_submit(&w, &never);
    w_refused(&w, -32000, "the logs of this block are not known: it is on a side branch, which was not executed",
              "eth_getLogs", "[{\"blockHash\":\"%s\"}]", w_hex(never.hash.b, sizeof never.hash.b));
    expect_logs_f(&w, 0, "{\"blockHash\":\"%s\",\"address\":\"%s\"}", w_hex(never.hash.b, sizeof never.hash.b),
                  w_address(1)); /* that much its header tells */
    h_block_clear(&never);
    free(out);
    w_close(&other);
    w_close(&w);
}

/* A filter that watches for `count` owners that do nothing (from the highest down), and for two that may stake.
 * Borrowed from the node. */
static const rpc_log_filter *watch_owners(world *w, unsigned count, unsigned a, unsigned b) {
    posw_buf text = {0};
    posw_buf_printf(&text,
                    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_newFilter\",\"params\":[{\"topics\":[null,[");
    for (unsigned i = 0; i < count; i++)
        posw_buf_printf(&text, "\"0x%064x\",", (count - i) << 16);
    posw_buf_printf(&text, "\"%s\",", padded(a));
    posw_buf_printf(&text, "\"%s\"]]}]}", padded(b));
    posw_buf_byte(&text, 0);
    json_t *answer = w_ask(w, (const char *)text.data);
    assert_non_null(json_object_get(answer, "result"));
    json_decref(answer);
    posw_buf_clear(&text);
    return w->rpc->filters[w->rpc->filter_count - 1].logs;
}

static posw_event_log log_of_owner(unsigned key) {
    posw_event_log log = {.address = POSW_STAKING_ADDRESS, .topic_count = 2};
    const posw_address owner = h_address(key);
    memcpy(log.topics[1].b + 12, owner.b, sizeof owner.b);
    return log;
}

static double seconds_of_matching(const rpc_log_filter *f, const posw_event_log *log) {
    const double began = scale_seconds();
    for (int i = 0; i < 50000; i++)
        assert_false(rpc_log_filter_matches(f, log));
    return scale_seconds() - began;
}

/* A filter of the largest size finds its values wherever they stand in the list, and looks at few of them: else a
 * stranger's subscriptions would hold up the node at every block that has logs. */
static void test_many_values(void **state) {
    (void)state;
    world w;
    w_open(&w);
    const rpc_log_filter *few = watch_owners(&w, 8, 1, 2), *many = watch_owners(&w, RPC_CLAUSE_MAX - 2, 1, 2);
    assert_int_equal(many->topics[1].count, RPC_CLAUSE_MAX);
    for (unsigned key = 1; key <= 4; key++) {
        const posw_event_log log = log_of_owner(key);
        assert_int_equal(rpc_log_filter_matches(few, &log), key <= 2);
        assert_int_equal(rpc_log_filter_matches(many, &log), key <= 2);
    }
    posw_event_log last = log_of_owner(0);
    memset(last.topics[1].b, 0xff, sizeof last.topics[1].b);
    const posw_event_log other = log_of_owner(3);
    double least_few = 1e9, least_many = 1e9;
    for (int i = 0; i < 5; i++) {
        const double a = seconds_of_matching(few, &other) + seconds_of_matching(few, &last),
                     b = seconds_of_matching(many, &other) + seconds_of_matching(many, &last);
        least_few = a < least_few ? a : least_few;
        least_many = b < least_many ? b : least_many;
    }
    if (least_many > 20 * least_few)
        fail_msg("a hundred times the values take %.0f times as long", least_many / least_few);
    w_close(&w);
}

static void test_expiry(void **state) {
    (void)state;
    world w;
    w_open(&w);
    char *used = new_filter(&w, "eth_newBlockFilter", "[]"), *idle = new_filter(&w, "eth_newBlockFilter", "[]");
    for (int i = 0; i < 2; i++) {
        w_wait(&w, RPC_FILTER_LIFETIME_S);
        expect_changes(&w, used, 0);
    }
    w_refused(&w, -32000, "filter not found", "eth_getFilterChanges", "[\"%s\"]", idle);
    w_wait(&w, RPC_FILTER_LIFETIME_S + 1);
    w_refused(&w, -32000, "filter not found", "eth_getFilterChanges", "[\"%s\"]", used);
    free(used);
    free(idle);
    w_close(&w);
}

/* A jump of a development chain's clock is not idleness. */
static void test_time_jump(void **state) {
    (void)state;
    world w;
    w_open(&w);
    char *id = new_filter(&w, "eth_newBlockFilter", "[]");
    json_decref(w_call(&w, "evm_increaseTime", "[100000]"));
    w_mine(&w, 1);
    expect_changes(&w, id, 1);
    free(id);
    w_close(&w);
}

static void test_filter_limit(void **state) {
    (void)state;
    world w;
    const world_options o = {.rpc = {.filters_max = 20}};
    w_open_with(&w, &o);
    for (int i = 0; i < 20; i++)
        free(new_filter(&w, "eth_newFilter", "[{\"address\":\"" W_CONTRACT "\"}]"));
    w_refused(&w, -32000, "too many filters: at most 20 are kept", "eth_newBlockFilter", "[]");
    w_refused(&w, -32000, "too many filters: at most 20 are kept", "eth_newFilter",
              "[{\"address\":\"" W_CONTRACT "\"}]");
    w_wait(&w, RPC_FILTER_LIFETIME_S + 1); /* old ones make room */
    free(new_filter(&w, "eth_newBlockFilter", "[]"));
    w_close(&w);
}

/* Whoever asks too rarely is told so, not given an answer with a hole. */
/* When there are too many, those that nobody reads go first, and one that is read stays. */
static void test_idle_filters(void **state) {
    (void)state;
    world w;
    const world_options o = {.rpc = {.filters_max = 20}};
    w_open_with(&w, &o);
    char *left = new_filter(&w, "eth_newBlockFilter", "[]"), *read = new_filter(&w, "eth_newBlockFilter", "[]");
    for (int i = 2; i < 20; i++)
        free(new_filter(&w, "eth_newBlockFilter", "[]"));
    w_wait(&w, RPC_FILTER_IDLE_S - 1);
    w_refused(&w, -32000, "too many filters: at most 20 are kept", "eth_newBlockFilter", "[]");
    expect_changes(&w, read, 0);
    w_wait(&w, 1);
    for (int i = 1; i < 20; i++)
        free(new_filter(&w, "eth_newBlockFilter", "[]"));
    w_refused(&w, -32000, "too many filters: at most 20 are kept", "eth_newBlockFilter", "[]");
    expect_changes(&w, read, 0);
    w_refused(&w, -32000, "filter not found", "eth_getFilterChanges", "[\"%s\"]", left);
    free(left);
    free(read);
    w_close(&w);
}

static void test_fallen_behind(void **state) {
    (void)state;
    world w;
    w_open(&w);
    char *id = new_filter(&w, "eth_newBlockFilter", "[]");
    w_mine(&w, RPC_CHAIN_EVENTS);
    char *second = new_filter(&w, "eth_newBlockFilter", "[]");
    expect_changes(&w, id, RPC_CHAIN_EVENTS);
    w_mine(&w, RPC_CHAIN_EVENTS + 1);
    w_refused(&w, -32000, "filter not found: it was asked too rarely and has missed events", "eth_getFilterChanges",
              "[\"%s\"]", second);
    w_refused(&w, -32000, "filter not found", "eth_getFilterChanges", "[\"%s\"]", second);
    free(id);
    free(second);
    w_close(&w);
}

/* More logs than an answer holds come in several, each once and in order. */
static void test_many_logs(void **state) {
    enum { BLOCKS = 12 };
    (void)state;
    world w;
    const world_options o = {.rpc = {.answer_bytes_max = 6000}}; /* some eight logs */
    w_open_with(&w, &o);
    char *logs = new_filter(&w, "eth_newFilter", "[{}]");
    for (uint64_t i = 0; i < BLOCKS; i++) {
        w_send_only(&w, h_stake(1, i, 3, 50));
        w_mine(&w, 1);
    }
    size_t asked = 0;
    for (uint64_t told = 0; told < BLOCKS; asked++) {
        json_t *v = changes(&w, logs);
        assert_true(json_array_size(v) > 0);
        for (size_t i = 0; i < json_array_size(v); i++)
            assert_int_equal(w_u64(json_array_get(v, i), "blockNumber"), ++told);
        json_decref(v);
    }
    assert_true(asked > 1);
    expect_changes(&w, logs, 0);
    free(logs);
    w_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_clauses),
        cmocka_unit_test(test_log_object),
        cmocka_unit_test(test_range_limit),
        cmocka_unit_test(test_block_filter),
        cmocka_unit_test(test_tx_filter),
        cmocka_unit_test(test_log_filter),
        cmocka_unit_test(test_reorganisation),
        cmocka_unit_test(test_logs_of_side_blocks),
        cmocka_unit_test(test_many_values),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_time_jump),
        cmocka_unit_test(test_filter_limit),
        cmocka_unit_test(test_idle_filters),
        cmocka_unit_test(test_fallen_behind),
        cmocka_unit_test(test_many_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
