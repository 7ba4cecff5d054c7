/* The pool after blocks and reorganisations, and what expires. */
#include "mempool/pool.h"

static int setup(void **state) {
    p_world *w = malloc(sizeof *w);
    p_open(w);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    p_close(*state);
    free(*state);
    return 0;
}

static void fill(p_world *w, unsigned from, uint64_t first, uint64_t count) {
    for (uint64_t n = first; n < first + count; n++)
        assert_int_equal(p_add(w, from, p_tx(n)), POSW_MEMPOOL_ACCEPTED);
}

static h_tx pool_tx_of(unsigned from, uint64_t nonce) {
    const posw_tx tx = p_tx(nonce);
    return p_sign(from, &tx);
}

/* Value that leaves a sender with this many coins, but for gas. */
static h_tx spend(unsigned from, uint64_t nonce, uint64_t coins) {
    return h_transfer(from, nonce, 7, coins);
}

/* ---- blocks ---- */

static void mined_ones_go(void **state) {
    p_world *w = *state;
    fill(w, 1, 0, 4);
    fill(w, 2, 0, 2);
    h_plan plan = {.miner = 0, .tx_count = 3, .txs = {pool_tx_of(1, 0), pool_tx_of(1, 1), pool_tx_of(2, 0)}};
    p_mine(w, &plan);
    p_expect(w, 3, 0);
    assert_false(p_has(w, 1, p_tx(1)));
    assert_true(p_has(w, 1, p_tx(2)));
    assert_int_equal(p_next(w, 1), 4);
    assert_int_equal(p_next(w, 2), 2);
    h_plan rest = {.miner = 0, .tx_count = 3, .txs = {pool_tx_of(1, 2), pool_tx_of(1, 3), pool_tx_of(2, 1)}};
    p_mine(w, &rest);
    p_expect(w, 0, 0);
    assert_int_equal(w->pool->senders.count, 0);
}

/* Mined with another content: what has the same nonce can never be mined. */
static void replaced_by_a_block(void **state) {
    p_world *w = *state;
    fill(w, 1, 0, 3);
    h_plan plan = {.miner = 0, .tx_count = 2, .txs = {h_transfer(1, 0, 3, 1), h_transfer(1, 1, 3, 1)}};
    p_mine(w, &plan);
    p_expect(w, 1, 0);
    assert_true(p_has(w, 1, p_tx(2)));
}

static void a_block_fills_a_gap(void **state) {
    p_world *w = *state;
    fill(w, 1, 2, 2);
    p_expect(w, 0, 2);
    h_plan plan = {.miner = 0, .tx_count = 2, .txs = {h_transfer(1, 0, 3, 1), h_transfer(1, 1, 3, 1)}};
    p_mine(w, &plan);
    p_expect(w, 2, 0);
}

static void money_that_is_gone(void **state) {
    p_world *w = *state;
    posw_tx dear = p_tx(1), cheap = p_tx(2);
    dear.value = h_coins(6000);
    assert_int_equal(p_add(w, 1, dear), POSW_MEMPOOL_ACCEPTED);
    assert_int_equal(p_add(w, 1, cheap), POSW_MEMPOOL_ACCEPTED);
    assert_int_equal(p_add(w, 1, p_tx(0)), POSW_MEMPOOL_ACCEPTED);
    p_expect(w, 3, 0);
    h_plan plan = {.miner = 0, .tx_count = 1, .txs = {spend(1, 0, 5000)}};
    p_mine(w, &plan);
    assert_false(p_has(w, 1, dear)); /* it can never be paid now */
    assert_true(p_has(w, 1, cheap));
    p_expect(w, 0, 1);
    assert_int_equal(p_add(w, 1, p_tx(1)), POSW_MEMPOOL_ACCEPTED);
    p_expect(w, 2, 0);
}

