/* Amounts as people write them: "12.5 coin", "3 gwei", "1000000 wei", "12.5" (coins). 18 decimals. And sizes: "2 GiB";
 * and how many there are. */
#ifndef POSW_BASE_UNITS_H
#define POSW_BASE_UNITS_H

#include "posw/types.h"

/* 10^18 */
posw_u256 posw_coin(void);
/* Digits with at most one point, then optionally blanks and a unit: wei, gwei, coin or coins (default coin).
 * Too many decimals for the unit, a sign, an exponent or an overflow: false. NUL-terminated text. Lenient, as people
 * type: leading zeros and a missing unit are fine here; the reader of chain files refuses both. */
POSW_MUST_USE bool posw_amount_parse(posw_u256 *out_wei, const char *text);
/* Coins with the decimals that are needed, at most 18: "12.5". NUL-terminated; returns the length. */
enum { POSW_AMOUNT_SIZE = 100 };
size_t posw_amount_format(char out[POSW_AMOUNT_SIZE], const posw_u256 *wei);

/* "s", but not for one: 1 block, 2 blocks. */
static inline const char *posw_plural(uint64_t n) {
    return n == 1 ? "" : "s";
}

/* A whole number, optionally blanks, and a unit that must be there: B, kB, MB, GB, TB (powers of 1,000), KiB, MiB, GiB,
 * TiB (of 1,024), in letters of any size. False also when it does not fit. NUL-terminated text. */
POSW_MUST_USE bool posw_size_parse(uint64_t *out_bytes, const char *text);

#endif
