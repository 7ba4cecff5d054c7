/* Arguments that are wrong, and the sentence for each. */
#include "rpc/world.h"

#define A "0x00000000000000000000000000000000706f7377"
#define H "0x00000000000000000000000000000000000000000000000000000000deadbeef"

typedef struct {
    const char *method, *params, *message;
    int code;
} wrong;

static const wrong WRONG[] = {
    /* addresses */
    {"eth_getBalance", "[5]", "invalid argument 0: not a string, want an address", -32602},
    {"eth_getBalance", "[\"\"]", "invalid argument 0: empty string, want an address", -32602},
    {"eth_getBalance", "[\"706f7377\"]", "invalid argument 0: hex string without 0x prefix", -32602},
    {"eth_getBalance", "[\"0x706f7377\"]", "invalid argument 0: hex string has length 8, want 40 for an address",
     -32602},
    {"eth_getBalance", "[\"0x00000000000000000000000000000000706f73zz\"]", "invalid argument 0: invalid hex string",
     -32602},
    {"eth_getBalance", "[null]", "missing value for required argument 0", -32602},
    /* blocks */
    {"eth_getBalance", "[\"" A "\",\"5\"]", "invalid argument 1: hex string without 0x prefix", -32602},
    {"eth_getBalance", "[\"" A "\",\"newest\"]", "invalid argument 1: hex string without 0x prefix", -32602},
    {"eth_getBalance", "[\"" A "\",\"0x\"]", "invalid argument 1: hex string \"0x\"", -32602},
    {"eth_getBalance", "[\"" A "\",\"0x05\"]", "invalid argument 1: hex number with leading zero digits", -32602},
    {"eth_getBalance", "[\"" A "\",\"0xg\"]", "invalid argument 1: invalid hex string", -32602},
    {"eth_getBalance", "[\"" A "\",\"0x10000000000000000\"]", "invalid argument 1: hex number > 64 bits", -32602},
    {"eth_getBalance", "[\"" A "\",-1]", "invalid argument 1: negative number", -32602},
    {"eth_getBalance", "[\"" A "\",true]", "invalid argument 1: not a string, want a hex number", -32602},
    {"eth_getBalance", "[\"" A "\",\"0x5\"]", "header not found", -32000},
    {"eth_getBalance", "[\"" A "\",\"" H "\"]", "header for hash not found", -32000},
    {"eth_getBalance", "[\"" A "\",{}]", "invalid argument 1: specify blockHash or blockNumber", -32602},
    {"eth_getBalance", "[\"" A "\",{\"blockHash\":\"" H "\",\"blockNumber\":\"0x0\"}]",
     "invalid argument 1: cannot specify both BlockHash and BlockNumber, choose one or the other", -32602},
    {"eth_getBalance", "[\"" A "\",{\"blockHash\":\"0x12\"}]",
     "invalid argument 1: blockHash: hex string has length 2, want 64 for a hash", -32602},
    {"eth_getBalance", "[\"" A "\",{\"blockHash\":\"" H "\",\"requireCanonical\":1}]",
     "invalid argument 1: requireCanonical: not a boolean", -32602},
    {"eth_getBlockByNumber", "[\"0x0\"]", "missing value for required argument 1", -32602},
    {"eth_getBlockByNumber", "[\"0x0\",\"yes\"]", "invalid argument 1: not a boolean", -32602},
    {"eth_getBlockByHash", "[\"0x0\",false]", "invalid argument 0: hex string has length 1, want 64 for a hash",
     -32602},
    {"debug_getRawBlock", "[\"2\"]", "invalid argument 0: hex string without 0x prefix", -32602},
    {"debug_getRawHeader", "[\"2\"]", "invalid argument 0: hex string without 0x prefix", -32602},
    {"debug_getRawReceipts", "[\"2\"]", "invalid argument 0: hex string without 0x prefix", -32602},
    {"debug_getRawBlock", "[\"0x9\"]", "block not found", -32000},
    {"debug_getRawHeader", "[\"0x9\"]", "block not found", -32000},
    {"debug_getRawReceipts", "[\"0x9\"]", "block not found", -32000},
    {"debug_getRawTransaction", "[\"1000000000000000000000000000000000000000000000000000000000000001\"]",
     "invalid argument 0: hex string without 0x prefix", -32602},
    {"eth_getTransactionByBlockNumberAndIndex", "[\"0x0\",\"first\"]",
     "invalid argument 1: hex string without 0x prefix", -32602},
    /* data */
    {"web3_sha3", "[\"0x1\"]", "invalid argument 0: hex string of odd length", -32602},
    {"web3_sha3", "[\"0xzz\"]", "invalid argument 0: invalid hex string", -32602},
    {"eth_sendRawTransaction", "[\"f8\"]", "invalid argument 0: hex string without 0x prefix", -32602},
    {"eth_sendRawTransaction", "[{}]", "invalid argument 0: not a string, want hex data", -32602},
    /* storage keys: the texts of the execution-apis tests */
    {"eth_getStorageAt",
     "[\"" A "\",\"0x00000000000000000000000000000000000000000000000000000000000000000\",\"latest\"]",
     "storage key too long (want at most 32 bytes): "
     "\"0x00000000000000000000000000000000000000000000000000000000000000000\"",
     -32602},
    {"eth_getStorageAt", "[\"" A "\",\"0xasdf\",\"latest\"]", "invalid hex in storage key: \"0xasdf\"", -32602},
    {"eth_getStorageAt", "[\"" A "\",5]", "storage key is not a hex string", -32602},
    {"eth_getProof", "[\"" A "\",\"0x0\"]", "invalid argument 1: not an array of storage keys", -32602},
    {"eth_getProof", "[\"" A "\",[\"0xq\"]]", "invalid hex in storage key: \"0xq\"", -32602},
    /* call objects */
    {"eth_call", "[\"x\"]", "invalid argument 0: not a transaction object", -32602},
    {"eth_call", "[{\"from\":\"0x1\",\"to\":\"" A "\"}]",
     "invalid argument 0: from: hex string has length 1, want 40 for an address", -32602},
    {"eth_call", "[{\"to\":\"" A "\",\"value\":\"1\"}]", "invalid argument 0: value: hex string without 0x prefix",
     -32602},
    {"eth_call",
     "[{\"to\":\"" A "\",\"value\":\"0x10000000000000000000000000000000000000000000000000000000000000000\"}]",
     "invalid argument 0: value: hex number > 256 bits", -32602},
    {"eth_call", "[{\"to\":\"" A "\",\"gas\":21000}]", "invalid argument 0: gas: not a string, want a hex number",
     -32602},
    {"eth_call", "[{\"to\":\"" A "\",\"input\":\"0x0\"}]", "invalid argument 0: input: hex string of odd length",
     -32602},
    {"eth_call", "[{\"to\":\"" A "\",\"accessList\":{}}]", "invalid argument 0: accessList: not an array", -32602},
    {"eth_call", "[{\"to\":\"" A "\",\"accessList\":[{}]}]", "invalid argument 0: accessList: missing value", -32602},
    {"eth_call", "[{\"to\":\"" A "\",\"accessList\":[{\"address\":\"" A "\",\"storageKeys\":7}]}]",
     "invalid argument 0: accessList: storageKeys is not an array", -32602},
    {"eth_call", "[{\"to\":\"" A "\"},\"latest\",{\"" A "\":{\"balance\":\"0x1\"}}]",
     "invalid argument 2: overrides are not supported", -32602},
    {"eth_call", "[{}]", "contract creation is not supported: this chain has no contract VM, so \"to\" must be set",
     -32000},
    {"eth_call", "[{\"to\":\"" A "\",\"gasPrice\":\"0x1\",\"maxFeePerGas\":\"0x1\"}]",
     "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified", -32000},
    {"eth_call", "[{\"to\":\"" A "\",\"maxFeePerGas\":\"0x1\",\"maxPriorityFeePerGas\":\"0x2\"}]",
     "max priority fee per gas higher than max fee per gas", -32000},
    {"eth_call", "[{\"to\":\"" A "\",\"chainId\":\"0x1\"}]", "chainId does not match node's (have=1, want=1337)",
     -32000},
    {"eth_call", "[{\"to\":\"" A "\",\"input\":\"0x01\",\"data\":\"0x02\"}]",
     "both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass transaction call data", -32000},
    {"eth_estimateGas", "[7]", "invalid argument 0: not a transaction object", -32602},
    {"eth_createAccessList", "[{\"to\":3}]", "invalid argument 0: to: not a string, want an address", -32602},
    /* fees */
    {"eth_feeHistory", "[\"x\",\"latest\"]", "invalid argument 0: hex string without 0x prefix", -32602},
    {"eth_feeHistory", "[1,\"0x9\"]", "request beyond head block: requested 9, head 0", -32000},
    {"eth_feeHistory", "[1,\"latest\",[50,101]]", "invalid reward percentile: 101.000000", -32602},
    {"eth_feeHistory", "[1,\"latest\",[-1]]", "invalid reward percentile: -1.000000", -32602},
    {"eth_feeHistory", "[1,\"latest\",[50,40]]", "invalid reward percentile: #0:50.000000 >= #1:40.000000", -32602},
    {"eth_feeHistory", "[1,\"latest\",[\"50\"]]", "invalid argument 2: not a number", -32602},
    {"eth_feeHistory", "[1,\"latest\",50]", "invalid argument 2: not an array of percentiles", -32602},
    /* logs */
    {"eth_getLogs", "[7]", "invalid argument 0: not a filter object", -32602},
    {"eth_getLogs", "[{\"blockHash\":\"" H "\",\"fromBlock\":\"0x0\",\"toBlock\":\"0x4\"}]",
     "invalid argument 0: cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other", -32602},
    {"eth_getLogs", "[{\"fromBlock\":\"0x0\",\"toBlock\":\"0x38\"}]", "block range extends beyond current head block",
     -32602},
    {"eth_getLogs", "[{\"fromBlock\":\"0x32\",\"toBlock\":\"0x2f\"}]", "invalid block range params", -32602},
    {"eth_getLogs", "[{\"fromBlock\":\"0x32\"}]", "invalid block range params", -32602},
    {"eth_getLogs", "[{\"fromBlock\":\"pending\"}]", "pending logs are not supported", -32602},
    {"eth_getLogs", "[{\"blockHash\":\"" H "\"}]", "unknown block", -32000},
    {"eth_getLogs", "[{\"address\":\"0x1\"}]",
     "invalid argument 0: address: hex string has length 1, want 40 for an address", -32602},
    {"eth_getLogs", "[{\"topics\":\"" H "\"}]", "invalid argument 0: topics: not an array", -32602},
    {"eth_getLogs", "[{\"topics\":[5]}]", "invalid argument 0: topics: not a string, want a hash", -32602},
    {"eth_getLogs", "[{\"topics\":[null,null,null,null,null]}]",
     "invalid argument 0: topics: exceed max topics: at most 4 places", -32602},
    {"eth_newFilter", "[{\"topics\":[[\"0x1\"]]}]",
     "invalid argument 0: topics: hex string has length 1, want 64 for a hash", -32602},
    {"eth_getFilterChanges", "[\"0x1\"]", "filter not found", -32000},
    {"eth_getFilterChanges", "[\"abc\"]", "invalid argument 0: hex string without 0x prefix", -32602},
    {"eth_getFilterLogs", "[\"0x1\"]", "filter not found", -32000},
    {"eth_subscribe", "[\"newHeads\"]", "notifications not supported", -32001},
    {"eth_unsubscribe", "[\"0x1\"]", "subscription not found", -32000},
    /* ours */
    {"posw_getEpoch", "[\"0x9\"]", "the stake table of that block is not known yet", -32000},
    {"posw_getMiner", "[1]", "invalid argument 0: not a string, want an address", -32602},
    {"posw_getStakeProof", "[\"" A "\"]", "the miner has no stake in the table in force at that block", -32000},
    {"posw_submitWork", "[7]", "invalid argument 0: not an object with sealHash, nonce and mixHash", -32602},
    {"posw_submitWork", "[{\"sealHash\":\"" H "\",\"mixHash\":\"" H "\"}]", "invalid argument 0: nonce: missing value",
     -32602},
    {"posw_submitWork", "[{\"sealHash\":\"" H "\",\"mixHash\":\"" H "\",\"nonce\":\"0x1\"}]",
     "invalid argument 0: nonce: hex string has length 1, want 16", -32602},
    {"posw_submitWork", "[{\"sealHash\":\"" H "\",\"mixHash\":\"" H "\",\"nonce\":\"0x0000000000000001\"}]",
     "unknown or stale work: fetch new work with posw_getWork", -32000},
    {"evm_mine", "[10001]", "invalid argument 0: 10001 is too large, at most 10000", -32602},
    {"evm_mine", "[{\"blocks\":\"x\"}]", "invalid argument 0: blocks: hex string without 0x prefix", -32602},
    {"evm_increaseTime", "[-5]", "invalid argument 0: negative number", -32602},
};

