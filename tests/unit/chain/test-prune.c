/* Old blocks go: what stays readable, what a pruned chain can still do, and a store that fails at every operation of
 * it.
 */
#include "harness.h"

#include "store/store_memory.h"

enum { PART = 8192, KEEP = POSW_CHAIN_BODIES_MIN + POSW_CHAIN_BODIES_SLACK, OLD = 120, BLOCKS = KEEP + OLD };

/* A chain of BLOCKS blocks with a transfer each, made once; every test works on a copy. */
typedef struct {
    posw_chain_spec spec;
    h_node reference;
} world;

static int setup(void **state) {
    world *w = calloc(1, sizeof *w);
    h_spec(&w->spec);
    h_open(&w->reference, &w->spec);
    h_grow(w->reference.chain, BLOCKS);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world *w = *state;
    h_close(&w->reference);
    posw_chain_spec_clear(&w->spec);
    free(w);
    return 0;
}

static void copy_reference(world *w, h_node *out) {
    h_open(out, &w->spec);
    posw_store_memory_set_part(out->store, PART);
    ok(posw_chain_bulk(out->chain, true, 100));
    h_feed(out->chain, w->reference.chain, 1, BLOCKS);
    ok(posw_chain_bulk(out->chain, false, 0));
}

/* Until there is nothing to do; how many steps it took. */
static size_t prune_all(posw_chain *c, uint64_t bytes_max, posw_chain_pruning *p) {
    size_t steps = 0;
    do
        ok(posw_chain_prune(c, bytes_max, p));
    while (p->more && ++steps < 100000);
    return steps;
}

static uint64_t bytes_of_logs(const h_node *n) {
    posw_store_log_info a, b;
    n->store->ops->log_info(n->store, POSW_LOG_BLOCKS, &a);
    n->store->ops->log_info(n->store, POSW_LOG_EXEC, &b);
    return a.bytes + b.bytes;
}

static posw_hash tx_hash_of(posw_chain *from, uint64_t number) {
    h_block b = h_copy(from, number);
    posw_block block;
    posw_hash hash;
    ok(posw_block_decode(&block, NULL, b.bytes.data, b.bytes.size));
    assert_int_equal(block.tx_count, 1);
    posw_tx_hash(&hash, &block.txs[0]);
    posw_block_clear(&block);
    h_block_clear(&b);
    return hash;
}

/* Each block is there or not as first_body says, and headers, index and proofs agree. */
static void check_reading(const world *w, posw_chain *c) {
    const uint64_t first = posw_chain_first_body(c), tip = posw_chain_tip(c)->number;
    for (uint64_t n = 1; n <= tip; n++) {
        posw_chain_block_info info;
        posw_buf bytes = {0}, receipts = {0}, senders = {0};
        uint64_t at;
        uint32_t index;
        const posw_hash tx = tx_hash_of(w->reference.chain, n);
        ok(posw_chain_block_by_number(c, &info, n));
        ok(posw_chain_has_block(c, &info.hash));
        if (n >= first) {
            ok(posw_chain_block_bytes(c, &bytes, &info.hash));
            ok(posw_chain_block_results(c, &receipts, &senders, &info.hash));
            ok(posw_chain_find_tx(c, &at, &index, &tx));
            assert_int_equal(at, n);
        } else {
            assert_int_equal(posw_chain_find_tx(c, &at, &index, &tx), POSW_ENOTFOUND);
        }
        posw_buf_clear(&bytes);
        posw_buf_clear(&receipts);
        posw_buf_clear(&senders);
    }
}

static void check_pruned(posw_chain *c, uint64_t number) {
    posw_chain_block_info info;
    posw_buf bytes = {0};
    posw_stake_proof proof;
    const posw_address staker = h_address(0);
    ok(posw_chain_block_by_number(c, &info, number));
    assert_int_equal(posw_chain_block_bytes(c, &bytes, &info.hash), POSW_EPRUNED);
    assert_int_equal(posw_chain_block_results(c, &bytes, &bytes, &info.hash), POSW_EPRUNED);
    assert_int_equal(bytes.size, 0);
    ok(posw_chain_stake_proof(c, &proof, number, &staker));
}

