/* Calls of the staking contract (S2 to S8, X6): storage word by word, events, every reason of a revert, gas. */
#include "state/staking_test.h"

#include "state/staking_calls.h"

static const char *const NO_TABLE_VIEWS[] = {"activeStakeOf(address)", "pendingOf(address)", "ticketPrice()",
                                             "weightOf(address)"};

static posw_u256 coins_and(uint64_t n, uint64_t wei) {
    posw_u256 a = coins(n), b = u64(wei);
    return plus(&a, &b);
}

/* ---- names and places ---- */

static void test_selectors(void **state) {
    (void)state;
    size_t count;
    const posw_staking_function *f = posw_staking_functions(&count);
    assert_int_equal(count, 13);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(f[i].selector, posw_abi_selector(f[i].signature));
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(f[i].selector, f[k].selector);
    }
}

/* keccak256(x ‖ s), made here from hexadecimal text. */
static posw_hash mapping(const char *x_hex, posw_hash s) {
    uint8_t in[64];
    posw_hash out;
    assert_true(posw_hex_decode(in, 32, x_hex, strlen(x_hex)));
    memcpy(in + 32, s.b, 32);
    posw_keccak256(&out, in, sizeof in);
    return out;
}

static posw_hash slot_number(uint8_t n) {
    posw_hash h = {{0}};
    h.b[31] = n;
    return h;
}

#define MINER_WORD "0000000000000000000000003131313131313131313131313131313131313131"
#define OWNER_WORD "000000000000000000000000a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0"
#define WORD_1 "0000000000000000000000000000000000000000000000000000000000000001"
#define WORD_0 "0000000000000000000000000000000000000000000000000000000000000000"

static void assert_word(world *w, posw_hash slot, const char *hex) {
    posw_u256 got = word_at(w, &slot);
    posw_hash want;
    assert_true(posw_hex_decode(want.b, 32, hex, 64));
    posw_u256 wide = posw_u256_from_be(want.b);
    assert_u256(&got, &wide);
}

/* S2, word by word. 10 coins = 0x8ac7230489e80000, 12 = 0xa688906bd8b00000, 22 = 0x13150... */
static void test_storage_layout(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    posw_address miner = made_address(0x31), signer = made_address(0x77);
    world_skip_to(&w, WORLD_EPOCH * 3);
    world_begin(&w);
    assert_true(world_stake(&w, rich(0), miner, coins(10)));
    assert_true(world_set_signer(&w, rich(0), signer));
    world_end(&w);
    world_skip_to(&w, WORLD_EPOCH * 5);
    world_begin(&w);
    assert_true(world_stake(&w, rich(0), miner, coins(12)));
    assert_true(world_unstake(&w, rich(0), miner, coins(1)));
    world_end(&w);
    posw_hash d = mapping(MINER_WORD, mapping(OWNER_WORD, slot_number(20))), d1 = d, d2 = d;
    assert_true(d.b[31] < 254);
    d1.b[31] = (uint8_t)(d.b[31] + 1);
    d2.b[31] = (uint8_t)(d.b[31] + 2);
    const char *total = "00000000000000000000000000000000000000000000000123"
                        "6efcbcbb340000";
    assert_word(&w, slot_number(0), total); /* 21 coins */
    assert_word(&w, slot_number(1), WORD_1);
    assert_word(&w, slot_number(2), "0000000000000000000000000000000000000000000000000de0b6b3a7640000");
    assert_word(&w, slot_number(3), WORD_0);
    assert_word(&w, mapping(MINER_WORD, slot_number(16)), total);
    assert_word(&w, mapping(MINER_WORD, slot_number(17)), WORD_1);
    assert_word(&w, mapping(WORD_1, slot_number(18)), MINER_WORD);
    assert_word(&w, mapping(OWNER_WORD, slot_number(19)),
                "0000000000000000000000007777777777777777777777777777777777777777");
    assert_word(&w, d, total);
    assert_word(&w, d1,
                "0000000000000000"
                "0000000000000005"
                "000000000000000098a7d9b8314c0000");
    assert_word(&w, d2,
                "0000000000000000"
                "0000000000000003"
                "00000000000000008ac7230489e80000");
    assert_word(&w, mapping(OWNER_WORD, slot_number(21)), WORD_1);
    assert_word(&w, mapping(WORD_1, mapping(OWNER_WORD, slot_number(22))), MINER_WORD);
    assert_word(&w, mapping(MINER_WORD, mapping(OWNER_WORD, slot_number(23))), WORD_1);
    assert_word(&w, mapping(OWNER_WORD, slot_number(24)), WORD_1);
    assert_word(&w, mapping(WORD_0, mapping(OWNER_WORD, slot_number(25))),
                "0000000000000000"
                "0000000000000039"
                "00000000000000000de0b6b3a7640000"); /* block 41 + 16 */
    world_close(&w);
}

