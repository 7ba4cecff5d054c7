/* Requests that went wrong on the way: whatever comes in, an answer is valid JSON-RPC or there is none. Fixed seeds. */
#include "rpc/world.h"

#include "rpc/rpc_internal.h"

/* A well-formed request for each method that takes more than nothing; the rest are made from the table. */
static const char *const SEEDS[] = {
    "\"eth_getBalance\",\"params\":[\"" W_CONTRACT "\",\"latest\"]",
    "\"eth_getBalance\",\"params\":[\"" W_CONTRACT "\",{\"blockNumber\":\"0x1\",\"requireCanonical\":true}]",
    "\"eth_getCode\",\"params\":[\"" W_CONTRACT "\",\"0x1\"]",
    "\"eth_getStorageAt\",\"params\":[\"" W_CONTRACT "\",\"0x0\",\"safe\"]",
    "\"eth_getTransactionCount\",\"params\":[\"" W_CONTRACT "\",\"pending\"]",
    "\"eth_getProof\",\"params\":[\"" W_CONTRACT "\",[\"0x0\",\"0x1\"],\"latest\"]",
    "\"eth_call\",\"params\":[{\"to\":\"" W_CONTRACT
    "\",\"data\":\"0x6f4a2cd0\",\"value\":\"0x1\",\"gas\":\"0x30d40\",\"accessList\":[{\"address\":\"" W_CONTRACT
    "\",\"storageKeys\":[]}]},\"latest\"]",
    "\"eth_estimateGas\",\"params\":[{\"to\":\"" W_CONTRACT
    "\",\"input\":\"0x8b0e9f3f\",\"maxFeePerGas\":\"0x77359400\"}]",
    "\"eth_createAccessList\",\"params\":[{\"to\":\"" W_CONTRACT "\"},\"latest\"]",
    "\"eth_feeHistory\",\"params\":[\"0x5\",\"latest\",[10,50,90]]",
    "\"eth_getBlockByNumber\",\"params\":[\"pending\",true]",
    "\"eth_getBlockByNumber\",\"params\":[\"0x1\",true]",
    "\"eth_getBlockReceipts\",\"params\":[\"finalized\"]",
    "\"eth_getLogs\",\"params\":[{\"fromBlock\":\"0x0\",\"toBlock\":\"latest\",\"address\":[\"" W_CONTRACT
    "\"],\"topics\":[null,[]]}]",
    "\"eth_newFilter\",\"params\":[{\"fromBlock\":\"0x0\"}]",
    "\"eth_newBlockFilter\",\"params\":[]",
    "\"eth_newPendingTransactionFilter\",\"params\":[]",
    "\"eth_getFilterChanges\",\"params\":[\"0x1\"]",
    "\"eth_subscribe\",\"params\":[\"logs\",{\"address\":\"" W_CONTRACT "\"}]",
    "\"eth_subscribe\",\"params\":[\"newPendingTransactions\",true]",
    "\"eth_unsubscribe\",\"params\":[\"0x1\"]",
    "\"eth_sendRawTransaction\",\"params\":[\"0x02f8708205390184\"]",
    "\"debug_getRawBlock\",\"params\":[\"0x1\"]",
    "\"debug_getRawReceipts\",\"params\":[\"0x1\"]",
    "\"ots_getBlockTransactions\",\"params\":[1,0,25]",
    "\"ots_searchTransactionsBefore\",\"params\":[\"" W_CONTRACT "\",0,25]",
    "\"ots_searchTransactionsAfter\",\"params\":[\"" W_CONTRACT "\",0,25]",
    "\"posw_getEpoch\",\"params\":[\"0x1\"]",
    "\"posw_getBlockStats\",\"params\":[\"0x0\",\"latest\",4]",
    "\"posw_getBlockSummary\",\"params\":[\"0x1\"]",
    "\"posw_getBlockTransactions\",\"params\":[\"0x1\",\"0x0\",5]",
    "\"posw_getAccountTransactions\",\"params\":[\"" W_CONTRACT "\",5,\"0x1\",\"0x1\"]",
    "\"posw_getMiners\",\"params\":[3]",
    "\"posw_getPendingTransactions\",\"params\":[3]",
    "\"posw_getStake\",\"params\":[\"" W_CONTRACT "\"]",
    "\"posw_getMiner\",\"params\":[\"" W_CONTRACT "\"]",
    "\"posw_getStakeProof\",\"params\":[\"" W_CONTRACT "\",\"0x1\"]",
    "\"posw_getWork\",\"params\":[\"" W_CONTRACT "\"]",
    "\"posw_submitBlock\",\"params\":[\"0xf90202f901fda0\"]",
    "\"evm_increaseTime\",\"params\":[1]",
    "\"txpool_contentFrom\",\"params\":[\"" W_CONTRACT "\"]",
};

