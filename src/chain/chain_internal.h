/* The inside of the chain manager, for the files of this layer.
 *
 * What lies where
 *
 *      META     "first.body" -> posw_chain_first_body (8 bytes), where anything was pruned ·
 * "chain.upgrades" -> see upgrades.c, where there are any ·
 * "chain.format" -> 1 (8 bytes) · "chain.genesis" -> hash · "chain.spec" -> keccak256 of the chain file ·
 * "tip" -> hash "side" ‖ hash -> order of arrival (8): one row for each block of a side branch HEADERS  hash -> weight
 * (32) ‖ block position (8) ‖ exec position (8) ‖ block size (4) ‖ flags (1) ‖ encoded header MAIN, TRIE, EPOCHS, TXS
 * as store.h says; EPOCHS also epoch (8) ‖ hash -> the table of a snapshot block on a side branch, once it was needed
 * blocks log: encoded block · exec log: see row.c
 *
 * Invariants
 *
 *  - Each row of HEADERS is a block of the main chain or of a side branch; the latter are all in `side`, too. The
 * parent of a side block is a side block or on the main chain.
 *  - Memory follows the store: members that describe the chain change only after the transaction that made the change
 * has committed (or, in bulk mode, together with the open transaction; if that fails, posw_chain_fail takes both back).
 *  - `committed` is the state version that the store's trie rows hold. It is the tip's, except in bulk mode.
 *
 * One thread. */
#ifndef POSW_CHAIN_CHAIN_INTERNAL_H
#define POSW_CHAIN_CHAIN_INTERNAL_H

#include "base/map.h"
#include "chain/chain.h"

enum {
    POSW_CHAIN_FORMAT = 1,
    POSW_CHAIN_ROW_EXECUTED = 1, /* flag of a row: the exec record has receipts and undo; else senders only */
    POSW_CHAIN_INVALID_MAX = 4096,
    POSW_CHAIN_TABLES_MAX = 16,
    POSW_CHAIN_TABLES_KEEP = 4,
    POSW_CHAIN_BRANCH_STATES_MAX = 2,
    POSW_CHAIN_PAST_STATES_MAX = 4,
    POSW_CHAIN_UNDO_BYTES = 8 << 20,
    POSW_CHAIN_CACHE_BYTES = 64 << 20,
    POSW_CHAIN_BULK_BYTES = 64 << 20
};

typedef struct {
    posw_header header;
    posw_u256 weight; /* sum of D up to it */
    posw_store_pos block_pos, exec_pos;
    uint32_t size; /* of the encoded block */
    uint8_t flags;
} posw_chain_row;

/* A block of a side branch. */
typedef struct {
    posw_hash parent;
    uint64_t number, order;
    uint64_t fork; /* its branch leaves the main chain after this block; posw_chain_side_add finds it */
    posw_u256 weight;
    posw_window_entry entry;
    uint64_t seal;                      /* posw_chain_seal_of */
    posw_store_pos block_pos, exec_pos; /* of its records */
    bool marked;                        /* scratch of walks over the tree */
} posw_chain_side;

/* Blocks from a fork (exclusive) up to some block. Zero-initialise; hashes is owned. */
typedef struct {
    posw_hash *hashes; /* upwards */
    size_t count;
    uint64_t fork_number; /* the main-chain block on which it stands */
} posw_chain_branch;

typedef struct {
    uint64_t epoch, used;
    posw_hash block;         /* the snapshot block, where that is on a side branch; zero: it is on the main chain */
    posw_stake_table *table; /* owned */
    posw_stake_node *tree;   /* owned; made when the first proof is asked for */
    posw_hash root;          /* E4 */
} posw_chain_table_slot;

/* The state after a block of a side branch, from which the branch can be executed further. */
typedef struct {
    posw_hash block;
    posw_state *state; /* owned; NULL: none is kept here */
    uint64_t used;
} posw_chain_branch_state;

/* The state after a main-chain block below states_low. */
typedef struct {
    uint64_t number;
    posw_state *state; /* owned; NULL: none is kept here */
} posw_chain_past_state;

typedef struct {
    posw_store *store;
    uint8_t prefix; /* 'a' or 's' */
} posw_chain_trie_rows;

struct posw_chain {
    const posw_chain_spec *spec;
    posw_store *store;
    const posw_pow *pow;
    const posw_log *log;
    void *pow_scratch; /* made at first use */
    uint64_t cache_bytes_max, undo_bytes_max;

    posw_chain_trie_rows account_rows, storage_rows;
    posw_state_source source;

    posw_hash genesis_hash, tip_hash;
    posw_header tip;
    posw_u256 weight;

    /* D of a child of next_parent with that timestamp: the answer to the latest question. */
    posw_u256 next_difficulty;
    posw_hash next_parent;
    uint64_t next_time;

