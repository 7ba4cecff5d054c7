/* The tree of headers.
 *
 *      struct posw_tree | nodes, in the order of insertion | slots: hash table of node indices + 1, 0 is empty
 *
 * That nodes stand in the order of insertion does most of the work: a parent stands before its children, so one pass
 * upwards carries any mark from ancestors to descendants, without lists of children and without recursion; and of nodes
 * of equal weight the first in the array is the first seen.
 *
 * The tip is kept while headers are added. It is searched anew, by a pass over all nodes, only when it became invalid:
 * that follows a proof of work, so it may cost microseconds.
 *
 * Pruning moves what is kept together, in the same order. Old index -> new index is written in the table of slots,
 * which is as long as that and has to be made anew anyway. */
#include "posw/tree.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/siphash.h"
#include "posw/u256.h"

struct posw_tree {
    uint64_t seed[2];
    uint32_t capacity, count;
    uint32_t tip;
    uint32_t slot_mask;
    size_t slots_offset; /* bytes from the start of the struct */
    _Alignas(16) posw_tree_node nodes[];
};

/* ---- memory ---- */

/* A power of two, at least twice the nodes. */
static uint32_t slot_count_of(uint32_t capacity) {
    uint32_t n = 2;
    while (n < 2 * capacity)
        n *= 2;
    return n;
}

static size_t slots_offset_of(uint32_t capacity) {
    return sizeof(struct posw_tree) + (size_t)capacity * sizeof(posw_tree_node);
}

size_t posw_tree_size(uint32_t capacity) {
    POSW_ASSERT(capacity >= 1 && capacity <= POSW_TREE_NODES_MAX);
    return slots_offset_of(capacity) + (size_t)slot_count_of(capacity) * sizeof(uint32_t);
}

/* ---- the table ---- */

static uint32_t *slots_of(const posw_tree *t) {
    return (uint32_t *)((uint8_t *)t + t->slots_offset);
}

/* The slot of this hash, or the empty one where it would go. At most half of the slots are used. */
static uint32_t *slot_find(const posw_tree *t, const posw_hash *hash) {
    uint32_t *slots = slots_of(t);
    uint32_t i = (uint32_t)posw_siphash(t->seed, hash->b, sizeof hash->b) & t->slot_mask;
    while (slots[i] != 0 && !posw_hash_equal(&t->nodes[slots[i] - 1].hash, hash))
        i = (i + 1) & t->slot_mask;
    return &slots[i];
}

static void slots_fill(posw_tree *t) {
    memset(slots_of(t), 0, ((size_t)t->slot_mask + 1) * sizeof(uint32_t));
    for (uint32_t i = 0; i < t->count; i++)
        *slot_find(t, &t->nodes[i].hash) = i + 1;
}

posw_tree *posw_tree_init(void *memory, uint32_t capacity, const uint64_t seed[2], const posw_hash *root,
                          uint64_t number, const posw_u256 *weight) {
    POSW_ASSERT((uintptr_t)memory % 16 == 0);
    POSW_ASSERT(capacity >= 1 && capacity <= POSW_TREE_NODES_MAX);
    posw_tree *t = memory;
    *t = (posw_tree){.seed = {seed[0], seed[1]},
                     .capacity = capacity,
                     .count = 1,
                     .slot_mask = slot_count_of(capacity) - 1,
                     .slots_offset = slots_offset_of(capacity)};
    t->nodes[0] = (posw_tree_node){
        .hash = *root, .weight = *weight, .number = number, .parent = POSW_TREE_NONE, .is_valid = true};
    slots_fill(t);
    return t;
}

/* ---- adding and finding ---- */

/* F1; of equal ones the first seen is asked first (F2). */
static bool better(const posw_tree_node *a, const posw_tree_node *b) {
    return a->is_valid && posw_u256_cmp(&a->weight, &b->weight) > 0;
}

enum posw_tree_result posw_tree_insert(posw_tree *t, uint32_t *index, const posw_hash *hash, const posw_hash *parent,
                                       const posw_u256 *difficulty) {
    uint32_t *slot = slot_find(t, hash);
    if (*slot != 0) {
        if (index != NULL) *index = *slot - 1;
        return POSW_TREE_KNOWN;
    }
    const uint32_t below = posw_tree_find(t, parent);
    if (below == POSW_TREE_NONE) return POSW_TREE_NO_PARENT;
    const posw_tree_node *p = &t->nodes[below];
    if (!p->is_valid || p->number == UINT64_MAX) return POSW_TREE_INVALID_PARENT;
    if (t->count == t->capacity) return POSW_TREE_FULL;
    const uint32_t i = t->count++;
    t->nodes[i] = (posw_tree_node){.hash = *hash,
                                   .weight = posw_u256_add_sat(&p->weight, difficulty),
                                   .number = p->number + 1,
                                   .parent = below,
                                   .is_valid = true};
    *slot = i + 1;
    if (better(&t->nodes[i], &t->nodes[t->tip])) t->tip = i;
    if (index != NULL) *index = i;
    return POSW_TREE_ADDED;
}

