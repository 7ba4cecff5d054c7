/* The 2,048 English words of BIP-39, in alphabetical order: the position of a word is its 11-bit value. */
#ifndef POSW_WALLET_WORDLIST_EN_H
#define POSW_WALLET_WORDLIST_EN_H

enum { POSW_WORDLIST_SIZE = 2048, POSW_WORD_LETTERS_MAX = 8 };

extern const char posw_wordlist_en[POSW_WORDLIST_SIZE][POSW_WORD_LETTERS_MAX + 1];

#endif
