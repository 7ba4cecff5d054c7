/* Unpacking snapshots: nothing in the file is trusted until its sum is right, and no name in it is used but those that
 * a snapshot has. */
#include "io/snapshot.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "io/file.h"
#include "io/lmdb_check.h"
#include "io/lock_file.h"
#include "io/tar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 256 << 10, SUMS_MAX = 16 << 20, DIR_MAX = PATH_MAX - 128 };

typedef struct {
    const char *path, *datadir;
    const posw_snapshot_restore_options *o;
    posw_message *msg;
    char dir[PATH_MAX]; /* where it is unpacked: datadir/restore.partial */
    int fd;
    uint64_t done, total;
    posw_buf sums, told; /* of what was unpacked; what the archive says */
    struct {
        bool begun;
        unsigned next; /* the file that must come */
    } logs[2];
    bool has_state, has_sums;
    uint8_t chunk[CHUNK];
} restore;

static int damaged(restore *r, const char *what) {
    return posw_message_set(r->msg, POSW_EPARSE, "%.300s is no snapshot, or damaged: %s", r->path, what);
}

/* ---- Reading ---- */

static int read_exactly(restore *r, void *out, size_t size) {
    uint8_t *at = out;
    while (size > 0) {
        const ssize_t n = read(r->fd, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return posw_file_error(r->msg, errno, "read", r->path);
        if (n == 0) return damaged(r, "it is cut short");
        at += n;
        size -= (size_t)n;
        r->done += (uint64_t)n;
    }
    if (r->o->progress == NULL || r->o->progress(r->o->arg, r->done, r->total) == 0) return POSW_OK;
    return posw_message_set(r->msg, POSW_ECANCELED, "interrupted");
}

static int skip_padding(restore *r, uint64_t size) {
    uint8_t rest[POSW_TAR_BLOCK];
    return read_exactly(r, rest, posw_tar_padding(size));
}

static int write_chunk(restore *r, int fd, const char *path, size_t size) {
    for (size_t done = 0; done < size;) {
        const ssize_t n = write(fd, r->chunk + done, size - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return posw_file_error(r->msg, errno, "write", path);
        done += (size_t)n;
    }
    return POSW_OK;
}

static int unpack_into(restore *r, int fd, const char *path, const char *name, uint64_t size) {
    crypto_hash_sha256_state hash;
    uint8_t digest[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof digest + 1];
    int code = POSW_OK;
    (void)crypto_hash_sha256_init(&hash);
    for (uint64_t left = size; code == POSW_OK && left > 0;) {
        const size_t n = left < CHUNK ? (size_t)left : CHUNK;
        code = read_exactly(r, r->chunk, n);
        if (code == POSW_OK) code = write_chunk(r, fd, path, n);
        (void)crypto_hash_sha256_update(&hash, r->chunk, n);
        left -= n;
    }
    if (code == POSW_OK) code = skip_padding(r, size);
    if (code == POSW_OK && fsync(fd) != 0) code = posw_file_error(r->msg, errno, "write", path);
    (void)crypto_hash_sha256_final(&hash, digest);
    posw_hex_encode(hex, digest, sizeof digest);
    posw_buf_printf(&r->sums, "%s  %s\n", hex, name);
    return code;
}

static int unpack_file(restore *r, const char *name, uint64_t size) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.*s/%s", DIR_MAX, r->dir, name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return posw_file_error(r->msg, errno, "create", path);
    const int code = unpack_into(r, fd, path, name, size);
    close(fd);
    return code;
}

static int read_sums(restore *r, uint64_t size) {
    uint8_t *at = size > 0 && size <= SUMS_MAX ? posw_buf_extend(&r->told, (size_t)size) : NULL;
    if (at == NULL) return damaged(r, "the size of its list of sums cannot be");
    r->has_sums = true;
    const int code = read_exactly(r, at, (size_t)size);
    return code == POSW_OK ? skip_padding(r, size) : code;
}

static const char *const prefixes[2] = {"blk", "exe"};

static void log_file_name(char out[POSW_TAR_NAME_SIZE], size_t log, unsigned number) {
    snprintf(out, POSW_TAR_NAME_SIZE, "blocks/%s%05u.dat", prefixes[log], number);
}

/* The number of any file of this log; false: it is none. */
static bool log_file_number(unsigned *out, size_t log, const char *name) {
    char again[POSW_TAR_NAME_SIZE];
    if (strncmp(name, "blocks/", 7) != 0 || strncmp(name + 7, prefixes[log], 3) != 0 ||
        sscanf(name + 10, "%7u", out) != 1)
        return false;
    log_file_name(again, log, *out);
    return strcmp(name, again) == 0;
}

/* The next file of a log, in their order; the first may have any number, since that of a pruned node does. */
static bool is_log_file(restore *r, const char *name) {
    for (size_t i = 0; i < 2; i++) {
        unsigned number;
        if (!log_file_number(&number, i, name)) continue;
        if (!r->logs[i].begun) r->logs[i].next = number;
        r->logs[i].begun = true;
        if (number != r->logs[i].next) return false;
        r->logs[i].next++;
        return true;
    }
    return false;
}

/* *more: another one may follow. */
static int read_entry(restore *r, bool *more) {
    uint8_t head[POSW_TAR_BLOCK];
    char name[POSW_TAR_NAME_SIZE];
    uint64_t size, time_s;
    int code = read_exactly(r, head, sizeof head);
    if (code != POSW_OK) return code;
    *more = !posw_tar_is_end(head);
    if (!*more) return POSW_OK;
    if (r->has_sums || !posw_tar_head_decode(name, &size, &time_s, head))
        return damaged(r, "the head of a file in it is wrong");
    if (size > r->total - r->done) return damaged(r, "it is cut short");
    if (strcmp(name, "SHA256SUMS") == 0) return read_sums(r, size);
    const bool is_state = strcmp(name, "state/data.mdb") == 0 && !r->has_state;
    if (is_state) r->has_state = true;
    if (!is_state && !is_log_file(r, name)) return damaged(r, "there is a file in it that does not belong there");
    return unpack_file(r, name, size);
}

static int unpack(restore *r) {
    bool more = true;
    int code = POSW_OK;
    while (code == POSW_OK && more)
        code = read_entry(r, &more);
    if (code != POSW_OK) return code;
    if (r->sums.failed) return posw_message_set(r->msg, POSW_ENOMEM, "out of memory");
    if (!r->has_state || !r->has_sums) return damaged(r, "something is missing in it");
    if (r->sums.size == r->told.size && memcmp(r->sums.data, r->told.data, r->sums.size) == 0) return POSW_OK;
    return posw_message_set(r->msg, POSW_ECHECKSUM,
                            "%.300s is damaged: its files do not have the sums that it names; fetch it again", r->path);
}

/* ---- Folders ---- */

static void path_below(char out[PATH_MAX], const char *dir, const char *name) {
    snprintf(out, PATH_MAX, "%.*s/%s", DIR_MAX, dir, name);
}

static int make_folders(restore *r) {
    static const char *const names[] = {"state", "blocks"};
    char path[PATH_MAX];
    int code = POSW_OK;
    for (size_t i = 0; code == POSW_OK && i < 2; i++) {
        path_below(path, r->dir, names[i]);
        code = posw_file_make_directories(path, 0700, r->msg);
    }
    return code;
}

/* Of an attempt that may have been killed: whatever their numbers are. */
static void remove_log_files(const restore *r) {
    char folder[PATH_MAX], name[POSW_TAR_NAME_SIZE], path[PATH_MAX];
    unsigned number;
    path_below(folder, r->dir, "blocks");
    DIR *dir = opendir(folder);
    if (dir == NULL) return;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (strlen(e->d_name) > 16) continue;
        snprintf(name, sizeof name, "blocks/%.16s", e->d_name);
        if (!log_file_number(&number, 0, name) && !log_file_number(&number, 1, name)) continue;
        path_below(path, r->dir, name);
        (void)unlink(path);
    }
    closedir(dir);
}

