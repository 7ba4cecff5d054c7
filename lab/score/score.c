#include "score.h"

#include "exact/equilibrium.h"
#include "exact/income.h"
#include "exact/variance.h"
#include "posw/u256.h"
#include "rules/fairness.h"
#include "rules/hasty.h"
#include "rules/shares.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double MONTH_S = 86400 * 365.25 / 12;

/* ---- exact ---- */

static bool attacks(score *out, const lab_rule *rule, const lab_scenario *s) {
    const double depths[SCORE_DEPTHS] = {6, 60, (double)rule->params.window_blocks};
    for (size_t i = 0; i < SCORE_DEPTHS; i++) {
        lab_attack_result a;
        if (!lab_attack(rule, s, depths[i], &a)) return false;
        out->depths[i] = depths[i];
        out->attacks[i] = a.best;
    }
    size_t blocks;
    return lab_hasty_attack(rule, s, depths[SCORE_DEPTHS - 1], &out->false_times, &blocks);
}

/* Who mines with stakes as they are: Cournot under rules of stake alone; under tickets everybody who has one, in
 * proportion to them. */
static bool miners(score *out, const lab_rule *rule, const lab_scenario *pareto) {
    const size_t n = pareto->miners;
    double *stakes = calloc(3 * n, sizeof *stakes), *weights = stakes + n, *shares = weights + n, holders = 0, sum = 0;
    lab_honest honest;
    if (stakes == NULL || !lab_honest_miners(pareto, rule, &honest)) {
        free(stakes);
        return false;
    }
    const bool tickets = lab_rule_is_ticket(rule);
    lab_scenario_stakes(pareto, stakes);
    for (size_t i = 0; i < n; i++) {
        weights[i] = tickets ? lab_rule_tickets(rule, stakes[i], pareto->supply)
                             : lab_rule_weight(rule, stakes[i], pareto->supply);
        holders += weights[i] > 0;
        sum += weights[i];
    }
    if (tickets && !(sum > 0)) { /* nobody can stake: plain proof of work */
        holders = (double)n;
        for (size_t i = 0; i < n; i++)
            weights[i] = 1;
    }
    const lab_cournot_result c = lab_cournot(weights, n, shares);
    out->survivors = tickets ? holders : (double)c.active;
    out->nakamoto_now = (double)lab_nakamoto(tickets ? weights : shares, n);
    out->hash_share = honest.hash_cost_share;
    out->electricity_share = honest.hash_cost_share * (1 - pareto->hardware_share);
    free(stakes);
    return true;
}

/* ---- miners whose hash and stake follow their wealth; where nobody stakes, their hash alone ---- */

static posw_u256 stake_of(const lab_scenario *s, double wealth) {
    return s->staked_share > 0 ? lab_stake_wei(wealth) : POSW_U256_ZERO;
}

static lab_sample exactly(double v) {
    lab_sample s = {0};
    lab_sample_add(&s, v, 1);
    return s;
}

static size_t poorest(size_t n) {
    return n / 10 > 0 ? n / 10 : 1;
}

/* Under rules of stake alone all blocks are drawn alike. */
static bool small_exact(score *out, const lab_rule *rule, const lab_scenario *s, const double *wealths) {
    const size_t n = s->miners, first = n - poorest(n);
    const posw_u256 supply = lab_wei(s->supply);
    lab_income_class *classes = calloc(n, sizeof *classes);
    double shares = 0, wealth = 0, all = 0;
    if (classes == NULL) return false;
    for (size_t i = 0; i < n; i++) {
        classes[i] = (lab_income_class){.miners = 1, .hash = wealths[i], .stake_wei = stake_of(s, wealths[i])};
        all += wealths[i];
    }
    lab_income_shares(classes, n, &rule->params, &supply);
    for (size_t i = first; i < n; i++) {
        shares += classes[i].share;
        wealth += wealths[i] / all;
    }
    out->small_earnings = exactly(shares / wealth);
    shares /= (double)(n - first);
    out->small_variation = exactly(lab_variance(shares, MONTH_S / (double)rule->params.block_time_s, 1).variation);
    free(classes);
    return true;
}

