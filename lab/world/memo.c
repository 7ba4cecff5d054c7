/* In a world every machine asks for the same hashes: they are pure functions, so their answers are kept for the whole
 * process. An answer is given only for an equal question, byte for byte, and what a machine decides is the same with
 * and without it (tests/unit/lab/test-world.c compares event logs).
 *
 * Signatures are drawn, as proofs of work are: one says who made it, and for which digest.
 *
 * Programs are linked with --wrap for these functions. */
#include "memo.h"

#include "base/bytes.h"
#include "base/map.h"
#include "crypto/keccak.h"
#include "crypto/secp.h"
#include "digest.h"

#include <stdlib.h>

static bool off;
static uint64_t hits, misses;

void memo_set(bool on) {
    off = !on;
}
void memo_counts(uint64_t *hit, uint64_t *miss) {
    *hit = hits;
    *miss = misses;
}

/* ---- signatures ---- */

/* r: address (20) and 12 bytes that belong to it and to the digest; s: 1 and 16 more such bytes; recovery id 0. It is
 * of the form that decoders ask for. Any other signature is really recovered from: a changed bit makes it another's or
 * nobody's. */
enum { SECRETS_MAX = 1 << 17, SECRET_SIZE = 32, TAG_R = sizeof(posw_address), TAG_R_SIZE = 12, S = 32, TAG_S = 48 };

static posw_map addresses; /* by secret */

bool __real_posw_secp_recover(posw_address *out, const posw_hash *digest, const posw_signature *sig);
bool __wrap_posw_secp_recover(posw_address *out, const posw_hash *digest, const posw_signature *sig);

bool __real_posw_secp_sign(posw_signature *out, const posw_hash *digest, const uint8_t secret[32]);
bool __wrap_posw_secp_sign(posw_signature *out, const posw_hash *digest, const uint8_t secret[32]);

static bool address_of(posw_address *out, const uint8_t secret[SECRET_SIZE]) {
    bool added;
    if (off) return posw_secp_address(out, secret); /* threads may be about */
    if (addresses.key_size == 0) posw_map_init(&addresses, SECRET_SIZE, sizeof(posw_address), NULL);
    if (addresses.count >= SECRETS_MAX) posw_map_reset(&addresses, NULL);
    posw_address *a = posw_map_put(&addresses, secret, &added);
    if (a == NULL) return posw_secp_address(out, secret);
    if (added && !posw_secp_address(a, secret)) return false;
    *out = *a;
    return true;
}

static posw_signature drawn(const posw_address *signer, const posw_hash *digest) {
    posw_signature out = {{0}};
    event_digest r = {5, 6}, s;
    digest_bytes(&r, signer, sizeof *signer);
    digest_bytes(&r, digest, sizeof *digest);
    s = r;
    digest_words(&s, 7, 8);
    memcpy(out.b, signer, sizeof *signer);
    memcpy(out.b + TAG_R, &r, TAG_R_SIZE);
    out.b[S] = 1;
    memcpy(out.b + TAG_S, &s, sizeof s);
    return out;
}

bool __wrap_posw_secp_recover(posw_address *out, const posw_hash *digest, const posw_signature *sig) {
    posw_address signer;
    memcpy(signer.b, sig->b, sizeof signer.b);
    const posw_signature its = drawn(&signer, digest);
    if (memcmp(its.b, sig->b, sizeof its.b) != 0) return __real_posw_secp_recover(out, digest, sig);
    *out = signer;
    return true;
}

bool __wrap_posw_secp_sign(posw_signature *out, const posw_hash *digest, const uint8_t secret[32]) {
    posw_address signer;
    if (!address_of(&signer, secret)) return false;
    *out = drawn(&signer, digest);
    return true;
}

/* ---- hashes ---- */

/* Few slots: a question comes back within the second in which a block goes round, or never, and a table that stays in
 * the cache saves more than the few answers that others write over. */
enum { SLOTS = 1 << 12, DATA_MAX = 1024, ROUND = 64, PART = 64, PARTS = 3 };

typedef struct {
    uint64_t tag;
    uint32_t size, room;
    uint8_t *data; /* the question */
    posw_hash hash;
} kept_hash;

static kept_hash slots[SLOTS];

void __real_posw_keccak256(posw_hash *out, const void *data, size_t size);
void __wrap_posw_keccak256(posw_hash *out, const void *data, size_t size);
void __real_posw_keccak256_x4(posw_hash *out[4], const posw_bytes in[4]);
void __wrap_posw_keccak256_x4(posw_hash *out[4], const posw_bytes in[4]);

static bool keep(kept_hash *k, uint64_t tag, const void *data, size_t size, const posw_hash *hash) {
    if (k->room < size) {
        const size_t room = (size + ROUND - 1) / ROUND * ROUND;
        uint8_t *more = realloc(k->data, room);
        if (more == NULL) return false;
        k->data = more;
        k->room = (uint32_t)room;
    }
    memcpy(k->data, data, size);
    k->tag = tag;
    k->size = (uint32_t)size;
    k->hash = *hash;
    return true;
}

/* Where an answer may be: from all of a short question, from the parts of a long one in which two mostly differ. */
static event_digest place_of(const uint8_t *data, size_t size) {
    event_digest d = {3, 4};
    if (size <= PARTS * PART) {
        digest_bytes(&d, data, size);
        return d;
    }
    digest_bytes(&d, data, PART);
    digest_bytes(&d, data + size / 2 - PART / 2, PART);
    digest_bytes(&d, data + size - PART, PART);
    return d;
}

void __wrap_posw_keccak256(posw_hash *out, const void *data, size_t size) {
    if (size == 0 && !off) { /* a lane without a question */
        *out = POSW_KECCAK_EMPTY;
        return;
    }
    if (off || size > DATA_MAX) {
        __real_posw_keccak256(out, data, size);
        return;
    }
    const event_digest d = place_of(data, size);
    kept_hash *k = &slots[d.b % SLOTS];
    if (k->tag == d.a && k->size == size && memcmp(k->data, data, size) == 0) {
        hits++;
        *out = k->hash;
        return;
    }
    posw_hash hash;
    misses++;
    __real_posw_keccak256(&hash, data, size);
    (void)keep(k, d.a, data, size, &hash); /* before the answer: it may be written over the question */
    *out = hash;
}

/* Four at once are worth it only when they are all new. */
void __wrap_posw_keccak256_x4(posw_hash *out[4], const posw_bytes in[4]) {
    if (off) {
        __real_posw_keccak256_x4(out, in);
        return;
    }
    for (int i = 0; i < 4; i++)
        __wrap_posw_keccak256(out[i], in[i].data, in[i].size);
}
