/* Mean, spread and standard error of numbers that come one by one, with weights (Welford's way: no cancellation). */
#ifndef POSW_LAB_SAMPLE_H
#define POSW_LAB_SAMPLE_H

#include <math.h>
#include <stdint.h>

typedef struct {
    uint64_t count;
    double weight, mean, squares;
} lab_sample;

static inline void lab_sample_add(lab_sample *s, double x, double weight) {
    if (!(weight > 0)) return;
    const double before = x - s->mean;
    s->count++;
    s->weight += weight;
    s->mean += before * weight / s->weight;
    s->squares += weight * before * (x - s->mean);
}

static inline double lab_sample_mean(const lab_sample *s) {
    return s->count == 0 ? NAN : s->mean;
}

/* Standard deviation of the numbers themselves. */
static inline double lab_sample_sd(const lab_sample *s) {
    return s->count == 0 ? NAN : sqrt(s->squares / s->weight);
}

/* Standard error of the mean, when the numbers are independent; not a number for fewer than two. */
static inline double lab_sample_error(const lab_sample *s) {
    if (s->count < 2) return NAN;
    return sqrt(s->squares / s->weight / (double)(s->count - 1));
}

#endif
