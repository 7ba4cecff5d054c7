/* A state of a stranger: LMDB is safe with whatever the check lets through. Every row of every table is read, half of
 * them are taken out and others put in, so that pages are split and merged, and nothing of that is kept. */
#include "fuzz.h"

#include "io/lmdb_check.h"
#include "io/temporary.h"

#include <lmdb.h>

#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX = 1 << 16, TABLES_MAX = 8, ROWS_MAX = 1 << 12 };

static char folder[TEMPORARY_SIZE];

static void remove_folder(void) {
    temporary_remove(folder);
}

/* Sums up every byte, so that each is read. */
static unsigned read_rows(MDB_cursor *cursor, unsigned *sum) {
    MDB_val key, value;
    unsigned rows = 0;
    for (; rows < ROWS_MAX && mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0; rows++) {
        for (size_t i = 0; i < key.mv_size; i++)
            *sum += ((const uint8_t *)key.mv_data)[i];
        for (size_t i = 0; i < value.mv_size; i++)
            *sum += ((const uint8_t *)value.mv_data)[i];
    }
    return rows;
}

static void use_table(MDB_txn *txn, MDB_dbi table) {
    MDB_cursor *cursor;
    unsigned sum = 0;
    uint8_t data[900] = {0};
    if (mdb_cursor_open(txn, table, &cursor) != 0) return;
    const unsigned rows = read_rows(cursor, &sum);
    for (unsigned i = 0; i < rows / 2 && mdb_cursor_get(cursor, &(MDB_val){0}, &(MDB_val){0}, MDB_FIRST) == 0; i++)
        if (mdb_cursor_del(cursor, 0) != 0) break;
    mdb_cursor_close(cursor);
    for (unsigned i = 0; i < 20; i++) {
        uint8_t name[4] = {(uint8_t)(i * 101), (uint8_t)sum, 0, (uint8_t)i};
        MDB_val key = {sizeof name, name}, value = {i * 45, data};
        if (mdb_put(txn, table, &key, &value, 0) != 0) break;
    }
}

static void use_tables(MDB_txn *txn) {
    char names[TABLES_MAX][32];
    size_t count = 0;
    MDB_dbi table;
    MDB_cursor *cursor;
    MDB_val key, value;
    if (mdb_dbi_open(txn, NULL, 0, &table) != 0 || mdb_cursor_open(txn, table, &cursor) != 0) return;
    while (count < TABLES_MAX && mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0)
        if (key.mv_size < sizeof names[0])
            (void)snprintf(names[count++], sizeof names[0], "%.*s", (int)key.mv_size, (const char *)key.mv_data);
    mdb_cursor_close(cursor);
    for (size_t i = 0; i < count; i++)
        if (mdb_dbi_open(txn, names[i], 0, &table) == 0) use_table(txn, table);
}

static void use(void) {
    MDB_env *env;
    MDB_txn *txn;
    POSW_ASSERT(mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, TABLES_MAX) == 0 &&
                mdb_env_set_mapsize(env, 1 << 24) == 0);
    if (mdb_env_open(env, folder, MDB_NOLOCK, 0600) == 0 && mdb_txn_begin(env, NULL, 0, &txn) == 0) {
        use_tables(txn);
        mdb_txn_abort(txn);
    }
    mdb_env_close(env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[TEMPORARY_SIZE + 16];
    posw_message msg = {""};
    if (size == 0 || size > FILE_MAX) return 0;
    if (folder[0] == '\0') {
        temporary_make_fast(folder);
        POSW_ASSERT(atexit(remove_folder) == 0);
    }
    (void)snprintf(path, sizeof path, "%s/data.mdb", folder);
    FILE *f = fopen(path, "wb");
    POSW_ASSERT(f != NULL && fwrite(data, 1, size, f) == size && fclose(f) == 0);
    const int code = posw_lmdb_check(path, &msg);
    POSW_ASSERT(code == POSW_OK || (code == POSW_ECORRUPT && msg.text[0] != '\0'));
    if (code == POSW_OK) use();
    return 0;
}
