#include "wallet_test.h"

#include "wallet/keystore.h"

/* Made with ethers 6 from salts, ivs and uuids of one repeated byte, so that every step can be compared. */
static const char ETHERS_TINY[] =
    "{\"address\":\"2c7536e3605d9c16a7a3d7b1898e529396a65c23\",\"id\":\"ffffffff-ffff-4fff-bfff-ffffffffffff\","
    "\"version\":3,\"Crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":"
    "\"00000000000000000000000000000000\"},\"ciphertext\":"
    "\"7ae133e168cc0dc038c7e474146f5f339d3f71656d92933f77ecc7fcf31830ec\",\"kdf\":\"scrypt\",\"kdfparams\":{\"salt\":"
    "\"abababababababababababababababababababababababababababababababab\",\"n\":2,\"dklen\":32,\"p\":1,\"r\":1},"
    "\"mac\":\"42c9e36613cb87dbb4df5f2e167f963d102fb206f4e8234d50988b1b79f0850a\"}}";
static const char ETHERS_P6[] =
    "{\"address\":\"7e5f4552091a69125d5dfcb7b8c2659029395bdf\",\"id\":\"00112233-4455-4677-8899-aabbccddeeff\","
    "\"version\":3,\"Crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":"
    "\"c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3\"},\"ciphertext\":"
    "\"92c233b13ac757e3f8fb85599dd0e35931f2ee57bc125af08d7f518e31356e2a\",\"kdf\":\"scrypt\",\"kdfparams\":{\"salt\":"
    "\"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\",\"n\":4096,\"dklen\":32,\"p\":6,\"r\":8},"
    "\"mac\":\"76dd7ddbd806f4cb7fbefe76474ac80879411d965118ace82768a35ea941bc85\"}}";
/* Made with ethers 6 as it is called without options. */
static const char ETHERS_STANDARD[] =
    "{\"address\":\"2c7536e3605d9c16a7a3d7b1898e529396a65c23\",\"id\":\"d3270709-0c96-42f1-8411-50841ef68a0d\","
    "\"version\":3,\"Crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":"
    "\"46e217650564022ae970999820a52413\"},\"ciphertext\":"
    "\"a3bfdf41ef8046fd6005c34cb37e4ce089aeac1c8cc15fd686acd9e47058b515\",\"kdf\":\"scrypt\",\"kdfparams\":{\"salt\":"
    "\"e58cb643519c3226b2fafff4a1c860412902ff4fc6ba3e2430f3ddbcf470ce77\",\"n\":131072,\"dklen\":32,\"p\":1,\"r\":8},"
    "\"mac\":\"ea74b7ad222df480e99788d118f62ee26469a9fe7412cfa70f52b1d3c3eb26ff\"}}";
static const char TINY_SECRET[] = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318";

static const posw_keystore_kdf TINY = {.kind = POSW_KEYSTORE_SCRYPT, .n = 2, .r = 1, .p = 1};

static int decode(posw_keystore *out, const char *json, posw_message *msg) {
    return posw_keystore_decode(out, json, strlen(json), msg);
}

static void expect_same(const posw_keystore *a, const posw_keystore *b) {
    assert_int_equal(a->kdf.kind, b->kdf.kind);
    assert_int_equal(a->kdf.n, b->kdf.n);
    assert_int_equal(a->kdf.r, b->kdf.r);
    assert_int_equal(a->kdf.p, b->kdf.p);
    assert_int_equal(a->kdf.rounds, b->kdf.rounds);
    assert_int_equal(a->salt_size, b->salt_size);
    assert_memory_equal(a->salt, b->salt, a->salt_size);
    assert_memory_equal(a->iv, b->iv, sizeof a->iv);
    assert_memory_equal(a->ciphertext, b->ciphertext, sizeof a->ciphertext);
    assert_memory_equal(a->mac, b->mac, sizeof a->mac);
    assert_int_equal(a->has_uuid, b->has_uuid);
    assert_memory_equal(a->uuid, b->uuid, sizeof a->uuid);
    assert_int_equal(a->has_address, b->has_address);
    assert_memory_equal(&a->address, &b->address, sizeof a->address);
}

