/* The network as one object: events in, to the part that they belong to. */
#include "p2p/p2p_internal.h"

#include "base/bytes.h"
#include "base/error.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Peers ---- */

static size_t place_of(const posw_p2p *p, uint64_t id) {
    for (size_t i = 0; i < p->peer_count; i++)
        if (p->peers[i]->id == id) return i;
    return SIZE_MAX;
}

p2p_peer *p2p_find(const posw_p2p *p, uint64_t id) {
    const size_t i = id == 0 ? SIZE_MAX : place_of(p, id);
    return i == SIZE_MAX ? NULL : p->peers[i];
}

p2p_peer *p2p_add_peer(posw_p2p *p, uint64_t id, enum posw_p2p_kind kind, const posw_netaddr *address) {
    if (p->peer_count == p->peer_capacity) {
        const size_t capacity = p->peer_capacity == 0 ? 16 : 2 * p->peer_capacity;
        p2p_peer **peers = realloc(p->peers, capacity * sizeof *peers);
        if (peers == NULL) return NULL;
        p->peers = peers;
        p->peer_capacity = capacity;
    }
    p2p_peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL) return NULL;
    *peer = (p2p_peer){.id = id,
                       .kind = kind,
                       .state = P2P_DIALLING,
                       .address = *address,
                       .opened_ms = p->now_ms,
                       .heard_ms = p->now_ms,
                       .ping_ms = UINT32_MAX,
                       .ping_min_ms = UINT32_MAX};
    p->peers[p->peer_count++] = peer;
    return peer;
}

static void peer_free(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    p2p_sync_peer_gone(p, peer, out);
    p2p_compact_peer_gone(p, peer, out);
    p2p_txs_peer_gone(p, peer, out);
    posw_buf_clear(&peer->in);
    free(peer);
}

static void remove_peer(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    const size_t i = place_of(p, peer->id);
    memmove(p->peers + i, p->peers + i + 1, (p->peer_count - i - 1) * sizeof *p->peers);
    p->peer_count--;
    peer->state = P2P_CLOSING;
    peer_free(p, peer, out);
}

int p2p_compare_hashes(const void *a, const void *b) {
    return memcmp(a, b, POSW_HASH_SIZE);
}

/* ---- Sending ---- */

posw_action *p2p_send_begin(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    (void)p;
    if (peer->state != P2P_READY && peer->state != P2P_HELLO) return NULL;
    posw_action *a = posw_actions_push(out, POSW_ACTION_PEER_SEND);
    if (a != NULL) a->peer = peer->id;
    return a;
}

void p2p_send_end(posw_p2p *p, p2p_peer *peer, posw_action *a) {
    if (a->data.failed) posw_buf_clear(&a->data); /* nothing is sent; what waits for an answer runs out of time */
    if (a->data.size > 0) p->traffic[posw_msg_kind(a->data.data[0])].bytes_out += a->data.size;
    peer->bytes_out += a->data.size;
    peer->unsent += a->data.size;
}

void p2p_close(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    if (peer->state == P2P_CLOSING) return;
    p2p_report_dial(p, peer, POSW_DIAL_FAILED); /* unless it was reported */
    peer->state = P2P_CLOSING;
    p2p_sync_peer_leaves(p, peer);
    posw_buf_clear(&peer->in);
    posw_action *a = posw_actions_push(out, POSW_ACTION_PEER_CLOSE);
    if (a != NULL) a->peer = peer->id;
}

void p2p_goodbye(posw_p2p *p, p2p_peer *peer, enum p2p_goodbye code, const char *sentence, posw_actions *out) {
    char address[POSW_NETADDR_TEXT];
    posw_netaddr_text(address, &peer->address);
    posw_log_write(p->log, POSW_LOG_DEBUG, "p2p", "goodbye to %s: %s", address, sentence);
    posw_action *a = p2p_send_begin(p, peer, out);
    if (a != NULL) {
        posw_msg_goodbye_encode(&a->data, code, sentence);
        p2p_send_end(p, peer, a);
    }
    p2p_close(p, peer, out);
}

void p2p_violation(posw_p2p *p, p2p_peer *peer, const char *what, posw_actions *out) {
    char address[POSW_NETADDR_TEXT];
    if (peer->state == P2P_CLOSING) return;
    posw_netaddr_text(address, &peer->address);
    posw_log_write(p->log, POSW_LOG_INFO, "p2p", "%s broke the protocol: %s", address, what);
    p->counters.violations++;
    p->traffic[p->handling].violations++;
    if (peer->kind != POSW_P2P_NAMED)
        posw_bans_discourage(posw_connect_bans(p->connect), &peer->address, p->now_ms / 1000);
    p2p_goodbye(p, peer, P2P_BYE_VIOLATION, what, out);
}

