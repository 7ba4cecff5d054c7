#include "base/bytes.h"
#include "p2p/connect_internal.h"

#include <stdlib.h>

/* ---- making ---- */

static void *grown(void *items, size_t *capacity, size_t count, size_t size) {
    if (count < *capacity) return items;
    const size_t wanted = *capacity == 0 ? 8 : *capacity * 2;
    void *bigger = realloc(items, wanted * size);
    if (bigger != NULL) *capacity = wanted;
    return bigger;
}

connect_target *connect_add_target(posw_connect *c, enum connect_target_kind kind, const posw_node_url *url,
                                   uint64_t now_ms) {
    size_t of_kind = 0;
    for (size_t i = 0; i < c->target_count; i++)
        of_kind += c->targets[i].kind == kind;
    if (of_kind == POSW_P2P_NAMED_MAX) return NULL;
    connect_target *targets = grown(c->targets, &c->target_capacity, c->target_count, sizeof *targets);
    if (targets == NULL) return NULL;
    c->targets = targets;
    connect_target *t = &targets[c->target_count++];
    *t = (connect_target){
        .kind = kind, .number = ++c->next_target, .url = *url, .at_ms = now_ms, .wait_ms = CONNECT_BACKOFF_MIN_MS};
    if (url->numeric) {
        t->addresses[0] = url->address;
        t->address_count = 1;
    }
    return t;
}

static bool add_seeds(posw_connect *c, const posw_connect_options *o, uint64_t now_ms) {
    for (const char *const *name = o->dns_seeds; name != NULL && *name != NULL; name++) {
        posw_node_url url = {.port = o->default_port};
        if (strlen(*name) >= sizeof url.host) continue;
        memcpy(url.host, *name, strlen(*name) + 1);
        if (connect_add_target(c, CONNECT_SEED, &url, now_ms) == NULL) return false;
    }
    return true;
}

static bool add_targets(posw_connect *c, const posw_connect_options *o, uint64_t now_ms) {
    for (size_t i = 0; i < o->named_count && i < POSW_P2P_NAMED_MAX; i++)
        if (connect_add_target(c, CONNECT_NAMED, &o->named[i], now_ms) == NULL) return false;
    for (size_t i = 0; i < o->bootnode_count && i < POSW_P2P_NAMED_MAX; i++)
        if (connect_add_target(c, CONNECT_BOOTNODE, &o->bootnodes[i], now_ms) == NULL) return false;
    if (!add_seeds(c, o, now_ms)) return false;
    for (size_t i = c->target_count; i > 1; i--) { /* not always the same bootnode first */
        const size_t j = (size_t)posw_random_below(&c->random, i);
        const connect_target swap = c->targets[i - 1];
        c->targets[i - 1] = c->targets[j];
        c->targets[j] = swap;
    }
    return true;
}

static int make_parts(posw_connect *c) {
    uint8_t seed[32];
    posw_random_fill(&c->random, seed, sizeof seed);
    int code = c->addresses == NULL ? posw_addrman_new(&c->addresses, seed, c->o.private_network) : POSW_OK;
    posw_random_fill(&c->random, seed, sizeof seed);
    if (code == POSW_OK && c->bans == NULL) code = posw_bans_new(&c->bans, seed);
    posw_wipe(seed, sizeof seed);
    return code;
}

static int load(posw_connect *c, posw_message *warning, posw_bytes kept) {
    posw_message_set(warning, POSW_OK, "%s", "");
    if (kept.size == 0) return POSW_OK;
    const int code = connect_read_book(c, kept);
    if (code == POSW_OK || code == POSW_ENOMEM) return code;
    posw_message_set(
        warning, code,
        "what was kept of other nodes' addresses cannot be used (%s): starting without it, and without the bans "
        "that it held; bootnodes and DNS seeds are asked for addresses",
        posw_error_text(code));
    return POSW_OK;
}