static bool is_answer(const json_t *v) {
    if (!json_is_object(v) || json_object_size(v) != 3 || json_object_get(v, "id") == NULL) return false;
    const json_t *error = json_object_get(v, "error");
    if ((error != NULL) == (json_object_get(v, "result") != NULL)) return false;
    return error == NULL ||
           (json_is_integer(json_object_get(error, "code")) && json_is_string(json_object_get(error, "message")));
}

static void check_answer(posw_bytes request, posw_bytes answer) {
    json_error_t error;
    if (answer.size == 0) return; /* a notification */
    json_t *v = json_loadb((const char *)answer.data, answer.size, 0, &error);
    bool good = v != NULL && (json_is_array(v) ? json_array_size(v) > 0 : is_answer(v));
    for (size_t i = 0; good && i < json_array_size(v); i++)
        good = is_answer(json_array_get(v, i));
    if (!good)
        fail_msg("%.*s -> %.*s", (int)request.size, (const char *)request.data, (int)answer.size,
                 (const char *)answer.data);
    json_decref(v);
}

/* Goes past the step so that what was sent to others does not pile up. */
static void check_request(world *w, posw_buf *request, bool stream) {
    posw_buf answer = {0};
    posw_actions_reset(&w->actions);
    posw_rpc_handle(w->rpc, stream ? W_STREAM : W_HTTP, stream, posw_buf_view(request), &answer, &w->actions);
    check_answer(posw_buf_view(request), posw_buf_view(&answer));
    posw_buf_clear(&answer);
}

static void seed_request(posw_buf *out, uint64_t *random) {
    size_t count;
    const rpc_method *table = rpc_methods(&count);
    size_t pick = (size_t)random_below(random, POSW_ARRAY_SIZE(SEEDS) + count);
    posw_buf_reset(out);
    posw_buf_text(out, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":");
    if (pick < POSW_ARRAY_SIZE(SEEDS))
        posw_buf_text(out, SEEDS[pick]);
    else
        posw_buf_printf(out, "\"%s\",\"params\":[]", table[pick - POSW_ARRAY_SIZE(SEEDS)].name);
    posw_buf_byte(out, '}');
}

static void mutate(posw_buf *b, uint64_t *random) {
    static const char TOKENS[] = "\"\\[]{}:,0x1truefalsenull-.e \xff";
    for (uint64_t n = random_below(random, 4); n > 0; n--) {
        size_t at = (size_t)random_below(random, b->size), size = (size_t)random_below(random, 8);
        switch (random_below(random, 5)) {
        case 0:
            b->data[at] = (uint8_t)random_next(random);
            break;
        case 1:
            b->data[at] = (uint8_t)TOKENS[random_below(random, sizeof TOKENS - 1)];
            break;
        case 2: /* a piece goes */
            if (at + size >= b->size) break;
            memmove(b->data + at, b->data + at + size, b->size - at - size);
            b->size -= size;
            break;
        case 3: /* a piece is doubled */
            if (at + size >= b->size || posw_buf_extend(b, size) == NULL) break;
            memmove(b->data + at + size, b->data + at, b->size - size - at);
            break;
        case 4:
            b->size = at + 1;
            break;
        }
    }
}

