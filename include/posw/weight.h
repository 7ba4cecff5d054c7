/* Weight rules F (protocol section 4): pure integer functions. */
#ifndef POSW_WEIGHT_H
#define POSW_WEIGHT_H

#include "posw/params.h"

/* W3. supply: of the snapshot in force. Never 0. */
POSW_API posw_u256 posw_weight_ticket_price(const posw_params *p, const posw_u256 *supply);
/* W5 at block `number`. */
POSW_API uint64_t posw_weight_boost(const posw_params *p, uint64_t number);
/* F of a miner at block `number` (W1, W2): stake S of the table in force, `used` = B of W4 (ignored by the power rule). At least 1. */
POSW_API posw_u256 posw_weight(const posw_params *p, uint64_t number, const posw_u256 *stake, const posw_u256 *supply, uint64_t used);
/* Tickets that a stake gives: floor(S / c), saturated at 2^64 - 1; 0 under the power rule. */
POSW_API uint64_t posw_weight_tickets(const posw_params *p, const posw_u256 *stake, const posw_u256 *supply);
/* The highest F any stake could have at this height: what a header without proof can at most claim. */
POSW_API posw_u256 posw_weight_max(const posw_params *p, uint64_t number);

#endif
