/* One LMDB environment as src/io/store_lmdb.c uses it: made whole or not at all, opened with as much address space as
 * the system gives, its errors as codes and sentences. */
#ifndef POSW_IO_LMDB_ENV_H
#define POSW_IO_LMDB_ENV_H

#include "base/error.h"

#include <lmdb.h>

enum { POSW_LMDB_TABLES_MAX = 8 };

typedef struct {
    MDB_env *env;
    MDB_dbi tables[POSW_LMDB_TABLES_MAX];
    size_t table_count;
    uint64_t map_size_bytes; /* what was got */
} posw_lmdb_env;

/* The error code of an LMDB result. */
int posw_lmdb_error_code(int rc);
/* An LMDB result as it should have been: LMDB answers EIO when a disk that runs full cuts a write short. path: in that
 * file system. */
int posw_lmdb_result(int rc, const char *path);

/* True if the directory holds an environment. */
bool posw_lmdb_env_exists(const char *path);
/* Makes the environment directory `path` with these tables, filled by `fill` in its first transaction (a result other
 * than 0 stops). It is built beside its place and renamed: a crash leaves nothing or all of it. */
int posw_lmdb_env_make(const char *path, const char *const *names, size_t count,
                       int (*fill)(void *arg, MDB_txn *txn, const MDB_dbi *tables), void *arg, posw_message *msg);
/* Opens it. map_size_bytes is halved as long as the system refuses it, down to map_size_min_bytes. POSW_ECORRUPT if it
 * is no environment, lacks a table, or its file is shorter than it must be (which would be a SIGBUS later). */
int posw_lmdb_env_open(posw_lmdb_env *e, const char *path, const char *const *names, size_t count,
                       uint64_t map_size_bytes, uint64_t map_size_min_bytes, posw_message *msg);
/* The same with LMDB's lock file, for as long as other threads read: their pages are then not used again. No
 * transaction may be open in another environment of these files. The lock file is made anew, and stays until
 * _remove_lock, to be called when the environment is closed. */
int posw_lmdb_env_open_shared(posw_lmdb_env *e, const char *path, const char *const *names, size_t count,
                              uint64_t map_size_bytes, posw_message *msg);
void posw_lmdb_env_remove_lock(const char *path);
void posw_lmdb_env_close(posw_lmdb_env *e); /* zeroed allowed; no transaction may be open */

/* Bytes of pages in use or free inside the file. */
uint64_t posw_lmdb_env_used(const posw_lmdb_env *e);

#endif
