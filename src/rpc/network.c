/* The network as operators see it: net_*, admin_*, eth_syncing, and posw_networkStatus. */
#include "rpc/methods.h"

#include "base/bytes.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static posw_p2p *p2p_of(const rpc_call *c) {
    return c->rpc->p2p;
}

static posw_p2p_status status_of(const rpc_call *c) {
    posw_p2p_status s = {0};
    if (p2p_of(c) != NULL) posw_p2p_read_status(p2p_of(c), &s);
    return s;
}

/* Ready for connections, as go-ethereum means it: clients take false for "not connected", so a node without a network
 * says true. */
void rpc_net_listening(rpc_call *c) {
    posw_jw_bool(&c->w, true);
}

size_t rpc_peer_count(const rpc_call *c) {
    const posw_p2p_status s = status_of(c);
    return s.inbound + s.outbound;
}

bool rpc_is_syncing(const rpc_call *c) {
    return status_of(c).syncing;
}

void rpc_net_peer_count(rpc_call *c) {
    posw_jw_quantity(&c->w, rpc_peer_count(c));
}

void rpc_eth_syncing(rpc_call *c) {
    const posw_p2p_status s = status_of(c);
    if (!s.syncing) {
        posw_jw_bool(&c->w, false);
        return;
    }
    posw_jw_object(&c->w);
    posw_jw_kv_quantity(&c->w, "startingBlock", s.sync_start);
    posw_jw_kv_quantity(&c->w, "currentBlock", posw_chain_tip(c->chain)->number);
    posw_jw_kv_quantity(&c->w, "highestBlock", s.sync_tip);
    posw_jw_object_end(&c->w);
}

void rpc_posw_network_status(rpc_call *c) {
    const posw_p2p_status s = status_of(c);
    char url[POSW_NODE_URL_TEXT] = "";
    posw_jw *w = &c->w;
    if (p2p_of(c) != NULL) posw_p2p_url(p2p_of(c), url);
    posw_jw_object(w);
    posw_jw_kv_bool(w, "enabled", p2p_of(c) != NULL);
    posw_jw_kv_string(w, "url", url);
    posw_jw_kv_quantity(w, "inbound", s.inbound);
    posw_jw_kv_quantity(w, "outbound", s.outbound);
    posw_jw_kv_quantity(w, "addresses", s.addresses);
    posw_jw_kv_bool(w, "syncing", s.syncing);
    posw_jw_kv_quantity(w, "syncStart", s.sync_start);
    posw_jw_kv_quantity(w, "syncTip", s.sync_tip);
    posw_jw_kv_quantity(w, "headersChecked", s.headers_checked);
    posw_jw_kv_quantity(w, "blocksReceived", s.blocks_received);
    posw_jw_kv_quantity(w, "blocksWasted", s.blocks_wasted);
    posw_jw_kv_quantity(w, "transactionsReceived", s.txs_received);
    posw_jw_kv_quantity(w, "compactRebuilt", s.compact_rebuilt);
    posw_jw_kv_quantity(w, "compactAsked", s.compact_asked);
    posw_jw_kv_quantity(w, "violations", s.violations);
    posw_jw_kv_quantity(w, "memory", s.memory);
    posw_jw_kv_string(w, "problem", s.problem);
    posw_jw_object_end(w);
}

/* ---- admin_* ---- */

/* False and failed where there is no network. */
static bool has_network(rpc_call *c) {
    if (p2p_of(c) != NULL) return true;
    return rpc_fail(c, RPC_ERROR_SERVER, "this node runs without a network");
}

void rpc_admin_node_info(rpc_call *c) {
    char url[POSW_NODE_URL_TEXT];
    posw_jw *w = &c->w;
    if (!has_network(c)) return;
    const posw_hash genesis = posw_chain_genesis_hash(c->chain), head = posw_chain_tip_hash(c->chain);
    const posw_u256 weight = posw_chain_weight_total(c->chain);
    posw_p2p_url(p2p_of(c), url);
    const char *id = strstr(url, "://");
    posw_jw_object(w);
    posw_jw_key(w, "id");
    posw_jw_string_n(w, id + 3, 2 * sizeof(posw_node_id));
    posw_jw_kv_string(w, "name", c->rpc->options.client_version);
    posw_jw_kv_string(w, "enode", url);
    posw_jw_key(w, "protocols");
    posw_jw_object(w);
    posw_jw_key(w, "posw");
    posw_jw_object(w);
    posw_jw_kv_u64(w, "network", posw_chain_params(c->chain)->chain_id);
    posw_jw_kv_hash(w, "genesis", &genesis);
    posw_jw_kv_hash(w, "head", &head);
    posw_jw_kv_quantity_u256(w, "difficulty", &weight);
    posw_jw_kv_quantity(w, "firstBody", posw_chain_first_body(c->chain));
    posw_jw_object_end(w);
    posw_jw_object_end(w);
    posw_jw_object_end(w);
}

