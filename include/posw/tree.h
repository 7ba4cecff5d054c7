/* Fork choice (protocol F1 to F3): the tree of known headers, and which of its chains is the best. A pure structure
 * over the caller's memory: no allocation, no clock, no randomness; it checks no header, but keeps the order of those
 * that were found valid.
 *
 * Each node is a header: its hash, its parent, and the weight of the chain that ends in it, the sum of the *base*
 * difficulties from the root on (F1). The tip is the valid node of greatest weight; of equal ones, the one inserted
 * first (F2):
 *
 *      root 0 ── 1 (5) ── 2 (9) ── 4 (13)              in brackets: weight; names: order of insertion
 *                    └─── 3 (9) ── 5 (13) ── 6 (17)    tip: 1, 2, 2, 4, 4 (first of equal ones), 6
 *
 *      after posw_tree_invalidate(5): 5 and 6 are invalid, the tip is 4
 *      route from 4 to 6: fork 1, undo 4 and 2, apply 3, 5 and 6; it undoes 2 blocks (F3)
 *
 * Nodes are named by an index: 0 is the root, and later ones follow in the order of insertion, so that a parent's index
 * is always below its children's. An index that names no node is asserted against. Indices stand until the next
 * posw_tree_prune(), which names what it keeps anew, in the same order. The order of insertion is the only thing
 * besides hashes and weights that an answer depends on.
 *
 * What is left to the caller: checking headers (posw/check.h) before they are inserted, the database, and what to do
 * when the tree is full. Every header needs a proof of work, but one proof serves for many headers: its maker can sign
 * it again with another signature, which gives another hash. So who takes headers from others asks posw_copies_take()
 * before a header that nothing is built on yet; and the table of hashes is keyed with a secret seed, so that chosen
 * hashes cannot be made to collide in it.
 *
 * Limits: 1 to 2^24 nodes. No error leaves a changed tree. A tree is used by one thread at a time. It holds no
 * pointers: a copy of the memory (16-byte aligned again) is a second, independent tree. */
#ifndef POSW_TREE_H
#define POSW_TREE_H

#include "posw/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct posw_tree posw_tree;

enum { POSW_TREE_NODES_MAX = 1 << 24 };
#define POSW_TREE_NONE UINT32_MAX /* no node */

typedef struct {
    posw_hash hash;
    posw_u256 weight; /* from the root's on, up to and with this header's difficulty */
    uint64_t number;
    uint32_t parent; /* POSW_TREE_NONE: the root */
    bool is_valid;   /* neither marked invalid nor descended from such a one */
    bool mark;       /* scratch of the tree's own passes: means nothing between calls */
} posw_tree_node;

enum posw_tree_result {
    POSW_TREE_ADDED,
    POSW_TREE_KNOWN,          /* it was there already; nothing changed */
    POSW_TREE_NO_PARENT,      /* the parent is not in the tree: never seen, or pruned */
    POSW_TREE_INVALID_PARENT, /* the parent is invalid, so this header is */
    POSW_TREE_FULL            /* no room: prune, or make a larger tree */
};

/* Bytes for a tree of at most `capacity` nodes, 1 to POSW_TREE_NODES_MAX (asserted): 88 to 96 a node. */
POSW_API size_t posw_tree_size(uint32_t capacity);
/* A tree of one node, the root: genesis, or any block that is never to be undone, with the weight of the chain up to
 * it. memory: posw_tree_size(capacity) bytes, 16-byte aligned (asserted), borrowed while the tree is used. seed: random
 * and secret where headers come from others; no answer depends on it. */
POSW_API posw_tree *posw_tree_init(void *memory, uint32_t capacity, const uint64_t seed[2], const posw_hash *root,
                                   uint64_t number, const posw_u256 *weight);

/* Adds a header below its parent. *index (may be NULL): the node, also when it was known; else unchanged. The hash
 * names the header and with it parent and difficulty: those of a known one are not compared. Weights stop at 2^256 - 1,
 * which no chain of P5 and P6 with any work behind it reaches. A parent of number 2^64 - 1 has no children
 * (POSW_TREE_INVALID_PARENT). O(1), well below 1 us. */
POSW_API POSW_MUST_USE enum posw_tree_result posw_tree_insert(posw_tree *t, uint32_t *index, const posw_hash *hash,
                                                              const posw_hash *parent, const posw_u256 *difficulty);
/* A sentence for people; "" for a value outside the enum. */
POSW_API const char *posw_tree_result_text(enum posw_tree_result r);

