/* The loop around posw_node_step: events in from sockets, threads, timers and signals; actions out to them. */
#include "io/runner.h"

#include "base/bytes.h"
#include "io/file.h"
#include "io/mine_threads.h"
#include "io/server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    FOUND_MAX = 64, /* finds wait here for the loop; a find in excess is stale anyway */
    JOURNAL_READ_MAX = 512 * 1024 * 1024,
    JOURNAL_PIECE = 16 * 1024,       /* of the journal are read between other events: about 150 transactions, 10 ms */
    JOURNAL_GROWTH = 4 * 1024 * 1024 /* beyond twice what it was, then it is written anew */
};

typedef struct {
    uint64_t work_id;
    uint8_t nonce[8];
    posw_hash mix;
} found_seal;

typedef struct {
    posw_node *node;
    const posw_runner_options *o;
    const posw_log *log;
    posw_message *msg;
    int result;
    bool stopping;
    uv_loop_t loop;
    uv_timer_t timer;
    uv_async_t found_async;
    uv_poll_t signal_poll;
    unsigned files_max;  /* open files that the system allows */
    int signal_fd;       /* SIGINT and SIGTERM, which no thread takes while the loop runs */
    sigset_t old_signals;
    posw_server *server;
    posw_mine_threads *threads;
    pthread_mutex_t found_lock;
    found_seal found[FOUND_MAX];
    size_t found_count;
    int journal_fd;
    size_t journal_start, journal_bytes; /* when it was last written whole, and appended since */
    posw_buf journal_old;                /* of the last run, */
    size_t journal_read;                 /* and how much of it the pool has */
    uv_idle_t journal_idle;              /* brings the rest, piece by piece */
    posw_actions actions;
    uint64_t last_ms;
} runner;

static void stop(runner *r);

static void fatal(runner *r, int err, const char *text, size_t size) {
    if (r->result == POSW_OK) r->result = posw_message_set(r->msg, err, "%.*s", (int)size, text);
    stop(r);
}

/* ---- The mempool journal ---- */

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