/* The variation of the poorest tenth's monthly income in each chain. */
static lab_sample variation_of(const shares_result *r, size_t first) {
    lab_sample all = {0};
    for (size_t chain = 0; chain < SHARES_CHAINS; chain++) {
        double mean = 0, squares = 0, periods = 0;
        for (size_t i = first; i < r->miner_count; i++) {
            const lab_sample *s = &r->cells[chain * r->miner_count + i].income;
            mean += s->mean * s->weight;
            periods += s->weight;
        }
        if (!(periods > 0) || !(mean > 0)) continue;
        mean /= periods;
        for (size_t i = first; i < r->miner_count; i++) {
            const lab_sample *s = &r->cells[chain * r->miner_count + i].income;
            squares += s->squares; /* within one miner: what its wealth explains is no luck */
        }
        const double within = periods - (double)(r->miner_count - first);
        if (within > 0) lab_sample_add(&all, sqrt(squares / within) / mean, 1);
    }
    return all;
}

static bool small_simulated(score *out, const lab_rule *rule, const lab_scenario *s, const double *wealths,
                            const score_setup *setup) {
    const size_t n = s->miners, first = n - poorest(n);
    chain_sim_miner *list = calloc(n, sizeof *list);
    double all = 0, wealth = 0;
    if (list == NULL) return false;
    for (size_t i = 0; i < n; i++) {
        list[i] = (chain_sim_miner){wealths[i], stake_of(s, wealths[i]), 1};
        all += wealths[i];
    }
    for (size_t i = first; i < n; i++)
        wealth += wealths[i] / all / (double)(n - first);
    const uint64_t month = (uint64_t)fmax(1, MONTH_S / (double)rule->params.block_time_s);
    const shares_setup sim = {.chain = {.params = &rule->params,
                                        .supply_wei = lab_wei(s->supply),
                                        .miners = list,
                                        .miner_count = n,
                                        .seed = setup->seed},
                              .blocks = month * setup->months * SHARES_CHAINS,
                              .period = month,
                              .threads = setup->threads,
                              .progress = true};
    shares_result r;
    const bool ok = shares_run(&r, &sim);
    if (ok) {
        const lab_sample share = shares_of(&r, first, n - first);
        out->small_earnings = share;
        out->small_earnings.mean /= wealth;
        out->small_earnings.squares /= wealth * wealth;
        out->small_variation = variation_of(&r, first);
        out->blocks_done += r.blocks_done;
        out->blocks_wanted += sim.blocks;
        shares_clear(&r);
    }
    free(list);
    return ok;
}

static bool small_miners(score *out, const lab_rule *rule, const lab_scenario *pareto, const score_setup *setup) {
    lab_scenario wealth = *pareto;
    double *wealths = calloc(pareto->miners, sizeof *wealths);
    if (wealths == NULL) return false;
    if (!(wealth.staked_share > 0)) wealth.staked_share = 1;
    lab_scenario_stakes(&wealth, wealths);
    const bool ok = lab_rule_is_ticket(rule) ? small_simulated(out, rule, pareto, wealths, setup)
                                             : small_exact(out, rule, pareto, wealths);
    free(wealths);
    return ok;
}

static bool concentration(score *out, const lab_rule *rule, const lab_scenario *s, const score_setup *setup) {
    fairness_result *f = malloc(sizeof *f);
    const fairness_setup sim = {.params = &rule->params,
                                .miners = s->miners,
                                .pareto = s->pareto_exponent,
                                .income = setup->income,
                                .supply_coins = s->supply,
                                .staked = s->staked_share,
                                .years = setup->years,
                                .blocks_per_year = setup->blocks_per_year,
                                .seeds = setup->chains,
                                .seed = setup->seed,
                                .threads = setup->threads,
                                .progress = true};
    const bool ok = f != NULL && fairness_run(f, &sim);
    if (ok) {
        out->nakamoto_first = f->nakamoto[0].mean;
        out->nakamoto = f->nakamoto[setup->years];
        out->gini = f->gini[setup->years];
        out->blocks_done += f->blocks_done;
        out->blocks_wanted += f->blocks_wanted;
    }
    free(f);
    return ok;
}

bool score_run(score *out, const lab_rule *rule, const lab_scenario *s, const score_setup *setup) {
    lab_scenario pareto = *s;
    pareto.stakes = LAB_STAKES_PARETO;
    memset(out, 0, sizeof *out);
    out->nakamoto_first = NAN;
    if (!attacks(out, rule, s) || !miners(out, rule, &pareto)) return false;
    if (rule->smooth) return true;
    if (setup->months > 0 && !small_miners(out, rule, &pareto, setup)) return false;
    return setup->years == 0 || concentration(out, rule, &pareto, setup);
}
