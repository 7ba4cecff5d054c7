/* Weight rules: vectors of the presets, half powers against their definition, monotonicity, tickets. */
#include "posw/weight.h"

#include "core/made.h"

static posw_params with_preset(const char *name) {
    posw_params p = made_params();
    assert_true(posw_params_preset(&p, name));
    return p;
}

static posw_u256 weight_of_coins(const posw_params *p, uint64_t stake_coins) {
    const posw_u256 stake = coins(stake_coins), supply = coins(100000000);
    return posw_weight(p, 1000000, &stake, &supply, 0);
}

static void test_diode(void **state) {
    (void)state;
    static const uint64_t vectors[][2] = {{0, 1},    {999, 1},      {1000, 1},     {1999, 1},
                                          {2000, 4}, {49999, 2401}, {50000, 2500}, {99999, 2500}};
    const posw_params p = with_preset("diode");
    for (size_t i = 0; i < POSW_ARRAY_SIZE(vectors); i++) {
        const posw_u256 f = weight_of_coins(&p, vectors[i][0]);
        assert_u256_is(&f, vectors[i][1]);
    }
}

typedef struct {
    const char *preset;
    uint64_t stake_coins, weight;
} preset_vector;

static void test_power_presets(void **state) {
    (void)state;
    static const preset_vector vectors[] = {
        {"pow", 0, 1},
        {"pow", 1000000, 1},
        {"linear", 0, 1},
        {"linear", 1999, 1},
        {"linear", 5000, 5},
        {"linear", 1000000000, 1000000},
        {"linear", 2000000000, 1000000},
        {"sqrt", 0, 1},
        {"sqrt", 3999, 1},
        {"sqrt", 4000, 2},
        {"sqrt", 8999, 2},
        {"sqrt", 9000, 3},
        {"sqrt", 1000000000, 1000},
        {"sqrt", 5000000000, 1000},
        {"quadratic", 0, 1},
        {"quadratic", 7000, 49},
        {"quadratic", 1000000000, 1000000000000},
        {"quadratic", 9000000000, 1000000000000},
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(vectors); i++) {
        const posw_params p = with_preset(vectors[i].preset);
        const posw_u256 f = weight_of_coins(&p, vectors[i].stake_coins);
        assert_u256_is(&f, vectors[i].weight);
    }
}

/* One wei below a unit does not count. */
static void test_unit_edge(void **state) {
    (void)state;
    const posw_params p = with_preset("linear");
    const posw_u256 whole = coins(3000), less = minus_one(&whole), supply = coins(1);
    posw_u256 f = posw_weight(&p, 1, &whole, &supply, 0);
    assert_u256_is(&f, 3);
    f = posw_weight(&p, 1, &less, &supply, 0);
    assert_u256_is(&f, 2);
    f = posw_weight(&p, 1, &POSW_U256_MAX, &supply, 0); /* more units than 64 bits hold */
    assert_u256_is(&f, 1000000);
}

static posw_params power_rule(uint32_t exponent_x2) {
    posw_params p = made_params();
    p.weight = (posw_weight_params){
        .rule = POSW_WEIGHT_POWER, .unit_wei = u64(1), .min = 1, .max = UINT64_MAX, .exponent_x2 = exponent_x2};
    return p;
}

static posw_u256 power_of(uint64_t u, uint32_t exponent_x2) {
    const posw_params p = power_rule(exponent_x2);
    const posw_u256 stake = u64(u), supply = u64(1);
    return posw_weight(&p, 1, &stake, &supply, 0);
}

static void test_small_powers(void **state) {
    (void)state;
    for (uint64_t u = 1; u <= 300; u++) {
        const uint64_t cube = u * u * u;
        uint64_t root = 0, root_of_cube = 0;
        while ((root + 1) * (root + 1) <= u)
            root++;
        while ((root_of_cube + 1) * (root_of_cube + 1) <= cube)
            root_of_cube++;
        const uint64_t want[] = {1, root, u, root_of_cube, u * u, 0, cube};
        for (uint32_t e = 0; e <= 6; e++) {
            if (e == 5) continue;
            const posw_u256 f = power_of(u, e);
            assert_u256_is(&f, want[e]);
        }
    }
}