/* Text of a keystore, read back: the same. */
static void expect_round_trip(const posw_keystore *k) {
    posw_buf text = {0};
    posw_keystore again;
    assert_int_equal(posw_keystore_encode(&text, k), POSW_OK);
    assert_int_equal(posw_keystore_decode(&again, (const char *)text.data, text.size, NULL), POSW_OK);
    expect_same(k, &again);
    posw_buf_clear(&text);
}

/* The official files of ethereum/tests. */
static void test_vectors(void **state) {
    (void)state;
    json_t *root = test_load(POSW_VECTORS "/keystore/basic_tests.json");
    const char *name;
    json_t *test;
    int opened = 0, refused = 0;
    json_object_foreach(root, name, test) {
        char *json = json_dumps(json_object_get(test, "json"), 0);
        const char *password = json_string_value(json_object_get(test, "password"));
        posw_keystore k;
        posw_message msg = {0};
        int error = decode(&k, json, &msg);
        free(json);
        if (strcmp(name, "test2") == 0) { /* n = 2^18 with r = 1 */
            assert_int_equal(error, POSW_ERANGE);
            assert_non_null(strstr(msg.text, "scrypt n is 262144, but with r = 1 it must be below 65536 (RFC 7914)"));
            refused++;
            continue;
        }
        uint8_t secret[32], expected[32];
        assert_int_equal(error, POSW_OK);
        test_hex(expected, sizeof expected, json_string_value(json_object_get(test, "priv")));
        assert_int_equal(posw_keystore_open(secret, NULL, &k, password, strlen(password), &msg), POSW_OK);
        assert_memory_equal(secret, expected, 32);
        expect_round_trip(&k);
        opened++;
    }
    assert_int_equal(opened, 4);
    assert_int_equal(refused, 1);
    json_decref(root);
}

static void test_wrong_password(void **state) {
    (void)state;
    posw_keystore k;
    uint8_t secret[32];
    posw_message msg = {0};
    memset(secret, 0xee, sizeof secret);
    assert_int_equal(decode(&k, ETHERS_TINY, NULL), POSW_OK);
    assert_int_equal(posw_keystore_open(secret, NULL, &k, "x", 1, &msg), POSW_EAUTH);
    assert_non_null(strstr(msg.text, "wrong password"));
    assert_int_equal(posw_keystore_open(secret, NULL, &k, "\1", 1, &msg), POSW_EAUTH);
    assert_int_equal(secret[0], 0xee);
    assert_int_equal(posw_keystore_open(secret, NULL, &k, "", 0, &msg), POSW_OK);

    char password[POSW_KEYSTORE_PASSWORD_MAX + 1] = {0};
    assert_int_equal(posw_keystore_open(secret, NULL, &k, password, sizeof password, &msg), POSW_EINVAL);
    assert_int_equal(posw_keystore_open(secret, NULL, &k, password, sizeof password - 1, &msg), POSW_EAUTH);
}

/* seal makes, from the same inputs, what ethers made; the last is of the default cost. */
static void test_against_ethers(void **state) {
    (void)state;
    static const posw_keystore_kdf p6 = {.kind = POSW_KEYSTORE_SCRYPT, .n = 4096, .r = 8, .p = 6};
    const struct {
        const char *json, *secret, *password;
        const posw_keystore_kdf *kdf;
    } cases[] = {
        {ETHERS_TINY, TINY_SECRET, "", &TINY},
        {ETHERS_P6, "0000000000000000000000000000000000000000000000000000000000000001", "p\xc3\xa4ssw\xc3\xb6rd", &p6},
        {ETHERS_STANDARD, TINY_SECRET, "correct horse", &POSW_KEYSTORE_STANDARD},
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        posw_keystore theirs, ours;
        posw_keystore_random random;
        uint8_t secret[32], opened[32];
        posw_address address;
        test_hex(secret, sizeof secret, cases[i].secret);
        assert_int_equal(decode(&theirs, cases[i].json, NULL), POSW_OK);
        size_t size = strlen(cases[i].password);
        assert_int_equal(posw_keystore_open(opened, &address, &theirs, cases[i].password, size, NULL), POSW_OK);
        assert_memory_equal(opened, secret, 32);
        assert_true(theirs.has_address && posw_address_equal(&address, &theirs.address));

        assert_int_equal(theirs.salt_size, sizeof random.salt);
        memcpy(random.salt, theirs.salt, sizeof random.salt);
        memcpy(random.iv, theirs.iv, sizeof random.iv);
        memcpy(random.uuid, theirs.uuid, sizeof random.uuid);
        assert_int_equal(posw_keystore_seal(&ours, secret, cases[i].password, size, cases[i].kdf, &random, NULL),
                         POSW_OK);
        expect_same(&ours, &theirs);
        expect_round_trip(&ours);
    }
}

