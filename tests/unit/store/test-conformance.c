/* The same rules for both stores. */
#include "store/conformance.h"

#include "io/temporary.h"

#include "io/store_lmdb.h"
#include "store/store_memory.h"

#include <stdio.h>

static posw_store *open_memory(void *arg) {
    (void)arg;
    posw_store *s = posw_store_memory_new();
    assert_non_null(s);
    posw_store_memory_set_part(s, 20000);
    return s;
}

/* Beside others that have written the same. */
static posw_store *open_sharing(void *arg) {
    posw_store *s = posw_store_memory_new_sharing(arg);
    assert_non_null(s);
    posw_store_memory_set_part(s, 20000);
    return s;
}

static posw_store *open_lmdb(void *arg) {
    const posw_hash genesis = {{1}};
    posw_store_lmdb_options opt = {.log_file_size_max = 20000}; /* many small files */
    posw_store *s = NULL;
    posw_message msg = {0};
    int code = posw_store_lmdb_open(&s, arg, &genesis, &opt, &msg);
    if (code != POSW_OK) fail_msg("%s: %s", posw_error_name(code), msg.text);
    return s;
}

static posw_store *reopen_lmdb(void *arg, posw_store *s) {
    s->ops->close(s);
    return open_lmdb(arg);
}

static const store_kind memory = {open_memory, NULL, NULL};

static void test_memory(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        conform_random(memory, seed, 10000);
    conform_borrowed(memory);
    conform_same_key(memory);
    conform_limits(memory);
    conform_misuse(memory);
}

/* A neighbour's values stay, and nothing else does. */
static void test_sharing(void **state) {
    (void)state;
    posw_values values = {.unique = true};
    const store_kind sharing = {open_sharing, NULL, &values};
    posw_store *neighbour = open_sharing(&values);
    posw_bytes got;
    assert_int_equal(neighbour->ops->begin(neighbour), POSW_OK);
    assert_int_equal(neighbour->ops->put(neighbour, POSW_TABLE_TRIE, "a", 1, "value", 5), POSW_OK);
    assert_int_equal(neighbour->ops->commit(neighbour), POSW_OK);
    for (uint64_t seed = 1; seed <= 5; seed++)
        conform_random(sharing, seed, 10000);
    conform_same_key(sharing);
    conform_limits(sharing);
    conform_misuse(sharing);
    assert_int_equal(values.by_digest.count, 1);
    assert_int_equal(neighbour->ops->get(neighbour, POSW_TABLE_TRIE, "a", 1, &got), POSW_OK);
    assert_int_equal(got.size, 5);
    assert_memory_equal(got.data, "value", 5);
    neighbour->ops->close(neighbour);
    assert_int_equal(values.by_digest.count, 0);
    posw_values_clear(&values);
}

static void with_lmdb(void (*fn)(store_kind kind)) {
    char dir[TEMPORARY_SIZE];
    temporary_make(dir);
    fn((store_kind){open_lmdb, reopen_lmdb, dir});
    temporary_remove(dir);
}

static void random_1(store_kind kind) {
    conform_random(kind, 1, 8000);
}
static void random_2(store_kind kind) {
    conform_random(kind, 2, 8000);
}

static void test_lmdb(void **state) {
    (void)state;
    with_lmdb(random_1);
    with_lmdb(random_2);
    with_lmdb(conform_borrowed);
    with_lmdb(conform_same_key);
    with_lmdb(conform_limits);
    with_lmdb(conform_misuse);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_lmdb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
