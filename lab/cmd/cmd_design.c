/* posw lab design */
#include "chain/chainfile.h"
#include "chain_input.h"
#include "commands.h"
#include "exact/attack.h"
#include "options.h"
#include "posw/economy.h"
#include "posw/u256.h"
#include "rules/fairness.h"
#include "rules/hasty.h"
#include "scenario_file.h"
#include "score/design.h"
#include "score/score.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const cli_option options[] = {
    {"supply", "COINS", NULL, "coins in existence [10000000]"},
    {"price", "USD", NULL, "price of a coin [1]"},
    {"issuance", "X", NULL, "new coins of a year, in parts of the supply [0.05]"},
    {"miners", "N", NULL, "miners that are expected [200]"},
    {"staked", "X", NULL, "part of the supply that they stake [0.4]"},
    {"rentable-hash", "X", NULL, "hash for rent, over the hash of all miners [the scenario's, else 1]"},
    {"block-time", "SECONDS", "15",
     "time between blocks, 2 to 3600: timestamps rise by a second, so that at 1 no block could be early"},
    {"value-at-risk", "USD", NULL, "a payment that must be safe [the scenario's, else 10000]"},
    {"delta", "D", NULL, "fall of the coin's price when an attack is known [0.3]"},
    {"notice", "HOURS", "24", "after which an attack is known"},
    {"scenario", "FILE", "ten-million", "what is not given here: a scenario file, or one that is built in"},
    {"weights", "LIST", NULL,
     "weights of the objective: waiting=1,entry=0.5,boost=0.1,small=4,electricity=2,difficulty=10,locks=0.5"},
    {"months", "N", "2", "months of small miners' income, simulated for the choice and the defaults"},
    {"name", "NAME", "My Chain", "name of the chain"},
    {"ticker", "TICKER", "COIN", "symbol of the coin"},
    {"chain-id", "N", "424242", "a number no other chain uses"},
    {"difficulty", "N", "16384",
     "difficulty of the first blocks: hashes a second of the first miners, times the block time, times the boost if "
     "they have tickets"},
    {"timestamp", "SECONDS", NULL, "of the first block, since 1970 [0 in the report; now in --out]"},
    {"out", "FILE", NULL, "write the chain file"},
    {"force", NULL, NULL, "overwrite it"},
    LAB_RANDOM_OPTIONS,
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

typedef struct {
    design_setup setup;
    score_setup simulation;
    posw_chain_spec spec;
    bool has_time;
} question;

/* ---- reading ---- */

/* An option in place of what the scenario says, which has wider limits. */
static bool override(const cli *c, const char *name, double min, double max, double *out) {
    if (cli_given(c, name)) return lab_option_number(c, name, min, max, out);
    if (!(*out < min || *out > max)) return true; /* also where it is not known */
    (void)cli_usage(c, "--scenario %s has %g: give --%s, a number from %g to %g", cli_text(c, "scenario"), *out, name,
                    min, max);
    return false;
}

static bool read_weights(const cli *c, double weights[DESIGN_TERMS]) {
    const char **list = cli_list(c, "weights");
    bool ok = true;
    memcpy(weights, design_term_weights, sizeof design_term_weights);
    for (size_t i = 0; ok && list != NULL && list[i] != NULL; i++) {
        const char *equals = strchr(list[i], '=');
        size_t term = 0;
        char *end = NULL;
        while (term < DESIGN_TERMS &&
               (equals == NULL || strlen(design_term_names[term]) != (size_t)(equals - list[i]) ||
                strncmp(design_term_names[term], list[i], (size_t)(equals - list[i])) != 0))
            term++;
        const double v = term < DESIGN_TERMS ? strtod(equals + 1, &end) : -1;
        ok = end != NULL && end != equals + 1 && *end == '\0' && v >= 0 && v <= 1e6;
        if (ok)
            weights[term] = v;
        else
            cli_usage(c,
                      "--weights: write TERM=NUMBER with waiting, entry, boost, small, electricity, difficulty or "
                      "locks, not '%s'",
                      list[i]);
    }
    free(list);
    return ok;
}

