/* Transactions (protocol X2 to X7).
 *
 * A transaction goes through: checks that need no state; checks that need the sender; then changes that cannot be
 * refused:
 *
 *      sender: nonce + 1, balance - gas limit * price
 *      mark -> value moves -> the staking contract runs        failed: back to the mark
 *      sender: + unused gas * price      beneficiary: + gas used * (price - base fee)      receipt */
#include "state/execute.h"

#include "base/bytes.h"
#include "crypto/keccak.h"
#include "posw/u256.h"

enum { LENGTH_SIZE = 4 };

/* ---- checks ---- */

/* In the order of V2. */
enum posw_tx_refusal posw_tx_check_static(const posw_tx *tx, const posw_params *p, uint64_t gas_limit) {
    if (tx->type == POSW_TX_LEGACY && !tx->is_protected) return POSW_TX_UNPROTECTED;
    if (tx->chain_id != p->chain_id) return POSW_TX_WRONG_CHAIN;
    if (!tx->has_to) return POSW_TX_CREATES_CONTRACT;
    if (tx->gas_limit < posw_tx_intrinsic_gas(tx)) return POSW_TX_INTRINSIC_GAS; /* X3, before X4 */
    if (tx->nonce == UINT64_MAX) return POSW_TX_NONCE_MAX;
    if (posw_u256_cmp(&tx->max_tip, &tx->max_fee) > 0) return POSW_TX_TIP_ABOVE_MAX;
    return tx->gas_limit > gas_limit ? POSW_TX_GAS_ABOVE_BLOCK : POSW_TX_FITS;
}

/* gas limit * max fee + value <= balance, without overflow. */
static bool can_pay(const posw_tx *tx, const posw_account *sender) {
    posw_u256 cost;
    return posw_u256_mul_u64(&cost, &tx->max_fee, tx->gas_limit) && posw_u256_add(&cost, &cost, &tx->value) &&
           posw_u256_cmp(&cost, &sender->balance_wei) <= 0;
}

/* X4 */
static enum posw_tx_refusal check_sender(const posw_execution *x, const posw_tx *tx, const posw_account *sender) {
    if (tx->nonce < sender->nonce) return POSW_TX_NONCE_LOW;
    if (tx->nonce > sender->nonce) return POSW_TX_NONCE_HIGH;
    if (!posw_hash_equal(&sender->code_hash, &POSW_KECCAK_EMPTY)) return POSW_TX_SENDER_HAS_CODE;
    posw_u256 base_fee = posw_u256_from_u64(x->base_fee_wei);
    if (posw_u256_cmp(&tx->max_fee, &base_fee) < 0) return POSW_TX_FEE_BELOW_BASE;
    if (tx->gas_limit > x->gas_limit - x->gas_used) return POSW_TX_GAS_ABOVE_BLOCK;
    return can_pay(tx, sender) ? POSW_TX_FITS : POSW_TX_FUNDS;
}

/* ---- messages: a value that moves, and maybe a call ---- */

typedef struct {
    const posw_address *from, *to;
    const posw_u256 *value;
    posw_bytes input;
    uint64_t gas; /* beyond intrinsic gas */
} message;

static int move_value(posw_state *s, const message *m) {
    if (posw_u256_is_zero(m->value)) return POSW_OK;
    int rc = posw_state_sub_balance(s, m->from, m->value);
    return rc != POSW_OK ? rc : posw_state_add_balance(s, m->to, m->value);
}

/* A failed call leaves the state as it was before the message. Fills only what is valid of out: log_count logs. */
static int run_message(posw_call_result *out, posw_buf *output, posw_state *s, const posw_staking_env *env,
                       const message *m) {
    out->status = POSW_CALL_OK;
    out->gas_used = 0;
    out->log_count = 0;
    size_t mark = posw_state_mark(s);
    int rc = move_value(s, m);
    if (rc == POSW_OK && posw_address_equal(m->to, &POSW_STAKING_ADDRESS))
        rc = posw_staking_call(out, output, s, env, m->from, m->value, m->input, m->gas);
    if (rc == POSW_OK && out->status != POSW_CALL_OK) posw_state_revert(s, mark);
    return rc;
}

/* ---- a transaction ---- */

/* gas * price where the product is known to be below the balance of an account. */
static posw_u256 fee_of(uint64_t gas, const posw_u256 *price) {
    posw_u256 fee;
    bool fits = posw_u256_mul_u64(&fee, price, gas);
    POSW_ASSERT(fits);
    return fee;
}

static int buy_gas(posw_state *s, const posw_address *from, const posw_account *account, const posw_u256 *fee) {
    posw_account v = *account;
    bool covered = posw_u256_sub(&v.balance_wei, &v.balance_wei, fee);
    POSW_ASSERT(covered);
    v.nonce++;
    return posw_state_set_account(s, from, &v);
}

