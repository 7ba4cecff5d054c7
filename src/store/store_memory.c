/* The store in memory.
 *
 * A table is a skip list: ordered, iterative, and a row costs one allocation of its key, its value and 1.33 links on
 * average; an empty store is a few hundred bytes. Rows never change: a put links a new row in place of the old one and
 * notes both in a journal, a del notes the old one alone. Commit frees the journal's old rows; abort walks the journal
 * backwards and puts them back, which needs no memory and so cannot fail. Values are borrowed until the row is freed,
 * as the interface says. The heights of rows come from a generator with a fixed seed: the same calls give the same
 * store. */
#include "store/store_memory.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

enum { HEIGHT_MAX = 16, JOURNAL_KEEP = 1024 };

typedef struct row row;
struct row {
    uint32_t value_size;
    uint8_t key_size, height;
    row *next[]; /* height links; then the key, then the value */
};

/* What one write replaced: before NULL for a new key, after NULL for a removed one. */
typedef struct {
    enum posw_table table;
    row *before, *after;
} change;

typedef struct {
    uint32_t size;
    uint8_t data[];
} record;

/* A position is the record's index + 1. */
typedef struct {
    record **records;
    size_t count, committed, capacity;
} record_log;

typedef struct {
    posw_store base;
    row *heads[POSW_TABLE_COUNT][HEIGHT_MAX];
    record_log logs[POSW_STORE_LOG_COUNT];
    change *journal;
    size_t journal_count, journal_capacity;
    uint64_t used_bytes, random;
    uint64_t operations, fail_at; /* fail_at 0: never */
    int fail_error, spoilt;       /* spoilt: the error of a write of the open transaction */
    bool fail_sticky, open, walking;
} memory_store;

static memory_store *of(posw_store *s) {
    return (memory_store *)s;
}

/* The error that the test asked for this operation, else POSW_OK. */
static int injected(memory_store *m) {
    m->operations++;
    if (m->fail_at == 0 || m->operations < m->fail_at) return POSW_OK;
    if (!m->fail_sticky) m->fail_at = 0;
    return m->fail_error;
}

/* --- rows and tables --- */

static uint8_t *row_key(row *r) {
    return (uint8_t *)&r->next[r->height];
}
static uint8_t *row_value(row *r) {
    return row_key(r) + r->key_size;
}
static size_t row_bytes(size_t height, size_t key_size, size_t value_size) {
    return sizeof(row) + height * sizeof(row *) + key_size + value_size;
}

static void row_free(memory_store *m, row *r) {
    if (r == NULL) return;
    m->used_bytes -= row_bytes(r->height, r->key_size, r->value_size);
    free(r);
}

/* Height h with probability 3/4 * (1/4)^(h - 1). */
static uint8_t random_height(memory_store *m) {
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    uint64_t bits = m->random >> 16 | (uint64_t)1 << 2 * (HEIGHT_MAX - 1);
    return (uint8_t)(1 + __builtin_ctzll(bits) / 2);
}

static row *row_new(memory_store *m, const void *key, size_t key_size, const void *value, size_t value_size) {
    uint8_t height = random_height(m);
    size_t bytes = row_bytes(height, key_size, value_size);
    row *r = malloc(bytes);
    if (r == NULL) return NULL;
    r->height = height;
    r->key_size = (uint8_t)key_size;
    r->value_size = (uint32_t)value_size;
    memcpy(row_key(r), key, key_size);
    if (value_size > 0) memcpy(row_value(r), value, value_size);
    m->used_bytes += bytes;
    return r;
}

/* memcmp order, a prefix first: LMDB's. */
static int row_compare(row *r, const void *key, size_t key_size) {
    size_t common = r->key_size < key_size ? r->key_size : key_size;
    int order = common > 0 ? memcmp(row_key(r), key, common) : 0;
    return order != 0 ? order : (int)r->key_size - (int)key_size;
}

/* The first row whose key is not below `key`, and in links (may be NULL) where each level points at or beyond it. */
static row *seek(row **head, row **links[HEIGHT_MAX], const void *key, size_t key_size) {
    row **at = head;
    for (int level = HEIGHT_MAX - 1; level >= 0; level--) {
        while (at[level] != NULL && row_compare(at[level], key, key_size) < 0)
            at = at[level]->next;
        if (links != NULL) links[level] = &at[level];
    }
    return at[0];
}

static row *find(row **head, row **links[HEIGHT_MAX], const void *key, size_t key_size) {
    row *r = seek(head, links, key, key_size);
    return r != NULL && row_compare(r, key, key_size) == 0 ? r : NULL;
}

