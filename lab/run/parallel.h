/* Many independent tasks on several threads, with the same answer for any number of them: a task reads and writes what
 * belongs to its number alone, draws from lab_random_of(seed, number), and results are added up in the order of the
 * numbers, after the end.
 *
 * Progress is shown on stderr when that is a terminal. Ctrl-C (SIGINT) ends the run after the tasks in work: what is
 * done is kept. */
#ifndef POSW_LAB_PARALLEL_H
#define POSW_LAB_PARALLEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    size_t tasks;
    unsigned threads;    /* 0: one for each processor */
    const char *what;    /* shown beside the progress: "blocks"; NULL: no progress is shown */
    uint64_t unit_count; /* of `what` in one task; 0: tasks are counted */
    /* Does one task. On any thread, each number once. */
    void (*run)(void *arg, size_t task);
    void *arg;
    bool *done; /* tasks entries, owned by the caller: set for those that ran; NULL allowed */
} lab_parallel;

/* A task may run others in turn: they run on its own thread, one after the other, and show no progress.
 * Returns how many tasks were done: all of them unless it was interrupted. A second Ctrl-C ends the program. */
size_t lab_parallel_run(const lab_parallel *p);
/* True after Ctrl-C: long tasks may look at it and end early, if they know how to keep what they have. */
bool lab_stopping(void);
unsigned lab_processors(void);

#endif
