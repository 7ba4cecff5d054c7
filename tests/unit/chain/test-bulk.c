/* Bulk mode: commits are joined, and everything that can be seen is as without. */
#include "harness.h"

typedef h_pair world;
static void grow_with_stake(posw_chain *c, uint64_t blocks) {
    for (uint64_t i = 0; i < blocks; i++) {
        const uint64_t n = posw_chain_tip(c)->number;
        const unsigned from = (unsigned)(n % 4);
        h_plan plan = {.miner = (unsigned)(n % 3)};
        plan.txs[plan.tx_count++] =
            n % 5 == 2 ? h_stake(from, h_nonce(c, from), from, 10 + n % 7) : h_transfer(from, h_nonce(c, from), 7, 1);
        h_block b = h_extend(c, &plan);
        h_block_clear(&b);
    }
}

static void equals_one_by_one(void **state) {
    world *w = *state;
    grow_with_stake(w->a.chain, 50);
    for (uint64_t blocks = 1; blocks <= 64; blocks = blocks * 3 + 1) {
        h_node n;
        h_open(&n, &w->spec);
        ok(posw_chain_bulk(n.chain, true, blocks));
        for (uint64_t k = 1; k <= 50; k++) {
            posw_chain_block_info info;
            h_feed(n.chain, w->a.chain, k, k);
            ok(posw_chain_block_by_number(n.chain, &info, k)); /* also of what is not committed yet */
            assert_true(h_tip_is(n.chain, &info.hash));
            h_check_state(n.chain);
        }
        ok(posw_chain_bulk(n.chain, false, 0));
        h_same(n.chain, w->a.chain);
        h_verify(n.chain);
        h_reopen(&n);
        h_same(n.chain, w->a.chain);
        h_close(&n);
    }
}

static void commits_are_joined(void **state) {
    world *w = *state;
    posw_bytes value;
    h_grow(w->a.chain, 20);
    ok(posw_chain_bulk(w->b.chain, true, 8));
    for (uint64_t k = 1; k <= 20; k++) {
        h_feed(w->b.chain, w->a.chain, k, k);
        ok(w->b.store->ops->get(w->b.store, POSW_TABLE_META, "tip", 3, &value)); /* written with each commit */
        posw_hash committed;
        ok(posw_chain_hash_by_number(w->b.chain, &committed, k / 8 * 8));
        assert_memory_equal(value.data, committed.b, 32);
    }
    ok(posw_chain_flush(w->b.chain));
    ok(w->b.store->ops->get(w->b.store, POSW_TABLE_META, "tip", 3, &value));
    assert_memory_equal(value.data, posw_chain_tip_hash(w->b.chain).b, 32);
    h_reopen(&w->b); /* closing commits, too */
    h_same(w->b.chain, w->a.chain);
}

/* What was not committed is gone after a stop without close. */
static void a_stop_in_the_middle(void **state) {
    world *w = *state;
    posw_chain *again;
    const posw_chain_options o = h_options(&w->spec, w->b.store);
    h_grow(w->a.chain, 20);
    ok(posw_chain_bulk(w->b.chain, true, 8));
    h_feed(w->b.chain, w->a.chain, 1, 12);
    w->b.store->ops->abort(w->b.store); /* the process is gone; its memory is left to the teardown below */
    ok(posw_chain_open(&again, &o, NULL));
    assert_int_equal(posw_chain_tip(again)->number, 8);
    h_verify(again);
    h_feed(again, w->a.chain, 9, 20);
    h_same(again, w->a.chain);
    ok(posw_chain_close(again));
    /* The old instance still believes in its transaction: give it one to abort. */
    ok(w->b.store->ops->begin(w->b.store));
    posw_store_memory_fail(w->b.store, 1, POSW_EIO, true);
    posw_chain_close(w->b.chain);
    posw_store_memory_fail(w->b.store, 0, 0, false);
    ok(posw_chain_open(&w->b.chain, &o, NULL));
    h_same(w->b.chain, w->a.chain);
}

static void branches_in_bulk(void **state) {
    world *w = *state;
    h_node n;
    grow_with_stake(w->a.chain, 6);
    h_feed(w->b.chain, w->a.chain, 1, 6);
    grow_with_stake(w->a.chain, 4);
    h_grow(w->b.chain, 6);
    h_open(&n, &w->spec);
    ok(posw_chain_bulk(n.chain, true, 100));
    h_feed(n.chain, w->a.chain, 1, 8);
    h_feed(n.chain, w->b.chain, 7, 8);
    h_feed(n.chain, w->a.chain, 9, 10);
    h_feed(n.chain, w->b.chain, 9, 12);
    h_same(n.chain, w->b.chain);
    h_check_state(n.chain);
    h_grow(w->b.chain, 12);
    h_feed(n.chain, w->b.chain, 13, 24);
    h_verify(n.chain);
    h_reopen(&n);
    h_same(n.chain, w->b.chain);
    h_close(&n);
}

static void break_state_root(void *arg, posw_header *h) {
    (void)arg, h->state_root.b[0] ^= 1;
}

/* Blocks of the open batch are not lost with the branch. */
static void an_invalid_branch_in_bulk(void **state) {
    world *w = *state;
    h_node n;
    grow_with_stake(w->a.chain, 6);
    h_feed(w->b.chain, w->a.chain, 1, 4);
    h_grow(w->b.chain, 2);
    h_plan broken = {.miner = 1, .before_seal = break_state_root};
    h_block bad = h_build(w->b.chain, &broken);
    h_open(&n, &w->spec);
    ok(posw_chain_bulk(n.chain, true, 100));
    h_feed(n.chain, w->a.chain, 1, 6);
    h_feed(n.chain, w->b.chain, 5, 6);
    h_import_refused(n.chain, &bad, POSW_INVALID, POSW_RULE_STATE_ROOT);
    h_same(n.chain, w->a.chain);
    h_check_state(n.chain);
    h_grow(w->a.chain, 3);
    h_feed(n.chain, w->a.chain, 7, 9);
    h_verify(n.chain);
    h_reopen(&n);
    h_same(n.chain, w->a.chain);
    h_block_clear(&bad);
    h_close(&n);
}

static void longer_than_the_kept_states(void **state) {
    world *w = *state;
    const uint64_t blocks = 2 * POSW_CHAIN_STATES_MAX + 30;
    h_grow(w->a.chain, blocks);
    ok(posw_chain_bulk(w->b.chain, true, blocks + 1));
    h_feed(w->b.chain, w->a.chain, 1, blocks);
    h_check_state(w->b.chain);
    /* The last commit fails: back to genesis, and again. */
    posw_store_memory_fail(w->b.store, 5, POSW_ENOSPC, false);
    assert_int_equal(posw_chain_flush(w->b.chain), POSW_ENOSPC);
    assert_int_equal(posw_chain_tip(w->b.chain)->number, 0);
    h_check_state(w->b.chain);
    h_feed(w->b.chain, w->a.chain, 1, blocks);
    ok(posw_chain_bulk(w->b.chain, false, 0));
    h_same(w->b.chain, w->a.chain);
    h_verify(w->b.chain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equals_one_by_one, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(commits_are_joined, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(a_stop_in_the_middle, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(branches_in_bulk, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(an_invalid_branch_in_bulk, h_pair_setup, h_pair_teardown),
        cmocka_unit_test_setup_teardown(longer_than_the_kept_states, h_pair_setup, h_pair_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
