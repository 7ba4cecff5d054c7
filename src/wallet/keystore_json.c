/* The text form of key files: strict reading with jansson, writing with base/json_writer. */
#include "base/bytes.h"
#include "base/json_writer.h"
#include "wallet/keystore.h"

#include <jansson.h>
#include <stdio.h>

enum { UUID_TEXT_SIZE = 36 };

/* An object of the file and its name for messages, with the error that sticks once something is wrong. */
typedef struct {
    const json_t *object;
    const char *name;
    posw_message *msg;
    int error;
} reader;

static const json_t *find(reader *r, const char *name) {
    if (r->error) return NULL;
    const json_t *value = json_object_get(r->object, name);
    if (!value)
        r->error = posw_message_set(
            r->msg, POSW_EPARSE, "the key file has no \"%s\" in %s; it is not a complete Web3 key file", name, r->name);
    return value;
}

static reader enter(reader *outer, const char *name) {
    const json_t *object = find(outer, name);
    if (object && !json_is_object(object))
        outer->error = posw_message_set(outer->msg, POSW_EPARSE, "\"%s\" in the key file is not an object", name);
    return (reader){.object = object, .name = name, .msg = outer->msg, .error = outer->error};
}

/* A string member, NULL after an error. */
static const char *read_text(reader *r, const char *name) {
    const json_t *value = find(r, name);
    if (!value) return NULL;
    if (!json_is_string(value)) {
        r->error = posw_message_set(r->msg, POSW_EPARSE, "\"%s\" in the key file is not a text", name);
        return NULL;
    }
    return json_string_value(value);
}

/* A string member that must be `expected`. */
static void read_constant(reader *r, const char *name, const char *expected) {
    const char *text = read_text(r, name);
    if (text && strcmp(text, expected) != 0)
        r->error = posw_message_set(r->msg, POSW_EUNSUPPORTED, "the key file's \"%s\" is not supported; only %s is",
                                    name, expected);
}

/* Hexadecimal of `min` to `max` bytes; returns the number of bytes. */
static size_t read_hex(reader *r, uint8_t *out, size_t min, size_t max, const char *name) {
    const char *text = read_text(r, name);
    if (!text) return 0;
    size_t digits = strlen(text), size = digits / 2;
    if (digits % 2 != 0 || size < min || size > max || !posw_hex_decode(out, size, text, digits)) {
        if (min == max)
            r->error = posw_message_set(r->msg, POSW_EPARSE, "\"%s\" in the key file is not %zu hexadecimal digits",
                                        name, 2 * max);
        else
            r->error = posw_message_set(
                r->msg, POSW_EPARSE, "\"%s\" in the key file is not %zu to %zu bytes in hexadecimal", name, min, max);
        return 0;
    }
    return size;
}

static uint32_t read_number(reader *r, const char *name) {
    const json_t *value = find(r, name);
    if (!value) return 0;
    if (!json_is_integer(value)) {
        r->error = posw_message_set(r->msg, POSW_EPARSE, "\"%s\" in the key file is not an integer", name);
        return 0;
    }
    json_int_t v = json_integer_value(value);
    if (v < 0 || v > UINT32_MAX) {
        r->error = posw_message_set(r->msg, POSW_ERANGE, "\"%s\" in the key file is out of range", name);
        return 0;
    }
    return (uint32_t)v;
}

/* 8-4-4-4-12 digits */
static bool parse_uuid(uint8_t out[16], const char *text) {
    char digits[32];
    size_t n = 0;
    if (strnlen(text, UUID_TEXT_SIZE + 1) != UUID_TEXT_SIZE) return false;
    for (size_t i = 0; i < UUID_TEXT_SIZE; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (text[i] == '-')) return false;
        if (!dash) digits[n++] = text[i];
    }
    return posw_hex_decode(out, 16, digits, sizeof digits);
}

