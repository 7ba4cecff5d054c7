/* Side branches and reorganisations. Two instances grow apart; `a` gets the blocks of `b` and must end up as b, or stay
 * as it was. */
#include "harness.h"

typedef h_pair world;
static uint64_t height(posw_chain *c) {
    return posw_chain_tip(c)->number;
}

/* Both have the same first blocks. */
static void common(world *w, uint64_t blocks) {
    h_grow(w->a.chain, blocks);
    h_feed(w->b.chain, w->a.chain, 1, height(w->a.chain));
}

/* Grows with blocks that differ from h_grow's. */
static void grow_other(posw_chain *c, uint64_t blocks) {
    for (uint64_t i = 0; i < blocks; i++) {
        h_plan plan = {
            .miner = (unsigned)(4 + i % 3), .gap_s = 2, .tx_count = 1, .txs = {h_transfer(6, h_nonce(c, 6), 7, 3)}};
        h_block b = h_extend(c, &plan);
        h_block_clear(&b);
    }
}

/* ---- switching ---- */

static void the_heavier_branch_wins(void **state) {
    world *w = *state;
    common(w, 5);
    h_grow(w->a.chain, 3);
    grow_other(w->b.chain, 4);
    posw_hash old[3], new[4];
    for (uint64_t i = 0; i < 3; i++)
        ok(posw_chain_hash_by_number(w->a.chain, &old[i], 6 + i));
    for (uint64_t i = 0; i < 4; i++)
        ok(posw_chain_hash_by_number(w->b.chain, &new[i], 6 + i));
    h_feed(w->a.chain, w->b.chain, 6, 7);
    assert_true(h_tip_is(w->a.chain, &old[2]));
    h_feed(w->a.chain, w->b.chain, 8, 8); /* equal weight: the first seen stays (F2) */
    assert_true(h_tip_is(w->a.chain, &old[2]));
    posw_chain_block_info info;
    ok(posw_chain_block_by_hash(w->a.chain, &info, &new[2]));
    assert_false(info.is_main);
    assert_int_equal(posw_chain_block_results(w->a.chain, NULL, NULL, &new[2]), POSW_ENOTFOUND);

    h_block last = h_copy(w->b.chain, 9);
    posw_verdict v;
    posw_chain_change change;
    ok(h_try(w->a.chain, &last, H_NOW, &v, &change));
    assert_int_equal(v.kind, POSW_VALID);
    assert_int_equal(change.removed_count, 3);
    assert_int_equal(change.added_count, 4);
    for (size_t i = 0; i < 3; i++)
        assert_true(posw_hash_equal(&change.removed[i], &old[2 - i]));
    for (size_t i = 0; i < 4; i++)
        assert_true(posw_hash_equal(&change.added[i], &new[i]));
    h_same(w->a.chain, w->b.chain);
    h_check_state(w->a.chain);
    h_verify(w->a.chain);
    ok(posw_chain_block_by_hash(w->a.chain, &info, &old[1]));
    assert_false(info.is_main);
    h_block_clear(&last);
    h_reopen(&w->a);
    h_same(w->a.chain, w->b.chain);
    grow_other(w->a.chain, 2);
    h_verify(w->a.chain);
}

/* Back and forth, each time two blocks further. */
static void there_and_back(void **state) {
    world *w = *state;
    common(w, 4);
    h_grow(w->a.chain, 1);
    posw_chain *ahead = w->b.chain, *behind = w->a.chain;
    h_node both;
    h_open(&both, &w->spec);
    h_feed(both.chain, w->a.chain, 1, height(w->a.chain));
    for (int i = 0; i < 3; i++) {
        grow_other(ahead, height(behind) - height(ahead) + 1);
        h_feed(both.chain, ahead, 5, height(ahead));
        h_same(both.chain, ahead);
        h_check_state(both.chain);
        h_reopen(&both); /* the way back is stored, too */
        h_same(both.chain, ahead);
        posw_chain *swap = ahead;
        ahead = behind;
        behind = swap;
    }
    h_verify(both.chain);
    h_reopen(&both);
    h_same(both.chain, behind);
    h_close(&both);
}

