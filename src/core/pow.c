/* The proof of work that needs nothing but Keccak (H6), and the key of RandomX (K1). */
#include "base/bytes.h"
#include "crypto/keccak.h"
#include "posw/seal.h"

const char *posw_pow_name(enum posw_pow_algorithm algorithm) {
    switch (algorithm) {
    case POSW_POW_KECCAK256:
        return "keccak256";
    case POSW_POW_ARGON2ID:
        return "argon2id";
    case POSW_POW_RANDOMX:
        return "randomx";
    }
    return "";
}

static bool keccak_hash(void *scratch, posw_hash *out, const posw_hash *key, const uint8_t input[POSW_POW_INPUT_SIZE]) {
    (void)scratch;
    (void)key;
    posw_keccak256(out, input, POSW_POW_INPUT_SIZE);
    return true;
}

const posw_pow *posw_pow_keccak256(void) {
    static const posw_pow engine = {"keccak256", keccak_hash, NULL, NULL};
    return &engine;
}

/* K1 */
bool posw_pow_key_source(uint64_t *source, uint64_t number) {
    const uint64_t period = number / POSW_POW_KEY_BLOCKS;
    if (period == 0) return false;
    *source = period * POSW_POW_KEY_BLOCKS - POSW_POW_KEY_LAG;
    return true;
}

/* K1 */
void posw_pow_key_first(posw_hash *out, const posw_hash *genesis_hash) {
    static const char tag[] = "posw-rx";
    enum { TAG_SIZE = sizeof tag - 1 };
    uint8_t message[TAG_SIZE + POSW_HASH_SIZE];
    memcpy(message, tag, TAG_SIZE);
    memcpy(message + TAG_SIZE, genesis_hash->b, POSW_HASH_SIZE);
    posw_keccak256(out, message, sizeof message);
}
