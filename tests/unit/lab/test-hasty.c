/* Secret branches with false times: how many blocks they need under each rule of difficulty, and how many tickets. */
#include "rules/hasty.h"

#include "base/error.h"
#include "exact/double_spend.h"
#include "posw/difficulty.h"

#include "near.h"

#include <math.h>
#include <stdlib.h>

static lab_rule ticket_rule(void) {
    lab_rule r;
    assert_true(lab_rule_named(&r, "ticket"));
    return r;
}

static double sum(const double *values, size_t count) {
    double all = 0;
    for (size_t i = 0; i < count; i++)
        all += values[i];
    return all;
}

/* D2: each block is block time - 1 s ahead, and the difficulty doubles with each half-life. D8: the same, but the first
 * blocks, whose difficulty the public chain has settled, and each after it has the times of so many blocks before. */
static void test_asert(void **state) {
    (void)state;
    const enum posw_difficulty_rule asert = POSW_DIFFICULTY_ASERT, lagged = POSW_DIFFICULTY_ASERT_LAG;
    const struct {
        enum posw_difficulty_rule rule;
        uint64_t half_life, depth, blocks, lag;
    } cases[] = {{asert, 144, 6, 6, 0},          {asert, 144, 60, 54, 0},        {asert, 144, 504, 264, 0},
                 {asert, 144, 2016, 515, 0},     {asert, 1008, 504, 437, 0},     {asert, 1008, 2016, 1294, 0},
                 {lagged, 1008, 6, 6, 63},       {lagged, 1008, 60, 60, 63},     {lagged, 1008, 64, 64, 63},
                 {lagged, 1008, 504, 452, 63},   {lagged, 1008, 2016, 1330, 63}, {lagged, 144, 60, 56, 9},
                 {lagged, 1 << 24, 16, 16, 2016}};
    for (size_t k = 0; k < POSW_ARRAY_SIZE(cases); k++) {
        lab_rule r = ticket_rule();
        size_t count;
        r.params.block_time_s = 15;
        r.params.difficulty_rule = cases[k].rule;
        r.params.difficulty_blocks = cases[k].half_life;
        double *d = lab_hasty_branch(&r.params, (double)cases[k].depth, &count);
        assert_non_null(d);
        assert_int_equal(count, cases[k].blocks);
        for (size_t i = 0; i < count; i++)
            near(d[i] / exp2(i > cases[k].lag ? 14 / 15. * (double)(i - cases[k].lag) / (double)cases[k].half_life : 0),
                 1, 1e-3);
        free(d);
    }
}

/* They rise, and no block is more than is needed. What the counts must be near to: asert 154.3 log2(1 + 1000 / 222);
 * bitcoin2016 150 blocks, 300 of nearly twice the difficulty, and then of nearly 4 times that; homestead one 2048th
 * more each; step log(101) / log(1.1). */
static void test_each_rule(void **state) {
    (void)state;
    static const struct {
        enum posw_difficulty_rule rule;
        size_t count; /* of 1,000 */
    } cases[] = {{POSW_DIFFICULTY_ASERT, 380},       {POSW_DIFFICULTY_FIXED, 1000},    {POSW_DIFFICULTY_LWMA3, 52},
                 {POSW_DIFFICULTY_BITCOIN2016, 488}, {POSW_DIFFICULTY_HOMESTEAD, 815}, {POSW_DIFFICULTY_STEP, 48},
                 {POSW_DIFFICULTY_ASERT_LAG, 797}};
    for (size_t k = 0; k < POSW_ARRAY_SIZE(cases); k++) {
        lab_rule r = ticket_rule();
        size_t count;
        r.params.block_time_s = 15;
        r.params.difficulty_rule = cases[k].rule;
        r.params.difficulty_blocks = posw_difficulty_blocks_default(cases[k].rule, 300);
        double *d = lab_hasty_branch(&r.params, 1000, &count);
        assert_non_null(d);
        assert_int_equal(count, cases[k].count);
        assert_true(sum(d, count) >= 1000 && sum(d, count - 1) < 1000);
        for (size_t i = 1; i < count; i++)
            assert_true(d[i] >= d[i - 1]);
        free(d);
    }
}

/* With a block time of 1 s nobody is early, and some rules' difficulty even falls: then haste brings nothing, and the
 * branch still has an end. */
static void test_nothing_is_hasty(void **state) {
    (void)state;
    for (int rule = POSW_DIFFICULTY_ASERT; rule <= POSW_DIFFICULTY_ASERT_LAG; rule++) {
        lab_rule r = ticket_rule();
        size_t count;
        r.params.block_time_s = 1;
        r.params.difficulty_rule = (enum posw_difficulty_rule)rule;
        r.params.difficulty_blocks = posw_difficulty_blocks_default(r.params.difficulty_rule, 300);
        double *d = lab_hasty_branch(&r.params, 5000, &count);
        assert_non_null(d);
        assert_true(count <= 5000);
        if (rule != POSW_DIFFICULTY_BITCOIN2016) assert_int_equal(count, 5000); /* it measures N - 1 of N times */
        free(d);
    }
}

