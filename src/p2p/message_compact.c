#include "base/bytes.h"
#include "base/error.h"
#include "base/siphash.h"
#include "crypto/keccak.h"
#include "p2p/message_internal.h"

enum { SHORT_ID_ENCODED = 1 + POSW_MSG_SHORT_ID_SIZE, SHORT_ID_BITS = 8 * POSW_MSG_SHORT_ID_SIZE };

/* ---- short ids ---- */

posw_short_id_key posw_short_id_key_of(const posw_hash *block, const uint8_t nonce[8]) {
    uint8_t message[POSW_HASH_SIZE + 8];
    posw_hash hash;
    memcpy(message, block->b, POSW_HASH_SIZE);
    memcpy(message + POSW_HASH_SIZE, nonce, 8);
    posw_keccak256(&hash, message, sizeof message);
    return (posw_short_id_key){{posw_load_le64(hash.b), posw_load_le64(hash.b + 8)}};
}

uint64_t posw_short_id(const posw_short_id_key *key, const posw_hash *tx_hash) {
    return posw_siphash(key->k, tx_hash->b, sizeof tx_hash->b) & ((1ULL << SHORT_ID_BITS) - 1);
}

/* ---- COMPACT ---- */

static size_t prefilled_content(const posw_msg_prefilled *p) {
    return posw_rlp_size_u64(p->index) + posw_rlp_size_bytes(p->raw.data, p->raw.size);
}

static size_t prefilled_size(const posw_msg_prefilled *items, size_t count, size_t total) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        POSW_ASSERT(items[i].raw.size > 0 && items[i].index < total && (i == 0 || items[i].index > items[i - 1].index));
        size += posw_rlp_size_list(prefilled_content(&items[i]));
    }
    return size;
}

bool posw_msg_compact_encode(posw_buf *out, const posw_header *header, const posw_stake_proof *proof,
                             const uint8_t nonce[8], const uint64_t *short_ids, size_t id_count,
                             const posw_msg_prefilled *prefilled, size_t prefilled_count) {
    uint8_t rlp[POSW_HEADER_SIZE_MAX];
    const posw_bytes raw = posw_bytes_of(rlp, posw_header_encode(rlp, header));
    return posw_msg_compact_encode_raw(out, raw, proof, nonce, short_ids, id_count, prefilled, prefilled_count);
}

bool posw_msg_compact_encode_raw(posw_buf *out, posw_bytes header, const posw_stake_proof *proof,
                                 const uint8_t nonce[8], const uint64_t *short_ids, size_t id_count,
                                 const posw_msg_prefilled *prefilled, size_t prefilled_count) {
    uint8_t proof_rlp[POSW_STAKE_PROOF_SIZE_MAX];
    const size_t proof_size = msg_proof_encode(proof_rlp, proof);
    const size_t filled = prefilled_size(prefilled, prefilled_count, id_count + prefilled_count);
    const size_t content =
        header.size + proof_size + 1 + 8 + posw_rlp_size_list(id_count * SHORT_ID_ENCODED) + posw_rlp_size_list(filled);
    if (posw_rlp_size_list(content) > posw_msg_limit(POSW_MSG_COMPACT)) return false;
    uint8_t *at = msg_extend(out, POSW_MSG_COMPACT, content);
    if (at == NULL) return true;
    memcpy(at, header.data, header.size);
    memcpy(at + header.size, proof_rlp, proof_size);
    at = posw_rlp_put_bytes(at + header.size + proof_size, nonce, 8);
    at = posw_rlp_put_list(at, id_count * SHORT_ID_ENCODED);
    for (size_t i = 0; i < id_count; i++) {
        uint8_t id[8];
        posw_store_le64(id, short_ids[i]);
        at = posw_rlp_put_bytes(at, id, POSW_MSG_SHORT_ID_SIZE);
    }
    at = posw_rlp_put_list(at, filled);
    for (size_t i = 0; i < prefilled_count; i++) {
        at = posw_rlp_put_list(at, prefilled_content(&prefilled[i]));
        at = posw_rlp_put_u64(at, prefilled[i].index);
        at = posw_rlp_put_bytes(at, prefilled[i].raw.data, prefilled[i].raw.size);
    }
    return true;
}

static bool read_short_ids(posw_msg_compact_txs *out, posw_rlp *r) {
    const posw_rlp items = posw_rlp_list(r);
    const size_t size = (size_t)(items.end - items.p);
    if (items.failed || size % SHORT_ID_ENCODED != 0) return false;
    for (size_t i = 0; i < size; i += SHORT_ID_ENCODED)
        if (items.p[i] != 0x80 + POSW_MSG_SHORT_ID_SIZE) return false;
    out->ids = items.p;
    out->id_count = size / SHORT_ID_ENCODED;
    return true;
}

