#include "p2p/evict.h"

#include "base/bytes.h"
#include "base/siphash.h"

#include <stdlib.h>

enum { RARE_GROUPS = 4, QUICKEST = 8, LATEST_TX = 4, LATEST_BLOCK = 8, OUTBOUND_GRACE_MS = 30 * 1000 };

/* Each round moves those that it protects to the end and forgets them. */
typedef struct {
    posw_evict_candidate *items;
    size_t count;
} field;

static void take_out(field *f, size_t i) {
    f->items[i] = f->items[--f->count];
}

static bool same_group(const posw_evict_candidate *a, const posw_evict_candidate *b) {
    return a->group_number == b->group_number;
}

/* Older first; the peer number makes every order total. */
static bool is_older(const posw_evict_candidate *a, const posw_evict_candidate *b) {
    return a->connected_ms != b->connected_ms ? a->connected_ms < b->connected_ms : a->peer < b->peer;
}

static int by_group(const void *a, const void *b) {
    const posw_evict_candidate *x = a, *y = b;
    return (x->group_number > y->group_number) - (x->group_number < y->group_number);
}

/* Sorts by group and counts each. */
static void count_groups(field *f) {
    qsort(f->items, f->count, sizeof *f->items, by_group);
    for (size_t i = 0; i < f->count;) {
        size_t end = i;
        while (end < f->count && same_group(&f->items[i], &f->items[end]))
            end++;
        for (const size_t size = end - i; i < end; i++)
            f->items[i].group_size = size;
    }
}

static void number_groups(field *f, const uint8_t secret[16]) {
    const uint64_t key[2] = {posw_load_le64(secret), posw_load_le64(secret + 8)};
    for (size_t i = 0; i < f->count; i++) {
        posw_evict_candidate *c = &f->items[i];
        uint8_t bytes[8] = {0};
        memcpy(bytes, c->group, sizeof c->group);
        c->group_number = posw_load_le64(bytes);
        c->group_rank = posw_siphash(key, c->group, sizeof c->group);
    }
    count_groups(f);
}

static bool is_rarer(const posw_evict_candidate *a, const posw_evict_candidate *b) {
    if (a->group_size != b->group_size) return a->group_size < b->group_size;
    return a->group_rank != b->group_rank ? a->group_rank > b->group_rank : is_older(a, b);
}

static bool is_quicker(const posw_evict_candidate *a, const posw_evict_candidate *b) {
    return a->ping_min_ms != b->ping_min_ms ? a->ping_min_ms < b->ping_min_ms : is_older(a, b);
}

static bool brought_tx_later(const posw_evict_candidate *a, const posw_evict_candidate *b) {
    return a->last_tx_ms != b->last_tx_ms ? a->last_tx_ms > b->last_tx_ms : is_older(a, b);
}

static bool brought_block_later(const posw_evict_candidate *a, const posw_evict_candidate *b) {
    return a->last_block_ms != b->last_block_ms ? a->last_block_ms > b->last_block_ms : is_older(a, b);
}

typedef bool (*order)(const posw_evict_candidate *a, const posw_evict_candidate *b);

static size_t first_by(const field *f, order before) {
    size_t best = 0;
    for (size_t i = 1; i < f->count; i++)
        if (before(&f->items[i], &f->items[best])) best = i;
    return best;
}

static bool ever_pinged(const posw_evict_candidate *c) {
    return c->ping_min_ms != UINT32_MAX;
}
static bool ever_brought_tx(const posw_evict_candidate *c) {
    return c->last_tx_ms != 0;
}
static bool ever_brought_block(const posw_evict_candidate *c) {
    return c->last_block_ms != 0;
}

/* The n that stand first, as far as they have done at all what is looked at. */
static void protect_first(field *f, size_t n, order before, bool (*counts)(const posw_evict_candidate *c)) {
    for (; n > 0 && f->count > 0; n--) {
        const size_t best = first_by(f, before);
        if (!counts(&f->items[best])) return;
        take_out(f, best);
    }
}

/* One of each of the rarest groups. The counts are those of the whole field: a group does not become rarer by its
 * protection. */
