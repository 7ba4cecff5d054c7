/* What a pruned node answers: code 4444 where bodies or receipts are asked for that are gone, everything else as ever.
 */
#include "rpc/world.h"

#include "store/store_memory.h"

enum { KEEP = POSW_CHAIN_BODIES_MIN + POSW_CHAIN_BODIES_SLACK, BLOCKS = KEEP + 100, PART = 8192 };

static world w;
static uint64_t first;                /* body */
static char old_tx[67], young_tx[67]; /* of block 2 and of the first that is kept */

static void tx_of(char out[67], uint64_t number) {
    json_t *b = w_call(&w, "eth_getBlockByNumber", "[\"0x%" PRIx64 "\",false]", number);
    snprintf(out, 67, "%s", json_string_value(json_array_get(json_object_get(b, "transactions"), 0)));
    json_decref(b);
}

static int setup(void **state) {
    posw_chain_pruning p;
    (void)state;
    w_open(&w);
    posw_store_memory_set_part(w.chain.store, PART);
    h_grow(w.chain.chain, BLOCKS);
    w.now_ms = (posw_chain_tip(w.chain.chain)->timestamp + 1) * 1000;
    w_step(&w, (posw_event){.type = POSW_EVENT_TICK});
    tx_of(old_tx, 2);
    for (unsigned n = 3; n < 10; n++) { /* block 2 leaves the cache */
        char other[67];
        tx_of(other, BLOCKS - n);
    }
    do
        ok(posw_chain_prune(w.chain.chain, 1, &p));
    while (p.more);
    first = posw_chain_first_body(w.chain.chain);
    assert_in_range(first, 40, 100);
    tx_of(young_tx, first);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    w_close(&w);
    return 0;
}

__attribute__((format(printf, 2, 3))) static void pruned(const char *method, const char *format, ...) {
    char params[300], message[200];
    va_list args;
    va_start(args, format);
    vsnprintf(params, sizeof params, format, args);
    va_end(args);
    snprintf(message, sizeof message,
             "pruned history unavailable: this node keeps transactions and receipts from block %" PRIu64 " on", first);
    w_refused(&w, 4444, message, method, "%s", params);
}

__attribute__((format(printf, 2, 3))) static void answered(const char *method, const char *format, ...) {
    char params[300];
    va_list args;
    va_start(args, format);
    vsnprintf(params, sizeof params, format, args);
    va_end(args);
    json_t *v = w_call(&w, method, "%s", params);
    assert_false(json_is_null(v));
    json_decref(v);
}

static void what_is_gone(void **state) {
    (void)state;
    pruned("eth_getBlockByNumber", "[\"0x2\",false]");
    pruned("eth_getBlockByNumber", "[\"0x%" PRIx64 "\",true]", (uint64_t)2);
    pruned("eth_getBlockByHash", "[\"%s\",false]", w_hash_at(&w, 2));
    pruned("eth_getBlockTransactionCountByNumber", "[\"0x2\"]");
    pruned("eth_getTransactionByBlockNumberAndIndex", "[\"0x2\",\"0x0\"]");
    pruned("eth_getBlockReceipts", "[\"0x2\"]");
    pruned("debug_getRawBlock", "[\"0x2\"]");
    pruned("debug_getRawReceipts", "[\"0x2\"]");
    pruned("posw_getBlockTransactions", "[\"0x2\"]");
    pruned("eth_feeHistory", "[\"0x2\",\"0x3\",[50]]");
    pruned("ots_getBlockTransactions", "[2,0,10]");
    pruned("ots_getTransactionBySenderAndNonce", "[\"%s\",0]", w_address(5));
    /* an index has nothing to say of what is not there */
    w_null(&w, "eth_getTransactionByHash", "[\"%s\"]", old_tx);
    w_null(&w, "eth_getTransactionReceipt", "[\"%s\"]", old_tx);
}

