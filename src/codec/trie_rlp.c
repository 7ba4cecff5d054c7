/* Nodes and their RLP: strict parsing, encoding. */
#include "codec/rlp.h"
#include "codec/trie_node.h"

#include <string.h>

enum { BRANCH_ITEMS = 17, RLP_EMPTY = 0x80, EMBEDDED_TAG_MIN = 0xc2 /* the shortest node: two items of one byte */ };

/* ---- parsing ---- */

/* The items of the list that the input consists of; 0: not such a list, or more than BRANCH_ITEMS. */
static size_t parse_items(posw_bytes items[BRANCH_ITEMS], const uint8_t *rlp, size_t size) {
    posw_rlp outer = posw_rlp_reader(rlp, size);
    posw_rlp r = posw_rlp_list(&outer);
    size_t count = 0;
    if (!posw_rlp_done(&outer)) return 0;
    while (count < BRANCH_ITEMS && posw_rlp_more(&r))
        items[count++] = posw_rlp_raw(&r);
    return posw_rlp_done(&r) ? count : 0;
}

/* The content of an item that is a byte string. */
static bool item_bytes(posw_bytes *out, posw_bytes item) {
    posw_rlp r = posw_rlp_reader(item.data, item.size);
    *out = posw_rlp_bytes(&r);
    return posw_rlp_done(&r);
}

/* An embedded node is looked into when it is loaded; it can hold nothing but embedded nodes and has less than 32 bytes.
 */
static bool is_ref(posw_bytes item) {
    if (item.data[0] == POSW_TRIE_TAG_HASH) return item.size == POSW_TRIE_REF_SIZE;
    return item.data[0] >= EMBEDDED_TAG_MIN && item.size <= POSW_TRIE_EMBEDDED_MAX;
}

static bool is_empty_item(posw_bytes item) {
    return item.size == 1 && item.data[0] == RLP_EMPTY;
}

static bool parse_short(posw_trie_view *v, const posw_bytes items[2], size_t depth) {
    if (!item_bytes(&v->key, items[0]) || v->key.size == 0 || v->key.size > POSW_TRIE_HP_MAX) return false;
    const uint8_t flags = v->key.data[0] >> 4;
    if (flags > 3 || ((flags & 1) == 0 && (v->key.data[0] & 15) != 0)) return false;
    const size_t end = depth + posw_trie_hp_count(v->key.data, v->key.size);
    if (flags >= 2) {
        v->kind = POSW_TRIE_LEAF;
        return end <= POSW_TRIE_PATH_MAX && end % 2 == 0 && item_bytes(&v->value, items[1]) && v->value.size > 0 &&
               v->value.size <= POSW_TRIE_VALUE_MAX;
    }
    v->kind = POSW_TRIE_EXTENSION;
    v->child[0] = items[1].data;
    return end > depth && end < POSW_TRIE_PATH_MAX && is_ref(items[1]);
}

static bool parse_branch(posw_trie_view *v, const posw_bytes items[BRANCH_ITEMS], size_t depth) {
    unsigned count = 0;
    v->kind = POSW_TRIE_BRANCH;
    for (unsigned i = 0; i < 16; i++) {
        if (is_empty_item(items[i])) continue;
        if (!is_ref(items[i])) return false;
        v->mask = (uint16_t)(v->mask | 1u << i);
        v->child[i] = items[i].data;
        count++;
    }
    if (!item_bytes(&v->value, items[16]) || v->value.size > POSW_TRIE_VALUE_MAX) return false;
    if (v->value.size > 0 && depth % 2 != 0) return false; /* keys are whole bytes */
    return depth < POSW_TRIE_PATH_MAX && count + (v->value.size > 0) >= 2;
}

bool posw_trie_view_parse(posw_trie_view *out, const uint8_t *rlp, size_t size, size_t depth) {
    posw_bytes items[BRANCH_ITEMS];
    posw_trie_view v = {.mask = 0};
    const size_t count = parse_items(items, rlp, size);
    const bool ok = count == 2              ? parse_short(&v, items, depth)
                    : count == BRANCH_ITEMS ? parse_branch(&v, items, depth)
                                            : false;
    if (ok) *out = v;
    return ok;
}

static posw_trie_node *branch_of_view(posw_trie_pool *pool, const posw_trie_view *v) {
    posw_trie_branch *b = posw_trie_branch_new(pool, posw_trie_count16(v->mask));
    if (b == NULL) return NULL;
    for (unsigned i = 0; i < 16; i++) {
        if (v->child[i] == NULL) continue;
        const posw_trie_ref ref = posw_trie_ref_parse(v->child[i]);
        posw_trie_branch_insert(b, i, NULL, &ref);
    }
    if (v->value.size == 0) return &b->head;
    b->value = posw_trie_leaf_new(pool, NULL, 0, v->value);
    if (b->value != NULL) return &b->head;
    posw_trie_node_unref(pool, &b->head);
    return NULL;
}

