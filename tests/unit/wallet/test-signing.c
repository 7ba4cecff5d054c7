#include "wallet_test.h"

#include "wallet/key.h"
#include "wallet/signing.h"

/* The example of web3.js ("Some data"), and two more made with ethers 6. */
static const char SECRET[] = "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318";
static const char OWNER[] = "0x2c7536e3605d9c16a7a3d7b1898e529396a65c23";
static const char SOME_DATA[] = "0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd"
                                "6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c";
static const char EMPTY[] = "0x8a68b4e66cd2b575338e16069d7b65f6f67c7ceae8945dccf8cb7bdb06278d93"
                            "3dd9c888f3444ca4698464079a067ad3cfffe96d493b8ecf56885169d0fdfe7d1b";
static const char THOUSAND[] = "0x0c356aced97aa4eadea94765ababd64ebdc3cace71b8f6867e250b808387bc3a"
                               "107fd0c1cceae835947c27e7a0e2094b3f15f8eeeb869543c59026c9dd483e711c";

static void check(const void *message, size_t size, const char *expected) {
    uint8_t secret[32];
    posw_signature signature, parsed;
    posw_address owner, signer;
    char text[POSW_WALLET_SIGNATURE_SIZE];
    assert_int_equal(posw_key_parse(secret, SECRET, NULL), POSW_OK);
    assert_int_equal(posw_wallet_sign_message(&signature, message, size, secret), POSW_OK);
    assert_int_equal(posw_wallet_signature_format(text, &signature), 132);
    assert_string_equal(text, expected);
    assert_int_equal(posw_wallet_signature_parse(&parsed, expected, NULL), POSW_OK);
    assert_memory_equal(&parsed, &signature, sizeof parsed);
    assert_int_equal(posw_wallet_recover_message(&signer, message, size, &parsed), POSW_OK);
    assert_true(posw_address_parse(&owner, OWNER));
    assert_true(posw_address_equal(&signer, &owner));
}

static void test_vectors(void **state) {
    (void)state;
    char thousand[1000];
    memset(thousand, 'a', sizeof thousand);
    posw_hash hash, expected;
    posw_wallet_message_hash(&hash, "Some data", 9);
    assert_true(posw_hash_parse(&expected, "0x1da44b586eb0729ff70a73c326926f6ed5a25f5b056e7f47fbc6e58d86871655"));
    assert_true(posw_hash_equal(&hash, &expected));
    check("Some data", 9, SOME_DATA);
    check("", 0, EMPTY);
    check(thousand, sizeof thousand, THOUSAND);
}

static void test_refusals(void **state) {
    (void)state;
    uint8_t zero[32] = {0};
    posw_signature signature;
    posw_address signer;
    posw_message msg = {0};
    assert_int_equal(posw_wallet_sign_message(&signature, "x", 1, zero), POSW_EINVAL);

    assert_int_equal(posw_wallet_signature_parse(&signature, "", &msg), POSW_EPARSE);
    assert_int_equal(posw_wallet_signature_parse(&signature, SOME_DATA + 2, &msg), POSW_EPARSE);
    char text[160];
    snprintf(text, sizeof text, "%s0", SOME_DATA);
    assert_int_equal(posw_wallet_signature_parse(&signature, text, &msg), POSW_EPARSE);
    static const struct {
        const char *v;
        int error, id;
    } ends[] = {{"00", POSW_OK, 0}, {"01", POSW_OK, 1}, {"02", POSW_EPARSE, 0}, {"1a", POSW_EPARSE, 0},
                {"1b", POSW_OK, 0}, {"1c", POSW_OK, 1}, {"1d", POSW_EPARSE, 0}, {"ff", POSW_EPARSE, 0}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(ends); i++) {
        snprintf(text, sizeof text, "%.130s%s", SOME_DATA, ends[i].v);
        assert_int_equal(posw_wallet_signature_parse(&signature, text, &msg), ends[i].error);
        if (ends[i].error == POSW_OK) assert_int_equal(signature.b[64], ends[i].id);
    }
    memset(&signature, 0, sizeof signature);
    assert_int_equal(posw_wallet_recover_message(&signer, "x", 1, &signature), POSW_EAUTH);
    /* A valid signature of another message gives another signer. */
    posw_address owner;
    assert_true(posw_address_parse(&owner, OWNER));
    assert_int_equal(posw_wallet_signature_parse(&signature, SOME_DATA, NULL), POSW_OK);
    if (posw_wallet_recover_message(&signer, "Some date", 9, &signature) == POSW_OK)
        assert_false(posw_address_equal(&signer, &owner));
}

static void test_key_parse(void **state) {
    (void)state;
    uint8_t a[32], b[32];
    assert_int_equal(posw_key_parse(a, SECRET, NULL), POSW_OK);
    assert_int_equal(posw_key_parse(b, SECRET + 2, NULL), POSW_OK);
    assert_memory_equal(a, b, 32);
    assert_int_equal(
        posw_key_parse(b, " \t0x4C0883A69102937D6231471B5DBB6204FE5129617082792AE468D01A3F362318\r\n", NULL), POSW_OK);
    assert_memory_equal(a, b, 32);

    static const struct {
        const char *text;
        int error;
    } bad[] = {
        {"", POSW_EPARSE},
        {"0x", POSW_EPARSE},
        {"4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f36231", POSW_EPARSE},
        {"4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f3623181", POSW_EPARSE},
        {"4c0883a69102937d6231471b5dbb6204 fe5129617082792ae468d01a3f362318", POSW_EPARSE},
        {"0x0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f3623", POSW_EPARSE},
        {"0000000000000000000000000000000000000000000000000000000000000000", POSW_ERANGE},
        /* the order of the curve, and one less */
        {"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", POSW_ERANGE},
        {"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140", POSW_OK},
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++) {
        posw_message msg = {0};
        memset(b, 0xee, sizeof b);
        assert_int_equal(posw_key_parse(b, bad[i].text, &msg), bad[i].error);
        if (bad[i].error == POSW_OK) continue;
        assert_int_equal(b[0], 0xee);
        assert_true(msg.text[0]);
        if (strlen(bad[i].text) > 8) assert_null(strstr(msg.text, bad[i].text));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_key_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
