#include "times_option.h"

#include "posw/difficulty.h"

static const char *const times[] = {"none", "true", "false", NULL};
/* Those that do not read the block's own time. */
static const char *const rules[] = {"asert-lag", "asert", "lwma3", "bitcoin2016", NULL};
static const enum posw_difficulty_rule rule_of[] = {POSW_DIFFICULTY_ASERT_LAG, POSW_DIFFICULTY_ASERT,
                                                    POSW_DIFFICULTY_LWMA3, POSW_DIFFICULTY_BITCOIN2016};

bool lab_option_times(const cli *c, uint64_t window_blocks, lab_times_options *out) {
    static const char *const beside[] = {"rule", "half-life-blocks", NULL};
    size_t which, rule;
    if (!lab_option_choice(c, "times", times, &which) || !lab_option_choice(c, "rule", rules, &rule)) return false;
    *out = (lab_times_options){(enum lab_times)which, rule_of[rule],
                               posw_difficulty_blocks_default(rule_of[rule], window_blocks)};
    if (out->times == LAB_NO_TIMES) return lab_option_absent(c, beside, "--times true or false");
    return !cli_given(c, "half-life-blocks") ||
           cli_u64(c, "half-life-blocks", posw_difficulty_blocks_min(out->rule),
                   posw_difficulty_blocks_max(out->rule, window_blocks), &out->blocks);
}

void lab_input_times(lab_report *r, const lab_times_options *o) {
    if (o->times == LAB_NO_TIMES) return;
    lab_input_text(r, "times", "times in its blocks", times[o->times]);
    lab_input_text(r, "rule", "difficulty rule", posw_difficulty_name(o->rule));
    lab_input_integer(r, "half_life_blocks",
                      posw_difficulty_has_half_life(o->rule) ? "half-life" : "window or interval", o->blocks, "blocks");
}
