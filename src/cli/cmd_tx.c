/* posw tx show, sign, send, wait: transactions in files, signed on a machine without a node. */
#include "cli/commands.h"

#include "base/bytes.h"
#include "cli/book.h"
#include "cli/json_view.h"
#include "cli/transact.h"
#include "cli/tx_words.h"
#include "io/file.h"

#include <inttypes.h>
#include <stdio.h>

/* The file of the first argument; the caller clears it. */
static int read_file(const cli *c, posw_tx_file *out) {
    posw_buf text = {0};
    posw_message msg = {""}, why = {""};
    int err = posw_file_read(&text, c->args[0], POSW_TX_FILE_SIZE_MAX, &msg);
    if (err == POSW_OK && (err = posw_tx_file_decode(out, (const char *)text.data, text.size, &why)) != POSW_OK)
        (void)posw_message_set(&msg, err, "%.200s: %.300s", c->args[0], why.text);
    posw_buf_clear(&text);
    return err == POSW_OK ? CLI_OK : cli_fail("%s", msg.text);
}

static int print_page(const posw_tx_file *f) {
    posw_buf b = {0};
    cli_tx_page(&b, f);
    return cli_print(&b);
}

/* The file's own members, and in words what it does. */
static int print_json(const char *path, const posw_tx_file *f) {
    posw_buf words = {0}, text = {0};
    cli_tx_sentence(&words, &f->from, &f->tx);
    posw_buf_byte(&words, 0);
    posw_tx_file_encode(&text, f);
    json_t *file = text.failed || words.failed ? NULL : json_loadb((const char *)text.data, text.size, 0, NULL);
    json_t *answer = json_pack("{s:s, s:s, s:b, s:o}", "path", path, "words", words.failed ? "" : (char *)words.data,
                               "isSigned", f->raw.size > 0, "file", file);
    if (answer != NULL && f->raw.size > 0) {
        char hash[CLI_HASH_TEXT_SIZE];
        cli_tx_hash_text(hash, f);
        (void)json_object_set_new(answer, "hash", json_string(hash));
    }
    posw_buf_clear(&words);
    posw_buf_clear(&text);
    return cli_json_print(answer);
}

/* ---- show ---- */

static const cli_option show_options[] = {
    {"json", NULL, NULL, "print the result as JSON"},
    {NULL, NULL, NULL, NULL},
};

static int run_show(cli *c) {
    posw_tx_file f = {0};
    int code = read_file(c, &f);
    if (code == CLI_OK) code = cli_switch(c, "json") ? print_json(c->args[0], &f) : print_page(&f);
    posw_tx_file_clear(&f);
    return code;
}

const cli_command cli_command_tx_show = {"tx show",
                                         "[OPTIONS] FILE",
                                         "say in words what a transaction file does",
                                         "Shows who pays whom how much, the fee at most, for which chain, and whether "
                                         "it is signed; calls of the staking contract in words. Needs no node.",
                                         "posw tx show payment.json\nposw tx show payment.json --json",
                                         show_options,
                                         1,
                                         1,
                                         run_show};

/* ---- sign ---- */

