/* Snapshots: one file with everything that a data directory holds of the chain, made while the node runs.
 *
 *      tar: state/data.mdb ‖ blocks/blk00000.dat … ‖ blocks/exe00000.dat … ‖ SHA256SUMS
 *
 * Every tar unpacks it, and sha256sum -c checks it. The state is LMDB's, compacted, as it was committed at one moment
 * after the start; the block files reach as far as that state speaks of, or a little further, which the next open cuts.
 * Those of a pruned node begin with a higher number.
 * The node's key, its addresses, waiting transactions and keystores are not in it.
 *
 * Two threads make it beside the node's: one has LMDB write into a pipe, the other writes pipe and files into the
 * archive. So the sums need no second reading, and a stop is one closed pipe. The file gets its name when it is whole
 * and on the disk. */
#ifndef POSW_IO_SNAPSHOT_H
#define POSW_IO_SNAPSHOT_H

#include "base/error.h"
#include "store/store.h"

typedef struct posw_snapshot posw_snapshot;

/* The node's thread, outside of a step: the store is one of store_lmdb.h. path: copied; made anew (POSW_EEXIST).
 * POSW_EBUSY: see posw_store_lmdb_copy_begin. POSW_ENOMEM, POSW_EIO, POSW_ENOSPC with a sentence. */
int posw_snapshot_start(posw_snapshot **out, posw_store *store, const char *path, posw_message *msg);
typedef struct {
    bool done;
    int result;       /* when done */
    posw_message msg; /* why it failed */
    uint64_t bytes;   /* written */
} posw_snapshot_progress;
void posw_snapshot_read(posw_snapshot *s, posw_snapshot_progress *out); /* any thread */
/* The node's thread: waits for the threads, and with `cancel` makes them give up within a few writes; gives the store
 * back its way of reading, and frees. */
void posw_snapshot_finish(posw_snapshot *s, bool cancel);

/* Unpacks a snapshot into datadir, which may exist (mode 0700 if it is made) but hold no chain (POSW_EEXIST), checks
 * every sum, that the state is a file which LMDB itself can have written (lmdb_check.h), and has `check` look at the unpacked directory, before it gets its place. POSW_EPARSE: no snapshot, or a made up state;
 * POSW_ECHECKSUM: damaged. On failure nothing is left. progress (may be NULL): bytes read and their total, a result
 * other than 0 ends with POSW_ECANCELED. */
typedef struct {
    int (*check)(void *arg, const char *dir, posw_message *msg);
    int (*progress)(void *arg, uint64_t done, uint64_t total);
    void *arg;
} posw_snapshot_restore_options;
int posw_snapshot_restore(const char *path, const char *datadir, const posw_snapshot_restore_options *o,
                          posw_message *msg);

#endif
