/* A slow, plain big integer of 3,072 bits to check fast arithmetic against: 16-bit digits, schoolbook everything. */
#ifndef POSW_TEST_CORE_SLOW_H
#define POSW_TEST_CORE_SLOW_H

#include "posw/types.h"

#include <string.h>

enum { SLOW_DIGITS = 192 };
typedef struct {
    uint32_t d[SLOW_DIGITS]; /* each below 2^16, lowest first */
} slow;

static inline slow slow_of(const posw_u256 *v) {
    slow out = {{0}};
    for (int i = 0; i < 16; i++)
        out.d[i] = (uint32_t)(v->w[i / 4] >> (16 * (i % 4)) & 0xffff);
    return out;
}

static inline slow slow_u64(uint64_t v) {
    const posw_u256 wide = {{v, 0, 0, 0}};
    return slow_of(&wide);
}

static inline int slow_cmp(const slow *a, const slow *b) {
    for (int i = SLOW_DIGITS - 1; i >= 0; i--)
        if (a->d[i] != b->d[i]) return a->d[i] < b->d[i] ? -1 : 1;
    return 0;
}

/* The product must be below 2^3072. */
static inline slow slow_mul(const slow *a, const slow *b) {
    slow out = {{0}};
    for (int i = 0; i < SLOW_DIGITS; i++) {
        uint64_t carry = 0;
        for (int k = 0; a->d[i] != 0 && i + k < SLOW_DIGITS; k++) {
            const uint64_t t = (uint64_t)a->d[i] * b->d[k] + out.d[i + k] + carry;
            out.d[i + k] = (uint32_t)(t & 0xffff);
            carry = t >> 16;
        }
    }
    return out;
}

static inline slow slow_add(const slow *a, const slow *b) {
    slow out;
    uint32_t carry = 0;
    for (int i = 0; i < SLOW_DIGITS; i++) {
        const uint32_t t = a->d[i] + b->d[i] + carry;
        out.d[i] = t & 0xffff;
        carry = t >> 16;
    }
    return out;
}

/* a >= b */
static inline slow slow_sub(const slow *a, const slow *b) {
    slow out;
    uint32_t borrow = 0;
    for (int i = 0; i < SLOW_DIGITS; i++) {
        const uint32_t t = a->d[i] + 0x10000 - b->d[i] - borrow;
        out.d[i] = t & 0xffff;
        borrow = 1 - (t >> 16);
    }
    return out;
}

static inline slow slow_double(const slow *a) {
    return slow_add(a, a);
}

static inline slow slow_half(const slow *a) {
    slow out = {{0}};
    for (int i = 0; i < SLOW_DIGITS; i++)
        out.d[i] = a->d[i] >> 1 | (i + 1 < SLOW_DIGITS ? (a->d[i + 1] & 1) << 15 : 0);
    return out;
}

static inline slow slow_shift(slow a, int bits) {
    for (; bits > 0; bits--)
        a = slow_double(&a);
    for (; bits < 0; bits++)
        a = slow_half(&a);
    return a;
}

/* Bit by bit; d != 0, n < 2^3071 */
static inline slow slow_div(const slow *n, const slow *d) {
    slow q = {{0}}, r = {{0}};
    for (int bit = SLOW_DIGITS * 16 - 1; bit >= 0; bit--) {
        r = slow_double(&r);
        r.d[0] |= n->d[bit / 16] >> (bit % 16) & 1;
        if (slow_cmp(&r, d) < 0) continue;
        r = slow_sub(&r, d);
        q.d[bit / 16] |= 1u << (bit % 16);
    }
    return q;
}

/* The same where the rest is a word; d != 0 */
static inline slow slow_div_u64(const slow *n, uint64_t d) {
    slow q = {{0}};
    uint64_t rest = 0;
    int bit = SLOW_DIGITS * 16 - 1;
    while (bit > 0 && n->d[bit / 16] == 0)
        bit--;
    for (; bit >= 0; bit--) {
        const bool over = rest >> 63 != 0;
        rest = rest << 1 | (n->d[bit / 16] >> (bit % 16) & 1);
        if (!over && rest < d) continue;
        rest -= d;
        q.d[bit / 16] |= 1u << (bit % 16);
    }
    return q;
}

/* The lowest 256 bits; *fits (may be NULL) tells if that is all. */
static inline posw_u256 slow_low(const slow *a, bool *fits) {
    posw_u256 v = {{0}};
    for (int i = 0; i < 16; i++)
        v.w[i / 4] |= (uint64_t)a->d[i] << (16 * (i % 4));
    if (fits == NULL) return v;
    *fits = true;
    for (int i = 16; i < SLOW_DIGITS; i++)
        *fits = *fits && a->d[i] == 0;
    return v;
}

#endif
