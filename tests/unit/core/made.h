/* Made-up chains, numbers and headers for the tests of the core. */
#ifndef POSW_TEST_CORE_MADE_H
#define POSW_TEST_CORE_MADE_H

#include "base/bytes.h"
#include "base/random.h"
#include "base/test.h"
#include "base/units.h"
#include "crypto/secp.h"
#include "posw/header.h"
#include "posw/params.h"
#include "posw/seal.h"
#include "posw/u256.h"

/* A valid chain with the default rule. */
static inline posw_params made_params(void) {
    posw_params p;
    posw_params_default(&p);
    p.chain_id = 7;
    p.genesis_time = 1700000000;
    return p;
}

static inline posw_u256 u64(uint64_t v) {
    return posw_u256_from_u64(v);
}

static inline posw_u256 coins(uint64_t n) {
    const posw_u256 one = posw_coin();
    posw_u256 out;
    assert_true(posw_u256_mul_u64(&out, &one, n));
    return out;
}

static inline posw_u256 times(const posw_u256 *a, uint64_t b) {
    posw_u256 out;
    assert_true(posw_u256_mul_u64(&out, a, b));
    return out;
}

static inline posw_u256 plus(const posw_u256 *a, const posw_u256 *b) {
    posw_u256 out;
    assert_true(posw_u256_add(&out, a, b));
    return out;
}

static inline posw_u256 minus_one(const posw_u256 *a) {
    posw_u256 out;
    assert_true(posw_u256_sub(&out, a, &POSW_U256_ONE));
    return out;
}

static inline posw_u256 power_of_two(unsigned bits) {
    const posw_u256 one = POSW_U256_ONE;
    return posw_u256_shl(&one, bits);
}

static inline void assert_u256(const posw_u256 *got, const posw_u256 *want) {
    char a[POSW_U256_HEX_SIZE], b[POSW_U256_HEX_SIZE];
    if (posw_u256_equal(got, want)) return;
    posw_u256_to_hex(a, got);
    posw_u256_to_hex(b, want);
    fail_msg("%s is not %s", a, b);
}

static inline void assert_u256_is(const posw_u256 *got, uint64_t want) {
    const posw_u256 wide = u64(want);
    assert_u256(got, &wide);
}

/* Any size from 1 to `bits` bits is equally likely. */
static inline posw_u256 random_u256(uint64_t *seed, unsigned bits) {
    uint8_t b[32];
    random_bytes(seed, b, sizeof b);
    const posw_u256 v = posw_u256_from_be(b);
    return posw_u256_shr(&v, 256 - 1 - (unsigned)random_below(seed, bits));
}

/* An address that is easy to tell from others. */
static inline posw_address made_address(uint8_t tag) {
    posw_address a;
    memset(a.b, tag, sizeof a.b);
    return a;
}

typedef struct {
    uint8_t secret[32];
    posw_address address;
} made_key;

static inline made_key key_of(uint8_t tag) {
    made_key k;
    memset(k.secret, tag, sizeof k.secret);
    assert_true(posw_secp_address(&k.address, k.secret));
    return k;
}

/* The hash that is h as a little-endian integer. */
static inline posw_hash hash_of_level(const posw_u256 *h) {
    posw_hash out;
    for (int i = 0; i < 4; i++)
        posw_store_le64(out.b + 8 * i, h->w[i]);
    return out;
}

static inline void sign_header(posw_header *h, const made_key *k) {
    posw_hash seal_hash, digest;
    posw_signature s;
    posw_header_seal_hash(&seal_hash, h);
    posw_seal_digest(&digest, &seal_hash, h->nonce, &h->mix_hash);
    assert_true(posw_secp_sign(&s, &digest, k->secret));
    memcpy(h->extra + POSW_EXTRA_SIZE - POSW_SIGNATURE_SIZE, s.b, sizeof s.b);
}

static inline void assert_verdict(posw_verdict got, enum posw_verdict_kind kind, enum posw_rule rule) {
    if (got.kind == kind && got.rule == rule) return;
    fail_msg("verdict %d %s (%s), not %d %s", (int)got.kind, posw_rule_number(got.rule), posw_rule_text(got.rule),
             (int)kind, posw_rule_number(rule));
}

#endif
