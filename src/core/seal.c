/* The seal of a block: proof of work, scaled by the miner's weight, and the signature of its signer.
 *
 *      PoW output h (256 bits, little-endian), difficulty D, weight F:
 *
 *      |--- base target ---|---------------- boosted ----------------|------ too weak ------
 *      0               2^256 / D                              F * 2^256 / D           2^256
 *
 * h * D < F * 2^256 is compared through the upper half of the 512-bit product, the *level* of the seal: level < F is
 * valid, and level >= 1 says that the base target alone was missed, so the boost (and, under the ticket rule, a ticket)
 * was used. The level needs no division and no rounding, and no stake to classify a header.
 *
 * Checks go from cheap to dear: the claimed output against the target (nanoseconds), the signature (about 55 us), and
 * only then the proof of work itself (1 us to 70 ms, by algorithm). What is out of scope: how a PoW engine computes,
 * and where the weight and the signer come from (posw/check.h). */
#include "posw/seal.h"

#include "base/bytes.h"
#include "base/error.h"
#include "core/check_parts.h"
#include "crypto/keccak.h"
#include "crypto/secp.h"
#include "posw/u256.h"

/* H7 */
posw_u256 posw_seal_level(const posw_hash *mix_hash, const posw_u256 *difficulty) {
    const posw_u256 h = posw_u256_from_le(mix_hash->b);
    posw_u256 hi, lo;
    posw_u256_mul_full(&hi, &lo, &h, difficulty);
    return hi;
}

/* H7 */
bool posw_seal_meets(const posw_hash *mix_hash, const posw_u256 *difficulty, const posw_u256 *weight) {
    const posw_u256 level = posw_seal_level(mix_hash, difficulty);
    return posw_u256_cmp(&level, weight) < 0;
}

/* H9 */
bool posw_seal_boosted(const posw_hash *mix_hash, const posw_u256 *difficulty) {
    const posw_u256 level = posw_seal_level(mix_hash, difficulty);
    return !posw_u256_is_zero(&level);
}

/* ceil(F * 2^256 / D) */
posw_u256 posw_seal_target(const posw_u256 *difficulty, const posw_u256 *weight) {
    if (posw_u256_cmp(weight, difficulty) >= 0) return POSW_U256_MAX;
    posw_u256 q, r;
    posw_u256_div_full(&q, &r, weight, &POSW_U256_ZERO, difficulty);
    return posw_u256_is_zero(&r) ? q : posw_u256_add_sat(&q, &POSW_U256_ONE);
}

void posw_seal_message(uint8_t out[POSW_SEAL_MESSAGE_SIZE], const posw_hash *seal_hash, const uint8_t nonce[8],
                       const posw_hash *mix_hash) {
    posw_pow_input(out, seal_hash, nonce);
    memcpy(out + POSW_POW_INPUT_SIZE, mix_hash->b, POSW_HASH_SIZE);
}

/* H8 */
void posw_seal_digest(posw_hash *out, const posw_hash *seal_hash, const uint8_t nonce[8], const posw_hash *mix_hash) {
    uint8_t message[POSW_SEAL_MESSAGE_SIZE];
    posw_seal_message(message, seal_hash, nonce, mix_hash);
    posw_keccak256(out, message, sizeof message);
}

bool posw_seal_signer_of(posw_address *out, const posw_header *h, const posw_hash *digest) {
    posw_signature signature;
    memcpy(signature.b, h->extra + POSW_EXTRA_SIZE - POSW_SIGNATURE_SIZE, POSW_SIGNATURE_SIZE);
    return posw_secp_recover(out, digest, &signature);
}

bool posw_seal_signer(posw_address *out, const posw_header *h) {
    if (h->extra_size != POSW_EXTRA_SIZE) return false; /* H3 */
    posw_hash seal_hash, digest;
    posw_header_seal_hash(&seal_hash, h);
    posw_seal_digest(&digest, &seal_hash, h->nonce, &h->mix_hash);
    return posw_seal_signer_of(out, h, &digest);
}

posw_verdict posw_seal_check(const posw_header *h, const posw_u256 *weight, const posw_address *signer) {
    if (!posw_seal_meets(&h->mix_hash, &h->difficulty, weight)) return posw_invalid(POSW_RULE_TARGET); /* H7 */
    posw_address signed_by;
    if (!posw_seal_signer(&signed_by, h) || !posw_address_equal(&signed_by, signer))
        return posw_invalid(POSW_RULE_SIGNATURE); /* H8 */
    return posw_valid();
}

/* H6 */
posw_verdict posw_seal_check_pow_of(bool *ok, const posw_header *h, const posw_hash *seal_hash, const posw_pow *pow,
                                    void *scratch, const posw_hash *key) {
    posw_hash output;
    uint8_t input[POSW_POW_INPUT_SIZE];
    posw_pow_input(input, seal_hash, h->nonce); /* H5 */
    *ok = pow->hash(scratch, &output, key, input);
    if (*ok && posw_hash_equal(&output, &h->mix_hash)) return posw_valid();
    return posw_invalid(POSW_RULE_POW);
}

posw_verdict posw_seal_check_pow(bool *ok, const posw_header *h, const posw_pow *pow, void *scratch,
                                 const posw_hash *key) {
    *ok = true;
    if (h->extra_size != POSW_EXTRA_SIZE) return posw_invalid(POSW_RULE_EXTRA_DATA); /* H3: no seal hash without it */
    posw_hash seal_hash;
    posw_header_seal_hash(&seal_hash, h);
    return posw_seal_check_pow_of(ok, h, &seal_hash, pow, scratch, key);
}
