/* The store in memory.
 *
 * A table is a skip list of keys, ordered and iterative, beside a hash index of the same keys: so a get, and a put of a
 * key that is there, which most of them are, look at one row instead of a path of them. An empty store is two
 * kilobytes. New rows take their places in the order when somebody walks. Values never change: a put hangs a new value
 * on its row and notes the old one in a journal, a del hangs on none; rows without a value are passed over, and go when
 * the transaction ends. Commit frees the journal's old values; abort walks the journal backwards and hangs them back,
 * which needs no memory and so cannot fail. Values, and the records of the logs, are held in a pool (values.h), the
 * store's own or one that it shares; they are borrowed until they are released, as the interface says. The heights of
 * rows come from a generator with a fixed seed: the same calls give the same store. */
#include "store/store_memory.h"

#include "base/bytes.h"
#include "base/chunks.h"
#include "base/word.h"

#include <stdlib.h>
#include <string.h>

enum { HEIGHT_MAX = 16, JOURNAL_KEEP = 1024, INDEX_FIRST = 16, PART_BYTES = 1 << 20, DEAD_MAX = 256 };

#define NEVER UINT64_MAX

typedef struct row row;
struct row {
    posw_value *value; /* NULL: deleted in the open transaction */
    uint8_t key_size, height;
    bool linked; /* in its place in the order; else among the later ones */
    bool dead;   /* being taken out; in nobody's index */
    row *next[]; /* height links; then the key */
};

/* A row with the hash of its key: a search that meets other rows does not look at them. */
typedef struct {
    row *row; /* NULL: free */
    uint32_t hash;
} slot;

/* Open addressing, at most half full; a row stands at or after the place of its hash. */
typedef struct {
    slot *slots;
    size_t capacity, count;
} row_index;

typedef struct {
    row *head[HEIGHT_MAX];
    size_t height; /* levels in use */
    row *later;    /* new rows that are not in their order yet: nobody has asked for it since they came; */
    size_t dead;   /* so many of them are dead */
    row_index index;
} table;

/* What one write replaced: before NULL for a key that had no value. */
typedef struct {
    table *table;
    row *row;
    posw_value *before;
} change;

/* A position is the record's index + 1. Records before `dropped` were given up; those that were committed as dropped
 * are NULL. */
typedef struct {
    posw_value **records;
    size_t count, committed, capacity;
    size_t dropped, committed_dropped;
    uint64_t bytes; /* of the records that are there */
} record_log;

typedef struct {
    posw_store base;
    table tables[POSW_TABLE_COUNT];
    record_log logs[POSW_STORE_LOG_COUNT];
    posw_chunks rows;
    posw_values own, *values; /* of values and records: the own ones or the shared ones */
    change *journal;
    size_t journal_count, journal_capacity;
    uint64_t used_bytes, random, part_bytes;
    uint64_t operations, fail_at;
    int fail_error, spoilt; /* spoilt: the error of a write of the open transaction */
    bool fail_sticky, paused, open, walking;
    bool deleted; /* the open transaction has hung no value on some row */
} memory_store;

static memory_store *of(posw_store *s) {
    return (memory_store *)s;
}

/* The error that the test asked for this operation, else POSW_OK. */
static int injected(memory_store *m) {
    if (m->paused || ++m->operations < m->fail_at) return POSW_OK;
    if (!m->fail_sticky) m->fail_at = NEVER;
    return m->fail_error;
}

/* --- values --- */

/* What a value takes, also where others hold it, too. */
static size_t value_bytes(const posw_value *v) {
    return sizeof *v + v->size;
}

static posw_value *value_hold(memory_store *m, const void *data, size_t size) {
    posw_value *v = posw_values_hold(m->values, data, size);
    if (v != NULL) m->used_bytes += value_bytes(v);
    return v;
}

static void value_release(memory_store *m, posw_value *v) {
    if (v == NULL) return;
    m->used_bytes -= value_bytes(v);
    posw_values_release(m->values, v);
}

/* --- index --- */