/* The file has the shape that other programs expect, to the byte. */
static void test_text(void **state) {
    (void)state;
    posw_keystore_random random;
    posw_keystore k;
    uint8_t secret[32];
    test_hex(secret, sizeof secret, TINY_SECRET);
    memset(&random, 0xf7, sizeof random);
    assert_int_equal(posw_keystore_seal(&k, secret, "", 0, &TINY, &random, NULL), POSW_OK);
    posw_buf text = {0};
    assert_int_equal(posw_keystore_encode(&text, &k), POSW_OK);
    posw_buf_byte(&text, 0);
    char ciphertext[65], mac[65], expected[1024];
    posw_hex_encode(ciphertext, k.ciphertext, 32);
    posw_hex_encode(mac, k.mac, 32);
    snprintf(expected, sizeof expected,
             "{\"address\":\"2c7536e3605d9c16a7a3d7b1898e529396a65c23\",\"crypto\":{\"cipher\":\"aes-128-ctr\","
             "\"cipherparams\":{\"iv\":\"f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7\"},\"ciphertext\":\"%s\",\"kdf\":\"scrypt\","
             "\"kdfparams\":{\"dklen\":32,\"n\":2,\"p\":1,\"r\":1,\"salt\":"
             "\"f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7\"},\"mac\":\"%s\"},"
             "\"id\":\"f7f7f7f7-f7f7-47f7-b7f7-f7f7f7f7f7f7\",\"version\":3}",
             ciphertext, mac);
    assert_string_equal((const char *)text.data, expected);
    assert_null(strstr(expected, TINY_SECRET));
    posw_buf_clear(&text);
}

/* The light cost and pbkdf2, there and back. */
static void test_other_costs(void **state) {
    (void)state;
    const posw_keystore_kdf pbkdf2 = {.kind = POSW_KEYSTORE_PBKDF2, .rounds = 1000};
    const posw_keystore_kdf *kdfs[] = {&POSW_KEYSTORE_LIGHT, &pbkdf2};
    posw_keystore_random random = {0};
    posw_keystore k;
    uint8_t secret[32], opened[32];
    test_hex(secret, sizeof secret, TINY_SECRET);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(kdfs); i++) {
        assert_int_equal(posw_keystore_seal(&k, secret, "", 0, kdfs[i], &random, NULL), POSW_OK);
        expect_round_trip(&k);
        assert_int_equal(posw_keystore_open(opened, NULL, &k, "", 0, NULL), POSW_OK);
        assert_memory_equal(opened, secret, 32);
        assert_int_equal(posw_keystore_open(opened, NULL, &k, "a", 1, NULL), POSW_EAUTH);
    }
}

static void test_seal_refusals(void **state) {
    (void)state;
    posw_keystore k = {.salt_size = 77};
    posw_keystore_random random = {0};
    posw_message msg = {0};
    uint8_t secret[32] = {0};
    char password[POSW_KEYSTORE_PASSWORD_MAX + 1] = {0};
    assert_int_equal(posw_keystore_seal(&k, secret, "", 0, &TINY, &random, &msg), POSW_EINVAL);
    secret[31] = 1;
    assert_int_equal(posw_keystore_seal(&k, secret, password, sizeof password, &TINY, &random, &msg), POSW_EINVAL);
    const posw_keystore_kdf bad = {.kind = POSW_KEYSTORE_SCRYPT, .n = 3, .r = 8, .p = 1};
    assert_int_equal(posw_keystore_seal(&k, secret, "", 0, &bad, &random, &msg), POSW_ERANGE);
    assert_int_equal(k.salt_size, 77);
}

static void test_encode_failure(void **state) {
    (void)state;
    posw_keystore k;
    posw_buf out = {0};
    assert_int_equal(decode(&k, ETHERS_TINY, NULL), POSW_OK);
    posw_buf_text(&out, "before");
    out.failed = true;
    assert_int_equal(posw_keystore_encode(&out, &k), POSW_ENOMEM);
    assert_int_equal(out.size, 6);
    posw_buf_clear(&out);
}

