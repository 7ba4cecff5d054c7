#include "cli/transact.h"

#include "base/bytes.h"
#include "base/units.h"
#include "cli/json_view.h"
#include "cli/tx_words.h"
#include "codec/tx.h"
#include "crypto/keccak.h"
#include "io/file.h"
#include "posw/u256.h"
#include "wallet/tx_file.h"

#include <inttypes.h>
#include <stdio.h>

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
    const int code = wish->explain != NULL ? wish->explain(wish, text) : CLI_OK;
    if (code != CLI_OK) return code;
    return cli_fail("%s refuses: %s", wish->refuser != NULL ? wish->refuser : "the receiver", text);
}

/* *gas: the limit, *likely: what it takes now. */
static int estimate(cli_rpc *rpc, const cli_tx_wish *wish, uint64_t *gas, uint64_t *likely) {
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
    *likely = *gas;
    /* A call may cost more when it is mined than now (another exit to pay); what is not used is not paid. */
    if (code == CLI_OK && wish->data.size > 0) *gas += *gas / 4;
    return code;
}

/* Nobody sees what is signed with --password-file. A node elsewhere, or who sits on the way to it, could then choose
 * the chain on which the coins move. */
static int check_unattended(const cli *c, const cli_rpc *rpc) {
    const bool unattended = cli_given(c, "password-file") && !cli_given(c, "offline");
    if (!unattended || cli_given(c, "chain-id") || cli_rpc_is_here(rpc)) return CLI_OK;
    return cli_usage(
        c,
        "--chain-id N is needed with --password-file, since the node at %s is not on this machine: it could "
        "have a transaction of another chain signed",
        rpc->url);
}

/* The chain that the signature will be good for is the node's, unless the user knows better. */
static int read_chain_id(const cli *c, cli_rpc *rpc, uint64_t *out) {
    uint64_t wanted;
    if (check_unattended(c, rpc) != CLI_OK) return CLI_USAGE;
    if (cli_given(c, "chain-id") && !cli_u64(c, "chain-id", 1, UINT64_MAX, &wanted)) return CLI_USAGE;
    const int code = cli_rpc_u64(rpc, out, "eth_chainId", json_array());
    if (code != CLI_OK || !cli_given(c, "chain-id") || *out == wanted) return code;
    return cli_fail("the node at %s is of the chain with the id %" PRIu64 ", not %" PRIu64 "; nothing was signed",
                    rpc->url, *out, wanted);
}

/* With --nonce: whether others have to come before it. */
static int read_gap(const cli *c, cli_rpc *rpc, const cli_tx_wish *wish, uint64_t nonce, cli_fee_quote *quote) {
    uint64_t next;
    if (!cli_given(c, "nonce")) return CLI_OK;
    const int code = cli_rpc_u64(rpc, &next, "eth_getTransactionCount",
                                 json_pack("[o, s]", cli_json_address(&wish->from), "pending"));
    if (code != CLI_OK || nonce <= next) return code;
    quote->missing = nonce - next;
    quote->blocks = 0;
    return CLI_OK;
}

/* Everything but the signature. */
static int fill(const cli *c, cli_rpc *rpc, const cli_tx_wish *wish, posw_tx *tx, cli_fee_quote *quote) {
    cli_fee_market market;
    uint64_t likely_gas;
    *tx = (posw_tx){.type = POSW_TX_DYNAMIC_FEE,
                    .is_protected = true,
                    .has_to = true,
                    .to = wish->to,
                    .value = wish->value_wei,
                    .input = wish->data};
    if (cli_given(c, "nonce") && !cli_u64(c, "nonce", 0, UINT64_MAX - 1, &tx->nonce)) return CLI_USAGE;
    if (cli_given(c, "gas") && !cli_u64(c, "gas", 21000, UINT64_MAX / 2, &tx->gas_limit)) return CLI_USAGE;
    int code = read_chain_id(c, rpc, &tx->chain_id);
    if (code == CLI_OK) code = cli_rpc_note_syncing(rpc);
    if (code == CLI_OK) code = cli_fees_fill(c, rpc, tx, &market);
    if (code == CLI_OK && !cli_given(c, "nonce"))
        code = cli_rpc_u64(rpc, &tx->nonce, "eth_getTransactionCount",
                           json_pack("[o, s]", cli_json_address(&wish->from), "pending"));
    /* First the funds for the least that it can cost: the estimate would say it in other words. */
    if (code == CLI_OK) code = check_funds(rpc, wish, &tx->max_fee, 21000);
    likely_gas = tx->gas_limit;
    if (code == CLI_OK && tx->gas_limit == 0) code = estimate(rpc, wish, &tx->gas_limit, &likely_gas);
    if (code == CLI_OK) code = check_funds(rpc, wish, &tx->max_fee, tx->gas_limit);
    if (code == CLI_OK) code = cli_fees_quote(rpc, tx, &market, likely_gas, quote);
    if (code == CLI_OK) code = read_gap(c, rpc, wish, tx->nonce, quote);
    return code == CLI_OK ? cli_fees_check(c, rpc, tx, quote) : code;
}

