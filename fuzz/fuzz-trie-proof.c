/* Merkle proofs: the size of the key (1 byte), the key, then nodes, each with its size before it (2 bytes, big-endian).
 * The root is the hash of the first node. An accepted proof needs each of its nodes. */
#include "fuzz.h"

#include "codec/trie.h"
#include "crypto/keccak.h"

enum { NODES_MAX = 80 };

static size_t read_nodes(posw_bytes nodes[NODES_MAX], const uint8_t *p, size_t left) {
    size_t count = 0;
    while (left >= 2 && count < NODES_MAX) {
        size_t size = (size_t)p[0] << 8 | p[1];
        p += 2, left -= 2;
        size = size < left ? size : left;
        nodes[count++] = (posw_bytes){p, size};
        p += size, left -= size;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_bytes nodes[NODES_MAX] = {{NULL, 0}};
    posw_hash root = POSW_TRIE_EMPTY_ROOT;
    posw_buf value = {0}, again = {0};
    if (size == 0 || size - 1 < data[0]) return 0;
    const uint8_t *key = data + 1;
    const size_t key_size = data[0];
    const size_t count = read_nodes(nodes, key + key_size, size - 1 - key_size);
    if (count > 0) posw_keccak256(&root, nodes[0].data, nodes[0].size);
    if (posw_trie_proof_check(&value, &root, key, key_size, nodes, count) == POSW_OK && count > 0) {
        POSW_ASSERT(key_size <= POSW_TRIE_KEY_MAX);
        POSW_ASSERT(posw_trie_proof_check(&again, &root, key, key_size, nodes, count - 1) == POSW_EPARSE);
        POSW_ASSERT(posw_trie_proof_check(&again, &root, key, key_size, nodes, count) == POSW_OK);
        fuzz_same(&again, value.data, value.size);
    }
    posw_buf_clear(&value);
    posw_buf_clear(&again);
    return 0;
}
