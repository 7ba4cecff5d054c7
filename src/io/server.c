#include "io/server_internal.h"

#include "io/runner.h"
#include "io/tcp.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Never 0, which means "not begun". */
uint64_t server_now_ms(const posw_server *s) {
    return uv_now(s->loop) + 1;
}

static void unlink_conn(conn *c) {
    posw_server *s = c->server;
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next != NULL) c->next->prev = c->prev;
    if (c->turned_away)
        s->turned_away--;
    else
        s->conn_count--;
    (void)posw_map_remove(&s->by_id, &c->id);
}

static void on_conn_closed(uv_handle_t *handle) {
    conn *c = handle->data;
    ws_clear(c);
    http_body_clear(c); /* here and not sooner: it may be with the callback that closed the connection */
    posw_buf_clear(&c->rest);
    free(c);
}

void conn_close(conn *c) {
    if (c->closing) return;
    c->closing = true;
    unlink_conn(c);
    if (c->is_stream && c->server->o.closed != NULL) c->server->o.closed(c->server->o.arg, c->id);
    uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
}

static void on_shut(uv_shutdown_t *req, int status) {
    conn *c = req->data;
    free(req);
    c->request_ms = server_now_ms(c->server); /* everything is written; now it is the other side's turn */
    if (status < 0) conn_close(c);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf);

bool conn_is_behind(const conn *c) {
    return c->later || uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp) > SERVER_BACKLOG_PAUSE;
}

static void conn_pause(conn *c) {
    if (c->closing || c->draining || c->paused) return;
    c->paused = true;
    (void)uv_read_stop((uv_stream_t *)&c->tcp);
}

/* Bytes for HTTP or WebSocket; those that must wait are kept. */
static void conn_feed(conn *c, const uint8_t *data, size_t size) {
    size_t used = c->is_stream ? ws_feed(c, data, size) : http_feed(c, data, size);
    if (c->closing || c->draining) return;
    posw_buf_append(&c->rest, data + used, size - used);
    if (c->rest.failed)
        conn_close(c);
    else if (conn_is_behind(c))
        conn_pause(c);
}

/* Reads (again), so that the end of the other side is noticed. */
static void conn_resume(conn *c) {
    if (c->closing || !c->paused || c->later) return;
    c->paused = false;
    posw_buf rest = c->rest;
    c->rest = (posw_buf){0};
    if (!c->draining && rest.size > 0) conn_feed(c, rest.data, rest.size);
    posw_buf_clear(&rest);
    if (c->closing || c->paused) return;
    if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0) conn_close(c);
}

void conn_close_politely(conn *c) {
    if (c->closing || c->draining) return;
    c->draining = true;
    c->request_ms = 0;
    conn_resume(c);
    uv_shutdown_t *req = c->closing ? NULL : malloc(sizeof *req);
    if (req != NULL) req->data = c;
    if (req != NULL && uv_shutdown(req, (uv_stream_t *)&c->tcp, on_shut) == 0) return;
    free(req);
    conn_close(c);
}

void conn_answered_later(conn *c) {
    c->asking = c->later = false;
    c->active_ms = server_now_ms(c->server);
    if (!c->keep_alive)
        conn_close_politely(c);
    else if (!conn_is_behind(c))
        conn_resume(c);
}

typedef struct {
    uv_write_t req;
    conn *c;
    size_t size;
    uint8_t data[];
} pending_write;

static void on_written(uv_write_t *req, int status) {
    pending_write *w = (pending_write *)req;
    conn *c = w->c;
    c->server->backlog_bytes -= sizeof *w + w->size;
    free(w);
    if (status < 0)
        conn_close(c);
    else if (uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp) == 0)
        conn_resume(c);
}

static uv_buf_t uv_view(posw_bytes b) {
    return uv_buf_init((char *)(uintptr_t)b.data, (unsigned)b.size);
}

