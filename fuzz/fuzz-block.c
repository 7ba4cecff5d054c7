#include "fuzz.h"

#include "codec/block.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_block block;
    posw_buf out = {0};
    const size_t frame = posw_block_frame(data, size);
    if (posw_block_decode(&block, NULL, data, size) != POSW_OK) return 0;
    POSW_ASSERT(frame == size);
    posw_bytes *raws = malloc((block.tx_count + 1) * sizeof *raws);
    POSW_ASSERT(raws != NULL);
    for (size_t i = 0; i < block.tx_count; i++)
        raws[i] = block.txs[i].raw;
    posw_block_encode(&out, &block.header, raws, block.tx_count);
    fuzz_same(&out, data, size);
    free(raws);
    posw_buf_clear(&out);
    posw_block_clear(&block);
    return 0;
}