/* Each alone could be paid, not all: the later ones wait for money, and become pending when it comes. */
static void money_that_comes_back(void **state) {
    p_world *w = *state;
    for (uint64_t n = 1; n <= 3; n++) {
        posw_tx tx = p_tx(n);
        tx.value = h_coins(2000);
        assert_int_equal(p_add(w, 1, tx), POSW_MEMPOOL_ACCEPTED);
    }
    h_plan plan = {.miner = 0, .tx_count = 1, .txs = {spend(1, 0, 5000)}};
    p_mine(w, &plan);
    p_expect(w, 2, 1);
    h_plan gift = {.miner = 0, .tx_count = 1, .txs = {h_transfer(2, 0, 1, 3000)}};
    p_mine(w, &gift);
    p_expect(w, 3, 0);
}

/* A miner's reward pays for what it could not pay before. */
static void the_miners_reward_counts(void **state) {
    p_world *w = *state;
    posw_tx tx = p_tx(0);
    tx.value = h_coins(9999);
    assert_int_equal(p_add(w, 3, tx), POSW_MEMPOOL_ACCEPTED);
    tx = p_tx(1);
    tx.value = h_coins(2);
    posw_message msg;
    assert_int_equal(p_add_says(w, 3, &tx, &msg), POSW_MEMPOOL_FUNDS);
    h_plan plan = {.miner = 3};
    p_mine(w, &plan);
    assert_int_equal(p_add(w, 3, tx), POSW_MEMPOOL_ACCEPTED);
    p_expect(w, 2, 0);
}

static void with_treasury(posw_chain_spec *spec) {
    spec->params.treasury = h_address(4);
    spec->params.treasury_share = 5000;
}

static void the_treasurys_share_counts(void **state) {
    p_world w;
    (void)state;
    const posw_mempool_options o = p_options();
    p_open_with(&w, &o, with_treasury);
    posw_tx tx = p_tx(0);
    tx.value = h_coins(9999);
    assert_int_equal(p_add(&w, 4, tx), POSW_MEMPOOL_ACCEPTED);
    tx = p_tx(1);
    tx.value = h_coins(1);
    posw_message msg;
    assert_int_equal(p_add_says(&w, 4, &tx, &msg), POSW_MEMPOOL_FUNDS);
    h_plan plan = {.miner = 3};
    p_mine(&w, &plan);
    assert_int_equal(p_add(&w, 4, tx), POSW_MEMPOOL_ACCEPTED);
    p_close(&w);
}

static void nothing_changed(void **state) {
    p_world *w = *state;
    const posw_chain_change change = {0};
    fill(w, 1, 0, 2);
    ok(posw_mempool_follow(w->pool, &change, 1000000));
    p_expect(w, 2, 0);
}

/* ---- reorganisations ---- */

/* Blocks of a second chain that is at the fork; the first then switches to them when they are one more. */
typedef struct {
    h_node node;
    h_block blocks[8];
    size_t count;
} branch;

static void branch_open(branch *b, p_world *w) {
    *b = (branch){0};
    h_open(&b->node, &w->spec);
    h_feed(b->node.chain, w->node.chain, 1, posw_chain_tip(w->node.chain)->number);
}

static void branch_extend(branch *b, h_plan *plan) {
    b->blocks[b->count++] = h_extend(b->node.chain, plan);
}

static void branch_give(branch *b, p_world *w) {
    for (size_t i = 0; i < b->count; i++) {
        p_import(w, &b->blocks[i]);
        h_block_clear(&b->blocks[i]);
    }
    h_close(&b->node);
}

static void removed_ones_wait_again(void **state) {
    p_world *w = *state;
    branch b;
    branch_open(&b, w);
    fill(w, 1, 0, 3);
    fill(w, 2, 0, 1);
    h_plan plan = {.miner = 0, .tx_count = 3, .txs = {pool_tx_of(1, 0), pool_tx_of(1, 1), pool_tx_of(2, 0)}};
    p_mine(w, &plan);
    p_expect(w, 1, 0);
    h_plan empty = {.miner = 1}, other = {.miner = 2, .tx_count = 1, .txs = {pool_tx_of(2, 0)}};
    branch_extend(&b, &empty);
    branch_extend(&b, &other); /* this one is mined there, too */
    branch_give(&b, w);
    assert_int_equal(posw_chain_tip(w->node.chain)->number, 2);
    p_expect(w, 3, 0);
    for (uint64_t n = 0; n < 3; n++)
        assert_true(p_has(w, 1, p_tx(n)));
    assert_false(p_has(w, 2, p_tx(0)));
    assert_int_equal(p_next(w, 2), 1);
}

