#include "io/peers_internal.h"

#include "io/runner.h"
#include "io/sockaddr.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Not the loop's time, which stands still while the node is at work. */
uint64_t peers_now_ms(void) {
    return uv_hrtime() / 1000000;
}

void peers_event(posw_peers *p, posw_event *e) {
    if (!p->stopping) p->o.event(p->o.arg, e);
}

bool peers_number(peer_conn *c, uint64_t number) {
    bool added = false;
    peer_conn **slot = posw_map_put(&c->owner->by_number, &number, &added);
    if (slot == NULL || !added) return false;
    *slot = c;
    c->number = number;
    return true;
}

static peer_conn *find(const posw_peers *p, uint64_t number) {
    peer_conn **slot = posw_map_find(&p->by_number, &number);
    return slot == NULL ? NULL : *slot;
}

/* ---- Inbound ---- */

static bool take(peer_conn *c) {
    posw_peers *p = c->owner;
    struct sockaddr_storage s;
    int size = sizeof s;
    memset(&s, 0, sizeof s);
    if (uv_accept((uv_stream_t *)&p->listener, (uv_stream_t *)&c->tcp) != 0) return false;
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&s, &size) != 0) return false; /* gone already */
    (void)posw_sockaddr_read(&c->address, (struct sockaddr *)&s);
    posw_netaddr_group(c->group, &c->address);
    return gate_admits(p, c);
}

static void on_connection(uv_stream_t *listener, int status) {
    posw_peers *p = listener->data;
    if (status < 0 || p->stopping) return;
    peer_conn *c = conn_new(p, true);
    p->accept_waits = c == NULL;
    if (c == NULL) return;
    if (take(c))
        conn_begin(c);
    else
        conn_end(c, "refused");
}

/* ---- The loop ---- */

static void on_before_sleep(uv_prepare_t *handle);

static void on_awake(uv_idle_t *handle) {
    (void)handle; /* that it runs is enough: the loop does not sleep */
}

static void tell_drained(posw_peers *p) {
    if (!p->owes_drained) return;
    p->owes_drained = false;
    for (peer_conn *c = p->conns; c != NULL;
         c = c->next) /* events end none before the loop goes on, and add in front */
        conn_tell_drained(c);
}

static void on_before_sleep(uv_prepare_t *handle) {
    posw_peers *p = handle->data;
    posw_peers_flush(p);
    tell_drained(p);
    if (p->paused) {
        p->paused = false;
        for (peer_conn *c = p->conns; c != NULL; c = c->next)
            conn_resume(c);
    }
    if (p->dirty || p->owes_drained)
        (void)uv_idle_start(&p->awake, on_awake);
    else
        (void)uv_idle_stop(&p->awake);
}

static void on_handle_closed(uv_handle_t *handle) {
    posw_peers *p = handle->data;
    p->handles--;
    if (p->handles == 0 && p->abandoned) posw_peers_free(p);
}

static void close_handles(posw_peers *p) {
    uv_handle_t *const handles[] = {(uv_handle_t *)&p->listener, (uv_handle_t *)&p->sweep,
                                    (uv_handle_t *)&p->before_sleep, (uv_handle_t *)&p->awake};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(handles); i++)
        if (!uv_is_closing(handles[i])) uv_close(handles[i], on_handle_closed);
}

/* A time in which this node was busy with one long step does not count for those who wait for its part of a handshake.
 */
static void forgive(posw_peers *p, uint64_t now_ms) {
    const uint64_t away_ms = now_ms - p->swept_ms;
    p->swept_ms = now_ms;
    if (away_ms < 4 * uv_timer_get_repeat(&p->sweep)) return;
    for (peer_conn *c = p->conns; c != NULL; c = c->next)
        if (c->phase == CONN_SHAKING || c->phase == CONN_DIALLING) c->deadline_ms += away_ms;
}

static void on_sweep(uv_timer_t *timer) {
    posw_peers *p = timer->data;
    const uint64_t now_ms = peers_now_ms();
    forgive(p, now_ms);
    for (peer_conn *c = p->conns; c != NULL; c = c->next)
        conn_check(c, now_ms);
    if (p->accept_waits) on_connection((uv_stream_t *)&p->listener, 0);
    if (p->stopping && p->conns == NULL) close_handles(p);
}

/* ---- Start ---- */

