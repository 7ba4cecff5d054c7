/* Signatures: published values, Wycheproof, round trips and every refusal. */
#include "crypto/secp.h"

#include "base/bytes.h"
#include "base/random.h"
#include "base/test.h"
#include "crypto/digest.h"
#include "crypto/keccak.h"
#include "posw/u256.h"

#include <jansson.h>

#define ORDER "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"

static void hex(uint8_t *out, size_t size, const char *text) {
    assert_true(posw_hex_decode(out, size, text, strlen(text)));
}

static void assert_hex(const uint8_t *got, size_t size, const char *expected) {
    char text[2 * 65 + 1];
    posw_hex_encode(text, got, size);
    assert_string_equal(text, expected);
}

static void test_published(void **state) {
    (void)state;
    uint8_t secret[32] = {[31] = 1}, point[64], compressed[33];
    posw_address address;
    assert_true(posw_secp_address(&address, secret));
    assert_hex(address.b, 20, "7e5f4552091a69125d5dfcb7b8c2659029395bdf");
    assert_true(posw_secp_pubkey(point, secret)); /* the generator, SEC 2 */
    assert_hex(point, 64,
               "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
               "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8");
    assert_true(posw_secp_pubkey_compressed(compressed, secret));
    assert_hex(compressed, 33, "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");

    /* the example of EIP-155: signing hash, key, r, s and v = 37 */
    posw_hash digest;
    posw_signature sig;
    hex(digest.b, 32, "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
    memset(secret, 0x46, sizeof secret);
    assert_true(posw_secp_sign(&sig, &digest, secret));
    assert_hex(sig.b, 65,
               "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
               "67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d8300");
    assert_true(posw_secp_recover(&address, &digest, &sig));
    assert_hex(address.b, 20, "9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f");

    /* RFC 6979 over secp256k1 with SHA-256, key 1, "Satoshi Nakamoto": the value most libraries are tested with */
    posw_sha256(digest.b, "Satoshi Nakamoto", 16);
    assert_true(posw_secp_sign(&sig, &digest, (const uint8_t[32]){[31] = 1}));
    assert_hex(sig.b, 64,
               "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
               "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5");
}

/* s becomes n - s. */
static void negate_s(uint8_t s[32]) {
    uint8_t order[32];
    hex(order, 32, ORDER);
    const posw_u256 n = posw_u256_from_be(order), v = posw_u256_from_be(s), negated = posw_u256_sub_sat(&n, &v);
    posw_u256_to_be(s, &negated);
}

static void check_round_trip(uint64_t *seed) {
    uint8_t secret[32], uncompressed[65] = {4}, compressed[33];
    posw_hash digest;
    posw_signature sig;
    posw_address signer, address;
    random_bytes(seed, secret, sizeof secret);
    random_bytes(seed, digest.b, sizeof digest.b);
    assert_true(posw_secp_sign(&sig, &digest, secret));
    assert_true(sig.b[64] <= 1);
    assert_true(posw_secp_address(&signer, secret));
    assert_true(posw_secp_recover(&address, &digest, &sig));
    assert_memory_equal(&address, &signer, sizeof signer);

    posw_hash hash;
    assert_true(posw_secp_pubkey(uncompressed + 1, secret));
    assert_true(posw_secp_pubkey_compressed(compressed, secret));
    assert_int_equal(compressed[0], 2 + (uncompressed[64] & 1));
    assert_memory_equal(compressed + 1, uncompressed + 1, 32);
    posw_keccak256(&hash, uncompressed + 1, 64);
    assert_memory_equal(hash.b + 12, signer.b, 20);
    assert_true(posw_secp_verify(uncompressed, 65, &digest, sig.b));
    assert_true(posw_secp_verify(compressed, 33, &digest, sig.b));

    /* another digest, another recovery id or a flipped bit never give the signer again */
    posw_signature other = sig;
    other.b[64] ^= 1;
    assert_true(!posw_secp_recover(&address, &digest, &other) || !posw_address_equal(&address, &signer));
    other = sig;
    other.b[random_below(seed, 64)] ^= (uint8_t)(1 << random_below(seed, 8));
    assert_true(!posw_secp_recover(&address, &digest, &other) || !posw_address_equal(&address, &signer));
    assert_false(posw_secp_verify(compressed, 33, &digest, other.b));
    digest.b[random_below(seed, 32)] ^= 1;
    assert_true(!posw_secp_recover(&address, &digest, &sig) || !posw_address_equal(&address, &signer));
    assert_false(posw_secp_verify(compressed, 33, &digest, sig.b));
    digest = (posw_hash){{0}};

    /* the same signature with high s: the recovery id flips with it, and both readers refuse it */
    assert_true(posw_secp_sign(&sig, &digest, secret));
    negate_s(sig.b + 32);
    sig.b[64] ^= 1;
    assert_false(posw_secp_recover(&address, &digest, &sig));
    assert_false(posw_secp_verify(compressed, 33, &digest, sig.b));
}

static void test_round_trips(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 200; i++)
        check_round_trip(&seed);
}

