#include "state/account.h"

#include "base/bytes.h"
#include "base/error.h"
#include "codec/rlp.h"
#include "crypto/keccak.h"
#include "posw/u256.h"

enum { LIST_PREFIX = 2 };

posw_account posw_account_blank(void) {
    return (posw_account){.storage_root = POSW_TRIE_EMPTY_ROOT, .code_hash = POSW_KECCAK_EMPTY};
}

/* X1 */
bool posw_account_is_empty(const posw_account *a) {
    return a->nonce == 0 && posw_u256_is_zero(&a->balance_wei) && posw_hash_equal(&a->code_hash, &POSW_KECCAK_EMPTY);
}

bool posw_account_equal(const posw_account *a, const posw_account *b) {
    return a->nonce == b->nonce && posw_u256_equal(&a->balance_wei, &b->balance_wei) &&
           posw_hash_equal(&a->storage_root, &b->storage_root) && posw_hash_equal(&a->code_hash, &b->code_hash);
}

/* A string of 32 bytes. */
static uint8_t *put_hash(uint8_t *out, const posw_hash *h) {
    *out = 0x80 + POSW_HASH_SIZE;
    memcpy(out + 1, h->b, sizeof h->b);
    return out + 1 + sizeof h->b;
}

/* X1. The two hashes alone make a list whose length takes a byte, and it has no more than 108. */
size_t posw_account_encode(uint8_t out[POSW_ACCOUNT_RLP_MAX], const posw_account *a) {
    uint8_t *const content = out + LIST_PREFIX, *p = content;
    p = posw_rlp_put_u64(p, a->nonce);
    p = posw_rlp_put_u256(p, &a->balance_wei);
    p = put_hash(p, &a->storage_root);
    p = put_hash(p, &a->code_hash);
    const uint8_t *begin = posw_rlp_put_list(out, (size_t)(p - content));
    POSW_ASSERT(begin == content);
    return (size_t)(p - out);
}

bool posw_account_decode(posw_account *out, posw_bytes rlp) {
    posw_rlp outer = posw_rlp_reader(rlp.data, rlp.size);
    posw_rlp list = posw_rlp_list(&outer);
    posw_account a;
    a.nonce = posw_rlp_u64(&list);
    a.balance_wei = posw_rlp_u256(&list);
    posw_rlp_fixed(&list, a.storage_root.b, POSW_HASH_SIZE);
    posw_rlp_fixed(&list, a.code_hash.b, POSW_HASH_SIZE);
    if (!posw_rlp_done(&list) || !posw_rlp_done(&outer)) return false;
    *out = a;
    return true;
}
