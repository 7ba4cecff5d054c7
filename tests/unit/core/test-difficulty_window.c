/* Difficulty from past blocks: lwma3 (D4) and bitcoin2016 (D5), by chosen values and against the words of the protocol
 * on a whole chain in slow big integers. */
#include "posw/difficulty.h"

#include "core/made.h"
#include "core/slow.h"

/* ---- a chain, and the window that stands at its tip ---- */

enum { BLOCKS_MAX = 4300, HISTORY = 12 };
typedef struct {
    posw_params params;
    void *memory;
    posw_window *window;
    uint64_t count; /* blocks; the tip is count - 1 */
    uint64_t times[BLOCKS_MAX];
    posw_u256 difficulties[BLOCKS_MAX];
} chain;

static void push(chain *c, uint64_t gap, posw_u256 difficulty) {
    assert_true(c->count < BLOCKS_MAX);
    c->times[c->count] = c->count == 0 ? c->params.genesis_time : c->times[c->count - 1] + gap;
    c->difficulties[c->count] = difficulty;
    const posw_window_entry e = {.timestamp = c->times[c->count], .difficulty = difficulty};
    posw_window_push(c->window, &e);
    c->count++;
}

/* Genesis only. */
static chain *make_chain(enum posw_difficulty_rule rule, uint64_t block_time, uint64_t blocks, uint64_t window,
                         posw_u256 genesis) {
    chain *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->params = made_params();
    c->params.difficulty_rule = rule;
    c->params.difficulty_blocks = blocks;
    c->params.block_time_s = block_time;
    c->params.window_blocks = window;
    c->params.genesis_difficulty = genesis;
    assert_verdict(posw_params_check(&c->params), POSW_VALID, POSW_RULE_NONE);
    c->memory = aligned_alloc(16, (posw_window_size(window, HISTORY) + 15) / 16 * 16);
    assert_non_null(c->memory);
    c->window = posw_window_init(c->memory, window, HISTORY, 2 * window * block_time);
    push(c, 0, genesis);
    return c;
}

static void free_chain(chain *c) {
    free(c->memory);
    free(c);
}

static posw_header tip_of(const chain *c) {
    return (posw_header){
        .number = c->count - 1, .timestamp = c->times[c->count - 1], .difficulty = c->difficulties[c->count - 1]};
}

static posw_u256 next(const chain *c) {
    const posw_header tip = tip_of(c);
    return posw_difficulty_next(&c->params, c->window, &tip, UINT64_MAX);
}

static void assert_next(const chain *c, uint64_t want) {
    const posw_u256 got = next(c);
    assert_u256_is(&got, want);
}

/* ---- D4 in its own words ---- */

static slow slow_times(const slow *a, uint64_t b) {
    const slow factor = slow_u64(b);
    return slow_mul(a, &factor);
}
static slow slow_share(const posw_u256 *a, uint64_t times, uint64_t by) {
    const slow wide = slow_of(a), product = slow_times(&wide, times);
    return slow_div_u64(&product, by);
}

static uint64_t solve_time(const chain *c, uint64_t n) {
    const uint64_t gap = c->times[n] - c->times[n - 1], most = 6 * c->params.block_time_s;
    return gap < most ? gap : most;
}

static posw_u256 bounded(const slow *v) {
    bool fits;
    const posw_u256 low = slow_low(v, &fits);
    if (!fits) return POSW_U256_MAX;
    return posw_u256_is_zero(&low) ? POSW_U256_ONE : low;
}

