/* Ways from the root towards a key, and copy on write along them. */
#include "codec/trie_node.h"

/* The slot below an extension or branch in the direction of the key; .node NULL if there is none. */
static inline posw_trie_slot step(posw_trie_node *n, const uint8_t *nibbles, size_t count, size_t *depth) {
    if (n->kind == POSW_TRIE_EXTENSION) {
        posw_trie_extension *e = posw_trie_as_extension(n);
        const size_t length = posw_trie_hp_count(e->key, n->size);
        if (posw_trie_hp_common(e->key, n->size, nibbles + *depth, count - *depth) == length) {
            *depth += length;
            return posw_trie_extension_slot(e);
        }
    } else if (n->kind == POSW_TRIE_BRANCH && *depth < count) {
        posw_trie_branch *b = posw_trie_as_branch(n);
        const unsigned i = nibbles[*depth];
        if (posw_trie_branch_has(b, i)) {
            *depth += 1;
            return posw_trie_branch_slot(b, i);
        }
    }
    return (posw_trie_slot){NULL, NULL, NULL};
}

int posw_trie_seek(const posw_trie *t, posw_trie_trail *trail, const uint8_t *nibbles, size_t count) {
    posw_trie_slot s = posw_trie_root_slot(t);
    size_t depth = 0;
    trail->count = 0;
    trail->slot[0] = s;
    trail->depth[0] = 0;
    if (posw_trie_is_empty(t)) return POSW_OK;
    /* Each step takes at least a nibble of the key, so the trail cannot overflow. */
    while (s.node != NULL) {
        const int rc = posw_trie_resolve(t, s, nibbles, depth);
        if (rc != POSW_OK) return rc;
        trail->slot[trail->count] = s;
        trail->depth[trail->count] = (uint8_t)depth;
        trail->count++;
        s = step(*s.node, nibbles, count, &depth);
    }
    return POSW_OK;
}

int posw_trie_own(posw_trie *t, posw_trie_trail *trail, const uint8_t *nibbles, size_t count) {
    for (size_t k = 0; k < count; k++) {
        posw_trie_node *n = *trail->slot[k].node;
        if (n->refs == 1) continue;
        posw_trie_node *copy = posw_trie_node_copy(t->pool, n, 0);
        if (copy == NULL) return POSW_ENOMEM;
        n->refs--; /* others hold it, too */
        *trail->slot[k].node = copy;
        if (k + 1 == trail->count) continue;
        size_t depth = trail->depth[k];
        trail->slot[k + 1] = step(copy, nibbles, POSW_TRIE_PATH_MAX, &depth);
    }
    return POSW_OK;
}

void posw_trie_replace(posw_trie *t, posw_trie_trail *trail, size_t at, posw_trie_node *n) {
    posw_trie_node **place = trail->slot[at].node;
    posw_trie_node *old = *place;
    if (n != old) {
        *place = n;
        posw_trie_node_unref(t->pool, old);
    }
    for (size_t k = 0; k <= at; k++)
        *trail->slot[k].tag = POSW_TRIE_TAG_UNKNOWN;
    t->stored = POSW_TRIE_CHANGED;
    if (t->root == NULL) posw_trie_set_empty(t);
}
