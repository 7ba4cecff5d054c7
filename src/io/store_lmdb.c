#include "io/store_lmdb.h"

#include "base/bytes.h"
#include "io/file.h"
#include "io/lmdb_env.h"
#include "io/lock_file.h"
#include "io/runner.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char *const TABLE_NAMES[POSW_TABLE_COUNT] = {
    [POSW_TABLE_META] = "meta", [POSW_TABLE_HEADERS] = "headers", [POSW_TABLE_MAIN] = "main",
    [POSW_TABLE_TRIE] = "trie", [POSW_TABLE_EPOCHS] = "epochs",   [POSW_TABLE_TXS] = "txs",
};
_Static_assert((int)POSW_TABLE_COUNT <= (int)POSW_LMDB_TABLES_MAX, "tables fit");

static const struct {
    char prefix[4];
    const char *end_key, *start_key; /* META rows; the latter only where files were given up */
} LOGS[POSW_STORE_LOG_COUNT] = {
    [POSW_LOG_BLOCKS] = {"blk", "end.blocks", "start.blocks"}, [POSW_LOG_EXEC] = {"exe", "end.exec", "start.exec"}};

static const char FORMAT_KEY[] = "format", CHAIN_KEY[] = "chain";

typedef struct {
    posw_store base;
    posw_lmdb_env env;
    MDB_txn *write, *read; /* read is renewed by a read outside a transaction and reset by begin */
    bool reading;
    uint64_t reading_since_us;
    bool copying; /* another thread may read, */
    bool locked;  /* and for that the environment has a lock file */
    uint64_t copying_since_us;
    int spoilt;  /* the error of a write of the open transaction */
    int walking; /* depth of walks that are running */
    int lock_fd, directory_fd;
    posw_body_files *logs[POSW_STORE_LOG_COUNT];
    posw_hash genesis;
    posw_store_lmdb_options opt;
    posw_message message;
    char *datadir;
    char state_path[PATH_MAX], blocks_path[PATH_MAX];
} lmdb_store;

static lmdb_store *of(posw_store *s) {
    return (lmdb_store *)s;
}

/* --- errors --- */

/* Keeps a sentence for an LMDB result; returns the code. */
static int lmdb_failed(lmdb_store *l, int rc, const char *what) {
    rc = posw_lmdb_result(rc, l->datadir);
    int code = posw_lmdb_error_code(rc);
    if (rc > 0) return posw_file_error(&l->message, rc, what, l->state_path);
    if (rc == MDB_MAP_FULL)
        return posw_message_set(
            &l->message, code,
            "the state has filled its %llu MiB of address space: raise the limit (ulimit -v), or start "
            "with a larger map",
            (unsigned long long)(l->env.map_size_bytes >> 20));
    if (rc == MDB_PANIC)
        return posw_message_set(&l->message, POSW_EIO, "writing %s has failed in a way that needs a restart",
                                l->state_path);
    return posw_message_set(&l->message, code, "cannot %s %s: %s%s", what, l->state_path, mdb_strerror(rc),
                            code == POSW_ECORRUPT ? "; " POSW_STORE_REMEDY : "");
}

static int invalid(lmdb_store *l, const char *what, size_t size) {
    return posw_message_set(&l->message, POSW_EINVAL, "a %s of %zu bytes cannot be stored", what, size);
}

/* --- transactions --- */

static void stop_reading(lmdb_store *l) {
    if (l->reading) mdb_txn_reset(l->read);
    l->reading = false;
}

/* The transaction to read in: the open one, else one that sees what is committed. */
static int read_txn(lmdb_store *l, MDB_txn **txn) {
    if (l->spoilt != POSW_OK) return l->spoilt;
    if (l->write != NULL) {
        *txn = l->write;
        return POSW_OK;
    }
    if (!l->reading) {
        int rc = l->read == NULL ? mdb_txn_begin(l->env.env, NULL, MDB_RDONLY, &l->read) : mdb_txn_renew(l->read);
        if (rc != 0) return lmdb_failed(l, rc, "read");
        l->reading = true;
        l->reading_since_us = posw_clock_stopwatch_us();
    }
    *txn = l->read;
    return POSW_OK;
}

