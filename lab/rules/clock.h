/* Time in simulations: real time is continuous; headers have whole seconds, as the rules read them (protocol T1). */
#ifndef POSW_LAB_CLOCK_H
#define POSW_LAB_CLOCK_H

#include "core/difficulty_rules.h"

#include <math.h>

/* A 256-bit number as a floating one. */
static inline double lab_double_of(const posw_u256 *v) {
    const double high = v->w[3] == 0 && v->w[2] == 0 ? 0 : ((double)v->w[3] * 0x1p64 + (double)v->w[2]) * 0x1p128;
    return high + (double)v->w[1] * 0x1p64 + (double)v->w[0];
}

/* The 256-bit number next to v >= 0. */
static inline posw_u256 lab_u256_of(double v) {
    posw_u256 out = {{0, 0, 0, 0}};
    for (int i = 3; i >= 0; i--) {
        const double unit = ldexp(1, 64 * i), part = floor(v / unit);
        out.w[i] = part >= 0x1p64 ? UINT64_MAX : (uint64_t)part;
        v -= (double)out.w[i] * unit;
        if (v < 0) v = 0;
    }
    return out;
}

/* D6, D7 */
static inline bool lab_own_timestamp(const posw_params *p) {
    return posw_difficulty_reads_own_time(p->difficulty_rule);
}

/* While a block is looked for under such a rule, the difficulty stands still between these times: the least elapsed
 * time above `elapsed_s` at which it may change; UINT64_MAX: no more. */
static inline uint64_t lab_next_change(const posw_params *p, uint64_t elapsed_s) {
    if (p->difficulty_rule == POSW_DIFFICULTY_STEP) return elapsed_s < p->block_time_s ? p->block_time_s : UINT64_MAX;
    if (p->difficulty_rule != POSW_DIFFICULTY_HOMESTEAD) return UINT64_MAX;
    const uint64_t scaled_s = 6931 * p->block_time_s / 10000, bucket_s = scaled_s > 1 ? scaled_s : 1; /* D6 */
    const uint64_t k = elapsed_s / bucket_s;
    return k >= 100 ? UINT64_MAX : (k + 1) * bucket_s;
}

/* How many blocks a rule may look back at the most; 0 where none is said. */
static inline uint64_t lab_look_back_max(const posw_params *p) {
    return p->difficulty_blocks < p->window_blocks ? p->difficulty_blocks : p->window_blocks;
}

/* T1: the timestamp of an honest miner. */
static inline uint64_t lab_timestamp(const posw_header *parent, double now_s) {
    const uint64_t floor_s = (uint64_t)now_s;
    return floor_s > parent->timestamp ? floor_s : parent->timestamp + 1;
}

#endif
