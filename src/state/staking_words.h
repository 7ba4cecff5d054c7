/* The staking contract's storage with a sticky error: read and write freely, ask once at the end. After an error reads
 * give zero and writes do nothing; the state is then to be taken back or dropped. */
#ifndef POSW_STATE_STAKING_WORDS_H
#define POSW_STATE_STAKING_WORDS_H

#include "posw/u256.h"
#include "state/staking_layout.h"
#include "state/state.h"

typedef struct {
    posw_state *state; /* borrowed */
    int error;
} posw_words;

void posw_words_fail(posw_words *w, int error); /* the first one stays */
posw_u256 posw_words_get(posw_words *w, posw_hash slot);
uint64_t posw_words_get_u64(posw_words *w, posw_hash slot);         /* POSW_ECORRUPT if it is larger */
posw_address posw_words_get_address(posw_words *w, posw_hash slot); /* likewise */
void posw_words_set(posw_words *w, posw_hash slot, posw_u256 v);
void posw_words_set_u64(posw_words *w, posw_hash slot, uint64_t v);
void posw_words_set_address(posw_words *w, posw_hash slot, const posw_address *a);
/* POSW_ERANGE on overflow, POSW_ECORRUPT below zero: the contract's sums no longer add up. */
void posw_words_add(posw_words *w, posw_hash slot, const posw_u256 *v);
void posw_words_sub(posw_words *w, posw_hash slot, const posw_u256 *v);

#endif
