/* Sending transactions, every refusal, and the pool's own methods. */
#include "rpc/world.h"

static posw_tx base_tx(void) {
    return (posw_tx){.type = POSW_TX_DYNAMIC_FEE,
                     .is_protected = true,
                     .chain_id = 1337,
                     .gas_limit = 21000,
                     .max_fee = posw_u256_from_u64(10000000000),
                     .max_tip = posw_u256_from_u64(1000000000),
                     .has_to = true,
                     .to = h_address(7)};
}

static char *sign(const posw_tx *tx, unsigned key) {
    uint8_t secret[32];
    posw_buf raw = {0};
    h_secret(secret, key);
    assert_true(posw_tx_sign(&raw, tx, secret));
    char *out = w_long_hex(posw_buf_view(&raw));
    posw_buf_clear(&raw);
    return out;
}

/* The text begins like this; clients match it by regular expression. */
static void expect_refusal(world *w, const char *raw, const char *begin) {
    size_t size = strlen(raw) + 200;
    char *text = malloc(size);
    snprintf(text, size, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_sendRawTransaction\",\"params\":[\"%s\"]}",
             raw);
    json_t *answer = w_ask(w, text);
    const json_t *e = json_object_get(answer, "error");
    if (e == NULL) fail_msg("not refused: %s", begin);
    assert_int_equal(json_integer_value(json_object_get(e, "code")), -32000);
    const char *message = w_string(e, "message");
    if (strncmp(message, begin, strlen(begin)) != 0) fail_msg("\"%s\" instead of \"%s\"", message, begin);
    json_decref(answer);
    free(text);
}

static void refuse_tx(world *w, const posw_tx *tx, unsigned key, const char *begin) {
    char *raw = sign(tx, key);
    expect_refusal(w, raw, begin);
    free(raw);
}

static void test_refusals(void **state) {
    (void)state;
    world w;
    w_open(&w);
    posw_tx tx = base_tx();
    char *raw = sign(&tx, 1);
    json_decref(w_call(&w, "eth_sendRawTransaction", "[\"%s\"]", raw));
    expect_refusal(&w, raw, "already known");
    free(raw);
    tx.value = POSW_U256_ONE;
    refuse_tx(&w, &tx, 1, "replacement transaction underpriced");
    tx = base_tx(), tx.chain_id = 1;
    refuse_tx(&w, &tx, 2, "invalid chain id for signer");
    tx = base_tx(), tx.gas_limit = 20999;
    refuse_tx(&w, &tx, 2, "intrinsic gas too low");
    tx = base_tx(), tx.gas_limit = 30000001;
    refuse_tx(&w, &tx, 2, "exceeds block gas limit");
    tx = base_tx(), tx.max_tip = posw_u256_from_u64(10000000001);
    refuse_tx(&w, &tx, 2, "max priority fee per gas higher than max fee per gas");
    tx = base_tx(), tx.max_fee = tx.max_tip = posw_u256_from_u64(999999999);
    refuse_tx(&w, &tx, 2, "transaction underpriced");
    tx = base_tx(), tx.value = h_coins(10000);
    refuse_tx(&w, &tx, 2, "insufficient funds for gas * price + value");
    tx = base_tx(), tx.nonce = UINT64_MAX;
    refuse_tx(&w, &tx, 2, "nonce has max value");
    tx = base_tx(), tx.has_to = false, tx.gas_limit = 60000;
    json_decref(w_error(&w, "eth_sendRawTransaction", "[\"%s\"]", raw = sign(&tx, 2)));
    free(raw);
    tx = base_tx(), tx.type = POSW_TX_LEGACY, tx.is_protected = false, tx.chain_id = 0, tx.max_tip = tx.max_fee;
    refuse_tx(&w, &tx, 2, "only replay-protected (EIP-155) transactions allowed over RPC");
    expect_refusal(&w, "0x03c0", "transaction type not supported");
    json_decref(w_error(&w, "eth_sendRawTransaction", "[\"0x\"]"));
    json_decref(w_error(&w, "eth_sendRawTransaction", "[\"0xc0\"]"));
    w_mine(&w, 1);
    tx = base_tx();
    refuse_tx(&w, &tx, 1, "nonce too low: next nonce 1, tx nonce 0");
    json_t *status = w_call(&w, "posw_status", "[]");
    assert_int_equal(w_u64(json_object_get(status, "counters"), "transactionsSubmitted"), 1);
    assert_true(w_u64(json_object_get(status, "counters"), "transactionsRefused") >= 14);
    json_decref(status);
    w_close(&w);
}

static void test_oversized(void **state) {
    (void)state;
    world w;
    w_open(&w);
    posw_tx tx = base_tx();
    uint8_t *data = calloc(1, POSW_TX_SIZE_MAX);
    tx.input = posw_bytes_of(data, POSW_TX_SIZE_MAX);
    tx.gas_limit = 10000000;
    refuse_tx(&w, &tx, 2, "oversized data");
    free(data);
    w_close(&w);
}

