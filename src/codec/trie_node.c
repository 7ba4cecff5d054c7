/* Nodes: making, sharing, copying and dropping them; hex-prefix keys. */
#include "codec/trie_node.h"
#include "base/bytes.h"

#include <string.h>

enum { CAPACITY_MAX = 16, STEP = 8 /* nibbles at a time: the keys of a state have 64 */ };

/* ---- hex-prefix keys ---- */

/* Four bytes as eight nibbles, one a byte; both as big-endian numbers. */
static uint64_t spread(uint32_t bytes) {
    uint64_t v = bytes;
    v = (v | v << 16) & 0x0000ffff0000ffff;
    v = (v | v << 8) & 0x00ff00ff00ff00ff;
    return (v | v << 4) & 0x0f0f0f0f0f0f0f0f;
}

static uint32_t gather(uint64_t nibbles) {
    uint64_t v = (nibbles | nibbles >> 4) & 0x00ff00ff00ff00ff;
    v = (v | v >> 8) & 0x0000ffff0000ffff;
    return (uint32_t)(v | v >> 16);
}

/* count is even */
static void unpack(uint8_t *out, const uint8_t *bytes, size_t count) {
    size_t i = 0;
    for (; i + STEP <= count; i += STEP)
        posw_store_be64(out + i, spread(posw_load_be32(bytes + i / 2)));
    for (; i < count; i += 2) {
        out[i] = bytes[i / 2] >> 4;
        out[i + 1] = bytes[i / 2] & 15;
    }
}

void posw_trie_hp_put(uint8_t *out, const uint8_t *nibbles, size_t count, bool is_leaf) {
    const unsigned flag = is_leaf ? 0x20 : 0x00;
    size_t i = 0;
    *out++ = (uint8_t)((count & 1) != 0 ? flag | 0x10 | nibbles[i++] : flag);
    for (; i + STEP <= count; i += STEP, out += STEP / 2)
        posw_store_be32(out, gather(posw_load_be64(nibbles + i)));
    for (; i < count; i += 2)
        *out++ = (uint8_t)(nibbles[i] << 4 | nibbles[i + 1]);
}

size_t posw_trie_hp_expand(uint8_t *out, const uint8_t *hp, size_t size) {
    const size_t count = posw_trie_hp_count(hp, size);
    POSW_ASSERT(count <= POSW_TRIE_PATH_MAX);
    if (posw_trie_hp_odd(hp)) *out++ = hp[0] & 15;
    unpack(out, hp + 1, count & ~(size_t)1);
    return count;
}

size_t posw_trie_hp_common(const uint8_t *hp, size_t size, const uint8_t *nibbles, size_t count) {
    const size_t own = posw_trie_hp_count(hp, size);
    const size_t end = own < count ? own : count;
    size_t i = 0;
    const uint8_t *p = hp + 1;
    if (posw_trie_hp_odd(hp)) {
        if (end == 0 || (hp[0] & 15) != nibbles[0]) return 0;
        i = 1;
    }
    /* Whole words, then bytes: most of these keys are long and equal. */
    for (; i + STEP <= end && spread(posw_load_be32(p)) == posw_load_be64(nibbles + i); i += STEP)
        p += STEP / 2;
    for (; i + 2 <= end && *p == (nibbles[i] << 4 | nibbles[i + 1]); i += 2)
        p++;
    if (i < end && *p >> 4 == nibbles[i]) i++;
    return i;
}

/* The keys of a state: a loop of known length, which compilers make of a few wide steps. */
static void unpack_whole_key(uint8_t *restrict out, const uint8_t *restrict key) {
    for (size_t i = 0; i < POSW_TRIE_KEY_MAX; i++) {
        out[2 * i] = key[i] >> 4;
        out[2 * i + 1] = key[i] & 15;
    }
}

size_t posw_trie_nibbles(uint8_t out[POSW_TRIE_PATH_MAX], const uint8_t *key, size_t size) {
    POSW_ASSERT(size <= POSW_TRIE_KEY_MAX);
    if (size == POSW_TRIE_KEY_MAX)
        unpack_whole_key(out, key);
    else
        unpack(out, key, 2 * size);
    return 2 * size;
}

/* ---- leaves and extensions ---- */

static size_t leaf_size(size_t hp_size, size_t value_size) {
    return sizeof(posw_trie_leaf) + hp_size + value_size;
}

