#include "rules/branches.h"

#include "base/bytes.h"
#include "base/error.h"
#include "posw/u256.h"
#include "posw/weight.h"
#include "rules/clock.h"

#include <stdlib.h>
#include <string.h>

enum { RESTART = 2048 };

static posw_tree *tree_in(void *memory, uint32_t capacity, const posw_hash *root) {
    static const uint64_t seed[2] = {1, 2};
    return posw_tree_init(memory, capacity, seed, root, 0, &POSW_U256_ZERO);
}

bool branches_init(branches *b, uint64_t window, uint64_t boost, uint32_t race_max) {
    static const uint64_t COIN_WEI = 1000000000000000000U;
    memset(b, 0, sizeof *b);
    posw_params_default(&b->params);
    b->params.difficulty_rule = POSW_DIFFICULTY_FIXED;
    b->params.genesis_difficulty = posw_u256_from_u64(1 << 20);
    b->params.window_blocks = window;
    b->params.weight = (posw_weight_params){.rule = POSW_WEIGHT_TICKET,
                                            .unit_wei = posw_u256_from_u64(COIN_WEI),
                                            .boost = boost,
                                            .slots = 1,
                                            .ticket_price_wei = posw_u256_from_u64(COIN_WEI)};
    for (int i = 0; i < BRANCHES_MINERS; i++)
        b->address[i].b[0] = (uint8_t)(i + 1);
    const uint32_t capacity = RESTART + race_max;
    void *memory = aligned_alloc(64, (posw_tree_size(capacity) + 63) / 64 * 64);
    if (memory == NULL) return false;
    b->tree = tree_in(memory, capacity, &(posw_hash){{0}});
    return true;
}

void branches_clear(branches *b) {
    free(b->tree);
    memset(b, 0, sizeof *b);
}

static posw_hash next_hash(branches *b) {
    posw_hash h = {{0}};
    posw_store_le64(h.b, ++b->named);
    return h;
}

bool branches_restart(branches *b) {
    if (posw_tree_count(b->tree) < RESTART) return false;
    const posw_hash root = next_hash(b);
    b->tree = tree_in(b->tree, posw_tree_capacity(b->tree), &root); /* in the same memory */
    return true;
}

void branches_stake(branches *b, int miner, uint64_t tickets) {
    const bool fits = posw_u256_mul_u64(&b->stake[miner], &b->params.weight.ticket_price_wei, tickets);
    POSW_ASSERT(fits);
}

posw_window *branches_window(const branches *b, uint64_t history) {
    const uint64_t window = b->params.window_blocks;
    const size_t size = posw_window_size(window, history);
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    if (memory == NULL) return NULL;
    posw_window *w = posw_window_init(memory, window, history, 2 * window * b->params.block_time_s);
    posw_window_push(w, &(posw_window_entry){.timestamp = b->params.block_time_s});
    return w;
}

double branches_weight(const branches *b, const posw_window *w, int miner) {
    const posw_u256 f =
        posw_weight(&b->params, 0, &b->stake[miner], &POSW_U256_ZERO, posw_window_used(w, &b->address[miner]));
    return lab_double_of(&f);
}

void branches_push(const branches *b, posw_window *w, const branches_block *block) {
    posw_window_push(w, &(posw_window_entry){.miner = b->address[block->miner],
                                             .timestamp = block->timestamp,
                                             .boosted = block->boosted,
                                             .difficulty = block->difficulty});
}

branches_block branches_mine_at(branches *b, posw_window *w, int miner, double weight, double level, uint64_t timestamp,
                                const posw_u256 *difficulty) {
    const branches_block block = {next_hash(b), miner, level * weight >= 1 /* H9 */, timestamp, *difficulty};
    if (w != NULL) branches_push(b, w, &block);
    return block;
}

branches_block branches_mine(branches *b, posw_window *w, int miner, double weight, double level) {
    const uint64_t before = w == NULL ? 0 : posw_window_at(w, 0).timestamp;
    return branches_mine_at(b, w, miner, weight, level, before + b->params.block_time_s, &b->params.genesis_difficulty);
}

uint32_t branches_insert(branches *b, uint32_t parent, const branches_block *block) {
    uint32_t index = 0;
    const posw_hash below = posw_tree_at(b->tree, parent)->hash;
    const enum posw_tree_result r = posw_tree_insert(b->tree, &index, &block->hash, &below, &block->difficulty);
    POSW_ASSERT(r == POSW_TREE_ADDED);
    return index;
}
