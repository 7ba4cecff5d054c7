#include "wallet/word_guess.h"

#include "base/bytes.h"
#include "wallet/wordlist_en.h"

enum { TYPED_MAX = POSW_WORD_GUESS_LETTERS_MAX };

static unsigned least(unsigned a, unsigned b) {
    return a < b ? a : b;
}

/* Optimal string alignment: the rows of the usual table, of which the last three are kept. */
static unsigned distance(const char *a, size_t a_size, const char *b) {
    enum { ROW = POSW_WORD_LETTERS_MAX + 1 };
    unsigned rows[3][ROW], *before = rows[0], *above = rows[1], *row = rows[2];
    const size_t b_size = strlen(b);
    for (size_t j = 0; j <= b_size; j++)
        before[j] = above[j] = (unsigned)j;
    for (size_t i = 1; i <= a_size; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        unsigned *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b_size];
}

size_t posw_word_guess(const char *guesses[POSW_WORD_GUESSES_MAX], const char *text, size_t size) {
    char typed[TYPED_MAX];
    unsigned best = POSW_WORD_GUESS_DISTANCE_MAX;
    size_t count = 0;
    if (size == 0 || size > TYPED_MAX) return 0;
    for (size_t i = 0; i < size; i++)
        typed[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
    for (size_t i = 0; i < POSW_WORDLIST_SIZE; i++) {
        const unsigned d = distance(typed, size, posw_wordlist_en[i]);
        if (d > best) continue;
        if (d < best) count = 0;
        best = d;
        if (count < POSW_WORD_GUESSES_MAX) guesses[count++] = posw_wordlist_en[i];
    }
    posw_wipe(typed, sizeof typed);
    return count;
}
