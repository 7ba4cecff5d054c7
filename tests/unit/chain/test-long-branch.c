/* Side branches that are longer than the snapshot lag: their stake tables are their own (E1, V2 step 4).
 *
 *      a   1 ── 2 ── … ── 10 ── … ── 17           blocks in quick succession: few and heavy
 *                     └── 11' ── 12' ── … ── 40'  slow ones: lighter for more than 3E blocks, then heavier
 *
 * Both branches stake, each for another miner, who then mines boosted blocks: whoever judges by a wrong table refuses
 * them. `a` gets the blocks of `b` and must end up as b, or stay as it was. */
#include "rows.h"

#include "base/scale.h"
#include "chain/chain_internal.h"

enum { COMMON = 10, OWN = 7, SIDE_MAX_LENGTH = 120 };

typedef struct {
    posw_chain_spec spec;
    h_node a, b;
    uint64_t fork, first_better; /* the block of b that is heavier than a's tip */
} world;

static uint64_t height(posw_chain *c) {
    return posw_chain_tip(c)->number;
}

/* Key `staker` stakes for itself in the first block and again one epoch on, and takes a part back in the third. */
static void plan_stakes(posw_chain *c, h_plan *plan, unsigned staker, uint64_t index, uint64_t epoch_blocks) {
    const uint64_t nonce = h_nonce(c, staker);
    if (index == 1 || index == epoch_blocks + 1)
        plan->txs[plan->tx_count++] = h_stake(staker, nonce, staker, 10 * (3 + index));
    if (index == 2 * epoch_blocks + 2) plan->txs[plan->tx_count++] = h_unstake(staker, nonce, staker, 35);
    plan->txs[plan->tx_count++] = h_transfer(7, h_nonce(c, 7), staker, 1);
}

static void grow_branch(posw_chain *c, unsigned miner, uint64_t gap_s, uint64_t blocks, uint64_t fork) {
    for (uint64_t i = 0; i < blocks; i++) {
        h_plan plan = {.miner = miner, .gap_s = gap_s};
        const posw_u256 weight = posw_chain_next_weight(c, &(posw_address){{0}});
        const posw_address address = h_address(miner);
        const posw_u256 own = posw_chain_next_weight(c, &address);
        const posw_u256 enough = posw_u256_from_u64(4); /* of difficulty, for a boost to be possible */
        plan.want_boosted =
            posw_u256_cmp(&own, &weight) > 0 && posw_u256_cmp(&posw_chain_tip(c)->difficulty, &enough) > 0;
        plan_stakes(c, &plan, miner, height(c) + 1 - fork, posw_chain_params(c)->epoch_blocks);
        h_block b = h_extend(c, &plan);
        h_block_clear(&b);
    }
}

static void open_world(world *w, uint64_t epoch_blocks, uint64_t fork, uint64_t own) {
    h_spec(&w->spec);
    posw_params *p = &w->spec.params;
    p->block_time_s = 10;
    p->difficulty_rule = POSW_DIFFICULTY_ASERT;
    p->difficulty_blocks = 4;
    p->genesis_difficulty = posw_u256_from_u64(64);
    p->epoch_blocks = epoch_blocks;
    p->reorg_max_blocks = epoch_blocks;
    p->unbonding_blocks = 2 * epoch_blocks;
    p->window_blocks = epoch_blocks + 2;
    posw_message msg = {{0}};
    if (posw_chain_spec_check(&w->spec, NULL, &msg) != POSW_OK) fail_msg("%s", msg.text);
    h_open(&w->a, &w->spec);
    h_open(&w->b, &w->spec);
    w->fork = fork;
    for (uint64_t i = 0; i < fork; i++) {
        h_plan plan = {.miner = 3, .gap_s = 10};
        h_block b = h_extend(w->a.chain, &plan);
        h_block_clear(&b);
    }
    h_feed(w->b.chain, w->a.chain, 1, fork);
    grow_branch(w->a.chain, 1, 1, own, fork);
}

