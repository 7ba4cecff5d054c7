/* Histograms, and what Prometheus reads. */
#include "base/test.h"

#include "base/metrics.h"
#include "posw/u256.h"

#include <stdio.h>
#include <string.h>

static const posw_metric gauge = {"a_thing", POSW_METRIC_GAUGE, NULL, "Of \\ two\nlines \"here\""},
                         counter = {"things_total", POSW_METRIC_COUNTER, "dir", "Things"},
                         histogram = {"thing_seconds", POSW_METRIC_HISTOGRAM, NULL, "How long"};

static void written(posw_buf *b, const char *wanted) {
    posw_buf_byte(b, 0);
    assert_false(b->failed);
    assert_string_equal((const char *)b->data, wanted);
    posw_buf_clear(b);
}

static void heads(void **state) {
    (void)state;
    posw_buf b = {0};
    posw_metric_head(&b, &gauge);
    posw_metric_head(&b, &counter);
    posw_metric_head(&b, &histogram);
    written(&b, "# HELP a_thing Of \\\\ two\\nlines \"here\"\n# TYPE a_thing gauge\n"
                "# HELP things_total Things\n# TYPE things_total counter\n"
                "# HELP thing_seconds How long\n# TYPE thing_seconds histogram\n");
}

static void samples(void **state) {
    (void)state;
    posw_buf b = {0};
    const posw_metric_label labels[] = {{"dir", "in"}, {"msg", "a \"b\" \\ c\nd"}};
    posw_u256 big;
    assert_true(posw_u256_parse(&big, "1000000000000000000000001", 25));
    posw_metric_sample(&b, &gauge, NULL, 0, UINT64_MAX);
    posw_metric_sample(&b, &counter, labels, 1, 0);
    posw_metric_sample(&b, &counter, labels, 2, 7);
    posw_metric_sample_u256(&b, &gauge, &big);
    written(&b, "a_thing 18446744073709551615\nthings_total{dir=\"in\"} 0\n"
                "things_total{dir=\"in\",msg=\"a \\\"b\\\" \\\\ c\\nd\"} 7\na_thing 1000000000000000000000001\n");
}

static void decimals(void **state) {
    (void)state;
    static const struct {
        int64_t value;
        unsigned decimals;
        const char *text;
    } cases[] = {{0, 0, "0"},
                 {0, 6, "0"},
                 {5, 0, "5"},
                 {1500000, 6, "1.5"},
                 {1, 6, "0.000001"},
                 {10, 6, "0.00001"},
                 {-2500, 3, "-2.5"},
                 {1000000, 6, "1"},
                 {123456789, 6, "123.456789"},
                 {-1, 18, "-0.000000000000000001"},
                 {INT64_MIN, 0, "-9223372036854775808"},
                 {INT64_MAX, 18, "9.223372036854775807"},
                 {20, 1, "2"}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        posw_buf b = {0};
        char wanted[64];
        snprintf(wanted, sizeof wanted, "a_thing %s\n", cases[i].text);
        posw_metric_sample_fixed(&b, &gauge, NULL, 0, cases[i].value, cases[i].decimals);
        written(&b, wanted);
    }
}

/* A value on a bound belongs below it; buckets are cumulative; the last one has all. */
static void histograms(void **state) {
    (void)state;
    static const uint64_t bounds[] = {1000, 1500000};
    static const posw_histogram_scale scale = {bounds, 2, 6};
    posw_histogram h = {0}, other = {0};
    posw_buf b = {0};
    posw_histogram_add(&h, &scale, 0);
    posw_histogram_add(&h, &scale, 1000);
    posw_histogram_add(&h, &scale, 1001);
    posw_histogram_add(&other, &scale, 1500000);
    posw_histogram_add(&other, &scale, 1500001);
    posw_histogram_merge(&h, &other);
    posw_metric_sample_histogram(&b, &histogram, &h, &scale);
    written(&b, "thing_seconds_bucket{le=\"0.001\"} 2\nthing_seconds_bucket{le=\"1.5\"} 4\n"
                "thing_seconds_bucket{le=\"+Inf\"} 5\nthing_seconds_sum 3.002002\nthing_seconds_count 5\n");
    posw_histogram_add(&h, &scale, UINT64_MAX);
    assert_int_equal(h.sum, UINT64_MAX);
}

static void scales_ascend(void **state) {
    (void)state;
    const posw_histogram_scale *all[] = {&posw_histogram_times, &posw_histogram_depths};
    for (size_t i = 0; i < 2; i++) {
        assert_true(all[i]->count <= POSW_HISTOGRAM_BOUNDS_MAX);
        for (size_t j = 1; j < all[i]->count; j++)
            assert_true(all[i]->bounds[j - 1] < all[i]->bounds[j]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads),      cmocka_unit_test(samples),       cmocka_unit_test(decimals),
        cmocka_unit_test(histograms), cmocka_unit_test(scales_ascend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
