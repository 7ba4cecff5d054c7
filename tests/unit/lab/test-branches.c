/* Double spends and selfish mining on the real fork choice, against exact values. Bounds are five standard errors. */
#include "exact/double_spend.h"
#include "rules/double_spend_sim.h"
#include "rules/selfish_sim.h"

#include "base/scale.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

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
    selfish_setup s = {.alpha = .4, .gamma = .5, .blocks = 50000, .threads = 1};
    selfish_result e, f;
    assert_true(selfish_run(&e, &s));
    s.threads = 3;
    assert_true(selfish_run(&f, &s));
    assert_memory_equal(&e, &f, sizeof e);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_double_spend),
                                       cmocka_unit_test(test_double_spend_majority),
                                       cmocka_unit_test(test_double_spend_tickets),
                                       cmocka_unit_test(test_selfish),
                                       cmocka_unit_test(test_selfish_tickets),
                                       cmocka_unit_test(test_selfish_in_waves),
                                       cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
