#include "design.h"

#include "chain/chainfile.h"
#include "exact/income.h"
#include "posw/difficulty.h"
#include "posw/stake.h"
#include "posw/u256.h"
#include "posw/weight.h"
#include "rules/difficulty_sim.h"
#include "rules/hasty.h"
#include "run/parallel.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const char *const design_term_names[DESIGN_TERMS] = {"waiting",     "entry",      "boost", "small",
                                                     "electricity", "difficulty", "locks"};
const double design_term_weights[DESIGN_TERMS] = {1, 0.5, 0.1, 4, 2, 10, 0.5};

static const double HOUR_S = 3600, DAY_S = 86400, SAFE_BLOCKS_MAX = 1e6;
/* The grid. Windows and epochs are multiples of a reorg limit of about two hours, as the defaults are. */
static const uint64_t boosts[] = {16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192};
static const double window_hours[] = {1, 2.1, 4.2, 8.4, 16.8, 33.6, 67.2, 134.4, 268.8};
static const uint64_t slots[] = {1, 2, 3, 4, 5, 6, 8, 10, 12, 16};
static const double lock_days[] = {0.5, 1, 2, 3, 5, 7, 14, 28};
/* From a lag of 15 blocks on (D8): with less, blocks that are not equally hard pay a selfish miner. */
static const uint64_t half_lives[] = {240, 288, 360, 432, 576, 720, 1008, 1440, 2016};
static const double REORG_HOURS = 2.1;
static const uint64_t REORG_MIN = 32; /* so that an epoch, twice as long, has 64 */

enum {
    BOOSTS = sizeof boosts / sizeof *boosts,
    WINDOWS = sizeof window_hours / sizeof *window_hours,
    SLOTS = sizeof slots / sizeof *slots,
    LOCKS = sizeof lock_days / sizeof *lock_days,
    HALF_LIVES = sizeof half_lives / sizeof *half_lives,
    GROUPS = BOOSTS * WINDOWS * SLOTS
};

/* ---- the difficulty: what the half-life alone decides ---- */

typedef struct {
    double gain, gain_error, late_days;
} difficulty_terms;

static double hash_for_rent(const design_setup *s) {
    return isnan(s->scenario.rentable_hash_ratio) ? 1 : s->scenario.rentable_hash_ratio;
}

/* Hash for rent that mines while the difficulty is below 1.3 times what the others make of it, up to 1.35: what it
 * earns more. And the time by which asert lets the chain fall behind when it leaves for good: a half-life for each
 * halving of the hash. */
static bool judge_difficulty(difficulty_terms *out, const design_setup *s, uint64_t half_life) {
    posw_params p;
    difficulty_result r;
    posw_params_default(&p);
    p.block_time_s = s->block_time_s;
    p.difficulty_blocks = half_life;
    const double factor = fmin(10, fmax(0.1, hash_for_rent(s)));
    const difficulty_setup sim = {.params = &p,
                                  .scenario = DIFFICULTY_ON_OFF,
                                  .factor = factor,
                                  .on = 1.3,
                                  .off = 1.35,
                                  .blocks = 800000,
                                  .seed = s->seed,
                                  .threads = s->threads,
                                  .progress = true};
    if (!difficulty_run(&r, &sim)) return false;
    const lab_sample gain = difficulty_over_chains(&r, offsetof(difficulty_chain, attacker_advantage));
    out->gain = fmax(0, lab_sample_mean(&gain) - 1);
    out->gain_error = lab_sample_error(&gain);
    if (isnan(lab_sample_mean(&gain))) out->gain = out->gain_error = 0; /* it never found the difficulty low enough */
    out->late_days = (double)half_life * (double)s->block_time_s * log2(1 + hash_for_rent(s)) / DAY_S;
    return true;
}

/* ---- one design ---- */

lab_scenario design_scenario(const design_setup *setup, const posw_params *p) {
    lab_scenario s = setup->scenario;
    s.lock_hours = NAN; /* the chain's */
    /* the last block that an automatic reorg can replace is this old when the branch is shown */
    const double free_after = (double)p->unbonding_blocks * (double)p->block_time_s / HOUR_S;
    const double known_after = (double)p->reorg_max_blocks * (double)p->block_time_s / HOUR_S + setup->notice_hours;
    if (free_after < known_after) s.delta = 0;
    return s;
}