void p2p_run_job(posw_p2p *p, posw_job *job, posw_actions *out) {
    posw_action *a = posw_actions_push(out, POSW_ACTION_JOB);
    if (a == NULL) {
        posw_job_free(job);
        return;
    }
    p2p_peer *peer = p2p_find(p, job->peer);
    if (peer != NULL && job->type == POSW_JOB_POW) peer->jobs++;
    p->jobs++;
    a->job = job;
}

bool p2p_may_prove(const posw_p2p *p, const p2p_peer *peer) {
    return peer->jobs < P2P_JOBS_PEER_MAX && p->jobs < P2P_JOBS_POW_MAX;
}

bool p2p_was_read(posw_p2p *p, int rc) {
    const bool is_absent = rc == POSW_ENOTFOUND || rc == POSW_EPRUNED;
    if (rc != POSW_OK && !is_absent && p->chain_error == POSW_OK) p->chain_error = rc;
    return rc == POSW_OK;
}

static void tell_chain_error(posw_p2p *p, posw_actions *out) {
    const int rc = p->chain_error;
    p->chain_error = POSW_OK;
    if (rc != POSW_OK) posw_node_operating_error(p->node, rc, "the chain could not be read for the network", out);
}

void p2p_wake(posw_p2p *p, uint64_t at_ms) {
    if (at_ms >= p->wake_ms) return;
    p->wake_ms = at_ms;
    posw_node_wake_at(p->node, POSW_SERVICE_P2P, at_ms);
}

void p2p_peer_brought_block(posw_p2p *p, uint64_t id) {
    p2p_peer *peer = p2p_find(p, id);
    if (peer != NULL) peer->last_block_ms = p->now_ms;
}

/* ---- Events ---- */

void p2p_peer_ready(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    peer->state = P2P_READY;
    p->was_connected = true;
    p2p_report_dial(p, peer, POSW_DIAL_READY);
    p2p_contacts_ready(p, peer, out);
    if (peer->state != P2P_READY || peer->kind == POSW_P2P_FEELER) return;
    if (p2p_sync_peer_ready(p, peer, out) != POSW_OK || p2p_compact_peer_ready(p, peer, out) != POSW_OK ||
        p2p_txs_peer_ready(p, peer, out) != POSW_OK)
        p2p_goodbye(p, peer, P2P_BYE_FULL, "out of memory", out);
}

static bool handle(posw_p2p *p, p2p_peer *peer, const posw_msg_frame *f, posw_actions *out) {
    switch ((enum posw_msg_type)f->type) {
    case POSW_MSG_HELLO:
    case POSW_MSG_GOODBYE:
    case POSW_MSG_PING:
    case POSW_MSG_PONG:
        return p2p_peer_message(p, peer, f, out);
    case POSW_MSG_GET_ADDRESSES:
    case POSW_MSG_ADDRESSES:
        return p2p_contacts_message(p, peer, f, out);
    case POSW_MSG_GET_HEADERS:
    case POSW_MSG_HEADERS:
    case POSW_MSG_GET_BLOCKS:
    case POSW_MSG_BLOCK:
    case POSW_MSG_NOT_FOUND:
    case POSW_MSG_ANNOUNCE:
        return peer->sync == NULL || p2p_sync_message(p, peer, f, out); /* a feeler has no parts: it ignores */
    case POSW_MSG_COMPACT:
    case POSW_MSG_GET_BLOCK_TXS:
    case POSW_MSG_BLOCK_TXS:
    case POSW_MSG_SEND_COMPACT:
        return peer->compact == NULL || p2p_compact_message(p, peer, f, out);
    case POSW_MSG_TX_HASHES:
    case POSW_MSG_GET_TXS:
    case POSW_MSG_TXS:
        return peer->relay == NULL || p2p_txs_message(p, peer, f, out);
    }
    return false;
}

static void on_frame(posw_p2p *p, p2p_peer *peer, const posw_msg_frame *f, posw_actions *out) {
    if (peer->state == P2P_HELLO && f->type != POSW_MSG_HELLO && f->type != POSW_MSG_GOODBYE) {
        p2p_violation(p, peer, "something else before HELLO", out);
        return;
    }
    p->handling = posw_msg_kind(f->type);
    p->traffic[p->handling].bytes_in += POSW_MSG_PREFIX + f->payload.size;
    if (!handle(p, peer, f, out)) {
        char what[64];
        snprintf(what, sizeof what, "a malformed or untimely %s", posw_msg_name(f->type));
        p2p_violation(p, peer, what, out);
    }
    p->handling = POSW_MSG_KINDS;
}

