#include "rules/difficulty_sim.h"

#include "base/error.h"
#include "posw/window.h"
#include "rules/clock.h"
#include "run/parallel.h"
#include "run/random.h"

#include <stdlib.h>
#include <string.h>

enum { BASE, ATTACKER };
static const double FIRST_DIFFICULTY = 0x1p56;

typedef struct {
    const difficulty_setup *setup;
    posw_params params;
    posw_window *window;   /* NULL: the rule does not look back */
    difficulty_past *past; /* NULL: the rule is one of libposw */
    posw_u256 next;        /* by the rule of another chain */
    posw_header parent;
    lab_random random;
    double now_s, unit;
    double base_difficulty; /* difficulty_of_base() */
    uint64_t rented_before; /* where the chain begins between two rentals */
    double hash[2];
    uint64_t lead_s[2];
} chain;

typedef struct {
    int finder;
    double solve_s, difficulty;
    uint64_t elapsed_s; /* by the timestamps */
} found;

/* ---- one block ---- */

static uint64_t timestamp_of(const chain *c, int party) {
    return lab_timestamp(&c->parent, c->now_s + (double)c->lead_s[party]);
}

static posw_u256 difficulty_of(const chain *c, int party) {
    if (c->past != NULL) return c->next;
    return posw_difficulty_next(&c->params, c->window, &c->parent, timestamp_of(c, party));
}

/* The real time at which the difficulty changes next for somebody; INFINITY: not while this block is looked for. */
static double next_change_s(const chain *c) {
    double next_s = INFINITY;
    for (int party = BASE; party <= ATTACKER; party++) {
        const uint64_t change_s = lab_next_change(&c->params, timestamp_of(c, party) - c->parent.timestamp);
        if (change_s == UINT64_MAX) continue;
        const double at_s = (double)(c->parent.timestamp + change_s) - (double)c->lead_s[party];
        if (at_s < next_s) next_s = at_s;
    }
    return next_s;
}

static void take(chain *c, const posw_u256 *difficulty, int finder) {
    const uint64_t timestamp = timestamp_of(c, finder);
    c->parent.timestamp = timestamp;
    c->parent.number++;
    c->parent.difficulty = *difficulty;
    if (c->past != NULL) {
        difficulty_past_push(c->past, (double)timestamp, lab_double_of(difficulty));
        c->next = lab_u256_of(fmax(1, difficulty_past_next(c->past)));
    }
    if (c->window == NULL) return;
    posw_window_push(c->window, &(posw_window_entry){.timestamp = timestamp, .difficulty = *difficulty});
}

static found next_block(chain *c) {
    const double before_s = c->now_s;
    const uint64_t before = c->parent.timestamp;
    double work = lab_exponential(&c->random), speed[2];
    posw_u256 d[2];
    for (;;) {
        for (int party = BASE; party <= ATTACKER; party++) {
            d[party] = party == ATTACKER && !lab_own_timestamp(&c->params) ? d[BASE] : difficulty_of(c, party);
            speed[party] = c->hash[party] * c->unit / lab_double_of(&d[party]);
        }
        const double needed_s = work / (speed[BASE] + speed[ATTACKER]);
        const double change_s = lab_own_timestamp(&c->params) ? next_change_s(c) : INFINITY;
        if (c->now_s + needed_s < change_s) {
            c->now_s += needed_s;
            break;
        }
        work -= (change_s - c->now_s) * (speed[BASE] + speed[ATTACKER]);
        c->now_s = change_s;
    }
    const bool base = lab_uniform(&c->random) * (speed[BASE] + speed[ATTACKER]) < speed[BASE];
    const int finder = base ? BASE : ATTACKER;
    take(c, &d[finder], finder);
    return (found){finder, c->now_s - before_s, lab_double_of(&d[finder]), c->parent.timestamp - before};
}

/* ---- what the attacker does ---- */

/* Step goes up by a tenth after a block that is sooner than the goal, and down by one after the others: it stands where
 * x ln 1.1 + (1 - x) ln 0.9 = 0, x being the part of the sooner ones. They are found at 1.1 times the difficulty d, so
 * x = 1 - exp(-1 / (1.1 d)). */
