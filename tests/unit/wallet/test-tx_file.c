#include "wallet_test.h"

#include "posw/u256.h"
#include "wallet/tx_file.h"

static const uint8_t SECRET[32] = {[31] = 7};

/* A file as it is made: 12.5 coin and a little data. The caller clears it. */
static posw_tx_file example(void) {
    posw_tx_file f = {.chain_name = "Example", .ticker = "EX"};
    f.tx = (posw_tx){.type = POSW_TX_DYNAMIC_FEE,
                     .is_protected = true,
                     .has_to = true,
                     .chain_id = 4242,
                     .nonce = 7,
                     .gas_limit = 30000};
    memset(&f.genesis, 0xab, sizeof f.genesis);
    memset(&f.tx.to, 0x12, sizeof f.tx.to);
    f.tx.value = posw_u256_from_u64(12500000000000000000u);
    f.tx.max_fee = posw_u256_from_u64(3000000000u);
    f.tx.max_tip = posw_u256_from_u64(1000000000u);
    posw_buf_append(&f.data, "\x01\x02\x03", 3);
    f.tx.input = posw_buf_view(&f.data);
    assert_true(posw_secp_address(&f.from, SECRET));
    return f;
}

static posw_buf encoded(const posw_tx_file *f) {
    posw_buf b = {0};
    posw_tx_file_encode(&b, f);
    posw_buf_byte(&b, 0);
    assert_false(b.failed);
    b.size--;
    return b;
}

static int decode(const char *text, posw_message *msg) {
    posw_tx_file f = {0};
    memset(msg, 0, sizeof *msg);
    const int err = posw_tx_file_decode(&f, text, strlen(text), msg);
    if (err != POSW_OK) assert_true(msg->text[0] && f.raw.data == NULL && f.data.data == NULL);
    posw_tx_file_clear(&f);
    return err;
}

static void test_round_trip(void **state) {
    (void)state;
    posw_tx_file f = example(), again = {0};
    posw_message msg;
    posw_hash a, b;
    for (int is_signed = 0; is_signed < 2; is_signed++) {
        if (is_signed) assert_int_equal(posw_tx_file_sign(&f, SECRET), POSW_OK);
        posw_buf text = encoded(&f);
        assert_int_equal(posw_tx_file_decode(&again, (const char *)text.data, text.size, &msg), POSW_OK);
        assert_string_equal(again.chain_name, "Example");
        posw_tx_signing_hash(&a, &f.tx);
        posw_tx_signing_hash(&b, &again.tx);
        assert_true(posw_hash_equal(&a, &b) && posw_hash_equal(&f.genesis, &again.genesis));
        assert_int_equal(again.raw.size > 0, is_signed);
        posw_buf second = encoded(&again);
        assert_string_equal((char *)text.data, (char *)second.data);
        posw_buf_clear(&text);
        posw_buf_clear(&second);
        posw_tx_file_clear(&again);
    }
    posw_tx_file_clear(&f);
}

static void test_another_key(void **state) {
    (void)state;
    posw_tx_file f = example();
    uint8_t other[32] = {[31] = 8};
    assert_int_equal(posw_tx_file_sign(&f, other), POSW_EAUTH);
    assert_int_equal(f.raw.size, 0);
    posw_tx_file_clear(&f);
}

/* The text with the first `from` replaced by `to`; the caller frees it. */
static char *changed(const posw_buf *text, const char *from, const char *to) {
    const char *at = strstr((const char *)text->data, from);
    assert_non_null(at);
    char *out = malloc(text->size + strlen(to) + 1);
    sprintf(out, "%.*s%s%s", (int)(at - (const char *)text->data), (const char *)text->data, to, at + strlen(from));
    return out;
}

