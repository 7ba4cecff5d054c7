#include "wallet/keystore.h"

#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/keccak.h"
#include "crypto/secp.h"

const posw_keystore_kdf POSW_KEYSTORE_STANDARD = {.kind = POSW_KEYSTORE_SCRYPT, .n = 131072, .r = 8, .p = 1};
const posw_keystore_kdf POSW_KEYSTORE_LIGHT = {.kind = POSW_KEYSTORE_SCRYPT, .n = 4096, .r = 8, .p = 1};

enum { CIPHER_KEY_SIZE = 16, DERIVED_SIZE = 32 };

static int check_scrypt(const posw_keystore_kdf *kdf, posw_message *msg) {
    if (kdf->n < 2 || (kdf->n & (kdf->n - 1)) != 0)
        return posw_message_set(msg, POSW_ERANGE,
                                "the key file's scrypt n is %llu; it must be a power of two and above 1",
                                (unsigned long long)kdf->n);
    if (kdf->r == 0 || kdf->p == 0)
        return posw_message_set(msg, POSW_ERANGE, "the key file's scrypt r and p must be above 0");
    if (kdf->r < 4 && kdf->n >= (uint64_t)1 << 16 * kdf->r)
        return posw_message_set(msg, POSW_ERANGE,
                                "the key file's scrypt n is %llu, but with r = %u it must be below %llu (RFC 7914); "
                                "export the key again with r = 8",
                                (unsigned long long)kdf->n, kdf->r, 1ull << 16 * kdf->r);
    /* Divisions, because the products may overflow. */
    if (kdf->n > POSW_KEYSTORE_SCRYPT_MEMORY_MAX / 128 / kdf->r)
        return posw_message_set(msg, POSW_ERANGE,
                                "the key file's scrypt parameters ask for more than %d MiB of memory; export the key "
                                "again with n = 262144, r = 8, p = 1 or less",
                                POSW_KEYSTORE_SCRYPT_MEMORY_MAX >> 20);
    if (kdf->p > POSW_KEYSTORE_SCRYPT_LANES_MAX / kdf->r || kdf->p > POSW_KEYSTORE_SCRYPT_WORK_MAX / kdf->r / kdf->n)
        return posw_message_set(
            msg, POSW_ERANGE,
            "the key file's scrypt parameters ask for too much work (n r p above %d or r p above %d); "
            "export the key again with n = 262144, r = 8, p = 1 or less",
            POSW_KEYSTORE_SCRYPT_WORK_MAX, POSW_KEYSTORE_SCRYPT_LANES_MAX);
    return POSW_OK;
}

int posw_keystore_kdf_check(const posw_keystore_kdf *kdf, posw_message *msg) {
    switch (kdf->kind) {
    case POSW_KEYSTORE_SCRYPT:
        return check_scrypt(kdf, msg);
    case POSW_KEYSTORE_PBKDF2:
        if (kdf->rounds >= 1 && kdf->rounds <= POSW_KEYSTORE_ROUNDS_MAX) return POSW_OK;
        return posw_message_set(msg, POSW_ERANGE, "the key file's pbkdf2 rounds c are %u; they must be 1 to %d",
                                kdf->rounds, POSW_KEYSTORE_ROUNDS_MAX);
    }
    return posw_message_set(msg, POSW_ERANGE, "unknown key derivation");
}

/* The 32 bytes that the password gives, after all checks. */
static int derive(uint8_t out[DERIVED_SIZE], const posw_keystore *k, const void *password, size_t password_size,
                  posw_message *msg) {
    if (password_size > POSW_KEYSTORE_PASSWORD_MAX)
        return posw_message_set(msg, POSW_EINVAL, "the password is longer than %d bytes", POSW_KEYSTORE_PASSWORD_MAX);
    const posw_keystore_kdf *kdf = &k->kdf;
    int error = posw_keystore_kdf_check(kdf, msg);
    if (error) return error;
    bool done =
        kdf->kind == POSW_KEYSTORE_SCRYPT
            ? posw_scrypt(out, DERIVED_SIZE, password, password_size, k->salt, k->salt_size, kdf->n, kdf->r, kdf->p)
            : posw_pbkdf2_sha256(out, DERIVED_SIZE, password, password_size, k->salt, k->salt_size, kdf->rounds);
    if (done) return POSW_OK;
    return posw_message_set(msg, POSW_ENOMEM, "out of memory while the password was checked; close other programs");
}

