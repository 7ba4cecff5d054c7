#include "rules/difficulty_other.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    double timestamp_s, difficulty;
} block;

struct difficulty_past {
    difficulty_other rule;
    double block_time_s;
    uint64_t count; /* blocks that were pushed, genesis among them */
    block ring[DIFFICULTY_OTHER_BLOCKS_MAX + 1];
};

difficulty_past *difficulty_past_new(const difficulty_other *rule, double block_time_s, double difficulty) {
    difficulty_past *p = calloc(1, sizeof *p);
    if (p == NULL) return NULL;
    p->rule = *rule;
    p->block_time_s = block_time_s;
    difficulty_past_push(p, 0, difficulty);
    return p;
}

void difficulty_past_free(difficulty_past *p) {
    free(p);
}

void difficulty_past_push(difficulty_past *p, double timestamp_s, double difficulty) {
    p->ring[p->count++ % (DIFFICULTY_OTHER_BLOCKS_MAX + 1)] = (block){timestamp_s, difficulty};
}

/* 0: the latest block. */
static const block *back(const difficulty_past *p, uint64_t n) {
    return &p->ring[(p->count - 1 - n) % (DIFFICULTY_OTHER_BLOCKS_MAX + 1)];
}

/* Measured from N blocks before the newest one that counts to it: the latest, or `skipped` before that. */
static double next_sma(const difficulty_past *p, uint64_t skipped) {
    const double whole_s = (double)p->rule.blocks * p->block_time_s;
    const double span_s = back(p, skipped)->timestamp_s - back(p, skipped + p->rule.blocks)->timestamp_s;
    double work = 0;
    for (uint64_t i = skipped; i < skipped + p->rule.blocks; i++)
        work += back(p, i)->difficulty;
    return work * p->block_time_s / fmin(2 * whole_s, fmax(whole_s / 2, span_s));
}

static double next_wtema(const difficulty_past *p) {
    const double late_s = back(p, 0)->timestamp_s - back(p, 1)->timestamp_s - p->block_time_s;
    return back(p, 0)->difficulty / (1 + late_s / ((double)p->rule.blocks * p->block_time_s));
}

static double next_lwma1(const difficulty_past *p) {
    const double n = (double)p->rule.blocks, t_s = p->block_time_s;
    double work = 0, weighted_s = 0;
    for (uint64_t i = 0; i < p->rule.blocks; i++) {
        const double solve_s = back(p, i)->timestamp_s - back(p, i + 1)->timestamp_s;
        work += back(p, i)->difficulty;
        weighted_s += (n - (double)i) * fmin(6 * t_s, solve_s);
    }
    return .99 * work * t_s * (n + 1) / (2 * fmax(weighted_s, n * n * t_s / 20));
}

double difficulty_past_next(const difficulty_past *p) {
    switch (p->rule.rule) {
    case DIFFICULTY_SMA:
        return p->count < p->rule.blocks + 1 ? back(p, 0)->difficulty : next_sma(p, 0);
    case DIFFICULTY_CW144: /* timestamps rise, so that the middle one of three is that of the block in the middle */
        return p->count < p->rule.blocks + 3 ? back(p, 0)->difficulty : next_sma(p, 1);
    case DIFFICULTY_WTEMA:
        return p->count < 2 ? back(p, 0)->difficulty : next_wtema(p);
    case DIFFICULTY_LWMA1:
        return p->count < p->rule.blocks + 1 ? back(p, 0)->difficulty : next_lwma1(p);
    }
    return NAN;
}
