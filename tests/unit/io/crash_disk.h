/* A disk that fails for tests, made of the program's own system calls: the functions below stand before libc's (for
 * LMDB, too), count each call that changes a file or a directory, and end the process at the n-th of them.
 *
 * Three ways to die: before the call; after half of what it writes; or with a power cut, which also takes away what was
 * never synced: of each file's unsynced writes every 512-byte sector keeps a version of its own choice (a later one
 * where an O_DSYNC write or fsync says so), the file's size likewise, and of each directory's unsynced changes the last
 * ones are undone.
 *
 * Only one test program includes this file. It is for one thread. */
#ifndef POSW_TEST_IO_CRASH_DISK_H
#define POSW_TEST_IO_CRASH_DISK_H

#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum crash_mode { CRASH_NEVER, CRASH_BEFORE, CRASH_TORN, CRASH_POWER };
enum crash_kind { CRASH_WRITE, CRASH_TRUNCATE, CRASH_CREATE, CRASH_UNLINK, CRASH_RENAME, CRASH_MKDIR };
enum { CRASH_EVENTS_MAX = 20000, SECTOR = 512 };

typedef struct {
    enum crash_kind kind;
    dev_t dev; /* of the file, or of the directory */
    ino_t ino;
    bool durable, gone; /* durable: written with O_DSYNC; gone: synced, no longer in question */
    bool settled, lost; /* of names, once the power is cut */
    int fd;             /* of the file (read and write), or of the directory */
    off_t offset, size_before, size_after;
    size_t size;
    uint8_t *before, *after;
    char name[256], other[256];
} crash_event;

static struct {
    enum crash_mode mode;
    long countdown; /* dies at the call that makes it 0 */
    long calls;     /* counted so far */
    uint64_t random;
    int graveyard; /* directory for what is unlinked */
    size_t count;
    crash_event *events;
} crash;

/* --- raw calls --- */

static ssize_t raw_pwrite(int fd, const void *data, size_t size, off_t offset) {
    return syscall(SYS_pwrite64, fd, data, size, offset);
}
static int raw_ftruncate(int fd, off_t size) {
    return (int)syscall(SYS_ftruncate, fd, size);
}
static int raw_open(const char *path, int flags) {
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
}

static void crash_check(bool ok, const char *what) {
    if (ok) return;
    perror(what);
    abort();
}

/* A descriptor of our own for the same file, for reading and writing. */
static int reopen_fd(int fd, int flags) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own = raw_open(path, flags | O_CLOEXEC);
    crash_check(own >= 0, "reopen");
    return own;
}

/* --- the power cut --- */

static bool same_file(const crash_event *a, const crash_event *b) {
    return a->dev == b->dev && a->ino == b->ino;
}
static bool of_file(const crash_event *e) {
    return e->kind == CRASH_WRITE || e->kind == CRASH_TRUNCATE;
}

static void undo_file_event(const crash_event *e) {
    size_t kept = (size_t)(e->size_before > e->offset ? e->size_before - e->offset : 0);
    if (e->kind == CRASH_WRITE && kept > 0)
        crash_check(raw_pwrite(e->fd, e->before, kept < e->size ? kept : e->size, e->offset) >= 0, "undo write");
    crash_check(raw_ftruncate(e->fd, e->size_before) == 0, "undo size");
    if (e->kind == CRASH_TRUNCATE && e->size > 0)
        crash_check(raw_pwrite(e->fd, e->before, e->size, e->size_after) >= 0, "undo truncate");
}

/* Writes again what the version of each sector that survives has: event i of the file survives in sector s iff i <=
 * cutoff(s). */
static void redo_write(const crash_event *e, size_t index, uint64_t seed, size_t last) {
    for (size_t at = 0; at < e->size;) {
        off_t sector = (e->offset + (off_t)at) / SECTOR;
        size_t step = (size_t)((sector + 1) * SECTOR - (e->offset + (off_t)at));
        if (step > e->size - at) step = e->size - at;
        uint64_t mix = seed ^ (uint64_t)sector * 0x9e3779b97f4a7c15u;
        size_t cutoff = (size_t)random_below(&mix, last + 2); /* 0: none survives */
        if (e->durable || index < cutoff)
            crash_check(raw_pwrite(e->fd, e->after + at, step, e->offset + (off_t)at) >= 0, "redo write");
        at += step;
    }
}

