#include "codec/rlp.h"

#include "base/random.h"
#include "posw/u256.h"
#include "vectors.h"

/* ---- official vectors ---- */

/* "#" and decimal digits. One vector is 2^256: too large for every number of this protocol, so false. */
static bool big_number(posw_u256 *out, const json_t *in) {
    return posw_u256_parse(out, json_string_value(in) + 1, json_string_length(in) - 1);
}

static void append_json(posw_buf *out, const json_t *in) {
    if (json_is_integer(in)) {
        posw_rlp_append_u64(out, (uint64_t)json_integer_value(in));
    } else if (json_is_string(in) && json_string_value(in)[0] == '#') {
        posw_u256 v;
        uint8_t too_large[33] = {1};
        if (big_number(&v, in)) {
            posw_rlp_append_u256(out, &v);
        } else {
            posw_rlp_append_bytes(out, too_large, sizeof too_large);
        }
    } else if (json_is_string(in)) {
        posw_rlp_append_bytes(out, json_string_value(in), json_string_length(in));
    } else {
        size_t i;
        json_t *item;
        const size_t mark = posw_rlp_list_begin(out);
        assert_true(json_is_array(in));
        json_array_foreach(in, i, item) append_json(out, item);
        posw_rlp_list_end(out, mark);
    }
}

static void check_json(posw_rlp *r, const json_t *in) {
    if (json_is_integer(in)) {
        assert_true(posw_rlp_u64(r) == (uint64_t)json_integer_value(in));
    } else if (json_is_string(in) && json_string_value(in)[0] == '#') {
        posw_u256 v;
        posw_rlp before = *r;
        const posw_u256 read = posw_rlp_u256(r);
        assert_true(r->failed != big_number(&v, in));
        if (!r->failed) assert_true(posw_u256_equal(&read, &v));
        if (r->failed) {
            (void)posw_rlp_bytes(&before);
            *r = before;
        }
    } else if (json_is_string(in)) {
        const posw_bytes b = posw_rlp_bytes(r);
        assert_int_equal(b.size, json_string_length(in));
        assert_memory_equal(b.data, json_string_value(in), b.size);
    } else {
        size_t i;
        json_t *item;
        assert_true(posw_rlp_next_is_list(r));
        posw_rlp list = posw_rlp_list(r);
        assert_int_equal(posw_rlp_count(list), json_array_size(in));
        json_array_foreach(in, i, item) check_json(&list, item);
        assert_true(posw_rlp_done(&list));
    }
    assert_false(r->failed);
}

static void test_vectors_valid(void **state) {
    (void)state;
    const char *name;
    json_t *root = vectors_json("rlp/rlptest.json"), *t;
    assert_int_equal(json_object_size(root), 28);
    json_object_foreach(root, name, t) {
        posw_buf expected = vectors_hex(json_string_value(json_object_get(t, "out"))), made = {0};
        append_json(&made, json_object_get(t, "in"));
        assert_int_equal(made.size, expected.size);
        assert_memory_equal(made.data, expected.data, made.size);
        posw_rlp r = posw_rlp_reader(expected.data, expected.size);
        check_json(&r, json_object_get(t, "in"));
        assert_true(posw_rlp_done(&r));
        assert_true(posw_rlp_valid(expected.data, expected.size));
        posw_buf_clear(&expected);
        posw_buf_clear(&made);
    }
    json_decref(root);
}

static void check_verdicts(const char *file, size_t count, bool valid) {
    const char *name;
    json_t *root = vectors_json(file), *t;
    assert_int_equal(json_object_size(root), count);
    json_object_foreach(root, name, t) {
        posw_buf b = vectors_hex(json_string_value(json_object_get(t, "out")));
        if (posw_rlp_valid(b.data, b.size) != valid) fail_msg("%s", name);
        posw_buf_clear(&b);
    }
    json_decref(root);
}

static void test_vectors_verdicts(void **state) {
    (void)state;
    check_verdicts("rlp/invalidRLPTest.json", 26, false);
    check_verdicts("rlp/randomExample.json", 1, true);
}

/* ---- a second opinion: decode by the definition, encode again; canonical means that the bytes are the same ---- */

