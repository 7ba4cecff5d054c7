/* Executing stored blocks once more: the state on which a side branch stands, and its blocks as they were stored. */
#include "chain/chain_internal.h"

#include "base/bytes.h"

#include <stdlib.h>

static int read_record(posw_chain *c, posw_chain_record *out, posw_buf *bytes, const posw_chain_row *row) {
    posw_buf_reset(bytes);
    const int rc = c->store->ops->read(c->store, POSW_LOG_EXEC, row->exec_pos, bytes);
    if (rc != POSW_OK) return rc == POSW_ENOTFOUND ? POSW_ECORRUPT : rc;
    return posw_chain_record_decode(out, posw_buf_view(bytes), row->header.number) ? POSW_OK : POSW_ECORRUPT;
}

/* Takes back what main-chain block `number` did; the state is to be sealed. */
static int undo_block(posw_chain *c, posw_state *s, uint64_t number, uint64_t *bytes_left) {
    posw_chain_row row;
    posw_chain_record record;
    posw_buf bytes = {0};
    int rc = posw_chain_main_row(c, &row, NULL, number);
    if (rc == POSW_OK) rc = read_record(c, &record, &bytes, &row);
    if (rc == POSW_OK && record.undo.size > *bytes_left) rc = POSW_ENOTFOUND;
    if (rc == POSW_OK) rc = posw_state_apply_undo(s, record.undo.data, record.undo.size);
    if (rc == POSW_OK) *bytes_left -= record.undo.size;
    posw_buf_clear(&bytes);
    return rc;
}

int posw_chain_undo(posw_chain *c, posw_state *s, uint64_t from, uint64_t to, uint64_t bytes_max) {
    posw_chain_row row;
    posw_hash root;
    if (from == to) return POSW_OK;
    int rc = posw_chain_main_row(c, &row, NULL, to);
    for (uint64_t n = from; rc == POSW_OK && n > to; n--)
        rc = undo_block(c, s, n, &bytes_max);
    if (rc == POSW_OK) rc = posw_state_seal(s, &root, NULL);
    return rc == POSW_OK && !posw_hash_equal(&root, &row.header.state_root) ? POSW_ECORRUPT : rc;
}

int posw_chain_fork_state(posw_chain *c, posw_state **out, uint64_t number) {
    const uint64_t start = number > c->states_low ? number : c->states_low;
    posw_state *s;
    int rc = posw_state_copy(&s, posw_chain_state_find(c, start));
    if (rc != POSW_OK) return rc;
    rc = posw_chain_undo(c, s, start, number, UINT64_MAX);
    if (rc != POSW_OK) {
        posw_state_free(s);
        return rc;
    }
    *out = s;
    return POSW_OK;
}

void posw_chain_side_block_clear(posw_chain_side_block *b) {
    posw_block_clear(&b->block);
    posw_buf_clear(&b->raw);
    posw_buf_clear(&b->record_bytes);
    free(b->tx_hashes);
}

int posw_chain_side_block_load(posw_chain *c, posw_chain_side_block *b, const posw_hash *hash) {
    int rc = posw_chain_row_get(c, &b->row, hash);
    if (rc == POSW_OK) rc = posw_chain_block_load(c, &b->block, &b->raw, &b->row, hash);
    if (rc == POSW_OK) rc = read_record(c, &b->record, &b->record_bytes, &b->row);
    if (rc != POSW_OK) return rc == POSW_ENOTFOUND ? POSW_ECORRUPT : rc;
    if (b->record.senders.size != b->block.tx_count * sizeof(posw_address)) return POSW_ECORRUPT;
    b->tx_hashes = malloc((b->block.tx_count + 1) * sizeof *b->tx_hashes);
    if (b->tx_hashes == NULL) return POSW_ENOMEM;
    for (size_t i = 0; i < b->block.tx_count; i++)
        posw_tx_hash(&b->tx_hashes[i], &b->block.txs[i]);
    return POSW_OK;
}
