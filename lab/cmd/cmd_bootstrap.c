/* posw lab bootstrap */
#include "chain_input.h"
#include "commands.h"
#include "options.h"
#include "rules/bootstrap.h"

static const cli_option bootstrap_options[] = {
    {"chain", "FILE", NULL, "the rules of a chain file [those of a new chain]"},
    {"ramp", "BLOCKS", NULL, "the boost grows over so many blocks [the chain file's; else 201600]"},
    {"miners", "N", "50", "miners with equal hash"},
    {"stakers", "N", "5", "of them, how many have stake at genesis"},
    {"supply", "COINS", "1000000", "coins at genesis"},
    {"staked", "X", "0.25", "part of them that is staked at genesis"},
    {"blocks", "N", "240000", "blocks to look at"},
    LAB_RANDOM_OPTIONS,
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static bool read_options(const cli *c, bootstrap_setup *s) {
    uint64_t miners, stakers;
    lab_random_options random;
    if (!cli_u64(c, "miners", 1, BOOTSTRAP_MINERS_MAX, &miners) || !cli_u64(c, "stakers", 0, miners, &stakers) ||
        !lab_option_number(c, "supply", 1e-6, 1e18, &s->supply_coins) ||
        !lab_option_number(c, "staked", 0, 1, &s->staked) ||
        !cli_u64(c, "blocks", BOOTSTRAP_PHASES, (uint64_t)1 << 40, &s->blocks) || !lab_option_random(c, &random))
        return false;
    s->miners = miners;
    s->stakers = stakers;
    s->seed = random.seed;
    s->threads = random.threads;
    s->progress = true;
    return true;
}

/* CLI_OK or an exit code. */
static int read_params(const cli *c, posw_params *p) {
    enum { RAMP = 201600 };
    posw_chain_spec spec = {0};
    posw_params_default(p);
    p->weight.ramp_blocks = RAMP;
    if (cli_given(c, "chain")) {
        const int code = lab_chain_read(c, cli_text(c, "chain"), &spec);
        if (code != CLI_OK) return code;
        *p = spec.params;
        posw_chain_spec_clear(&spec);
    }
    if (cli_given(c, "ramp") && !cli_u64(c, "ramp", 0, UINT32_MAX, &p->weight.ramp_blocks)) return CLI_USAGE;
    return CLI_OK;
}

static void put_phases(lab_report *r, const bootstrap_result *b) {
    lab_table *t = lab_table_new(r, "phases", "Phase by phase");
    double end[BOOTSTRAP_PHASES], share[BOOTSTRAP_PHASES], stake[BOOTSTRAP_PHASES];
    size_t count = 0;
    lab_column(t, "end", "up to block", "");
    lab_column(t, "boost", "boost", "");
    lab_column(t, "stakers_share", "blocks of the first stakers", "");
    lab_column(t, "standard_error", "standard error", "");
    lab_column(t, "stakers_stake", "their part of all stake", "");
    lab_column(t, "with_ticket", "others with a ticket", "");
    lab_column(t, "mean_ratio", "mean block time / block time", "");
    lab_column(t, "worst_gap", "longest wait (mean of the chains)", "block times");
    for (size_t i = 0; i < BOOTSTRAP_PHASES && b->phases[i].stakers_share.count > 0; i++) {
        const bootstrap_phase *p = &b->phases[i];
        lab_cell_integer(t, p->end);
        lab_cell_integer(t, p->boost);
        lab_cell_number(t, p->stakers_share.mean);
        lab_cell_number(t, lab_sample_error(&p->stakers_share));
        lab_cell_number(t, p->stakers_stake.mean);
        lab_cell_number(t, lab_sample_mean(&p->with_ticket));
        lab_cell_number(t, p->mean_ratio.mean);
        lab_cell_number(t, p->worst_gap.mean);
        end[count] = (double)p->end;
        share[count] = p->stakers_share.mean;
        stake[count++] = p->stakers_stake.mean;
    }
    lab_chart *chart = lab_chart_new(r, LAB_CHART_LINE, 0, "The first stakers' part", "block", "");
    lab_chart_series(chart, "of the blocks", end, share, count);
    lab_chart_series(chart, "of the stake", end, stake, count);
    lab_numbers(r, "stakers_share", share, count);
}

static int run_bootstrap(cli *c) {
    bootstrap_setup s = {.params = NULL};
    bootstrap_result b;
    posw_params p;
    if (!read_options(c, &s)) return CLI_USAGE;
    const int code = read_params(c, &p);
    if (code != CLI_OK) return code;
    s.params = &p;
    if (!bootstrap_run(&b, &s)) return cli_fail("out of memory");
    lab_report *r = lab_report_new("bootstrap", "How does a chain begin?");
    if (r == NULL) return lab_report_print(c, r);
    const posw_u256 supply = lab_wei(s.supply_coins);
    lab_report_chain(r, &p, &supply);
    lab_input_integer(r, "miner_count", "miners", s.miners, "");
    lab_input_integer(r, "stakers", "of them with stake at genesis", s.stakers, "");
    lab_input_number(r, "staked", "part of the supply that is staked at genesis", s.staked, "");
    lab_input_integer(r, "blocks", "blocks", s.blocks, "");
    lab_input_integer(r, "seed", "seed", s.seed, "");
    put_phases(r, &b);
    lab_model(r, "the chain's own rewards, epochs, ticket price, boost and difficulty, without a network");
    lab_assume(r, "all miners have the same hash all the time, and stake all that they earn; nobody buys stake");
    lab_assume(r, "%d chains from genesis on; the standard errors come from their differences", BOOTSTRAP_CHAINS);
    if (b.blocks_done < b.blocks_wanted) lab_interrupted(r, b.blocks_done, b.blocks_wanted, "blocks");
    return lab_report_print(c, r);
}

const cli_command lab_command_bootstrap = {
    "lab bootstrap",
    "[OPTIONS]",
    "the first months of a chain with few stakers",
    "Follows a chain from genesis on: some miners have stake, the others earn theirs, and the boost grows over a ramp. "
    "JSON "
    "keys: stakers_share (a list, one number a phase), phases (one object a phase: end, boost, stakers_share, "
    "standard_error, stakers_stake, with_ticket, mean_ratio, worst_gap).",
    "posw lab bootstrap --stakers 3 --ramp 0",
    bootstrap_options,
    0,
    0,
    run_bootstrap,
};