/* The memory of all is worth more than the peer that has most of it; those that this node dialled come last. */
static void limit_unfinished(posw_p2p *p, posw_actions *out) {
    p2p_peer *worst = NULL;
    size_t sum = 0;
    for (size_t i = 0; i < p->peer_count; i++) {
        p2p_peer *peer = p->peers[i];
        sum += peer->in.capacity;
        if (worst == NULL || (peer->kind == POSW_P2P_INBOUND) > (worst->kind == POSW_P2P_INBOUND) ||
            ((peer->kind == POSW_P2P_INBOUND) == (worst->kind == POSW_P2P_INBOUND) &&
             peer->in.capacity > worst->in.capacity))
            worst = peer;
    }
    if (sum > P2P_IN_MAX) p2p_goodbye(p, worst, P2P_BYE_SLOW, "too much of unfinished messages waits here", out);
}

/* Whole frames are taken from the bytes as they came; only an unfinished one is copied. */
static void on_data(posw_p2p *p, p2p_peer *peer, posw_bytes data, posw_actions *out) {
    peer->heard_ms = p->now_ms;
    peer->bytes_in += data.size;
    while (peer->state == P2P_HELLO || peer->state == P2P_READY) {
        posw_msg_frame f;
        size_t size;
        const bool buffered = peer->in.size > 0;
        const posw_bytes from = buffered ? posw_buf_view(&peer->in) : data;
        enum posw_msg_cut cut = posw_msg_frame_cut(&f, &size, from.data, from.size);
        if (cut == POSW_MSG_CUT_BAD) {
            p2p_violation(p, peer, "a frame of unknown type or above its limit", out);
            return;
        }
        if (cut == POSW_MSG_CUT_MORE) {
            const size_t lacks = size - from.size, n = buffered ? (data.size < lacks ? data.size : lacks) : data.size;
            if (n == 0) return;
            if (!buffered) peer->in_ms = p->now_ms;
            const size_t before = peer->in.capacity;
            posw_buf_append(&peer->in, data.data, n);
            if (peer->in.failed) {
                p2p_goodbye(p, peer, P2P_BYE_FULL, "out of memory", out);
                return;
            }
            data = posw_bytes_of(data.data + n, data.size - n);
            if (peer->in.capacity > before) limit_unfinished(p, out);
            if (!buffered) return;
            continue;
        }
        /* the frame is out of the buffer before it is handled, since handling may close the peer */
        posw_buf whole = {0};
        if (buffered) {
            whole = peer->in;
            peer->in = (posw_buf){0};
        } else {
            data = posw_bytes_of(data.data + size, data.size - size);
        }
        on_frame(p, peer, &f, out);
        if (buffered && peer->state != P2P_CLOSING && whole.capacity <= P2P_KEEP_BUFFER) {
            posw_buf_reset(&whole);
            peer->in = whole;
        } else {
            posw_buf_clear(&whole);
        }
    }
}

static void on_open(posw_p2p *p, const posw_event *e, posw_actions *out) {
    p2p_peer *peer = p2p_find(p, e->peer);
    if (e->inbound && peer == NULL) peer = p2p_add_peer(p, e->peer, POSW_P2P_INBOUND, &e->address);
    if (peer == NULL) {
        posw_action *a = posw_actions_push(out, POSW_ACTION_PEER_CLOSE);
        if (a != NULL) a->peer = e->peer;
        return;
    }
    peer->state = P2P_HELLO;
    peer->node_id = e->node_id;
    peer->opened_ms = peer->heard_ms = p->now_ms;
    if (e->inbound && !p2p_has_place(p, peer, out)) return;
    p2p_peer_open(p, peer, out);
}

static void on_closed(posw_p2p *p, const posw_event *e, posw_actions *out) {
    p2p_peer *peer = p2p_find(p, e->peer);
    if (peer == NULL) return;
    char address[POSW_NETADDR_TEXT];
    posw_netaddr_text(address, &peer->address);
    const bool news = !peer->reported && posw_connect_is_news(p->connect, peer->id, e->data);
    posw_log_write(p->log, news ? POSW_LOG_INFO : POSW_LOG_DEBUG, "p2p", "%s%s: %.*s", news ? "no connection to " : "",
                   address, (int)e->data.size, (const char *)e->data.data);
    p2p_report_dial(p, peer, POSW_DIAL_FAILED);
    posw_connect_gone(p->connect, peer->id, p->now_ms);
    remove_peer(p, peer, out);
    p2p_wake(p, p->now_ms);
}

