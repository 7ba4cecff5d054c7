#include "io/lmdb_env.h"

#include "base/bytes.h"
#include "io/file.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { READERS_MAX = 8, LOCK_BYTES = 8192 /* more than LMDB needs for so many */ };
enum { FREE_TABLE = 0 }; /* LMDB's own table of free pages: transaction -> count, page numbers */

/* Reads are at hashed keys: reading ahead would only push useful pages out. */
static const unsigned ENV_FLAGS = MDB_NOTLS | MDB_NOLOCK | MDB_NORDAHEAD;

int posw_lmdb_error_code(int rc) {
    switch (rc) {
    case MDB_SUCCESS:
        return POSW_OK;
    case MDB_NOTFOUND:
        return POSW_ENOTFOUND;
    case MDB_MAP_FULL:
        return POSW_ENOSPC;
    case MDB_TXN_FULL:
    case MDB_DBS_FULL:
        return POSW_EFULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        return POSW_ECORRUPT;
    default:
        return rc > 0 ? posw_file_error_code(rc) : POSW_EIO;
    }
}

int posw_lmdb_result(int rc, const char *path) {
    enum { NEARLY_NOTHING = 64 << 10 };
    struct statvfs st;
    bool full = rc == EIO && statvfs(path, &st) == 0 && (uint64_t)st.f_bavail * st.f_frsize < NEARLY_NOTHING;
    return full ? ENOSPC : rc;
}

static int env_error(posw_message *msg, int rc, const char *what, const char *path) {
    rc = posw_lmdb_result(rc, path);
    if (rc > 0) return posw_file_error(msg, rc, what, path);
    int code = posw_lmdb_error_code(rc);
    if (code == POSW_ENOTFOUND) code = POSW_ECORRUPT; /* a table that must be there */
    return posw_message_set(msg, code, "cannot %s %s: %s%s", what, path, mdb_strerror(rc),
                            code == POSW_ECORRUPT ? "; " POSW_STORE_REMEDY : "");
}

bool posw_lmdb_env_exists(const char *path) {
    char file[PATH_MAX];
    struct stat st;
    int size = snprintf(file, sizeof file, "%s/data.mdb", path);
    return size > 0 && (size_t)size < sizeof file && stat(file, &st) == 0;
}

uint64_t posw_lmdb_env_used(const posw_lmdb_env *e) {
    MDB_envinfo info;
    MDB_stat stat;
    if (mdb_env_info(e->env, &info) != 0 || mdb_env_stat(e->env, &stat) != 0) return 0;
    return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}

static int open_tables(posw_lmdb_env *e, MDB_txn *txn, const char *const *names, unsigned flags) {
    for (size_t i = 0; i < e->table_count; i++) {
        int rc = mdb_dbi_open(txn, names[i], flags, &e->tables[i]);
        if (rc != 0) return rc;
    }
    return 0;
}

/* --- making --- */

