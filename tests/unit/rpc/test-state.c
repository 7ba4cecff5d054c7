/* Accounts, storage, proofs, calls and estimates. */
#include "rpc/world.h"

#include "codec/rlp.h"
#include "state/staking_layout.h"

static void test_accounts(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_text(&w, "0x21e19e0c9bab2400000", "eth_getBalance", "[\"%s\",\"latest\"]", w_address(1)); /* 10,000 coins */
    w_text(&w, "0x0", "eth_getBalance", "[\"0xc1cadaffffffffffffffffffffffffffffffffff\"]");
    w_text(&w, "0x0", "eth_getTransactionCount", "[\"0xc1cadaffffffffffffffffffffffffffffffffff\",\"latest\"]");
    w_text(&w, "0x1", "eth_getTransactionCount", "[\"" W_CONTRACT "\",\"latest\"]");
    w_text(&w, "0xfe706f7377", "eth_getCode", "[\"" W_CONTRACT "\",\"latest\"]");
    w_text(&w, "0x", "eth_getCode", "[\"%s\",\"latest\"]", w_address(1));
    w_send_only(&w, h_transfer(1, 0, 2, 5));
    w_send_only(&w, h_transfer(1, 1, 2, 5));
    w_text(&w, "0x0", "eth_getTransactionCount", "[\"%s\"]", w_address(1));
    w_text(&w, "0x2", "eth_getTransactionCount", "[\"%s\",\"pending\"]", w_address(1));
    w_mine(&w, 1);
    w_text(&w, "0x2", "eth_getTransactionCount", "[\"%s\",\"latest\"]", w_address(1));
    w_text(&w, "0x0", "eth_getTransactionCount", "[\"%s\",\"0x0\"]", w_address(1));
    w_text(&w, "0x21ea4a7ecbf3c280000", "eth_getBalance", "[\"%s\",\"0x1\"]", w_address(2)); /* 10,010 coins */
    w_close(&w);
}

static void test_storage(void **state) {
    (void)state;
    world w;
    w_open(&w);
    /* slot 0: 100 coins at stake; slot 1: one miner */
    static const char *const ZERO = "0x0000000000000000000000000000000000000000000000000000000000000000";
    static const char *const STAKE = "0x0000000000000000000000000000000000000000000000056bc75e2d63100000";
    w_text(&w, STAKE, "eth_getStorageAt", "[\"" W_CONTRACT "\",\"0x0\",\"latest\"]");
    w_text(&w, STAKE, "eth_getStorageAt", "[\"" W_CONTRACT "\",\"%s\"]", ZERO);
    w_text(&w, "0x0000000000000000000000000000000000000000000000000000000000000001", "eth_getStorageAt",
           "[\"" W_CONTRACT "\",\"0x01\"]");
    w_text(&w, ZERO, "eth_getStorageAt", "[\"" W_CONTRACT "\",\"0xffff\"]");
    w_text(&w, ZERO, "eth_getStorageAt", "[\"%s\",\"0x0\"]", w_address(1));
    posw_address miner = h_address(0);
    posw_hash slot = posw_slot_stake(&miner);
    w_text(&w, STAKE, "eth_getStorageAt", "[\"" W_CONTRACT "\",\"%s\",\"latest\"]", w_hex(slot.b, sizeof slot.b));
    w_close(&w);
}

/* ---- proofs, checked with the trie's own verifier against the header's root ---- */

enum { NODES_MAX = 64 };

static void check_proof(const json_t *list, const char *root_text, const void *key, size_t key_size, posw_buf *value) {
    posw_bytes nodes[NODES_MAX];
    posw_hash root, hashed;
    size_t count = json_array_size(list);
    assert_true(count <= NODES_MAX);
    for (size_t i = 0; i < count; i++) {
        const json_t *v = json_array_get(list, i);
        size_t size = json_string_length(v) / 2 - 1;
        uint8_t *bytes = malloc(size + 1);
        assert_true(posw_hex_decode_prefixed(bytes, size, json_string_value(v), json_string_length(v)));
        nodes[i] = posw_bytes_of(bytes, size);
    }
    assert_true(posw_hash_parse(&root, root_text));
    posw_keccak256(&hashed, key, key_size);
    posw_buf_reset(value);
    ok(posw_trie_proof_check(value, &root, hashed.b, sizeof hashed.b, nodes, count));
    for (size_t i = 0; i < count; i++)
        free((void *)nodes[i].data);
}

