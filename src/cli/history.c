#include "cli/history.h"

#include "base/bytes.h"
#include "base/units.h"
#include "cli/json_view.h"
#include "cli/tx_words.h"
#include "codec/abi.h"
#include "posw/u256.h"
#include "state/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Blocks of one request: a summary is half a kilobyte; a full one may be a megabyte. */
enum { SUMMARIES_MAX = 250, FULL_MAX = 8 };

typedef struct {
    cli_rpc *rpc;
    const posw_address *address;
    cli_history *out;
} scan;

void cli_history_clear(cli_history *h) {
    for (size_t i = 0; i < h->count; i++)
        free(h->entries[i].words);
    free(h->entries);
    *h = (cli_history){0};
}

/* Takes over what is in `words`, which is cleared. */
static int add(scan *s, cli_history_entry e, posw_buf *words) {
    cli_history *h = s->out;
    posw_buf_byte(words, 0);
    if (h->count == h->capacity) {
        const size_t capacity = h->capacity > 0 ? 2 * h->capacity : 64;
        cli_history_entry *entries = realloc(h->entries, capacity * sizeof *entries);
        if (entries != NULL) {
            h->entries = entries;
            h->capacity = capacity;
        }
    }
    e.words = words->failed || h->count == h->capacity ? NULL : strdup((const char *)words->data);
    posw_buf_clear(words);
    if (e.words == NULL) return cli_fail("out of memory");
    h->entries[h->count++] = e;
    return CLI_OK;
}

/* ---- transactions ---- */

/* A transaction of a block as far as words need it; *data: owned by the caller. */
static bool read_tx(const json_t *v, posw_tx *tx, posw_address *from, posw_buf *data) {
    const char *sender = json_string_value(json_object_get(v, "from")),
               *to = json_string_value(json_object_get(v, "to"));
    *tx = (posw_tx){.has_to = to != NULL, .value = cli_view_u256(v, "value")};
    posw_buf_reset(data);
    if (sender == NULL || !posw_address_parse(from, sender) || (to != NULL && !posw_address_parse(&tx->to, to)) ||
        !cli_json_data(data, json_object_get(v, "input")) || data->failed)
        return false;
    tx->input = posw_buf_view(data);
    return true;
}

static bool classify(const posw_address *a, const posw_tx *tx, const posw_address *from, enum cli_history_kind *out) {
    const bool sent = posw_address_equal(from, a), received = tx->has_to && posw_address_equal(&tx->to, a);
    const bool staking = tx->has_to && posw_address_equal(&tx->to, &POSW_STAKING_ADDRESS);
    posw_address named;
    if (sent && received)
        *out = CLI_HISTORY_SELF;
    else if (sent)
        *out = staking ? CLI_HISTORY_STAKING : CLI_HISTORY_SENT;
    else if (received)
        *out = CLI_HISTORY_RECEIVED;
    else if (staking && posw_abi_address(&named, tx->input, 0) && posw_address_equal(&named, a))
        *out = CLI_HISTORY_NAMED;
    else
        return false;
    return true;
}

/* Whether it failed, and what it cost, are in its receipt. */
static int add_tx(scan *s, const json_t *block, const json_t *v, const posw_tx *tx, const posw_address *from,
                  enum cli_history_kind kind) {
    const char *hash = json_string_value(json_object_get(v, "hash"));
    cli_history_entry e = {.kind = kind,
                           .block = cli_view_u64(block, "number"),
                           .timestamp = cli_view_u64(block, "timestamp"),
                           .value_wei = tx->value};
    json_t *receipt = NULL;
    posw_buf words = {0};
    if (hash == NULL || !posw_hash_parse(&e.hash, hash))
        return cli_rpc_fail_answer(s->rpc, "eth_getBlockByNumber", "a transaction without hash");
    const int code = cli_rpc_call(s->rpc, &receipt, "eth_getTransactionReceipt", json_pack("[s]", hash));
    const posw_u256 price = cli_view_u256(receipt, "effectiveGasPrice");
    e.failed = cli_view_u64(receipt, "status") != 1;
    if (posw_address_equal(from, s->address) &&
        !posw_u256_mul_u64(&e.fee_wei, &price, cli_view_u64(receipt, "gasUsed")))
        e.fee_wei = POSW_U256_MAX;
    json_decref(receipt);
    if (code != CLI_OK) return code;
    cli_tx_sentence(&words, from, tx);
    return add(s, e, &words);
}

/* Newest first. */
static int read_txs(scan *s, const json_t *block) {
    const json_t *txs = json_object_get(block, "transactions");
    posw_buf data = {0};
    int code = CLI_OK;
    for (size_t i = json_array_size(txs); i-- > 0 && code == CLI_OK;) {
        const json_t *v = json_array_get(txs, i);
        posw_tx tx;
        posw_address from;
        enum cli_history_kind kind;
        if (!read_tx(v, &tx, &from, &data))
            code = cli_rpc_fail_answer(s->rpc, "eth_getBlockByNumber", "a transaction lacks something");
        else if (classify(s->address, &tx, &from, &kind))
            code = add_tx(s, block, v, &tx, &from, kind);
    }
    posw_buf_clear(&data);
    return code;
}

/* ---- blocks ---- */

