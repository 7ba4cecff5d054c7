/* Who may shake hands: a handshake costs a node as much work as the other side, so strangers must not have it at will.
 */
#include "io/peers_internal.h"

static bool same_group(const peer_conn *a, const peer_conn *b) {
    return memcmp(a->group, b->group, sizeof a->group) == 0;
}

static bool is_half_open(const peer_conn *c) {
    return c->inbound && c->phase == CONN_SHAKING;
}

static unsigned half_open_of_group(const posw_peers *p, const peer_conn *like) {
    unsigned n = 0;
    for (const peer_conn *c = p->conns; c != NULL; c = c->next)
        n += is_half_open(c) && same_group(c, like);
    return n;
}

static unsigned factor(const posw_peers *p, const peer_conn *c) {
    /* an inbound address has the port of the other side's choice, so that only the address decides */
    return posw_netaddr_is_routable(&c->address) ? 1 : p->o.local_factor;
}

/* A token bucket as one number: the time up to which what was done is paid for. */
static bool bucket_allows(uint64_t *paid_us, uint64_t now_us, uint64_t per_s, uint64_t burst) {
    const uint64_t interval_us = 1000000 / per_s, burst_us = interval_us * burst;
    const uint64_t from_us = *paid_us + burst_us > now_us ? *paid_us : now_us - burst_us;
    if (from_us + interval_us > now_us) return false;
    *paid_us = from_us + interval_us;
    return true;
}

/* The table of groups is emptied when it is full, so it cannot grow; whoever has so many groups does not need to fill
 * it, and is stopped by the bucket of all. */
static bool rate_allows(posw_peers *p, const peer_conn *c) {
    const uint64_t now_us = peers_now_ms() * 1000;
    if (p->rates.count >= PEERS_RATES_MAX) posw_map_clear(&p->rates);
    uint64_t *paid_us = posw_map_put(&p->rates, c->group, NULL);
    if (paid_us == NULL) return false;
    return bucket_allows(paid_us, now_us, (uint64_t)p->o.handshakes_per_s * factor(p, c),
                         (uint64_t)p->o.handshakes_burst * factor(p, c)) &&
           bucket_allows(&p->paid_us, now_us, p->o.handshakes_all_per_s, 2 * (uint64_t)p->o.handshakes_all_per_s);
}

/* Whose place a newcomer takes: the oldest handshake of the group that has most of them, if those are more than the
 * newcomer's group has. Where that only turns one group's place into another's, an honest handshake gets the time that
 * it needs. NULL: nobody's. */
static peer_conn *to_displace(posw_peers *p, const peer_conn *newcomer) {
    enum { HONEST_MS = 1000 };
    peer_conn *worst = NULL;
    const unsigned own = half_open_of_group(p, newcomer);
    unsigned most = 0;
    for (peer_conn *c = p->conns; c != NULL; c = c->next) {
        if (!is_half_open(c)) continue;
        const unsigned n = half_open_of_group(p, c);
        if (n <= own || (n == own + 1 && peers_now_ms() - c->begun_ms < HONEST_MS)) continue;
        if (n < most) continue;
        most = n;
        worst = c; /* the list has the newest first */
    }
    return worst;
}

static bool has_place(posw_peers *p, const peer_conn *c) {
    if (p->half_open < p->o.half_open_max) return true;
    peer_conn *other = to_displace(p, c);
    if (other == NULL) return false;
    p->counters.displaced++;
    conn_end(other, "too many handshakes at once");
    return true;
}

bool gate_admits(posw_peers *p, const peer_conn *c) {
    if (p->inbound > p->o.inbound_max) { /* this one is counted */
        p->counters.refused_full++;
        return false;
    }
    if (half_open_of_group(p, c) >= p->o.half_open_group_max * factor(p, c)) {
        p->counters.refused_group++;
        return false;
    }
    if (!rate_allows(p, c)) {
        p->counters.refused_rate++;
        return false;
    }
    if (has_place(p, c)) return true;
    p->counters.refused_full++;
    return false;
}
