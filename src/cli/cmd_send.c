/* posw send */
#include "cli/commands.h"

#include "base/bytes.h"
#include "cli/book.h"
#include "cli/transact.h"
#include "codec/tx.h"

static const cli_option options[] = {
    {"from", "ADDRESS", NULL, "who pays; its key is in the keystore"},
    {"to", "ADDRESS", NULL, "who receives"},
    {"amount", "AMOUNT", NULL, "how much: \"12.5 coin\", \"3 gwei\" or \"100 wei\"; a bare number is coins"},
    {"data", "HEX", NULL, "input of a call, 0x and pairs of digits"},
    CLI_TRANSACT_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static int read_data(const cli *c, posw_buf *out) {
    const char *text = cli_text(c, "data");
    if (text == NULL || strcmp(text, "0x") == 0) return CLI_OK;
    size_t size = strlen(text) / 2 - 1;
    if (strlen(text) < 4 || size > POSW_TX_SIZE_MAX)
        return cli_usage(c, "--data must be 0x and pairs of hexadecimal digits, at most 128 KiB");
    uint8_t *room = posw_buf_extend(out, size);
    if (room == NULL) return cli_fail("out of memory");
    if (posw_hex_decode_prefixed(room, size, text, strlen(text))) return CLI_OK;
    return cli_usage(c, "--data must be 0x and pairs of hexadecimal digits");
}

static int read_wish(const cli *c, cli_tx_wish *wish, posw_buf *data) {
    const char *from = cli_text(c, "from"), *to = cli_text(c, "to");
    if (from == NULL || to == NULL || !cli_given(c, "amount"))
        return cli_usage(c, "--from, --to and --amount are needed");
    if (!cli_address(c, "--from", from, &wish->from) || !cli_address(c, "--to", to, &wish->to) ||
        !cli_amount(c, "amount", &wish->value_wei))
        return CLI_USAGE;
    int code = read_data(c, data);
    wish->data = posw_buf_view(data);
    return code;
}

static int send_and_report(const cli *c, cli_rpc *rpc, const cli_tx_wish *wish) {
    cli_tx_sent sent;
    int code = cli_transact(c, rpc, wish, &sent);
    if (code == CLI_OK) code = cli_tx_report(c, wish, &sent, NULL, 0);
    cli_tx_sent_clear(&sent);
    return code;
}

static int run(cli *c) {
    cli_rpc rpc = {0};
    cli_tx_wish wish = {.refuser = "the receiving contract"};
    posw_buf data = {0};
    int code = read_wish(c, &wish, &data);
    if (code == CLI_OK) code = cli_rpc_open(&rpc, c);
    if (code == CLI_OK) code = send_and_report(c, &rpc, &wish);
    cli_rpc_close(&rpc);
    posw_buf_clear(&data);
    return code;
}

const cli_command cli_command_send = {
    "send",
    "--from ADDRESS --to ADDRESS --amount AMOUNT [OPTIONS]",
    "send coins",
    "Sends coins from an address whose key is in the keystore. The node at --rpc is "
    "asked for nonce, fees and gas; the key stays here. Before anything "
    "is signed it is checked that the transaction would work and can be paid, and what is signed is shown before the "
    "password is asked for. More than 1 coin of fees is not taken from the node's word.",
    "posw send --from 0x… --to 0x… --amount \"12.5 coin\" --wait",
    options,
    0,
    0,
    run};
