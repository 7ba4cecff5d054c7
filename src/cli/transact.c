#include "cli/transact.h"

#include "base/bytes.h"
#include "base/units.h"
#include "codec/tx.h"
#include "crypto/keccak.h"
#include "io/runner.h"
#include "posw/u256.h"
#include "wallet/address.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { POLL_MS = 200, HASH_TEXT_SIZE = 67 };

static void hash_text(char out[HASH_TEXT_SIZE], const posw_hash *h) {
    memcpy(out, "0x", 2);
    posw_hex_encode(out + 2, h->b, sizeof h->b);
}

/* ---- fees ---- */

/* A bare number would mean coins, and nobody means coins per unit of gas. */
static bool fee_option(const cli *c, const char *name, posw_u256 *out) {
    const char *text = cli_text(c, name);
    if (text[strspn(text, "0123456789.")] != '\0') return cli_amount(c, name, out);
    cli_usage(c, "--%s needs a unit, such as \"%s gwei\"", name, *text != '\0' ? text : "1");
    return false;
}

static int base_fee_next(cli_rpc *rpc, posw_u256 *out) {
    json_t *history = NULL;
    int code = cli_rpc_call(rpc, &history, "eth_feeHistory", json_pack("[s, s, []]", "0x1", "latest"));
    const json_t *list = json_object_get(history, "baseFeePerGas");
    size_t n = json_array_size(list);
    if (code == CLI_OK && (n == 0 || !cli_json_u256(out, json_array_get(list, n - 1))))
        code = cli_rpc_fail_answer(rpc, "eth_feeHistory", "it has no base fee");
    json_decref(history);
    return code;
}

static int read_fees(const cli *c, cli_rpc *rpc, posw_tx *tx) {
    bool has_tip = cli_given(c, "tip"), has_max = cli_given(c, "max-fee");
    posw_u256 base = POSW_U256_ZERO;
    int code = CLI_OK;
    if ((has_tip && !fee_option(c, "tip", &tx->max_tip)) || (has_max && !fee_option(c, "max-fee", &tx->max_fee)))
        return CLI_USAGE;
    if (!has_tip) code = cli_rpc_u256(rpc, &tx->max_tip, "eth_maxPriorityFeePerGas", json_array());
    if (code == CLI_OK && !has_max) code = base_fee_next(rpc, &base);
    if (code != CLI_OK) return code;
    if (!has_max) {
        base = posw_u256_add_sat(&base, &base);
        tx->max_fee = posw_u256_add_sat(&base, &tx->max_tip);
    }
    if (posw_u256_cmp(&tx->max_tip, &tx->max_fee) <= 0) return CLI_OK;
    if (has_tip) return cli_usage(c, "--tip is more than --max-fee, which includes it");
    tx->max_tip = tx->max_fee;
    return CLI_OK;
}

/* ---- checks before signing ---- */

static int fail_funds(const cli_tx_wish *wish, const posw_u256 *balance, const posw_u256 *fee) {
    char from[POSW_EIP55_SIZE], has[POSW_AMOUNT_SIZE], value[POSW_AMOUNT_SIZE], fees[POSW_AMOUNT_SIZE];
    posw_eip55_format(from, &wish->from);
    posw_amount_format(has, balance);
    posw_amount_format(value, &wish->value_wei);
    posw_amount_format(fees, fee);
    return cli_fail("insufficient funds: %s has %s coin, but %s coin and up to %s coin for fees are needed; send less "
                    "or fund it first",
                    from, has, value, fees);
}

static int check_funds(cli_rpc *rpc, const cli_tx_wish *wish, const posw_u256 *max_fee, uint64_t gas) {
    posw_u256 balance, fee, cost;
    int code =
        cli_rpc_u256(rpc, &balance, "eth_getBalance", json_pack("[o, s]", cli_json_address(&wish->from), "latest"));
    if (code != CLI_OK) return code;
    if (!posw_u256_mul_u64(&fee, max_fee, gas)) fee = POSW_U256_MAX;
    cost = posw_u256_add_sat(&fee, &wish->value_wei);
    return posw_u256_cmp(&cost, &balance) <= 0 ? CLI_OK : fail_funds(wish, &balance, &fee);
}

