/* Parsing, for cli_main. Each returns CLI_OK or an exit code after its sentence was printed. */
#ifndef POSW_CLI_OPTIONS_H
#define POSW_CLI_OPTIONS_H

#include "cli/cli.h"

int cli_parse_arguments(cli *c, int argc, char **argv);
int cli_read_config(cli *c);

#endif
