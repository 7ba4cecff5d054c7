#include "base/bytes.h"

#include "base/random.h"
#include "base/test.h"

static void test_endian(void **state) {
    (void)state;
    const uint8_t in[9] = {0xff, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    uint8_t out[9] = {0};
    assert_true(posw_load_be64(in + 1) == 0x0123456789abcdefu); /* unaligned, too */
    assert_true(posw_load_le64(in + 1) == 0xefcdab8967452301u);
    assert_true(posw_load_be32(in + 1) == 0x01234567u);
    assert_true(posw_load_be32(in) == 0xff012345u);
    posw_store_be64(out + 1, 0x0123456789abcdefu);
    assert_memory_equal(out + 1, in + 1, 8);
    posw_store_le64(out + 1, 0xefcdab8967452301u);
    assert_memory_equal(out + 1, in + 1, 8);
    posw_store_be32(out, 0xff012345u);
    assert_memory_equal(out, in, 4);
}

static void test_hex(void **state) {
    (void)state;
    char text[2 * 256 + 1];
    uint8_t in[256], out[256];
    for (unsigned i = 0; i < 256; i++)
        in[i] = (uint8_t)i;
    assert_int_equal(posw_hex_encode(text, in, sizeof in), 512);
    assert_int_equal(strlen(text), 512);
    assert_memory_equal(text + 2 * 0xa0, "a0a1a2", 6);
    assert_true(posw_hex_decode(out, sizeof out, text, 512));
    assert_memory_equal(out, in, sizeof in);
    assert_int_equal(posw_hex_encode(text, in, 0), 0);
    assert_string_equal(text, "");
    assert_true(posw_hex_decode(out, 0, "", 0));

    assert_true(posw_hex_decode(out, 2, "aBCd", 4));
    assert_memory_equal(out, "\xab\xcd", 2);
    assert_false(posw_hex_decode(out, 2, "abc", 3));
    assert_false(posw_hex_decode(out, 2, "abcde", 5));
    assert_false(posw_hex_decode(out, 2, "abcdef", 6));
    assert_false(posw_hex_decode(out, SIZE_MAX, "abc", 3));
    assert_true(posw_hex_decode_prefixed(out, 2, "0xabcd", 6));
    assert_false(posw_hex_decode_prefixed(out, 2, "abcd", 4));
    assert_false(posw_hex_decode_prefixed(out, 2, "0Xabcd", 6));
    assert_false(posw_hex_decode_prefixed(out, 0, "0", 1));
    assert_false(posw_hex_decode_prefixed(out, 0, "", 0));
    assert_true(posw_hex_decode_prefixed(out, 0, "0x", 2));
}

/* Of all bytes just the 22 digits are taken, in either place. */
static void test_hex_every_character(void **state) {
    (void)state;
    for (int c = 0; c < 256; c++) {
        bool digit = c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;
        uint8_t out;
        assert_int_equal(posw_hex_decode(&out, 1, (const char[2]){(char)c, '0'}, 2), digit);
        assert_int_equal(posw_hex_decode(&out, 1, (const char[2]){'0', (char)c}, 2), digit);
        if (digit) assert_int_equal(out, strtol((const char[2]){(char)c, 0}, NULL, 16));
    }
}

static void test_parse(void **state) {
    (void)state;
    posw_hash h = {{9}}, untouched = {{9}};
    posw_address a = {{9}}, untouched_address = {{9}};
    assert_false(posw_hash_parse(&h, ""));
    assert_false(posw_hash_parse(&h, "0x00"));
    assert_false(posw_hash_parse(&h, "0x00000000000000000000000000000000000000000000000000000000000000zz"));
    assert_false(posw_hash_parse(&h, "000000000000000000000000000000000000000000000000000000000000000001"));
    assert_memory_equal(&h, &untouched, sizeof h);
    assert_true(posw_hash_parse(&h, "0x00000000000000000000000000000000000000000000000000000000000000Ff"));
    assert_int_equal(h.b[31], 0xff);
    assert_int_equal(h.b[0], 0);
    assert_false(posw_address_parse(&a, "0x7e5f4552091a69125d5dfcb7b8c2659029395bd"));
    assert_false(posw_address_parse(&a, "0x7e5f4552091a69125d5dfcb7b8c2659029395bdff0"));
    assert_memory_equal(&a, &untouched_address, sizeof a);
    assert_true(posw_address_parse(&a, "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"));
    assert_int_equal(a.b[0], 0x7e);
    assert_int_equal(a.b[19], 0xdf);
}

static void test_comparison(void **state) {
    (void)state;
    for (size_t i = 0; i < 32; i++) {
        posw_hash h = {{0}}, zero = {{0}};
        assert_true(posw_hash_is_zero(&h));
        h.b[i] = 1;
        assert_false(posw_hash_is_zero(&h));
        assert_false(posw_hash_equal(&h, &zero));
        assert_true(posw_hash_cmp(&h, &zero) > 0);
        assert_false(posw_equal_ct(&h, &zero, 32));
        assert_true(posw_equal_ct(&h, &zero, i));
    }
    for (size_t i = 0; i < 20; i++) {
        posw_address a = {{0}}, zero = {{0}};
        assert_true(posw_address_is_zero(&a));
        a.b[i] = 0x80;
        assert_false(posw_address_is_zero(&a));
        assert_false(posw_address_equal(&a, &zero));
        assert_true(posw_address_cmp(&zero, &a) < 0);
    }
    assert_true(posw_equal_ct("a", "b", 0));
}

static void test_wipe(void **state) {
    (void)state;
    uint8_t secret[40], zero[40] = {0};
    uint64_t seed = 1;
    random_bytes(&seed, secret, sizeof secret);
    uint8_t last = secret[39];
    posw_wipe(secret, 39);
    assert_memory_equal(secret, zero, 39);
    assert_int_equal(secret[39], last);
    posw_wipe(NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endian), cmocka_unit_test(test_hex),        cmocka_unit_test(test_hex_every_character),
        cmocka_unit_test(test_parse),  cmocka_unit_test(test_comparison), cmocka_unit_test(test_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
