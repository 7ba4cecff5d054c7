/* Transactions and blocks: fees to the wei, every refusal, receipts, rewards, and what a validator compares. */
#include "state/disk.h"
#include "state/world.h"

static posw_u256 wei_sum(posw_u256 a, posw_u256 b) {
    return plus(&a, &b);
}

static posw_u256 wei_difference(posw_u256 a, posw_u256 b) {
    posw_u256 out;
    assert_true(posw_u256_sub(&out, &a, &b));
    return out;
}

static void assert_balance(world *w, posw_address a, posw_u256 want) {
    posw_u256 got = balance_of(w, a);
    assert_u256(&got, &want);
}

static const posw_bytes NO_INPUT = {NULL, 0};

/* ---- transfers ---- */

/* X5, X6: to the wei, for a price and tip of each type. gas limit above what is used: the rest comes back. */
static void check_transfer(enum posw_tx_type type, uint64_t max_fee, uint64_t max_tip, uint64_t price) {
    world w;
    world_open(&w, POSW_FEE_BURN);
    world_begin(&w);
    posw_address from = rich(0), to = made_address(0x11);
    posw_tx tx = world_tx(&w, from, to, u64(12345), NO_INPUT, 50000);
    tx.type = type;
    tx.max_fee = u64(max_fee);
    tx.max_tip = u64(max_tip);
    world_execute(&w, &tx, from);
    assert_int_equal(w.refusal, POSW_TX_FITS);
    assert_true(w.receipt.success);
    assert_int_equal(w.receipt.log_count, 0);
    assert_int_equal(w.gas_used, 21000);
    assert_balance(&w, from, wei_difference(coins(1000000), u64(12345 + 21000 * price)));
    assert_balance(&w, to, u64(12345));
    assert_balance(&w, WORLD_BENEFICIARY, u64(21000 * (price - WORLD_BASE_FEE)));
    assert_int_equal(nonce_of(&w, from), 1);
    assert_u256_is(&w.x.base_fees_wei, 21000 * WORLD_BASE_FEE);
    world_end(&w);
    posw_staking_totals t;
    assert_int_equal(posw_staking_read_totals(w.state, &t), POSW_OK);
    posw_u256 supply = wei_difference(coins(8000002), u64(21000 * WORLD_BASE_FEE));
    assert_u256(&t.supply_wei, &supply);
    posw_u256 reward = coins(1);
    assert_balance(&w, WORLD_TREASURY, posw_u256_div_u64(&reward, 10)); /* 5 % of 2 coins */
    reward = coins(19);
    reward = posw_u256_div_u64(&reward, 10);
    assert_balance(&w, WORLD_BENEFICIARY, wei_sum(reward, u64(21000 * (price - WORLD_BASE_FEE))));
    assert_int_equal(w.last.gas_used, 21000);
    world_close(&w);
}

static void test_transfers_of_all_types(void **state) {
    (void)state;
    check_transfer(POSW_TX_LEGACY, 3000, 3000, 3000);
    check_transfer(POSW_TX_ACCESS_LIST, 1001, 1001, 1001);
    check_transfer(POSW_TX_DYNAMIC_FEE, 3000, 500, 1500);
    check_transfer(POSW_TX_DYNAMIC_FEE, 1200, 500, 1200); /* the tip is cut */
    check_transfer(POSW_TX_DYNAMIC_FEE, 1000, 0, 1000);
    check_transfer(POSW_TX_LEGACY, 1000, 1000, 1000);
}

