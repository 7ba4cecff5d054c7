/* What each fuzz target shares. A target is one libFuzzer entry point: decode; what is accepted must encode to the same
 * bytes. A failure aborts. Built with clang -fsanitize=fuzzer, or linked with replay.c to run a corpus under any
 * compiler. */
#ifndef POSW_FUZZ_H
#define POSW_FUZZ_H

#include "base/buf.h"
#include "base/error.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_same(const posw_buf *made, const uint8_t *data, size_t size) {
    POSW_ASSERT(!made->failed && made->size == size && (size == 0 || memcmp(made->data, data, size) == 0));
}

#endif
