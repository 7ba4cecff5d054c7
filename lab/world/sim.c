/* posw-sim: random trials of the network (scenario.h), many seeds on several processes.
 *
 *      posw-sim --seeds A..B [--nodes N] [--blocks N] [--jobs N] [--twice K] [--calm] [--honest] [--log FILE] [--level
 * debug]
 *
 * One line for each seed that fails, with the command that runs it again, and one at the end, also of a run that is
 * interrupted. --twice: every K-th seed is run a second time and must give the same log, byte for byte. --log writes
 * every event of the (one) seed. */
#include "base/bytes.h"
#include "base/error.h"
#include "heap.h"
#include "scenario.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

static void print_usage(FILE *out) {
    fputs("posw-sim --seeds A..B [--nodes N] [--blocks N] [--jobs N] [--twice K] [--calm] [--honest] [--log FILE] "
          "[--level error|warn|info|debug]\n",
          out);
}

static void usage(void) {
    print_usage(stderr);
    exit(2);
}

static void help(void) {
    print_usage(stdout);
    fputs(
        "\nSimulates a network of whole nodes with faults and lying miners for each seed, and checks the invariants.\n"
        "  --seeds A..B   which networks, or one number\n"
        "  --nodes N      machines of a network (20)\n"
        "  --blocks N     for how many blocks the faults last\n"
        "  --jobs N       processes, one a core (1)\n"
        "  --twice K      every K-th seed is run again and must give the same log\n"
        "  --calm         no faults\n"
        "  --honest       no lying miners\n"
        "  --log FILE     every event of the one seed\n"
        "  --level LEVEL  what the nodes log\n"
        "\nExample: posw-sim --seeds 1..1000 --jobs 2 --twice 100\n"
        "Ends with 0 if every seed holds, 1 if one fails or the run was interrupted, 2 for a wrong call.\n",
        stdout);
    exit(0);
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
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            help();
        else if (strcmp(argv[i], "--calm") == 0)
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

/* Each process takes the next seed that nobody has. */
static void child(const command *c, _Atomic uint64_t *taken, int out) {
    for (uint64_t n; (n = atomic_fetch_add(taken, 1)) <= c->last - c->first;) {
        const report r = run_seed(c, c->first + n);
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

/* ---- the processes ---- */

static pid_t children[JOBS_MAX]; /* 0: none */
static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
    for (size_t i = 0; i < JOBS_MAX; i++)
        if (children[i] > 0) (void)kill(children[i], SIGKILL);
}

/* The end of the pipe at which reports come; negative: it could not be. */
static int start(const command *c) {
    int ends[2];
    _Atomic uint64_t *taken = mmap(NULL, sizeof *taken, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (taken == MAP_FAILED || pipe(ends) != 0) return -1;
    for (unsigned job = 0; job < c->jobs; job++) {
        const pid_t pid = fork();
        if (pid < 0) {
            interrupt(0);
            return -1;
        }
        if (pid == 0) {
            close(ends[0]);
            child(c, taken, ends[1]);
        }
        children[job] = pid;
    }
    close(ends[1]);
    const struct sigaction on_signal = {.sa_handler = interrupt, .sa_flags = SA_RESTART};
    (void)sigaction(SIGINT, &on_signal, NULL);
    (void)sigaction(SIGTERM, &on_signal, NULL);
    return ends[0];
}

/* Whether all of them ended well. */
static bool wait_for_all(void) {
    bool well = true;
    for (size_t i = 0; i < JOBS_MAX; i++) {
        int status;
        if (children[i] <= 0) continue;
        if (waitpid(children[i], &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) well = false;
        children[i] = 0;
    }
    return well;
}

typedef struct {
    uint64_t seeds, failed, deliveries, blocks, txs, faults, upgrades, crossed;
} totals;

static void count(totals *t, const command *c, const report *r) {
    const bool bad = r->rc != POSW_OK || r->problem[0] != 0;
    if (bad) say_failed(c, r);
    t->seeds++;
    t->failed += bad;
    t->deliveries += r->deliveries;
    t->blocks += r->tip;
    t->txs += r->txs;
    t->faults += r->faults;
    t->upgrades += r->upgrades;
    t->crossed += r->crossed;
}

int main(int argc, char **argv) {
    const command c = read_command(argc, argv);
    const uint64_t wanted = c.last - c.first + 1;
    const double begin = now_s();
    totals t = {0};
    report r;
    heap_for_worlds();
    const int reports = start(&c);
    if (reports < 0) {
        fprintf(stderr, "cannot start %u processes: %s\n", c.jobs, strerror(errno));
        return 2;
    }
    while (read(reports, &r, sizeof r) == sizeof r) {
        count(&t, &c, &r);
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " failed ", t.seeds, wanted, t.failed);
    }
    const bool well = wait_for_all() && t.seeds == wanted;
    printf("%" PRIu64 " of %" PRIu64 " seeds in %.1f s, %" PRIu64 " failed: %" PRIu64 " blocks, %" PRIu64
           " deliveries, %" PRIu64 " transactions, %" PRIu64 " faults, %" PRIu64 " upgrades, %" PRIu64
           " reorganisations across one%s\n",
           t.seeds, wanted, now_s() - begin, t.failed, t.blocks, t.deliveries, t.txs, t.faults, t.upgrades, t.crossed,
           interrupted ? "; interrupted"
           : !well     ? "; a process crashed"
                       : "");
    return t.failed > 0 || !well ? 1 : 0;
}
