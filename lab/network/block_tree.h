/* The blocks of a simulated network, and who finds the next one: the rules of the chain, without the network.
 *
 * A block's state belongs to the block, whoever stands on it: its weight, and the difficulty of its children, are
 * computed once, when it is found (posw/difficulty.h). Tickets that are used up are counted in one window
 * (posw/window.h) that goes to the block on which somebody mines: from the tip of the last find some pops and pushes.
 *
 * Who mines when: each miner on its own tip, at the rate hash * F / D of that tip. Instead of a time for each miner,
 * drawn anew with each tip, there is one stream of tries, of all hash with the greatest weight that each miner can ever
 * have and the least difficulty that any tip asks for; a try becomes a block with the probability that is left, F / F
 * max * D min / D. This is the same law (thinning of a Poisson process), and a tip that changes costs nothing. */
#ifndef POSW_LAB_BLOCK_TREE_H
#define POSW_LAB_BLOCK_TREE_H

#include "posw/header.h"
#include "posw/params.h"
#include "posw/window.h"
#include "rules/rates.h"
#include "run/random.h"

typedef struct {
    uint32_t parent; /* genesis: itself */
    uint32_t miner;
    uint64_t number, timestamp_s;
    bool boosted;
    posw_u256 difficulty, weight; /* its own; of the chain up to it, which the fork choice compares */
    posw_u256 next;               /* the least difficulty of a child */
    double least;                 /* the same */
} tree_block;

typedef struct {
    posw_address address;
    posw_u256 stake_wei;
    double weight_max;
} tree_miner;

typedef struct {
    const posw_params *params; /* borrowed */
    posw_u256 supply_wei;
    uint64_t start_s; /* the unix time of the time 0 */
    tree_block *blocks;
    size_t count, capacity;
    tree_miner *miners;
    lab_rates rates;     /* of tries */
    double least;        /* difficulty that tries are made for */
    posw_window *window; /* NULL: no rule of this chain looks at it */
    uint32_t at;         /* the block at which the window stands */
    uint32_t *path;      /* of path_max blocks: to be pushed */
    size_t path_max;
    posw_header parent; /* memory of posw_difficulty_next */
} block_tree;

enum { TREE_GENESIS = 0 };

/* params: checked, with the first difficulty and the time of genesis; hashes: a second, of each of `count` miners.
 * False: out of memory; to be cleared all the same. */
bool block_tree_init(block_tree *t, const posw_params *params, const double *hashes, const posw_u256 *stakes,
                     size_t count, const posw_u256 *supply_wei);
void block_tree_clear(block_tree *t);

/* The least difficulty that any tip asks for from now on; at most that of each of them. */
void block_tree_set_least(block_tree *t, double least);
/* Time to the next try, in seconds, and whose it is. */
double block_tree_wait_s(const block_tree *t, lab_random *random);
size_t block_tree_draw(const block_tree *t, lab_random *random);
enum tree_try { TREE_MISSED, TREE_FOUND, TREE_NO_MEMORY };
/* Is the try of a miner on this tip a block? work_s: when it made what it works on (its timestamp, T1); now_s. The
 * block is the last one of the table then. */
enum tree_try block_tree_try(block_tree *t, size_t miner, uint32_t tip, uint64_t work_s, uint64_t now_s,
                             lab_random *random);

static inline bool block_tree_is_heavier(const block_tree *t, uint32_t a, uint32_t b) {
    const uint64_t *x = t->blocks[a].weight.w, *y = t->blocks[b].weight.w;
    for (int i = 3; i > 0; i--)
        if (x[i] != y[i]) return x[i] > y[i];
    return x[0] > y[0];
}
/* The latest block that both chains share. */
uint32_t block_tree_fork(const block_tree *t, uint32_t a, uint32_t b);

#endif