void conn_write(conn *c, posw_bytes head, posw_bytes body) {
    if (c->closing || c->draining) return;
    uv_stream_t *stream = (uv_stream_t *)&c->tcp;
    size_t total = head.size + body.size, done = 0;
    uv_buf_t bufs[2] = {uv_view(head), uv_view(body)};
    if (uv_stream_get_write_queue_size(stream) == 0) {
        int n = uv_try_write(stream, bufs, 2);
        if (n > 0) done = (size_t)n;
    }
    if (done == total) return;
    /* One answer may be of any size; a reader that lets answers pile up is not worth their memory. */
    if (uv_stream_get_write_queue_size(stream) > SERVER_BACKLOG_MAX ||
        c->server->backlog_bytes + sizeof(pending_write) + (total - done) > SERVER_BACKLOGS_MAX) {
        conn_close(c);
        return;
    }
    pending_write *w = malloc(sizeof *w + total - done);
    if (w == NULL) {
        conn_close(c);
        return;
    }
    size_t head_left = done < head.size ? head.size - done : 0;
    size_t body_done = done > head.size ? done - head.size : 0;
    if (head_left > 0) memcpy(w->data, head.data + done, head_left);
    if (body.size > body_done) memcpy(w->data + head_left, body.data + body_done, body.size - body_done);
    w->c = c;
    w->size = total - done;
    uv_buf_t rest = uv_buf_init((char *)w->data, (unsigned)(total - done));
    if (uv_write(&w->req, stream, &rest, 1, on_written) != 0) {
        free(w);
        conn_close(c);
        return;
    }
    c->server->backlog_bytes += sizeof *w + w->size;
}

/* ---- requests a second ---- */

/* A second's budget for each address; the table is emptied when it is full, so it cannot grow. What went beyond the
 * budget is owed to the seconds that follow. NULL: no memory. */
static rate_slot *rate_of(conn *c) {
    posw_server *s = c->server;
    if (s->rates.count >= SERVER_RATE_ADDRESSES_MAX) posw_map_clear(&s->rates);
    rate_slot *slot = posw_map_put(&s->rates, c->address, NULL);
    if (slot == NULL) return NULL;
    const uint64_t second = server_now_ms(s) / 1000, paid = (second - slot->second) * s->o.requests_per_s;
    *slot = (rate_slot){second, slot->count > paid ? slot->count - paid : 0};
    return slot;
}

bool conn_rate_allows(conn *c, posw_bytes body) {
    const posw_server *s = c->server;
    if (s->o.requests_per_s == 0) return true;
    const unsigned n = s->o.count == NULL ? 1 : s->o.count(body);
    rate_slot *slot = rate_of(c);
    if (slot == NULL || slot->count + n > s->o.requests_per_s) return false;
    slot->count += n;
    return true;
}

