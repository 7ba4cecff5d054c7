/* ECDSA over secp256k1 as Ethereum uses it, through libsecp256k1. Thread safe. Recovering takes no memory; for the rest
 * one context is made at first use and is read-only afterwards. Secret keys are 32 bytes in 1..n-1. Recover costs about
 * 55 us. */
#ifndef POSW_CRYPTO_SECP_H
#define POSW_CRYPTO_SECP_H

#include "posw/types.h"

/* r ‖ s ‖ recovery id (0 or 1); s is in the lower half of the order (EIP-2). */
enum { POSW_SIGNATURE_SIZE = 65 };
typedef struct {
    uint8_t b[POSW_SIGNATURE_SIZE];
} posw_signature;

/* True iff s and the recovery id are in these ranges: all that can be said without arithmetic. */
bool posw_secp_well_formed(const uint8_t signature[POSW_SIGNATURE_SIZE]);

/* The address whose key signed this digest; false for r or s out of range, high s, a recovery id above 1, or no such
 * point. */
POSW_MUST_USE bool posw_secp_recover(posw_address *out, const posw_hash *digest, const posw_signature *sig);
/* RFC 6979 nonce, low s. False only for an invalid key. */
POSW_MUST_USE bool posw_secp_sign(posw_signature *out, const posw_hash *digest, const uint8_t secret[32]);
/* False for an invalid key. */
POSW_MUST_USE bool posw_secp_address(posw_address *out, const uint8_t secret[32]);
/* 64 bytes x ‖ y; 33 bytes compressed (BIP-32). */
POSW_MUST_USE bool posw_secp_pubkey(uint8_t out[64], const uint8_t secret[32]);
POSW_MUST_USE bool posw_secp_pubkey_compressed(uint8_t out[33], const uint8_t secret[32]);
/* secret = secret + tweak mod n; false if out of range or zero (BIP-32 says: take the next index). */
POSW_MUST_USE bool posw_secp_secret_add(uint8_t secret[32], const uint8_t tweak[32]);
bool posw_secp_secret_valid(const uint8_t secret[32]);
/* Plain verification of r ‖ s (64 bytes) against a serialised public key (33 or 65 bytes); high s refused. For vectors.
 */
bool posw_secp_verify(const uint8_t *pubkey, size_t pubkey_size, const posw_hash *digest, const uint8_t rs[64]);

#endif
