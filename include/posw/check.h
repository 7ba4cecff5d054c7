/* Header checks that need no state (protocol sections 2 to 5): what a full node does before it executes a block, and all that
 * a light client does. */
#ifndef POSW_CHECK_H
#define POSW_CHECK_H

#include "posw/economy.h"
#include "posw/header.h"
#include "posw/seal.h"
#include "posw/stake.h"
#include "posw/window.h"

/* What the chain says about the place where a header wants to stand. */
typedef struct {
    const posw_params *params;
    const posw_header *parent;
    const posw_hash *parent_hash;
    const posw_window *window;  /* stands at the parent */
    const posw_hash *stake_root; /* in force for the header's epoch, or NULL when it is not known (a light client): then the
                                    header's own root is taken, and a proof is checked against it */
} posw_check_context;

/* Everything cheap, in this order: parent linkage (H1), H2, H3, T1, X9 (gas limit), X8 (gasUsed within it), B1, E4, D1. The window is
 * not read. */
POSW_API posw_verdict posw_check_header_fields(const posw_check_context *c, const posw_header *h);
/* T2: not yet when too far ahead. */
POSW_API posw_verdict posw_check_header_time(const posw_params *p, const posw_header *h, uint64_t now_s);
/* W1 to W5: F of the header's beneficiary with this stake. The window is read under the ticket rule only (else it may be NULL). */
POSW_API posw_u256 posw_check_weight(const posw_check_context *c, const posw_header *h, const posw_u256 *stake, const posw_u256 *supply);
/* H7, H8 for a node that has the stake table (entry NULL: the beneficiary has no stake). supply: of the same snapshot. */
POSW_API posw_verdict posw_check_header_seal(const posw_check_context *c, const posw_header *h, const posw_stake_entry *entry,
                                             const posw_u256 *supply);
/* H7, H8, H10, E5 for one that has only the proof that came with the header (NULL: none came). A missing or wrong proof is "not
 * yet" (rules H10 and E5): the proof is not part of the header, so it can condemn its sender, never the header. Without a proof, a
 * header that is signed by its beneficiary and meets the base target passes, even where the beneficiary has named another signer:
 * only the table knows. */
POSW_API posw_verdict posw_check_header_proof(const posw_check_context *c, const posw_header *h, const posw_stake_proof *proof);

/* F1, F2: true iff a chain of this weight replaces one of that weight (strictly greater). */
POSW_API bool posw_fork_better(const posw_u256 *candidate, const posw_u256 *current);

#endif
