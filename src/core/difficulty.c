/* Difficulty: how hard the next block must be, by the rule of the chain.
 *
 *      rule          reads                                     file
 *      asert         genesis, number and time of the parent    difficulty_asert.c
 *      asert-lag     the same, and block n - 1 - h/16          difficulty_asert.c
 *      fixed         genesis                                   here
 *      lwma3         the latest N + 1 blocks                   difficulty_window.c
 *      bitcoin2016   the parent; every N blocks: block n - N   difficulty_window.c
 *      homestead     the parent, and the block's own time      difficulty_step.c
 *      step          the parent, and the block's own time      difficulty_step.c
 *
 * Ancestors come from the ticket window, which every branch has anyway: it keeps W + 10 blocks after the deepest pop,
 * and P2 holds N at or below W. */
#include "base/error.h"
#include "core/difficulty_rules.h"
#include "posw/u256.h"

enum { ASERT_BLOCKS = 144, ASERT_LAG_BLOCKS = 1008, LWMA3_BLOCKS = 60, BITCOIN2016_BLOCKS = 2016 };

const char *posw_difficulty_name(enum posw_difficulty_rule rule) {
    switch (rule) {
    case POSW_DIFFICULTY_ASERT:
        return "asert";
    case POSW_DIFFICULTY_FIXED:
        return "fixed";
    case POSW_DIFFICULTY_LWMA3:
        return "lwma3";
    case POSW_DIFFICULTY_BITCOIN2016:
        return "bitcoin2016";
    case POSW_DIFFICULTY_HOMESTEAD:
        return "homestead";
    case POSW_DIFFICULTY_STEP:
        return "step";
    case POSW_DIFFICULTY_ASERT_LAG:
        return "asert-lag";
    }
    return "";
}

bool posw_difficulty_has_half_life(enum posw_difficulty_rule rule) {
    return rule == POSW_DIFFICULTY_ASERT || rule == POSW_DIFFICULTY_ASERT_LAG;
}

bool posw_difficulty_has_blocks(enum posw_difficulty_rule rule) {
    return posw_difficulty_has_half_life(rule) || rule == POSW_DIFFICULTY_LWMA3 || rule == POSW_DIFFICULTY_BITCOIN2016;
}

bool posw_difficulty_reads_own_time(enum posw_difficulty_rule rule) {
    return rule == POSW_DIFFICULTY_HOMESTEAD || rule == POSW_DIFFICULTY_STEP;
}

bool posw_difficulty_looks_back(enum posw_difficulty_rule rule) {
    return rule == POSW_DIFFICULTY_ASERT_LAG || rule == POSW_DIFFICULTY_LWMA3 || rule == POSW_DIFFICULTY_BITCOIN2016;
}

static uint64_t lesser(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

uint64_t posw_difficulty_blocks_min(enum posw_difficulty_rule rule) {
    switch (rule) {
    case POSW_DIFFICULTY_ASERT:
    case POSW_DIFFICULTY_ASERT_LAG:
        return 1;
    case POSW_DIFFICULTY_LWMA3:
        return 6;
    case POSW_DIFFICULTY_BITCOIN2016:
        return 2;
    case POSW_DIFFICULTY_FIXED:
    case POSW_DIFFICULTY_HOMESTEAD:
    case POSW_DIFFICULTY_STEP:
        return 0;
    }
    return 0;
}

/* P2: a rule that looks back may look as far as the window reaches. */
uint64_t posw_difficulty_blocks_max(enum posw_difficulty_rule rule, uint64_t window_blocks) {
    enum { LONG_MAX_BLOCKS = 1 << 24, LWMA3_MAX_BLOCKS = 1024 };
    switch (rule) {
    case POSW_DIFFICULTY_ASERT:
    case POSW_DIFFICULTY_ASERT_LAG:
        return LONG_MAX_BLOCKS;
    case POSW_DIFFICULTY_LWMA3:
        return lesser(LWMA3_MAX_BLOCKS, window_blocks);
    case POSW_DIFFICULTY_BITCOIN2016:
        return window_blocks;
    case POSW_DIFFICULTY_FIXED:
    case POSW_DIFFICULTY_HOMESTEAD:
    case POSW_DIFFICULTY_STEP:
        return 0;
    }
    return 0;
}

uint64_t posw_difficulty_blocks_default(enum posw_difficulty_rule rule, uint64_t window_blocks) {
    switch (rule) {
    case POSW_DIFFICULTY_ASERT:
        return ASERT_BLOCKS;
    case POSW_DIFFICULTY_ASERT_LAG:
        return ASERT_LAG_BLOCKS;
    case POSW_DIFFICULTY_LWMA3:
        return lesser(LWMA3_BLOCKS, window_blocks);
    case POSW_DIFFICULTY_BITCOIN2016:
        return lesser(BITCOIN2016_BLOCKS, window_blocks);
    case POSW_DIFFICULTY_FIXED:
    case POSW_DIFFICULTY_HOMESTEAD:
    case POSW_DIFFICULTY_STEP:
        return 0;
    }
    return 0;
}

posw_u256 posw_difficulty_of_target(const posw_u256 *target) {
    posw_u256 q;
    posw_u256_divmod(&q, NULL, &POSW_U256_MAX, target);
    return q;
}

/* D1 to D8 */
posw_u256 posw_difficulty_next(const posw_params *p, const posw_window *w, const posw_header *parent,
                               uint64_t timestamp) {
    switch (p->difficulty_rule) {
    case POSW_DIFFICULTY_ASERT:
        return posw_difficulty_next_asert(p, parent);
    case POSW_DIFFICULTY_ASERT_LAG:
        return posw_difficulty_next_asert_lag(p, w, parent);
    case POSW_DIFFICULTY_FIXED:
        return p->genesis_difficulty; /* D3 */
    case POSW_DIFFICULTY_LWMA3:
        return posw_difficulty_next_lwma3(p, w, parent);
    case POSW_DIFFICULTY_BITCOIN2016:
        return posw_difficulty_next_bitcoin2016(p, w, parent);
    case POSW_DIFFICULTY_HOMESTEAD:
        return posw_difficulty_next_homestead(p, parent, timestamp);
    case POSW_DIFFICULTY_STEP:
        return posw_difficulty_next_step(p, parent, timestamp);
    }
    POSW_ASSERT(false && "a difficulty rule (P6)");
    return POSW_U256_MAX;
}
