/* Merkle Patricia tries as persistent (versioned) structures in memory, loaded on demand.
 *
 * A posw_trie is a version: a reference to an immutable root. Changing a version never changes another one that shares
 * nodes with it; nodes are reference counted and copied on write (or changed in place while nobody else sees them). So
 * a block template, an abandoned execution and the states of recent blocks are cheap: copy, change, drop.
 *
 *      version 100 ──► root ──► a ──► leaf x
 *      version 101 ──► root'──► a'──► leaf x'      (all other children shared)
 *
 * Nodes that are not in memory are known by their hash and loaded through a posw_trie_source by *path* (nibbles from
 * the root): the store keeps one node for each path, of the newest committed version. A commit keeps in memory the
 * nodes that it overwrites, as long as there are versions from before it: so every version stays readable, whatever is
 * committed meanwhile, also by siblings. A node that is missing, or whose keccak256 is not the expected hash, is
 * POSW_ECORRUPT: the store is damaged (POSW_ENOTFOUND always means an absent key).
 *
 * Keys are hashed by the caller where the trie is "secure" (the state). All versions that were copied from one
 * posw_trie_new belong to one thread: reading loads and shares nodes, too. */
#ifndef POSW_CODEC_TRIE_H
#define POSW_CODEC_TRIE_H

#include "base/buf.h"
#include "posw/types.h"

enum { POSW_TRIE_KEY_MAX = 32, POSW_TRIE_PATH_MAX = 64, POSW_TRIE_VALUE_MAX = 1 << 20 /* bytes */ };

typedef struct posw_trie_source {
    /* Appends the RLP of the node at this path (one nibble a byte). POSW_OK, POSW_ENOTFOUND or an operating error. */
    int (*load)(void *arg, posw_buf *out, const uint8_t *path, size_t path_size);
    void *arg;
} posw_trie_source;

typedef struct posw_trie posw_trie; /* one version */

/* A version with this root, nothing loaded. root: POSW_TRIE_EMPTY_ROOT for an empty one. source: borrowed by this
 * version and all copies; may be NULL for tries that live in memory only. NULL: out of memory. */
posw_trie *posw_trie_new(const posw_hash *root, const posw_trie_source *source);
posw_trie *posw_trie_copy(const posw_trie *t); /* O(1) */
void posw_trie_free(posw_trie *t);

/* The value of a key, appended to out. POSW_OK, POSW_ENOTFOUND (absent), POSW_ECORRUPT (a node is missing or damaged),
 * POSW_ENOMEM or the source's error. */
int posw_trie_get(posw_trie *t, posw_buf *out, const uint8_t *key, size_t key_size);
/* Borrowed view of the value until the trie changes; same results. */
int posw_trie_get_view(posw_trie *t, posw_bytes *out, const uint8_t *key, size_t key_size);
/* Sets; an empty value deletes (deleting an absent key is POSW_OK). No key may be a prefix of another (all keys of a
 * state trie are 32 bytes; the lists below are prefix-free except for values at branches, which are supported).
 * POSW_EINVAL: key or value too long. On failure the version is unchanged. */
int posw_trie_put(posw_trie *t, const uint8_t *key, size_t key_size, const uint8_t *value, size_t value_size);

/* The root hash; hashes what changed since the last call, four nodes at a time where siblings allow it. POSW_ENOMEM
 * possible. */
int posw_trie_root(posw_trie *t, posw_hash *out);

/* Calls `put` for every node that is in `t` but was not in the version that was last committed, and `del` for paths
 * that held a node then and hold none now; then t counts as committed. Nodes shorter than 32 bytes are embedded in
 * their parents and not reported. Paths are nibbles; order: ascending path. A non-zero result of a callback stops and
 * is returned (t then counts as uncommitted; the caller aborts its store transaction and drops the version). Requires:
 * `base` is the version that the store holds now (NULL: the store is empty), of the same posw_trie_new as t; t was
 * copied before it was changed. The source may be asked for nodes at paths that were not reported yet. A callback must
 * not use the trie. */
typedef struct posw_trie_sink {
    int (*put)(void *arg, const uint8_t *path, size_t path_size, const uint8_t *rlp, size_t rlp_size);
    int (*del)(void *arg, const uint8_t *path, size_t path_size);
    void *arg;
} posw_trie_sink;
int posw_trie_commit(posw_trie *t, const posw_trie *base, const posw_trie_sink *sink);

/* EIP-1186: calls `node` with the RLP of each node on the path of the key, from the root down (embedded nodes are not
 * reported separately). Works for absent keys too (proof of absence). */
int posw_trie_prove(posw_trie *t, const uint8_t *key, size_t key_size,
                    int (*node)(void *arg, const uint8_t *rlp, size_t size), void *arg);
/* Verifies such a proof: POSW_OK and the value (empty: proven absent), or POSW_EPARSE. nodes: count views. */
int posw_trie_proof_check(posw_buf *value, const posw_hash *root, const uint8_t *key, size_t key_size,
                          const posw_bytes *nodes, size_t count);

/* Every key and value in ascending key order (nodes loaded for it are forgotten again). A non-zero result of the
 * callback stops and is returned. The callback changes nothing in the trie. */
int posw_trie_walk(posw_trie *t, int (*leaf)(void *arg, const uint8_t *key, size_t key_size, posw_bytes value),
                   void *arg);

/* Bytes of memory in use by nodes of all versions that were copied from one posw_trie_new, for cache limits. The memory
 * of nodes that were dropped is kept for new ones until the last of these versions is freed. */
size_t posw_trie_memory(const posw_trie *t);
/* Forgets nodes deeper than `depth` nibbles of this version, so that they are loaded again when needed. Does nothing
 * unless the version has a source and is what the store holds now (committed last, not changed since). Older versions
 * that share nodes stay readable, and keep in memory what they point to themselves: trim after dropping them. */
void posw_trie_trim(posw_trie *t, unsigned depth);

/* Root of the list trie of rlp(index) -> item: transactionsRoot and receiptsRoot, without building version objects.
 * Items are of 1 to POSW_TRIE_VALUE_MAX bytes (else POSW_EINVAL). POSW_ENOMEM possible. */
int posw_trie_list_root(posw_hash *out, const posw_bytes *items, size_t count);

#endif
