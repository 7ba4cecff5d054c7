/* Asking, signing and sending. A payment is signed once, and the same bytes are sent until they are in a block:
 * whatever went wrong in between, it happens at most once. It is signed anew only when its nonce stands in a block with
 * something else. */
#include "cli/faucet_pay.h"

#include "base/bytes.h"
#include "base/units.h"
#include "codec/tx.h"
#include "crypto/keccak.h"
#include "posw/u256.h"
#include "wallet/address.h"

#include <inttypes.h>
#include <stdio.h>

enum { TRANSFER_GAS = 21000 };

/* A number of the node; false: outcome is FAUCET_AWAY or FAUCET_WAITS. */
static bool ask(faucet_step *s, posw_u256 *out, const char *method, json_t *params) {
    json_t *result = NULL;
    const enum cli_rpc_outcome got = cli_rpc_try(&s->payer->rpc, &result, method, params);
    const bool ok = got == CLI_RPC_OK && cli_json_u256(out, result);
    json_decref(result);
    if (ok) return true;
    s->outcome = got == CLI_RPC_FAILED ? FAUCET_AWAY : FAUCET_WAITS;
    (void)posw_message_set(&s->why, 0, "%s",
                           got == CLI_RPC_REFUSED ? s->payer->rpc.refusal.text : "the node does not answer");
    return false;
}

static bool ask_u64(faucet_step *s, uint64_t *out, const char *method, json_t *params) {
    posw_u256 wide;
    if (!ask(s, &wide, method, params)) return false;
    if (posw_u256_to_u64(out, &wide)) return true;
    s->outcome = FAUCET_WAITS;
    (void)posw_message_set(&s->why, 0, "%s is no such number", method);
    return false;
}

static json_t *of_account(const faucet_step *s, const char *block) {
    return json_pack("[o, s]", cli_json_address(&s->payer->from), block);
}

static bool can_pay(faucet_step *s, const posw_u256 *max_fee) {
    posw_u256 balance, cost;
    char has[POSW_AMOUNT_SIZE];
    if (!ask(s, &balance, "eth_getBalance", of_account(s, "pending"))) return false;
    if (!posw_u256_mul_u64(&cost, max_fee, TRANSFER_GAS)) cost = POSW_U256_MAX;
    cost = posw_u256_add_sat(&cost, &s->payment.amount_wei);
    if (posw_u256_cmp(&cost, &balance) <= 0) return true;
    posw_amount_format(has, &balance);
    s->outcome = FAUCET_EMPTY;
    (void)posw_message_set(&s->why, 0, "the faucet is empty: it has %s coin", has);
    return false;
}

static bool read_chain_id(faucet_step *s, uint64_t *out) {
    const uint64_t wanted = s->payer->chain_id;
    if (!ask_u64(s, out, "eth_chainId", json_array())) return false;
    if (wanted == 0 || *out == wanted) return true;
    s->outcome = FAUCET_WAITS;
    (void)posw_message_set(&s->why, 0, "the faucet's node is of the chain with the id %" PRIu64 ", not %" PRIu64, *out,
                           wanted);
    return false;
}

static void sign(faucet_step *s) {
    faucet_payment *p = &s->payment;
    posw_tx tx = {.type = POSW_TX_DYNAMIC_FEE,
                  .is_protected = true,
                  .has_to = true,
                  .to = p->to,
                  .value = p->amount_wei,
                  .gas_limit = TRANSFER_GAS};
    posw_u256 price;
    if (!read_chain_id(s, &tx.chain_id) ||
        !ask_u64(s, &tx.nonce, "eth_getTransactionCount", of_account(s, "pending")) ||
        !ask(s, &tx.max_tip, "eth_maxPriorityFeePerGas", json_array()) || !ask(s, &price, "eth_gasPrice", json_array()))
        return;
    if (tx.nonce < s->nonce_min) tx.nonce = s->nonce_min; /* ours, which the node has forgotten, comes first */
    tx.max_fee = posw_u256_add_sat(&price, &price);
    if (posw_u256_cmp(&price, &s->payer->max_fee_wei) > 0) {
        s->outcome = FAUCET_WAITS;
        (void)posw_message_set(&s->why, 0, "fees are above --max-fee now");
        return;
    }
    if (posw_u256_cmp(&tx.max_fee, &s->payer->max_fee_wei) > 0) tx.max_fee = s->payer->max_fee_wei;
    if (posw_u256_cmp(&tx.max_tip, &tx.max_fee) > 0) tx.max_tip = tx.max_fee;
    if (!can_pay(s, &tx.max_fee)) return;
    posw_buf_reset(&p->raw);
    const bool ok = posw_tx_sign(&p->raw, &tx, s->payer->secret) && !p->raw.failed;
    s->outcome = ok ? FAUCET_PREPARED : FAUCET_WAITS;
    if (!ok) return;
    posw_keccak256(&p->hash, p->raw.data, p->raw.size);
    p->nonce = tx.nonce;
}

static json_t *of_hash(const faucet_step *s) {
    return json_pack("[o]", cli_json_hex(posw_bytes_of(s->payment.hash.b, sizeof s->payment.hash.b)));
}

/* In a block; false: it is not, or cannot be told (then outcome says so). */
static bool is_mined(faucet_step *s) {
    json_t *receipt = NULL;
    const enum cli_rpc_outcome got = cli_rpc_try(&s->payer->rpc, &receipt, "eth_getTransactionReceipt", of_hash(s));
    const bool mined = got == CLI_RPC_OK && json_is_object(receipt);
    json_decref(receipt);
    s->outcome = mined ? FAUCET_MINED : got == CLI_RPC_FAILED ? FAUCET_AWAY : FAUCET_WAITS;
    return mined;
}

/* After a refusal: is it there all the same, or has its nonce been used up? */
static void explain_refusal(faucet_step *s) {
    uint64_t used;
    (void)posw_message_set(&s->why, 0, "%s", s->payer->rpc.refusal.text);
    /* First the count, then the receipt: a block in between shows in the receipt. */
    if (!ask_u64(s, &used, "eth_getTransactionCount", of_account(s, "latest")) || is_mined(s)) return;
    if (s->outcome == FAUCET_WAITS && used > s->payment.nonce) s->outcome = FAUCET_REPLACED;
}

static void send(faucet_step *s) {
    json_t *result = NULL;
    switch (cli_rpc_try(&s->payer->rpc, &result, "eth_sendRawTransaction",
                        json_pack("[o]", cli_json_hex(posw_buf_view(&s->payment.raw))))) {
    case CLI_RPC_OK:
        s->outcome = FAUCET_TAKEN;
        break;
    case CLI_RPC_REFUSED:
        if (strstr(s->payer->rpc.refusal.text, "already known") != NULL)
            s->outcome = FAUCET_TAKEN;
        else
            explain_refusal(s);
        break;
    case CLI_RPC_FAILED:
        s->outcome = FAUCET_AWAY;
        break;
    }
    json_decref(result);
}

void faucet_step_run(faucet_step *s) {
    if (s->payment.state == FAUCET_QUEUED)
        sign(s);
    else if (s->payment.state == FAUCET_SIGNED)
        send(s);
    else if (!is_mined(s) && s->outcome == FAUCET_WAITS)
        send(s);
}