static size_t naive_prefix(uint8_t *out, uint8_t tag, size_t content) {
    if (content < 56) {
        out[0] = (uint8_t)(tag + content);
        return 1;
    }
    size_t n = 0;
    for (size_t v = content; v > 0; v /= 256)
        n++;
    out[0] = (uint8_t)(tag + 55 + n);
    for (size_t i = n; i > 0; i--, content /= 256)
        out[i] = (uint8_t)(content % 256);
    return 1 + n;
}

/* Size of the item at `in`, 0 if there is none or it is not canonical at some depth. */
static size_t naive_item(const uint8_t *in, size_t size) {
    uint8_t again[9];
    if (size == 0) return 0;
    if (in[0] < 0x80) return 1;
    const uint8_t tag = in[0] < 0xc0 ? 0x80 : 0xc0;
    size_t prefix = 1, content = in[0] - tag;
    if (content > 55) {
        prefix += content - 55;
        content = 0;
        if (prefix > size) return 0;
        for (size_t i = 1; i < prefix; i++) {
            if (content > SIZE_MAX / 256) return 0;
            content = content * 256 + in[i];
        }
    }
    if (content > size || prefix + content > size) return 0;
    if (naive_prefix(again, tag, content) != prefix || memcmp(again, in, prefix) != 0) return 0;
    if (tag == 0x80) return content == 1 && in[1] < 0x80 ? 0 : prefix + content;
    for (size_t at = 0; at < content;) {
        const size_t n = naive_item(in + prefix + at, content - at);
        if (n == 0) return 0;
        at += n;
    }
    return prefix + content;
}

static bool naive_valid(const uint8_t *in, size_t size) {
    return size > 0 && naive_item(in, size) == size;
}

static void test_every_short_input(void **state) {
    (void)state;
    uint8_t in[3];
    size_t valid[4] = {0};
    assert_false(posw_rlp_valid(NULL, 0));
    for (uint32_t i = 0; i < 1u << 24; i++) {
        in[0] = (uint8_t)(i >> 16);
        in[1] = (uint8_t)(i >> 8);
        in[2] = (uint8_t)i;
        for (size_t size = 1; size <= 3; size++) {
            if (size < 3 && (i & ((1u << (8 * (3 - size))) - 1)) != 0) continue;
            const bool v = posw_rlp_valid(in, size);
            if (v != naive_valid(in, size)) fail_msg("%06x, %zu bytes", i, size);
            valid[size] += v;
        }
    }
    /* Counted by hand: one byte: 00..7f, 80, c0. Two: 81 and a byte from 80; c1 and a one-byte item. Three: 82 and any
     * two bytes; c2 and two one-byte items or one of two bytes. */
    assert_int_equal(valid[1], 130);
    assert_int_equal(valid[2], 128 + 130);
    assert_int_equal(valid[3], 65536 + 130 * 130 + 258);
}

static void append_random(posw_buf *out, uint64_t *seed, unsigned depth) {
    uint8_t data[300];
    if (depth == 0 || random_below(seed, 3) == 0) {
        static const size_t sizes[] = {0, 1, 1, 2, 20, 32, 55, 56, 57, 255, 256, 300};
        const size_t size = sizes[random_below(seed, POSW_ARRAY_SIZE(sizes))];
        random_bytes(seed, data, sizeof data);
        posw_rlp_append_bytes(out, data, size);
        return;
    }
    const size_t mark = posw_rlp_list_begin(out);
    for (uint64_t n = random_below(seed, 5); n > 0; n--)
        append_random(out, seed, depth - 1);
    posw_rlp_list_end(out, mark);
}

static void test_random_and_mutated(void **state) {
    (void)state;
    uint64_t seed = 20;
    size_t accepted = 0, refused = 0;
    for (int round = 0; round < 3000; round++) {
        posw_buf b = {0};
        append_random(&b, &seed, 5);
        assert_true(posw_rlp_valid(b.data, b.size));
        assert_true(naive_valid(b.data, b.size));
        for (int i = 0; i < 20; i++) {
            const size_t size = random_below(&seed, 4) == 0 ? random_below(&seed, b.size + 1) : b.size;
            uint8_t *copy = vectors_copy(b.data, size);
            /* Where most prefixes are: at the start. */
            const size_t at = random_below(&seed, 1 + random_below(&seed, b.size));
            if (at < size) copy[at] = (uint8_t)random_next(&seed);
            const bool valid = posw_rlp_valid(copy, size);
            assert_true(valid == naive_valid(copy, size));
            accepted += valid;
            refused += !valid;
            free(copy);
        }
        posw_buf_clear(&b);
    }
    assert_true(accepted > 1000 && refused > 1000); /* both kinds were met */
}

