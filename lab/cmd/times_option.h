/* --times, --rule and --half-life-blocks: what the blocks of an attack say of their time, and the rule that difficulty
 * follows then. */
#ifndef POSW_LAB_TIMES_OPTION_H
#define POSW_LAB_TIMES_OPTION_H

#include "options.h"
#include "posw/params.h"
#include "rules/times.h"

#define LAB_TIMES_OPTIONS(prefix)                                                                                     \
    {"times", "TIMES", "none",                                                                                        \
     prefix "what blocks say of their time. none: nothing, all are equally hard; true: the truth, and difficulty "    \
            "follows by --rule; false: the same, but the attacker's say that they came a second after their parent"}, \
        {"rule", "RULE", "asert-lag", "with --times: asert-lag, asert, lwma3 or bitcoin2016"}, {                      \
        "half-life-blocks", "N", NULL,                                                                                \
            "with --times: half-life of asert-lag [1008] and asert [144], window of lwma3 [60], interval of "         \
            "bitcoin2016 [2016]"                                                                                      \
    }

typedef struct {
    enum lab_times times;
    enum posw_difficulty_rule rule; /* with times: one that does not read the block's own time */
    uint64_t blocks;                /* with times: half-life, window or interval */
} lab_times_options;

/* False after a usage sentence. */
POSW_MUST_USE bool lab_option_times(const cli *c, uint64_t window_blocks, lab_times_options *out);
/* Nothing without times. */
void lab_input_times(lab_report *r, const lab_times_options *o);

#endif
