#include "posw/header.h"

#include "base/bytes.h"
#include "base/error.h"
#include "codec/header_x4.h"
#include "codec/rlp.h"
#include "crypto/keccak.h"

enum {
    EXTRA_VERSION = 1,
    EXTRA_UNSIGNED_SIZE = 1 + POSW_HASH_SIZE,
    STRING = 0x80,
    LIST_PREFIX = 3,
    BLOOM_TAG = 0xb9,
    BLOOM_PREFIX = 3
};

/* A byte string of 2 to 55 bytes, whose encoding is one byte and the bytes: written and read without asking for its
 * form. */
static inline uint8_t *put_fixed(uint8_t *out, const void *data, size_t size) {
    *out = (uint8_t)(STRING + size);
    memcpy(out + 1, data, size);
    return out + 1 + size;
}

/* NULL after an error. */
static inline const uint8_t *take_fixed(posw_rlp *r, size_t size) {
    if (r->failed || (size_t)(r->end - r->p) <= size || *r->p != STRING + size) {
        r->failed = true;
        return NULL;
    }
    r->p += 1 + size;
    return r->p - size;
}

static uint8_t *put_hash(uint8_t *out, const posw_hash *h) {
    return put_fixed(out, h->b, sizeof h->b);
}

/* Its length takes two bytes. */
static inline uint8_t *put_bloom(uint8_t *out, const uint8_t bloom[POSW_BLOOM_SIZE]) {
    out[0] = BLOOM_TAG;
    out[1] = POSW_BLOOM_SIZE >> 8;
    out[2] = POSW_BLOOM_SIZE & 255;
    memcpy(out + BLOOM_PREFIX, bloom, POSW_BLOOM_SIZE);
    return out + BLOOM_PREFIX + POSW_BLOOM_SIZE;
}

/* Fields 1 to 13 and the base fee; between them mixHash and nonce, unless this is for the seal hash (H4). The bloom
 * alone makes a list whose length takes two bytes. */
static size_t encode(uint8_t out[POSW_HEADER_SIZE_MAX], const posw_header *h, size_t extra_size, bool sealed) {
    uint8_t *const content = out + LIST_PREFIX, *p = content;
    p = put_hash(p, &h->parent_hash);
    p = put_hash(p, &h->ommers_hash);
    p = put_fixed(p, h->beneficiary.b, sizeof h->beneficiary.b);
    p = put_hash(p, &h->state_root);
    p = put_hash(p, &h->transactions_root);
    p = put_hash(p, &h->receipts_root);
    p = put_bloom(p, h->logs_bloom);
    p = posw_rlp_put_u256(p, &h->difficulty);
    p = posw_rlp_put_u64(p, h->number);
    p = posw_rlp_put_u64(p, h->gas_limit);
    p = posw_rlp_put_u64(p, h->gas_used);
    p = posw_rlp_put_u64(p, h->timestamp);
    p = posw_rlp_put_bytes(p, h->extra, extra_size);
    if (sealed) {
        p = put_hash(p, &h->mix_hash);
        p = put_fixed(p, h->nonce, sizeof h->nonce);
    }
    p = posw_rlp_put_u64(p, h->base_fee_wei);
    const uint8_t *begin = posw_rlp_put_list(out, (size_t)(p - content));
    POSW_ASSERT(begin == content);
    return (size_t)(p - out);
}

size_t posw_header_encode(uint8_t out[POSW_HEADER_SIZE_MAX], const posw_header *h) {
    POSW_ASSERT(h->extra_size <= POSW_EXTRA_SIZE);
    return encode(out, h, h->extra_size, true);
}

static inline const uint8_t *take_bloom(posw_rlp *r) {
    const uint8_t *p = r->p;
    if (r->failed || r->end - p < BLOOM_PREFIX + POSW_BLOOM_SIZE || p[0] != BLOOM_TAG || p[1] != POSW_BLOOM_SIZE >> 8 ||
        p[2] != (POSW_BLOOM_SIZE & 255)) {
        r->failed = true;
        return NULL;
    }
    r->p += BLOOM_PREFIX + POSW_BLOOM_SIZE;
    return p + BLOOM_PREFIX;
}

static posw_bytes take_extra(posw_rlp *r) {
    const posw_bytes b = posw_rlp_bytes(r);
    if (b.size <= POSW_EXTRA_SIZE) return b;
    r->failed = true;
    return (posw_bytes){NULL, 0};
}