/* r^2 <= u^k < (r + 1)^2 for any u of 64 bits: that is what a rounded-down root means. */
static void assert_half_power(uint64_t u, uint32_t k) {
    const posw_u256 r = power_of(u, k), next = plus(&r, &POSW_U256_ONE);
    posw_u256 value = POSW_U256_ONE, below, above;
    for (uint32_t i = 0; i < k; i++)
        value = times(&value, u);
    assert_true(posw_u256_mul(&below, &r, &r));
    assert_true(posw_u256_mul(&above, &next, &next));
    assert_true(posw_u256_cmp(&below, &value) <= 0);
    assert_true(posw_u256_cmp(&value, &above) < 0);
}

static void test_large_powers(void **state) {
    (void)state;
    uint64_t seed = 1;
    assert_half_power(UINT64_MAX, 1);
    assert_half_power(UINT64_MAX, 3);
    for (int i = 0; i < 2000; i++) {
        const uint64_t u = random_next(&seed) >> random_below(&seed, 64) | 1;
        assert_half_power(u, 1);
        assert_half_power(u, 3);
    }
    const posw_u256 top = power_of(UINT64_MAX, 6); /* (2^64 - 1)^3, computed in another order */
    const posw_u256 u = u64(UINT64_MAX), square = times(&u, UINT64_MAX), cube = times(&square, UINT64_MAX);
    assert_u256(&top, &cube);
}

static void test_monotone(void **state) {
    (void)state;
    uint64_t seed = 2;
    const posw_u256 supply = coins(100000000);
    for (const char *const *name = posw_params_presets(); *name != NULL; name++) {
        const posw_params p = with_preset(*name);
        const posw_u256 top = posw_weight_max(&p, 5000);
        for (int i = 0; i < 2000; i++) {
            posw_u256 a = random_u256(&seed, 120), b = random_u256(&seed, 120);
            if (posw_u256_cmp(&a, &b) > 0) {
                const posw_u256 c = a;
                a = b;
                b = c;
            }
            const uint64_t used = random_below(&seed, 10);
            const posw_u256 fa = posw_weight(&p, 5000, &a, &supply, used);
            const posw_u256 fb = posw_weight(&p, 5000, &b, &supply, used);
            const posw_u256 more_used = posw_weight(&p, 5000, &b, &supply, used + 1);
            assert_false(posw_u256_is_zero(&fa));
            assert_true(posw_u256_cmp(&fa, &fb) <= 0);
            assert_true(posw_u256_cmp(&fb, &top) <= 0);
            assert_true(posw_u256_cmp(&more_used, &fb) <= 0);
        }
    }
}

/* W2: the last ticket boosts, the next block does not; one wei less is one ticket less. */
static void test_tickets(void **state) {
    (void)state;
    const posw_params p = with_preset("ticket");
    const posw_u256 supply = coins(80640000); /* slots * W = 8064: c = 10,000 coins */
    const posw_u256 price = posw_weight_ticket_price(&p, &supply), want = coins(10000);
    assert_u256(&price, &want);
    const posw_u256 three = coins(30000), less = minus_one(&three);
    assert_int_equal(posw_weight_tickets(&p, &three, &supply), 3);
    assert_int_equal(posw_weight_tickets(&p, &less, &supply), 2);
    for (uint64_t used = 0; used < 5; used++) {
        posw_u256 f = posw_weight(&p, 1, &three, &supply, used);
        assert_u256_is(&f, used < 3 ? 1024 : 1);
        f = posw_weight(&p, 1, &less, &supply, used);
        assert_u256_is(&f, used < 2 ? 1024 : 1);
    }
    posw_u256 f = posw_weight(&p, 1, &POSW_U256_ZERO, &supply, 0);
    assert_u256_is(&f, 1);
    f = posw_weight(&p, 1, &POSW_U256_MAX, &POSW_U256_ZERO, UINT64_MAX); /* more tickets than 64 bits hold */
    assert_u256_is(&f, 1024);
    assert_true(posw_weight_tickets(&p, &POSW_U256_MAX, &POSW_U256_ZERO) == UINT64_MAX);

    const posw_params linear = with_preset("linear");
    assert_int_equal(posw_weight_tickets(&linear, &three, &supply), 0);
}