/* ---- sending ---- */

/* Which chain it is for, as the node tells it. */
static int read_chain(cli_rpc *rpc, posw_tx_file *f) {
    json_t *p = NULL;
    int code = cli_rpc_call(rpc, &p, "posw_chainParameters", json_array());
    const char *genesis = json_string_value(json_object_get(p, "genesisHash"));
    if (code == CLI_OK && (genesis == NULL || !posw_hash_parse(&f->genesis, genesis)))
        code = cli_rpc_fail_answer(rpc, "posw_chainParameters", "it has no genesis hash");
    snprintf(f->chain_name, sizeof f->chain_name, "%.*s", POSW_TX_FILE_NAME_MAX, cli_view_text(p, "name").text);
    snprintf(f->ticker, sizeof f->ticker, "%.*s", POSW_TX_FILE_NAME_MAX, cli_view_text(p, "ticker").text);
    json_decref(p);
    return code;
}

/* Whoever types a password sees first what it is for. The chain's name is the node's word; its id is what is signed. */
static int show(const cli *c, cli_rpc *rpc, const cli_tx_wish *wish, const posw_tx *tx) {
    posw_tx_file f = {.from = wish->from, .tx = *tx};
    posw_buf page = {0};
    if (cli_given(c, "password-file")) return CLI_OK;
    int code = read_chain(rpc, &f);
    if (code == CLI_OK) cli_tx_page(&page, &f);
    if (page.failed) code = cli_fail("out of memory");
    if (code == CLI_OK) fprintf(stderr, "%.*s\n", (int)page.size, (const char *)page.data);
    posw_buf_clear(&page);
    return code;
}

static int sign(const cli *c, cli_rpc *rpc, const cli_tx_wish *wish, const posw_tx *tx, posw_buf *raw) {
    uint8_t secret[32];
    int code = show(c, rpc, wish, tx);
    if (code == CLI_OK) code = cli_key_unlock(c, &wish->from, secret);
    if (code != CLI_OK) return code;
    bool ok = posw_tx_sign(raw, tx, secret);
    posw_wipe(secret, sizeof secret);
    return ok && !raw->failed ? CLI_OK : cli_fail("the transaction could not be signed");
}

/* From here on the coins may be under way: whatever ends the command, its user must know the hash, or would send anew
 * and pay twice. */
int cli_tx_send(const cli *c, cli_rpc *rpc, posw_bytes raw, cli_tx_sent *out) {
    json_t *result = NULL;
    char hash[CLI_HASH_TEXT_SIZE];
    posw_keccak256(&out->hash, raw.data, raw.size);
    cli_hash_text(hash, &out->hash);
    switch (cli_rpc_try(rpc, &result, "eth_sendRawTransaction", json_pack("[o]", cli_json_hex(raw)))) {
    case CLI_RPC_OK:
        json_decref(result);
        break;
    case CLI_RPC_REFUSED:
        return cli_rpc_fail_refused(rpc, "eth_sendRawTransaction");
    case CLI_RPC_FAILED:
        fprintf(stderr,
                "note: the transaction may have arrived all the same: before you send anew, ask 'posw tx wait %s'\n",
                hash);
        return CLI_FAILED;
    }
    if (!out->waited.wanted) return CLI_OK;
    fprintf(stderr, "note: sent as %s; 'posw tx wait' takes over if this is interrupted\n", hash);
    return cli_wait_run(c, rpc, &out->hash, raw, &out->waited);
}

static void remember(cli_tx_sent *out, const posw_tx *tx) {
    out->nonce = out->waited.nonce = tx->nonce;
    out->waited.has_nonce = true;
    out->gas_limit = tx->gas_limit;
    out->max_fee_wei = tx->max_fee;
    out->max_tip_wei = tx->max_tip;
}

static int write_file(cli_rpc *rpc, const cli_tx_wish *wish, const posw_tx *tx, cli_tx_sent *out) {
    posw_tx_file f = {.from = wish->from, .tx = *tx};
    posw_buf text = {0};
    posw_message msg = {""};
    int code = read_chain(rpc, &f);
    posw_tx_file_encode(&text, &f);
    if (code == CLI_OK && text.failed) code = cli_fail("out of memory");
    if (code == CLI_OK && posw_file_create(out->file, text.data, text.size, 0644, &msg) != POSW_OK)
        code = cli_fail("%s", msg.text);
    posw_buf_clear(&text);
    return code;
}

static int sign_and_send(const cli *c, cli_rpc *rpc, const cli_tx_wish *wish, const posw_tx *tx, cli_tx_sent *out) {
    posw_buf raw = {0};
    int code = sign(c, rpc, wish, tx, &raw);
    if (code == CLI_OK) code = cli_tx_send(c, rpc, posw_buf_view(&raw), out);
    posw_buf_clear(&raw);
    return code;
}

