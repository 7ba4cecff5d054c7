/* The race of a chain_sim.
 *
 * Whose weight does a push change? The winner's, if its block was boosted, and that of every miner for whom a block has
 * stopped counting (W4), be it by leaving the window or by time. The blocks that stop counting are the oldest ones, so
 * a queue of the boosted blocks tells which they can be: as long as the real window counts fewer blocks for the miner
 * at its head than the queue holds, that head is gone. Nothing of the rule is written a second time here. */
#include "rules/chain_sim.h"

#include "base/bytes.h"
#include "base/error.h"
#include "posw/u256.h"
#include "posw/weight.h"
#include "posw/window.h"
#include "rules/clock.h"
#include "rules/rates.h"
#include "run/random.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    posw_address address;
    uint32_t miner;
    uint32_t held; /* its blocks in the queue: those that counted when last looked at */
    double weight;
} identity;

typedef struct {
    double hash, weight;
    posw_u256 stake_wei;
    uint32_t first, count; /* its identities */
    uint32_t current;      /* the one that it mines with */
    chain_sim_score score;
    double since_s; /* when the weight last changed */
} party;

struct chain_sim {
    posw_params params;
    posw_u256 supply_wei;
    posw_header parent;
    posw_window *window;
    party *parties;
    identity *identities;
    size_t party_count, identity_count;
    lab_rates rates;
    uint32_t *queue; /* ring of identities, W of them */
    size_t queue_head, queue_count;
    lab_random random;
    double now_s, start_s; /* of the scores */
    double unit;           /* D of one unit of hash in one second */
    uint64_t boost;        /* M' of the next block */
};

/* ---- weights ---- */

static double weigh(const chain_sim *s, uint32_t id) {
    const identity *i = &s->identities[id];
    const posw_u256 f = posw_weight(&s->params, s->parent.number + 1, &s->parties[i->miner].stake_wei, &s->supply_wei,
                                    posw_window_used(s->window, &i->address));
    return lab_double_of(&f);
}

/* Takes time up to now into the score: before the weight changes. */
static void settle(chain_sim *s, party *p) {
    if (p->weight > 1) p->score.free_s += s->now_s - p->since_s;
    p->since_s = s->now_s;
}

/* Points the hash of a miner at the best of its identities: the current one as long as no other is better. */
static void point(chain_sim *s, uint32_t miner) {
    party *p = &s->parties[miner];
    uint32_t best = p->current;
    for (uint32_t i = p->first; i < p->first + p->count; i++)
        if (s->identities[i].weight > s->identities[best].weight) best = i;
    p->current = best;
    if (s->identities[best].weight != p->weight) {
        settle(s, p);
        p->weight = s->identities[best].weight;
    }
    lab_rates_set(&s->rates, miner, p->hash * p->weight);
}

static void refresh(chain_sim *s, uint32_t id) {
    identity *i = &s->identities[id];
    const double weight = weigh(s, id);
    if (weight == i->weight) return;
    i->weight = weight;
    point(s, i->miner);
}

static void refresh_all(chain_sim *s) {
    for (uint32_t i = 0; i < s->identity_count; i++)
        s->identities[i].weight = weigh(s, i);
    for (uint32_t i = 0; i < s->party_count; i++)
        point(s, i);
}

/* W5: with a ramp the boost grows with the height. */
static void follow_ramp(chain_sim *s) {
    if (s->params.weight.rule != POSW_WEIGHT_TICKET || s->boost == s->params.weight.boost) return;
    const uint64_t boost = posw_weight_boost(&s->params, s->parent.number + 1);
    if (boost == s->boost) return;
    s->boost = boost;
    refresh_all(s);
}

/* ---- the queue of boosted blocks ---- */

static void enqueue(chain_sim *s, uint32_t id) {
    const size_t capacity = s->params.window_blocks + 1;
    POSW_ASSERT(s->queue_count < capacity);
    s->queue[(s->queue_head + s->queue_count++) % capacity] = id;
    s->identities[id].held++;
}