static bool has_tx(posw_chain *c, const posw_hash *hash, uint64_t number) {
    uint64_t n;
    uint32_t index;
    const int rc = posw_chain_find_tx(c, &n, &index, hash);
    if (rc == POSW_ENOTFOUND) return false;
    ok(rc);
    assert_int_equal(n, number);
    return true;
}

static void the_index_of_transactions_follows(void **state) {
    world *w = *state;
    posw_hash only_a, shared, only_b;
    common(w, 2);
    h_plan on_a = {.miner = 1, .tx_count = 2, .txs = {h_transfer(0, 0, 1, 1), h_transfer(2, 0, 1, 1)}};
    h_plan on_b = {.miner = 2, .tx_count = 1, .txs = {h_transfer(3, 0, 1, 1)}};
    h_plan later = {.miner = 2, .tx_count = 1, .txs = {h_transfer(2, 0, 1, 1)}};
    posw_keccak256(&only_a, on_a.txs[0].raw.data, on_a.txs[0].raw.size);
    posw_keccak256(&shared, on_a.txs[1].raw.data, on_a.txs[1].raw.size);
    posw_keccak256(&only_b, on_b.txs[0].raw.data, on_b.txs[0].raw.size);
    h_block blocks[3] = {h_extend(w->a.chain, &on_a), h_extend(w->b.chain, &on_b), h_extend(w->b.chain, &later)};
    assert_true(has_tx(w->a.chain, &only_a, 3));
    assert_true(has_tx(w->a.chain, &shared, 3));
    h_feed(w->a.chain, w->b.chain, 3, 4);
    assert_false(has_tx(w->a.chain, &only_a, 0));
    assert_true(has_tx(w->a.chain, &shared, 4));
    assert_true(has_tx(w->a.chain, &only_b, 3));
    h_verify(w->a.chain);
    for (size_t i = 0; i < 3; i++)
        h_block_clear(&blocks[i]);
}

/* The branches stake differently before a snapshot block that lies on them. */
static void across_an_epoch_edge(void **state) {
    world *w = *state;
    common(w, H_EPOCH - 3);
    h_plan on_a = {.miner = 1, .tx_count = 1, .txs = {h_stake(1, 0, 1, 40)}};
    h_plan on_b = {.miner = 2, .tx_count = 1, .txs = {h_stake(2, 0, 2, 60)}};
    h_block first = h_extend(w->a.chain, &on_a), second = h_extend(w->b.chain, &on_b);
    h_grow(w->a.chain, 5);
    grow_other(w->b.chain, 6);
    assert_true(height(w->a.chain) >= H_EPOCH);
    h_feed(w->a.chain, w->b.chain, H_EPOCH - 2, height(w->b.chain));
    h_same(w->a.chain, w->b.chain);
    grow_other(w->b.chain, 2 * H_EPOCH); /* into the epochs in which those tables are in force */
    h_feed(w->a.chain, w->b.chain, 2 * H_EPOCH - 4, height(w->b.chain));
    h_same(w->a.chain, w->b.chain);
    const posw_address one = h_address(1), two = h_address(2);
    const posw_stake_table *table = posw_chain_table(w->a.chain, 2 * H_EPOCH);
    assert_null(posw_stake_table_find(table, &one));
    assert_non_null(posw_stake_table_find(table, &two));
    h_verify(w->a.chain);
    h_block_clear(&first);
    h_block_clear(&second);
}

/* The states of the fork and after it are not in memory: undo records bring them back. */
static void by_undo_records(void **state) {
    world *w = *state;
    posw_chain_options o = h_options(&w->spec, w->a.store);
    o.cache_bytes_max = 1;
    ok(posw_chain_close(w->a.chain));
    ok(posw_chain_open(&w->a.chain, &o, NULL));
    common(w, 6);
    h_grow(w->a.chain, H_REORG);
    grow_other(w->b.chain, H_REORG + 1);
    h_feed(w->a.chain, w->b.chain, 7, height(w->b.chain));
    h_same(w->a.chain, w->b.chain);
    h_check_state(w->a.chain);
    h_verify(w->a.chain);
}

