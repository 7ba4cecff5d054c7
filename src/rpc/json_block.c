/* The standard objects: block, transaction, receipt, log. Members and their forms are those of the execution-apis
 * schemas, blocks in the shape that they had at London (with totalDifficulty, which explorers of proof-of-work chains
 * read). */
#include "rpc/rpc_internal.h"

#include "base/bytes.h"
#include "codec/rlp.h"
#include "posw/u256.h"

enum { SELECTOR_SIZE = 4 };

/* The bloom is half a kilobyte of digits; NULL stands for it where pages of many are asked for. */
static void header_members(posw_jw *w, const posw_header *h, const posw_hash *hash, bool brief) {
    posw_jw_kv_quantity(w, "number", h->number);
    posw_jw_kv_hash(w, "hash", hash);
    posw_jw_kv_hash(w, "parentHash", &h->parent_hash);
    posw_jw_kv_data(w, "nonce", h->nonce, sizeof h->nonce);
    posw_jw_kv_hash(w, "mixHash", &h->mix_hash);
    posw_jw_kv_hash(w, "sha3Uncles", &h->ommers_hash);
    if (brief)
        posw_jw_kv_null(w, "logsBloom");
    else
        posw_jw_kv_data(w, "logsBloom", h->logs_bloom, sizeof h->logs_bloom);
    posw_jw_kv_hash(w, "transactionsRoot", &h->transactions_root);
    posw_jw_kv_hash(w, "stateRoot", &h->state_root);
    posw_jw_kv_hash(w, "receiptsRoot", &h->receipts_root);
    posw_jw_kv_address(w, "miner", &h->beneficiary);
    posw_jw_kv_quantity_u256(w, "difficulty", &h->difficulty);
    posw_jw_kv_data(w, "extraData", h->extra, h->extra_size);
    posw_jw_kv_quantity(w, "gasLimit", h->gas_limit);
    posw_jw_kv_quantity(w, "gasUsed", h->gas_used);
    posw_jw_kv_quantity(w, "timestamp", h->timestamp);
    posw_jw_kv_quantity(w, "baseFeePerGas", h->base_fee_wei);
}

void rpc_json_header_members(posw_jw *w, const posw_header *h, const posw_hash *hash) {
    header_members(w, h, hash, false);
}

static void block_members(posw_jw *w, const rpc_block *b, bool brief) {
    header_members(w, &b->header, &b->hash, brief);
    posw_jw_kv_quantity_u256(w, "totalDifficulty", &b->weight_total);
    posw_jw_kv_quantity(w, "size", b->size);
    posw_jw_key(w, "uncles");
    posw_jw_array(w);
    posw_jw_array_end(w);
}

void rpc_json_block_brief(posw_jw *w, const rpc_block *b) {
    block_members(w, b, true);
    posw_jw_kv_u64(w, "transactionCount", b->block.tx_count);
}

/* Writes transactions until the answer is too large. */
static void json_transactions(rpc_call *c, const rpc_block *b, bool full) {
    posw_jw_array(&c->w);
    for (size_t i = 0; i < b->block.tx_count && rpc_fits(c); i++) {
        if (full)
            rpc_json_tx(&c->w, b, i);
        else
            posw_jw_hash(&c->w, &b->tx_hashes[i]);
    }
    posw_jw_array_end(&c->w);
}

void rpc_json_block(rpc_call *c, rpc_block *b, bool full) {
    if (!rpc_block_need_hashes(c, b) || (full && !rpc_block_need_senders(c, b))) return;
    posw_jw *w = &c->w;
    posw_jw_object(w);
    block_members(w, b, false);
    posw_jw_key(w, "transactions");
    json_transactions(c, b, full);
    posw_jw_object_end(w);
}

/* ---- transactions ---- */

