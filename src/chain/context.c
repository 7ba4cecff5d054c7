/* What a place in the block tree has: the stake table in force (E1), the ticket window (W4) and the proof-of-work key
 * (K1).
 *
 * Tables: the table of an epoch is the snapshot of a block that lies at least E blocks back. A side branch of up to E
 * blocks shares that block with the main chain; a longer one has its own, see branch.c. The tables of the latest
 * questions are kept in memory.
 *
 * Windows: the main window stands at the tip. For another block the whole window is copied (it has no pointers), popped
 * down to the fork and pushed up along the branch; that second window stays where it is, so that the next block of the
 * same branch finds it ready. */
#include "chain/chain_internal.h"

#include "base/bytes.h"
#include "posw/seal.h"
#include "posw/u256.h"
#include "state/staking.h"

#include <stdlib.h>

/* ---- stake tables ---- */

/* E1: epochs 0 and 1 have the table of genesis, and with E = 1 so has epoch 2. */
uint64_t posw_chain_epoch_key(const posw_params *p, uint64_t number) {
    const uint64_t epoch = posw_epoch_of(p, number);
    return posw_epoch_snapshot_block(p, epoch) == 0 ? 0 : epoch;
}

int posw_chain_table_get(posw_chain *c, posw_stake_table **out, const uint8_t *key, size_t key_size) {
    posw_bytes value;
    const int rc = c->store->ops->get(c->store, POSW_TABLE_EPOCHS, key, key_size, &value);
    return rc != POSW_OK ? rc : posw_staking_table_decode(out, value.data, value.size);
}

int posw_chain_table_put(posw_chain *c, posw_state *s, const uint8_t *key, size_t key_size) {
    posw_stake_table *table;
    int rc = posw_staking_table(s, &table);
    if (rc != POSW_OK) return rc;
    posw_buf encoded = {0};
    posw_staking_table_encode(&encoded, table);
    free(table);
    rc = encoded.failed ? POSW_ENOMEM
                        : c->store->ops->put(c->store, POSW_TABLE_EPOCHS, key, key_size, encoded.data, encoded.size);
    posw_buf_clear(&encoded);
    return rc;
}

int posw_chain_table_read(posw_chain *c, posw_stake_table **out, uint64_t epoch) {
    uint8_t key[8];
    posw_store_be64(key, epoch);
    const int rc = posw_chain_table_get(c, out, key, sizeof key);
    return rc == POSW_ENOTFOUND ? POSW_ECORRUPT : rc;
}

void posw_chain_tables_trim(posw_chain *c, size_t keep) {
    while (c->table_count > keep) {
        size_t oldest = 0;
        for (size_t i = 1; i < c->table_count; i++)
            if (c->tables[i].used < c->tables[oldest].used) oldest = i;
        free(c->tables[oldest].table);
        free(c->tables[oldest].tree);
        c->tables[oldest] = c->tables[--c->table_count];
    }
}

const posw_chain_table_slot *posw_chain_slot_find(posw_chain *c, uint64_t epoch, const posw_hash *block) {
    for (size_t i = 0; i < c->table_count; i++) {
        if (c->tables[i].epoch != epoch || !posw_hash_equal(&c->tables[i].block, block)) continue;
        c->tables[i].used = ++c->table_clock;
        return &c->tables[i];
    }
    return NULL;
}

const posw_chain_table_slot *posw_chain_slot_add(posw_chain *c, uint64_t epoch, const posw_hash *block,
                                                 posw_stake_table *table) {
    posw_chain_tables_trim(c, POSW_CHAIN_TABLES_MAX - 1);
    posw_chain_table_slot *slot = &c->tables[c->table_count++];
    *slot = (posw_chain_table_slot){.epoch = epoch, .block = *block, .used = ++c->table_clock, .table = table};
    posw_stake_root(&slot->root, epoch, &table->supply_wei, &table->total_wei, &table->tree_root); /* E4 */
    return slot;
}

int posw_chain_table_at(posw_chain *c, const posw_chain_table_slot **out, uint64_t number, uint64_t fork_number) {
    const posw_params *p = &c->spec->params;
    const uint64_t epoch = posw_epoch_of(p, number);
    const posw_hash main_chain = {{0}};
    if (posw_epoch_snapshot_block(p, epoch) > fork_number) return POSW_ENOTFOUND;
    *out = posw_chain_slot_find(c, epoch, &main_chain);
    if (*out != NULL) return POSW_OK;
    posw_stake_table *table;
    const int rc = posw_chain_table_read(c, &table, posw_chain_epoch_key(p, number));
    if (rc == POSW_OK) *out = posw_chain_slot_add(c, epoch, &main_chain, table);
    return rc;
}

