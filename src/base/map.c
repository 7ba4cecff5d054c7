#include "base/map.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/siphash.h"

#include <stdlib.h>

/* A slot is the value (padded to 8 bytes, so that it stays aligned), the key, and a tag byte. The tag is one of the
 * two below or 0x80 with seven bits of the key's hash, which spares most of the key comparisons along a probe.
 * Probing is linear. A removed slot becomes a tombstone unless the next slot is empty; `used` counts keys and
 * tombstones, and a table that is three quarters used is rebuilt at the size its keys need. */
enum { TAG_EMPTY = 0, TAG_TOMBSTONE = 1, TAG_KEY = 0x80, FIRST_CAPACITY = 16 };

static size_t padded_value_size(const posw_map *m) {
    return (m->value_size + 7) & ~(size_t)7;
}
static uint8_t *slot_at(const posw_map *m, size_t i) {
    return m->slots + i * m->stride;
}
static uint8_t *slot_key(const posw_map *m, uint8_t *slot) {
    return slot + padded_value_size(m);
}
static uint8_t *slot_tag(const posw_map *m, uint8_t *slot) {
    return slot + padded_value_size(m) + m->key_size;
}
static uint8_t tag_of(uint64_t hash) {
    return (uint8_t)(TAG_KEY | hash >> 57);
}

void posw_map_init(posw_map *m, size_t key_size, size_t value_size, const uint8_t *seed) {
    POSW_ASSERT(key_size >= 1 && key_size <= 64 && value_size <= SIZE_MAX / 4);
    *m = (posw_map){.key_size = key_size, .value_size = value_size};
    m->stride = (padded_value_size(m) + key_size + 1 + 7) & ~(size_t)7;
    if (seed != NULL) {
        m->seed[0] = posw_load_le64(seed);
        m->seed[1] = posw_load_le64(seed + 8);
    }
}

void posw_map_clear(posw_map *m) {
    if (m == NULL) return;
    free(m->slots);
    m->slots = NULL;
    m->capacity = m->count = m->used = 0;
}

void posw_map_reset(posw_map *m, const uint8_t *seed) {
    if (m->used > 0) memset(m->slots, 0, m->capacity * m->stride);
    m->count = m->used = 0;
    m->seed[0] = seed == NULL ? 0 : posw_load_le64(seed);
    m->seed[1] = seed == NULL ? 0 : posw_load_le64(seed + 8);
}

static uint8_t *find_slot(const posw_map *m, const void *key, uint64_t hash) {
    size_t mask = m->capacity - 1;
    uint8_t wanted = tag_of(hash);
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        uint8_t *slot = slot_at(m, i);
        uint8_t tag = *slot_tag(m, slot);
        if (tag == TAG_EMPTY) return NULL;
        if (tag == wanted && memcmp(slot_key(m, slot), key, m->key_size) == 0) return slot;
    }
}

void *posw_map_find(const posw_map *m, const void *key) {
    if (m->count == 0) return NULL;
    return find_slot(m, key, posw_siphash(m->seed, key, m->key_size));
}

/* The first slot on the key's path that holds no key. */
static uint8_t *free_slot(const posw_map *m, uint64_t hash) {
    size_t mask = m->capacity - 1;
    size_t i = (size_t)hash & mask;
    while (*slot_tag(m, slot_at(m, i)) >= TAG_KEY)
        i = (i + 1) & mask;
    return slot_at(m, i);
}

static bool rebuild(posw_map *m) {
    posw_map next = *m;
    next.capacity = FIRST_CAPACITY;
    while (next.capacity / 2 < m->count + 1)
        next.capacity *= 2;
    if (next.capacity > PTRDIFF_MAX / m->stride) return false;
    next.slots = calloc(next.capacity, m->stride);
    if (next.slots == NULL) return false;
    for (size_t i = 0; i < m->capacity; i++) {
        uint8_t *slot = slot_at(m, i);
        if (*slot_tag(m, slot) >= TAG_KEY)
            memcpy(free_slot(&next, posw_siphash(m->seed, slot_key(m, slot), m->key_size)), slot, m->stride);
    }
    next.used = next.count;
    free(m->slots);
    *m = next;
    return true;
}

void *posw_map_put(posw_map *m, const void *key, bool *added) {
    uint64_t hash = posw_siphash(m->seed, key, m->key_size);
    uint8_t *slot = m->count > 0 ? find_slot(m, key, hash) : NULL;
    if (slot != NULL) {
        if (added != NULL) *added = false;
        return slot;
    }
    if (m->used + 1 > m->capacity / 4 * 3 && !rebuild(m)) return NULL;
    slot = free_slot(m, hash);
    if (*slot_tag(m, slot) == TAG_EMPTY) m->used++;
    memset(slot, 0, padded_value_size(m));
    memcpy(slot_key(m, slot), key, m->key_size);
    *slot_tag(m, slot) = tag_of(hash);
    m->count++;
    if (added != NULL) *added = true;
    return slot;
}

/* Before an empty slot no tombstone is needed: give back this slot and the tombstones right before it. */
static void reclaim(posw_map *m, size_t i) {
    size_t mask = m->capacity - 1;
    while (*slot_tag(m, slot_at(m, i)) == TAG_TOMBSTONE) {
        *slot_tag(m, slot_at(m, i)) = TAG_EMPTY;
        m->used--;
        i = (i - 1) & mask;
    }
}

bool posw_map_remove(posw_map *m, const void *key) {
    uint8_t *slot = posw_map_find(m, key);
    if (slot == NULL) return false;
    size_t i = (size_t)(slot - m->slots) / m->stride;
    *slot_tag(m, slot) = TAG_TOMBSTONE;
    m->count--;
    if (*slot_tag(m, slot_at(m, (i + 1) & (m->capacity - 1))) == TAG_EMPTY) reclaim(m, i);
    return true;
}

bool posw_map_next(const posw_map *m, size_t *pos, const void **key, void **value) {
    while (*pos < m->capacity) {
        uint8_t *slot = slot_at(m, (*pos)++);
        if (*slot_tag(m, slot) < TAG_KEY) continue;
        if (key != NULL) *key = slot_key(m, slot);
        if (value != NULL) *value = slot;
        return true;
    }
    return false;
}