/* New coins for the miner, and what senders paid above the base fee. */
static int add_mined(scan *s, const json_t *details) {
    const json_t *block = json_object_get(details, "block");
    const posw_u256 fees = cli_view_u256(details, "totalFees"), base = cli_view_u256(block, "baseFeePerGas");
    const posw_u256 coins = cli_view_u256(details, "issuance.blockReward");
    char new_text[POSW_AMOUNT_SIZE], tips_text[POSW_AMOUNT_SIZE];
    posw_buf words = {0};
    posw_u256 burnt;
    if (!posw_u256_mul_u64(&burnt, &base, cli_view_u64(block, "gasUsed"))) burnt = fees;
    const posw_u256 tips = posw_u256_sub_sat(&fees, &burnt);
    posw_amount_format(new_text, &coins);
    posw_amount_format(tips_text, &tips);
    posw_buf_printf(&words, "mined the block: %s coin", new_text);
    if (!posw_u256_is_zero(&tips)) posw_buf_printf(&words, " and %s coin of tips", tips_text);
    return add(s,
               (cli_history_entry){.kind = CLI_HISTORY_MINED,
                                   .block = cli_view_u64(block, "number"),
                                   .timestamp = cli_view_u64(block, "timestamp"),
                                   .value_wei = posw_u256_add_sat(&coins, &tips)},
               &words);
}

/* Summaries of blocks from..to. */
static int read_summaries(scan *s, uint64_t from, uint64_t to, json_t **out) {
    json_t *params = json_array();
    for (uint64_t n = from; n <= to; n++)
        (void)json_array_append_new(params, json_pack("[I]", (json_int_t)n));
    return cli_rpc_batch(s->rpc, out, "ots_getBlockDetails", params);
}

/* The full blocks of those summaries in [low, high) that have transactions, by their place; json null for the others.
 */
static int read_full(scan *s, const json_t *summaries, size_t low, size_t high, json_t **out) {
    json_t *params = json_array(), *full = NULL;
    for (size_t i = low; i < high; i++) {
        const json_t *block = json_object_get(json_array_get(summaries, i), "block");
        if (json_integer_value(json_object_get(block, "transactionCount")) > 0)
            (void)json_array_append_new(params, json_pack("[O, b]", json_object_get(block, "number"), true));
    }
    int code = cli_rpc_batch(s->rpc, &full, "eth_getBlockByNumber", params);
    size_t next = 0;
    *out = json_array();
    for (size_t i = low; i < high && code == CLI_OK; i++) {
        const json_t *block = json_object_get(json_array_get(summaries, i), "block");
        const bool has = json_integer_value(json_object_get(block, "transactionCount")) > 0;
        if (json_array_append(*out, has ? json_array_get(full, next++) : json_null()) != 0)
            code = cli_fail("out of memory");
    }
    json_decref(full);
    return code;
}

/* Blocks of the summaries in [low, high), newest first. */
static int read_piece(scan *s, const json_t *summaries, size_t low, size_t high) {
    json_t *full = NULL;
    int code = read_full(s, summaries, low, high, &full);
    for (size_t i = high; i-- > low && code == CLI_OK;) {
        const json_t *details = json_array_get(summaries, i);
        const char *miner = json_string_value(cli_view(details, "block.miner"));
        posw_address a;
        if (miner != NULL && posw_address_parse(&a, miner) && posw_address_equal(&a, s->address) &&
            cli_view_u64(details, "block.number") > 0)
            code = add_mined(s, details);
        if (code == CLI_OK && json_is_object(json_array_get(full, i - low)))
            code = read_txs(s, json_array_get(full, i - low));
        if (code == CLI_OK) s->out->first = cli_view_u64(details, "block.number");
    }
    json_decref(full);
    return code;
}

static bool enough(const scan *s, const volatile sig_atomic_t *stop) {
    return *stop || s->out->count >= CLI_HISTORY_ENTRIES_MAX;
}

static int read_batch(scan *s, uint64_t from, uint64_t to, const volatile sig_atomic_t *stop) {
    json_t *summaries = NULL;
    int code = read_summaries(s, from, to, &summaries);
    size_t high = json_array_size(summaries);
    for (size_t i = 0; i < high && code == CLI_OK; i++)
        if (!json_is_object(json_array_get(summaries, i)))
            code = cli_rpc_fail_answer(s->rpc, "ots_getBlockDetails", "a block is missing");
    while (high > 0 && code == CLI_OK && !enough(s, stop)) {
        const size_t low = high > FULL_MAX ? high - FULL_MAX : 0;
        code = read_piece(s, summaries, low, high);
        high = low;
    }
    json_decref(summaries);
    return code;
}

int cli_history_read(cli_rpc *rpc, const posw_address *address, uint64_t last, uint64_t blocks,
                     const volatile sig_atomic_t *stop, bool progress, cli_history *out) {
    scan s = {.rpc = rpc, .address = address, .out = out};
    const uint64_t end = last + 1 > blocks ? last + 1 - blocks : 0; /* the oldest wanted */
    int code = CLI_OK;
    out->last = last;
    out->first = last + 1;
    while (code == CLI_OK && out->first > end && !enough(&s, stop)) {
        const uint64_t to = out->first - 1, from = to - end >= SUMMARIES_MAX ? to - (SUMMARIES_MAX - 1) : end;
        if (progress)
            fprintf(stderr, "\r\033[Klooking at block %" PRIu64 " of %" PRIu64 " to %" PRIu64 ", %zu found", to, end,
                    last, out->count);
        code = read_batch(&s, from, to, stop);
    }
    if (progress) fputs("\r\033[K", stderr);
    out->complete = out->first == end;
    return code;
}
