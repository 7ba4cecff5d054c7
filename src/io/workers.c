#include "io/workers.h"

#include "io/pool.h"
#include "io/runner.h"

#include <stdlib.h>

struct posw_workers {
    posw_pool *pool;
    const posw_pow *engine;
    posw_histogram proofs_us; /* of the thread that takes */
};

/* A thread's own. The engine that jobs see asks between hashes whether anybody waits for them still. */
typedef struct {
    const posw_pow *engine;
    void *scratch;
    const atomic_bool *ending;
    posw_histogram *proofs_us; /* of the task that is run */
} hasher;

/* What is put into the pool, and comes out of it. */
typedef struct {
    posw_job *job;
    const posw_pow *engine;
    posw_histogram proofs_us;
} task;

static bool interruptible_hash(void *scratch, posw_hash *out, const posw_hash *key,
                               const uint8_t input[POSW_POW_INPUT_SIZE]) {
    hasher *h = scratch;
    if (atomic_load_explicit(h->ending, memory_order_relaxed)) return false;
    const uint64_t began_us = posw_clock_stopwatch_us();
    const bool hashed = h->engine->hash(h->scratch, out, key, input);
    posw_histogram_add(h->proofs_us, &posw_histogram_times, posw_clock_stopwatch_us() - began_us);
    return hashed;
}

static hasher *hasher_of(void **local, const posw_pow *engine, const atomic_bool *ending) {
    if (*local != NULL) return *local;
    hasher *h = calloc(1, sizeof *h);
    if (h == NULL) return NULL;
    *h = (hasher){.engine = engine, .ending = ending};
    if (engine != NULL && engine->scratch_new != NULL && (h->scratch = engine->scratch_new()) == NULL) {
        free(h);
        return NULL;
    }
    return *local = h;
}

static void run(void *arg, void **local, const atomic_bool *ending) {
    task *t = arg;
    hasher *h = hasher_of(local, t->engine, ending);
    if (h == NULL) {
        t->job->result = POSW_ENOMEM;
        return;
    }
    h->proofs_us = &t->proofs_us;
    const posw_pow pow = {.name = t->engine == NULL ? "" : t->engine->name, .hash = interruptible_hash};
    posw_job_run(t->job, t->engine == NULL ? NULL : &pow, h);
}

static void local_free(void *local) {
    hasher *h = local;
    if (h->scratch != NULL) h->engine->scratch_free(h->scratch);
    free(h);
}

static void drop(void *arg) {
    task *t = arg;
    posw_job_free(t->job);
    free(t);
}

int posw_workers_new(posw_workers **out, unsigned threads, const posw_pow *pow, void (*wake)(void *arg), void *arg) {
    posw_workers *w = calloc(1, sizeof *w);
    if (w == NULL) return POSW_ENOMEM;
    w->engine = pow;
    const posw_pool_options o = {.threads_max = threads,
                                 .tasks_max = POSW_WORKERS_JOBS_MAX,
                                 .run = run,
                                 .local_free = local_free,
                                 .drop = drop,
                                 .wake = wake,
                                 .arg = arg,
                                 .linger_ms = 500};
    int err = posw_pool_new(&w->pool, &o);
    if (err != POSW_OK) {
        free(w);
        return err;
    }
    *out = w;
    return POSW_OK;
}

void posw_workers_push(posw_workers *w, posw_job *job) {
    task *t = malloc(sizeof *t);
    POSW_ASSERT(t != NULL);
    *t = (task){.job = job, .engine = w->engine};
    /* a found block must not come too late because of a flood of headers; of shares there are few (stratum.h) */
    const bool urgent = job->type == POSW_JOB_SHARE;
    POSW_ASSERT(urgent ? posw_pool_push_urgent(w->pool, t) : posw_pool_push(w->pool, t));
}

posw_job *posw_workers_take(posw_workers *w) {
    task *t = posw_pool_take(w->pool);
    if (t == NULL) return NULL;
    posw_job *job = t->job;
    posw_histogram_merge(&w->proofs_us, &t->proofs_us);
    free(t);
    return job;
}

const posw_histogram *posw_workers_proof_times(const posw_workers *w) {
    return &w->proofs_us;
}

void posw_workers_free(posw_workers *w) {
    if (w == NULL) return;
    (void)posw_pool_free(w->pool);
    free(w);
}
