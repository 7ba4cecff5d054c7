/* The plain types that every layer shares: hashes, addresses, byte views and 256-bit unsigned integers. */
#ifndef POSW_TYPES_H
#define POSW_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define POSW_MUST_USE __attribute__((warn_unused_result))
#define POSW_API __attribute__((visibility("default")))
#else
#define POSW_MUST_USE
#define POSW_API
#endif

enum { POSW_HASH_SIZE = 32, POSW_ADDRESS_SIZE = 20 };

/* 32 bytes, in the order in which they are hashed and sent. */
typedef struct {
    uint8_t b[POSW_HASH_SIZE];
} posw_hash;

/* The last 20 bytes of keccak256(public key), as in Ethereum. */
typedef struct {
    uint8_t b[POSW_ADDRESS_SIZE];
} posw_address;

/* A borrowed view of bytes. `data` may be NULL only when `size` is 0. */
typedef struct {
    const uint8_t *data;
    size_t size;
} posw_bytes;

/* An unsigned 256-bit integer; w[0] is the least significant word. */
typedef struct {
    uint64_t w[4];
} posw_u256;

#ifdef __cplusplus
}
#endif

#endif