static void test_special_transfers(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    world_begin(&w);
    posw_address a = rich(0), none = made_address(0x22);
    posw_tx tx = world_tx(&w, a, a, coins(5), NO_INPUT, 21000); /* to itself */
    world_execute(&w, &tx, a);
    assert_int_equal(w.refusal, POSW_TX_FITS);
    assert_balance(&w, a, wei_difference(coins(1000000), u64(21000000)));
    tx = world_tx(&w, a, none, u64(0), NO_INPUT, 21000); /* nothing: no account comes into being */
    world_execute(&w, &tx, a);
    assert_int_equal(w.refusal, POSW_TX_FITS);
    tx = world_tx(&w, a, WORLD_BENEFICIARY, u64(1), NO_INPUT, 21000);
    tx.max_fee = u64(2000);
    tx.max_tip = u64(1);
    world_execute(&w, &tx, a);
    assert_balance(&w, WORLD_BENEFICIARY, u64(21001));
    uint8_t input[7] = {0, 1, 2, 0, 4, 5, 0}; /* X3, X7: input to an account without code only costs */
    tx = world_tx(&w, a, made_address(0x23), u64(9), posw_bytes_of(input, 7), 30000);
    world_execute(&w, &tx, a);
    assert_true(w.receipt.success);
    assert_int_equal(w.gas_used, 21000 + 3 * 4 + 4 * 16);
    tx = world_tx(&w, a, made_address(0x23), u64(9), NO_INPUT, 100000);
    tx.access_addresses = 2;
    tx.access_keys = 3;
    world_execute(&w, &tx, a);
    assert_int_equal(w.gas_used, 21000 + 2 * 2400 + 3 * 1900);
    world_end(&w);
    posw_account absent;
    assert_int_equal(posw_state_account(w.state, &absent, &none), POSW_OK);
    assert_true(posw_account_is_empty(&absent));
    world_close(&w);
}

/* The whole balance can be sent; then the account is nonce and nothing else. */
static void test_empty_the_account(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    world_begin(&w);
    posw_address a = rich(0);
    posw_tx tx = world_tx(&w, a, made_address(1), wei_difference(coins(1000000), u64(21000000)), NO_INPUT, 21000);
    world_execute(&w, &tx, a);
    assert_int_equal(w.refusal, POSW_TX_FITS);
    assert_balance(&w, a, u64(0));
    world_end(&w);
    assert_int_equal(nonce_of(&w, a), 1);
    world_close(&w);
}

/* ---- refusals ---- */

typedef struct {
    world w;
    posw_tx tx;
    posw_address from;
} trial;

static void trial_open(trial *t) {
    world_open(&t->w, POSW_FEE_BURN);
    world_begin(&t->w);
    t->from = rich(0);
    t->tx = world_tx(&t->w, t->from, made_address(1), u64(1), NO_INPUT, 21000);
}

/* Refused, and nothing has changed. */
static void trial_close(trial *t, enum posw_tx_refusal want) {
    world_execute(&t->w, &t->tx, t->from);
    assert_int_equal(t->w.refusal, want);
    assert_int_equal(t->w.x.tx_count, 0);
    assert_int_equal(t->w.x.receipts.size, 0);
    assert_int_equal(nonce_of(&t->w, rich(0)), 0);
    assert_balance(&t->w, rich(0), coins(1000000));
    assert_u256_is(&t->w.x.base_fees_wei, 0);
    world_end(&t->w);
    world_close(&t->w);
}

