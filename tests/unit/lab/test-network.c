/* Networks of whole nodes: the closed forms against simple cases, runs that repeat themselves, attackers that win and
 * that cannot. Seeds are fixed. */
#include "network/network.h"

#include "base/error.h"
#include "near.h"

#include <string.h>

static network_setup setup_of(enum network_attack attack) {
    return (network_setup){.attack = attack,
                           .nodes = 6,
                           .peers = 1,
                           .latency_ms = 50,
                           .jitter_ms = 10,
                           .bytes_per_s = 1250000,
                           .block_time_s = 10,
                           .blocks = 60,
                           .weight = "pow",
                           .reach = 1,
                           .confirmations = 2,
                           .give_up = 10,
                           .eclipse_s = 100,
                           .seed = 3};
}

static network_result run(const network_setup *s) {
    network_result r;
    assert_int_equal(network_run(&r, s), POSW_OK);
    assert_true(r.done);
    return r;
}

static void test_closed_forms(void **state) {
    (void)state;
    near(network_stale_expected(0, 10), 0, 0);
    near(network_stale_expected(.01, 10), .001, 2e-6); /* delay / time, as long as that is small */
    near(network_stale_expected(1e9, 10), .5, 1e-12);  /* everything meets a rival */
    near(network_eclipse_exact(0, 0, 1, 20), 0, 0);    /* nobody mines for the victim */
    near(network_eclipse_exact(.5, 0, 0, 100), .5, 1e-9);
    /* at least one block inside in one block time, and more outside: sum by hand of two Poisson laws of mean 1/2 */
    double want = 0;
    for (int k = 1; k < 30; k++) {
        const double inside = exp(k * log(.5) - .5 - lgamma(k + 1));
        for (int j = k; j < 60; j++)
            want += inside * exp(j * log(.5) - .5 - lgamma(j + 1)) * (j == k ? .5 : 1);
    }
    near(network_eclipse_exact(.25, .25, 1, 1), want, 1e-12);
    assert_true(network_eclipse_exact(.3, 0, 6, 20) < network_eclipse_exact(.3, 0, 3, 20));
}

static void test_same_seed_same_result(void **state) {
    (void)state;
    for (int attack = NETWORK_NO_ATTACK; attack <= NETWORK_ECLIPSE; attack++) {
        network_setup s = setup_of((enum network_attack)attack);
        s.alpha = attack == NETWORK_NO_ATTACK ? 0 : .3;
        s.victim_share = attack == NETWORK_ECLIPSE ? .1 : 0;
        const network_result a = run(&s), b = run(&s);
        network_result c;
        assert_true(network_run_apart(&c, &s, NULL, NULL));
        assert_int_equal(a.found, b.found);
        assert_true(a.arrival_ms == b.arrival_ms && a.arrival_ms == c.arrival_ms);
        assert_int_equal(a.main, c.main);
        assert_int_equal(a.successes, c.successes);
        assert_true(a.followers == c.followers);
    }
}

/* No block is lost and none is late where lines take no time; blocks are found as often as they should be. */
static void test_no_latency(void **state) {
    (void)state;
    network_setup s = setup_of(NETWORK_NO_ATTACK);
    s.latency_ms = s.jitter_ms = 0;
    s.bytes_per_s = 1000000000;
    s.block_time_s = 60;
    s.blocks = 200;
    const network_result r = run(&s);
    assert_in_range(r.found, 200 - 71, 200 + 71); /* Poisson, five standard deviations */
    assert_true(r.main == r.found || r.main + 1 == r.found);
    assert_true(r.arrival_ms / (double)r.arrivals < 20); /* jobs of a millisecond */
    assert_true(r.reached[0] >= r.main - 1 && r.reached[2] >= r.main - 2);
}

static void test_selfish(void **state) {
    (void)state;
    network_setup s = setup_of(NETWORK_SELFISH);
    s.blocks = 900;
    s.alpha = .45;
    const network_result r = run(&s);
    assert_true(r.races > 15); /* about 60, 20 in 300 blocks with a deviation of 6 */
    assert_true(r.main + 20 < r.found); /* it makes others' blocks worthless */
    assert_true((double)r.attacker_main > .45 * (double)r.main);
    /* and without hash power nothing happens */
    s.alpha = 0;
    s.blocks = 60;
    const network_result none = run(&s);
    assert_int_equal(none.attacker_main, 0);
    assert_int_equal(none.races, 0);
}

static void test_reorg(void **state) {
    (void)state;
    network_setup s = setup_of(NETWORK_REORG);
    s.blocks = 120;
    s.alpha = .7;
    network_result r = run(&s);
    assert_true(r.trials > 5);
    assert_int_equal(r.successes, r.trials); /* a majority always wins, */
    s.weight = "ticket";
    s.blocks = 300;              /* it tries long before it gives up */
    s.tickets = s.confirmations; /* and cannot without a ticket more than the confirmations */
    r = run(&s);
    assert_int_equal(r.successes, 0);
    assert_true(r.trials > 2);
    s.blocks = 120;
    s.tickets = 40;
    r = run(&s);
    assert_int_equal(r.successes, 1); /* the run is over then: the tickets are used up */
}

static void test_eclipse(void **state) {
    (void)state;
    network_setup s = setup_of(NETWORK_ECLIPSE);
    s.blocks = 300;
    s.alpha = .2;
    s.confirmations = 1;
    s.eclipse_s = 200;
    network_result r = run(&s);
    assert_true(r.trials >= 5 && r.successes >= r.trials / 2);
    s.confirmations = 40; /* more than come in that time */
    r = run(&s);
    assert_int_equal(r.successes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_forms), cmocka_unit_test(test_same_seed_same_result),
        cmocka_unit_test(test_no_latency),   cmocka_unit_test(test_selfish),
        cmocka_unit_test(test_reorg),        cmocka_unit_test(test_eclipse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