static posw_u256 slow_lwma3(const chain *c) {
    const uint64_t n = c->count, blocks = c->params.difficulty_blocks, t = c->params.block_time_s;
    if (n <= blocks) return c->params.genesis_difficulty;
    uint64_t l = 0;
    slow s = slow_u64(0);
    for (uint64_t i = 1; i <= blocks; i++) {
        const uint64_t block = n - blocks + i - 1;
        const slow d = slow_of(&c->difficulties[block]);
        l += i * solve_time(c, block);
        s = slow_add(&s, &d);
    }
    const slow product = slow_times(&s, t * (blocks + 1) * 99);
    slow d = slow_div_u64(&product, 200 * l);
    const slow least = slow_share(&c->difficulties[n - 1], 67, 100),
               most = slow_share(&c->difficulties[n - 1], 150, 100),
               raised = slow_share(&c->difficulties[n - 1], 108, 100);
    if (slow_cmp(&d, &least) < 0) d = least;
    if (slow_cmp(&d, &most) > 0) d = most;
    const uint64_t three = solve_time(c, n - 1) + solve_time(c, n - 2) + solve_time(c, n - 3);
    if (10 * three < 8 * t && slow_cmp(&d, &raised) < 0) d = raised;
    return bounded(&d);
}

/* ---- D5 in its own words ---- */

static posw_u256 slow_bitcoin(const chain *c) {
    const uint64_t n = c->count, blocks = c->params.difficulty_blocks, whole = blocks * c->params.block_time_s;
    if (n % blocks != 0) return c->difficulties[n - 1];
    uint64_t span = c->times[n - 1] - c->times[n - blocks];
    if (span < whole / 4) span = whole / 4;
    if (span > 4 * whole) span = 4 * whole;
    const slow top = slow_of(&POSW_U256_MAX), d = slow_of(&c->difficulties[n - 1]), target = slow_div(&top, &d),
               product = slow_times(&target, span), moved = slow_div_u64(&product, whole);
    const posw_u256 in_bounds = bounded(&moved);
    const slow divisor = slow_of(&in_bounds), result = slow_div(&top, &divisor);
    return slow_low(&result, NULL);
}

static posw_u256 slow_next(const chain *c) {
    return c->params.difficulty_rule == POSW_DIFFICULTY_LWMA3 ? slow_lwma3(c) : slow_bitcoin(c);
}

/* ---- lwma3 ---- */

static uint64_t generator(uint64_t x) {
    return (1103515245 * x + 12345) % ((uint64_t)1 << 31);
}

static void test_lwma3_vector(void **state) {
    (void)state;
    chain *c = make_chain(POSW_DIFFICULTY_LWMA3, 60, 60, 2016, u64(100000));
    uint64_t x = 42, l = 0, last_three = 0;
    for (uint64_t i = 1; i <= 60; i++) {
        x = generator(x);
        const uint64_t gap = 1 + (x >> 8) % 120;
        l += i * gap;
        if (i > 57) last_three += gap;
        assert_next(c, 100000); /* n <= N */
        push(c, gap, u64(100000 + 100 * i));
    }
    assert_int_equal(l, 112643);
    assert_int_equal(last_three, 116);
    assert_next(c, 99444);
    const posw_u256 want = slow_lwma3(c);
    assert_u256_is(&want, 99444);
    free_chain(c);
}

/* 60 blocks of this gap and difficulty after genesis. */
static chain *steady(uint64_t gap, posw_u256 difficulty) {
    chain *c = make_chain(POSW_DIFFICULTY_LWMA3, 100, 60, 60, difficulty);
    for (int i = 0; i < 60; i++)
        push(c, gap, difficulty);
    return c;
}

static void test_lwma3_limits(void **state) {
    (void)state;
    chain *c = steady(100, u64(1000000));
    assert_next(c, 990000); /* on time: 99 % (the rule's own correction) */
    free_chain(c);
    c = steady(99, u64(1000000));
    assert_next(c, 1000000);
    free_chain(c);
    c = steady(1, u64(1000001));
    assert_next(c, 1500001);
    free_chain(c);
    c = steady(100000, u64(1000001)); /* counts as 600 s each */
    assert_next(c, 670000);
    free_chain(c);
    c = steady(600, u64(1));
    assert_next(c, 1); /* would be 0 */
    free_chain(c);
    c = steady(1, u64(1));
    assert_next(c, 1);
    free_chain(c);
    c = steady(100, POSW_U256_MAX);
    const posw_u256 got = next(c), want = slow_lwma3(c);
    assert_u256(&got, &want);
    free_chain(c);
    c = steady(1, POSW_U256_MAX);
    const posw_u256 top = next(c);
    assert_u256(&top, &POSW_U256_MAX);
    free_chain(c);
}

