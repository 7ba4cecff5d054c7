/* Inside the tries: nodes, slots, pools. Only src/codec/trie_*.c (and its tests) include this.
 *
 * A *node* is a leaf, an extension or a branch. Its parent (or the version, for the root) holds it in a *slot*: a
 * pointer, NULL while the node is not in memory, and a *reference*: the bytes by which the parent's RLP names it, the
 * first of them apart as its tag:
 *
 *      tag 0x00         not known yet: the node is in memory and changed since the last hashing
 *      tag 0xa0         the 32 bytes after it are the keccak256 of the node's RLP
 *      tag 0xc2..0xde   tag and what follows are the node's RLP itself, shorter than 32 bytes (never for a root)
 *
 * So a branch is encoded without a look at its children, and one cache line tells which of them have changed.
 *
 * Sharing: a node may be changed only by a version that reaches it through nodes with one reference each. Two changes
 * are not changes of content and are made to shared nodes, too: filling a slot's pointer by loading, and emptying it by
 * trimming.
 *
 * A *pool* is what all copies of one trie share: the source, the memory counter, and the *retired* nodes. A commit
 * overwrites nodes in the store that older versions may know by their hash only. So each commit keeps the nodes that it
 * overwrites, until no version is left that was made before it:
 *
 *      invariant: each slot of a version, known by hash only, is in the store now, or in the retired nodes of a commit
 * that is younger than the version's epoch (the number of commits when it, or what it was copied from, was last equal
 * to the store). */
#ifndef POSW_CODEC_TRIE_NODE_H
#define POSW_CODEC_TRIE_NODE_H

#include "base/buf.h"
#include "base/chunks.h"
#include "base/error.h"
#include "codec/trie.h"

enum {
    POSW_TRIE_TAG_UNKNOWN = 0x00,
    POSW_TRIE_TAG_HASH = 0xa0,
    POSW_TRIE_REF_SIZE = 33,                       /* of a tag and a hash */
    POSW_TRIE_EMBEDDED_MAX = 31,                   /* bytes of RLP in a reference */
    POSW_TRIE_HP_MAX = 1 + POSW_TRIE_KEY_MAX,      /* bytes of a hex-prefix key */
    POSW_TRIE_LEVELS_MAX = POSW_TRIE_PATH_MAX + 1, /* nodes on a path */
};

enum posw_trie_kind { POSW_TRIE_LEAF, POSW_TRIE_EXTENSION, POSW_TRIE_BRANCH };

typedef struct {
    uint32_t refs;
    uint8_t kind;
    uint8_t size;  /* leaf, extension: bytes of the hex-prefix key; branch: children it has room for */
    uint16_t mask; /* branch: bit i is set if child i exists */
} posw_trie_node;

typedef struct {
    posw_trie_node head;
    uint32_t value_size; /* never 0 */
    uint8_t data[];      /* hex-prefix key, value */
} posw_trie_leaf;

typedef struct {
    uint8_t tag;
    uint8_t rest[POSW_HASH_SIZE]; /* unused bytes are zero */
} posw_trie_ref;

typedef struct {
    posw_trie_node head;
    posw_trie_node *child;
    posw_trie_ref ref;
    uint8_t key[]; /* hex-prefix */
} posw_trie_extension;

/* Children are packed: child i is at the index "number of bits of mask below i". */
typedef struct {
    posw_trie_node head;
    posw_trie_leaf *value; /* NULL or a leaf with an empty key */
    uint8_t tag[16];
    posw_trie_node *child[]; /* head.size pointers, then head.size times the 32 bytes after the tag */
} posw_trie_branch;

/* Where a parent holds a node. */
typedef struct {
    posw_trie_node **node;
    uint8_t *tag;
    uint8_t *rest;
} posw_trie_slot;

typedef struct posw_trie_retired posw_trie_retired; /* of one commit; trie_retire.c */

