/* The rules behind posw_difficulty_next, one function each (posw/difficulty.h says what they need). */
#ifndef POSW_CORE_DIFFICULTY_RULES_H
#define POSW_CORE_DIFFICULTY_RULES_H

#include "base/error.h"
#include "posw/difficulty.h"

/* True iff the difficulty of a block depends on its own timestamp (D6, D7). */
bool posw_difficulty_reads_own_time(enum posw_difficulty_rule rule);

/* True iff it depends on times of blocks before the parent (D4, D5, D8). */
bool posw_difficulty_looks_back(enum posw_difficulty_rule rule);

/* The rules that look back do so from the parent. */
static inline void posw_difficulty_check_place(const posw_window *w, const posw_header *parent) {
    POSW_ASSERT(w != NULL && posw_window_count(w) > 0 && posw_window_at(w, 0).timestamp == parent->timestamp);
}

posw_u256 posw_difficulty_next_asert(const posw_params *p, const posw_header *parent);
posw_u256 posw_difficulty_next_asert_lag(const posw_params *p, const posw_window *w, const posw_header *parent);
posw_u256 posw_difficulty_next_lwma3(const posw_params *p, const posw_window *w, const posw_header *parent);
posw_u256 posw_difficulty_next_bitcoin2016(const posw_params *p, const posw_window *w, const posw_header *parent);
posw_u256 posw_difficulty_next_homestead(const posw_params *p, const posw_header *parent, uint64_t timestamp);
posw_u256 posw_difficulty_next_step(const posw_params *p, const posw_header *parent, uint64_t timestamp);

#endif