static bool read_economy(const cli *c, design_setup *s) {
    lab_scenario_file file;
    double miners;
    if (!lab_scenario_open(c, "--scenario", cli_text(c, "scenario"), &file)) return false;
    s->scenario = file.scenario;
    miners = s->scenario.miners;
    if (!override(c, "supply", 1, 1e15, &s->scenario.supply) ||
        !override(c, "price", 1e-12, 1e12, &s->scenario.price_usd) ||
        !override(c, "issuance", 0, 10, &s->scenario.issuance_per_year) ||
        !override(c, "miners", 1, FAIRNESS_MINERS_MAX, &miners) ||
        !override(c, "staked", 0.001, 1, &s->scenario.staked_share) ||
        !override(c, "delta", 0, 1, &s->scenario.delta) ||
        !override(c, "rentable-hash", 0, 1000, &s->scenario.rentable_hash_ratio) ||
        !override(c, "value-at-risk", 1, 1e15, &s->scenario.value_at_risk_usd))
        return false;
    if (isnan(s->scenario.rentable_hash_ratio)) s->scenario.rentable_hash_ratio = 1;
    if (isnan(s->scenario.value_at_risk_usd)) s->scenario.value_at_risk_usd = 10000;
    s->scenario.miners = (unsigned)miners;
    if (miners != floor(miners)) return cli_usage(c, "--miners must be a whole number, not %g", miners), false;
    return true;
}

static bool read_question(const cli *c, question *q) {
    lab_random_options random;
    uint64_t block_time, months;
    if (!read_economy(c, &q->setup) || !read_weights(c, q->setup.weights) ||
        !cli_u64(c, "block-time", 2, 3600, &block_time) || /* no block can come early at 1 s (T1) */
        !lab_option_number(c, "notice", 0, 8766, &q->setup.notice_hours) || !cli_u64(c, "months", 2, 1200, &months) ||
        !lab_option_random(c, &random))
        return false;
    q->setup.block_time_s = block_time;
    q->setup.seed = random.seed;
    q->setup.threads = random.threads;
    q->simulation = (score_setup){.months = months, .seed = random.seed, .threads = random.threads};
    return true;
}

static int copy_name(const cli *c, const char *option, char *out, size_t size) {
    const char *text = cli_text(c, option);
    if (strlen(text) >= size) return cli_usage(c, "--%s is longer than %zu bytes", option, size - 1);
    memcpy(out, text, strlen(text) + 1);
    return CLI_OK;
}

static int read_spec(const cli *c, question *q) {
    int code = copy_name(c, "name", q->spec.name, sizeof q->spec.name);
    if (code == CLI_OK) code = copy_name(c, "ticker", q->spec.ticker, sizeof q->spec.ticker);
    posw_params_default(&q->spec.params);
    q->has_time = cli_given(c, "timestamp");
    if (code == CLI_OK && (!cli_u64(c, "chain-id", 1, 2147483629, &q->spec.params.chain_id) ||
                           (q->has_time && !cli_u64(c, "timestamp", 0, UINT32_MAX, &q->spec.params.genesis_time))))
        code = CLI_USAGE;
    const char *difficulty = cli_text(c, "difficulty");
    if (code == CLI_OK && !posw_u256_parse(&q->spec.params.genesis_difficulty, difficulty, strlen(difficulty)))
        code = cli_usage(c, "--difficulty must be a whole number, not '%s'", difficulty);
    return code;
}

/* ---- the chain file ---- */

/* The rules of the design, with as many new coins a block as the issuance says, for ever. */
static void fill_spec(posw_chain_spec *spec, const question *q, const posw_params *chosen) {
    const lab_scenario *s = &q->setup.scenario;
    const uint64_t id = spec->params.chain_id, time = spec->params.genesis_time;
    const double blocks_per_year = LAB_HOURS_PER_YEAR * 3600 / (double)chosen->block_time_s;
    const posw_u256 difficulty = spec->params.genesis_difficulty;
    spec->params = *chosen;
    spec->params.genesis_difficulty = difficulty;
    spec->params.chain_id = id;
    spec->params.genesis_time = time;
    spec->params.reward_initial_wei = lab_wei(s->supply * s->issuance_per_year / blocks_per_year);
    spec->params.reward_tail_wei = spec->params.reward_initial_wei;
    spec->params.halving_blocks = 0;
}

static bool file_text(posw_buf *out, const posw_chain_spec *spec) {
    posw_buf_reset(out);
    posw_chainfile_write(out, spec);
    posw_buf_byte(out, 0);
    return !out->failed;
}

/* What is written must be what `posw chain check` accepts. */
static int check_spec(const cli *c, const posw_buf *text) {
    posw_chain_spec again = {0};
    posw_message msg = {""};
    const int err = posw_chainfile_read(&again, (const char *)text->data, text->size - 1, &msg);
    if (err != POSW_OK) return cli_usage(c, "the chain file would not be valid: %s", msg.text);
    posw_chain_spec_clear(&again);
    return CLI_OK;
}

