/* Speed of the simulated world: block deliveries (a machine imports a block that it did not mine) in a second of one
 * core and of all cores, each with a world of its own, what a delivery costs in parts, and the memory of a machine.
 *
 *      bench-sim [nodes [seconds of simulated time [others [seed]]]]
 *
 * Whole nodes; blocks every 10 s on average, ticket rule; no faults, no transactions, no invariants. others: peers that
 * each machine dials beside its forerunner (world_name_peers); "daemon": a network that finds itself, with 8 + 2
 * outbound connections. Without arguments: 20 and 300 nodes of both kinds.
 *
 * Goals where peers are named: 100,000 deliveries a second with 20 nodes, 250,000 with 300 (doc/lab.md says why that is
 * missed). Beside them stands what two simulators of blocks without nodes do: SimBlock and CBlockSim, 22,000 to 27,000
 * deliveries a second on a machine with 2 cores. */
#include "base/units.h"
#include "bench.h"
#include "chain/chainfile.h"
#include "crypto/keccak.h"
#include "heap.h"
#include "memo.h"
#include "posw/u256.h"
#include "world.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WARM_S = 60, COSTS_MAX = 64, SHOWN = 12, ROUNDS = 5 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* In use, without what the allocator keeps. */
static double used_bytes(void) {
    const struct mallinfo2 m = mallinfo2();
    return (double)(m.uordblks + m.hblkhd);
}

static int compare_costs(const void *a, const void *b) {
    const world_cost *x = a, *y = b;
    return (x->ns < y->ns) - (x->ns > y->ns);
}

static void print_costs(const world *w, double deliveries) {
    world_cost costs[COSTS_MAX];
    const size_t n = world_costs(w, costs, COSTS_MAX);
    qsort(costs, n, sizeof *costs, compare_costs);
    printf("    a delivery:");
    for (size_t i = 0; i < n && i < SHOWN; i++)
        printf("%s %s %.2f × %.2f µs", i == 0 ? "" : ",", costs[i].name, (double)costs[i].events / deliveries,
               (double)costs[i].ns / 1000 / (double)costs[i].events);
    printf("\n");
}

static int make_spec(posw_chain_spec *spec, size_t nodes) {
    posw_message msg = {""};
    if (posw_chainfile_dev(spec) != POSW_OK) return POSW_EINVAL;
    spec->params.block_time_s = 10;
    spec->params.difficulty_rule = POSW_DIFFICULTY_ASERT;
    spec->params.difficulty_blocks = 36;
    spec->params.genesis_difficulty = posw_u256_from_u64(10 * 1000 * nodes);
    spec->params.genesis_time = 1000000;
    const int rc = posw_chain_spec_check(spec, NULL, &msg);
    if (rc != POSW_OK) fprintf(stderr, "%s\n", msg.text);
    return rc;
}

static void make_machines(machine_options *m, size_t nodes, int others, uint64_t seed) {
    for (size_t i = 0; i < nodes; i++) {
        m[i].hashes_per_s = 1000;
        m[i].named_count = nodes > 1;
        m[i].named[0] = i == 0 ? nodes - 1 : i - 1;
    }
    if (others >= 0) world_name_peers(m, nodes, (unsigned)others, seed);
}

/* The unit in which a machine can be compared with another. */
static void calibrate(void) {
    uint8_t data[64] = {0};
    posw_hash hash;
    double best = 1;
    memo_set(false);
    for (int round = 0; round < 20; round++) {
        const double begin = now();
        for (uint32_t i = 0; i < 10000; i++) {
            memcpy(data, &i, sizeof i);
            posw_keccak256(&hash, data, sizeof data);
        }
        const double took = (now() - begin) / 10000;
        if (took < best) best = took;
    }
    memo_set(true);
    printf("one Keccak permutation takes %.2f µs here now\n", best * 1e6);
}

/* What one run of a world came to. */
typedef struct {
    double deliveries, took_s, events, hashes, remembered, node_bytes;
} figures;

/* others -1: as the daemon connects. measure: prints what a delivery costs in parts, which takes time itself. */
static int run(figures *out, size_t nodes, uint64_t seconds, int others, uint64_t seed, bool measure) {
    posw_chain_spec spec;
    world_options o;
    world *w;
    uint64_t hits[2], misses[2];
    machine_options *m = calloc(nodes, sizeof *m);
    if (m == NULL || make_spec(&spec, nodes) != POSW_OK) return 1;
    make_machines(m, nodes, others, seed);
    world_options_default(&o);
    o.seed = seed;
    o.spec = &spec;
    o.machine_count = nodes;
    o.machines = m;
    o.start_s = spec.params.genesis_time;
    o.measure = measure;
    const double used = used_bytes();
    int rc = world_new(&w, &o);
    if (rc == POSW_OK) rc = world_run(w, WARM_S * 1000);
    if (rc == POSW_OK) {
        const uint64_t deliveries = world_deliveries(w), events = world_events(w);
        memo_counts(&hits[0], &misses[0]);
        const double begin = now();
        rc = world_run(w, (WARM_S + seconds) * 1000);
        out->took_s = now() - begin;
        memo_counts(&hits[1], &misses[1]);
        out->deliveries = (double)(world_deliveries(w) - deliveries);
        out->events = (double)(world_events(w) - events);
        out->remembered = (double)(hits[1] - hits[0]);
        out->hashes = out->remembered + (double)(misses[1] - misses[0]);
        out->node_bytes = (used_bytes() - used) / (double)nodes;
        if (measure) print_costs(w, (double)world_deliveries(w));
        world_free(w);
    }
    posw_chain_spec_clear(&spec);
    free(m);
    return rc == POSW_OK ? 0 : 1;
}