static void journal_append(runner *r, const posw_buf *data) {
    if (r->journal_fd < 0 || data->failed) return;
    if (write_all(r->journal_fd, data->data, data->size) == POSW_OK) {
        r->journal_bytes += data->size;
        return;
    }
    posw_log_write(r->log, POSW_LOG_WARN, "mempool",
                   "the journal %s cannot be written (%s); waiting transactions will not survive a restart",
                   r->o->journal_path, strerror(errno));
    close(r->journal_fd);
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

/* Writes what the pool holds now over the journal. While the old one is still being read, that would lose its rest. */
static void journal_rewrite(runner *r) {
    if (r->o->journal_path == NULL || journal_is_loading(r)) return;
    posw_buf content = {0};
    if (posw_mempool_journal_write(posw_node_mempool(r->node), &content) == POSW_OK && !content.failed) {
        if (r->journal_fd >= 0) close(r->journal_fd);
        posw_message msg = {""};
        if (posw_file_write(r->o->journal_path, content.data, content.size, 0600, &msg) != POSW_OK)
            posw_log_write(r->log, POSW_LOG_WARN, "mempool", "%s", msg.text);
        journal_open(r);
        r->journal_start = content.size;
        r->journal_bytes = 0;
    }
    posw_buf_clear(&content);
}

/* ---- Actions ---- */

static void on_timer(uv_timer_t *timer);

static void arm_timer(runner *r, uint64_t at_ms) {
    uv_update_time(&r->loop);
    (void)uv_timer_start(&r->timer, on_timer, at_ms > r->last_ms ? at_ms - r->last_ms : 0, 0);
}

static void perform(runner *r, const posw_action *a) {
    switch (a->type) {
    case POSW_ACTION_SEND:
        if (r->server != NULL) posw_server_send(r->server, a->client, posw_buf_view(&a->data));
        break;
    case POSW_ACTION_CLOSE:
        if (r->server != NULL) posw_server_close_client(r->server, a->client);
        break;
    case POSW_ACTION_MINE:
        if (r->threads != NULL) posw_mine_threads_work(r->threads, &a->work);
        break;
    case POSW_ACTION_MINE_STOP:
        if (r->threads != NULL) posw_mine_threads_work(r->threads, NULL);
        break;
    case POSW_ACTION_TIMER:
        arm_timer(r, a->at_ms);
        break;
    case POSW_ACTION_JOURNAL_APPEND:
        journal_append(r, &a->data);
        break;
    case POSW_ACTION_JOURNAL_REPLACE:
        journal_rewrite(r);
        break;
    case POSW_ACTION_PEER_CONNECT:
    case POSW_ACTION_PEER_SEND:
    case POSW_ACTION_PEER_CLOSE:
    case POSW_ACTION_JOB:
    case POSW_ACTION_RESOLVE:
    case POSW_ACTION_SAVE_PEERS:
        break;
    case POSW_ACTION_FATAL:
        fatal(r, POSW_EIO, (const char *)a->data.data, a->data.size);
        break;
    }
}

static bool is_journal(const posw_action *a) {
    return a->type == POSW_ACTION_JOURNAL_APPEND || a->type == POSW_ACTION_JOURNAL_REPLACE;
}

/* Actions may bring further events (a stream that is closed while it is sent to), so each step has its own list. */
static void step(runner *r, posw_event *e) {
    uint64_t now = posw_clock_now_ms();
    if (now > r->last_ms) r->last_ms = now;
    e->now_ms = r->last_ms;
    posw_actions actions = r->actions;
    memset(&r->actions, 0, sizeof r->actions);
    posw_node_step(r->node, e, &actions);
    /* What is kept is written before anybody is told: a kill right after the answer must not lose the transaction. */
    for (size_t i = 0; i < actions.count; i++)
        if (is_journal(&actions.items[i])) perform(r, &actions.items[i]);
    for (size_t i = 0; i < actions.count; i++)
        if (!is_journal(&actions.items[i])) perform(r, &actions.items[i]);
    posw_actions_reset(&actions);
    posw_actions_clear(&r->actions);
    r->actions = actions;
    if (r->journal_bytes > r->journal_start + JOURNAL_GROWTH) journal_rewrite(r);
}

/* ---- Events ---- */

static void on_timer(uv_timer_t *timer) {
    posw_event e = {.type = POSW_EVENT_TICK};
    step(timer->data, &e);
}

/* Also asked in the middle of a long step, so that stopping never waits for it. */
static bool signal_came(void *arg) {
    runner *r = arg;
    struct signalfd_siginfo info;
    if (r->stopping) return true;
    if (read(r->signal_fd, &info, sizeof info) != sizeof info) return false;
    posw_log_write(r->log, POSW_LOG_INFO, "node", "stopping (%s)", info.ssi_signo == SIGINT ? "interrupted" : "terminated");
    stop(r);
    return true;
}

static void on_signal(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    (void)signal_came(poll->data);
}

static void on_data(void *arg, uint64_t client, bool stream, posw_bytes body) {
    if (signal_came(arg)) return; /* the loop may have many more requests in its hands */
    posw_event e = {.type = POSW_EVENT_CLIENT_DATA, .client = client, .client_stream = stream, .data = body};
    step(arg, &e);
}

static void on_client_closed(void *arg, uint64_t client) {
    posw_event e = {.type = POSW_EVENT_CLIENT_CLOSED, .client = client};
    step(arg, &e);
}

/* On a searching thread. */
static void on_found(void *arg, uint64_t work_id, const uint8_t nonce[8], const posw_hash *mix) {
    runner *r = arg;
    pthread_mutex_lock(&r->found_lock);
    if (r->found_count < FOUND_MAX) {
        found_seal *f = &r->found[r->found_count++];
        f->work_id = work_id;
        memcpy(f->nonce, nonce, sizeof f->nonce);
        f->mix = *mix;
    }
    pthread_mutex_unlock(&r->found_lock);
    (void)uv_async_send(&r->found_async);
}

static void on_found_async(uv_async_t *async) {
    runner *r = async->data;
    found_seal found[FOUND_MAX];
    pthread_mutex_lock(&r->found_lock);
    size_t count = r->found_count;
    memcpy(found, r->found, count * sizeof *found);
    r->found_count = 0;
    pthread_mutex_unlock(&r->found_lock);
    for (size_t i = 0; i < count && !r->stopping; i++) {
        posw_event e = {.type = POSW_EVENT_SEAL_FOUND, .work_id = found[i].work_id, .mix_hash = found[i].mix};
        memcpy(e.nonce, found[i].nonce, sizeof e.nonce);
        step(r, &e);
    }
}

/* ---- Life ---- */

static void stop(runner *r) {
    if (r->stopping) return;
    r->stopping = true;
    uv_stop(&r->loop);
}

/* ---- The journal of the last run: a full pool takes seconds to verify, and nobody should wait for it ---- */

static void journal_loaded(runner *r) {
    size_t pending, queued;
    (void)uv_idle_stop(&r->journal_idle);
    posw_buf_clear(&r->journal_old);
    r->journal_read = 0;
    journal_rewrite(r);
    posw_mempool_counts(posw_node_mempool(r->node), &pending, &queued, NULL);
    if (pending + queued > 0)
        posw_log_write(r->log, POSW_LOG_INFO, "mempool", "%zu transactions are waiting, with those of the last run",
                       pending + queued);
}

static void on_journal_idle(uv_idle_t *idle) {
    runner *r = idle->data;
    const uint8_t *rest = r->journal_old.data + r->journal_read;
    size_t size = posw_mempool_journal_piece(rest, r->journal_old.size - r->journal_read, JOURNAL_PIECE);
    posw_event e = {.type = POSW_EVENT_JOURNAL, .data = posw_bytes_of(rest, size)};
    r->journal_read += size;
    step(r, &e);
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

static void journal_load(runner *r) {
    if (r->o->journal_path == NULL) return;
    posw_message msg = {""};
    int err = posw_file_read(&r->journal_old, r->o->journal_path, JOURNAL_READ_MAX, &msg);
    if (err != POSW_OK && err != POSW_ENOTFOUND) posw_log_write(r->log, POSW_LOG_WARN, "mempool", "%s", msg.text);
    journal_open(r);
    journal_cut(r);
    r->journal_start = r->journal_old.size;
    if (journal_is_loading(r)) (void)uv_idle_start(&r->journal_idle, on_journal_idle);
}

static bool is_loopback(const char *host) {
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

/* What the node needs beside its clients: data files, journal, loop, listener. The loop's library aborts when it gets none. */
enum { FILES_RESERVED = 44, FILES_MIN = 64 };

static int check_files_limit(runner *r) {
    struct rlimit limit;
    r->files_max = UINT_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= UINT_MAX) return POSW_OK;
    r->files_max = (unsigned)limit.rlim_cur;
    if (limit.rlim_cur >= FILES_MIN) return POSW_OK;
    return posw_message_set(r->msg, POSW_EINVAL, "the limit of open files is %u, the node needs %d: raise it (ulimit -n)", r->files_max, FILES_MIN);
}

/* Clients must not take the descriptors that the store needs. */
static unsigned clients_max(const runner *r) {
    unsigned left = r->files_max - FILES_RESERVED;
    return left < r->o->connections_max ? left : r->o->connections_max;
}

static int start_server(runner *r) {
    const posw_runner_options *o = r->o;
    if (o->rpc_host == NULL) return POSW_OK;
    if (!is_loopback(o->rpc_host) && !o->rpc_public)
        return posw_message_set(r->msg, POSW_EINVAL,
                                "%s is reachable by others and the RPC has no password; add --rpc-public if that is "
                                "what you want, or listen on 127.0.0.1",
                                o->rpc_host);
    posw_server_options so = {
        .host = o->rpc_host,
        .port = o->rpc_port,
        .hosts = o->rpc_hosts,
        .cors_origins = o->cors_origins,
        .body_bytes_max = o->body_bytes_max,
        .connections_max = clients_max(r),
        .requests_per_s = o->requests_per_s,
        .log = r->log,
        .data = on_data,
        .closed = on_client_closed,
        .arg = r,
    };
    return posw_server_start(&r->server, &r->loop, &so, r->msg);
}

static void close_handle(uv_handle_t *handle, void *arg) {
    (void)arg;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void take_signals(runner *r) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &wanted, &r->old_signals);
    r->signal_fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* A signal that comes again while the node stops says nothing new. */
static void give_signals_back(runner *r) {
    struct signalfd_siginfo info;
    while (r->signal_fd >= 0 && read(r->signal_fd, &info, sizeof info) == sizeof info) {
    }
    if (r->signal_fd >= 0) close(r->signal_fd);
    (void)pthread_sigmask(SIG_SETMASK, &r->old_signals, NULL);
}

static int start_loop(runner *r) {
    int err = check_files_limit(r);
    if (err != POSW_OK) return err;
    if (uv_loop_init(&r->loop) != 0) return posw_message_set(r->msg, POSW_ENOMEM, "the event loop cannot be made");
    uv_timer_init(&r->loop, &r->timer);
    uv_idle_init(&r->loop, &r->journal_idle);
    r->timer.data = r->found_async.data = r->journal_idle.data = r->signal_poll.data = r;
    take_signals(r);
    if (r->signal_fd >= 0 && uv_async_init(&r->loop, &r->found_async, on_found_async) == 0 &&
        uv_poll_init(&r->loop, &r->signal_poll, r->signal_fd) == 0 && uv_poll_start(&r->signal_poll, UV_READABLE, on_signal) == 0)
        return POSW_OK;
    uv_walk(&r->loop, close_handle, NULL);
    (void)uv_run(&r->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&r->loop);
    give_signals_back(r);
    return posw_message_set(r->msg, POSW_EIO, "the event loop cannot be made: raise the limit of open files (ulimit -n)");
}

static int start(runner *r) {
    int err = start_server(r);
    if (err != POSW_OK) return err;
    if (r->o->threads > 0) {
        err = posw_mine_threads_new(&r->threads, r->o->threads, r->o->pow, on_found, r);
        if (err != POSW_OK)
            return posw_message_set(r->msg, err, "the searching threads cannot be started: %s", posw_error_text(err));
    }
    journal_load(r);
    posw_event e = {.type = POSW_EVENT_TICK};
    step(r, &e);
    if (r->o->ready == NULL) return POSW_OK;
    err = r->o->ready(r->o->arg, r->server == NULL ? 0 : posw_server_port(r->server));
    if (err == POSW_OK) return POSW_OK;
    return posw_message_set(r->msg, err, "standard output cannot be written to: give it a file or a terminal that can");
}

static void finish(runner *r) {
    posw_mine_threads_free(r->threads);
    r->threads = NULL;
    if (r->server != NULL) posw_server_stop(r->server);
    uv_walk(&r->loop, close_handle, NULL);
    while (uv_run(&r->loop, UV_RUN_DEFAULT) !=
           0) { /* a stop that came before the loop ran ends its first run at once */
    }
    posw_server_free(r->server);
    r->server = NULL;
    if (uv_loop_close(&r->loop) != 0)
        posw_log_write(r->log, POSW_LOG_WARN, "node", "the event loop closed with open handles");
    give_signals_back(r);
    journal_rewrite(r);
    if (r->journal_fd >= 0) close(r->journal_fd);
    posw_buf_clear(&r->journal_old);
    posw_actions_clear(&r->actions);
    pthread_mutex_destroy(&r->found_lock);
}

void posw_runner_options_default(posw_runner_options *o) {
    *o = (posw_runner_options){
        .rpc_host = "127.0.0.1",
        .rpc_port = 8545,
        .body_bytes_max = 5 * 1024 * 1024,
        .connections_max = 512,
    };
}

int posw_runner_run(posw_node *node, const posw_runner_options *o, const posw_log *log, posw_message *msg) {
    runner *r = calloc(1, sizeof *r);
    if (r == NULL) return posw_message_set(msg, POSW_ENOMEM, "out of memory");
    r->node = node;
    r->o = o;
    r->log = log;
    r->msg = msg;
    r->journal_fd = r->signal_fd = -1;
    posw_node_set_interrupt(node, signal_came, r);
    pthread_mutex_init(&r->found_lock, NULL);
    int err = start_loop(r);
    if (err == POSW_OK) {
        err = start(r);
        if (err == POSW_OK && !r->stopping) uv_run(&r->loop, UV_RUN_DEFAULT);
        finish(r);
    }
    if (err == POSW_OK) err = r->result;
    posw_node_set_interrupt(node, NULL, NULL);
    free(r);
    return err;
}
