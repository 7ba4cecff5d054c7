/* The blocks that were read last, decoded. A client that waits for a thousand receipts of one block asks a thousand
 * times for the same block: it is read and decoded once. Content is by hash and never changes, so nothing here goes
 * stale. */
#include "rpc/rpc_internal.h"

#include "base/bytes.h"

#include <stdlib.h>

static void block_clear(rpc_block *b) {
    posw_block_clear(&b->block);
    posw_buf_clear(&b->raw);
    posw_buf_clear(&b->receipts);
    posw_buf_clear(&b->senders);
    free(b->tx_hashes);
    free(b->places);
    memset(b, 0, sizeof *b);
}

void rpc_blocks_clear(posw_rpc *r) {
    for (size_t i = 0; i < RPC_BLOCKS_CACHED; i++)
        block_clear(&r->blocks[i]);
}

static rpc_block *find(posw_rpc *r, const posw_hash *hash) {
    for (size_t i = 0; i < RPC_BLOCKS_CACHED; i++)
        if (r->blocks[i].used && posw_hash_equal(&r->blocks[i].hash, hash)) return &r->blocks[i];
    return NULL;
}

/* A free place: drops the oldest until one is free and what is kept is within its limit. */
static rpc_block *make_room(posw_rpc *r) {
    for (;;) {
        rpc_block *oldest = NULL, *vacant = NULL;
        size_t memory = 0;
        for (size_t i = 0; i < RPC_BLOCKS_CACHED; i++) {
            rpc_block *b = &r->blocks[i];
            memory += b->memory;
            if (!b->used)
                vacant = b;
            else if (oldest == NULL || b->used_at < oldest->used_at)
                oldest = b;
        }
        if (vacant != NULL && (oldest == NULL || memory <= RPC_BLOCKS_CACHED_BYTES)) return vacant;
        block_clear(oldest);
    }
}

static int read_block(posw_chain *chain, rpc_block *b, const posw_hash *hash) {
    posw_chain_block_info info;
    int err = posw_chain_block_by_hash(chain, &info, hash);
    if (err != POSW_OK) return err;
    err = posw_chain_block_bytes(chain, &b->raw, hash);
    if (err != POSW_OK) return err == POSW_ENOTFOUND ? POSW_ECORRUPT : err;
    err = posw_block_decode(&b->block, NULL, b->raw.data, b->raw.size);
    if (err != POSW_OK) return err == POSW_EPARSE ? POSW_ECORRUPT : err;
    b->hash = *hash;
    b->header = info.header;
    b->weight_total = info.weight_total;
    b->size = info.size;
    b->memory = b->raw.capacity + b->block.tx_count * sizeof *b->block.txs;
    return POSW_OK;
}

rpc_block *rpc_block_load(rpc_call *c, const posw_hash *hash) {
    posw_rpc *r = c->rpc;
    rpc_block *b = find(r, hash);
    if (b == NULL) {
        b = make_room(r);
        int err = read_block(c->chain, b, hash);
        if (err != POSW_OK) {
            block_clear(b);
            if (err != POSW_ENOTFOUND) (void)rpc_fail_operating(c, err);
            return NULL;
        }
        b->used = true;
    }
    b->used_at = ++r->blocks_clock;
    return b;
}

bool rpc_block_is_pruned(const rpc_call *c, const posw_chain_block_info *info) {
    return info->is_main && info->header.number < posw_chain_first_body(c->chain) && info->header.gas_used > 0;
}

rpc_block *rpc_block_by_ref(rpc_call *c, const rpc_block_ref *ref) {
    posw_hash hash;
    return rpc_ref_hash(c, ref, &hash) ? rpc_block_load(c, &hash) : NULL;
}

/* ---- senders, receipts, hashes: made when they are needed ---- */

