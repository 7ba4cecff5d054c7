/* Stake tables of side branches.
 *
 *      main   ... f ── 101 ── 102 tip
 *                 └── 101' ── … ── s' ── … ── 140' ── 141'      s' is the snapshot block (E1) of 141'
 *
 * A branch that goes on for more than E blocks past its fork comes into epochs whose tables are its own: of blocks that
 * were stored and not executed, since the branch is the lighter one. It may still win (F2), so its headers must be
 * judged: the branch is executed up to s', on versions of the state that nobody else sees, and the table of s' becomes
 * a row of EPOCHS, which lives as long as s' is a side block.
 *
 * Bounds. A table is made once, however often it is asked for, also over a restart. Making it executes the blocks from
 * the latest place of the branch whose state is kept (POSW_CHAIN_BRANCH_STATES_MAX, the latest used), which is E
 * blocks, or from the fork: at most as many as the branch has. Nothing is executed before the branch has more than E
 * blocks, each of which has a valid seal. On disk there is at most one table for E side blocks, in memory the few
 * tables of context.c and the kept states, which go first of all that is not the tip's when memory is short and cannot
 * be trimmed.
 *
 * An invalid block found on the way leaves the tree with its descendants, as in a switch. */
#include "chain/chain_internal.h"

#include "base/bytes.h"

/* ---- rows: epoch ‖ snapshot block -> table ---- */

enum { KEY_SIZE = 8 + POSW_HASH_SIZE };

static void make_key(uint8_t key[KEY_SIZE], uint64_t epoch, const posw_hash *block) {
    posw_store_be64(key, epoch);
    memcpy(key + 8, block->b, sizeof block->b);
}

/* POSW_ENOTFOUND: it has not been made. */
static int find_table(posw_chain *c, const posw_chain_table_slot **out, uint64_t epoch, const posw_hash *block) {
    *out = posw_chain_slot_find(c, epoch, block);
    if (*out != NULL) return POSW_OK;
    uint8_t key[KEY_SIZE];
    posw_stake_table *table;
    make_key(key, epoch, block);
    const int rc = posw_chain_table_get(c, &table, key, sizeof key);
    if (rc == POSW_OK) *out = posw_chain_slot_add(c, epoch, block, table);
    return rc;
}

int posw_chain_side_table_del(posw_chain *c, uint64_t number, const posw_hash *hash) {
    uint64_t epoch;
    uint8_t key[KEY_SIZE];
    if (!posw_epoch_is_snapshot(&epoch, &c->spec->params, number)) return POSW_OK;
    make_key(key, epoch, hash);
    return c->store->ops->del(c->store, POSW_TABLE_EPOCHS, key, sizeof key);
}

static int copy_row(posw_chain *c, const uint8_t *from, size_t from_size, const uint8_t *to, size_t to_size) {
    posw_bytes value;
    posw_buf copy = {0}; /* a write takes the view away */
    int rc = c->store->ops->get(c->store, POSW_TABLE_EPOCHS, from, from_size, &value);
    if (rc != POSW_OK) return rc == POSW_ENOTFOUND ? POSW_ECORRUPT : rc;
    posw_buf_append(&copy, value.data, value.size);
    rc = copy.failed ? POSW_ENOMEM : c->store->ops->put(c->store, POSW_TABLE_EPOCHS, to, to_size, copy.data, copy.size);
    posw_buf_clear(&copy);
    return rc;
}

int posw_chain_side_table_move(posw_chain *c, uint64_t number, const posw_hash *hash, bool keep) {
    uint64_t epoch;
    uint8_t key[KEY_SIZE];
    int rc = POSW_OK;
    if (!posw_epoch_is_snapshot(&epoch, &c->spec->params, number)) return POSW_OK;
    make_key(key, epoch, hash);
    if (keep) rc = copy_row(c, key, 8, key, sizeof key);
    return rc != POSW_OK ? rc : c->store->ops->del(c->store, POSW_TABLE_EPOCHS, key, 8);
}

