#include "rules/shares.h"

#include "base/error.h"
#include "posw/weight.h"
#include "rules/clock.h"
#include "run/parallel.h"

#include <stdlib.h>

typedef struct {
    const shares_setup *setup;
    shares_result *result;
    uint64_t blocks; /* of each chain */
    bool failed[SHARES_CHAINS];
} job;

uint64_t shares_settling(const posw_params *p) {
    return 3 * p->window_blocks + 20 * p->difficulty_blocks + 1000;
}

/* What a chain adds up while it runs. */
typedef struct {
    double work, longest_s;
    uint64_t *blocks_before; /* of each miner at the start of the period */
} tally;

static void end_period(const chain_sim *s, shares_cell *cells, uint64_t *before, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const uint64_t blocks = chain_sim_score_of(s, i).blocks, income = blocks - before[i];
        lab_sample_add(&cells[i].income, (double)income, 1);
        cells[i].empty += income == 0;
        before[i] = blocks;
    }
}

/* Returns the blocks that were done. */
static uint64_t run_blocks(chain_sim *s, const job *j, shares_cell *cells, tally *t) {
    const uint64_t period = j->setup->period;
    uint64_t done = 0;
    chain_sim_block block;
    while (done < j->blocks) {
        chain_sim_step(s, &block);
        t->work += block.difficulty;
        if (block.solve_s > t->longest_s) t->longest_s = block.solve_s;
        done++;
        if (period != 0 && done % period == 0) end_period(s, cells, t->blocks_before, j->result->miner_count);
        if (done % 4096 == 0 && lab_stopping()) break;
    }
    return done;
}

/* A miner with much hash uses its tickets in the same places of each window: the chains start counting in different
 * ones. */
static void settle(chain_sim *s, const posw_params *p, size_t chain) {
    chain_sim_block block;
    for (uint64_t i = shares_settling(p) + chain * p->window_blocks / SHARES_CHAINS; i > 0; i--) {
        chain_sim_step(s, &block);
        if (i % 4096 == 0 && lab_stopping()) break;
    }
    chain_sim_forget(s);
}

static void note(const chain_sim *s, const job *j, shares_cell *cells, const tally *t, size_t chain, uint64_t done) {
    const chain_sim_setup *setup = &j->setup->chain;
    shares_result *r = j->result;
    const double time_s = chain_sim_score_s(s), block_s = (double)setup->params->block_time_s;
    double hash = 0, free_hash = 0;
    for (size_t i = 0; i < r->miner_count; i++) {
        const chain_sim_score score = chain_sim_score_of(s, i);
        cells[i].share = (double)score.blocks / (double)done;
        cells[i].boosted_share = score.free_s / time_s;
        cells[i].boosted_blocks = (double)score.boosted_blocks / (double)score.blocks;
        hash += setup->miners[i].hash;
        free_hash += setup->miners[i].hash * cells[i].boosted_share;
    }
    const posw_u256 most = posw_weight_max(setup->params, UINT64_MAX);
    r->blocks[chain] = done;
    r->mean_ratio[chain] = time_s / (double)done / block_s;
    r->effective_work[chain] = t->work / (double)done / (hash * lab_double_of(&most) * block_s);
    r->worst_gap[chain] = t->longest_s / block_s;
    r->phi[chain] = free_hash / hash;
}

static void run_chain(void *arg, size_t chain) {
    job *j = arg;
    chain_sim_setup setup = j->setup->chain;
    setup.task = chain;
    chain_sim *s = chain_sim_new(&setup);
    tally t = {.blocks_before = calloc(setup.miner_count, sizeof *t.blocks_before)};
    if (s == NULL || t.blocks_before == NULL)
        j->failed[chain] = true;
    else {
        shares_cell *cells = j->result->cells + chain * setup.miner_count;
        settle(s, setup.params, chain);
        if (!lab_stopping()) {
            const uint64_t done = run_blocks(s, j, cells, &t);
            note(s, j, cells, &t, chain, done);
        }
    }
    free(t.blocks_before);
    chain_sim_free(s);
}

