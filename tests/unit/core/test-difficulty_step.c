/* Difficulty one step from the parent's: homestead (D6) with Ethereum's official tests, step (D7). */
#include "posw/difficulty.h"

#include "core/made.h"
#include "core/slow.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- Ethereum's tests ---- */

typedef struct {
    uint64_t number, parent_time, uncles, time;
    posw_u256 parent, difficulty;
} row;

static bool read_row(row *r, FILE *f) {
    char parent[80], difficulty[80];
    const int n = fscanf(f, "%" SCNu64 " %79s %" SCNu64 " %" SCNu64 " %" SCNu64 " %79s", &r->number, parent,
                         &r->parent_time, &r->uncles, &r->time, difficulty);
    if (n == EOF) return false;
    assert_int_equal(n, 6);
    assert_true(posw_u256_parse(&r->parent, parent, strlen(parent)));
    assert_true(posw_u256_parse(&r->difficulty, difficulty, strlen(difficulty)));
    return true;
}

/* The difficulty bomb, which this chain does not have. */
static posw_u256 bomb(uint64_t number, uint64_t delay) {
    const uint64_t period = number > delay ? (number - delay) / 100000 : 0;
    return period > 1 ? power_of_two((unsigned)period - 2) : POSW_U256_ZERO;
}

typedef struct {
    const char *name;
    bool counts_uncles;
    uint64_t bucket_s, bomb_delay;
    int exact, beyond; /* rows that the function can express, and others */
} official;

/* From Byzantium on a parent with uncles counts one bucket more: max(2 - k, -99). For k >= 1 that is a block that came
 * a bucket earlier; for k = 0 it is a step of two up, which the rule without uncles does not have. */
static void check_official(const official *o) {
    const posw_u256 floor = u64(131072);
    char path[1024];
    row r;
    int exact = 0, beyond = 0;
    snprintf(path, sizeof path, POSW_VECTORS "/difficulty/%s.txt", o->name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (read_row(&r, f)) {
        uint64_t elapsed = r.time - r.parent_time;
        const bool uncles = o->counts_uncles && r.uncles != 0;
        if (uncles && elapsed < o->bucket_s) {
            beyond++;
            continue;
        }
        if (uncles) elapsed -= o->bucket_s;
        const posw_u256 extra = bomb(r.number, o->bomb_delay),
                        base = posw_difficulty_homestead(&r.parent, elapsed, o->bucket_s, &floor),
                        got = plus(&base, &extra);
        assert_u256(&got, &r.difficulty);
        exact++;
    }
    fclose(f);
    assert_int_equal(exact, o->exact);
    assert_int_equal(beyond, o->beyond);
}

static void test_official(void **state) {
    (void)state;
    static const official all[] = {{"homestead", false, 10, 0, 2254, 0},
                                   {"byzantium", true, 9, 2999999, 2009, 245},
                                   {"arrow-glacier", true, 9, 10699999, 403, 1}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(all); i++)
        check_official(&all[i]);
}

/* ---- by the words of the protocol ---- */

static posw_u256 clamp_slow(const slow *v, const posw_u256 *floor) {
    bool fits;
    const posw_u256 low = slow_low(v, &fits);
    if (!fits) return POSW_U256_MAX;
    return posw_u256_cmp(&low, floor) < 0 ? *floor : low;
}

/* a + up * (a / parts), or minus down * (a / parts) */
static posw_u256 slow_step(const posw_u256 *a, uint64_t parts, uint64_t up, uint64_t down, const posw_u256 *floor) {
    const slow base = slow_of(a), part = slow_div_u64(&base, parts), u = slow_u64(up), d = slow_u64(down),
               plus_part = slow_mul(&part, &u), minus_part = slow_mul(&part, &d);
    slow sum = slow_add(&base, &plus_part);
    sum = slow_sub(&sum, &minus_part);
    return clamp_slow(&sum, floor);
}

static posw_u256 slow_homestead(const posw_params *p, const posw_header *parent, uint64_t t) {
    const uint64_t b = 6931 * p->block_time_s / 10000 == 0 ? 1 : 6931 * p->block_time_s / 10000;
    const uint64_t k = (t - parent->timestamp) / b;
    const posw_u256 limit = u64(131072),
                    floor = posw_u256_cmp(&p->genesis_difficulty, &limit) < 0 ? p->genesis_difficulty : limit;
    return slow_step(&parent->difficulty, 2048, k == 0, k == 0 ? 0 : k > 100 ? 99 : k - 1, &floor);
}

static posw_u256 slow_d7(const posw_params *p, const posw_header *parent, uint64_t t) {
    const bool up = t - parent->timestamp < p->block_time_s;
    const posw_u256 limit = u64(65536),
                    floor = posw_u256_cmp(&p->genesis_difficulty, &limit) < 0 ? p->genesis_difficulty : limit;
    return slow_step(&parent->difficulty, 10, up, !up, &floor);
}

static void test_against_slow(void **state) {
    (void)state;
    uint64_t seed = 21;
    posw_params p = made_params();
    for (int i = 0; i < 1500; i++) {
        p.block_time_s = 1 + random_below(&seed, i % 2 == 0 ? 20 : 3600);
        p.genesis_difficulty = plus(&POSW_U256_ONE, (posw_u256[]){random_u256(&seed, 30)});
        const posw_header parent = {.number = random_below(&seed, 1000000),
                                    .timestamp = random_below(&seed, 1000000),
                                    .difficulty = plus(&POSW_U256_ONE, (posw_u256[]){random_u256(&seed, 255)})};
        const uint64_t elapsed = 1 + random_below(&seed, 3 * p.block_time_s * (i % 3 == 0 ? 40 : 1));
        const uint64_t t = parent.timestamp + elapsed;
        p.difficulty_rule = POSW_DIFFICULTY_HOMESTEAD;
        posw_u256 got = posw_difficulty_next(&p, NULL, &parent, t), want = slow_homestead(&p, &parent, t);
        assert_u256(&got, &want);
        p.difficulty_rule = POSW_DIFFICULTY_STEP;
        got = posw_difficulty_next(&p, NULL, &parent, t);
        want = slow_d7(&p, &parent, t);
        assert_u256(&got, &want);
    }
}

/* ---- chosen values ---- */

static uint64_t next_of(posw_params *p, uint64_t parent, uint64_t elapsed) {
    const posw_header h = {.number = 9, .timestamp = 1000, .difficulty = u64(parent)};
    const posw_u256 next = posw_difficulty_next(p, NULL, &h, 1000 + elapsed);
    uint64_t out;
    assert_true(posw_u256_to_u64(&out, &next));
    return out;
}

static void test_step_sequence(void **state) {
    (void)state;
    static const uint64_t elapsed[] = {1, 1, 20, 15, 14, 15};
    static const uint64_t want[] = {1100000, 1210000, 1089000, 980100, 1078110, 970299};
    posw_params p = made_params();
    p.difficulty_rule = POSW_DIFFICULTY_STEP;
    p.genesis_difficulty = u64(1000000);
    uint64_t d = 1000000;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(want); i++) {
        d = next_of(&p, d, elapsed[i]);
        assert_int_equal(d, want[i]);
    }
    assert_int_equal(next_of(&p, 65540, 15), 65536); /* the floor */
    assert_int_equal(next_of(&p, 3, 15), 65536);
    assert_int_equal(next_of(&p, 1000000, 0), 1100000);
    p.genesis_difficulty = u64(1); /* a floor of its own */
    assert_int_equal(next_of(&p, 19, 15), 18);
    assert_int_equal(next_of(&p, 9, 15), 9);
    assert_int_equal(next_of(&p, 9, 1), 9);
    assert_int_equal(next_of(&p, 1, 15), 1);
}

