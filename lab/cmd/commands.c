#include "commands.h"

#include <stddef.h>

const cli_program cli_this_program = {
    "posw lab",
    "posw-lab",
    "the laboratory: what attacks cost, who earns, what is burnt",
    "Answers what a founder, a miner or a researcher asks about weight rules, with the consensus code of the node. "
    "Every "
    "answer names its model, what it assumes, its seed and its error bars. --json prints it for programs, --html FILE "
    "writes a page with charts.",
    "  posw lab double-spend --q 0.3 --z 6\n",
};

/* In the order of the help. */
/* clang-format off */
const cli_command *const cli_commands[] = {
    &lab_command_double_spend,
    &lab_command_confirmations,
    &lab_command_shares,
    &lab_command_difficulty,
    &lab_command_timestamps,
    &lab_command_fairness,
    &lab_command_scarce,
    &lab_command_splitting,
    &lab_command_bootstrap,
    &lab_command_selfish,
    &lab_command_network,
    &lab_command_attack,
    &lab_command_budget,
    &lab_command_history,
    &lab_command_equilibrium,
    &lab_command_leverage,
    &lab_command_erlang,
    &lab_command_variance,
    &lab_command_compare,
    &lab_command_design,
    &lab_command_miner,
    &lab_command_sweep,
    &lab_command_man,
    &lab_command_words,
    NULL,
};
/* clang-format on */
