#include "scenario.h"

#include "exact/double_spend.h"
#include "exact/equilibrium.h"

#include <math.h>
#include <stdlib.h>

void lab_scenario_default(lab_scenario *out) {
    *out = (lab_scenario){
        .price_usd = 1,
        .supply = 10e6,
        .issuance_per_year = 0.05,
        .miners = 200,
        .staked_share = 0.4,
        .stakes = LAB_STAKES_EQUAL,
        .pareto_exponent = 1.5,
        .hash_cost_share = NAN,
        .hardware_share = 0.2,
        .electricity_usd_per_kwh = 0.1,
        .interest_rate = 0.05,
        .delta = LAB_PRICE_FALL,
        .rentable_hash_ratio = NAN,
        .rent_premium = 1,
        .daily_volume_usd = NAN,
        .lock_hours = 100.8,
        .block_time_s = 60,
        .value_at_risk_usd = NAN,
    };
}

double lab_reward_per_hour(const lab_scenario *s) {
    return (s->price_usd * s->supply * s->issuance_per_year + s->fees_usd_per_year) / LAB_HOURS_PER_YEAR;
}

void lab_scenario_stakes(const lab_scenario *s, double *stakes) {
    const double n = s->miners, total = s->supply * s->staked_share;
    double sum = 0;
    for (unsigned i = 0; i < s->miners; i++) {
        stakes[i] = s->stakes == LAB_STAKES_EQUAL ? 1 : pow((i + 0.5) / n, -1 / s->pareto_exponent);
        sum += stakes[i];
    }
    for (unsigned i = 0; i < s->miners; i++)
        stakes[i] *= total / sum;
}

bool lab_honest_miners(const lab_scenario *s, const lab_rule *r, lab_honest *out) {
    double *stakes = calloc(2 * (size_t)s->miners, sizeof *stakes), *weights = stakes + s->miners;
    if (stakes == NULL) return false;
    lab_scenario_stakes(s, stakes);
    double tickets = 0;
    for (unsigned i = 0; i < s->miners; i++) {
        weights[i] = lab_rule_is_ticket(r) ? 1 : lab_rule_weight(r, stakes[i], s->supply);
        tickets += lab_rule_tickets(r, stakes[i], s->supply);
    }
    const double boost = lab_rule_boost(r), reward = lab_reward_per_hour(s) * LAB_HOURS_PER_YEAR;
    const lab_cournot_result c = lab_cournot(weights, s->miners, NULL);
    *out = (lab_honest){.mean_weight = c.mean_weight, .hash_cost_share = 1 - c.hhi};
    if (lab_rule_is_ticket(r)) {
        const double window = (double)r->params.window_blocks, ratio = fmin(1, tickets / window);
        const double all_slots = window * lab_rule_ticket_price(r, s->supply) * s->price_usd;
        out->tickets_ratio = tickets / window;
        out->mean_weight = boost / (ratio + boost * (1 - ratio));
        out->hash_cost_share =
            reward > 0 ? fmin(1, fmax(1 / boost, 1 - s->interest_rate * ratio * all_slots / reward)) : 1;
    }
    if (!isnan(s->hash_cost_share)) out->hash_cost_share = s->hash_cost_share;
    free(stakes);
    return true;
}