/* Before the search: it takes a while. What does not hang on the design is looked at in a file with the defaults. */
static int check_before(const cli *c, const question *q) {
    const char *path = cli_text(c, "out");
    posw_chain_spec spec = q->spec;
    posw_params p;
    posw_buf text = {0};
    if (path != NULL && !cli_switch(c, "force") && access(path, F_OK) == 0)
        return cli_fail("%s exists already; choose another name, or overwrite it with --force", path);
    posw_params_default(&p);
    p.block_time_s = q->setup.block_time_s;
    fill_spec(&spec, q, &p);
    const int code = file_text(&text, &spec) ? check_spec(c, &text) : cli_fail("out of memory");
    posw_buf_clear(&text);
    return code;
}

static int write_file(const cli *c, question *q, posw_buf *text) {
    const char *path = cli_text(c, "out");
    posw_chain_spec spec = q->spec;
    if (!q->has_time) spec.params.genesis_time = (uint64_t)time(NULL);
    if (!file_text(text, &spec)) return cli_fail("out of memory");
    FILE *f = fopen(path, cli_switch(c, "force") ? "wb" : "wbx");
    if (f == NULL && errno == EEXIST)
        return cli_fail("%s exists already by now; choose another name, or overwrite it with --force", path);
    const bool opened = f != NULL;
    bool ok = opened && fwrite(text->data, 1, text->size - 1, f) == text->size - 1;
    if (opened && fclose(f) != 0) ok = false;
    return ok ? CLI_OK : cli_fail("cannot write %s: %s", path, strerror(errno));
}

/* ---- the report ---- */

/* The cheapest, with true or false times. */
static lab_attack_route attack_of(const question *q, const posw_params *p, double depth, double delta, double staked) {
    lab_scenario s = design_scenario(&q->setup, p);
    lab_attack_result a;
    lab_attack_route hasty;
    lab_rule rule;
    size_t blocks;
    lab_rule_of(&rule, p);
    if (!isnan(delta)) s.delta = delta;
    s.staked_share *= staked;
    if (!lab_attack(&rule, &s, depth, &a) || !lab_hasty_attack(&rule, &s, depth, &hasty, &blocks))
        return (lab_attack_route){.cost = NAN};
    return hasty.cost < a.best.cost ? hasty : a.best;
}

static void put_inputs(lab_report *r, const question *q) {
    const lab_scenario *s = &q->setup.scenario;
    lab_input_number(r, "supply", "supply", s->supply, "coins");
    lab_input_number(r, "price", "price of a coin", s->price_usd, "USD");
    lab_input_number(r, "issuance", "issuance a year", s->issuance_per_year, "");
    lab_input_integer(r, "miners", "miners", s->miners, "");
    lab_input_number(r, "staked", "staked", s->staked_share, "");
    lab_input_number(r, "rentable_hash", "hash for rent / hash of all miners", s->rentable_hash_ratio, "");
    lab_input_integer(r, "block_time", "block time", q->setup.block_time_s, "s");
    lab_input_number(r, "value_at_risk", "value at risk", s->value_at_risk_usd, "USD");
    lab_input_number(r, "delta", "price loss of an attacker's coins", s->delta, "");
    lab_input_number(r, "notice", "an attack is known after", q->setup.notice_hours, "h");
    lab_input_integer(r, "seed", "seed", q->setup.seed, "");
}

