/* The searching threads: what they find, once, and how fast they turn to other work or end. */
#include "base/bytes.h"
#include "base/test.h"
#include "io/mine_threads.h"
#include "io/runner.h"
#include "posw/u256.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { FINDS_MAX = 4096 };

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t count;
    struct {
        uint64_t id;
        uint8_t nonce[8];
        posw_hash mix;
    } finds[FINDS_MAX];
} results;

static void on_found(void *arg, uint64_t work_id, const uint8_t nonce[8], const posw_hash *mix) {
    results *r = arg;
    pthread_mutex_lock(&r->lock);
    assert_true(r->count < FINDS_MAX);
    r->finds[r->count].id = work_id;
    memcpy(r->finds[r->count].nonce, nonce, 8);
    r->finds[r->count++].mix = *mix;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static int setup(void **state) {
    results *r = calloc(1, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    *state = r;
    return 0;
}

static int teardown(void **state) {
    free(*state);
    return 0;
}

static void wait_for(results *r, size_t count) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&r->lock);
    while (r->count < count)
        assert_int_equal(pthread_cond_timedwait(&r->changed, &r->lock, &until), 0);
    pthread_mutex_unlock(&r->lock);
}

static size_t count_of(results *r) {
    pthread_mutex_lock(&r->lock);
    const size_t n = r->count;
    pthread_mutex_unlock(&r->lock);
    return n;
}

