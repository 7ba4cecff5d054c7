/* Deleting a key. A branch that is left with one way only becomes an extension or a leaf:
 *
 *      ext [1 2] ─ branch ─┬─ 3 ─ leaf [4 5]         leaf [1 2 3 4 5]
 *                          └─ 7 ─ leaf [8]      ──►
 */
#include "codec/trie_node.h"

#include <string.h>

/* The branch of a trail that loses something, and what it loses. */
typedef struct {
    posw_trie *t;
    posw_trie_trail *trail;
    const uint8_t *nibbles;
    size_t at; /* the branch's place in the trail */
    int child; /* the child that goes, -1: the value */
} loss;

static posw_trie_branch *branch_of(const loss *l) {
    return posw_trie_as_branch(*l->trail->slot[l->at].node);
}

/* The branch keeps two ways at least. */
static int shrink(loss *l) {
    int rc = posw_trie_own(l->t, l->trail, l->nibbles, l->at + 1);
    if (rc != POSW_OK) return rc;
    posw_trie_branch *b = branch_of(l);
    if (l->child >= 0) {
        posw_trie_branch_remove(l->t->pool, b, (unsigned)l->child);
    } else {
        posw_trie_node_unref(l->t->pool, &b->value->head);
        b->value = NULL;
    }
    posw_trie_replace(l->t, l->trail, l->at, &b->head);
    return POSW_OK;
}

/* The node with these nibbles before it. */
static posw_trie_node *with_prefix(posw_trie_pool *pool, const uint8_t *prefix, size_t size, posw_trie_slot s) {
    posw_trie_node *n = *s.node;
    uint8_t key[2 * POSW_TRIE_PATH_MAX];
    posw_trie_leaf *leaf;
    posw_trie_extension *extension;
    posw_trie_ref ref;
    memcpy(key, prefix, size);
    switch ((enum posw_trie_kind)n->kind) {
    case POSW_TRIE_LEAF:
        leaf = posw_trie_as_leaf(n);
        size += posw_trie_hp_expand(key + size, leaf->data, n->size);
        POSW_ASSERT(size <= POSW_TRIE_PATH_MAX);
        leaf = posw_trie_leaf_new(pool, key, size, posw_trie_leaf_value(leaf));
        return leaf == NULL ? NULL : &leaf->head;
    case POSW_TRIE_EXTENSION:
        extension = posw_trie_as_extension(n);
        size += posw_trie_hp_expand(key + size, extension->key, n->size);
        POSW_ASSERT(size <= POSW_TRIE_PATH_MAX);
        extension = posw_trie_extension_new(pool, key, size, extension->child, &extension->ref);
        return extension == NULL ? NULL : &extension->head;
    case POSW_TRIE_BRANCH:
        break;
    }
    ref = posw_trie_slot_ref(s);
    extension = posw_trie_extension_new(pool, key, size, n, &ref);
    return extension == NULL ? NULL : &extension->head;
}

/* The branch keeps one way, child `remaining`, or its value if that is -1. */
static int collapse(loss *l, int remaining) {
    posw_trie_branch *b = branch_of(l);
    uint8_t path[POSW_TRIE_PATH_MAX];
    size_t depth = l->trail->depth[l->at], top = l->at;
    memcpy(path, l->nibbles, depth);
    posw_trie_node *value = b->value == NULL ? NULL : &b->value->head;
    posw_trie_slot s = {&value, NULL, NULL};
    if (remaining >= 0) {
        path[depth++] = (uint8_t)remaining;
        s = posw_trie_branch_slot(b, (unsigned)remaining);
        const int rc = posw_trie_resolve(l->t, s, path, depth);
        if (rc != POSW_OK) return rc;
    }
    if (top > 0 && (*l->trail->slot[top - 1].node)->kind == POSW_TRIE_EXTENSION) top--;
    const size_t from = l->trail->depth[top];
    posw_trie_node *n = with_prefix(l->t->pool, path + from, depth - from, s);
    if (n == NULL) return POSW_ENOMEM;
    const int rc = posw_trie_own(l->t, l->trail, l->nibbles, top);
    if (rc != POSW_OK) {
        posw_trie_node_unref(l->t->pool, n);
        return rc;
    }
    posw_trie_replace(l->t, l->trail, top, n);
    return POSW_OK;
}

static int remove_from_branch(loss *l) {
    const posw_trie_branch *b = branch_of(l);
    const unsigned mask = l->child >= 0 ? b->head.mask & ~(1u << l->child) : b->head.mask;
    const unsigned ways = posw_trie_count16(mask) + (l->child >= 0 && b->value != NULL);
    POSW_ASSERT(ways > 0);
    if (ways > 1) return shrink(l);
    return collapse(l, mask == 0 ? -1 : __builtin_ctz(mask));
}

/* Deletes the leaf at the end of the trail. */
static int remove_leaf(posw_trie *t, posw_trie_trail *trail, const uint8_t *nibbles) {
    const size_t last = trail->count - 1;
    if (last == 0) {
        posw_trie_replace(t, trail, 0, NULL);
        return POSW_OK;
    }
    /* A leaf hangs on a branch; a trie from a damaged store may say otherwise. */
    if ((*trail->slot[last - 1].node)->kind != POSW_TRIE_BRANCH) return POSW_ECORRUPT;
    loss l = {.t = t, .trail = trail, .nibbles = nibbles, .at = last - 1, .child = nibbles[trail->depth[last] - 1]};
    return remove_from_branch(&l);
}

int posw_trie_remove(posw_trie *t, const uint8_t *nibbles, size_t count) {
    posw_trie_trail trail;
    const int rc = posw_trie_seek(t, &trail, nibbles, count);
    if (rc != POSW_OK || trail.count == 0) return rc;
    posw_trie_node *n = *trail.slot[trail.count - 1].node;
    const size_t depth = trail.depth[trail.count - 1], rest = count - depth;
    loss l = {.t = t, .trail = &trail, .nibbles = nibbles, .at = trail.count - 1, .child = -1};
    switch ((enum posw_trie_kind)n->kind) {
    case POSW_TRIE_LEAF: {
        const posw_trie_leaf *leaf = posw_trie_as_leaf(n);
        const bool found = posw_trie_hp_count(leaf->data, n->size) == rest &&
                           posw_trie_hp_common(leaf->data, n->size, nibbles + depth, rest) == rest;
        return found ? remove_leaf(t, &trail, nibbles) : POSW_OK;
    }
    case POSW_TRIE_BRANCH:
        return rest == 0 && posw_trie_as_branch(n)->value != NULL ? remove_from_branch(&l) : POSW_OK;
    case POSW_TRIE_EXTENSION:
        break;
    }
    return POSW_OK;
}
