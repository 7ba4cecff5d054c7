/* Chain parameters: every rule P1 to P8 and U1 to U3 at its limits, presets, the reward total, and the canonical
 * encoding. */
#include "posw/params.h"

#include "core/made.h"
#include "core/staking_address.h"
#include "crypto/keccak.h"
#include "posw/difficulty.h"
#include "posw/economy.h"

static void assert_valid(const posw_params *p) {
    assert_verdict(posw_params_check(p), POSW_VALID, POSW_RULE_NONE);
}

static void assert_broken(const posw_params *p, enum posw_rule rule) {
    assert_verdict(posw_params_check(p), POSW_INVALID, rule);
}

/* A change of one field that must be refused by this rule, and one that must be allowed. */
#define REFUSED(rule, ...)             \
    do {                               \
        posw_params p = made_params(); \
        __VA_ARGS__;                   \
        assert_broken(&p, rule);       \
    } while (0)
#define ALLOWED(...)                   \
    do {                               \
        posw_params p = made_params(); \
        __VA_ARGS__;                   \
        assert_valid(&p);              \
    } while (0)

static void test_pow_names(void **state) {
    (void)state;
    assert_string_equal(posw_pow_name(POSW_POW_KECCAK256), "keccak256");
    assert_string_equal(posw_pow_name(POSW_POW_ARGON2ID), "argon2id");
    assert_string_equal(posw_pow_name(POSW_POW_RANDOMX), "randomx");
    assert_string_equal(posw_pow_name((enum posw_pow_algorithm)(POSW_POW_RANDOMX + 1)), "");
}

static void test_default(void **state) {
    (void)state;
    posw_params p;
    posw_params_default(&p);
    assert_broken(&p, POSW_RULE_PARAMS_CHAIN_ID); /* must be chosen */
    p.chain_id = 1;
    assert_valid(&p);
    assert_string_equal(posw_params_preset_of(&p), "ticket");
    assert_int_equal(p.window_blocks, 2016);
    assert_int_equal(p.epoch_blocks, 1008);
    assert_int_equal(p.unbonding_blocks, 7 * 24 * 3600 / p.block_time_s);
    assert_int_equal(p.pow, POSW_POW_ARGON2ID);
    assert_int_equal(p.gas_limit, 30000000);
}

static void test_p1(void **state) {
    (void)state;
    const enum posw_rule rule = POSW_RULE_PARAMS_CHAIN_ID;
    REFUSED(rule, p.chain_id = 0);
    ALLOWED(p.chain_id = 1);
    ALLOWED(p.chain_id = 2147483629);
    REFUSED(rule, p.chain_id = 2147483630);
    REFUSED(rule, p.chain_id = UINT64_MAX);
}

static void test_p2(void **state) {
    (void)state;
    const enum posw_rule rule = POSW_RULE_PARAMS_RANGE;
    REFUSED(rule, p.block_time_s = 0);
    ALLOWED(p.block_time_s = 1);
    ALLOWED(p.block_time_s = 3600);
    REFUSED(rule, p.block_time_s = 3601);
    REFUSED(rule, p.window_blocks = 1);
    ALLOWED(p.window_blocks = 2);
    ALLOWED(p.window_blocks = 65536, p.unbonding_blocks = 66528);
    REFUSED(rule, p.window_blocks = 65537, p.unbonding_blocks = 131072);
    REFUSED(rule, p.epoch_blocks = 0, p.reorg_max_blocks = 0);
    ALLOWED(p.epoch_blocks = 1, p.reorg_max_blocks = 1);
    ALLOWED(p.epoch_blocks = 65536, p.unbonding_blocks = 131072);
    REFUSED(rule, p.epoch_blocks = 65537, p.unbonding_blocks = 200000);
    REFUSED(rule, p.reorg_max_blocks = 0);
    ALLOWED(p.reorg_max_blocks = 1);
    ALLOWED(p.reorg_max_blocks = 1008);
    REFUSED(rule, p.reorg_max_blocks = 1009);
    ALLOWED(p.unbonding_blocks = 1 << 24);
    REFUSED(rule, p.unbonding_blocks = (1 << 24) + 1);
    REFUSED(rule, p.difficulty_blocks = 0);
    ALLOWED(p.difficulty_blocks = 1);
    ALLOWED(p.difficulty_blocks = 1 << 24);
    REFUSED(rule, p.difficulty_blocks = (1 << 24) + 1);
    static const enum posw_difficulty_rule without[] = {POSW_DIFFICULTY_FIXED, POSW_DIFFICULTY_HOMESTEAD,
                                                        POSW_DIFFICULTY_STEP};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(without); i++) {
        ALLOWED(p.difficulty_blocks = 0, p.difficulty_rule = without[i]);
        ALLOWED(p.difficulty_blocks = UINT64_MAX, p.difficulty_rule = without[i]);
    }
}

