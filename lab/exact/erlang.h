/* The ticket rule as a loss system.
 *
 * A boosted block takes one of its miner's m tickets away for the next W blocks. To the tickets this is a telephone
 * exchange of m lines: calls (boosted blocks that the miner would make if it always had a free ticket) arrive at the
 * rate A = W h / L per window, where h is the miner's hash and L the hash of the whole chain that is boosted at a time,
 * each holds a line for one window, and a call that finds no free line is lost. So the miner is boosted for the
 * fraction 1 - E_B(m, A) of its time, with E_B of Erlang (1917), and makes the share
 *
 *      x = (h / L) (1 - E_B(m, A))        of the boosted blocks.
 *
 * Mean field: exact for W large and x small. What is mined without a boost is not counted (boost M large). Pure
 * functions, any thread. */
#ifndef POSW_LAB_ERLANG_H
#define POSW_LAB_ERLANG_H

#include <stdbool.h>
#include <stddef.h>

/* Erlang's loss formula: the probability that a call finds all m lines taken; load: A >= 0. m >= 0 need not be whole
 * (the analytic continuation, 1 / E = integral of e^-u (1 + u / A)^m over u > 0). Cost: O(m). */
double lab_erlang_b(double m, double load);
/* A (1 - E_B(m, A)): the tickets in use on average, below m. */
double lab_erlang_carried(double m, double load);
/* The load with which `carried` tickets are in use on average; INFINITY where carried >= m. */
double lab_erlang_load(double m, double carried);

/* phi: the fraction of the honest hash that is boosted, when all miners are alike, have m tickets each and together
 * `ratio` tickets for each block of the window. ratio > 1; 0 for ratio <= 1, where tickets run out. */
double lab_erlang_boosted(double m, double ratio);

/* Miners of one kind. */
typedef struct {
    double miners;  /* how many, > 0; need not be whole */
    double hash;    /* of each, any unit, >= 0 */
    double tickets; /* of each, >= 0 */
    /* out */
    double share;   /* x of each: of the boosted blocks; all sum to 1 */
    double boosted; /* fraction of its time with a free ticket */
} lab_erlang_class;

/* Solves for L and fills in the outputs; returns the boosted fraction of all hash, L / sum of h, in (0, 1). False:
 * together they have at most `window` tickets that any hash stands behind, so that no balance without unboosted blocks
 * exists; outputs are then left alone. */
bool lab_erlang_classes(lab_erlang_class *classes, size_t count, double window, double *boosted);

#endif
