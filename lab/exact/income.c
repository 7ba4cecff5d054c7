#include "income.h"

#include "exact/erlang.h"
#include "posw/u256.h"
#include "posw/weight.h"
#include "run/random.h"

#include <math.h>
#include <stdlib.h>

static const uint64_t late_block = UINT64_C(1) << 40; /* after every ramp */

static double double_of(const posw_u256 *v) {
    double sum = 0;
    for (int i = 3; i >= 0; i--)
        sum = sum * 0x1p64 + (double)v->w[i];
    return sum;
}

static double power_shares(lab_income_class *classes, size_t count, const posw_params *p, const posw_u256 *supply_wei) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        lab_income_class *c = &classes[i];
        const posw_u256 f = posw_weight(p, late_block, &c->stake_wei, supply_wei, 0);
        c->first = c->hash * double_of(&f);
        c->boosted = double_of(&f) > 1;
        c->tickets = c->used = 0;
        sum += c->miners * c->first;
    }
    for (size_t i = 0; i < count; i++)
        classes[i].share = classes[i].first = sum > 0 ? classes[i].first / sum : 0;
    return sum;
}

/* The sum of all shares if L were `sum`; fills in the classes. Falls as L grows. */
static double shares_at(lab_income_class *classes, size_t count, double sum, double boost, double window) {
    double all = 0;
    for (size_t i = 0; i < count; i++) {
        lab_income_class *c = &classes[i];
        const double load = window * c->hash * boost / sum, lost = c->tickets < 1 ? 1 : lab_erlang_b(c->tickets, load);
        c->boosted = 1 - lost;
        c->used = load * (1 - lost);
        c->first = c->hash * (c->tickets < 1 ? 1 : boost) / sum;
        c->share = c->hash * (boost * (1 - lost) + lost) / sum;
        all += c->miners * c->share;
    }
    return all;
}

static double ticket_shares(lab_income_class *classes, size_t count, const posw_params *p,
                            const posw_u256 *supply_wei) {
    const double boost = (double)posw_weight_boost(p, late_block), window = (double)p->window_blocks;
    double hash = 0;
    for (size_t i = 0; i < count; i++) {
        classes[i].tickets = (double)posw_weight_tickets(p, &classes[i].stake_wei, supply_wei);
        hash += classes[i].miners * classes[i].hash;
    }
    if (!(hash > 0)) {
        for (size_t i = 0; i < count; i++)
            classes[i].share = classes[i].first = classes[i].boosted = classes[i].used = 0;
        return 0;
    }
    /* the sum of the shares falls with L; false position with the Illinois correction, which needs some eight steps */
    double low = log(hash), high = log(hash * boost);
    double over = shares_at(classes, count, hash, boost, window) - 1,
           under = shares_at(classes, count, exp(high), boost, window) - 1;
    double at = over <= 0 ? low : high; /* nobody has a ticket; everybody always has one */
    int side = 0;
    for (int i = 0; i < 200 && over > 0 && under < 0 && high - low > 1e-13; i++) {
        at = (low * under - high * over) / (under - over);
        if (!(at > low && at < high)) at = (low + high) / 2;
        const double here = shares_at(classes, count, exp(at), boost, window) - 1;
        if (fabs(here) < 1e-14) break;
        if (here > 0) {
            low = at;
            over = here;
            if (side == 1) under /= 2;
            side = 1;
        } else {
            high = at;
            under = here;
            if (side == -1) over /= 2;
            side = -1;
        }
    }
    shares_at(classes, count, exp(at), boost, window);
    return exp(at);
}

double lab_income_shares(lab_income_class *classes, size_t count, const posw_params *p, const posw_u256 *supply_wei) {
    return p->weight.rule == POSW_WEIGHT_TICKET ? ticket_shares(classes, count, p, supply_wei)
                                                : power_shares(classes, count, p, supply_wei);
}

/* The tickets of one miner: blocks of the chain at which those that are used up come back, oldest first, in a ring. */
typedef struct {
    double *back; /* owned; `size` places */
    size_t size, first, used;
} ticket_ring;

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* From block `*now` up to `end`: the blocks that the miner finds. Waits are exponential; while no ticket is free they
 * are longer by the boost, and end early when one comes back. */
static double count_until(ticket_ring *t, double *now, double end, const lab_income_class *c, double boost,
                          double window, lab_random *random) {
    double found = 0;
    while (*now < end) {
        while (t->used > 0 && t->back[t->first] <= *now) {
            t->first = (t->first + 1) % t->size;
            t->used--;
        }
        const bool free_ticket = t->used < t->size && t->size > 0;
        const double rate = t->size > 0 && !free_ticket ? c->first / boost : c->first,
                     next = *now + lab_exponential(random) / rate;
        const double limit = t->size > 0 && !free_ticket ? fmin(end, t->back[t->first]) : end;
        if (next > limit) {
            *now = limit; /* the exponential has no memory */
            continue;
        }
        *now = next;
        found++;
        if (!free_ticket) continue;
        t->back[(t->first + t->used++) % t->size] = next + window;
    }
    return found;
}

bool lab_income_counts(double *counts, size_t periods, const lab_income_class *c, const posw_params *p, double blocks,
                       uint64_t seed) {
    const bool tickets = p->weight.rule == POSW_WEIGHT_TICKET;
    const double boost = tickets ? (double)posw_weight_boost(p, late_block) : 1, window = (double)p->window_blocks;
    /* more than a window's worth of luck is never used */
    const double most = window * c->first + 20 * sqrt(window * c->first) + 100;
    ticket_ring t = {.size = tickets ? (size_t)fmin(c->tickets, most) : 0};
    lab_random random = lab_random_of(seed, 0);
    double now = 0;
    t.back = malloc((t.size + 1) * sizeof *t.back);
    if (t.back == NULL) return false;
    count_until(&t, &now, 4 * window, c, boost, window, &random);
    for (size_t i = 0; i < periods; i++)
        counts[i] = count_until(&t, &now, 4 * window + (double)(i + 1) * blocks, c, boost, window, &random);
    qsort(counts, periods, sizeof *counts, by_size);
    free(t.back);
    return true;
}

double lab_poisson_quantile(double mean, double q) {
    enum { NORMAL_FROM = 100000 }; /* there the normal distribution is right to a few parts of a million */
    if (mean > NORMAL_FROM) {
        /* bisection on erf: nobody needs it fast */
        double low = -8, high = 8;
        while (high - low > 1e-9) {
            const double z = (low + high) / 2;
            if (erfc(-z / M_SQRT2) / 2 < q)
                low = z;
            else
                high = z;
        }
        return floor(mean + high * sqrt(mean) + 0.5);
    }
    double k = 0, sum = exp(-mean);
    /* far from the start the terms begin below the smallest double: from logarithms */
    while (sum < q) {
        k++;
        sum += exp(k * log(mean) - mean - lgamma(k + 1));
        if (k > mean + 60 * sqrt(mean) + 1000) break;
    }
    return k;
}