/* Senders that are not in the pool any more come back with their transactions; of several blocks in their order. */
static void removed_blocks_in_order(void **state) {
    p_world *w = *state;
    branch b;
    branch_open(&b, w);
    for (uint64_t n = 0; n < 3; n++) {
        h_plan plan = {.miner = 0, .tx_count = 2, .txs = {pool_tx_of(1, 2 * n), pool_tx_of(1, 2 * n + 1)}};
        p_mine(w, &plan);
    }
    p_expect(w, 0, 0);
    for (int i = 0; i < 4; i++) {
        h_plan plan = {.miner = 1};
        branch_extend(&b, &plan);
    }
    w->now_s += 77;
    branch_give(&b, w);
    p_expect(w, 6, 0);
    const posw_tx tx = p_tx(3);
    const posw_hash hash = p_hash_of(1, &tx);
    assert_int_equal(posw_mempool_find(w->pool, &hash)->added_s, P_NOW + 77);
    /* and the way back mines them again */
    h_plan plan = {.miner = 0, .tx_count = 6};
    for (uint64_t n = 0; n < 6; n++)
        plan.txs[n] = pool_tx_of(1, n);
    p_mine(w, &plan);
    p_expect(w, 0, 0);
}

/* What the new branch made impossible does not come back. */
static void removed_ones_that_cannot_be_paid(void **state) {
    p_world *w = *state;
    branch b;
    branch_open(&b, w);
    posw_tx dear = p_tx(0);
    dear.value = h_coins(9000);
    h_plan plan = {.miner = 0, .tx_count = 2, .txs = {p_sign(1, &dear), pool_tx_of(1, 1)}};
    p_mine(w, &plan);
    h_plan empty = {.miner = 2}, other = {.miner = 2, .tx_count = 1, .txs = {h_transfer(1, 0, 3, 5000)}};
    branch_extend(&b, &other);
    branch_extend(&b, &empty);
    branch_give(&b, w);
    p_expect(w, 1, 0);
    assert_false(p_has(w, 1, dear));
    assert_true(p_has(w, 1, p_tx(1)));
}

/* The miner of a block that left has lost its reward: what it wanted to pay with it cannot be mined. */
static void a_lost_reward(void **state) {
    p_world *w = *state;
    branch b;
    branch_open(&b, w);
    h_plan plan = {.miner = 3};
    p_mine(w, &plan);
    posw_tx tx = p_tx(0);
    tx.value = h_coins(10001);
    assert_int_equal(p_add(w, 3, tx), POSW_MEMPOOL_ACCEPTED);
    for (int i = 0; i < 2; i++) {
        h_plan other = {.miner = 1};
        branch_extend(&b, &other);
    }
    branch_give(&b, w);
    p_expect(w, 0, 0);
}

/* The receiver of a removed payment has less. */
static void a_lost_payment(void **state) {
    p_world *w = *state;
    branch b;
    branch_open(&b, w);
    h_plan plan = {.miner = 0, .tx_count = 1, .txs = {h_transfer(1, 0, 3, 5000)}};
    p_mine(w, &plan);
    posw_tx tx = p_tx(0);
    tx.value = h_coins(8000);
    assert_int_equal(p_add(w, 3, tx), POSW_MEMPOOL_ACCEPTED);
    tx.nonce = 1;
    tx.value = h_coins(6000);
    assert_int_equal(p_add(w, 3, tx), POSW_MEMPOOL_ACCEPTED);
    p_expect(w, 2, 0);
    for (int i = 0; i < 2; i++) {
        h_plan other = {.miner = 1};
        branch_extend(&b, &other);
    }
    branch_give(&b, w);
    p_expect(w, 2, 1); /* both of key 3 could be paid alone; the payment waits again */
}

