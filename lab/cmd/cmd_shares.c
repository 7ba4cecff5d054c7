/* posw lab shares */
#include "chain_input.h"
#include "commands.h"
#include "options.h"
#include "posw/weight.h"
#include "rules/shares.h"

#include <stdlib.h>

static const cli_option shares_options[] = {
    {"chain", "FILE", NULL, "chain file, as `posw chain new` writes it"},
    {"miners", "FILE", NULL, "JSON list of miners: name, hash, stake, count, identities"},
    {"supply", "AMOUNT", NULL, "coins that exist [those of the chain file's accounts and stakes]"},
    {"blocks", "N", "1000000", "blocks to count, after the chains have settled"},
    {"period", "BLOCKS", "0", "look at incomes over so many blocks; 0: not"},
    LAB_RANDOM_OPTIONS,
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static void put_miners(lab_report *r, const shares_result *s, const lab_miners *m, const posw_params *p,
                       const posw_u256 *supply, bool incomes) {
    lab_table *t = lab_table_new(r, "miners", "Miners");
    lab_column(t, "name", "miner", "");
    lab_column(t, "count", "how many", "");
    lab_column(t, "hash", "hash of each", "");
    lab_column(t, "tickets", "tickets of each", "");
    lab_column(t, "share", "share of the blocks, each", "");
    lab_column(t, "standard_error", "standard error", "");
    lab_column(t, "boosted_share", "share of its hash that is boosted", "");
    lab_column(t, "boosted_share_standard_error", "standard error", "");
    lab_column(t, "boosted_blocks", "share of its blocks that is boosted", "");
    if (incomes) {
        lab_column(t, "income_cv", "spread of the income / mean", "");
        lab_column(t, "income_none", "periods without a block", "");
    }
    size_t first = 0;
    for (size_t i = 0; i < m->group_count; i++) {
        const lab_miner_group *g = &m->groups[i];
        const lab_sample share = shares_of(s, first, g->count), boosted = shares_boosted(s, first, g->count),
                         blocks = shares_boosted_blocks(s, first, g->count);
        lab_cell_text(t, g->name);
        lab_cell_integer(t, g->count);
        lab_cell_number(t, g->hash);
        lab_cell_integer(t, posw_weight_tickets(p, &m->miners[first].stake_wei, supply) * g->identities);
        lab_cell_number(t, lab_sample_mean(&share));
        lab_cell_number(t, lab_sample_error(&share));
        lab_cell_number(t, lab_sample_mean(&boosted));
        lab_cell_number(t, lab_sample_error(&boosted));
        lab_cell_number(t, lab_sample_mean(&blocks));
        if (incomes) {
            lab_cell_number(t, shares_income_cv(s, first, g->count));
            lab_cell_number(t, shares_income_none(s, first, g->count));
        }
        first += g->count;
    }
}

/* The same for programs: one number a miner. */
static bool put_arrays(lab_report *r, const shares_result *s) {
    const size_t n = s->miner_count;
    double *values = calloc(2 * n, sizeof *values);
    if (values == NULL) return false;
    for (size_t i = 0; i < n; i++) {
        const lab_sample share = shares_of(s, i, 1), boosted = shares_boosted(s, i, 1);
        values[i] = lab_sample_mean(&share);
        values[n + i] = lab_sample_mean(&boosted);
    }
    lab_numbers(r, "share", values, n);
    lab_numbers(r, "boosted_share", values + n, n);
    free(values);
    return true;
}

static void put_figures(lab_report *r, const shares_result *s) {
    const lab_sample phi = shares_over_chains(s, s->phi), ratio = shares_over_chains(s, s->mean_ratio),
                     work = shares_over_chains(s, s->effective_work), gap = shares_over_chains(s, s->worst_gap);
    double worst = 0;
    for (size_t i = 0; i < SHARES_CHAINS; i++)
        if (s->worst_gap[i] > worst) worst = s->worst_gap[i];
    lab_integer(r, "blocks_counted", "blocks counted", s->blocks_done, "");
    lab_estimate(r, "phi", "share of all hash that is boosted", lab_sample_mean(&phi), lab_sample_error(&phi), "");
    lab_estimate(r, "effective_work", "work against all hash at the full boost", lab_sample_mean(&work),
                 lab_sample_error(&work), "");
    lab_estimate(r, "mean_ratio", "mean block time / block time", lab_sample_mean(&ratio), lab_sample_error(&ratio),
                 "");
    lab_number(r, "worst_gap", "longest wait for a block", gap.count > 0 ? worst : NAN, "block times");
}

static int report_shares(const cli *c, const posw_chain_spec *spec, const lab_miners *m, const shares_setup *setup) {
    shares_result s;
    if (!shares_run(&s, setup)) return cli_fail("out of memory");
    lab_report *r = lab_report_new("shares", "Who gets the blocks?");
    if (r != NULL) {
        lab_input_text(r, "chain", "chain", spec->name);
        lab_report_chain(r, &spec->params, &setup->chain.supply_wei);
        lab_input_integer(r, "blocks", "blocks", setup->blocks, "");
        lab_input_integer(r, "seed", "seed", setup->chain.seed, "");
        if (setup->period > 0) lab_input_integer(r, "period", "period of income", setup->period, "blocks");
        put_figures(r, &s);
        put_miners(r, &s, m, &spec->params, &setup->chain.supply_wei, setup->period > 0);
        if (!put_arrays(r, &s)) {
            lab_report_free(r);
            r = NULL;
        }
    }
    if (r != NULL) {
        lab_model(r, "the chain's own rules, without a network: block after block an exponential race of the miners, "
                     "whose hash is pointed at the identity with the greatest weight");
        lab_assume(r, "hash and stake stay as they are, and a block reaches everybody at once");
        lab_assume(r,
                   "%d chains, each counted after %llu blocks of settling; the standard errors come from their "
                   "differences",
                   SHARES_CHAINS, (unsigned long long)shares_settling(&spec->params));
        if (s.blocks_done < setup->blocks / SHARES_CHAINS * SHARES_CHAINS)
            lab_interrupted(r, s.blocks_done, setup->blocks, "blocks");
    }
    shares_clear(&s);
    return lab_report_print(c, r);
}

static int run_shares(cli *c) {
    shares_setup setup = {.progress = true};
    lab_random_options random;
    posw_chain_spec spec = {0};
    lab_miners miners;
    if (!cli_given(c, "chain") || !cli_given(c, "miners")) return cli_usage(c, "--chain and --miners are needed");
    if (!cli_u64(c, "blocks", SHARES_CHAINS, (uint64_t)1 << 40, &setup.blocks) ||
        !cli_u64(c, "period", 0, 1 << 30, &setup.period) || !lab_option_random(c, &random))
        return CLI_USAGE;
    int code = lab_miners_read(c, cli_text(c, "miners"), &miners);
    if (code != CLI_OK) return code;
    code = lab_chain_read(c, cli_text(c, "chain"), &spec);
    if (code == CLI_OK &&
        !lab_supply_read(c, &spec.params, posw_chain_spec_supply(&spec), &miners, &setup.chain.supply_wei))
        code = CLI_USAGE;
    if (code == CLI_OK) {
        setup.chain.params = &spec.params;
        setup.chain.miners = miners.miners;
        setup.chain.miner_count = miners.miner_count;
        setup.chain.seed = random.seed;
        setup.threads = random.threads;
        code = report_shares(c, &spec, &miners, &setup);
    }
    posw_chain_spec_clear(&spec);
    lab_miners_clear(&miners);
    return code;
}

const cli_command lab_command_shares = {
    "lab shares",
    "--chain FILE --miners FILE [OPTIONS]",
    "who gets the blocks under the rules of a chain",
    "Runs a chain with these miners and counts their blocks. The miners file is a JSON list; an entry stands for "
    "`count` "
    "miners (default 1) with this hash each, in any unit, and this stake each (default none), which a miner with "
    "several `identities` divides among as many addresses. JSON keys: share, boosted_share (one number a miner, in the "
    "order of the file; boosted_share is the part of its hash, that is of its time, with a weight above 1), miners "
    "(one "
    "object an entry, with standard_error), phi, effective_work, mean_ratio, worst_gap.",
    "echo '[{\"name\": \"giant\", \"hash\": 100, \"stake\": \"20000 coin\"}, {\"hash\": 1, \"stake\": \"20000 coin\", "
    "\"count\": 100}]' > miners.json\nposw lab shares --chain mychain.json --miners miners.json --supply \"8064000 "
    "coin\"",
    shares_options,
    0,
    0,
    run_shares,
};
