/* The ticket window against a naive recount: every short history exhaustively, long ones at random. */
#include "posw/window.h"

#include "core/made.h"

/* --- the naive model: the whole chain, sorted and recounted by the words of T3 and W4 --- */

enum { MODEL_MAX = 4096 };
typedef struct {
    uint64_t count, top; /* top: highest count */
    uint64_t window, history, unlock_s;
    posw_window_entry chain[MODEL_MAX];
} model;

static void model_copy(model *to, const model *from) {
    memcpy(to, from, offsetof(model, chain) + from->count * sizeof from->chain[0]);
}

static int compare_times(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* T3 */
static uint64_t model_mtp(const model *m, uint64_t index) {
    uint64_t times[11], n = 0;
    for (uint64_t i = index + 1; i > 0 && n < 11; i--)
        times[n++] = m->chain[i - 1].timestamp;
    qsort(times, n, sizeof times[0], compare_times);
    return times[n / 2];
}

/* W4 */
static uint64_t model_used(const model *m, const posw_address *miner) {
    uint64_t used = 0;
    for (uint64_t i = m->count > m->window ? m->count - m->window : 0; i < m->count; i++) {
        if (!m->chain[i].boosted || !posw_address_equal(&m->chain[i].miner, miner)) continue;
        if (model_mtp(m, m->count - 1) - model_mtp(m, i) <= m->unlock_s) used++;
    }
    return used;
}

static void model_push(model *m, const posw_window_entry *e) {
    assert_true(m->count < MODEL_MAX);
    m->chain[m->count++] = *e;
    if (m->count > m->top) m->top = m->count;
}

static bool model_pop(model *m) {
    if (m->count == 0 || m->top - m->count == m->history) return false;
    m->count--;
    return true;
}

/* Every answer of the window equals the model's. */
static void assert_agrees(const posw_window *w, const model *m, const posw_address *miners, size_t miner_count) {
    for (size_t i = 0; i < miner_count; i++) {
        assert_int_equal(posw_window_used(w, &miners[i]), model_used(m, &miners[i]));
        assert_int_equal(posw_window_recount(w, &miners[i]), model_used(m, &miners[i]));
    }
    assert_int_equal(posw_window_mtp(w), m->count == 0 ? 0 : model_mtp(m, m->count - 1));
}

static void assert_entries_agree(const posw_window *w, const model *m) {
    const uint64_t count = posw_window_count(w);
    assert_true(count <= m->count);
    assert_true(count <= m->window + m->history + POSW_WINDOW_MTP_ANCESTORS);
    assert_true(count == m->count || count >= m->window + POSW_WINDOW_MTP_ANCESTORS);
    for (uint64_t i = 0; i < count; i++) {
        const posw_window_entry got = posw_window_at(w, i), want = m->chain[m->count - 1 - i];
        assert_true(got.timestamp == want.timestamp && got.boosted == want.boosted);
        assert_true(posw_address_equal(&got.miner, &want.miner));
        assert_u256(&got.difficulty, &want.difficulty);
    }
}

static void *window_memory(size_t size) {
    void *memory = NULL;
    assert_int_equal(posix_memalign(&memory, 16, size), 0);
    memset(memory, 0xa5, size); /* nothing may depend on fresh memory */
    return memory;
}

/* --- exhaustive --- */

enum { DEPTH = 6, OPERATIONS = 5 };
typedef struct {
    size_t size;
    void *memory[DEPTH + 1]; /* the window after each operation: a copy is a snapshot */
    model models[DEPTH + 1];
    posw_address miners[3];
} world;

/* Operation 0 to 3: push; 4: pop. */
static void operate(world *x, int depth, int operation) {
    posw_window *w = x->memory[depth];
    model *m = &x->models[depth];
    if (operation == 4) {
        assert_true(posw_window_pop(w) == model_pop(m));
        return;
    }
    const uint64_t last = m->count == 0 ? 1000 : m->chain[m->count - 1].timestamp;
    const posw_window_entry e = {.miner = x->miners[operation == 1],
                                 .timestamp = last + (operation == 2   ? 4
                                                      : operation == 3 ? 9
                                                                       : 1),
                                 .boosted = operation != 2};
    posw_window_push(w, &e);
    model_push(m, &e);
}

static void explore(world *x, int depth) {
    if (depth == DEPTH) return;
    for (int operation = 0; operation < OPERATIONS; operation++) {
        memcpy(x->memory[depth + 1], x->memory[depth], x->size);
        model_copy(&x->models[depth + 1], &x->models[depth]);
        operate(x, depth + 1, operation);
        assert_agrees(x->memory[depth + 1], &x->models[depth + 1], x->miners, 3);
        explore(x, depth + 1);
    }
}

static void explore_world(uint64_t window, uint64_t history, uint64_t unlock_s) {
    world *x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->size = posw_window_size(window, history);
    for (int i = 0; i <= DEPTH; i++)
        x->memory[i] = window_memory(x->size);
    for (int i = 0; i < 3; i++)
        x->miners[i] = made_address((uint8_t)(i + 1)); /* the third never mines */
    x->models[0].window = window;
    x->models[0].history = history;
    x->models[0].unlock_s = unlock_s;
    posw_window_init(x->memory[0], window, history, unlock_s);
    explore(x, 0);
    for (int i = 0; i <= DEPTH; i++)
        free(x->memory[i]);
    free(x);
}

static void test_exhaustive(void **state) {
    (void)state;
    static const uint64_t histories[] = {0, 1, 2, 6}, unlocks[] = {0, 6, 1000};
    for (uint64_t window = 1; window <= 4; window++)
        for (size_t h = 0; h < POSW_ARRAY_SIZE(histories); h++)
            explore_world(window, histories[h], unlocks[(window + h) % 3]);
}

/* --- random --- */

typedef struct {
    posw_window *w;
    model *m;
    posw_address miners[8];
    uint64_t seed;
} walk;

static posw_window_entry random_entry(walk *x, uint64_t miner_count) {
    const model *m = x->m;
    uint64_t step = 1 + random_below(&x->seed, 8);
    if (random_below(&x->seed, 12) == 0) step = 1 + random_below(&x->seed, 2 * m->unlock_s + 2);
    const uint64_t last = m->count == 0 ? 5 : m->chain[m->count - 1].timestamp;
    return (posw_window_entry){.miner = x->miners[random_below(&x->seed, miner_count)],
                               .timestamp = last + step,
                               .boosted = random_below(&x->seed, 4) != 0,
                               .difficulty = random_u256(&x->seed, 256)};
}

static void random_walk(uint64_t seed) {
    walk x = {.seed = seed, .m = calloc(1, sizeof(model))};
    assert_non_null(x.m);
    x.m->window = 1 + random_below(&x.seed, 60);
    x.m->history = random_below(&x.seed, 30);
    x.m->unlock_s = random_below(&x.seed, 2) == 0 ? 2 * x.m->window * 3 : random_below(&x.seed, 300);
    for (int i = 0; i < 8; i++)
        random_bytes(&x.seed, x.miners[i].b, sizeof x.miners[i].b);
    void *memory = window_memory(posw_window_size(x.m->window, x.m->history));
    x.w = posw_window_init(memory, x.m->window, x.m->history, x.m->unlock_s);
    for (int step = 0; step < 400; step++) {
        const uint64_t pops = random_below(&x.seed, 9) == 0 ? random_below(&x.seed, x.m->history + 3) : 0;
        for (uint64_t i = 0; i < pops; i++) {
            assert_true(posw_window_pop(x.w) == model_pop(x.m));
            assert_agrees(x.w, x.m, x.miners, 8);
        }
        const posw_window_entry e = random_entry(&x, 7);
        posw_window_push(x.w, &e);
        model_push(x.m, &e);
        assert_agrees(x.w, x.m, x.miners, 8);
    }
    assert_entries_agree(x.w, x.m);
    free(memory);
    free(x.m);
}

static void test_random(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        random_walk(seed);
}

/* As many miners as blocks: the table is as full as it gets, and is emptied and refilled all the time. */
static void test_many_miners(void **state) {
    (void)state;
    enum { WINDOW = 512, PUSHES = 20000 };
    void *memory = window_memory(posw_window_size(WINDOW, 0));
    posw_window *w = posw_window_init(memory, WINDOW, 0, UINT64_MAX);
    uint64_t seed = 9;
    for (uint64_t n = 0; n < PUSHES; n++) {
        posw_window_entry e = {.timestamp = n + 1, .boosted = true};
        posw_store_be64(e.miner.b + (n % 2 == 0 ? 0 : 12), n + 1);
        posw_window_push(w, &e);
        const uint64_t back = random_below(&seed, n + 1 < 2 * WINDOW ? n + 1 : 2 * WINDOW);
        posw_address miner = {{0}};
        posw_store_be64(miner.b + ((n - back) % 2 == 0 ? 0 : 12), n - back + 1);
        assert_int_equal(posw_window_used(w, &miner), back < WINDOW ? 1 : 0);
    }
    free(memory);
}

/* --- limits --- */

static posw_window_entry entry_at(uint64_t n) {
    return (posw_window_entry){
        .miner = made_address((uint8_t)(n % 3)), .timestamp = 100 + 15 * n, .boosted = n % 2 == 0};
}

static void test_history_limit(void **state) {
    (void)state;
    enum { WINDOW = 5, HISTORY = 4, BLOCKS = 40 };
    void *memory = window_memory(posw_window_size(WINDOW, HISTORY));
    posw_window *w = posw_window_init(memory, WINDOW, HISTORY, 1000);
    assert_false(posw_window_pop(w)); /* empty */
    assert_int_equal(posw_window_count(w), 0);
    assert_int_equal(posw_window_mtp(w), 0);
    for (uint64_t n = 0; n < BLOCKS; n++) {
        const posw_window_entry e = entry_at(n);
        posw_window_push(w, &e);
    }
    assert_int_equal(posw_window_count(w), WINDOW + HISTORY + POSW_WINDOW_MTP_ANCESTORS);
    for (int i = 0; i < HISTORY; i++)
        assert_true(posw_window_pop(w));
    const posw_address miner = made_address(0);
    const uint64_t used = posw_window_used(w, &miner), mtp = posw_window_mtp(w);
    assert_false(posw_window_pop(w));
    assert_int_equal(posw_window_used(w, &miner), used);
    assert_int_equal(posw_window_mtp(w), mtp);
    assert_int_equal(posw_window_at(w, 0).timestamp, entry_at(BLOCKS - HISTORY - 1).timestamp);

    posw_window_entry e = entry_at(BLOCKS); /* another branch: the limit stays where the highest point was */
    posw_window_push(w, &e);
    assert_true(posw_window_pop(w));
    assert_false(posw_window_pop(w));

    posw_window_reset(w);
    assert_int_equal(posw_window_count(w), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(posw_window_used(w, (posw_address[]){made_address((uint8_t)i)}), 0);
    e = entry_at(0);
    posw_window_push(w, &e);
    assert_true(posw_window_pop(w));
    assert_false(posw_window_pop(w));
    free(memory);
}

/* Filled from the middle of a chain with W + history + 10 blocks, a window answers as one that saw all of it, even
 * after all pops that it allows. */
static void test_fill_from_middle(void **state) {
    (void)state;
    enum { WINDOW = 12, HISTORY = 9, BLOCKS = 200, UNLOCK_S = 60 };
    const size_t size = posw_window_size(WINDOW, HISTORY);
    void *a = window_memory(size), *b = window_memory(size);
    uint64_t seed = 10;
    for (int round = 0; round < 50; round++) {
        posw_window *whole = posw_window_init(a, WINDOW, HISTORY, UNLOCK_S);
        posw_window *part = posw_window_init(b, WINDOW, HISTORY, UNLOCK_S);
        uint64_t time = 0;
        for (uint64_t n = 0; n < BLOCKS; n++) {
            posw_window_entry e = entry_at(n);
            e.timestamp = time += 1 + random_below(&seed, 12);
            posw_window_push(whole, &e);
            if (n >= BLOCKS - (WINDOW + HISTORY + POSW_WINDOW_MTP_ANCESTORS)) posw_window_push(part, &e);
        }
        do {
            assert_int_equal(posw_window_mtp(part), posw_window_mtp(whole));
            for (int i = 0; i < 3; i++) {
                const posw_address miner = made_address((uint8_t)i);
                assert_int_equal(posw_window_used(part, &miner), posw_window_used(whole, &miner));
            }
        } while (posw_window_pop(part) && posw_window_pop(whole));
        assert_int_equal(posw_window_count(part), WINDOW + POSW_WINDOW_MTP_ANCESTORS);
    }
    free(a);
    free(b);
}

/* W4: exactly 2 W T seconds old still counts, one more does not; a pop locks it again. */
static void test_unlock_edge(void **state) {
    (void)state;
    enum { WINDOW = 100, UNLOCK_S = 50 };
    void *memory = window_memory(posw_window_size(WINDOW, 10));
    posw_window *w = posw_window_init(memory, WINDOW, 10, UNLOCK_S);
    const posw_address miner = made_address(1);
    posw_window_entry e = {.miner = miner, .timestamp = 10, .boosted = true};
    posw_window_push(w, &e);
    e = (posw_window_entry){.miner = made_address(2), .timestamp = 60};
    posw_window_push(w, &e); /* two blocks: the median is the later one, 50 s after the first */
    assert_int_equal(posw_window_mtp(w), 60);
    assert_int_equal(posw_window_used(w, &miner), 1);
    assert_true(posw_window_pop(w));
    e.timestamp = 61;
    posw_window_push(w, &e);
    assert_int_equal(posw_window_used(w, &miner), 0);
    assert_true(posw_window_pop(w));
    assert_int_equal(posw_window_used(w, &miner), 1);
    free(memory);
}

static void push_twice(void *memory) {
    posw_window *w = posw_window_init(memory, 5, 5, 10);
    const posw_window_entry e = {.timestamp = 7};
    posw_window_push(w, &e);
    posw_window_push(w, &e);
}

static void push_and_look_back(void *memory) {
    posw_window *w = posw_window_init(memory, 5, 5, 10);
    const posw_window_entry e = {.timestamp = 7};
    posw_window_push(w, &e);
    posw_window_at(w, 1);
}

static void init_misaligned(void *memory) {
    posw_window_init((uint8_t *)memory + 1, 5, 5, 10);
}
static void init_empty(void *memory) {
    posw_window_init(memory, 0, 5, 10);
}

static void test_bugs_stop(void **state) {
    (void)state;
    void *memory = window_memory(posw_window_size(5, 5) + 16);
    assert_true(test_aborts(push_twice, memory));
    assert_true(test_aborts(push_and_look_back, memory));
    assert_true(test_aborts(init_misaligned, memory));
    assert_true(test_aborts(init_empty, memory));
    free(memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exhaustive),       cmocka_unit_test(test_random),
        cmocka_unit_test(test_many_miners),      cmocka_unit_test(test_history_limit),
        cmocka_unit_test(test_fill_from_middle), cmocka_unit_test(test_unlock_edge),
        cmocka_unit_test(test_bugs_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
