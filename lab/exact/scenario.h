/* The economy around a chain: what coins and hash cost, who stakes and mines. Plain data; lab/cmd/scenario_file.h reads
 * it from a file. Shares and rates are fractions, not percent; NAN: not known. Pure functions, any thread. */
#ifndef POSW_LAB_SCENARIO_H
#define POSW_LAB_SCENARIO_H

#include "exact/rule.h"

enum lab_stakes { LAB_STAKES_EQUAL, LAB_STAKES_PARETO };
enum { LAB_SCENARIO_MINERS_MAX = 100000 };

#define LAB_HOURS_PER_YEAR 8766.0

typedef struct {
    double price_usd;         /* of a coin, > 0 */
    double supply;            /* coins, > 0 */
    double issuance_per_year; /* new coins of a year over the supply */
    double fees_usd_per_year;
    unsigned miners;     /* honest ones, 1 to LAB_SCENARIO_MINERS_MAX */
    double staked_share; /* of the supply, by all of them, 0 to 1 */
    enum lab_stakes stakes;
    double pareto_exponent; /* of the distribution of stakes, > 0 */
    double hash_cost_share; /* of the reward, spent on hash; NAN: what the model of the rule says (lab_honest) */
    double hardware_share;  /* of the cost of hash: the hardware's part; the rest is electricity */
    double electricity_usd_per_kwh;
    double interest_rate;       /* a year, on locked coins */
    double delta;               /* price loss on the attacker's coins when the attack is known, 0 to 1 */
    double rentable_hash_ratio; /* hash for rent over the active hash of the chain, NAN */
    double rent_premium;        /* rented hash costs this times the honest miners' hash */
    double daily_volume_usd;    /* traded, NAN */
    double price_impact; /* relative rise of the price when a day's volume is bought; the rise is linear, so that half
                            of it is paid on average */
    double lock_hours;   /* for which staked coins are locked beyond the attack itself; NAN: what the chain says */
    double block_time_s; /* of a preset, which has none of its own; NAN: posw_params_default's */
    double value_at_risk_usd; /* of one payment, NAN */
} lab_scenario;

/* The chain that this project's figures are told with: 10,000,000 coins at 1 USD, issuance 5 % a year, 200 miners of
 * equal stake with 40 % of the supply, blocks of 60 s, delta 0.3, interest 5 %, coins locked for 100.8 h. */
void lab_scenario_default(lab_scenario *out);

/* Issuance and fees, USD an hour: the security budget. */
double lab_reward_per_hour(const lab_scenario *s);
/* Stakes of all miners in coins, highest first (s->miners entries): equal, or the quantiles (i - 1/2) / n of the Pareto
 * distribution, scaled to the staked share. */
void lab_scenario_stakes(const lab_scenario *s, double *stakes);

/* The honest miners as a whole under a rule. */
typedef struct {
    /* Average weight of their hash: what an attacker's is up against. Rules of stake alone: hash by Cournot, stakes as
     * they are (equilibrium.h). Tickets: M / (r + M (1 - r)) with r tickets for each block of the window, M for r >= 1:
     * only r of the blocks are boosted, and hash that waits for a ticket works M times as long for a block. */
    double mean_weight;
    double tickets_ratio; /* r */
    /* What they spend on hash, as a share of the reward. The scenario's figure, or:
     *  - rules of stake alone: 1 - HHI;
     *  - tickets: what is left at zero profit after the interest on the stake that fills the slots of the window, at
     *    least 1 / M, or else mining without tickets would pay. */
    double hash_cost_share;
} lab_honest;
/* False: out of memory. */
POSW_MUST_USE bool lab_honest_miners(const lab_scenario *s, const lab_rule *r, lab_honest *out);

#endif
