#include "io/miners.h"

#include "base/map.h"
#include "base/siphash.h"
#include "io/runner.h"
#include "io/tcp.h"
#include "io/tls.h"

#include <stdlib.h>
#include <string.h>

enum {
    READ_SIZE = 16 * 1024,
    KEEPALIVE_S = 60,
    LINGER_MS = 1000,
    HANDSHAKES_S = 100,
    ADDRESS_PART = 10,  /* of these one address has the tenth part, */
    ADDRESS_BURST = 64, /* and so many at once after a rest */
    ADDRESSES = 4096,
    TLS_HANDSHAKE_RECORD = 22
};

typedef struct miner {
    uv_tcp_t tcp;
    uv_timer_t linger;
    posw_miners *owner;
    struct miner *next, *prev;
    uint64_t id;
    unsigned handles; /* that are still open */
    bool closing;
    bool silent;     /* its end is not told of */
    bool leaving;    /* the last word is said, or unsaid */
    bool begun;      /* something came, so that it is known whether it is TLS */
    posw_tls *tls;   /* NULL: plain */
    posw_buf unsaid; /* what is to be said then */
} miner;

struct posw_miners {
    posw_miners_options o;
    uv_tcp_t listener;
    miner *first;
    unsigned count;
    posw_map by_id;
    uint64_t next_id;
    uint16_t port;
    bool stopping;
    posw_tls_context *tls; /* NULL: none */
    uint64_t second;       /* the latest in which there were handshakes, */
    unsigned handshakes;   /* and how many */
    uint64_t key[2];
    uint64_t paid_ms[ADDRESSES]; /* by hash: up to when an address has used its part; who shares one, shares its part */
    char read_buffer[READ_SIZE];
};

static miner *find(posw_miners *m, uint64_t id) {
    miner **slot = posw_map_find(&m->by_id, &id);
    return slot == NULL ? NULL : *slot;
}

static void on_handle_closed(uv_handle_t *handle) {
    miner *c = handle->data;
    posw_miners *m = c->owner;
    if (--c->handles > 0) return;
    const uint64_t id = c->id;
    const bool tell = !c->silent && !m->stopping;
    posw_tls_free(c->tls);
    posw_buf_clear(&c->unsaid);
    free(c);
    if (!tell) return;
    posw_event e = {.type = POSW_EVENT_MINER_CLOSED, .client = id};
    m->o.event(m->o.arg, &e);
}

static void drop(miner *c) {
    posw_miners *m = c->owner;
    if (c->closing) return;
    c->closing = true;
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        m->first = c->next;
    if (c->next != NULL) c->next->prev = c->prev;
    m->count--;
    (void)posw_map_remove(&m->by_id, &c->id);
    uv_close((uv_handle_t *)&c->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&c->linger, on_handle_closed);
}

static void put(miner *c, const uint8_t *data, size_t size);
static void say_unsaid(miner *c);

/* ---- TLS ---- */

static void flush(miner *c) {
    posw_buf *out = posw_tls_output(c->tls);
    if (out->size > 0) put(c, out->data, out->size);
    posw_buf_clear(out); /* most are silent most of the time */
}

/* A bucket of tokens as one number, which is never behind by more than the rest that fills it. */
static bool address_may_shake_hands(const miner *c) {
    posw_miners *m = c->owner;
    const posw_netaddr peer = posw_tcp_peer(&c->tcp);
    uint8_t site[16];
    posw_netaddr_site(site, &peer);
    const unsigned per_s = m->o.handshakes_s < ADDRESS_PART ? 1 : m->o.handshakes_s / ADDRESS_PART;
    const uint64_t each_ms = 1000 / per_s, rest_ms = ADDRESS_BURST * each_ms;
    const uint64_t now_ms = uv_now(m->listener.loop) + rest_ms;
    uint64_t *paid_ms = &m->paid_ms[posw_siphash(m->key, site, sizeof site) % ADDRESSES];
    const uint64_t from_ms = *paid_ms + rest_ms > now_ms ? *paid_ms : now_ms - rest_ms;
    if (from_ms + each_ms > now_ms) return false;
    *paid_ms = from_ms + each_ms;
    return true;
}

static bool shake_hands(miner *c) {
    posw_miners *m = c->owner;
    const uint64_t second = uv_now(m->listener.loop) / 1000;
    if (second != m->second) m->handshakes = 0;
    m->second = second;
    return address_may_shake_hands(c) && m->handshakes++ < m->o.handshakes_s &&
           posw_tls_new(&c->tls, m->tls, true, NULL) == POSW_OK;
}

static void tell_data(const miner *c, posw_bytes data) {
    posw_event e = {.type = POSW_EVENT_MINER_DATA, .client = c->id, .data = data};
    if (!c->closing && !c->leaving) c->owner->o.event(c->owner->o.arg, &e);
}

