/* Blocks, transactions, receipts and logs as clients see them. */
#include "rpc/world.h"

#include "codec/receipt.h"

static void expect_keys(const json_t *o, const char *const keys[], size_t count) {
    for (size_t i = 0; i < count; i++)
        if (json_object_get(o, keys[i]) == NULL) fail_msg("no %s", keys[i]);
    assert_int_equal(json_object_size(o), count);
}

static const char *const BLOCK_KEYS[] = {
    "number",           "hash",      "parentHash",    "nonce",           "mixHash",    "sha3Uncles",   "logsBloom",
    "transactionsRoot", "stateRoot", "receiptsRoot",  "miner",           "difficulty", "extraData",    "gasLimit",
    "gasUsed",          "timestamp", "baseFeePerGas", "totalDifficulty", "size",       "transactions", "uncles"};
static const char *const RECEIPT_KEYS[] = {"blockHash",
                                           "blockNumber",
                                           "contractAddress",
                                           "cumulativeGasUsed",
                                           "effectiveGasPrice",
                                           "from",
                                           "gasUsed",
                                           "logs",
                                           "logsBloom",
                                           "status",
                                           "to",
                                           "transactionHash",
                                           "transactionIndex",
                                           "type"};
static const char *const TX2_KEYS[] = {"blockHash",
                                       "blockNumber",
                                       "blockTimestamp",
                                       "transactionIndex",
                                       "from",
                                       "gas",
                                       "gasPrice",
                                       "maxFeePerGas",
                                       "maxPriorityFeePerGas",
                                       "hash",
                                       "input",
                                       "nonce",
                                       "to",
                                       "value",
                                       "type",
                                       "accessList",
                                       "chainId",
                                       "v",
                                       "r",
                                       "s",
                                       "yParity"};

/* The header that the answer describes hashes to the answer's hash. */
static void check_block_hash(const json_t *b) {
    posw_header h = {0};
    posw_hash hash;
    assert_true(posw_hash_parse(&h.parent_hash, w_string(b, "parentHash")));
    assert_true(posw_hash_parse(&h.ommers_hash, w_string(b, "sha3Uncles")));
    assert_true(posw_address_parse(&h.beneficiary, w_string(b, "miner")));
    assert_true(posw_hash_parse(&h.state_root, w_string(b, "stateRoot")));
    assert_true(posw_hash_parse(&h.transactions_root, w_string(b, "transactionsRoot")));
    assert_true(posw_hash_parse(&h.receipts_root, w_string(b, "receiptsRoot")));
    assert_true(posw_hash_parse(&h.mix_hash, w_string(b, "mixHash")));
    const char *bloom = w_string(b, "logsBloom"), *nonce = w_string(b, "nonce"), *extra = w_string(b, "extraData");
    assert_true(posw_hex_decode_prefixed(h.logs_bloom, sizeof h.logs_bloom, bloom, strlen(bloom)));
    assert_true(posw_hex_decode_prefixed(h.nonce, sizeof h.nonce, nonce, strlen(nonce)));
    h.extra_size = (uint32_t)(strlen(extra) / 2 - 1);
    assert_true(posw_hex_decode_prefixed(h.extra, h.extra_size, extra, strlen(extra)));
    h.difficulty = w_u256(b, "difficulty");
    h.number = w_u64(b, "number");
    h.gas_limit = w_u64(b, "gasLimit");
    h.gas_used = w_u64(b, "gasUsed");
    h.timestamp = w_u64(b, "timestamp");
    h.base_fee_wei = w_u64(b, "baseFeePerGas");
    posw_header_hash(&hash, &h);
    assert_string_equal(w_hex(hash.b, sizeof hash.b), w_string(b, "hash"));
}

