/* Concentration: miners who put all that they earn back into hash and stake, year after year, on the real rules.
 *
 * The wealth of a miner is hash and stake in a fixed proportion. At first it is that of the quantiles of a Pareto
 * distribution, (i + 1/2) / n for i = 0 to n - 1. Each block pays its miner the same amount. At each epoch's end
 * everybody has hash for all its wealth; its stake counts when the protocol says (E1). */
#ifndef POSW_LAB_FAIRNESS_H
#define POSW_LAB_FAIRNESS_H

#include "posw/params.h"
#include "run/sample.h"

#include <stddef.h>

enum { FAIRNESS_YEARS_MAX = 200, FAIRNESS_SEEDS_MAX = 256, FAIRNESS_MINERS_MAX = 10000 };

typedef struct {
    const posw_params *params; /* checked */
    size_t miners;             /* 1 to FAIRNESS_MINERS_MAX */
    double pareto;             /* its exponent, above 0 */
    double income;             /* of all miners in a year, in parts of their first wealth */
    double supply_coins;       /* at first; it grows with their wealth */
    double staked;             /* part of the supply that they stake together, 0 to 1 */
    uint64_t years, blocks_per_year;
    size_t seeds; /* independent chains, 1 to FAIRNESS_SEEDS_MAX */
    uint64_t seed;
    unsigned threads;
    bool progress;
} fairness_setup;

/* Of the shares of wealth. */
typedef struct {
    double gini;     /* 0: all alike, to 1 */
    double hhi;      /* Herfindahl-Hirschman index: sum of the squared shares */
    double nakamoto; /* fewest miners with more than half */
    double top;      /* the largest share */
} fairness_figures;

typedef struct {
    size_t years; /* 0 to years - 1 are there: years + 1 of the setup, fewer after Ctrl-C */
    lab_sample gini[FAIRNESS_YEARS_MAX + 1], hhi[FAIRNESS_YEARS_MAX + 1], nakamoto[FAIRNESS_YEARS_MAX + 1],
        top[FAIRNESS_YEARS_MAX + 1]; /* over the seeds */
    uint64_t blocks_done, blocks_wanted;
} fairness_result;

/* Wealth: count values of at least 0, not all 0; sorted in place. */
fairness_figures fairness_of(double *wealth, size_t count);
/* False: out of memory. The same result for any number of threads. After Ctrl-C a year has the seeds that came so far.
 */
bool fairness_run(fairness_result *out, const fairness_setup *setup);

#endif
