/* A small chain for the tests of the state: genesis, blocks of transactions, and the invariants that hold after each
 * block. */
#ifndef POSW_TEST_STATE_WORLD_H
#define POSW_TEST_STATE_WORLD_H

#include "codec/abi.h"
#include "codec/rlp.h"
#include "core/made.h"
#include "crypto/keccak.h"
#include "posw/economy.h"
#include "state/account.h"
#include "state/execute.h"
#include "state/genesis.h"
#include "state/staking.h"

#include <stdio.h>

enum { WORLD_EPOCH = 8, WORLD_UNBONDING = 16, WORLD_BASE_FEE = 1000, WORLD_RICH = 8 };

typedef struct {
    posw_chain_spec spec;
    posw_header genesis;
    posw_state *state;
    posw_execution x;
    uint64_t number; /* of the block that is being made, or of the last one */
    posw_address beneficiary;
    posw_execution_result last; /* of world_end */
    /* of world_send */
    enum posw_tx_refusal refusal;
    posw_receipt receipt;
    posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
    uint64_t gas_used;
} world;

static const posw_address WORLD_TREASURY = {{0x7e, 0xa5}}, WORLD_BENEFICIARY = {{0xbe, 0xef}};

/* Accounts of world_open: each has 1,000,000 coins. */
static inline posw_address rich(uint8_t i) {
    return made_address((uint8_t)(0xa0 + i));
}

static inline posw_params world_params(enum posw_fee_rule fees) {
    posw_params p = made_params();
    p.epoch_blocks = p.window_blocks = p.reorg_max_blocks = WORLD_EPOCH;
    p.unbonding_blocks = WORLD_UNBONDING;
    p.stake_min_wei = coins(10);
    p.reward_initial_wei = coins(2);
    p.reward_tail_wei = coins(0);
    p.halving_blocks = 1000;
    p.treasury = WORLD_TREASURY;
    p.treasury_share = 500;
    p.fee_rule = fees;
    p.pool_blocks = fees == POSW_FEE_POOL ? 10 : 0;
    p.base_fee_initial_wei = WORLD_BASE_FEE;
    p.base_fee_min_wei = 7;
    return p;
}

static inline void world_genesis(world *w) {
    posw_message msg = {{0}};
    if (posw_chain_spec_check(&w->spec, NULL, &msg) != POSW_OK) fail_msg("%s", msg.text);
    assert_int_equal(posw_state_open(&w->state, &POSW_TRIE_EMPTY_ROOT, NULL), POSW_OK);
    assert_int_equal(posw_genesis_build(&w->genesis, w->state, &w->spec), POSW_OK);
}

static inline void world_open(world *w, enum posw_fee_rule fees) {
    *w = (world){.beneficiary = WORLD_BENEFICIARY};
    strcpy(w->spec.name, "world");
    strcpy(w->spec.ticker, "WRLD");
    w->spec.params = world_params(fees);
    w->spec.accounts = calloc(WORLD_RICH, sizeof *w->spec.accounts);
    w->spec.account_count = WORLD_RICH;
    for (uint8_t i = 0; i < WORLD_RICH; i++)
        w->spec.accounts[i] = (posw_genesis_account){rich(i), coins(1000000)};
    world_genesis(w);
}

static inline void world_close(world *w) {
    posw_execution_clear(&w->x);
    posw_execution_result_clear(&w->last);
    posw_state_free(w->state);
    posw_chain_spec_clear(&w->spec);
}

static inline void world_begin(world *w) {
    w->number++;
    posw_execution_begin(&w->x, w->state, &w->spec.params, NULL, w->number, 1700000000 + w->number, WORLD_BASE_FEE,
                         &w->beneficiary);
}

/* ---- what must always hold ---- */

static inline int world_add_balance(void *arg, const uint8_t *key, size_t key_size, posw_bytes value) {
    posw_u256 *sum = arg;
    posw_account a;
    (void)key;
    assert_int_equal(key_size, 32);
    assert_true(posw_account_decode(&a, value));
    assert_false(posw_account_is_empty(&a));
    *sum = plus(sum, &a.balance_wei);
    return POSW_OK;
}

/* S9, S1, E2. The state is sealed. */
static inline void world_check(world *w) {
    posw_staking_totals t;
    assert_int_equal(posw_staking_read_totals(w->state, &t), POSW_OK);
    posw_u256 sum = POSW_U256_ZERO;
    assert_int_equal(posw_state_walk_accounts(w->state, world_add_balance, &sum), POSW_OK);
    assert_u256(&sum, &t.supply_wei);
    posw_u256 held = plus(&t.staked_wei, &t.exiting_wei);
    held = plus(&held, &t.fee_pool_wei);
    posw_account contract;
    assert_int_equal(posw_state_account(w->state, &contract, &POSW_STAKING_ADDRESS), POSW_OK);
    assert_u256(&contract.balance_wei, &held);
    posw_stake_table *table;
    assert_int_equal(posw_staking_table(w->state, &table), POSW_OK);
    assert_int_equal(table->count, t.miners);
    assert_u256(&table->total_wei, &t.staked_wei);
    assert_u256(&table->supply_wei, &t.supply_wei);
    free(table);
}

