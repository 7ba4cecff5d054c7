/* ots_* and erigon_getHeaderByNumber: what the block explorer Otterscan asks for (its API level 8). Numbers of blocks
 * and pages are JSON numbers there; quantities are taken as well.
 *
 * There is no EVM on this chain. The only call inside a call is the payment of the staking contract's withdraw(), and
 * the only account with code is that contract, which nobody created. */
#include "rpc/methods.h"

#include "base/bytes.h"
#include "codec/abi.h"
#include "posw/economy.h"
#include "posw/u256.h"

enum { API_LEVEL = 8 };

void rpc_ots_get_api_level(rpc_call *c) {
    posw_jw_u64(&c->w, API_LEVEL);
}

/* ---- blocks ---- */

void rpc_erigon_get_header_by_number(rpc_call *c) {
    rpc_block_ref ref;
    posw_chain_block_info info;
    if (!rpc_param_block_number(c, 0, &ref)) return;
    if (!rpc_ref_info(c, &ref, &info)) {
        posw_jw_null(&c->w);
        return;
    }
    posw_jw_object(&c->w);
    rpc_json_header_members(&c->w, &info.header, &info.hash);
    posw_jw_object_end(&c->w);
}

/* R1 and R2: the new coins, and the beneficiary's part of them. */
static void json_issuance(rpc_call *c, uint64_t number) {
    const posw_params *p = posw_chain_params(c->chain);
    const posw_u256 all = number > 0 ? posw_reward_subsidy(p, number) : POSW_U256_ZERO;
    const posw_u256 treasury = posw_reward_treasury(p, number, &all), own = posw_u256_sub_sat(&all, &treasury);
    posw_jw_key(&c->w, "issuance");
    posw_jw_object(&c->w);
    posw_jw_kv_quantity_u256(&c->w, "blockReward", &own);
    posw_jw_kv_quantity(&c->w, "uncleReward", 0);
    posw_jw_kv_quantity_u256(&c->w, "issuance", &all);
    posw_jw_object_end(&c->w);
}

/* What all senders paid, base fee included. */
static bool sum_fees(rpc_call *c, const rpc_block *b, posw_u256 *out) {
    *out = POSW_U256_ZERO;
    for (size_t i = 0; i < b->block.tx_count; i++) {
        posw_receipt receipt;
        posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
        posw_u256 fee;
        if (!rpc_block_receipt(c, b, i, &receipt, logs)) return false;
        const posw_u256 price = posw_tx_effective_price(&b->block.txs[i], b->header.base_fee_wei);
        if (!posw_u256_mul_u64(&fee, &price, receipt.cumulative_gas_used - b->places[i].gas_before))
            fee = POSW_U256_MAX;
        *out = posw_u256_add_sat(out, &fee);
    }
    return true;
}

/* A block of a side branch has no receipts, and so no details. */
static void json_details(rpc_call *c, const rpc_block_ref *ref) {
    rpc_block *b = rpc_block_by_ref(c, ref);
    posw_u256 fees;
    if (b == NULL || !rpc_block_need_receipts(c, b)) {
        posw_jw_null(&c->w);
        return;
    }
    if (!sum_fees(c, b, &fees)) return;
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_key(w, "block");
    posw_jw_object(w);
    rpc_json_block_brief(w, b);
    posw_jw_object_end(w);
    json_issuance(c, b->header.number);
    posw_jw_kv_quantity_u256(w, "totalFees", &fees);
    posw_jw_object_end(w);
}

void rpc_ots_get_block_details(rpc_call *c) {
    rpc_block_ref ref;
    if (rpc_param_block_number(c, 0, &ref)) json_details(c, &ref);
}

void rpc_ots_get_block_details_by_hash(rpc_call *c) {
    rpc_block_ref ref = {.kind = RPC_BY_HASH};
    if (rpc_param_hash(c, 0, &ref.hash)) json_details(c, &ref);
}

