/* Four stake proofs side by side (E5), in half the time, for runs of headers. Private to the core. */
#ifndef POSW_CORE_STAKE_PROOF_X4_H
#define POSW_CORE_STAKE_PROOF_X4_H

#include "posw/stake.h"

enum { POSW_STAKE_PROOF_LANES = 4 };

/* What posw_stake_proof_check is asked. proof NULL: the lane is empty, and its verdict is that of a wrong proof. */
typedef struct {
    const posw_stake_proof *proof;
    const posw_address *miner;
    uint64_t epoch;
    posw_hash stake_root;
} posw_stake_claim;

/* out[i] as of posw_stake_proof_check. */
void posw_stake_proof_check_x4(posw_verdict out[POSW_STAKE_PROOF_LANES],
                               const posw_stake_claim claims[POSW_STAKE_PROOF_LANES]);

#endif