/* After everything is taken back nothing is left but the supply. */
static void test_nothing_is_left_behind(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    posw_account before, after;
    world_begin(&w);
    for (uint64_t i = 0; i < 5; i++)
        assert_true(world_stake(&w, rich((uint8_t)(i % 2)), miner_of(i), coins(10 + i)));
    assert_true(world_set_signer(&w, rich(0), made_address(1)));
    world_end(&w);
    world_begin(&w);
    for (uint64_t i = 0; i < 5; i++)
        assert_true(world_unstake(&w, rich((uint8_t)(i % 2)), miner_of(i), coins(10 + i)));
    assert_true(world_set_signer(&w, rich(0), rich(0)));
    world_end(&w);
    world_skip_to(&w, w.number + WORLD_UNBONDING - 1);
    world_begin(&w);
    assert_true(world_withdraw(&w, rich(0)));
    assert_true(world_withdraw(&w, rich(1)));
    world_end(&w);
    assert_int_equal(posw_state_account(w.state, &after, &POSW_STAKING_ADDRESS), POSW_OK);
    posw_staking_totals t;
    assert_int_equal(posw_staking_read_totals(w.state, &t), POSW_OK);
    posw_state *fresh;
    assert_int_equal(posw_state_open(&fresh, &POSW_TRIE_EMPTY_ROOT, NULL), POSW_OK);
    before = posw_account_blank();
    before.nonce = 1;
    assert_int_equal(posw_state_set_account(fresh, &POSW_STAKING_ADDRESS, &before), POSW_OK);
    assert_int_equal(posw_staking_set_supply(fresh, &t.supply_wei), POSW_OK);
    posw_hash root;
    assert_int_equal(posw_state_seal(fresh, &root, NULL), POSW_OK);
    assert_int_equal(posw_state_account(fresh, &before, &POSW_STAKING_ADDRESS), POSW_OK);
    assert_memory_equal(&after.storage_root, &before.storage_root, 32);
    assert_u256_is(&after.balance_wei, 0);
    posw_state_free(fresh);
    world_close(&w);
}

/* ---- events ---- */

static void assert_log(const world *w, const char *signature, const posw_address *a, const posw_address *b,
                       const posw_u256 *x, const posw_u256 *y) {
    posw_hash topic;
    posw_u256 wide;
    uint8_t data[64];
    assert_int_equal(w->receipt.log_count, 1);
    const posw_event_log *log = &w->receipt.logs[0];
    assert_memory_equal(&log->address, &POSW_STAKING_ADDRESS, 20);
    assert_int_equal(log->topic_count, b == NULL ? 2 : 3);
    posw_keccak256(&topic, signature, strlen(signature));
    assert_memory_equal(&log->topics[0], &topic, 32);
    for (size_t i = 1; i < log->topic_count; i++) {
        uint8_t word[32] = {0};
        memcpy(word + 12, (i == 1 ? a : b)->b, 20);
        assert_memory_equal(log->topics[i].b, word, 32);
    }
    size_t size = (x != NULL ? 32u : 0u) + (y != NULL ? 32u : 0u);
    assert_int_equal(log->data_size, size);
    wide = x == NULL ? POSW_U256_ZERO : *x;
    posw_u256_to_be(data, &wide);
    wide = y == NULL ? POSW_U256_ZERO : *y;
    posw_u256_to_be(data + 32, &wide);
    if (size > 0) assert_memory_equal(log->data, data, size);
}

