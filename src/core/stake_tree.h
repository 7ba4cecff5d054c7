/* What the stake table and the check of a stake proof share: the messages that are hashed into leaves and nodes (E3),
 * and the width of a sum. Private to the core. */
#ifndef POSW_CORE_STAKE_TREE_H
#define POSW_CORE_STAKE_TREE_H

#include "posw/stake.h"

enum { POSW_STAKE_SUM_SIZE = 16, POSW_STAKE_LEAF_SIZE = 1 + 20 + 20 + 16, POSW_STAKE_NODE_SIZE = 1 + 2 * (32 + 16) };

/* Sums are written in 16 bytes. */
static inline bool posw_stake_sum_fits(const posw_u256 *sum) {
    return (sum->w[2] | sum->w[3]) == 0;
}

/* Big-endian; the sum must fit (asserted). */
void posw_stake_sum_put(uint8_t out[POSW_STAKE_SUM_SIZE], const posw_u256 *sum);
void posw_stake_leaf_put(uint8_t out[POSW_STAKE_LEAF_SIZE], const posw_address *miner, const posw_address *signer,
                         const posw_u256 *stake);
void posw_stake_node_put(uint8_t out[POSW_STAKE_NODE_SIZE], const posw_stake_node *left, const posw_stake_node *right);

#endif
