/* What posw lab network says of each miner of a list. */
#ifndef POSW_LAB_NETWORK_MINERS_H
#define POSW_LAB_NETWORK_MINERS_H

#include "chain_input.h"
#include "network/network.h"

typedef struct {
    lab_sample found, main,
        stale; /* one miner's part of all that was found, of the chain; part of its own that is lost */
} miners_group;

/* Of no list: all zero, and the functions do nothing. */
typedef struct {
    const lab_miners *list; /* borrowed */
    miners_group *groups;
    lab_sample *expected;                      /* a miner each */
    double *shares, *expected_shares, *stale;  /* a miner each */
    uint64_t *found_of, *main_of, found, main; /* a miner each, and of all of them */
} miners_answer;

/* False: out of memory; to be cleared all the same. */
bool miners_new(miners_answer *out, const lab_miners *list);
void miners_clear(miners_answer *a);
/* Fills in what is expected, and s->parts. False: out of memory. */
bool miners_expect(miners_answer *a, network_setup *s, unsigned threads);
void miners_add(miners_answer *a, const network_result *run);
/* The table and the lists. supply: as in network_setup. */
void miners_put(lab_report *r, miners_answer *a, const posw_params *p, const posw_u256 *supply_wei);

#endif
