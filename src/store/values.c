#include "store/values.h"

#include "base/bytes.h"
#include "base/word.h"

#include <string.h>

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

static posw_value *value_new(posw_values *p, const void *data, size_t size) {
    posw_value *v = posw_chunks_alloc(&p->chunks, sizeof *v + size);
    if (v == NULL) return NULL;
    v->size = (uint32_t)size;
    v->holders = 1;
    if (size > 0) memcpy(v->data, data, size);
    return v;
}

static bool is_of(const posw_value *v, const void *data, size_t size) {
    return v->size == size && memcmp(v->data, data, size) == 0;
}

/* Of two values with one digest the second has no place in the table: it is kept as often as it is held. */
posw_value *posw_values_hold(posw_values *p, const void *data, size_t size) {
    bool added = false;
    if (!p->unique) return value_new(p, data, size);
    if (p->by_digest.key_size == 0) posw_map_init(&p->by_digest, sizeof(uint64_t), sizeof(posw_value *), NULL);
    const uint64_t digest = digest_of(data, size);
    posw_value **known = posw_map_put(&p->by_digest, &digest, &added);
    if (known == NULL) return NULL;
    if (!added && is_of(*known, data, size)) {
        (*known)->holders++;
        return *known;
    }
    posw_value *v = value_new(p, data, size);
    if (added && v != NULL) *known = v;
    if (added && v == NULL) (void)posw_map_remove(&p->by_digest, &digest);
    return v;
}

static void forget(posw_values *p, const posw_value *v) {
    const uint64_t digest = digest_of(v->data, v->size);
    posw_value **known = posw_map_find(&p->by_digest, &digest);
    if (known != NULL && *known == v) (void)posw_map_remove(&p->by_digest, &digest);
}

void posw_values_release(posw_values *p, posw_value *v) {
    if (v == NULL || --v->holders > 0) return;
    if (p->unique) forget(p, v);
    posw_chunks_release(&p->chunks, v, sizeof *v + v->size);
}

void posw_values_clear(posw_values *p) {
    posw_map_clear(&p->by_digest);
    posw_chunks_clear(&p->chunks);
    *p = (posw_values){.unique = p->unique};
}