const char *posw_tree_result_text(enum posw_tree_result r) {
    switch (r) {
    case POSW_TREE_ADDED:
        return "the header was added";
    case POSW_TREE_KNOWN:
        return "the header is known";
    case POSW_TREE_NO_PARENT:
        return "the header's parent is not known";
    case POSW_TREE_INVALID_PARENT:
        return "the header's parent is invalid";
    case POSW_TREE_FULL:
        return "the tree of headers is full";
    }
    return "";
}

uint32_t posw_tree_find(const posw_tree *t, const posw_hash *hash) {
    const uint32_t slot = *slot_find(t, hash);
    return slot == 0 ? POSW_TREE_NONE : slot - 1;
}

const posw_tree_node *posw_tree_at(const posw_tree *t, uint32_t index) {
    POSW_ASSERT(index < t->count);
    return &t->nodes[index];
}

uint32_t posw_tree_count(const posw_tree *t) {
    return t->count;
}

uint32_t posw_tree_capacity(const posw_tree *t) {
    return t->capacity;
}

uint32_t posw_tree_tip(const posw_tree *t) {
    return t->tip;
}

/* ---- invalid nodes ---- */

static uint32_t best_valid(const posw_tree *t) {
    uint32_t best = 0; /* the root is valid */
    for (uint32_t i = 1; i < t->count; i++)
        if (better(&t->nodes[i], &t->nodes[best])) best = i;
    return best;
}

uint32_t posw_tree_invalidate(posw_tree *t, uint32_t index) {
    POSW_ASSERT(index > 0 && index < t->count);
    if (!t->nodes[index].is_valid) return 0;
    uint32_t changed = 1;
    t->nodes[index].is_valid = false;
    for (uint32_t i = index + 1; i < t->count; i++) {
        posw_tree_node *n = &t->nodes[i];
        if (!n->is_valid || t->nodes[n->parent].is_valid) continue;
        n->is_valid = false;
        changed++;
    }
    if (!t->nodes[t->tip].is_valid) t->tip = best_valid(t);
    return changed;
}

/* ---- ways ---- */

uint32_t posw_tree_ancestor(const posw_tree *t, uint32_t index, uint64_t number) {
    POSW_ASSERT(index < t->count);
    if (number > t->nodes[index].number || number < t->nodes[0].number) return POSW_TREE_NONE;
    while (t->nodes[index].number > number)
        index = t->nodes[index].parent;
    return index;
}

/* A node stands behind its ancestors, so the later of two different ones is no ancestor of the other. */
uint32_t posw_tree_fork(const posw_tree *t, uint32_t a, uint32_t b) {
    POSW_ASSERT(a < t->count && b < t->count);
    while (a != b) {
        if (a > b)
            a = t->nodes[a].parent;
        else
            b = t->nodes[b].parent;
    }
    return a;
}

posw_tree_route posw_tree_route_between(const posw_tree *t, uint32_t from, uint32_t to) {
    const uint32_t fork = posw_tree_fork(t, from, to);
    const uint64_t number = t->nodes[fork].number;
    return (posw_tree_route){.fork = fork,
                             .undo_count = (uint32_t)(t->nodes[from].number - number),
                             .apply_count = (uint32_t)(t->nodes[to].number - number)};
}

void posw_tree_route_list(const posw_tree *t, const posw_tree_route *r, uint32_t from, uint32_t to, uint32_t *undo,
                          uint32_t *apply) {
    POSW_ASSERT(from < t->count && to < t->count);
    for (uint32_t i = 0; undo != NULL && i < r->undo_count; i++, from = t->nodes[from].parent)
        undo[i] = from;
    for (uint32_t i = r->apply_count; apply != NULL && i > 0; i--, to = t->nodes[to].parent)
        apply[i - 1] = to;
}

bool posw_tree_reorg_allowed(const posw_tree *t, uint32_t from, uint32_t to, uint64_t reorg_max_blocks) {
    return posw_tree_route_between(t, from, to).undo_count <= reorg_max_blocks;
}

/* The best valid node among `anchor` and its descendants, POSW_TREE_NONE if there is none. */
static uint32_t best_above(posw_tree *t, uint32_t anchor) {
    uint32_t best = POSW_TREE_NONE;
    for (uint32_t i = 0; i < t->count; i++) {
        posw_tree_node *n = &t->nodes[i];
        n->mark = i == anchor || (i > anchor && t->nodes[n->parent].mark);
        if (!n->mark || !n->is_valid) continue;
        if (best == POSW_TREE_NONE || better(n, &t->nodes[best])) best = i;
    }
    return best;
}