/* The scenario's miners with Pareto stakes, neighbours put together: at most CLASSES kinds, richest first. */
enum { CLASSES = 50 };

typedef struct {
    double count[CLASSES], stake[CLASSES]; /* of each of them, in coins */
    size_t kinds, poor;                    /* the last `poor` kinds are the poorest tenth */
} population;

static bool population_of(population *out, const lab_scenario *given) {
    lab_scenario s = *given;
    double *stakes = calloc(s.miners, sizeof *stakes);
    const size_t n = s.miners, kinds = n < CLASSES ? n : CLASSES;
    if (stakes == NULL) return false;
    s.stakes = LAB_STAKES_PARETO;
    lab_scenario_stakes(&s, stakes);
    *out = (population){.kinds = kinds, .poor = kinds / 10 > 0 ? kinds / 10 : 1};
    for (size_t i = 0; i < n; i++) {
        const size_t kind = i * kinds / n;
        out->count[kind]++;
        out->stake[kind] += (stakes[i] - out->stake[kind]) / out->count[kind];
    }
    free(stakes);
    return true;
}

/* What the poorest tenth earns over its part of the wealth, hash and stake in proportion to wealth, when all have
 * `scale` times the expected stake. */
static double earnings_at(const population *who, const posw_params *p, const posw_u256 *supply, double scale) {
    lab_income_class classes[CLASSES];
    double shares = 0, wealth = 0, all = 0;
    for (size_t i = 0; i < who->kinds; i++) {
        classes[i] = (lab_income_class){
            .miners = who->count[i], .hash = who->stake[i], .stake_wei = lab_stake_wei(who->stake[i] * scale)};
        all += who->count[i] * who->stake[i];
    }
    lab_income_shares(classes, who->kinds, p, supply);
    for (size_t i = who->kinds - who->poor; i < who->kinds; i++) {
        shares += who->count[i] * classes[i].share;
        wealth += who->count[i] * who->stake[i];
    }
    return shares / (wealth / all);
}

/* The mean for stakes from 0.6 to 1.4 times what is expected: else a ticket that by chance is a little cheaper than all
 * that a poor miner has would look perfect. NAN: out of memory. */
static double small_earnings(const design_setup *setup, const posw_params *p) {
    enum { SCALES = 9 };
    const posw_u256 supply = lab_wei(setup->scenario.supply);
    population who;
    double sum = 0;
    if (!population_of(&who, &setup->scenario)) return NAN;
    for (int i = 0; i < SCALES; i++)
        sum += earnings_at(&who, p, &supply, 0.6 + 0.1 * i);
    return sum / SCALES;
}

/* All but what depends on the half-life. small: small_earnings() of it, which does not depend on the locks. False: out
 * of memory. */
static bool judge_economy(design *d, const design_setup *setup, const posw_params *p, double small) {
    const lab_scenario s = design_scenario(setup, p);
    lab_rule rule;
    lab_honest honest;
    lab_rule_of(&rule, p);
    if (isnan(small) || !lab_honest_miners(&s, &rule, &honest)) return false;
    *d = (design){.params = *p, .small_earnings = small, .hash_share = honest.hash_cost_share};
    d->safe_blocks = lab_attack_depth(&rule, &s, s.value_at_risk_usd, SAFE_BLOCKS_MAX);
    if (d->safe_blocks == 0) d->safe_blocks = INFINITY;
    if (isfinite(d->safe_blocks)) {
        lab_attack_result a;
        if (!lab_attack(&rule, &s, d->safe_blocks, &a)) return false;
        d->by_tickets = a.best.tickets >= d->safe_blocks;
    }
    d->ticket_usd = lab_rule_ticket_price(&rule, s.supply) * s.price_usd;
    d->entry_usd = fmax(d->ticket_usd, lab_coins(&p->stake_min_wei) * s.price_usd);
    d->lock_days = (2 * (double)p->epoch_blocks + (double)p->unbonding_blocks) * (double)p->block_time_s / DAY_S;
    return true;
}

