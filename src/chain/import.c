/* Import: where a block belongs, whether its header is right, and what then happens to it.
 *
 *      known?  ─ yes ─ valid again
 *      parent is the tip   ─ header ─ execute ─ commit                 one store transaction
 *      parent is elsewhere ─ header ─ store    ─ switch if heavier     two, when it wins
 *                             └ its stake table may be one of its own branch: see branch.c
 *
 * Only what execution showed is remembered as invalid: a header that fails a check is cheap to refuse again, and a body
 * that does not belong to its header says nothing about the block of that hash. */
#include "chain/chain_internal.h"

#include "base/bytes.h"
#include "core/check_parts.h"
#include "posw/u256.h"

#include <inttypes.h>

/* ---- begin and end of every public import ---- */

int posw_chain_import_begin(posw_chain *c, posw_chain_change *change) {
    if (change != NULL) *change = (posw_chain_change){0};
    c->removed_count = c->added_count = 0;
    posw_chain_tables_trim(c, POSW_CHAIN_TABLES_KEEP);
    return c->stale ? posw_chain_reload(c) : POSW_OK;
}

void posw_chain_import_end(const posw_chain *c, posw_chain_change *change) {
    if (change == NULL) return;
    *change = (posw_chain_change){
        .removed = c->removed, .removed_count = c->removed_count, .added = c->added, .added_count = c->added_count};
}

/* ---- the header ---- */

static int check_pow(posw_chain *c, posw_verdict *v, const posw_chain_place *place, const posw_header *h) {
    posw_hash key;
    bool ok;
    const int rc = posw_chain_key_after(c, &key, &place->parent_hash, place->parent.number);
    if (rc != POSW_OK) return rc;
    if (c->pow_scratch == NULL && c->pow->scratch_new != NULL) {
        c->pow_scratch = c->pow->scratch_new();
        if (c->pow_scratch == NULL) return POSW_ENOMEM;
    }
    *v = posw_seal_check_pow(&ok, h, c->pow, c->pow_scratch, &key);
    return ok ? POSW_OK : POSW_ENOMEM;
}

/* H7, H8; the signature is not recovered again where it is known and the beneficiary's is what is wanted. */
static posw_verdict check_seal(const posw_check_context *context, const posw_header *h, const posw_stake_table *table,
                               bool own_signature) {
    const posw_stake_entry *entry = posw_stake_table_find(table, &h->beneficiary);
    if (!own_signature || (entry != NULL && !posw_address_equal(&entry->signer, &h->beneficiary)))
        return posw_check_header_seal(context, h, entry, &table->supply_wei);
    return posw_check_header_target(context, h, entry, &table->supply_wei);
}

/* Cheapest first; time last, because a block that is only too early should be known to be good otherwise. */
int posw_chain_check_header(posw_chain *c, posw_verdict *v, const posw_chain_place *place, const posw_header *h,
                            bool pow_checked, bool own_signature, uint64_t now_s) {
    const posw_chain_table_slot *slot;
    posw_window *window;
    int rc = posw_chain_table_after(c, &slot, v, place);
    if (rc == POSW_OK && v->kind != POSW_VALID) return POSW_OK;
    if (rc == POSW_OK) rc = posw_chain_window_at(c, &window, &place->parent_hash, place->parent.number);
    if (rc != POSW_OK) return rc;
    const posw_check_context context = {.params = &c->spec->params,
                                        .parent = &place->parent,
                                        .parent_hash = &place->parent_hash,
                                        .window = window,
                                        .stake_root = &slot->root};
    if (place->at_tip) {
        const posw_u256 difficulty = posw_chain_next_difficulty(c, h->timestamp);
        *v = posw_check_header_fields_at(&context, h, &difficulty);
    } else {
        *v = posw_check_header_fields(&context, h);
    }
    if (v->kind == POSW_VALID) *v = check_seal(&context, h, slot->table, own_signature);
    if (v->kind == POSW_VALID && !pow_checked) rc = check_pow(c, v, place, h);
    if (rc == POSW_OK && v->kind == POSW_VALID) *v = posw_check_header_time(context.params, h, now_s);
    return rc;
}

/* ---- a child of the tip ---- */

