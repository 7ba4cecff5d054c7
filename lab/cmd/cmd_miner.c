/* posw lab miner */
#include "chain_input.h"
#include "commands.h"
#include "exact/income.h"
#include "options.h"
#include "rules/clock.h"

#include "posw/economy.h"
#include "posw/u256.h"
#include "posw/weight.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double DAY_S = 86400, MONTH_S = 86400 * 365.25 / 12, MONTHS_PER_YEAR = 12;
enum { CURVE_POINTS = 41 };

static const cli_option options[] = {
    {"hashrate", "N", NULL, "hashes a second of this miner"},
    {"watts", "W", "0", "power that it draws"},
    {"kwh", "USD", "0.15", "price of a kilowatt-hour"},
    {"stake", "COINS", "0", "stake of this miner"},
    {"chain", "FILE", NULL, "chain file; without one, what 'posw chain new' writes"},
    {"weight", "PRESET", NULL, "weight rule instead of the chain's: ticket, pow, …"},
    {"supply", "COINS", NULL, "coins in existence [of the chain file, else 10000000]"},
    {"price", "USD", "1", "price of a coin"},
    {"reward", "COINS", NULL, "reward of a block with fees [the chain's at --height]"},
    {"height", "N", "1", "number of the block from which on it mines"},
    {"network-hash", "N", NULL, "hashes a second of all others [100 times this miner's]"},
    {"network-miners", "N", "100", "the others are that many, all alike"},
    {"network-stake", "COINS", NULL, "stake of all others [40 % of the supply]"},
    {"hardware", "USD", "500", "price of the machine"},
    {"lifetime", "YEARS", "4", "after which it is worth nothing"},
    {"seed", "N", "1", "seed of the draws of the income's spread"},
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

typedef struct {
    posw_params params;
    posw_u256 supply_wei;
    char name[POSW_CHAIN_NAME_MAX + 1];
    double hash, watts, kwh_usd, stake, price, reward;
    double others, others_hash, others_stake;
    double hardware_usd, lifetime_years;
    uint64_t seed;
} question;

/* What one set of hash and stake earns. */
typedef struct {
    lab_income_class me;
    double blocks_month, income_month_usd, power_month_usd, wear_month_usd, profit_month_usd;
} answer;

static int read_chain(const cli *c, question *q) {
    posw_chain_spec spec = {0};
    posw_params_default(&q->params);
    q->supply_wei = lab_wei(1e7);
    if (cli_given(c, "chain")) {
        const int code = lab_chain_read(c, cli_text(c, "chain"), &spec);
        if (code != CLI_OK) return code;
        q->params = spec.params;
        memcpy(q->name, spec.name, sizeof q->name);
        if (spec.account_count + spec.stake_count > 0) q->supply_wei = posw_chain_spec_supply(&spec);
        posw_chain_spec_clear(&spec);
    }
    const char *preset = cli_text(c, "weight");
    if (preset != NULL && !posw_params_preset(&q->params, preset))
        return cli_usage(c, "--weight must be pow, linear, sqrt, quadratic, diode, ticket or quarkchain, not '%s'",
                         preset);
    double supply;
    if (!cli_given(c, "supply")) return CLI_OK;
    if (!lab_option_number(c, "supply", 1, 1e15, &supply)) return CLI_USAGE;
    q->supply_wei = lab_wei(supply);
    return CLI_OK;
}

static bool read_reward(const cli *c, question *q) {
    uint64_t height;
    if (cli_given(c, "reward")) return lab_option_number(c, "reward", 0, 1e12, &q->reward);
    if (!cli_u64(c, "height", 0, UINT64_C(1) << 40, &height)) return false;
    const posw_u256 subsidy = posw_reward_subsidy(&q->params, height),
                    treasury = posw_reward_treasury(&q->params, height, &subsidy);
    q->reward = lab_coins(&subsidy) - lab_coins(&treasury);
    return true;
}

static bool read_others(const cli *c, question *q) {
    q->others_hash = 100 * q->hash;
    q->others_stake = 0.4 * lab_coins(&q->supply_wei);
    return lab_option_number(c, "network-miners", 1, 1e6, &q->others) &&
           (!cli_given(c, "network-hash") || lab_option_number(c, "network-hash", 0, 1e30, &q->others_hash)) &&
           (!cli_given(c, "network-stake") || lab_option_number(c, "network-stake", 0, 1e15, &q->others_stake));
}

static int read_question(const cli *c, question *q) {
    memset(q, 0, sizeof *q);
    const int code = read_chain(c, q);
    if (code != CLI_OK) return code;
    if (!lab_option_number(c, "hashrate", 1e-9, 1e30, &q->hash) || !lab_option_number(c, "watts", 0, 1e12, &q->watts) ||
        !lab_option_number(c, "kwh", 0, 1e6, &q->kwh_usd) || !lab_option_number(c, "stake", 0, 1e15, &q->stake) ||
        !lab_option_number(c, "price", 1e-12, 1e12, &q->price) || !read_reward(c, q) || !read_others(c, q) ||
        !lab_option_number(c, "hardware", 0.01, 1e12, &q->hardware_usd) ||
        !lab_option_number(c, "lifetime", 0.1, 100, &q->lifetime_years) || !cli_u64(c, "seed", 0, UINT64_MAX, &q->seed))
        return CLI_USAGE;
    if (q->stake + q->others_stake > lab_coins(&q->supply_wei) * (1 + 1e-12))
        return cli_usage(c, "--stake and --network-stake are more than the supply of %.15g coins",
                         lab_coins(&q->supply_wei));
    return CLI_OK;
}

/* With `scale` times the machine, and this stake. */
static answer answer_of(const question *q, double scale, double stake) {
    lab_income_class classes[2] = {{.miners = 1, .hash = q->hash * scale, .stake_wei = lab_stake_wei(stake)},
                                   {.miners = q->others,
                                    .hash = q->others_hash / q->others,
                                    .stake_wei = lab_stake_wei(q->others_stake / q->others)}};
    answer a;
    lab_income_shares(classes, 2, &q->params, &q->supply_wei);
    a.me = classes[0];
    a.blocks_month = a.me.share * MONTH_S / (double)q->params.block_time_s;
    a.income_month_usd = a.blocks_month * q->reward * q->price;
    a.power_month_usd = scale * q->watts / 1000 * MONTH_S / 3600 * q->kwh_usd;
    a.wear_month_usd = scale * q->hardware_usd / q->lifetime_years / MONTHS_PER_YEAR;
    a.profit_month_usd = a.income_month_usd - a.power_month_usd - a.wear_month_usd;
    return a;
}

static double weight_of(const question *q, double stake) {
    const posw_u256 wei = lab_stake_wei(stake), f = posw_weight(&q->params, 0, &wei, &q->supply_wei, 0);
    return lab_double_of(&f);
}

/* The least stake that counts for more than this one: the next ticket, or the next value of F; INFINITY: there is none
 * that could be had. */
static double next_stake(const question *q, double stake) {
    const double most = lab_coins(&q->supply_wei) - q->others_stake;
    if (q->params.weight.rule == POSW_WEIGHT_TICKET) {
        const posw_u256 price = posw_weight_ticket_price(&q->params, &q->supply_wei), wei = lab_stake_wei(stake);
        const double next =
            ((double)posw_weight_tickets(&q->params, &wei, &q->supply_wei) + 1) * lab_coins(&price) * (1 + 1e-12);
        return next <= most ? next : INFINITY;
    }
    const double now = weight_of(q, stake);
    double low = stake, high = most;
    if (!(high > low) || weight_of(q, high) <= now) return INFINITY;
    while (high - low > 1e-9 * high) {
        const double middle = (low + high) / 2;
        if (weight_of(q, middle) > now)
            high = middle;
        else
            low = middle;
    }
    return high;
}

typedef struct {
    double hardware, stake; /* profit a year for one more dollar, in dollars */
    double next_usd;        /* what the next step of stake costs */
} margins;

static margins margins_of(const question *q, const answer *now) {
    const double step = 0.01, next = next_stake(q, q->stake);
    const answer larger = answer_of(q, 1 + step, q->stake);
    margins m = {.hardware =
                     (larger.profit_month_usd - now->profit_month_usd) * MONTHS_PER_YEAR / (step * q->hardware_usd)};
    m.next_usd = (next - q->stake) * q->price;
    if (isfinite(next))
        m.stake = (answer_of(q, 1, next).profit_month_usd - now->profit_month_usd) * MONTHS_PER_YEAR / m.next_usd;
    return m;
}

static const char *advice_of(const answer *now, const margins *m) {
    if (now->profit_month_usd < 0 && m->stake <= 0 && m->hardware <= 0) return "neither: it loses money as it is";
    if (m->stake > m->hardware && m->stake > 0) return "more stake";
    if (m->hardware > 0) return "more hardware";
    return "neither";
}

/* ---- the report ---- */

static void put_inputs(lab_report *r, const question *q) {
    if (q->name[0] != '\0') lab_input_text(r, "chain", "chain", q->name);
    lab_report_chain(r, &q->params, &q->supply_wei);
    lab_input_number(r, "hashrate", "this miner", q->hash, "H/s");
    lab_input_number(r, "watts", "power", q->watts, "W");
    lab_input_number(r, "kwh", "price of a kWh", q->kwh_usd, "USD");
    lab_input_number(r, "stake", "stake of this miner", q->stake, "coins");
    lab_input_number(r, "price", "price of a coin", q->price, "USD");
    lab_input_number(r, "reward", "reward of a block", q->reward, "coins");
    lab_input_number(r, "network_hash", "the others", q->others_hash, "H/s");
    lab_input_number(r, "network_miners", "the others are", q->others, "miners");
    lab_input_number(r, "network_stake", "stake of the others", q->others_stake, "coins");
    lab_input_number(r, "hardware", "price of the machine", q->hardware_usd, "USD");
    lab_input_number(r, "lifetime", "its lifetime", q->lifetime_years, "years");
    lab_input_integer(r, "seed", "seed", q->seed, "");
}

/* The spread of what it finds in a month: of many months, one after the other, with standard errors as if they were
 * independent. */
typedef struct {
    double low, high, variation, variation_error, none, none_error;
} spread;

static size_t months_of(const answer *a) {
    enum { MONTHS_MAX = 20000, MONTHS_MIN = 400, FOUND = 20000000 };
    return (size_t)fmax(MONTHS_MIN, fmin(MONTHS_MAX, FOUND / (a->blocks_month + 1)));
}

/* Of the coefficient of variation, by the first terms of its series in the moments. */
static void put_variation(spread *out, const double *counts, size_t months) {
    const double n = (double)months;
    double mean = 0, second = 0, third = 0, fourth = 0;
    for (size_t i = 0; i < months; i++)
        mean += counts[i] / n;
    for (size_t i = 0; i < months; i++) {
        const double d = counts[i] - mean;
        second += d * d / n;
        third += d * d * d / n;
        fourth += d * d * d * d / n;
    }
    out->variation = sqrt(second * n / (n - 1)) / mean;
    const double relative = (fourth / (second * second) - 1) / 4 + second / (mean * mean) - third / (second * mean);
    out->variation_error = second > 0 ? out->variation * sqrt(fmax(0, relative) / n) : mean > 0 ? 0 : NAN;
}

static bool spread_of(spread *out, const question *q, const answer *a) {
    const size_t months = months_of(a);
    double *counts = malloc(months * sizeof *counts);
    if (counts == NULL ||
        !lab_income_counts(counts, months, &a->me, &q->params, MONTH_S / (double)q->params.block_time_s, q->seed)) {
        free(counts);
        return false;
    }
    size_t none = 0;
    while (none < months && counts[none] == 0)
        none++;
    const double p = (double)none / (double)months;
    *out = (spread){.low = counts[months / 20],
                    .high = counts[months - 1 - months / 20],
                    .none = p,
                    .none_error = fmax(sqrt(p * (1 - p) / (double)months), 1 / (double)months)};
    put_variation(out, counts, months);
    free(counts);
    return true;
}

static bool put_income(lab_report *r, const question *q, const answer *a) {
    spread s;
    if (!spread_of(&s, q, a)) return false;
    lab_number(r, "share", "share of the blocks", a->me.share, "");
    lab_number(r, "blocks_month", "blocks a month", a->blocks_month, "");
    lab_number(r, "blocks_month_low", "in 19 months of 20 at least", s.low, "blocks");
    lab_number(r, "blocks_month_high", "in 19 months of 20 at most", s.high, "blocks");
    lab_number(r, "income_coins_month", "income a month", a->blocks_month * q->reward, "coins");
    lab_number(r, "income_usd_month", "income a month", a->income_month_usd, "USD");
    lab_estimate(r, "income_variation", "its coefficient of variation", s.variation, s.variation_error, "");
    lab_estimate(r, "no_block_month", "probability of a month without a block", s.none, s.none_error, "");
    lab_number(r, "power_usd_month", "power a month", a->power_month_usd, "USD");
    lab_number(r, "wear_usd_month", "wear of the machine a month", a->wear_month_usd, "USD");
    lab_number(r, "profit_usd_month", "profit a month", a->profit_month_usd, "USD");
    lab_number(r, "break_even_price", "it pays from a coin's price of",
               a->blocks_month * q->reward > 0
                   ? (a->power_month_usd + a->wear_month_usd) / (a->blocks_month * q->reward)
                   : INFINITY,
               "USD");
    return true;
}

/* Until the first block each block is this miner's with the same probability: a geometric wait. */
static double wait_days(const question *q, double first, double quantile) {
    return log1p(-quantile) / log1p(-fmin(first, 1 - 1e-16)) * (double)q->params.block_time_s / DAY_S;
}

static void put_first_block(lab_report *r, const question *q, const answer *a) {
    lab_number(r, "first_block_mean_days", "time to the first block, on average",
               (double)q->params.block_time_s / a->me.first / DAY_S, "days");
    lab_number(r, "first_block_median_days", "half of such miners wait at most", wait_days(q, a->me.first, 0.5),
               "days");
    lab_number(r, "first_block_95_days", "19 of 20 wait at most", wait_days(q, a->me.first, 0.95), "days");
}

static void put_margins(lab_report *r, const question *q, const answer *a, const margins *m) {
    if (q->params.weight.rule == POSW_WEIGHT_TICKET) {
        lab_number(r, "tickets", "tickets", a->me.tickets, "");
        lab_number(r, "tickets_used", "of which are used up, on average", a->me.used, "");
        lab_number(r, "boosted", "part of the time with a free ticket", a->me.boosted, "");
    }
    lab_number(r, "marginal_hardware", "one more USD of hardware brings a year", m->hardware, "USD");
    lab_number(r, "marginal_stake", "one more USD of stake brings a year", m->stake, "USD");
    lab_number(r, "next_stake_usd", "the next step of stake costs", m->next_usd, "USD");
    lab_text(r, "advice", "more hardware or more stake?", advice_of(a, m));
}

/* "12.5 minutes" */
static char *duration(char *out, size_t size, double seconds) {
    static const struct {
        double seconds;
        const char *name;
    } units[] = {{86400 * 365.25, "years"}, {86400, "days"}, {3600, "hours"}, {60, "minutes"}, {0, "seconds"}};
    char number[48];
    size_t i = 0;
    while (seconds < 2 * units[i].seconds)
        i++;
    snprintf(out, size, "%s %s", lab_brief(number, sizeof number, seconds / fmax(units[i].seconds, 1)), units[i].name);
    return out;
}

static void put_verdict(lab_report *r, const question *q, const answer *a, const margins *m) {
    char income[64], profit[64], wait[64], longest[64];
    lab_verdict(r, "This miner finds %s blocks a month and earns %s USD; after power and wear %s USD are left.",
                lab_brief(income, sizeof income, a->blocks_month), lab_brief(wait, sizeof wait, a->income_month_usd),
                lab_brief(profit, sizeof profit, a->profit_month_usd));
    lab_verdict(r, "The first block takes %s on average; one such miner of twenty waits longer than %s.",
                duration(wait, sizeof wait, (double)q->params.block_time_s / a->me.first),
                duration(longest, sizeof longest, wait_days(q, a->me.first, 0.95) * DAY_S));
    lab_verdict(r,
                "More hardware or more stake? Answer: %s. One more dollar brings %s USD a year as hardware, after its "
                "power and wear, and %s USD as "
                "stake, which can be taken back.",
                advice_of(a, m), lab_brief(income, sizeof income, m->hardware),
                lab_brief(profit, sizeof profit, m->stake));
}

static void put_curves(lab_report *r, const question *q) {
    double stake[CURVE_POINTS], by_stake[CURVE_POINTS], scale[CURVE_POINTS], by_scale[CURVE_POINTS];
    const double room = lab_coins(&q->supply_wei) - q->others_stake;
    const double step = isfinite(next_stake(q, 0)) ? next_stake(q, 0) : q->stake / 10,
                 top = fmin(room, fmax(2 * q->stake, (CURVE_POINTS - 1) * step));
    for (int i = 0; i < CURVE_POINTS; i++) {
        stake[i] = top * i / (CURVE_POINTS - 1);
        by_stake[i] = answer_of(q, 1, stake[i]).profit_month_usd;
        scale[i] = exp2((i - CURVE_POINTS / 2) / 8.0);
        by_scale[i] = answer_of(q, scale[i], q->stake).profit_month_usd;
        scale[i] *= q->hash;
    }
    lab_chart *c =
        lab_chart_new(r, LAB_CHART_LINE, 0, "Profit with more or less stake", "stake, coins", "profit a month, USD");
    lab_chart_series(c, "this machine", stake, by_stake, CURVE_POINTS);
    c = lab_chart_new(r, LAB_CHART_LINE, LAB_CHART_LOG_X, "Profit with more or less hardware", "hashes a second",
                      "profit a month, USD");
    lab_chart_series(c, "this stake", scale, by_scale, CURVE_POINTS);
}

static void put_wait_chart(lab_report *r, const question *q, double first) {
    double days[CURVE_POINTS], part[CURVE_POINTS];
    for (int i = 0; i < CURVE_POINTS; i++) {
        days[i] = wait_days(q, first, 0.99) * i / (CURVE_POINTS - 1);
        part[i] = -expm1(days[i] * DAY_S / (double)q->params.block_time_s * log1p(-fmin(first, 1 - 1e-16)));
    }
    lab_chart *c =
        lab_chart_new(r, LAB_CHART_LINE, 0, "Waiting for the first block", "days", "probability that it has come");
    lab_chart_series(c, "this miner", days, part, CURVE_POINTS);
}

static void put_words(lab_report *r, const question *q, const answer *a) {
    const bool tickets = q->params.weight.rule == POSW_WEIGHT_TICKET;
    lab_model(r, "%s; the spread from %zu months drawn one after the other%s",
              tickets
                  ? "shares of blocks in the steady state, with Erlang's loss formula for the tickets that are used up"
                  : "shares of blocks in proportion to hash times F(stake), in the steady state",
              months_of(a), tickets ? ", in which each ticket is followed" : "");
    lab_assume(r, "the others are alike, stay as they are, and difficulty has adapted to all of them");
    lab_assume(r, "blocks come every %" PRIu64 " s; the reward stays as at this height, and every fee is in it",
               q->params.block_time_s);
    lab_assume(r, "a ramp of the boost has ended; hardware can be bought and run in any amount at the same price");
    lab_note(r,
             "stake is no cost here: it comes back after the unbonding of %" PRIu64
             " blocks, at the coin's price of that day",
             q->params.unbonding_blocks);
}

static int run(cli *c) {
    question q;
    const int code = read_question(c, &q);
    if (code != CLI_OK) return code;
    lab_report *r = lab_report_new("miner", "What does this miner earn?");
    if (r == NULL) return lab_report_print(c, r);
    const answer a = answer_of(&q, 1, q.stake);
    const margins m = margins_of(&q, &a);
    put_inputs(r, &q);
    put_verdict(r, &q, &a, &m);
    if (!put_income(r, &q, &a)) {
        lab_report_free(r);
        return cli_fail("out of memory");
    }
    put_first_block(r, &q, &a);
    put_margins(r, &q, &a, &m);
    put_curves(r, &q);
    put_wait_chart(r, &q, a.me.first);
    put_words(r, &q, &a);
    return lab_report_print(c, r);
}

const cli_command lab_command_miner = {
    "lab miner",
    "--hashrate N [OPTIONS]",
    "what a miner earns, and what pays more: hardware or stake",
    "Tells a miner's expected income and its spread, the time to its first block, what power costs, what is left, and "
    "what one more dollar "
    "of hardware and of stake would bring. JSON keys: share, blocks_month, income_usd_month, income_variation, "
    "standard_error of it, no_block_month, "
    "power_usd_month, "
    "profit_usd_month, first_block_mean_days, first_block_median_days, first_block_95_days, tickets, "
    "marginal_hardware, marginal_stake, "
    "advice.",
    "posw lab miner --hashrate 8000 --watts 120 --kwh 0.30 --stake 2500 --price 0.50 --network-hash 400000",
    options,
    0,
    0,
    run,
};
