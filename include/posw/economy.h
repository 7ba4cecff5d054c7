/* Rewards (protocol section 7) and the base fee (B1). Pure functions. */
#ifndef POSW_ECONOMY_H
#define POSW_ECONOMY_H

#include "posw/params.h"

/* R1 */
POSW_API posw_u256 posw_reward_subsidy(const posw_params *p, uint64_t number);
/* R2: the treasury's part of a subsidy. */
POSW_API posw_u256 posw_reward_treasury(const posw_params *p, const posw_u256 *subsidy);
/* R4: what this block pays out of a pool of this size (0 when fees are burnt). */
POSW_API posw_u256 posw_reward_pool_payout(const posw_params *p, const posw_u256 *pool);
/* B1: base fee of the block after a parent with these values. */
POSW_API uint64_t posw_base_fee_next(const posw_params *p, uint64_t parent_base_fee, uint64_t parent_gas_used);

#endif
