/* What an attack costs: closed forms, and the chain of 10 million USD with its table (equal stakes, blocks of a
 * minute). */
#include "exact/attack.h"

#include "posw/u256.h"
#include "posw/weight.h"

#include "near.h"

static void relative(double got, double want, double tolerance) {
    near(got / want, 1, tolerance);
}

static lab_rule named(const char *name) {
    lab_rule r;
    assert_true(lab_rule_named(&r, name));
    r.params.block_time_s = 60;
    return r;
}

static lab_attack_result at_depth(const lab_rule *r, const lab_scenario *s, double depth) {
    lab_attack_result out;
    assert_true(lab_attack(r, s, depth, &out));
    return out;
}

static void test_leverage(void **state) {
    (void)state;
    near(lab_leverage(2, 100, .1), .0100, 1e-12);
    near(lab_leverage(2, 1000, .05), .0004, 1e-12);
    near(lab_leverage(2, 10, .1), 1, 1e-12);
    static const double k[] = {.5, 1, 2}, many[] = {1.88988, 2, 1.88988}, one[] = {8.77205, 20, 40.71626};
    for (int i = 0; i < 3; i++) {
        near(lab_leverage_cost(k[i], 100, 1, 100, NULL), many[i], 1e-5);
        near(lab_leverage_cost(k[i], 1, 1, 100, NULL), one[i], 1e-5);
    }
}

/* The search over mixtures finds what the closed form says. */
static void test_leverage_search(void **state) {
    (void)state;
    static const char *const rules[] = {"x^0.5", "x", "x^2"};
    static const double k[] = {.5, 1, 2};
    lab_scenario s;
    lab_scenario_default(&s);
    s.miners = 100;
    s.interest_rate = 0;
    s.hash_cost_share = 1;
    for (int i = 0; i < 3; i++) {
        const lab_rule r = named(rules[i]);
        const lab_attack_result found = at_depth(&r, &s, 60);
        const double staked = s.supply * s.staked_share * s.delta;
        double value;
        relative(found.best.cost, lab_leverage_cost(k[i], 100, lab_reward_per_hour(&s), staked, &value), 1e-9);
        relative(found.best.loss, value, 1e-4);
        assert_true(isinf(found.pure_hash.cost));
    }
}

static void test_merge(void **state) {
    (void)state;
    static const struct {
        const char *rule;
        double factor;
    } rows[] = {{"x^2", 4}, {"x", 2}, {"x^0.5", 1.41421}, {"pow", 1}};
    for (int i = 0; i < 4; i++) {
        const lab_rule r = named(rows[i].rule);
        near(lab_merge_factor(&r, 20000, 2, 1e7), rows[i].factor, 5e-6);
    }
    const lab_rule square = named("x^2");
    for (double m = 2; m < 10; m++)
        near(1 / lab_merge_factor(&square, 20000, m, 1e7), pow(m, -2), 1e-12);
}

static void test_ticket(void **state) {
    (void)state;
    lab_scenario s;
    lab_scenario_default(&s);
    const lab_rule r = named("ticket");
    const lab_attack_result a = at_depth(&r, &s, 60);
    near(lab_reward_per_hour(&s), 57.0386, 1e-4);
    relative(a.best.cost, 22364, .01);
    relative(a.pure_hash.cost, 43806, .01);
    near(a.best.tickets, 60, 0);
    relative(a.best.stake, 74405, 1e-4);
    near(a.best.hash_ratio, 1, 1e-12);
    near(a.pure_hash.hash_ratio, 1024, 1e-9);
    near(a.best.cost, a.best.hash + a.best.loss + a.best.interest + a.best.impact, 1e-9);
    near(a.best.capital, a.best.hash + a.best.stake, 1e-9);
    static const double delta[] = {0, .05, .1, .3, .5}, cost[] = {86, 3806, 7526, 22407, 37288};
    for (int i = 0; i < 5; i++) {
        s.delta = delta[i];
        relative(at_depth(&r, &s, 60).best.cost, cost[i], .001);
    }
}

