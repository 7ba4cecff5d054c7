#include "io/dns_server.h"

#include "base/siphash.h"
#include "io/runner.h"
#include "io/sockaddr.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096, ROOM = 1536, MILLI = 1000, CHOICE_MS = 1000 };

/* Tokens in thousandths. */
typedef struct {
    uint64_t milli, at_ms;
} bucket;

/* Of one family. To choose takes a look at each address that is known, so not every question is worth it. */
typedef struct {
    posw_netaddr addresses[POSW_DNS_ADDRESSES_MAX];
    size_t count;
    uint64_t until_ms;
} choice;

struct posw_dns_server {
    posw_dns_server_options o;
    uv_udp_t udp;
    bool open, closed;
    posw_dns_counters counters;
    uint64_t key[2];
    bucket sources[BUCKETS]; /* by hash: who shares one, shares its limit */
    bucket all;
    choice choices[2]; /* IPv4, IPv6 */
    char room[ROOM];
};

/* ---- Limits ---- */

static bool take_token(bucket *b, unsigned per_s, uint64_t now_ms) {
    const uint64_t most = 2 * (uint64_t)per_s * MILLI;
    const uint64_t passed = b->at_ms == 0 ? 2 * MILLI : now_ms - b->at_ms;
    b->milli += passed > 2 * MILLI ? most : passed * per_s;
    if (b->milli > most) b->milli = most;
    b->at_ms = now_ms;
    if (b->milli < MILLI) return false;
    b->milli -= MILLI;
    return true;
}

static bool may_answer(posw_dns_server *s, const struct sockaddr *from) {
    posw_netaddr source;
    const uint64_t now_ms = uv_now(s->udp.loop) + 1; /* never 0 */
    if (!posw_sockaddr_read(&source, from)) return false;
    const size_t prefix = posw_netaddr_is_ipv4(&source) ? 15 : 7;
    const uint64_t h = posw_siphash(s->key, source.ip, prefix);
    return take_token(&s->sources[h % BUCKETS], s->o.per_s, now_ms) && take_token(&s->all, s->o.all_per_s, now_ms);
}

/* ---- A question ---- */

static const choice *choose(posw_dns_server *s, enum posw_dns_wish wish) {
    static const choice nothing = {.count = 0};
    if (wish == POSW_DNS_WISH_NOTHING) return &nothing;
    const bool ipv6 = wish == POSW_DNS_WISH_IPV6;
    const uint64_t now_ms = uv_now(s->udp.loop);
    choice *c = &s->choices[ipv6];
    if (now_ms < c->until_ms) return c;
    c->count = s->o.addresses(s->o.arg, c->addresses, POSW_DNS_ADDRESSES_MAX, ipv6);
    c->until_ms = now_ms + CHOICE_MS;
    return c;
}

static void answer(posw_dns_server *s, const posw_dns_query *q, const struct sockaddr *to) {
    uint8_t out[POSW_DNS_ANSWER_MAX];
    const choice *c = choose(s, posw_dns_query_wish(q, &s->o.zone));
    const size_t size = posw_dns_answer_encode(out, q, &s->o.zone, c->addresses, c->count);
    const uv_buf_t buf = uv_buf_init((char *)out, (unsigned)size);
    if (uv_udp_try_send(&s->udp, &buf, 1, to) >= 0)
        s->counters.answered++;
    else
        s->counters.dropped++; /* no room in the socket: it asks again */
}

static void on_packet(uv_udp_t *udp, ssize_t size, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags) {
    posw_dns_server *s = udp->data;
    posw_dns_query q;
    if (size <= 0 || from == NULL || !s->open) return;
    if ((flags & UV_UDP_PARTIAL) != 0 || !posw_dns_query_decode(&q, (const uint8_t *)buf->base, (size_t)size))
        s->counters.malformed++;
    else if (!may_answer(s, from))
        s->counters.dropped++;
    else
        answer(s, &q, from);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    posw_dns_server *s = handle->data;
    *buf = uv_buf_init(s->room, sizeof s->room);
}

/* ---- Life ---- */

static int refuse(posw_dns_server *s, int err, posw_message *msg) {
    char text[POSW_NETADDR_TEXT];
    posw_netaddr_text(text, &s->o.listen);
    if (err == UV_EADDRINUSE)
        return posw_message_set(msg, POSW_EBUSY, "the name server cannot listen on %s (UDP): the port is in use", text);
    if (err == UV_EACCES)
        return posw_message_set(
            msg, POSW_EAUTH,
            "the name server may not listen on %s (UDP): ports below 1024 need root, or CAP_NET_BIND_SERVICE; "
            "or take another and redirect port 53 to it",
            text);
    return posw_message_set(msg, POSW_EINVAL, "the name server cannot listen on %s (UDP): %s", text, uv_strerror(err));
}

static int bind_to(posw_dns_server *s) {
    struct sockaddr_storage address;
    posw_sockaddr_write(&address, &s->o.listen);
    return uv_udp_bind(&s->udp, (const struct sockaddr *)&address, 0);
}

static void on_closed(uv_handle_t *handle) {
    posw_dns_server *s = handle->data;
    s->closed = true;
}

int posw_dns_server_start(posw_dns_server **out, uv_loop_t *loop, const posw_dns_server_options *o, posw_message *msg) {
    posw_dns_server *s = calloc(1, sizeof *s);
    if (s == NULL) return posw_message_set(msg, POSW_ENOMEM, "out of memory");
    s->o = *o;
    if (s->o.per_s == 0) s->o.per_s = 10;
    if (s->o.all_per_s == 0) s->o.all_per_s = 500;
    s->udp.data = s;
    posw_random_bytes(s->key, sizeof s->key);
    if (uv_udp_init(loop, &s->udp) != 0) {
        free(s);
        return posw_message_set(msg, POSW_EIO, "the name server's socket cannot be made");
    }
    int err = bind_to(s);
    if (err == 0) err = uv_udp_recv_start(&s->udp, on_alloc, on_packet);
    s->open = err == 0;
    *out = s;
    if (err == 0) return POSW_OK;
    const int code = refuse(s, err, msg);
    posw_dns_server_stop(s);
    while (!posw_dns_server_is_idle(s))
        (void)uv_run(loop, UV_RUN_ONCE);
    posw_dns_server_free(s);
    *out = NULL;
    return code;
}

uint16_t posw_dns_server_port(const posw_dns_server *s) {
    struct sockaddr_storage address;
    int size = sizeof address;
    posw_netaddr own;
    if (uv_udp_getsockname(&s->udp, (struct sockaddr *)&address, &size) != 0) return 0;
    return posw_sockaddr_read(&own, (struct sockaddr *)&address) ? own.port : 0;
}

posw_dns_counters posw_dns_server_read_counters(const posw_dns_server *s) {
    return s->counters;
}

void posw_dns_server_stop(posw_dns_server *s) {
    s->open = false;
    if (!uv_is_closing((uv_handle_t *)&s->udp)) uv_close((uv_handle_t *)&s->udp, on_closed);
}

bool posw_dns_server_is_idle(const posw_dns_server *s) {
    return s->closed;
}

void posw_dns_server_free(posw_dns_server *s) {
    free(s);
}