static void put_choice(lab_report *r, const design_result *d, const design_loss *loss, const score *simulated) {
    const design *b = &d->best[0];
    const posw_params *p = &b->params;
    lab_integer(r, "boost", "boost", p->weight.boost, "");
    lab_integer(r, "window", "window", p->window_blocks, "blocks");
    lab_integer(r, "slots", "slots", p->weight.slots, "");
    lab_integer(r, "epoch", "epoch", p->epoch_blocks, "blocks");
    lab_integer(r, "unbonding", "unbonding", p->unbonding_blocks, "blocks");
    lab_integer(r, "max_reorg", "deepest automatic reorg", p->reorg_max_blocks, "blocks");
    lab_integer(r, "half_life", "half-life of the difficulty", p->difficulty_blocks, "blocks");
    lab_number(r, "objective", "objective (fewer points are better)", b->points, "points");
    lab_number(r, "objective_default", "objective of the defaults", d->standard.points, "points");
    lab_bool(r, "beats_default", "better than the defaults", b->points < d->standard.points);
    lab_integer(r, "designs", "designs that were judged", d->searched, "");
    lab_number(r, "safe_blocks", "confirmations for the value at risk", b->safe_blocks, "blocks");
    lab_number(r, "safe_hours", "which take", b->safe_blocks * (double)p->block_time_s / 3600, "h");
    lab_number(r, "false_times_safe_blocks", "against attacks with false times, too", b->wait_blocks, "blocks");
    lab_number(r, "false_times_safe_hours", "which take", b->wait_hours, "h");
    lab_number(r, "loss_share", "when this part of the hash power has left", loss->share, "");
    lab_number(r, "loss_safe_blocks", "confirmations for it, against branches from before", loss->wait_blocks,
               "blocks");
    lab_number(r, "loss_attack_blocks", "blocks of a branch that outweighs the usual confirmations", loss->blocks,
               "blocks");
    lab_number(r, "loss_cost_usd", "which costs", loss->cost, "USD");
    lab_number(r, "ticket_usd", "price of a ticket", b->ticket_usd, "USD");
    lab_number(r, "stake_minimum", "least stake", lab_coins(&p->stake_min_wei), "coins");
    lab_number(r, "hash_reward_share", "reward spent on hash", b->hash_share, "");
    lab_number(r, "late_days", "days late when rented hash leaves", b->late_days, "days");
    lab_number(r, "lock_days", "stake is locked for", b->lock_days, "days");
    lab_number(r, "small_earnings", "earnings of the poorest tenth / wealth, with 0.6 to 1.4 times the stake",
               b->small_earnings, "");
    lab_estimate(r, "small_earnings_simulated", "the same, simulated with the expected stake",
                 lab_sample_mean(&simulated->small_earnings), lab_sample_error(&simulated->small_earnings), "");
    lab_estimate(r, "hopper_gain", "hash that comes and goes earns more", b->hopper_gain, b->hopper_gain_error, "");
}

static void put_terms(lab_report *r, const design_result *d, const question *q) {
    static const char *const what[DESIGN_TERMS] = {
        [DESIGN_WAITING] = "hours until the value at risk is safe",
        [DESIGN_ENTRY] = "a ticket or the least stake, USD",
        [DESIGN_BOOST] = "boost: a miner without a ticket is worth 1/M",
        [DESIGN_SMALL] = "poorest tenth: earnings over wealth",
        [DESIGN_ELECTRICITY] = "part of the reward spent on hash",
        [DESIGN_DIFFICULTY] = "days late when rented hash leaves + gain of hash that comes and goes",
        [DESIGN_LOCKS] = "days for which stake is locked",
    };
    const design *both[] = {&d->standard, &d->best[0]};
    lab_table *t = lab_table_new(r, "terms", "The objective, term by term");
    lab_column(t, "term", "term", "");
    lab_column(t, "what", "from", "");
    lab_column(t, "weight", "weight", "");
    lab_column(t, "default", "defaults", "");
    lab_column(t, "default_points", "points", "");
    lab_column(t, "choice", "choice", "");
    lab_column(t, "choice_points", "points", "");
    for (size_t i = 0; i < DESIGN_TERMS; i++) {
        lab_cell_text(t, design_term_names[i]);
        lab_cell_text(t, what[i]);
        lab_cell_number(t, q->setup.weights[i]);
        for (size_t k = 0; k < 2; k++) {
            const design *b = both[k];
            const double from[DESIGN_TERMS] = {[DESIGN_WAITING] = b->wait_hours,
                                               [DESIGN_ENTRY] = b->entry_usd,
                                               [DESIGN_BOOST] = (double)b->params.weight.boost,
                                               [DESIGN_SMALL] = b->small_earnings,
                                               [DESIGN_ELECTRICITY] = b->hash_share,
                                               [DESIGN_DIFFICULTY] = b->late_days + b->hopper_gain,
                                               [DESIGN_LOCKS] = b->lock_days};
            lab_cell_number(t, from[i]);
            lab_cell_number(t, b->terms[i]);
        }
    }
}