/* Blocks as difficult as the replaced ones: the attack with true times, also where tickets are used again. */
static void test_alike(void **state) {
    (void)state;
    static const double depths[] = {6, 60, 4032}; /* the last is two windows */
    lab_scenario s;
    lab_scenario_default(&s);
    for (int impact = 0; impact < 2; impact++) {
        const lab_rule r = ticket_rule();
        s.price_impact = impact;
        s.daily_volume_usd = 100000;
        for (size_t k = 0; k < POSW_ARRAY_SIZE(depths); k++) {
            const size_t count = (size_t)depths[k];
            double *ones = calloc(count, sizeof *ones);
            lab_attack_result a;
            lab_attack_route along;
            for (size_t i = 0; i < count; i++)
                ones[i] = 1;
            assert_true(lab_attack(&r, &s, depths[k], &a));
            assert_true(lab_attack_along(&r, &s, depths[k], ones, count, &along));
            near(along.cost / a.best.cost, 1, 1e-9);
            near(along.tickets, a.best.tickets, 0);
            free(ones);
        }
    }
}

/* One ticket for two blocks. */
static void test_hardest_first(void **state) {
    (void)state;
    static const double d[] = {1, 3};
    lab_rule r = ticket_rule();
    lab_scenario s;
    lab_attack_route along;
    lab_scenario_default(&s);
    s.delta = s.interest_rate = 0;
    r.params.weight.boost = 4;
    r.params.weight.ticket_price_wei = lab_wei(s.supply * .6);
    assert_true(lab_attack_along(&r, &s, 4, d, 2, &along));
    near(along.tickets, 1, 0);
    near(along.weight, 4 / (1 + 3 / 4.), 1e-12);
}

/* A stake amplifies any number of blocks. */
static void test_stake_alone(void **state) {
    (void)state;
    lab_rule r;
    lab_scenario s;
    lab_attack_result a;
    lab_attack_route route;
    size_t blocks;
    lab_scenario_default(&s);
    assert_true(lab_rule_named(&r, "quadratic"));
    assert_true(lab_attack(&r, &s, 2016, &a));
    assert_true(lab_hasty_attack(&r, &s, 2016, &route, &blocks));
    near(route.cost, a.best.cost, 0);
    assert_true(blocks < 1400);
}

static size_t blocks_for(const posw_params *p, double depth) {
    size_t count;
    double *d = lab_hasty_branch(p, depth, &count);
    assert_non_null(d);
    free(d);
    return count;
}

/* What a wallet counts by is near to what the rules give, for each kind of rule. */
static void test_closed_form(void **state) {
    (void)state;
    static const struct {
        enum posw_difficulty_rule rule;
        uint64_t half_life;
    } rules[] = {{POSW_DIFFICULTY_ASERT, 144}, {POSW_DIFFICULTY_ASERT_LAG, 144}, {POSW_DIFFICULTY_ASERT_LAG, 1008}};
    for (size_t k = 0; k < POSW_ARRAY_SIZE(rules); k++) {
        lab_rule r = ticket_rule();
        r.params.block_time_s = 15;
        r.params.difficulty_rule = rules[k].rule;
        r.params.difficulty_blocks = rules[k].half_life;
        const bool lags = rules[k].rule == POSW_DIFFICULTY_ASERT_LAG;
        const uint64_t lag = lags ? posw_difficulty_lag(rules[k].half_life, r.params.window_blocks) : 0;
        lab_reach *reach = lab_reach_new(&r.params, 1e6);
        assert_non_null(reach);
        for (double blocks = 0; blocks < 900; blocks += blocks < 70 ? .5 : 13) {
            const double want = lab_reach_depth(reach, blocks),
                         got = lab_confirmations_false_times(blocks, 15, (double)rules[k].half_life, (double)lag);
            near(got, want, 1 + want / 1000);
            if (ceil(blocks) <= (double)lag + 2) near(got, want, 0);
        }
        lab_reach_free(reach);
    }
    near(lab_confirmations_false_times(1000, 1, 144, 0), 1000, 0); /* nothing is quicker than a second */
}

