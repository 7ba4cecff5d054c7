/* Store transactions: what a new tip writes, and the way back when that fails.
 *
 *      begin ─ rows of the block(s) ─ tip row ─ changed trie nodes ─ commit        memory changes only now
 *                 any error ─ abort, drop the new state version; memory still is what the store holds
 *
 * In bulk mode the transaction stays open over many blocks, reads see its writes, and memory runs ahead of what is
 * durable. The trie nodes are written once, at the end, as the difference between the last committed version and the
 * newest one: nodes near the root, which every block changes, are written once for all blocks. */
#include "chain/chain_internal.h"

#include "base/bytes.h"

#include <stdlib.h>

/* ---- state versions ---- */

posw_state *posw_chain_state_find(posw_chain *c, uint64_t number) {
    if (number < c->states_low || number > c->tip.number) return NULL;
    return c->states[number % POSW_CHAIN_STATES_MAX];
}

static void drop_state(posw_chain *c, uint64_t number) {
    posw_state **slot = &c->states[number % POSW_CHAIN_STATES_MAX];
    posw_state_free(*slot);
    *slot = NULL;
}

void posw_chain_state_push(posw_chain *c, uint64_t number, posw_state *s) {
    posw_chain_past_clear(c);
    drop_state(c, number); /* the one of 128 blocks ago */
    c->states[number % POSW_CHAIN_STATES_MAX] = s;
    if (number >= POSW_CHAIN_STATES_MAX && c->states_low <= number - POSW_CHAIN_STATES_MAX)
        c->states_low = number - POSW_CHAIN_STATES_MAX + 1;
}

void posw_chain_states_drop_above(posw_chain *c, uint64_t number) {
    for (uint64_t n = c->tip.number; n > number && n >= c->states_low; n--)
        drop_state(c, n);
}

/* First the oldest versions, then what can be loaded again. */
void posw_chain_limit_memory(posw_chain *c) {
    posw_state *tip = posw_chain_state_find(c, c->tip.number);
    if (posw_state_memory(tip) > c->cache_bytes_max) posw_chain_past_clear(c);
    while (c->states_low < c->tip.number && posw_state_memory(tip) > c->cache_bytes_max)
        drop_state(c, c->states_low++);
    const bool is_committed = posw_hash_equal(&c->committed_hash, &c->tip_hash);
    if (is_committed && posw_state_memory(tip) > c->cache_bytes_max) posw_state_trim(tip);
    if (posw_state_memory(tip) > c->cache_bytes_max) posw_chain_branch_states_clear(c);
}

/* ---- trie rows ---- */

enum { TRIE_KEY_MAX = 1 + POSW_TRIE_PATH_MAX };

static size_t trie_key(uint8_t key[TRIE_KEY_MAX], const posw_chain_trie_rows *rows, const uint8_t *path,
                       size_t path_size) {
    POSW_ASSERT(path_size <= POSW_TRIE_PATH_MAX);
    key[0] = rows->prefix;
    memcpy(key + 1, path, path_size);
    return 1 + path_size;
}

static int put_node(void *arg, const uint8_t *path, size_t path_size, const uint8_t *rlp, size_t rlp_size) {
    const posw_chain_trie_rows *rows = arg;
    uint8_t key[TRIE_KEY_MAX];
    return rows->store->ops->put(rows->store, POSW_TABLE_TRIE, key, trie_key(key, rows, path, path_size), rlp,
                                 rlp_size);
}

static int del_node(void *arg, const uint8_t *path, size_t path_size) {
    const posw_chain_trie_rows *rows = arg;
    uint8_t key[TRIE_KEY_MAX];
    return rows->store->ops->del(rows->store, POSW_TABLE_TRIE, key, trie_key(key, rows, path, path_size));
}

/* ---- transactions ---- */

int posw_chain_begin(posw_chain *c) {
    if (c->tx_open) return POSW_OK;
    const int rc = c->store->ops->begin(c->store);
    c->tx_open = rc == POSW_OK;
    return rc;
}

static int commit_store(posw_chain *c) {
    c->tx_open = false; /* closed also when it fails */
    const int rc = c->store->ops->commit(c->store);
    if (rc == POSW_OK) c->pruned_open = 0;
    return rc;
}

int posw_chain_end_small(posw_chain *c) {
    if (!c->bulk) return commit_store(c);
    c->bulk_blocks++;
    return POSW_OK;
}

