#include "rules/double_spend_sim.h"

#include "base/error.h"
#include "rules/branches.h"
#include "run/parallel.h"
#include "run/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS = 64, LENGTH_MAX = 20000, HISTORY = 4096 };
static const double HOPELESS = 1e-9;

/* What a task owns: a chain that goes on from trial to trial. */
typedef struct {
    const double_spend_setup *setup;
    branches b;
    posw_window *windows[BRANCHES_MINERS]; /* of the two branches; NULL without tickets */
    branches_block *hidden;                /* the attacker's branch: LENGTH_MAX blocks */
    lab_random random;
} race;

/* One trial as it stands. */
typedef struct {
    uint32_t fork, public_tip;
    uint64_t honest, attacker; /* blocks since the fork */
} trial;

static bool start(race *r, const double_spend_setup *setup, size_t task) {
    memset(r, 0, sizeof *r);
    r->setup = setup;
    r->random = lab_random_of(setup->seed, task);
    r->hidden = malloc(LENGTH_MAX * sizeof *r->hidden);
    if (!branches_init(&r->b, setup->window, setup->has_tickets ? setup->boost : 1, LENGTH_MAX) || r->hidden == NULL)
        return false;
    branches_stake(&r->b, BRANCHES_ATTACKER, setup->tickets);
    branches_stake(&r->b, BRANCHES_HONEST, setup->window + 1); /* always one free */
    if (!setup->has_tickets) return true;
    for (int i = 0; i < BRANCHES_MINERS; i++)
        r->windows[i] = branches_window(&r->b, HISTORY);
    return r->windows[0] != NULL && r->windows[1] != NULL;
}

static void end(race *r) {
    for (int i = 0; i < BRANCHES_MINERS; i++)
        free(r->windows[i]);
    free(r->hidden);
    branches_clear(&r->b);
}

/* Back to the fork: all tickets are free again. */
static void rewind_window(race *r, int side, uint64_t blocks) {
    bool undone = true;
    if (r->windows[side] == NULL) return;
    while (undone && blocks-- > 0)
        undone = posw_window_pop(r->windows[side]);
    if (undone) return;
    posw_window_reset(r->windows[side]); /* longer than its history */
    posw_window_push(r->windows[side], &(posw_window_entry){.timestamp = r->b.params.block_time_s});
}

static double weight_of(const race *r, int side) {
    return r->windows[side] == NULL ? 1 : branches_weight(&r->b, r->windows[side], side);
}

/* The attacker shows its branch: does everybody go over to it? */
static bool show(race *r, const trial *t) {
    uint32_t tip = t->fork;
    for (uint64_t i = 0; i < t->attacker; i++)
        tip = branches_insert(&r->b, tip, &r->hidden[i]);
    return posw_tree_tip(r->b.tree) == tip;
}

static bool hopeless(const trial *t, double attacker_speed, double honest_speed) {
    if (t->attacker > t->honest) return false;
    if (attacker_speed >= honest_speed || t->honest - t->attacker < 4) return false;
    return (double)(t->honest - t->attacker + 1) * log(attacker_speed / honest_speed) < log(HOPELESS);
}

static void one_block(race *r, trial *t, double attacker_speed, double honest_speed, const double weight[2]) {
    const double u = lab_uniform(&r->random) * (attacker_speed + honest_speed), level = lab_uniform(&r->random);
    const int finder = u < attacker_speed ? BRANCHES_ATTACKER : BRANCHES_HONEST;
    const branches_block block = branches_mine(&r->b, r->windows[finder], finder, weight[finder], level);
    if (finder == BRANCHES_ATTACKER)
        r->hidden[t->attacker++] = block;
    else {
        t->public_tip = branches_insert(&r->b, t->public_tip, &block);
        t->honest++;
    }
}

/* True: the payment is undone. An attacker that has a block more than the confirmations waits until the honest miners
 * have theirs, and is not kept waiting where there are none of these. */
static bool run_trial(race *r, double_spend_result *out) {
    const double_spend_setup *s = r->setup;
    (void)branches_restart(&r->b);
    trial t = {.fork = posw_tree_tip(r->b.tree)};
    bool success = false, given_up = false;
    t.public_tip = t.fork;
    while (!success && !given_up) {
        const double weight[2] = {weight_of(r, BRANCHES_ATTACKER), weight_of(r, BRANCHES_HONEST)};
        const bool waits = t.attacker > s->z && t.attacker > t.honest;
        const double attacker = waits ? 0 : s->q * weight[BRANCHES_ATTACKER];
        const double honest = (1 - s->q) * weight[BRANCHES_HONEST];
        if ((t.honest >= s->z || (waits && honest <= 0)) && t.attacker > t.honest)
            success = show(r, &t);
        else if (hopeless(&t, attacker, honest) || t.attacker + t.honest >= LENGTH_MAX)
            given_up = true;
        else
            one_block(r, &t, attacker, honest, weight);
    }
    rewind_window(r, BRANCHES_ATTACKER, t.attacker);
    rewind_window(r, BRANCHES_HONEST, t.honest);
    const bool undecided = !success && t.attacker + t.honest >= LENGTH_MAX;
    success |= undecided && s->q >= 0.5 && !s->has_tickets;
    out->trials++;
    out->successes += success;
    out->given_up += undecided;
    out->blocks += (double)(t.attacker + t.honest);
    return success;
}

typedef struct {
    const double_spend_setup *setup;
    double_spend_result results[TASKS];
    bool failed[TASKS];
} job;

static void run_task(void *arg, size_t task) {
    job *j = arg;
    const uint64_t trials = j->setup->trials / TASKS + (task < j->setup->trials % TASKS);
    race r;
    if (!start(&r, j->setup, task))
        j->failed[task] = true;
    else
        for (uint64_t i = 0; i < trials; i++) {
            (void)run_trial(&r, &j->results[task]);
            if (i % 256 == 0 && lab_stopping()) break;
        }
    end(&r);
}

bool double_spend_run(double_spend_result *out, const double_spend_setup *setup) {
    POSW_ASSERT(setup->q >= 0 && setup->q <= 1 && setup->z <= DOUBLE_SPEND_SIM_Z_MAX);
    job *j = calloc(1, sizeof *j);
    bool ok = j != NULL;
    if (!ok) return false;
    j->setup = setup;
    const lab_parallel p = {.tasks = TASKS,
                            .threads = setup->threads,
                            .what = setup->progress ? "trials" : NULL,
                            .unit_count = setup->trials / TASKS,
                            .run = run_task,
                            .arg = j};
    (void)lab_parallel_run(&p);
    *out = (double_spend_result){0, 0, 0, 0};
    for (size_t i = 0; i < TASKS; i++) {
        ok = ok && !j->failed[i];
        out->trials += j->results[i].trials;
        out->successes += j->results[i].successes;
        out->given_up += j->results[i].given_up;
        out->blocks += j->results[i].blocks;
    }
    if (out->trials > 0) out->blocks /= (double)out->trials;
    free(j);
    return ok;
}
