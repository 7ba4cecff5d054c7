/* posw lab difficulty, posw lab timestamps */
#include "commands.h"
#include "difficulty_files.h"
#include "options.h"
#include "posw/difficulty.h"
#include "posw/u256.h"
#include "rules/difficulty_sim.h"

#include <stddef.h>
#include <string.h>

/* In the order of enum posw_difficulty_rule. */
static const char *const rules[] = {"asert", "fixed", "lwma3", "bitcoin2016", "homestead", "step", "asert-lag", NULL};
/* After them those of other chains, in the order of enum difficulty_other_rule, with the N of each where nothing is
 * said. */
static const char *const all_rules[] = {"asert",     "fixed", "lwma3", "bitcoin2016", "homestead", "step",
                                        "asert-lag", "sma",   "cw144", "wtema",       "lwma1",     NULL};
static const uint64_t other_blocks[] = {DIFFICULTY_CW144_BLOCKS, DIFFICULTY_CW144_BLOCKS, 87, 60};
enum { OTHER_RULES = 7 };
static const char *const scenarios[] = {"constant", "on-off", "rented", NULL};
enum { FINE_BLOCK_TIME_S = 3600 };

static const cli_option difficulty_options[] = {
    {"rule", "RULE", "asert-lag",
     "asert-lag, asert, fixed, lwma3, bitcoin2016, homestead or step; with --next also byzantium but not fixed; only "
     "for comparison, "
     "since no "
     "chain of this kit can have them: sma, cw144, wtema or lwma1. --check and --next alone: asert"},
    {"half-life-blocks", "N", NULL,
     "half-life of asert [144] and asert-lag [1008], window of lwma3 and lwma1 [60], interval of bitcoin2016 [2016], "
     "window of sma [144], "
     "length of wtema [87]"},
    {"block-time", "SECONDS", NULL, "a chain with this block time and headers in whole seconds [time is fine]"},
    {"scenario", "NAME", "constant", "constant, on-off or rented"},
    {"on", "X", "1.30", "on-off: the attacker starts when the difficulty is below X times that of the base"},
    {"off", "X", "1.35", "on-off: it stops above X times"},
    {"factor", "X", "6", "on-off, rented: hash of the attacker in parts of the base's"},
    {"duration", "BLOCKS", "60", "rented: for how many blocks the hash is there"},
    {"every", "BLOCKS", "2016", "rented: after how many it comes again"},
    {"blocks", "N", "5000000", "blocks to count, after the chains have settled"},
    {"check", "RUNFILE", NULL, "asert: compare with an official run file of aserti3-2d"},
    {"next", "FILE", NULL, "compute the next difficulty for the cases of a JSON file"},
    LAB_RANDOM_OPTIONS,
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

/* ---- simulations ---- */

/* A rule of another chain: the parameters then stand for the block time alone. */
static bool read_other(const cli *c, size_t rule, difficulty_other *other) {
    enum { BLOCKS_MIN = 2 };
    *other = (difficulty_other){(enum difficulty_other_rule)rule, other_blocks[rule]};
    if (!cli_given(c, "half-life-blocks")) return true;
    if (other->rule == DIFFICULTY_CW144)
        return cli_usage(c, "the rule cw144 has no --half-life-blocks: it looks at 144 blocks"), false;
    return cli_u64(c, "half-life-blocks", BLOCKS_MIN, DIFFICULTY_OTHER_BLOCKS_MAX, &other->blocks);
}

/* *has_other: the rule is `other`, and p has the rule fixed. */
static bool read_rule(const cli *c, posw_params *p, difficulty_other *other, bool *has_other) {
    size_t rule;
    uint64_t block_time_s = FINE_BLOCK_TIME_S;
    posw_params_default(p);
    if (!lab_option_choice(c, "rule", all_rules, &rule)) return false;
    *has_other = rule >= OTHER_RULES;
    p->difficulty_rule = *has_other ? POSW_DIFFICULTY_FIXED : (enum posw_difficulty_rule)rule;
    p->window_blocks = 65536; /* no limit to the length of a rule but P2's */
    p->difficulty_blocks = posw_difficulty_blocks_default(p->difficulty_rule, p->window_blocks);
    if (cli_given(c, "block-time") && !cli_u64(c, "block-time", 1, 3600, &block_time_s)) return false;
    p->block_time_s = block_time_s;
    if (*has_other) return read_other(c, rule - OTHER_RULES, other);
    if (!cli_given(c, "half-life-blocks")) return true;
    if (!posw_difficulty_has_blocks(p->difficulty_rule)) {
        (void)cli_usage(c, "the rule %s has no --half-life-blocks", rules[rule]);
        return false;
    }
    return cli_u64(c, "half-life-blocks", posw_difficulty_blocks_min(p->difficulty_rule),
                   posw_difficulty_blocks_max(p->difficulty_rule, p->window_blocks), &p->difficulty_blocks);
}

static bool read_scenario(const cli *c, difficulty_setup *s) {
    size_t scenario;
    if (!lab_option_choice(c, "scenario", scenarios, &scenario) || !lab_option_number(c, "on", 0, 1e6, &s->on) ||
        !lab_option_number(c, "off", 0, 1e6, &s->off) || !lab_option_number(c, "factor", 1e-6, 1e6, &s->factor) ||
        !cli_u64(c, "every", 1, 1 << 30, &s->every) || !cli_u64(c, "duration", 0, 1 << 30, &s->duration) ||
        !cli_u64(c, "blocks", DIFFICULTY_CHAINS, (uint64_t)1 << 40, &s->blocks))
        return false;
    static const char *const of_on_off[] = {"on", "off", NULL}, *const of_rented[] = {"duration", "every", NULL},
                             *const of_both[] = {"factor", NULL};
    s->scenario = (enum difficulty_scenario)scenario;
    if ((s->scenario != DIFFICULTY_ON_OFF && !lab_option_absent(c, of_on_off, "--scenario on-off")) ||
        (s->scenario != DIFFICULTY_RENTED && !lab_option_absent(c, of_rented, "--scenario rented")) ||
        (s->scenario == DIFFICULTY_CONSTANT && !lab_option_absent(c, of_both, "--scenario on-off or rented")))
        return false;
    if (s->on <= s->off) return true;
    (void)cli_usage(c, "--on must not be above --off");
    return false;
}

static void estimate(lab_report *r, const difficulty_result *d, size_t offset, const char *key, const char *label,
                     const char *unit) {
    const lab_sample s = difficulty_over_chains(d, offset);
    lab_estimate(r, key, label, lab_sample_mean(&s), lab_sample_error(&s), unit);
}

static double worst_gap(const difficulty_result *d) {
    double worst = 0;
    for (size_t i = 0; i < DIFFICULTY_CHAINS; i++)
        if (d->chains[i].worst_gap > worst) worst = d->chains[i].worst_gap;
    return worst;
}

#define PUT(key, label, unit) estimate(r, d, offsetof(difficulty_chain, key), #key, label, unit)

static void put_chain(lab_report *r, const difficulty_setup *s, bool fine) {
    const posw_params *p = s->params;
    lab_input_text(r, "rule", "rule",
                   s->other != NULL ? all_rules[OTHER_RULES + s->other->rule]
                                    : posw_difficulty_name(p->difficulty_rule));
    if (s->other != NULL)
        lab_input_integer(r, "half_life_blocks", "window or length", s->other->blocks, "blocks");
    else if (posw_difficulty_has_blocks(p->difficulty_rule))
        lab_input_integer(r, "half_life_blocks",
                          posw_difficulty_has_half_life(p->difficulty_rule) ? "half-life" : "window or interval",
                          p->difficulty_blocks, "blocks");
    if (!fine) lab_input_integer(r, "block_time", "block time", p->block_time_s, "s");
}

/* The mean in seconds: where a block time was given, and for homestead at its own bucket of 10 s. */
static void put_seconds(lab_report *r, const difficulty_result *d, const posw_params *p, bool fine) {
    const lab_sample s = difficulty_over_chains(d, offsetof(difficulty_chain, mean_ratio));
    const double mean_s = s.mean * (double)p->block_time_s, error_s = lab_sample_error(&s) * (double)p->block_time_s;
    if (!fine)
        lab_estimate(r, "mean_seconds", "mean block time", mean_s, error_s, "s");
    else if (p->difficulty_rule == POSW_DIFFICULTY_HOMESTEAD) {
        const double bucket_s = (double)(6931 * p->block_time_s / 10000) / 10; /* D6 */
        lab_estimate(r, "mean_seconds", "mean block time with Ethereum's steps of 10 s", mean_s / bucket_s,
                     error_s / bucket_s, "s");
    }
}

static void put_figures(lab_report *r, const difficulty_result *d, const difficulty_setup *s, bool fine) {
    lab_integer(r, "blocks_counted", "blocks counted", d->blocks_done, "");
    PUT(mean_ratio, "mean block time / block time", "");
    put_seconds(r, d, s->params, fine);
    PUT(difficulty_sd, "standard deviation of the difficulty / mean", "");
    PUT(p_below_goal, "blocks that come sooner than the block time", "");
    PUT(p_slow, "blocks that take more than 6 block times", "");
    PUT(delay_percent, "delay: beyond 2 block times, of such blocks, for each block", "%");
    lab_number(r, "worst_gap", "longest wait", worst_gap(d), "block times");
    if (s->scenario == DIFFICULTY_CONSTANT) {
        lab_number(r, "attacker_advantage", "advantage of an attacker", NAN, "");
        return;
    }
    PUT(attacker_advantage, "blocks for each hash of the attacker / of the base", "");
    PUT(attacker_share, "attacker's share of the blocks", "");
    PUT(attacker_time, "time in which it mines", "");
}

static void put_scenario(lab_report *r, const difficulty_setup *s) {
    lab_input_text(r, "scenario", "scenario", scenarios[s->scenario]);
    if (s->scenario == DIFFICULTY_CONSTANT) return;
    lab_input_number(r, "factor", "attacker's hash / base", s->factor, "");
    if (s->scenario == DIFFICULTY_ON_OFF) {
        lab_input_number(r, "on", "it starts below a difficulty of", s->on, "of the base");
        lab_input_number(r, "off", "it stops above", s->off, "of the base");
    } else {
        lab_input_integer(r, "duration", "it mines for", s->duration, "blocks");
        lab_input_integer(r, "every", "of each", s->every, "blocks");
    }
}

static void put_model(lab_report *r, const difficulty_setup *s, bool fine) {
    if (s->other != NULL)
        lab_model(r,
                  "two parties race for each block, at the rate hash / difficulty, under a rule of other chains, which "
                  "no chain of this kit can have: it is here to be compared with theirs");
    else
        lab_model(r, "two parties race for each block, at the rate hash / difficulty; each difficulty is that of the "
                     "consensus code, for the block's number, ancestors and own timestamp");
    if (fine)
        lab_assume(r,
                   "time is fine: the rule runs with a block time of %d s, so that whole seconds in headers do not "
                   "matter",
                   FINE_BLOCK_TIME_S);
    else
        lab_assume(r, "headers carry whole seconds, rounded down, and at least one more than the parent's");
    if (s->scenario == DIFFICULTY_ON_OFF)
        lab_assume(r,
                   "the difficulty of the base is that at which the rule stands when the base mines alone, %.3g times "
                   "that which gives it the block time",
                   difficulty_of_base(s->params));
    lab_assume(r,
               "%d chains, each counted after %llu blocks of settling; the standard errors come from their "
               "differences",
               DIFFICULTY_CHAINS, (unsigned long long)difficulty_settling(s));
}

static int run_simulation(const cli *c) {
    difficulty_setup s = {.progress = true};
    difficulty_result d;
    posw_params p;
    difficulty_other other;
    bool has_other;
    lab_random_options random;
    if (!read_rule(c, &p, &other, &has_other) || !read_scenario(c, &s) || !lab_option_random(c, &random))
        return CLI_USAGE;
    const bool fine = !cli_given(c, "block-time");
    s.params = &p;
    s.other = has_other ? &other : NULL;
    s.seed = random.seed;
    s.threads = random.threads;
    if (!difficulty_run(&d, &s)) return cli_fail("out of memory");
    lab_report *r = lab_report_new("difficulty", "How does the difficulty rule take it?");
    if (r == NULL) return lab_report_print(c, r);
    put_chain(r, &s, fine);
    put_scenario(r, &s);
    lab_input_integer(r, "blocks", "blocks", s.blocks, "");
    lab_input_integer(r, "seed", "seed", s.seed, "");
    put_figures(r, &d, &s, fine);
    put_model(r, &s, fine);
    if (d.blocks_done < s.blocks / DIFFICULTY_CHAINS * DIFFICULTY_CHAINS)
        lab_interrupted(r, d.blocks_done, s.blocks, "blocks");
    return lab_report_print(c, r);
}

/* ---- files ---- */

/* Official runs and most files of cases are of asert. */
static const char *rule_of_file(const cli *c) {
    return cli_given(c, "rule") ? cli_text(c, "rule") : "asert";
}

static int run_check(const cli *c) {
    uint64_t lines, mismatches;
    if (strcmp(rule_of_file(c), "asert") != 0) return cli_usage(c, "--check is for the rule asert");
    const int code = lab_asert_check(c, cli_text(c, "check"), &lines, &mismatches);
    if (code != CLI_OK) return code;
    lab_report *r = lab_report_new("difficulty", "Does ASERT agree with an official run?");
    if (r == NULL) return lab_report_print(c, r);
    lab_input_text(r, "rule", "rule", "asert");
    lab_integer(r, "lines", "lines", lines, "");
    lab_integer(r, "mismatches", "lines that differ", mismatches, "");
    lab_model(r,
              "the consensus code's formula for each line, with Bitcoin Cash's block time of 600 s, half-life of two "
              "days and greatest target 0x1d00ffff; the results are compared in compact form");
    return lab_report_print(c, r);
}

static int run_difficulty(cli *c) {
    if (cli_given(c, "check") && cli_given(c, "next")) return cli_usage(c, "give --check or --next");
    if (cli_given(c, "check")) return run_check(c);
    if (cli_given(c, "next")) return lab_difficulty_next(c, rule_of_file(c), cli_text(c, "next"));
    return run_simulation(c);
}

const cli_command lab_command_difficulty = {
    "lab difficulty",
    "--rule RULE [--scenario NAME] [OPTIONS]",
    "a difficulty rule under hash power that comes and goes",
    "Runs a difficulty rule under a scenario: hash power that stays (constant), a miner who jumps in while the "
    "difficulty "
    "is low (on-off), or hash that is rented at times. JSON keys: mean_ratio, difficulty_sd, p_below_goal, p_slow, "
    "delay_percent, attacker_advantage, attacker_share, attacker_time, worst_gap, and mean_seconds under homestead or "
    "with --block-time. With --check: lines, mismatches. With --next FILE: difficulty (of the last case), cases (one "
    "object a case, with difficulty, expected and matches) and mismatches; the file is a JSON object or a list of "
    "them, "
    "whose keys doc/lab.md gives.",
    "posw lab difficulty --rule asert --half-life-blocks 60 --scenario on-off --on 1.0 --off 1.3 --factor 10",
    difficulty_options,
    0,
    0,
    run_difficulty,
};

/* ---- lies about the time ---- */

static const cli_option timestamps_options[] = {
    {"rule", "RULE", "all", "asert, asert-lag, fixed, lwma3, bitcoin2016, homestead, step or all"},
    {"share", "X", "0.25", "the liar's share of the hash, above 0 and below 1"},
    {"lead", "SECONDS", NULL, "how far ahead of the clock it writes [the limit: 2 block times, at least 15 s]"},
    {"block-time", "SECONDS", "15", "block time"},
    {"blocks", "N", "500000", "blocks to count for each rule"},
    LAB_RANDOM_OPTIONS,
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static void timestamps_columns(lab_table *t) {
    lab_column(t, "rule", "rule", "");
    lab_column(t, "attacker_share", "liar's share of the blocks", "");
    lab_column(t, "standard_error", "standard error", "");
    lab_column(t, "attacker_advantage", "blocks for each hash / of the honest", "");
    lab_column(t, "mean_ratio", "mean block time / block time", "");
    lab_column(t, "difficulty_sd", "spread of the difficulty", "");
}

static void timestamps_row(lab_table *t, const char *rule, const difficulty_result *d) {
    static const size_t offsets[] = {offsetof(difficulty_chain, attacker_advantage),
                                     offsetof(difficulty_chain, mean_ratio), offsetof(difficulty_chain, difficulty_sd)};
    const lab_sample share = difficulty_over_chains(d, offsetof(difficulty_chain, attacker_share));
    lab_cell_text(t, rule);
    lab_cell_number(t, lab_sample_mean(&share));
    lab_cell_number(t, lab_sample_error(&share));
    for (size_t i = 0; i < 3; i++) {
        const lab_sample s = difficulty_over_chains(d, offsets[i]);
        lab_cell_number(t, lab_sample_mean(&s));
    }
}

static bool timestamps_rules(const cli *c, size_t *first, size_t *end) {
    static const char *const names[] = {"asert", "fixed",     "lwma3", "bitcoin2016", "homestead",
                                        "step",  "asert-lag", "all",   NULL};
    enum { ALL = 7 };
    size_t rule;
    if (!lab_option_choice(c, "rule", names, &rule)) return false;
    *first = rule == ALL ? 0 : rule;
    *end = rule == ALL ? ALL : rule + 1;
    return true;
}

static int run_timestamps(cli *c) {
    difficulty_setup s = {.progress = true, .scenario = DIFFICULTY_TIMESTAMP};
    lab_random_options random;
    posw_params p;
    double share;
    size_t first, end;
    posw_params_default(&p);
    p.window_blocks = 65536;
    if (!timestamps_rules(c, &first, &end) || !lab_option_number(c, "share", 0.001, 0.999, &share) ||
        !cli_u64(c, "block-time", 1, 3600, &p.block_time_s) ||
        !cli_u64(c, "blocks", DIFFICULTY_CHAINS, (uint64_t)1 << 40, &s.blocks) || !lab_option_random(c, &random))
        return CLI_USAGE;
    s.lead_s = 2 * p.block_time_s > 15 ? 2 * p.block_time_s : 15; /* T2 */
    if (cli_given(c, "lead") && !cli_u64(c, "lead", 0, 1000000, &s.lead_s)) return CLI_USAGE;
    s.params = &p;
    s.seed = random.seed;
    s.threads = random.threads;
    s.factor = share / (1 - share);
    lab_report *r = lab_report_new("timestamps", "What does a miner gain who writes times ahead of the clock?");
    if (r == NULL) return lab_report_print(c, r);
    lab_input_number(r, "hash_share", "liar's share of the hash", share, "");
    lab_input_integer(r, "lead", "ahead of the clock", s.lead_s, "s");
    lab_input_integer(r, "block_time", "block time", p.block_time_s, "s");
    lab_input_integer(r, "blocks", "blocks for each rule", s.blocks, "");
    lab_input_integer(r, "seed", "seed", s.seed, "");
    lab_table *t = lab_table_new(r, "rules", "Difficulty rules");
    timestamps_columns(t);
    uint64_t done = 0;
    for (size_t i = first; i < end; i++) {
        difficulty_result d;
        p.difficulty_rule = (enum posw_difficulty_rule)i;
        p.difficulty_blocks = posw_difficulty_blocks_default(p.difficulty_rule, p.window_blocks);
        if (!difficulty_run(&d, &s)) {
            lab_report_free(r);
            return cli_fail("out of memory");
        }
        done += d.blocks_done;
        if (d.blocks_done > 0) timestamps_row(t, rules[i], &d);
        if (d.blocks_done < s.blocks / DIFFICULTY_CHAINS * DIFFICULTY_CHAINS) break;
    }
    const uint64_t wanted = s.blocks / DIFFICULTY_CHAINS * DIFFICULTY_CHAINS * (end - first);
    if (done < wanted) lab_interrupted(r, done, wanted, "blocks");
    lab_model(
        r, "two parties race for each block; the liar's timestamp is that far ahead of the clock in every block, the "
           "honest one's is the clock, and at least one second after the parent");
    lab_assume(r, "the difficulty is that of the consensus code for the timestamp that is written");
    lab_note(
        r,
        "under homestead and step a block's own time sets its own difficulty, so that the liar mines at a lower one, "
        "and honest miners who follow at a higher one");
    return lab_report_print(c, r);
}

const cli_command lab_command_timestamps = {
    "lab timestamps",
    "[--rule RULE] [OPTIONS]",
    "what a miner gains by false timestamps",
    "Compares the difficulty rules against a miner who writes times ahead of the clock, as far as nodes accept it. "
    "JSON "
    "keys: rules (one object a rule: rule, attacker_share, standard_error, attacker_advantage, mean_ratio, "
    "difficulty_sd).",
    "posw lab timestamps --rule step --share 0.25",
    timestamps_options,
    0,
    0,
    run_timestamps,
};
