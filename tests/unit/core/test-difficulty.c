/* ASERT: the official runs line by line, then its formula on 256-bit targets against slow big integers. */
#include "posw/difficulty.h"

#include "core/made.h"
#include "core/slow.h"

#include <inttypes.h>
#include <stdio.h>

/* Bitcoin's compact targets: one byte of size, three of mantissa. */
static posw_u256 target_of_bits(uint32_t bits) {
    const unsigned size = bits >> 24;
    const posw_u256 mantissa = u64(bits & 0x7fffff);
    return size <= 3 ? posw_u256_shr(&mantissa, 8 * (3 - size)) : posw_u256_shl(&mantissa, 8 * (size - 3));
}

static uint32_t bits_of_target(const posw_u256 *target) {
    unsigned size = (posw_u256_bits(target) + 7) / 8;
    posw_u256 m = size <= 3 ? posw_u256_shl(target, 8 * (3 - size)) : posw_u256_shr(target, 8 * (size - 3));
    if (m.w[0] & 0x800000) { /* the sign bit must stay clear */
        m = posw_u256_shr(&m, 8);
        size++;
    }
    return (uint32_t)(m.w[0] | size << 24);
}

typedef struct {
    uint64_t height, parent_time;
    uint32_t bits;
} run_anchor;

static void read_header_line(run_anchor *a, const char *line) {
    uint64_t v;
    if (sscanf(line, "##   anchor height: %" SCNu64, &v) == 1) a->height = v;
    if (sscanf(line, "##   anchor parent time: %" SCNu64, &v) == 1) a->parent_time = v;
    if (sscanf(line, "##   anchor nBits: %" SCNx64, &v) == 1) a->bits = (uint32_t)v;
}

static int check_run(int number) {
    enum { BLOCK_TIME_S = 600, HALF_LIFE_S = 2 * 24 * 3600 };
    const posw_u256 target_max = target_of_bits(0x1d00ffff);
    char path[1024], line[256];
    snprintf(path, sizeof path, POSW_VECTORS "/asert/run%02d", number);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    run_anchor a = {0};
    int lines = 0;
    while (fgets(line, sizeof line, f) != NULL) {
        uint64_t iteration, height, time;
        uint32_t bits;
        read_header_line(&a, line);
        if (sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNx32, &iteration, &height, &time, &bits) != 4)
            continue;
        const posw_u256 anchor = target_of_bits(a.bits);
        const posw_u256 t = posw_asert_target(&anchor, (int64_t)(time - a.parent_time), height - a.height, BLOCK_TIME_S,
                                              HALF_LIFE_S, &target_max);
        assert_int_equal(bits_of_target(&t), bits);
        lines++;
    }
    fclose(f);
    return lines;
}

static void test_official_runs(void **state) {
    (void)state;
    static const int lines[] = {10, 10, 10, 225, 225, 1000, 1000, 500};
    for (int i = 0; i < 8; i++)
        assert_int_equal(check_run(i + 1), lines[i]);
}

/* D2 as the document writes it. |x| small enough for the 3,072 bits. */
static posw_u256 slow_asert(const posw_u256 *anchor, int64_t late_s, uint64_t half_life_s) {
    const int64_t x = late_s * 65536 / (int64_t)half_life_s;
    const int64_t f = (x % 65536 + 65536) % 65536, shifts = (x - f) / 65536;
    slow sum = slow_u64((uint64_t)1 << 47), term, fs = slow_u64((uint64_t)f);
    const uint64_t factors[] = {195766423245049, 971821376, 5127};
    slow power = slow_u64(1);
    for (int i = 0; i < 3; i++) {
        const slow c = slow_u64(factors[i]);
        power = slow_mul(&power, &fs);
        term = slow_mul(&power, &c);
        sum = slow_add(&sum, &term);
    }
    const slow fraction = slow_shift(sum, -48), one = slow_u64(65536), factor = slow_add(&one, &fraction);
    const slow target0 = slow_of(anchor), product = slow_mul(&target0, &factor);
    const slow target = slow_shift(product, (int)shifts - 16);
    bool fits;
    const posw_u256 low = slow_low(&target, &fits);
    if (!fits) return POSW_U256_MAX;
    return posw_u256_is_zero(&low) ? POSW_U256_ONE : low;
}