static void test_kdf_limits(void **state) {
    (void)state;
    static const struct {
        posw_keystore_kdf kdf;
        int error;
    } cases[] = {
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 0, .r = 8, .p = 1}, POSW_ERANGE},
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 1, .r = 8, .p = 1}, POSW_ERANGE},
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 1000, .r = 8, .p = 1}, POSW_ERANGE},
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 1024, .r = 0, .p = 1}, POSW_ERANGE},
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 1024, .r = 8, .p = 0}, POSW_ERANGE},
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 32768, .r = 1, .p = 1}, POSW_OK},
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 65536, .r = 1, .p = 1}, POSW_ERANGE},
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 65536, .r = 2, .p = 1}, POSW_OK},
        /* memory */
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 524288, .r = 8, .p = 1}, POSW_OK},
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 1048576, .r = 8, .p = 1}, POSW_ERANGE},
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 524288, .r = 9, .p = 1}, POSW_ERANGE},
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 1ull << 63, .r = 8, .p = 1}, POSW_ERANGE},
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 2, .r = UINT32_MAX, .p = 1}, POSW_ERANGE},
        /* work */
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 262144, .r = 8, .p = 8}, POSW_OK},
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 262144, .r = 8, .p = 9}, POSW_ERANGE},
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 2, .r = 1, .p = 65536}, POSW_OK},
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 2, .r = 1, .p = 65537}, POSW_ERANGE},
        {{.kind = POSW_KEYSTORE_SCRYPT, .n = 2, .r = 8, .p = UINT32_MAX}, POSW_ERANGE},
        {{.kind = POSW_KEYSTORE_PBKDF2, .rounds = 0}, POSW_ERANGE},
        {{.kind = POSW_KEYSTORE_PBKDF2, .rounds = 1}, POSW_OK},
        {{.kind = POSW_KEYSTORE_PBKDF2, .rounds = POSW_KEYSTORE_ROUNDS_MAX}, POSW_OK},
        {{.kind = POSW_KEYSTORE_PBKDF2, .rounds = POSW_KEYSTORE_ROUNDS_MAX + 1}, POSW_ERANGE},
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        posw_message msg = {0};
        assert_int_equal(posw_keystore_kdf_check(&cases[i].kdf, &msg), cases[i].error);
        assert_int_equal(msg.text[0] != 0, cases[i].error != POSW_OK);
    }
    /* What the check lets through, the library computes: the widest case, and the flattest. */
    const posw_keystore_kdf wide = {.kind = POSW_KEYSTORE_SCRYPT, .n = 2, .r = 65536, .p = 1};
    const posw_keystore_kdf flat = {.kind = POSW_KEYSTORE_SCRYPT, .n = 2, .r = 1, .p = 65536};
    posw_keystore_random random = {0};
    posw_keystore k;
    const uint8_t secret[32] = {1};
    assert_int_equal(posw_keystore_seal(&k, secret, "", 0, &wide, &random, NULL), POSW_OK);
    assert_int_equal(posw_keystore_seal(&k, secret, "", 0, &flat, &random, NULL), POSW_OK);
}

/* ETHERS_TINY with the first `from` replaced. */
static void edit(char *out, size_t size, const char *from, const char *to) {
    const char *at = strstr(ETHERS_TINY, from);
    assert_non_null(at);
    int n = snprintf(out, size, "%.*s%s%s", (int)(at - ETHERS_TINY), ETHERS_TINY, to, at + strlen(from));
    assert_true(n > 0 && (size_t)n < size);
}