double difficulty_of_base(const posw_params *p) {
    if (p->difficulty_rule != POSW_DIFFICULTY_STEP) return 1;
    const double sooner = log(.9) / (log(.9) - log(1.1));
    return -1 / (1.1 * log1p(-sooner));
}

/* By the difficulty of the next block; under the rules where that depends on its time, of the latest one. */
static double seen_difficulty(const chain *c) {
    const posw_u256 d = lab_own_timestamp(&c->params) ? c->parent.difficulty : difficulty_of(c, BASE);
    return lab_double_of(&d) / (FIRST_DIFFICULTY * c->base_difficulty);
}

static void decide(chain *c) {
    const difficulty_setup *s = c->setup;
    switch (s->scenario) {
    case DIFFICULTY_CONSTANT:
        return;
    case DIFFICULTY_ON_OFF: {
        const double d = seen_difficulty(c);
        if (d < s->on) c->hash[ATTACKER] = s->factor;
        if (d > s->off) c->hash[ATTACKER] = 0;
        return;
    }
    case DIFFICULTY_RENTED:
        c->hash[ATTACKER] = (c->parent.number + c->rented_before) % s->every < s->duration ? s->factor : 0;
        return;
    case DIFFICULTY_TIMESTAMP:
        c->hash[ATTACKER] = s->factor;
        return;
    }
}

/* ---- a chain ---- */

static bool start(chain *c, const difficulty_setup *setup, size_t task) {
    memset(c, 0, sizeof *c);
    c->setup = setup;
    c->params = *setup->params;
    c->params.genesis_time = 0;
    c->params.genesis_difficulty = c->parent.difficulty = lab_u256_of(FIRST_DIFFICULTY);
    c->random = lab_random_of(setup->seed, task);
    c->hash[BASE] = 1;
    c->base_difficulty = difficulty_of_base(&c->params);
    c->lead_s[ATTACKER] = setup->scenario == DIFFICULTY_TIMESTAMP ? setup->lead_s : 0;
    /* no chain sees whole turns of the rental only: each is looked at from another place, so that the error tells it */
    if (setup->scenario == DIFFICULTY_RENTED) c->rented_before = setup->every * task / DIFFICULTY_CHAINS;
    c->unit = FIRST_DIFFICULTY / (double)c->params.block_time_s;
    c->next = c->parent.difficulty;
    if (setup->other != NULL) {
        POSW_ASSERT(c->params.difficulty_rule == POSW_DIFFICULTY_FIXED);
        c->past = difficulty_past_new(setup->other, (double)c->params.block_time_s, FIRST_DIFFICULTY);
        return c->past != NULL;
    }
    if (!posw_difficulty_looks_back(c->params.difficulty_rule)) return true;
    const uint64_t back = lab_look_back_max(&c->params);
    const size_t size = posw_window_size(back, 0);
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    if (memory == NULL) return false;
    c->window = posw_window_init(memory, back, 0, UINT64_MAX);
    posw_window_push(c->window, &(posw_window_entry){.difficulty = c->parent.difficulty});
    return true;
}

typedef struct {
    lab_sample difficulty;
    double time_s, attacker_s, delay, longest_s;
    uint64_t blocks, below, slow, attacker_blocks;
} tally;

static void count(tally *t, const found *f, double attacker_hash, double block_s) {
    lab_sample_add(&t->difficulty, f->difficulty, 1);
    t->time_s += f->solve_s;
    if (attacker_hash > 0) t->attacker_s += f->solve_s;
    if (f->solve_s > t->longest_s) t->longest_s = f->solve_s;
    t->blocks++;
    t->below += f->elapsed_s < (uint64_t)block_s;
    t->attacker_blocks += f->finder == ATTACKER;
    if (f->solve_s <= 6 * block_s) return;
    t->slow++;
    t->delay += f->solve_s / block_s - 2;
}