static int fail_estimate(const cli_rpc *rpc, const cli_tx_wish *wish) {
    static const char prefix[] = "execution reverted: ";
    const char *text = rpc->refusal.text;
    if (rpc->code != CLI_RPC_REVERTED) return cli_rpc_fail_refused(rpc, "eth_estimateGas");
    if (strncmp(text, prefix, sizeof prefix - 1) == 0) text += sizeof prefix - 1;
    return cli_fail("%s refuses: %s", wish->refuser != NULL ? wish->refuser : "the receiver", text);
}

static int estimate(cli_rpc *rpc, const cli_tx_wish *wish, uint64_t *gas) {
    json_t *result = NULL;
    json_t *params =
        json_pack("[{s:o, s:o, s:o, s:o}]", "from", cli_json_address(&wish->from), "to", cli_json_address(&wish->to),
                  "value", cli_json_quantity(&wish->value_wei), "input", cli_json_hex(wish->data));
    int code = CLI_FAILED;
    switch (cli_rpc_try(rpc, &result, "eth_estimateGas", params)) {
    case CLI_RPC_OK:
        code = cli_json_u64(gas, result) && *gas < UINT64_MAX / 2
                   ? CLI_OK
                   : cli_rpc_fail_answer(rpc, "eth_estimateGas", "it is no amount of gas");
        break;
    case CLI_RPC_REFUSED:
        code = fail_estimate(rpc, wish);
        break;
    case CLI_RPC_FAILED:
        break;
    }
    json_decref(result);
    /* A call may cost more when it is mined than now (another exit to pay); what is not used is not paid. */
    if (code == CLI_OK && wish->data.size > 0) *gas += *gas / 4;
    return code;
}

/* Everything but the signature. */
static int fill(const cli *c, cli_rpc *rpc, const cli_tx_wish *wish, posw_tx *tx) {
    *tx = (posw_tx){.type = POSW_TX_DYNAMIC_FEE,
                    .is_protected = true,
                    .has_to = true,
                    .to = wish->to,
                    .value = wish->value_wei,
                    .input = wish->data};
    if (cli_given(c, "nonce") && !cli_u64(c, "nonce", 0, UINT64_MAX - 1, &tx->nonce)) return CLI_USAGE;
    if (cli_given(c, "gas") && !cli_u64(c, "gas", 21000, UINT64_MAX / 2, &tx->gas_limit)) return CLI_USAGE;
    int code = read_fees(c, rpc, tx);
    if (code == CLI_OK) code = cli_rpc_u64(rpc, &tx->chain_id, "eth_chainId", json_array());
    if (code == CLI_OK && !cli_given(c, "nonce"))
        code = cli_rpc_u64(rpc, &tx->nonce, "eth_getTransactionCount",
                           json_pack("[o, s]", cli_json_address(&wish->from), "pending"));
    /* First the funds for the least that it can cost: the estimate would say it in other words. */
    if (code == CLI_OK) code = check_funds(rpc, wish, &tx->max_fee, 21000);
    if (code == CLI_OK && tx->gas_limit == 0) code = estimate(rpc, wish, &tx->gas_limit);
    return code == CLI_OK ? check_funds(rpc, wish, &tx->max_fee, tx->gas_limit) : code;
}

/* ---- sending ---- */

static int sign(const cli *c, const cli_tx_wish *wish, const posw_tx *tx, posw_buf *raw) {
    uint8_t secret[32];
    int code = cli_key_unlock(c, &wish->from, secret);
    if (code != CLI_OK) return code;
    bool ok = posw_tx_sign(raw, tx, secret);
    posw_wipe(secret, sizeof secret);
    return ok && !raw->failed ? CLI_OK : cli_fail("the transaction could not be signed");
}