static void test_recover_refusals(void **state) {
    (void)state;
    const uint8_t secret[32] = {[31] = 7};
    const posw_hash digest = {{1, 2, 3}};
    posw_signature good, bad;
    posw_address address = {{0xee}};
    const posw_address untouched = address;
    assert_true(posw_secp_sign(&good, &digest, secret));
    for (int recid = 2; recid < 256; recid++) { /* 27 and 28 among them: v is the transaction's business */
        bad = good;
        bad.b[64] = (uint8_t)recid;
        assert_false(posw_secp_recover(&address, &digest, &bad));
    }
    static const struct {
        size_t at;
        const char *value;
    } cases[] = {
        {0, "0000000000000000000000000000000000000000000000000000000000000000"},
        {0, ORDER},
        {0, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"},
        {0, "0000000000000000000000000000000000000000000000000000000000000005"}, /* x of no point */
        {32, "0000000000000000000000000000000000000000000000000000000000000000"},
        {32, "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1"}, /* n / 2 + 1 */
        {32, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140"},
        {32, ORDER},
        {32, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"},
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        bad = good;
        hex(bad.b + cases[i].at, 32, cases[i].value);
        for (bad.b[64] = 0; bad.b[64] <= 1; bad.b[64]++)
            assert_false(posw_secp_recover(&address, &digest, &bad));
    }
    assert_memory_equal(&address, &untouched, sizeof address);
    /* the largest s that is allowed */
    bad = good;
    hex(bad.b + 32, 32, "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");
    assert_true(posw_secp_recover(&address, &digest, &bad));
}

static void test_secrets(void **state) {
    (void)state;
    static const char *const invalid[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        ORDER,
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364142",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    const posw_hash digest = {{1}};
    uint8_t secret[32], point[65] = {0xee};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(invalid); i++) {
        posw_signature sig = {{0xee}};
        posw_address address = {{0xee}};
        hex(secret, 32, invalid[i]);
        assert_false(posw_secp_secret_valid(secret));
        assert_false(posw_secp_sign(&sig, &digest, secret));
        assert_false(posw_secp_address(&address, secret));
        assert_false(posw_secp_pubkey(point, secret));
        assert_false(posw_secp_pubkey_compressed(point, secret));
        assert_int_equal(sig.b[0], 0xee); /* untouched */
        assert_int_equal(address.b[0], 0xee);
        assert_int_equal(point[0], 0xee);
    }
    hex(secret, 32, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140");
    assert_true(posw_secp_secret_valid(secret));
}

static void check_add(const char *secret_hex, const char *tweak_hex, const char *sum_hex) {
    uint8_t secret[32], tweak[32];
    hex(secret, 32, secret_hex);
    hex(tweak, 32, tweak_hex);
    assert_int_equal(posw_secp_secret_add(secret, tweak), sum_hex != NULL);
    assert_hex(secret, 32, sum_hex != NULL ? sum_hex : secret_hex);
}

static void test_secret_add(void **state) {
    (void)state;
#define ZEROS "00000000000000000000000000000000000000000000000000000000000000"
#define ORDER_MINUS_1 "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140"
    check_add(ZEROS "01", ZEROS "01", ZEROS "02");
    check_add(ZEROS "01", ZEROS "00", ZEROS "01");
    check_add(ORDER_MINUS_1, ZEROS "02", ZEROS "01");
    check_add(ORDER_MINUS_1, ORDER_MINUS_1, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd036413f");
    check_add(ORDER_MINUS_1, ZEROS "01", NULL); /* zero */
    check_add(ZEROS "01", ORDER_MINUS_1, NULL);
    check_add(ZEROS "01", ORDER, NULL); /* a tweak out of range */
    check_add(ZEROS "00", ZEROS "01", NULL);
    check_add(ORDER, ZEROS "01", NULL);
}

static void test_verify_key_forms(void **state) {
    (void)state;
    const uint8_t secret[32] = {[31] = 9};
    const posw_hash digest = {{4}};
    posw_signature sig;
    uint8_t point[65] = {4}, compressed[33];
    assert_true(posw_secp_sign(&sig, &digest, secret));
    assert_true(posw_secp_pubkey(point + 1, secret));
    assert_true(posw_secp_pubkey_compressed(compressed, secret));
    for (int first = 0; first < 256; first++) { /* hybrid forms (6, 7) among them */
        point[0] = (uint8_t)first;
        assert_int_equal(posw_secp_verify(point, 65, &digest, sig.b), first == 4);
        uint8_t other[33];
        memcpy(other, compressed, sizeof other);
        other[0] = (uint8_t)first;
        assert_int_equal(posw_secp_verify(other, 33, &digest, sig.b), first == compressed[0]);
    }
    point[0] = 4;
    point[64] ^= 1; /* off the curve */
    assert_false(posw_secp_verify(point, 65, &digest, sig.b));
    assert_false(posw_secp_verify(compressed, 32, &digest, sig.b));
    assert_false(posw_secp_verify(compressed, 0, &digest, sig.b));
}

/* ---- Wycheproof ---- */

/* A DER INTEGER of at most 32 significant bytes: minimal, not negative. */
static bool der_integer(uint8_t out[32], const uint8_t **p, const uint8_t *end) {
    if (end - *p < 2 || (*p)[0] != 0x02) return false;
    size_t size = (*p)[1];
    const uint8_t *v = *p + 2;
    if (size == 0 || size > 0x7f || size > (size_t)(end - v) || (v[0] & 0x80) != 0) return false;
    if (v[0] == 0 && size > 1 && (v[1] & 0x80) == 0) return false;
    *p = v + size;
    if (v[0] == 0) {
        v++;
        size--;
    }
    if (size > 32) return false;
    memset(out, 0, 32);
    memcpy(out + 32 - size, v, size);
    return true;
}

static bool der_signature(uint8_t rs[64], const uint8_t *der, size_t size) {
    if (size < 2 || der[0] != 0x30 || der[1] > 0x7f || der[1] != size - 2) return false;
    const uint8_t *p = der + 2, *end = der + size;
    return der_integer(rs, &p, end) && der_integer(rs + 32, &p, end) && p == end;
}

/* Whether one of the two recovery ids leads back to the key. */
static bool recovers(const uint8_t key[65], const posw_hash *digest, const uint8_t rs[64]) {
    posw_hash hash;
    posw_keccak256(&hash, key + 1, 64);
    for (uint8_t recid = 0; recid <= 1; recid++) {
        posw_signature sig;
        posw_address address;
        memcpy(sig.b, rs, 64);
        sig.b[64] = recid;
        if (posw_secp_recover(&address, digest, &sig) && memcmp(address.b, hash.b + 12, 20) == 0) return true;
    }
    return false;
}

static bool check_wycheproof(const uint8_t key[65], const json_t *test, size_t *recovered) {
    uint8_t message[256], der[5000], rs[64];
    posw_hash digest;
    const json_t *msg = json_object_get(test, "msg"), *sig = json_object_get(test, "sig");
    size_t message_size = json_string_length(msg) / 2, der_size = json_string_length(sig) / 2;
    assert_true(message_size <= sizeof message && der_size <= sizeof der);
    hex(message, message_size, json_string_value(msg));
    hex(der, der_size, json_string_value(sig));
    posw_sha256(digest.b, message, message_size);
    bool parsed = der_signature(rs, der, der_size);
    bool verified = parsed && posw_secp_verify(key, 65, &digest, rs);
    if (parsed) *recovered += recovers(key, &digest, rs);
    return verified;
}

static void test_wycheproof(void **state) {
    (void)state;
    json_error_t error;
    json_t *root = json_load_file(POSW_VECTORS "/wycheproof/ecdsa_secp256k1_sha256_bitcoin_test.json", 0, &error);
    assert_non_null(root);
    size_t g, t, cases = 0, wrong = 0, recovered = 0;
    json_t *group, *test;
    json_array_foreach(json_object_get(root, "testGroups"), g, group) {
        uint8_t key[65];
        hex(key, 65, json_string_value(json_object_get(json_object_get(group, "publicKey"), "uncompressed")));
        json_array_foreach(json_object_get(group, "tests"), t, test) {
            bool valid = strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
            cases++;
            if (check_wycheproof(key, test, &recovered) == valid) continue;
            wrong++;
            print_error("case %d: %s\n", (int)json_integer_value(json_object_get(test, "tcId")),
                        json_string_value(json_object_get(test, "comment")));
        }
    }
    json_decref(root);
    assert_int_equal(cases, 463);
    assert_int_equal(wrong, 0);
    /* All 162 valid ones but case 346: the x-coordinate of its point is above n, and the recovery ids 2 and 3 that say
     * so are refused. No invalid one. */
    assert_int_equal(recovered, 161);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),  cmocka_unit_test(test_round_trips), cmocka_unit_test(test_recover_refusals),
        cmocka_unit_test(test_secrets),    cmocka_unit_test(test_secret_add),  cmocka_unit_test(test_verify_key_forms),
        cmocka_unit_test(test_wycheproof),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
