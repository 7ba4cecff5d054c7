/* Who mines when everyone may, and where the reward goes. Pure functions, any thread. */
#ifndef POSW_LAB_EQUILIBRIUM_H
#define POSW_LAB_EQUILIBRIUM_H

#include <stdbool.h>
#include <stddef.h>

/* ---- rules x^k, hash and stake chosen freely (Cournot; Arnosti and Weinberg 2019 with alpha = 1 + k) ----
 *
 * Every active miner has c_h h = R x (1 - x), r s = k R x (1 - x): hash is 1 / (1 + k) of its costs, and a profit needs
 * x >= k / (1 + k), so that at most (1 + k) / k miners are left. */
typedef struct {
    double miners;                   /* whole, or INFINITY for k = 0 */
    double electricity_cost_share;   /* hash cost over all costs: 1 / (1 + k) */
    double electricity_reward_share; /* hash cost over the reward: 1 - HHI */
    double profit_share;             /* of the reward: left to the miners together */
    double least_share;              /* with less of the blocks no miner earns: k / (1 + k) */
} lab_free_entry;
lab_free_entry lab_free_entry_power(double exponent);

/* ---- stakes as they are, hash chosen freely ----
 *
 * x_i = max(0, 1 - theta / F_i) with theta such that they sum to 1. weights: F of each miner, highest first, at least
 * one above 0. shares: count entries, may be NULL. */
typedef struct {
    size_t active; /* with x > 0 */
    double hhi;    /* sum of x^2; hash cost over the reward is 1 - hhi (0 for a single miner) */
    double top;    /* the largest x */
    double theta;
    double mean_weight; /* sum of h F / sum of h: what an attacker is up against (attack.h) */
} lab_cournot_result;
lab_cournot_result lab_cournot(const double *weights, size_t count, double *shares);

/* ---- the ticket rule: equal miners who pay all their costs (symmetric Nash equilibrium) ----
 *
 * A miner chooses hash h and tickets m for the most of x - (1 - hw) h (1 - B) - hw h - sigma m / W in units of the
 * reward: x = (h / L) (1 - B), B = E_B(m, W h / L) (erlang.h); hash that has no free ticket is switched off, which
 * saves electricity and not hardware. n*: as many such miners as earn exactly nothing. */
typedef struct {
    double miners;                       /* n*, not rounded */
    double tickets_ratio;                /* tickets of all over W */
    double tickets;                      /* of each */
    double boosted;                      /* phi */
    double electricity, hardware, stake; /* shares of the reward, which sum to 1 */
} lab_ticket_equilibrium;
/* sigma: interest on the coins of W tickets over the reward, 0 < sigma < 1; hardware: its share of the cost of hash
 * that is always on, 0 <= hardware < 1. False: no number of miners from 2 to `window` / 2 earns exactly nothing. */
bool lab_ticket_equilibrium_find(double window, double sigma, double hardware, lab_ticket_equilibrium *out);

/* ---- concentration of shares ---- */
double lab_hhi(const double *shares, size_t count);
/* The least number of miners with more than half of all. shares: highest first. */
size_t lab_nakamoto(const double *shares, size_t count);

#endif