int posw_connect_new(posw_connect **out, posw_message *warning, const posw_connect_options *o, uint64_t now_ms) {
    posw_connect *c = calloc(1, sizeof *c);
    if (c == NULL) return POSW_ENOMEM;
    c->o = *o;
    c->o.named = c->o.bootnodes = NULL;
    c->o.dns_seeds = NULL;
    c->o.kept = (posw_bytes){NULL, 0};
    posw_wipe(c->o.seed, sizeof c->o.seed);
    posw_random_init(&c->random, o->seed);
    c->change_ms = now_ms;
    connect_search_anew(c);
    c->feeler_ms = now_ms + posw_random_interval(&c->random, CONNECT_FEELER_MS);
    int code = load(c, warning, o->kept);
    if (code == POSW_OK) code = make_parts(c);
    if (code == POSW_OK && !add_targets(c, o, now_ms)) code = POSW_ENOMEM;
    if (code != POSW_OK) {
        posw_connect_free(c);
        return code;
    }
    *out = c;
    return POSW_OK;
}

void posw_connect_free(posw_connect *c) {
    if (c == NULL) return;
    posw_addrman_free(c->addresses);
    posw_bans_free(c->bans);
    free(c->targets);
    free(c->links);
    posw_wipe(c, sizeof *c);
    free(c);
}

posw_addrman *posw_connect_addresses(posw_connect *c) {
    return c->addresses;
}

posw_bans *posw_connect_bans(posw_connect *c) {
    return c->bans;
}

void posw_connect_set_behind(posw_connect *c, uint64_t behind_ms) {
    c->behind_ms = behind_ms;
}

/* ---- named nodes ---- */

static bool same_url(const posw_node_url *a, const posw_node_url *b) {
    return a->port == b->port && strcmp(a->host, b->host) == 0 && memcmp(&a->id, &b->id, sizeof a->id) == 0;
}

static size_t find_named(const posw_connect *c, const posw_node_url *url) {
    size_t i = 0;
    while (i < c->target_count && (c->targets[i].kind != CONNECT_NAMED || !same_url(&c->targets[i].url, url)))
        i++;
    return i;
}

int posw_connect_add_named(posw_connect *c, const posw_node_url *url) {
    if (find_named(c, url) < c->target_count) return POSW_EEXIST;
    return connect_add_target(c, CONNECT_NAMED, url, 0) == NULL ? POSW_EFULL : POSW_OK;
}

int posw_connect_remove_named(posw_connect *c, const posw_node_url *url) {
    const size_t i = find_named(c, url);
    if (i == c->target_count) return POSW_ENOTFOUND;
    c->targets[i] = c->targets[--c->target_count];
    return POSW_OK;
}

connect_target *connect_find_target(const posw_connect *c, uint32_t number) {
    for (size_t i = 0; i < c->target_count; i++)
        if (c->targets[i].number == number) return &c->targets[i];
    return NULL;
}

void connect_target_failed(connect_target *t, uint64_t now_ms) {
    const uint64_t most_ms = t->kind == CONNECT_NAMED ? CONNECT_BACKOFF_NAMED_MS : CONNECT_BACKOFF_MAX_MS;
    t->resolving = t->linked = false;
    t->at_ms = now_ms + t->wait_ms;
    t->wait_ms = t->wait_ms * 2 > most_ms ? most_ms : t->wait_ms * 2;
}

/* ---- links ---- */

connect_link *connect_find_link(const posw_connect *c, uint64_t peer) {
    for (size_t i = 0; i < c->link_count; i++)
        if (c->links[i].peer == peer) return &c->links[i];
    return NULL;
}

bool connect_add_link(posw_connect *c, uint64_t peer, enum posw_p2p_kind kind, const posw_netaddr *address,
                      uint32_t target) {
    connect_link *links = grown(c->links, &c->link_capacity, c->link_count, sizeof *links);
    if (links == NULL) return false;
    c->links = links;
    links[c->link_count++] = (connect_link){.peer = peer, .kind = kind, .address = *address, .target = target};
    return true;
}

/* In order: the oldest block-only links are the anchors. */
static void drop_link(posw_connect *c, connect_link *l) {
    const size_t i = (size_t)(l - c->links);
    memmove(l, l + 1, (c->link_count - i - 1) * sizeof *l);
    c->link_count--;
}

bool connect_any_ready(const posw_connect *c) {
    for (size_t i = 0; i < c->link_count; i++)
        if (c->links[i].ready) return true;
    return false;
}

