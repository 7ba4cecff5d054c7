/* posw wallet new, list, export */
#include "cli/commands.h"

#include "base/bytes.h"
#include "cli/book.h"
#include "cli/hd_keys.h"
#include "crypto/secp.h"
#include "io/file.h"
#include "io/runner.h"
#include "wallet/mnemonic.h"

#include <stdio.h>

/* ---- new ---- */

static const cli_option new_options[] = {
    {"mnemonic", NULL, NULL, "make a mnemonic (this is so anyway, unless --no-mnemonic is given)"},
    {"words", "N", "12", "words of the mnemonic, 12 or 24"},
    {"no-mnemonic", NULL, NULL, "a random key without a mnemonic; its file is the only copy"},
    CLI_HD_OPTIONS,
    CLI_LIGHT_OPTION,
    {"json", NULL, NULL, "print the result as JSON"},
    CLI_KEY_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

/* A new mnemonic of --words words and its seed. */
static int make_mnemonic(const cli *c, char mnemonic[POSW_MNEMONIC_SIZE], uint8_t seed[POSW_MNEMONIC_SEED_SIZE]) {
    uint64_t words;
    if (!cli_u64(c, "words", 12, 24, &words)) return CLI_USAGE;
    if (words != 12 && words != 24) return cli_usage(c, "--words must be 12 or 24");
    uint8_t entropy[POSW_MNEMONIC_ENTROPY_MAX];
    posw_random_bytes(entropy, sizeof entropy);
    int err = posw_mnemonic_encode(mnemonic, entropy, (size_t)words / 3 * 4);
    if (err == POSW_OK) err = posw_mnemonic_seed(seed, mnemonic, NULL, NULL);
    posw_wipe(entropy, sizeof entropy);
    return err == POSW_OK ? CLI_OK : cli_fail("a mnemonic could not be made: %s", posw_error_text(err));
}

static int store_random(const cli *c, const char *password, cli_stored_keys *out) {
    uint8_t secret[32];
    do
        posw_random_bytes(secret, sizeof secret);
    while (!posw_secp_secret_valid(secret));
    const int code = cli_key_store_one(c, secret, password, out);
    posw_wipe(secret, sizeof secret);
    return code;
}

static int show_new(const cli *c, const cli_stored_keys *list, const char *mnemonic) {
    posw_buf b = {0};
    size_t room = 4096;
    for (size_t i = 0; i < list->count; i++)
        room += 512 + 2 * list->keys[i].path.size;
    (void)posw_buf_reserve(&b, room);
    if (cli_switch(c, "json")) {
        posw_jw w;
        posw_jw_init(&w, &b);
        posw_jw_object(&w);
        cli_stored_keys_json(&w, list);
        if (mnemonic[0] != '\0') posw_jw_kv_string(&w, "mnemonic", mnemonic);
        posw_jw_object_end(&w);
        return cli_print_secret(&b);
    }
    cli_stored_keys_text(&b, list);
    if (mnemonic[0] != '\0')
        posw_buf_printf(&b,
                        "\nmnemonic   %s\n\nWrite the mnemonic on paper and keep it secret: whoever has it has the "
                        "coins, and it is shown only now. The key file is of use only with its password.",
                        mnemonic);
    else
        posw_buf_text(&b,
                      "\n\nKeep a copy of the key file and remember its password: without either the coins are lost.");
    return cli_print_secret(&b);
}

static int run_new(cli *c) {
    char password[CLI_PASSWORD_SIZE], mnemonic[POSW_MNEMONIC_SIZE] = "";
    uint8_t seed[POSW_MNEMONIC_SEED_SIZE] = {0};
    cli_hd_choice choice;
    cli_stored_keys list = {0};
    const bool random = cli_switch(c, "no-mnemonic");
    if (random && (cli_switch(c, "mnemonic") || cli_given(c, "words") || cli_given(c, "path") || cli_given(c, "count")))
        return cli_usage(c, "--mnemonic, --words, --path and --count do not go with --no-mnemonic");
    int code = random ? CLI_OK : cli_hd_choose(c, &choice);
    if (code == CLI_OK && !random) code = make_mnemonic(c, mnemonic, seed);
    if (code == CLI_OK) code = cli_password(c, password, sizeof password, true);
    if (code == CLI_OK)
        code = random ? store_random(c, password, &list) : cli_hd_store(c, &choice, seed, password, &list);
    if (code == CLI_OK) code = show_new(c, &list, mnemonic);
    posw_wipe(password, sizeof password);
    posw_wipe(mnemonic, sizeof mnemonic);
    posw_wipe(seed, sizeof seed);
    cli_stored_keys_clear(&list);
    return code;
}

const cli_command cli_command_wallet_new = {
    "wallet new",
    "[OPTIONS]",
    "make a new key",
    "Makes a mnemonic of 12 or 24 words, shows it once, and stores its first key (m/44'/60'/0'/0/0, as MetaMask, "
    "Ledger "
    "and Trezor do) in the keystore, encrypted with a password.",
    "posw wallet new\nposw wallet new --words 24 --count 3\nposw wallet new --password-file secret.txt --json",
    new_options,
    0,
    0,
    run_new};

/* ---- list ---- */

static const cli_option list_options[] = {
    {"keystore", "DIR", NULL, "folder of key files (default: ~/.posw/keystore)"},
    {"json", NULL, NULL, "print the result as JSON"},
    {NULL, NULL, NULL, NULL},
};

typedef struct {
    posw_jw *json; /* NULL: plain lines */
    size_t keys;
} listing;

static bool list_key(void *arg, const cli_key_file *f) {
    listing *l = arg;
    if (f->keystore == NULL) {
        fprintf(stderr, "note: %s\n", f->problem);
        return true;
    }
    l->keys++;
    if (l->json == NULL) {
        printf("%-42s  %s\n", f->has_address ? cli_show_address(&f->address).text : "?", f->path);
        return true;
    }
    posw_jw_object(l->json);
    if (f->has_address)
        posw_jw_kv_eip55(l->json, "address", &f->address);
    else
        posw_jw_kv_null(l->json, "address");
    posw_jw_kv_string(l->json, "path", f->path);
    posw_jw_object_end(l->json);
    return true;
}

static int list_json(const char *dir) {
    posw_buf b = {0};
    posw_jw w;
    listing l = {.json = &w};
    posw_jw_init(&w, &b);
    posw_jw_object(&w);
    posw_jw_kv_string(&w, "keystore", dir);
    posw_jw_key(&w, "keys");
    posw_jw_array(&w);
    int code = cli_keystore_scan(dir, list_key, &l);
    posw_jw_array_end(&w);
    posw_jw_object_end(&w);
    if (code == CLI_OK) return cli_print(&b);
    posw_buf_clear(&b);
    return code;
}

static int list_plain(const char *dir) {
    listing l = {0};
    int code = cli_keystore_scan(dir, list_key, &l);
    if (code == CLI_OK && l.keys == 0) fprintf(stderr, "no keys in %s; make one with 'posw wallet new'\n", dir);
    return code;
}

static int run_list(cli *c) {
    posw_buf dir = {0};
    int code = cli_keystore_dir(c, &dir);
    if (code == CLI_OK)
        code = cli_switch(c, "json") ? list_json((const char *)dir.data) : list_plain((const char *)dir.data);
    posw_buf_clear(&dir);
    return code;
}

const cli_command cli_command_wallet_list = {"wallet list",
                                             "[OPTIONS]",
                                             "list the keys of the keystore",
                                             "Prints the address and the file of each key. No password is needed.",
                                             "posw wallet list\nposw wallet list --keystore ./keys --json",
                                             list_options,
                                             0,
                                             0,
                                             run_list};

/* ---- export ---- */

static const cli_option export_options[] = {
    {"private-key", NULL, NULL, "print the private key itself (needs the password)"},
    CLI_KEY_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static int export_private_key(const cli *c, const posw_address *address) {
    uint8_t secret[32];
    char hex[65];
    posw_buf b = {0};
    int code = cli_key_unlock(c, address, secret);
    if (code != CLI_OK) return code;
    posw_hex_encode(hex, secret, sizeof secret);
    (void)posw_buf_reserve(&b, 128);
    posw_buf_printf(&b, "0x%s", hex);
    posw_wipe(secret, sizeof secret);
    posw_wipe(hex, sizeof hex);
    return cli_print_secret(&b);
}

static int export_file(const cli *c, const posw_address *address) {
    posw_buf path = {0}, text = {0};
    posw_message msg = {""};
    int code = cli_key_find(c, address, &path);
    if (code == CLI_OK && posw_file_read(&text, (const char *)path.data, POSW_KEYSTORE_JSON_MAX, &msg) != POSW_OK)
        code = cli_fail("%s", msg.text);
    posw_buf_clear(&path);
    while (text.size > 0 && text.data[text.size - 1] == '\n')
        text.size--;
    if (code == CLI_OK) return cli_print(&text);
    posw_buf_clear(&text);
    return code;
}

static int run_export(cli *c) {
    posw_address address;
    if (!cli_address(c, "the address", c->args[0], &address)) return CLI_USAGE;
    return cli_switch(c, "private-key") ? export_private_key(c, &address) : export_file(c, &address);
}

const cli_command cli_command_wallet_export = {
    "wallet export",
    "[OPTIONS] ADDRESS",
    "print a key for another program",
    "Prints the key file in JSON, still encrypted, which MetaMask, geth and ethers can read; or with --private-key the "
    "key itself.",
    "posw wallet export 0x… > mykey.json\nposw wallet export --private-key 0x…",
    export_options,
    1,
    1,
    run_export};