static void test_block(void **state) {
    (void)state;
    world w;
    char *hashes[3];
    w_open(&w);
    w_three_kinds(&w, hashes);
    json_t *brief = w_call(&w, "eth_getBlockByNumber", "[\"0x1\",false]");
    json_t *full = w_call(&w, "eth_getBlockByHash", "[\"%s\",true]", w_hash_at(&w, 1));
    expect_keys(brief, BLOCK_KEYS, POSW_ARRAY_SIZE(BLOCK_KEYS));
    expect_keys(full, BLOCK_KEYS, POSW_ARRAY_SIZE(BLOCK_KEYS));
    check_block_hash(brief);
    assert_int_equal(json_array_size(json_object_get(brief, "uncles")), 0);
    assert_int_equal(w_u64(brief, "totalDifficulty"), 2); /* D = 1 each, with genesis */
    const json_t *a = json_object_get(brief, "transactions"), *b = json_object_get(full, "transactions");
    assert_int_equal(json_array_size(a), 3);
    assert_int_equal(json_array_size(b), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *tx = json_array_get(b, i);
        assert_string_equal(json_string_value(json_array_get(a, i)), w_string(tx, "hash"));
        expect_keys(tx, TX2_KEYS, POSW_ARRAY_SIZE(TX2_KEYS));
        assert_int_equal(w_u64(tx, "transactionIndex"), i);
        json_t *same = w_call(&w, "eth_getTransactionByHash", "[\"%s\"]", w_string(tx, "hash"));
        assert_true(json_equal(same, tx));
        json_decref(same);
        same = w_call(&w, "eth_getTransactionByBlockNumberAndIndex", "[\"0x1\",\"0x%zx\"]", i);
        assert_true(json_equal(same, tx));
        json_decref(same);
        same = w_call(&w, "eth_getTransactionByBlockHashAndIndex", "[\"%s\",\"0x%zx\"]", w_hash_at(&w, 1), i);
        assert_true(json_equal(same, tx));
        json_decref(same);
    }
    json_decref(brief);
    json_decref(full);
    w_free_hashes(hashes);
    w_close(&w);
}

static void test_genesis(void **state) {
    (void)state;
    world w;
    w_open(&w);
    json_t *b = w_call(&w, "eth_getBlockByNumber", "[\"earliest\",true]");
    check_block_hash(b);
    assert_string_equal(w_string(b, "number"), "0x0");
    assert_string_equal(w_string(b, "nonce"), "0x0000000000000000");
    json_decref(b);
    json_t *receipts = w_call(&w, "eth_getBlockReceipts", "[\"0x0\"]");
    assert_int_equal(json_array_size(receipts), 0);
    json_decref(receipts);
    w_close(&w);
}

static void test_size_and_raw(void **state) {
    (void)state;
    world w;
    char *hashes[3];
    w_open(&w);
    w_three_kinds(&w, hashes);
    json_t *raw = w_call(&w, "debug_getRawBlock", "[\"0x1\"]"),
           *block = w_call(&w, "eth_getBlockByNumber", "[\"0x1\",false]");
    assert_int_equal(w_u64(block, "size"), json_string_length(raw) / 2 - 1);
    h_block own = h_copy(w.chain.chain, 1);
    char *text = w_long_hex(posw_buf_view(&own.bytes));
    assert_string_equal(json_string_value(raw), text);
    free(text);
    uint8_t rlp[POSW_HEADER_SIZE_MAX];
    text = w_long_hex(posw_bytes_of(rlp, posw_header_encode(rlp, &own.header)));
    w_text(&w, text, "debug_getRawHeader", "[\"latest\"]");
    w_text(&w, text, "debug_getRawHeader", "[\"%s\"]", w_hash_at(&w, 1));
    free(text);
    h_block_clear(&own);
    json_decref(raw);
    json_decref(block);
    /* A raw transaction hashes to its hash. */
    raw = w_call(&w, "eth_getRawTransactionByHash", "[\"%s\"]", hashes[1]);
    w_text(&w, hashes[1], "web3_sha3", "[\"%s\"]", json_string_value(raw));
    w_text(&w, json_string_value(raw), "debug_getRawTransaction", "[\"%s\"]", hashes[1]);
    json_decref(raw);
    w_free_hashes(hashes);
    w_close(&w);
}

