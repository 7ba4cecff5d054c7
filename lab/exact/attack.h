/* What an outsider pays to replace the last L blocks of a chain.
 *
 * It must make L blocks in the time in which the honest miners make L. Whatever the rule, a block costs hash / F of
 * work: an attacker with the weight F needs a = H * F_honest / F, where H is the honest hash that is at work and
 * F_honest its average weight. So more stake needs less hash, and the cheapest mixture is searched for:
 *
 *      cost(b) = premium * p H L T * a(b) / H    hash, rented for the time of L blocks
 *              + delta * price * b               the price falls when the attack is known: loss on b coins
 *              + rate * lock time * price * b    interest while they are locked
 *              + impact                          buying them drives the price up
 *
 * Rules of stake alone: b buys F(b) for every block, however many. Tickets: b coins are floor(b / c) tickets, each good
 * for one block in a window of W; blocks beyond them are made without a boost, at M times the hash:
 *
 *      a / H = (t / min(L, W)) + M (1 - t / min(L, W))       t tickets, where honest blocks are boosted
 *
 * Where the honest miners have fewer than W tickets, part of their blocks is not boosted and a shrinks: with r tickets
 * for each block of the window the honest hash is worth M / (r + M (1 - r)) instead of M (and at once M for r >= 1).
 *
 * Not counted: the attacker's block rewards, its skill and risk, and miners who help it. An insider who holds the stake
 * already pays for hash only. Pure functions, any thread; lab_attack uses the heap. */
#ifndef POSW_LAB_ATTACK_H
#define POSW_LAB_ATTACK_H

#include "exact/scenario.h"

/* One way to attack. USD. */
typedef struct {
    double cost; /* consumed: the sum of the next four; INFINITY: this way does not exist */
    double hash; /* hash, with the rent premium */
    double loss; /* by the fall of the price */
    double interest;
    double impact;
    double capital;    /* needed: the hash, and the coins with what they cost above their price */
    double stake;      /* coins bought */
    double tickets;    /* ticket rule: whole tickets */
    double weight;     /* F with that stake; ticket rule: average over the blocks */
    double hash_ratio; /* attacker's hash over the honest hash at work */
} lab_attack_route;

typedef struct {
    lab_attack_route best;
    lab_attack_route pure_hash; /* no stake */
    lab_attack_route staked;    /* ticket rule: every block boosted; others: the best one with stake */
    double honest_weight;       /* F_honest */
    double hash_cost_per_hour;  /* what the honest miners pay for hash: p H */
    double lock_hours;
    double insiders; /* honest miners whose own stake is enough for `staked` */
} lab_attack_result;

/* depth: L > 0. The branch has L blocks, as difficult as those that it replaces. False: out of memory. */
POSW_MUST_USE bool lab_attack(const lab_rule *r, const lab_scenario *s, double depth, lab_attack_result *out);
/* The same by a branch of `count` blocks with these difficulties, in parts of that of the blocks that it replaces,
 * which rise and are together `depth` or more (rules/hasty.h). Tickets go to the hardest blocks. Rules of stake alone:
 * as many blocks as it may be, it needs the same. False: out of memory. */
POSW_MUST_USE bool lab_attack_along(const lab_rule *r, const lab_scenario *s, double depth, const double *difficulties,
                                    size_t count, lab_attack_route *out);
/* The least depth at which an attack costs at least `value`, up to depth_max; 0: none. */
double lab_attack_depth(const lab_rule *r, const lab_scenario *s, double value, double depth_max);

/* ---- rules x^k, closed forms: n equal honest miners ---- */

/* a / H for an attacker with the share beta of the honest stake: (n beta)^-k. */
double lab_leverage(double exponent, double miners, double stake_share);
/* The cheapest mixture: C* = (1 + 1/k) p_s b*, b* = (k p_h H (S/n)^k / p_s)^(1/(k+1)). hash_cost: p_h H; stake_value:
 * p_s S. k > 0. *stake (may be NULL): the value p_s b* of the stake. */
double lab_leverage_cost(double exponent, double miners, double hash_cost, double stake_value, double *stake);
/* Power of one miner over the sum of the powers of its `parts` equal parts under any rule, hash split with the stake:
 * F(s) / F(s / parts). The gain by merging; its inverse is what splitting leaves. */
double lab_merge_factor(const lab_rule *r, double stake, double parts, double supply);

#endif
