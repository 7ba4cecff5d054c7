/* The threads behind the loop: the pool's order, bounds and end; the workers' jobs; the resolver's names. */
#include "base/test.h"
#include "io/pool.h"
#include "io/resolver.h"
#include "io/runner.h"
#include "io/workers.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

enum { MANY = 500, GATED = 254 /* instead of a time to rest: until the gate is open */ };

typedef struct {
    unsigned number, rest_ms;
    pthread_t thread;
    bool was_ending;
} task;

static atomic_uint wakes, runs, drops, locals_freed, now_running, most_running;
static atomic_bool gate_open; /* closed: tasks with rest_ms 0 wait */

static void rest(unsigned ms) {
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

static uint64_t clock_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void run(void *arg, void **local, const atomic_bool *ending) {
    task *t = arg;
    const unsigned n = ++now_running;
    unsigned most = most_running;
    while (n > most && !atomic_compare_exchange_weak(&most_running, &most, n)) {
    }
    if (*local == NULL) *local = calloc(1, 1);
    if (t->rest_ms > 0)
        rest(t->rest_ms);
    else
        while (!gate_open && !*ending)
            rest(1);
    t->was_ending = *ending;
    t->thread = pthread_self();
    now_running--;
    runs++;
}

static void local_free(void *local) {
    free(local);
    locals_freed++;
}

static void drop(void *arg) {
    free(arg);
    drops++;
}

static void wake(void *arg) {
    (void)arg;
    wakes++;
}

static posw_pool *pool_of(unsigned threads, unsigned tasks, unsigned linger_ms) {
    const posw_pool_options o = {.threads_max = threads,
                                 .tasks_max = tasks,
                                 .run = run,
                                 .local_free = local_free,
                                 .drop = drop,
                                 .wake = wake,
                                 .linger_ms = linger_ms};
    posw_pool *p;
    wakes = runs = drops = locals_freed = now_running = most_running = 0;
    gate_open = true;
    assert_int_equal(posw_pool_new(&p, &o), POSW_OK);
    return p;
}

static task *make(unsigned number, unsigned rest_ms) {
    task *t = calloc(1, sizeof *t);
    t->number = number;
    t->rest_ms = rest_ms;
    return t;
}

static task *wait_for(posw_pool *p) {
    const uint64_t begin = clock_ms();
    for (task *t; clock_ms() - begin < 20000; rest(1))
        if ((t = posw_pool_take(p)) != NULL) return t;
    fail_msg("nothing is done");
    return NULL;
}

static void one_thread_keeps_the_order(void **state) {
    (void)state;
    posw_pool *p = pool_of(1, MANY, 1000);
    assert_null(posw_pool_take(p));
    for (unsigned i = 0; i < MANY; i++)
        assert_true(posw_pool_push(p, make(i, 0)));
    for (unsigned i = 0; i < MANY; i++) {
        task *t = wait_for(p);
        assert_int_equal(t->number, i);
        free(t);
    }
    assert_int_equal(wakes, MANY);
    assert_int_equal(posw_pool_tasks(p), 0);
    assert_true(posw_pool_free(p));
    assert_int_equal(locals_freed, 1);
    assert_int_equal(drops, 0);
    assert_true(posw_pool_free(NULL));
}

/* What is done first comes out first, and no more threads run than allowed. */
static void several_threads(void **state) {
    (void)state;
    posw_pool *p = pool_of(3, MANY, 1000);
    assert_true(posw_pool_push(p, make(0, 200)));
    assert_true(posw_pool_push(p, make(1, 100)));
    assert_true(posw_pool_push(p, make(2, 1)));
    for (unsigned i = 3; i > 0; i--) {
        task *t = wait_for(p);
        assert_int_equal(t->number, i - 1);
        free(t);
    }
    bool seen[MANY] = {false};
    for (unsigned i = 0; i < MANY; i++)
        assert_true(posw_pool_push(p, make(i, 1)));
    for (unsigned i = 0; i < MANY; i++) {
        task *t = wait_for(p);
        assert_false(seen[t->number]);
        seen[t->number] = true;
        free(t);
    }
    assert_int_equal(most_running, 3);
    assert_true(posw_pool_free(p));
    assert_int_equal(locals_freed, 3);
}

/* Waiting, running and done ones count until they are taken back. */
static void the_number_of_tasks_is_bounded(void **state) {
    (void)state;
    posw_pool *p = pool_of(2, 5, 1000);
    gate_open = false;
    for (unsigned i = 0; i < 5; i++)
        assert_true(posw_pool_push(p, make(i, 0)));
    task *more = make(9, 0);
    assert_false(posw_pool_push(p, more));
    gate_open = true;
    while (runs < 5)
        rest(1);
    assert_int_equal(posw_pool_tasks(p), 5);
    assert_false(posw_pool_push(p, more));
    free(wait_for(p));
    assert_true(posw_pool_push(p, more));
    assert_true(posw_pool_free(p));
    assert_int_equal(drops, 5);
}

/* The end: what waits never runs, what runs is told, and all is freed. */
static void the_end_drops_all(void **state) {
    (void)state;
    posw_pool *p = pool_of(2, MANY, 1000);
    gate_open = false;
    for (unsigned i = 0; i < MANY; i++)
        assert_true(posw_pool_push(p, make(i, 0)));
    while (now_running < 2)
        rest(1);
    assert_true(posw_pool_free(p));
    assert_int_equal(drops, MANY);
    assert_int_equal(runs, 2);
    assert_int_equal(wakes, 0);
}

/* A task that takes too long is left to its thread. */
static void the_end_does_not_wait_for_ever(void **state) {
    (void)state;
    posw_pool *p = pool_of(2, MANY, 50);
    assert_true(posw_pool_push(p, make(0, 400)));
    while (now_running < 1)
        rest(1);
    const uint64_t begin = clock_ms();
    assert_false(posw_pool_free(p));
    assert_true(clock_ms() - begin < 300);
    assert_int_equal(drops, 0);
    for (const uint64_t t = clock_ms(); drops < 1 && clock_ms() - t < 5000;)
        rest(1);
    assert_int_equal(drops, 1);
    assert_int_equal(wakes, 0);
    rest(20); /* and its thread frees the rest: a leak checker looks */
}

/* ---- jobs ---- */

static atomic_uint scratches;

static bool count_hash(void *scratch, posw_hash *out, const posw_hash *key, const uint8_t input[POSW_POW_INPUT_SIZE]) {
    assert_int_equal(*(const int *)scratch, 42);
    const uint8_t *seal_hash = input + 7; /* as posw_pow_input puts it */
    memset(out, key->b[0] ^ seal_hash[0], sizeof *out);
    if (seal_hash[1] == GATED)
        while (!gate_open)
            rest(1);
    else if (seal_hash[1] != 0)
        rest(seal_hash[1]);
    return true;
}

static void *scratch_new(void) {
    int *s = malloc(sizeof *s);
    *s = 42;
    scratches++;
    return s;
}

static void scratch_free(void *s) {
    free(s);
    scratches--;
}

static const posw_pow counting = {
    .name = "counting", .hash = count_hash, .scratch_new = scratch_new, .scratch_free = scratch_free};

static posw_job *pow_job(unsigned id, size_t items, size_t good, uint8_t rest_each) {
    posw_job *job = posw_job_new(POSW_JOB_POW, POSW_JOB_POW_MAX);
    job->id = id;
    job->item_count = items;
    for (size_t i = 0; i < items; i++) {
        job->items[i] = (posw_job_pow){.key = {{0}}};
        job->items[i].seal_hash.b[0] = (uint8_t)i;
        job->items[i].seal_hash.b[1] = rest_each;
        job->items[i].key.b[0] = 7;
        memset(&job->items[i].claimed, (int)(7 ^ i), sizeof(posw_hash));
        if (i == good) job->items[i].claimed.b[5] ^= 1;
    }
    return job;
}

static posw_job *wait_for_job(posw_workers *w) {
    const uint64_t begin = clock_ms();
    for (posw_job *j; clock_ms() - begin < 20000; rest(1))
        if ((j = posw_workers_take(w)) != NULL) return j;
    fail_msg("no job is done");
    return NULL;
}

static void jobs_are_run(void **state) {
    (void)state;
    posw_workers *w;
    wakes = 0;
    assert_int_equal(posw_workers_new(&w, 2, &counting, wake, NULL), POSW_OK);
    for (unsigned i = 0; i < 200; i++)
        posw_workers_push(w, pow_job(i, POSW_JOB_POW_MAX, i % (POSW_JOB_POW_MAX + 1), 0));
    posw_job *broken = posw_job_new(POSW_JOB_PREPARE, 0);
    broken->id = 200;
    posw_buf_text(&broken->bytes, "no block");
    posw_workers_push(w, broken);
    for (unsigned i = 0; i <= 200; i++) {
        posw_job *job = wait_for_job(w);
        assert_int_equal(job->result, POSW_OK);
        if (job->id < 200)
            assert_int_equal(job->good, job->id % (POSW_JOB_POW_MAX + 1));
        else
            assert_int_not_equal(job->prepared->verdict.kind, POSW_VALID);
        posw_job_free(job);
    }
    assert_true(wakes == 201);
    /* each hash was timed once: as many as were right, and the first wrong one */
    uint64_t proofs = 0, hashed = 0;
    for (unsigned i = 0; i < 200; i++)
        hashed += i % (POSW_JOB_POW_MAX + 1) < POSW_JOB_POW_MAX ? i % (POSW_JOB_POW_MAX + 1) + 1 : POSW_JOB_POW_MAX;
    for (size_t i = 0; i <= POSW_HISTOGRAM_BOUNDS_MAX; i++)
        proofs += posw_workers_proof_times(w)->buckets[i];
    assert_int_equal(proofs, hashed);
    assert_in_range(scratches, 1, 2);
    posw_workers_free(w);
    assert_int_equal(scratches, 0);
    posw_workers_free(NULL);
}

/* What a miner has found waits for no header that somebody sends: those that are urgent go first, in their order. */
static void shares_go_first(void **state) {
    (void)state;
    enum { HEADERS = 20, SHARES = 3 };
    posw_workers *w;
    assert_int_equal(posw_workers_new(&w, 1, &counting, wake, NULL), POSW_OK);
    gate_open = false;
    posw_workers_push(w, pow_job(0, 1, 1, GATED)); /* while it waits, the others do */
    for (unsigned i = 1; i < HEADERS; i++)
        posw_workers_push(w, pow_job(i, 1, 1, 0));
    for (unsigned i = 0; i < SHARES; i++) {
        posw_job *share = pow_job(HEADERS + i, 1, 1, 0);
        share->type = POSW_JOB_SHARE;
        posw_workers_push(w, share);
    }
    gate_open = true;
    uint64_t place[HEADERS + SHARES];
    for (unsigned i = 0; i < HEADERS + SHARES; i++) {
        posw_job *job = wait_for_job(w);
        assert_int_equal(job->good, 1);
        place[job->id] = i;
        posw_job_free(job);
    }
    for (unsigned i = 1; i < HEADERS + SHARES; i++)
        if (i != HEADERS) assert_true(place[i - 1] < place[i]);
    assert_true(place[HEADERS + SHARES - 1] < place[1]);
    posw_workers_free(w);
}

/* A job of many slow hashes is given up between two of them. */
static void a_long_job_is_given_up(void **state) {
    (void)state;
    posw_workers *w;
    assert_int_equal(posw_workers_new(&w, 2, &counting, wake, NULL), POSW_OK);
    for (unsigned i = 0; i < 10; i++)
        posw_workers_push(w, pow_job(i, POSW_JOB_POW_MAX, POSW_JOB_POW_MAX, 50));
    rest(20);
    const uint64_t begin = clock_ms();
    posw_workers_free(w);
    assert_true(clock_ms() - begin < 400);
    assert_int_equal(scratches, 0);
}

static void too_many_jobs(void *arg) {
    posw_workers *w;
    (void)arg;
    if (posw_workers_new(&w, 1, &counting, wake, NULL) != POSW_OK) return;
    for (unsigned i = 0; i <= POSW_WORKERS_JOBS_MAX; i++)
        posw_workers_push(w, pow_job(i, 1, 1, 255));
}

static void more_jobs_than_anybody_makes_are_a_bug(void **state) {
    (void)state;
    assert_true(test_aborts(too_many_jobs, NULL));
}

/* ---- names ---- */

static posw_resolved *resolve(posw_resolver *r, const char *name) {
    const uint64_t begin = clock_ms();
    assert_int_equal(posw_resolver_ask(r, (posw_bytes){(const uint8_t *)name, strlen(name)}, 30301), POSW_OK);
    for (posw_resolved *x; clock_ms() - begin < 60000; rest(1))
        if ((x = posw_resolver_take(r)) != NULL) return x;
    fail_msg("no answer for %s", name);
    return NULL;
}

static void names_are_resolved(void **state) {
    (void)state;
    posw_resolver *r;
    posw_netaddr expected;
    assert_int_equal(posw_resolver_new(&r, wake, NULL), POSW_OK);
    static const char *const texts[] = {"192.0.2.7", "2001:db8::7"};
    for (size_t i = 0; i < 2; i++) {
        posw_resolved *x = resolve(r, texts[i]);
        assert_string_equal(x->name, texts[i]);
        assert_int_equal(x->count, 1);
        assert_true(posw_netaddr_parse(&expected, i == 0 ? "192.0.2.7:30301" : "[2001:db8::7]:30301", 0));
        assert_true(posw_netaddr_equal(&x->addresses[0], &expected));
        free(x);
    }
    posw_resolved *x = resolve(r, "localhost");
    assert_true(x->count >= 1);
    for (size_t i = 0; i < x->count; i++)
        assert_true(posw_netaddr_is_loopback(&x->addresses[i]));
    free(x);
    x = resolve(r, "no such name");
    assert_int_equal(x->count, 0);
    free(x);
    posw_resolver_free(r);
}

static void names_that_are_none(void **state) {
    (void)state;
    posw_resolver *r;
    uint8_t name[POSW_RESOLVER_NAME_MAX + 1];
    assert_int_equal(posw_resolver_new(&r, wake, NULL), POSW_OK);
    memset(name, 'a', sizeof name);
    assert_int_equal(posw_resolver_ask(r, (posw_bytes){name, sizeof name}, 1), POSW_EINVAL);
    assert_int_equal(posw_resolver_ask(r, (posw_bytes){name, 0}, 1), POSW_EINVAL);
    name[3] = 0;
    assert_int_equal(posw_resolver_ask(r, (posw_bytes){name, 10}, 1), POSW_EINVAL);
    int err = POSW_OK;
    for (int i = 0; i < POSW_RESOLVER_NAMES_MAX; i++)
        assert_int_equal(posw_resolver_ask(r, (posw_bytes){(const uint8_t *)"127.0.0.1", 9}, 1), POSW_OK);
    err = posw_resolver_ask(r, (posw_bytes){(const uint8_t *)"127.0.0.1", 9}, 1);
    assert_int_equal(err, POSW_EFULL);
    posw_resolver_free(r);
    rest(50); /* a thread may be on its way out */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_keeps_the_order),
        cmocka_unit_test(several_threads),
        cmocka_unit_test(the_number_of_tasks_is_bounded),
        cmocka_unit_test(the_end_drops_all),
        cmocka_unit_test(the_end_does_not_wait_for_ever),
        cmocka_unit_test(jobs_are_run),
        cmocka_unit_test(shares_go_first),
        cmocka_unit_test(a_long_job_is_given_up),
        cmocka_unit_test(more_jobs_than_anybody_makes_are_a_bug),
        cmocka_unit_test(names_are_resolved),
        cmocka_unit_test(names_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
