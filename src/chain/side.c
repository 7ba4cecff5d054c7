/* The tree of side branches.
 *
 *      main   ... 96 ── 97 ── 98 ── 99 ── 100 tip
 *                  │           └── 99'                    side: 97', 98', 98", 99'
 *                  └── 97' ── 98'                         roots (children of the main chain): 97', 99'
 *                        └── 98"                          side_floor: 96
 *
 * At most POSW_CHAIN_SIDE_MAX blocks (POSW_CHAIN_SIDE_DEEP_MAX), each of which has cost a proof of work. Each knows the
 * fork of its branch, and the tree knows bounds of all forks and weights: a block that comes in order costs no walk
 * over the others. What changes the tree otherwise walks over all of it. The map's order reaches nothing: choices
 * follow (weight, order of arrival), which is a total order. */
#include "chain/chain_internal.h"

#include "base/bytes.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <stdlib.h>

enum { KEY_PREFIX = 4, KEY_SIZE = KEY_PREFIX + POSW_HASH_SIZE };
static const uint8_t key_prefix[KEY_PREFIX] = {'s', 'i', 'd', 'e'};

posw_chain_side *posw_chain_side_find(posw_chain *c, const posw_hash *hash) {
    return c->side.count == 0 ? NULL : posw_map_find(&c->side, hash->b);
}

size_t posw_chain_side_limit(const posw_chain *c) {
    return c->allow_deep ? POSW_CHAIN_SIDE_DEEP_MAX : POSW_CHAIN_SIDE_MAX;
}

/* ---- bounds ---- */

static void widen_bounds(posw_chain *c, const posw_chain_side *node) {
    if (node->fork < c->side_floor) c->side_floor = node->fork;
    if (posw_u256_cmp(&node->weight, &c->side_heaviest) > 0) c->side_heaviest = node->weight;
}

static void find_bounds(posw_chain *c) {
    size_t pos = 0;
    void *node;
    c->side_floor = UINT64_MAX;
    c->side_heaviest = POSW_U256_ZERO;
    while (posw_map_next(&c->side, &pos, NULL, &node))
        widen_bounds(c, node);
}

/* A parent's fork is that of its children. */
static void find_fork(posw_chain *c, posw_chain_side *node) {
    const posw_chain_side *parent = posw_chain_side_find(c, &node->parent);
    node->fork = parent == NULL ? node->number - 1 : parent->fork;
}

/* ---- copies ---- */

/* Both are as good as random, and whoever wants two to meet has 2^64 tries before him. */
uint64_t posw_chain_seal_of(const posw_header *h) {
    return posw_load_be64(h->parent_hash.b) ^ posw_load_be64(h->mix_hash.b);
}

uint32_t posw_chain_side_copies(const posw_chain *c, uint64_t seal) {
    const uint32_t *count = posw_map_find(&c->seals, &seal);
    return count == NULL ? 0 : *count;
}

static void forget_copy(posw_chain *c, const posw_chain_side *node) {
    uint32_t *count = posw_map_find(&c->seals, &node->seal);
    if (count != NULL && --*count == 0) posw_map_remove(&c->seals, &node->seal);
}

static void remove_node(posw_chain *c, const posw_hash *hash) {
    const posw_chain_side *node = posw_chain_side_find(c, hash);
    if (node == NULL) return;
    forget_copy(c, node);
    posw_map_remove(&c->side, hash->b);
}

int posw_chain_side_add(posw_chain *c, const posw_hash *hash, const posw_chain_side *node) {
    bool added = false, first = false;
    uint32_t *copies = posw_map_put(&c->seals, &node->seal, &first);
    if (copies == NULL) return POSW_ENOMEM;
    posw_chain_side *slot = posw_map_put(&c->side, hash->b, &added);
    if (slot == NULL) {
        if (first) posw_map_remove(&c->seals, &node->seal);
        return POSW_ENOMEM;
    }
    if (added) *copies = first ? 1 : *copies + 1;
    *slot = *node;
    slot->marked = false;
    find_fork(c, slot);
    if (node->order >= c->side_order) c->side_order = node->order + 1;
    widen_bounds(c, slot);
    return POSW_OK;
}

