/* posw wallet new, list, import, export */
#include "cli/commands.h"

#include "base/bytes.h"
#include "cli/keys.h"
#include "crypto/secp.h"
#include "io/file.h"
#include "io/runner.h"
#include "wallet/address.h"
#include "wallet/hd.h"
#include "wallet/key.h"
#include "wallet/mnemonic.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define LIGHT_OPTION \
    { "light", NULL, NULL, "weak but quick encryption of the key file (scrypt n = 4096), for tests and development" }

static const posw_keystore_kdf *chosen_kdf(const cli *c) {
    return cli_switch(c, "light") ? &POSW_KEYSTORE_LIGHT : &POSW_KEYSTORE_STANDARD;
}

/* Prints and wipes; not through stdio, whose buffer would keep a copy. */
static int print_secret(posw_buf *b) {
    posw_buf_byte(b, '\n');
    bool ok = !b->failed && fflush(stdout) == 0;
    for (size_t done = 0; ok && done < b->size;) {
        ssize_t put = write(STDOUT_FILENO, b->data + done, b->size - done);
        if (put < 0 && errno == EINTR) continue;
        ok = put > 0;
        if (ok) done += (size_t)put;
    }
    if (b->data != NULL) posw_wipe(b->data, b->capacity);
    posw_buf_clear(b);
    return ok ? CLI_OK : cli_fail("the output could not be written");
}

/* ---- new ---- */

