/* Where the staking contract keeps what (protocol S2). This file is the only place that knows slot numbers; all slots
 * are those a Solidity contract with such mappings would use, so that eth_getProof and eth_getStorageAt can be read by
 * anyone.
 *
 *   0..4                      total stake, miners, total in exit, fee pool, supply
 *   m(miner, 16)              its stake                     m(i, 18)        the miner at place i, from 1
 *   m(miner, 17)              its place, 0: none            m(miner, 19)    its signer, 0: itself
 *   d = m(miner, m(owner, 20))  the owner's stake for it    d + 1, d + 2    its deposits of the latest two epochs
 *   m(owner, 21)              miners the owner stakes for
 *   m(i, m(owner, 22))        the miner at place i, from 1  m(miner, m(owner, 23))  its place, 0: none
 *   m(owner, 24)              exits: first ‖ next           m(i, m(owner, 25))      the exit i: unlock block ‖ amount
 *
 * Words that say nothing are zero: an emptied deposit, a left place, a paid exit, and first ‖ next when no exit is
 * open. */
#ifndef POSW_STATE_STAKING_LAYOUT_H
#define POSW_STATE_STAKING_LAYOUT_H

#include "posw/types.h"

enum posw_staking_slot {
    POSW_SLOT_STAKED,
    POSW_SLOT_MINERS,
    POSW_SLOT_EXITING,
    POSW_SLOT_FEE_POOL,
    POSW_SLOT_SUPPLY,
};

posw_hash posw_slot_fixed(enum posw_staking_slot slot);
posw_hash posw_slot_stake(const posw_address *miner);
posw_hash posw_slot_place(const posw_address *miner);
posw_hash posw_slot_miner_at(uint64_t place);
posw_hash posw_slot_signer(const posw_address *miner);
posw_hash posw_slot_deposit(const posw_address *owner, const posw_address *miner); /* d */
posw_hash posw_slot_deposit_recent(const posw_hash *deposit, unsigned i);          /* i = 0: d + 1, i = 1: d + 2 */
posw_hash posw_slot_owner_count(const posw_address *owner);
posw_hash posw_slot_owner_miner_at(const posw_address *owner, uint64_t place);
posw_hash posw_slot_owner_place(const posw_address *owner, const posw_address *miner);
posw_hash posw_slot_exit_range(const posw_address *owner);
posw_hash posw_slot_exit(const posw_address *owner, uint64_t i);

/* The slots of four miners or places at once, for the stake table. */
void posw_slots_miner_at_x4(posw_hash out[4], uint64_t first_place);
void posw_slots_stake_x4(posw_hash out[4], const posw_address miner[4]);
void posw_slots_signer_x4(posw_hash out[4], const posw_address miner[4]);

/* Two numbers in one word, right-aligned: (8) ‖ (16) for amounts with an epoch or block, (8) ‖ (8) for a range. false:
 * a damaged word. */
posw_u256 posw_word_pack_amount(uint64_t at, const posw_u256 *amount); /* amount < 2^128 (asserted) */
POSW_MUST_USE bool posw_word_unpack_amount(uint64_t *at, posw_u256 *amount, const posw_u256 *word);
posw_u256 posw_word_pack_range(uint64_t first, uint64_t next);
POSW_MUST_USE bool posw_word_unpack_range(uint64_t *first, uint64_t *next, const posw_u256 *word);
posw_u256 posw_word_of_address(const posw_address *a);
POSW_MUST_USE bool posw_word_to_address(posw_address *out, const posw_u256 *word);

#endif
