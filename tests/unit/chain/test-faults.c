/* Every store operation of a scenario fails in turn. After each failure the chain goes on reading, a second attempt
 * succeeds, and the end is what it would have been; or the process stops there, and the next one finds a whole chain.
 */
#include "harness.h"

enum { BLOCKS_MAX = 40 };

typedef struct {
    posw_chain_spec spec;
    h_node reference;           /* after all blocks */
    h_block blocks[BLOCKS_MAX]; /* in the order of arrival: main chain, side branch, switch */
    size_t count;
} scenario;

static void take(scenario *s, posw_chain *c, uint64_t first, uint64_t last) {
    for (uint64_t n = first; n <= last; n++)
        s->blocks[s->count++] = h_copy(c, n);
}

static void extend(posw_chain *c, unsigned miner, h_tx tx) {
    h_plan plan = {.miner = miner, .tx_count = 1, .txs = {tx}};
    h_block b = h_extend(c, &plan);
    h_block_clear(&b);
}

static int setup(void **state) {
    scenario *s = calloc(1, sizeof *s);
    h_node other;
    h_spec(&s->spec);
    s->spec.params.epoch_blocks = s->spec.params.reorg_max_blocks = 4;
    h_open(&s->reference, &s->spec);
    h_open(&other, &s->spec);
    h_grow(s->reference.chain, 2);
    h_feed(other.chain, s->reference.chain, 1, 2);
    extend(s->reference.chain, 1, h_stake(1, 0, 1, 20)); /* block 3 is a snapshot */
    extend(other.chain, 2, h_stake(2, 0, 2, 30));
    h_grow(s->reference.chain, 1);
    extend(other.chain, 3, h_transfer(6, 0, 1, 1));
    extend(other.chain, 3, h_transfer(6, 1, 1, 1));
    take(s, s->reference.chain, 1, 4);
    take(s, other.chain, 3, 5); /* the last one wins */
    extend(other.chain, 3, h_transfer(1, 0, 2, 1));
    take(s, other.chain, 6, 6);
    h_close(&s->reference);
    s->reference = other;
    *state = s;
    return 0;
}

static int teardown(void **state) {
    scenario *s = *state;
    for (size_t i = 0; i < s->count; i++)
        h_block_clear(&s->blocks[i]);
    h_close(&s->reference);
    posw_chain_spec_clear(&s->spec);
    free(s);
    return 0;
}

static int deliver(posw_chain *c, const h_block *b) {
    posw_verdict v;
    posw_chain_change change;
    const posw_hash tip = posw_chain_tip_hash(c);
    const int rc = h_try(c, b, H_NOW, &v, &change);
    if (rc == POSW_OK) {
        assert_int_equal(v.kind, POSW_VALID);
        if (change.added_count == 0) assert_true(h_tip_is(c, &tip));
    }
    return rc;
}

/* All blocks; from the start again after an error, as blocks of a batch may be lost. */
static bool deliver_all(const scenario *s, h_node *n) {
    bool failed = false;
    for (size_t i = 0; i < s->count; i++) {
        if (deliver(n->chain, &s->blocks[i]) == POSW_OK) continue;
        assert_false(failed);
        failed = true;
        posw_store_memory_fail(n->store, 0, 0, false);
        ok(posw_chain_flush(n->chain)); /* reads again, where reading failed as well */
        posw_chain_block_info info;
        ok(posw_chain_block_by_number(n->chain, &info, posw_chain_tip(n->chain)->number));
        assert_true(h_tip_is(n->chain, &info.hash));
        h_check_state(n->chain);
        i = SIZE_MAX;
    }
    return failed;
}

static void check_end(const scenario *s, h_node *n) {
    h_same(n->chain, s->reference.chain);
    h_check_state(n->chain);
    h_verify(n->chain);
    h_reopen(n);
    h_same(n->chain, s->reference.chain);
}

