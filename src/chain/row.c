/* Rows of the store and records of its logs: encoding, decoding, loading. */
#include "chain/chain_internal.h"

#include "base/bytes.h"
#include "codec/rlp.h"
#include "crypto/keccak.h"
#include "posw/u256.h"

#include <stdlib.h>

enum { ROW_BLOCK = 32, ROW_EXEC = 40, ROW_SIZE = 48, ROW_FLAGS = 52, ROW_HEADER = 53 };

/* LMDB keeps no checksums: the header must be the one of this hash. */
static bool row_decode(posw_chain_row *out, posw_bytes in, const posw_hash *hash) {
    posw_hash actual;
    if (in.size <= ROW_HEADER) return false;
    posw_keccak256(&actual, in.data + ROW_HEADER, in.size - ROW_HEADER);
    if (!posw_hash_equal(&actual, hash)) return false;
    if (!posw_header_decode(&out->header, in.data + ROW_HEADER, in.size - ROW_HEADER)) return false;
    out->weight = posw_u256_from_be(in.data);
    out->block_pos = posw_load_be64(in.data + ROW_BLOCK);
    out->exec_pos = posw_load_be64(in.data + ROW_EXEC);
    out->size = posw_load_be32(in.data + ROW_SIZE);
    out->flags = in.data[ROW_FLAGS];
    return true;
}

int posw_chain_row_get(posw_chain *c, posw_chain_row *out, const posw_hash *hash) {
    posw_bytes value;
    const int rc = c->store->ops->get(c->store, POSW_TABLE_HEADERS, hash->b, sizeof hash->b, &value);
    if (rc != POSW_OK) return rc;
    posw_chain_row row;
    if (!row_decode(&row, value, hash)) return POSW_ECORRUPT;
    *out = row;
    return POSW_OK;
}

/* Copied out of the encoded block: there is one encoding of a header. */
static size_t put_header(uint8_t *out, const posw_header *h, posw_bytes block) {
    if (block.data == NULL) return posw_header_encode(out, h);
    posw_rlp outer = posw_rlp_reader(block.data, block.size);
    posw_rlp items = posw_rlp_list(&outer);
    const posw_bytes header = posw_rlp_raw(&items);
    POSW_ASSERT(header.size > 0 && header.size <= POSW_HEADER_SIZE_MAX);
    memcpy(out, header.data, header.size);
    return header.size;
}

int posw_chain_row_put(posw_chain *c, const posw_hash *hash, const posw_header *header, const posw_chain_row *row,
                       posw_bytes block) {
    uint8_t value[ROW_HEADER + POSW_HEADER_SIZE_MAX];
    posw_u256_to_be(value, &row->weight);
    posw_store_be64(value + ROW_BLOCK, row->block_pos);
    posw_store_be64(value + ROW_EXEC, row->exec_pos);
    posw_store_be32(value + ROW_SIZE, row->size);
    value[ROW_FLAGS] = row->flags;
    const size_t size = ROW_HEADER + put_header(value + ROW_HEADER, header, block);
    return c->store->ops->put(c->store, POSW_TABLE_HEADERS, hash->b, sizeof hash->b, value, size);
}

int posw_chain_main_get(posw_chain *c, posw_hash *out, uint64_t number) {
    uint8_t key[8];
    posw_bytes value;
    posw_store_be64(key, number);
    const int rc = c->store->ops->get(c->store, POSW_TABLE_MAIN, key, sizeof key, &value);
    if (rc != POSW_OK) return rc;
    if (value.size != sizeof out->b) return POSW_ECORRUPT;
    memcpy(out->b, value.data, sizeof out->b);
    return POSW_OK;
}

int posw_chain_main_row(posw_chain *c, posw_chain_row *out, posw_hash *hash, uint64_t number) {
    posw_hash h;
    int rc = posw_chain_main_get(c, &h, number);
    if (rc == POSW_OK) rc = posw_chain_row_get(c, out, &h);
    if (rc == POSW_ENOTFOUND || (rc == POSW_OK && out->header.number != number)) return POSW_ECORRUPT;
    if (rc == POSW_OK && hash != NULL) *hash = h;
    return rc;
}

bool posw_chain_is_child(const posw_window_entry *e, const posw_u256 *weight, uint64_t parent_time,
                         const posw_u256 *parent_weight) {
    const posw_u256 sum = posw_u256_add_sat(parent_weight, &e->difficulty); /* F1 */
    return e->timestamp > parent_time && posw_u256_equal(weight, &sum);     /* T1 */
}

posw_window_entry posw_chain_entry_of(const posw_header *h) {
    return (posw_window_entry){.miner = h->beneficiary,
                               .timestamp = h->timestamp,
                               .boosted = posw_seal_boosted(&h->mix_hash, &h->difficulty),
                               .difficulty = h->difficulty};
}

