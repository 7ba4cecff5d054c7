/* Two branches of a chain that compete, on libposw's own structures: one tree of headers, and for each branch a window
 * that stands at its tip. A hash names a block by a running number. */
#ifndef POSW_LAB_BRANCHES_H
#define POSW_LAB_BRANCHES_H

#include "posw/params.h"
#include "posw/tree.h"
#include "posw/window.h"

enum { BRANCHES_ATTACKER, BRANCHES_HONEST, BRANCHES_MINERS };

typedef struct {
    posw_params params;
    posw_tree *tree; /* owned */
    uint64_t named;  /* hashes given so far */
    posw_address address[BRANCHES_MINERS];
    posw_u256 stake[BRANCHES_MINERS];
} branches;

/* The rules: tickets at a price of one coin, or none (boost 1), and a difficulty that stands still. race_max: the most
 * blocks that one race puts into the tree (asserted). False: out of memory. */
bool branches_init(branches *b, uint64_t window, uint64_t boost, uint32_t race_max);
void branches_clear(branches *b);
/* An empty tree, where the present one has become larger than a processor's caches like: between two races only, and
 * before each. True: all nodes have new names. */
bool branches_restart(branches *b);
/* In whole tickets. */
void branches_stake(branches *b, int miner, uint64_t tickets);
posw_window *branches_window(const branches *b, uint64_t history); /* NULL: out of memory; free() it */

/* F of a miner for the block that follows the window. */
double branches_weight(const branches *b, const posw_window *w, int miner);
/* A block is a fact of its miner's until it goes into the tree. */
typedef struct {
    posw_hash hash;
    int miner;
    bool boosted;
    uint64_t timestamp;
    posw_u256 difficulty;
} branches_block;
/* Mines a block: pushes it onto the window (NULL: none is kept). Boosted as the level says (uniform in [0, 1)). On
 * schedule after the block at the end of the window, and as difficult as all others: where time plays no part. */
branches_block branches_mine(branches *b, posw_window *w, int miner, double weight, double level);
/* The same with a time and a difficulty. */
branches_block branches_mine_at(branches *b, posw_window *w, int miner, double weight, double level, uint64_t timestamp,
                                const posw_u256 *difficulty);
/* Puts it into the tree on top of a node; the new node. */
uint32_t branches_insert(branches *b, uint32_t parent, const branches_block *block);
void branches_push(const branches *b, posw_window *w, const branches_block *block);

#endif
