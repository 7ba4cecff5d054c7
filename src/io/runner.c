/* The loop around posw_node_step: events in from sockets, threads, timers and signals; actions out to them. */
#include "io/runner_internal.h"

#include "base/bytes.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static void fatal(runner *r, int err, const char *text, size_t size) {
    if (r->result == POSW_OK) r->result = posw_message_set(r->msg, err, "%.*s", (int)size, text);
    runner_stop(r);
}

/* ---- Actions ---- */

static void on_timer(uv_timer_t *timer);

/* At least a millisecond ahead: the loop calls a timer that is due again and again before it looks at its sockets, and
 * a service that asks for a tick after each of its steps does so that others may have their turn. */
static void arm_timer(runner *r, uint64_t at_ms) {
    uv_update_time(&r->loop);
    (void)uv_timer_start(&r->timer, on_timer, at_ms > r->clock.now_ms ? at_ms - r->clock.now_ms : 1, 0);
}

static void notify(runner *r, const posw_action *a) {
    const size_t count = r->server == NULL ? 0 : posw_action_readers(a);
    posw_buf message = {0};
    for (size_t i = 0; i < count; i++) {
        posw_buf_reset(&message);
        const uint64_t client = posw_action_message(&message, a, i);
        if (!message.failed) posw_server_send(r->server, client, posw_buf_view(&message));
    }
    posw_buf_clear(&message);
}

static void perform(runner *r, posw_action *a) {
    switch (a->type) {
    case POSW_ACTION_SEND:
        if (r->server != NULL) posw_server_send(r->server, a->client, posw_buf_view(&a->data));
        break;
    case POSW_ACTION_NOTIFY:
        notify(r, a);
        break;
    case POSW_ACTION_LATER:
        if (r->server != NULL) posw_server_answer_later(r->server, a->client);
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
    case POSW_ACTION_RESOLVE:
    case POSW_ACTION_SAVE_PEERS:
        network_perform(r, a);
        break;
    case POSW_ACTION_JOB:
        jobs_perform(r, a);
        break;
    case POSW_ACTION_MINER_SEND:
    case POSW_ACTION_MINER_CLOSE:
        miners_perform(r, a);
        break;
    case POSW_ACTION_FATAL:
        fatal(r, POSW_EIO, (const char *)a->data.data, a->data.size);
        break;
    }
}

static bool is_journal(const posw_action *a) {
    return a->type == POSW_ACTION_JOURNAL_APPEND || a->type == POSW_ACTION_JOURNAL_REPLACE;
}

/* What is kept is written before anybody is told: a kill right after the answer must not lose the transaction. */
static void perform_all(runner *r, posw_actions *actions) {
    for (size_t i = 0; i < actions->count; i++)
        if (is_journal(&actions->items[i])) perform(r, &actions->items[i]);
    for (size_t i = 0; i < actions->count; i++)
        if (!is_journal(&actions->items[i])) perform(r, &actions->items[i]);
    posw_actions_reset(actions);
    if (r->peers != NULL) posw_peers_flush(r->peers);
}

/* Actions may bring further events (a stream that is closed while it is sent to), so each step has its own list. */
void runner_step(runner *r, posw_event *e) {
    e->behind_ms = posw_clock_advance(&r->clock, posw_clock_now_ms(), posw_clock_stopwatch_us() / 1000);
    e->now_ms = r->clock.now_ms;
    posw_actions actions = r->actions;
    memset(&r->actions, 0, sizeof r->actions);
    posw_node_step(r->node, e, &actions);
    perform_all(r, &actions);
    posw_actions_clear(&r->actions);
    r->actions = actions;
    journal_rewrite_if_long(r);
}

/* ---- Events ---- */

static void on_timer(uv_timer_t *timer) {
    posw_event e = {.type = POSW_EVENT_TICK};
    runner_step(timer->data, &e);
}

static void on_rest(uv_timer_t *timer) {
    const runner *r = timer->data;
    if (!r->stopping) r->o->rest(r->o->arg);
}

static void on_data(void *arg, uint64_t client, bool stream, posw_bytes body) {
    if (runner_signal_came(arg)) return; /* the loop may have many more requests in its hands */
    posw_event e = {.type = POSW_EVENT_CLIENT_DATA, .client = client, .client_stream = stream, .data = body};
    runner_step(arg, &e);
}

static void on_client_closed(void *arg, uint64_t client) {
    const runner *r = arg;
    if (r->stopping) return;
    posw_event e = {.type = POSW_EVENT_CLIENT_CLOSED, .client = client};
    runner_step(arg, &e);
}

