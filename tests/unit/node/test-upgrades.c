/* When a node speaks of an upgrade, at the edges of each threshold, and in which words. */
#include "base/test.h"

#include "node/upgrades.h"

#include <string.h>

enum { T = 15, DAY = 86400 / T, TIP = 1000000 };

static void stage(uint64_t left, enum posw_upgrade_stage expected) {
    assert_int_equal(posw_upgrade_stage_of(TIP, TIP + left, T), expected);
}

static void stages_at_their_edges(void **state) {
    (void)state;
    stage(30 * DAY + 1, POSW_UPGRADE_FAR);
    stage(30 * DAY, POSW_UPGRADE_DAYS_30);
    stage(7 * DAY + 1, POSW_UPGRADE_DAYS_30);
    stage(7 * DAY, POSW_UPGRADE_DAYS_7);
    stage(DAY + 1, POSW_UPGRADE_DAYS_7);
    stage(DAY, POSW_UPGRADE_DAYS_1);
    stage(1, POSW_UPGRADE_DAYS_1);
    stage(0, POSW_UPGRADE_REACHED);
    assert_int_equal(posw_upgrade_stage_of(TIP, TIP - 1, T), POSW_UPGRADE_REACHED);
    assert_int_equal(posw_upgrade_stage_of(0, UINT64_MAX, UINT64_MAX), POSW_UPGRADE_FAR);
    assert_true(posw_upgrade_seconds(0, UINT64_MAX, 2) == UINT64_MAX);
    assert_int_equal(posw_upgrade_seconds(TIP, TIP + 3, T), 3 * T);
}

/* How often it is spoken of while the chain grows block by block from 40 days before to two days after. */
static unsigned spoken(bool known, uint64_t first_left, uint64_t blocks) {
    posw_upgrade_said said = {0};
    unsigned count = 0;
    for (uint64_t n = 0; n < blocks; n++)
        count += posw_upgrade_due(&said, known, posw_upgrade_stage_of(TIP + n, TIP + first_left, T), n * T);
    return count;
}

static void each_threshold_once(void **state) {
    (void)state;
    assert_int_equal(spoken(true, 40 * DAY, 1), 1);            /* at the start */
    assert_int_equal(spoken(true, 40 * DAY, 10 * DAY), 1);     /* 30 days and a block before */
    assert_int_equal(spoken(true, 40 * DAY, 10 * DAY + 1), 2); /* 30 */
    assert_int_equal(spoken(true, 40 * DAY, 33 * DAY + 1), 3); /* 7 */
    assert_int_equal(spoken(true, 40 * DAY, 39 * DAY + 1), 4); /* 1 */
    assert_int_equal(spoken(true, 40 * DAY, 40 * DAY), 4);     /* the block before */
    assert_int_equal(spoken(true, 40 * DAY, 40 * DAY + 1), 5); /* there */
    assert_int_equal(spoken(true, 40 * DAY, 42 * DAY), 5);     /* and that is all */
    assert_int_equal(spoken(true, 3 * DAY, 1), 1);             /* a start within 7 days speaks once */
}

static void unknown_ones_each_hour_after(void **state) {
    (void)state;
    assert_int_equal(spoken(false, 40 * DAY, 40 * DAY + 1), 5);
    assert_int_equal(spoken(false, 40 * DAY, 40 * DAY + 3600 / T), 5);
    assert_int_equal(spoken(false, 40 * DAY, 40 * DAY + 3600 / T + 1), 6);
    assert_int_equal(spoken(false, 40 * DAY, 42 * DAY + 1), 5 + 48);
}

static void at_the_start_behind_the_height(void **state) {
    (void)state;
    posw_upgrade_said a = {0}, b = {0};
    assert_false(posw_upgrade_due(&a, true, POSW_UPGRADE_REACHED, 7)); /* long past, and followed */
    assert_false(posw_upgrade_due(&a, true, POSW_UPGRADE_REACHED, 7 + POSW_UPGRADE_REPEAT_S));
    assert_true(posw_upgrade_due(&b, false, POSW_UPGRADE_REACHED, 7));
    assert_false(posw_upgrade_due(&b, false, POSW_UPGRADE_REACHED, 6 + POSW_UPGRADE_REPEAT_S));
    assert_true(posw_upgrade_due(&b, false, POSW_UPGRADE_REACHED, 7 + POSW_UPGRADE_REPEAT_S));
}

