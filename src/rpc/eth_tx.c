/* Transactions: sending, looking up, receipts. */
#include "rpc/methods.h"

#include "base/bytes.h"

/* ---- sending ---- */

/* Refusals carry the pool's own sentence, which is the one that clients match. */
void rpc_eth_send_raw_transaction(rpc_call *c) {
    posw_buf raw = {0};
    enum posw_mempool_refusal refusal = POSW_MEMPOOL_MALFORMED;
    posw_message text = {{0}};
    posw_hash hash;
    if (rpc_value_data(c, rpc_arg(0), rpc_param(c, 0), &raw, SIZE_MAX)) {
        int err = posw_node_submit_tx(c->node, raw.data, raw.size, rpc_later_sender(c->rpc, posw_buf_view(&raw)),
                                      &refusal, &text, &hash, c->actions);
        if (err != POSW_OK)
            (void)rpc_fail_operating(c, err);
        else if (refusal != POSW_MEMPOOL_ACCEPTED)
            (void)rpc_fail(c, RPC_ERROR_SERVER, "%s", text.text);
        else
            posw_jw_hash(&c->w, &hash);
    }
    posw_buf_clear(&raw);
}

/* ---- looking up ---- */

rpc_block *rpc_find_mined(rpc_call *c, const posw_hash *hash, size_t *index) {
    rpc_block_ref ref = {.kind = RPC_BY_NUMBER};
    uint32_t i;
    int err = posw_chain_find_tx(c->chain, &ref.number, &i, hash);
    if (err == POSW_ENOTFOUND) return NULL;
    if (err != POSW_OK) {
        (void)rpc_fail_operating(c, err);
        return NULL;
    }
    rpc_block *b = rpc_block_by_ref(c, &ref);
    if (b == NULL || !rpc_block_need_hashes(c, b)) return NULL;
    if (i >= b->block.tx_count || !posw_hash_equal(&b->tx_hashes[i], hash)) {
        (void)rpc_fail_operating(c, POSW_ECORRUPT);
        return NULL;
    }
    *index = i;
    return b;
}

void rpc_eth_get_transaction(rpc_call *c) {
    posw_hash hash;
    size_t i;
    if (!rpc_param_hash(c, 0, &hash)) return;
    const posw_mempool_entry *e = posw_mempool_find(c->pool, &hash);
    if (e != NULL) {
        rpc_json_pool_tx(&c->w, e);
        return;
    }
    rpc_block *b = rpc_find_mined(c, &hash, &i);
    if (b == NULL)
        posw_jw_null(&c->w);
    else if (rpc_block_need_senders(c, b))
        rpc_json_tx(&c->w, b, i);
}

static void json_tx_at(rpc_call *c, const rpc_block_ref *ref) {
    uint64_t i;
    if (!rpc_param_u64(c, 1, &i)) return;
    rpc_block *b = rpc_block_by_ref(c, ref);
    if (b == NULL || i >= b->block.tx_count)
        posw_jw_null(&c->w);
    else if (rpc_block_need_hashes(c, b) && rpc_block_need_senders(c, b))
        rpc_json_tx(&c->w, b, (size_t)i);
}

static void json_pending_tx_at(rpc_call *c) {
    uint64_t i;
    if (!rpc_param_u64(c, 1, &i)) return;
    const posw_mempool_entry *e = rpc_pending_tx(c, i);
    if (e == NULL)
        posw_jw_null(&c->w);
    else
        rpc_json_pool_tx(&c->w, e);
}

void rpc_eth_get_transaction_by_block_hash(rpc_call *c) {
    rpc_block_ref ref = {.kind = RPC_BY_HASH};
    if (rpc_param_hash(c, 0, &ref.hash)) json_tx_at(c, &ref);
}

void rpc_eth_get_transaction_by_block_number(rpc_call *c) {
    rpc_block_ref ref;
    if (!rpc_param_block_number(c, 0, &ref)) return;
    if (ref.kind == RPC_PENDING)
        json_pending_tx_at(c);
    else
        json_tx_at(c, &ref);
}

/* "0x" for an unknown transaction, as go-ethereum. */
void rpc_eth_get_raw_transaction(rpc_call *c) {
    posw_hash hash;
    size_t i;
    if (!rpc_param_hash(c, 0, &hash)) return;
    const posw_mempool_entry *e = posw_mempool_find(c->pool, &hash);
    const rpc_block *b = e == NULL ? rpc_find_mined(c, &hash, &i) : NULL;
    posw_bytes raw = e != NULL ? e->tx.raw : b != NULL ? b->block.txs[i].raw : (posw_bytes){NULL, 0};
    posw_jw_data(&c->w, raw.data, raw.size);
}

/* ---- receipts ---- */

void rpc_eth_get_receipt(rpc_call *c) {
    posw_hash hash;
    size_t i;
    if (!rpc_param_hash(c, 0, &hash)) return;
    rpc_block *b = rpc_find_mined(c, &hash, &i);
    if (b == NULL)
        posw_jw_null(&c->w);
    else if (rpc_block_need_receipts(c, b))
        (void)rpc_json_receipt(c, &c->w, b, i);
    else
        (void)rpc_fail_operating(c, POSW_ECORRUPT); /* a main-chain block has receipts */
}

/* The block of argument 0 with receipts and hashes; NULL: none (a side branch has no receipts), or failed. */
static rpc_block *block_with_receipts(rpc_call *c) {
    rpc_block_ref ref;
    if (!rpc_param_block(c, 0, &ref) || ref.kind == RPC_PENDING) return NULL;
    rpc_block *b = rpc_block_by_ref(c, &ref);
    return b != NULL && rpc_block_need_hashes(c, b) && rpc_block_need_receipts(c, b) ? b : NULL;
}

void rpc_eth_get_block_receipts(rpc_call *c) {
    const rpc_block *b = block_with_receipts(c);
    if (b == NULL) {
        posw_jw_null(&c->w);
        return;
    }
    posw_jw_array(&c->w);
    for (size_t i = 0; i < b->block.tx_count && rpc_fits(c); i++)
        (void)rpc_json_receipt(c, &c->w, b, i);
    posw_jw_array_end(&c->w);
}

void rpc_debug_get_raw_receipts(rpc_call *c) {
    const rpc_block *b = block_with_receipts(c);
    if (b == NULL) {
        (void)rpc_fail(c, RPC_ERROR_SERVER, "block not found");
        return;
    }
    posw_jw_array(&c->w);
    for (size_t i = 0; i < b->block.tx_count && rpc_fits(c); i++)
        posw_jw_data(&c->w, b->places[i].receipt.data, b->places[i].receipt.size);
    posw_jw_array_end(&c->w);
}