typedef struct {
    const posw_trie_source *source; /* NULL: in memory only */
    size_t versions;                /* that live */
    posw_trie_retired **retired;    /* of the latest commits, oldest first, without gaps: retired_count of them from */
    size_t retired_first;           /* this place on */
    size_t retired_count, retired_capacity;
    size_t current; /* versions whose epoch is the latest commit; each older one is counted by the
                       record of the commit after its epoch */
    uint64_t commits;
    posw_chunks chunks;
    size_t memory;           /* bytes in use */
    size_t allocations_left; /* SIZE_MAX; less where tests make the n-th allocation fail */
    posw_buf scratch;        /* RLP of the node that is loaded or encoded now */
} posw_trie_pool;

struct posw_trie {
    posw_trie_pool *pool;
    posw_trie_node *root;
    posw_trie_ref root_ref;
    uint64_t epoch;  /* see the invariant above */
    uint64_t stored; /* the commit whose store this version equals, POSW_TRIE_CHANGED if none */
};

#define POSW_TRIE_CHANGED UINT64_MAX

/* ---- hex-prefix keys ---- */

static inline size_t posw_trie_hp_size(size_t nibbles) {
    return nibbles / 2 + 1;
}
static inline bool posw_trie_hp_odd(const uint8_t *hp) {
    return (hp[0] & 0x10) != 0;
}
static inline size_t posw_trie_hp_count(const uint8_t *hp, size_t size) {
    return 2 * size - (posw_trie_hp_odd(hp) ? 1 : 2);
}
static inline uint8_t posw_trie_hp_at(const uint8_t *hp, size_t i) {
    i += posw_trie_hp_odd(hp) ? 1 : 2;
    return (i & 1) != 0 ? hp[i / 2] & 15 : hp[i / 2] >> 4;
}
void posw_trie_hp_put(uint8_t *out, const uint8_t *nibbles, size_t count, bool is_leaf);
/* Nibbles, one a byte; returns how many. out: POSW_TRIE_PATH_MAX bytes. */
size_t posw_trie_hp_expand(uint8_t *out, const uint8_t *hp, size_t size);
/* Length of the common prefix of a hex-prefix key and nibbles. */
size_t posw_trie_hp_common(const uint8_t *hp, size_t size, const uint8_t *nibbles, size_t count);
/* Nibbles of a key; returns 2 * size. */
size_t posw_trie_nibbles(uint8_t out[POSW_TRIE_PATH_MAX], const uint8_t *key, size_t size);

/* ---- nodes ---- */

static inline posw_trie_leaf *posw_trie_as_leaf(posw_trie_node *n) {
    return (posw_trie_leaf *)n;
}
static inline posw_trie_extension *posw_trie_as_extension(posw_trie_node *n) {
    return (posw_trie_extension *)n;
}
static inline posw_trie_branch *posw_trie_as_branch(posw_trie_node *n) {
    return (posw_trie_branch *)n;
}

static inline posw_bytes posw_trie_leaf_value(const posw_trie_leaf *l) {
    return (posw_bytes){l->data + l->head.size, l->value_size};
}
static inline unsigned posw_trie_count16(unsigned v) {
    v -= v >> 1 & 0x5555;
    v = (v & 0x3333) + (v >> 2 & 0x3333);
    v = (v + (v >> 4)) & 0x0f0f;
    return (v + (v >> 8)) & 31;
}
static inline bool posw_trie_branch_has(const posw_trie_branch *b, unsigned i) {
    return (b->head.mask >> i & 1) != 0;
}
static inline unsigned posw_trie_branch_count(const posw_trie_branch *b) {
    return posw_trie_count16(b->head.mask);
}
/* The index-th of the packed slots. */
static inline posw_trie_slot posw_trie_branch_at(posw_trie_branch *b, unsigned index) {
    uint8_t *rests = (uint8_t *)(b->child + b->head.size);
    return (posw_trie_slot){b->child + index, b->tag + index, rests + (size_t)index * POSW_HASH_SIZE};
}
/* Child i, which exists. */
static inline posw_trie_slot posw_trie_branch_slot(posw_trie_branch *b, unsigned i) {
    return posw_trie_branch_at(b, posw_trie_count16(b->head.mask & ((1u << i) - 1)));
}
static inline posw_trie_slot posw_trie_extension_slot(posw_trie_extension *e) {
    return (posw_trie_slot){&e->child, &e->ref.tag, e->ref.rest};
}
/* Bytes of a known reference, its tag included. */
static inline size_t posw_trie_ref_size(uint8_t tag) {
    return tag == POSW_TRIE_TAG_HASH ? POSW_TRIE_REF_SIZE : (size_t)(tag - 0xc0 + 1);
}
posw_trie_ref posw_trie_ref_parse(const uint8_t *raw); /* as it stands in RLP */
posw_trie_ref posw_trie_slot_ref(posw_trie_slot s);