static void put_best(lab_report *r, const design_result *d) {
    lab_table *t = lab_table_new(r, "best", "The best designs");
    lab_column(t, "points", "points", "");
    lab_column(t, "boost", "boost", "");
    lab_column(t, "window", "window", "blocks");
    lab_column(t, "slots", "slots", "");
    lab_column(t, "unbonding", "unbonding", "blocks");
    lab_column(t, "half_life", "half-life", "blocks");
    lab_column(t, "safe_hours", "safe after", "h");
    lab_column(t, "ticket_usd", "ticket", "USD");
    lab_column(t, "small_earnings", "poorest earn", "");
    lab_column(t, "hash_reward_share", "on hash", "");
    for (size_t i = 0; i < d->best_count; i++) {
        const design *b = &d->best[i];
        lab_cell_number(t, b->points);
        lab_cell_integer(t, b->params.weight.boost);
        lab_cell_integer(t, b->params.window_blocks);
        lab_cell_integer(t, b->params.weight.slots);
        lab_cell_integer(t, b->params.unbonding_blocks);
        lab_cell_integer(t, b->params.difficulty_blocks);
        lab_cell_number(t, b->wait_hours);
        lab_cell_number(t, b->ticket_usd);
        lab_cell_number(t, b->small_earnings);
        lab_cell_number(t, b->hash_share);
    }
}

static void put_charts(lab_report *r, const design_result *d, const question *q) {
    static const double depths[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096};
    enum { DEPTHS = sizeof depths / sizeof *depths };
    double cost[3][DEPTHS], hours[DEPTHS];
    lab_rule plain;
    lab_scenario s = q->setup.scenario;
    const bool named = lab_rule_named(&plain, "pow");
    plain.params.block_time_s = q->setup.block_time_s;
    for (size_t i = 0; i < DEPTHS; i++) {
        lab_attack_result a;
        hours[i] = depths[i] * (double)q->setup.block_time_s / 3600;
        cost[0][i] = attack_of(q, &d->best[0].params, depths[i], NAN, 1).cost;
        cost[1][i] = attack_of(q, &d->standard.params, depths[i], NAN, 1).cost;
        cost[2][i] = named && lab_attack(&plain, &s, depths[i], &a) ? a.best.cost : NAN;
    }
    lab_chart *c = lab_chart_new(r, LAB_CHART_LINE, LAB_CHART_LOG_X | LAB_CHART_LOG_Y,
                                 "Cheapest attack by the time that a payment waits", "hours", "USD");
    lab_chart_series(c, "this design", hours, cost[0], DEPTHS);
    lab_chart_series(c, "the defaults", hours, cost[1], DEPTHS);
    lab_chart_series(c, "plain proof of work", hours, cost[2], DEPTHS);
    double points[2][DESIGN_TERMS];
    memcpy(points[0], d->best[0].terms, sizeof points[0]);
    memcpy(points[1], d->standard.terms, sizeof points[1]);
    c = lab_chart_new(r, LAB_CHART_BAR, 0, "The objective, term by term", "", "points, fewer are better");
    lab_chart_labels(c, design_term_names, DESIGN_TERMS);
    lab_chart_series(c, "this design", NULL, points[0], DESIGN_TERMS);
    lab_chart_series(c, "the defaults", NULL, points[1], DESIGN_TERMS);
}

/* What the points leave out: the wait above is for a chain that keeps its hash power. */
static void put_loss(lab_report *r, const design *b, const design_loss *loss) {
    char x[5][48];
    lab_brief(x[0], sizeof x[0], 100 * loss->share);
    if (!isfinite(loss->blocks)) {
        lab_verdict(r,
                    "That holds while the chain keeps its hash power. When %s %% of it leaves, a secret branch from "
                    "before outweighs as much with fewer blocks and coins; how many was not computed for so long a "
                    "wait.",
                    x[0]);
        return;
    }
    if (loss->wait_blocks <= b->wait_blocks) {
        lab_verdict(
            r,
            "They are enough also when %s %% of the hash power has left, which the points do not count, against "
            "a secret branch that keeps the difficulty of before.",
            x[0]);
        return;
    }
    lab_verdict(r,
                "That holds while the chain keeps its hash power, and the points count no loss of it. When %s %% of it "
                "has left, a secret branch that keeps the difficulty of before outweighs those %s block%s with %s, for "
                "%s USD: until the difficulty has followed, %s%s.",
                x[0], lab_brief(x[1], sizeof x[1], b->wait_blocks), b->wait_blocks == 1 ? "" : "s",
                lab_brief(x[2], sizeof x[2], loss->blocks), lab_brief(x[3], sizeof x[3], loss->cost),
                isfinite(loss->wait_blocks) ? "wait for " : "no wait that was looked at is enough",
                isfinite(loss->wait_blocks) ? lab_brief(x[4], sizeof x[4], loss->wait_blocks) : "");
}

