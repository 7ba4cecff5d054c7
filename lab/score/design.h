/* Searching the parameters of a ticket chain for the economy that a founder expects.
 *
 * A design is judged by points, fewer are better: a sum of terms that each say what they measure, so that a founder can
 * weigh them otherwise.
 *
 *      waiting      log2(1 + hours until a payment of the value at risk is safe: until replacing its block costs more,
 *                   also by a secret branch with false times)
 *      entry        log2(1 + price of a ticket / 100 USD): what a newcomer must buy first, or the least stake that is
 *                   allowed, if that is more
 *      boost        log2(M): without a ticket a miner is worth 1 / M
 *      small        1 - what the poorest tenth of the miners earns over its part of the wealth, a mean over stakes of
 *                   0.6 to 1.4 times the expected
 *      electricity  part of the reward that is spent on hash
 *      difficulty   what who comes and goes earns more for each hash, and how many days blocks are late when all
 *                   rented hash leaves
 *      locks        log2(1 + days for which stake is locked / 7)
 *
 * A design must keep rules P1 to P8 and a boost of twice the hash for rent or more, so that no hash suffices without
 * stake. Where coins are free again before an attack has been noticed, the attacker loses nothing on them.
 *
 * Not in the points: a loss of hash power, which design_loss() tells for one design. */
#ifndef POSW_LAB_DESIGN_H
#define POSW_LAB_DESIGN_H

#include "exact/attack.h"

#include <stdint.h>

enum design_term {
    DESIGN_WAITING,
    DESIGN_ENTRY,
    DESIGN_BOOST,
    DESIGN_SMALL,
    DESIGN_ELECTRICITY,
    DESIGN_DIFFICULTY,
    DESIGN_LOCKS,
    DESIGN_TERMS
};

typedef struct {
    lab_scenario scenario; /* rentable_hash_ratio and value_at_risk_usd known */
    uint64_t block_time_s;
    double notice_hours; /* after which an attack is known and the price has fallen */
    double weights[DESIGN_TERMS];
    uint64_t seed;
    unsigned threads;
} design_setup;

typedef struct {
    posw_params params;
    double points;
    double terms[DESIGN_TERMS]; /* with their weights */
    /* what they come from */
    double safe_blocks;             /* against attacks with true times; INFINITY: never */
    bool by_tickets;                /* then the cheapest of them takes a ticket for each block */
    double wait_blocks, wait_hours; /* against those with false ones, too */
    double ticket_usd, entry_usd, small_earnings, hash_share;
    double hopper_gain, hopper_gain_error, late_days;
    double lock_days;
} design;

/* A part of the hash power has left, and a secret branch with false times that begins now keeps the difficulty of
 * before: it needs fewer blocks and tickets for those of the public chain, which are easier. */
typedef struct {
    double share;  /* of the hash power: half, or all for rent, as if it had mined here */
    double blocks; /* that outweigh the design's wait_blocks */
    double cost;   /* USD, of the cheapest such attack on wait_blocks */
    double
        wait_blocks; /* that a payment of the value at risk wants meanwhile; INFINITY: not so many as are looked at */
} design_loss;

enum { DESIGN_BEST = 5 };

typedef struct {
    design standard;                   /* the defaults of a new chain with this block time */
    design best[DESIGN_BEST];          /* the best first; best[0] may be the standard */
    size_t best_count, searched, grid; /* judged; all combinations, some of which break a rule */
    bool complete;                     /* false after Ctrl-C: the best of those that were judged; if none was, the
                                          standard, whose points may then be NAN */
} design_result;

/* False: out of memory. The same result for any number of threads. */
POSW_MUST_USE bool design_search(design_result *out, const design_setup *setup);
/* Of a design whose wait_blocks are finite; all numbers but the share INFINITY: it waits for too many blocks to tell.
 * False: out of memory. */
POSW_MUST_USE bool design_lose_hash(design_loss *out, const design_setup *setup, const design *d);
/* The scenario as it meets a design: without a price loss where coins are free too early. */
lab_scenario design_scenario(const design_setup *setup, const posw_params *p);

extern const char *const design_term_names[DESIGN_TERMS];
extern const double design_term_weights[DESIGN_TERMS];

#endif
