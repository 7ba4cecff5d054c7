/* Double spends and selfish mining on the real fork choice, against exact values. Bounds are five standard errors. */
#include "exact/double_spend.h"
#include "exact/selfish.h"
#include "rules/double_spend_sim.h"
#include "rules/selfish_sim.h"

#include "base/scale.h"

#include "near.h"

#include <stdlib.h>

static void check_double_spend(const double_spend_setup *s, double want) {
    double_spend_result r;
    assert_true(double_spend_run(&r, s));
    assert_int_equal(r.trials, s->trials);
    const double got = (double)r.successes / (double)r.trials, error = sqrt(want * (1 - want) / (double)r.trials);
    if (!(fabs(got - want) <= 5 * error + 1e-8))
        fail_msg("q %g z %d: %.6f, expected %.6f +- %.6f", s->q, (int)s->z, got, want, error);
}

static double_spend_setup double_spend(double q, uint64_t z) {
    return (double_spend_setup){
        .q = q, .z = z, .window = 2016, .trials = scale_is_sanitized() ? 15000 : scale_of(150000, 4000000), .seed = 1};
}

static void test_double_spend(void **state) {
    (void)state;
    static const struct {
        double q;
        uint64_t z;
    } cases[] = {{.3, 6}, {.1, 2}, {.45, 10}, {.2, 1}};
    for (size_t i = 0; i < 4; i++) {
        double_spend_setup s = double_spend(cases[i].q, cases[i].z);
        if (s.q > .4) s.trials /= 20; /* its trials are long */
        check_double_spend(&s, lab_double_spend(LAB_DOUBLE_SPEND_STRICT, s.q, s.z));
    }
}