static void test_depth_limit(void **state) {
    (void)state;
    for (unsigned depth = 1023; depth <= 1026; depth++) {
        posw_buf b = {0};
        size_t marks[1026];
        for (unsigned i = 0; i < depth; i++)
            marks[i] = posw_rlp_list_begin(&b);
        for (unsigned i = depth; i > 0; i--)
            posw_rlp_list_end(&b, marks[i - 1]);
        assert_false(b.failed);
        assert_true(naive_valid(b.data, b.size));
        assert_true(posw_rlp_valid(b.data, b.size) == (depth <= 1024));
        posw_buf_clear(&b);
    }
}

/* ---- numbers ---- */

static void check_u64(uint64_t v) {
    uint8_t raw[9];
    const size_t size = posw_rlp_size_u64(v);
    assert_true(size >= 1 && size <= 9);
    assert_ptr_equal(posw_rlp_put_u64(raw, v), raw + size);
    uint8_t *exact = vectors_copy(raw, size);
    posw_rlp r = posw_rlp_reader(exact, size), again = r;
    assert_true(posw_rlp_u64(&r) == v);
    assert_true(posw_rlp_done(&r));
    const posw_u256 wide = posw_rlp_u256(&again), expected = posw_u256_from_u64(v);
    assert_true(posw_u256_equal(&wide, &expected));
    assert_int_equal(posw_rlp_size_u256(&expected), size);
    free(exact);
}

static void test_u64(void **state) {
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        const uint64_t p = UINT64_C(1) << bit;
        check_u64(p - 1);
        check_u64(p);
        check_u64(p + 1);
    }
    check_u64(UINT64_MAX);
}

static void test_u256(void **state) {
    (void)state;
    for (unsigned bit = 0; bit < 256; bit++) {
        const posw_u256 one = POSW_U256_ONE, p = posw_u256_shl(&one, bit), down = posw_u256_sub_sat(&p, &one);
        const posw_u256 values[] = {p, down};
        for (size_t i = 0; i < 2; i++) {
            uint8_t raw[33];
            const size_t size = posw_rlp_size_u256(&values[i]);
            assert_ptr_equal(posw_rlp_put_u256(raw, &values[i]), raw + size);
            posw_rlp r = posw_rlp_reader(raw, size);
            const posw_u256 read = posw_rlp_u256(&r);
            assert_true(posw_rlp_done(&r) && posw_u256_equal(&read, &values[i]));
        }
    }
}

static bool reads_as_u64(const char *hex) {
    posw_buf b = vectors_hex(hex);
    posw_rlp r = posw_rlp_reader(b.data, b.size);
    const uint64_t v = posw_rlp_u64(&r);
    const bool done = posw_rlp_done(&r);
    if (!done) assert_true(v == 0);
    posw_buf_clear(&b);
    return done;
}

static bool reads_as_u256(const char *hex) {
    posw_buf b = vectors_hex(hex);
    posw_rlp r = posw_rlp_reader(b.data, b.size);
    const posw_u256 v = posw_rlp_u256(&r);
    const bool done = posw_rlp_done(&r);
    if (!done) assert_true(posw_u256_is_zero(&v));
    posw_buf_clear(&b);
    return done;
}

static void test_bad_numbers(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "00",
                                      "8100",
                                      "820001",
                                      "8100ff",
                                      "c0",
                                      "c101",
                                      "820000",
                                      "8101",
                                      "b80100",
                                      "81",
                                      "8201",
                                      "b8",
                                      "bb8000",
                                      "8080",
                                      "c180",
                                      "8800000000000000ff"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++) {
        assert_false(reads_as_u64(bad[i]));
        assert_false(reads_as_u256(bad[i]));
    }
    assert_true(reads_as_u64("88ffffffffffffffff"));
    assert_false(reads_as_u64("89010000000000000000"));
    assert_true(reads_as_u256("89010000000000000000"));
    assert_true(reads_as_u256("a0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"));
    assert_false(reads_as_u256("a00fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"));
    assert_false(reads_as_u256("a000ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"));
    assert_false(reads_as_u256("a1010000000000000000000000000000000000000000000000000000000000000000"));
}

/* ---- lengths ---- */