/* Up to three bytes. */
static uint64_t few_bytes(const uint8_t *p, size_t size) {
    return size == 0 ? 0 : (uint64_t)p[0] << 16 | (uint64_t)p[size / 2] << 8 | p[size - 1];
}

/* Keys are hashes, numbers and paths. */
static uint32_t hash_of(const uint8_t *key, size_t size) {
    static const uint64_t odd = 0x9e3779b97f4a7c15u;
    uint64_t h = size, high, word;
    for (; size >= 8; key += 8, size -= 8) {
        const uint64_t low = posw_word_mul(&high, h ^ posw_load_le64(key), odd);
        h = low ^ high;
    }
    word = size >= 4 ? (uint64_t)posw_load_be32(key) << 32 | posw_load_be32(key + size - 4) : few_bytes(key, size);
    const uint64_t low = posw_word_mul(&high, h ^ word ^ 0x5555, odd);
    return (uint32_t)((low ^ high) >> 16);
}

static uint8_t *row_key(row *r) {
    return (uint8_t *)&r->next[r->height];
}

static row *index_find(const row_index *x, uint32_t hash, const void *key, size_t key_size) {
    if (x->count == 0) return NULL;
    for (size_t i = hash & (x->capacity - 1); x->slots[i].row != NULL; i = (i + 1) & (x->capacity - 1)) {
        if (x->slots[i].hash != hash) continue;
        row *r = x->slots[i].row;
        if (r->key_size == key_size && memcmp(row_key(r), key, key_size) == 0) return r;
    }
    return NULL;
}

static void index_set(row_index *x, slot s) {
    size_t i = s.hash & (x->capacity - 1);
    while (x->slots[i].row != NULL)
        i = (i + 1) & (x->capacity - 1);
    x->slots[i] = s;
}

/* Room for one more. */
static bool index_reserve(row_index *x) {
    if (2 * (x->count + 1) <= x->capacity) return true;
    row_index grown = {.capacity = x->capacity == 0 ? INDEX_FIRST : 2 * x->capacity, .count = x->count};
    grown.slots = calloc(grown.capacity, sizeof *grown.slots);
    if (grown.slots == NULL) return false;
    for (size_t i = 0; i < x->capacity; i++)
        if (x->slots[i].row != NULL) index_set(&grown, x->slots[i]);
    free(x->slots);
    *x = grown;
    return true;
}

/* Those behind it move up, so that no search meets a gap. */
static void index_remove(row_index *x, row *r) {
    const size_t mask = x->capacity - 1;
    size_t gap = hash_of(row_key(r), r->key_size) & mask;
    while (x->slots[gap].row != r)
        gap = (gap + 1) & mask;
    for (size_t i = (gap + 1) & mask; x->slots[i].row != NULL; i = (i + 1) & mask) {
        const size_t home = x->slots[i].hash & mask;
        if (((i - home) & mask) < ((i - gap) & mask)) continue;
        x->slots[gap] = x->slots[i];
        gap = i;
    }
    x->slots[gap].row = NULL;
    x->count--;
}

/* --- rows --- */

static size_t row_bytes(size_t height, size_t key_size) {
    return sizeof(row) + height * sizeof(row *) + key_size;
}

static void row_free(memory_store *m, row *r) {
    m->used_bytes -= row_bytes(r->height, r->key_size);
    value_release(m, r->value);
    posw_chunks_release(&m->rows, r, row_bytes(r->height, r->key_size));
}

/* Height h with probability 3/4 * (1/4)^(h - 1). */
static uint8_t random_height(memory_store *m) {
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    uint64_t bits = m->random >> 16 | (uint64_t)1 << 2 * (HEIGHT_MAX - 1);
    return (uint8_t)(1 + __builtin_ctzll(bits) / 2);
}

static row *row_new(memory_store *m, const void *key, size_t key_size) {
    const uint8_t height = random_height(m);
    row *r = posw_chunks_alloc(&m->rows, row_bytes(height, key_size));
    if (r == NULL) return NULL;
    *r = (row){.height = height, .key_size = (uint8_t)key_size};
    memcpy(row_key(r), key, key_size);
    m->used_bytes += row_bytes(height, key_size);
    return r;
}