static void test_raw_receipts(void **state) {
    (void)state;
    world w;
    char *hashes[3];
    w_open(&w);
    w_three_kinds(&w, hashes);
    json_t *list = w_call(&w, "debug_getRawReceipts", "[\"0x1\"]"),
           *block = w_call(&w, "eth_getBlockByNumber", "[\"0x1\",false]");
    uint8_t bytes[3][2048];
    posw_bytes items[3];
    posw_hash root;
    for (size_t i = 0; i < 3; i++) {
        const json_t *v = json_array_get(list, i);
        items[i] = posw_bytes_of(bytes[i], json_string_length(v) / 2 - 1);
        assert_true(posw_hex_decode_prefixed(bytes[i], items[i].size, json_string_value(v), json_string_length(v)));
    }
    ok(posw_trie_list_root(&root, items, 3));
    assert_string_equal(w_hex(root.b, sizeof root.b), w_string(block, "receiptsRoot"));
    json_decref(list);
    json_decref(block);
    w_free_hashes(hashes);
    w_close(&w);
}

static void test_receipts(void **state) {
    (void)state;
    world w;
    char *hashes[3];
    w_open(&w);
    w_three_kinds(&w, hashes);
    json_t *all = w_call(&w, "eth_getBlockReceipts", "[\"0x1\"]"),
           *by_hash = w_call(&w, "eth_getBlockReceipts", "[\"%s\"]", w_hash_at(&w, 1));
    assert_true(json_equal(all, by_hash));
    assert_int_equal(json_array_size(all), 3);
    uint64_t cumulative = 0, log_index = 0;
    for (size_t i = 0; i < 3; i++) {
        const json_t *r = json_array_get(all, i), *logs = json_object_get(r, "logs");
        expect_keys(r, RECEIPT_KEYS, POSW_ARRAY_SIZE(RECEIPT_KEYS));
        cumulative += w_u64(r, "gasUsed");
        assert_int_equal(w_u64(r, "cumulativeGasUsed"), cumulative);
        assert_int_equal(w_u64(r, "effectiveGasPrice"), 1000000000 + 1000000000); /* base fee and tip */
        for (size_t k = 0; k < json_array_size(logs); k++)
            assert_int_equal(w_u64(json_array_get(logs, k), "logIndex"), log_index++);
        json_t *one = w_call(&w, "eth_getTransactionReceipt", "[\"%s\"]", w_string(r, "transactionHash"));
        assert_true(json_equal(one, r));
        json_decref(one);
    }
    json_t *transfer = w_call(&w, "eth_getTransactionReceipt", "[\"%s\"]", hashes[0]);
    assert_string_equal(w_string(transfer, "gasUsed"), "0x5208");
    assert_string_equal(w_string(transfer, "status"), "0x1");
    assert_string_equal(w_string(transfer, "from"), w_address(1));
    assert_string_equal(w_string(transfer, "to"), w_address(2));
    json_t *stake = w_call(&w, "eth_getTransactionReceipt", "[\"%s\"]", hashes[1]);
    const json_t *log = json_array_get(json_object_get(stake, "logs"), 0);
    posw_hash topic;
    posw_abi_topic(&topic, "Staked(address,address,uint256,uint256)");
    assert_string_equal(json_string_value(json_array_get(json_object_get(log, "topics"), 0)),
                        w_hex(topic.b, sizeof topic.b));
    assert_string_equal(w_string(log, "address"), W_CONTRACT);
    json_t *failed = w_call(&w, "eth_getTransactionReceipt", "[\"%s\"]", hashes[2]);
    assert_string_equal(w_string(failed, "status"), "0x0");
    assert_int_equal(json_array_size(json_object_get(failed, "logs")), 0);
    json_decref(transfer);
    json_decref(stake);
    json_decref(failed);
    json_decref(all);
    json_decref(by_hash);
    w_free_hashes(hashes);
    w_close(&w);
}