static posw_trie_node *node_of_view(posw_trie_pool *pool, const posw_trie_view *v) {
    uint8_t nibbles[POSW_TRIE_PATH_MAX];
    if (v->kind == POSW_TRIE_BRANCH) return branch_of_view(pool, v);
    const size_t count = posw_trie_hp_expand(nibbles, v->key.data, v->key.size);
    if (v->kind == POSW_TRIE_LEAF) {
        posw_trie_leaf *l = posw_trie_leaf_new(pool, nibbles, count, v->value);
        return l == NULL ? NULL : &l->head;
    }
    const posw_trie_ref ref = posw_trie_ref_parse(v->child[0]);
    posw_trie_extension *e = posw_trie_extension_new(pool, nibbles, count, NULL, &ref);
    return e == NULL ? NULL : &e->head;
}

int posw_trie_node_decode(posw_trie_pool *pool, posw_trie_node **out, const uint8_t *rlp, size_t size, size_t depth) {
    posw_trie_view v;
    if (!posw_trie_view_parse(&v, rlp, size, depth)) return POSW_ECORRUPT;
    posw_trie_node *n = node_of_view(pool, &v);
    if (n == NULL) return POSW_ENOMEM;
    *out = n;
    return POSW_OK;
}

/* ---- encoding ---- */

/* The content is written first, with room for the longest prefix before it. */
enum { PREFIX_MAX = 4, REFS_MAX = 16 * POSW_TRIE_REF_SIZE };

size_t posw_trie_node_rlp_bound(const posw_trie_node *n) {
    switch ((enum posw_trie_kind)n->kind) {
    case POSW_TRIE_LEAF:
        return 2 * PREFIX_MAX + 1 + n->size + ((const posw_trie_leaf *)n)->value_size;
    case POSW_TRIE_EXTENSION:
        return PREFIX_MAX + 1 + n->size + POSW_TRIE_REF_SIZE;
    case POSW_TRIE_BRANCH:
        break;
    }
    const posw_trie_branch *b = (const posw_trie_branch *)n;
    return PREFIX_MAX + REFS_MAX + (b->value == NULL ? 1 : PREFIX_MAX + b->value->value_size);
}

static uint8_t *put_ref(uint8_t *out, uint8_t tag, const uint8_t *rest) {
    const size_t size = posw_trie_ref_size(tag);
    *out = tag;
    if (size == POSW_TRIE_REF_SIZE)
        memcpy(out + 1, rest, POSW_HASH_SIZE);
    else
        memcpy(out + 1, rest, size - 1);
    return out + size;
}

/* The items of `count` children that do not exist. Writes 16 bytes in any case: there is room for them, since the bound
 * has POSW_TRIE_REF_SIZE for each child. */
static uint8_t *put_empty(uint8_t *out, unsigned count) {
    memset(out, RLP_EMPTY, 16);
    return out + count;
}

static uint8_t *put_branch(uint8_t *out, const posw_trie_branch *b) {
    const uint8_t *tag = b->tag, *rest = posw_trie_branch_at((posw_trie_branch *)b, 0).rest;
    unsigned next = 0;
    for (unsigned children = b->head.mask; children != 0; children &= children - 1) {
        const unsigned i = (unsigned)__builtin_ctz(children);
        out = put_empty(out, i - next);
        out = put_ref(out, *tag++, rest);
        rest += POSW_HASH_SIZE;
        next = i + 1;
    }
    if (next < 16) out = put_empty(out, 16 - next);
    if (b->value == NULL) {
        *out = RLP_EMPTY;
        return out + 1;
    }
    const posw_bytes value = posw_trie_leaf_value(b->value);
    return posw_rlp_put_bytes(out, value.data, value.size);
}

static uint8_t *put_content(uint8_t *out, const posw_trie_node *n) {
    const posw_trie_leaf *l = (const posw_trie_leaf *)n;
    const posw_trie_extension *e = (const posw_trie_extension *)n;
    switch ((enum posw_trie_kind)n->kind) {
    case POSW_TRIE_LEAF:
        out = posw_rlp_put_bytes(out, l->data, n->size);
        return posw_rlp_put_bytes(out, l->data + n->size, l->value_size);
    case POSW_TRIE_EXTENSION:
        out = posw_rlp_put_bytes(out, e->key, n->size);
        return put_ref(out, e->ref.tag, e->ref.rest);
    case POSW_TRIE_BRANCH:
        break;
    }
    return put_branch(out, (const posw_trie_branch *)n);
}

posw_bytes posw_trie_node_encode(const posw_trie_node *n, uint8_t *out) {
    uint8_t *content = out + PREFIX_MAX;
    const size_t size = (size_t)(put_content(content, n) - content);
    const size_t whole = posw_rlp_size_list(size);
    uint8_t *start = content + size - whole;
    posw_rlp_put_list(start, size);
    return (posw_bytes){start, whole};
}

posw_bytes posw_trie_node_rlp(posw_trie_pool *pool, const posw_trie_node *n) {
    posw_buf_reset(&pool->scratch);
    uint8_t *out = posw_buf_extend(&pool->scratch, posw_trie_node_rlp_bound(n));
    return out == NULL ? (posw_bytes){NULL, 0} : posw_trie_node_encode(n, out);
}
