/* Tries over a store: commits, old and sibling versions, trimming, damage, lack of memory. */
#include "codec/rlp.h"
#include "codec/trie_node.h"
#include "trie_model.h"

static store the_store;
static const posw_trie_source source = {store_load, &the_store};

static posw_trie *open_store(const model *m) {
    const posw_hash root = slow_root(m, NULL);
    return new_trie(&root, &source);
}

/* The store holds the nodes of this version and nothing else, and a trie opened on it reads the same. */
static void assert_stored(const model *m) {
    store expected;
    store_init(&expected);
    (void)slow_root(m, &expected);
    assert_stores_equal(&the_store, &expected);
    store_clear(&expected);
    posw_trie *t = open_store(m);
    assert_gets(t, m);
    assert_walk(t, m);
    posw_trie_free(t);
}

static void change_some(uint64_t *random, enum key_kind kind, unsigned delete_percent, posw_trie *t, model *m) {
    const uint64_t n = 1 + random_below(random, 30);
    for (uint64_t i = 0; i < n; i++)
        random_change(random, kind, delete_percent, t, m);
}

static void commit(posw_trie *t, const posw_trie *base) {
    assert_int_equal(store_commit(&the_store, t, base), POSW_OK);
}

/* ---- round trips ---- */

static void round_trip(enum key_kind kind, unsigned delete_percent, uint64_t seed) {
    uint64_t random = seed;
    model m = {0};
    store_init(&the_store);
    posw_trie *t = open_store(&m);
    for (int block = 0; block < 30; block++) {
        posw_trie *base = t;
        t = copy_trie(base);
        change_some(&random, kind, delete_percent, t, &m);
        if (random_below(&random, 2) == 0) assert_root(t, &m);
        commit(t, block == 0 ? NULL : base);
        assert_root(t, &m);
        posw_trie_free(base);
        assert_stored(&m);
        const uint64_t next = random_below(&random, 4);
        if (next == 0) {
            posw_trie_free(t);
            t = open_store(&m);
        } else if (next == 1) {
            posw_trie_trim(t, (unsigned)random_below(&random, 4));
        }
    }
    posw_trie_free(t);
    model_clear(&m);
    store_clear(&the_store);
}

static void test_round_trip(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < KEY_KINDS; kind++) {
        round_trip((enum key_kind)kind, 20, 100 + kind);
        round_trip((enum key_kind)kind, 60, 200 + kind); /* mostly deleting */
        round_trip((enum key_kind)kind, 100, 300 + kind);
    }
}

static void test_nothing_changed(void **state) {
    (void)state;
    uint64_t random = 4;
    model m = {0};
    store_init(&the_store);
    posw_trie *t = open_store(&m);
    for (int i = 0; i < 100; i++)
        random_change(&random, KEYS_HASHED, 0, t, &m);
    commit(t, NULL);
    /* There and back again, in a trie that has to load everything. */
    posw_trie *base = open_store(&m), *next = copy_trie(base);
    const model_entry *e = &m.entries[5];
    assert_int_equal(posw_trie_put(next, e->key, e->key_size, (const uint8_t *)"other", 5), POSW_OK);
    assert_int_equal(posw_trie_put(next, e->key, e->key_size, e->value, e->value_size), POSW_OK);
    commit(next, base);
    assert_int_equal(the_store.puts + the_store.dels, 0);
    /* To nothing. */
    posw_trie *empty = copy_trie(next);
    for (size_t i = 0; i < m.count; i++)
        assert_int_equal(posw_trie_put(empty, m.entries[i].key, m.entries[i].key_size, NULL, 0), POSW_OK);
    commit(empty, next);
    assert_int_equal(the_store.puts, 0);
    assert_int_equal(the_store.nodes.count, 0);
    assert_walk(base, &m); /* although the store holds nothing of it any more */
    assert_walk(next, &m);
    posw_trie_free(base);
    posw_trie_free(next);
    posw_trie_free(empty);
    posw_trie_free(t);
    model_clear(&m);
    store_clear(&the_store);
}

/* ---- old and sibling versions ---- */

enum { WINDOW = 50, SIBLINGS = 10, BLOCKS = 110 };

typedef struct {
    posw_trie *t;
    model m;
} version;

static void drop(version *v) {
    posw_trie_free(v->t);
    model_clear(&v->m);
    v->t = NULL;
}

static version branch_off(const version *v) {
    return (version){copy_trie(v->t), model_copy(&v->m)};
}

