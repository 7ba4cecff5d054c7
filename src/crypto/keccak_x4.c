/* Four sponges side by side: word i of all four states is one 256-bit vector, so that each instruction of the
 * permutation works for four messages. */
#include "crypto/keccak.h"

#include "base/bytes.h"
#include "crypto/keccak_round.h"

enum { LANES = 4 };

#if POSW_KECCAK_X86

typedef uint64_t lanes __attribute__((vector_size(8 * LANES)));

__attribute__((target("avx2"))) static void permute_x4(lanes state[POSW_KECCAK_WORDS]) {
    lanes other[POSW_KECCAK_WORDS];
    for (int i = 0; i < POSW_KECCAK_ROUNDS; i += 2) {
        const uint64_t a = posw_keccak_iota[i], b = posw_keccak_iota[i + 1];
        const lanes first = {a, a, a, a}, second = {b, b, b, b};
        KECCAK_ROUND(lanes, other, state, first);
        KECCAK_ROUND(lanes, state, other, second);
    }
}

/* The words of one block of a message, the last one padded, go into one lane of `words`. A message that is through is
 * left as it is: its digest is taken already. */
static void fill_lane(uint64_t words[POSW_KECCAK_RATE_WORDS][LANES], int lane, const posw_bytes *in, size_t block) {
    size_t whole = in->size / POSW_KECCAK_RATE, i = 0;
    if (block > whole) return;
    const uint8_t *p = in->size > 0 ? in->data + block * POSW_KECCAK_RATE : NULL;
    size_t left = block < whole ? POSW_KECCAK_RATE : in->size % POSW_KECCAK_RATE;
    for (; left >= 8; p += 8, left -= 8)
        words[i++][lane] = posw_load_le64(p);
    if (block < whole) return;
    words[i++][lane] = posw_keccak_tail(p, left);
    while (i < POSW_KECCAK_RATE_WORDS)
        words[i++][lane] = 0;
    words[POSW_KECCAK_RATE_WORDS - 1][lane] ^= posw_keccak_pad_end;
}

__attribute__((target("avx2"))) static void keccak256_x4_avx2(posw_hash *out[LANES], const posw_bytes in[LANES]) {
    lanes state[POSW_KECCAK_WORDS];
    uint64_t words[POSW_KECCAK_RATE_WORDS][LANES], digest[4][LANES];
    posw_hash hash[LANES]; /* outputs may lie in inputs: written at the end */
    size_t blocks = 0;
    for (int l = 0; l < LANES; l++)
        blocks = in[l].size / POSW_KECCAK_RATE + 1 > blocks ? in[l].size / POSW_KECCAK_RATE + 1 : blocks;
#pragma GCC unroll 25
    for (int i = 0; i < POSW_KECCAK_WORDS; i++)
        state[i] = (lanes){0};
    for (size_t block = 0; block < blocks; block++) {
        for (int l = 0; l < LANES; l++)
            fill_lane(words, l, &in[l], block);
        for (int i = 0; i < POSW_KECCAK_RATE_WORDS; i++) {
            lanes word;
            memcpy(&word, words[i], sizeof word);
            state[i] ^= word;
        }
        permute_x4(state);
        memcpy(digest, state, sizeof digest);
        for (int l = 0; l < LANES; l++)
            for (size_t i = 0; block == in[l].size / POSW_KECCAK_RATE && i < 4; i++)
                posw_store_le64(hash[l].b + 8 * i, digest[i][l]);
    }
    for (int l = 0; l < LANES; l++)
        *out[l] = hash[l];
}

#endif

static void keccak256_x4_plain(posw_hash *out[LANES], const posw_bytes in[LANES]) {
    posw_hash hash[LANES];
    for (int l = 0; l < LANES; l++)
        posw_keccak256(&hash[l], in[l].data, in[l].size);
    for (int l = 0; l < LANES; l++)
        *out[l] = hash[l];
}

void posw_keccak256_x4(posw_hash *out[LANES], const posw_bytes in[LANES]) {
#if POSW_KECCAK_X86
    if (__builtin_cpu_supports("avx2")) {
        keccak256_x4_avx2(out, in);
        return;
    }
#endif
    keccak256_x4_plain(out, in);
}