static void set_blocks(posw_params *p, enum posw_difficulty_rule difficulty_rule, uint64_t blocks, uint64_t window) {
    p->difficulty_rule = difficulty_rule;
    p->difficulty_blocks = blocks;
    p->window_blocks = window;
}

/* The rules that look back: never further than the window. */
static void test_p2_looking_back(void **state) {
    (void)state;
    const enum posw_rule rule = POSW_RULE_PARAMS_RANGE;
    REFUSED(rule, set_blocks(&p, POSW_DIFFICULTY_LWMA3, 5, 2016));
    ALLOWED(set_blocks(&p, POSW_DIFFICULTY_LWMA3, 6, 2016));
    ALLOWED(set_blocks(&p, POSW_DIFFICULTY_LWMA3, 1024, 2016));
    REFUSED(rule, set_blocks(&p, POSW_DIFFICULTY_LWMA3, 1025, 2016));
    ALLOWED(set_blocks(&p, POSW_DIFFICULTY_LWMA3, 6, 6));
    REFUSED(rule, set_blocks(&p, POSW_DIFFICULTY_LWMA3, 7, 6));
    REFUSED(rule, set_blocks(&p, POSW_DIFFICULTY_LWMA3, 5, 5));
    REFUSED(rule, set_blocks(&p, POSW_DIFFICULTY_LWMA3, 6, 5));
    REFUSED(rule, set_blocks(&p, POSW_DIFFICULTY_BITCOIN2016, 0, 2016));
    REFUSED(rule, set_blocks(&p, POSW_DIFFICULTY_BITCOIN2016, 1, 2016));
    ALLOWED(set_blocks(&p, POSW_DIFFICULTY_BITCOIN2016, 2, 2));
    ALLOWED(set_blocks(&p, POSW_DIFFICULTY_BITCOIN2016, 2016, 2016));
    REFUSED(rule, set_blocks(&p, POSW_DIFFICULTY_BITCOIN2016, 2017, 2016));
    REFUSED(rule, set_blocks(&p, POSW_DIFFICULTY_BITCOIN2016, UINT64_MAX, 2016));
    ALLOWED(set_blocks(&p, POSW_DIFFICULTY_BITCOIN2016, 65536, 65536), p.unbonding_blocks = 66528);
}

static void test_p3_p4(void **state) {
    (void)state;
    ALLOWED(p.window_blocks = 2016, p.unbonding_blocks = 2016);
    REFUSED(POSW_RULE_PARAMS_TICKET_LOCK, p.window_blocks = 2017, p.unbonding_blocks = 2016);
    REFUSED(POSW_RULE_PARAMS_TICKET_LOCK, p.window_blocks = 2017, p.unbonding_blocks = 3023); /* two whole epochs */
    ALLOWED(p.window_blocks = 3024, p.unbonding_blocks = 3024);
    ALLOWED(p.unbonding_blocks = 2016, p.reorg_max_blocks = 1008);
    REFUSED(POSW_RULE_PARAMS_UNBONDING, p.unbonding_blocks = 2015, p.window_blocks = 1008);
    REFUSED(POSW_RULE_PARAMS_UNBONDING, p.unbonding_blocks = 2015, p.window_blocks = 1008, p.reorg_max_blocks = 1008);
}

