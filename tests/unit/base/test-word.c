/* Words: both ways of multiplying and dividing against plain long arithmetic, bit by bit. */
#include "base/word.h"

#include "base/random.h"
#include "base/test.h"

/* Words with long runs of equal bits, where carries go wrong, and plain random ones. */
static uint64_t some_word(uint64_t *seed) {
    const uint64_t kind = random_below(seed, 4), shift = random_below(seed, 64);
    if (kind == 0) return random_next(seed);
    if (kind == 1) return UINT64_MAX >> shift;
    if (kind == 2) return UINT64_MAX << shift;
    return ((uint64_t)1 << shift) + random_below(seed, 3) - 1;
}

static uint64_t slow_mul(uint64_t *high, uint64_t a, uint64_t b) {
    uint64_t low = 0;
    *high = 0;
    for (int bit = 63; bit >= 0; bit--) {
        *high = *high << 1 | low >> 63;
        low <<= 1;
        if ((b >> bit & 1) == 0) continue;
        low += a;
        *high += low < a;
    }
    return low;
}

static uint64_t slow_div(uint64_t *rest, uint64_t hi, uint64_t lo, uint64_t d) {
    uint64_t q = 0;
    for (int bit = 63; bit >= 0; bit--) {
        const bool over = hi >> 63 != 0;
        hi = hi << 1 | (lo >> bit & 1);
        q <<= 1;
        if (!over && hi < d) continue;
        hi -= d;
        q |= 1;
    }
    *rest = hi;
    return q;
}

static void test_mul(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 200000; i++) {
        const uint64_t a = some_word(&seed), b = some_word(&seed), c = some_word(&seed), d = some_word(&seed);
        uint64_t high, high_halves, want_high;
        const uint64_t low = posw_word_mul(&high, a, b), low_halves = posw_word_mul_halves(&high_halves, a, b);
        uint64_t want = slow_mul(&want_high, a, b);
        assert_true(low == want && high == want_high && low_halves == want && high_halves == want_high);
        uint64_t carry = d;
        const uint64_t sum = posw_word_mul_add(&carry, a, b, c);
        want += c;
        want_high += want < c;
        want += d;
        want_high += want < d;
        assert_true(sum == want && carry == want_high);
    }
}

static void test_add_and_sub(void **state) {
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < 200000; i++) {
        const uint64_t a = some_word(&seed), b = some_word(&seed), in = random_below(&seed, 2);
        uint64_t carry = in, borrow = in;
        const uint64_t sum = posw_word_add(&carry, a, b), difference = posw_word_sub(&borrow, a, b);
        assert_true(sum == a + b + in && difference == a - b - in);
        assert_true(carry == (in == 0 ? sum < a : sum <= a));
        assert_true(borrow == (in == 0 ? a < b : a <= b));
    }
}

static void test_div(void **state) {
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 200000; i++) {
        const uint64_t d = some_word(&seed), lo = some_word(&seed), any = some_word(&seed);
        if (d == 0) continue;
        const uint64_t hi = i % 4 == 0 ? d - 1 : any % d;
        uint64_t rest, rest_halves, want_rest;
        const uint64_t q = posw_word_div(&rest, hi, lo, d), q_halves = posw_word_div_halves(&rest_halves, hi, lo, d);
        const uint64_t want = slow_div(&want_rest, hi, lo, d);
        assert_true(q == want && rest == want_rest && q_halves == want && rest_halves == want_rest);
    }
}

static void test_muldiv(void **state) {
    (void)state;
    uint64_t seed = 4;
    size_t saturated = 0;
    for (int i = 0; i < 100000; i++) {
        const uint64_t a = some_word(&seed), b = some_word(&seed), d = some_word(&seed);
        if (d == 0) continue;
        uint64_t high, rest;
        const uint64_t low = slow_mul(&high, a, b);
        const uint64_t want = high >= d ? UINT64_MAX : slow_div(&rest, high, low, d);
        assert_true(posw_word_muldiv(a, b, d) == want);
        saturated += high >= d;
    }
    assert_true(saturated > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mul),
        cmocka_unit_test(test_add_and_sub),
        cmocka_unit_test(test_div),
        cmocka_unit_test(test_muldiv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
