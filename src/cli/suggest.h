/* What a mistyped word was meant to be. */
#ifndef POSW_CLI_SUGGEST_H
#define POSW_CLI_SUGGEST_H

#include <stddef.h>

/* The candidate that is nearest to the word so far. Begin with {word, size}. */
typedef struct {
    const char *word;
    size_t size;
    const char *nearest; /* NULL: none is near enough: a third of the word's letters may be wrong, or one */
    size_t nearest_size;
    size_t distance;
} cli_suggestion;

/* Candidates of equal distance: the first stays. */
void cli_suggest(cli_suggestion *s, const char *candidate, size_t candidate_size);

#endif
