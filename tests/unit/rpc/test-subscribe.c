/* Subscriptions through posw_node_step: what is sent, to whom, in which order. */
#include "rpc/world.h"

static char *subscribe(world *w, uint64_t client, const char *params) {
    json_t *v = w_call_as(w, client, "eth_subscribe", "%s", params);
    char *id = strdup(json_string_value(v));
    json_decref(v);
    return id;
}

/* The i-th message to the client is a notification for this subscription; its result (a new reference). */
static json_t *notified(const world *w, uint64_t client, size_t i, const char *id) {
    json_t *m = w_sent(w, client, i);
    assert_non_null(m);
    assert_int_equal(json_object_size(m), 3);
    assert_string_equal(w_string(m, "jsonrpc"), "2.0");
    assert_string_equal(w_string(m, "method"), "eth_subscription");
    const json_t *params = json_object_get(m, "params");
    assert_string_equal(w_string(params, "subscription"), id);
    json_t *result = json_incref(json_object_get(params, "result"));
    json_decref(m);
    return result;
}

static void expect_nothing_more(const world *w, uint64_t client, size_t count) {
    assert_null(w_sent(w, client, count));
}

/* Mines through another client, so that the stream gets notifications only. A head is the block's object without its
 * body. */
static void test_new_heads(void **state) {
    (void)state;
    world w;
    w_open(&w);
    char *id = subscribe(&w, W_STREAM, "[\"newHeads\"]");
    w_mine(&w, 2);
    json_t *a = notified(&w, W_STREAM, 0, id), *b = notified(&w, W_STREAM, 1, id), *value;
    expect_nothing_more(&w, W_STREAM, 2);
    assert_string_equal(w_string(a, "hash"), w_string(b, "parentHash"));
    json_t *block = w_call(&w, "eth_getBlockByNumber", "[\"0x2\",false]");
    const char *key;
    json_object_foreach(b, key, value) {
        assert_true(json_equal(value, json_object_get(block, key)));
    }
    assert_int_equal(json_object_size(b), 17);
    assert_null(json_object_get(b, "transactions"));
    json_decref(a);
    json_decref(b);
    json_decref(block);
    free(id);
    w_close(&w);
}

/* The answer goes out before what the request set off. */
static void test_order(void **state) {
    (void)state;
    world w;
    w_open(&w);
    json_t *answers = w_ask_as(&w, W_STREAM,
                               "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_subscribe\",\"params\":[\"newHeads\"]},"
                               "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"evm_mine\"}]");
    assert_int_equal(json_array_size(answers), 2);
    json_t *head = notified(&w, W_STREAM, 1, w_string(json_array_get(answers, 0), "result"));
    assert_string_equal(w_string(head, "number"), "0x1");
    json_decref(head);
    json_decref(answers);
    /* a notification that only sets something off: no empty message, nothing lost */
    static const char MINE[] = "{\"jsonrpc\":\"2.0\",\"method\":\"evm_mine\"}";
    w_data(&w, W_STREAM, MINE, sizeof MINE - 1);
    json_t *m = w_sent(&w, W_STREAM, 0);
    assert_string_equal(w_string(m, "method"), "eth_subscription");
    expect_nothing_more(&w, W_STREAM, 1);
    json_decref(m);
    w_close(&w);
}

static void test_logs(void **state) {
    (void)state;
    world w;
    char params[256];
    posw_hash topic;
    w_open(&w);
    posw_abi_topic(&topic, "Unstaked(address,address,uint256,uint256)");
    char *all = subscribe(&w, W_STREAM, "[\"logs\",{}]"), *any = subscribe(&w, W_STREAM + 1, "[\"logs\"]");
    snprintf(params, sizeof params, "[\"logs\",{\"address\":\"" W_CONTRACT "\",\"topics\":[\"%s\"]}]",
             w_hex(topic.b, 32));
    char *some = subscribe(&w, W_STREAM + 2, params);
    w_send_only(&w, h_stake(1, 0, 3, 50));
    w_send_only(&w, h_unstake(1, 1, 3, 20));
    w_mine(&w, 1);
    json_t *a = notified(&w, W_STREAM, 0, all), *b = notified(&w, W_STREAM, 1, all),
           *c = notified(&w, W_STREAM + 2, 0, some);
    assert_string_equal(w_string(a, "logIndex"), "0x0");
    assert_true(json_equal(b, c));
    expect_nothing_more(&w, W_STREAM, 2);
    expect_nothing_more(&w, W_STREAM + 2, 1);
    json_decref(notified(&w, W_STREAM + 1, 1, any));
    json_t *stored = w_call(&w, "eth_getLogs", "[{}]");
    assert_true(json_equal(json_array_get(stored, 0), a) && json_equal(json_array_get(stored, 1), b));
    json_decref(stored);
    json_decref(a);
    json_decref(b);
    json_decref(c);
    free(all);
    free(any);
    free(some);
    w_close(&w);
}