static void test_homestead_buckets(void **state) {
    (void)state;
    posw_params p = made_params();
    p.difficulty_rule = POSW_DIFFICULTY_HOMESTEAD;
    p.genesis_difficulty = u64(1000000);
    const uint64_t d = 2048000;
    assert_int_equal(next_of(&p, d, 1), d + 1000); /* T = 15: buckets of 10 s */
    assert_int_equal(next_of(&p, d, 9), d + 1000);
    assert_int_equal(next_of(&p, d, 10), d);
    assert_int_equal(next_of(&p, d, 19), d);
    assert_int_equal(next_of(&p, d, 20), d - 1000);
    assert_int_equal(next_of(&p, d, 1000), d - 99000);
    assert_int_equal(next_of(&p, d, 999), d - 98000);
    assert_int_equal(next_of(&p, d, UINT32_MAX), d - 99000);
    assert_int_equal(next_of(&p, 131072, 20), 131072);
    assert_int_equal(next_of(&p, 131136, 20), 131072);
    assert_int_equal(next_of(&p, 2047, 1), 131072);
    p.genesis_difficulty = u64(700);
    assert_int_equal(next_of(&p, 2047, 1), 2047);
    assert_int_equal(next_of(&p, 2048, 5000), 2048 - 99);
    assert_int_equal(next_of(&p, 700, 5000), 700);
    p.block_time_s = 1; /* buckets of a second */
    assert_int_equal(next_of(&p, d, 1), d);
    assert_int_equal(next_of(&p, d, 2), d - 1000);
    p.block_time_s = 14; /* 9.7 s, rounded down */
    assert_int_equal(next_of(&p, d, 8), d + 1000);
    assert_int_equal(next_of(&p, d, 9), d);
}

/* A time that T1 forbids is no trap. */
static void test_extremes(void **state) {
    (void)state;
    posw_params p = made_params();
    posw_header parent = {.number = UINT64_MAX - 1, .timestamp = 1000, .difficulty = POSW_U256_MAX};
    static const enum posw_difficulty_rule rules[] = {POSW_DIFFICULTY_HOMESTEAD, POSW_DIFFICULTY_STEP};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(rules); i++) {
        p.difficulty_rule = rules[i];
        const posw_u256 soon = posw_difficulty_next(&p, NULL, &parent, 1001),
                        same = posw_difficulty_next(&p, NULL, &parent, 1000),
                        before = posw_difficulty_next(&p, NULL, &parent, 0),
                        never = posw_difficulty_next(&p, NULL, &parent, UINT64_MAX);
        assert_u256(&soon, &POSW_U256_MAX);
        assert_u256(&same, &POSW_U256_MAX);
        assert_u256(&before, &POSW_U256_MAX);
        assert_true(posw_u256_cmp(&never, &POSW_U256_MAX) < 0 && posw_u256_bits(&never) == 256);
    }
}

static void no_bucket(void *arg) {
    posw_difficulty_homestead(arg, 1, 0, arg);
}

static void test_bugs_stop(void **state) {
    (void)state;
    posw_u256 d = u64(1000);
    assert_true(test_aborts(no_bucket, &d));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_official),      cmocka_unit_test(test_against_slow),
        cmocka_unit_test(test_step_sequence), cmocka_unit_test(test_homestead_buckets),
        cmocka_unit_test(test_extremes),      cmocka_unit_test(test_bugs_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
