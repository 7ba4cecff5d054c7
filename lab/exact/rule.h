/* A weight rule and what the laboratory needs to know of its chain: from a chain's parameters, judged by the node's own
 * functions (posw/weight.h), or a smooth rule of the literature, which no chain can have. Amounts here are in coins, as
 * double. Pure functions, any thread. */
#ifndef POSW_LAB_RULE_H
#define POSW_LAB_RULE_H

#include "posw/params.h"

#include <stdbool.h>

typedef struct {
    posw_params params; /* block time, locks; the weight too unless smooth */
    /* F(s) = (offset + s / unit)^exponent, real numbers, in place of params.weight: */
    bool smooth;
    double offset, unit, exponent;
} lab_rule;

/* A preset (posw_params_presets) with the parameters of a new chain, or a smooth rule: "x^K" for (s / 1000 coins)^K,
 * "(1+x)^K" for (1 + s / 1000 coins)^K, K from 0 to 4, "^1" may be left out. False for another name. */
POSW_MUST_USE bool lab_rule_named(lab_rule *out, const char *name);
void lab_rule_of(lab_rule *out, const posw_params *p); /* checked parameters */
/* The preset's name, "custom", or the smooth rule as lab_rule_named takes it. out: of 48 bytes. Returns out. */
const char *lab_rule_name(const lab_rule *r, char out[48]);

static inline bool lab_rule_is_ticket(const lab_rule *r) {
    return !r->smooth && r->params.weight.rule == POSW_WEIGHT_TICKET;
}

/* F of a stake, after any ramp, with no ticket used. Never decreasing in the stake. */
double lab_rule_weight(const lab_rule *r, double stake, double supply);
/* Ticket rule: c in coins; tickets of a stake; M after any ramp. */
double lab_rule_ticket_price(const lab_rule *r, double supply);
double lab_rule_tickets(const lab_rule *r, double stake, double supply);
double lab_rule_boost(const lab_rule *r);
/* F steps up at whole multiples of it, in coins; 0: F is smooth. */
double lab_rule_step(const lab_rule *r, double supply);
/* A stake beyond which F stays as it is (for a block, under the ticket rule); INFINITY: none. */
double lab_rule_stake_max(const lab_rule *r, double supply);

/* Hours during which coins that are staked for an attack of `depth` blocks are locked: until they count (two epochs at
 * most), the attack itself, and the unbonding. */
double lab_rule_lock_hours(const lab_rule *r, double depth);

/* Wei of an amount in coins, rounded down, saturated. */
posw_u256 lab_wei(double coins);
/* Wei of a stake that was computed or typed: with 1e-12 of it more, so that a stake which is meant to be a whole number
 * of units or tickets, as an equal part of all coins, does not miss it by the last digit of a double. */
posw_u256 lab_stake_wei(double coins);
double lab_coins(const posw_u256 *wei);

#endif
