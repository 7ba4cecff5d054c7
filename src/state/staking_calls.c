/* Calls of the staking contract (protocol S3 to S8, gas X6): find the function, charge it, check, then change. */
#include "state/staking_calls.h"

#include "base/bytes.h"
#include "codec/abi.h"
#include "posw/stake.h"
#include "state/staking_ledger.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { SELECTOR_SIZE = 4, REASON_MAX = 200, ADDRESS_PAD = POSW_HASH_SIZE - POSW_ADDRESS_SIZE };

/* ---- the frame ---- */

void posw_frame_revert(posw_staking_frame *f, const char *format, ...) {
    char reason[REASON_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    f->result->status = POSW_CALL_REVERTED;
    posw_abi_append_revert(f->output, reason);
}

void posw_frame_out_of_gas(posw_staking_frame *f) {
    f->result->status = POSW_CALL_OUT_OF_GAS;
    f->result->gas_used = f->gas;
}

bool posw_frame_address(posw_staking_frame *f, posw_address *out, size_t i) {
    if (posw_abi_address(out, f->input, i)) return true;
    posw_frame_revert(f, "argument %zu is missing or not an address", i + 1);
    return false;
}

bool posw_frame_u256(posw_staking_frame *f, posw_u256 *out, size_t i) {
    if (posw_abi_word(out, f->input, i)) return true;
    posw_frame_revert(f, "argument %zu is missing", i + 1);
    return false;
}

/* ---- events ---- */

static posw_hash address_topic(const posw_address *a) {
    posw_hash h = {{0}};
    memcpy(h.b + ADDRESS_PAD, a->b, sizeof a->b);
    return h;
}

static posw_event_log *emit(posw_staking_frame *f, const char *signature) {
    posw_event_log *log = &f->result->logs[f->result->log_count++];
    log->address = POSW_STAKING_ADDRESS;
    posw_abi_topic(&log->topics[0], signature);
    log->topic_count = 1;
    log->data_size = 0;
    return log;
}

static void emit_topic(posw_event_log *log, const posw_address *a) {
    log->topics[log->topic_count++] = address_topic(a);
}

static void emit_data(posw_event_log *log, const posw_u256 *v) {
    posw_u256_to_be(log->data + log->data_size, v);
    log->data_size += POSW_HASH_SIZE;
}

/* ---- functions that change something ---- */

/* S3 */
static void run_stake(posw_staking_frame *f) {
    posw_address miner;
    if (!posw_frame_address(f, &miner, 0)) return;
    const posw_params *p = f->env->params;
    const char *refusal = posw_ledger_stake_refusal(&f->words, p, f->caller, &miner, f->value);
    if (refusal != NULL) {
        posw_frame_revert(f, "%s", refusal);
        return;
    }
    posw_ledger_stake(&f->words, f->caller, &miner, f->value, posw_epoch_of(p, f->env->number));
    posw_u256 active_from = posw_u256_from_u64(posw_epoch_active_from(p, f->env->number));
    posw_event_log *log = emit(f, "Staked(address,address,uint256,uint256)");
    emit_topic(log, f->caller);
    emit_topic(log, &miner);
    emit_data(log, f->value);
    emit_data(log, &active_from);
}

/* S4 */
static void run_unstake(posw_staking_frame *f) {
    posw_address miner;
    posw_u256 wei;
    if (!posw_frame_address(f, &miner, 0) || !posw_frame_u256(f, &wei, 1)) return;
    uint64_t unlock_block = f->env->number + f->env->params->unbonding_blocks;
    const char *refusal = posw_ledger_unstake_refusal(&f->words, f->env->params, f->caller, &miner, &wei, unlock_block);
    if (refusal != NULL) {
        posw_frame_revert(f, "%s", refusal);
        return;
    }
    posw_ledger_unstake(&f->words, f->caller, &miner, &wei, unlock_block);
    posw_u256 unlock = posw_u256_from_u64(unlock_block);
    posw_event_log *log = emit(f, "Unstaked(address,address,uint256,uint256)");
    emit_topic(log, f->caller);
    emit_topic(log, &miner);
    emit_data(log, &wei);
    emit_data(log, &unlock);
}

static void pay_exits(posw_staking_frame *f, const posw_ledger_due *due) {
    posw_ledger_withdraw(&f->words, f->caller, due);
    int rc = posw_state_sub_balance(f->words.state, &POSW_STAKING_ADDRESS, &due->wei);
    if (rc == POSW_ERANGE) rc = POSW_ECORRUPT; /* the contract holds less than it owes */
    if (rc == POSW_OK) rc = posw_state_add_balance(f->words.state, f->caller, &due->wei);
    if (rc != POSW_OK) posw_words_fail(&f->words, rc);
    posw_event_log *log = emit(f, "Withdrawn(address,uint256)");
    emit_topic(log, f->caller);
    emit_data(log, &due->wei);
}

/* S5, and of X6 the price of each exit */
static void run_withdraw(posw_staking_frame *f) {
    posw_ledger_due due = posw_ledger_find_due(&f->words, f->caller, f->env->number);
    f->result->gas_used += due.count * POSW_GAS_WITHDRAW_EXIT;
    if (f->result->gas_used > f->gas)
        posw_frame_out_of_gas(f);
    else if (due.count > 0)
        pay_exits(f, &due);
    else if (due.next_unlock > 0)
        posw_frame_revert(f, "withdraw: nothing to withdraw yet; your next exit unlocks at block %" PRIu64,
                          due.next_unlock);
    else
        posw_frame_revert(f, "withdraw: no exits");
}

/* S6 */
static void run_set_signer(posw_staking_frame *f) {
    posw_address signer;
    if (!posw_frame_address(f, &signer, 0)) return;
    posw_address stored = posw_address_equal(&signer, f->caller) ? (posw_address){{0}} : signer;
    posw_words_set_address(&f->words, posw_slot_signer(f->caller), &stored);
    posw_event_log *log = emit(f, "SignerChanged(address,address)");
    emit_topic(log, f->caller);
    emit_topic(log, &signer);
}

/* ---- dispatch ---- */

static const posw_staking_function functions[] = {
    {"stake(address)", 0x26476204, POSW_GAS_STAKE, true, run_stake},
    {"unstake(address,uint256)", 0xc2a672e0, POSW_GAS_UNSTAKE, false, run_unstake},
    {"withdraw()", 0x3ccfd60b, POSW_GAS_WITHDRAW, false, run_withdraw},
    {"setSigner(address)", 0x6c19e783, POSW_GAS_SET_SIGNER, false, run_set_signer},
    {"stakeOf(address)", 0x42623360, POSW_GAS_VIEW, false, posw_view_stake_of_miner},
    {"stakeOf(address,address)", 0xce4cb876, POSW_GAS_VIEW, false, posw_view_stake_of_owner},
    {"activeStakeOf(address)", 0x5e7c4841, POSW_GAS_VIEW, false, posw_view_active_stake_of},
    {"pendingOf(address)", 0xf44136a1, POSW_GAS_VIEW, false, posw_view_pending_of},
    {"exitsOf(address)", 0x186f82f8, POSW_GAS_VIEW, false, posw_view_exits_of},
    {"signerOf(address)", 0x5b5175d5, POSW_GAS_VIEW, false, posw_view_signer_of},
    {"totalStake()", 0x8b0e9f3f, POSW_GAS_VIEW, false, posw_view_total_stake},
    {"ticketPrice()", 0x1209b1f6, POSW_GAS_VIEW, false, posw_view_ticket_price},
    {"weightOf(address)", 0xdd4bc101, POSW_GAS_VIEW, false, posw_view_weight_of},
};

const posw_staking_function *posw_staking_functions(size_t *count) {
    *count = POSW_ARRAY_SIZE(functions);
    return functions;
}

static const posw_staking_function *find_function(posw_bytes input) {
    if (input.size < SELECTOR_SIZE) return NULL;
    uint32_t selector = posw_load_be32(input.data);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(functions); i++)
        if (functions[i].selector == selector) return &functions[i];
    return NULL;
}

