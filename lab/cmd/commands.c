#include "commands.h"

#include <stddef.h>

/* In the order of the help. */
const cli_command *const cli_commands[] = {
    &lab_command_double_spend,
    &lab_command_confirmations,
    NULL,
};
