/* The store on disk: LMDB for the tables, append-only files for the logs.
 *
 *      <datadir>/LOCK            held (flock) while the store is open, as <datadir> is; has the process id
 *      <datadir>/state/data.mdb  one LMDB environment, one named database a table
 *      <datadir>/blocks/         blkNNNNN.dat, exeNNNNN.dat: see io/body_files.h
 *
 * A commit makes the logs durable first and then commits the LMDB transaction, which also holds the ends of both logs
 * (META rows "end.blocks" and "end.exec"). So a crash leaves either the old state with a tail behind the recorded ends,
 * which the next open cuts, or the new state with all of its records. Where files were given up, META rows
 * "start.blocks" and "start.exec" have the number of the first that is there: they are committed before the files go,
 * and what a crash left of those goes at the next open. META rows "format" and "chain" tell which software and which
 * chain may open the directory. All these rows are written here only.
 *
 * LMDB is opened without its lock file: the lock above keeps other processes out, and the one thread of the node never
 * reads in one transaction while it writes in another. (Nor could a full disk then turn a write to a mapped lock file
 * into a SIGBUS.) Only while another thread copies the state (posw_store_lmdb_copy_begin) there is such a file, with
 * room on the disk.
 *
 * Every function that fails says why in a sentence; see posw_store_lmdb_last_message. One thread. A child made by
 * fork() must not use the store. */
#ifndef POSW_IO_STORE_LMDB_H
#define POSW_IO_STORE_LMDB_H

#include "io/body_files.h"
#include "store/store.h"

/* What this program reads and writes. Raised whenever rows or records change their form. Format 1 has all of its files:
 * a store becomes one of format 2 when it gives up the first. */
enum { POSW_STORE_LMDB_FORMAT = 2, POSW_STORE_LMDB_FORMAT_WHOLE = 1 };

enum { POSW_STORE_PATH_MAX = 4096 };

/* Zero-initialise for the defaults. */
typedef struct {
    /* The state's address space, the most it may grow to. 0: 1 TiB where pointers have 64 bits, else 1 GiB; halved as
     * long as the system refuses it (ulimit -v). It costs no memory and no disk, and is never changed while open. */
    uint64_t map_size_bytes;
    uint32_t log_file_size_max;   /* 0: 128 MiB */
    const posw_body_calls *calls; /* for tests: see io/body_files.h */
} posw_store_lmdb_options;

/* Opens the store in datadir, which is made (mode 0700) if it is missing. opt may be NULL. msg may be NULL.
 * POSW_EBUSY: another process has it open (the message has its id). POSW_EMISMATCH: it holds another chain.
 * POSW_EUNSUPPORTED: it was written by a newer program. POSW_ECORRUPT: it is damaged, and left as it is. POSW_ENOSPC,
 * POSW_ENOMEM, POSW_EIO. */
int posw_store_lmdb_open(posw_store **out, const char *datadir, const posw_hash *genesis,
                         const posw_store_lmdb_options *opt, posw_message *msg);

/* For metrics. */
typedef struct {
    uint64_t used_bytes, map_bytes;       /* state and logs; the most that the state may grow to */
    uint64_t disk_free_bytes, disk_bytes; /* of the file system, as others than root see it; 0: not known */
    uint64_t reader_age_us;               /* how long the open read transaction has kept old pages; 0: none is open */
} posw_store_lmdb_numbers;
void posw_store_lmdb_read_numbers(posw_store *s, posw_store_lmdb_numbers *out);

/* The sentence for the last operation that failed. Borrowed until the next operation. */
const posw_message *posw_store_lmdb_last_message(const posw_store *s);

/* Checks the checksum of every committed record in both logs, oldest first. progress (may be NULL) gets the bytes
 * checked and their total; a result other than 0 stops and is returned. No transaction may be open (asserted). */
int posw_store_lmdb_check_logs(posw_store *s, int (*progress)(void *arg, uint64_t done_bytes, uint64_t total_bytes),
                               void *arg);

/* ---- A copy of what is committed, made by another thread while the store goes on ---- */

typedef struct {
    void *env;     /* of LMDB */
    unsigned meta; /* its table */
    char state_path[POSW_STORE_PATH_MAX], blocks_path[POSW_STORE_PATH_MAX];
} posw_store_lmdb_copy;
/* The node's thread, outside of an operation. POSW_EBUSY: a transaction is open, or there is a copy already. From here
 * on until _copy_end the pages of the copy are not used again, so the state may grow. */
int posw_store_lmdb_copy_begin(posw_store *s, posw_store_lmdb_copy *out);
/* Another thread: the state as it was committed last when this was called, compacted, to a file or pipe. */
int posw_store_lmdb_copy_state(const posw_store_lmdb_copy *c, int fd, posw_message *msg);
/* Another thread, after that: where the logs end that the copied state speaks of, or later; their records up to there
 * do not change any more. starts: the number of each log's first file; none is given up until _copy_end. */
int posw_store_lmdb_copy_ends(const posw_store_lmdb_copy *c, posw_body_end ends[POSW_STORE_LOG_COUNT],
                              uint32_t starts[POSW_STORE_LOG_COUNT], posw_message *msg);
/* The node's thread, outside of an operation, when the other one is done. If the state cannot be opened again now
 * without its lock file, it goes on with it. */
void posw_store_lmdb_copy_end(posw_store *s);

/* Gives back the memory that large transactions and much reading left behind: LMDB keeps every page buffer that it ever
 * needed, and pages of the map that were touched count as resident. For the end of an initial sync or import, and for
 * an idle node; up to some tens of milliseconds. No transaction may be open (asserted). On failure all stays as it was.
 */
int posw_store_lmdb_trim(posw_store *s);
/* The same for a timer: only when the process holds more than this in memory, and neither a transaction is open nor a
 * copy made. *trimmed (may be NULL): whether it was done. Any time outside of an operation. */
int posw_store_lmdb_trim_above(posw_store *s, uint64_t resident_bytes, bool *trimmed);

#endif