/* Pages are counted from the block's end: page 0 has its last transactions, in the order of the block. */
static void json_page(rpc_call *c, const rpc_block *b, uint64_t page, uint64_t size) {
    const uint64_t count = b->block.tx_count, after = page < count / size + 1 ? page * size : count;
    const size_t end = (size_t)(count - (after < count ? after : count)), first = end > size ? end - (size_t)size : 0;
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_key(w, "fullblock");
    posw_jw_object(w);
    rpc_json_block_brief(w, b);
    posw_jw_key(w, "transactions");
    posw_jw_array(w);
    for (size_t i = first; i < end && rpc_fits(c); i++)
        rpc_json_tx_brief(w, b, i);
    posw_jw_array_end(w);
    posw_jw_object_end(w);
    posw_jw_key(w, "receipts");
    posw_jw_array(w);
    for (size_t i = first; i < end && rpc_fits(c); i++)
        (void)rpc_json_receipt_as(c, w, b, i, RPC_RECEIPT_BRIEF);
    posw_jw_array_end(w);
    posw_jw_object_end(w);
}

void rpc_ots_get_block_transactions(rpc_call *c) {
    rpc_block_ref ref;
    uint64_t page, size;
    if (!rpc_param_block_number(c, 0, &ref) || !rpc_value_count(c, rpc_arg(1), rpc_param(c, 1), &page, UINT32_MAX) ||
        !rpc_value_count(c, rpc_arg(2), rpc_param(c, 2), &size, RPC_PAGE_MAX))
        return;
    if (size == 0) {
        (void)rpc_bad(c, rpc_arg(2), "a page has at least one transaction");
        return;
    }
    rpc_block *b = rpc_block_by_ref(c, &ref);
    if (b != NULL && rpc_block_need_hashes(c, b) && rpc_block_need_receipts(c, b))
        json_page(c, b, page, size);
    else
        posw_jw_null(&c->w);
}

/* ---- contracts ---- */

void rpc_ots_has_code(rpc_call *c) {
    posw_address address;
    rpc_block_ref ref;
    if (rpc_param_address(c, 0, &address) && rpc_param_block(c, 1, &ref))
        posw_jw_bool(&c->w, posw_address_equal(&address, &POSW_STAKING_ADDRESS));
}

void rpc_ots_get_contract_creator(rpc_call *c) {
    posw_address address;
    if (rpc_param_address(c, 0, &address)) posw_jw_null(&c->w);
}

/* ---- inside a transaction ---- */

/* One mined transaction. */
typedef struct {
    rpc_block *block;
    size_t i;
    const posw_tx *tx;
    posw_receipt receipt;
    posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
} mined;

/* Argument 0. False without failure: there is no such transaction in the chain. */
static bool find_mined(rpc_call *c, mined *m) {
    posw_hash hash;
    if (!rpc_param_hash(c, 0, &hash)) return false;
    m->block = rpc_find_mined(c, &hash, &m->i);
    if (m->block == NULL) return false;
    if (!rpc_block_need_receipts(c, m->block)) return rpc_fail_operating(c, POSW_ECORRUPT);
    m->tx = &m->block->block.txs[m->i];
    return rpc_block_receipt(c, m->block, m->i, &m->receipt, m->logs);
}

/* The coins that withdraw() paid to the sender, as its event tells. */
static bool paid_out(const mined *m, posw_u256 *out) {
    posw_hash topic;
    posw_abi_topic(&topic, "Withdrawn(address,uint256)");
    for (size_t k = 0; k < m->receipt.log_count; k++) {
        const posw_event_log *log = &m->logs[k];
        if (log->topic_count == 0 || log->data_size < POSW_HASH_SIZE || !posw_hash_equal(&log->topics[0], &topic))
            continue;
        *out = posw_u256_from_be(log->data);
        return true;
    }
    return false;
}

