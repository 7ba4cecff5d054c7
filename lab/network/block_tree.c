#include "block_tree.h"

#include "posw/check.h"
#include "posw/u256.h"
#include "posw/weight.h"
#include "rules/chain_sim.h"
#include "rules/clock.h"

#include <stdlib.h>
#include <string.h>

/* Blocks that the window can go back; farther it is filled anew. */
enum { HISTORY = 64, FIRST_CAPACITY = 1024 };

/* ---- the window ---- */

static void push(block_tree *t, uint32_t index) {
    const tree_block *b = &t->blocks[index];
    posw_window_entry e = {.timestamp = b->timestamp_s, .boosted = b->boosted, .difficulty = b->difficulty};
    if (index != TREE_GENESIS) e.miner = t->miners[b->miner].address;
    posw_window_push(t->window, &e);
}

/* All that it holds, from the stored blocks. */
static void fill(block_tree *t, uint32_t to) {
    size_t n = 0;
    posw_window_reset(t->window);
    for (uint32_t at = to; n < t->path_max; at = t->blocks[at].parent) {
        t->path[n++] = at;
        if (at == TREE_GENESIS) break;
    }
    while (n > 0)
        push(t, t->path[--n]);
}

static bool go(block_tree *t, uint32_t to) {
    size_t pops = 0, pushes = 0;
    for (uint32_t a = t->at, b = to; a != b;) {
        const uint64_t up = t->blocks[a].number, down = t->blocks[b].number;
        if (down >= up) {
            if (pushes == t->path_max) return false;
            t->path[pushes++] = b;
            b = t->blocks[b].parent;
        }
        if (up >= down) {
            pops++;
            a = t->blocks[a].parent;
        }
    }
    while (pops-- > 0)
        if (!posw_window_pop(t->window)) return false;
    while (pushes > 0)
        push(t, t->path[--pushes]);
    return true;
}

static void stand_at(block_tree *t, uint32_t to) {
    if (t->window == NULL || t->at == to) return;
    if (!go(t, to)) fill(t, to);
    t->at = to;
}

static bool needs_window(const posw_params *p) {
    return p->weight.rule == POSW_WEIGHT_TICKET || posw_difficulty_looks_back(p->difficulty_rule);
}

static bool make_window(block_tree *t) {
    const uint64_t window = t->params->window_blocks;
    if (!needs_window(t->params)) return true;
    t->path_max = window + HISTORY + POSW_WINDOW_MTP_ANCESTORS;
    t->path = calloc(t->path_max, sizeof *t->path);
    void *memory = aligned_alloc(64, (posw_window_size(window, HISTORY) + 63) / 64 * 64);
    if (memory != NULL)
        t->window = posw_window_init(memory, window, HISTORY, 2 * window * t->params->block_time_s); /* W4 */
    return t->path != NULL && memory != NULL;
}

/* ---- blocks ---- */

static posw_u256 difficulty_on(block_tree *t, uint32_t tip, uint64_t timestamp_s) {
    const tree_block *b = &t->blocks[tip];
    stand_at(t, tip);
    t->parent.number = b->number;
    t->parent.timestamp = b->timestamp_s;
    t->parent.difficulty = b->difficulty;
    return posw_difficulty_next(t->params, t->window, &t->parent, timestamp_s);
}

/* Parent and what is its own are there; the rest follows. */
static void complete(block_tree *t, uint32_t index) {
    tree_block *b = &t->blocks[index];
    b->weight = b->difficulty;
    if (index != TREE_GENESIS) b->weight = posw_u256_add_sat(&t->blocks[b->parent].weight, &b->difficulty);
    /* under the rules that read a block's own time none is easier than one that comes very late */
    b->next = difficulty_on(t, index, b->timestamp_s + (1 << 30));
    b->least = lab_double_of(&b->next);
}

static tree_block *add(block_tree *t) {
    if (t->count == t->capacity) {
        const size_t capacity = t->capacity == 0 ? FIRST_CAPACITY : 2 * t->capacity;
        tree_block *blocks = realloc(t->blocks, capacity * sizeof *blocks);
        if (blocks == NULL) return NULL;
        t->blocks = blocks;
        t->capacity = capacity;
    }
    return &t->blocks[t->count++];
}

