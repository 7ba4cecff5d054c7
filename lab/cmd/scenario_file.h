/* Scenario files: the economy around a chain, and for documented attacks what happened (doc/lab.md lists the keys).
 *
 * Strict: a key that is unknown, given twice, of the wrong type or out of range is refused with a sentence that names
 * it. The files of lab/scenarios are built into the program under their names. */
#ifndef POSW_LAB_SCENARIO_FILE_H
#define POSW_LAB_SCENARIO_FILE_H

#include "cli/cli.h"
#include "exact/scenario.h"

enum { LAB_SOURCES_MAX = 4, LAB_UNCERTAIN_MAX = 16, LAB_TEXT_SIZE = 512 };

/* A documented attack. NAN: not known. */
typedef struct {
    bool given;
    char coin[64], date[32];
    char what[LAB_TEXT_SIZE]; /* what happened, in a sentence */
    double depth;             /* blocks replaced */
    double double_spent_usd;
    double cost_usd; /* published estimate of what the attacker paid for hash */
    char sources[LAB_SOURCES_MAX][256];
    size_t source_count;
    char uncertain[LAB_UNCERTAIN_MAX][48]; /* keys whose figures are rough or disputed */
    size_t uncertain_count;
} lab_documented_attack;

typedef struct {
    char name[64]; /* as it was asked for */
    char about[LAB_TEXT_SIZE];
    lab_scenario scenario;
    lab_documented_attack attack;
} lab_scenario_file;

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