static void assert_version(const version *v) {
    if (v->t == NULL) return;
    assert_root(v->t, &v->m);
    assert_walk(v->t, &v->m);
    assert_gets(v->t, &v->m);
}

/* A chain of commits; the last WINDOW versions stay, and so do siblings that were never committed. Trimming makes all
 * of them forget what they could load again. */
static void old_versions(enum key_kind kind, unsigned trim_percent, uint64_t seed) {
    uint64_t random = seed;
    version old[WINDOW] = {{NULL}}, sibling[SIBLINGS] = {{NULL}};
    store_init(&the_store);
    version v = {open_store(&(model){0}), {0}};
    for (size_t i = 0; i < BLOCKS; i++) {
        version *place = &old[i % WINDOW];
        drop(place);
        *place = v;
        v = branch_off(place);
        change_some(&random, kind, 35, v.t, &v.m);
        version *s = &sibling[random_below(&random, SIBLINGS)];
        if (random_below(&random, 3) == 0) {
            drop(s);
            *s = branch_off(random_below(&random, 2) == 0 ? &v : &old[random_below(&random, i % WINDOW + 1)]);
        }
        if (s->t != NULL) change_some(&random, kind, 35, s->t, &s->m);
        commit(v.t, i == 0 ? NULL : place->t);
        if (random_below(&random, 100) < trim_percent) posw_trie_trim(v.t, (unsigned)random_below(&random, 3));
        if (i % 10 == 9) assert_version(&old[random_below(&random, WINDOW)]);
        if (i % 10 == 9) assert_version(&sibling[random_below(&random, SIBLINGS)]);
    }
    assert_stored(&v.m);
    for (size_t i = 0; i < WINDOW; i++)
        assert_version(&old[i]);
    for (size_t i = 0; i < SIBLINGS; i++)
        assert_version(&sibling[i]);
    for (size_t i = 0; i < WINDOW; i++)
        drop(&old[i]);
    for (size_t i = 0; i < SIBLINGS; i++)
        drop(&sibling[i]);
    assert_version(&v);
    drop(&v);
    store_clear(&the_store);
}

static void test_old_versions(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < KEY_KINDS; kind++) {
        old_versions((enum key_kind)kind, 0, 400 + kind);
        old_versions((enum key_kind)kind, 70, 500 + kind);
    }
}

/* The case that needs retired nodes: the old version knows two leaves by their hashes only, when first one and later
 * the other is overwritten. */
static void test_old_version_not_loaded(void **state) {
    (void)state;
    uint64_t random = 12;
    model m = {0};
    store_init(&the_store);
    posw_trie *t = open_store(&m);
    for (int i = 0; i < 150; i++)
        random_change(&random, KEYS_HASHED, 0, t, &m);
    commit(t, NULL);
    posw_trie_free(t);
    posw_trie *old = open_store(&m), *base = old;
    for (size_t i = 0; i < m.count; i++) {
        posw_trie *next = copy_trie(base);
        assert_int_equal(posw_trie_put(next, m.entries[i].key, 32, (const uint8_t *)"new", 3), POSW_OK);
        commit(next, base);
        posw_trie_trim(next, 0);
        if (base != old) posw_trie_free(base);
        base = next;
    }
    assert_walk(old, &m);
    assert_gets(old, &m);
    /* Without a version that can need them, retired nodes are gone. */
    posw_trie_free(old);
    const size_t memory = posw_trie_memory(base);
    posw_trie *fresh = copy_trie(base);
    posw_trie_trim(fresh, 0);
    assert_true(posw_trie_memory(fresh) <= memory);
    assert_in_range(posw_trie_memory(fresh), 1, 1000);
    posw_trie_free(fresh);
    posw_trie_free(base);
    model_clear(&m);
    store_clear(&the_store);
}