static int listen_on(posw_peers *p, const char *host, posw_message *msg) {
    struct sockaddr_storage address;
    memset(&address, 0, sizeof address);
    if (uv_ip4_addr(host, p->o.port, (struct sockaddr_in *)&address) != 0 &&
        uv_ip6_addr(host, p->o.port, (struct sockaddr_in6 *)&address) != 0)
        return posw_message_set(msg, POSW_EINVAL,
                                "'%s' is not a numeric IP address to listen on; use for example 0.0.0.0", host);
    int err = uv_tcp_bind(&p->listener, (struct sockaddr *)&address, 0);
    if (err == 0) err = uv_listen((uv_stream_t *)&p->listener, 511, on_connection);
    if (err == UV_EADDRINUSE)
        return posw_message_set(
            msg, POSW_EBUSY,
            "the network port %u of %s is in use by another program; stop that or choose another port with --p2p-port",
            p->o.port, host);
    if (err == UV_EAFNOSUPPORT || err == UV_EADDRNOTAVAIL)
        return posw_message_set(msg, POSW_EINVAL, "this machine has no address %s to listen on", host);
    if (err != 0)
        return posw_message_set(msg, POSW_EIO, "cannot listen on %s port %u: %s", host, p->o.port, uv_strerror(err));
    int size = sizeof address;
    posw_netaddr own = {.port = 0};
    if (uv_tcp_getsockname(&p->listener, (struct sockaddr *)&address, &size) == 0)
        (void)posw_sockaddr_read(&own, (struct sockaddr *)&address);
    p->port = own.port;
    return POSW_OK;
}

/* Where the system knows no IPv6, all addresses are those of IPv4. */
static bool has_ipv6(void) {
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) close(fd);
    return fd >= 0 || errno != EAFNOSUPPORT;
}

static int start_listening(posw_peers *p, posw_message *msg) {
    if (p->o.host == NULL) return POSW_OK;
    return listen_on(p, strcmp(p->o.host, "::") == 0 && !has_ipv6() ? "0.0.0.0" : p->o.host, msg);
}

static unsigned or_default(unsigned value, unsigned by_default) {
    return value != 0 ? value : by_default;
}

static void set_defaults(posw_peers_options *o) {
    o->inbound_max = or_default(o->inbound_max, 256);
    o->outbound_max = or_default(o->outbound_max, 64);
    o->half_open_max = or_default(o->half_open_max, 64);
    o->half_open_group_max = or_default(o->half_open_group_max, 8);
    o->handshakes_per_s = or_default(o->handshakes_per_s, 4);
    o->handshakes_burst = or_default(o->handshakes_burst, 16);
    o->handshakes_all_per_s = or_default(o->handshakes_all_per_s, 100);
    o->local_factor = or_default(o->local_factor, 4);
    o->handshake_ms = or_default(o->handshake_ms, 10000);
    o->close_ms = or_default(o->close_ms, 1000);
    o->stall_ms = or_default(o->stall_ms, 60000);
    if (o->queue_max == 0) o->queue_max = 16 * 1024 * 1024;
    if (o->queues_max == 0) o->queues_max = 256 * 1024 * 1024;
}

static posw_peers *peers_new(uv_loop_t *loop, const posw_peers_options *o) {
    posw_peers *p = calloc(1, sizeof *p);
    if (p == NULL) return NULL;
    uint8_t seed[16];
    p->o = *o;
    set_defaults(&p->o);
    p->loop = loop;
    p->next_number = 1;
    if (posw_tls_context_new(&p->tls, o->identity) != POSW_OK) {
        free(p);
        return NULL;
    }
    posw_random_bytes(seed, sizeof seed);
    posw_map_init(&p->by_number, sizeof(uint64_t), sizeof(peer_conn *), seed);
    posw_map_init(&p->rates, POSW_NETGROUP_SIZE, sizeof(uint64_t), seed);
    (void)uv_tcp_init(loop, &p->listener);
    (void)uv_timer_init(loop, &p->sweep);
    (void)uv_prepare_init(loop, &p->before_sleep);
    (void)uv_idle_init(loop, &p->awake);
    p->listener.data = p->sweep.data = p->before_sleep.data = p->awake.data = p;
    p->handles = 4;
    return p;
}