/* The list was verified when the transaction was decoded. */
static void json_access_list(posw_jw *w, posw_bytes list) {
    posw_rlp r = posw_rlp_reader(list.data, list.size);
    posw_jw_key(w, "accessList");
    posw_jw_array(w);
    while (posw_rlp_more(&r)) {
        posw_rlp entry = posw_rlp_list(&r);
        posw_bytes address = posw_rlp_bytes(&entry);
        posw_rlp keys = posw_rlp_list(&entry);
        posw_jw_object(w);
        posw_jw_kv_data(w, "address", address.data, address.size);
        posw_jw_key(w, "storageKeys");
        posw_jw_array(w);
        while (posw_rlp_more(&keys)) {
            posw_bytes key = posw_rlp_bytes(&keys);
            if (key.data != NULL) posw_jw_data(w, key.data, key.size);
        }
        posw_jw_array_end(w);
        posw_jw_object_end(w);
    }
    posw_jw_array_end(w);
}

/* EIP-155 for type 0; else the parity. chain id < 2^31, so this cannot overflow. */
static uint64_t signature_v(const posw_tx *tx) {
    uint64_t parity = tx->signature.b[64];
    if (tx->type != POSW_TX_LEGACY) return parity;
    return parity + (tx->is_protected ? 2 * tx->chain_id + 35 : 27);
}

static void json_signature(posw_jw *w, const posw_tx *tx) {
    posw_u256 r = posw_u256_from_be(tx->signature.b), s = posw_u256_from_be(tx->signature.b + 32);
    posw_jw_kv_quantity(w, "v", signature_v(tx));
    posw_jw_kv_quantity_u256(w, "r", &r);
    posw_jw_kv_quantity_u256(w, "s", &s);
    if (tx->type != POSW_TX_LEGACY) posw_jw_kv_quantity(w, "yParity", tx->signature.b[64]);
}

/* What does not depend on where the transaction stands. input_max: bytes of the input that are shown. */
static void json_tx_members(posw_jw *w, const posw_tx *tx, const posw_hash *hash, const posw_address *sender,
                            const posw_u256 *price, size_t input_max) {
    posw_jw_kv_address(w, "from", sender);
    posw_jw_kv_quantity(w, "gas", tx->gas_limit);
    posw_jw_kv_quantity_u256(w, "gasPrice", price);
    if (tx->type == POSW_TX_DYNAMIC_FEE) {
        posw_jw_kv_quantity_u256(w, "maxFeePerGas", &tx->max_fee);
        posw_jw_kv_quantity_u256(w, "maxPriorityFeePerGas", &tx->max_tip);
    }
    posw_jw_kv_hash(w, "hash", hash);
    posw_jw_kv_data(w, "input", tx->input.data, tx->input.size < input_max ? tx->input.size : input_max);
    posw_jw_kv_quantity(w, "nonce", tx->nonce);
    if (tx->has_to)
        posw_jw_kv_address(w, "to", &tx->to);
    else
        posw_jw_kv_null(w, "to");
    posw_jw_kv_quantity_u256(w, "value", &tx->value);
    posw_jw_kv_quantity(w, "type", (uint64_t)tx->type);
    if (tx->type != POSW_TX_LEGACY) json_access_list(w, tx->access_list);
    if (tx->type != POSW_TX_LEGACY || tx->is_protected) posw_jw_kv_quantity(w, "chainId", tx->chain_id);
    json_signature(w, tx);
}

static void json_mined_tx(posw_jw *w, const rpc_block *b, size_t i, size_t input_max) {
    const posw_tx *tx = &b->block.txs[i];
    posw_u256 price = posw_tx_effective_price(tx, b->header.base_fee_wei);
    posw_jw_object(w);
    posw_jw_kv_hash(w, "blockHash", &b->hash);
    posw_jw_kv_quantity(w, "blockNumber", b->header.number);
    posw_jw_kv_quantity(w, "blockTimestamp", b->header.timestamp);
    posw_jw_kv_quantity(w, "transactionIndex", i);
    json_tx_members(w, tx, &b->tx_hashes[i], rpc_block_sender(b, i), &price, input_max);
    posw_jw_object_end(w);
}

void rpc_json_tx(posw_jw *w, const rpc_block *b, size_t i) {
    json_mined_tx(w, b, i, SIZE_MAX);
}

void rpc_json_tx_brief(posw_jw *w, const rpc_block *b, size_t i) {
    json_mined_tx(w, b, i, SELECTOR_SIZE);
}

