/* What every store must do, whichever it is: random operations against a model with begin, commit, abort and (where the
 * store survives it) reopen; walk order; borrowed values; limits; logs. */
#ifndef POSW_TEST_STORE_CONFORMANCE_H
#define POSW_TEST_STORE_CONFORMANCE_H

#include "base/bytes.h"
#include "base/random.h"
#include "base/test.h"
#include "store/store.h"

#include <string.h>

/* How to make the store; reopen (NULL for one that does not survive) closes it in whatever state it is and opens it
 * again. */
typedef struct {
    posw_store *(*open)(void *arg);
    posw_store *(*reopen)(void *arg, posw_store *s);
    void *arg;
} store_kind;

enum { KEYS = 300, RECORDS_MAX = 4000 };

typedef struct {
    uint8_t bytes[POSW_STORE_KEY_SIZE_MAX];
    size_t size;
} model_key;

/* A value or a record is told by its size and the seed of its bytes; seed 0: absent. */
typedef struct {
    size_t size;
    uint64_t seed;
} model_value;

typedef struct {
    model_value rows[POSW_TABLE_COUNT][KEYS];
    size_t record_count[POSW_STORE_LOG_COUNT];
    size_t dropped[POSW_STORE_LOG_COUNT]; /* so many of the first records were given up */
} model_state;

typedef struct {
    store_kind kind;
    posw_store *s;
    uint64_t random;
    model_key keys[KEYS]; /* ascending */
    model_state now, committed;
    model_value records[POSW_STORE_LOG_COUNT][RECORDS_MAX];
    posw_store_pos positions[POSW_STORE_LOG_COUNT][RECORDS_MAX];
    bool open;
    uint8_t *buffer; /* 1 MiB */
} model;