/* b grows until it is heavier than a, and `more` blocks beyond. */
static void grow_side(world *w, uint64_t gap_s, uint64_t more) {
    const posw_u256 aim = posw_chain_weight_total(w->a.chain);
    for (posw_u256 weight = POSW_U256_ZERO; posw_u256_cmp(&weight, &aim) <= 0;) {
        grow_branch(w->b.chain, 2, gap_s + height(w->b.chain) % 2, 1, w->fork);
        weight = posw_chain_weight_total(w->b.chain);
        if (height(w->b.chain) - w->fork > SIDE_MAX_LENGTH) fail_msg("the side branch does not become heavier");
    }
    w->first_better = height(w->b.chain);
    grow_branch(w->b.chain, 2, gap_s, more, w->fork);
}

static void close_world(world *w) {
    h_close(&w->a);
    h_close(&w->b);
    posw_chain_spec_clear(&w->spec);
}

static int setup(void **state) {
    world *w = calloc(1, sizeof *w);
    open_world(w, H_EPOCH, COMMON, OWN);
    grow_side(w, 14, 3);
    const uint64_t length = w->first_better - w->fork;
    assert_in_range(length, 3 * H_EPOCH + 1, 5 * H_EPOCH);
    const posw_address two = h_address(2);
    assert_true(posw_stake_table_find(posw_chain_table(w->b.chain, w->first_better), &two) != NULL);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world *w = *state;
    close_world(w);
    free(w);
    return 0;
}

/* So many blocks of the branch lie at or below the snapshot of the table in force for this one. */
static uint64_t blocks_to_snapshot(const world *w, uint64_t number) {
    const posw_params *p = &w->spec.params;
    const uint64_t snapshot = posw_epoch_snapshot_block(p, posw_epoch_of(p, number));
    return snapshot > w->fork ? snapshot - w->fork : 0;
}

static void check_end(world *w) {
    h_same(w->a.chain, w->b.chain);
    h_same_rows(&w->a, &w->b);
    h_check_state(w->a.chain);
    h_verify(w->a.chain);
    h_side_tables(&w->a);
    h_reopen(&w->a);
    h_same(w->a.chain, w->b.chain);
    h_verify(w->a.chain);
}

/* ---- winning ---- */

/* Each block is valid on arrival; each is executed once for the tables; the tip stays until the branch is heavier. */
static void it_wins_when_it_is_heavier(void **state) {
    world *w = *state;
    const posw_hash tip = posw_chain_tip_hash(w->a.chain);
    for (uint64_t n = w->fork + 1; n <= height(w->b.chain); n++) {
        h_feed(w->a.chain, w->b.chain, n, n);
        assert_int_equal(h_tip_is(w->a.chain, &tip), n < w->first_better);
        if (n < w->first_better) assert_int_equal(w->a.chain->branch_executed, blocks_to_snapshot(w, n));
        if (n == w->first_better - 1) assert_true(h_side_tables(&w->a) >= 2);
    }
    assert_true(w->a.chain->branch_executed > H_EPOCH);
    check_end(w);
    grow_branch(w->b.chain, 3, 1, 2 * H_EPOCH, height(w->b.chain));
    h_feed(w->a.chain, w->b.chain, height(w->a.chain) + 1, height(w->b.chain));
    check_end(w);
}

