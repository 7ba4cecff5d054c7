/* What tries are tested against: a sorted list of keys and values, the slow recursive definition of a trie over such a
 * list (with an RLP writer of its own), and a store of nodes by path. */
#ifndef POSW_TEST_CODEC_TRIE_MODEL_H
#define POSW_TEST_CODEC_TRIE_MODEL_H

#include "base/bytes.h"
#include "base/map.h"
#include "base/random.h"
#include "base/test.h"
#include "codec/trie.h"
#include "crypto/keccak.h"

#include <string.h>

/* ---- keys and values ---- */

typedef struct {
    uint8_t key[POSW_TRIE_KEY_MAX];
    size_t key_size, value_size;
    uint8_t *value;
} model_entry;

typedef struct {
    model_entry *entries; /* by ascending key */
    size_t count, capacity;
} model;

static inline int model_cmp(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size) {
    const size_t common = a_size < b_size ? a_size : b_size;
    const int c = common == 0 ? 0 : memcmp(a, b, common);
    return c != 0 ? c : (a_size > b_size) - (a_size < b_size);
}

/* The place of a key, or where it would stand. */
static inline size_t model_find(const model *m, const uint8_t *key, size_t key_size, bool *found) {
    size_t low = 0, high = m->count;
    *found = false;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const int c = model_cmp(m->entries[middle].key, m->entries[middle].key_size, key, key_size);
        if (c == 0) *found = true;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* An empty value deletes. */
static inline void model_put(model *m, const uint8_t *key, size_t key_size, const uint8_t *value, size_t value_size) {
    bool found;
    const size_t at = model_find(m, key, key_size, &found);
    if (found) {
        free(m->entries[at].value);
        m->count--;
        memmove(m->entries + at, m->entries + at + 1, (m->count - at) * sizeof *m->entries);
    }
    if (value_size == 0) return;
    if (m->count == m->capacity) {
        m->capacity = 2 * m->capacity + 16;
        m->entries = realloc(m->entries, m->capacity * sizeof *m->entries);
        assert_non_null(m->entries);
    }
    memmove(m->entries + at + 1, m->entries + at, (m->count - at) * sizeof *m->entries);
    m->count++;
    model_entry *e = &m->entries[at];
    *e = (model_entry){.key_size = key_size, .value_size = value_size, .value = malloc(value_size)};
    assert_non_null(e->value);
    if (key_size > 0) memcpy(e->key, key, key_size);
    memcpy(e->value, value, value_size);
}

static inline void model_clear(model *m) {
    for (size_t i = 0; i < m->count; i++)
        free(m->entries[i].value);
    free(m->entries);
    *m = (model){0};
}

static inline model model_copy(const model *m) {
    model copy = {0};
    for (size_t i = 0; i < m->count; i++)
        model_put(&copy, m->entries[i].key, m->entries[i].key_size, m->entries[i].value, m->entries[i].value_size);
    return copy;
}

/* ---- nodes by path ---- */

typedef struct {
    uint8_t *rlp;
    size_t size;
} store_node;

typedef struct {
    posw_map nodes;   /* path_key -> store_node */
    uint8_t last[66]; /* path that was reported last, with its size before it */
    bool any;
    size_t loads, puts, dels;
    int load_error;      /* what loading answers, if not POSW_OK */
    size_t put_error_at; /* the put with this number fails with POSW_ENOSPC; 0: none */
} store;

enum { PATH_KEY_SIZE = 33 };

static inline void path_key(uint8_t out[PATH_KEY_SIZE], const uint8_t *path, size_t size) {
    assert_true(size <= POSW_TRIE_PATH_MAX);
    memset(out, 0, PATH_KEY_SIZE);
    out[0] = (uint8_t)size;
    for (size_t i = 0; i < size; i++)
        out[1 + i / 2] |= (uint8_t)(path[i] << (i % 2 == 0 ? 4 : 0));
}

static inline void store_init(store *s) {
    *s = (store){.any = false};
    posw_map_init(&s->nodes, PATH_KEY_SIZE, sizeof(store_node), NULL);
}

static inline void store_clear(store *s) {
    size_t pos = 0;
    const void *key;
    void *value;
    while (posw_map_next(&s->nodes, &pos, &key, &value))
        free(((store_node *)value)->rlp);
    posw_map_clear(&s->nodes);
}

static inline void store_set(store *s, const uint8_t *path, size_t path_size, const uint8_t *rlp, size_t size) {
    uint8_t key[PATH_KEY_SIZE];
    path_key(key, path, path_size);
    store_node *n = posw_map_put(&s->nodes, key, NULL);
    assert_non_null(n);
    free(n->rlp);
    n->rlp = malloc(size);
    n->size = size;
    assert_non_null(n->rlp);
    memcpy(n->rlp, rlp, size);
}

/* Reports come in ascending order of paths. */
static inline void store_check_order(store *s, const uint8_t *path, size_t path_size) {
    if (s->any) assert_true(model_cmp(s->last + 1, s->last[0], path, path_size) < 0);
    s->any = true;
    s->last[0] = (uint8_t)path_size;
    memcpy(s->last + 1, path, path_size);
}

static inline int store_on_put(void *arg, const uint8_t *path, size_t path_size, const uint8_t *rlp, size_t rlp_size) {
    store *s = arg;
    store_check_order(s, path, path_size);
    if (++s->puts == s->put_error_at) return POSW_ENOSPC;
    store_set(s, path, path_size, rlp, rlp_size);
    return POSW_OK;
}

static inline int store_on_del(void *arg, const uint8_t *path, size_t path_size) {
    store *s = arg;
    uint8_t key[PATH_KEY_SIZE];
    store_check_order(s, path, path_size);
    path_key(key, path, path_size);
    const store_node *n = posw_map_find(&s->nodes, key);
    assert_non_null(n); /* held a node until now */
    free(n->rlp);
    assert_true(posw_map_remove(&s->nodes, key));
    s->dels++;
    return POSW_OK;
}

static inline int store_load(void *arg, posw_buf *out, const uint8_t *path, size_t path_size) {
    store *s = arg;
    uint8_t key[PATH_KEY_SIZE];
    s->loads++;
    if (s->load_error != POSW_OK) return s->load_error;
    path_key(key, path, path_size);
    const store_node *n = posw_map_find(&s->nodes, key);
    if (n == NULL) return POSW_ENOTFOUND;
    posw_buf_append(out, n->rlp, n->size);
    return POSW_OK;
}

static inline int store_commit(store *s, posw_trie *t, const posw_trie *base) {
    const posw_trie_sink sink = {store_on_put, store_on_del, s};
    s->any = false;
    s->puts = s->dels = 0;
    return posw_trie_commit(t, base, &sink);
}

static inline void assert_stores_equal(const store *a, const store *b) {
    size_t pos = 0;
    const void *key;
    void *value;
    assert_int_equal(a->nodes.count, b->nodes.count);
    while (posw_map_next(&a->nodes, &pos, &key, &value)) {
        const store_node *x = value, *y = posw_map_find(&b->nodes, key);
        assert_non_null(y);
        assert_int_equal(x->size, y->size);
        assert_memory_equal(x->rlp, y->rlp, x->size);
    }
}

/* ---- the definition of a trie ---- */

static inline void slow_rlp(posw_buf *out, uint8_t tag, const uint8_t *data, size_t size) {
    if (tag == 0x80 && size == 1 && data[0] < 0x80) {
        posw_buf_byte(out, data[0]);
        return;
    }
    if (size < 56) {
        posw_buf_byte(out, (uint8_t)(tag + size));
    } else {
        const unsigned n = size < 1u << 8 ? 1 : size < 1u << 16 ? 2 : 3;
        posw_buf_byte(out, (uint8_t)(tag + 55 + n));
        for (unsigned i = n; i-- > 0;)
            posw_buf_byte(out, (uint8_t)(size >> 8 * i));
    }
    posw_buf_append(out, data, size);
}

static inline unsigned slow_nibble(const model_entry *e, size_t i) {
    return i % 2 == 0 ? e->key[i / 2] >> 4 : e->key[i / 2] & 15;
}

static inline void slow_key(posw_buf *out, const model_entry *e, size_t from, size_t to, bool is_leaf) {
    uint8_t hp[33] = {0};
    size_t n = 0;
    const unsigned odd = (to - from) % 2;
    hp[n++] = (uint8_t)((is_leaf ? 0x20 : 0) | (odd != 0 ? 0x10 | slow_nibble(e, from) : 0));
    for (size_t i = from + odd; i < to; i += 2)
        hp[n++] = (uint8_t)(slow_nibble(e, i) << 4 | slow_nibble(e, i + 1));
    slow_rlp(out, 0x80, hp, n);
}

static inline void slow_ref(posw_buf *out, const model *m, size_t low, size_t high, size_t depth, store *nodes);

static inline void slow_branch(posw_buf *content, const model *m, size_t low, size_t high, size_t depth, store *nodes) {
    const model_entry *first = &m->entries[low];
    const bool has_value = 2 * first->key_size == depth;
    size_t at = low + has_value;
    for (unsigned i = 0; i < 16; i++) {
        const size_t from = at;
        while (at < high && slow_nibble(&m->entries[at], depth) == i)
            at++;
        if (at == from)
            posw_buf_byte(content, 0x80);
        else
            slow_ref(content, m, from, at, depth + 1, nodes);
    }
    slow_rlp(content, 0x80, first->value, has_value ? first->value_size : 0);
}

/* The node over entries low..high - 1, which share `depth` nibbles. nodes (may be NULL) gets every stored node below
 * it. */
static inline void slow_node(posw_buf *out, const model *m, size_t low, size_t high, size_t depth, store *nodes) {
    const model_entry *first = &m->entries[low], *last = &m->entries[high - 1];
    const size_t end = 2 * first->key_size;
    posw_buf content = {0};
    if (high - low == 1) {
        slow_key(&content, first, depth, end, true);
        slow_rlp(&content, 0x80, first->value, first->value_size);
    } else {
        size_t same = depth;
        while (same < end && slow_nibble(first, same) == slow_nibble(last, same))
            same++;
        if (same > depth) {
            slow_key(&content, first, depth, same, false);
            slow_ref(&content, m, low, high, same, nodes);
        } else {
            slow_branch(&content, m, low, high, depth, nodes);
        }
    }
    slow_rlp(out, 0xc0, content.data, content.size);
    posw_buf_clear(&content);
}

static inline void slow_store(store *nodes, const model_entry *e, size_t depth, const posw_buf *rlp) {
    uint8_t path[POSW_TRIE_PATH_MAX];
    if (nodes == NULL) return;
    for (size_t i = 0; i < depth; i++)
        path[i] = (uint8_t)slow_nibble(e, i);
    store_set(nodes, path, depth, rlp->data, rlp->size);
}

static inline void slow_ref(posw_buf *out, const model *m, size_t low, size_t high, size_t depth, store *nodes) {
    posw_buf rlp = {0};
    posw_hash hash;
    slow_node(&rlp, m, low, high, depth, nodes);
    assert_false(rlp.failed);
    if (rlp.size < 32) {
        posw_buf_append(out, rlp.data, rlp.size);
    } else {
        posw_keccak256(&hash, rlp.data, rlp.size);
        slow_rlp(out, 0x80, hash.b, sizeof hash.b);
        slow_store(nodes, &m->entries[low], depth, &rlp);
    }
    posw_buf_clear(&rlp);
}

static inline posw_hash slow_root(const model *m, store *nodes) {
    posw_buf rlp = {0};
    posw_hash hash;
    if (m->count == 0) return POSW_TRIE_EMPTY_ROOT;
    slow_node(&rlp, m, 0, m->count, 0, nodes);
    assert_false(rlp.failed);
    posw_keccak256(&hash, rlp.data, rlp.size);
    slow_store(nodes, &m->entries[0], 0, &rlp);
    posw_buf_clear(&rlp);
    return hash;
}

/* ---- comparison ---- */

static inline posw_hash root_of(posw_trie *t) {
    posw_hash root;
    assert_int_equal(posw_trie_root(t, &root), POSW_OK);
    return root;
}

static inline void assert_root(posw_trie *t, const model *m) {
    const posw_hash root = root_of(t), expected = slow_root(m, NULL);
    assert_memory_equal(root.b, expected.b, sizeof root.b);
}

typedef struct {
    const model *m;
    size_t next;
} model_walk;

static inline int model_on_leaf(void *arg, const uint8_t *key, size_t key_size, posw_bytes value) {
    model_walk *w = arg;
    assert_true(w->next < w->m->count);
    const model_entry *e = &w->m->entries[w->next++];
    assert_int_equal(key_size, e->key_size);
    assert_memory_equal(key, e->key, key_size);
    assert_int_equal(value.size, e->value_size);
    assert_memory_equal(value.data, e->value, value.size);
    return 0;
}

static inline void assert_walk(posw_trie *t, const model *m) {
    model_walk w = {.m = m, .next = 0};
    assert_int_equal(posw_trie_walk(t, model_on_leaf, &w), POSW_OK);
    assert_int_equal(w.next, m->count);
}

static inline void assert_gets(posw_trie *t, const model *m) {
    for (size_t i = 0; i < m->count; i++) {
        const model_entry *e = &m->entries[i];
        posw_bytes value;
        assert_int_equal(posw_trie_get_view(t, &value, e->key, e->key_size), POSW_OK);
        assert_int_equal(value.size, e->value_size);
        assert_memory_equal(value.data, e->value, value.size);
    }
}

/* ---- random keys and values ---- */

enum key_kind {
    KEYS_HASHED,  /* 32 bytes, as in the state */
    KEYS_CLOSE,   /* 32 bytes that differ in few places: long extensions, deep branches */
    KEYS_SHORT,   /* 2 bytes: a dense trie */
    KEYS_LENGTHS, /* 0 to 32 bytes, many a prefix of others */
    KEY_KINDS
};

static inline size_t random_key(uint64_t *random, enum key_kind kind, uint8_t key[POSW_TRIE_KEY_MAX]) {
    static const uint8_t bytes[4] = {0x00, 0x01, 0x10, 0x11};
    posw_hash hash;
    memset(key, 0, POSW_TRIE_KEY_MAX);
    switch (kind) {
    case KEYS_HASHED:
        key[0] = (uint8_t)random_below(random, 200);
        posw_keccak256(&hash, key, 1);
        memcpy(key, hash.b, sizeof hash.b);
        return sizeof hash.b;
    case KEYS_CLOSE:
        for (int i = 0; i < 3; i++)
            key[random_below(random, 4) * 10 + random_below(random, 2)] = bytes[random_below(random, 4)];
        return POSW_TRIE_KEY_MAX;
    case KEYS_SHORT:
        key[0] = bytes[random_below(random, 4)];
        key[1] = (uint8_t)random_below(random, 64);
        return 2;
    case KEYS_LENGTHS:
    case KEY_KINDS:
        break;
    }
    for (int i = 0; i < 4; i++)
        key[i] = bytes[random_below(random, 4)];
    return random_below(random, 8) == 0 ? POSW_TRIE_KEY_MAX - random_below(random, 2) : random_below(random, 6);
}

/* Sizes around what embeds a node, what needs a longer prefix, and what fills a Keccak block. */
static inline size_t random_value(uint64_t *random, uint8_t value[600]) {
    static const uint16_t sizes[] = {1,  1,  2,  3,  5,   28,  29,  30,  31,  32, 33,
                                     55, 56, 57, 78, 104, 110, 255, 256, 540, 600};
    const size_t size = sizes[random_below(random, POSW_ARRAY_SIZE(sizes))];
    random_bytes(random, value, size);
    return size;
}

/* One random put (or, with this probability in percent, deletion) in both. */
static inline void random_change(uint64_t *random, enum key_kind kind, unsigned delete_percent, posw_trie *t,
                                 model *m) {
    uint8_t key[POSW_TRIE_KEY_MAX], value[600];
    const size_t key_size = random_key(random, kind, key);
    size_t value_size = random_value(random, value);
    if (random_below(random, 100) < delete_percent) value_size = 0;
    assert_int_equal(posw_trie_put(t, key, key_size, value, value_size), POSW_OK);
    model_put(m, key, key_size, value, value_size);
}

static inline posw_trie *new_trie(const posw_hash *root, const posw_trie_source *source) {
    posw_trie *t = posw_trie_new(root, source);
    assert_non_null(t);
    return t;
}

static inline posw_trie *copy_trie(const posw_trie *t) {
    posw_trie *copy = posw_trie_copy(t);
    assert_non_null(copy);
    return copy;
}

#endif