static void test_against_slow(void **state) {
    (void)state;
    uint64_t seed = 4;
    for (int i = 0; i < 1500; i++) {
        const posw_u256 anchor = plus(&POSW_U256_ONE, (posw_u256[]){random_u256(&seed, 255)});
        const uint64_t half_life = 1 + random_below(&seed, 100000), height = random_below(&seed, 1000000);
        const uint64_t block_time = 1 + random_below(&seed, 3600);
        const int64_t scheduled = (int64_t)(block_time * (height + 1));
        const int64_t spread = (int64_t)(half_life * 300);
        const int64_t late = (int64_t)random_below(&seed, (uint64_t)spread * 2) - spread;
        const posw_u256 got =
            posw_asert_target(&anchor, scheduled + late, height, block_time, half_life, &POSW_U256_MAX);
        const posw_u256 want = slow_asert(&anchor, late, half_life);
        assert_u256(&got, &want);
    }
}

static void test_bounds(void **state) {
    (void)state;
    const posw_u256 anchor = power_of_two(200), limit = power_of_two(210);
    posw_u256 t = posw_asert_target(&anchor, INT64_MAX, 0, 1, 1, &POSW_U256_MAX);
    assert_u256(&t, &POSW_U256_MAX);
    t = posw_asert_target(&anchor, INT64_MIN, UINT64_MAX, UINT32_MAX, 1, &POSW_U256_MAX);
    assert_u256_is(&t, 1);
    t = posw_asert_target(&anchor, INT64_MAX, 0, 1, 1, &limit);
    assert_u256(&t, &limit);
    t = posw_asert_target(&anchor, 600, 0, 600, 7200, &limit); /* on schedule */
    assert_u256(&t, &anchor);
    t = posw_asert_target(&anchor, 600 + 7200, 0, 600, 7200, &limit); /* a half-life late */
    const posw_u256 twice = power_of_two(201), half = power_of_two(199);
    assert_u256(&t, &twice);
    t = posw_asert_target(&anchor, 600 - 7200, 0, 600, 7200, &limit);
    assert_u256(&t, &half);
    /* the result is exactly 2^256 - 1 or just does not fit */
    const posw_u256 top = power_of_two(255);
    t = posw_asert_target(&top, 1 + 65536, 0, 1, 65536, &POSW_U256_MAX);
    assert_u256(&t, &POSW_U256_MAX);
    t = posw_asert_target(&top, 1, 0, 1, 65536, &POSW_U256_MAX); /* all 256 bits, and not more */
    assert_u256(&t, &top);
    t = posw_asert_target(&POSW_U256_MAX, 1, 0, 1, 65536, &POSW_U256_MAX);
    assert_u256(&t, &POSW_U256_MAX);
}

/* A later parent never makes the next block harder. */
static void test_monotone(void **state) {
    (void)state;
    const posw_u256 anchor = power_of_two(230);
    posw_u256 last = POSW_U256_ZERO;
    for (int64_t t = -20000; t < 20000; t++) {
        const posw_u256 target = posw_asert_target(&anchor, t, 10, 15, 2160, &POSW_U256_MAX);
        assert_true(posw_u256_cmp(&last, &target) <= 0);
        last = target;
    }
}

static void test_difficulty_of_target(void **state) {
    (void)state;
    uint64_t seed = 5;
    posw_u256 d = posw_difficulty_of_target(&POSW_U256_MAX);
    assert_u256_is(&d, 1);
    d = posw_difficulty_of_target(&POSW_U256_ONE);
    assert_u256(&d, &POSW_U256_MAX);
    for (int i = 0; i < 200; i++) {
        const posw_u256 target = plus(&POSW_U256_ONE, (posw_u256[]){random_u256(&seed, 255)});
        const slow n = slow_of(&POSW_U256_MAX), t = slow_of(&target), q = slow_div(&n, &t);
        const posw_u256 want = slow_low(&q, NULL), got = posw_difficulty_of_target(&target);
        assert_u256(&got, &want);
    }
}