/* The old branch is then a long side branch, too, with the tables that it had; and wins again. */
static void and_the_old_one_again(void **state) {
    world *w = *state;
    h_node old;
    posw_chain_allow_deep_reorg(w->a.chain, true); /* else it would be forgotten */
    h_open(&old, &w->spec);
    h_feed(old.chain, w->a.chain, 1, height(w->a.chain));
    grow_branch(w->b.chain, 2, 5, 4 * H_EPOCH, w->fork);
    h_feed(w->a.chain, w->b.chain, w->fork + 1, height(w->b.chain));
    h_same(w->a.chain, w->b.chain);
    const posw_u256 aim = posw_chain_weight_total(w->b.chain);
    for (posw_u256 weight = POSW_U256_ZERO; posw_u256_cmp(&weight, &aim) <= 0;) {
        grow_branch(old.chain, 1, height(old.chain) - w->fork <= 2 * H_EPOCH ? 40 : 1, 1, w->fork);
        weight = posw_chain_weight_total(old.chain);
        assert_in_range(height(old.chain), 1, SIDE_MAX_LENGTH);
    }
    assert_in_range(height(old.chain) - w->fork, 2 * H_EPOCH + 1, SIDE_MAX_LENGTH);
    h_feed(w->a.chain, old.chain, w->fork + OWN + 1, height(old.chain));
    h_same(w->a.chain, old.chain);
    h_same_rows(&w->a, &old);
    h_verify(w->a.chain);
    h_side_tables(&w->a);
    h_close(&old);
}

/* After each block: what is in memory is lost, tables are not. */
static void reopened_after_each_block(void **state) {
    world *w = *state;
    uint64_t executed = 0;
    for (uint64_t n = w->fork + 1; n <= height(w->b.chain); n++) {
        h_feed(w->a.chain, w->b.chain, n, n);
        if (n < w->first_better) executed += w->a.chain->branch_executed;
        h_side_tables(&w->a);
        h_reopen(&w->a);
    }
    /* From the fork for each snapshot. */
    uint64_t expected = 0;
    for (uint64_t n = w->fork + 1; n < w->first_better; n++)
        if (blocks_to_snapshot(w, n) != blocks_to_snapshot(w, n - 1)) expected += blocks_to_snapshot(w, n);
    assert_int_equal(executed, expected);
    check_end(w);
}

static void with_no_states_in_memory(void **state) {
    world *w = *state;
    posw_chain_options o = h_options(&w->spec, w->a.store);
    o.cache_bytes_max = 1;
    ok(posw_chain_close(w->a.chain));
    ok(posw_chain_open(&w->a.chain, &o, NULL));
    h_feed(w->a.chain, w->b.chain, w->fork + 1, w->first_better - 1);
    for (size_t i = 0; i < POSW_CHAIN_BRANCH_STATES_MAX; i++)
        assert_null(w->a.chain->branch_states[i].state);
    h_feed(w->a.chain, w->b.chain, w->first_better, height(w->b.chain));
    check_end(w);
}

static void in_bulk(void **state) {
    world *w = *state;
    ok(posw_chain_bulk(w->a.chain, true, 5));
    h_feed(w->a.chain, w->b.chain, w->fork + 1, height(w->b.chain));
    ok(posw_chain_bulk(w->a.chain, false, 0));
    check_end(w);
}

/* The main chain goes on meanwhile, within the limit. */
static void while_the_tip_moves(void **state) {
    world *w = *state;
    const uint64_t half = w->fork + 2 * H_EPOCH;
    h_feed(w->a.chain, w->b.chain, w->fork + 1, half);
    grow_branch(w->a.chain, 1, 1, 1, w->fork);
    grow_side(w, 5, 0);
    h_feed(w->a.chain, w->b.chain, half + 1, height(w->b.chain));
    check_end(w);
}

/* ---- how often a branch is executed ---- */

/* The next block of b with another time: a sibling on a long branch. */
static void import_sibling(world *w, posw_chain *at_parent, uint64_t gap_s) {
    h_plan plan = {.miner = 3, .gap_s = gap_s};
    h_block b = h_build(at_parent, &plan);
    h_import_valid(w->a.chain, &b);
    h_block_clear(&b);
}

static void siblings_cost_nothing(void **state) {
    world *w = *state;
    h_node parent;
    const uint64_t at = w->fork + 2 * H_EPOCH;
    h_open(&parent, &w->spec);
    h_feed(parent.chain, w->b.chain, 1, at);
    h_feed(w->a.chain, w->b.chain, w->fork + 1, at + 1);
    const uint64_t executed = w->a.chain->branch_executed;
    for (unsigned i = 0; i < 20; i++)
        import_sibling(w, parent.chain, 40 + i);
    assert_int_equal(w->a.chain->branch_executed, executed);
    h_feed(w->a.chain, w->b.chain, at + 2, height(w->b.chain));
    check_end(w);
    h_close(&parent);
}

