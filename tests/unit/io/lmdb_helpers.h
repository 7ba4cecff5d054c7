/* What the tests of the store on disk share: opening it, being refused, one text row. */
#ifndef POSW_TEST_IO_LMDB_HELPERS_H
#define POSW_TEST_IO_LMDB_HELPERS_H

#include "base/test.h"
#include "io/temporary.h"

#include "io/store_lmdb.h"

#include <sys/stat.h>

enum { SMALL_FILE = 400 };

static const posw_hash genesis = {{0xab, 1}};
static const posw_store_lmdb_options small_files = {.log_file_size_max = SMALL_FILE};

static inline int open_with(posw_store **s, const char *datadir, const posw_store_lmdb_options *opt,
                            posw_message *msg) {
    return posw_store_lmdb_open(s, datadir, &genesis, opt, msg);
}

static inline posw_store *must_open(const char *datadir, const posw_store_lmdb_options *opt) {
    posw_store *s = NULL;
    posw_message msg = {0};
    int code = open_with(&s, datadir, opt, &msg);
    if (code != POSW_OK) fail_msg("%s: %s", posw_error_name(code), msg.text);
    return s;
}

static inline void must_refuse(const char *datadir, int wanted, const char *words) {
    posw_store *s = NULL;
    posw_message msg = {0};
    int code = open_with(&s, datadir, &small_files, &msg);
    if (code != wanted || strstr(msg.text, words) == NULL)
        fail_msg("%s, not %s with '%s': %s", posw_error_name(code), posw_error_name(wanted), words, msg.text);
    assert_null(s);
}

static inline const char *path_of(const char *datadir, const char *name) {
    static char path[TEMPORARY_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s", datadir, name);
    return path;
}

static inline off_t size_of(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static inline void flip(const char *path, off_t at, unsigned bit) {
    uint8_t byte;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= (uint8_t)(1u << bit);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static inline int put_text(posw_store *s, const char *key, const char *value) {
    return s->ops->put(s, POSW_TABLE_HEADERS, key, strlen(key), value, strlen(value));
}

static inline void assert_text(posw_store *s, const char *key, const char *wanted) {
    posw_bytes got;
    int code = s->ops->get(s, POSW_TABLE_HEADERS, key, strlen(key), &got);
    assert_int_equal(code, wanted == NULL ? POSW_ENOTFOUND : POSW_OK);
    if (wanted == NULL) return;
    assert_int_equal(got.size, strlen(wanted));
    assert_memory_equal(got.data, wanted, got.size);
}

#endif
