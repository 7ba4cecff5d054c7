#include "fuzz.h"

#include "state/account.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_account account;
    uint8_t out[POSW_ACCOUNT_RLP_MAX];
    if (!posw_account_decode(&account, (posw_bytes){data, size})) return 0;
    POSW_ASSERT(posw_account_encode(out, &account) == size && memcmp(out, data, size) == 0);
    return 0;
}