static void check_account_proof(const json_t *proof, const char *root, const posw_address *a) {
    posw_buf value = {0}, want = {0};
    posw_hash storage, code;
    check_proof(json_object_get(proof, "accountProof"), root, a->b, sizeof a->b, &value);
    if (value.size > 0) {
        posw_u256 balance = w_u256(proof, "balance");
        assert_true(posw_hash_parse(&storage, w_string(proof, "storageHash")));
        assert_true(posw_hash_parse(&code, w_string(proof, "codeHash")));
        size_t mark = posw_rlp_list_begin(&want);
        posw_rlp_append_u64(&want, w_u64(proof, "nonce"));
        posw_rlp_append_u256(&want, &balance);
        posw_rlp_append_bytes(&want, storage.b, 32);
        posw_rlp_append_bytes(&want, code.b, 32);
        posw_rlp_list_end(&want, mark);
        assert_int_equal(value.size, want.size);
        assert_memory_equal(value.data, want.data, want.size);
    } else {
        assert_string_equal(w_string(proof, "balance"), "0x0");
    }
    posw_buf_clear(&value);
    posw_buf_clear(&want);
}

static void test_proofs(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_send_only(&w, h_stake(2, 0, 3, 50));
    w_mine(&w, 2);
    json_t *block = w_call(&w, "eth_getBlockByNumber", "[\"latest\",false]");
    const char *root = w_string(block, "stateRoot");
    posw_address known = h_address(1), absent = {{0xab}};
    json_t *proof = w_call(&w, "eth_getProof", "[\"%s\",[],\"latest\"]", w_address(1));
    check_account_proof(proof, root, &known);
    json_decref(proof);
    proof = w_call(&w, "eth_getProof", "[\"%s\",[\"0x1\"],\"%s\"]", w_hex(absent.b, 20), w_hash_at(&w, 2));
    check_account_proof(proof, root, &absent);
    const json_t *word = json_array_get(json_object_get(proof, "storageProof"), 0);
    assert_string_equal(w_string(word, "value"), "0x0");
    assert_int_equal(json_array_size(json_object_get(word, "proof")), 0);
    json_decref(proof);

    /* The staking contract: total stake, an absent word, the new miner's stake by its mapping. */
    posw_address miner = h_address(3);
    posw_hash slots[3] = {posw_slot_fixed(POSW_SLOT_STAKED), {{0xcd}}, posw_slot_stake(&miner)};
    proof = w_call(&w, "eth_getProof", "[\"" W_CONTRACT "\",[\"0x00\",\"%s\",\"%s\"]]", w_hex(slots[1].b, 32),
                   w_hex(slots[2].b, 32));
    check_account_proof(proof, root, &POSW_STAKING_ADDRESS);
    const json_t *list = json_object_get(proof, "storageProof");
    static const uint64_t COINS[] = {150, 0, 50};
    posw_buf value = {0};
    for (size_t i = 0; i < 3; i++) {
        posw_u256 want = h_coins(COINS[i]), got;
        word = json_array_get(list, i);
        check_proof(json_object_get(word, "proof"), w_string(proof, "storageHash"), slots[i].b, 32, &value);
        got = w_u256(word, "value");
        assert_true(posw_u256_equal(&got, &want));
        posw_rlp r = posw_rlp_reader(value.data, value.size);
        posw_u256 proven = value.size == 0 ? POSW_U256_ZERO : posw_rlp_u256(&r);
        assert_true(posw_u256_equal(&proven, &want));
    }
    assert_string_equal(w_string(json_array_get(list, 0), "key"), "0x0");
    assert_string_equal(w_string(json_array_get(list, 1), "key"), w_hex(slots[1].b, 32));
    posw_buf_clear(&value);
    json_decref(proof);
    json_decref(block);
    w_close(&w);
}

/* ---- calls ---- */

static void expect_word(world *w, const char *signature, const posw_address *a, posw_u256 want) {
    uint8_t bytes[32];
    char *input = w_abi(signature, a, NULL);
    posw_u256_to_be(bytes, &want);
    w_text(w, w_hex(bytes, 32), "eth_call", "[{\"to\":\"" W_CONTRACT "\",\"data\":\"%s\"},\"latest\"]", input);
    free(input);
}

