/* posw lab budget */
#include "chain_option.h"
#include "commands.h"
#include "exact/attack.h"
#include "exact/double_spend.h"
#include "options.h"
#include "rules/hasty.h"
#include "scenario_file.h"

#include <math.h>

enum { DEPTH_MAX = 1000000 };

static const cli_option options[] = {
    {"chain", "FILE", "ticket", LAB_CHAIN_HELP},
    {"scenario", "FILE", "ten-million", "a scenario file, or one that is built in"},
    {"value", "USD", NULL, "value of one payment; the scenario's value_at_risk_usd by default"},
    {"depth", "L", "60", "confirmations, for the bounds of Budish"},
    LAB_CHAIN_OPTIONS,
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

typedef struct {
    lab_rule rule;
    lab_scenario_file file;
    double value;
    uint64_t depth;
} question;

static bool read_question(const cli *c, question *q) {
    bool named;
    if (!lab_scenario_open(c, "--scenario", cli_text(c, "scenario"), &q->file) ||
        !lab_rule_option(c, "chain", cli_text(c, "chain"), &q->rule, &named) || !lab_rule_override(c, &q->rule) ||
        !cli_u64(c, "depth", 1, DEPTH_MAX, &q->depth))
        return false;
    lab_rule_fit(&q->rule, named, &q->file.scenario);
    q->value = q->file.scenario.value_at_risk_usd;
    if (cli_given(c, "value") || isnan(q->value)) return lab_option_number(c, "value", 1e-6, 1e15, &q->value);
    return true;
}

/* Confirmations whose stake alone is worth the value: V / (delta p c). */
static double by_stake(const question *q) {
    const lab_scenario *s = &q->file.scenario;
    return lab_confirmations_by_stake(q->value, s->delta, s->price_usd * lab_rule_ticket_price(&q->rule, s->supply));
}

/* The most that may be at stake in the window for the attack of `depth` blocks to lose: Budish 2018 with a stock term.
 */
static void put_bounds(lab_report *r, const question *q, const lab_attack_result *a) {
    const lab_scenario *s = &q->file.scenario;
    const double hours = (double)q->depth * (double)q->rule.params.block_time_s / 3600;
    const double block = lab_reward_per_hour(s) * (double)q->rule.params.block_time_s / 3600;
    const double blocks = (double)q->depth;
    lab_number(r, "security_budget_usd_per_year", "security budget a year", lab_reward_per_hour(s) * LAB_HOURS_PER_YEAR,
               "USD");
    lab_number(r, "security_budget_usd_per_hour", "security budget an hour", lab_reward_per_hour(s), "USD");
    lab_number(r, "block_value_usd", "a block pays", block, "USD");
    lab_number(r, "budish_flow_usd", "hash alone protects payments up to", a->hash_cost_per_hour * hours, "USD");
    lab_number(r, "budish_block_value_usd", "hash alone would need a block to pay", q->value / blocks, "USD");
    lab_number(r, "budish_stock_usd", "this rule protects payments up to", a->best.cost, "USD");
    lab_number(r, "one_conf_confirmations", "rule of thumb: value over half a block", ceil(q->value / (block / 2)), "");
}

/* Safe also from an attacker with false times: one whose cheapest attack costs the value, and, where a window holds as
 * many tickets as are worth it, one that has to take those. 0: out of memory. */
static double false_times_depth(const question *q, double safe, double stake) {
    lab_reach *reach = lab_reach_new(&q->rule.params, DEPTH_MAX);
    if (reach == NULL) return 0;
    const double by_cost = lab_reach_cost_depth(reach, &q->rule, &q->file.scenario, q->value, 0),
                 by_stake = stake <= (double)q->rule.params.window_blocks ? lab_reach_depth(reach, stake) : safe;
    lab_reach_free(reach);
    return by_cost == 0 ? 0 : fmax(safe, fmax(by_cost, by_stake));
}

/* A payment is safe when both the cheapest attack and the loss on the tickets alone are worth as much. */
static bool put_confirmations(lab_report *r, const question *q) {
    const double by_cost = lab_attack_depth(&q->rule, &q->file.scenario, q->value, DEPTH_MAX);
    const double stake = lab_rule_is_ticket(&q->rule) ? by_stake(q) : 0, safe = fmax(by_cost, stake);
    lab_number(r, "safe_confirmations", "confirmations after which an attack loses", by_cost > 0 ? safe : INFINITY, "");
    lab_number(r, "confirmations_by_cost", "cheapest attack costs the value", by_cost > 0 ? by_cost : INFINITY, "");
    if (lab_rule_is_ticket(&q->rule)) {
        const double depth = by_cost > 0 ? false_times_depth(q, safe, stake) : INFINITY;
        if (depth == 0) return false;
        lab_number(r, "confirmations_by_stake", "loss on the tickets alone is the value", stake, "");
        lab_number(r, "false_times_confirmations", "safe also from an attack with false times", depth, "");
        if (isfinite(safe) && isinf(depth) && by_cost > 0)
            lab_note(r, "with false times no depth up to %d blocks costs that much", DEPTH_MAX);
    }
    if (by_cost <= 0) lab_note(r, "no depth up to %d blocks costs that much", DEPTH_MAX);
    return true;
}

static int run(cli *c) {
    question q = {0};
    lab_attack_result a;
    if (!read_question(c, &q)) return CLI_USAGE;
    const lab_scenario *s = &q.file.scenario;
    char name[48];
    lab_report *r = lab_report_new("budget", "What can a payment be worth?");
    if (r == NULL) return lab_report_print(c, r);
    if (!lab_attack(&q.rule, s, (double)q.depth, &a)) return lab_report_free(r), cli_fail("out of memory");
    lab_input_text(r, "rule", "weight rule", lab_rule_name(&q.rule, name));
    lab_input_text(r, "scenario", "scenario", q.file.name);
    lab_input_number(r, "value_usd", "value of the payment", q.value, "USD");
    lab_input_integer(r, "depth", "confirmations, for the bounds", q.depth, "");
    if (!put_confirmations(r, &q)) return lab_report_free(r), cli_fail("out of memory");
    put_bounds(r, &q, &a);
    lab_model(r,
              "a payment is safe when undoing it costs more than it is worth (Budish 2018: a flow of rewards against a "
              "one-off gain; with tickets a stock of locked coins stands beside the flow)");
    lab_assume(r, "one payment is at risk at a time; the costs are those of 'posw lab attack'");
    lab_note(r, "an attacker may undo several payments at once: take the sum of all that wait for confirmation");
    return lab_report_print(c, r);
}

const cli_command lab_command_budget = {
    "lab budget",
    "--value USD [OPTIONS]",
    "security budget, and confirmations for a value",
    "Tells what the chain spends on its safety, and after how many confirmations a payment of some value is not worth "
    "an "
    "attack. JSON keys: safe_confirmations, confirmations_by_cost, confirmations_by_stake, false_times_confirmations, "
    "security_budget_usd_per_year, "
    "security_budget_usd_per_hour, block_value_usd, budish_flow_usd, budish_block_value_usd, budish_stock_usd, "
    "one_conf_confirmations.",
    "posw lab budget --value 10000 --scenario ten-million",
    options,
    0,
    0,
    run,
};