static int model_key_compare(const void *a, const void *b) {
    const model_key *x = a, *y = b;
    size_t common = x->size < y->size ? x->size : y->size;
    int order = memcmp(x->bytes, y->bytes, common);
    return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

static void fill_bytes(uint8_t *out, model_value v) {
    uint64_t seed = v.seed;
    size_t i = 0;
    for (; i + 8 <= v.size; i += 8) {
        uint64_t word = random_next(&seed);
        memcpy(out + i, &word, 8);
    }
    for (; i < v.size; i++)
        out[i] = (uint8_t)random_next(&seed);
}

static void assert_value(model *m, posw_bytes got, model_value wanted) {
    assert_int_equal(got.size, wanted.size);
    fill_bytes(m->buffer, wanted);
    if (wanted.size > 0) assert_memory_equal(got.data, m->buffer, wanted.size);
}

/* Keys of all lengths, many the prefix of another or equal but for the last byte. */
static void make_keys(model *m) {
    for (size_t i = 0; i < KEYS;) {
        model_key *k = &m->keys[i];
        if (i > 0 && random_below(&m->random, 2) == 0) {
            *k = m->keys[random_below(&m->random, i)];
            if (k->size < POSW_STORE_KEY_SIZE_MAX && random_below(&m->random, 2) == 0)
                k->bytes[k->size++] = (uint8_t)random_next(&m->random);
            else
                k->bytes[k->size - 1] = (uint8_t)random_next(&m->random);
        } else {
            k->size = 1 + random_below(&m->random, POSW_STORE_KEY_SIZE_MAX);
            random_bytes(&m->random, k->bytes, k->size);
        }
        bool fresh = true;
        for (size_t j = 0; j < i && fresh; j++)
            fresh = model_key_compare(&m->keys[j], k) != 0;
        i += fresh;
    }
    qsort(m->keys, KEYS, sizeof m->keys[0], model_key_compare);
}

static model_value random_value(model *m, enum posw_table t) {
    uint64_t pick = random_below(&m->random, 100);
    size_t size = random_below(&m->random, 600);
    if (pick == 0) size = POSW_STORE_VALUE_SIZE_MAX;
    if (pick == 1) size = random_below(&m->random, POSW_STORE_VALUE_SIZE_MAX);
    if (pick == 2) size = 0;
    if (pick < 4 && t == POSW_TABLE_EPOCHS) size = random_below(&m->random, 1 << 20);
    return (model_value){size, random_next(&m->random) | 1};
}

/* --- one operation each --- */

static void model_begin(model *m) {
    assert_int_equal(m->s->ops->begin(m->s), POSW_OK);
    m->open = true;
}

static void model_end(model *m, bool commit) {
    if (commit) {
        assert_int_equal(m->s->ops->commit(m->s), POSW_OK);
        m->committed = m->now;
    } else {
        m->s->ops->abort(m->s);
        m->now = m->committed;
    }
    m->open = false;
}

static void model_write(model *m) {
    enum posw_table t = (enum posw_table)random_below(&m->random, POSW_TABLE_COUNT);
    size_t i = random_below(&m->random, KEYS);
    const model_key *k = &m->keys[i];
    if (random_below(&m->random, 4) == 0) {
        assert_int_equal(m->s->ops->del(m->s, t, k->bytes, k->size), POSW_OK);
        m->now.rows[t][i] = (model_value){0, 0};
        return;
    }
    model_value v = random_value(m, t);
    fill_bytes(m->buffer, v);
    assert_int_equal(m->s->ops->put(m->s, t, k->bytes, k->size, m->buffer, v.size), POSW_OK);
    m->now.rows[t][i] = v;
}

static void model_get(model *m) {
    enum posw_table t = (enum posw_table)random_below(&m->random, POSW_TABLE_COUNT);
    size_t i = random_below(&m->random, KEYS);
    posw_bytes got;
    int code = m->s->ops->get(m->s, t, m->keys[i].bytes, m->keys[i].size, &got);
    assert_int_equal(code, m->now.rows[t][i].seed == 0 ? POSW_ENOTFOUND : POSW_OK);
    if (code == POSW_OK) assert_value(m, got, m->now.rows[t][i]);
}

typedef struct {
    model *m;
    enum posw_table t;
    size_t next; /* of the model's keys */
    size_t stop_after;
} walk_check;

/* Rows of META that a store keeps for itself. */
static bool own_row(enum posw_table t, posw_bytes key) {
    static const char *const names[] = {"format", "chain", "end.blocks", "end.exec", "start.blocks", "start.exec"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(names); i++)
        if (t == POSW_TABLE_META && key.size == strlen(names[i]) && memcmp(key.data, names[i], key.size) == 0)
            return true;
    return false;
}

static int check_row(void *arg, posw_bytes key, posw_bytes value) {
    walk_check *w = arg;
    if (own_row(w->t, key)) return 0;
    while (w->next < KEYS && w->m->now.rows[w->t][w->next].seed == 0)
        w->next++;
    assert_true(w->next < KEYS);
    const model_key *k = &w->m->keys[w->next];
    assert_int_equal(key.size, k->size);
    assert_memory_equal(key.data, k->bytes, k->size);
    assert_value(w->m, value, w->m->now.rows[w->t][w->next]);
    w->next++;
    return --w->stop_after == 0 ? 77 : 0;
}

static void model_walk(model *m) {
    walk_check w = {.m = m, .t = (enum posw_table)random_below(&m->random, POSW_TABLE_COUNT)};
    w.stop_after = random_below(&m->random, 2) == 0 ? SIZE_MAX : 1 + random_below(&m->random, 5);
    model_key from = m->keys[random_below(&m->random, KEYS)];
    if (random_below(&m->random, 2) == 0) from.bytes[from.size - 1]++; /* mostly no key of ours */
    bool all = random_below(&m->random, 3) == 0;
    while (!all && w.next < KEYS && model_key_compare(&m->keys[w.next], &from) < 0)
        w.next++;
    int code = m->s->ops->walk(m->s, w.t, all ? NULL : from.bytes, all ? 0 : from.size, check_row, &w);
    if (w.stop_after == 0) {
        assert_int_equal(code, 77);
        return;
    }
    assert_int_equal(code, POSW_OK);
    while (w.next < KEYS && m->now.rows[w.t][w.next].seed == 0)
        w.next++;
    assert_int_equal(w.next, KEYS);
}

static void model_append(model *m) {
    enum posw_store_log log = (enum posw_store_log)random_below(&m->random, POSW_STORE_LOG_COUNT);
    size_t n = m->now.record_count[log];
    if (n == RECORDS_MAX) return;
    model_value v = {1 + random_below(&m->random, 3000), random_next(&m->random) | 1};
    fill_bytes(m->buffer, v);
    assert_int_equal(m->s->ops->append(m->s, log, m->buffer, v.size, &m->positions[log][n]), POSW_OK);
    assert_true(m->positions[log][n] != 0);
    m->records[log][n] = v;
    m->now.record_count[log]++;
}

static void model_read(model *m) {
    enum posw_store_log log = (enum posw_store_log)random_below(&m->random, POSW_STORE_LOG_COUNT);
    if (m->now.record_count[log] == 0) return;
    size_t n = random_below(&m->random, m->now.record_count[log]);
    posw_buf out = {0};
    posw_buf_text(&out, "before");
    const bool is_there = n >= m->now.dropped[log];
    assert_int_equal(m->s->ops->read(m->s, log, m->positions[log][n], &out), is_there ? POSW_OK : POSW_EPRUNED);
    assert_memory_equal(out.data, "before", 6);
    if (is_there)
        assert_value(m, posw_bytes_of(out.data + 6, out.size - 6), m->records[log][n]);
    else
        assert_int_equal(out.size, 6);
    posw_buf_clear(&out);
}

/* Gives up the oldest part; committed records only are in it. */
static void model_drop(model *m) {
    enum posw_store_log log = (enum posw_store_log)random_below(&m->random, POSW_STORE_LOG_COUNT);
    posw_store_log_info before, after;
    m->s->ops->log_info(m->s, log, &before);
    if (before.oldest_bytes == 0) {
        assert_int_equal(before.oldest_end, 0);
        return;
    }
    assert_true(before.oldest_bytes <= before.bytes);
    assert_int_equal(m->s->ops->drop_oldest(m->s, log), POSW_OK);
    m->s->ops->log_info(m->s, log, &after);
    assert_int_equal(after.bytes, before.bytes - before.oldest_bytes);
    const size_t was = m->now.dropped[log];
    size_t n = was;
    while (n < m->now.record_count[log] && m->positions[log][n] < before.oldest_end)
        n++;
    assert_true(n > was && n <= m->committed.record_count[log]);
    m->now.dropped[log] = n;
}

static void model_check_all(model *m) {
    for (size_t t = 0; t < POSW_TABLE_COUNT; t++) {
        walk_check w = {.m = m, .t = (enum posw_table)t, .stop_after = SIZE_MAX};
        assert_int_equal(m->s->ops->walk(m->s, w.t, NULL, 0, check_row, &w), POSW_OK);
        while (w.next < KEYS && m->now.rows[t][w.next].seed == 0)
            w.next++;
        assert_int_equal(w.next, KEYS);
    }
}

static void model_step(model *m) {
    uint64_t pick = random_below(&m->random, 1000);
    if (pick < 5 && m->kind.reopen != NULL) {
        m->s = m->kind.reopen(m->kind.arg, m->s);
        m->now = m->committed;
        m->open = false;
        model_check_all(m);
    } else if (pick < 30) {
        if (m->open)
            model_end(m, random_below(&m->random, 3) > 0);
        else
            model_begin(m);
    } else if (pick < 60) {
        model_walk(m);
    } else if (pick < 250) {
        model_get(m);
    } else if (pick < 350) {
        model_read(m);
    } else if (!m->open) {
        model_begin(m);
    } else if (pick < 500) {
        model_append(m);
    } else if (pick < 510) {
        model_drop(m);
    } else {
        model_write(m);
    }
}

static void conform_random(store_kind kind, uint64_t seed, size_t steps) {
    model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->buffer = malloc(1 << 20);
    assert_non_null(m->buffer);
    m->kind = kind;
    m->random = seed;
    m->s = kind.open(kind.arg);
    make_keys(m);
    for (size_t i = 0; i < steps; i++)
        model_step(m);
    if (m->open) model_end(m, false);
    model_check_all(m);
    m->s->ops->close(m->s);
    free(m->buffer);
    free(m);
}

/* --- single rules --- */

static void put_text(posw_store *s, enum posw_table t, const char *key, const char *value) {
    assert_int_equal(s->ops->put(s, t, key, strlen(key), value, strlen(value)), POSW_OK);
}

static void assert_text(posw_store *s, enum posw_table t, const char *key, const char *wanted) {
    posw_bytes got;
    int code = s->ops->get(s, t, key, strlen(key), &got);
    if (wanted == NULL) {
        assert_int_equal(code, POSW_ENOTFOUND);
        return;
    }
    assert_int_equal(code, POSW_OK);
    assert_int_equal(got.size, strlen(wanted));
    assert_memory_equal(got.data, wanted, got.size);
}

/* Two values got in one transaction are both borrowed until the next write; one got outside lives until the next get.
 */
static void conform_borrowed(store_kind kind) {
    posw_store *s = kind.open(kind.arg);
    assert_int_equal(s->ops->begin(s), POSW_OK);
    put_text(s, POSW_TABLE_TRIE, "a", "first");
    put_text(s, POSW_TABLE_TRIE, "b", "second");
    posw_bytes a, b;
    assert_int_equal(s->ops->get(s, POSW_TABLE_TRIE, "a", 1, &a), POSW_OK);
    assert_int_equal(s->ops->get(s, POSW_TABLE_TRIE, "b", 1, &b), POSW_OK);
    assert_text(s, POSW_TABLE_TRIE, "c", NULL);
    assert_memory_equal(a.data, "first", 5);
    assert_memory_equal(b.data, "second", 6);
    assert_int_equal(s->ops->commit(s), POSW_OK);
    assert_int_equal(s->ops->get(s, POSW_TABLE_TRIE, "a", 1, &a), POSW_OK);
    assert_memory_equal(a.data, "first", 5);
    s->ops->close(s);
}

/* A put of the same key twice, a put then del, a del then put: abort and commit see through it. */
static void conform_same_key(store_kind kind) {
    posw_store *s = kind.open(kind.arg);
    assert_int_equal(s->ops->begin(s), POSW_OK);
    put_text(s, POSW_TABLE_META, "x", "one");
    put_text(s, POSW_TABLE_META, "y", "one");
    assert_int_equal(s->ops->commit(s), POSW_OK);
    for (int commit = 0; commit < 2; commit++) {
        assert_int_equal(s->ops->begin(s), POSW_OK);
        put_text(s, POSW_TABLE_META, "x", "two");
        put_text(s, POSW_TABLE_META, "x", "three");
        assert_int_equal(s->ops->del(s, POSW_TABLE_META, "y", 1), POSW_OK);
        assert_int_equal(s->ops->del(s, POSW_TABLE_META, "y", 1), POSW_OK);
        put_text(s, POSW_TABLE_META, "z", "new");
        assert_int_equal(s->ops->del(s, POSW_TABLE_META, "z", 1), POSW_OK);
        put_text(s, POSW_TABLE_META, "z", "newer");
        assert_text(s, POSW_TABLE_META, "x", "three");
        assert_text(s, POSW_TABLE_META, "y", NULL);
        assert_text(s, POSW_TABLE_META, "z", "newer");
        if (commit == 0) {
            s->ops->abort(s);
            s->ops->abort(s); /* without effect */
            assert_text(s, POSW_TABLE_META, "x", "one");
            assert_text(s, POSW_TABLE_META, "y", "one");
            assert_text(s, POSW_TABLE_META, "z", NULL);
        } else {
            assert_int_equal(s->ops->commit(s), POSW_OK);
        }
    }
    assert_text(s, POSW_TABLE_META, "x", "three");
    assert_text(s, POSW_TABLE_META, "y", NULL);
    assert_text(s, POSW_TABLE_META, "z", "newer");
    assert_text(s, POSW_TABLE_HEADERS, "x", NULL);
    s->ops->close(s);
}

/* Begins, writes, and expects that `code` came from something that spoilt the transaction: nothing of it stays. */
static void assert_spoilt(posw_store *s, int code) {
    posw_store_pos pos;
    posw_bytes got;
    assert_int_equal(code, POSW_EINVAL);
    assert_int_equal(s->ops->put(s, POSW_TABLE_META, "k", 1, "v", 1), POSW_EINVAL);
    assert_int_equal(s->ops->del(s, POSW_TABLE_META, "k", 1), POSW_EINVAL);
    assert_int_equal(s->ops->append(s, POSW_LOG_EXEC, "v", 1, &pos), POSW_EINVAL);
    assert_int_equal(s->ops->get(s, POSW_TABLE_META, "before", 6, &got), POSW_EINVAL);
    assert_int_equal(s->ops->commit(s), POSW_EINVAL);
    s->ops->abort(s);
    assert_text(s, POSW_TABLE_META, "before", NULL);
    assert_int_equal(s->ops->begin(s), POSW_OK);
    put_text(s, POSW_TABLE_META, "before", "again");
}

static void conform_limits(store_kind kind) {
    posw_store *s = kind.open(kind.arg);
    size_t big = POSW_STORE_RECORD_SIZE_MAX + 1;
    uint8_t *bytes = calloc(1, big);
    posw_bytes got;
    posw_store_pos pos = 0, big_pos = 0;
    assert_non_null(bytes);
    assert_int_equal(s->ops->begin(s), POSW_OK);
    put_text(s, POSW_TABLE_META, "before", "value");
    assert_spoilt(s, s->ops->put(s, POSW_TABLE_TRIE, bytes, 0, "v", 1));
    assert_spoilt(s, s->ops->put(s, POSW_TABLE_TRIE, bytes, POSW_STORE_KEY_SIZE_MAX + 1, "v", 1));
    assert_spoilt(s, s->ops->del(s, POSW_TABLE_TRIE, bytes, POSW_STORE_KEY_SIZE_MAX + 1));
    assert_spoilt(s, s->ops->put(s, POSW_TABLE_TRIE, "k", 1, bytes, POSW_STORE_VALUE_SIZE_MAX + 1));
    assert_spoilt(s, s->ops->append(s, POSW_LOG_BLOCKS, bytes, 0, &pos));
    assert_spoilt(s, s->ops->append(s, POSW_LOG_BLOCKS, bytes, big, &pos));
    assert_int_equal(pos, 0);
    s->ops->abort(s);
    assert_int_equal(s->ops->get(s, POSW_TABLE_TRIE, bytes, 0, &got), POSW_EINVAL);
    assert_int_equal(s->ops->get(s, POSW_TABLE_TRIE, bytes, POSW_STORE_KEY_SIZE_MAX + 1, &got), POSW_EINVAL);
    assert_int_equal(s->ops->begin(s), POSW_OK);
    bytes[big - 2] = 1;
    assert_int_equal(s->ops->put(s, POSW_TABLE_TRIE, bytes, POSW_STORE_KEY_SIZE_MAX, bytes, POSW_STORE_VALUE_SIZE_MAX),
                     POSW_OK);
    assert_int_equal(s->ops->put(s, POSW_TABLE_EPOCHS, "e", 1, bytes, 1 << 20), POSW_OK);
    assert_int_equal(s->ops->append(s, POSW_LOG_BLOCKS, bytes, big - 1, &big_pos), POSW_OK);
    assert_int_equal(s->ops->append(s, POSW_LOG_BLOCKS, "x", 1, &pos), POSW_OK);
    assert_int_equal(s->ops->commit(s), POSW_OK);
    assert_int_equal(s->ops->get(s, POSW_TABLE_TRIE, bytes, POSW_STORE_KEY_SIZE_MAX, &got), POSW_OK);
    assert_int_equal(got.size, POSW_STORE_VALUE_SIZE_MAX);
    posw_buf out = {0};
    assert_int_equal(s->ops->read(s, POSW_LOG_BLOCKS, big_pos, &out), POSW_OK);
    assert_int_equal(out.size, big - 1);
    assert_true(memcmp(out.data, bytes, out.size) == 0);
    posw_buf_reset(&out);
    assert_int_equal(s->ops->read(s, POSW_LOG_BLOCKS, 0, &out), POSW_ENOTFOUND);
    assert_int_equal(s->ops->read(s, POSW_LOG_BLOCKS, UINT64_MAX, &out), POSW_ECORRUPT);
    assert_int_equal(s->ops->read(s, POSW_LOG_EXEC, pos, &out), POSW_ECORRUPT);
    assert_int_equal(out.size, 0);
    uint64_t used, limit;
    s->ops->usage(s, &used, &limit);
    assert_true(used > big && (limit == 0 || limit >= used));
    posw_buf_clear(&out);
    free(bytes);
    s->ops->close(s);
}

static void begin_in_child(void *arg) {
    posw_store *s = arg;
    (void)s->ops->begin(s);
}
static void put_in_child(void *arg) {
    posw_store *s = arg;
    (void)s->ops->put(s, POSW_TABLE_META, "k", 1, "v", 1);
}
static int write_in_walk(void *arg, posw_bytes key, posw_bytes value) {
    (void)key;
    (void)value;
    put_in_child(arg);
    return 0;
}
static void walk_in_child(void *arg) {
    posw_store *s = arg;
    (void)s->ops->walk(s, POSW_TABLE_META, NULL, 0, write_in_walk, s);
}

static void conform_misuse(store_kind kind) {
    posw_store *s = kind.open(kind.arg);
    assert_true(test_aborts(put_in_child, s));
    assert_int_equal(s->ops->begin(s), POSW_OK);
    put_text(s, POSW_TABLE_META, "k", "v");
    assert_true(test_aborts(begin_in_child, s));
    assert_true(test_aborts(walk_in_child, s));
    assert_int_equal(s->ops->commit(s), POSW_OK);
    assert_text(s, POSW_TABLE_META, "k", "v");
    s->ops->close(s);
}

#endif