static void what_is_old_goes(void **state) {
    world *w = *state;
    h_node n;
    posw_chain_pruning p;
    posw_buf bytes = {0};
    copy_reference(w, &n);
    const posw_hash genesis = posw_chain_genesis_hash(n.chain);
    const uint64_t before = bytes_of_logs(&n);
    assert_int_equal(posw_chain_first_body(n.chain), 0);
    assert_int_equal(prune_all(n.chain, before, &p), 0); /* it is not too much */
    assert_true(p.bytes == before && !p.needed);
    assert_true(prune_all(n.chain, 1, &p) > 2);
    assert_true(p.needed && p.bytes == bytes_of_logs(&n));
    assert_int_equal(posw_chain_keep_depth(n.chain), KEEP);
    assert_in_range(posw_chain_first_body(n.chain), OLD / 2, OLD);
    assert_int_equal(before - bytes_of_logs(&n), posw_chain_pruned_bytes(n.chain));
    assert_true(posw_chain_pruned_bytes(n.chain) > OLD / 2 * 1000);
    check_reading(w, n.chain);
    check_pruned(n.chain, 1);
    h_same(n.chain, w->reference.chain);
    h_verify(n.chain);
    /* a block without transactions is in its header: genesis */
    ok(posw_chain_block_bytes(n.chain, &bytes, &genesis));
    posw_block block;
    ok(posw_block_decode(&block, NULL, bytes.data, bytes.size));
    assert_true(posw_hash_equal(&block.hash, &genesis));
    posw_block_clear(&block);
    posw_buf_clear(&bytes);
    /* as before after a restart */
    const uint64_t first = posw_chain_first_body(n.chain);
    h_reopen(&n);
    assert_int_equal(posw_chain_first_body(n.chain), first);
    check_reading(w, n.chain);
    h_verify(n.chain);
    /* and it goes on */
    h_grow(n.chain, 40);
    assert_true(prune_all(n.chain, 1, &p) > 0);
    assert_true(posw_chain_first_body(n.chain) > first);
    h_verify(n.chain);
    h_close(&n);
}

/* The promise: never above what was asked for by more than a part, while the chain grows. */
static void bytes_are_held(void **state) {
    world *w = *state;
    h_node n;
    posw_chain_pruning p;
    copy_reference(w, &n);
    const uint64_t max = bytes_of_logs(&n) + 3 * PART;
    uint64_t least = UINT64_MAX, most = 0;
    for (unsigned i = 0; i < 150; i++) {
        h_grow(n.chain, 1);
        prune_all(n.chain, max, &p);
        assert_false(p.needed);
        const uint64_t bytes = bytes_of_logs(&n);
        assert_true(bytes <= max);
        if (i > 60 && bytes < least) least = bytes;
        if (bytes > most) most = bytes;
    }
    assert_true(most > max - PART && least > max - 2 * PART); /* and no more goes than must */
    assert_true(posw_chain_first_body(n.chain) > 0);
    h_verify(n.chain);
    h_close(&n);
}

/* As deep as the rules let it be. */
static void a_reorganisation_still_works(void **state) {
    world *w = *state;
    h_node n, other;
    posw_chain_pruning p;
    copy_reference(w, &n);
    copy_reference(w, &other);
    assert_true(prune_all(n.chain, 1, &p) > 0);
    for (unsigned round = 0; round < 3; round++) {
        const uint64_t fork = posw_chain_tip(n.chain)->number;
        for (uint64_t i = 0; i < H_REORG; i++) {
            h_block a = h_simple(n.chain, 1, 9); /* late: lighter */
            h_import_valid(n.chain, &a);
            h_block_clear(&a);
        }
        h_grow(other.chain, H_REORG + 1);
        h_feed(n.chain, other.chain, fork + 1, posw_chain_tip(other.chain)->number);
        h_same(n.chain, other.chain);
        prune_all(n.chain, 1, &p);
    }
    h_verify(n.chain);
    h_close(&other);
    h_close(&n);
}

