#include "base/bytes.h"
#include "p2p/connect_internal.h"
#include "p2p/evict.h"

enum { TRIES = 100, TRIES_FRESH = 50, FEELER_TRIES = 20 };

/* One question: what is wished, and until then the earliest time at which something else could be. */
typedef struct {
    posw_connect_wish *out;
    uint64_t peer, now_ms, wake_ms;
} question;

static void later(question *q, uint64_t at_ms) {
    if (at_ms < q->wake_ms) q->wake_ms = at_ms;
}

/* True, with *at_ms in the question's wake time, when it is too early. */
static bool too_early(question *q, uint64_t at_ms) {
    if (at_ms <= q->now_ms) return false;
    later(q, at_ms);
    return true;
}

static bool dial(posw_connect *c, question *q, enum posw_p2p_kind kind, const posw_netaddr *address,
                 const connect_target *t) {
    if (!connect_add_link(c, q->peer, kind, address, t == NULL ? 0 : t->number)) {
        later(q, q->now_ms + CONNECT_SEARCH_MS); /* out of memory: perhaps not for ever */
        return false;
    }
    *q->out = (posw_connect_wish){.what = POSW_CONNECT_DIAL, .kind = kind, .address = *address};
    if (t != NULL) q->out->id = t->url.id;
    if (kind != POSW_P2P_NAMED) c->paced_ms = q->now_ms + CONNECT_PACE_MS;
    posw_addrman_attempt(c->addresses, address, q->now_ms / 1000);
    return true;
}

/* ---- who is out of the question ---- */

static bool is_linked(const posw_connect *c, const posw_netaddr *address) {
    for (size_t i = 0; i < c->link_count; i++)
        if (posw_netaddr_equal(&c->links[i].address, address)) return true;
    return false;
}

static bool is_own(const posw_connect *c, const posw_netaddr *address) {
    const size_t count = c->own_count < CONNECT_OWN_MAX ? c->own_count : CONNECT_OWN_MAX;
    for (size_t i = 0; i < count; i++)
        if (posw_netaddr_equal(&c->own[i], address)) return true;
    return posw_netaddr_equal(&c->o.self, address);
}

static bool group_is_free(const posw_connect *c, const posw_netaddr *address) {
    for (size_t i = 0; i < c->link_count; i++) {
        if (c->links[i].kind == POSW_P2P_FEELER) continue;
        if (!posw_outbound_group_is_free(address, &c->links[i].address, 1, c->o.private_network)) return false;
    }
    return true;
}

static bool may_dial(const posw_connect *c, const posw_netaddr *address, const posw_node_id *id, uint64_t now_ms) {
    static const posw_node_id none;
    if (is_linked(c, address) || is_own(c, address)) return false;
    if (posw_bans_has(c->bans, address, (now_ms - c->behind_ms) / 1000) ||
        posw_bans_is_discouraged(c->bans, address, now_ms / 1000))
        return false;
    return c->o.is_connected == NULL || !c->o.is_connected(c->o.arg, address, id == NULL ? &none : id);
}

static const posw_node_id *proven_id(const posw_addrman_entry *e) {
    return e->id_proven ? &e->id : NULL;
}

/* ---- somebody from the address table ---- */

/* A network that comes back after seconds is noticed within seconds; one that is away for long is not hammered. */
static uint64_t redial_wait_s(const posw_connect *c, uint64_t now_ms) {
    const uint64_t alone_s = (now_ms - c->change_ms) / 1000;
    if (connect_any_ready(c) || alone_s / 8 > CONNECT_REDIAL_MAX_S) return CONNECT_REDIAL_MAX_S;
    return alone_s / 8 < CONNECT_REDIAL_MIN_S ? CONNECT_REDIAL_MIN_S : alone_s / 8;
}

static bool pick(posw_connect *c, posw_addrman_entry *e, uint64_t now_ms) {
    const uint64_t redial_s = redial_wait_s(c, now_ms);
    const bool alone = !connect_any_ready(c); /* then those that have worked are as good as those that were just told */
    for (unsigned i = 0; i < TRIES; i++) {
        if (!posw_addrman_select(c->addresses, e, POSW_ADDRMAN_EITHER, now_ms / 1000)) return false;
        const bool fresh = i < TRIES_FRESH && !(alone && e->tried);
        const uint64_t wait_s = fresh ? POSW_ADDRMAN_RETRY_S : redial_s;
        if (posw_addrman_was_dialled(e, wait_s, now_ms / 1000)) continue;
        if (may_dial(c, &e->address, proven_id(e), now_ms) && group_is_free(c, &e->address)) return true;
    }
    return false;
}

