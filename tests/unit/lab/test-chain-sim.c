/* The engine of the Monte Carlo against the protocol's words, and shares of blocks against theory. Statistical bounds
 * are five standard errors or more; seeds are fixed. POSW_LONG=1: more blocks, and the bounds of the published figures.
 */
#include "base/scale.h"
#include "posw/u256.h"
#include "posw/weight.h"
#include "rules/chain_sim.h"
#include "rules/clock.h"
#include "rules/rates.h"
#include "rules/shares.h"

#include "run/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance)) fail_msg("%.9g, expected %.9g +- %.2g", got, want, tolerance);
}

static posw_u256 coins(uint64_t n) {
    posw_u256 v = posw_u256_from_u64(1000000000000000000U);
    assert_true(posw_u256_mul_u64(&v, &v, n));
    return v;
}

/* Tickets at one coin. */
static posw_params ticket_params(uint64_t window, uint64_t boost) {
    posw_params p;
    posw_params_default(&p);
    p.window_blocks = window;
    p.weight.boost = boost;
    p.weight.ticket_price_wei = coins(1);
    return p;
}

static void test_numbers(void **state) {
    (void)state;
    for (unsigned bit = 0; bit < 256; bit++) {
        const posw_u256 v = posw_u256_shl(&POSW_U256_ONE, bit), back = lab_u256_of(ldexp(1, (int)bit));
        near(lab_double_of(&v) / ldexp(1, (int)bit), 1, 0);
        assert_true(posw_u256_equal(&v, &back));
    }
    const posw_u256 v = lab_u256_of(0x1.23456789abcdfp130), w = lab_u256_of(0.9);
    near(lab_double_of(&v), 0x1.23456789abcdfp130, 0);
    assert_true(posw_u256_is_zero(&w));
}

static void test_rates(void **state) {
    (void)state;
    enum { N = 11, DRAWS = 110000 };
    lab_rates r;
    lab_random random = lab_random_of(1, 0);
    unsigned count[N] = {0};
    assert_true(lab_rates_init(&r, N));
    for (size_t i = 0; i < N; i++)
        lab_rates_set(&r, i, 5);
    for (size_t i = 0; i < N; i++)
        lab_rates_set(&r, i, (double)i);
    near(lab_rates_sum(&r), 55, 0);
    for (int i = 0; i < DRAWS; i++)
        count[lab_rates_draw(&r, lab_uniform(&random))]++;
    assert_int_equal(count[0], 0);
    for (size_t i = 1; i < N; i++) {
        const double p = (double)i / 55;
        near(count[i], DRAWS * p, 6.5 * sqrt(DRAWS * p * (1 - p)));
    }
    assert_int_equal(lab_rates_draw(&r, 0x1.fffffffffffffp-1), N - 1); /* never a place without a rate */
    lab_rates_clear(&r);
}

/* Between two changes the difficulty stands still, for the rules that read the block's own time. */
static void test_next_change(void **state) {
    (void)state;
    static const uint64_t times[] = {1, 15, 600, 3600};
    for (int rule = POSW_DIFFICULTY_HOMESTEAD; rule <= POSW_DIFFICULTY_STEP; rule++)
        for (size_t i = 0; i < 4; i++) {
            posw_params p;
            posw_params_default(&p);
            p.difficulty_rule = (enum posw_difficulty_rule)rule;
            p.block_time_s = times[i];
            const posw_header parent = {.timestamp = 1000, .difficulty = posw_u256_from_u64(1000000000)};
            posw_u256 before = posw_difficulty_next(&p, NULL, &parent, 1001);
            uint64_t change = lab_next_change(&p, 1);
            unsigned changes = 0;
            for (uint64_t elapsed = 2; elapsed < 120 * times[i]; elapsed++) {
                const posw_u256 d = posw_difficulty_next(&p, NULL, &parent, 1000 + elapsed);
                if (!posw_u256_equal(&d, &before)) {
                    assert_int_equal(elapsed, change);
                    changes++;
                }
                if (elapsed == change) change = lab_next_change(&p, elapsed);
                before = d;
            }
            assert_true(changes >= (rule == POSW_DIFFICULTY_STEP ? (times[i] > 1) : 80));
        }
}

/* ---- weights as the protocol defines them ---- */

enum { NAIVE_MAX = 20000 };
typedef struct {
    uint64_t timestamp;
    uint32_t miner;
    bool boosted;
} naive_block;
static naive_block naive[NAIVE_MAX];

static uint64_t naive_mtp(size_t i) {
    const size_t n = i < 10 ? i + 1 : 11;
    return naive[i - (n - 1 - n / 2)].timestamp;
}

