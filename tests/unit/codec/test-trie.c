/* Tries in memory: official vectors, random changes against the definition, lists, limits. */
#include "codec/rlp.h"
#include "codec/trie_node.h"
#include "trie_model.h"
#include "vectors.h"

/* ---- official vectors ---- */

/* Text, or hexadecimal digits after 0x; JSON null is an empty value. */
static posw_buf json_bytes(const json_t *text) {
    posw_buf b = {0};
    if (!json_is_string(text)) return b;
    const char *s = json_string_value(text);
    if (strncmp(s, "0x", 2) == 0) return vectors_hex(s);
    posw_buf_append(&b, s, strlen(s));
    return b;
}

static void put_json(posw_trie *t, model *m, const json_t *key, const json_t *value, bool secure) {
    posw_buf k = json_bytes(key), v = json_bytes(value);
    posw_hash hash;
    posw_keccak256(&hash, k.data, k.size);
    const uint8_t *data = secure ? hash.b : k.data;
    const size_t size = secure ? sizeof hash.b : k.size;
    assert_int_equal(posw_trie_put(t, data, size, v.data, v.size), POSW_OK);
    model_put(m, data, size, v.data, v.size);
    posw_buf_clear(&k);
    posw_buf_clear(&v);
}

static void check_json_root(posw_trie *t, model *m, const json_t *expected) {
    const posw_hash root = root_of(t);
    assert_hex(root.b, sizeof root.b, json_string_value(expected));
    assert_root(t, m); /* the definition in these tests is right, too */
    assert_walk(t, m);
    posw_trie_free(t);
    model_clear(m);
}

static void check_ordered_case(const json_t *c, bool secure) {
    posw_trie *t = new_trie(&POSW_TRIE_EMPTY_ROOT, NULL);
    model m = {0};
    size_t i;
    json_t *pair;
    json_array_foreach(json_object_get(c, "in"), i, pair)
        put_json(t, &m, json_array_get(pair, 0), json_array_get(pair, 1), secure);
    check_json_root(t, &m, json_object_get(c, "root"));
}

/* In any order: `turn` starts somewhere else, `step` is 1 or -1. */
static void check_any_order(const json_t *c, bool secure, size_t turn, bool backwards) {
    posw_trie *t = new_trie(&POSW_TRIE_EMPTY_ROOT, NULL);
    model m = {0};
    const char *keys[64];
    const char *key;
    json_t *value, *in = json_object_get(c, "in");
    size_t n = 0;
    json_object_foreach(in, key, value) {
        assert_true(n < POSW_ARRAY_SIZE(keys));
        keys[n++] = key;
    }
    for (size_t i = 0; i < n; i++) {
        const size_t at = ((backwards ? n - 1 - i : i) + turn) % n;
        json_t *text = json_string(keys[at]);
        put_json(t, &m, text, json_object_get(in, keys[at]), secure);
        json_decref(text);
    }
    check_json_root(t, &m, json_object_get(c, "root"));
}

static size_t check_file(const char *file, bool secure) {
    json_t *cases = vectors_json(file);
    const char *name;
    json_t *c;
    size_t count = 0;
    json_object_foreach(cases, name, c) {
        const json_t *in = json_object_get(c, "in");
        count++;
        if (json_is_array(in)) {
            check_ordered_case(c, secure);
            continue;
        }
        for (size_t turn = 0; turn < json_object_size(in); turn++) {
            check_any_order(c, secure, turn, false);
            check_any_order(c, secure, turn, true);
        }
    }
    json_decref(cases);
    return count;
}

static void test_official(void **state) {
    (void)state;
    assert_int_equal(check_file("TrieTests/trietest.json", false), 5);
    assert_int_equal(check_file("TrieTests/trieanyorder.json", false), 7);
    assert_int_equal(check_file("TrieTests/trietest_secureTrie.json", true), 3);
    assert_int_equal(check_file("TrieTests/trieanyorder_secureTrie.json", true), 7);
    assert_int_equal(check_file("TrieTests/hex_encoded_securetrie_test.json", true), 3);
}

/* Neighbours of a key, found by a walk in order. */
typedef struct {
    const char *key;
    char before[16], after[16];
} neighbours;

static int on_neighbour(void *arg, const uint8_t *key, size_t key_size, posw_bytes value) {
    neighbours *n = arg;
    char text[16] = {0};
    assert_true(key_size < sizeof text);
    memcpy(text, key, key_size);
    (void)value;
    if (strcmp(text, n->key) < 0) memcpy(n->before, text, sizeof text);
    if (strcmp(text, n->key) > 0 && n->after[0] == 0) memcpy(n->after, text, sizeof text);
    return 0;
}