uint64_t posw_chain_meta_u64(posw_bytes value) {
    return value.size == 8 ? posw_load_be64(value.data) : UINT64_MAX;
}

/* ---- exec records ----
 *
 * block number (8) ‖ length (4) ‖ senders ‖ length (4) ‖ packed receipts ‖ length (4) ‖ undo.
 *
 * A receipt of a transfer is 256 bytes of empty bloom filter and a dozen others, so receipts are packed: a zero byte is
 * followed by how many zeros it stands for (1 to 255); other bytes stand for themselves. */

/* Appends what stands for itself, from `at` to the next zero, and returns where that is; in.size when there is none. */
static size_t copy_to_zero(posw_buf *out, posw_bytes in, size_t at) {
    const uint8_t *zero = memchr(in.data + at, 0, in.size - at);
    const size_t end = zero == NULL ? in.size : (size_t)(zero - in.data);
    posw_buf_append(out, in.data + at, end - at);
    return end;
}

static size_t zeros_at(posw_bytes in, size_t at) {
    size_t n = at;
    while (n < in.size && n - at < 255 && in.data[n] == 0)
        n++;
    return n - at;
}

static void pack(posw_buf *out, posw_bytes in) {
    size_t at = 0;
    while (at < in.size) {
        at = copy_to_zero(out, in, at);
        if (at == in.size) return;
        const size_t zeros = zeros_at(in, at);
        posw_buf_byte(out, 0);
        posw_buf_byte(out, (uint8_t)zeros);
        at += zeros;
    }
}

bool posw_chain_receipts_unpack(posw_buf *out, posw_bytes in) {
    size_t at = 0;
    while (at < in.size) {
        at = copy_to_zero(out, in, at);
        if (at == in.size) break;
        if (at + 1 >= in.size || in.data[at + 1] == 0) return false;
        uint8_t *zeros = posw_buf_extend(out, in.data[at + 1]);
        if (zeros != NULL) memset(zeros, 0, in.data[at + 1]);
        at += 2;
    }
    return true;
}

static void append_part(posw_buf *out, posw_bytes part) {
    uint8_t *at = posw_buf_extend(out, 4 + part.size);
    if (at == NULL) return;
    posw_store_be32(at, (uint32_t)part.size);
    if (part.size > 0) memcpy(at + 4, part.data, part.size);
}

void posw_chain_record_encode(posw_buf *out, uint64_t number, posw_bytes senders, posw_bytes receipts,
                              posw_bytes undo) {
    (void)posw_buf_reserve(out, 8 + 3 * 4 + senders.size + receipts.size + undo.size);
    uint8_t *head = posw_buf_extend(out, 8);
    if (head != NULL) posw_store_be64(head, number);
    append_part(out, senders);
    const size_t mark = out->size;
    append_part(out, (posw_bytes){NULL, 0});
    pack(out, receipts);
    if (!out->failed) posw_store_be32(out->data + mark, (uint32_t)(out->size - mark - 4));
    append_part(out, undo);
}

static bool read_part(posw_bytes *part, posw_bytes *in) {
    if (in->size < 4) return false;
    const size_t size = posw_load_be32(in->data);
    if (size > in->size - 4) return false;
    *part = (posw_bytes){in->data + 4, size};
    *in = (posw_bytes){in->data + 4 + size, in->size - 4 - size};
    return true;
}

bool posw_chain_record_decode(posw_chain_record *out, posw_bytes in, uint64_t number) {
    posw_chain_record r;
    if (in.size < 8 || posw_load_be64(in.data) != number) return false;
    in = (posw_bytes){in.data + 8, in.size - 8};
    if (!read_part(&r.senders, &in) || !read_part(&r.receipts, &in) || !read_part(&r.undo, &in)) return false;
    if (in.size != 0 || r.senders.size % POSW_ADDRESS_SIZE != 0) return false;
    *out = r;
    return true;
}

int posw_chain_block_load(posw_chain *c, posw_block *out, posw_buf *raw, const posw_chain_row *row,
                          const posw_hash *hash) {
    posw_buf_reset(raw);
    int rc = c->store->ops->read(c->store, POSW_LOG_BLOCKS, row->block_pos, raw);
    if (rc != POSW_OK) return rc == POSW_ENOTFOUND ? POSW_ECORRUPT : rc;
    posw_block b;
    rc = posw_block_decode(&b, NULL, raw->data, raw->size);
    if (rc != POSW_OK) return rc == POSW_EPARSE ? POSW_ECORRUPT : rc;
    if (!posw_hash_equal(&b.hash, hash)) {
        posw_block_clear(&b);
        return POSW_ECORRUPT;
    }
    *out = b;
    return POSW_OK;
}