/* A sibling that was never committed and knows most nodes by their hash only, the version it came from being gone. */
static void test_sibling_not_loaded(void **state) {
    (void)state;
    uint64_t random = 13;
    model m = {0};
    store_init(&the_store);
    posw_trie *t = open_store(&m);
    for (int i = 0; i < 150; i++)
        random_change(&random, KEYS_HASHED, 0, t, &m);
    commit(t, NULL);
    posw_trie_free(t);
    posw_trie *base = open_store(&m), *sibling = copy_trie(base), *last = copy_trie(base);
    model after = model_copy(&m);
    assert_int_equal(posw_trie_put(sibling, m.entries[0].key, 32, (const uint8_t *)"own", 3), POSW_OK);
    for (size_t i = 0; i < m.count; i++) {
        posw_trie *next = copy_trie(last);
        assert_int_equal(posw_trie_put(next, m.entries[i].key, 32, (const uint8_t *)"new", 3), POSW_OK);
        model_put(&after, m.entries[i].key, 32, (const uint8_t *)"new", 3);
        posw_trie_free(last);
        last = next;
    }
    commit(last, base);
    posw_trie_free(base);
    assert_stored(&after);
    const model_entry first = m.entries[0];
    model_put(&m, first.key, 32, (const uint8_t *)"own", 3);
    assert_walk(sibling, &m);
    assert_gets(sibling, &m);
    assert_root(sibling, &m);
    posw_trie_free(last);
    posw_trie_free(sibling);
    model_clear(&m);
    model_clear(&after);
    store_clear(&the_store);
}

/* Reorganisations: any version that is still in memory can be committed over any other. */
static void test_reorganisation(void **state) {
    (void)state;
    enum { VERSIONS = 12 };
    for (unsigned kind = 0; kind < KEY_KINDS; kind++) {
        uint64_t random = 700 + kind;
        version v[VERSIONS] = {{NULL}};
        store_init(&the_store);
        v[0] = (version){open_store(&(model){0}), {0}};
        change_some(&random, (enum key_kind)kind, 0, v[0].t, &v[0].m);
        commit(v[0].t, NULL);
        for (size_t i = 1; i < VERSIONS; i++) {
            v[i] = branch_off(&v[random_below(&random, i)]);
            change_some(&random, (enum key_kind)kind, 30, v[i].t, &v[i].m);
        }
        size_t current = 0;
        for (int i = 0; i < 50; i++) {
            const size_t to = random_below(&random, VERSIONS);
            commit(v[to].t, v[current].t);
            current = to;
            assert_stored(&v[current].m);
            if (random_below(&random, 2) == 0) posw_trie_trim(v[current].t, (unsigned)random_below(&random, 2));
        }
        for (size_t i = 0; i < VERSIONS; i++) {
            assert_version(&v[i]);
            drop(&v[i]);
        }
        store_clear(&the_store);
    }
}

/* ---- trimming ---- */

static void test_trim(void **state) {
    (void)state;
    uint64_t random = 31;
    model m = {0};
    store_init(&the_store);
    posw_trie *t = open_store(&m);
    for (int i = 0; i < 400; i++)
        random_change(&random, KEYS_HASHED, 0, t, &m);
    commit(t, NULL);
    const size_t all = posw_trie_memory(t);
    posw_trie_trim(t, POSW_TRIE_PATH_MAX);
    assert_int_equal(posw_trie_memory(t), all);
    posw_trie_trim(t, 1);
    const size_t some = posw_trie_memory(t);
    assert_true(some < all / 2);
    posw_trie_trim(t, 0);
    assert_true(posw_trie_memory(t) < some);
    const size_t loads = the_store.loads;
    assert_gets(t, &m);
    assert_true(the_store.loads > loads);
    /* Not while it differs from the store. */
    assert_int_equal(posw_trie_put(t, m.entries[0].key, 32, (const uint8_t *)"x", 1), POSW_OK);
    const size_t changed = posw_trie_memory(t);
    posw_trie_trim(t, 0);
    assert_int_equal(posw_trie_memory(t), changed);
    posw_trie_free(t);
    /* Nor without a source. */
    t = new_trie(&POSW_TRIE_EMPTY_ROOT, NULL);
    posw_trie_trim(t, 0);
    for (size_t i = 0; i < m.count; i++)
        assert_int_equal(posw_trie_put(t, m.entries[i].key, 32, m.entries[i].value, m.entries[i].value_size), POSW_OK);
    const posw_trie_sink sink = {store_on_put, store_on_del, &the_store};
    the_store.any = false;
    assert_int_equal(posw_trie_commit(t, NULL, &sink), POSW_OK);
    posw_trie_trim(t, 0);
    assert_gets(t, &m);
    posw_trie_free(t);
    model_clear(&m);
    store_clear(&the_store);
}