/* Four long branches from one fork, taken in turns: more than states are kept for. A table is made once all the same.
 */
static void many_branches_in_turns(void **state) {
    enum { BRANCHES = 4, LENGTH = 2 * H_EPOCH + 8 };
    world *w = *state;
    h_node n[BRANCHES];
    uint64_t last = 0, rises = 0;
    for (unsigned i = 0; i < BRANCHES; i++) {
        h_open(&n[i], &w->spec);
        h_feed(n[i].chain, w->a.chain, 1, w->fork);
        grow_branch(n[i].chain, 2 + i, 20 + i, LENGTH, w->fork);
    }
    for (uint64_t number = w->fork + 1; number <= w->fork + LENGTH; number++)
        for (unsigned i = 0; i < BRANCHES; i++) {
            h_feed(w->a.chain, n[i].chain, number, number);
            const uint64_t more = w->a.chain->branch_executed - last;
            assert_true(more <= blocks_to_snapshot(w, number));
            rises += more > 0;
            last += more;
        }
    assert_int_equal(rises, 2 * BRANCHES); /* two snapshots each */
    assert_int_equal(h_side_tables(&w->a), 2 * BRANCHES);
    h_verify(w->a.chain);
    h_feed(w->a.chain, w->b.chain, w->fork + 1, height(w->b.chain));
    check_end(w);
    for (unsigned i = 0; i < BRANCHES; i++)
        h_close(&n[i]);
}

/* Branches that the tip leaves behind take their tables and states with them. */
static void nothing_stays_of_a_dead_branch(void **state) {
    world *w = *state;
    h_feed(w->a.chain, w->b.chain, w->fork + 1, w->first_better - 1);
    assert_true(h_side_tables(&w->a) > 0);
    assert_non_null(w->a.chain->branch_states[0].state);
    grow_branch(w->a.chain, 1, 1, H_REORG - OWN + 1, w->fork);
    assert_int_equal(h_side_tables(&w->a), 0);
    for (size_t i = 0; i < POSW_CHAIN_BRANCH_STATES_MAX; i++)
        assert_null(w->a.chain->branch_states[i].state);
    h_verify(w->a.chain);
}

/* ---- invalid blocks ---- */

static void break_state_root(void *arg, posw_header *h) {
    (void)arg, h->state_root.b[0] ^= 1;
}
static void take_parent(void *arg, posw_header *h) {
    h->parent_hash = *(const posw_hash *)arg;
}

/* Block `at` of b is followed on `a` by a twin that is invalid, and that by copies of b's blocks: none of them changes
 * a state, so that a header of b fits with another parent. At block `found` the lie is found out. */
static void check_invalid(world *w, uint64_t at, uint64_t found) {
    const posw_hash tip = posw_chain_tip_hash(w->a.chain);
    h_node maker;
    h_open(&maker, &w->spec);
    h_feed(maker.chain, w->a.chain, 1, w->fork);
    h_block bad = {0};
    posw_hash parent = {{0}};
    for (uint64_t n = w->fork + 1; n <= found; n++) {
        h_plan plan = {.miner = 5, .gap_s = 20}, twin = plan;
        if (n == at) plan.before_seal = break_state_root;
        if (n > at) plan.before_seal = take_parent, plan.arg = &parent;
        h_block b = h_build(maker.chain, &plan), real = h_extend(maker.chain, &twin);
        if (n < found) h_import_valid(w->a.chain, &b);
        if (n == found) {
            h_import_refused(w->a.chain, &b, POSW_INVALID, POSW_RULE_BAD_ANCESTOR);
            h_import_refused(w->a.chain, &b, POSW_INVALID, POSW_RULE_BAD_ANCESTOR);
        }
        parent = b.hash;
        if (n == at) bad = b, b = (h_block){0};
        h_block_clear(&b);
        h_block_clear(&real);
    }
    assert_true(h_tip_is(w->a.chain, &tip));
    h_import_refused(w->a.chain, &bad, POSW_INVALID, POSW_RULE_STATE_ROOT);
    assert_int_equal(w->a.chain->side.count, at - w->fork - 1);
    h_side_tables(&w->a);
    h_verify(w->a.chain);
    /* What came before it still stands, and its valid branch may go on. */
    h_feed(w->a.chain, maker.chain, at, found);
    assert_true(h_tip_is(w->a.chain, &tip));
    h_block_clear(&bad);
    h_close(&maker);
    h_feed(w->a.chain, w->b.chain, w->fork + 1, height(w->b.chain));
    check_end(w);
}

