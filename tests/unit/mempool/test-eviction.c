/* A full pool: who goes, in which order, and that nobody goes for nothing. */
#include "mempool/pool.h"

/* A pool of `txs` transactions of any size. */
static void open_small(p_world *w, size_t txs) {
    posw_mempool_options o = p_options();
    o.txs_max = txs;
    p_open_with(w, &o, NULL);
}

static void taken(p_world *w, unsigned from, uint64_t nonce, uint64_t tip) {
    assert_int_equal(p_add(w, from, p_tx_tip(nonce, tip)), POSW_MEMPOOL_ACCEPTED);
}

static void full(p_world *w, unsigned from, uint64_t nonce, uint64_t tip) {
    const posw_tx tx = p_tx_tip(nonce, tip);
    const size_t before = w->pool->tx_count;
    posw_message msg = {""};
    assert_int_equal(p_add_says(w, from, &tx, &msg), POSW_MEMPOOL_FULL);
    assert_string_equal(msg.text, "txpool is full: offer a higher fee or try again later");
    assert_int_equal(w->pool->tx_count, before);
}

static bool has(const p_world *w, unsigned from, uint64_t nonce, uint64_t tip) {
    return p_has(w, from, p_tx_tip(nonce, tip));
}

/* ---- order ---- */

static void the_lowest_tail_goes_first(void **state) {
    p_world w;
    (void)state;
    open_small(&w, 4);
    taken(&w, 1, 0, 5);
    taken(&w, 2, 0, 3);
    taken(&w, 3, 0, 7);
    taken(&w, 4, 0, 4);
    full(&w, 5, 0, 2);
    full(&w, 5, 0, 3); /* equal offers: the later arrival is worth less */
    taken(&w, 5, 0, 6);
    assert_false(has(&w, 2, 0, 3));
    taken(&w, 6, 0, 5);
    assert_false(has(&w, 4, 0, 4));
    full(&w, 2, 0, 5);
    taken(&w, 2, 0, 6);
    assert_false(has(&w, 6, 0, 5)); /* of two equal ones the later goes */
    assert_true(has(&w, 1, 0, 5));
    p_expect(&w, 4, 0);
    p_close(&w);
}

static void the_fee_decides_between_equal_tips(void **state) {
    p_world w;
    (void)state;
    open_small(&w, 2);
    posw_tx low = p_tx(0), high = p_tx(0), mid = p_tx(0);
    low.max_fee = posw_u256_from_u64(50 * P_GWEI);
    mid.max_fee = posw_u256_from_u64(60 * P_GWEI);
    assert_int_equal(p_add(&w, 1, high), POSW_MEMPOOL_ACCEPTED);
    assert_int_equal(p_add(&w, 2, low), POSW_MEMPOOL_ACCEPTED);
    assert_int_equal(p_add(&w, 3, mid), POSW_MEMPOOL_ACCEPTED);
    assert_false(p_has(&w, 2, low));
    assert_true(p_has(&w, 1, high));
    p_close(&w);
}

static void with_a_high_base_fee(posw_chain_spec *spec) {
    spec->params.base_fee_initial_wei =
        64 * P_GWEI; /* so that of block 1 is 56, of block 2 49, and of block 3 42.875 */
}

/* A transaction of the old kind, whose gas price is fee and tip. */
static posw_tx priced(uint64_t gwei) {
    posw_tx tx = p_tx_tip(0, gwei);
    tx.max_fee = tx.max_tip;
    return tx;
}

/* A price below the base fee pays nobody and is not mined: it does not push out what is. */
static void a_tip_counts_above_the_base_fee(void **state) {
    p_world w;
    (void)state;
    posw_mempool_options o = p_options();
    o.txs_max = 2;
    p_open_with(&w, &o, with_a_high_base_fee);
    taken(&w, 1, 0, 2); /* fee 100 */
    taken(&w, 2, 0, 3);
    assert_int_equal(p_add(&w, 3, priced(55)), POSW_MEMPOOL_FULL);
    assert_int_equal(p_add(&w, 3, priced(56)), POSW_MEMPOOL_FULL);
    assert_int_equal(p_add(&w, 3, priced(58)), POSW_MEMPOOL_FULL); /* as much, but with a lower fee */
    assert_int_equal(p_add(&w, 3, priced(59)), POSW_MEMPOOL_ACCEPTED);
    assert_false(has(&w, 1, 0, 2));
    assert_true(has(&w, 2, 0, 3));
    p_close(&w);
}