void posw_chain_side_remove(posw_chain *c, const posw_hash *hash) {
    remove_node(c, hash);
}

/* ---- branches ---- */

uint64_t posw_chain_fork_of(posw_chain *c, const posw_hash *hash, uint64_t number) {
    const posw_chain_side *node = posw_chain_side_find(c, hash);
    return node == NULL ? number : node->fork;
}

int posw_chain_branch_of(posw_chain *c, posw_chain_branch *out, const posw_hash *hash, uint64_t number) {
    const uint64_t fork = posw_chain_fork_of(c, hash, number);
    const size_t count = (size_t)(number - fork);
    posw_hash *hashes = malloc((count + 1) * sizeof *hashes);
    if (hashes == NULL) return POSW_ENOMEM;
    for (size_t i = count; i-- > 0; hash = &posw_chain_side_find(c, hash)->parent)
        hashes[i] = *hash;
    *out = (posw_chain_branch){.hashes = hashes, .count = count, .fork_number = fork};
    return POSW_OK;
}

void posw_chain_branch_clear(posw_chain_branch *b) {
    if (b == NULL) return;
    free(b->hashes);
    *b = (posw_chain_branch){0};
}

/* ---- the best ---- */

static bool better(const posw_chain_side *a, const posw_chain_side *b) {
    const int order = posw_u256_cmp(&a->weight, &b->weight);
    return order != 0 ? order > 0 : a->order < b->order; /* F2 */
}

/* The best unmarked block that is heavier than the tip. */
static posw_chain_side *best_unmarked(posw_chain *c, posw_hash *hash) {
    size_t pos = 0;
    const void *key;
    void *value;
    posw_chain_side *best = NULL;
    while (posw_map_next(&c->side, &pos, &key, &value)) {
        posw_chain_side *node = value;
        if (node->marked || !posw_fork_better(&node->weight, &c->weight)) continue;
        if (best != NULL && !better(node, best)) continue;
        best = node;
        memcpy(hash->b, key, sizeof hash->b);
    }
    return best;
}

/* F3 */
static void report_deep(posw_chain *c, uint64_t depth) {
    if (c->deep_reported == c->tip.number + 1) return;
    c->deep_reported = c->tip.number + 1;
    posw_log_write(c->log, POSW_LOG_ERROR, "chain",
                   "a heavier branch leaves the chain %" PRIu64
                   " blocks below the tip, deeper than the limit of %" PRIu64
                   ": refused; if it is the right one, restart with --connect to a node on it",
                   depth, c->spec->params.reorg_max_blocks);
}

bool posw_chain_side_best(posw_chain *c, posw_hash *out) {
    posw_hash hash;
    posw_chain_side *best;
    bool found = false;
    if (c->side.count == 0 || !posw_fork_better(&c->side_heaviest, &c->weight)) return false;
    while (!found && (best = best_unmarked(c, &hash)) != NULL) {
        const uint64_t depth = c->tip.number - best->fork;
        found = (c->allow_deep || best->fork >= posw_chain_finalized(c)) && posw_chain_fork_is_there(c, best->fork);
        if (!found) report_deep(c, depth);
        best->marked = true;
    }
    posw_chain_side_unmark(c);
    if (found) *out = hash;
    return found;
}

/* ---- marks ---- */

void posw_chain_side_unmark(posw_chain *c) {
    size_t pos = 0;
    void *node;
    while (posw_map_next(&c->side, &pos, NULL, &node))
        ((posw_chain_side *)node)->marked = false;
}