static difficulty_chain summary_of(const tally *t, const difficulty_setup *setup) {
    const double n = (double)t->blocks, block_s = (double)setup->params->block_time_s;
    const double attacker_hash_s = setup->factor * t->attacker_s;
    const double attacker = (double)t->attacker_blocks / attacker_hash_s,
                 base = (n - (double)t->attacker_blocks) / t->time_s;
    return (difficulty_chain){
        .blocks = t->blocks,
        .mean_ratio = t->time_s / n / block_s,
        .difficulty_sd = lab_sample_sd(&t->difficulty) / t->difficulty.mean,
        .p_below_goal = (double)t->below / n,
        .p_slow = (double)t->slow / n,
        .delay_percent = 100 * t->delay / n,
        .attacker_advantage = setup->scenario == DIFFICULTY_CONSTANT ? NAN : attacker / base,
        .attacker_share = (double)t->attacker_blocks / n,
        .attacker_time = t->attacker_s / t->time_s,
        .worst_gap = t->longest_s / block_s,
    };
}

typedef struct {
    const difficulty_setup *setup;
    difficulty_result *result;
    uint64_t blocks;
    bool failed[DIFFICULTY_CHAINS];
} job;

/* An attacker who comes and goes drives bitcoin2016 between two levels, of which the low one only rises: to the highest
 * that chance has made in any interval. After five hundred of them it hardly does any more. */
uint64_t difficulty_settling(const difficulty_setup *s) {
    const posw_params *p = s->params;
    if (s->other != NULL) return 1000 + 20 * s->other->blocks;
    switch (p->difficulty_rule) {
    case POSW_DIFFICULTY_BITCOIN2016:
        return (s->scenario == DIFFICULTY_ON_OFF ? 500 : 8) * p->difficulty_blocks;
    case POSW_DIFFICULTY_ASERT:
    case POSW_DIFFICULTY_ASERT_LAG:
    case POSW_DIFFICULTY_LWMA3:
        return 1000 + 20 * p->difficulty_blocks;
    case POSW_DIFFICULTY_FIXED:
    case POSW_DIFFICULTY_HOMESTEAD:
    case POSW_DIFFICULTY_STEP:
        return 20000;
    }
    return 0;
}

static void run_chain(void *arg, size_t task) {
    job *j = arg;
    const difficulty_setup *setup = j->setup;
    chain c;
    tally t = {.blocks = 0};
    if (!start(&c, setup, task)) {
        j->failed[task] = true;
        return;
    }
    /* where the difficulty goes up and down by turns, the chains are looked at from different places */
    const uint64_t turns = setup->params->difficulty_rule == POSW_DIFFICULTY_BITCOIN2016
                               ? 2 * setup->params->difficulty_blocks * task / DIFFICULTY_CHAINS
                               : 0;
    const uint64_t settling = difficulty_settling(setup) + turns;
    for (uint64_t i = 0; i < settling + j->blocks; i++) {
        decide(&c);
        const found f = next_block(&c);
        if (i >= settling) count(&t, &f, c.hash[ATTACKER], (double)c.params.block_time_s);
        if (i % 4096 == 0 && lab_stopping()) break;
    }
    if (t.blocks > 0) j->result->chains[task] = summary_of(&t, setup);
    free(c.window);
    difficulty_past_free(c.past);
}

bool difficulty_run(difficulty_result *out, const difficulty_setup *setup) {
    POSW_ASSERT(setup->blocks >= DIFFICULTY_CHAINS);
    memset(out, 0, sizeof *out);
    job j = {setup, out, setup->blocks / DIFFICULTY_CHAINS, {false}};
    const lab_parallel p = {.tasks = DIFFICULTY_CHAINS,
                            .threads = setup->threads,
                            .what = setup->progress ? "blocks" : NULL,
                            .unit_count = j.blocks,
                            .run = run_chain,
                            .arg = &j};
    (void)lab_parallel_run(&p);
    for (size_t i = 0; i < DIFFICULTY_CHAINS; i++) {
        if (j.failed[i]) return false;
        out->blocks_done += out->chains[i].blocks;
    }
    return true;
}

lab_sample difficulty_over_chains(const difficulty_result *r, size_t offset) {
    lab_sample all = {0};
    for (size_t i = 0; i < DIFFICULTY_CHAINS; i++) {
        double v;
        memcpy(&v, (const char *)&r->chains[i] + offset, sizeof v);
        if (r->chains[i].blocks > 0 && !isnan(v)) lab_sample_add(&all, v, (double)r->chains[i].blocks);
    }
    return all;
}
