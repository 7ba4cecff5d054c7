#include "cli/wait.h"

#include "base/bytes.h"
#include "base/units.h"
#include "cli/json_view.h"
#include "exact/double_spend.h"
#include "io/runner.h"
#include "posw/difficulty.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    POLL_MS = 200,
    BLOCK_TIMEOUT_S = 120,          /* for the first block */
    BLOCK_TIMES_A_CONFIRMATION = 3, /* of patience for each further one */
    TIMEOUT_MAX_S = 30 * 86400,
};

void cli_hash_text(char out[CLI_HASH_TEXT_SIZE], const posw_hash *h) {
    memcpy(out, "0x", 2);
    posw_hex_encode(out + 2, h->b, sizeof h->b);
}

void cli_wait_clear(cli_wait *w) {
    json_decref(w->receipt);
    w->receipt = NULL;
}

/* ---- how many confirmations ---- */

/* A number strictly between 0 and max. */
static bool fraction(const cli *c, const char *name, double max, double *out) {
    const char *text = cli_text(c, name);
    char *end;
    *out = strtod(text, &end);
    if (end != text && *end == '\0' && strpbrk(text, "xXnN") == NULL && *out > 0 && *out < max) return true;
    cli_usage(c, "--%s must be a number above 0 and below %g, not '%s'", name, max, text);
    return false;
}

static int by_risk(const cli *c, cli_wait *w) {
    double risk, q;
    if (!fraction(c, "wait-risk", 1, &risk) || !fraction(c, "attacker", 0.5, &q)) return CLI_USAGE;
    const uint64_t z = lab_confirmations(LAB_DOUBLE_SPEND_ROSENFELD, q, risk, CLI_CONFIRMATIONS_MAX);
    if (z == UINT64_MAX)
        return cli_usage(c,
                         "no number of confirmations up to %d gives that risk; choose a greater --wait-risk or a "
                         "smaller --attacker",
                         CLI_CONFIRMATIONS_MAX);
    w->confirmations = z;
    snprintf(w->why, sizeof w->why, "so that an attacker with %g %% of the hash undoes it with a probability below %g",
             100 * q, risk);
    return CLI_OK;
}

static double to_double(const posw_u256 *v) {
    double out = 0;
    for (int i = 3; i >= 0; i--)
        out = out * 0x1p64 + (double)v->w[i];
    return out;
}

/* Under a difficulty by half-life an attacker may date its blocks so that fewer tickets are enough. */
static double against_false_times(double confirmations, const json_t *parameters) {
    const cli_shown rule = cli_view_text(parameters, "difficulty.rule");
    const bool lags = strcmp(rule.text, posw_difficulty_name(POSW_DIFFICULTY_ASERT_LAG)) == 0;
    if (!lags && strcmp(rule.text, posw_difficulty_name(POSW_DIFFICULTY_ASERT)) != 0) return confirmations;
    const uint64_t half_life = cli_view_u64(parameters, "difficulty.halfLife");
    const uint64_t lag = lags ? posw_difficulty_lag(half_life, cli_view_u64(parameters, "window")) : 0;
    const double block_time_s = (double)cli_view_u64(parameters, "blockTime");
    if (half_life == 0 || block_time_s < 1) return confirmations;
    return lab_confirmations_false_times(confirmations, block_time_s, (double)half_life, (double)lag);
}

static int by_value(const cli *c, cli_rpc *rpc, const json_t *parameters, cli_wait *w) {
    posw_u256 value;
    json_t *epoch = NULL;
    if (!cli_amount(c, "wait-value", &value)) return CLI_USAGE;
    if (strcmp(cli_view_text(parameters, "weight.rule").text, "ticket") != 0)
        return cli_usage(c, "--wait-value needs a chain with tickets; use --wait-risk, or 'posw lab budget' with your "
                            "scenario");
    int code = cli_rpc_call(rpc, &epoch, "posw_getEpoch", json_array());
    const posw_u256 price = cli_view_u256(epoch, "ticketPrice");
    json_decref(epoch);
    if (code == CLI_OK && posw_u256_is_zero(&price))
        code = cli_rpc_fail_answer(rpc, "posw_getEpoch", "no ticket price");
    if (code != CLI_OK) return code;
    const double tickets = lab_confirmations_by_stake(to_double(&value), LAB_PRICE_FALL, to_double(&price));
    if (tickets > (double)cli_view_u64(parameters, "window")) { /* those of a window come back */
        const uint64_t final = cli_view_u64(parameters, "maxReorg") + 1;
        if (final <= w->confirmations) return CLI_OK;
        w->confirmations = final;
        snprintf(w->why, sizeof w->why,
                 "which makes it final for the node: all tickets of a window lose less than that when the price falls "
                 "by %g %%",
                 100 * LAB_PRICE_FALL);
        return CLI_OK;
    }
    const double z = against_false_times(tickets, parameters);
    if (z > CLI_CONFIRMATIONS_MAX)
        return cli_usage(c, "--wait-value would need %g confirmations; at most %d are waited for", z,
                         CLI_CONFIRMATIONS_MAX);
    if ((uint64_t)z <= w->confirmations) return CLI_OK;
    w->confirmations = (uint64_t)z;
    snprintf(w->why, sizeof w->why,
             "so that an attacker's own tickets lose more than that when the price falls by %g %%",
             100 * LAB_PRICE_FALL);
    return CLI_OK;
}

