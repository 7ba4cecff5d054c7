#include "posw/u256.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/word.h"

enum { WORDS = 4, DEC_CHUNK_DIGITS = 19 };
static const uint64_t dec_chunk = 10000000000000000000u; /* 10^19, the largest power of ten in a word */

/* ---- making and reading ---- */

posw_u256 posw_u256_from_u64(uint64_t v) {
    return (posw_u256){{v, 0, 0, 0}};
}

posw_u256 posw_u256_from_u128(uint64_t hi, uint64_t lo) {
    return (posw_u256){{lo, hi, 0, 0}};
}

posw_u256 posw_u256_from_be(const uint8_t in[32]) {
    return (posw_u256){{posw_load_be64(in + 24), posw_load_be64(in + 16), posw_load_be64(in + 8), posw_load_be64(in)}};
}

posw_u256 posw_u256_from_le(const uint8_t in[32]) {
    return (posw_u256){{posw_load_le64(in), posw_load_le64(in + 8), posw_load_le64(in + 16), posw_load_le64(in + 24)}};
}

void posw_u256_to_be(uint8_t out[32], const posw_u256 *v) {
    const posw_u256 copy = *v; /* out may overlap v */
    for (size_t i = 0; i < WORDS; i++)
        posw_store_be64(out + 8 * i, copy.w[WORDS - 1 - i]);
}

bool posw_u256_from_be_slice(posw_u256 *out, const uint8_t *in, size_t size) {
    if (size > 32) return false;
    uint8_t padded[32] = {0};
    if (size > 0) memcpy(padded + 32 - size, in, size);
    *out = posw_u256_from_be(padded);
    return true;
}

bool posw_u256_is_zero(const posw_u256 *v) {
    return (v->w[0] | v->w[1] | v->w[2] | v->w[3]) == 0;
}

int posw_u256_cmp(const posw_u256 *a, const posw_u256 *b) {
#pragma GCC unroll 4
    for (int i = WORDS - 1; i >= 0; i--)
        if (a->w[i] != b->w[i]) return a->w[i] < b->w[i] ? -1 : 1;
    return 0;
}

bool posw_u256_equal(const posw_u256 *a, const posw_u256 *b) {
    return ((a->w[0] ^ b->w[0]) | (a->w[1] ^ b->w[1]) | (a->w[2] ^ b->w[2]) | (a->w[3] ^ b->w[3])) == 0;
}

unsigned posw_u256_bits(const posw_u256 *v) {
#pragma GCC unroll 4
    for (int i = WORDS - 1; i >= 0; i--)
        if (v->w[i] != 0) return (unsigned)(64 * (i + 1) - __builtin_clzll(v->w[i]));
    return 0;
}

bool posw_u256_to_u64(uint64_t *out, const posw_u256 *v) {
    if ((v->w[1] | v->w[2] | v->w[3]) != 0) return false;
    *out = v->w[0];
    return true;
}

/* ---- sums ---- */

/* Both return the carry (borrow) out of the highest word. */
static inline uint64_t add_carry(posw_u256 *out, const posw_u256 *a, const posw_u256 *b) {
    uint64_t carry = 0;
    for (int i = 0; i < WORDS; i++)
        out->w[i] = posw_word_add(&carry, a->w[i], b->w[i]);
    return carry;
}

static inline uint64_t sub_borrow(posw_u256 *out, const posw_u256 *a, const posw_u256 *b) {
    uint64_t borrow = 0;
    for (int i = 0; i < WORDS; i++)
        out->w[i] = posw_word_sub(&borrow, a->w[i], b->w[i]);
    return borrow;
}

bool posw_u256_add(posw_u256 *out, const posw_u256 *a, const posw_u256 *b) {
    posw_u256 sum;
    if (add_carry(&sum, a, b) != 0) return false;
    *out = sum;
    return true;
}

bool posw_u256_sub(posw_u256 *out, const posw_u256 *a, const posw_u256 *b) {
    posw_u256 difference;
    if (sub_borrow(&difference, a, b) != 0) return false;
    *out = difference;
    return true;
}

posw_u256 posw_u256_sub_sat(const posw_u256 *a, const posw_u256 *b) {
    posw_u256 difference;
    return sub_borrow(&difference, a, b) != 0 ? POSW_U256_ZERO : difference;
}

posw_u256 posw_u256_add_sat(const posw_u256 *a, const posw_u256 *b) {
    posw_u256 sum;
    return add_carry(&sum, a, b) != 0 ? POSW_U256_MAX : sum;
}

/* ---- products ---- */

