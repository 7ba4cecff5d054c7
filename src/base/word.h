/* Arithmetic of 64-bit words whose results need two of them: what wider numbers are made of.
 *
 * Where the compiler has integers of 128 bits they are used; elsewhere (32-bit machines) the same is made from halves
 * of words. The functions _halves are compiled everywhere, so that tests compare the two. */
#ifndef POSW_BASE_WORD_H
#define POSW_BASE_WORD_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__SIZEOF_INT128__) && !defined(POSW_WORD_PORTABLE)
#define POSW_WORD_INT128 1
#else
#define POSW_WORD_INT128 0
#endif

/* ---- from halves ---- */

/* a * b: returns the low word. */
static inline uint64_t posw_word_mul_halves(uint64_t *high, uint64_t a, uint64_t b) {
    const uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    const uint64_t low = a0 * b0;
    const uint64_t middle = a1 * b0 + (low >> 32); /* at most (2^32-1)^2 + 2^32 - 1: fits */
    const uint64_t other = a0 * b1 + (uint32_t)middle;
    *high = a1 * b1 + (middle >> 32) + (other >> 32);
    return other << 32 | (uint32_t)low;
}

/* (hi * 2^64 + lo) / d for hi < d; the quotient is one word. Knuth's algorithm D (The Art of Computer Programming
 * 2, 4.3.1) with digits of 32 bits. */
static inline uint64_t posw_word_div_halves(uint64_t *rest, uint64_t hi, uint64_t lo, uint64_t d) {
    const unsigned shift = (unsigned)__builtin_clzll(d);
    d <<= shift;
    hi = hi << shift | lo >> 1 >> (63 - shift); /* two steps, since a shift by 64 is undefined */
    lo <<= shift;
    const uint64_t d1 = d >> 32, d0 = (uint32_t)d;
    uint64_t quotient = 0;
    for (int i = 0; i < 2; i++) {
        const uint64_t digit = i == 0 ? lo >> 32 : (uint32_t)lo;
        uint64_t q = hi / d1, r = hi % d1;
        /* The estimate is at most two too large. */
        while (q >> 32 != 0 || q * d0 > (r << 32 | digit)) {
            q--;
            r += d1;
            if (r >> 32 != 0) break;
        }
        hi = (hi << 32 | digit) - q * d; /* modulo 2^64, where both are short of the same multiple */
        quotient = quotient << 32 | q;
    }
    *rest = hi >> shift;
    return quotient;
}

/* ---- for users ---- */

/* a * b: returns the low word. */
static inline uint64_t posw_word_mul(uint64_t *high, uint64_t a, uint64_t b) {
#if POSW_WORD_INT128
    const unsigned __int128 product = (unsigned __int128)a * b;
    *high = (uint64_t)(product >> 64);
    return (uint64_t)product;
#else
    return posw_word_mul_halves(high, a, b);
#endif
}

/* a + b + *carry, which is 0 or 1 before and after: returns the low word. */
static inline uint64_t posw_word_add(uint64_t *carry, uint64_t a, uint64_t b) {
    uint64_t sum;
    const bool first = __builtin_add_overflow(a, b, &sum), second = __builtin_add_overflow(sum, *carry, &sum);
    *carry = first | second;
    return sum;
}

/* a - b - *borrow, which is 0 or 1 before and after. */
static inline uint64_t posw_word_sub(uint64_t *borrow, uint64_t a, uint64_t b) {
    uint64_t difference;
    const bool first = __builtin_sub_overflow(a, b, &difference),
               second = __builtin_sub_overflow(difference, *borrow, &difference);
    *borrow = first | second;
    return difference;
}

/* a * b + c + *carry: returns the low word, *carry becomes the high one. It always fits: (2^64-1)^2 + 2 * (2^64-1) =
 * 2^128 - 1. */
static inline uint64_t posw_word_mul_add(uint64_t *carry, uint64_t a, uint64_t b, uint64_t c) {
#if POSW_WORD_INT128
    const unsigned __int128 sum = (unsigned __int128)a * b + c + *carry;
    *carry = (uint64_t)(sum >> 64);
    return (uint64_t)sum;
#else
    uint64_t high, over = 0;
    uint64_t low = posw_word_add(&over, posw_word_mul_halves(&high, a, b), c);
    high += over;
    over = 0;
    low = posw_word_add(&over, low, *carry);
    *carry = high + over;
    return low;
#endif
}

/* (hi * 2^64 + lo) / d and the rest, for hi < d: the quotient is one word. */
static inline uint64_t posw_word_div(uint64_t *rest, uint64_t hi, uint64_t lo, uint64_t d) {
#if defined(__x86_64__) && POSW_WORD_INT128
    uint64_t q, r;
    __asm__("divq %4" : "=a"(q), "=d"(r) : "0"(lo), "1"(hi), "r"(d) : "cc");
    *rest = r;
    return q;
#elif POSW_WORD_INT128
    const unsigned __int128 n = (unsigned __int128)hi << 64 | lo;
    *rest = (uint64_t)(n % d);
    return (uint64_t)(n / d);
#else
    return posw_word_div_halves(rest, hi, lo, d);
#endif
}

/* a * b / d, rounded down; 2^64 - 1 where that is more. d > 0. */
static inline uint64_t posw_word_muldiv(uint64_t a, uint64_t b, uint64_t d) {
    uint64_t high, rest;
    const uint64_t low = posw_word_mul(&high, a, b);
    return high >= d ? UINT64_MAX : posw_word_div(&rest, high, low, d);
}

#endif
