/* A quick digest of many words, for logs that are compared with each other: equal words give equal digests, and what
 * differs by chance or by a fault differs in it but for one case in 2^64. Nobody who chooses the words is kept from
 * making two sequences meet: it is no hash for proofs. */
#ifndef POSW_LAB_DIGEST_H
#define POSW_LAB_DIGEST_H

#include "base/word.h"
#include "posw/types.h"

#include <string.h>

typedef struct {
    uint64_t a, b;
} event_digest;

static inline uint64_t digest_fold(uint64_t x, uint64_t y) {
    uint64_t high;
    const uint64_t low = posw_word_mul(&high, x, y);
    return low ^ high;
}

/* 13 cycles for two words. */
static inline void digest_words(event_digest *d, uint64_t x, uint64_t y) {
    d->a = digest_fold(d->a ^ x ^ 0x9e3779b97f4a7c15u, d->b ^ y ^ 0xe7037ed1a0b428dbu);
    d->b += d->a ^ (x << 32 | x >> 32) ^ y;
}

/* All bytes and their number. */
static inline void digest_bytes(event_digest *d, const void *data, size_t size) {
    const uint8_t *p = data;
    uint64_t words[2] = {0, 0};
    const size_t total = size;
    for (; size >= sizeof words; p += sizeof words, size -= sizeof words) {
        memcpy(words, p, sizeof words);
        digest_words(d, words[0], words[1]);
    }
    words[0] = words[1] = 0;
    if (size > 0) memcpy(words, p, size);
    digest_words(d, words[0], words[1] ^ (uint64_t)total << 56 ^ total);
}

#endif