void connect_search_anew(posw_connect *c) {
    c->search_ms = 0;
    c->search_wait_ms = CONNECT_SEARCH_MS;
}

posw_connect_counts posw_connect_count(const posw_connect *c) {
    posw_connect_counts n = {0};
    for (size_t i = 0; i < c->link_count; i++) {
        if (!c->links[i].ready) {
            n.dialling++;
            continue;
        }
        n.full += c->links[i].kind == POSW_P2P_OUTBOUND;
        n.block_only += c->links[i].kind == POSW_P2P_BLOCK_ONLY;
        n.named += c->links[i].kind == POSW_P2P_NAMED;
        n.feelers += c->links[i].kind == POSW_P2P_FEELER;
    }
    return n;
}

void posw_connect_want_extra(posw_connect *c, bool on) {
    c->want_extra = on;
}

bool posw_connect_has_surplus(const posw_connect *c) {
    return posw_connect_count(c).full > c->o.outbound_max;
}

/* ---- what became of a dial ---- */

static void ready(posw_connect *c, connect_link *l, const posw_node_id *id, uint64_t now_ms) {
    connect_target *t = connect_find_target(c, l->target);
    if (l->ready) return;
    l->ready = true;
    if (t != NULL) t->failure = 0;
    l->ready_ms = now_ms;
    if (l->kind != POSW_P2P_FEELER) c->change_ms = now_ms;
    if (t != NULL && t->kind == CONNECT_BOOTNODE) {
        const posw_msg_address told = {.address = l->address, .seen_s = now_ms / 1000};
        (void)posw_addrman_add(c->addresses, &told, &l->address, now_ms / 1000);
    }
    posw_addrman_good(c->addresses, &l->address, id, now_ms / 1000);
}

static void remember_own(posw_connect *c, const posw_netaddr *address) {
    c->own[c->own_count++ % CONNECT_OWN_MAX] = *address;
    posw_addrman_remove(c->addresses, address);
}

/* How the connection's end moves the node that was named. It may have dialled us at the same moment, and have closed
 * our connection as we closed its: a lot decides who is first the next time. */
static void settle_target(posw_connect *c, connect_target *t, enum posw_dial_result result, uint64_t now_ms) {
    if (result == POSW_DIAL_USELESS) t->wait_ms = CONNECT_BACKOFF_MAX_MS;
    connect_target_failed(t, now_ms);
    if (result == POSW_DIAL_KNOWN)
        t->at_ms = now_ms + CONNECT_KNOWN_MS / 2 + posw_random_below(&c->random, CONNECT_KNOWN_MS / 2);
    if (result == POSW_DIAL_SELF) t->at_ms = UINT64_MAX;
}

void posw_connect_result(posw_connect *c, uint64_t peer, enum posw_dial_result result, const posw_node_id *id,
                         uint64_t now_ms) {
    connect_link *l = connect_find_link(c, peer);
    if (l == NULL || l->ready) return;
    const posw_netaddr address = l->address;
    connect_target *t = connect_find_target(c, l->target);
    if (result == POSW_DIAL_READY) {
        ready(c, l, id, now_ms);
        return;
    }
    drop_link(c, l);
    if (t != NULL) settle_target(c, t, result, now_ms);
    switch (result) {
    case POSW_DIAL_READY:
    case POSW_DIAL_FULL:
        break;
    case POSW_DIAL_FAILED:
        posw_addrman_failed(c->addresses, &address, connect_any_ready(c), now_ms / 1000);
        break;
    case POSW_DIAL_KNOWN:
        posw_addrman_good(c->addresses, &address, id, now_ms / 1000);
        break;
    case POSW_DIAL_USELESS:
        posw_addrman_remove(c->addresses, &address);
        break;
    case POSW_DIAL_SELF:
        remember_own(c, &address);
        break;
    }
}