/* A constant reward of r pays r * 2^40 in 2^40 blocks. */
static void test_p5(void **state) {
    (void)state;
    const posw_u256 limit = power_of_two(88), below = minus_one(&limit);
    const enum posw_rule rule = POSW_RULE_PARAMS_SUPPLY;
    ALLOWED(p.halving_blocks = 0, p.reward_initial_wei = below);
    REFUSED(rule, p.halving_blocks = 0, p.reward_initial_wei = limit);
    ALLOWED(p.reward_tail_wei = below);
    REFUSED(rule, p.reward_tail_wei = limit);
    REFUSED(rule, p.reward_tail_wei = POSW_U256_MAX);
    REFUSED(rule, p.reward_initial_wei = POSW_U256_MAX);
}

static void test_p6(void **state) {
    (void)state;
    const enum posw_rule rule = POSW_RULE_PARAMS_GENESIS;
    REFUSED(rule, p.genesis_difficulty = POSW_U256_ZERO);
    ALLOWED(p.genesis_difficulty = POSW_U256_ONE);
    ALLOWED(p.genesis_difficulty = POSW_U256_MAX);
    REFUSED(rule, p.gas_limit = 4999);
    ALLOWED(p.gas_limit = 5000);
    ALLOWED(p.gas_limit = INT64_MAX);
    REFUSED(rule, p.gas_limit = (uint64_t)INT64_MAX + 1);
    REFUSED(rule, p.base_fee_min_wei = 0);
    ALLOWED(p.base_fee_min_wei = p.base_fee_initial_wei);
    REFUSED(rule, p.base_fee_min_wei = p.base_fee_initial_wei + 1);
    ALLOWED(p.base_fee_min_wei = p.base_fee_initial_wei = UINT64_MAX);
    REFUSED(rule, p.pow = (enum posw_pow_algorithm)3);
    REFUSED(rule, p.difficulty_rule = (enum posw_difficulty_rule)7);
}

static void set_power(posw_params *p) {
    p->weight = (posw_weight_params){
        .rule = POSW_WEIGHT_POWER, .unit_wei = POSW_U256_ONE, .min = 1, .max = 10, .exponent_x2 = 2};
}

static void test_p7(void **state) {
    (void)state;
    const enum posw_rule rule = POSW_RULE_PARAMS_WEIGHT;
    ALLOWED(set_power(&p));
    REFUSED(rule, set_power(&p); p.weight.unit_wei = POSW_U256_ZERO);
    REFUSED(rule, set_power(&p); p.weight.min = 0);
    ALLOWED(set_power(&p); p.weight.min = 10);
    REFUSED(rule, set_power(&p); p.weight.min = 11);
    ALLOWED(set_power(&p); p.weight.min = p.weight.max = UINT64_MAX);
    for (uint32_t e = 0; e < 10; e++) {
        const bool good = e <= 4 || e == 6;
        if (good)
            ALLOWED(set_power(&p); p.weight.exponent_x2 = e);
        else
            REFUSED(rule, set_power(&p); p.weight.exponent_x2 = e);
    }
    const posw_u256 limit = power_of_two(128), below = minus_one(&limit);
    REFUSED(rule, p.weight.boost = 0);
    ALLOWED(p.weight.boost = 1);
    ALLOWED(p.weight.boost = UINT64_MAX);
    REFUSED(rule, p.weight.slots = 0);
    ALLOWED(p.weight.slots = UINT64_MAX);
    ALLOWED(p.weight.ticket_price_wei = below);
    REFUSED(rule, p.weight.ticket_price_wei = limit);
    ALLOWED(p.weight.ramp_blocks = UINT32_MAX);
    REFUSED(rule, p.weight.ramp_blocks = (uint64_t)UINT32_MAX + 1);
    REFUSED(rule, p.weight.rule = (enum posw_weight_rule)2);
}

