/* What needs a secret key, and plain verification. */
#include "crypto/secp.h"

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/keccak.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdatomic.h>

/* Made by whoever comes first; a thread that loses the race drops its own. It lives as long as the program. */
static const secp256k1_context *context(void) {
    static _Atomic(secp256k1_context *) shared;
    secp256k1_context *made = atomic_load_explicit(&shared, memory_order_acquire);
    if (made != NULL) return made;
    made = secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
    POSW_ASSERT(made != NULL);
    secp256k1_context *first = NULL;
    if (atomic_compare_exchange_strong(&shared, &first, made)) return made;
    secp256k1_context_destroy(made);
    return first;
}

bool posw_secp_sign(posw_signature *out, const posw_hash *digest, const uint8_t secret[32]) {
    secp256k1_ecdsa_recoverable_signature signature;
    posw_signature result;
    int recid = 0;
    if (!secp256k1_ecdsa_sign_recoverable(context(), &signature, digest->b, secret, NULL, NULL)) return false;
    secp256k1_ecdsa_recoverable_signature_serialize_compact(context(), result.b, &recid, &signature);
    if (recid > 1) /* r above the group order: one nonce in 2^127 */
        return false;
    result.b[64] = (uint8_t)recid;
    *out = result;
    return true;
}

static bool pubkey_serialized(uint8_t *out, size_t size, unsigned flags, const uint8_t secret[32]) {
    secp256k1_pubkey key;
    if (!secp256k1_ec_pubkey_create(context(), &key, secret)) return false;
    secp256k1_ec_pubkey_serialize(context(), out, &size, &key, flags);
    return true;
}

bool posw_secp_pubkey(uint8_t out[64], const uint8_t secret[32]) {
    uint8_t point[65];
    if (!pubkey_serialized(point, sizeof point, SECP256K1_EC_UNCOMPRESSED, secret)) return false;
    memcpy(out, point + 1, 64);
    return true;
}

bool posw_secp_address(posw_address *out, const uint8_t secret[32]) {
    uint8_t point[64];
    posw_hash hash;
    if (!posw_secp_pubkey(point, secret)) return false;
    posw_keccak256(&hash, point, sizeof point);
    memcpy(out->b, hash.b + 12, sizeof out->b);
    return true;
}

bool posw_secp_pubkey_compressed(uint8_t out[33], const uint8_t secret[32]) {
    return pubkey_serialized(out, 33, SECP256K1_EC_COMPRESSED, secret);
}

bool posw_secp_secret_add(uint8_t secret[32], const uint8_t tweak[32]) {
    uint8_t sum[32];
    memcpy(sum, secret, sizeof sum); /* the library zeroes its operand on failure */
    bool ok = secp256k1_ec_seckey_tweak_add(context(), sum, tweak) == 1;
    if (ok) memcpy(secret, sum, sizeof sum);
    posw_wipe(sum, sizeof sum);
    return ok;
}

bool posw_secp_secret_valid(const uint8_t secret[32]) {
    return secp256k1_ec_seckey_verify(context(), secret) == 1;
}

bool posw_secp_verify(const uint8_t *pubkey, size_t pubkey_size, const posw_hash *digest, const uint8_t rs[64]) {
    secp256k1_pubkey key;
    secp256k1_ecdsa_signature signature;
    bool compressed = pubkey_size == 33 && (pubkey[0] == 2 || pubkey[0] == 3);
    if (!compressed && !(pubkey_size == 65 && pubkey[0] == 4)) /* the library would take hybrid forms, too */
        return false;
    return secp256k1_ec_pubkey_parse(context(), &key, pubkey, pubkey_size) &&
           secp256k1_ecdsa_signature_parse_compact(context(), &signature, rs) &&
           secp256k1_ecdsa_verify(context(), &signature, digest->b, &key);
}