/* A branch that leaves before the first body cannot be executed, whatever is allowed. */
static void deep_branches(void **state) {
    world *w = *state;
    h_node n, other;
    posw_chain_pruning p;
    copy_reference(w, &n);
    posw_chain_allow_deep_reorg(n.chain, true);
    h_open(&other, &w->spec);
    h_feed(other.chain, w->reference.chain, 1, 60);
    h_block side = h_simple(other.chain, 2, 3);
    h_import_valid(n.chain, &side);
    /* nothing that it stands on goes */
    prune_all(n.chain, 1, &p);
    assert_true(p.needed);
    assert_in_range(posw_chain_first_body(n.chain), 1, 61);
    /* until it is forgotten: with the next block, when branches may no longer leave so far back */
    posw_chain_allow_deep_reorg(n.chain, false);
    h_grow(n.chain, 1);
    prune_all(n.chain, 1, &p);
    assert_true(posw_chain_first_body(n.chain) > 61);
    posw_chain_allow_deep_reorg(n.chain, true);
    h_import_refused(n.chain, &side, POSW_NOT_YET, POSW_RULE_REORG_DEPTH);
    h_block_clear(&side);
    h_close(&other);
    h_close(&n);
}

/* Blocks on the tip, each with a transfer of a branch of its own. */
static void grow_aside(posw_chain *c, uint64_t blocks, unsigned miner) {
    for (uint64_t i = 0; i < blocks; i++) {
        h_plan plan = {.miner = miner, .tx_count = 1, .txs = {h_transfer(5, h_nonce(c, 5), 7, 1)}};
        h_block b = h_extend(c, &plan);
        h_block_clear(&b);
    }
}

/* A node that prunes and has not yet caught up, and one that gives it blocks. */
static void open_catching_up(const world *w, h_node *n, h_node *other) {
    h_open(n, &w->spec);
    h_open(other, &w->spec);
    posw_store_memory_set_part(n->store, PART);
    posw_chain_allow_deep_reorg(n->chain, true);
}

/* A node that has not yet caught up was on one branch, then on another. The records of the first one are older than
 * those of all blocks that came after the fork, and are still what it takes to go back. */
static void a_branch_that_was_first(void **state) {
    enum { FORK = 60 };
    world *w = *state;
    h_node n, other;
    posw_chain_pruning p;
    open_catching_up(w, &n, &other);
    h_feed(n.chain, w->reference.chain, 1, FORK);
    h_feed(other.chain, w->reference.chain, 1, FORK);
    grow_aside(other.chain, 40, 2);
    h_feed(n.chain, other.chain, FORK + 1, FORK + 40);
    h_feed(n.chain, w->reference.chain, FORK + 1, BLOCKS);
    prune_all(n.chain, 1, &p);
    assert_true(p.needed);
    h_reopen(&n);
    posw_chain_allow_deep_reorg(n.chain, true);
    prune_all(n.chain, 1, &p);
    grow_aside(other.chain, BLOCKS, 3);
    h_feed(n.chain, other.chain, FORK + 41, posw_chain_tip(other.chain)->number);
    h_same(n.chain, other.chain);
    h_verify(n.chain);
    h_close(&other);
    h_close(&n);
}

/* Blocks that were stored long before they were executed, in a switch that was allowed while the node caught up; and
 * beside the last of them another one, which may still win. */
