/* Reading the staking contract's storage from outside of a call, and what the block itself writes to it. */
#include "state/staking.h"

#include "base/bytes.h"
#include "state/staking_ledger.h"

int posw_staking_read_totals(posw_state *s, posw_staking_totals *out) {
    posw_words w = {s, POSW_OK};
    posw_staking_totals t = {
        .staked_wei = posw_words_get(&w, posw_slot_fixed(POSW_SLOT_STAKED)),
        .exiting_wei = posw_words_get(&w, posw_slot_fixed(POSW_SLOT_EXITING)),
        .fee_pool_wei = posw_words_get(&w, posw_slot_fixed(POSW_SLOT_FEE_POOL)),
        .supply_wei = posw_words_get(&w, posw_slot_fixed(POSW_SLOT_SUPPLY)),
        .miners = posw_words_get_u64(&w, posw_slot_fixed(POSW_SLOT_MINERS)),
    };
    if (w.error == POSW_OK) *out = t;
    return w.error;
}

int posw_staking_read_supply(posw_state *s, posw_u256 *out) {
    const posw_hash slot = posw_slot_fixed(POSW_SLOT_SUPPLY);
    return posw_state_word(s, out, &slot);
}

int posw_staking_read_fee_pool(posw_state *s, posw_u256 *out) {
    const posw_hash slot = posw_slot_fixed(POSW_SLOT_FEE_POOL);
    return posw_state_word(s, out, &slot);
}

int posw_staking_set_supply(posw_state *s, const posw_u256 *supply) {
    posw_hash slot = posw_slot_fixed(POSW_SLOT_SUPPLY);
    return posw_state_set_word(s, &slot, supply);
}

int posw_staking_set_fee_pool(posw_state *s, const posw_u256 *pool) {
    posw_hash slot = posw_slot_fixed(POSW_SLOT_FEE_POOL);
    return posw_state_set_word(s, &slot, pool);
}

int posw_staking_stake_of(posw_state *s, posw_u256 *out, const posw_address *miner) {
    posw_hash slot = posw_slot_stake(miner);
    return posw_state_word(s, out, &slot);
}

int posw_staking_signer_of(posw_state *s, posw_address *out, const posw_address *miner) {
    posw_words w = {s, POSW_OK};
    posw_address signer = posw_words_get_address(&w, posw_slot_signer(miner));
    if (w.error == POSW_OK) *out = posw_address_is_zero(&signer) ? *miner : signer;
    return w.error;
}

int posw_staking_deposits_of(posw_state *s, posw_staking_deposit out[POSW_STAKE_DEPOSITS_MAX], size_t *count,
                             const posw_address *owner) {
    posw_words w = {s, POSW_OK};
    uint64_t n = posw_words_get_u64(&w, posw_slot_owner_count(owner));
    if (n > POSW_STAKE_DEPOSITS_MAX) return POSW_ECORRUPT;
    for (uint64_t i = 0; i < n; i++) {
        posw_address miner = posw_words_get_address(&w, posw_slot_owner_miner_at(owner, i + 1));
        out[i] = posw_ledger_deposit(&w, owner, &miner);
    }
    *count = (size_t)n;
    return w.error;
}

int posw_staking_exits_of(posw_state *s, posw_staking_exit out[POSW_STAKE_EXITS_MAX], size_t *count,
                          const posw_address *owner) {
    posw_words w = {s, POSW_OK};
    *count = posw_ledger_exits(&w, out, owner);
    return w.error;
}

int posw_staking_genesis_deposit(posw_state *s, const posw_params *p, const posw_address *owner,
                                 const posw_address *miner, const posw_u256 *wei) {
    posw_words w = {s, POSW_OK};
    if (posw_ledger_stake_refusal(&w, p, owner, miner, wei) != NULL) return w.error != POSW_OK ? w.error : POSW_EINVAL;
    posw_ledger_stake(&w, owner, miner, wei, 0);
    return w.error;
}
