/* Hash power that stays, comes and goes, or lies about the time, against the difficulty rules of libposw, and against
 * some of other chains (difficulty_other.h).
 *
 * Two parties mine: the base, with hash 1, which is there always, and an attacker with `factor` times as much, who
 * mines or does not, and may write timestamps that are ahead of the clock. Blocks come as in chain_sim.h; every
 * difficulty is posw_difficulty_next(), or that of the other rule. The chain starts with the difficulty at which the
 * base alone gives the block time. */
#ifndef POSW_LAB_DIFFICULTY_SIM_H
#define POSW_LAB_DIFFICULTY_SIM_H

#include "posw/params.h"
#include "rules/difficulty_other.h"
#include "run/sample.h"

enum { DIFFICULTY_CHAINS = 16 };

enum difficulty_scenario {
    DIFFICULTY_CONSTANT, /* the base alone */
    DIFFICULTY_ON_OFF,   /* the attacker starts below `on` and stops above `off` times difficulty_of_base() */
    DIFFICULTY_RENTED,   /* the attacker mines `duration` blocks of each `every` */
    DIFFICULTY_TIMESTAMP /* the attacker mines always, and its timestamps are lead_s ahead */
};

typedef struct {
    const posw_params *params; /* the rule, its length and the block time; genesis is not read. Whole seconds: with a
                                  long block time (3600 s) they are fine enough not to be seen */
    const difficulty_other *other; /* in place of the rule of params, which is then POSW_DIFFICULTY_FIXED; NULL: none */
    enum difficulty_scenario scenario;
    double factor, on, off;
    uint64_t duration, every;
    uint64_t lead_s;
    uint64_t blocks; /* in all chains together, at least DIFFICULTY_CHAINS */
    uint64_t seed;
    unsigned threads;
    bool progress;
} difficulty_setup;

/* One value a chain; not a number where nothing can be said. Times are in block times. */
typedef struct {
    uint64_t blocks;
    double mean_ratio;         /* mean time between blocks */
    double difficulty_sd;      /* standard deviation of D, in parts of its mean */
    double p_below_goal;       /* blocks whose timestamp is less than a block time after the parent's */
    double p_slow;             /* blocks that took more than 6 block times */
    double delay_percent;      /* 100 * sum over those of (time - 2), for each block */
    double attacker_advantage; /* blocks for each hash of the attacker, against those of the base */
    double attacker_share;     /* of the blocks */
    double attacker_time;      /* part of the time in which it mines */
    double worst_gap;
} difficulty_chain;

typedef struct {
    difficulty_chain chains[DIFFICULTY_CHAINS];
    uint64_t blocks_done;
} difficulty_result;

/* Blocks before a chain is looked at. */
uint64_t difficulty_settling(const difficulty_setup *s);
/* The difficulty at which a rule stands when the base mines alone, in parts of that at which the base gives the block
 * time: 1, but under step, which looks for blocks to be sooner than its goal in a fixed part of all cases. */
double difficulty_of_base(const posw_params *p);
/* False: out of memory. The same result for any number of threads. After Ctrl-C the blocks that were done. */
bool difficulty_run(difficulty_result *out, const difficulty_setup *setup);
/* Over the chains, of the double at this offset in difficulty_chain. */
lab_sample difficulty_over_chains(const difficulty_result *r, size_t offset);

#endif