/* Who has just enough to replace so many blocks as judge_economy() says can write false times. Those who have a ticket
 * for each block replace more; the others' hash is what costs, of which false times save nothing. 0: out of memory. */
static double wait_of(const design *d, const design_setup *setup, const lab_reach *reach) {
    if (!isfinite(d->safe_blocks)) return INFINITY;
    const double by_tickets = lab_reach_depth(reach, d->safe_blocks);
    if (d->by_tickets || by_tickets == d->safe_blocks) return by_tickets;
    const lab_scenario s = design_scenario(setup, &d->params);
    lab_rule rule;
    lab_rule_of(&rule, &d->params);
    return lab_reach_cost_depth(reach, &rule, &s, s.value_at_risk_usd, d->safe_blocks - 1);
}

/* The rest. False: out of memory. */
static bool judge_half_life(design *d, const design_setup *setup, uint64_t half_life,
                            const difficulty_terms *difficulty, const lab_reach *reach) {
    d->params.difficulty_blocks = half_life;
    d->hopper_gain = difficulty->gain;
    d->hopper_gain_error = difficulty->gain_error;
    d->late_days = difficulty->late_days;
    d->wait_blocks = wait_of(d, setup, reach);
    if (d->wait_blocks == 0) return false;
    d->wait_hours = d->wait_blocks * (double)d->params.block_time_s / HOUR_S;
    const double w[DESIGN_TERMS] = {
        [DESIGN_WAITING] = log2(1 + d->wait_hours),
        [DESIGN_ENTRY] = log2(1 + d->entry_usd / 100),
        [DESIGN_BOOST] = log2((double)d->params.weight.boost),
        [DESIGN_SMALL] = fmax(0, 1 - d->small_earnings),
        [DESIGN_ELECTRICITY] = d->hash_share,
        [DESIGN_DIFFICULTY] = difficulty->gain + difficulty->late_days,
        [DESIGN_LOCKS] = log2(1 + d->lock_days / 7),
    };
    d->points = 0;
    for (size_t i = 0; i < DESIGN_TERMS; i++) {
        d->terms[i] = setup->weights[i] > 0 ? setup->weights[i] * w[i] : 0; /* also where a payment is never safe */
        d->points += d->terms[i];
    }
    return true;
}

/* ---- the grid ---- */

typedef struct {
    const design_setup *setup;
    difficulty_terms difficulty[HALF_LIVES];
    lab_reach *reach[WINDOWS][HALF_LIVES];
    design *best; /* of each group: of all its locks; points INFINITY: none */
    size_t *judged;
    bool *failed;
} search;

static uint64_t blocks_of(const design_setup *s, double hours) {
    return (uint64_t)fmax(1, round(hours * HOUR_S / (double)s->block_time_s));
}

/* No more than a ticket, where that is enough: or else few coins in all would keep small miners out. */
static posw_u256 stake_min(const posw_params *p, const posw_u256 *supply_wei) {
    const posw_u256 ticket = posw_weight_ticket_price(p, supply_wei), whole = posw_chainfile_stake_min(supply_wei);
    posw_u256 least = posw_u256_div_u64(supply_wei, POSW_CHAINFILE_PLACES_PART * (uint64_t)POSW_STAKE_MINERS_MAX);
    least = posw_u256_add_sat(&least, &POSW_U256_ONE);
    if (posw_u256_cmp(&whole, &ticket) <= 0) return whole;
    return posw_u256_cmp(&least, &ticket) <= 0 ? ticket : least;
}

