/* Committing: the difference between two versions as puts and dels of stored nodes.
 *
 * Both versions are walked together, one nibble of path at a time, so that it does not matter where their extensions
 * begin and end. A *cursor* stands at a path in one of them: at a node, inside an extension's key, or nowhere. */
#include "base/bytes.h"
#include "codec/trie_node.h"

#include <string.h>

typedef struct {
    posw_trie_slot slot; /* .node NULL: nowhere */
    size_t offset;       /* nibbles of the extension's key that are above this path; 0: at the node itself */
} cursor;

typedef struct {
    const posw_trie *t, *base;
    const posw_trie_sink *sink;
    posw_trie_retired *retired;
    uint8_t path[POSW_TRIE_PATH_MAX];
} differ;

static const cursor NOWHERE = {{NULL, NULL, NULL}, 0};

/* Embedded nodes hold nothing that is stored. */
static cursor at_slot(posw_trie_slot s) {
    return *s.tag == POSW_TRIE_TAG_HASH ? (cursor){s, 0} : NOWHERE;
}

static bool is_somewhere(const cursor *c) {
    return c->slot.node != NULL;
}

static bool is_at_node(const cursor *c) {
    return is_somewhere(c) && c->offset == 0;
}

/* The cursor one nibble further down; the node is loaded. */
static cursor child(const cursor *c, unsigned i) {
    if (!is_somewhere(c)) return NOWHERE;
    posw_trie_node *n = *c->slot.node;
    if (n->kind == POSW_TRIE_BRANCH) {
        posw_trie_branch *b = posw_trie_as_branch(n);
        return posw_trie_branch_has(b, i) ? at_slot(posw_trie_branch_slot(b, i)) : NOWHERE;
    }
    if (n->kind == POSW_TRIE_LEAF) return NOWHERE;
    posw_trie_extension *e = posw_trie_as_extension(n);
    if (posw_trie_hp_at(e->key, c->offset) != i) return NOWHERE;
    if (c->offset + 1 == posw_trie_hp_count(e->key, n->size)) return at_slot(posw_trie_extension_slot(e));
    return (cursor){c->slot, c->offset + 1};
}

static bool same_node(const cursor *a, const cursor *b) {
    if (!is_at_node(a) || !is_at_node(b)) return false;
    if (*a->slot.node != NULL && *a->slot.node == *b->slot.node) return true;
    return memcmp(a->slot.rest, b->slot.rest, POSW_HASH_SIZE) == 0;
}

/* Reports the node here, and keeps the one that it replaces. */
static int report(differ *d, const cursor *now, const cursor *before, size_t depth) {
    int rc = POSW_OK;
    if (is_at_node(before)) {
        rc = posw_trie_resolve(d->base, before->slot, d->path, depth);
        if (rc != POSW_OK) return rc;
        if (!posw_trie_retired_add(d->t->pool, d->retired, *before->slot.node, before->slot.rest)) return POSW_ENOMEM;
    }
    if (is_at_node(now)) {
        rc = posw_trie_resolve(d->t, now->slot, d->path, depth);
        if (rc != POSW_OK) return rc;
        const posw_bytes rlp = posw_trie_node_rlp(d->t->pool, *now->slot.node);
        return rlp.size == 0 ? POSW_ENOMEM : d->sink->put(d->sink->arg, d->path, depth, rlp.data, rlp.size);
    }
    return is_at_node(before) ? d->sink->del(d->sink->arg, d->path, depth) : POSW_OK;
}

/* As below, of branches with children at the same nibbles: all but a few. */
static unsigned differing_children(const posw_trie_branch *now, const posw_trie_branch *before) {
    unsigned mask = 0, at = 0;
    for (unsigned rest = now->head.mask; rest != 0; rest &= rest - 1, at++) {
        posw_trie_node *a = now->child[at], *b = before->child[at];
        if (a == b && a != NULL) continue;
        mask |= rest & (~rest + 1);
        posw_trie_prefetch(a);
        posw_trie_prefetch(b);
    }
    return mask;
}

