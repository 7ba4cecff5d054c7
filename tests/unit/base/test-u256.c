/* u256 against a slow big integer: base 2^16 digits, schoolbook products, division by shift and subtract. */
#include "posw/u256.h"

#include "base/random.h"
#include "base/test.h"

#include <string.h>

enum { DIGITS = 40 }; /* 640 bits */
typedef struct {
    uint32_t d[DIGITS]; /* each below 2^16, lowest first */
} big;

static big big_of(const posw_u256 *v) {
    big out = {{0}};
    for (int i = 0; i < 16; i++)
        out.d[i] = (uint32_t)(v->w[i / 4] >> (16 * (i % 4)) & 0xffff);
    return out;
}

static posw_u256 big_to_u256(const big *b, int first_digit) {
    posw_u256 v = {{0}};
    for (int i = 0; i < 16; i++)
        v.w[i / 4] |= (uint64_t)b->d[first_digit + i] << (16 * (i % 4));
    return v;
}

static bool big_fits(const big *b) {
    for (int i = 16; i < DIGITS; i++)
        if (b->d[i] != 0) return false;
    return true;
}

static int big_cmp(const big *a, const big *b) {
    for (int i = DIGITS - 1; i >= 0; i--)
        if (a->d[i] != b->d[i]) return a->d[i] < b->d[i] ? -1 : 1;
    return 0;
}

static big big_add(const big *a, const big *b) {
    big out;
    uint32_t carry = 0;
    for (int i = 0; i < DIGITS; i++) {
        uint32_t t = a->d[i] + b->d[i] + carry;
        out.d[i] = t & 0xffff;
        carry = t >> 16;
    }
    return out;
}

static big big_sub(const big *a, const big *b) { /* a >= b */
    big out;
    uint32_t borrow = 0;
    for (int i = 0; i < DIGITS; i++) {
        uint32_t t = a->d[i] + 0x10000 - b->d[i] - borrow;
        out.d[i] = t & 0xffff;
        borrow = 1 - (t >> 16);
    }
    return out;
}

static big big_mul(const big *a, const big *b) { /* operands of 20 digits at most */
    big out = {{0}};
    for (int i = 0; i < DIGITS / 2; i++) {
        uint32_t carry = 0;
        for (int j = 0; i + j < DIGITS; j++) {
            uint32_t t = a->d[i] * b->d[j] + out.d[i + j] + carry;
            out.d[i + j] = t & 0xffff;
            carry = t >> 16;
        }
    }
    return out;
}

static void big_divmod(big *q, big *r, const big *n, const big *d) {
    *q = (big){{0}};
    *r = (big){{0}};
    int digits = DIGITS;
    while (digits > 0 && n->d[digits - 1] == 0)
        digits--;
    for (int bit = 16 * digits - 1; bit >= 0; bit--) {
        *r = big_add(r, r);
        r->d[0] |= n->d[bit / 16] >> (bit % 16) & 1;
        if (big_cmp(r, d) >= 0) {
            *r = big_sub(r, d);
            q->d[bit / 16] |= 1u << (bit % 16);
        }
    }
}

static const uint64_t edge_words[] = {
    0, 1, 2, UINT64_MAX, UINT64_MAX - 1, (uint64_t)1 << 63, ((uint64_t)1 << 63) - 1, 1u << 31};

/* Values with the shapes at which word arithmetic goes wrong: short, all ones, powers of two and their neighbours. */
static posw_u256 random_u256(uint64_t *seed) {
    posw_u256 v = {{0}};
    int words = (int)random_below(seed, 5);
    bool edges = random_below(seed, 2) == 0;
    for (int i = 0; i < words; i++)
        v.w[i] = edges ? edge_words[random_below(seed, POSW_ARRAY_SIZE(edge_words))] : random_next(seed);
    if (words > 0 && random_below(seed, 3) == 0) v.w[words - 1] >>= random_below(seed, 64);
    return v;
}

static void assert_u256(const posw_u256 *a, const posw_u256 *b) {
    assert_memory_equal(a, b, sizeof *a);
}

static const posw_u256 canary = {{0x1111, 0x2222, 0x3333, 0x4444}};