/* The block's own time and the window play no part. */
static posw_u256 next_after(const posw_params *p, uint64_t parent_number, uint64_t parent_time) {
    const posw_header parent = {.number = parent_number, .timestamp = parent_time};
    return posw_difficulty_next(p, NULL, &parent, 0);
}

/* D1, D2 from a chain's parameters: genesis is the anchor. */
static void test_next(void **state) {
    (void)state;
    posw_params p = made_params();
    p.difficulty_rule = POSW_DIFFICULTY_ASERT;
    p.difficulty_blocks = 144;
    p.genesis_difficulty = u64(1000000);
    const posw_u256 anchor = posw_difficulty_of_target(&p.genesis_difficulty);
    uint64_t seed = 6;
    for (int i = 0; i < 300; i++) {
        const uint64_t n = random_below(&seed, 10000), t = p.genesis_time + random_below(&seed, 300000);
        const int64_t late = (int64_t)(t - p.genesis_time) - (int64_t)(15 * n);
        const posw_u256 target = slow_asert(&anchor, late, 144 * 15);
        const posw_u256 want = posw_difficulty_of_target(&target), got = next_after(&p, n, t);
        assert_u256(&got, &want);
    }
    posw_u256 d = next_after(&p, 0, p.genesis_time);
    assert_u256_is(&d, 1000000);
    d = next_after(&p, 1440, p.genesis_time + 1440 * 15);
    assert_u256_is(&d, 1000000);
    d = next_after(&p, UINT64_MAX, 0); /* far too early: as hard as can be */
    assert_u256(&d, &POSW_U256_MAX);
    d = next_after(&p, 0, UINT64_MAX);
    assert_u256_is(&d, 1);
}

/* ---- a chain with its window ---- */

typedef struct {
    posw_params params;
    posw_window *window;
    posw_header parent;
} branch;

static void extend(branch *b, uint64_t timestamp) {
    if (posw_window_count(b->window) > 0) b->parent.number++;
    b->parent.timestamp = timestamp;
    posw_window_push(b->window, &(posw_window_entry){.timestamp = timestamp});
}

static posw_u256 next_of(const branch *b) {
    return posw_difficulty_next(&b->params, b->window, &b->parent, 0);
}

/* `blocks` in time after genesis. free(b.window). */
static branch in_time(enum posw_difficulty_rule rule, uint64_t half_life_blocks, uint64_t blocks) {
    branch b = {.params = made_params()};
    b.params.difficulty_rule = rule;
    b.params.difficulty_blocks = half_life_blocks;
    b.params.genesis_difficulty = power_of_two(40);
    const size_t size = (posw_window_size(b.params.window_blocks, 0) + 15) / 16 * 16;
    void *memory = aligned_alloc(16, size);
    assert_non_null(memory);
    b.window = posw_window_init(memory, b.params.window_blocks, 0, UINT64_MAX);
    for (uint64_t i = 0; i <= blocks; i++)
        extend(&b, b.params.genesis_time + i * b.params.block_time_s);
    return b;
}

/* Blocks a second apart, after a parent in time, that outweigh `blocks` in time (F1, which counts difficulty). */
static uint64_t hasty_blocks(enum posw_difficulty_rule rule, uint64_t half_life_blocks, uint64_t blocks) {
    branch b = in_time(rule, half_life_blocks, 5000);
    const posw_u256 first = next_of(&b), goal = times(&first, blocks);
    posw_u256 weight = POSW_U256_ZERO;
    uint64_t count = 0;
    for (; posw_u256_cmp(&weight, &goal) < 0; count++) {
        const posw_u256 d = next_of(&b);
        weight = plus(&weight, &d);
        extend(&b, b.parent.timestamp + 1); /* T1 asks no more */
    }
    free(b.window);
    return count;
}

/* What doc/evidence.md does not promise: haste raises the difficulty of a branch that nobody sees yet, so that its
 * boosted blocks, each of which uses one ticket (W4), outweigh a greater number of others. Not so under asert-lag as
 * long as the branch is shorter than its lag; beyond, less. */
