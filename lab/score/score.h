/* A weight rule judged in one economy: what attacks cost (exact), who is left as a miner and what is spent on hash
 * (exact), what small miners earn and how unevenly, and how wealth concentrates (Monte Carlo on the consensus code,
 * with standard errors). */
#ifndef POSW_LAB_SCORE_H
#define POSW_LAB_SCORE_H

#include "exact/attack.h"
#include "run/sample.h"

#include <stdint.h>

typedef struct {
    uint64_t years;           /* of concentration, 1 to FAIRNESS_YEARS_MAX; 0: it is not looked at */
    uint64_t blocks_per_year; /* of its coarse time */
    double income;            /* of all miners in a year, in parts of their first wealth */
    size_t chains;            /* independent ones, 1 to FAIRNESS_SEEDS_MAX */
    uint64_t months; /* of income in each of SHARES_CHAINS chains, 2 or more; 0: small miners are not looked at */
    uint64_t seed;
    unsigned threads;
} score_setup;

enum { SCORE_DEPTHS = 3 };

typedef struct {
    double depths[SCORE_DEPTHS]; /* 6, 60 and the window */
    lab_attack_route attacks[SCORE_DEPTHS];
    lab_attack_route false_times; /* on the window, by an attacker who dates its blocks falsely (rules/hasty.h) */
    /* with the scenario's miners, their stakes Pareto distributed */
    double survivors;         /* miners with an income: active in Cournot, or with a ticket */
    double nakamoto_now;      /* fewest with more than half of the blocks, when each has what pays */
    double hash_share;        /* of the reward, spent on hash: electricity and hardware */
    double electricity_share; /* of the reward */
    /* miners with hash and stake in proportion to their wealth */
    double nakamoto_first;     /* fewest with more than half of the wealth at the start */
    lab_sample nakamoto, gini; /* after the years */
    lab_sample small_earnings; /* blocks of the poorest tenth over their part of the wealth */
    lab_sample
        small_variation; /* coefficient of variation of one such miner's income in a month; not a number: it has none */
    uint64_t blocks_done, blocks_wanted; /* of the Monte Carlo */
} score;

/* A smooth rule, which no chain can have, is not simulated: its samples stay empty. False: out of memory. The same
 * result for any number of threads; after Ctrl-C what was done. */
POSW_MUST_USE bool score_run(score *out, const lab_rule *rule, const lab_scenario *s, const score_setup *setup);

#endif