/* Takes out what no longer counts. */
static void retire(chain_sim *s) {
    const size_t capacity = s->params.window_blocks + 1;
    while (s->queue_count > 0) {
        const uint32_t id = s->queue[s->queue_head];
        identity *i = &s->identities[id];
        if (posw_window_used(s->window, &i->address) == i->held) return;
        i->held--;
        s->queue_head = s->queue_head + 1 == capacity ? 0 : s->queue_head + 1;
        s->queue_count--;
        refresh(s, id);
    }
}

/* ---- making one ---- */

posw_address chain_sim_address(uint32_t id) {
    uint64_t state = id;
    posw_address a;
    posw_store_le64(a.b, lab_mix(&state));
    posw_store_le64(a.b + 8, lab_mix(&state));
    posw_store_be32(a.b + 16, id);
    return a;
}

static void name_identities(chain_sim *s) {
    uint32_t id = 0;
    for (uint32_t m = 0; m < s->party_count; m++)
        for (uint32_t k = 0; k < s->parties[m].count; k++, id++) {
            s->identities[id].miner = m;
            s->identities[id].address = chain_sim_address(id);
        }
}

/* The chain's unit of difficulty is chosen so that the first one has 56 bits: far above the floors and the rounding of
 * every rule. */
static void start(chain_sim *s) {
    static const double FIRST_DIFFICULTY = 0x1p56;
    const double power = lab_rates_sum(&s->rates);
    POSW_ASSERT(power > 0);
    s->unit = FIRST_DIFFICULTY / (power * (double)s->params.block_time_s);
    s->params.genesis_difficulty = s->parent.difficulty = lab_u256_of(FIRST_DIFFICULTY);
    s->params.genesis_time = s->parent.timestamp = 0;
    posw_window_push(s->window, &(posw_window_entry){.difficulty = s->parent.difficulty});
}

chain_sim *chain_sim_new(const chain_sim_setup *setup) {
    chain_sim *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    s->params = *setup->params;
    s->supply_wei = setup->supply_wei;
    s->random = lab_random_of(setup->seed, setup->task);
    s->party_count = setup->miner_count;
    for (size_t i = 0; i < setup->miner_count; i++)
        s->identity_count += setup->miners[i].identities;
    POSW_ASSERT(s->party_count > 0 && s->identity_count <= UINT32_MAX / 2);
    const uint64_t window = s->params.window_blocks;
    const size_t size = posw_window_size(window, 0);
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    s->parties = calloc(s->party_count, sizeof *s->parties);
    s->identities = calloc(s->identity_count, sizeof *s->identities);
    s->queue = calloc(window + 1, sizeof *s->queue);
    if (!lab_rates_init(&s->rates, s->party_count) || memory == NULL || s->parties == NULL || s->identities == NULL ||
        s->queue == NULL) {
        free(memory);
        chain_sim_free(s);
        return NULL;
    }
    s->window = posw_window_init(memory, window, 0, 2 * window * s->params.block_time_s); /* W4 */
    uint32_t first = 0;
    for (size_t i = 0; i < s->party_count; i++) {
        const chain_sim_miner *m = &setup->miners[i];
        POSW_ASSERT(m->identities >= 1 && m->hash >= 0);
        s->parties[i] = (party){.hash = m->hash, .stake_wei = m->stake_wei, .first = first, .count = m->identities};
        s->parties[i].current = first;
        first += m->identities;
    }
    name_identities(s);
    s->boost = posw_weight_boost(&s->params, 1);
    refresh_all(s);
    start(s);
    return s;
}

void chain_sim_free(chain_sim *s) {
    if (s == NULL) return;
    lab_rates_clear(&s->rates);
    free(s->window);
    free(s->parties);
    free(s->identities);
    free(s->queue);
    free(s);
}

/* ---- blocks ---- */

static posw_u256 difficulty_at(const chain_sim *s, double now_s) {
    return posw_difficulty_next(&s->params, s->window, &s->parent, lab_timestamp(&s->parent, now_s));
}

/* Moves the clock to the next block; the difficulty that it then has. Under the rules that read the block's own time
 * the difficulty changes while the miners work: time is taken piece by piece. */
