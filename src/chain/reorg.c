/* Reorganisation: switching to a heavier branch, whole or not at all.
 *
 *      old main   f ── 98 ── 99 ── 100              1. the state of f: kept in memory, or the oldest kept version taken
 * back by undo records └── 98' ── 99' ── 100' ── 101'   2. one transaction: rows of 98..100 out, 98'..101' executed and
 * written one by one
 *                                                   3. trie: the difference between the state of 101' and what the
 * store holds (100)
 *
 * If a block turns out invalid, the transaction is aborted, the block and its descendants leave the tree and are
 * remembered, and the next best branch is tried. Old blocks become a side branch, so that the way back is open. */
#include "chain/chain_internal.h"

#include "base/bytes.h"
#include "base/units.h"

#include <inttypes.h>
#include <stdlib.h>

typedef struct {
    posw_chain_branch branch;
    posw_hash target;
    posw_chain_side *old;                      /* of the blocks that leave, from the tip down, beside c->removed */
    size_t old_count, old_kept;                /* kept: this many of the lowest stay as a side branch */
    posw_state *states[POSW_CHAIN_STATES_MAX]; /* latest versions of the branch, at index % MAX; the fork's is `fork` */
    posw_state *fork;
    posw_stake_table *table; /* in force */
    uint64_t table_epoch;
    posw_header tip;
    posw_u256 weight;
    posw_hash bad;           /* the invalid block */
    enum posw_rule bad_rule; /* NONE: all valid so far */
} reorg;

static void reorg_clear(reorg *r) {
    posw_chain_branch_clear(&r->branch);
    free(r->old);
    free(r->table);
    for (size_t i = 0; i < POSW_CHAIN_STATES_MAX; i++)
        posw_state_free(r->states[i]);
    posw_state_free(r->fork);
}

/* ---- out with the old ---- */

int posw_chain_txs_delete(posw_chain *c, const posw_block *b) {
    int rc = POSW_OK;
    for (size_t i = 0; rc == POSW_OK && i < b->tx_count; i++) {
        posw_hash hash;
        posw_tx_hash(&hash, &b->txs[i]);
        rc = c->store->ops->del(c->store, POSW_TABLE_TXS, hash.b, sizeof hash.b);
    }
    return rc;
}

/* Rows that only the main chain has. */
static int delete_main_rows(posw_chain *c, uint64_t number, const posw_hash *hash, bool kept) {
    uint8_t key[8];
    posw_store_be64(key, number);
    const int rc = c->store->ops->del(c->store, POSW_TABLE_MAIN, key, sizeof key);
    return rc != POSW_OK ? rc : posw_chain_side_table_move(c, number, hash, kept);
}

static int remove_block(posw_chain *c, reorg *r, size_t index, posw_buf *raw) {
    const uint64_t number = c->tip.number - index;
    posw_hash *hash = &c->removed[index];
    posw_chain_row row;
    posw_block block = {0};
    int rc = posw_chain_main_row(c, &row, hash, number);
    if (rc == POSW_OK) rc = posw_chain_block_load(c, &block, raw, &row, hash);
    if (rc == POSW_OK) rc = posw_chain_txs_delete(c, &block);
    posw_block_clear(&block);
    const bool kept = index + r->old_kept >= r->old_count;
    if (rc == POSW_OK) rc = delete_main_rows(c, number, hash, kept);
    if (rc != POSW_OK) return rc;
    posw_chain_side *node = &r->old[index];
    *node = (posw_chain_side){.parent = row.header.parent_hash,
                              .number = number,
                              .order = c->side_order + number - r->branch.fork_number,
                              .weight = row.weight,
                              .entry = posw_chain_entry_of(&row.header),
                              .seal = posw_chain_seal_of(&row.header),
                              .block_pos = row.block_pos,
                              .exec_pos = row.exec_pos};
    if (kept) return posw_chain_side_put_row(c, hash, node->order);
    return c->store->ops->del(c->store, POSW_TABLE_HEADERS, hash->b, sizeof hash->b);
}

static int remove_old(posw_chain *c, reorg *r) {
    posw_buf raw = {0};
    int rc = POSW_OK;
    for (size_t i = 0; rc == POSW_OK && i < r->old_count; i++)
        rc = remove_block(c, r, i, &raw);
    posw_buf_clear(&raw);
    return rc;
}

