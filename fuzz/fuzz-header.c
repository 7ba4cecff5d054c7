/* Block headers: whatever is accepted must be written back byte for byte, and survives every check that needs no chain.
 */
#include "base/error.h"
#include "posw/header.h"
#include "posw/seal.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_header h;
    if (!posw_header_decode(&h, data, size)) return 0;
    uint8_t back[POSW_HEADER_SIZE_MAX];
    POSW_ASSERT(posw_header_encode(back, &h) == size && memcmp(back, data, size) == 0);
    posw_address signer;
    if (h.extra_size == POSW_EXTRA_SIZE && posw_seal_signer(&signer, &h))
        (void)posw_seal_check(&h, &h.difficulty, &signer);
    return 0;
}
