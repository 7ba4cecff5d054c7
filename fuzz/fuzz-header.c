/* Block headers: whatever is accepted must be written back byte for byte, and survives every check that needs no chain.
 */
#include "base/error.h"
#include "posw/header.h"
#include "posw/seal.h"
#include "posw/u256.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_header h;
    if (!posw_header_decode(&h, data, size)) return 0;
    uint8_t back[POSW_HEADER_SIZE_MAX];
    POSW_ASSERT(posw_header_encode(back, &h) == size && memcmp(back, data, size) == 0);
    posw_address signer;
    if (h.extra_size != POSW_EXTRA_SIZE || !posw_seal_signer(&signer, &h)) return 0;
    /* A weight of D makes every output good enough, but for D = 0. */
    const posw_verdict v = posw_seal_check(&h, &h.difficulty, &signer);
    POSW_ASSERT(v.kind == (posw_u256_is_zero(&h.difficulty) ? POSW_INVALID : POSW_VALID));
    return 0;
}
