/* ASERT: the difficulty as a function of where the chain stands on its schedule.
 *
 * It compares where the chain stands with where it should stand. After n blocks the clock should have moved by n *
 * T since genesis; for each half-life of delay the target doubles, for each half-life of haste it halves:
 *
 *      target(n + 1) = target(0) * 2 ^ (((t - t(0)) - T * n) / half-life)
 *
 * It is a function of one block and of genesis: no sum over past blocks that a miner could game, no oscillation, and a
 * mean block time of exactly T. 2^x is taken in fixed point with 16 fractional bits: the whole part shifts, and a cubic
 * polynomial approximates 2^f - 1 for f in [0, 1) with an error below 0.013 %. The polynomial, its rounding and the
 * truncating division are those of aserti3-2d, so that its official runs are our test vectors; targets here have all
 * 256 bits, hence the product of 320.
 *
 * asert-lag is the same formula with another t. A miner of a secret branch writes its times as it likes: a second
 * apart, they make its blocks harder, and fewer outweigh the public ones. So the time that counts is that of the block
 * `lag` blocks before the parent, as if all had been in time since; only when these took more than twice their time is
 * the parent's seen, less the lag, so that a chain that has lost its hash power need not wait:
 *
 *                t(n - lag)                      t(n)
 *      ... --------o----------- lag -------------o        t = max(t(n - lag) + lag * T, t(n) - lag * T)
 *                  |<- a secret branch of up to lag blocks has the times of the public chain here */
#include "base/error.h"
#include "base/word.h"
#include "core/difficulty_rules.h"
#include "posw/u256.h"

/* A number of 320 bits, least significant word first. */
typedef struct {
    uint64_t w[5];
} product_words;

static product_words multiply(const posw_u256 *a, uint64_t b) {
    product_words p;
    uint64_t carry = 0;
    for (int i = 0; i < 4; i++)
        p.w[i] = posw_word_mul_add(&carry, a->w[i], b, 0);
    p.w[4] = carry;
    return p;
}

/* p, which is not zero, shifted by `shift` bits to the left (right when negative), saturated at 2^256 - 1. */
static posw_u256 shift_product(const product_words *p, int shift) {
    const posw_u256 low = {{p->w[0], p->w[1], p->w[2], p->w[3]}};
    if (shift >= 0) {
        posw_u256 out;
        if (shift >= 256 || p->w[4] != 0) return POSW_U256_MAX;
        return posw_u256_shl_checked(&out, &low, (unsigned)shift) ? out : POSW_U256_MAX;
    }
    const unsigned bits = (unsigned)-shift, words = bits / 64, rest = bits % 64;
    if (bits >= 320) return POSW_U256_ZERO;
    if (bits < 64 && p->w[4] >> bits != 0) return POSW_U256_MAX;
    posw_u256 out = POSW_U256_ZERO;
    for (unsigned i = 0; i < 4 && i + words < 5; i++) {
        const uint64_t above = i + words + 1 < 5 ? p->w[i + words + 1] : 0;
        out.w[i] = p->w[i + words] >> rest | above << 1 << (63 - rest); /* a shift by 64 is undefined */
    }
    return out;
}

/* The cubic part of D2: 65536 * 2^(f / 65536), f in 0..65535. The sum is below 2^64 (by 2^50 at its largest). */
static uint64_t asert_factor(uint64_t f) {
    const uint64_t sum = 195766423245049U * f + 971821376U * f * f + 5127U * f * f * f + ((uint64_t)1 << 47);
    return 65536 + (sum >> 48);
}

/* A time with a sign that needs more than 64 bits. */
typedef struct {
    posw_u256 size_s;
    bool negative;
} time_diff;

static time_diff difference(const posw_u256 *a, const posw_u256 *b) {
    const bool negative = posw_u256_cmp(a, b) < 0;
    return (time_diff){negative ? posw_u256_sub_sat(b, a) : posw_u256_sub_sat(a, b), negative};
}

/* a * b */
static posw_u256 product(uint64_t a, uint64_t b) {
    const posw_u256 wide = posw_u256_from_u64(a);
    posw_u256 out;
    const bool fits = posw_u256_mul_u64(&out, &wide, b);
    POSW_ASSERT(fits);
    return out;
}

