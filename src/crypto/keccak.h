/* Keccak-256 with the original 0x01 padding (not NIST SHA3-256). The permutation is our own: with the BMI instructions
 * of the processor, where it has them, it takes three quarters of the time of nettle's. */
#ifndef POSW_CRYPTO_KECCAK_H
#define POSW_CRYPTO_KECCAK_H

#include "posw/types.h"

typedef struct {
    uint64_t state[25];
    uint8_t block[136];
    size_t fill;
} posw_keccak;

void posw_keccak_init(posw_keccak *k);
void posw_keccak_update(posw_keccak *k, const void *data, size_t size);
void posw_keccak_final(posw_keccak *k, posw_hash *out); /* then init again before reuse */

/* keccak256 of one message, in one call. About 0.32 us for up to 135 bytes. */
void posw_keccak256(posw_hash *out, const void *data, size_t size);
/* Four independent messages at once with vector arithmetic, 2.4 (AVX2) or 3.9 (AVX-512) times as fast for each; the
 * result of each equals posw_keccak256. Lengths may differ (the time is that of the longest). */
void posw_keccak256_x4(posw_hash *out[4], const posw_bytes in[4]);

/* keccak256("") and keccak256(0x80): the hash of no code, and the root of an empty trie. */
extern const posw_hash POSW_KECCAK_EMPTY;
extern const posw_hash POSW_TRIE_EMPTY_ROOT;
/* keccak256(0xc0): the ommers hash of every block. */
extern const posw_hash POSW_OMMERS_EMPTY;

#endif
