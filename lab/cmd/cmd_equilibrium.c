/* posw lab equilibrium, posw lab leverage */
#include "chain_option.h"
#include "commands.h"
#include "exact/attack.h"
#include "exact/equilibrium.h"
#include "options.h"
#include "scenario_file.h"

#include <math.h>
#include <stdlib.h>

static const cli_option equilibrium_options[] = {
    {"rule", "RULE", "ticket", LAB_CHAIN_HELP},
    {"scenario", "FILE", "ten-million", "a scenario file, or one that is built in"},
    {"sigma", "S", NULL, "ticket: interest on the coins of W tickets over the reward, in place of the scenario's"},
    {"hardware", "H", NULL, "ticket: hardware's part of the cost of hash, in place of the scenario's"},
    LAB_CHAIN_OPTIONS,
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

/* ---- stakes as they are ---- */

static bool put_given_stakes(lab_report *r, const lab_rule *rule, const lab_scenario *given, enum lab_stakes kind) {
    lab_scenario s = *given;
    double *stakes = calloc(3 * (size_t)s.miners, sizeof *stakes);
    if (stakes == NULL) return false;
    double *weights = stakes + s.miners, *shares = weights + s.miners, holders = 0;
    s.stakes = kind;
    lab_scenario_stakes(&s, stakes);
    for (unsigned i = 0; i < s.miners; i++) {
        const double tickets = lab_rule_tickets(rule, stakes[i], s.supply);
        holders += tickets > 0;
        weights[i] = lab_rule_is_ticket(rule) ? tickets : lab_rule_weight(rule, stakes[i], s.supply);
    }
    const bool tickets = lab_rule_is_ticket(rule);
    const lab_cournot_result c = lab_cournot(weights, s.miners, shares);
    lab_table *t = lab_table_new(r, kind == LAB_STAKES_EQUAL ? "equal_stakes" : "pareto_stakes",
                                 kind == LAB_STAKES_EQUAL ? "With the scenario's miners, equal stakes"
                                                          : "With the scenario's miners, Pareto stakes");
    if (t != NULL) {
        lab_column(t, "miners", "miners", "");
        lab_column(t, "active", "active", "");
        lab_column(t, "nakamoto", "more than half have", "miners");
        lab_column(t, "top_share", "largest share", "");
        lab_column(t, "electricity_reward_share", "hash cost / reward", "");
        lab_cell_integer(t, s.miners);
        lab_cell_number(t, tickets ? holders : (double)c.active);
        lab_cell_integer(t, lab_nakamoto(tickets ? weights : shares, s.miners));
        double all = 0;
        for (unsigned i = 0; i < s.miners; i++)
            all += weights[i];
        lab_cell_number(t, tickets ? weights[0] / all : c.top);
        lab_cell_number(t, tickets ? NAN : 1 - c.hhi);
    }
    free(stakes);
    return true;
}

/* What is spent on electricity in a year, as energy. */
static void put_energy(lab_report *r, const lab_scenario *s, double electricity_of_reward) {
    lab_number(r, "energy_kwh_per_year", "energy a year",
               electricity_of_reward * lab_reward_per_hour(s) * LAB_HOURS_PER_YEAR / s->electricity_usd_per_kwh, "kWh");
}

/* ---- rules of stake alone ---- */

static double exponent_of(const lab_rule *rule) {
    return rule->smooth ? rule->exponent : rule->params.weight.exponent_x2 / 2.0;
}

/* Where F ends at max, what happens at its end: each miner pays for that stake once and for hash as in plain proof of
 * work, so that n of them earn nothing when R / n^2 is the interest on the stake. */
static void put_capped(lab_report *r, const lab_rule *rule, const lab_scenario *s) {
    const double cap = lab_rule_stake_max(rule, s->supply), reward = lab_reward_per_hour(s) * LAB_HOURS_PER_YEAR;
    const double fee = cap * s->price_usd * s->interest_rate;
    const double miners = floor(sqrt(reward / fee));
    if (!(cap > 0) || cap * miners > s->supply || miners < 1) return;
    lab_number(r, "capped_stake", "stake at which F ends", cap, "coins");
    lab_number(r, "capped_miners", "miners with that stake who earn their costs", miners, "");
    lab_number(r, "capped_electricity_reward_share", "their hash cost over the reward", 1 - 1 / miners, "");
    lab_note(r, "F ends at %.6g coins: miners who all have that stake are in plain proof of work with an entry fee",
             cap);
}

static void put_free_entry(lab_report *r, const lab_scenario *s, double k) {
    const lab_free_entry e = lab_free_entry_power(k);
    lab_number(r, "miners", "miners that are left", e.miners, "");
    lab_number(r, "electricity_cost_share", "hash cost over all costs", e.electricity_cost_share, "");
    lab_number(r, "electricity_reward_share", "hash cost over the reward", e.electricity_reward_share, "");
    lab_number(r, "stake_reward_share", "stake cost over the reward", k * e.electricity_reward_share, "");
    lab_number(r, "profit_share", "profit over the reward", e.profit_share, "");
    put_energy(r, s, e.electricity_reward_share * (1 - s->hardware_share));
    lab_number(r, "least_share", "share below which a miner loses", e.least_share, "");
}

static int power(lab_report *r, const lab_rule *rule, const lab_scenario *s) {
    const double k = exponent_of(rule);
    lab_model(r, "Cournot with free entry, hash and stake chosen freely under F = x^k (Arnosti and Weinberg 2019)");
    lab_assume(r, "all miners pay the same for hash and for stake, and know the others' choices");
    lab_input_number(r, "exponent", "exponent k", k, "");
    put_free_entry(r, s, k);
    if (k > 1) {
        lab_note(r, "with k above 1 there is no equilibrium of two or more miners: one is left, who then spends almost "
                    "nothing");
    }
    if (!rule->smooth) put_capped(r, rule, s);
    return CLI_OK;
}

/* ---- tickets ---- */

static int ticket(cli *c, lab_report *r, const lab_rule *rule, const lab_scenario *s) {
    const double window = (double)rule->params.window_blocks, reward = lab_reward_per_hour(s) * LAB_HOURS_PER_YEAR;
    double sigma = s->interest_rate * window * lab_rule_ticket_price(rule, s->supply) * s->price_usd / reward;
    double hardware = s->hardware_share;
    if ((cli_given(c, "sigma") && !lab_option_number(c, "sigma", 0.001, 0.999, &sigma)) ||
        (cli_given(c, "hardware") && !lab_option_number(c, "hardware", 0, 0.99, &hardware)))
        return CLI_USAGE;
    if (!(sigma > 0 && sigma < 1))
        return cli_usage(c,
                         "sigma is %g and must be between 0 and 1: where the interest on the stake is above the reward "
                         "nobody stakes, and where it costs nothing stake is no choice",
                         sigma);
    lab_ticket_equilibrium e;
    if (!lab_ticket_equilibrium_find(window, sigma, hardware, &e))
        return cli_usage(c,
                         "no number of equal miners from 2 to half the window earns exactly its costs with sigma %g "
                         "and hardware %g: try a larger window, or stake and waiting hash that cost more",
                         sigma, hardware);
    lab_model(
        r, "symmetric Nash equilibrium of miners who choose hash and tickets under the ticket rule, with Erlang's loss "
           "formula; as many as earn exactly their costs");
    lab_assume(
        r, "all miners are equal and pay for all hash and stake; those who hold coins or hardware anyway survive at "
           "any size");
    lab_assume(r, "hash without a free ticket is switched off, which saves electricity and not hardware");
    lab_input_number(r, "window", "window W", window, "blocks");
    lab_input_number(r, "sigma", "interest on W tickets over the reward", sigma, "");
    lab_input_number(r, "hardware", "hardware's part of the cost of hash", hardware, "");
    /* hash that is always boosted costs less than the reward by this factor: without a boost it would still earn */
    if (e.electricity / (1 - hardware) * lab_rule_boost(rule) < 1) {
        lab_note(r,
                 "a ticket costs more than its boost brings: hash without a ticket earns more than its costs, so that "
                 "nobody stakes and plain proof of work is left");
        put_free_entry(r, s, 0);
        return CLI_OK;
    }
    lab_number(r, "miners", "equal miners, each with all costs", round(e.miners), "");
    lab_number(r, "break_even_miners", "not rounded", e.miners, "");
    lab_number(r, "electricity_cost_share", "electricity over all costs", e.electricity, "");
    lab_number(r, "electricity_reward_share", "electricity over the reward", e.electricity, "");
    lab_number(r, "hardware_reward_share", "hardware over the reward", e.hardware, "");
    lab_number(r, "stake_reward_share", "stake over the reward", e.stake, "");
    lab_number(r, "tickets_ratio", "tickets for each block of the window", e.tickets_ratio, "");
    lab_number(r, "tickets_per_miner", "tickets of a miner", e.tickets, "");
    lab_number(r, "boosted_share", "hash that is boosted", e.boosted, "");
    put_energy(r, s, e.electricity);
    return CLI_OK;
}

static int run_equilibrium(cli *c) {
    lab_rule rule;
    lab_scenario_file file;
    bool named;
    char name[48];
    if (!lab_scenario_open(c, "--scenario", cli_text(c, "scenario"), &file) ||
        !lab_rule_option(c, "rule", cli_text(c, "rule"), &rule, &named) || !lab_rule_override(c, &rule))
        return CLI_USAGE;
    static const char *const of_tickets[] = {"sigma", "hardware", NULL};
    if (!lab_rule_is_ticket(&rule) && !lab_option_absent(c, of_tickets, "the ticket rule")) return CLI_USAGE;
    if (!(lab_reward_per_hour(&file.scenario) > 0))
        return cli_usage(c, "the scenario has neither issuance nor fees: nobody mines");
    lab_report *r = lab_report_new("equilibrium", "Who mines, and where does the reward go?");
    if (r == NULL) return lab_report_print(c, r);
    lab_input_text(r, "rule", "weight rule", lab_rule_name(&rule, name));
    lab_input_text(r, "scenario", "scenario", file.name);
    const int code = lab_rule_is_ticket(&rule) ? ticket(c, r, &rule, &file.scenario) : power(r, &rule, &file.scenario);
    if (code != CLI_OK) return lab_report_free(r), code;
    if (!put_given_stakes(r, &rule, &file.scenario, LAB_STAKES_EQUAL) ||
        !put_given_stakes(r, &rule, &file.scenario, LAB_STAKES_PARETO))
        return lab_report_free(r), cli_fail("out of memory");
    return lab_report_print(c, r);
}

const cli_command lab_command_equilibrium = {
    "lab equilibrium",
    "--rule RULE [OPTIONS]",
    "who mines when everyone may, and what is spent on electricity",
    "Tells how many miners are left when everyone may mine, and what part of the reward goes into electricity, "
    "hardware and "
    "stake. JSON keys: miners (null: no limit), electricity_cost_share, electricity_reward_share, stake_reward_share, "
    "energy_kwh_per_year; "
    "equal_stakes and pareto_stakes for the scenario's miners.",
    "posw lab equilibrium --rule x^2\nposw lab equilibrium --rule ticket --sigma 0.25 --hardware 0.1",
    equilibrium_options,
    0,
    0,
    run_equilibrium,
};

/* ---- leverage ---- */

static const cli_option leverage_options[] = {
    {"rule", "RULE", "x^2", LAB_CHAIN_HELP},
    {"miners", "N", "100", "equal honest miners"},
    {"stake-share", "B", "0.1", "attacker's stake over that of all honest miners"},
    {"hash-cost", "USD", "1", "what the honest miners spend on hash during the attack"},
    {"stake-value", "USD", "100", "what the honest stake is worth (times the part that an attacker would lose)"},
    {"stake", "COINS", "20000", "stake of a miner, for merging and splitting"},
    {"parts", "M", "2", "parts that it is split into"},
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static int run_leverage(cli *c) {
    lab_rule rule;
    bool named;
    char name[48];
    double miners, share, hash, value, stake, parts, bought = 0;
    if (!lab_rule_option(c, "rule", cli_text(c, "rule"), &rule, &named) ||
        !lab_option_number(c, "miners", 1, 1e6, &miners) || !lab_option_number(c, "stake-share", 1e-9, 1e6, &share) ||
        !lab_option_number(c, "hash-cost", 1e-9, 1e15, &hash) ||
        !lab_option_number(c, "stake-value", 1e-9, 1e15, &value) ||
        !lab_option_number(c, "stake", 1e-9, 1e15, &stake) || !lab_option_number(c, "parts", 1, 1e6, &parts))
        return CLI_USAGE;
    if (lab_rule_is_ticket(&rule))
        return cli_usage(c, "under the ticket rule stake is used up: there is no leverage, see 'posw lab attack'");
    const double k = exponent_of(&rule), merge = lab_merge_factor(&rule, stake, parts, stake);
    lab_report *r = lab_report_new("leverage", "How much hash does stake replace?");
    if (r == NULL) return lab_report_print(c, r);
    lab_model(
        r, "F = x^k, n equal honest miners: an attacker with the part B of their stake needs (n B)^-k of their hash");
    lab_input_text(r, "rule", "weight rule", lab_rule_name(&rule, name));
    lab_input_number(r, "exponent", "exponent k", k, "");
    lab_input_number(r, "miners", "honest miners n", miners, "");
    lab_input_number(r, "stake_share", "attacker's stake B", share, "");
    lab_number(r, "hash_ratio", "hash needed over the honest hash", lab_leverage(k, miners, share), "");
    lab_number(r, "cost", "cheapest mixture C*", k > 0 ? lab_leverage_cost(k, miners, hash, value, &bought) : hash,
               "USD");
    lab_number(r, "cost_stake", "of it stake", bought, "USD");
    lab_number(r, "merge_factor", "power of one miner over that of its parts", merge, "");
    lab_number(r, "split_factor", "power left after splitting", 1 / merge, "");
    lab_assume(r, "hash_ratio and cost ignore the rule's unit and ends; merging and splitting use the rule itself");
    lab_note(r, "stake is not used up by the attack: the same coins serve any amount of hash and any number of blocks");
    return lab_report_print(c, r);
}

const cli_command lab_command_leverage = {
    "lab leverage",
    "[--rule x^K] [OPTIONS]",
    "how much hash a stake replaces under rules of stake alone",
    "Tells what part of the honest hash an attacker with some stake needs under a rule x^k, the cheapest mixture, and "
    "what "
    "merging and splitting bring. JSON keys: hash_ratio, cost, cost_stake, merge_factor, split_factor.",
    "posw lab leverage --rule x^2 --miners 100 --stake-share 0.1",
    leverage_options,
    0,
    0,
    run_leverage,
};
