/* JSON-RPC itself: envelopes, ids, errors, batches, notifications, limits. */
#include "rpc/world.h"

#include "rpc/rpc_internal.h"

static void expect_answer(world *w, const char *request, const char *answer) {
    w_data(w, W_HTTP, request, strlen(request));
    assert_int_equal(w->actions.items[0].type, POSW_ACTION_SEND);
    const posw_buf *data = &w->actions.items[0].data;
    char *text = calloc(data->size + 1, 1);
    memcpy(text, data->data == NULL ? (const uint8_t *)"" : data->data, data->size);
    assert_string_equal(text, answer);
    free(text);
}

static void test_golden(void **state) {
    (void)state;
    static const char *const PAIRS[][2] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_blockNumber\",\"params\":[]}",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x0\"}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"b\",\"method\":\"eth_chainId\"}",
         "{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"b\",\"result\":\"0x539\"}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"net_version\",\"params\":null}",
         "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":\"1337\"}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"eth_syncing\",\"params\":{}}",
         "{\"jsonrpc\":\"2.0\",\"id\":true,\"result\":false}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"eth_accounts\"}",
         "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"result\":[]}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":-9223372036854775807,\"method\":\"net_listening\"}",
         "{\"jsonrpc\":\"2.0\",\"id\":-9223372036854775807,\"result\":true}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"net_peerCount\"}",
         "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"0x0\"}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"web3_sha3\",\"params\":[\"0x68656c6c6f20776f726c64\"]}",
         "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":"
         "\"0x47173285a8d7341e5e972fc677286384f802f8ef42a5ec5f03bbfa254cb01fad\"}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_nothing\"}",
         "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32601,\"message\":\"the method eth_nothing does not "
         "exist/is not available\"}}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_chainId\",\"params\":[1]}",
         "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32602,\"message\":\"too many arguments, want at most "
         "0\"}}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_getBalance\"}",
         "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32602,\"message\":\"missing value for required argument "
         "0\"}}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_getBalance\",\"params\":{\"a\":1}}",
         "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32602,\"message\":\"non-array args\"}}"},
        {"{\"id\":2,\"method\":\"eth_chainId\"}",
         "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":2}",
         "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
        {"{\"jsonrpc\":\"2.0\",\"id\":[2],\"method\":\"eth_chainId\"}",
         "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
        {"17", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}"},
        {"[]", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"empty batch\"}}"},
        {"[1]", "[{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"invalid request\"}}]"},
        {"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\"},{\"jsonrpc\":\"2.0\",\"method\":\"eth_chainId\"},"
         "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"x\"},3]",
         "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x539\"},{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-"
         "32601,\"message\":"
         "\"the method x does not exist/is not "
         "available\"}},{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":"
         "\"invalid request\"}}]"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"eth_chainId\"}", ""},
        {"[{\"jsonrpc\":\"2.0\",\"method\":\"eth_chainId\"},{\"jsonrpc\":\"2.0\",\"method\":\"nothing\"}]", ""},
        {"",
         "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"parse error: empty request\"}}"},
    };
    world w;
    w_open(&w);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(PAIRS); i++)
        expect_answer(&w, PAIRS[i][0], PAIRS[i][1]);
    w_text(&w, "posw/v0.1.0", "web3_clientVersion", "[]");
    w_close(&w);
}

/* As many as are carried out, whatever else stands in them. */
static void test_count_calls(void **state) {
    (void)state;
    static const struct {
        const char *text;
        unsigned count;
    } cases[] = {
        {"", 1},
        {"{\"id\":1,\"method\":\"x\",\"params\":[1,2,3]}", 1},
        {"[]", 1},
        {"[{}]", 1},
        {"[{},{}]", 2},
        {" \t\r\n[1,2 , 3]", 3},
        {"[{\"params\":[1,2,[3,4]],\"id\":1},{\"id\":2}]", 2},
        {"[{\"a\":\"]},[{\\\",\"},\",\",[],\"\\\\\",1]", 5},
        {"[\"not ended,,,", 1},
        {"]]][1,2]", 1},
        {"[1]],2,3", 1},
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        const unsigned n = posw_rpc_count_calls(posw_bytes_of(cases[i].text, strlen(cases[i].text)));
        if (n != cases[i].count) fail_msg("%s: %u", cases[i].text, n);
    }
}

