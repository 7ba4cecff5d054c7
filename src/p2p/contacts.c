/* Who is connected: dials as the policy (connect.h) wishes, places for those who come, addresses in and out. */
#include "base/bytes.h"
#include "base/error.h"
#include "p2p/evict.h"
#include "p2p/p2p_internal.h"

#include <stdlib.h>
#include <string.h>

enum { ADDRESS_TELL_MS = 24 * 3600 * 1000, STALE_INTERVALS = 3 };

static bool is_connected(void *arg, const posw_netaddr *address, const posw_node_id *id) {
    const posw_p2p *p = arg;
    const posw_node_id none = {{0}};
    for (size_t i = 0; i < p->peer_count; i++) {
        const p2p_peer *peer = p->peers[i];
        if (peer->state == P2P_CLOSING) continue;
        if (posw_netaddr_equal(&peer->address, address)) return true;
        if (id != NULL && memcmp(id, &none, sizeof none) != 0 && peer->state == P2P_READY &&
            memcmp(&peer->node_id, id, sizeof *id) == 0)
            return true;
    }
    return false;
}

int p2p_contacts_new(posw_p2p *p) {
    const posw_p2p_options *o = &p->options;
    posw_message warning = {""};
    posw_connect_options c = {.outbound_max = o->outbound_max,
                              .block_only_max = o->block_only_max,
                              .named = o->named,
                              .named_count = o->named_count,
                              .named_only = o->named_only,
                              .bootnodes = o->bootnodes,
                              .bootnode_count = o->bootnode_count,
                              .dns_seeds = o->dns_seeds,
                              .default_port = POSW_P2P_PORT,
                              .private_network = o->private_network,
                              .self = o->external,
                              .kept = o->kept,
                              .is_connected = is_connected,
                              .arg = p};
    posw_random_fill(&p->random, c.seed, sizeof c.seed);
    const int rc = posw_connect_new(&p->connect, &warning, &c, p->now_ms);
    if (warning.text[0] != 0) posw_log_write(p->log, POSW_LOG_WARN, "p2p", "%s", warning.text);
    return rc;
}

/* ---- Dialling ---- */

p2p_peer *p2p_dial(posw_p2p *p, enum posw_p2p_kind kind, const posw_netaddr *address, const posw_node_id *id,
                   posw_actions *out) {
    p2p_peer *peer = p2p_add_peer(p, p->next_outbound, kind, address);
    posw_action *a = peer == NULL ? NULL : posw_actions_push(out, POSW_ACTION_PEER_CONNECT);
    p->next_outbound++;
    if (a == NULL) return NULL;
    a->peer = peer->id;
    a->address = *address;
    a->node_id = *id;
    return peer;
}

void p2p_report_dial(posw_p2p *p, p2p_peer *peer, enum posw_dial_result result) {
    if (peer->kind == POSW_P2P_INBOUND || peer->reported) return;
    const bool shown = result == POSW_DIAL_READY || result == POSW_DIAL_KNOWN;
    peer->reported = true;
    posw_connect_result(p->connect, peer->id, result, shown ? &peer->node_id : NULL, p->now_ms);
}

static void resolve(const posw_connect_wish *wish, posw_actions *out) {
    posw_action *a = posw_actions_push(out, POSW_ACTION_RESOLVE);
    if (a == NULL) return;
    posw_buf_append(&a->data, wish->host, strlen(wish->host) + 1);
    a->address.port = wish->port;
}

static void dial_as_wished(posw_p2p *p, posw_actions *out) {
    posw_connect_wish wish;
    for (;;) {
        posw_connect_next(p->connect, &wish, p->next_outbound, p->now_ms);
        switch (wish.what) {
        case POSW_CONNECT_WAIT:
            if (wish.at_ms != UINT64_MAX) p2p_wake(p, wish.at_ms);
            return;
        case POSW_CONNECT_DIAL:
            if (p2p_dial(p, wish.kind, &wish.address, &wish.id, out) == NULL)
                posw_connect_result(p->connect, p->next_outbound - 1, POSW_DIAL_FAILED, NULL, p->now_ms);
            break;
        case POSW_CONNECT_RESOLVE:
            resolve(&wish, out);
            break;
        }
    }
}

