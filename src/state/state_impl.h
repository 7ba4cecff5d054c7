/* The inside of posw_state, for the files of this layer that implement it. */
#ifndef POSW_STATE_STATE_IMPL_H
#define POSW_STATE_STATE_IMPL_H

#include "state/overlay.h"
#include "state/state.h"

struct posw_state {
    const posw_state_source *source; /* borrowed; NULL: memory only */
    posw_trie *accounts, *storage;
    posw_hash root;  /* of `accounts` when it was last sealed */
    bool undone;     /* an undo record was applied since */
    uint32_t shares; /* owners beside the first */
    posw_overlay overlay;
};

/* The entry of an account or word, loaded when needed, for writing. Borrowed until the next read or write of the state.
 */
int posw_state_account_entry(posw_state *s, posw_overlay_account **out, const posw_address *a);
int posw_state_word_entry(posw_state *s, posw_overlay_word **out, const posw_hash *slot);
/* RLP of a word of storage; returns the size. */
size_t posw_state_word_encode(uint8_t out[33], const posw_u256 *v);

#endif
