#include "parallel.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 256, SHOW_EVERY_MS = 200 };

static volatile sig_atomic_t stopping;
/* This thread runs a task already: what a task starts in turn it does by itself, without a word. */
static _Thread_local bool inside;

typedef struct {
    const lab_parallel *p;
    atomic_size_t next, finished;
} crew;

static void on_interrupt(int number) {
    (void)number;
    stopping = 1;
    /* the second one finds the default action */
    (void)signal(SIGINT, SIG_DFL);
}

bool lab_stopping(void) {
    return stopping != 0;
}

unsigned lab_processors(void) {
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (unsigned)n;
}

static void *work(void *arg) {
    crew *c = arg;
    const bool before = inside;
    inside = true;
    while (!lab_stopping()) {
        const size_t task = atomic_fetch_add(&c->next, 1);
        if (task >= c->p->tasks) break;
        c->p->run(c->p->arg, task);
        if (c->p->done != NULL) c->p->done[task] = true;
        atomic_fetch_add(&c->finished, 1);
    }
    inside = before;
    return NULL;
}

static void show(const lab_parallel *p, size_t finished) {
    const uint64_t unit = p->unit_count == 0 ? 1 : p->unit_count;
    fprintf(stderr, "\r%3u %%  %" PRIu64 " of %" PRIu64 " %s ", (unsigned)(finished * 100 / p->tasks), finished * unit,
            p->tasks * unit, p->what);
    fflush(stderr);
}

/* Shows how far the work is until it is at its end. */
static void watch(crew *c) {
    const struct timespec pause = {0, SHOW_EVERY_MS * 1000000L};
    size_t finished;
    while (!lab_stopping() && (finished = atomic_load(&c->finished)) < c->p->tasks) {
        nanosleep(&pause, NULL);
        show(c->p, finished);
    }
    fputs("\r\033[K", stderr);
}

size_t lab_parallel_run(const lab_parallel *p) {
    pthread_t threads[THREADS_MAX];
    unsigned wanted = p->threads == 0 ? lab_processors() : p->threads, started = 0;
    crew c = {.p = p};
    struct sigaction action, before;
    if (inside) {
        if (p->done != NULL) memset(p->done, 0, p->tasks * sizeof *p->done);
        work(&c);
        return atomic_load(&c.finished);
    }
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    sigaction(SIGINT, &action, &before);
    if (p->done != NULL) memset(p->done, 0, p->tasks * sizeof *p->done);
    if (wanted > THREADS_MAX) wanted = THREADS_MAX;
    if (wanted > p->tasks) wanted = (unsigned)p->tasks;
    const bool shown = p->what != NULL && isatty(STDERR_FILENO);
    /* this thread works too, unless it shows the progress */
    while (started + !shown < wanted && pthread_create(&threads[started], NULL, work, &c) == 0)
        started++;
    if (shown && started > 0)
        watch(&c);
    else
        work(&c);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    sigaction(SIGINT, &before, NULL);
    return atomic_load(&c.finished);
}
