#include "codec/abi.h"

#include "base/random.h"
#include "posw/u256.h"
#include "vectors.h"

static void test_selectors(void **state) {
    (void)state;
    posw_hash topic;
    posw_buf b = {0};
    assert_true(posw_abi_selector("transfer(address,uint256)") == 0xa9059cbb);
    assert_true(posw_abi_selector("baz(uint32,bool)") == 0xcdcd77c0); /* from the ABI specification */
    assert_true(posw_abi_selector("Error(string)") == 0x08c379a0);
    posw_abi_topic(&topic, "Transfer(address,address,uint256)");
    assert_hex(topic.b, 32, "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
    posw_abi_append_selector(&b, "transfer(address,uint256)");
    assert_hex(b.data, b.size, "a9059cbb");
    posw_buf_clear(&b);
}

/* Those official cases whose types are ours. */
static void test_vectors(void **state) {
    (void)state;
    const char *name;
    json_t *root = vectors_json("abi/basic_abi_tests.json"), *t, *type;
    size_t covered = 0;
    json_object_foreach(root, name, t) {
        size_t i;
        posw_buf b = {0};
        const json_t *types = json_object_get(t, "types"), *args = json_object_get(t, "args");
        if (strcmp(name, "GithubWikiTest") == 0) continue; /* bytes10 and uint32[] beside other things */
        json_array_foreach(types, i, type) {
            const json_t *arg = json_array_get(args, i);
            posw_address a;
            if (strcmp(json_string_value(type), "uint256") == 0) {
                posw_abi_append_u64(&b, (uint64_t)json_integer_value(arg));
            } else {
                assert_string_equal(json_string_value(type), "address");
                assert_true(posw_address_parse(&a, json_string_value(arg)));
                posw_abi_append_address(&b, &a);
            }
        }
        assert_hex(b.data, b.size, json_string_value(json_object_get(t, "result")));
        posw_buf_clear(&b);
        covered++;
    }
    assert_int_equal(covered, 2);
    json_decref(root);
}

static void test_reading(void **state) {
    (void)state;
    posw_buf b = {0};
    posw_address a, read_address = {{0}};
    posw_u256 max = POSW_U256_MAX, v = POSW_U256_ZERO;
    memset(a.b, 0xab, sizeof a.b);
    posw_abi_append_selector(&b, "x(address,uint256)");
    posw_abi_append_address(&b, &a);
    posw_abi_append_u256(&b, &max);
    assert_int_equal(b.size, 4 + 64);
    assert_true(posw_abi_address(&read_address, posw_buf_view(&b), 0));
    assert_true(posw_address_equal(&read_address, &a));
    assert_true(posw_abi_word(&v, posw_buf_view(&b), 1));
    assert_true(posw_u256_equal(&v, &max));
    assert_false(posw_abi_address(&read_address, posw_buf_view(&b), 1)); /* upper bytes are not zero */
    assert_true(posw_address_equal(&read_address, &a));
    for (size_t i = 0; i < 12; i++) { /* each of the twelve counts */
        b.data[4 + i] = 1;
        assert_false(posw_abi_address(&read_address, posw_buf_view(&b), 0));
        b.data[4 + i] = 0;
    }
    /* Every length: a word is there when all of it is. */
    for (size_t size = 0; size <= b.size; size++) {
        uint8_t *exact = vectors_copy(b.data, size);
        assert_true(posw_abi_word(&v, (posw_bytes){exact, size}, 0) == (size >= 36));
        assert_true(posw_abi_word(&v, (posw_bytes){exact, size}, 1) == (size >= 68));
        assert_true(posw_abi_address(&read_address, (posw_bytes){exact, size}, 0) == (size >= 36));
        assert_false(posw_abi_word(&v, (posw_bytes){exact, size}, 2));
        assert_false(posw_abi_word(&v, (posw_bytes){exact, size}, SIZE_MAX));
        assert_false(posw_abi_word(&v, (posw_bytes){exact, size}, SIZE_MAX / 32 + 1));
        free(exact);
    }
    assert_false(posw_abi_word(&v, (posw_bytes){NULL, 0}, 0));
    posw_buf_clear(&b);
}

static void test_two_arrays(void **state) {
    (void)state;
    const posw_u256 first[2] = {posw_u256_from_u64(1), posw_u256_from_u64(2)}, second[2] = {POSW_U256_MAX, {{3}}};
    posw_buf b = {0};
    posw_abi_append_two_arrays(&b, first, second, 2);
    assert_hex(b.data, b.size,
               "0000000000000000000000000000000000000000000000000000000000000040"
               "00000000000000000000000000000000000000000000000000000000000000a0"
               "0000000000000000000000000000000000000000000000000000000000000002"
               "0000000000000000000000000000000000000000000000000000000000000001"
               "0000000000000000000000000000000000000000000000000000000000000002"
               "0000000000000000000000000000000000000000000000000000000000000002"
               "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
               "0000000000000000000000000000000000000000000000000000000000000003");
    posw_buf_reset(&b);
    posw_abi_append_two_arrays(&b, NULL, NULL, 0);
    assert_hex(b.data, b.size,
               "0000000000000000000000000000000000000000000000000000000000000040"
               "0000000000000000000000000000000000000000000000000000000000000060"
               "0000000000000000000000000000000000000000000000000000000000000000"
               "0000000000000000000000000000000000000000000000000000000000000000");
    posw_buf_clear(&b);
}

static void test_revert(void **state) {
    (void)state;
    char text[64], small[5];
    posw_buf b = {0};
    posw_abi_append_revert(&b, "Not enough Ether provided."); /* the example of Solidity's documentation */
    assert_hex(b.data, b.size,
               "08c379a0"
               "0000000000000000000000000000000000000000000000000000000000000020"
               "000000000000000000000000000000000000000000000000000000000000001a"
               "4e6f7420656e6f7567682045746865722070726f76696465642e000000000000");
    assert_true(posw_abi_revert_reason(text, sizeof text, posw_buf_view(&b)));
    assert_string_equal(text, "Not enough Ether provided.");
    assert_true(posw_abi_revert_reason(small, sizeof small, posw_buf_view(&b)));
    assert_string_equal(small, "Not ");
    assert_true(posw_abi_revert_reason(small, 1, posw_buf_view(&b)));
    assert_string_equal(small, "");
    for (size_t room = 1; room <= 30; room++) { /* the text is 26 bytes */
        char *exact = (char *)vectors_copy(b.data, room);
        assert_true(posw_abi_revert_reason(exact, room, posw_buf_view(&b)));
        assert_int_equal(strlen(exact), room < 27 ? room - 1 : 26);
        free(exact);
    }
    for (size_t size = 0; size < b.size; size++) { /* the padding may be cut, the text may not */
        uint8_t *exact = vectors_copy(b.data, size);
        assert_true(posw_abi_revert_reason(text, sizeof text, (posw_bytes){exact, size}) == (size >= 4 + 64 + 26));
        free(exact);
    }
    posw_buf_clear(&b);
}

static void test_revert_lengths(void **state) {
    (void)state;
    char reason[100], text[100];
    for (size_t n = 0; n < sizeof reason; n++) {
        posw_buf b = {0};
        memset(reason, 'x', n);
        reason[n] = '\0';
        posw_abi_append_revert(&b, reason);
        assert_int_equal(b.size, 4 + 64 + (n + 31) / 32 * 32);
        assert_true(posw_abi_revert_reason(text, sizeof text, posw_buf_view(&b)));
        assert_string_equal(text, reason);
        posw_buf_clear(&b);
    }
}

/* Offsets and lengths that point beyond the data, in every size. */
static void test_revert_hostile(void **state) {
    (void)state;
    uint64_t seed = 40;
    char text[40];
    posw_buf b = {0};
    posw_abi_append_revert(&b, "reason");
    for (size_t at = 0; at < 4 + 64; at++) {
        uint8_t *exact = vectors_copy(b.data, b.size);
        exact[at] ^= 0x80;
        assert_false(posw_abi_revert_reason(text, sizeof text, (posw_bytes){exact, b.size}));
        free(exact);
    }
    for (int i = 0; i < 20000; i++) {
        const size_t size = random_below(&seed, b.size + 1);
        uint8_t *exact = vectors_copy(b.data, size);
        if (size > 0) exact[random_below(&seed, size)] = (uint8_t)random_next(&seed);
        memset(text, 0x7f, sizeof text);
        if (posw_abi_revert_reason(text, sizeof text, (posw_bytes){exact, size}))
            assert_non_null(memchr(text, 0, sizeof text));
        free(exact);
    }
    posw_buf_clear(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selectors),      cmocka_unit_test(test_vectors), cmocka_unit_test(test_reading),
        cmocka_unit_test(test_two_arrays),     cmocka_unit_test(test_revert),  cmocka_unit_test(test_revert_lengths),
        cmocka_unit_test(test_revert_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