/* What an attempt has left; only the names that it makes. */
static void remove_partial(restore *r) {
    static const char *const fixed[] = {"state/data.mdb", "state/lock.mdb", "LOCK"};
    char path[PATH_MAX];
    for (size_t i = 0; i < POSW_ARRAY_SIZE(fixed); i++) {
        path_below(path, r->dir, fixed[i]);
        (void)unlink(path);
    }
    remove_log_files(r);
    path_below(path, r->dir, "state");
    (void)rmdir(path);
    path_below(path, r->dir, "blocks");
    (void)rmdir(path);
    (void)rmdir(r->dir);
}

/* The sums tell of damage alone; whoever made the archive made them, too. LMDB gets no file that could misuse it. */
static int check_state(restore *r) {
    char path[PATH_MAX];
    posw_message why = {""};
    path_below(path, r->dir, "state/data.mdb");
    const int code = posw_lmdb_check(path, &why);
    if (code == POSW_ECORRUPT) return damaged(r, "its state is not of the form that LMDB writes");
    return code == POSW_OK ? POSW_OK : posw_message_set(r->msg, code, "%s", why.text);
}

static int check_no_chain(restore *r) {
    static const char *const names[] = {"state", "blocks"};
    char path[PATH_MAX];
    for (size_t i = 0; i < 2; i++) {
        path_below(path, r->datadir, names[i]);
        if (access(path, F_OK) == 0 && rmdir(path) != 0) /* an empty folder is no chain */
            return posw_message_set(r->msg, POSW_EEXIST,
                                    "%.300s holds a chain already: choose another data directory, or move its folders "
                                    "state and blocks away",
                                    r->datadir);
    }
    return POSW_OK;
}