    /* Versions of main-chain blocks states_low..tip, at number % POSW_CHAIN_STATES_MAX. */
    posw_state *states[POSW_CHAIN_STATES_MAX];
    uint64_t states_low;
    posw_state *committed;
    posw_hash committed_hash;                                      /* of the block */
    posw_chain_past_state past_states[POSW_CHAIN_PAST_STATES_MAX]; /* of this tip's ancestors */
    size_t past_next;                                              /* counts up; the place of the next */

    posw_window *window, *branch_window; /* the latter stands at branch_at */
    size_t window_size;
    posw_hash branch_at;
    bool branch_valid;

    posw_map side;  /* hash -> posw_chain_side */
    posw_map seals; /* seal -> how many blocks of `side` have it (uint32_t) */
    uint64_t side_order;
    uint64_t side_floor;     /* no branch leaves the main chain below this block */
    posw_u256 side_heaviest; /* no block of a branch is heavier */
    posw_chain_branch_state branch_states[POSW_CHAIN_BRANCH_STATES_MAX];
    uint64_t branch_clock, branch_executed; /* the latter: blocks that were executed for stake tables, for tests */

    posw_map invalid; /* hash -> enum posw_rule as uint64_t */
    posw_hash *invalid_ring;
    size_t invalid_at;

    posw_chain_table_slot tables[POSW_CHAIN_TABLES_MAX];
    size_t table_count;
    uint64_t table_clock;

    uint64_t first_body;                /* blocks before it are pruned */
    uint64_t pruned_bytes, pruned_open; /* the latter: of them in the open transaction */

    uint64_t highest; /* number of the highest tip since the start, or since the limit of F3 was lifted */
    bool stale;       /* memory may be ahead of the store: reload before anything else */
    bool tx_open, bulk, allow_deep;
    uint64_t bulk_blocks_max, bulk_blocks;
    size_t bulk_memory;
    uint64_t deep_warned,
        deep_reported; /* tip number + 1 at which a deep block was refused, a heavier deep branch reported last */

    posw_hash *removed, *added; /* of the latest change */
    size_t removed_count, added_count, removed_capacity, added_capacity;
};

/* After the tip has moved: F3. */
void posw_chain_note_height(posw_chain *c);

/* ---- row.c: rows and log records ---- */
int posw_chain_row_get(posw_chain *c, posw_chain_row *out, const posw_hash *hash);
/* The header is not row's. block: its encoding, which begins with the header; data NULL where it is not at hand. */
int posw_chain_row_put(posw_chain *c, const posw_hash *hash, const posw_header *header, const posw_chain_row *row,
                       posw_bytes block);
int posw_chain_main_get(posw_chain *c, posw_hash *out, uint64_t number);
/* The row of a main-chain block. hash may be NULL. POSW_ECORRUPT if it should be there and is not. */
int posw_chain_main_row(posw_chain *c, posw_chain_row *out, posw_hash *hash, uint64_t number);
/* Whether what a row says of time and weight fits its parent's: nothing in LMDB has a checksum, weights are covered by
 * no hash, and a snapshot may be made up. */
bool posw_chain_is_child(const posw_window_entry *e, const posw_u256 *weight, uint64_t parent_time,
                         const posw_u256 *parent_weight);
typedef struct {
    posw_bytes senders, receipts, undo; /* views of the record; the receipts are packed */
} posw_chain_record;
void posw_chain_record_encode(posw_buf *out, uint64_t number, posw_bytes senders, posw_bytes receipts, posw_bytes undo);
/* False also if it is not the record of this block number. */
POSW_MUST_USE bool posw_chain_record_decode(posw_chain_record *out, posw_bytes in, uint64_t number);
/* Appends the receipts in the form of execute.h. */
POSW_MUST_USE bool posw_chain_receipts_unpack(posw_buf *out, posw_bytes packed);
/* Reads a block of this row from the log and decodes it; raw holds its bytes. POSW_ECORRUPT if it is not that block. */
int posw_chain_block_load(posw_chain *c, posw_block *out, posw_buf *raw, const posw_chain_row *row,
                          const posw_hash *hash);
uint64_t posw_chain_meta_u64(posw_bytes value);

