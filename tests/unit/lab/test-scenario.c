/* Scenario files: what is read, and a sentence for each mistake. */
#include "exact/scenario_read.h"

#include "near.h"

#include <stdio.h>
#include <string.h>

static bool reads(const char *text, lab_scenario_file *out, posw_message *msg) {
    return lab_scenario_read(out, text, strlen(text), msg);
}

static void test_reads(void **state) {
    (void)state;
    lab_scenario_file f;
    posw_message msg = {""};
    assert_true(reads(
        "{\"price_usd\": 2, \"supply\": 1000, \"block_reward\": 1, \"block_time_s\": 3600, \"miners\": 7, "
        "\"stakes\": \"pareto\", \"delta\": 0.1, \"attack\": {\"coin\": \"X\", \"depth\": 6, \"sources\": [\"a\", "
        "\"b\"], \"uncertain\": [\"supply\"]}}",
        &f, &msg));
    near(f.scenario.issuance_per_year, 8.766, 1e-12);
    near(f.scenario.delta, .1, 0);
    assert_int_equal(f.scenario.miners, 7);
    assert_int_equal(f.scenario.stakes, LAB_STAKES_PARETO);
    assert_true(isnan(f.scenario.lock_hours) && isnan(f.attack.cost_usd));
    assert_true(f.attack.given);
    near(f.attack.depth, 6, 0);
    assert_int_equal(f.attack.source_count, 2);
    assert_string_equal(f.attack.sources[1], "b");
    assert_string_equal(f.attack.uncertain[0], "supply");
}

static void test_refuses(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"", "JSON"},
        {"[]", "JSON object"},
        {"{\"price_usd\": 1, \"price_usd\": 1}", "twice"},
        {"{\"supply\": 1, \"issuance_per_year\": 0}", "price_usd is missing"},
        {"{\"price_usd\": 1, \"issuance_per_year\": 0}", "supply is missing"},
        {"{\"price_usd\": 1, \"supply\": 1}", "one of issuance_per_year and block_reward"},
        {"{\"price_usd\": 1, \"supply\": 1, \"issuance_per_year\": 0, \"block_reward\": 1, \"block_time_s\": 60}",
         "one of"},
        {"{\"price_usd\": 1, \"supply\": 1, \"block_reward\": 1}", "block_time_s"},
        {"{\"price_usd\": 0}", "price_usd must be a number from"},
        {"{\"price_usd\": \"1\"}", "price_usd must be a number from"},
        {"{\"delta\": 1.1}", "delta must be a number from 0 to 1"},
        {"{\"miners\": 0}", "miners must be a whole number"},
        {"{\"miners\": 1.5}", "miners must be a whole number"},
        {"{\"miners\": 100001}", "miners must be a whole number"},
        {"{\"stakes\": \"even\"}", "stakes must be"},
        {"{\"prize\": 1}", "there is no key prize"},
        {"{\"a\\u001b[31mb\": 1}", "there is no key a?[31mb"},
        {"{\"attack\": 1}", "attack must be an object"},
        {"{\"attack\": {}}", "attack.depth is missing"},
        {"{\"attack\": {\"depth\": -1}}", "attack.depth must be"},
        {"{\"attack\": {\"sources\": [1]}}", "attack.sources must be"},
        {"{\"attack\": {\"sources\": [\"1\",\"2\",\"3\",\"4\",\"5\"]}}", "at most 4"},
        {"{\"attack\": {\"loss\": 1}}", "there is no key attack.loss"},
        {"{\"price_usd\": 1, \"supply\": 1, \"issuance_per_year\": 0, \"price_impact\": 1}", "daily_volume_usd"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        lab_scenario_file f;
        memset(&f, 0x5a, sizeof f);
        posw_message msg = {""};
        assert_false(reads(rows[i][0], &f, &msg));
        if (strstr(msg.text, rows[i][1]) == NULL) fail_msg("%s: %s", rows[i][0], msg.text);
        assert_int_equal(((unsigned char *)&f)[0], 0x5a); /* unchanged */
    }
}

/* At the limit of a text and above it. */
static void test_long_text(void **state) {
    (void)state;
    lab_scenario_file f;
    posw_message msg = {""};
    for (int over = 0; over < 2; over++) {
        char text[LAB_TEXT_SIZE + 128], about[LAB_TEXT_SIZE + 1];
        memset(about, 'a', sizeof about);
        about[LAB_TEXT_SIZE - 1 + over] = '\0';
        snprintf(text, sizeof text, "{\"price_usd\": 1, \"supply\": 1, \"issuance_per_year\": 0, \"about\": \"%s\"}",
                 about);
        assert_int_equal(reads(text, &f, &msg), !over);
    }
    assert_int_equal(strlen(f.about), LAB_TEXT_SIZE - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reads), cmocka_unit_test(test_refuses),
                                       cmocka_unit_test(test_long_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