static int store_begin(posw_store *s) {
    lmdb_store *l = of(s);
    POSW_ASSERT(l->write == NULL && l->walking == 0);
    stop_reading(l); /* without LMDB's lock file its pages would be reused under the reader */
    int rc = mdb_txn_begin(l->env.env, NULL, 0, &l->write);
    return rc == 0 ? POSW_OK : lmdb_failed(l, rc, "write");
}

static void roll_back(lmdb_store *l, bool give_back) {
    if (l->write != NULL) mdb_txn_abort(l->write);
    l->write = NULL;
    l->spoilt = POSW_OK;
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT; i++)
        posw_body_files_abort(l->logs[i], give_back);
}

static void store_abort(posw_store *s) {
    lmdb_store *l = of(s);
    if (l->write == NULL) return;
    POSW_ASSERT(l->walking == 0);
    roll_back(l, true);
}

static int put_end(lmdb_store *l, size_t log) {
    uint8_t bytes[POSW_BODY_END_SIZE];
    posw_body_end end = posw_body_files_end(l->logs[log]);
    posw_body_end_encode(bytes, &end);
    MDB_val key = {strlen(LOGS[log].end_key), (void *)(uintptr_t)LOGS[log].end_key}, value = {sizeof bytes, bytes};
    int rc = mdb_put(l->write, l->env.tables[POSW_TABLE_META], &key, &value, 0);
    return rc == 0 ? POSW_OK : lmdb_failed(l, rc, "write");
}

/* The logs' records first, then the rows that refer to them. */
static int prepare(lmdb_store *l) {
    int code = l->spoilt;
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT && code == POSW_OK; i++) {
        if (!posw_body_files_changed(l->logs[i])) continue;
        code = posw_body_files_sync(l->logs[i], &l->message);
        if (code == POSW_OK) code = put_end(l, i);
    }
    return code;
}

/* LMDB's last write to the file may have failed in between: then nobody knows which state is on the disk. */
static bool outcome_is_known(lmdb_store *l) {
    MDB_txn *txn;
    int rc = mdb_txn_begin(l->env.env, NULL, MDB_RDONLY, &txn);
    if (rc == 0) mdb_txn_abort(txn);
    return rc != MDB_PANIC;
}

static int store_commit(posw_store *s) {
    lmdb_store *l = of(s);
    POSW_ASSERT(l->write != NULL && l->walking == 0);
    int code = prepare(l);
    if (code != POSW_OK) {
        roll_back(l, true);
        return code;
    }
    int rc = mdb_txn_commit(l->write);
    l->write = NULL;
    if (rc != 0) {
        code = lmdb_failed(l, rc, "write");
        /* Records are cut only when no state on the disk can refer to them. Else every later operation says MDB_PANIC.
         */
        if (outcome_is_known(l)) roll_back(l, true);
        return code;
    }
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT; i++)
        posw_body_files_commit(l->logs[i]);
    return POSW_OK;
}

/* --- rows --- */

static MDB_val val(const void *data, size_t size) {
    return (MDB_val){size, (void *)(uintptr_t)data};
}

static int store_get(posw_store *s, enum posw_table t, const void *key, size_t key_size, posw_bytes *value) {
    lmdb_store *l = of(s);
    MDB_txn *txn;
    MDB_val k = val(key, key_size), v;
    int code = read_txn(l, &txn);
    if (code != POSW_OK) return code;
    if (key_size == 0 || key_size > POSW_STORE_KEY_SIZE_MAX) return invalid(l, "key", key_size);
    int rc = mdb_get(txn, l->env.tables[t], &k, &v);
    if (rc == MDB_NOTFOUND) return POSW_ENOTFOUND;
    if (rc != 0) return lmdb_failed(l, rc, "read");
    *value = (posw_bytes){v.mv_data, v.mv_size};
    return POSW_OK;
}