static void rest_ms(long ms) {
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static uint64_t clock_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static posw_work work_of(uint64_t id, posw_u256 difficulty, uint64_t weight) {
    posw_work w = {.id = id, .difficulty = difficulty, .weight = posw_u256_from_u64(weight)};
    memset(w.seal_hash.b, (int)id, sizeof w.seal_hash.b);
    w.target = posw_seal_target(&w.difficulty, &w.weight);
    posw_pow_input(w.input, &w.seal_hash, (const uint8_t[8]){0});
    return w;
}

static posw_work easy(uint64_t id) {
    return work_of(id, POSW_U256_ONE, 1);
}
static posw_work impossible(uint64_t id) {
    return work_of(id, POSW_U256_MAX, 1);
}

static const posw_pow *keccak(void) {
    posw_message msg;
    return posw_pow_engine(POSW_POW_KECCAK256, &msg);
}

static posw_mine_threads *start(unsigned threads, const posw_pow *pow, results *r) {
    posw_mine_threads *m = NULL;
    assert_int_equal(posw_mine_threads_new(&m, threads, pow, on_found, r), POSW_OK);
    return m;
}

/* ---- finding ---- */

static void finds_are_right(void **state) {
    results *r = *state;
    posw_mine_threads *m = start(2, keccak(), r);
    for (uint64_t i = 0; i < 30; i++) {
        const posw_work w = work_of(i + 1, posw_u256_from_u64(3000), 1 + i % 3);
        posw_mine_threads_work(m, &w);
        wait_for(r, i + 1);
        uint8_t input[POSW_POW_INPUT_SIZE];
        posw_hash mix;
        posw_pow_input(input, &w.seal_hash, r->finds[i].nonce);
        assert_true(keccak()->hash(NULL, &mix, &w.key, input));
        assert_true(posw_hash_equal(&mix, &r->finds[i].mix));
        assert_true(posw_seal_meets(&mix, &w.difficulty, &w.weight));
        assert_int_equal(r->finds[i].id, w.id);
    }
    assert_true(posw_mine_threads_hashes(m) > 30);
    posw_mine_threads_free(m);
}

/* Work of a miners' door: the second half of the nonce is the door's, and the target is all that is known. */
static void half_a_nonce_leaves_the_other_half(void **state) {
    results *r = *state;
    posw_mine_threads *m = start(3, keccak(), r);
    for (uint64_t i = 0; i < 30; i++) {
        posw_work w = {.id = i + 1, .half_nonce = true, .target = {{0, 0, 0, UINT64_MAX / 3000}}};
        memset(w.input, (int)i, 43);
        memcpy(w.input + 39, "\0\0\0\0door", 8);
        posw_mine_threads_work(m, &w);
        wait_for(r, i + 1);
        posw_hash mix;
        assert_memory_equal(r->finds[i].nonce + 4, "door", 4);
        memcpy(w.input + 39, r->finds[i].nonce, 8);
        assert_true(keccak()->hash(NULL, &mix, &w.key, w.input));
        assert_true(posw_hash_equal(&mix, &r->finds[i].mix));
        assert_true(posw_load_le64(mix.b + 24) < UINT64_MAX / 3000);
    }
    posw_mine_threads_free(m);
}

static uint64_t cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Of two threads that rest four fifths of their time, together at most two fifths of a processor (and some for what
 * they do beside); a busy machine makes it less. Other work, and the end, do not wait for the rest. */
static void throttled_threads_rest(void **state) {
    results *r = *state;
    posw_mine_threads *m = start(2, keccak(), r);
    posw_mine_threads_throttle(m, 80);
    const posw_work w = impossible(1);
    const uint64_t began = clock_ms(), cpu = cpu_ms();
    posw_mine_threads_work(m, &w);
    rest_ms(500);
    const uint64_t wall_spent = clock_ms() - began, cpu_spent = cpu_ms() - cpu;
    assert_true(posw_mine_threads_hashes(m) > 0);
    if (cpu_spent > wall_spent * 7 / 10) fail_msg("%u of %u ms", (unsigned)cpu_spent, (unsigned)wall_spent);
    const posw_work other = easy(2);
    posw_mine_threads_work(m, &other);
    wait_for(r, 1);
    assert_int_equal(r->finds[0].id, 2);
    posw_mine_threads_free(m);
}

/* The quick look at the top word must not refuse what is good: a target of a few bits is met about as often as it
 * should be. */
static void no_good_nonce_is_passed_over(void **state) {
    results *r = *state;
    posw_mine_threads *m = start(1, keccak(), r);
    enum { WORKS = 400, DIFFICULTY = 64 };
    for (uint64_t i = 0; i < WORKS; i++) {
        const posw_work w = work_of(i + 1, posw_u256_from_u64(DIFFICULTY), 1);
        posw_mine_threads_work(m, &w);
        wait_for(r, i + 1);
    }
    const uint64_t hashes = posw_mine_threads_hashes(m);
    posw_mine_threads_free(m);
    /* mean 25,600, deviation 1,280: six of them on either side */
    assert_in_range(hashes, WORKS * DIFFICULTY - 6 * 1280, WORKS * DIFFICULTY + 6 * 1280);
}

static void one_find_for_each_work(void **state) {
    results *r = *state;
    posw_mine_threads *m = start(4, keccak(), r);
    for (uint64_t i = 0; i < 300; i++) {
        const posw_work w = easy(i + 1);
        posw_mine_threads_work(m, &w);
        wait_for(r, i + 1);
    }
    rest_ms(20);
    assert_int_equal(count_of(r), 300);
    for (uint64_t i = 0; i < 300; i++)
        assert_int_equal(r->finds[i].id, i + 1);
    posw_mine_threads_free(m);
    assert_int_equal(r->count, 300);
}

static void new_work_drops_the_old(void **state) {
    results *r = *state;
    posw_mine_threads *m = start(2, keccak(), r);
    for (uint64_t i = 0; i < 50; i++) {
        const posw_work old = impossible(1000 + i), w = easy(i);
        posw_mine_threads_work(m, &old);
        if (i % 2 == 0) rest_ms(1);
        posw_mine_threads_work(m, &w);
        wait_for(r, i + 1);
        assert_int_equal(r->finds[i].id, i);
    }
    posw_mine_threads_free(m);
}

static void no_work_is_rest(void **state) {
    results *r = *state;
    posw_mine_threads *m = start(2, keccak(), r);
    rest_ms(10);
    assert_int_equal(posw_mine_threads_hashes(m), 0);
    const posw_work w = impossible(1);
    posw_mine_threads_work(m, &w);
    while (posw_mine_threads_hashes(m) < 1000)
        rest_ms(1);
    posw_mine_threads_work(m, NULL);
    rest_ms(50); /* the hashes that were under way */
    const uint64_t before = posw_mine_threads_hashes(m);
    rest_ms(50);
    assert_int_equal(posw_mine_threads_hashes(m), before);
    const posw_work again = easy(2);
    posw_mine_threads_work(m, &again);
    wait_for(r, 1);
    assert_int_equal(r->finds[0].id, 2);
    posw_mine_threads_free(m);
}

/* ---- ending ---- */

static bool slow_hash(void *scratch, posw_hash *out, const posw_hash *key, const uint8_t input[POSW_POW_INPUT_SIZE]) {
    (void)scratch, (void)key, (void)input;
    memset(out->b, 0xff, sizeof out->b);
    rest_ms(5);
    return true;
}

static void ends_within_a_hash(void **state) {
    const posw_pow slow = {.name = "slow", .hash = slow_hash};
    const posw_work w = impossible(1);
    for (unsigned threads = 1; threads <= 8; threads *= 2) {
        posw_mine_threads *m = start(threads, &slow, *state);
        posw_mine_threads_work(m, &w);
        rest_ms(12);
        const uint64_t begin = clock_ms();
        posw_mine_threads_free(m);
        assert_true(clock_ms() - begin < 500);
    }
    for (int i = 0; i < 20; i++) { /* at once, idle, and with work that was just given */
        posw_mine_threads *m = start(3, keccak(), *state);
        if (i % 2 == 0) posw_mine_threads_work(m, &w);
        posw_mine_threads_free(m);
    }
    posw_mine_threads_free(NULL);
    assert_int_equal(count_of(*state), 0);
}

static void thread_counts(void **state) {
    posw_mine_threads *m = NULL;
    assert_int_equal(posw_mine_threads_new(&m, 0, keccak(), on_found, *state), POSW_EINVAL);
    assert_int_equal(posw_mine_threads_new(&m, 257, keccak(), on_found, *state), POSW_EINVAL);
    assert_null(m);
}

/* ---- engines ---- */

static _Atomic int scratches, scratches_made;

static void *counted_new(void) {
    scratches++;
    scratches_made++;
    return malloc(1);
}

static void counted_free(void *scratch) {
    scratches--;
    free(scratch);
}

static bool counted_hash(void *scratch, posw_hash *out, const posw_hash *key,
                         const uint8_t input[POSW_POW_INPUT_SIZE]) {
    return scratch != NULL && keccak()->hash(NULL, out, key, input);
}

static void each_thread_has_its_scratch(void **state) {
    const posw_pow counted = {"counted", counted_hash, counted_new, counted_free};
    results *r = *state;
    posw_mine_threads *m = start(3, &counted, r);
    for (uint64_t i = 0; i < 20; i++) {
        const posw_work w = easy(i);
        posw_mine_threads_work(m, &w);
        wait_for(r, i + 1);
    }
    posw_mine_threads_free(m);
    assert_int_equal(scratches, 0);
    assert_int_equal(scratches_made, 3);
}

static _Atomic bool broken;

static bool broken_hash(void *scratch, posw_hash *out, const posw_hash *key, const uint8_t input[POSW_POW_INPUT_SIZE]) {
    return !broken && keccak()->hash(scratch, out, key, input);
}

/* An engine without memory finds nothing, and is asked again with the next work. */
static void an_engine_that_fails(void **state) {
    const posw_pow pow = {.name = "broken", .hash = broken_hash};
    results *r = *state;
    posw_mine_threads *m = start(2, &pow, r);
    broken = true;
    posw_work w = easy(1);
    posw_mine_threads_work(m, &w);
    rest_ms(20);
    assert_int_equal(count_of(r), 0);
    broken = false;
    w = easy(2);
    posw_mine_threads_work(m, &w);
    wait_for(r, 1);
    assert_int_equal(r->finds[0].id, 2);
    posw_mine_threads_free(m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(finds_are_right),        TEST(half_a_nonce_leaves_the_other_half),
        TEST(throttled_threads_rest), TEST(no_good_nonce_is_passed_over),
        TEST(one_find_for_each_work), TEST(new_work_drops_the_old),
        TEST(no_work_is_rest),        TEST(ends_within_a_hash),
        TEST(thread_counts),          TEST(each_thread_has_its_scratch),
        TEST(an_engine_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
