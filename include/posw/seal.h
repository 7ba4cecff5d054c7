/* The PoSW seal (protocol H6 to H10): h * D < F * 2^256, compared in 512 bits, with the PoW engine behind an interface. */
#ifndef POSW_SEAL_H
#define POSW_SEAL_H

#include "posw/header.h"
#include "posw/params.h"
#include "posw/verdict.h"

/* A proof-of-work engine. hash() is a pure function of (key, input): safe to call from several threads when each has its own
 * `scratch` from scratch_new (NULL when the engine needs none). Implementations are outside the core. */
typedef struct posw_pow {
    const char *name;
    /* key: the RandomX key (K1), ignored by the other algorithms. False: the engine failed (out of memory), never a verdict. */
    bool (*hash)(void *scratch, posw_hash *out, const posw_hash *key, const uint8_t input[POSW_POW_INPUT_SIZE]);
    void *(*scratch_new)(void);        /* NULL function: no scratch needed; NULL result: out of memory */
    void (*scratch_free)(void *scratch);
} posw_pow;

/* hi256(h * D): the level of a seal. It is valid for weight F iff level < F; boosted iff level >= 1 (H7, H9). */
POSW_API posw_u256 posw_seal_level(const posw_hash *mix_hash, const posw_u256 *difficulty);
/* H7 */
POSW_API bool posw_seal_meets(const posw_hash *mix_hash, const posw_u256 *difficulty, const posw_u256 *weight);
/* H9 */
POSW_API bool posw_seal_boosted(const posw_hash *mix_hash, const posw_u256 *difficulty);
/* The greatest h (as a little-endian integer) plus one that is valid, saturated at 2^256 - 1: min(2^256 - 1, ceil(F * 2^256 / D)). For miners and display. */
POSW_API posw_u256 posw_seal_target(const posw_u256 *difficulty, const posw_u256 *weight);

/* The digest that the signer signs: keccak256(sealHash ‖ nonce ‖ mixHash) (H8). */
POSW_API void posw_seal_digest(posw_hash *out, const posw_hash *seal_hash, const uint8_t nonce[8], const posw_hash *mix_hash);
/* The address that signed the header's seal; false if the signature is malformed. About 55 us. */
POSW_API POSW_MUST_USE bool posw_seal_signer(posw_address *out, const posw_header *h);

/* H7 and H8 for a known weight and signer, cheapest check first; the PoW output itself (H6) is not recomputed here. */
POSW_API posw_verdict posw_seal_check(const posw_header *h, const posw_u256 *weight, const posw_address *signer);
/* H6: recomputes the PoW. *ok false when the engine failed; the verdict is then meaningless. */
POSW_API posw_verdict posw_seal_check_pow(bool *ok, const posw_header *h, const posw_pow *pow, void *scratch, const posw_hash *key);

#endif
