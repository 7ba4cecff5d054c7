/* Speed of the simulated world: block deliveries (a machine imports a block that it did not mine) in a second on one
 * core.
 *
 *      bench-sim [nodes [seconds of simulated time [seed]]]      default: 20 nodes for 2,000 s, then 200 nodes for 300
 * s
 *
 * Blocks every 10 s, ticket rule, bootstrapped network of default size. No faults, no transactions. */
#include "base/units.h"
#include "chain/chainfile.h"
#include "posw/u256.h"
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run(size_t nodes, uint64_t seconds, uint64_t seed) {
    posw_chain_spec spec;
    posw_message msg = {""};
    world_options o;
    world *w;
    machine_options *m = calloc(nodes, sizeof *m);
    if (m == NULL || posw_chainfile_dev(&spec) != POSW_OK) return 1;
    spec.params.block_time_s = 10;
    spec.params.difficulty_rule = POSW_DIFFICULTY_ASERT;
    spec.params.difficulty_blocks = 36;
    spec.params.genesis_difficulty = posw_u256_from_u64(10 * 1000 * nodes);
    spec.params.genesis_time = 1000000;
    if (posw_chain_spec_check(&spec, NULL, &msg) != POSW_OK) {
        fprintf(stderr, "%s\n", msg.text);
        return 1;
    }
    for (size_t i = 0; i < nodes; i++) {
        m[i].hashes_per_s = 1000;
        m[i].named_count = nodes > 1;
        m[i].named[0] = i == 0 ? nodes - 1 : i - 1;
    }
    world_options_default(&o);
    o.seed = seed;
    o.spec = &spec;
    o.machine_count = nodes;
    o.machines = m;
    o.start_s = spec.params.genesis_time;
    const double begin = now();
    int rc = world_new(&w, &o);
    if (rc == POSW_OK) {
        rc = world_run(w, seconds * 1000);
        const double took = now() - begin;
        printf("%4zu nodes, %" PRIu64 " s: tip %" PRIu64 ", %" PRIu64 " deliveries and %" PRIu64
               " events in %.2f s of processor time: %.0f deliveries/s, %.0f events/s\n",
               nodes, seconds, posw_chain_tip(world_chain(w, 0))->number, world_deliveries(w), world_events(w), took,
               (double)world_deliveries(w) / took, (double)world_events(w) / took);
        world_free(w);
    }
    posw_chain_spec_clear(&spec);
    free(m);
    return rc == POSW_OK ? 0 : 1;
}

int main(int argc, char **argv) {
    const uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    if (argc > 1) return run((size_t)strtoull(argv[1], NULL, 10), argc > 2 ? strtoull(argv[2], NULL, 10) : 2000, seed);
    return run(20, 2000, seed) != 0 || run(200, 300, seed) != 0;
}