static void after_reopening(void **state) {
    world *w = *state;
    common(w, 6);
    h_grow(w->a.chain, 3);
    grow_other(w->b.chain, 4);
    h_feed(w->a.chain, w->b.chain, 7, 8);
    h_reopen(&w->a); /* the side branch is kept */
    h_feed(w->a.chain, w->b.chain, 9, 10);
    h_same(w->a.chain, w->b.chain);
    h_reopen(&w->a);
    h_same(w->a.chain, w->b.chain);
    h_verify(w->a.chain);
}

/* ---- work counts, not length: blocks in quick succession are harder ---- */

static void open_asert(posw_chain_spec *spec, h_node *a, h_node *b) {
    h_spec(spec);
    spec->params.block_time_s = 10;
    spec->params.difficulty_rule = POSW_DIFFICULTY_ASERT;
    spec->params.difficulty_blocks = 4;
    spec->params.genesis_difficulty = posw_u256_from_u64(64);
    h_open(a, spec);
    h_open(b, spec);
}

static void grow_at(posw_chain *c, uint64_t blocks, unsigned miner, uint64_t gap_s) {
    for (uint64_t i = 0; i < blocks; i++) {
        h_plan plan = {.miner = miner, .gap_s = gap_s};
        if (height(c) == 2) plan.txs[plan.tx_count++] = h_stake(miner, 0, miner, 30);
        h_block b = h_extend(c, &plan);
        h_block_clear(&b);
    }
}

static void a_shorter_branch_can_be_heavier(void **state) {
    (void)state;
    h_node a, b;
    posw_chain_spec spec;
    open_asert(&spec, &a, &b);
    grow_at(a.chain, 8, 1, 40);
    grow_at(b.chain, 6, 2, 1);
    h_feed(a.chain, b.chain, 1, 6);
    h_same(a.chain, b.chain);
    assert_int_equal(height(a.chain), 6);
    assert_int_equal(posw_chain_hash_by_number(a.chain, &(posw_hash){{0}}, 7), POSW_ENOTFOUND);
    h_verify(a.chain);
    h_reopen(&a);
    h_same(a.chain, b.chain);
    h_close(&a);
    h_close(&b);
    posw_chain_spec_clear(&spec);
}

static bool has_table(h_node *n, uint64_t epoch) {
    uint8_t key[8];
    posw_bytes value;
    posw_store_be64(key, epoch);
    return n->store->ops->get(n->store, POSW_TABLE_EPOCHS, key, sizeof key, &value) == POSW_OK;
}

/* The old chain has passed two snapshots and uses the table of the first; the new one ends before the second. Neither
 * table survives. */
static void tables_that_fall_back(void **state) {
    (void)state;
    h_node a, b;
    posw_chain_spec spec;
    open_asert(&spec, &a, &b);
    posw_chain_allow_deep_reorg(a.chain, true);
    grow_at(a.chain, 2 * H_EPOCH, 1, 40);
    const posw_address one = h_address(1), two = h_address(2);
    assert_non_null(posw_stake_table_find(posw_chain_table(a.chain, 2 * H_EPOCH), &one));
    assert_true(has_table(&a, 2) && has_table(&a, 3));
    grow_at(b.chain, H_EPOCH + 1, 2, 1);
    h_feed(a.chain, b.chain, 1, height(b.chain));
    h_same(a.chain, b.chain);
    assert_true(has_table(&a, 2) && !has_table(&a, 3));
    grow_at(b.chain, H_EPOCH, 2, 10);
    h_feed(a.chain, b.chain, H_EPOCH + 2, height(b.chain));
    h_same(a.chain, b.chain);
    const posw_stake_table *table = posw_chain_table(a.chain, 2 * H_EPOCH);
    assert_true(posw_stake_table_find(table, &one) == NULL && posw_stake_table_find(table, &two) != NULL);
    h_verify(a.chain);
    h_close(&a);
    h_close(&b);
    posw_chain_spec_clear(&spec);
}