static void test_decode_forms(void **state) {
    (void)state;
    static const struct {
        const char *from, *to;
        int error;
        const char *word; /* of the message */
    } cases[] = {
        /* harmless */
        {"\"Crypto\"", "\"crypto\"", POSW_OK, NULL},
        {"\"address\":\"2c", "\"address\":\"0x2C", POSW_OK, NULL},
        {"\"id\":\"ffffffff-ffff-4fff-bfff-ffffffffffff\",", "", POSW_OK, NULL},
        {"\"address\":\"2c7536e3605d9c16a7a3d7b1898e529396a65c23\",", "", POSW_OK, NULL},
        {"\"version\":3", "\"version\":3,\"x-extra\":[1,2,{\"a\":null}]", POSW_OK, NULL},
        {"\"version\":3", " \n\t\"version\" : 3 ", POSW_OK, NULL},
        {"7ae133", "7AE133", POSW_OK, NULL},
        /* another kind of file */
        {"\"version\":3", "\"version\":1", POSW_EUNSUPPORTED, "version"},
        {"\"version\":3", "\"version\":4", POSW_EUNSUPPORTED, "version"},
        {"\"version\":3", "\"version\":\"3\"", POSW_EUNSUPPORTED, "version"},
        {"\"version\":3", "\"version\":3.0", POSW_EUNSUPPORTED, "version"},
        {"\"version\":3,", "", POSW_EPARSE, "version"},
        {"aes-128-ctr", "aes-128-cbc", POSW_EUNSUPPORTED, "cipher"},
        {"\"kdf\":\"scrypt\"", "\"kdf\":\"argon2id\"", POSW_EUNSUPPORTED, "kdf"},
        {"\"dklen\":32", "\"dklen\":64", POSW_EUNSUPPORTED, "dklen"},
        {"\"dklen\":32", "\"dklen\":16", POSW_EUNSUPPORTED, "dklen"},
        {"\"kdf\":\"scrypt\"", "\"kdf\":\"pbkdf2\"", POSW_EPARSE, "\"c\""},
        /* missing or of the wrong type */
        {"\"Crypto\"", "\"CRYPTO\"", POSW_EPARSE, "crypto"},
        {"\"mac\"", "\"mack\"", POSW_EPARSE, "mac"},
        {"\"iv\"", "\"i\"", POSW_EPARSE, "iv"},
        {"\"cipherparams\":{", "\"cipherparams\":7,\"q\":{", POSW_EPARSE, "cipherparams"},
        {"\"kdfparams\":{", "\"kdfparams\":[],\"q\":{", POSW_EPARSE, "kdfparams"},
        {"\"Crypto\":{", "\"Crypto\":null,\"q\":{", POSW_EPARSE, "Crypto"},
        {"\"Crypto\":{", "\"crypto\":{},\"Crypto\":{", POSW_EPARSE, "both"},
        {"\"n\":2", "\"n\":2.0", POSW_EPARSE, "\"n\""},
        {"\"n\":2", "\"n\":\"2\"", POSW_EPARSE, "\"n\""},
        {"\"n\":2", "\"n\":null", POSW_EPARSE, "\"n\""},
        {"\"mac\":\"42", "\"mac\":1,\"q\":\"42", POSW_EPARSE, "mac"},
        {"\"id\":\"ffffffff-", "\"id\":\"fffffffff", POSW_EPARSE, "id"},
        {"\"id\":\"ffffffff-", "\"id\":\"fffffff-", POSW_EPARSE, "id"},
        {"\"id\":\"ffffffff-", "\"id\":\"fffffffg-", POSW_EPARSE, "id"},
        {"\"id\":\"", "\"id\":7,\"q\":\"", POSW_EPARSE, "id"},
        {"\"address\":\"2c", "\"address\":\"2", POSW_EPARSE, "address"},
        {"\"address\":\"2c", "\"address\":\"2cc", POSW_EPARSE, "address"},
        {"\"address\":\"", "\"address\":null,\"q\":\"", POSW_EPARSE, "address"},
        /* hexadecimal of a wrong size, or none */
        {"7ae133", "7ae13", POSW_EPARSE, "ciphertext"},
        {"7ae133", "7ae1", POSW_EPARSE, "ciphertext"},
        {"7ae133", "007ae133", POSW_EPARSE, "ciphertext"},
        {"7ae133", "0x7ae133", POSW_EPARSE, "ciphertext"},
        {"7ae133", "7ae13g", POSW_EPARSE, "ciphertext"},
        {"42c9e3", "42c9", POSW_EPARSE, "mac"},
        {"\"salt\":\"ab", "\"salt\":\"a", POSW_EPARSE, "salt"},
        {"abababababababababababababababababababababababababababababababab", "", POSW_EPARSE, "salt"},
        {"abababababababababababababababababababababababababababababababab", "ab", POSW_OK, NULL},
        {"\"iv\":\"00", "\"iv\":\"", POSW_EPARSE, "iv"},
        /* cost */
        {"\"n\":2", "\"n\":0", POSW_ERANGE, "scrypt n"},
        {"\"n\":2", "\"n\":-2", POSW_ERANGE, "\"n\""},
        {"\"n\":2", "\"n\":3", POSW_ERANGE, "power of two"},
        {"\"n\":2", "\"n\":4294967296", POSW_ERANGE, "\"n\""},
        {"\"n\":2", "\"n\":1073741824", POSW_ERANGE, "RFC 7914"},
        {"\"n\":2", "\"n\":65536", POSW_ERANGE, "RFC 7914"},
        {"\"n\":2", "\"n\":99999999999999999999", POSW_EPARSE, "JSON"},
        {"\"p\":1", "\"p\":65537", POSW_ERANGE, "work"},
        {"\"r\":1", "\"r\":4194304", POSW_ERANGE, "memory"},
        /* JSON itself */
        {"\"version\":3", "\"version\":3,\"version\":3", POSW_EPARSE, "JSON"},
        {"\"n\":2", "\"n\":2,\"n\":2", POSW_EPARSE, "JSON"},
        {"\"version\":3", "\"version\":03", POSW_EPARSE, "JSON"},
        {"\"version\":3,", "\"version\":3,,", POSW_EPARSE, "JSON"},
        {"f0850a\"}}", "f0850a\"}}x", POSW_EPARSE, "JSON"},
        {"f0850a\"}}", "f0850a\"}", POSW_EPARSE, "JSON"},
        {"f0850a", "f0850a\\u0000", POSW_EPARSE, "JSON"},
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        char json[2048];
        edit(json, sizeof json, cases[i].from, cases[i].to);
        posw_keystore k = {.salt_size = 77};
        posw_message msg = {0};
        int error = decode(&k, json, &msg);
        if (error != cases[i].error) print_message("%s -> %s: %s\n", cases[i].from, cases[i].to, msg.text);
        assert_int_equal(error, cases[i].error);
        if (error == POSW_OK) {
            expect_round_trip(&k);
            continue;
        }
        assert_int_equal(k.salt_size, 77);
        if (!strstr(msg.text, cases[i].word)) fail_msg("%s -> %s: %s", cases[i].from, cases[i].to, msg.text);
    }
}

