/* The questions of `posw chain new` on a terminal. */
#ifndef POSW_CLI_WIZARD_H
#define POSW_CLI_WIZARD_H

#include "cli/new_chain.h"

typedef struct {
    /* The answers, owned; NULL: the default. */
    char *texts[NEW_CHAIN_CHOICES];
    char *target; /* owned: a file (its name ends in .json), or a folder for a bundle */
} wizard_answers;

/* Whether both standard input and output are a terminal. */
bool wizard_possible(void);
/* Asks one after the other, from the options that are given as defaults, and shows at the end what the chain is.
 * `target`: what the command line says, or NULL. `show` prints the summary. CLI_OK: it shall be written; CLI_FAILED
 * after a sentence: not. Nothing is written here. */
int wizard_ask(const cli *c, wizard_answers *out, const char *target, uint64_t genesis_time,
               void (*show)(const posw_chain_spec *spec));
void wizard_answers_clear(wizard_answers *a);

#endif
