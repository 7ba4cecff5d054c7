/* 256-bit unsigned arithmetic. Nothing wraps by accident: operations that can overflow say so and then leave
 * the output unchanged. All functions are pure; none allocates. `out` may be the same object as an input. */
#ifndef POSW_U256_H
#define POSW_U256_H

#include "posw/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A posw_u256 from its words, least significant first. In C an lvalue, so that its address can be passed. */
#ifdef __cplusplus
#define POSW_U256(w0, w1, w2, w3) (posw_u256{{w0, w1, w2, w3}})
#else
#define POSW_U256(w0, w1, w2, w3) ((posw_u256){{w0, w1, w2, w3}})
#endif
#define POSW_U256_ZERO POSW_U256(0, 0, 0, 0)
#define POSW_U256_ONE POSW_U256(1, 0, 0, 0)
#define POSW_U256_MAX POSW_U256(UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX)

/* v */
POSW_API posw_u256 posw_u256_from_u64(uint64_t v);
/* hi * 2^64 + lo */
POSW_API posw_u256 posw_u256_from_u128(uint64_t hi, uint64_t lo);
/* 32 bytes, most (be) or least (le) significant byte first. */
POSW_API posw_u256 posw_u256_from_be(const uint8_t in[32]);
POSW_API posw_u256 posw_u256_from_le(const uint8_t in[32]);
POSW_API void posw_u256_to_be(uint8_t out[32], const posw_u256 *v);

/* size <= 32 bytes, most significant first, no leading-zero rule; false if size > 32. */
POSW_API POSW_MUST_USE bool posw_u256_from_be_slice(posw_u256 *out, const uint8_t *in, size_t size);

/* v = 0 */
POSW_API bool posw_u256_is_zero(const posw_u256 *v);
/* <0, 0, >0 as a <, ==, > b. */
POSW_API int posw_u256_cmp(const posw_u256 *a, const posw_u256 *b);
POSW_API bool posw_u256_equal(const posw_u256 *a, const posw_u256 *b);
/* Number of significant bits, 0 for zero, at most 256. */
POSW_API unsigned posw_u256_bits(const posw_u256 *v);
/* True when the value fits; *out is written only then. */
POSW_API POSW_MUST_USE bool posw_u256_to_u64(uint64_t *out, const posw_u256 *v);

/* Checked operations: false on overflow (add, mul) or underflow (sub), *out unchanged. */
POSW_API POSW_MUST_USE bool posw_u256_add(posw_u256 *out, const posw_u256 *a, const posw_u256 *b);
POSW_API POSW_MUST_USE bool posw_u256_sub(posw_u256 *out, const posw_u256 *a, const posw_u256 *b);
POSW_API POSW_MUST_USE bool posw_u256_mul(posw_u256 *out, const posw_u256 *a, const posw_u256 *b);
POSW_API POSW_MUST_USE bool posw_u256_mul_u64(posw_u256 *out, const posw_u256 *a, uint64_t b);
/* a - b, or 0 where b > a; a + b, or 2^256 - 1 where it overflows. For display and limits, never for money. */
POSW_API posw_u256 posw_u256_sub_sat(const posw_u256 *a, const posw_u256 *b);
POSW_API posw_u256 posw_u256_add_sat(const posw_u256 *a, const posw_u256 *b);

/* The full 512-bit product: *hi * 2^256 + *lo. */
POSW_API void posw_u256_mul_full(posw_u256 *hi, posw_u256 *lo, const posw_u256 *a, const posw_u256 *b);
/* Quotient and remainder; d must not be zero (asserted). Either output may be NULL. */
POSW_API void posw_u256_divmod(posw_u256 *q, posw_u256 *r, const posw_u256 *n, const posw_u256 *d);
/* Quotient and remainder of the 512-bit number hi * 2^256 + lo; hi < d (asserted), so that the quotient fits. Either
 * output may be NULL. */
POSW_API void posw_u256_div_full(posw_u256 *q, posw_u256 *r, const posw_u256 *hi, const posw_u256 *lo,
                                 const posw_u256 *d);
/* Quotient; d != 0 (asserted). */
POSW_API posw_u256 posw_u256_div_u64(const posw_u256 *n, uint64_t d);
/* floor(a * b / d) with the 512-bit intermediate; false when the result needs more than 256 bits. d != 0 (asserted). */
POSW_API POSW_MUST_USE bool posw_u256_muldiv(posw_u256 *out, const posw_u256 *a, const posw_u256 *b,
                                             const posw_u256 *d);
/* Shifts by 0..255 bits (asserted); bits shifted out are lost (shl_checked: false instead). */
POSW_API posw_u256 posw_u256_shl(const posw_u256 *v, unsigned bits);
POSW_API posw_u256 posw_u256_shr(const posw_u256 *v, unsigned bits);
POSW_API POSW_MUST_USE bool posw_u256_shl_checked(posw_u256 *out, const posw_u256 *v, unsigned bits);
/* floor(sqrt(v)) */
POSW_API posw_u256 posw_u256_isqrt(const posw_u256 *v);

/* Decimal text, NUL-terminated: at most 78 digits. Returns the length. */
enum { POSW_U256_DEC_SIZE = 79, POSW_U256_HEX_SIZE = 67 };
POSW_API size_t posw_u256_to_dec(char out[POSW_U256_DEC_SIZE], const posw_u256 *v);
/* "0x" and minimal lower-case digits ("0x0" for zero), NUL-terminated. Returns the length. */
POSW_API size_t posw_u256_to_hex(char out[POSW_U256_HEX_SIZE], const posw_u256 *v);
/* Decimal digits only, no sign, no blank; or 0x-prefixed hexadecimal of either case with 1..64 digits, leading
 * zeros allowed. False for anything else or a value over 2^256 - 1. `text` need not be NUL-terminated. */
POSW_API POSW_MUST_USE bool posw_u256_parse(posw_u256 *out, const char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
