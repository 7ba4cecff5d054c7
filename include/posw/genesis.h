/* The genesis header (protocol section 9). What it cannot show is its state root: that of the chain file's allocation.
 */
#ifndef POSW_GENESIS_H
#define POSW_GENESIS_H

#include "posw/header.h"
#include "posw/params.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { POSW_CHAIN_NAME_MAX = 32 }; /* bytes of UTF-8, without the final NUL */

/* G1, G2: the header of block 0; its hash (posw_header_hash) names the chain.
 * p: checked parameters; name: the chain's, at most POSW_CHAIN_NAME_MAX bytes (asserted), NUL-terminated; state_root:
 * of the allocation with the staking contract. */
POSW_API void posw_genesis_header(posw_header *out, const posw_params *p, const char *name,
                                  const posw_hash *state_root);
/* True iff it is the genesis header of a chain with exactly these parameters, of any name and allocation. */
POSW_API bool posw_genesis_matches(const posw_header *h, const posw_params *p);

#ifdef __cplusplus
}
#endif

#endif
