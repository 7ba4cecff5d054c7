#include "crypto/digest.h"

#include "base/bytes.h"
#include "base/error.h"

#include <limits.h>
#include <nettle/aes.h>
#include <nettle/ctr.h>
#include <nettle/hmac.h>
#include <nettle/ripemd160.h>
#include <nettle/sha2.h>
#include <openssl/evp.h>

/* The working memory of scrypt is 128 * N * r bytes; OpenSSL counts a little more than that. */
static const uint64_t scrypt_memory_max = (uint64_t)1 << 30;
static const uint64_t scrypt_slack = (uint64_t)1 << 26;

void posw_sha256(uint8_t out[32], const void *data, size_t size) {
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, size, data);
    sha256_digest(&ctx, SHA256_DIGEST_SIZE, out);
    posw_wipe(&ctx, sizeof ctx); /* messages may be secrets: mnemonics, key material */
}

void posw_ripemd160(uint8_t out[20], const void *data, size_t size) {
    struct ripemd160_ctx ctx;
    ripemd160_init(&ctx);
    ripemd160_update(&ctx, size, data);
    ripemd160_digest(&ctx, RIPEMD160_DIGEST_SIZE, out);
    posw_wipe(&ctx, sizeof ctx);
}

void posw_hmac_sha512(uint8_t out[64], const void *key, size_t key_size, const void *data, size_t size) {
    struct hmac_sha512_ctx ctx;
    hmac_sha512_set_key(&ctx, key_size, key);
    hmac_sha512_update(&ctx, size, data);
    hmac_sha512_digest(&ctx, SHA512_DIGEST_SIZE, out);
    posw_wipe(&ctx, sizeof ctx);
}

static bool pbkdf2(uint8_t *out, size_t out_size, const void *pass, size_t pass_size, const void *salt,
                   size_t salt_size, uint32_t rounds, const EVP_MD *md) {
    if (out_size == 0 || out_size > INT_MAX || pass_size > INT_MAX || salt_size > INT_MAX || rounds == 0 ||
        rounds > INT_MAX)
        return false;
    return PKCS5_PBKDF2_HMAC(pass_size > 0 ? pass : "", (int)pass_size, salt_size > 0 ? salt : (const void *)"",
                             (int)salt_size, (int)rounds, md, (int)out_size, out) == 1;
}

bool posw_pbkdf2_sha256(uint8_t *out, size_t out_size, const void *pass, size_t pass_size, const void *salt,
                        size_t salt_size, uint32_t rounds) {
    return pbkdf2(out, out_size, pass, pass_size, salt, salt_size, rounds, EVP_sha256());
}

bool posw_pbkdf2_sha512(uint8_t *out, size_t out_size, const void *pass, size_t pass_size, const void *salt,
                        size_t salt_size, uint32_t rounds) {
    return pbkdf2(out, out_size, pass, pass_size, salt, salt_size, rounds, EVP_sha512());
}

bool posw_scrypt(uint8_t *out, size_t out_size, const void *pass, size_t pass_size, const void *salt, size_t salt_size,
                 uint64_t n, uint32_t r, uint32_t p) {
    if (n < 2 || (n & (n - 1)) != 0 || r == 0 || p == 0 || out_size == 0 || out_size > INT_MAX || pass_size > INT_MAX ||
        salt_size > INT_MAX)
        return false;
    /* Divisions, so that no product of outside numbers can wrap. */
    if (n > scrypt_memory_max / 128 / r || p > scrypt_slack / 2 / 128 / r) return false;
    return EVP_PBE_scrypt(pass_size > 0 ? pass : "", pass_size, salt_size > 0 ? salt : (const void *)"", salt_size, n,
                          r, p, scrypt_memory_max + scrypt_slack, out, out_size) == 1;
}

bool posw_aes128_ctr(uint8_t *data, size_t size, const uint8_t key[16], const uint8_t iv[16]) {
    struct aes128_ctx ctx;
    uint8_t counter[AES_BLOCK_SIZE];
    aes128_set_encrypt_key(&ctx, key);
    memcpy(counter, iv, sizeof counter);
    ctr_crypt(&ctx, (nettle_cipher_func *)aes128_encrypt, AES_BLOCK_SIZE, counter, size, data, data);
    posw_wipe(&ctx, sizeof ctx);
    return true;
}