static int execute(posw_chain *c, const posw_prepared *p, posw_verdict *v, posw_state *state,
                   posw_execution_result *result) {
    const posw_chain_table_slot *slot;
    const int rc = posw_chain_table_at(c, &slot, p->block.header.number, c->tip.number);
    if (rc != POSW_OK) return rc;
    return posw_execute_block(result, v, state, &c->spec->params, slot->table, &p->block, p->senders);
}

static int extend_tip(posw_chain *c, const posw_prepared *p, const posw_u256 *weight, posw_verdict *v) {
    posw_state *state;
    posw_execution_result result = {0};
    int rc = posw_state_child(&state, posw_chain_state_find(c, c->tip.number));
    if (rc != POSW_OK) return rc;
    rc = execute(c, p, v, state, &result);
    if (rc == POSW_OK && v->kind == POSW_VALID) {
        const posw_chain_executed x = {.header = &p->block.header,
                                       .hash = &p->block.hash,
                                       .weight = *weight,
                                       .bytes = posw_buf_view(&p->bytes),
                                       .size = (uint32_t)p->bytes.size,
                                       .senders = p->senders,
                                       .tx_hashes = p->tx_hashes,
                                       .tx_count = p->block.tx_count,
                                       .result = &result,
                                       .state = state};
        rc = posw_chain_adopt(c, &x);
    } else {
        posw_state_free(state);
        if (rc == POSW_OK) posw_chain_invalid_add(c, &p->block.hash, v->rule);
    }
    posw_execution_result_clear(&result);
    return rc;
}

/* ---- a block of a side branch ---- */

static int write_side(posw_chain *c, const posw_prepared *p, posw_chain_side *node, bool full) {
    posw_chain_row row = {.weight = node->weight, .size = (uint32_t)p->bytes.size};
    posw_buf record = {0};
    posw_chain_record_encode(&record, node->number, posw_bytes_of(p->senders, p->block.tx_count * sizeof *p->senders),
                             (posw_bytes){NULL, 0}, (posw_bytes){NULL, 0});
    int rc = record.failed ? POSW_ENOMEM : posw_chain_begin(c);
    if (rc == POSW_OK)
        rc = c->store->ops->append(c->store, POSW_LOG_BLOCKS, p->bytes.data, p->bytes.size, &row.block_pos);
    if (rc == POSW_OK) rc = c->store->ops->append(c->store, POSW_LOG_EXEC, record.data, record.size, &row.exec_pos);
    if (rc == POSW_OK) rc = posw_chain_row_put(c, &p->block.hash, &p->block.header, &row, posw_buf_view(&p->bytes));
    if (rc == POSW_OK) rc = posw_chain_side_put_row(c, &p->block.hash, node->order);
    if (rc == POSW_OK && full) rc = posw_chain_side_delete_marked(c);
    posw_buf_clear(&record);
    if (rc != POSW_OK) return rc;
    node->block_pos = row.block_pos;
    node->exec_pos = row.exec_pos;
    return POSW_OK;
}

static int store_side(posw_chain *c, const posw_prepared *p, const posw_u256 *weight, posw_verdict *v) {
    const posw_header *h = &p->block.header;
    const posw_chain_side node = {.parent = h->parent_hash,
                                  .number = h->number,
                                  .order = c->side_order,
                                  .weight = *weight,
                                  .entry = posw_chain_entry_of(h),
                                  .seal = posw_chain_seal_of(h)};
    if (!p->is_built_on && posw_chain_side_copies(c, node.seal) >= POSW_CHAIN_COPIES_MAX) {
        *v = posw_not_yet(POSW_RULE_REORG_DEPTH); /* worth nothing to fork choice unless others build on it (F2) */
        return POSW_OK;
    }
    const bool full = c->side.count >= posw_chain_side_limit(c);
    if (full && !posw_chain_side_mark_least(c, weight, &h->parent_hash)) {
        *v = posw_not_yet(POSW_RULE_REORG_DEPTH); /* as if it were too old: it is the least of too many */
        return POSW_OK;
    }
    /* In memory first: that can fail, and can be taken back. */
    int rc = posw_chain_side_add(c, &p->block.hash, &node);
    if (rc != POSW_OK) {
        posw_chain_side_unmark(c);
        return rc;
    }
    rc = write_side(c, p, posw_chain_side_find(c, &p->block.hash), full);
    if (rc == POSW_OK) rc = posw_chain_end_small(c);
    if (rc != POSW_OK) {
        posw_chain_side_remove(c, &p->block.hash);
        return posw_chain_fail(c, rc);
    }
    if (full) posw_chain_side_drop_marked(c);
    if (c->branch_valid && posw_hash_equal(&c->branch_at, &h->parent_hash)) {
        posw_window_push(c->branch_window, &node.entry);
        c->branch_at = p->block.hash;
    }
    return posw_chain_end_block(c);
}

