#include "base/bytes.h"
#include "base/error.h"
#include "crypto/keccak.h"
#include "p2p/message_internal.h"

/* ---- addresses ---- */

void posw_msg_addresses_begin(posw_msg_writer *w, posw_buf *out) {
    msg_writer_begin(w, out, POSW_MSG_ADDRESSES);
    msg_writer_list(w);
}

bool posw_msg_addresses_add(posw_msg_writer *w, const posw_msg_address *a) {
    const size_t before = w->out->size;
    if (!msg_writer_room(w, POSW_MSG_ADDRESSES_MAX)) return false;
    const size_t list = posw_rlp_list_begin(w->out);
    posw_rlp_append_bytes(w->out, a->address.ip, sizeof a->address.ip);
    posw_rlp_append_u64(w->out, a->address.port);
    posw_rlp_append_bytes(w->out, a->id.b, sizeof a->id.b);
    posw_rlp_append_u64(w->out, a->seen_s);
    posw_rlp_list_end(w->out, list);
    return msg_writer_keep(w, before);
}

static bool read_address(posw_msg_address *out, posw_rlp *list) {
    posw_rlp r = posw_rlp_list(list);
    posw_rlp_fixed(&r, out->address.ip, sizeof out->address.ip);
    const uint64_t port = posw_rlp_u64(&r);
    posw_rlp_fixed(&r, out->id.b, sizeof out->id.b);
    out->seen_s = posw_rlp_u64(&r);
    out->address.port = (uint16_t)port;
    return msg_close(&r) && port <= UINT16_MAX;
}

bool posw_msg_addresses_decode(posw_msg_addresses *out, posw_bytes payload) {
    posw_msg_address a;
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_ADDRESSES, payload)) return false;
    const posw_rlp list = posw_rlp_list(&r);
    if (!msg_close(&r)) return false;
    size_t count = 0;
    for (posw_rlp rest = list; posw_rlp_more(&rest); count++)
        if (count == POSW_MSG_ADDRESSES_MAX || !read_address(&a, &rest)) return false;
    *out = (posw_msg_addresses){list, count};
    return true;
}

bool posw_msg_addresses_next(posw_msg_address *out, posw_msg_addresses *list) {
    if (!posw_rlp_more(&list->rest)) return false;
    const bool good = read_address(out, &list->rest);
    POSW_ASSERT(good);
    return true;
}

/* ---- hashes ---- */

static size_t hashes_max(enum posw_msg_type type) {
    if (type == POSW_MSG_TX_HASHES) return POSW_MSG_TX_HASHES_MAX;
    if (type == POSW_MSG_GET_TXS) return POSW_MSG_TXS_MAX;
    POSW_ASSERT(type == POSW_MSG_GET_BLOCKS || type == POSW_MSG_NOT_FOUND);
    return POSW_MSG_BLOCKS_MAX;
}

posw_hash posw_msg_hash_at(const posw_msg_hashes *list, size_t i) {
    posw_hash out;
    POSW_ASSERT(i < list->count);
    memcpy(out.b, list->items + i * HASH_ENCODED + 1, sizeof out.b);
    return out;
}

static void append_hashes(posw_buf *out, const posw_hash *hashes, size_t count) {
    posw_rlp_append_list(out, count * HASH_ENCODED);
    for (size_t i = 0; i < count; i++)
        posw_rlp_append_bytes(out, hashes[i].b, sizeof hashes[i].b);
}

void posw_msg_hashes_encode(posw_buf *out, enum posw_msg_type type, const posw_hash *hashes, size_t count) {
    POSW_ASSERT(count <= hashes_max(type));
    msg_begin_sized(out, type, posw_rlp_size_list(count * HASH_ENCODED));
    append_hashes(out, hashes, count);
}

bool posw_msg_hashes_decode(posw_msg_hashes *out, enum posw_msg_type type, posw_bytes payload) {
    posw_msg_hashes hashes;
    posw_rlp r;
    if (!msg_open(&r, type, payload) || !msg_read_hashes(&hashes, &r, hashes_max(type)) || !msg_close(&r)) return false;
    *out = hashes;
    return true;
}

/* ---- headers ---- */

void posw_msg_get_headers_encode(posw_buf *out, uint64_t request, const posw_hash *locator, size_t locator_count,
                                 uint64_t wanted) {
    POSW_ASSERT(locator_count <= POSW_MSG_LOCATOR_MAX && wanted >= 1 && wanted <= POSW_MSG_HEADERS_MAX);
    const msg_mark mark = msg_begin(out, POSW_MSG_GET_HEADERS);
    posw_rlp_append_u64(out, request);
    append_hashes(out, locator, locator_count);
    posw_rlp_append_u64(out, wanted);
    msg_end(out, mark);
}