static void test_mutations(void **state) {
    (void)state;
    world w;
    uint64_t random = 20240607;
    posw_buf request = {0};
    w_open(&w);
    w_send_only(&w, h_stake(1, 0, 3, 50));
    w_mine(&w, 3);
    w_send_only(&w, h_transfer(1, 1, 2, 1));
    for (int i = 0; i < 20000; i++) {
        seed_request(&request, &random);
        mutate(&request, &random);
        check_request(&w, &request, random_next(&random) & 1);
    }
    posw_buf_clear(&request);
    w_close(&w);
}

/* Values of every type in every place of every method. */
static void random_value(posw_buf *out, uint64_t *random, int depth) {
    static const char *const VALUES[] = {"null",
                                         "true",
                                         "false",
                                         "0",
                                         "-1",
                                         "1e3",
                                         "9223372036854775807",
                                         "\"\"",
                                         "\"0x\"",
                                         "\"0x0\"",
                                         "\"0x1\"",
                                         "\"latest\"",
                                         "\"pending\"",
                                         "\"finalized\"",
                                         "\"" W_CONTRACT "\"",
                                         "\"newHeads\"",
                                         "\"logs\"",
                                         "{}",
                                         "[]",
                                         "\"0x00000000000000000000000000000000000000000000000000000000deadbeef\"",
                                         "\"0xffffffffffffffff\"",
                                         "\"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\""};
    static const char *const KEYS[] = {"to",          "from",     "data",   "value",     "gas",         "fromBlock",
                                       "toBlock",     "address",  "topics", "blockHash", "blockNumber", "accessList",
                                       "storageKeys", "sealHash", "nonce",  "mixHash",   "blocks",      "gasPrice"};
    uint64_t kind = random_below(random, 10);
    if (depth == 0 || kind < 6) {
        posw_buf_text(out, VALUES[random_below(random, POSW_ARRAY_SIZE(VALUES))]);
        return;
    }
    bool object = kind >= 8;
    posw_buf_byte(out, object ? '{' : '[');
    for (uint64_t n = random_below(random, 4); n > 0; n--) {
        if (object) posw_buf_printf(out, "\"%s\":", KEYS[random_below(random, POSW_ARRAY_SIZE(KEYS))]);
        random_value(out, random, depth - 1);
        if (n > 1) posw_buf_byte(out, ',');
    }
    posw_buf_byte(out, object ? '}' : ']');
}

static void test_random_arguments(void **state) {
    (void)state;
    world w;
    uint64_t random = 99;
    size_t count;
    const rpc_method *table = rpc_methods(&count);
    posw_buf request = {0};
    w_open(&w);
    w_mine(&w, 3);
    for (int i = 0; i < 20000; i++) {
        const rpc_method *m = &table[random_below(&random, count)];
        posw_buf_reset(&request);
        posw_buf_printf(&request, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":[", m->name);
        for (uint64_t k = 0, n = m->required + random_below(&random, (uint64_t)(m->most - m->required) + 1); k < n;
             k++) {
            if (k > 0) posw_buf_byte(&request, ',');
            random_value(&request, &random, 3);
        }
        posw_buf_text(&request, "]}");
        check_request(&w, &request, random_next(&random) & 1);
    }
    posw_buf_clear(&request);
    w_close(&w);
}

/* Every prefix of a batch. */
static void test_prefixes(void **state) {
    (void)state;
    static const char TEXT[] = "[{\"jsonrpc\":\"2.0\",\"id\":\"\\u00e9\\\"\",\"method\":\"eth_getLogs\",\"params\":[{"
                               "\"topics\":[[\"0x1\"]]}]},"
                               "{\"jsonrpc\":\"2.0\",\"method\":\"eth_chainId\"},7,{\"id\":1.25}]";
    world w;
    posw_buf request = {0};
    w_open(&w);
    for (size_t size = 0; size < sizeof TEXT; size++) {
        posw_buf_reset(&request);
        posw_buf_append(&request, TEXT, size);
        check_request(&w, &request, false);
    }
    posw_buf_clear(&request);
    w_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_random_arguments),
        cmocka_unit_test(test_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
