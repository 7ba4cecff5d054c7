#include "commands.h"

#include <stddef.h>

/* In the order of the help. */
const cli_command *const cli_commands[] = {
    &lab_command_double_spend,
    &lab_command_confirmations,
    &lab_command_shares,
    &lab_command_difficulty,
    &lab_command_timestamps,
    &lab_command_fairness,
    NULL,
};
