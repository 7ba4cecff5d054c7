/* One round of Keccak-f[1600], written once for plain words and for vectors of words. Internal to src/crypto.
 *
 * State word x + 5 y is lane (x, y) of the Keccak reference, https://keccak.team/files/Keccak-reference-3.0.pdf. A
 * round reads `from` and writes `to` (two arrays of 25 that take turns), so that rho and pi need no copies: theta's
 * column sums are taken first; then each row of `to` gathers its five words of `from`, wherever rho and pi bring them
 * from, and chi combines them at once. All indices are constants, so the compiler keeps the rows in registers. */
#ifndef POSW_CRYPTO_KECCAK_ROUND_H
#define POSW_CRYPTO_KECCAK_ROUND_H

#include "base/bytes.h"

/* Whether to ask the processor for faster instructions; POSW_KECCAK_PORTABLE and POSW_KECCAK_NO_AVX512 let tests build
 * the code for the others. */
#if defined(__x86_64__) && !defined(POSW_KECCAK_PORTABLE)
#define POSW_KECCAK_X86 1
#else
#define POSW_KECCAK_X86 0
#endif
#ifndef POSW_KECCAK_NO_AVX512
#define POSW_KECCAK_NO_AVX512 0
#endif

enum { POSW_KECCAK_ROUNDS = 24, POSW_KECCAK_WORDS = 25, POSW_KECCAK_RATE = 136, POSW_KECCAK_RATE_WORDS = 17 };

static const uint64_t posw_keccak_iota[POSW_KECCAK_ROUNDS] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};

/* The bytes after a message's last whole word, size < 8 of them, followed by the first bit of the padding. */
static inline uint64_t posw_keccak_tail(const uint8_t *p, size_t size) {
    uint64_t word = (uint64_t)1 << (8 * size);
    for (size_t i = 0; i < size; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return word;
}
/* The last bit of the padding, in word 16. */
static const uint64_t posw_keccak_pad_end = (uint64_t)1 << 63;

/* n is 0..63; the mask keeps a rotation by 0 from shifting by 64. */
#define KECCAK_ROTL(v, n) ((v) << (n) | (v) >> (-(n)&63))

#define KECCAK_COLUMN(from, x) ((from)[x] ^ (from)[(x) + 5] ^ (from)[(x) + 10] ^ (from)[(x) + 15] ^ (from)[(x) + 20])

/* wI: the word of `from` that lands in column I; eI: its theta effect; rI: its rotation. */
#define KECCAK_ROW(word, to, from, w0, e0, r0, w1, e1, r1, w2, e2, r2, w3, e3, r3, w4, e4, r4)       \
    do {                                                                                             \
        word b0 = (from)[w0] ^ e0, b1 = (from)[w1] ^ e1, b2 = (from)[w2] ^ e2, b3 = (from)[w3] ^ e3, \
             b4 = (from)[w4] ^ e4;                                                                   \
        b0 = KECCAK_ROTL(b0, r0);                                                                    \
        b1 = KECCAK_ROTL(b1, r1);                                                                    \
        b2 = KECCAK_ROTL(b2, r2);                                                                    \
        b3 = KECCAK_ROTL(b3, r3);                                                                    \
        b4 = KECCAK_ROTL(b4, r4);                                                                    \
        (to)[0] = b0 ^ (~b1 & b2);                                                                   \
        (to)[1] = b1 ^ (~b2 & b3);                                                                   \
        (to)[2] = b2 ^ (~b3 & b4);                                                                   \
        (to)[3] = b3 ^ (~b4 & b0);                                                                   \
        (to)[4] = b4 ^ (~b0 & b1);                                                                   \
    } while (0)

/* word: the type of an element; iota: the round constant as such a word. */
#define KECCAK_ROUND(word, to, from, iota)                                                                   \
    do {                                                                                                     \
        const word c0 = KECCAK_COLUMN(from, 0), c1 = KECCAK_COLUMN(from, 1), c2 = KECCAK_COLUMN(from, 2),    \
                   c3 = KECCAK_COLUMN(from, 3), c4 = KECCAK_COLUMN(from, 4);                                 \
        const word e0 = c4 ^ KECCAK_ROTL(c1, 1), e1 = c0 ^ KECCAK_ROTL(c2, 1), e2 = c1 ^ KECCAK_ROTL(c3, 1), \
                   e3 = c2 ^ KECCAK_ROTL(c4, 1), e4 = c3 ^ KECCAK_ROTL(c0, 1);                               \
        KECCAK_ROW(word, to, from, 0, e0, 0, 6, e1, 44, 12, e2, 43, 18, e3, 21, 24, e4, 14);                 \
        KECCAK_ROW(word, (to) + 5, from, 3, e3, 28, 9, e4, 20, 10, e0, 3, 16, e1, 45, 22, e2, 61);           \
        KECCAK_ROW(word, (to) + 10, from, 1, e1, 1, 7, e2, 6, 13, e3, 25, 19, e4, 8, 20, e0, 18);            \
        KECCAK_ROW(word, (to) + 15, from, 4, e4, 27, 5, e0, 36, 11, e1, 10, 17, e2, 15, 23, e3, 56);         \
        KECCAK_ROW(word, (to) + 20, from, 2, e2, 62, 8, e3, 55, 14, e4, 39, 15, e0, 41, 21, e1, 2);          \
        (to)[0] ^= (iota);                                                                                   \
    } while (0)

#endif