/* product[0..7] = a * b. Difficulties and weights, which stand in b, are mostly numbers of one word. */
static inline void mul_words(uint64_t product[2 * WORDS], const posw_u256 *a, const posw_u256 *b) {
    for (int i = 0; i < 2 * WORDS; i++)
        product[i] = 0;
    for (int j = 0; j < WORDS; j++) {
        if (b->w[j] == 0) continue;
        uint64_t carry = 0;
#pragma GCC unroll 4
        for (int i = 0; i < WORDS; i++)
            product[i + j] = posw_word_mul_add(&carry, a->w[i], b->w[j], product[i + j]);
        product[j + WORDS] = carry;
    }
}

void posw_u256_mul_full(posw_u256 *hi, posw_u256 *lo, const posw_u256 *a, const posw_u256 *b) {
    uint64_t product[2 * WORDS];
    mul_words(product, a, b);
    *hi = (posw_u256){{product[4], product[5], product[6], product[7]}};
    *lo = (posw_u256){{product[0], product[1], product[2], product[3]}};
}

bool posw_u256_mul(posw_u256 *out, const posw_u256 *a, const posw_u256 *b) {
    uint64_t product[2 * WORDS];
    mul_words(product, a, b);
    if ((product[4] | product[5] | product[6] | product[7]) != 0) return false;
    *out = (posw_u256){{product[0], product[1], product[2], product[3]}};
    return true;
}

bool posw_u256_mul_u64(posw_u256 *out, const posw_u256 *a, uint64_t b) {
    posw_u256 product;
    uint64_t carry = 0;
    for (int i = 0; i < WORDS; i++)
        product.w[i] = posw_word_mul_add(&carry, a->w[i], b, 0);
    if (carry != 0) return false;
    *out = product;
    return true;
}

/* ---- quotients ---- */

/* u[0..size-1] becomes the quotient; returns the remainder. */
static uint64_t div_words_by_1(uint64_t *u, int size, uint64_t d) {
    uint64_t rem = 0;
    for (int i = size - 1; i >= 0; i--)
        u[i] = posw_word_div(&rem, rem, u[i], d);
    return rem;
}

/* a * b > hi * 2^64 + lo */
static inline bool product_above(uint64_t a, uint64_t b, uint64_t hi, uint64_t lo) {
    uint64_t high;
    const uint64_t low = posw_word_mul(&high, a, b);
    return high > hi || (high == hi && low > lo);
}

/* One quotient word of Knuth's algorithm D (The Art of Computer Programming 2, 4.3.1): u[0..n] / v[0..n-1], where v
 * has its top bit set and u[1..n] < v. u becomes the remainder. */
static inline uint64_t div_step(uint64_t *u, const uint64_t *v, int n) {
    uint64_t q, r;
    bool settled = false;
    if (u[n] >= v[n - 1]) { /* equal, as u[1..n] < v: the estimate is 2^64 - 1 */
        q = UINT64_MAX;
        settled = __builtin_add_overflow(u[n - 1], v[n - 1], &r);
    } else {
        q = posw_word_div(&r, u[n], u[n - 1], v[n - 1]);
    }
    /* The second word of the divisor makes the estimate at most one too large. */
    while (!settled && product_above(q, v[n - 2], r, u[n - 2])) {
        q--;
        settled = __builtin_add_overflow(r, v[n - 1], &r);
    }
    uint64_t carry = 0, borrow = 0;
    for (int i = 0; i < n; i++)
        u[i] = posw_word_sub(&borrow, u[i], posw_word_mul_add(&carry, q, v[i], 0));
    u[n] = posw_word_sub(&borrow, u[n], carry);
    if (borrow == 0) return q;
    carry = 0; /* one too large after all: add the divisor back */
    for (int i = 0; i < n; i++)
        u[i] = posw_word_add(&carry, u[i], v[i]);
    u[n] += carry;
    return q - 1;
}

static inline int word_count(const uint64_t *w, int size) {
    while (size > 0 && w[size - 1] == 0)
        size--;
    return size;
}

/* div_words for u of m and d of n words, 2 <= n <= m; q has at least m - n + 1. */
static inline __attribute__((always_inline)) void div_long(uint64_t *q, posw_u256 *r, const uint64_t *u, int m,
                                                           const posw_u256 *d, int n) {
    unsigned shift = (unsigned)__builtin_clzll(d->w[n - 1]);
    uint64_t v[WORDS], s[2 * WORDS + 1];
    /* Two steps of a right shift, since a shift by 64 is undefined. */
    for (int i = n - 1; i > 0; i--)
        v[i] = d->w[i] << shift | d->w[i - 1] >> 1 >> (63 - shift);
    v[0] = d->w[0] << shift;
    s[m] = u[m - 1] >> 1 >> (63 - shift);
    for (int i = m - 1; i > 0; i--)
        s[i] = u[i] << shift | u[i - 1] >> 1 >> (63 - shift);
    s[0] = u[0] << shift;
    for (int j = m - n; j >= 0; j--)
        q[j] = div_step(s + j, v, n);
    for (int i = 0; i < n; i++)
        r->w[i] = s[i] >> shift | s[i + 1] << 1 << (63 - shift);
}

