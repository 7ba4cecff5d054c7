#include "crypto/random.h"

#include "base/bytes.h"
#include "base/test.h"

#include <stdio.h>

static void start(posw_random *r, uint8_t first) {
    uint8_t seed[32] = {first};
    posw_random_init(r, seed);
}

/* The keystream of the original ChaCha20 (64-bit nonce and counter) under the zero key: RFC 7539 A.1 vectors 1 and 2,
 * whose nonce is zero, too. The first 32 bytes are the next key and not drawn. */
static void test_keystream(void **state) {
    (void)state;
    static const uint8_t zero[32];
    uint8_t expected[96], got[96];
    posw_random r;
    assert_true(posw_hex_decode(expected, 96,
                                "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
                                "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
                                "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
                                192));
    posw_random_init(&r, zero);
    posw_random_fill(&r, got, sizeof got);
    assert_memory_equal(got, expected, sizeof got);
}

/* Drawn in pieces or at once, over the ends of blocks, it is the same stream; other seeds and forks give others. */
static void test_streams(void **state) {
    (void)state;
    posw_random a, b;
    uint8_t x[2000], y[2000];
    start(&a, 1);
    start(&b, 1);
    posw_random_fill(&a, x, sizeof x);
    for (size_t at = 0, n = 0; at < sizeof y; at += n, n = (n + 1) % 70) {
        if (n > sizeof y - at) n = sizeof y - at;
        posw_random_fill(&b, y + at, n);
    }
    assert_memory_equal(x, y, sizeof x);
    for (size_t i = 0; i + 8 <= sizeof x; i += 8) /* the key was replaced: no repetition after a block */
        for (size_t k = i + 8; k + 8 <= sizeof x; k += 8)
            assert_memory_not_equal(x + i, x + k, 8);
    start(&b, 2);
    posw_random_fill(&b, y, sizeof y);
    assert_memory_not_equal(x, y, 8);
    posw_random fork;
    posw_random_fork(&fork, &b);
    assert_true(posw_random_u64(&fork) != posw_random_u64(&b));
}

/* Each of n results comes as often as the others: chi-square below a bound that a fair draw passes for this seed. */
static void test_below(void **state) {
    (void)state;
    posw_random r;
    start(&r, 3);
    for (unsigned n = 1; n <= 40; n++) {
        unsigned count[40] = {0};
        const unsigned draws = 2000 * n;
        for (unsigned i = 0; i < draws; i++) {
            const uint64_t v = posw_random_below(&r, n);
            assert_true(v < n);
            count[v]++;
        }
        double chi = 0;
        for (unsigned v = 0; v < n; v++)
            chi += ((double)count[v] - 2000) * ((double)count[v] - 2000) / 2000;
        assert_true(chi < 2.5 * n + 12);
    }
    /* A bound near 2^64 * 2/3: a remainder instead of a fair draw would put half of all results below 2^64 / 3. */
    const uint64_t n = UINT64_MAX / 3 * 2;
    unsigned low = 0;
    for (int i = 0; i < 30000; i++) {
        const uint64_t v = posw_random_below(&r, n);
        assert_true(v < n);
        low += v < n / 2;
    }
    assert_in_range(low, 14500, 15500);
    unsigned chance = 0;
    for (int i = 0; i < 30000; i++)
        chance += posw_random_chance(&r, 1, 10);
    assert_in_range(chance, 2800, 3200);
    assert_false(posw_random_chance(&r, 0, 1));
    assert_true(posw_random_chance(&r, 1, 1));
}

static void test_shuffle(void **state) {
    (void)state;
    posw_random r;
    unsigned orders[6] = {0};
    start(&r, 4);
    for (int i = 0; i < 12000; i++) {
        uint16_t v[3] = {0, 1, 2};
        posw_random_shuffle(&r, v, 3, sizeof *v);
        assert_true(v[0] + v[1] + v[2] == 3 && v[0] != v[1] && v[1] != v[2] && v[0] != v[2]);
        orders[2 * v[0] + (v[1] > v[2])]++;
    }
    for (int i = 0; i < 6; i++)
        assert_in_range(orders[i], 1800, 2200);
    posw_random_shuffle(&r, NULL, 0, 8);
}

/* Mean, median (ln 2), and the share above three means (e^-3). */
static void test_interval(void **state) {
    (void)state;
    posw_random r;
    start(&r, 5);
    const uint64_t mean = 1000000;
    uint64_t sum = 0;
    unsigned below_median = 0, above_three = 0;
    const unsigned draws = 100000;
    for (unsigned i = 0; i < draws; i++) {
        const uint64_t v = posw_random_interval(&r, mean);
        sum += v;
        below_median += v < 693147;
        above_three += v > 3 * mean;
        assert_true(v <= 45 * mean);
    }
    assert_in_range(sum / draws, mean * 99 / 100, mean * 101 / 100);
    assert_in_range(below_median, draws / 2 - 600, draws / 2 + 600);
    assert_in_range(above_three, draws * 0.0498 - 300, draws * 0.0498 + 300);
    assert_int_equal(posw_random_interval(&r, 0), 0);
    assert_true(posw_random_interval(&r, 1ULL << 50) <= 45ULL << 50);
}

/* Every draw is the logarithm that floating point gives: the generator is steered by its block. */
static void test_logarithm(void **state) {
    (void)state;
    static const struct {
        uint64_t u, out; /* -ln(u / 2^64) * 10^12, by Python's decimal with 50 digits */
    } cases[] = {{1, 44361419555836},
                 {3, 43262807267168},
                 {0x8000000000000001, 693147180559},
                 {0xffffffffffffffff, 0},
                 {0xc000000000000001, 287682072451},
                 {0x123456789abcdef1, 2643511679964}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        posw_random r;
        start(&r, 6);
        posw_store_le64(r.block + r.used, cases[i].u);
        const uint64_t v = posw_random_interval(&r, 1000000000000);
        const uint64_t error = v > cases[i].out ? v - cases[i].out : cases[i].out - v;
        if (error > 1000 * 45) fail_msg("%zu: %llu", i, (unsigned long long)v);
    }
}

static void zero_below(void *arg) {
    (void)posw_random_below(arg, 0);
}
static void wide_shuffle(void *arg) {
    uint8_t items[600] = {0};
    posw_random_shuffle(arg, items, 2, 257);
}
static void test_bugs(void **state) {
    (void)state;
    posw_random r;
    start(&r, 7);
    assert_true(test_aborts(zero_below, &r));
    assert_true(test_aborts(wide_shuffle, &r));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keystream), cmocka_unit_test(test_streams),  cmocka_unit_test(test_below),
        cmocka_unit_test(test_shuffle),   cmocka_unit_test(test_interval), cmocka_unit_test(test_logarithm),
        cmocka_unit_test(test_bugs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