/* ---- invalid branches ---- */

static void break_state_root(void *arg, posw_header *h) {
    (void)arg, h->state_root.b[0] ^= 1;
}
static void take_parent(void *arg, posw_header *h) {
    h->parent_hash = *(const posw_hash *)arg;
}

static void an_invalid_block_in_the_middle(void **state) {
    world *w = *state;
    posw_verdict v;
    common(w, 5);
    h_grow(w->a.chain, 2);
    const posw_hash tip = posw_chain_tip_hash(w->a.chain);
    /* b: 6' valid, 7' invalid, 8' on 7'; the twin of 7' carries b on. */
    grow_other(w->b.chain, 1);
    h_plan broken = {.miner = 4, .before_seal = break_state_root}, twin = {.miner = 4};
    h_block bad = h_build(w->b.chain, &broken), good = h_extend(w->b.chain, &twin);
    h_plan on_bad = {.miner = 5, .before_seal = take_parent, .arg = &bad.hash};
    h_block child = h_build(w->b.chain, &on_bad);
    h_plan on_child = {.miner = 6, .before_seal = take_parent, .arg = &child.hash};
    h_feed(w->a.chain, w->b.chain, 6, 6);
    h_import_valid(w->a.chain, &bad); /* only its header was checked */
    assert_int_equal(posw_store_memory_operations(w->a.store) > 0, true);
    posw_chain_change change;
    ok(h_try(w->a.chain, &child, H_NOW, &v, &change));
    assert_int_equal(v.kind, POSW_INVALID);
    assert_int_equal(v.rule, POSW_RULE_BAD_ANCESTOR);
    assert_int_equal(change.added_count + change.removed_count, 0);
    assert_true(h_tip_is(w->a.chain, &tip));
    h_import_refused(w->a.chain, &bad, POSW_INVALID, POSW_RULE_STATE_ROOT);
    h_block grandchild = h_build(w->b.chain, &on_child);
    h_import_refused(w->a.chain, &grandchild, POSW_INVALID, POSW_RULE_BAD_ANCESTOR);
    h_check_state(w->a.chain);
    h_verify(w->a.chain);
    /* 6' is still good, and its valid branch wins in the end. */
    grow_other(w->b.chain, 1);
    h_feed(w->a.chain, w->b.chain, 7, 8);
    h_same(w->a.chain, w->b.chain);
    h_reopen(&w->a);
    h_same(w->a.chain, w->b.chain);
    h_block_clear(&bad);
    h_block_clear(&good);
    h_block_clear(&child);
    h_block_clear(&grandchild);
}

/* The best branch is invalid, the second best is better than the tip. A deep limit on the way holds both back, so that
 * they are there at once. */
static void the_next_best_branch(void **state) {
    world *w = *state;
    common(w, 3);
    h_grow(w->a.chain, 1);
    grow_other(w->b.chain, 2);
    h_plan broken = {.miner = 4, .before_seal = break_state_root};
    h_block bad = h_build(w->b.chain, &broken);
    h_feed(w->a.chain, w->b.chain, 4, 4);
    h_block second = h_copy(w->b.chain, 5);
    /* The commit of the switch fails, so the branch 4', 5' is stored but not switched to. */
    posw_verdict v;
    posw_prepared p;
    uint64_t n = 1;
    for (;; n++) {
        ok(posw_prepare(&p, second.bytes.data, second.bytes.size, &h_pow, NULL, NULL));
        posw_store_memory_fail(w->a.store, n, POSW_EIO, false);
        const int rc = posw_chain_import(w->a.chain, &p, H_NOW, &v, NULL);
        posw_store_memory_fail(w->a.store, 0, 0, false);
        posw_prepared_clear(&p);
        posw_chain_block_info info;
        if (posw_chain_block_by_hash(w->a.chain, &info, &second.hash) == POSW_OK) {
            assert_int_equal(rc, POSW_EIO);
            break;
        }
    }
    assert_int_equal(height(w->a.chain), 4);
    /* Its invalid child arrives: tried first, refused, then 5' wins. */
    posw_chain_change change;
    ok(h_try(w->a.chain, &bad, H_NOW, &v, &change));
    assert_int_equal(v.kind, POSW_INVALID);
    assert_int_equal(v.rule, POSW_RULE_STATE_ROOT);
    assert_int_equal(change.removed_count, 1);
    assert_int_equal(change.added_count, 2);
    h_same(w->a.chain, w->b.chain);
    h_verify(w->a.chain);
    h_block_clear(&bad);
    h_block_clear(&second);
}

