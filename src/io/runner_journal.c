/* The mempool's journal: what is accepted is appended before anybody is told, and read again after a restart, piece by
 * piece: a full pool takes seconds to verify, and nobody should wait for it. */
#include "io/runner_internal.h"

#include "base/units.h"
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
    JOURNAL_READ_MAX = 512 * 1024 * 1024,
    JOURNAL_PIECE = 16 * 1024,       /* of the journal are read between other events: about 150 transactions, 10 ms */
    JOURNAL_GROWTH = 4 * 1024 * 1024 /* beyond twice what it was, then it is written anew */
};

static int write_all(int fd, const uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return POSW_EIO;
        data += n;
        size -= (size_t)n;
    }
    return POSW_OK;
}

void journal_append(runner *r, const posw_buf *data) {
    if (r->journal_fd < 0 || data->failed) return;
    if (write_all(r->journal_fd, data->data, data->size) == POSW_OK) {
        r->journal_bytes += data->size;
        return;
    }
    posw_log_write(r->log, POSW_LOG_WARN, "mempool",
                   "the journal %s cannot be written (%s); waiting transactions will not survive a restart",
                   r->o->journal_path, strerror(errno));
    journal_close(r);
}

void journal_close(runner *r) {
    if (r->journal_fd >= 0) close(r->journal_fd);
    r->journal_fd = -1;
}

static void journal_open(runner *r) {
    r->journal_fd = open(r->o->journal_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0600);
    if (r->journal_fd < 0)
        posw_log_write(r->log, POSW_LOG_WARN, "mempool", "the journal %s cannot be opened: %s", r->o->journal_path,
                       strerror(errno));
}

static bool journal_is_loading(const runner *r) {
    return r->journal_read < r->journal_old.size;
}

void journal_rewrite(runner *r) {
    if (r->o->journal_path == NULL || journal_is_loading(r)) return;
    posw_buf content = {0};
    if (posw_mempool_journal_write(posw_node_mempool(r->node), &content) == POSW_OK && !content.failed) {
        journal_close(r);
        posw_message msg = {""};
        if (posw_file_write(r->o->journal_path, content.data, content.size, 0600, &msg) != POSW_OK)
            posw_log_write(r->log, POSW_LOG_WARN, "mempool", "%s", msg.text);
        journal_open(r);
        r->journal_start = content.size;
        r->journal_bytes = 0;
    }
    posw_buf_clear(&content);
}

void journal_rewrite_if_long(runner *r) {
    if (r->journal_bytes > r->journal_start + JOURNAL_GROWTH) journal_rewrite(r);
}

/* ---- The journal of the last run ---- */

static void journal_loaded(runner *r) {
    size_t pending, queued;
    (void)uv_idle_stop(&r->journal_idle);
    posw_buf_clear(&r->journal_old);
    r->journal_read = 0;
    journal_rewrite(r);
    posw_mempool_counts(posw_node_mempool(r->node), &pending, &queued, NULL);
    if (pending + queued > 0)
        posw_log_write(r->log, POSW_LOG_INFO, "mempool", "%zu transaction%s in the pool, with those of the last run",
                       pending + queued, posw_plural(pending + queued));
}

static void on_journal_idle(uv_idle_t *idle) {
    runner *r = idle->data;
    const uint8_t *rest = r->journal_old.data + r->journal_read;
    size_t size = posw_mempool_journal_piece(rest, r->journal_old.size - r->journal_read, JOURNAL_PIECE);
    posw_event e = {.type = POSW_EVENT_JOURNAL, .data = posw_bytes_of(rest, size)};
    r->journal_read += size;
    runner_step(r, &e);
    if (!journal_is_loading(r)) journal_loaded(r);
}

/* Records that are accepted meanwhile are appended: right after the last whole one. */
static void journal_cut(runner *r) {
    size_t whole = posw_mempool_journal_piece(r->journal_old.data, r->journal_old.size, SIZE_MAX);
    if (whole == r->journal_old.size) return;
    posw_log_write(r->log, POSW_LOG_WARN, "mempool", "the end of the journal %s is damaged: %zu bytes are dropped",
                   r->o->journal_path, r->journal_old.size - whole);
    r->journal_old.size = whole;
    if (r->journal_fd >= 0 && ftruncate(r->journal_fd, (off_t)whole) != 0)
        posw_log_write(r->log, POSW_LOG_WARN, "mempool", "the journal %s cannot be cut: %s", r->o->journal_path,
                       strerror(errno));
}

void journal_load(runner *r) {
    if (r->o->journal_path == NULL) return;
    posw_message msg = {""};
    int err = posw_file_read(&r->journal_old, r->o->journal_path, JOURNAL_READ_MAX, &msg);
    if (err != POSW_OK && err != POSW_ENOTFOUND) posw_log_write(r->log, POSW_LOG_WARN, "mempool", "%s", msg.text);
    journal_open(r);
    journal_cut(r);
    r->journal_start = r->journal_old.size;
    if (journal_is_loading(r)) (void)uv_idle_start(&r->journal_idle, on_journal_idle);
}