static void test_hasty_branch(void **state) {
    (void)state;
    const enum posw_difficulty_rule asert = POSW_DIFFICULTY_ASERT, lagged = POSW_DIFFICULTY_ASERT_LAG;
    const struct {
        enum posw_difficulty_rule rule;
        uint64_t half_life, blocks, hasty;
    } cases[] = {{asert, 144, 6, 6},        {asert, 144, 60, 54},       {asert, 144, 504, 264},
                 {asert, 144, 2016, 515},   {asert, 1008, 60, 59},      {asert, 1008, 504, 437},
                 {asert, 1008, 2016, 1294}, {lagged, 144, 10, 10},      {lagged, 144, 60, 56},
                 {lagged, 1008, 6, 6},      {lagged, 1008, 60, 60},     {lagged, 1008, 64, 64},
                 {lagged, 1008, 504, 452},  {lagged, 1008, 2016, 1330}, {lagged, 32256, 2016, 2016}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++)
        assert_int_equal(hasty_blocks(cases[i].rule, cases[i].half_life, cases[i].blocks), cases[i].hasty);
}

/* The public chain has lost hash power: at the difficulty of before a block takes it `longer` times as long. Blocks a
 * second apart that outweigh its `blocks` from the `after`-th one on, while the difficulty follows. */
static uint64_t hasty_blocks_of_loss(enum posw_difficulty_rule rule, uint64_t half_life_blocks, uint64_t longer,
                                     uint64_t after, uint64_t blocks) {
    enum { FIRST_BITS = 40 }; /* of in_time() */
    branch public = in_time(rule, half_life_blocks, 5000), secret = in_time(rule, half_life_blocks, 5000);
    const uint64_t start_s = public.parent.timestamp;
    posw_u256 goal = POSW_U256_ZERO, weight = POSW_U256_ZERO;
    uint64_t work = 0, count = 0;
    for (uint64_t i = 0; i < after + blocks; i++) {
        const posw_u256 d = next_of(&public);
        uint64_t units;
        assert_true(posw_u256_to_u64(&units, &d));
        work += units * longer * public.params.block_time_s;
        extend(&public, start_s + (work >> FIRST_BITS));
        if (i < after)
            extend(&secret, public.parent.timestamp);
        else
            goal = plus(&goal, &d);
    }
    for (; posw_u256_cmp(&weight, &goal) < 0; count++) {
        const posw_u256 d = next_of(&secret);
        weight = plus(&weight, &d);
        extend(&secret, secret.parent.timestamp + 1);
    }
    free(public.window);
    free(secret.window);
    return count;
}

/* What doc/evidence.md does not promise either: the branch keeps the difficulty that the public chain loses. Within the
 * lag of asert-lag that tells from a loss of more than half on. */
static void test_hasty_branch_of_loss(void **state) {
    (void)state;
    const enum posw_difficulty_rule asert = POSW_DIFFICULTY_ASERT, lagged = POSW_DIFFICULTY_ASERT_LAG;
    const struct {
        enum posw_difficulty_rule rule;
        uint64_t half_life, longer, after, blocks, hasty;
    } cases[] = {{lagged, 1008, 1, 0, 504, 452},   {lagged, 1008, 2, 0, 60, 60},     {lagged, 1008, 2, 30, 60, 60},
                 {lagged, 1008, 2, 0, 504, 409},   {lagged, 1008, 2, 0, 2016, 1042}, {lagged, 1008, 4, 0, 60, 59},
                 {lagged, 1008, 4, 20, 60, 57},    {lagged, 1008, 4, 0, 504, 340},   {lagged, 1008, 4, 0, 2016, 760},
                 {lagged, 1008, 10, 0, 60, 54},    {lagged, 1008, 10, 8, 60, 51},    {lagged, 1008, 10, 0, 504, 234},
                 {lagged, 1008, 10, 0, 2016, 451}, {asert, 1008, 2, 0, 60, 58},      {asert, 144, 2, 0, 60, 48},
                 {asert, 144, 2, 0, 504, 199}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++)
        assert_int_equal(
            hasty_blocks_of_loss(cases[i].rule, cases[i].half_life, cases[i].longer, cases[i].after, cases[i].blocks),
            cases[i].hasty);
}

/* Whatever the times, D8 gives a difficulty within a sixteenth of a doubling of that of D2: nothing that moves the one
 * moves the other by much more. */