/* Runs the block's transactions up to this one on the state before it, and this one as a call for its output. */
static int replay(rpc_call *c, const mined *m, posw_state *state, posw_buf *output) {
    const posw_header *h = &m->block->header;
    const posw_params *p = posw_chain_params(c->chain);
    const posw_stake_table *table = posw_chain_table(c->chain, h->number);
    const posw_staking_env env = {.params = p, .number = h->number, .table = table};
    const posw_message_call call = {.from = *rpc_block_sender(m->block, m->i),
                                    .has_to = m->tx->has_to,
                                    .to = m->tx->to,
                                    .value_wei = m->tx->value,
                                    .input = m->tx->input,
                                    .gas_limit = m->tx->gas_limit,
                                    .access_addresses = m->tx->access_addresses,
                                    .access_keys = m->tx->access_keys};
    posw_execution x;
    enum posw_tx_refusal refusal = POSW_TX_FITS;
    posw_call_result result;
    int err = POSW_OK;
    posw_execution_begin(&x, state, p, table, h->number, h->timestamp, h->base_fee_wei, &h->beneficiary);
    for (size_t k = 0; k < m->i && err == POSW_OK && refusal == POSW_TX_FITS; k++)
        err = posw_execution_tx(&x, &refusal, &m->block->block.txs[k], rpc_block_sender(m->block, k));
    posw_execution_clear(&x);
    if (err == POSW_OK && refusal != POSW_TX_FITS) err = POSW_ECORRUPT;
    return err == POSW_OK ? posw_execute_call(&result, output, state, &env, &call) : err;
}

/* What a transaction gave back when it failed; nothing for one that did not. False: failed, or its state is gone. */
static bool failure_output(rpc_call *c, const mined *m, posw_buf *output) {
    if (m->receipt.success || m->block->header.number == 0) return true;
    const rpc_block_ref before = {.kind = RPC_BY_NUMBER, .number = m->block->header.number - 1};
    posw_state *state = rpc_ref_state(c, &before, NULL);
    if (state == NULL) return false;
    const int err = replay(c, m, state, output);
    posw_state_free(state);
    return err == POSW_OK || rpc_fail_operating(c, err);
}

void rpc_ots_get_transaction_error(rpc_call *c) {
    mined m;
    posw_buf output = {0};
    if (!find_mined(c, &m))
        posw_jw_null(&c->w);
    else if (failure_output(c, &m, &output))
        posw_jw_data(&c->w, output.data, output.size);
    posw_buf_clear(&output);
}

void rpc_ots_get_internal_operations(rpc_call *c) {
    mined m;
    posw_u256 paid;
    const bool found = find_mined(c, &m);
    posw_jw *w = &c->w;
    posw_jw_array(w);
    if (found && paid_out(&m, &paid)) {
        posw_jw_object(w);
        posw_jw_kv_u64(w, "type", 0); /* a transfer */
        posw_jw_kv_address(w, "from", &POSW_STAKING_ADDRESS);
        posw_jw_kv_address(w, "to", rpc_block_sender(m.block, m.i));
        posw_jw_kv_quantity_u256(w, "value", &paid);
        posw_jw_object_end(w);
    }
    posw_jw_array_end(w);
}

static void json_call(posw_jw *w, uint64_t depth, const posw_address *from, const posw_address *to,
                      const posw_u256 *value, posw_bytes input, posw_bytes output) {
    posw_jw_object(w);
    posw_jw_kv_string(w, "type", "CALL");
    posw_jw_kv_u64(w, "depth", depth);
    posw_jw_kv_address(w, "from", from);
    posw_jw_kv_address(w, "to", to);
    posw_jw_kv_quantity_u256(w, "value", value);
    posw_jw_kv_data(w, "input", input.data, input.size);
    posw_jw_kv_data(w, "output", output.data, output.size);
    posw_jw_object_end(w);
}

/* The transaction's own call, and under it the payment of a withdrawal. */
void rpc_ots_trace_transaction(rpc_call *c) {
    mined m;
    posw_u256 paid;
    posw_buf output = {0};
    if (!find_mined(c, &m)) {
        posw_jw_null(&c->w);
        return;
    }
    if (failure_output(c, &m, &output)) {
        const posw_address *sender = rpc_block_sender(m.block, m.i);
        posw_jw_array(&c->w);
        json_call(&c->w, 0, sender, &m.tx->to, &m.tx->value, m.tx->input, posw_buf_view(&output));
        if (paid_out(&m, &paid))
            json_call(&c->w, 1, &POSW_STAKING_ADDRESS, sender, &paid, (posw_bytes){NULL, 0}, (posw_bytes){NULL, 0});
        posw_jw_array_end(&c->w);
    }
    posw_buf_clear(&output);
}
