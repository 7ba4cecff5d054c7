/* Genesis (G1, G2) and the judgement of a chain specification (P1 to P9). */
#include "state/staking_words.h"
#include "state/world.h"

static void allocate(posw_chain_spec *s, size_t accounts, size_t stakes) {
    free(s->accounts);
    free(s->stakes);
    s->accounts = calloc(accounts + 1, sizeof *s->accounts);
    s->stakes = calloc(stakes + 1, sizeof *s->stakes);
    s->account_count = accounts;
    s->stake_count = stakes;
}

static posw_address numbered(uint64_t n) {
    posw_address a = {{0x44}};
    posw_store_be64(a.b + 12, n);
    return a;
}

static void pinned_spec(posw_chain_spec *s) {
    *s = (posw_chain_spec){.params = world_params(POSW_FEE_BURN)};
    s->params.difficulty_rule = POSW_DIFFICULTY_ASERT;
    s->params.difficulty_blocks = 144;
    strcpy(s->name, "pinned");
    strcpy(s->ticker, "PIN");
    allocate(s, 4, 4);
    s->accounts[0] = (posw_genesis_account){made_address(0xa0), coins(1000)};
    s->accounts[1] = (posw_genesis_account){made_address(0xa1), u64(12345)};
    s->accounts[2] = (posw_genesis_account){made_address(0xa2), u64(0)};
    s->accounts[3] = (posw_genesis_account){made_address(0x01), power_of_two(100)};
    posw_u256 fifteen = coins(15), one = u64(1);
    s->stakes[0] = (posw_genesis_stake){made_address(0x51), made_address(0xa0), coins(20)};
    s->stakes[1] = (posw_genesis_stake){made_address(0x52), made_address(0xa1), coins(10)};
    s->stakes[2] = (posw_genesis_stake){made_address(0x51), made_address(0xa1), coins(30)};
    s->stakes[3] = (posw_genesis_stake){made_address(0x51), made_address(0xa0), plus(&fifteen, &one)};
}

static void assert_hex(const void *data, size_t size, const char *hex) {
    char text[256];
    posw_hex_encode(text, data, size);
    assert_string_equal(text, hex);
}

/* The values were computed by a separate program in another language, written from the protocol (storage slots, a naive
 * trie, RLP). */
static void test_pinned_genesis(void **state) {
    (void)state;
    world w = {0};
    pinned_spec(&w.spec);
    world_genesis(&w);
    posw_account contract, zero;
    posw_address nobody = made_address(0xa2);
    assert_int_equal(posw_state_account(w.state, &contract, &POSW_STAKING_ADDRESS), POSW_OK);
    assert_hex(&contract.storage_root, 32, "c11410a08703b41b5c1eb37b2aed65f7d4654063b8bf9bb32238ad41de2f9d7f");
    assert_hex(&w.genesis.state_root, 32, "d40b8d66d3ff2d6eeb889861271390c73986c5cc539d22efe24d760e21accd4f");
    assert_hex(w.genesis.extra, w.genesis.extra_size,
               "70696e6e6564001a50e6bfa69fcfc71677c76f2e68f8db1960a22b36632e6ef52bd8843165ccb4");
    posw_hash hash;
    posw_header_hash(&hash, &w.genesis);
    assert_hex(&hash, 32, "2fff8e43c31a7c9546df34f4db6575acd8ae2c1134dfb1bf17cd89a471180377");
    assert_int_equal(contract.nonce, 1);
    assert_int_equal(posw_state_account(w.state, &zero, &nobody), POSW_OK);
    assert_true(posw_account_is_empty(&zero));
    world_check(&w);
    world_close(&w);
}

