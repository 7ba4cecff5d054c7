/* Root hashes. Changed nodes are collected from the leaves up until there are enough of them to fill lanes and few
 * enough to stay in the cache; then level by level, deepest first, those that take equally many Keccak blocks are
 * hashed four at once. */
#include "base/bytes.h"
#include "codec/rlp.h"
#include "codec/trie_node.h"
#include "crypto/keccak.h"

#include <string.h>

enum {
    LANES = 4,
    RATE = 136,                      /* bytes of a Keccak-256 block */
    BLOCKS_MAX = 4,                  /* of a branch without value */
    LANE_MEMORY = RATE * BLOCKS_MAX, /* all nodes with this rlp_bound fit into BLOCKS_MAX blocks with their padding */
    COLLECTED_MAX = 512,
    NONE = -1,
};

typedef struct {
    posw_trie_slot slot;
    int next; /* of the same depth, NONE at the end */
} changed;

/* Nodes that wait to be hashed together. */
typedef struct {
    size_t count;
    posw_trie_slot slot[LANES];
    posw_bytes rlp[LANES];
    uint8_t memory[LANES][LANE_MEMORY];
} batch;

typedef struct {
    posw_trie_pool *pool;
    int count;
    int depths;                      /* those below are in use */
    int first[POSW_TRIE_LEVELS_MAX]; /* by depth */
    changed list[COLLECTED_MAX];
    batch batches[BLOCKS_MAX]; /* by Keccak blocks */
} hasher;

/* ---- hashing ---- */

static void hash_batch(batch *b) {
    if (b->count == 0) return;
    posw_hash unused[LANES];
    posw_hash *out[LANES];
    posw_bytes in[LANES];
    for (size_t l = 0; l < LANES; l++) {
        const bool used = l < b->count;
        if (used) *b->slot[l].tag = POSW_TRIE_TAG_HASH;
        out[l] = used ? (posw_hash *)b->slot[l].rest : &unused[l];
        in[l] = used ? b->rlp[l] : (posw_bytes){NULL, 0};
    }
    if (b->count == 1)
        posw_keccak256(out[0], in[0].data, in[0].size);
    else
        posw_keccak256_x4(out, in);
    b->count = 0;
}

/* Hashes what is left of all batches of a level: they do not fill their lanes alone. */
static void hash_rest(batch batches[BLOCKS_MAX]) {
    for (size_t i = 0; i + 1 < BLOCKS_MAX; i++) {
        batch *b = &batches[i], *longer = &batches[i + 1];
        while (b->count > 0 && longer->count > 0 && longer->count < LANES) {
            const size_t from = --b->count, to = longer->count++;
            const posw_bytes rlp = b->rlp[from];
            longer->slot[to] = b->slot[from];
            longer->rlp[to] = (posw_bytes){longer->memory[to], rlp.size};
            memcpy(longer->memory[to], rlp.data, rlp.size);
        }
        hash_batch(b);
    }
    hash_batch(&batches[BLOCKS_MAX - 1]);
}

/* A node of any size, alone. */
static bool hash_large(posw_trie_pool *pool, posw_trie_slot s) {
    const posw_bytes rlp = posw_trie_node_rlp(pool, *s.node);
    if (rlp.size == 0) return false;
    posw_keccak256((posw_hash *)s.rest, rlp.data, rlp.size);
    *s.tag = POSW_TRIE_TAG_HASH;
    return true;
}

static void embed(posw_trie_slot s, posw_bytes rlp) {
    memset(s.rest, 0, POSW_HASH_SIZE);
    memcpy(s.rest, rlp.data + 1, rlp.size - 1);
    *s.tag = rlp.data[0];
}

static bool is_embedded(posw_bytes rlp, bool is_root) {
    return rlp.size <= POSW_TRIE_EMBEDDED_MAX && !is_root;
}

/* The only node of its depth. False: out of memory. */
static bool hash_alone(posw_trie_pool *pool, posw_trie_slot s, bool is_root) {
    uint8_t memory[LANE_MEMORY];
    if (posw_trie_node_rlp_bound(*s.node) > LANE_MEMORY) return hash_large(pool, s);
    const posw_bytes rlp = posw_trie_node_encode(*s.node, memory);
    if (is_embedded(rlp, is_root)) {
        embed(s, rlp);
        return true;
    }
    posw_keccak256((posw_hash *)s.rest, rlp.data, rlp.size);
    *s.tag = POSW_TRIE_TAG_HASH;
    return true;
}