/* The first block whose table is that of this snapshot. */
static uint64_t first_judged_by(uint64_t snapshot) {
    return snapshot + 1 + H_EPOCH;
}

static void an_invalid_block_before_the_snapshot(void **state) {
    check_invalid(*state, COMMON + 3, first_judged_by(2 * H_EPOCH - 1));
}
static void an_invalid_snapshot_block(void **state) {
    check_invalid(*state, 2 * H_EPOCH - 1, first_judged_by(2 * H_EPOCH - 1));
}
static void an_invalid_block_in_the_next_epoch(void **state) {
    check_invalid(*state, 2 * H_EPOCH + 2, first_judged_by(3 * H_EPOCH - 1));
}
/* Beyond every table that was needed: found by the switch, as ever. */
static void an_invalid_block_that_is_fed_again(void **state) {
    world *w = *state;
    h_feed(w->a.chain, w->b.chain, w->fork + 1, w->first_better - 1);
    h_node maker;
    h_open(&maker, &w->spec);
    h_feed(maker.chain, w->b.chain, 1, w->first_better - 1);
    h_plan broken = {.miner = 5, .gap_s = 1, .before_seal = break_state_root};
    h_block bad = h_build(maker.chain, &broken);
    for (unsigned i = 0; i < 2; i++)
        h_import_refused(w->a.chain, &bad, POSW_INVALID, POSW_RULE_STATE_ROOT);
    h_reopen(&w->a);
    h_import_refused(w->a.chain, &bad, POSW_INVALID, POSW_RULE_STATE_ROOT);
    h_feed(w->a.chain, w->b.chain, w->first_better, height(w->b.chain));
    check_end(w);
    h_block_clear(&bad);
    h_close(&maker);
}

/* ---- faults ---- */

typedef struct {
    world w;
    h_block blocks[SIDE_MAX_LENGTH + COMMON];
    size_t count; /* a's, then b's */
} scenario;

static void take(scenario *s, posw_chain *c, uint64_t first, uint64_t last) {
    for (uint64_t n = first; n <= last; n++)
        s->blocks[s->count++] = h_copy(c, n);
}

static int setup_faults(void **state) {
    scenario *s = calloc(1, sizeof *s);
    open_world(&s->w, 3, 2, 3);
    grow_side(&s->w, 27, 1);
    assert_in_range(s->w.first_better - s->w.fork, 3 * 3 + 1, 15);
    take(s, s->w.a.chain, 1, height(s->w.a.chain));
    take(s, s->w.b.chain, s->w.fork + 1, height(s->w.b.chain));
    *state = s;
    return 0;
}

static int teardown_faults(void **state) {
    scenario *s = *state;
    for (size_t i = 0; i < s->count; i++)
        h_block_clear(&s->blocks[i]);
    close_world(&s->w);
    free(s);
    return 0;
}

static int deliver(posw_chain *c, const h_block *b) {
    posw_verdict v = posw_valid();
    posw_chain_change change;
    const int rc = h_try(c, b, H_NOW, &v, &change);
    if (rc == POSW_OK && v.kind != POSW_VALID) fail_msg("%s: %s", posw_rule_number(v.rule), posw_rule_text(v.rule));
    return rc;
}

