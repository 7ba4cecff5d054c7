/* --chain: a chain file, a preset or a smooth rule. */
#ifndef POSW_LAB_CHAIN_OPTION_H
#define POSW_LAB_CHAIN_OPTION_H

#include "cli/cli.h"
#include "exact/scenario.h"

#define LAB_CHAIN_HELP                                                                                                \
    "a chain file, a preset (ticket, quarkchain, diode, quadratic, linear, sqrt, pow), or a smooth rule such as x^2 " \
    "or "                                                                                                             \
    "(1+x)^0.5, x in thousands of coins"

/* Reads the text of an option. named: no file, so that the scenario's block time counts. False after a usage sentence.
 */
POSW_MUST_USE bool lab_rule_option(const cli *c, const char *option, const char *text, lab_rule *out, bool *named);
/* A named rule has the scenario's block time, where it gives one, and unbonding takes as long as before, but not fewer
 * blocks than two epochs. */
void lab_rule_fit(lab_rule *r, bool named, const lab_scenario *s);

/* Options --window and --boost, which replace the chain's. */
#define LAB_CHAIN_OPTIONS                                                           \
    {"window", "BLOCKS", NULL, "window of the tickets, in place of the chain's"}, { \
        "boost", "M", NULL, "boost of a ticket, in place of the chain's"            \
    }
POSW_MUST_USE bool lab_rule_override(const cli *c, lab_rule *r);

#endif
