/* The keystore: a folder of key files, one a key, named as geth names them. */
#include "cli/keys.h"

#include "base/bytes.h"
#include "cli/book.h"
#include "io/file.h"
#include "io/runner.h"
#include "wallet/address.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { HEX_ADDRESS = 2 * POSW_ADDRESS_SIZE };

static int end_text(posw_buf *b) {
    posw_buf_byte(b, 0);
    return b->failed ? cli_fail("out of memory") : CLI_OK;
}

int cli_keystore_dir(const cli *c, posw_buf *out) {
    const char *dir = cli_text(c, "keystore");
    posw_buf_reset(out);
    if (dir != NULL) {
        posw_buf_text(out, dir);
        return end_text(out);
    }
    return cli_home_path(out, "keystore");
}

/* ---- reading ---- */

static int decode_file(posw_keystore *out, const char *path, posw_message *problem) {
    posw_buf text = {0};
    posw_message msg = {""};
    int err = posw_file_read(&text, path, POSW_KEYSTORE_JSON_MAX, problem);
    if (err == POSW_OK) {
        err = posw_keystore_decode(out, (const char *)text.data, text.size, &msg);
        if (err != POSW_OK) (void)posw_message_set(problem, err, "%.200s: %.300s", path, msg.text);
    }
    posw_buf_clear(&text);
    return err;
}

int cli_key_file_read(posw_keystore *out, const char *path) {
    posw_message problem = {""};
    return decode_file(out, path, &problem) == POSW_OK ? CLI_OK : cli_fail("%s", problem.text);
}

/* geth's names end with the address. */
static bool address_of_name(posw_address *out, const char *path) {
    size_t size = strlen(path);
    if (size < HEX_ADDRESS + 2 || memcmp(path + size - HEX_ADDRESS - 2, "--", 2) != 0) return false;
    return posw_hex_decode(out->b, sizeof out->b, path + size - HEX_ADDRESS, HEX_ADDRESS);
}

static int is_candidate(const struct dirent *e) {
    size_t size = strlen(e->d_name);
    return e->d_name[0] != '.' && e->d_name[size - 1] != '~' && e->d_type != DT_DIR;
}

static bool visit_file(const char *path, bool (*visit)(void *arg, const cli_key_file *f), void *arg) {
    posw_keystore keystore;
    posw_message problem = {""};
    cli_key_file f = {.path = path};
    if (decode_file(&keystore, path, &problem) == POSW_OK)
        f.keystore = &keystore;
    else
        f.problem = problem.text;
    f.has_address = address_of_name(&f.address, path);
    if (f.keystore != NULL && keystore.has_address) {
        f.has_address = true;
        f.address = keystore.address;
    }
    return visit(arg, &f);
}

int cli_keystore_scan(const char *dir, bool (*visit)(void *arg, const cli_key_file *f), void *arg) {
    struct dirent **names = NULL;
    int count = scandir(dir, &names, is_candidate, alphasort);
    if (count < 0 && errno == ENOENT) return CLI_OK;
    if (count < 0) {
        posw_message msg = {""};
        (void)posw_file_error(&msg, errno, "read the folder", dir);
        return cli_fail("%s", msg.text);
    }
    posw_buf path = {0};
    int code = CLI_OK;
    bool more = true;
    for (int i = 0; i < count; i++) {
        posw_buf_reset(&path);
        posw_buf_printf(&path, "%s/%s", dir, names[i]->d_name);
        if (code == CLI_OK) code = end_text(&path);
        if (more && code == CLI_OK) more = visit_file((const char *)path.data, visit, arg);
        free(names[i]);
    }
    free(names);
    posw_buf_clear(&path);
    return code;
}

/* ---- finding ---- */

typedef struct {
    const posw_address *address;
    bool found;
    posw_keystore keystore;
    posw_buf path;        /* of the file found */
    posw_message problem; /* of a file that cannot be used; one that is named after the address rather than others */
    bool problem_is_ours;
} search;

static bool on_file(void *arg, const cli_key_file *f) {
    search *s = arg;
    bool ours = f->has_address && posw_address_equal(&f->address, s->address);
    if (f->keystore == NULL) {
        if (s->problem.text[0] == '\0' || (ours && !s->problem_is_ours)) {
            (void)posw_message_set(&s->problem, POSW_OK, "%s", f->problem);
            s->problem_is_ours = ours;
        }
        return true;
    }
    if (!ours) return true;
    s->found = true;
    s->keystore = *f->keystore;
    posw_buf_reset(&s->path);
    posw_buf_text(&s->path, f->path);
    posw_buf_byte(&s->path, 0);
    return false;
}

static int not_found(const search *s, const char *dir) {
    char address[POSW_EIP55_SIZE];
    posw_eip55_format(address, s->address);
    if (s->problem_is_ours)
        return cli_fail("the key file of %s cannot be used: %s; put a backup of it in its place", address,
                        s->problem.text);
    if (s->problem.text[0] != '\0')
        return cli_fail("there is no key of %s in %s, but one file there cannot be used: %s", address, dir,
                        s->problem.text);
    return cli_fail(
        "there is no key of %s in %s; bring it in with 'posw wallet import', or name another folder with --keystore",
        address, dir);
}