static void test_decode_not_a_keystore(void **state) {
    (void)state;
    static const char *const bad[] = {"", " ", "{}", "[]", "null", "3", "\"x\"", "{", "\xff\xfe", "0x12", "[[[[[[[[[["};
    posw_keystore k;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++) {
        posw_message msg = {0};
        assert_int_equal(decode(&k, bad[i], &msg), POSW_EPARSE);
        assert_true(msg.text[0]);
    }
    /* A bare key given by mistake is not repeated in the message. */
    posw_message msg = {0};
    assert_int_equal(decode(&k, TINY_SECRET, &msg), POSW_EPARSE);
    assert_null(strstr(msg.text, "4c0883"));
}

static void test_decode_size_limit(void **state) {
    (void)state;
    static char json[POSW_KEYSTORE_JSON_MAX + 1];
    posw_keystore k;
    posw_message msg = {0};
    memset(json, ' ', sizeof json);
    memcpy(json, ETHERS_TINY, strlen(ETHERS_TINY));
    assert_int_equal(posw_keystore_decode(&k, json, POSW_KEYSTORE_JSON_MAX, &msg), POSW_OK);
    assert_int_equal(posw_keystore_decode(&k, json, POSW_KEYSTORE_JSON_MAX + 1, &msg), POSW_EPARSE);
    assert_non_null(strstr(msg.text, "larger than 16384"));
    /* Nothing but opening brackets: no deep recursion. */
    memset(json, '[', sizeof json);
    assert_int_equal(posw_keystore_decode(&k, json, POSW_KEYSTORE_JSON_MAX, &msg), POSW_EPARSE);
    /* The salt at its limit. */
    char text[2048], salt[2 * POSW_KEYSTORE_SALT_MAX + 3];
    memset(salt, 'c', sizeof salt);
    salt[2 * POSW_KEYSTORE_SALT_MAX] = 0;
    edit(text, sizeof text, "abababababababababababababababababababababababababababababababab", salt);
    assert_int_equal(decode(&k, text, &msg), POSW_OK);
    assert_int_equal(k.salt_size, POSW_KEYSTORE_SALT_MAX);
    expect_round_trip(&k);
    memcpy(salt + 2 * POSW_KEYSTORE_SALT_MAX, "cc", 3);
    edit(text, sizeof text, "abababababababababababababababababababababababababababababababab", salt);
    assert_int_equal(decode(&k, text, &msg), POSW_EPARSE);
}

