#include "base/siphash.h"
#include "p2p/addrman_internal.h"

#include <stdlib.h>
#include <string.h>

/* Tellers first: a group that has told of thousands weighs no more than one that has told of a single address. */
static const addrman_entry *draw_new(posw_addrman *a) {
    const addrman_teller *t = &a->tellers[posw_random_below(&a->random, a->teller_count)];
    const size_t place = t->places[posw_random_below(&a->random, t->count)];
    return &a->pool[a->new_table[place] - 1];
}

/* Buckets first: one that is full weighs no more than one with a single address in it. */
static const addrman_entry *draw_tried(posw_addrman *a) {
    const size_t bucket = a->tried_used[posw_random_below(&a->random, a->tried_used_count)];
    size_t place = bucket * POSW_ADDRMAN_BUCKET;
    for (uint64_t k = posw_random_below(&a->random, a->tried_fill[bucket]);; place++) {
        if (a->tried_table[place] == 0) continue;
        if (k-- == 0) break;
    }
    return &a->pool[a->tried_table[place] - 1];
}

/* Of 2^32: a hundredth shortly after an attempt, two thirds less for each failure (eight count). */
static uint64_t chance_of(const posw_addrman_entry *e, uint64_t now_s) {
    uint64_t chance = 1ULL << 32;
    if (posw_addrman_was_dialled(e, POSW_ADDRMAN_RETRY_S, now_s)) chance /= 100;
    for (uint32_t i = 0; i < e->failures && i < 8; i++)
        chance = chance * 2 / 3;
    return chance;
}

bool posw_addrman_select(posw_addrman *a, posw_addrman_entry *out, enum posw_addrman_table table, uint64_t now_s) {
    const size_t of_new = table == POSW_ADDRMAN_TRIED ? 0 : a->new_count,
                 of_tried = table == POSW_ADDRMAN_NEW ? 0 : a->tried_count;
    if (of_new == 0 && of_tried == 0) return false;
    const bool tried = of_new == 0 || (of_tried > 0 && posw_random_below(&a->random, 2) == 1);
    /* Each refusal makes the next one less likely, so that a table of bad addresses gives one after about 50 draws. */
    for (uint64_t factor = 1ULL << 16;; factor = factor * 6 / 5) {
        const addrman_entry *e = tried ? draw_tried(a) : draw_new(a);
        if (posw_random_below(&a->random, 1ULL << 32) >= chance_of(&e->e, now_s) * factor >> 16) continue;
        *out = e->e;
        return true;
    }
}

bool posw_addrman_select_collision(posw_addrman *a, posw_addrman_entry *out, uint64_t now_s) {
    posw_addrman_resolve_collisions(a, now_s);
    if (a->collision_count == 0) return false;
    const addrman_collision *c = &a->collisions[posw_random_below(&a->random, a->collision_count)];
    const uint32_t holder = a->tried_table[addrman_tried_place(a, &a->pool[c->newcomer].e.address)];
    if (holder == 0) return false;
    *out = a->pool[holder - 1].e;
    return true;
}

static size_t answer_size(const posw_addrman *a, size_t max) {
    const size_t all = posw_addrman_count(a, NULL, NULL);
    size_t n = all * POSW_ADDRMAN_ANSWER_PERCENT / 100;
    if (n < POSW_ADDRMAN_ANSWER_MIN) n = all < POSW_ADDRMAN_ANSWER_MIN ? all : POSW_ADDRMAN_ANSWER_MIN;
    if (n > POSW_ADDRMAN_ANSWER_MAX) n = POSW_ADDRMAN_ANSWER_MAX;
    return n < max ? n : max;
}

size_t posw_addrman_answer(posw_addrman *a, posw_msg_address *out, size_t max, uint64_t now_s) {
    const size_t wanted = answer_size(a, max);
    size_t n = 0;
    uint32_t left = a->used;
    uint32_t *order = wanted == 0 ? NULL : malloc(a->used * sizeof *order);
    if (order == NULL) return 0;
    for (uint32_t i = 0; i < a->used; i++)
        order[i] = i;
    while (n < wanted && left > 0) {
        const uint32_t k = (uint32_t)posw_random_below(&a->random, left);
        const addrman_entry *e = &a->pool[order[k]];
        order[k] = order[--left];
        if ((e->refs == 0 && !e->e.tried) || addrman_is_gone(&e->e, now_s)) continue;
        out[n++] = (posw_msg_address){e->e.address, e->e.id, e->e.seen_s};
    }
    free(order);
    return n;
}

/* ---- what a seeder answers with ---- */

/* One that may be told, with its group's number and its own, which are drawn anew for each answer. */
typedef struct {
    uint64_t group, own;
    const addrman_entry *e;
} candidate;

