/* Setting a value. Everything that can fail comes first; then the version changes in steps that cannot. */
#include "codec/trie_node.h"

#include <string.h>

typedef struct {
    posw_trie *t;
    posw_trie_trail trail;
    const uint8_t *key;
    uint8_t nibbles[POSW_TRIE_PATH_MAX]; /* of the key */
    size_t count;
    posw_bytes value;
} change;

/* Owns what is above the last slot of the trail and puts the node there; takes over its reference in any case. */
static int place(change *c, posw_trie_node *n) {
    const size_t last = c->trail.count == 0 ? 0 : c->trail.count - 1;
    if (n == NULL) return POSW_ENOMEM;
    const int rc = posw_trie_own(c->t, &c->trail, c->nibbles, last);
    if (rc != POSW_OK) {
        posw_trie_node_unref(c->t->pool, n);
        return rc;
    }
    posw_trie_replace(c->t, &c->trail, last, n);
    return POSW_OK;
}

/* A leaf for what is left of the key below `depth`. */
static posw_trie_leaf *new_leaf(const change *c, size_t depth) {
    return posw_trie_leaf_of_key(c->t->pool, c->key, c->count / 2, depth, c->value);
}

/* ---- splitting a leaf or an extension ---- */

/* Child i, or the value where nibbles[0..count) is empty, is this value. */
static bool add_value(posw_trie_pool *pool, posw_trie_branch *b, const uint8_t *nibbles, size_t count,
                      posw_bytes value) {
    const size_t skip = count == 0 ? 0 : 1;
    posw_trie_leaf *l = posw_trie_leaf_new(pool, nibbles + skip, count - skip, value);
    if (l == NULL) return false;
    if (count == 0)
        b->value = l;
    else
        posw_trie_branch_insert(b, nibbles[0], &l->head, NULL);
    return true;
}

static bool add_extension(posw_trie_pool *pool, posw_trie_branch *b, const uint8_t *nibbles, size_t count,
                          const posw_trie_extension *e) {
    if (count > 1) {
        posw_trie_extension *shorter = posw_trie_extension_new(pool, nibbles + 1, count - 1, e->child, &e->ref);
        if (shorter == NULL) return false;
        posw_trie_branch_insert(b, nibbles[0], &shorter->head, NULL);
        return true;
    }
    if (e->child != NULL) e->child->refs++;
    posw_trie_branch_insert(b, nibbles[0], e->child, &e->ref);
    return true;
}

static posw_trie_node *under_prefix(posw_trie_pool *pool, posw_trie_branch *b, const uint8_t *prefix, size_t size) {
    if (size == 0) return &b->head;
    posw_trie_extension *e = posw_trie_extension_new(pool, prefix, size, &b->head, NULL);
    posw_trie_node_unref(pool, &b->head);
    return e == NULL ? NULL : &e->head;
}

/* What replaces a leaf or extension from which the key parts after `common` nibbles. NULL: out of memory. */
static posw_trie_node *split(const change *c, posw_trie_node *n, const uint8_t *key, size_t common, size_t depth) {
    posw_trie_pool *pool = c->t->pool;
    uint8_t old[POSW_TRIE_PATH_MAX];
    const size_t old_count = posw_trie_hp_expand(old, key, n->size);
    posw_trie_branch *b = posw_trie_branch_new(pool, 2);
    if (b == NULL) return NULL;
    const bool ok =
        n->kind == POSW_TRIE_LEAF
            ? add_value(pool, b, old + common, old_count - common, posw_trie_leaf_value(posw_trie_as_leaf(n)))
            : add_extension(pool, b, old + common, old_count - common, posw_trie_as_extension(n));
    const size_t at = depth + common;
    if (ok && add_value(pool, b, c->nibbles + at, c->count - at, c->value)) return under_prefix(pool, b, old, common);
    posw_trie_node_unref(pool, &b->head);
    return NULL;
}

/* ---- at each kind of node ---- */

static bool has_value(const posw_trie_leaf *l, posw_bytes value) {
    return l->value_size == value.size && memcmp(posw_trie_leaf_value(l).data, value.data, value.size) == 0;
}

static int put_at_leaf(change *c, posw_trie_leaf *l, size_t depth) {
    if (!posw_trie_leaf_is(l, c->key, c->count / 2, depth)) {
        const size_t common = posw_trie_hp_common(l->data, l->head.size, c->nibbles + depth, c->count - depth);
        return place(c, split(c, &l->head, l->data, common, depth));
    }
    if (has_value(l, c->value)) return POSW_OK;
    posw_trie_leaf *fresh = new_leaf(c, depth);
    return place(c, fresh == NULL ? NULL : &fresh->head);
}

static int put_at_branch(change *c, posw_trie_branch *b, size_t depth) {
    const bool ends = depth == c->count;
    if (ends && b->value != NULL && has_value(b->value, c->value)) return POSW_OK;
    posw_trie_pool *pool = c->t->pool;
    posw_trie_leaf *l = new_leaf(c, ends ? depth : depth + 1);
    if (l == NULL) return POSW_ENOMEM;
    const size_t last = c->trail.count - 1;
    int rc = posw_trie_own(c->t, &c->trail, c->nibbles, last);
    const bool in_place = b->head.refs == 1 && (ends || posw_trie_branch_count(b) < b->head.size);
    posw_trie_node *n = rc == POSW_OK && !in_place ? posw_trie_node_copy(pool, &b->head, ends ? 0 : 1) : &b->head;
    if (rc != POSW_OK || n == NULL) {
        posw_trie_node_unref(pool, &l->head);
        return POSW_ENOMEM;
    }
    b = posw_trie_as_branch(n);
    if (!ends) {
        posw_trie_branch_insert(b, c->nibbles[depth], &l->head, NULL);
    } else {
        if (b->value != NULL) posw_trie_node_unref(pool, &b->value->head);
        b->value = l;
    }
    posw_trie_replace(c->t, &c->trail, last, n);
    return POSW_OK;
}

static int put(change *c) {
    if (c->trail.count == 0) {
        posw_trie_leaf *l = new_leaf(c, 0);
        return place(c, l == NULL ? NULL : &l->head);
    }
    const size_t depth = c->trail.depth[c->trail.count - 1];
    posw_trie_node *n = *c->trail.slot[c->trail.count - 1].node;
    switch ((enum posw_trie_kind)n->kind) {
    case POSW_TRIE_LEAF:
        return put_at_leaf(c, posw_trie_as_leaf(n), depth);
    case POSW_TRIE_EXTENSION: {
        const uint8_t *key = posw_trie_as_extension(n)->key;
        const size_t common = posw_trie_hp_common(key, n->size, c->nibbles + depth, c->count - depth);
        return place(c, split(c, n, key, common, depth));
    }
    case POSW_TRIE_BRANCH:
        break;
    }
    return put_at_branch(c, posw_trie_as_branch(n), depth);
}

int posw_trie_put(posw_trie *t, const uint8_t *key, size_t key_size, const uint8_t *value, size_t value_size) {
    if (key_size > POSW_TRIE_KEY_MAX || value_size > POSW_TRIE_VALUE_MAX) return POSW_EINVAL;
    change c;
    c.t = t;
    c.key = key;
    c.value = (posw_bytes){value, value_size};
    c.count = posw_trie_nibbles(c.nibbles, key, key_size);
    if (value_size == 0) return posw_trie_remove(t, c.nibbles, c.count);
    const int rc = posw_trie_seek(t, &c.trail, c.nibbles, c.count);
    return rc == POSW_OK ? put(&c) : rc;
}