static const cli_option sign_options[] = {
    {"out", "FILE", NULL, "where to write the signed one (default: into the same file)"},
    {"chain-id", "N", NULL, "refuse a transaction for another chain than this"},
    {"json", NULL, NULL, "print the result as JSON"},
    CLI_KEY_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static int check_chain_id(const cli *c, const posw_tx_file *f) {
    uint64_t wanted;
    if (!cli_given(c, "chain-id")) return CLI_OK;
    if (!cli_u64(c, "chain-id", 1, UINT64_MAX, &wanted)) return CLI_USAGE;
    return f->tx.chain_id == wanted ? CLI_OK
                                    : cli_fail("the transaction is for the chain id %" PRIu64 " (%s), not for %" PRIu64
                                               "; nothing was signed",
                                               f->tx.chain_id, f->chain_name, wanted);
}

static int sign_file(const cli *c, posw_tx_file *f) {
    uint8_t secret[32];
    int code = cli_key_unlock(c, &f->from, secret);
    if (code != CLI_OK) return code;
    const int err = posw_tx_file_sign(f, secret);
    posw_wipe(secret, sizeof secret);
    return err == POSW_OK ? CLI_OK : cli_fail("the transaction could not be signed: %s", posw_error_text(err));
}

static int write_signed(const cli *c, const posw_tx_file *f, const char **path) {
    posw_buf text = {0};
    posw_message msg = {""};
    const char *out = cli_text(c, "out");
    *path = out != NULL ? out : c->args[0];
    posw_tx_file_encode(&text, f);
    int code = text.failed ? cli_fail("out of memory") : CLI_OK;
    if (code == CLI_OK && (out != NULL ? posw_file_create(*path, text.data, text.size, 0644, &msg)
                                       : posw_file_write(*path, text.data, text.size, 0644, &msg)) != POSW_OK)
        code = cli_fail("%s", msg.text);
    posw_buf_clear(&text);
    return code;
}

static int say_signed(const char *path, const posw_tx_file *f) {
    char hash[CLI_HASH_TEXT_SIZE];
    cli_tx_hash_text(hash, f);
    printf("\nsigned into  %s\ntransaction  %s\nSend it from a machine with a node: posw tx send FILE\n", path, hash);
    return fflush(stdout) == 0 ? CLI_OK : cli_fail("the output could not be written");
}

/* What is signed is shown before the password is asked for. */
static int run_sign(cli *c) {
    posw_tx_file f = {0};
    const char *path = NULL;
    const bool json = cli_switch(c, "json");
    int code = read_file(c, &f);
    if (code == CLI_OK && f.raw.size > 0)
        code = cli_fail("%s is signed already; send it with 'posw tx send'", c->args[0]);
    if (code == CLI_OK) code = check_chain_id(c, &f);
    if (code == CLI_OK && !json) code = print_page(&f);
    if (code == CLI_OK) code = sign_file(c, &f);
    if (code == CLI_OK) code = write_signed(c, &f, &path);
    if (code == CLI_OK) code = json ? print_json(path, &f) : say_signed(path, &f);
    posw_tx_file_clear(&f);
    return code;
}

const cli_command cli_command_tx_sign = {
    "tx sign",
    "[OPTIONS] FILE",
    "sign a transaction file on a machine without a node",
    "Shows in words what is signed, asks for the password of the key, and writes the signed transaction. Needs no node "
    "and no network: make the file with --offline of 'posw send' or 'posw stake', carry it here and back, and send it "
    "with 'posw tx send'. The signature is good for this one chain id and nonce only.",
    "posw tx sign payment.json\nposw tx sign payment.json --chain-id 4242 --out signed.json",
    sign_options,
    1,
    1,
    run_sign};

/* ---- send ---- */

static const cli_option send_options[] = {
    CLI_WAIT_OPTIONS,
    {"json", NULL, NULL, "print the result as JSON"},
    CLI_RPC_OPTION,
    {NULL, NULL, NULL, NULL},
};

/* The node's chain must be the file's, by id and by genesis: a test chain may have the id of another. */
static int check_node(cli_rpc *rpc, const posw_tx_file *f) {
    json_t *p = NULL;
    posw_hash genesis = {{0}};
    int code = cli_rpc_call(rpc, &p, "posw_chainParameters", json_array());
    const char *text = json_string_value(json_object_get(p, "genesisHash"));
    if (code == CLI_OK && (text == NULL || !posw_hash_parse(&genesis, text)))
        code = cli_rpc_fail_answer(rpc, "posw_chainParameters", "it has no genesis hash");
    const uint64_t chain_id = cli_view_u64(p, "chainId");
    if (code == CLI_OK && (chain_id != f->tx.chain_id || !posw_hash_equal(&genesis, &f->genesis)))
        code = cli_fail("the transaction is for the chain %s (chain id %" PRIu64 "), the node at %s is of %s (chain id "
                        "%" PRIu64 ")%s; nothing was sent",
                        f->chain_name, f->tx.chain_id, rpc->url, cli_view_text(p, "name").text, chain_id,
                        chain_id == f->tx.chain_id ? " with another genesis block" : "");
    json_decref(p);
    return code;
}

/* What the node would say of a file that was sent before are words about nonces. */
static int check_sent(cli_rpc *rpc, const posw_tx_file *f) {
    json_t *tx = NULL;
    char hash[CLI_HASH_TEXT_SIZE];
    uint64_t next = 0;
    cli_tx_hash_text(hash, f);
    int code = cli_rpc_call(rpc, &tx, "eth_getTransactionByHash", json_pack("[s]", hash));
    if (code == CLI_OK && json_is_string(json_object_get(tx, "blockNumber")))
        code = cli_fail("the transaction %s was sent already: it is in block %" PRIu64 ". Nothing was sent", hash,
                        cli_view_u64(tx, "blockNumber"));
    else if (code == CLI_OK && json_is_object(tx))
        code = cli_fail("the transaction %s was sent already, and waits in the node's pool; see it in a block with "
                        "'posw tx wait %s'. Nothing was sent",
                        hash, hash);
    json_decref(tx);
    if (code == CLI_OK)
        code = cli_rpc_u64(rpc, &next, "eth_getTransactionCount",
                           json_pack("[o, s]", cli_json_address(&f->from), "latest"));
    if (code == CLI_OK && f->tx.nonce < next)
        code = cli_fail("the nonce %" PRIu64 " of %s is used already, and the node does not know this transaction: "
                        "another one took its place (or it is older than what a pruned node keeps). Nothing was sent; "
                        "if it is still wanted, make a new file with --offline and sign that",
                        f->tx.nonce, cli_show_address(&f->from).text);
    return code;
}

static int send_and_report(const cli *c, cli_rpc *rpc, const posw_tx_file *f) {
    const cli_tx_wish wish = {.from = f->from, .to = f->tx.to, .value_wei = f->tx.value, .data = f->tx.input};
    cli_tx_sent sent = {
        .nonce = f->tx.nonce, .gas_limit = f->tx.gas_limit, .max_fee_wei = f->tx.max_fee, .max_tip_wei = f->tx.max_tip};
    int code = cli_wait_plan(c, rpc, cli_switch(c, "wait"), &sent.waited);
    if (code == CLI_OK) code = cli_tx_send(c, rpc, posw_buf_view(&f->raw), &sent);
    if (code == CLI_OK) code = cli_tx_report(c, &wish, &sent, NULL, 0);
    cli_tx_sent_clear(&sent);
    return code;
}

static int run_send(cli *c) {
    posw_tx_file f = {0};
    cli_rpc rpc = {0};
    int code = read_file(c, &f);
    if (code == CLI_OK && f.raw.size == 0)
        code = cli_fail("%s is not signed yet; sign it with 'posw tx sign'", c->args[0]);
    if (code == CLI_OK) code = cli_rpc_open(&rpc, c);
    if (code == CLI_OK) code = check_node(&rpc, &f);
    if (code == CLI_OK) code = check_sent(&rpc, &f);
    if (code == CLI_OK) code = send_and_report(c, &rpc, &f);
    cli_rpc_close(&rpc);
    posw_tx_file_clear(&f);
    return code;
}

const cli_command cli_command_tx_send = {
    "tx send",
    "[OPTIONS] FILE",
    "send a signed transaction file",
    "Sends a transaction that was signed with 'posw tx sign'. A node of another "
    "chain is refused. No key is needed.",
    "posw tx send payment.json --wait\nposw tx send payment.json --wait-risk 0.001",
    send_options,
    1,
    1,
    run_send};

/* ---- wait ---- */

static const cli_option wait_options[] = {
    CLI_WAIT_FOR_OPTIONS,
    {"json", NULL, NULL, "print the result as JSON"},
    CLI_RPC_OPTION,
    {NULL, NULL, NULL, NULL},
};

static int print_waited(const cli *c, const cli_wait *w) {
    posw_buf b = {0};
    posw_jw jw;
    posw_jw_init(&jw, &b);
    if (cli_switch(c, "json")) {
        posw_jw_object(&jw);
        posw_jw_kv_string(&jw, "hash", c->args[0]);
        cli_wait_json(&jw, w);
        posw_jw_object_end(&jw);
    } else {
        posw_buf_printf(&b, "transaction  %s\n", c->args[0]);
        cli_wait_text(&b, w);
    }
    const int code = cli_print(&b);
    if (code != CLI_OK || w->succeeded) return code;
    return cli_fail("the transaction is in block %" PRIu64 ", but it failed there: nothing was paid", w->block);
}

/* A mistyped hash would be waited for without a word. */
static int note_unknown(cli_rpc *rpc, const posw_hash *hash) {
    json_t *tx = NULL;
    char text[CLI_HASH_TEXT_SIZE];
    cli_hash_text(text, hash);
    const int code = cli_rpc_call(rpc, &tx, "eth_getTransactionByHash", json_pack("[s]", text));
    if (code == CLI_OK && !json_is_object(tx))
        fputs("note: the node does not know this transaction (yet): is the hash right?\n", stderr);
    json_decref(tx);
    return code;
}

static int run_wait(cli *c) {
    cli_rpc rpc = {0};
    cli_wait w = {0};
    posw_hash hash;
    if (!posw_hash_parse(&hash, c->args[0]))
        return cli_usage(c, "'%s' is not the hash of a transaction: 0x and 64 hexadecimal digits", c->args[0]);
    int code = cli_rpc_open(&rpc, c);
    if (code == CLI_OK) code = cli_wait_plan(c, &rpc, true, &w);
    if (code == CLI_OK) code = note_unknown(&rpc, &hash);
    if (code == CLI_OK) code = cli_wait_run(c, &rpc, &hash, (posw_bytes){NULL, 0}, &w);
    if (code == CLI_OK) code = print_waited(c, &w);
    cli_wait_clear(&w);
    cli_rpc_close(&rpc);
    return code;
}

const cli_command cli_command_tx_wait = {
    "tx wait",
    "[OPTIONS] HASH",
    "wait for a transaction's confirmations",
    "Waits until a transaction is in a block, or has as many blocks on it as a risk or a value asks for: what a "
    "receiver does before handing over the goods. A reorganisation is told, and the waiting goes on.",
    "posw tx wait 0x… --wait-risk 0.001\nposw tx wait 0x… --wait-value \"5000 coin\" --timeout 86400",
    wait_options,
    1,
    1,
    run_wait};
