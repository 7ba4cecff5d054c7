/* Difficulty rules under hash that stays, comes and goes; concentration; the first months. Against closed forms and the
 * figures of an independent program. Bounds are five standard errors or more; seeds are fixed. POSW_LONG=1: more
 * blocks, and the bounds of the published figures. */
#include "base/scale.h"
#include "posw/difficulty.h"
#include "posw/u256.h"
#include "rules/bootstrap.h"
#include "rules/difficulty_sim.h"
#include "rules/ethereum.h"
#include "rules/fairness.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance)) fail_msg("%.9g, expected %.9g +- %.2g", got, want, tolerance);
}

static posw_params params_of(enum posw_difficulty_rule rule, uint64_t blocks) {
    posw_params p;
    posw_params_default(&p);
    p.window_blocks = 65536;
    p.difficulty_rule = rule;
    p.difficulty_blocks = blocks;
    p.block_time_s = 3600;
    return p;
}

static difficulty_result run(const posw_params *p, enum difficulty_scenario scenario, uint64_t blocks, double on,
                             double off, double factor) {
    const difficulty_setup s = {.params = p,
                                .scenario = scenario,
                                .on = on,
                                .off = off,
                                .factor = factor,
                                .lead_s = 2 * p->block_time_s,
                                .blocks = blocks,
                                .seed = 1};
    difficulty_result r;
    assert_true(difficulty_run(&r, &s));
    assert_int_equal(r.blocks_done, blocks / DIFFICULTY_CHAINS * DIFFICULTY_CHAINS);
    return r;
}

static double mean_of(const difficulty_result *r, size_t offset) {
    return difficulty_over_chains(r, offset).mean;
}
#define MEAN(r, field) mean_of(r, offsetof(difficulty_chain, field))

static void test_constant(void **state) {
    (void)state;
    const uint64_t blocks = scale_is_long() ? 10000000 : 800000;
    posw_params p = params_of(POSW_DIFFICULTY_BITCOIN2016, 2016);
    difficulty_result r = run(&p, DIFFICULTY_CONSTANT, blocks, 0, 0, 1);
    near(MEAN(&r, mean_ratio), 2016. / 2014, scale_is_long() ? 2e-4 : 1.2e-3);
    p = params_of(POSW_DIFFICULTY_ASERT, 60);
    r = run(&p, DIFFICULTY_CONSTANT, blocks, 0, 0, 1);
    near(MEAN(&r, mean_ratio), 1, scale_is_long() ? 1e-4 : 3e-4);
    near(MEAN(&r, difficulty_sd), .077, .001);
    near(MEAN(&r, p_slow), .00267, .0004);
    p = params_of(POSW_DIFFICULTY_HOMESTEAD, 0);
    r = run(&p, DIFFICULTY_CONSTANT, blocks, 0, 0, 1);
    near(MEAN(&r, mean_ratio) * 10 / M_LN2, 14.4270, .02);
    near(MEAN(&r, difficulty_sd), .019, .001);
    p = params_of(POSW_DIFFICULTY_STEP, 0);
    r = run(&p, DIFFICULTY_CONSTANT, blocks, 0, 0, 1);
    near(MEAN(&r, mean_ratio), 1.278, scale_is_long() ? .003 : .009);
    near(MEAN(&r, p_below_goal), -log(.9) / (log(1.1) - log(.9)), .0002);
    near(MEAN(&r, difficulty_sd), .278, .004);
}

/* Headers have whole seconds: under homestead at 15 s that makes blocks come sooner, since the time between two headers
 * is rounded down and up alike, but its steps of 10 s are not. With P(k >= j) = (e^x - 1) / x * e^(-10 j x) the mean 1
 * / x solves 10 x = ln(1 + (e^x - 1) / x). */
static void test_whole_seconds(void **state) {
    (void)state;
    double x = .07;
    for (int i = 0; i < 100; i++)
        x = log(1 + (exp(x) - 1) / x) / 10;
    near(1 / x, 14.07, .01);
    posw_params p = params_of(POSW_DIFFICULTY_HOMESTEAD, 0);
    p.block_time_s = 15;
    const difficulty_result r = run(&p, DIFFICULTY_CONSTANT, 800000, 0, 0, 1);
    near(MEAN(&r, mean_ratio) * 15, 1 / x, .04);
}

