/* Storage as the node sees it: a few ordered tables in one transactional key-value store, and two append-only logs of
 * records.
 *
 * Implementations: src/io/store_lmdb.c (LMDB and body files, crash safe) and src/store/store_memory.c (for development
 * chains, tests and simulation). One writer, the node's thread; all calls come from it.
 *
 * Durability: what commit() returned POSW_OK for survives a kill -9 or a power cut, completely; what it did not, leaves
 * no trace that a reader can see. Log records are appended before the transaction that refers to them commits; commit()
 * makes them durable first. A torn tail that no committed transaction refers to is cut at open. */
#ifndef POSW_STORE_STORE_H
#define POSW_STORE_STORE_H

#include "base/buf.h"
#include "base/error.h"
#include "posw/types.h"

/* The end of a sentence that says what is damaged. The data directory may hold keys, too: nobody is told to give up all
 * of it. */
#define POSW_STORE_REMEDY                                                                                           \
    "restore the data directory from a backup, or move its folders state and blocks away and start again to fetch " \
    "or import the chain anew"

/* Sizes that every implementation checks (POSW_EINVAL beyond them); keys and records are never empty, values may be. */
enum {
    POSW_STORE_KEY_SIZE_MAX = 128,
    POSW_STORE_VALUE_SIZE_MAX = 64 << 10,        /* but for stake tables */
    POSW_STORE_STAKE_TABLE_SIZE_MAX = 512 << 20, /* values of POSW_TABLE_EPOCHS */
    POSW_STORE_RECORD_SIZE_MAX = 64 << 20
};

/* table: what key -> what value. */
enum posw_table {
    POSW_TABLE_META,    /* short name -> value: format, chain, tip */
    POSW_TABLE_HEADERS, /* block hash -> header row */
    POSW_TABLE_MAIN,    /* number (8, big-endian) -> block hash */
    POSW_TABLE_TRIE,    /* 'a' or 's' ‖ path as nibbles, one a byte -> node RLP (accounts, staking storage) */
    POSW_TABLE_EPOCHS,  /* epoch (8) -> stake table in force */
    POSW_TABLE_TXS,     /* transaction hash -> block number (8) ‖ index (4), main chain only */
    POSW_TABLE_COUNT
};

/* For implementations: whether a row has a size that the table allows. */
static inline bool posw_store_row_fits(enum posw_table t, size_t key_size, size_t value_size) {
    size_t value_size_max = t == POSW_TABLE_EPOCHS ? POSW_STORE_STAKE_TABLE_SIZE_MAX : POSW_STORE_VALUE_SIZE_MAX;
    return key_size > 0 && key_size <= POSW_STORE_KEY_SIZE_MAX && value_size <= value_size_max;
}

/* Append-only logs. */
enum posw_store_log { POSW_LOG_BLOCKS, POSW_LOG_EXEC, POSW_STORE_LOG_COUNT };

/* Where a record lies; 0 means none. Stable for ever, and greater than that of every record of its log that was
 * appended before; else opaque to users. */
typedef uint64_t posw_store_pos;

/* A log grows at one end and can be given up at the other, a part (a file) at a time. */
typedef struct {
    uint64_t bytes;            /* of the whole log, on the disk */
    uint64_t oldest_bytes;     /* of its oldest part that is complete; 0: none may be given up now */
    posw_store_pos oldest_end; /* records before this position are in it */
} posw_store_log_info;

typedef struct posw_store posw_store;
struct posw_store {
    const struct posw_store_ops *ops;
};

typedef struct posw_store_ops {
    /* Starts the write transaction; at most one at a time (asserted). */
    int (*begin)(posw_store *s);
    /* Ends it. POSW_ENOSPC: the disk or the map is full; POSW_EIO. After an error everything is as before begin().
     * A put, del or append that failed spoils the transaction: later calls in it, and commit, return the same error. */
    int (*commit)(posw_store *s);
    /* Does nothing when no transaction is open, so that one cleanup path serves a failed commit, too. */
    void (*abort)(posw_store *s);

    /* Reads see the open transaction's writes. *value is borrowed until the next call of any operation that writes, or
     * commit/abort, or the next get for an implementation without a transaction: copy what you keep. POSW_OK,
     * POSW_ENOTFOUND or an error. */
    int (*get)(posw_store *s, enum posw_table t, const void *key, size_t key_size, posw_bytes *value);
    /* Only between begin and commit. */
    int (*put)(posw_store *s, enum posw_table t, const void *key, size_t key_size, const void *value,
               size_t value_size);
    /* POSW_OK also if absent. */
    int (*del)(posw_store *s, enum posw_table t, const void *key, size_t key_size);
    /* Calls fn for each row in ascending key order from the first key >= `from` (NULL: the first); a non-zero result
     * stops and is returned. fn may not write. */
    int (*walk)(posw_store *s, enum posw_table t, const void *from, size_t from_size,
                int (*fn)(void *arg, posw_bytes key, posw_bytes value), void *arg);

    /* Appends a record (1 byte to 64 MiB); visible to read at once. Only between begin and commit. On abort its space
     * may be reused or wasted. */
    int (*append)(posw_store *s, enum posw_store_log log, const void *data, size_t size, posw_store_pos *pos);
    /* Appends the record's bytes to out. POSW_ENOTFOUND for position 0; POSW_EPRUNED if drop_oldest has given the
     * record up; POSW_ECORRUPT if there is no record at another position, or if its checksum does not match. */
    int (*read)(posw_store *s, enum posw_store_log log, posw_store_pos pos, posw_buf *out);

    /* How much a log holds, and what of it drop_oldest would give up. */
    void (*log_info)(posw_store *s, enum posw_store_log log, posw_store_log_info *out);
    /* Gives up the oldest part of a log, which must be there (asserted: log_info says so). Only between begin and
     * commit: the commit makes it durable first and frees the space afterwards, so that no state on the disk ever
     * speaks of a record that is not there. */
    int (*drop_oldest)(posw_store *s, enum posw_store_log log);

    /* Bytes used on disk and the limit of growth (0: none known), for status and metrics. */
    void (*usage)(posw_store *s, uint64_t *used_bytes, uint64_t *limit_bytes);
    void (*close)(posw_store *s);
    /* The sentence of the last operation that failed, for the log; empty: none. Borrowed until the next operation. May
     * be NULL. */
    const char *(*reason)(const posw_store *s);
} posw_store_ops;

/* In memory; nothing survives. Its fault hook for tests: see store_memory.h. NULL: out of memory. */
posw_store *posw_store_memory_new(void);

#endif
