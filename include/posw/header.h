/* The block header (protocol H1 to H5): Ethereum's London header, with a PoSW seal. Decoding is strict: canonical RLP, exact sizes,
 * no trailing bytes; then encode(decode(x)) = x. No allocation. */
#ifndef POSW_HEADER_H
#define POSW_HEADER_H

#include "posw/types.h"

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
    posw_u256 difficulty;
    uint64_t number, gas_limit, gas_used, timestamp;
    uint8_t extra[POSW_EXTRA_SIZE];
    uint32_t extra_size;
    posw_hash mix_hash;
    uint8_t nonce[8];
    uint64_t base_fee_wei;
} posw_header;

/* Writes the RLP; returns its size (at most POSW_HEADER_SIZE_MAX). */
POSW_API size_t posw_header_encode(uint8_t out[POSW_HEADER_SIZE_MAX], const posw_header *h);
/* False for anything but one canonical header of exactly `size` bytes; *out then unchanged. Rule H1. */
POSW_API POSW_MUST_USE bool posw_header_decode(posw_header *out, const uint8_t *in, size_t size);
/* The block hash. */
POSW_API void posw_header_hash(posw_hash *out, const posw_header *h);
/* H4. extra_size must be at least 33 (asserted). */
POSW_API void posw_header_seal_hash(posw_hash *out, const posw_header *h);

/* The parts of extraData of a sealed header (extra_size == POSW_EXTRA_SIZE, asserted). */
POSW_API posw_hash posw_header_stake_root(const posw_header *h);
POSW_API void posw_header_set_extra(posw_header *h, const posw_hash *stake_root); /* version, root, zero signature */

/* H5 */
POSW_API void posw_pow_input(uint8_t out[POSW_POW_INPUT_SIZE], const posw_hash *seal_hash, const uint8_t nonce[8]);

#endif