uint32_t block_tree_fork(const block_tree *t, uint32_t a, uint32_t b) {
    while (a != b) {
        if (t->blocks[a].number >= t->blocks[b].number)
            a = t->blocks[a].parent;
        else
            b = t->blocks[b].parent;
    }
    return a;
}

/* ---- tries ---- */

void block_tree_set_least(block_tree *t, double least) {
    t->least = least;
}

double block_tree_wait_s(const block_tree *t, lab_random *random) {
    return lab_exponential(random) * t->least / lab_rates_sum(&t->rates);
}

size_t block_tree_draw(const block_tree *t, lab_random *random) {
    return lab_rates_draw(&t->rates, lab_uniform(random));
}

static double weight_of(const block_tree *t, const tree_miner *m, uint64_t number) {
    const uint64_t used = t->params->weight.rule == POSW_WEIGHT_TICKET ? posw_window_used(t->window, &m->address) : 0;
    const posw_u256 f = posw_weight(t->params, number, &m->stake_wei, &t->supply_wei, used);
    return lab_double_of(&f);
}

enum tree_try block_tree_try(block_tree *t, size_t miner, uint32_t tip, uint64_t work_s, uint64_t now_s,
                             lab_random *random) {
    const tree_block on = t->blocks[tip];
    const tree_miner *m = &t->miners[miner];
    const posw_header next = {.timestamp = on.timestamp_s + 1};
    if (posw_check_header_time(t->params, &next, now_s).kind != POSW_VALID) return TREE_MISSED; /* T2: it waits */
    const uint64_t timestamp_s = work_s > on.timestamp_s ? work_s : on.timestamp_s + 1;         /* T1 */
    const posw_u256 d = lab_own_timestamp(t->params) ? difficulty_on(t, tip, timestamp_s) : on.next;
    stand_at(t, tip);
    const double f = weight_of(t, m, on.number + 1);
    if (lab_uniform(random) * m->weight_max * lab_double_of(&d) >= f * t->least) return TREE_MISSED;
    tree_block *b = add(t);
    if (b == NULL) return TREE_NO_MEMORY;
    *b = (tree_block){.parent = tip,
                      .miner = (uint32_t)miner,
                      .number = on.number + 1,
                      .timestamp_s = timestamp_s,
                      .boosted = lab_uniform(random) * f >= 1, /* H9: the level of the hash */
                      .difficulty = d};
    complete(t, (uint32_t)t->count - 1);
    return TREE_FOUND;
}

/* ---- making one ---- */

/* The greatest weight that it can ever have: no ticket used, the ramp at its end (W5). */
static double greatest_weight(const block_tree *t, const tree_miner *m) {
    const posw_u256 f = posw_weight(t->params, t->params->weight.ramp_blocks + 1, &m->stake_wei, &t->supply_wei, 0);
    return lab_double_of(&f);
}

bool block_tree_init(block_tree *t, const posw_params *params, const double *hashes, const posw_u256 *stakes,
                     size_t count, const posw_u256 *supply_wei) {
    *t = (block_tree){.params = params, .supply_wei = *supply_wei};
    t->miners = calloc(count, sizeof *t->miners);
    if (!lab_rates_init(&t->rates, count) || t->miners == NULL || !make_window(t)) return false;
    for (size_t i = 0; i < count; i++) {
        tree_miner *m = &t->miners[i];
        *m = (tree_miner){.address = chain_sim_address((uint32_t)i), .stake_wei = stakes[i]};
        m->weight_max = greatest_weight(t, m);
        lab_rates_set(&t->rates, i, hashes[i] * m->weight_max);
    }
    tree_block *genesis = add(t);
    if (genesis == NULL) return false;
    *genesis = (tree_block){.timestamp_s = params->genesis_time, .difficulty = params->genesis_difficulty};
    if (t->window != NULL) push(t, TREE_GENESIS);
    complete(t, TREE_GENESIS);
    t->least = genesis->least;
    return true;
}

void block_tree_clear(block_tree *t) {
    lab_rates_clear(&t->rates);
    free(t->blocks);
    free(t->miners);
    free(t->window);
    free(t->path);
    *t = (block_tree){.params = NULL};
}
