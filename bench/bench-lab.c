/* The laboratory's chains without a network: blocks a second on one core.
 *
 *      bench-lab [rounds]         (default 5)
 *
 * Ticket rule, W 2016, ASERT, 100 miners with two tickets for each block of the window: goal 1,000,000 blocks a second,
 * stretch goal 2,000,000. Of each measurement the best round counts: what else the machine does costs time, never gives
 * any. Beside it, for the scale: the simulators SimBlock and CBlockSim deliver 22,000 to 27,000 blocks a second to
 * nodes on such a machine; theirs is a whole network, and their chains have no stake and no difficulty. Exit 1 when the
 * goal is missed. */
#include "posw/u256.h"
#include "rules/chain_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MINERS = 100, BLOCKS = 1000000 };

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Blocks a second of the best round. `tickets`: of each miner. */
static double measure(const char *preset, uint64_t tickets, uint64_t rounds) {
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
        for (int i = 0; i < BLOCKS; i++)
            chain_sim_step(s, &block);
        const double took = now_s() - begin;
        if (took < best) best = took;
    }
    chain_sim_free(s);
    return BLOCKS / best;
}

int main(int argc, char **argv) {
    const uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 5;
    const double ticket = measure("ticket", 40, rounds), power = measure("sqrt", 40, rounds);
    printf("ticket rule, %d miners     %9.0f blocks/s a core   goal 1000000, stretch 2000000   %s\n", MINERS, ticket,
           ticket >= 1000000 ? "met" : "MISSED");
    printf("power rule, %d miners      %9.0f blocks/s a core\n", MINERS, power);
    puts("SimBlock, CBlockSim            22000 to 27000 deliveries/s, whole networks, measured on a like machine");
    return ticket >= 1000000 ? 0 : 1;
}
