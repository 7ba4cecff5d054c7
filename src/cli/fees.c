#include "cli/fees.h"

#include "base/units.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <string.h>

enum { TRANSFER_GAS = 21000 };

/* ---- what the node says ---- */

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

static int read_number(cli_rpc *rpc, uint64_t *out, const char *method, const char *member) {
    json_t *answer = NULL;
    int code = cli_rpc_call(rpc, &answer, method, json_array());
    if (code == CLI_OK && !cli_json_u64(out, json_object_get(answer, member)))
        code = cli_rpc_fail_answer(rpc, method, "it lacks something");
    json_decref(answer);
    return code;
}

/* ---- fees of a transaction ---- */

/* A bare number would mean coins, and nobody means coins per unit of gas. */
static bool fee_option(const cli *c, const char *name, posw_u256 *out) {
    const char *text = cli_text(c, name);
    if (text[strspn(text, "0123456789.")] != '\0') return cli_amount(c, name, out);
    cli_usage(c, "--%s needs a unit, such as \"%s gwei\"", name, *text != '\0' ? text : "1");
    return false;
}

int cli_fees_fill(const cli *c, cli_rpc *rpc, posw_tx *tx, cli_fee_market *market) {
    bool has_tip = cli_given(c, "tip"), has_max = cli_given(c, "max-fee");
    if ((has_tip && !fee_option(c, "tip", &tx->max_tip)) || (has_max && !fee_option(c, "max-fee", &tx->max_fee)))
        return CLI_USAGE;
    int code = cli_rpc_u256(rpc, &market->suggested_tip, "eth_maxPriorityFeePerGas", json_array());
    if (code == CLI_OK) code = base_fee_next(rpc, &market->base_fee);
    if (code != CLI_OK) return code;
    if (!has_tip) tx->max_tip = market->suggested_tip;
    if (!has_max) {
        const posw_u256 twice = posw_u256_add_sat(&market->base_fee, &market->base_fee);
        tx->max_fee = posw_u256_add_sat(&twice, &tx->max_tip);
    }
    if (posw_u256_cmp(&tx->max_tip, &tx->max_fee) <= 0) return CLI_OK;
    if (has_tip) return cli_usage(c, "--tip is more than --max-fee, which includes it");
    tx->max_tip = tx->max_fee;
    return CLI_OK;
}

/* ---- what to expect ---- */

static posw_u256 cost(const posw_u256 *price, uint64_t gas) {
    posw_u256 out;
    return posw_u256_mul_u64(&out, price, gas) ? out : POSW_U256_MAX;
}

int cli_fees_quote(cli_rpc *rpc, const posw_tx *tx, const cli_fee_market *market, uint64_t likely_gas,
                   cli_fee_quote *out) {
    const posw_u256 price = posw_u256_add_sat(&market->base_fee, &tx->max_tip);
    const bool capped = posw_u256_cmp(&price, &tx->max_fee) > 0;
    uint64_t waiting, gas_limit;
    int code = read_number(rpc, &waiting, "txpool_status", "pending");
    if (code == CLI_OK) code = read_number(rpc, &gas_limit, "posw_chainParameters", "gasLimit");
    if (code != CLI_OK) return code;
    if (gas_limit < TRANSFER_GAS)
        return cli_rpc_fail_answer(rpc, "posw_chainParameters", "no transfer fits in a block");
    *out = (cli_fee_quote){
        .most_wei = cost(&tx->max_fee, tx->gas_limit),
        .likely_wei = cost(capped ? &tx->max_fee : &price, likely_gas),
        .blocks = posw_u256_cmp(&tx->max_fee, &market->base_fee) < 0 ? 0 : 2 + waiting / (gas_limit / TRANSFER_GAS),
        .low_tip = posw_u256_cmp(&tx->max_tip, &market->suggested_tip) < 0,
    };
    return CLI_OK;
}

int cli_fees_check(const cli *c, const cli_rpc *rpc, const posw_tx *tx, const cli_fee_quote *q) {
    char most[POSW_AMOUNT_SIZE], price[POSW_AMOUNT_SIZE];
    const posw_u256 coin = posw_coin();
    posw_u256 trust;
    const bool fits = posw_u256_mul_u64(&trust, &coin, CLI_FEE_TRUST_COIN);
    POSW_ASSERT(fits);
    if (cli_given(c, "max-fee") || posw_u256_cmp(&q->most_wei, &trust) <= 0) return CLI_OK;
    posw_amount_format(most, &q->most_wei);
    posw_amount_format(price, &tx->max_fee);
    return cli_fail(
        "the node at %s asks for fees of up to %s coin; nothing was signed. Ask another node; if fees are so "
        "high, say it with --max-fee \"%s coin\"",
        rpc->url, most, price);
}

void cli_fees_sentence(posw_buf *b, const cli_fee_quote *q) {
    char most[POSW_AMOUNT_SIZE], likely[POSW_AMOUNT_SIZE];
    posw_amount_format(most, &q->most_wei);
    posw_amount_format(likely, &q->likely_wei);
    posw_buf_printf(b, "at most %s coin, likely %s; ", most, likely);
    if (q->missing > 0)
        posw_buf_printf(b, "it will wait for %" PRIu64 " transaction%s of this sender before it, with lower nonces",
                        q->missing, posw_plural(q->missing));
    else if (q->blocks == 0)
        posw_buf_text(b, "it will wait until the base fee falls below its --max-fee");
    else
        posw_buf_printf(b, "it will be in one of the next %" PRIu64 " blocks%s", q->blocks,
                        q->low_tip ? ", or later, since its tip is lower than usual" : "");
}
