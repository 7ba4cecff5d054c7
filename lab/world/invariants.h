/* What must hold in every world, whatever happens in it.
 *
 *  - S9: the supply is the sum of all balances, as the staking contract's slot 4 says.
 *  - The state root is a function of the blocks: a fresh chain that imports the blocks of a machine has its tip and
 * root.
 *  - F1, F2: the tip is the heaviest valid block that the machine knows, and its weight never goes down while it runs.
 *  - Ticket window, stake tables and the state are what a recount from the stored blocks gives (posw_chain_verify).
 *  - The network part and the side branches stay within their memory.
 *  - Honest machines do not discourage each other, whatever upgrades their chain files have.
 *
 * The first that breaks is kept as a sentence that names machine, block and time. */
#ifndef POSW_LAB_INVARIANTS_H
#define POSW_LAB_INVARIANTS_H

#include "world.h"

enum { INVARIANTS_P2P_MEMORY_MAX = 32 << 20, INVARIANTS_PROBLEM = 900 };

typedef struct invariants invariants;

/* NULL: out of memory. All machines are honest at first. */
invariants *invariants_new(size_t machines);
void invariants_free(invariants *v);
void invariants_set_honest(invariants *v, size_t machine, bool honest);
bool invariants_is_honest(const invariants *v, size_t machine);
/* It is honest and lacks an upgrade that the others have: it need not come to their chain. */
void invariants_set_apart(invariants *v, size_t machine);
/* "" as long as all held. */
const char *invariants_problem(const invariants *v);

/* Each returns 0, or 1 when something does not hold (or the check cannot be made); machines that are down or not honest
 * are passed over. */
int invariants_event(invariants *v, world *w, size_t machine); /* after every event: 1 us when nothing has changed */
int invariants_state(invariants *v, world *w, size_t machine); /* supply, memory: some 50 us */
int invariants_recount(invariants *v, world *w,
                       size_t machine); /* window, tables, state, all from the blocks: some ms */
int invariants_rebuild(invariants *v, world *w, size_t machine); /* a fresh chain from the blocks: some ms */
/* Honest machines, without those apart, are on several tips of one weight: neither is wrong (F2), the next block
 * decides. */
bool invariants_tied(const invariants *v, world *w);
/* All honest machines, without those apart, are up and on one tip, which none of them has a heavier one than. */
int invariants_converged(invariants *v, world *w);

#endif