/* Up to the last block that needs no table of its own branch; what is before that, test-faults shows. */
static size_t deliver_easy(const scenario *s, h_node *n) {
    size_t i = 0;
    for (; i < s->count && blocks_to_snapshot(&s->w, s->blocks[i].header.number) == 0; i++)
        ok(deliver(n->chain, &s->blocks[i]));
    return i;
}

/* From the start again after an error, as blocks of a batch may be lost. */
static bool deliver_all(const scenario *s, h_node *n, size_t first) {
    bool failed = false;
    for (size_t i = first; i < s->count; i++) {
        if (deliver(n->chain, &s->blocks[i]) == POSW_OK) continue;
        assert_false(failed);
        failed = true;
        posw_store_memory_fail(n->store, 0, 0, false);
        ok(posw_chain_flush(n->chain));
        h_check_state(n->chain);
        h_side_tables(n);
        i = SIZE_MAX;
    }
    return failed;
}

static void check_node(const scenario *s, h_node *n) {
    h_same(n->chain, s->w.b.chain);
    h_same_rows(n, &s->w.b);
    h_side_tables(n);
    h_verify(n->chain);
    h_reopen(n);
    h_same(n->chain, s->w.b.chain);
}

static void each_operation_fails(const scenario *s, uint64_t bulk, bool sticky) {
    bool failed = true;
    uint64_t nth = 1;
    for (; failed; nth++) {
        h_node n;
        h_open(&n, &s->w.spec);
        if (bulk > 0) ok(posw_chain_bulk(n.chain, true, bulk));
        const size_t first = deliver_easy(s, &n);
        posw_store_memory_fail(n.store, nth, POSW_EIO, sticky);
        failed = deliver_all(s, &n, first);
        posw_store_memory_fail(n.store, 0, 0, false);
        if (bulk > 0) ok(posw_chain_bulk(n.chain, false, 0));
        check_node(s, &n);
        h_close(&n);
    }
    assert_true(nth > 150);
}

static void and_once_more(void **state) {
    each_operation_fails(*state, 0, false);
}
static void and_once_more_in_bulk(void **state) {
    each_operation_fails(*state, 6, true);
}

/* The process stops at the failure; the next one finds all that was said to be stored. */
static void and_the_process_stops(void **state) {
    scenario *s = *state;
    bool failed = true;
    for (uint64_t nth = 1; failed; nth++) {
        h_node n;
        h_open(&n, &s->w.spec);
        size_t i = deliver_easy(s, &n);
        posw_store_memory_fail(n.store, nth, POSW_EIO, true);
        for (failed = false; i < s->count && !failed; i += !failed)
            failed = deliver(n.chain, &s->blocks[i]) != POSW_OK;
        if (failed) {
            posw_chain_close(n.chain);
            n.store->ops->abort(n.store);
            posw_store_memory_fail(n.store, 0, 0, false);
            const posw_chain_options o = h_options(&s->w.spec, n.store);
            ok(posw_chain_open(&n.chain, &o, NULL));
            for (size_t k = 0; k < i; k++) {
                posw_chain_block_info info;
                ok(posw_chain_block_by_hash(n.chain, &info, &s->blocks[k].hash));
            }
            h_side_tables(&n);
            h_verify(n.chain);
            for (; i < s->count; i++)
                ok(deliver(n.chain, &s->blocks[i]));
        }
        posw_store_memory_fail(n.store, 0, 0, false);
        check_node(s, &n);
        h_close(&n);
    }
}

/* ---- a node that mined alone ---- */

static void grow_alone(posw_chain *c, uint64_t blocks, unsigned miner) {
    ok(posw_chain_bulk(c, true, 200));
    for (uint64_t i = 0; i < blocks; i++) {
        h_plan plan = {.miner = miner, .gap_s = 1 + i % 2};
        if (i % 100 == 0) plan.txs[plan.tx_count++] = h_stake(miner, h_nonce(c, miner), miner, 10);
        h_block b = h_extend(c, &plan);
        h_block_clear(&b);
    }
    ok(posw_chain_bulk(c, false, 0));
}

