/* Reward schedule, treasury, pool and base fee, against plain arithmetic. */
#include "posw/economy.h"

#include "core/made.h"
#include "core/slow.h"

static void assert_subsidy(const posw_params *p, uint64_t number, const posw_u256 *want) {
    const posw_u256 got = posw_reward_subsidy(p, number);
    assert_u256(&got, want);
}

static void test_schedule(void **state) {
    (void)state;
    const posw_params p = made_params();
    const uint64_t h = 4204800;
    const posw_u256 two = coins(2), one = coins(1), tail = u64(100000000000000000);
    const posw_u256 eighth = u64(125000000000000000);
    assert_subsidy(&p, 1, &two);
    assert_subsidy(&p, h - 1, &two);
    assert_subsidy(&p, h, &one);
    assert_subsidy(&p, 2 * h - 1, &one);
    assert_subsidy(&p, 4 * h, &eighth);
    assert_subsidy(&p, 5 * h - 1, &eighth);
    assert_subsidy(&p, 5 * h, &tail); /* 0.0625 is below the tail */
    assert_subsidy(&p, UINT64_MAX, &tail);
}

static void test_schedule_edges(void **state) {
    (void)state;
    posw_params p = made_params();
    const posw_u256 five = coins(5), three = coins(3);
    p.reward_initial_wei = five;
    p.reward_tail_wei = POSW_U256_ZERO;
    p.halving_blocks = 0; /* never */
    assert_subsidy(&p, UINT64_MAX, &five);
    p.reward_tail_wei = coins(7); /* at least the tail */
    assert_subsidy(&p, 1, &p.reward_tail_wei);
    p.halving_blocks = 1;
    p.reward_initial_wei = POSW_U256_MAX;
    p.reward_tail_wei = POSW_U256_ZERO;
    assert_subsidy(&p, 255, &POSW_U256_ONE);
    assert_subsidy(&p, 256, &POSW_U256_ZERO);
    assert_subsidy(&p, UINT64_MAX, &POSW_U256_ZERO);
    p.reward_initial_wei = three; /* odd amounts round down */
    const posw_u256 quarter = posw_u256_div_u64(&three, 4);
    assert_subsidy(&p, 2, &quarter);
}

static void test_treasury(void **state) {
    (void)state;
    posw_params p = made_params();
    const posw_u256 subsidy = u64(99999);
    static const uint64_t vectors[][2] = {{0, 0}, {1, 9}, {1000, 9999}, {9999, 99989}, {10000, 99999}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(vectors); i++) {
        p.treasury_share = (uint32_t)vectors[i][0];
        const posw_u256 part = posw_reward_treasury(&p, 5, &subsidy);
        assert_u256_is(&part, vectors[i][1]);
    }
    const posw_u256 all = posw_reward_treasury(&p, 5, &POSW_U256_MAX);
    assert_u256(&all, &POSW_U256_MAX);
}

static void test_pool(void **state) {
    (void)state;
    posw_params p = made_params();
    const posw_u256 pool = u64(1000);
    posw_u256 paid = posw_reward_pool_payout(&p, &pool);
    assert_u256_is(&paid, 0); /* fees are burnt */
    p.fee_rule = POSW_FEE_POOL;
    p.pool_blocks = 7;
    paid = posw_reward_pool_payout(&p, &pool);
    assert_u256_is(&paid, 142);
    p.pool_blocks = 1;
    paid = posw_reward_pool_payout(&p, &pool);
    assert_u256_is(&paid, 1000);
    p.pool_blocks = 1001;
    paid = posw_reward_pool_payout(&p, &pool);
    assert_u256_is(&paid, 0);
}

/* EIP-1559's own words, with a floor and a ceiling. */
static uint64_t reference_base_fee(uint64_t gas_limit, uint64_t used, uint64_t base, uint64_t min) {
    const uint64_t parent_gas_target = gas_limit / 2;
    const slow parent_base_fee = slow_u64(base), least = slow_u64(1);
    const slow delta = slow_u64(used > parent_gas_target ? used - parent_gas_target : parent_gas_target - used);
    slow change = slow_mul(&parent_base_fee, &delta);
    change = slow_div_u64(&change, parent_gas_target);
    change = slow_div_u64(&change, 8);
    if (used > parent_gas_target && slow_cmp(&change, &least) < 0) change = least;
    const slow next =
        used > parent_gas_target ? slow_add(&parent_base_fee, &change) : slow_sub(&parent_base_fee, &change);
    bool fits;
    const posw_u256 low = slow_low(&next, &fits);
    if (!fits || low.w[1] != 0 || low.w[2] != 0 || low.w[3] != 0) return UINT64_MAX;
    return low.w[0] < min ? min : low.w[0];
}