/* Of this thread: what others on the machine do is not the client's fault. */
static uint64_t busy_us(void) {
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void conn_hand_over(conn *c, bool stream, posw_bytes body) {
    const posw_server *s = c->server;
    const bool rated = s->o.requests_per_s != 0;
    const uint64_t began_us = rated ? busy_us() : 0;
    s->o.data(s->o.arg, c->id, stream, body);
    rate_slot *slot = rated ? rate_of(c) : NULL;
    if (slot != NULL) slot->count += (busy_us() - began_us) / SERVER_REQUEST_US;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested; /* one buffer serves all: it is used up before the next read */
    conn *c = handle->data;
    posw_server *s = c->server;
    const bool had_its_turn = s->filled_by == c;
    s->filled_by = NULL;
    *buf = uv_buf_init((char *)s->read_buffer, had_its_turn ? 0 : SERVER_READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf) {
    conn *c = stream->data;
    if (size == UV_ENOBUFS) return; /* it goes on when all others had their turn */
    c->server->filled_by = size == SERVER_READ_SIZE ? c : NULL;
    if (size < 0) {
        conn_close(c);
        return;
    }
    if (size == 0 || c->closing || c->draining) return;
    c->active_ms = server_now_ms(c->server);
    conn_feed(c, (const uint8_t *)buf->base, (size_t)size);
}

/* ---- New connections ---- */

static const char no_place[] = "too many connections\n";
static const char no_place_for_address[] =
    "too many connections of this address; close some, or use them for more than one request\n";

static unsigned turned_away_max(const posw_server *s) {
    const unsigned quarter = s->o.connections_max / 4;
    return quarter < POSW_SERVER_TURNED_AWAY_MAX ? quarter : POSW_SERVER_TURNED_AWAY_MAX;
}

/* It has none of the others' places. Those that find no place among these, either, are closed at once: then bytes of
 * theirs that come late destroy what is said. */
static void turn_away(conn *c, const char *why) {
    posw_server *s = c->server;
    char text[256];
    const int n = snprintf(text, sizeof text,
                           "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: text/plain\r\n"
                           "Content-Length: %zu\r\n\r\n%s",
                           strlen(why), why);
    POSW_ASSERT(n > 0 && (size_t)n < sizeof text);
    c->turned_away = true;
    s->conn_count--;
    s->turned_away++;
    s->counters.refused++;
    conn_write(c, (posw_bytes){(const uint8_t *)text, (size_t)n}, (posw_bytes){NULL, 0});
    if (s->turned_away > turned_away_max(s))
        conn_close(c);
    else
        conn_close_politely(c);
}

unsigned server_share(const posw_server_options *o, const posw_netaddr *a) {
    const unsigned share = posw_netaddr_is_loopback(a)   ? o->loopback_connections
                           : posw_netaddr_is_routable(a) ? o->address_connections
                                                         : o->private_connections;
    return share == 0 ? UINT_MAX : share;
}

bool server_has_share(const posw_server *s, const conn *c, const posw_netaddr *peer) {
    const unsigned share = server_share(&s->o, peer);
    unsigned of_address = 0, of_site = 0;
    if (share == UINT_MAX) return true;
    for (const conn *other = s->conns; other != NULL; other = other->next) {
        of_address += !other->turned_away && memcmp(other->address, c->address, sizeof c->address) == 0;
        of_site += !other->turned_away && memcmp(other->site, c->site, sizeof c->site) == 0;
    }
    return of_address <= share && of_site <= SERVER_SITE_SHARES * share;
}

static void link_conn(posw_server *s, conn *c) {
    c->server = s;
    c->tcp.data = c;
    c->id = s->next_id++;
    c->active_ms = c->request_ms = server_now_ms(s);
    c->next = s->conns;
    if (s->conns != NULL) s->conns->prev = c;
    s->conns = c;
    s->conn_count++;
}

/* Begins to read, or says why not. */
static void welcome(conn *c) {
    posw_server *s = c->server;
    const posw_netaddr peer = posw_tcp_peer(&c->tcp);
    posw_netaddr_unit(c->address, &peer);
    posw_netaddr_site(c->site, &peer);
    c->paused = true;
    if (s->conn_count > s->o.connections_max)
        turn_away(c, no_place);
    else if (!server_has_share(s, c, &peer))
        turn_away(c, no_place_for_address);
    else
        conn_resume(c);
}

static void accept_connection(posw_server *s) {
    conn *c = calloc(1, sizeof *c);
    s->accept_waits = c == NULL;
    if (c == NULL) return;
    (void)uv_tcp_init(s->loop, &c->tcp); /* opens nothing: cannot fail */
    link_conn(s, c);
    conn **slot = posw_map_put(&s->by_id, &c->id, NULL);
    if (slot != NULL) *slot = c;
    if (uv_accept((uv_stream_t *)&s->listener, (uv_stream_t *)&c->tcp) != 0 || slot == NULL) {
        conn_close(c);
        return;
    }
    (void)uv_tcp_nodelay(&c->tcp, 1);
    (void)uv_tcp_keepalive(&c->tcp, 1,
                           SERVER_KEEPALIVE_S); /* a stream may be silent for long, and its other side gone */
    http_init(c);
    welcome(c);
}

static void on_connection(uv_stream_t *listener, int status) {
    if (status >= 0) accept_connection(listener->data);
}

static bool is_over(const conn *c, uint64_t now) {
    const posw_server_options *o = &c->server->o;
    unsigned limit = c->draining ? SERVER_LINGER_MS : o->request_ms;
    if (c->request_ms != 0 && now - c->request_ms > limit) return true;
    return (!c->is_stream || c->draining) && now - c->active_ms > o->idle_ms;
}

static void on_sweep(uv_timer_t *timer) {
    posw_server *s = timer->data;
    uint64_t now = server_now_ms(s);
    for (conn *c = s->conns, *next; c != NULL; c = next) {
        next = c->next; /* stays readable even if closing this one closes that one, too */
        if (is_over(c, now)) conn_close(c);
    }
    if (s->accept_waits) on_connection((uv_stream_t *)&s->listener, 0);
}

/* Closes what a failed start has opened. The loop may have other handles that keep it running, so it cannot be waited
 * for here: the last handle to close frees the server. */
static void on_abandoned_closed(uv_handle_t *handle) {
    posw_server *s = handle->data;
    handle->data = NULL;
    if (s->listener.data == NULL && s->sweep.data == NULL) posw_server_free(s);
}

static void abandon(posw_server *s) {
    uv_close((uv_handle_t *)&s->listener, on_abandoned_closed);
    uv_close((uv_handle_t *)&s->sweep, on_abandoned_closed);
}

static int start_sweeping(posw_server *s, posw_message *msg) {
    unsigned shortest = s->o.request_ms < s->o.idle_ms ? s->o.request_ms : s->o.idle_ms;
    unsigned period = shortest / 3 > 1000 ? 1000 : shortest / 3 + 1;
    if (uv_timer_start(&s->sweep, on_sweep, period, period) == 0) return POSW_OK;
    return posw_message_set(msg, POSW_EIO, "the timer of the RPC server cannot be started");
}

static posw_server *server_new(uv_loop_t *loop, const posw_server_options *o) {
    posw_server *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    uint8_t seed[16];
    posw_random_bytes(seed, sizeof seed);
    s->o = *o;
    if (s->o.request_ms == 0) s->o.request_ms = SERVER_REQUEST_MS;
    if (s->o.port_option == NULL) s->o.port_option = "--port";
    if (s->o.idle_ms == 0) s->o.idle_ms = SERVER_IDLE_MS;
    s->loop = loop;
    s->next_id = 1;
    posw_map_init(&s->by_id, sizeof(uint64_t), sizeof(conn *), seed);
    posw_map_init(&s->rates, 16, sizeof(rate_slot), seed);
    (void)uv_tcp_init(loop, &s->listener);
    (void)uv_timer_init(loop, &s->sweep);
    s->listener.data = s->sweep.data = s;
    return s;
}

int posw_server_start(posw_server **out, uv_loop_t *loop, const posw_server_options *o, posw_message *msg) {
    posw_server *s = server_new(loop, o);
    if (s == NULL) return posw_message_set(msg, POSW_ENOMEM, "out of memory");
    int err = posw_tcp_listen(&s->listener, o->host, o->port, s->o.port_option, on_connection, &s->port, msg);
    if (err == POSW_OK) err = start_sweeping(s, msg);
    if (err != POSW_OK) {
        abandon(s);
        return err;
    }
    *out = s;
    return POSW_OK;
}

uint16_t posw_server_port(const posw_server *s) {
    return s->port;
}

posw_server_counters posw_server_read_counters(const posw_server *s) {
    posw_server_counters counters = s->counters;
    counters.connections = s->conn_count;
    return counters;
}

static conn *find(posw_server *s, uint64_t client) {
    conn **slot = posw_map_find(&s->by_id, &client);
    return slot == NULL ? NULL : *slot;
}

void posw_server_send(posw_server *s, uint64_t client, posw_bytes body) {
    conn *c = find(s, client);
    if (c == NULL || c->closing || c->draining) return;
    if (c->is_stream)
        ws_send(c, body);
    else if (c->asking && !c->answered) { /* one answer a request */
        http_answer(c, 200, "application/json", body);
        if (c->later) conn_answered_later(c);
    }
}

void posw_server_answer_later(posw_server *s, uint64_t client) {
    conn *c = find(s, client);
    if (c != NULL && !c->is_stream && c->asking && !c->answered) c->later = true;
}

void posw_server_close_client(posw_server *s, uint64_t client) {
    conn *c = find(s, client);
    if (c != NULL) conn_close(c);
}

bool posw_server_client_address(posw_server *s, uint64_t client, uint8_t out[16]) {
    const conn *c = find(s, client);
    if (c != NULL) memcpy(out, c->address, sizeof c->address);
    return c != NULL;
}

void posw_server_stop(posw_server *s) {
    if (!uv_is_closing((uv_handle_t *)&s->listener)) uv_close((uv_handle_t *)&s->listener, NULL);
    if (!uv_is_closing((uv_handle_t *)&s->sweep)) uv_close((uv_handle_t *)&s->sweep, NULL);
    while (s->conns != NULL)
        conn_close(s->conns);
}

void posw_server_free(posw_server *s) {
    if (s == NULL) return;
    posw_map_clear(&s->by_id);
    posw_map_clear(&s->rates);
    free(s);
}