/* Constructors return a node with one reference, NULL when out of memory. A slot's reference NULL: not known. They take
 * over nothing: a child gets a reference of its own. */
posw_trie_leaf *posw_trie_leaf_new(posw_trie_pool *pool, const uint8_t *nibbles, size_t count, posw_bytes value);
/* The leaf of this key below `depth` nibbles of it; and whether a leaf there is the key's. */
posw_trie_leaf *posw_trie_leaf_of_key(posw_trie_pool *pool, const uint8_t *key, size_t key_size, size_t depth,
                                      posw_bytes value);
bool posw_trie_leaf_is(const posw_trie_leaf *l, const uint8_t *key, size_t key_size, size_t depth);
posw_trie_extension *posw_trie_extension_new(posw_trie_pool *pool, const uint8_t *nibbles, size_t count,
                                             posw_trie_node *child, const posw_trie_ref *ref);
posw_trie_branch *posw_trie_branch_new(posw_trie_pool *pool, unsigned capacity);
/* Takes over the caller's reference to the child (may be NULL when the ref is a hash). There is room and child i does
 * not exist. */
void posw_trie_branch_insert(posw_trie_branch *b, unsigned i, posw_trie_node *child, const posw_trie_ref *ref);
void posw_trie_branch_remove(posw_trie_pool *pool, posw_trie_branch *b, unsigned i);
/* A copy of an extension or branch with one reference; a branch gets room for `more` further children. */
posw_trie_node *posw_trie_node_copy(posw_trie_pool *pool, posw_trie_node *n, unsigned more);
void posw_trie_node_unref(posw_trie_pool *pool, posw_trie_node *n); /* NULL allowed */

/* Asks the processor to fetch a node: a batch of updates is bound by the latency of memory otherwise. NULL allowed. */
static inline void posw_trie_prefetch(const posw_trie_node *n) {
    __builtin_prefetch(n);
}

/* ---- memory ---- */

/* All memory of a trie goes through these: counted, and limited by allocations_left. What is released is kept for
 * reuse: a block's update makes and drops thousands of nodes of a few sizes. */
static inline void *posw_trie_alloc(posw_trie_pool *pool, size_t size) {
    if (pool->allocations_left == 0) return NULL;
    void *p = posw_chunks_alloc(&pool->chunks, size);
    if (p == NULL) return NULL;
    if (pool->allocations_left != SIZE_MAX) pool->allocations_left--;
    pool->memory += posw_chunk_class(size) * POSW_CHUNK_ALIGN;
    return p;
}
/* NULL allowed */
static inline void posw_trie_release(posw_trie_pool *pool, void *p, size_t size) {
    if (p == NULL) return;
    pool->memory -= posw_chunk_class(size) * POSW_CHUNK_ALIGN;
    posw_chunks_release(&pool->chunks, p, size);
}

/* ---- RLP (trie_rlp.c) ---- */

/* A node as it stands in its encoding: views of the input. */
typedef struct {
    enum posw_trie_kind kind;
    posw_bytes key;           /* leaf, extension: hex-prefix */
    posw_bytes value;         /* leaf; branch: may be empty */
    uint16_t mask;            /* branch */
    const uint8_t *child[16]; /* references; extension: the first */
} posw_trie_view;

/* Strict; false: not the canonical encoding of a node. depth: nibbles above it, at most POSW_TRIE_PATH_MAX. */
POSW_MUST_USE bool posw_trie_view_parse(posw_trie_view *out, const uint8_t *rlp, size_t size, size_t depth);
/* POSW_OK, POSW_ECORRUPT, POSW_ENOMEM. */
int posw_trie_node_decode(posw_trie_pool *pool, posw_trie_node **out, const uint8_t *rlp, size_t size, size_t depth);
/* Encodes into memory of posw_trie_node_rlp_bound() bytes, not always from its start on, and returns a view of what it
 * wrote. All references of the node are known. */