static int compare_numbers(const void *a, const void *b) {
    const posw_chain_side *x = *(posw_chain_side *const *)a, *y = *(posw_chain_side *const *)b;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* All nodes, parents before children; NULL: out of memory. */
static posw_chain_side **sorted(posw_chain *c) {
    posw_chain_side **nodes = malloc((c->side.count + 1) * sizeof *nodes);
    if (nodes == NULL) return NULL;
    size_t pos = 0, n = 0;
    void *node;
    while (posw_map_next(&c->side, &pos, NULL, &node))
        nodes[n++] = node;
    qsort(nodes, n, sizeof *nodes, compare_numbers);
    return nodes;
}

int posw_chain_side_refork(posw_chain *c) {
    posw_chain_side **nodes = sorted(c);
    if (nodes == NULL) return POSW_ENOMEM;
    for (size_t i = 0; i < c->side.count; i++)
        find_fork(c, nodes[i]);
    free(nodes);
    find_bounds(c);
    return POSW_OK;
}

/* Marks each node whose parent is marked; returns the marked ones. */
static size_t mark_descendants(posw_chain *c, posw_chain_side **nodes) {
    size_t marked = 0;
    for (size_t i = 0; i < c->side.count; i++) {
        const posw_chain_side *parent = posw_chain_side_find(c, &nodes[i]->parent);
        if (parent != NULL && parent->marked) nodes[i]->marked = true;
        marked += nodes[i]->marked;
    }
    return marked;
}

size_t posw_chain_side_mark_dead(posw_chain *c, uint64_t tip_number) {
    const uint64_t reorg_max = c->spec->params.reorg_max_blocks,
                   highest = tip_number > c->highest ? tip_number : c->highest;
    if (c->allow_deep || c->side.count == 0 || highest <= reorg_max || c->side_floor >= highest - reorg_max) return 0;
    size_t pos = 0, marked = 0;
    void *value;
    while (posw_map_next(&c->side, &pos, NULL, &value)) {
        posw_chain_side *node = value;
        node->marked = node->fork < highest - reorg_max;
        marked += node->marked;
    }
    return marked;
}

size_t posw_chain_side_mark_from(posw_chain *c, const posw_hash *hash) {
    posw_chain_side *first = posw_chain_side_find(c, hash), **nodes = first == NULL ? NULL : sorted(c);
    if (nodes == NULL) return 0;
    first->marked = true;
    const size_t marked = mark_descendants(c, nodes);
    free(nodes);
    return marked;
}

bool posw_chain_side_mark_least(posw_chain *c, const posw_u256 *weight, const posw_hash *keep) {
    size_t pos = 0;
    void *value;
    posw_chain_side *kept = posw_chain_side_find(c, keep);
    if (kept != NULL) kept->marked = true;
    while (posw_map_next(&c->side, &pos, NULL, &value)) {
        posw_chain_side *parent = posw_chain_side_find(c, &((posw_chain_side *)value)->parent);
        if (parent != NULL) parent->marked = true; /* has a child */
    }
    posw_chain_side *least = NULL;
    for (pos = 0; posw_map_next(&c->side, &pos, NULL, &value);) {
        posw_chain_side *node = value;
        if (!node->marked && (least == NULL || better(least, node))) least = node;
    }
    posw_chain_side_unmark(c);
    if (least == NULL || posw_u256_cmp(&least->weight, weight) >= 0) return false;
    least->marked = true;
    return true;
}

int posw_chain_side_delete_marked(posw_chain *c) {
    size_t pos = 0;
    const void *key;
    void *node;
    int rc = POSW_OK;
    while (rc == POSW_OK && posw_map_next(&c->side, &pos, &key, &node)) {
        if (!((posw_chain_side *)node)->marked) continue;
        rc = posw_chain_side_del_row(c, key);
        if (rc == POSW_OK) rc = posw_chain_side_table_del(c, ((posw_chain_side *)node)->number, key);
        if (rc == POSW_OK) rc = c->store->ops->del(c->store, POSW_TABLE_HEADERS, key, POSW_HASH_SIZE);
    }
    return rc;
}

void posw_chain_side_drop_marked(posw_chain *c) {
    enum { BATCH = 256 }; /* the map may not change while it is walked */
    posw_hash batch[BATCH];
    size_t count;
    do {
        size_t pos = 0;
        const void *key;
        void *node;
        count = 0;
        while (count < BATCH && posw_map_next(&c->side, &pos, &key, &node))
            if (((posw_chain_side *)node)->marked) memcpy(batch[count++].b, key, POSW_HASH_SIZE);
        for (size_t i = 0; i < count; i++)
            remove_node(c, &batch[i]);
    } while (count == BATCH);
    find_bounds(c);
    posw_chain_branch_states_tidy(c);
}

/* ---- rows ---- */

static void make_key(uint8_t key[KEY_SIZE], const posw_hash *hash) {
    memcpy(key, key_prefix, KEY_PREFIX);
    memcpy(key + KEY_PREFIX, hash->b, sizeof hash->b);
}

int posw_chain_side_put_row(posw_chain *c, const posw_hash *hash, uint64_t order) {
    uint8_t key[KEY_SIZE], value[8];
    make_key(key, hash);
    posw_store_be64(value, order);
    return c->store->ops->put(c->store, POSW_TABLE_META, key, sizeof key, value, sizeof value);
}

int posw_chain_side_del_row(posw_chain *c, const posw_hash *hash) {
    uint8_t key[KEY_SIZE];
    make_key(key, hash);
    return c->store->ops->del(c->store, POSW_TABLE_META, key, sizeof key);
}

/* Stops behind the prefix with a value that is no error. */
static int collect_row(void *arg, posw_bytes key, posw_bytes value) {
    enum { END = 1 };
    posw_buf *rows = arg;
    if (key.size < KEY_PREFIX || memcmp(key.data, key_prefix, KEY_PREFIX) != 0) return END;
    if (key.size != KEY_SIZE || value.size != 8) return POSW_ECORRUPT;
    posw_buf_append(rows, key.data + KEY_PREFIX, POSW_HASH_SIZE);
    posw_buf_append(rows, value.data, value.size);
    return rows->failed ? POSW_ENOMEM : POSW_OK;
}

static int load_node(posw_chain *c, const uint8_t *at) {
    posw_hash hash;
    posw_chain_row row;
    memcpy(hash.b, at, sizeof hash.b);
    const int rc = posw_chain_row_get(c, &row, &hash);
    if (rc != POSW_OK) return rc == POSW_ENOTFOUND ? POSW_ECORRUPT : rc;
    if (row.header.number == 0) return POSW_ECORRUPT;
    const posw_chain_side node = {.parent = row.header.parent_hash,
                                  .number = row.header.number,
                                  .order = posw_load_be64(at + POSW_HASH_SIZE),
                                  .weight = row.weight,
                                  .entry = posw_chain_entry_of(&row.header),
                                  .seal = posw_chain_seal_of(&row.header),
                                  .block_pos = row.block_pos,
                                  .exec_pos = row.exec_pos};
    return posw_chain_side_add(c, &hash, &node);
}

/* Walks over branches rely on it: the parent is in the tree or on the main chain, one block below. */
static int check_parent(posw_chain *c, const posw_chain_side *node) {
    const posw_chain_side *parent = posw_chain_side_find(c, &node->parent);
    posw_chain_row row;
    posw_hash hash;
    bool fits;
    if (parent != NULL) {
        fits = node->number == parent->number + 1 &&
               posw_chain_is_child(&node->entry, &node->weight, parent->entry.timestamp, &parent->weight);
        return fits ? POSW_OK : POSW_ECORRUPT;
    }
    if (node->number - 1 > c->tip.number) return POSW_ECORRUPT;
    const int rc = posw_chain_main_row(c, &row, &hash, node->number - 1);
    if (rc != POSW_OK) return rc;
    fits = posw_hash_equal(&node->parent, &hash) &&
           posw_chain_is_child(&node->entry, &node->weight, row.header.timestamp, &row.weight);
    return fits ? POSW_OK : POSW_ECORRUPT;
}

static int check_parents(posw_chain *c) {
    size_t pos = 0;
    void *node;
    int rc = POSW_OK;
    while (rc == POSW_OK && posw_map_next(&c->side, &pos, NULL, &node))
        rc = check_parent(c, node);
    return rc;
}

int posw_chain_side_load(posw_chain *c) {
    posw_buf rows = {0};
    posw_map_clear(&c->side);
    posw_map_clear(&c->seals);
    int rc = c->store->ops->walk(c->store, POSW_TABLE_META, key_prefix, KEY_PREFIX, collect_row, &rows);
    if (rc > 0) rc = POSW_OK;
    for (size_t at = 0; rc == POSW_OK && at < rows.size; at += POSW_HASH_SIZE + 8)
        rc = load_node(c, rows.data + at);
    posw_buf_clear(&rows);
    if (rc == POSW_OK) rc = check_parents(c);
    return rc == POSW_OK ? posw_chain_side_refork(c) : rc;
}