static const cli_option new_options[] = {
    {"words", "N", "12", "words of the mnemonic, 12 or 24"},
    {"no-mnemonic", NULL, NULL, "a random key without a mnemonic; its file is the only copy"},
    LIGHT_OPTION,
    {"json", NULL, NULL, "print the result as JSON"},
    CLI_KEY_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

/* Fills the secret, and the mnemonic unless there shall be none (then ""). */
static int make_secret(const cli *c, uint8_t secret[32], char mnemonic[POSW_MNEMONIC_SIZE]) {
    mnemonic[0] = '\0';
    if (cli_switch(c, "no-mnemonic")) {
        do
            posw_random_bytes(secret, 32);
        while (!posw_secp_secret_valid(secret));
        return CLI_OK;
    }
    uint64_t words;
    if (!cli_u64(c, "words", 12, 24, &words)) return CLI_USAGE;
    if (words != 12 && words != 24) return cli_usage(c, "--words must be 12 or 24");
    uint8_t entropy[POSW_MNEMONIC_ENTROPY_MAX], seed[POSW_MNEMONIC_SEED_SIZE];
    posw_random_bytes(entropy, sizeof entropy);
    int err = posw_mnemonic_encode(mnemonic, entropy, (size_t)words / 3 * 4);
    if (err == POSW_OK) err = posw_mnemonic_seed(seed, mnemonic, NULL, NULL);
    if (err == POSW_OK) err = posw_hd_account(secret, NULL, seed, 0);
    posw_wipe(entropy, sizeof entropy);
    posw_wipe(seed, sizeof seed);
    return err == POSW_OK ? CLI_OK : cli_fail("a key could not be made: %s", posw_error_text(err));
}

static int show_new(const cli *c, const posw_address *address, const char *path, const char *mnemonic) {
    char text[POSW_EIP55_SIZE];
    posw_buf b = {0};
    posw_eip55_format(text, address);
    /* Room for everything at once, so that no copy of the mnemonic is left behind by growing. */
    (void)posw_buf_reserve(&b, 4096 + 2 * strlen(path));
    if (cli_switch(c, "json")) {
        posw_jw w;
        posw_jw_init(&w, &b);
        posw_jw_object(&w);
        posw_jw_kv_string(&w, "address", text);
        posw_jw_kv_string(&w, "path", path);
        if (mnemonic[0] != '\0') posw_jw_kv_string(&w, "mnemonic", mnemonic);
        posw_jw_object_end(&w);
        return print_secret(&b);
    }
    posw_buf_printf(&b, "address    %s\nkey file   %s", text, path);
    if (mnemonic[0] != '\0')
        posw_buf_printf(&b,
                        "\nmnemonic   %s\n\nWrite the mnemonic on paper and keep it secret: whoever has it has the "
                        "coins, and it is shown only now. The key file "
                        "is of use only with its password.",
                        mnemonic);
    else
        posw_buf_text(&b,
                      "\n\nKeep a copy of the key file and remember its password: without either the coins are lost.");
    return print_secret(&b);
}

static int run_new(cli *c) {
    char password[CLI_PASSWORD_SIZE], mnemonic[POSW_MNEMONIC_SIZE];
    uint8_t secret[32];
    posw_address address;
    posw_buf path = {0};
    int code = make_secret(c, secret, mnemonic);
    if (code == CLI_OK) code = cli_password(c, password, sizeof password, true);
    if (code == CLI_OK) code = cli_key_store(c, secret, password, chosen_kdf(c), &address, &path);
    if (code == CLI_OK) code = show_new(c, &address, (const char *)path.data, mnemonic);
    posw_wipe(password, sizeof password);
    posw_wipe(mnemonic, sizeof mnemonic);
    posw_wipe(secret, sizeof secret);
    posw_buf_clear(&path);
    return code;
}

const cli_command cli_command_wallet_new = {
    "wallet new",
    "[OPTIONS]",
    "make a new key",
    "Makes a mnemonic of 12 or 24 words, shows it once, and stores its first key (m/44'/60'/0'/0/0, as MetaMask does) "
    "in the keystore, encrypted "
    "with a password.",
    "posw wallet new\nposw wallet new --words 24 --password-file secret.txt --json",
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
    char text[POSW_EIP55_SIZE] = "?";
    if (f->keystore == NULL) {
        fprintf(stderr, "note: %s\n", f->problem);
        return true;
    }
    if (f->has_address) posw_eip55_format(text, &f->address);
    l->keys++;
    if (l->json == NULL) {
        printf("%-42s  %s\n", text, f->path);
        return true;
    }
    posw_jw_object(l->json);
    posw_jw_key(l->json, "address");
    if (f->has_address)
        posw_jw_string(l->json, text);
    else
        posw_jw_null(l->json);
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

/* ---- import ---- */

static const cli_option import_options[] = {
    {"mnemonic-file", "FILE", NULL, "take the key from the mnemonic in this file"},
    {"index", "N", "0", "which account of the mnemonic: m/44'/60'/0'/0/N"},
    {"key-file", "FILE", NULL, "take the private key from this file: 64 hexadecimal digits"},
    LIGHT_OPTION,
    {"json", NULL, NULL, "print the result as JSON"},
    CLI_KEY_OPTIONS,
    {NULL, NULL, NULL, NULL},
};

static int secret_of_mnemonic(const cli *c, uint8_t secret[32]) {
    char text[POSW_MNEMONIC_TEXT_MAX + 1];
    uint8_t seed[POSW_MNEMONIC_SEED_SIZE];
    posw_message msg = {""};
    uint64_t index;
    const char *path = cli_text(c, "mnemonic-file");
    if (!cli_u64(c, "index", 0, POSW_HD_HARDENED - 1, &index)) return CLI_USAGE;
    int code = cli_secret_file(text, sizeof text, "--mnemonic-file", path);
    if (code != CLI_OK) return code;
    int err = posw_mnemonic_seed(seed, text, NULL, &msg);
    if (err == POSW_OK) err = posw_hd_account(secret, NULL, seed, (uint32_t)index);
    posw_wipe(text, sizeof text);
    posw_wipe(seed, sizeof seed);
    return err == POSW_OK ? CLI_OK : cli_fail("%s: %s", path, msg.text[0] != '\0' ? msg.text : posw_error_text(err));
}

static int secret_of_key_file(const cli *c, uint8_t secret[32]) {
    char text[256];
    posw_message msg = {""};
    const char *path = cli_text(c, "key-file");
    int code = cli_secret_file(text, sizeof text, "--key-file", path);
    if (code != CLI_OK) return code;
    int err = posw_key_parse(secret, text, &msg);
    posw_wipe(text, sizeof text);
    return err == POSW_OK ? CLI_OK : cli_fail("%s: %s", path, msg.text);
}

/* A key file keeps its password, which is also the proof that it can be used. */
static int secret_of_keystore(const cli *c, uint8_t secret[32], char password[CLI_PASSWORD_SIZE]) {
    posw_keystore k;
    int code = cli_key_file_read(&k, c->args[0]);
    if (code == CLI_OK) code = cli_password(c, password, CLI_PASSWORD_SIZE, false);
    return code == CLI_OK ? cli_key_open(secret, NULL, &k, c->args[0], password) : code;
}

static int import_secret(const cli *c, uint8_t secret[32], char password[CLI_PASSWORD_SIZE]) {
    if (c->arg_count == 1) return secret_of_keystore(c, secret, password);
    int code = cli_given(c, "mnemonic-file") ? secret_of_mnemonic(c, secret) : secret_of_key_file(c, secret);
    return code == CLI_OK ? cli_password(c, password, CLI_PASSWORD_SIZE, true) : code;
}

static int show_imported(const cli *c, const posw_address *address, const char *path) {
    char text[POSW_EIP55_SIZE];
    posw_buf b = {0};
    posw_eip55_format(text, address);
    if (cli_switch(c, "json")) {
        posw_jw w;
        posw_jw_init(&w, &b);
        posw_jw_object(&w);
        posw_jw_kv_string(&w, "address", text);
        posw_jw_kv_string(&w, "path", path);
        posw_jw_object_end(&w);
    } else {
        posw_buf_printf(&b, "address    %s\nkey file   %s", text, path);
    }
    return cli_print(&b);
}

static int run_import(cli *c) {
    int sources = cli_given(c, "mnemonic-file") + cli_given(c, "key-file") + (int)c->arg_count;
    if (sources != 1) return cli_usage(c, "give one of --mnemonic-file FILE, --key-file FILE or a key file in JSON");
    if (cli_given(c, "index") && !cli_given(c, "mnemonic-file"))
        return cli_usage(c, "--index belongs to --mnemonic-file");
    char password[CLI_PASSWORD_SIZE];
    uint8_t secret[32];
    posw_address address;
    posw_buf path = {0};
    int code = import_secret(c, secret, password);
    if (code == CLI_OK) code = cli_key_store(c, secret, password, chosen_kdf(c), &address, &path);
    if (code == CLI_OK) code = show_imported(c, &address, (const char *)path.data);
    posw_wipe(password, sizeof password);
    posw_wipe(secret, sizeof secret);
    posw_buf_clear(&path);
    return code;
}

const cli_command cli_command_wallet_import = {
    "wallet import",
    "[OPTIONS] [KEYFILE]",
    "bring a key into the keystore",
    "Takes a key from a mnemonic, from a file with the raw private key, or from a key file in JSON as geth, ethers and "
    "MetaMask write it (its "
    "password stays), and stores it encrypted.",
    "posw wallet import --mnemonic-file words.txt --index 1\nposw wallet import --key-file key.txt\nposw wallet import "
    "UTC--2026-01-31T12-00-00.0Z--….json",
    import_options,
    0,
    1,
    run_import};

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
    return print_secret(&b);
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