static void test_refusals(void **state) {
    (void)state;
    trial t;
    trial_open(&t);
    t.tx.type = POSW_TX_LEGACY;
    t.tx.is_protected = false;
    t.tx.chain_id = 0;
    assert_int_equal(posw_tx_check_static(&t.tx, &t.w.spec.params, t.w.spec.params.gas_limit), POSW_TX_UNPROTECTED);
    trial_close(&t, POSW_TX_UNPROTECTED);

    trial_open(&t);
    t.tx.chain_id++;
    assert_int_equal(posw_tx_check_static(&t.tx, &t.w.spec.params, t.w.spec.params.gas_limit), POSW_TX_WRONG_CHAIN);
    trial_close(&t, POSW_TX_WRONG_CHAIN);

    trial_open(&t);
    t.tx.has_to = false;
    assert_int_equal(posw_tx_check_static(&t.tx, &t.w.spec.params, t.w.spec.params.gas_limit),
                     POSW_TX_CREATES_CONTRACT);
    trial_close(&t, POSW_TX_CREATES_CONTRACT);

    trial_open(&t);
    t.tx.gas_limit = 20999;
    assert_int_equal(posw_tx_check_static(&t.tx, &t.w.spec.params, t.w.spec.params.gas_limit), POSW_TX_INTRINSIC_GAS);
    trial_close(&t, POSW_TX_INTRINSIC_GAS);

    trial_open(&t);
    t.tx.access_keys = UINT64_MAX / 2; /* saturates */
    t.tx.gas_limit = t.w.spec.params.gas_limit;
    trial_close(&t, POSW_TX_INTRINSIC_GAS);

    trial_open(&t);
    t.tx.gas_limit = t.w.spec.params.gas_limit + 1;
    assert_int_equal(posw_tx_check_static(&t.tx, &t.w.spec.params, t.w.spec.params.gas_limit), POSW_TX_GAS_ABOVE_BLOCK);
    trial_close(&t, POSW_TX_GAS_ABOVE_BLOCK);

    trial_open(&t);
    t.tx.nonce = UINT64_MAX;
    assert_int_equal(posw_tx_check_static(&t.tx, &t.w.spec.params, t.w.spec.params.gas_limit), POSW_TX_NONCE_MAX);
    trial_close(&t, POSW_TX_NONCE_MAX);

    trial_open(&t);
    t.tx.max_tip = u64(WORLD_BASE_FEE + 1);
    assert_int_equal(posw_tx_check_static(&t.tx, &t.w.spec.params, t.w.spec.params.gas_limit), POSW_TX_TIP_ABOVE_MAX);
    trial_close(&t, POSW_TX_TIP_ABOVE_MAX);

    trial_open(&t);
    t.tx.nonce = 1;
    assert_int_equal(posw_tx_check_static(&t.tx, &t.w.spec.params, t.w.spec.params.gas_limit), POSW_TX_FITS);
    trial_close(&t, POSW_TX_NONCE_HIGH);

    trial_open(&t);
    t.tx.max_fee = u64(WORLD_BASE_FEE - 1);
    trial_close(&t, POSW_TX_FEE_BELOW_BASE);

    trial_open(&t);
    t.from = POSW_STAKING_ADDRESS; /* EIP-3607 */
    t.tx.nonce = 1;
    trial_close(&t, POSW_TX_SENDER_HAS_CODE);

    trial_open(&t);
    t.tx.value = wei_sum(wei_difference(coins(1000000), u64(21000000)), u64(1));
    trial_close(&t, POSW_TX_FUNDS);

    trial_open(&t);
    t.tx.max_fee = coins(1000); /* max fee counts, not the price paid */
    trial_close(&t, POSW_TX_FUNDS);

    trial_open(&t);
    t.tx.max_fee = POSW_U256_MAX; /* overflow of the product */
    trial_close(&t, POSW_TX_FUNDS);

    trial_open(&t);
    t.tx.value = POSW_U256_MAX; /* overflow of the sum */
    trial_close(&t, POSW_TX_FUNDS);

    trial_open(&t);
    t.from = made_address(0x33); /* an account that does not exist */
    trial_close(&t, POSW_TX_FUNDS);
}

static void test_nonce_low_and_block_full(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    w.spec.params.gas_limit = 65000;
    world_begin(&w);
    posw_address a = rich(0);
    posw_tx tx = world_tx(&w, a, made_address(1), u64(1), NO_INPUT, 21000);
    world_execute(&w, &tx, a);
    assert_int_equal(w.refusal, POSW_TX_FITS);
    world_execute(&w, &tx, a);
    assert_int_equal(w.refusal, POSW_TX_NONCE_LOW);
    tx.nonce = 1;
    tx.gas_limit = 44001; /* the block has 44,000 left */
    world_execute(&w, &tx, a);
    assert_int_equal(w.refusal, POSW_TX_GAS_ABOVE_BLOCK);
    tx.gas_limit = 44000;
    world_execute(&w, &tx, a);
    assert_int_equal(w.refusal, POSW_TX_FITS); /* uses 21,000: 23,000 left */
    tx.nonce = 2;
    tx.gas_limit = 23000;
    world_execute(&w, &tx, a);
    assert_int_equal(w.refusal, POSW_TX_FITS);
    tx.nonce = 3;
    tx.gas_limit = 21000;
    world_execute(&w, &tx, a);
    assert_int_equal(w.refusal, POSW_TX_GAS_ABOVE_BLOCK);
    assert_int_equal(w.x.tx_count, 3);
    world_end(&w);
    world_close(&w);
}

