/* The map against a sorted array, and SipHash against its authors' vectors. */
#include "base/map.h"

#include "base/bytes.h"
#include "base/random.h"
#include "base/siphash.h"
#include "base/test.h"

#include <stdio.h>

static void test_siphash_vectors(void **state) {
    (void)state;
    FILE *f = fopen(POSW_VECTORS "/siphash/sip64.txt", "r");
    assert_non_null(f);
    uint8_t key[16], message[64];
    for (uint8_t i = 0; i < 64; i++)
        message[i] = i;
    memcpy(key, message, sizeof key);
    const uint64_t seed[2] = {posw_load_le64(key), posw_load_le64(key + 8)};
    char line[32];
    size_t size = 0;
    for (; fgets(line, sizeof line, f) != NULL; size++) {
        uint8_t expected[8];
        assert_true(size < sizeof message);
        assert_true(posw_hex_decode(expected, sizeof expected, line, 16));
        assert_true(posw_siphash(seed, message, size) == posw_load_le64(expected));
    }
    assert_int_equal(size, 64);
    fclose(f);
}

/* ---- the model: entries sorted by key ---- */

enum { MODEL_MAX = 3000, KEY_MAX = 64, VALUE_MAX = 40 };
typedef struct {
    uint8_t key[KEY_MAX], value[VALUE_MAX];
    bool seen;
} entry;
typedef struct {
    entry *entries;
    size_t count, key_size, value_size;
} model;

static size_t model_position(const model *o, const uint8_t *key, bool *found) {
    size_t low = 0, high = o->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = memcmp(o->entries[middle].key, key, o->key_size);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = false;
    return low;
}

static void model_remove(model *o, size_t at) {
    o->count--;
    memmove(o->entries + at, o->entries + at + 1, (o->count - at) * sizeof(entry));
}

static void model_insert(model *o, size_t at, const uint8_t *key) {
    assert_true(o->count < MODEL_MAX);
    memmove(o->entries + at + 1, o->entries + at, (o->count - at) * sizeof(entry));
    o->count++;
    memset(&o->entries[at], 0, sizeof(entry));
    memcpy(o->entries[at].key, key, o->key_size);
}

static void check_put(posw_map *m, model *o, const uint8_t *key, uint64_t *seed) {
    bool found, added = false;
    size_t at = model_position(o, key, &found);
    uint8_t *value = posw_map_put(m, key, &added);
    assert_non_null(value);
    assert_int_equal((uintptr_t)value % 8, 0);
    assert_int_equal(added, !found);
    if (!found) model_insert(o, at, key); /* a new value is zero */
    if (o->value_size > 0) assert_memory_equal(value, o->entries[at].value, o->value_size);
    random_bytes(seed, o->entries[at].value, o->value_size);
    memcpy(value, o->entries[at].value, o->value_size);
}

static void check_find(const posw_map *m, const model *o, const uint8_t *key) {
    bool found;
    size_t at = model_position(o, key, &found);
    const void *value = posw_map_find(m, key);
    assert_int_equal(value != NULL, found);
    if (found && o->value_size > 0) assert_memory_equal(value, o->entries[at].value, o->value_size);
}

static void check_remove(posw_map *m, model *o, const uint8_t *key) {
    bool found;
    size_t at = model_position(o, key, &found);
    assert_int_equal(posw_map_remove(m, key), found);
    if (found) model_remove(o, at);
    assert_null(posw_map_find(m, key));
}

/* Iteration meets every entry once. */
static void check_all(const posw_map *m, model *o) {
    size_t pos = 0, met = 0;
    const void *key;
    void *value;
    assert_int_equal(m->count, o->count);
    for (size_t i = 0; i < o->count; i++)
        o->entries[i].seen = false;
    for (; posw_map_next(m, &pos, &key, &value); met++) {
        bool found;
        size_t at = model_position(o, key, &found);
        assert_true(found);
        assert_false(o->entries[at].seen);
        o->entries[at].seen = true;
        if (o->value_size > 0) assert_memory_equal(value, o->entries[at].value, o->value_size);
        assert_ptr_equal(value, posw_map_find(m, key));
    }
    assert_int_equal(met, o->count);
    assert_false(posw_map_next(m, &pos, &key, &value));
}

static void run_model(size_t key_size, size_t value_size, uint64_t seed) {
    model o = {.key_size = key_size, .value_size = value_size, .entries = calloc(MODEL_MAX, sizeof(entry))};
    assert_non_null(o.entries);
    uint8_t map_seed[16];
    random_bytes(&seed, map_seed, sizeof map_seed);
    posw_map m;
    posw_map_init(&m, key_size, value_size, map_seed);
    unsigned keys = key_size == 1 ? 256 : 1200;
    for (int i = 0; i < 12000; i++) {
        uint8_t key[KEY_MAX] = {0};
        uint64_t number = random_below(&seed, keys);
        /* The difference sits in the first or the last bytes, or the whole key is short. */
        memcpy(key + (key_size > 8 && number % 2 ? key_size - 8 : 0), &number, key_size < 8 ? key_size : 8);
        bool growing = i / 3000 % 2 == 0;
        uint64_t choice = random_below(&seed, 10);
        if (choice < (growing ? 6u : 2u))
            check_put(&m, &o, key, &seed);
        else if (choice < 8)
            check_remove(&m, &o, key);
        else
            check_find(&m, &o, key);
        if (i % 1000 == 0) check_all(&m, &o);
    }
    check_all(&m, &o);
    while (o.count > 0) {
        const entry last = o.entries[o.count - 1];
        check_remove(&m, &o, last.key);
    }
    check_all(&m, &o);
    posw_map_clear(&m);
    free(o.entries);
}

