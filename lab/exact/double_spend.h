/* Double spends against plain proof of work: how likely a payment with z confirmations is undone by an attacker with
 * the share q of the hash.
 *
 * Three definitions are in use and differ by factors; each function says which it is. None needs more than some z
 * additions; all keep full relative accuracy for tiny probabilities (only positive terms are added). 0 <= q <= 1; q >=
 * 1/2 gives 1. z = 0 gives 1. */
#ifndef POSW_LAB_DOUBLE_SPEND_H
#define POSW_LAB_DOUBLE_SPEND_H

#include <stdint.h>

enum lab_double_spend_model {
    /* Nakamoto 2008, section 11: the attacker's progress is taken as Poisson, and a tie counts as success. */
    LAB_DOUBLE_SPEND_NAKAMOTO,
    /* Rosenfeld 2014 (Grunspan and Perez-Marco 2017): exact, with one block mined beforehand (or: a tie counts). */
    LAB_DOUBLE_SPEND_ROSENFELD,
    /* Exact, nothing mined beforehand, and the branch must become strictly longer. */
    LAB_DOUBLE_SPEND_STRICT
};

/* nakamoto, rosenfeld, strict: */
double lab_double_spend(enum lab_double_spend_model model, double q, uint64_t z);
/* The least z with a probability below `risk`; UINT64_MAX: none up to z_max. 0 < risk, z_max >= 1. */
uint64_t lab_confirmations(enum lab_double_spend_model model, double q, double risk, uint64_t z_max);

/* ---- against the ticket rule ----
 *
 * The attacker has `tickets` tickets in the window, so that it can make that many boosted blocks and no more; without a
 * boost it is M times slower, which is taken as never (q counts boosted hash on both sides, as if the honest miners
 * always had tickets). Nothing mined beforehand, strictly longer: for many tickets this is LAB_DOUBLE_SPEND_STRICT, for
 * q < 1/2; and at most z tickets never suffice. Exact; relative accuracy as above. z = 0 with a ticket gives 1. Cost:
 * at most (z + 1) * tickets steps. z, tickets <= LAB_TICKETS_MAX. */
enum { LAB_TICKETS_MAX = 20000 };
double lab_double_spend_tickets(double q, uint64_t z, uint64_t tickets);
/* The least z with a probability below `risk`: at most `tickets`. */
uint64_t lab_confirmations_tickets(double q, double risk, uint64_t tickets);

/* ---- by the stake that is lost ----
 *
 * Undoing z blocks of boosted miners takes z tickets, whose coins lose `fall` (0 to 1) of their price when the attack
 * is known: the least z whose loss is at least `value`, in any currency, as `ticket_price` is. A lower bound of what an
 * attack costs for one who stakes; without stake it needs the boost's multiple of the hash instead (attack.h weighs
 * both). value >= 0; fall, ticket_price > 0. */
#define LAB_PRICE_FALL 0.3 /* what this project's figures assume */
double lab_confirmations_by_stake(double value, double fall, double ticket_price);
/* Where difficulty goes by a half-life (protocol D2, D8), a secret branch whose blocks say that they came a second
 * after each other grows harder, and fewer of its blocks outweigh more: the least depth that fewer than `blocks` of
 * them do not outweigh. `blocks`, rounded up, as far as lag_blocks + 1. lag_blocks: D8's k, 0 under D2;
 * half_life_blocks, block_time_s >= 1. lab/rules/hasty.h asks the rules themselves, and agrees within a thousandth. */
double lab_confirmations_false_times(double blocks, double block_time_s, double half_life_blocks, double lag_blocks);

#endif