/* s->address is set; the caller clears s->path. */
static int find(const cli *c, search *s) {
    posw_buf dir = {0};
    int code = cli_keystore_dir(c, &dir);
    if (code == CLI_OK) code = cli_keystore_scan((const char *)dir.data, on_file, s);
    if (code == CLI_OK && s->path.failed) code = cli_fail("out of memory");
    if (code == CLI_OK && !s->found) code = not_found(s, (const char *)dir.data);
    posw_buf_clear(&dir);
    return code;
}

int cli_key_find(const cli *c, const posw_address *address, posw_buf *path) {
    search s = {.address = address};
    int code = find(c, &s);
    if (code == CLI_OK && path != NULL) {
        posw_buf_reset(path);
        posw_buf_append(path, s.path.data, s.path.size);
        if (path->failed) code = cli_fail("out of memory");
    }
    posw_buf_clear(&s.path);
    return code;
}

/* ---- opening ---- */

int cli_key_open(uint8_t secret[32], posw_address *address, const posw_keystore *k, const char *path,
                 const char *password) {
    posw_message msg = {""};
    int err = posw_keystore_open(secret, address, k, password, strlen(password), &msg);
    if (err == POSW_EAUTH) return cli_fail("%s: %s; try again, or use a backup of the file", path, msg.text);
    return err == POSW_OK ? CLI_OK : cli_fail("%s: %s", path, msg.text[0] != '\0' ? msg.text : posw_error_text(err));
}

static int open_found(const cli *c, const search *s, uint8_t secret[32]) {
    char password[CLI_PASSWORD_SIZE];
    posw_address address;
    int code = cli_password(c, password, sizeof password, false);
    if (code != CLI_OK) return code;
    code = cli_key_open(secret, &address, &s->keystore, (const char *)s->path.data, password);
    posw_wipe(password, sizeof password);
    if (code == CLI_OK && !posw_address_equal(&address, s->address)) {
        posw_wipe(secret, 32);
        return cli_fail("%s holds the key of another address than its name says; rename it",
                        (const char *)s->path.data);
    }
    return code;
}

int cli_key_unlock(const cli *c, const posw_address *address, uint8_t secret[32]) {
    search s = {.address = address};
    int code = find(c, &s);
    if (code == CLI_OK) code = open_found(c, &s, secret);
    posw_buf_clear(&s.path);
    return code;
}

/* ---- storing ---- */

static void append_name(posw_buf *path, const posw_address *address) {
    struct timespec ts;
    struct tm tm;
    char hex[HEX_ADDRESS + 1];
    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    posw_hex_encode(hex, address->b, sizeof address->b);
    posw_buf_printf(path, "/UTC--%04d-%02d-%02dT%02d-%02d-%02d.%09ldZ--%s", tm.tm_year + 1900, tm.tm_mon + 1,
                    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ts.tv_nsec, hex);
}

int cli_key_is_there(const cli *c, const posw_address *address, bool *there, posw_buf *path) {
    search s = {.address = address};
    posw_buf dir = {0};
    int code = cli_keystore_dir(c, &dir);
    if (code == CLI_OK) code = cli_keystore_scan((const char *)dir.data, on_file, &s);
    *there = s.found;
    posw_buf_clear(&dir);
    posw_buf_clear(path);
    *path = s.path;
    return code == CLI_OK && s.path.failed ? cli_fail("out of memory") : code;
}

static int refuse_second(const cli *c, const posw_address *address) {
    bool there;
    posw_buf path = {0};
    char text[POSW_EIP55_SIZE];
    posw_eip55_format(text, address);
    int code = cli_key_is_there(c, address, &there, &path);
    if (code == CLI_OK && there)
        code = cli_fail("the key of %s is in the keystore already: %s", text, (const char *)path.data);
    posw_buf_clear(&path);
    return code;
}

static int write_key(const char *dir, const posw_keystore *k, posw_buf *path) {
    posw_buf json = {0};
    posw_message msg = {""};
    posw_buf_reset(path);
    posw_buf_text(path, dir);
    append_name(path, &k->address);
    int code = end_text(path);
    int err = posw_keystore_encode(&json, k);
    posw_buf_byte(&json, '\n');
    if (code == CLI_OK && (err != POSW_OK || json.failed)) code = cli_fail("out of memory");
    if (code == CLI_OK && (posw_file_make_directories(dir, 0700, &msg) != POSW_OK ||
                           posw_file_create((const char *)path->data, json.data, json.size, 0600, &msg) != POSW_OK))
        code = cli_fail("%s", msg.text);
    posw_buf_clear(&json);
    return code;
}

int cli_key_store(const cli *c, const uint8_t secret[32], const char *password, const posw_keystore_kdf *kdf,
                  posw_address *address, posw_buf *path) {
    posw_keystore_random random;
    posw_keystore k;
    posw_message msg = {""};
    posw_buf dir = {0};
    posw_random_bytes(&random, sizeof random);
    int code = cli_keystore_dir(c, &dir);
    int err = code != CLI_OK ? POSW_OK : posw_keystore_seal(&k, secret, password, strlen(password), kdf, &random, &msg);
    if (err != POSW_OK)
        code = cli_fail("the key cannot be encrypted: %s", msg.text[0] != '\0' ? msg.text : posw_error_text(err));
    if (code == CLI_OK) code = refuse_second(c, &k.address);
    if (code == CLI_OK) code = write_key((const char *)dir.data, &k, path);
    if (code == CLI_OK) *address = k.address;
    posw_buf_clear(&dir);
    return code;
}