static void hear_tls(miner *c, const uint8_t *data, size_t size) {
    posw_buf plain = {0};
    const enum posw_tls_state state = posw_tls_feed(c->tls, data, size, &plain);
    flush(c);
    if (state == POSW_TLS_OPEN) say_unsaid(c);
    if (plain.size > 0) tell_data(c, posw_buf_view(&plain));
    posw_buf_clear(&plain);
    const bool waits = c->leaving && c->unsaid.size == 0;
    if (!waits && (state == POSW_TLS_CLOSED || state == POSW_TLS_FAILED)) drop(c);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested; /* one buffer serves all: it is used up before the next read */
    miner *c = handle->data;
    *buf = uv_buf_init(c->owner->read_buffer, READ_SIZE);
}

static void hear_plain(miner *c, posw_bytes data) {
    say_unsaid(c);
    tell_data(c, data);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf) {
    miner *c = stream->data;
    if (size < 0) {
        drop(c);
        return;
    }
    if (size == 0 || c->closing || (c->leaving && c->unsaid.size == 0)) return;
    const bool is_tls = !c->begun && c->owner->tls != NULL && buf->base[0] == TLS_HANDSHAKE_RECORD;
    c->begun = true;
    if (is_tls && !shake_hands(c))
        drop(c);
    else if (c->tls != NULL)
        hear_tls(c, (const uint8_t *)buf->base, (size_t)size);
    else
        hear_plain(c, posw_bytes_of(buf->base, (size_t)size));
}

/* ---- writing ---- */

typedef struct {
    uv_write_t req;
    miner *c;
    uint8_t data[];
} pending;

static void on_written(uv_write_t *req, int status) {
    pending *w = (pending *)req;
    miner *c = w->c;
    free(w);
    if (status < 0) drop(c);
}

static bool queue(miner *c, const uint8_t *data, size_t size) {
    uv_stream_t *stream = (uv_stream_t *)&c->tcp;
    if (uv_stream_get_write_queue_size(stream) + size > POSW_MINERS_BACKLOG_MAX) return false;
    pending *w = malloc(sizeof *w + size);
    if (w == NULL) return false;
    w->c = c;
    memcpy(w->data, data, size);
    const uv_buf_t b = uv_buf_init((char *)w->data, (unsigned)size);
    if (uv_write(&w->req, stream, &b, 1, on_written) == 0) return true;
    free(w);
    return false;
}

static void put(miner *c, const uint8_t *data, size_t size) {
    uv_stream_t *stream = (uv_stream_t *)&c->tcp;
    if (c->closing) return;
    const uv_buf_t b = uv_buf_init((char *)(uintptr_t)data, (unsigned)size);
    int done = uv_stream_get_write_queue_size(stream) == 0 ? uv_try_write(stream, &b, 1) : 0;
    if (done < 0) done = 0; /* it would block, or the end comes with the next read */
    if ((size_t)done < size && !queue(c, data + done, size - (size_t)done)) drop(c);
}

static void say(miner *c, posw_bytes data) {
    if (c->tls == NULL) {
        put(c, data.data, data.size);
    } else if (posw_tls_state_now(c->tls) == POSW_TLS_OPEN) {
        const bool is_written = posw_tls_write(c->tls, data.data, data.size);
        flush(c);
        if (!is_written) drop(c);
    }
}

void posw_miners_send(posw_miners *m, uint64_t client, posw_bytes data) {
    miner *c = find(m, client);
    if (c == NULL || c->leaving || data.size == 0) return;
    if (m->tls == NULL || c->begun)
        say(c, data);
    else if (c->unsaid.size + data.size > POSW_MINERS_BACKLOG_MAX)
        drop(c);
    else
        posw_buf_append(&c->unsaid, data.data, data.size);
}

static void on_linger(uv_timer_t *timer) {
    miner *c = timer->data;
    if (!c->begun) put(c, c->unsaid.data, c->unsaid.size); /* whoever comes with TLS speaks first */
    drop(c);
}

static void on_shut(uv_shutdown_t *req, int status) {
    miner *c = req->data;
    free(req);
    if (status < 0) drop(c); /* else the other side closes, or the timer does */
}

/* The last word may still be on its way, and a close with unread bytes would be a reset that destroys it: what comes is
 * read on, and not looked at. */
static void leave(miner *c) {
    if (c->closing) return;
    if (c->tls != NULL) {
        posw_tls_close(c->tls);
        flush(c);
        if (c->closing) return;
    }
    uv_shutdown_t *req = malloc(sizeof *req);
    if (req != NULL) req->data = c;
    if (req != NULL && uv_shutdown(req, (uv_stream_t *)&c->tcp, on_shut) == 0) return;
    free(req);
    drop(c);
}

void posw_miners_close(posw_miners *m, uint64_t client) {
    miner *c = find(m, client);
    if (c == NULL || c->leaving) return;
    c->leaving = c->silent = true;
    (void)uv_timer_start(&c->linger, on_linger, LINGER_MS, 0); /* cannot fail: it has a function and is open */
    if (c->unsaid.size == 0) leave(c);
}

