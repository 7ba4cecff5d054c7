/* Who gets the blocks: independent chains (chain_sim.h) with the same miners, each after a time of settling. */
#ifndef POSW_LAB_SHARES_H
#define POSW_LAB_SHARES_H

#include "rules/chain_sim.h"
#include "run/sample.h"

enum { SHARES_CHAINS = 16 }; /* of which the standard errors come */

typedef struct {
    chain_sim_setup chain; /* task is not read */
    uint64_t blocks;       /* to be counted, in all chains together; at least SHARES_CHAINS */
    uint64_t period;       /* blocks of a period of income; 0: incomes are not looked at */
    unsigned threads;
    bool progress;
} shares_setup;

/* What one chain has shown of one miner. */
typedef struct {
    double share;          /* of the blocks */
    double boosted_share;  /* of its hash: the part of the time in which it had a weight above 1 */
    double boosted_blocks; /* of its blocks; not a number without any */
    lab_sample income;     /* blocks in a period */
    uint64_t empty;        /* periods without a block */
} shares_cell;

typedef struct {
    size_t miner_count;
    shares_cell *cells; /* [chain * miner_count + miner], owned */
    uint64_t blocks[SHARES_CHAINS];
    double mean_ratio[SHARES_CHAINS];     /* mean block time in block times of the chain */
    double effective_work[SHARES_CHAINS]; /* mean D against all hash at the full boost, for a block time */
    double worst_gap[SHARES_CHAINS];      /* longest time without a block, in block times */
    double phi[SHARES_CHAINS];            /* part of all hash that is boosted */
    uint64_t blocks_done;
} shares_result;

/* Blocks that a chain runs before it is looked at: three windows, and time for the difficulty. */
uint64_t shares_settling(const posw_params *p);
/* False: out of memory. The same result for any number of threads. After Ctrl-C the blocks that were done. */
bool shares_run(shares_result *out, const shares_setup *setup);
void shares_clear(shares_result *r);

/* Over the chains, of miners `first` to first + count - 1, each counted alike. */
lab_sample shares_of(const shares_result *r, size_t first, size_t count);
lab_sample shares_boosted(const shares_result *r, size_t first, size_t count);
lab_sample shares_boosted_blocks(const shares_result *r, size_t first, size_t count);
/* Coefficient of variation of the income of one of them in a period, and how often it is nothing. */
double shares_income_cv(const shares_result *r, size_t first, size_t count);
double shares_income_none(const shares_result *r, size_t first, size_t count);
/* Over the chains, of mean_ratio, effective_work, worst_gap or phi. */
lab_sample shares_over_chains(const shares_result *r, const double values[SHARES_CHAINS]);

#endif
