/* Values of stores in memory: bytes that never change, counted by those who hold them.
 *
 * A pool may keep equal values once. Stores that share such a pool, as the machines of a simulated network do, which
 * all have the same blocks, then need the memory of one; a write costs a digest and a comparison instead of a copy to
 * memory that nobody has touched for long.
 *
 * Not thread safe. */
#ifndef POSW_STORE_VALUES_H
#define POSW_STORE_VALUES_H

#include "base/chunks.h"
#include "base/map.h"
#include "posw/types.h"

typedef struct {
    uint32_t size, holders;
    uint8_t data[];
} posw_value;

/* Zero-initialise, set `unique`; posw_values_clear frees. */
typedef struct {
    bool unique; /* equal values are kept once */
    posw_chunks chunks;
    posw_map by_digest; /* 64 bits -> posw_value *; empty unless unique */
} posw_values;

/* The value of these bytes, held once more. NULL: out of memory. */
posw_value *posw_values_hold(posw_values *p, const void *data, size_t size);
/* NULL allowed. */
void posw_values_release(posw_values *p, posw_value *v);
/* Nobody may hold a value any more, or look at one. */
void posw_values_clear(posw_values *p);

#endif
