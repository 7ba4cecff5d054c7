/* 384-bit unsigned numbers: room for sums of up to 2^64 256-bit numbers times 64 bits. For difficulty rules, whose
 * products must be exact. What does not fit stops the program: sizes are known from the parameters' ranges (P2). */
#ifndef POSW_CORE_WIDE_H
#define POSW_CORE_WIDE_H

#include "base/error.h"
#include "base/word.h"
#include "posw/u256.h"

enum { POSW_WIDE_WORDS = 6 };

typedef struct {
    uint64_t w[POSW_WIDE_WORDS]; /* least significant first */
} posw_wide;

static inline posw_wide posw_wide_of(const posw_u256 *v) {
    return (posw_wide){{v->w[0], v->w[1], v->w[2], v->w[3]}};
}

static inline posw_wide posw_wide_add(posw_wide a, const posw_u256 *b) {
    const posw_wide wide = posw_wide_of(b);
    uint64_t carry = 0;
    for (int i = 0; i < POSW_WIDE_WORDS; i++)
        a.w[i] = posw_word_add(&carry, a.w[i], wide.w[i]);
    POSW_ASSERT(carry == 0);
    return a;
}

static inline posw_wide posw_wide_mul(posw_wide a, uint64_t b) {
    uint64_t carry = 0;
    for (int i = 0; i < POSW_WIDE_WORDS; i++)
        a.w[i] = posw_word_mul_add(&carry, a.w[i], b, 0);
    POSW_ASSERT(carry == 0);
    return a;
}

/* Rounded down. b > 0. */
static inline posw_wide posw_wide_div(posw_wide a, uint64_t b) {
    uint64_t rest = 0;
    POSW_ASSERT(b > 0);
    for (int i = POSW_WIDE_WORDS - 1; i >= 0; i--)
        a.w[i] = posw_word_div(&rest, rest, a.w[i], b);
    return a;
}

/* 2^256 - 1 where it is more. */
static inline posw_u256 posw_wide_to_u256(const posw_wide *a) {
    if (a->w[4] != 0 || a->w[5] != 0) return POSW_U256_MAX;
    return (posw_u256){{a->w[0], a->w[1], a->w[2], a->w[3]}};
}

/* a * times / by, rounded down, at most 2^256 - 1. */
static inline posw_u256 posw_wide_share(const posw_u256 *a, uint64_t times, uint64_t by) {
    const posw_wide share = posw_wide_div(posw_wide_mul(posw_wide_of(a), times), by);
    return posw_wide_to_u256(&share);
}

#endif
