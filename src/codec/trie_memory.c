/* Memory of nodes. A block's update makes and drops thousands of nodes of a few sizes; lists of free chunks by size
 * cost a fifth of what malloc does, and what was dropped last is reused first, while it is in the cache. */
#include "codec/trie_node.h"

#include <stdlib.h>

enum { SLAB_SIZE_MIN = 4096, SLAB_SIZE_MAX = 1 << 18 };

/* Address sanitizers see each node as an allocation of its own. */
#if defined(__SANITIZE_ADDRESS__)
#define USE_CHUNKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define USE_CHUNKS 0
#endif
#endif
#ifndef USE_CHUNKS
#define USE_CHUNKS 1
#endif

static size_t class_of(size_t size) {
    return (size + POSW_TRIE_CHUNK_ALIGN - 1) / POSW_TRIE_CHUNK_ALIGN;
}

static bool is_chunk(size_t size) {
    return USE_CHUNKS && class_of(size) < POSW_TRIE_CHUNK_CLASSES;
}

static bool new_slab(posw_trie_chunks *c) {
    size_t size = 2 * c->slab_size;
    size = size < SLAB_SIZE_MIN ? SLAB_SIZE_MIN : size > SLAB_SIZE_MAX ? SLAB_SIZE_MAX : size;
    uint8_t *slab = malloc(size);
    if (slab == NULL) return false;
    *(void **)(void *)slab = c->slabs;
    c->slabs = slab;
    c->slab_size = size;
    c->rest = slab + POSW_TRIE_CHUNK_ALIGN;
    c->rest_size = size - POSW_TRIE_CHUNK_ALIGN;
    return true;
}

static void *chunk_alloc(posw_trie_chunks *c, size_t class) {
    void *p = c->free[class];
    const size_t size = class * POSW_TRIE_CHUNK_ALIGN;
    if (p != NULL) {
        c->free[class] = *(void **)p;
        __builtin_prefetch(c->free[class]); /* the next allocation reads it */
        return p;
    }
    if (c->rest_size < size && !new_slab(c)) return NULL;
    p = c->rest;
    c->rest += size;
    c->rest_size -= size;
    return p;
}

void *posw_trie_alloc(posw_trie_pool *pool, size_t size) {
    if (pool->allocations_left == 0) return NULL;
    void *p = is_chunk(size) ? chunk_alloc(&pool->chunks, class_of(size)) : malloc(size);
    if (p == NULL) return NULL;
    if (pool->allocations_left != SIZE_MAX) pool->allocations_left--;
    pool->memory += class_of(size) * POSW_TRIE_CHUNK_ALIGN;
    return p;
}

void posw_trie_release(posw_trie_pool *pool, void *p, size_t size) {
    if (p == NULL) return;
    const size_t class = class_of(size);
    pool->memory -= class * POSW_TRIE_CHUNK_ALIGN;
    if (!is_chunk(size)) {
        free(p);
        return;
    }
    *(void **)p = pool->chunks.free[class];
    pool->chunks.free[class] = p;
}

void posw_trie_chunks_clear(posw_trie_pool *pool) {
    void *slab = pool->chunks.slabs;
    POSW_ASSERT(pool->memory == 0);
    while (slab != NULL) {
        void *next = *(void **)slab;
        free(slab);
        slab = next;
    }
    pool->chunks = (posw_trie_chunks){.slabs = NULL};
}
