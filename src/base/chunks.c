#include "base/chunks.h"

enum { SLAB_SIZE_MIN = 4096, SLAB_SIZE_MAX = 1 << 18 };

static bool new_slab(posw_chunks *c) {
    size_t size = 2 * c->slab_size;
    size = size < SLAB_SIZE_MIN ? SLAB_SIZE_MIN : size > SLAB_SIZE_MAX ? SLAB_SIZE_MAX : size;
    uint8_t *slab = malloc(size);
    if (slab == NULL) return false;
    *(void **)(void *)slab = c->slabs;
    c->slabs = slab;
    c->slab_size = size;
    c->rest = slab + POSW_CHUNK_ALIGN;
    c->rest_size = size - POSW_CHUNK_ALIGN;
    return true;
}

void *posw_chunks_cut(posw_chunks *c, size_t class) {
    const size_t size = class * POSW_CHUNK_ALIGN;
    if (c->rest_size < size && !new_slab(c)) return NULL;
    void *p = c->rest;
    c->rest += size;
    c->rest_size -= size;
    return p;
}

void posw_chunks_clear(posw_chunks *c) {
    void *slab = c->slabs;
    while (slab != NULL) {
        void *next = *(void **)slab;
        free(slab);
        slab = next;
    }
    *c = (posw_chunks){.slabs = NULL};
}
