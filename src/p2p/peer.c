/* One peer: greeting, pings, farewell. */
#include "base/bytes.h"
#include "base/error.h"
#include "p2p/p2p_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- HELLO ---- */

static const uint64_t TIME_MAX_S = INT64_MAX / 2; /* sums and differences of times fit into 64 bits */

/* At which others may dial this node: a router's port, if one lets them in, need not be the one listened on. */
static uint16_t door_of(const posw_p2p *p) {
    if (p->options.listen_port == 0 || p->options.external.port == 0) return p->options.listen_port;
    return p->options.external.port;
}

void p2p_peer_open(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    const posw_header *tip = posw_chain_tip(p->chain);
    const char *agent = p->options.agent == NULL ? "posw/" POSW_VERSION : p->options.agent;
    posw_action *a = p2p_send_begin(p, peer, out);
    if (a == NULL) return;
    posw_msg_hello m = {
        .version = POSW_P2P_VERSION,
        .chain_id = posw_chain_params(p->chain)->chain_id,
        .genesis = p->genesis,
        .fork = p->fork,
        .number = tip->number,
        .hash = posw_chain_tip_hash(p->chain),
        .weight = posw_chain_weight_total(p->chain),
        .flags = (p2p_sync_is_behind(p) ? POSW_MSG_HELLO_SYNCING : 0) |
                 (p->options.seeder ? POSW_MSG_HELLO_SEEDER : 0) |
                 (posw_chain_first_body(p->chain) > 0 ? POSW_MSG_HELLO_RECENT : 0) |
                 (peer->kind == POSW_P2P_BLOCK_ONLY || peer->kind == POSW_P2P_FEELER ? 0 : POSW_MSG_HELLO_RELAYS),
        .port = door_of(p),
        .time_s = posw_node_now_s(p->node),
        .agent = posw_bytes_of(agent, strlen(agent))};
    memcpy(m.nonce, p->own_nonce, sizeof m.nonce);
    posw_msg_hello_encode(&a->data, &m);
    p2p_send_end(p, peer, a);
    p2p_wake(p, p->now_ms + P2P_HELLO_MS);
}

static void set_tip(p2p_peer *peer, uint64_t number, const posw_hash *hash, const posw_u256 *weight) {
    peer->number = number;
    peer->hash = *hash;
    peer->weight = *weight;
}

void p2p_refuse(posw_p2p *p, p2p_peer *peer, enum posw_dial_result result, enum p2p_goodbye code, const char *sentence,
                posw_actions *out) {
    p2p_report_dial(p, peer, result);
    p->counters.refused_other_chain += code == P2P_BYE_OTHER_CHAIN;
    p->counters.refused_other_fork += code == P2P_BYE_OTHER_FORK;
    p->counters.refused_version += code == P2P_BYE_VERSION;
    if (code == P2P_BYE_OTHER_CHAIN || code == P2P_BYE_OTHER_FORK || code == P2P_BYE_VERSION) {
        char address[POSW_NETADDR_TEXT];
        posw_netaddr_text(address, &peer->address);
        const bool quiet =
            peer->kind == POSW_P2P_INBOUND || code == P2P_BYE_OTHER_FORK; /* of forks upgrades.c speaks */
        posw_log_write(p->log, quiet ? POSW_LOG_DEBUG : POSW_LOG_WARN, "p2p", "%s: %s", address, sentence);
    }
    p2p_goodbye(p, peer, code, sentence, out);
}

static bool is_connected_twice(const posw_p2p *p, const p2p_peer *peer) {
    for (size_t i = 0; i < p->peer_count; i++) {
        const p2p_peer *other = p->peers[i];
        if (other != peer && other->state == P2P_READY &&
            memcmp(&other->node_id, &peer->node_id, sizeof peer->node_id) == 0)
            return true;
    }
    return false;
}