static int fill_new(posw_lmdb_env *e, const char *path, const char *const *names,
                    int (*fill)(void *arg, MDB_txn *txn, const MDB_dbi *tables), void *arg) {
    MDB_txn *txn = NULL;
    int rc = mdb_env_create(&e->env);
    if (rc != 0) return rc;
    rc = mdb_env_set_maxdbs(e->env, (MDB_dbi)e->table_count);
    if (rc == 0) rc = mdb_env_open(e->env, path, ENV_FLAGS, 0600);
    if (rc == 0) rc = mdb_txn_begin(e->env, NULL, 0, &txn);
    if (rc != 0) return rc;
    rc = open_tables(e, txn, names, MDB_CREATE);
    if (rc == 0) rc = fill(arg, txn, e->tables);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

int posw_lmdb_env_make(const char *path, const char *const *names, size_t count,
                       int (*fill)(void *arg, MDB_txn *txn, const MDB_dbi *tables), void *arg, posw_message *msg) {
    char fresh[PATH_MAX], file[PATH_MAX], parent[PATH_MAX];
    if (strlen(path) >= PATH_MAX - 32) return posw_message_set(msg, POSW_EINVAL, "%s is too long a path", path);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    snprintf(file, sizeof file, "%s.new/data.mdb", path);
    snprintf(parent, sizeof parent, "%s/..", path);
    unlink(file); /* of an attempt that was killed */
    int code = posw_file_make_directories(fresh, 0700, msg);
    if (code != POSW_OK) return code;
    posw_lmdb_env e = {.table_count = count};
    int rc = fill_new(&e, fresh, names, fill, arg);
    posw_lmdb_env_close(&e);
    if (rc != 0) return env_error(msg, rc, "create", fresh);
    code = posw_file_sync_directory(fresh, msg);
    if (code != POSW_OK) return code;
    /* rename replaces an empty directory */
    if (rename(fresh, path) != 0) return posw_file_error(msg, errno, "create", path);
    return posw_file_sync_directory(parent, msg);
}

/* --- opening --- */

/* One attempt with this map. */
static int open_env(posw_lmdb_env *e, const char *path, unsigned flags, uint64_t map_size_bytes) {
    int rc = mdb_env_create(&e->env);
    if (rc != 0) return rc;
    rc = mdb_env_set_maxdbs(e->env, (MDB_dbi)e->table_count);
    if (rc == 0) rc = mdb_env_set_mapsize(e->env, (size_t)map_size_bytes);
    if (rc == 0 && (flags & MDB_NOLOCK) == 0) rc = mdb_env_set_maxreaders(e->env, READERS_MAX);
    if (rc == 0) rc = mdb_env_open(e->env, path, flags, 0600);
    if (rc != 0) {
        mdb_env_close(e->env);
        e->env = NULL;
    }
    return rc;
}

/* LMDB would begin anew in an empty file. */
static int check_not_empty(const char *path, posw_message *msg) {
    char file[PATH_MAX];
    struct stat st;
    int size = snprintf(file, sizeof file, "%s/data.mdb", path);
    if (size < 0 || (size_t)size >= sizeof file || stat(file, &st) != 0 || st.st_size > 0) return POSW_OK;
    return posw_message_set(msg, POSW_ECORRUPT, "%s is empty: " POSW_STORE_REMEDY, file);
}

static int open_with_largest_map(posw_lmdb_env *e, const char *path, unsigned flags, uint64_t map_size_bytes,
                                 uint64_t map_size_min_bytes, posw_message *msg) {
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    for (uint64_t size = map_size_bytes;; size /= 2) {
        int rc = open_env(e, path, flags, size / page * page);
        if (rc == 0) return POSW_OK;
        if (rc != ENOMEM) return env_error(msg, rc, "open", path);
        if (size / 2 < map_size_min_bytes)
            return posw_message_set(msg, POSW_ENOMEM,
                                    "the system refuses the address space for %s: raise its limit (ulimit -v)", path);
    }
}

/* The two meta pages, as LMDB's data format 1 lays them out on this machine: transaction n writes the page n % 2, so
 * the even and the odd one are one transaction apart. LMDB takes the newer one without a checksum; a damaged number
 * there would bring back an older state, and the records behind its end would be cut. */
typedef struct {
    uint32_t pad;
    uint16_t flags, depth;
    size_t pages[3], entries, root;
} meta_tree;
typedef struct {
    size_t page;
    uint8_t page_header[8];
    uint32_t magic, version;
    void *address;
    size_t map_size;
    meta_tree trees[2];
    size_t last_page, transaction;
} meta_page;

static int check_metas(const posw_lmdb_env *e, const char *path, posw_message *msg) {
    MDB_stat info;
    meta_page even, odd;
    int fd, rc = mdb_env_get_fd(e->env, &fd);
    if (rc == 0) rc = mdb_env_stat(e->env, &info);
    if (rc != 0) return env_error(msg, rc, "open", path);
    if (pread(fd, &even, sizeof even, 0) != sizeof even || pread(fd, &odd, sizeof odd, info.ms_psize) != sizeof odd)
        return posw_file_error(msg, EIO, "read", path);
    size_t a = even.transaction, b = odd.transaction;
    bool together = a == b + 1 || b == a + 1 || (a == 0 && b == 0);
    if (a % 2 == 0 && (b % 2 == 1 || b == 0) && together) return POSW_OK;
    return posw_message_set(msg, POSW_ECORRUPT, "%s/data.mdb has a damaged first page: " POSW_STORE_REMEDY, path);
}

/* How many of the pages from `first` on are in the table of free pages; -1 on failure. */
static int64_t count_free_from(MDB_env *env, size_t first) {
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, value;
    int64_t count = 0;
    int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) return -1;
    rc = mdb_cursor_open(txn, FREE_TABLE, &cursor);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return -1;
    }
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
        for (size_t i = 1; i < value.mv_size / sizeof(size_t); i++) {
            size_t page;
            memcpy(&page, (const uint8_t *)value.mv_data + i * sizeof page, sizeof page);
            if (page >= first) count++;
        }
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return rc == MDB_NOTFOUND ? count : -1;
}

/* A page behind the end of the file would be a SIGBUS when it is touched. LMDB does not write pages that one
 * transaction both allocated and freed, so the file may rightly be short of its last ones: if all that lack are free,
 * it is lengthened; else somebody has cut it. */
