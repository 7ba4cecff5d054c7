#include "wallet/hd.h"

#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/secp.h"

#include <stdio.h>

static const char MASTER_KEY[] = "Bitcoin seed"; /* BIP-32 has one name for all chains */

static int path_error(posw_message *msg) {
    return posw_message_set(msg, POSW_EPARSE,
                            "not a derivation path: write it like %s, with at most %d numbers below 2147483648",
                            POSW_HD_DEFAULT_PATH, POSW_HD_DEPTH_MAX);
}

/* One index at *text, which is moved behind it. */
static bool parse_index(uint32_t *out, const char **text) {
    const char *p = *text;
    uint32_t value = 0;
    if (*p < '0' || *p > '9') return false;
    if (p[0] == '0' && p[1] >= '0' && p[1] <= '9') return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (value > (POSW_HD_HARDENED - 1) / 10) return false;
        value = value * 10 + (uint32_t)(*p - '0');
        if (value >= POSW_HD_HARDENED) return false;
    }
    if (*p == '\'' || *p == 'h' || *p == 'H') {
        value |= POSW_HD_HARDENED;
        p++;
    }
    *out = value;
    *text = p;
    return true;
}

int posw_hd_path_parse(posw_hd_path *out, const char *text, posw_message *msg) {
    posw_hd_path path = {.depth = 0};
    if (*text++ != 'm') return path_error(msg);
    while (*text == '/') {
        text++;
        if (path.depth == POSW_HD_DEPTH_MAX) return path_error(msg);
        if (!parse_index(&path.index[path.depth++], &text)) return path_error(msg);
    }
    if (*text) return path_error(msg);
    *out = path;
    return POSW_OK;
}

size_t posw_hd_path_format(char out[POSW_HD_PATH_SIZE], const posw_hd_path *path) {
    POSW_ASSERT(path->depth <= POSW_HD_DEPTH_MAX);
    size_t size = 1;
    out[0] = 'm';
    out[1] = 0;
    for (size_t i = 0; i < path->depth; i++) {
        uint32_t index = path->index[i];
        size += (size_t)snprintf(out + size, POSW_HD_PATH_SIZE - size, "/%u%s", index & ~POSW_HD_HARDENED,
                                 index & POSW_HD_HARDENED ? "'" : "");
    }
    return size;
}

int posw_hd_master(posw_hd_key *out, const uint8_t *seed, size_t seed_size) {
    if (seed_size < POSW_HD_SEED_MIN || seed_size > POSW_HD_SEED_MAX) return POSW_EINVAL;
    uint8_t i[64];
    int error = POSW_ERANGE;
    posw_hmac_sha512(i, MASTER_KEY, sizeof MASTER_KEY - 1, seed, seed_size);
    if (posw_secp_secret_valid(i)) {
        memcpy(out->secret, i, 32);
        memcpy(out->chain_code, i + 32, 32);
        error = POSW_OK;
    }
    posw_wipe(i, sizeof i);
    return error;
}

int posw_hd_child(posw_hd_key *out, const posw_hd_key *parent, uint32_t index) {
    uint8_t data[37], i[64], secret[32];
    int error = POSW_ERANGE;
    if (index & POSW_HD_HARDENED) {
        data[0] = 0;
        memcpy(data + 1, parent->secret, 32);
    } else if (!posw_secp_pubkey_compressed(data, parent->secret)) {
        return POSW_EINVAL;
    }
    posw_store_be32(data + 33, index);
    posw_hmac_sha512(i, parent->chain_code, sizeof parent->chain_code, data, sizeof data);
    memcpy(secret, parent->secret, sizeof secret);
    if (posw_secp_secret_add(secret, i)) {
        memcpy(out->secret, secret, 32);
        memcpy(out->chain_code, i + 32, 32);
        error = POSW_OK;
    }
    posw_wipe(data, sizeof data);
    posw_wipe(i, sizeof i);
    posw_wipe(secret, sizeof secret);
    return error;
}

int posw_hd_derive(posw_hd_key *out, const posw_hd_key *master, const posw_hd_path *path) {
    POSW_ASSERT(path->depth <= POSW_HD_DEPTH_MAX);
    posw_hd_key key = *master;
    int error = POSW_OK;
    for (size_t i = 0; i < path->depth && error == POSW_OK; i++)
        error = posw_hd_child(&key, &key, path->index[i]);
    if (error == POSW_OK) *out = key;
    posw_hd_key_clear(&key);
    return error;
}

void posw_hd_key_clear(posw_hd_key *key) {
    if (key) posw_wipe(key, sizeof *key);
}

int posw_hd_account(uint8_t secret[32], posw_address *address, const uint8_t seed[64], uint32_t index) {
    if (index & POSW_HD_HARDENED) return POSW_EINVAL;
    const posw_hd_path path = {
        .index = {44 | POSW_HD_HARDENED, 60 | POSW_HD_HARDENED, 0 | POSW_HD_HARDENED, 0, index},
        .depth = 5,
    };
    posw_hd_key key;
    int error = posw_hd_master(&key, seed, POSW_HD_SEED_MAX);
    if (error) return error;
    error = posw_hd_derive(&key, &key, &path);
    if (error == POSW_OK && address && !posw_secp_address(address, key.secret)) error = POSW_EINVAL;
    if (error == POSW_OK) memcpy(secret, key.secret, 32);
    posw_hd_key_clear(&key);
    return error;
}