/* No block for three expected intervals: perhaps all peers are on an island. */
static void check_stale_tip(posw_p2p *p, posw_actions *out) {
    const uint64_t interval_ms = posw_chain_params(p->chain)->block_time_s * 1000;
    posw_connect_want_extra(p->connect,
                            p->now_ms > p->block_ms + STALE_INTERVALS * interval_ms && !p2p_sync_is_behind(p));
    if (!posw_connect_has_surplus(p->connect)) return;
    posw_evict_candidate c[POSW_P2P_NAMED_MAX];
    size_t n = 0, i = 0;
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL && n < POSW_ARRAY_SIZE(c);)
        if (peer->kind == POSW_P2P_OUTBOUND)
            c[n++] = (posw_evict_candidate){
                .peer = peer->id, .connected_ms = peer->opened_ms, .last_block_ms = peer->last_block_ms};
    uint64_t id;
    if (posw_evict_outbound(&id, c, n, p->now_ms))
        p2p_goodbye(p, p2p_find(p, id), P2P_BYE_FULL, "one connection too many", out);
}

void p2p_save(posw_p2p *p, posw_actions *out) {
    posw_action *a = posw_actions_push(out, POSW_ACTION_SAVE_PEERS);
    if (a != NULL) posw_connect_save(p->connect, &a->data);
    p->save_ms = p->now_ms + P2P_SAVE_MS;
}

static void tell_own_again(posw_p2p *p, posw_actions *out);

void p2p_contacts_tick(posw_p2p *p, posw_actions *out) {
    check_stale_tip(p, out);
    tell_own_again(p, out);
    dial_as_wished(p, out);
    if (p->now_ms >= p->save_ms) p2p_save(p, out);
    p2p_wake(p, p->save_ms);
}

/* ---- Places for those who come ---- */

static bool is_wanted(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    if (!posw_bans_has(posw_connect_bans(p->connect), &peer->address, p2p_wall_s(p))) return true;
    p2p_goodbye(p, peer, P2P_BYE_BANNED, "this address is banned here", out);
    return false;
}

bool p2p_has_place(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    posw_bans *bans = posw_connect_bans(p->connect);
    size_t n = 0;
    uint64_t id;
    if (!is_wanted(p, peer, out)) return false;
    posw_evict_candidate *c = malloc((p->peer_count + 1) * sizeof *c);
    for (size_t i = 0; c != NULL && i < p->peer_count; i++) {
        const p2p_peer *other = p->peers[i];
        if (other == peer || other->kind != POSW_P2P_INBOUND || other->state == P2P_CLOSING) continue;
        c[n] = (posw_evict_candidate){.peer = other->id,
                                      .ping_min_ms = other->ping_min_ms,
                                      .connected_ms = other->opened_ms,
                                      .last_block_ms = other->last_block_ms,
                                      .last_tx_ms = other->last_tx_ms,
                                      .discouraged = posw_bans_is_discouraged(bans, &other->address, p->now_ms / 1000)};
        posw_netaddr_group(c[n++].group, &other->address);
    }
    const bool room = c != NULL && posw_inbound_group_has_room(c, n, &peer->address, p->options.private_network);
    const bool full = n >= p->options.inbound_max;
    const bool discouraged = full && posw_bans_is_discouraged(bans, &peer->address, p->now_ms / 1000);
    const bool evicted = room && full && !discouraged && posw_evict_inbound(&id, c, n, p->evict_secret);
    free(c);
    if (evicted) p2p_goodbye(p, p2p_find(p, id), P2P_BYE_FULL, "the place is needed for another", out);
    if (room && (!full || evicted)) return true;
    p2p_goodbye(p, peer, P2P_BYE_FULL, room ? "no place is free" : "too many connections from this part of the network",
                out);
    return false;
}

/* ---- Addresses ---- */

static void tell_own(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    const posw_netaddr none = {{0}, 0};
    posw_msg_writer w;
    peer->next_address_ms = p->now_ms + ADDRESS_TELL_MS;
    if (posw_netaddr_equal(&p->options.external, &none)) return;
    posw_action *a = p2p_send_begin(p, peer, out);
    if (a == NULL) return;
    posw_msg_addresses_begin(&w, &a->data);
    (void)posw_msg_addresses_add(
        &w, &(posw_msg_address){.address = p->options.external, .id = p->options.self, .seen_s = p->now_ms / 1000});
    posw_msg_end(&w);
    p2p_send_end(p, peer, a);
}

static bool hears_address(const p2p_peer *peer) {
    return peer->kind != POSW_P2P_INBOUND && peer->kind != POSW_P2P_FEELER;
}

void posw_p2p_set_external(posw_p2p *p, const posw_netaddr *external) {
    size_t i = 0;
    if (posw_netaddr_equal(&p->options.external, external)) return;
    p->options.external = *external;
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;)
        peer->next_address_ms = 0;
    p2p_wake(p, p->now_ms);
}