static int move_folder(restore *r, const char *name) {
    char from[PATH_MAX], to[PATH_MAX];
    path_below(from, r->dir, name);
    path_below(to, r->datadir, name);
    const int code = posw_file_sync_directory(from, r->msg);
    if (code != POSW_OK) return code;
    return rename(from, to) == 0 ? POSW_OK : posw_file_error(r->msg, errno, "create", to);
}

/* To where remove_partial finds it. */
static void take_back(restore *r, const char *name) {
    char from[PATH_MAX], to[PATH_MAX];
    path_below(from, r->datadir, name);
    path_below(to, r->dir, name);
    (void)rename(from, to); /* else it stays: the error that is told came first */
}

/* The state last: with it, the chain is there. */
static int move_into_place(restore *r) {
    int code = move_folder(r, "blocks");
    if (code != POSW_OK) return code;
    code = move_folder(r, "state");
    if (code == POSW_OK) return posw_file_sync_directory(r->datadir, r->msg);
    take_back(r, "blocks");
    return code;
}

static int restore_locked(restore *r) {
    int code = check_no_chain(r);
    remove_partial(r);
    if (code == POSW_OK) code = make_folders(r);
    if (code == POSW_OK) code = unpack(r);
    if (code == POSW_OK) code = check_state(r);
    if (code == POSW_OK && r->o->check != NULL) code = r->o->check(r->o->arg, r->dir, r->msg);
    if (code == POSW_OK) code = move_into_place(r);
    remove_partial(r);
    return code;
}

static int with_lock(restore *r) {
    char path[PATH_MAX], what[PATH_MAX];
    int lock;
    path_below(path, r->datadir, "LOCK");
    snprintf(what, sizeof what, "the data directory %.*s", DIR_MAX - 32, r->datadir);
    int code = posw_file_make_directories(r->datadir, 0700, r->msg);
    if (code == POSW_OK) code = posw_lock_file_take(&lock, path, what, r->msg);
    if (code != POSW_OK) return code;
    code = restore_locked(r);
    posw_lock_file_release(lock);
    return code;
}

static int open_archive(restore *r) {
    struct stat st;
    r->fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (r->fd < 0 || fstat(r->fd, &st) != 0) return posw_file_error(r->msg, errno, "read", r->path);
    if (!S_ISREG(st.st_mode)) return damaged(r, "it is not a regular file");
    r->total = (uint64_t)st.st_size;
    return POSW_OK;
}

int posw_snapshot_restore(const char *path, const char *datadir, const posw_snapshot_restore_options *o,
                          posw_message *msg) {
    restore *r = calloc(1, sizeof *r);
    if (r == NULL) return posw_message_set(msg, POSW_ENOMEM, "out of memory");
    r->fd = -1;
    r->path = path;
    r->datadir = datadir;
    r->o = o;
    r->msg = msg;
    path_below(r->dir, datadir, "restore.partial");
    int code = strlen(datadir) >= DIR_MAX - 16
                   ? posw_message_set(msg, POSW_EINVAL, "%.300s... is too long a path; choose a shorter one", datadir)
                   : open_archive(r);
    if (code == POSW_OK) code = with_lock(r);
    if (r->fd >= 0) close(r->fd);
    posw_buf_clear(&r->sums);
    posw_buf_clear(&r->told);
    free(r);
    return code;
}
