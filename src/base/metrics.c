#include "base/metrics.h"

#include "base/error.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <string.h>

/* ---- Histograms ---- */

static const uint64_t times_us[] = {10,    50,     100,    500,    1000,    5000,    10000,   25000,
                                    50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};
const posw_histogram_scale posw_histogram_times = {times_us, POSW_ARRAY_SIZE(times_us), 6};

static const uint64_t depths[] = {1, 2, 3, 5, 10, 20, 50, 100};
const posw_histogram_scale posw_histogram_depths = {depths, POSW_ARRAY_SIZE(depths), 0};

static uint64_t add_sat(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void posw_histogram_add(posw_histogram *h, const posw_histogram_scale *scale, uint64_t value) {
    size_t i = 0;
    POSW_ASSERT(scale->count <= POSW_HISTOGRAM_BOUNDS_MAX);
    while (i < scale->count && value > scale->bounds[i])
        i++;
    h->buckets[i]++;
    h->sum = add_sat(h->sum, value);
}

void posw_histogram_merge(posw_histogram *into, const posw_histogram *from) {
    for (size_t i = 0; i <= POSW_HISTOGRAM_BOUNDS_MAX; i++)
        into->buckets[i] += from->buckets[i];
    into->sum = add_sat(into->sum, from->sum);
}

/* ---- Text ---- */

const char *posw_metric_type_text(enum posw_metric_type type) {
    static const char *const names[] = {"gauge", "counter", "histogram"};
    return names[type];
}

/* A line end or a backslash would end the line or the text. quotes: in a label's value. */
static void escaped(posw_buf *out, const char *text, bool quotes) {
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            posw_buf_text(out, "\\n");
        else if (*text == '\\' || (quotes && *text == '"'))
            posw_buf_printf(out, "\\%c", *text);
        else
            posw_buf_byte(out, (uint8_t)*text);
    }
}

void posw_metric_head(posw_buf *out, const posw_metric *m) {
    posw_buf_printf(out, "# HELP %s ", m->name);
    escaped(out, m->help, false);
    posw_buf_printf(out, "\n# TYPE %s %s\n", m->name, posw_metric_type_text(m->type));
}

static void begin_sample(posw_buf *out, const posw_metric *m, const posw_metric_label *labels, size_t count) {
    posw_buf_text(out, m->name);
    for (size_t i = 0; i < count; i++) {
        posw_buf_printf(out, "%c%s=\"", i == 0 ? '{' : ',', labels[i].name);
        escaped(out, labels[i].value, true);
        posw_buf_byte(out, '"');
    }
    posw_buf_text(out, count > 0 ? "} " : " ");
}

static void fixed(posw_buf *out, uint64_t value, unsigned decimals) {
    uint64_t unit = 1;
    POSW_ASSERT(decimals <= 18);
    for (unsigned i = 0; i < decimals; i++)
        unit *= 10;
    posw_buf_printf(out, "%" PRIu64, value / unit);
    uint64_t rest = value % unit;
    int width = (int)decimals;
    for (; rest != 0 && rest % 10 == 0; width--)
        rest /= 10;
    if (rest != 0) posw_buf_printf(out, ".%0*" PRIu64, width, rest);
}

void posw_metric_sample(posw_buf *out, const posw_metric *m, const posw_metric_label *labels, size_t count,
                        uint64_t value) {
    begin_sample(out, m, labels, count);
    posw_buf_printf(out, "%" PRIu64 "\n", value);
}

void posw_metric_sample_fixed(posw_buf *out, const posw_metric *m, const posw_metric_label *labels, size_t count,
                              int64_t value, unsigned decimals) {
    begin_sample(out, m, labels, count);
    if (value < 0) posw_buf_byte(out, '-');
    fixed(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, decimals);
    posw_buf_byte(out, '\n');
}

void posw_metric_sample_u256(posw_buf *out, const posw_metric *m, const posw_u256 *value) {
    char text[POSW_U256_DEC_SIZE];
    (void)posw_u256_to_dec(text, value);
    begin_sample(out, m, NULL, 0);
    posw_buf_printf(out, "%s\n", text);
}

void posw_metric_sample_histogram(posw_buf *out, const posw_metric *m, const posw_histogram *h,
                                  const posw_histogram_scale *scale) {
    uint64_t count = 0;
    for (size_t i = 0; i <= scale->count; i++) {
        count += h->buckets[i];
        posw_buf_printf(out, "%s_bucket{le=\"", m->name);
        if (i < scale->count)
            fixed(out, scale->bounds[i], scale->decimals);
        else
            posw_buf_text(out, "+Inf");
        posw_buf_printf(out, "\"} %" PRIu64 "\n", count);
    }
    posw_buf_printf(out, "%s_sum ", m->name);
    fixed(out, h->sum, scale->decimals);
    posw_buf_printf(out, "\n%s_count %" PRIu64 "\n", m->name, count);
}
