/* Blocks for a rehearsal: a branch that grows on any block of the main chain, without the chain's knowledge, by rules
 * of the caller's choice. Everything in the blocks is as a miner would make it, signatures included, but for the proof
 * of work: it is one that costs nothing, and only a chain that was opened with cli_trial_pow() takes it.
 *
 *      cli_branch_open(&b, chain, params, key, number);      ... ─ block `number` ─ tip
 *      cli_branch_add(&b, &bytes, time, transfers);                      └ b.tip
 *
 * The chain must not change while a branch is open. */
#ifndef POSW_CLI_TRIAL_BRANCH_H
#define POSW_CLI_TRIAL_BRANCH_H

#include "miner/miner.h"

/* Its outputs are below every target. Static storage. */
const posw_pow *cli_trial_pow(void);

typedef struct {
    posw_chain *chain;             /* borrowed */
    const posw_params *rules;      /* borrowed; the chain's own may differ */
    const posw_miner_identity *id; /* borrowed; without stake */
    posw_header tip;
    posw_hash tip_hash;
    uint64_t fork_number;
    posw_state *state;   /* after the tip; owned */
    void *window_memory; /* owned */
    posw_window *window;
    size_t transfers; /* in the latest block */
    uint8_t variant;  /* the caller's choice, 0 at first: two branches of one time and content differ by it */
} cli_branch;

/* Zeroed by this. POSW_OK or an operating error. */
int cli_branch_open(cli_branch *b, posw_chain *chain, const posw_params *rules, const posw_miner_identity *id,
                    uint64_t number);
/* One block more, appended to `block`: with so many transfers of the miner to itself as the block, its coins and
 * `transfers` allow. timestamp: above the tip's. After an error the branch can only be closed. POSW_ENOTFOUND: the
 * branch is so long that a stake table lies on it. */
int cli_branch_add(cli_branch *b, posw_buf *block, uint64_t timestamp, size_t transfers);
void cli_branch_close(cli_branch *b); /* zeroed allowed */

#endif