/* The node of this hash, or POSW_TREE_NONE. O(1). */
POSW_API uint32_t posw_tree_find(const posw_tree *t, const posw_hash *hash);
/* The node; index < count (asserted). Borrowed until the next posw_tree_prune(). */
POSW_API const posw_tree_node *posw_tree_at(const posw_tree *t, uint32_t index);
POSW_API uint32_t posw_tree_count(const posw_tree *t);
POSW_API uint32_t posw_tree_capacity(const posw_tree *t);
/* F1, F2: the end of the best valid chain; the root, where nothing else is valid. O(1). */
POSW_API uint32_t posw_tree_tip(const posw_tree *t);

/* Marks a node and all its descendants invalid; the tip becomes the best of the others. Returns how many nodes became
 * invalid: 0 when it was invalid already. The root cannot be (asserted). For good: there is no way back. O(count). */
POSW_API uint32_t posw_tree_invalidate(posw_tree *t, uint32_t index);

/* The ancestor of this number (the node itself for its own number), or POSW_TREE_NONE when that is below the root or
 * above the node. One step a block, some ns each; so are the next ones. */
POSW_API uint32_t posw_tree_ancestor(const posw_tree *t, uint32_t index, uint64_t number);
/* The latest common ancestor of two nodes; there always is one. */
POSW_API uint32_t posw_tree_fork(const posw_tree *t, uint32_t a, uint32_t b);

/* The way from a chain that ends in `from` to one that ends in `to`. */
typedef struct {
    uint32_t fork;
    uint32_t undo_count;  /* nodes of the old chain above the fork: the depth of the reorganisation */
    uint32_t apply_count; /* nodes of the new chain above the fork */
} posw_tree_route;

/* Between any two nodes, in one step a block of the way. */
POSW_API posw_tree_route posw_tree_route_between(const posw_tree *t, uint32_t from, uint32_t to);
/* The nodes of a route, that of posw_tree_route_between(from, to), in the order in which they are taken: undo
 * downwards, from `from` to the child of the fork; apply upwards, from the child of the fork to `to`. The arrays have
 * room for undo_count and apply_count indices; either may be NULL. */
POSW_API void posw_tree_route_list(const posw_tree *t, const posw_tree_route *r, uint32_t from, uint32_t to,
                                   uint32_t *undo, uint32_t *apply);
/* F3: true iff going from one to the other undoes at most R blocks. */
POSW_API bool posw_tree_reorg_allowed(const posw_tree *t, uint32_t from, uint32_t to, uint64_t reorg_max_blocks);
/* F1 to F3: the best valid node that can be reached from `from` by undoing at most R blocks; `from` itself when all
 * within reach are invalid. It is posw_tree_tip() unless that lies deeper: then an operator should be told. O(depth),
 * and O(count) when it lies deeper. */
POSW_API uint32_t posw_tree_tip_within(posw_tree *t, uint32_t from, uint64_t reorg_max_blocks);

/* Makes the ancestor of the tip with this number the root, and forgets all that does not descend from it. number <=
 * that of the tip (asserted). Returns how many nodes were forgotten; 0 and nothing changed for a number at or below
 * that of the root. All indices change. O(count), some ns a node. */
POSW_API uint32_t posw_tree_prune(posw_tree *t, uint64_t number);

/* Which headers are copies: of one proof of work (parent and mixHash), signed once more. They weigh the same, so that
 * all but the first are worth nothing to fork choice (F2), and without a limit they fill any tree. A copy that others
 * have built on must be taken all the same: ask only for headers that came without a child. (A child proves the hash of
 * its parent, signature included, so that each further copy with a child costs a proof of work again.)
 *
 * The latest `proofs` proofs of work are remembered, and of each the first POSW_COPIES_MAX headers. */
typedef struct posw_copies posw_copies;
enum { POSW_COPIES_MAX = 4, POSW_COPIES_PROOFS_MAX = 4096 };
/* Bytes for so many proofs, 1 to POSW_COPIES_PROOFS_MAX (asserted): 48 each. */
POSW_API size_t posw_copies_size(uint32_t proofs);
/* memory: posw_copies_size(proofs) bytes, 16-byte aligned (asserted), borrowed while it is used. seed: random and
 * secret. */
POSW_API posw_copies *posw_copies_init(void *memory, uint32_t proofs, const uint64_t seed[2]);
/* True: one of the first POSW_COPIES_MAX headers of its proof, which is remembered; false: one more copy. O(proofs), a
 * few microseconds for thousands. */
POSW_API bool posw_copies_take(posw_copies *c, const posw_hash *hash, const posw_hash *parent,
                               const posw_hash *mix_hash);

#ifdef __cplusplus
}
#endif

#endif
