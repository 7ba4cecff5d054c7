/* posw lab attack */
#include "chain_option.h"
#include "commands.h"
#include "exact/attack.h"
#include "options.h"
#include "rules/hasty.h"
#include "scenario_file.h"

#include <inttypes.h>
#include <math.h>

enum { DEPTH_MAX = 1000000 };

static const cli_option options[] = {
    {"chain", "FILE", "ticket", LAB_CHAIN_HELP},
    {"scenario", "FILE", "ten-million", "a scenario file, or one that is built in: 'posw lab history' lists them"},
    {"depth", "L", NULL, "blocks that the attack replaces"},
    {"delta", "D", NULL, "price loss on the attacker's coins, in place of the scenario's"},
    LAB_CHAIN_OPTIONS,
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

typedef struct {
    lab_rule rule;
    bool named;
    lab_scenario_file file;
    uint64_t depth;
} question;

/* With false times in its blocks. */
typedef struct {
    lab_attack_route route;
    size_t blocks; /* of its branch */
} hasty;

static bool read_question(const cli *c, question *q) {
    lab_scenario *s = &q->file.scenario;
    if (!lab_scenario_open(c, "--scenario", cli_text(c, "scenario"), &q->file) ||
        !lab_rule_option(c, "chain", cli_text(c, "chain"), &q->rule, &q->named) || !lab_rule_override(c, &q->rule))
        return false;
    lab_rule_fit(&q->rule, q->named, s);
    if (cli_given(c, "delta") && !lab_option_number(c, "delta", 0, 1, &s->delta)) return false;
    if (!cli_given(c, "depth") && q->file.attack.given && q->file.attack.depth >= 1) {
        q->depth = (uint64_t)q->file.attack.depth;
        return true;
    }
    if (!cli_given(c, "depth")) return cli_usage(c, "--depth is needed: the number of blocks to replace"), false;
    return cli_u64(c, "depth", 1, DEPTH_MAX, &q->depth);
}

static void put_inputs(lab_report *r, const question *q) {
    const lab_scenario *s = &q->file.scenario;
    char name[48];
    lab_input_text(r, "rule", "weight rule", lab_rule_name(&q->rule, name));
    lab_input_text(r, "scenario", "scenario", q->file.name);
    lab_input_integer(r, "depth", "blocks replaced", q->depth, "blocks");
    lab_input_number(r, "block_time_s", "time between blocks", (double)q->rule.params.block_time_s, "s");
    lab_input_number(r, "delta", "price loss on the attacker's coins", s->delta, "");
    lab_input_number(r, "interest_rate", "interest a year", s->interest_rate, "");
    lab_input_number(r, "market_value_usd", "all coins", s->price_usd * s->supply, "USD");
}

static double available(const lab_scenario *s, const lab_attack_route *route) {
    return s->rentable_hash_ratio / route->hash_ratio;
}

static void put_figures(lab_report *r, const question *q, const lab_attack_result *a, const hasty *h) {
    const lab_attack_route *b = &a->best;
    lab_number(r, "cost_usd", "cheapest attack", b->cost, "USD");
    lab_number(r, "hash_part", "of it hash", b->hash, "USD");
    lab_number(r, "stake_part", "of it stake: loss, interest and price impact", b->loss + b->interest + b->impact,
               "USD");
    lab_number(r, "capital_usd", "capital that the attacker needs", b->capital, "USD");
    lab_number(r, "tickets", "tickets", b->tickets, "");
    lab_number(r, "stake_coins", "coins staked", b->stake, "coins");
    lab_number(r, "stake_of_supply", "of all coins", b->stake / q->file.scenario.supply, "");
    lab_number(r, "hash_ratio", "hash needed, over the honest hash at work", b->hash_ratio, "");
    lab_number(r, "rent_available_ratio", "hash for rent, over what is needed", available(&q->file.scenario, b), "");
    lab_number(r, "pure_hash_cost_usd", "without stake", a->pure_hash.cost, "USD");
    lab_number(r, "staked_cost_usd", lab_rule_is_ticket(&q->rule) ? "every block boosted" : "best with stake",
               a->staked.cost, "USD");
    lab_number(r, "hash_cost_per_hour", "honest miners spend on hash an hour", a->hash_cost_per_hour, "USD");
    lab_number(r, "honest_weight", "average weight of the honest hash", a->honest_weight, "");
    lab_number(r, "lock_hours", "attacker's coins are locked for", a->lock_hours, "h");
    lab_number(r, "insiders", "honest miners who hold the stake already", a->insiders, "");
    lab_number(r, "false_times_cost_usd", "cheapest attack with false times", h->route.cost, "USD");
    lab_integer(r, "false_times_blocks", "blocks of its branch", h->blocks, "blocks");
    lab_number(r, "false_times_tickets", "its tickets", h->route.tickets, "");
}

static void put_route(lab_table *t, const lab_scenario *s, const char *name, const lab_attack_route *route) {
    if (!(route->cost < INFINITY)) return;
    lab_cell_text(t, name);
    lab_cell_number(t, route->cost);
    lab_cell_number(t, route->hash);
    lab_cell_number(t, route->loss);
    lab_cell_number(t, route->interest);
    lab_cell_number(t, route->impact);
    lab_cell_number(t, route->capital);
    lab_cell_number(t, route->hash_ratio);
    lab_cell_number(t, available(s, route));
}

static void put_routes(lab_report *r, const question *q, const lab_attack_result *a, const hasty *h) {
    lab_table *t = lab_table_new(r, "routes", "Ways to attack");
    if (t == NULL) return;
    lab_column(t, "route", "way", "");
    lab_column(t, "cost_usd", "cost", "USD");
    lab_column(t, "hash_usd", "hash", "USD");
    lab_column(t, "loss_usd", "price loss", "USD");
    lab_column(t, "interest_usd", "interest", "USD");
    lab_column(t, "impact_usd", "price impact", "USD");
    lab_column(t, "capital_usd", "capital", "USD");
    lab_column(t, "hash_ratio", "hash needed", "");
    lab_column(t, "rent_available_ratio", "for rent / needed", "");
    put_route(t, &q->file.scenario, "cheapest", &a->best);
    put_route(t, &q->file.scenario, "no stake", &a->pure_hash);
    put_route(t, &q->file.scenario, lab_rule_is_ticket(&q->rule) ? "every block boosted" : "best with stake",
              &a->staked);
    put_route(t, &q->file.scenario, "false times", &h->route);
}

static bool put_deltas(lab_report *r, const question *q) {
    static const double deltas[] = {0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1};
    lab_table *t = lab_table_new(r, "delta_sensitivity", "If the price falls by another part");
    if (t == NULL) return true;
    lab_column(t, "delta", "price loss", "");
    lab_column(t, "cost_usd", "cheapest attack", "USD");
    lab_column(t, "stake_coins", "coins staked", "");
    for (size_t i = 0; i < POSW_ARRAY_SIZE(deltas); i++) {
        lab_scenario s = q->file.scenario;
        lab_attack_result a;
        s.delta = deltas[i];
        if (!lab_attack(&q->rule, &s, (double)q->depth, &a)) return false;
        lab_cell_number(t, deltas[i]);
        lab_cell_number(t, a.best.cost);
        lab_cell_number(t, a.best.stake);
    }
    return true;
}

static bool put_depths(lab_report *r, const question *q) {
    static const double depths[] = {1, 6, 12, 30, 60, 144, 360, 1008, 2016, 4032};
    double cost[POSW_ARRAY_SIZE(depths)];
    lab_table *t = lab_table_new(r, "depths", "Cost by depth");
    if (t == NULL) return true;
    lab_column(t, "depth", "blocks", "");
    lab_column(t, "cost_usd", "cheapest attack", "USD");
    lab_column(t, "capital_usd", "capital", "USD");
    lab_column(t, "hash_ratio", "hash needed", "");
    lab_column(t, "false_times_cost_usd", "with false times", "USD");
    for (size_t i = 0; i < POSW_ARRAY_SIZE(depths); i++) {
        lab_attack_result a;
        hasty h;
        if (!lab_attack(&q->rule, &q->file.scenario, depths[i], &a)) return false;
        if (!lab_hasty_attack(&q->rule, &q->file.scenario, depths[i], &h.route, &h.blocks)) return false;
        cost[i] = a.best.cost;
        lab_cell_number(t, depths[i]);
        lab_cell_number(t, a.best.cost);
        lab_cell_number(t, a.best.capital);
        lab_cell_number(t, a.best.hash_ratio);
        lab_cell_number(t, h.route.cost);
    }
    lab_chart *chart =
        lab_chart_new(r, LAB_CHART_LINE, LAB_CHART_LOG_X | LAB_CHART_LOG_Y, "Cheapest attack", "blocks", "USD");
    if (chart != NULL) lab_chart_series(chart, "USD", depths, cost, POSW_ARRAY_SIZE(depths));
    return true;
}

/* Who cannot do it, who can, and what is left out. */
static void put_notes(lab_report *r, const question *q, const lab_attack_result *a) {
    const lab_scenario *s = &q->file.scenario;
    const double value = a->best.stake * s->price_usd;
    if (a->best.stake > 0)
        lab_note(r,
                 "excluded: whoever cannot buy coins for %.4g USD and have them locked for %.4g hours, however much "
                 "hash there is for rent",
                 value, a->lock_hours);
    else
        lab_note(r, "nobody is excluded who can rent %.4g times the honest hash at work: no coins are needed",
                 a->best.hash_ratio);
    if (a->insiders > 0)
        lab_note(r,
                 "not excluded: %.0f of %u honest miners hold that stake already and would pay for hash, and lose on "
                 "their own coins",
                 a->insiders, s->miners);
    if (!(a->hash_cost_per_hour > 0))
        lab_note(r, "by this model the honest miners spend nothing on hash, as one miner alone or without a reward, so "
                    "that hash costs an attacker nothing; hash_cost_share in the scenario says otherwise");
    if (isnan(s->rentable_hash_ratio))
        lab_note(r, "whether so much hash is for rent is not known: the scenario has no rentable_hash_ratio");
    else if (available(s, &a->best) < 1)
        lab_note(r, "less hash is for rent than this attack needs: the rest would have to be bought as hardware");
    if (a->best.loss > a->best.cost / 2)
        lab_note(r, "most of this cost is the fall of the coin's price; if an attack does not move the price, stake "
                    "protects only by the capital that it binds: see the table");
    if (q->depth > q->rule.params.reorg_max_blocks && !q->rule.smooth)
        lab_note(r,
                 "nodes that are running refuse a branch that replaces more than %" PRIu64 " blocks: this one reaches "
                 "only nodes that were off, or whose operators allow it",
                 q->rule.params.reorg_max_blocks);
    lab_note(r,
             "not counted: block rewards that the attacker keeps, its chance to fail, hardware that loses its worth, "
             "and profits from selling the coin short");
}

static void explain(lab_report *r, const question *q) {
    if (lab_rule_is_ticket(&q->rule))
        lab_model(r, "each block of the branch uses a ticket, or M times the hash; every number of tickets is tried");
    else
        lab_model(r, "hash needed = honest hash * average honest weight / weight of the stake; every stake is tried");
    lab_assume(r,
               "the branch is made in the time of the honest one, by an outsider who buys stake and rents hash at the "
               "honest miners' cost%s",
               q->file.scenario.rent_premium == 1 ? "" : " times rent_premium");
    lab_assume(r,
               "the times in its blocks are true; where false ones are named, the blocks say that they came a second "
               "after each other, which raises their difficulty, so that fewer weigh as much");
    lab_assume(r, "coins are locked for %s, and for the attack itself",
               isnan(q->file.scenario.lock_hours) ? "two epochs and the unbonding of the chain"
                                                  : "the scenario's lock_hours");
    if (lab_rule_is_ticket(&q->rule))
        lab_assume(r, "honest miners spend on hash what the reward leaves after the interest on their stake, and hash "
                      "that waits for a ticket is switched off");
    else
        lab_assume(r, "honest stakes are as the scenario says, and honest hash follows them (Cournot)");
}

static int run(cli *c) {
    question q = {0};
    lab_attack_result a;
    hasty h;
    if (!read_question(c, &q)) return CLI_USAGE;
    lab_report *r = lab_report_new("attack", "What does it cost to replace the last blocks?");
    if (r == NULL) return lab_report_print(c, r);
    bool ok = lab_attack(&q.rule, &q.file.scenario, (double)q.depth, &a) &&
              lab_hasty_attack(&q.rule, &q.file.scenario, (double)q.depth, &h.route, &h.blocks);
    if (ok) {
        explain(r, &q);
        put_inputs(r, &q);
        put_figures(r, &q, &a, &h);
        put_routes(r, &q, &a, &h);
        ok = put_deltas(r, &q) && put_depths(r, &q);
        put_notes(r, &q, &a);
    }
    if (!ok) return lab_report_free(r), cli_fail("out of memory");
    return lab_report_print(c, r);
}

const cli_command lab_command_attack = {
    "lab attack",
    "--depth L [--chain FILE] [--scenario FILE] [OPTIONS]",
    "what it costs to replace the last L blocks",
    "Tells the cheapest mixture of hash and stake that replaces the last L blocks, for any weight rule: what it costs, "
    "what "
    "capital it needs, who is excluded and who is not. JSON keys: cost_usd, hash_part, stake_part, capital_usd, "
    "tickets, "
    "stake_coins, hash_ratio, rent_available_ratio, pure_hash_cost_usd, staked_cost_usd, insiders, "
    "false_times_cost_usd, false_times_blocks, false_times_tickets; routes, "
    "delta_sensitivity, depths. " LAB_SCENARIO_KEYS,
    "posw lab attack --chain ticket --scenario ten-million --depth 60\nposw lab attack --chain my-chain.json "
    "--scenario "
    "my-market.json --depth 6 --json",
    options,
    0,
    0,
    run,
};
