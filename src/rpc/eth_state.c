/* The state after a block: accounts, the staking contract's code and storage, and proofs of both. */
#include "rpc/methods.h"

#include "base/bytes.h"
#include "posw/u256.h"

#include <stdlib.h>

/* Account i of the arguments at the block of argument k. */
static bool param_account(rpc_call *c, size_t k, posw_address *address, posw_account *out) {
    rpc_block_ref ref;
    if (!rpc_param_address(c, 0, address) || !rpc_param_block(c, k, &ref)) return false;
    posw_state *state = rpc_ref_state(c, &ref, NULL);
    if (state == NULL) return false;
    int err = posw_state_account(state, out, address);
    posw_state_free(state);
    return err == POSW_OK || rpc_fail_operating(c, err);
}

void rpc_eth_get_balance(rpc_call *c) {
    posw_address address;
    posw_account account;
    if (param_account(c, 1, &address, &account)) posw_jw_quantity_u256(&c->w, &account.balance_wei);
}

void rpc_eth_get_code(rpc_call *c) {
    posw_address address;
    posw_account account;
    if (!param_account(c, 1, &address, &account)) return;
    posw_hash code_hash = posw_staking_code_hash();
    bool has_code = posw_hash_equal(&account.code_hash, &code_hash);
    posw_jw_data(&c->w, POSW_STAKING_CODE, has_code ? sizeof POSW_STAKING_CODE : 0);
}

/* With `pending` the pool counts: a wallet asks for the nonce of its next transaction. */
void rpc_eth_get_transaction_count(rpc_call *c) {
    posw_address address;
    posw_account account;
    rpc_block_ref ref;
    if (!rpc_param_block(c, 1, &ref)) return;
    if (ref.kind == RPC_PENDING) {
        uint64_t nonce;
        if (!rpc_param_address(c, 0, &address)) return;
        int err = posw_mempool_next_nonce(c->pool, &nonce, &address);
        if (err != POSW_OK)
            (void)rpc_fail_operating(c, err);
        else
            posw_jw_quantity(&c->w, nonce);
        return;
    }
    if (param_account(c, 1, &address, &account)) posw_jw_quantity(&c->w, account.nonce);
}

/* ---- storage: only the staking contract has any ---- */

static int read_word(posw_state *state, const posw_address *address, const posw_hash *slot, posw_u256 *out) {
    *out = POSW_U256_ZERO;
    return posw_address_equal(address, &POSW_STAKING_ADDRESS) ? posw_state_word(state, out, slot) : POSW_OK;
}

void rpc_eth_get_storage_at(rpc_call *c) {
    posw_address address;
    posw_hash slot;
    rpc_block_ref ref;
    bool full;
    if (!rpc_param_address(c, 0, &address) || !rpc_value_slot(c, rpc_param(c, 1), &slot, &full) ||
        !rpc_param_block(c, 2, &ref))
        return;
    posw_state *state = rpc_ref_state(c, &ref, NULL);
    if (state == NULL) return;
    posw_u256 word;
    uint8_t bytes[32];
    int err = read_word(state, &address, &slot, &word);
    posw_state_free(state);
    if (err != POSW_OK) {
        (void)rpc_fail_operating(c, err);
        return;
    }
    posw_u256_to_be(bytes, &word);
    posw_jw_data(&c->w, bytes, sizeof bytes);
}

/* ---- proofs ---- */

typedef struct {
    posw_hash slot;
    bool full; /* shown as given: all 32 bytes, or a number */
} proof_key;

static bool param_keys(rpc_call *c, proof_key **out, size_t *count) {
    const json_t *keys = rpc_param(c, 1);
    if (!json_is_array(keys)) return rpc_bad(c, rpc_arg(1), "not an array of storage keys");
    size_t n = json_array_size(keys);
    if (n > RPC_SLOTS_MAX) return rpc_bad(c, rpc_arg(1), "too many slots (max %d)", RPC_SLOTS_MAX);
    proof_key *list = calloc(n + 1, sizeof *list);
    if (list == NULL) return rpc_fail_operating(c, POSW_ENOMEM);
    for (size_t i = 0; i < n; i++) {
        if (rpc_value_slot(c, json_array_get(keys, i), &list[i].slot, &list[i].full)) continue;
        free(list);
        return false;
    }
    *out = list;
    *count = n;
    return true;
}

static int write_node(void *arg, const uint8_t *rlp, size_t size) {
    posw_jw_data(arg, rlp, size);
    return 0;
}

static int json_storage_proof(rpc_call *c, posw_state *state, const posw_address *address, const proof_key *key) {
    posw_u256 value, number = posw_u256_from_be(key->slot.b);
    int err = read_word(state, address, &key->slot, &value);
    if (err != POSW_OK) return err;
    posw_jw *w = &c->w;
    posw_jw_object(w);
    if (key->full)
        posw_jw_kv_hash(w, "key", &key->slot);
    else
        posw_jw_kv_quantity_u256(w, "key", &number);
    posw_jw_kv_quantity_u256(w, "value", &value);
    posw_jw_key(w, "proof");
    posw_jw_array(w);
    if (posw_address_equal(address, &POSW_STAKING_ADDRESS))
        err = posw_state_prove_word(state, &key->slot, write_node, w);
    posw_jw_array_end(w);
    posw_jw_object_end(w);
    return err;
}

static int json_proof(rpc_call *c, posw_state *state, const posw_address *address, const proof_key *keys,
                      size_t count) {
    posw_account account;
    int err = posw_state_account(state, &account, address);
    if (err != POSW_OK) return err;
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_kv_address(w, "address", address);
    posw_jw_key(w, "accountProof");
    posw_jw_array(w);
    err = posw_state_prove_account(state, address, write_node, w);
    posw_jw_array_end(w);
    posw_jw_kv_quantity_u256(w, "balance", &account.balance_wei);
    posw_jw_kv_hash(w, "codeHash", &account.code_hash);
    posw_jw_kv_quantity(w, "nonce", account.nonce);
    posw_jw_kv_hash(w, "storageHash", &account.storage_root);
    posw_jw_key(w, "storageProof");
    posw_jw_array(w);
    for (size_t i = 0; i < count && err == POSW_OK && rpc_fits(c); i++)
        err = json_storage_proof(c, state, address, &keys[i]);
    posw_jw_array_end(w);
    posw_jw_object_end(w);
    return err;
}

void rpc_eth_get_proof(rpc_call *c) {
    posw_address address;
    rpc_block_ref ref;
    proof_key *keys = NULL;
    size_t count = 0;
    if (!rpc_param_address(c, 0, &address) || !rpc_param_block(c, 2, &ref) || !param_keys(c, &keys, &count)) return;
    posw_state *state = rpc_ref_state(c, &ref, NULL);
    int err = state == NULL ? POSW_OK : json_proof(c, state, &address, keys, count);
    if (err != POSW_OK) (void)rpc_fail_operating(c, err);
    posw_state_free(state);
    free(keys);
}