/* ---- the whole ---- */

int posw_chain_find_place(posw_chain *c, posw_chain_place *place, const posw_hash *parent) {
    place->parent_hash = *parent;
    place->at_tip = posw_hash_equal(parent, &c->tip_hash);
    if (place->at_tip) {
        place->parent = c->tip;
        place->parent_weight = c->weight;
        place->fork_number = c->tip.number;
        return POSW_OK;
    }
    posw_chain_row row;
    const int rc = posw_chain_row_get(c, &row, parent);
    if (rc != POSW_OK) return rc;
    place->parent = row.header;
    place->parent_weight = row.weight;
    place->fork_number = posw_chain_fork_of(c, parent, row.header.number);
    return POSW_OK;
}

/* F3, before anything costly. */
static bool too_deep(posw_chain *c, const posw_chain_place *place) {
    const uint64_t depth = c->tip.number - place->fork_number;
    const bool is_there = posw_chain_fork_is_there(c, place->fork_number);
    if (is_there && (c->allow_deep || place->fork_number >= posw_chain_finalized(c))) return false;
    if (c->deep_warned == c->tip.number + 1) return true;
    c->deep_warned = c->tip.number + 1;
    if (!is_there) {
        posw_log_write(c->log, POSW_LOG_WARN, "chain",
                       "refused a block of a branch that leaves the chain %" PRIu64
                       " blocks below the tip: blocks before %" PRIu64
                       " are pruned; if that branch is the right one, start again from an empty datadir",
                       depth, c->first_body);
        return true;
    }
    posw_log_write(c->log, POSW_LOG_WARN, "chain",
                   "refused a block of a branch that leaves the chain %" PRIu64
                   " blocks below the tip: the limit is %" PRIu64
                   " below the highest one; if that branch is the right one, restart with --connect to a node on it",
                   depth, c->spec->params.reorg_max_blocks);
    return true;
}

/* V1, V2: what can be said without the tree. of_body: the verdict on what came with the header. True if *v is the
 * answer. */
static bool judge_early(posw_chain *c, const posw_header *h, const posw_hash *hash, posw_verdict of_body,
                        posw_verdict *v) {
    enum posw_rule rule;
    if (posw_chain_is_invalid(c, &rule, hash)) {
        *v = posw_invalid(rule);
    } else if (of_body.kind != POSW_VALID) {
        *v = of_body;
    } else if (posw_chain_is_invalid(c, &rule, &h->parent_hash)) {
        *v = posw_invalid(POSW_RULE_BAD_ANCESTOR);
        posw_chain_invalid_add(c, hash, v->rule);
    } else if (h->number == 0) {
        *v = posw_invalid(POSW_RULE_PARENT); /* another genesis */
    } else {
        return false;
    }
    return true;
}

/* V2, steps 4 to 7. *place is set when the verdict is valid. */
static int judge_place(posw_chain *c, posw_chain_place *place, const posw_header *h, const posw_hash *hash,
                       bool pow_checked, bool own_signature, uint64_t now_s, posw_verdict *v) {
    int rc = posw_chain_find_place(c, place, &h->parent_hash);
    if (rc == POSW_ENOTFOUND) *v = posw_not_yet(POSW_RULE_UNKNOWN_PARENT);
    if (rc != POSW_OK) return rc == POSW_ENOTFOUND ? POSW_OK : rc;
    if (too_deep(c, place)) {
        *v = posw_not_yet(POSW_RULE_REORG_DEPTH);
        return POSW_OK;
    }
    rc = posw_chain_check_header(c, v, place, h, pow_checked, own_signature, now_s);
    if (rc == POSW_OK && v->rule == POSW_RULE_BAD_ANCESTOR) posw_chain_invalid_add(c, hash, v->rule);
    return rc;
}

