/* Memory for many small things of a few sizes that come and go: lists of free chunks by size, and slabs that new chunks
 * are cut from. It costs a fifth of what malloc does, what was freed last is used first, while it is in the cache, and
 * chunks stand side by side. Freed chunks are kept for new ones of their size; all memory goes back when the slabs go.
 *
 * Zero-initialise; posw_chunks_clear frees. Sizes above POSW_CHUNK_MAX are malloc's. */
#ifndef POSW_BASE_CHUNKS_H
#define POSW_BASE_CHUNKS_H

#include "posw/types.h"

#include <stdlib.h>

enum { POSW_CHUNK_ALIGN = 16, POSW_CHUNK_CLASSES = 48, POSW_CHUNK_MAX = (POSW_CHUNK_CLASSES - 1) * POSW_CHUNK_ALIGN };

/* Address sanitizers see each chunk as an allocation of its own. */
#if defined(__SANITIZE_ADDRESS__)
#define POSW_CHUNKS_USED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POSW_CHUNKS_USED 0
#endif
#endif
#ifndef POSW_CHUNKS_USED
#define POSW_CHUNKS_USED 1
#endif

typedef struct {
    void *free[POSW_CHUNK_CLASSES]; /* each begins with a pointer to the next */
    void *slabs;                    /* the newest; each begins with a pointer to the next */
    uint8_t *rest;
    size_t rest_size, slab_size;
} posw_chunks;

static inline size_t posw_chunk_class(size_t size) {
    return (size + POSW_CHUNK_ALIGN - 1) / POSW_CHUNK_ALIGN;
}
static inline bool posw_chunk_is_one(size_t size) {
    return POSW_CHUNKS_USED && size <= POSW_CHUNK_MAX;
}

/* For posw_chunks_alloc: a chunk of a class of which none is free. */
void *posw_chunks_cut(posw_chunks *c, size_t class);

/* At least one byte. NULL: out of memory. */
static inline void *posw_chunks_alloc(posw_chunks *c, size_t size) {
    if (!posw_chunk_is_one(size)) return malloc(size);
    void **p = c->free[posw_chunk_class(size)];
    if (p == NULL) return posw_chunks_cut(c, posw_chunk_class(size));
    c->free[posw_chunk_class(size)] = *p;
    __builtin_prefetch(*p); /* the next allocation reads it */
    return p;
}

/* p: of posw_chunks_alloc with this size; NULL allowed. */
static inline void posw_chunks_release(posw_chunks *c, void *p, size_t size) {
    if (p == NULL) return;
    if (!posw_chunk_is_one(size)) {
        free(p);
        return;
    }
    *(void **)p = c->free[posw_chunk_class(size)];
    c->free[posw_chunk_class(size)] = p;
}

/* Frees the slabs: no chunk of them may be in use. */
void posw_chunks_clear(posw_chunks *c);

#endif