bool posw_msg_get_headers_decode(posw_msg_get_headers *out, posw_bytes payload) {
    posw_msg_get_headers m;
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_GET_HEADERS, payload)) return false;
    m.request = posw_rlp_u64(&r);
    if (!msg_read_hashes(&m.locator, &r, POSW_MSG_LOCATOR_MAX)) return false;
    m.wanted = posw_rlp_u64(&r);
    if (!msg_close(&r) || m.wanted < 1 || m.wanted > POSW_MSG_HEADERS_MAX) return false;
    *out = m;
    return true;
}

size_t msg_proof_encode(uint8_t out[POSW_STAKE_PROOF_SIZE_MAX], const posw_stake_proof *proof) {
    return proof != NULL ? posw_stake_proof_encode(out, proof) : (size_t)(posw_rlp_put_bytes(out, NULL, 0) - out);
}

void msg_head_encode(msg_head *out, const posw_header *header, const posw_stake_proof *proof) {
    out->header_size = posw_header_encode(out->header, header);
    out->proof_size = msg_proof_encode(out->proof, proof);
}

bool msg_read_header_form(posw_msg_header *out, posw_rlp *list) {
    out->raw = posw_rlp_raw(list);
    if (!posw_header_decode(&out->header, out->raw.data, out->raw.size)) return false;
    out->has_proof = posw_rlp_next_is_list(list);
    if (!out->has_proof) return posw_rlp_bytes(list).size == 0 && !list->failed;
    const posw_bytes proof = posw_rlp_raw(list);
    return posw_stake_proof_decode(&out->proof, proof.data, proof.size);
}

bool msg_read_header(posw_msg_header *out, posw_rlp *list) {
    if (!msg_read_header_form(out, list)) return false;
    posw_keccak256(&out->hash, out->raw.data, out->raw.size);
    return true;
}

bool posw_msg_headers_next(posw_msg_header *out, posw_msg_header_list *list) {
    if (!posw_rlp_more(&list->rest)) return false;
    posw_rlp pair = posw_rlp_list(&list->rest);
    const bool good = msg_read_header(out, &pair);
    POSW_ASSERT(good);
    return true;
}

void posw_msg_headers_begin(posw_msg_writer *w, posw_buf *out, uint64_t request) {
    msg_writer_begin(w, out, POSW_MSG_HEADERS);
    posw_rlp_append_u64(out, request);
    msg_writer_list(w);
}

void posw_msg_announce_begin(posw_msg_writer *w, posw_buf *out) {
    msg_writer_begin(w, out, POSW_MSG_ANNOUNCE);
    msg_writer_list(w);
}

void posw_msg_announce_encode_single(posw_buf *out, const posw_header *header, const posw_stake_proof *proof) {
    msg_head head;
    msg_head_encode(&head, header, proof);
    const size_t pair = head.header_size + head.proof_size, list = posw_rlp_size_list(pair);
    uint8_t *at = msg_extend(out, POSW_MSG_ANNOUNCE, posw_rlp_size_list(list));
    if (at == NULL) return;
    at = posw_rlp_put_list(posw_rlp_put_list(at, list), pair);
    memcpy(at, head.header, head.header_size);
    memcpy(at + head.header_size, head.proof, head.proof_size);
}

bool posw_msg_headers_add(posw_msg_writer *w, const posw_header *header, const posw_stake_proof *proof) {
    msg_head head;
    const size_t before = w->out->size;
    if (!msg_writer_room(w, w->type == POSW_MSG_ANNOUNCE ? POSW_MSG_ANNOUNCE_MAX : POSW_MSG_HEADERS_MAX)) return false;
    msg_head_encode(&head, header, proof);
    posw_rlp_append_list(w->out, head.header_size + head.proof_size);
    posw_buf_append(w->out, head.header, head.header_size);
    posw_buf_append(w->out, head.proof, head.proof_size);
    return msg_writer_keep(w, before);
}

static bool read_header_pair(posw_msg_header *out, posw_rlp *list) {
    posw_rlp pair = posw_rlp_list(list);
    return msg_read_header_form(out, &pair) && msg_close(&pair);
}

