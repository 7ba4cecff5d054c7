/* What a miner gets, in which order; and what a pool shows. */
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

static void add(p_world *w, unsigned from, uint64_t nonce, uint64_t fee_gwei, uint64_t tip_gwei) {
    posw_tx tx = p_tx_tip(nonce, tip_gwei);
    tx.max_fee = posw_u256_from_u64(fee_gwei * P_GWEI);
    assert_int_equal(p_add(w, from, tx), POSW_MEMPOOL_ACCEPTED);
}

/* "from.nonce from.nonce ..." of what selection gives; the sender of an entry named in skip is skipped after it. */
static void selected(const p_world *w, uint64_t base_fee_gwei, const char *skip, const char *expected) {
    posw_mempool_selection *s;
    const posw_mempool_entry *e;
    char text[512] = "";
    ok(posw_mempool_select(w->pool, &s, base_fee_gwei * P_GWEI));
    while ((e = posw_mempool_selection_next(s)) != NULL) {
        unsigned from = 0;
        for (posw_address a = h_address(0); !posw_address_equal(&a, &e->sender); a = h_address(from))
            from++;
        char one[32];
        snprintf(one, sizeof one, "%u.%u ", from, (unsigned)e->tx.nonce);
        strcat(text, one);
        if (skip != NULL && strstr(skip, one) != NULL) posw_mempool_selection_skip_sender(s);
    }
    assert_null(posw_mempool_selection_next(s));
    posw_mempool_selection_skip_sender(s);
    assert_null(posw_mempool_selection_next(s));
    posw_mempool_selection_free(s);
    assert_string_equal(text, expected);
}

static void empty(void **state) {
    p_world *w = *state;
    selected(w, 1, NULL, "");
    add(w, 1, 4, 100, 1);
    selected(w, 1, NULL, ""); /* queued only */
}

static void best_tip_first_and_nonces_in_order(void **state) {
    p_world *w = *state;
    add(w, 1, 0, 100, 2);
    add(w, 1, 1, 100, 9);
    add(w, 2, 0, 100, 5);
    add(w, 2, 1, 100, 1);
    add(w, 2, 2, 100, 8);
    add(w, 3, 0, 100, 3);
    add(w, 3, 2, 100, 99); /* behind a gap */
    selected(w, 1, NULL, "2.0 3.0 1.0 1.1 2.1 2.2 ");
}

static void equal_tips_by_arrival(void **state) {
    p_world *w = *state;
    add(w, 5, 0, 100, 2);
    add(w, 3, 0, 100, 2);
    add(w, 4, 0, 90, 2);
    add(w, 5, 1, 100, 2);
    add(w, 3, 1, 100, 2);
    selected(w, 1, NULL, "5.0 3.0 4.0 5.1 3.1 ");
}

/* What is left of the fee above the base fee may be less than the tip. */
static void the_base_fee_takes_its_part(void **state) {
    p_world *w = *state;
    add(w, 1, 0, 12, 8);
    add(w, 2, 0, 50, 3);
    add(w, 3, 0, 10, 1);
    selected(w, 1, NULL, "1.0 2.0 3.0 ");
    selected(w, 4, NULL, "1.0 2.0 3.0 ");
    selected(w, 9, NULL, "1.0 2.0 3.0 ");  /* 3, 3, 1 */
    selected(w, 10, NULL, "2.0 1.0 3.0 "); /* 2, 3, 0 */
    selected(w, 11, NULL, "2.0 1.0 ");
    selected(w, 13, NULL, "2.0 ");
    selected(w, 50, NULL, "2.0 ");
    selected(w, 51, NULL, "");
}

/* One that cannot pay the base fee holds up the rest of its sender's. */
static void a_low_fee_in_the_middle(void **state) {
    p_world *w = *state;
    add(w, 1, 0, 100, 9);
    add(w, 1, 1, 5, 1);
    add(w, 1, 2, 100, 9);
    add(w, 2, 0, 100, 1);
    selected(w, 5, NULL, "1.0 2.0 1.1 1.2 ");
    selected(w, 6, NULL, "1.0 2.0 ");
}

static void skipping_a_sender(void **state) {
    p_world *w = *state;
    for (uint64_t n = 0; n < 3; n++) {
        add(w, 1, n, 100, 5);
        add(w, 2, n, 100, 3);
        add(w, 3, n, 100, 1);
    }
    selected(w, 1, "1.0 ", "1.0 2.0 2.1 2.2 3.0 3.1 3.2 ");
    selected(w, 1, "1.1 2.0 3.2 ", "1.0 1.1 2.0 3.0 3.1 3.2 ");
    selected(w, 1, "1.0 2.0 3.0 ", "1.0 2.0 3.0 ");
}

