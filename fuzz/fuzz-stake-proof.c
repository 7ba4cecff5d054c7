/* Stake proofs: whatever is accepted must be written back byte for byte, and can be checked against anything. */
#include "base/error.h"
#include "posw/stake.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_stake_proof proof;
    if (!posw_stake_proof_decode(&proof, data, size)) return 0;
    uint8_t back[POSW_STAKE_PROOF_SIZE_MAX];
    POSW_ASSERT(posw_stake_proof_encode(back, &proof) == size && memcmp(back, data, size) == 0);
    const posw_hash nothing = {{0}};
    POSW_ASSERT(posw_stake_proof_check(&proof, 1, &proof.signer, &nothing).kind == POSW_INVALID);
    return 0;
}