/* K1: the key of blocks 2048 to 4095 is block 1984 of the same chain, also where that is on the branch. */
static void keys_of_a_branch(void **state) {
    world *w = *state;
    posw_chain_spec spec;
    h_node a, b;
    posw_hash key, expected;
    const posw_pow engine = {.name = "randomx", .hash = h_pow_hash};
    h_spec(&spec);
    spec.params.pow = POSW_POW_RANDOMX;
    spec.params.epoch_blocks = spec.params.reorg_max_blocks = 128;
    spec.params.unbonding_blocks = 256;
    h_node *nodes[] = {&a, &b};
    for (size_t i = 0; i < 2; i++) {
        *nodes[i] = (h_node){.spec = &spec, .store = posw_store_memory_new()};
        posw_chain_options o = h_options(&spec, nodes[i]->store);
        o.pow = &engine;
        ok(posw_chain_open(&nodes[i]->chain, &o, NULL));
        ok(posw_chain_bulk(nodes[i]->chain, true, 100));
    }
    posw_keccak k;
    const posw_hash genesis = posw_chain_genesis_hash(a.chain);
    posw_keccak_init(&k);
    posw_keccak_update(&k, "posw-rx", 7);
    posw_keccak_update(&k, genesis.b, 32);
    posw_keccak_final(&k, &expected);
    for (unsigned n = 1; n <= 2050; n++) {
        h_block block = h_simple(a.chain, 1, 1);
        h_import_valid(a.chain, &block);
        if (n <= 1980) h_import_valid(b.chain, &block);
        h_block_clear(&block);
    }
    ok(posw_chain_pow_key(a.chain, &key, 2047));
    assert_memory_equal(key.b, expected.b, 32);
    ok(posw_chain_pow_key(a.chain, &key, 2051));
    ok(posw_chain_hash_by_number(a.chain, &expected, 1984));
    assert_memory_equal(key.b, expected.b, 32);
    while (height(b.chain) < 2052) {
        h_block block = h_simple(b.chain, 2, 1);
        h_import_valid(b.chain, &block);
        h_import_valid(a.chain, &block);
        h_block_clear(&block);
    }
    h_same(a.chain, b.chain);
    ok(posw_chain_pow_key(a.chain, &key, 2048));
    assert_memory_not_equal(key.b, expected.b, 32);
    h_close(&a);
    h_close(&b);
    posw_chain_spec_clear(&spec);
    (void)w;
}

/* ---- limits ---- */

typedef struct {
    unsigned warnings, errors;
} log_count;

static void count_log(void *arg, enum posw_log_level level, const char *category, const char *line) {
    log_count *count = arg;
    assert_string_equal(category, "chain");
    assert_true(line[0] != '\0');
    if (level == POSW_LOG_WARN) count->warnings++;
    if (level == POSW_LOG_ERROR) count->errors++;
}

/* Opens a again with a log that counts. */
static void reopen_with_log(world *w, const posw_log *log) {
    posw_chain_options o = h_options(&w->spec, w->a.store);
    o.log = log;
    ok(posw_chain_close(w->a.chain));
    ok(posw_chain_open(&w->a.chain, &o, NULL));
}

