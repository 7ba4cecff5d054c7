/* Epochs, the stake table and its Merkle-sum tree.
 *
 * Which stake counts for a block is decided long before the block: the table in force in epoch e was taken at the end
 * of epoch e - 2. A fork that starts in epoch e - 1 or later has the same table, whatever it does to itself in private.
 *
 *      epoch     e - 2          e - 1            e
 *          |------------*|---------------|---------------|
 *                       ^ table taken      lag of E blocks  ^ in force here
 *
 * The tree over the table lets somebody who has only a header check one miner's stake, and the total (so that no stake
 * can be hidden or counted twice): a node commits to the sums of both halves, not only to their hashes. Five entries:
 *
 *                 root (sum = total)
 *                /                  \
 *            n(0..3)                 l4      an odd last node goes up unchanged,
 *           /       \                |       so the proof of l4 has one sibling
 *       n(0,1)     n(2,3)            |
 *       /   \      /   \             |
 *      l0   l1    l2   l3            l4
 *
 * Leaves and nodes are hashed with different first bytes, so neither can pass for the other. Levels are computed in
 * place, in the caller's scratch: no recursion and no allocation. */
#include "posw/stake.h"

#include "base/bytes.h"
#include "base/error.h"
#include "core/stake_tree.h"
#include "crypto/keccak.h"
#include "posw/u256.h"

/* E1. P2: E is not zero. */
uint64_t posw_epoch_of(const posw_params *p, uint64_t number) {
    return number / p->epoch_blocks;
}

uint64_t posw_epoch_snapshot_block(const posw_params *p, uint64_t epoch) {
    return epoch <= 1 ? 0 : (epoch - 1) * p->epoch_blocks - 1;
}

bool posw_epoch_is_snapshot(uint64_t *epoch, const posw_params *p, uint64_t number) {
    if (number == 0) {
        *epoch = 0;
        return true;
    }
    if (number % p->epoch_blocks != p->epoch_blocks - 1) return false;
    *epoch = number / p->epoch_blocks + 2;
    return true;
}

/* S3 */
uint64_t posw_epoch_active_from(const posw_params *p, uint64_t number) {
    return (number / p->epoch_blocks + 2) * p->epoch_blocks;
}

/* E3: the message of a leaf and of a node. */
void posw_stake_leaf_put(uint8_t out[POSW_STAKE_LEAF_SIZE], const posw_address *miner, const posw_address *signer,
                         const posw_u256 *stake) {
    out[0] = 0x00;
    memcpy(out + 1, miner->b, POSW_ADDRESS_SIZE);
    memcpy(out + 21, signer->b, POSW_ADDRESS_SIZE);
    posw_stake_sum_put(out + 41, stake);
}

void posw_stake_node_put(uint8_t out[POSW_STAKE_NODE_SIZE], const posw_stake_node *left, const posw_stake_node *right) {
    out[0] = 0x01;
    posw_stake_half_put(out + 1, &left->hash, &left->sum);
    posw_stake_half_put(out + 1 + POSW_STAKE_HALF_SIZE, &right->hash, &right->sum);
}

enum { LANES = 4 }; /* messages that are hashed at once */

/* The hashes of `count` (1 to 4) messages, written beside each other in nodes[]. */
static void hash_lanes(posw_stake_node *nodes, const posw_bytes *messages, size_t count) {
    if (count < LANES) {
        for (size_t i = 0; i < count; i++)
            posw_keccak256(&nodes[i].hash, messages[i].data, messages[i].size);
        return;
    }
    posw_hash *out[LANES];
    for (size_t i = 0; i < LANES; i++)
        out[i] = &nodes[i].hash;
    posw_keccak256_x4(out, messages);
}

/* E3: nodes[i] = leaf of entry i. */
static void build_leaves(posw_stake_node *nodes, const posw_stake_entry *entries, size_t count) {
    uint8_t memory[LANES][POSW_STAKE_LEAF_SIZE];
    posw_bytes messages[LANES];
    for (size_t i = 0; i < count; i += LANES) {
        const size_t n = count - i < LANES ? count - i : LANES;
        for (size_t k = 0; k < n; k++) {
            const posw_stake_entry *e = &entries[i + k];
            posw_stake_leaf_put(memory[k], &e->miner, &e->signer, &e->stake_wei);
            messages[k] = posw_bytes_of(memory[k], POSW_STAKE_LEAF_SIZE);
            nodes[i + k].sum = e->stake_wei;
        }
        hash_lanes(nodes + i, messages, n);
    }
}

/* E3: the level above `count` > 1 nodes, in place: a group is read before a place at or below it is written. Returns
 * its size. */