/* What the store says about it, which names the file; else the error's own words. */
static const char *reason(const posw_chain *c, int error) {
    const bool of_store = error == POSW_EIO || error == POSW_ENOSPC || error == POSW_ECORRUPT;
    const char *text = of_store && c->store->ops->reason != NULL ? c->store->ops->reason(c->store) : "";
    return text[0] != '\0' ? text : posw_error_text(error);
}

int posw_chain_fail(posw_chain *c, int error) {
    posw_log_write(c->log, POSW_LOG_ERROR, "chain", "the chain was not changed: %s", reason(c, error));
    if (c->tx_open) c->store->ops->abort(c->store);
    c->tx_open = false;
    posw_chain_side_unmark(c);
    if (c->bulk_blocks == 0) return error;
    c->stale = true; /* blocks of this batch are lost */
    posw_chain_reload(c);
    return error;
}

int posw_chain_commit_tip(posw_chain *c, posw_state *state, const posw_hash *tip_hash) {
    const posw_trie_sink accounts = {put_node, del_node, &c->account_rows},
                         storage = {put_node, del_node, &c->storage_rows};
    int rc = c->store->ops->put(c->store, POSW_TABLE_META, "tip", 3, tip_hash->b, sizeof tip_hash->b);
    if (rc == POSW_OK) rc = posw_state_commit(state, c->committed, &accounts, &storage);
    if (rc == POSW_OK) rc = commit_store(c);
    if (rc != POSW_OK) return rc;
    posw_state_free(c->committed);
    c->committed = posw_state_share(state);
    c->committed_hash = *tip_hash;
    c->bulk_blocks = 0;
    return POSW_OK;
}

/* ---- rows of a block ---- */

typedef struct {
    posw_hash hash;
    uint32_t index;
} tx_row;

static int compare_tx_rows(const void *a, const void *b) {
    return posw_hash_cmp(&((const tx_row *)a)->hash, &((const tx_row *)b)->hash);
}

/* In key order: neighbours share pages. */
static int write_txs(posw_chain *c, const posw_chain_executed *x) {
    if (x->tx_count == 0) return POSW_OK;
    tx_row *rows = malloc(x->tx_count * sizeof *rows);
    if (rows == NULL) return POSW_ENOMEM;
    for (size_t i = 0; i < x->tx_count; i++)
        rows[i] = (tx_row){x->tx_hashes[i], (uint32_t)i};
    qsort(rows, x->tx_count, sizeof *rows, compare_tx_rows);
    int rc = POSW_OK;
    for (size_t i = 0; rc == POSW_OK && i < x->tx_count; i++) {
        uint8_t value[12];
        posw_store_be64(value, x->header->number);
        posw_store_be32(value + 8, rows[i].index);
        rc = c->store->ops->put(c->store, POSW_TABLE_TXS, rows[i].hash.b, POSW_HASH_SIZE, value, sizeof value);
    }
    free(rows);
    return rc;
}

/* E1: the table of a snapshot block. */
static int write_table(posw_chain *c, const posw_chain_executed *x) {
    uint64_t epoch;
    uint8_t key[8];
    if (!posw_epoch_is_snapshot(&epoch, &c->spec->params, x->header->number)) return POSW_OK;
    posw_store_be64(key, epoch);
    return posw_chain_table_put(c, x->state, key, sizeof key);
}

static int append_records(posw_chain *c, const posw_chain_executed *x, posw_chain_row *row) {
    posw_buf record = {0};
    posw_chain_record_encode(&record, x->header->number, posw_bytes_of(x->senders, x->tx_count * sizeof *x->senders),
                             posw_buf_view(&x->result->receipts), posw_buf_view(&x->result->undo));
    int rc = record.failed ? POSW_ENOMEM : POSW_OK;
    if (rc == POSW_OK) rc = c->store->ops->append(c->store, POSW_LOG_EXEC, record.data, record.size, &row->exec_pos);
    posw_buf_clear(&record);
    if (rc == POSW_OK && x->bytes.data != NULL)
        rc = c->store->ops->append(c->store, POSW_LOG_BLOCKS, x->bytes.data, x->bytes.size, &row->block_pos);
    return rc;
}

