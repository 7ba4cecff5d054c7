/* The changes of the block that is being executed, above the tries: accounts and words that were read or written, and a
 * journal of old values to take a failed call back.
 *
 *      index (hash map): address -> place      accounts[place]: now, was, keccak(address)
 *      index (hash map): slot    -> place      words[place]:    now, was, keccak(slot)
 *      journal: (place, old `now`), ...        a mark is a length of the journal
 *
 * Entries never leave before the reset, so places stay valid; pointers to entries are borrowed until the next add.
 * Entries that were only read are a cache. What is written is bounded by the block's gas; what is only read is bounded
 * by POSW_OVERLAY_CLEAN_MAX (see posw_overlay_may_cache). A few entries stay when their changes have gone into the
 * tries: what almost every block changes is found without a way down a trie.
 *
 * A few entries are looked through; an index has all of them, or is empty while they are few. It is seeded with the
 * root below the overlay: whoever wants addresses that collide must know the parent block.
 */
#ifndef POSW_STATE_OVERLAY_H
#define POSW_STATE_OVERLAY_H

#include "base/map.h"
#include "state/state.h"

enum {
    POSW_OVERLAY_FEW = 16,            /* of each kind */
    POSW_OVERLAY_CLEAN_MAX = 4096,    /* entries that were never written */
    POSW_OVERLAY_KEEP_ENTRIES = 16384 /* a reset keeps the memory of so many, and frees what a rare larger block took */
};

typedef struct {
    posw_account now, was;
    posw_hash key; /* keccak256(address) */
    posw_address address;
    bool written; /* counted in posw_overlay.written */
} posw_overlay_account;

typedef struct {
    posw_u256 now, was;
    posw_hash slot, key; /* key = keccak256(slot) */
    bool written;
} posw_overlay_word;

typedef struct {
    uint32_t place;
    bool is_word;
    union {
        posw_account account;
        posw_u256 word;
    } old;
} posw_overlay_change;

typedef struct {
    posw_map account_index, word_index; /* -> uint32_t place */
    posw_overlay_account *accounts;
    posw_overlay_word *words;
    posw_overlay_change *journal;
    size_t account_count, account_capacity, word_count, word_capacity, journal_count, journal_capacity;
    size_t journal_base; /* changes before the journal's first: made, and no longer revertible */
    size_t written;      /* entries that were ever written */
} posw_overlay;

/* Empty; allocates nothing. root: of the state below. */
void posw_overlay_init(posw_overlay *o, const posw_hash *root);
void posw_overlay_clear(posw_overlay *o);
/* Empty again, keeps memory. */
void posw_overlay_reset(posw_overlay *o, const posw_hash *root);
/* The changes are in the tries, and root is theirs: nothing counts as changed. Entries stay if they are few. */
void posw_overlay_settle(posw_overlay *o, const posw_hash *root);
/* True iff a change is in force. */
bool posw_overlay_changed(const posw_overlay *o);
/* May one more entry be added that is only read? Empties the cache when it is full and nothing was changed. */
bool posw_overlay_may_cache(posw_overlay *o, const posw_hash *root);

/* NULL: not there. */
posw_overlay_account *posw_overlay_find_account(const posw_overlay *o, const posw_address *a);
posw_overlay_word *posw_overlay_find_word(const posw_overlay *o, const posw_hash *slot);
/* The entry must not be there. NULL: out of memory. */
posw_overlay_account *posw_overlay_add_account(posw_overlay *o, const posw_address *a, const posw_hash *key,
                                               const posw_account *was);
posw_overlay_word *posw_overlay_add_word(posw_overlay *o, const posw_hash *slot, const posw_hash *key,
                                         const posw_u256 *was);
/* Journals and sets. 0 or POSW_ENOMEM. */
int posw_overlay_set_account(posw_overlay *o, posw_overlay_account *e, const posw_account *v);
int posw_overlay_set_word(posw_overlay *o, posw_overlay_word *e, const posw_u256 *v);

size_t posw_overlay_mark(const posw_overlay *o);
void posw_overlay_revert(posw_overlay *o, size_t mark);
/* Nothing before this point can be reverted any more; the journal's memory is used again. */
void posw_overlay_forget_marks(posw_overlay *o);
size_t posw_overlay_memory(const posw_overlay *o);

#endif
