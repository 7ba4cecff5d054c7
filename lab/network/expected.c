/* The same miners without a network: what each of them would find. */
#include "attacker.h"

#include "run/parallel.h"

#include <stdlib.h>

/* Chains, so that together they have about BLOCKS blocks, and COUNTS numbers. */
enum { BLOCKS = 4 * 1000 * 1000, CHAINS_MIN = 64, CHAINS_MAX = 4000, COUNTS = CHAINS_MAX * NETWORK_NODES_MAX };

typedef struct {
    const network_setup *s;
    const posw_params *params;
    uint32_t *blocks; /* [chain * nodes + node] */
    bool *done, failed;
} job;

/* Whole blocks whose time of finding lies in the counted time. */
static void run_chain(void *arg, size_t chain) {
    job *j = arg;
    const network_setup *s = j->s;
    const chain_sim_setup setup = {.params = j->params,
                                   .supply_wei = s->supply_wei,
                                   .miners = s->miners,
                                   .miner_count = s->nodes,
                                   .seed = s->seed,
                                   .task = chain};
    const double begin_s = (double)network_begin_ms(s) / 1000;
    const double end_s = begin_s + (double)(s->blocks * s->block_time_s);
    chain_sim *sim = chain_sim_new(&setup);
    chain_sim_block block;
    if (sim == NULL) {
        j->failed = true;
        return;
    }
    for (uint64_t i = 0;; i++) {
        chain_sim_step(sim, &block);
        const double now_s = chain_sim_time_s(sim);
        if (now_s >= end_s) break;
        if (now_s >= begin_s) j->blocks[chain * s->nodes + block.miner]++;
        if (i % 4096 == 4095 && lab_stopping()) goto end; /* this chain does not count */
    }
    j->done[chain] = true;
end:
    chain_sim_free(sim);
}

static void add_chain(lab_sample *share, const uint32_t *blocks, size_t nodes) {
    double all = 0;
    for (size_t i = 0; i < nodes; i++)
        all += blocks[i];
    for (size_t i = 0; i < nodes && all > 0; i++)
        lab_sample_add(&share[i], blocks[i] / all, all);
}

static bool of_chains(lab_sample *share, const network_setup *s, const posw_params *p, unsigned threads) {
    const uint64_t in_time = BLOCKS / (s->settle + s->blocks), in_memory = COUNTS / s->nodes;
    const uint64_t fit = in_time < in_memory ? in_time : in_memory;
    const size_t chains = fit < CHAINS_MIN ? CHAINS_MIN : fit > CHAINS_MAX ? CHAINS_MAX : fit;
    job j = {.s = s, .params = p};
    j.blocks = calloc(chains * s->nodes, sizeof *j.blocks);
    j.done = calloc(chains, sizeof *j.done);
    if (j.blocks == NULL || j.done == NULL) j.failed = true;
    const lab_parallel all = {
        .tasks = chains, .threads = threads, .what = "chains without a network", .run = run_chain, .arg = &j};
    if (!j.failed) (void)lab_parallel_run(&all);
    for (size_t i = 0; i < chains && !j.failed; i++)
        if (j.done[i]) add_chain(share, j.blocks + i * s->nodes, s->nodes);
    free(j.blocks);
    free(j.done);
    return !j.failed;
}

/* Stake alone decides: hash times weight, over the sum of all. */
static bool of_powers(lab_sample *share, const network_setup *s, const posw_params *p) {
    double all = 0, *powers = calloc(s->nodes, sizeof *powers);
    if (powers == NULL) return false;
    network_hash_parts(s, powers);
    for (size_t i = 0; i < s->nodes; i++)
        all += powers[i] *= network_first_weight(s, p, i);
    for (size_t i = 0; i < s->nodes; i++)
        lab_sample_add(&share[i], powers[i] / all, 1);
    free(powers);
    return true;
}

bool network_expected(lab_sample *share, const network_setup *s, unsigned threads) {
    posw_chain_spec spec;
    posw_message msg = {""};
    bool ok = network_chain(&spec, s, &msg) == POSW_OK;
    for (size_t i = 0; i < s->nodes; i++)
        share[i] = (lab_sample){0};
    if (ok && spec.params.weight.rule == POSW_WEIGHT_TICKET)
        ok = of_chains(share, s, &spec.params, threads);
    else if (ok)
        ok = of_powers(share, s, &spec.params);
    posw_chain_spec_clear(&spec);
    return ok;
}
