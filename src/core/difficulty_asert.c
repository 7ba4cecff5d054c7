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
 * 256 bits, hence the 512-bit product. */
#include "base/error.h"
#include "core/difficulty_rules.h"
#include "posw/u256.h"

/* hi * 2^256 + lo, which is not zero, shifted by `shift` bits to the left (right when negative), saturated at 2^256
 * - 1. */
static posw_u256 shift_wide(const posw_u256 *hi, const posw_u256 *lo, int shift) {
    if (shift >= 0) {
        posw_u256 out;
        if (shift >= 256 || !posw_u256_is_zero(hi)) return POSW_U256_MAX;
        return posw_u256_shl_checked(&out, lo, (unsigned)shift) ? out : POSW_U256_MAX;
    }
    const unsigned bits = (unsigned)-shift;
    if (bits >= 512) return POSW_U256_ZERO;
    if (bits >= 256) return posw_u256_shr(hi, bits - 256);
    if (posw_u256_bits(hi) > bits) return POSW_U256_MAX;
    posw_u256 out = posw_u256_shr(lo, bits);
    const posw_u256 carried = posw_u256_shl(hi, 256 - bits); /* bits > 0; fits, as checked above */
    for (int i = 0; i < 4; i++)
        out.w[i] |= carried.w[i];
    return out;
}

/* The cubic part of D2: 65536 * 2^(f / 65536), f in 0..65535. */
static uint64_t asert_factor(uint64_t f) {
    const unsigned __int128 wide = f;
    const unsigned __int128 sum =
        195766423245049U * wide + 971821376U * wide * wide + 5127U * wide * wide * wide + ((uint64_t)1 << 47);
    return 65536 + (uint64_t)(sum >> 48);
}

/* D2, with `ahead_s` = how much later than scheduled the parent is. |ahead_s| < 2^78, so that nothing overflows. */
static posw_u256 asert(const posw_u256 *anchor_target, __int128 ahead_s, uint64_t half_life_s,
                       const posw_u256 *target_max) {
    enum { SHIFT_LIMIT = 1024 }; /* beyond 512 + 16 either way the result is at its bound */
    POSW_ASSERT(half_life_s > 0);
    const __int128 x = ahead_s * 65536 / (__int128)half_life_s;
    const __int128 shifts = x >> 16;
    const uint64_t f = (uint64_t)(x - shifts * 65536);
    const posw_u256 factor = posw_u256_from_u64(asert_factor(f));
    posw_u256 hi, lo;
    posw_u256_mul_full(&hi, &lo, anchor_target, &factor);
    const int shift = shifts > SHIFT_LIMIT ? SHIFT_LIMIT : shifts < -SHIFT_LIMIT ? -SHIFT_LIMIT : (int)shifts;
    const posw_u256 target = shift_wide(&hi, &lo, shift - 16);
    if (posw_u256_is_zero(&target)) return POSW_U256_ONE;
    return posw_u256_cmp(&target, target_max) > 0 ? *target_max : target;
}

posw_u256 posw_asert_target(const posw_u256 *anchor_target, int64_t time_diff_s, uint64_t height_diff,
                            uint64_t block_time_s, uint64_t half_life_s, const posw_u256 *target_max) {
    POSW_ASSERT(block_time_s <= UINT32_MAX);
    const __int128 scheduled_s = (__int128)block_time_s * ((__int128)height_diff + 1);
    return asert(anchor_target, (__int128)time_diff_s - scheduled_s, half_life_s, target_max);
}

/* D2, with genesis as the anchor: the schedule counts from its own time, not from its parent's. */
posw_u256 posw_difficulty_next_asert(const posw_params *p, const posw_header *parent) {
    const posw_u256 anchor = posw_difficulty_of_target(&p->genesis_difficulty);
    const __int128 passed_s = (__int128)parent->timestamp - (__int128)p->genesis_time;
    const __int128 scheduled_s = (__int128)p->block_time_s * parent->number;
    const uint64_t half_life_s = p->difficulty_blocks * p->block_time_s; /* P2: below 2^36 */
    const posw_u256 target = asert(&anchor, passed_s - scheduled_s, half_life_s, &POSW_U256_MAX);
    return posw_difficulty_of_target(&target); /* D1 */
}
