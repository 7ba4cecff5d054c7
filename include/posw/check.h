/* Header checks that need no state (protocol sections 2 to 5): what a full node does before it executes a block, and
 * all that a light client does. Pure functions, any thread; nothing is kept, what is passed is borrowed for the call.
 */
#ifndef POSW_CHECK_H
#define POSW_CHECK_H

#include "posw/economy.h"
#include "posw/header.h"
#include "posw/seal.h"
#include "posw/stake.h"
#include "posw/window.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the chain says about the place where a header wants to stand. */
typedef struct {
    const posw_params *params; /* checked: posw_params_check */
    const posw_header *parent;
    const posw_hash *parent_hash;
    const posw_window *window;   /* of W and the unlock time 2 W T (asserted when tickets are counted), stands at the
                                    parent; NULL where no rule of the chain reads it (see the functions) */
    const posw_hash *stake_root; /* in force for the header's epoch, or NULL when it is not known (a light client): then
                                    the header's own root is taken, and a proof is checked against it */
} posw_check_context;

/* Everything cheap, in this order: parent linkage (H1), H2, H3, T1, X9 (gas limit), X8 (gasUsed within it), B1, E4, D1.
 * The window is read under the difficulty rules asert-lag, lwma3 and bitcoin2016 only (else it may be NULL). */
POSW_API POSW_MUST_USE posw_verdict posw_check_header_fields(const posw_check_context *c, const posw_header *h);
/* T2: not yet when too far ahead, else valid. now_s: the local clock, seconds since 1970. */
POSW_API POSW_MUST_USE posw_verdict posw_check_header_time(const posw_params *p, const posw_header *h, uint64_t now_s);
/* W1 to W5: F of the header's beneficiary with this stake; stake and supply in wei, of the snapshot in force. The
 * window is read under the ticket rule only (else it may be NULL). */
POSW_API posw_u256 posw_check_weight(const posw_check_context *c, const posw_header *h, const posw_u256 *stake,
                                     const posw_u256 *supply);
/* H7, H8 for a node that has the stake table in force: entry is the beneficiary's (asserted), NULL where it has no
 * stake; supply: of the same snapshot. Valid, or invalid under POSW_RULE_TARGET or POSW_RULE_SIGNATURE. The PoW output
 * is not recomputed: posw_seal_check_pow. The window is read as by posw_check_weight. */
POSW_API POSW_MUST_USE posw_verdict posw_check_header_seal(const posw_check_context *c, const posw_header *h,
                                                           const posw_stake_entry *entry, const posw_u256 *supply);
/* H7, H8, H10, E5 for one that has only the proof that came with the header (NULL: none came). A missing or wrong proof
 * is "not yet" (rules H10 and E5): the proof is not part of the header, so it can condemn its sender, never the header.
 * Without a proof, a header that is signed by its beneficiary and meets the target of no stake passes, even where the
 * beneficiary has named another signer: only the table knows. */
POSW_API POSW_MUST_USE posw_verdict posw_check_header_proof(const posw_check_context *c, const posw_header *h,
                                                            const posw_stake_proof *proof);

/* F1, F2: true iff a chain of this weight replaces one of that weight (strictly greater). */
POSW_API bool posw_fork_better(const posw_u256 *candidate, const posw_u256 *current);

#ifdef __cplusplus
}
#endif

#endif
