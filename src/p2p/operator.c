/* What operators see and do. */
#include "base/bytes.h"
#include "base/error.h"
#include "p2p/p2p_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *posw_p2p_kind_text(enum posw_p2p_kind kind) {
    static const char *const names[] = {"inbound", "outbound", "block-only", "feeler", "named"};
    return names[kind];
}

static size_t memory_of(const p2p_peer *peer) {
    return sizeof *peer + peer->in.capacity + p2p_sync_peer_memory(peer) + p2p_compact_peer_memory(peer) +
           p2p_txs_peer_memory(peer);
}

/* Our clock may have been set back since it greeted: then its blocks are in the future, and nobody greets anew. */
static int64_t clock_offset_of(const posw_p2p *p, const p2p_peer *peer) {
    return peer->clock_ahead_s + ((int64_t)(posw_node_now_ms(p->node) / 1000) - (int64_t)posw_node_now_s(p->node));
}

size_t posw_p2p_peers(const posw_p2p *p, posw_p2p_peer_info *out, size_t max) {
    for (size_t i = 0; i < p->peer_count && i < max; i++) {
        const p2p_peer *peer = p->peers[i];
        out[i] = (posw_p2p_peer_info){.peer = peer->id,
                                      .kind = peer->kind,
                                      .address = peer->address,
                                      .node_id = peer->node_id,
                                      .ready = peer->state == P2P_READY,
                                      .pruned = (peer->flags & POSW_MSG_HELLO_RECENT) != 0,
                                      .number = peer->number,
                                      .hash = peer->hash,
                                      .weight = peer->weight,
                                      .connected_s = peer->opened_ms / 1000,
                                      .clock_offset_s = clock_offset_of(p, peer),
                                      .ping_ms = peer->ping_ms,
                                      .bytes_in = peer->bytes_in,
                                      .bytes_out = peer->bytes_out,
                                      .blocks = peer->blocks,
                                      .txs = peer->txs,
                                      .memory = memory_of(peer)};
        memcpy(out[i].agent, peer->agent, sizeof peer->agent);
    }
    return p->peer_count;
}

