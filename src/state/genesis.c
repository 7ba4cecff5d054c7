/* Block 0 (protocol G1, G2). */
#include "state/genesis.h"

#include "base/bytes.h"
#include "crypto/keccak.h"
#include "posw/u256.h"
#include "state/staking.h"

#include <stdlib.h>

void posw_chain_spec_clear(posw_chain_spec *spec) {
    if (spec == NULL) return;
    free(spec->accounts);
    free(spec->stakes);
    *spec = (posw_chain_spec){0};
}

static int put_accounts(posw_state *s, posw_u256 *supply, const posw_chain_spec *spec) {
    for (size_t i = 0; i < spec->account_count; i++) {
        const posw_genesis_account *a = &spec->accounts[i];
        if (!posw_u256_add(supply, supply, &a->balance_wei)) return POSW_ERANGE;
        int rc = posw_state_add_balance(s, &a->address, &a->balance_wei);
        if (rc != POSW_OK) return rc;
        posw_state_forget_marks(s);
    }
    return POSW_OK;
}

static int put_contract(posw_state *s) {
    posw_account contract;
    int rc = posw_state_account(s, &contract, &POSW_STAKING_ADDRESS);
    if (rc != POSW_OK) return rc;
    contract.nonce = 1;
    contract.code_hash = posw_staking_code_hash();
    return posw_state_set_account(s, &POSW_STAKING_ADDRESS, &contract);
}

static int put_stakes(posw_state *s, posw_u256 *supply, const posw_chain_spec *spec) {
    for (size_t i = 0; i < spec->stake_count; i++) {
        const posw_genesis_stake *stake = &spec->stakes[i];
        if (!posw_u256_add(supply, supply, &stake->amount_wei)) return POSW_ERANGE;
        int rc = posw_state_add_balance(s, &POSW_STAKING_ADDRESS, &stake->amount_wei);
        if (rc == POSW_OK)
            rc = posw_staking_genesis_deposit(s, &spec->params, &stake->owner, &stake->miner, &stake->amount_wei);
        if (rc != POSW_OK) return rc;
        posw_state_forget_marks(s);
    }
    return POSW_OK;
}

static int fill_state(posw_state *s, posw_hash *root, const posw_chain_spec *spec) {
    posw_u256 supply = POSW_U256_ZERO;
    int rc = put_accounts(s, &supply, spec);
    if (rc == POSW_OK) rc = put_contract(s);
    if (rc == POSW_OK) rc = put_stakes(s, &supply, spec);
    if (rc == POSW_OK) rc = posw_staking_set_supply(s, &supply);
    return rc != POSW_OK ? rc : posw_state_seal(s, root, NULL);
}

/* G2: name ‖ 0x00 ‖ keccak256(canonical parameters) */
static void put_extra(posw_header *h, const posw_chain_spec *spec) {
    posw_hash params;
    posw_params_hash(&params, &spec->params);
    size_t name_size = strlen(spec->name);
    memcpy(h->extra, spec->name, name_size + 1);
    memcpy(h->extra + name_size + 1, params.b, sizeof params.b);
    h->extra_size = (uint32_t)(name_size + 1 + sizeof params.b);
}

int posw_genesis_build(posw_header *out, posw_state *state, const posw_chain_spec *spec) {
    const posw_params *p = &spec->params;
    posw_header h = {
        .ommers_hash = POSW_OMMERS_EMPTY,
        .transactions_root = POSW_TRIE_EMPTY_ROOT,
        .receipts_root = POSW_TRIE_EMPTY_ROOT,
        .difficulty = p->genesis_difficulty,
        .gas_limit = p->gas_limit,
        .timestamp = p->genesis_time,
        .base_fee_wei = p->base_fee_initial_wei,
    };
    put_extra(&h, spec);
    int rc = fill_state(state, &h.state_root, spec);
    if (rc == POSW_OK) *out = h;
    return rc;
}
