/* Difficulty rules (protocol section 3). Pure functions. */
#ifndef POSW_DIFFICULTY_H
#define POSW_DIFFICULTY_H

#include "posw/params.h"

/* The aserti3-2d formula with a full 256-bit target.
 * time_diff_s: parent's time minus anchor's *parent's* time (may be negative); height_diff: parent's height minus the anchor's.
 * half_life_s > 0. Result in 1..target_max. */
POSW_API posw_u256 posw_asert_target(const posw_u256 *anchor_target, int64_t time_diff_s, uint64_t height_diff, uint64_t block_time_s,
                                     uint64_t half_life_s, const posw_u256 *target_max);
/* floor((2^256 - 1) / x): D from a target and the target of a D. x != 0 (asserted). */
POSW_API posw_u256 posw_difficulty_of_target(const posw_u256 *target);

/* D1 to D3: the difficulty of the block that follows a parent with this number and timestamp. */
POSW_API posw_u256 posw_difficulty_next(const posw_params *p, uint64_t parent_number, uint64_t parent_time);

#endif