/* ---- kept states ---- */

static posw_chain_branch_state *find_state(posw_chain *c, const posw_hash *block) {
    for (size_t i = 0; i < POSW_CHAIN_BRANCH_STATES_MAX; i++) {
        posw_chain_branch_state *s = &c->branch_states[i];
        if (s->state != NULL && posw_hash_equal(&s->block, block)) return s;
    }
    return NULL;
}

static void drop_state(posw_chain_branch_state *s) {
    posw_state_free(s->state);
    *s = (posw_chain_branch_state){.state = NULL};
}

/* A free place, or that of the state that was not used for longest. */
static posw_chain_branch_state *oldest_state(posw_chain *c) {
    posw_chain_branch_state *oldest = &c->branch_states[0];
    for (size_t i = 1; i < POSW_CHAIN_BRANCH_STATES_MAX; i++)
        if (c->branch_states[i].used < oldest->used) oldest = &c->branch_states[i];
    return oldest;
}

void posw_chain_branch_states_clear(posw_chain *c) {
    for (size_t i = 0; i < POSW_CHAIN_BRANCH_STATES_MAX; i++)
        drop_state(&c->branch_states[i]);
}

void posw_chain_branch_states_tidy(posw_chain *c) {
    for (size_t i = 0; i < POSW_CHAIN_BRANCH_STATES_MAX; i++) {
        posw_chain_branch_state *s = &c->branch_states[i];
        if (s->state != NULL && posw_chain_side_find(c, &s->block) == NULL) drop_state(s);
    }
}

/* ---- executing ---- */

typedef struct {
    posw_chain_branch branch; /* up to the snapshot block */
    posw_state *state;        /* after the blocks before `next` */
    size_t next;
    posw_chain_branch_state *place; /* where the state at the end is kept */
    posw_hash bad;
    enum posw_rule bad_rule; /* NONE: all valid so far */
} run;

static void run_clear(run *r) {
    posw_chain_branch_clear(&r->branch);
    posw_state_free(r->state);
}

/* From the latest kept state on, which the end replaces; else from the fork. */
static int run_begin(posw_chain *c, run *r, const posw_hash *last, uint64_t number) {
    const int rc = posw_chain_branch_of(c, &r->branch, last, number);
    if (rc != POSW_OK) return rc;
    for (r->next = r->branch.count; r->next > 0; r->next--) {
        r->place = find_state(c, &r->branch.hashes[r->next - 1]);
        if (r->place != NULL) return posw_state_copy(&r->state, r->place->state);
    }
    r->place = oldest_state(c);
    return posw_chain_fork_state(c, &r->state, r->branch.fork_number);
}

/* The table in force for a block of the run. One that lies on the branch has been made: on the way here, or before the
 * state was kept from which the run began. */
static int table_of(posw_chain *c, const run *r, const posw_chain_table_slot **out, uint64_t number) {
    const posw_params *p = &c->spec->params;
    const uint64_t epoch = posw_epoch_of(p, number), snapshot = posw_epoch_snapshot_block(p, epoch);
    int rc = posw_chain_table_at(c, out, number, r->branch.fork_number);
    if (rc == POSW_ENOTFOUND) rc = find_table(c, out, epoch, &r->branch.hashes[snapshot - r->branch.fork_number - 1]);
    return rc == POSW_ENOTFOUND ? POSW_ECORRUPT : rc;
}

/* A snapshot block's table, unless it was made before. */
static int note_table(posw_chain *c, posw_state *state, uint64_t number, const posw_hash *hash) {
    uint64_t epoch;
    uint8_t key[KEY_SIZE];
    const posw_chain_table_slot *slot;
    if (!posw_epoch_is_snapshot(&epoch, &c->spec->params, number)) return POSW_OK;
    int rc = find_table(c, &slot, epoch, hash);
    if (rc != POSW_ENOTFOUND) return rc;
    make_key(key, epoch, hash);
    rc = posw_chain_begin(c);
    if (rc == POSW_OK) rc = posw_chain_table_put(c, state, key, sizeof key);
    if (rc == POSW_OK) rc = posw_chain_end_small(c);
    return rc == POSW_OK ? POSW_OK : posw_chain_fail(c, rc);
}

