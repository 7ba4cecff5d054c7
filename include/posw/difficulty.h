/* Difficulty rules (protocol section 3): how hard the next block must be. Pure functions: no clock, no allocation,
 * nothing kept. Times and time differences are in seconds, difficulties and targets are whole 256-bit numbers. All
 * products and sums are exact; what leaves 1..2^256 - 1 is moved to that bound (D1). Any thread. */
#ifndef POSW_DIFFICULTY_H
#define POSW_DIFFICULTY_H

#include "posw/header.h"
#include "posw/params.h"
#include "posw/window.h"

#ifdef __cplusplus
extern "C" {
#endif

/* D1 to D8: the difficulty of the block that follows `parent` and carries this timestamp.
 * p: checked parameters (posw_params_check).
 * w: stands at the parent and holds what posw_window_push was given for every block from genesis on, or for at least
 * the latest W + 10 (asserted as far as needed). Read by asert-lag, lwma3 and bitcoin2016 only; NULL is allowed under
 * the other rules. parent: number, timestamp and difficulty are read. timestamp: of the block itself; read by homestead
 * and step only. At or before the parent's (which T1 forbids) it counts as the parent's. Cost: about 0.1 us; lwma3
 * 15 ns for each block of N. */
POSW_API posw_u256 posw_difficulty_next(const posw_params *p, const posw_window *w, const posw_header *parent,
                                        uint64_t timestamp);

/* "asert", "fixed", "lwma3", "bitcoin2016", "homestead", "step" or "asert-lag": the name in chain files. "" for a value
 * outside the enum. */
POSW_API const char *posw_difficulty_name(enum posw_difficulty_rule rule);
/* True iff posw_params.difficulty_blocks means something under the rule: asert, asert-lag, lwma3 and bitcoin2016. */
POSW_API bool posw_difficulty_has_blocks(enum posw_difficulty_rule rule);
/* True iff it is a half-life: asert and asert-lag. */
POSW_API bool posw_difficulty_has_half_life(enum posw_difficulty_rule rule);
/* The least and the most that difficulty_blocks may be (P2) where the window has so many blocks; 0 under a rule where
 * it means nothing. */
POSW_API uint64_t posw_difficulty_blocks_min(enum posw_difficulty_rule rule);
POSW_API uint64_t posw_difficulty_blocks_max(enum posw_difficulty_rule rule, uint64_t window_blocks);
/* What difficulty_blocks is where nothing else is said: 144 (asert); 1008 (asert-lag); 60 or W, what is less (lwma3);
 * 2016 or W, what is less (bitcoin2016); else 0. */
POSW_API uint64_t posw_difficulty_blocks_default(enum posw_difficulty_rule rule, uint64_t window_blocks);

/* D8: how many blocks the times are looked at later, k, in a chain that has so many blocks. */
POSW_API uint64_t posw_difficulty_lag(uint64_t half_life_blocks, uint64_t window_blocks);

/* ---- the arithmetic of single rules, for tests, simulations and other chains ---- */

/* floor((2^256 - 1) / x): D from a target and the target of a D. x != 0 (asserted). */
POSW_API posw_u256 posw_difficulty_of_target(const posw_u256 *target);

/* D2, the aserti3-2d formula with a full 256-bit target; returns a target in 1..target_max.
 * time_diff_s: parent's time minus anchor's *parent's* time (may be negative); height_diff: parent's height minus the
 * anchor's. anchor_target, target_max >= 1; block_time_s < 2^32, half_life_s > 0 (both asserted). */
POSW_API posw_u256 posw_asert_target(const posw_u256 *anchor_target, int64_t time_diff_s, uint64_t height_diff,
                                     uint64_t block_time_s, uint64_t half_life_s, const posw_u256 *target_max);

/* D5 at the end of an interval: target * span / interval with the span held within a quarter and four times the
 * interval; returns a target in 1..2^256 - 1. interval_s in 1..2^61 (asserted). */
POSW_API posw_u256 posw_difficulty_retarget(const posw_u256 *target, uint64_t span_s, uint64_t interval_s);

/* D6: Ethereum's rule of Homestead, without its bomb: with k = elapsed_s / bucket_s, D + D/2048 for k = 0, else D -
 * D/2048 * min(k - 1, 99); not below `floor`. parent >= 1, bucket_s > 0 (asserted). */
POSW_API posw_u256 posw_difficulty_homestead(const posw_u256 *parent, uint64_t elapsed_s, uint64_t bucket_s,
                                             const posw_u256 *floor);

/* D7: a tenth up for a block that came in less than block_time_s, else a tenth down; not below `floor`. */
POSW_API posw_u256 posw_difficulty_step(const posw_u256 *parent, uint64_t elapsed_s, uint64_t block_time_s,
                                        const posw_u256 *floor);

#ifdef __cplusplus
}
#endif

#endif
