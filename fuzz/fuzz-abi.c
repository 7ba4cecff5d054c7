/* What a contract call brings and gives back: any input can be asked for any word; a reason that is read and written
 * again is the same. */
#include "fuzz.h"

#include "codec/abi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const posw_bytes input = {data, size};
    const size_t words = size < 4 ? 0 : (size - 4) / 32;
    posw_u256 word;
    posw_address address;
    char reason[200], again[200];
    for (size_t i = 0; i <= words; i++) {
        const bool is_word = posw_abi_word(&word, input, i), is_address = posw_abi_address(&address, input, i);
        POSW_ASSERT(is_word == (i < words) && (is_word || !is_address));
    }
    POSW_ASSERT(!posw_abi_word(&word, input, SIZE_MAX / 32) && !posw_abi_word(&word, input, SIZE_MAX));
    if (!posw_abi_revert_reason(reason, sizeof reason, input)) return 0;
    posw_buf out = {0};
    posw_abi_append_revert(&out, reason);
    POSW_ASSERT(!out.failed && posw_abi_revert_reason(again, sizeof again, posw_buf_view(&out)));
    POSW_ASSERT(strcmp(reason, again) == 0);
    posw_buf_clear(&out);
    return 0;
}