static int plan(const cli *c, cli_rpc *rpc, cli_wait *out) {
    json_t *parameters = NULL;
    const bool further = cli_given(c, "wait-risk") || cli_given(c, "wait-value");
    uint64_t block_time = 0;
    int code = cli_given(c, "wait-risk") ? by_risk(c, out) : CLI_OK;
    if (code == CLI_OK && further) code = cli_rpc_call(rpc, &parameters, "posw_chainParameters", json_array());
    if (code == CLI_OK && further) block_time = cli_view_u64(parameters, "blockTime");
    if (code == CLI_OK && cli_given(c, "wait-value")) code = by_value(c, rpc, parameters, out);
    json_decref(parameters);
    if (code != CLI_OK) return code;
    if (!cli_given(c, "timeout"))
        out->timeout_s = BLOCK_TIMEOUT_S + BLOCK_TIMES_A_CONFIRMATION * block_time * (out->confirmations - 1);
    else if (!cli_u64(c, "timeout", 1, TIMEOUT_MAX_S, &out->timeout_s))
        return CLI_USAGE;
    return CLI_OK;
}

int cli_wait_plan(const cli *c, cli_rpc *rpc, bool force, cli_wait *out) {
    *out = (cli_wait){.confirmations = 1};
    out->wanted = force || cli_given(c, "wait-risk") || cli_given(c, "wait-value");
    if (cli_given(c, "attacker") && !cli_given(c, "wait-risk")) return cli_usage(c, "--attacker goes with --wait-risk");
    return plan(c, rpc, out);
}

/* ---- waiting ---- */

/* One transaction that is waited for. */
typedef struct {
    const cli *c;
    cli_rpc *rpc;
    char hash[CLI_HASH_TEXT_SIZE];
    posw_bytes raw;
    cli_wait *w;
    bool seen; /* in a block: */
    posw_hash block_hash;
    uint64_t waited_ms;
    bool line; /* of progress, without its end */
} waiting;

static void end_progress(waiting *s) {
    if (s->line) fputs("\r\033[K", stderr);
    s->line = false;
}

static void show_progress(waiting *s) {
    if (cli_switch(s->c, "json") || !isatty(STDERR_FILENO)) return;
    s->line = true;
    if (!s->seen)
        fprintf(stderr, "\r\033[Kwaiting for a block: %" PRIu64 " s", s->waited_ms / 1000);
    else
        fprintf(stderr, "\r\033[Kblock %" PRIu64 ", confirmation %" PRIu64 " of %" PRIu64 ": %" PRIu64 " s",
                s->w->block, s->w->tip - s->w->block + 1, s->w->confirmations, s->waited_ms / 1000);
}

static int read_receipt(const cli_rpc *rpc, const json_t *receipt, cli_wait *w, posw_hash *block_hash) {
    uint64_t status;
    posw_u256 price;
    const char *hash = json_string_value(json_object_get(receipt, "blockHash"));
    if (hash == NULL || !posw_hash_parse(block_hash, hash) ||
        !cli_json_u64(&w->block, json_object_get(receipt, "blockNumber")) ||
        !cli_json_u64(&w->gas_used, json_object_get(receipt, "gasUsed")) ||
        !cli_json_u64(&status, json_object_get(receipt, "status")) ||
        !cli_json_u256(&price, json_object_get(receipt, "effectiveGasPrice")) ||
        !posw_u256_mul_u64(&w->fee_wei, &price, w->gas_used))
        return cli_rpc_fail_answer(rpc, "eth_getTransactionReceipt", "it lacks something");
    w->succeeded = status == 1;
    return CLI_OK;
}

/* The block in which it was is no longer on the main chain. */
static int on_lost_block(waiting *s) {
    json_t *tx = NULL, *again = NULL;
    int code = cli_rpc_call(s->rpc, &tx, "eth_getTransactionByHash", json_pack("[s]", s->hash));
    const bool gone = code == CLI_OK && !json_is_object(tx) && s->raw.size > 0;
    json_decref(tx);
    if (!gone) return code;
    switch (cli_rpc_try(s->rpc, &again, "eth_sendRawTransaction", json_pack("[o]", cli_json_hex(s->raw)))) {
    case CLI_RPC_OK:
        break;
    case CLI_RPC_REFUSED:
        code = cli_fail("a reorganisation has undone the transaction %s, and the node does not take it again: %s",
                        s->hash, s->rpc->refusal.text);
        break;
    case CLI_RPC_FAILED:
        code = CLI_FAILED;
        break;
    }
    json_decref(again);
    return code;
}