/* keccak256(second half of the derived key ‖ ciphertext) */
static void mac_of(posw_hash *out, const uint8_t derived[DERIVED_SIZE], const uint8_t ciphertext[32]) {
    uint8_t input[DERIVED_SIZE - CIPHER_KEY_SIZE + 32];
    memcpy(input, derived + CIPHER_KEY_SIZE, DERIVED_SIZE - CIPHER_KEY_SIZE);
    memcpy(input + DERIVED_SIZE - CIPHER_KEY_SIZE, ciphertext, 32);
    posw_keccak256(out, input, sizeof input);
    posw_wipe(input, sizeof input);
}

/* Decrypts under the derived key and checks what comes out. */
static int decrypt(uint8_t secret[32], posw_address *address, const posw_keystore *k,
                   const uint8_t derived[DERIVED_SIZE], posw_message *msg) {
    posw_hash mac;
    mac_of(&mac, derived, k->ciphertext);
    if (!posw_equal_ct(mac.b, k->mac, sizeof mac.b))
        return posw_message_set(msg, POSW_EAUTH, "wrong password, or the key file is damaged");
    memcpy(secret, k->ciphertext, 32);
    if (!posw_aes128_ctr(secret, 32, derived, k->iv))
        return posw_message_set(msg, POSW_ENOMEM, "out of memory while the key was decrypted");
    if (!posw_secp_address(address, secret))
        return posw_message_set(
            msg, POSW_ECORRUPT,
            "the password is right, but the key file holds no valid key: it is damaged; use a backup");
    if (k->has_address && !posw_address_equal(address, &k->address))
        return posw_message_set(msg, POSW_ECORRUPT,
                                "the password is right, but the key is not that of the address in the key file: it is "
                                "damaged; use a backup");
    return POSW_OK;
}

int posw_keystore_open(uint8_t secret[32], posw_address *address, const posw_keystore *keystore, const void *password,
                       size_t password_size, posw_message *msg) {
    uint8_t derived[DERIVED_SIZE], found[32];
    posw_address owner;
    int error = derive(derived, keystore, password, password_size, msg);
    if (error) return error;
    error = decrypt(found, &owner, keystore, derived, msg);
    if (error == POSW_OK) {
        memcpy(secret, found, sizeof found);
        if (address) *address = owner;
    }
    posw_wipe(derived, sizeof derived);
    posw_wipe(found, sizeof found);
    return error;
}

int posw_keystore_seal(posw_keystore *out, const uint8_t secret[32], const void *password, size_t password_size,
                       const posw_keystore_kdf *kdf, const posw_keystore_random *random, posw_message *msg) {
    posw_keystore k = {.kdf = *kdf, .salt_size = sizeof random->salt, .has_uuid = true, .has_address = true};
    if (!posw_secp_address(&k.address, secret))
        return posw_message_set(msg, POSW_EINVAL, "not a private key: zero or not below the order of secp256k1");
    memcpy(k.salt, random->salt, sizeof random->salt);
    memcpy(k.iv, random->iv, sizeof k.iv);
    memcpy(k.uuid, random->uuid, sizeof k.uuid);
    k.uuid[6] = (uint8_t)((k.uuid[6] & 0x0f) | 0x40); /* RFC 4122: version 4, variant 1 */
    k.uuid[8] = (uint8_t)((k.uuid[8] & 0x3f) | 0x80);

    uint8_t derived[DERIVED_SIZE];
    int error = derive(derived, &k, password, password_size, msg);
    if (error) return error;
    memcpy(k.ciphertext, secret, 32);
    if (posw_aes128_ctr(k.ciphertext, 32, derived, k.iv)) {
        posw_hash mac;
        mac_of(&mac, derived, k.ciphertext);
        memcpy(k.mac, mac.b, sizeof k.mac);
        *out = k;
    } else {
        posw_wipe(&k, sizeof k); /* may still hold the plain secret */
        error = posw_message_set(msg, POSW_ENOMEM, "out of memory while the key was encrypted");
    }
    posw_wipe(derived, sizeof derived);
    return error;
}
