/* posw lab compare */
#include "chain_option.h"
#include "commands.h"
#include "exact/attack.h"
#include "options.h"
#include "rules/fairness.h"
#include "run/parallel.h"
#include "scenario_file.h"
#include "score/score.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RULES_MAX = 32 };

static const cli_option options[] = {
    {"scenario", "FILE", "ten-million", "a scenario file, or one that is built in"},
    {"rules", "LIST", "ticket,quarkchain,diode,quadratic,linear,sqrt,pow",
     "presets, smooth rules such as x^2, and chain files"},
    {"years", "N", "10", "years after which concentration is looked at"},
    {"seeds", "N", "8", "independent chains, of which its errors come"},
    {"blocks-per-year", "N", "52560", "blocks of a year in it; more only lessen chance"},
    {"income", "X", "0.10", "in it, what all miners earn in a year, in parts of their first wealth"},
    {"months", "N", "2", "months of income in each of 16 chains, for its spread"},
    LAB_RANDOM_OPTIONS,
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

typedef struct {
    lab_scenario_file file;
    const char **names; /* owned */
    lab_rule rules[RULES_MAX];
    score scores[RULES_MAX];
    size_t count;
    score_setup setup;
} comparison;

static bool read_setup(const cli *c, score_setup *s) {
    uint64_t chains;
    lab_random_options random;
    if (!cli_u64(c, "years", 1, FAIRNESS_YEARS_MAX, &s->years) ||
        !cli_u64(c, "seeds", 2, FAIRNESS_SEEDS_MAX, &chains) ||
        !cli_u64(c, "blocks-per-year", 1, 40000000, &s->blocks_per_year) ||
        !lab_option_number(c, "income", 0, 100, &s->income) || !cli_u64(c, "months", 2, 1200, &s->months) ||
        !lab_option_random(c, &random))
        return false;
    s->chains = chains;
    s->seed = random.seed;
    s->threads = random.threads;
    return true;
}

static bool read_rules(const cli *c, comparison *k) {
    k->names = cli_list(c, "rules");
    if (k->names == NULL) return cli_fail("out of memory"), false;
    for (; k->names[k->count] != NULL; k->count++) {
        bool named;
        if (k->count == RULES_MAX) return cli_usage(c, "--rules: at most %d", RULES_MAX), false;
        if (!lab_rule_option(c, "rules", k->names[k->count], &k->rules[k->count], &named)) return false;
        lab_rule_fit(&k->rules[k->count], named, &k->file.scenario);
    }
    return k->count > 0 || (cli_usage(c, "--rules names no rule"), false);
}

/* ---- the report ---- */

static void cell_sample(lab_table *t, const lab_sample *s) {
    const double error = lab_sample_error(s);
    if (error > 0)
        lab_cell_estimate(t, s->mean, error);
    else
        lab_cell_number(t, lab_sample_mean(s));
}

static void put_table(lab_report *r, const comparison *k) {
    lab_table *t = lab_table_new(r, "rules", "Every rule");
    char label[64];
    lab_column(t, "rule", "rule", "");
    lab_column(t, "cost_6_usd", "attack on 6", "USD");
    lab_column(t, "cost_60_usd", "on 60", "USD");
    lab_column(t, "cost_window_usd", "on W", "USD");
    lab_column(t, "cost_window_false_times_usd", "with false times", "USD");
    lab_column(t, "window", "W", "blocks");
    lab_column(t, "capital_60_usd", "capital for 60", "USD");
    lab_column(t, "survivors", "with income", "miners");
    lab_column(t, "nakamoto_now", "half of blocks", "miners");
    lab_column(t, "nakamoto_first", "half of wealth", "miners");
    snprintf(label, sizeof label, "after %" PRIu64 " years", k->setup.years);
    lab_column(t, "nakamoto", label, "miners");
    lab_column(t, "gini", "Gini then", "");
    lab_column(t, "hash_reward_share", "on hash", "");
    lab_column(t, "electricity_reward_share", "electricity", "");
    lab_column(t, "small_earnings", "poorest earn", "");
    lab_column(t, "small_variation", "varying by", "");
    for (size_t i = 0; i < k->count; i++) {
        const score *s = &k->scores[i];
        lab_cell_text(t, k->names[i]);
        for (size_t d = 0; d < SCORE_DEPTHS; d++)
            lab_cell_number(t, s->attacks[d].cost);
        lab_cell_number(t, s->false_times.cost);
        lab_cell_integer(t, k->rules[i].params.window_blocks);
        lab_cell_number(t, s->attacks[1].capital);
        lab_cell_number(t, s->survivors);
        lab_cell_number(t, s->nakamoto_now);
        lab_cell_number(t, s->nakamoto_first);
        cell_sample(t, &s->nakamoto);
        cell_sample(t, &s->gini);
        lab_cell_number(t, s->hash_share);
        lab_cell_number(t, s->electricity_share);
        cell_sample(t, &s->small_earnings);
        cell_sample(t, &s->small_variation);
    }
}

/* Values and errors of one quantity, one a rule. */
typedef struct {
    double value[RULES_MAX], error[RULES_MAX];
} column;

static column column_of(const comparison *k, size_t offset) {
    column c;
    for (size_t i = 0; i < k->count; i++) {
        const lab_sample *s = (const lab_sample *)(const void *)((const char *)&k->scores[i] + offset);
        c.value[i] = lab_sample_mean(s);
        c.error[i] = lab_sample_error(s);
        if (!isfinite(c.error[i])) c.error[i] = 0;
    }
    return c;
}

static lab_chart *bars(lab_report *r, const comparison *k, unsigned flags, const char *title, const char *y) {
    lab_chart *c = lab_chart_new(r, LAB_CHART_BAR, flags, title, "", y);
    lab_chart_labels(c, k->names, k->count);
    return c;
}

static void put_attack_chart(lab_report *r, const comparison *k) {
    static const char *const labels[SCORE_DEPTHS] = {"6 blocks", "60 blocks", "a window"};
    lab_chart *c = bars(r, k, LAB_CHART_LOG_Y, "Cheapest attack", "USD");
    for (size_t d = 0; d < SCORE_DEPTHS; d++) {
        double cost[RULES_MAX];
        for (size_t i = 0; i < k->count; i++)
            cost[i] = k->scores[i].attacks[d].cost;
        lab_chart_series(c, labels[d], NULL, cost, k->count);
    }
}

static void put_miner_charts(lab_report *r, const comparison *k) {
    double now[RULES_MAX], hash[RULES_MAX], first[RULES_MAX];
    char label[64];
    for (size_t i = 0; i < k->count; i++) {
        now[i] = k->scores[i].survivors;
        hash[i] = k->scores[i].hash_share;
        first[i] = k->scores[i].nakamoto_first;
    }
    lab_chart *c = bars(r, k, LAB_CHART_LOG_Y, "Miners with an income", "miners");
    lab_chart_series(c, "with Pareto stakes", NULL, now, k->count);
    c = bars(r, k, 0, "Fewest miners with more than half of the wealth", "miners");
    const column nakamoto = column_of(k, offsetof(score, nakamoto)), gini = column_of(k, offsetof(score, gini)),
                 earnings = column_of(k, offsetof(score, small_earnings)),
                 variation = column_of(k, offsetof(score, small_variation));
    lab_chart_series(c, "at first", NULL, first, k->count);
    snprintf(label, sizeof label, "after %" PRIu64 " years", k->setup.years);
    lab_chart_estimates(c, label, NULL, nakamoto.value, nakamoto.error, k->count);
    c = bars(r, k, 0, "Gini coefficient of wealth in the end", "");
    lab_chart_estimates(c, "Gini coefficient", NULL, gini.value, gini.error, k->count);
    c = bars(r, k, 0, "Part of the reward that is spent on hash", "");
    lab_chart_series(c, "hash", NULL, hash, k->count);
    c = bars(r, k, 0, "What the poorest tenth earns for its wealth (1: its fair part)", "");
    lab_chart_estimates(c, "earnings / wealth", NULL, earnings.value, earnings.error, k->count);
    c = bars(r, k, LAB_CHART_LOG_Y, "How uneven its monthly income is", "coefficient of variation");
    lab_chart_estimates(c, "coefficient of variation", NULL, variation.value, variation.error, k->count);
}

/* The rule that is best by a quantity, and the one behind it. Of one rule alone nothing is said. */
static void put_best_attack(lab_report *r, const comparison *k, size_t d, const char *depth) {
    size_t best = 0, next = k->count;
    char first[48], second[48];
    for (size_t i = 1; i < k->count; i++)
        if (k->scores[i].attacks[d].cost > k->scores[best].attacks[d].cost) best = i;
    for (size_t i = 0; i < k->count; i++)
        if (i != best && (next == k->count || k->scores[i].attacks[d].cost > k->scores[next].attacks[d].cost)) next = i;
    if (next == k->count) return;
    lab_verdict(r, "Over %s the rule %s costs an attacker most, %s USD; the next one, %s, %s USD.", depth,
                k->names[best], lab_brief(first, sizeof first, k->scores[best].attacks[d].cost), k->names[next],
                lab_brief(second, sizeof second, k->scores[next].attacks[d].cost));
}

static void put_verdict(lab_report *r, const comparison *k) {
    posw_buf few = {0};
    size_t count = 0;
    put_best_attack(r, k, 0, "6 blocks");
    put_best_attack(r, k, 1, "60 blocks");
    for (size_t i = 0; i < k->count; i++)
        if (k->scores[i].survivors < k->file.scenario.miners / 2.0)
            posw_buf_printf(&few, "%s%s (%.0f)", count++ == 0 ? "" : ", ", k->names[i], k->scores[i].survivors);
    posw_buf_byte(&few, 0);
    if (count > 0 && !few.failed)
        lab_verdict(r, "Fewer than half of %u miners have an income under: %s.", k->file.scenario.miners,
                    (const char *)few.data);
    posw_buf_clear(&few);
}

static void put_words(lab_report *r, const comparison *k) {
    lab_model(r, "attacks: the cheapest mixture of hash and stake for an outsider (posw lab attack); miners with an "
                 "income: Cournot with stakes as they are, or "
                 "who has a ticket; wealth: everybody puts all income back into hash and stake (posw lab fairness); "
                 "small miners: hash and stake in proportion "
                 "to wealth, under rules of stake alone exactly, under tickets on the consensus code");
    lab_note(r, "columns: attack, the cheapest one on that many blocks, W being the window; with "
                "false times, on W by blocks that say they came a second after each other (posw lab attack); with "
                "income, miners who "
                "earn; half of blocks and half of wealth, the "
                "fewest who have more than half; on hash and electricity, parts of the reward; poorest earn, blocks of "
                "the poorest tenth over its part of the "
                "wealth; varying by, the coefficient of variation of one such miner's monthly income");
    lab_assume(r, "stakes of the scenario for attacks; Pareto stakes with its exponent for everything else");
    lab_assume(r, "spent on hash: 1 - HHI under rules of stake alone; under tickets what the reward leaves after the "
                  "interest on the stake that fills the window");
    lab_assume(r, "a year of concentration has %" PRIu64 " blocks, whatever the block time", k->setup.blocks_per_year);
    lab_note(r, "an insider who holds the stake already pays for hash only; where one miner has more than half, an "
                "attack costs it nothing");
    lab_note(r, "if an attack does not move the coin's price (delta 0), stake protects only by the capital that it "
                "binds: posw lab attack --delta 0");
    lab_note(r,
             "after the sign ±: standard errors of independent chains; figures without it are exact under their model");
}

static int print_comparison(const cli *c, const comparison *k) {
    const lab_scenario *s = &k->file.scenario;
    uint64_t done = 0, wanted = 0;
    lab_report *r = lab_report_new("compare", "Weight rules side by side");
    if (r == NULL) return lab_report_print(c, r);
    lab_input_text(r, "scenario", "scenario", k->file.name);
    lab_input_number(r, "market_value_usd", "all coins", s->price_usd * s->supply, "USD");
    lab_input_number(r, "issuance_per_year", "issuance a year", s->issuance_per_year, "");
    lab_input_integer(r, "miners", "miners", s->miners, "");
    lab_input_number(r, "staked_share", "staked", s->staked_share, "");
    lab_input_number(r, "delta", "price loss on the attacker's coins", s->delta, "");
    lab_input_integer(r, "years", "years", k->setup.years, "");
    lab_input_integer(r, "seeds", "chains", k->setup.chains, "");
    lab_input_integer(r, "seed", "seed", k->setup.seed, "");
    put_verdict(r, k);
    put_table(r, k);
    put_attack_chart(r, k);
    put_miner_charts(r, k);
    put_words(r, k);
    for (size_t i = 0; i < k->count; i++) {
        done += k->scores[i].blocks_done;
        wanted += k->scores[i].blocks_wanted;
    }
    if (done < wanted) lab_interrupted(r, done, wanted, "blocks");
    return lab_report_print(c, r);
}

static int compare(const cli *c, comparison *k) {
    if (!lab_scenario_open(c, "--scenario", cli_text(c, "scenario"), &k->file) || !read_setup(c, &k->setup) ||
        !read_rules(c, k))
        return CLI_USAGE;
    if (k->file.scenario.miners > FAIRNESS_MINERS_MAX)
        return cli_usage(c, "at most %d miners can be simulated", FAIRNESS_MINERS_MAX);
    for (size_t i = 0; i < k->count; i++)
        if (!score_run(&k->scores[i], &k->rules[i], &k->file.scenario, &k->setup)) return cli_fail("out of memory");
    return print_comparison(c, k);
}

static int run(cli *c) {
    comparison *k = calloc(1, sizeof *k);
    if (k == NULL) return cli_fail("out of memory");
    const int code = compare(c, k);
    free(k->names);
    free(k);
    return code;
}

const cli_command lab_command_compare = {
    "lab compare",
    "[OPTIONS]",
    "all weight rules side by side",
    "Prints the scoreboard of weight rules for a scenario: what the cheapest attack on 6 blocks, on 60 and on a window "
    "costs, which miners have an income, "
    "how many have more than half now and after years, what part of the reward is spent on hash, and what small miners "
    "earn and how unevenly. JSON key: "
    "rules, one object each with cost_6_usd, cost_60_usd, cost_window_usd, cost_window_false_times_usd, survivors, "
    "nakamoto_now, nakamoto, gini, "
    "hash_reward_share, "
    "electricity_reward_share, small_earnings, small_variation, and the standard errors of those that are "
    "simulated. " LAB_SCENARIO_KEYS,
    "posw lab compare --scenario ten-million --html compare.html",
    options,
    0,
    0,
    run,
};
