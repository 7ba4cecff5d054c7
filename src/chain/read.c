/* Questions about the chain. */
#include "chain/chain_internal.h"

#include "base/bytes.h"
#include "core/difficulty_rules.h"
#include "crypto/keccak.h"
#include "posw/u256.h"
#include "posw/weight.h"
#include "state/staking.h"

#include <stdlib.h>

const posw_chain_spec *posw_chain_get_spec(const posw_chain *c) {
    return c->spec;
}
const posw_params *posw_chain_params(const posw_chain *c) {
    return &c->spec->params;
}
const posw_header *posw_chain_tip(const posw_chain *c) {
    return &c->tip;
}
posw_hash posw_chain_tip_hash(const posw_chain *c) {
    return c->tip_hash;
}
posw_hash posw_chain_genesis_hash(const posw_chain *c) {
    return c->genesis_hash;
}
posw_u256 posw_chain_weight_total(const posw_chain *c) {
    return c->weight;
}
const posw_window *posw_chain_window(const posw_chain *c) {
    return c->window;
}

/* ---- stake ---- */

static const posw_chain_table_slot *find_table(posw_chain *c, uint64_t number) {
    const posw_chain_table_slot *slot;
    if (number > c->tip.number + 1 || posw_chain_table_at(c, &slot, number, c->tip.number) != POSW_OK) return NULL;
    return slot;
}

const posw_stake_table *posw_chain_table(posw_chain *c, uint64_t number) {
    const posw_chain_table_slot *slot = find_table(c, number);
    return slot == NULL ? NULL : slot->table;
}

const posw_stake_table *posw_chain_table_ahead(posw_chain *c) {
    const posw_chain_table_slot *slot;
    const uint64_t number = c->tip.number + 1 + c->spec->params.epoch_blocks;
    return posw_chain_table_at(c, &slot, number, c->tip.number) == POSW_OK ? slot->table : NULL;
}

posw_hash posw_chain_stake_root(posw_chain *c, uint64_t number) {
    const posw_chain_table_slot *slot = find_table(c, number);
    return slot == NULL ? (posw_hash){{0}} : slot->root;
}

int posw_chain_stake_sums(posw_chain *c, posw_stake_sums *out, uint64_t number) {
    uint8_t key[8];
    posw_bytes value;
    if (number > c->tip.number + 1) return POSW_ENOTFOUND;
    posw_store_be64(key, posw_chain_epoch_key(&c->spec->params, number));
    const int rc = c->store->ops->get(c->store, POSW_TABLE_EPOCHS, key, sizeof key, &value);
    if (rc != POSW_OK) return rc;
    return posw_staking_table_sums(out, value.data, value.size) ? POSW_OK : POSW_ECORRUPT;
}

posw_u256 posw_chain_next_difficulty(posw_chain *c, uint64_t timestamp) {
    const posw_params *p = &c->spec->params;
    const bool is_known = posw_hash_equal(&c->next_parent, &c->tip_hash);
    if (is_known && (timestamp == c->next_time || !posw_difficulty_reads_own_time(p->difficulty_rule)))
        return c->next_difficulty;
    c->next_difficulty = posw_difficulty_next(p, c->window, &c->tip, timestamp);
    c->next_parent = c->tip_hash;
    c->next_time = timestamp;
    return c->next_difficulty;
}

posw_u256 posw_chain_next_weight(posw_chain *c, const posw_address *miner) {
    const uint64_t number = c->tip.number + 1;
    const posw_stake_table *table = posw_chain_table(c, number);
    posw_u256 stake = POSW_U256_ZERO;
    if (table == NULL) return POSW_U256_ONE;
    const posw_stake_entry *entry = posw_stake_table_find(table, miner);
    if (entry != NULL) stake = entry->stake_wei;
    return posw_weight(&c->spec->params, number, &stake, &table->supply_wei, posw_window_used(c->window, miner));
}

int posw_chain_stake_proof(posw_chain *c, posw_stake_proof *out, uint64_t number, const posw_address *miner) {
    const posw_chain_table_slot *found;
    if (number > c->tip.number + 1) return POSW_ENOTFOUND;
    const int rc = posw_chain_table_at(c, &found, number, c->tip.number);
    if (rc != POSW_OK) return rc;
    posw_chain_table_slot *slot = &c->tables[found - c->tables];
    if (slot->tree == NULL) {
        slot->tree = malloc((posw_stake_tree_size(slot->table->count) + 1) * sizeof *slot->tree);
        if (slot->tree == NULL) return POSW_ENOMEM;
        posw_stake_tree_build(slot->tree, slot->table);
    }
    return posw_stake_tree_prove(out, slot->table, miner, slot->tree) ? POSW_OK : POSW_ENOTFOUND;
}

/* ---- key ---- */

int posw_chain_pow_key(posw_chain *c, posw_hash *out, uint64_t number) {
    if (number == 0 || number > c->tip.number + 1) return POSW_EINVAL;
    if (number == c->tip.number + 1) return posw_chain_key_after(c, out, &c->tip_hash, c->tip.number);
    posw_hash parent;
    const int rc = posw_chain_main_get(c, &parent, number - 1);
    return rc != POSW_OK ? rc : posw_chain_key_after(c, out, &parent, number - 1);
}