static bool judge_hello(posw_p2p *p, p2p_peer *peer, const posw_msg_hello *m, posw_actions *out) {
    char text[POSW_MSG_SENTENCE_MAX];
    if (memcmp(m->nonce, p->own_nonce, sizeof p->own_nonce) == 0) {
        p2p_refuse(p, peer, POSW_DIAL_SELF, P2P_BYE_SELF, "this is the node itself", out);
    } else if (m->version < 1) {
        p2p_refuse(p, peer, POSW_DIAL_USELESS, P2P_BYE_VERSION,
                   "protocol version 0 is not spoken here; get the latest release", out);
    } else if (!posw_hash_equal(&m->genesis, &p->genesis)) {
        char own[2 * POSW_HASH_SIZE + 1], theirs[2 * POSW_HASH_SIZE + 1];
        posw_hex_encode(own, p->genesis.b, sizeof p->genesis.b);
        posw_hex_encode(theirs, m->genesis.b, sizeof m->genesis.b);
        snprintf(text, sizeof text,
                 "wrong chain: the genesis here is 0x%.16s… (chain id %" PRIu64
                 "), there it is 0x%.16s… (chain id %" PRIu64 "); both need the same chain file",
                 own, posw_chain_params(p->chain)->chain_id, theirs, m->chain_id);
        p2p_refuse(p, peer, POSW_DIAL_USELESS, P2P_BYE_OTHER_CHAIN, text, out);
    } else if (!p2p_upgrades_heard(p, peer, &m->fork, m->number, out)) {
        return false;
    } else if (is_connected_twice(p, peer)) {
        p2p_refuse(p, peer, POSW_DIAL_KNOWN, P2P_BYE_KNOWN, "connected already", out);
    } else {
        return true;
    }
    return false;
}

static bool on_hello(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out) {
    posw_msg_hello m;
    char address[POSW_NETADDR_TEXT];
    if (peer->state != P2P_HELLO || !posw_msg_hello_decode(&m, payload)) return false;
    if (!judge_hello(p, peer, &m, out)) return true;
    peer->version = (uint32_t)(m.version < UINT32_MAX ? m.version : UINT32_MAX);
    peer->flags = (uint32_t)m.flags;
    peer->listen_port = m.port;
    peer->clock_ahead_s = (int64_t)(m.time_s < TIME_MAX_S ? m.time_s : TIME_MAX_S) - (int64_t)(p->now_ms / 1000);
    posw_msg_text(peer->agent, sizeof peer->agent, m.agent);
    set_tip(peer, m.number, &m.hash, &m.weight);
    peer->next_ping_ms = p->now_ms;
    posw_netaddr_text(address, &peer->address);
    posw_log_write(p->log, POSW_LOG_INFO, "p2p", "connected to %s (%s, %s), at block %" PRIu64, address,
                   posw_p2p_kind_text(peer->kind), peer->agent, peer->number);
    p2p_peer_ready(p, peer, out);
    return true;
}

/* ---- GOODBYE ---- */

static bool on_goodbye(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out) {
    posw_msg_goodbye m;
    char sentence[POSW_MSG_SENTENCE_MAX + 1], address[POSW_NETADDR_TEXT];
    if (!posw_msg_goodbye_decode(&m, payload)) return false;
    posw_msg_text(sentence, sizeof sentence, m.sentence);
    posw_netaddr_text(address, &peer->address);
    const bool wrong = m.code == P2P_BYE_OTHER_CHAIN || m.code == P2P_BYE_OTHER_FORK || m.code == P2P_BYE_VERSION;
    const bool loud =
        (wrong && peer->kind != POSW_P2P_INBOUND) || (peer->kind == POSW_P2P_NAMED && m.code != P2P_BYE_KNOWN);
    posw_log_write(p->log, loud ? POSW_LOG_WARN : POSW_LOG_DEBUG, "p2p", "%s says goodbye: %s", address, sentence);
    p2p_report_dial(p, peer,
                    wrong                     ? POSW_DIAL_USELESS
                    : m.code == P2P_BYE_SELF  ? POSW_DIAL_SELF
                    : m.code == P2P_BYE_KNOWN ? POSW_DIAL_KNOWN
                                              : POSW_DIAL_FULL);
    p2p_close(p, peer, out);
    return true;
}