static int compare_times(const void *a, const void *b) {
    const figures *x = a, *y = b;
    return (x->took_s > y->took_s) - (x->took_s < y->took_s);
}

/* The same world several times, the quickest first: whoever else uses the machine takes from some of them. */
static int run_rounds(figures f[ROUNDS], size_t nodes, uint64_t seconds, int others, uint64_t seed) {
    for (size_t i = 0; i < ROUNDS; i++)
        if (run(&f[i], nodes, seconds, others, seed, false) != 0) return 1;
    qsort(f, ROUNDS, sizeof *f, compare_times);
    return 0;
}

/* Another process. Writes its two rates and ends. */
static void run_beside(int to, size_t nodes, uint64_t seconds, int others, uint64_t seed) {
    figures f[ROUNDS];
    if (run_rounds(f, nodes, seconds, others, seed) != 0) _exit(1);
    const double rates[2] = {f[0].deliveries / f[0].took_s, f[ROUNDS / 2].deliveries / f[ROUNDS / 2].took_s};
    _exit(write(to, rates, sizeof rates) == sizeof rates ? 0 : 1);
}

/* A world on each core at the same time, of different seeds: the sums of their rates. */
static int run_cores(double sums[2], long cores, size_t nodes, uint64_t seconds, int others, uint64_t seed) {
    double rates[2];
    int ends[2], failed = 0, status;
    if (pipe(ends) != 0) return 1;
    for (long i = 0; i < cores; i++) {
        const pid_t child = fork();
        if (child == 0) run_beside(ends[1], nodes, seconds, others, seed + (uint64_t)i);
        if (child < 0) failed = 1;
    }
    close(ends[1]);
    while (read(ends[0], rates, sizeof rates) == sizeof rates) {
        sums[0] += rates[0];
        sums[1] += rates[1];
    }
    close(ends[0]);
    while (wait(&status) > 0)
        if (status != 0) failed = 1;
    return failed;
}

static int run_all(size_t nodes, uint64_t seconds, int others, uint64_t seed) {
    figures f[ROUNDS], parts;
    double sums[2] = {0, 0};
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (run_cores(sums, cores, nodes, seconds, others, seed) != 0) return 1;
    if (run_rounds(f, nodes, seconds, others, seed) != 0) return 1;
    const double n = f[0].deliveries;
    printf("%4zu nodes, %s, %" PRIu64 " s: %.0f deliveries in %.3f s of processor time: %.0f deliveries/s, the best of "
           "%d (median %.0f); %.2f µs and %.1f events each; %.1f hashes each, %.0f %% of them remembered; %.2f MB a "
           "node\n",
           nodes, others < 0 ? "connected as the daemon does" : "named peers", seconds, n, f[0].took_s, n / f[0].took_s,
           ROUNDS, n / f[ROUNDS / 2].took_s, f[0].took_s * 1e6 / n, f[0].events / n, f[0].hashes / n,
           100 * f[0].remembered / f[0].hashes, f[0].node_bytes / 1e6);
    const double goal = others < 0 ? 0 : nodes == 300 ? 250000 : nodes == 20 ? 100000 : 0;
    if (goal > 0) {
        printf("    %zu whole nodes: %.0f deliveries/s", nodes, n / f[0].took_s);
        bench_goal(n / f[0].took_s >= goal, "%.0f or more", goal);
    }
    printf(
        "    %ld such worlds at the same time, one a core: %.0f deliveries/s, the best of %d of each (median %.0f)\n",
        cores, sums[0], ROUNDS, sums[1]);
    return run(&parts, nodes, seconds, others, seed, true);
}

/* In a process of its own: each begins with the same memory, none. */
static int run_apart(size_t nodes, uint64_t seconds, int others, uint64_t seed) {
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        const int failed = run_all(nodes, seconds, others, seed);
        fflush(stdout);
        _exit(failed ? 2 : bench_end());
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 1;
    if (WEXITSTATUS(status) == 1) bench_missed = true;
    return WEXITSTATUS(status) > 1;
}

int main(int argc, char **argv) {
    const size_t nodes = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    const uint64_t seconds = argc > 2 ? strtoull(argv[2], NULL, 10) : 2000;
    const int others = argc > 3 && strcmp(argv[3], "daemon") != 0 ? atoi(argv[3]) : argc > 3 ? -1 : 1;
    const uint64_t seed = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    heap_for_worlds();
    setvbuf(stdout, NULL, _IOLBF, 0);
    calibrate();
    if (argc > 1) return run_all(nodes, seconds, others, seed) ? 2 : bench_end();
    printf("SimBlock and CBlockSim (no nodes): 22,000 to 27,000 deliveries/s, measured on a machine with 2 cores\n");
    if (run_apart(20, 4000, 1, seed) != 0 || run_apart(20, 1000, -1, seed) != 0 || run_apart(300, 600, 1, seed) != 0 ||
        run_apart(300, 150, -1, seed) != 0)
        return 2;
    return bench_end();
}
