/* A chain in words, on standard output; and what is allowed but unwise, on standard error. */
#ifndef POSW_CLI_CHAIN_SHOW_H
#define POSW_CLI_CHAIN_SHOW_H

#include "state/genesis.h"

void cli_chain_show(const posw_chain_spec *spec);
void cli_chain_warn(const posw_chain_spec *spec);

#endif
