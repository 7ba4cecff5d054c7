#include "rules/bootstrap.h"

#include "base/error.h"
#include "posw/economy.h"
#include "posw/u256.h"
#include "posw/weight.h"
#include "rules/chain_sim.h"
#include "rules/clock.h"
#include "run/parallel.h"

#include <stdlib.h>
#include <string.h>

/* What a phase of one chain shows. */
typedef struct {
    double stakers_share, stakers_stake, with_ticket, mean_ratio, worst_gap;
} view;

typedef struct {
    const bootstrap_setup *setup;
    chain_sim *chain;
    double *coins, *pending; /* staked by each miner; what it had an epoch ago */
    double supply, pending_supply;
    view views[BOOTSTRAP_PHASES];
    size_t view_count;
    uint64_t blocks;
} youth;

static posw_u256 wei_of(double coins) {
    return lab_u256_of(coins * 1e18);
}

static double reward_of(const posw_params *p, uint64_t number) {
    const posw_u256 subsidy = posw_reward_subsidy(p, number), treasury = posw_reward_treasury(p, number, &subsidy);
    return (lab_double_of(&subsidy) - lab_double_of(&treasury)) / 1e18;
}

static bool begin(youth *y, size_t task) {
    const bootstrap_setup *s = y->setup;
    chain_sim_miner *miners = calloc(s->miners, sizeof *miners);
    y->coins = calloc(s->miners, sizeof *y->coins);
    y->pending = calloc(s->miners, sizeof *y->pending);
    y->supply = y->pending_supply = s->supply_coins;
    if (miners != NULL && y->coins != NULL && y->pending != NULL) {
        for (size_t i = 0; i < s->miners; i++) {
            if (i < s->stakers) y->coins[i] = s->supply_coins * s->staked / (double)s->stakers;
            y->pending[i] = y->coins[i];
            miners[i] = (chain_sim_miner){.hash = 1, .stake_wei = wei_of(y->coins[i]), .identities = 1};
        }
        const chain_sim_setup setup = {s->params, wei_of(y->supply), miners, s->miners, s->seed, task};
        y->chain = chain_sim_new(&setup);
    }
    free(miners);
    return y->chain != NULL;
}

/* E1 */
static void new_epoch(youth *y) {
    const posw_u256 supply = wei_of(y->pending_supply);
    chain_sim_set_supply(y->chain, &supply);
    for (size_t i = 0; i < y->setup->miners; i++) {
        const posw_u256 stake = wei_of(y->pending[i]);
        chain_sim_set_stake(y->chain, i, &stake);
    }
    memcpy(y->pending, y->coins, y->setup->miners * sizeof *y->coins);
    y->pending_supply = y->supply;
}

static double stakers_stake(const youth *y) {
    double own = 0, all = 0;
    for (size_t i = 0; i < y->setup->miners; i++) {
        all += y->coins[i];
        if (i < y->setup->stakers) own += y->coins[i];
    }
    return all > 0 ? own / all : 0;
}

static double with_ticket(const youth *y) {
    const posw_u256 supply = wei_of(y->supply);
    size_t have = 0;
    for (size_t i = y->setup->stakers; i < y->setup->miners; i++) {
        const posw_u256 stake = wei_of(y->coins[i]);
        have += posw_weight_tickets(y->setup->params, &stake, &supply) > 0;
    }
    const size_t others = y->setup->miners - y->setup->stakers;
    return others > 0 ? (double)have / (double)others : NAN;
}

