/* Difficulty rules that go one step from the parent's: homestead (D6) and step (D7).
 *
 *      homestead   t - t_p     0 .. b-1   b .. 2b-1   2b .. 3b-1   ...   from 100 b
 *                  D changes     + 1          0          - 1       ...      - 99     times D_p / 2048
 *      step        t - t_p     0 .. T-1   from T
 *                  D changes     + 1        - 1                                      times D_p / 10
 *
 * The block's own time decides, which its miner writes: both rules invite to lie about it, within T1 and T2. */
#include "base/error.h"
#include "core/difficulty_rules.h"
#include "posw/u256.h"

static posw_u256 greater(posw_u256 a, posw_u256 b) {
    return posw_u256_cmp(&a, &b) >= 0 ? a : b;
}

static uint64_t elapsed_of(const posw_header *parent, uint64_t timestamp) {
    return timestamp > parent->timestamp ? timestamp - parent->timestamp : 0;
}

/* min(D0, limit) */
static posw_u256 floor_of(const posw_params *p, uint64_t limit) {
    const posw_u256 wide = posw_u256_from_u64(limit);
    return posw_u256_cmp(&p->genesis_difficulty, &wide) < 0 ? p->genesis_difficulty : wide;
}

/* ---- D6 ---- */

posw_u256 posw_difficulty_homestead(const posw_u256 *parent, uint64_t elapsed_s, uint64_t bucket_s,
                                    const posw_u256 *floor) {
    enum { STEPS = 2048, DOWN_MAX = 99 };
    POSW_ASSERT(bucket_s > 0);
    const uint64_t k = elapsed_s / bucket_s;
    const posw_u256 part = posw_u256_div_u64(parent, STEPS);
    if (k == 0) return greater(posw_u256_add_sat(parent, &part), *floor);
    posw_u256 down;
    const bool fits = posw_u256_mul_u64(&down, &part, k - 1 < DOWN_MAX ? k - 1 : DOWN_MAX);
    POSW_ASSERT(fits); /* 99 < 2048 */
    return greater(posw_u256_sub_sat(parent, &down), *floor);
}

posw_u256 posw_difficulty_next_homestead(const posw_params *p, const posw_header *parent, uint64_t timestamp) {
    enum { FLOOR = 131072 };
    const uint64_t scaled_s = 6931 * p->block_time_s / 10000, bucket_s = scaled_s > 1 ? scaled_s : 1;
    const posw_u256 floor = floor_of(p, FLOOR);
    return posw_difficulty_homestead(&parent->difficulty, elapsed_of(parent, timestamp), bucket_s, &floor);
}

/* ---- D7 ---- */

posw_u256 posw_difficulty_step(const posw_u256 *parent, uint64_t elapsed_s, uint64_t block_time_s,
                               const posw_u256 *floor) {
    const posw_u256 part = posw_u256_div_u64(parent, 10);
    const posw_u256 next =
        elapsed_s < block_time_s ? posw_u256_add_sat(parent, &part) : posw_u256_sub_sat(parent, &part);
    return greater(next, *floor);
}

posw_u256 posw_difficulty_next_step(const posw_params *p, const posw_header *parent, uint64_t timestamp) {
    enum { FLOOR = 65536 };
    const posw_u256 floor = floor_of(p, FLOOR);
    return posw_difficulty_step(&parent->difficulty, elapsed_of(parent, timestamp), p->block_time_s, &floor);
}
