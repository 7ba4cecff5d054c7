#include "network_miners.h"

#include "posw/weight.h"

#include <math.h>
#include <stdlib.h>

bool miners_new(miners_answer *out, const lab_miners *list) {
    *out = (miners_answer){.list = list};
    if (list == NULL) return true;
    const size_t n = list->miner_count;
    out->groups = calloc(list->group_count, sizeof *out->groups);
    out->expected = calloc(n, sizeof *out->expected);
    out->shares = calloc(3 * n, sizeof *out->shares);
    out->found_of = calloc(2 * n, sizeof *out->found_of);
    if (out->groups == NULL || out->expected == NULL || out->shares == NULL || out->found_of == NULL) return false;
    out->expected_shares = out->shares + n;
    out->stale = out->shares + 2 * n;
    out->main_of = out->found_of + n;
    return true;
}

void miners_clear(miners_answer *a) {
    free(a->groups);
    free(a->expected);
    free(a->shares);
    free(a->found_of);
    *a = (miners_answer){.list = NULL};
}

/* Miners of one group have one expectation: of all their numbers the mean, whose error is that of one over the root of
 * their number. */
static lab_sample expected_of(const miners_answer *a, size_t first, uint32_t count) {
    lab_sample all = a->expected[first];
    for (size_t i = first + 1; i < first + count; i++) {
        all.mean += (a->expected[i].mean - all.mean) / (double)(i - first + 1);
        all.squares += a->expected[i].squares;
    }
    all.squares /= (double)count * (double)count;
    return all;
}

bool miners_expect(miners_answer *a, network_setup *s, unsigned threads) {
    if (a->list == NULL) return true;
    if (!network_expected(a->expected, s, threads)) return false;
    for (size_t g = 0, i = 0; g < a->list->group_count; g++) {
        const uint32_t count = a->list->groups[g].count;
        const lab_sample expected = expected_of(a, i, count);
        for (const size_t end = i + count; i < end; i++)
            a->expected_shares[i] = lab_sample_mean(&expected);
    }
    s->parts = a->expected_shares;
    return true;
}

static double part(double a, double b) {
    return b > 0 ? a / b : NAN;
}

void miners_add(miners_answer *a, const network_result *run) {
    if (a->list == NULL) return;
    uint64_t found = 0, main = 0;
    for (size_t i = 0; i < a->list->miner_count; i++) {
        a->found_of[i] += run->found_of[i];
        a->main_of[i] += run->main_of[i];
        found += run->found_of[i];
        main += run->main_of[i];
    }
    a->found += found;
    a->main += main;
    for (size_t g = 0, i = 0; g < a->list->group_count; g++) {
        const uint32_t count = a->list->groups[g].count;
        double own_found = 0, own_main = 0;
        for (const size_t end = i + count; i < end; i++) {
            own_found += run->found_of[i];
            own_main += run->main_of[i];
        }
        lab_sample_add(&a->groups[g].found, part(own_found / count, (double)found), (double)found);
        lab_sample_add(&a->groups[g].main, part(own_main / count, (double)main), (double)main);
        lab_sample_add(&a->groups[g].stale, 1 - part(own_main, own_found), own_found);
    }
}

static void put_estimate(lab_table *t, const lab_sample *s) {
    lab_cell_estimate(t, lab_sample_mean(s), lab_sample_error(s));
}

void miners_put(lab_report *r, miners_answer *a, const posw_params *p, const posw_u256 *supply_wei) {
    if (a->list == NULL) return;
    lab_table *t = lab_table_new(r, "miners", "Miners");
    lab_column(t, "name", "miner", "");
    lab_column(t, "count", "how many", "");
    lab_column(t, "hash", "hash of each", "");
    lab_column(t, "tickets", "tickets of each", "");
    lab_column(t, "found_share", "of the found blocks, each", "");
    lab_column(t, "share", "of the chain, each", "");
    lab_column(t, "expected_share", "expected without a network", "");
    lab_column(t, "stale_rate", "of its blocks that are lost", "");
    for (size_t g = 0, first = 0; g < a->list->group_count; g++) {
        const lab_miner_group *of = &a->list->groups[g];
        const lab_sample expected = expected_of(a, first, of->count);
        lab_cell_text(t, of->name);
        lab_cell_integer(t, of->count);
        lab_cell_number(t, of->hash);
        lab_cell_integer(t, posw_weight_tickets(p, &of->stake_wei, supply_wei));
        put_estimate(t, &a->groups[g].found);
        put_estimate(t, &a->groups[g].main);
        lab_cell_estimate(t, lab_sample_mean(&expected), expected.count < 2 ? 0 : lab_sample_error(&expected));
        put_estimate(t, &a->groups[g].stale);
        for (const size_t end = first + of->count; first < end; first++) {
            a->shares[first] = part((double)a->main_of[first], (double)a->main);
            a->stale[first] = 1 - part((double)a->main_of[first], (double)a->found_of[first]);
        }
    }
    lab_numbers(r, "share", a->shares, a->list->miner_count);
    lab_numbers(r, "expected_share", a->expected_shares, a->list->miner_count);
    lab_numbers(r, "stale", a->stale, a->list->miner_count);
}