/* Whether a write may go ahead. */
static int enter_write(lmdb_store *l) {
    POSW_ASSERT(l->write != NULL && l->walking == 0);
    return l->spoilt;
}

static int store_put(posw_store *s, enum posw_table t, const void *key, size_t key_size, const void *value,
                     size_t value_size) {
    lmdb_store *l = of(s);
    int code = enter_write(l);
    if (code != POSW_OK) return code;
    if (!posw_store_row_fits(t, key_size, value_size)) return l->spoilt = invalid(l, "row", key_size + value_size);
    MDB_val k = val(key, key_size), v = val(value, value_size);
    int rc = mdb_put(l->write, l->env.tables[t], &k, &v, 0);
    return rc == 0 ? POSW_OK : (l->spoilt = lmdb_failed(l, rc, "write"));
}

static int store_del(posw_store *s, enum posw_table t, const void *key, size_t key_size) {
    lmdb_store *l = of(s);
    int code = enter_write(l);
    if (code != POSW_OK) return code;
    if (!posw_store_row_fits(t, key_size, 0)) return l->spoilt = invalid(l, "key", key_size);
    MDB_val k = val(key, key_size);
    int rc = mdb_del(l->write, l->env.tables[t], &k, NULL);
    return rc == 0 || rc == MDB_NOTFOUND ? POSW_OK : (l->spoilt = lmdb_failed(l, rc, "write"));
}

static int store_walk(posw_store *s, enum posw_table t, const void *from, size_t from_size,
                      int (*fn)(void *arg, posw_bytes key, posw_bytes value), void *arg) {
    lmdb_store *l = of(s);
    MDB_txn *txn;
    MDB_cursor *cursor;
    int code = read_txn(l, &txn);
    if (code != POSW_OK) return code;
    int rc = mdb_cursor_open(txn, l->env.tables[t], &cursor);
    if (rc != 0) return lmdb_failed(l, rc, "read");
    bool from_first = from == NULL || from_size == 0;
    MDB_val k = val(from, from_size), v;
    l->walking++;
    rc = mdb_cursor_get(cursor, &k, &v, from_first ? MDB_FIRST : MDB_SET_RANGE);
    while (rc == 0 && code == 0) {
        code = fn(arg, posw_bytes_of(k.mv_data, k.mv_size), posw_bytes_of(v.mv_data, v.mv_size));
        if (code == 0) rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    l->walking--;
    mdb_cursor_close(cursor);
    if (code != 0) return code;
    return rc == MDB_NOTFOUND ? POSW_OK : lmdb_failed(l, rc, "read");
}

/* --- logs --- */

static int store_append(posw_store *s, enum posw_store_log log, const void *data, size_t size, posw_store_pos *pos) {
    lmdb_store *l = of(s);
    int code = enter_write(l);
    if (code != POSW_OK) return code;
    code = posw_body_files_append(l->logs[log], data, size, pos, &l->message);
    if (code != POSW_OK) l->spoilt = code;
    return code;
}

static int store_read(posw_store *s, enum posw_store_log log, posw_store_pos pos, posw_buf *out) {
    lmdb_store *l = of(s);
    if (l->spoilt != POSW_OK) return l->spoilt;
    return posw_body_files_read(l->logs[log], pos, out, &l->message);
}

/* A copy reads the files in another thread: meanwhile none may go. */
static void store_log_info(posw_store *s, enum posw_store_log log, posw_store_log_info *out) {
    lmdb_store *l = of(s);
    *out = (posw_store_log_info){.bytes = posw_body_files_used(l->logs[log])};
    if (!l->copying) (void)posw_body_files_oldest(l->logs[log], &out->oldest_bytes, &out->oldest_end);
}

static int put_u32(lmdb_store *l, const char *key, uint32_t value) {
    uint8_t bytes[4];
    posw_store_be32(bytes, value);
    MDB_val k = val(key, strlen(key)), v = val(bytes, sizeof bytes);
    int rc = mdb_put(l->write, l->env.tables[POSW_TABLE_META], &k, &v, 0);
    return rc == 0 ? POSW_OK : lmdb_failed(l, rc, "write");
}

static int store_drop_oldest(posw_store *s, enum posw_store_log log) {
    lmdb_store *l = of(s);
    int code = enter_write(l);
    if (code != POSW_OK) return code;
    POSW_ASSERT(!l->copying);
    code = posw_body_files_drop(l->logs[log], &l->message);
    if (code == POSW_OK) code = put_u32(l, LOGS[log].start_key, posw_body_files_first(l->logs[log]));
    if (code == POSW_OK) code = put_u32(l, FORMAT_KEY, POSW_STORE_LMDB_FORMAT);
    return code == POSW_OK ? POSW_OK : (l->spoilt = code);
}

void posw_store_lmdb_read_numbers(posw_store *s, posw_store_lmdb_numbers *out) {
    const lmdb_store *l = of(s);
    struct statvfs st;
    *out = (posw_store_lmdb_numbers){.used_bytes = posw_lmdb_env_used(&l->env), .map_bytes = l->env.map_size_bytes};
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT; i++)
        out->used_bytes += posw_body_files_used(l->logs[i]);
    if (statvfs(l->datadir, &st) == 0) {
        out->disk_free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
        out->disk_bytes = (uint64_t)(st.f_blocks - st.f_bfree + st.f_bavail) * st.f_frsize;
    }
    const uint64_t now_us = posw_clock_stopwatch_us();
    if (l->reading) out->reader_age_us = now_us - l->reading_since_us;
    if (l->copying && now_us - l->copying_since_us > out->reader_age_us)
        out->reader_age_us = now_us - l->copying_since_us;
}

