/* Rewards (protocol section 7) and the base fee (B1). Pure functions, any thread; none fails. All amounts are in wei;
 * p: checked parameters (posw_params_check). */
#ifndef POSW_ECONOMY_H
#define POSW_ECONOMY_H

#include "posw/params.h"

#ifdef __cplusplus
extern "C" {
#endif

/* R1: the new coins of block `number`. Below 2^128 by P5. */
POSW_API posw_u256 posw_reward_subsidy(const posw_params *p, uint64_t number);
/* R2: the treasury's part of the subsidy of block `number`, rounded down: at most the subsidy. The rest is the
 * beneficiary's. */
POSW_API posw_u256 posw_reward_treasury(const posw_params *p, uint64_t number, const posw_u256 *subsidy);
/* R4: what this block pays its beneficiary out of a pool of this size, rounded down (0 when fees are burnt). */
POSW_API posw_u256 posw_reward_pool_payout(const posw_params *p, const posw_u256 *pool);
/* B1: the base fee (wei per gas) of the block after a parent with this number (below 2^64 - 1) and base fee, which used
 * this much gas: at most the gas limit of its number, as X8 has it. From the minimum of the new block's number to 2^64
 * - 1. */
POSW_API uint64_t posw_base_fee_next(const posw_params *p, uint64_t parent_number, uint64_t parent_base_fee,
                                     uint64_t parent_gas_used);

#ifdef __cplusplus
}
#endif

#endif