/* On a searching thread. */
static void on_found(void *arg, uint64_t work_id, const uint8_t nonce[8], const posw_hash *mix) {
    runner *r = arg;
    pthread_mutex_lock(&r->found_lock);
    if (r->found_count < RUNNER_FOUND_MAX) {
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
    found_seal found[RUNNER_FOUND_MAX];
    pthread_mutex_lock(&r->found_lock);
    size_t count = r->found_count;
    memcpy(found, r->found, count * sizeof *found);
    r->found_count = 0;
    pthread_mutex_unlock(&r->found_lock);
    for (size_t i = 0; i < count && !r->stopping; i++) {
        posw_event e = {.type = POSW_EVENT_SEAL_FOUND, .work_id = found[i].work_id, .mix_hash = found[i].mix};
        memcpy(e.nonce, found[i].nonce, sizeof e.nonce);
        runner_step(r, &e);
    }
}

/* ---- Life ---- */

void runner_stop(runner *r) {
    if (r->stopping) return;
    r->stopping = true;
    uv_stop(&r->loop);
}

static bool is_loopback(const char *host) {
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

/* What the node needs beside its clients: data files, journal, loop, listener. The loop's library aborts when it gets
 * none. */
enum { FILES_RESERVED = 44, FILES_MIN = 64, METRICS_CONNECTIONS = 8, METRICS_TURNED_AWAY = 2 };

static unsigned files_for_metrics(const runner *r) {
    return r->o->metrics_host == NULL ? 0 : METRICS_CONNECTIONS + METRICS_TURNED_AWAY + 1;
}

static int check_files_limit(runner *r) {
    struct rlimit limit;
    r->files_max = UINT_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= UINT_MAX) return POSW_OK;
    r->files_max = (unsigned)limit.rlim_cur;
    const unsigned files_min = FILES_MIN + files_for_metrics(r);
    if (limit.rlim_cur >= files_min) return POSW_OK;
    return posw_message_set(r->msg, POSW_EINVAL,
                            "the limit of open files is %u, the node needs %u: raise it (ulimit -n)", r->files_max,
                            files_min);
}

static bool read_door(runner *r, const char *path, bool is_metrics, posw_server_reading *out) {
    posw_runner_numbers n = {0};
    if (!r->begun || r->stopping) return false;
    if (r->server != NULL) n.rpc = posw_server_read_counters(r->server);
    n.proofs_us = *posw_workers_proof_times(r->workers);
    return r->o->get(r->o->arg, path, is_metrics, &n, out);
}

static bool on_get_rpc(void *arg, const char *path, posw_server_reading *out) {
    return read_door(arg, path, false, out);
}

static bool on_get_metrics(void *arg, const char *path, posw_server_reading *out) {
    return read_door(arg, path, true, out);
}

/* files: that its clients may have. */
static int start_server(runner *r, unsigned files) {
    const posw_runner_options *o = r->o;
    if (o->rpc_host == NULL) return POSW_OK;
    if (!is_loopback(o->rpc_host) && !o->rpc_public)
        return posw_message_set(r->msg, POSW_EINVAL,
                                "%s is reachable by others and the RPC has no password; add --rpc-public if that is "
                                "what you want, or listen on 127.0.0.1",
                                o->rpc_host);
    const unsigned away = files / 5 < POSW_SERVER_TURNED_AWAY_MAX ? files / 5 : POSW_SERVER_TURNED_AWAY_MAX;
    const unsigned connections = files - away < o->connections_max ? files - away : o->connections_max;
    posw_server_options so = {
        .host = o->rpc_host,
        .port = o->rpc_port,
        .hosts = o->rpc_hosts,
        .cors_origins = o->cors_origins,
        .pages = o->pages,
        .body_bytes_max = o->body_bytes_max,
        .connections_max = connections,
        .address_connections = (connections + 7) / 8,
        .private_connections = (connections + 1) / 2,
        .requests_per_s = o->requests_per_s,
        .count = o->count_requests,
        .log = r->log,
        .data = on_data,
        .get = o->get != NULL ? on_get_rpc : NULL,
        .closed = on_client_closed,
        .arg = r,
    };
    return posw_server_start(&r->server, &r->loop, &so, r->msg);
}

static int start_metrics(runner *r) {
    const posw_runner_options *o = r->o;
    if (o->metrics_host == NULL) return POSW_OK;
    static const char *const all[] = {"*", NULL};
    const posw_server_options so = {
        .host = o->metrics_host,
        .port = o->metrics_port,
        .port_option = "--metrics",
        .hosts = is_loopback(o->metrics_host) ? o->rpc_hosts : all, /* an address that others reach has names */
        .body_bytes_max = 1024,
        .connections_max = METRICS_CONNECTIONS,
        .log = r->log,
        .get = on_get_metrics,
        .arg = r,
    };
    return posw_server_start(&r->metrics, &r->loop, &so, r->msg);
}

static void close_handle(uv_handle_t *handle, void *arg) {
    (void)arg;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static int start_loop(runner *r) {
    int err = check_files_limit(r);
    if (err != POSW_OK) return err;
    if (uv_loop_init(&r->loop) != 0) return posw_message_set(r->msg, POSW_ENOMEM, "the event loop cannot be made");
    uv_timer_init(&r->loop, &r->timer);
    uv_timer_init(&r->loop, &r->rest_timer);
    uv_idle_init(&r->loop, &r->journal_idle);
    notify_init(r);
    r->timer.data = r->rest_timer.data = r->found_async.data = r->journal_idle.data = r;
    if (runner_take_signals(r) && uv_async_init(&r->loop, &r->found_async, on_found_async) == 0) return POSW_OK;
    uv_walk(&r->loop, close_handle, NULL);
    (void)uv_run(&r->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&r->loop);
    runner_end_signals(r);
    posw_notify_close(&r->notify);
    return posw_message_set(r->msg, POSW_EIO,
                            "the event loop cannot be made: raise the limit of open files (ulimit -n)");
}

static int start_doors(runner *r) {
    const unsigned all = r->files_max - FILES_RESERVED - files_for_metrics(r), for_miners = miners_files(r, all);
    const unsigned files = all - for_miners, for_peers = network_files(r, files);
    int err = jobs_start(r);
    if (err == POSW_OK) err = start_server(r, files - for_peers);
    if (err == POSW_OK) err = start_metrics(r);
    if (err == POSW_OK) err = miners_start(r, for_miners);
    if (err == POSW_OK) err = network_start(r, for_peers);
    if (err != POSW_OK || r->o->threads == 0) return err;
    err = posw_mine_threads_new(&r->threads, r->o->threads, r->o->pow, on_found, r);
    if (err == POSW_OK) return POSW_OK;
    return posw_message_set(r->msg, err, "the searching threads cannot be started: %s", posw_error_text(err));
}

static void tick(runner *r) {
    posw_event e = {.type = POSW_EVENT_TICK};
    runner_step(r, &e);
}

static void begin(runner *r, const posw_runner_ports *ports) {
    tick(r);
    if (r->stopping) return;
    r->begun = true;
    if (r->o->begin == NULL) return;
    posw_actions actions = {0};
    r->o->begin(r->o->arg, ports, &actions);
    perform_all(r, &actions);
    posw_actions_clear(&actions);
    tick(r); /* which arms the timer for what it wished */
}

static int start(runner *r) {
    int err = start_doors(r);
    if (err != POSW_OK) return err;
    const posw_runner_ports ports = {.rpc = r->server == NULL ? 0 : posw_server_port(r->server),
                                     .p2p = r->peers == NULL ? 0 : posw_peers_port(r->peers),
                                     .stratum = r->miners == NULL ? 0 : posw_miners_port(r->miners),
                                     .metrics = r->metrics == NULL ? 0 : posw_server_port(r->metrics)};
    journal_load(r);
    begin(r, &ports);
    if (r->o->rest != NULL) (void)uv_timer_start(&r->rest_timer, on_rest, r->o->rest_ms, r->o->rest_ms);
    if (r->o->ready != NULL) err = r->o->ready(r->o->arg, &ports);
    if (err == POSW_OK) notify_ready(r);
    if (err == POSW_OK) return POSW_OK;
    return posw_message_set(r->msg, err, "standard output cannot be written to: give it a file or a terminal that can");
}

/* The services' last words and what they keep. After them nothing comes to the node any more. */
static void end(runner *r) {
    r->stopping = true;
    notify_stopping(r);
    (void)uv_timer_stop(&r->timer);
    (void)uv_timer_stop(&r->rest_timer);
    (void)uv_idle_stop(&r->journal_idle);
    (void)uv_poll_stop(&r->signal_poll);
    if (!r->begun || r->o->end == NULL) return;
    posw_actions actions = {0};
    r->o->end(r->o->arg, &actions);
    perform_all(r, &actions);
    posw_actions_clear(&actions);
}

static void finish(runner *r) {
    posw_mine_threads_free(r->threads);
    r->threads = NULL;
    end(r);
    if (r->server != NULL) posw_server_stop(r->server);
    if (r->metrics != NULL) posw_server_stop(r->metrics);
    if (r->miners != NULL) posw_miners_stop(r->miners);
    network_stop(r);
    uv_walk(&r->loop, close_handle, NULL);
    while (uv_run(&r->loop, UV_RUN_DEFAULT) !=
           0) { /* a stop that came before the loop ran ends its first run at once */
    }
    posw_server_free(r->server);
    posw_server_free(r->metrics);
    posw_miners_free(r->miners);
    r->server = r->metrics = NULL;
    r->miners = NULL;
    if (uv_loop_close(&r->loop) != 0)
        posw_log_write(r->log, POSW_LOG_WARN, "node", "the event loop closed with open handles");
    journal_rewrite(r);
    journal_close(r);
    runner_end_signals(r);
    posw_notify_close(&r->notify);
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
        .port_mapping = true,
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
    posw_node_set_interrupt(node, runner_signal_came, r);
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