/* W4 for the block after `last`. */
static uint64_t naive_used(size_t last, uint32_t miner, const posw_params *p) {
    uint64_t used = 0;
    const size_t window = p->window_blocks;
    for (size_t i = last + 1 > window ? last + 1 - window : 0; i <= last; i++) {
        const bool unlocked = naive_mtp(last) - naive_mtp(i) > 2 * window * p->block_time_s;
        used += naive[i].miner == miner && naive[i].boosted && !unlocked;
    }
    return used;
}

static void check_weights(uint64_t tickets, uint64_t boost, uint64_t ramp) {
    enum { MINERS = 7, BLOCKS = 12000 };
    posw_params p = ticket_params(40, boost);
    p.weight.ramp_blocks = ramp;
    p.difficulty_blocks = 20;
    chain_sim_miner miners[MINERS];
    double time_s = 0;
    unsigned boosted = 0, below = 0;
    for (uint32_t i = 0; i < MINERS; i++)
        miners[i] = (chain_sim_miner){.hash = 1 + i, .stake_wei = coins(tickets + i % 2), .identities = 1};
    const chain_sim_setup setup = {.params = &p, .miners = miners, .miner_count = MINERS, .seed = 5, .task = tickets};
    chain_sim *s = chain_sim_new(&setup);
    assert_non_null(s);
    naive[0] = (naive_block){.miner = MINERS};
    for (size_t n = 1; n <= BLOCKS; n++) {
        chain_sim_block b;
        chain_sim_step(s, &b);
        assert_int_equal(b.number, n);
        time_s += b.solve_s;
        const uint64_t floor_s = (uint64_t)time_s, least = naive[n - 1].timestamp + 1;
        naive[n] = (naive_block){floor_s > least ? floor_s : least, b.miner, b.boosted};
        boosted += b.boosted;
        double power = 0;
        for (uint32_t m = 0; m < MINERS; m++) {
            const posw_u256 f = posw_weight(&p, n + 1, &miners[m].stake_wei, &POSW_U256_ZERO, naive_used(n, m, &p));
            near(chain_sim_weight(s, m), lab_double_of(&f), 0);
            below += f.w[0] == 1;
            power += miners[m].hash * lab_double_of(&f);
        }
        near(chain_sim_power(s), power, 1e-9 * power);
    }
    assert_true(boosted > 100 && below > 100); /* both states came */
    chain_sim_free(s);
}

static void test_weights(void **state) {
    (void)state;
    check_weights(10, 1024, 0);   /* enough tickets */
    check_weights(5, 1000000, 0); /* about as many as the window has blocks */
    check_weights(1, 100000, 0);  /* too few: blocks come late, and time unlocks */
    check_weights(4, 64, 6000);   /* a ramp */
}

/* Block times and winners of plain proof of work: a Poisson process. */
static void test_plain_work(void **state) {
    (void)state;
    enum { BLOCKS = 400000 };
    posw_params p;
    posw_params_default(&p);
    assert_true(posw_params_preset(&p, "pow"));
    p.difficulty_rule = POSW_DIFFICULTY_FIXED;
    const chain_sim_miner miners[] = {
        {.hash = 1, .identities = 1}, {.hash = 3, .identities = 1}, {.hash = 0, .identities = 1}};
    const chain_sim_setup setup = {.params = &p, .miners = miners, .miner_count = 3, .seed = 1};
    chain_sim *s = chain_sim_new(&setup);
    assert_non_null(s);
    lab_sample solve = {0};
    for (int i = 0; i < BLOCKS; i++) {
        chain_sim_block b;
        chain_sim_step(s, &b);
        assert_false(b.boosted);
        near(b.difficulty, 4 * 15, 1e-9);
        lab_sample_add(&solve, b.solve_s / 15, 1);
    }
    near(solve.mean, 1, 6.5 / sqrt(BLOCKS));
    near(lab_sample_sd(&solve), 1, 6.5 * 1.5 / sqrt(BLOCKS));
    near((double)chain_sim_score_of(s, 0).blocks / BLOCKS, .25, 6.5 * sqrt(.25 * .75 / BLOCKS));
    assert_int_equal(chain_sim_score_of(s, 2).blocks, 0);
    chain_sim_free(s);
}

/* H9: of the blocks of a weight F, 1 / F are not boosted. */
static void test_boosted_part(void **state) {
    (void)state;
    enum { BLOCKS = 200000 };
    posw_params p = ticket_params(10, 4);
    const chain_sim_miner miner = {.hash = 1, .stake_wei = coins(1000), .identities = 1};
    const chain_sim_setup setup = {.params = &p, .miners = &miner, .miner_count = 1, .seed = 2};
    chain_sim *s = chain_sim_new(&setup);
    chain_sim_block b;
    assert_non_null(s);
    for (int i = 0; i < BLOCKS; i++)
        chain_sim_step(s, &b);
    near((double)chain_sim_score_of(s, 0).boosted_blocks / BLOCKS, .75, 6.5 * sqrt(.75 * .25 / BLOCKS));
    near(chain_sim_score_of(s, 0).free_s / chain_sim_time_s(s), 1, 1e-12);
    chain_sim_free(s);
}

