/* posw lab scarce, posw lab splitting: the ticket window when tickets are few, and whether names matter. */
#include "chain_input.h"
#include "commands.h"
#include "options.h"
#include "posw/u256.h"
#include "rules/shares.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double TICKET_COINS = 100;

/* ---- scarce ---- */

static const cli_option scarce_options[] = {
    {"tickets", "R", NULL, "tickets for each block of the window [a table from 2 to 0.5]"},
    {"boost", "M", "1024", "boost"},
    {"window", "BLOCKS", "2016", "window"},
    {"half-life-blocks", "N", "60", "half-life of the difficulty"},
    {"miners", "N", "200", "miners, whose hash and stake are Pareto distributed alike"},
    {"pareto", "A", "1.5", "exponent of that"},
    {"blocks", "N", "400000", "blocks to count for each line"},
    LAB_RANDOM_OPTIONS,
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

typedef struct {
    posw_params params;
    uint64_t miners, blocks;
    double pareto;
    lab_random_options random;
} scarce;

/* Whole tickets in proportion to the hash, `total` in all: by the largest remainder, as seats are given to parties.
 * rest: memory for `count`. */
static void give_tickets(chain_sim_miner *miners, double *rest, size_t count, uint64_t total) {
    double hash = 0;
    uint64_t given = 0;
    for (size_t i = 0; i < count; i++)
        hash += miners[i].hash;
    for (size_t i = 0; i < count; i++) {
        const double exact = miners[i].hash / hash * (double)total;
        miners[i].stake_wei = lab_wei(floor(exact) * TICKET_COINS);
        rest[i] = exact - floor(exact);
        given += (uint64_t)exact;
    }
    const posw_u256 ticket = lab_wei(TICKET_COINS);
    for (; given < total; given++) {
        size_t best = 0;
        for (size_t i = 1; i < count; i++)
            if (rest[i] > rest[best]) best = i;
        miners[best].stake_wei = posw_u256_add_sat(&miners[best].stake_wei, &ticket);
        rest[best] -= 1;
    }
}

static bool run_line(const scarce *s, double tickets, shares_result *out) {
    chain_sim_miner *miners = calloc(s->miners, sizeof *miners);
    double *rest = calloc(s->miners, sizeof *rest);
    bool ok = miners != NULL && rest != NULL;
    for (size_t i = 0; ok && i < s->miners; i++)
        miners[i] =
            (chain_sim_miner){.hash = pow(((double)i + 0.5) / (double)s->miners, -1 / s->pareto), .identities = 1};
    if (ok) give_tickets(miners, rest, s->miners, (uint64_t)(tickets * (double)s->params.window_blocks + 0.5));
    const shares_setup setup = {
        .chain = {.params = &s->params, .miners = miners, .miner_count = s->miners, .seed = s->random.seed},
        .blocks = s->blocks,
        .threads = s->random.threads,
        .progress = true};
    ok = ok && shares_run(out, &setup);
    free(miners);
    free(rest);
    return ok;
}

static double most_of(const double values[SHARES_CHAINS]) {
    double most = 0;
    for (size_t i = 0; i < SHARES_CHAINS; i++)
        if (values[i] > most) most = values[i];
    return most;
}

static void scarce_row(lab_table *t, double tickets, const shares_result *r) {
    const lab_sample work = shares_over_chains(r, r->effective_work), phi = shares_over_chains(r, r->phi),
                     ratio = shares_over_chains(r, r->mean_ratio),
                     boosted = shares_boosted_blocks(r, 0, r->miner_count);
    lab_cell_number(t, tickets);
    lab_cell_number(t, work.mean);
    lab_cell_number(t, lab_sample_error(&work));
    lab_cell_number(t, phi.mean);
    lab_cell_number(t, boosted.mean);
    lab_cell_number(t, ratio.mean);
    lab_cell_number(t, most_of(r->worst_gap));
}

static void scarce_columns(lab_table *t) {
    lab_column(t, "tickets", "tickets for each block of the window", "");
    lab_column(t, "effective_work", "work against all hash boosted", "");
    lab_column(t, "standard_error", "standard error", "");
    lab_column(t, "phi", "hash that is boosted", "");
    lab_column(t, "boosted_blocks", "blocks that are boosted", "");
    lab_column(t, "mean_ratio", "mean block time / block time", "");
    lab_column(t, "worst_gap", "longest wait", "block times");
}

static bool scarce_read(const cli *c, scarce *s) {
    posw_params *p = &s->params;
    posw_params_default(p);
    p->difficulty_rule = POSW_DIFFICULTY_ASERT;
    if (!cli_u64(c, "boost", 1, LAB_CHAIN_BOOST_MAX, &p->weight.boost) ||
        !cli_u64(c, "window", 16, 65536, &p->window_blocks) ||
        !cli_u64(c, "half-life-blocks", 1, 1 << 24, &p->difficulty_blocks) ||
        !cli_u64(c, "miners", 1, 10000, &s->miners) || !lab_option_number(c, "pareto", 0.1, 100, &s->pareto) ||
        !cli_u64(c, "blocks", SHARES_CHAINS, (uint64_t)1 << 40, &s->blocks) || !lab_option_random(c, &s->random))
        return false;
    p->weight.ticket_price_wei = lab_wei(TICKET_COINS);
    return true;
}

static void scarce_inputs(lab_report *r, const scarce *s) {
    lab_input_integer(r, "boost", "boost", s->params.weight.boost, "");
    lab_input_integer(r, "window", "window", s->params.window_blocks, "blocks");
    lab_input_integer(r, "half_life_blocks", "half-life of the difficulty (asert)", s->params.difficulty_blocks,
                      "blocks");
    lab_input_integer(r, "miner_count", "miners", s->miners, "");
    lab_input_number(r, "pareto", "Pareto exponent of their hash and stake", s->pareto, "");
    lab_input_integer(r, "blocks", "blocks for each line", s->blocks, "");
    lab_input_integer(r, "seed", "seed", s->random.seed, "");
}

static int run_scarce(cli *c) {
    static const double table[] = {2, 1.5, 1.25, 1.1, 1, 0.75, 0.5};
    scarce s;
    double asked = 0;
    if (!scarce_read(c, &s)) return CLI_USAGE;
    if (cli_given(c, "tickets") && !lab_option_number(c, "tickets", 0, 100, &asked)) return CLI_USAGE;
    const bool one = cli_given(c, "tickets");
    const size_t count = one ? 1 : sizeof table / sizeof table[0];
    lab_report *r = lab_report_new("scarce", "What happens when stake is scarce?");
    if (r == NULL) return lab_report_print(c, r);
    scarce_inputs(r, &s);
    lab_table *t = lab_table_new(r, "lines", "By the number of tickets");
    scarce_columns(t);
    uint64_t done = 0;
    for (size_t i = 0; i < count && done == i * (s.blocks / SHARES_CHAINS * SHARES_CHAINS); i++) {
        shares_result result;
        if (!run_line(&s, one ? asked : table[i], &result)) {
            lab_report_free(r);
            return cli_fail("out of memory");
        }
        done += result.blocks_done;
        if (result.blocks_done > 0) scarce_row(t, one ? asked : table[i], &result);
        shares_clear(&result);
    }
    const uint64_t wanted = count * (s.blocks / SHARES_CHAINS * SHARES_CHAINS);
    if (done < wanted) lab_interrupted(r, done, wanted, "blocks");
    lab_model(r, "a chain under the ticket rule with its own window, weights and difficulty, without a network");
    lab_assume(r, "tickets are given in whole ones, in proportion to the hash");
    lab_note(
        r, "with fewer tickets than blocks in the window the chain falls back to plain proof of work as far as they do "
           "not reach; the unlock by time gives tickets back when blocks come late");
    lab_note(
        r,
        "with at most one ticket for each block the boosted blocks at first come in bursts, one a window, which even "
        "out over hundreds of windows: fewer --blocks show a young chain, more of them less work");
    return lab_report_print(c, r);
}

const cli_command lab_command_scarce = {
    "lab scarce",
    "[--tickets R] [OPTIONS]",
    "the ticket rule when stake is scarce",
    "Runs chains whose miners have more or fewer tickets than the window has blocks. JSON keys: lines (one object a "
    "line: "
    "tickets, effective_work, standard_error, phi, boosted_blocks, mean_ratio, worst_gap).",
    "posw lab scarce --boost 64",
    scarce_options,
    0,
    0,
    run_scarce,
};

/* ---- splitting ---- */

static const cli_option splitting_options[] = {
    {"miners", "N", "20", "miners with equal hash and stake, 3 or more"},
    {"stake", "COINS", "20000", "stake of each, in coins"},
    {"blocks", "N", "200000", "blocks to count for each figure"},
    LAB_RANDOM_OPTIONS,
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

enum { CASES = 5 };
/* The first miner divides its stake among so many addresses; 0: it is a pool of two of the miners. */
static const uint32_t split_cases[CASES] = {1, 2, 10, 0, 20};
static const char *const split_names[CASES] = {"whole", "split_2", "split_10", "merged_2", "split_20"};

typedef struct {
    uint64_t miners, blocks;
    double stake;
    lab_random_options random;
} splitting;

static bool run_case(const splitting *s, const posw_params *p, uint32_t identities, lab_sample *out, uint64_t *done) {
    chain_sim_miner *miners = calloc(s->miners, sizeof *miners);
    shares_result result;
    if (miners == NULL) return false;
    const bool merged = identities == 0;
    const size_t count = merged ? s->miners - 1 : s->miners;
    for (size_t i = 0; i < count; i++)
        miners[i] = (chain_sim_miner){.hash = 1, .stake_wei = lab_wei(s->stake), .identities = 1};
    if (merged) {
        miners[0].hash = 2;
        miners[0].stake_wei = lab_wei(2 * s->stake);
    } else {
        miners[0].identities = identities;
        miners[0].stake_wei = posw_u256_div_u64(&miners[0].stake_wei, identities);
    }
    const shares_setup setup = {.chain = {.params = p, .miners = miners, .miner_count = count, .seed = s->random.seed},
                                .blocks = s->blocks,
                                .threads = s->random.threads,
                                .progress = true};
    const bool ok = shares_run(&result, &setup);
    if (ok) {
        *out = shares_of(&result, 0, 1);
        *done += result.blocks_done;
        shares_clear(&result);
    }
    free(miners);
    return ok;
}

static bool splitting_row(lab_table *t, const splitting *s, const char *preset, uint64_t *done) {
    posw_params p;
    lab_sample share[CASES];
    posw_params_default(&p);
    const bool known = posw_params_preset(&p, preset);
    if (known && p.weight.rule == POSW_WEIGHT_TICKET) /* twenty addresses with ten tickets each, or as it comes */
        p.weight.ticket_price_wei = lab_wei(s->stake / 200);
    for (size_t i = 0; i < CASES; i++)
        if (!known || !run_case(s, &p, split_cases[i], &share[i], done)) return false;
    const double equal = 1 / (double)s->miners;
    lab_cell_text(t, preset);
    lab_cell_number(t, lab_sample_mean(&share[0]));
    lab_cell_number(t, lab_sample_error(&share[0]));
    for (size_t i = 1; i < CASES; i++) /* not a number where it was interrupted before */
        lab_cell_number(t, lab_sample_mean(&share[i]) / equal / (split_cases[i] == 0 ? 2 : 1));
    return true;
}

static int run_splitting(cli *c) {
    splitting s;
    uint64_t done = 0, lines = 0;
    if (!cli_u64(c, "miners", 3, 10000, &s.miners) || !lab_option_number(c, "stake", 1, 1e12, &s.stake) ||
        !cli_u64(c, "blocks", SHARES_CHAINS, (uint64_t)1 << 40, &s.blocks) || !lab_option_random(c, &s.random))
        return CLI_USAGE;
    lab_report *r = lab_report_new("splitting", "Does it pay to split or to pool stake?");
    if (r == NULL) return lab_report_print(c, r);
    lab_input_integer(r, "miner_count", "equal miners", s.miners, "");
    lab_input_number(r, "stake", "stake of each", s.stake, "coins");
    lab_input_integer(r, "blocks", "blocks for each figure", s.blocks, "");
    lab_input_integer(r, "seed", "seed", s.random.seed, "");
    lab_table *t = lab_table_new(r, "rules", "Blocks of one miner, against a share like the others'");
    lab_column(t, "rule", "rule", "");
    lab_column(t, "whole_share", "share, like the others", "");
    lab_column(t, "standard_error", "standard error", "");
    for (size_t i = 1; i < CASES; i++)
        lab_column(t, split_names[i], split_names[i], "times");
    const uint64_t each = CASES * (s.blocks / SHARES_CHAINS * SHARES_CHAINS);
    for (const char *const *preset = posw_params_presets(); *preset != NULL; preset++, lines++) {
        if (done != lines * each) continue; /* interrupted: only counted */
        if (splitting_row(t, &s, *preset, &done)) continue;
        lab_report_free(r);
        return cli_fail("out of memory");
    }
    if (done < lines * each) lab_interrupted(r, done, lines * each, "blocks");
    lab_model(
        r, "equal miners on the rules of each preset; the first one divides its stake among 2, 10 or 20 addresses and "
           "points its hash at the best of them, or is a pool of two (shown for each of the two)");
    lab_assume(r, "a ticket costs 1/200 of each miner's stake under the rules with tickets");
    lab_note(r, "1 means that the name makes no difference; below, splitting costs; above, it pays");
    return lab_report_print(c, r);
}

const cli_command lab_command_splitting = {
    "lab splitting",
    "[OPTIONS]",
    "whether it pays to split or to pool stake",
    "Compares, under each preset, one miner whole, split among several addresses, and pooled with another one. JSON "
    "keys: "
    "rules (one object a preset: rule, whole_share, standard_error, split_2, split_10, split_20, merged_2).",
    "posw lab splitting --miners 50",
    splitting_options,
    0,
    0,
    run_splitting,
};