static void test_p8(void **state) {
    (void)state;
    const enum posw_rule rule = POSW_RULE_PARAMS_ECONOMY;
    const uint64_t end = (uint64_t)1 << 40;
    REFUSED(rule, p.stake_min_wei = POSW_U256_ZERO);
    ALLOWED(p.stake_min_wei = POSW_U256_ONE);
    ALLOWED(p.treasury_share = 10000);
    REFUSED(rule, p.treasury_share = 10001);
    ALLOWED(p.treasury = POSW_STAKING_ADDRESS);
    REFUSED(rule, p.treasury = POSW_STAKING_ADDRESS, p.treasury_share = 1);
    ALLOWED(p.halving_blocks = 0);
    ALLOWED(p.halving_blocks = end - 1);
    REFUSED(rule, p.halving_blocks = end);
    ALLOWED(p.pool_blocks = 0);
    REFUSED(rule, p.fee_rule = POSW_FEE_POOL, p.pool_blocks = 0);
    ALLOWED(p.fee_rule = POSW_FEE_POOL, p.pool_blocks = 1);
    ALLOWED(p.fee_rule = POSW_FEE_POOL, p.pool_blocks = end - 1);
    REFUSED(rule, p.fee_rule = POSW_FEE_POOL, p.pool_blocks = end);
    REFUSED(rule, p.fee_rule = (enum posw_fee_rule)2);
}

/* Two upgrades: the first changes one value, the second gives the treasury a share. */
static void set_upgrades(posw_params *p) {
    p->upgrades[0] = (posw_upgrade){.height = 10, .name = "first", .rules = posw_params_rules(p, 0)};
    p->upgrades[0].rules.gas_limit = 5000;
    p->upgrades[1] = (posw_upgrade){.height = 11, .name = "second", .rules = p->upgrades[0].rules};
    p->upgrades[1].rules.treasury = made_address(0x44);
    p->upgrades[1].rules.treasury_share = 500;
    p->upgrade_count = 2;
}

static void test_u1(void **state) {
    (void)state;
    const enum posw_rule rule = POSW_RULE_PARAMS_UPGRADE;
    const uint64_t end = (uint64_t)1 << 40;
    ALLOWED(set_upgrades(&p));
    ALLOWED(set_upgrades(&p), p.upgrades[0].height = 1);
    REFUSED(rule, set_upgrades(&p), p.upgrades[0].height = 0);
    REFUSED(rule, set_upgrades(&p), p.upgrades[0].height = 11);
    REFUSED(rule, set_upgrades(&p), p.upgrades[0].height = 12);
    ALLOWED(set_upgrades(&p), p.upgrades[1].height = end - 1);
    REFUSED(rule, set_upgrades(&p), p.upgrades[1].height = end);
    REFUSED(rule, set_upgrades(&p), p.upgrades[0].name[0] = '\0');
    REFUSED(rule, set_upgrades(&p), p.upgrades[1].name[2] = '\n');
    REFUSED(rule, set_upgrades(&p), p.upgrades[1].name[2] = '\x7f');
    REFUSED(rule, set_upgrades(&p), memcpy(p.upgrades[1].name, "\xc2\x9f", 2));
    ALLOWED(set_upgrades(&p), memcpy(p.upgrades[1].name, "\xc2\xa0", 2));
    ALLOWED(set_upgrades(&p), memset(p.upgrades[1].name, 0xc3, POSW_UPGRADE_NAME_MAX));
    REFUSED(rule, set_upgrades(&p), memset(p.upgrades[1].name, 'n', POSW_UPGRADE_NAME_MAX + 1));
    /* P6 and P8 */
    REFUSED(rule, set_upgrades(&p), p.upgrades[0].rules.gas_limit = 4999);
    ALLOWED(set_upgrades(&p), p.upgrades[0].rules.gas_limit = INT64_MAX);
    REFUSED(rule, set_upgrades(&p), p.upgrades[0].rules.gas_limit = (uint64_t)INT64_MAX + 1);
    REFUSED(rule, set_upgrades(&p), p.upgrades[1].rules.base_fee_min_wei = 0);
    ALLOWED(set_upgrades(&p), p.upgrades[1].rules.base_fee_min_wei = UINT64_MAX); /* above the initial one */
    ALLOWED(set_upgrades(&p), p.upgrades[1].rules.treasury_share = 10000);
    REFUSED(rule, set_upgrades(&p), p.upgrades[1].rules.treasury_share = 10001);
    REFUSED(rule, set_upgrades(&p), p.upgrades[1].rules.treasury = POSW_STAKING_ADDRESS);
    ALLOWED(set_upgrades(&p), p.upgrades[0].rules.treasury = POSW_STAKING_ADDRESS); /* gets nothing */
    /* something changes; an address that gets nothing is nothing */
    REFUSED(rule, set_upgrades(&p), p.upgrades[0].rules.gas_limit = p.gas_limit);
    REFUSED(rule, set_upgrades(&p), p.upgrades[1].rules.treasury_share = 0);
    REFUSED(rule, set_upgrades(&p), p.upgrades[1].rules = p.upgrades[0].rules);
    REFUSED(rule, set_upgrades(&p), p.upgrade_count = POSW_UPGRADES_MAX + 1);
    REFUSED(rule, set_upgrades(&p), p.upgrades[0].height = 0, p.upgrades[0].rules.treasury_share = 10001);
    REFUSED(POSW_RULE_PARAMS_ECONOMY, set_upgrades(&p), p.stake_min_wei = POSW_U256_ZERO); /* the first in order */
}