static void test_parse_errors(void **state) {
    (void)state;
    static const char *const TEXTS[] = {"{",
                                        "{\"jsonrpc\":\"2.0\"",
                                        "nonsense",
                                        "{} {}",
                                        "[1,]",
                                        "\"\xff\"",
                                        "{\"id\":99999999999999999999}",
                                        "{\"a\":\"\\u0000\"}",
                                        "\"",
                                        "\"\\"};
    world w;
    w_open(&w);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(TEXTS); i++) {
        json_t *answer = w_ask(&w, TEXTS[i]), *error = json_object_get(answer, "error");
        assert_int_equal(json_integer_value(json_object_get(error, "code")), -32700);
        assert_true(json_is_null(json_object_get(answer, "id")));
        assert_null(json_object_get(answer, "result"));
        json_decref(answer);
    }
    w_close(&w);
}

static int64_t error_code(const json_t *answer) {
    return json_integer_value(json_object_get(json_object_get(answer, "error"), "code"));
}

/* Nesting at the limit is read, one more is not. */
static void test_depth(void **state) {
    (void)state;
    world w;
    w_open(&w);
    for (size_t extra = 0; extra < 2; extra++) {
        size_t nested = RPC_DEPTH_MAX - 2 + extra; /* inside of the request and its params */
        posw_buf text = {0};
        posw_buf_text(&text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"web3_sha3\",\"params\":[");
        for (size_t i = 0; i < nested; i++)
            posw_buf_byte(&text, '[');
        for (size_t i = 0; i < nested; i++)
            posw_buf_byte(&text, ']');
        posw_buf_text(&text, "]}");
        w_data(&w, W_HTTP, text.data, text.size);
        json_t *answer = w_sent(&w, W_HTTP, 0);
        assert_int_equal(error_code(answer), extra == 0 ? -32602 : -32700);
        json_decref(answer);
        posw_buf_clear(&text);
    }
    w_close(&w);
}

static void test_values_limit(void **state) {
    (void)state;
    world w;
    w_open(&w);
    for (size_t extra = 0; extra < 2; extra++) {
        posw_buf text = {0};
        posw_buf_byte(&text, '[');
        for (size_t i = 0; i < RPC_VALUES_MAX - 1 + extra; i++)
            posw_buf_text(&text, "1,");
        posw_buf_text(&text, "1]");
        w_data(&w, W_HTTP, text.data, text.size);
        json_t *answer = w_sent(&w, W_HTTP, 0);
        assert_int_equal(error_code(answer), extra == 0 ? -32600 : -32700); /* the batch is too large in any case */
        json_decref(answer);
        posw_buf_clear(&text);
    }
    w_close(&w);
}

static json_t *batch_of(world *w, const char *request, size_t count) {
    posw_buf text = {0};
    for (size_t i = 0; i < count; i++) {
        posw_buf_byte(&text, i == 0 ? '[' : ',');
        posw_buf_text(&text, request);
    }
    posw_buf_byte(&text, ']');
    w_data(w, W_HTTP, text.data, text.size);
    posw_buf_clear(&text);
    return w_sent(w, W_HTTP, 0);
}