static void on_job(posw_p2p *p, posw_job *job, posw_actions *out) {
    if (job->type != POSW_JOB_PREPARE && job->type != POSW_JOB_POW) return; /* of another service */
    p2p_peer *peer = p2p_find(p, job->peer);
    if (peer != NULL && job->type == POSW_JOB_POW) peer->jobs--;
    p->jobs--;
    switch (job->id >> P2P_JOB_OWNER_SHIFT) {
    case P2P_JOB_SYNC:
        p2p_sync_job_done(p, job, out);
        break;
    case P2P_JOB_COMPACT:
        p2p_compact_job_done(p, job, out);
        break;
    default:
        break;
    }
}

/* F: a node that is behind would mine on an old block; one that nobody hears mines for nobody. */
static void hold_mining(posw_p2p *p, posw_actions *out) {
    size_t i = 0;
    const bool alone = p2p_ready_peer(p, &i) == NULL;
    const bool stranded = !p->options.mine_alone && p2p_sync_is_stranded(p);
    const bool hold = !p->options.mine_alone && (alone || stranded || p2p_sync_is_behind(p));
    if (hold && alone && !p->warned_alone && p->now_ms > p->start_ms + P2P_HELLO_MS &&
        posw_node_miner(p->node) != NULL) {
        p->warned_alone = true;
        posw_log_write(p->log, POSW_LOG_WARN, "p2p",
                       "not mining: no peer is connected; name one with --addnode posw://…, or start the first node of "
                       "a chain with --mine-alone");
    }
    if (!alone) p->warned_alone = false;
    if (stranded && !p->warned_stranded && posw_node_miner(p->node) != NULL) {
        p->warned_stranded = true;
        posw_log_write(p->log, POSW_LOG_WARN, "p2p",
                       "not mining: the peers' chain is heavier, and none of them has its next block any more; "
                       "--mine-alone would begin a chain beside theirs");
    }
    posw_node_hold_mining(p->node, hold, out);
}

/* A name without an address is told once, until all names have one again. */
static void on_resolved(posw_p2p *p, const posw_event *e) {
    const bool told = posw_connect_unresolved(p->connect) != NULL;
    posw_connect_resolved(p->connect, e->data, e->addresses, e->address_count, p->now_ms);
    const char *name = posw_connect_unresolved(p->connect);
    if (name != NULL && !told)
        posw_log_write(p->log, POSW_LOG_WARN, "p2p",
                       "%s has no address: is the name spelt right, and is this machine connected?", name);
}

static void on_tick(posw_p2p *p, posw_actions *out) {
    for (size_t i = 0; i < p->peer_count; i++)
        p2p_peer_tick(p, p->peers[i], out);
    p2p_contacts_tick(p, out);
    p2p_sync_tick(p, out);
    p2p_compact_tick(p, out);
    p2p_txs_tick(p, out);
}

static void on_event(void *arg, posw_node *n, const posw_event *e, posw_actions *out) {
    posw_p2p *p = arg;
    p2p_peer *peer = p2p_find(p, e->peer);
    p->now_ms = posw_node_now_ms(n);
    posw_connect_set_behind(p->connect, posw_node_behind_ms(n));
    if (p->stopping) return;
    p2p_sync_import_here(p, out);
    switch (e->type) {
    case POSW_EVENT_PEER_OPEN:
        on_open(p, e, out);
        break;
    case POSW_EVENT_PEER_DATA:
        if (peer != NULL) on_data(p, peer, e->data, out);
        break;
    case POSW_EVENT_PEER_CLOSED:
        on_closed(p, e, out);
        break;
    case POSW_EVENT_PEER_DRAINED:
        if (peer == NULL) break;
        peer->unsent = 0;
        if (peer->sync != NULL) p2p_sync_peer_drained(p, peer, out);
        p2p_txs_peer_drained(p, peer, out);
        break;
    case POSW_EVENT_JOB_DONE:
        on_job(p, e->job, out);
        break;
    case POSW_EVENT_RESOLVED:
        on_resolved(p, e);
        p2p_wake(p, p->now_ms);
        break;
    case POSW_EVENT_TICK:
        if (p->next_tick_ms > p->now_ms && p->wake_ms != UINT64_MAX && p->wake_ms > p->now_ms)
            return; /* somebody else's */
        if (p->wake_ms <= p->now_ms)
            p->wake_ms = UINT64_MAX; /* not on other events: what they wish would replace this tick */
        p->next_tick_ms = p->now_ms + P2P_TICK_MS;
        on_tick(p, out);
        break;
    case POSW_EVENT_CLIENT_DATA:
    case POSW_EVENT_CLIENT_CLOSED:
    case POSW_EVENT_SEAL_FOUND:
    case POSW_EVENT_JOURNAL:
    case POSW_EVENT_MINER_OPEN:
    case POSW_EVENT_MINER_DATA:
    case POSW_EVENT_MINER_CLOSED:
        break;
    }
    hold_mining(p, out);
    tell_chain_error(p, out);
}