/* What a price is worth follows the base fee. */
static void the_base_fee_falls(void **state) {
    p_world w;
    (void)state;
    posw_mempool_options o = p_options();
    o.txs_max = 2;
    p_open_with(&w, &o, with_a_high_base_fee);
    assert_int_equal(p_add(&w, 3, priced(50)), POSW_MEMPOOL_ACCEPTED); /* there is room */
    taken(&w, 1, 0, 2);
    h_plan plan = {.miner = 0};
    p_mine(&w, &plan);
    taken(&w, 2, 0, 3); /* the price leaves 1 */
    assert_false(p_has(&w, 3, priced(50)));
    assert_int_equal(p_add(&w, 3, priced(50)), POSW_MEMPOOL_FULL);
    p_mine(&w, &plan);
    assert_int_equal(p_add(&w, 3, priced(50)), POSW_MEMPOOL_ACCEPTED); /* it leaves 7.125 */
    assert_false(has(&w, 1, 0, 2));
    full(&w, 1, 0, 3);
    taken(&w, 1, 0, 4);
    assert_false(has(&w, 2, 0, 3));
    p_close(&w);
}

/* Only tails go, so no gap is made; one generous tail does not hold the cheap ones before it. */
static void a_tail_is_worth_the_worst_before_it(void **state) {
    p_world w;
    (void)state;
    open_small(&w, 4);
    taken(&w, 1, 0, 2);
    taken(&w, 1, 1, 50);
    taken(&w, 1, 2, 90);
    taken(&w, 2, 0, 4);
    taken(&w, 3, 0, 3);
    assert_false(has(&w, 1, 2, 90));
    taken(&w, 4, 0, 3);
    assert_false(has(&w, 1, 1, 50));
    p_expect(&w, 4, 0);
    full(&w, 1, 1, 99); /* it would come after one that offers 2 */
    p_close(&w);
}

static void queued_ones_go_before_pending_ones(void **state) {
    p_world w;
    (void)state;
    open_small(&w, 4);
    taken(&w, 1, 1, 90); /* behind a gap */
    taken(&w, 2, 3, 80);
    taken(&w, 3, 0, 1);
    taken(&w, 4, 0, 2);
    taken(&w, 5, 0, 1);
    assert_false(has(&w, 2, 3, 80));
    full(&w, 2, 1, 85); /* queued ones compete with queued ones only */
    taken(&w, 2, 1, 95);
    assert_false(has(&w, 1, 1, 90));
    taken(&w, 6, 0, 1);
    assert_false(has(&w, 2, 1, 95));
    p_expect(&w, 4, 0);
    full(&w, 2, 1, 99); /* all are pending */
    p_close(&w);
}

/* A sender's queued tail goes, and its pending ones stay. */
static void a_sender_with_both(void **state) {
    p_world w;
    (void)state;
    open_small(&w, 3);
    taken(&w, 1, 0, 1);
    taken(&w, 1, 5, 40);
    taken(&w, 2, 0, 9);
    taken(&w, 3, 0, 1);
    assert_true(has(&w, 1, 0, 1));
    assert_false(has(&w, 1, 5, 40));
    p_expect(&w, 3, 0);
    p_close(&w);
}

/* A pending tail becomes queued when its sender's money goes elsewhere. */
static void filling_a_gap_in_a_full_pool(void **state) {
    p_world w;
    (void)state;
    open_small(&w, 3);
    taken(&w, 1, 1, 9);
    taken(&w, 1, 2, 8);
    taken(&w, 2, 0, 20);
    taken(&w, 1, 0, 5); /* over its own tail */
    assert_false(has(&w, 1, 2, 8));
    p_expect(&w, 3, 0);
    full(&w, 1, 2, 99);
    p_close(&w);
}

static void one_sender_cannot_push_out_its_own_front(void **state) {
    p_world w;
    (void)state;
    open_small(&w, 3);
    for (uint64_t n = 0; n < 3; n++)
        taken(&w, 1, n, 10 + n);
    full(&w, 1, 3, 99);
    full(&w, 1, 7, 99);
    p_expect(&w, 3, 0);
    p_close(&w);
}

/* ---- replacing in a full pool ---- */

/* Whoever fills the pool, over what others offer, and then takes the money away from under all of it by replacing the
 * first one, would have emptied it for the price of one transaction. */