/* False: out of memory. */
static bool hash_node(hasher *h, posw_trie_slot s, bool is_root) {
    uint8_t memory[LANE_MEMORY];
    if (posw_trie_node_rlp_bound(*s.node) > LANE_MEMORY) return hash_large(h->pool, s);
    const posw_bytes rlp = posw_trie_node_encode(*s.node, memory);
    if (is_embedded(rlp, is_root)) {
        embed(s, rlp);
        return true;
    }
    batch *b = &h->batches[rlp.size / RATE];
    b->slot[b->count] = s;
    b->rlp[b->count] = (posw_bytes){b->memory[b->count], rlp.size};
    memcpy(b->memory[b->count], rlp.data, rlp.size);
    if (++b->count == LANES) hash_batch(b);
    return true;
}

static bool hash_depth(hasher *h, int first, bool is_root) {
    if (first == NONE) return true;
    if (h->list[first].next == NONE) return hash_alone(h->pool, h->list[first].slot, is_root);
    for (int i = first; i != NONE; i = h->list[i].next)
        if (!hash_node(h, h->list[i].slot, is_root)) return false;
    hash_rest(h->batches);
    return true;
}

/* Hashes what was collected, and forgets it. */
static bool hash_collected(hasher *h) {
    for (int depth = h->depths - 1; depth >= 0; depth--) {
        if (!hash_depth(h, h->first[depth], depth == 0)) return false;
        h->first[depth] = NONE;
    }
    h->count = 0;
    return true;
}

/* ---- collecting ---- */

static bool is_changed(posw_trie_slot s) {
    return *s.tag == POSW_TRIE_TAG_UNKNOWN;
}

static bool collect(hasher *h, posw_trie_slot s, size_t depth);

static bool collect_children(hasher *h, posw_trie_branch *b, size_t depth) {
    const unsigned count = posw_trie_branch_count(b);
    uint8_t found[16];
    unsigned n = 0;
    for (unsigned k = 0; k < count; k++) {
        if (b->tag[k] != POSW_TRIE_TAG_UNKNOWN) continue;
        posw_trie_prefetch(b->child[k]);
        found[n++] = (uint8_t)k;
    }
    for (unsigned k = 0; k < n; k++)
        if (!collect(h, posw_trie_branch_at(b, found[k]), depth)) return false;
    return true;
}

static bool collect_below(hasher *h, posw_trie_node *n, size_t depth) {
    if (n->kind == POSW_TRIE_BRANCH) return collect_children(h, posw_trie_as_branch(n), depth + 1);
    if (n->kind == POSW_TRIE_LEAF) return true;
    posw_trie_extension *e = posw_trie_as_extension(n);
    const posw_trie_slot below = posw_trie_extension_slot(e);
    return !is_changed(below) || collect(h, below, depth + posw_trie_hp_count(e->key, n->size));
}

/* A changed node, after all changed nodes below it: so whatever is collected can be hashed at any time. Recurses at
 * most POSW_TRIE_LEVELS_MAX deep. False: out of memory. */
static bool collect(hasher *h, posw_trie_slot s, size_t depth) {
    if (!collect_below(h, *s.node, depth)) return false;
    if (h->count == COLLECTED_MAX && !hash_collected(h)) return false;
    while (h->depths <= (int)depth)
        h->first[h->depths++] = NONE;
    h->list[h->count] = (changed){s, h->first[depth]};
    h->first[depth] = h->count++;
    return true;
}

static bool hash_changed(posw_trie *t) {
    hasher h;
    h.pool = t->pool;
    h.count = h.depths = 0;
    for (size_t i = 0; i < BLOCKS_MAX; i++)
        h.batches[i].count = 0;
    return collect(&h, posw_trie_root_slot(t), 0) && hash_collected(&h);
}

int posw_trie_root(posw_trie *t, posw_hash *out) {
    if (t->root_ref.tag == POSW_TRIE_TAG_UNKNOWN && !hash_changed(t)) return POSW_ENOMEM;
    memcpy(out->b, t->root_ref.rest, sizeof out->b);
    return POSW_OK;
}

/* ---- lists ---- */

static int put_items(posw_trie *t, const posw_bytes *items, size_t count) {
    int rc = POSW_OK;
    for (size_t i = 0; i < count && rc == POSW_OK; i++) {
        uint8_t key[9];
        const uint8_t *end = posw_rlp_put_u64(key, i);
        rc =
            items[i].size == 0 ? POSW_EINVAL : posw_trie_put(t, key, (size_t)(end - key), items[i].data, items[i].size);
    }
    return rc;
}

int posw_trie_list_root(posw_hash *out, const posw_bytes *items, size_t count) {
    if (count == 0) {
        *out = POSW_TRIE_EMPTY_ROOT;
        return POSW_OK;
    }
    posw_trie *t = posw_trie_new(&POSW_TRIE_EMPTY_ROOT, NULL);
    if (t == NULL) return POSW_ENOMEM;
    int rc = put_items(t, items, count);
    if (rc == POSW_OK) rc = posw_trie_root(t, out);
    posw_trie_free(t);
    return rc;
}
