/* posw wallet history */
#include "cli/commands.h"

#include "base/units.h"
#include "cli/book.h"
#include "cli/history.h"
#include "cli/wait.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKS_MAX = 100000000 };

static const cli_option options[] = {
    {"blocks", "N", "1000", "look at the newest N blocks"},
    {"to-block", "N", NULL, "look at blocks up to this one (default: the newest)"},
    {"json", NULL, NULL, "print the result as JSON"},
    CLI_RPC_OPTION,
    {NULL, NULL, NULL, NULL},
};

/* Set by the handler below, nowhere else. */
static volatile sig_atomic_t stopped;

static void on_interrupt(int number) {
    (void)number;
    stopped = 1;
}

/* ---- the page ---- */

static const char *kind_name(enum cli_history_kind kind) {
    switch (kind) {
    case CLI_HISTORY_SENT:
        return "sent";
    case CLI_HISTORY_RECEIVED:
        return "received";
    case CLI_HISTORY_SELF:
        return "self";
    case CLI_HISTORY_STAKING:
        return "staking";
    case CLI_HISTORY_NAMED:
        return "named";
    case CLI_HISTORY_MINED:
        return "mined";
    }
    return "";
}

typedef struct {
    posw_u256 received, sent, fees, mined;
} totals;

static void sum_up(const cli_history *h, totals *t) {
    *t = (totals){POSW_U256_ZERO, POSW_U256_ZERO, POSW_U256_ZERO, POSW_U256_ZERO};
    for (size_t i = 0; i < h->count; i++) {
        const cli_history_entry *e = &h->entries[i];
        t->fees = posw_u256_add_sat(&t->fees, &e->fee_wei);
        if (e->failed) continue;
        if (e->kind == CLI_HISTORY_SENT) t->sent = posw_u256_add_sat(&t->sent, &e->value_wei);
        if (e->kind == CLI_HISTORY_RECEIVED) t->received = posw_u256_add_sat(&t->received, &e->value_wei);
        if (e->kind == CLI_HISTORY_MINED) t->mined = posw_u256_add_sat(&t->mined, &e->value_wei);
    }
}

static void put_entry(posw_buf *b, const cli_history_entry *e) {
    const time_t seconds = (time_t)e->timestamp;
    struct tm tm;
    char when[32] = "?", hash[CLI_HASH_TEXT_SIZE], fee[POSW_AMOUNT_SIZE];
    if (gmtime_r(&seconds, &tm) != NULL) strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm);
    posw_buf_printf(b, "%s  block %-9" PRIu64 " %-8s  %s%s", when, e->block, kind_name(e->kind), e->words,
                    e->failed ? "; it failed" : "");
    if (!posw_u256_is_zero(&e->fee_wei)) {
        posw_amount_format(fee, &e->fee_wei);
        posw_buf_printf(b, " (fee %s)", fee);
    }
    posw_buf_byte(b, '\n');
    if (e->kind == CLI_HISTORY_MINED) return;
    cli_hash_text(hash, &e->hash);
    posw_buf_printf(b, "%*s%s\n", 46, "", hash);
}

static void put_total(posw_buf *b, const char *label, const posw_u256 *wei) {
    char text[POSW_AMOUNT_SIZE];
    posw_amount_format(text, wei);
    posw_buf_printf(b, "%-9s %s coin\n", label, text);
}

static int print_text(const cli_history *h) {
    posw_buf b = {0};
    totals t;
    sum_up(h, &t);
    for (size_t i = h->count; i-- > 0;)
        put_entry(&b, &h->entries[i]);
    if (h->count > 0) posw_buf_byte(&b, '\n');
    put_total(&b, "received", &t.received);
    put_total(&b, "sent", &t.sent);
    put_total(&b, "fees", &t.fees);
    put_total(&b, "mined", &t.mined);
    if (h->first > h->last)
        posw_buf_text(&b, "blocks    none were looked at");
    else
        posw_buf_printf(&b, "blocks    %" PRIu64 " to %" PRIu64 " were looked at%s", h->first, h->last,
                        h->complete ? h->first > 0 ? "; earlier ones were not (--blocks)" : ", that is all"
                                    : "; it was stopped before the rest");
    return cli_print(&b);
}

