/* Recovering a signature is a pure function, and in a world every machine asks for the same ones: the answers are kept
 * for the whole process. Programs are linked with --wrap=posw_secp_recover; what a machine decides is the same with and
 * without it. */
#include "base/map.h"
#include "crypto/secp.h"

#include <string.h>

enum { KEPT_MAX = 1 << 17, KEY_SIZE = 16, IN_SIZE = POSW_HASH_SIZE + POSW_SIGNATURE_SIZE };

typedef struct {
    posw_address address;
    bool found;
} answer;

static posw_map answers;

bool __real_posw_secp_recover(posw_address *out, const posw_hash *digest, const posw_signature *sig);
bool __wrap_posw_secp_recover(posw_address *out, const posw_hash *digest, const posw_signature *sig);

bool __wrap_posw_secp_recover(posw_address *out, const posw_hash *digest, const posw_signature *sig) {
    static const uint64_t seeds[2][2] = {{1, 2}, {3, 4}};
    uint8_t in[IN_SIZE];
    uint64_t key[2];
    bool added;
    memcpy(in, digest->b, POSW_HASH_SIZE);
    memcpy(in + POSW_HASH_SIZE, sig->b, POSW_SIGNATURE_SIZE);
    key[0] = posw_siphash(seeds[0], in, sizeof in);
    key[1] = posw_siphash(seeds[1], in, sizeof in);
    if (answers.key_size == 0) posw_map_init(&answers, KEY_SIZE, sizeof(answer), NULL);
    if (answers.count >= KEPT_MAX) posw_map_reset(&answers, NULL);
    answer *a = posw_map_put(&answers, key, &added);
    if (a == NULL) return __real_posw_secp_recover(out, digest, sig);
    if (added) a->found = __real_posw_secp_recover(&a->address, digest, sig);
    if (a->found) *out = a->address;
    return a->found;
}
