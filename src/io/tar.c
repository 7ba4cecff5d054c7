#include "io/tar.h"

#include "base/bytes.h"
#include "base/error.h"

#include <string.h>

/* Offset and size of each field. */
enum {
    NAME_AT = 0,
    MODE_AT = 100,
    UID_AT = 108,
    GID_AT = 116,
    SIZE_AT = 124,
    TIME_AT = 136,
    SUM_AT = 148,
    TYPE_AT = 156,
    MAGIC_AT = 257,
    OCTAL_SIZE_MAX_BITS = 33
};

/* digits octal digits and a NUL. */
static void put_octal(uint8_t *out, unsigned digits, uint64_t value) {
    out[digits] = '\0';
    for (; digits-- > 0; value /= 8)
        out[digits] = (uint8_t)('0' + value % 8);
}

static uint64_t octal(const uint8_t *in, unsigned digits) {
    uint64_t value = 0;
    for (unsigned i = 0; i < digits; i++)
        value = value * 8 + (uint64_t)(in[i] & 7);
    return value;
}

static void put_size(uint8_t *out, uint64_t size) {
    if (size >> OCTAL_SIZE_MAX_BITS == 0) {
        put_octal(out, 11, size);
        return;
    }
    memset(out, 0, 12);
    out[0] = 0x80;
    posw_store_be64(out + 4, size);
}

void posw_tar_head_encode(uint8_t out[POSW_TAR_BLOCK], const char *name, uint64_t size, uint64_t time_s) {
    const size_t name_size = strlen(name);
    POSW_ASSERT(name_size > 0 && name_size < POSW_TAR_NAME_SIZE && size >> 63 == 0 &&
                time_s >> OCTAL_SIZE_MAX_BITS == 0);
    memset(out, 0, POSW_TAR_BLOCK);
    memcpy(out + NAME_AT, name, name_size);
    put_octal(out + MODE_AT, 7, 0600);
    put_octal(out + UID_AT, 7, 0);
    put_octal(out + GID_AT, 7, 0);
    put_size(out + SIZE_AT, size);
    put_octal(out + TIME_AT, 11, time_s);
    out[TYPE_AT] = '0';
    memcpy(out + MAGIC_AT, "ustar\00000", 8);
    memset(out + SUM_AT, ' ', 8);
    uint64_t sum = 0;
    for (size_t i = 0; i < POSW_TAR_BLOCK; i++)
        sum += out[i];
    put_octal(out + SUM_AT, 6, sum); /* and the blank that is there */
}

/* Read leniently, and then compared with what is written for it. */
bool posw_tar_head_decode(char name[POSW_TAR_NAME_SIZE], uint64_t *size, uint64_t *time_s,
                          const uint8_t in[POSW_TAR_BLOCK]) {
    uint8_t again[POSW_TAR_BLOCK];
    char found[POSW_TAR_NAME_SIZE];
    memcpy(found, in + NAME_AT, sizeof found);
    const uint64_t bytes = in[SIZE_AT] == 0x80 ? posw_load_be64(in + SIZE_AT + 4) : octal(in + SIZE_AT, 11);
    const uint64_t time = octal(in + TIME_AT, 11);
    if (found[0] == '\0' || found[sizeof found - 1] != '\0' || bytes >> 63 != 0) return false;
    posw_tar_head_encode(again, found, bytes, time);
    if (memcmp(again, in, sizeof again) != 0) return false;
    memcpy(name, found, sizeof found);
    *size = bytes;
    *time_s = time;
    return true;
}

bool posw_tar_is_end(const uint8_t in[POSW_TAR_BLOCK]) {
    for (size_t i = 0; i < POSW_TAR_BLOCK; i++)
        if (in[i] != 0) return false;
    return true;
}

size_t posw_tar_padding(uint64_t size) {
    return (size_t)(POSW_TAR_BLOCK - size % POSW_TAR_BLOCK) % POSW_TAR_BLOCK;
}
