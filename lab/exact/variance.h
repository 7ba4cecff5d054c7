/* How uneven the income of a solo miner is. Among N blocks, each found by the miner with the probability x on its own,
 * it finds a binomial number. Pure functions, any thread. 0 < share <= 1; blocks > 0. */
#ifndef POSW_LAB_VARIANCE_H
#define POSW_LAB_VARIANCE_H

typedef struct {
    double expected;      /* blocks: N x */
    double variation;     /* coefficient of variation: sqrt((1 - x) / (N x)) */
    double none;          /* probability of no block at all: (1 - x)^N */
    double wait_blocks;   /* mean number of blocks until the first: 1 / x */
    double blocks_for_10; /* N with a variation of 10 % */
} lab_variance_result;

/* shares_per_block: how many pieces the reward of one block is spread over (weak blocks, a pool's shares); 1: none. The
 * variation falls with its square root; `none` is then the probability of not even one piece, with x pieces a block on
 * average as Poisson. */
lab_variance_result lab_variance(double share, double blocks, double shares_per_block);

#endif