/* Of a block that was never executed. */
static int recover_senders(rpc_block *b) {
    for (size_t i = 0; i < b->block.tx_count; i++) {
        posw_address a;
        if (!posw_tx_sender(&a, &b->block.txs[i])) return POSW_ECORRUPT;
        posw_buf_append(&b->senders, a.b, sizeof a.b);
    }
    return b->senders.failed ? POSW_ENOMEM : POSW_OK;
}

static int read_results(rpc_call *c, rpc_block *b) {
    posw_buf_reset(&b->receipts);
    posw_buf_reset(&b->senders);
    if (b->block.tx_count == 0) return POSW_OK;
    int err = posw_chain_block_results(c->chain, &b->receipts, &b->senders, &b->hash);
    if (err != POSW_OK) return err;
    if (b->senders.size != b->block.tx_count * sizeof(posw_address)) return POSW_ECORRUPT;
    return POSW_OK;
}

static int index_receipts(rpc_block *b) {
    size_t count = b->block.tx_count;
    struct rpc_receipt_place *places = calloc(count + 1, sizeof *places);
    if (places == NULL) return POSW_ENOMEM;
    free(b->places);
    b->places = places;
    const uint8_t *p = b->receipts.data, *end = p == NULL ? p : p + b->receipts.size;
    uint64_t gas = 0, log = 0;
    for (size_t i = 0; i < count; i++) {
        posw_receipt receipt;
        posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
        if (end - p < 4 || posw_load_be32(p) > (size_t)(end - p - 4)) return POSW_ECORRUPT;
        posw_bytes bytes = posw_bytes_of(p + 4, posw_load_be32(p));
        if (!posw_receipt_decode(&receipt, logs, bytes.data, bytes.size)) return POSW_ECORRUPT;
        places[i] = (struct rpc_receipt_place){bytes, gas, log};
        gas = receipt.cumulative_gas_used;
        log += receipt.log_count;
        p = bytes.data + bytes.size;
    }
    return p == end ? POSW_OK : POSW_ECORRUPT;
}

bool rpc_block_need_receipts(rpc_call *c, rpc_block *b) {
    if (b->has_receipts) return true;
    int err = read_results(c, b);
    b->has_senders = err == POSW_OK;
    if (err == POSW_OK) err = index_receipts(b);
    if (err == POSW_ENOTFOUND) return false;
    if (err != POSW_OK) return rpc_fail_operating(c, err);
    b->has_receipts = true;
    b->memory += b->receipts.capacity + b->senders.capacity + b->block.tx_count * sizeof *b->places;
    return true;
}

bool rpc_block_need_senders(rpc_call *c, rpc_block *b) {
    if (b->has_senders || rpc_block_need_receipts(c, b)) return true;
    if (c->code != 0) return false;
    posw_buf_reset(&b->senders);
    int err = recover_senders(b);
    if (err != POSW_OK) return rpc_fail_operating(c, err);
    b->has_senders = true;
    b->memory += b->senders.capacity;
    return true;
}

bool rpc_block_need_hashes(rpc_call *c, rpc_block *b) {
    if (b->has_hashes) return true;
    size_t count = b->block.tx_count;
    b->tx_hashes = calloc(count + 1, sizeof *b->tx_hashes);
    if (b->tx_hashes == NULL) return rpc_fail_operating(c, POSW_ENOMEM);
    for (size_t i = 0; i < count; i++)
        posw_tx_hash(&b->tx_hashes[i], &b->block.txs[i]);
    b->has_hashes = true;
    b->memory += count * sizeof *b->tx_hashes;
    return true;
}

const posw_address *rpc_block_sender(const rpc_block *b, size_t i) {
    return (const posw_address *)(b->senders.data + i * sizeof(posw_address)); /* bytes: no alignment to mind */
}

bool rpc_block_receipt(rpc_call *c, const rpc_block *b, size_t i, posw_receipt *out,
                       posw_event_log logs[POSW_RECEIPT_LOGS_MAX]) {
    posw_bytes bytes = b->places[i].receipt;
    return posw_receipt_decode(out, logs, bytes.data, bytes.size) || rpc_fail_operating(c, POSW_ECORRUPT);
}