static void on_chain_changed(void *arg, posw_node *n, const posw_chain_change *change, posw_actions *out) {
    posw_p2p *p = arg;
    p->now_ms = posw_node_now_ms(n);
    if (p->stopping) return;
    if (change->added_count > 0) p->block_ms = p->now_ms;
    p2p_upgrades_chain_changed(p, out);
    p2p_sync_chain_changed(p, change, out);
    p2p_compact_chain_changed(p, change, out);
    p2p_txs_chain_changed(p, change);
    tell_chain_error(p, out);
}

static void on_tx_accepted(void *arg, posw_node *n, const posw_mempool_entry *e, posw_actions *out) {
    posw_p2p *p = arg;
    p->now_ms = posw_node_now_ms(n);
    if (!p->stopping) p2p_txs_accepted(p, e, out);
}

/* ---- Life ---- */

void posw_p2p_options_default(posw_p2p_options *o) {
    *o = (posw_p2p_options){.outbound_max = 8, .block_only_max = 2, .inbound_max = 114};
}

int posw_p2p_new(posw_p2p **out, const posw_p2p_options *o) {
    posw_p2p *p = calloc(1, sizeof *p);
    if (p == NULL) return POSW_ENOMEM;
    p->options = *o;
    p->node = o->node;
    p->log = o->log;
    p->chain = posw_node_chain(o->node);
    p->mempool = posw_node_mempool(o->node);
    p->now_ms = posw_node_now_ms(o->node);
    p->wake_ms = UINT64_MAX;
    p->handling = POSW_MSG_KINDS;
    p->next_outbound = POSW_PEER_OUTBOUND | 1;
    p->genesis = posw_chain_genesis_hash(p->chain);
    posw_random_init(&p->random, o->seed);
    posw_random_fill(&p->random, p->own_nonce, sizeof p->own_nonce);
    posw_random_fill(&p->random, p->evict_secret, sizeof p->evict_secret);
    p2p_upgrades_update(p);
    int rc = p2p_contacts_new(p);
    if (rc == POSW_OK) rc = p2p_sync_new(p);
    if (rc == POSW_OK) rc = p2p_compact_new(p);
    if (rc == POSW_OK) rc = p2p_txs_new(p);
    if (rc != POSW_OK) {
        posw_p2p_free(p);
        return rc;
    }
    posw_node_set_service(
        p->node, POSW_SERVICE_P2P,
        &(posw_node_service){
            .event = on_event, .chain_changed = on_chain_changed, .tx_accepted = on_tx_accepted, .arg = p});
    *out = p;
    return POSW_OK;
}

void posw_p2p_free(posw_p2p *p) {
    if (p == NULL) return;
    posw_actions none = {0};
    posw_node_set_service(p->node, POSW_SERVICE_P2P, &(posw_node_service){0});
    p->stopping = true;
    while (p->peer_count > 0)
        remove_peer(p, p->peers[p->peer_count - 1], &none);
    posw_actions_clear(&none);
    free(p->peers);
    p2p_txs_free(p);
    p2p_compact_free(p);
    p2p_sync_free(p);
    posw_connect_free(p->connect);
    free(p);
}

void posw_p2p_start(posw_p2p *p, posw_actions *out) {
    p->now_ms = p->block_ms = p->start_ms = posw_node_now_ms(p->node);
    p->save_ms = p->now_ms + P2P_SAVE_MS;
    on_tick(p, out);
    hold_mining(p, out);
}

void posw_p2p_stop(posw_p2p *p, posw_actions *out) {
    for (size_t i = 0; i < p->peer_count; i++)
        p2p_goodbye(p, p->peers[i], P2P_BYE_STOPPING, "this node is stopping", out);
    p->stopping = true;
    p2p_save(p, out);
}
