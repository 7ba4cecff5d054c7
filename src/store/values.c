#include "store/values.h"

#include "base/bytes.h"
#include "base/word.h"

#include <string.h>

enum { SLOTS_FIRST = 256 };

static uint64_t fold(uint64_t a, uint64_t b) {
    uint64_t high;
    const uint64_t low = posw_word_mul(&high, a, b);
    return low ^ high;
}

/* Two words a step; the last step may see bytes again. */
static uint64_t digest_of(const uint8_t *data, size_t size) {
    static const uint64_t odd = 0x9e3779b97f4a7c15u;
    uint8_t few[16] = {0};
    uint64_t d = size;
    if (size < sizeof few) {
        if (size > 0) memcpy(few, data, size);
        data = few;
        size = sizeof few;
    }
    for (; size > 16; data += 16, size -= 16)
        d = fold(d ^ posw_load_le64(data), odd ^ posw_load_le64(data + 8));
    data -= 16 - size;
    return fold(fold(d ^ posw_load_le64(data), odd ^ posw_load_le64(data + 8)), odd);
}

static size_t home_of(const posw_values *p, uint64_t digest) {
    return digest & (p->capacity - 1);
}

static size_t behind(const posw_values *p, size_t i) {
    return (i + 1) & (p->capacity - 1);
}

static void set(posw_values *p, posw_value_slot s) {
    size_t i = home_of(p, s.digest);
    while (p->slots[i].value != NULL)
        i = behind(p, i);
    p->slots[i] = s;
}

/* Room for one more. */
static bool reserve(posw_values *p) {
    if (2 * (p->count + 1) <= p->capacity) return true;
    posw_values grown = *p;
    grown.capacity = p->capacity == 0 ? SLOTS_FIRST : 2 * p->capacity;
    grown.slots = calloc(grown.capacity, sizeof *grown.slots);
    if (grown.slots == NULL) return false;
    for (size_t i = 0; i < p->capacity; i++)
        if (p->slots[i].value != NULL) set(&grown, p->slots[i]);
    free(p->slots);
    *p = grown;
    return true;
}

static posw_value *find(const posw_values *p, uint64_t digest, const void *data, size_t size) {
    for (size_t i = home_of(p, digest); p->slots[i].value != NULL; i = behind(p, i)) {
        posw_value *v = p->slots[i].value;
        if (p->slots[i].digest == digest && v->size == size && memcmp(v->data, data, size) == 0) return v;
    }
    return NULL;
}

static posw_value *value_new(posw_values *p, const void *data, size_t size) {
    posw_value *v = posw_chunks_alloc(&p->chunks, sizeof *v + size);
    if (v == NULL) return NULL;
    v->size = (uint32_t)size;
    v->holders = 1;
    if (size > 0) memcpy(v->data, data, size);
    return v;
}

posw_value *posw_values_hold(posw_values *p, const void *data, size_t size) {
    if (!p->unique) return value_new(p, data, size);
    if (!reserve(p)) return NULL;
    const uint64_t digest = digest_of(data, size);
    posw_value *v = find(p, digest, data, size);
    if (v != NULL) {
        v->holders++;
        return v;
    }
    v = value_new(p, data, size);
    if (v == NULL) return NULL;
    set(p, (posw_value_slot){v, digest});
    p->count++;
    return v;
}

/* Those behind it move up, so that no search meets a gap. */
static void take_out(posw_values *p, const posw_value *v) {
    size_t gap = home_of(p, digest_of(v->data, v->size));
    while (p->slots[gap].value != v)
        gap = behind(p, gap);
    for (size_t i = behind(p, gap); p->slots[i].value != NULL; i = behind(p, i)) {
        const size_t home = home_of(p, p->slots[i].digest), mask = p->capacity - 1;
        if (((i - home) & mask) < ((i - gap) & mask)) continue;
        p->slots[gap] = p->slots[i];
        gap = i;
    }
    p->slots[gap].value = NULL;
    p->count--;
}

void posw_values_release(posw_values *p, posw_value *v) {
    if (v == NULL || --v->holders > 0) return;
    if (p->unique) take_out(p, v);
    posw_chunks_release(&p->chunks, v, sizeof *v + v->size);
}

void posw_values_clear(posw_values *p) {
    free(p->slots);
    posw_chunks_clear(&p->chunks);
    *p = (posw_values){.unique = p->unique};
}