/* ---- blocks ---- */

static void fill_info(posw_chain_block_info *out, const posw_chain_row *row, const posw_hash *hash, bool is_main) {
    *out = (posw_chain_block_info){
        .header = row->header, .hash = *hash, .weight_total = row->weight, .is_main = is_main, .size = row->size};
}

int posw_chain_has_block(posw_chain *c, const posw_hash *hash) {
    posw_bytes value;
    if (posw_hash_equal(hash, &c->tip_hash)) return POSW_OK;
    return c->store->ops->get(c->store, POSW_TABLE_HEADERS, hash->b, sizeof hash->b, &value);
}

int posw_chain_block_by_hash(posw_chain *c, posw_chain_block_info *out, const posw_hash *hash) {
    posw_chain_row row;
    const int rc = posw_chain_row_get(c, &row, hash);
    if (rc == POSW_OK) fill_info(out, &row, hash, posw_chain_side_find(c, hash) == NULL);
    return rc;
}

int posw_chain_block_by_number(posw_chain *c, posw_chain_block_info *out, uint64_t number) {
    posw_chain_row row;
    posw_hash hash;
    if (number > c->tip.number) return POSW_ENOTFOUND;
    const int rc = posw_chain_main_row(c, &row, &hash, number);
    if (rc == POSW_OK) fill_info(out, &row, &hash, true);
    return rc;
}

int posw_chain_hash_by_number(posw_chain *c, posw_hash *out, uint64_t number) {
    if (number > c->tip.number) return POSW_ENOTFOUND;
    return posw_chain_main_get(c, out, number);
}

int posw_chain_block_bytes(posw_chain *c, posw_buf *out, const posw_hash *hash) {
    posw_chain_row row;
    int rc = posw_chain_row_get(c, &row, hash);
    if (rc != POSW_OK) return rc;
    rc = c->store->ops->read(c->store, POSW_LOG_BLOCKS, row.block_pos, out);
    if (rc != POSW_EPRUNED || !posw_hash_equal(&row.header.transactions_root, &POSW_TRIE_EMPTY_ROOT))
        return rc == POSW_ENOTFOUND ? POSW_ECORRUPT : rc;
    posw_block_encode(out, &row.header, NULL, 0);
    return out->failed ? POSW_ENOMEM : POSW_OK;
}

static int append_results(posw_buf *receipts, posw_buf *senders, posw_bytes bytes, uint64_t number) {
    posw_chain_record record;
    if (!posw_chain_record_decode(&record, bytes, number)) return POSW_ECORRUPT;
    if (receipts != NULL && !posw_chain_receipts_unpack(receipts, record.receipts)) return POSW_ECORRUPT;
    if (senders != NULL) posw_buf_append(senders, record.senders.data, record.senders.size);
    const bool failed = (receipts != NULL && receipts->failed) || (senders != NULL && senders->failed);
    return failed ? POSW_ENOMEM : POSW_OK;
}

int posw_chain_block_results(posw_chain *c, posw_buf *receipts, posw_buf *senders, const posw_hash *hash) {
    posw_chain_row row;
    posw_buf bytes = {0};
    int rc = posw_chain_row_get(c, &row, hash);
    if (rc != POSW_OK) return rc;
    if ((row.flags & POSW_CHAIN_ROW_EXECUTED) == 0) return POSW_ENOTFOUND;
    rc = c->store->ops->read(c->store, POSW_LOG_EXEC, row.exec_pos, &bytes);
    rc = rc == POSW_OK          ? append_results(receipts, senders, posw_buf_view(&bytes), row.header.number)
         : rc == POSW_ENOTFOUND ? POSW_ECORRUPT
                                : rc;
    posw_buf_clear(&bytes);
    return rc;
}

int posw_chain_find_tx(posw_chain *c, uint64_t *number, uint32_t *index, const posw_hash *tx_hash) {
    posw_bytes value;
    const int rc = c->store->ops->get(c->store, POSW_TABLE_TXS, tx_hash->b, sizeof tx_hash->b, &value);
    if (rc != POSW_OK) return rc;
    if (value.size != 12) return POSW_ECORRUPT;
    *number = posw_load_be64(value.data);
    *index = posw_load_be32(value.data + 8);
    return POSW_OK;
}

/* ---- tags ---- */

static uint64_t below(uint64_t number, uint64_t depth) {
    return number > depth ? number - depth : 0;
}

uint64_t posw_chain_finalized(const posw_chain *c) {
    return below(c->highest, c->spec->params.reorg_max_blocks);
}

uint64_t posw_chain_safe(const posw_chain *c) {
    const uint64_t finalized = posw_chain_finalized(c),
                   safe = below(c->tip.number, c->spec->params.reorg_max_blocks / 4);
    return safe > finalized ? safe : finalized;
}