static int send_raw(cli_rpc *rpc, const posw_buf *raw, cli_tx_sent *out) {
    json_t *result = NULL;
    int code = cli_rpc_call(rpc, &result, "eth_sendRawTransaction", json_pack("[o]", cli_json_hex(posw_buf_view(raw))));
    json_decref(result);
    posw_keccak256(&out->hash, raw->data, raw->size);
    return code;
}

static int read_receipt(const cli_rpc *rpc, cli_tx_sent *out) {
    uint64_t status;
    posw_u256 price;
    if (!cli_json_u64(&out->block, json_object_get(out->receipt, "blockNumber")) ||
        !cli_json_u64(&out->gas_used, json_object_get(out->receipt, "gasUsed")) ||
        !cli_json_u64(&status, json_object_get(out->receipt, "status")) ||
        !cli_json_u256(&price, json_object_get(out->receipt, "effectiveGasPrice")) ||
        !posw_u256_mul_u64(&out->fee_wei, &price, out->gas_used))
        return cli_rpc_fail_answer(rpc, "eth_getTransactionReceipt", "it lacks something");
    out->succeeded = status == 1;
    return CLI_OK;
}

static void show_progress(const cli *c, uint64_t waited_ms, bool end) {
    if (cli_switch(c, "json") || !isatty(STDERR_FILENO)) return;
    if (end)
        fputs("\r\033[K", stderr);
    else
        fprintf(stderr, "\rwaiting for a block: %" PRIu64 " s", waited_ms / 1000);
}

static int wait_for_block(const cli *c, cli_rpc *rpc, cli_tx_sent *out, uint64_t timeout_s) {
    char hash[HASH_TEXT_SIZE];
    uint64_t started = posw_clock_now_ms(), waited = 0;
    int code = CLI_OK;
    hash_text(hash, &out->hash);
    while (code == CLI_OK && waited <= timeout_s * 1000) {
        json_t *receipt = NULL;
        code = cli_rpc_call(rpc, &receipt, "eth_getTransactionReceipt", json_pack("[s]", hash));
        if (json_is_object(receipt)) {
            show_progress(c, waited, true);
            out->receipt = receipt;
            return read_receipt(rpc, out);
        }
        json_decref(receipt);
        show_progress(c, waited, code != CLI_OK);
        usleep(POLL_MS * 1000);
        waited = posw_clock_now_ms() - started;
    }
    show_progress(c, waited, true);
    if (code != CLI_OK) return cli_fail("the transaction %s was sent, but what became of it is not known", hash);
    return cli_fail("the transaction %s is in no block after %" PRIu64
                    " s; it stays in the node's pool: wait longer, or send it again with --nonce %" PRIu64
                    " and a higher --tip and --max-fee",
                    hash, timeout_s, out->nonce);
}

int cli_transact(const cli *c, cli_rpc *rpc, const cli_tx_wish *wish, cli_tx_sent *out) {
    posw_tx tx;
    posw_buf raw = {0};
    uint64_t timeout_s;
    memset(out, 0, sizeof *out);
    if (!cli_u64(c, "timeout", 1, 86400, &timeout_s)) return CLI_USAGE;
    int code = cli_key_find(c, &wish->from, NULL);
    if (code == CLI_OK) code = fill(c, rpc, wish, &tx);
    if (code == CLI_OK) code = sign(c, wish, &tx, &raw);
    if (code == CLI_OK) code = send_raw(rpc, &raw, out);
    posw_buf_clear(&raw);
    if (code != CLI_OK) return code;
    out->nonce = tx.nonce;
    out->gas_limit = tx.gas_limit;
    out->max_fee_wei = tx.max_fee;
    out->max_tip_wei = tx.max_tip;
    return cli_switch(c, "wait") ? wait_for_block(c, rpc, out, timeout_s) : CLI_OK;
}

void cli_tx_sent_clear(cli_tx_sent *sent) {
    json_decref(sent->receipt);
    sent->receipt = NULL;
}

