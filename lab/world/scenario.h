/* A random trial: a world drawn from a seed (topology, latency, clocks, a fifth of it adversaries), with accounts that
 * send transactions and stake, in which for a while lines break, machines crash, stop and come back, disks fail and the
 * network falls apart. Then it heals, and all honest machines must come to one chain. invariants.h holds throughout.
 *
 * Every third seed's chain has upgrades (U1) at some of its first blocks, one of each kind, so that reorganisations go
 * across their heights. Of three such seeds, in the first all machines know them; in the second some take the new chain
 * file when they restart, before or after the heights; in the third some never take it, and the others must come to one
 * chain. */
#ifndef POSW_LAB_SCENARIO_H
#define POSW_LAB_SCENARIO_H

#include "invariants.h"

typedef struct {
    uint64_t seed;
    size_t machines; /* at least 4; default 20 */
    uint64_t blocks; /* about so many, of 10 s, before the world heals; default 20 */
    bool no_faults, no_adversaries;
    enum posw_log_level log_level;
    void (*log)(void *arg, const char *line); /* NULL: none */
    void *arg;
} scenario_options;
void scenario_options_default(scenario_options *o, uint64_t seed);

typedef struct {
    char problem[INVARIANTS_PROBLEM]; /* "": all held */
    posw_hash log_hash;
    uint64_t events, deliveries, tip, txs, faults;
    uint64_t upgrades; /* of the chain */
    uint64_t crossed;  /* reorganisations of a machine across an upgrade's height */
} scenario_result;

/* POSW_OK: it ran, and the result says how it went; else an operating error of the trial itself. */
int scenario_run(scenario_result *out, const scenario_options *o);

/* The chain of trials: keccak256, blocks of 10 s by ASERT, ticket rule, small windows; difficulty for this many hashes
 * a second; the first `stakers` machines have a stake, and `accounts` accounts have coins. Cleared by the caller. */
int scenario_spec(posw_chain_spec *out, uint64_t hashes_per_s, size_t stakers, size_t accounts);
/* So many coins, in wei; 0 if they are too many. */
posw_u256 scenario_coins(uint64_t n);
void scenario_account_secret(uint8_t out[32], size_t account);

#endif