/* Types 0 and 1 with an access list, recomputed from what is answered. */
static void test_transaction_types(void **state) {
    (void)state;
    world w;
    uint8_t secret[32], list[128], keys[2][32] = {{0}, {[31] = 9}};
    w_open(&w);
    h_secret(secret, 1);
    posw_buf content = {0}, raw = {0};
    size_t entry = posw_rlp_list_begin(&content);
    posw_rlp_append_bytes(&content, POSW_STAKING_ADDRESS.b, 20);
    size_t inner = posw_rlp_list_begin(&content);
    posw_rlp_append_bytes(&content, keys[0], 32);
    posw_rlp_append_bytes(&content, keys[1], 32);
    posw_rlp_list_end(&content, inner);
    posw_rlp_list_end(&content, entry);
    assert_true(content.size <= sizeof list);
    memcpy(list, content.data, content.size);
    posw_tx tx = {.type = POSW_TX_ACCESS_LIST,
                  .is_protected = true,
                  .chain_id = 1337,
                  .gas_limit = 100000,
                  .has_to = true,
                  .to = h_address(7),
                  .access_list = posw_bytes_of(list, content.size)};
    tx.max_fee = tx.max_tip = posw_u256_from_u64(3000000000);
    assert_true(posw_tx_sign(&raw, &tx, secret));
    char *first = w_send(&w, (h_tx){.from = 1, .raw = raw});
    raw = (posw_buf){0};
    tx.type = POSW_TX_LEGACY;
    tx.nonce = 1;
    tx.access_list = (posw_bytes){NULL, 0};
    tx.input = posw_bytes_of("abc", 3);
    assert_true(posw_tx_sign(&raw, &tx, secret));
    char *second = w_send(&w, (h_tx){.from = 1, .raw = raw});
    w_mine(&w, 1);

    json_t *t1 = w_call(&w, "eth_getTransactionByHash", "[\"%s\"]", first),
           *t0 = w_call(&w, "eth_getTransactionByHash", "[\"%s\"]", second);
    const json_t *e = json_array_get(json_object_get(t1, "accessList"), 0);
    assert_string_equal(w_string(e, "address"), W_CONTRACT);
    assert_string_equal(json_string_value(json_array_get(json_object_get(e, "storageKeys"), 1)), w_hex(keys[1], 32));
    assert_string_equal(w_string(t1, "type"), "0x1");
    assert_string_equal(w_string(t1, "gasPrice"), "0xb2d05e00");
    assert_string_equal(w_string(t1, "v"), w_string(t1, "yParity"));
    assert_null(json_object_get(t1, "maxFeePerGas"));
    assert_string_equal(w_string(t0, "type"), "0x0");
    assert_null(json_object_get(t0, "accessList"));
    assert_null(json_object_get(t0, "yParity"));
    assert_string_equal(w_string(t0, "chainId"), "0x539");
    assert_string_equal(w_string(t0, "input"), "0x616263");
    uint64_t v = w_u64(t0, "v");
    assert_true(v == 2 * 1337 + 35 || v == 2 * 1337 + 36);
    json_t *r0 = w_call(&w, "eth_getTransactionReceipt", "[\"%s\"]", second);
    assert_string_equal(w_string(r0, "type"), "0x0");
    json_decref(t0);
    json_decref(t1);
    json_decref(r0);
    free(first);
    free(second);
    posw_buf_clear(&content);
    w_close(&w);
}

static void test_unknown(void **state) {
    (void)state;
    static const char NONE[] = "0x00000000000000000000000000000000000000000000000000000000deadbeef";
    static const char *const BY_HASH[] = {"eth_getTransactionByHash", "eth_getTransactionReceipt",
                                          "eth_getBlockReceipts", "eth_getBlockTransactionCountByHash",
                                          "eth_getUncleCountByBlockHash"};
    static const char *const BY_NUMBER[] = {"eth_getBlockTransactionCountByNumber", "eth_getUncleCountByBlockNumber",
                                            "eth_getBlockReceipts"};
    world w;
    w_open(&w);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(BY_HASH); i++)
        w_null(&w, BY_HASH[i], "[\"%s\"]", NONE);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(BY_NUMBER); i++)
        w_null(&w, BY_NUMBER[i], "[\"0x37\"]");
    w_null(&w, "eth_getBlockByHash", "[\"%s\",true]", NONE);
    w_null(&w, "eth_getBlockByNumber", "[\"0x3e8\",true]");
    w_null(&w, "eth_getTransactionByBlockHashAndIndex", "[\"%s\",\"0x0\"]", NONE);
    w_null(&w, "eth_getTransactionByBlockNumberAndIndex", "[\"0x0\",\"0x0\"]");
    w_null(&w, "eth_getUncleByBlockHashAndIndex", "[\"%s\",\"0x0\"]", NONE);
    w_null(&w, "eth_getUncleByBlockNumberAndIndex", "[\"0x0\",\"0x0\"]");
    w_text(&w, "0x", "eth_getRawTransactionByHash", "[\"%s\"]", NONE);
    w_text(&w, "0x", "debug_getRawTransaction", "[\"%s\"]", NONE);
    w_text(&w, "0x0", "eth_getUncleCountByBlockNumber", "[\"latest\"]");
    w_text(&w, "0x0", "eth_getUncleCountByBlockHash", "[\"%s\"]", w_hash_at(&w, 0));
    w_text(&w, "0x0", "eth_getBlockTransactionCountByNumber", "[\"latest\"]");
    w_text(&w, "0x0", "eth_getBlockTransactionCountByHash", "[\"%s\"]", w_hash_at(&w, 0));
    w_close(&w);
}

