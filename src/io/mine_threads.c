#include "io/mine_threads.h"

#include "base/bytes.h"
#include "io/runner.h"
#include "posw/u256.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NONCE_OFFSET = POSW_POW_INPUT_SIZE - 8, BUSY_NS = 10 * 1000 * 1000 /* between two rests, at least */ };

/* Each searcher starts its nonces at a random place of its own, so that machines of one identity do not repeat each
 * other. */
typedef struct {
    pthread_t thread;
    posw_mine_threads *owner;
    _Atomic uint64_t hashes; /* written by its thread only */
    uint8_t apart[64];       /* from the counter of the next: no cache line is shared */
} searcher;

struct posw_mine_threads {
    const posw_pow *pow;
    void (*found)(void *arg, uint64_t work_id, const uint8_t nonce[8], const posw_hash *mix);
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    posw_work work;              /* under lock */
    bool has_work, ending;       /* under lock */
    _Atomic uint64_t generation; /* changes with every new work; read without the lock between hashes */
    _Atomic unsigned throttle;
    searcher *searchers;
    unsigned count;
};

/* Waits for work that is newer than `seen`; false: the end. */
static bool next_work(posw_mine_threads *m, posw_work *work, uint64_t *seen) {
    pthread_mutex_lock(&m->lock);
    while (!m->ending && (!m->has_work || atomic_load(&m->generation) == *seen))
        pthread_cond_wait(&m->changed, &m->lock);
    bool go_on = !m->ending;
    *work = m->work;
    *seen = atomic_load(&m->generation);
    pthread_mutex_unlock(&m->lock);
    return go_on;
}

/* Reports a find once: whoever is first takes the work away from the others. */
static void report(posw_mine_threads *m, uint64_t generation, const posw_work *work, const uint8_t nonce[8],
                   const posw_hash *mix) {
    pthread_mutex_lock(&m->lock);
    bool first = m->has_work && !m->ending && atomic_load(&m->generation) == generation;
    if (first) {
        m->has_work = false;
        atomic_fetch_add(&m->generation, 1);
    }
    pthread_mutex_unlock(&m->lock);
    if (first) m->found(m->arg, work->id, nonce, mix);
}

