/* Inside of the staking contract's call: the table of functions and the frame that each gets. */
#ifndef POSW_STATE_STAKING_CALLS_H
#define POSW_STATE_STAKING_CALLS_H

#include "state/staking.h"
#include "state/staking_words.h"

/* X6, beyond intrinsic gas. */
enum {
    POSW_GAS_STAKE = 60000,
    POSW_GAS_UNSTAKE = 70000,
    POSW_GAS_WITHDRAW = 30000,
    POSW_GAS_WITHDRAW_EXIT = 6000,
    POSW_GAS_SET_SIGNER = 25000,
    POSW_GAS_VIEW = 3000, /* and whatever reverts before its function is known */
};

typedef struct {
    posw_words words;
    const posw_staking_env *env;
    const posw_address *caller;
    const posw_u256 *value;
    posw_bytes input;
    uint64_t gas;
    posw_call_result *result;
    posw_buf *output;
} posw_staking_frame;

typedef struct {
    const char *signature;
    uint32_t selector; /* of the signature; a constant so that a call hashes nothing to find it */
    uint32_t gas;
    bool payable;
    void (*run)(posw_staking_frame *f);
} posw_staking_function;

const posw_staking_function *posw_staking_functions(size_t *count);

void posw_frame_revert(posw_staking_frame *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
void posw_frame_out_of_gas(posw_staking_frame *f);
/* Argument i as an address; reverts the frame when it is not one. */
POSW_MUST_USE bool posw_frame_address(posw_staking_frame *f, posw_address *out, size_t i);
POSW_MUST_USE bool posw_frame_u256(posw_staking_frame *f, posw_u256 *out, size_t i);

/* The views of S7 (staking_views.c). */
void posw_view_stake_of_miner(posw_staking_frame *f);
void posw_view_stake_of_owner(posw_staking_frame *f);
void posw_view_active_stake_of(posw_staking_frame *f);
void posw_view_pending_of(posw_staking_frame *f);
void posw_view_exits_of(posw_staking_frame *f);
void posw_view_signer_of(posw_staking_frame *f);
void posw_view_total_stake(posw_staking_frame *f);
void posw_view_ticket_price(posw_staking_frame *f);
void posw_view_weight_of(posw_staking_frame *f);

#endif
