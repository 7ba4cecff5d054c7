#include "io/body_files.h"

#include "base/bytes.h"
#include "io/file.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHECKSUM_SIZE = 16, READERS = 4, FILE_SIZE_LIMIT = 1 << 30, NAME_SIZE = 24, FILE_MAX = POSW_BODY_FILE_MAX };

static const uint8_t MAGIC[4] = {'p', 'o', 's', 'w'};

/* An open file, for reading; fd -1: none. */
typedef struct {
    uint32_t file;
    int fd;
} reader;

struct posw_body_files {
    posw_body_options o;
    posw_body_calls calls;
    char *directory;
    int directory_fd;
    posw_body_end end, committed;
    uint32_t first, committed_first;           /* files before these were dropped */
    uint64_t full_bytes, committed_full_bytes; /* of the files from the first to before the end's, the committed ones */
    int fd;                                    /* the file number fd_file, open for writing; -1: none */
    uint32_t fd_file;
    reader readers[READERS]; /* replaced in turn */
    unsigned next_reader;
    bool new_names; /* files were created since the directory was last synced */
};

static ssize_t system_pwritev(void *arg, int fd, const struct iovec *parts, int count, off_t offset) {
    (void)arg;
    return pwritev(fd, parts, count, offset);
}
static int system_fdatasync(void *arg, int fd) {
    (void)arg;
    return fdatasync(fd);
}
static int system_ftruncate(void *arg, int fd, off_t size) {
    (void)arg;
    return ftruncate(fd, size);
}

/* --- names, positions, checksums --- */

static void file_name(char out[NAME_SIZE], const char *prefix, uint32_t file) {
    snprintf(out, NAME_SIZE, "%.3s%05u.dat", prefix, file);
}

/* What went wrong with a file, by errno. */
static int failed(const posw_body_files *b, int errnum, const char *verb, uint32_t file, posw_message *msg) {
    char name[NAME_SIZE], path[PATH_MAX];
    file_name(name, b->o.prefix, file);
    snprintf(path, sizeof path, "%s/%s", b->directory, name);
    int code = posw_file_error(msg, errnum, verb, path);
    return code == POSW_ENOTFOUND || code == POSW_EEXIST ? POSW_EIO : code;
}

static int damaged(const posw_body_files *b, uint32_t file, uint32_t offset, const char *what, posw_message *msg) {
    char name[NAME_SIZE];
    file_name(name, b->o.prefix, file);
    return posw_message_set(msg, POSW_ECORRUPT, "%s/%s %s at byte %u: " POSW_STORE_REMEDY, b->directory, name, what,
                            offset);
}

static uint64_t position(uint32_t file, uint32_t offset) {
    return ((uint64_t)file << 32 | offset) + 1;
}

/* The 24 bytes before a record, or (no data) the seal of a full file. */
static void make_header(const posw_body_files *b, uint8_t out[POSW_BODY_HEADER_SIZE], uint64_t pos, const uint8_t *data,
                        size_t size) {
    uint8_t place[3 + 8];
    crypto_generichash_state hash;
    memcpy(place, b->o.prefix, 3);
    posw_store_be64(place + 3, pos);
    memcpy(out, MAGIC, sizeof MAGIC);
    posw_store_be32(out + 4, (uint32_t)size);
    crypto_generichash_init(&hash, b->o.genesis.b, sizeof b->o.genesis.b, CHECKSUM_SIZE);
    crypto_generichash_update(&hash, place, sizeof place);
    if (size > 0) crypto_generichash_update(&hash, data, size);
    crypto_generichash_final(&hash, out + 8, CHECKSUM_SIZE);
}

void posw_body_end_encode(uint8_t out[POSW_BODY_END_SIZE], const posw_body_end *end) {
    posw_store_be32(out, end->file);
    posw_store_be32(out + 4, end->offset);
    posw_store_be32(out + 8, end->last);
}

bool posw_body_end_decode(posw_body_end *out, const uint8_t *in, size_t size) {
    if (size != POSW_BODY_END_SIZE) return false;
    posw_body_end end = {posw_load_be32(in), posw_load_be32(in + 4), posw_load_be32(in + 8)};
    bool empty = end.file == 0 && end.offset == 0 && end.last == 0;
    bool plausible = end.file <= FILE_MAX && end.offset > POSW_BODY_HEADER_SIZE && end.offset <= INT32_MAX &&
                     end.last < end.offset - POSW_BODY_HEADER_SIZE;
    if (!empty && !plausible) return false;
    *out = end;
    return true;
}

