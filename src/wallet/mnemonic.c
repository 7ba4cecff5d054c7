#include "wallet/mnemonic.h"

#include "base/bytes.h"
#include "crypto/digest.h"
#include "wallet/word_guess.h"
#include "wallet/wordlist_en.h"

#include <stdio.h>

enum {
    WORD_BITS = 11,
    /* Entropy, one byte of checksum, and room to read three bytes at the last word. */
    PACKED_SIZE = POSW_MNEMONIC_ENTROPY_MAX + 3,
    SEED_ROUNDS = 2048,
};

static bool entropy_size_valid(size_t size) {
    return size >= POSW_MNEMONIC_ENTROPY_MIN && size <= POSW_MNEMONIC_ENTROPY_MAX && size % 4 == 0;
}

/* n bytes carry 8n bits and n/4 bits of checksum: 33n/4 bits in words of 11. */
static size_t word_count_of(size_t entropy_size) {
    return entropy_size * 3 / 4;
}

static uint8_t checksum_of(const uint8_t *entropy, size_t size) {
    uint8_t digest[32];
    posw_sha256(digest, entropy, size);
    uint8_t bits = (uint8_t)(digest[0] & (0xff00 >> (size / 4)));
    posw_wipe(digest, sizeof digest);
    return bits;
}

static unsigned read_word(const uint8_t *packed, size_t i) {
    size_t bit = i * WORD_BITS;
    const uint8_t *p = packed + bit / 8;
    uint32_t window = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
    return window >> (24 - WORD_BITS - bit % 8) & 0x7ff;
}

static void write_word(uint8_t *packed, size_t i, unsigned word) {
    size_t bit = i * WORD_BITS;
    uint8_t *p = packed + bit / 8;
    uint32_t window = (uint32_t)word << (24 - WORD_BITS - bit % 8);
    p[0] |= (uint8_t)(window >> 16);
    p[1] |= (uint8_t)(window >> 8);
    p[2] |= (uint8_t)window;
}

