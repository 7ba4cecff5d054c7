#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int posw_file_error_code(int errnum) {
    switch (errnum) {
    case ENOENT:
        return POSW_ENOTFOUND;
    case ENOSPC:
    case EDQUOT:
        return POSW_ENOSPC;
    case ENOMEM:
        return POSW_ENOMEM;
    case EEXIST:
        return POSW_EEXIST;
    default:
        return POSW_EIO;
    }
}

static const char *remedy(int errnum) {
    switch (errnum) {
    case ENOENT:
        return "; check the name";
    case ENOSPC:
    case EDQUOT:
        return "; free some space and try again";
    case EACCES:
    case EPERM:
        return "; check its owner and mode";
    case EMFILE:
    case ENFILE:
        return "; raise the limit of open files (ulimit -n)";
    case EFBIG:
        return "; raise the limit of the file size (ulimit -f)";
    case ENAMETOOLONG:
        return "; choose a shorter one";
    case EROFS:
        return "; choose a place that can be written to, or remount it so";
    default:
        return "";
    }
}

/* So much of a path is shown that the rest of the sentence has room. */
enum { SHOWN_MAX = 300 };

static const char *rest(const char *path) {
    return strlen(path) > SHOWN_MAX ? "..." : "";
}

int posw_file_error(posw_message *msg, int errnum, const char *verb, const char *path) {
    char buffer[128];
    const char *text = strerror_r(errnum, buffer, sizeof buffer);
    return posw_message_set(msg, posw_file_error_code(errnum), "cannot %s %.*s%s: %s%s", verb, SHOWN_MAX, path,
                            rest(path), text, remedy(errnum));
}

/* A path that no system call would take. */
static int too_long(posw_message *msg, const char *path) {
    return posw_message_set(msg, POSW_EINVAL, "%.*s%s is too long a path; choose a shorter one", SHOWN_MAX, path,
                            rest(path));
}

/* --- reading --- */

static int read_all(posw_buf *out, int fd, const char *path, size_t size_max, posw_message *msg) {
    enum { CHUNK = 64 << 10 };
    size_t start = out->size;
    for (;;) {
        if (!posw_buf_reserve(out, CHUNK))
            return posw_message_set(msg, POSW_ENOMEM, "cannot read %s: out of memory", path);
        ssize_t got = read(fd, out->data + out->size, CHUNK);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return posw_file_error(msg, errno, "read", path);
        if (got == 0) return POSW_OK;
        out->size += (size_t)got;
        if (out->size - start > size_max)
            return posw_message_set(msg, POSW_EFULL, "%s is larger than the %zu bytes that are allowed for it", path,
                                    size_max);
    }
}

int posw_file_read(posw_buf *out, const char *path, size_t size_max, posw_message *msg) {
    /* Not blocking: a pipe that somebody put there must not hang the program. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return posw_file_error(msg, errno, "open", path);
    struct stat st;
    int code = POSW_OK;
    size_t start = out->size;
    if (fstat(fd, &st) != 0)
        code = posw_file_error(msg, errno, "look at", path);
    else if (!S_ISREG(st.st_mode))
        code = posw_message_set(msg, POSW_EINVAL, "%s is not a regular file: give the name of a file", path);
    else
        code = read_all(out, fd, path, size_max, msg);
    close(fd);
    if (code != POSW_OK) out->size = start;
    return code;
}

/* --- writing --- */

/* The directory part of a path ("." if it has none) into dir, and where the name starts. */
static const char *split(const char *path, char dir[PATH_MAX]) {
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    size_t size = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    memcpy(dir, slash == NULL ? "." : path, size);
    dir[size] = '\0';
    return name;
}

static int write_all(int fd, const uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t put = write(fd, data, size);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return errno;
        data += put;
        size -= (size_t)put;
    }
    return 0;
}

/* A new file's name, unless there is one. Not every file system can rename without replacing. */
static int rename_new(const char *from, const char *to) {
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return errno;
    if (link(from, to) != 0) return errno;
    unlink(from);
    return 0;
}

static int fill(int fd, const void *data, size_t size, mode_t mode) {
    int errnum = write_all(fd, data, size);
    if (errnum == 0 && fchmod(fd, mode) != 0) errnum = errno;
    if (errnum == 0 && fsync(fd) != 0) errnum = errno;
    return errnum;
}

static int put_file(const char *path, const void *data, size_t size, mode_t mode, bool replace, posw_message *msg) {
    char dir[PATH_MAX], temporary[PATH_MAX];
    if (strlen(path) >= PATH_MAX - 16) return too_long(msg, path);
    const char *name = split(path, dir);
    if (name[0] == '\0') return posw_message_set(msg, POSW_EINVAL, "%s is not the name of a file", path);
    snprintf(temporary, sizeof temporary, "%.*s.%s.XXXXXX", (int)(name - path), path, name);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) return posw_file_error(msg, errno, "create a file in", dir);
    int errnum = fill(fd, data, size, mode);
    if (close(fd) != 0 && errnum == 0) errnum = errno;
    if (errnum == 0) errnum = replace ? (rename(temporary, path) == 0 ? 0 : errno) : rename_new(temporary, path);
    if (errnum != 0) {
        unlink(temporary);
        return posw_file_error(msg, errnum, "write", path);
    }
    return posw_file_sync_directory(dir, msg);
}

int posw_file_write(const char *path, const void *data, size_t size, mode_t mode, posw_message *msg) {
    return put_file(path, data, size, mode, true, msg);
}

int posw_file_create(const char *path, const void *data, size_t size, mode_t mode, posw_message *msg) {
    return put_file(path, data, size, mode, false, msg);
}

/* --- directories --- */

int posw_file_sync_directory(const char *path, posw_message *msg) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return posw_file_error(msg, errno, "open", path);
    /* Some file systems cannot sync a directory and say so; there is nothing more to do on them. */
    int errnum = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    close(fd);
    return errnum == 0 ? POSW_OK : posw_file_error(msg, errnum, "sync", path);
}

static int make_directory(const char *path, mode_t mode, posw_message *msg) {
    if (mkdir(path, mode) != 0) {
        struct stat st;
        int errnum = errno;
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return POSW_OK;
        if (errnum == EEXIST)
            return posw_message_set(
                msg, POSW_EEXIST, "%s is in the way: a directory is needed there; choose another name, or move it away",
                path);
        return posw_file_error(msg, errnum, "create the directory", path);
    }
    char parent[PATH_MAX];
    split(path, parent);
    return posw_file_sync_directory(parent, msg);
}

int posw_file_make_directories(const char *path, mode_t mode, posw_message *msg) {
    char partial[PATH_MAX];
    size_t size = strlen(path);
    if (size == 0) return posw_message_set(msg, POSW_EINVAL, "the name of the directory is empty; give one");
    if (size >= sizeof partial) return too_long(msg, path);
    memcpy(partial, path, size + 1);
    while (size > 1 && partial[size - 1] == '/')
        partial[--size] = '\0';
    for (size_t i = 1; i < size; i++) {
        if (partial[i] != '/' || partial[i - 1] == '/') continue;
        partial[i] = '\0';
        int code = make_directory(partial, mode, msg);
        partial[i] = '/';
        if (code != POSW_OK) return code;
    }
    return make_directory(partial, mode, msg);
}
