/* Key files: "Web3 secret storage", version 3, as geth, ethers and MetaMask write them.
 *
 *   password --kdf(salt)--> 32 bytes: [ AES key 16 | MAC key 16 ]
 *   ciphertext = AES-128-CTR(AES key, iv, secret)      mac = keccak256(MAC key ‖ ciphertext)
 *
 * Two steps, so that the dear one can run on a worker: decode (JSON text to a plain struct: cheap and strict, reveals
 * nothing) and open (password to secret: the whole cost of the kdf). In the other direction seal, then encode.
 * No files, no randomness: the caller brings text, salt, iv and uuid.
 *
 * What is accepted: version 3; scrypt, or pbkdf2 with hmac-sha256; aes-128-ctr; a derived key of 32 bytes; a secret of
 * 32 bytes; hexadecimal values without "0x" (the address may have it); no member twice. The crypto object may be called
 * "Crypto", as ethers does. "id" and "address" may be missing; unknown members are ignored. Parameters outside RFC 7914
 * (test2 of the official vectors has n >= 2^(16 r)) and those above the limits below are refused before any work.
 *
 * The mac covers the ciphertext but not the iv: only the address, where the file has one, shows a changed iv. A file
 * whose address is not that of its key is refused.
 *
 * Passwords are bytes, taken as they are. (Some programs apply Unicode NFKC first; a password in ASCII is the same
 * everywhere.) Source: ethereum.org, "Web3 secret storage definition"; RFC 7914; RFC 8018. */
#ifndef POSW_WALLET_KEYSTORE_H
#define POSW_WALLET_KEYSTORE_H

#include "base/buf.h"
#include "base/error.h"

enum {
    POSW_KEYSTORE_JSON_MAX = 16384, /* bytes; real files have about 500 */
    POSW_KEYSTORE_SALT_MAX = 128,
    POSW_KEYSTORE_SALT_SIZE = 32, /* of files written here */
    POSW_KEYSTORE_PASSWORD_MAX = 1024,
    POSW_KEYSTORE_ROUNDS_MAX = 10000000,         /* pbkdf2: about 5 s */
    POSW_KEYSTORE_SCRYPT_MEMORY_MAX = 512 << 20, /* 128 n r bytes: twice that of geth's default */
    POSW_KEYSTORE_SCRYPT_LANES_MAX = 1 << 16,    /* r p; usual is 8 */
    POSW_KEYSTORE_SCRYPT_WORK_MAX = 1 << 24,     /* n r p: eight times the work of geth's default, about 8 s */
};

enum posw_keystore_kdf_kind { POSW_KEYSTORE_SCRYPT, POSW_KEYSTORE_PBKDF2 };

typedef struct {
    enum posw_keystore_kdf_kind kind;
    uint64_t n; /* scrypt: a power of two, 2 or more; memory is 128 n r bytes, time goes with n r p */
    uint32_t r, p;
    uint32_t rounds; /* pbkdf2 */
} posw_keystore_kdf;

/* scrypt n = 131072, r = 8, p = 1: 128 MiB, about 0.7 s. The default. */
extern const posw_keystore_kdf POSW_KEYSTORE_STANDARD;
/* scrypt n = 4096, r = 8, p = 1: for tests and development chains; guesses cost little. */
extern const posw_keystore_kdf POSW_KEYSTORE_LIGHT;

/* A key file without its text. Plain data, nothing secret in it. */
typedef struct {
    posw_keystore_kdf kdf;
    uint8_t salt[POSW_KEYSTORE_SALT_MAX];
    size_t salt_size;
    uint8_t iv[16];
    uint8_t ciphertext[32];
    uint8_t mac[32];
    bool has_uuid;
    uint8_t uuid[16];
    bool has_address;
    posw_address address; /* what the file says; checked by open only */
} posw_keystore;

/* What seal needs from a good random source. Never use one twice. */
typedef struct {
    uint8_t salt[POSW_KEYSTORE_SALT_SIZE];
    uint8_t iv[16];
    uint8_t uuid[16]; /* marked as a random (version 4) UUID by seal */
} posw_keystore_random;

/* JSON text, `size` bytes. POSW_EPARSE: not a key file; POSW_EUNSUPPORTED: one that is not read here (version, kdf,
 * cipher); POSW_ERANGE: parameters that are illegal or above the limits; POSW_ENOMEM. `msg` (may be NULL) names the
 * member; it repeats nothing of the text. *out is written only on success. */
POSW_MUST_USE int posw_keystore_decode(posw_keystore *out, const char *json, size_t size, posw_message *msg);

/* Appends the JSON text, one line without its end. POSW_ENOMEM, and then `out` is as it was. */
POSW_MUST_USE int posw_keystore_encode(posw_buf *out, const posw_keystore *keystore);

/* POSW_OK if the parameters are legal and within the limits, else POSW_ERANGE. */
POSW_MUST_USE int posw_keystore_kdf_check(const posw_keystore_kdf *kdf, posw_message *msg);

/* The secret and its address (`address` may be NULL). POSW_EAUTH: wrong password (or a damaged file: the mac does not
 * tell them apart); POSW_ECORRUPT: the password is right, but the secret is no key or not that of the file's address;
 * POSW_EINVAL: a password above POSW_KEYSTORE_PASSWORD_MAX; POSW_ERANGE as in decode; POSW_ENOMEM. Pure function of its
 * arguments: may run on any thread. The caller wipes `secret`. */
POSW_MUST_USE int posw_keystore_open(uint8_t secret[32], posw_address *address, const posw_keystore *keystore,
                                     const void *password, size_t password_size, posw_message *msg);

/* The reverse, with the address filled in. POSW_EINVAL for an invalid secret or too long a password, POSW_ERANGE for
 * the kdf's parameters, POSW_ENOMEM. *out is written only on success. */
POSW_MUST_USE int posw_keystore_seal(posw_keystore *out, const uint8_t secret[32], const void *password,
                                     size_t password_size, const posw_keystore_kdf *kdf,
                                     const posw_keystore_random *random, posw_message *msg);

#endif