static void store_usage(posw_store *s, uint64_t *used_bytes, uint64_t *limit_bytes) {
    const lmdb_store *l = of(s);
    posw_store_lmdb_numbers n;
    posw_store_lmdb_read_numbers(s, &n);
    uint64_t room = l->env.map_size_bytes - posw_lmdb_env_used(&l->env);
    if (n.disk_bytes != 0 && n.disk_free_bytes < room) room = n.disk_free_bytes;
    *used_bytes = n.used_bytes;
    *limit_bytes = n.used_bytes + room;
}

static void store_close(posw_store *s) {
    if (s == NULL) return;
    lmdb_store *l = of(s);
    POSW_ASSERT(l->walking == 0);
    if (l->write != NULL) mdb_txn_abort(l->write);
    if (l->read != NULL) mdb_txn_abort(l->read);
    posw_lmdb_env_close(&l->env);
    if (l->locked) posw_lmdb_env_remove_lock(l->state_path);
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT; i++)
        posw_body_files_close(l->logs[i]);
    posw_lock_file_release(l->directory_fd);
    posw_lock_file_release(l->lock_fd);
    free(l->datadir);
    free(l);
}

static const char *store_reason(const posw_store *s) {
    return posw_store_lmdb_last_message(s)->text;
}

static const posw_store_ops lmdb_ops = {
    .begin = store_begin,
    .commit = store_commit,
    .abort = store_abort,
    .get = store_get,
    .put = store_put,
    .del = store_del,
    .walk = store_walk,
    .append = store_append,
    .read = store_read,
    .log_info = store_log_info,
    .drop_oldest = store_drop_oldest,
    .usage = store_usage,
    .close = store_close,
    .reason = store_reason,
};

/* --- opening --- */

static uint64_t map_size(const lmdb_store *l) {
    if (l->opt.map_size_bytes != 0) return l->opt.map_size_bytes;
    return sizeof(void *) >= 8 ? (uint64_t)1 << 40 : (uint64_t)1 << 30;
}

