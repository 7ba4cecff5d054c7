/* Values: equal ones are one in a pool that says so, each stays as it is while somebody holds it, and none stays when
 * nobody does. */
#include "store/values.h"

#include "base/random.h"
#include "base/test.h"

#include <string.h>

enum { HOLDS = 2000, KINDS = 700, SIZE_MAX_TESTED = 1000 };

/* Kinds differ in their sizes, or in one byte alone. */
static size_t bytes_of(uint8_t out[SIZE_MAX_TESTED], size_t kind) {
    const size_t size = 1 + kind / 7 * 9;
    memset(out, (int)(kind / 7), size);
    out[kind * 13 % size] ^= (uint8_t)(1 + kind % 7);
    return size;
}

static void check_holds(posw_values *p, uint64_t seed) {
    posw_value *held[HOLDS] = {NULL}, *first[KINDS];
    size_t kinds[HOLDS], count[KINDS], different;
    uint8_t bytes[SIZE_MAX_TESTED];
    for (int step = 0; step < 40000; step++) {
        const size_t i = random_below(&seed, HOLDS), kind = random_below(&seed, KINDS);
        posw_values_release(p, held[i]);
        held[i] = NULL;
        if (random_below(&seed, 3) == 0) continue;
        held[i] = posw_values_hold(p, bytes, bytes_of(bytes, kind));
        assert_non_null(held[i]);
        kinds[i] = kind;
    }
    memset(first, 0, sizeof first);
    memset(count, 0, sizeof count);
    different = 0;
    for (size_t i = 0; i < HOLDS; i++) {
        if (held[i] == NULL) continue;
        const size_t size = bytes_of(bytes, kinds[i]);
        assert_int_equal(held[i]->size, size);
        assert_memory_equal(held[i]->data, bytes, size);
        different += count[kinds[i]]++ == 0;
        if (first[kinds[i]] == NULL) first[kinds[i]] = held[i];
        if (p->unique) assert_ptr_equal(held[i], first[kinds[i]]);
    }
    for (size_t i = 0; i < HOLDS; i++)
        if (held[i] != NULL) assert_int_equal(held[i]->holders, p->unique ? count[kinds[i]] : 1);
    if (p->unique) assert_int_equal(p->by_digest.count, different);
    for (size_t i = 0; i < HOLDS; i++)
        posw_values_release(p, held[i]);
    assert_int_equal(p->by_digest.count, 0);
}

static void test_unique(void **state) {
    (void)state;
    posw_values p = {.unique = true};
    for (uint64_t seed = 1; seed <= 3; seed++)
        check_holds(&p, seed);
    posw_values_clear(&p);
    assert_true(p.unique);
    check_holds(&p, 4);
    posw_values_clear(&p);
}

static void test_empty(void **state) {
    (void)state;
    posw_values p = {.unique = true};
    posw_value *none = posw_values_hold(&p, NULL, 0), *zero = posw_values_hold(&p, "", 1);
    assert_ptr_not_equal(none, zero);
    assert_int_equal(none->size, 0);
    assert_ptr_equal(posw_values_hold(&p, "x", 0), none);
    posw_values_release(&p, NULL);
    posw_values_release(&p, zero);
    posw_values_release(&p, none);
    assert_int_equal(p.by_digest.count, 1); /* held twice */
    posw_values_release(&p, none);
    assert_int_equal(p.by_digest.count, 0);
    posw_values_clear(&p);
}

static void test_each_its_own(void **state) {
    (void)state;
    posw_values p = {.unique = false};
    check_holds(&p, 1);
    posw_values_clear(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unique),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_each_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
