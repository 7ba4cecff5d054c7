/* Reports in their three forms: the figures stand under their keys, nothing that a person wrote becomes markup, and the
 * page names no other host. With a file's name as argument, writes the page that tests/functional opens in a browser.
 */
#include "base/buf.h"
#include "report/report.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static const char evil[] = "</script><script>window.stolen = 1</script>\"'&<img src=x onerror=stolen=1>";

static void add_charts(lab_report *r) {
    enum { POINTS = 60 };
    static const char *const rules[] = {"ticket", "quarkchain", "linear", "sqrt", "quadratic", "diode", evil};
    static const double costs[] = {22364, 1430, 896, 260, 2177, 2412, 57}, errors[] = {400, 30, 20, 8, 60, 55, 2};
    double x[POINTS], y[POINTS], z[POINTS];
    for (int i = 0; i < POINTS; i++) {
        x[i] = i + 1;
        y[i] = pow(0.75, i);
        z[i] = i == 7 ? NAN : 1 / (1.0 + i);
    }
    lab_chart *line =
        lab_chart_new(r, LAB_CHART_LINE, LAB_CHART_LOG_Y, "Probability by depth", "confirmations", "probability");
    lab_chart_series(line, "strict", x, y, POINTS);
    lab_chart_series(line, evil, x, z, POINTS);
    lab_chart *bar = lab_chart_new(r, LAB_CHART_BAR, LAB_CHART_LOG_Y, "Cheapest attack on 60 blocks", "", "USD");
    lab_chart_labels(bar, rules, 7);
    lab_chart_estimates(bar, "cost", NULL, costs, errors, 7);
    lab_chart *dots = lab_chart_new(r, LAB_CHART_SCATTER, LAB_CHART_LOG_X, "Share by stake", "stake, coins", "share");
    lab_chart_series(dots, "miners", x, z, POINTS);
}

static void add_table(lab_report *r) {
    lab_table *t = lab_table_new(r, "rules", "Every rule");
    lab_column(t, "rule", "rule", "");
    lab_column(t, "cost", "cheapest attack on 60 blocks", "USD");
    lab_column(t, "gini", "Gini coefficient after 10 years", "");
    lab_column(t, "nakamoto", "Nakamoto coefficient", "miners");
    lab_column(t, "electricity", "electricity, share of reward", "");
    lab_column(t, "cv", "small miner's spread", "%");
    for (int i = 0; i < 7; i++) {
        lab_cell_text(t, i == 3 ? evil : "ticket");
        lab_cell_number(t, 22364.5 * i);
        lab_cell_estimate(t, 0.442 + i / 100.0, 0.0012);
        lab_cell_integer(t, (uint64_t)(17 + i));
        lab_cell_number(t, i == 5 ? NAN : 0.75);
        lab_cell_number(t, 3e-7);
    }
}

static lab_report *sample(void) {
    lab_report *r = lab_report_new("sample", "How safe is a chain called <b>Rock & Roll</b>?");
    assert_non_null(r);
    lab_verdict(r, "A payment of 10,000 USD needs %d confirmations under the ticket rule. %s", 27, evil);
    lab_verdict(r,
                "It does not protect against someone who holds a quarter of all coins and does not mind their price.");
    lab_input_text(r, "chain", "chain", evil);
    lab_input_number(r, "price", "price of a coin", 0.1, "USD");
    lab_number(r, "cost_usd", "cheapest attack", 22364, "USD");
    lab_estimate(r, "share", "share of the blocks", 0.39718, 0.0004, "");
    lab_estimate(r, "gini", "Gini coefficient", 0.443, 0.001, "");
    lab_integer(r, "tickets", "tickets", 1234567, "");
    lab_bool(r, "safe", "more than half is needed", true);
    lab_text(r, "advice", "advice", "more stake before more hardware, up to twenty tickets");
    add_table(r);
    add_charts(r);
    lab_model(r, "one attacker from outside, %s", evil);
    lab_assume(r, "the honest miners stay");
    lab_note(r, "%s", evil);
    lab_listing(r, "file", evil, evil);
    lab_interrupted(r, 3, 10, "<trials>");
    assert_false(lab_report_failed(r));
    return r;
}