static int run_block(posw_chain *c, run *r, posw_chain_side_block *b) {
    const posw_hash *hash = &r->branch.hashes[r->next];
    const posw_chain_table_slot *slot;
    posw_execution_result result = {0};
    posw_verdict verdict = posw_valid();
    int rc = posw_chain_side_block_load(c, b, hash);
    if (rc == POSW_OK) rc = table_of(c, r, &slot, b->block.header.number);
    if (rc == POSW_OK)
        rc = posw_execute_block(&result, &verdict, r->state, &c->spec->params, slot->table, &b->block,
                                (const posw_address *)b->record.senders.data);
    posw_execution_result_clear(&result);
    c->branch_executed++;
    if (rc == POSW_OK && verdict.kind != POSW_VALID) r->bad = *hash, r->bad_rule = verdict.rule;
    if (rc != POSW_OK || verdict.kind != POSW_VALID) return rc;
    r->next++;
    return note_table(c, r->state, b->block.header.number, hash);
}

static int run_all(posw_chain *c, run *r) {
    int rc = POSW_OK;
    while (rc == POSW_OK && r->bad_rule == POSW_RULE_NONE && r->next < r->branch.count) {
        posw_chain_side_block b = {0};
        rc = run_block(c, r, &b);
        posw_chain_side_block_clear(&b);
    }
    return rc;
}

static void keep_state(posw_chain *c, run *r, const posw_hash *block) {
    drop_state(r->place);
    *r->place = (posw_chain_branch_state){.block = *block, .state = r->state, .used = ++c->branch_clock};
    r->state = NULL;
    posw_chain_limit_memory(c);
}

static int execute_to(posw_chain *c, posw_verdict *v, const posw_hash *block, uint64_t number) {
    run r = {.bad_rule = POSW_RULE_NONE};
    int rc = run_begin(c, &r, block, number);
    if (rc == POSW_OK) rc = run_all(c, &r);
    if (rc == POSW_OK && r.bad_rule == POSW_RULE_NONE) keep_state(c, &r, block);
    if (rc == POSW_OK && r.bad_rule != POSW_RULE_NONE) {
        *v = posw_invalid(POSW_RULE_BAD_ANCESTOR);
        rc = posw_chain_condemn(c, &r.bad, r.bad_rule);
    }
    run_clear(&r);
    return rc;
}

/* ---- the table of a place ---- */

/* Block `number` of the branch that ends in this side block. */
static posw_hash ancestor(posw_chain *c, const posw_hash *hash, uint64_t number) {
    const posw_chain_side *node = posw_chain_side_find(c, hash);
    while (node->number > number) {
        hash = &node->parent;
        node = posw_chain_side_find(c, hash);
    }
    return *hash;
}

int posw_chain_table_after(posw_chain *c, const posw_chain_table_slot **out, posw_verdict *v,
                           const posw_chain_place *place) {
    const posw_params *p = &c->spec->params;
    const uint64_t number = place->parent.number + 1, epoch = posw_epoch_of(p, number);
    *v = posw_valid();
    int rc = posw_chain_table_at(c, out, number, place->fork_number);
    if (rc != POSW_ENOTFOUND) return rc;
    const uint64_t snapshot = posw_epoch_snapshot_block(p, epoch);
    const posw_hash block = ancestor(c, &place->parent_hash, snapshot);
    rc = find_table(c, out, epoch, &block);
    if (rc != POSW_ENOTFOUND) return rc;
    rc = execute_to(c, v, &block, snapshot);
    if (rc != POSW_OK || v->kind != POSW_VALID) return rc;
    rc = find_table(c, out, epoch, &block);
    return rc == POSW_ENOTFOUND ? POSW_ECORRUPT : rc;
}
