#include "io/rig.h"

#include "base/bytes.h"
#include "io/mine_threads.h"
#include "io/runner.h"
#include "io/tls.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
    READ_SIZE = 16 * 1024,
    RETRY_FIRST_MS = 1000,
    RETRY_MAX_MS = 60000,
    CONNECT_MS = 15000,
    SILENCE_MS = 60000, /* until it asks whether the other side is still there, */
    DEAD_MS = 150000,   /* and until it believes that it is not */
    WATCH_MS = 5000,
    FOUND_MAX = 64
};

typedef struct {
    uint64_t work;
    uint8_t nonce[8];
    posw_hash mix;
} find;

/* One connection. It may outlive its place in the rig, until its handle is closed. */
typedef struct {
    uv_tcp_t tcp;
    uv_connect_t connecting;
    struct rig *rig;
    posw_tls *tls;   /* NULL: plain */
    bool said_hello; /* the login is sent */
    char buffer[READ_SIZE];
} rig_conn;

typedef struct rig {
    const posw_rig_options *o;
    posw_message *msg;
    int result;
    uv_loop_t loop;
    uv_timer_t retry, watch, report;
    uv_async_t found_async;
    uv_signal_t signals[2];
    uv_getaddrinfo_t resolving;
    bool is_resolving, stopping;
    unsigned address;      /* of the node's name that is dialled, counted on with each that cannot be reached */
    bool was_welcome;      /* by this node, in an earlier connection at least */
    rig_conn *link;        /* NULL: none */
    posw_tls_context *tls; /* NULL: plain */
    posw_stratum_client client;
    uint64_t retry_ms, heard_ms, asked_ms, opened_ms, started_ms;
    posw_stratum_job job;
    bool has_job;
    posw_mine_threads *threads; /* for `algorithm` */
    enum posw_pow_algorithm algorithm;
    uint64_t hashes_before; /* of threads that have ended */
    uint64_t accepted, rejected, report_hashes, reported_ms;
    pthread_mutex_t lock;
    find found[FOUND_MAX]; /* under lock */
    size_t found_count;    /* under lock */
} rig;

/* ---- telling ---- */

static uint64_t hashes(const rig *r) {
    return r->hashes_before + (r->threads == NULL ? 0 : posw_mine_threads_hashes(r->threads));
}

static posw_rig_event news(const rig *r, enum posw_rig_news what, const char *text) {
    return (posw_rig_event){.news = what,
                            .text = text,
                            .job = r->has_job ? &r->job : NULL,
                            .hashes = hashes(r),
                            .accepted = r->accepted,
                            .rejected = r->rejected,
                            .ms = uv_now(&r->loop) - r->started_ms};
}

static void tell(const rig *r, enum posw_rig_news what, const char *text) {
    const posw_rig_event e = news(r, what, text);
    r->o->said(r->o->arg, &e);
}

static void report(rig *r) {
    posw_rig_event e = news(r, POSW_RIG_REPORT, "");
    e.report_hashes = e.hashes - r->report_hashes;
    e.report_ms = uv_now(&r->loop) - r->reported_ms;
    r->report_hashes = e.hashes;
    r->reported_ms = uv_now(&r->loop);
    r->o->said(r->o->arg, &e);
}

static void on_report(uv_timer_t *timer) {
    report(timer->data);
}

/* ---- ending ---- */

