/* --scenario: a scenario file, or one of lab/scenarios, which are built into the program under their names. */
#ifndef POSW_LAB_SCENARIO_FILE_H
#define POSW_LAB_SCENARIO_FILE_H

#include "cli/cli.h"
#include "exact/scenario_read.h"

/* A file, or one that is built in, by its name. False after a usage sentence; where begins it: "--scenario". */
POSW_MUST_USE bool lab_scenario_open(const cli *c, const char *where, const char *name, lab_scenario_file *out);

/* The files of lab/scenarios, by name. */
typedef struct {
    const char *name;
    const char *text;
} lab_builtin_scenario;
extern const lab_builtin_scenario LAB_BUILTIN_SCENARIOS[]; /* ended by a NULL name */

/* For --help: every key with its meaning, in words. */
#define LAB_SCENARIO_KEYS                                                                                              \
    "Keys of a scenario file: price_usd, supply (coins), issuance_per_year (a fraction) or block_reward (coins, with " \
    "block_time_s), fees_usd_per_year, miners, staked_share, stakes (\"equal\" or \"pareto\"), pareto_exponent, "      \
    "hash_cost_share (of the reward; else by the rule), hardware_share (of the cost of hash), "                        \
    "electricity_usd_per_kwh, interest_rate, delta (price loss of the attacker's coins), rentable_hash_ratio (hash "   \
    "for rent over the chain's), rent_premium, daily_volume_usd, price_impact, lock_hours (else by the chain), "       \
    "block_time_s (of a preset), value_at_risk_usd, about, attack."

#endif
