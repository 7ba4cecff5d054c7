/* Difficulty rules that measure past blocks: lwma3 (D4) and bitcoin2016 (D5).
 *
 *      lwma3         n-N-1 | n-N ............... n-1 | n         each of the N blocks: its time to come and its D
 *                          weight 1 ............. N              the latest count most
 *
 *      bitcoin2016   | n-N ........ n-1 | n ........ n+N-1 |     D changes at the first block of an interval only
 *                      |<- span ------>|                         N - 1 gaps are measured, and N are meant
 *
 * Both are in the words of those who made them; what is exact here are sums and products (384 bits), so that the only
 * rounding is that of the divisions in the protocol. */
#include "base/error.h"
#include "core/difficulty_rules.h"
#include "core/wide.h"
#include "posw/u256.h"

/* ---- D4 ---- */

typedef struct {
    posw_wide difficulty;    /* S */
    uint64_t weighted_s;     /* L: at most 6 T N (N + 1) / 2, below 2^34 by P2 */
    uint64_t latest_three_s; /* of the last three blocks */
} lwma_sums;

static lwma_sums lwma_sum(const posw_window *w, uint64_t blocks, uint64_t solve_max_s) {
    lwma_sums sums = {.weighted_s = 0};
    posw_window_entry block = posw_window_at(w, 0);
    for (uint64_t back = 0; back < blocks; back++) {
        const posw_window_entry parent = posw_window_at(w, back + 1);
        const uint64_t gap_s = block.timestamp - parent.timestamp, solve_s = gap_s < solve_max_s ? gap_s : solve_max_s;
        sums.weighted_s += (blocks - back) * solve_s;
        sums.difficulty = posw_wide_add(sums.difficulty, &block.difficulty);
        if (back < 3) sums.latest_three_s += solve_s;
        block = parent;
    }
    return sums;
}

static posw_u256 greater(posw_u256 a, posw_u256 b) {
    return posw_u256_cmp(&a, &b) >= 0 ? a : b;
}
static posw_u256 lesser(posw_u256 a, posw_u256 b) {
    return posw_u256_cmp(&a, &b) <= 0 ? a : b;
}

/* D4. That intermediate results stop at 2^256 - 1 changes nothing: after the division only minima and maxima follow. */
posw_u256 posw_difficulty_next_lwma3(const posw_params *p, const posw_window *w, const posw_header *parent) {
    const uint64_t blocks = p->difficulty_blocks, block_time_s = p->block_time_s;
    if (parent->number < blocks) return p->genesis_difficulty;
    posw_difficulty_check_place(w, parent);
    const lwma_sums sums = lwma_sum(w, blocks, 6 * block_time_s);
    const uint64_t scale = block_time_s * (blocks + 1) * 99; /* P2: below 2^29 */
    const posw_wide mean = posw_wide_div(posw_wide_mul(sums.difficulty, scale), 200 * sums.weighted_s); /* L >= 1: T1 */
    posw_u256 next = posw_wide_to_u256(&mean);
    next = greater(next, posw_wide_share(&parent->difficulty, 67, 100));
    next = lesser(next, posw_wide_share(&parent->difficulty, 150, 100));
    if (10 * sums.latest_three_s < 8 * block_time_s)
        next = greater(next, posw_wide_share(&parent->difficulty, 108, 100));
    return greater(next, POSW_U256_ONE); /* D1 */
}

/* ---- D5 ---- */

posw_u256 posw_difficulty_retarget(const posw_u256 *target, uint64_t span_s, uint64_t interval_s) {
    POSW_ASSERT(interval_s >= 1 && interval_s <= (uint64_t)1 << 61);
    if (span_s < interval_s / 4) span_s = interval_s / 4;
    if (span_s > 4 * interval_s) span_s = 4 * interval_s;
    return greater(posw_wide_share(target, span_s, interval_s), POSW_U256_ONE);
}

/* D5 */
posw_u256 posw_difficulty_next_bitcoin2016(const posw_params *p, const posw_window *w, const posw_header *parent) {
    const uint64_t blocks = p->difficulty_blocks;
    if ((parent->number + 1) % blocks != 0) return parent->difficulty;
    posw_difficulty_check_place(w, parent);
    const uint64_t span_s = parent->timestamp - posw_window_at(w, blocks - 1).timestamp;
    const posw_u256 old = posw_difficulty_of_target(&parent->difficulty);
    const posw_u256 target = posw_difficulty_retarget(&old, span_s, blocks * p->block_time_s);
    return posw_difficulty_of_target(&target);
}