static void test_on_off(void **state) {
    (void)state;
    static const struct {
        enum posw_difficulty_rule rule;
        uint64_t blocks;
        double on, off, factor, mean, delay, advantage;
    } cases[] = {
        {POSW_DIFFICULTY_ASERT, 288, 1.30, 1.35, 6, 1.000, 4.14, 1.005},
        {POSW_DIFFICULTY_ASERT, 60, 1.30, 1.35, 6, 1.000, 4.47, 1.031},
        {POSW_DIFFICULTY_ASERT, 60, 1.0, 1.3, 10, 1.000, 2.51, 1.012},
        {POSW_DIFFICULTY_ASERT, 30, 1.0, 1.3, 10, 1.000, 2.92, 1.057},
        {POSW_DIFFICULTY_LWMA3, 60, 1.30, 1.35, 6, 1.016, 5.28, 1.096},
        {POSW_DIFFICULTY_HOMESTEAD, 0, 1.30, 1.35, 6, .9626, 3.94, 1.002},
        {POSW_DIFFICULTY_HOMESTEAD, 0, 1.0, 1.3, 10, .981, 1.87, .949},
        {POSW_DIFFICULTY_STEP, 0, 1.30, 1.35, 6, 1.474, 15.2, 1.093},
        {POSW_DIFFICULTY_STEP, 0, 1.0, 1.3, 10, 1.383, 10.8, 1.117},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const posw_params p = params_of(cases[i].rule, cases[i].blocks);
        const difficulty_result r = run(&p, DIFFICULTY_ON_OFF, cases[i].rule == POSW_DIFFICULTY_LWMA3 ? 200000 : 500000,
                                        cases[i].on, cases[i].off, cases[i].factor);
        near(MEAN(&r, mean_ratio), cases[i].mean, .003 * cases[i].mean + .003);
        near(MEAN(&r, delay_percent), cases[i].delay, .5);
        near(MEAN(&r, attacker_advantage), cases[i].advantage, .012);
    }
    if (scale_is_sanitized()) return;
    const posw_params p = params_of(POSW_DIFFICULTY_BITCOIN2016, 2016); /* hostage for weeks */
    const difficulty_result r = run(&p, DIFFICULTY_ON_OFF, 2000000, 1.30, 1.35, 6);
    near(MEAN(&r, mean_ratio), 2.201, .03);
    near(MEAN(&r, delay_percent), 99.4, 3);
    /* 2016 blocks at D with seven times the hash, then 2016 at 4 D: a hash then finds 1 / D a block time, and
     * one that always mines (1 / 7 + 1) / (1 / 7 + 4) of that */
    near(MEAN(&r, attacker_advantage), (1. / 7 + 4) / (1. / 7 + 1), .05);
}

/* ---- rules of other chains ---- */

static difficulty_past *past_of(enum difficulty_other_rule rule, uint64_t blocks, double first) {
    const difficulty_other other = {rule, blocks};
    difficulty_past *p = difficulty_past_new(&other, 10, first);
    assert_non_null(p);
    return p;
}

