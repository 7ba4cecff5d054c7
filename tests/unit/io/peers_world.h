/* Transports on one loop of the test's own, which is run until something has happened; and raw clients on sockets that
 * say and read what a test wants, with or without TLS. */
#ifndef POSW_TEST_IO_PEERS_WORLD_H
#define POSW_TEST_IO_PEERS_WORLD_H

#include "base/test.h"
#include "io/peers.h"
#include "io/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { ENDS = 4, TOLD_MAX = 4096 };

static inline uint64_t clock_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

typedef struct end {
    posw_peers *p;
    posw_identity *id;
    posw_peers_options o;
    unsigned opened, closed, drained;
    uint64_t last_peer; /* of the last PEER_OPEN */
    posw_netaddr last_address;
    posw_node_id last_id;
    bool last_inbound;
    posw_buf heard; /* of all peers */
    size_t heard_bytes, largest_event;
    bool keep, echo;
    char reason[128]; /* of the last PEER_CLOSED */
    uint64_t last_closed;
} end;

typedef struct {
    uv_loop_t loop;
    end ends[ENDS];
} world;

static inline void world_event(void *arg, posw_event *e) {
    end *x = arg;
    if (e->type == POSW_EVENT_PEER_OPEN) {
        x->opened++;
        x->last_peer = e->peer;
        x->last_address = e->address;
        x->last_id = e->node_id;
        x->last_inbound = e->inbound;
    } else if (e->type == POSW_EVENT_PEER_CLOSED) {
        x->closed++;
        x->last_closed = e->peer;
        snprintf(x->reason, sizeof x->reason, "%.*s", (int)e->data.size, (const char *)e->data.data);
    } else if (e->type == POSW_EVENT_PEER_DRAINED) {
        x->drained++;
    } else {
        assert_int_equal(e->type, POSW_EVENT_PEER_DATA);
        assert_true(e->data.size > 0);
        if (e->data.size > x->largest_event) x->largest_event = e->data.size;
        x->heard_bytes += e->data.size;
        if (x->keep) posw_buf_append(&x->heard, e->data.data, e->data.size);
        if (x->echo) {
            posw_buf b = {0};
            posw_buf_append(&b, e->data.data, e->data.size);
            posw_peers_send(x->p, e->peer, &b);
            posw_peers_flush(x->p);
        }
    }
    assert_int_equal(e->peer >> 63, !e->inbound);
}

static inline int world_setup(void **state) {
    world *w = calloc(1, sizeof *w);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    for (int i = 0; i < ENDS; i++) {
        end *x = &w->ends[i];
        assert_int_equal(posw_identity_new(&x->id), POSW_OK);
        x->keep = true;
        x->o = (posw_peers_options){.identity = x->id,
                                    .host = "127.0.0.1",
                                    .handshakes_per_s = 10000,
                                    .handshakes_burst = 10000,
                                    .handshakes_all_per_s = 10000,
                                    .event = world_event,
                                    .arg = x};
    }
    *state = w;
    return 0;
}

static inline end *start(world *w, int i) {
    posw_message msg = {""};
    end *x = &w->ends[i];
    if (posw_peers_start(&x->p, &w->loop, &x->o, &msg) != POSW_OK) fail_msg("%s", msg.text);
    return x;
}

static inline void turn(world *w) {
    (void)uv_run(&w->loop, UV_RUN_NOWAIT);
    nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
}