static int check_size(const posw_lmdb_env *e, const char *path, posw_message *msg) {
    MDB_stat info;
    struct stat st;
    int fd, rc = mdb_env_get_fd(e->env, &fd);
    if (rc == 0) rc = mdb_env_stat(e->env, &info);
    if (rc != 0) return env_error(msg, rc, "open", path);
    if (fstat(fd, &st) != 0) return posw_file_error(msg, errno, "look at", path);
    uint64_t wanted = posw_lmdb_env_used(e), page = info.ms_psize;
    if ((uint64_t)st.st_size >= wanted) return POSW_OK;
    uint64_t whole = (uint64_t)st.st_size / page, lacking = wanted / page - whole;
    if (ftruncate(fd, (off_t)wanted) != 0) return posw_file_error(msg, errno, "lengthen", path);
    if (count_free_from(e->env, (size_t)whole) == (int64_t)lacking) return POSW_OK;
    (void)!ftruncate(fd, st.st_size);
    return posw_message_set(msg, POSW_ECORRUPT, "%s/data.mdb is cut short: %llu of %llu bytes; " POSW_STORE_REMEDY,
                            path, (unsigned long long)st.st_size, (unsigned long long)wanted);
}

static int find_tables(posw_lmdb_env *e, const char *path, const char *const *names, posw_message *msg) {
    MDB_txn *txn;
    MDB_envinfo info;
    int rc = mdb_txn_begin(e->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) return env_error(msg, rc, "read", path);
    rc = open_tables(e, txn, names, 0);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return env_error(msg, rc, "read the tables of", path);
    }
    rc = mdb_txn_commit(txn); /* keeps the handles */
    if (rc == 0) rc = mdb_env_info(e->env, &info);
    if (rc != 0) return env_error(msg, rc, "read", path);
    e->map_size_bytes = info.me_mapsize;
    return POSW_OK;
}

static int open_with(posw_lmdb_env *e, const char *path, const char *const *names, size_t count, unsigned flags,
                     uint64_t map_size_bytes, uint64_t map_size_min_bytes, posw_message *msg) {
    POSW_ASSERT(count <= POSW_LMDB_TABLES_MAX);
    *e = (posw_lmdb_env){.table_count = count};
    int code = check_not_empty(path, msg);
    if (code == POSW_OK) code = open_with_largest_map(e, path, flags, map_size_bytes, map_size_min_bytes, msg);
    if (code == POSW_OK) code = check_metas(e, path, msg);
    if (code == POSW_OK) code = check_size(e, path, msg);
    if (code == POSW_OK) code = find_tables(e, path, names, msg);
    if (code != POSW_OK) posw_lmdb_env_close(e);
    return code;
}

int posw_lmdb_env_open(posw_lmdb_env *e, const char *path, const char *const *names, size_t count,
                       uint64_t map_size_bytes, uint64_t map_size_min_bytes, posw_message *msg) {
    return open_with(e, path, names, count, ENV_FLAGS, map_size_bytes, map_size_min_bytes, msg);
}

static int lock_path(char out[PATH_MAX], const char *path, posw_message *msg) {
    const int size = snprintf(out, PATH_MAX, "%s/lock.mdb", path);
    if (size > 0 && size < PATH_MAX) return POSW_OK;
    return posw_message_set(msg, POSW_EINVAL, "%.300s... is too long a path; choose a shorter one", path);
}

/* A file with room on the disk: the map of one without would be a SIGBUS when the disk is full. */
static int make_lock(const char *path, posw_message *msg) {
    char file[PATH_MAX];
    int code = lock_path(file, path, msg);
    if (code != POSW_OK) return code;
    (void)unlink(file); /* of a process that was killed */
    const int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return posw_file_error(msg, errno, "create", file);
    const int rc = posix_fallocate(fd, 0, LOCK_BYTES);
    close(fd);
    return rc == 0 ? POSW_OK : posw_file_error(msg, rc, "write", file);
}

int posw_lmdb_env_open_shared(posw_lmdb_env *e, const char *path, const char *const *names, size_t count,
                              uint64_t map_size_bytes, posw_message *msg) {
    int code = make_lock(path, msg);
    if (code != POSW_OK) return code;
    code = open_with(e, path, names, count, ENV_FLAGS & ~(unsigned)MDB_NOLOCK, map_size_bytes, map_size_bytes, msg);
    if (code != POSW_OK) posw_lmdb_env_remove_lock(path);
    return code;
}

void posw_lmdb_env_remove_lock(const char *path) {
    char file[PATH_MAX];
    if (lock_path(file, path, NULL) == POSW_OK) (void)unlink(file);
}

void posw_lmdb_env_close(posw_lmdb_env *e) {
    if (e->env != NULL) mdb_env_close(e->env);
    *e = (posw_lmdb_env){0};
}
