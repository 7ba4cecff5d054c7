/* Selfish mining (Eyal and Sirer 2014, "SM1") on the fork choice, difficulty, window and weights of libposw.
 *
 * The attacker keeps its blocks hidden and shows them in answer to the honest ones. It shows all as soon as the next
 * honest block could draw level with its branch, and before that as many as draw level with the public one; in such a
 * match the share gamma of the honest hash mines on the attacker's block. If its branch is lighter it gives up, unless
 * it trails (Nayak et al. 2016). Which chain is the best is what posw_tree says; how fast the attacker finds blocks is
 * its weight on its own branch, with the tickets that are free there, over the difficulty there.
 *
 * How hard blocks are:
 *  - LAB_NO_TIMES: all alike. Level is then what is equally long, and this is SM1 to the letter.
 *  - LAB_TRUE_TIMES: as the rule says, with the time of each block by its miner's clock. Under `asert` (D2) the
 *    difficulty falls while a block does not come, so of two equally long branches that one is heavier whose blocks
 * were found earlier: the hidden one. Only branches of one block are level, since these have the same parent. Under
 *    `asert-lag` (D8) the times of the latest blocks do not count, and short branches are level again.
 *  - LAB_FALSE_TIMES: the same, and a block of the attacker's says that it came a second after its parent. */
#ifndef POSW_LAB_SELFISH_SIM_H
#define POSW_LAB_SELFISH_SIM_H

#include "posw/params.h"
#include "rules/times.h"
#include "run/sample.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    double alpha, gamma; /* attacker's share of the hash; what follows it in a match */
    bool has_tickets;    /* the ticket rule for the attacker; honest miners always have one free */
    double ticket_share; /* the attacker's tickets in parts of W */
    uint64_t trail;      /* blocks that its branch may be behind before it gives up; SM1: 0 */
    uint64_t boost, window;
    enum lab_times times;
    enum posw_difficulty_rule rule;           /* with times: one that does not read the block's own time */
    uint64_t difficulty_blocks, block_time_s; /* with times: half-life, window or interval; T */
    uint64_t blocks; /* found by anybody, all chains together; at least SELFISH_CHAINS. Without tickets and times a
                        little more, since a chain then ends with a round */
    uint64_t seed;
    unsigned threads;
    bool progress;
} selfish_setup;

enum { SELFISH_CHAINS = 16 };

typedef struct {
    double revenue[SELFISH_CHAINS];  /* attacker's share of the best chain's blocks */
    double stale[SELFISH_CHAINS];    /* found blocks that are not in it */
    double hardness[SELFISH_CHAINS]; /* mean difficulty of the attacker's blocks in it, in parts of the honest ones' */
    uint64_t blocks[SELFISH_CHAINS];
    uint64_t blocks_done;
} selfish_result;

/* False: out of memory. The same result for any number of threads. After Ctrl-C the blocks that were done. */
bool selfish_run(selfish_result *out, const selfish_setup *setup);
lab_sample selfish_over_chains(const selfish_result *r, const double values[SELFISH_CHAINS]);

/* The alpha above which it brings more than alpha, by bisection, with runs of setup->blocks each; setup->alpha is not
 * read, and there are no tickets. */
typedef struct {
    double alpha, standard_error; /* not numbers if it was interrupted before */
    double low, high;             /* between these */
    unsigned runs_done, runs;     /* fewer after Ctrl-C */
} selfish_threshold;
/* False: out of memory. */
bool selfish_find_threshold(selfish_threshold *out, const selfish_setup *setup);

#endif
