/* Networks of whole nodes: the closed forms against simple cases, runs that repeat themselves, attackers that win and
 * that cannot. Seeds are fixed. */
#include "network/network.h"

#include "base/error.h"
#include "near.h"
#include "posw/u256.h"

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
    static uint32_t found_of[NETWORK_NODES_MAX], main_of[NETWORK_NODES_MAX];
    network_result r = {.found_of = found_of, .main_of = main_of};
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
        network_result c = {.found_of = NULL};
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
    assert_true(r.races > 15);          /* about 60, 20 in 300 blocks with a deviation of 6 */
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

/* Hash from elsewhere, and 57 tickets against 60 confirmations: with false times they are enough under asert, where 54
 * outweigh 60, and not under asert-lag, where the first 64 blocks of a branch gain nothing (test_hasty_branch). */
static void test_false_times(void **state) {
    (void)state;
    network_setup s = setup_of(NETWORK_REORG);
    s.nodes = 4;
    s.block_time_s = 15;
    s.blocks = 120;
    s.alpha = .9;
    s.weight = "ticket";
    s.confirmations = 60;
    s.tickets = 57;
    s.times = LAB_FALSE_TIMES;
    s.rule = POSW_DIFFICULTY_ASERT;
    s.difficulty_blocks = 144;
    assert_int_equal(run(&s).successes, 1);
    s.rule = POSW_DIFFICULTY_ASERT_LAG;
    s.difficulty_blocks = 1008;
    const network_result lag = run(&s);
    assert_true(lag.trials > 0);
    assert_int_equal(lag.successes, 0);
    s.tickets = 61;
    assert_int_equal(run(&s).successes, 1);
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

static const posw_u256 COIN = {{1000000000000000000U, 0, 0, 0}};

static posw_u256 coins(uint64_t n) {
    posw_u256 wei;
    assert_true(posw_u256_mul_u64(&wei, &COIN, n));
    return wei;
}

/* Hash 1 to 6 and the stakes 5 to 0 thousand coins, on a chain whose difficulty follows its rule. */
static network_setup with_miners(posw_params *p, chain_sim_miner miners[6], const char *preset) {
    network_setup s = setup_of(NETWORK_NO_ATTACK);
    posw_params_default(p);
    assert_true(posw_params_preset(p, preset));
    p->chain_id = 7;
    p->genesis_time = 1790000000;
    p->window_blocks = 30;
    p->block_time_s = 20;
    for (uint64_t i = 0; i < 6; i++)
        miners[i] = (chain_sim_miner){.hash = (double)(i + 1), .stake_wei = coins(1000 * (5 - i)), .identities = 1};
    s.block_time_s = 20;
    s.blocks = 200;
    s.chain = p;
    s.miners = miners;
    s.supply_wei = coins(30 * 4 * 500); /* a ticket: 500 coins; there are 30, for a window of 30 */
    return s;
}

static void test_expected(void **state) {
    (void)state;
    posw_params p;
    chain_sim_miner miners[6];
    lab_sample share[6], again[6];
    network_setup s = with_miners(&p, miners, "linear");
    assert_true(network_expected(share, &s, 1));
    const double power[] = {1 * 5, 2 * 4, 3 * 3, 4 * 2, 5 * 1, 6 * 1}; /* stake counts from one unit on */
    for (size_t i = 0; i < 6; i++)
        near(share[i].mean, power[i] / 41, 1e-12);
    s = with_miners(&p, miners, "ticket");
    s.settle = 60;
    assert_true(network_expected(share, &s, 1) && network_expected(again, &s, 3));
    double all = 0;
    for (size_t i = 0; i < 6; i++) {
        all += share[i].mean;
        assert_true(share[i].mean == again[i].mean);
        assert_true(share[i].mean < (10 - 2 * (double)i) / 30 + .05); /* by its tickets, and what comes without any */
    }
    near(all, 1, 1e-12);
}

static void test_miners(void **state) {
    (void)state;
    posw_params p;
    chain_sim_miner miners[6];
    network_setup s = with_miners(&p, miners, "linear");
    const network_result r = run(&s);
    uint64_t found = 0, main = 0;
    for (size_t i = 0; i < 6; i++) {
        found += r.found_of[i];
        main += r.main_of[i];
        assert_true(r.main_of[i] <= r.found_of[i]);
    }
    assert_int_equal(found, r.found);
    assert_in_range(main, r.main - 1, r.main);  /* one may be older than the counting */
    assert_in_range(found, 200 - 71, 200 + 71); /* Poisson, five standard deviations */
    assert_in_range(r.found_of[1], 39 - 30, 39 + 30);
    /* a miner without hash finds nothing */
    miners[1].hash = 0;
    const network_result none = run(&s);
    assert_int_equal(none.found_of[1], 0);
    assert_true(none.found > 100);
}

static void test_no_such_chain(void **state) {
    (void)state;
    posw_params p;
    chain_sim_miner miners[6];
    posw_chain_spec spec;
    posw_message msg = {""};
    network_setup s = with_miners(&p, miners, "linear");
    miners[5].stake_wei = coins(1);
    p.stake_min_wei = coins(2);
    assert_int_equal(network_chain(&spec, &s, &msg), POSW_EINVAL);
    assert_string_not_equal(msg.text, "");
    posw_chain_spec_clear(&spec);
    network_result r = {.found_of = NULL};
    assert_int_equal(network_run(&r, &s), POSW_EINVAL);
    assert_false(r.done);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_forms), cmocka_unit_test(test_same_seed_same_result),
        cmocka_unit_test(test_no_latency),   cmocka_unit_test(test_selfish),
        cmocka_unit_test(test_reorg),        cmocka_unit_test(test_false_times),
        cmocka_unit_test(test_eclipse),      cmocka_unit_test(test_expected),
        cmocka_unit_test(test_miners),       cmocka_unit_test(test_no_such_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