/* Two blocks with two logs leave the chain: told backwards, then the new heads upwards. */
static void test_removed_logs(void **state) {
    (void)state;
    world w, other;
    w_open(&w);
    w_open(&other);
    w_send_only(&w, h_stake(1, 0, 3, 50));
    w_mine(&w, 1);
    w_send_only(&w, h_stake(2, 0, 3, 50));
    w_mine(&w, 1);
    char *old1 = strdup(w_hash_at(&w, 1)), *old2 = strdup(w_hash_at(&w, 2));
    h_grow(other.chain.chain, 3);
    char *logs = subscribe(&w, W_STREAM, "[\"logs\",{}]"), *heads = subscribe(&w, W_STREAM + 1, "[\"newHeads\"]");
    for (uint64_t n = 1; n <= 3; n++) {
        h_block b = h_copy(other.chain.chain, n);
        w_submit(&w, &b);
        h_block_clear(&b);
    }
    json_t *first = notified(&w, W_STREAM, 0, logs), *second = notified(&w, W_STREAM, 1, logs);
    assert_true(json_is_true(json_object_get(first, "removed")) && json_is_true(json_object_get(second, "removed")));
    assert_string_equal(w_string(first, "blockHash"), old2);
    assert_string_equal(w_string(second, "blockHash"), old1);
    expect_nothing_more(&w, W_STREAM, 2);
    for (size_t i = 0; i < 3; i++) {
        json_t *head = notified(&w, W_STREAM + 1, i, heads);
        assert_string_equal(w_string(head, "hash"), w_hash_at(&other, i + 1));
        json_decref(head);
    }
    /* The stakes are back in the pool and are mined again. */
    w_mine(&w, 1);
    json_t *again = notified(&w, W_STREAM, 0, logs);
    assert_true(json_is_false(json_object_get(again, "removed")));
    assert_string_equal(w_string(again, "blockNumber"), "0x4");
    json_decref(again);
    json_decref(first);
    json_decref(second);
    free(old1);
    free(old2);
    free(logs);
    free(heads);
    w_close(&other);
    w_close(&w);
}

static void test_pending(void **state) {
    (void)state;
    world w;
    w_open(&w);
    char *hashes = subscribe(&w, W_STREAM, "[\"newPendingTransactions\"]");
    char *full = subscribe(&w, W_STREAM + 1, "[\"newPendingTransactions\",true]");
    char *hash = w_send(&w, h_transfer(1, 0, 2, 1));
    json_t *a = notified(&w, W_STREAM, 0, hashes), *b = notified(&w, W_STREAM + 1, 0, full);
    assert_string_equal(json_string_value(a), hash);
    assert_string_equal(w_string(b, "hash"), hash);
    schema_check(&w.schema, "PendingTransactionInfo", b);
    json_decref(a);
    json_decref(b);
    free(hash);
    free(hashes);
    free(full);
    w_close(&w);
}

static void refused_as(world *w, uint64_t client, int code, const char *message, const char *method,
                       const char *params) {
    char text[512];
    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}", method, params);
    json_t *answer = w_ask_as(w, client, text), *e = json_object_get(answer, "error");
    assert_string_equal(w_string(e, "message"), message);
    assert_int_equal(json_integer_value(json_object_get(e, "code")), code);
    json_decref(answer);
}

static void test_refusals(void **state) {
    (void)state;
    world w;
    w_open(&w);
    refused_as(&w, W_STREAM, -32601, "no \"syncing\" subscription in eth namespace", "eth_subscribe", "[\"syncing\"]");
    refused_as(&w, W_STREAM, -32602, "invalid argument 0: not the name of a subscription", "eth_subscribe", "[7]");
    refused_as(&w, W_STREAM, -32602, "invalid argument 1: not a boolean", "eth_subscribe",
               "[\"newPendingTransactions\",1]");
    refused_as(&w, W_STREAM, -32602, "invalid argument 1: topics: not an array", "eth_subscribe",
               "[\"logs\",{\"topics\":1}]");
    refused_as(&w, W_STREAM, -32000, "subscription not found", "eth_unsubscribe", "[\"0x1\"]");
    w_close(&w);
}

