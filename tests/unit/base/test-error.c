/* The error table, messages and the log. */
#include "base/error.h"

#include "base/log.h"
#include "base/test.h"

#include <stdio.h>
#include <string.h>

static void test_table(void **state) {
    (void)state;
    int count = 0;
#define X(name, value, text)                           \
    assert_string_equal(posw_error_name(name), #name); \
    assert_string_equal(posw_error_text(name), text);  \
    count++;
    POSW_ERROR_TABLE(X)
#undef X
    assert_string_equal(posw_error_name(POSW_OK), "POSW_OK");
    assert_string_equal(posw_error_remedy(POSW_EPARSE), "");
    assert_memory_equal(posw_error_remedy(POSW_ENOSPC), "; free some space", 17);
    assert_string_equal(posw_error_text(-count - 1), "unknown error"); /* codes are -1 .. -count */
    assert_string_equal(posw_error_text(1), "unknown error");
    assert_non_null(posw_error_name(1));
}

static void test_message(void **state) {
    (void)state;
    posw_message msg = {""};
    assert_int_equal(posw_message_set(&msg, POSW_EINVAL, "%s at line %d", "bad key", 7), POSW_EINVAL);
    assert_string_equal(msg.text, "bad key at line 7");
    assert_int_equal(posw_message_set(NULL, POSW_EIO, "%d", 1), POSW_EIO);
    char text[2 * POSW_MESSAGE_SIZE];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    posw_message_set(&msg, POSW_EFULL, "%s", text);
    assert_int_equal(strlen(msg.text), POSW_MESSAGE_SIZE - 1);
}

static void fail_assertion(void *arg) {
    POSW_ASSERT(arg != NULL);
}

static void test_assert(void **state) {
    (void)state;
    assert_true(test_aborts(fail_assertion, NULL));
    assert_false(test_aborts(fail_assertion, state));
}

typedef struct {
    int records;
    enum posw_log_level level;
    char category[20], line[1100];
} sink;

static void sink_write(void *arg, enum posw_log_level level, const char *category, const char *line) {
    sink *s = arg;
    s->records++;
    s->level = level;
    snprintf(s->category, sizeof s->category, "%s", category);
    snprintf(s->line, sizeof s->line, "%s", line);
}

static void test_log_levels(void **state) {
    (void)state;
    sink s = {0};
    const posw_log log = {POSW_LOG_INFO, sink_write, &s};
    posw_log_write(NULL, POSW_LOG_ERROR, "chain", "dropped");
    posw_log_write(&log, POSW_LOG_DEBUG, "chain", "dropped");
    assert_int_equal(s.records, 0);
    posw_log_write(&log, POSW_LOG_INFO, "chain", "block %d", 5);
    assert_int_equal(s.records, 1);
    assert_int_equal(s.level, POSW_LOG_INFO);
    assert_string_equal(s.category, "chain");
    assert_string_equal(s.line, "block 5");
    posw_log_write(&log, POSW_LOG_ERROR, "rpc", "x");
    assert_int_equal(s.records, 2);
    static const char *const names[] = {"error", "warn", "info", "debug", "trace"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(names); i++) {
        enum posw_log_level level;
        assert_true(posw_log_level_parse(&level, names[i]));
        assert_int_equal(level, i);
        assert_string_equal(posw_log_level_name(level), names[i]);
    }
    enum posw_log_level level = POSW_LOG_TRACE;
    assert_false(posw_log_level_parse(&level, "loud"));
    assert_false(posw_log_level_parse(&level, ""));
    assert_int_equal(level, POSW_LOG_TRACE);
}

/* Text from outside can neither start a record of its own nor send escapes to a terminal. */
static void test_log_one_line(void **state) {
    (void)state;
    sink s = {0};
    const posw_log log = {POSW_LOG_TRACE, sink_write, &s};
    posw_log_write(&log, POSW_LOG_WARN, "rpc", "a\nb\r\t\x1b[31m\x7f%s", "ö");
    assert_string_equal(s.line, "a b   [31m ö");
}

static void test_log_cut(void **state) {
    (void)state;
    sink s = {0};
    const posw_log log = {POSW_LOG_TRACE, sink_write, &s};
    char text[1200];
    for (size_t size = 990; size < 1190; size++) {
        memset(text, 'x', size);
        text[size] = '\0';
        posw_log_write(&log, POSW_LOG_WARN, "rpc", "%s", text);
        assert_int_equal(strlen(s.line), size < 1000 ? size : 1000);
    }
    /* A cut never splits a character: "ö" over bytes 999 and 1000 goes whole. */
    memset(text, 'x', 999);
    strcpy(text + 999, "ö and more");
    posw_log_write(&log, POSW_LOG_WARN, "rpc", "%s", text);
    assert_int_equal(strlen(s.line), 999);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),      cmocka_unit_test(test_message),      cmocka_unit_test(test_assert),
        cmocka_unit_test(test_log_levels), cmocka_unit_test(test_log_one_line), cmocka_unit_test(test_log_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