/* A refill respects the limits like any admission. */
static void a_refill_of_a_full_pool(void **state) {
    p_world w;
    (void)state;
    branch b;
    posw_mempool_options o = p_options();
    o.txs_max = 3;
    p_open_with(&w, &o, NULL);
    branch_open(&b, &w);
    h_plan plan = {.miner = 0, .tx_count = 4};
    for (uint64_t n = 0; n < 4; n++)
        plan.txs[n] = pool_tx_of(1, n);
    p_mine(&w, &plan);
    assert_int_equal(p_add(&w, 2, p_tx_tip(0, 9)), POSW_MEMPOOL_ACCEPTED);
    for (int i = 0; i < 2; i++) {
        h_plan other = {.miner = 1};
        branch_extend(&b, &other);
    }
    branch_give(&b, &w);
    p_expect(&w, 3, 0);
    assert_true(p_has(&w, 2, p_tx_tip(0, 9)));
    assert_true(p_has(&w, 1, p_tx(0)) && p_has(&w, 1, p_tx(1)));
    p_close(&w);
}

/* A block whose header the chain does not keep (it leaves too many at once) is passed over. */
static void blocks_that_are_gone(void **state) {
    p_world *w = *state;
    fill(w, 1, 0, 2);
    h_plan plan = {.miner = 0, .tx_count = 1, .txs = {pool_tx_of(1, 0)}};
    h_block b = h_extend(w->node.chain, &plan);
    const posw_hash gone = {{1, 2, 3}};
    const posw_chain_change change = {.removed = &gone, .removed_count = 1, .added = &b.hash, .added_count = 1};
    ok(posw_mempool_follow(w->pool, &change, P_NOW));
    p_expect(w, 1, 0);
    h_block_clear(&b);
}

static void a_store_fault(void **state) {
    p_world *w = *state;
    fill(w, 1, 0, 2);
    h_plan plan = {.miner = 0, .tx_count = 1, .txs = {pool_tx_of(1, 0)}};
    h_block b = h_extend(w->node.chain, &plan);
    const posw_chain_change change = {.added = &b.hash, .added_count = 1};
    posw_store_memory_fail(w->node.store, 1, POSW_EIO, false);
    assert_int_equal(posw_mempool_follow(w->pool, &change, P_NOW), POSW_EIO);
    p_check(w->pool);
    ok(posw_mempool_follow(w->pool, &change, P_NOW));
    p_expect(w, 1, 0);
    h_block_clear(&b);
}

/* ---- expiry ---- */

static void old_queued_ones_expire(void **state) {
    p_world w;
    (void)state;
    posw_mempool_options o = p_options();
    o.lifetime_s = 100;
    p_open_with(&w, &o, NULL);
    fill(&w, 1, 0, 2);
    fill(&w, 1, 5, 2);
    fill(&w, 2, 3, 1);
    w.now_s += 50;
    fill(&w, 1, 9, 1);
    w.now_s = P_NOW + 100; /* old, not older */
    h_plan plan = {.miner = 0};
    p_mine(&w, &plan);
    p_expect(&w, 2, 4);
    w.now_s++;
    p_mine(&w, &plan);
    p_expect(&w, 2, 1);
    assert_true(p_has(&w, 1, p_tx(9)));
    w.now_s = 1000000; /* pending ones wait for ever */
    p_mine(&w, &plan);
    p_expect(&w, 2, 0);
    w.now_s = 10; /* a clock that goes back makes nothing older */
    fill(&w, 1, 4, 1);
    p_mine(&w, &plan);
    p_expect(&w, 2, 1);
    p_close(&w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(mined_ones_go),
        TEST(replaced_by_a_block),
        TEST(a_block_fills_a_gap),
        TEST(money_that_is_gone),
        TEST(money_that_comes_back),
        TEST(the_miners_reward_counts),
        cmocka_unit_test(the_treasurys_share_counts),
        TEST(nothing_changed),
        TEST(removed_ones_wait_again),
        TEST(removed_blocks_in_order),
        TEST(removed_ones_that_cannot_be_paid),
        TEST(a_lost_reward),
        TEST(a_lost_payment),
        cmocka_unit_test(a_refill_of_a_full_pool),
        TEST(blocks_that_are_gone),
        TEST(a_store_fault),
        cmocka_unit_test(old_queued_ones_expire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
