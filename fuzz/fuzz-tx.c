#include "fuzz.h"

#include "codec/tx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_tx tx;
    posw_hash digest;
    posw_buf out = {0};
    if (posw_tx_decode(&tx, data, size) != POSW_TX_OK) return 0;
    posw_tx_encode(&out, &tx);
    fuzz_same(&out, data, size);
    posw_tx_signing_hash(&digest, &tx);
    POSW_ASSERT(posw_tx_intrinsic_gas(&tx) >= 21000);
    POSW_ASSERT(tx.raw.data == data && tx.raw.size == size);
    posw_buf_clear(&out);
    return 0;
}
