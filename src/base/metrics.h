/* Numbers for Prometheus: histograms that cost an addition, and the text format 0.0.4 onto a posw_buf.
 *
 * Everything is a whole number: seconds are counted as microseconds and written with a decimal point, so no layer needs
 * floating point for them. The caller writes each metric's head once, then all its samples. */
#ifndef POSW_BASE_METRICS_H
#define POSW_BASE_METRICS_H

#include "base/buf.h"

/* ---- Histograms ---- */

enum { POSW_HISTOGRAM_BOUNDS_MAX = 16 };

/* What is counted: upper bounds (inclusive), ascending, in units of 10^-decimals of the metric's unit. */
typedef struct {
    const uint64_t *bounds;
    size_t count;      /* at most POSW_HISTOGRAM_BOUNDS_MAX */
    unsigned decimals; /* at most 18 */
} posw_histogram_scale;

/* Zero-initialise. */
typedef struct {
    uint64_t buckets[POSW_HISTOGRAM_BOUNDS_MAX + 1]; /* not cumulative; behind the last bound: all above it */
    uint64_t sum;                                    /* of the values; stays at its highest when it would pass it */
} posw_histogram;

void posw_histogram_add(posw_histogram *h, const posw_histogram_scale *scale, uint64_t value);
/* Adds what another has counted on the same scale. */
void posw_histogram_merge(posw_histogram *into, const posw_histogram *from);

/* 10 us to 10 s, in microseconds: how long work takes. */
extern const posw_histogram_scale posw_histogram_times;
/* 1 to 100 blocks: how many a reorganisation takes back. */
extern const posw_histogram_scale posw_histogram_depths;

/* ---- Text ---- */

enum posw_metric_type { POSW_METRIC_GAUGE, POSW_METRIC_COUNTER, POSW_METRIC_HISTOGRAM };
const char *posw_metric_type_text(enum posw_metric_type type); /* "gauge" */

typedef struct {
    const char *name; /* counters end in _total, and names in their unit */
    enum posw_metric_type type;
    const char *labels; /* names and what they may be, for people; NULL: none */
    const char *help;
} posw_metric;

typedef struct {
    const char *name, *value; /* value: any text */
} posw_metric_label;

/* # HELP and # TYPE */
void posw_metric_head(posw_buf *out, const posw_metric *m);
/* One sample; labels: `count` of them. */
void posw_metric_sample(posw_buf *out, const posw_metric *m, const posw_metric_label *labels, size_t count,
                        uint64_t value);
/* value · 10^-decimals, decimals at most 18. */
void posw_metric_sample_fixed(posw_buf *out, const posw_metric *m, const posw_metric_label *labels, size_t count,
                              int64_t value, unsigned decimals);
void posw_metric_sample_u256(posw_buf *out, const posw_metric *m, const posw_u256 *value);
/* _bucket, _sum and _count */
void posw_metric_sample_histogram(posw_buf *out, const posw_metric *m, const posw_histogram *h,
                                  const posw_histogram_scale *scale);

#endif