/* q = u / d, r = u % d for u of `size` words, 4 or 8; q has as many. d is not zero. */
static inline void div_words(uint64_t *q, posw_u256 *r, const uint64_t *u, int size, const posw_u256 *d) {
    int n = word_count(d->w, WORDS), m = word_count(u, size);
    memset(q, 0, (size_t)size * sizeof q[0]);
    *r = POSW_U256_ZERO;
    if (n == 1) {
        memcpy(q, u, (size_t)m * sizeof q[0]);
        r->w[0] = div_words_by_1(q, m, d->w[0]);
    } else if (m < n) {
        memcpy(r->w, u, (size_t)m * sizeof u[0]);
    } else if (n == WORDS && m == WORDS) { /* of a target: known sizes make it half as long */
        div_long(q, r, u, WORDS, d, WORDS);
    } else {
        div_long(q, r, u, m, d, n);
    }
}

void posw_u256_divmod(posw_u256 *q, posw_u256 *r, const posw_u256 *n, const posw_u256 *d) {
    POSW_ASSERT(!posw_u256_is_zero(d));
    posw_u256 quotient = *n, rest;
    uint64_t word;
    if (posw_u256_to_u64(&word, d))
        rest = posw_u256_from_u64(div_words_by_1(quotient.w, WORDS, word));
    else
        div_words(quotient.w, &rest, n->w, WORDS, d);
    if (q != NULL) *q = quotient;
    if (r != NULL) *r = rest;
}

void posw_u256_div_full(posw_u256 *q, posw_u256 *r, const posw_u256 *hi, const posw_u256 *lo, const posw_u256 *d) {
    POSW_ASSERT(posw_u256_cmp(hi, d) < 0);
    uint64_t wide[2 * WORDS] = {lo->w[0], lo->w[1], lo->w[2], lo->w[3], hi->w[0], hi->w[1], hi->w[2], hi->w[3]};
    uint64_t quotient[2 * WORDS];
    posw_u256 rest;
    div_words(quotient, &rest, wide, 2 * WORDS, d);
    if (q != NULL) *q = (posw_u256){{quotient[0], quotient[1], quotient[2], quotient[3]}};
    if (r != NULL) *r = rest;
}

posw_u256 posw_u256_div_u64(const posw_u256 *n, uint64_t d) {
    POSW_ASSERT(d != 0);
    posw_u256 q = *n;
    div_words_by_1(q.w, word_count(q.w, WORDS), d);
    return q;
}

bool posw_u256_muldiv(posw_u256 *out, const posw_u256 *a, const posw_u256 *b, const posw_u256 *d) {
    POSW_ASSERT(!posw_u256_is_zero(d));
    uint64_t product[2 * WORDS], q[2 * WORDS];
    posw_u256 rest;
    mul_words(product, a, b);
    div_words(q, &rest, product, 2 * WORDS, d);
    if ((q[4] | q[5] | q[6] | q[7]) != 0) return false;
    *out = (posw_u256){{q[0], q[1], q[2], q[3]}};
    return true;
}

/* ---- shifts and roots ---- */

posw_u256 posw_u256_shl(const posw_u256 *v, unsigned bits) {
    POSW_ASSERT(bits < 256);
    int words = (int)(bits / 64);
    unsigned rest = bits % 64;
    posw_u256 out = POSW_U256_ZERO;
    for (int i = WORDS - 1; i >= words; i--) {
        uint64_t below = i > words ? v->w[i - words - 1] : 0;
        out.w[i] = v->w[i - words] << rest | below >> 1 >> (63 - rest);
    }
    return out;
}

posw_u256 posw_u256_shr(const posw_u256 *v, unsigned bits) {
    POSW_ASSERT(bits < 256);
    int words = (int)(bits / 64);
    unsigned rest = bits % 64;
    posw_u256 out = POSW_U256_ZERO;
    for (int i = 0; i + words < WORDS; i++) {
        uint64_t above = i + words + 1 < WORDS ? v->w[i + words + 1] : 0;
        out.w[i] = v->w[i + words] >> rest | above << 1 << (63 - rest);
    }
    return out;
}