/* A side block that has just been stored leaves the tree only as the tip, or with an invalid ancestor. */
static int judge_stored(posw_chain *c, const posw_hash *hash, posw_verdict *v) {
    enum posw_rule rule = POSW_RULE_BAD_ANCESTOR;
    const int rc = posw_chain_activate_best(c);
    if (rc != POSW_OK || posw_hash_equal(hash, &c->tip_hash) || posw_chain_side_find(c, hash) != NULL) return rc;
    (void)posw_chain_is_invalid(c, &rule, hash); /* forgotten if there were too many: the ancestor is remembered */
    *v = posw_invalid(rule);
    return POSW_OK;
}

static int import_known(posw_chain *c, const posw_hash *hash, posw_verdict *v) {
    enum posw_rule rule;
    const int rc = posw_chain_activate_best(c); /* an earlier attempt may have met an operating error */
    if (rc == POSW_OK) *v = posw_chain_is_invalid(c, &rule, hash) ? posw_invalid(rule) : posw_valid();
    return rc;
}

static int import_block(posw_chain *c, const posw_prepared *p, uint64_t now_s, posw_verdict *v) {
    posw_chain_row known;
    posw_chain_place place;
    if (p->block.raw.data == NULL) { /* did not decode */
        *v = p->verdict;
        return POSW_OK;
    }
    int rc = posw_chain_row_get(c, &known, &p->block.hash);
    if (rc == POSW_OK) return import_known(c, &p->block.hash, v);
    if (rc != POSW_ENOTFOUND) return rc;
    const posw_header *h = &p->block.header;
    if (judge_early(c, h, &p->block.hash, p->verdict, v)) return POSW_OK;
    rc = judge_place(c, &place, h, &p->block.hash, p->pow_checked, p->own_signature, now_s, v);
    if (rc != POSW_OK || v->kind != POSW_VALID) return rc;
    const posw_u256 weight = posw_u256_add_sat(&place.parent_weight, &h->difficulty); /* F1 */
    if (place.at_tip) return extend_tip(c, p, &weight, v);
    rc = store_side(c, p, &weight, v);
    return rc != POSW_OK || v->kind != POSW_VALID ? rc : judge_stored(c, &p->block.hash, v);
}

int posw_chain_import(posw_chain *c, posw_prepared *p, uint64_t now_s, posw_verdict *verdict,
                      posw_chain_change *change) {
    posw_verdict v = posw_valid();
    int rc = posw_chain_import_begin(c, change);
    if (rc == POSW_OK) rc = import_block(c, p, now_s, &v);
    if (rc != POSW_OK) return rc;
    posw_chain_import_end(c, change);
    posw_prepared_clear(p);
    *verdict = v;
    return POSW_OK;
}

int posw_chain_judge_header(posw_chain *c, const posw_header *h, uint64_t now_s, posw_verdict *verdict, bool *known) {
    posw_verdict v = posw_valid();
    posw_chain_place place;
    posw_hash hash;
    posw_header_hash(&hash, h);
    int rc = posw_chain_import_begin(c, NULL);
    if (rc == POSW_OK) rc = posw_chain_has_block(c, &hash);
    if (rc != POSW_OK && rc != POSW_ENOTFOUND) return rc;
    *known = rc == POSW_OK;
    rc = POSW_OK;
    if (!judge_early(c, h, &hash, posw_valid(), &v) && !*known)
        rc = judge_place(c, &place, h, &hash, false, false, now_s, &v);
    if (rc == POSW_OK) *verdict = v;
    return rc;
}

void posw_chain_allow_deep_reorg(posw_chain *c, bool allow) {
    c->allow_deep = allow;
    posw_chain_note_height(c);
}

/* Else a heavier branch with fewer blocks would bring what is final into the reach of the next one. */
void posw_chain_note_height(posw_chain *c) {
    if (c->allow_deep || c->tip.number > c->highest) c->highest = c->tip.number;
}
