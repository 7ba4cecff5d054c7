#include "io/data_copy.h"

#include "base/buf.h"
#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { CHUNK = 1 << 20, DIR_MAX = PATH_MAX - 300 };

static const char *const FOLDERS[] = {"state", "blocks"};

typedef struct {
    const char *from, *to;
    posw_data_copy_progress progress;
    void *arg;
    posw_message *msg;
    uint64_t done, total;
    uint8_t *chunk;
} copying;

static void path_of(char out[PATH_MAX], const char *dir, const char *folder, const char *name) {
    snprintf(out, PATH_MAX, "%.*s/%s%s%.255s", DIR_MAX, dir, folder, folder[0] != '\0' ? "/" : "", name);
}

/* LMDB's lock file belongs to a process and not to the chain. */
static bool is_chain_file(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot != NULL && (strcmp(name, "data.mdb") == 0 || strcmp(dot, ".dat") == 0);
}

/* Calls fn for each file of the chain; a result other than POSW_OK ends it. */
static int walk(copying *c, int (*fn)(copying *c, const char *folder, const char *name)) {
    for (size_t i = 0; i < POSW_ARRAY_SIZE(FOLDERS); i++) {
        char path[PATH_MAX];
        path_of(path, c->from, FOLDERS[i], "");
        DIR *dir = opendir(path);
        if (dir == NULL && errno == ENOENT)
            return posw_message_set(c->msg, POSW_ENOTFOUND, "%.300s holds no chain; check the path", c->from);
        if (dir == NULL) return posw_file_error(c->msg, errno, "read", path);
        int code = POSW_OK;
        for (const struct dirent *e; code == POSW_OK && (e = readdir(dir)) != NULL;)
            if (is_chain_file(e->d_name)) code = fn(c, FOLDERS[i], e->d_name);
        closedir(dir);
        if (code != POSW_OK) return code;
    }
    return POSW_OK;
}

static int add_size(copying *c, const char *folder, const char *name) {
    char path[PATH_MAX];
    struct stat st;
    path_of(path, c->from, folder, name);
    if (stat(path, &st) != 0) return posw_file_error(c->msg, errno, "read", path);
    c->total += (uint64_t)st.st_size;
    return POSW_OK;
}

static int write_all(copying *c, int fd, const char *path, size_t size) {
    for (size_t at = 0; at < size;) {
        const ssize_t n = write(fd, c->chunk + at, size - at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return posw_file_error(c->msg, errno, "write", path);
        at += (size_t)n;
    }
    c->done += size;
    if (c->progress == NULL || c->progress(c->arg, c->done, c->total) == 0) return POSW_OK;
    return posw_message_set(c->msg, POSW_ECANCELED, "interrupted");
}

static int copy_bytes(copying *c, int in, const char *in_path, int out, const char *out_path) {
    for (;;) {
        const ssize_t n = read(in, c->chunk, CHUNK);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return posw_file_error(c->msg, errno, "read", in_path);
        if (n == 0) return POSW_OK;
        const int code = write_all(c, out, out_path, (size_t)n);
        if (code != POSW_OK) return code;
    }
}

static int copy_file(copying *c, const char *folder, const char *name) {
    char from[PATH_MAX], to[PATH_MAX];
    path_of(from, c->from, folder, name);
    path_of(to, c->to, folder, name);
    const int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) return posw_file_error(c->msg, errno, "read", from);
    const int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int code = out < 0 ? posw_file_error(c->msg, errno, "create", to) : copy_bytes(c, in, from, out, to);
    if (out >= 0 && close(out) != 0 && code == POSW_OK) code = posw_file_error(c->msg, errno, "write", to);
    close(in);
    return code;
}

static int copy_all(copying *c) {
    char path[PATH_MAX];
    int code = walk(c, add_size);
    if (code == POSW_OK) code = posw_data_copy_room(c->to, c->total, c->msg);
    for (size_t i = 0; code == POSW_OK && i < POSW_ARRAY_SIZE(FOLDERS); i++) {
        path_of(path, c->to, FOLDERS[i], "");
        code = posw_file_make_directories(path, 0700, c->msg);
    }
    if (code != POSW_OK) return code;
    c->chunk = malloc(CHUNK);
    if (c->chunk == NULL) return posw_message_set(c->msg, POSW_ENOMEM, "out of memory");
    code = walk(c, copy_file);
    free(c->chunk);
    return code;
}

/* The lock of io/store_lmdb.h, without a mark of ours in the file. No file: no node has ever run here. */
static int lock(int *fd, const copying *c) {
    char path[PATH_MAX];
    path_of(path, c->from, "", "LOCK");
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0) return errno == ENOENT ? POSW_OK : posw_file_error(c->msg, errno, "open", path);
    if (flock(*fd, LOCK_SH | LOCK_NB) == 0) return POSW_OK;
    const int why = errno;
    close(*fd);
    *fd = -1;
    return why == EWOULDBLOCK ? posw_message_set(c->msg, POSW_EBUSY, "a node runs on %.300s", c->from)
                              : posw_file_error(c->msg, why, "lock", path);
}

int posw_data_copy(const char *from, const char *to, posw_data_copy_progress progress, void *arg, posw_message *msg) {
    copying c = {.from = from, .to = to, .progress = progress, .arg = arg, .msg = msg};
    int fd = -1;
    if (strlen(from) > DIR_MAX || strlen(to) > DIR_MAX)
        return posw_message_set(msg, POSW_EINVAL, "%.300s... is too long a path", strlen(from) > DIR_MAX ? from : to);
    int code = lock(&fd, &c);
    if (code == POSW_OK) code = copy_all(&c);
    if (fd >= 0) close(fd);
    return code;
}

int posw_data_copy_room(const char *dir, uint64_t bytes, posw_message *msg) {
    struct statvfs fs;
    if (statvfs(dir, &fs) != 0) return posw_file_error(msg, errno, "read", dir);
    const uint64_t spare = bytes / 16 + (16 << 20), left = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (left >= bytes && left - bytes >= spare) return POSW_OK;
    return posw_message_set(msg, POSW_ENOSPC,
                            "%.300s has %" PRIu64 " MiB of free space, and a copy of the chain needs %" PRIu64 " MiB",
                            dir, left >> 20, ((bytes + spare) >> 20) + 1);
}

static void remove_files(const char *dir, const char *folder) {
    char path[PATH_MAX];
    path_of(path, dir, folder, "");
    DIR *d = opendir(path);
    if (d == NULL) return;
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (!is_chain_file(e->d_name) && strcmp(e->d_name, "lock.mdb") != 0 && strcmp(e->d_name, "LOCK") != 0) continue;
        path_of(path, dir, folder, e->d_name);
        (void)unlink(path);
    }
    closedir(d);
}

void posw_data_copy_remove(const char *dir) {
    char path[PATH_MAX];
    for (size_t i = 0; i < POSW_ARRAY_SIZE(FOLDERS); i++) {
        remove_files(dir, FOLDERS[i]);
        path_of(path, dir, FOLDERS[i], "");
        (void)rmdir(path);
    }
    remove_files(dir, "");
    (void)rmdir(dir);
}