/* The largest nonce that may be used is 2^64 - 2. */
static void test_last_nonce(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    posw_address a = rich(0);
    posw_account account;
    assert_int_equal(posw_state_account(w.state, &account, &a), POSW_OK);
    account.nonce = UINT64_MAX - 1;
    assert_int_equal(posw_state_set_account(w.state, &a, &account), POSW_OK);
    world_begin(&w);
    posw_tx tx = world_tx(&w, a, made_address(1), u64(1), NO_INPUT, 21000);
    world_execute(&w, &tx, a);
    assert_int_equal(w.refusal, POSW_TX_FITS);
    assert_true(nonce_of(&w, a) == UINT64_MAX);
    tx = world_tx(&w, a, made_address(1), u64(1), NO_INPUT, 21000);
    world_execute(&w, &tx, a);
    assert_int_equal(w.refusal, POSW_TX_NONCE_MAX);
    world_end(&w);
    world_close(&w);
}

/* ---- rewards ---- */

/* R3, R4: pool = (pool + fees) - (pool + fees) / 10. */
static void test_fee_pool(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_POOL);
    posw_u256 pool = u64(0), paid = u64(0);
    posw_u256 subsidy = coins(19);
    subsidy = posw_u256_div_u64(&subsidy, 10);
    for (uint64_t n = 1; n <= 40; n++) {
        world_begin(&w);
        for (uint64_t k = 0; n % 3 == 1 && k < n; k++) {
            posw_tx tx = world_tx(&w, rich(1), made_address(5), u64(1), NO_INPUT, 21000);
            world_execute(&w, &tx, rich(1));
            pool = wei_sum(pool, u64(21000 * WORLD_BASE_FEE));
        }
        world_end(&w);
        posw_u256 payout = posw_u256_div_u64(&pool, 10);
        pool = wei_difference(pool, payout);
        paid = wei_sum(wei_sum(paid, payout), subsidy);
        posw_staking_totals t;
        assert_int_equal(posw_staking_read_totals(w.state, &t), POSW_OK);
        assert_u256(&t.fee_pool_wei, &pool);
        assert_balance(&w, WORLD_BENEFICIARY, paid);
        posw_u256 supply = coins(8000000 + 2 * n); /* nothing is burnt */
        assert_u256(&t.supply_wei, &supply);
    }
    world_close(&w);
}

static void test_halving(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    w.spec.params.halving_blocks = 3;
    w.spec.params.treasury_share = 0;
    w.spec.params.reward_initial_wei = u64(1000);
    w.spec.params.reward_tail_wei = u64(200);
    static const uint64_t rewards[] = {1000, 1000, 500, 500, 500, 250, 250, 250, 200, 200};
    uint64_t sum = 0;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(rewards); i++) {
        world_begin(&w);
        world_end(&w);
        sum += rewards[i];
        assert_balance(&w, WORLD_BENEFICIARY, u64(sum));
    }
    assert_balance(&w, WORLD_TREASURY, u64(0));
    world_close(&w);
}

/* ---- receipts ---- */

static void test_receipts_and_bloom(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    world_begin(&w);
    assert_true(world_stake(&w, rich(0), made_address(9), coins(10)));
    assert_false(world_stake(&w, rich(0), made_address(9), coins(9)));
    posw_tx tx = world_tx(&w, rich(1), rich(2), coins(9), NO_INPUT, 21000);
    tx.type = POSW_TX_LEGACY;
    tx.max_tip = tx.max_fee;
    world_execute(&w, &tx, rich(1));
    world_end(&w);
    posw_bytes all = posw_buf_view(&w.last.receipts), item[3], more;
    uint8_t bloom[POSW_BLOOM_SIZE] = {0};
    uint64_t gas = 0;
    for (size_t i = 0; i < 3; i++) {
        posw_receipt r;
        assert_true(posw_receipts_at(&item[i], all, i));
        assert_true(posw_receipt_decode(&r, w.logs, item[i].data, item[i].size));
        assert_int_equal(r.success, i != 1);
        assert_int_equal(r.log_count, i == 0);
        assert_true(r.cumulative_gas_used > gas);
        gas = r.cumulative_gas_used;
        uint8_t part[POSW_BLOOM_SIZE];
        posw_receipt_bloom(part, &r);
        for (size_t k = 0; k < sizeof bloom; k++)
            bloom[k] |= part[k];
    }
    assert_int_equal(gas, w.last.gas_used);
    assert_memory_equal(bloom, w.last.bloom, sizeof bloom);
    assert_true(posw_bloom_has(bloom, POSW_STAKING_ADDRESS.b, 20));
    assert_false(posw_receipts_at(&more, all, 3));
    assert_false(posw_receipts_at(&more, posw_bytes_of(all.data, all.size - 1), 2));
    assert_false(posw_receipts_at(&more, (posw_bytes){NULL, 0}, 0));
    posw_hash root;
    assert_int_equal(posw_trie_list_root(&root, item, 3), POSW_OK);
    assert_memory_equal(&root, &w.last.receipts_root, 32);
    world_begin(&w);
    world_end(&w);
    assert_memory_equal(&w.last.receipts_root, &POSW_TRIE_EMPTY_ROOT, 32);
    world_close(&w);
}