static void test_scoreboard(void **state) {
    (void)state;
    static const double depths[] = {6, 60, 2016};
    static const struct {
        const char *rule;
        uint64_t window, boost;
        double cost[3], tolerance;
    } rows[] = {
        {"pow", 0, 0, {5.675, 56.75, 1907}, .003},
        {"(1+x)^0.5", 0, 0, {26, 260, 5068}, .003},
        {"(1+x)", 0, 0, {119, 896, 6632}, .005},
        {"(1+x)^2", 0, 0, {850, 2177, 7694}, .003},
        /* the table has 1201, 2412, 7974: it was searched on stakes of 10^(i/20) coins; the cheapest whole steps are 3,
         * 5 and 17 units */
        {"diode", 0, 0, {1152.2, 2408, 7739.3}, .003},
        {"ticket", 2016, 1024, {2236, 22364, 751437}, .01},
        {"ticket", 256, 1024, {4381, 43806, 751437}, .01},
        {"ticket", 10080, 1024, {451, 4507, 151437}, .01},
        {"ticket", 2016, 64, {274, 2738, 91992}, .01},
    };
    lab_scenario s;
    lab_scenario_default(&s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        lab_rule r = named(rows[i].rule);
        if (rows[i].window != 0) r.params.window_blocks = rows[i].window;
        if (rows[i].boost != 0) r.params.weight.boost = rows[i].boost;
        for (int d = 0; d < 3; d++)
            relative(at_depth(&r, &s, depths[d]).best.cost, rows[i].cost[d], rows[i].tolerance);
    }
}

/* However many units the cheapest stake is made of: here some 533 million of one coin each, as the closed form has it.
 */
static void test_small_units(void **state) {
    (void)state;
    lab_scenario s;
    lab_scenario_default(&s);
    s.supply = 1e12;
    s.price_usd = 1e-5;
    s.miners = 100;
    s.interest_rate = 0;
    s.hash_cost_share = 1;
    static const uint32_t exponents_x2[] = {1, 2, 4};
    for (int i = 0; i < 3; i++) {
        lab_rule r = named("quadratic");
        r.params.weight.unit_wei = lab_wei(1);
        r.params.weight.max = UINT64_C(1) << 53;
        r.params.weight.exponent_x2 = exponents_x2[i];
        const double staked = s.supply * s.price_usd * s.staked_share * s.delta;
        const lab_attack_result found = at_depth(&r, &s, 60);
        relative(found.best.cost, lab_leverage_cost(exponents_x2[i] / 2., 100, lab_reward_per_hour(&s), staked, NULL),
                 1e-4); /* the square root is of whole numbers */
        near(found.best.stake, floor(found.best.stake), 0);
    }
}

/* Of every number of units the cheapest, also where it is the first, the last or one of few. */
static void test_every_unit(void **state) {
    (void)state;
    static const double deltas[] = {0, 1e-4, .003, .02, .3, 1};
    static const uint32_t exponents_x2[] = {1, 2, 3, 4, 6};
    lab_scenario s;
    lab_scenario_default(&s);
    s.interest_rate = 0;
    for (size_t i = 0; i < 5 * 6; i++) {
        lab_rule r = named("quadratic");
        r.params.weight.exponent_x2 = exponents_x2[i % 5];
        r.params.weight.min = i % 2 == 0 ? 1 : 7;
        r.params.weight.max = 3000;
        s.delta = deltas[i / 5];
        const lab_attack_result found = at_depth(&r, &s, 60);
        double least = found.pure_hash.cost;
        for (double units = 1; units <= 3000; units++) {
            const double hash = found.pure_hash.cost * lab_rule_weight(&r, 0, s.supply);
            least = fmin(least, hash / lab_rule_weight(&r, units * 1000, s.supply) + s.delta * units * 1000);
        }
        relative(found.best.cost, least, 1e-8);
    }
}

/* A stake that is a whole number of tickets or units is not one fewer because a double is a little below it. */
static void test_whole_stakes(void **state) {
    (void)state;
    static const double supplies[] = {1e7, 21e6, 123456789};
    static const unsigned miners[] = {7, 9, 63, 252, 1008, 2016};
    lab_scenario s;
    lab_scenario_default(&s);
    lab_rule r = named("ticket");
    s.staked_share = .25; /* a ticket for each block of the window */
    for (size_t i = 0; i < 18; i++) {
        s.supply = supplies[i % 3];
        s.miners = miners[i / 3];
        near(at_depth(&r, &s, 60).honest_weight, 1024, 1e-6);
    }
    /* all coins are as many tickets as the window has blocks */
    r.params.weight.slots = 1;
    s.staked_share = 1;
    s.interest_rate = s.delta = 0;
    for (size_t i = 0; i < 3; i++) {
        s.supply = supplies[i];
        near(at_depth(&r, &s, 2016).best.tickets, 2016, 0);
    }
    lab_rule units = named("linear");
    units.params.weight.unit_wei = lab_wei(.7);
    for (double n = 1; n < 1000; n++)
        near(lab_rule_weight(&units, n * .7, 1e7), n, 0);
}