/* ---- side.c: the tree of side branches ---- */
posw_chain_side *posw_chain_side_find(posw_chain *c, const posw_hash *hash);
int posw_chain_side_add(posw_chain *c, const posw_hash *hash, const posw_chain_side *node);
void posw_chain_side_remove(posw_chain *c, const posw_hash *hash);
/* The branch that ends in this block; it is empty for a block of the main chain, whose number the caller knows. */
int posw_chain_branch_of(posw_chain *c, posw_chain_branch *out, const posw_hash *hash, uint64_t number);
void posw_chain_branch_clear(posw_chain_branch *b);
/* The number of the main-chain block on which the branch of this block stands (its own number on the main chain). */
uint64_t posw_chain_fork_of(posw_chain *c, const posw_hash *hash, uint64_t number);
/* Finds all forks and bounds again, after the main chain has changed by more than a child. POSW_ENOMEM. */
int posw_chain_side_refork(posw_chain *c);
/* So many blocks may be kept now. */
size_t posw_chain_side_limit(const posw_chain *c);
/* What blocks have in common that were made of one proof of work: parent and mixHash. */
uint64_t posw_chain_seal_of(const posw_header *h);
/* How many blocks of side branches have it. */
uint32_t posw_chain_side_copies(const posw_chain *c, uint64_t seal);
/* The heaviest block of a side branch that may be switched to and is better than the tip; false if none. */
bool posw_chain_side_best(posw_chain *c, posw_hash *out);
/* Marks the blocks that no automatic reorganisation can reach from this tip; their number. */
size_t posw_chain_side_mark_dead(posw_chain *c, uint64_t tip_number);
/* Marks this block and its descendants; their number. */
size_t posw_chain_side_mark_from(posw_chain *c, const posw_hash *hash);
/* Marks the leaf of least weight other than `keep`, if that is less than `weight`; false if none is. */
bool posw_chain_side_mark_least(posw_chain *c, const posw_u256 *weight, const posw_hash *keep);
/* In the open transaction: deletes the rows of all marked blocks. */
int posw_chain_side_delete_marked(posw_chain *c);
/* In memory: removes all marked blocks. */
void posw_chain_side_drop_marked(posw_chain *c);
void posw_chain_side_unmark(posw_chain *c);
int posw_chain_side_put_row(posw_chain *c, const posw_hash *hash, uint64_t order);
int posw_chain_side_del_row(posw_chain *c, const posw_hash *hash);
int posw_chain_side_load(posw_chain *c);

/* ---- invalid.c: blocks known to be invalid ---- */
int posw_chain_invalid_init(posw_chain *c);
void posw_chain_invalid_clear(posw_chain *c);
/* Forgets the oldest when there are too many; forgets this one when memory is short. */
void posw_chain_invalid_add(posw_chain *c, const posw_hash *hash, enum posw_rule rule);
/* A side block that execution has found invalid: it and its descendants leave the tree and are remembered. */
int posw_chain_condemn(posw_chain *c, const posw_hash *hash, enum posw_rule rule);

/* ---- context.c: stake tables and windows of a place in the tree ---- */
/* The table in force at `number` on a branch that leaves the main chain after fork_number. POSW_ENOTFOUND: its snapshot
 * lies on the branch. */
int posw_chain_table_at(posw_chain *c, const posw_chain_table_slot **out, uint64_t number, uint64_t fork_number);
/* Tables in memory; block as in the slot. find: NULL if it is not there. add takes the table over. Borrowed until the
 * next of these. */
const posw_chain_table_slot *posw_chain_slot_find(posw_chain *c, uint64_t epoch, const posw_hash *block);
const posw_chain_table_slot *posw_chain_slot_add(posw_chain *c, uint64_t epoch, const posw_hash *block,
                                                 posw_stake_table *table);
/* A row of EPOCHS. get: POSW_ENOTFOUND if there is none; free with free(). put: in the open transaction, the table of
 * this state. */
int posw_chain_table_get(posw_chain *c, posw_stake_table **out, const uint8_t *key, size_t key_size);
int posw_chain_table_put(posw_chain *c, posw_state *s, const uint8_t *key, size_t key_size);
/* Reads the row, past the cache: for use while a transaction changes EPOCHS. Free with free(). */
int posw_chain_table_read(posw_chain *c, posw_stake_table **out, uint64_t epoch);
void posw_chain_tables_trim(posw_chain *c, size_t keep);
uint64_t posw_chain_epoch_key(const posw_params *p, uint64_t number);
/* The window at any block of the tree; borrowed until the next call or change. */
int posw_chain_window_at(posw_chain *c, posw_window **out, const posw_hash *hash, uint64_t number);
int posw_chain_window_fill(posw_chain *c, posw_window *w, uint64_t number);

/* ---- replay.c: executing stored blocks once more ---- */
/* Takes a sealed state of main-chain block `from` back to that of block `to`, and seals it. POSW_ENOTFOUND: more than
 * bytes_max of undo records. After an error the state must be freed. */
int posw_chain_undo(posw_chain *c, posw_state *s, uint64_t from, uint64_t to, uint64_t bytes_max);
/* A version of its own of the state after this main-chain block: a copy, or made by undo records. */
int posw_chain_fork_state(posw_chain *c, posw_state **out, uint64_t number);
/* A stored block with what executing and indexing it takes. Zero-initialise. */
typedef struct {
    posw_chain_row row;
    posw_block block;
    posw_buf raw, record_bytes;
    posw_chain_record record;
    posw_hash *tx_hashes;
} posw_chain_side_block;
int posw_chain_side_block_load(posw_chain *c, posw_chain_side_block *out, const posw_hash *hash);
void posw_chain_side_block_clear(posw_chain_side_block *b);