/* Below this a map is of no use to a node. */
static uint64_t map_size_min(const lmdb_store *l) {
    uint64_t size = (uint64_t)64 << 20;
    return map_size(l) < size ? map_size(l) : size;
}

static int make_paths(lmdb_store *l) {
    int a = snprintf(l->state_path, sizeof l->state_path, "%s/state", l->datadir);
    int b = snprintf(l->blocks_path, sizeof l->blocks_path, "%s/blocks", l->datadir);
    if (a < 0 || b < 0 || (size_t)b >= sizeof l->blocks_path - 64)
        return posw_message_set(&l->message, POSW_EINVAL, "%.300s... is too long a path; choose a shorter one",
                                l->datadir);
    return POSW_OK;
}

static int take_lock(lmdb_store *l) {
    char path[PATH_MAX], what[PATH_MAX];
    snprintf(path, sizeof path, "%.*s/LOCK", PATH_MAX - 16, l->datadir);
    snprintf(what, sizeof what, "the data directory %.*s", PATH_MAX - 32, l->datadir);
    int code = posw_file_make_directories(l->datadir, 0700, &l->message);
    if (code == POSW_OK) code = posw_lock_file_take(&l->lock_fd, path, what, &l->message);
    if (code == POSW_OK) code = posw_lock_file_take_directory(&l->directory_fd, l->datadir, what, &l->message);
    if (code == POSW_OK) code = posw_file_make_directories(l->blocks_path, 0700, &l->message);
    return code;
}

/* The first rows of a new store. */
static int fill_meta(void *arg, MDB_txn *txn, const MDB_dbi *tables) {
    const lmdb_store *l = arg;
    uint8_t format[4], end_bytes[POSW_BODY_END_SIZE];
    posw_body_end end = {0};
    posw_store_be32(format, POSW_STORE_LMDB_FORMAT_WHOLE);
    posw_body_end_encode(end_bytes, &end);
    MDB_val format_key = val(FORMAT_KEY, strlen(FORMAT_KEY)), format_value = val(format, sizeof format);
    MDB_val chain_key = val(CHAIN_KEY, strlen(CHAIN_KEY)), chain_value = val(l->genesis.b, sizeof l->genesis.b);
    int rc = mdb_put(txn, tables[POSW_TABLE_META], &format_key, &format_value, 0);
    if (rc == 0) rc = mdb_put(txn, tables[POSW_TABLE_META], &chain_key, &chain_value, 0);
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT && rc == 0; i++) {
        MDB_val key = val(LOGS[i].end_key, strlen(LOGS[i].end_key)), value = val(end_bytes, sizeof end_bytes);
        rc = mdb_put(txn, tables[POSW_TABLE_META], &key, &value, 0);
    }
    return rc;
}

static int make_state(lmdb_store *l) {
    /* The state is made before the first record is, so records without a state are somebody's lost one: keep them. */
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT; i++)
        if (posw_body_files_exist(l->blocks_path, LOGS[i].prefix))
            return posw_message_set(&l->message, POSW_ECORRUPT,
                                    "%s holds blocks, but %s is missing: " POSW_STORE_REMEDY, l->blocks_path,
                                    l->state_path);
    return posw_lmdb_env_make(l->state_path, TABLE_NAMES, POSW_TABLE_COUNT, fill_meta, l, &l->message);
}

/* A META row that every store has. */
static int get_meta(lmdb_store *l, const char *key, posw_bytes *value) {
    int code = store_get(&l->base, POSW_TABLE_META, key, strlen(key), value);
    if (code != POSW_ENOTFOUND) return code;
    return posw_message_set(&l->message, POSW_ECORRUPT, "%s lacks its row '%s': " POSW_STORE_REMEDY, l->state_path,
                            key);
}