static void test_model(void **state) {
    (void)state;
    static const size_t key_sizes[] = {1, 2, 8, 20, 32, 33, 64}, value_sizes[] = {0, 1, 8, 12, 40};
    uint64_t seed = 1;
    for (size_t k = 0; k < POSW_ARRAY_SIZE(key_sizes); k++)
        for (size_t v = 0; v < POSW_ARRAY_SIZE(value_sizes); v++)
            if ((k + v) % 2 == 0) run_model(key_sizes[k], value_sizes[v], seed++);
}

/* A queue passes through a map without making it grow: removed slots are used again. */
static void test_churn(void **state) {
    (void)state;
    posw_map m;
    posw_map_init(&m, 8, 8, NULL);
    for (uint64_t i = 0; i < 200000; i++) {
        assert_non_null(posw_map_put(&m, &i, NULL));
        uint64_t old = i - 100;
        if (i >= 100) assert_true(posw_map_remove(&m, &old));
        assert_true(m.used <= m.capacity / 4 * 3);
    }
    assert_int_equal(m.count, 100);
    assert_true(m.capacity <= 512);
    posw_map_clear(&m);
}

static void test_empty(void **state) {
    (void)state;
    posw_map m;
    const uint64_t key = 1;
    size_t pos = 0;
    posw_map_init(&m, 8, 8, NULL);
    assert_null(posw_map_find(&m, &key));
    assert_false(posw_map_remove(&m, &key));
    assert_false(posw_map_next(&m, &pos, NULL, NULL));
    posw_map_clear(&m);
    bool added = false;
    assert_non_null(posw_map_put(&m, &key, &added));
    assert_true(added);
    posw_map_clear(&m);
    assert_null(posw_map_find(&m, &key));
    assert_non_null(posw_map_put(&m, &key, NULL)); /* usable after clear */
    assert_int_equal(m.count, 1);
    posw_map_clear(&m);
    posw_map_clear(NULL);
    posw_map zeroed = {0};
    posw_map_clear(&zeroed);
}

/* A reset map is empty, keeps its memory and follows the new seed. */
static void test_reset(void **state) {
    (void)state;
    const uint8_t seed[16] = {1, 0, 0, 0, 0, 0, 0, 0, 2};
    posw_map m;
    posw_map_init(&m, 8, 8, NULL);
    posw_map_reset(&m, seed); /* without any memory yet */
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 100; i++) {
            bool added = false;
            uint64_t *value = posw_map_put(&m, &i, &added);
            assert_non_null(value);
            assert_true(added && *value == 0);
            *value = i + 1;
        }
        for (uint64_t i = 0; i < 50; i++)
            assert_true(posw_map_remove(&m, &i));
        const uint8_t *slots = m.slots;
        posw_map_reset(&m, round == 1 ? NULL : seed);
        assert_int_equal(m.count, 0);
        assert_ptr_equal(m.slots, slots);
        assert_true(m.seed[0] == (round == 1 ? 0 : 1) && m.seed[1] == (round == 1 ? 0 : 2));
        size_t pos = 0;
        assert_false(posw_map_next(&m, &pos, NULL, NULL));
        for (uint64_t i = 0; i < 100; i++)
            assert_null(posw_map_find(&m, &i));
    }
    posw_map_clear(&m);
}

static void test_out_of_memory(void **state) {
    (void)state;
    posw_map m;
    const uint64_t key = 1;
    posw_map_init(&m, 8, SIZE_MAX / 4, NULL);
    assert_null(posw_map_put(&m, &key, NULL));
    assert_int_equal(m.count, 0);
    assert_null(posw_map_find(&m, &key));
    posw_map_clear(&m);
}

/* The seed decides the order, so that nobody who does not know it can choose keys that collide. */
static void test_seed_matters(void **state) {
    (void)state;
    posw_map a, b;
    posw_map_init(&a, 8, 0, (const uint8_t[16]){1});
    posw_map_init(&b, 8, 0, (const uint8_t[16]){0, 0, 0, 0, 0, 0, 0, 0, 1});
    for (uint64_t i = 0; i < 64; i++) {
        assert_non_null(posw_map_put(&a, &i, NULL));
        assert_non_null(posw_map_put(&b, &i, NULL));
    }
    size_t pos_a = 0, pos_b = 0, different = 0;
    const void *key_a, *key_b;
    while (posw_map_next(&a, &pos_a, &key_a, NULL) && posw_map_next(&b, &pos_b, &key_b, NULL))
        different += memcmp(key_a, key_b, 8) != 0;
    assert_true(different > 50);
    posw_map_clear(&a);
    posw_map_clear(&b);
}

static void init_key_size(void *size) {
    posw_map m;
    posw_map_init(&m, *(const size_t *)size, 0, NULL);
}

static void test_bugs_stop(void **state) {
    (void)state;
    assert_true(test_aborts(init_key_size, &(size_t){0}));
    assert_true(test_aborts(init_key_size, &(size_t){65}));
    assert_false(test_aborts(init_key_size, &(size_t){64}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_vectors), cmocka_unit_test(test_model),
        cmocka_unit_test(test_churn),           cmocka_unit_test(test_empty),
        cmocka_unit_test(test_out_of_memory),   cmocka_unit_test(test_seed_matters),
        cmocka_unit_test(test_bugs_stop),       cmocka_unit_test(test_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
