#include "cli/suggest.h"

enum { WORD_MAX = 40 };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Letters that are wrong, missing, too many or exchanged with their neighbour. Words above 40 letters are as far from
 * each other as their longer one. Three rows of the table of distances between the beginnings of both words. */
static size_t distance_of(const char *a, size_t a_size, const char *b, size_t b_size) {
    size_t rows[3][WORD_MAX + 1];
    if (a_size > WORD_MAX || b_size > WORD_MAX) return a_size > b_size ? a_size : b_size;
    for (size_t j = 0; j <= b_size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            const size_t other = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(other, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], second[j - 2] + 1);
        }
    }
    return rows[a_size % 3][b_size];
}

void cli_suggest(cli_suggestion *s, const char *candidate, size_t candidate_size) {
    const size_t distance = distance_of(s->word, s->size, candidate, candidate_size);
    const size_t allowed = s->size < 6 ? 1 : s->size / 3;
    if (distance > allowed || (s->nearest != NULL && distance >= s->distance)) return;
    s->nearest = candidate;
    s->nearest_size = candidate_size;
    s->distance = distance;
}