/* Three quick blocks raise D by 8 %, from a sum of 79 s down. */
static void test_lwma3_jump(void **state) {
    (void)state;
    for (uint64_t last = 26; last <= 28; last++) {
        chain *c = steady(600, u64(1000000));
        for (int i = 0; i < 2; i++)
            push(c, 26, u64(1000000));
        push(c, last, u64(1000000));
        assert_next(c, 26 + 26 + last < 80 ? 1080000 : 670000);
        free_chain(c);
    }
}

/* ---- bitcoin2016 ---- */

/* Bitcoin's compact targets: one byte of size, three of mantissa. */
static posw_u256 target_of_bits(uint32_t bits) {
    const posw_u256 mantissa = u64(bits & 0x7fffff);
    return posw_u256_shl(&mantissa, 8 * ((bits >> 24) - 3));
}
static uint32_t bits_of_target(const posw_u256 *target) {
    unsigned size = (posw_u256_bits(target) + 7) / 8;
    posw_u256 m = posw_u256_shr(target, 8 * (size - 3));
    if (m.w[0] & 0x800000) {
        m = posw_u256_shr(&m, 8);
        size++;
    }
    return (uint32_t)(m.w[0] | size << 24);
}

/* Changes of Bitcoin's main chain: time of the first and of the last block of an interval, target before and after. */
static void test_bitcoin_history(void **state) {
    (void)state;
    static const struct {
        uint64_t first_s, last_s;
        uint32_t before, after;
    } known[] = {{1261130161, 1262152739, 0x1d00ffff, 0x1d00d86a},  /* blocks 30240 to 32255 */
                 {1231006505, 1233061996, 0x1d00ffff, 0x1d00ffff},  /* 0 to 2015: at the limit */
                 {1279008237, 1279297671, 0x1c05a3f4, 0x1c0168fd},  /* 66528 to 68543: a quarter */
                 {1263163443, 1269211443, 0x1c387f6f, 0x1d00e1fd}}; /* four times, as their tests have it */
    const posw_u256 limit = target_of_bits(0x1d00ffff);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(known); i++) {
        const posw_u256 before = target_of_bits(known[i].before);
        posw_u256 after = posw_difficulty_retarget(&before, known[i].last_s - known[i].first_s, 14 * 24 * 3600);
        if (posw_u256_cmp(&after, &limit) > 0) after = limit;
        assert_int_equal(bits_of_target(&after), known[i].after);
    }
}

static void test_retarget_limits(void **state) {
    (void)state;
    posw_u256 t = posw_difficulty_retarget(&POSW_U256_MAX, UINT64_MAX, 1000);
    assert_u256(&t, &POSW_U256_MAX);
    t = posw_difficulty_retarget(&POSW_U256_ONE, 0, 1000);
    assert_u256_is(&t, 1);
    t = posw_difficulty_retarget((posw_u256[]){u64(1000)}, 0, 1000);
    assert_u256_is(&t, 250);
    t = posw_difficulty_retarget((posw_u256[]){u64(1000)}, 250, 1000);
    assert_u256_is(&t, 250);
    t = posw_difficulty_retarget((posw_u256[]){u64(1000)}, 251, 1000);
    assert_u256_is(&t, 251);
    t = posw_difficulty_retarget((posw_u256[]){u64(1000)}, 4000, 1000);
    assert_u256_is(&t, 4000);
    t = posw_difficulty_retarget((posw_u256[]){u64(1000)}, 4001, 1000);
    assert_u256_is(&t, 4000);
    t = posw_difficulty_retarget(&POSW_U256_MAX, UINT64_MAX, (uint64_t)1 << 61);
    assert_u256(&t, &POSW_U256_MAX);
    t = posw_difficulty_retarget((posw_u256[]){u64(4)}, 1, 2); /* half of it, from a quarter of 2 s, rounded down */
    assert_u256_is(&t, 2);
}

