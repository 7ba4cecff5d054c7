/* The books of the staking contract (protocol S3 to S5): deposits, lists of miners, exits. Pure bookkeeping on its
 * words: no coins move and no event is emitted here. Each change has a refusal function that is asked first; after it
 * said NULL the change cannot fail but for an operating error (posw_words.error). */
#ifndef POSW_STATE_STAKING_LEDGER_H
#define POSW_STATE_STAKING_LEDGER_H

#include "posw/params.h"
#include "state/staking.h"
#include "state/staking_words.h"

/* S3. A reason for Error(string), or NULL. */
const char *posw_ledger_stake_refusal(posw_words *w, const posw_params *p, const posw_address *owner,
                                      const posw_address *miner, const posw_u256 *wei);
void posw_ledger_stake(posw_words *w, const posw_address *owner, const posw_address *miner, const posw_u256 *wei,
                       uint64_t epoch);

/* S4 */
const char *posw_ledger_unstake_refusal(posw_words *w, const posw_params *p, const posw_address *owner,
                                        const posw_address *miner, const posw_u256 *wei, uint64_t unlock_block);
void posw_ledger_unstake(posw_words *w, const posw_address *owner, const posw_address *miner, const posw_u256 *wei,
                         uint64_t unlock_block);

/* S5: what is due to an owner at block `number`. */
typedef struct {
    uint64_t first, count; /* exits that are unlocked */
    uint64_t next;         /* the number after the last open exit */
    posw_u256 wei;         /* their sum */
    uint64_t next_unlock;  /* of the first exit that is still locked; 0: there is none */
} posw_ledger_due;
posw_ledger_due posw_ledger_find_due(posw_words *w, const posw_address *owner, uint64_t number);
void posw_ledger_withdraw(posw_words *w, const posw_address *owner, const posw_ledger_due *due);

/* One owner's stake for one miner. */
posw_staking_deposit posw_ledger_deposit(posw_words *w, const posw_address *owner, const posw_address *miner);
/* Open exits in order; returns their number. */
size_t posw_ledger_exits(posw_words *w, posw_staking_exit out[POSW_STAKE_EXITS_MAX], const posw_address *owner);

#endif