/* Without its key. */
static posw_trie_leaf *leaf_alloc(posw_trie_pool *pool, size_t hp_size, posw_bytes value) {
    posw_trie_leaf *l = posw_trie_alloc(pool, leaf_size(hp_size, value.size));
    if (l == NULL) return NULL;
    l->head = (posw_trie_node){.refs = 1, .kind = POSW_TRIE_LEAF, .size = (uint8_t)hp_size, .mask = 0};
    l->value_size = (uint32_t)value.size;
    memcpy(l->data + hp_size, value.data, value.size);
    return l;
}

posw_trie_leaf *posw_trie_leaf_new(posw_trie_pool *pool, const uint8_t *nibbles, size_t count, posw_bytes value) {
    posw_trie_leaf *l = leaf_alloc(pool, posw_trie_hp_size(count), value);
    if (l != NULL) posw_trie_hp_put(l->data, nibbles, count, true);
    return l;
}

/* What is left of a key of whole bytes ends with a byte: so it is half a byte or none, and then bytes of the key. */
posw_trie_leaf *posw_trie_leaf_of_key(posw_trie_pool *pool, const uint8_t *key, size_t key_size, size_t depth,
                                      posw_bytes value) {
    const size_t hp_size = posw_trie_hp_size(2 * key_size - depth), odd = depth & 1;
    posw_trie_leaf *l = leaf_alloc(pool, hp_size, value);
    if (l == NULL) return NULL;
    l->data[0] = (uint8_t)(odd ? 0x30 | (key[depth / 2] & 15) : 0x20);
    memcpy(l->data + 1, key + depth / 2 + odd, hp_size - 1);
    return l;
}

bool posw_trie_leaf_is(const posw_trie_leaf *l, const uint8_t *key, size_t key_size, size_t depth) {
    const size_t hp_size = posw_trie_hp_size(2 * key_size - depth), odd = depth & 1;
    if (l->head.size != hp_size || posw_trie_hp_odd(l->data) != odd) return false;
    if (odd && (l->data[0] & 15) != (key[depth / 2] & 15)) return false;
    return memcmp(l->data + 1, key + depth / 2 + odd, hp_size - 1) == 0;
}

posw_trie_ref posw_trie_ref_parse(const uint8_t *raw) {
    posw_trie_ref ref = {.tag = raw[0]};
    memcpy(ref.rest, raw + 1, posw_trie_ref_size(raw[0]) - 1);
    return ref;
}

posw_trie_ref posw_trie_slot_ref(posw_trie_slot s) {
    posw_trie_ref ref = {.tag = *s.tag};
    memcpy(ref.rest, s.rest, sizeof ref.rest);
    return ref;
}

static size_t extension_size(size_t hp_size) {
    return sizeof(posw_trie_extension) + hp_size;
}

posw_trie_extension *posw_trie_extension_new(posw_trie_pool *pool, const uint8_t *nibbles, size_t count,
                                             posw_trie_node *child, const posw_trie_ref *ref) {
    const size_t hp_size = posw_trie_hp_size(count);
    posw_trie_extension *e = posw_trie_alloc(pool, extension_size(hp_size));
    if (e == NULL) return NULL;
    e->head = (posw_trie_node){.refs = 1, .kind = POSW_TRIE_EXTENSION, .size = (uint8_t)hp_size, .mask = 0};
    e->child = child;
    if (child != NULL) child->refs++;
    e->ref = ref == NULL ? (posw_trie_ref){.tag = POSW_TRIE_TAG_UNKNOWN} : *ref;
    posw_trie_hp_put(e->key, nibbles, count, false);
    return e;
}

/* ---- branches ---- */

static size_t branch_size(unsigned capacity) {
    return sizeof(posw_trie_branch) + capacity * (sizeof(posw_trie_node *) + POSW_HASH_SIZE);
}

posw_trie_branch *posw_trie_branch_new(posw_trie_pool *pool, unsigned capacity) {
    capacity = capacity < 2 ? 2 : (capacity + 1) & ~1u;
    POSW_ASSERT(capacity <= CAPACITY_MAX);
    posw_trie_branch *b = posw_trie_alloc(pool, branch_size(capacity));
    if (b == NULL) return NULL;
    b->head = (posw_trie_node){.refs = 1, .kind = POSW_TRIE_BRANCH, .size = (uint8_t)capacity, .mask = 0};
    b->value = NULL;
    memset(b->tag, 0, sizeof b->tag);
    return b;
}