static size_t build_level(posw_stake_node *nodes, size_t count) {
    uint8_t memory[LANES][POSW_STAKE_NODE_SIZE];
    posw_bytes messages[LANES];
    const size_t pairs = count / 2;
    for (size_t i = 0; i < pairs; i += LANES) {
        const size_t n = pairs - i < LANES ? pairs - i : LANES;
        posw_u256 sums[LANES];
        for (size_t k = 0; k < n; k++) {
            const posw_stake_node *left = &nodes[2 * (i + k)], *right = left + 1;
            posw_stake_node_put(memory[k], left, right);
            messages[k] = posw_bytes_of(memory[k], POSW_STAKE_NODE_SIZE);
            const bool fits = posw_u256_add(&sums[k], &left->sum, &right->sum);
            POSW_ASSERT(fits && posw_stake_sum_fits(&sums[k])); /* P5: all coins are below 2^128 */
        }
        hash_lanes(nodes + i, messages, n);
        for (size_t k = 0; k < n; k++)
            nodes[i + k].sum = sums[k];
    }
    if (count % 2 != 0) nodes[pairs] = nodes[count - 1];
    return pairs + count % 2;
}

static void check_sorted(const posw_stake_table *t) {
    POSW_ASSERT(t->count <= POSW_STAKE_MINERS_MAX);
    for (size_t i = 0; i < t->count; i++) {
        POSW_ASSERT(!posw_u256_is_zero(&t->entries[i].stake_wei));
        POSW_ASSERT(i == 0 || posw_address_cmp(&t->entries[i - 1].miner, &t->entries[i].miner) < 0);
    }
}

/* E2, E3 */
void posw_stake_table_finish(posw_stake_table *t, posw_stake_node *scratch) {
    check_sorted(t);
    t->total_wei = POSW_U256_ZERO;
    memset(&t->tree_root, 0, sizeof t->tree_root);
    if (t->count == 0) return;
    build_leaves(scratch, t->entries, t->count);
    for (size_t n = t->count; n > 1;)
        n = build_level(scratch, n);
    t->total_wei = scratch[0].sum;
    t->tree_root = scratch[0].hash;
}

const posw_stake_entry *posw_stake_table_find(const posw_stake_table *t, const posw_address *miner) {
    size_t low = 0, high = t->count;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const int order = posw_address_cmp(&t->entries[mid].miner, miner);
        if (order == 0) return &t->entries[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

void posw_stake_root_put(uint8_t out[POSW_STAKE_ROOT_SIZE], uint64_t epoch, const posw_u256 *supply,
                         const posw_u256 *total, const posw_hash *tree_root) {
    posw_store_be64(out, epoch);
    posw_u256_to_be(out + 8, supply);
    posw_u256_to_be(out + 40, total);
    memcpy(out + 72, tree_root->b, POSW_HASH_SIZE);
}

/* E4 */
void posw_stake_root(posw_hash *out, uint64_t epoch, const posw_u256 *supply, const posw_u256 *total,
                     const posw_hash *tree_root) {
    uint8_t message[POSW_STAKE_ROOT_SIZE];
    posw_stake_root_put(message, epoch, supply, total, tree_root);
    posw_keccak256(out, message, sizeof message);
}

/* E5 */
bool posw_stake_prove(posw_stake_proof *out, const posw_stake_table *t, const posw_address *miner,
                      posw_stake_node *scratch) {
    const posw_stake_entry *entry = posw_stake_table_find(t, miner);
    if (entry == NULL) return false;
    check_sorted(t);
    *out = (posw_stake_proof){
        .supply_wei = t->supply_wei, .total_wei = t->total_wei, .signer = entry->signer, .stake_wei = entry->stake_wei};
    size_t place = (size_t)(entry - t->entries);
    build_leaves(scratch, t->entries, t->count);
    for (size_t n = t->count; n > 1; place /= 2) {
        const size_t other = place ^ 1;
        if (other < n) {
            const posw_stake_node *node = &scratch[other];
            out->siblings[out->depth++] =
                (posw_stake_sibling){.hash = node->hash, .sum = node->sum, .left = other < place};
        }
        n = build_level(scratch, n);
    }
    return true;
}

/* Levels one behind the other, leaves first. A level is made in place from a copy of the one below, so that the next
 * one may overwrite what is left of the copy. */
size_t posw_stake_tree_size(size_t count) {
    size_t total = count;
    for (size_t n = count; n > 1; n = n / 2 + n % 2)
        total += n;
    return total;
}

void posw_stake_tree_build(posw_stake_node *tree, const posw_stake_table *t) {
    check_sorted(t);
    build_leaves(tree, t->entries, t->count);
    for (size_t n = t->count; n > 1;) {
        memcpy(tree + n, tree, n * sizeof *tree);
        tree += n;
        n = build_level(tree, n);
    }
}

bool posw_stake_tree_prove(posw_stake_proof *out, const posw_stake_table *t, const posw_address *miner,
                           const posw_stake_node *tree) {
    const posw_stake_entry *entry = posw_stake_table_find(t, miner);
    if (entry == NULL) return false;
    *out = (posw_stake_proof){
        .supply_wei = t->supply_wei, .total_wei = t->total_wei, .signer = entry->signer, .stake_wei = entry->stake_wei};
    size_t place = (size_t)(entry - t->entries);
    for (size_t n = t->count; n > 1; n = n / 2 + n % 2, place /= 2) {
        const size_t other = place ^ 1;
        if (other < n)
            out->siblings[out->depth++] =
                (posw_stake_sibling){.hash = tree[other].hash, .sum = tree[other].sum, .left = other < place};
        tree += n;
    }
    return true;
}
