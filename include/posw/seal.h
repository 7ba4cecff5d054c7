/* The PoSW seal (protocol H6 to H10): h * D < F * 2^256, compared in 512 bits, with the PoW engine behind an interface.
 */
#ifndef POSW_SEAL_H
#define POSW_SEAL_H

#include "posw/header.h"
#include "posw/params.h"
#include "posw/verdict.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A proof-of-work engine. hash() is a pure function of (key, input): safe to call from several threads when each has
 * its own `scratch` from scratch_new (NULL when the engine needs none). Implementations are outside the core. */
typedef struct posw_pow {
    const char *name;
    /* key: the RandomX key (K1), ignored by the other algorithms. False: the engine failed (out of memory), never a
     * verdict. */
    bool (*hash)(void *scratch, posw_hash *out, const posw_hash *key, const uint8_t input[POSW_POW_INPUT_SIZE]);
    void *(*scratch_new)(void); /* NULL function: no scratch needed; NULL result: out of memory */
    void (*scratch_free)(void *scratch);
} posw_pow;

/* keccak256 (H6), the engine of development and test chains, which needs neither key nor scratch. The others come from
 * the caller, since they need libraries or much memory; argon2id is one call of libsodium:
 *
 *      crypto_pwhash(out->b, 32, (const char *)input, POSW_POW_INPUT_SIZE, input, 3, 512 * 1024,
 * crypto_pwhash_ALG_ARGON2ID13) == 0
 *
 * Static storage. */
POSW_API const posw_pow *posw_pow_keccak256(void);

/* K1: the RandomX key changes every POSW_POW_KEY_BLOCKS blocks. True when the key of block `number` is the hash of an
 * earlier block of its chain, whose number is then written; false in the first period, where it is posw_pow_key_first.
 */
enum { POSW_POW_KEY_BLOCKS = 2048, POSW_POW_KEY_LAG = 64 };
POSW_API POSW_MUST_USE bool posw_pow_key_source(uint64_t *source, uint64_t number);
POSW_API void posw_pow_key_first(posw_hash *out, const posw_hash *genesis_hash);

/* hi256(h * D): the level of a seal. It is valid for weight F iff level < F; boosted iff level >= 1 (H7, H9). */
POSW_API posw_u256 posw_seal_level(const posw_hash *mix_hash, const posw_u256 *difficulty);
/* H7: does this output meet the difficulty with the help of this weight? weight: F, at least 1 (0: nothing does). */
POSW_API bool posw_seal_meets(const posw_hash *mix_hash, const posw_u256 *difficulty, const posw_u256 *weight);
/* H9: true iff the base target was missed: the block needed its boost. */
POSW_API bool posw_seal_boosted(const posw_hash *mix_hash, const posw_u256 *difficulty);
/* The greatest h (as a little-endian integer) plus one that is valid, saturated at 2^256 - 1: min(2^256 - 1, ceil(F *
 * 2^256 / D)). difficulty >= 1. For miners and display. */
POSW_API posw_u256 posw_seal_target(const posw_u256 *difficulty, const posw_u256 *weight);

/* The digest that the signer signs: keccak256(PoW input ‖ mixHash) (H8). */
POSW_API void posw_seal_digest(posw_hash *out, const posw_hash *seal_hash, const uint8_t nonce[8],
                               const posw_hash *mix_hash);
/* The address that signed the header's seal; false if the signature is malformed. About 55 us. */
POSW_API POSW_MUST_USE bool posw_seal_signer(posw_address *out, const posw_header *h);

/* H7 and H8 for a known weight and signer, cheapest check first; the PoW output itself (H6) is not recomputed here.
 * Valid, or invalid under POSW_RULE_TARGET or POSW_RULE_SIGNATURE. */
POSW_API POSW_MUST_USE posw_verdict posw_seal_check(const posw_header *h, const posw_u256 *weight,
                                                    const posw_address *signer);
/* H6: recomputes the PoW; invalid under POSW_RULE_POW (or H3, for a header without a seal). pow and scratch: borrowed
 * for the call. key: K1, read by RandomX only. *ok false when the engine failed; the verdict is then meaningless. 1 us
 * to 70 ms, by algorithm. */
POSW_API POSW_MUST_USE posw_verdict posw_seal_check_pow(bool *ok, const posw_header *h, const posw_pow *pow,
                                                        void *scratch, const posw_hash *key);

#ifdef __cplusplus
}
#endif

#endif
