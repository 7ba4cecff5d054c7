/* A round begins and ends with everybody on one block, the base. In it, `hidden` is the attacker's branch (the first
 * `shown` blocks of it are in the tree) and `open` the honest one (all of it is):
 *
 *      base ── o ── o                    open: 2, in the tree
 *         └─── x ── x ── x ── x          hidden: 4, of which 2 are shown
 *
 * Both branches have a window; at the end of a round the loser's is led over to the winner's blocks. */
#include "rules/selfish_sim.h"

#include "base/error.h"
#include "rules/branches.h"
#include "run/parallel.h"
#include "run/random.h"

#include <stdlib.h>
#include <string.h>

enum { HISTORY = 4096, ROUND_MAX = 2000 };

typedef struct {
    branches_block *blocks; /* ROUND_MAX */
    uint32_t *nodes;        /* of those in the tree */
    size_t count, shown;
    posw_window *window; /* at its end; NULL without tickets */
} branch;

typedef struct {
    const selfish_setup *setup;
    branches b;
    branch side[BRANCHES_MINERS];
    uint8_t *miner_of; /* by node of the tree */
    uint32_t base;
    lab_random random;
    uint64_t found, won[BRANCHES_MINERS];
} chain;

static bool start(chain *c, const selfish_setup *setup, size_t task) {
    memset(c, 0, sizeof *c);
    c->setup = setup;
    c->random = lab_random_of(setup->seed, task);
    if (!branches_init(&c->b, setup->window, setup->has_tickets ? setup->boost : 1, 2 * ROUND_MAX)) return false;
    c->miner_of = calloc(posw_tree_capacity(c->b.tree), 1);
    if (c->miner_of == NULL) return false;
    branches_stake(&c->b, BRANCHES_HONEST, setup->window + 1);
    branches_stake(&c->b, BRANCHES_ATTACKER, (uint64_t)(setup->ticket_share * (double)setup->window + 0.5));
    for (int i = 0; i < BRANCHES_MINERS; i++) {
        branch *s = &c->side[i];
        s->blocks = malloc(ROUND_MAX * sizeof *s->blocks);
        s->nodes = malloc(ROUND_MAX * sizeof *s->nodes);
        if (setup->has_tickets) s->window = branches_window(&c->b, HISTORY);
        if (s->blocks == NULL || s->nodes == NULL || (setup->has_tickets && s->window == NULL)) return false;
    }
    return true;
}

static void end(chain *c) {
    for (int i = 0; i < BRANCHES_MINERS; i++) {
        free(c->side[i].blocks);
        free(c->side[i].nodes);
        free(c->side[i].window);
    }
    free(c->miner_of);
    branches_clear(&c->b);
}

/* Puts blocks of a branch into the tree until `count` of them are there. */
static void show(chain *c, branch *s, size_t count) {
    while (s->shown < count) {
        const uint32_t parent = s->shown == 0 ? c->base : s->nodes[s->shown - 1];
        const uint32_t node = branches_insert(&c->b, parent, &s->blocks[s->shown]);
        c->miner_of[node] = (uint8_t)s->blocks[s->shown].miner;
        s->nodes[s->shown++] = node;
    }
}

static void append(branch *s, branches_block block) {
    POSW_ASSERT(s->count < ROUND_MAX);
    s->blocks[s->count++] = block;
}

/* The window of the branch that lost goes back to the base and along the other one. */
static void lead_over(chain *c, branch *loser, const branch *winner) {
    if (loser->window != NULL) {
        for (size_t i = 0; i < loser->count; i++) {
            const bool undone = posw_window_pop(loser->window);
            POSW_ASSERT(undone);
        }
        for (size_t i = 0; i < winner->count; i++)
            branches_push(&c->b, loser->window, &winner->blocks[i]);
    }
}

/* Everybody goes over to the tip of the tree; its blocks above the base are paid. */
static void end_round(chain *c) {
    branch *attacker = &c->side[BRANCHES_ATTACKER], *honest = &c->side[BRANCHES_HONEST];
    const uint32_t tip = posw_tree_tip(c->b.tree);
    for (uint32_t i = tip; i != c->base; i = posw_tree_at(c->b.tree, i)->parent)
        c->won[c->miner_of[i]]++;
    const bool attacker_won = attacker->shown > 0 && attacker->nodes[attacker->shown - 1] == tip;
    POSW_ASSERT(attacker_won ? attacker->shown == attacker->count : honest->nodes[honest->shown - 1] == tip);
    if (attacker_won)
        lead_over(c, honest, attacker);
    else
        lead_over(c, attacker, honest);
    attacker->count = attacker->shown = honest->count = honest->shown = 0;
    c->base = tip;
    if (branches_restart(&c->b)) c->base = posw_tree_tip(c->b.tree);
}