static void check_sums(const posw_u256 *a, const posw_u256 *b) {
    big x = big_of(a), y = big_of(b), sum = big_add(&x, &y);
    posw_u256 expected = big_to_u256(&sum, 0), out = canary, sat = posw_u256_add_sat(a, b);
    assert_int_equal(posw_u256_add(&out, a, b), big_fits(&sum));
    assert_u256(&out, big_fits(&sum) ? &expected : &canary);
    assert_u256(&sat, big_fits(&sum) ? &expected : &POSW_U256_MAX);

    out = *a; /* the output may be an input */
    assert_int_equal(posw_u256_add(&out, &out, b), big_fits(&sum));
    assert_u256(&out, big_fits(&sum) ? &expected : a);

    int order = big_cmp(&x, &y);
    int got = posw_u256_cmp(a, b);
    assert_int_equal((got > 0) - (got < 0), order);
    assert_int_equal(posw_u256_equal(a, b), order == 0);
    out = canary;
    sat = posw_u256_sub_sat(a, b);
    assert_int_equal(posw_u256_sub(&out, a, b), order >= 0);
    if (order >= 0) {
        big difference = big_sub(&x, &y);
        expected = big_to_u256(&difference, 0);
        assert_u256(&out, &expected);
        assert_u256(&sat, &expected);
    } else {
        assert_u256(&out, &canary);
        assert_u256(&sat, &POSW_U256_ZERO);
    }
}

static void check_products(const posw_u256 *a, const posw_u256 *b) {
    big x = big_of(a), y = big_of(b), product = big_mul(&x, &y);
    posw_u256 low = big_to_u256(&product, 0), high = big_to_u256(&product, 16), hi, lo, out = canary;
    posw_u256_mul_full(&hi, &lo, a, b);
    assert_u256(&hi, &high);
    assert_u256(&lo, &low);
    assert_int_equal(posw_u256_mul(&out, a, b), big_fits(&product));
    assert_u256(&out, big_fits(&product) ? &low : &canary);

    posw_u256 alias_a = *a, alias_b = *b;
    posw_u256_mul_full(&alias_a, &alias_b, &alias_a, &alias_b);
    assert_u256(&alias_a, &high);
    assert_u256(&alias_b, &low);

    const posw_u256 word = posw_u256_from_u64(b->w[0]);
    posw_u256 by_word = canary, by_u256 = canary;
    assert_int_equal(posw_u256_mul_u64(&by_word, a, b->w[0]), posw_u256_mul(&by_u256, a, &word));
    assert_u256(&by_word, &by_u256);
}

static void check_quotients(const posw_u256 *a, const posw_u256 *b, const posw_u256 *d) {
    if (posw_u256_is_zero(d)) return;
    big x = big_of(a), y = big_of(b), z = big_of(d), q, r, product = big_mul(&x, &y);
    posw_u256 quotient, rest, alias = *a, out = canary;
    big_divmod(&q, &r, &x, &z);
    const posw_u256 expected_q = big_to_u256(&q, 0), expected_r = big_to_u256(&r, 0);
    posw_u256_divmod(&quotient, &rest, a, d);
    assert_u256(&quotient, &expected_q);
    assert_u256(&rest, &expected_r);
    posw_u256_divmod(&alias, NULL, &alias, d);
    assert_u256(&alias, &expected_q);
    alias = *d;
    posw_u256_divmod(NULL, &alias, a, &alias);
    assert_u256(&alias, &expected_r);
    if (d->w[0] != 0) {
        const posw_u256 word = posw_u256_from_u64(d->w[0]);
        posw_u256_divmod(&quotient, NULL, a, &word);
        posw_u256 by_word = posw_u256_div_u64(a, d->w[0]);
        assert_u256(&by_word, &quotient);
    }

    big_divmod(&q, &r, &product, &z);
    const posw_u256 expected = big_to_u256(&q, 0);
    assert_int_equal(posw_u256_muldiv(&out, a, b, d), big_fits(&q));
    assert_u256(&out, big_fits(&q) ? &expected : &canary);

    const posw_u256 product_rest = big_to_u256(&r, 0);
    posw_u256 high, low;
    posw_u256_mul_full(&high, &low, a, b);
    assert_int_equal(posw_u256_cmp(&high, d) < 0, big_fits(&q));
    if (!big_fits(&q)) return;
    posw_u256_div_full(&quotient, &rest, &high, &low, d);
    assert_u256(&quotient, &expected);
    assert_u256(&rest, &product_rest);
    posw_u256_div_full(&high, NULL, &high, &low, d);
    assert_u256(&high, &expected);
}