/* X5: back to the sender what was not used, the tip to the beneficiary; the base fee waits for the end of the block. */
static int settle(posw_execution *x, const posw_tx *tx, const posw_address *from, const posw_u256 *price,
                  uint64_t gas_used) {
    int rc = POSW_OK;
    if (gas_used < tx->gas_limit) {
        posw_u256 back = fee_of(tx->gas_limit - gas_used, price);
        rc = posw_state_add_balance(x->state, from, &back);
    }
    if (rc != POSW_OK) return rc;
    posw_u256 base_fee = posw_u256_from_u64(x->base_fee_wei);
    posw_u256 tip = posw_u256_sub_sat(price, &base_fee);
    posw_u256 burnt = fee_of(gas_used, &base_fee);
    if (!posw_u256_add(&x->base_fees_wei, &x->base_fees_wei, &burnt)) return POSW_ERANGE;
    if (posw_u256_is_zero(&tip)) return POSW_OK;
    posw_u256 reward = fee_of(gas_used, &tip);
    return posw_state_add_balance(x->state, &x->beneficiary, &reward);
}

/* X7 */
static int append_receipt(posw_execution *x, const posw_tx *tx, posw_call_result *result) {
    posw_receipt receipt = {
        .type = tx->type,
        .success = result->status == POSW_CALL_OK,
        .cumulative_gas_used = x->gas_used,
        .log_count = result->log_count,
        .logs = result->logs,
    };
    size_t at = x->receipts.size;
    if (posw_buf_extend(&x->receipts, LENGTH_SIZE) == NULL) return POSW_ENOMEM;
    posw_receipt_encode(&x->receipts, &receipt);
    if (x->receipts.failed) return POSW_ENOMEM;
    posw_store_be32(x->receipts.data + at, (uint32_t)(x->receipts.size - at - LENGTH_SIZE));
    for (size_t i = 0; i < result->log_count; i++)
        posw_bloom_add_log(x->bloom, &result->logs[i]);
    return POSW_OK;
}

/* The transaction has been found valid; from here on nothing refuses it. */
static int execute_tx(posw_execution *x, const posw_tx *tx, const posw_address *from, const posw_account *account) {
    posw_u256 price = posw_tx_effective_price(tx, x->base_fee_wei);
    posw_u256 prepaid = fee_of(tx->gas_limit, &price);
    int rc = buy_gas(x->state, from, account, &prepaid);
    if (rc != POSW_OK) return rc;
    uint64_t intrinsic = posw_tx_intrinsic_gas(tx);
    message m = {
        .from = from, .to = &tx->to, .value = &tx->value, .input = tx->input, .gas = tx->gas_limit - intrinsic};
    /* No table and no window: S7, what depends on them is not for transactions. */
    posw_staking_env env = {.params = x->params, .number = x->number};
    posw_call_result result;
    posw_buf output = {0};
    rc = run_message(&result, &output, x->state, &env, &m);
    posw_buf_clear(&output);
    if (rc != POSW_OK) return rc;
    uint64_t gas_used = intrinsic + result.gas_used;
    rc = settle(x, tx, from, &price, gas_used);
    if (rc != POSW_OK) return rc;
    x->gas_used += gas_used;
    x->tx_count++;
    return append_receipt(x, tx, &result);
}

void posw_execution_begin(posw_execution *x, posw_state *state, const posw_params *p, const posw_stake_table *table,
                          uint64_t number, uint64_t timestamp, uint64_t base_fee_wei, const posw_address *beneficiary) {
    *x = (posw_execution){
        .state = state,
        .params = p,
        .table = table,
        .number = number,
        .timestamp = timestamp,
        .base_fee_wei = base_fee_wei,
        .gas_limit = posw_params_rules(p, number).gas_limit,
        .beneficiary = *beneficiary,
    };
}

int posw_execution_tx(posw_execution *x, enum posw_tx_refusal *refusal, const posw_tx *tx, const posw_address *sender) {
    *refusal = posw_tx_check_static(tx, x->params, x->gas_limit);
    if (*refusal != POSW_TX_FITS) return POSW_OK;
    posw_account account;
    int rc = posw_state_account(x->state, &account, sender);
    if (rc != POSW_OK) return rc;
    *refusal = check_sender(x, tx, &account);
    if (*refusal != POSW_TX_FITS) return POSW_OK;
    posw_state_forget_marks(x->state);
    return execute_tx(x, tx, sender, &account);
}

void posw_execution_clear(posw_execution *x) {
    if (x != NULL) posw_buf_clear(&x->receipts);
}

/* ---- a message from outside ---- */

int posw_execute_call(posw_call_result *out, posw_buf *output, posw_state *state, const posw_staking_env *env,
                      const posw_message_call *call) {
    if (!call->has_to) return POSW_EUNSUPPORTED;
    posw_tx shape = {
        .input = call->input, .access_addresses = call->access_addresses, .access_keys = call->access_keys};
    uint64_t intrinsic = posw_tx_intrinsic_gas(&shape);
    if (call->gas_limit < intrinsic) {
        out->status = POSW_CALL_OUT_OF_GAS;
        out->gas_used = 0;
        out->log_count = 0;
        return POSW_OK;
    }
    posw_account from;
    int rc = posw_state_account(state, &from, &call->from);
    if (rc != POSW_OK) return rc;
    if (posw_u256_cmp(&from.balance_wei, &call->value_wei) < 0) return POSW_ERANGE;
    message m = {.from = &call->from,
                 .to = &call->to,
                 .value = &call->value_wei,
                 .input = call->input,
                 .gas = call->gas_limit - intrinsic};
    rc = run_message(out, output, state, env, &m);
    if (rc == POSW_OK) out->gas_used += intrinsic;
    return rc;
}