static bool read_prefilled_one(posw_msg_prefilled *out, posw_rlp *list) {
    posw_rlp pair = posw_rlp_list(list);
    out->index = msg_read_u32(&pair);
    out->raw = posw_rlp_bytes(&pair);
    return msg_close(&pair) && out->raw.size > 0;
}

/* Indexes ascend and stay within the block. */
static bool read_prefilled(posw_msg_compact_txs *out, posw_rlp *r) {
    posw_msg_prefilled p;
    uint64_t next = 0;
    out->prefilled = posw_rlp_list(r);
    out->prefilled_count = 0;
    for (posw_rlp rest = out->prefilled; posw_rlp_more(&rest); out->prefilled_count++) {
        if (!read_prefilled_one(&p, &rest) || p.index < next) return false;
        next = (uint64_t)p.index + 1;
    }
    return !out->prefilled.failed && next <= out->id_count + out->prefilled_count;
}

bool posw_msg_compact_header(posw_bytes *header, posw_bytes payload) {
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_COMPACT, payload)) return false;
    *header = posw_rlp_raw(&r);
    return !r.failed && header->size <= POSW_HEADER_SIZE_MAX;
}

bool posw_msg_compact_decode_known(posw_msg_compact *out, const posw_hash *hash, posw_bytes payload) {
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_COMPACT, payload) || !msg_read_header_form(&out->head, &r)) return false;
    out->head.hash = *hash;
    posw_rlp_fixed(&r, out->nonce, sizeof out->nonce);
    return read_short_ids(&out->txs, &r) && read_prefilled(&out->txs, &r) && msg_close(&r);
}

bool posw_msg_compact_decode(posw_msg_compact *out, posw_bytes payload) {
    posw_bytes header;
    posw_hash hash;
    if (!posw_msg_compact_header(&header, payload)) return false;
    posw_keccak256(&hash, header.data, header.size);
    return posw_msg_compact_decode_known(out, &hash, payload);
}

uint64_t posw_msg_short_id_at(const posw_msg_compact_txs *txs, size_t i) {
    uint8_t id[8] = {0};
    POSW_ASSERT(i < txs->id_count);
    memcpy(id, txs->ids + i * SHORT_ID_ENCODED + 1, POSW_MSG_SHORT_ID_SIZE);
    return posw_load_le64(id);
}

bool posw_msg_prefilled_next(posw_msg_prefilled *out, posw_msg_compact_txs *txs) {
    if (!posw_rlp_more(&txs->prefilled)) return false;
    const bool good = read_prefilled_one(out, &txs->prefilled);
    POSW_ASSERT(good);
    return true;
}

/* ---- GET_BLOCK_TXS ---- */

void posw_msg_get_block_txs_encode(posw_buf *out, const posw_hash *block, const uint32_t *indexes, size_t count) {
    const msg_mark mark = msg_begin(out, POSW_MSG_GET_BLOCK_TXS);
    posw_rlp_append_bytes(out, block->b, sizeof block->b);
    const size_t list = posw_rlp_list_begin(out);
    for (size_t i = 0; i < count; i++) {
        POSW_ASSERT(i == 0 || indexes[i] > indexes[i - 1]);
        posw_rlp_append_u64(out, indexes[i]);
    }
    posw_rlp_list_end(out, list);
    msg_end(out, mark);
}

bool posw_msg_get_block_txs_decode(posw_msg_get_block_txs *out, posw_bytes payload) {
    posw_msg_get_block_txs m = {.count = 0};
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_GET_BLOCK_TXS, payload)) return false;
    posw_rlp_fixed(&r, m.block.b, sizeof m.block.b);
    m.rest = posw_rlp_list(&r);
    if (!msg_close(&r)) return false;
    uint64_t next = 0;
    posw_rlp rest = m.rest;
    for (; posw_rlp_more(&rest); m.count++) {
        const uint32_t index = msg_read_u32(&rest);
        if (index < next) return false;
        next = (uint64_t)index + 1;
    }
    if (!posw_rlp_done(&rest)) return false;
    *out = m;
    return true;
}

bool posw_msg_indexes_next(uint32_t *out, posw_msg_get_block_txs *m) {
    if (!posw_rlp_more(&m->rest)) return false;
    *out = (uint32_t)posw_rlp_u64(&m->rest);
    return true;
}
