/* posw lab fairness */
#include "chain_input.h"
#include "commands.h"
#include "options.h"
#include "rules/fairness.h"

#include <stdio.h>
#include <string.h>

static const cli_option fairness_options[] = {
    {"rule", "PRESET", "ticket", "pow, linear, sqrt, quadratic, diode, ticket or quarkchain"},
    {"chain", "FILE", NULL, "the rules of a chain file instead"},
    {"years", "N", "10", "years"},
    {"miners", "N", "100", "miners"},
    {"pareto", "A", "1.5", "their first wealth is Pareto distributed with this exponent"},
    {"income", "X", "0.10", "what all miners earn in a year, in parts of their first wealth"},
    {"supply", "COINS", "1000000000", "coins that exist at first"},
    {"staked", "X", "0.5", "part of them that the miners stake"},
    {"blocks-per-year", "N", "52560", "blocks in a year"},
    {"seeds", "N", "5", "independent chains, of which the errors come"},
    LAB_RANDOM_OPTIONS,
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static bool read_options(const cli *c, fairness_setup *s) {
    uint64_t miners, seeds;
    lab_random_options random;
    if (!cli_u64(c, "years", 1, FAIRNESS_YEARS_MAX, &s->years) ||
        !cli_u64(c, "miners", 1, FAIRNESS_MINERS_MAX, &miners) ||
        !lab_option_number(c, "pareto", 0.1, 100, &s->pareto) || !lab_option_number(c, "income", 0, 100, &s->income) ||
        !lab_option_number(c, "supply", 1, 1e18, &s->supply_coins) ||
        !lab_option_number(c, "staked", 0, 1, &s->staked) ||
        !cli_u64(c, "blocks-per-year", 1, 40000000, &s->blocks_per_year) ||
        !cli_u64(c, "seeds", 1, FAIRNESS_SEEDS_MAX, &seeds) || !lab_option_random(c, &random))
        return false;
    s->miners = miners;
    s->seeds = seeds;
    s->seed = random.seed;
    s->threads = random.threads;
    s->progress = true;
    return true;
}

static void put_inputs(lab_report *r, const fairness_setup *s) {
    const posw_u256 supply = lab_wei(s->supply_coins);
    lab_report_chain(r, s->params, &supply);
    lab_input_number(r, "staked", "part of it that the miners stake", s->staked, "");
    lab_input_integer(r, "miner_count", "miners", s->miners, "");
    lab_input_number(r, "pareto", "Pareto exponent of their wealth", s->pareto, "");
    lab_input_number(r, "income", "income in a year / first wealth", s->income, "");
    lab_input_integer(r, "blocks_per_year", "blocks in a year", s->blocks_per_year, "");
    lab_input_integer(r, "seeds", "chains", s->seeds, "");
    lab_input_integer(r, "seed", "seed", s->seed, "");
}

/* One quantity over the years, as an array and a chart. */
static void put_series(lab_report *r, lab_chart *chart, const char *key, const char *label, const lab_sample *samples,
                       size_t years) {
    double year[FAIRNESS_YEARS_MAX + 1], mean[FAIRNESS_YEARS_MAX + 1];
    for (size_t i = 0; i < years; i++) {
        year[i] = (double)i;
        mean[i] = samples[i].mean;
    }
    lab_numbers(r, key, mean, years);
    if (chart != NULL) lab_chart_series(chart, label, year, mean, years);
}

static void put_years(lab_report *r, const fairness_result *f) {
    lab_table *t = lab_table_new(r, "years", "Year by year");
    lab_column(t, "year", "year", "");
    lab_column(t, "gini", "Gini", "");
    lab_column(t, "gini_standard_error", "standard error", "");
    lab_column(t, "hhi", "HHI", "");
    lab_column(t, "hhi_standard_error", "standard error", "");
    lab_column(t, "nakamoto", "Nakamoto", "miners");
    lab_column(t, "top_share", "largest share", "");
    for (size_t i = 0; i < f->years; i++) {
        lab_cell_integer(t, i);
        lab_cell_number(t, f->gini[i].mean);
        lab_cell_number(t, lab_sample_error(&f->gini[i]));
        lab_cell_number(t, f->hhi[i].mean);
        lab_cell_number(t, lab_sample_error(&f->hhi[i]));
        lab_cell_number(t, f->nakamoto[i].mean);
        lab_cell_number(t, f->top[i].mean);
    }
    lab_chart *parts = lab_chart_new(r, LAB_CHART_LINE, 0, "Concentration of wealth", "year", "");
    put_series(r, parts, "gini", "Gini coefficient", f->gini, f->years);
    put_series(r, parts, "hhi", "Herfindahl-Hirschman index", f->hhi, f->years);
    put_series(r, parts, "top_share", "largest share", f->top, f->years);
    lab_chart *count = lab_chart_new(r, LAB_CHART_LINE, 0, "Fewest miners with more than half", "year", "miners");
    put_series(r, count, "nakamoto", "Nakamoto coefficient", f->nakamoto, f->years);
}

static int report_fairness(const cli *c, const fairness_setup *s) {
    fairness_result f;
    if (!fairness_run(&f, s)) return cli_fail("out of memory");
    lab_report *r = lab_report_new("fairness", "Do the rich get richer?");
    if (r == NULL) return lab_report_print(c, r);
    put_inputs(r, s);
    put_years(r, &f);
    lab_model(
        r, "all income is put back into hash and stake in the first proportion; who finds each block, the rules of the "
           "consensus code and a race by hash and weight tell");
    lab_assume(r, "nobody pays for electricity, enters or leaves, and coins are not sold");
    lab_assume(r, "first wealth is that of the quantiles of the Pareto distribution");
    lab_note(r, "figures are of shares of wealth; the first entry of every list is the start");
    if (f.blocks_done < f.blocks_wanted) lab_interrupted(r, f.blocks_done, f.blocks_wanted, "blocks");
    return lab_report_print(c, r);
}

static int run_fairness(cli *c) {
    fairness_setup s = {.params = NULL};
    posw_params p;
    posw_chain_spec spec = {0};
    if (!read_options(c, &s)) return CLI_USAGE;
    if (cli_given(c, "chain") && cli_given(c, "rule"))
        return cli_usage(c, "--rule does not go with --chain, whose file says it");
    if (cli_given(c, "chain")) {
        const int code = lab_chain_read(c, cli_text(c, "chain"), &spec);
        if (code != CLI_OK) return code;
        p = spec.params;
        posw_chain_spec_clear(&spec);
    } else {
        posw_params_default(&p);
        if (!posw_params_preset(&p, cli_text(c, "rule")))
            return cli_usage(c, "--rule must be pow, linear, sqrt, quadratic, diode, ticket or quarkchain, not '%s'",
                             cli_text(c, "rule"));
    }
    s.params = &p;
    return report_fairness(c, &s);
}

const cli_command lab_command_fairness = {
    "lab fairness",
    "--rule PRESET --years N [OPTIONS]",
    "whether the rich get richer",
    "Follows miners who put all that they earn back into hash and stake. JSON keys: gini, hhi, nakamoto, top_share: "
    "lists "
    "with one number a year, the first one being the start; years: one object a year.",
    "posw lab fairness --rule quadratic --years 20",
    fairness_options,
    0,
    0,
    run_fairness,
};