static void close_handle(uv_handle_t *handle) {
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void on_link_closed(uv_handle_t *handle) {
    rig_conn *l = handle->data;
    posw_tls_free(l->tls);
    free(l);
}

static void unlink_now(rig *r) {
    if (r->link == NULL) return;
    uv_close((uv_handle_t *)&r->link->tcp, on_link_closed);
    r->link = NULL;
    posw_stratum_client_clear(&r->client);
}

static void threads_free(rig *r) {
    if (r->threads == NULL) return;
    posw_mine_threads_free(r->threads);
    r->threads = NULL;
}

static void stop(rig *r) {
    if (r->stopping) return;
    r->stopping = true;
    unlink_now(r);
    r->hashes_before = hashes(r);
    threads_free(r); /* before the handle that they wake is closed */
    if (r->is_resolving) (void)uv_cancel((uv_req_t *)&r->resolving);
    close_handle((uv_handle_t *)&r->retry);
    close_handle((uv_handle_t *)&r->watch);
    close_handle((uv_handle_t *)&r->report);
    close_handle((uv_handle_t *)&r->found_async);
    close_handle((uv_handle_t *)&r->signals[0]);
    close_handle((uv_handle_t *)&r->signals[1]);
}

static void fail(rig *r, int err, const char *text) {
    if (r->result == POSW_OK) r->result = posw_message_set(r->msg, err, "%s", text);
    stop(r);
}

static void on_signal(uv_signal_t *handle, int number) {
    (void)number;
    stop(handle->data);
}

/* ---- connecting ---- */

static void on_retry(uv_timer_t *timer);

/* Somewhat apart from others that lost the same node in the same moment. */
static void lose(rig *r, const char *why) {
    if (r->stopping) return;
    uint8_t random;
    posw_random_bytes(&random, sizeof random);
    const uint64_t wait = r->retry_ms + r->retry_ms * random / 1024;
    unlink_now(r);
    if (r->threads != NULL) posw_mine_threads_work(r->threads, NULL);
    posw_rig_event e = news(r, POSW_RIG_LOST, why);
    e.retry_ms = wait;
    r->o->said(r->o->arg, &e);
    r->retry_ms = 2 * r->retry_ms < RETRY_MAX_MS ? 2 * r->retry_ms : RETRY_MAX_MS;
    (void)uv_timer_start(&r->retry, on_retry, wait, 0);
}

typedef struct {
    uv_write_t req;
    uint8_t data[];
} pending;

static void on_written(uv_write_t *req, int status) {
    (void)status; /* reading notices */
    free(req);
}

static void send_raw(rig *r, posw_buf *out) {
    pending *w = out->failed || out->size == 0 || r->link == NULL ? NULL : malloc(sizeof *w + out->size);
    if (w != NULL) {
        memcpy(w->data, out->data, out->size);
        const uv_buf_t b = uv_buf_init((char *)w->data, (unsigned)out->size);
        if (uv_write(&w->req, (uv_stream_t *)&r->link->tcp, &b, 1, on_written) != 0) free(w);
    }
    posw_buf_clear(out);
}

static void send_out(rig *r, posw_buf *out) {
    posw_tls *tls = r->link == NULL ? NULL : r->link->tls;
    if (tls == NULL) {
        send_raw(r, out);
        return;
    }
    if (posw_tls_state_now(tls) == POSW_TLS_OPEN) (void)!posw_tls_write(tls, out->data, out->size);
    posw_buf_clear(out);
    send_raw(r, posw_tls_output(tls)); /* if it has failed, reading notices */
}

/* ---- jobs ---- */

/* On a searching thread. */
static void on_found(void *arg, uint64_t work, const uint8_t nonce[8], const posw_hash *mix) {
    rig *r = arg;
    pthread_mutex_lock(&r->lock);
    if (r->found_count < FOUND_MAX) {
        find *f = &r->found[r->found_count++];
        f->work = work;
        memcpy(f->nonce, nonce, sizeof f->nonce);
        f->mix = *mix;
    }
    pthread_mutex_unlock(&r->lock);
    (void)uv_async_send(&r->found_async);
}

static void on_found_async(uv_async_t *async) {
    rig *r = async->data;
    find found[FOUND_MAX];
    posw_buf out = {0};
    pthread_mutex_lock(&r->lock);
    const size_t count = r->found_count;
    memcpy(found, r->found, count * sizeof *found);
    r->found_count = 0;
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < count; i++) {
        if (r->link == NULL || found[i].work != r->job.id) continue; /* of a job before */
        posw_stratum_client_submit(&r->client, &out, found[i].work, found[i].nonce, &found[i].mix);
        tell(r, POSW_RIG_FOUND, "");
    }
    send_out(r, &out);
}

