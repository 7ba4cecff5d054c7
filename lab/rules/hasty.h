/* A secret branch whose blocks say that they came a second after each other. Its difficulty rises, by every rule that
 * looks at times, and difficulty is what counts (protocol F1): fewer of its blocks outweigh those that it replaces. It
 * needs as much hash as before, but fewer tickets, since one serves a hard block as well as an easy one (W4). (Bahack,
 * "Theoretical Bitcoin attacks with less than half of the computational power", 2013: raising the difficulty.) */
#ifndef POSW_LAB_HASTY_H
#define POSW_LAB_HASTY_H

#include "exact/attack.h"

#include <stddef.h>

/* The difficulties of its blocks, in parts of the difficulty of those that it replaces, which came in time (never less
 * than 1: a miner whom haste does not serve writes other times): as many as are needed to weigh at least as much as
 * `depth` of these, 1 to 10^7. By posw_difficulty_next(); under bitcoin2016 from the middle of a period on. free() it;
 * NULL: out of memory. */
double *lab_hasty_branch(const posw_params *p, double depth, size_t *count);

/* The cheapest attack by such a branch, which has so many blocks. depth: blocks that it replaces, above 0. False: out
 * of memory. */
POSW_MUST_USE bool lab_hasty_attack(const lab_rule *r, const lab_scenario *s, double depth, lab_attack_route *out,
                                    size_t *blocks);

/* The same when the public chain has lost hash power: a block as difficult as before takes it `longer` block times. The
 * branch begins `after` blocks after the loss, keeps the difficulty that the public chain loses, and replaces the next
 * `depth` of its blocks, 1 or more. *weight: theirs, in parts of that of as many before the loss. For rules that do not
 * read the block's own time. free() it; NULL: out of memory. */
double *lab_hasty_branch_of_loss(const posw_params *p, uint64_t depth, double longer, uint64_t after, double *weight,
                                 size_t *count);

/* What such branches weigh, for each number of blocks. Any thread once it is made. */
typedef struct lab_reach lab_reach;

/* Branches that weigh up to `most`, at most 10^7. NULL: out of memory. */
lab_reach *lab_reach_new(const posw_params *p, double most);
void lab_reach_free(lab_reach *r); /* NULL allowed */
/* The least whole depth that no such branch of fewer than `blocks` blocks replaces: `blocks`, rounded up, where false
 * times bring nothing. INFINITY: it is above `most`. */
double lab_reach_depth(const lab_reach *r, double blocks);
/* Ticket rule: the least whole depth, up to `most`, whose cheapest attack by such a branch costs `value`. The reach was
 * made for the parameters of the rule. above: a whole depth, below `most`, that is known to cost less; or 0. INFINITY:
 * there is none. 0: out of memory. */
double lab_reach_cost_depth(const lab_reach *reach, const lab_rule *r, const lab_scenario *s, double value,
                            double above);

#endif
