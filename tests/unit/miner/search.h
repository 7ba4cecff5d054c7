/* Searching a nonce by hand, as an outside searcher does it: it knows the input and the target, nothing else. */
#ifndef POSW_TEST_MINER_SEARCH_H
#define POSW_TEST_MINER_SEARCH_H

#include "chain/harness.h"
#include "miner/miner.h"

typedef struct {
    uint8_t nonce[8];
    posw_hash mix;
} found;

static inline found search_work(const posw_work *w) {
    found f;
    uint8_t input[POSW_POW_INPUT_SIZE];
    memcpy(input, w->input, sizeof input);
    for (uint64_t n = 0;; n++) {
        posw_store_le64(f.nonce, n);
        memcpy(input + 39, f.nonce, 8);
        h_pow_hash(NULL, &f.mix, &w->key, input);
        const posw_u256 h = posw_u256_from_le(f.mix.b);
        if (posw_u256_cmp(&h, &w->target) < 0) return f;
    }
}

#endif