void posw_connect_gone(posw_connect *c, uint64_t peer, uint64_t now_ms) {
    connect_link *l = connect_find_link(c, peer);
    if (l == NULL) return;
    if (!l->ready) {
        posw_connect_result(c, peer, POSW_DIAL_FAILED, NULL, now_ms);
        return;
    }
    const connect_link was = *l;
    connect_search_anew(c);
    connect_target *t = connect_find_target(c, was.target);
    drop_link(c, l);
    if (was.kind != POSW_P2P_FEELER) c->change_ms = now_ms;
    posw_addrman_was_connected(c->addresses, &was.address, now_ms / 1000);
    if (t == NULL) return;
    if (now_ms >= was.ready_ms + CONNECT_STEADY_MS) t->wait_ms = CONNECT_BACKOFF_MIN_MS;
    connect_target_failed(t, now_ms);
    if (now_ms < was.ready_ms + CONNECT_BRIEF_MS) t->at_ms += posw_random_below(&c->random, t->at_ms - now_ms);
}

/* FNV-1a: only to tell texts apart; never 0. */
static uint64_t fnv1a(posw_bytes text) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ text.data[i]) * 0x100000001b3u;
    return hash == 0 ? 1 : hash;
}

bool posw_connect_is_news(posw_connect *c, uint64_t peer, posw_bytes reason) {
    const connect_link *l = connect_find_link(c, peer);
    connect_target *t = l == NULL || l->ready ? NULL : connect_find_target(c, l->target);
    const uint64_t failure = fnv1a(reason);
    if (t == NULL || t->failure == failure) return false;
    t->failure = failure;
    return true;
}

/* ---- names ---- */

/* A seed's name speaks for one group of tellers of its own: an address in 3ffe::/16, which was given back and belongs
 * to nobody. */
static posw_netaddr seed_source(const posw_connect *c, const connect_target *t) {
    posw_netaddr a = {.ip = {0x3f, 0xfe}, .port = c->o.default_port};
    posw_store_be64(a.ip + 2, fnv1a(posw_bytes_of(t->url.host, strlen(t->url.host))));
    return a;
}

static void take_seed(posw_connect *c, const connect_target *t, const posw_netaddr *addresses, size_t count,
                      uint64_t now_ms) {
    const posw_netaddr source = seed_source(c, t);
    for (size_t i = 0; i < count && i < CONNECT_SEED_ADDRESSES_MAX; i++) {
        const uint64_t age_s = 3 * 86400 + posw_random_below(&c->random, 4 * 86400);
        const posw_msg_address told = {.address = addresses[i],
                                       .seen_s = now_ms / 1000 > age_s ? now_ms / 1000 - age_s : 1};
        (void)posw_addrman_add(c->addresses, &told, &source, now_ms / 1000);
    }
}

static void take_addresses(posw_connect *c, connect_target *t, const posw_netaddr *addresses, size_t count,
                           uint64_t now_ms) {
    t->resolving = false;
    t->unresolved = count == 0;
    if (count == 0) {
        connect_target_failed(t, now_ms);
        return;
    }
    if (t->kind == CONNECT_SEED) {
        take_seed(c, t, addresses, count, now_ms);
        t->wait_ms = CONNECT_BACKOFF_MIN_MS;
        t->at_ms = now_ms + CONNECT_DNS_AGAIN_MS;
        connect_search_anew(c);
        return;
    }
    t->address_next = 0;
    t->address_count = count < CONNECT_TARGET_ADDRESSES_MAX ? count : CONNECT_TARGET_ADDRESSES_MAX;
    memcpy(t->addresses, addresses, t->address_count * sizeof *addresses);
    posw_random_shuffle(&c->random, t->addresses, t->address_count, sizeof *t->addresses);
    t->at_ms = now_ms;
}

void posw_connect_resolved(posw_connect *c, posw_bytes host, const posw_netaddr *addresses, size_t count,
                           uint64_t now_ms) {
    for (size_t i = 0; i < c->target_count; i++) {
        connect_target *t = &c->targets[i];
        const bool same_host = strlen(t->url.host) == host.size && memcmp(t->url.host, host.data, host.size) == 0;
        if (!t->resolving || !same_host || (count > 0 && addresses[0].port != t->url.port)) continue;
        take_addresses(c, t, addresses, count, now_ms);
    }
}

const char *posw_connect_unresolved(const posw_connect *c) {
    for (size_t i = 0; i < c->target_count; i++)
        if (c->targets[i].unresolved) return c->targets[i].url.host;
    return NULL;
}

bool posw_connect_has_named(const posw_connect *c) {
    return c->target_count > 0;
}