/* memcmp order, a prefix first: LMDB's. */
static int row_compare(row *r, const void *key, size_t key_size) {
    size_t common = r->key_size < key_size ? r->key_size : key_size;
    int order = common > 0 ? memcmp(row_key(r), key, common) : 0;
    return order != 0 ? order : (int)r->key_size - (int)key_size;
}

/* The first row whose key is not below `key`, and in links (may be NULL) where each level points at or beyond it. */
static row *seek(table *t, row **links[HEIGHT_MAX], const void *key, size_t key_size) {
    row **at = t->head;
    for (size_t level = t->height; level-- > 0;) {
        while (at[level] != NULL && row_compare(at[level], key, key_size) < 0)
            at = at[level]->next;
        if (links != NULL) links[level] = &at[level];
    }
    return t->height == 0 ? NULL : at[0];
}

static void link_row(table *t, row *r) {
    row **links[HEIGHT_MAX];
    (void)seek(t, links, row_key(r), r->key_size);
    for (; t->height < r->height; t->height++)
        links[t->height] = &t->head[t->height];
    for (size_t level = 0; level < r->height; level++) {
        r->next[level] = *links[level];
        *links[level] = r;
    }
    r->linked = true;
}

static void settle(memory_store *m, table *t) {
    for (row *r; (r = t->later) != NULL;) {
        t->later = r->next[0];
        if (r->dead)
            row_free(m, r);
        else
            link_row(t, r);
    }
    t->dead = 0;
}

static void add_row(table *t, row *r, uint32_t hash) {
    r->next[0] = t->later;
    t->later = r;
    index_set(&t->index, (slot){r, hash});
    t->index.count++;
}

static void unlink_row(table *t, row *r) {
    row **links[HEIGHT_MAX];
    (void)seek(t, links, row_key(r), r->key_size);
    for (size_t level = 0; level < r->height; level++)
        *links[level] = r->next[level];
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
    m->open = m->deleted = false;
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
        posw_value *r = log->records[--log->count];
        if (r != NULL) log->bytes -= value_bytes(r);
        value_release(m, r);
    }
}

static void log_commit(memory_store *m, record_log *log) {
    for (; log->committed_dropped < log->dropped; log->committed_dropped++) {
        value_release(m, log->records[log->committed_dropped]);
        log->records[log->committed_dropped] = NULL;
    }
    log->committed = log->count;
}

static void log_abort(memory_store *m, record_log *log) {
    while (log->dropped > log->committed_dropped)
        log->bytes += value_bytes(log->records[--log->dropped]);
    log_cut(m, log, log->committed);
}

/* Rows of the journal that have no value go; one may stand in it several times. One that is not linked yet goes when
 * the others take their places, which is when somebody walks, or when they are many. */
static void sweep(memory_store *m) {
    row *dead = NULL;
    for (size_t i = 0; i < m->journal_count; i++) {
        row *r = m->journal[i].row;
        if (r->value != NULL || r->dead) continue;
        index_remove(&m->journal[i].table->index, r);
        r->dead = true;
        if (!r->linked) {
            m->journal[i].table->dead++;
            continue;
        }
        unlink_row(m->journal[i].table, r);
        r->next[0] = dead;
        dead = r;
    }
    for (row *next; dead != NULL; dead = next) {
        next = dead->next[0];
        row_free(m, dead);
    }
    for (size_t t = 0; t < POSW_TABLE_COUNT; t++)
        if (m->tables[t].dead >= DEAD_MAX) settle(m, &m->tables[t]);
}

static void memory_abort(posw_store *s) {
    memory_store *m = of(s);
    if (!m->open) return;
    POSW_ASSERT(!m->walking);
    for (size_t i = m->journal_count; i-- > 0;) {
        change *c = &m->journal[i];
        value_release(m, c->row->value);
        c->row->value = c->before;
    }
    sweep(m);
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT; i++)
        log_abort(m, &m->logs[i]);
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
        value_release(m, m->journal[i].before);
    if (m->deleted) sweep(m);
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT; i++)
        log_commit(m, &m->logs[i]);
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

