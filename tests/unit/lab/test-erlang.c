/* The ticket rule as a loss system, and what solo miners' luck is like: against computed tables. */
#include "exact/erlang.h"
#include "exact/variance.h"

#include "near.h"

static void test_loss(void **state) {
    (void)state;
    near(lab_erlang_b(1, 1), 0.5, 1e-15);
    near(lab_erlang_b(2, 1), 0.2, 1e-15);
    near(lab_erlang_b(0, 3), 1, 1e-12);
    near(lab_erlang_b(10, 5), 0.018384570336648, 1e-12);
    /* the recursion 1 / B(m) = 1 + m / (A B(m - 1)) holds between whole numbers too */
    for (double m = 0.25; m < 3; m += 0.5)
        near(1 / lab_erlang_b(m + 1, 2), 1 + (m + 1) / (2 * lab_erlang_b(m, 2)), 1e-9);
    near(lab_erlang_carried(20, lab_erlang_load(20, 15)), 15, 1e-9);
    assert_true(isinf(lab_erlang_load(5, 5)));
}

static void test_boosted(void **state) {
    (void)state;
    static const double m[] = {1, 5, 20, 100}, ratio[] = {1.05, 1.1, 1.25, 1.5, 2, 3};
    static const double phi[4][6] = {{.0476, .0909, .2000, .3333, .5000, .6667},
                                     {.2013, .3396, .5850, .7736, .9113, .9780},
                                     {.5096, .6939, .8926, .9741, .9981, 1.000},
                                     {.8567, .9452, .9956, 1.000, 1.000, 1.000}};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 6; j++)
            near(lab_erlang_boosted(m[i], ratio[j]), phi[i][j], 5.1e-5);
    near(lab_erlang_boosted(5, 1), 0, 0);
}

static void test_classes(void **state) {
    (void)state;
    static const double sizes[] = {1, 2, 5, 10, 50}, want[] = {.37124, .44740, .52785, .56666, .59033};
    lab_erlang_class c[5];
    for (int i = 0; i < 5; i++)
        c[i] = (lab_erlang_class){.miners = 800 / sizes[i], .hash = sizes[i], .tickets = sizes[i]};
    double phi, sum = 0;
    assert_true(lab_erlang_classes(c, 5, 2000, &phi)); /* ratio 2 */
    for (int i = 0; i < 5; i++) {
        sum += c[i].share * c[i].miners;
        near(c[i].share * 2000 / sizes[i] / want[i], 1, 0.005); /* computed with a ratio of about 2 */
    }
    near(sum, 1, 1e-9);
    near(phi, .8479, 0.003);
}

/* Much hash and few tickets: the share is that of the tickets. */
static void test_giant(void **state) {
    (void)state;
    lab_erlang_class c[2] = {{.miners = 1, .hash = 100, .tickets = 20}, {.miners = 100, .hash = 1, .tickets = 20}};
    double phi;
    assert_true(lab_erlang_classes(c, 2, 1000, &phi));
    near(c[0].share, .0200, .0003);
    /* too few tickets for every block of the window */
    c[1].tickets = 9;
    assert_false(lab_erlang_classes(c, 2, 1000, &phi));
}

static void test_variance(void **state) {
    (void)state;
    const lab_variance_result r = lab_variance(1e-4, 43830, 1), split = lab_variance(1e-4, 43830, 100);
    near(r.variation, .4776, 5e-5);
    near(r.none, .012485, 5e-7);
    near(r.wait_blocks / 1440, 6.94, .005);
    near(split.variation, .0478, 5e-5);
    near(lab_variance(1e-5, 43830, 1).none, .645131, 5e-7);
    near(lab_variance(1e-2, 43830, 1).variation, .0475, 5e-5);
    near(lab_variance(.3, lab_variance(.3, 1, 1).blocks_for_10, 1).variation, .1, 1e-12);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_loss), cmocka_unit_test(test_boosted),
                                       cmocka_unit_test(test_classes), cmocka_unit_test(test_giant),
                                       cmocka_unit_test(test_variance)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