/* It leaves its chain at genesis, once the network's is heavier, and is killed twice on the way. */
static void a_node_that_mined_alone(void **state) {
    (void)state;
    enum { BATCH = 64 };
    const uint64_t own = scale_of(500, 3000), network = scale_of(1200, 10000);
    posw_chain_spec spec;
    h_node a, b;
    h_spec(&spec);
    spec.params.epoch_blocks = spec.params.reorg_max_blocks = scale_of(32, 64);
    spec.params.unbonding_blocks = 2 * spec.params.epoch_blocks;
    h_open(&a, &spec);
    h_open(&b, &spec);
    grow_alone(a.chain, own, 1);
    grow_alone(b.chain, network, 2);
    posw_chain_allow_deep_reorg(a.chain, true);
    ok(posw_chain_bulk(a.chain, true, BATCH));
    double longest = 0;
    const double begin = scale_seconds();
    uint64_t n = 1;
    for (bool killed = false; n <= network; n++) {
        const double before = scale_seconds();
        h_feed(a.chain, b.chain, n, n);
        longest = scale_seconds() - before > longest ? scale_seconds() - before : longest;
        assert_int_equal(height(a.chain), n > own ? n : own);
        if (killed || n != own / 2) continue;
        killed = true;
        posw_store_memory_fail(a.store, 1, POSW_EIO, true); /* what is not committed is lost */
        posw_chain_close(a.chain);
        a.store->ops->abort(a.store);
        posw_store_memory_fail(a.store, 0, 0, false);
        const posw_chain_options o = h_options(&spec, a.store);
        ok(posw_chain_open(&a.chain, &o, NULL));
        assert_int_equal(height(a.chain), own);
        posw_chain_allow_deep_reorg(a.chain, true);
        ok(posw_chain_bulk(a.chain, true, BATCH));
        n = a.chain->side.count; /* the blocks of the branch that are there */
        assert_in_range(n, own / 2 - BATCH, own / 2);
    }
    printf("alone: %llu blocks left for %llu, %.1f s, the longest import %.2f s\n", (unsigned long long)own,
           (unsigned long long)network, scale_seconds() - begin, longest);
    ok(posw_chain_bulk(a.chain, false, 0));
    h_same(a.chain, b.chain);
    h_same_rows(&a, &b);
    h_verify(a.chain);
    /* Out of reach for ever once the limit is back. */
    assert_int_equal(a.chain->side.count, own);
    posw_chain_allow_deep_reorg(a.chain, false);
    grow_alone(a.chain, 1, 3);
    assert_int_equal(a.chain->side.count, 0);
    assert_int_equal(h_side_tables(&a), 0);
    h_close(&a);
    h_close(&b);
    posw_chain_spec_clear(&spec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_wins_when_it_is_heavier, setup, teardown),
        cmocka_unit_test_setup_teardown(and_the_old_one_again, setup, teardown),
        cmocka_unit_test_setup_teardown(reopened_after_each_block, setup, teardown),
        cmocka_unit_test_setup_teardown(with_no_states_in_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(in_bulk, setup, teardown),
        cmocka_unit_test_setup_teardown(while_the_tip_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(siblings_cost_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(many_branches_in_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_stays_of_a_dead_branch, setup, teardown),
        cmocka_unit_test_setup_teardown(an_invalid_block_before_the_snapshot, setup, teardown),
        cmocka_unit_test_setup_teardown(an_invalid_snapshot_block, setup, teardown),
        cmocka_unit_test_setup_teardown(an_invalid_block_in_the_next_epoch, setup, teardown),
        cmocka_unit_test_setup_teardown(an_invalid_block_that_is_fed_again, setup, teardown),
        cmocka_unit_test_setup_teardown(and_once_more, setup_faults, teardown_faults),
        cmocka_unit_test_setup_teardown(and_once_more_in_bulk, setup_faults, teardown_faults),
        cmocka_unit_test_setup_teardown(and_the_process_stops, setup_faults, teardown_faults),
        cmocka_unit_test(a_node_that_mined_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