static void test_batch_limit(void **state) {
    (void)state;
    world w;
    w_open(&w);
    static const char REQUEST[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_blockNumber\"}";
    json_t *answer = batch_of(&w, REQUEST, 1000);
    assert_int_equal(json_array_size(answer), 1000);
    json_decref(answer);
    answer = batch_of(&w, REQUEST, 1001);
    assert_int_equal(error_code(answer), -32600);
    json_decref(answer);
    w_close(&w);
}

/* What does not fit is refused, what fits before it is answered, and the whole stays bounded. */
static void test_answer_limit(void **state) {
    (void)state;
    world w;
    const world_options o = {.rpc = {.answer_bytes_max = 4000}};
    static const char REQUEST[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getBlockByNumber\",\"params\":[\"0x0\",false]}";
    w_open_with(&w, &o);
    json_t *answer = batch_of(&w, REQUEST, 10);
    size_t good = 0, refused = 0;
    for (size_t i = 0; i < 10; i++) {
        const json_t *one = json_array_get(answer, i);
        good += json_object_get(one, "result") != NULL;
        refused += error_code(one) == -32003;
        assert_int_equal(json_object_size(one), 3);
    }
    assert_true(good >= 1 && refused >= 1 && good + refused == 10);
    assert_true(w.actions.items[0].data.size < 4000 + 10 * 100);
    json_decref(answer);
    w_close(&w);

    const world_options tiny = {.rpc = {.answer_bytes_max = 1000}};
    w_open_with(&w, &tiny);
    w_refused(&w, -32003, "response too large", "eth_getBlockByNumber", "[\"0x0\",false]");
    w_close(&w);
}

/* Each look at it takes 0.1 s. */
static uint64_t slow_stopwatch_us(void) {
    static uint64_t us;
    return us += 100000;
}

/* What has begun in time is done, the rest is refused; and the next batch has its own time. */
static void test_batch_time(void **state) {
    (void)state;
    world w;
    const world_options o = {.rpc = {.stopwatch_us = slow_stopwatch_us, .batch_us_max = 1000000}};
    static const char REQUEST[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_blockNumber\"}";
    w_open_with(&w, &o);
    for (int round = 0; round < 2; round++) {
        json_t *answer = batch_of(&w, REQUEST, 20);
        assert_int_equal(json_array_size(answer), 20);
        for (size_t i = 0; i < 20; i++) {
            const json_t *one = json_array_get(answer, i);
            assert_int_equal(json_object_get(one, "result") != NULL, i < 9);
            if (i >= 9) assert_int_equal(error_code(one), -32003);
        }
        json_decref(answer);
    }
    w_close(&w);
}

static void test_method_table(void **state) {
    (void)state;
    size_t count;
    const rpc_method *table = rpc_methods(&count);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) assert_true(strcmp(table[i - 1].name, table[i].name) < 0);
        assert_true(table[i].required <= table[i].most);
        assert_ptr_equal(rpc_method_find(table[i].name, true, true), &table[i]);
    }
    assert_null(rpc_method_find("", true, true));
    assert_null(rpc_method_find("zzz", true, true));
    assert_null(rpc_method_find("evm_mine", false, true));
    assert_null(rpc_method_find("admin_peers", true, false));
}

/* Every method that takes arguments refuses null for the first required one, and each refuses one too many. */
static void test_argument_counts(void **state) {
    (void)state;
    world w;
    size_t count;
    const rpc_method *table = rpc_methods(&count);
    w_open(&w);
    for (size_t i = 0; i < count; i++) {
        char params[64] = "[";
        for (size_t k = 0; k <= table[i].most; k++)
            strcat(params, k == 0 ? "null" : ",null");
        strcat(params, "]");
        json_t *error = w_error(&w, table[i].name, "%s", params);
        assert_int_equal(json_integer_value(json_object_get(error, "code")), -32602);
        json_decref(error);
        if (table[i].required == 0) continue;
        error = w_error(&w, table[i].name, "[]");
        assert_string_equal(w_string(error, "message"), "missing value for required argument 0");
        json_decref(error);
    }
    w_close(&w);
}

static void test_production(void **state) {
    (void)state;
    world w;
    const world_options o = {.production = true};
    w_open_with(&w, &o);
    w_refused(&w, -32601, "the method evm_mine does not exist/is not available", "evm_mine", "[]");
    w_refused(&w, -32601, "the method evm_increaseTime does not exist/is not available", "evm_increaseTime", "[5]");
    w_close(&w);
}

/* A stream gets no empty message, an HTTP client gets its empty answer. */
static void test_notifications(void **state) {
    (void)state;
    world w;
    w_open(&w);
    static const char TEXT[] = "{\"jsonrpc\":\"2.0\",\"method\":\"eth_chainId\"}";
    w_data(&w, W_STREAM, TEXT, sizeof TEXT - 1);
    assert_int_equal(w.actions.count, 0);
    w_data(&w, W_HTTP, TEXT, sizeof TEXT - 1);
    assert_int_equal(w.actions.count, 1);
    assert_int_equal(w.actions.items[0].data.size, 0);
    /* A notification is carried out all the same. */
    static const char MINE[] = "{\"jsonrpc\":\"2.0\",\"method\":\"evm_mine\"}";
    w_data(&w, W_STREAM, MINE, sizeof MINE - 1);
    assert_int_equal(w_number(&w, "eth_blockNumber", "[]"), 1);
    w_close(&w);
}

/* posw_rpc_handle alone appends what a step would send. */
static void test_handle(void **state) {
    (void)state;
    world w;
    posw_buf answer = {0};
    posw_actions out = {0};
    w_open(&w);
    static const char TEXT[] = "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"eth_chainId\"}";
    posw_rpc_handle(w.rpc, 1, false, posw_bytes_of(TEXT, sizeof TEXT - 1), &answer, &out);
    posw_buf_byte(&answer, 0);
    assert_string_equal((const char *)answer.data, "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":\"0x539\"}");
    posw_buf_clear(&answer);
    posw_actions_clear(&out);
    w_close(&w);
}

/* The check that every other test relies on does refuse. */
static void test_schema_refuses(void **state) {
    (void)state;
    world w;
    w_open(&w);
    json_t *block = w_call(&w, "eth_getBlockByNumber", "[\"0x0\",false]");
    const json_t *rule = json_object_get(json_object_get(w.schema.root, "schemas"), "Block");
    assert_true(schema_matches(&w.schema, rule, block));
    json_object_set_new(block, "gasUsed", json_string("0x00"));
    assert_false(schema_matches(&w.schema, rule, block));
    json_object_set_new(block, "gasUsed", json_string("0x0"));
    json_object_del(block, "size");
    assert_false(schema_matches(&w.schema, rule, block));
    json_decref(block);
    json_t *log = json_pack("{s:s}", "transactionHash", w_hash_at(&w, 0));
    rule = json_object_get(json_object_get(w.schema.root, "schemas"), "Log");
    assert_true(schema_matches(&w.schema, rule, log));
    json_object_set_new(log, "more", json_null());
    assert_false(schema_matches(&w.schema, rule, log));
    json_decref(log);
    w_close(&w);
}

/* A store that fails at any place gives an internal error, never a wrong answer, and all is well afterwards. */
static void test_store_faults(void **state) {
    (void)state;
    static const char *const METHODS[][2] = {
        {"eth_getBlockByNumber", "[\"0x1\",true]"},
        {"eth_getBlockReceipts", "[\"0x1\"]"},
        {"eth_getLogs", "[{\"fromBlock\":\"0x0\"}]"},
        {"eth_feeHistory", "[3,\"latest\",[50]]"},
        {"eth_gasPrice", "[]"},
        {"eth_getUncleCountByBlockNumber", "[\"0x1\"]"},
        {"debug_getRawBlock", "[\"0x1\"]"},
        {"debug_getRawReceipts", "[\"0x1\"]"},
    };
    world w;
    w_open(&w);
    w_send_only(&w, h_stake(1, 0, 3, 50));
    w_mine(&w, 2);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(METHODS); i++) {
        json_t *want = w_call(&w, METHODS[i][0], "%s", METHODS[i][1]);
        size_t failures = 0;
        for (uint64_t nth = 1; nth <= 40; nth++) {
            char text[256];
            posw_rpc_free(w.rpc); /* nothing remembered */
            const posw_rpc_options r = {0};
            ok(posw_rpc_new(&w.rpc, w.node, &r));
            snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}", METHODS[i][0],
                     METHODS[i][1]);
            posw_store_memory_fail(w.chain.store, nth, POSW_EIO, false);
            json_t *answer = w_ask(&w, text);
            posw_store_memory_fail(w.chain.store, 0, POSW_OK, false);
            if (json_object_get(answer, "error") != NULL)
                assert_int_equal(error_code(answer), -32603);
            else
                assert_true(json_equal(json_object_get(answer, "result"), want));
            failures += json_object_get(answer, "error") != NULL;
            json_decref(answer);
        }
        assert_true(failures > 0 && failures < 40);
        json_decref(want);
    }
    w_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),       cmocka_unit_test(test_count_calls),
        cmocka_unit_test(test_parse_errors), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_values_limit), cmocka_unit_test(test_batch_limit),
        cmocka_unit_test(test_batch_time),   cmocka_unit_test(test_answer_limit),
        cmocka_unit_test(test_method_table), cmocka_unit_test(test_argument_counts),
        cmocka_unit_test(test_production),   cmocka_unit_test(test_notifications),
        cmocka_unit_test(test_handle),       cmocka_unit_test(test_schema_refuses),
        cmocka_unit_test(test_store_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
