/* The laboratory's chains without a network, blocks a second on one core; and its network at the level of blocks,
 * deliveries a second.
 *
 *      bench-lab [rounds (5)] [blocks of a round (1,000,000)]
 *
 * Ticket rule, W 2016, ASERT, 100 miners with two tickets for each block of the window: goal 2,000,000 blocks a second.
 * Of each measurement the best round counts: what else the machine does costs time, never gives any. Beside it, for the
 * scale: the simulators SimBlock and CBlockSim deliver 22,000 to 27,000 blocks a second to nodes on such a machine;
 * theirs is a whole network, and their chains have no stake and no difficulty.
 *
 * The network is that of bench-sim: a block every 10 s, ticket rule, one peer dialled beside the forerunner, 50 ms and
 * up to 10 more. A delivery is a block that comes to a node which has not found it. Goal with 300 nodes, ten times
 * those simulators: 250,000 a second. Exit 1 when a goal is missed. */
#include "bench.h"
#include "network/blocks.h"
#include "posw/u256.h"
#include "rules/chain_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MINERS = 100 };

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Blocks a second of the best round. `tickets`: of each miner. */
static double measure(const char *preset, uint64_t tickets, uint64_t rounds, uint64_t blocks) {
    posw_params p;
    chain_sim_miner miners[MINERS];
    posw_params_default(&p);
    if (!posw_params_preset(&p, preset)) exit(2);
    chain_sim_setup setup = {.params = &p, .miners = miners, .miner_count = MINERS, .seed = 1};
    const posw_u256 coin = posw_u256_from_u64(1000000000000000000U);
    if (!posw_u256_mul_u64(&setup.supply_wei, &coin, 100000000)) exit(2);
    /* 100,000,000 coins are 4 * 2016 tickets */
    const posw_u256 price = posw_u256_div_u64(&setup.supply_wei, 4 * p.window_blocks);
    for (size_t i = 0; i < MINERS; i++) {
        miners[i] = (chain_sim_miner){.hash = 1, .identities = 1};
        if (!posw_u256_mul_u64(&miners[i].stake_wei, &price, tickets)) exit(2);
    }
    chain_sim *s = chain_sim_new(&setup);
    if (s == NULL) exit(2);
    chain_sim_block block;
    double best = 1e9;
    for (int i = 0; i < 3 * 2016; i++)
        chain_sim_step(s, &block);
    for (uint64_t k = 0; k < rounds; k++) {
        const double begin = now_s();
        for (uint64_t i = 0; i < blocks; i++)
            chain_sim_step(s, &block);
        const double took = now_s() - begin;
        if (took < best) best = took;
    }
    chain_sim_free(s);
    return (double)blocks / best;
}

/* Deliveries a second of the best round; about so many a round. */
static double measure_network(size_t nodes, uint64_t rounds, uint64_t deliveries) {
    posw_chain_spec spec;
    posw_message msg = {""};
    network_setup s = {.nodes = nodes,
                       .peers = 1,
                       .latency_ms = 50,
                       .jitter_ms = 10,
                       .bytes_per_s = 1250000,
                       .block_time_s = 10,
                       .blocks = deliveries / nodes + 1,
                       .weight = "ticket"};
    double best = 0;
    if (network_chain(&spec, &s, &msg) != POSW_OK) exit(2);
    for (s.seed = 1; s.seed <= rounds; s.seed++) {
        network_result r = {.found_of = NULL};
        const double begin = now_s();
        if (blocks_run(&r, &s, &spec, 0, NULL) != POSW_OK) exit(2);
        const double rate = (double)r.deliveries / (now_s() - begin);
        if (rate > best) best = rate;
    }
    posw_chain_spec_clear(&spec);
    return best;
}

static void print_networks(uint64_t rounds, uint64_t deliveries) {
    static const size_t nodes[] = {300, 1000, 10000, 20000};
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
        const double rate = measure_network(nodes[i], rounds, deliveries);
        printf("network of blocks, %5zu nodes   %9.0f deliveries/s a core", nodes[i], rate);
        if (i == 0)
            bench_goal(rate >= 250000, "250000 or more");
        else
            puts("");
    }
    puts("of whole nodes: bench-sim");
}

int main(int argc, char **argv) {
    const uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 5;
    const uint64_t blocks = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    if (rounds < 1 || blocks < 1) return 2;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    const double ticket = measure("ticket", 40, rounds, blocks);
    printf("ticket rule, %d miners     %9.0f blocks/s a core", MINERS, ticket);
    bench_goal(ticket >= 2000000, "2000000 or more");
    printf("power rule, %d miners      %9.0f blocks/s a core\n", MINERS, measure("sqrt", 40, rounds, blocks));
    puts("SimBlock, CBlockSim            22000 to 27000 deliveries/s, whole networks, measured on a like machine");
    print_networks(rounds, 3 * blocks);
    return bench_end();
}