static void deeper_than_the_limit(void **state) {
    world *w = *state;
    log_count count = {0};
    const posw_log log = {.level = POSW_LOG_INFO, .write = count_log, .arg = &count};
    reopen_with_log(w, &log);
    common(w, 4);
    h_grow(w->a.chain, H_REORG + 1);
    grow_other(w->b.chain, H_REORG + 2);
    const posw_hash tip = posw_chain_tip_hash(w->a.chain);
    h_block first = h_copy(w->b.chain, 5);
    h_import_refused(w->a.chain, &first, POSW_NOT_YET, POSW_RULE_REORG_DEPTH);
    h_block second = h_copy(w->b.chain, 6);
    h_import_refused(w->a.chain, &second, POSW_NOT_YET, POSW_RULE_UNKNOWN_PARENT);
    h_import_refused(w->a.chain, &first, POSW_NOT_YET, POSW_RULE_REORG_DEPTH);
    assert_true(count.warnings == 1 && count.errors == 0); /* loud, but once a tip */
    assert_true(h_tip_is(w->a.chain, &tip));
    posw_chain_allow_deep_reorg(w->a.chain, true);
    h_feed(w->a.chain, w->b.chain, 5, height(w->b.chain));
    h_same(w->a.chain, w->b.chain);
    h_verify(w->a.chain);
    h_block_clear(&first);
    h_block_clear(&second);
    reopen_with_log(w, NULL);
}

/* The branch of b is in a as a whole, and heavier; the switch to it has failed. Returns its last block. */
static h_block stored_but_not_switched(world *w) {
    posw_prepared p;
    posw_verdict v;
    posw_chain_block_info info;
    common(w, 4);
    h_grow(w->a.chain, H_REORG + 1);
    grow_other(w->b.chain, H_REORG + 2);
    posw_chain_allow_deep_reorg(w->a.chain, true);
    h_feed(w->a.chain, w->b.chain, 5, height(w->b.chain) - 1);
    const h_block last = h_copy(w->b.chain, height(w->b.chain));
    for (uint64_t n = 1; posw_chain_block_by_hash(w->a.chain, &info, &last.hash) != POSW_OK; n++) {
        ok(posw_prepare(&p, last.bytes.data, last.bytes.size, &h_pow, NULL, NULL));
        posw_store_memory_fail(w->a.store, n, POSW_EIO, false);
        assert_int_equal(posw_chain_import(w->a.chain, &p, H_NOW, &v, NULL), POSW_EIO);
        posw_store_memory_fail(w->a.store, 0, 0, false);
        posw_prepared_clear(&p);
    }
    return last;
}

/* Only the limit stands against it. */
static void a_heavier_branch_is_reported(void **state) {
    world *w = *state;
    log_count count = {0};
    const posw_log log = {.level = POSW_LOG_INFO, .write = count_log, .arg = &count};
    reopen_with_log(w, &log);
    h_block last = stored_but_not_switched(w);
    const posw_hash tip = posw_chain_tip_hash(w->a.chain);
    const unsigned before = count.errors; /* of the disk */
    posw_chain_allow_deep_reorg(w->a.chain, false);
    for (int i = 0; i < 2; i++) {
        h_import_valid(w->a.chain, &last); /* known */
        assert_true(h_tip_is(w->a.chain, &tip));
        assert_int_equal(count.errors, before + 1);
    }
    posw_chain_allow_deep_reorg(w->a.chain, true);
    h_import_valid(w->a.chain, &last); /* now it may win */
    h_same(w->a.chain, w->b.chain);
    reopen_with_log(w, NULL);
    h_block_clear(&last);
}

/* F3 judges a block when it arrives: a stop in the middle of a deep switch is made good by the next start. */
static void a_deep_switch_goes_on_after_a_stop(void **state) {
    world *w = *state;
    h_block last = stored_but_not_switched(w);
    h_reopen(&w->a);
    h_same(w->a.chain, w->b.chain);
    h_verify(w->a.chain);
    h_block more = h_simple(w->b.chain, 1, 1);
    h_import_valid(w->b.chain, &more);
    h_import_valid(w->a.chain, &more);
    h_same(w->a.chain, w->b.chain);
    h_block_clear(&last);
    h_block_clear(&more);
}

