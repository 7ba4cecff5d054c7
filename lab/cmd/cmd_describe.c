/* posw lab man, posw lab words */
#include "commands.h"

#include <string.h>

static const cli_option none[] = {{NULL, NULL, NULL, NULL}};

static int run_man(cli *c) {
    (void)c;
    posw_buf b = {0};
    cli_write_man(&b);
    return cli_print(&b);
}

const cli_command lab_command_man = {"lab man",
                                     "",
                                     "print the man page",
                                     "Prints the manual page posw-lab(1) in roff.",
                                     "posw lab man | man -l -",
                                     none,
                                     0,
                                     0,
                                     run_man};

/* The word after "lab ". */
static const char *short_name(const cli_command *command) {
    return strchr(command->name, ' ') + 1;
}

static int run_words(cli *c) {
    posw_buf b = {0};
    for (const cli_command *const *i = cli_commands; *i != NULL; i++) {
        if (c->arg_count == 0)
            posw_buf_printf(&b, "%s ", short_name(*i));
        else if (strcmp(short_name(*i), c->args[0]) == 0)
            cli_write_words(&b, *i);
    }
    return cli_print(&b);
}

const cli_command lab_command_words = {
    "lab words",
    "[COMMAND]",
    "print what a shell completes",
    "Prints the names of the commands; with a command, its options on one line and those that take a value on the "
    "next. "
    "Shell completion asks this.",
    "posw lab words double-spend",
    none,
    0,
    1,
    run_words,
};