static void say_unsaid(miner *c) {
    posw_buf words = c->unsaid;
    c->unsaid = (posw_buf){0};
    if (words.size == 0) return;
    say(c, posw_buf_view(&words));
    posw_buf_clear(&words);
    if (c->leaving) leave(c);
}

/* ---- new connections ---- */

static void on_refused_closed(uv_handle_t *handle) {
    free(handle);
}

/* Without it the connection would wait in the queue for ever. */
static void refuse(posw_miners *m) {
    uv_tcp_t *tcp = malloc(sizeof *tcp);
    if (tcp == NULL) return;
    (void)uv_tcp_init(m->listener.loop, tcp);
    (void)uv_accept((uv_stream_t *)&m->listener, (uv_stream_t *)tcp);
    uv_close((uv_handle_t *)tcp, on_refused_closed);
}

static miner *miner_new(posw_miners *m) {
    miner *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    c->id = m->next_id;
    miner **slot = posw_map_put(&m->by_id, &c->id, NULL);
    if (slot == NULL) {
        free(c);
        return NULL;
    }
    *slot = c;
    m->next_id++;
    m->count++;
    c->owner = m;
    c->handles = 2;
    c->silent = true;                             /* until it has been told of */
    (void)uv_tcp_init(m->listener.loop, &c->tcp); /* neither opens anything: they cannot fail */
    (void)uv_timer_init(m->listener.loop, &c->linger);
    c->tcp.data = c->linger.data = c;
    c->next = m->first;
    if (m->first != NULL) m->first->prev = c;
    m->first = c;
    return c;
}

/* Whoever is leaving stays to hear why, and not at the cost of others: the oldest of them goes. */
static void make_room(posw_miners *m) {
    miner *oldest = NULL;
    for (miner *c = m->first; c != NULL; c = c->next)
        if (c->leaving) oldest = c; /* the list has the newest first */
    if (oldest != NULL) drop(oldest);
}

/* So many places are left to those that are told why they have none. */
static unsigned turned_away_max(const posw_miners *m) {
    const unsigned quarter = m->o.connections_max / 4;
    return quarter < POSW_MINERS_TURNED_AWAY_MAX ? quarter : POSW_MINERS_TURNED_AWAY_MAX;
}

static void on_connection(uv_stream_t *listener, int status) {
    posw_miners *m = listener->data;
    if (status < 0) return;
    if (m->count >= m->o.connections_max) make_room(m);
    miner *c = m->count < m->o.connections_max ? miner_new(m) : NULL;
    if (c == NULL) {
        refuse(m);
        return;
    }
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0 ||
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0) {
        drop(c);
        return;
    }
    (void)uv_tcp_nodelay(&c->tcp, 1);
    (void)uv_tcp_keepalive(&c->tcp, 1, KEEPALIVE_S);
    c->silent = false;
    posw_event e = {.type = POSW_EVENT_MINER_OPEN,
                    .client = c->id,
                    .address = posw_tcp_peer(&c->tcp),
                    .places = m->o.connections_max - turned_away_max(m)};
    m->o.event(m->o.arg, &e);
}

/* ---- life ---- */

static void on_abandoned_closed(uv_handle_t *handle) {
    posw_miners_free(handle->data);
}

int posw_miners_start(posw_miners **out, uv_loop_t *loop, const posw_miners_options *o, posw_message *msg) {
    posw_miners *m = calloc(1, sizeof *m);
    uint8_t seed[16];
    if (m == NULL) return posw_message_set(msg, POSW_ENOMEM, "out of memory");
    posw_random_bytes(seed, sizeof seed);
    posw_random_bytes(m->key, sizeof m->key);
    m->o = *o;
    if (m->o.handshakes_s == 0) m->o.handshakes_s = HANDSHAKES_S;
    m->next_id = 1;
    posw_map_init(&m->by_id, sizeof(uint64_t), sizeof(miner *), seed);
    (void)uv_tcp_init(loop, &m->listener);
    m->listener.data = m;
    int err = posw_tcp_listen(&m->listener, o->host, o->port, "--stratum", on_connection, &m->port, msg);
    if (err == POSW_OK && o->identity != NULL && posw_tls_door_context_new(&m->tls, o->identity) != POSW_OK)
        err = posw_message_set(msg, POSW_ENOMEM, "out of memory");
    if (err == POSW_OK)
        *out = m;
    else
        uv_close((uv_handle_t *)&m->listener, on_abandoned_closed);
    return err;
}

uint16_t posw_miners_port(const posw_miners *m) {
    return m->port;
}

void posw_miners_stop(posw_miners *m) {
    m->stopping = true;
    if (!uv_is_closing((uv_handle_t *)&m->listener)) uv_close((uv_handle_t *)&m->listener, NULL);
    while (m->first != NULL)
        drop(m->first);
}

void posw_miners_free(posw_miners *m) {
    if (m == NULL) return;
    posw_map_clear(&m->by_id);
    posw_tls_context_free(m->tls);
    free(m);
}
