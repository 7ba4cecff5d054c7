/* A round begins and ends with everybody on one block, the base. In it, `hidden` is the attacker's branch (the first
 * `shown` blocks of it are in the tree) and `open` the honest one (all of it is):
 *
 *      base ── o ── o                    open: 2, in the tree
 *         └─── x ── x ── x ── x          hidden: 4, of which 2 are shown
 *
 * Both branches have a window; at the end of a round the loser's is led over to the winner's blocks. An honest block on
 * shown ones in a match moves the base to its parent; what is still hidden goes on above that. */
#include "rules/selfish_sim.h"

#include "base/error.h"
#include "posw/difficulty.h"
#include "posw/u256.h"
#include "rules/branches.h"
#include "rules/clock.h"
#include "run/parallel.h"
#include "run/random.h"

#include <stdlib.h>
#include <string.h>

enum { HISTORY = 4096, ROUND_MAX = 2000, SETTLING_MAX = 20000 };
static const double FIRST_DIFFICULTY = 0x1p56;

typedef struct {
    branches_block *blocks; /* ROUND_MAX */
    uint32_t *nodes;        /* of those in the tree */
    size_t count, shown;
    posw_u256 weight;    /* of all its blocks */
    posw_u256 next;      /* difficulty of the block that follows */
    posw_window *window; /* at its end; NULL without tickets and times */
} branch;

typedef struct {
    uint64_t blocks;
    double difficulty;
} earnings;

typedef struct {
    const selfish_setup *setup;
    branches b;
    branch side[BRANCHES_MINERS];
    uint8_t *miner_of; /* by node of the tree */
    uint32_t base;
    posw_header base_header; /* number, timestamp and difficulty */
    bool match;              /* what is shown of the hidden branch is as heavy as the open one */
    lab_random random;
    double now_s, speed; /* blocks a second by one unit of boosted hash, times the difficulty */
    uint64_t found;
    earnings won[BRANCHES_MINERS];
} chain;

static bool has_clock(const chain *c) {
    return c->setup->times != LAB_NO_TIMES;
}

/* Its clock starts with the base, and its difficulty where honest miners alone would keep it. */
static void start_clock(chain *c, const selfish_setup *setup) {
    posw_params *p = &c->b.params;
    if (has_clock(c)) {
        p->difficulty_rule = setup->rule;
        p->difficulty_blocks = setup->difficulty_blocks;
        p->block_time_s = setup->block_time_s;
        p->genesis_difficulty = lab_u256_of(FIRST_DIFFICULTY);
    }
    p->genesis_time = p->block_time_s;
    c->base_header.difficulty = p->genesis_difficulty;
    c->base_header.timestamp = p->block_time_s; /* as branches_window() has it */
    c->now_s = (double)p->block_time_s;
    const double boost = setup->has_tickets ? (double)setup->boost : 1;
    c->speed = lab_double_of(&p->genesis_difficulty) / boost / (double)p->block_time_s;
    for (int i = 0; i < BRANCHES_MINERS; i++)
        c->side[i].next = p->genesis_difficulty;
}