/* With a price that rises while the attacker buys, a mixture of boosted and other blocks may be the cheapest. */
static void test_impact(void **state) {
    (void)state;
    lab_scenario s;
    lab_scenario_default(&s);
    s.daily_volume_usd = 20000;
    s.price_impact = .2;
    const lab_rule r = named("ticket");
    const lab_attack_result a = at_depth(&r, &s, 60);
    assert_true(a.best.tickets > 0 && a.best.tickets < 60);
    assert_true(a.best.cost < a.staked.cost && a.best.cost < a.pure_hash.cost);
    near(a.best.impact, .2 * pow(a.best.stake, 2) / 20000 / 2, 1e-6);
}

/* Few stakers: hash without tickets makes most blocks, and the chain falls back towards proof of work. */
static void test_scarce(void **state) {
    (void)state;
    lab_scenario s;
    lab_scenario_default(&s);
    lab_rule r = named("ticket");
    double before = 1e9;
    for (double share = .4; share > .01; share -= .05) {
        s.staked_share = share;
        s.hash_cost_share = .75;
        const lab_attack_result a = at_depth(&r, &s, 60);
        assert_true(a.pure_hash.hash_ratio <= before);
        before = a.pure_hash.hash_ratio;
    }
    s.staked_share = 0;
    near(at_depth(&r, &s, 60).pure_hash.hash_ratio, 1, 1e-12);
}

static void test_depth(void **state) {
    (void)state;
    lab_scenario s;
    lab_scenario_default(&s);
    const lab_rule r = named("ticket");
    near(lab_attack_depth(&r, &s, 10000, 1e6), 27, 0);
    assert_true(at_depth(&r, &s, 26).best.cost < 10000 && at_depth(&r, &s, 27).best.cost >= 10000);
    near(lab_attack_depth(&r, &s, 1e12, 1e5), 0, 0);
}

/* Amounts become wei exactly, and weights are the node's. */
static void test_wei(void **state) {
    (void)state;
    static const double coins[] = {0, 1e-18, .5, 1, 1000, 123456789, 1e15, 1e30};
    static const char *const wei[] = {"0",
                                      "1",
                                      "500000000000000000",
                                      "1000000000000000000",
                                      "1000000000000000000000",
                                      "123456789000000000000000000",
                                      "1000000000000000000000000000000000",
                                      NULL};
    for (int i = 0; wei[i] != NULL; i++) {
        char text[POSW_U256_DEC_SIZE];
        const posw_u256 v = lab_wei(coins[i]);
        posw_u256_to_dec(text, &v);
        if (i != 1) assert_string_equal(text, wei[i]); /* 1e-18 is a little less than one wei, as a double */
        if (i > 1) relative(lab_coins(&v), coins[i], 1e-15);
    }
    const lab_rule diode = named("diode");
    static const double stakes[] = {0, 999, 1000, 1999, 2000, 49999, 50000, 99999};
    static const double weights[] = {1, 1, 1, 1, 4, 2401, 2500, 2500};
    for (int i = 0; i < 8; i++)
        near(lab_rule_weight(&diode, stakes[i], 1e7), weights[i], 0);
}

static void test_names(void **state) {
    (void)state;
    static const char *const good[] = {"ticket", "quarkchain", "pow", "x", "x^2", "(1+x)^0.5", "(1+x)"};
    static const char *const bad[] = {"", "x^", "x^9", "x^-1", "x^2 ", "y", "(1+x", "x2", "x^nan", "(1+x)^1e9"};
    char name[48];
    lab_rule r;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(lab_rule_named(&r, good[i]));
        assert_string_equal(lab_rule_name(&r, name), good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(lab_rule_named(&r, bad[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leverage),     cmocka_unit_test(test_leverage_search), cmocka_unit_test(test_merge),
        cmocka_unit_test(test_ticket),       cmocka_unit_test(test_scoreboard),      cmocka_unit_test(test_impact),
        cmocka_unit_test(test_scarce),       cmocka_unit_test(test_depth),           cmocka_unit_test(test_wei),
        cmocka_unit_test(test_names),        cmocka_unit_test(test_small_units),     cmocka_unit_test(test_every_unit),
        cmocka_unit_test(test_whole_stakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