/* ---- whole blocks ---- */

typedef struct {
    world w;
    posw_state *parent;
    posw_tx txs[4];
    posw_address senders[4];
    posw_block block;
    posw_buf input;
} made_block;

/* A valid block 1 with a stake and three transfers, and the state before it. */
static void block_open(made_block *m) {
    memset(m, 0, sizeof *m);
    world_open(&m->w, POSW_FEE_BURN);
    assert_int_equal(posw_state_copy(&m->parent, m->w.state), POSW_OK);
    posw_address miner = made_address(9);
    posw_abi_append_selector(&m->input, "stake(address)");
    posw_abi_append_address(&m->input, &miner);
    world_begin(&m->w);
    for (uint8_t i = 0; i < 4; i++) {
        m->senders[i] = rich(i / 2);
        m->txs[i] = i == 0 ? world_tx(&m->w, rich(0), POSW_STAKING_ADDRESS, coins(50), posw_buf_view(&m->input), 200000)
                           : world_tx(&m->w, m->senders[i], made_address(i), u64(i), NO_INPUT, 21000);
        world_execute(&m->w, &m->txs[i], m->senders[i]);
        assert_true(m->w.refusal == POSW_TX_FITS && m->w.receipt.success);
    }
    world_end(&m->w);
    m->block.txs = m->txs;
    m->block.tx_count = 4;
    posw_header *h = &m->block.header;
    h->number = 1;
    h->timestamp = 1700000001;
    h->beneficiary = WORLD_BENEFICIARY;
    h->base_fee_wei = WORLD_BASE_FEE;
    h->gas_limit = m->w.spec.params.gas_limit;
    h->gas_used = m->w.last.gas_used;
    h->state_root = m->w.last.state_root;
    h->receipts_root = m->w.last.receipts_root;
    memcpy(h->logs_bloom, m->w.last.bloom, sizeof h->logs_bloom);
}

static void block_close(made_block *m, enum posw_rule want) {
    posw_execution_result r = {0};
    posw_verdict verdict;
    assert_int_equal(posw_execute_block(&r, &verdict, m->parent, &m->w.spec.params, NULL, &m->block, m->senders),
                     POSW_OK);
    assert_verdict(verdict, want == POSW_RULE_NONE ? POSW_VALID : POSW_INVALID, want);
    if (want == POSW_RULE_NONE) {
        assert_int_equal(r.receipts.size, m->w.last.receipts.size);
        assert_memory_equal(r.receipts.data, m->w.last.receipts.data, r.receipts.size);
        assert_int_equal(r.undo.size, m->w.last.undo.size);
        assert_memory_equal(r.undo.data, m->w.last.undo.data, r.undo.size);
        posw_hash root;
        assert_int_equal(posw_state_apply_undo(m->parent, r.undo.data, r.undo.size), POSW_OK);
        assert_int_equal(posw_state_seal(m->parent, &root, NULL), POSW_OK);
        assert_memory_equal(&root, &m->w.genesis.state_root, 32);
    }
    posw_execution_result_clear(&r);
    posw_state_free(m->parent);
    posw_buf_clear(&m->input);
    world_close(&m->w);
}