/* --- open files --- */

static int open_file(const posw_body_files *b, uint32_t file, int flags) {
    char name[NAME_SIZE];
    file_name(name, b->o.prefix, file);
    /* O_NONBLOCK: a pipe that somebody put there must not hang the program. */
    return openat(b->directory_fd, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
}

static void drop_reader(reader *r) {
    if (r->fd >= 0) close(r->fd);
    r->fd = -1;
}

/* A descriptor from which the file can be read, borrowed until the next call; negative with errno. */
static int reading_fd(posw_body_files *b, uint32_t file) {
    if (b->fd >= 0 && b->fd_file == file) return b->fd;
    for (size_t i = 0; i < READERS; i++)
        if (b->readers[i].fd >= 0 && b->readers[i].file == file) return b->readers[i].fd;
    int fd = open_file(b, file, O_RDONLY);
    if (fd < 0) return fd;
    reader *r = &b->readers[b->next_reader++ % READERS];
    drop_reader(r);
    *r = (reader){file, fd};
    return fd;
}

static void keep_for_writing(posw_body_files *b, int fd, uint32_t file) {
    if (b->fd >= 0) close(b->fd);
    b->fd = fd;
    b->fd_file = file;
}

/* Has the end's file open for writing. */
static int open_end(posw_body_files *b, posw_message *msg) {
    if (b->fd >= 0 && b->fd_file == b->end.file) return POSW_OK;
    int fd = open_file(b, b->end.file, O_RDWR | O_CREAT);
    if (fd < 0) return failed(b, errno, "open", b->end.file, msg);
    if (b->end.offset == 0) b->new_names = true;
    keep_for_writing(b, fd, b->end.file);
    return POSW_OK;
}

/* --- reading --- */

/* Bytes read, fewer than size only at the end of the file; negative: errno. */
static ssize_t pread_all(int fd, uint8_t *out, size_t size, uint64_t offset) {
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(fd, out + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -errno;
        if (got == 0) break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static int read_exactly(const posw_body_files *b, int fd, uint8_t *out, size_t size, uint32_t file, uint32_t offset,
                        posw_message *msg) {
    ssize_t got = pread_all(fd, out, size, offset);
    if (got < 0) return failed(b, (int)-got, "read", file, msg);
    if ((size_t)got < size) return damaged(b, file, offset, "ends inside the record", msg);
    return POSW_OK;
}

/* The record at this place; *next (may be NULL) is the offset behind it. */
static int read_record(posw_body_files *b, uint32_t file, uint32_t offset, posw_buf *out, uint32_t *next,
                       posw_message *msg) {
    uint8_t stored[POSW_BODY_HEADER_SIZE], wanted[POSW_BODY_HEADER_SIZE];
    int fd = reading_fd(b, file);
    if (fd < 0 && errno == ENOENT) return damaged(b, file, offset, "is missing; a record should be in it", msg);
    if (fd < 0) return failed(b, errno, "open", file, msg);
    int code = read_exactly(b, fd, stored, sizeof stored, file, offset, msg);
    if (code != POSW_OK) return code;
    uint32_t size = posw_load_be32(stored + 4);
    if (memcmp(stored, MAGIC, sizeof MAGIC) != 0 || size == 0 || size > POSW_BODY_RECORD_SIZE_MAX)
        return damaged(b, file, offset, "has no record", msg);
    size_t start = out->size;
    uint8_t *data = posw_buf_extend(out, size);
    if (data == NULL) return posw_message_set(msg, POSW_ENOMEM, "out of memory for a record of %u bytes", size);
    code = read_exactly(b, fd, data, size, file, offset + POSW_BODY_HEADER_SIZE, msg);
    if (code == POSW_OK) {
        make_header(b, wanted, position(file, offset), data, size);
        if (memcmp(stored, wanted, sizeof wanted) != 0)
            code = damaged(b, file, offset, "is damaged: wrong checksum of the record", msg);
    }
    if (code != POSW_OK) out->size = start;
    if (code == POSW_OK && next != NULL) *next = offset + POSW_BODY_HEADER_SIZE + size;
    return code;
}

int posw_body_files_read(posw_body_files *b, uint64_t pos, posw_buf *out, posw_message *msg) {
    if (pos == 0) return posw_message_set(msg, POSW_ENOTFOUND, "there is no record at position 0");
    uint32_t file = (uint32_t)((pos - 1) >> 32), offset = (uint32_t)(pos - 1);
    if (file < b->first)
        return posw_message_set(msg, POSW_EPRUNED, "the record was in %s/%.3s%05u.dat, which was pruned", b->directory,
                                b->o.prefix, file);
    if (file > b->end.file || (file == b->end.file && offset >= b->end.offset))
        return posw_message_set(msg, POSW_ECORRUPT,
                                "the state refers to a record behind the end of the log %s/%.3s*: " POSW_STORE_REMEDY,
                                b->directory, b->o.prefix);
    return read_record(b, file, offset, out, NULL, msg);
}

/* --- writing --- */

static int write_all(const posw_body_files *b, struct iovec parts[2], uint64_t offset) {
    struct iovec *part = parts;
    int left = 2;
    for (;;) {
        while (left > 0 && part->iov_len == 0) {
            part++;
            left--;
        }
        if (left == 0) return 0;
        ssize_t put = b->calls.pwritev(b->calls.arg, b->fd, part, left, (off_t)offset);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return errno;
        if (put == 0) return ENOSPC;
        offset += (uint64_t)put;
        for (size_t rest = (size_t)put; rest > 0;) {
            size_t step = rest < part->iov_len ? rest : part->iov_len;
            part->iov_base = (uint8_t *)part->iov_base + step;
            part->iov_len -= step;
            rest -= step;
            if (part->iov_len == 0 && rest > 0) {
                part++;
                left--;
            }
        }
    }
}

/* Writes header and data at the end, without moving the end. */
static int write_record(posw_body_files *b, const void *data, size_t size, posw_message *msg) {
    uint8_t header[POSW_BODY_HEADER_SIZE];
    int code = open_end(b, msg);
    if (code != POSW_OK) return code;
    make_header(b, header, position(b->end.file, b->end.offset), data, size);
    /* iovec has no const; pwritev only reads */
    struct iovec parts[2] = {{header, sizeof header}, {(void *)(uintptr_t)data, size}};
    int errnum = write_all(b, parts, b->end.offset);
    return errnum == 0 ? POSW_OK : failed(b, errnum, "write", b->end.file, msg);
}

static int retry_ftruncate(const posw_body_files *b, int fd, off_t size) {
    int result;
    do
        result = b->calls.ftruncate(b->calls.arg, fd, size);
    while (result != 0 && errno == EINTR);
    return result;
}

static int retry_fdatasync(const posw_body_files *b, int fd) {
    int result;
    do
        result = b->calls.fdatasync(b->calls.arg, fd);
    while (result != 0 && errno == EINTR);
    return result;
}

/* Seals the end's file, makes it durable, and moves the end to the next one. An aborted transaction may have left
 * bytes behind the end, which are cut here, so that a full file ends with its seal. */
static int next_file(posw_body_files *b, posw_message *msg) {
    uint32_t file = b->end.file;
    if (file >= FILE_MAX) return posw_message_set(msg, POSW_EFULL, "%s holds as many files as it can", b->directory);
    int code = write_record(b, NULL, 0, msg);
    if (code != POSW_OK) return code;
    uint32_t size = b->end.offset + POSW_BODY_HEADER_SIZE;
    if (retry_ftruncate(b, b->fd, (off_t)size) != 0) return failed(b, errno, "cut", file, msg);
    if (retry_fdatasync(b, b->fd) != 0) return failed(b, errno, "sync", file, msg);
    b->full_bytes += size;
    b->end = (posw_body_end){file + 1, 0, 0};
    return POSW_OK;
}

static uint32_t file_size_max(const posw_body_files *b) {
    return b->o.file_size_max != 0 ? b->o.file_size_max : (uint32_t)POSW_BODY_FILE_SIZE_DEFAULT;
}

int posw_body_files_append(posw_body_files *b, const void *data, size_t size, uint64_t *pos, posw_message *msg) {
    if (size == 0 || size > POSW_BODY_RECORD_SIZE_MAX)
        return posw_message_set(msg, POSW_EINVAL, "a record of %zu bytes cannot be stored", size);
    posw_body_end before = b->end;
    uint64_t full_bytes_before = b->full_bytes;
    int code = POSW_OK;
    if (b->end.offset > 0 && b->end.offset + 2 * POSW_BODY_HEADER_SIZE + size > file_size_max(b))
        code = next_file(b, msg);
    if (code == POSW_OK) code = write_record(b, data, size, msg);
    if (code != POSW_OK) {
        b->end = before;
        b->full_bytes = full_bytes_before;
        return code;
    }
    *pos = position(b->end.file, b->end.offset);
    b->end.last = b->end.offset;
    b->end.offset += (uint32_t)(POSW_BODY_HEADER_SIZE + size);
    return POSW_OK;
}

bool posw_body_files_changed(const posw_body_files *b) {
    return b->end.file != b->committed.file || b->end.offset != b->committed.offset;
}

int posw_body_files_sync(posw_body_files *b, posw_message *msg) {
    if (!posw_body_files_changed(b)) return POSW_OK;
    int code = open_end(b, msg);
    if (code != POSW_OK) return code;
    if (retry_fdatasync(b, b->fd) != 0) return failed(b, errno, "sync", b->end.file, msg);
    if (!b->new_names) return POSW_OK;
    if (fsync(b->directory_fd) != 0 && errno != EINVAL) return posw_file_error(msg, errno, "sync", b->directory);
    b->new_names = false;
    return POSW_OK;
}

posw_body_end posw_body_files_end(const posw_body_files *b) {
    return b->end;
}

static bool remove_file(const posw_body_files *b, uint32_t file) {
    char name[NAME_SIZE];
    file_name(name, b->o.prefix, file);
    return unlinkat(b->directory_fd, name, 0) == 0;
}

void posw_body_files_commit(posw_body_files *b) {
    for (size_t i = 0; i < READERS; i++)
        if (b->readers[i].file < b->first) drop_reader(&b->readers[i]);
    for (; b->committed_first < b->first; b->committed_first++)
        (void)remove_file(b, b->committed_first); /* what stays goes at the next open */
    b->committed = b->end;
    b->committed_full_bytes = b->full_bytes;
}

void posw_body_files_abort(posw_body_files *b, bool give_back) {
    uint32_t last_file = b->end.file;
    bool changed = posw_body_files_changed(b);
    b->first = b->committed_first;
    b->end = b->committed;
    b->full_bytes = b->committed_full_bytes;
    if (b->fd >= 0 && b->fd_file > b->end.file) keep_for_writing(b, -1, 0);
    for (size_t i = 0; i < READERS; i++)
        if (b->readers[i].file > b->end.file) drop_reader(&b->readers[i]);
    if (!changed || !give_back) return;
    for (uint32_t file = last_file; file > b->end.file; file--)
        remove_file(b, file);
    if (open_end(b, NULL) == POSW_OK) (void)!retry_ftruncate(b, b->fd, (off_t)b->end.offset);
}

uint64_t posw_body_files_used(const posw_body_files *b) {
    return b->full_bytes + b->end.offset;
}

/* --- giving up the oldest --- */

uint32_t posw_body_files_first(const posw_body_files *b) {
    return b->first;
}

/* The size of a full file. */
static int size_of_file(const posw_body_files *b, uint32_t file, uint32_t *size, posw_message *msg) {
    char name[NAME_SIZE];
    struct stat st;
    file_name(name, b->o.prefix, file);
    if (fstatat(b->directory_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return failed(b, errno, "look at", file, msg);
    *size = (uint32_t)st.st_size;
    return POSW_OK;
}

bool posw_body_files_oldest(posw_body_files *b, uint64_t *bytes, uint64_t *end) {
    uint32_t size;
    if (b->first >= b->committed.file || size_of_file(b, b->first, &size, NULL) != POSW_OK) return false;
    *bytes = size;
    *end = position(b->first + 1, 0);
    return true;
}

int posw_body_files_drop(posw_body_files *b, posw_message *msg) {
    uint32_t size;
    POSW_ASSERT(b->first < b->committed.file);
    int code = size_of_file(b, b->first, &size, msg);
    if (code != POSW_OK) return code;
    b->full_bytes -= size;
    if (b->fd >= 0 && b->fd_file == b->first) keep_for_writing(b, -1, 0);
    b->first++;
    return POSW_OK;
}

/* --- checking --- */

/* Walks the records of one file; `end` is where they must end. */
static int check_file(posw_body_files *b, uint32_t file, uint32_t end, posw_buf *scratch,
                      int (*progress)(void *arg, uint64_t bytes), void *arg, posw_message *msg) {
    int code = POSW_OK;
    for (uint32_t offset = 0, next; offset < end && code == POSW_OK; offset = next) {
        posw_buf_reset(scratch);
        code = read_record(b, file, offset, scratch, &next, msg);
        if (code == POSW_OK && next > end) code = damaged(b, file, offset, "has a record that passes its end", msg);
        if (code == POSW_OK && progress != NULL) code = progress(arg, next - offset);
        if (code != POSW_OK) break;
    }
    return code;
}

/* The size of a file that must be there and complete: with its seal at the end. */
static int check_full_file(posw_body_files *b, uint32_t file, uint32_t *size, posw_message *msg) {
    uint8_t stored[POSW_BODY_HEADER_SIZE], wanted[POSW_BODY_HEADER_SIZE];
    struct stat st;
    int fd = reading_fd(b, file);
    if (fd < 0 && errno == ENOENT) return damaged(b, file, 0, "is missing; it should start", msg);
    if (fd < 0) return failed(b, errno, "open", file, msg);
    if (fstat(fd, &st) != 0) return failed(b, errno, "look at", file, msg);
    if (st.st_size < 2 * POSW_BODY_HEADER_SIZE || st.st_size > INT32_MAX)
        return damaged(b, file, 0, "has an impossible size; it should start", msg);
    *size = (uint32_t)st.st_size;
    uint32_t seal = *size - POSW_BODY_HEADER_SIZE;
    int code = read_exactly(b, fd, stored, sizeof stored, file, seal, msg);
    if (code != POSW_OK) return code;
    make_header(b, wanted, position(file, seal), NULL, 0);
    if (memcmp(stored, wanted, sizeof wanted) != 0) return damaged(b, file, seal, "is cut short or damaged", msg);
    return POSW_OK;
}

int posw_body_files_check(posw_body_files *b, int (*progress)(void *arg, uint64_t bytes), void *arg,
                          posw_message *msg) {
    posw_buf scratch = {0};
    int code = POSW_OK;
    for (uint32_t file = b->committed_first; file < b->committed.file && code == POSW_OK; file++) {
        uint32_t size = 0;
        code = check_full_file(b, file, &size, msg);
        if (code == POSW_OK) code = check_file(b, file, size - POSW_BODY_HEADER_SIZE, &scratch, progress, arg, msg);
    }
    if (code == POSW_OK) code = check_file(b, b->committed.file, b->committed.offset, &scratch, progress, arg, msg);
    posw_buf_clear(&scratch);
    return code;
}

/* --- opening --- */

/* The number of a file of this log, by its name; false: it is none. */
static bool file_number(uint32_t *out, const char *name, const char *prefix) {
    char again[NAME_SIZE];
    unsigned number;
    if (strncmp(name, prefix, 3) != 0 || sscanf(name + 3, "%7u", &number) != 1) return false;
    file_name(again, prefix, number);
    *out = number;
    return strcmp(name, again) == 0;
}

bool posw_body_files_exist(const char *directory, const char prefix[4]) {
    uint32_t number;
    struct stat st;
    bool found = false;
    DIR *dir = opendir(directory);
    if (dir == NULL) return false;
    for (const struct dirent *e; !found && (e = readdir(dir)) != NULL;)
        found =
            file_number(&number, e->d_name, prefix) && fstatat(dirfd(dir), e->d_name, &st, 0) == 0 && st.st_size > 0;
    closedir(dir);
    return found;
}

/* Files that were given up and are still there: of a crash, or of a snapshot that was being made. */
static int remove_dropped(const posw_body_files *b, posw_message *msg) {
    uint32_t number;
    int code = POSW_OK;
    if (b->first == 0) return POSW_OK;
    DIR *dir = opendir(b->directory);
    if (dir == NULL) return posw_file_error(msg, errno, "open", b->directory);
    for (const struct dirent *e; code == POSW_OK && (e = readdir(dir)) != NULL;)
        if (file_number(&number, e->d_name, b->o.prefix) && number < b->first && !remove_file(b, number))
            code = failed(b, errno, "remove", number, msg);
    closedir(dir);
    return code;
}

static int check_last_record(posw_body_files *b, posw_message *msg) {
    posw_buf scratch = {0};
    uint32_t next = 0;
    int code = read_record(b, b->end.file, b->end.last, &scratch, &next, msg);
    posw_buf_clear(&scratch);
    if (code == POSW_OK && next != b->end.offset)
        code = damaged(b, b->end.file, b->end.last, "does not end with the record", msg);
    return code;
}

/* The files that the end speaks of are there and complete. */
static int check_files(posw_body_files *b, posw_message *msg) {
    for (uint32_t file = b->first; file < b->end.file; file++) {
        uint32_t size;
        int code = check_full_file(b, file, &size, msg);
        if (code != POSW_OK) return code;
        b->full_bytes += size;
    }
    return b->end.offset == 0 ? POSW_OK : check_last_record(b, msg);
}

/* Removes what a transaction left that never committed. */
static int cut_tail(posw_body_files *b, posw_message *msg) {
    struct stat st;
    uint32_t last_file = b->end.file;
    char name[NAME_SIZE];
    for (;; last_file++) {
        file_name(name, b->o.prefix, last_file + 1);
        if (fstatat(b->directory_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) break;
    }
    for (; last_file > b->end.file; last_file--)
        if (!remove_file(b, last_file)) return failed(b, errno, "remove", last_file, msg);
    file_name(name, b->o.prefix, b->end.file);
    if (fstatat(b->directory_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? POSW_OK : failed(b, errno, "look at", b->end.file, msg);
    if (st.st_size <= (off_t)b->end.offset) return POSW_OK;
    int code = open_end(b, msg);
    if (code == POSW_OK && retry_ftruncate(b, b->fd, (off_t)b->end.offset) != 0)
        code = failed(b, errno, "cut", b->end.file, msg);
    return code;
}

static int open_directory(posw_body_files *b, posw_message *msg) {
    b->directory_fd = open(b->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return b->directory_fd >= 0 ? POSW_OK : posw_file_error(msg, errno, "open", b->directory);
}

int posw_body_files_open(posw_body_files **out, const posw_body_options *o, const posw_body_end *end,
                         posw_message *msg) {
    POSW_ASSERT(o->file_size_max <= FILE_SIZE_LIMIT && o->first <= end->file);
    if (sodium_init() < 0) return posw_message_set(msg, POSW_EIO, "libsodium does not start");
    posw_body_files *b = calloc(1, sizeof *b);
    char *directory = strdup(o->directory);
    if (b == NULL || directory == NULL) {
        free(b);
        free(directory);
        return posw_message_set(msg, POSW_ENOMEM, "out of memory");
    }
    b->o = *o;
    b->o.directory = b->directory = directory;
    b->calls =
        o->calls != NULL ? *o->calls : (posw_body_calls){system_pwritev, system_fdatasync, system_ftruncate, NULL};
    b->end = *end;
    b->first = b->committed_first = o->first;
    b->fd = b->directory_fd = -1;
    for (size_t i = 0; i < READERS; i++)
        b->readers[i].fd = -1;
    int code = open_directory(b, msg);
    if (code == POSW_OK) code = check_files(b, msg);
    if (code == POSW_OK) code = cut_tail(b, msg);
    if (code == POSW_OK) code = remove_dropped(b, msg);
    if (code != POSW_OK) {
        posw_body_files_close(b);
        return code;
    }
    posw_body_files_commit(b);
    *out = b;
    return POSW_OK;
}

void posw_body_files_close(posw_body_files *b) {
    if (b == NULL) return;
    for (size_t i = 0; i < READERS; i++)
        drop_reader(&b->readers[i]);
    if (b->fd >= 0) close(b->fd);
    if (b->directory_fd >= 0) close(b->directory_fd);
    free(b->directory);
    free(b);
}