static void test_neighbours(void **state) {
    (void)state;
    json_t *file = vectors_json("TrieTests/trietestnextprev.json");
    const json_t *c = json_object_get(file, "basic");
    posw_trie *t = new_trie(&POSW_TRIE_EMPTY_ROOT, NULL);
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(c, "in"), i, item) {
        const uint8_t *key = (const uint8_t *)json_string_value(item);
        assert_int_equal(posw_trie_put(t, key, json_string_length(item), key, json_string_length(item)), POSW_OK);
    }
    json_array_foreach(json_object_get(c, "tests"), i, item) {
        neighbours n = {.key = json_string_value(json_array_get(item, 0))};
        assert_int_equal(posw_trie_walk(t, on_neighbour, &n), POSW_OK);
        assert_string_equal(n.before, json_string_value(json_array_get(item, 1)));
        assert_string_equal(n.after, json_string_value(json_array_get(item, 2)));
    }
    assert_int_equal(i, 12);
    posw_trie_free(t);
    json_decref(file);
}

/* Setting what is there already changes nothing, whether a leaf or a branch has it. */
static void test_same_value(void **state) {
    (void)state;
    static const char *const keys[] = {"d", "do", "dog", "cat"};
    posw_trie *t = new_trie(&POSW_TRIE_EMPTY_ROOT, NULL);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(keys); i++)
        assert_int_equal(posw_trie_put(t, (const uint8_t *)keys[i], strlen(keys[i]), (const uint8_t *)"same", 4),
                         POSW_OK);
    (void)root_of(t);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(keys); i++)
        assert_int_equal(posw_trie_put(t, (const uint8_t *)keys[i], strlen(keys[i]), (const uint8_t *)"same", 4),
                         POSW_OK);
    assert_int_equal(t->root_ref.tag, POSW_TRIE_TAG_HASH); /* its hash is still known */
    posw_trie_free(t);
}

/* ---- random changes ---- */

static void random_run(enum key_kind kind, unsigned delete_percent, unsigned steps, uint64_t seed) {
    uint64_t random = seed;
    posw_trie *t = new_trie(&POSW_TRIE_EMPTY_ROOT, NULL);
    model m = {0};
    for (unsigned i = 0; i < steps; i++) {
        random_change(&random, kind, delete_percent, t, &m);
        if (random_below(&random, 8) == 0) assert_root(t, &m);
        if (i % 64 == 63) {
            assert_gets(t, &m);
            assert_walk(t, &m);
        }
    }
    /* Everything away again, in random order. */
    while (m.count > 0) {
        const model_entry e = m.entries[random_below(&random, m.count)];
        assert_int_equal(posw_trie_put(t, e.key, e.key_size, NULL, 0), POSW_OK);
        model_put(&m, e.key, e.key_size, NULL, 0);
        if (m.count % 8 == 0) assert_root(t, &m);
    }
    assert_root(t, &m);
    assert_int_equal(posw_trie_memory(t), 0);
    posw_trie_free(t);
    model_clear(&m);
}

static void test_random(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < KEY_KINDS; kind++) {
        random_run((enum key_kind)kind, 20, 500, 1 + kind);
        random_run((enum key_kind)kind, 50, 500, 11 + kind);
        random_run((enum key_kind)kind, 70, 300, 21 + kind);
    }
}

static void test_absent(void **state) {
    (void)state;
    uint64_t random = 5;
    posw_trie *t = new_trie(&POSW_TRIE_EMPTY_ROOT, NULL);
    model m = {0};
    for (int i = 0; i < 60; i++)
        random_change(&random, KEYS_LENGTHS, 0, t, &m);
    const posw_hash root = root_of(t);
    unsigned absent = 0;
    for (int i = 0; i < 2000; i++) {
        uint8_t key[POSW_TRIE_KEY_MAX];
        bool found;
        posw_bytes value;
        posw_buf b = {0};
        const size_t size = random_key(&random, i % 2 == 0 ? KEYS_LENGTHS : KEYS_SHORT, key);
        (void)model_find(&m, key, size, &found);
        assert_int_equal(posw_trie_get_view(t, &value, key, size), found ? POSW_OK : POSW_ENOTFOUND);
        assert_int_equal(posw_trie_get(t, &b, key, size), found ? POSW_OK : POSW_ENOTFOUND);
        posw_buf_clear(&b);
        if (found) continue;
        absent++;
        assert_int_equal(posw_trie_put(t, key, size, NULL, 0), POSW_OK); /* deletes nothing */
    }
    assert_true(absent > 100);
    const posw_hash after = root_of(t);
    assert_memory_equal(root.b, after.b, sizeof root.b);
    posw_trie_free(t);
    model_clear(&m);
}

