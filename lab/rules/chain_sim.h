/* A chain of blocks without a network: only who finds the next block, and when, is drawn; all else is decided by the
 * functions of libposw that a node uses (posw/window.h, posw/weight.h, posw/difficulty.h).
 *
 * Mining is a race. A miner with hash h whose identity has the weight F finds blocks at the rate h F / D; the first one
 * to find one wins it, and everybody goes on from its block at once. The level of the winning hash, h D / 2^256 in the
 * terms of protocol H7, is uniform in [0, F), so that a block is boosted (H9) with the probability 1 - 1/F.
 *
 *      draw the time and the winner -> timestamp (whole seconds, T1) -> posw_difficulty_next -> posw_window_push
 *        ^                                                                                          |
 *        +---- posw_weight of the winner, and of those whose tickets the push has freed <-----------+
 *
 * Cost: O(log miners) a block and identities that change; some 300 ns with a hundred miners under the ticket rule.
 * A simulation is used by one thread at a time; different ones are independent. */
#ifndef POSW_LAB_CHAIN_SIM_H
#define POSW_LAB_CHAIN_SIM_H

#include "posw/params.h"

#include <stddef.h>
#include <stdint.h>

typedef struct chain_sim chain_sim;

typedef struct {
    double hash;         /* hashes a second, in any unit; at least 0 */
    posw_u256 stake_wei; /* of each of its identities */
    uint32_t identities; /* addresses that it mines with, 1 or more: its hash is always pointed at one of those with the
                            greatest weight */
} chain_sim_miner;

typedef struct {
    const posw_params *params; /* checked; its genesis difficulty and time are not read */
    posw_u256 supply_wei;      /* for a derived ticket price */
    const chain_sim_miner *miners;
    size_t miner_count;
    uint64_t seed, task; /* of the random draws: lab_random_of(seed, task) */
} chain_sim_setup;

typedef struct {
    uint64_t number;
    uint32_t miner; /* index of the winner */
    bool boosted;
    double solve_s;    /* since the block before, in real time and not by the timestamps */
    double difficulty; /* D, in the unit of hash times seconds */
} chain_sim_block;

/* What a miner has got since the start, or since chain_sim_forget(). */
typedef struct {
    uint64_t blocks, boosted_blocks;
    double free_s; /* time in which its weight was above 1: under the ticket rule, with a ticket free */
} chain_sim_score;

/* At least one miner with hash (asserted). The chain starts at genesis with an empty window and with the difficulty at
 * which the weights at that time give the block time. NULL: out of memory. */
chain_sim *chain_sim_new(const chain_sim_setup *setup);
void chain_sim_free(chain_sim *s); /* NULL allowed */

/* The next block. */
void chain_sim_step(chain_sim *s, chain_sim_block *out);

/* From the next block on. One miner at least must keep some hash (asserted at the next step). */
void chain_sim_set_hash(chain_sim *s, size_t miner, double hash);
void chain_sim_set_stake(chain_sim *s, size_t miner, const posw_u256 *stake_wei);
void chain_sim_set_supply(chain_sim *s, const posw_u256 *supply_wei);

chain_sim_score chain_sim_score_of(const chain_sim *s, size_t miner);
/* What the n-th identity of a simulation is called. */
posw_address chain_sim_address(uint32_t id);
double chain_sim_time_s(const chain_sim *s); /* since genesis */
double chain_sim_weight(const chain_sim *s, size_t miner);
double chain_sim_power(const chain_sim *s);   /* the sum of all h F */
double chain_sim_score_s(const chain_sim *s); /* time since the start or chain_sim_forget() */
/* Scores start anew: after a time of settling. */
void chain_sim_forget(chain_sim *s);

#endif