/* A walk leaves as much in memory as was there before. */
static void test_walk_memory(void **state) {
    (void)state;
    uint64_t random = 32;
    model m = {0};
    store_init(&the_store);
    posw_trie *t = open_store(&m);
    for (int i = 0; i < 400; i++)
        random_change(&random, KEYS_HASHED, 0, t, &m);
    commit(t, NULL);
    posw_trie_free(t);
    t = open_store(&m);
    assert_walk(t, &m);
    assert_int_equal(posw_trie_memory(t), 0);
    posw_trie_free(t);
    model_clear(&m);
    store_clear(&the_store);
}

/* ---- damage ---- */

static void fill(model *m, enum key_kind kind, int count) {
    uint64_t random = 41;
    store_init(&the_store);
    posw_trie *t = open_store(m);
    for (int i = 0; i < count; i++)
        random_change(&random, kind, 0, t, m);
    commit(t, NULL);
    posw_trie_free(t);
}

static int get_all(posw_trie *t, const model *m) {
    for (size_t i = 0; i < m->count; i++) {
        posw_bytes value;
        const int rc = posw_trie_get_view(t, &value, m->entries[i].key, m->entries[i].key_size);
        if (rc != POSW_OK) return rc;
    }
    return POSW_OK;
}

static int ignore_leaf(void *arg, const uint8_t *key, size_t key_size, posw_bytes value) {
    (void)arg, (void)key, (void)key_size, (void)value;
    return 0;
}

static void test_damaged_node(void **state) {
    (void)state;
    model m = {0};
    fill(&m, KEYS_HASHED, 60);
    size_t pos = 0;
    const void *key;
    void *value;
    while (posw_map_next(&the_store.nodes, &pos, &key, &value)) {
        store_node *n = value;
        posw_trie *t = open_store(&m);
        n->rlp[n->size - 1] ^= 1;
        assert_int_equal(get_all(t, &m), POSW_ECORRUPT);
        assert_int_equal(posw_trie_walk(t, ignore_leaf, NULL), POSW_ECORRUPT);
        n->rlp[n->size - 1] ^= 1;
        n->size--;
        assert_int_equal(get_all(t, &m), POSW_ECORRUPT);
        n->size++;
        assert_int_equal(get_all(t, &m), POSW_OK); /* errors are not remembered */
        posw_trie_free(t);
    }
    model_clear(&m);
    store_clear(&the_store);
}

static void test_missing_nodes(void **state) {
    (void)state;
    model m = {0};
    posw_bytes value;
    posw_hash root, before;
    fill(&m, KEYS_HASHED, 60);
    store_clear(&the_store);
    store_init(&the_store);
    posw_trie *t = open_store(&m);
    const uint8_t *key = m.entries[0].key;
    assert_int_equal(posw_trie_root(t, &before), POSW_OK); /* known without any node */
    assert_int_equal(posw_trie_get_view(t, &value, key, 32), POSW_ECORRUPT);
    assert_int_equal(posw_trie_put(t, key, 32, key, 32), POSW_ECORRUPT);
    assert_int_equal(posw_trie_put(t, key, 32, NULL, 0), POSW_ECORRUPT);
    the_store.load_error = POSW_EIO;
    assert_int_equal(posw_trie_get_view(t, &value, key, 32), POSW_EIO);
    assert_int_equal(posw_trie_put(t, key, 32, key, 32), POSW_EIO);
    assert_int_equal(posw_trie_root(t, &root), POSW_OK);
    assert_memory_equal(root.b, before.b, sizeof root.b);
    posw_trie_free(t);
    /* A trie without a source cannot load either. */
    t = new_trie(&before, NULL);
    assert_int_equal(posw_trie_get_view(t, &value, key, 32), POSW_ECORRUPT);
    posw_trie_free(t);
    model_clear(&m);
    store_clear(&the_store);
}

