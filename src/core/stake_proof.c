/* Stake proofs: checking one, and its bytes.
 *
 * A proof says: in the table in force, this miner has this stake and this signer, and all stakes together are `total`,
 * of a supply of `supply` coins. Every field is bound by a hash: signer and stake by the leaf, siblings and sides by
 * the nodes above, total by the recomputed sum, and supply and epoch by the stake root of the header (E4). So for one
 * table and miner exactly one proof passes, and one table is proven in one epoch only.
 *
 *      leaf(miner, signer, S) + sibling 0 -> node + sibling 1 -> ... -> tree root, sum = total -> E4 -> stake root
 *
 * A proof comes from an outsider: its sums are limited to 128 bits and its depth to 16 here, before anything is added.
 */
#include "base/bytes.h"
#include "base/error.h"
#include "base/word.h"
#include "codec/rlp.h"
#include "core/stake_proof_x4.h"
#include "core/stake_tree.h"
#include "crypto/keccak.h"
#include "posw/u256.h"

/* The limits that every proof keeps, from wherever it comes. */
static bool within_limits(const posw_stake_proof *proof) {
    if (proof->depth > POSW_STAKE_PROOF_DEPTH_MAX) return false;
    if (!posw_stake_sum_fits(&proof->total_wei) || !posw_stake_sum_fits(&proof->stake_wei)) return false;
    for (size_t i = 0; i < proof->depth; i++)
        if (!posw_stake_sum_fits(&proof->siblings[i].sum)) return false;
    return true;
}

/* Both fit 128 bits. False when their sum does not. */
static bool add_sum(posw_u256 *sum, const posw_u256 *more) {
    uint64_t carry = 0;
    const uint64_t low = posw_word_add(&carry, sum->w[0], more->w[0]),
                   high = posw_word_add(&carry, sum->w[1], more->w[1]);
    if (carry != 0) return false;
    *sum = (posw_u256){{low, high, 0, 0}};
    return true;
}

/* E3: the message of the node above `node` and this sibling. */
static void parent_put(uint8_t out[POSW_STAKE_NODE_SIZE], const posw_stake_node *node, const posw_stake_sibling *s) {
    const size_t own = s->left ? 1 + POSW_STAKE_HALF_SIZE : 1, other = s->left ? 1 : 1 + POSW_STAKE_HALF_SIZE;
    out[0] = 0x01;
    posw_stake_half_put(out + own, &node->hash, &node->sum);
    posw_stake_half_put(out + other, &s->hash, &s->sum);
}

/* E3: to the node above `node` and this sibling. False when their sum is too large to be one of ours. */
static bool climb(posw_stake_node *node, const posw_stake_sibling *s) {
    uint8_t message[POSW_STAKE_NODE_SIZE];
    parent_put(message, node, s);
    posw_keccak256(&node->hash, message, sizeof message);
    return add_sum(&node->sum, &s->sum);
}

/* E5 */
posw_verdict posw_stake_proof_check(const posw_stake_proof *proof, uint64_t epoch, const posw_address *miner,
                                    const posw_hash *stake_root) {
    const posw_verdict refused = posw_invalid(POSW_RULE_STAKE_PROOF);
    if (!within_limits(proof) || posw_u256_is_zero(&proof->stake_wei)) return refused;
    uint8_t leaf[POSW_STAKE_LEAF_SIZE];
    posw_stake_leaf_put(leaf, miner, &proof->signer, &proof->stake_wei);
    posw_stake_node node = {.sum = proof->stake_wei};
    posw_keccak256(&node.hash, leaf, sizeof leaf);
    for (size_t i = 0; i < proof->depth; i++)
        if (!climb(&node, &proof->siblings[i])) return refused;
    if (!posw_u256_equal(&node.sum, &proof->total_wei)) return refused;
    posw_hash root;
    posw_stake_root(&root, epoch, &proof->supply_wei, &proof->total_wei, &node.hash); /* E4 */
    return posw_hash_equal(&root, stake_root) ? posw_valid() : refused;
}

/* ---- four at once ---- */

