/* New coins and the price of gas.
 *
 * A block brings a subsidy (R1) that halves every so many blocks and never falls below the tail, so that mining never
 * stops paying. A chain may give a share of it to a treasury (R2). Base fees are burnt or collected in a pool that pays
 * out a fixed fraction of itself with each block (R4): then one rich block is shared by the miners of the blocks after
 * it, and stealing that one block is not worth a fork.
 *
 * The base fee (B1) is EIP-1559's: it rises by at most an eighth when blocks are more than half full, and falls by at
 * most an eighth when they are less. Who takes which share in which order is the business of block execution. */
#include "posw/economy.h"

#include "base/error.h"
#include "base/word.h"
#include "posw/u256.h"

enum { SHARE_WHOLE = 10000, ELASTICITY = 2, FEE_CHANGE_BITS = 3 /* of the denominator, 8 */ };

/* R1 */
posw_u256 posw_reward_subsidy(const posw_params *p, uint64_t number) {
    const uint64_t era = p->halving_blocks == 0 ? 0 : number / p->halving_blocks;
    const posw_u256 value = era < 256 ? posw_u256_shr(&p->reward_initial_wei, (unsigned)era) : POSW_U256_ZERO;
    return posw_u256_cmp(&value, &p->reward_tail_wei) > 0 ? value : p->reward_tail_wei;
}

/* R2 */
posw_u256 posw_reward_treasury(const posw_params *p, uint64_t number, const posw_u256 *subsidy) {
    const posw_rules rules = posw_params_rules(p, number); /* U2 */
    POSW_ASSERT(rules.treasury_share <= SHARE_WHOLE);
    if (rules.treasury_share == 0) return POSW_U256_ZERO;
    const posw_u256 share = posw_u256_from_u64(rules.treasury_share), whole = posw_u256_from_u64(SHARE_WHOLE);
    posw_u256 part;
    const bool fits = posw_u256_muldiv(&part, subsidy, &share, &whole); /* share <= whole: at most the subsidy */
    POSW_ASSERT(fits);
    return part;
}

/* R4 */
posw_u256 posw_reward_pool_payout(const posw_params *p, const posw_u256 *pool) {
    if (p->fee_rule != POSW_FEE_POOL) return POSW_U256_ZERO;
    return posw_u256_div_u64(pool, p->pool_blocks); /* P8: not zero */
}

/* What one block adds to or takes from the base fee, rounded down; 2^64 - 1 where it is more. */
static uint64_t fee_change(uint64_t base, uint64_t distance, uint64_t target) {
    if (distance <= target) return posw_word_muldiv(base, distance, target) >> FEE_CHANGE_BITS; /* at most the base */
    const posw_u256 wide = posw_u256_from_u64(base);
    posw_u256 change;
    const bool fits = posw_u256_mul_u64(&change, &wide, distance);
    POSW_ASSERT(fits); /* 128 bits */
    change = posw_u256_div_u64(&change, target);
    change = posw_u256_shr(&change, FEE_CHANGE_BITS);
    uint64_t out;
    return posw_u256_to_u64(&out, &change) ? out : UINT64_MAX;
}

/* B1. How full the parent was is told by its own gas limit; what is asked at least, by the new block's rules (U2). */
uint64_t posw_base_fee_next(const posw_params *p, uint64_t parent_number, uint64_t parent_base_fee,
                            uint64_t parent_gas_used) {
    const uint64_t target = posw_params_rules(p, parent_number).gas_limit / ELASTICITY;
    const uint64_t minimum = posw_params_rules(p, parent_number + 1).base_fee_min_wei;
    POSW_ASSERT(target > 0); /* P6 */
    uint64_t fee;
    if (parent_gas_used > target) {
        const uint64_t change = fee_change(parent_base_fee, parent_gas_used - target, target);
        if (__builtin_add_overflow(parent_base_fee, change > 1 ? change : 1, &fee)) fee = UINT64_MAX;
    } else {
        fee = parent_base_fee - fee_change(parent_base_fee, target - parent_gas_used, target); /* at most an eighth */
    }
    return fee < minimum ? minimum : fee;
}
