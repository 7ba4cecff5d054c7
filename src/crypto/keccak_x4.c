/* Four sponges side by side: word i of all four states is one 256-bit vector, so that each instruction of the
 * permutation works for four messages.
 *
 * With AVX-512 the same code, compiled a second time, has a rotation and any function of three words in one instruction
 * each, and registers for the whole state: it takes 0.6 of the time. What is inlined takes on the instruction set of
 * the function around it. */
#include "crypto/keccak.h"

#include "base/bytes.h"
#include "crypto/keccak_round.h"

enum { LANES = 4 };

#if POSW_KECCAK_X86

typedef uint64_t lanes __attribute__((vector_size(8 * LANES)));

__attribute__((target("avx2"), always_inline)) static inline void permute_x4(lanes state[POSW_KECCAK_WORDS]) {
    lanes other[POSW_KECCAK_WORDS];
    for (int i = 0; i < POSW_KECCAK_ROUNDS; i += 2) {
        const uint64_t a = posw_keccak_iota[i], b = posw_keccak_iota[i + 1];
        const lanes first = {a, a, a, a}, second = {b, b, b, b};
        KECCAK_ROUND(lanes, other, state, first);
        KECCAK_ROUND(lanes, state, other, second);
    }
}

/* Word i of all four, from where each lane's block stands. */
__attribute__((target("avx2"), always_inline)) static inline lanes gather(const uint8_t *const at[LANES], size_t i) {
    return (lanes){posw_load_le64(at[0] + 8 * i), posw_load_le64(at[1] + 8 * i), posw_load_le64(at[2] + 8 * i),
                   posw_load_le64(at[3] + 8 * i)};
}

/* A whole block of each message. */
__attribute__((target("avx2"), always_inline)) static inline void absorb_whole(lanes state[POSW_KECCAK_WORDS],
                                                                               const uint8_t *const at[LANES]) {
    for (size_t i = 0; i < POSW_KECCAK_RATE_WORDS; i++)
        state[i] ^= gather(at, i);
}

/* The last block of four messages that end alike, after `left` bytes. */
__attribute__((target("avx2"), always_inline)) static inline void
absorb_last(lanes state[POSW_KECCAK_WORDS], const uint8_t *const at[LANES], size_t left) {
    const size_t words = left / 8, rest = left % 8;
    for (size_t i = 0; i < words; i++)
        state[i] ^= gather(at, i);
    lanes tail;
    for (int l = 0; l < LANES; l++)
        tail[l] = posw_keccak_tail(words == 0 ? at[l] : at[l] + 8 * words, rest); /* at: NULL for no bytes */
    state[words] ^= tail;
    state[POSW_KECCAK_RATE_WORDS - 1] ^= posw_keccak_pad_end;
}

/* The words of one block of a message, the last one padded. A message that is through gets nothing new: its digest is
 * taken already. */
static inline void block_words(uint64_t words[POSW_KECCAK_RATE_WORDS], const posw_bytes *in, size_t block) {
    const size_t whole = in->size / POSW_KECCAK_RATE;
    size_t i = 0;
    if (block > whole) return;
    const uint8_t *p = in->size > 0 ? in->data + block * POSW_KECCAK_RATE : NULL;
    size_t left = block < whole ? POSW_KECCAK_RATE : in->size % POSW_KECCAK_RATE;
    for (; left >= 8; p += 8, left -= 8)
        words[i++] = posw_load_le64(p);
    if (block < whole) return;
    words[i++] = posw_keccak_tail(p, left);
    while (i < POSW_KECCAK_RATE_WORDS)
        words[i++] = 0;
    words[POSW_KECCAK_RATE_WORDS - 1] ^= posw_keccak_pad_end;
}

/* One block of messages that end in different places. */
__attribute__((target("avx2"))) static void absorb_mixed(lanes state[POSW_KECCAK_WORDS], const posw_bytes in[LANES],
                                                         size_t block) {
    uint64_t words[LANES][POSW_KECCAK_RATE_WORDS] = {{0}};
    for (int l = 0; l < LANES; l++)
        block_words(words[l], &in[l], block);
    for (size_t i = 0; i < POSW_KECCAK_RATE_WORDS; i++)
        state[i] ^= (lanes){words[0][i], words[1][i], words[2][i], words[3][i]};
}

__attribute__((target("avx2"), always_inline)) static inline void absorb_x4(lanes state[POSW_KECCAK_WORDS],
                                                                            const posw_bytes in[LANES], size_t block) {
    const size_t begin = block * POSW_KECCAK_RATE;
    const uint8_t *at[LANES];
    bool whole = true, alike = true;
    for (int l = 0; l < LANES; l++) {
        whole = whole && in[l].size >= begin + POSW_KECCAK_RATE;
        alike = alike && in[l].size == in[0].size;
        at[l] = in[l].size > begin ? in[l].data + begin : NULL; /* NULL is not read */
    }
    if (whole)
        absorb_whole(state, at);
    else if (alike)
        absorb_last(state, at, in[0].size - begin);
    else
        absorb_mixed(state, in, block);
}

/* The digests of the messages that end with this block. */
__attribute__((target("avx2"), always_inline)) static inline void
take_digests(posw_hash hash[LANES], const lanes state[POSW_KECCAK_WORDS], const posw_bytes in[LANES], size_t block) {
    uint64_t digest[4][LANES];
    memcpy(digest, state, sizeof digest);
    for (int l = 0; l < LANES; l++)
        for (size_t i = 0; block == in[l].size / POSW_KECCAK_RATE && i < 4; i++)
            posw_store_le64(hash[l].b + 8 * i, digest[i][l]);
}

__attribute__((target("avx2"), always_inline)) static inline void sponge_x4(posw_hash *out[LANES],
                                                                            const posw_bytes in[LANES]) {
    lanes state[POSW_KECCAK_WORDS];
    posw_hash hash[LANES]; /* outputs may lie in inputs: written at the end */
    size_t shortest = SIZE_MAX, blocks = 0;
    for (int l = 0; l < LANES; l++) {
        const size_t whole = in[l].size / POSW_KECCAK_RATE;
        shortest = whole < shortest ? whole : shortest;
        blocks = whole + 1 > blocks ? whole + 1 : blocks;
    }
#pragma GCC unroll 25
    for (int i = 0; i < POSW_KECCAK_WORDS; i++)
        state[i] = (lanes){0};
    for (size_t block = 0; block < blocks; block++) {
        absorb_x4(state, in, block);
        permute_x4(state);
        if (block >= shortest) take_digests(hash, state, in, block);
    }
    for (int l = 0; l < LANES; l++)
        *out[l] = hash[l];
}

__attribute__((target("avx2"))) static void keccak256_x4_avx2(posw_hash *out[LANES], const posw_bytes in[LANES]) {
    sponge_x4(out, in);
}

__attribute__((target("avx2,avx512f,avx512vl"))) static void keccak256_x4_avx512(posw_hash *out[LANES],
                                                                                 const posw_bytes in[LANES]) {
    sponge_x4(out, in);
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
    if (__builtin_cpu_supports("avx512vl") && !POSW_KECCAK_NO_AVX512) {
        keccak256_x4_avx512(out, in);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        keccak256_x4_avx2(out, in);
        return;
    }
#endif
    keccak256_x4_plain(out, in);
}
