/* Ethereum's difficulty rules whole, with the difficulty bomb and uncles, which chains of this kit do not have: for its
 * published tests (tests/vectors/difficulty). */
#ifndef POSW_LAB_ETHEREUM_H
#define POSW_LAB_ETHEREUM_H

#include "posw/types.h"

/* EIP-2, and the bomb of the yellow paper: 2^(number / 100000 - 2). parent >= 1. Results stop at 2^256 - 1. */
posw_u256 lab_ethereum_homestead(const posw_u256 *parent, uint64_t elapsed_s, uint64_t number);
/* EIP-100 and EIP-649: steps of 9 s, twice the target for a parent with uncles, a bomb that is 3,000,000 blocks late.
 */
posw_u256 lab_ethereum_byzantium(const posw_u256 *parent, uint64_t elapsed_s, uint64_t number, bool parent_has_uncles);

#endif