/* Block time 10 s, by hand. */
static void test_other_steps(void **state) {
    (void)state;
    difficulty_past *p = past_of(DIFFICULTY_SMA, 3, 50);
    const double times_s[] = {10, 14, 30, 40}, difficulties[] = {100, 110, 120, 130};
    for (int i = 0; i < 3; i++) {
        near(difficulty_past_next(p), i == 0 ? 50 : difficulties[i - 1], 0); /* too few blocks */
        difficulty_past_push(p, times_s[i], difficulties[i]);
    }
    near(difficulty_past_next(p), 330 * 10. / 30, 1e-9);
    difficulty_past_push(p, times_s[3], difficulties[3]);
    near(difficulty_past_next(p), 360 * 10. / 30, 1e-9);
    difficulty_past_push(p, 1000, 140);
    near(difficulty_past_next(p), 390 * 10. / 60, 1e-9); /* at most twice the time */
    for (int i = 1; i <= 3; i++)
        difficulty_past_push(p, 1000 + i, 200);
    near(difficulty_past_next(p), 600 * 10. / 15, 1e-9); /* at least half */
    difficulty_past_free(p);

    p = past_of(DIFFICULTY_CW144, DIFFICULTY_CW144_BLOCKS, 7);
    for (int i = 1; i < 146; i++)
        difficulty_past_push(p, 9 * i, 100);
    near(difficulty_past_next(p), 100, 0); /* too few */
    difficulty_past_push(p, 9 * 146, 1e9); /* does not count yet */
    near(difficulty_past_next(p), 144 * 100 * 10. / (144 * 9), 1e-9);
    difficulty_past_push(p, 9 * 147, 1);
    near(difficulty_past_next(p), (143 * 100 + 1e9) * 10. / (144 * 9), 1e-3);
    difficulty_past_free(p);

    p = past_of(DIFFICULTY_WTEMA, 20, 1000);
    near(difficulty_past_next(p), 1000, 0);
    difficulty_past_push(p, 10, 1000);
    near(difficulty_past_next(p), 1000, 1e-9);
    difficulty_past_push(p, 60, 1000); /* 40 s late, of 200 */
    near(difficulty_past_next(p), 1000 / 1.2, 1e-9);
    difficulty_past_free(p);

    p = past_of(DIFFICULTY_LWMA1, 3, 50);
    for (int i = 0; i < 3; i++)
        difficulty_past_push(p, times_s[i], difficulties[i]);
    near(difficulty_past_next(p), .99 * 330 * 10 * 4 / (2 * (1 * 10 + 2 * 4 + 3 * 16)), 1e-9);
    difficulty_past_push(p, 1000, 130); /* counts as 60 s */
    near(difficulty_past_next(p), .99 * 360 * 10 * 4 / (2 * (1 * 4 + 2 * 16 + 3 * 60)), 1e-9);
    for (int i = 1; i <= 3; i++)
        difficulty_past_push(p, 1000 + i * .1, 200); /* a sum of 0.6 counts as 4.5 */
    near(difficulty_past_next(p), .99 * 600 * 10 * 4 / (2 * 4.5), 1e-6);
    difficulty_past_free(p);
}

/* Against independent programs, 1,500,000 blocks or more each. Bounds: five standard errors of both together, or more.
 */
static void test_other_rules(void **state) {
    (void)state;
    static const struct {
        difficulty_other rule;
        struct {
            double mean, sd, slow;
        } constant;
        struct {
            double mean, delay, advantage;
        } jumps[2]; /* 1.30/1.35 x6; 1.0/1.3 x10 */
    } cases[] = {
        {{DIFFICULTY_SMA, 144}, {1.0036, .084, .00276}, {{1.001, 4.68, 1.049}, {1.014, 3.62, 1.119}}},
        {{DIFFICULTY_CW144, 144}, {1.0036, .084, .00276}, {{1.0019, 4.87, 1.062}, {1.0152, 3.81, 1.128}}},
        {{DIFFICULTY_WTEMA, 87}, {1.0058, .076, .00277}, {{1.009, 4.48, 1.034}, {1.007, 2.60, 1.011}}},
        {{DIFFICULTY_LWMA1, 60}, {1.0031, .132, .00312}, {{1.006, 5.02, 1.084}, {1.0065, 3.23, 1.081}}},
    };
    const uint64_t blocks = scale_is_long() ? 4000000 : 500000;
    const double wide = scale_is_long() ? .6 : 1;
    posw_params p = params_of(POSW_DIFFICULTY_FIXED, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        difficulty_setup s = {.params = &p, .other = &cases[i].rule, .blocks = blocks, .seed = 1, .factor = 1};
        difficulty_result r, again;
        assert_true(difficulty_run(&r, &s));
        s.threads = 3;
        assert_true(difficulty_run(&again, &s));
        assert_memory_equal(&r, &again, sizeof r);
        near(MEAN(&r, mean_ratio), cases[i].constant.mean, .0012 * wide);
        near(MEAN(&r, difficulty_sd), cases[i].constant.sd, .005 * wide);
        near(MEAN(&r, p_slow), cases[i].constant.slow, .0004 * wide);
        for (int k = 0; k < 2; k++) {
            s.scenario = DIFFICULTY_ON_OFF;
            s.on = k == 0 ? 1.30 : 1.0;
            s.off = k == 0 ? 1.35 : 1.3;
            s.factor = k == 0 ? 6 : 10;
            assert_true(difficulty_run(&r, &s));
            near(MEAN(&r, mean_ratio), cases[i].jumps[k].mean, .002 * wide);
            near(MEAN(&r, delay_percent), cases[i].jumps[k].delay, .5 * wide);
            near(MEAN(&r, attacker_advantage), cases[i].jumps[k].advantage, .016 * wide);
        }
    }
}