static inline void world_end(world *w) {
    posw_execution_result_clear(&w->last);
    assert_int_equal(posw_execution_finish(&w->x, &w->last), POSW_OK);
    posw_execution_clear(&w->x);
    world_check(w);
}

/* Empty blocks up to and with this number. */
static inline void world_skip_to(world *w, uint64_t number) {
    while (w->number < number) {
        world_begin(w);
        world_end(w);
    }
}

/* ---- transactions ---- */

static inline posw_u256 balance_of(world *w, posw_address a) {
    posw_account account;
    assert_int_equal(posw_state_account(w->state, &account, &a), POSW_OK);
    return account.balance_wei;
}

static inline uint64_t nonce_of(world *w, posw_address a) {
    posw_account account;
    assert_int_equal(posw_state_account(w->state, &account, &a), POSW_OK);
    return account.nonce;
}

/* Type 2, tip 0, the sender's next nonce. */
static inline posw_tx world_tx(world *w, posw_address from, posw_address to, posw_u256 value, posw_bytes input,
                               uint64_t gas) {
    return (posw_tx){.type = POSW_TX_DYNAMIC_FEE,
                     .is_protected = true,
                     .chain_id = w->spec.params.chain_id,
                     .nonce = nonce_of(w, from),
                     .gas_limit = gas,
                     .max_fee = u64(WORLD_BASE_FEE),
                     .has_to = true,
                     .to = to,
                     .value = value,
                     .input = input};
}

/* Executes; when it fits, decodes its receipt. */
static inline void world_execute(world *w, const posw_tx *tx, posw_address from) {
    uint64_t before = w->x.gas_used;
    assert_int_equal(posw_execution_tx(&w->x, &w->refusal, tx, &from), POSW_OK);
    w->gas_used = w->x.gas_used - before;
    if (w->refusal != POSW_TX_FITS) {
        assert_int_equal(w->gas_used, 0);
        return;
    }
    posw_bytes encoded;
    assert_true(posw_receipts_at(&encoded, posw_buf_view(&w->x.receipts), w->x.tx_count - 1));
    assert_true(posw_receipt_decode(&w->receipt, w->logs, encoded.data, encoded.size));
    assert_int_equal(w->receipt.type, tx->type);
    assert_int_equal(w->receipt.cumulative_gas_used, w->x.gas_used);
}

/* A call of the staking contract with plenty of gas; true if it succeeded. It must fit. */
static inline bool world_call(world *w, posw_address from, posw_u256 value, const posw_buf *input) {
    posw_tx tx = world_tx(w, from, POSW_STAKING_ADDRESS, value, posw_buf_view(input), 1000000);
    world_execute(w, &tx, from);
    assert_int_equal(w->refusal, POSW_TX_FITS);
    return w->receipt.success;
}

static inline bool world_stake(world *w, posw_address from, posw_address miner, posw_u256 wei) {
    posw_buf in = {0};
    posw_abi_append_selector(&in, "stake(address)");
    posw_abi_append_address(&in, &miner);
    bool ok = world_call(w, from, wei, &in);
    posw_buf_clear(&in);
    return ok;
}

static inline bool world_unstake(world *w, posw_address from, posw_address miner, posw_u256 wei) {
    posw_buf in = {0};
    posw_abi_append_selector(&in, "unstake(address,uint256)");
    posw_abi_append_address(&in, &miner);
    posw_abi_append_u256(&in, &wei);
    bool ok = world_call(w, from, u64(0), &in);
    posw_buf_clear(&in);
    return ok;
}

static inline bool world_withdraw(world *w, posw_address from) {
    posw_buf in = {0};
    posw_abi_append_selector(&in, "withdraw()");
    bool ok = world_call(w, from, u64(0), &in);
    posw_buf_clear(&in);
    return ok;
}

static inline bool world_set_signer(world *w, posw_address from, posw_address signer) {
    posw_buf in = {0};
    posw_abi_append_selector(&in, "setSigner(address)");
    posw_abi_append_address(&in, &signer);
    bool ok = world_call(w, from, u64(0), &in);
    posw_buf_clear(&in);
    return ok;
}

/* The call as eth_call would make it for the next transaction of this block, on the block's own state, which is taken
 * back. Returns the reason of a revert, NULL when it succeeds. Static storage. */
static inline const char *world_reason(world *w, posw_address from, posw_u256 value, posw_bytes input) {
    static char reason[256];
    posw_staking_env env = {.params = &w->spec.params, .number = w->number};
    posw_message_call call = {.from = from,
                              .has_to = true,
                              .to = POSW_STAKING_ADDRESS,
                              .value_wei = value,
                              .input = input,
                              .gas_limit = 1000000};
    posw_call_result result;
    posw_buf output = {0};
    size_t mark = posw_state_mark(w->state);
    assert_int_equal(posw_execute_call(&result, &output, w->state, &env, &call), POSW_OK);
    posw_state_revert(w->state, mark);
    assert_int_not_equal(result.status, POSW_CALL_OUT_OF_GAS);
    if (result.status == POSW_CALL_REVERTED)
        assert_true(posw_abi_revert_reason(reason, sizeof reason, posw_buf_view(&output)));
    posw_buf_clear(&output);
    return result.status == POSW_CALL_OK ? NULL : reason;
}

#endif
