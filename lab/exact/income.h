/* What share of the blocks a miner finds in the long run, beside others, under the weight rule of a chain.
 *
 * Power rule: x = h F(S) / L, with L the sum of all h F. Ticket rule: a miner with m tickets and the hash h is boosted
 * for the fraction 1 - E of its time, E = E_B(m, A) of Erlang (erlang.h) with A = W h M / L, and finds
 *
 *      x = h (M (1 - E) + E) / L        blocks of all, where L is such that all shares add up to 1.
 *
 * So blocks without a boost are counted too, and scarce stake is no special case. Mean field: exact for a long window
 * and small shares. A ramp of the boost is taken as ended. Pure functions, any thread. */
#ifndef POSW_LAB_INCOME_H
#define POSW_LAB_INCOME_H

#include "base/error.h"
#include "posw/params.h"

#include <stddef.h>

/* Miners of one kind. */
typedef struct {
    double miners;       /* how many, >= 0; need not be whole */
    double hash;         /* of each, any unit, >= 0 */
    posw_u256 stake_wei; /* of each */
    /* out, of each */
    double share;   /* of all blocks */
    double first;   /* probability to find the next block while all its tickets are free */
    double boosted; /* fraction of its time with a weight above 1 */
    double tickets; /* floor(S / c); 0 under the power rule */
    double used;    /* tickets that are used up, on average */
} lab_income_class;

/* p: checked. Returns L, in the unit of hash; 0, and shares of 0, where nobody has any hash. */
double lab_income_shares(lab_income_class *classes, size_t count, const posw_params *p, const posw_u256 *supply_wei);

/* How many blocks a miner of a class (with its outputs) finds in `blocks` blocks of the chain, in each of `periods`
 * periods that follow one another after one window; written to counts in ascending order. Its tickets are followed one
 * by one, so that a miner whose tickets are mostly used up is seen to have a steadier income than one whose luck is not
 * bounded. The same seed, the same counts. Cost: about 50 ns for each block found. False: out of memory. */
POSW_MUST_USE bool lab_income_counts(double *counts, size_t periods, const lab_income_class *c, const posw_params *p,
                                     double blocks, uint64_t seed);

/* The number of events that a Poisson variable with this mean exceeds with the probability 1 - q: the least k with
 * P(X <= k) >= q. mean >= 0, 0 < q < 1. Large means: O(sqrt(mean)). */
double lab_poisson_quantile(double mean, double q);

#endif