static void test_genesis_stakes_are_deposits(void **state) {
    (void)state;
    world w = {0};
    pinned_spec(&w.spec);
    world_genesis(&w);
    posw_staking_deposit d[POSW_STAKE_DEPOSITS_MAX];
    size_t count;
    posw_address owner = made_address(0xa1), miner = made_address(0x51);
    assert_int_equal(posw_staking_deposits_of(w.state, d, &count, &owner), POSW_OK);
    assert_int_equal(count, 2);
    assert_memory_equal(&d[1].miner, &miner, 20);
    posw_u256 thirty = coins(30);
    assert_u256(&d[1].total_wei, &thirty);
    assert_u256(&d[1].recent[0].amount_wei, &thirty);
    assert_int_equal(d[1].recent[0].epoch, 0);
    posw_stake_table *t;
    assert_int_equal(posw_staking_table(w.state, &t), POSW_OK);
    assert_int_equal(t->count, 2);
    posw_u256 total = coins(75), one = u64(1);
    total = plus(&total, &one);
    assert_u256(&t->total_wei, &total);
    free(t);
    /* And they can be taken out like any other. */
    world_begin(&w);
    w.spec.params.unbonding_blocks = 0;
    posw_u256 rich_enough = coins(1);
    assert_int_equal(posw_state_add_balance(w.state, &owner, &rich_enough), POSW_OK);
    assert_true(world_unstake(&w, owner, miner, coins(30)));
    assert_true(world_withdraw(&w, owner));
    world_close(&w);
}

/* What changes a rule changes the genesis hash (G2). */
static void test_rules_change_the_hash(void **state) {
    (void)state;
    world a = {0}, b = {0};
    posw_hash hash[2];
    pinned_spec(&a.spec);
    pinned_spec(&b.spec);
    b.spec.params.treasury_share++;
    world_genesis(&a);
    world_genesis(&b);
    posw_header_hash(&hash[0], &a.genesis);
    posw_header_hash(&hash[1], &b.genesis);
    assert_memory_not_equal(&hash[0], &hash[1], 32);
    assert_memory_equal(&a.genesis.state_root, &b.genesis.state_root, 32);
    world_close(&a);
    world_close(&b);
}

static void test_genesis_without_allocation(void **state) {
    (void)state;
    world w = {0};
    pinned_spec(&w.spec);
    w.spec.account_count = w.spec.stake_count = 0;
    strcpy(w.spec.name, "abcdefghijklmnopqrstuvwxyz012345"); /* 32 bytes */
    world_genesis(&w);
    assert_int_equal(w.genesis.extra_size, 65);
    world_check(&w);
    world_close(&w);
}

/* ---- refusals ---- */

static void assert_refused(const posw_chain_spec *s, enum posw_rule rule, const char *part) {
    enum posw_rule got = POSW_RULE_COUNT;
    posw_message msg = {{0}};
    assert_int_equal(posw_chain_spec_check(s, &got, &msg), POSW_EINVAL);
    if (strstr(msg.text, part) == NULL) fail_msg("\"%s\" does not say \"%s\"", msg.text, part);
    assert_int_equal(got, rule);
    assert_int_equal(posw_chain_spec_check(s, NULL, NULL), POSW_EINVAL);
}

static void test_names(void **state) {
    (void)state;
    posw_chain_spec s;
    pinned_spec(&s);
    static const char *const bad[] = {"",
                                      "abcdefghijklmnopqrstuvwxyz0123456",
                                      "a\nb",
                                      "\x7f",
                                      "\xc0\x80",
                                      "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xe2\x82",
                                      "\x80",
                                      "\xc2\x85",
                                      "\xf0\x80\x80\x80",
                                      "\xff"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++) {
        memcpy(s.name, bad[i], strlen(bad[i]) + 1 <= sizeof s.name ? strlen(bad[i]) + 1 : sizeof s.name);
        assert_refused(&s, POSW_RULE_NONE, "name must be 1 to 32 bytes");
    }
    static const char *const good[] = {"x",
                                       "Gr\xc3\xbc\xc3\x9f"
                                       "e",
                                       "\xe2\x82\xac", "\xf0\x9f\x8c\x8d chain", "abcdefghijklmnopqrstuvwxyz012345"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(good); i++) {
        strcpy(s.name, good[i]);
        assert_int_equal(posw_chain_spec_check(&s, NULL, NULL), POSW_OK);
    }
    static const char *const tickers[] = {"", "abc", "A B", "ABC-"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(tickers); i++) {
        strcpy(s.ticker, tickers[i]);
        assert_refused(&s, POSW_RULE_NONE, "ticker must be 1 to 6");
    }
    memcpy(s.ticker, "ABCDEFG", 7);
    assert_refused(&s, POSW_RULE_NONE, "ticker must be 1 to 6");
    strcpy(s.ticker, "ABCDE9");
    enum posw_rule rule;
    assert_int_equal(posw_chain_spec_check(&s, &rule, NULL), POSW_OK);
    assert_int_equal(rule, POSW_RULE_NONE);
    posw_chain_spec_clear(&s);
    posw_chain_spec_clear(&s);
    posw_chain_spec_clear(NULL);
}