/* An extension above a leaf is no trie, but each of the two nodes is well formed: only a damaged store has them. */
static void test_leaf_under_extension(void **state) {
    (void)state;
    uint8_t leaf[40], extension[40];
    posw_hash hash;
    posw_bytes value;
    store_init(&the_store);
    uint8_t *p = posw_rlp_put_list(leaf, 1 + 33);
    *p++ = 0x35;
    p = posw_rlp_put_bytes(p, POSW_KECCAK_EMPTY.b, 32);
    store_set(&the_store, (const uint8_t *)"\1", 1, leaf, (size_t)(p - leaf));
    posw_keccak256(&hash, leaf, (size_t)(p - leaf));
    p = posw_rlp_put_list(extension, 1 + 33);
    *p++ = 0x11;
    p = posw_rlp_put_bytes(p, hash.b, 32);
    store_set(&the_store, NULL, 0, extension, (size_t)(p - extension));
    posw_keccak256(&hash, extension, (size_t)(p - extension));
    posw_trie *t = new_trie(&hash, &source);
    const uint8_t key = 0x15;
    assert_int_equal(posw_trie_get_view(t, &value, &key, 1), POSW_OK);
    assert_int_equal(posw_trie_put(t, &key, 1, NULL, 0), POSW_ECORRUPT);
    const posw_hash root = root_of(t);
    assert_memory_equal(root.b, hash.b, sizeof hash.b);
    posw_trie_free(t);
    store_clear(&the_store);
}

/* A commit needs the nodes that it replaces. The base comes to know one more path after each failure. */
static void test_commit_failing_loads(void **state) {
    (void)state;
    uint64_t random = 53;
    size_t failures = 0;
    model m = {0};
    fill(&m, KEYS_HASHED, 60);
    posw_trie *base = open_store(&m), *t = copy_trie(base);
    model after = model_copy(&m);
    for (int i = 0; i < 20; i++)
        random_change(&random, KEYS_HASHED, 30, t, &after);
    for (;; failures++) {
        posw_bytes value;
        the_store.load_error = POSW_EIO;
        const int rc = store_commit(&the_store, t, base);
        the_store.load_error = POSW_OK;
        if (rc == POSW_OK) break;
        assert_int_equal(rc, POSW_EIO);
        assert_true(failures < m.count);
        const model_entry *e = &m.entries[failures];
        store_clear(&the_store); /* the store's transaction is rolled back */
        store_init(&the_store);
        (void)slow_root(&m, &the_store);
        assert_int_equal(posw_trie_get_view(base, &value, e->key, e->key_size), POSW_OK);
    }
    assert_true(failures > 3);
    assert_stored(&after);
    assert_walk(base, &m);
    posw_trie_free(base);
    posw_trie_free(t);
    model_clear(&m);
    model_clear(&after);
    store_clear(&the_store);
}

/* Every change either happens or leaves the version as it was, whichever load fails. */
static void test_failing_loads(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < KEY_KINDS; kind++) {
        uint64_t random = 800 + kind;
        model m = {0};
        fill(&m, (enum key_kind)kind, 80);
        for (int i = 0; i < 30; i++) {
            posw_trie *t = open_store(&m);
            uint8_t key[POSW_TRIE_KEY_MAX], value[600];
            const size_t key_size = random_key(&random, (enum key_kind)kind, key);
            const size_t value_size = random_below(&random, 2) == 0 ? 0 : random_value(&random, value);
            model after = model_copy(&m);
            model_put(&after, key, key_size, value, value_size);
            /* Loads stay, so that each attempt comes one load further. */
            for (bool done = false; !done;) {
                assert_root(t, &m);
                the_store.load_error = POSW_EIO;
                done = posw_trie_put(t, key, key_size, value, value_size) == POSW_OK;
                the_store.load_error = POSW_OK;
                posw_bytes unused;
                if (!done) (void)posw_trie_get_view(t, &unused, key, key_size);
                if (!done && value_size == 0) done = posw_trie_put(t, key, key_size, NULL, 0) == POSW_OK;
            }
            assert_root(t, &after);
            assert_walk(t, &after);
            posw_trie_free(t);
            model_clear(&after);
        }
        model_clear(&m);
        store_clear(&the_store);
    }
}

static void test_sink_fails(void **state) {
    (void)state;
    uint64_t random = 52;
    model m = {0};
    fill(&m, KEYS_HASHED, 60);
    posw_trie *base = open_store(&m), *t = copy_trie(base);
    model after = model_copy(&m);
    for (int i = 0; i < 20; i++)
        random_change(&random, KEYS_HASHED, 30, t, &after);
    store untouched;
    store_init(&untouched);
    (void)slow_root(&m, &untouched);
    size_t failures = 0;
    for (size_t at = 1;; at++) {
        the_store.put_error_at = at;
        const int rc = store_commit(&the_store, t, base);
        if (rc == POSW_OK) break;
        assert_int_equal(rc, POSW_ENOSPC);
        failures++;
        /* The store's transaction is rolled back. */
        store_clear(&the_store);
        store_init(&the_store);
        (void)slow_root(&m, &the_store);
        assert_stores_equal(&the_store, &untouched);
    }
    assert_true(failures > 10);
    assert_stored(&after);
    assert_walk(base, &m);
    posw_trie_free(t);
    posw_trie_free(base);
    store_clear(&untouched);
    store_clear(&the_store);
    model_clear(&m);
    model_clear(&after);
}

