/* A hash map from fixed-size byte keys to fixed-size values (open addressing, power-of-two capacity).
 * Keys chosen by outsiders are mixed with a secret seed, so that nobody can make them collide on purpose.
 * Iteration order depends on the seed: nothing that reaches bytes, messages or decisions may follow it.
 * Pointers to values are borrowed until the next put or remove. */
#ifndef POSW_BASE_MAP_H
#define POSW_BASE_MAP_H

#include "posw/types.h"

typedef struct posw_map {
    uint8_t *slots; /* capacity * (1 + key_size + value_size rounded up to 8) */
    size_t capacity, count, key_size, value_size, stride, used;
    uint64_t seed[2];
} posw_map;

/* key_size 1..64 bytes, value_size >= 0; seed: 16 secret bytes (or NULL: all zero, for tests). Allocates nothing. */
void posw_map_init(posw_map *m, size_t key_size, size_t value_size, const uint8_t *seed);
void posw_map_clear(posw_map *m); /* frees the memory; the map stays usable */
/* Removes every key and takes a new seed; the memory is kept for the next use. */
void posw_map_reset(posw_map *m, const uint8_t *seed);
/* The value of a key (8-byte aligned), NULL if absent. */
void *posw_map_find(const posw_map *m, const void *key);
/* The value of a key, inserted zeroed if absent; *added (may be NULL) tells. NULL: out of memory. */
void *posw_map_put(posw_map *m, const void *key, bool *added);
/* True if the key was there. */
bool posw_map_remove(posw_map *m, const void *key);
/* Iterate: size_t pos = 0; while (posw_map_next(m, &pos, &key, &value)) ... No put or remove meanwhile. */
bool posw_map_next(const posw_map *m, size_t *pos, const void **key, void **value);

#endif
