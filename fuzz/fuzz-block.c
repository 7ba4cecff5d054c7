#include "fuzz.h"

#include "base/bytes.h"
#include "codec/block.h"

#include <stdlib.h>

/* Its own header and hash given, the same block comes out. */
static void decode_again(const posw_block *b, const uint8_t *data, size_t size) {
    posw_block again;
    POSW_ASSERT(posw_block_decode_known(&again, NULL, &b->header, &b->hash, data, size) == POSW_OK);
    POSW_ASSERT(again.tx_count == b->tx_count && posw_hash_equal(&again.hash, &b->hash));
    POSW_ASSERT(again.raw.data == b->raw.data && again.raw.size == b->raw.size);
    for (size_t i = 0; i < b->tx_count; i++)
        POSW_ASSERT(again.txs[i].raw.data == b->txs[i].raw.data && again.txs[i].raw.size == b->txs[i].raw.size);
    posw_block_clear(&again);
}

/* Whatever the bytes, a header and hash taken as given. */
static void decode_with_another(const uint8_t *data, size_t size) {
    static const posw_header other = {.gas_limit = 30000000};
    static const posw_hash hash;
    posw_block block;
    int rule;
    if (posw_block_decode_known(&block, &rule, &other, &hash, data, size) != POSW_OK) return;
    POSW_ASSERT(posw_hash_equal(&block.hash, &hash));
    posw_block_clear(&block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_block block;
    posw_buf out = {0};
    const size_t frame = posw_block_frame(data, size);
    decode_with_another(data, size);
    if (posw_block_decode(&block, NULL, data, size) != POSW_OK) return 0;
    POSW_ASSERT(frame == size);
    decode_again(&block, data, size);
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