static void test_events(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    posw_address owner = rich(0), miner = miner_of(1), signer = made_address(3), none = {{0}};
    world_skip_to(&w, 2 * WORLD_EPOCH - 2);
    world_begin(&w); /* block 15: epoch 1, counts from block 24 */
    assert_true(world_stake(&w, owner, miner, coins(30)));
    posw_u256 amount = coins(30), at = u64(3 * WORLD_EPOCH);
    assert_log(&w, "Staked(address,address,uint256,uint256)", &owner, &miner, &amount, &at);
    world_end(&w);
    world_begin(&w); /* block 16: epoch 2, counts from block 32 */
    assert_true(world_stake(&w, owner, miner, coins(30)));
    at = u64(4 * WORLD_EPOCH);
    assert_log(&w, "Staked(address,address,uint256,uint256)", &owner, &miner, &amount, &at);
    assert_true(world_unstake(&w, owner, miner, coins(30)));
    at = u64(16 + WORLD_UNBONDING);
    assert_log(&w, "Unstaked(address,address,uint256,uint256)", &owner, &miner, &amount, &at);
    assert_true(world_set_signer(&w, owner, signer));
    assert_log(&w, "SignerChanged(address,address)", &owner, &signer, NULL, NULL);
    assert_true(world_set_signer(&w, owner, owner));
    assert_log(&w, "SignerChanged(address,address)", &owner, &owner, NULL, NULL);
    assert_true(world_set_signer(&w, owner, none));
    assert_log(&w, "SignerChanged(address,address)", &owner, &none, NULL, NULL);
    world_end(&w);
    world_skip_to(&w, 16 + WORLD_UNBONDING - 1);
    world_begin(&w);
    assert_true(world_withdraw(&w, owner));
    assert_log(&w, "Withdrawn(address,uint256)", &owner, NULL, &amount, NULL);
    world_end(&w);
    world_close(&w);
}

/* ---- reverts ---- */

static void test_stake_reverts(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    world_begin(&w);
    posw_address miner = miner_of(1), none = {{0}};
    posw_u256 below;
    posw_u256 least = coins(10), one = u64(1);
    assert_true(posw_u256_sub(&below, &least, &one));
    reverts(&w, rich(0), below, input_of("stake(address)", &miner, NULL), 60000,
            "stake: the amount is below the chain's minimum stake");
    reverts(&w, rich(0), u64(0), input_of("stake(address)", &miner, NULL), 60000,
            "stake: the amount is below the chain's minimum stake");
    reverts(&w, rich(0), least, input_of("stake(address)", &none, NULL), 60000, "stake: the miner is the zero address");
    reverts(&w, rich(0), least, input_of("stake(address)", NULL, NULL), 60000,
            "argument 1 is missing or not an address");
    posw_u256 dirty = POSW_U256_MAX;
    reverts(&w, rich(0), least, input_of("stake(address)", NULL, &dirty), 60000,
            "argument 1 is missing or not an address");
    posw_buf cut = input_of("stake(address)", &miner, NULL);
    cut.size--;
    reverts(&w, rich(0), least, cut, 60000, "argument 1 is missing or not an address");
    posw_buf longer = input_of("stake(address)", &miner, NULL); /* trailing bytes are nothing special, as in Solidity */
    posw_buf_byte(&longer, 7);
    assert_true(world_call(&w, rich(0), least, &longer));
    posw_buf_clear(&longer);
    world_end(&w);
    world_close(&w);
}

static void test_unstake_reverts(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    world_begin(&w);
    posw_address miner = miner_of(1), other = miner_of(2);
    assert_true(world_stake(&w, rich(0), miner, coins(30)));
    posw_u256 v = u64(0);
    reverts(&w, rich(0), u64(0), input_of("unstake(address,uint256)", &miner, &v), 70000,
            "unstake: the amount is zero");
    v = coins_and(30, 1);
    const char *more = "unstake: more than you have staked for this miner";
    reverts(&w, rich(0), u64(0), input_of("unstake(address,uint256)", &miner, &v), 70000, more);
    v = POSW_U256_MAX;
    reverts(&w, rich(0), u64(0), input_of("unstake(address,uint256)", &miner, &v), 70000, more);
    v = coins(1);
    reverts(&w, rich(0), u64(0), input_of("unstake(address,uint256)", &other, &v), 70000, more);
    reverts(&w, rich(1), u64(0), input_of("unstake(address,uint256)", &miner, &v), 70000, more); /* not the owner */
    v = coins_and(20, 1);
    reverts(&w, rich(0), u64(0), input_of("unstake(address,uint256)", &miner, &v), 70000,
            "unstake: what stays would be below the chain's minimum stake; unstake less or everything");
    v = coins(1);
    reverts(&w, rich(0), u64(1), input_of("unstake(address,uint256)", &miner, &v), 70000, "unstake: takes no coins");
    reverts(&w, rich(0), u64(0), input_of("unstake(address,uint256)", &miner, NULL), 70000, "argument 2 is missing");
    reverts(&w, rich(0), u64(0), input_of("unstake(address,uint256)", NULL, NULL), 70000,
            "argument 1 is missing or not an address");
    assert_true(world_unstake(&w, rich(0), miner, coins(20))); /* exactly the minimum stays */
    assert_true(world_unstake(&w, rich(0), miner, coins(10))); /* or nothing */
    posw_u256 left = stake_of(&w, miner);
    assert_u256_is(&left, 0);
    world_end(&w);
    world_close(&w);
}

