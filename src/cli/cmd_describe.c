/* posw man, posw completion */
#include "cli/commands.h"

#include "cli/observe.h"

static const cli_option none[] = {{NULL, NULL, NULL, NULL}};

static int run_man(cli *c) {
    (void)c;
    posw_buf b = {0};
    cli_write_man(&b);
    return cli_print(&b);
}

static int run_completion(cli *c) {
    posw_buf b = {0};
    if (cli_write_completion(&b, c->args[0]) == POSW_OK) return cli_print(&b);
    posw_buf_clear(&b);
    return cli_usage(c, "the shell must be bash or zsh");
}

const cli_command cli_command_man = {
    "man", "",     "print the man page", "Prints the manual page posw(1) in roff.", "posw man | man -l -", none, 0,
    0,     run_man};
const cli_command cli_command_completion = {"completion",
                                            "SHELL",
                                            "print shell completions",
                                            "Prints completions for bash or zsh.",
                                            "posw completion bash > ~/.local/share/bash-completion/completions/posw",
                                            none,
                                            1,
                                            1,
                                            run_completion};

static int run_metrics(cli *c) {
    (void)c;
    posw_buf b = {0};
    cli_observe_page(&b);
    return cli_print(&b);
}

const cli_command cli_command_metrics = {
    "metrics",
    "",
    "list the numbers that a node gives to Prometheus",
    "Prints the metrics of 'posw node --metrics PORT' as a table in Markdown: names, types, meanings and labels.",
    "posw metrics",
    none,
    0,
    0,
    run_metrics};