static int memory_get(posw_store *s, enum posw_table t, const void *key, size_t key_size, posw_bytes *out) {
    memory_store *m = of(s);
    int code = enter(m);
    if (code != POSW_OK) return code;
    if (key_size == 0 || key_size > POSW_STORE_KEY_SIZE_MAX) return POSW_EINVAL;
    const row *r = index_find(&m->tables[t].index, hash_of(key, key_size), key, key_size);
    if (r == NULL || r->value == NULL) return POSW_ENOTFOUND;
    *out = (posw_bytes){r->value->data, r->value->size};
    return POSW_OK;
}

/* The row of this key, made without a value where there is none. NULL: out of memory. */
static row *row_of(memory_store *m, table *t, const void *key, size_t key_size) {
    const uint32_t hash = hash_of(key, key_size);
    row *r = index_find(&t->index, hash, key, key_size);
    if (r != NULL) return r;
    r = index_reserve(&t->index) ? row_new(m, key, key_size) : NULL;
    if (r != NULL) add_row(t, r, hash);
    return r;
}

static int memory_put(posw_store *s, enum posw_table t, const void *key, size_t key_size, const void *data,
                      size_t size) {
    memory_store *m = of(s);
    int code = enter_write(m);
    if (code != POSW_OK) return code;
    if (!posw_store_row_fits(t, key_size, size)) return m->spoilt = POSW_EINVAL;
    posw_value *after = journal_reserve(m) ? value_hold(m, data, size) : NULL;
    row *r = after == NULL ? NULL : row_of(m, &m->tables[t], key, key_size);
    if (r == NULL) {
        value_release(m, after);
        return m->spoilt = POSW_ENOMEM;
    }
    m->journal[m->journal_count++] = (change){&m->tables[t], r, r->value};
    r->value = after;
    return POSW_OK;
}

static int memory_del(posw_store *s, enum posw_table t, const void *key, size_t key_size) {
    memory_store *m = of(s);
    int code = enter_write(m);
    if (code != POSW_OK) return code;
    if (!posw_store_row_fits(t, key_size, 0)) return m->spoilt = POSW_EINVAL;
    row *r = index_find(&m->tables[t].index, hash_of(key, key_size), key, key_size);
    if (r == NULL || r->value == NULL) return POSW_OK;
    if (!journal_reserve(m)) return m->spoilt = POSW_ENOMEM;
    m->journal[m->journal_count++] = (change){&m->tables[t], r, r->value};
    r->value = NULL;
    m->deleted = true;
    return POSW_OK;
}

static int memory_walk(posw_store *s, enum posw_table t, const void *from, size_t from_size,
                       int (*fn)(void *arg, posw_bytes key, posw_bytes value), void *arg) {
    memory_store *m = of(s);
    int code = enter(m);
    if (code != POSW_OK) return code;
    bool nested = m->walking;
    m->walking = true;
    settle(m, &m->tables[t]);
    row *r = from == NULL ? m->tables[t].head[0] : seek(&m->tables[t], NULL, from, from_size);
    for (; r != NULL && code == 0; r = r->next[0])
        if (r->value != NULL)
            code = fn(arg, posw_bytes_of(row_key(r), r->key_size), posw_bytes_of(r->value->data, r->value->size));
    m->walking = nested;
    return code;
}

/* --- logs --- */

static bool log_reserve(record_log *log) {
    if (log->count < log->capacity) return true;
    size_t capacity = log->capacity == 0 ? 16 : 2 * log->capacity;
    posw_value **grown = realloc(log->records, capacity * sizeof *grown);
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
    posw_value *r = log_reserve(l) ? value_hold(m, data, size) : NULL;
    if (r == NULL) return m->spoilt = POSW_ENOMEM;
    l->bytes += value_bytes(r);
    l->records[l->count++] = r;
    *pos = l->count;
    return POSW_OK;
}

