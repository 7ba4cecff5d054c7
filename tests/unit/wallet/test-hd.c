#include "wallet_test.h"

#include "crypto/digest.h"
#include "wallet/hd.h"
#include "wallet/mnemonic.h"

enum { XPRV_SIZE = 78 + 4 }; /* version 4, depth 1, parent 4, index 4, chain code 32, 0, secret 32; checksum 4 */

/* Base58 of exactly XPRV_SIZE bytes, as the vectors of the BIP are written; the checksum is verified. */
static void decode_xprv(uint8_t out[XPRV_SIZE], const char *text) {
    static const char digits[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    memset(out, 0, XPRV_SIZE);
    for (; *text; text++) {
        const char *digit = strchr(digits, *text);
        assert_non_null(digit);
        unsigned carry = (unsigned)(digit - digits);
        for (size_t i = XPRV_SIZE; i-- > 0;) {
            carry += out[i] * 58u;
            out[i] = (uint8_t)carry;
            carry >>= 8;
        }
        assert_int_equal(carry, 0);
    }
    uint8_t digest[32];
    posw_sha256(digest, out, 78);
    posw_sha256(digest, digest, 32);
    assert_memory_equal(digest, out + 78, 4);
}

/* The BIP's vectors 1 to 4: seed, and for each path the extended private key. Vectors 3 and 4 have leading zeros. */
static void test_vectors(void **state) {
    (void)state;
    json_t *root = test_load(POSW_VECTORS "/bip32/vectors.json");
    assert_int_equal(json_array_size(root), 4);
    for (size_t i = 0; i < json_array_size(root); i++) {
        json_t *v = json_array_get(root, i), *chains = json_object_get(v, "chains");
        uint8_t seed[64];
        size_t seed_size = test_hex(seed, sizeof seed, json_string_value(json_object_get(v, "seed")));
        posw_hd_key master, key;
        assert_int_equal(posw_hd_master(&master, seed, seed_size), POSW_OK);
        assert_true(json_array_size(chains) >= 2);
        for (size_t j = 0; j < json_array_size(chains); j++) {
            json_t *chain = json_array_get(chains, j);
            const char *text = json_string_value(json_array_get(chain, 0));
            uint8_t expected[XPRV_SIZE];
            posw_hd_path path;
            char again[POSW_HD_PATH_SIZE];
            decode_xprv(expected, json_string_value(json_array_get(chain, 1)));
            assert_int_equal(posw_hd_path_parse(&path, text, NULL), POSW_OK);
            assert_int_equal(posw_hd_path_format(again, &path), strlen(text));
            assert_string_equal(again, text);
            assert_int_equal(posw_hd_derive(&key, &master, &path), POSW_OK);
            assert_int_equal(expected[4], path.depth);
            assert_int_equal(posw_load_be32(expected + 9), path.depth ? path.index[path.depth - 1] : 0);
            assert_memory_equal(key.chain_code, expected + 13, 32);
            assert_int_equal(expected[45], 0);
            assert_memory_equal(key.secret, expected + 46, 32);
        }
    }
    json_decref(root);
}

static const struct {
    const char *address, *secret;
} accounts[] = {
    {"f39fd6e51aad88f6f4ce6ab8827279cfffb92266", "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"},
    {"70997970c51812dc3a010c7d01b50e0d17dc79c8", "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"},
    {"3c44cdddb6a900fa2b585dd299e03d12fa4293bc", "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"},
    {"90f79bf6eb2c4f870365e785982e1f101e93b906", "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"},
    {"15d34aaf54267db7d7c367839aaf71a00a2c6a65", "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a"},
    {"9965507d1a55bcc2695c58ba16fb37d819b0a4dc", "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"},
    {"976ea74026e726554db657fa54763abd0c3a0aa9", "92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e"},
    {"14dc79964da2c08b23698b3d3cc7ca32193d9955", "4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356"},
    {"23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f", "dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97"},
    {"a0ee7a142d267c1f36714e4a8f75612f20a79720", "2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"},
};

/* The ten accounts that every development node shows for this mnemonic. */
static void test_accounts(void **state) {
    (void)state;
    uint8_t seed[64], secret[32], expected[32];
    assert_int_equal(posw_mnemonic_seed(seed, TEST_MNEMONIC, NULL, NULL), POSW_OK);
    for (uint32_t i = 0; i < POSW_ARRAY_SIZE(accounts); i++) {
        posw_address address, owner;
        test_hex(owner.b, sizeof owner.b, accounts[i].address);
        test_hex(expected, sizeof expected, accounts[i].secret);
        assert_int_equal(posw_hd_account(secret, &address, seed, i), POSW_OK);
        assert_memory_equal(secret, expected, 32);
        assert_true(posw_address_equal(&address, &owner));
    }
    /* The same by path, in place. */
    posw_hd_path path;
    posw_hd_key key;
    assert_int_equal(posw_hd_path_parse(&path, POSW_HD_DEFAULT_PATH, NULL), POSW_OK);
    assert_int_equal(posw_hd_master(&key, seed, sizeof seed), POSW_OK);
    assert_int_equal(posw_hd_derive(&key, &key, &path), POSW_OK);
    test_hex(expected, sizeof expected, accounts[0].secret);
    assert_memory_equal(key.secret, expected, 32);
    posw_hd_key_clear(&key);
    uint8_t zero[sizeof key] = {0};
    assert_memory_equal(&key, zero, sizeof key);
    posw_hd_key_clear(NULL);

    assert_int_equal(posw_hd_account(secret, NULL, seed, POSW_HD_HARDENED - 1), POSW_OK);
    assert_int_equal(posw_hd_account(secret, NULL, seed, POSW_HD_HARDENED), POSW_EINVAL);
}

static void test_path_forms(void **state) {
    (void)state;
    posw_hd_path path;
    char text[POSW_HD_PATH_SIZE];
    assert_int_equal(posw_hd_path_parse(&path, "m", NULL), POSW_OK);
    assert_int_equal(path.depth, 0);
    assert_int_equal(posw_hd_path_format(text, &path), 1);
    assert_string_equal(text, "m");
    assert_int_equal(posw_hd_path_parse(&path, "m/44h/60H/0'/0/5", NULL), POSW_OK);
    assert_int_equal(path.depth, 5);
    assert_int_equal(path.index[0], 44 | POSW_HD_HARDENED);
    assert_int_equal(path.index[1], 60 | POSW_HD_HARDENED);
    assert_int_equal(path.index[2], 0 | POSW_HD_HARDENED);
    assert_int_equal(path.index[3], 0);
    assert_int_equal(path.index[4], 5);
    posw_hd_path_format(text, &path);
    assert_string_equal(text, "m/44'/60'/0'/0/5");

    static const char *const bad[] = {
        "",
        "M",
        "m/",
        "/44",
        "44'/60'",
        "m/44'/",
        "m//0",
        "m/'",
        "m/0''",
        "m/-1",
        "m/+1",
        "m/ 1",
        "m/1 ",
        "m/01",
        "m/00",
        "m/0x1",
        "m/2147483648",
        "m/2147483648'",
        "m/4294967296",
        "m/99999999999999999999",
        "m/1a",
        "m/1\n",
        "m0",
        "mm",
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++) {
        posw_message msg = {0};
        path.depth = 77;
        assert_int_equal(posw_hd_path_parse(&path, bad[i], &msg), POSW_EPARSE);
        assert_int_equal(path.depth, 77);
        assert_true(msg.text[0]);
    }
}

static void test_path_limit(void **state) {
    (void)state;
    char text[512] = "m", again[POSW_HD_PATH_SIZE];
    posw_hd_path path;
    for (int i = 0; i < POSW_HD_DEPTH_MAX; i++)
        strcat(text, "/2147483647'");
    assert_int_equal(posw_hd_path_parse(&path, text, NULL), POSW_OK);
    assert_int_equal(path.depth, POSW_HD_DEPTH_MAX);
    assert_int_equal(posw_hd_path_format(again, &path), strlen(text));
    assert_string_equal(again, text);
    strcat(text, "/0");
    assert_int_equal(posw_hd_path_parse(&path, text, NULL), POSW_EPARSE);
}

static void test_seed_sizes(void **state) {
    (void)state;
    uint8_t seed[80] = {1};
    posw_hd_key key;
    assert_int_equal(posw_hd_master(&key, seed, 15), POSW_EINVAL);
    assert_int_equal(posw_hd_master(&key, seed, 16), POSW_OK);
    assert_int_equal(posw_hd_master(&key, seed, 64), POSW_OK);
    assert_int_equal(posw_hd_master(&key, seed, 65), POSW_EINVAL);
    /* A parent that is no key at all. */
    posw_hd_key zero = {0}, out;
    assert_int_equal(posw_hd_child(&out, &zero, 0), POSW_EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),    cmocka_unit_test(test_accounts),   cmocka_unit_test(test_path_forms),
        cmocka_unit_test(test_path_limit), cmocka_unit_test(test_seed_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
