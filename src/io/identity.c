#include "io/identity.h"

#include "base/buf.h"
#include "base/bytes.h"
#include "crypto/keccak.h"
#include "io/file.h"
#include "io/runner.h"

#include <errno.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SEED_SIZE = 32, ID_SIZE = sizeof(posw_node_id), FILE_SIZE = 2 * SEED_SIZE + 1 + 2 * ID_SIZE + 1 };

struct posw_identity {
    EVP_PKEY *key;
    X509 *certificate;
    posw_node_id id;
};

bool posw_identity_id_of_key(posw_node_id *out, const EVP_PKEY *key) {
    uint8_t raw[32];
    size_t size = sizeof raw;
    posw_hash h;
    if (EVP_PKEY_get_id(key) != EVP_PKEY_ED25519 || EVP_PKEY_get_raw_public_key(key, raw, &size) != 1 ||
        size != sizeof raw)
        return false;
    posw_keccak256(&h, raw, sizeof raw);
    memcpy(out->b, h.b, sizeof out->b);
    return true;
}

/* Everything in it but the key is the same for all nodes and for ever: nobody looks at names or dates, and it must not
 * tell one node's clock or software from another's. */
static bool fill_certificate(X509 *c, EVP_PKEY *key) {
    X509_NAME *name = X509_get_subject_name(c);
    return X509_set_version(c, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(c), 1) == 1 &&
           ASN1_TIME_set_string(X509_getm_notBefore(c), "20000101000000Z") == 1 &&
           ASN1_TIME_set_string(X509_getm_notAfter(c), "99991231235959Z") == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"posw", -1, -1, 0) == 1 &&
           X509_set_issuer_name(c, name) == 1 && X509_set_pubkey(c, key) == 1 && X509_sign(c, key, NULL) > 0;
}

int posw_identity_from_seed(posw_identity **out, const uint8_t seed[32]) {
    posw_identity *id = calloc(1, sizeof *id);
    if (id == NULL) return POSW_ENOMEM;
    id->key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, SEED_SIZE);
    id->certificate = X509_new();
    if (id->key == NULL || id->certificate == NULL || !posw_identity_id_of_key(&id->id, id->key) ||
        !fill_certificate(id->certificate, id->key)) {
        posw_identity_free(id);
        return POSW_ENOMEM;
    }
    *out = id;
    return POSW_OK;
}

int posw_identity_new(posw_identity **out) {
    uint8_t seed[SEED_SIZE];
    posw_random_bytes(seed, sizeof seed);
    int err = posw_identity_from_seed(out, seed);
    posw_wipe(seed, sizeof seed);
    return err;
}

void posw_identity_free(posw_identity *id) {
    if (id == NULL) return;
    EVP_PKEY_free(id->key); /* wipes it */
    X509_free(id->certificate);
    free(id);
}

posw_node_id posw_identity_node_id(const posw_identity *id) {
    return id->id;
}

EVP_PKEY *posw_identity_key(const posw_identity *id) {
    return id->key;
}

X509 *posw_identity_certificate(const posw_identity *id) {
    return id->certificate;
}

bool posw_identity_fingerprint(uint8_t out[POSW_FINGERPRINT_SIZE], const posw_identity *id) {
    return X509_digest(id->certificate, EVP_sha256(), out, NULL) == 1;
}

/* ---- The file: the seed, a space, the node id that it must give, a line feed. The id makes damage known. ---- */

static int damaged(posw_message *msg, const char *path) {
    return posw_message_set(
        msg, POSW_ECORRUPT,
        "%.300s is not a node key or is damaged; restore it from a copy, or delete it and the node gets a new id",
        path);
}

static int parse(posw_identity **out, posw_bytes text, const char *path, posw_message *msg) {
    uint8_t seed[SEED_SIZE];
    posw_node_id id;
    posw_identity *made;
    const char *t = (const char *)text.data;
    if (text.size != FILE_SIZE || t[2 * SEED_SIZE] != ' ' || t[FILE_SIZE - 1] != '\n' ||
        !posw_hex_decode(id.b, sizeof id.b, t + 2 * SEED_SIZE + 1, 2 * sizeof id.b) ||
        !posw_hex_decode(seed, sizeof seed, t, 2 * sizeof seed))
        return damaged(msg, path);
    int err = posw_identity_from_seed(&made, seed);
    posw_wipe(seed, sizeof seed);
    if (err != POSW_OK) return posw_message_set(msg, err, "%s", posw_error_text(err));
    if (memcmp(&made->id, &id, sizeof id) != 0) {
        posw_identity_free(made);
        return damaged(msg, path);
    }
    *out = made;
    return POSW_OK;
}

static int check_mode(const char *path, posw_message *msg) {
    struct stat st;
    if (stat(path, &st) != 0) return posw_file_error(msg, errno, "look at", path);
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) == 0) return POSW_OK;
    return posw_message_set(msg, POSW_EAUTH,
                            "the node key %.200s can be read by other users of this machine; run: chmod 600 '%.200s'",
                            path, path);
}

static int read_key(posw_identity **out, const char *path, posw_message *msg) {
    posw_buf text = {0};
    int err = check_mode(path, msg);
    if (err == POSW_OK) err = posw_file_read(&text, path, FILE_SIZE, msg);
    if (err == POSW_EFULL)
        err = damaged(msg, path);
    else if (err == POSW_OK)
        err = parse(out, posw_buf_view(&text), path, msg);
    posw_wipe(text.data, text.capacity);
    posw_buf_clear(&text);
    return err;
}

static int create_key(const char *path, posw_message *msg) {
    uint8_t seed[SEED_SIZE];
    char text[FILE_SIZE + 1];
    posw_identity *id;
    posw_random_bytes(seed, sizeof seed);
    int err = posw_identity_from_seed(&id, seed);
    if (err != POSW_OK) return posw_message_set(msg, err, "%s", posw_error_text(err));
    posw_hex_encode(text, seed, sizeof seed);
    text[2 * SEED_SIZE] = ' ';
    posw_hex_encode(text + 2 * SEED_SIZE + 1, id->id.b, sizeof id->id.b);
    text[FILE_SIZE - 1] = '\n';
    err = posw_file_create(path, text, FILE_SIZE, 0600, msg);
    posw_wipe(seed, sizeof seed);
    posw_wipe(text, sizeof text);
    posw_identity_free(id);
    return err == POSW_EEXIST ? POSW_OK : err; /* somebody else was quicker: that key is read */
}

int posw_identity_open(posw_identity **out, const char *path, posw_message *msg) {
    struct stat st;
    if (lstat(path, &st) != 0) {
        if (errno != ENOENT) return posw_file_error(msg, errno, "look at", path);
        int err = create_key(path, msg);
        if (err != POSW_OK) return err;
    }
    return read_key(out, path, msg);
}