typedef struct {
    bool live[POSW_STAKE_PROOF_LANES]; /* nothing wrong so far */
    posw_stake_node nodes[POSW_STAKE_PROOF_LANES];
} lanes;

/* The hashes of the messages; a lane without one (size 0) keeps what it has. */
static void hash_lanes(lanes *l, const posw_bytes messages[POSW_STAKE_PROOF_LANES]) {
    posw_hash hashes[POSW_STAKE_PROOF_LANES], *out[POSW_STAKE_PROOF_LANES];
    for (size_t i = 0; i < POSW_STAKE_PROOF_LANES; i++)
        out[i] = &hashes[i];
    posw_keccak256_x4(out, messages);
    for (size_t i = 0; i < POSW_STAKE_PROOF_LANES; i++)
        if (messages[i].size > 0) l->nodes[i].hash = hashes[i];
}

static void start_lanes(lanes *l, const posw_stake_claim claims[POSW_STAKE_PROOF_LANES]) {
    uint8_t memory[POSW_STAKE_PROOF_LANES][POSW_STAKE_LEAF_SIZE];
    posw_bytes messages[POSW_STAKE_PROOF_LANES] = {{0}};
    for (size_t i = 0; i < POSW_STAKE_PROOF_LANES; i++) {
        const posw_stake_proof *proof = claims[i].proof;
        l->live[i] = proof != NULL && within_limits(proof) && !posw_u256_is_zero(&proof->stake_wei);
        if (!l->live[i]) continue;
        posw_stake_leaf_put(memory[i], claims[i].miner, &proof->signer, &proof->stake_wei);
        messages[i] = posw_bytes_of(memory[i], POSW_STAKE_LEAF_SIZE);
        l->nodes[i].sum = proof->stake_wei;
    }
    hash_lanes(l, messages);
}

/* From level `at` to the one above, where there is one. False when no lane has one. */
static bool climb_lanes(lanes *l, const posw_stake_claim claims[POSW_STAKE_PROOF_LANES], size_t at) {
    uint8_t memory[POSW_STAKE_PROOF_LANES][POSW_STAKE_NODE_SIZE];
    posw_bytes messages[POSW_STAKE_PROOF_LANES] = {{0}};
    bool any = false;
    for (size_t i = 0; i < POSW_STAKE_PROOF_LANES; i++) {
        if (!l->live[i] || at >= claims[i].proof->depth) continue;
        const posw_stake_sibling *s = &claims[i].proof->siblings[at];
        parent_put(memory[i], &l->nodes[i], s);
        messages[i] = posw_bytes_of(memory[i], POSW_STAKE_NODE_SIZE);
        l->live[i] = add_sum(&l->nodes[i].sum, &s->sum);
        any = true;
    }
    if (any) hash_lanes(l, messages);
    return any;
}

/* E4: the stake root takes the place of the tree root. */
static void finish_lanes(lanes *l, const posw_stake_claim claims[POSW_STAKE_PROOF_LANES]) {
    uint8_t memory[POSW_STAKE_PROOF_LANES][POSW_STAKE_ROOT_SIZE];
    posw_bytes messages[POSW_STAKE_PROOF_LANES] = {{0}};
    for (size_t i = 0; i < POSW_STAKE_PROOF_LANES; i++) {
        if (!l->live[i]) continue;
        const posw_stake_proof *proof = claims[i].proof;
        posw_stake_root_put(memory[i], claims[i].epoch, &proof->supply_wei, &proof->total_wei, &l->nodes[i].hash);
        messages[i] = posw_bytes_of(memory[i], POSW_STAKE_ROOT_SIZE);
    }
    hash_lanes(l, messages);
}

void posw_stake_proof_check_x4(posw_verdict out[POSW_STAKE_PROOF_LANES],
                               const posw_stake_claim claims[POSW_STAKE_PROOF_LANES]) {
    lanes l = {0};
    start_lanes(&l, claims);
    for (size_t at = 0; climb_lanes(&l, claims, at); at++)
        ;
    finish_lanes(&l, claims);
    for (size_t i = 0; i < POSW_STAKE_PROOF_LANES; i++) {
        const bool holds = l.live[i] && posw_u256_equal(&l.nodes[i].sum, &claims[i].proof->total_wei) &&
                           posw_hash_equal(&l.nodes[i].hash, &claims[i].stake_root);
        out[i] = holds ? posw_valid() : posw_invalid(POSW_RULE_STAKE_PROOF);
    }
}

