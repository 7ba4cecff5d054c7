/* libFuzzer entry for transaction files: what is accepted is written, and reads back as the same text. */
#include "base/bytes.h"
#include "wallet/tx_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_tx_file f = {0}, again = {0};
    posw_message msg = {""};
    if (posw_tx_file_decode(&f, (const char *)data, size, &msg) != POSW_OK) {
        POSW_ASSERT(msg.text[0] != '\0' && f.data.data == NULL && f.raw.data == NULL); /* always explained */
        return 0;
    }
    posw_buf first = {0}, second = {0};
    posw_tx_file_encode(&first, &f);
    POSW_ASSERT(posw_tx_file_decode(&again, (const char *)first.data, first.size, NULL) == POSW_OK);
    posw_tx_file_encode(&second, &again);
    POSW_ASSERT(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    posw_buf_clear(&first);
    posw_buf_clear(&second);
    posw_tx_file_clear(&f);
    posw_tx_file_clear(&again);
    return 0;
}