static void put_safety(lab_report *r, const design_result *d, const design_loss *loss, const question *q) {
    const design *b = &d->best[0];
    const lab_attack_route sixty = attack_of(q, &b->params, 60, NAN, 1);
    char x[4][48], needs[160], standard[80] = "with the defaults never";
    if (isfinite(d->standard.wait_hours))
        snprintf(standard, sizeof standard, "with the defaults after %s hours",
                 lab_brief(x[3], sizeof x[3], d->standard.wait_hours));
    if (isfinite(b->wait_blocks)) {
        lab_verdict(r, "Attacks: a payment of %s USD is safe after %s block%s, that is %s hours; %s.",
                    lab_brief(x[0], sizeof x[0], q->setup.scenario.value_at_risk_usd),
                    lab_brief(x[1], sizeof x[1], b->wait_blocks), b->wait_blocks == 1 ? "" : "s",
                    lab_brief(x[2], sizeof x[2], b->wait_hours), standard);
        put_loss(r, b, loss);
    } else {
        lab_verdict(
            r,
            "Attacks: no number of blocks makes a payment of %s USD safe on this chain. Expect smaller payments, "
            "or more stake, or a larger reward.",
            lab_brief(x[0], sizeof x[0], q->setup.scenario.value_at_risk_usd));
    }
    if (sixty.stake > 0)
        snprintf(needs, sizeof needs, "for which it needs %s coins", lab_brief(x[0], sizeof x[0], sixty.stake));
    else
        snprintf(needs, sizeof needs, "with %s times the hash of all miners, where %s times is for rent",
                 lab_brief(x[0], sizeof x[0], sixty.hash_ratio),
                 lab_brief(x[1], sizeof x[1], q->setup.scenario.rentable_hash_ratio));
    lab_verdict(r, "To replace the last 60 blocks costs an outsider at least %s USD, %s.",
                lab_brief(x[2], sizeof x[2], sixty.cost), needs);
}

/* Where the choice is better than the defaults most, and where it is worse. */
static void put_why(lab_report *r, const design_result *d) {
    const design *b = &d->best[0], *standard = &d->standard;
    char worse[400] = "in nothing", x[2][48];
    size_t most = 0, length = 0;
    for (size_t i = 0; i < DESIGN_TERMS; i++) {
        if (standard->terms[i] - b->terms[i] > standard->terms[most] - b->terms[most]) most = i;
        if (b->terms[i] - standard->terms[i] < 0.005) continue;
        length +=
            (size_t)snprintf(worse + length, sizeof worse - length, "%s%s (%s)", length == 0 ? "in " : ", ",
                             design_term_names[i], lab_brief(x[0], sizeof x[0], b->terms[i] - standard->terms[i]));
    }
    if (isfinite(standard->points))
        lab_verdict(r, "Most of that comes from %s (%s points); it is worse %s.", design_term_names[most],
                    lab_brief(x[1], sizeof x[1], standard->terms[most] - b->terms[most]), worse);
}

static void put_verdict(lab_report *r, const design_result *d, const design_loss *loss, const score *simulated,
                        const question *q) {
    const design *b = &d->best[0];
    const posw_params *p = &b->params;
    const lab_scenario *s = &q->setup.scenario;
    const double reward = lab_reward_per_hour(s) * LAB_HOURS_PER_YEAR;
    char x[6][48];
    if (!d->complete)
        lab_verdict(r,
                    "This is no advice: the search was ended after %zu of %zu designs, and what follows is the best of "
                    "these and the defaults.",
                    d->searched, d->grid);
    if (b->points < d->standard.points) {
        lab_verdict(r,
                    "Take a boost of %" PRIu64 ", a window of %" PRIu64 " blocks (%s hours) with %" PRIu64
                    " slots, and a half-life of %" PRIu64 " blocks. By the "
                    "objective it has %s points where the defaults have %s, and fewer are better: it beats them.",
                    p->weight.boost, p->window_blocks,
                    lab_brief(x[0], sizeof x[0], (double)p->window_blocks * (double)p->block_time_s / 3600),
                    p->weight.slots, p->difficulty_blocks, lab_brief(x[1], sizeof x[1], b->points),
                    lab_brief(x[2], sizeof x[2], d->standard.points));
        put_why(r, d);
    } else if (d->complete && isfinite(b->points)) {
        lab_verdict(r, "Take the defaults: by the objective none of the other designs beats their %s points.",
                    lab_brief(x[0], sizeof x[0], b->points));
    } else if (d->complete) {
        lab_verdict(r,
                    "None of the designs makes a payment of %s USD safe, so that the objective tells none from the "
                    "others. What follows is of the defaults, and no advice.",
                    lab_brief(x[0], sizeof x[0], s->value_at_risk_usd));
    }
    put_safety(r, d, loss, q);
    lab_verdict(r,
                "Miners: a ticket costs %s USD, the least stake %s, and the larger of them is what a newcomer must "
                "have. The poorest tenth of the miners, of whom there %s %u, earns %s %% of its fair part (simulated), "
                "and %s %% on average where 0.6 to 1.4 times as much is staked as expected. Staked coins come back "
                "after %s days at the most.",
                lab_brief(x[0], sizeof x[0], b->ticket_usd),
                lab_brief(x[3], sizeof x[3], lab_coins(&p->stake_min_wei) * s->price_usd),
                s->miners == 1 ? "is" : "are", s->miners,
                lab_brief(x[4], sizeof x[4], 100 * lab_sample_mean(&simulated->small_earnings)),
                lab_brief(x[1], sizeof x[1], 100 * b->small_earnings), lab_brief(x[2], sizeof x[2], b->lock_days));
    lab_verdict(
        r,
        "Energy: %s %% of the reward goes into hash, %s kWh a year at %s USD; under plain proof of work it would be %s "
        "%%.",
        lab_brief(x[0], sizeof x[0], 100 * b->hash_share),
        lab_brief(x[1], sizeof x[1], b->hash_share * (1 - s->hardware_share) * reward / s->electricity_usd_per_kwh),
        lab_brief(x[2], sizeof x[2], s->electricity_usd_per_kwh),
        lab_brief(x[3], sizeof x[3], 100 * (1 - 1.0 / s->miners)));
}