static void test_unsubscribe(void **state) {
    (void)state;
    world w;
    char params[64];
    w_open(&w);
    char *a = subscribe(&w, W_STREAM, "[\"newHeads\"]"),
         *b = subscribe(&w, W_STREAM, "[\"logs\",{\"address\":\"" W_CONTRACT "\"}]");
    snprintf(params, sizeof params, "[\"%s\"]", a);
    refused_as(&w, W_STREAM + 1, -32000, "subscription not found", "eth_unsubscribe", params); /* somebody else's */
    json_t *v = w_call_as(&w, W_STREAM, "eth_unsubscribe", "%s", params);
    assert_true(json_is_true(v));
    json_decref(v);
    w_mine(&w, 1);
    expect_nothing_more(&w, W_STREAM, 0);
    /* A client that is gone is sent nothing. */
    free(subscribe(&w, W_STREAM + 1, "[\"newHeads\"]"));
    w_step(&w, (posw_event){.type = POSW_EVENT_CLIENT_CLOSED, .client = W_STREAM});
    w_send_only(&w, h_stake(1, 0, 3, 50));
    w_mine(&w, 1);
    expect_nothing_more(&w, W_STREAM, 0);
    assert_non_null(v = w_sent(&w, W_STREAM + 1, 0));
    json_decref(v);
    free(a);
    free(b);
    w_close(&w);
}

static void test_limit(void **state) {
    (void)state;
    world w;
    const world_options o = {.rpc = {.subscriptions_max = 3}};
    w_open_with(&w, &o);
    for (int i = 0; i < 3; i++)
        free(subscribe(&w, W_STREAM, "[\"newHeads\"]"));
    refused_as(&w, W_STREAM, -32000, "too many subscriptions: at most 3 of one client", "eth_subscribe",
               "[\"logs\",{\"address\":\"" W_CONTRACT "\"}]");
    free(subscribe(&w, W_STREAM + 1, "[\"newHeads\"]"));
    w_mine(&w, 1);
    expect_nothing_more(&w, W_STREAM, 3);
    w_close(&w);
}

/* A message is kept once, however many it goes to: of a large transaction it has a quarter of a megabyte. */
static void test_many_readers(void **state) {
    enum { READERS = 100 };
    (void)state;
    world w;
    char *ids[READERS];
    size_t kept = 0, one = 0;
    w_open(&w);
    for (uint64_t i = 0; i < READERS; i++)
        ids[i] = subscribe(&w, W_STREAM + i / 2, "[\"newPendingTransactions\",true]");
    w_send_only(&w, h_transfer(1, 0, 2, 5));
    for (uint64_t i = 0; i < READERS; i++) {
        json_t *tx = notified(&w, W_STREAM + i / 2, i % 2, ids[i]);
        one = json_dumpb(tx, NULL, 0, JSON_COMPACT);
        json_decref(tx);
        free(ids[i]);
    }
    expect_nothing_more(&w, W_STREAM, 2);
    for (size_t i = 0; i < w.actions.count; i++)
        kept += w.actions.items[i].data.size;
    assert_in_range(kept, one, 3 * one);
    w_close(&w);
}

/* What filters and subscriptions watch for has a limit together. */
static void test_watched_values(void **state) {
    (void)state;
    world w;
    const world_options o = {.rpc = {.watched_values_max = 5}};
    static const char two[] = "[\"logs\",{\"address\":[\"" W_CONTRACT "\",\"" W_CONTRACT "\"]}]";
    static const char one[] = "[{\"topics\":[\"0x0000000000000000000000000000000000000000000000000000000000000001\"]}]";
    static const char sentence[] = "too many addresses and topics are watched: at most 5 of all filters";
    w_open_with(&w, &o);
    free(subscribe(&w, W_STREAM, two));
    json_decref(w_call(&w, "eth_newFilter", "%s", one));
    char *second = subscribe(&w, W_STREAM + 1, two);
    refused_as(&w, W_STREAM, -32000, sentence, "eth_subscribe", two);
    w_refused(&w, -32000, sentence, "eth_newFilter", "%s", one);
    free(subscribe(&w, W_STREAM, "[\"newHeads\"]")); /* which watches for no value */
    json_decref(w_call(&w, "eth_newFilter", "[{}]"));
    w_step(&w, (posw_event){.type = POSW_EVENT_CLIENT_CLOSED, .client = W_STREAM + 1});
    json_decref(w_call(&w, "eth_newFilter", "%s", one));
    free(second);
    w_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_heads),    cmocka_unit_test(test_order),   cmocka_unit_test(test_logs),
        cmocka_unit_test(test_removed_logs), cmocka_unit_test(test_pending), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_unsubscribe),  cmocka_unit_test(test_limit),   cmocka_unit_test(test_watched_values),
        cmocka_unit_test(test_many_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
