/* Weight: how many times the base target a miner may use, given its stake.
 *
 * `power` looks at the stake alone: F = clamp(S / unit) ^ exponent. It is the family of the founding text (x squared),
 * easy to explain, and amplifies any amount of hash power behind one staked identity.
 *
 * `ticket` uses stake up. Every c locked coins are one ticket; a block that needed the boost (H9) takes one ticket of
 * its miner out of play for the next W blocks, or until 2 * W * T seconds have passed:
 *
 *      stake  |==== c ====|==== c ====|==== c ====|= rest
 *      tickets     1           2           3
 *      boosted blocks among the last W:  B = 2      -> one ticket left: F = M for the next block
 *                                        B = 3      -> none left:       F = 1
 *
 * A miner without a free ticket still mines at the base target. All of it is integer arithmetic on 256 bits; the
 * largest intermediate is u cubed for u < 2^64, that is 192 bits. */
#include "posw/weight.h"

#include "base/error.h"
#include "base/word.h"
#include "posw/u256.h"

static posw_u256 multiply(const posw_u256 *a, uint64_t b) {
    posw_u256 out;
    const bool fits = posw_u256_mul_u64(&out, a, b);
    POSW_ASSERT(fits);
    return out;
}

/* u^(exponent_x2 / 2), rounded down. */
static posw_u256 power_half(uint64_t u, uint32_t exponent_x2) {
    posw_u256 power = POSW_U256_ONE;
    const uint32_t times = exponent_x2 % 2 == 0 ? exponent_x2 / 2 : exponent_x2;
    POSW_ASSERT(times <= 3); /* P7 */
    for (uint32_t i = 0; i < times; i++)
        power = multiply(&power, u);
    return exponent_x2 % 2 == 0 ? power : posw_u256_isqrt(&power);
}

/* floor(stake / unit) within min..max */
static uint64_t units_of(const posw_weight_params *w, const posw_u256 *stake) {
    posw_u256 whole;
    posw_u256_divmod(&whole, NULL, stake, &w->unit_wei);
    uint64_t units;
    if (!posw_u256_to_u64(&units, &whole) || units > w->max) return w->max;
    return units < w->min ? w->min : units;
}

/* W3 */
posw_u256 posw_weight_ticket_price(const posw_params *p, const posw_u256 *supply) {
    const posw_weight_params *w = &p->weight;
    if (!posw_u256_is_zero(&w->ticket_price_wei)) return w->ticket_price_wei;
    /* floor(floor(a / b) / c) = floor(a / (b c)), and b c need not fit 64 bits */
    uint64_t shares;
    posw_u256 price;
    if (__builtin_mul_overflow(w->slots, p->window_blocks, &shares)) {
        price = posw_u256_div_u64(supply, w->slots);
        price = posw_u256_div_u64(&price, p->window_blocks);
    } else {
        price = posw_u256_div_u64(supply, shares);
    }
    return posw_u256_is_zero(&price) ? POSW_U256_ONE : price;
}

/* W5 */
uint64_t posw_weight_boost(const posw_params *p, uint64_t number) {
    const posw_weight_params *w = &p->weight;
    if (number >= w->ramp_blocks) return w->boost;
    return 1 + posw_word_muldiv(w->boost - 1, number, w->ramp_blocks);
}

/* The whole tickets of a stake, not saturated. */
static posw_u256 tickets_of(const posw_params *p, const posw_u256 *stake, const posw_u256 *supply) {
    if (posw_u256_is_zero(stake)) return POSW_U256_ZERO;
    const posw_u256 price = posw_weight_ticket_price(p, supply);
    posw_u256 tickets;
    posw_u256_divmod(&tickets, NULL, stake, &price);
    return tickets;
}

/* floor(S / c) > B, without the division: S >= c (B + 1), where a product of more than 256 bits is above every S. */
static bool ticket_free(const posw_params *p, const posw_u256 *stake, const posw_u256 *supply, uint64_t used) {
    if (posw_u256_is_zero(stake)) return false;
    const posw_u256 price = posw_weight_ticket_price(p, supply);
    posw_u256 needed;
    if (!posw_u256_mul_u64(&needed, &price, used) || !posw_u256_add(&needed, &needed, &price)) return false;
    return posw_u256_cmp(stake, &needed) >= 0;
}

/* W1, W2 */
posw_u256 posw_weight(const posw_params *p, uint64_t number, const posw_u256 *stake, const posw_u256 *supply,
                      uint64_t used) {
    switch (p->weight.rule) {
    case POSW_WEIGHT_POWER: /* W1 */
        return power_half(units_of(&p->weight, stake), p->weight.exponent_x2);
    case POSW_WEIGHT_TICKET: /* W2 */
        return ticket_free(p, stake, supply, used) ? posw_u256_from_u64(posw_weight_boost(p, number)) : POSW_U256_ONE;
    }
    POSW_ASSERT(false && "a known weight rule"); /* P7 */
    return POSW_U256_ONE;
}

uint64_t posw_weight_tickets(const posw_params *p, const posw_u256 *stake, const posw_u256 *supply) {
    if (p->weight.rule != POSW_WEIGHT_TICKET) return 0;
    const posw_u256 tickets = tickets_of(p, stake, supply);
    uint64_t count;
    return posw_u256_to_u64(&count, &tickets) ? count : UINT64_MAX;
}

posw_u256 posw_weight_max(const posw_params *p, uint64_t number) {
    if (p->weight.rule == POSW_WEIGHT_POWER) return power_half(p->weight.max, p->weight.exponent_x2);
    return posw_u256_from_u64(posw_weight_boost(p, number));
}