bool posw_msg_headers_decode(posw_msg_headers *out, posw_bytes payload) {
    posw_msg_header h;
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_HEADERS, payload)) return false;
    const uint64_t request = posw_rlp_u64(&r);
    const posw_rlp list = posw_rlp_list(&r);
    if (!msg_close(&r)) return false;
    size_t count = 0;
    for (posw_rlp rest = list; posw_rlp_more(&rest); count++)
        if (count == POSW_MSG_HEADERS_MAX || !read_header_pair(&h, &rest)) return false;
    *out = (posw_msg_headers){request, {list, count}};
    return true;
}

bool posw_msg_announce_single(posw_bytes *header, posw_bytes payload) {
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_ANNOUNCE, payload)) return false;
    posw_rlp list = posw_rlp_list(&r), pair = posw_rlp_list(&list);
    *header = posw_rlp_raw(&pair);
    return !pair.failed && posw_rlp_done(&list) && header->size <= POSW_HEADER_SIZE_MAX;
}

bool posw_msg_announce_decode_single(posw_msg_header *out, const posw_hash *hash, posw_bytes payload) {
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_ANNOUNCE, payload)) return false;
    posw_rlp list = posw_rlp_list(&r);
    if (!msg_close(&r) || !read_header_pair(out, &list) || !posw_rlp_done(&list)) return false;
    out->hash = *hash;
    return true;
}

bool posw_msg_announce_decode(posw_msg_header_list *out, posw_bytes payload) {
    posw_msg_header h;
    posw_hash last;
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_ANNOUNCE, payload)) return false;
    const posw_rlp list = posw_rlp_list(&r);
    if (!msg_close(&r)) return false;
    size_t count = 0;
    for (posw_rlp rest = list; posw_rlp_more(&rest); count++) {
        if (count == POSW_MSG_ANNOUNCE_MAX || !read_header_pair(&h, &rest)) return false;
        if (count > 0 && !posw_hash_equal(&h.header.parent_hash, &last)) return false;
        if (posw_rlp_more(&rest)) posw_keccak256(&last, h.raw.data, h.raw.size);
    }
    *out = (posw_msg_header_list){list, count};
    return true;
}

/* ---- transactions ---- */

void posw_msg_block_txs_begin(posw_msg_writer *w, posw_buf *out, const posw_hash *block) {
    msg_writer_begin(w, out, POSW_MSG_BLOCK_TXS);
    posw_rlp_append_bytes(out, block->b, sizeof block->b);
    msg_writer_list(w);
}

void posw_msg_txs_begin(posw_msg_writer *w, posw_buf *out) {
    msg_writer_begin(w, out, POSW_MSG_TXS);
    msg_writer_list(w);
}

bool posw_msg_txs_add(posw_msg_writer *w, posw_bytes raw) {
    const size_t before = w->out->size;
    POSW_ASSERT(raw.size > 0);
    if (!msg_writer_room(w, w->type == POSW_MSG_TXS ? POSW_MSG_TXS_MAX : SIZE_MAX)) return false;
    posw_rlp_append_bytes(w->out, raw.data, raw.size);
    return msg_writer_keep(w, before);
}

static bool read_txs(posw_msg_tx_list *out, posw_rlp *r, size_t max) {
    const posw_rlp list = posw_rlp_list(r);
    size_t count = 0;
    for (posw_rlp rest = list; posw_rlp_more(&rest); count++)
        if (count == max || posw_rlp_bytes(&rest).size == 0) return false; /* also after an error */
    *out = (posw_msg_tx_list){list, count};
    return !list.failed;
}

bool posw_msg_txs_next(posw_bytes *raw, posw_msg_tx_list *list) {
    if (!posw_rlp_more(&list->rest)) return false;
    *raw = posw_rlp_bytes(&list->rest);
    return true;
}

bool posw_msg_block_txs_decode(posw_msg_block_txs *out, posw_bytes payload) {
    posw_msg_block_txs m;
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_BLOCK_TXS, payload)) return false;
    posw_rlp_fixed(&r, m.block.b, sizeof m.block.b);
    if (!read_txs(&m.txs, &r, SIZE_MAX) || !msg_close(&r)) return false;
    *out = m;
    return true;
}

bool posw_msg_txs_decode(posw_msg_tx_list *out, posw_bytes payload) {
    posw_msg_tx_list list;
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_TXS, payload) || !read_txs(&list, &r, POSW_MSG_TXS_MAX) || !msg_close(&r)) return false;
    *out = list;
    return true;
}
