/* The in-memory store's own: the fault hook, what it counts, and that it gives its memory back. */
#include "base/test.h"
#include "store/store_memory.h"

#include <string.h>

/* One transaction of everything; returns the first error, after which it gives up like a careful caller. */
static int script(posw_store *s, posw_store_pos *pos) {
    posw_bytes got;
    int code = s->ops->begin(s);
    if (code != POSW_OK) return code;
    code = s->ops->put(s, POSW_TABLE_TRIE, "a", 1, "new", 3);
    if (code == POSW_OK) code = s->ops->del(s, POSW_TABLE_TRIE, "b", 1);
    if (code == POSW_OK) code = s->ops->put(s, POSW_TABLE_TRIE, "c", 1, "new", 3);
    if (code == POSW_OK) code = s->ops->append(s, POSW_LOG_BLOCKS, "body", 4, pos);
    if (code == POSW_OK) code = s->ops->get(s, POSW_TABLE_TRIE, "a", 1, &got);
    if (code == POSW_OK) code = s->ops->commit(s);
    if (code != POSW_OK) s->ops->abort(s);
    return code;
}

static bool holds(posw_store *s, const char *key, const char *value) {
    posw_bytes got;
    int code = s->ops->get(s, POSW_TABLE_TRIE, key, 1, &got);
    if (value == NULL) return code == POSW_ENOTFOUND;
    return code == POSW_OK && got.size == strlen(value) && memcmp(got.data, value, got.size) == 0;
}

static posw_store *prepared(void) {
    posw_store *s = posw_store_memory_new();
    assert_non_null(s);
    assert_int_equal(s->ops->begin(s), POSW_OK);
    assert_int_equal(s->ops->put(s, POSW_TABLE_TRIE, "a", 1, "old", 3), POSW_OK);
    assert_int_equal(s->ops->put(s, POSW_TABLE_TRIE, "b", 1, "old", 3), POSW_OK);
    assert_int_equal(s->ops->commit(s), POSW_OK);
    return s;
}

static void test_every_failure(void **state) {
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        posw_store *s = prepared();
        posw_store_pos pos = 0;
        posw_buf out = {0};
        posw_store_memory_fail(s, nth, POSW_ENOSPC, false);
        uint64_t before = posw_store_memory_operations(s);
        int code = script(s, &pos);
        uint64_t used = posw_store_memory_operations(s) - before;
        posw_store_memory_fail(s, 0, POSW_OK, false);
        assert_int_equal(code, nth <= 7 ? POSW_ENOSPC : POSW_OK);
        assert_int_equal(used, nth <= 7 ? nth : 7);
        assert_true(holds(s, "a", code == POSW_OK ? "new" : "old"));
        assert_true(holds(s, "b", code == POSW_OK ? NULL : "old"));
        assert_true(holds(s, "c", code == POSW_OK ? "new" : NULL));
        assert_int_equal(s->ops->read(s, POSW_LOG_BLOCKS, 1, &out), code == POSW_OK ? POSW_OK : POSW_ECORRUPT);
        assert_int_equal(script(s, &pos), POSW_OK); /* works again */
        posw_buf_clear(&out);
        s->ops->close(s);
        if (nth > 7) break;
    }
}

static void test_sticky(void **state) {
    (void)state;
    posw_store *s = prepared();
    posw_store_pos pos;
    posw_store_memory_fail(s, 3, POSW_EIO, true);
    assert_int_equal(script(s, &pos), POSW_EIO);
    assert_int_equal(script(s, &pos), POSW_EIO);
    posw_store_memory_pause(s, true);
    assert_int_equal(script(s, &pos), POSW_OK);
    posw_store_memory_pause(s, false);
    assert_int_equal(script(s, &pos), POSW_EIO);
    posw_store_memory_fail(s, 0, POSW_OK, false);
    assert_int_equal(script(s, &pos), POSW_OK);
    s->ops->close(s);
}

static int count_row(void *arg, posw_bytes key, posw_bytes value) {
    (void)key;
    (void)value;
    ++*(size_t *)arg;
    return 0;
}

/* Many rows in and out again: the count is right, and the accounting comes back to where it was. */
static void test_usage(void **state) {
    (void)state;
    posw_store *s = posw_store_memory_new();
    uint64_t empty, full, after, limit;
    size_t rows = 0;
    s->ops->usage(s, &empty, &limit);
    assert_int_equal(empty, 0);
    assert_int_equal(s->ops->begin(s), POSW_OK);
    for (uint32_t i = 0; i < 100000; i++)
        assert_int_equal(s->ops->put(s, POSW_TABLE_TXS, &i, sizeof i, "value", 5), POSW_OK);
    assert_int_equal(s->ops->commit(s), POSW_OK);
    s->ops->usage(s, &full, &limit);
    assert_true(full > 100000 * 9 && full < 100000 * 48);
    assert_int_equal(s->ops->walk(s, POSW_TABLE_TXS, NULL, 0, count_row, &rows), POSW_OK);
    assert_int_equal(rows, 100000);
    assert_int_equal(s->ops->begin(s), POSW_OK);
    for (uint32_t i = 0; i < 100000; i++)
        assert_int_equal(s->ops->del(s, POSW_TABLE_TXS, &i, sizeof i), POSW_OK);
    s->ops->abort(s);
    s->ops->usage(s, &after, &limit);
    assert_int_equal(after, full);
    assert_int_equal(s->ops->begin(s), POSW_OK);
    for (uint32_t i = 0; i < 100000; i++)
        assert_int_equal(s->ops->del(s, POSW_TABLE_TXS, &i, sizeof i), POSW_OK);
    assert_int_equal(s->ops->commit(s), POSW_OK);
    s->ops->usage(s, &after, &limit);
    assert_int_equal(after, empty);
    s->ops->close(s);
}

/* Rows that come and go while nobody walks: the memory of a few hundred of them is kept at most. */
static void test_churn(void **state) {
    (void)state;
    posw_store *s = posw_store_memory_new();
    uint64_t used, most = 0, limit;
    for (uint32_t i = 0; i < 20000; i++) {
        assert_int_equal(s->ops->begin(s), POSW_OK);
        assert_int_equal(s->ops->put(s, POSW_TABLE_TXS, &i, sizeof i, "value", 5), POSW_OK);
        if (i % 2 == 0) { /* half of them by an abort */
            assert_int_equal(s->ops->commit(s), POSW_OK);
            assert_int_equal(s->ops->begin(s), POSW_OK);
            assert_int_equal(s->ops->del(s, POSW_TABLE_TXS, &i, sizeof i), POSW_OK);
            assert_int_equal(s->ops->commit(s), POSW_OK);
        } else {
            s->ops->abort(s);
        }
        s->ops->usage(s, &used, &limit);
        if (used > most) most = used;
    }
    assert_true(most < 300 * 64);
    s->ops->close(s);
}

/* Closing in the middle of a transaction frees all (the leak checker looks). */
static void test_close_open(void **state) {
    (void)state;
    posw_store *s = prepared();
    posw_store_pos pos;
    assert_int_equal(s->ops->begin(s), POSW_OK);
    assert_int_equal(s->ops->put(s, POSW_TABLE_TRIE, "a", 1, "x", 1), POSW_OK);
    assert_int_equal(s->ops->append(s, POSW_LOG_EXEC, "x", 1, &pos), POSW_OK);
    s->ops->close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_failure), cmocka_unit_test(test_sticky),     cmocka_unit_test(test_usage),
        cmocka_unit_test(test_churn),         cmocka_unit_test(test_close_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
