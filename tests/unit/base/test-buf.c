#include "base/buf.h"

#include "base/random.h"
#include "base/test.h"

#include <string.h>

static void test_appends(void **state) {
    (void)state;
    posw_buf b;
    posw_buf_init(&b);
    posw_buf_append(&b, "ab", 2);
    posw_buf_append(&b, NULL, 0);
    posw_buf_byte(&b, 'c');
    posw_buf_text(&b, "def");
    posw_buf_text(&b, "");
    posw_buf_printf(&b, "%d-%s", 42, "x");
    posw_buf_printf(&b, "%s", "");
    uint8_t *at = posw_buf_extend(&b, 2);
    assert_non_null(at);
    memcpy(at, "yz", 2);
    const posw_bytes view = posw_buf_view(&b);
    assert_int_equal(view.size, 12);
    assert_memory_equal(view.data, "abcdef42-xyz", 12);
    assert_false(b.failed);
    posw_buf_clear(&b);
    assert_null(b.data);
    posw_buf_byte(&b, 1); /* usable after clear */
    assert_int_equal(b.size, 1);
    posw_buf_clear(&b);
    posw_buf_clear(NULL);
}

static void test_empty(void **state) {
    (void)state;
    posw_buf b = {0};
    assert_true(posw_buf_reserve(&b, 0));
    assert_int_equal(posw_buf_view(&b).size, 0);
    assert_non_null(posw_buf_extend(&b, 0)); /* NULL means failure only */
    assert_int_equal(b.size, 0);
    posw_buf_clear(&b);
    posw_buf_printf(&b, "%s", ""); /* into no memory at all */
    assert_int_equal(b.size, 0);
    assert_false(b.failed);
    posw_buf_clear(&b);
}

/* Every length of formatted text around the capacity: the NUL of vsnprintf must not be lost or counted. */
static void test_printf_boundaries(void **state) {
    (void)state;
    char text[301];
    for (int length = 0; length <= 300; length++) {
        memset(text, 'a' + length % 26, (size_t)length);
        text[length] = '\0';
        for (size_t before = 0; before < 70; before += 7) {
            posw_buf b = {0};
            assert_non_null(posw_buf_extend(&b, before));
            if (before > 0) memset(b.data, '.', before);
            posw_buf_printf(&b, "%s", text);
            assert_int_equal(b.size, before + (size_t)length);
            if (length > 0) assert_memory_equal(b.data + before, text, (size_t)length);
            posw_buf_clear(&b);
        }
    }
}

static void test_random_against_array(void **state) {
    (void)state;
    static uint8_t expected[1 << 17];
    uint8_t piece[300];
    uint64_t seed = 1;
    posw_buf b = {0};
    size_t size = 0;
    while (size + sizeof piece < sizeof expected) {
        size_t n = random_below(&seed, sizeof piece);
        random_bytes(&seed, piece, n);
        memcpy(expected + size, piece, n);
        size += n;
        posw_buf_append(&b, piece, n);
        assert_true(b.capacity >= b.size);
    }
    assert_int_equal(b.size, size);
    assert_memory_equal(b.data, expected, size);
    size_t capacity = b.capacity;
    posw_buf_reset(&b);
    assert_int_equal(b.size, 0);
    assert_int_equal(b.capacity, capacity); /* keeps its memory */
    posw_buf_clear(&b);
}

static void test_limit(void **state) {
    (void)state;
    posw_buf b = {0};
    posw_buf_text(&b, "abc");
    assert_false(posw_buf_reserve(&b, SIZE_MAX));
    assert_true(b.failed);
    posw_buf_reset(&b);
    assert_false(b.failed);
    assert_true(posw_buf_reserve(&b, 1));

    posw_buf_text(&b, "abc");
    assert_null(posw_buf_extend(&b, POSW_BUF_SIZE_MAX - 2)); /* one byte too many */
    assert_true(b.failed);
    /* The error sticks: nothing is appended any more, even where there is room. */
    posw_buf_byte(&b, 'd');
    posw_buf_text(&b, "e");
    posw_buf_append(&b, "f", 1);
    posw_buf_printf(&b, "%d", 1);
    assert_null(posw_buf_extend(&b, 1));
    assert_false(posw_buf_reserve(&b, 0));
    assert_int_equal(b.size, 3);
    assert_memory_equal(b.data, "abc", 3);

    posw_buf_reset(&b);
    posw_buf_text(&b, "abc");
    assert_non_null(posw_buf_extend(&b, POSW_BUF_SIZE_MAX - 3)); /* exactly the limit; the pages stay untouched */
    assert_int_equal(b.size, POSW_BUF_SIZE_MAX);
    posw_buf_append(&b, "x", 1);
    assert_true(b.failed);
    assert_int_equal(b.size, POSW_BUF_SIZE_MAX);
    posw_buf_clear(&b);
    assert_false(b.failed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_printf_boundaries),
        cmocka_unit_test(test_random_against_array),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
