/* The chain manager: the block tree, import, side branches, reorganisation, and everything that can be asked of the
 * chain.
 *
 *  - One main chain, whose tip is the valid branch of greatest weight (F1, F2). Its state is a posw_state version in
 * memory over the store.
 *  - Side branches: headers are checked fully on arrival; bodies are executed when the branch becomes the heaviest, or
 * as far as a stake table is needed that lies on the branch itself (more than E blocks past its fork; branch.c). Such a
 * table is made once, by executing at most the blocks of the branch up to its snapshot block, and E of them as a rule.
 *  - A reorganisation executes the branch on the version of the fork point (in memory, or made by undo records), and
 * only when every block is valid is the whole switch committed, in one store transaction. An invalid block marks its
 * branch and leaves everything as it was.
 *  - Durability: at the tip one commit a block. In bulk mode (posw_chain_bulk) commits are joined.
 *
 * Limits: headers and bodies of side branches that leave the main chain within R blocks of the tip only, at most
 * POSW_CHAIN_SIDE_MAX blocks, with deep reorganisations allowed from anywhere and POSW_CHAIN_SIDE_DEEP_MAX (of 250
 * bytes in memory); the rest is refused. The signature of a block is not part of its proof of work, so one proof gives
 * any number of blocks: of those with one parent and one mixHash at most POSW_CHAIN_COPIES_MAX are kept on side
 * branches, and others only when posw_prepared.is_built_on says that a proof of work stands on them. What was taken
 * while they were allowed stays until the tip leaves it behind. Memory: two ticket windows (W + R blocks each), the
 * side branches' headers in short, a few stake tables, and the states of the latest 128 blocks as far as
 * cache_bytes_max allows. Everything else is read from the store. No clock: now_s comes in. Single-threaded. */
#ifndef POSW_CHAIN_CHAIN_H
#define POSW_CHAIN_CHAIN_H

#include "base/log.h"
#include "chain/chainfile.h"
#include "chain/prepare.h"
#include "posw/check.h"
#include "state/execute.h"
#include "store/store.h"

enum {
    POSW_CHAIN_SIDE_MAX = 4096,
    POSW_CHAIN_SIDE_DEEP_MAX = 65536,
    POSW_CHAIN_STATES_MAX = 128,
    POSW_CHAIN_COPIES_MAX = 4,
    POSW_CHAIN_BODIES_MIN = 1024,  /* bodies that even a pruned node has, from the tip down: doc/network.md, flag 8 */
    POSW_CHAIN_BODIES_SLACK = 128, /* beyond what is needed or promised: peers may know an older tip */
};

typedef struct posw_chain posw_chain;

typedef struct {
    const posw_chain_spec *spec; /* borrowed for the chain's life; checked */
    posw_store *store;           /* borrowed */
    const posw_pow *pow;         /* borrowed */
    const posw_log *log;         /* borrowed, may be NULL */
    uint64_t cache_bytes_max;    /* of trie nodes in memory; 0: 64 MiB */
    uint64_t undo_bytes_max;     /* of undo records that posw_chain_state_at may apply; 0: 8 MiB */
} posw_chain_options;

/* Writes genesis into an empty store, or loads the tip of a used one (verifying that the stored tip's state root is
 * there). Errors: POSW_EMISMATCH, POSW_ECORRUPT with a sentence in msg. */
int posw_chain_open(posw_chain **out, const posw_chain_options *opt, posw_message *msg);
/* Commits what bulk mode still holds, and frees. */
int posw_chain_close(posw_chain *c);

/* What an import did to the main chain; the arrays are borrowed until the next import. */
typedef struct {
    const posw_hash *removed; /* hashes of blocks that left the main chain, from the old tip down */
    size_t removed_count;
    const posw_hash *added; /* that joined it, upwards; the last is the tip */
    size_t added_count;
} posw_chain_change;

/* Imports one block. POSW_OK with a verdict, or an operating error (nothing changed). verdict NOT_YET: unknown parent,
 * time, or a branch that leaves too far back (or is the least, or a copy, of too many). A known block is valid again
 * and changes nothing. *change: empty unless the tip moved. The prepared block is taken over (cleared) only on POSW_OK.
 */
int posw_chain_import(posw_chain *c, posw_prepared *p, uint64_t now_s, posw_verdict *verdict,
                      posw_chain_change *change);
/* What an import would say of the header, by steps 4 to 7 of V2 with its proof of work, before the signatures of its
 * transactions are worth recovering: for blocks that strangers send unasked. Valid also for a block that is known,
 * which *known tells. POSW_OK with a verdict, or an operating error. Ends the life of the latest change's arrays. */
