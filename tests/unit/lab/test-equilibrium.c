/* Who mines when everyone may: closed forms and computed tables. */
#include "exact/equilibrium.h"
#include "exact/scenario.h"

#include "near.h"

static void test_free_entry(void **state) {
    (void)state;
    static const double k[] = {.5, 1, 2}, miners[] = {3, 2, 1};
    for (int i = 0; i < 3; i++) {
        const lab_free_entry e = lab_free_entry_power(k[i]);
        near(e.miners, miners[i], 0);
        near(e.electricity_cost_share, 1 / (1 + k[i]), 1e-15);
        near(e.electricity_reward_share, 1 - 1 / miners[i], 1e-15);
    }
    assert_true(isinf(lab_free_entry_power(0).miners));
    near(lab_free_entry_power(0.5).profit_share, 0, 1e-15);
}

static void test_cournot(void **state) {
    (void)state;
    static const struct {
        const char *rule;
        size_t active, nakamoto;
        double top, electricity;
    } rows[] = {{"(1+x)^0.5", 4, 1, .50, .637},
                {"(1+x)", 3, 1, .67, .462},
                {"(1+x)^2", 2, 1, .81, .306},
                {"diode", 12, 6, .09, .911},
                {"pow", 200, 101, .005, .995}};
    lab_scenario s;
    lab_scenario_default(&s);
    s.stakes = LAB_STAKES_PARETO;
    double stakes[200], weights[200], shares[200];
    assert_int_equal(s.miners, 200);
    lab_scenario_stakes(&s, stakes);
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        lab_rule rule;
        assert_true(lab_rule_named(&rule, rows[row].rule));
        for (int i = 0; i < 200; i++)
            weights[i] = lab_rule_weight(&rule, stakes[i], s.supply);
        const lab_cournot_result r = lab_cournot(weights, 200, shares);
        assert_int_equal(r.active, rows[row].active);
        assert_int_equal(lab_nakamoto(shares, 200), rows[row].nakamoto);
        near(r.top, rows[row].top, .0052);
        near(1 - r.hhi, rows[row].electricity, .0005);
        near(lab_hhi(shares, 200), r.hhi, 1e-12);
    }
}

/* Miners with at least one ticket, and how many of them have half of all. */
static void test_ticket_holders(void **state) {
    (void)state;
    static const uint64_t windows[] = {256, 2016, 10080};
    static const size_t holders[] = {128, 200, 200}, half[] = {17, 31, 32};
    lab_scenario s;
    lab_scenario_default(&s);
    s.stakes = LAB_STAKES_PARETO;
    double stakes[200], tickets[200];
    lab_scenario_stakes(&s, stakes);
    for (int w = 0; w < 3; w++) {
        lab_rule rule;
        assert_true(lab_rule_named(&rule, "ticket"));
        rule.params.window_blocks = windows[w];
        size_t count = 0;
        for (int i = 0; i < 200; i++)
            count += (tickets[i] = lab_rule_tickets(&rule, stakes[i], s.supply)) > 0;
        assert_int_equal(count, holders[w]);
        assert_int_equal(lab_nakamoto(tickets, 200), half[w]);
    }
}

static void test_tickets(void **state) {
    (void)state;
    static const double sigma[] = {.25, .25, .5}, hardware[] = {.1, .4, .2};
    static const struct {
        double window, miners, ratio, tickets, boosted, electricity, hardware, stake;
    } want[3][3] = {{{256, 52, 1.23, 6, .62, .59, .11, .31},
                     {256, 24, 1.30, 14, .87, .38, .29, .33},
                     {256, 35, 1.14, 8, .57, .30, .13, .57}},
                    {{2016, 107, 1.13, 21, .76, .63, .09, .28},
                     {2016, 47, 1.16, 50, .94, .42, .30, .29},
                     {2016, 72, 1.08, 30, .74, .34, .12, .54}},
                    {{10080, 186, 1.08, 58, .85, .65, .09, .27},
                     {10080, 79, 1.10, 139, .96, .43, .30, .27},
                     {10080, 125, 1.05, 85, .83, .37, .11, .53}}};
    for (int w = 0; w < 3; w++) {
        for (int i = 0; i < 3; i++) {
            lab_ticket_equilibrium e;
            assert_true(lab_ticket_equilibrium_find(want[w][i].window, sigma[i], hardware[i], &e));
            near(round(e.miners), want[w][i].miners, 0);
            near(e.tickets_ratio, want[w][i].ratio, .0061);
            near(e.tickets, want[w][i].tickets, .51);
            near(e.boosted, want[w][i].boosted, .0061);
            near(e.electricity, want[w][i].electricity, .0061);
            near(e.hardware, want[w][i].hardware, .0061);
            near(e.stake, want[w][i].stake, .0061);
            near(e.electricity + e.hardware + e.stake, 1, 1e-6);
        }
    }
}

/* What is found earns nothing, or it is not found: hash that costs nothing while it waits has no end. */
static void test_no_tickets(void **state) {
    (void)state;
    lab_ticket_equilibrium e;
    assert_false(lab_ticket_equilibrium_find(2016, .999, 0, &e));
    assert_false(lab_ticket_equilibrium_find(10080, .9, 0, &e));
    assert_false(lab_ticket_equilibrium_find(2016, .25, 0, &e));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_free_entry), cmocka_unit_test(test_cournot),
                                       cmocka_unit_test(test_ticket_holders), cmocka_unit_test(test_tickets),
                                       cmocka_unit_test(test_no_tickets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
