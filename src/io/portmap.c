#include "io/portmap.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "io/file.h"
#include "io/portmap_codec.h"
#include "io/runner.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum { TRIES = 4, ROUTES_MAX = 256 * 1024, LIFETIME_MAX_S = 24 * 3600 };

enum method { METHOD_PCP, METHOD_NATPMP };

struct posw_portmap {
    posw_portmap_options o;
    uv_udp_t udp;
    uv_timer_t timer;
    unsigned handles; /* open */
    bool connected, asking, said_why;
    enum method method; /* that is tried, or that was granted */
    unsigned tries;
    posw_portmap_wish wish;
    posw_netaddr external; /* of the mapping that holds; zero: none */
    uint64_t until_ms;     /* it holds */
    posw_netaddr heard;    /* the halves of NAT-PMP's answer: zero until they are there */
    uint32_t heard_lifetime_s;
    char room[POSW_PORTMAP_ANSWER_MAX + 4];
};

static void ask(posw_portmap *m);
static void on_timer(uv_timer_t *timer);
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void on_packet(uv_udp_t *udp, ssize_t size, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags);

static void wait_ms(posw_portmap *m, uint64_t ms) {
    (void)uv_timer_start(&m->timer, on_timer, ms, 0);
}

/* ---- The router ---- */

static bool find_gateway(const posw_portmap *m, posw_netaddr *out) {
    posw_buf text = {0};
    *out = m->o.gateway;
    if (out->port != 0) return true;
    const bool found = posw_file_read(&text, m->o.routes_path, ROUTES_MAX, NULL) == POSW_OK &&
                       posw_portmap_gateway(out, (const char *)text.data, text.size);
    posw_buf_clear(&text);
    out->port = POSW_PORTMAP_PORT;
    return found;
}

static struct sockaddr_in to_sockaddr(const posw_netaddr *a) {
    struct sockaddr_in s = {.sin_family = AF_INET, .sin_port = htons(a->port)};
    memcpy(&s.sin_addr, a->ip + 12, 4);
    return s;
}

/* The machine may have moved to another network since the last time. True: connected, and behind a router that matters:
 * who has a public address needs no mapping. */
static bool find_way(posw_portmap *m) {
    posw_netaddr gateway;
    struct sockaddr_in s;
    int size = sizeof s;
    if (m->connected) (void)uv_udp_connect(&m->udp, NULL);
    m->connected = false;
    if (!find_gateway(m, &gateway)) return false;
    s = to_sockaddr(&gateway);
    m->connected = uv_udp_connect(&m->udp, (const struct sockaddr *)&s) == 0;
    if (!m->connected || uv_udp_getsockname(&m->udp, (struct sockaddr *)&s, &size) != 0) return false;
    m->wish.local = (posw_netaddr){.ip = {[10] = 0xff, [11] = 0xff}, .port = 1};
    memcpy(m->wish.local.ip + 12, &s.sin_addr, 4);
    (void)uv_udp_recv_start(&m->udp, on_alloc, on_packet); /* again: good */
    return !posw_netaddr_is_routable(&m->wish.local);
}

static void send_packet(posw_portmap *m, const uint8_t *data, size_t size) {
    const uv_buf_t b = uv_buf_init((char *)(uintptr_t)data, (unsigned)size);
    (void)uv_udp_try_send(&m->udp, &b, 1, NULL); /* what is lost is sent again */
}

static void send_wish(posw_portmap *m) {
    uint8_t pcp[POSW_PCP_MAP_SIZE], map[POSW_NATPMP_MAP_SIZE], address[POSW_NATPMP_ADDRESS_SIZE];
    if (m->method == METHOD_PCP) {
        posw_pcp_map_encode(pcp, &m->wish);
        send_packet(m, pcp, sizeof pcp);
        return;
    }
    posw_natpmp_address_encode(address);
    posw_natpmp_map_encode(map, &m->wish);
    if (m->wish.lifetime_s != 0) send_packet(m, address, sizeof address);
    send_packet(m, map, sizeof map);
}

/* ---- What came of it ---- */

static void tell(posw_portmap *m, const posw_netaddr *external) {
    char text[POSW_NETADDR_TEXT];
    if (posw_netaddr_equal(external, &m->external)) return;
    m->external = *external;
    if (external->port != 0) {
        posw_netaddr_text(text, external);
        posw_log_write(m->o.log, POSW_LOG_INFO, "peers", "the router lets peers in at %s (%s)", text,
                       m->method == METHOD_PCP ? "PCP" : "NAT-PMP");
        if (!posw_netaddr_is_routable(external))
            posw_log_write(m->o.log, POSW_LOG_WARN, "peers",
                           "that is no public address: the router is behind another one, and peers elsewhere cannot "
                           "dial this node");
    } else {
        posw_log_write(m->o.log, POSW_LOG_WARN, "peers", "the router lets peers in no more");
    }
    m->o.mapped(m->o.arg, external);
}

static void granted(posw_portmap *m, const posw_netaddr *external, uint32_t lifetime_s) {
    if (lifetime_s > LIFETIME_MAX_S) lifetime_s = LIFETIME_MAX_S;
    m->asking = m->said_why = false;
    m->until_ms = uv_now(m->udp.loop) + (uint64_t)lifetime_s * 1000;
    m->wish.external = *external;
    wait_ms(m, (uint64_t)lifetime_s * 500);
    tell(m, external);
}