/* Stored while it was allowed, heavier when it no longer is: refused, reported, and taken when allowed again. */
static void the_limit_comes_back(void **state) {
    world *w = *state;
    common(w, 4);
    h_grow(w->a.chain, H_REORG + 1);
    grow_other(w->b.chain, H_REORG + 2);
    const posw_hash tip = posw_chain_tip_hash(w->a.chain);
    posw_chain_allow_deep_reorg(w->a.chain, true);
    h_feed(w->a.chain, w->b.chain, 5, height(w->b.chain) - 1);
    posw_chain_allow_deep_reorg(w->a.chain, false);
    h_block last = h_copy(w->b.chain, height(w->b.chain));
    h_import_refused(w->a.chain, &last, POSW_NOT_YET, POSW_RULE_REORG_DEPTH);
    assert_true(h_tip_is(w->a.chain, &tip));
    posw_chain_allow_deep_reorg(w->a.chain, true);
    h_import_valid(w->a.chain, &last);
    h_same(w->a.chain, w->b.chain);
    h_block_clear(&last);
}

static void exactly_the_limit(void **state) {
    world *w = *state;
    common(w, 4);
    h_grow(w->a.chain, H_REORG);
    grow_other(w->b.chain, H_REORG + 1);
    h_feed(w->a.chain, w->b.chain, 5, height(w->b.chain));
    h_same(w->a.chain, w->b.chain);
}

/* A branch that can no longer win is forgotten. */
static void old_branches_go(void **state) {
    world *w = *state;
    posw_chain_block_info info;
    common(w, 4);
    h_grow(w->a.chain, 2);
    grow_other(w->b.chain, 2);
    h_feed(w->a.chain, w->b.chain, 5, 6);
    posw_hash side;
    ok(posw_chain_hash_by_number(w->b.chain, &side, 6));
    h_grow(w->a.chain, H_REORG - 2);
    ok(posw_chain_block_by_hash(w->a.chain, &info, &side));
    h_grow(w->a.chain, 1);
    assert_int_equal(posw_chain_block_by_hash(w->a.chain, &info, &side), POSW_ENOTFOUND);
    h_reopen(&w->a);
    h_verify(w->a.chain);
}

static bool has_block(posw_chain *c, const posw_hash *hash) {
    posw_chain_block_info info;
    return posw_chain_block_by_hash(c, &info, hash) == POSW_OK;
}

/* A child of the block that follows the common ones after gap_s seconds. */
static h_block child_of(world *w, uint64_t gap_s) {
    h_node n;
    h_open(&n, &w->spec);
    h_feed(n.chain, w->b.chain, 1, height(w->b.chain));
    h_block parent = h_simple(n.chain, 1, gap_s);
    h_import_valid(n.chain, &parent);
    h_block out = h_simple(n.chain, 1, 1);
    h_block_clear(&parent);
    h_close(&n);
    return out;
}

static void too_many_side_blocks(void **state) {
    world *w = *state;
    posw_hash first = {{0}}, last = {{0}}, before_last = {{0}};
    common(w, 2);
    h_grow(w->a.chain, 4); /* the side blocks stay below the tip */
    for (unsigned i = 0; i < POSW_CHAIN_SIDE_MAX; i++) {
        h_block b = h_simple(w->b.chain, 1, 1 + i);
        h_import_valid(w->a.chain, &b);
        if (i == 0) first = b.hash;
        before_last = last;
        last = b.hash;
        h_block_clear(&b);
    }
    h_block more = h_simple(w->b.chain, 1, POSW_CHAIN_SIDE_MAX + 1);
    h_import_refused(w->a.chain, &more, POSW_NOT_YET, POSW_RULE_REORG_DEPTH);
    /* One that is heavier takes the place of the latest of the least; not of its own parent, though. */
    h_block heavier = child_of(w, POSW_CHAIN_SIDE_MAX);
    assert_true(posw_hash_equal(&heavier.header.parent_hash, &last));
    h_import_valid(w->a.chain, &heavier);
    assert_true(has_block(w->a.chain, &heavier.hash) && has_block(w->a.chain, &last) && has_block(w->a.chain, &first));
    assert_false(has_block(w->a.chain, &before_last));
    h_block again = child_of(w, 1);
    h_import_valid(w->a.chain, &again);
    assert_true(has_block(w->a.chain, &again.hash) && has_block(w->a.chain, &first));
    /* With deep reorganisations there is room for more. */
    posw_chain_allow_deep_reorg(w->a.chain, true);
    h_import_valid(w->a.chain, &more);
    assert_true(has_block(w->a.chain, &first));
    posw_chain_allow_deep_reorg(w->a.chain, false);
    h_reopen(&w->a);
    h_grow(w->a.chain, 1);
    h_block_clear(&more);
    h_block_clear(&heavier);
    h_block_clear(&again);
}

