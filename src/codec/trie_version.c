/* Versions: making, copying and dropping them; memory. */
#include "base/bytes.h"
#include "codec/trie_node.h"
#include "crypto/keccak.h"

#include <stdlib.h>
#include <string.h>

posw_trie *posw_trie_new(const posw_hash *root, const posw_trie_source *source) {
    posw_trie_pool *pool = calloc(1, sizeof *pool);
    posw_trie *t = pool == NULL ? NULL : posw_chunks_alloc(&pool->chunks, sizeof *t);
    if (t == NULL) {
        free(pool);
        return NULL;
    }
    *t = (posw_trie){.pool = pool};
    pool->source = source;
    pool->allocations_left = SIZE_MAX;
    t->root_ref.tag = POSW_TRIE_TAG_HASH;
    memcpy(t->root_ref.rest, root->b, POSW_HASH_SIZE);
    pool->versions = pool->current = 1;
    return t;
}

posw_trie *posw_trie_copy(const posw_trie *t) {
    posw_trie *copy = posw_chunks_alloc(&t->pool->chunks, sizeof *copy);
    if (copy == NULL) return NULL;
    *copy = *t;
    if (copy->root != NULL) copy->root->refs++;
    copy->pool->versions++;
    posw_trie_epoch_enter(copy->pool, copy->epoch);
    return copy;
}

static void pool_free(posw_trie_pool *pool) {
    posw_trie_retired_prune(pool);
    POSW_ASSERT(pool->memory == 0);
    posw_chunks_clear(&pool->chunks);
    posw_buf_clear(&pool->scratch);
    free(pool->retired);
    free(pool);
}

void posw_trie_free(posw_trie *t) {
    if (t == NULL) return;
    posw_trie_pool *pool = t->pool;
    posw_trie_node_unref(pool, t->root);
    posw_trie_epoch_leave(pool, t->epoch);
    posw_chunks_release(&pool->chunks, t, sizeof *t);
    if (--pool->versions == 0)
        pool_free(pool);
    else
        posw_trie_retired_prune(pool);
}

bool posw_trie_is_empty(const posw_trie *t) {
    return t->root == NULL && memcmp(t->root_ref.rest, POSW_TRIE_EMPTY_ROOT.b, POSW_HASH_SIZE) == 0;
}

void posw_trie_set_empty(posw_trie *t) {
    t->root_ref.tag = POSW_TRIE_TAG_HASH;
    memcpy(t->root_ref.rest, POSW_TRIE_EMPTY_ROOT.b, POSW_HASH_SIZE);
}

size_t posw_trie_memory(const posw_trie *t) {
    return t->pool->memory;
}

/* ---- trimming ---- */

static void trim_below(posw_trie_pool *pool, posw_trie_node *n, size_t depth, unsigned limit);

static void trim_slot(posw_trie_pool *pool, posw_trie_slot s, size_t depth, unsigned limit) {
    if (*s.node == NULL) return;
    if (depth <= limit) {
        trim_below(pool, *s.node, depth, limit);
        return;
    }
    posw_trie_node_unref(pool, *s.node);
    *s.node = NULL;
}

/* Recurses at most `limit` deep. Shared nodes are trimmed in place: what the store has, other versions can load again.
 */
static void trim_below(posw_trie_pool *pool, posw_trie_node *n, size_t depth, unsigned limit) {
    if (n->kind == POSW_TRIE_EXTENSION) {
        posw_trie_extension *e = posw_trie_as_extension(n);
        trim_slot(pool, posw_trie_extension_slot(e), depth + posw_trie_hp_count(e->key, n->size), limit);
    } else if (n->kind == POSW_TRIE_BRANCH) {
        posw_trie_branch *b = posw_trie_as_branch(n);
        const unsigned count = posw_trie_branch_count(b);
        for (unsigned k = 0; k < count; k++)
            trim_slot(pool, posw_trie_branch_at(b, k), depth + 1, limit);
    }
}

void posw_trie_trim(posw_trie *t, unsigned depth) {
    if (t->pool->source == NULL || t->stored != t->pool->commits || t->root == NULL) return;
    trim_below(t->pool, t->root, 0, depth);
}