/* ---- shares ---- */

static void shares(shares_result *r, const posw_params *p, const chain_sim_miner *miners, size_t count, uint64_t blocks,
                   unsigned threads, uint64_t period) {
    const shares_setup setup = {.chain = {.params = p, .miners = miners, .miner_count = count, .seed = 1},
                                .blocks = blocks,
                                .threads = threads,
                                .period = period};
    assert_true(shares_run(r, &setup));
    assert_int_equal(r->blocks_done, blocks / SHARES_CHAINS * SHARES_CHAINS);
}

/* Erlang's loss: two tickets for each block of the window, in ones and in fives. */
static void test_erlang(void **state) {
    (void)state;
    static const struct {
        uint64_t tickets;
        double phi;
    } cases[] = {{1, .5}, {5, .9113}};
    const posw_params p = ticket_params(2000, 1000000);
    for (size_t i = 0; i < 2; i++) {
        const size_t count = 4000 / cases[i].tickets;
        chain_sim_miner *miners = calloc(count, sizeof *miners);
        for (size_t k = 0; k < count; k++)
            miners[k] = (chain_sim_miner){.hash = 1, .stake_wei = coins(cases[i].tickets), .identities = 1};
        shares_result r;
        shares(&r, &p, miners, count, scale_is_long() ? 4000000 : 400000, 0, 0);
        const lab_sample phi = shares_over_chains(&r, r.phi), boosted = shares_boosted(&r, 0, count);
        near(phi.mean, cases[i].phi, .003);
        near(boosted.mean, phi.mean, 1e-9);
        shares_clear(&r);
        free(miners);
    }
}

/* A giant with a hundred times the hash gets what its tickets allow. */
static void test_giant(void **state) {
    (void)state;
    enum { OTHERS = 100 };
    posw_params p = ticket_params(1000, 1000000);
    chain_sim_miner miners[OTHERS + 1];
    for (size_t i = 0; i <= OTHERS; i++)
        miners[i] = (chain_sim_miner){.hash = i == 0 ? 100 : 1, .stake_wei = coins(20), .identities = 1};
    shares_result r;
    shares(&r, &p, miners, OTHERS + 1, scale_is_long() ? 4000000 : 600000, 0, 0);
    near(shares_of(&r, 0, 1).mean, .0200, .0003);
    near(shares_of(&r, 1, OTHERS).mean, .0098, .0003);
    shares_clear(&r);
    /* the same stake under twenty names gives no more: hash follows the free tickets */
    miners[0].identities = 20;
    miners[0].stake_wei = coins(1);
    shares(&r, &p, miners, OTHERS + 1, scale_is_long() ? 4000000 : 600000, 0, 0);
    near(shares_of(&r, 0, 1).mean, .0200, .0003);
    shares_clear(&r);
}

/* Income of a small miner: blocks of a period are binomial. */
static void test_income(void **state) {
    (void)state;
    posw_params p;
    posw_params_default(&p);
    assert_true(posw_params_preset(&p, "pow"));
    const chain_sim_miner miners[] = {{.hash = 1, .identities = 1}, {.hash = 199, .identities = 1}};
    shares_result r;
    shares(&r, &p, miners, 2, 1600000, 0, 400);
    const double mean = 400 / 200., cv = sqrt((1 - 1 / 200.) / mean);
    near(shares_income_cv(&r, 0, 1), cv, 6.5 * cv / sqrt(2 * 4000) * 1.3);
    near(shares_income_none(&r, 0, 1), pow(1 - 1 / 200., 400), 6.5 * sqrt(.135 * .865 / 4000));
    shares_clear(&r);
}

/* The threads change nothing, not a bit. */
static void test_threads(void **state) {
    (void)state;
    const posw_params p = ticket_params(100, 1024);
    const chain_sim_miner miners[] = {{.hash = 1, .stake_wei = {{0, 5, 0, 0}}, .identities = 2},
                                      {.hash = 2, .stake_wei = {{0, 2, 0, 0}}, .identities = 1}};
    shares_result a, b;
    shares(&a, &p, miners, 2, 32000, 1, 0);
    shares(&b, &p, miners, 2, 32000, 7, 0);
    assert_memory_equal(a.cells, b.cells, SHARES_CHAINS * 2 * sizeof *a.cells);
    assert_memory_equal(a.mean_ratio, b.mean_ratio, sizeof a.mean_ratio);
    shares_clear(&a);
    shares_clear(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers),     cmocka_unit_test(test_rates),
                                       cmocka_unit_test(test_next_change), cmocka_unit_test(test_weights),
                                       cmocka_unit_test(test_plain_work),  cmocka_unit_test(test_boosted_part),
                                       cmocka_unit_test(test_erlang),      cmocka_unit_test(test_giant),
                                       cmocka_unit_test(test_income),      cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