/* D changes at multiples of N only; N - 1 gaps are measured. */
static void test_bitcoin_interval(void **state) {
    (void)state;
    chain *c = make_chain(POSW_DIFFICULTY_BITCOIN2016, 10, 5, 5, power_of_two(100));
    const posw_u256 start = power_of_two(100);
    for (uint64_t n = 1; n < 5; n++) {
        const posw_u256 d = next(c);
        assert_u256(&d, &start);
        push(c, 10, d);
    }
    /* 4 gaps of 10 s instead of 50 s: the target falls to 4/5 */
    const posw_u256 target = posw_difficulty_of_target(&start), four = u64(4), five = u64(5);
    posw_u256 moved;
    assert_true(posw_u256_muldiv(&moved, &target, &four, &five));
    const posw_u256 want = posw_difficulty_of_target(&moved), got = next(c);
    assert_u256(&got, &want);
    push(c, 1000000, got);
    const posw_u256 same = next(c);
    assert_u256(&same, &got);
    free_chain(c);
}

/* ---- long runs with reorganisations ---- */

static void check_against_slow(const chain *c) {
    const posw_u256 got = next(c), want = slow_next(c);
    assert_u256(&got, &want);
}

static uint64_t random_gap(const chain *c, uint64_t *seed, uint64_t phase) {
    const uint64_t t = c->params.block_time_s;
    switch (phase % 4) {
    case 0:
        return 1 + random_below(seed, 2 * t); /* about right */
    case 1:
        return 1 + random_below(seed, t / 8 + 1); /* a burst */
    case 2:
        return 1 + random_below(seed, 12 * t); /* hash power has gone */
    default:
        return 1;
    }
}

/* Blocks with the difficulty that the rule gives (or, in a wild run, any), and now and then up to HISTORY of them taken
 * back. */
static void run(enum posw_difficulty_rule rule, uint64_t block_time, uint64_t blocks, uint64_t window, unsigned bits,
                bool wild, uint64_t seed) {
    const posw_u256 genesis = plus(&POSW_U256_ONE, (posw_u256[]){random_u256(&seed, bits)});
    chain *c = make_chain(rule, block_time, blocks, window, genesis);
    for (uint64_t step = 0; step < 300; step++) {
        check_against_slow(c);
        const posw_u256 any = plus(&POSW_U256_ONE, (posw_u256[]){random_u256(&seed, bits)});
        push(c, random_gap(c, &seed, step / 60), wild ? any : next(c));
        if (random_below(&seed, 15) != 0) continue;
        for (uint64_t pops = random_below(&seed, HISTORY + 1); pops > 0 && c->count > 1; pops--) {
            if (!posw_window_pop(c->window)) break;
            c->count--;
            check_against_slow(c);
        }
    }
    free_chain(c);
}

static void test_runs(void **state) {
    (void)state;
    for (int wild = 0; wild < 2; wild++) {
        run(POSW_DIFFICULTY_LWMA3, 60, 60, 60, 40, wild, 31);
        run(POSW_DIFFICULTY_LWMA3, 1, 6, 6, 12, wild, 32);
        run(POSW_DIFFICULTY_LWMA3, 3600, 45, 200, 255, wild, 33);
        run(POSW_DIFFICULTY_BITCOIN2016, 600, 16, 16, 60, wild, 34);
        run(POSW_DIFFICULTY_BITCOIN2016, 1, 2, 2, 8, wild, 35);
        run(POSW_DIFFICULTY_BITCOIN2016, 3600, 37, 64, 255, wild, 36);
    }
}

/* The greatest N of both rules, at the limits of the window, with as many pops as it allows. */
static void test_longest(void **state) {
    (void)state;
    uint64_t seed = 41;
    chain *c = make_chain(POSW_DIFFICULTY_LWMA3, 3600, 1024, 1024, POSW_U256_MAX);
    while (c->count <= 1024)
        push(c, 6 * 3600, POSW_U256_MAX);
    for (int i = 0; i < 3; i++) {
        check_against_slow(c);
        push(c, 1 + random_below(&seed, 30000), POSW_U256_MAX);
    }
    free_chain(c);

    c = make_chain(POSW_DIFFICULTY_BITCOIN2016, 15, 2016, 2016, power_of_two(70));
    for (int i = 0; c->count < 2 * 2016 + 7; i++) {
        if (c->count % 2016 <= 1) check_against_slow(c);
        push(c, 1 + random_below(&seed, 40), next(c));
    }
    assert_int_equal(posw_window_count(c->window), 2016 + HISTORY + POSW_WINDOW_MTP_ANCESTORS);
    for (int i = 0; i < HISTORY; i++) { /* back over the edge of the interval, to the last block that is kept */
        assert_true(posw_window_pop(c->window));
        c->count--;
        check_against_slow(c);
    }
    assert_true(c->count < 2 * 2016);
    while (c->count <= 2 * 2016) {
        push(c, 30, next(c));
        check_against_slow(c);
    }
    free_chain(c);
}

