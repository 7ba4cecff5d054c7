/* Thin wrappers over nettle and OpenSSL for what wallets need. Those that return bool say false only if the library
 * fails (out of memory) or a parameter is out of its range. */
#ifndef POSW_CRYPTO_DIGEST_H
#define POSW_CRYPTO_DIGEST_H

#include "posw/types.h"

void posw_sha256(uint8_t out[32], const void *data, size_t size);
void posw_ripemd160(uint8_t out[20], const void *data, size_t size);
void posw_hmac_sha512(uint8_t out[64], const void *key, size_t key_size, const void *data, size_t size);
POSW_MUST_USE bool posw_pbkdf2_sha256(uint8_t *out, size_t out_size, const void *pass, size_t pass_size,
                                      const void *salt, size_t salt_size, uint32_t rounds);
POSW_MUST_USE bool posw_pbkdf2_sha512(uint8_t *out, size_t out_size, const void *pass, size_t pass_size,
                                      const void *salt, size_t salt_size, uint32_t rounds);
/* RFC 7914: N a power of two below 2^(16 r). Memory (128 N r bytes) is bounded to 1 GiB, 128 p r to 32 MiB. */
POSW_MUST_USE bool posw_scrypt(uint8_t *out, size_t out_size, const void *pass, size_t pass_size, const void *salt,
                               size_t salt_size, uint64_t n, uint32_t r, uint32_t p);
/* Encrypts = decrypts, in place. */
POSW_MUST_USE bool posw_aes128_ctr(uint8_t *data, size_t size, const uint8_t key[16], const uint8_t iv[16]);

#endif
