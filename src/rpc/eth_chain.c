/* The chain: its number, its tip, its blocks. */
#include "rpc/methods.h"

#include "base/bytes.h"
#include "crypto/keccak.h"
#include "posw/difficulty.h"
#include "posw/economy.h"

void rpc_eth_chain_id(rpc_call *c) {
    posw_jw_quantity(&c->w, posw_chain_params(c->chain)->chain_id);
}

void rpc_eth_block_number(rpc_call *c) {
    posw_jw_quantity(&c->w, posw_chain_tip(c->chain)->number);
}

/* The node holds no keys for its clients. */
void rpc_eth_accounts(rpc_call *c) {
    posw_jw_array(&c->w);
    posw_jw_array_end(&c->w);
}

void rpc_eth_coinbase(rpc_call *c) {
    const posw_address *miner = posw_node_miner(c->node);
    if (miner == NULL)
        (void)rpc_fail(c, RPC_ERROR_SERVER, "etherbase must be explicitly specified: this node does not mine");
    else
        posw_jw_address(&c->w, miner);
}

posw_rules rpc_rules_next(const rpc_call *c) {
    return posw_params_rules(posw_chain_params(c->chain), posw_chain_tip(c->chain)->number + 1);
}

/* ---- the pending block: what would be mined now, as far as it is known without executing it ---- */

static uint64_t next_base_fee(const rpc_call *c) {
    const posw_header *tip = posw_chain_tip(c->chain);
    return posw_base_fee_next(posw_chain_params(c->chain), tip->number, tip->base_fee_wei, tip->gas_used);
}

/* The pool's best transactions within the gas limit, one after the other. */
typedef struct {
    posw_mempool_selection *selection; /* owned */
    uint64_t gas_left;
} pending_txs;

static bool pending_begin(rpc_call *c, pending_txs *p) {
    *p = (pending_txs){.gas_left = rpc_rules_next(c).gas_limit};
    int err = posw_mempool_select(c->pool, &p->selection, next_base_fee(c));
    return err == POSW_OK || rpc_fail_operating(c, err);
}

static const posw_mempool_entry *pending_next(pending_txs *p) {
    const posw_mempool_entry *e = posw_mempool_selection_next(p->selection);
    if (e == NULL || e->tx.gas_limit > p->gas_left) return NULL;
    p->gas_left -= e->tx.gas_limit;
    return e;
}

static void pending_end(pending_txs *p) {
    posw_mempool_selection_free(p->selection);
}

const posw_mempool_entry *rpc_pending_tx(rpc_call *c, uint64_t i) {
    pending_txs p;
    const posw_mempool_entry *e;
    if (!pending_begin(c, &p)) return NULL;
    while ((e = pending_next(&p)) != NULL && i > 0)
        i--;
    pending_end(&p);
    return e;
}

static void json_pending_count(rpc_call *c) {
    pending_txs p;
    uint64_t count = 0;
    if (!pending_begin(c, &p)) return;
    while (pending_next(&p) != NULL)
        count++;
    pending_end(&p);
    posw_jw_quantity(&c->w, count);
}

/* full: objects, else hashes. */
static void json_pending_transactions(rpc_call *c, bool full) {
    pending_txs p;
    const posw_mempool_entry *e;
    if (!pending_begin(c, &p)) {
        posw_jw_null(&c->w);
        return;
    }
    posw_jw_array(&c->w);
    while (rpc_fits(c) && (e = pending_next(&p)) != NULL) {
        if (full)
            rpc_json_pool_tx(&c->w, e);
        else
            posw_jw_hash(&c->w, &e->hash);
    }
    posw_jw_array_end(&c->w);
    pending_end(&p);
}

/* As in go-ethereum hash, nonce and miner are null; so are the roots, which only execution gives. */
static void json_pending_block(rpc_call *c, bool full) {
    const posw_params *p = posw_chain_params(c->chain);
    const posw_header *tip = posw_chain_tip(c->chain);
    posw_hash tip_hash = posw_chain_tip_hash(c->chain);
    uint64_t now = posw_node_now_s(c->node), timestamp = now > tip->timestamp ? now : tip->timestamp + 1;
    posw_u256 difficulty = posw_difficulty_next(p, posw_chain_window(c->chain), tip, timestamp);
    static const char *const UNKNOWN[] = {"hash",  "nonce",     "mixHash",          "logsBloom",
                                          "miner", "stateRoot", "transactionsRoot", "receiptsRoot"};
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_kv_quantity(w, "number", tip->number + 1);
    posw_jw_kv_hash(w, "parentHash", &tip_hash);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(UNKNOWN); i++)
        posw_jw_kv_null(w, UNKNOWN[i]);
    posw_jw_kv_hash(w, "sha3Uncles", &POSW_OMMERS_EMPTY);
    posw_jw_kv_quantity_u256(w, "difficulty", &difficulty);
    posw_jw_kv_string(w, "extraData", "0x");
    posw_jw_kv_quantity(w, "gasLimit", rpc_rules_next(c).gas_limit);
    posw_jw_kv_quantity(w, "gasUsed", 0);
    posw_jw_kv_quantity(w, "timestamp", timestamp);
    posw_jw_kv_quantity(w, "baseFeePerGas", next_base_fee(c));
    posw_jw_kv_null(w, "totalDifficulty");
    posw_jw_kv_quantity(w, "size", 0);
    posw_jw_key(w, "transactions");
    json_pending_transactions(c, full);
    posw_jw_key(w, "uncles");
    posw_jw_array(w);
    posw_jw_array_end(w);
    posw_jw_object_end(w);
}