static void test_lag_is_near(void **state) {
    (void)state;
    uint64_t seed = 11;
    for (uint64_t half_life = 16; half_life <= 784; half_life *= 7) {
        branch b = in_time(POSW_DIFFICULTY_ASERT_LAG, half_life, 0);
        posw_params plain = b.params;
        plain.difficulty_rule = POSW_DIFFICULTY_ASERT;
        for (int n = 0; n < 4000; n++) {
            const posw_u256 lagged = next_of(&b), asert = posw_difficulty_next(&plain, NULL, &b.parent, 0),
                            low = times(&asert, 957), high = times(&asert, 1045), middle = times(&lagged, 1000);
            assert_true(posw_u256_cmp(&low, &middle) < 0 && posw_u256_cmp(&middle, &high) < 0);
            const int place = n % 900; /* in time, then in haste, then slow */
            extend(&b, b.parent.timestamp + 1 + random_below(&seed, place < 400 ? 29 : place < 800 ? 2 : 137));
        }
        free(b.window);
    }
}

/* D8, by the words of the protocol. */
static void test_lag(void **state) {
    (void)state;
    static const uint64_t half_lives[] = {15, 16, 100, 1008, 40000, 1 << 24};
    uint64_t seed = 7;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(half_lives); i++) {
        branch b = in_time(POSW_DIFFICULTY_ASERT_LAG, half_lives[i], 0);
        uint64_t times_s[3000] = {b.params.genesis_time};
        const posw_u256 anchor = posw_difficulty_of_target(&b.params.genesis_difficulty);
        const int64_t t = 15, most = (int64_t)(half_lives[i] / 16 < 2016 ? half_lives[i] / 16 : 2016);
        for (int64_t n = 0; n + 1 < (int64_t)POSW_ARRAY_SIZE(times_s); n++) {
            const int64_t lag = most < n ? most : n, late = (int64_t)(times_s[n] - times_s[0]) - t * (n + lag),
                          late_then = (int64_t)(times_s[n - lag] - times_s[0]) - t * (n - lag);
            const posw_u256 target = slow_asert(&anchor, late > late_then ? late : late_then, half_lives[i] * 15);
            const posw_u256 want = posw_difficulty_of_target(&target), got = next_of(&b);
            assert_u256(&got, &want);
            times_s[n + 1] = times_s[n] + 1 + random_below(&seed, random_below(&seed, 50) == 0 ? 900 : 29);
            extend(&b, times_s[n + 1]);
        }
        free(b.window);
    }
}

/* A chain whose hash power has left is not left waiting for the lag to pass: a block that comes late counts at once,
 * but for the lag's own time. Times at the end of all time overflow nothing. */
static void test_lag_of_slow_chains(void **state) {
    (void)state;
    const posw_u256 first = power_of_two(40), half = power_of_two(39);
    branch b = in_time(POSW_DIFFICULTY_ASERT_LAG, 160, 100);
    extend(&b, b.parent.timestamp + 15 + (10 + 160) * 15); /* a half-life more than twice the time of 10 blocks */
    posw_u256 d = next_of(&b);
    assert_u256(&d, &half);
    free(b.window);
    b = in_time(POSW_DIFFICULTY_ASERT_LAG, 160, 100);
    extend(&b, b.parent.timestamp + 15 + 10 * 15); /* not more */
    d = next_of(&b);
    assert_u256(&d, &first);
    extend(&b, UINT64_MAX - 1);
    extend(&b, UINT64_MAX);
    d = next_of(&b);
    assert_u256_is(&d, 1);
    free(b.window);
}

/* D3 */
static void test_fixed(void **state) {
    (void)state;
    posw_params p = made_params();
    p.difficulty_rule = POSW_DIFFICULTY_FIXED;
    p.difficulty_blocks = 0;
    p.genesis_difficulty = u64(77);
    const posw_u256 d = next_after(&p, 123, 0);
    assert_u256_is(&d, 77);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_official_runs),
        cmocka_unit_test(test_against_slow),
        cmocka_unit_test(test_lag),
        cmocka_unit_test(test_lag_of_slow_chains),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_monotone),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_difficulty_of_target),
        cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_hasty_branch),
        cmocka_unit_test(test_hasty_branch_of_loss),
        cmocka_unit_test(test_lag_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
