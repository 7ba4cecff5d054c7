/* Blocks that were executed and found invalid, and their descendants: remembered so that they are not executed again.
 * Memory only: after a restart they are simply judged once more. */
#include "chain/chain_internal.h"

#include "base/bytes.h"

#include <stdlib.h>

int posw_chain_invalid_init(posw_chain *c) {
    posw_map_init(&c->invalid, POSW_HASH_SIZE, sizeof(uint64_t), NULL);
    c->invalid_ring = calloc(POSW_CHAIN_INVALID_MAX, sizeof *c->invalid_ring);
    return c->invalid_ring == NULL ? POSW_ENOMEM : POSW_OK;
}

void posw_chain_invalid_clear(posw_chain *c) {
    posw_map_clear(&c->invalid);
    free(c->invalid_ring);
    c->invalid_ring = NULL;
}

bool posw_chain_is_invalid(const posw_chain *c, enum posw_rule *rule, const posw_hash *hash) {
    const uint64_t *value = posw_map_find(&c->invalid, hash->b);
    if (value == NULL) return false;
    *rule = (enum posw_rule) * value;
    return true;
}

/* The ring holds the hashes in order of arrival; the slot at invalid_at is the oldest when all are used. */
void posw_chain_invalid_add(posw_chain *c, const posw_hash *hash, enum posw_rule rule) {
    if (posw_map_find(&c->invalid, hash->b) != NULL) return;
    posw_hash *slot = &c->invalid_ring[c->invalid_at];
    if (c->invalid.count >= POSW_CHAIN_INVALID_MAX) posw_map_remove(&c->invalid, slot->b);
    uint64_t *value = posw_map_put(&c->invalid, hash->b, NULL);
    if (value == NULL) return;
    *value = rule;
    *slot = *hash;
    c->invalid_at = (c->invalid_at + 1) % POSW_CHAIN_INVALID_MAX;
}

int posw_chain_condemn(posw_chain *c, const posw_hash *hash, enum posw_rule rule) {
    const posw_hash bad = *hash; /* it may lie in what goes now */
    if (posw_chain_side_mark_from(c, &bad) == 0) return POSW_ENOMEM;
    size_t pos = 0;
    const void *key;
    void *value;
    while (posw_map_next(&c->side, &pos, &key, &value))
        if (((posw_chain_side *)value)->marked && !posw_hash_equal(key, &bad))
            posw_chain_invalid_add(c, key, POSW_RULE_BAD_ANCESTOR);
    posw_chain_invalid_add(c, &bad, rule); /* last: of too many it is the one to remember */
    int rc = posw_chain_begin(c);
    if (rc == POSW_OK) rc = posw_chain_side_delete_marked(c);
    if (rc == POSW_OK) rc = posw_chain_end_small(c);
    if (rc != POSW_OK) return posw_chain_fail(c, rc);
    posw_chain_side_drop_marked(c);
    c->branch_valid = false;
    posw_log_write(c->log, POSW_LOG_WARN, "chain", "a side branch has an invalid block (rule %s: %s): refused",
                   posw_rule_number(rule), posw_rule_text(rule));
    return POSW_OK;
}