bool posw_u256_shl_checked(posw_u256 *out, const posw_u256 *v, unsigned bits) {
    POSW_ASSERT(bits < 256);
    if (posw_u256_bits(v) + bits > 256 && !posw_u256_is_zero(v)) return false;
    *out = posw_u256_shl(v, bits);
    return true;
}

/* As below, in one word. */
static uint64_t isqrt_word(uint64_t v) {
    if (v == 0) return 0;
    const unsigned bits = (unsigned)(64 - __builtin_clzll(v));
    uint64_t x = (uint64_t)1 << (bits + 1) / 2; /* at most 2^32 */
    for (;;) {
        const uint64_t next = (v / x + x) / 2;
        if (next >= x) return x;
        x = next;
    }
}

/* Newton's method from above: x = ceil of a power of two over the root, then x' = (x + v/x) / 2 falls until it reaches
 * floor(sqrt(v)). */
posw_u256 posw_u256_isqrt(const posw_u256 *v) {
    uint64_t word;
    if (posw_u256_to_u64(&word, v)) return posw_u256_from_u64(isqrt_word(word));
    const posw_u256 one = POSW_U256_ONE;
    posw_u256 x = posw_u256_shl(&one, (posw_u256_bits(v) + 1) / 2);
    for (;;) {
        posw_u256 next;
        posw_u256_divmod(&next, NULL, v, &x);
        add_carry(&next, &next, &x); /* at most 2^129: no carry */
        next = posw_u256_shr(&next, 1);
        if (posw_u256_cmp(&next, &x) >= 0) return x;
        x = next;
    }
}

/* ---- text ---- */

size_t posw_u256_to_dec(char out[POSW_U256_DEC_SIZE], const posw_u256 *v) {
    char digits[5 * DEC_CHUNK_DIGITS];
    size_t at = sizeof digits;
    posw_u256 rest = *v;
    do {
        uint64_t chunk = div_words_by_1(rest.w, WORDS, dec_chunk);
        for (int i = 0; i < DEC_CHUNK_DIGITS; i++) {
            digits[--at] = (char)('0' + chunk % 10);
            chunk /= 10;
        }
    } while (!posw_u256_is_zero(&rest));
    while (at < sizeof digits - 1 && digits[at] == '0')
        at++;
    size_t n = sizeof digits - at;
    memcpy(out, digits + at, n);
    out[n] = '\0';
    return n;
}

size_t posw_u256_to_hex(char out[POSW_U256_HEX_SIZE], const posw_u256 *v) {
    static const char hex_digits[] = "0123456789abcdef";
    unsigned bits = posw_u256_bits(v);
    unsigned digits = bits == 0 ? 1 : (bits + 3) / 4;
    out[0] = '0';
    out[1] = 'x';
    const posw_u256 copy = *v;
    for (unsigned i = 0; i < digits; i++)
        out[1 + digits - i] = hex_digits[copy.w[i / 16] >> (4 * (i % 16)) & 15];
    out[2 + digits] = '\0';
    return 2 + digits;
}

static bool parse_hex(posw_u256 *out, const char *digits, size_t size) {
    if (size < 1 || size > 64) return false;
    char padded[64];
    uint8_t bytes[32];
    memset(padded, '0', sizeof padded - size);
    memcpy(padded + sizeof padded - size, digits, size);
    if (!posw_hex_decode(bytes, sizeof bytes, padded, sizeof padded)) return false;
    *out = posw_u256_from_be(bytes);
    return true;
}

static bool parse_dec(posw_u256 *out, const char *digits, size_t size) {
    if (size == 0) return false;
    posw_u256 v = POSW_U256_ZERO;
    for (size_t at = 0; at < size;) {
        uint64_t chunk = 0, scale = 1;
        for (int i = 0; i < DEC_CHUNK_DIGITS && at < size; i++, at++) {
            if (digits[at] < '0' || digits[at] > '9') return false;
            chunk = chunk * 10 + (uint64_t)(digits[at] - '0');
            scale *= 10;
        }
        const posw_u256 more = posw_u256_from_u64(chunk);
        if (!posw_u256_mul_u64(&v, &v, scale) || !posw_u256_add(&v, &v, &more)) return false;
    }
    *out = v;
    return true;
}

bool posw_u256_parse(posw_u256 *out, const char *text, size_t size) {
    if (size >= 2 && text[0] == '0' && text[1] == 'x') return parse_hex(out, text + 2, size - 2);
    return parse_dec(out, text, size);
}