static void a_queue_is_not_undone_by_its_front(void **state) {
    enum { MANY = 50 };
    p_world w;
    (void)state;
    open_small(&w, MANY);
    for (uint64_t n = 0; n < MANY; n++)
        taken(&w, 2, n, 5);
    for (uint64_t n = 0; n < MANY; n++)
        taken(&w, 1, n, 10); /* over all of the other's */
    p_expect(&w, MANY, 0);
    posw_tx all = p_tx_tip(0, 20);
    const posw_u256 gas = posw_u256_from_u64(21000 * 200 * P_GWEI), coins = h_coins(10000);
    all.max_fee = posw_u256_from_u64(200 * P_GWEI);
    assert_true(posw_u256_sub(&all.value, &coins, &gas));
    assert_int_equal(p_add(&w, 1, all), POSW_MEMPOOL_FUNDS);
    p_expect(&w, MANY, 0);
    p_close(&w);
}

static void replacing_needs_no_room(void **state) {
    p_world w;
    (void)state;
    open_small(&w, 2);
    taken(&w, 1, 0, 10);
    taken(&w, 2, 0, 3);
    posw_tx better = p_tx_tip(0, 11);
    better.max_fee = posw_u256_from_u64(110 * P_GWEI);
    assert_int_equal(p_add(&w, 1, better), POSW_MEMPOOL_ACCEPTED);
    assert_true(has(&w, 2, 0, 3));
    better.max_tip = posw_u256_from_u64(4 * P_GWEI);
    assert_int_equal(p_add(&w, 2, better), POSW_MEMPOOL_ACCEPTED);
    p_expect(&w, 2, 0);
    p_close(&w);
}

/* ---- bytes ---- */

/* Encodings of equal shape differ by a few bytes. */
enum { SLACK = 40 };

static posw_tx heavy(uint64_t nonce, uint64_t tip, size_t input_size) {
    static const uint8_t zeros[4096];
    posw_tx tx = p_tx_tip(nonce, tip);
    tx.input = posw_bytes_of(zeros, input_size);
    tx.gas_limit = 21000 + 4 * input_size;
    return tx;
}

static size_t size_of(const posw_tx *tx) {
    h_tx t = p_sign(1, tx);
    const size_t size = sizeof(pool_tx) + t.raw.size;
    posw_buf_clear(&t.raw);
    return size;
}

static void bytes_limit(void **state) {
    p_world w;
    (void)state;
    posw_mempool_options o = p_options();
    const posw_tx light = p_tx(0), big = heavy(0, 20, 1000);
    o.bytes_max = 3 * size_of(&light) + size_of(&big);
    p_open_with(&w, &o, NULL);
    size_t bytes;
    for (unsigned from = 1; from <= 3; from++)
        taken(&w, from, 0, from);
    assert_int_equal(p_add(&w, 4, big), POSW_MEMPOOL_ACCEPTED);
    posw_mempool_counts(w.pool, NULL, NULL, &bytes);
    assert_int_equal(bytes, o.bytes_max); /* exactly */
    full(&w, 5, 0, 1);
    taken(&w, 5, 0, 2);
    assert_false(has(&w, 1, 0, 1));
    p_close(&w);
}

/* A large one that needs the room of several is taken for all of them or for none. */
static void several_go_for_a_large_one_or_none(void **state) {
    p_world w;
    (void)state;
    posw_mempool_options o = p_options();
    const posw_tx light = p_tx(0);
    const size_t one = size_of(&light);
    o.bytes_max = 7 * one + SLACK;
    p_open_with(&w, &o, NULL);
    for (unsigned from = 1; from <= 5; from++)
        taken(&w, from, 0, from);
    taken(&w, 1, 1, 6);
    taken(&w, 6, 4, 50); /* queued */
    p_expect(&w, 6, 1);
    posw_tx large = heavy(0, 3, 4 * one);
    posw_message msg;
    assert_int_equal(p_add_says(&w, 7, &large, &msg),
                     POSW_MEMPOOL_FULL); /* sender 3's offers as much, and came first */
    p_expect(&w, 6, 1);
    for (unsigned from = 1; from <= 5; from++)
        assert_true(has(&w, from, 0, from));
    assert_true(has(&w, 1, 1, 6) && has(&w, 6, 4, 50));
    large = heavy(0, 2, 2 * one - 80); /* a little less than three of them, and so many are cheaper */
    assert_int_equal(p_add(&w, 7, large), POSW_MEMPOOL_ACCEPTED);
    assert_false(has(&w, 6, 4, 50) || has(&w, 1, 1, 6) || has(&w, 1, 0, 1));
    for (unsigned from = 2; from <= 5; from++)
        assert_true(has(&w, from, 0, from));
    p_close(&w);
}

