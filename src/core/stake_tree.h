/* What the stake table and the check of a stake proof share: the messages that are hashed into leaves and nodes (E3),
 * and the width of a sum. Private to the core. */
#ifndef POSW_CORE_STAKE_TREE_H
#define POSW_CORE_STAKE_TREE_H

#include "base/bytes.h"
#include "base/error.h"
#include "posw/stake.h"

enum {
    POSW_STAKE_SUM_SIZE = 16,
    POSW_STAKE_LEAF_SIZE = 1 + 20 + 20 + 16,
    POSW_STAKE_HALF_SIZE = 32 + 16, /* of a node's message: hash and sum of a child */
    POSW_STAKE_NODE_SIZE = 1 + 2 * POSW_STAKE_HALF_SIZE,
    POSW_STAKE_ROOT_SIZE = 8 + 3 * 32 /* E4 */
};

/* Sums are written in 16 bytes. */
static inline bool posw_stake_sum_fits(const posw_u256 *sum) {
    return (sum->w[2] | sum->w[3]) == 0;
}

/* Big-endian; the sum must fit (asserted). */
static inline void posw_stake_sum_put(uint8_t out[POSW_STAKE_SUM_SIZE], const posw_u256 *sum) {
    POSW_ASSERT(posw_stake_sum_fits(sum));
    posw_store_be64(out, sum->w[1]);
    posw_store_be64(out + 8, sum->w[0]);
}

/* A child, in the message of a node. */
static inline void posw_stake_half_put(uint8_t out[POSW_STAKE_HALF_SIZE], const posw_hash *hash, const posw_u256 *sum) {
    memcpy(out, hash->b, POSW_HASH_SIZE);
    posw_stake_sum_put(out + POSW_HASH_SIZE, sum);
}

void posw_stake_leaf_put(uint8_t out[POSW_STAKE_LEAF_SIZE], const posw_address *miner, const posw_address *signer,
                         const posw_u256 *stake);
void posw_stake_node_put(uint8_t out[POSW_STAKE_NODE_SIZE], const posw_stake_node *left, const posw_stake_node *right);
/* E4: the message of the stake root. */
void posw_stake_root_put(uint8_t out[POSW_STAKE_ROOT_SIZE], uint64_t epoch, const posw_u256 *supply,
                         const posw_u256 *total, const posw_hash *tree_root);

#endif