static void test_length_edges(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 54, 55, 56, 57, 255, 256, 257, 65535, 65536, 65537, (1 << 24) - 1, 1 << 24};
    uint8_t *data = calloc(1, 1 << 24);
    assert_non_null(data);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(sizes); i++) {
        const size_t n = sizes[i], prefix = n < 56 ? 1 : n < 256 ? 2 : n < 65536 ? 3 : n < 1 << 24 ? 4 : 5;
        data[0] = 0x80;
        assert_int_equal(posw_rlp_size_bytes(data, n), prefix + n);
        assert_int_equal(posw_rlp_size_list(n), prefix + n);
        posw_buf b = {0}, list = {0};
        posw_rlp_append_bytes(&b, data, n);
        posw_rlp_append_list(&list, n);
        assert_int_equal(b.size, prefix + n);
        assert_int_equal(list.size, prefix);
        posw_rlp r = posw_rlp_reader(b.data, b.size);
        assert_int_equal(posw_rlp_bytes(&r).size, n);
        assert_true(posw_rlp_done(&r));
        r = posw_rlp_reader(b.data, b.size - 1); /* one byte short */
        assert_int_equal(posw_rlp_bytes(&r).size, 0);
        assert_true(r.failed);
        posw_buf_clear(&b);
        posw_buf_clear(&list);
    }
    free(data);
}

/* Every length that has a shorter form, with all its bytes there. */
static void test_length_not_shortest(void **state) {
    (void)state;
    static const struct {
        const char *prefix; /* after the tag for so many bytes of length */
        size_t length;
    } cases[] = {{"00", 0},    {"01", 1},     {"36", 54},      {"37", 55},
                 {"0038", 56}, {"00ff", 255}, {"000100", 256}, {"00000038", 56}};
    uint8_t data[512];
    memset(data, 0x80, sizeof data);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        for (uint8_t tag = 0xb7; tag >= 0xb7; tag = (uint8_t)(tag + 0x40)) { /* strings and lists */
            posw_buf b = {0}, prefix = vectors_hex(cases[i].prefix);
            posw_buf_byte(&b, (uint8_t)(tag + prefix.size));
            posw_buf_append(&b, prefix.data, prefix.size);
            posw_buf_append(&b, data, cases[i].length);
            assert_false(posw_rlp_valid(b.data, b.size));
            assert_int_equal(posw_rlp_count(posw_rlp_reader(b.data, b.size)), -1);
            posw_buf_clear(&b);
            posw_buf_clear(&prefix);
        }
    }
}

static void test_length_overflow(void **state) {
    (void)state;
    static const char *const bad[] = {"bfffffffffffffffff",
                                      "ffffffffffffffffff",
                                      "bfffffffffffffffff00",
                                      "bf7fffffffffffffff",
                                      "bffffffffffffffff7",
                                      "fffffffffffffffff700",
                                      "b838",
                                      "f838",
                                      "bf"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++) {
        posw_buf b = vectors_hex(bad[i]);
        posw_rlp r = posw_rlp_reader(b.data, b.size), list = r, raw = r;
        (void)posw_rlp_bytes(&r);
        (void)posw_rlp_list(&list);
        (void)posw_rlp_raw(&raw);
        assert_true(r.failed && list.failed && raw.failed);
        assert_int_equal(posw_rlp_count(posw_rlp_reader(b.data, b.size)), -1);
        posw_buf_clear(&b);
    }
}

/* ---- the cursor ---- */