static void test_upgrades_at_most(void **state) {
    (void)state;
    posw_params p = made_params();
    for (uint32_t i = 0; i < POSW_UPGRADES_MAX; i++) {
        p.upgrades[i] = (posw_upgrade){.height = i + 1, .name = "n", .rules = posw_params_rules(&p, 0)};
        p.upgrades[i].rules.gas_limit += i + 1;
    }
    p.upgrade_count = POSW_UPGRADES_MAX;
    assert_valid(&p);
    for (uint64_t n = 0; n < 2 * POSW_UPGRADES_MAX; n++)
        assert_int_equal(posw_params_rules(&p, n).gas_limit,
                         p.gas_limit + (n < POSW_UPGRADES_MAX ? n : POSW_UPGRADES_MAX));
}

static void assert_rules(const posw_params *p, uint64_t number, uint64_t gas_limit, uint64_t fee, uint32_t share) {
    const posw_rules r = posw_params_rules(p, number);
    assert_true(r.gas_limit == gas_limit && r.base_fee_min_wei == fee && r.treasury_share == share);
}

static void test_u2(void **state) {
    (void)state;
    posw_params p = made_params();
    const uint64_t gas = p.gas_limit, fee = p.base_fee_min_wei;
    assert_rules(&p, 0, gas, fee, 0);
    assert_rules(&p, UINT64_MAX, gas, fee, 0);
    set_upgrades(&p);
    assert_rules(&p, 0, gas, fee, 0);
    assert_rules(&p, 9, gas, fee, 0);
    assert_rules(&p, 10, 5000, fee, 0);
    assert_rules(&p, 11, 5000, fee, 500);
    assert_rules(&p, UINT64_MAX, 5000, fee, 500);
    const posw_rules last = posw_params_rules(&p, 11);
    posw_rules other = last;
    assert_true(posw_rules_equal(&last, &other));
    other.treasury.b[3]++;
    assert_false(posw_rules_equal(&last, &other));
    other = last, other.base_fee_min_wei++;
    assert_false(posw_rules_equal(&last, &other));
}

/* U3: who has no upgrades and who has them are on one chain until the first. */
static void test_u3(void **state) {
    (void)state;
    posw_params p = made_params(), q = p;
    posw_hash a, b;
    set_upgrades(&q);
    posw_params_hash(&a, &p);
    posw_params_hash(&b, &q);
    assert_true(posw_hash_equal(&a, &b));
}

static void test_presets(void **state) {
    (void)state;
    int count = 0;
    for (const char *const *name = posw_params_presets(); *name != NULL; name++, count++) {
        posw_params p = made_params();
        assert_true(posw_params_preset(&p, *name));
        assert_valid(&p);
        assert_string_equal(posw_params_preset_of(&p), *name);
        assert_true(strlen(posw_params_preset_text(*name)) > 10);
        p.weight.rule == POSW_WEIGHT_POWER ? (void)p.weight.max++ : (void)p.weight.ramp_blocks++;
        assert_string_equal(posw_params_preset_of(&p), "custom");
    }
    assert_int_equal(count, 7);
    posw_params p = made_params();
    const posw_params before = p;
    assert_false(posw_params_preset(&p, "cubic"));
    assert_false(posw_params_preset(&p, ""));
    assert_memory_equal(&p, &before, sizeof p);
    assert_string_equal(posw_params_preset_text("cubic"), "");
    assert_true(posw_params_preset(&p, "quarkchain"));
    assert_int_equal(p.window_blocks, 256);
    p.window_blocks = 32; /* a development chain's: still that rule */
    assert_string_equal(posw_params_preset_of(&p), "quarkchain");
}

