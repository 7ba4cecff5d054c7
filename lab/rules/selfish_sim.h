/* Selfish mining (Eyal and Sirer 2014, "SM1") on the fork choice, window and weights of libposw.
 *
 * The attacker keeps its blocks hidden and shows them in answer to the honest ones: it matches a block when it is one
 * ahead, overrides when it is two ahead, and shows one more block when it is further ahead. In a match the share gamma
 * of the honest hash mines on the attacker's block. Which chain is the best is what posw_tree says; how fast the
 * attacker finds blocks is its weight on its own branch, with the tickets that are free there. */
#ifndef POSW_LAB_SELFISH_SIM_H
#define POSW_LAB_SELFISH_SIM_H

#include "run/sample.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    double alpha, gamma; /* attacker's share of the hash; what follows it in a match */
    bool has_tickets;    /* the ticket rule for the attacker; honest miners always have one free */
    double ticket_share; /* the attacker's tickets in parts of W */
    uint64_t boost, window;
    uint64_t blocks; /* found by anybody, all chains together; at least SELFISH_CHAINS */
    uint64_t seed;
    unsigned threads;
    bool progress;
} selfish_setup;

enum { SELFISH_CHAINS = 16 };

typedef struct {
    double revenue[SELFISH_CHAINS]; /* attacker's share of the best chain's blocks */
    double stale[SELFISH_CHAINS];   /* found blocks that are not in it */
    uint64_t blocks[SELFISH_CHAINS];
    uint64_t blocks_done;
} selfish_result;

/* False: out of memory. The same result for any number of threads. After Ctrl-C the blocks that were done. */
bool selfish_run(selfish_result *out, const selfish_setup *setup);
lab_sample selfish_over_chains(const selfish_result *r, const double values[SELFISH_CHAINS]);

#endif