/* The same block with another signature. */
static h_block copy_of(const h_block *b, uint64_t nonce) {
    h_block c = {.header = b->header};
    h_sign_again(&c.header, 1, nonce);
    posw_block_encode(&c.bytes, &c.header, NULL, 0);
    posw_header_hash(&c.hash, &c.header);
    return c;
}

/* One proof of work does not fill the tree, nor the disk; but whatever others build on is taken. */
static void one_proof_many_blocks(void **state) {
    world *w = *state;
    common(w, 2);
    h_grow(w->a.chain, 2);
    h_block first = h_simple(w->b.chain, 1, 1), last;
    for (uint64_t i = 0; i < POSW_CHAIN_COPIES_MAX; i++) {
        h_block b = copy_of(&first, i);
        h_import_valid(w->a.chain, &b);
        h_import_valid(w->a.chain, &b); /* a known one is no further copy */
        h_block_clear(&b);
    }
    for (uint64_t i = POSW_CHAIN_COPIES_MAX; i < 20; i++) {
        h_block b = copy_of(&first, i);
        h_import_refused(w->a.chain, &b, POSW_NOT_YET, POSW_RULE_REORG_DEPTH);
        assert_false(has_block(w->a.chain, &b.hash));
        if (i % 8 == 0) h_reopen(&w->a);
        h_block_clear(&b);
    }
    last = copy_of(&first, 20);
    h_import_valid(w->b.chain, &last);
    h_grow(w->b.chain, 3);
    posw_prepared p;
    posw_verdict v;
    posw_chain_change change;
    ok(posw_prepare(&p, last.bytes.data, last.bytes.size, &h_pow, NULL, NULL));
    p.is_built_on = true;
    ok(posw_chain_import(w->a.chain, &p, H_NOW, &v, &change));
    assert_int_equal(v.kind, POSW_VALID);
    for (uint64_t n = 4; n <= 6; n++) {
        h_block b = h_copy(w->b.chain, n);
        h_import_valid(w->a.chain, &b);
        h_block_clear(&b);
    }
    h_same(w->a.chain, w->b.chain);
    /* another proof, or another parent, is none of these */
    h_block other = h_simple(w->a.chain, 1, 1);
    h_import_valid(w->a.chain, &other);
    h_block_clear(&other);
    h_block_clear(&first);
    h_block_clear(&last);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_heavier_branch_wins, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(there_and_back, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(the_index_of_transactions_follows, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(across_an_epoch_edge, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(by_undo_records, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(after_reopening, h_pair_setup, h_pair_teardown),
        cmocka_unit_test(a_shorter_branch_can_be_heavier),
        cmocka_unit_test(tables_that_fall_back),
        cmocka_unit_test_setup_teardown(an_invalid_block_in_the_middle, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(the_next_best_branch, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(keys_of_a_branch, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(deeper_than_the_limit, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(a_heavier_branch_is_reported, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(a_deep_switch_goes_on_after_a_stop, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(the_limit_comes_back, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(exactly_the_limit, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(old_branches_go, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(too_many_side_blocks, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(one_proof_many_blocks, h_pair_setup, h_pair_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
