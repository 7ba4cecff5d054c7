/* Selfish mining: Eyal and Sirer's closed form; the optimal strategy against computed tables (truncation 80) and the
 * published thresholds of Sapirshtein, Sompolinsky and Zohar. */
#include "exact/selfish.h"

#include "near.h"

#include "base/scale.h"

static const double alphas[] = {.10, .20, .25, .30, 1.0 / 3, .35, .375, .40, .425, .45, .475};
enum { ALPHAS = sizeof alphas / sizeof *alphas };

static void test_sm1(void **state) {
    (void)state;
    static const double revenue[ALPHAS][3] = {
        {.035641, .072418, .109194}, {.129670, .182418, .235165}, {.195122, .250000, .304878},
        {.273126, .326874, .380622}, {.333333, .384615, .435897}, {.366509, .416034, .465560},
        {.421182, .467365, .513547}, {.483721, .525581, .567442}, {.558011, .594287, .630563},
        {.651773, .680598, .709423}, {.782546, .800637, .818728}};
    for (int i = 0; i < ALPHAS; i++)
        for (int g = 0; g < 3; g++)
            near(lab_selfish_sm1(alphas[i], g / 2.0), revenue[i][g], 6e-7);
    near(lab_selfish_sm1(0.5, 0), 1, 0);
    near(lab_selfish_sm1_threshold(0), 1.0 / 3, 1e-15);
    near(lab_selfish_sm1_threshold(0.5), 0.25, 1e-15);
    near(lab_selfish_sm1_threshold(1), 0, 0);
}

static void test_optimal(void **state) {
    (void)state;
    static const double revenue[ALPHAS][3] = {
        {.100000, .100000, .111111}, {.200000, .200000, .250000}, {.250000, .250000, .333333},
        {.300000, .326874, .428571}, {.337051, .391833, .500000}, {.370773, .430177, .538462},
        {.426001, .496197, .600000}, {.488645, .572507, .666667}, {.567966, .659922, .739130},
        {.668403, .759637, .818182}, {.799808, .872893, .904731}};
    for (int i = 0; i < ALPHAS; i += scale_is_sanitized() ? 5 : 1)
        for (int g = 0; g < 3; g++)
            near(lab_selfish_optimal(alphas[i], g / 2.0, LAB_TIE_GAMMA, 80), revenue[i][g], 2e-6);
    near(lab_selfish_optimal(0.5, 0, LAB_TIE_GAMMA, 80), 1, 0);
    near(lab_selfish_optimal(0, 1, LAB_TIE_GAMMA, 80), 0, 0);
    near(lab_selfish_optimal(.499, 0, LAB_TIE_GAMMA, 40), lab_selfish_sm1(.499, 0), 1e-12); /* never below SM1 */
}

static void test_truncation(void **state) {
    (void)state;
    if (!scale_is_sanitized()) near(lab_selfish_optimal(.45, 0, LAB_TIE_GAMMA, 160), .669776, 2e-6);
    double before = 0;
    for (unsigned t = LAB_SELFISH_TRUNCATION_MIN; t <= 64; t *= 2) {
        const double revenue = lab_selfish_optimal(.45, .5, LAB_TIE_GAMMA, t);
        assert_true(revenue >= before && revenue >= .45); /* a lower bound that rises; honesty is always allowed */
        before = revenue;
    }
}

static void test_thresholds(void **state) {
    (void)state;
    /* never above SM1's, however short the branches that are followed */
    near(lab_selfish_optimal_threshold(1, LAB_TIE_GAMMA, 8), 0, 1e-9);
    near(lab_selfish_optimal_threshold(1, LAB_TIE_EARLIER, 8), 0, 1e-8);
    near(lab_selfish_optimal_threshold(.5, LAB_TIE_GAMMA, LAB_SELFISH_TRUNCATION_MIN), .25, 1e-9);
    if (scale_is_sanitized()) return;
    near(lab_selfish_optimal_threshold(0, LAB_TIE_GAMMA, 80), .3294, 2e-4);
    near(lab_selfish_optimal_threshold(.5, LAB_TIE_GAMMA, 80), .25, 1e-4);
    near(lab_selfish_optimal_threshold(1, LAB_TIE_GAMMA, 80), 0, 1e-4);
    near(lab_selfish_optimal_threshold(.5, LAB_TIE_UNIFORM, 80), .23210, 1e-4);
}

