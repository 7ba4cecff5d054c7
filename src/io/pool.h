/* Threads for work that must not hold up the loop: tasks go in first come first served, and come out done, in the order
 * in which they were finished. Threads are started when they are needed. */
#ifndef POSW_IO_POOL_H
#define POSW_IO_POOL_H

#include "base/error.h"

#include <stdatomic.h>

typedef struct posw_pool posw_pool;

typedef struct {
    unsigned threads_max; /* 1 to 256 */
    unsigned tasks_max;   /* pushed and not taken back */
    /* On one of the threads. *local: that thread's own, NULL at first. *ending: nobody waits for the result any more.
     */
    void (*run)(void *task, void **local, const atomic_bool *ending);
    void (*local_free)(void *local); /* may be NULL */
    void (*drop)(void *task);        /* frees a task that nobody takes back */
    void (*wake)(void *arg);         /* on one of the threads: there is something to take. Must not call the pool. */
    void *arg;
    unsigned linger_ms; /* how long posw_pool_free waits for tasks that are running */
} posw_pool_options;

/* POSW_ENOMEM: also when no thread can be started. */
int posw_pool_new(posw_pool **out, const posw_pool_options *o);
/* Takes the task over; false: tasks_max are there already. */
bool posw_pool_push(posw_pool *p, void *task);
/* The same, for one that goes before all that are not urgent. */
bool posw_pool_push_urgent(posw_pool *p, void *task);
/* The next task that is done, NULL: none. Owned by the caller. */
void *posw_pool_take(posw_pool *p);
/* Tasks that were pushed and not taken back. */
unsigned posw_pool_tasks(posw_pool *p);
/* Drops what waits and what is done. wake is not called after that. A task that is still running after linger_ms is
 * left to its thread, which drops it; true: there is none. NULL allowed. */
bool posw_pool_free(posw_pool *p);

#endif
