/* Block 0 (G1, G2). The parameters are in its extraData by their hash, so that two chains with different rules have
 * different genesis hashes, whatever else they share. */
#include "posw/genesis.h"

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/keccak.h"

/* G2: name ‖ 0x00 ‖ keccak256(canonical parameters) */
static void put_extra(posw_header *h, const posw_params *p, const char *name) {
    const size_t name_size = strlen(name);
    POSW_ASSERT(name_size <= POSW_CHAIN_NAME_MAX);
    posw_hash params;
    posw_params_hash(&params, p);
    memcpy(h->extra, name, name_size + 1);
    memcpy(h->extra + name_size + 1, params.b, sizeof params.b);
    h->extra_size = (uint32_t)(name_size + 1 + sizeof params.b);
}

/* G1 */
void posw_genesis_header(posw_header *out, const posw_params *p, const char *name, const posw_hash *state_root) {
    posw_header h = {
        .ommers_hash = POSW_OMMERS_EMPTY,
        .state_root = *state_root,
        .transactions_root = POSW_TRIE_EMPTY_ROOT,
        .receipts_root = POSW_TRIE_EMPTY_ROOT,
        .difficulty = p->genesis_difficulty,
        .gas_limit = p->gas_limit,
        .timestamp = p->genesis_time,
        .base_fee_wei = p->base_fee_initial_wei,
    };
    put_extra(&h, p, name);
    *out = h;
}

/* The name of a genesis header; false where there is none. */
static bool name_of(char out[POSW_CHAIN_NAME_MAX + 1], const posw_header *h) {
    const size_t rest = 1 + POSW_HASH_SIZE;
    if (h->extra_size < rest || h->extra_size > POSW_CHAIN_NAME_MAX + rest) return false;
    const size_t size = h->extra_size - rest;
    memcpy(out, h->extra, size);
    out[size] = '\0';
    return strlen(out) == size;
}

bool posw_genesis_matches(const posw_header *h, const posw_params *p) {
    char name[POSW_CHAIN_NAME_MAX + 1];
    if (!name_of(name, h)) return false;
    posw_header want;
    posw_hash want_hash, hash;
    posw_genesis_header(&want, p, name, &h->state_root);
    posw_header_hash(&want_hash, &want);
    posw_header_hash(&hash, h);
    return posw_hash_equal(&hash, &want_hash);
}
