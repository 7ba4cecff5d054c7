/* Ethereum's own state tests, as far as they need no contract code: decode the signed bytes, recover the sender,
 * execute, compare the state root. See tests/vectors/state-transfers/README.md. */
#include "state/world.h"

#include "codec/vectors.h"

static posw_u256 number_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    posw_u256 v = POSW_U256_ZERO;
    if (text != NULL) assert_true(posw_u256_parse(&v, text, strlen(text)));
    return v;
}

static uint64_t small_of(const json_t *object, const char *key) {
    posw_u256 wide = number_of(object, key);
    uint64_t v;
    assert_true(posw_u256_to_u64(&v, &wide));
    return v;
}

static posw_address address_of(const char *text) {
    posw_address a;
    assert_non_null(text);
    assert_true(posw_address_parse(&a, text));
    return a;
}

static posw_hash storage_root_of(const json_t *storage) {
    posw_trie *t = posw_trie_new(&POSW_TRIE_EMPTY_ROOT, NULL);
    posw_hash root;
    const char *slot_text;
    const json_t *value;
    json_object_foreach((json_t *)storage, slot_text, value) {
        posw_u256 slot, v;
        uint8_t word[32], rlp[33];
        posw_hash key;
        assert_true(posw_u256_parse(&slot, slot_text, strlen(slot_text)));
        assert_true(posw_u256_parse(&v, json_string_value(value), json_string_length(value)));
        posw_u256_to_be(word, &slot);
        posw_keccak256(&key, word, 32);
        assert_int_equal(posw_trie_put(t, key.b, 32, rlp, (size_t)(posw_rlp_put_u256(rlp, &v) - rlp)), POSW_OK);
    }
    assert_int_equal(posw_trie_root(t, &root), POSW_OK);
    posw_trie_free(t);
    return root;
}

static posw_state *state_of(const json_t *pre) {
    posw_state *s;
    posw_hash root;
    const char *name;
    const json_t *entry;
    assert_int_equal(posw_state_open(&s, &POSW_TRIE_EMPTY_ROOT, NULL), POSW_OK);
    json_object_foreach((json_t *)pre, name, entry) {
        posw_address a = address_of(name);
        posw_buf code = vectors_hex(json_string_value(json_object_get(entry, "code")));
        posw_account account = {.nonce = small_of(entry, "nonce"), .balance_wei = number_of(entry, "balance")};
        account.storage_root = storage_root_of(json_object_get(entry, "storage"));
        posw_keccak256(&account.code_hash, code.data, code.size);
        posw_buf_clear(&code);
        assert_int_equal(posw_state_set_account(s, &a, &account), POSW_OK);
    }
    assert_int_equal(posw_state_seal(s, &root, NULL), POSW_OK);
    return s;
}

/* The vectors' transactions of type 0 are not protected (X2 refuses that); all else about them holds. */
static void protect(posw_tx *tx) {
    if (tx->type != POSW_TX_LEGACY || tx->is_protected) return;
    tx->is_protected = true;
    tx->chain_id = 1;
}

/* False: refused. */
static bool execute(posw_state *s, const json_t *test, const json_t *c) {
    const json_t *env = json_object_get(test, "env"), *transaction = json_object_get(test, "transaction");
    posw_params p = made_params();
    p.chain_id = 1;
    p.gas_limit = small_of(env, "currentGasLimit");
    posw_buf bytes = vectors_hex(json_string_value(json_object_get(c, "txbytes")));
    posw_tx tx;
    posw_address sender, coinbase = address_of(json_string_value(json_object_get(env, "currentCoinbase")));
    enum posw_tx_refusal refusal = POSW_TX_UNPROTECTED;
    if (posw_tx_decode(&tx, bytes.data, bytes.size) == POSW_TX_OK) {
        assert_true(posw_tx_sender(&sender, &tx));
        posw_address want = address_of(json_string_value(json_object_get(transaction, "sender")));
        assert_memory_equal(&sender, &want, sizeof want);
        protect(&tx);
        posw_execution x;
        posw_execution_begin(&x, s, &p, NULL, small_of(env, "currentNumber"), small_of(env, "currentTimestamp"),
                             small_of(env, "currentBaseFee"), &coinbase);
        assert_int_equal(posw_execution_tx(&x, &refusal, &tx, &sender), POSW_OK);
        posw_execution_clear(&x);
    }
    posw_buf_clear(&bytes);
    return refusal == POSW_TX_FITS;
}

static void run_case(const char *name, const char *fork, const json_t *test, const json_t *c) {
    posw_state *s = state_of(json_object_get(test, "pre"));
    posw_hash root, want;
    bool executed = execute(s, test, c), expected = json_object_get(c, "expectException") == NULL;
    assert_int_equal(posw_state_seal(s, &root, NULL), POSW_OK);
    assert_true(posw_hash_parse(&want, json_string_value(json_object_get(c, "hash"))));
    if (executed != expected || !posw_hash_equal(&root, &want))
        fail_msg("%s %s: executed %d, expected %d, root %s", name, fork, executed, expected,
                 posw_hash_equal(&root, &want) ? "equal" : "differs");
    posw_state_free(s);
}

static void test_transfers(void **state) {
    (void)state;
    json_t *all = vectors_json("state-transfers/transfers.json");
    const char *name, *fork;
    const json_t *test, *cases;
    size_t done[2] = {0, 0};
    json_object_foreach(all, name, test) {
        json_object_foreach(json_object_get(test, "post"), fork, cases) {
            for (size_t i = 0; i < json_array_size(cases); i++) {
                const json_t *c = json_array_get(cases, i);
                run_case(name, fork, test, c);
                done[json_object_get(c, "expectException") == NULL]++;
            }
        }
    }
    assert_int_equal(done[0], 156);
    assert_int_equal(done[1], 48);
    json_decref(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_transfers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
