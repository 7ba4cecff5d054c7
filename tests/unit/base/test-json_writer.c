/* What the writer writes is read back by jansson. */
#include "base/json_writer.h"

#include "base/random.h"
#include "base/test.h"
#include "posw/u256.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static json_t *parsed(const posw_buf *b) {
    json_error_t error;
    assert_false(b->failed);
    json_t *v =
        json_loadb((const char *)b->data, b->size, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    if (v == NULL) fail_msg("%s in %.*s", error.text, (int)b->size, (const char *)b->data);
    return v;
}

static void assert_text(posw_buf *b, const char *expected) {
    assert_false(b->failed);
    assert_int_equal(b->size, strlen(expected));
    assert_memory_equal(b->data, expected, b->size);
    posw_buf_clear(b);
}

static void test_exact_text(void **state) {
    (void)state;
    posw_buf b = {0};
    posw_jw w;
    posw_hash hash = {{0xab}};
    posw_address address = {{0xcd}};
    posw_u256 wide = {{5, 1, 0, 0}};
    posw_jw_init(&w, &b);
    posw_jw_object(&w);
    posw_jw_kv_string(&w, "s", "x\"y");
    posw_jw_kv_bool(&w, "t", true);
    posw_jw_kv_bool(&w, "f", false);
    posw_jw_kv_null(&w, "n");
    posw_jw_kv_u64(&w, "u", UINT64_MAX);
    posw_jw_kv_quantity(&w, "q", 31);
    posw_jw_kv_quantity_u256(&w, "w", &wide);
    posw_jw_kv_data(&w, "d", "\x00\xff", 2);
    posw_jw_kv_data(&w, "e", NULL, 0);
    posw_jw_kv_hash(&w, "h", &hash);
    posw_jw_kv_address(&w, "a", &address);
    posw_jw_key(&w, "l");
    posw_jw_array(&w);
    posw_jw_object(&w);
    posw_jw_object_end(&w);
    posw_jw_array(&w);
    posw_jw_array_end(&w);
    posw_jw_i64(&w, INT64_MIN);
    posw_jw_i64(&w, -1);
    posw_jw_i64(&w, 0);
    posw_jw_i64(&w, INT64_MAX);
    posw_jw_raw(&w, "{\"r\":1}", 7);
    posw_jw_string_n(&w, "abcdef", 3);
    posw_jw_array_end(&w);
    posw_jw_kv_null(&w, "z");
    posw_jw_object_end(&w);
    assert_text(&b, "{\"s\":\"x\\\"y\",\"t\":true,\"f\":false,\"n\":null,\"u\":18446744073709551615,\"q\":\"0x1f\","
                    "\"w\":\"0x10000000000000005\",\"d\":\"0x00ff\",\"e\":\"0x\","
                    "\"h\":\"0xab00000000000000000000000000000000000000000000000000000000000000\","
                    "\"a\":\"0xcd00000000000000000000000000000000000000\","
                    "\"l\":[{},[],-9223372036854775808,-1,0,9223372036854775807,{\"r\":1},\"abc\"],\"z\":null}");
}

static void test_quantities(void **state) {
    (void)state;
    for (unsigned bits = 0; bits <= 64; bits++) {
        uint64_t v = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
        posw_buf a = {0}, b = {0};
        posw_jw w;
        char expected[24];
        snprintf(expected, sizeof expected, "\"0x%llx\"", (unsigned long long)v);
        posw_jw_init(&w, &a);
        posw_jw_quantity(&w, v);
        assert_text(&a, expected);
        const posw_u256 wide = posw_u256_from_u64(v);
        posw_jw_init(&w, &b);
        posw_jw_quantity_u256(&w, &wide);
        assert_text(&b, expected);
    }
    posw_buf b = {0};
    posw_jw w;
    posw_jw_init(&w, &b);
    posw_jw_quantity_u256(&w, &POSW_U256_MAX);
    assert_text(&b, "\"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\"");
}