static void check_shifts(const posw_u256 *a, unsigned bits) {
    posw_u256 power = POSW_U256_ZERO, quotient, high, low, out = canary;
    power.w[bits / 64] = (uint64_t)1 << (bits % 64);
    posw_u256_divmod(&quotient, NULL, a, &power);
    posw_u256_mul_full(&high, &low, a, &power);
    posw_u256 right = posw_u256_shr(a, bits), left = posw_u256_shl(a, bits);
    assert_u256(&right, &quotient);
    assert_u256(&left, &low);
    assert_int_equal(posw_u256_shl_checked(&out, a, bits), posw_u256_is_zero(&high));
    assert_u256(&out, posw_u256_is_zero(&high) ? &low : &canary);
}

/* root^2 <= v < (root + 1)^2 */
static void check_root(const posw_u256 *v) {
    const posw_u256 root = posw_u256_isqrt(v);
    big x = big_of(&root), n = big_of(v), one = big_of(&POSW_U256_ONE), next = big_add(&x, &one);
    big square = big_mul(&x, &x), next_square = big_mul(&next, &next);
    assert_true(big_cmp(&square, &n) <= 0);
    assert_true(big_cmp(&next_square, &n) > 0);
}

static void check_text(const posw_u256 *v) {
    char dec[POSW_U256_DEC_SIZE], hex[POSW_U256_HEX_SIZE];
    posw_u256 out = canary;
    size_t n = posw_u256_to_dec(dec, v);
    assert_int_equal(strlen(dec), n);
    assert_true(n == 1 || dec[0] != '0');
    assert_true(posw_u256_parse(&out, dec, n));
    assert_u256(&out, v);
    n = posw_u256_to_hex(hex, v);
    assert_int_equal(strlen(hex), n);
    assert_true(n == 3 || hex[2] != '0');
    out = canary;
    assert_true(posw_u256_parse(&out, hex, n));
    assert_u256(&out, v);
}

static void check_bytes(const posw_u256 *v) {
    uint8_t be[32], le[32];
    posw_u256_to_be(be, v);
    for (int i = 0; i < 32; i++) {
        le[i] = be[31 - i];
        assert_int_equal(le[i], (uint8_t)(v->w[i / 8] >> (8 * (i % 8))));
    }
    posw_u256 from_be = posw_u256_from_be(be), from_le = posw_u256_from_le(le), slice = canary;
    assert_u256(&from_be, v);
    assert_u256(&from_le, v);
    size_t size = (posw_u256_bits(v) + 7) / 8;
    assert_true(posw_u256_from_be_slice(&slice, be + 32 - size, size));
    assert_u256(&slice, v);
}

static void test_random(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 3000; i++) {
        const posw_u256 a = random_u256(&seed), b = random_u256(&seed), d = random_u256(&seed);
        check_sums(&a, &b);
        check_products(&a, &b);
        check_quotients(&a, &b, &d);
        check_shifts(&a, (unsigned)random_below(&seed, 256));
        check_root(&a);
        check_text(&a);
        check_bytes(&a);
    }
}

/* Dividends of edge words (every third of all) over divisors of edge words in every length, so that each quotient
 * estimate that is too large is met. */
static void test_division_edges(void **state) {
    (void)state;
    enum { EDGES = sizeof edge_words / sizeof edge_words[0] };
    for (unsigned i = 0; i < EDGES * EDGES * EDGES * EDGES; i += 3) {
        const posw_u256 n = {{edge_words[i % EDGES], edge_words[i / EDGES % EDGES],
                              edge_words[i / EDGES / EDGES % EDGES], edge_words[i / EDGES / EDGES / EDGES]}};
        for (int words = 1; words <= 4; words++) {
            posw_u256 d = {{0}};
            for (int k = 0; k < words; k++)
                d.w[k] = edge_words[(i * 7 + i / (EDGES << k) + (unsigned)(3 * k)) % EDGES];
            check_quotients(&n, &POSW_U256_MAX, &d);
        }
    }
}