static void attacker_finds(chain *c, double weight) {
    branch *attacker = &c->side[BRANCHES_ATTACKER], *honest = &c->side[BRANCHES_HONEST];
    const bool match = honest->count > 0 && attacker->count == honest->count;
    append(attacker, branches_mine(&c->b, attacker->window, BRANCHES_ATTACKER, weight, lab_uniform(&c->random)));
    if (!match && attacker->count < ROUND_MAX) return;
    show(c, attacker, attacker->count);
    end_round(c);
}

/* In a match some honest miners are on the attacker's block: its branch goes on with one of theirs. */
static void honest_finds_in_match(chain *c, double weight) {
    branch *attacker = &c->side[BRANCHES_ATTACKER], *honest = &c->side[BRANCHES_HONEST];
    const bool follows = lab_uniform(&c->random) < c->setup->gamma;
    branch *s = follows ? attacker : honest;
    append(s, branches_mine(&c->b, s->window, BRANCHES_HONEST, weight, lab_uniform(&c->random)));
    show(c, s, s->count);
    end_round(c);
}

static void honest_finds(chain *c, double weight) {
    branch *attacker = &c->side[BRANCHES_ATTACKER], *honest = &c->side[BRANCHES_HONEST];
    const size_t ahead = attacker->count - honest->count;
    if (ahead == 0 && honest->count > 0) {
        honest_finds_in_match(c, weight);
        return;
    }
    append(honest, branches_mine(&c->b, honest->window, BRANCHES_HONEST, weight, lab_uniform(&c->random)));
    show(c, honest, honest->count);
    if (ahead == 2) show(c, attacker, attacker->count);
    if (ahead == 0 || ahead == 2)
        end_round(c);
    else
        show(c, attacker, honest->count);
}

static double weight_of(const chain *c, int miner) {
    const posw_window *w = c->side[miner].window;
    return w == NULL ? 1 : branches_weight(&c->b, w, miner);
}

static void one_block(chain *c) {
    const double attacker_weight = weight_of(c, BRANCHES_ATTACKER), honest_weight = weight_of(c, BRANCHES_HONEST);
    const double attacker = c->setup->alpha * attacker_weight, honest = (1 - c->setup->alpha) * honest_weight;
    c->found++;
    if (lab_uniform(&c->random) * (attacker + honest) < attacker)
        attacker_finds(c, attacker_weight);
    else
        honest_finds(c, honest_weight);
}

typedef struct {
    const selfish_setup *setup;
    selfish_result *result;
    uint64_t blocks;
    bool failed[SELFISH_CHAINS];
} job;

static void run_chain(void *arg, size_t task) {
    job *j = arg;
    chain c;
    if (!start(&c, j->setup, task))
        j->failed[task] = true;
    else {
        /* tickets come back a window after they were used, and so in waves: the chains are looked at from different
         * places */
        const uint64_t window = j->setup->has_tickets ? j->setup->window : 0;
        const uint64_t settling = 5 * window + 2 * window * task / SELFISH_CHAINS;
        for (uint64_t i = 0; i < settling && !lab_stopping(); i++)
            one_block(&c);
        c.found = c.won[BRANCHES_ATTACKER] = c.won[BRANCHES_HONEST] = 0;
        while (c.found < j->blocks && !(c.found % 1024 == 0 && lab_stopping()))
            one_block(&c);
        const uint64_t best = c.won[BRANCHES_ATTACKER] + c.won[BRANCHES_HONEST];
        if (best > 0) {
            j->result->blocks[task] = c.found;
            j->result->revenue[task] = (double)c.won[BRANCHES_ATTACKER] / (double)best;
            j->result->stale[task] = c.found > best ? 1 - (double)best / (double)c.found : 0;
        }
    }
    end(&c);
}

bool selfish_run(selfish_result *out, const selfish_setup *setup) {
    POSW_ASSERT(setup->blocks >= SELFISH_CHAINS && setup->alpha >= 0 && setup->alpha <= 1);
    memset(out, 0, sizeof *out);
    job j = {setup, out, setup->blocks / SELFISH_CHAINS, {false}};
    const lab_parallel p = {.tasks = SELFISH_CHAINS,
                            .threads = setup->threads,
                            .what = setup->progress ? "blocks" : NULL,
                            .unit_count = j.blocks,
                            .run = run_chain,
                            .arg = &j};
    (void)lab_parallel_run(&p);
    for (size_t i = 0; i < SELFISH_CHAINS; i++) {
        if (j.failed[i]) return false;
        out->blocks_done += out->blocks[i];
    }
    return true;
}

lab_sample selfish_over_chains(const selfish_result *r, const double values[SELFISH_CHAINS]) {
    lab_sample all = {0};
    for (size_t i = 0; i < SELFISH_CHAINS; i++)
        if (r->blocks[i] > 0) lab_sample_add(&all, values[i], (double)r->blocks[i]);
    return all;
}