typedef struct {
    bool ipv6;
    uint16_t port;
    uint64_t since_s;
} proof;

static bool is_proven(const addrman_entry *e, const proof *p) {
    if ((e->refs == 0 && !e->e.tried) || e->e.success_s == 0 || e->e.success_s < p->since_s || e->e.failures > 0)
        return false;
    return posw_netaddr_is_ipv4(&e->e.address) != p->ipv6 && e->e.address.port == p->port;
}

static candidate draw_numbers(const posw_addrman *a, const uint64_t secret[2], const addrman_entry *e) {
    uint8_t group[POSW_NETGROUP_SIZE], key[ADDRMAN_ADDRESS_SIZE];
    addrman_group(group, a, &e->e.address);
    addrman_key(key, &e->e.address);
    return (candidate){posw_siphash(secret, group, sizeof group), posw_siphash(secret, key, sizeof key), e};
}

/* The groups with the least numbers, and of each the member with the least. */
static size_t choose_of_groups(posw_addrman *a, candidate *chosen, size_t max, const proof *p) {
    const uint64_t secret[2] = {posw_random_u64(&a->random), posw_random_u64(&a->random)};
    size_t n = 0;
    for (uint32_t k = 0; k < a->used; k++) {
        if (!is_proven(&a->pool[k], p)) continue;
        const candidate c = draw_numbers(a, secret, &a->pool[k]);
        size_t i = 0;
        while (i < n && chosen[i].group < c.group)
            i++;
        if (i < n && chosen[i].group == c.group) {
            if (c.own < chosen[i].own) chosen[i] = c;
            continue;
        }
        if (i == max) continue;
        if (n < max) n++;
        memmove(&chosen[i + 1], &chosen[i], (n - 1 - i) * sizeof *chosen);
        chosen[i] = c;
    }
    return n;
}

static bool is_chosen(const candidate *chosen, size_t n, const addrman_entry *e) {
    for (size_t i = 0; i < n; i++)
        if (chosen[i].e == e) return true;
    return false;
}

/* There are fewer groups than places: each of the others has the same chance at what is left. */
static size_t fill_up(posw_addrman *a, candidate *chosen, size_t of_groups, size_t max, const proof *p) {
    size_t n = of_groups;
    uint64_t seen = 0;
    for (uint32_t k = 0; k < a->used; k++) {
        const addrman_entry *e = &a->pool[k];
        if (!is_proven(e, p) || is_chosen(chosen, of_groups, e)) continue;
        seen++;
        const uint64_t place = n < max ? n++ : of_groups + posw_random_below(&a->random, seen);
        if (place < max) chosen[place].e = e;
    }
    return n;
}

size_t posw_addrman_proven(posw_addrman *a, posw_netaddr *out, size_t max, bool ipv6, uint16_t port, uint64_t since_s) {
    candidate chosen[POSW_ADDRMAN_PROVEN_MAX];
    const proof p = {ipv6, port, since_s};
    if (max > POSW_ADDRMAN_PROVEN_MAX) max = POSW_ADDRMAN_PROVEN_MAX;
    size_t n = choose_of_groups(a, chosen, max, &p);
    if (n < max) n = fill_up(a, chosen, n, max, &p);
    for (size_t i = 0; i < n; i++)
        out[i] = chosen[i].e->e.address;
    posw_random_shuffle(&a->random, out, n, sizeof *out);
    return n;
}

/* ---- quota ---- */

enum { TOKEN = 1000, FIRST_TOKENS = 1, MS_PER_MILLI = 10, TOKENS_MAX = POSW_MSG_ADDRESSES_MAX };

void posw_addr_quota_asked(posw_addr_quota *q) {
    q->milli += (uint64_t)POSW_MSG_ADDRESSES_MAX * TOKEN;
    if (q->milli > 2ULL * TOKENS_MAX * TOKEN) q->milli = 2ULL * TOKENS_MAX * TOKEN;
}

size_t posw_addr_quota_take(posw_addr_quota *q, size_t wanted, uint64_t now_ms) {
    if (q->at_ms == 0) { /* its own address is free */
        q->milli += FIRST_TOKENS * TOKEN;
        q->at_ms = now_ms;
    }
    const uint64_t earned = now_ms > q->at_ms ? (now_ms - q->at_ms) / MS_PER_MILLI : 0;
    q->at_ms += earned * MS_PER_MILLI;
    if (q->milli < (uint64_t)TOKENS_MAX * TOKEN) {
        const uint64_t room = (uint64_t)TOKENS_MAX * TOKEN - q->milli;
        q->milli += earned < room ? earned : room;
    }
    const uint64_t whole = q->milli / TOKEN, n = wanted < whole ? wanted : whole;
    q->milli -= n * TOKEN;
    return (size_t)n;
}