/* ---- upgrades.c ---- */
/* At open, with the tip loaded: POSW_EMISMATCH with a sentence if the chain file judges a stored main-chain block by
 * other rules than it was accepted by. Notes the list otherwise. */
int posw_chain_upgrades_check(posw_chain *c, posw_message *msg);

/* ---- prune.c: old blocks go ---- */
int posw_chain_prune_load(posw_chain *c);
/* A branch that leaves the main chain after this block can be executed: nothing above it is pruned. */
static inline bool posw_chain_fork_is_there(const posw_chain *c, uint64_t fork_number) {
    return fork_number + 1 >= c->first_body;
}

/* ---- past.c: states behind the versions in memory ---- */
void posw_chain_past_clear(posw_chain *c);

/* ---- branch.c: stake tables of side branches ---- */
/* The table in force for a child of this place, for which the branch is executed as far as needed. *v is valid, or says
 * that the child has an invalid ancestor (then *out is not set, and that ancestor is no longer in the tree). */
int posw_chain_table_after(posw_chain *c, const posw_chain_table_slot **out, posw_verdict *v,
                           const posw_chain_place *place);
/* In the open transaction: the table of a side block goes (nothing to do where it has none); that of main-chain block
 * becomes one of a side block, or goes where that is not kept. */
int posw_chain_side_table_del(posw_chain *c, uint64_t number, const posw_hash *hash);
int posw_chain_side_table_move(posw_chain *c, uint64_t number, const posw_hash *hash, bool keep);
void posw_chain_branch_states_clear(posw_chain *c);
/* Drops what is kept of blocks that are not in the tree any more. */
void posw_chain_branch_states_tidy(posw_chain *c);

/* ---- commit.c: transactions ---- */
int posw_chain_begin(posw_chain *c);
/* Ends a small transaction that did not move the tip: commits unless bulk mode joins it with others. */
int posw_chain_end_small(posw_chain *c);
/* After everything that a block has changed: commits what bulk mode has joined, if that is enough. */
int posw_chain_end_block(posw_chain *c);
/* Aborts what is open and takes memory back to what the store holds. Returns `error`. */
int posw_chain_fail(posw_chain *c, int error);
/* Tip row, trie rows, commit: after it `state` is what the store holds. On an error the caller calls posw_chain_fail
 * and drops the state. */
int posw_chain_commit_tip(posw_chain *c, posw_state *state, const posw_hash *tip_hash);

/* A block with what its execution gave, ready to be written. */
typedef struct {
    const posw_header *header;
    const posw_hash *hash;
    posw_u256 weight;
    posw_bytes bytes; /* the encoded block; data NULL: it is at block_pos already */
    posw_store_pos block_pos;
    uint32_t size;
    const posw_address *senders;
    const posw_hash *tx_hashes;
    size_t tx_count;
    const posw_execution_result *result;
    posw_state *state;
} posw_chain_executed;
/* In the open transaction: everything that makes it the main-chain block of its number. */
int posw_chain_write_executed(posw_chain *c, const posw_chain_executed *x);
/* Makes an executed child of the tip the new tip, durably unless in bulk mode. Takes x->state over on POSW_OK. */
int posw_chain_adopt(posw_chain *c, const posw_chain_executed *x);
int posw_chain_change_reserve(posw_chain *c, size_t removed, size_t added);
/* Takes the version over. */
void posw_chain_state_push(posw_chain *c, uint64_t number, posw_state *s);
void posw_chain_states_drop_above(posw_chain *c, uint64_t number);
posw_state *posw_chain_state_find(posw_chain *c, uint64_t number); /* borrowed, NULL if not kept */
void posw_chain_limit_memory(posw_chain *c);

/* ---- reorg.c ---- */
/* In the open transaction: the index rows of all transactions of a main-chain block. */
int posw_chain_txs_delete(posw_chain *c, const posw_block *b);
/* Switches to the heaviest valid branch, if that is not the main chain already. */
int posw_chain_activate_best(posw_chain *c);

/* ---- open.c ---- */
int posw_chain_reload(posw_chain *c);

/* ---- import.c ---- */
/* Begins a public import: forgets the last change, repairs what an earlier error left. */
int posw_chain_import_begin(posw_chain *c, posw_chain_change *change);
void posw_chain_import_end(const posw_chain *c, posw_chain_change *change);
/* All rules of the header for a child of this block (T2 included). */
int posw_chain_check_header(posw_chain *c, posw_verdict *v, const posw_chain_place *place, const posw_header *h,
                            bool pow_checked, bool own_signature, uint64_t now_s);

#endif
