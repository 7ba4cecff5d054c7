/* Merkle proofs (EIP-1186). */
#include "base/bytes.h"
#include "codec/trie_node.h"
#include "crypto/keccak.h"

#include <string.h>

int posw_trie_prove(posw_trie *t, const uint8_t *key, size_t key_size,
                    int (*node)(void *arg, const uint8_t *rlp, size_t size), void *arg) {
    uint8_t nibbles[POSW_TRIE_PATH_MAX];
    posw_trie_trail trail;
    posw_hash root;
    if (key_size > POSW_TRIE_KEY_MAX) return POSW_EINVAL;
    int rc = posw_trie_root(t, &root);
    if (rc == POSW_OK) rc = posw_trie_seek(t, &trail, nibbles, posw_trie_nibbles(nibbles, key, key_size));
    for (size_t k = 0; rc == POSW_OK && k < trail.count; k++) {
        if (*trail.slot[k].tag != POSW_TRIE_TAG_HASH) break; /* embedded, and so is everything below */
        const posw_bytes rlp = posw_trie_node_rlp(t->pool, *trail.slot[k].node);
        rc = rlp.size == 0 ? POSW_ENOMEM : node(arg, rlp.data, rlp.size);
    }
    return rc;
}

/* ---- checking ---- */

typedef struct {
    const posw_bytes *nodes;
    size_t count, used;
    uint8_t nibbles[POSW_TRIE_PATH_MAX];
    size_t key_count, depth;
} checker;

/* The node that a reference names: the next of the proof, or the reference itself. */
static bool take_node(checker *c, posw_bytes *out, const uint8_t *ref) {
    posw_hash hash;
    if (ref[0] != POSW_TRIE_TAG_HASH) {
        *out = (posw_bytes){ref, posw_trie_ref_size(ref[0])};
        return true;
    }
    if (c->used == c->count) return false;
    *out = c->nodes[c->used++];
    if (c->depth > 0 && out->size <= POSW_TRIE_EMBEDDED_MAX) return false;
    posw_keccak256(&hash, out->data, out->size);
    return memcmp(hash.b, ref + 1, sizeof hash.b) == 0;
}

/* One node further down: the next reference, or NULL at the end with the value, empty if the key is absent. */
static const uint8_t *descend(checker *c, const posw_trie_view *v, posw_bytes *value) {
    const uint8_t *rest = c->nibbles + c->depth;
    const size_t left = c->key_count - c->depth;
    *value = (posw_bytes){NULL, 0};
    if (v->kind == POSW_TRIE_BRANCH) {
        if (left == 0) {
            *value = v->value;
            return NULL;
        }
        c->depth++;
        return v->child[rest[0]]; /* NULL: absent */
    }
    const size_t length = posw_trie_hp_count(v->key.data, v->key.size);
    if (posw_trie_hp_common(v->key.data, v->key.size, rest, left) != length) return NULL;
    if (v->kind == POSW_TRIE_LEAF) {
        if (left == length) *value = v->value;
        return NULL;
    }
    c->depth += length;
    return v->child[0];
}

static bool check(checker *c, posw_bytes *value, const posw_hash *root) {
    uint8_t root_ref[POSW_TRIE_REF_SIZE] = {POSW_TRIE_TAG_HASH};
    const uint8_t *ref = root_ref;
    bool below_extension = false;
    memcpy(root_ref + 1, root->b, sizeof root->b);
    while (ref != NULL) {
        posw_bytes rlp;
        posw_trie_view v;
        if (!take_node(c, &rlp, ref) || !posw_trie_view_parse(&v, rlp.data, rlp.size, c->depth)) return false;
        if (below_extension && v.kind != POSW_TRIE_BRANCH) return false;
        below_extension = v.kind == POSW_TRIE_EXTENSION;
        ref = descend(c, &v, value);
    }
    return c->used == c->count;
}

int posw_trie_proof_check(posw_buf *value, const posw_hash *root, const uint8_t *key, size_t key_size,
                          const posw_bytes *nodes, size_t count) {
    posw_bytes found = {NULL, 0};
    checker c = {.nodes = nodes, .count = count};
    if (key_size > POSW_TRIE_KEY_MAX) return POSW_EPARSE;
    c.key_count = posw_trie_nibbles(c.nibbles, key, key_size);
    if (posw_hash_equal(root, &POSW_TRIE_EMPTY_ROOT)) return count == 0 ? POSW_OK : POSW_EPARSE;
    if (!check(&c, &found, root)) return POSW_EPARSE;
    posw_buf_append(value, found.data, found.size);
    return value->failed ? POSW_ENOMEM : POSW_OK;
}