/* Bit i: the versions may differ below nibble i. Most children of a changed branch are the same nodes. */
static unsigned differing_branches(const posw_trie_branch *now, const posw_trie_branch *before) {
    if (now->head.mask == before->head.mask) return differing_children(now, before);
    unsigned mask = 0, at_now = 0, at_before = 0;
    for (unsigned rest = now->head.mask | before->head.mask; rest != 0; rest &= rest - 1) {
        const unsigned bit = rest & (~rest + 1);
        posw_trie_node *a = (now->head.mask & bit) != 0 ? now->child[at_now++] : NULL;
        posw_trie_node *b = (before->head.mask & bit) != 0 ? before->child[at_before++] : NULL;
        if (a != NULL && a == b) continue;
        mask |= bit;
        posw_trie_prefetch(a);
        posw_trie_prefetch(b);
    }
    return mask;
}

static unsigned differing(const cursor *now, const cursor *before) {
    if (!is_at_node(now) || !is_at_node(before)) return 0xffff;
    posw_trie_node *a = *now->slot.node, *b = *before->slot.node;
    if (a->kind != POSW_TRIE_BRANCH || b->kind != POSW_TRIE_BRANCH)
        return a->kind == POSW_TRIE_LEAF && b->kind == POSW_TRIE_LEAF ? 0 : 0xffff;
    return differing_branches(posw_trie_as_branch(a), posw_trie_as_branch(b));
}

/* Recurses at most POSW_TRIE_LEVELS_MAX deep. */
static int diff(differ *d, const cursor *now, const cursor *before, size_t depth);

static int diff_below(differ *d, const cursor *now, const cursor *before, size_t depth) {
    int rc = POSW_OK;
    for (unsigned mask = differing(now, before); mask != 0 && rc == POSW_OK; mask &= mask - 1) {
        const unsigned i = (unsigned)__builtin_ctz(mask);
        const cursor now_below = child(now, i), before_below = child(before, i);
        if (!is_somewhere(&now_below) && !is_somewhere(&before_below)) continue;
        POSW_ASSERT(depth < POSW_TRIE_PATH_MAX);
        d->path[depth] = (uint8_t)i;
        rc = diff(d, &now_below, &before_below, depth + 1);
    }
    return rc;
}

static int diff(differ *d, const cursor *now, const cursor *before, size_t depth) {
    if (same_node(now, before)) return POSW_OK;
    const int rc = report(d, now, before, depth);
    return rc == POSW_OK ? diff_below(d, now, before, depth) : rc;
}

static cursor at_root(const posw_trie *t) {
    return t == NULL || posw_trie_is_empty(t) ? NOWHERE : at_slot(posw_trie_root_slot(t));
}

int posw_trie_commit(posw_trie *t, const posw_trie *base, const posw_trie_sink *sink) {
    posw_hash root;
    POSW_ASSERT(base == NULL || (base->pool == t->pool && base->root_ref.tag != POSW_TRIE_TAG_UNKNOWN));
    const int rc = posw_trie_root(t, &root);
    if (rc != POSW_OK) return rc;
    differ d = {.t = t, .base = base, .sink = sink, .retired = posw_trie_retired_new(t->pool)};
    if (d.retired == NULL) return POSW_ENOMEM;
    const cursor now = at_root(t), before = at_root(base);
    const int result = diff(&d, &now, &before, 0);
    if (result != POSW_OK) {
        posw_trie_retired_free(t->pool, d.retired);
        return result;
    }
    posw_trie_retired_attach(t->pool, d.retired);
    posw_trie_epoch_leave(t->pool, t->epoch);
    t->epoch = t->stored = t->pool->commits;
    posw_trie_epoch_enter(t->pool, t->epoch);
    posw_trie_retired_prune(t->pool);
    return POSW_OK;
}