/* A chain with the locks that it needs at least. False: it breaks a rule. */
static bool params_of(posw_params *p, const search *q, size_t group, size_t lock) {
    const design_setup *s = q->setup;
    posw_params_default(p);
    p->chain_id = 1;
    p->block_time_s = s->block_time_s;
    p->reorg_max_blocks = blocks_of(s, REORG_HOURS) < REORG_MIN ? REORG_MIN : blocks_of(s, REORG_HOURS);
    p->epoch_blocks = 2 * p->reorg_max_blocks;
    p->weight.boost = boosts[group % BOOSTS];
    p->window_blocks = blocks_of(s, window_hours[group / BOOSTS % WINDOWS]);
    p->weight.slots = slots[group / BOOSTS / WINDOWS];
    const uint64_t least = posw_chainfile_unbonding_min(p), wanted = blocks_of(s, 24 * lock_days[lock]);
    p->unbonding_blocks = wanted > least ? wanted : least;
    const posw_u256 supply = lab_wei(s->scenario.supply);
    p->stake_min_wei = stake_min(p, &supply);
    return p->window_blocks >= 2 && posw_params_check(p).kind == POSW_VALID &&
           (double)p->weight.boost >= 2 * hash_for_rent(s);
}

static void judge_group(void *arg, size_t group) {
    search *q = arg;
    posw_params p;
    double small = NAN;
    q->best[group].points = INFINITY;
    for (size_t lock = 0; lock < LOCKS; lock++) {
        design economy;
        if (!params_of(&p, q, group, lock)) continue;
        if (isnan(small)) small = small_earnings(q->setup, &p);
        if (!judge_economy(&economy, q->setup, &p, small)) {
            q->failed[group] = true;
            return;
        }
        for (size_t i = 0; i < HALF_LIVES; i++) {
            design d = economy;
            if (!judge_half_life(&d, q->setup, half_lives[i], &q->difficulty[i],
                                 q->reach[group / BOOSTS % WINDOWS][i])) {
                q->failed[group] = true;
                return;
            }
            q->judged[group]++;
            if (d.points < q->best[group].points) q->best[group] = d;
        }
    }
}

/* Keeps the list in order; of equal ones the earlier stays ahead. */
static void insert(design_result *r, const design *d) {
    size_t place = r->best_count;
    while (place > 0 && d->points < r->best[place - 1].points)
        place--;
    if (place == DESIGN_BEST) return;
    if (r->best_count < DESIGN_BEST) r->best_count++;
    for (size_t i = r->best_count - 1; i > place; i--)
        r->best[i] = r->best[i - 1];
    r->best[place] = *d;
}

static bool judge_half_lives(search *q) {
    for (size_t i = 0; i < HALF_LIVES; i++) {
        if (!judge_difficulty(&q->difficulty[i], q->setup, half_lives[i])) return false;
        for (size_t window = 0; window < WINDOWS; window++) {
            posw_params p;
            posw_params_default(&p);
            p.block_time_s = q->setup->block_time_s;
            p.window_blocks = blocks_of(q->setup, window_hours[window]);
            p.difficulty_blocks = half_lives[i];
            if ((q->reach[window][i] = lab_reach_new(&p, SAFE_BLOCKS_MAX)) == NULL) return false;
        }
    }
    return true;
}

static void free_reaches(search *q) {
    for (size_t i = 0; i < HALF_LIVES; i++)
        for (size_t window = 0; window < WINDOWS; window++)
            lab_reach_free(q->reach[window][i]);
}

/* What `posw chain new --block-time` writes. */
static bool judge_standard(design_result *out, const design_setup *setup) {
    posw_params p;
    difficulty_terms d;
    posw_params_default(&p);
    p.chain_id = 1;
    p.block_time_s = setup->block_time_s;
    p.unbonding_blocks = posw_chainfile_unbonding_default(&p);
    const posw_u256 supply = lab_wei(setup->scenario.supply);
    p.stake_min_wei = posw_chainfile_stake_min(&supply);
    lab_reach *reach = lab_reach_new(&p, SAFE_BLOCKS_MAX);
    const bool ok = reach != NULL && judge_difficulty(&d, setup, p.difficulty_blocks) &&
                    judge_economy(&out->standard, setup, &p, small_earnings(setup, &p)) &&
                    judge_half_life(&out->standard, setup, p.difficulty_blocks, &d, reach);
    lab_reach_free(reach);
    return ok;
}