static void test_parameter_sentences(void **state) {
    (void)state;
    posw_chain_spec s;
    pinned_spec(&s);
    posw_params good = s.params;
    s.params.chain_id = 0;
    assert_refused(&s, POSW_RULE_PARAMS_CHAIN_ID, "chain id from 1 to 2147483629");
    s.params = good;
    s.params.window_blocks = 1;
    assert_refused(&s, POSW_RULE_PARAMS_RANGE, "window 2 to 65536");
    s.params = good;
    s.params.window_blocks = 100;
    assert_refused(&s, POSW_RULE_PARAMS_TICKET_LOCK, "unbonding longer");
    s.params = good;
    s.params.unbonding_blocks = 15;
    assert_refused(&s, POSW_RULE_PARAMS_UNBONDING, "two epochs");
    s.params = good;
    s.params.reward_tail_wei = power_of_two(100);
    assert_refused(&s, POSW_RULE_PARAMS_SUPPLY, "below 2^128");
    s.params = good;
    s.params.gas_limit = 4999;
    assert_refused(&s, POSW_RULE_PARAMS_GENESIS, "gas limit from 5000");
    s.params = good;
    s.params.weight.slots = 0;
    assert_refused(&s, POSW_RULE_PARAMS_WEIGHT, "slots of at least 1");
    s.params = good;
    s.params.stake_min_wei = u64(0);
    assert_refused(&s, POSW_RULE_PARAMS_ECONOMY, "minimum stake of at least 1 wei");
    s.params = good;
    s.params.treasury = POSW_STAKING_ADDRESS;
    assert_refused(&s, POSW_RULE_PARAMS_ECONOMY, "treasury");
    s.params.treasury_share = 0;
    assert_int_equal(posw_chain_spec_check(&s, NULL, NULL), POSW_OK);
    posw_chain_spec_clear(&s);
}

static void test_allocation_sentences(void **state) {
    (void)state;
    posw_chain_spec s;
    pinned_spec(&s);
    s.accounts[3].address = s.accounts[0].address;
    assert_refused(&s, POSW_RULE_PARAMS_ALLOC, "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0 is listed twice");
    s.accounts[3].address = POSW_STAKING_ADDRESS;
    assert_refused(&s, POSW_RULE_PARAMS_ALLOC, "is the staking contract");
    s.accounts[3].address = made_address(3);
    assert_int_equal(posw_chain_spec_check(&s, NULL, NULL), POSW_OK);
    s.stakes[1].amount_wei = coins(9);
    assert_refused(&s, POSW_RULE_PARAMS_ALLOC, "stake at least 10 coins");
    s.stakes[1].amount_wei = coins(10);
    s.stakes[1].miner = (posw_address){{0}};
    assert_refused(&s, POSW_RULE_PARAMS_ALLOC, "has no miner");
    posw_chain_spec_clear(&s);
}

/* P5: what is there plus what can come must stay below 2^128, exactly. */
static void test_supply_limit(void **state) {
    (void)state;
    posw_chain_spec s;
    pinned_spec(&s);
    allocate(&s, 1, 1);
    s.stakes[0] = (posw_genesis_stake){made_address(1), made_address(2), coins(10)};
    posw_u256 rewards = posw_params_reward_total(&s.params), limit = power_of_two(128), ten = coins(10), most;
    most = minus_one(&limit);
    assert_true(posw_u256_sub(&most, &most, &rewards));
    assert_true(posw_u256_sub(&most, &most, &ten));
    s.accounts[0] = (posw_genesis_account){made_address(3), most};
    assert_int_equal(posw_chain_spec_check(&s, NULL, NULL), POSW_OK);
    posw_u256 one = u64(1);
    s.accounts[0].balance_wei = plus(&most, &one);
    assert_refused(&s, POSW_RULE_PARAMS_SUPPLY, "P5");
    s.accounts[0].balance_wei = POSW_U256_MAX;
    assert_refused(&s, POSW_RULE_PARAMS_SUPPLY, "P5");
    posw_chain_spec_clear(&s);
}