/* Where earlier times win a tie. With gamma 0 the walk by itself: two blocks (a (2 + 2 r)) or one behind a race (2 + r)
 * against one honest block or two; with gamma 1 the attacker loses nothing that it finds. */
static void test_earlier(void **state) {
    (void)state;
    for (int i = 0; i < ALPHAS; i++) {
        const double a = alphas[i], b = 1 - a, r = a / (b - a);
        const double own = a * (a * (2 + 2 * r) + b * a * (2 + r)), honest = b + 2 * a * b * b;
        near(lab_selfish_sm1_earlier(a, 0), own / (own + honest), 1e-12);
        near(lab_selfish_sm1_earlier(a, 1), a / b, 1e-12);
        for (double g = 0; g < 1; g += .125) {
            assert_true(a < .2 || lab_selfish_sm1_earlier(a, g) > lab_selfish_sm1(a, g));
            assert_true(lab_selfish_sm1_earlier(a, g) < lab_selfish_sm1_earlier(a, g + .125));
        }
    }
    /* four million steps of another program: .6240 +- .001, .3679 +- .0005 */
    near(lab_selfish_sm1_earlier(.4, .5), .6259, .004);
    near(lab_selfish_sm1_earlier(.3, .5), .3677, .001);
    near(lab_selfish_sm1_earlier(.5, 0), 1, 0);
    near(lab_selfish_sm1_earlier(0, 0), 0, 0);
    for (int g = 0; g <= 3; g++) {
        const double threshold = lab_selfish_sm1_earlier_threshold(g / 4.);
        near(lab_selfish_sm1_earlier(threshold, g / 4.), threshold, 1e-7);
        assert_true(threshold < lab_selfish_sm1_threshold(g / 4.) - .005);
    }
    near(lab_selfish_sm1_earlier_threshold(1), 0, 1e-8);
}

/* The best strategy there: SM1 that goes on one block behind is nearly as good (the other program: .3631 +- .0005,
 * .2599
 * +- .0004), and none gets more than it finds over what the others find. */
static void test_earlier_optimal(void **state) {
    (void)state;
    const unsigned truncation = scale_is_sanitized() ? 20 : 40;
    near(lab_selfish_optimal(.3, 0, LAB_TIE_EARLIER, truncation), .3634, .001);
    near(lab_selfish_optimal(.25, 0, LAB_TIE_EARLIER, truncation), .2601, .001);
    near(lab_selfish_optimal(.2, 0, LAB_TIE_EARLIER, truncation), .2, 1e-9);
    near(lab_selfish_optimal(.3, 1, LAB_TIE_EARLIER, truncation), .3 / .7, 1e-6);
    for (int i = 0; i < ALPHAS; i += scale_is_sanitized() ? 5 : 2) {
        const double best = lab_selfish_optimal(alphas[i], .5, LAB_TIE_EARLIER, truncation);
        assert_true(best >= lab_selfish_sm1_earlier(alphas[i], .5));
        assert_true(best >= lab_selfish_optimal(alphas[i], .5, LAB_TIE_GAMMA, truncation) - 1e-9);
        assert_true(best <= alphas[i] / (1 - alphas[i]) + 1e-9);
    }
    if (scale_is_sanitized()) return;
    near(lab_selfish_optimal_threshold(0, LAB_TIE_EARLIER, 40), .2381, 2e-4);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sm1),        cmocka_unit_test(test_optimal),
                                       cmocka_unit_test(test_truncation), cmocka_unit_test(test_thresholds),
                                       cmocka_unit_test(test_earlier),    cmocka_unit_test(test_earlier_optimal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