static void test_whole_blocks(void **state) {
    (void)state;
    made_block m;
    block_open(&m);
    block_close(&m, POSW_RULE_NONE);

    block_open(&m);
    m.block.header.gas_used++;
    block_close(&m, POSW_RULE_GAS_USED);

    block_open(&m);
    m.block.header.logs_bloom[7] ^= 1;
    block_close(&m, POSW_RULE_BLOOM);

    block_open(&m);
    m.block.header.receipts_root.b[0] ^= 1;
    block_close(&m, POSW_RULE_RECEIPTS_ROOT);

    block_open(&m);
    m.block.header.state_root.b[31] ^= 1;
    block_close(&m, POSW_RULE_STATE_ROOT);

    block_open(&m);
    m.block.header.beneficiary.b[0] ^= 1;
    block_close(&m, POSW_RULE_STATE_ROOT);

    block_open(&m);
    m.block.header.base_fee_wei--;
    block_close(&m, POSW_RULE_STATE_ROOT);

    block_open(&m);
    m.block.header.number = WORLD_EPOCH; /* another activeFrom in the event */
    block_close(&m, POSW_RULE_RECEIPTS_ROOT);

    block_open(&m);
    m.block.tx_count = 3;
    block_close(&m, POSW_RULE_GAS_USED);

    block_open(&m);
    m.txs[1].nonce = 0;
    block_close(&m, POSW_RULE_TX_INVALID);

    block_open(&m);
    m.senders[2] = made_address(0x44);
    block_close(&m, POSW_RULE_TX_INVALID);

    block_open(&m);
    m.txs[3].gas_limit = 20000;
    block_close(&m, POSW_RULE_TX_INTRINSIC_GAS);

    block_open(&m);
    m.txs[3].has_to = false;
    block_close(&m, POSW_RULE_TX_FORM);

    block_open(&m);
    m.txs[3].chain_id = 8;
    block_close(&m, POSW_RULE_TX_FORM);
}

/* ---- calls from outside ---- */

static void test_message_calls(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    posw_staking_env env = {.params = &w.spec.params, .number = 1};
    posw_call_result r;
    posw_buf out = {0};
    posw_message_call call = {
        .from = rich(0), .has_to = true, .to = made_address(1), .value_wei = u64(5), .gas_limit = 21000};
    assert_int_equal(posw_execute_call(&r, &out, w.state, &env, &call), POSW_OK);
    assert_int_equal(r.status, POSW_CALL_OK);
    assert_int_equal(r.gas_used, 21000);
    assert_int_equal(out.size, 0);
    call.gas_limit = 20999;
    assert_int_equal(posw_execute_call(&r, &out, w.state, &env, &call), POSW_OK);
    assert_int_equal(r.status, POSW_CALL_OUT_OF_GAS);
    assert_int_equal(r.gas_used, 0);
    call.gas_limit = 1000000;
    call.from = made_address(2); /* need not pay for gas, but for the value */
    call.value_wei = u64(0);
    assert_int_equal(posw_execute_call(&r, &out, w.state, &env, &call), POSW_OK);
    assert_int_equal(r.status, POSW_CALL_OK);
    call.value_wei = u64(1);
    assert_int_equal(posw_execute_call(&r, &out, w.state, &env, &call), POSW_ERANGE);
    call.has_to = false;
    assert_int_equal(posw_execute_call(&r, &out, w.state, &env, &call), POSW_EUNSUPPORTED);
    call.has_to = true;
    call.access_addresses = call.access_keys = 1;
    call.value_wei = u64(0);
    uint8_t input[2] = {0, 1};
    call.input = posw_bytes_of(input, 2);
    assert_int_equal(posw_execute_call(&r, &out, w.state, &env, &call), POSW_OK);
    assert_int_equal(r.gas_used, 21000 + 20 + 2400 + 1900);
    posw_buf_clear(&out);
    world_close(&w);
}

/* ---- a store that fails ---- */