static void test_views(void **state) {
    (void)state;
    world w;
    posw_address miner = h_address(0), other = h_address(3);
    w_open(&w);
    w_send_only(&w, h_stake(2, 0, 3, 50));
    w_mine(&w, 1);
    expect_word(&w, "stakeOf(address)", &miner, h_coins(100));
    expect_word(&w, "activeStakeOf(address)", &miner, h_coins(100));
    expect_word(&w, "activeStakeOf(address)", &other, h_coins(0));
    expect_word(&w, "pendingOf(address)", &other, h_coins(50));
    expect_word(&w, "totalStake()", NULL, h_coins(150));
    expect_word(&w, "ticketPrice()", NULL, h_coins(10));
    expect_word(&w, "weightOf(address)", &miner, posw_u256_from_u64(16));
    expect_word(&w, "weightOf(address)", &other, POSW_U256_ONE);
    /* cast sends input and data, web3 sends members of its own */
    char *input = w_abi("totalStake()", NULL, NULL);
    json_t *v = w_call(
        &w, "eth_call",
        "[{\"to\":\"" W_CONTRACT
        "\",\"from\":\"%s\",\"input\":\"%s\",\"data\":\"%s\",\"chainId\":\"0x539\",\"type\":\"0x2\",\"nonce\":\"0x9\","
        "\"accessList\":[{\"address\":\"" W_CONTRACT
        "\",\"storageKeys\":null}],\"hardfork\":\"london\",\"networkId\":1,\"gas\":\"0x30d40\"},"
        "\"pending\",{},{}]",
        w_address(1), input, input);
    json_decref(v);
    free(input);
    w_text(&w, "0x", "eth_call", "[{\"to\":\"%s\",\"value\":\"0x0\"}]", w_address(1));
    w_close(&w);
}

static void test_call_errors(void **state) {
    (void)state;
    world w;
    posw_u256 coin = h_coins(1);
    posw_address miner = h_address(3);
    w_open(&w);
    char *input = w_abi("unstake(address,uint256)", &miner, &coin);
    json_t *e = w_error(&w, "eth_call", "[{\"from\":\"%s\",\"to\":\"" W_CONTRACT "\",\"data\":\"%s\"},\"latest\"]",
                        w_address(4), input);
    assert_int_equal(json_integer_value(json_object_get(e, "code")), 3);
    const char *message = w_string(e, "message"), *data = w_string(e, "data");
    assert_int_equal(strncmp(message, "execution reverted: ", 20), 0);
    /* the data is Error(string) with that reason */
    uint8_t bytes[512];
    char reason[256];
    size_t size = strlen(data) / 2 - 1;
    assert_true(size <= sizeof bytes && posw_hex_decode_prefixed(bytes, size, data, strlen(data)));
    assert_true(posw_abi_revert_reason(reason, sizeof reason, posw_bytes_of(bytes, size)));
    assert_string_equal(message + 20, reason);
    json_decref(e);
    e = w_error(&w, "eth_estimateGas", "[{\"from\":\"%s\",\"to\":\"" W_CONTRACT "\",\"data\":\"%s\"}]", w_address(4),
                input);
    assert_int_equal(json_integer_value(json_object_get(e, "code")), 3);
    assert_string_equal(w_string(e, "message") + 20, reason);
    json_decref(e);

    w_refused(&w, -32000, "intrinsic gas too low: have 20000, want 21000", "eth_call",
              "[{\"to\":\"%s\",\"gas\":\"0x4e20\"}]", w_address(1));
    w_refused(&w, -32000, "out of gas", "eth_call", "[{\"to\":\"" W_CONTRACT "\",\"gas\":\"0x5dc0\",\"data\":\"%s\"}]",
              input);
    w_refused(
        &w, -32000,
        "insufficient funds for gas * price + value: address 0x00000000000000000000000000000000000000aa have 0 want 1",
        "eth_call", "[{\"from\":\"0x00000000000000000000000000000000000000aa\",\"to\":\"%s\",\"value\":\"0x1\"}]",
        w_address(1));
    w_refused(&w, -32000, "max fee per gas less than block base fee: maxFeePerGas: 1, baseFee: 1000000000", "eth_call",
              "[{\"to\":\"%s\",\"maxFeePerGas\":\"0x1\"}]", w_address(1));
    w_refused(&w, -32000,
              "insufficient funds for gas * price + value: address 0x00000000000000000000000000000000000000aa have 0 "
              "want 21000000000000",
              "eth_call",
              "[{\"from\":\"0x00000000000000000000000000000000000000aa\",\"to\":\"%s\",\"gas\":\"0x5208\",\"gasPrice\":"
              "\"0x3b9aca00\"}]",
              w_address(1));
    free(input);
    w_close(&w);
}

