/* Chunks: each is memory of its own, freed ones are used again, and large ones are as good as small ones. */
#include "base/chunks.h"

#include "base/random.h"
#include "base/test.h"

#include <string.h>

enum { THINGS = 300, SIZE_MAX_TESTED = POSW_CHUNK_MAX + 100 };

typedef struct {
    uint8_t *p;
    size_t size;
    uint8_t fill;
} thing;

static bool is_whole(const thing *t) {
    for (size_t i = 0; i < t->size; i++)
        if (t->p[i] != t->fill) return false;
    return true;
}

static void test_things_come_and_go(void **state) {
    (void)state;
    posw_chunks c = {.slabs = NULL};
    thing things[THINGS] = {{.p = NULL}};
    uint64_t seed = 1;
    for (int step = 0; step < 20000; step++) {
        thing *t = &things[random_below(&seed, THINGS)];
        assert_true(is_whole(t));
        posw_chunks_release(&c, t->p, t->size);
        t->size = 1 + random_below(&seed, SIZE_MAX_TESTED);
        t->fill = (uint8_t)random_next(&seed);
        t->p = posw_chunks_alloc(&c, t->size);
        assert_non_null(t->p);
        assert_int_equal((uintptr_t)t->p % POSW_CHUNK_ALIGN, 0);
        memset(t->p, t->fill, t->size);
    }
    for (size_t i = 0; i < THINGS; i++) {
        assert_true(is_whole(&things[i]));
        posw_chunks_release(&c, things[i].p, things[i].size);
    }
    posw_chunks_clear(&c);
    assert_null(c.slabs);
}

static void test_freed_is_used_first(void **state) {
    (void)state;
    posw_chunks c = {.slabs = NULL};
    void *a = posw_chunks_alloc(&c, 100), *b = posw_chunks_alloc(&c, 100);
    assert_ptr_not_equal(a, b);
    posw_chunks_release(&c, a, 100);
#if POSW_CHUNKS_USED
    assert_ptr_equal(posw_chunks_alloc(&c, 97), a); /* of the same class */
#else
    a = posw_chunks_alloc(&c, 97);
#endif
    posw_chunks_release(&c, a, 97);
    posw_chunks_release(&c, b, 100);
    posw_chunks_release(&c, NULL, 100);
    posw_chunks_clear(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_things_come_and_go),
        cmocka_unit_test(test_freed_is_used_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
