#include "crypto/random.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/word.h"

#include <sodium.h>

/* The first bytes of each block are the key of the next and are never handed out. */
enum { KEY_SIZE = POSW_RANDOM_SEED_SIZE, SWAP_MAX = 256 };

/* The block in place becomes the keystream of the key at its start. The nonce can be constant: no key is used twice. */
static void refill(posw_random *r) {
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
    uint8_t key[KEY_SIZE];
    memcpy(key, r->block, sizeof key);
    (void)crypto_stream_chacha20(r->block, sizeof r->block, nonce, key); /* cannot fail */
    posw_wipe(key, sizeof key);
    r->used = KEY_SIZE;
}

void posw_random_init(posw_random *r, const uint8_t seed[POSW_RANDOM_SEED_SIZE]) {
    memcpy(r->block, seed, KEY_SIZE);
    refill(r);
}

void posw_random_fork(posw_random *out, posw_random *r) {
    uint8_t seed[POSW_RANDOM_SEED_SIZE];
    posw_random_fill(r, seed, sizeof seed);
    posw_random_init(out, seed);
    posw_wipe(seed, sizeof seed);
}

void posw_random_fill(posw_random *r, void *out, size_t size) {
    uint8_t *to = out;
    while (size > 0) {
        if (r->used == sizeof r->block) refill(r);
        const size_t left = sizeof r->block - r->used, n = size < left ? size : left;
        memcpy(to, r->block + r->used, n);
        memset(r->block + r->used, 0, n);
        r->used += n;
        to += n;
        size -= n;
    }
}

uint64_t posw_random_u64(posw_random *r) {
    uint8_t bytes[8];
    posw_random_fill(r, bytes, sizeof bytes);
    return posw_load_le64(bytes);
}

/* Lemire's multiplication: the high word of x * n is the draw; the few x that would make some results more likely than
 * others are drawn again. */
uint64_t posw_random_below(posw_random *r, uint64_t n) {
    POSW_ASSERT(n > 0);
    uint64_t high, low = posw_word_mul(&high, posw_random_u64(r), n);
    if (low < n) {
        const uint64_t threshold = (0 - n) % n; /* 2^64 mod n */
        while (low < threshold)
            low = posw_word_mul(&high, posw_random_u64(r), n);
    }
    return high;
}

bool posw_random_chance(posw_random *r, uint64_t part, uint64_t whole) {
    return posw_random_below(r, whole) < part;
}

void posw_random_shuffle(posw_random *r, void *items, size_t count, size_t size) {
    uint8_t *base = items, swap[SWAP_MAX];
    POSW_ASSERT(size <= sizeof swap);
    for (size_t i = count; i > 1; i--) {
        const size_t j = (size_t)posw_random_below(r, i);
        memcpy(swap, base + (i - 1) * size, size);
        memcpy(base + (i - 1) * size, base + j * size, size);
        memcpy(base + j * size, swap, size);
    }
}

/* -log2(u / 2^64) with 32 bits behind the point, for u >= 1. The whole part is the number of leading zeros; squaring
 * the rest (in [1, 2) with 63 bits behind the point) shows the next bit of its logarithm in its size. */
static uint64_t minus_log2(uint64_t u) {
    const unsigned zeros = (unsigned)__builtin_clzll(u);
    uint64_t x = u << zeros, fraction = 0;
    for (int i = 0; i < 32; i++) {
        uint64_t high;
        const uint64_t low = posw_word_mul(&high, x, x);
        const bool bit = high >> 63 != 0;
        x = bit ? high : high << 1 | low >> 63;
        fraction = fraction << 1 | bit;
    }
    return ((uint64_t)(zeros + 1) << 32) - fraction;
}

uint64_t posw_random_interval(posw_random *r, uint64_t mean) {
    static const uint64_t ln2 = 0xb17217f7u; /* floor(2^32 ln 2) */
    POSW_ASSERT(mean <= 1ULL << 50);
    const uint64_t u = posw_random_u64(r) | 1; /* never zero; odd values stand for intervals of 2^-63 */
    uint64_t high, carried;
    const uint64_t low = posw_word_mul(&high, minus_log2(u), ln2);
    (void)posw_word_mul(&carried, low, mean);
    return high * mean + carried; /* minus_log2 is at most 2^38, so high has 6 bits: the product fits */
}
