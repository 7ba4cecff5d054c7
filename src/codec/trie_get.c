/* Reading: one key, or all of them in order. */
#include "codec/trie_node.h"

/* The value at the end of a trail. */
static bool value_at(posw_bytes *out, const posw_trie_trail *trail, const uint8_t *key, size_t key_size) {
    if (trail->count == 0) return false;
    posw_trie_node *n = *trail->slot[trail->count - 1].node;
    const size_t depth = trail->depth[trail->count - 1];
    switch ((enum posw_trie_kind)n->kind) {
    case POSW_TRIE_LEAF: {
        const posw_trie_leaf *l = posw_trie_as_leaf(n);
        if (!posw_trie_leaf_is(l, key, key_size, depth)) return false;
        *out = posw_trie_leaf_value(l);
        return true;
    }
    case POSW_TRIE_BRANCH: {
        const posw_trie_branch *b = posw_trie_as_branch(n);
        if (depth != 2 * key_size || b->value == NULL) return false;
        *out = posw_trie_leaf_value(b->value);
        return true;
    }
    case POSW_TRIE_EXTENSION:
        break;
    }
    return false;
}

int posw_trie_get_view(posw_trie *t, posw_bytes *out, const uint8_t *key, size_t key_size) {
    uint8_t nibbles[POSW_TRIE_PATH_MAX];
    posw_trie_trail trail;
    if (key_size > POSW_TRIE_KEY_MAX) return POSW_ENOTFOUND;
    const size_t count = posw_trie_nibbles(nibbles, key, key_size);
    const int rc = posw_trie_seek(t, &trail, nibbles, count);
    if (rc != POSW_OK) return rc;
    return value_at(out, &trail, key, key_size) ? POSW_OK : POSW_ENOTFOUND;
}

int posw_trie_get(posw_trie *t, posw_buf *out, const uint8_t *key, size_t key_size) {
    posw_bytes value;
    const int rc = posw_trie_get_view(t, &value, key, key_size);
    if (rc != POSW_OK) return rc;
    posw_buf_append(out, value.data, value.size);
    return out->failed ? POSW_ENOMEM : POSW_OK;
}

/* ---- walking ---- */

typedef struct {
    const posw_trie *t;
    int (*leaf)(void *arg, const uint8_t *key, size_t key_size, posw_bytes value);
    void *arg;
    uint8_t path[POSW_TRIE_PATH_MAX];
} walker;

static int report(walker *w, size_t depth, const posw_trie_leaf *l) {
    uint8_t key[POSW_TRIE_KEY_MAX];
    POSW_ASSERT(depth % 2 == 0 && depth <= POSW_TRIE_PATH_MAX);
    for (size_t i = 0; i < depth / 2; i++)
        key[i] = (uint8_t)(w->path[2 * i] << 4 | w->path[2 * i + 1]);
    return w->leaf(w->arg, key, depth / 2, posw_trie_leaf_value(l));
}

static int walk_slot(walker *w, posw_trie_slot s, size_t depth);

static int walk_branch(walker *w, posw_trie_branch *b, size_t depth) {
    int rc = b->value != NULL ? report(w, depth, b->value) : POSW_OK;
    for (unsigned i = 0; i < 16 && rc == POSW_OK; i++) {
        if (!posw_trie_branch_has(b, i)) continue;
        w->path[depth] = (uint8_t)i;
        rc = walk_slot(w, posw_trie_branch_slot(b, i), depth + 1);
    }
    return rc;
}

static int walk_node(walker *w, posw_trie_node *n, size_t depth) {
    switch ((enum posw_trie_kind)n->kind) {
    case POSW_TRIE_LEAF: {
        const posw_trie_leaf *l = posw_trie_as_leaf(n);
        return report(w, depth + posw_trie_hp_expand(w->path + depth, l->data, n->size), l);
    }
    case POSW_TRIE_EXTENSION: {
        posw_trie_extension *e = posw_trie_as_extension(n);
        const size_t length = posw_trie_hp_expand(w->path + depth, e->key, n->size);
        return walk_slot(w, posw_trie_extension_slot(e), depth + length);
    }
    case POSW_TRIE_BRANCH:
        break;
    }
    return walk_branch(w, posw_trie_as_branch(n), depth);
}

/* What was loaded for the walk is forgotten after it, so that a walk does not need memory for the whole trie. */
static int walk_slot(walker *w, posw_trie_slot s, size_t depth) {
    const bool was_loaded = *s.node != NULL;
    int rc = posw_trie_resolve(w->t, s, w->path, depth);
    if (rc != POSW_OK) return rc;
    rc = walk_node(w, *s.node, depth);
    if (!was_loaded) {
        posw_trie_node_unref(w->t->pool, *s.node);
        *s.node = NULL;
    }
    return rc;
}

int posw_trie_walk(posw_trie *t, int (*leaf)(void *arg, const uint8_t *key, size_t key_size, posw_bytes value),
                   void *arg) {
    walker w = {.t = t, .leaf = leaf, .arg = arg};
    return posw_trie_is_empty(t) ? POSW_OK : walk_slot(&w, posw_trie_root_slot(t), 0);
}