static void tell_own_again(posw_p2p *p, posw_actions *out) {
    size_t i = 0;
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;)
        if (hears_address(peer) && p->now_ms >= peer->next_address_ms) tell_own(p, peer, out);
}

/* An inbound peer that listens can be dialled where it came from, at the port that it named: it is its own source. */
static void note_listener(posw_p2p *p, const p2p_peer *peer) {
    if (peer->listen_port == 0) return;
    posw_msg_address told = {.address = peer->address, .id = peer->node_id, .seen_s = p->now_ms / 1000};
    told.address.port = peer->listen_port;
    (void)posw_addrman_add(posw_connect_addresses(p->connect), &told, &told.address, p->now_ms / 1000);
}

void p2p_contacts_ready(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    if (peer->kind == POSW_P2P_INBOUND) {
        note_listener(p, peer);
        return;
    }
    if (peer->kind == POSW_P2P_FEELER) {
        p2p_goodbye(p, peer, P2P_BYE_KNOWN, "only a test whether this address works", out);
        return;
    }
    tell_own(p, peer, out);
    if (peer->kind == POSW_P2P_BLOCK_ONLY) return;
    posw_action *a = p2p_send_begin(p, peer, out);
    if (a == NULL) return;
    posw_msg_get_addresses_encode(&a->data);
    p2p_send_end(p, peer, a);
    posw_addr_quota_asked(&peer->address_quota);
}

/* Answered once, and to those only who came: whoever is dialled could otherwise map the network. */
static bool on_get_addresses(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out) {
    if (!posw_msg_get_addresses_decode(payload)) return false;
    if (peer->gave_addresses || peer->kind != POSW_P2P_INBOUND) return true;
    peer->gave_addresses = true;
    posw_msg_address *list = malloc(POSW_ADDRMAN_ANSWER_MAX * sizeof *list);
    posw_action *a = list == NULL ? NULL : p2p_send_begin(p, peer, out);
    if (a != NULL) {
        posw_msg_writer w;
        const size_t n =
            posw_addrman_answer(posw_connect_addresses(p->connect), list, POSW_ADDRMAN_ANSWER_MAX, p->now_ms / 1000);
        posw_msg_addresses_begin(&w, &a->data);
        for (size_t i = 0; i < n && posw_msg_addresses_add(&w, &list[i]); i++) {
        }
        posw_msg_end(&w);
        p2p_send_end(p, peer, a);
    }
    free(list);
    if (p->options.seeder) p2p_goodbye(p, peer, P2P_BYE_FULL, "a seeder tells addresses and closes", out);
    return true;
}

size_t posw_p2p_seed_addresses(posw_p2p *p, posw_netaddr *out, size_t max, bool ipv6) {
    enum { DAY_S = 24 * 3600 };
    const uint64_t now_s = p->now_ms / 1000;
    size_t n = posw_addrman_proven(posw_connect_addresses(p->connect), out, max, ipv6, POSW_P2P_PORT,
                                   now_s > DAY_S ? now_s - DAY_S : 0);
    size_t i = 0;
    for (const p2p_peer *peer; n < max && (peer = p2p_ready_peer(p, &i)) != NULL;) {
        bool known = peer->kind == POSW_P2P_INBOUND || peer->address.port != POSW_P2P_PORT ||
                     posw_netaddr_is_ipv4(&peer->address) == ipv6 ||
                     (!p->options.private_network && !posw_netaddr_is_routable(&peer->address));
        for (size_t k = 0; k < n && !known; k++)
            known = posw_netaddr_equal(&out[k], &peer->address);
        if (!known) out[n++] = peer->address;
    }
    return n;
}

static bool on_addresses(posw_p2p *p, p2p_peer *peer, posw_bytes payload) {
    posw_msg_addresses list;
    posw_msg_address a;
    if (!posw_msg_addresses_decode(&list, payload)) return false;
    if (peer->kind == POSW_P2P_BLOCK_ONLY) return true; /* its addresses would show that we are connected */
    size_t taken = posw_addr_quota_take(&peer->address_quota, list.count, p->now_ms);
    while (taken-- > 0 && posw_msg_addresses_next(&a, &list))
        (void)posw_addrman_add(posw_connect_addresses(p->connect), &a, &peer->address, p->now_ms / 1000);
    p2p_wake(p, p->now_ms);
    return true;
}

bool p2p_contacts_message(posw_p2p *p, p2p_peer *peer, const posw_msg_frame *f, posw_actions *out) {
    if (f->type == POSW_MSG_GET_ADDRESSES) return on_get_addresses(p, peer, f->payload, out);
    return on_addresses(p, peer, f->payload);
}
