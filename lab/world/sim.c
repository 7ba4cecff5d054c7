/* posw-sim: random trials of the network (scenario.h), many seeds on several processes.
 *
 *      posw-sim --seeds A..B [--nodes N] [--blocks N] [--jobs N] [--twice K] [--calm] [--honest] [--log FILE] [--level
 * debug]
 *
 * One line for each seed that fails, with the command that runs it again, and one at the end. --twice: every K-th seed
 * is run a second time and must give the same log, byte for byte. --log writes every event of the (one) seed. */
#include "base/bytes.h"
#include "base/error.h"
#include "heap.h"
#include "scenario.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS_MAX = 64 };

typedef struct {
    uint64_t first, last, twice;
    unsigned jobs;
    scenario_options o;
    const char *log;
} command;

/* What a child says of a seed: less than PIPE_BUF, so written whole. */
typedef struct {
    uint64_t seed, events, deliveries, tip, txs, faults, upgrades, crossed;
    int rc;
    char problem[INVARIANTS_PROBLEM];
} report;

static void usage(void) {
    fputs("posw-sim --seeds A..B [--nodes N] [--blocks N] [--jobs N] [--twice K] [--calm] [--honest] [--log FILE] "
          "[--level error|warn|info|debug]\n",
          stderr);
    exit(2);
}

static uint64_t number(const char *text) {
    char *end;
    errno = 0;
    const uint64_t n = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != 0) usage();
    return n;
}

static void read_seeds(command *c, const char *text) {
    char copy[64];
    char *dots;
    if (strlen(text) >= sizeof copy) usage();
    memcpy(copy, text, strlen(text) + 1);
    dots = strstr(copy, "..");
    if (dots != NULL) *dots = 0;
    c->first = number(copy);
    c->last = dots == NULL ? c->first : number(dots + 2);
    if (c->last < c->first) usage();
}

static enum posw_log_level level_of(const char *text) {
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (int i = 0; i < 4; i++)
        if (strcmp(text, names[i]) == 0) return (enum posw_log_level)(POSW_LOG_ERROR + i);
    usage();
    return POSW_LOG_ERROR;
}

static command read_command(int argc, char **argv) {
    command c = {.jobs = 1};
    scenario_options_default(&c.o, 1);
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--calm") == 0)
            c.o.no_faults = true;
        else if (strcmp(argv[i], "--honest") == 0)
            c.o.no_adversaries = true;
        else if (value == NULL)
            usage();
        else if (i++, strcmp(argv[i - 1], "--seeds") == 0)
            read_seeds(&c, value);
        else if (strcmp(argv[i - 1], "--nodes") == 0)
            c.o.machines = number(value);
        else if (strcmp(argv[i - 1], "--blocks") == 0)
            c.o.blocks = number(value);
        else if (strcmp(argv[i - 1], "--jobs") == 0)
            c.jobs = (unsigned)number(value);
        else if (strcmp(argv[i - 1], "--twice") == 0)
            c.twice = number(value);
        else if (strcmp(argv[i - 1], "--log") == 0)
            c.log = value;
        else if (strcmp(argv[i - 1], "--level") == 0)
            c.o.log_level = level_of(value);
        else
            usage();
    }
    if (c.jobs < 1 || c.jobs > JOBS_MAX || (c.log != NULL && c.first != c.last)) usage();
    return c;
}

static void log_line(void *arg, const char *line) {
    fprintf(arg, "%s\n", line);
}

static report run_seed(const command *c, uint64_t seed) {
    scenario_options o = c->o;
    scenario_result result, again;
    FILE *log = NULL;
    o.seed = seed;
    if (c->log != NULL) {
        log = fopen(c->log, "w");
        if (log == NULL) {
            fprintf(stderr, "cannot write %s: %s\n", c->log, strerror(errno));
            exit(2);
        }
        o.log = log_line;
        o.arg = log;
    }
    report r = {.seed = seed, .rc = scenario_run(&result, &o)};
    if (log != NULL) fclose(log);
    r.events = result.events;
    r.deliveries = result.deliveries;
    r.tip = result.tip;
    r.txs = result.txs;
    r.faults = result.faults;
    r.upgrades = result.upgrades;
    r.crossed = result.crossed;
    memcpy(r.problem, result.problem, sizeof r.problem);
    if (c->twice == 0 || seed % c->twice != 0 || r.rc != POSW_OK || r.problem[0] != 0) return r;
    r.rc = scenario_run(&again, &o);
    if (!posw_hash_equal(&result.log_hash, &again.log_hash))
        snprintf(r.problem, sizeof r.problem, "a second run of the seed gave another log");
    return r;
}

static void child(const command *c, unsigned job, int out) {
    for (uint64_t seed = c->first + job; seed <= c->last && seed >= c->first; seed += c->jobs) {
        const report r = run_seed(c, seed);
        if (write(out, &r, sizeof r) != sizeof r) _exit(2);
    }
    _exit(0);
}

static void say_failed(const command *c, const report *r) {
    printf("seed %" PRIu64 " failed: %s\n    posw-sim --seeds %" PRIu64 " --nodes %zu --blocks %" PRIu64
           "%s%s --log FILE\n",
           r->seed, r->problem[0] != 0 ? r->problem : posw_error_text(r->rc), r->seed, c->o.machines, c->o.blocks,
           c->o.no_faults ? " --calm" : "", c->o.no_adversaries ? " --honest" : "");
    fflush(stdout);
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    const command c = read_command(argc, argv);
    const uint64_t wanted = c.last - c.first + 1;
    uint64_t done = 0, failed = 0, deliveries = 0, blocks = 0, txs = 0, faults = 0, upgrades = 0, crossed = 0;
    const double begin = now_s();
    int ends[2];
    report r;
    heap_for_worlds();
    if (pipe(ends) != 0) return 2;
    for (unsigned job = 0; job < c.jobs; job++) {
        const pid_t pid = fork();
        if (pid < 0) return 2;
        if (pid > 0) continue;
        close(ends[0]);
        child(&c, job, ends[1]);
    }
    close(ends[1]);
    while (read(ends[0], &r, sizeof r) == sizeof r) {
        const bool bad = r.rc != POSW_OK || r.problem[0] != 0;
        if (bad) say_failed(&c, &r);
        done++;
        failed += bad;
        deliveries += r.deliveries;
        blocks += r.tip;
        txs += r.txs;
        faults += r.faults;
        upgrades += r.upgrades;
        crossed += r.crossed;
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " failed ", done, wanted, failed);
    }
    bool crashed = done < wanted;
    for (int status; wait(&status) > 0;)
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) crashed = true;
    printf("%" PRIu64 " of %" PRIu64 " seeds in %.1f s, %" PRIu64 " failed: %" PRIu64 " blocks, %" PRIu64
           " deliveries, %" PRIu64 " transactions, %" PRIu64 " faults, %" PRIu64 " upgrades, %" PRIu64
           " reorganisations across one%s\n",
           done, wanted, now_s() - begin, failed, blocks, deliveries, txs, faults, upgrades, crossed,
           crashed ? "; a process crashed" : "");
    return failed > 0 || crashed ? 1 : 0;
}