/* "stake" of "stake(address)", for a printf with %.*s. */
static int name_size(const posw_staking_function *fn) {
    return (int)strcspn(fn->signature, "(");
}

/* S8, X6: charged as soon as it is known, then run. */
static void dispatch(posw_staking_frame *f) {
    const posw_staking_function *fn = find_function(f->input);
    uint64_t gas = fn == NULL ? POSW_GAS_VIEW : fn->gas;
    if (gas > f->gas) {
        posw_frame_out_of_gas(f);
        return;
    }
    f->result->gas_used = gas;
    if (fn == NULL)
        posw_frame_revert(f, f->input.size == 0 ? "the staking contract takes coins only by stake(address miner)"
                                                : "the staking contract has no such function");
    else if (!fn->payable && !posw_u256_is_zero(f->value))
        posw_frame_revert(f, "%.*s: takes no coins", name_size(fn), fn->signature);
    else
        fn->run(f);
}

int posw_staking_call(posw_call_result *out, posw_buf *output, posw_state *s, const posw_staking_env *env,
                      const posw_address *caller, const posw_u256 *value, posw_bytes input, uint64_t gas) {
    out->status = POSW_CALL_OK;
    out->gas_used = 0;
    out->log_count = 0;
    posw_staking_frame f = {
        .words = {s, POSW_OK},
        .env = env,
        .caller = caller,
        .value = value,
        .input = input,
        .gas = gas,
        .result = out,
        .output = output,
    };
    dispatch(&f);
    if (out->status != POSW_CALL_OK) out->log_count = 0;
    if (f.words.error != POSW_OK) return f.words.error;
    return output->failed ? POSW_ENOMEM : POSW_OK;
}
