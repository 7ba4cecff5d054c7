/* Parts of the seal's checks, for who has the hashes already (runs of headers), or leaves the signature to other
 * threads. Not exported. */
#ifndef POSW_CORE_CHECK_PARTS_H
#define POSW_CORE_CHECK_PARTS_H

#include "posw/check.h"

/* posw_check_header_fields with what posw_difficulty_next says. */
posw_verdict posw_check_header_fields_at(const posw_check_context *c, const posw_header *h,
                                         const posw_u256 *difficulty);
/* posw_seal_signer with the digest of posw_seal_digest. */
POSW_MUST_USE bool posw_seal_signer_of(posw_address *out, const posw_header *h, const posw_hash *digest);
/* posw_check_header_proof with the digest, and with what the check of the proof said (not read when proof is NULL). */
posw_verdict posw_check_header_proven(const posw_check_context *c, const posw_header *h, const posw_stake_proof *proof,
                                      posw_verdict proven, const posw_hash *digest);
/* posw_check_header_seal without the signature (H8), which must be that of entry->signer, or of the beneficiary where
 * entry is NULL. Valid, or invalid under POSW_RULE_TARGET. */
posw_verdict posw_check_header_target(const posw_check_context *c, const posw_header *h, const posw_stake_entry *entry,
                                      const posw_u256 *supply);
/* posw_check_header_proof without the signature (H8), which must be that of proof->signer, or of the beneficiary where
 * there is no proof. */
posw_verdict posw_check_header_unsigned(const posw_check_context *c, const posw_header *h,
                                        const posw_stake_proof *proof);
/* posw_seal_check_pow with the seal hash. extra_size must be POSW_EXTRA_SIZE. */
posw_verdict posw_seal_check_pow_of(bool *ok, const posw_header *h, const posw_hash *seal_hash, const posw_pow *pow,
                                    void *scratch, const posw_hash *key);
/* The message of posw_seal_digest; it begins with the PoW input. */
enum { POSW_SEAL_MESSAGE_SIZE = POSW_POW_INPUT_SIZE + POSW_HASH_SIZE };
void posw_seal_message(uint8_t out[POSW_SEAL_MESSAGE_SIZE], const posw_hash *seal_hash, const uint8_t nonce[8],
                       const posw_hash *mix_hash);

#endif
