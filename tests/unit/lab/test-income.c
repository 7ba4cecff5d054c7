/* Shares in the steady state against the simulated chain, and the spread of incomes against what is known of it. */
#include "exact/income.h"
#include "posw/u256.h"
#include "rules/shares.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance)) fail_msg("%.12g, expected %.12g", got, want);
}

static posw_u256 coins(uint64_t n) {
    const posw_u256 coin = posw_u256_from_u64(1000000000000000000), count = posw_u256_from_u64(n);
    posw_u256 out;
    assert_true(posw_u256_mul(&out, &coin, &count));
    return out;
}

static posw_params chain_of(const char *preset) {
    posw_params p;
    posw_params_default(&p);
    p.chain_id = 1;
    assert_true(posw_params_preset(&p, preset));
    return p;
}

static void test_power(void **state) {
    (void)state;
    const posw_params p = chain_of("diode");
    const posw_u256 supply = coins(10000000);
    /* F: 4, 2500, 1 */
    lab_income_class c[] = {{.miners = 1, .hash = 10, .stake_wei = coins(2500)},
                            {.miners = 2, .hash = 1, .stake_wei = coins(99999)},
                            {.miners = 5, .hash = 1}};
    near(lab_income_shares(c, 3, &p, &supply), 40 + 5000 + 5, 1e-9);
    near(c[0].share, 40 / 5045.0, 1e-12);
    near(c[1].share, 2500 / 5045.0, 1e-12);
    near(c[2].first, 1 / 5045.0, 1e-12);
}

/* Tickets that are used up, few and many, and hash without any: against libposw's window on a simulated chain. */
static void test_tickets_against_simulation(void **state) {
    (void)state;
    enum { OTHERS = 60, POOR = 20 };
    posw_params p = chain_of("ticket");
    p.window_blocks = 512;
    p.weight.boost = 64;
    p.weight.ticket_price_wei = coins(100);
    const posw_u256 supply = coins(10000000);
    lab_income_class c[] = {{.miners = 1, .hash = 3, .stake_wei = coins(250)},
                            {.miners = OTHERS, .hash = 1, .stake_wei = coins(1000)},
                            {.miners = POOR, .hash = 1, .stake_wei = coins(99)}};
    chain_sim_miner miners[1 + OTHERS + POOR];
    for (int i = 0; i < 1 + OTHERS + POOR; i++) {
        const lab_income_class *k = &c[i == 0 ? 0 : i <= OTHERS ? 1 : 2];
        miners[i] = (chain_sim_miner){.hash = k->hash, .stake_wei = k->stake_wei, .identities = 1};
    }
    assert_true(lab_income_shares(c, 3, &p, &supply) > 0);
    near(c[0].share + OTHERS * c[1].share + POOR * c[2].share, 1, 1e-9);
    const shares_setup setup = {
        .chain = {.params = &p, .supply_wei = supply, .miners = miners, .miner_count = 1 + OTHERS + POOR, .seed = 5},
        .blocks = 800000};
    shares_result r;
    assert_true(shares_run(&r, &setup));
    const lab_sample mine = shares_of(&r, 0, 1), others = shares_of(&r, 1, OTHERS),
                     poor = shares_of(&r, 1 + OTHERS, POOR);
    /* mean field: a part in a hundred; the simulated errors are a few parts in a thousand */
    near(mine.mean, c[0].share, 0.015 * c[0].share);
    near(others.mean, c[1].share, 0.005 * c[1].share);
    near(poor.mean, c[2].share, 0.05 * c[2].share);
    shares_clear(&r);
}

/* Without tickets, and with more than anybody can use, hash alone counts. */
static void test_ends(void **state) {
    (void)state;
    const posw_params p = chain_of("ticket");
    const posw_u256 supply = coins(10000000);
    lab_income_class none[] = {{.miners = 1, .hash = 3}, {.miners = 7, .hash = 1}};
    near(lab_income_shares(none, 2, &p, &supply), 10, 1e-9);
    near(none[0].share, 0.3, 1e-12);
    lab_income_class many[] = {{.miners = 1, .hash = 3, .stake_wei = coins(9000000)},
                               {.miners = 7, .hash = 1, .stake_wei = coins(9000000)}};
    near(lab_income_shares(many, 2, &p, &supply), 10 * 1024, 1e-6);
    near(many[0].share, 0.3, 1e-12);
    lab_income_class idle[] = {{.miners = 3, .hash = 0, .stake_wei = coins(9000000)}};
    near(lab_income_shares(idle, 1, &p, &supply), 0, 0);
}

static void test_counts(void **state) {
    (void)state;
    enum { PERIODS = 20000 };
    const posw_params pow_chain = chain_of("pow"), tickets = chain_of("ticket");
    double *counts = malloc(PERIODS * sizeof *counts), mean = 0, squares = 0;
    assert_non_null(counts);
    const lab_income_class plain = {.miners = 1, .hash = 1, .share = 1e-4, .first = 1e-4};
    assert_true(lab_income_counts(counts, PERIODS, &plain, &pow_chain, 43830, 1));
    size_t none = 0;
    for (size_t i = 0; i < PERIODS; i++) {
        mean += counts[i] / PERIODS;
        none += counts[i] == 0;
    }
    for (size_t i = 0; i < PERIODS; i++)
        squares += pow(counts[i] - mean, 2) / PERIODS;
    /* six and a half standard errors */
    near(mean, 4.383, 0.1);
    near(sqrt(squares) / mean, 0.4776, 0.016);
    near((double)none / PERIODS, 0.012485, 0.0052);
    near(counts[PERIODS / 20], lab_poisson_quantile(4.383, 0.05), 0);
    /* one ticket that wins at once when it is free: a block each 2016 + 4 blocks of the chain, nearly without luck */
    const lab_income_class one = {.miners = 1, .hash = 1, .tickets = 1, .first = 0.25};
    assert_true(lab_income_counts(counts, PERIODS, &one, &tickets, 202000, 1));
    assert_true(counts[0] >= 99 && counts[PERIODS - 1] <= 180); /* a few blocks of the 49 expected without a boost */
    mean = 0;
    for (size_t i = 0; i < PERIODS; i++)
        mean += counts[i] / PERIODS;
    near(mean, 100 + 202000 * 0.25 / 1024 * 2016 / 2020, 0.5);
    free(counts);
}

static void test_quantiles(void **state) {
    (void)state;
    near(lab_poisson_quantile(10, 0.05), 5, 0);
    near(lab_poisson_quantile(10, 0.95), 15, 0);
    near(lab_poisson_quantile(0, 0.95), 0, 0);
    near(lab_poisson_quantile(0.01, 0.95), 0, 0);
    near(lab_poisson_quantile(5000, 0.95), 5117, 0);
    near(lab_poisson_quantile(1e6, 0.95), 1001645, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_power), cmocka_unit_test(test_tickets_against_simulation),
                                       cmocka_unit_test(test_ends), cmocka_unit_test(test_counts),
                                       cmocka_unit_test(test_quantiles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
