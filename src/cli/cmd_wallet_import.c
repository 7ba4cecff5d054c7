/* posw wallet import */
#include "cli/commands.h"

#include "base/bytes.h"
#include "cli/hd_keys.h"
#include "wallet/key.h"
#include "wallet/mnemonic.h"

#include <string.h>

static const cli_option options[] = {
    {"mnemonic", NULL, NULL, "take the key from a mnemonic, which is asked for"},
    {"mnemonic-file", "FILE", NULL, "take the key from the mnemonic in this file"},
    {"passphrase-file", "FILE", NULL,
     "first line is the passphrase of the mnemonic, where it has one (the '25th word')"},
    {"index", "N", NULL, "which account of the mnemonic: m/44'/60'/0'/0/N"},
    CLI_HD_OPTIONS,
    {"key-file", "FILE", NULL, "take the private key from this file: 64 hexadecimal digits"},
    CLI_LIGHT_OPTION,
    {"json", NULL, NULL, "print the result as JSON"},
    CLI_KEY_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static bool from_mnemonic(const cli *c) {
    return cli_switch(c, "mnemonic") || cli_given(c, "mnemonic-file");
}

/* ---- mnemonics ---- */

static int read_passphrase(const cli *c, char *out, size_t size) {
    const char *path = cli_text(c, "passphrase-file");
    out[0] = '\0';
    if (path == NULL) return CLI_OK;
    const int code = cli_secret_file(out, size, "--passphrase-file", path);
    if (code == CLI_OK) out[strcspn(out, "\r\n")] = '\0';
    return code;
}

/* The seed of the mnemonic that is typed or in a file. */
static int read_seed(const cli *c, uint8_t seed[POSW_MNEMONIC_SEED_SIZE]) {
    char text[POSW_MNEMONIC_TEXT_MAX + 1], passphrase[POSW_MNEMONIC_PASSPHRASE_MAX + 16];
    posw_message msg = {""};
    const char *path = cli_text(c, "mnemonic-file");
    int code = path != NULL ? cli_secret_file(text, sizeof text, "--mnemonic-file", path)
                            : cli_ask_secret(text, sizeof text, "mnemonic", "--mnemonic-file");
    if (code != CLI_OK) return code;
    code = read_passphrase(c, passphrase, sizeof passphrase);
    const int err = code == CLI_OK ? posw_mnemonic_seed(seed, text, passphrase, &msg) : POSW_OK;
    posw_wipe(text, sizeof text);
    posw_wipe(passphrase, sizeof passphrase);
    if (err == POSW_OK) return code;
    return cli_fail("%s%s%s", path != NULL ? path : "", path != NULL ? ": " : "",
                    msg.text[0] != '\0' ? msg.text : posw_error_text(err));
}

/* --index is the last number of the usual path. */
static int choose(const cli *c, cli_hd_choice *out) {
    uint64_t index;
    const int code = cli_hd_choose(c, out);
    if (code != CLI_OK || !cli_given(c, "index")) return code;
    if (cli_given(c, "path")) return cli_usage(c, "give --index or --path");
    if (!cli_u64(c, "index", 0, POSW_HD_HARDENED - 1, &index)) return CLI_USAGE;
    out->first.index[out->first.depth - 1] = (uint32_t)index;
    return CLI_OK;
}

static int import_mnemonic(const cli *c, char password[CLI_PASSWORD_SIZE], cli_stored_keys *out) {
    uint8_t seed[POSW_MNEMONIC_SEED_SIZE];
    cli_hd_choice choice;
    int code = choose(c, &choice);
    if (code == CLI_OK) code = read_seed(c, seed);
    if (code != CLI_OK) return code;
    code = cli_password(c, password, CLI_PASSWORD_SIZE, true);
    if (code == CLI_OK) code = cli_hd_store(c, &choice, seed, password, out);
    posw_wipe(seed, sizeof seed);
    return code;
}

/* ---- single keys ---- */

static int secret_of_key_file(const cli *c, uint8_t secret[32], char password[CLI_PASSWORD_SIZE]) {
    char text[256];
    posw_message msg = {""};
    const char *path = cli_text(c, "key-file");
    int code = cli_secret_file(text, sizeof text, "--key-file", path);
    if (code != CLI_OK) return code;
    int err = posw_key_parse(secret, text, &msg);
    posw_wipe(text, sizeof text);
    if (err != POSW_OK) return cli_fail("%s: %s", path, msg.text);
    return cli_password(c, password, CLI_PASSWORD_SIZE, true);
}

/* A key file keeps its password, which is also the proof that it can be used. */
static int secret_of_keystore(const cli *c, uint8_t secret[32], char password[CLI_PASSWORD_SIZE]) {
    posw_keystore k;
    int code = cli_key_file_read(&k, c->args[0]);
    if (code == CLI_OK) code = cli_password(c, password, CLI_PASSWORD_SIZE, false);
    return code == CLI_OK ? cli_key_open(secret, NULL, &k, c->args[0], password) : code;
}

static int import_key(const cli *c, char password[CLI_PASSWORD_SIZE], cli_stored_keys *out) {
    uint8_t secret[32];
    int code = c->arg_count == 1 ? secret_of_keystore(c, secret, password) : secret_of_key_file(c, secret, password);
    if (code == CLI_OK) code = cli_key_store_one(c, secret, password, out);
    posw_wipe(secret, sizeof secret);
    return code;
}

/* ---- the command ---- */

static int show(const cli *c, const cli_stored_keys *list) {
    posw_buf b = {0};
    posw_jw w;
    posw_jw_init(&w, &b);
    if (cli_switch(c, "json")) {
        posw_jw_object(&w);
        cli_stored_keys_json(&w, list);
        posw_jw_object_end(&w);
    } else {
        cli_stored_keys_text(&b, list);
    }
    return cli_print(&b);
}

static int check_usage(const cli *c) {
    static const char *const only_mnemonic[] = {"index", "path", "count", "passphrase-file"};
    const int sources =
        cli_switch(c, "mnemonic") + cli_given(c, "mnemonic-file") + cli_given(c, "key-file") + (int)c->arg_count;
    if (sources != 1)
        return cli_usage(c, "give one of --mnemonic, --mnemonic-file FILE, --key-file FILE or a key file in JSON");
    for (size_t i = 0; i < POSW_ARRAY_SIZE(only_mnemonic); i++)
        if (cli_given(c, only_mnemonic[i]) && !from_mnemonic(c))
            return cli_usage(c, "--%s belongs to --mnemonic and --mnemonic-file", only_mnemonic[i]);
    return CLI_OK;
}

static int run(cli *c) {
    char password[CLI_PASSWORD_SIZE];
    cli_stored_keys list = {0};
    int code = check_usage(c);
    if (code != CLI_OK) return code;
    code = from_mnemonic(c) ? import_mnemonic(c, password, &list) : import_key(c, password, &list);
    if (code == CLI_OK) code = show(c, &list);
    posw_wipe(password, sizeof password);
    cli_stored_keys_clear(&list);
    return code;
}

const cli_command cli_command_wallet_import = {
    "wallet import",
    "[OPTIONS] [KEYFILE]",
    "bring a key into the keystore",
    "Takes a key from a mnemonic, from a file with the raw private key, or from a key file in JSON as geth, ethers and "
    "MetaMask write it (its password stays), and stores it encrypted. Mnemonics of MetaMask, Ledger and Trezor give "
    "the "
    "same addresses here; Ledger Live's second account is --path \"m/44'/60'/1'/0/0\".",
    "posw wallet import --mnemonic\nposw wallet import --mnemonic-file words.txt --count 5\nposw wallet import "
    "--mnemonic-file words.txt --path \"m/44'/60'/0'/0/7\"\nposw wallet import --key-file key.txt\nposw wallet import "
    "UTC--2026-01-31T12-00-00.0Z--….json",
    options,
    0,
    1,
    run};