/* Everything that a block may do to the contract. POSW_OK or the first error. */
static int busy_block(posw_state *s, world *w) {
    posw_execution x;
    posw_execution_result r = {0};
    posw_buf in[4] = {0};
    posw_address miner = made_address(9), other = made_address(8);
    posw_u256 ten = coins(10);
    posw_abi_append_selector(&in[0], "withdraw()");
    posw_abi_append_selector(&in[1], "stake(address)");
    posw_abi_append_address(&in[1], &other);
    posw_abi_append_selector(&in[2], "unstake(address,uint256)");
    posw_abi_append_address(&in[2], &miner);
    posw_abi_append_u256(&in[2], &ten);
    posw_abi_append_selector(&in[3], "exitsOf(address)");
    posw_abi_append_address(&in[3], &miner);
    posw_execution_begin(&x, s, &w->spec.params, NULL, w->number + 1, 1800000000, WORLD_BASE_FEE, &WORLD_BENEFICIARY);
    int rc = POSW_OK;
    for (uint8_t i = 0; rc == POSW_OK && i < 5; i++) {
        enum posw_tx_refusal refusal;
        posw_address from = rich(i % 2);
        posw_account account;
        rc = posw_state_account(s, &account, &from);
        posw_tx tx = {.type = POSW_TX_DYNAMIC_FEE,
                      .is_protected = true,
                      .chain_id = 7,
                      .nonce = account.nonce,
                      .gas_limit = 300000,
                      .max_fee = u64(WORLD_BASE_FEE),
                      .has_to = true,
                      .to = POSW_STAKING_ADDRESS,
                      .value = i == 1 ? coins(10) : u64(0),
                      .input = posw_buf_view(&in[i % 4])};
        if (rc == POSW_OK) rc = posw_execution_tx(&x, &refusal, &tx, &from);
        if (rc == POSW_OK) assert_int_equal(refusal, POSW_TX_FITS);
    }
    if (rc == POSW_OK) rc = posw_execution_finish(&x, &r);
    posw_execution_clear(&x);
    posw_execution_result_clear(&r);
    for (size_t i = 0; i < 4; i++)
        posw_buf_clear(&in[i]);
    return rc;
}

/* Whichever read fails, it is an operating error: no verdict, no crash, no leak. */
static void test_failing_store(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_POOL);
    world_begin(&w);
    for (uint8_t i = 0; i < 40; i++) /* so that words and accounts lie in nodes of their own */
        assert_true(world_stake(&w, rich(i % 8), made_address((uint8_t)(9 + i)), coins(20)));
    assert_true(world_unstake(&w, rich(0), made_address(9), coins(10)));
    world_end(&w);
    world_skip_to(&w, WORLD_UNBONDING + 1);
    disk *accounts = calloc(1, sizeof *accounts), *storage = calloc(1, sizeof *storage);
    posw_trie_sink to_accounts = {disk_put, disk_del, accounts}, to_storage = {disk_put, disk_del, storage};
    assert_int_equal(posw_state_commit(w.state, NULL, &to_accounts, &to_storage), POSW_OK);
    posw_state_source source = {{disk_load, accounts}, {disk_load, storage}};
    posw_hash root = posw_state_root(w.state);
    disk *both[2] = {accounts, storage};
    for (int k = 0; k < 2; k++) {
        size_t n = 0;
        int rc;
        do {
            posw_state *s = NULL;
            accounts->loads = storage->loads = accounts->fail_at = storage->fail_at = 0;
            both[k]->fail_at = ++n;
            rc = posw_state_open(&s, &root, &source);
            if (rc == POSW_OK) rc = busy_block(s, &w);
            posw_state_free(s);
            assert_int_equal(rc, both[k]->loads >= n ? POSW_EIO : POSW_OK);
        } while (rc != POSW_OK);
        assert_true(n > (k == 0 ? 4 : 30));
    }
    disk_free(accounts);
    disk_free(storage);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transfers_of_all_types),
        cmocka_unit_test(test_special_transfers),
        cmocka_unit_test(test_empty_the_account),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_nonce_low_and_block_full),
        cmocka_unit_test(test_last_nonce),
        cmocka_unit_test(test_fee_pool),
        cmocka_unit_test(test_halving),
        cmocka_unit_test(test_receipts_and_bloom),
        cmocka_unit_test(test_whole_blocks),
        cmocka_unit_test(test_message_calls),
        cmocka_unit_test(test_failing_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