int posw_chain_judge_header(posw_chain *c, const posw_header *h, uint64_t now_s, posw_verdict *verdict, bool *known);
/* Joins commits: on: until off or flush, at most `blocks` blocks or 64 MiB of changed nodes a commit. Off commits. */
int posw_chain_bulk(posw_chain *c, bool on, uint64_t blocks);
int posw_chain_flush(posw_chain *c);
/* Lifts the reorg limit (F3), for initial synchronisation or an operator's override. */
void posw_chain_allow_deep_reorg(posw_chain *c, bool allow);

/* ---- The tip and its surroundings ---- */
const posw_chain_spec *posw_chain_get_spec(const posw_chain *c);
const posw_params *posw_chain_params(const posw_chain *c);
const posw_header *posw_chain_tip(const posw_chain *c);
posw_hash posw_chain_tip_hash(const posw_chain *c);
posw_hash posw_chain_genesis_hash(const posw_chain *c);
/* Sum of D of the main chain up to the tip. */
posw_u256 posw_chain_weight_total(const posw_chain *c);
const posw_window *posw_chain_window(const posw_chain *c); /* stands at the tip; borrowed until the next import */
/* The stake table in force for a block number up to tip + 1. NULL if not known. Borrowed until the next import. */
const posw_stake_table *posw_chain_table(posw_chain *c, uint64_t number);
/* The one that will be in force in the epoch after that of block tip + 1: it is taken by then (E1). As above. */
const posw_stake_table *posw_chain_table_ahead(posw_chain *c);
posw_hash posw_chain_stake_root(posw_chain *c, uint64_t number);
/* Sums of the table in force for a block number up to tip + 1, without loading it: for those who look at many epochs.
 * POSW_ENOTFOUND: not known. */
int posw_chain_stake_sums(posw_chain *c, posw_stake_sums *out, uint64_t number);
/* D of the next block, with this timestamp (D1). The latest answer is kept. */
posw_u256 posw_chain_next_difficulty(posw_chain *c, uint64_t timestamp);
/* F of a miner for the next block. */
posw_u256 posw_chain_next_weight(posw_chain *c, const posw_address *miner);
/* A fresh copy of the state after a main-chain block, owned by the caller: the tip's, one of the versions in memory, or
 * one that is made by undo records, for which some 100 ms may pass. POSW_ENOTFOUND: more than posw_chain_states_depth
 * blocks behind the tip, or too much has changed since (undo_bytes_max). */
int posw_chain_state_at(posw_chain *c, posw_state **out, uint64_t number);
/* As far behind the tip as a state may be: what a reorganisation may take back, and at least POSW_CHAIN_STATES_MAX - 1.
 */
uint64_t posw_chain_states_depth(const posw_chain *c);
/* The RandomX key of a block that follows the tip (K1); zero for other algorithms. */
int posw_chain_pow_key(posw_chain *c, posw_hash *out, uint64_t number);

/* ---- Reading blocks: POSW_OK, POSW_ENOTFOUND or an operating error ---- */
/* Of blocks before posw_chain_first_body there are headers, stake tables and proofs; bodies and results are
 * POSW_EPRUNED. */
typedef struct {
    posw_header header;
    posw_hash hash;
    posw_u256 weight_total; /* sum of D up to it */
    bool is_main;
    size_t size; /* of the encoded block */
} posw_chain_block_info;
/* Only whether its header is there: POSW_OK, POSW_ENOTFOUND or an operating error. */
int posw_chain_has_block(posw_chain *c, const posw_hash *hash);
int posw_chain_block_by_hash(posw_chain *c, posw_chain_block_info *out, const posw_hash *hash);
int posw_chain_block_by_number(posw_chain *c, posw_chain_block_info *out, uint64_t number); /* main chain */
int posw_chain_hash_by_number(posw_chain *c, posw_hash *out, uint64_t number);
/* The encoded block, appended. One without transactions is made from its header when it was pruned. */
int posw_chain_block_bytes(posw_chain *c, posw_buf *out, const posw_hash *hash);
/* Receipts and senders of a main-chain block: receipts as in execute.h; senders 20 bytes each. Appended. */
int posw_chain_block_results(posw_chain *c, posw_buf *receipts, posw_buf *senders, const posw_hash *hash);
/* Where a transaction of the main chain stands. POSW_ENOTFOUND also when its block was pruned. */
int posw_chain_find_tx(posw_chain *c, uint64_t *number, uint32_t *index, const posw_hash *tx_hash);
/* The stake proof of a miner for a block number up to tip + 1. POSW_ENOTFOUND: not in the table. */
int posw_chain_stake_proof(posw_chain *c, posw_stake_proof *out, uint64_t number, const posw_address *miner);
/* Depth-based tags. finalized = max(0, h - R), where h is the highest tip since the start (or since F3's limit was off
 * last): no branch that leaves the main chain below it is followed, so it never goes back. safe = tip - R/4, or
 * finalized if that is higher. */