/* Who lies about the time gains under a rule that reads the block's own time, and not under asert. */
static void test_timestamps(void **state) {
    (void)state;
    posw_params p = params_of(POSW_DIFFICULTY_STEP, 0);
    difficulty_result r = run(&p, DIFFICULTY_TIMESTAMP, 300000, 0, 0, 1. / 3);
    assert_true(MEAN(&r, attacker_advantage) > 1.05);
    p = params_of(POSW_DIFFICULTY_ASERT, 144);
    r = run(&p, DIFFICULTY_TIMESTAMP, 300000, 0, 0, 1. / 3);
    near(MEAN(&r, attacker_advantage), 1, .03);
    near(MEAN(&r, mean_ratio), 1, .002);
}

static void test_rented(void **state) {
    (void)state;
    const posw_params p = params_of(POSW_DIFFICULTY_ASERT, 144);
    difficulty_setup s = {.params = &p,
                          .scenario = DIFFICULTY_RENTED,
                          .factor = 9,
                          .duration = 100,
                          .every = 1000,
                          .blocks = 320000,
                          .seed = 1};
    difficulty_result a, b;
    s.threads = 1;
    assert_true(difficulty_run(&a, &s));
    s.threads = 3;
    assert_true(difficulty_run(&b, &s));
    assert_memory_equal(&a, &b, sizeof a); /* the threads change nothing */
    near(MEAN(&a, mean_ratio), 1, .003);
    near(MEAN(&a, attacker_share), .09, .003); /* nine of ten in a tenth of the blocks */
}

/* Few turns, and no whole ones: half a turn or one and a half in each chain. */
static void test_rented_in_turns(void **state) {
    (void)state;
    const posw_params p = params_of(POSW_DIFFICULTY_ASERT, 144);
    difficulty_setup s = {
        .params = &p, .scenario = DIFFICULTY_RENTED, .factor = 9, .duration = 100, .every = 1000, .seed = 1};
    for (s.blocks = 8000; s.blocks <= 24000; s.blocks += 16000) {
        difficulty_result r;
        assert_true(difficulty_run(&r, &s));
        const lab_sample share = difficulty_over_chains(&r, offsetof(difficulty_chain, attacker_share));
        assert_true(fabs(lab_sample_mean(&share) - .09) < 4 * lab_sample_error(&share));
    }
}

/* ---- Ethereum's own tests, every row ---- */

static void check_ethereum(const char *name, bool byzantium) {
    char path[1024], parent_text[80], want_text[80];
    uint64_t number, before, uncles, now;
    int rows = 0;
    snprintf(path, sizeof path, POSW_VECTORS "/difficulty/%s.txt", name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fscanf(f, "%" SCNu64 " %79s %" SCNu64 " %" SCNu64 " %" SCNu64 " %79s", &number, parent_text, &before,
                  &uncles, &now, want_text) == 6) {
        posw_u256 parent, want;
        assert_true(posw_u256_parse(&parent, parent_text, strlen(parent_text)));
        assert_true(posw_u256_parse(&want, want_text, strlen(want_text)));
        const posw_u256 got = byzantium ? lab_ethereum_byzantium(&parent, now - before, number, uncles != 0)
                                        : lab_ethereum_homestead(&parent, now - before, number);
        assert_true(posw_u256_equal(&got, &want));
        rows++;
    }
    fclose(f);
    assert_int_equal(rows, 2254);
}

static void test_ethereum(void **state) {
    (void)state;
    check_ethereum("homestead", false);
    check_ethereum("byzantium", true);
}

