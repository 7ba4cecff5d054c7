/* Whose signature it is: the one question of consensus to libsecp256k1. It needs no secret, so that a context without
 * memory of its own is enough. */
#include "crypto/secp.h"

#include "base/bytes.h"
#include "crypto/keccak.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdatomic.h>

/* Half the group order, rounded down: the largest s that EIP-2 allows. */
static const uint8_t half_order[32] = {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4,
                                       0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0};

/* Its makers want one self-test before, which takes some microseconds; that two threads do it is no harm. */
static const secp256k1_context *context(void) {
    static atomic_bool tested;
    if (!atomic_load_explicit(&tested, memory_order_relaxed)) {
        secp256k1_selftest();
        atomic_store_explicit(&tested, true, memory_order_relaxed);
    }
    return secp256k1_context_static;
}

static void address_of(posw_address *out, const secp256k1_pubkey *key) {
    uint8_t point[65];
    size_t size = sizeof point;
    posw_hash hash;
    secp256k1_ec_pubkey_serialize(context(), point, &size, key, SECP256K1_EC_UNCOMPRESSED);
    posw_keccak256(&hash, point + 1, 64);
    memcpy(out->b, hash.b + 12, sizeof out->b);
}

bool posw_secp_well_formed(const uint8_t signature[POSW_SIGNATURE_SIZE]) {
    return signature[64] <= 1 && memcmp(signature + 32, half_order, sizeof half_order) <= 0;
}

bool posw_secp_recover(posw_address *out, const posw_hash *digest, const posw_signature *sig) {
    if (!posw_secp_well_formed(sig->b)) return false;
    secp256k1_ecdsa_recoverable_signature parsed;
    secp256k1_pubkey key;
    if (!secp256k1_ecdsa_recoverable_signature_parse_compact(context(), &parsed, sig->b, sig->b[64]) ||
        !secp256k1_ecdsa_recover(context(), &key, &parsed, digest->b))
        return false;
    address_of(out, &key);
    return true;
}
