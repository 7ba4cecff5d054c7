/* The staking system contract (protocol S1 to S9): reading its storage, its calls, its stake table. */
#ifndef POSW_STATE_STAKING_H
#define POSW_STATE_STAKING_H

#include "codec/receipt.h"
#include "posw/params.h"
#include "posw/stake.h"
#include "posw/window.h"
#include "state/state.h"

enum { POSW_STAKE_DEPOSITS_MAX = 64, POSW_STAKE_EXITS_MAX = 64 };

/* What a call may know of the chain around it. */
typedef struct {
    const posw_params *params;
    uint64_t number;               /* of the block in which it runs */
    const posw_stake_table *table; /* in force in that block; NULL: views that need it revert (S7) */
    const posw_window *window;     /* at the parent; NULL likewise */
} posw_staking_env;

enum posw_call_status { POSW_CALL_OK, POSW_CALL_REVERTED, POSW_CALL_OUT_OF_GAS };

typedef struct {
    enum posw_call_status status;
    uint64_t gas_used; /* beyond intrinsic gas */
    size_t log_count;
    posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
} posw_call_result;

/* Runs a call of `caller` with `input`; `value` has been moved to the contract already. gas: what is available. *output
 * (appended) is the return data or Error(string). On revert or out of gas the caller of this function takes the state
 * back to its mark. 0 or an operating error. */
int posw_staking_call(posw_call_result *out, posw_buf *output, posw_state *s, const posw_staking_env *env,
                      const posw_address *caller, const posw_u256 *value, posw_bytes input, uint64_t gas);

/* Totals: slots 0, 1, 2, 3, 4. */
typedef struct {
    posw_u256 staked_wei, exiting_wei, fee_pool_wei, supply_wei;
    uint64_t miners;
} posw_staking_totals;
int posw_staking_read_totals(posw_state *s, posw_staking_totals *out);
/* Slots 2 and 3 alone: what each block needs of them. */
int posw_staking_read_supply(posw_state *s, posw_u256 *out);
int posw_staking_read_fee_pool(posw_state *s, posw_u256 *out);
int posw_staking_set_supply(posw_state *s, const posw_u256 *supply);
int posw_staking_set_fee_pool(posw_state *s, const posw_u256 *pool);

int posw_staking_stake_of(posw_state *s, posw_u256 *out, const posw_address *miner);
int posw_staking_signer_of(posw_state *s, posw_address *out,
                           const posw_address *miner); /* never zero: itself if none */

/* One owner's stake for one miner: the part whose clock has run out of the two newest epochs' slots, and those
 * deposits. */
typedef struct {
    posw_address miner;
    posw_u256 total_wei;
    struct {
        uint64_t epoch; /* of the deposit; counts from block (epoch + 2) * E */
        posw_u256 amount_wei;
    } recent[2]; /* amount 0: unused; newest first */
} posw_staking_deposit;
/* Deposits of an owner, at most POSW_STAKE_DEPOSITS_MAX; *count. */
int posw_staking_deposits_of(posw_state *s, posw_staking_deposit out[POSW_STAKE_DEPOSITS_MAX], size_t *count,
                             const posw_address *owner);

typedef struct {
    uint64_t unlock_block;
    posw_u256 amount_wei;
} posw_staking_exit;
int posw_staking_exits_of(posw_state *s, posw_staking_exit out[POSW_STAKE_EXITS_MAX], size_t *count,
                          const posw_address *owner);

/* A deposit of genesis (G1): as stake() of epoch 0 without event. POSW_EINVAL if it breaks S3. The balance of the
 * contract is added by the caller. */
int posw_staking_genesis_deposit(posw_state *s, const posw_params *p, const posw_address *owner,
                                 const posw_address *miner, const posw_u256 *wei);

/* What a stake table adds up to. */
typedef struct {
    posw_u256 total_wei, supply_wei;
    size_t miners;
} posw_stake_sums;

/* The stake table of this state (E2), sorted, with root: one allocation, freed with free(). */
int posw_staking_table(posw_state *s, posw_stake_table **out);
/* The stored form of a table and back (checks order, sums and root: POSW_ECORRUPT). */
void posw_staking_table_encode(posw_buf *out, const posw_stake_table *t);
int posw_staking_table_decode(posw_stake_table **out, const uint8_t *in, size_t size);
/* Sums of a stored table, as they stand in it: O(1), entries are not looked at. False: this is no table. */
POSW_MUST_USE bool posw_staking_table_sums(posw_stake_sums *out, const uint8_t *in, size_t size);

#endif
