/* Copying the chain out of a data directory: only what is the chain's, only when nobody uses it, and nothing of others
 * removed. */
#include "base/test.h"

#include "io/data_copy.h"
#include "io/file.h"
#include "io/lock_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static const char *at(const char *name) {
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", root, name);
    return path;
}

static void put(const char *name, const char *text) {
    assert_int_equal(posw_file_write(at(name), text, strlen(text), 0600, NULL), POSW_OK);
}

static bool holds(const char *name, const char *text) {
    posw_buf b = {0};
    const int err = posw_file_read(&b, at(name), 1 << 20, NULL);
    const bool same = err == POSW_OK && b.size == strlen(text) && memcmp(b.data, text, b.size) == 0;
    posw_buf_clear(&b);
    return same;
}

static int setup(void **state) {
    (void)state;
    strcpy(root, "/tmp/posw-data-copy-XXXXXX");
    if (mkdtemp(root) == NULL) return -1;
    static const char *const folders[] = {"data/state", "data/blocks", "data/snapshots", "copy"};
    for (size_t i = 0; i < 4; i++)
        if (posw_file_make_directories(at(folders[i]), 0700, NULL) != POSW_OK) return -1;
    put("data/LOCK", "12345\n");
    put("data/node.key", "secret");
    put("data/mempool.journal", "waiting");
    put("data/snapshots/block-1.tar", "large");
    put("data/state/data.mdb", "state");
    put("data/state/lock.mdb", "a process's");
    put("data/blocks/blk00000.dat", "blocks");
    put("data/blocks/exe00000.dat", "results");
    return 0;
}

static int teardown(void **state) {
    char line[128];
    (void)state;
    snprintf(line, sizeof line, "rm -rf '%s'", root);
    return system(line);
}

static void only_the_chain(void **state) {
    (void)state;
    assert_int_equal(posw_data_copy(at("data"), at("copy"), NULL, NULL, NULL), POSW_OK);
    assert_true(holds("copy/state/data.mdb", "state"));
    assert_true(holds("copy/blocks/blk00000.dat", "blocks"));
    assert_true(holds("copy/blocks/exe00000.dat", "results"));
    assert_int_not_equal(access(at("copy/node.key"), F_OK), 0);
    assert_int_not_equal(access(at("copy/state/lock.mdb"), F_OK), 0);
    assert_int_not_equal(access(at("copy/snapshots"), F_OK), 0);
    assert_true(holds("data/LOCK", "12345\n")); /* not even that is touched */
    posw_data_copy_remove(at("copy"));
    assert_int_not_equal(access(at("copy"), F_OK), 0);
    assert_true(holds("data/state/data.mdb", "state"));
}

static void not_while_it_is_used(void **state) {
    posw_message msg = {""};
    int lock;
    (void)state;
    assert_int_equal(posw_lock_file_take(&lock, at("data/LOCK"), "it", NULL), POSW_OK);
    assert_int_equal(posw_data_copy(at("data"), at("copy"), NULL, NULL, &msg), POSW_EBUSY);
    assert_non_null(strstr(msg.text, "a node runs on"));
    assert_int_not_equal(access(at("copy/state"), F_OK), 0);
    posw_lock_file_release(lock);
    assert_int_equal(posw_data_copy(at("data"), at("copy"), NULL, NULL, &msg), POSW_OK);
}

static void no_chain(void **state) {
    posw_message msg = {""};
    (void)state;
    assert_int_equal(posw_data_copy(at("nothing"), at("copy"), NULL, NULL, &msg), POSW_ENOTFOUND);
    assert_non_null(strstr(msg.text, "holds no chain"));
}

static int stop_at_once(void *arg, uint64_t done, uint64_t total) {
    (void)arg;
    assert_true(done <= total);
    return 1;
}

static void interrupted(void **state) {
    (void)state;
    assert_int_equal(posw_data_copy(at("data"), at("copy"), stop_at_once, NULL, NULL), POSW_ECANCELED);
    posw_data_copy_remove(at("copy"));
    assert_int_not_equal(access(at("copy"), F_OK), 0);
}

static void others_files_stay(void **state) {
    (void)state;
    assert_int_equal(posw_data_copy(at("data"), at("copy"), NULL, NULL, NULL), POSW_OK);
    put("copy/notes.txt", "mine");
    posw_data_copy_remove(at("copy"));
    assert_true(holds("copy/notes.txt", "mine"));
    assert_int_not_equal(access(at("copy/state"), F_OK), 0);
}

static void room(void **state) {
    posw_message msg = {""};
    (void)state;
    assert_int_equal(posw_data_copy_room(at("copy"), 1, &msg), POSW_OK);
    assert_int_equal(posw_data_copy_room(at("copy"), UINT64_MAX / 4, &msg), POSW_ENOSPC);
    assert_non_null(strstr(msg.text, "MiB of free space"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_the_chain, setup, teardown),
        cmocka_unit_test_setup_teardown(not_while_it_is_used, setup, teardown),
        cmocka_unit_test_setup_teardown(no_chain, setup, teardown),
        cmocka_unit_test_setup_teardown(interrupted, setup, teardown),
        cmocka_unit_test_setup_teardown(others_files_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(room, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