/* What `posw chain check` will say of the file, when the expected coins are in it. */
static void put_check_note(void *arg, const char *sentence) {
    lab_note(arg, "posw chain check: %s", sentence);
}

static void put_check(lab_report *r, const question *q) {
    enum { STAKES = 4 };
    const lab_scenario *s = &q->setup.scenario;
    posw_genesis_account owner = {.balance_wei = lab_wei(s->supply * (1 - s->staked_share))};
    posw_genesis_stake stakes[STAKES];
    posw_chain_spec spec = q->spec;
    for (size_t i = 0; i < STAKES; i++)
        stakes[i] = (posw_genesis_stake){.amount_wei = lab_wei(s->supply * s->staked_share / STAKES)};
    spec.accounts = &owner;
    spec.account_count = 1;
    spec.stakes = stakes;
    spec.stake_count = STAKES;
    if (!q->has_time) spec.params.genesis_time = (uint64_t)time(NULL);
    posw_chainfile_warnings(&spec, put_check_note, r);
}

/* What it does not protect against. */
static void put_limits(lab_report *r, const design_result *d, const question *q) {
    const posw_params *p = &d->best[0].params;
    const lab_scenario *s = &q->setup.scenario;
    char x[4][48];
    const lab_attack_route six = attack_of(q, p, 6, NAN, 1), free_ride = attack_of(q, p, 60, 0, 1),
                           fewer = attack_of(q, p, 60, NAN, 0.25);
    lab_note(r, "it does not protect shallow payments: to replace 6 blocks costs %s USD",
             lab_brief(x[0], sizeof x[0], six.cost));
    lab_note(r,
             "it does not protect by stake when an attack leaves the coin's price as it is: then 60 blocks cost %s USD",
             lab_brief(x[0], sizeof x[0], free_ride.cost));
    lab_note(r,
             "it does not protect against holders: whoever has %s coins and replaces 60 blocks pays for "
             "hash only, and loses on its own coins",
             lab_brief(x[0], sizeof x[0], 60 * d->best[0].ticket_usd / s->price_usd));
    lab_note(r,
             "it does not protect without stakers: with a quarter of the expected stake 60 blocks cost %s USD, and in "
             "the first two epochs, unless the file stakes at genesis, none is in force",
             lab_brief(x[0], sizeof x[0], fewer.cost));
    lab_note(r,
             "it does not protect against a majority of hash and stake that refuses transactions, against nodes that "
             "were off for more than %" PRIu64 " blocks, against stolen keys or "
             "errors in programs",
             p->reorg_max_blocks);
    lab_note(r,
             "it does not keep blocks from being replaced without an attack: those found side by side are, one or two "
             "at a time");
    lab_note(r,
             "the file has no accounts and no stakes yet: add them before the first start, and stake %s coins or more "
             "for a ticket a block; with another supply than %s coins a ticket has another price",
             lab_brief(x[0], sizeof x[0], s->supply / (double)p->weight.slots),
             lab_brief(x[1], sizeof x[1], s->supply));
    put_check(r, q);
}

