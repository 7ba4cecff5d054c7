/* Helpers of the tests of the staking contract: inputs, words, and a call that must revert. */
#ifndef POSW_TEST_STATE_STAKING_TEST_H
#define POSW_TEST_STATE_STAKING_TEST_H

#include "state/world.h"

static inline posw_address miner_of(uint64_t n) {
    posw_address a = {{0x11}};
    posw_store_be64(a.b + 12, n);
    return a;
}

/* selector ‖ up to two words */
static inline posw_buf input_of(const char *signature, const posw_address *a, const posw_u256 *v) {
    posw_buf b = {0};
    posw_abi_append_selector(&b, signature);
    if (a != NULL) posw_abi_append_address(&b, a);
    if (v != NULL) posw_abi_append_u256(&b, v);
    return b;
}

static inline uint64_t intrinsic_of(const posw_buf *input) {
    posw_tx shape = {.input = posw_buf_view(input)};
    return posw_tx_intrinsic_gas(&shape);
}

static inline posw_u256 word_at(world *w, const posw_hash *slot) {
    posw_u256 v;
    assert_int_equal(posw_state_word(w->state, &v, slot), POSW_OK);
    return v;
}

static inline posw_u256 stake_of(world *w, posw_address miner) {
    posw_u256 v;
    assert_int_equal(posw_staking_stake_of(w->state, &v, &miner), POSW_OK);
    return v;
}

/* As eth_call: the reason. As a transaction: a failed receipt without logs, the value is back, the fee of the function
 * is kept. */
static inline void assert_reverts(world *w, posw_address from, posw_u256 value, const posw_buf *input, uint64_t gas,
                                  const char *reason) {
    const char *got = world_reason(w, from, value, posw_buf_view(input));
    assert_non_null(got);
    assert_string_equal(got, reason);
    posw_u256 before = balance_of(w, from), contract = balance_of(w, POSW_STAKING_ADDRESS);
    uint64_t nonce = nonce_of(w, from);
    posw_staking_totals t[2];
    assert_int_equal(posw_staking_read_totals(w->state, &t[0]), POSW_OK);
    assert_false(world_call(w, from, value, input));
    assert_int_equal(posw_staking_read_totals(w->state, &t[1]), POSW_OK);
    assert_memory_equal(&t[0], &t[1], sizeof t[0]);
    assert_int_equal(w->receipt.log_count, 0);
    assert_int_equal(w->gas_used, intrinsic_of(input) + gas);
    assert_int_equal(nonce_of(w, from), nonce + 1);
    posw_u256 fee = u64(w->gas_used * WORLD_BASE_FEE), after = balance_of(w, from);
    assert_true(posw_u256_sub(&before, &before, &fee));
    assert_u256(&after, &before);
    after = balance_of(w, POSW_STAKING_ADDRESS);
    assert_u256(&after, &contract);
}

static inline void reverts(world *w, posw_address from, posw_u256 value, posw_buf input, uint64_t gas,
                           const char *reason) {
    assert_reverts(w, from, value, &input, gas, reason);
    posw_buf_clear(&input);
}

#endif
