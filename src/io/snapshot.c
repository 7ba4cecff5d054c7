/* Making snapshots: the archive, and the threads that write it. */
#include "io/snapshot.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "io/file.h"
#include "io/runner.h"
#include "io/store_lmdb.h"
#include "io/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 256 << 10 };

static const char PREFIXES[POSW_STORE_LOG_COUNT][4] = {[POSW_LOG_BLOCKS] = "blk", [POSW_LOG_EXEC] = "exe"};

struct posw_snapshot {
    posw_store *store;
    posw_store_lmdb_copy copy;
    char path[PATH_MAX], partial[PATH_MAX];
    pthread_t writer, copier;
    int fd, pipe_in, pipe_out; /* the archive; what LMDB writes to, what is read */
    uint64_t time_s;
    posw_buf sums; /* of the files written so far: "<hex>  <name>\n" */
    uint8_t *chunk;
    atomic_bool cancelled;
    atomic_uint_fast64_t bytes;
    int copy_result; /* the copier's */
    posw_message copy_msg;
    pthread_mutex_t lock; /* of what follows */
    bool done;
    int result;
    posw_message msg;
};

/* ---- Writing ---- */

static int write_at_end(posw_snapshot *s, const void *data, size_t size, posw_message *msg) {
    const uint8_t *at = data;
    while (size > 0) {
        const ssize_t put = write(s->fd, at, size);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return posw_file_error(msg, errno, "write", s->partial);
        at += put;
        size -= (size_t)put;
        atomic_fetch_add(&s->bytes, (uint_fast64_t)put);
    }
    return POSW_OK;
}

static int pad(posw_snapshot *s, uint64_t size, posw_message *msg) {
    static const uint8_t zeros[POSW_TAR_BLOCK];
    return write_at_end(s, zeros, posw_tar_padding(size), msg);
}

static int write_head(posw_snapshot *s, const char *name, uint64_t size, posw_message *msg) {
    uint8_t head[POSW_TAR_BLOCK];
    posw_tar_head_encode(head, name, size, s->time_s);
    return write_at_end(s, head, sizeof head, msg);
}

static int add_sum(posw_snapshot *s, const char *name, crypto_hash_sha256_state *hash, posw_message *msg) {
    uint8_t digest[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof digest + 1];
    (void)crypto_hash_sha256_final(hash, digest);
    posw_hex_encode(hex, digest, sizeof digest);
    posw_buf_printf(&s->sums, "%s  %s\n", hex, name);
    return s->sums.failed ? posw_message_set(msg, POSW_ENOMEM, "out of memory") : POSW_OK;
}

/* `size` bytes, or all up to the end of the stream (UINT64_MAX); *got: how many. */
static int copy_stream(posw_snapshot *s, int from, const char *what, uint64_t size, uint64_t *got,
                       crypto_hash_sha256_state *hash, posw_message *msg) {
    int code = POSW_OK;
    (void)crypto_hash_sha256_init(hash);
    for (*got = 0; code == POSW_OK && *got < size;) {
        const uint64_t left = size - *got;
        const ssize_t n = read(from, s->chunk, left < CHUNK ? (size_t)left : CHUNK);
        if (n < 0 && errno == EINTR) continue;
        if (atomic_load(&s->cancelled))
            return posw_message_set(msg, POSW_ECANCELED, "the snapshot was given up: the node stops");
        if (n < 0) return posw_file_error(msg, errno, "read", what);
        if (n == 0) break;
        (void)crypto_hash_sha256_update(hash, s->chunk, (unsigned long long)n);
        code = write_at_end(s, s->chunk, (size_t)n, msg);
        *got += (uint64_t)n;
    }
    return code;
}

/* ---- The state ---- */

static void *copy_state(void *arg) {
    posw_snapshot *s = arg;
    s->copy_result = posw_store_lmdb_copy_state(&s->copy, s->pipe_in, &s->copy_msg);
    close(s->pipe_in);
    return NULL;
}