static void put_words(lab_report *r, const question *q) {
    lab_model(r, "points = the sum of weight times: log2(1 + hours until the value at risk is safe), log2(1 + ticket / "
                 "100 USD), log2(boost), 1 - earnings of the poorest tenth over wealth, part "
                 "of the reward spent on hash, gain of hash that comes and goes + days late when it leaves, log2(1 + "
                 "days locked / 7); boost, window, slots, unbonding and half-life on a grid");
    lab_assume(r,
               "attacks are as in posw lab attack, miners' stakes equal for them; small miners have Pareto stakes with "
               "exponent %g and hash in proportion",
               q->setup.scenario.pareto_exponent);
    lab_assume(
        r, "the boost is twice the hash for rent or more; coins that are free before an attack is known lose nothing");
    lab_assume(r, "the weights are a choice: --weights weighs otherwise");
    lab_assume(r,
               "the reward of a block stays the same for ever: new coins are %g of the supply in the first year, and "
               "of what there is then a smaller part each year",
               q->setup.scenario.issuance_per_year);
}

static int print_design(const cli *c, question *q, const design_result *d, const design_loss *loss,
                        const score *simulated) {
    posw_buf text = {0};
    fill_spec(&q->spec, q, &d->best[0].params);
    int code = file_text(&text, &q->spec) ? check_spec(c, &text) : cli_fail("out of memory");
    lab_report *r = code == CLI_OK ? lab_report_new("design", "A chain for this economy") : NULL;
    if (code == CLI_OK && r != NULL) {
        put_verdict(r, d, loss, simulated, q);
        put_inputs(r, q);
        put_choice(r, d, loss, simulated);
        put_terms(r, d, q);
        put_best(r, d);
        put_charts(r, d, q);
        lab_listing(r, "chain_file", "The chain file", (const char *)text.data);
        put_words(r, q);
        put_limits(r, d, q);
        if (!d->complete) lab_interrupted(r, d->searched, d->grid, "designs");
    }
    if (code == CLI_OK && cli_given(c, "out") && d->complete) code = write_file(c, q, &text);
    posw_buf_clear(&text);
    if (code != CLI_OK) return lab_report_free(r), code;
    code = lab_report_print(c, r);
    if (code == CLI_OK && cli_given(c, "out") && !d->complete)
        return cli_fail("%s is not written, since the search was ended", cli_text(c, "out"));
    return code;
}

static int run(cli *c) {
    question q;
    design_result d;
    design_loss loss;
    score simulated;
    lab_rule rule;
    memset(&q, 0, sizeof q);
    if (!read_question(c, &q)) return CLI_USAGE;
    int code = read_spec(c, &q);
    if (code == CLI_OK) code = check_before(c, &q);
    if (code != CLI_OK) return code;
    if (!design_search(&d, &q.setup) || !design_lose_hash(&loss, &q.setup, &d.best[0]))
        return cli_fail("out of memory");
    lab_rule_of(&rule, &d.best[0].params);
    if (!score_run(&simulated, &rule, &q.setup.scenario, &q.simulation)) return cli_fail("out of memory");
    code = print_design(c, &q, &d, &loss, &simulated);
    return code;
}

const cli_command lab_command_design = {
    "lab design",
    "[OPTIONS]",
    "searches the rules of a new chain for its economy",
    "Takes what a founder expects (supply, price, issuance, miners, hash for rent, value at risk) and searches boost, "
    "window, slots, locks and half-life of the ticket rule for the fewest points by "
    "a stated objective. Prints a verdict in plain words with what the design does not protect against, the comparison "
    "with the defaults, and the chain file, which --out writes. JSON keys: boost, "
    "window, slots, epoch, unbonding, max_reorg, half_life, objective, objective_default, beats_default, safe_blocks, "
    "safe_hours, false_times_safe_blocks, false_times_safe_hours, loss_share, loss_safe_blocks, loss_attack_blocks, "
    "loss_cost_usd, "
    "ticket_usd, stake_minimum, hash_reward_share, hopper_gain, late_days, small_earnings, "
    "verdict, chain_file; "
    "terms, best.",
    "posw lab design --supply 10000000 --price 1 --issuance 0.05 --miners 200 --rentable-hash 5 --block-time 15 "
    "--value-at-risk 25000 --out mychain.json",
    options,
    0,
    0,
    run,
};
