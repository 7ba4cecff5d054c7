/* Weight rules F (protocol section 4): how many times the base target a miner may use. Pure integer functions, any
 * thread; none fails. p: checked parameters (posw_params_check). Stake and supply are in wei and of the same snapshot:
 * that of the stake table in force for the block (E1). The supply is read under the ticket rule with a derived price
 * only. */
#ifndef POSW_WEIGHT_H
#define POSW_WEIGHT_H

#include "posw/params.h"

#ifdef __cplusplus
extern "C" {
#endif

/* W3: c, the wei of one ticket. At least 1. Under the power rule, which has no tickets, it means nothing. */
POSW_API posw_u256 posw_weight_ticket_price(const posw_params *p, const posw_u256 *supply);
/* W5: M' at block `number`, 1 to M (ticket rule). */
POSW_API uint64_t posw_weight_boost(const posw_params *p, uint64_t number);
/* F of a miner at block `number` (W1, W2): stake S (0: none), `used` = B of W4, which
 * posw_window_used() counts (ignored by the power rule). 1 to 2^192 - 1; below 2^64 under the ticket rule. */
POSW_API posw_u256 posw_weight(const posw_params *p, uint64_t number, const posw_u256 *stake, const posw_u256 *supply,
                               uint64_t used);
/* Tickets that a stake gives: floor(S / c), saturated at 2^64 - 1; 0 under the power rule. */
POSW_API uint64_t posw_weight_tickets(const posw_params *p, const posw_u256 *stake, const posw_u256 *supply);
/* The highest F any stake could have at this height: what a header without proof can at most claim. */
POSW_API posw_u256 posw_weight_max(const posw_params *p, uint64_t number);

#ifdef __cplusplus
}
#endif

#endif
