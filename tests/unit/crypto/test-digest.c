/* Digests, key derivation and AES-CTR against the values of their standards. */
#include "crypto/digest.h"

#include "base/bytes.h"
#include "base/random.h"
#include "base/test.h"

#include <openssl/evp.h>

static void assert_hex(const uint8_t *got, size_t size, const char *expected) {
    char text[2 * 64 + 1];
    posw_hex_encode(text, got, size);
    assert_string_equal(text, expected);
}

static void test_sha256(void **state) {
    (void)state; /* FIPS 180-4 examples */
    static const char *const cases[][2] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    uint8_t out[32];
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        posw_sha256(out, cases[i][0], strlen(cases[i][0]));
        assert_hex(out, 32, cases[i][1]);
    }
    static char million[1000000];
    memset(million, 'a', sizeof million);
    posw_sha256(out, million, sizeof million);
    assert_hex(out, 32, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_ripemd160(void **state) {
    (void)state; /* Dobbertin, Bosselaers, Preneel: the paper's test values */
    static const char *const cases[][2] = {
        {"", "9c1185a5c5e9fc54612808977ee8f548b2258d31"},
        {"a", "0bdc9d2d256b3ee9daae347be6f4dc835a467ffe"},
        {"abc", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"},
        {"message digest", "5d0689ef49d2fae572b881b123a85ffa21595f36"},
        {"abcdefghijklmnopqrstuvwxyz", "f71c27109c692c1b56bbdceb5b9d2865b3708dbc"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "12a053384a9c0c88e405a06c27dcf49ada62eb2b"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "b0e20b6e3116640286ed3a87a5713079b21f5189"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "9b752e45573d4b39f4dbd3323cab82bf63326bfb"},
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        uint8_t out[20];
        posw_ripemd160(out, cases[i][0], strlen(cases[i][0]));
        assert_hex(out, 20, cases[i][1]);
    }
}

static void check_hmac(size_t key_size, int key_byte, const char *key_text, const char *data, size_t data_size,
                       const char *expected) {
    uint8_t key[131], out[64];
    if (key_text != NULL)
        memcpy(key, key_text, key_size);
    else
        memset(key, key_byte, key_size);
    posw_hmac_sha512(out, key, key_size, data, data_size);
    assert_hex(out, 64, expected);
}

static void test_hmac_sha512(void **state) {
    (void)state; /* RFC 4231, cases 1, 2, 3, 6, 7 */
    char dd[50];
    memset(dd, 0xdd, sizeof dd);
    check_hmac(20, 0x0b, NULL, "Hi There", 8,
               "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
               "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854");
    check_hmac(4, 0, "Jefe", "what do ya want for nothing?", 28,
               "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
               "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
    check_hmac(20, 0xaa, NULL, dd, sizeof dd,
               "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
               "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb");
    check_hmac(131, 0xaa, NULL, "Test Using Larger Than Block-Size Key - Hash Key First", 54,
               "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
               "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598");
    static const char larger[] = "This is a test using a larger than block-size key and a larger than block-size data. "
                                 "The key needs to be hashed before being used by the HMAC algorithm.";
    check_hmac(131, 0xaa, NULL, larger, sizeof larger - 1,
               "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944"
               "b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58");
}

static void test_pbkdf2(void **state) {
    (void)state;
    uint8_t out[64];
    /* RFC 7914, section 11 */
    assert_true(posw_pbkdf2_sha256(out, 64, "passwd", 6, "salt", 4, 1));
    assert_hex(out, 64,
               "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
               "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
    assert_true(posw_pbkdf2_sha256(out, 64, "Password", 8, "NaCl", 4, 80000));
    assert_hex(out, 64,
               "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
               "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d");
    /* BIP-39, first English vector: "abandon ... about" with the passphrase TREZOR */
    static const char words[] =
        "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
    assert_true(posw_pbkdf2_sha512(out, 64, words, sizeof words - 1, "mnemonicTREZOR", 14, 2048));
    assert_hex(out, 64,
               "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e5349553"
               "1f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04");
    assert_true(posw_pbkdf2_sha512(out, 64, "password", 8, "salt", 4, 1));
    assert_hex(out, 64,
               "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252"
               "c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce");
}

static void test_pbkdf2_ranges(void **state) {
    (void)state;
    uint8_t out[32];
    assert_true(posw_pbkdf2_sha256(out, 32, NULL, 0, NULL, 0, 1));
    assert_hex(out, 32, "f7ce0b653d2d72a4108cf5abe912ffdd777616dbbb27a70e8204f3ae2d0f6fad");
    assert_false(posw_pbkdf2_sha256(out, 32, "p", 1, "s", 1, 0));
    assert_false(posw_pbkdf2_sha256(out, 32, "p", 1, "s", 1, UINT32_MAX));
    assert_false(posw_pbkdf2_sha256(out, 0, "p", 1, "s", 1, 1));
    assert_false(posw_pbkdf2_sha512(out, 32, "p", (size_t)1 << 31, "s", 1, 1));
    assert_false(posw_pbkdf2_sha512(out, 32, "p", 1, "s", (size_t)1 << 31, 1));
    assert_false(posw_pbkdf2_sha512(out, (size_t)1 << 31, "p", 1, "s", 1, 1));
}

static void test_scrypt(void **state) {
    (void)state; /* RFC 7914, section 12, without the case of 1 GiB */
    uint8_t out[64];
    assert_true(posw_scrypt(out, 64, "", 0, "", 0, 16, 1, 1));
    assert_hex(out, 64,
               "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
               "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906");
    assert_true(posw_scrypt(out, 64, "password", 8, "NaCl", 4, 1024, 8, 16));
    assert_hex(out, 64,
               "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
               "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640");
    assert_true(posw_scrypt(out, 64, "pleaseletmein", 13, "SodiumChloride", 14, 16384, 8, 1));
    assert_hex(out, 64,
               "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
               "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887");
}

static void test_scrypt_ranges(void **state) {
    (void)state;
    uint8_t out[64];
    static const struct {
        uint64_t n;
        uint32_t r, p;
    } bad[] = {
        {0, 8, 1},
        {1, 8, 1},
        {3, 8, 1},
        {16383, 8, 1},
        {16384, 0, 1},
        {16384, 8, 0},
        {1u << 21, 8, 1},
        {(uint64_t)1 << 63, 8, 1},
        {16384, UINT32_MAX, 1},
        {1u << 20, 9, 1},
        {16384, 8, UINT32_MAX},
        {2, 1u << 30, 1},
        {262144, 1, 8}, /* RFC 7914: N < 2^(128 r / 8) */
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++)
        assert_false(posw_scrypt(out, 64, "p", 1, "s", 1, bad[i].n, bad[i].r, bad[i].p));
    assert_false(posw_scrypt(out, 0, "p", 1, "s", 1, 16, 1, 1));
    assert_true(posw_scrypt(out, 64, NULL, 0, NULL, 0, 16, 1, 1));
}

static void test_aes_ctr(void **state) {
    (void)state; /* NIST SP 800-38A, F.5.1 and F.5.2 */
    static const char plain[] = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
                                "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
    uint8_t key[16], iv[16], data[64];
    assert_true(posw_hex_decode(key, 16, "2b7e151628aed2a6abf7158809cf4f3c", 32));
    for (int i = 0; i < 16; i++)
        iv[i] = (uint8_t)(0xf0 + i);
    assert_true(posw_hex_decode(data, 64, plain, 128));
    assert_true(posw_aes128_ctr(data, 64, key, iv));
    assert_hex(data, 64,
               "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
               "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee");
    assert_true(posw_aes128_ctr(data, 64, key, iv));
    assert_hex(data, 64, plain);
    assert_true(posw_aes128_ctr(data, 0, key, iv));
}

/* Every length, and counters that wrap: against OpenSSL, a second implementation. */
static void test_aes_ctr_lengths(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (size_t size = 1; size <= 200; size++) {
        uint8_t key[16], iv[16], data[200], expected[200];
        random_bytes(&seed, key, sizeof key);
        random_bytes(&seed, iv, sizeof iv);
        random_bytes(&seed, data, sizeof data);
        if (size % 2) memset(iv + size % 16, 0xff, 16 - size % 16);
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        int written = 0;
        assert_non_null(ctx);
        assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, key, iv), 1);
        assert_int_equal(EVP_EncryptUpdate(ctx, expected, &written, data, (int)size), 1);
        EVP_CIPHER_CTX_free(ctx);
        assert_true(posw_aes128_ctr(data, size, key, iv));
        assert_memory_equal(data, expected, size);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),          cmocka_unit_test(test_ripemd160),
        cmocka_unit_test(test_hmac_sha512),     cmocka_unit_test(test_pbkdf2),
        cmocka_unit_test(test_pbkdf2_ranges),   cmocka_unit_test(test_scrypt),
        cmocka_unit_test(test_scrypt_ranges),   cmocka_unit_test(test_aes_ctr),
        cmocka_unit_test(test_aes_ctr_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
