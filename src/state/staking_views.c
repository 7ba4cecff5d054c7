/* The staking contract's views (protocol S7). Those that depend on the stake table in force or on the ticket window are
 * answered only to calls from outside: a transaction must not depend on what a light state does not hold. */
#include "base/bytes.h"
#include "codec/abi.h"
#include "posw/weight.h"
#include "state/staking_calls.h"
#include "state/staking_ledger.h"

static const char NOT_INSIDE[] = "answered only to calls from outside, not inside a transaction";

static bool need_table(posw_staking_frame *f, const char *name) {
    if (f->env->table != NULL) return true;
    posw_frame_revert(f, "%s: %s", name, NOT_INSIDE);
    return false;
}

static posw_u256 active_stake(const posw_stake_table *table, const posw_address *miner) {
    const posw_stake_entry *e = posw_stake_table_find(table, miner);
    return e == NULL ? POSW_U256_ZERO : e->stake_wei;
}

void posw_view_stake_of_miner(posw_staking_frame *f) {
    posw_address miner;
    if (!posw_frame_address(f, &miner, 0)) return;
    posw_u256 stake = posw_words_get(&f->words, posw_slot_stake(&miner));
    posw_abi_append_u256(f->output, &stake);
}

void posw_view_stake_of_owner(posw_staking_frame *f) {
    posw_address owner, miner;
    if (!posw_frame_address(f, &owner, 0) || !posw_frame_address(f, &miner, 1)) return;
    posw_u256 stake = posw_words_get(&f->words, posw_slot_deposit(&owner, &miner));
    posw_abi_append_u256(f->output, &stake);
}

void posw_view_active_stake_of(posw_staking_frame *f) {
    posw_address miner;
    if (!posw_frame_address(f, &miner, 0) || !need_table(f, "activeStakeOf")) return;
    posw_u256 stake = active_stake(f->env->table, &miner);
    posw_abi_append_u256(f->output, &stake);
}

void posw_view_pending_of(posw_staking_frame *f) {
    posw_address miner;
    if (!posw_frame_address(f, &miner, 0) || !need_table(f, "pendingOf")) return;
    posw_u256 stake = posw_words_get(&f->words, posw_slot_stake(&miner));
    posw_u256 active = active_stake(f->env->table, &miner);
    posw_u256 pending = posw_u256_sub_sat(&stake, &active); /* stake that was taken out since is not pending */
    posw_abi_append_u256(f->output, &pending);
}

void posw_view_exits_of(posw_staking_frame *f) {
    posw_address owner;
    if (!posw_frame_address(f, &owner, 0)) return;
    posw_staking_exit exits[POSW_STAKE_EXITS_MAX];
    posw_u256 blocks[POSW_STAKE_EXITS_MAX], amounts[POSW_STAKE_EXITS_MAX];
    size_t count = posw_ledger_exits(&f->words, exits, &owner);
    for (size_t i = 0; i < count; i++) {
        blocks[i] = posw_u256_from_u64(exits[i].unlock_block);
        amounts[i] = exits[i].amount_wei;
    }
    posw_abi_append_two_arrays(f->output, blocks, amounts, count);
}

void posw_view_signer_of(posw_staking_frame *f) {
    posw_address miner;
    if (!posw_frame_address(f, &miner, 0)) return;
    posw_address signer = posw_words_get_address(&f->words, posw_slot_signer(&miner));
    posw_abi_append_address(f->output, posw_address_is_zero(&signer) ? &miner : &signer);
}

void posw_view_total_stake(posw_staking_frame *f) {
    posw_u256 total = posw_words_get(&f->words, posw_slot_fixed(POSW_SLOT_STAKED));
    posw_abi_append_u256(f->output, &total);
}

/* 0 on a chain whose weight rule has no tickets. */
void posw_view_ticket_price(posw_staking_frame *f) {
    if (!need_table(f, "ticketPrice")) return;
    const posw_params *p = f->env->params;
    posw_u256 price =
        p->weight.rule == POSW_WEIGHT_TICKET ? posw_weight_ticket_price(p, &f->env->table->supply_wei) : POSW_U256_ZERO;
    posw_abi_append_u256(f->output, &price);
}

void posw_view_weight_of(posw_staking_frame *f) {
    posw_address miner;
    if (!posw_frame_address(f, &miner, 0) || !need_table(f, "weightOf")) return;
    const posw_staking_env *env = f->env;
    if (env->window == NULL) {
        posw_frame_revert(f, "weightOf: %s", NOT_INSIDE);
        return;
    }
    posw_u256 stake = active_stake(env->table, &miner);
    posw_u256 weight =
        posw_weight(env->params, env->number, &stake, &env->table->supply_wei, posw_window_used(env->window, &miner));
    posw_abi_append_u256(f->output, &weight);
}
