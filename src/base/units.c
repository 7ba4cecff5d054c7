#include "base/units.h"

#include "posw/u256.h"

#include <string.h>
#include <strings.h>

enum { COIN_DECIMALS = 18, AMOUNT_DIGITS_MAX = 200 };

static const uint64_t coin_wei = 1000000000000000000u;

posw_u256 posw_coin(void) {
    return posw_u256_from_u64(coin_wei);
}

static size_t digits_at(const char *text) {
    size_t n = 0;
    while (text[n] >= '0' && text[n] <= '9')
        n++;
    return n;
}

/* Decimals of a unit's name, -1 for no such unit. */
static int unit_decimals(const char *name) {
    if (strcmp(name, "coin") == 0 || strcmp(name, "coins") == 0) return COIN_DECIMALS;
    if (strcmp(name, "gwei") == 0) return 9;
    return strcmp(name, "wei") == 0 ? 0 : -1;
}

/* The unit after the number: nothing, or blanks and a name. */
static int unit_after(const char *rest) {
    if (*rest == '\0') return COIN_DECIMALS;
    while (*rest == ' ' || *rest == '\t')
        rest++;
    return unit_decimals(rest);
}

bool posw_amount_parse(posw_u256 *out_wei, const char *text) {
    size_t whole = digits_at(text), decimals = 0;
    const char *rest = text + whole;
    if (whole == 0) return false;
    if (*rest == '.') {
        decimals = digits_at(rest + 1);
        if (decimals == 0) return false;
        rest += 1 + decimals;
    }
    int unit = unit_after(rest);
    if (unit < 0 || decimals > (size_t)unit || whole + (size_t)unit > AMOUNT_DIGITS_MAX) return false;

    /* All digits in a row, filled up with zeros to the unit's decimals, are the number of wei. */
    char digits[AMOUNT_DIGITS_MAX];
    memcpy(digits, text, whole);
    memset(digits + whole, '0', (size_t)unit);
    if (decimals > 0) memcpy(digits + whole, text + whole + 1, decimals);
    return posw_u256_parse(out_wei, digits, whole + (size_t)unit);
}

size_t posw_amount_format(char out[POSW_AMOUNT_SIZE], const posw_u256 *wei) {
    posw_u256 coins, rest;
    const posw_u256 one = posw_coin();
    posw_u256_divmod(&coins, &rest, wei, &one);
    size_t n = posw_u256_to_dec(out, &coins);
    uint64_t r = rest.w[0];
    if (r == 0) return n;
    out[n++] = '.';
    for (uint64_t place = coin_wei / 10; r > 0; place /= 10) {
        out[n++] = (char)('0' + r / place);
        r %= place;
    }
    out[n] = '\0';
    return n;
}

bool posw_size_parse(uint64_t *out_bytes, const char *text) {
    static const struct {
        char name[4];
        uint64_t bytes;
    } units[] = {{"B", 1},
                 {"kB", 1000},
                 {"MB", 1000000},
                 {"GB", 1000000000},
                 {"TB", 1000000000000},
                 {"KiB", (uint64_t)1 << 10},
                 {"MiB", (uint64_t)1 << 20},
                 {"GiB", (uint64_t)1 << 30},
                 {"TiB", (uint64_t)1 << 40}};
    posw_u256 number;
    uint64_t n;
    const size_t digits = digits_at(text);
    const char *unit = text + digits;
    if (digits == 0 || !posw_u256_parse(&number, text, digits) || !posw_u256_to_u64(&n, &number)) return false;
    while (*unit == ' ' || *unit == '\t')
        unit++;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcasecmp(unit, units[i].name) == 0) return !__builtin_mul_overflow(n, units[i].bytes, out_bytes);
    return false;
}