static void protect_rare(field *f) {
    size_t chosen[RARE_GROUPS], n = 0;
    while (n < RARE_GROUPS) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < f->count; i++) {
            bool taken = false;
            for (size_t k = 0; k < n; k++)
                taken = taken || same_group(&f->items[i], &f->items[chosen[k]]);
            if (!taken && (best == SIZE_MAX || is_rarer(&f->items[i], &f->items[best]))) best = i;
        }
        if (best == SIZE_MAX) break;
        chosen[n++] = best;
    }
    while (n > 0) { /* from the highest place down, so that the others stay where they are */
        size_t last = 0;
        for (size_t k = 1; k < n; k++)
            if (chosen[k] > chosen[last]) last = k;
        take_out(f, chosen[last]);
        chosen[last] = chosen[--n];
    }
}

static int by_age(const void *a, const void *b) {
    const posw_evict_candidate *x = a, *y = b;
    return is_older(x, y) ? -1 : is_older(y, x);
}

/* The youngest of the largest group; of equal groups the one with the youngest member. */
static size_t choose(field *f) {
    size_t best = 0;
    count_groups(f);
    for (size_t i = 1; i < f->count; i++) {
        const posw_evict_candidate *a = &f->items[i], *b = &f->items[best];
        if (a->group_size > b->group_size || (a->group_size == b->group_size && is_older(b, a))) best = i;
    }
    return best;
}

static bool youngest_discouraged(uint64_t *peer, const field *f) {
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].discouraged && (best == SIZE_MAX || is_older(&f->items[best], &f->items[i]))) best = i;
    if (best != SIZE_MAX) *peer = f->items[best].peer;
    return best != SIZE_MAX;
}

bool posw_evict_inbound(uint64_t *peer, posw_evict_candidate *c, size_t count, const uint8_t secret[16]) {
    field f = {c, count};
    for (size_t i = f.count; i > 0; i--)
        if (f.items[i - 1].is_protected) take_out(&f, i - 1);
    if (youngest_discouraged(peer, &f)) return true;
    number_groups(&f, secret);
    protect_rare(&f);
    protect_first(&f, QUICKEST, is_quicker, ever_pinged);
    protect_first(&f, LATEST_TX, brought_tx_later, ever_brought_tx);
    protect_first(&f, LATEST_BLOCK, brought_block_later, ever_brought_block);
    if (f.count == 0) return false;
    qsort(f.items, f.count, sizeof *f.items, by_age);
    f.items += f.count / 2;
    f.count -= f.count / 2;
    *peer = f.items[choose(&f)].peer;
    return true;
}

bool posw_inbound_group_has_room(const posw_evict_candidate *c, size_t count, const posw_netaddr *address,
                                 bool private_network) {
    uint8_t group[POSW_NETGROUP_SIZE];
    size_t n = 0;
    if (private_network || posw_netaddr_is_loopback(address)) return true;
    posw_netaddr_group(group, address);
    for (size_t i = 0; i < count; i++)
        n += memcmp(c[i].group, group, sizeof group) == 0;
    return n < POSW_EVICT_GROUP_MAX;
}

bool posw_evict_outbound(uint64_t *peer, const posw_evict_candidate *c, size_t count, uint64_t now_ms) {
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        if (c[i].is_protected || c[i].connected_ms + OUTBOUND_GRACE_MS > now_ms) continue;
        if (best != SIZE_MAX) {
            const bool equal = c[i].last_block_ms == c[best].last_block_ms;
            if (equal ? is_older(&c[i], &c[best]) : c[i].last_block_ms > c[best].last_block_ms) continue;
        }
        best = i;
    }
    if (best != SIZE_MAX) *peer = c[best].peer;
    return best != SIZE_MAX;
}

bool posw_outbound_group_is_free(const posw_netaddr *address, const posw_netaddr *others, size_t count,
                                 bool private_network) {
    uint8_t group[POSW_NETGROUP_SIZE], other[POSW_NETGROUP_SIZE];
    posw_netaddr with_port = *address;
    if (with_port.port == 0) with_port.port = 1;
    if (private_network || !posw_netaddr_is_routable(&with_port)) return true;
    posw_netaddr_group(group, address);
    for (size_t i = 0; i < count; i++) {
        posw_netaddr_group(other, &others[i]);
        if (memcmp(group, other, sizeof group) == 0) return false;
    }
    return true;
}