/* Its size is known at the end only, so the head is written again. */
static int write_state(posw_snapshot *s, posw_message *msg) {
    static const char name[] = "state/data.mdb";
    crypto_hash_sha256_state hash;
    uint8_t head[POSW_TAR_BLOCK];
    uint64_t size = 0;
    int code = write_head(s, name, 0, msg);
    if (code == POSW_OK && pthread_create(&s->copier, NULL, copy_state, s) != 0) {
        close(s->pipe_in);
        code = posw_message_set(msg, POSW_ENOMEM, "a thread cannot be started");
    } else if (code == POSW_OK) {
        code = copy_stream(s, s->pipe_out, s->copy.state_path, UINT64_MAX, &size, &hash, msg);
        close(s->pipe_out); /* so that a copier that still writes ends */
        s->pipe_out = -1;
        (void)pthread_join(s->copier, NULL);
        if (code == POSW_OK && s->copy_result != POSW_OK) {
            *msg = s->copy_msg;
            code = s->copy_result;
        }
    } else {
        close(s->pipe_in);
    }
    if (code != POSW_OK) return code;
    posw_tar_head_encode(head, name, size, s->time_s);
    if (pwrite(s->fd, head, sizeof head, 0) != sizeof head) return posw_file_error(msg, errno, "write", s->partial);
    code = pad(s, size, msg);
    return code == POSW_OK ? add_sum(s, name, &hash, msg) : code;
}

/* ---- The logs ---- */

static int write_log_file(posw_snapshot *s, const char *path, const char *name, uint64_t size_max, posw_message *msg) {
    crypto_hash_sha256_state hash;
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t got = 0;
    if (fd < 0 || fstat(fd, &st) != 0) {
        const int error = errno;
        if (fd >= 0) close(fd);
        return posw_file_error(msg, error, "read", path);
    }
    const uint64_t size = (uint64_t)st.st_size < size_max ? (uint64_t)st.st_size : size_max;
    int code = write_head(s, name, size, msg);
    if (code == POSW_OK) code = copy_stream(s, fd, path, size, &got, &hash, msg);
    close(fd);
    if (code == POSW_OK && got != size) code = posw_message_set(msg, POSW_EIO, "%.300s has become shorter", path);
    if (code == POSW_OK) code = pad(s, size, msg);
    return code == POSW_OK ? add_sum(s, name, &hash, msg) : code;
}

static int write_log(posw_snapshot *s, const char *prefix, uint32_t start, const posw_body_end *end,
                     posw_message *msg) {
    int code = POSW_OK;
    for (uint32_t file = start; code == POSW_OK && file <= end->file; file++) {
        char path[PATH_MAX], name[POSW_TAR_NAME_SIZE];
        const uint64_t size_max = file == end->file ? end->offset : UINT64_MAX;
        if (size_max == 0) break; /* an empty log has no file */
        snprintf(name, sizeof name, "blocks/%s%05u.dat", prefix, (unsigned)file);
        snprintf(path, sizeof path, "%.*s/%s%05u.dat", PATH_MAX - 32, s->copy.blocks_path, prefix, (unsigned)file);
        code = write_log_file(s, path, name, size_max, msg);
    }
    return code;
}

/* ---- The whole ---- */

static int write_sums(posw_snapshot *s, posw_message *msg) {
    static const uint8_t zeros[2 * POSW_TAR_BLOCK];
    int code = write_head(s, "SHA256SUMS", s->sums.size, msg);
    if (code == POSW_OK) code = write_at_end(s, s->sums.data, s->sums.size, msg);
    if (code == POSW_OK) code = pad(s, s->sums.size, msg);
    return code == POSW_OK ? write_at_end(s, zeros, sizeof zeros, msg) : code;
}

static int give_name(posw_snapshot *s, posw_message *msg) {
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%.*s", PATH_MAX - 1, s->path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL)
        strcpy(parent, ".");
    else
        slash[slash == parent] = '\0';
    if (fsync(s->fd) != 0) return posw_file_error(msg, errno, "write", s->partial);
    if (link(s->partial, s->path) != 0)
        return posw_file_error(msg, errno, "create", s->path); /* unlike rename, spares one that is there */
    return posw_file_sync_directory(parent, msg);
}

