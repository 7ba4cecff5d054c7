/* The threads that run the node's jobs (node/job.h), each with its own room for the proof of work. */
#ifndef POSW_IO_WORKERS_H
#define POSW_IO_WORKERS_H

#include "node/job.h"

#include "base/error.h"
#include "base/metrics.h"

typedef struct posw_workers posw_workers;

/* Jobs that are under way, in all. Who makes jobs bounds them far below. */
enum { POSW_WORKERS_JOBS_MAX = 4096 };

/* threads: 1 to 256, started when needed. pow: borrowed. wake(arg): on a worker's thread, when a job is done; must not
 * call the workers. POSW_ENOMEM. */
int posw_workers_new(posw_workers **out, unsigned threads, const posw_pow *pow, void (*wake)(void *arg), void *arg);
/* First come, first run, but for shares, which go before all others. Takes the job over; more than
 * POSW_WORKERS_JOBS_MAX are a bug. */
void posw_workers_push(posw_workers *w, posw_job *job);
/* The next job that is done, in the order in which they were; NULL: none. Owned by the caller. */
posw_job *posw_workers_take(posw_workers *w);
/* How long each proof of work took that was computed for a job which was taken: microseconds, posw_histogram_times. */
const posw_histogram *posw_workers_proof_times(const posw_workers *w);
/* Drops all jobs. Proofs of work are given up within one hash; another job that takes longer than half a second is left
 * to its thread. NULL allowed. */
void posw_workers_free(posw_workers *w);

#endif