/* Every single digit of every covered value, changed to every other one, is noticed when the file is opened. */
static void test_each_digit(void **state) {
    (void)state;
    static const struct {
        const char *start;
        size_t digits;
        int error;
    } values[] = {
        {"\"mac\":\"", 64, POSW_EAUTH},        {"\"ciphertext\":\"", 64, POSW_EAUTH},
        {"\"salt\":\"", 64, POSW_EAUTH},       {"\"iv\":\"", 32, POSW_ECORRUPT}, /* by the address only */
        {"\"address\":\"", 40, POSW_ECORRUPT},
    };
    for (size_t v = 0; v < POSW_ARRAY_SIZE(values); v++) {
        for (size_t i = 0; i < values[v].digits; i++) {
            for (const char *digit = "0123456789abcdef"; *digit; digit++) {
                char json[sizeof ETHERS_TINY];
                memcpy(json, ETHERS_TINY, sizeof json);
                char *at = strstr(json, values[v].start) + strlen(values[v].start) + i;
                bool same = *at == *digit;
                *at = *digit;
                posw_keystore k;
                uint8_t secret[32] = {0xee};
                assert_int_equal(decode(&k, json, NULL), POSW_OK);
                assert_int_equal(posw_keystore_open(secret, NULL, &k, "", 0, NULL), same ? POSW_OK : values[v].error);
                if (!same) assert_int_equal(secret[0], 0xee);
            }
        }
    }
}

/* Random damage to the text: no crash, and nothing opens unless mac, ciphertext and key are the true ones. */
static void test_mutations(void **state) {
    (void)state;
    posw_keystore original;
    uint8_t true_secret[32];
    test_hex(true_secret, sizeof true_secret, TINY_SECRET);
    assert_int_equal(decode(&original, ETHERS_TINY, NULL), POSW_OK);
    uint64_t random = 3;
    size_t decoded = 0, opened = 0, refused = 0;
    for (int i = 0; i < 20000; i++) {
        char json[sizeof ETHERS_TINY + 8];
        size_t size = sizeof ETHERS_TINY - 1;
        memcpy(json, ETHERS_TINY, size);
        for (uint64_t edits = 1 + test_random(&random) % 4; edits > 0; edits--)
            size = test_mutate(json, size, &random);
        posw_keystore k;
        posw_message msg = {0};
        if (posw_keystore_decode(&k, json, size, &msg) != POSW_OK) {
            assert_true(msg.text[0]);
            continue;
        }
        decoded++;
        expect_round_trip(&k);
        if (k.kdf.n * k.kdf.r * k.kdf.p > 4096) continue;
        uint8_t secret[32];
        if (posw_keystore_open(secret, NULL, &k, "", 0, NULL) != POSW_OK) {
            refused++;
            continue;
        }
        opened++;
        assert_memory_equal(k.mac, original.mac, sizeof k.mac);
        assert_memory_equal(k.ciphertext, original.ciphertext, sizeof k.ciphertext);
        if (k.has_address) assert_memory_equal(secret, true_secret, sizeof secret);
    }
    /* The loop did reach all three ends. */
    assert_true(decoded > 1000 && opened > 100 && refused > 500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),           cmocka_unit_test(test_wrong_password),
        cmocka_unit_test(test_against_ethers),    cmocka_unit_test(test_text),
        cmocka_unit_test(test_other_costs),       cmocka_unit_test(test_seal_refusals),
        cmocka_unit_test(test_encode_failure),    cmocka_unit_test(test_kdf_limits),
        cmocka_unit_test(test_decode_forms),      cmocka_unit_test(test_decode_not_a_keystore),
        cmocka_unit_test(test_decode_size_limit), cmocka_unit_test(test_each_digit),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