/* What eth_estimateGas says is enough, and one less is not. */
static void check_exact(world *w, const char *request, uint64_t want) {
    json_t *v = w_call(w, "eth_estimateGas", "[{%s}]", request);
    assert_int_equal(w_u64_of(v), want);
    json_decref(v);
    w_text(w, "0x", "eth_call", "[{%s,\"gas\":\"0x%" PRIx64 "\"}]", request, want);
    json_t *e = w_error(w, "eth_call", "[{%s,\"gas\":\"0x%" PRIx64 "\"}]", request, want - 1);
    assert_int_equal(json_integer_value(json_object_get(e, "code")), -32000);
    json_decref(e);
}

static uint64_t data_gas(const char *hex) {
    uint64_t gas = 0;
    for (const char *p = hex + 2; *p != 0; p += 2)
        gas += p[0] == '0' && p[1] == '0' ? 4 : 16;
    return gas;
}

static void test_estimates(void **state) {
    (void)state;
    world w;
    char request[1024];
    posw_address miner = h_address(3);
    posw_u256 ten = h_coins(10);
    w_open(&w);
    w_text(&w, "0x5208", "eth_estimateGas", "[{\"from\":\"%s\",\"to\":\"%s\",\"value\":\"0x1\"}]", w_address(1),
           w_address(2));
    w_text(&w, "0x5208", "eth_estimateGas", "[{\"to\":\"%s\"},\"pending\"]", w_address(2));
    w_text(&w, "0x5208", "eth_estimateGas", "[{\"to\":\"%s\",\"gas\":\"0x1b2d130\"},\"latest\"]",
           w_address(2)); /* MetaMask's 95 %% */
    snprintf(request, sizeof request, "\"to\":\"%s\",\"data\":\"0x00ff\"", w_address(2));
    check_exact(&w, request, 21000 + 4 + 16);
    snprintf(request, sizeof request,
             "\"to\":\"%s\",\"accessList\":[{\"address\":\"%s\",\"storageKeys\":[\"0x%064d\"]}]", w_address(2),
             w_address(2), 0);
    check_exact(&w, request, 21000 + 2400 + 1900);

    char *stake = w_abi("stake(address)", &miner, NULL), *unstake = w_abi("unstake(address,uint256)", &miner, &ten);
    char *withdraw = w_abi("withdraw()", NULL, NULL), *signer = w_abi("setSigner(address)", &miner, NULL);
    snprintf(request, sizeof request,
             "\"from\":\"%s\",\"to\":\"" W_CONTRACT "\",\"value\":\"0x8ac7230489e80000\",\"data\":\"%s\"", w_address(2),
             stake);
    check_exact(&w, request, 21000 + data_gas(stake) + 60000);
    snprintf(request, sizeof request, "\"from\":\"%s\",\"to\":\"" W_CONTRACT "\",\"data\":\"%s\"", w_address(2),
             signer);
    check_exact(&w, request, 21000 + data_gas(signer) + 25000);
    w_send_only(&w, h_stake(2, 0, 3, 50));
    w_mine(&w, 1);
    snprintf(request, sizeof request, "\"from\":\"%s\",\"to\":\"" W_CONTRACT "\",\"data\":\"%s\"", w_address(2),
             unstake);
    check_exact(&w, request, 21000 + data_gas(unstake) + 70000);
    w_send_only(&w, h_unstake(2, 1, 3, 20));
    w_mine(&w, 1);
    w_send_only(&w, h_unstake(2, 2, 3, 20));
    w_mine(&w, H_UNBONDING + 2);
    snprintf(request, sizeof request, "\"from\":\"%s\",\"to\":\"" W_CONTRACT "\",\"data\":\"%s\"", w_address(2),
             withdraw);
    check_exact(&w, request, 21000 + data_gas(withdraw) + 30000 + 2 * 6000);
    /* a view costs its fixed price, and one that needs the table cannot be in a transaction */
    char *view = w_abi("totalStake()", NULL, NULL), *weight = w_abi("weightOf(address)", &miner, NULL);
    json_t *v = w_call(&w, "eth_estimateGas", "[{\"to\":\"" W_CONTRACT "\",\"data\":\"%s\"}]", view);
    assert_int_equal(w_u64_of(v), 21000 + data_gas(view) + 3000);
    json_decref(v);
    json_t *e = w_error(&w, "eth_estimateGas", "[{\"to\":\"" W_CONTRACT "\",\"data\":\"%s\"}]", weight);
    assert_int_equal(json_integer_value(json_object_get(e, "code")), 3);
    json_decref(e);
    free(stake);
    free(unstake);
    free(withdraw);
    free(signer);
    free(view);
    free(weight);
    w_close(&w);
}

