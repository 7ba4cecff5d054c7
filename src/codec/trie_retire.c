/* Retired nodes: what commits overwrote in the store while older versions were alive (see trie_node.h). */
#include "codec/trie_node.h"

#include "base/bytes.h"
#include "crypto/keccak.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 4, RECORDS_FIRST = 8 };

typedef struct {
    uint64_t tag; /* first bytes of the hash */
    posw_trie_node *node;
} retired_entry;

struct posw_trie_retired {
    uint64_t commit; /* its number, from 1 */
    size_t users;    /* versions that were equal to the store just before it */
    size_t count, capacity;
    bool sorted; /* by tag; only when somebody looked for something */
    retired_entry *entries;
};

static posw_trie_retired **records(const posw_trie_pool *pool) {
    return pool->retired + pool->retired_first;
}

/* Room for one more record, so that attaching cannot fail. Where half of the places are those of records that went, the
 * others move there. */
static bool reserve(posw_trie_pool *pool) {
    if (pool->retired_first + pool->retired_count < pool->retired_capacity) return true;
    if (pool->retired_first > 0 && pool->retired_first >= pool->retired_count) {
        memmove(pool->retired, records(pool), pool->retired_count * sizeof *pool->retired);
        pool->retired_first = 0;
        return true;
    }
    const size_t capacity = pool->retired_capacity == 0 ? RECORDS_FIRST : 2 * pool->retired_capacity;
    posw_trie_retired **grown = realloc(pool->retired, capacity * sizeof *grown);
    if (grown == NULL) return false;
    pool->retired = grown;
    pool->retired_capacity = capacity;
    return true;
}

posw_trie_retired *posw_trie_retired_new(posw_trie_pool *pool) {
    posw_trie_retired *r = reserve(pool) ? posw_trie_alloc(pool, sizeof *r) : NULL;
    if (r != NULL) *r = (posw_trie_retired){.commit = 0};
    return r;
}

void posw_trie_retired_free(posw_trie_pool *pool, posw_trie_retired *r) {
    if (r == NULL) return;
    for (size_t i = 0; i < r->count; i++)
        posw_trie_node_unref(pool, r->entries[i].node);
    posw_trie_release(pool, r->entries, r->capacity * sizeof *r->entries);
    posw_trie_release(pool, r, sizeof *r);
}

static bool grow(posw_trie_pool *pool, posw_trie_retired *r) {
    const size_t capacity = r->capacity == 0 ? FIRST_CAPACITY : 2 * r->capacity;
    retired_entry *entries = posw_trie_alloc(pool, capacity * sizeof *entries);
    if (entries == NULL) return false;
    if (r->count > 0) memcpy(entries, r->entries, r->count * sizeof *entries);
    posw_trie_release(pool, r->entries, r->capacity * sizeof *entries);
    r->entries = entries;
    r->capacity = capacity;
    return true;
}

bool posw_trie_retired_add(posw_trie_pool *pool, posw_trie_retired *r, posw_trie_node *n, const uint8_t *hash) {
    if (r->count == r->capacity && !grow(pool, r)) return false;
    n->refs++;
    r->entries[r->count++] = (retired_entry){posw_load_be64(hash), n};
    return true;
}

void posw_trie_retired_attach(posw_trie_pool *pool, posw_trie_retired *r) {
    r->commit = ++pool->commits;
    r->users = pool->current;
    pool->current = 0;
    records(pool)[pool->retired_count++] = r;
}

/* The count that a version of this epoch is in. */
static size_t *users_of(posw_trie_pool *pool, uint64_t epoch) {
    if (epoch == pool->commits) return &pool->current;
    POSW_ASSERT(pool->retired_count > 0 && epoch + 1 >= records(pool)[0]->commit);
    return &records(pool)[epoch + 1 - records(pool)[0]->commit]->users;
}

void posw_trie_epoch_enter(posw_trie_pool *pool, uint64_t epoch) {
    ++*users_of(pool, epoch);
}
void posw_trie_epoch_leave(posw_trie_pool *pool, uint64_t epoch) {
    --*users_of(pool, epoch);
}

static int compare_tags(const void *a, const void *b) {
    const uint64_t x = ((const retired_entry *)a)->tag, y = ((const retired_entry *)b)->tag;
    return (x > y) - (x < y);
}

/* The first entry whose tag is not below. */
static size_t lower_bound(const posw_trie_retired *r, uint64_t tag) {
    size_t low = 0, high = r->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (r->entries[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int compare_hash(posw_trie_pool *pool, const posw_trie_node *n, const uint8_t *hash) {
    posw_hash own;
    const posw_bytes rlp = posw_trie_node_rlp(pool, n);
    if (rlp.size == 0) return POSW_ENOMEM;
    posw_keccak256(&own, rlp.data, rlp.size);
    return memcmp(own.b, hash, sizeof own.b) == 0 ? POSW_OK : POSW_ENOTFOUND;
}

int posw_trie_retired_find(posw_trie_pool *pool, posw_trie_node **out, uint64_t epoch, const uint8_t *hash) {
    const uint64_t tag = posw_load_be64(hash);
    int rc = POSW_ENOTFOUND;
    for (size_t k = 0; k < pool->retired_count; k++) {
        posw_trie_retired *r = records(pool)[k];
        if (r->commit <= epoch || r->count == 0) continue;
        if (!r->sorted) qsort(r->entries, r->count, sizeof *r->entries, compare_tags);
        r->sorted = true;
        for (size_t i = lower_bound(r, tag); i < r->count && r->entries[i].tag == tag; i++) {
            *out = r->entries[i].node;
            rc = compare_hash(pool, *out, hash);
            if (rc != POSW_ENOTFOUND) return rc;
        }
    }
    return rc;
}

void posw_trie_retired_prune(posw_trie_pool *pool) {
    while (pool->retired_count > 0 && records(pool)[0]->users == 0) {
        posw_trie_retired_free(pool, records(pool)[0]);
        pool->retired_first++;
        pool->retired_count--;
    }
}
