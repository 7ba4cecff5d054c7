/* Stake tables as the store keeps them: what is accepted is sorted, adds up and is written back byte for byte. */
#include "fuzz.h"

#include "state/staking.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_stake_table *table = NULL;
    posw_buf out = {0};
    const int rc = posw_staking_table_decode(&table, data, size);
    POSW_ASSERT(rc == POSW_OK || rc == POSW_ECORRUPT);
    if (rc != POSW_OK) return 0;
    posw_staking_table_encode(&out, table);
    fuzz_same(&out, data, size);
    for (size_t i = 0; i < table->count; i++)
        POSW_ASSERT(posw_stake_table_find(table, &table->entries[i].miner) == &table->entries[i]);
    posw_buf_clear(&out);
    free(table);
    return 0;
}