static void each_operation_fails(scenario *s, int error, bool sticky, uint64_t bulk, uint64_t step) {
    bool failed = true;
    uint64_t nth = 1;
    for (; failed; nth += step) {
        h_node n;
        h_open(&n, &s->spec);
        if (bulk > 0) ok(posw_chain_bulk(n.chain, true, bulk));
        posw_store_memory_fail(n.store, nth, error, sticky);
        failed = deliver_all(s, &n);
        posw_store_memory_fail(n.store, 0, 0, false);
        if (bulk > 0) ok(posw_chain_bulk(n.chain, false, 0));
        check_end(s, &n);
        h_close(&n);
    }
    assert_true(nth > 100);
}

static void and_once_more(void **state) {
    each_operation_fails(*state, POSW_EIO, false, 0, 1);
}
static void with_all_later_ones(void **state) {
    each_operation_fails(*state, POSW_ENOSPC, true, 0, 3);
}
static void in_bulk(void **state) {
    each_operation_fails(*state, POSW_ENOSPC, false, 100, 1);
}
static void in_small_batches(void **state) {
    each_operation_fails(*state, POSW_EIO, true, 3, 3);
}

/* The process stops at the failure. */
static void and_the_process_stops(void **state) {
    scenario *s = *state;
    bool failed = true;
    for (uint64_t nth = 1; failed; nth++) {
        h_node n;
        posw_hash before;
        h_open(&n, &s->spec);
        posw_store_memory_fail(n.store, nth, POSW_EIO, true);
        size_t i = 0;
        for (failed = false; i < s->count && !failed; i++) {
            before = posw_chain_tip_hash(n.chain);
            failed = deliver(n.chain, &s->blocks[i]) != POSW_OK;
        }
        if (failed) {
            posw_chain_close(n.chain);
            n.store->ops->abort(n.store);
        }
        posw_store_memory_fail(n.store, 0, 0, false);
        if (failed) {
            const posw_chain_options o = h_options(&s->spec, n.store);
            ok(posw_chain_open(&n.chain, &o, NULL));
            assert_true(h_tip_is(n.chain, &before) || h_tip_is(n.chain, &s->blocks[i - 1].hash));
            h_verify(n.chain);
            assert_false(deliver_all(s, &n));
        }
        check_end(s, &n);
        h_close(&n);
    }
}

static void opening(void **state) {
    scenario *s = *state;
    posw_store *store = posw_store_memory_new();
    const posw_chain_options o = h_options(&s->spec, store);
    posw_message msg = {{0}};
    posw_chain *c;
    int rc = POSW_EIO;
    for (uint64_t nth = 1; rc != POSW_OK; nth++) { /* genesis */
        posw_store_memory_fail(store, nth, POSW_EIO, true);
        rc = posw_chain_open(&c, &o, &msg);
        posw_store_memory_fail(store, 0, 0, false);
        if (rc == POSW_OK) break;
        assert_int_equal(rc, POSW_EIO);
        assert_true(msg.text[0] != '\0');
    }
    for (size_t i = 0; i < s->count; i++)
        ok(deliver(c, &s->blocks[i]));
    ok(posw_chain_close(c));
    rc = POSW_EIO;
    for (uint64_t nth = 1; rc != POSW_OK; nth++) { /* a used store */
        posw_store_memory_fail(store, nth, POSW_EIO, false);
        rc = posw_chain_open(&c, &o, &msg);
        posw_store_memory_fail(store, 0, 0, false);
    }
    h_same(c, s->reference.chain);
    ok(posw_chain_close(c));
    store->ops->close(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(and_once_more, setup, teardown),
        cmocka_unit_test_setup_teardown(with_all_later_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(in_bulk, setup, teardown),
        cmocka_unit_test_setup_teardown(in_small_batches, setup, teardown),
        cmocka_unit_test_setup_teardown(and_the_process_stops, setup, teardown),
        cmocka_unit_test_setup_teardown(opening, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