/* Byte strings are copied when all of the header is known to be right. */
bool posw_header_decode(posw_header *out, const uint8_t *in, size_t size) {
    posw_rlp outer = posw_rlp_reader(in, size), r = posw_rlp_list(&outer);
    const uint8_t *parent = take_fixed(&r, sizeof out->parent_hash.b);
    const uint8_t *ommers = take_fixed(&r, sizeof out->ommers_hash.b);
    const uint8_t *beneficiary = take_fixed(&r, sizeof out->beneficiary.b);
    const uint8_t *state = take_fixed(&r, sizeof out->state_root.b);
    const uint8_t *transactions = take_fixed(&r, sizeof out->transactions_root.b);
    const uint8_t *receipts = take_fixed(&r, sizeof out->receipts_root.b);
    const uint8_t *bloom = take_bloom(&r);
    const posw_u256 difficulty = posw_rlp_u256(&r);
    const uint64_t number = posw_rlp_u64(&r), gas_limit = posw_rlp_u64(&r), gas_used = posw_rlp_u64(&r);
    const uint64_t timestamp = posw_rlp_u64(&r);
    const posw_bytes extra = take_extra(&r);
    const uint8_t *mix = take_fixed(&r, sizeof out->mix_hash.b);
    const uint8_t *nonce = take_fixed(&r, sizeof out->nonce);
    const uint64_t base_fee_wei = posw_rlp_u64(&r);
    if (!posw_rlp_done(&r) || !posw_rlp_done(&outer)) return false;
    memcpy(out->parent_hash.b, parent, sizeof out->parent_hash.b);
    memcpy(out->ommers_hash.b, ommers, sizeof out->ommers_hash.b);
    memcpy(out->beneficiary.b, beneficiary, sizeof out->beneficiary.b);
    memcpy(out->state_root.b, state, sizeof out->state_root.b);
    memcpy(out->transactions_root.b, transactions, sizeof out->transactions_root.b);
    memcpy(out->receipts_root.b, receipts, sizeof out->receipts_root.b);
    memcpy(out->logs_bloom, bloom, sizeof out->logs_bloom);
    out->difficulty = difficulty;
    out->number = number;
    out->gas_limit = gas_limit;
    out->gas_used = gas_used;
    out->timestamp = timestamp;
    memset(out->extra, 0, sizeof out->extra);
    if (extra.size > 0) memcpy(out->extra, extra.data, extra.size);
    out->extra_size = (uint32_t)extra.size;
    memcpy(out->mix_hash.b, mix, sizeof out->mix_hash.b);
    memcpy(out->nonce, nonce, sizeof out->nonce);
    out->base_fee_wei = base_fee_wei;
    return true;
}

void posw_header_hash(posw_hash *out, const posw_header *h) {
    uint8_t rlp[POSW_HEADER_SIZE_MAX];
    const size_t size = posw_header_encode(rlp, h);
    posw_keccak256(out, rlp, size);
}

void posw_header_seal_hash(posw_hash *out, const posw_header *h) {
    uint8_t rlp[POSW_HEADER_SIZE_MAX];
    POSW_ASSERT(h->extra_size >= EXTRA_UNSIGNED_SIZE && h->extra_size <= POSW_EXTRA_SIZE);
    const size_t size = encode(rlp, h, EXTRA_UNSIGNED_SIZE, false);
    posw_keccak256(out, rlp, size);
}

void posw_header_hash_x4(posw_hash hash[POSW_HEADER_LANES], posw_hash seal_hash[POSW_HEADER_LANES],
                         const posw_header *const h[POSW_HEADER_LANES]) {
    uint8_t whole[POSW_HEADER_LANES][POSW_HEADER_SIZE_MAX], unsealed[POSW_HEADER_LANES][POSW_HEADER_SIZE_MAX];
    posw_bytes whole_in[POSW_HEADER_LANES], unsealed_in[POSW_HEADER_LANES];
    posw_hash *whole_out[POSW_HEADER_LANES], *unsealed_out[POSW_HEADER_LANES];
    for (size_t i = 0; i < POSW_HEADER_LANES; i++) {
        const bool sealed = h[i]->extra_size == POSW_EXTRA_SIZE;
        whole_in[i] = posw_bytes_of(whole[i], posw_header_encode(whole[i], h[i]));
        unsealed_in[i] = posw_bytes_of(unsealed[i], sealed ? encode(unsealed[i], h[i], EXTRA_UNSIGNED_SIZE, false) : 0);
        whole_out[i] = &hash[i];
        unsealed_out[i] = &seal_hash[i];
    }
    posw_keccak256_x4(whole_out, whole_in);
    posw_keccak256_x4(unsealed_out, unsealed_in);
}

posw_hash posw_header_stake_root(const posw_header *h) {
    posw_hash root;
    POSW_ASSERT(h->extra_size == POSW_EXTRA_SIZE);
    memcpy(root.b, h->extra + 1, sizeof root.b);
    return root;
}

void posw_header_set_extra(posw_header *h, const posw_hash *stake_root) {
    memset(h->extra, 0, sizeof h->extra);
    h->extra[0] = EXTRA_VERSION;
    memcpy(h->extra + 1, stake_root->b, sizeof stake_root->b);
    h->extra_size = POSW_EXTRA_SIZE;
}

void posw_pow_input(uint8_t out[POSW_POW_INPUT_SIZE], const posw_hash *seal_hash, const uint8_t nonce[8]) {
    static const char tag[] = "posw-v1";
    const size_t tag_size = sizeof tag - 1;
    memcpy(out, tag, tag_size);
    memcpy(out + tag_size, seal_hash->b, sizeof seal_hash->b);
    memcpy(out + tag_size + sizeof seal_hash->b, nonce, 8);
}