static void logs(void **state) {
    (void)state;
    pruned("eth_getLogs", "[{\"fromBlock\":\"earliest\",\"toBlock\":\"0x5\"}]");
    pruned("eth_getLogs", "[{\"fromBlock\":\"0x%" PRIx64 "\",\"toBlock\":\"latest\"}]", first - 1);
    pruned("eth_getLogs", "[{\"blockHash\":\"%s\"}]", w_hash_at(&w, 2));
    answered("eth_getLogs", "[{\"fromBlock\":\"0x%" PRIx64 "\",\"toBlock\":\"latest\"}]", first);
}

static void what_is_there(void **state) {
    (void)state;
    answered("eth_getBlockByNumber", "[\"0x%" PRIx64 "\",true]", first);
    answered("eth_getBlockReceipts", "[\"0x%" PRIx64 "\"]", first);
    answered("eth_getTransactionByHash", "[\"%s\"]", young_tx);
    answered("eth_getTransactionReceipt", "[\"%s\"]", young_tx);
    answered("eth_getBlockByNumber", "[\"earliest\",true]"); /* no transactions: its header is all of it */
    answered("eth_getBlockReceipts", "[\"earliest\"]");
}

/* Headers of any age are enough for these. */
static void headers(void **state) {
    (void)state;
    answered("debug_getRawHeader", "[\"0x2\"]");
    answered("erigon_getHeaderByNumber", "[\"0x2\"]");
    answered("eth_feeHistory", "[\"0x4\",\"0x5\",[]]");
    json_t *v = w_call(&w, "posw_getBlockSummary", "[\"0x2\"]");
    assert_string_equal(w_string(v, "hash"), w_hash_at(&w, 2));
    assert_true(json_is_null(json_object_get(v, "transactions")));
    json_decref(v);
    v = w_call(&w, "posw_getBlockSummary", "[\"0x%" PRIx64 "\"]", first);
    assert_int_equal(w_u64(v, "transactions"), 1);
    json_decref(v);
    v = w_call(&w, "posw_getBlockStats", "[\"0x%" PRIx64 "\",\"0x%" PRIx64 "\"]", first - 3, first + 3);
    const json_t *blocks = json_object_get(v, "blocks");
    assert_int_equal(json_array_size(blocks), 7);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(json_object_get(json_array_get(blocks, i), "transactions") != NULL, i >= 3);
    json_decref(v);
}

/* Searches end where the bodies do, and say so. */
static void searches(void **state) {
    uint64_t found = 0, block = BLOCKS, index = UINT64_MAX;
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        json_t *v = w_call(&w, "posw_getAccountTransactions", "[\"%s\",100,\"0x%" PRIx64 "\",\"0x%" PRIx64 "\"]",
                           w_address(5), block, index);
        const json_t *next = json_object_get(v, "next");
        found += json_array_size(json_object_get(v, "transactions"));
        assert_int_equal(w_u64(v, "firstBody"), first);
        const bool done = json_is_null(next);
        if (!done) {
            block = w_u64(next, "block");
            index = w_u64(next, "index");
        }
        json_decref(v);
        if (done) break;
    }
    assert_int_equal(found, BLOCKS - first + 1);
    json_t *v = w_call(&w, "ots_searchTransactionsAfter", "[\"%s\",0,5]", w_address(5));
    assert_true(json_is_true(json_object_get(v, "lastPage")));
    json_decref(v);
}

static void status(void **state) {
    (void)state;
    json_t *v = w_call(&w, "posw_status", "[]");
    assert_int_equal(w_u64(v, "firstBody"), first);
    json_decref(v);
    json_t *syncing = w_call(&w, "eth_syncing", "[]");
    assert_true(json_is_false(syncing));
    json_decref(syncing);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_gone), cmocka_unit_test(logs),     cmocka_unit_test(what_is_there),
        cmocka_unit_test(headers),      cmocka_unit_test(searches), cmocka_unit_test(status),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