int posw_chain_write_executed(posw_chain *c, const posw_chain_executed *x) {
    posw_chain_row row; /* without a header */
    uint8_t key[8];
    row.weight = x->weight;
    row.block_pos = x->block_pos;
    row.size = x->size;
    row.flags = POSW_CHAIN_ROW_EXECUTED;
    posw_store_be64(key, x->header->number);
    int rc = append_records(c, x, &row);
    if (rc == POSW_OK) rc = posw_chain_row_put(c, x->hash, x->header, &row, x->bytes);
    if (rc == POSW_OK)
        rc = c->store->ops->put(c->store, POSW_TABLE_MAIN, key, sizeof key, x->hash->b, sizeof x->hash->b);
    if (rc == POSW_OK) rc = write_txs(c, x);
    if (rc == POSW_OK) rc = write_table(c, x);
    return rc;
}

/* ---- a new tip on the old one ---- */

static int grow(posw_hash **list, size_t *capacity, size_t count) {
    if (count <= *capacity) return POSW_OK;
    posw_hash *grown = realloc(*list, count * sizeof *grown);
    if (grown == NULL) return POSW_ENOMEM;
    *list = grown;
    *capacity = count;
    return POSW_OK;
}

int posw_chain_change_reserve(posw_chain *c, size_t removed, size_t added) {
    const int rc = grow(&c->removed, &c->removed_capacity, removed);
    return rc != POSW_OK ? rc : grow(&c->added, &c->added_capacity, added);
}

static int write_child(posw_chain *c, const posw_chain_executed *x, bool *drops) {
    int rc = posw_chain_change_reserve(c, 0, 1);
    if (rc == POSW_OK) rc = posw_chain_begin(c);
    if (rc == POSW_OK) rc = posw_chain_write_executed(c, x);
    if (rc == POSW_OK) *drops = posw_chain_side_mark_dead(c, x->header->number) > 0;
    if (rc == POSW_OK && *drops) rc = posw_chain_side_delete_marked(c);
    if (rc == POSW_OK && !c->bulk) rc = posw_chain_commit_tip(c, x->state, x->hash);
    return rc;
}

static bool batch_is_full(posw_chain *c) {
    if (!c->bulk) return false;
    if (c->bulk_blocks >= c->bulk_blocks_max) return true;
    return posw_state_memory(posw_chain_state_find(c, c->tip.number)) > c->bulk_memory + POSW_CHAIN_BULK_BYTES;
}

int posw_chain_adopt(posw_chain *c, const posw_chain_executed *x) {
    bool drops = false;
    const int rc = write_child(c, x, &drops);
    if (rc != POSW_OK) {
        posw_state_free(x->state);
        return posw_chain_fail(c, rc);
    }
    if (drops) posw_chain_side_drop_marked(c);
    c->tip = *x->header;
    c->tip_hash = *x->hash;
    c->weight = x->weight;
    posw_chain_note_height(c);
    posw_chain_state_push(c, c->tip.number, x->state);
    const posw_window_entry entry = posw_chain_entry_of(&c->tip);
    posw_window_push(c->window, &entry);
    c->added[0] = c->tip_hash;
    c->added_count = 1;
    if (c->bulk)
        c->bulk_blocks++;
    else
        posw_chain_limit_memory(c);
    return posw_chain_end_block(c);
}

/* ---- bulk mode ---- */

int posw_chain_end_block(posw_chain *c) {
    return batch_is_full(c) ? posw_chain_flush(c) : POSW_OK;
}

int posw_chain_flush(posw_chain *c) {
    if (c->stale) return posw_chain_reload(c);
    if (!c->tx_open) return POSW_OK;
    posw_state *tip = posw_chain_state_find(c, c->tip.number);
    const int rc = posw_chain_commit_tip(c, tip, &c->tip_hash);
    if (rc != POSW_OK) return posw_chain_fail(c, rc);
    posw_chain_limit_memory(c);
    c->bulk_memory = posw_state_memory(tip);
    return POSW_OK;
}

int posw_chain_bulk(posw_chain *c, bool on, uint64_t blocks) {
    const int rc = on ? POSW_OK : posw_chain_flush(c);
    c->bulk = on;
    c->bulk_blocks_max = blocks == 0 ? 1 : blocks;
    c->bulk_memory = posw_state_memory(posw_chain_state_find(c, c->tip.number));
    return rc;
}