static void test_counts_at_the_limit(void **state) {
    (void)state;
    posw_chain_spec s;
    pinned_spec(&s);
    allocate(&s, 65537, 65537);
    for (uint64_t i = 0; i < 65537; i++) {
        s.accounts[i] = (posw_genesis_account){numbered(i), coins(1)};
        s.stakes[i] = (posw_genesis_stake){numbered(i), numbered(i / 64), coins(10)};
    }
    assert_refused(&s, POSW_RULE_PARAMS_ALLOC, "at most 65536");
    s.account_count = 65536;
    assert_refused(&s, POSW_RULE_PARAMS_ALLOC, "at most 65536");
    s.stake_count = 65536;
    assert_int_equal(posw_chain_spec_check(&s, NULL, NULL), POSW_OK);
    s.stakes[65535].owner = numbered(0); /* its 65th miner */
    assert_refused(&s, POSW_RULE_PARAMS_ALLOC, "stakes for more than 64 miners");
    s.stakes[65535].miner = numbered(5); /* one that it has */
    assert_int_equal(posw_chain_spec_check(&s, NULL, NULL), POSW_OK);
    posw_chain_spec_clear(&s);
}

/* A list that is full: the table of 65,536 miners. The words are written directly; as deposits it would take a while.
 */
static void test_full_table(void **state) {
    (void)state;
    world w = {0};
    pinned_spec(&w.spec);
    w.spec.account_count = w.spec.stake_count = 0;
    world_genesis(&w);
    posw_words words = {w.state, POSW_OK};
    for (uint64_t i = 0; i < POSW_STAKE_MINERS_MAX; i++) {
        posw_address miner = numbered(i * 7919);
        posw_words_set_address(&words, posw_slot_miner_at(i + 1), &miner);
        posw_words_set_u64(&words, posw_slot_stake(&miner), i + 1);
        posw_state_forget_marks(w.state);
    }
    posw_u256 total = u64((uint64_t)POSW_STAKE_MINERS_MAX * (POSW_STAKE_MINERS_MAX + 1) / 2);
    posw_words_set_u64(&words, posw_slot_fixed(POSW_SLOT_MINERS), POSW_STAKE_MINERS_MAX);
    posw_words_set(&words, posw_slot_fixed(POSW_SLOT_STAKED), total);
    assert_int_equal(words.error, POSW_OK);
    posw_stake_table *t, *back;
    assert_int_equal(posw_staking_table(w.state, &t), POSW_OK);
    assert_int_equal(t->count, POSW_STAKE_MINERS_MAX);
    assert_u256(&t->total_wei, &total);
    posw_address last = numbered(65535 * 7919);
    assert_u256_is(&posw_stake_table_find(t, &last)->stake_wei, 65536);
    posw_buf b = {0};
    posw_staking_table_encode(&b, t);
    assert_int_equal(posw_staking_table_decode(&back, b.data, b.size), POSW_OK);
    free(back);
    free(t);
    posw_buf_clear(&b);
    posw_words_set_u64(&words, posw_slot_fixed(POSW_SLOT_MINERS), POSW_STAKE_MINERS_MAX + 1);
    assert_int_equal(posw_staking_table(w.state, &t), POSW_ECORRUPT);
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pinned_genesis),
        cmocka_unit_test(test_genesis_stakes_are_deposits),
        cmocka_unit_test(test_rules_change_the_hash),
        cmocka_unit_test(test_genesis_without_allocation),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_parameter_sentences),
        cmocka_unit_test(test_allocation_sentences),
        cmocka_unit_test(test_supply_limit),
        cmocka_unit_test(test_counts_at_the_limit),
        cmocka_unit_test(test_full_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
