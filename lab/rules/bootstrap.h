/* The first months of a chain: some miners have stake at genesis, the others earn theirs.
 *
 * All miners have the same hash. Each block pays the subsidy of the protocol (R1), less the treasury's part (R2), and
 * whoever earns coins stakes them; stake counts when the protocol says (E1). The price of tickets follows the supply
 * (W3), and the boost its ramp (W5). */
#ifndef POSW_LAB_BOOTSTRAP_H
#define POSW_LAB_BOOTSTRAP_H

#include "posw/params.h"
#include "run/sample.h"

#include <stddef.h>

enum { BOOTSTRAP_PHASES = 12, BOOTSTRAP_CHAINS = 16, BOOTSTRAP_MINERS_MAX = 10000 };

typedef struct {
    const posw_params *params; /* checked */
    size_t miners, stakers;    /* the first `stakers` of them have stake at genesis */
    double supply_coins;       /* at genesis, above 0 */
    double staked;             /* the part of it that the stakers have staked, in equal parts */
    uint64_t blocks;           /* to look at, in BOOTSTRAP_PHASES equal phases; at least as many */
    uint64_t seed;
    unsigned threads;
    bool progress;
} bootstrap_setup;

/* Over the chains, in one phase. */
typedef struct {
    uint64_t end;             /* number of its last block */
    uint64_t boost;           /* M' there */
    lab_sample stakers_share; /* of the blocks */
    lab_sample stakers_stake; /* their part of all stake, at its end */
    lab_sample with_ticket;   /* part of the other miners that have a whole ticket, at its end */
    lab_sample mean_ratio;    /* mean block time in block times */
    lab_sample worst_gap;     /* longest wait, in block times */
} bootstrap_phase;

typedef struct {
    bootstrap_phase phases[BOOTSTRAP_PHASES];
    uint64_t blocks_done, blocks_wanted;
} bootstrap_result;

/* False: out of memory. The same result for any number of threads. After Ctrl-C the phases that were done. */
bool bootstrap_run(bootstrap_result *out, const bootstrap_setup *setup);

#endif
