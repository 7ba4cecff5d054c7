/* Amounts as people write them: "12.5 coin", "3 gwei", "1000000 wei", "12.5" (coins). 18 decimals. */
#ifndef POSW_BASE_UNITS_H
#define POSW_BASE_UNITS_H

#include "posw/types.h"

/* 10^18 */
posw_u256 posw_coin(void);
/* Digits with at most one point, then optionally blanks and a unit: wei, gwei, coin or coins (default coin).
 * Too many decimals for the unit, a sign, an exponent or an overflow: false. NUL-terminated text. Lenient, as people type:
 * leading zeros and a missing unit are fine here; the reader of chain files refuses both. */
POSW_MUST_USE bool posw_amount_parse(posw_u256 *out_wei, const char *text);
/* Coins with the decimals that are needed, at most 18: "12.5". NUL-terminated; returns the length. */
enum { POSW_AMOUNT_SIZE = 100 };
size_t posw_amount_format(char out[POSW_AMOUNT_SIZE], const posw_u256 *wei);

#endif
