/* What somebody meant who mistyped a word of a mnemonic. Pure, no allocation. */
#ifndef POSW_WALLET_WORD_GUESS_H
#define POSW_WALLET_WORD_GUESS_H

#include "posw/types.h"

enum {
    POSW_WORD_GUESSES_MAX = 3,
    POSW_WORD_GUESS_DISTANCE_MAX = 2, /* slips that are looked through */
    POSW_WORD_GUESS_LETTERS_MAX = 16, /* of a typed word; none of the list is near a longer one */
};

/* The words of the English list with the fewest slips from `text` (`size` letters, either case): a letter too many, too
 * few, another one, or two neighbours exchanged. Only the nearest are given, in the order of the list, borrowed from
 * it; 0 of them if all are further than POSW_WORD_GUESS_DISTANCE_MAX. Returns their number. */
size_t posw_word_guess(const char *guesses[POSW_WORD_GUESSES_MAX], const char *text, size_t size);

#endif