static void test_wrong(void **state) {
    (void)state;
    world w;
    w_open(&w);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(WRONG); i++)
        w_refused(&w, WRONG[i].code, WRONG[i].message, WRONG[i].method, "%s", WRONG[i].params);
    w_close(&w);
}

/* Every spelling of one block gives the same answer. */
static void test_block_spellings(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_mine(&w, 12);
    const char *hash = w_hash_at(&w, 12);
    w_text(&w, "0x0", "eth_getTransactionCount", "[\"%s\"]", w_address(3));
    static const char *const SPELLINGS[] = {"\"latest\"",
                                            "\"pending\"",
                                            "\"0xc\"",
                                            "\"0xC\"",
                                            "12",
                                            "{\"blockNumber\":\"0xc\"}",
                                            "{\"blockNumber\":\"latest\"}",
                                            "null"};
    json_t *want = w_call(&w, "eth_getBalance", "[\"%s\",\"%s\"]", w_address(0), hash);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(SPELLINGS); i++)
        w_text(&w, json_string_value(want), "eth_getBalance", "[\"%s\",%s]", w_address(0), SPELLINGS[i]);
    w_text(&w, json_string_value(want), "eth_getBalance", "[\"%s\",{\"blockHash\":\"%s\"}]", w_address(0), hash);
    w_text(&w, json_string_value(want), "eth_getBalance", "[\"%s\",{\"blockHash\":\"%s\",\"requireCanonical\":true}]",
           w_address(0), hash);
    json_decref(want);
    /* earliest is genesis; finalized is R = 8 below the tip, safe R / 4. */
    json_t *earliest = w_call(&w, "eth_getBalance", "[\"%s\",\"0x0\"]", w_address(0));
    w_text(&w, json_string_value(earliest), "eth_getBalance", "[\"%s\",\"earliest\"]", w_address(0));
    json_decref(earliest);
    static const char *const TAGS[][2] = {
        {"safe", "0xa"}, {"finalized", "0x4"}, {"earliest", "0x0"}, {"latest", "0xc"}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(TAGS); i++) {
        json_t *b = w_call(&w, "eth_getBlockByNumber", "[\"%s\",false]", TAGS[i][0]);
        assert_string_equal(w_string(b, "number"), TAGS[i][1]);
        json_decref(b);
    }
    w_close(&w);
}

