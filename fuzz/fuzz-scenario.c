/* Scenarios of the laboratory: a refusal is explained; what is accepted can be computed with. */
#include "fuzz.h"

#include "exact/attack.h"
#include "exact/scenario_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lab_scenario_file file;
    posw_message msg = {{0}};
    if (!lab_scenario_read(&file, (const char *)data, size, &msg)) {
        POSW_ASSERT(msg.text[0] != '\0');
        return 0;
    }
    const lab_scenario *s = &file.scenario;
    POSW_ASSERT(s->price_usd > 0 && s->supply >= 1 && s->miners >= 1 && s->staked_share <= 1);
    POSW_ASSERT(file.attack.source_count <= LAB_SOURCES_MAX && file.attack.uncertain_count <= LAB_UNCERTAIN_MAX);
    lab_rule rule;
    lab_attack_result attack;
    const bool known = lab_rule_named(&rule, "ticket");
    POSW_ASSERT(known);
    if (s->miners > 1000 || !lab_attack(&rule, s, 60, &attack)) return 0;
    POSW_ASSERT(attack.best.cost >= 0 && attack.best.cost <= attack.pure_hash.cost);
    return 0;
}