static void cut_file(const crash_event *any) {
    size_t total = 0, index = 0;
    off_t final_size = 0;
    for (size_t i = crash.count; i-- > 0;) {
        const crash_event *e = &crash.events[i];
        if (!of_file(e) || e->gone || !same_file(e, any)) continue;
        if (total++ == 0) final_size = e->size_after;
        undo_file_event(e);
    }
    uint64_t seed = random_next(&crash.random);
    size_t size_cutoff = (size_t)random_below(&crash.random, total + 1);
    for (size_t i = 0; i < crash.count; i++) {
        crash_event *e = &crash.events[i];
        if (!of_file(e) || e->gone || !same_file(e, any)) continue;
        if (e->kind == CRASH_WRITE)
            redo_write(e, index, seed, total - 1);
        else if (index < size_cutoff)
            crash_check(raw_ftruncate(e->fd, e->size_after) == 0, "redo truncate");
        index++;
        e->gone = true;
    }
    struct stat st;
    crash_check(fstat(any->fd, &st) == 0, "stat");
    if (st.st_size < final_size && random_below(&crash.random, 2) == 0)
        crash_check(raw_ftruncate(any->fd, final_size) == 0, "final size");
}

static void undo_name_event(const crash_event *e, size_t index) {
    char grave[32];
    snprintf(grave, sizeof grave, "%zu", index);
    long result = 0;
    switch (e->kind) {
    case CRASH_CREATE:
        result = syscall(SYS_unlinkat, e->fd, e->name, 0);
        break;
    case CRASH_MKDIR:
        result = syscall(SYS_renameat, e->fd, e->name, crash.graveyard, grave);
        break;
    case CRASH_UNLINK:
        result = syscall(SYS_linkat, crash.graveyard, grave, e->fd, e->name, 0);
        break;
    case CRASH_RENAME:
        result = syscall(SYS_renameat, e->fd, e->other, e->fd, e->name);
        break;
    case CRASH_WRITE:
    case CRASH_TRUNCATE:
        break;
    }
    crash_check(result == 0, "undo name");
}

/* Each directory loses its unsynced changes from a chosen one on. */
static void cut_names(void) {
    for (size_t i = 0; i < crash.count; i++) {
        crash_event *e = &crash.events[i];
        if (of_file(e) || e->gone || e->settled) continue;
        bool lost = false;
        for (size_t j = i; j < crash.count; j++) {
            crash_event *f = &crash.events[j];
            if (of_file(f) || f->gone || !same_file(e, f)) continue;
            lost = lost || random_below(&crash.random, 3) == 0;
            f->lost = lost;
            f->settled = true;
        }
    }
    for (size_t i = crash.count; i-- > 0;)
        if (crash.events[i].lost) undo_name_event(&crash.events[i], i);
}

static void cut_power(void) {
    for (size_t i = 0; i < crash.count; i++)
        if (of_file(&crash.events[i]) && !crash.events[i].gone) cut_file(&crash.events[i]);
    cut_names();
}

static void die(void) {
    if (crash.mode == CRASH_POWER) cut_power();
    syscall(SYS_kill, getpid(), SIGKILL);
    abort();
}

/* Counts a call; true: write half of it, then die. */
static bool reached(bool can_tear) {
    if (crash.mode == CRASH_NEVER || (crash.mode == CRASH_TORN && !can_tear)) return false;
    crash.calls++;
    if (--crash.countdown != 0) return false;
    if (crash.mode == CRASH_TORN) return true;
    die();
    return false;
}

/* --- keeping what a power cut needs --- */

static crash_event *new_event(enum crash_kind kind, int fd) {
    struct stat st;
    crash_check(crash.count < CRASH_EVENTS_MAX, "too many events");
    crash_check(fstat(fd, &st) == 0, "stat");
    crash_event *e = &crash.events[crash.count++];
    *e = (crash_event){.kind = kind, .dev = st.st_dev, .ino = st.st_ino, .size_before = st.st_size};
    for (size_t i = 0; i + 1 < crash.count && e->fd == 0; i++) /* one descriptor a file is enough */
        if (same_file(&crash.events[i], e) && of_file(&crash.events[i]) == of_file(e)) e->fd = crash.events[i].fd;
    if (e->fd == 0) e->fd = reopen_fd(fd, of_file(e) ? O_RDWR : O_RDONLY | O_DIRECTORY);
    return e;
}

static uint8_t *copy_of(int fd, size_t size, off_t offset) {
    uint8_t *bytes = calloc(1, size + 1);
    crash_check(bytes != NULL, "memory");
    crash_check(pread(fd, bytes, size, offset) >= 0, "read before");
    return bytes;
}