/* Clauses of a filter: a thousand are read, one more is not. */
static void test_clause_limit(void **state) {
    (void)state;
    world w;
    w_open(&w);
    for (size_t extra = 0; extra < 2; extra++) {
        posw_buf text = {0};
        posw_buf_text(&text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getLogs\",\"params\":[{\"address\":[");
        for (size_t i = 0; i < 1000 + extra; i++)
            posw_buf_printf(&text, "%s\"0x%040zx\"", i == 0 ? "" : ",", i);
        posw_buf_text(&text, "]}]}");
        w_data(&w, W_HTTP, text.data, text.size);
        json_t *answer = w_sent(&w, W_HTTP, 0);
        assert_true((json_object_get(answer, "error") != NULL) == (extra == 1));
        json_decref(answer);
        posw_buf_clear(&text);
    }
    w_close(&w);
}

static void test_proof_limit(void **state) {
    (void)state;
    world w;
    w_open(&w);
    for (size_t extra = 0; extra < 2; extra++) {
        posw_buf text = {0};
        posw_buf_text(&text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getProof\",\"params\":[\"" A "\",[");
        for (size_t i = 0; i < 1024 + extra; i++)
            posw_buf_printf(&text, "%s\"0x%zx\"", i == 0 ? "" : ",", i);
        posw_buf_text(&text, "]]}");
        w_data(&w, W_HTTP, text.data, text.size);
        json_t *answer = w_sent(&w, W_HTTP, 0);
        assert_true((json_object_get(answer, "error") != NULL) == (extra == 1));
        json_decref(answer);
        posw_buf_clear(&text);
    }
    w_close(&w);
}

/* States are there for the latest 128 blocks, on a chain that takes back fewer. */
static void test_old_state(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_mine(&w, POSW_CHAIN_STATES_MAX);
    w_refused(&w, -32000,
              "missing trie node: the state of block 0 is not kept, only those of the latest 128 blocks "
              "(fewer where these changed very much)",
              "eth_getBalance", "[\"%s\",\"0x0\"]", w_address(0));
    json_decref(w_call(&w, "eth_getBalance", "[\"%s\",\"0x1\"]", w_address(0)));
    w_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong),       cmocka_unit_test(test_block_spellings), cmocka_unit_test(test_clause_limit),
        cmocka_unit_test(test_proof_limit), cmocka_unit_test(test_old_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