/* F3 */
uint32_t posw_tree_tip_within(posw_tree *t, uint32_t from, uint64_t reorg_max_blocks) {
    if (posw_tree_reorg_allowed(t, from, t->tip, reorg_max_blocks)) return t->tip;
    const uint32_t anchor = posw_tree_ancestor(t, from, t->nodes[from].number - reorg_max_blocks);
    const uint32_t best = best_above(t, anchor);
    return best == POSW_TREE_NONE ? from : best;
}

/* ---- pruning ---- */

uint32_t posw_tree_prune(posw_tree *t, uint64_t number) {
    POSW_ASSERT(number <= t->nodes[t->tip].number);
    if (number <= t->nodes[0].number) return 0;
    const uint32_t root = posw_tree_ancestor(t, t->tip, number), old_count = t->count;
    uint32_t *moved_to = slots_of(t), kept = 0;
    for (uint32_t i = 0; i < old_count; i++) {
        const posw_tree_node n = t->nodes[i];
        const bool stays = i == root || (i > root && moved_to[n.parent] != POSW_TREE_NONE);
        moved_to[i] = stays ? kept : POSW_TREE_NONE;
        if (!stays) continue;
        t->nodes[kept] = n;
        t->nodes[kept++].parent = i == root ? POSW_TREE_NONE : moved_to[n.parent];
    }
    t->tip = moved_to[t->tip];
    t->count = kept;
    slots_fill(t);
    return old_count - kept;
}

/* ---- copies ---- */

typedef struct {
    uint64_t proof; /* of parent and mixHash, under the seed */
    uint64_t headers[POSW_COPIES_MAX];
    uint32_t count; /* 0: the place is free */
    uint32_t other; /* 1 + place of the next one whose proof has this remainder by the capacity; 0: none */
} proof_entry;

struct posw_copies {
    uint64_t seed[2];
    uint32_t capacity, next; /* next: the place of the oldest */
    proof_entry entries[];   /* and after them, by remainder: uint32_t, as proof_entry.other */
};

size_t posw_copies_size(uint32_t proofs) {
    POSW_ASSERT(proofs >= 1 && proofs <= POSW_COPIES_PROOFS_MAX);
    return sizeof(posw_copies) + (size_t)proofs * (sizeof(proof_entry) + sizeof(uint32_t));
}

posw_copies *posw_copies_init(void *memory, uint32_t proofs, const uint64_t seed[2]) {
    posw_copies *c = memory;
    POSW_ASSERT((uintptr_t)memory % 16 == 0);
    memset(c, 0, posw_copies_size(proofs));
    memcpy(c->seed, seed, sizeof c->seed);
    c->capacity = proofs;
    return c;
}

static uint32_t *proof_chain(posw_copies *c, uint64_t proof) {
    uint32_t *chains = (uint32_t *)(void *)(c->entries + c->capacity);
    return &chains[proof % c->capacity];
}

/* The entry in this place leaves its chain. */
static void proof_forget(posw_copies *c, uint32_t place) {
    uint32_t *link = proof_chain(c, c->entries[place].proof);
    if (c->entries[place].count == 0) return;
    while (*link != place + 1)
        link = &c->entries[*link - 1].other;
    *link = c->entries[place].other;
}

static proof_entry *proof_find(posw_copies *c, uint64_t proof) {
    uint32_t *chain = proof_chain(c, proof);
    for (uint32_t at = *chain; at != 0; at = c->entries[at - 1].other)
        if (c->entries[at - 1].proof == proof) return &c->entries[at - 1];
    const uint32_t place = c->next;
    c->next = (c->next + 1) % c->capacity;
    proof_forget(c, place);
    c->entries[place] = (proof_entry){.proof = proof, .other = *chain};
    *chain = place + 1;
    return &c->entries[place];
}

bool posw_copies_take(posw_copies *c, const posw_hash *hash, const posw_hash *parent, const posw_hash *mix_hash) {
    uint8_t both[2 * POSW_HASH_SIZE];
    memcpy(both, parent->b, POSW_HASH_SIZE);
    memcpy(both + POSW_HASH_SIZE, mix_hash->b, POSW_HASH_SIZE);
    proof_entry *e = proof_find(c, posw_siphash(c->seed, both, sizeof both));
    const uint64_t header = posw_siphash(c->seed, hash->b, sizeof hash->b);
    for (uint32_t i = 0; i < e->count; i++)
        if (e->headers[i] == header) return true;
    if (e->count == POSW_COPIES_MAX) return false;
    e->headers[e->count++] = header;
    return true;
}