static bool recording(int fd) {
    struct stat st;
    return crash.mode == CRASH_POWER && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static void note_write(int fd, const void *data, size_t size, off_t offset) {
    if (!recording(fd) || size == 0) return;
    crash_event *e = new_event(CRASH_WRITE, fd);
    e->durable = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
    e->offset = offset;
    e->size = size;
    e->before = copy_of(e->fd, size, offset);
    e->after = malloc(size);
    crash_check(e->after != NULL, "memory");
    memcpy(e->after, data, size);
    off_t end = offset + (off_t)size;
    e->size_after = end > e->size_before ? end : e->size_before;
}

static void note_truncate(int fd, off_t size) {
    if (!recording(fd)) return;
    crash_event *e = new_event(CRASH_TRUNCATE, fd);
    e->size_after = size;
    if (size < e->size_before) {
        e->size = (size_t)(e->size_before - size);
        e->before = copy_of(e->fd, e->size, size);
    }
}

static void note_sync(int fd) {
    struct stat st;
    if (crash.mode != CRASH_POWER || fstat(fd, &st) != 0) return;
    for (size_t i = 0; i < crash.count; i++) {
        crash_event *e = &crash.events[i];
        if (e->dev == st.st_dev && e->ino == st.st_ino) e->gone = true;
    }
}

/* An open descriptor of the directory in which `path` lies, and the name in it; -1 if there is none. */
static int parent_of(int dirfd, const char *path, char name[256]) {
    char dir[4096];
    const char *slash = strrchr(path, '/');
    snprintf(name, 256, "%s", slash == NULL ? path : slash + 1);
    snprintf(dir, sizeof dir, "%.*s", slash == NULL ? 1 : (int)(slash - path), slash == NULL ? "." : path);
    return (int)syscall(SYS_openat, dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
}

static void note_name(enum crash_kind kind, int dirfd, const char *path, const char *to) {
    char name[256], other[256];
    if (crash.mode != CRASH_POWER) return;
    int parent = parent_of(dirfd, path, name);
    if (parent < 0) return;
    crash_event *e = new_event(kind, parent);
    memcpy(e->name, name, sizeof name);
    if (to != NULL) {
        close(parent_of(dirfd, to, other));
        memcpy(e->other, other, sizeof other);
    }
    close(parent);
    if (kind == CRASH_UNLINK) {
        char grave[32];
        snprintf(grave, sizeof grave, "%zu", crash.count - 1);
        crash_check(syscall(SYS_linkat, e->fd, e->name, crash.graveyard, grave, 0) == 0, "keep unlinked");
    }
}

/* --- the calls that stand before libc's --- */

#define INSTEAD __attribute__((visibility("default")))

static ssize_t do_pwrite(int fd, const void *data, size_t size, off_t offset) {
    struct stat st;
    bool regular = crash.mode != CRASH_NEVER && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    bool torn = regular && reached(size > 1);
    if (torn) size /= 2;
    note_write(fd, data, size, offset);
    ssize_t put = raw_pwrite(fd, data, size, offset);
    if (torn) die();
    return put;
}

static ssize_t do_pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    ssize_t total = 0;
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    uint8_t *joined = malloc(size + 1);
    crash_check(joined != NULL, "memory");
    size = 0;
    for (int i = 0; i < count; i++) {
        if (parts[i].iov_len > 0) memcpy(joined + size, parts[i].iov_base, parts[i].iov_len);
        size += parts[i].iov_len;
    }
    total = do_pwrite(fd, joined, size, offset);
    int kept = errno;
    free(joined);
    errno = kept;
    return total;
}

static int do_sync(int fd, long number) {
    reached(false);
    int result = (int)syscall(number, fd);
    if (result == 0) note_sync(fd);
    return result;
}

static int do_open(int dirfd, const char *path, int flags, mode_t mode) {
    struct stat st;
    bool creates = crash.mode != CRASH_NEVER && (flags & O_CREAT) != 0 && fstatat(dirfd, path, &st, 0) != 0;
    if (creates) reached(false);
    int fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
    if (creates && fd >= 0) note_name(CRASH_CREATE, dirfd, path, NULL);
    return fd;
}

/* Prototypes come from the headers; with 64-bit offsets those name the 64 variants, and LMDB uses the plain ones. */
ssize_t plain_pwrite(int fd, const void *data, size_t size, off_t offset) __asm__("pwrite") INSTEAD;
ssize_t plain_pwrite(int fd, const void *data, size_t size, off_t offset) {
    return do_pwrite(fd, data, size, offset);
}
ssize_t large_pwrite(int fd, const void *data, size_t size, off_t offset) __asm__("pwrite64") INSTEAD;
ssize_t large_pwrite(int fd, const void *data, size_t size, off_t offset) {
    return do_pwrite(fd, data, size, offset);
}
ssize_t large_pwritev(int fd, const struct iovec *parts, int count, off_t offset) __asm__("pwritev64") INSTEAD;
ssize_t large_pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    return do_pwritev(fd, parts, count, offset);
}
ssize_t plain_writev(int fd, const struct iovec *parts, int count) __asm__("writev") INSTEAD;
ssize_t plain_writev(int fd, const struct iovec *parts, int count) {
    if (crash.mode == CRASH_NEVER) return syscall(SYS_writev, fd, parts, count);
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t put = do_pwritev(fd, parts, count, at);
    if (put > 0) lseek(fd, at + put, SEEK_SET);
    return put;
}
int plain_fdatasync(int fd) __asm__("fdatasync") INSTEAD;
int plain_fdatasync(int fd) {
    return do_sync(fd, SYS_fdatasync);
}
int plain_fsync(int fd) __asm__("fsync") INSTEAD;
int plain_fsync(int fd) {
    return do_sync(fd, SYS_fsync);
}