/* ---- JSON ---- */

static void entry_json(posw_jw *w, const cli_history_entry *e) {
    posw_jw_object(w);
    posw_jw_kv_string(w, "kind", kind_name(e->kind));
    posw_jw_kv_u64(w, "block", e->block);
    posw_jw_kv_u64(w, "timestamp", e->timestamp);
    if (e->kind != CLI_HISTORY_MINED) posw_jw_kv_hash(w, "hash", &e->hash);
    posw_jw_kv_decimal(w, "valueWei", &e->value_wei);
    posw_jw_kv_decimal(w, "feeWei", &e->fee_wei);
    posw_jw_kv_bool(w, "failed", e->failed);
    posw_jw_kv_string(w, "words", e->words);
    posw_jw_object_end(w);
}

static int print_json(const posw_address *address, const cli_history *h) {
    posw_buf b = {0};
    posw_jw w;
    totals t;
    sum_up(h, &t);
    posw_jw_init(&w, &b);
    posw_jw_object(&w);
    posw_jw_kv_eip55(&w, "address", address);
    posw_jw_kv_u64(&w, "fromBlock", h->first);
    posw_jw_kv_u64(&w, "toBlock", h->last);
    posw_jw_kv_bool(&w, "complete", h->complete);
    posw_jw_key(&w, "entries");
    posw_jw_array(&w);
    for (size_t i = h->count; i-- > 0;)
        entry_json(&w, &h->entries[i]);
    posw_jw_array_end(&w);
    posw_jw_kv_decimal(&w, "receivedWei", &t.received);
    posw_jw_kv_decimal(&w, "sentWei", &t.sent);
    posw_jw_kv_decimal(&w, "feesWei", &t.fees);
    posw_jw_kv_decimal(&w, "minedWei", &t.mined);
    posw_jw_object_end(&w);
    return cli_print(&b);
}

/* ---- the command ---- */

static int read_range(const cli *c, cli_rpc *rpc, uint64_t *last, uint64_t *blocks) {
    uint64_t tip;
    if (!cli_u64(c, "blocks", 1, BLOCKS_MAX, blocks)) return CLI_USAGE;
    int code = cli_rpc_u64(rpc, &tip, "eth_blockNumber", json_array());
    *last = tip;
    if (code == CLI_OK && cli_given(c, "to-block") && !cli_u64(c, "to-block", 0, tip, last)) code = CLI_USAGE;
    return code;
}

/* Ctrl-C ends the looking, and what was found is printed; a second one ends the program. */
static int scan(const cli *c, cli_rpc *rpc, const posw_address *address, cli_history *h) {
    uint64_t last, blocks;
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    int code = read_range(c, rpc, &last, &blocks);
    if (code != CLI_OK) return code;
    sigaction(SIGINT, &action, NULL);
    return cli_history_read(rpc, address, last, blocks, &stopped, !cli_switch(c, "json") && isatty(STDERR_FILENO), h);
}

static int run(cli *c) {
    cli_rpc rpc = {0};
    cli_history h = {0};
    posw_address address;
    if (!cli_address(c, "the address", c->args[0], &address)) return CLI_USAGE;
    int code = cli_rpc_open(&rpc, c);
    if (code == CLI_OK) code = scan(c, &rpc, &address, &h);
    if (code == CLI_OK) code = cli_switch(c, "json") ? print_json(&address, &h) : print_text(&h);
    cli_history_clear(&h);
    cli_rpc_close(&rpc);
    return code;
}

const cli_command cli_command_wallet_history = {
    "wallet history",
    "[OPTIONS] ADDRESS",
    "what an address sent, received, staked and mined",
    "Looks through the newest blocks for transactions of an address, staking calls that name it and blocks that it "
    "mined "
    "(new coins and tips; payments of a fee pool are not counted), and tells which blocks it looked at. Ctrl-C prints "
    "what was found so far. No key is needed.",
    "posw wallet history 0x…\nposw wallet history alice --blocks 10000\nposw wallet history 0x… --to-block 5000 --json",
    options,
    1,
    1,
    run};