static void test_withdraw_reverts(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    world_begin(&w);
    reverts(&w, rich(0), u64(0), input_of("withdraw()", NULL, NULL), 30000, "withdraw: no exits");
    reverts(&w, rich(0), u64(5), input_of("withdraw()", NULL, NULL), 30000, "withdraw: takes no coins");
    assert_true(world_stake(&w, rich(0), miner_of(1), coins(30)));
    reverts(&w, rich(0), u64(0), input_of("withdraw()", NULL, NULL), 30000, "withdraw: no exits");
    assert_true(world_unstake(&w, rich(0), miner_of(1), coins(30)));
    world_end(&w);
    world_skip_to(&w, WORLD_UNBONDING - 1);
    world_begin(&w); /* block 16: one too early */
    reverts(&w, rich(0), u64(0), input_of("withdraw()", NULL, NULL), 30000,
            "withdraw: nothing to withdraw yet; your next exit unlocks at block 17");
    world_end(&w);
    world_begin(&w);
    reverts(&w, rich(1), u64(0), input_of("withdraw()", NULL, NULL), 30000, "withdraw: no exits");
    posw_u256 before = balance_of(&w, rich(0)), thirty = coins(30);
    assert_true(world_withdraw(&w, rich(0)));
    posw_u256 fee = u64(w.gas_used * WORLD_BASE_FEE), after = balance_of(&w, rich(0));
    before = plus(&before, &thirty);
    assert_true(posw_u256_sub(&before, &before, &fee));
    assert_u256(&after, &before);
    reverts(&w, rich(0), u64(0), input_of("withdraw()", NULL, NULL), 30000, "withdraw: no exits");
    world_end(&w);
    world_close(&w);
}

static void test_unknown_calls(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    world_begin(&w);
    reverts(&w, rich(0), coins(20), (posw_buf){0}, 3000,
            "the staking contract takes coins only by stake(address miner)");
    reverts(&w, rich(0), u64(0), (posw_buf){0}, 3000, "the staking contract takes coins only by stake(address miner)");
    reverts(&w, rich(0), u64(0), input_of("transfer(address,uint256)", &w.beneficiary, NULL), 3000,
            "the staking contract has no such function");
    posw_buf shorter = input_of("withdraw()", NULL, NULL);
    shorter.size = 3;
    reverts(&w, rich(0), u64(0), shorter, 3000, "the staking contract has no such function");
    reverts(&w, rich(0), u64(1), input_of("setSigner(address)", &w.beneficiary, NULL), 25000,
            "setSigner: takes no coins");
    reverts(&w, rich(0), u64(0), input_of("setSigner(address)", NULL, NULL), 25000,
            "argument 1 is missing or not an address");
    reverts(&w, rich(0), u64(1), input_of("totalStake()", NULL, NULL), 3000, "totalStake: takes no coins");
    world_end(&w);
    world_close(&w);
}