static int do_ftruncate(int fd, off_t size) {
    reached(false);
    note_truncate(fd, size);
    return raw_ftruncate(fd, size);
}
int plain_ftruncate(int fd, off_t size) __asm__("ftruncate") INSTEAD;
int plain_ftruncate(int fd, off_t size) {
    return do_ftruncate(fd, size);
}
int large_ftruncate(int fd, off_t size) __asm__("ftruncate64") INSTEAD;
int large_ftruncate(int fd, off_t size) {
    return do_ftruncate(fd, size);
}

static mode_t mode_of(int flags, va_list args) {
    return (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
}
int plain_open(const char *path, int flags, ...) __asm__("open") INSTEAD;
int plain_open(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return do_open(AT_FDCWD, path, flags, mode);
}
int large_open(const char *path, int flags, ...) __asm__("open64") INSTEAD;
int large_open(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return do_open(AT_FDCWD, path, flags, mode);
}
int large_openat(int dirfd, const char *path, int flags, ...) __asm__("openat64") INSTEAD;
int large_openat(int dirfd, const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return do_open(dirfd, path, flags, mode);
}

static int do_unlink(int dirfd, const char *path, int flags) {
    struct stat st;
    if (crash.mode != CRASH_NEVER && fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        reached(false);
        note_name(CRASH_UNLINK, dirfd, path, NULL);
    }
    return (int)syscall(SYS_unlinkat, dirfd, path, flags);
}
int plain_unlink(const char *path) __asm__("unlink") INSTEAD;
int plain_unlink(const char *path) {
    return do_unlink(AT_FDCWD, path, 0);
}
int plain_unlinkat(int dirfd, const char *path, int flags) __asm__("unlinkat") INSTEAD;
int plain_unlinkat(int dirfd, const char *path, int flags) {
    return do_unlink(dirfd, path, flags);
}

int plain_rename(const char *from, const char *to) __asm__("rename") INSTEAD;
int plain_rename(const char *from, const char *to) {
    reached(false);
    int result = (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    if (result == 0) note_name(CRASH_RENAME, AT_FDCWD, from, to);
    return result;
}
int plain_mkdir(const char *path, mode_t mode) __asm__("mkdir") INSTEAD;
int plain_mkdir(const char *path, mode_t mode) {
    struct stat st;
    if (crash.mode != CRASH_NEVER && stat(path, &st) != 0) reached(false);
    int result = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (result == 0) note_name(CRASH_MKDIR, AT_FDCWD, path, NULL);
    return result;
}

/* From now on the process dies at the nth call. graveyard: an empty directory on the same file system, outside of what
 * is tested. */
static void crash_arm(enum crash_mode mode, long nth, uint64_t seed, const char *graveyard) {
    crash.events = calloc(CRASH_EVENTS_MAX, sizeof *crash.events);
    crash_check(crash.events != NULL, "memory");
    crash.graveyard = raw_open(graveyard, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    crash_check(crash.graveyard >= 0, "graveyard");
    crash.countdown = nth;
    crash.random = seed;
    crash.mode = mode;
}

#endif