/* ---- PING, PONG ---- */

static void send_ping(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    posw_action *a = p2p_send_begin(p, peer, out);
    if (a == NULL) return;
    posw_random_fill(&p->random, peer->ping_nonce, sizeof peer->ping_nonce);
    posw_msg_ping m = {.number = posw_chain_tip(p->chain)->number,
                       .hash = posw_chain_tip_hash(p->chain),
                       .weight = posw_chain_weight_total(p->chain),
                       .fork = p->fork};
    memcpy(m.nonce, peer->ping_nonce, sizeof m.nonce);
    posw_msg_ping_encode(&a->data, &m);
    p2p_send_end(p, peer, a);
    peer->ping_sent_ms = p->now_ms;
    peer->next_ping_ms = p->now_ms + P2P_PING_MS;
}

static bool on_ping(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out) {
    posw_msg_ping m;
    if (!posw_msg_ping_decode(&m, payload)) return false;
    if (!p2p_upgrades_heard(p, peer, &m.fork, m.number, out)) return true;
    set_tip(peer, m.number, &m.hash, &m.weight);
    posw_action *a = p2p_is_full(peer) ? NULL : p2p_send_begin(p, peer, out); /* who does not read needs no answer */
    if (a != NULL) {
        posw_msg_pong_encode(&a->data, m.nonce);
        p2p_send_end(p, peer, a);
    }
    if (peer->sync != NULL) p2p_sync_peer_tip(p, peer, out);
    return true;
}

static bool on_pong(posw_p2p *p, p2p_peer *peer, posw_bytes payload) {
    uint8_t nonce[8];
    if (!posw_msg_pong_decode(nonce, payload)) return false;
    if (peer->ping_sent_ms == 0 || memcmp(nonce, peer->ping_nonce, sizeof nonce) != 0) return false;
    peer->ping_ms = (uint32_t)(p->now_ms - peer->ping_sent_ms);
    if (peer->ping_ms < peer->ping_min_ms) peer->ping_min_ms = peer->ping_ms;
    peer->ping_sent_ms = 0;
    return true;
}

bool p2p_peer_message(posw_p2p *p, p2p_peer *peer, const posw_msg_frame *f, posw_actions *out) {
    switch (f->type) {
    case POSW_MSG_HELLO:
        return on_hello(p, peer, f->payload, out);
    case POSW_MSG_GOODBYE:
        return on_goodbye(p, peer, f->payload, out);
    case POSW_MSG_PING:
        return on_ping(p, peer, f->payload, out);
    case POSW_MSG_PONG:
        return on_pong(p, peer, f->payload);
    default:
        return false;
    }
}

void p2p_peer_tick(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    switch (peer->state) {
    case P2P_HELLO:
        if (p->now_ms >= peer->opened_ms + P2P_HELLO_MS)
            p2p_goodbye(p, peer, P2P_BYE_SLOW, "no HELLO within ten seconds", out);
        else
            p2p_wake(p, peer->opened_ms + P2P_HELLO_MS);
        break;
    case P2P_READY:
        if (p->now_ms >= peer->heard_ms + P2P_SILENT_MS) {
            p2p_goodbye(p, peer, P2P_BYE_SLOW, "nothing was heard for too long", out);
            return;
        }
        if (peer->in.size > 0 && p->now_ms >= peer->in_ms + P2P_FRAME_MS) {
            p2p_goodbye(p, peer, P2P_BYE_SLOW, "a message did not come whole in two minutes", out);
            return;
        }
        if (peer->in.size > 0) p2p_wake(p, peer->in_ms + P2P_FRAME_MS);
        if (peer->ping_sent_ms == 0 && p->now_ms >= peer->next_ping_ms) send_ping(p, peer, out);
        p2p_wake(p, peer->ping_sent_ms == 0 ? peer->next_ping_ms : peer->heard_ms + P2P_SILENT_MS);
        break;
    case P2P_DIALLING:
    case P2P_CLOSING:
        break;
    }
}