int posw_mnemonic_encode(char out[POSW_MNEMONIC_SIZE], const uint8_t *entropy, size_t entropy_size) {
    if (!entropy_size_valid(entropy_size)) return POSW_EINVAL;
    uint8_t packed[PACKED_SIZE] = {0};
    memcpy(packed, entropy, entropy_size);
    packed[entropy_size] = checksum_of(entropy, entropy_size);

    char *end = out;
    for (size_t i = 0; i < word_count_of(entropy_size); i++) {
        const char *word = posw_wordlist_en[read_word(packed, i)];
        size_t letters = strlen(word);
        if (i > 0) *end++ = ' ';
        memcpy(end, word, letters);
        end += letters;
    }
    *end = 0;
    posw_wipe(packed, sizeof packed);
    return POSW_OK;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The value of a word of `size` letters of either case, -1 if it is not in the list. */
static int find_word(const char *text, size_t size) {
    if (size > POSW_WORD_LETTERS_MAX) return -1;
    char word[POSW_WORD_LETTERS_MAX + 1] = {0};
    for (size_t i = 0; i < size; i++)
        word[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
    int low = 0, high = POSW_WORDLIST_SIZE - 1, found = -1;
    while (found < 0 && low <= high) {
        int middle = (low + high) / 2;
        int order = strcmp(word, posw_wordlist_en[middle]);
        if (order == 0)
            found = middle;
        else if (order < 0)
            high = middle - 1;
        else
            low = middle + 1;
    }
    posw_wipe(word, sizeof word);
    return found;
}

static bool is_plain_word(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        if ((text[i] < 'a' || text[i] > 'z') && (text[i] < 'A' || text[i] > 'Z')) return false;
    return size <= POSW_WORD_GUESS_LETTERS_MAX;
}

/* "word 3, 'abuot', is not in the English list of BIP-39; did you mean about?" */
static int unknown_word(posw_message *msg, size_t position, const char *text, size_t size) {
    const char *guesses[POSW_WORD_GUESSES_MAX];
    const size_t count = posw_word_guess(guesses, text, size);
    char name[POSW_WORD_GUESS_LETTERS_MAX + 8] = "", nearest[64] = "check its spelling";
    if (is_plain_word(text, size)) snprintf(name, sizeof name, ", '%.*s',", (int)size, text);
    for (size_t i = 0, at = 0; i < count; i++)
        at += (size_t)snprintf(nearest + at, sizeof nearest - at, "%s%s%s",
                               i == 0           ? "did you mean "
                               : i + 1 == count ? " or "
                                                : ", ",
                               guesses[i], i + 1 == count ? "?" : "");
    return posw_message_set(msg, POSW_EPARSE, "word %zu of the mnemonic%s is not in the English list of BIP-39; %s",
                            position, name, nearest);
}

/* Packs the words of the text; their number goes to *count. */
static int pack_words(uint8_t packed[PACKED_SIZE], size_t *count, const char *text, posw_message *msg) {
    size_t words = 0;
    if (strnlen(text, POSW_MNEMONIC_TEXT_MAX + 1) > POSW_MNEMONIC_TEXT_MAX)
        return posw_message_set(msg, POSW_EPARSE, "the mnemonic is longer than %d bytes; give 12 to 24 words",
                                POSW_MNEMONIC_TEXT_MAX);
    for (const char *p = text;;) {
        while (is_blank(*p))
            p++;
        if (!*p) break;
        const char *start = p;
        while (*p && !is_blank(*p))
            p++;
        if (words == POSW_MNEMONIC_WORDS_MAX)
            return posw_message_set(msg, POSW_EPARSE, "the mnemonic has more than %d words; give 12, 15, 18, 21 or 24",
                                    POSW_MNEMONIC_WORDS_MAX);
        int word = find_word(start, (size_t)(p - start));
        if (word < 0) return unknown_word(msg, words + 1, start, (size_t)(p - start));
        write_word(packed, words++, (unsigned)word);
    }
    if (words < 12 || words % 3 != 0)
        return posw_message_set(msg, POSW_EPARSE, "the mnemonic has %zu words; give 12, 15, 18, 21 or 24", words);
    *count = words;
    return POSW_OK;
}

int posw_mnemonic_decode(uint8_t entropy[POSW_MNEMONIC_ENTROPY_MAX], size_t *entropy_size, const char *text,
                         posw_message *msg) {
    uint8_t packed[PACKED_SIZE] = {0};
    size_t words = 0;
    int error = pack_words(packed, &words, text, msg);
    if (error == POSW_OK) {
        size_t size = words * 4 / 3;
        if (packed[size] != checksum_of(packed, size)) {
            error = posw_message_set(msg, POSW_ECHECKSUM,
                                     "the checksum of the mnemonic is wrong: a word is replaced or the order is "
                                     "changed; compare it with your copy");
        } else {
            memcpy(entropy, packed, size);
            *entropy_size = size;
        }
    }
    posw_wipe(packed, sizeof packed);
    return error;
}

static int check_passphrase(const char *passphrase, posw_message *msg) {
    size_t size = 0;
    for (; passphrase[size]; size++) {
        if (size == POSW_MNEMONIC_PASSPHRASE_MAX)
            return posw_message_set(msg, POSW_ERANGE, "the mnemonic's passphrase is longer than %d characters",
                                    POSW_MNEMONIC_PASSPHRASE_MAX);
        if (passphrase[size] < 0x20 || passphrase[size] > 0x7e)
            return posw_message_set(msg, POSW_EUNSUPPORTED,
                                    "the mnemonic's passphrase has a character that is not printable ASCII; only "
                                    "letters, digits, blanks and signs of ASCII are supported");
    }
    return POSW_OK;
}

int posw_mnemonic_seed(uint8_t seed[POSW_MNEMONIC_SEED_SIZE], const char *text, const char *passphrase,
                       posw_message *msg) {
    if (!passphrase) passphrase = "";
    int error = check_passphrase(passphrase, msg);
    if (error) return error;
    uint8_t entropy[POSW_MNEMONIC_ENTROPY_MAX];
    size_t entropy_size;
    error = posw_mnemonic_decode(entropy, &entropy_size, text, msg);
    if (error) return error;

    char sentence[POSW_MNEMONIC_SIZE];
    char salt[8 + POSW_MNEMONIC_PASSPHRASE_MAX] = "mnemonic";
    uint8_t derived[POSW_MNEMONIC_SEED_SIZE];
    size_t passphrase_size = strlen(passphrase);
    memcpy(salt + 8, passphrase, passphrase_size);
    error = posw_mnemonic_encode(sentence, entropy, entropy_size);
    POSW_ASSERT(error == POSW_OK); /* what was decoded has a valid size */
    if (posw_pbkdf2_sha512(derived, sizeof derived, sentence, strlen(sentence), salt, 8 + passphrase_size, SEED_ROUNDS))
        memcpy(seed, derived, sizeof derived);
    else
        error = posw_message_set(msg, POSW_ENOMEM, "out of memory while the seed was derived");
    posw_wipe(entropy, sizeof entropy);
    posw_wipe(sentence, sizeof sentence);
    posw_wipe(salt, sizeof salt);
    posw_wipe(derived, sizeof derived);
    return error;
}