/* ---- in with the new ---- */

/* The table in force; its snapshot may lie on the branch, and its row then was written by this transaction. */
static int load_table(posw_chain *c, reorg *r, uint64_t number) {
    const uint64_t epoch = posw_chain_epoch_key(&c->spec->params, number);
    if (r->table != NULL && r->table_epoch == epoch) return POSW_OK;
    free(r->table);
    r->table = NULL;
    r->table_epoch = epoch;
    return posw_chain_table_read(c, &r->table, epoch);
}

static int write_side_block(posw_chain *c, const posw_chain_side_block *b, const posw_hash *hash,
                            const posw_execution_result *result, posw_state *state) {
    const posw_chain_executed x = {.header = &b->block.header,
                                   .hash = hash,
                                   .weight = b->row.weight,
                                   .block_pos = b->row.block_pos,
                                   .size = b->row.size,
                                   .senders = (const posw_address *)b->record.senders.data,
                                   .tx_hashes = b->tx_hashes,
                                   .tx_count = b->block.tx_count,
                                   .result = result,
                                   .state = state};
    int rc = posw_chain_write_executed(c, &x);
    if (rc == POSW_OK) rc = posw_chain_side_del_row(c, hash);
    return rc != POSW_OK ? rc : posw_chain_side_table_del(c, x.header->number, hash);
}

/* Executes block `index` of the branch on a copy of its parent's state. */
static int execute_block(posw_chain *c, reorg *r, size_t index, posw_chain_side_block *b) {
    const posw_hash *hash = &r->branch.hashes[index];
    posw_state *parent = index == 0 ? r->fork : r->states[(index - 1) % POSW_CHAIN_STATES_MAX], *state = NULL;
    posw_execution_result result = {0};
    posw_verdict verdict = posw_valid();
    int rc = posw_chain_side_block_load(c, b, hash);
    if (rc == POSW_OK) rc = load_table(c, r, b->block.header.number);
    if (rc == POSW_OK) rc = posw_state_child(&state, parent);
    if (rc == POSW_OK)
        rc = posw_execute_block(&result, &verdict, state, &c->spec->params, r->table, &b->block,
                                (const posw_address *)b->record.senders.data);
    if (rc == POSW_OK && verdict.kind == POSW_VALID) rc = write_side_block(c, b, hash, &result, state);
    posw_execution_result_clear(&result);
    if (rc != POSW_OK || verdict.kind != POSW_VALID) {
        posw_state_free(state);
        if (rc == POSW_OK) r->bad = *hash, r->bad_rule = verdict.rule;
        return rc;
    }
    posw_state **slot = &r->states[index % POSW_CHAIN_STATES_MAX];
    posw_state_free(*slot);
    *slot = state;
    r->tip = b->block.header;
    r->weight = b->row.weight;
    return POSW_OK;
}

static int execute_branch(posw_chain *c, reorg *r) {
    int rc = POSW_OK;
    for (size_t i = 0; rc == POSW_OK && r->bad_rule == POSW_RULE_NONE && i < r->branch.count; i++) {
        posw_chain_side_block b = {0};
        rc = execute_block(c, r, i, &b);
        posw_chain_side_block_clear(&b);
    }
    return rc;
}

/* ---- memory follows ---- */

static void follow_states(posw_chain *c, reorg *r) {
    const uint64_t fork = r->branch.fork_number;
    const size_t count = r->branch.count, kept = count < POSW_CHAIN_STATES_MAX ? count : POSW_CHAIN_STATES_MAX;
    posw_chain_states_drop_above(c, fork);
    if (c->states_low > fork + 1 + count - kept || fork < c->states_low) c->states_low = fork + 1 + count - kept;
    for (size_t i = count - kept; i < count; i++) {
        posw_state **slot = &r->states[i % POSW_CHAIN_STATES_MAX];
        posw_chain_state_push(c, fork + 1 + i, *slot);
        *slot = NULL;
    }
}