static int write_all(posw_snapshot *s, posw_message *msg) {
    posw_body_end ends[POSW_STORE_LOG_COUNT];
    uint32_t starts[POSW_STORE_LOG_COUNT];
    int code = write_state(s, msg);
    if (code == POSW_OK) code = posw_store_lmdb_copy_ends(&s->copy, ends, starts, msg);
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT && code == POSW_OK; i++)
        code = write_log(s, PREFIXES[i], starts[i], &ends[i], msg);
    if (code == POSW_OK) code = write_sums(s, msg);
    return code == POSW_OK ? give_name(s, msg) : code;
}

static void *run(void *arg) {
    posw_snapshot *s = arg;
    posw_message msg = {""};
    const int code = write_all(s, &msg);
    (void)unlink(s->partial);
    pthread_mutex_lock(&s->lock);
    s->result = code;
    s->msg = msg;
    s->done = true;
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- Life ---- */

static void snapshot_free(posw_snapshot *s) {
    if (s->fd >= 0) close(s->fd);
    if (s->pipe_out >= 0) close(s->pipe_out);
    posw_buf_clear(&s->sums);
    pthread_mutex_destroy(&s->lock);
    free(s->chunk);
    free(s);
}

static int open_files(posw_snapshot *s, const char *path, posw_message *msg) {
    int ends[2];
    const int a = snprintf(s->path, sizeof s->path, "%s", path),
              b = snprintf(s->partial, sizeof s->partial, "%s.partial", path);
    if (a < 0 || b < 0 || (size_t)b >= sizeof s->partial)
        return posw_message_set(msg, POSW_EINVAL, "%.300s... is too long a path; choose a shorter one", path);
    if (access(path, F_OK) == 0) return posw_file_error(msg, EEXIST, "create", path);
    (void)unlink(s->partial); /* of a node that was killed */
    s->fd = open(s->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (s->fd < 0) return posw_file_error(msg, errno, "create", s->partial);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        (void)unlink(s->partial);
        return posw_file_error(msg, errno, "make a pipe for", path);
    }
    s->pipe_out = ends[0];
    s->pipe_in = ends[1];
    return POSW_OK;
}

static posw_snapshot *snapshot_new(posw_store *store) {
    posw_snapshot *s = calloc(1, sizeof *s);
    if (s == NULL || (s->chunk = malloc(CHUNK)) == NULL) {
        free(s);
        return NULL;
    }
    s->store = store;
    s->fd = s->pipe_in = s->pipe_out = -1;
    s->time_s = posw_clock_now_ms() / 1000;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

int posw_snapshot_start(posw_snapshot **out, posw_store *store, const char *path, posw_message *msg) {
    posw_snapshot *s = snapshot_new(store);
    if (s == NULL) return posw_message_set(msg, POSW_ENOMEM, "out of memory");
    int code = open_files(s, path, msg);
    if (code != POSW_OK) {
        snapshot_free(s);
        return code;
    }
    code = posw_store_lmdb_copy_begin(store, &s->copy);
    if (code != POSW_OK && msg != NULL) *msg = *posw_store_lmdb_last_message(store);
    if (code == POSW_OK && pthread_create(&s->writer, NULL, run, s) != 0) {
        posw_store_lmdb_copy_end(store);
        code = posw_message_set(msg, POSW_ENOMEM, "a thread cannot be started");
    }
    if (code != POSW_OK) {
        (void)unlink(s->partial);
        close(s->pipe_in);
        snapshot_free(s);
        return code;
    }
    *out = s;
    return POSW_OK;
}

void posw_snapshot_read(posw_snapshot *s, posw_snapshot_progress *out) {
    pthread_mutex_lock(&s->lock);
    *out =
        (posw_snapshot_progress){.done = s->done, .result = s->result, .msg = s->msg, .bytes = atomic_load(&s->bytes)};
    pthread_mutex_unlock(&s->lock);
}

void posw_snapshot_finish(posw_snapshot *s, bool cancel) {
    if (cancel) atomic_store(&s->cancelled, true);
    (void)pthread_join(s->writer, NULL);
    posw_store_lmdb_copy_end(s->store);
    snapshot_free(s);
}
