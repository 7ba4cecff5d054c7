/* `posw` in which a rehearsal finds what it is there to find. No chain file can bring that about as long as the rules
 * are right, so five functions are wrapped by the linker (-Wl,--wrap) and misbehave as POSW_TEST_FAULT says:
 *
 *     made      a block that is made has another gas limit than the one by which it is judged
 *     taken     a block that is refused is said to be valid
 *     refused   a block of the second branch (whose nonce is not 0) is said to be invalid
 *     stayed    a heavier branch is said to have taken back nothing
 *     root      the first state root that is read is another one: after the reorganisation
 *     restart   the third one: after a restart
 *
 * tests/functional/test_upgrades.py runs it. */
#include "cli/trial_branch.h"

#include <stdlib.h>
#include <string.h>

int __real_cli_branch_add(cli_branch *b, posw_buf *block, uint64_t timestamp, size_t transfers);
int __wrap_cli_branch_add(cli_branch *b, posw_buf *block, uint64_t timestamp, size_t transfers);
int __real_posw_chain_import(posw_chain *c, posw_prepared *p, uint64_t now_s, posw_verdict *v,
                             posw_chain_change *change);
int __wrap_posw_chain_import(posw_chain *c, posw_prepared *p, uint64_t now_s, posw_verdict *v,
                             posw_chain_change *change);
posw_hash __real_posw_state_root(const posw_state *s);
posw_hash __wrap_posw_state_root(const posw_state *s);

static bool is_fault(const char *name) {
    const char *fault = getenv("POSW_TEST_FAULT");
    return fault != NULL && strcmp(fault, name) == 0;
}

int __wrap_cli_branch_add(cli_branch *b, posw_buf *block, uint64_t timestamp, size_t transfers) {
    const posw_params *rules = b->rules;
    posw_params other = *rules;
    other.gas_limit++;
    for (uint32_t i = 0; i < other.upgrade_count; i++)
        other.upgrades[i].rules.gas_limit++;
    if (is_fault("made")) b->rules = &other;
    const int err = __real_cli_branch_add(b, block, timestamp, transfers);
    b->rules = rules;
    return err;
}

int __wrap_posw_chain_import(posw_chain *c, posw_prepared *p, uint64_t now_s, posw_verdict *v,
                             posw_chain_change *change) {
    const bool second = p->block.header.nonce[0] != 0;
    const int err = __real_posw_chain_import(c, p, now_s, v, change);
    if (err != POSW_OK) return err;
    if (is_fault("taken") && v->kind == POSW_INVALID) *v = posw_valid();
    if (is_fault("refused") && second) *v = posw_invalid(POSW_RULE_STATE_ROOT);
    if (is_fault("stayed")) change->removed_count = 0;
    return POSW_OK;
}

posw_hash __wrap_posw_state_root(const posw_state *s) {
    static unsigned reads;
    posw_hash root = __real_posw_state_root(s);
    reads++;
    if ((is_fault("root") && reads == 1) || (is_fault("restart") && reads == 3)) root.b[0] ^= 1;
    return root;
}