static void follow_tree(posw_chain *c, const reorg *r) {
    for (size_t i = 0; i < r->branch.count; i++)
        posw_chain_side_remove(c, &r->branch.hashes[i]);
    int rc = POSW_OK;
    for (size_t i = r->old_count - r->old_kept; rc == POSW_OK && i < r->old_count; i++)
        rc = posw_chain_side_add(c, &c->removed[i], &r->old[i]);
    if (rc == POSW_OK) rc = posw_chain_side_refork(c);
    posw_chain_branch_states_tidy(c);
    if (rc != POSW_OK) c->stale = true; /* no memory: read it again at the next import */
}

/* The window of the new tip was made ready as the branch window; the two change places. */
static void follow_window(posw_chain *c) {
    posw_window *old = c->window;
    c->window = c->branch_window;
    c->branch_window = old;
    c->branch_at = c->tip_hash;
}

static void follow(posw_chain *c, reorg *r) {
    follow_window(c);
    follow_states(c, r);
    follow_tree(c, r);
    posw_chain_tables_trim(c, 0);
    c->tip = r->tip;
    c->tip_hash = r->target;
    c->weight = r->weight;
    posw_chain_note_height(c);
    memcpy(c->added, r->branch.hashes, r->branch.count * sizeof *c->added);
    c->removed_count = r->old_count;
    c->added_count = r->branch.count;
    posw_chain_limit_memory(c);
    posw_log_write(c->log, r->old_count > 0 ? POSW_LOG_WARN : POSW_LOG_INFO, "chain",
                   "reorganisation: %zu block%s out, %zu in, the tip is now block %" PRIu64, r->old_count,
                   posw_plural(r->old_count), r->branch.count, c->tip.number);
}

/* ---- the switch ---- */

static int plan(posw_chain *c, reorg *r) {
    const posw_chain_side *top = posw_chain_side_find(c, &r->target);
    posw_window *window;
    int rc = posw_chain_branch_of(c, &r->branch, &r->target, top->number);
    if (rc != POSW_OK) return rc;
    r->old_count = (size_t)(c->tip.number - r->branch.fork_number);
    const size_t stay = c->side.count - r->branch.count, limit = posw_chain_side_limit(c);
    const size_t room = stay < limit ? limit - stay : 0;
    r->old_kept = r->old_count < room ? r->old_count : room;
    r->old = calloc(r->old_count + 1, sizeof *r->old);
    if (r->old == NULL) return POSW_ENOMEM;
    rc = posw_chain_change_reserve(c, r->old_count, r->branch.count);
    if (rc == POSW_OK) rc = posw_chain_window_at(c, &window, &r->target, top->number);
    if (rc == POSW_OK) rc = posw_chain_fork_state(c, &r->fork, r->branch.fork_number);
    return rc;
}

static int replace(posw_chain *c, reorg *r) {
    int rc = posw_chain_begin(c);
    if (rc == POSW_OK) rc = remove_old(c, r);
    if (rc == POSW_OK) rc = execute_branch(c, r);
    if (rc != POSW_OK) return rc;
    if (r->bad_rule != POSW_RULE_NONE) {
        c->store->ops->abort(c->store);
        c->tx_open = false;
        return POSW_OK;
    }
    posw_state *top = r->states[(r->branch.count - 1) % POSW_CHAIN_STATES_MAX];
    return posw_chain_commit_tip(c, top, &r->target);
}

static int switch_to(posw_chain *c, const posw_hash *target) {
    reorg r = {.target = *target};
    int rc = posw_chain_flush(c); /* so that the store holds the tip */
    if (rc == POSW_OK) rc = plan(c, &r);
    if (rc == POSW_OK) {
        rc = replace(c, &r);
        if (rc != POSW_OK) rc = posw_chain_fail(c, rc);
    }
    if (rc == POSW_OK && r.bad_rule == POSW_RULE_NONE) follow(c, &r);
    if (rc == POSW_OK && r.bad_rule != POSW_RULE_NONE) rc = posw_chain_condemn(c, &r.bad, r.bad_rule);
    reorg_clear(&r);
    return rc;
}

int posw_chain_activate_best(posw_chain *c) {
    posw_hash best;
    int rc = POSW_OK;
    while (rc == POSW_OK && !c->stale && posw_chain_side_best(c, &best))
        rc = switch_to(c, &best);
    return rc;
}