/* x of D2, which is truncated towards zero, as whole halvings or doublings and 0..65535 parts of one more doubling. */
static int split_exponent(uint64_t *parts, const time_diff *late, uint64_t half_life_s) {
    enum { WHOLE_LIMIT = 1024 }; /* beyond 512 + 16 either way the result is at its bound */
    uint64_t size;
    if (posw_u256_to_u64(&size, &late->size_s) && size >> 48 == 0) {
        size = (size << 16) / half_life_s;
    } else {
        posw_u256 x = posw_u256_shl(&late->size_s, 16);
        x = posw_u256_div_u64(&x, half_life_s);
        if (!posw_u256_to_u64(&size, &x)) size = UINT64_MAX;
    }
    if (size >> 16 >= WHOLE_LIMIT) {
        *parts = 0;
        return late->negative ? -WHOLE_LIMIT : WHOLE_LIMIT;
    }
    const int whole = (int)(size >> 16);
    *parts = size & 0xffff;
    if (!late->negative) return whole;
    if (*parts == 0) return -whole;
    *parts = 65536 - *parts; /* -(whole + f) = -(whole + 1) + (1 - f) */
    return -whole - 1;
}

/* D2, with `late` = how much later than scheduled the parent is, below 2^78 s. */
static posw_u256 asert(const posw_u256 *anchor_target, const time_diff *late, uint64_t half_life_s,
                       const posw_u256 *target_max) {
    uint64_t f;
    POSW_ASSERT(half_life_s > 0);
    const int shifts = split_exponent(&f, late, half_life_s);
    const product_words wide = multiply(anchor_target, asert_factor(f));
    const posw_u256 target = shift_product(&wide, shifts - 16);
    if (posw_u256_is_zero(&target)) return POSW_U256_ONE;
    return posw_u256_cmp(&target, target_max) > 0 ? *target_max : target;
}

posw_u256 posw_asert_target(const posw_u256 *anchor_target, int64_t time_diff_s, uint64_t height_diff,
                            uint64_t block_time_s, uint64_t half_life_s, const posw_u256 *target_max) {
    POSW_ASSERT(block_time_s <= UINT32_MAX);
    /* Both sides plus the size of a negative time_diff_s. */
    const uint64_t size_s = time_diff_s < 0 ? 0 - (uint64_t)time_diff_s : (uint64_t)time_diff_s;
    const posw_u256 size = posw_u256_from_u64(size_s), one = posw_u256_from_u64(block_time_s);
    posw_u256 scheduled_s = product(block_time_s, height_diff);
    scheduled_s = posw_u256_add_sat(&scheduled_s, &one);
    if (time_diff_s < 0) scheduled_s = posw_u256_add_sat(&scheduled_s, &size);
    const time_diff late = difference(time_diff_s < 0 ? &POSW_U256_ZERO : &size, &scheduled_s);
    return asert(anchor_target, &late, half_life_s, target_max);
}

/* With genesis as the anchor, and `number` blocks to count from it; the schedule starts at its own time, not at its
 * parent's. */
static posw_u256 difficulty_at(const posw_params *p, uint64_t number, const posw_u256 *now_s) {
    const posw_u256 anchor = posw_difficulty_of_target(&p->genesis_difficulty);
    const posw_u256 start_s = posw_u256_from_u64(p->genesis_time);
    posw_u256 scheduled_s = product(p->block_time_s, number);
    scheduled_s = posw_u256_add_sat(&scheduled_s, &start_s); /* the time at which it should have come */
    const time_diff late = difference(now_s, &scheduled_s);
    const uint64_t half_life_s = p->difficulty_blocks * p->block_time_s; /* P2: below 2^36 */
    const posw_u256 target = asert(&anchor, &late, half_life_s, &POSW_U256_MAX);
    return posw_difficulty_of_target(&target); /* D1 */
}

/* D2 */
posw_u256 posw_difficulty_next_asert(const posw_params *p, const posw_header *parent) {
    const posw_u256 now_s = posw_u256_from_u64(parent->timestamp);
    return difficulty_at(p, parent->number, &now_s);
}

static uint64_t lesser(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

uint64_t posw_difficulty_lag(uint64_t half_life_blocks, uint64_t window_blocks) {
    enum { PART = 16 };
    return lesser(half_life_blocks / PART, window_blocks);
}

/* D8 */
posw_u256 posw_difficulty_next_asert_lag(const posw_params *p, const posw_window *w, const posw_header *parent) {
    const uint64_t lag = lesser(posw_difficulty_lag(p->difficulty_blocks, p->window_blocks), parent->number),
                   lag_s = lag * p->block_time_s; /* P2: below 2^28 */
    if (lag == 0) return posw_difficulty_next_asert(p, parent);
    posw_difficulty_check_place(w, parent);
    const posw_u256 add_s = posw_u256_from_u64(lag_s), old_s = posw_u256_from_u64(posw_window_at(w, lag).timestamp),
                    in_time_s = posw_u256_add_sat(&old_s, &add_s),
                    slow_s = posw_u256_from_u64(parent->timestamp > lag_s ? parent->timestamp - lag_s : 0);
    return difficulty_at(p, parent->number, posw_u256_cmp(&in_time_s, &slow_s) > 0 ? &in_time_s : &slow_s);
}