/* ---- blocks ---- */

static void json_block_or_null(rpc_call *c, const rpc_block_ref *ref, bool full) {
    rpc_block *b = rpc_block_by_ref(c, ref);
    if (b != NULL)
        rpc_json_block(c, b, full);
    else
        posw_jw_null(&c->w);
}

void rpc_eth_get_block_by_number(rpc_call *c) {
    rpc_block_ref ref;
    bool full;
    if (!rpc_param_block_number(c, 0, &ref) || !rpc_param_bool(c, 1, &full)) return;
    if (ref.kind == RPC_PENDING)
        json_pending_block(c, full);
    else
        json_block_or_null(c, &ref, full);
}

void rpc_eth_get_block_by_hash(rpc_call *c) {
    rpc_block_ref ref = {.kind = RPC_BY_HASH};
    bool full;
    if (rpc_param_hash(c, 0, &ref.hash) && rpc_param_bool(c, 1, &full)) json_block_or_null(c, &ref, full);
}

static void json_tx_count(rpc_call *c, const rpc_block_ref *ref) {
    const rpc_block *b = rpc_block_by_ref(c, ref);
    if (b != NULL)
        posw_jw_quantity(&c->w, b->block.tx_count);
    else
        posw_jw_null(&c->w);
}

void rpc_eth_get_tx_count_by_number(rpc_call *c) {
    rpc_block_ref ref;
    if (!rpc_param_block_number(c, 0, &ref)) return;
    if (ref.kind == RPC_PENDING)
        json_pending_count(c);
    else
        json_tx_count(c, &ref);
}

void rpc_eth_get_tx_count_by_hash(rpc_call *c) {
    rpc_block_ref ref = {.kind = RPC_BY_HASH};
    if (rpc_param_hash(c, 0, &ref.hash)) json_tx_count(c, &ref);
}

/* ---- uncles: this chain has none (H2) ---- */

static bool block_exists(rpc_call *c, const rpc_block_ref *ref) {
    posw_hash hash;
    posw_chain_block_info info;
    if (!rpc_ref_hash(c, ref, &hash)) return false;
    int err = posw_chain_block_by_hash(c->chain, &info, &hash);
    if (err != POSW_OK && err != POSW_ENOTFOUND) return rpc_fail_operating(c, err);
    return err == POSW_OK;
}

static void json_uncle_count(rpc_call *c, const rpc_block_ref *ref) {
    if (block_exists(c, ref))
        posw_jw_quantity(&c->w, 0);
    else
        posw_jw_null(&c->w);
}

void rpc_eth_get_uncle_count_by_number(rpc_call *c) {
    rpc_block_ref ref;
    if (rpc_param_block_number(c, 0, &ref)) json_uncle_count(c, &ref);
}

void rpc_eth_get_uncle_count_by_hash(rpc_call *c) {
    rpc_block_ref ref = {.kind = RPC_BY_HASH};
    if (rpc_param_hash(c, 0, &ref.hash)) json_uncle_count(c, &ref);
}

void rpc_eth_get_uncle_by_number(rpc_call *c) {
    rpc_block_ref ref;
    uint64_t index;
    if (rpc_param_block_number(c, 0, &ref) && rpc_param_u64(c, 1, &index)) posw_jw_null(&c->w);
}

void rpc_eth_get_uncle_by_hash(rpc_call *c) {
    posw_hash hash;
    uint64_t index;
    if (rpc_param_hash(c, 0, &hash) && rpc_param_u64(c, 1, &index)) posw_jw_null(&c->w);
}

/* ---- encodings ---- */

static rpc_block *named_block(rpc_call *c) {
    rpc_block_ref ref;
    if (!rpc_param_block(c, 0, &ref)) return NULL;
    rpc_block *b = rpc_block_by_ref(c, &ref);
    if (b == NULL) (void)rpc_fail(c, RPC_ERROR_SERVER, "block not found");
    return b;
}

void rpc_debug_get_raw_header(rpc_call *c) {
    rpc_block_ref ref;
    posw_chain_block_info info;
    uint8_t rlp[POSW_HEADER_SIZE_MAX];
    if (!rpc_param_block(c, 0, &ref)) return;
    if (rpc_ref_info(c, &ref, &info))
        posw_jw_data(&c->w, rlp, posw_header_encode(rlp, &info.header));
    else
        (void)rpc_fail(c, RPC_ERROR_SERVER, "block not found");
}

void rpc_debug_get_raw_block(rpc_call *c) {
    const rpc_block *b = named_block(c);
    if (b != NULL) posw_jw_data(&c->w, b->raw.data, b->raw.size);
}
