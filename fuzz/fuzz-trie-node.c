/* Trie nodes: byte 0 is the depth in nibbles, the rest the RLP. Whatever is accepted is written back byte for byte. */
#include "fuzz.h"

#include "codec/trie_node.h"
#include "crypto/keccak.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || data[0] > POSW_TRIE_PATH_MAX) return 0;
    posw_trie *t = posw_trie_new(&POSW_TRIE_EMPTY_ROOT, NULL);
    posw_trie_node *n = NULL;
    POSW_ASSERT(t != NULL);
    if (posw_trie_node_decode(t->pool, &n, data + 1, size - 1, data[0]) == POSW_OK) {
        const posw_bytes rlp = posw_trie_node_rlp(t->pool, n);
        POSW_ASSERT(rlp.size == size - 1 && memcmp(rlp.data, data + 1, rlp.size) == 0);
        posw_trie_node_unref(t->pool, n);
    }
    posw_trie_free(t); /* and nothing of its memory is in use any more */
    return 0;
}