/* No member of a signed file can be changed, and none of an unsigned one be strange. */
static void test_changed(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        int plain, is_signed; /* what decode says of each kind of file */
    } cases[] = {
        {"\"nonce\":7", "\"nonce\":8", POSW_OK, POSW_EPARSE},
        {"\"gasLimit\":30000", "\"gasLimit\":30001", POSW_OK, POSW_EPARSE},
        {"\"valueWei\":\"1", "\"valueWei\":\"2", POSW_OK, POSW_EPARSE},
        {"\"maxFeePerGasWei\":\"3", "\"maxFeePerGasWei\":\"4", POSW_OK, POSW_EPARSE},
        {"\"maxPriorityFeePerGasWei\":\"1", "\"maxPriorityFeePerGasWei\":\"2", POSW_OK, POSW_EPARSE},
        {"\"to\":\"0x12", "\"to\":\"0x13", POSW_OK, POSW_EPARSE},
        {"\"data\":\"0x01", "\"data\":\"0x02", POSW_OK, POSW_EPARSE},
        {"\"chainId\":4242", "\"chainId\":4243", POSW_OK, POSW_EPARSE},
        {"\"genesis\":\"0xab", "\"genesis\":\"0xac", POSW_OK, POSW_OK}, /* not signed: compared by who sends */
        {"\"chainId\":4242", "\"chainId\":0", POSW_EPARSE, POSW_EPARSE},
        {"\"chainId\":4242", "\"chainId\":-1", POSW_EPARSE, POSW_EPARSE},
        {"\"chainId\":4242", "\"chainId\":4242,\"x\":1", POSW_EPARSE, POSW_EPARSE},
        {"\"nonce\":7", "\"nonce\":7,\"nonce\":7", POSW_EPARSE, POSW_EPARSE},
        {"\"nonce\":7", "\"nonce\":7,\"memo\":\"\"", POSW_EPARSE, POSW_EPARSE},
        {"\"nonce\":7,", "", POSW_EPARSE, POSW_EPARSE},
        {"\"nonce\":7", "\"nonce\":\"7\"", POSW_EPARSE, POSW_EPARSE},
        {"\"valueWei\":\"1", "\"valueWei\":\"0x1", POSW_EPARSE, POSW_EPARSE},
        {"\"valueWei\":\"1", "\"valueWei\":\"-1", POSW_EPARSE, POSW_EPARSE},
        {"\"to\":\"0x12", "\"to\":\"0x", POSW_EPARSE, POSW_EPARSE},
        {"\"data\":\"0x01", "\"data\":\"0x1", POSW_EPARSE, POSW_EPARSE},
        {"\"data\":\"0x01", "\"data\":\"0xzz", POSW_EPARSE, POSW_EPARSE},
        {"\"name\":\"Example\"", "\"name\":\"\"", POSW_EPARSE, POSW_EPARSE},
        {"\"name\":\"Example\"", "\"name\":\"a\\u001b[2J\"", POSW_EPARSE, POSW_EPARSE},
        {"\"name\":\"Example\"", "\"name\":\"a\\u009b2J\"", POSW_EPARSE, POSW_EPARSE},
        {"\"name\":\"Example\"", "\"name\":\"\\u00e4\\u20ac\"", POSW_OK, POSW_OK},
        {"\"poswTransaction\":1", "\"poswTransaction\":2", POSW_EUNSUPPORTED, POSW_EUNSUPPORTED},
        {"\"poswTransaction\":1", "\"other\":1", POSW_EPARSE, POSW_EPARSE},
    };
    posw_tx_file f = example();
    posw_buf plain = encoded(&f);
    assert_int_equal(posw_tx_file_sign(&f, SECRET), POSW_OK);
    posw_buf with_signature = encoded(&f);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        posw_message msg;
        char *a = changed(&plain, cases[i].from, cases[i].to),
             *b = changed(&with_signature, cases[i].from, cases[i].to);
        assert_int_equal(decode(a, &msg), cases[i].plain);
        assert_int_equal(decode(b, &msg), cases[i].is_signed);
        free(a);
        free(b);
    }
    posw_message msg;
    char *b = changed(&with_signature, "\"signed\":\"0x02", "\"signed\":\"0x01");
    assert_int_equal(decode(b, &msg), POSW_EPARSE);
    free(b);
    /* the same transaction, signed by somebody else */
    memset(&f.from, 9, sizeof f.from);
    posw_buf_clear(&with_signature);
    with_signature = encoded(&f);
    assert_int_equal(decode((const char *)with_signature.data, &msg), POSW_EAUTH);
    posw_buf_clear(&plain);
    posw_buf_clear(&with_signature);
    posw_tx_file_clear(&f);
}

static void test_limits(void **state) {
    (void)state;
    posw_message msg;
    posw_tx_file f = example();
    memset(f.chain_name, 'n', POSW_TX_FILE_NAME_MAX);
    assert_non_null(posw_buf_extend(&f.data, POSW_TX_SIZE_MAX - f.data.size));
    memset(f.data.data, 0xee, f.data.size);
    for (int over = 0; over < 2; over++) {
        if (over) posw_buf_byte(&f.data, 1);
        f.tx.input = posw_buf_view(&f.data);
        posw_buf text = encoded(&f);
        assert_true(text.size < POSW_TX_FILE_SIZE_MAX);
        assert_int_equal(decode((const char *)text.data, &msg), over ? POSW_EPARSE : POSW_OK);
        posw_buf_clear(&text);
    }
    posw_tx_file_clear(&f);
    f = example();
    posw_buf text = encoded(&f);
    char long_name[96] = "\"name\":\"";
    memset(long_name + 8, 'n', POSW_TX_FILE_NAME_MAX + 1);
    char *b = changed(&text, "\"name\":\"Example", long_name);
    assert_int_equal(decode(b, &msg), POSW_EPARSE);
    free(b);
    posw_buf_clear(&text);
    posw_tx_file_clear(&f);
    assert_int_equal(decode("", &msg), POSW_EPARSE);
    assert_int_equal(decode("[]", &msg), POSW_EPARSE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_another_key),
        cmocka_unit_test(test_changed),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