/* ---- names, defaults and misuse ---- */

static void test_names(void **state) {
    (void)state;
    static const char *const names[] = {"asert", "fixed", "lwma3", "bitcoin2016", "homestead", "step", "asert-lag"};
    for (unsigned i = 0; i < POSW_ARRAY_SIZE(names); i++) {
        const enum posw_difficulty_rule rule = (enum posw_difficulty_rule)i;
        assert_string_equal(posw_difficulty_name(rule), names[i]);
        assert_true(posw_difficulty_has_blocks(rule) == (posw_difficulty_blocks_default(rule, 9999) != 0));
    }
    assert_string_equal(posw_difficulty_name((enum posw_difficulty_rule)7), "");
    assert_false(posw_difficulty_has_blocks((enum posw_difficulty_rule)7));
    assert_int_equal(posw_difficulty_blocks_default(POSW_DIFFICULTY_ASERT, 2), 144);
    assert_int_equal(posw_difficulty_blocks_default(POSW_DIFFICULTY_LWMA3, 61), 60);
    assert_int_equal(posw_difficulty_blocks_default(POSW_DIFFICULTY_LWMA3, 59), 59);
    assert_int_equal(posw_difficulty_blocks_default(POSW_DIFFICULTY_BITCOIN2016, 2017), 2016);
    assert_int_equal(posw_difficulty_blocks_default(POSW_DIFFICULTY_BITCOIN2016, 256), 256);
    assert_int_equal(posw_difficulty_blocks_default(POSW_DIFFICULTY_FIXED, 256), 0);
    assert_int_equal(posw_difficulty_blocks_default((enum posw_difficulty_rule)7, 256), 0);
}

static void without_window(void *arg) {
    chain *c = arg;
    c->window = NULL;
    next(c);
}
static void window_elsewhere(void *arg) {
    chain *c = arg;
    c->times[c->count - 1]++;
    next(c);
}
static void no_such_rule(void *arg) {
    chain *c = arg;
    c->params.difficulty_rule = (enum posw_difficulty_rule)7;
    next(c);
}
static void no_interval(void *arg) {
    (void)arg;
    posw_difficulty_retarget(&POSW_U256_ONE, 1, 0);
}
static void long_interval(void *arg) {
    (void)arg;
    posw_difficulty_retarget(&POSW_U256_ONE, 1, ((uint64_t)1 << 61) + 1);
}

static void test_bugs_stop(void **state) {
    (void)state;
    static const enum posw_difficulty_rule rules[] = {POSW_DIFFICULTY_LWMA3, POSW_DIFFICULTY_BITCOIN2016};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(rules); i++) {
        chain *c = make_chain(rules[i], 15, 6, 6, u64(1000));
        while (c->count < 12)
            push(c, 15, u64(1000));
        next(c);
        assert_true(test_aborts(without_window, c));
        assert_true(test_aborts(window_elsewhere, c));
        assert_true(test_aborts(no_such_rule, c));
        free_chain(c);
    }
    assert_true(test_aborts(no_interval, NULL));
    assert_true(test_aborts(long_interval, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lwma3_vector),
        cmocka_unit_test(test_lwma3_limits),
        cmocka_unit_test(test_lwma3_jump),
        cmocka_unit_test(test_bitcoin_history),
        cmocka_unit_test(test_retarget_limits),
        cmocka_unit_test(test_bitcoin_interval),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_bugs_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