void rpc_json_pool_tx(posw_jw *w, const posw_mempool_entry *e) {
    posw_jw_object(w);
    posw_jw_kv_null(w, "blockHash");
    posw_jw_kv_null(w, "blockNumber");
    posw_jw_kv_null(w, "blockTimestamp");
    posw_jw_kv_null(w, "transactionIndex");
    json_tx_members(w, &e->tx, &e->hash, &e->sender, &e->tx.max_fee, SIZE_MAX);
    posw_jw_object_end(w);
}

/* ---- receipts and logs ---- */

void rpc_json_log(posw_jw *w, const rpc_block *b, size_t tx, const posw_event_log *log, uint64_t log_index,
                  bool removed) {
    posw_jw_object(w);
    posw_jw_kv_address(w, "address", &log->address);
    posw_jw_key(w, "topics");
    posw_jw_array(w);
    for (size_t i = 0; i < log->topic_count; i++)
        posw_jw_hash(w, &log->topics[i]);
    posw_jw_array_end(w);
    posw_jw_kv_data(w, "data", log->data, log->data_size);
    posw_jw_kv_quantity(w, "blockNumber", b->header.number);
    posw_jw_kv_hash(w, "transactionHash", &b->tx_hashes[tx]);
    posw_jw_kv_quantity(w, "transactionIndex", tx);
    posw_jw_kv_hash(w, "blockHash", &b->hash);
    posw_jw_kv_quantity(w, "blockTimestamp", b->header.timestamp);
    posw_jw_kv_quantity(w, "logIndex", log_index);
    posw_jw_kv_bool(w, "removed", removed);
    posw_jw_object_end(w);
}

static void json_receipt_logs(posw_jw *w, const rpc_block *b, size_t i, const posw_receipt *receipt) {
    posw_jw_key(w, "logs");
    posw_jw_array(w);
    for (size_t k = 0; k < receipt->log_count; k++)
        rpc_json_log(w, b, i, &receipt->logs[k], b->places[i].first_log + k, false);
    posw_jw_array_end(w);
}

bool rpc_json_receipt_as(rpc_call *c, posw_jw *w, const rpc_block *b, size_t i, enum rpc_receipt_form form) {
    posw_receipt receipt;
    posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
    if (!rpc_block_receipt(c, b, i, &receipt, logs)) return false;
    const posw_tx *tx = &b->block.txs[i];
    posw_u256 price = posw_tx_effective_price(tx, b->header.base_fee_wei);
    uint8_t bloom[POSW_BLOOM_SIZE];
    posw_receipt_bloom(bloom, &receipt);
    posw_jw_object(w);
    posw_jw_kv_hash(w, "blockHash", &b->hash);
    posw_jw_kv_quantity(w, "blockNumber", b->header.number);
    posw_jw_kv_null(w, "contractAddress");
    posw_jw_kv_quantity(w, "cumulativeGasUsed", receipt.cumulative_gas_used);
    posw_jw_kv_quantity_u256(w, "effectiveGasPrice", &price);
    posw_jw_kv_address(w, "from", rpc_block_sender(b, i));
    posw_jw_kv_quantity(w, "gasUsed", receipt.cumulative_gas_used - b->places[i].gas_before);
    if (form == RPC_RECEIPT_BRIEF) {
        posw_jw_kv_null(w, "logs");
        posw_jw_kv_null(w, "logsBloom");
    } else {
        json_receipt_logs(w, b, i, &receipt);
        posw_jw_kv_data(w, "logsBloom", bloom, sizeof bloom);
    }
    if (form != RPC_RECEIPT_STANDARD) posw_jw_kv_u64(w, "timestamp", b->header.timestamp);
    posw_jw_kv_quantity(w, "status", receipt.success ? 1 : 0);
    if (tx->has_to)
        posw_jw_kv_address(w, "to", &tx->to);
    else
        posw_jw_kv_null(w, "to");
    posw_jw_kv_hash(w, "transactionHash", &b->tx_hashes[i]);
    posw_jw_kv_quantity(w, "transactionIndex", i);
    posw_jw_kv_quantity(w, "type", (uint64_t)receipt.type);
    posw_jw_object_end(w);
    return true;
}

bool rpc_json_receipt(rpc_call *c, posw_jw *w, const rpc_block *b, size_t i) {
    return rpc_json_receipt_as(c, w, b, i, RPC_RECEIPT_STANDARD);
}
