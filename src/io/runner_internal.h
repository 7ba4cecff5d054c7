/* What runner.c (life, actions), runner_journal.c (the mempool's journal), runner_miners.c (outside miners),
 * runner_network.c (peers, jobs, names), runner_notify.c (the service manager) and runner_signals.c share. */
#ifndef POSW_IO_RUNNER_INTERNAL_H
#define POSW_IO_RUNNER_INTERNAL_H

#include "base/buf.h"
#include "io/clock.h"
#include "io/dns_server.h"
#include "io/mine_threads.h"
#include "io/miners.h"
#include "io/notify.h"
#include "io/peers.h"
#include "io/portmap.h"
#include "io/resolver.h"
#include "io/runner.h"
#include "io/server.h"
#include "io/workers.h"

#include <pthread.h>
#include <signal.h>

enum { RUNNER_STATUS_SIZE = 256 };
enum { RUNNER_FOUND_MAX = 64 /* finds wait here for the loop; a find in excess is stale anyway */ };

typedef struct {
    uint64_t work_id;
    uint8_t nonce[8];
    posw_hash mix;
} found_seal;

typedef struct runner {
    posw_node *node;
    const posw_runner_options *o;
    const posw_log *log;
    posw_message *msg;
    int result;
    bool begun, stopping;
    uv_loop_t loop;
    uv_timer_t timer, rest_timer;
    unsigned files_max; /* open files that the system allows */
    posw_actions actions;
    posw_clock clock;
    posw_server *server, *metrics;
    /* finds of the searching threads */
    posw_mine_threads *threads;
    uv_async_t found_async;
    pthread_mutex_t found_lock;
    found_seal found[RUNNER_FOUND_MAX];
    size_t found_count;
    posw_notify notify;
    uv_timer_t status_timer, watchdog_timer;
    /* SIGINT and SIGTERM, and SIGHUP if it means something here, which no thread takes while the loop runs */
    uv_poll_t signal_poll;
    int signal_fd;
    sigset_t old_signals;
    /* the mempool's journal */
    int journal_fd;
    size_t journal_start, journal_bytes; /* when it was last written whole, and appended since */
    posw_buf journal_old;                /* of the last run, */
    size_t journal_read;                 /* and how much of it the pool has */
    uv_idle_t journal_idle;              /* brings the rest, piece by piece */
    posw_workers *workers;
    /* the network; NULL: none */
    posw_peers *peers;
    posw_resolver *resolver;
    posw_portmap *portmap;
    posw_dns_server *dns;
    uv_async_t network_async; /* jobs are done, or names resolved */
    posw_miners *miners;      /* outside ones; NULL: no door for them */
} runner;

/* ---- runner.c ---- */
/* One event into the node, and what it wants done. */
void runner_step(runner *r, posw_event *e);
void runner_stop(runner *r);

/* ---- runner_signals.c ---- */
/* From now on until the end of the program SIGINT and SIGTERM do not end it: they are asked for. False: out of files.
 */
bool runner_take_signals(runner *r);
/* Has one come? Then the runner stops. Also asked in the middle of a long step, so that stopping never waits for it. */
bool runner_signal_came(void *arg);
void runner_end_signals(runner *r);

/* ---- runner_notify.c ---- */
void notify_init(runner *r);
void notify_ready(runner *r);
void notify_reload(runner *r); /* SIGHUP */
void notify_stopping(runner *r);

/* ---- runner_journal.c ---- */
void journal_load(runner *r);
void journal_append(runner *r, const posw_buf *data);
/* Writes what the pool holds now over the journal. While the old one is still being read, that would lose its rest. */
void journal_rewrite(runner *r);
void journal_rewrite_if_long(runner *r);
void journal_close(runner *r);

/* ---- runner_network.c ---- */
/* Of the open files that clients and peers may have together, those for peers. */
unsigned network_files(const runner *r, unsigned files);
/* Jobs are run on other threads from here on. */
int jobs_start(runner *r);
void jobs_perform(runner *r, posw_action *a);
int network_start(runner *r, unsigned files);
void network_perform(runner *r, posw_action *a);
/* The last words leave, for less than half a second; jobs that are not done are dropped. */
void network_stop(runner *r);

/* ---- runner_miners.c ---- */
/* Of so many open files, those for outside miners. */
unsigned miners_files(const runner *r, unsigned files);
int miners_start(runner *r, unsigned files);
void miners_perform(runner *r, const posw_action *a);

#endif