/* Half of the hash and more: always, also where the honest miners hardly find the confirmations, or never do. */
static void test_double_spend_majority(void **state) {
    (void)state;
    static const struct {
        double q;
        uint64_t z;
    } cases[] = {{.5, 6}, {.8, 1000}, {.999, 50}, {1, 1}, {1, 6}, {1, 1000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double_spend_setup s = double_spend(cases[i].q, cases[i].z);
        s.trials = 100;
        check_double_spend(&s, 1);
    }
    double_spend_setup none = double_spend(1, 6); /* but for one whose tickets do not reach */
    none.has_tickets = true;
    none.boost = 1000000000000;
    none.trials = 10;
    none.tickets = 7;
    check_double_spend(&none, 1);
}

/* An attacker with few tickets: the exact dynamic program's values. */
static void test_double_spend_tickets(void **state) {
    (void)state;
    static const struct {
        double q, want;
        uint64_t tickets;
    } cases[] = {{.3, .062375, 7}, {.5, .5, 7}, {.5, .855216, 60}, {.6, .771156, 7}, {.6, .983490, 30}, {.3, 0, 6}};
    for (size_t i = 0; i < 6; i++) {
        double_spend_setup s = double_spend(cases[i].q, 6);
        s.has_tickets = true;
        s.boost = 1000000000000;
        s.tickets = cases[i].tickets;
        s.trials /= 3;
        check_double_spend(&s, cases[i].want);
    }
}

static void check_selfish(selfish_setup s, double want, double tolerance) {
    selfish_result r;
    const bool few = scale_is_sanitized() && !s.has_tickets; /* windows have to fill first */
    s.blocks = few ? 100000 : scale_of(1000000, 20000000);
    s.seed = 1;
    assert_true(selfish_run(&r, &s));
    if (few) tolerance *= sqrt(10);
    const lab_sample revenue = selfish_over_chains(&r, r.revenue);
    if (!(fabs(revenue.mean - want) <= tolerance))
        fail_msg("alpha %g gamma %g: %.5f +- %.5f, expected %.5f", s.alpha, s.gamma, revenue.mean,
                 lab_sample_error(&revenue), want);
}

/* Eyal and Sirer's closed form. The standard error at a million blocks is about .0006 to .001. */
static void test_selfish(void **state) {
    (void)state;
    const double tolerance = scale_is_long() ? .002 : .006;
    check_selfish((selfish_setup){.alpha = .4, .gamma = .5}, .525581, tolerance);
    check_selfish((selfish_setup){.alpha = 1. / 3, .gamma = 0}, 1. / 3, tolerance);
    check_selfish((selfish_setup){.alpha = .45, .gamma = 1}, .709423, tolerance);
    check_selfish((selfish_setup){.alpha = .2, .gamma = 0}, .129670, tolerance);
}

/* Tickets cap what it can win: reference values of an independent program. */
static void test_selfish_tickets(void **state) {
    (void)state;
    selfish_setup s = {.alpha = .4, .gamma = 0, .has_tickets = true, .boost = 1024, .window = 2016};
    s.ticket_share = .4;
    check_selfish(s, .39489, .003);
    if (scale_is_sanitized()) return;
    s.ticket_share = .5;
    check_selfish(s, .47244, .006);
    s.ticket_share = .8;
    check_selfish(s, .48441, .006);
    s.alpha = s.ticket_share = .45;
    s.gamma = 1;
    check_selfish(s, .44860, .003);
}

/* More hash than tickets: they are used up in waves, and no chain sees whole ones only. Its standard error must say so.
 */
static void test_selfish_in_waves(void **state) {
    (void)state;
    selfish_setup s = {
        .alpha = .6, .has_tickets = true, .ticket_share = .4, .boost = 1024, .window = 2016, .blocks = 320000};
    selfish_result r;
    for (s.seed = 1; s.seed <= 2; s.seed++) {
        assert_true(selfish_run(&r, &s));
        const lab_sample revenue = selfish_over_chains(&r, r.revenue);
        assert_true(fabs(lab_sample_mean(&revenue) - .4) < 4 * lab_sample_error(&revenue));
        assert_true(lab_sample_error(&revenue) < .005);
    }
}

/* Short chains: what a round is worth is known at its end only, and the long ones are the attacker's. */
static void test_selfish_short(void **state) {
    (void)state;
    const double want = lab_selfish_sm1(.45, 0);
    lab_sample all = {0};
    selfish_setup s = {.alpha = .45, .window = 2016, .blocks = 3200};
    for (s.seed = 1; s.seed <= 200; s.seed++) {
        selfish_result r;
        assert_true(selfish_run(&r, &s));
        assert_true(r.blocks_done >= s.blocks);
        const lab_sample revenue = selfish_over_chains(&r, r.revenue);
        lab_sample_add(&all, revenue.mean, 1);
    }
    if (!(fabs(all.mean - want) < .02)) fail_msg("%.4f +- %.4f, expected %.4f", all.mean, lab_sample_error(&all), want);
    s.alpha = .9; /* who hardly ever shows anything has an end, too */
    s.has_tickets = true;
    s.ticket_share = 100;
    s.boost = 1;
    s.blocks = SELFISH_CHAINS;
    selfish_result r;
    assert_true(selfish_run(&r, &s));
    assert_true(r.blocks_done >= s.blocks);
}

static lab_sample revenue_of(selfish_setup s, selfish_result *r) {
    s.seed = 1;
    assert_true(selfish_run(r, &s));
    return selfish_over_chains(r, r->revenue);
}

/* asert, with true times and with false ones. A half-life so long that the difficulty of a race never moves: Eyal and
 * Sirer's closed form. One so short that it moves with each block, and long enough to move it little: the hidden branch
 * wins each tie of two blocks or more. */
static void test_selfish_times(void **state) {
    (void)state;
    static const double gammas[] = {0, .5};
    const uint64_t blocks = scale_is_sanitized() ? 200000 : scale_of(300000, 8000000);
    const double tolerance = scale_is_sanitized() ? .02 : .01;
    for (int times = LAB_TRUE_TIMES; times <= LAB_FALSE_TIMES; times++)
        for (int g = 0; g < 2; g++) {
            selfish_result r;
            selfish_setup s = {
                .alpha = .4, .window = 2016, .gamma = gammas[g], .times = (enum lab_times)times, .blocks = blocks};
            s.difficulty_blocks = 1 << 24;
            s.block_time_s = 15;
            near(revenue_of(s, &r).mean, lab_selfish_sm1(.4, s.gamma), tolerance);
            s.difficulty_blocks = 700;
            s.block_time_s = 3600;
            near(revenue_of(s, &r).mean, lab_selfish_sm1_earlier(.4, s.gamma) - .005, tolerance);
        }
}

/* asert-lag takes times that were settled before the branches parted: ties are ties again, whatever it writes. */
static void test_selfish_lag(void **state) {
    (void)state;
    const double tolerance = scale_is_sanitized() ? .02 : .008;
    selfish_setup s = {.alpha = .4, .rule = POSW_DIFFICULTY_ASERT_LAG, .window = 2016, .difficulty_blocks = 1008};
    s.block_time_s = 15;
    s.blocks = scale_is_sanitized() ? 200000 : scale_of(300000, 8000000);
    for (int times = LAB_TRUE_TIMES; times <= LAB_FALSE_TIMES; times++) {
        selfish_result r;
        s.times = (enum lab_times)times;
        near(revenue_of(s, &r).mean, lab_selfish_sm1(.4, 0), tolerance);
        near(selfish_over_chains(&r, r.hardness).mean, 1, .005);
    }
}

/* The rules that look back are asked with the window of each branch: within an interval nothing moves, and where lwma3
 * rises by half with each hasty block, hasty blocks are few. */
static void test_selfish_rules(void **state) {
    (void)state;
    selfish_setup s = {.alpha = .4, .gamma = .5, .times = LAB_FALSE_TIMES, .window = 2016, .block_time_s = 15};
    selfish_result r;
    s.rule = POSW_DIFFICULTY_BITCOIN2016;
    s.difficulty_blocks = 2016;
    s.blocks = 300000;
    if (!scale_is_sanitized()) near(revenue_of(s, &r).mean, lab_selfish_sm1(.4, .5), .012);
    s.rule = POSW_DIFFICULTY_LWMA3;
    s.difficulty_blocks = 60;
    s.blocks = 100000;
    (void)revenue_of(s, &r);
    assert_true(selfish_over_chains(&r, r.hardness).mean > 1.1);
}

/* False times are paid for: the blocks are harder by what they are ahead, the more the shorter the half-life. */
static void test_selfish_hardness(void **state) {
    (void)state;
    selfish_setup s = {.alpha = .4, .window = 2016, .difficulty_blocks = 144, .block_time_s = 15, .blocks = 200000};
    double hardness[3];
    selfish_result r;
    for (int i = 0; i < 3; i++) {
        s.times = i == 0 ? LAB_TRUE_TIMES : LAB_FALSE_TIMES;
        if (i == 2) s.difficulty_blocks = 36;
        (void)revenue_of(s, &r);
        hardness[i] = selfish_over_chains(&r, r.hardness).mean;
    }
    assert_true(fabs(hardness[0] - 1) < .01);
    assert_true(hardness[1] > 1.015 && hardness[1] < 1.05);
    assert_true(hardness[2] > 1 + 2 * (hardness[1] - 1));
}

/* One block behind it may still win: with little difficulty to pay nearly what the best strategy brings; with all
 * blocks alike less than the best one of Sapirshtein, Sompolinsky and Zohar. */
static void test_selfish_trail(void **state) {
    (void)state;
    const uint64_t blocks = scale_is_sanitized() ? 200000 : scale_of(300000, 8000000);
    selfish_setup s = {.alpha = .4, .trail = 1, .window = 2016, .blocks = blocks};
    selfish_result r;
    const double alike = revenue_of(s, &r).mean;
    near(alike, .4879, .006); /* six million steps of another program */
    assert_true(alike < lab_selfish_optimal(.4, 0, LAB_TIE_GAMMA, 40) + .004);
    s.alpha = .3;
    s.times = LAB_FALSE_TIMES;
    s.difficulty_blocks = 700;
    s.block_time_s = 3600;
    near(revenue_of(s, &r).mean, lab_selfish_optimal(.3, 0, LAB_TIE_EARLIER, 20), .008);
}

/* Tickets cap it whatever the times. */
static void test_selfish_times_tickets(void **state) {
    (void)state;
    if (scale_is_sanitized()) return;
    selfish_setup s = {.alpha = .4, .has_tickets = true, .ticket_share = .4, .boost = 1024, .window = 2016};
    selfish_result r;
    s.difficulty_blocks = 144;
    s.block_time_s = 15;
    s.blocks = 300000;
    for (int times = LAB_TRUE_TIMES; times <= LAB_FALSE_TIMES; times++) {
        s.times = (enum lab_times)times;
        const double mean = revenue_of(s, &r).mean;
        assert_true(mean > .39 && mean <= .4);
    }
}

/* The shortest half-life: a second branch of a few blocks outweighs hundreds, and numbers stay within their bounds. */
static void test_selfish_shortest(void **state) {
    (void)state;
    selfish_setup s = {.alpha = .49,
                       .gamma = .5,
                       .window = 2016,
                       .difficulty_blocks = 1,
                       .block_time_s = 1,
                       .trail = 100,
                       .blocks = 32000};
    for (int times = LAB_TRUE_TIMES; times <= LAB_FALSE_TIMES; times++) {
        selfish_result r;
        s.times = (enum lab_times)times;
        const lab_sample revenue = revenue_of(s, &r);
        assert_int_equal(r.blocks_done, s.blocks);
        assert_true(revenue.mean > 0 && revenue.mean <= 1);
    }
}

/* Where the revenue is what honesty brings. */
static void test_selfish_threshold(void **state) {
    (void)state;
    selfish_threshold t;
    selfish_setup s = {.window = 2016, .blocks = scale_is_sanitized() ? 32000 : 160000, .seed = 1};
    assert_true(selfish_find_threshold(&t, &s));
    assert_int_equal(t.runs_done, t.runs);
    near(t.alpha, 1. / 3, 5 * t.standard_error);
    assert_true(t.standard_error > 0 && t.standard_error < (scale_is_sanitized() ? .02 : .005));
    s.gamma = .5;
    assert_true(selfish_find_threshold(&t, &s));
    near(t.alpha, .25, 5 * t.standard_error);
    s.gamma = 0;
    s.times = LAB_TRUE_TIMES;
    s.difficulty_blocks = 144;
    s.block_time_s = 15;
    assert_true(selfish_find_threshold(&t, &s));
    near(t.alpha, lab_selfish_sm1_earlier_threshold(0), 5 * t.standard_error);
}

/* The threads change nothing. */
static void test_threads(void **state) {
    (void)state;
    double_spend_setup d = double_spend(.3, 6);
    double_spend_result a, b;
    d.trials = 10000;
    d.threads = 1;
    assert_true(double_spend_run(&a, &d));
    d.threads = 5;
    assert_true(double_spend_run(&b, &d));
    assert_memory_equal(&a, &b, sizeof a);
    selfish_setup s = {.alpha = .4, .gamma = .5, .window = 2016, .blocks = 50000, .threads = 1};
    selfish_result e, f;
    assert_true(selfish_run(&e, &s));
    s.threads = 3;
    assert_true(selfish_run(&f, &s));
    assert_memory_equal(&e, &f, sizeof e);
    s.times = LAB_FALSE_TIMES;
    s.difficulty_blocks = 144;
    s.block_time_s = 15;
    s.trail = 1;
    assert_true(selfish_run(&f, &s));
    s.threads = 1;
    assert_true(selfish_run(&e, &s));
    assert_memory_equal(&e, &f, sizeof e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_double_spend),          cmocka_unit_test(test_double_spend_majority),
        cmocka_unit_test(test_double_spend_tickets),  cmocka_unit_test(test_selfish),
        cmocka_unit_test(test_selfish_tickets),       cmocka_unit_test(test_selfish_in_waves),
        cmocka_unit_test(test_selfish_short),         cmocka_unit_test(test_selfish_times),
        cmocka_unit_test(test_selfish_lag),           cmocka_unit_test(test_selfish_rules),
        cmocka_unit_test(test_selfish_hardness),      cmocka_unit_test(test_selfish_trail),
        cmocka_unit_test(test_selfish_times_tickets), cmocka_unit_test(test_selfish_shortest),
        cmocka_unit_test(test_selfish_threshold),     cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
