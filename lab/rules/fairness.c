#include "rules/fairness.h"

#include "base/error.h"
#include "rules/chain_sim.h"
#include "rules/clock.h"
#include "run/parallel.h"

#include <stdlib.h>
#include <string.h>

static int descending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

fairness_figures fairness_of(double *wealth, size_t count) {
    double sum = 0, ranked = 0, running = 0;
    fairness_figures f = {0, 0, 0, 0};
    qsort(wealth, count, sizeof *wealth, descending);
    for (size_t i = 0; i < count; i++) {
        sum += wealth[i];
        ranked += wealth[i] * ((double)count - 1 - 2 * (double)i);
    }
    POSW_ASSERT(count > 0 && sum > 0);
    for (size_t i = 0; i < count; i++) {
        const double share = wealth[i] / sum;
        f.hhi += share * share;
        if (running <= sum / 2) f.nakamoto++;
        running += wealth[i];
    }
    f.gini = ranked / ((double)count * sum);
    f.top = wealth[0] / sum;
    return f;
}

/* One chain: wealth in parts of all first wealth. */
typedef struct {
    const fairness_setup *setup;
    chain_sim *chain;
    double *wealth, *pending, *sorted; /* pending: what was staked an epoch ago */
    fairness_figures *figures;         /* of years 0 to setup->years */
    size_t figure_count;
    uint64_t blocks;
} life;

static double coins_of(const fairness_setup *s, double wealth) {
    return wealth * s->supply_coins * s->staked;
}

static posw_u256 wei_of(double coins) {
    return lab_u256_of(coins * 1e18);
}

static void first_wealth(double *wealth, const fairness_setup *s) {
    double sum = 0;
    for (size_t i = 0; i < s->miners; i++)
        sum += wealth[i] = pow(((double)i + 0.5) / (double)s->miners, -1 / s->pareto);
    for (size_t i = 0; i < s->miners; i++)
        wealth[i] /= sum;
}

/* E1: what was staked when the epoch before last ended comes into force; hash is bought at once. */
static void new_epoch(life *l) {
    double all = 0;
    for (size_t i = 0; i < l->setup->miners; i++) {
        const posw_u256 stake = wei_of(coins_of(l->setup, l->pending[i]));
        all += l->pending[i];
        chain_sim_set_stake(l->chain, i, &stake);
        chain_sim_set_hash(l->chain, i, l->wealth[i]);
    }
    const posw_u256 supply = wei_of(all * l->setup->supply_coins);
    chain_sim_set_supply(l->chain, &supply);
    memcpy(l->pending, l->wealth, l->setup->miners * sizeof *l->wealth);
}

static void look(life *l) {
    memcpy(l->sorted, l->wealth, l->setup->miners * sizeof *l->wealth);
    l->figures[l->figure_count++] = fairness_of(l->sorted, l->setup->miners);
}

static bool begin(life *l, size_t task) {
    const fairness_setup *s = l->setup;
    chain_sim_miner *miners = calloc(s->miners, sizeof *miners);
    l->wealth = calloc(s->miners, sizeof *l->wealth);
    l->pending = calloc(s->miners, sizeof *l->pending);
    l->sorted = calloc(s->miners, sizeof *l->sorted);
    if (miners != NULL && l->wealth != NULL && l->pending != NULL && l->sorted != NULL) {
        first_wealth(l->wealth, s);
        memcpy(l->pending, l->wealth, s->miners * sizeof *l->wealth);
        for (size_t i = 0; i < s->miners; i++)
            miners[i] = (chain_sim_miner){l->wealth[i], wei_of(coins_of(s, l->wealth[i])), 1};
        const chain_sim_setup setup = {s->params, wei_of(s->supply_coins), miners, s->miners, s->seed, task};
        l->chain = chain_sim_new(&setup);
    }
    free(miners);
    return l->chain != NULL;
}

static void finish(life *l) {
    chain_sim_free(l->chain);
    free(l->wealth);
    free(l->pending);
    free(l->sorted);
}

static void run_life(life *l) {
    const fairness_setup *s = l->setup;
    const double reward = s->income / (double)s->blocks_per_year;
    chain_sim_block block;
    look(l);
    for (uint64_t n = 1; n <= s->years * s->blocks_per_year; n++) {
        chain_sim_step(l->chain, &block);
        l->wealth[block.miner] += reward;
        l->blocks++;
        if (n % s->params->epoch_blocks == 0) new_epoch(l);
        if (n % s->blocks_per_year == 0) look(l);
        if (n % 4096 == 0 && lab_stopping()) return;
    }
}

typedef struct {
    const fairness_setup *setup;
    fairness_figures (*figures)[FAIRNESS_YEARS_MAX + 1]; /* of each seed */
    size_t counts[FAIRNESS_SEEDS_MAX];
    uint64_t blocks[FAIRNESS_SEEDS_MAX];
    bool failed[FAIRNESS_SEEDS_MAX];
} job;

static void run_seed(void *arg, size_t task) {
    job *j = arg;
    life l = {.setup = j->setup, .figures = j->figures[task]};
    if (begin(&l, task))
        run_life(&l);
    else
        j->failed[task] = true;
    j->counts[task] = l.figure_count;
    j->blocks[task] = l.blocks;
    finish(&l);
}

static void add_up(fairness_result *out, const job *j) {
    for (size_t seed = 0; seed < j->setup->seeds; seed++) {
        out->blocks_done += j->blocks[seed];
        if (j->counts[seed] > out->years) out->years = j->counts[seed];
        for (size_t year = 0; year < j->counts[seed]; year++) {
            const fairness_figures *f = &j->figures[seed][year];
            lab_sample_add(&out->gini[year], f->gini, 1);
            lab_sample_add(&out->hhi[year], f->hhi, 1);
            lab_sample_add(&out->nakamoto[year], f->nakamoto, 1);
            lab_sample_add(&out->top[year], f->top, 1);
        }
    }
}

bool fairness_run(fairness_result *out, const fairness_setup *setup) {
    POSW_ASSERT(setup->miners >= 1 && setup->miners <= FAIRNESS_MINERS_MAX && setup->years <= FAIRNESS_YEARS_MAX);
    POSW_ASSERT(setup->seeds >= 1 && setup->seeds <= FAIRNESS_SEEDS_MAX && setup->blocks_per_year >= 1);
    memset(out, 0, sizeof *out);
    out->blocks_wanted = setup->years * setup->blocks_per_year * setup->seeds;
    job *j = calloc(1, sizeof *j);
    if (j == NULL) return false;
    j->setup = setup;
    j->figures = calloc(setup->seeds, sizeof *j->figures);
    bool ok = j->figures != NULL;
    if (ok) {
        const lab_parallel p = {.tasks = setup->seeds,
                                .threads = setup->threads,
                                .what = setup->progress ? "blocks" : NULL,
                                .unit_count = setup->years * setup->blocks_per_year,
                                .run = run_seed,
                                .arg = j};
        (void)lab_parallel_run(&p);
        for (size_t i = 0; i < setup->seeds; i++)
            ok = ok && !j->failed[i];
        add_up(out, j);
    }
    free(j->figures);
    free(j);
    return ok;
}
