/* One connection to a peer: from the connected socket over the TLS handshake to the last word. */
#include "io/peers_internal.h"

#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf);

static uv_stream_t *stream_of(peer_conn *c) {
    return (uv_stream_t *)&c->tcp;
}

const char *conn_error_text(int err) {
    switch (err) {
    case UV_ECONNREFUSED:
        return "connection refused";
    case UV_ETIMEDOUT:
        return "timed out";
    case UV_EHOSTUNREACH:
    case UV_ENETUNREACH:
    case UV_EADDRNOTAVAIL:
    case UV_EAFNOSUPPORT:
        return "no route to that address";
    case UV_ECONNRESET:
    case UV_EPIPE:
        return "connection reset by the other side";
    case UV_EOF:
        return "closed by the other side";
    default:
        return uv_strerror(err);
    }
}

/* ---- Life ---- */

peer_conn *conn_new(posw_peers *p, bool inbound) {
    peer_conn *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    (void)uv_tcp_init(p->loop, &c->tcp); /* opens nothing: cannot fail */
    c->tcp.data = c->connect.data = c->write.data = c->shutdown.data = c;
    c->owner = p;
    c->inbound = inbound;
    c->phase = CONN_DIALLING;
    c->begun_ms = c->arrived_ms = peers_now_ms();
    c->deadline_ms = c->begun_ms + p->o.handshake_ms;
    c->next = p->conns;
    if (p->conns != NULL) p->conns->prev = c;
    p->conns = c;
    *(inbound ? &p->inbound : &p->outbound) += 1;
    return c;
}

static void drop_chunks(peer_conn *c) {
    c->owner->queued -= c->queued;
    c->queued = 0;
    while (c->first != NULL) {
        chunk *k = c->first;
        c->first = k->next;
        posw_buf_clear(&k->data);
        free(k);
    }
    c->last = NULL;
}

static void unlink_conn(peer_conn *c) {
    posw_peers *p = c->owner;
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        p->conns = c->next;
    if (c->next != NULL) c->next->prev = c->prev;
    *(c->inbound ? &p->inbound : &p->outbound) -= 1;
    if (c->number != 0) (void)posw_map_remove(&p->by_number, &c->number);
}

static void on_closed(uv_handle_t *handle) {
    peer_conn *c = handle->data;
    posw_peers *p = c->owner;
    unlink_conn(c);
    drop_chunks(c);
    p->queued -= c->wire.size;
    posw_buf_clear(&c->wire);
    posw_tls_free(c->tls);
    if (c->told) {
        posw_event e = {.type = POSW_EVENT_PEER_CLOSED,
                        .peer = c->number,
                        .inbound = c->inbound,
                        .address = c->address,
                        .data = posw_bytes_of(c->reason, strlen(c->reason))};
        peers_event(p, &e);
    }
    free(c);
}