static void test_ticket_price(void **state) {
    (void)state;
    posw_params p = with_preset("ticket");
    const posw_u256 huge = power_of_two(127);
    const posw_u256 few = u64(8063), enough = u64(8064), double_less = u64(16127);
    posw_u256 c = posw_weight_ticket_price(&p, &POSW_U256_ZERO);
    assert_u256_is(&c, 1);
    c = posw_weight_ticket_price(&p, &few);
    assert_u256_is(&c, 1);
    c = posw_weight_ticket_price(&p, &enough);
    assert_u256_is(&c, 1);
    c = posw_weight_ticket_price(&p, &double_less);
    assert_u256_is(&c, 1);
    p.weight.slots = UINT64_MAX; /* slots * W does not fit 64 bits: floor(2^127 / ((2^64 - 1) * 2)) = 2^62 */
    p.window_blocks = 2;
    c = posw_weight_ticket_price(&p, &huge);
    assert_u256_is(&c, (uint64_t)1 << 62);

    const posw_params fixed = with_preset("quarkchain");
    assert_int_equal(fixed.window_blocks, 256);
    c = posw_weight_ticket_price(&fixed, &huge);
    const posw_u256 thousand = coins(1000);
    assert_u256(&c, &thousand);
    const posw_u256 f = posw_weight(&fixed, 1, &thousand, &huge, 0);
    assert_u256_is(&f, 20);
}

/* Splitting in multiples of c changes nothing, any other split can only lose. */
static void test_splitting(void **state) {
    (void)state;
    const posw_params p = with_preset("ticket");
    const posw_u256 supply = coins(80640000), price = posw_weight_ticket_price(&p, &supply);
    uint64_t seed = 3;
    for (int i = 0; i < 2000; i++) {
        const posw_u256 a = times(&price, random_below(&seed, 50));
        const posw_u256 b = random_u256(&seed, 90), rest = random_u256(&seed, 90);
        const posw_u256 all = plus(&a, &b), mixed = plus(&b, &rest);
        const uint64_t ta = posw_weight_tickets(&p, &a, &supply), tb = posw_weight_tickets(&p, &b, &supply);
        const uint64_t tr = posw_weight_tickets(&p, &rest, &supply);
        assert_true(ta + tb == posw_weight_tickets(&p, &all, &supply));
        assert_true(tb + tr <= posw_weight_tickets(&p, &mixed, &supply));
    }
}

static void test_ramp(void **state) {
    (void)state;
    posw_params p = with_preset("ticket");
    assert_int_equal(posw_weight_boost(&p, 0), 1024); /* no ramp */
    p.weight.ramp_blocks = 1023;
    for (uint64_t n = 0; n < 1023; n++)
        assert_int_equal(posw_weight_boost(&p, n), 1 + n);
    assert_int_equal(posw_weight_boost(&p, 1023), 1024);
    assert_int_equal(posw_weight_boost(&p, UINT64_MAX), 1024);
    p.weight.ramp_blocks = 10;
    assert_int_equal(posw_weight_boost(&p, 9), 1 + 1023 * 9 / 10);
    p.weight.boost = UINT64_MAX;
    p.weight.ramp_blocks = UINT32_MAX;
    assert_true(posw_weight_boost(&p, UINT32_MAX - 1) == UINT64_MAX - 4294967297u);
    assert_true(posw_weight_boost(&p, UINT32_MAX) == UINT64_MAX);
    const posw_u256 top = posw_weight_max(&p, 0);
    assert_u256_is(&top, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_diode),        cmocka_unit_test(test_power_presets), cmocka_unit_test(test_unit_edge),
        cmocka_unit_test(test_small_powers), cmocka_unit_test(test_large_powers),  cmocka_unit_test(test_monotone),
        cmocka_unit_test(test_tickets),      cmocka_unit_test(test_ticket_price),  cmocka_unit_test(test_splitting),
        cmocka_unit_test(test_ramp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
