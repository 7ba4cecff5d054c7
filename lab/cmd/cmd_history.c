/* posw lab history */
#include "chain_option.h"
#include "commands.h"
#include "exact/attack.h"
#include "options.h"
#include "scenario_file.h"

#include <math.h>
#include <string.h>

static const cli_option options[] = {
    LAB_OUTPUT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static bool attack_by(const char *rule_name, const lab_scenario_file *f, lab_attack_result *out) {
    lab_rule rule;
    const bool known = lab_rule_named(&rule, rule_name);
    POSW_ASSERT(known);
    lab_rule_fit(&rule, true, &f->scenario);
    return lab_attack(&rule, &f->scenario, f->attack.depth, out);
}

static void explain(lab_report *r) {
    lab_model(r,
              "the cheapest attack of the published depth on a chain with this coin's price, supply, reward and block "
              "time, under each weight rule ('posw lab attack')");
    lab_assume(
        r, "under the rules with stake 40 %% of the coins would have been staked by 200 equal miners, and an attack "
           "would have cost the attacker 30 %% of the price of its coins, unless the file says otherwise");
    lab_note(r,
             "hash is priced at what the reward left to pay for it; attackers have paid more and less for rented hash: "
             "compare the published cost with the row pow");
}

/* ---- all of them ---- */

static bool list_row(const cli *c, lab_table *t, const char *name) {
    lab_scenario_file f;
    lab_attack_result pow = {.best.cost = NAN}, ticket = {.best.cost = NAN, .best.capital = NAN};
    if (!lab_scenario_open(c, "scenario", name, &f)) return false;
    if (!f.attack.given) return true;
    if (f.attack.depth >= 1 && (!attack_by("pow", &f, &pow) || !attack_by("ticket", &f, &ticket))) return false;
    lab_cell_text(t, name);
    lab_cell_text(t, f.attack.coin);
    lab_cell_text(t, f.attack.date);
    lab_cell_number(t, f.attack.depth);
    lab_cell_number(t, f.attack.double_spent_usd);
    lab_cell_number(t, f.attack.cost_usd);
    lab_cell_number(t, pow.best.cost);
    lab_cell_number(t, ticket.best.cost);
    lab_cell_number(t, ticket.best.capital);
    return true;
}

static int list(cli *c) {
    lab_report *r = lab_report_new("history", "Documented attacks on small chains");
    if (r == NULL) return lab_report_print(c, r);
    explain(r);
    lab_table *t = lab_table_new(r, "attacks", "Attacks; 'posw lab history NAME' tells one");
    if (t == NULL) return lab_report_print(c, r);
    lab_column(t, "name", "name", "");
    lab_column(t, "coin", "coin", "");
    lab_column(t, "date", "date", "");
    lab_column(t, "depth", "blocks", "");
    lab_column(t, "double_spent_usd", "spent twice", "USD");
    lab_column(t, "published_cost_usd", "published cost", "USD");
    lab_column(t, "pow_cost_usd", "pow", "USD");
    lab_column(t, "ticket_cost_usd", "ticket", "USD");
    lab_column(t, "ticket_capital_usd", "ticket: capital", "USD");
    for (const lab_builtin_scenario *b = LAB_BUILTIN_SCENARIOS; b->name != NULL; b++)
        if (!list_row(c, t, b->name)) return lab_report_free(r), cli_fail("out of memory");
    return lab_report_print(c, r);
}

/* ---- one of them ---- */

static void put_sources(lab_report *r, const lab_documented_attack *a) {
    for (size_t i = 0; i < a->source_count; i++)
        lab_note(r, "source: %s", a->sources[i]);
    for (size_t i = 0; i < a->uncertain_count; i++)
        lab_note(r, "rough or disputed: %s", a->uncertain[i]);
}

static bool put_rules(lab_report *r, const lab_scenario_file *f) {
    lab_table *t = lab_table_new(r, "rules", "What the same depth would have cost");
    if (t == NULL) return true;
    lab_column(t, "rule", "rule", "");
    lab_column(t, "cost_usd", "cost", "USD");
    lab_column(t, "hash_part", "hash", "USD");
    lab_column(t, "stake_part", "stake", "USD");
    lab_column(t, "capital_usd", "capital", "USD");
    lab_column(t, "tickets", "tickets", "");
    lab_column(t, "hash_ratio", "hash needed", "");
    lab_column(t, "times_pow", "times pow", "");
    lab_attack_result pow;
    if (!attack_by("pow", f, &pow)) return false;
    for (const char *const *name = posw_params_presets(); *name != NULL; name++) {
        lab_attack_result a;
        if (!attack_by(*name, f, &a)) return false;
        lab_cell_text(t, *name);
        lab_cell_number(t, a.best.cost);
        lab_cell_number(t, a.best.hash);
        lab_cell_number(t, a.best.loss + a.best.interest + a.best.impact);
        lab_cell_number(t, a.best.capital);
        lab_cell_number(t, a.best.tickets);
        lab_cell_number(t, a.best.hash_ratio);
        lab_cell_number(t, a.best.cost / pow.best.cost);
    }
    return true;
}

static int show(cli *c, const char *name) {
    lab_scenario_file f;
    if (!lab_scenario_open(c, "history", name, &f)) return CLI_USAGE;
    if (!f.attack.given) return cli_usage(c, "%s tells of no attack: 'posw lab history' lists those that do", name);
    lab_report *r = lab_report_new("history", f.attack.coin);
    if (r == NULL) return lab_report_print(c, r);
    explain(r);
    lab_input_text(r, "name", "name", name);
    lab_input_text(r, "date", "date", f.attack.date);
    lab_input_text(r, "what", "what happened", f.attack.what);
    lab_input_number(r, "depth", "blocks replaced", f.attack.depth, "blocks");
    lab_number(r, "double_spent_usd", "spent twice", f.attack.double_spent_usd, "USD");
    lab_number(r, "published_cost_usd", "published cost of the hash", f.attack.cost_usd, "USD");
    const bool ok = f.attack.depth < 1 || put_rules(r, &f);
    if (f.attack.depth < 1)
        lab_note(r,
                 "no blocks were replaced: no weight rule answers this attack; the difficulty rule and the limits of "
                 "timestamps must ('posw lab timestamps')");
    put_sources(r, &f.attack);
    if (!ok) return lab_report_free(r), cli_fail("out of memory");
    return lab_report_print(c, r);
}

static int run(cli *c) {
    return c->arg_count == 0 ? list(c) : show(c, c->args[0]);
}

const cli_command lab_command_history = {
    "lab history",
    "[NAME] [OPTIONS]",
    "documented attacks, and what they would have cost under each rule",
    "Lists documented attacks on small chains, or tells one, with its sources and with what the same attack would have "
    "needed under each weight rule. A scenario file with an attack in it may be named too. JSON keys: attacks; rules.",
    "posw lab history\nposw lab history etc-2020-08-01",
    options,
    0,
    1,
    run,
};
