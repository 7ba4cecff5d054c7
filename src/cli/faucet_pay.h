/* One step of a faucet's payment with the node, which blocks: it is made on another thread than the one that owns the
 * book. */
#ifndef POSW_CLI_FAUCET_PAY_H
#define POSW_CLI_FAUCET_PAY_H

#include "cli/faucet_book.h"
#include "cli/rpc_client.h"

/* Who pays, and through which node. Borrowed by the step. */
typedef struct {
    posw_address from;
    uint8_t secret[32];
    posw_u256 max_fee_wei; /* a unit of gas, at most */
    uint64_t chain_id;     /* the only one that is paid on; 0: that of the node */
    cli_rpc rpc;
} faucet_payer;

enum faucet_outcome {
    FAUCET_AWAY,     /* the node gives no answer: the same again later */
    FAUCET_PREPARED, /* signed: to be written down before it is sent */
    FAUCET_TAKEN,    /* the node has it */
    FAUCET_MINED,
    FAUCET_REPLACED, /* another transaction has its nonce in a block: it can never happen and is to be signed anew */
    FAUCET_WAITS,    /* the node does not take it now; the same again later */
    FAUCET_EMPTY,    /* the account has too little: nothing was signed */
};

/* A copy of what the step needs, and what it found. The caller clears raw. */
typedef struct {
    faucet_payer *payer;
    faucet_payment payment;
    uint64_t nonce_min;
    enum faucet_outcome outcome;
    posw_message why;
} faucet_step;

/* By payment.state: FAUCET_QUEUED is signed, FAUCET_SIGNED is sent, of FAUCET_SENT it is asked whether it is in a
 * block, and it is sent again if the node has forgotten it. Fills outcome, why, and nonce, hash and raw of the payment.
 */
void faucet_step_run(faucet_step *s);

#endif