static void link_row(row **links[HEIGHT_MAX], row *r) {
    for (size_t level = 0; level < r->height; level++) {
        r->next[level] = *links[level];
        *links[level] = r;
    }
}

static void unlink_row(row **links[HEIGHT_MAX], row *r) {
    for (size_t level = 0; level < r->height; level++)
        *links[level] = r->next[level];
}

/* Replaces `before` (which may be NULL, and is kept) by `after` (which may be NULL). */
static void exchange(row **head, row *before, row *after) {
    row **links[HEIGHT_MAX];
    row *r = after != NULL ? after : before;
    find(head, links, row_key(r), r->key_size);
    if (before != NULL) unlink_row(links, before);
    if (after != NULL) link_row(links, after);
}

/* --- transactions --- */

static bool journal_reserve(memory_store *m) {
    if (m->journal_count < m->journal_capacity) return true;
    size_t capacity = m->journal_capacity == 0 ? 64 : 2 * m->journal_capacity;
    change *grown = realloc(m->journal, capacity * sizeof *grown);
    if (grown == NULL) return false;
    m->journal = grown;
    m->journal_capacity = capacity;
    return true;
}

static int memory_begin(posw_store *s) {
    memory_store *m = of(s);
    POSW_ASSERT(!m->open && !m->walking);
    int code = injected(m);
    if (code == POSW_OK) m->open = true;
    return code;
}

static void end(memory_store *m) {
    m->open = false;
    m->spoilt = POSW_OK;
    m->journal_count = 0;
    if (m->journal_capacity > JOURNAL_KEEP) { /* an idle node gives back what a large batch needed */
        free(m->journal);
        m->journal = NULL;
        m->journal_capacity = 0;
    }
}

static void log_cut(memory_store *m, record_log *log, size_t count) {
    while (log->count > count) {
        record *r = log->records[--log->count];
        m->used_bytes -= sizeof *r + r->size;
        free(r);
    }
}

static void memory_abort(posw_store *s) {
    memory_store *m = of(s);
    if (!m->open) return;
    POSW_ASSERT(!m->walking);
    for (size_t i = m->journal_count; i-- > 0;) {
        change *c = &m->journal[i];
        exchange(m->heads[c->table], c->after, c->before);
        row_free(m, c->after);
    }
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT; i++)
        log_cut(m, &m->logs[i], m->logs[i].committed);
    end(m);
}

static int memory_commit(posw_store *s) {
    memory_store *m = of(s);
    POSW_ASSERT(m->open && !m->walking);
    int code = injected(m);
    if (m->spoilt != POSW_OK) code = m->spoilt;
    if (code != POSW_OK) {
        memory_abort(s);
        return code;
    }
    for (size_t i = 0; i < m->journal_count; i++)
        row_free(m, m->journal[i].before);
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT; i++)
        m->logs[i].committed = m->logs[i].count;
    end(m);
    return POSW_OK;
}

/* --- rows --- */

/* Counts the operation; what a read or write must return instead of working, else POSW_OK. */
static int enter(memory_store *m) {
    int code = injected(m);
    return m->spoilt != POSW_OK ? m->spoilt : code;
}

static int enter_write(memory_store *m) {
    POSW_ASSERT(m->open && !m->walking);
    m->spoilt = enter(m);
    return m->spoilt;
}

static int memory_get(posw_store *s, enum posw_table t, const void *key, size_t key_size, posw_bytes *value) {
    memory_store *m = of(s);
    int code = enter(m);
    if (code != POSW_OK) return code;
    if (key_size == 0 || key_size > POSW_STORE_KEY_SIZE_MAX) return POSW_EINVAL;
    row *r = find(m->heads[t], NULL, key, key_size);
    if (r == NULL) return POSW_ENOTFOUND;
    *value = (posw_bytes){row_value(r), r->value_size};
    return POSW_OK;
}

static int memory_put(posw_store *s, enum posw_table t, const void *key, size_t key_size, const void *value,
                      size_t value_size) {
    memory_store *m = of(s);
    int code = enter_write(m);
    if (code != POSW_OK) return code;
    if (!posw_store_row_fits(t, key_size, value_size)) return m->spoilt = POSW_EINVAL;
    row *after = journal_reserve(m) ? row_new(m, key, key_size, value, value_size) : NULL;
    if (after == NULL) return m->spoilt = POSW_ENOMEM;
    row **links[HEIGHT_MAX];
    row *before = find(m->heads[t], links, key, key_size);
    if (before != NULL) unlink_row(links, before);
    link_row(links, after);
    m->journal[m->journal_count++] = (change){t, before, after};
    return POSW_OK;
}