/* ---- the report ---- */

static void json_wei(posw_jw *w, const char *key, const posw_u256 *wei) {
    char text[POSW_U256_DEC_SIZE];
    posw_u256_to_dec(text, wei);
    posw_jw_kv_string(w, key, text);
}

static void json_eip55(posw_jw *w, const char *key, const posw_address *a) {
    char text[POSW_EIP55_SIZE];
    posw_eip55_format(text, a);
    posw_jw_kv_string(w, key, text);
}

static void report_fact_json(posw_jw *w, const cli_tx_fact *fact) {
    uint64_t number;
    if (fact->is_amount || !posw_u256_to_u64(&number, &fact->value))
        json_wei(w, fact->key, &fact->value);
    else
        posw_jw_kv_u64(w, fact->key, number);
}

static void report_json(posw_buf *b, const cli_tx_wish *wish, const cli_tx_sent *sent, const cli_tx_fact *facts,
                        size_t fact_count) {
    posw_jw w;
    posw_jw_init(&w, b);
    posw_jw_object(&w);
    posw_jw_kv_hash(&w, "hash", &sent->hash);
    json_eip55(&w, "from", &wish->from);
    json_eip55(&w, "to", &wish->to);
    json_wei(&w, "valueWei", &wish->value_wei);
    posw_jw_kv_u64(&w, "nonce", sent->nonce);
    posw_jw_kv_u64(&w, "gasLimit", sent->gas_limit);
    json_wei(&w, "maxFeePerGasWei", &sent->max_fee_wei);
    json_wei(&w, "maxPriorityFeePerGasWei", &sent->max_tip_wei);
    if (sent->receipt != NULL) {
        posw_jw_kv_bool(&w, "succeeded", sent->succeeded);
        posw_jw_kv_u64(&w, "block", sent->block);
        posw_jw_kv_u64(&w, "gasUsed", sent->gas_used);
        json_wei(&w, "feeWei", &sent->fee_wei);
    }
    for (size_t i = 0; i < fact_count; i++)
        report_fact_json(&w, &facts[i]);
    posw_jw_object_end(&w);
}

static void report_fact_text(posw_buf *b, const cli_tx_fact *fact) {
    char text[POSW_AMOUNT_SIZE];
    if (fact->is_amount)
        posw_amount_format(text, &fact->value);
    else
        posw_u256_to_dec(text, &fact->value);
    posw_buf_printf(b, fact->is_amount ? "\n%-12s %s coin" : "\n%-12s block %s", fact->label, text);
}

static void report_text(posw_buf *b, const cli_tx_sent *sent, const char *what, const cli_tx_fact *facts,
                        size_t fact_count) {
    char hash[HASH_TEXT_SIZE], fee[POSW_AMOUNT_SIZE];
    hash_text(hash, &sent->hash);
    posw_buf_printf(b, "%s\ntransaction  %s\n", what, hash);
    if (sent->receipt == NULL) {
        posw_buf_text(b, "block        none yet; it waits in the node's pool (add --wait to see it in a block)");
        return;
    }
    posw_amount_format(fee, &sent->fee_wei);
    posw_buf_printf(b, "block        %" PRIu64 "\nfee          %s coin", sent->block, fee);
    for (size_t i = 0; i < fact_count; i++)
        report_fact_text(b, &facts[i]);
}

int cli_tx_report(const cli *c, const cli_tx_wish *wish, const cli_tx_sent *sent, const char *what,
                  const cli_tx_fact *facts, size_t fact_count) {
    posw_buf b = {0};
    if (cli_switch(c, "json"))
        report_json(&b, wish, sent, facts, fact_count);
    else
        report_text(&b, sent, what, facts, fact_count);
    int code = cli_print(&b);
    if (code != CLI_OK || sent->receipt == NULL || sent->succeeded) return code;
    return cli_fail("the transaction is in block %" PRIu64 ", but it failed there: only its fee was taken",
                    sent->block);
}