/* Versions that share nodes do not see each other's changes. */
static void test_versions(void **state) {
    (void)state;
    enum { VERSIONS = 24 };
    for (unsigned kind = 0; kind < KEY_KINDS; kind++) {
        uint64_t random = 77 + kind;
        posw_trie *t[VERSIONS] = {new_trie(&POSW_TRIE_EMPTY_ROOT, NULL)};
        model m[VERSIONS] = {{0}};
        for (unsigned step = 0; step < 600; step++) {
            const size_t to = random_below(&random, VERSIONS), from = random_below(&random, VERSIONS);
            if (to != from && t[from] != NULL && random_below(&random, 6) == 0) {
                posw_trie_free(t[to]);
                model_clear(&m[to]);
                t[to] = copy_trie(t[from]);
                m[to] = model_copy(&m[from]);
            }
            if (t[to] == NULL) continue;
            for (int i = 0; i < 4; i++)
                random_change(&random, (enum key_kind)kind, 30, t[to], &m[to]);
            if (random_below(&random, 3) == 0) assert_root(t[to], &m[to]);
        }
        for (size_t i = 0; i < VERSIONS; i++) {
            if (t[i] == NULL) continue;
            assert_root(t[i], &m[i]);
            assert_walk(t[i], &m[i]);
            posw_trie_free(t[i]);
            model_clear(&m[i]);
        }
    }
}

/* A version takes no memory for what it shares, and gives back what it does not. */
static void test_version_memory(void **state) {
    (void)state;
    uint64_t random = 3;
    model m = {0};
    posw_trie *t = new_trie(&POSW_TRIE_EMPTY_ROOT, NULL);
    for (int i = 0; i < 300; i++)
        random_change(&random, KEYS_HASHED, 0, t, &m);
    (void)root_of(t);
    const size_t memory = posw_trie_memory(t);
    posw_trie *other = copy_trie(t);
    assert_int_equal(posw_trie_memory(other), memory);
    assert_int_equal(posw_trie_put(other, m.entries[0].key, 32, (const uint8_t *)"x", 1), POSW_OK);
    assert_in_range(posw_trie_memory(t), memory + 1, memory + 3000);
    posw_trie_free(other);
    assert_int_equal(posw_trie_memory(t), memory);
    /* The same value again is no change. */
    other = copy_trie(t);
    assert_int_equal(posw_trie_put(other, m.entries[0].key, 32, m.entries[0].value, m.entries[0].value_size), POSW_OK);
    assert_int_equal(posw_trie_memory(t), memory);
    posw_trie_free(other);
    posw_trie_free(t);
    posw_trie_free(NULL);
    model_clear(&m);
}

/* ---- limits ---- */

static void test_limits(void **state) {
    (void)state;
    posw_trie *t = new_trie(&POSW_TRIE_EMPTY_ROOT, NULL);
    model m = {0};
    posw_buf b = {0};
    const uint8_t key[POSW_TRIE_KEY_MAX + 1] = {0};
    uint8_t *value = calloc(1, POSW_TRIE_VALUE_MAX + 1);
    assert_non_null(value);
    assert_int_equal(posw_trie_put(t, key, POSW_TRIE_KEY_MAX + 1, value, 1), POSW_EINVAL);
    assert_int_equal(posw_trie_put(t, key, POSW_TRIE_KEY_MAX + 1, NULL, 0), POSW_EINVAL);
    assert_int_equal(posw_trie_put(t, key, 1, value, POSW_TRIE_VALUE_MAX + 1), POSW_EINVAL);
    assert_int_equal(posw_trie_get(t, &b, key, POSW_TRIE_KEY_MAX + 1), POSW_ENOTFOUND);
    assert_root(t, &m);
    /* Every length of an all-zero key: each a prefix of the next. */
    for (size_t size = 0; size <= POSW_TRIE_KEY_MAX; size++) {
        assert_int_equal(posw_trie_put(t, key, size, value, 1 + size), POSW_OK);
        model_put(&m, key, size, value, 1 + size);
        assert_root(t, &m);
    }
    /* The largest value, at the root, in a branch and in a leaf. */
    for (size_t size = 0; size <= POSW_TRIE_KEY_MAX; size += POSW_TRIE_KEY_MAX / 2) {
        assert_int_equal(posw_trie_put(t, key, size, value, POSW_TRIE_VALUE_MAX), POSW_OK);
        model_put(&m, key, size, value, POSW_TRIE_VALUE_MAX);
    }
    assert_root(t, &m);
    for (size_t size = 0; size <= POSW_TRIE_KEY_MAX; size += POSW_TRIE_KEY_MAX / 2) {
        assert_int_equal(posw_trie_put(t, key, size, value, 1), POSW_OK);
        model_put(&m, key, size, value, 1);
    }
    assert_walk(t, &m);
    for (size_t size = 0; size <= POSW_TRIE_KEY_MAX; size++) {
        assert_int_equal(posw_trie_put(t, key, size, NULL, 0), POSW_OK);
        model_put(&m, key, size, NULL, 0);
        assert_root(t, &m);
    }
    posw_trie_free(t);
    model_clear(&m);
    free(value);
}