/* The pending block: the pool's transactions, and null for what is not known. */
static void test_pending_block(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_mine(&w, 1);
    char *hash = w_send(&w, h_transfer(1, 0, 2, 5));
    json_t *b = w_call_as(&w, W_HTTP, "eth_getBlockByNumber", "[\"pending\",false]");
    assert_string_equal(w_string(b, "number"), "0x2");
    assert_string_equal(w_string(b, "parentHash"), w_hash_at(&w, 1));
    assert_true(json_is_null(json_object_get(b, "hash")) && json_is_null(json_object_get(b, "nonce")));
    expect_keys(b, BLOCK_KEYS, POSW_ARRAY_SIZE(BLOCK_KEYS));
    assert_string_equal(json_string_value(json_array_get(json_object_get(b, "transactions"), 0)), hash);
    json_decref(b);
    b = w_call_as(&w, W_HTTP, "eth_getBlockByNumber", "[\"pending\",true]");
    schema_check(&w.schema, "PendingTransactionInfo", json_array_get(json_object_get(b, "transactions"), 0));
    json_decref(b);
    w_text(&w, "0x1", "eth_getBlockTransactionCountByNumber", "[\"pending\"]");
    w_null(&w, "eth_getBlockReceipts", "[\"pending\"]");
    free(hash);
    w_close(&w);
}

/* By index it is the same block as whole: not the latest one, and not what waits for a later one. */
static void test_pending_by_index(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_send_only(&w, h_transfer(1, 0, 2, 5));
    w_mine(&w, 1);
    w_null(&w, "eth_getTransactionByBlockNumberAndIndex", "[\"pending\",\"0x0\"]");
    w_send_only(&w, h_transfer(1, 1, 2, 5));
    w_send_only(&w, h_transfer(2, 0, 3, 5));
    w_send_only(&w,
                h_call(4, 0, &POSW_STAKING_ADDRESS, POSW_U256_ZERO, posw_bytes_of("abcd", 4), 29990000)); /* no room */
    json_t *b = w_call_as(&w, W_HTTP, "eth_getBlockByNumber", "[\"pending\",true]");
    const json_t *txs = json_object_get(b, "transactions");
    assert_int_equal(json_array_size(txs), 2);
    w_text(&w, "0x2", "eth_getBlockTransactionCountByNumber", "[\"pending\"]");
    for (size_t i = 0; i < 2; i++) {
        json_t *tx = w_call_as(&w, W_HTTP, "eth_getTransactionByBlockNumberAndIndex", "[\"pending\",\"0x%zx\"]", i);
        assert_true(json_equal(tx, json_array_get(txs, i)));
        json_decref(tx);
    }
    w_null(&w, "eth_getTransactionByBlockNumberAndIndex", "[\"pending\",\"0x2\"]");
    json_decref(b);
    w_close(&w);
}