static posw_u256 wait_for_block(chain_sim *s) {
    double work = lab_exponential(&s->random);
    const double speed = lab_rates_sum(&s->rates) * s->unit; /* work a second, times D */
    POSW_ASSERT(speed > 0);
    for (;;) {
        const posw_u256 d = difficulty_at(s, s->now_s);
        const double needed_s = work * lab_double_of(&d) / speed;
        if (!lab_own_timestamp(&s->params)) {
            s->now_s += needed_s;
            return d;
        }
        const uint64_t elapsed_s = lab_timestamp(&s->parent, s->now_s) - s->parent.timestamp;
        const uint64_t change_s = lab_next_change(&s->params, elapsed_s);
        const double end_s = change_s == UINT64_MAX ? INFINITY : (double)(s->parent.timestamp + change_s);
        if (s->now_s + needed_s < end_s) {
            s->now_s += needed_s;
            return d;
        }
        work -= (end_s - s->now_s) * speed / lab_double_of(&d);
        s->now_s = end_s;
    }
}

void chain_sim_step(chain_sim *s, chain_sim_block *out) {
    const double before_s = s->now_s;
    const posw_u256 difficulty = wait_for_block(s);
    const uint32_t miner = (uint32_t)lab_rates_draw(&s->rates, lab_uniform(&s->random));
    party *p = &s->parties[miner];
    const uint32_t id = p->current;
    const bool boosted = lab_uniform(&s->random) * p->weight >= 1; /* H9: the level of the hash */
    posw_window_entry e = {.miner = s->identities[id].address, .boosted = boosted, .difficulty = difficulty};
    e.timestamp = lab_timestamp(&s->parent, s->now_s);
    posw_window_push(s->window, &e);
    s->parent.number++;
    s->parent.timestamp = e.timestamp;
    s->parent.difficulty = difficulty;
    p->score.blocks++;
    p->score.boosted_blocks += boosted;
    if (s->params.weight.rule == POSW_WEIGHT_TICKET) {
        if (boosted) {
            enqueue(s, id);
            refresh(s, id);
        }
        retire(s);
        follow_ramp(s);
    }
    *out =
        (chain_sim_block){s->parent.number, miner, boosted, s->now_s - before_s, lab_double_of(&difficulty) / s->unit};
}

/* ---- changes and scores ---- */

void chain_sim_set_hash(chain_sim *s, size_t miner, double hash) {
    POSW_ASSERT(miner < s->party_count && hash >= 0);
    s->parties[miner].hash = hash;
    lab_rates_set(&s->rates, miner, hash * s->parties[miner].weight);
}

void chain_sim_set_stake(chain_sim *s, size_t miner, const posw_u256 *stake_wei) {
    POSW_ASSERT(miner < s->party_count);
    party *p = &s->parties[miner];
    p->stake_wei = *stake_wei;
    for (uint32_t i = p->first; i < p->first + p->count; i++)
        s->identities[i].weight = weigh(s, i);
    point(s, (uint32_t)miner);
}

void chain_sim_set_supply(chain_sim *s, const posw_u256 *supply_wei) {
    s->supply_wei = *supply_wei;
    refresh_all(s);
}

chain_sim_score chain_sim_score_of(const chain_sim *s, size_t miner) {
    POSW_ASSERT(miner < s->party_count);
    const party *p = &s->parties[miner];
    chain_sim_score score = p->score;
    if (p->weight > 1) score.free_s += s->now_s - p->since_s;
    return score;
}

double chain_sim_time_s(const chain_sim *s) {
    return s->now_s;
}
double chain_sim_score_s(const chain_sim *s) {
    return s->now_s - s->start_s;
}
double chain_sim_power(const chain_sim *s) {
    return lab_rates_sum(&s->rates);
}
double chain_sim_weight(const chain_sim *s, size_t miner) {
    POSW_ASSERT(miner < s->party_count);
    return s->parties[miner].weight;
}

void chain_sim_forget(chain_sim *s) {
    s->start_s = s->now_s;
    for (size_t i = 0; i < s->party_count; i++) {
        s->parties[i].score = (chain_sim_score){0, 0, 0};
        s->parties[i].since_s = s->now_s;
    }
}