/* ---- windows ---- */

/* Exact after as many blocks as the window keeps, or all from genesis on. */
int posw_chain_window_fill(posw_chain *c, posw_window *w, uint64_t number) {
    const posw_params *p = &c->spec->params;
    const uint64_t kept = p->window_blocks + p->reorg_max_blocks + POSW_WINDOW_MTP_ANCESTORS;
    const uint64_t first = number >= kept ? number - kept + 1 : 0;
    posw_hash hash = {{0}};
    posw_u256 weight = POSW_U256_ZERO;
    uint64_t time = 0;
    posw_window_reset(w);
    for (uint64_t n = first; n <= number; n++) {
        posw_chain_row row;
        const posw_hash parent = hash;
        const int rc = posw_chain_main_row(c, &row, &hash, n);
        if (rc != POSW_OK) return rc;
        const posw_window_entry entry = posw_chain_entry_of(&row.header);
        if (n > first && (!posw_hash_equal(&row.header.parent_hash, &parent) ||
                          !posw_chain_is_child(&entry, &row.weight, time, &weight)))
            return POSW_ECORRUPT;
        posw_window_push(w, &entry);
        weight = row.weight;
        time = entry.timestamp;
    }
    return POSW_OK;
}

static int window_to_fork(posw_chain *c, uint64_t fork_number) {
    memcpy(c->branch_window, c->window, c->window_size);
    for (uint64_t n = c->tip.number; n > fork_number; n--)
        if (!posw_window_pop(c->branch_window)) return posw_chain_window_fill(c, c->branch_window, fork_number);
    return POSW_OK;
}

int posw_chain_window_at(posw_chain *c, posw_window **out, const posw_hash *hash, uint64_t number) {
    if (posw_hash_equal(hash, &c->tip_hash)) {
        *out = c->window;
        return POSW_OK;
    }
    if (!c->branch_valid || !posw_hash_equal(hash, &c->branch_at)) {
        posw_chain_branch branch = {0};
        c->branch_valid = false;
        int rc = posw_chain_branch_of(c, &branch, hash, number);
        if (rc == POSW_OK) rc = window_to_fork(c, branch.fork_number);
        for (size_t i = 0; rc == POSW_OK && i < branch.count; i++)
            posw_window_push(c->branch_window, &posw_chain_side_find(c, &branch.hashes[i])->entry);
        posw_chain_branch_clear(&branch);
        if (rc != POSW_OK) return rc;
        c->branch_at = *hash;
        c->branch_valid = true;
    }
    *out = c->branch_window;
    return POSW_OK;
}

size_t posw_chain_window_size(const posw_chain *c) {
    return c->window_size;
}

int posw_chain_window_copy(posw_chain *c, void *memory, posw_window **out, const posw_chain_place *at) {
    posw_window *window;
    const int rc = posw_chain_window_at(c, &window, &at->parent_hash, at->parent.number);
    if (rc != POSW_OK) return rc;
    memcpy(memory, window, c->window_size);
    *out = memory;
    return POSW_OK;
}

int posw_chain_window_view(posw_chain *c, const posw_window **out, const posw_chain_place *at) {
    posw_window *window;
    const int rc = posw_chain_window_at(c, &window, &at->parent_hash, at->parent.number);
    if (rc == POSW_OK) *out = window;
    return rc;
}

int posw_chain_branch_table(posw_chain *c, const posw_stake_table **table, posw_hash *root, uint64_t number,
                            uint64_t fork_number) {
    const posw_chain_table_slot *slot;
    const int rc = posw_chain_table_at(c, &slot, number, fork_number);
    if (rc != POSW_OK) return rc;
    *table = slot->table;
    *root = slot->root;
    return POSW_OK;
}

/* ---- keys ---- */

int posw_chain_key_after(posw_chain *c, posw_hash *out, const posw_hash *parent, uint64_t parent_number) {
    if (c->spec->params.pow != POSW_POW_RANDOMX) {
        *out = (posw_hash){{0}};
        return POSW_OK;
    }
    uint64_t number;
    if (!posw_pow_key_source(&number, parent_number + 1)) {
        posw_pow_key_first(out, &c->genesis_hash);
        return POSW_OK;
    }
    const posw_chain_side *node;
    for (; parent_number > number && (node = posw_chain_side_find(c, parent)) != NULL; parent_number--)
        parent = &node->parent;
    if (posw_chain_side_find(c, parent) != NULL) {
        *out = *parent;
        return POSW_OK;
    }
    return posw_chain_main_get(c, out, number);
}
