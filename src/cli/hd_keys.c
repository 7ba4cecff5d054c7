#include "cli/hd_keys.h"

#include "base/bytes.h"
#include "cli/book.h"
#include "crypto/secp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const posw_keystore_kdf *cli_chosen_kdf(const cli *c) {
    return cli_switch(c, "light") ? &POSW_KEYSTORE_LIGHT : &POSW_KEYSTORE_STANDARD;
}

void cli_stored_keys_clear(cli_stored_keys *list) {
    for (size_t i = 0; i < list->count; i++)
        posw_buf_clear(&list->keys[i].path);
    free(list->keys);
    *list = (cli_stored_keys){0};
}

int cli_hd_choose(const cli *c, cli_hd_choice *out) {
    posw_message msg = {""};
    if (posw_hd_path_parse(&out->first, cli_text(c, "path"), &msg) != POSW_OK)
        return cli_usage(c, "--path '%s' is %s", cli_text(c, "path"), msg.text);
    if (out->first.depth == 0) return cli_usage(c, "--path m is the master key itself, which no wallet uses");
    return cli_u64(c, "count", 1, CLI_HD_COUNT_MAX, &out->count) ? CLI_OK : CLI_USAGE;
}

/* ---- storing ---- */

static cli_stored_key *one_more(cli_stored_keys *list) {
    cli_stored_key *keys = realloc(list->keys, (list->count + 1) * sizeof *keys);
    if (keys == NULL) return NULL;
    list->keys = keys;
    keys[list->count] = (cli_stored_key){0};
    return &keys[list->count++];
}

int cli_key_store_one(const cli *c, const uint8_t secret[32], const char *password, cli_stored_keys *out) {
    cli_stored_key *k = one_more(out);
    if (k == NULL) return cli_fail("out of memory");
    return cli_key_store(c, secret, password, cli_chosen_kdf(c), &k->address, &k->path);
}

/* Key number i of those that were chosen. */
static int store_derived(const cli *c, const cli_hd_choice *choice, uint32_t i, const posw_hd_key *master,
                         const char *password, cli_stored_keys *out) {
    posw_hd_path path = choice->first;
    uint32_t *last = &path.index[path.depth - 1];
    posw_hd_key key;
    posw_address address;
    cli_stored_key *k = NULL;
    if (POSW_HD_HARDENED - 1 - (*last & ~POSW_HD_HARDENED) < i)
        return cli_usage(c, "--path and --count go beyond the last key, whose number is 2147483647");
    *last += i;
    int err = posw_hd_derive(&key, master, &path);
    if (err == POSW_OK && !posw_secp_address(&address, key.secret)) err = POSW_EINVAL;
    int code = err == POSW_OK ? CLI_OK : cli_fail("a key could not be made: %s", posw_error_text(err));
    if (code == CLI_OK && (k = one_more(out)) == NULL) code = cli_fail("out of memory");
    if (code == CLI_OK) {
        k->address = address;
        (void)posw_hd_path_format(k->derivation, &path);
        if (choice->count > 1) code = cli_key_is_there(c, &address, &k->was_there, &k->path);
    }
    if (code == CLI_OK && !k->was_there)
        code = cli_key_store(c, key.secret, password, cli_chosen_kdf(c), &k->address, &k->path);
    posw_hd_key_clear(&key);
    return code;
}

int cli_hd_store(const cli *c, const cli_hd_choice *choice, const uint8_t seed[64], const char *password,
                 cli_stored_keys *out) {
    posw_hd_key master;
    const int err = posw_hd_master(&master, seed, POSW_HD_SEED_MAX);
    int code = err == POSW_OK ? CLI_OK : cli_fail("a key could not be made: %s", posw_error_text(err));
    for (uint32_t i = 0; code == CLI_OK && i < choice->count; i++)
        code = store_derived(c, choice, i, &master, password, out);
    posw_wipe(&master, sizeof master);
    return code;
}

/* ---- showing ---- */

void cli_stored_keys_text(posw_buf *b, const cli_stored_keys *list) {
    for (size_t i = 0; i < list->count; i++) {
        const cli_stored_key *k = &list->keys[i];
        posw_buf_printf(b, "%saddress    %s\nkey file   %s%s", i > 0 ? "\n\n" : "", cli_show_address(&k->address).text,
                        (const char *)k->path.data, k->was_there ? " (it was there)" : "");
        if (k->derivation[0] != '\0') posw_buf_printf(b, "\nderivation %s", k->derivation);
    }
}

static void key_json(posw_jw *w, const cli_stored_key *k) {
    posw_jw_kv_eip55(w, "address", &k->address);
    posw_jw_kv_string(w, "path", (const char *)k->path.data);
    if (k->derivation[0] != '\0') posw_jw_kv_string(w, "derivation", k->derivation);
}

void cli_stored_keys_json(posw_jw *w, const cli_stored_keys *list) {
    key_json(w, &list->keys[0]);
    if (list->count == 1) return;
    posw_jw_key(w, "keys");
    posw_jw_array(w);
    for (size_t i = 0; i < list->count; i++) {
        posw_jw_object(w);
        key_json(w, &list->keys[i]);
        posw_jw_object_end(w);
    }
    posw_jw_array_end(w);
}

int cli_print_secret(posw_buf *b) {
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