static void reorganisations_are_no_news(void **state) {
    (void)state;
    posw_upgrade_said said = {0};
    assert_true(posw_upgrade_due(&said, true, POSW_UPGRADE_DAYS_1, 0));
    assert_true(posw_upgrade_due(&said, true, POSW_UPGRADE_REACHED, 1));
    assert_false(posw_upgrade_due(&said, true, POSW_UPGRADE_DAYS_1, 2));
    assert_false(posw_upgrade_due(&said, true, POSW_UPGRADE_REACHED, 3));
}

static void one_part_is_enough_where_there_is_no_other(void **state) {
    (void)state;
    assert_false(posw_upgrade_is_credible(false, 0, 0));
    assert_false(posw_upgrade_is_credible(false, 0, 1));
    assert_true(posw_upgrade_is_credible(false, 1, 1));
    assert_false(posw_upgrade_is_credible(false, 1, 2));
    assert_false(posw_upgrade_is_credible(false, 1, 50));
    assert_true(posw_upgrade_is_credible(false, 2, 2));
    assert_true(posw_upgrade_is_credible(false, 2, 50));
    assert_true(posw_upgrade_is_credible(true, 0, 0)); /* all are gone */
    assert_true(posw_upgrade_is_credible(true, 0, 1));
    assert_false(posw_upgrade_is_credible(true, 0, 2)); /* a liar among many */
}

static void when(uint64_t seconds, const char *expected) {
    char text[POSW_UPGRADE_WHEN_SIZE];
    posw_upgrade_when(text, seconds);
    assert_string_equal(text, expected);
}

static void words(void **state) {
    (void)state;
    char text[400];
    when(0, "now");
    when(1, "within the hour");
    when(1799, "within the hour");
    when(1800, "in about 1 hour");
    when(86400, "in about 24 hours");
    when(47 * 3600, "in about 47 hours");
    when(48 * 3600, "in about 2 days");
    when(6 * 86400 + 11 * 3600, "in about 6 days");
    when(6 * 86400 + 12 * 3600, "in about 7 days");
    when(UINT64_MAX, "in about 213503982334601 days");
    posw_upgrade_news n = {.height = TIP + 6 * DAY, .networks = 2};
    posw_upgrade_news_text(text, sizeof text, &n, TIP, T);
    assert_string_equal(text,
                        "peers in 2 parts of the network expect an upgrade at block 1034560, in about 6 days: get the "
                        "chain's new file and start this node with it before, or it will stop following");
    assert_int_equal(posw_upgrade_news_stage(&n, TIP, T), POSW_UPGRADE_DAYS_7);
    n = (posw_upgrade_news){.height = TIP + 1, .networks = 1};
    posw_upgrade_news_text(text, sizeof text, &n, TIP, T);
    assert_non_null(strstr(text, "peers in 1 part of the network expect an upgrade at block 1000001, within the hour"));
    n.missed = true; /* the tip stands at the block before, and cannot go on */
    posw_upgrade_news_text(text, sizeof text, &n, TIP, T);
    assert_non_null(strstr(text, "a node that was dialled changed the rules at block 1000001, and"));
    assert_int_equal(posw_upgrade_news_stage(&n, TIP, T), POSW_UPGRADE_REACHED);
    n.height = 0;
    posw_upgrade_news_text(text, sizeof text, &n, TIP, T);
    assert_non_null(strstr(text, "at a block that it does not name, and"));
    posw_upgrade_known_text(text, sizeof text, "larger-blocks", TIP + 30 * DAY, TIP, T);
    assert_string_equal(
        text, "the upgrade larger-blocks comes with block 1172800, in about 30 days; this node knows it and will "
              "follow");
    posw_upgrade_known_text(text, sizeof text, "larger-blocks", TIP, TIP, T);
    assert_string_equal(text, "the upgrade larger-blocks is in force since block 1000000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_at_their_edges),
        cmocka_unit_test(each_threshold_once),
        cmocka_unit_test(unknown_ones_each_hour_after),
        cmocka_unit_test(at_the_start_behind_the_height),
        cmocka_unit_test(reorganisations_are_no_news),
        cmocka_unit_test(one_part_is_enough_where_there_is_no_other),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
