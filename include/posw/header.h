/* The block header (protocol H1 to H5): Ethereum's London header, with a PoSW seal. Decoding is strict: canonical RLP,
 * exact sizes, no trailing bytes; then encode(decode(x)) = x. Pure functions, any thread; no allocation. A header is
 * plain data without pointers: copy it freely. Nothing here judges values: that is posw/check.h. */
#ifndef POSW_HEADER_H
#define POSW_HEADER_H

#include "posw/types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    POSW_EXTRA_SIZE = 98,       /* version 1 ‖ stake root 32 ‖ signature 65 */
    POSW_HEADER_SIZE_MAX = 720, /* encoded; a sealed header is at most 668 bytes */
    POSW_POW_INPUT_SIZE = 47,
    POSW_BLOOM_SIZE = 256
};

typedef struct {
    posw_hash parent_hash;
    posw_hash ommers_hash;
    posw_address beneficiary;
    posw_hash state_root, transactions_root, receipts_root;
    uint8_t logs_bloom[POSW_BLOOM_SIZE];
    posw_u256 difficulty; /* D: the base difficulty, whatever the weight of the miner */
    uint64_t number, gas_limit, gas_used;
    uint64_t timestamp; /* seconds since 1970 */
    uint8_t extra[POSW_EXTRA_SIZE];
    uint32_t extra_size; /* bytes of extra in use, at most POSW_EXTRA_SIZE; POSW_EXTRA_SIZE but in genesis (H3) */
    posw_hash mix_hash;  /* the proof-of-work output (H7) */
    uint8_t nonce[8];
    uint64_t base_fee_wei;
} posw_header;

/* Writes the RLP; returns its size (at most POSW_HEADER_SIZE_MAX). extra_size <= POSW_EXTRA_SIZE (asserted; decoding
 * leaves it so). */
POSW_API size_t posw_header_encode(uint8_t out[POSW_HEADER_SIZE_MAX], const posw_header *h);
/* False for anything but one canonical header of exactly `size` bytes; *out then unchanged. Rule H1. Its extraData may
 * still be short: extra_size == POSW_EXTRA_SIZE is to be asked before the functions below that assert it. */
POSW_API POSW_MUST_USE bool posw_header_decode(posw_header *out, const uint8_t *in, size_t size);
/* H1: the block hash, keccak256 of the encoding. extra_size as for encoding. */
POSW_API void posw_header_hash(posw_hash *out, const posw_header *h);
/* H4: what is mined and signed: the header without mixHash, nonce and signature. extra_size must be at least 33
 * (asserted). */
POSW_API void posw_header_seal_hash(posw_hash *out, const posw_header *h);

/* H3, E4: the stake root in the extraData of a sealed header (extra_size == POSW_EXTRA_SIZE, asserted). */
POSW_API posw_hash posw_header_stake_root(const posw_header *h);
/* Writes extraData for mining: version, stake root, and zeros where the signature goes. */
POSW_API void posw_header_set_extra(posw_header *h, const posw_hash *stake_root);

/* H5: the input of the proof of work. The nonce stands in its last 8 bytes, at offset 39. */
POSW_API void posw_pow_input(uint8_t out[POSW_POW_INPUT_SIZE], const posw_hash *seal_hash, const uint8_t nonce[8]);

#ifdef __cplusplus
}
#endif

#endif