static void test_base_fee_examples(void **state) {
    (void)state;
    posw_params p = made_params();
    p.gas_limit = 20000000;
    p.base_fee_min_wei = 1;
    assert_int_equal(posw_base_fee_next(&p, 5, 1000000000, 10000000), 1000000000);
    assert_int_equal(posw_base_fee_next(&p, 5, 1000000000, 9000000), 987500000);
    assert_int_equal(posw_base_fee_next(&p, 5, 1000000000, 11000000), 1012500000);
    assert_int_equal(posw_base_fee_next(&p, 5, 1000000000, 20000000), 1125000000);
    assert_int_equal(posw_base_fee_next(&p, 5, 1000000000, 0), 875000000);
    assert_int_equal(posw_base_fee_next(&p, 5, 7, 10000001), 8); /* rises by at least 1 */
    assert_int_equal(posw_base_fee_next(&p, 5, 7, 0), 7);        /* 7 / 8 = 0: stays */
    p.base_fee_min_wei = 900000000;
    assert_int_equal(posw_base_fee_next(&p, 5, 1000000000, 0), 900000000);
    assert_true(posw_base_fee_next(&p, 5, UINT64_MAX, 20000000) == UINT64_MAX);
    assert_true(posw_base_fee_next(&p, 5, UINT64_MAX - 1, 10000001) == UINT64_MAX);
}

static void test_base_fee_random(void **state) {
    (void)state;
    uint64_t seed = 7;
    posw_params p = made_params();
    for (int i = 0; i < 20000; i++) {
        p.gas_limit = 5000 + (random_next(&seed) >> (1 + random_below(&seed, 50)));
        p.base_fee_min_wei = 1 + (random_next(&seed) >> (1 + random_below(&seed, 63)));
        uint64_t base = p.base_fee_min_wei + (random_next(&seed) >> (1 + random_below(&seed, 63)));
        const uint64_t target = p.gas_limit / 2;
        uint64_t used = random_below(&seed, p.gas_limit + 1);
        if (i % 10 == 0) used = target - 1 + random_below(&seed, 3);
        assert_true(posw_base_fee_next(&p, 5, base, used) ==
                    reference_base_fee(p.gas_limit, used, base, p.base_fee_min_wei));
    }
}

/* B1 at an upgrade: how full the parent was is told by its own limit, the minimum by the new block's. */
static void test_fee_at_upgrade(void **state) {
    (void)state;
    posw_params p = made_params();
    p.gas_limit = 20000000;
    p.base_fee_min_wei = 1000;
    p.upgrades[0] = (posw_upgrade){
        .height = 10, .name = "up", .rules = {.gas_limit = 40000000, .base_fee_min_wei = 5000, .treasury_share = 9000}};
    p.upgrade_count = 1;
    assert_verdict(posw_params_check(&p), POSW_VALID, POSW_RULE_NONE);
    assert_int_equal(posw_base_fee_next(&p, 8, 8000, 20000000), 9000);
    assert_int_equal(posw_base_fee_next(&p, 9, 8000, 20000000), 9000); /* the parent was full */
    assert_int_equal(posw_base_fee_next(&p, 10, 8000, 20000000), 8000);
    assert_int_equal(posw_base_fee_next(&p, 8, 1000, 0), 1000);
    assert_int_equal(posw_base_fee_next(&p, 9, 1000, 0), 5000);
    assert_int_equal(posw_base_fee_next(&p, 10, 5000, 0), 5000);
    const posw_u256 subsidy = u64(10000);
    posw_u256 part = posw_reward_treasury(&p, 9, &subsidy);
    assert_u256_is(&part, 0);
    part = posw_reward_treasury(&p, 10, &subsidy);
    assert_u256_is(&part, 9000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fee_at_upgrade),
        cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_schedule_edges),
        cmocka_unit_test(test_treasury),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_base_fee_examples),
        cmocka_unit_test(test_base_fee_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
