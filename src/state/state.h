/* The state of a chain at one block: accounts and the staking contract's storage over versioned tries, with a journal
 * for the changes of the block that is being executed.
 *
 *      tries (immutable version of the parent)  <-  overlay of changed accounts and words  <-  journal to undo a failed
 * call
 *
 * posw_state_seal() moves the overlay into the tries and gives the root and the undo record. A state is a value: copy
 * it (cheap), execute on the copy, keep or drop it. Single-threaded. */
#ifndef POSW_STATE_STATE_H
#define POSW_STATE_STATE_H

#include "base/error.h"
#include "codec/trie.h"
#include "core/staking_address.h"
#include "posw/types.h"

typedef struct {
    uint64_t nonce;
    posw_u256 balance_wei;
    posw_hash storage_root, code_hash;
} posw_account;

/* Where nodes come from: accounts trie and the staking contract's storage trie, both secure tries with 32-byte keys. */
typedef struct {
    posw_trie_source accounts, storage;
} posw_state_source;

typedef struct posw_state posw_state;

/* The code of the contract at POSW_STAKING_ADDRESS (S1): 0xfe706f7377. */
extern const uint8_t POSW_STAKING_CODE[5];
/* keccak256 of that code. */
posw_hash posw_staking_code_hash(void);

/* The state with this root (POSW_TRIE_EMPTY_ROOT: empty). source is borrowed by it and all copies; NULL for memory
 * only. */
int posw_state_open(posw_state **out, const posw_hash *root, const posw_state_source *source);
/* A copy that shares everything. The overlay must be empty (sealed or fresh; asserted). */
int posw_state_copy(posw_state **out, const posw_state *s);
/* A copy on which the next block is to be executed: it takes over the memory of the overlay (s forgets its cached
 * reads), so that of many versions only the newest has one. */
int posw_state_child(posw_state **out, posw_state *s);
/* One more owner of a sealed version that nobody changes any more: s itself. Each owner frees it. */
posw_state *posw_state_share(posw_state *s);
void posw_state_free(posw_state *s);

/* An absent account reads as zero with the empty storage root and code hash. */
int posw_state_account(posw_state *s, posw_account *out, const posw_address *a);
int posw_state_set_account(posw_state *s, const posw_address *a, const posw_account *account);
/* Loads four accounts that will be wanted soon, hashing their addresses together: a whole block is read faster so. */
int posw_state_warm_x4(posw_state *s, const posw_address *const a[4]);
int posw_state_add_balance(posw_state *s, const posw_address *a, const posw_u256 *wei); /* POSW_ERANGE on overflow */
int posw_state_sub_balance(posw_state *s, const posw_address *a, const posw_u256 *wei); /* POSW_ERANGE when short */
/* A word of the staking contract's storage. */
int posw_state_word(posw_state *s, posw_u256 *out, const posw_hash *slot);
int posw_state_set_word(posw_state *s, const posw_hash *slot, const posw_u256 *v);
/* Four words at once, without caching them: for readers of long lists. */
int posw_state_peek_words_x4(posw_state *s, posw_u256 out[4], const posw_hash slot[4]);

/* A point to which the overlay can be taken back. Marks nest; reverting to a mark forgets later ones. */
size_t posw_state_mark(const posw_state *s);
void posw_state_revert(posw_state *s, size_t mark);
/* All marks become invalid, so that the journal need not grow over a whole block. posw_execution_tx does this at its
 * start. */
void posw_state_forget_marks(posw_state *s);

/* Moves the overlay into the tries: removes empty accounts that were touched (X8), sets the storage root, hashes.
 * undo (may be NULL): appended an undo record that takes this state back to what it was. On failure the state must be
 * freed. */
int posw_state_seal(posw_state *s, posw_hash *root, posw_buf *undo);
/* Applies an undo record to a sealed state; then seal (without an undo buffer, asserted) gives the older root.
 * POSW_ECORRUPT if malformed: the state is then unchanged; after another error it must be freed. Records of several
 * blocks may be applied before one seal. */
int posw_state_apply_undo(posw_state *s, const uint8_t *undo, size_t size);
/* Root of a sealed state. */
posw_hash posw_state_root(const posw_state *s);

/* Writes the nodes in which a sealed state differs from `base`, the state that the store holds (NULL: nothing), see
 * posw_trie_commit. */
int posw_state_commit(posw_state *s, const posw_state *base, const posw_trie_sink *accounts,
                      const posw_trie_sink *storage);
size_t posw_state_memory(const posw_state *s);
/* Forgets cached nodes below the top levels; only for the committed state. */
void posw_state_trim(posw_state *s);

/* Proof nodes of eth_getProof, from the root down. The account's; a word's in the staking contract's storage. */
int posw_state_prove_account(posw_state *s, const posw_address *a,
                             int (*node)(void *arg, const uint8_t *rlp, size_t size), void *arg);
int posw_state_prove_word(posw_state *s, const posw_hash *slot, int (*node)(void *arg, const uint8_t *rlp, size_t size),
                          void *arg);
/* Every account as (keccak(address), RLP), for checks. */
int posw_state_walk_accounts(posw_state *s,
                             int (*leaf)(void *arg, const uint8_t *key, size_t key_size, posw_bytes value), void *arg);

#endif
