/* Rates of many, and drawing one of them in proportion: a binary tree of sums. A change adds up its ancestors anew, so
 * that no error of rounding gathers. */
#ifndef POSW_LAB_RATES_H
#define POSW_LAB_RATES_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct {
    size_t leaves; /* a power of two */
    double *sums;  /* 2 * leaves, owned; [1] is the whole, leaf i is [leaves + i] */
} lab_rates;

/* All rates 0. False: out of memory. */
static inline bool lab_rates_init(lab_rates *r, size_t count) {
    r->leaves = 2;
    while (r->leaves < count)
        r->leaves *= 2;
    r->sums = calloc(2 * r->leaves, sizeof *r->sums);
    return r->sums != NULL;
}

static inline void lab_rates_clear(lab_rates *r) {
    free(r->sums);
    r->sums = NULL;
}

static inline void lab_rates_set(lab_rates *r, size_t i, double rate) {
    size_t node = r->leaves + i;
    r->sums[node] = rate;
    for (node /= 2; node >= 1; node /= 2)
        r->sums[node] = r->sums[2 * node] + r->sums[2 * node + 1];
}

static inline double lab_rates_sum(const lab_rates *r) {
    return r->sums[1];
}

/* u: uniform in [0, 1). Never one with rate 0 while any has more. */
static inline size_t lab_rates_draw(const lab_rates *r, double u) {
    size_t node = 1;
    u *= r->sums[1];
    while (node < r->leaves) {
        node *= 2;
        if (u < r->sums[node] || r->sums[node + 1] <= 0) continue;
        u -= r->sums[node];
        node++;
    }
    return node - r->leaves;
}

#endif
