/* Epochs, the stake table, its Merkle-sum tree and proofs (protocol section 5). No allocation: tables and scratch are
 * the caller's. Pure functions: several threads may read one table. p: checked parameters (posw_params_check). Stakes
 * and sums are in wei. */
#ifndef POSW_STAKE_H
#define POSW_STAKE_H

#include "posw/params.h"
#include "posw/verdict.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { POSW_STAKE_MINERS_MAX = 65536, POSW_STAKE_PROOF_DEPTH_MAX = 16, POSW_STAKE_PROOF_SIZE_MAX = 1024 };

typedef struct {
    posw_address miner, signer; /* signer: the miner itself unless it named another */
    posw_u256 stake_wei;        /* 0 < stake < 2^128 */
} posw_stake_entry;

/* Entries by ascending miner address, no doubles. The memory is the caller's. */
typedef struct {
    const posw_stake_entry *entries;
    size_t count;
    posw_u256 total_wei, supply_wei;
    posw_hash tree_root;
} posw_stake_table;

typedef struct {
    posw_hash hash;
    posw_u256 sum; /* < 2^128 */
    bool left;     /* the sibling stands to the left */
} posw_stake_sibling;

typedef struct {
    posw_u256 supply_wei, total_wei;
    posw_address signer;
    posw_u256 stake_wei;
    size_t depth; /* siblings from the leaf up, at most POSW_STAKE_PROOF_DEPTH_MAX */
    posw_stake_sibling siblings[POSW_STAKE_PROOF_DEPTH_MAX];
} posw_stake_proof;

/* E1: epoch of a block, and the number of the block after which the table in force in that epoch was taken (0:
 * genesis). Numbers of blocks here and below: up to 2^63. */
POSW_API uint64_t posw_epoch_of(const posw_params *p, uint64_t number);
POSW_API uint64_t posw_epoch_snapshot_block(const posw_params *p, uint64_t epoch);
/* True iff the state after this block is the snapshot of a table; *epoch is the first epoch in which that is in force
 * (genesis: epoch 0; it stays in force in epoch 1, and where E = 1 in epoch 2). The reverse question, from an epoch to
 * its table, is posw_epoch_snapshot_block. */
POSW_API bool posw_epoch_is_snapshot(uint64_t *epoch, const posw_params *p, uint64_t number);
/* The first block at which a deposit made in block `number` counts: (number / E + 2) * E. */
POSW_API uint64_t posw_epoch_active_from(const posw_params *p, uint64_t number);

/* One node of the tree while it is built. scratch arrays hold `count` of them. */
typedef struct {
    posw_hash hash;
    posw_u256 sum;
} posw_stake_node;

/* E2, E3: fills total and tree_root of the table from its entries. Sorts nothing: entries must be sorted, of stakes
 * above 0, at most POSW_STAKE_MINERS_MAX, and their sum below 2^128 (asserted). scratch: table->count nodes, the
 * caller's (NULL for an empty table). O(count). */
POSW_API void posw_stake_table_finish(posw_stake_table *t, posw_stake_node *scratch);
/* Binary search; NULL if absent. Borrowed from the table. */
POSW_API const posw_stake_entry *posw_stake_table_find(const posw_stake_table *t, const posw_address *miner);
/* E4: what the headers of the epoch carry. */
POSW_API void posw_stake_root(posw_hash *out, uint64_t epoch, const posw_u256 *supply, const posw_u256 *total,
                              const posw_hash *tree_root);

/* The proof of a miner of the table; false if it is not in it. scratch: table->count nodes. */
POSW_API POSW_MUST_USE bool posw_stake_prove(posw_stake_proof *out, const posw_stake_table *t,
                                             const posw_address *miner, posw_stake_node *scratch);
/* The whole tree, for many proofs of one table: each then costs a search and `depth` copies. tree:
 * posw_stake_tree_size(count) nodes, the caller's; the table must stay as it was. */
POSW_API size_t posw_stake_tree_size(size_t count);
POSW_API void posw_stake_tree_build(posw_stake_node *tree, const posw_stake_table *t);
POSW_API POSW_MUST_USE bool posw_stake_tree_prove(posw_stake_proof *out, const posw_stake_table *t,
                                                  const posw_address *miner, const posw_stake_node *tree);

/* E5: does the proof lead to this stake root, for this miner in this epoch? Valid, or invalid under
 * POSW_RULE_STAKE_PROOF. At most 18 hashes. */
POSW_API POSW_MUST_USE posw_verdict posw_stake_proof_check(const posw_stake_proof *proof, uint64_t epoch,
                                                           const posw_address *miner, const posw_hash *stake_root);
/* RLP [supply, total, signer, stake, [[side, hash, sum]...]]; side 0 right, 1 left. Strict decoding: canonical RLP,
 * total, stake and sums below 2^128, at most 16 siblings, nothing after the list; false leaves *out unchanged. At most
 * 926 bytes. What is encoded keeps these limits (asserted). */
POSW_API size_t posw_stake_proof_encode(uint8_t out[POSW_STAKE_PROOF_SIZE_MAX], const posw_stake_proof *proof);
POSW_API POSW_MUST_USE bool posw_stake_proof_decode(posw_stake_proof *out, const uint8_t *in, size_t size);

#ifdef __cplusplus
}
#endif

#endif
