/* Executing transactions and blocks (protocol section 6 and 7): transaction by transaction for a miner, whole for a
 * validator. */
#ifndef POSW_STATE_EXECUTE_H
#define POSW_STATE_EXECUTE_H

#include "codec/block.h"
#include "codec/receipt.h"
#include "posw/verdict.h"
#include "state/staking.h"

/* Why a transaction cannot be in this block (X2 to X4): the mempool and the RPC say it in their own words. */
enum posw_tx_refusal {
    POSW_TX_FITS,
    POSW_TX_UNPROTECTED, /* type 0 without EIP-155 */
    POSW_TX_WRONG_CHAIN,
    POSW_TX_CREATES_CONTRACT,
    POSW_TX_INTRINSIC_GAS,
    POSW_TX_GAS_ABOVE_BLOCK, /* more than the block has left */
    POSW_TX_NONCE_LOW,
    POSW_TX_NONCE_HIGH, /* a gap */
    POSW_TX_NONCE_MAX,
    POSW_TX_SENDER_HAS_CODE,
    POSW_TX_TIP_ABOVE_MAX,
    POSW_TX_FEE_BELOW_BASE,
    POSW_TX_FUNDS,
};

/* The checks that need no state: chain id, protection, creation, intrinsic gas, tip, nonce max, gas against the block's
 * limit (U2). */
enum posw_tx_refusal posw_tx_check_static(const posw_tx *tx, const posw_params *p, uint64_t gas_limit);

/* A block in the making. The state must be sealed or fresh when it begins; all members are read-only for users. */
typedef struct {
    posw_state *state; /* borrowed */
    const posw_params *params;
    const posw_stake_table *table; /* in force; borrowed */
    uint64_t number, timestamp, base_fee_wei, gas_limit, gas_used;
    posw_address beneficiary;
    posw_u256 base_fees_wei; /* taken so far */
    uint8_t bloom[POSW_BLOOM_SIZE];
    posw_buf receipts; /* one after another: length (4, big-endian) ‖ consensus encoding */
    size_t tx_count;
} posw_execution;

void posw_execution_begin(posw_execution *x, posw_state *state, const posw_params *p, const posw_stake_table *table,
                          uint64_t number, uint64_t timestamp, uint64_t base_fee_wei, const posw_address *beneficiary);
/* Executes one transaction; *refusal not POSW_TX_FITS: nothing changed. 0 or an operating error. */
int posw_execution_tx(posw_execution *x, enum posw_tx_refusal *refusal, const posw_tx *tx, const posw_address *sender);
typedef struct {
    posw_hash state_root, receipts_root;
    uint8_t bloom[POSW_BLOOM_SIZE];
    uint64_t gas_used;
    posw_buf receipts; /* as above; owned by the result */
    posw_buf undo;     /* owned by the result */
} posw_execution_result;
/* Rewards (R), sealing, roots. */
int posw_execution_finish(posw_execution *x, posw_execution_result *out);
void posw_execution_clear(posw_execution *x);
void posw_execution_result_clear(posw_execution_result *r);
/* The i-th receipt of a receipts buffer; false if there is none. */
POSW_MUST_USE bool posw_receipts_at(posw_bytes *out, posw_bytes receipts, size_t i);

/* A whole block on the parent's state: POSW_OK and a verdict (X2 to X8), or an operating error. senders: one a
 * transaction. The transactions root is not checked here (see chain/prepare.h). On a verdict other than valid the state
 * is to be dropped. */
int posw_execute_block(posw_execution_result *out, posw_verdict *verdict, posw_state *state, const posw_params *p,
                       const posw_stake_table *table, const posw_block *block, const posw_address *senders);

/* eth_call and eth_estimateGas: a message on a state that the caller throws away. from need not pay for gas. */
typedef struct {
    posw_address from;
    bool has_to;
    posw_address to;
    posw_u256 value_wei;
    posw_bytes input;
    uint64_t gas_limit;
    uint64_t access_addresses, access_keys;
} posw_message_call;
/* gas_used includes intrinsic gas (0 with status OUT_OF_GAS when the limit is below it). POSW_ERANGE: the sender cannot
 * pay the value. */
int posw_execute_call(posw_call_result *out, posw_buf *output, posw_state *state, const posw_staking_env *env,
                      const posw_message_call *call);

#endif