/* When hash power leaves, as tests/unit/core/test-difficulty.c counts it (test_hasty_branch_of_loss). */
static void test_loss(void **state) {
    (void)state;
    static const struct {
        uint64_t depth, longer, after;
        size_t blocks;
    } cases[] = {{504, 1, 0, 452}, {60, 2, 0, 60},    {60, 2, 30, 60},   {504, 2, 0, 409},  {2016, 2, 0, 1042},
                 {60, 4, 0, 59},   {60, 4, 20, 57},   {504, 4, 0, 340},  {2016, 4, 0, 760}, {60, 10, 0, 54},
                 {60, 10, 8, 51},  {504, 10, 0, 234}, {2016, 10, 0, 451}};
    for (size_t k = 0; k < POSW_ARRAY_SIZE(cases); k++) {
        lab_rule r = ticket_rule();
        size_t count;
        double weight;
        r.params.block_time_s = 15;
        r.params.difficulty_rule = POSW_DIFFICULTY_ASERT_LAG;
        r.params.difficulty_blocks = 1008;
        double *d = lab_hasty_branch_of_loss(&r.params, cases[k].depth, (double)cases[k].longer, cases[k].after,
                                             &weight, &count);
        assert_non_null(d);
        assert_int_equal(count, cases[k].blocks);
        assert_true(sum(d, count) >= weight && sum(d, count - 1) < weight);
        if (cases[k].longer == 1) near(weight, (double)cases[k].depth, 1e-3 * (double)cases[k].depth);
        if (cases[k].longer > 1 && cases[k].depth > 64) assert_true(weight < (double)cases[k].depth);
        free(d);
    }
}

/* Which depth needs so many blocks at least: where times cannot be moved, as many. */
static void test_reach(void **state) {
    (void)state;
    static const uint64_t half_lives[] = {144, 1008, 1 << 24};
    for (size_t k = 0; k < POSW_ARRAY_SIZE(half_lives); k++) {
        lab_rule r = ticket_rule();
        r.params.block_time_s = 15;
        r.params.difficulty_rule = POSW_DIFFICULTY_ASERT_LAG;
        r.params.difficulty_blocks = half_lives[k];
        const size_t lag = half_lives[k] == 144 ? 9 : half_lives[k] == 1008 ? 63 : 2016;
        lab_reach *reach = lab_reach_new(&r.params, 4000);
        assert_non_null(reach);
        for (size_t blocks = 2; blocks < 700; blocks += 1 + blocks / 9) {
            const double depth = lab_reach_depth(reach, (double)blocks - .5);
            if (blocks <= lag + 2) assert_true(depth == (double)blocks);
            if (isinf(depth)) {
                assert_true(blocks_for(&r.params, 4000) < blocks);
                continue;
            }
            assert_true(blocks_for(&r.params, depth + 1e-9) >= blocks);
            assert_true(depth == (double)blocks || blocks_for(&r.params, depth - 1) < blocks);
        }
        near(lab_reach_depth(reach, 0), 0, 0);
        near(lab_reach_depth(reach, 1), 1, 0);
        assert_true(isinf(lab_reach_depth(reach, 5000))); /* beyond what was asked for */
        assert_true(isinf(lab_reach_depth(reach, 2000)) == (half_lives[k] <= 144));
        lab_reach_free(reach);
    }
    lab_reach_free(NULL);
}

/* The least depth whose attack costs the value, whatever the cheapest one is made of: tickets, all those of a window
 * and then hash, or hash alone. */
static void test_depth(void **state) {
    (void)state;
    static const double staked[] = {.4, .4, .4, .4, 0, 0}, values[] = {1e4, 1e5, 7.6e5, 8e5, 1e4, 6e5};
    lab_rule r = ticket_rule();
    r.params.block_time_s = 60;
    lab_reach *reach = lab_reach_new(&r.params, 1e6);
    assert_non_null(reach);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(values); i++) {
        lab_scenario s;
        lab_attack_route at, before;
        size_t blocks;
        lab_scenario_default(&s);
        s.staked_share = staked[i];
        const double depth = lab_reach_cost_depth(reach, &r, &s, values[i], 0),
                     alone = lab_attack_depth(&r, &s, values[i], 1e6);
        assert_true(lab_hasty_attack(&r, &s, depth, &at, &blocks) &&
                    lab_hasty_attack(&r, &s, depth - 1, &before, &blocks));
        assert_true(at.cost >= values[i] && before.cost < values[i]);
        /* where hash is what costs, false times bring next to nothing: a branch weighs a little more than it must */
        if (i >= 2 && i <= 4) near(depth / alone, 1, .002);
    }
    lab_scenario s;
    lab_scenario_default(&s);
    assert_true(isinf(lab_reach_cost_depth(reach, &r, &s, 1e12, 0)));
    lab_reach_free(reach);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asert),       cmocka_unit_test(test_each_rule),
        cmocka_unit_test(test_alike),       cmocka_unit_test(test_hardest_first),
        cmocka_unit_test(test_stake_alone), cmocka_unit_test(test_nothing_is_hasty),
        cmocka_unit_test(test_reach),       cmocka_unit_test(test_closed_form),
        cmocka_unit_test(test_depth),       cmocka_unit_test(test_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