#define UNTIL_MS(w, condition, limit)                                                             \
    do {                                                                                          \
        for (const uint64_t until_ = clock_us() + (limit)*1000ULL; !(condition); turn(w))         \
            if (clock_us() > until_) fail_msg("waited in vain for: %s (%s)", #condition, #limit); \
    } while (0)
#define UNTIL(w, condition) UNTIL_MS(w, condition, 20000)

static inline void run_ms(world *w, unsigned ms) {
    for (const uint64_t until = clock_us() + ms * 1000ULL; clock_us() < until;)
        turn(w);
}

static inline void stop_ends(world *w, unsigned grace_ms) {
    for (int i = 0; i < ENDS; i++)
        if (w->ends[i].p != NULL) posw_peers_stop(w->ends[i].p, grace_ms);
    for (int i = 0; i < ENDS; i++) {
        end *x = &w->ends[i];
        if (x->p == NULL) continue;
        UNTIL(w, posw_peers_is_idle(x->p));
        assert_int_equal(posw_peers_read_counters(x->p).queued, 0);
        assert_int_equal(posw_peers_read_counters(x->p).half_open, 0);
        posw_peers_free(x->p);
        x->p = NULL;
    }
}

static inline int world_teardown(void **state) {
    world *w = *state;
    stop_ends(w, 100);
    for (int i = 0; i < ENDS; i++) {
        posw_identity_free(w->ends[i].id);
        posw_buf_clear(&w->ends[i].heard);
    }
    UNTIL(w, uv_run(&w->loop, UV_RUN_NOWAIT) == 0);
    assert_int_equal(uv_loop_close(&w->loop), 0); /* every handle is closed */
    free(w);
    return 0;
}

static inline posw_netaddr local(uint16_t port) {
    return (posw_netaddr){.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}, .port = port};
}

static inline uint64_t number_of(unsigned n) {
    return POSW_PEER_OUTBOUND | n;
}

static inline void dial(end *from, unsigned number, const end *to) {
    const posw_netaddr a = local(posw_peers_port(to->p));
    const posw_node_id id = posw_identity_node_id(to->id);
    posw_peers_connect(from->p, number_of(number), &a, &id);
}

static inline posw_buf pattern(size_t size, unsigned seed) {
    posw_buf b = {0};
    uint8_t *at = size > 0 ? posw_buf_extend(&b, size) : NULL;
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
    return b;
}

/* ---- raw clients ---- */

static inline int raw_dial(uint16_t port, int receive_buffer) {
    const struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    if (receive_buffer > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const int err = connect(fd, (const struct sockaddr *)&a, sizeof a);
    assert_true(err == 0 || errno == EINPROGRESS);
    return fd;
}

/* The other side has closed (also: reset); what it said before is thrown away. */
static inline bool raw_ended(int fd) {
    char bytes[4096];
    for (;;) {
        const ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
        if (n <= 0) return true;
    }
}

/* A client that speaks TLS as it should, on a socket that the test reads from when it likes. */
typedef struct {
    int fd;
    posw_tls *tls;
    posw_tls_context *context;
    posw_identity *id;
} tls_client;

/* Sends what it has to send; false: the socket takes no more now, or the end. */
static inline bool tls_push(tls_client *c) {
    posw_buf *out = posw_tls_output(c->tls);
    while (out->size > 0) {
        const ssize_t n = send(c->fd, out->data, out->size, MSG_NOSIGNAL);
        if (n <= 0) return false;
        memmove(out->data, out->data + n, out->size - (size_t)n);
        out->size -= (size_t)n;
    }
    return true;
}

/* Reads at most `max` bytes from the socket. Returns how many; -1: the end. */
static inline ssize_t tls_pull(tls_client *c, size_t max, posw_buf *heard) {
    uint8_t bytes[65536];
    const ssize_t n = recv(c->fd, bytes, max < sizeof bytes ? max : sizeof bytes, 0);
    if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    if (n == 0) return -1;
    posw_tls_feed(c->tls, bytes, (size_t)n, heard);
    (void)tls_push(c);
    return n;
}

static inline void tls_dial(world *w, tls_client *c, uint16_t port, int receive_buffer) {
    posw_buf heard = {0};
    c->fd = raw_dial(port, receive_buffer);
    assert_int_equal(posw_identity_new(&c->id), POSW_OK);
    assert_int_equal(posw_tls_context_new(&c->context, c->id), POSW_OK);
    assert_int_equal(posw_tls_new(&c->tls, c->context, false, NULL), POSW_OK);
    for (const uint64_t until = clock_us() + 5000000;
         posw_tls_state_now(c->tls) == POSW_TLS_HANDSHAKE && clock_us() < until; turn(w)) {
        (void)tls_push(c);
        (void)tls_pull(c, SIZE_MAX, &heard);
    }
    assert_int_equal(posw_tls_state_now(c->tls), POSW_TLS_OPEN);
    (void)tls_push(c);
    posw_buf_clear(&heard);
}

static inline void tls_hang_up(tls_client *c) {
    close(c->fd);
    posw_tls_free(c->tls);
    posw_tls_context_free(c->context);
    posw_identity_free(c->id);
}

#endif
