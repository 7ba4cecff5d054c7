#include "io/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* Pointers in a ring that was made large enough. */
typedef struct {
    void **items;
    unsigned first, count, capacity;
} ring;

struct posw_pool {
    posw_pool_options o;
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t work, gone;
    ring urgent, waiting, done;
    unsigned running, threads, idle;
    atomic_bool ending;
    bool abandoned; /* the owner has gone: the last thread frees */
};

static void ring_put(ring *r, void *item) {
    POSW_ASSERT(r->count < r->capacity);
    r->items[(r->first + r->count++) % r->capacity] = item;
}

static void *ring_take(ring *r) {
    if (r->count == 0) return NULL;
    void *item = r->items[r->first];
    r->first = (r->first + 1) % r->capacity;
    r->count--;
    return item;
}

static void release(posw_pool *p) {
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->gone);
    pthread_mutex_destroy(&p->lock);
    free(p->urgent.items);
    free(p->waiting.items);
    free(p->done.items);
    free(p);
}

static unsigned waiting(const posw_pool *p) {
    return p->urgent.count + p->waiting.count;
}

/* Holding the lock. NULL: the end. */
static void *next_task(posw_pool *p) {
    while (!p->ending && waiting(p) == 0) {
        p->idle++;
        pthread_cond_wait(&p->work, &p->lock);
        p->idle--;
    }
    return p->ending ? NULL : ring_take(p->urgent.count > 0 ? &p->urgent : &p->waiting);
}

/* Holding the lock, which is let go meanwhile. */
static void run_task(posw_pool *p, void *task, void **local) {
    p->running++;
    pthread_mutex_unlock(&p->lock);
    p->o.run(task, local, &p->ending);
    pthread_mutex_lock(&p->lock);
    p->running--;
    if (p->ending) {
        p->o.drop(task);
        return;
    }
    ring_put(&p->done, task);
    p->o.wake(p->o.arg); /* under the lock, so that it never comes after posw_pool_free */
}

static void *thread_main(void *arg) {
    posw_pool *p = arg;
    void *local = NULL, *task;
    pthread_mutex_lock(&p->lock);
    while ((task = next_task(p)) != NULL)
        run_task(p, task, &local);
    if (local != NULL && p->o.local_free != NULL) p->o.local_free(local);
    const bool last = --p->threads == 0 && p->abandoned;
    pthread_cond_signal(&p->gone);
    pthread_mutex_unlock(&p->lock);
    if (last) release(p);
    return NULL;
}

/* Holding the lock. */
static bool start_thread(posw_pool *p) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, thread_main, p) != 0) return false;
    (void)pthread_detach(thread);
    p->threads++;
    return true;
}

static bool ring_new(ring *r, unsigned capacity) {
    r->items = calloc(capacity, sizeof *r->items);
    r->capacity = capacity;
    return r->items != NULL;
}

int posw_pool_new(posw_pool **out, const posw_pool_options *o) {
    pthread_condattr_t clock;
    posw_pool *p = calloc(1, sizeof *p);
    POSW_ASSERT(o->threads_max >= 1 && o->threads_max <= 256 && o->tasks_max >= 1);
    if (p == NULL) return POSW_ENOMEM;
    p->o = *o;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->gone, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_lock(&p->lock);
    const bool good = ring_new(&p->urgent, o->tasks_max) && ring_new(&p->waiting, o->tasks_max) &&
                      ring_new(&p->done, o->tasks_max) && start_thread(p);
    pthread_mutex_unlock(&p->lock);
    if (!good) {
        release(p);
        return POSW_ENOMEM;
    }
    *out = p;
    return POSW_OK;
}

static bool push(posw_pool *p, ring *to, void *task) {
    pthread_mutex_lock(&p->lock);
    const bool room = waiting(p) + p->running + p->done.count < p->o.tasks_max;
    if (room) {
        ring_put(to, task);
        if (waiting(p) > p->idle && p->threads < p->o.threads_max)
            (void)start_thread(p); /* else those that are there do it */
        pthread_cond_signal(&p->work);
    }
    pthread_mutex_unlock(&p->lock);
    return room;
}

bool posw_pool_push(posw_pool *p, void *task) {
    return push(p, &p->waiting, task);
}

bool posw_pool_push_urgent(posw_pool *p, void *task) {
    return push(p, &p->urgent, task);
}

void *posw_pool_take(posw_pool *p) {
    pthread_mutex_lock(&p->lock);
    void *task = ring_take(&p->done);
    pthread_mutex_unlock(&p->lock);
    return task;
}

unsigned posw_pool_tasks(posw_pool *p) {
    pthread_mutex_lock(&p->lock);
    const unsigned n = waiting(p) + p->running + p->done.count;
    pthread_mutex_unlock(&p->lock);
    return n;
}

static struct timespec in_ms(unsigned ms) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

bool posw_pool_free(posw_pool *p) {
    void *task;
    if (p == NULL) return true;
    const struct timespec until = in_ms(p->o.linger_ms);
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->work);
    while ((task = ring_take(&p->urgent)) != NULL || (task = ring_take(&p->waiting)) != NULL ||
           (task = ring_take(&p->done)) != NULL)
        p->o.drop(task);
    while (p->threads > 0 && pthread_cond_timedwait(&p->gone, &p->lock, &until) != ETIMEDOUT) {
    }
    const bool all_gone = p->threads == 0;
    p->abandoned = true;
    pthread_mutex_unlock(&p->lock);
    if (all_gone) release(p);
    return all_gone;
}