/* ---- lack of memory ---- */

/* The n-th allocation fails, for every n; what fails changes nothing. */
static void out_of_memory(enum key_kind kind, bool shared, uint64_t seed) {
    uint64_t random = seed;
    model m = {0};
    fill(&m, kind, 60);
    size_t failures = 0;
    for (int i = 0; i < 25; i++) {
        posw_trie *base = open_store(&m);
        if (shared && i % 2 == 0) assert_gets(base, &m); /* loaded before the copy: both versions have these nodes */
        posw_trie *t = shared ? copy_trie(base) : base;
        uint8_t key[POSW_TRIE_KEY_MAX], value[600];
        const size_t key_size = random_key(&random, kind, key);
        const size_t value_size = random_below(&random, 2) == 0 ? 0 : random_value(&random, value);
        model after = model_copy(&m);
        model_put(&after, key, key_size, value, value_size);
        for (size_t n = 0;; n++) {
            t->pool->allocations_left = n;
            const int rc = posw_trie_put(t, key, key_size, value, value_size);
            t->pool->allocations_left = SIZE_MAX;
            if (rc == POSW_OK) break;
            assert_int_equal(rc, POSW_ENOMEM);
            assert_root(t, &m);
            failures++;
        }
        for (size_t n = 0;; n++) {
            posw_hash root;
            t->pool->allocations_left = n;
            const int rc = posw_trie_root(t, &root);
            t->pool->allocations_left = SIZE_MAX;
            if (rc == POSW_OK) break;
            assert_int_equal(rc, POSW_ENOMEM);
        }
        assert_root(t, &after);
        assert_walk(t, &after);
        if (shared) {
            assert_walk(base, &m);
            posw_trie_free(base);
        }
        posw_trie_free(t);
        model_clear(&after);
    }
    assert_true(failures > 20);
    model_clear(&m);
    store_clear(&the_store);
}

static void test_out_of_memory(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < KEY_KINDS; kind++) {
        out_of_memory((enum key_kind)kind, false, 900 + kind);
        out_of_memory((enum key_kind)kind, true, 950 + kind);
    }
}

static int accept_put(void *arg, const uint8_t *path, size_t path_size, const uint8_t *rlp, size_t rlp_size) {
    (void)arg, (void)path, (void)path_size, (void)rlp, (void)rlp_size;
    return 0;
}

static int accept_del(void *arg, const uint8_t *path, size_t path_size) {
    (void)arg, (void)path, (void)path_size;
    return 0;
}

static void test_commit_out_of_memory(void **state) {
    (void)state;
    uint64_t random = 61;
    model m = {0};
    const posw_trie_sink sink = {accept_put, accept_del, NULL};
    fill(&m, KEYS_HASHED, 100);
    posw_trie *base = open_store(&m), *t = copy_trie(base);
    model after = model_copy(&m);
    for (int i = 0; i < 80; i++)
        random_change(&random, KEYS_HASHED, 50, t, &after);
    size_t failures = 0;
    for (size_t n = 0;; n++) {
        t->pool->allocations_left = n;
        const int rc = posw_trie_commit(t, base, &sink);
        t->pool->allocations_left = SIZE_MAX;
        if (rc == POSW_OK) break;
        assert_int_equal(rc, POSW_ENOMEM);
        failures++;
    }
    assert_true(failures > 1);
    assert_root(t, &after);
    posw_trie_free(t);
    posw_trie_free(base);
    model_clear(&m);
    model_clear(&after);
    store_clear(&the_store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_nothing_changed),
        cmocka_unit_test(test_old_versions),
        cmocka_unit_test(test_old_version_not_loaded),
        cmocka_unit_test(test_sibling_not_loaded),
        cmocka_unit_test(test_reorganisation),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_walk_memory),
        cmocka_unit_test(test_damaged_node),
        cmocka_unit_test(test_missing_nodes),
        cmocka_unit_test(test_leaf_under_extension),
        cmocka_unit_test(test_commit_failing_loads),
        cmocka_unit_test(test_failing_loads),
        cmocka_unit_test(test_sink_fails),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_commit_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