static int memory_del(posw_store *s, enum posw_table t, const void *key, size_t key_size) {
    memory_store *m = of(s);
    int code = enter_write(m);
    if (code != POSW_OK) return code;
    if (!posw_store_row_fits(t, key_size, 0)) return m->spoilt = POSW_EINVAL;
    row **links[HEIGHT_MAX];
    row *before = find(m->heads[t], links, key, key_size);
    if (before == NULL) return POSW_OK;
    if (!journal_reserve(m)) return m->spoilt = POSW_ENOMEM;
    unlink_row(links, before);
    m->journal[m->journal_count++] = (change){t, before, NULL};
    return POSW_OK;
}

static int memory_walk(posw_store *s, enum posw_table t, const void *from, size_t from_size,
                       int (*fn)(void *arg, posw_bytes key, posw_bytes value), void *arg) {
    memory_store *m = of(s);
    int code = enter(m);
    if (code != POSW_OK) return code;
    bool nested = m->walking;
    m->walking = true;
    row *r = from == NULL ? m->heads[t][0] : seek(m->heads[t], NULL, from, from_size);
    for (; r != NULL && code == 0; r = r->next[0])
        code = fn(arg, posw_bytes_of(row_key(r), r->key_size), posw_bytes_of(row_value(r), r->value_size));
    m->walking = nested;
    return code;
}

/* --- logs --- */

static bool log_reserve(record_log *log) {
    if (log->count < log->capacity) return true;
    size_t capacity = log->capacity == 0 ? 16 : 2 * log->capacity;
    record **grown = realloc(log->records, capacity * sizeof *grown);
    if (grown == NULL) return false;
    log->records = grown;
    log->capacity = capacity;
    return true;
}

static int memory_append(posw_store *s, enum posw_store_log log, const void *data, size_t size, posw_store_pos *pos) {
    memory_store *m = of(s);
    int code = enter_write(m);
    if (code != POSW_OK) return code;
    if (size == 0 || size > POSW_STORE_RECORD_SIZE_MAX) return m->spoilt = POSW_EINVAL;
    record_log *l = &m->logs[log];
    record *r = log_reserve(l) ? malloc(sizeof *r + size) : NULL;
    if (r == NULL) return m->spoilt = POSW_ENOMEM;
    r->size = (uint32_t)size;
    memcpy(r->data, data, size);
    m->used_bytes += sizeof *r + size;
    l->records[l->count++] = r;
    *pos = l->count;
    return POSW_OK;
}

static int memory_read(posw_store *s, enum posw_store_log log, posw_store_pos pos, posw_buf *out) {
    memory_store *m = of(s);
    int code = enter(m);
    if (code != POSW_OK) return code;
    if (pos == 0) return POSW_ENOTFOUND;
    if (pos > m->logs[log].count) return POSW_ECORRUPT;
    const record *r = m->logs[log].records[pos - 1];
    posw_buf_append(out, r->data, r->size);
    return out->failed ? POSW_ENOMEM : POSW_OK;
}

static void memory_usage(posw_store *s, uint64_t *used_bytes, uint64_t *limit_bytes) {
    *used_bytes = of(s)->used_bytes;
    *limit_bytes = 0;
}

static void memory_close(posw_store *s) {
    if (s == NULL) return;
    memory_store *m = of(s);
    memory_abort(s);
    for (size_t t = 0; t < POSW_TABLE_COUNT; t++)
        for (row *r = m->heads[t][0], *next; r != NULL; r = next) {
            next = r->next[0];
            free(r);
        }
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT; i++) {
        log_cut(m, &m->logs[i], 0);
        free(m->logs[i].records);
    }
    free(m->journal);
    free(m);
}

static const posw_store_ops memory_ops = {
    .begin = memory_begin,
    .commit = memory_commit,
    .abort = memory_abort,
    .get = memory_get,
    .put = memory_put,
    .del = memory_del,
    .walk = memory_walk,
    .append = memory_append,
    .read = memory_read,
    .usage = memory_usage,
    .close = memory_close,
};

posw_store *posw_store_memory_new(void) {
    memory_store *m = calloc(1, sizeof *m);
    if (m == NULL) return NULL;
    m->base.ops = &memory_ops;
    m->random = 0x9e3779b97f4a7c15;
    return &m->base;
}

uint64_t posw_store_memory_operations(const posw_store *s) {
    return ((const memory_store *)s)->operations;
}

void posw_store_memory_fail(posw_store *s, uint64_t nth, int error, bool sticky) {
    memory_store *m = of(s);
    m->fail_at = nth == 0 ? 0 : m->operations + nth;
    m->fail_error = error;
    m->fail_sticky = sticky;
}
