/* Heads of files in an archive: what is accepted is written back as it was. */
#include "fuzz.h"

#include "io/tar.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char name[POSW_TAR_NAME_SIZE];
    uint64_t bytes, time_s;
    uint8_t again[POSW_TAR_BLOCK];
    if (size < POSW_TAR_BLOCK) return 0;
    POSW_ASSERT(!posw_tar_is_end(data) || !posw_tar_head_decode(name, &bytes, &time_s, data));
    if (!posw_tar_head_decode(name, &bytes, &time_s, data)) return 0;
    POSW_ASSERT(strlen(name) > 0 && bytes >> 63 == 0);
    posw_tar_head_encode(again, name, bytes, time_s);
    POSW_ASSERT(memcmp(again, data, sizeof again) == 0);
    return 0;
}