static int memory_read(posw_store *s, enum posw_store_log log, posw_store_pos pos, posw_buf *out) {
    memory_store *m = of(s);
    int code = enter(m);
    if (code != POSW_OK) return code;
    if (pos == 0) return POSW_ENOTFOUND;
    if (pos <= m->logs[log].dropped) return POSW_EPRUNED;
    if (pos > m->logs[log].count) return POSW_ECORRUPT;
    const posw_value *r = m->logs[log].records[pos - 1];
    posw_buf_append(out, r->data, r->size);
    return out->failed ? POSW_ENOMEM : POSW_OK;
}

/* The oldest part: as many records as have the bytes of one, all of them committed, with another one behind them. */
static size_t oldest_count(const memory_store *m, const record_log *l, uint64_t *bytes) {
    size_t end = l->dropped;
    *bytes = 0;
    while (end < l->committed && *bytes < m->part_bytes)
        *bytes += value_bytes(l->records[end++]);
    return *bytes >= m->part_bytes && end < l->committed ? end - l->dropped : 0;
}

static void memory_log_info(posw_store *s, enum posw_store_log log, posw_store_log_info *out) {
    const memory_store *m = of(s);
    const record_log *l = &m->logs[log];
    uint64_t bytes;
    const size_t count = oldest_count(m, l, &bytes);
    *out = (posw_store_log_info){.bytes = l->bytes};
    if (count == 0) return;
    out->oldest_bytes = bytes;
    out->oldest_end = l->dropped + count + 1;
}

static int memory_drop_oldest(posw_store *s, enum posw_store_log log) {
    memory_store *m = of(s);
    record_log *l = &m->logs[log];
    uint64_t bytes;
    const int code = enter_write(m);
    if (code != POSW_OK) return code;
    const size_t count = oldest_count(m, l, &bytes);
    POSW_ASSERT(count > 0);
    l->dropped += count;
    l->bytes -= bytes;
    return POSW_OK;
}

static void memory_usage(posw_store *s, uint64_t *used_bytes, uint64_t *limit_bytes) {
    *used_bytes = of(s)->used_bytes;
    *limit_bytes = 0;
}

static void close_rows(memory_store *m, row *r) {
    for (row *next; r != NULL; r = next) {
        next = r->next[0];
        row_free(m, r);
    }
}

static void memory_close(posw_store *s) {
    if (s == NULL) return;
    memory_store *m = of(s);
    memory_abort(s);
    for (size_t t = 0; t < POSW_TABLE_COUNT; t++) {
        close_rows(m, m->tables[t].head[0]);
        close_rows(m, m->tables[t].later);
        free(m->tables[t].index.slots);
    }
    for (size_t i = 0; i < POSW_STORE_LOG_COUNT; i++) {
        for (size_t k = 0; k < m->logs[i].count; k++)
            value_release(m, m->logs[i].records[k]);
        free(m->logs[i].records);
    }
    posw_chunks_clear(&m->rows);
    posw_values_clear(&m->own);
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
    .log_info = memory_log_info,
    .drop_oldest = memory_drop_oldest,
    .usage = memory_usage,
    .close = memory_close,
};

posw_store *posw_store_memory_new(void) {
    return posw_store_memory_new_sharing(NULL);
}

posw_store *posw_store_memory_new_sharing(posw_values *values) {
    memory_store *m = calloc(1, sizeof *m);
    if (m == NULL) return NULL;
    m->base.ops = &memory_ops;
    m->values = values != NULL ? values : &m->own;
    m->random = 0x9e3779b97f4a7c15;
    m->part_bytes = PART_BYTES;
    m->fail_at = NEVER;
    return &m->base;
}

void posw_store_memory_set_part(posw_store *s, uint64_t bytes) {
    ((memory_store *)s)->part_bytes = bytes;
}

uint64_t posw_store_memory_operations(const posw_store *s) {
    return ((const memory_store *)s)->operations;
}

void posw_store_memory_fail(posw_store *s, uint64_t nth, int error, bool sticky) {
    memory_store *m = of(s);
    m->fail_at = nth == 0 ? NEVER : m->operations + nth;
    m->fail_error = error;
    m->fail_sticky = sticky;
}

void posw_store_memory_pause(posw_store *s, bool paused) {
    of(s)->paused = paused;
}