static void test_data_all_bytes(void **state) {
    (void)state;
    uint8_t in[256];
    char expected[2 * 256 + 5] = "\"0x";
    for (unsigned i = 0; i < 256; i++) {
        in[i] = (uint8_t)i;
        snprintf(expected + 3 + 2 * i, 4, "%02x\"", i);
    }
    posw_buf b = {0};
    posw_jw w;
    posw_jw_init(&w, &b);
    posw_jw_data(&w, in, sizeof in);
    assert_text(&b, expected);
}

/* Writes the text and reads it back. Owned by the caller. */
static json_t *string_round_trip(const char *text, size_t size) {
    posw_buf b = {0};
    posw_jw w;
    posw_jw_init(&w, &b);
    posw_jw_string_n(&w, text, size);
    json_t *v = parsed(&b);
    posw_buf_clear(&b);
    assert_true(json_is_string(v));
    return v;
}

static void assert_string(const char *text, size_t size, const char *expected, size_t expected_size) {
    json_t *v = string_round_trip(text, size);
    assert_int_equal(json_string_length(v), expected_size);
    assert_memory_equal(json_string_value(v), expected, expected_size);
    json_decref(v);
}

static void test_strings(void **state) {
    (void)state;
    char ascii[128];
    for (int i = 0; i < 128; i++)
        ascii[i] = (char)i;
    assert_string(ascii, sizeof ascii, ascii, sizeof ascii);
    static const char *const valid[] = {
        "",
        "plain",
        "ö",
        "€",
        "😀",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "aö\n€\"\\😀z",
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(valid); i++)
        assert_string(valid[i], strlen(valid[i]), valid[i], strlen(valid[i]));

    posw_buf b = {0};
    posw_jw w;
    posw_jw_init(&w, &b);
    posw_jw_string(&w, "\b\t\n\f\r\"\\/\x01\x1f\x7f");
    assert_text(&b, "\"\\b\\t\\n\\f\\r\\\"\\\\/\\u0001\\u001f\x7f\"");
}

/* Bytes that are no UTF-8 become U+FFFD, one each: the answer stays valid JSON. */
static void test_bad_utf8(void **state) {
    (void)state;
#define R "\xef\xbf\xbd"
    static const char *const cases[][2] = {
        {"\x80", R},
        {"\xbf", R},
        {"\xc0\x80", R R},
        {"\xc1\xbf", R R},
        {"\xc3", R},
        {"\xc3(", R "("},
        {"\xe0\x9f\xbf", R R R},
        {"\xe2\x82", R R},
        {"\xed\xa0\x80", R R R},
        {"\xf0\x8f\xbf\xbf", R R R R},
        {"\xf4\x90\x80\x80", R R R R},
        {"\xf5\x80\x80\x80", R R R R},
        {"\xff", R},
        {"a\xf0\x9f\x98z", "a" R R R "z"},
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++)
        assert_string(cases[i][0], strlen(cases[i][0]), cases[i][1], strlen(cases[i][1]));
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) { /* whatever comes */
        char text[24];
        size_t size = random_below(&seed, sizeof text);
        random_bytes(&seed, (uint8_t *)text, size);
        json_decref(string_round_trip(text, size));
    }
}

static void test_doubles(void **state) {
    (void)state;
    static const double values[] = {
        0, 1, -1, 0.1, 1.0 / 3, 1e21, 1e-7, 123456789.125, 5e-324, 1.7976931348623157e308, 0.30000000000000004};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(values); i++) {
        posw_buf b = {0};
        posw_jw w;
        posw_jw_init(&w, &b);
        posw_jw_double(&w, values[i]);
        json_t *v = parsed(&b);
        assert_true(json_number_value(v) == values[i]);
        json_decref(v);
        posw_buf_clear(&b);
    }
    static const struct {
        double value;
        const char *text;
    } exact[] = {{0.1, "0.1"}, {2.5, "2.5"}, {100, "100"}, {NAN, "null"}, {INFINITY, "null"}, {-INFINITY, "null"}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(exact); i++) {
        posw_buf b = {0};
        posw_jw w;
        posw_jw_init(&w, &b);
        posw_jw_double(&w, exact[i].value);
        assert_text(&b, exact[i].text);
    }
}

/* ---- random documents, written by both libraries ---- */