/* With half a nonce the difficulty is not known: what is asked for is a hash below the target. */
static bool is_good(const posw_work *work, const posw_hash *mix) {
    const posw_u256 h = posw_u256_from_le(mix->b);
    if (work->half_nonce) return posw_u256_cmp(&h, &work->target) < 0;
    return posw_seal_meets(mix, &work->difficulty, &work->weight);
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Sleeps in proportion to the time since *began, once that is worth it; with other work, or at the end, no longer than
 * that is there. */
static void rest(posw_mine_threads *m, uint64_t *began, uint64_t generation) {
    const unsigned percent = atomic_load_explicit(&m->throttle, memory_order_relaxed);
    if (percent == 0) return;
    const uint64_t now = now_ns();
    if (now - *began < BUSY_NS) return;
    const uint64_t until = now + (now - *began) * percent / (100 - percent);
    const struct timespec end = {.tv_sec = (time_t)(until / 1000000000u), .tv_nsec = (long)(until % 1000000000u)};
    pthread_mutex_lock(&m->lock);
    while (!m->ending && atomic_load(&m->generation) == generation)
        if (pthread_cond_timedwait(&m->changed, &m->lock, &end) != 0) break;
    pthread_mutex_unlock(&m->lock);
    *began = now_ns();
}

/* Threads that share half a nonce have a part of it each, so that they do not repeat each other. */
static uint64_t first_nonce(const searcher *s, const posw_work *work) {
    const posw_mine_threads *m = s->owner;
    uint64_t nonce;
    posw_random_bytes(&nonce, sizeof nonce);
    if (!work->half_nonce) return nonce;
    const uint64_t part = (UINT64_C(1) << 32) / m->count, index = (uint64_t)(s - m->searchers);
    return index * part + nonce % (part / 2);
}

static void search(searcher *s, void *scratch, const posw_work *work, uint64_t generation) {
    posw_mine_threads *m = s->owner;
    uint8_t input[POSW_POW_INPUT_SIZE], nonce_bytes[8];
    const size_t searched = work->half_nonce ? 4 : 8;
    uint64_t began = now_ns();
    posw_hash mix;
    memcpy(input, work->input, sizeof input);
    memcpy(nonce_bytes, input + NONCE_OFFSET, sizeof nonce_bytes);
    for (uint64_t nonce = first_nonce(s, work);
         atomic_load_explicit(&m->generation, memory_order_relaxed) == generation; nonce++) {
        uint8_t counter[8];
        posw_store_le64(counter, nonce);
        memcpy(nonce_bytes, counter, searched);
        memcpy(input + NONCE_OFFSET, counter, searched);
        rest(m, &began, generation);
        if (!m->pow->hash(scratch, &mix, &work->key, input)) return;
        atomic_store_explicit(&s->hashes, atomic_load_explicit(&s->hashes, memory_order_relaxed) + 1,
                              memory_order_relaxed);
        /* The top word says no to nearly all, and costs nothing. */
        if (posw_load_le64(mix.b + 24) > work->target.w[3] || !is_good(work, &mix)) continue;
        report(m, generation, work, nonce_bytes, &mix);
        return;
    }
}

static void *searcher_main(void *arg) {
    searcher *s = arg;
    posw_mine_threads *m = s->owner;
    void *scratch = m->pow->scratch_new ? m->pow->scratch_new() : NULL;
    posw_work work;
    uint64_t seen = 0;
    while (next_work(m, &work, &seen))
        search(s, scratch, &work, seen);
    if (scratch != NULL) m->pow->scratch_free(scratch);
    return NULL;
}

static void end_threads(posw_mine_threads *m) {
    pthread_mutex_lock(&m->lock);
    m->ending = true;
    atomic_fetch_add(&m->generation, 1);
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
    for (unsigned i = 0; i < m->count; i++)
        pthread_join(m->searchers[i].thread, NULL);
}

static void release(posw_mine_threads *m) {
    pthread_cond_destroy(&m->changed);
    pthread_mutex_destroy(&m->lock);
    posw_wipe(&m->work, sizeof m->work);
    free(m->searchers);
    free(m);
}

int posw_mine_threads_new(posw_mine_threads **out, unsigned threads, const posw_pow *pow,
                          void (*found)(void *arg, uint64_t work_id, const uint8_t nonce[8], const posw_hash *mix),
                          void *arg) {
    if (threads == 0 || threads > 256) return POSW_EINVAL;
    posw_mine_threads *m = calloc(1, sizeof *m);
    if (m == NULL) return POSW_ENOMEM;
    m->searchers = calloc(threads, sizeof *m->searchers);
    m->pow = pow;
    m->found = found;
    m->arg = arg;
    m->count = threads;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (m->searchers == NULL) {
        release(m);
        return POSW_ENOMEM;
    }
    for (unsigned i = 0; i < threads; i++) {
        searcher *s = &m->searchers[i];
        s->owner = m;
        if (pthread_create(&s->thread, NULL, searcher_main, s) != 0) {
            m->count = i;
            end_threads(m);
            release(m);
            return POSW_ENOMEM;
        }
    }
    *out = m;
    return POSW_OK;
}

void posw_mine_threads_throttle(posw_mine_threads *m, unsigned percent) {
    POSW_ASSERT(percent <= 90);
    atomic_store(&m->throttle, percent);
}

void posw_mine_threads_work(posw_mine_threads *m, const posw_work *work) {
    pthread_mutex_lock(&m->lock);
    m->has_work = work != NULL;
    if (work != NULL) m->work = *work;
    atomic_fetch_add(&m->generation, 1);
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
}

uint64_t posw_mine_threads_hashes(const posw_mine_threads *m) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < m->count; i++)
        sum += atomic_load_explicit(&m->searchers[i].hashes, memory_order_relaxed);
    return sum;
}

void posw_mine_threads_free(posw_mine_threads *m) {
    if (m == NULL) return;
    end_threads(m);
    release(m);
}
