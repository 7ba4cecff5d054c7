/* Stake as the chain sees it: epochs, deposits and exits, what a miner's stake gives it, and proofs. Numbers are
 * quantities.
 *
 * "Now" is the block after the tip: its epoch, its table in force and its weight are what a miner works with. */
#include "rpc/methods.h"

#include "base/bytes.h"
#include "posw/difficulty.h"
#include "posw/seal.h"
#include "posw/u256.h"
#include "posw/weight.h"
#include "posw/window.h"
#include "state/staking.h"

#include <stdlib.h>

static uint64_t next_number(const rpc_call *c) {
    return posw_chain_tip(c->chain)->number + 1;
}

/* Argument i: a block number up to tip + 1; absent or a tag: the next block. */
static bool param_block_or_next(rpc_call *c, size_t i, uint64_t *out) {
    rpc_block_ref ref;
    *out = next_number(c);
    if (rpc_param(c, i) == NULL) return true;
    if (!rpc_param_block_number(c, i, &ref)) return false;
    if (ref.kind == RPC_LATEST || ref.kind == RPC_PENDING) return true;
    if (rpc_ref_number(c, &ref) > *out)
        return rpc_fail(c, RPC_ERROR_SERVER, "the stake table of that block is not known yet");
    *out = rpc_ref_number(c, &ref);
    return true;
}

static const posw_stake_table *table_at(rpc_call *c, uint64_t number) {
    const posw_stake_table *t = posw_chain_table(c->chain, number);
    if (t == NULL) (void)rpc_fail(c, RPC_ERROR_SERVER, "the stake table of that block is no longer kept");
    return t;
}

/* 0 on a chain whose weight rule has no tickets. */
static posw_u256 ticket_price(const posw_params *p, const posw_stake_table *t) {
    return p->weight.rule == POSW_WEIGHT_TICKET ? posw_weight_ticket_price(p, &t->supply_wei) : POSW_U256_ZERO;
}

static posw_u256 active_stake(const posw_stake_table *t, const posw_address *miner) {
    const posw_stake_entry *e = posw_stake_table_find(t, miner);
    return e == NULL ? POSW_U256_ZERO : e->stake_wei;
}

void rpc_posw_get_epoch(rpc_call *c) {
    uint64_t number;
    if (!param_block_or_next(c, 0, &number)) return;
    const posw_stake_table *t = table_at(c, number);
    if (t == NULL) return;
    const posw_params *p = posw_chain_params(c->chain);
    uint64_t epoch = posw_epoch_of(p, number);
    posw_u256 price = ticket_price(p, t);
    posw_hash root = posw_chain_stake_root(c->chain, number);
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_kv_quantity(w, "epoch", epoch);
    posw_jw_kv_quantity(w, "firstBlock", epoch * p->epoch_blocks);
    posw_jw_kv_quantity(w, "lastBlock", (epoch + 1) * p->epoch_blocks - 1);
    posw_jw_kv_quantity(w, "nextEpochAt", (epoch + 1) * p->epoch_blocks);
    posw_jw_kv_quantity(w, "snapshotBlock", posw_epoch_snapshot_block(p, epoch));
    posw_jw_kv_hash(w, "stakeRoot", &root);
    posw_jw_kv_hash(w, "treeRoot", &t->tree_root);
    posw_jw_kv_quantity_u256(w, "supply", &t->supply_wei);
    posw_jw_kv_quantity_u256(w, "totalStake", &t->total_wei);
    posw_jw_kv_quantity(w, "miners", t->count);
    posw_jw_kv_quantity_u256(w, "ticketPrice", &price);
    posw_jw_object_end(w);
}

/* ---- posw_getStake ---- */

static void json_recent(posw_jw *w, const posw_u256 *amount_wei, uint64_t active_from) {
    if (posw_u256_is_zero(amount_wei)) return;
    posw_jw_object(w);
    posw_jw_kv_quantity_u256(w, "amount", amount_wei);
    posw_jw_kv_quantity(w, "activeFrom", active_from);
    posw_jw_object_end(w);
}

/* What was added in the latest epochs. Deposits of epoch 0 are kept as one sum; what genesis gave is a miner's own, and
 * counts from the first block (E1). in_genesis_wei: that, while the table of genesis is in force; later nobody needs to
 * know it. */
static void json_recents(posw_jw *w, const posw_staking_deposit *d, const posw_u256 *in_genesis_wei,
                         uint64_t epoch_blocks) {
    for (size_t k = 0; k < POSW_ARRAY_SIZE(d->recent); k++) {
        const posw_u256 *amount = &d->recent[k].amount_wei;
        posw_u256 early = POSW_U256_ZERO;
        if (d->recent[k].epoch == 0) early = posw_u256_cmp(amount, in_genesis_wei) < 0 ? *amount : *in_genesis_wei;
        const posw_u256 late = posw_u256_sub_sat(amount, &early);
        json_recent(w, &late, (d->recent[k].epoch + 2) * epoch_blocks);
        json_recent(w, &early, 0);
    }
}