static bool have_threads(rig *r, enum posw_pow_algorithm algorithm) {
    posw_message why = {""};
    if (r->threads != NULL && r->algorithm == algorithm) return true;
    r->hashes_before = hashes(r);
    threads_free(r);
    const posw_pow *pow = posw_pow_engine(algorithm, &why);
    if (pow == NULL) {
        fail(r, POSW_EUNSUPPORTED, why.text);
        return false;
    }
    r->algorithm = algorithm;
    if (posw_mine_threads_new(&r->threads, r->o->threads, pow, on_found, r) != POSW_OK) {
        fail(r, POSW_ENOMEM, "the searching threads cannot be started");
        return false;
    }
    posw_mine_threads_throttle(r->threads, r->o->throttle);
    return true;
}

/* Also again, after a share that was not accepted: the threads have stopped at their find. */
static void search(rig *r) {
    const posw_stratum_job *j = &r->job;
    posw_work w = {.id = j->id, .number = j->height, .key = j->key, .half_nonce = true};
    w.target.w[3] = j->target;
    memcpy(w.input, j->input, sizeof w.input);
    posw_mine_threads_work(r->threads, &w);
}

static void take_job(rig *r, const posw_stratum_job *job) {
    enum posw_pow_algorithm algorithm;
    if (!posw_stratum_algorithm_parse(&algorithm, job->algorithm) || !have_threads(r, algorithm)) return;
    r->job = *job;
    r->has_job = true;
    search(r);
    tell(r, POSW_RIG_JOB, "");
}

/* ---- hearing ---- */

static void on_share_done(rig *r, const posw_stratum_said *said) {
    if (said->type == POSW_STRATUM_SAID_ACCEPTED) {
        r->accepted++;
        tell(r, POSW_RIG_ACCEPTED, "");
        if (r->o->shares != 0 && r->accepted >= r->o->shares) stop(r);
        return;
    }
    r->rejected++;
    tell(r, POSW_RIG_REJECTED, said->error);
    search(r);
}

static void refused(rig *r, const posw_stratum_said *said) {
    posw_message why;
    const char *what = said->for_good ? "the node refuses the login" : "the node takes no login now";
    const int err = posw_message_set(&why, POSW_EAUTH, "%s: %s", what, said->error);
    if (said->for_good)
        fail(r, err, why.text);
    else
        lose(r, why.text);
}

/* A wrong address, unless a node of ours was there before. */
static void not_ours(rig *r) {
    posw_message why;
    const int err = posw_message_set(&why, POSW_EPARSE,
                                     "what answers at %s, port %u, does not speak the miners' protocol of a posw node; "
                                     "it is the port of the node's --stratum that is needed",
                                     r->o->host, r->o->port);
    if (r->was_welcome)
        lose(r, why.text);
    else
        fail(r, err, why.text);
}

static void on_said(rig *r, const posw_stratum_said *said) {
    switch (said->type) {
    case POSW_STRATUM_SAID_NOTHING:
        break;
    case POSW_STRATUM_SAID_WELCOME:
        r->retry_ms = r->o->retry_first_ms;
        r->was_welcome = true;
        tell(r, POSW_RIG_WELCOME, "");
        take_job(r, &said->job);
        break;
    case POSW_STRATUM_SAID_JOB:
        take_job(r, &said->job);
        break;
    case POSW_STRATUM_SAID_ACCEPTED:
    case POSW_STRATUM_SAID_REJECTED:
        on_share_done(r, said);
        break;
    case POSW_STRATUM_SAID_REFUSED:
        refused(r, said);
        break;
    case POSW_STRATUM_SAID_ERROR:
        tell(r, POSW_RIG_NOTICE, said->error);
        break;
    case POSW_STRATUM_SAID_GARBAGE:
        not_ours(r);
        break;
    }
}

static void hear(rig *r, posw_bytes data) {
    const rig_conn *l = r->link;
    posw_stratum_said said;
    if (!posw_stratum_client_add(&r->client, data)) {
        lose(r, "out of memory");
        return;
    }
    do {
        posw_stratum_client_next(&r->client, &said);
        on_said(r, &said);
    } while (r->link == l && said.type != POSW_STRATUM_SAID_NOTHING);
}