/* S7: inside of a transaction there is no table and no window. */
static void test_views_in_transactions(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    world_begin(&w);
    posw_address miner = miner_of(1);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(NO_TABLE_VIEWS); i++) {
        char reason[128];
        (void)snprintf(reason, sizeof reason, "%.*s: answered only to calls from outside, not inside a transaction",
                       (int)strcspn(NO_TABLE_VIEWS[i], "("), NO_TABLE_VIEWS[i]);
        reverts(&w, rich(0), u64(0), input_of(NO_TABLE_VIEWS[i], &miner, NULL), 3000, reason);
    }
    static const char *const plain[] = {"stakeOf(address)", "exitsOf(address)", "signerOf(address)", "totalStake()"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(plain); i++) {
        posw_buf in = input_of(plain[i], &miner, NULL);
        assert_true(world_call(&w, rich(0), u64(0), &in));
        assert_int_equal(w.gas_used, intrinsic_of(&in) + 3000);
        assert_int_equal(w.receipt.log_count, 0);
        posw_buf_clear(&in);
        in = input_of(plain[i], NULL, NULL);
        bool needs_argument = strstr(plain[i], "()") == NULL;
        assert_int_equal(world_call(&w, rich(0), u64(0), &in), !needs_argument);
        posw_buf_clear(&in);
    }
    world_end(&w);
    world_close(&w);
}

/* ---- gas ---- */

/* With one unit less than it costs the call fails and takes all gas; with the exact cost it succeeds. */
static void check_gas(world *w, posw_address from, posw_u256 value, posw_buf input, uint64_t gas) {
    posw_tx tx = world_tx(w, from, POSW_STAKING_ADDRESS, value, posw_buf_view(&input), intrinsic_of(&input) + gas - 1);
    posw_u256 before = balance_of(w, from), contract = balance_of(w, POSW_STAKING_ADDRESS);
    world_execute(w, &tx, from);
    assert_int_equal(w->refusal, POSW_TX_FITS);
    assert_false(w->receipt.success);
    assert_int_equal(w->gas_used, tx.gas_limit);
    posw_u256 fee = u64(w->gas_used * WORLD_BASE_FEE), after = balance_of(w, from);
    assert_true(posw_u256_sub(&before, &before, &fee));
    assert_u256(&after, &before);
    after = balance_of(w, POSW_STAKING_ADDRESS);
    assert_u256(&after, &contract);
    tx = world_tx(w, from, POSW_STAKING_ADDRESS, value, posw_buf_view(&input), intrinsic_of(&input) + gas);
    world_execute(w, &tx, from);
    assert_true(w->receipt.success);
    assert_int_equal(w->gas_used, tx.gas_limit);
    posw_buf_clear(&input);
}

static void test_gas(void **state) {
    (void)state;
    world w;
    world_open(&w, POSW_FEE_BURN);
    posw_address miner = miner_of(1);
    posw_u256 ten = coins(10);
    world_begin(&w);
    check_gas(&w, rich(0), coins(50), input_of("stake(address)", &miner, NULL), 60000);
    check_gas(&w, rich(0), u64(0), input_of("unstake(address,uint256)", &miner, &ten), 70000);
    check_gas(&w, rich(0), u64(0), input_of("setSigner(address)", &miner, NULL), 25000);
    check_gas(&w, rich(0), u64(0), input_of("stakeOf(address)", &miner, NULL), 3000);
    world_end(&w);
    for (int i = 0; i < 3; i++) {
        world_begin(&w);
        assert_true(world_unstake(&w, rich(0), miner, coins(10)));
        world_end(&w);
    }
    world_skip_to(&w, WORLD_UNBONDING + 2);
    world_begin(&w); /* three exits are due, the fourth tomorrow */
    check_gas(&w, rich(0), u64(0), input_of("withdraw()", NULL, NULL), 30000 + 3 * 6000);
    world_end(&w);
    world_begin(&w);
    check_gas(&w, rich(0), u64(0), input_of("withdraw()", NULL, NULL), 30000 + 6000);
    posw_tx tx = world_tx(&w, rich(1), POSW_STAKING_ADDRESS, coins(3), (posw_bytes){NULL, 0}, 21000);
    world_execute(&w, &tx, rich(1)); /* a wallet's plain transfer */
    assert_int_equal(w.refusal, POSW_TX_FITS);
    assert_false(w.receipt.success);
    assert_int_equal(w.gas_used, 21000);
    world_end(&w);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selectors),
        cmocka_unit_test(test_storage_layout),
        cmocka_unit_test(test_nothing_is_left_behind),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_stake_reverts),
        cmocka_unit_test(test_unstake_reverts),
        cmocka_unit_test(test_withdraw_reverts),
        cmocka_unit_test(test_unknown_calls),
        cmocka_unit_test(test_views_in_transactions),
        cmocka_unit_test(test_gas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