/* in_genesis_wei: what genesis staked for the owner as a miner, see json_recents. */
static int json_deposits(rpc_call *c, posw_state *state, const posw_address *owner, const posw_u256 *in_genesis_wei) {
    posw_staking_deposit *list = calloc(POSW_STAKE_DEPOSITS_MAX, sizeof *list);
    if (list == NULL) return POSW_ENOMEM;
    size_t count = 0;
    int err = posw_staking_deposits_of(state, list, &count, owner);
    uint64_t epoch_blocks = posw_chain_params(c->chain)->epoch_blocks;
    posw_jw *w = &c->w;
    posw_jw_key(w, "deposits");
    posw_jw_array(w);
    for (size_t i = 0; err == POSW_OK && i < count; i++) {
        posw_jw_object(w);
        posw_jw_kv_address(w, "miner", &list[i].miner);
        posw_jw_kv_quantity_u256(w, "amount", &list[i].total_wei);
        posw_jw_key(w, "recent");
        posw_jw_array(w);
        json_recents(w, &list[i], posw_address_equal(&list[i].miner, owner) ? in_genesis_wei : &POSW_U256_ZERO,
                     epoch_blocks);
        posw_jw_array_end(w);
        posw_jw_object_end(w);
    }
    posw_jw_array_end(w);
    free(list);
    return err;
}

static int json_exits(rpc_call *c, posw_state *state, const posw_address *owner) {
    posw_staking_exit list[POSW_STAKE_EXITS_MAX];
    size_t count = 0;
    int err = posw_staking_exits_of(state, list, &count, owner);
    posw_jw *w = &c->w;
    posw_jw_key(w, "exits");
    posw_jw_array(w);
    for (size_t i = 0; err == POSW_OK && i < count; i++) {
        posw_jw_object(w);
        posw_jw_kv_quantity_u256(w, "amount", &list[i].amount_wei);
        posw_jw_kv_quantity(w, "unlockBlock", list[i].unlock_block);
        posw_jw_kv_bool(w, "unlocked", list[i].unlock_block <= next_number(c));
        posw_jw_object_end(w);
    }
    posw_jw_array_end(w);
    return err;
}

static int json_stake(rpc_call *c, posw_state *state, const posw_stake_table *t, const posw_address *address) {
    posw_u256 stake = POSW_U256_ZERO, active = active_stake(t, address);
    posw_address signer = *address;
    int err = posw_staking_stake_of(state, &stake, address);
    if (err == POSW_OK) err = posw_staking_signer_of(state, &signer, address);
    if (err != POSW_OK) return err;
    posw_u256 pending = posw_u256_sub_sat(&stake, &active);
    const bool is_genesis = posw_epoch_of(posw_chain_params(c->chain), next_number(c)) <= 1;
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_kv_address(w, "address", address);
    posw_jw_kv_quantity_u256(w, "stake", &stake);
    posw_jw_kv_quantity_u256(w, "active", &active);
    posw_jw_kv_quantity_u256(w, "pending", &pending);
    posw_jw_kv_address(w, "signer", &signer);
    err = json_deposits(c, state, address, is_genesis ? &active : &POSW_U256_ZERO);
    if (err == POSW_OK) err = json_exits(c, state, address);
    posw_jw_object_end(w);
    return err;
}

/* As a miner: what was staked for it, what counts now, what does not yet, its named signer. As an owner: deposits and
 * exits. */
void rpc_posw_get_stake(rpc_call *c) {
    const rpc_block_ref latest = {.kind = RPC_LATEST};
    posw_address address;
    if (!rpc_param_address(c, 0, &address)) return;
    const posw_stake_table *t = table_at(c, next_number(c));
    posw_state *state = t == NULL ? NULL : rpc_ref_state(c, &latest, NULL);
    if (state == NULL) return;
    int err = json_stake(c, state, t, &address);
    if (err != POSW_OK) (void)rpc_fail_operating(c, err);
    posw_state_free(state);
}

/* ---- posw_getMiner ---- */

/* Blocks of the miner among the latest W; *seen: how many of those there are. */
static uint64_t blocks_in_window(rpc_call *c, const posw_address *miner, uint64_t *seen) {
    const posw_window *window = posw_chain_window(c->chain);
    uint64_t most = posw_chain_params(c->chain)->window_blocks, count = posw_window_count(window), found = 0;
    *seen = count < most ? count : most;
    for (uint64_t i = 0; i < *seen; i++) {
        posw_window_entry e = posw_window_at(window, i);
        found += posw_address_equal(&e.miner, miner);
    }
    return found;
}