static void say_hello(rig *r) {
    posw_buf out = {0};
    r->link->said_hello = true;
    tell(r, POSW_RIG_CONNECTED, r->o->host);
    posw_stratum_client_login(&r->client, &out, r->o->login, r->o->agent, NULL);
    send_out(r, &out);
}

/* A certificate that is not the expected one will not be another time. */
static void tls_failed(rig *r, const char *reason) {
    posw_message why;
    const int err = posw_message_set(&why, POSW_EAUTH,
                                     "no TLS with %s, port %u (%s): it wants a node with --stratum-tls, and the "
                                     "fingerprint that this prints",
                                     r->o->host, r->o->port, reason);
    if (strstr(reason, "fingerprint") != NULL)
        fail(r, err, why.text);
    else
        lose(r, why.text);
}

static void hear_tls(rig *r, posw_bytes data) {
    rig_conn *l = r->link;
    posw_buf plain = {0};
    const enum posw_tls_state state = posw_tls_feed(l->tls, data.data, data.size, &plain);
    send_raw(r, posw_tls_output(l->tls));
    if (state == POSW_TLS_OPEN && !l->said_hello) say_hello(r);
    if (r->link == l && plain.size > 0) hear(r, posw_buf_view(&plain));
    posw_buf_clear(&plain);
    if (r->link != l) return;
    if (state == POSW_TLS_FAILED)
        tls_failed(r, posw_tls_reason(l->tls));
    else if (state == POSW_TLS_CLOSED)
        lose(r, "the connection was closed");
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf) {
    const rig_conn *l = stream->data;
    rig *r = l->rig;
    if (r->link != l) return;
    if (size < 0) {
        lose(r, size == UV_EOF ? "the connection was closed" : uv_strerror((int)size));
        return;
    }
    r->heard_ms = uv_now(&r->loop);
    (l->tls == NULL ? hear : hear_tls)(r, posw_bytes_of(buf->base, (size_t)size));
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    rig_conn *l = handle->data;
    (void)suggested;
    *buf = uv_buf_init(l->buffer, READ_SIZE);
}

/* A name may have an address of IPv6 first, and the node only that of IPv4. */
static const struct sockaddr *one_of(const struct addrinfo *found, unsigned n) {
    unsigned count = 0;
    for (const struct addrinfo *a = found; a != NULL; a = a->ai_next)
        count++;
    for (n %= count; n > 0; n--)
        found = found->ai_next;
    return found->ai_addr;
}

static void not_reached(rig *r, const char *why) {
    r->address++;
    lose(r, why);
}

static void on_connected(uv_connect_t *req, int status) {
    rig_conn *l = req->data;
    rig *r = l->rig;
    if (r->link != l) return;
    if (status < 0) {
        not_reached(r, uv_strerror(status));
        return;
    }
    (void)uv_tcp_nodelay(&l->tcp, 1);
    r->heard_ms = r->asked_ms = uv_now(&r->loop);
    if (uv_read_start((uv_stream_t *)&l->tcp, on_alloc, on_read) != 0) {
        lose(r, "it cannot be read");
        return;
    }
    if (r->tls == NULL)
        say_hello(r);
    else if (posw_tls_new(&l->tls, r->tls, false, NULL) == POSW_OK)
        send_raw(r, posw_tls_output(l->tls));
    else
        lose(r, "out of memory");
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found) {
    rig *r = req->data;
    r->is_resolving = false;
    rig_conn *l = status < 0 || r->stopping ? NULL : calloc(1, sizeof *l);
    if (r->stopping) {
        uv_freeaddrinfo(found);
        return;
    }
    if (l == NULL) {
        lose(r, status < 0 ? uv_strerror(status) : "out of memory");
        return;
    }
    l->rig = r;
    (void)uv_tcp_init(&r->loop, &l->tcp);
    l->tcp.data = l->connecting.data = l;
    r->link = l;
    r->heard_ms = r->opened_ms = uv_now(&r->loop);
    const int err = uv_tcp_connect(&l->connecting, &l->tcp, one_of(found, r->address), on_connected);
    uv_freeaddrinfo(found);
    if (err != 0) not_reached(r, uv_strerror(err));
}