static void format_uuid(char out[UUID_TEXT_SIZE + 1], const uint8_t uuid[16]) {
    char digits[33];
    posw_hex_encode(digits, uuid, 16);
    snprintf(out, UUID_TEXT_SIZE + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8, digits + 12, digits + 16,
             digits + 20);
}

static void read_kdf(reader *crypto, posw_keystore *out) {
    const char *kdf = read_text(crypto, "kdf");
    reader params = enter(crypto, "kdfparams");
    if (!kdf || params.error) return;
    if (strcmp(kdf, "scrypt") == 0) {
        out->kdf.kind = POSW_KEYSTORE_SCRYPT;
        out->kdf.n = read_number(&params, "n");
        out->kdf.r = read_number(&params, "r");
        out->kdf.p = read_number(&params, "p");
    } else if (strcmp(kdf, "pbkdf2") == 0) {
        out->kdf.kind = POSW_KEYSTORE_PBKDF2;
        out->kdf.rounds = read_number(&params, "c");
        read_constant(&params, "prf", "hmac-sha256");
    } else {
        crypto->error = posw_message_set(crypto->msg, POSW_EUNSUPPORTED,
                                         "the key file's \"kdf\" is not supported; only scrypt and pbkdf2 are");
        return;
    }
    uint32_t size = read_number(&params, "dklen");
    out->salt_size = read_hex(&params, out->salt, 1, sizeof out->salt, "salt");
    if (!params.error && size != 32)
        params.error = posw_message_set(params.msg, POSW_EUNSUPPORTED,
                                        "the key file's \"dklen\" is %u; only 32 is supported", size);
    if (!params.error) params.error = posw_keystore_kdf_check(&out->kdf, params.msg);
    crypto->error = params.error;
}

/* The members "id" and "address", which some programs leave out. */
static void read_optional(reader *root, posw_keystore *out) {
    if (!root->error && json_object_get(root->object, "id")) {
        const char *text = read_text(root, "id");
        if (text && !parse_uuid(out->uuid, text))
            root->error = posw_message_set(root->msg, POSW_EPARSE, "\"id\" in the key file is not a UUID");
        out->has_uuid = true;
    }
    if (!root->error && json_object_get(root->object, "address")) {
        const char *text = read_text(root, "address");
        if (!text) return;
        if (text[0] == '0' && text[1] == 'x') text += 2;
        if (!posw_hex_decode(out->address.b, sizeof out->address.b, text, strlen(text)))
            root->error = posw_message_set(root->msg, POSW_EPARSE, "\"address\" in the key file is not an address");
        out->has_address = true;
    }
}

static void read_keystore(reader *root, posw_keystore *out) {
    const json_t *version = find(root, "version");
    if (version && !(json_is_integer(version) && json_integer_value(version) == 3)) {
        root->error = posw_message_set(root->msg, POSW_EUNSUPPORTED,
                                       "the key file's \"version\" is not 3, the only one supported");
        return;
    }
    bool small = json_object_get(root->object, "crypto"), capital = json_object_get(root->object, "Crypto");
    if (small && capital) {
        root->error = posw_message_set(root->msg, POSW_EPARSE, "the key file has both \"crypto\" and \"Crypto\"");
        return;
    }
    reader crypto = enter(root, capital ? "Crypto" : "crypto");
    read_constant(&crypto, "cipher", "aes-128-ctr");
    reader cipher = enter(&crypto, "cipherparams");
    read_hex(&cipher, out->iv, sizeof out->iv, sizeof out->iv, "iv");
    crypto.error = cipher.error;
    read_hex(&crypto, out->ciphertext, sizeof out->ciphertext, sizeof out->ciphertext, "ciphertext");
    read_hex(&crypto, out->mac, sizeof out->mac, sizeof out->mac, "mac");
    read_kdf(&crypto, out);
    root->error = crypto.error;
    read_optional(root, out);
}