/* Compares where it is now with where it was. */
static int follow(waiting *s, const json_t *receipt) {
    const uint64_t block = s->w->block;
    posw_hash now;
    int code = CLI_OK;
    const bool in_block = json_is_object(receipt);
    if (in_block) code = read_receipt(s->rpc, receipt, s->w, &now);
    if (code != CLI_OK) return code;
    if (s->seen && (!in_block || !posw_hash_equal(&now, &s->block_hash))) {
        s->w->reorganisations++;
        end_progress(s);
        if (in_block)
            fprintf(stderr,
                    "note: a reorganisation replaced block %" PRIu64 "; it is now in block %" PRIu64
                    ", and the waiting goes on\n",
                    block, s->w->block);
        else
            fprintf(stderr,
                    "note: a reorganisation replaced block %" PRIu64 ", in which it was; it waits for a block again\n",
                    block);
    }
    if (s->seen && !in_block) code = on_lost_block(s);
    s->seen = in_block;
    if (in_block) s->block_hash = now;
    return code;
}

/* One look; *done when it is enough. */
static int look(waiting *s, bool *done) {
    json_t *status = NULL, *receipt = NULL;
    cli_wait *w = s->w;
    int code = cli_rpc_call(s->rpc, &status, "posw_status", json_array());
    if (code == CLI_OK) code = cli_rpc_call(s->rpc, &receipt, "eth_getTransactionReceipt", json_pack("[s]", s->hash));
    if (code == CLI_OK) code = follow(s, receipt);
    if (code == CLI_OK && s->seen) {
        const uint64_t tip = cli_view_u64(status, "tip.number");
        w->tip = tip > w->block ? tip : w->block;
        w->final = cli_view_u64(status, "finalized") >= w->block;
        *done = w->final || w->tip - w->block + 1 >= w->confirmations;
    }
    json_decref(status);
    if (*done)
        w->receipt = receipt;
    else
        json_decref(receipt);
    return code;
}

static int fail_late(const waiting *s) {
    const cli_wait *w = s->w;
    if (s->seen)
        return cli_fail("the transaction %s has %" PRIu64 " of %" PRIu64 " confirmations after %" PRIu64
                        " s; go on with 'posw tx wait'",
                        s->hash, w->tip - w->block + 1, w->confirmations, w->timeout_s);
    char nonce[32] = "";
    if (w->has_nonce) snprintf(nonce, sizeof nonce, " %" PRIu64, w->nonce);
    return cli_fail(
        "the transaction %s is in no block after %" PRIu64
        " s; if it is in the node's pool, wait longer ('posw tx wait'), or send it again with --nonce%s and a "
        "higher --tip and --max-fee",
        s->hash, w->timeout_s, nonce);
}

int cli_wait_run(const cli *c, cli_rpc *rpc, const posw_hash *hash, posw_bytes raw, cli_wait *w) {
    waiting s = {.c = c, .rpc = rpc, .raw = raw, .w = w};
    const uint64_t started = posw_clock_now_ms();
    bool done = false;
    int code = CLI_OK;
    cli_hash_text(s.hash, hash);
    if (w->why[0] != '\0' && !cli_switch(c, "json"))
        fprintf(stderr, "waiting for %" PRIu64 " confirmation%s, %s\n", w->confirmations, posw_plural(w->confirmations),
                w->why);
    while (code == CLI_OK && !done && s.waited_ms <= w->timeout_s * 1000) {
        code = look(&s, &done);
        if (code != CLI_OK || done) break;
        show_progress(&s);
        usleep(POLL_MS * 1000);
        s.waited_ms = posw_clock_now_ms() - started;
    }
    end_progress(&s);
    if (code != CLI_OK)
        fprintf(stderr, "note: the transaction %s was sent; 'posw tx wait' asks for it again\n", s.hash);
    return code == CLI_OK && !done ? fail_late(&s) : code;
}

/* ---- the report ---- */

void cli_wait_json(posw_jw *out, const cli_wait *w) {
    posw_jw_kv_bool(out, "succeeded", w->succeeded);
    posw_jw_kv_u64(out, "block", w->block);
    posw_jw_kv_u64(out, "gasUsed", w->gas_used);
    posw_jw_kv_decimal(out, "feeWei", &w->fee_wei);
    posw_jw_kv_u64(out, "confirmations", w->tip - w->block + 1);
    posw_jw_kv_u64(out, "confirmationsWanted", w->confirmations);
    posw_jw_kv_bool(out, "final", w->final);
    posw_jw_kv_u64(out, "reorganisations", w->reorganisations);
}

void cli_wait_text(posw_buf *out, const cli_wait *w) {
    char fee[POSW_AMOUNT_SIZE];
    posw_amount_format(fee, &w->fee_wei);
    posw_buf_printf(out, "block        %" PRIu64 "\nfee          %s coin", w->block, fee);
    if (w->confirmations > 1)
        posw_buf_printf(out, "\nconfirmed    by %" PRIu64 " blocks%s", w->tip - w->block + 1,
                        w->final ? "; it is final for the node" : "");
}