/* False when it was interrupted. */
static bool run_phase(youth *y) {
    const bootstrap_setup *s = y->setup;
    const uint64_t blocks = s->blocks / BOOTSTRAP_PHASES;
    const double begin_s = chain_sim_time_s(y->chain), block_s = (double)s->params->block_time_s;
    uint64_t stakers_blocks = 0;
    double longest_s = 0;
    chain_sim_block block;
    for (uint64_t n = 0; n < blocks; n++) {
        chain_sim_step(y->chain, &block);
        const double reward = reward_of(s->params, block.number);
        y->coins[block.miner] += reward;
        y->supply += reward;
        y->blocks++;
        stakers_blocks += block.miner < s->stakers;
        if (block.solve_s > longest_s) longest_s = block.solve_s;
        if (block.number % s->params->epoch_blocks == 0) new_epoch(y);
        if (n % 4096 == 0 && lab_stopping()) return false;
    }
    y->views[y->view_count++] =
        (view){(double)stakers_blocks / (double)blocks, stakers_stake(y), with_ticket(y),
               (chain_sim_time_s(y->chain) - begin_s) / (double)blocks / block_s, longest_s / block_s};
    return true;
}

typedef struct {
    const bootstrap_setup *setup;
    view views[BOOTSTRAP_CHAINS][BOOTSTRAP_PHASES];
    size_t counts[BOOTSTRAP_CHAINS];
    uint64_t blocks[BOOTSTRAP_CHAINS];
    bool failed[BOOTSTRAP_CHAINS];
} job;

static void run_chain(void *arg, size_t task) {
    job *j = arg;
    youth y = {.setup = j->setup};
    if (!begin(&y, task))
        j->failed[task] = true;
    else
        while (y.view_count < BOOTSTRAP_PHASES && run_phase(&y))
            ;
    memcpy(j->views[task], y.views, sizeof y.views);
    j->counts[task] = y.view_count;
    j->blocks[task] = y.blocks;
    chain_sim_free(y.chain);
    free(y.coins);
    free(y.pending);
}

static void add_up(bootstrap_result *out, const job *j) {
    for (size_t i = 0; i < BOOTSTRAP_PHASES; i++) {
        bootstrap_phase *p = &out->phases[i];
        p->end = (i + 1) * (j->setup->blocks / BOOTSTRAP_PHASES);
        p->boost =
            j->setup->params->weight.rule == POSW_WEIGHT_TICKET ? posw_weight_boost(j->setup->params, p->end) : 1;
        for (size_t chain = 0; chain < BOOTSTRAP_CHAINS; chain++) {
            const view *v = &j->views[chain][i];
            if (i >= j->counts[chain]) continue;
            lab_sample_add(&p->stakers_share, v->stakers_share, 1);
            lab_sample_add(&p->stakers_stake, v->stakers_stake, 1);
            if (!isnan(v->with_ticket)) lab_sample_add(&p->with_ticket, v->with_ticket, 1);
            lab_sample_add(&p->mean_ratio, v->mean_ratio, 1);
            lab_sample_add(&p->worst_gap, v->worst_gap, 1);
        }
    }
    for (size_t chain = 0; chain < BOOTSTRAP_CHAINS; chain++)
        out->blocks_done += j->blocks[chain];
}

bool bootstrap_run(bootstrap_result *out, const bootstrap_setup *setup) {
    POSW_ASSERT(setup->stakers <= setup->miners && setup->miners >= 1 && setup->blocks >= BOOTSTRAP_PHASES);
    memset(out, 0, sizeof *out);
    out->blocks_wanted = setup->blocks / BOOTSTRAP_PHASES * BOOTSTRAP_PHASES * BOOTSTRAP_CHAINS;
    job *j = calloc(1, sizeof *j);
    if (j == NULL) return false;
    j->setup = setup;
    const lab_parallel p = {.tasks = BOOTSTRAP_CHAINS,
                            .threads = setup->threads,
                            .what = setup->progress ? "blocks" : NULL,
                            .unit_count = setup->blocks,
                            .run = run_chain,
                            .arg = j};
    (void)lab_parallel_run(&p);
    bool ok = true;
    for (size_t i = 0; i < BOOTSTRAP_CHAINS; i++)
        ok = ok && !j->failed[i];
    add_up(out, j);
    free(j);
    return ok;
}