static void a_recent_branch_with_an_old_record(void **state) {
    enum { FORK = 20, LAST = BLOCKS };
    world *w = *state;
    h_node n, other;
    posw_chain_pruning p;
    open_catching_up(w, &n, &other);
    h_feed(n.chain, w->reference.chain, 1, FORK);
    grow_aside(n.chain, LAST - FORK, 2);
    h_feed(n.chain, w->reference.chain, FORK + 1, LAST - 1); /* as a side branch */
    h_feed(other.chain, w->reference.chain, 1, LAST - 1);
    grow_aside(other.chain, 1, 2);
    h_feed(n.chain, other.chain, LAST, LAST);
    h_feed(n.chain, w->reference.chain, LAST, LAST);
    h_block last = h_simple(w->reference.chain, 1, 1), next;
    h_import_valid(n.chain, &last); /* wins */
    assert_true(h_tip_is(n.chain, &last.hash));
    posw_chain_allow_deep_reorg(n.chain, false);
    next = h_simple(n.chain, 2, 1);
    h_import_valid(n.chain, &next); /* what was on the main chain is forgotten */
    prune_all(n.chain, 1, &p);
    h_reopen(&n);
    prune_all(n.chain, 1, &p);
    grow_aside(other.chain, 3, 3);
    h_feed(n.chain, other.chain, LAST + 1, LAST + 3);
    h_same(n.chain, other.chain);
    h_verify(n.chain);
    prune_all(n.chain, 1, &p);
    h_grow(n.chain, H_REORG + 1);
    prune_all(n.chain, 1, &p);
    assert_true(posw_chain_first_body(n.chain) > FORK + 100); /* nothing is in its way any more */
    h_block_clear(&last);
    h_block_clear(&next);
    h_close(&other);
    h_close(&n);
}

/* Joined with the blocks of a batch: what fails takes all of it back, and the next attempt succeeds. */
static void in_a_batch(void **state) {
    world *w = *state;
    h_node n;
    posw_chain_pruning p;
    copy_reference(w, &n);
    const uint64_t before = bytes_of_logs(&n);
    ok(posw_chain_bulk(n.chain, true, 100));
    h_grow(n.chain, 2);
    prune_all(n.chain, 1, &p);
    assert_true(posw_chain_first_body(n.chain) > 0 && posw_chain_pruned_bytes(n.chain) > 0);
    posw_store_memory_fail(n.store, 1, POSW_EIO, true);
    assert_int_not_equal(posw_chain_flush(n.chain), POSW_OK);
    posw_store_memory_fail(n.store, 0, POSW_OK, false);
    ok(posw_chain_flush(n.chain));
    assert_int_equal(posw_chain_tip(n.chain)->number, BLOCKS);
    assert_int_equal(posw_chain_first_body(n.chain), 0);
    assert_int_equal(posw_chain_pruned_bytes(n.chain), 0);
    assert_int_equal(bytes_of_logs(&n), before);
    h_grow(n.chain, 2);
    prune_all(n.chain, 1, &p);
    ok(posw_chain_bulk(n.chain, false, 0));
    assert_true(posw_chain_first_body(n.chain) > 0);
    h_reopen(&n);
    assert_true(posw_chain_first_body(n.chain) > 0);
    h_verify(n.chain);
    h_close(&n);
}

/* Each store operation of a pruning fails in turn, and the chain is closed and opened again after every second one. */
static void every_failure(void **state) {
    world *w = *state;
    h_node n;
    posw_chain_pruning p;
    size_t failures = 0;
    copy_reference(w, &n);
    for (bool more = true; more; failures++) {
        const uint64_t first = posw_chain_first_body(n.chain), bytes = bytes_of_logs(&n);
        posw_store_memory_fail(n.store, 1 + failures * 7 % 400, POSW_ENOSPC, false);
        const int rc = posw_chain_prune(n.chain, 1, &p);
        posw_store_memory_fail(n.store, 0, POSW_OK, false);
        assert_true(rc == POSW_OK || rc == POSW_ENOSPC);
        if (rc != POSW_OK) {
            assert_int_equal(posw_chain_first_body(n.chain), first);
            assert_int_equal(bytes_of_logs(&n), bytes);
        }
        if (failures % 2 == 1) h_reopen(&n);
        more = rc != POSW_OK || p.more;
    }
    assert_true(failures > 10);
    assert_true(posw_chain_first_body(n.chain) >= OLD / 2);
    check_reading(w, n.chain);
    h_verify(n.chain);
    h_close(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_old_goes),
        cmocka_unit_test(bytes_are_held),
        cmocka_unit_test(a_reorganisation_still_works),
        cmocka_unit_test(deep_branches),
        cmocka_unit_test(a_branch_that_was_first),
        cmocka_unit_test(a_recent_branch_with_an_old_record),
        cmocka_unit_test(in_a_batch),
        cmocka_unit_test(every_failure),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