static void test_estimate_funds(void **state) {
    (void)state;
    world w;
    w_open(&w);
    static const char POOR[] = "0x00000000000000000000000000000000000000aa";
    w_refused(&w, -32000, "insufficient funds for transfer", "eth_estimateGas",
              "[{\"from\":\"%s\",\"to\":\"%s\",\"value\":\"0x1\",\"gasPrice\":\"0x3b9aca00\"}]", POOR, w_address(1));
    w_refused(&w, -32000, "gas required exceeds allowance (0)", "eth_estimateGas",
              "[{\"from\":\"%s\",\"to\":\"%s\",\"maxFeePerGas\":\"0x3b9aca00\"}]", POOR, w_address(1));
    w_refused(&w, -32000, "gas required exceeds allowance (20000)", "eth_estimateGas",
              "[{\"to\":\"%s\",\"gas\":\"0x4e20\"}]", w_address(1));
    w_text(&w, "0x5208", "eth_estimateGas",
           "[{\"from\":\"%s\",\"to\":\"%s\",\"value\":\"0x1\",\"gasPrice\":\"0x3b9aca00\"}]", w_address(2),
           w_address(1));
    w_close(&w);
}

static void test_access_list(void **state) {
    (void)state;
    world w;
    w_open(&w);
    json_t *v = w_call(&w, "eth_createAccessList",
                       "[{\"from\":\"%s\",\"to\":\"%s\",\"value\":\"0xa\",\"nonce\":\"0x0\"},\"latest\"]", w_address(1),
                       w_address(2));
    assert_string_equal(w_string(v, "gasUsed"), "0x5208");
    assert_int_equal(json_array_size(json_object_get(v, "accessList")), 0);
    assert_int_equal(json_object_size(v), 2);
    json_decref(v);
    v = w_call(&w, "eth_createAccessList", "[{\"to\":\"" W_CONTRACT "\"}]"); /* a plain transfer to it reverts */
    assert_string_equal(w_string(v, "error"), "execution reverted");
    json_decref(v);
    v = w_call(&w, "eth_createAccessList", "[{\"to\":\"" W_CONTRACT "\",\"gas\":\"0x5208\"}]");
    assert_string_equal(w_string(v, "error"), "out of gas");
    json_decref(v);
    w_close(&w);
}

/* A call changes nothing. */
static void test_calls_leave_no_trace(void **state) {
    (void)state;
    world w;
    posw_address miner = h_address(3);
    w_open(&w);
    char *stake = w_abi("stake(address)", &miner, NULL);
    for (int i = 0; i < 2; i++)
        w_text(&w, "0x", "eth_call",
               "[{\"from\":\"%s\",\"to\":\"" W_CONTRACT "\",\"value\":\"0x21e19e0c9bab2400000\",\"data\":\"%s\"}]",
               w_address(2), stake);
    w_text(&w, "0x21e19e0c9bab2400000", "eth_getBalance", "[\"%s\"]", w_address(2));
    expect_word(&w, "stakeOf(address)", &miner, h_coins(0));
    free(stake);
    w_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accounts),
        cmocka_unit_test(test_storage),
        cmocka_unit_test(test_proofs),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_call_errors),
        cmocka_unit_test(test_estimates),
        cmocka_unit_test(test_estimate_funds),
        cmocka_unit_test(test_access_list),
        cmocka_unit_test(test_calls_leave_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