static void replacing_by_a_larger_one(void **state) {
    p_world w;
    (void)state;
    posw_mempool_options o = p_options();
    const posw_tx light = p_tx(0);
    o.bytes_max = 3 * size_of(&light) + SLACK;
    p_open_with(&w, &o, NULL);
    for (unsigned from = 1; from <= 3; from++)
        taken(&w, from, 0, from);
    posw_tx larger = heavy(0, 4, 200);
    larger.max_fee = posw_u256_from_u64(200 * P_GWEI);
    assert_int_equal(p_add(&w, 3, larger), POSW_MEMPOOL_ACCEPTED);
    assert_false(has(&w, 1, 0, 1));
    assert_true(has(&w, 2, 0, 2));
    /* what is replaced may itself be the cheapest: it stays when that does not suffice */
    larger = heavy(0, 3, 600);
    larger.max_fee = posw_u256_from_u64(200 * P_GWEI);
    posw_message msg;
    assert_int_equal(p_add_says(&w, 2, &larger, &msg), POSW_MEMPOOL_FULL);
    assert_true(has(&w, 2, 0, 2));
    p_expect(&w, 2, 0);
    larger.max_tip = posw_u256_from_u64(5 * P_GWEI);
    assert_int_equal(p_add(&w, 2, larger), POSW_MEMPOOL_ACCEPTED);
    assert_int_equal(w.pool->tx_count, 1);
    p_close(&w);
}

static void nothing_fits(void **state) {
    p_world w;
    (void)state;
    posw_mempool_options o = p_options();
    o.bytes_max = 100;
    p_open_with(&w, &o, NULL);
    full(&w, 1, 0, 99);
    p_close(&w);
    o = p_options();
    o.txs_max = 0;
    p_open_with(&w, &o, NULL);
    full(&w, 1, 0, 99);
    p_close(&w);
}

/* ---- many ---- */

/* The pool keeps the best of what came, in whatever order it came. */
static void keeps_the_best(void **state) {
    enum { SENDERS = 40, KEPT = 15 };
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        p_world w;
        uint64_t random = seed, tips[SENDERS];
        posw_mempool_options o = p_options();
        o.txs_max = KEPT;
        p_open_with(&w, &o, NULL);
        /* each comes from an account of its own: given senders need no keys, but money */
        for (size_t i = 0; i < SENDERS; i++)
            tips[i] = i + 1;
        for (size_t i = SENDERS; i-- > 1;) {
            const size_t k = random_below(&random, i + 1);
            const uint64_t t = tips[i];
            tips[i] = tips[k];
            tips[k] = t;
        }
        unsigned accepted = 0;
        for (size_t i = 0; i < SENDERS; i++) {
            const unsigned from = (unsigned)(i % H_KEYS);
            const posw_tx tx = p_tx_tip(p_next(&w, from), tips[i]);
            accepted += p_add(&w, from, tx) == POSW_MEMPOOL_ACCEPTED;
        }
        assert_int_equal(w.pool->tx_count, KEPT);
        assert_true(accepted >= KEPT);
        p_close(&w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_tail_goes_first),
        cmocka_unit_test(the_fee_decides_between_equal_tips),
        cmocka_unit_test(a_tip_counts_above_the_base_fee),
        cmocka_unit_test(the_base_fee_falls),
        cmocka_unit_test(a_tail_is_worth_the_worst_before_it),
        cmocka_unit_test(queued_ones_go_before_pending_ones),
        cmocka_unit_test(a_sender_with_both),
        cmocka_unit_test(filling_a_gap_in_a_full_pool),
        cmocka_unit_test(one_sender_cannot_push_out_its_own_front),
        cmocka_unit_test(replacing_needs_no_room),
        cmocka_unit_test(a_queue_is_not_undone_by_its_front),
        cmocka_unit_test(bytes_limit),
        cmocka_unit_test(several_go_for_a_large_one_or_none),
        cmocka_unit_test(replacing_by_a_larger_one),
        cmocka_unit_test(nothing_fits),
        cmocka_unit_test(keeps_the_best),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