/* ---- bytes ---- */

static size_t sibling_content_size(const posw_stake_sibling *s) {
    return posw_rlp_size_u64(s->left) + posw_rlp_size_bytes(s->hash.b, POSW_HASH_SIZE) + posw_rlp_size_u256(&s->sum);
}

static size_t siblings_content_size(const posw_stake_proof *proof) {
    size_t size = 0;
    for (size_t i = 0; i < proof->depth; i++)
        size += posw_rlp_size_list(sibling_content_size(&proof->siblings[i]));
    return size;
}

/* Largest: 16 siblings of 1 + 51 bytes with a prefix of 3, and 33 + 17 + 21 + 17 for the rest with another: 926 bytes.
 */
size_t posw_stake_proof_encode(uint8_t out[POSW_STAKE_PROOF_SIZE_MAX], const posw_stake_proof *proof) {
    POSW_ASSERT(within_limits(proof));
    const size_t siblings_size = siblings_content_size(proof);
    const size_t size = posw_rlp_size_u256(&proof->supply_wei) + posw_rlp_size_u256(&proof->total_wei) +
                        posw_rlp_size_bytes(proof->signer.b, POSW_ADDRESS_SIZE) +
                        posw_rlp_size_u256(&proof->stake_wei) + posw_rlp_size_list(siblings_size);
    uint8_t *p = posw_rlp_put_list(out, size);
    p = posw_rlp_put_u256(p, &proof->supply_wei);
    p = posw_rlp_put_u256(p, &proof->total_wei);
    p = posw_rlp_put_bytes(p, proof->signer.b, POSW_ADDRESS_SIZE);
    p = posw_rlp_put_u256(p, &proof->stake_wei);
    p = posw_rlp_put_list(p, siblings_size);
    for (size_t i = 0; i < proof->depth; i++) {
        const posw_stake_sibling *s = &proof->siblings[i];
        p = posw_rlp_put_list(p, sibling_content_size(s));
        p = posw_rlp_put_u64(p, s->left);
        p = posw_rlp_put_bytes(p, s->hash.b, POSW_HASH_SIZE);
        p = posw_rlp_put_u256(p, &s->sum);
    }
    return (size_t)(p - out);
}

static bool sibling_decode(posw_stake_sibling *out, posw_rlp *list) {
    posw_rlp item = posw_rlp_list(list);
    const uint64_t side = posw_rlp_u64(&item);
    posw_rlp_fixed(&item, out->hash.b, POSW_HASH_SIZE);
    out->sum = posw_rlp_u256(&item);
    out->left = side == 1;
    return posw_rlp_done(&item) && side <= 1;
}

bool posw_stake_proof_decode(posw_stake_proof *out, const uint8_t *in, size_t size) {
    posw_stake_proof proof = {0};
    posw_rlp outer = posw_rlp_reader(in, size);
    posw_rlp r = posw_rlp_list(&outer);
    proof.supply_wei = posw_rlp_u256(&r);
    proof.total_wei = posw_rlp_u256(&r);
    posw_rlp_fixed(&r, proof.signer.b, POSW_ADDRESS_SIZE);
    proof.stake_wei = posw_rlp_u256(&r);
    posw_rlp siblings = posw_rlp_list(&r);
    while (posw_rlp_more(&siblings)) {
        if (proof.depth == POSW_STAKE_PROOF_DEPTH_MAX) return false;
        if (!sibling_decode(&proof.siblings[proof.depth++], &siblings)) return false;
    }
    if (!posw_rlp_done(&siblings) || !posw_rlp_done(&r) || !posw_rlp_done(&outer)) return false;
    if (!within_limits(&proof)) return false;
    *out = proof;
    return true;
}
