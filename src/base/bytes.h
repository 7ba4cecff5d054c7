/* Bytes: comparison, endian loads and stores, hexadecimal text. Pure, no allocation. */
#ifndef POSW_BASE_BYTES_H
#define POSW_BASE_BYTES_H

#include "posw/types.h"

#include <string.h>

static inline uint64_t posw_load_be64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}
static inline uint64_t posw_load_le64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}
static inline uint32_t posw_load_be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline void posw_store_be64(uint8_t *p, uint64_t v) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    memcpy(p, &v, 8);
}
static inline void posw_store_le64(uint8_t *p, uint64_t v) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    memcpy(p, &v, 8);
}
static inline void posw_store_be32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static inline bool posw_hash_equal(const posw_hash *a, const posw_hash *b) {
    return memcmp(a, b, sizeof *a) == 0;
}
static inline int posw_hash_cmp(const posw_hash *a, const posw_hash *b) {
    return memcmp(a, b, sizeof *a);
}
bool posw_hash_is_zero(const posw_hash *h);
static inline bool posw_address_equal(const posw_address *a, const posw_address *b) {
    return memcmp(a, b, sizeof *a) == 0;
}
static inline int posw_address_cmp(const posw_address *a, const posw_address *b) {
    return memcmp(a, b, sizeof *a);
}
bool posw_address_is_zero(const posw_address *a);

static inline posw_bytes posw_bytes_of(const void *data, size_t size) {
    return (posw_bytes){(const uint8_t *)data, size};
}

/* Lower-case digits, no prefix, NUL-terminated: out holds 2 * size + 1 characters. Returns 2 * size. */
size_t posw_hex_encode(char *out, const uint8_t *in, size_t size);
/* text_size digits of either case, no prefix: exactly 2 * size of them, else false and `out` unspecified. */
POSW_MUST_USE bool posw_hex_decode(uint8_t *out, size_t size, const char *text, size_t text_size);
/* The same with an obligatory "0x". */
POSW_MUST_USE bool posw_hex_decode_prefixed(uint8_t *out, size_t size, const char *text, size_t text_size);
/* 0x-prefixed hash or address from NUL-terminated text (any case). */
POSW_MUST_USE bool posw_hash_parse(posw_hash *out, const char *text);
POSW_MUST_USE bool posw_address_parse(posw_address *out, const char *text);

/* Equal in constant time (for secrets and tags). */
bool posw_equal_ct(const void *a, const void *b, size_t size);
/* Zero that the compiler may not remove. */
void posw_wipe(void *p, size_t size);

#endif