void posw_trie_branch_insert(posw_trie_branch *b, unsigned i, posw_trie_node *child, const posw_trie_ref *ref) {
    const unsigned count = posw_trie_branch_count(b);
    const unsigned at = posw_trie_count16(b->head.mask & ((1u << i) - 1));
    POSW_ASSERT(count < b->head.size && !posw_trie_branch_has(b, i));
    const posw_trie_slot s = posw_trie_branch_at(b, at);
    memmove(s.node + 1, s.node, (count - at) * sizeof *s.node);
    memmove(s.tag + 1, s.tag, count - at);
    memmove(s.rest + POSW_HASH_SIZE, s.rest, (size_t)(count - at) * POSW_HASH_SIZE);
    *s.node = child;
    *s.tag = ref == NULL ? POSW_TRIE_TAG_UNKNOWN : ref->tag;
    if (ref == NULL)
        memset(s.rest, 0, POSW_HASH_SIZE);
    else
        memcpy(s.rest, ref->rest, POSW_HASH_SIZE);
    b->head.mask = (uint16_t)(b->head.mask | 1u << i);
}

void posw_trie_branch_remove(posw_trie_pool *pool, posw_trie_branch *b, unsigned i) {
    const unsigned at = posw_trie_count16(b->head.mask & ((1u << i) - 1));
    const unsigned after = posw_trie_branch_count(b) - at - 1;
    const posw_trie_slot s = posw_trie_branch_at(b, at);
    posw_trie_node_unref(pool, *s.node);
    memmove(s.node, s.node + 1, after * sizeof *s.node);
    memmove(s.tag, s.tag + 1, after);
    memmove(s.rest, s.rest + POSW_HASH_SIZE, (size_t)after * POSW_HASH_SIZE);
    b->head.mask = (uint16_t)(b->head.mask & ~(1u << i));
}

static posw_trie_node *branch_copy(posw_trie_pool *pool, posw_trie_branch *b, unsigned more) {
    const unsigned count = posw_trie_branch_count(b);
    posw_trie_branch *copy = posw_trie_branch_new(pool, count + more);
    if (copy == NULL) return NULL;
    copy->head.mask = b->head.mask;
    copy->value = b->value;
    if (copy->value != NULL) copy->value->head.refs++;
    for (unsigned k = 0; k < count; k++) {
        copy->child[k] = b->child[k];
        if (copy->child[k] != NULL) copy->child[k]->refs++;
    }
    memcpy(copy->tag, b->tag, sizeof copy->tag);
    memcpy(posw_trie_branch_at(copy, 0).rest, posw_trie_branch_at(b, 0).rest, (size_t)count * POSW_HASH_SIZE);
    return &copy->head;
}

static posw_trie_node *extension_copy(posw_trie_pool *pool, posw_trie_extension *e) {
    posw_trie_extension *copy = posw_trie_alloc(pool, extension_size(e->head.size));
    if (copy == NULL) return NULL;
    memcpy(copy, e, extension_size(e->head.size));
    copy->head.refs = 1;
    if (copy->child != NULL) copy->child->refs++;
    return &copy->head;
}

posw_trie_node *posw_trie_node_copy(posw_trie_pool *pool, posw_trie_node *n, unsigned more) {
    if (n->kind == POSW_TRIE_BRANCH) return branch_copy(pool, posw_trie_as_branch(n), more);
    POSW_ASSERT(n->kind == POSW_TRIE_EXTENSION);
    return extension_copy(pool, posw_trie_as_extension(n));
}

/* ---- dropping ---- */

static size_t node_size(const posw_trie_node *n) {
    switch ((enum posw_trie_kind)n->kind) {
    case POSW_TRIE_LEAF:
        return leaf_size(n->size, ((const posw_trie_leaf *)n)->value_size);
    case POSW_TRIE_EXTENSION:
        return extension_size(n->size);
    case POSW_TRIE_BRANCH:
        break;
    }
    return branch_size(n->size);
}

static void unref_children(posw_trie_pool *pool, posw_trie_branch *b) {
    const unsigned count = posw_trie_branch_count(b);
    for (unsigned k = 0; k < count; k++)
        posw_trie_prefetch(b->child[k]);
    for (unsigned k = 0; k < count; k++)
        posw_trie_node_unref(pool, b->child[k]);
    if (b->value != NULL) posw_trie_node_unref(pool, &b->value->head);
}

/* Recurses at most POSW_TRIE_LEVELS_MAX deep: each level down a trie takes at least one nibble of a key. */
void posw_trie_node_unref(posw_trie_pool *pool, posw_trie_node *n) {
    if (n == NULL || --n->refs > 0) return;
    if (n->kind == POSW_TRIE_EXTENSION) posw_trie_node_unref(pool, posw_trie_as_extension(n)->child);
    if (n->kind == POSW_TRIE_BRANCH) unref_children(pool, posw_trie_as_branch(n));
    posw_trie_release(pool, n, node_size(n));
}