bool shares_run(shares_result *out, const shares_setup *setup) {
    POSW_ASSERT(setup->blocks >= SHARES_CHAINS);
    *out = (shares_result){.miner_count = setup->chain.miner_count};
    out->cells = calloc(SHARES_CHAINS * out->miner_count, sizeof *out->cells);
    if (out->cells == NULL) return false;
    job j = {setup, out, setup->blocks / SHARES_CHAINS, {false}};
    const lab_parallel p = {.tasks = SHARES_CHAINS,
                            .threads = setup->threads,
                            .what = setup->progress ? "blocks" : NULL,
                            .unit_count = j.blocks,
                            .run = run_chain,
                            .arg = &j};
    (void)lab_parallel_run(&p);
    for (size_t i = 0; i < SHARES_CHAINS; i++) {
        if (j.failed[i]) {
            shares_clear(out);
            return false;
        }
        out->blocks_done += out->blocks[i];
    }
    return true;
}

void shares_clear(shares_result *r) {
    free(r->cells);
    *r = (shares_result){.miner_count = 0};
}

/* ---- over the chains ---- */

static double share_of(const shares_cell *c) {
    return c->share;
}
static double boosted_of(const shares_cell *c) {
    return c->boosted_share;
}
static double boosted_blocks_of(const shares_cell *c) {
    return c->boosted_blocks;
}

static lab_sample over_cells(const shares_result *r, size_t first, size_t count, double (*value)(const shares_cell *)) {
    lab_sample all = {0};
    POSW_ASSERT(count > 0 && first + count <= r->miner_count);
    for (size_t chain = 0; chain < SHARES_CHAINS; chain++) {
        lab_sample one = {0};
        for (size_t i = first; i < first + count; i++) {
            const double v = value(&r->cells[chain * r->miner_count + i]);
            if (!isnan(v)) lab_sample_add(&one, v, 1);
        }
        if (one.count > 0) lab_sample_add(&all, one.mean, (double)r->blocks[chain]);
    }
    return all;
}

lab_sample shares_of(const shares_result *r, size_t first, size_t count) {
    return over_cells(r, first, count, share_of);
}
lab_sample shares_boosted(const shares_result *r, size_t first, size_t count) {
    return over_cells(r, first, count, boosted_of);
}
lab_sample shares_boosted_blocks(const shares_result *r, size_t first, size_t count) {
    return over_cells(r, first, count, boosted_blocks_of);
}

double shares_income_cv(const shares_result *r, size_t first, size_t count) {
    double mean = 0, squares = 0, periods = 0;
    for (size_t chain = 0; chain < SHARES_CHAINS; chain++)
        for (size_t i = first; i < first + count; i++) {
            const lab_sample *s = &r->cells[chain * r->miner_count + i].income;
            mean += s->mean * s->weight;
            squares += s->squares + s->mean * s->mean * s->weight;
            periods += s->weight;
        }
    if (!(periods > 0) || !(mean > 0)) return NAN;
    mean /= periods;
    const double variance = squares / periods - mean * mean;
    return sqrt(variance > 0 ? variance : 0) / mean;
}

double shares_income_none(const shares_result *r, size_t first, size_t count) {
    double empty = 0, periods = 0;
    for (size_t chain = 0; chain < SHARES_CHAINS; chain++)
        for (size_t i = first; i < first + count; i++) {
            const shares_cell *c = &r->cells[chain * r->miner_count + i];
            empty += (double)c->empty;
            periods += c->income.weight;
        }
    return periods > 0 ? empty / periods : NAN;
}

lab_sample shares_over_chains(const shares_result *r, const double values[SHARES_CHAINS]) {
    lab_sample all = {0};
    for (size_t chain = 0; chain < SHARES_CHAINS; chain++)
        if (r->blocks[chain] > 0) lab_sample_add(&all, values[chain], (double)r->blocks[chain]);
    return all;
}
