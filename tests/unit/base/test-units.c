#include "base/units.h"

#include "base/random.h"
#include "base/test.h"
#include "posw/u256.h"

#include <string.h>

#define MAX_WEI "115792089237316195423570985008687907853269984665640564039457584007913129639935"
#define MAX_COINS "115792089237316195423570985008687907853269984665640564039457.584007913129639935"

static posw_u256 wei(const char *text) {
    posw_u256 v;
    assert_true(posw_u256_parse(&v, text, strlen(text)));
    return v;
}

static void test_parse(void **state) {
    (void)state;
    static const struct {
        const char *text, *wei;
    } good[] = {
        {"0", "0"},
        {"1", "1000000000000000000"},
        {"12.5", "12500000000000000000"},
        {"12.5 coin", "12500000000000000000"},
        {"12.5coins", "12500000000000000000"},
        {"2 \t coins", "2000000000000000000"},
        {"3 gwei", "3000000000"},
        {"0.000000001 gwei", "1"},
        {"1000000 wei", "1000000"},
        {"0.000000000000000001", "1"},
        {"007", "7000000000000000000"},
        {"0.0", "0"},
        {MAX_COINS, MAX_WEI},
        {MAX_WEI " wei", MAX_WEI},
    };
    static const char *const bad[] = {
        "",
        " ",
        " 1",
        "1 ",
        ".",
        ".5",
        "5.",
        "5. coin",
        "1..2",
        "1.2.3",
        "-1",
        "+1",
        "1e3",
        "1,5",
        "0x10",
        "1 eth",
        "1 Coin",
        "1 coin ",
        "1 coin x",
        "coin",
        "1 w",
        "1.5 wei",
        "1.0 wei",
        "0.0000000001 gwei",
        "0.0000000000000000001",
        "115792089237316195423570985008687907853269984665640564039457.584007913129639936", /* 2^256 wei */
        "115792089237316195423570985008687907853269984665640564039458",
        MAX_WEI,
        MAX_WEI "0 wei",
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(good); i++) {
        posw_u256 out = {{0xdead}}, expected = wei(good[i].wei);
        assert_true(posw_amount_parse(&out, good[i].text));
        assert_true(posw_u256_equal(&out, &expected));
    }
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++) {
        posw_u256 out = {{0xdead}};
        assert_false(posw_amount_parse(&out, bad[i]));
        assert_true(out.w[0] == 0xdead);
    }
}

static void test_long_text(void **state) {
    (void)state;
    char text[1001];
    posw_u256 out;
    memset(text, '0', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(posw_amount_parse(&out, text)); /* refused, not written past a buffer */
    text[182] = '\0';                            /* 182 digits and 18 decimals: the most that is taken */
    assert_true(posw_amount_parse(&out, text));
    text[182] = '0', text[183] = '\0';
    assert_false(posw_amount_parse(&out, text));
}

static void test_format(void **state) {
    (void)state;
    static const struct {
        const char *wei, *text;
    } cases[] = {
        {"0", "0"},
        {"1", "0.000000000000000001"},
        {"10", "0.00000000000000001"},
        {"999999999999999999", "0.999999999999999999"},
        {"1000000000000000000", "1"},
        {"1000000000000000001", "1.000000000000000001"},
        {"12500000000000000000", "12.5"},
        {"100000000000000000000", "100"},
        {MAX_WEI, MAX_COINS},
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        char out[POSW_AMOUNT_SIZE];
        const posw_u256 v = wei(cases[i].wei);
        assert_int_equal(posw_amount_format(out, &v), strlen(cases[i].text));
        assert_string_equal(out, cases[i].text);
    }
}

static void test_round_trip(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        posw_u256 v = {{random_next(&seed), random_next(&seed), random_next(&seed), random_next(&seed)}}, back;
        v = posw_u256_shr(&v, (unsigned)random_below(&seed, 256));
        char out[POSW_AMOUNT_SIZE];
        size_t length = posw_amount_format(out, &v);
        assert_int_equal(length, strlen(out));
        assert_true(posw_amount_parse(&back, out));
        assert_true(posw_u256_equal(&back, &v));
    }
    const posw_u256 coin = posw_coin(), expected = wei("1000000000000000000");
    assert_true(posw_u256_equal(&coin, &expected));
}

static void test_sizes(void **state) {
    static const struct {
        const char *text;
        uint64_t bytes; /* 0: refused */
    } cases[] = {
        {"1B", 1},
        {"2GiB", (uint64_t)2 << 30},
        {"5000 MiB", (uint64_t)5000 << 20},
        {"5000\t mib", (uint64_t)5000 << 20},
        {"64 MB", 64000000},
        {"7 KB", 7000},
        {"7 KiB", 7168},
        {"3tb", 3000000000000},
        {"16777215 TiB", (uint64_t)16777215 << 40},
        {"16777216 TiB", 0},
        {"18446744073709551616 B", 0},
        {"99999999999999999999999999999999999999999999999999999999999999999999999999999999 B", 0},
        {"", 0},
        {"GiB", 0},
        {"12", 0},
        {"12 ", 0},
        {"1.5 GiB", 0},
        {"-1 GiB", 0},
        {"+1 GiB", 0},
        {" 1 GiB", 0},
        {"1 GiB ", 0},
        {"1 Gi", 0},
        {"1 GiBs", 0},
        {"0x10 MiB", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t got = 7;
        const bool ok = posw_size_parse(&got, cases[i].text);
        if (ok != (cases[i].bytes != 0) || (ok && got != cases[i].bytes))
            fail_msg("'%s' is read as %d, %llu", cases[i].text, ok, (unsigned long long)got);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),      cmocka_unit_test(test_long_text), cmocka_unit_test(test_format),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
