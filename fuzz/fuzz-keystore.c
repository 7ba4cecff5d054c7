/* libFuzzer entry for key files: whatever is accepted is written and read back as the same, and opening it never
 * crashes. The password is that of the seeds in the corpus (empty). Files that ask for real work are not opened, so
 * that a run is fast. */
#include "base/bytes.h"
#include "wallet/keystore.h"

enum { WORK_MAX = 64, ROUNDS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_cheap(const posw_keystore_kdf *kdf) {
    switch (kdf->kind) {
    case POSW_KEYSTORE_SCRYPT:
        return kdf->n * kdf->r * kdf->p <= WORK_MAX;
    case POSW_KEYSTORE_PBKDF2:
        return kdf->rounds <= ROUNDS_MAX;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_keystore keystore, again;
    posw_message msg = {0};
    if (posw_keystore_decode(&keystore, (const char *)data, size, &msg) != POSW_OK) {
        POSW_ASSERT(msg.text[0]); /* a refusal is always explained */
        return 0;
    }
    /* The text of what was read is the same text when it is read again. */
    posw_buf first = {0}, second = {0};
    POSW_ASSERT(posw_keystore_encode(&first, &keystore) == POSW_OK);
    POSW_ASSERT(posw_keystore_decode(&again, (const char *)first.data, first.size, NULL) == POSW_OK);
    POSW_ASSERT(posw_keystore_encode(&second, &again) == POSW_OK);
    POSW_ASSERT(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    posw_buf_clear(&first);
    posw_buf_clear(&second);

    uint8_t secret[32];
    posw_address address;
    if (is_cheap(&keystore.kdf) && posw_keystore_open(secret, &address, &keystore, "", 0, NULL) == POSW_OK)
        POSW_ASSERT(!keystore.has_address || posw_address_equal(&address, &keystore.address));
    return 0;
}