static int check_format(lmdb_store *l) {
    posw_bytes value;
    int code = get_meta(l, FORMAT_KEY, &value);
    if (code != POSW_OK) return code;
    uint32_t format = value.size == 4 ? posw_load_be32(value.data) : 0;
    if (format >= POSW_STORE_LMDB_FORMAT_WHOLE && format <= POSW_STORE_LMDB_FORMAT) return POSW_OK;
    if (format > POSW_STORE_LMDB_FORMAT)
        return posw_message_set(
            &l->message, POSW_EUNSUPPORTED,
            "%s has format %u, this program knows %u: it was written by a newer posw; use that one, or "
            "choose another data directory",
            l->datadir, format, (unsigned)POSW_STORE_LMDB_FORMAT);
    return posw_message_set(&l->message, POSW_ECORRUPT, "%s has no valid format row: " POSW_STORE_REMEDY,
                            l->state_path);
}

static int check_chain(lmdb_store *l) {
    posw_bytes value;
    char theirs[2 * POSW_HASH_SIZE + 1], ours[2 * POSW_HASH_SIZE + 1];
    int code = get_meta(l, CHAIN_KEY, &value);
    if (code != POSW_OK) return code;
    if (value.size != POSW_HASH_SIZE)
        return posw_message_set(&l->message, POSW_ECORRUPT, "%s has no valid chain row: " POSW_STORE_REMEDY,
                                l->state_path);
    if (memcmp(value.data, l->genesis.b, POSW_HASH_SIZE) == 0) return POSW_OK;
    posw_hex_encode(theirs, value.data, POSW_HASH_SIZE);
    posw_hex_encode(ours, l->genesis.b, POSW_HASH_SIZE);
    return posw_message_set(&l->message, POSW_EMISMATCH,
                            "%.200s holds the chain with genesis 0x%s, but the chain to run has genesis 0x%s: choose "
                            "another data directory, or that chain's file",
                            l->datadir, theirs, ours);
}

/* The number of a log's first file; without a row it is 0. */
static int get_start(lmdb_store *l, size_t log, const posw_body_end *end, uint32_t *start) {
    posw_bytes value;
    int code = store_get(&l->base, POSW_TABLE_META, LOGS[log].start_key, strlen(LOGS[log].start_key), &value);
    *start = 0;
    if (code != POSW_OK) return code == POSW_ENOTFOUND ? POSW_OK : code;
    if (value.size == 4) *start = posw_load_be32(value.data);
    if (value.size == 4 && *start <= end->file) return POSW_OK;
    return posw_message_set(&l->message, POSW_ECORRUPT, "%s has no valid row '%s': " POSW_STORE_REMEDY, l->state_path,
                            LOGS[log].start_key);
}

static int open_log(lmdb_store *l, size_t log) {
    posw_bytes value;
    posw_body_end end;
    posw_body_options o = {.directory = l->blocks_path,
                           .genesis = l->genesis,
                           .file_size_max = l->opt.log_file_size_max,
                           .calls = l->opt.calls};
    memcpy(o.prefix, LOGS[log].prefix, sizeof o.prefix);
    int code = get_meta(l, LOGS[log].end_key, &value);
    if (code != POSW_OK) return code;
    if (!posw_body_end_decode(&end, value.data, value.size))
        return posw_message_set(&l->message, POSW_ECORRUPT, "%s has no valid row '%s': " POSW_STORE_REMEDY,
                                l->state_path, LOGS[log].end_key);
    code = get_start(l, log, &end, &o.first);
    if (code != POSW_OK) return code;
    return posw_body_files_open(&l->logs[log], &o, &end, &l->message);
}

static int open_state(lmdb_store *l, posw_lmdb_env *env, uint64_t size_max, uint64_t size_min) {
    return posw_lmdb_env_open(env, l->state_path, TABLE_NAMES, POSW_TABLE_COUNT, size_max, size_min, &l->message);
}