/* Dividends built as q * d + r with r near d: the correction steps of long division. */
static void test_division_inverse(void **state) {
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < 100000; i++) {
        posw_u256 d = random_u256(&seed), q = random_u256(&seed), n, r, got_q, got_r;
        if (posw_u256_is_zero(&d)) continue;
        r = posw_u256_sub_sat(&d, &POSW_U256_ONE);
        if (!posw_u256_mul(&n, &q, &d) || !posw_u256_add(&n, &n, &r)) continue;
        posw_u256_divmod(&got_q, &got_r, &n, &d);
        assert_u256(&got_q, &q);
        assert_u256(&got_r, &r);
    }
}

static void test_muldiv_512(void **state) {
    (void)state;
    posw_u256 out = canary;
    assert_true(posw_u256_muldiv(&out, &POSW_U256_MAX, &POSW_U256_MAX, &POSW_U256_MAX));
    assert_u256(&out, &POSW_U256_MAX);
    const posw_u256 less = posw_u256_sub_sat(&POSW_U256_MAX, &POSW_U256_ONE);
    out = canary;
    assert_false(posw_u256_muldiv(&out, &POSW_U256_MAX, &POSW_U256_MAX, &less));
    assert_u256(&out, &canary);
    assert_false(posw_u256_muldiv(&out, &POSW_U256_MAX, &POSW_U256_MAX, &POSW_U256_ONE));
    assert_true(posw_u256_muldiv(&out, &POSW_U256_ZERO, &POSW_U256_MAX, &POSW_U256_ONE));
    assert_true(posw_u256_is_zero(&out));
}

static void test_roots(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 5000; i++) {
        const posw_u256 v = posw_u256_from_u64(i);
        check_root(&v);
    }
    for (unsigned bits = 1; bits < 256; bits++) { /* 2^bits and its neighbours */
        const posw_u256 v = posw_u256_shl(&POSW_U256_ONE, bits);
        const posw_u256 below = posw_u256_sub_sat(&v, &POSW_U256_ONE), above = posw_u256_add_sat(&v, &POSW_U256_ONE);
        check_root(&v);
        check_root(&below);
        check_root(&above);
    }
    const posw_u256 root = posw_u256_isqrt(&POSW_U256_MAX);
    assert_u256(&root, &((posw_u256){{UINT64_MAX, UINT64_MAX, 0, 0}}));
}

static void test_bits(void **state) {
    (void)state;
    assert_int_equal(posw_u256_bits(&POSW_U256_ZERO), 0);
    assert_int_equal(posw_u256_bits(&POSW_U256_MAX), 256);
    for (unsigned bits = 0; bits < 256; bits++) {
        const posw_u256 v = posw_u256_shl(&POSW_U256_ONE, bits);
        uint64_t small = 42;
        assert_int_equal(posw_u256_bits(&v), bits + 1);
        assert_false(posw_u256_is_zero(&v));
        assert_int_equal(posw_u256_to_u64(&small, &v), bits < 64);
        assert_true(small == (bits < 64 ? (uint64_t)1 << bits : 42));
        check_shifts(&POSW_U256_MAX, bits);
    }
    const posw_u256 v = posw_u256_from_u128(7, 9);
    assert_u256(&v, &((posw_u256){{9, 7, 0, 0}}));
}

static void test_slices(void **state) {
    (void)state;
    const uint8_t bytes[33] = {0, 0, 1, 2};
    posw_u256 out = canary;
    assert_false(posw_u256_from_be_slice(&out, bytes, 33));
    assert_u256(&out, &canary);
    assert_true(posw_u256_from_be_slice(&out, bytes, 4));
    assert_u256(&out, &((posw_u256){{0x102, 0, 0, 0}}));
    assert_true(posw_u256_from_be_slice(&out, NULL, 0));
    assert_true(posw_u256_is_zero(&out));
}

