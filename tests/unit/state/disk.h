/* A store for trie nodes in memory, as sink and source; a chosen load can be made to fail. */
#ifndef POSW_TEST_STATE_DISK_H
#define POSW_TEST_STATE_DISK_H

#include "base/test.h"
#include "codec/trie.h"

#include <string.h>

typedef struct {
    struct {
        uint8_t path[64], *rlp;
        size_t path_size, rlp_size;
    } node[4096];
    size_t count, loads;
    size_t fail_at; /* the load with this number fails, 0: none */
} disk;

static inline size_t disk_find(const disk *d, const uint8_t *path, size_t path_size) {
    for (size_t i = 0; i < d->count; i++)
        if (d->node[i].path_size == path_size && memcmp(d->node[i].path, path, path_size) == 0) return i;
    return d->count;
}

static inline int disk_put(void *arg, const uint8_t *path, size_t path_size, const uint8_t *rlp, size_t rlp_size) {
    disk *d = arg;
    size_t i = disk_find(d, path, path_size);
    if (i == d->count) {
        assert_true(d->count < POSW_ARRAY_SIZE(d->node));
        d->count++;
        memcpy(d->node[i].path, path, path_size);
        d->node[i].path_size = path_size;
        d->node[i].rlp = NULL;
    }
    free(d->node[i].rlp);
    d->node[i].rlp = malloc(rlp_size);
    memcpy(d->node[i].rlp, rlp, rlp_size);
    d->node[i].rlp_size = rlp_size;
    return POSW_OK;
}

static inline int disk_del(void *arg, const uint8_t *path, size_t path_size) {
    disk *d = arg;
    size_t i = disk_find(d, path, path_size);
    if (i < d->count) {
        free(d->node[i].rlp);
        d->node[i] = d->node[--d->count];
    }
    return POSW_OK;
}

static inline int disk_load(void *arg, posw_buf *out, const uint8_t *path, size_t path_size) {
    disk *d = arg;
    size_t i = disk_find(d, path, path_size);
    if (i == d->count) return POSW_ENOTFOUND;
    if (++d->loads == d->fail_at) return POSW_EIO;
    posw_buf_append(out, d->node[i].rlp, d->node[i].rlp_size);
    return POSW_OK;
}

static inline void disk_free(disk *d) {
    for (size_t i = 0; i < d->count; i++)
        free(d->node[i].rlp);
    free(d);
}

#endif