static void json_tickets(rpc_call *c, const posw_stake_table *t, const posw_address *miner, const posw_u256 *stake) {
    const posw_params *p = posw_chain_params(c->chain);
    bool has_tickets = p->weight.rule == POSW_WEIGHT_TICKET;
    uint64_t tickets = posw_weight_tickets(p, stake, &t->supply_wei);
    uint64_t used = posw_window_used(posw_chain_window(c->chain), miner);
    posw_u256 price = ticket_price(p, t);
    posw_jw *w = &c->w;
    posw_jw_kv_quantity(w, "tickets", tickets);
    posw_jw_kv_quantity(w, "used", used);
    posw_jw_kv_quantity(w, "free", tickets > used ? tickets - used : 0);
    posw_jw_kv_quantity_u256(w, "ticketPrice", &price);
    posw_jw_kv_quantity(w, "boost", has_tickets ? posw_weight_boost(p, next_number(c)) : 0);
}

/* What a miner has in the next block. `share` is a JSON number. */
void rpc_posw_get_miner(rpc_call *c) {
    posw_address miner;
    if (!rpc_param_address(c, 0, &miner)) return;
    const posw_stake_table *t = table_at(c, next_number(c));
    if (t == NULL) return;
    const posw_stake_entry *entry = posw_stake_table_find(t, &miner);
    const posw_header *tip = posw_chain_tip(c->chain);
    posw_u256 stake = active_stake(t, &miner), weight = posw_chain_next_weight(c->chain, &miner);
    uint64_t now = posw_node_now_s(c->node), timestamp = now > tip->timestamp ? now : tip->timestamp + 1;
    posw_u256 difficulty =
        posw_difficulty_next(posw_chain_params(c->chain), posw_chain_window(c->chain), tip, timestamp);
    posw_u256 target = posw_seal_target(&difficulty, &weight);
    uint64_t seen, found = blocks_in_window(c, &miner, &seen);
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_kv_address(w, "address", &miner);
    posw_jw_kv_quantity(w, "number", next_number(c));
    posw_jw_kv_quantity_u256(w, "weight", &weight);
    posw_jw_kv_quantity_u256(w, "difficulty", &difficulty);
    posw_jw_kv_quantity_u256(w, "target", &target);
    posw_jw_kv_quantity_u256(w, "activeStake", &stake);
    posw_jw_kv_address(w, "signer", entry == NULL ? &miner : &entry->signer); /* in force (H8) */
    json_tickets(c, t, &miner, &stake);
    posw_jw_kv_quantity(w, "blocks", found);
    posw_jw_kv_quantity(w, "windowBlocks", seen);
    posw_jw_key(w, "share");
    posw_jw_double(w, seen == 0 ? 0 : (double)found / (double)seen);
    posw_jw_object_end(w);
}

/* ---- posw_getStakeProof ---- */

static void json_siblings(posw_jw *w, const posw_stake_proof *proof) {
    posw_jw_key(w, "siblings");
    posw_jw_array(w);
    for (size_t i = 0; i < proof->depth; i++) {
        posw_jw_object(w);
        posw_jw_kv_hash(w, "hash", &proof->siblings[i].hash);
        posw_jw_kv_quantity_u256(w, "sum", &proof->siblings[i].sum);
        posw_jw_kv_bool(w, "left", proof->siblings[i].left);
        posw_jw_object_end(w);
    }
    posw_jw_array_end(w);
}

void rpc_posw_get_stake_proof(rpc_call *c) {
    posw_address miner;
    posw_stake_proof proof;
    uint64_t number;
    if (!rpc_param_address(c, 0, &miner) || !param_block_or_next(c, 1, &number) || table_at(c, number) == NULL) return;
    int err = posw_chain_stake_proof(c->chain, &proof, number, &miner);
    if (err != POSW_OK) {
        if (err == POSW_ENOTFOUND)
            (void)rpc_fail(c, RPC_ERROR_SERVER, "the miner has no stake in the table in force at that block");
        else
            (void)rpc_fail_operating(c, err);
        return;
    }
    uint8_t encoded[POSW_STAKE_PROOF_SIZE_MAX];
    size_t size = posw_stake_proof_encode(encoded, &proof);
    posw_hash root = posw_chain_stake_root(c->chain, number);
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_kv_address(w, "miner", &miner);
    posw_jw_kv_quantity(w, "epoch", posw_epoch_of(posw_chain_params(c->chain), number));
    posw_jw_kv_hash(w, "stakeRoot", &root);
    posw_jw_kv_quantity_u256(w, "supply", &proof.supply_wei);
    posw_jw_kv_quantity_u256(w, "total", &proof.total_wei);
    posw_jw_kv_address(w, "signer", &proof.signer);
    posw_jw_kv_quantity_u256(w, "stake", &proof.stake_wei);
    json_siblings(w, &proof);
    posw_jw_kv_data(w, "encoded", encoded, size);
    posw_jw_object_end(w);
}