#define MAX_DEC "115792089237316195423570985008687907853269984665640564039457584007913129639935"
#define MAX_HEX "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static void test_text(void **state) {
    (void)state;
    static const struct {
        const char *text;
        posw_u256 value;
    } good[] = {
        {"0", {{0}}},
        {"1", {{1}}},
        {"007", {{7}}},
        {"18446744073709551615", {{UINT64_MAX}}},
        {"18446744073709551616", {{0, 1}}},
        {"10000000000000000000", {{10000000000000000000u}}},
        {"99999999999999999999", {{7766279631452241919u, 5}}}, /* 10^20 - 1 */
        {MAX_DEC, {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}}},
        {"000000000000000000000000000000000000000000" MAX_DEC, {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}}},
        {"0x0", {{0}}},
        {"0xAbCdEf", {{0xabcdef}}},
        {"0x00000000000000000000000000000000000000000000000000000000000000ff", {{0xff}}},
        {"0x" MAX_HEX, {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}}},
    };
    static const char *const bad[] = {
        "",
        " ",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x",
        "0X1",
        "0xg",
        "x1",
        "1a",
        "0x 1",
        "0x-1",
        "\x80",
        "115792089237316195423570985008687907853269984665640564039457584007913129639936", /* 2^256 */
        MAX_DEC "0",
        "999999999999999999999999999999999999999999999999999999999999999999999999999999",
        "0x0" MAX_HEX,
        "0x1" MAX_HEX,
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(good); i++) {
        posw_u256 out = canary;
        assert_true(posw_u256_parse(&out, good[i].text, strlen(good[i].text)));
        assert_u256(&out, &good[i].value);
    }
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++) {
        posw_u256 out = canary;
        assert_false(posw_u256_parse(&out, bad[i], strlen(bad[i])));
        assert_u256(&out, &canary);
    }
    posw_u256 out;
    assert_true(posw_u256_parse(&out, "123456", 3)); /* the size counts, not a NUL */
    assert_true(out.w[0] == 123);
    assert_false(posw_u256_parse(&out, "1\0002", 3));

    char dec[POSW_U256_DEC_SIZE], hex[POSW_U256_HEX_SIZE];
    assert_int_equal(posw_u256_to_dec(dec, &POSW_U256_MAX), 78);
    assert_string_equal(dec, MAX_DEC);
    assert_int_equal(posw_u256_to_hex(hex, &POSW_U256_MAX), 66);
    assert_string_equal(hex, "0x" MAX_HEX);
    assert_int_equal(posw_u256_to_dec(dec, &POSW_U256_ZERO), 1);
    assert_string_equal(dec, "0");
    assert_int_equal(posw_u256_to_hex(hex, &POSW_U256_ZERO), 3);
    assert_string_equal(hex, "0x0");
    char expected[POSW_U256_DEC_SIZE] = "1";
    posw_u256 power = POSW_U256_ONE;
    for (size_t digits = 1; digits <= 77; digits++) { /* 10^0 .. 10^77: every boundary between chunks */
        check_text(&power);
        assert_true(posw_u256_mul_u64(&power, &power, 10));
        strcat(expected, "0");
        posw_u256_to_dec(dec, &power);
        assert_string_equal(dec, expected);
    }
}

static void divide_by_zero(void *arg) {
    (void)arg;
    posw_u256 q;
    posw_u256_divmod(&q, NULL, &POSW_U256_MAX, &POSW_U256_ZERO);
}
static void divide_by_zero_word(void *arg) {
    (void)arg;
    posw_u256_div_u64(&POSW_U256_MAX, 0);
}
static void muldiv_by_zero(void *arg) {
    (void)arg;
    posw_u256 out;
    if (posw_u256_muldiv(&out, &POSW_U256_ONE, &POSW_U256_ONE, &POSW_U256_ZERO)) return;
}
static void quotient_too_large(void *arg) {
    (void)arg;
    posw_u256_div_full(NULL, NULL, &POSW_U256_ONE, &POSW_U256_ZERO, &POSW_U256_ONE);
}
static void shift_too_far(void *arg) {
    (void)arg;
    posw_u256_shl(&POSW_U256_ONE, 256);
}
static void shift_right_too_far(void *arg) {
    (void)arg;
    posw_u256_shr(&POSW_U256_ONE, 256);
}

static void test_bugs_stop(void **state) {
    (void)state;
    assert_true(test_aborts(divide_by_zero, NULL));
    assert_true(test_aborts(divide_by_zero_word, NULL));
    assert_true(test_aborts(muldiv_by_zero, NULL));
    assert_true(test_aborts(quotient_too_large, NULL));
    assert_true(test_aborts(shift_too_far, NULL));
    assert_true(test_aborts(shift_right_too_far, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_division_edges),
        cmocka_unit_test(test_division_inverse),
        cmocka_unit_test(test_muldiv_512),
        cmocka_unit_test(test_roots),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_bugs_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