static bool search_grid(design_result *out, search *q) {
    bool *done = calloc(GROUPS, sizeof *done);
    const lab_parallel p = {.tasks = GROUPS,
                            .threads = q->setup->threads,
                            .what = "designs",
                            .unit_count = LOCKS * HALF_LIVES,
                            .run = judge_group,
                            .arg = q,
                            .done = done};
    bool ok = done != NULL;
    if (ok) out->complete = lab_parallel_run(&p) == GROUPS;
    for (size_t i = 0; ok && i < GROUPS; i++) {
        if (!done[i]) continue;
        ok = !q->failed[i];
        out->searched += q->judged[i];
        if (q->best[i].points < INFINITY) insert(out, &q->best[i]);
    }
    free(done);
    return ok;
}

/* ---- a loss of hash power ---- */

static const double LOSS_BLOCKS_MAX = 20000; /* that are looked at */

/* The cheapest attack on so many blocks, whenever it begins until the difficulty follows; *blocks: what it has. */
static bool attack_of_loss(const design_setup *setup, const posw_params *p, double longer, double depth, double *cost,
                           double *blocks) {
    const lab_scenario s = design_scenario(setup, p);
    const uint64_t lag = posw_difficulty_lag(p->difficulty_blocks, p->window_blocks), step = lag / 8 + 1;
    lab_rule rule;
    lab_rule_of(&rule, p);
    *cost = *blocks = INFINITY;
    for (uint64_t after = 0; after <= lag; after += step) {
        lab_attack_route route;
        size_t count;
        double weight;
        double *difficulties = lab_hasty_branch_of_loss(p, (uint64_t)depth, longer, after, &weight, &count);
        const bool ok = difficulties != NULL && lab_attack_along(&rule, &s, weight, difficulties, count, &route);
        free(difficulties);
        if (!ok) return false;
        if (route.cost < *cost) {
            *cost = route.cost;
            *blocks = (double)count;
        }
    }
    return true;
}

bool design_lose_hash(design_loss *out, const design_setup *setup, const design *d) {
    const double longer = 1 + fmax(1, hash_for_rent(setup)), value = setup->scenario.value_at_risk_usd;
    double low = d->wait_blocks, high = d->wait_blocks, cost, blocks;
    *out = (design_loss){1 - 1 / longer, INFINITY, INFINITY, INFINITY};
    if (high > LOSS_BLOCKS_MAX) return true;
    if (!attack_of_loss(setup, &d->params, longer, high, &out->cost, &out->blocks)) return false;
    for (cost = out->cost; cost < value; high *= 2) {
        low = high;
        if (2 * high > LOSS_BLOCKS_MAX) return true;
        if (!attack_of_loss(setup, &d->params, longer, 2 * high, &cost, &blocks)) return false;
    }
    while (high - low > 1) {
        const double middle = floor(low + (high - low) / 2);
        if (!attack_of_loss(setup, &d->params, longer, middle, &cost, &blocks)) return false;
        if (cost < value)
            low = middle;
        else
            high = middle;
    }
    out->wait_blocks = high;
    return true;
}

bool design_search(design_result *out, const design_setup *setup) {
    search q = {.setup = setup,
                .best = calloc(GROUPS, sizeof *q.best),
                .judged = calloc(GROUPS, sizeof *q.judged),
                .failed = calloc(GROUPS, sizeof *q.failed)};
    memset(out, 0, sizeof *out);
    out->grid = (size_t)GROUPS * LOCKS * HALF_LIVES;
    bool ok =
        q.best != NULL && q.judged != NULL && q.failed != NULL && judge_standard(out, setup) && judge_half_lives(&q);
    if (ok) {
        /* interrupted before: the difficulty was not looked at to the end */
        if (lab_stopping()) out->standard.points = out->standard.terms[DESIGN_DIFFICULTY] = NAN;
        /* where nothing is better, the defaults */
        insert(out, &out->standard);
        ok = search_grid(out, &q);
    }
    free_reaches(&q);
    free(q.best);
    free(q.judged);
    free(q.failed);
    return ok;
}