static int open_all(lmdb_store *l) {
    int code = make_paths(l);
    if (code == POSW_OK) code = take_lock(l);
    if (code == POSW_OK && !posw_lmdb_env_exists(l->state_path)) code = make_state(l);
    if (code == POSW_OK) code = open_state(l, &l->env, map_size(l), map_size_min(l));
    if (code == POSW_OK) code = check_format(l);
    if (code == POSW_OK) code = check_chain(l);
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT && code == POSW_OK; i++)
        code = open_log(l, i);
    return code == POSW_ENOTFOUND ? POSW_EIO : code;
}

int posw_store_lmdb_open(posw_store **out, const char *datadir, const posw_hash *genesis,
                         const posw_store_lmdb_options *opt, posw_message *msg) {
    lmdb_store *l = calloc(1, sizeof *l);
    char *copy = strdup(datadir);
    if (l == NULL || copy == NULL) {
        free(l);
        free(copy);
        return posw_message_set(msg, POSW_ENOMEM, "out of memory");
    }
    l->base.ops = &lmdb_ops;
    l->datadir = copy;
    l->genesis = *genesis;
    l->lock_fd = l->directory_fd = -1;
    if (opt != NULL) l->opt = *opt;
    int code = open_all(l);
    if (code != POSW_OK) {
        if (msg != NULL) *msg = l->message;
        store_close(&l->base);
        return code;
    }
    *out = &l->base;
    return POSW_OK;
}

/* --- the rest --- */

const posw_message *posw_store_lmdb_last_message(const posw_store *s) {
    return &((const lmdb_store *)s)->message;
}

typedef struct {
    int (*fn)(void *arg, uint64_t done_bytes, uint64_t total_bytes);
    void *arg;
    uint64_t done, total;
} log_progress;

static int add_progress(void *arg, uint64_t bytes) {
    log_progress *p = arg;
    p->done += bytes;
    return p->fn != NULL ? p->fn(p->arg, p->done, p->total) : 0;
}

int posw_store_lmdb_check_logs(posw_store *s, int (*progress)(void *arg, uint64_t done_bytes, uint64_t total_bytes),
                               void *arg) {
    lmdb_store *l = of(s);
    POSW_ASSERT(l->write == NULL);
    log_progress p = {.fn = progress, .arg = arg};
    int code = POSW_OK;
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT; i++)
        p.total += posw_body_files_used(l->logs[i]);
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT && code == POSW_OK; i++)
        code = posw_body_files_check(l->logs[i], add_progress, &p, &l->message);
    return code;
}

/* Opens the state again, with or without a lock file. A second environment on the same file is safe: no transaction is
 * open. (Two with a lock file would not be: closing one loses the other's lock.) On failure all stays as it was. */
static int reopen(lmdb_store *l, bool locked) {
    const uint64_t size = l->env.map_size_bytes;
    posw_lmdb_env fresh;
    POSW_ASSERT(!(l->locked && locked));
    int code = locked
                   ? posw_lmdb_env_open_shared(&fresh, l->state_path, TABLE_NAMES, POSW_TABLE_COUNT, size, &l->message)
                   : open_state(l, &fresh, size, size);
    if (code != POSW_OK) return code;
    if (l->read != NULL) mdb_txn_abort(l->read);
    l->read = NULL;
    l->reading = false;
    posw_lmdb_env_close(&l->env);
    if (l->locked) posw_lmdb_env_remove_lock(l->state_path);
    l->env = fresh;
    l->locked = locked;
    return POSW_OK;
}

int posw_store_lmdb_trim(posw_store *s) {
    lmdb_store *l = of(s);
    POSW_ASSERT(l->write == NULL && l->walking == 0 && !l->copying);
    int code = reopen(l, false);
    if (code == POSW_OK) malloc_trim(0);
    return code;
}

/* --- copies --- */