/* Sum by the definition, block by block while the subsidy may still change. */
static posw_u256 slow_reward_total(const posw_params *p, uint64_t changing_blocks) {
    posw_u256 total = POSW_U256_ZERO;
    for (uint64_t n = 1; n <= changing_blocks; n++) {
        const posw_u256 r = posw_reward_subsidy(p, n);
        total = plus(&total, &r);
    }
    const posw_u256 r = posw_reward_subsidy(p, changing_blocks + 1);
    const posw_u256 rest = times(&r, ((uint64_t)1 << 40) - changing_blocks);
    return plus(&total, &rest);
}

static void test_reward_total(void **state) {
    (void)state;
    uint64_t seed = 8;
    posw_params p = made_params();
    for (uint64_t halving = 0; halving <= 9; halving++) {
        p.halving_blocks = halving;
        p.reward_initial_wei = random_u256(&seed, 200);
        p.reward_tail_wei = random_u256(&seed, 60);
        const posw_u256 want = slow_reward_total(&p, halving * 257), got = posw_params_reward_total(&p);
        assert_u256(&got, &want);
    }
    /* long eras, by hand: 2^40 blocks from block 1, eras of 2^39 blocks */
    p.reward_initial_wei = u64(4);
    p.reward_tail_wei = u64(1);
    p.halving_blocks = (uint64_t)1 << 39;
    posw_u256 total = posw_params_reward_total(&p);
    const uint64_t era = (uint64_t)1 << 39;
    assert_u256_is(&total, (era - 1) * 4 + era * 2 + 1 * 1);
    p.halving_blocks = UINT64_MAX; /* refused by P8, but not a trap */
    total = posw_params_reward_total(&p);
    assert_u256_is(&total, era * 2 * 4);
    p.reward_tail_wei = POSW_U256_MAX;
    total = posw_params_reward_total(&p);
    assert_u256(&total, &POSW_U256_MAX);
}

static void assert_hash_of(const posw_params *p, const char *rlp_hex) {
    uint8_t rlp[256];
    const size_t size = strlen(rlp_hex) / 2;
    posw_hash want, got;
    assert_true(posw_hex_decode(rlp, size, rlp_hex, 2 * size));
    posw_keccak256(&want, rlp, size);
    posw_params_hash(&got, p);
    assert_memory_equal(&got, &want, sizeof got);
}

/* C1: encodings written by another RLP implementation. */
static void test_hash(void **state) {
    (void)state;
    posw_params p = made_params();
    static const char DEFAULT[] =
        "f85b0107010f8207e08203f0829d808201f8068203f00180808080820400048080880de0b6b3a7640000881bc16d674ec800008340"
        "290088016345785d8a0000940000000000000000000000000000000000000000808080843b9aca00";
    assert_hash_of(&p, DEFAULT);
    p.treasury = made_address(0x22); /* without a share: not part of the chain */
    p.pool_blocks = 9;
    p.weight.max = 9;
    p.genesis_difficulty = u64(9); /* in the genesis header, not here */
    assert_hash_of(&p, DEFAULT);

    assert_true(posw_params_preset(&p, "quarkchain"));
    p.weight.ramp_blocks = 5;
    p.pow = POSW_POW_KECCAK256;
    p.block_time_s = 1;
    p.epoch_blocks = p.reorg_max_blocks = 16;
    p.unbonding_blocks = 32;
    p.halving_blocks = 0;
    p.reward_tail_wei = POSW_U256_ZERO;
    p.base_fee_min_wei = 1;
    assert_hash_of(&p,
                   "f84d01078001820100102010068203f001808080801401893635c9adc5dea0000005880de0b6b3a7640000881bc16d67"
                   "4ec80000808094000000000000000000000000000000000000000080808001");

    p = (posw_params){.chain_id = 2147483629,
                      .pow = POSW_POW_RANDOMX,
                      .block_time_s = 3600,
                      .window_blocks = 2,
                      .epoch_blocks = 1,
                      .unbonding_blocks = 1 << 24,
                      .reorg_max_blocks = 1,
                      .difficulty_rule = POSW_DIFFICULTY_FIXED,
                      .difficulty_blocks = 99,
                      .stake_min_wei = POSW_U256_ONE,
                      .reward_initial_wei = power_of_two(90),
                      .treasury = made_address(0x11),
                      .treasury_share = 10000,
                      .fee_rule = POSW_FEE_POOL,
                      .pool_blocks = ((uint64_t)1 << 40) - 1,
                      .base_fee_min_wei = (uint64_t)1 << 63};
    p.weight = (posw_weight_params){.rule = POSW_WEIGHT_POWER,
                                    .unit_wei = coins(1000),
                                    .min = 1,
                                    .max = 50,
                                    .exponent_x2 = 4,
                                    .boost = 7,
                                    .slots = 7,
                                    .ramp_blocks = 7};
    assert_hash_of(&p, "f85e01847fffffed02820e100201840100000001018080893635c9adc5dea0000001320480808080018c0400000000"
                       "0000000000000080809411111111111111111111111111111111111111118227100185ffffffffff88800000000000"
                       "0000");
}