static bool start(chain *c, const selfish_setup *setup, size_t task) {
    memset(c, 0, sizeof *c);
    c->setup = setup;
    const bool has_window = setup->has_tickets || has_clock(c);
    c->random = lab_random_of(setup->seed, task);
    if (!branches_init(&c->b, setup->window, setup->has_tickets ? setup->boost : 1, 2 * ROUND_MAX)) return false;
    c->miner_of = calloc(posw_tree_capacity(c->b.tree), 1);
    if (c->miner_of == NULL) return false;
    branches_stake(&c->b, BRANCHES_HONEST, setup->window + 1);
    branches_stake(&c->b, BRANCHES_ATTACKER, (uint64_t)(setup->ticket_share * (double)setup->window + 0.5));
    start_clock(c, setup);
    for (int i = 0; i < BRANCHES_MINERS; i++) {
        branch *s = &c->side[i];
        s->blocks = malloc(ROUND_MAX * sizeof *s->blocks);
        s->nodes = malloc(ROUND_MAX * sizeof *s->nodes);
        if (has_window) s->window = branches_window(&c->b, HISTORY);
        if (s->blocks == NULL || s->nodes == NULL || (has_window && s->window == NULL)) return false;
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

/* ---- branches ---- */

/* The end of the first `count` blocks of a branch. */
static posw_header header_at(const chain *c, const branch *s, size_t count) {
    posw_header h = c->base_header;
    h.number += count;
    if (count > 0) {
        h.timestamp = s->blocks[count - 1].timestamp;
        h.difficulty = s->blocks[count - 1].difficulty;
    }
    return h;
}

/* Of the block that follows the first `count` ones: the rules in use read no time of its own. */
static posw_u256 difficulty_after(const branch *s, size_t count) {
    return count < s->count ? s->blocks[count].difficulty : s->next;
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

static uint64_t time_written(const chain *c, const posw_header *parent, int miner) {
    if (!has_clock(c)) return parent->timestamp + c->b.params.block_time_s;
    if (miner == BRANCHES_ATTACKER && c->setup->times == LAB_FALSE_TIMES) return parent->timestamp + 1; /* T1 */
    return lab_timestamp(parent, c->now_s);
}

/* The branch's own miner finds its next block. */
static void mine(chain *c, int miner, double weight) {
    branch *s = &c->side[miner];
    const posw_header parent = header_at(c, s, s->count);
    POSW_ASSERT(s->count < ROUND_MAX);
    s->blocks[s->count++] = branches_mine_at(&c->b, s->window, miner, weight, lab_uniform(&c->random),
                                             time_written(c, &parent, miner), &s->next);
    s->weight = posw_u256_add_sat(&s->weight, &s->next);
    const posw_header tip = header_at(c, s, s->count);
    s->next = posw_difficulty_next(&c->b.params, s->window, &tip, 0);
}

/* The window of a branch goes back to the base and along the first `count` blocks of the other one. */
static void lead_over(chain *c, branch *from, const branch *to, size_t count) {
    if (from->window != NULL) {
        for (size_t i = 0; i < from->count; i++) {
            const bool undone = posw_window_pop(from->window);
            POSW_ASSERT(undone);
        }
        for (size_t i = 0; i < count; i++)
            branches_push(&c->b, from->window, &to->blocks[i]);
    }
}

static void empty(branch *s, const posw_u256 *next) {
    s->count = s->shown = 0;
    s->weight = POSW_U256_ZERO;
    s->next = *next;
}

/* Pays the blocks from the base up to the end of the first `count` of a branch, which becomes the base. */
static void move_base(chain *c, const branch *s, size_t count) {
    const posw_header header = header_at(c, s, count);
    for (size_t i = 0; i < count; i++) {
        earnings *e = &c->won[c->miner_of[s->nodes[i]]];
        e->blocks++;
        e->difficulty += lab_double_of(&s->blocks[i].difficulty);
    }
    c->base_header = header;
    c->base = s->nodes[count - 1];
    if (branches_restart(&c->b)) c->base = posw_tree_tip(c->b.tree);
}

/* Everybody goes over to the tip of the tree. */
static void end_round(chain *c) {
    branch *attacker = &c->side[BRANCHES_ATTACKER], *honest = &c->side[BRANCHES_HONEST];
    const uint32_t tip = posw_tree_tip(c->b.tree);
    const bool attacker_won = attacker->shown > 0 && attacker->nodes[attacker->shown - 1] == tip;
    branch *winner = attacker_won ? attacker : honest, *loser = attacker_won ? honest : attacker;
    POSW_ASSERT(winner->shown == winner->count && winner->nodes[winner->count - 1] == tip);
    lead_over(c, loser, winner, winner->count);
    move_base(c, winner, winner->count);
    const posw_u256 next = winner->next;
    empty(attacker, &next);
    empty(honest, &next);
    c->match = false;
}

/* ---- the strategy ---- */

/* Heavier even if the next honest block came now. */
static bool is_safe(const chain *c) {
    const branch *attacker = &c->side[BRANCHES_ATTACKER], *honest = &c->side[BRANCHES_HONEST];
    const posw_u256 level = posw_u256_add_sat(&honest->weight, &honest->next);
    return posw_u256_cmp(&attacker->weight, &level) > 0;
}

static void show_all(chain *c) {
    show(c, &c->side[BRANCHES_ATTACKER], c->side[BRANCHES_ATTACKER].count);
    end_round(c);
}

/* Shows what draws level with the open branch, for others to mine on. Where all blocks are equally hard nothing hangs
 * on it: followed or not, the lead falls by one. */
static void show_level(chain *c) {
    branch *attacker = &c->side[BRANCHES_ATTACKER];
    const branch *honest = &c->side[BRANCHES_HONEST];
    posw_u256 weight = POSW_U256_ZERO;
    size_t count = 0;
    if (!has_clock(c)) return;
    while (posw_u256_cmp(&weight, &honest->weight) < 0) {
        POSW_ASSERT(count < attacker->count);
        weight = posw_u256_add_sat(&weight, &attacker->blocks[count++].difficulty);
    }
    c->match = posw_u256_cmp(&weight, &honest->weight) == 0;
    if (c->match) show(c, attacker, count);
}

static int compare(const chain *c) {
    return posw_u256_cmp(&c->side[BRANCHES_ATTACKER].weight, &c->side[BRANCHES_HONEST].weight);
}

/* Its branch is lighter: does it go on with it? */
static bool trails(const chain *c) {
    const branch *attacker = &c->side[BRANCHES_ATTACKER], *honest = &c->side[BRANCHES_HONEST];
    if (c->setup->trail == 0 || attacker->count == 0 || honest->count == ROUND_MAX) return false;
    return honest->count <= attacker->count + c->setup->trail;
}

static void attacker_finds(chain *c, double weight) {
    const branch *attacker = &c->side[BRANCHES_ATTACKER], *honest = &c->side[BRANCHES_HONEST];
    mine(c, BRANCHES_ATTACKER, weight);
    const bool answers = honest->count > 0 && compare(c) > 0;
    if ((answers && !is_safe(c)) || attacker->count == ROUND_MAX) show_all(c);
}

static void honest_finds(chain *c, double weight) {
    branch *attacker = &c->side[BRANCHES_ATTACKER], *honest = &c->side[BRANCHES_HONEST];
    mine(c, BRANCHES_HONEST, weight);
    show(c, honest, honest->count);
    c->match = false;
    const int order = compare(c);
    if (order < 0) {
        if (!trails(c)) end_round(c);
    } else if (order == 0) {
        show(c, attacker, attacker->count);
        c->match = true;
    } else if (is_safe(c) && honest->count < ROUND_MAX)
        show_level(c);
    else
        show_all(c);
}

/* In a match, on what the attacker has shown: that is out of danger, and the honest branch goes on above it. */
static void honest_follows(chain *c, double weight) {
    branch *attacker = &c->side[BRANCHES_ATTACKER], *honest = &c->side[BRANCHES_HONEST];
    const size_t shown = attacker->shown, left = attacker->count - shown;
    const posw_u256 next = difficulty_after(attacker, shown);
    lead_over(c, honest, attacker, shown);
    move_base(c, attacker, shown);
    attacker->weight = posw_u256_sub_sat(&attacker->weight, &honest->weight); /* in a match: that of the shown ones */
    empty(honest, &next);
    memmove(attacker->blocks, attacker->blocks + shown, left * sizeof *attacker->blocks);
    attacker->count = left;
    attacker->shown = 0;
    honest_finds(c, weight);
}

/* ---- who finds the next block ---- */

static double weight_of(const chain *c, int miner) {
    return c->setup->has_tickets ? branches_weight(&c->b, c->side[miner].window, miner) : 1;
}

static void one_block(chain *c) {
    const branch *hidden = &c->side[BRANCHES_ATTACKER], *open = &c->side[BRANCHES_HONEST];
    const double attacker_weight = weight_of(c, BRANCHES_ATTACKER), honest_weight = weight_of(c, BRANCHES_HONEST);
    const double gamma = c->match ? c->setup->gamma : 0, hash = (1 - c->setup->alpha) * honest_weight;
    const posw_u256 there = difficulty_after(hidden, hidden->shown);
    const double attacker = c->setup->alpha * attacker_weight / lab_double_of(&hidden->next);
    const double follow = gamma * hash / lab_double_of(&there);
    const double honest = follow + (1 - gamma) * hash / lab_double_of(&open->next);
    c->found++;
    if (has_clock(c)) c->now_s += lab_exponential(&c->random) / ((attacker + honest) * c->speed);
    if (lab_uniform(&c->random) * (attacker + honest) < attacker)
        attacker_finds(c, attacker_weight);
    else if (c->match && lab_uniform(&c->random) * honest < follow)
        honest_follows(c, honest_weight);
    else
        honest_finds(c, honest_weight);
}

typedef struct {
    const selfish_setup *setup;
    selfish_result *result;
    uint64_t blocks;
    bool failed[SELFISH_CHAINS];
} job;

/* Without tickets and times a chain is looked at from its beginning on, and so to the end of a round: blocks of one
 * that is not over are nobody's yet, and the long ones are the attacker's. The other chains are looked at from the
 * middle of a round to the middle of a round. */
static bool in_round(const chain *c) {
    return !c->setup->has_tickets && !has_clock(c) &&
           c->side[BRANCHES_ATTACKER].count + c->side[BRANCHES_HONEST].count > 0;
}

static void put_result(const chain *c, selfish_result *out, size_t task) {
    const earnings *attacker = &c->won[BRANCHES_ATTACKER], *honest = &c->won[BRANCHES_HONEST];
    const uint64_t best = attacker->blocks + honest->blocks;
    out->blocks[task] = c->found;
    out->revenue[task] = best > 0 ? (double)attacker->blocks / (double)best : NAN;
    out->stale[task] = best == 0 ? NAN : c->found > best ? 1 - (double)best / (double)c->found : 0;
    out->hardness[task] = best > 0 ? 1 : NAN;
    if (attacker->blocks > 0 && honest->blocks > 0)
        out->hardness[task] =
            attacker->difficulty / (double)attacker->blocks / (honest->difficulty / (double)honest->blocks);
}

static void run_chain(void *arg, size_t task) {
    job *j = arg;
    chain c;
    if (!start(&c, j->setup, task))
        j->failed[task] = true;
    else {
        /* tickets come back a window after they were used, and so in waves: the chains are looked at from different
         * places; the difficulty comes to rest within some half-lives, and a very long one hardly moves */
        const uint64_t window = j->setup->has_tickets ? j->setup->window : 0;
        const uint64_t memory = has_clock(&c) ? j->setup->difficulty_blocks : 0;
        const uint64_t resting = memory < SETTLING_MAX / 5 ? 5 * memory : SETTLING_MAX;
        uint64_t settling = 5 * window + 2 * window * task / SELFISH_CHAINS;
        if (settling < resting) settling = resting;
        for (uint64_t i = 0; i < settling && !lab_stopping(); i++)
            one_block(&c);
        c.found = 0;
        memset(c.won, 0, sizeof c.won);
        while ((c.found < j->blocks || in_round(&c)) && !(c.found % 1024 == 0 && lab_stopping()))
            one_block(&c);
        put_result(&c, j->result, task);
    }
    end(&c);
}

bool selfish_run(selfish_result *out, const selfish_setup *setup) {
    POSW_ASSERT(setup->times == LAB_NO_TIMES || !posw_difficulty_reads_own_time(setup->rule));
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
        if (r->blocks[i] > 0 && !isnan(values[i])) lab_sample_add(&all, values[i], (double)r->blocks[i]);
    return all;
}

/* ---- from what share it pays ---- */

/* Plays at this alpha. False: no memory, or interrupted; *out is then as before. */
static bool play(selfish_threshold *t, const selfish_setup *setup, double alpha, bool *no_memory, lab_sample *out) {
    selfish_setup s = *setup;
    selfish_result r;
    s.alpha = alpha;
    *no_memory = !selfish_run(&r, &s);
    if (*no_memory || lab_stopping()) return false;
    *out = selfish_over_chains(&r, r.revenue);
    t->runs_done++;
    return true;
}

bool selfish_find_threshold(selfish_threshold *out, const selfish_setup *setup) {
    enum { BISECTIONS = 12 };
    selfish_threshold t = {.alpha = NAN, .standard_error = NAN, .high = .5, .runs = BISECTIONS + 2};
    bool no_memory = false, going = true;
    lab_sample at, beside;
    POSW_ASSERT(!setup->has_tickets);
    for (int i = 0; i < BISECTIONS && going; i++) {
        const double middle = (t.low + t.high) / 2;
        going = play(&t, setup, middle, &no_memory, &at);
        if (!going) break;
        if (lab_sample_mean(&at) > middle)
            t.high = middle;
        else
            t.low = middle;
    }
    const double middle = (t.low + t.high) / 2, aside = middle > .25 ? -.01 : .01;
    if (going) t.alpha = middle;
    /* the error of the revenue there, over how fast the revenue outgrows the share */
    if (going && play(&t, setup, middle, &no_memory, &at) && play(&t, setup, middle + aside, &no_memory, &beside)) {
        const double growth = (lab_sample_mean(&beside) - lab_sample_mean(&at)) / aside;
        t.standard_error = lab_sample_error(&at) / fabs(growth - 1);
    }
    *out = t;
    return !no_memory;
}