static void test_pending_transaction(void **state) {
    (void)state;
    world w;
    w_open(&w);
    posw_tx tx = base_tx();
    char *raw = sign(&tx, 1);
    json_t *hash = w_call(&w, "eth_sendRawTransaction", "[\"%s\"]", raw);
    w_text(&w, json_string_value(hash), "web3_sha3", "[\"%s\"]", raw);
    json_t *shown = w_call_as(&w, W_HTTP, "eth_getTransactionByHash", "[\"%s\"]", json_string_value(hash));
    schema_check(&w.schema, "PendingTransactionInfo", shown);
    assert_true(json_is_null(json_object_get(shown, "blockHash")) &&
                json_is_null(json_object_get(shown, "blockNumber")) &&
                json_is_null(json_object_get(shown, "transactionIndex")));
    assert_string_equal(w_string(shown, "gasPrice"), "0x2540be400"); /* the most it would pay */
    assert_string_equal(w_string(shown, "from"), w_address(1));
    json_decref(shown);
    w_null(&w, "eth_getTransactionReceipt", "[\"%s\"]", json_string_value(hash));
    w_text(&w, raw, "eth_getRawTransactionByHash", "[\"%s\"]", json_string_value(hash));
    w_mine(&w, 1);
    w_text(&w, raw, "eth_getRawTransactionByHash", "[\"%s\"]", json_string_value(hash));
    shown = w_call(&w, "eth_getTransactionByHash", "[\"%s\"]", json_string_value(hash));
    assert_string_equal(w_string(shown, "gasPrice"), "0x77359400"); /* what it paid */
    json_decref(shown);
    json_decref(hash);
    free(raw);
    w_close(&w);
}

/* Key 1 with nonces 0 and 1, key 2 with 0 and 2. */
static void test_txpool(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_send_only(&w, h_transfer(1, 0, 2, 1));
    w_send_only(&w, h_transfer(1, 1, 2, 1));
    w_send_only(&w, h_transfer(2, 0, 3, 1));
    w_send_only(&w, h_transfer(2, 2, 3, 1));
    json_t *v = w_call(&w, "txpool_status", "[]");
    assert_string_equal(w_string(v, "pending"), "0x3");
    assert_string_equal(w_string(v, "queued"), "0x1");
    json_decref(v);
    v = w_call(&w, "txpool_content", "[]");
    const json_t *pending = json_object_get(v, "pending"), *queued = json_object_get(v, "queued");
    assert_int_equal(json_object_size(pending), 2);
    assert_int_equal(json_object_size(queued), 1);
    const char *key;
    json_t *by_nonce;
    json_object_foreach((json_t *)pending, key, by_nonce) {
        bool first = strcasecmp(key, w_address(1)) == 0;
        assert_true(first || strcasecmp(key, w_address(2)) == 0);
        assert_int_equal(json_object_size(by_nonce), first ? 2 : 1);
        assert_string_equal(w_string(json_object_get(by_nonce, "0"), "nonce"), "0x0");
    }
    assert_non_null(json_object_get(json_object_iter_value(json_object_iter((json_t *)queued)), "2"));
    json_decref(v);
    v = w_call(&w, "txpool_contentFrom", "[\"%s\"]", w_address(2));
    assert_non_null(json_object_get(json_object_get(v, "pending"), "0"));
    assert_non_null(json_object_get(json_object_get(v, "queued"), "2"));
    json_decref(v);
    v = w_call(&w, "txpool_contentFrom", "[\"0x0000000000000000000000000000000000000000\"]");
    assert_int_equal(json_object_size(json_object_get(v, "pending")), 0);
    json_decref(v);
    v = w_call(&w, "txpool_inspect", "[]");
    by_nonce = json_object_iter_value(json_object_iter(json_object_get(v, "queued")));
    const char *line = w_string(by_nonce, "2");
    assert_int_equal(strncasecmp(line, w_address(3), 42), 0);
    assert_string_equal(line + 42, ": 1000000000000000000 wei + 21000 gas \xc3\x97 100000000000 wei");
    json_decref(v);
    w_close(&w);
}

/* Spelling of addresses as in EIP-55: its own examples cannot be senders here, so the rule is recomputed. */
static void test_checksum_spelling(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_send_only(&w, h_transfer(1, 0, 2, 1));
    json_t *v = w_call(&w, "txpool_content", "[]");
    const char *key = json_object_iter_key(json_object_iter(json_object_get(v, "pending")));
    posw_hash hash;
    posw_keccak256(&hash, w_address(1) + 2, 40);
    for (int i = 0; i < 40; i++) {
        int digit = hash.b[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15;
        char small = w_address(1)[2 + i];
        char want = small >= 'a' && digit >= 8 ? (char)(small - 'a' + 'A') : small;
        assert_int_equal(key[2 + i], want);
    }
    json_decref(v);
    w_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_oversized),
        cmocka_unit_test(test_pending_transaction),
        cmocka_unit_test(test_txpool),
        cmocka_unit_test(test_checksum_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