/* Against a sort of all that may be chosen, again and again. */
static void random_pools(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        uint64_t random = seed, next[H_KEYS] = {0}, chosen[H_KEYS] = {0};
        p_world w;
        p_open(&w);
        for (int i = 0; i < 60; i++) {
            const unsigned from = (unsigned)random_below(&random, H_KEYS);
            add(&w, from, next[from]++, 10 + random_below(&random, 20), random_below(&random, 10));
        }
        const uint64_t base = (10 + random_below(&random, 15)) * P_GWEI;
        posw_mempool_selection *s;
        const posw_mempool_entry *e;
        ok(posw_mempool_select(w.pool, &s, base));
        while (true) {
            /* the best of the senders' next ones, by a look at each */
            const pool_tx *best = NULL;
            posw_u256 best_tip = POSW_U256_ZERO;
            for (unsigned from = 0; from < H_KEYS; from++) {
                const posw_address a = h_address(from);
                const pool_sender *sender = pool_sender_find(w.pool, &a);
                if (sender == NULL || chosen[from] >= sender->count) continue;
                const pool_tx *t = sender->txs[chosen[from]];
                const posw_u256 base_fee = posw_u256_from_u64(base);
                if (posw_u256_cmp(&t->e.tx.max_fee, &base_fee) < 0) continue;
                const posw_u256 price = posw_tx_effective_price(&t->e.tx, base),
                                tip = posw_u256_sub_sat(&price, &base_fee);
                const int by_tip = best == NULL ? 1 : posw_u256_cmp(&tip, &best_tip);
                if (by_tip < 0 || (by_tip == 0 && t->arrival > best->arrival)) continue;
                best = t;
                best_tip = tip;
            }
            e = posw_mempool_selection_next(s);
            assert_ptr_equal(e, best == NULL ? NULL : &best->e);
            if (best == NULL) break;
            for (unsigned from = 0; from < H_KEYS; from++) {
                const posw_address a = h_address(from);
                chosen[from] += posw_address_equal(&a, &e->sender);
            }
        }
        posw_mempool_selection_free(s);
        p_close(&w);
    }
}

/* ---- walking ---- */

typedef struct {
    size_t count, stop_at;
    posw_address last;
    uint64_t last_nonce;
} walked;

static int step(void *arg, const posw_mempool_entry *e) {
    walked *w = arg;
    if (w->count > 0) {
        const int by_sender = posw_address_cmp(&e->sender, &w->last);
        assert_true(by_sender > 0 || (by_sender == 0 && e->tx.nonce > w->last_nonce));
    }
    w->last = e->sender;
    w->last_nonce = e->tx.nonce;
    return ++w->count == w->stop_at ? 77 : 0;
}

static void walking_by_address_and_nonce(void **state) {
    p_world *w = *state;
    walked all = {0}, some = {.stop_at = 3}, one = {0};
    assert_int_equal(posw_mempool_walk(w->pool, NULL, step, &all), 0);
    for (unsigned from = 8; from-- > 0;)
        for (uint64_t n = 4; n-- > 0;)
            add(w, from, n == 3 ? 9 : n, 100, 1);
    assert_int_equal(posw_mempool_walk(w->pool, NULL, step, &all), 0);
    assert_int_equal(all.count, 32);
    assert_int_equal(posw_mempool_walk(w->pool, NULL, step, &some), 77);
    assert_int_equal(some.count, 3);
    const posw_address known = h_address(5), unknown = h_address(30);
    assert_int_equal(posw_mempool_walk(w->pool, &known, step, &one), 0);
    assert_int_equal(one.count, 4);
    assert_true(posw_address_equal(&one.last, &known));
    assert_int_equal(posw_mempool_walk(w->pool, &unknown, step, &one), 0);
    assert_int_equal(one.count, 4);
}

typedef struct {
    size_t count[H_KEYS], all, stop_at;
    unsigned last;
} counted;

static int count_up(void *arg, const posw_mempool_entry *e) {
    counted *c = arg;
    unsigned from = 0;
    for (posw_address a = h_address(0); !posw_address_equal(&a, &e->sender); a = h_address(from))
        from++;
    assert_int_equal(e->tx.nonce, c->count[from]++); /* in order */
    c->last = from;
    return ++c->all == c->stop_at ? 77 : 0;
}

/* Each once; who stops early has seen what is worth more than the worst. */
static void walking_unsorted(void **state) {
    p_world *w = *state;
    static const uint64_t tips[8] = {5, 3, 9, 1, 7, 8, 2, 6};
    counted all = {0}, some = {.stop_at = 8};
    assert_int_equal(posw_mempool_walk_unsorted(w->pool, count_up, &all), 0);
    for (unsigned from = 0; from < 8; from++)
        for (uint64_t n = 0; n < 3; n++)
            add(w, from, n, 100, tips[from]);
    assert_int_equal(posw_mempool_walk_unsorted(w->pool, count_up, &all), 0);
    assert_int_equal(all.all, 24);
    for (unsigned from = 0; from < 8; from++)
        assert_int_equal(all.count[from], 3);
    assert_int_equal(all.last, 3);
    assert_int_equal(posw_mempool_walk_unsorted(w->pool, count_up, &some), 77);
    assert_int_equal(some.all, 8);
    assert_int_equal(some.count[3], 0);
}

static void what_is_not_there(void **state) {
    p_world *w = *state;
    const posw_hash hash = {{9}};
    const posw_address unknown = h_address(30);
    posw_address out;
    uint64_t nonce;
    assert_null(posw_mempool_find(w->pool, &hash));
    assert_false(posw_mempool_sender(w->pool, &out, &hash));
    ok(posw_mempool_next_nonce(w->pool, &nonce, &unknown));
    assert_int_equal(nonce, 0);
    posw_mempool_counts(w->pool, NULL, NULL, NULL);
    posw_mempool_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(empty),
        TEST(best_tip_first_and_nonces_in_order),
        TEST(equal_tips_by_arrival),
        TEST(the_base_fee_takes_its_part),
        TEST(a_low_fee_in_the_middle),
        TEST(skipping_a_sender),
        cmocka_unit_test(random_pools),
        TEST(walking_by_address_and_nonce),
        TEST(walking_unsorted),
        TEST(what_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
