/* Records of the log of results: block number, senders, packed receipts, undo. What is accepted is written back;
 * receipts that were not packed by us may come back packed tighter, but unpack to the same. */
#include "fuzz.h"

#include "base/bytes.h"
#include "chain/chain_internal.h"

static void check_receipts(const posw_buf *receipts) {
    posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
    posw_receipt receipt;
    posw_bytes item;
    for (size_t i = 0; posw_receipts_at(&item, posw_buf_view(receipts), i); i++) {
        POSW_ASSERT(item.data >= receipts->data && item.data + item.size <= receipts->data + receipts->size);
        if (posw_receipt_decode(&receipt, logs, item.data, item.size)) POSW_ASSERT(receipt.logs == logs);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_chain_record record, back;
    posw_buf receipts = {0}, again = {0}, encoded = {0};
    if (size < 8) return 0;
    const uint64_t number = posw_load_be64(data);
    POSW_ASSERT(!posw_chain_record_decode(&record, (posw_bytes){data, size}, number ^ 1));
    if (!posw_chain_record_decode(&record, (posw_bytes){data, size}, number)) return 0;
    if (posw_chain_receipts_unpack(&receipts, record.receipts)) {
        check_receipts(&receipts);
        posw_chain_record_encode(&encoded, number, record.senders, posw_buf_view(&receipts), record.undo);
        POSW_ASSERT(!encoded.failed && encoded.size <= size);
        POSW_ASSERT(posw_chain_record_decode(&back, posw_buf_view(&encoded), number));
        POSW_ASSERT(back.senders.size == record.senders.size && back.undo.size == record.undo.size);
        POSW_ASSERT(posw_chain_receipts_unpack(&again, back.receipts));
        fuzz_same(&again, receipts.data, receipts.size);
    }
    posw_buf_clear(&receipts);
    posw_buf_clear(&again);
    posw_buf_clear(&encoded);
    return 0;
}