posw_bytes posw_trie_node_encode(const posw_trie_node *n, uint8_t *out);
size_t posw_trie_node_rlp_bound(const posw_trie_node *n);
/* Encodes into the pool's scratch buffer; empty view when out of memory. Borrowed until the next load or encoding. */
posw_bytes posw_trie_node_rlp(posw_trie_pool *pool, const posw_trie_node *n);

/* ---- slots and versions (trie_load.c, trie_version.c) ---- */

static inline posw_trie_slot posw_trie_root_slot(const posw_trie *t) {
    posw_trie *v = (posw_trie *)t; /* loading is not a change of content */
    return (posw_trie_slot){&v->root, &v->root_ref.tag, v->root_ref.rest};
}
bool posw_trie_is_empty(const posw_trie *t);
void posw_trie_set_empty(posw_trie *t);
/* Loads the node of a slot, whose path this is. POSW_OK, POSW_ECORRUPT, POSW_ENOMEM or the source's error. */
int posw_trie_load(const posw_trie *t, posw_trie_slot s, const uint8_t *path, size_t path_size);
static inline int posw_trie_resolve(const posw_trie *t, posw_trie_slot s, const uint8_t *path, size_t path_size) {
    return *s.node != NULL ? POSW_OK : posw_trie_load(t, s, path, path_size);
}

/* ---- ways through a trie (trie_trail.c) ---- */

/* The slots from the root towards a key; the nodes of all of them are loaded. */
typedef struct {
    size_t count; /* 0: the trie is empty */
    posw_trie_slot slot[POSW_TRIE_LEVELS_MAX];
    uint8_t depth[POSW_TRIE_LEVELS_MAX]; /* nibbles above the node */
} posw_trie_trail;

/* Follows the key until a leaf, an extension that does not fit, or a branch without the child (or where the key ends).
 */
int posw_trie_seek(const posw_trie *t, posw_trie_trail *trail, const uint8_t *nibbles, size_t count);
/* Makes the first `count` nodes of the trail, none of which is a leaf, this version's own. Content does not change, so
 * failing halfway is harmless. */
int posw_trie_own(posw_trie *t, posw_trie_trail *trail, const uint8_t *nibbles, size_t count);
/* Puts another node (its reference is taken over) into the slot `at` of the trail, all nodes above which are owned, and
 * marks the way to it as changed. The old node's reference is dropped. NULL empties the trie; same node: marks only. */
void posw_trie_replace(posw_trie *t, posw_trie_trail *trail, size_t at, posw_trie_node *n);

int posw_trie_remove(posw_trie *t, const uint8_t *nibbles, size_t count); /* trie_remove.c; POSW_OK if absent, too */

/* ---- retired nodes (trie_retire.c) ---- */

/* An empty record of the commit that begins now; NULL: out of memory. */
posw_trie_retired *posw_trie_retired_new(posw_trie_pool *pool);
void posw_trie_retired_free(posw_trie_pool *pool, posw_trie_retired *r); /* NULL allowed */
POSW_MUST_USE bool posw_trie_retired_add(posw_trie_pool *pool, posw_trie_retired *r, posw_trie_node *n,
                                         const uint8_t *hash);
/* The commit is done: the pool counts it and owns the record. */
void posw_trie_retired_attach(posw_trie_pool *pool, posw_trie_retired *r);
/* A node with this hash that was retired after `epoch`: borrowed. POSW_OK, POSW_ENOTFOUND or POSW_ENOMEM. */
int posw_trie_retired_find(posw_trie_pool *pool, posw_trie_node **out, uint64_t epoch, const uint8_t *hash);
/* A version with this epoch has come, or gone. */
void posw_trie_epoch_enter(posw_trie_pool *pool, uint64_t epoch);
void posw_trie_epoch_leave(posw_trie_pool *pool, uint64_t epoch);
/* Drops what no living version can need; costs nothing when that is nothing. */
void posw_trie_retired_prune(posw_trie_pool *pool);

#endif