static int stop_at(void *arg, const uint8_t *key, size_t key_size, posw_bytes value) {
    unsigned *left = arg;
    (void)key, (void)key_size, (void)value;
    return --*left == 0 ? POSW_ECANCELED : 0;
}

static void test_walk_stops(void **state) {
    (void)state;
    uint64_t random = 8;
    model m = {0};
    posw_trie *t = new_trie(&POSW_TRIE_EMPTY_ROOT, NULL);
    unsigned left = 1;
    assert_int_equal(posw_trie_walk(t, stop_at, &left), POSW_OK);
    for (int i = 0; i < 50; i++)
        random_change(&random, KEYS_HASHED, 0, t, &m);
    left = 7;
    assert_int_equal(posw_trie_walk(t, stop_at, &left), POSW_ECANCELED);
    assert_int_equal(left, 0);
    posw_trie_free(t);
    model_clear(&m);
}

/* ---- lists ---- */

static void test_known_lists(void **state) {
    (void)state;
    json_t *file = vectors_json("trie/lists.json");
    size_t i, k;
    json_t *c, *item;
    json_array_foreach(file, i, c) {
        posw_buf data[64] = {{0}};
        posw_bytes items[64];
        posw_hash root;
        json_array_foreach(json_object_get(c, "items"), k, item) {
            data[k] = vectors_hex(json_string_value(item));
            items[k] = posw_buf_view(&data[k]);
        }
        assert_int_equal(posw_trie_list_root(&root, items, k), POSW_OK);
        assert_hex(root.b, sizeof root.b, json_string_value(json_object_get(c, "root")));
        while (k-- > 0)
            posw_buf_clear(&data[k]);
    }
    assert_int_equal(i, 7);
    json_decref(file);
}

static void check_list(uint64_t *random, size_t count) {
    posw_bytes *items = calloc(count + 1, sizeof *items);
    uint8_t *data = malloc(600 * (count + 1));
    model m = {0};
    posw_hash root;
    assert_non_null(items);
    assert_non_null(data);
    for (size_t i = 0; i < count; i++) {
        uint8_t key[9];
        items[i] = (posw_bytes){data + 600 * i, random_value(random, data + 600 * i)};
        const uint8_t *end = posw_rlp_put_u64(key, i);
        model_put(&m, key, (size_t)(end - key), items[i].data, items[i].size);
    }
    const posw_hash expected = slow_root(&m, NULL);
    assert_int_equal(posw_trie_list_root(&root, items, count), POSW_OK);
    assert_memory_equal(root.b, expected.b, sizeof root.b);
    model_clear(&m);
    free(data);
    free(items);
}

static void test_lists(void **state) {
    (void)state;
    static const uint16_t counts[] = {0, 1, 2, 3, 16, 17, 127, 128, 129, 130, 255, 256, 257, 300, 1000};
    uint64_t random = 9;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(counts); i++)
        check_list(&random, counts[i]);
}

static void test_list_limits(void **state) {
    (void)state;
    uint8_t *data = calloc(1, POSW_TRIE_VALUE_MAX + 1);
    posw_hash root = {{1}};
    const posw_bytes empty[2] = {{data, 1}, {NULL, 0}}, largest = {data, POSW_TRIE_VALUE_MAX};
    const posw_bytes too_large = {data, POSW_TRIE_VALUE_MAX + 1};
    assert_non_null(data);
    assert_int_equal(posw_trie_list_root(&root, empty, 2), POSW_EINVAL);
    assert_int_equal(posw_trie_list_root(&root, &too_large, 1), POSW_EINVAL);
    assert_int_equal(root.b[0], 1);
    assert_int_equal(posw_trie_list_root(&root, &largest, 1), POSW_OK);
    assert_int_equal(posw_trie_list_root(&root, NULL, 0), POSW_OK);
    assert_memory_equal(root.b, POSW_TRIE_EMPTY_ROOT.b, sizeof root.b);
    free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_official),       cmocka_unit_test(test_neighbours), cmocka_unit_test(test_random),
        cmocka_unit_test(test_same_value),     cmocka_unit_test(test_absent),     cmocka_unit_test(test_versions),
        cmocka_unit_test(test_version_memory), cmocka_unit_test(test_limits),     cmocka_unit_test(test_walk_stops),
        cmocka_unit_test(test_known_lists),    cmocka_unit_test(test_lists),      cmocka_unit_test(test_list_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