static int compare_offsets(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* The median of the outbound peers' clocks, of at least 4, against ours: who came to us may lie about it in numbers. */
static bool clock_offset(const posw_p2p *p, int64_t *by) {
    int64_t offsets[POSW_P2P_NAMED_MAX];
    size_t n = 0, i = 0;
    for (const p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL && n < POSW_ARRAY_SIZE(offsets);)
        if (peer->kind != POSW_P2P_INBOUND) offsets[n++] = clock_offset_of(p, peer);
    if (n < 4) return false;
    qsort(offsets, n, sizeof *offsets, compare_offsets);
    *by = offsets[n / 2];
    return true;
}

static void find_lonely(const posw_p2p *p, posw_p2p_status *s) {
    const char *name = posw_connect_unresolved(p->connect);
    if (name != NULL)
        snprintf(s->problem, sizeof s->problem,
                 "no peers: %.60s has no address; is the name spelt right, and is this machine connected?", name);
    else if (s->addresses > 0)
        snprintf(s->problem, sizeof s->problem,
                 "no peers: none of the known addresses answers; is this machine connected?");
    else if (posw_connect_has_named(p->connect))
        snprintf(s->problem, sizeof s->problem,
                 "no peers: none of the nodes that were named answers; do they run, and let others in?");
    else
        snprintf(s->problem, sizeof s->problem, "no peers: no address is known; name a node with --addnode posw://…");
}

static void find_problem(const posw_p2p *p, posw_p2p_status *s) {
    uint64_t height = 0;
    const bool lacks = posw_p2p_upgrade_needed(p, &height);
    if (height != 0)
        snprintf(s->problem, sizeof s->problem,
                 "upgrade needed: others change the rules at block %" PRIu64
                 ", which this chain file does not say; get the chain's new file",
                 height);
    else if (lacks)
        snprintf(s->problem, sizeof s->problem,
                 "upgrade needed: others follow rules that this chain file does not have; get the chain's new file");
    if (s->problem[0] != 0) return; /* of the chain: more urgent */
    if (s->inbound + s->outbound == 0)
        find_lonely(p, s);
    else if (s->clock_known && llabs(s->clock_offset_s) > P2P_CLOCK_MAX_S)
        snprintf(s->problem, sizeof s->problem,
                 "the clock is off by about %" PRId64 " s: set it (blocks may be refused)", s->clock_offset_s);
    else if (p->options.listen_port != 0 && s->inbound == 0 && p->now_ms > p->block_ms &&
             p->now_ms - p->start_ms > 24 * 3600 * 1000ULL)
        snprintf(s->problem, sizeof s->problem,
                 "not reachable: nobody has connected in a day; open TCP port %u in router and firewall",
                 p->options.listen_port);
}

void posw_p2p_read_status(const posw_p2p *p, posw_p2p_status *out) {
    size_t i = 0;
    *out = p->counters;
    for (const p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;) {
        if (peer->kind == POSW_P2P_INBOUND)
            out->inbound++;
        else if (peer->kind != POSW_P2P_FEELER)
            out->outbound++;
    }
    for (i = 0; i < p->peer_count; i++)
        out->memory += memory_of(p->peers[i]);
    out->addresses = posw_addrman_count(posw_connect_addresses(p->connect), NULL, NULL);
    out->peers_max = p->options.inbound_max + p->options.outbound_max + p->options.block_only_max;
    out->clock_known = clock_offset(p, &out->clock_offset_s);
    p2p_sync_status(p, out);
    find_problem(p, out);
}

int posw_p2p_read_traffic(const posw_p2p *p, int (*fn)(void *arg, const char *message, const posw_p2p_traffic *t),
                          void *arg) {
    int rc = 0;
    for (size_t i = 0; i <= POSW_MSG_KINDS && rc == 0; i++)
        rc = fn(arg, posw_msg_kind_name(i), &p->traffic[i]);
    return rc;
}

/* ---- Commands ---- */

bool posw_p2p_add_node(posw_p2p *p, const posw_node_url *url, posw_actions *out) {
    (void)out;
    if (posw_connect_add_named(p->connect, url) != POSW_OK) return false;
    p2p_wake(p, p->now_ms);
    return true;
}

bool posw_p2p_remove_node(posw_p2p *p, const posw_node_url *url, posw_actions *out) {
    if (posw_connect_remove_named(p->connect, url) != POSW_OK) return false;
    for (size_t i = 0; i < p->peer_count; i++) {
        p2p_peer *peer = p->peers[i];
        const bool same = url->numeric ? posw_netaddr_equal(&peer->address, &url->address)
                                       : memcmp(&peer->node_id, &url->id, sizeof url->id) == 0;
        if (same && peer->kind == POSW_P2P_NAMED)
            p2p_goodbye(p, peer, P2P_BYE_FULL, "the operator has removed this node", out);
    }
    return true;
}

bool posw_p2p_disconnect(posw_p2p *p, uint64_t id, posw_actions *out) {
    p2p_peer *peer = p2p_find(p, id);
    if (peer == NULL || peer->state == P2P_CLOSING) return false;
    p2p_goodbye(p, peer, P2P_BYE_FULL, "the operator has closed this connection", out);
    return true;
}

int posw_p2p_ban(posw_p2p *p, const char *text, uint64_t until_s, posw_actions *out) {
    posw_bans *bans = posw_connect_bans(p->connect);
    posw_subnet subnet;
    if (!posw_subnet_parse(&subnet, text)) return POSW_EINVAL;
    if (until_s == 0) {
        if (!posw_bans_remove(bans, &subnet)) return POSW_ENOTFOUND;
        p2p_save(p, out);
        return POSW_OK;
    }
    const int rc = posw_bans_add(bans, &subnet, until_s, p2p_wall_s(p));
    if (rc != POSW_OK) return rc;
    for (size_t i = 0; i < p->peer_count; i++)
        if (posw_subnet_has(&subnet, &p->peers[i]->address) && p->peers[i]->state != P2P_CLOSING)
            p2p_goodbye(p, p->peers[i], P2P_BYE_BANNED, "the operator has banned this address", out);
    p2p_save(p, out);
    return POSW_OK;
}

typedef struct {
    int (*fn)(void *arg, const char *subnet, uint64_t until_s);
    void *arg;
} ban_walk;

static int on_ban(void *arg, const posw_subnet *s, uint64_t until_s) {
    const ban_walk *w = arg;
    char text[POSW_SUBNET_TEXT];
    posw_subnet_text(text, s);
    return w->fn(w->arg, text, until_s);
}

int posw_p2p_bans(const posw_p2p *p, int (*fn)(void *arg, const char *subnet, uint64_t until_s), void *arg) {
    ban_walk w = {fn, arg};
    return posw_bans_walk(posw_connect_bans(p->connect), p2p_wall_s(p), on_ban, &w);
}

void posw_p2p_url(const posw_p2p *p, char out[POSW_NODE_URL_TEXT]) {
    const posw_netaddr none = {{0}, 0};
    posw_netaddr a = p->options.external;
    if (posw_netaddr_equal(&a, &none)) {
        a = (posw_netaddr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}, .port = p->options.listen_port};
    }
    posw_node_url_text(out, &p->options.self, &a);
}