static bool dial_known(posw_connect *c, question *q, enum posw_p2p_kind kind) {
    posw_addrman_entry e;
    const size_t known = posw_addrman_count(c->addresses, NULL, NULL);
    if (known != c->search_known && c->search_ms > c->searched_ms + CONNECT_SEARCH_MS)
        c->search_ms = c->searched_ms + CONNECT_SEARCH_MS;
    if (too_early(q, c->search_ms)) return false;
    if (pick(c, &e, q->now_ms)) {
        connect_search_anew(c);
        return dial(c, q, kind, &e.address, NULL);
    }
    c->search_known = known;
    c->searched_ms = q->now_ms;
    c->search_ms = q->now_ms + c->search_wait_ms;
    if (connect_any_ready(c) && c->search_wait_ms < CONNECT_SEARCH_MAX_MS) c->search_wait_ms *= 2;
    later(q, c->search_ms);
    return false;
}

/* ---- named nodes, bootnodes, seeds ---- */

static bool resolve(question *q, connect_target *t) {
    t->resolving = true;
    t->at_ms = q->now_ms + CONNECT_RESOLVE_MS;
    *q->out = (posw_connect_wish){.what = POSW_CONNECT_RESOLVE, .host = t->url.host, .port = t->url.port};
    return true;
}

static bool dial_target(posw_connect *c, question *q, connect_target *t, enum posw_p2p_kind kind) {
    const posw_netaddr *address = &t->addresses[t->address_next++];
    if (t->address_next >= t->address_count) { /* all were dialled once */
        t->address_next = 0;
        if (!t->url.numeric) t->address_count = 0;
    }
    if (is_own(c, address) || is_linked(c, address)) {
        connect_target_failed(t, q->now_ms);
        later(q, t->at_ms);
        return false;
    }
    if (!dial(c, q, kind, address, t)) return false;
    t->linked = true;
    return true;
}

/* It has dialled us, or stands in the list twice. */
static bool is_here(const posw_connect *c, const connect_target *t) {
    if (t->address_count == 0 || c->o.is_connected == NULL) return false;
    return c->o.is_connected(c->o.arg, &t->addresses[t->address_next], &t->url.id);
}

/* A bootnode can be banned; a node that the operator named is dialled for all that. */
static bool is_unwanted(const posw_connect *c, const connect_target *t, uint64_t now_ms) {
    if (t->kind != CONNECT_BOOTNODE || t->address_count == 0) return false;
    return !may_dial(c, &t->addresses[t->address_next], &t->url.id, now_ms);
}

static bool try_target(posw_connect *c, question *q, connect_target *t, enum posw_p2p_kind kind) {
    if (t->linked || t->at_ms == UINT64_MAX || too_early(q, t->at_ms)) return false;
    if (is_here(c, t)) {
        t->at_ms = q->now_ms + CONNECT_LOOK_MS;
        later(q, t->at_ms);
        return false;
    }
    if (t->resolving || is_unwanted(c, t, q->now_ms)) {
        connect_target_failed(t, q->now_ms);
        later(q, t->at_ms);
        return false;
    }
    return t->address_count > 0 ? dial_target(c, q, t, kind) : resolve(q, t);
}

static bool try_targets(posw_connect *c, question *q, enum connect_target_kind kind) {
    const enum posw_p2p_kind as = kind == CONNECT_NAMED ? POSW_P2P_NAMED : POSW_P2P_OUTBOUND;
    for (size_t i = 0; i < c->target_count; i++)
        if (c->targets[i].kind == kind && try_target(c, q, &c->targets[i], as)) return true;
    return false;
}

/* ---- the kinds of connections, each with its number ---- */

static size_t links_of(const posw_connect *c, enum posw_p2p_kind kind) {
    size_t n = 0;
    for (size_t i = 0; i < c->link_count; i++)
        n += c->links[i].kind == kind;
    return n;
}