static void on_retry(uv_timer_t *timer) {
    rig *r = timer->data;
    char port[8];
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    (void)snprintf(port, sizeof port, "%u", r->o->port);
    r->resolving.data = r;
    const int err = uv_getaddrinfo(&r->loop, &r->resolving, on_resolved, r->o->host, port, &hints);
    r->is_resolving = err == 0;
    if (err != 0) lose(r, uv_strerror(err));
}

/* A job comes every half minute: who says nothing for long is not there any more. */
static void on_watch(uv_timer_t *timer) {
    rig *r = timer->data;
    const uint64_t now = uv_now(&r->loop);
    posw_buf out = {0};
    if (r->link == NULL) return;
    if (r->client.next_id == 0 && now - r->opened_ms > CONNECT_MS) {
        not_reached(r, "nobody answers");
    } else if (now - r->heard_ms > DEAD_MS) {
        lose(r, "nothing was heard for too long");
    } else if (r->client.session != 0 && now - r->heard_ms > SILENCE_MS && now - r->asked_ms > SILENCE_MS) {
        r->asked_ms = now;
        posw_stratum_client_keepalive(&r->client, &out);
        send_out(r, &out);
    }
}

/* ---- life ---- */

static int start(rig *r) {
    static const int numbers[] = {SIGINT, SIGTERM};
    if (uv_loop_init(&r->loop) != 0) return posw_message_set(r->msg, POSW_EIO, "the event loop cannot be made");
    uv_timer_init(&r->loop, &r->retry);
    uv_timer_init(&r->loop, &r->watch);
    uv_timer_init(&r->loop, &r->report);
    r->retry.data = r->watch.data = r->report.data = r->found_async.data = r;
    if (uv_async_init(&r->loop, &r->found_async, on_found_async) != 0) {
        (void)uv_loop_close(&r->loop);
        return posw_message_set(r->msg, POSW_EIO, "the event loop cannot be made");
    }
    for (size_t i = 0; i < POSW_ARRAY_SIZE(numbers); i++) {
        uv_signal_init(&r->loop, &r->signals[i]);
        r->signals[i].data = r;
        (void)uv_signal_start(&r->signals[i], on_signal, numbers[i]);
    }
    r->started_ms = r->reported_ms = uv_now(&r->loop);
    (void)uv_timer_start(&r->retry, on_retry, 0, 0);
    (void)uv_timer_start(&r->watch, on_watch, WATCH_MS, WATCH_MS);
    if (r->o->report_ms != 0) (void)uv_timer_start(&r->report, on_report, r->o->report_ms, r->o->report_ms);
    return POSW_OK;
}

int posw_rig_run(const posw_rig_options *o, posw_message *msg) {
    posw_rig_options own = *o;
    rig *r = calloc(1, sizeof *r);
    if (r == NULL) return posw_message_set(msg, POSW_ENOMEM, "out of memory");
    if (own.retry_first_ms == 0) own.retry_first_ms = RETRY_FIRST_MS;
    r->o = &own;
    r->msg = msg;
    r->retry_ms = own.retry_first_ms;
    pthread_mutex_init(&r->lock, NULL);
    int err = POSW_OK;
    if (own.fingerprint != NULL) err = posw_tls_pinned_context_new(&r->tls, own.fingerprint);
    if (err == POSW_OK) err = start(r);
    if (err == POSW_OK) {
        (void)uv_run(&r->loop, UV_RUN_DEFAULT);
        report(r);
        (void)uv_loop_close(&r->loop);
        err = r->result;
    }
    posw_stratum_client_clear(&r->client);
    posw_tls_context_free(r->tls);
    pthread_mutex_destroy(&r->lock);
    free(r);
    return err;
}
