/* The commands of the laboratory. */
#ifndef POSW_LAB_COMMANDS_H
#define POSW_LAB_COMMANDS_H

#include "cli/cli.h"

extern const cli_command lab_command_double_spend, lab_command_confirmations;
/* What the founder and the miner ask. */
extern const cli_command lab_command_miner, lab_command_compare, lab_command_design, lab_command_sweep;
extern const cli_command lab_command_man, lab_command_words;

/* Monte Carlo on the real rules. */
extern const cli_command lab_command_shares, lab_command_difficulty, lab_command_timestamps, lab_command_fairness;
extern const cli_command lab_command_scarce, lab_command_splitting, lab_command_bootstrap;
extern const cli_command lab_command_selfish, lab_command_network;
extern const cli_command lab_command_attack, lab_command_budget, lab_command_history;
extern const cli_command lab_command_equilibrium, lab_command_leverage;
extern const cli_command lab_command_erlang, lab_command_variance;

#endif