int posw_keystore_decode(posw_keystore *out, const char *json, size_t size, posw_message *msg) {
    if (size > POSW_KEYSTORE_JSON_MAX)
        return posw_message_set(msg, POSW_EPARSE, "the key file is larger than %d bytes: it is not a Web3 key file",
                                POSW_KEYSTORE_JSON_MAX);
    json_error_t where;
    json_t *json_root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &where);
    if (!json_root) {
        if (json_error_code(&where) == json_error_out_of_memory)
            return posw_message_set(msg, POSW_ENOMEM, "out of memory");
        /* The parser's own sentence may quote the file, which may be a bare key given by mistake. */
        return posw_message_set(msg, POSW_EPARSE, "the key file is not valid JSON (line %d, column %d)", where.line,
                                where.column);
    }
    posw_keystore k = {0};
    reader root = {.object = json_root, .name = "its top level", .msg = msg};
    if (json_is_object(json_root))
        read_keystore(&root, &k);
    else
        root.error = posw_message_set(msg, POSW_EPARSE, "the key file is not a JSON object: it is not a Web3 key file");
    json_decref(json_root);
    if (root.error == POSW_OK) *out = k;
    return root.error;
}

static void kv_hex(posw_jw *w, const char *key, const uint8_t *data, size_t size) {
    char text[2 * POSW_KEYSTORE_SALT_MAX + 1];
    POSW_ASSERT(size <= POSW_KEYSTORE_SALT_MAX);
    posw_hex_encode(text, data, size);
    posw_jw_kv_string(w, key, text);
}

static void write_crypto(posw_jw *w, const posw_keystore *k) {
    posw_jw_object(w);
    posw_jw_kv_string(w, "cipher", "aes-128-ctr");
    posw_jw_key(w, "cipherparams");
    posw_jw_object(w);
    kv_hex(w, "iv", k->iv, sizeof k->iv);
    posw_jw_object_end(w);
    kv_hex(w, "ciphertext", k->ciphertext, sizeof k->ciphertext);
    posw_jw_kv_string(w, "kdf", k->kdf.kind == POSW_KEYSTORE_SCRYPT ? "scrypt" : "pbkdf2");
    posw_jw_key(w, "kdfparams");
    posw_jw_object(w);
    posw_jw_kv_u64(w, "dklen", 32);
    switch (k->kdf.kind) {
    case POSW_KEYSTORE_SCRYPT:
        posw_jw_kv_u64(w, "n", k->kdf.n);
        posw_jw_kv_u64(w, "p", k->kdf.p);
        posw_jw_kv_u64(w, "r", k->kdf.r);
        break;
    case POSW_KEYSTORE_PBKDF2:
        posw_jw_kv_u64(w, "c", k->kdf.rounds);
        posw_jw_kv_string(w, "prf", "hmac-sha256");
        break;
    }
    kv_hex(w, "salt", k->salt, k->salt_size);
    posw_jw_object_end(w);
    kv_hex(w, "mac", k->mac, sizeof k->mac);
    posw_jw_object_end(w);
}

int posw_keystore_encode(posw_buf *out, const posw_keystore *keystore) {
    posw_buf text = {0};
    posw_jw w;
    posw_jw_init(&w, &text);
    posw_jw_object(&w);
    if (keystore->has_address) kv_hex(&w, "address", keystore->address.b, sizeof keystore->address.b);
    posw_jw_key(&w, "crypto");
    write_crypto(&w, keystore);
    if (keystore->has_uuid) {
        char uuid[UUID_TEXT_SIZE + 1];
        format_uuid(uuid, keystore->uuid);
        posw_jw_kv_string(&w, "id", uuid);
    }
    posw_jw_kv_u64(&w, "version", 3);
    posw_jw_object_end(&w);

    /* Reserved first: a failure leaves the caller's text as it was. */
    bool done = !text.failed && posw_buf_reserve(out, text.size);
    if (done) posw_buf_append(out, text.data, text.size);
    posw_buf_clear(&text);
    return done ? POSW_OK : POSW_ENOMEM;
}