static char *page_of(void) {
    posw_buf out = {0};
    lab_report *r = sample();
    lab_report_html(r, &out);
    posw_buf_byte(&out, 0);
    assert_false(out.failed);
    lab_report_free(r);
    return (char *)out.data;
}

static size_t occurrences(const char *text, const char *part) {
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p += strlen(part))
        n++;
    return n;
}

static void test_page_is_escaped(void **state) {
    (void)state;
    char *page = page_of();
    /* theme, data, Chart.js, draw */
    assert_int_equal(occurrences(page, "<script"), 4);
    assert_int_equal(occurrences(page, "</script"), 4);
    assert_int_equal(occurrences(page, "<img"), 0);
    assert_int_equal(occurrences(page, "<b>"), 0);
    assert_int_equal(occurrences(page, "<trials>"), 0);
    assert_int_equal(occurrences(page, "<canvas"), 3);
    assert_int_equal(occurrences(page, "<figcaption>"), 3);
    assert_non_null(strstr(page, "<title>How safe is a chain called &lt;b&gt;Rock &amp; Roll&lt;/b&gt;?"));
    assert_int_equal(occurrences(page, "src="),
                     occurrences(page, "&lt;img src=") + occurrences(page, "\\u003cimg src="));
    assert_int_equal(occurrences(page, "@import"), 0);
    assert_int_equal(occurrences(page, "url("), 0);
    free(page);
}

static void test_chart_data(void **state) {
    (void)state;
    char *page = page_of();
    char *data = strstr(page, "id=charts>");
    assert_non_null(data);
    data += strlen("id=charts>");
    *strstr(data, "</script>") = '\0';
    json_t *charts = json_loads(data, 0, NULL);
    assert_int_equal(json_array_size(charts), 3);
    json_t *series = json_array_get(json_object_get(json_array_get(charts, 0), "series"), 1);
    assert_string_equal(json_string_value(json_object_get(series, "label")), evil);
    assert_true(json_is_null(json_array_get(json_object_get(series, "y"), 7)));
    assert_true(json_is_true(json_object_get(json_array_get(charts, 2), "log_x")));
    json_decref(charts);
    free(page);
}

static void test_json(void **state) {
    (void)state;
    posw_buf out = {0};
    lab_report *r = sample();
    lab_report_json(r, &out);
    json_t *o = json_loadb((const char *)out.data, out.size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    assert_true(json_real_value(json_object_get(o, "standard_error")) == 0.0004);
    assert_true(json_real_value(json_object_get(o, "gini_standard_error")) == 0.001);
    assert_int_equal(json_array_size(json_object_get(o, "verdict")), 2);
    assert_true(json_is_false(json_object_get(o, "complete")));
    json_t *row = json_array_get(json_object_get(o, "rules"), 5);
    assert_true(json_is_null(json_object_get(row, "electricity")));
    assert_true(json_real_value(json_object_get(row, "gini_standard_error")) == 0.0012);
    assert_string_equal(json_string_value(json_object_get(o, "chain")), evil);
    assert_string_equal(json_string_value(json_object_get(o, "file")), evil);
    json_decref(o);
    posw_buf_clear(&out);
    lab_report_free(r);
}

static void test_text(void **state) {
    (void)state;
    posw_buf out = {0};
    lab_report *r = sample();
    lab_report_text(r, &out);
    posw_buf_byte(&out, 0);
    assert_non_null(strstr((char *)out.data, "0.443 ± 0.001"));
    assert_non_null(strstr((char *)out.data, "1,234,567"));
    assert_non_null(strstr((char *)out.data, "Ended early: 3 of 10"));
    posw_buf_clear(&out);
    lab_report_free(r);
}

static int write_sample(const char *path) {
    char *page = page_of();
    FILE *f = fopen(path, "wb");
    const bool ok = f != NULL && fputs(page, f) >= 0;
    free(page);
    return f == NULL || fclose(f) != 0 || !ok;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_page_is_escaped), cmocka_unit_test(test_chart_data),
                                       cmocka_unit_test(test_json), cmocka_unit_test(test_text)};
    if (argc == 2) return write_sample(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
