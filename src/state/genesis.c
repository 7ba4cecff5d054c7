/* Block 0 (protocol G1, G2). */
#include "state/genesis.h"

#include "base/bytes.h"
#include "posw/genesis.h"
#include "posw/u256.h"
#include "state/staking.h"

#include <stdlib.h>

void posw_chain_spec_clear(posw_chain_spec *spec) {
    if (spec == NULL) return;
    free(spec->accounts);
    free(spec->stakes);
    *spec = (posw_chain_spec){0};
}

posw_u256 posw_chain_spec_supply(const posw_chain_spec *spec) {
    posw_u256 sum = POSW_U256_ZERO;
    for (size_t i = 0; i < spec->account_count; i++)
        sum = posw_u256_add_sat(&sum, &spec->accounts[i].balance_wei);
    for (size_t i = 0; i < spec->stake_count; i++)
        sum = posw_u256_add_sat(&sum, &spec->stakes[i].amount_wei);
    return sum;
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

/* S1 */
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

int posw_genesis_build(posw_header *out, posw_state *state, const posw_chain_spec *spec) {
    posw_hash root;
    int rc = fill_state(state, &root, spec);
    if (rc == POSW_OK) posw_genesis_header(out, &spec->params, spec->name, &root);
    return rc;
}
