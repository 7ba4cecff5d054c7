/* The in-memory store, for tests and simulation: stores that share their values, and a fault hook that fails the n-th
 * operation with a chosen error.
 *
 * Counted operations are begin, commit, get, put, del, walk, append, read and drop_oldest, in the order of the calls.
 * One that is made to fail does nothing but fail: a commit rolls back, a put spoils its transaction, a get says the
 * error. */
#ifndef POSW_STORE_STORE_MEMORY_H
#define POSW_STORE_STORE_MEMORY_H

#include "store/store.h"
#include "store/values.h"

/* One whose values and records are held in this pool, which outlives it; NULL: its own. NULL: out of memory. */
posw_store *posw_store_memory_new_sharing(posw_values *values);

/* Operations counted since the store was made. */
uint64_t posw_store_memory_operations(const posw_store *s);
/* The nth operation from now on (1: the next) fails with `error`; when sticky, all later ones fail as well.
 * nth 0: none fails any more. */
void posw_store_memory_fail(posw_store *s, uint64_t nth, int error, bool sticky);
/* While paused, operations are not counted and none is made to fail. */
void posw_store_memory_pause(posw_store *s, bool paused);

/* The bytes that a part of a log has at least (drop_oldest); 1 MiB unless set. Places of records that were given up
 * stay, at 8 bytes each. */
void posw_store_memory_set_part(posw_store *s, uint64_t bytes);

#endif
