/* Comparing what two chains have in their stores, and instances that keep no states in memory. */
#ifndef POSW_TEST_CHAIN_ROWS_H
#define POSW_TEST_CHAIN_ROWS_H

#include "harness.h"

/* Without states in memory, if `forgetful`: every way back goes by undo records. */
static inline void h_open_forgetful(h_node *n, const posw_chain_spec *spec, bool forgetful) {
    *n = (h_node){.spec = spec, .store = posw_store_memory_new()};
    assert_non_null(n->store);
    posw_chain_options o = h_options(spec, n->store);
    if (forgetful) o.cache_bytes_max = 1;
    ok(posw_chain_open(&n->chain, &o, NULL));
}

/* But for stake tables of side branches, whose keys are longer. */
static inline int h_add_row(void *arg, posw_bytes key, posw_bytes value) {
    posw_buf *out = arg;
    if (key.size == 8 + POSW_HASH_SIZE) return POSW_OK;
    posw_buf_append(out, &key.size, sizeof key.size);
    posw_buf_append(out, key.data, key.size);
    posw_buf_append(out, &value.size, sizeof value.size);
    posw_buf_append(out, value.data, value.size);
    return POSW_OK;
}

static inline void h_same_table(posw_store *a, posw_store *b, enum posw_table t) {
    posw_buf x = {0}, y = {0};
    ok(a->ops->walk(a, t, NULL, 0, h_add_row, &x));
    ok(b->ops->walk(b, t, NULL, 0, h_add_row, &y));
    assert_int_equal(x.size, y.size);
    if (x.size > 0) assert_memory_equal(x.data, y.data, x.size);
    posw_buf_clear(&x);
    posw_buf_clear(&y);
}

/* All rows that only the main chain has. (Those of headers name places in the logs, which differ.) */
static inline void h_same_rows(const h_node *a, const h_node *b) {
    h_same_table(a->store, b->store, POSW_TABLE_MAIN);
    h_same_table(a->store, b->store, POSW_TABLE_TRIE);
    h_same_table(a->store, b->store, POSW_TABLE_EPOCHS);
    h_same_table(a->store, b->store, POSW_TABLE_TXS);
}

static inline int h_check_side_table(void *arg, posw_bytes key, posw_bytes value) {
    enum { MAIN_KEY = 8, SIDE_KEY = 8 + POSW_HASH_SIZE };
    posw_buf *hashes = arg;
    (void)value;
    if (key.size == MAIN_KEY) return POSW_OK;
    assert_int_equal(key.size, SIDE_KEY);
    posw_buf_append(hashes, key.data + MAIN_KEY, POSW_HASH_SIZE);
    return POSW_OK;
}

/* Each stake table that is not the main chain's belongs to a block of a side branch; how many there are. */
static inline size_t h_side_tables(const h_node *n) {
    posw_buf hashes = {0};
    ok(n->store->ops->walk(n->store, POSW_TABLE_EPOCHS, NULL, 0, h_check_side_table, &hashes));
    const size_t count = hashes.size / POSW_HASH_SIZE;
    for (size_t i = 0; i < count; i++) {
        posw_hash hash;
        posw_chain_block_info info;
        memcpy(hash.b, hashes.data + i * POSW_HASH_SIZE, POSW_HASH_SIZE);
        ok(posw_chain_block_by_hash(n->chain, &info, &hash));
        assert_false(info.is_main);
    }
    posw_buf_clear(&hashes);
    return count;
}

#endif
