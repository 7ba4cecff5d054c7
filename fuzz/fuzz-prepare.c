/* Blocks from strangers, as far as they are judged without a chain. The proof of work would stop nearly every changed
 * input, so the engine is left out here; the seeds have the right roots. */
#include "fuzz.h"

#include "chain/prepare.h"

static bool find_none(void *arg, posw_address *out, const posw_hash *tx_hash) {
    (void)arg, (void)out, (void)tx_hash;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const posw_sender_cache cache = {find_none, NULL};
    posw_prepared p;
    if (posw_prepare(&p, data, size, NULL, NULL, &cache) != POSW_OK) return 0;
    POSW_ASSERT(p.verdict.kind == POSW_VALID || p.verdict.kind == POSW_INVALID);
    POSW_ASSERT(!p.pow_checked);
    if (p.verdict.kind == POSW_VALID) {
        POSW_ASSERT(p.block.raw.size == size && p.bytes.size == size && memcmp(p.bytes.data, data, size) == 0);
        for (size_t i = 0; i < p.block.tx_count; i++) {
            posw_address sender;
            POSW_ASSERT(posw_tx_sender(&sender, &p.block.txs[i]) &&
                        memcmp(sender.b, p.senders[i].b, sizeof sender.b) == 0);
        }
    }
    posw_prepared_clear(&p);
    return 0;
}
