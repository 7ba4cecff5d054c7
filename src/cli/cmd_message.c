/* posw wallet sign-message, posw wallet verify: messages that are no transactions (EIP-191). */
#include "cli/commands.h"

#include "base/bytes.h"
#include "cli/book.h"
#include "cli/keys.h"
#include "wallet/signing.h"

#include <string.h>

/* ---- sign ---- */

static const cli_option sign_options[] = {
    {"json", NULL, NULL, "print the result as JSON"},
    CLI_KEY_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static int print_signature(const cli *c, const posw_address *address, const posw_signature *signature) {
    char text[POSW_WALLET_SIGNATURE_SIZE];
    posw_buf b = {0};
    posw_jw w;
    posw_wallet_signature_format(text, signature);
    posw_jw_init(&w, &b);
    if (cli_switch(c, "json")) {
        posw_jw_object(&w);
        posw_jw_kv_eip55(&w, "address", address);
        posw_jw_kv_string(&w, "message", c->args[1]);
        posw_jw_kv_string(&w, "signature", text);
        posw_jw_object_end(&w);
    } else {
        posw_buf_text(&b, text);
    }
    return cli_print(&b);
}

static int run_sign(cli *c) {
    posw_address address;
    posw_signature signature;
    uint8_t secret[32];
    if (!cli_address(c, "the address", c->args[0], &address)) return CLI_USAGE;
    int code = cli_key_unlock(c, &address, secret);
    if (code != CLI_OK) return code;
    const int err = posw_wallet_sign_message(&signature, c->args[1], strlen(c->args[1]), secret);
    posw_wipe(secret, sizeof secret);
    if (err != POSW_OK) return cli_fail("the message could not be signed: %s", posw_error_text(err));
    return print_signature(c, &address, &signature);
}

const cli_command cli_command_wallet_sign_message = {
    "wallet sign-message",
    "[OPTIONS] ADDRESS MESSAGE",
    "sign a text, to prove that an address is yours",
    "Signs a text as MetaMask's personal_sign does (EIP-191). The signature can never be a transaction.",
    "posw wallet sign-message 0x… \"I am the owner, 2026-11-29\"\nposw wallet sign-message me \"hello\" --json",
    sign_options,
    2,
    2,
    run_sign};

/* ---- verify ---- */

static const cli_option verify_options[] = {
    {"json", NULL, NULL, "print the result as JSON"},
    {NULL, NULL, NULL, NULL},
};

static int print_verdict(const cli *c, const posw_address *expected, const posw_address *signer) {
    const bool valid = signer != NULL && posw_address_equal(expected, signer);
    posw_buf b = {0};
    posw_jw w;
    posw_jw_init(&w, &b);
    if (cli_switch(c, "json")) {
        posw_jw_object(&w);
        posw_jw_kv_bool(&w, "valid", valid);
        posw_jw_object_end(&w);
        const int code = cli_print(&b);
        return code == CLI_OK && !valid ? CLI_FAILED : code;
    }
    if (!valid) return cli_fail("%s did not sign this message", cli_show_address(expected).text);
    posw_buf_printf(&b, "signed by %s", cli_show_address(expected).text);
    return cli_print(&b);
}

static int run_verify(cli *c) {
    posw_address expected, signer;
    posw_signature signature;
    posw_message msg = {""};
    if (!cli_address(c, "the address", c->args[0], &expected)) return CLI_USAGE;
    if (posw_wallet_signature_parse(&signature, c->args[2], &msg) != POSW_OK) return cli_usage(c, "%s", msg.text);
    const int err = posw_wallet_recover_message(&signer, c->args[1], strlen(c->args[1]), &signature);
    return print_verdict(c, &expected, err == POSW_OK ? &signer : NULL);
}

const cli_command cli_command_wallet_verify = {
    "wallet verify",
    "[OPTIONS] ADDRESS MESSAGE SIGNATURE",
    "check who signed a text",
    "Tells whether the key of the address signed the text (EIP-191, as personal_sign of MetaMask). The exit code is 1 "
    "if not.",
    "posw wallet verify 0x… \"I am the owner, 2026-11-29\" 0x…",
    verify_options,
    3,
    3,
    run_verify};