int cli_transact(const cli *c, cli_rpc *rpc, const cli_tx_wish *wish, cli_tx_sent *out) {
    posw_tx tx;
    memset(out, 0, sizeof *out);
    out->file = cli_text(c, "offline");
    const bool wait = cli_switch(c, "wait");
    int code = cli_wait_plan(c, rpc, wait, &out->waited);
    if (code == CLI_OK && out->file != NULL && out->waited.wanted)
        return cli_usage(c, "with --offline nothing is sent, so there is nothing to wait for");
    if (code == CLI_OK && out->file == NULL) code = cli_key_find(c, &wish->from, NULL);
    if (code == CLI_OK) code = fill(c, rpc, wish, &tx, &out->quote);
    if (code != CLI_OK) return code;
    out->has_quote = true;
    remember(out, &tx);
    return out->file != NULL ? write_file(rpc, wish, &tx, out) : sign_and_send(c, rpc, wish, &tx, out);
}

void cli_tx_sent_clear(cli_tx_sent *sent) {
    cli_wait_clear(&sent->waited);
}

/* ---- the report ---- */

static void report_fact_json(posw_jw *w, const cli_tx_fact *fact) {
    uint64_t number;
    if (fact->is_amount || !posw_u256_to_u64(&number, &fact->value))
        posw_jw_kv_decimal(w, fact->key, &fact->value);
    else
        posw_jw_kv_u64(w, fact->key, number);
}

static void report_json(posw_buf *b, const cli_tx_wish *wish, const cli_tx_sent *sent, const cli_tx_fact *facts,
                        size_t fact_count) {
    posw_jw w;
    posw_jw_init(&w, b);
    posw_jw_object(&w);
    if (sent->file != NULL)
        posw_jw_kv_string(&w, "file", sent->file);
    else
        posw_jw_kv_hash(&w, "hash", &sent->hash);
    posw_jw_kv_eip55(&w, "from", &wish->from);
    posw_jw_kv_eip55(&w, "to", &wish->to);
    posw_jw_kv_decimal(&w, "valueWei", &wish->value_wei);
    posw_jw_kv_u64(&w, "nonce", sent->nonce);
    posw_jw_kv_u64(&w, "gasLimit", sent->gas_limit);
    posw_jw_kv_decimal(&w, "maxFeePerGasWei", &sent->max_fee_wei);
    posw_jw_kv_decimal(&w, "maxPriorityFeePerGasWei", &sent->max_tip_wei);
    if (sent->has_quote) {
        posw_jw_kv_decimal(&w, "costAtMostWei", &sent->quote.most_wei);
        posw_jw_kv_decimal(&w, "costLikelyWei", &sent->quote.likely_wei);
        posw_jw_kv_u64(&w, "withinBlocks", sent->quote.blocks);
    }
    if (sent->waited.receipt != NULL) cli_wait_json(&w, &sent->waited);
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
    if (fact->when[0] != '\0') posw_buf_printf(b, ", %s", fact->when);
}

static void report_text(posw_buf *b, const cli_tx_wish *wish, const cli_tx_sent *sent, const cli_tx_fact *facts,
                        size_t fact_count) {
    char hash[CLI_HASH_TEXT_SIZE];
    const posw_tx tx = {.has_to = true, .to = wish->to, .value = wish->value_wei, .input = wish->data};
    cli_tx_sentence(b, &wish->from, &tx);
    posw_buf_byte(b, '\n');
    cli_hash_text(hash, &sent->hash);
    if (sent->file == NULL) posw_buf_printf(b, "transaction  %s\n", hash);
    if (sent->waited.receipt == NULL && sent->has_quote) {
        posw_buf_text(b, "cost         ");
        cli_fees_sentence(b, &sent->quote);
        posw_buf_byte(b, '\n');
    }
    if (sent->file != NULL)
        posw_buf_printf(b, "file         %s: check and sign it with 'posw tx sign', then 'posw tx send'", sent->file);
    else if (sent->waited.receipt == NULL)
        posw_buf_text(b, "block        none yet; it waits in the node's pool (add --wait to see it in a block)");
    else
        cli_wait_text(b, &sent->waited);
    for (size_t i = 0; i < fact_count; i++)
        report_fact_text(b, &facts[i]);
}

int cli_tx_report(const cli *c, const cli_tx_wish *wish, const cli_tx_sent *sent, const cli_tx_fact *facts,
                  size_t fact_count) {
    posw_buf b = {0};
    if (cli_switch(c, "json"))
        report_json(&b, wish, sent, facts, fact_count);
    else
        report_text(&b, wish, sent, facts, fact_count);
    int code = cli_print(&b);
    if (code != CLI_OK && sent->file == NULL) {
        char hash[CLI_HASH_TEXT_SIZE];
        cli_hash_text(hash, &sent->hash);
        fprintf(stderr, "note: the transaction %s was sent\n", hash);
    }
    if (code != CLI_OK || sent->waited.receipt == NULL || sent->waited.succeeded) return code;
    return cli_fail("the transaction is in block %" PRIu64 ", but it failed there: only its fee was taken",
                    sent->waited.block);
}
