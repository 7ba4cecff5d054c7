#include "fuzz.h"

#include "codec/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
    posw_receipt receipt;
    posw_buf out = {0};
    if (!posw_receipt_decode(&receipt, logs, data, size)) return 0;
    posw_receipt_encode(&out, &receipt);
    fuzz_same(&out, data, size);
    posw_buf_clear(&out);
    return 0;
}