void conn_end(peer_conn *c, const char *reason) {
    posw_peers *p = c->owner;
    if (c->phase == CONN_GONE) return;
    if (c->reason[0] == '\0') snprintf(c->reason, sizeof c->reason, "%s", reason);
    if (c->phase == CONN_SHAKING && c->inbound) p->half_open--;
    if (c->phase == CONN_SHAKING || c->phase == CONN_DIALLING) p->counters.failed++;
    c->phase = CONN_GONE;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* ---- Sending: chunks -> TLS, a little ahead of the socket -> wire -> socket ---- */

/* Encrypts what may wait in the socket's place. False: ended. */
static bool encrypt(peer_conn *c) {
    posw_buf *out = posw_tls_output(c->tls);
    while (c->first != NULL && out->size < PEERS_WIRE_SIZE && posw_tls_state_now(c->tls) == POSW_TLS_OPEN) {
        chunk *k = c->first;
        size_t size = k->data.size - k->done;
        if (size > PEERS_WIRE_SIZE - out->size) size = PEERS_WIRE_SIZE - out->size;
        if (!posw_tls_write(c->tls, k->data.data + k->done, size)) {
            conn_end(c, posw_tls_reason(c->tls));
            return false;
        }
        k->done += size;
        c->queued -= size;
        c->owner->queued -= size;
        if (k->done < k->data.size) return true;
        c->first = k->next;
        if (c->first == NULL) c->last = NULL;
        posw_buf_clear(&k->data);
        free(k);
    }
    return true;
}

static void on_written(uv_write_t *req, int status) {
    peer_conn *c = req->data;
    c->writing = false;
    c->owner->queued -= c->wire.size;
    posw_buf_clear(&c->wire);
    if (c->phase == CONN_GONE) return;
    if (status < 0)
        conn_end(c, conn_error_text(status));
    else
        conn_flush(c);
}

/* What the socket takes at once leaves at once; the rest waits in libuv. Returns what has left; SIZE_MAX: ended. */
static size_t write_out(peer_conn *c) {
    posw_buf *out = posw_tls_output(c->tls);
    uv_buf_t b = uv_buf_init((char *)out->data, (unsigned)out->size);
    int n = uv_try_write(stream_of(c), &b, 1);
    size_t done = n > 0 ? (size_t)n : 0;
    if (n < 0 && n != UV_EAGAIN) {
        conn_end(c, conn_error_text(n));
        return SIZE_MAX;
    }
    c->handed += out->size;
    if (done == out->size) {
        posw_buf_reset(out);
        return done;
    }
    c->wire = *out;
    *out = (posw_buf){0};
    c->owner->queued += c->wire.size;
    b = uv_buf_init((char *)c->wire.data + done, (unsigned)(c->wire.size - done));
    c->writing = true;
    int err = uv_write(&c->write, stream_of(c), &b, 1, on_written);
    if (err == 0) return done;
    c->writing = false;
    conn_end(c, conn_error_text(err));
    return SIZE_MAX;
}

static void on_shut(uv_shutdown_t *req, int status) {
    peer_conn *c = req->data;
    if (status < 0) conn_end(c, conn_error_text(status)); /* else the other side closes, or the deadline comes */
}

/* Everything has left. */
static void emptied(peer_conn *c) {
    posw_peers *p = c->owner;
    if (c->phase == CONN_OPEN && c->owes_drained) p->owes_drained = true;
    if (c->phase != CONN_LEAVING || c->shut) return;
    c->shut = true;
    posw_tls_close(c->tls);
    if (posw_tls_output(c->tls)->size > 0 && write_out(c) == SIZE_MAX) return;
    if (c->phase == CONN_LEAVING && uv_shutdown(&c->shutdown, stream_of(c), on_shut) != 0) conn_end(c, "");
}

void conn_flush(peer_conn *c) {
    size_t turn = 0;
    c->dirty = false;
    while (!c->writing && !c->shut && c->tls != NULL && c->phase != CONN_GONE) {
        if (turn >= PEERS_TURN_SIZE) {
            c->dirty = c->owner->dirty = true;
            return;
        }
        if (!encrypt(c)) return;
        if (posw_tls_output(c->tls)->size == 0) {
            emptied(c);
            return;
        }
        size_t left = write_out(c);
        if (left == SIZE_MAX) return;
        turn += left;
        /* a buffer for bulk is not kept for a peer that is silent most of the time */
        posw_buf *out = posw_tls_output(c->tls);
        if (c->first == NULL && out->capacity > PEERS_CHUNK_SIZE * 2) posw_buf_clear(out);
    }
}

/* The memory of all queues is worth more than the peer that uses most of it. */
static void end_slowest(posw_peers *p) {
    peer_conn *worst = NULL;
    for (peer_conn *c = p->conns; c != NULL; c = c->next)
        if (c->phase != CONN_GONE && (worst == NULL || c->queued + c->wire.size > worst->queued + worst->wire.size))
            worst = c;
    if (worst == NULL) return;
    p->counters.slow++;
    conn_end(worst, "too slow a reader: too much waits for all");
}

static bool append(peer_conn *c, posw_buf *data) {
    if (c->last != NULL && c->last->data.size + data->size <= PEERS_CHUNK_SIZE) {
        posw_buf_append(&c->last->data, data->data, data->size);
        return !c->last->data.failed;
    }
    chunk *k = calloc(1, sizeof *k);
    if (k == NULL) return false;
    k->data = *data;
    *data = (posw_buf){0};
    if (c->last != NULL)
        c->last->next = k;
    else
        c->first = k;
    c->last = k;
    return true;
}

void conn_send(peer_conn *c, posw_buf *data) {
    posw_peers *p = c->owner;
    const size_t size = data->size;
    if (c->phase != CONN_OPEN || size == 0) return;
    if (data->failed || !append(c, data)) {
        conn_end(c, "out of memory");
        return;
    }
    c->queued += size;
    p->queued += size;
    c->dirty = p->dirty = true;
    c->owes_drained = true;
    if (c->queued + c->wire.size > p->o.queue_max) {
        p->counters.slow++;
        conn_end(c, "too slow a reader: too much waits for it");
    }
    if (p->queued > p->o.queues_max) end_slowest(p);
}

void conn_leave(peer_conn *c, unsigned ms) {
    if (c->phase == CONN_GONE) return;
    if (c->reason[0] == '\0') snprintf(c->reason, sizeof c->reason, "closed by this node");
    if (c->phase != CONN_OPEN && c->phase != CONN_LEAVING) {
        conn_end(c, "");
        return;
    }
    const uint64_t end_ms = peers_now_ms() + ms;
    if (c->phase == CONN_OPEN || end_ms < c->deadline_ms) c->deadline_ms = end_ms;
    c->phase = CONN_LEAVING;
    c->dirty = c->owner->dirty = true;
    conn_resume(c); /* so that the end of the other side is noticed */
}

/* ---- Receiving ---- */

void conn_begin(peer_conn *c) {
    posw_peers *p = c->owner;
    c->phase = CONN_SHAKING;
    if (c->inbound) p->half_open++;
    (void)uv_tcp_nodelay(&c->tcp, 1);
    (void)uv_tcp_keepalive(&c->tcp, 1, PEERS_KEEPALIVE_S);
    if (posw_tls_new(&c->tls, p->tls, c->inbound, &c->expected) != POSW_OK ||
        uv_read_start(stream_of(c), on_alloc, on_read) != 0)
        conn_end(c, "out of memory");
    else
        conn_flush(c);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested; /* one buffer serves all: it is used up before the next read */
    peer_conn *c = handle->data;
    *buf = uv_buf_init((char *)c->owner->read_buffer, PEERS_READ_SIZE);
}

/* There is probably more, but others have their turn first. */
static void pause_reading(peer_conn *c) {
    c->paused = c->owner->paused = true;
    (void)uv_read_stop(stream_of(c));
}

void conn_resume(peer_conn *c) {
    if (!c->paused || c->phase == CONN_GONE) return;
    c->paused = false;
    if (uv_read_start(stream_of(c), on_alloc, on_read) != 0) conn_end(c, "out of memory");
}

static void tell(peer_conn *c, enum posw_event_type type, posw_bytes data) {
    if (c->phase != CONN_OPEN) return;
    posw_event e = {.type = type,
                    .peer = c->number,
                    .inbound = c->inbound,
                    .address = c->address,
                    .node_id = posw_tls_peer_id(c->tls),
                    .data = data};
    peers_event(c->owner, &e);
}

static void open_up(peer_conn *c) {
    posw_peers *p = c->owner;
    c->phase = CONN_OPEN;
    c->deadline_ms = 0;
    c->arrived_ms = peers_now_ms();
    if (c->inbound) {
        p->half_open--;
        if (!peers_number(c, p->next_number++)) {
            conn_end(c, "out of memory");
            return;
        }
    }
    p->counters.opened++;
    c->told = true;
    tell(c, POSW_EVENT_PEER_OPEN, (posw_bytes){NULL, 0});
}

static void hear(peer_conn *c, const uint8_t *data, size_t size) {
    posw_buf *plain = &c->owner->plain;
    posw_buf_reset(plain);
    enum posw_tls_state state = posw_tls_feed(c->tls, data, size, plain);
    conn_flush(c); /* answers of TLS; an alert */
    if (c->phase == CONN_SHAKING && (state == POSW_TLS_OPEN || state == POSW_TLS_CLOSED)) open_up(c);
    if (plain->size > 0) tell(c, POSW_EVENT_PEER_DATA, posw_buf_view(plain));
    if (state == POSW_TLS_FAILED) conn_end(c, posw_tls_reason(c->tls));
    if (state == POSW_TLS_CLOSED) conn_end(c, conn_error_text(UV_EOF));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf) {
    peer_conn *c = stream->data;
    if (size == 0 || c->phase == CONN_GONE) return;
    if (size == UV_EOF && c->phase == CONN_SHAKING)
        conn_end(c, "closed by the other side during the handshake");
    else if (size < 0)
        conn_end(c, conn_error_text((int)size));
    else {
        if (size == PEERS_READ_SIZE) pause_reading(c);
        if (c->phase != CONN_LEAVING) hear(c, (const uint8_t *)buf->base, (size_t)size);
    }
}

void conn_tell_drained(peer_conn *c) {
    if (!c->owes_drained || c->queued > 0 || c->writing || c->phase != CONN_OPEN) return;
    c->owes_drained = false;
    tell(c, POSW_EVENT_PEER_DRAINED, (posw_bytes){NULL, 0});
}

/* Bytes that the other side has acknowledged. What the socket took says little: its buffer may hold more than a slow
 * peer reads in a minute, and reports room in large steps. */
static uint64_t bytes_arrived(peer_conn *c) {
    uv_os_fd_t fd;
    int in_socket = 0;
    if (uv_fileno((uv_handle_t *)&c->tcp, &fd) != 0 || ioctl(fd, SIOCOUTQ, &in_socket) != 0) in_socket = 0;
    return c->handed - uv_stream_get_write_queue_size(stream_of(c)) - (uint64_t)in_socket;
}

void conn_check(peer_conn *c, uint64_t now_ms) {
    if (c->phase == CONN_GONE) return;
    if (c->deadline_ms != 0 && now_ms >= c->deadline_ms) {
        conn_end(c, "timed out");
        return;
    }
    const bool waits = c->queued > 0 || c->writing;
    const uint64_t arrived = waits ? bytes_arrived(c) : 0;
    if (!waits || arrived != c->arrived) {
        c->arrived = arrived;
        c->arrived_ms = now_ms;
    } else if (now_ms - c->arrived_ms >= c->owner->o.stall_ms) {
        c->owner->counters.slow++;
        conn_end(c, "too slow a reader: it takes nothing");
    }
}