static void json_peer(posw_jw *w, const posw_p2p_peer_info *p) {
    char url[POSW_NODE_URL_TEXT], address[POSW_NETADDR_TEXT], id[2 * sizeof p->node_id + 1], number[24];
    posw_node_url_text(url, &p->node_id, &p->address);
    posw_netaddr_text(address, &p->address);
    posw_hex_encode(id, p->node_id.b, sizeof p->node_id.b);
    snprintf(number, sizeof number, "%" PRIu64, p->peer);
    posw_jw_object(w);
    posw_jw_kv_string(w, "id", id);
    posw_jw_kv_string(w, "name", p->agent);
    posw_jw_kv_string(w, "enode", url);
    posw_jw_kv_string(w, "peer", number);
    posw_jw_kv_string(w, "kind", posw_p2p_kind_text(p->kind));
    posw_jw_kv_bool(w, "ready", p->ready);
    posw_jw_kv_bool(w, "pruned", p->pruned);
    posw_jw_key(w, "network");
    posw_jw_object(w);
    posw_jw_kv_string(w, "remoteAddress", address);
    posw_jw_kv_bool(w, "inbound", p->kind == POSW_P2P_INBOUND);
    posw_jw_kv_bool(w, "static", p->kind == POSW_P2P_NAMED);
    posw_jw_object_end(w);
    posw_jw_key(w, "protocols");
    posw_jw_object(w);
    posw_jw_key(w, "posw");
    posw_jw_object(w);
    posw_jw_kv_u64(w, "version", POSW_P2P_VERSION);
    posw_jw_kv_quantity(w, "number", p->number);
    posw_jw_kv_hash(w, "head", &p->hash);
    posw_jw_kv_quantity_u256(w, "difficulty", &p->weight);
    posw_jw_object_end(w);
    posw_jw_object_end(w);
    posw_jw_kv_u64(w, "connected", p->connected_s);
    if (p->ping_ms != UINT32_MAX) posw_jw_kv_u64(w, "pingMs", p->ping_ms);
    posw_jw_kv_u64(w, "bytesIn", p->bytes_in);
    posw_jw_kv_u64(w, "bytesOut", p->bytes_out);
    posw_jw_kv_u64(w, "blocks", p->blocks);
    posw_jw_kv_u64(w, "transactions", p->txs);
    posw_jw_object_end(w);
}

void rpc_admin_peers(rpc_call *c) {
    if (!has_network(c)) return;
    const size_t count = posw_p2p_peers(p2p_of(c), NULL, 0);
    posw_p2p_peer_info *peers = malloc((count + 1) * sizeof *peers);
    if (peers == NULL) {
        (void)rpc_fail_operating(c, POSW_ENOMEM);
        return;
    }
    (void)posw_p2p_peers(p2p_of(c), peers, count);
    posw_jw_array(&c->w);
    for (size_t i = 0; i < count; i++)
        json_peer(&c->w, &peers[i]);
    posw_jw_array_end(&c->w);
    free(peers);
}

static const char *param_text(rpc_call *c, size_t i) {
    const json_t *v = rpc_param(c, i);
    if (json_is_string(v)) return json_string_value(v);
    (void)rpc_bad(c, rpc_arg(i), "not a string");
    return NULL;
}

static bool param_url(rpc_call *c, posw_node_url *url) {
    const char *text = has_network(c) ? param_text(c, 0) : NULL;
    if (text == NULL) return false;
    return posw_node_url_parse(url, text, POSW_P2P_PORT) ||
           rpc_bad(c, rpc_arg(0), "want posw://<node id>@host:port or host:port");
}

void rpc_admin_add_peer(rpc_call *c) {
    posw_node_url url;
    if (param_url(c, &url)) posw_jw_bool(&c->w, posw_p2p_add_node(p2p_of(c), &url, c->actions));
}

void rpc_admin_remove_peer(rpc_call *c) {
    posw_node_url url;
    if (param_url(c, &url)) posw_jw_bool(&c->w, posw_p2p_remove_node(p2p_of(c), &url, c->actions));
}

/* By the number that admin_peers shows (decimal text: it has 64 bits). */
void rpc_admin_disconnect(rpc_call *c) {
    const char *text = has_network(c) ? param_text(c, 0) : NULL;
    char *end;
    if (text == NULL) return;
    const uint64_t peer = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0')
        (void)rpc_bad(c, rpc_arg(0), "want a peer's number as text");
    else
        posw_jw_bool(&c->w, posw_p2p_disconnect(p2p_of(c), peer, c->actions));
}

static void set_ban(rpc_call *c, uint64_t until_s) {
    const char *text = has_network(c) ? param_text(c, 0) : NULL;
    if (text == NULL) return;
    const int rc = posw_p2p_ban(p2p_of(c), text, until_s, c->actions);
    if (rc == POSW_EINVAL)
        (void)rpc_bad(c, rpc_arg(0), "want an address or subnet such as 1.2.3.4 or 10.0.0.0/8");
    else if (rc == POSW_EFULL)
        (void)rpc_fail(c, RPC_ERROR_SERVER, "too many bans: lift some");
    else
        posw_jw_bool(&c->w, rc == POSW_OK);
}

/* Address or subnet, and for how many seconds (default a day). */
void rpc_admin_ban(rpc_call *c) {
    uint64_t seconds = 24 * 3600;
    if (rpc_param(c, 1) != NULL && !rpc_value_count(c, rpc_arg(1), rpc_param(c, 1), &seconds, UINT32_MAX)) return;
    const uint64_t now_ms = posw_node_now_ms(c->node) - posw_node_behind_ms(c->node);
    set_ban(c, now_ms / 1000 + (seconds == 0 ? 1 : seconds));
}

void rpc_admin_unban(rpc_call *c) {
    set_ban(c, 0);
}

static int json_ban(void *arg, const char *subnet, uint64_t until_s) {
    posw_jw *w = arg;
    posw_jw_object(w);
    posw_jw_kv_string(w, "subnet", subnet);
    posw_jw_kv_u64(w, "until", until_s);
    posw_jw_object_end(w);
    return POSW_OK;
}

void rpc_admin_bans(rpc_call *c) {
    if (!has_network(c)) return;
    posw_jw_array(&c->w);
    (void)posw_p2p_bans(p2p_of(c), json_ban, &c->w);
    posw_jw_array_end(&c->w);
}
