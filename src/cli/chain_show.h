/* A chain in words, on standard output; and what is allowed but unwise, on standard error. */
#ifndef POSW_CLI_CHAIN_SHOW_H
#define POSW_CLI_CHAIN_SHOW_H

#include "state/genesis.h"

/* The weight rule: a preset with its sentence, or what a rule of its own consists of. */
enum { CLI_WEIGHT_WORDS = 192 };
void cli_weight_words(char out[CLI_WEIGHT_WORDS], const posw_params *p);
void cli_chain_show(const posw_chain_spec *spec);
void cli_chain_warn(const posw_chain_spec *spec);

#endif