uint64_t posw_chain_finalized(const posw_chain *c);
uint64_t posw_chain_safe(const posw_chain *c);

/* ---- For headers that come before their blocks ---- */
/* A block that the chain has, as the parent of others. */
typedef struct {
    posw_header parent;
    posw_hash parent_hash;
    posw_u256 parent_weight; /* sum of D up to it */
    uint64_t fork_number;    /* its branch leaves the main chain after this block; its own number on the main chain */
    bool at_tip;
} posw_chain_place;
/* POSW_ENOTFOUND: the chain does not have this block. */
int posw_chain_find_place(posw_chain *c, posw_chain_place *out, const posw_hash *block);
/* A window that stands at this block, in memory of posw_chain_window_size bytes, aligned to 16. */
size_t posw_chain_window_size(const posw_chain *c);
int posw_chain_window_copy(posw_chain *c, void *memory, posw_window **out, const posw_chain_place *at);
/* The same, borrowed until the chain changes or another window of it is asked for. */
int posw_chain_window_view(posw_chain *c, const posw_window **out, const posw_chain_place *at);
posw_window_entry posw_chain_entry_of(const posw_header *h); /* what a window is pushed with */
/* The stake table in force for a block number on a branch that leaves the main chain after fork_number, and its root
 * (E4). Borrowed until the next call. POSW_ENOTFOUND: not known here, its snapshot lies on the branch, which nothing is
 * executed for at this point. */
int posw_chain_branch_table(posw_chain *c, const posw_stake_table **table, posw_hash *root, uint64_t number,
                            uint64_t fork_number);
/* K1 for a block that follows one that the chain has; zero for other algorithms. */
int posw_chain_key_after(posw_chain *c, posw_hash *out, const posw_hash *parent, uint64_t parent_number);
/* Found invalid by execution; remembered for the latest few thousand. */
bool posw_chain_is_invalid(const posw_chain *c, enum posw_rule *rule, const posw_hash *hash);

/* ---- Building blocks ---- */
/* What an own block's execution gave, so that its import need not execute again. Handed to posw_chain_import_own. */
typedef struct posw_chain_template {
    posw_header header; /* complete but for mixHash, nonce and signature */
    posw_hash parent;
    posw_state *state;            /* sealed, owned */
    posw_execution_result result; /* owned */
    posw_buf txs;                 /* raw envelopes, each length (4) ‖ bytes; owned */
    posw_buf senders;             /* 20 bytes each; owned */
    size_t tx_count;
} posw_chain_template;
void posw_chain_template_clear(posw_chain_template *t);
/* Imports a sealed block of our own: header is the template's with mixHash, nonce and signature filled in. Checks the
 * header and the seal like any other, skips execution. The template is taken over (cleared) when POSW_OK comes with a
 * valid verdict; with another verdict it stays, and another seal may be tried. If the tip is no longer its parent, or
 * it has no state any more (freed and NULL), the block is imported by its bytes. */
int posw_chain_import_own(posw_chain *c, posw_chain_template *t, const posw_header *sealed, uint64_t now_s,
                          posw_verdict *verdict, posw_chain_change *change);

/* ---- Pruning ---- */
/* So many blocks below the tip keep their bodies, results and undo records whatever the disk says: twice what a
 * reorganisation may take back (the chain may become shorter by one, and go back from there), and at least what peers
 * may ask of a pruned node. */
uint64_t posw_chain_keep_depth(const posw_chain *c);
/* The lowest block from which on everything is there; 0: nothing was ever pruned. */
uint64_t posw_chain_first_body(const posw_chain *c);
/* Bytes of files that were given up since the chain was opened. */
uint64_t posw_chain_pruned_bytes(const posw_chain *c);
typedef struct {
    uint64_t bytes; /* of block and execution files, before this step */
    bool more;      /* something was done: call again, when others have had their turn */
    bool joined;    /* in bulk mode: it waits for the batch's commit, and has cost none of its own */
    bool needed;    /* they are above bytes_max, but what would go next is too young */
} posw_chain_pruning;
/* One bounded step (some milliseconds, and a commit unless bulk mode joins it) towards block and execution files of at
 * most bytes_max. An operating error changes nothing. */
int posw_chain_prune(posw_chain *c, uint64_t bytes_max, posw_chain_pruning *out);

/* ---- Checking (posw db verify) ---- */
/* Re-reads every main-chain block, checks hashes, links, seals, roots of bodies and receipts, window counts, stake
 * tables, and at the end walks the whole state. Of pruned blocks all but bodies and receipts. progress is called with
 * the block number now and then; a non-zero result stops with POSW_ECANCELED. POSW_ECORRUPT with a sentence that names
 * block and remedy. */
int posw_chain_verify(posw_chain *c, int (*progress)(void *arg, uint64_t number, uint64_t tip), void *arg,
                      posw_message *msg);

#endif
