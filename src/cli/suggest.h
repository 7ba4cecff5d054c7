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

/* Letters that are wrong, missing, too many or exchanged with their neighbour. Words above 40 letters are as far from
 * each other as their longer one. */
size_t cli_distance(const char *a, size_t a_size, const char *b, size_t b_size);
/* Candidates of equal distance: the first stays. */
void cli_suggest(cli_suggestion *s, const char *candidate, size_t candidate_size);

#endif