int posw_store_lmdb_copy_begin(posw_store *s, posw_store_lmdb_copy *out) {
    lmdb_store *l = of(s);
    if (l->write != NULL || l->walking != 0 || l->copying)
        return posw_message_set(&l->message, POSW_EBUSY, "%s",
                                l->copying ? "a copy is being made already" : "blocks are being stored just now");
    int code = l->locked ? POSW_OK : reopen(l, true);
    if (code != POSW_OK) return code;
    l->copying = true;
    l->copying_since_us = posw_clock_stopwatch_us();
    *out = (posw_store_lmdb_copy){.env = l->env.env, .meta = l->env.tables[POSW_TABLE_META]};
    snprintf(out->state_path, sizeof out->state_path, "%s", l->state_path);
    snprintf(out->blocks_path, sizeof out->blocks_path, "%s", l->blocks_path);
    return POSW_OK;
}

int posw_store_lmdb_copy_state(const posw_store_lmdb_copy *c, int fd, posw_message *msg) {
    const int rc = mdb_env_copyfd2(c->env, fd, MDB_CP_COMPACT);
    if (rc == 0) return POSW_OK;
    if (rc > 0) return posw_file_error(msg, rc, "copy", c->state_path);
    return posw_message_set(msg, posw_lmdb_error_code(rc), "cannot copy %.300s: %s", c->state_path, mdb_strerror(rc));
}

static int copy_end_of(const posw_store_lmdb_copy *c, MDB_txn *txn, size_t log, posw_body_end *end, uint32_t *start) {
    MDB_val key = val(LOGS[log].end_key, strlen(LOGS[log].end_key)), value;
    int rc = mdb_get(txn, c->meta, &key, &value);
    if (rc == 0 && !posw_body_end_decode(end, value.mv_data, value.mv_size)) rc = MDB_CORRUPTED;
    if (rc != 0) return rc;
    key = val(LOGS[log].start_key, strlen(LOGS[log].start_key));
    rc = mdb_get(txn, c->meta, &key, &value);
    *start = 0;
    if (rc != 0) return rc == MDB_NOTFOUND ? 0 : rc;
    if (value.mv_size != 4) return MDB_CORRUPTED;
    *start = posw_load_be32(value.mv_data);
    return 0;
}

int posw_store_lmdb_copy_ends(const posw_store_lmdb_copy *c, posw_body_end ends[POSW_STORE_LOG_COUNT],
                              uint32_t starts[POSW_STORE_LOG_COUNT], posw_message *msg) {
    MDB_txn *txn;
    int rc = mdb_txn_begin(c->env, NULL, MDB_RDONLY, &txn);
    const bool begun = rc == 0;
    for (size_t i = 0; rc == 0 && i < POSW_STORE_LOG_COUNT; i++)
        rc = copy_end_of(c, txn, i, &ends[i], &starts[i]);
    if (begun) mdb_txn_abort(txn);
    if (rc == 0) return POSW_OK;
    return posw_message_set(msg, posw_lmdb_error_code(rc), "cannot read %.300s: %s", c->state_path, mdb_strerror(rc));
}

void posw_store_lmdb_copy_end(posw_store *s) {
    lmdb_store *l = of(s);
    POSW_ASSERT(l->copying && l->walking == 0);
    l->copying = false;
    if (l->write == NULL) (void)reopen(l, false);
}

/* 0: not known. */
static uint64_t resident_bytes_now(void) {
    unsigned long long size, resident;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f == NULL) return 0;
    const bool read = fscanf(f, "%llu %llu", &size, &resident) == 2;
    (void)fclose(f);
    return read ? (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

int posw_store_lmdb_trim_above(posw_store *s, uint64_t resident_bytes, bool *trimmed) {
    const lmdb_store *l = of(s);
    const bool due = l->write == NULL && l->walking == 0 && !l->copying && resident_bytes_now() > resident_bytes;
    const int code = due ? posw_store_lmdb_trim(s) : POSW_OK;
    if (trimmed != NULL) *trimmed = due && code == POSW_OK;
    return code;
}