/* ---- concentration ---- */

static void test_figures(void **state) {
    (void)state;
    double alike[] = {2, 2, 2, 2}, one[] = {0, 5, 0, 0}, half[] = {1, 2, 3};
    fairness_figures f = fairness_of(alike, 4);
    near(f.gini, 0, 1e-12);
    near(f.hhi, .25, 1e-12);
    near(f.nakamoto, 3, 0); /* two have half, not more */
    f = fairness_of(one, 4);
    near(f.gini, .75, 1e-12);
    near(f.nakamoto, 1, 0);
    f = fairness_of(half, 3); /* 3 has half, not more */
    near(f.nakamoto, 2, 0);
    near(f.top, .5, 0);
    near(f.gini, 2. / 9, 1e-12);
}

static void test_fairness(void **state) {
    (void)state;
    static const struct {
        const char *preset;
        double gini, hhi, nakamoto; /* after ten years */
    } cases[] = {{"pow", .442, .031, 17},
                 {"sqrt", .631, .116, 5},
                 {"linear", .702, .253, 2},
                 {"quadratic", .716, .313, 1},
                 {"ticket", .443, .031, 17}};
    for (size_t i = 0; i < 5; i++) {
        posw_params p;
        posw_params_default(&p);
        assert_true(posw_params_preset(&p, cases[i].preset));
        const fairness_setup s = {.params = &p,
                                  .miners = 100,
                                  .pareto = 1.5,
                                  .income = .1,
                                  .supply_coins = 1e9,
                                  .staked = .5,
                                  .years = 10,
                                  .blocks_per_year = 52560,
                                  .seeds = scale_is_long() ? 20 : 2,
                                  .seed = 1};
        fairness_result r;
        assert_true(fairness_run(&r, &s));
        assert_int_equal(r.years, 11);
        assert_int_equal(r.blocks_done, r.blocks_wanted);
        near(r.gini[0].mean, .442, .0005);
        near(r.hhi[0].mean, .031, .0005);
        near(r.nakamoto[0].mean, 17, 0);
        near(r.gini[10].mean, cases[i].gini, .006);
        near(r.hhi[10].mean, cases[i].hhi, .01);
        near(r.nakamoto[10].mean, cases[i].nakamoto, .5);
    }
}

/* The first stakers' part at the boost they have: with F for them and 1 for the others, k F / (k F + n - k). */
static void test_bootstrap(void **state) {
    (void)state;
    posw_params p;
    posw_params_default(&p);
    const bootstrap_setup s = {.params = &p,
                               .miners = 50,
                               .stakers = 5,
                               .supply_coins = 1e12, /* nobody earns a ticket */
                               .staked = .5,
                               .blocks = 12000,
                               .seed = 1};
    bootstrap_result r;
    assert_true(bootstrap_run(&r, &s));
    assert_int_equal(r.blocks_done, r.blocks_wanted);
    for (size_t i = 0; i < BOOTSTRAP_PHASES; i++) {
        assert_int_equal(r.phases[i].boost, 1024);
        near(r.phases[i].stakers_share.mean, 5120. / (5120 + 45), .005);
        near(r.phases[i].with_ticket.mean, 0, 0);
    }
    p.weight.ramp_blocks = 12000; /* boost 1 + 1023 n / 12000: half way 512 */
    assert_true(bootstrap_run(&r, &s));
    assert_int_equal(r.phases[5].boost, 512);
    assert_true(r.phases[0].stakers_share.mean < .85);
    assert_true(r.phases[0].stakers_share.mean > .6);
    near(r.phases[11].stakers_share.mean, 5120. / (5120 + 45), .006);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant),    cmocka_unit_test(test_whole_seconds),   cmocka_unit_test(test_on_off),
        cmocka_unit_test(test_other_steps), cmocka_unit_test(test_other_rules),     cmocka_unit_test(test_timestamps),
        cmocka_unit_test(test_rented),      cmocka_unit_test(test_rented_in_turns), cmocka_unit_test(test_ethereum),
        cmocka_unit_test(test_figures),     cmocka_unit_test(test_fairness),        cmocka_unit_test(test_bootstrap)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
