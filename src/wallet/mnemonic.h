/* Mnemonic sentences of BIP-39 with the English word list.
 *
 * 16, 20, 24, 28 or 32 bytes of entropy and the first bits of their SHA-256 are cut into groups of 11 bits; each is a
 * word: 12, 15, 18, 21 or 24 of them. The sentence and an optional passphrase give the 64-byte seed of BIP-32.
 *
 * What people type is forgiven where nothing can be confused: blanks and line ends between words may be any and any
 * number, letters may be of either case. The seed is always that of the one canonical sentence (lower case, single
 * blanks). A sentence whose checksum is wrong gives no seed. The BIP wants Unicode NFKD for the passphrase, which
 * changes nothing in ASCII; anything else is refused rather than turned into a seed that another wallet would not find.
 *
 * No randomness here: the caller brings the entropy. All memory is the caller's; copies made here are wiped. A message
 * about a word that is not in the list names it and the nearest that are (word_guess.h), so it is for the terminal of
 * who typed it and not for a log; no message holds another word. Source: BIP-39. */
#ifndef POSW_WALLET_MNEMONIC_H
#define POSW_WALLET_MNEMONIC_H

#include "base/error.h"

enum {
    POSW_MNEMONIC_ENTROPY_MIN = 16,
    POSW_MNEMONIC_ENTROPY_MAX = 32,
    POSW_MNEMONIC_WORDS_MAX = 24,
    POSW_MNEMONIC_SIZE = POSW_MNEMONIC_WORDS_MAX * 9, /* words of at most 8 letters, blanks and the NUL */
    POSW_MNEMONIC_TEXT_MAX = 1024,                    /* bytes of typed text that are looked at */
    POSW_MNEMONIC_SEED_SIZE = 64,
    POSW_MNEMONIC_PASSPHRASE_MAX = 256,
};

/* Entropy of 16, 20, 24, 28 or 32 bytes to the canonical sentence, NUL-terminated. POSW_EINVAL for another size. */
POSW_MUST_USE int posw_mnemonic_encode(char out[POSW_MNEMONIC_SIZE], const uint8_t *entropy, size_t entropy_size);

/* A typed sentence (NUL-terminated) to its entropy; *entropy_size bytes of `entropy` are written, on success only.
 * Returns POSW_OK; POSW_EPARSE for a wrong number of words, an unknown word or more than POSW_MNEMONIC_TEXT_MAX bytes;
 * POSW_ECHECKSUM if the words do not belong together. `msg` may be NULL. */
POSW_MUST_USE int posw_mnemonic_decode(uint8_t entropy[POSW_MNEMONIC_ENTROPY_MAX], size_t *entropy_size,
                                       const char *text, posw_message *msg);

/* The seed of a typed sentence and a passphrase (NUL-terminated, NULL means none): PBKDF2-HMAC-SHA512 with 2,048
 * rounds, about 2 ms. Errors of posw_mnemonic_decode; POSW_EUNSUPPORTED for a passphrase with a byte outside printable
 * ASCII; POSW_ERANGE for one above POSW_MNEMONIC_PASSPHRASE_MAX bytes; POSW_ENOMEM. */
POSW_MUST_USE int posw_mnemonic_seed(uint8_t seed[POSW_MNEMONIC_SEED_SIZE], const char *text, const char *passphrase,
                                     posw_message *msg);

#endif