/* A fraction of the shortest time that it looks after. */
static unsigned sweep_period(const posw_peers_options *o) {
    unsigned shortest = o->handshake_ms < o->close_ms ? o->handshake_ms : o->close_ms;
    if (o->stall_ms < shortest) shortest = o->stall_ms;
    return shortest / 4 + 1;
}

int posw_peers_start(posw_peers **out, uv_loop_t *loop, const posw_peers_options *o, posw_message *msg) {
    posw_peers *p = peers_new(loop, o);
    if (p == NULL) return posw_message_set(msg, POSW_ENOMEM, "out of memory");
    int err = start_listening(p, msg);
    if (err != POSW_OK) {
        p->abandoned = true;
        close_handles(p);
        return err;
    }
    const unsigned period = sweep_period(&p->o);
    p->swept_ms = peers_now_ms();
    (void)uv_timer_start(&p->sweep, on_sweep, period, period); /* with a callback it cannot fail */
    (void)uv_prepare_start(&p->before_sleep, on_before_sleep);
    *out = p;
    return POSW_OK;
}

uint16_t posw_peers_port(const posw_peers *p) {
    return p->port;
}

/* ---- Commands ---- */

static void on_connect(uv_connect_t *req, int status) {
    peer_conn *c = req->data;
    if (c->phase == CONN_GONE) return;
    if (status < 0)
        conn_end(c, conn_error_text(status));
    else
        conn_begin(c);
}

void posw_peers_connect(posw_peers *p, uint64_t peer, const posw_netaddr *address, const posw_node_id *id) {
    struct sockaddr_storage s;
    if (p->stopping || peer == 0 || find(p, peer) != NULL) return;
    peer_conn *c = conn_new(p, false);
    if (c == NULL || !peers_number(c, peer)) {
        posw_log_write(p->o.log, POSW_LOG_WARN, "peers", "a peer cannot be dialled: out of memory");
        if (c != NULL) conn_end(c, "out of memory");
        return;
    }
    c->told = true;
    c->address = *address;
    c->expected = *id;
    posw_sockaddr_write(&s, address);
    int err = 0;
    if (p->outbound > p->o.outbound_max)
        conn_end(c, "too many connections");
    else if ((err = uv_tcp_connect(&c->connect, &c->tcp, (struct sockaddr *)&s, on_connect)) != 0)
        conn_end(c, conn_error_text(err));
}

void posw_peers_send(posw_peers *p, uint64_t peer, posw_buf *data) {
    peer_conn *c = find(p, peer);
    if (c != NULL) conn_send(c, data);
    posw_buf_clear(data);
}

void posw_peers_close(posw_peers *p, uint64_t peer) {
    peer_conn *c = find(p, peer);
    if (c != NULL && c->phase != CONN_LEAVING) conn_leave(c, p->o.close_ms);
}

void posw_peers_flush(posw_peers *p) {
    if (!p->dirty) return;
    p->dirty = false;
    for (peer_conn *c = p->conns; c != NULL; c = c->next)
        if (c->dirty) conn_flush(c);
}

/* ---- End ---- */

void posw_peers_stop(posw_peers *p, unsigned grace_ms) {
    if (p->stopping) return;
    p->stopping = true;
    p->accept_waits = false;
    if (!uv_is_closing((uv_handle_t *)&p->listener)) uv_close((uv_handle_t *)&p->listener, on_handle_closed);
    uv_update_time(p->loop);
    p->swept_ms = peers_now_ms();
    for (peer_conn *c = p->conns; c != NULL; c = c->next)
        conn_leave(c, grace_ms);
    (void)uv_timer_start(&p->sweep, on_sweep, 0, grace_ms / 16 + 1);
}

bool posw_peers_is_idle(const posw_peers *p) {
    return p->conns == NULL && p->handles == 0;
}

void posw_peers_free(posw_peers *p) {
    if (p == NULL) return;
    posw_map_clear(&p->by_number);
    posw_map_clear(&p->rates);
    posw_buf_clear(&p->plain);
    posw_tls_context_free(p->tls);
    free(p);
}

posw_peers_counters posw_peers_read_counters(const posw_peers *p) {
    posw_peers_counters n = p->counters;
    n.inbound = p->inbound;
    n.outbound = p->outbound;
    n.half_open = p->half_open;
    n.queued = p->queued;
    return n;
}