/* A block of a side branch can be asked for by its hash; it has no receipts and no state. */
static void test_side_block(void **state) {
    (void)state;
    world w;
    w_open(&w);
    h_plan plan = {.miner = 1, .gap_s = 7, .tx_count = 1, .txs = {h_transfer(1, 0, 2, 9)}};
    h_block side = h_build(w.chain.chain, &plan);
    w_mine(&w, 2);
    w_submit(&w, &side);
    assert_int_equal(w_number(&w, "eth_blockNumber", "[]"), 2);
    const char *hash = w_hex(side.hash.b, sizeof side.hash.b);
    json_t *b = w_call(&w, "eth_getBlockByHash", "[\"%s\",true]", hash);
    check_block_hash(b);
    assert_string_equal(w_string(json_array_get(json_object_get(b, "transactions"), 0), "from"), w_address(1));
    json_decref(b);
    w_null(&w, "eth_getBlockReceipts", "[\"%s\"]", hash);
    w_refused(&w, -32000, "hash is not currently canonical", "eth_getBalance",
              "[\"%s\",{\"blockHash\":\"%s\",\"requireCanonical\":true}]", w_address(0), hash);
    w_refused(&w, -32000, "missing trie node: block 1 of this hash is on a side branch, which has no state",
              "eth_getBalance", "[\"%s\",\"%s\"]", w_address(0), hash);
    h_block_clear(&side);
    w_close(&w);
}

/* A block with the three kinds of transactions, then two others made elsewhere that take its place. Its hash, to free.
 */
static char *take_out(world *w) {
    world other;
    char *hashes[3];
    w_open(&other);
    h_grow(other.chain.chain, 2);
    w_three_kinds(w, hashes);
    w_free_hashes(hashes);
    char *hash = strdup(w_hash_at(w, 1));
    for (uint64_t n = 1; n <= 2; n++) {
        h_block b = h_copy(other.chain.chain, n);
        w_submit(w, &b);
        h_block_clear(&b);
    }
    w_close(&other);
    return hash;
}

/* EIP-1898: who asks for a block of the main chain is not given one that a reorganisation took out, whatever the method
 * reads of it. */
static void test_require_canonical(void **state) {
    (void)state;
    static const char *const METHODS[] = {"eth_getBlockReceipts", "debug_getRawHeader",   "debug_getRawBlock",
                                          "debug_getRawReceipts", "posw_getBlockSummary", "posw_getBlockTransactions"};
    world w;
    w_open(&w);
    char *out = take_out(&w), *in = strdup(w_hash_at(&w, 1));
    for (size_t i = 0; i < POSW_ARRAY_SIZE(METHODS); i++) {
        w_refused(&w, -32000, "hash is not currently canonical", METHODS[i],
                  "[{\"blockHash\":\"%s\",\"requireCanonical\":true}]", out);
        json_decref(w_call(&w, METHODS[i], "[{\"blockHash\":\"%s\",\"requireCanonical\":false}]", out));
        json_decref(w_call(&w, METHODS[i], "[{\"blockHash\":\"%s\",\"requireCanonical\":true}]", in));
    }
    w_null(&w, "eth_getBlockReceipts", "[{\"blockHash\":\"0x%064d\",\"requireCanonical\":true}]", 7);
    free(out);
    free(in);
    w_close(&w);
}

/* Clients that write every member of the object write null for those that they do not mean. */
static void test_null_members(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_mine(&w, 1);
    json_t *a = w_call(&w, "eth_getBalance", "[\"%s\",\"0x1\"]", w_address(0)),
           *b = w_call(&w, "eth_getBalance",
                       "[\"%s\",{\"blockHash\":null,\"blockNumber\":\"0x1\",\"requireCanonical\":null}]", w_address(0)),
           *c = w_call(&w, "eth_getBalance", "[\"%s\",{\"blockHash\":\"%s\",\"blockNumber\":null}]", w_address(0),
                       w_hash_at(&w, 1));
    assert_true(json_equal(a, b) && json_equal(a, c));
    w_refused(&w, -32602, "invalid argument 1: specify blockHash or blockNumber", "eth_getBalance",
              "[\"%s\",{\"blockHash\":null}]", w_address(0));
    json_decref(a);
    json_decref(b);
    json_decref(c);
    w_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block),
        cmocka_unit_test(test_genesis),
        cmocka_unit_test(test_size_and_raw),
        cmocka_unit_test(test_raw_receipts),
        cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_transaction_types),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_pending_block),
        cmocka_unit_test(test_pending_by_index),
        cmocka_unit_test(test_side_block),
        cmocka_unit_test(test_require_canonical),
        cmocka_unit_test(test_null_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