static void test_sticky(void **state) {
    (void)state;
    posw_buf b = vectors_hex("c20102830000018363617405");
    uint8_t fixed[3] = {7, 7, 7};
    posw_rlp r = posw_rlp_reader(b.data, b.size), start = r;
    assert_true(posw_rlp_next_is_list(&r));
    posw_rlp list = posw_rlp_list(&r);
    assert_true(posw_rlp_u64(&list) == 1);
    assert_false(posw_rlp_done(&list)); /* a byte is left */
    assert_true(posw_rlp_more(&list));
    assert_false(posw_rlp_next_is_list(&r));
    assert_true(posw_rlp_u64(&r) == 0); /* leading zeros */
    assert_true(r.failed);
    assert_int_equal(posw_rlp_bytes(&r).size, 0);
    assert_int_equal(posw_rlp_raw(&r).size, 0);
    posw_rlp_fixed(&r, fixed, 3);
    assert_memory_equal(fixed, "\7\7\7", 3);
    const posw_rlp sub = posw_rlp_list(&r);
    assert_true(sub.failed && !posw_rlp_done(&sub) && !posw_rlp_more(&sub));
    assert_false(posw_rlp_more(&r) || posw_rlp_done(&r) || posw_rlp_next_is_list(&r));
    assert_int_equal(posw_rlp_count(r), -1);

    r = start;
    assert_int_equal(posw_rlp_count(r), 4);
    assert_int_equal(posw_rlp_raw(&r).size, 3); /* the list with its prefix */
    assert_int_equal(posw_rlp_raw(&r).size, 4);
    posw_rlp_fixed(&r, fixed, 3);
    assert_memory_equal(fixed, "cat", 3);
    posw_rlp wrong = r;
    posw_rlp_fixed(&wrong, fixed, 2); /* it has one byte */
    assert_true(wrong.failed);
    assert_true(posw_rlp_u64(&r) == 5);
    assert_true(posw_rlp_done(&r));
    (void)posw_rlp_raw(&r); /* beyond the end */
    assert_false(posw_rlp_done(&r));
    posw_buf_clear(&b);
}

static void test_kinds(void **state) {
    (void)state;
    posw_rlp r = posw_rlp_reader("\xc0", 1);
    assert_int_equal(posw_rlp_bytes(&r).size, 0);
    assert_true(r.failed);
    r = posw_rlp_reader("\x80", 1);
    const posw_rlp list = posw_rlp_list(&r);
    assert_true(r.failed && list.failed);
    r = posw_rlp_reader("\x80", 1);
    posw_rlp_fixed(&r, NULL, 0);
    assert_true(posw_rlp_done(&r));
    r = posw_rlp_reader("\x01", 1);
    posw_rlp_fixed(&r, NULL, 0);
    assert_true(r.failed);
    r = posw_rlp_reader(NULL, 0);
    assert_true(posw_rlp_done(&r));
    assert_int_equal(posw_rlp_count(r), 0);
    r = posw_rlp_reader("\xc1\x81", 2); /* a list whose content is malformed: its own framing is fine */
    assert_int_equal(posw_rlp_count(r), 1);
    assert_false(posw_rlp_valid("\xc1\x81", 2));
}

static void test_writers(void **state) {
    (void)state;
    uint8_t out[16];
    posw_buf b = {0};
    assert_ptr_equal(posw_rlp_put_bytes_prefix(out, "\x7f", 1), out);
    assert_ptr_equal(posw_rlp_put_bytes_prefix(out, "\x80", 1), out + 1);
    assert_int_equal(out[0], 0x81);
    assert_ptr_equal(posw_rlp_put_bytes_prefix(out, NULL, 0), out + 1);
    assert_int_equal(out[0], 0x80);
    const size_t outer = posw_rlp_list_begin(&b);
    posw_rlp_append_bytes(&b, NULL, 0);
    const size_t inner = posw_rlp_list_begin(&b);
    for (int i = 0; i < 60; i++)
        posw_rlp_append_u64(&b, 1);
    posw_rlp_list_end(&b, inner);
    posw_rlp_list_end(&b, outer);
    assert_int_equal(b.size, 2 + 1 + 2 + 60);
    assert_memory_equal(b.data, "\xf8\x3f\x80\xf8\x3c\x01", 6);
    /* A failed buffer stays as it is. */
    b.failed = true;
    const size_t size = b.size;
    posw_rlp_list_end(&b, posw_rlp_list_begin(&b));
    posw_rlp_append_bytes(&b, "abc", 3);
    posw_rlp_append_u64(&b, 1000);
    posw_rlp_append_list(&b, 1000);
    assert_int_equal(b.size, size);
    posw_buf_clear(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_valid),
        cmocka_unit_test(test_vectors_verdicts),
        cmocka_unit_test(test_every_short_input),
        cmocka_unit_test(test_random_and_mutated),
        cmocka_unit_test(test_depth_limit),
        cmocka_unit_test(test_u64),
        cmocka_unit_test(test_u256),
        cmocka_unit_test(test_bad_numbers),
        cmocka_unit_test(test_length_edges),
        cmocka_unit_test(test_length_not_shortest),
        cmocka_unit_test(test_length_overflow),
        cmocka_unit_test(test_sticky),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_writers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