static json_t *random_leaf(posw_jw *w, uint64_t *seed) {
    char text[40];
    int64_t number = (int64_t)random_next(seed) >> random_below(seed, 64);
    switch (random_below(seed, 5)) {
    case 0:
        posw_jw_i64(w, number);
        return json_integer(number);
    case 1:
        posw_jw_bool(w, number & 1);
        return json_boolean(number & 1);
    case 2:
        posw_jw_null(w);
        return json_null();
    case 3:
        snprintf(text, sizeof text, "\"q\\\n%lld ö", (long long)number);
        posw_jw_string(w, text);
        return json_string(text);
    }
    snprintf(text, sizeof text, "0x%llx", (unsigned long long)number);
    posw_jw_quantity(w, (uint64_t)number);
    return json_string(text);
}

static json_t *random_value(posw_jw *w, uint64_t *seed, int depth) {
    uint64_t kind = random_below(seed, 3);
    if (depth == 0 || kind == 0) return random_leaf(w, seed);
    json_t *v = kind == 1 ? json_array() : json_object();
    if (kind == 1)
        posw_jw_array(w);
    else
        posw_jw_object(w);
    for (uint64_t i = random_below(seed, 5); i > 0; i--) {
        char key[24];
        snprintf(key, sizeof key, "k\"%u", (unsigned)i);
        if (kind == 2) posw_jw_key(w, key);
        json_t *member = random_value(w, seed, depth - 1);
        assert_int_equal(kind == 1 ? json_array_append_new(v, member) : json_object_set_new(v, key, member), 0);
    }
    if (kind == 1)
        posw_jw_array_end(w);
    else
        posw_jw_object_end(w);
    return v;
}

static void test_random_documents(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 3000; i++) {
        posw_buf b = {0};
        posw_jw w;
        posw_jw_init(&w, &b);
        json_t *expected = random_value(&w, &seed, (int)random_below(&seed, 6));
        json_t *got = parsed(&b);
        assert_int_equal(w.depth, 0);
        assert_true(json_equal(expected, got));
        json_decref(expected);
        json_decref(got);
        posw_buf_clear(&b);
    }
}

/* ---- nesting ---- */

static void nest(void *levels) {
    posw_buf b = {0};
    posw_jw w;
    posw_jw_init(&w, &b);
    int depth = *(const int *)levels;
    for (int i = 0; i < depth; i++) {
        posw_jw_array(&w);
        posw_jw_u64(&w, 1);
    }
    for (int i = 0; i < depth; i++) {
        posw_jw_u64(&w, 2);
        posw_jw_array_end(&w);
    }
    json_decref(parsed(&b));
    posw_buf_clear(&b);
}

static void close_too_much(void *arg) {
    (void)arg;
    posw_buf b = {0};
    posw_jw w;
    posw_jw_init(&w, &b);
    posw_jw_array_end(&w);
}

static void key_without_value(void *arg) {
    (void)arg;
    posw_buf b = {0};
    posw_jw w;
    posw_jw_init(&w, &b);
    posw_jw_object(&w);
    posw_jw_key(&w, "a");
    posw_jw_object_end(&w);
}

static void test_nesting(void **state) {
    (void)state;
    for (int depth = 0; depth <= 64; depth++)
        if (depth > 0) nest(&depth);
    assert_true(test_aborts(nest, &(int){65}));
    assert_true(test_aborts(close_too_much, NULL));
    assert_true(test_aborts(key_without_value, NULL));
}

/* The error of a full buffer sticks and the writer goes on without harm. */
static void test_failed_buffer(void **state) {
    (void)state;
    posw_buf b = {0};
    posw_jw w;
    posw_jw_init(&w, &b);
    posw_jw_object(&w);
    assert_false(posw_buf_reserve(&b, SIZE_MAX));
    posw_jw_kv_string(&w, "a", "b");
    posw_jw_kv_data(&w, "c", "d", 1);
    posw_jw_object_end(&w);
    assert_true(b.failed);
    assert_int_equal(b.size, 1);
    posw_buf_clear(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_text),       cmocka_unit_test(test_quantities),
        cmocka_unit_test(test_data_all_bytes),   cmocka_unit_test(test_strings),
        cmocka_unit_test(test_bad_utf8),         cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_random_documents), cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_failed_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
