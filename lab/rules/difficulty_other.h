/* Difficulty rules of other chains, beside those of this kit (posw/difficulty.h), so that `posw lab difficulty` can
 * compare them. Laboratory code: floating point, and no chain file can name one.
 *
 *      sma     D = work * T / span: the work of the latest N blocks over the time that they took, a simple moving
 *              average. The span is held within N T / 2 and 2 N T.
 *      cw144   Bitcoin Cash's, 2017 to 2020: sma with N = 144, measured between blocks with the middle timestamp of
 *              three, the last three and the three N before. So the latest block does not count yet.
 *      wtema   1 / D = 1 / D_p * (1 + (t_p - its parent's time - T) / (N T)): an exponential mean of the targets.
 *      lwma1   D = 0.99 * sum of D_i * T (N + 1) / (2 sum of i ST_i), over the latest N blocks, the oldest with i = 1,
 *              ST_i = min(6 T, time since its parent), and the sum of i ST_i at least N^2 T / 20. (zawy12's LWMA-1.)
 *
 * A block's own timestamp does not count. Before there are enough blocks the difficulty is the first one. */
#ifndef POSW_LAB_DIFFICULTY_OTHER_H
#define POSW_LAB_DIFFICULTY_OTHER_H

#include <stdint.h>

enum difficulty_other_rule { DIFFICULTY_SMA, DIFFICULTY_CW144, DIFFICULTY_WTEMA, DIFFICULTY_LWMA1 };
enum { DIFFICULTY_OTHER_BLOCKS_MAX = 1024, DIFFICULTY_CW144_BLOCKS = 144 };

typedef struct {
    enum difficulty_other_rule rule;
    uint64_t blocks; /* N: 2 to DIFFICULTY_OTHER_BLOCKS_MAX; DIFFICULTY_CW144_BLOCKS under cw144 */
} difficulty_other;

/* The blocks that a rule looks back at. */
typedef struct difficulty_past difficulty_past;

/* At genesis, whose timestamp is 0, with this difficulty. NULL: out of memory. */
difficulty_past *difficulty_past_new(const difficulty_other *rule, double block_time_s, double difficulty);
void difficulty_past_free(difficulty_past *p); /* NULL allowed */
/* timestamp_s: above that of the block before. */
void difficulty_past_push(difficulty_past *p, double timestamp_s, double difficulty);
/* Of the block that follows the one pushed last. Cost: O(N). */
double difficulty_past_next(const difficulty_past *p);

#endif
