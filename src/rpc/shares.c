/* posw_getMiners: who made the blocks of the last window, and what tickets all of them have. */
#include "rpc/methods.h"

#include "posw/u256.h"
#include "posw/weight.h"
#include "posw/window.h"

#include <stdlib.h>

enum { MINERS_LISTED_MAX = 100 };

typedef struct {
    posw_address miner;
    uint64_t blocks, boosted;
} share;

typedef struct {
    share *items; /* owned: one a miner, most blocks first, then by address */
    size_t count;
    uint64_t blocks, boosted; /* of all */
    uint64_t first_s, last_s; /* timestamps */
} shares;

static int by_address(const void *a, const void *b) {
    return memcmp(((const share *)a)->miner.b, ((const share *)b)->miner.b, sizeof(posw_address));
}

static int by_blocks(const void *a, const void *b) {
    const share *x = a, *y = b;
    return x->blocks != y->blocks ? (x->blocks < y->blocks ? 1 : -1) : by_address(a, b);
}

/* Entries of one miner, which follow each other, become one. */
static void join(shares *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (n > 0 && posw_address_equal(&s->items[n - 1].miner, &s->items[i].miner)) {
            s->items[n - 1].blocks += s->items[i].blocks;
            s->items[n - 1].boosted += s->items[i].boosted;
        } else {
            s->items[n++] = s->items[i];
        }
    }
    s->count = n;
}

/* The latest W blocks, genesis left out: nobody made it. */
static bool read_shares(rpc_call *c, shares *out) {
    const posw_window *window = posw_chain_window(c->chain);
    const uint64_t tip = posw_chain_tip(c->chain)->number, most = posw_chain_params(c->chain)->window_blocks;
    *out = (shares){.blocks = tip < most ? tip : most};
    out->items = calloc(out->blocks + 1, sizeof *out->items);
    if (out->items == NULL) return rpc_fail_operating(c, POSW_ENOMEM);
    for (uint64_t i = 0; i < out->blocks; i++) {
        const posw_window_entry e = posw_window_at(window, i);
        out->items[out->count++] = (share){e.miner, 1, e.boosted};
        out->boosted += e.boosted;
        if (i == 0) out->last_s = e.timestamp;
        out->first_s = e.timestamp;
    }
    qsort(out->items, out->count, sizeof *out->items, by_address);
    join(out);
    qsort(out->items, out->count, sizeof *out->items, by_blocks);
    return true;
}

/* The least number of miners that made more than half of the blocks; 0: there are none. */
static size_t nakamoto(const shares *s) {
    uint64_t sum = 0;
    for (size_t i = 0; i < s->count; i++) {
        sum += s->items[i].blocks;
        if (2 * sum > s->blocks) return i + 1;
    }
    return 0;
}

static uint64_t tickets_of(const posw_params *p, const posw_stake_table *t, const posw_u256 *stake) {
    return posw_weight_tickets(p, stake, &t->supply_wei);
}

static void json_miner(rpc_call *c, const posw_stake_table *t, const share *s) {
    const posw_params *p = posw_chain_params(c->chain);
    const posw_stake_entry *e = posw_stake_table_find(t, &s->miner);
    const posw_u256 stake = e == NULL ? POSW_U256_ZERO : e->stake_wei;
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_kv_address(w, "miner", &s->miner);
    posw_jw_kv_quantity(w, "blocks", s->blocks);
    posw_jw_kv_quantity(w, "boosted", s->boosted);
    posw_jw_kv_quantity_u256(w, "activeStake", &stake);
    posw_jw_kv_quantity(w, "tickets", tickets_of(p, t, &stake));
    posw_jw_kv_quantity(w, "used", posw_window_used(posw_chain_window(c->chain), &s->miner));
    posw_jw_object_end(w);
}

static uint64_t all_tickets(const posw_params *p, const posw_stake_table *t) {
    uint64_t sum = 0, tickets;
    for (size_t i = 0; i < t->count; i++) {
        tickets = tickets_of(p, t, &t->entries[i].stake_wei);
        sum = sum + tickets < sum ? UINT64_MAX : sum + tickets;
    }
    return sum;
}

static void json_shares(rpc_call *c, const posw_stake_table *t, const shares *s, uint64_t listed) {
    const posw_params *p = posw_chain_params(c->chain);
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_kv_quantity(w, "number", posw_chain_tip(c->chain)->number);
    posw_jw_kv_quantity(w, "blocks", s->blocks);
    posw_jw_kv_quantity(w, "boosted", s->boosted);
    posw_jw_kv_quantity(w, "seconds", s->last_s - s->first_s); /* from the first of them to the last */
    posw_jw_kv_quantity(w, "tickets", all_tickets(p, t));
    posw_jw_kv_quantity(w, "minerCount", s->count);
    posw_jw_kv_quantity(w, "nakamoto", nakamoto(s));
    posw_jw_key(w, "miners");
    posw_jw_array(w);
    for (size_t i = 0; i < s->count && i < listed; i++)
        json_miner(c, t, &s->items[i]);
    posw_jw_array_end(w);
    posw_jw_object_end(w);
}

/* (count) */
void rpc_posw_get_miners(rpc_call *c) {
    uint64_t listed = MINERS_LISTED_MAX;
    if (rpc_param(c, 0) != NULL && !rpc_value_count(c, rpc_arg(0), rpc_param(c, 0), &listed, MINERS_LISTED_MAX)) return;
    const posw_stake_table *t = posw_chain_table(c->chain, posw_chain_tip(c->chain)->number + 1);
    shares s;
    if (t == NULL) {
        (void)rpc_fail_operating(c, POSW_ECORRUPT);
        return;
    }
    if (!read_shares(c, &s)) return;
    json_shares(c, t, &s, listed);
    free(s.items);
}
