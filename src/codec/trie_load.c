/* Loading nodes on demand. */
#include "base/bytes.h"
#include "codec/trie_node.h"
#include "crypto/keccak.h"

#include <string.h>

/* The store's node at this path, if it is the one that is wanted. POSW_ENOTFOUND: there is none, or another one. */
static int load_stored(posw_trie_pool *pool, posw_trie_node **out, const uint8_t *hash, const uint8_t *path,
                       size_t path_size) {
    posw_hash found;
    if (pool->source == NULL) return POSW_ENOTFOUND;
    posw_buf *rlp = &pool->scratch;
    posw_buf_reset(rlp);
    const int rc = pool->source->load(pool->source->arg, rlp, path, path_size);
    if (rc != POSW_OK) return rc;
    if (rlp->failed) return POSW_ENOMEM;
    posw_keccak256(&found, rlp->data, rlp->size);
    if (memcmp(found.b, hash, sizeof found.b) != 0) return POSW_ENOTFOUND;
    /* Shorter ones are embedded, except for a root. */
    if (path_size > 0 && rlp->size <= POSW_TRIE_EMBEDDED_MAX) return POSW_ECORRUPT;
    return posw_trie_node_decode(pool, out, rlp->data, rlp->size, path_size);
}

static int load_hashed(const posw_trie *t, posw_trie_node **out, const uint8_t *hash, const uint8_t *path,
                       size_t path_size) {
    int rc = load_stored(t->pool, out, hash, path, path_size);
    if (rc != POSW_ENOTFOUND) return rc;
    posw_trie_node *n;
    rc = posw_trie_retired_find(t->pool, &n, t->epoch, hash);
    if (rc != POSW_OK) return rc == POSW_ENOTFOUND ? POSW_ECORRUPT : rc;
    n->refs++;
    *out = n;
    return POSW_OK;
}

static int load_embedded(const posw_trie *t, posw_trie_node **out, posw_trie_slot s, size_t path_size) {
    uint8_t rlp[POSW_TRIE_REF_SIZE] = {*s.tag};
    memcpy(rlp + 1, s.rest, POSW_HASH_SIZE);
    return posw_trie_node_decode(t->pool, out, rlp, posw_trie_ref_size(*s.tag), path_size);
}

int posw_trie_load(const posw_trie *t, posw_trie_slot s, const uint8_t *path, size_t path_size) {
    posw_trie_node *n = NULL;
    const int rc =
        *s.tag == POSW_TRIE_TAG_HASH ? load_hashed(t, &n, s.rest, path, path_size) : load_embedded(t, &n, s, path_size);
    if (rc == POSW_OK) *s.node = n;
    return rc;
}