static bool has_room_for_dial(const posw_connect *c) {
    size_t n = 0;
    for (size_t i = 0; i < c->link_count; i++)
        n += !c->links[i].ready && c->links[i].kind != POSW_P2P_NAMED;
    return n < CONNECT_DIALS_MAX;
}

static bool try_anchors(posw_connect *c, question *q) {
    while (c->anchor_next < c->anchor_count && links_of(c, POSW_P2P_BLOCK_ONLY) < c->o.block_only_max) {
        const posw_netaddr *a = &c->anchors[c->anchor_next++];
        if (may_dial(c, a, NULL, q->now_ms) && group_is_free(c, a)) return dial(c, q, POSW_P2P_BLOCK_ONLY, a, NULL);
    }
    return false;
}

/* Nobody is known (then all bootnodes are dialled, not only the first that makes somebody known), or what is known
 * leads to nothing. */
static bool try_fallback(posw_connect *c, question *q) {
    if (posw_addrman_count(c->addresses, NULL, NULL) == 0) c->bootstrap_ms = q->now_ms + CONNECT_FALLBACK_MS;
    if (q->now_ms >= c->bootstrap_ms && too_early(q, c->change_ms + CONNECT_FALLBACK_MS)) return false;
    return try_targets(c, q, CONNECT_BOOTNODE) || try_targets(c, q, CONNECT_SEED);
}

static bool try_full(posw_connect *c, question *q) {
    const size_t full = links_of(c, POSW_P2P_OUTBOUND);
    if (full < c->o.outbound_max) return try_fallback(c, q) || dial_known(c, q, POSW_P2P_OUTBOUND);
    if (!c->want_extra || full > c->o.outbound_max || too_early(q, c->extra_ms)) return false;
    c->extra_ms = q->now_ms + CONNECT_EXTRA_MS;
    later(q, c->extra_ms);
    return dial_known(c, q, POSW_P2P_OUTBOUND);
}

static bool try_block_only(posw_connect *c, question *q) {
    return links_of(c, POSW_P2P_BLOCK_ONLY) < c->o.block_only_max && dial_known(c, q, POSW_P2P_BLOCK_ONLY);
}

/* First those whose place in the table somebody waits for, then somebody who was never reached. */
static bool pick_feeler(posw_connect *c, posw_addrman_entry *e, uint64_t now_ms) {
    if (posw_addrman_select_collision(c->addresses, e, now_ms / 1000)) {
        if (may_dial(c, &e->address, proven_id(e), now_ms)) return true;
        if (is_linked(c, &e->address))
            posw_addrman_was_connected(c->addresses, &e->address, now_ms / 1000); /* so it is there */
    }
    for (unsigned i = 0; i < FEELER_TRIES; i++) {
        if (!posw_addrman_select(c->addresses, e, POSW_ADDRMAN_NEW, now_ms / 1000)) return false;
        if (posw_addrman_was_dialled(e, POSW_ADDRMAN_RETRY_S, now_ms / 1000)) continue;
        if (may_dial(c, &e->address, proven_id(e), now_ms)) return true;
    }
    return false;
}

static bool try_feeler(posw_connect *c, question *q) {
    posw_addrman_entry e;
    if (too_early(q, c->feeler_ms)) return false;
    c->feeler_ms = q->now_ms + 1 + posw_random_interval(&c->random, CONNECT_FEELER_MS);
    later(q, c->feeler_ms);
    return links_of(c, POSW_P2P_FEELER) == 0 && pick_feeler(c, &e, q->now_ms) &&
           dial(c, q, POSW_P2P_FEELER, &e.address, NULL);
}

void posw_connect_next(posw_connect *c, posw_connect_wish *out, uint64_t peer, uint64_t now_ms) {
    question q = {out, peer, now_ms, UINT64_MAX};
    if (try_targets(c, &q, CONNECT_NAMED)) return;
    if (!c->o.named_only && has_room_for_dial(c) && !too_early(&q, c->paced_ms)) {
        if (try_anchors(c, &q) || try_full(c, &q) || try_block_only(c, &q) || try_feeler(c, &q)) return;
    }
    *out = (posw_connect_wish){.what = POSW_CONNECT_WAIT, .at_ms = q.wake_ms};
}
