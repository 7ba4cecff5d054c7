/* Double spends on the fork choice of libposw: a payment is buried under z blocks while an attacker mines a branch of
 * its own from the block before it. Every block goes into a posw_tree (F1, F2); windows and weights are those of each
 * branch.
 *
 * The race, trial by trial: the honest miners find the next block with 1 - q while the attacker is boosted, and it is
 * boosted as long as it has a ticket free on its own branch. Nothing is mined beforehand. The attacker shows its branch
 * as soon as the payment has z confirmations and the branch is heavier; nodes then go over to it, since ties go to what
 * came first (F2). All blocks have the same difficulty. */
#ifndef POSW_LAB_DOUBLE_SPEND_SIM_H
#define POSW_LAB_DOUBLE_SPEND_SIM_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    double q;         /* attacker's share of the boosted hash, 0 to 1 */
    uint64_t z;       /* confirmations, at most DOUBLE_SPEND_SIM_Z_MAX */
    bool has_tickets; /* the ticket rule; else every block is found with the same weight */
    uint64_t tickets; /* of the attacker, all free when the fork begins */
    uint64_t boost;   /* M */
    uint64_t window;  /* W */
    uint64_t trials;
    uint64_t seed;
    unsigned threads;
    bool progress;
} double_spend_setup;

enum { DOUBLE_SPEND_SIM_Z_MAX = 1000 };

typedef struct {
    uint64_t trials, successes;
    uint64_t given_up; /* trials that ended at the greatest length, undecided */
    double blocks;     /* mean length of a trial */
} double_spend_result;

/* A trial ends without success when the branch is so far behind that, at the speed that the attacker then has, it would
 * still catch up with a chance below 1e-9; or after 20,000 blocks (given_up), which counts as success where half of the
 * hash and no lack of tickets make it certain. */
/* False: out of memory. The same result for any number of threads. After Ctrl-C the trials that were done. */
bool double_spend_run(double_spend_result *out, const double_spend_setup *setup);

#endif