static void failed(posw_portmap *m, const char *why) {
    static const posw_netaddr none;
    const uint64_t now_ms = uv_now(m->udp.loop);
    m->asking = false;
    if (!m->said_why) posw_log_write(m->o.log, POSW_LOG_INFO, "peers", "the router does not let peers in: %s", why);
    m->said_why = true;
    if (m->external.port != 0 && now_ms < m->until_ms) { /* it holds still: ask again before it ends */
        wait_ms(m, (m->until_ms - now_ms) / 2 + 100);
        return;
    }
    wait_ms(m, (uint64_t)m->o.pause_s * 1000);
    tell(m, &none);
}

/* ---- Asking ---- */

static void ask_by(posw_portmap *m, enum method method) {
    m->method = method;
    m->tries = 0;
    m->heard = (posw_netaddr){.port = 0};
    ask(m);
}

static void ask(posw_portmap *m) {
    if (m->tries == TRIES) {
        if (m->method == METHOD_PCP)
            ask_by(m, METHOD_NATPMP);
        else
            failed(m, "it does not answer");
        return;
    }
    send_wish(m);
    wait_ms(m, (uint64_t)m->o.first_wait_ms << m->tries++);
}

static void on_timer(uv_timer_t *timer) {
    posw_portmap *m = timer->data;
    if (m->asking) {
        ask(m);
    } else if (find_way(m)) {
        m->asking = true;
        ask_by(m, METHOD_PCP);
    } else {
        failed(m, "there is none, or none is needed");
    }
}

static void on_pcp(posw_portmap *m, const posw_portmap_answer *a) {
    if (m->method != METHOD_PCP) return;
    if (a->result == 0 && (a->port != m->wish.port || memcmp(a->nonce, m->wish.nonce, sizeof a->nonce) != 0)) return;
    if (a->result == 0 && a->lifetime_s > 0 && a->external.port != 0)
        granted(m, &a->external, a->lifetime_s);
    else
        failed(m, posw_portmap_result_text(a));
}

static void on_natpmp(posw_portmap *m, const posw_portmap_answer *a) {
    if (m->method != METHOD_NATPMP) return;
    if (a->result != 0) {
        failed(m, posw_portmap_result_text(a));
        return;
    }
    if (a->kind == POSW_PORTMAP_NATPMP_ADDRESS) {
        memcpy(m->heard.ip, a->external.ip, sizeof m->heard.ip);
    } else if (a->port == m->wish.port) {
        m->heard.port = a->external.port;
        m->heard_lifetime_s = a->lifetime_s;
    }
    if (m->heard.port != 0 && posw_netaddr_is_ipv4(&m->heard) && m->heard_lifetime_s > 0)
        granted(m, &m->heard, m->heard_lifetime_s);
}

static void on_packet(uv_udp_t *udp, ssize_t size, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags) {
    posw_portmap *m = udp->data;
    posw_portmap_answer a;
    if (size <= 0 || from == NULL || (flags & UV_UDP_PARTIAL) != 0 || !m->asking) return;
    if (!posw_portmap_decode(&a, (const uint8_t *)buf->base, (size_t)size)) return;
    switch (a.kind) {
    case POSW_PORTMAP_PCP_MAP:
        on_pcp(m, &a);
        break;
    case POSW_PORTMAP_NATPMP_MAP:
    case POSW_PORTMAP_NATPMP_ADDRESS:
        on_natpmp(m, &a);
        break;
    case POSW_PORTMAP_OTHER_VERSION:
        if (m->method == METHOD_PCP) ask_by(m, METHOD_NATPMP);
        break;
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    (void)suggested;
    posw_portmap *m = handle->data;
    *buf = uv_buf_init(m->room, sizeof m->room);
}

/* ---- Life ---- */

static void on_closed(uv_handle_t *handle) {
    posw_portmap *m = handle->data;
    m->handles--;
}

int posw_portmap_start(posw_portmap **out, uv_loop_t *loop, const posw_portmap_options *o) {
    posw_portmap *m = calloc(1, sizeof *m);
    if (m == NULL) return POSW_ENOMEM;
    m->o = *o;
    if (m->o.routes_path == NULL) m->o.routes_path = "/proc/net/route";
    if (m->o.lifetime_s == 0) m->o.lifetime_s = 3600;
    if (m->o.first_wait_ms == 0) m->o.first_wait_ms = 500;
    if (m->o.pause_s == 0) m->o.pause_s = 900;
    m->wish = (posw_portmap_wish){.port = o->port, .external = {.port = o->port}, .lifetime_s = m->o.lifetime_s};
    posw_random_bytes(m->wish.nonce, sizeof m->wish.nonce);
    m->udp.data = m->timer.data = m;
    if (uv_udp_init_ex(loop, &m->udp, AF_INET) != 0) { /* makes the socket: out of files */
        free(m);
        return POSW_EIO;
    }
    (void)uv_timer_init(loop, &m->timer);
    m->handles = 2;
    *out = m;
    wait_ms(m, 0);
    return POSW_OK;
}

void posw_portmap_stop(posw_portmap *m) {
    if (uv_is_closing((uv_handle_t *)&m->udp)) return;
    if (m->external.port != 0) {
        m->wish.lifetime_s = 0;
        send_wish(m);
    }
    m->asking = false;
    uv_close((uv_handle_t *)&m->udp, on_closed);
    uv_close((uv_handle_t *)&m->timer, on_closed);
}

bool posw_portmap_is_idle(const posw_portmap *m) {
    return m->handles == 0;
}

void posw_portmap_free(posw_portmap *m) {
    free(m);
}