/* C1: a difficulty's blocks count where its rule has them, and the rule itself always does. */
static void test_hash_of_difficulty(void **state) {
    (void)state;
    posw_hash hashes[7][2];
    for (unsigned rule = 0; rule < 7; rule++)
        for (unsigned i = 0; i < 2; i++) {
            posw_params p = made_params();
            set_blocks(&p, (enum posw_difficulty_rule)rule, 60 + i, 2016);
            posw_params_hash(&hashes[rule][i], &p);
        }
    for (unsigned rule = 0; rule < 7; rule++) {
        const bool counts = posw_difficulty_has_blocks((enum posw_difficulty_rule)rule);
        assert_true(posw_hash_equal(&hashes[rule][0], &hashes[rule][1]) == !counts);
        for (unsigned other = 0; other < rule; other++)
            assert_false(posw_hash_equal(&hashes[rule][0], &hashes[other][0]));
    }
    posw_params p = made_params();
    set_blocks(&p, POSW_DIFFICULTY_LWMA3, 60, 2016);
    assert_hash_of(&p, "f8590107010f8207e08203f0829d808201f8023c01808080808204000480"
                       "80880de0b6b3a7640000881bc16d674ec80000834029008801634578"
                       "5d8a0000940000000000000000000000000000000000000000808080843b9aca00");
}

static void test_rule_words(void **state) {
    (void)state;
    assert_string_equal(posw_rule_number(POSW_RULE_TARGET), "H7");
    assert_string_equal(posw_rule_number(POSW_RULE_NONE), "");
    assert_string_equal(posw_rule_text(POSW_RULE_TIME_FUTURE), "the timestamp is too far ahead");
    assert_string_equal(posw_rule_number(POSW_RULE_COUNT), "");
    assert_string_equal(posw_rule_text((enum posw_rule)(POSW_RULE_COUNT + 5)), "unknown rule");
    for (enum posw_rule r = POSW_RULE_HEADER_FORM; r < POSW_RULE_COUNT; r++)
        assert_true(strlen(posw_rule_number(r)) >= 2 && strlen(posw_rule_text(r)) > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pow_names),
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_p1),
        cmocka_unit_test(test_p2),
        cmocka_unit_test(test_p3_p4),
        cmocka_unit_test(test_p5),
        cmocka_unit_test(test_p6),
        cmocka_unit_test(test_p7),
        cmocka_unit_test(test_p8),
        cmocka_unit_test(test_u1),
        cmocka_unit_test(test_u2),
        cmocka_unit_test(test_u3),
        cmocka_unit_test(test_upgrades_at_most),
        cmocka_unit_test(test_presets),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_reward_total),
        cmocka_unit_test(test_rule_words),
        cmocka_unit_test(test_p2_looking_back),
        cmocka_unit_test(test_hash_of_difficulty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
