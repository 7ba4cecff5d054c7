/* The journal: what it keeps across a restart, and what damage costs. */
#include "mempool/pool.h"

static int setup(void **state) {
    p_world *w = malloc(sizeof *w);
    p_open(w);
    for (unsigned from = 1; from <= 3; from++)
        for (uint64_t n = 0; n < 3; n++)
            assert_int_equal(p_add(w, from, p_tx(n == 2 ? 5 : n)), POSW_MEMPOOL_ACCEPTED);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    p_close(*state);
    free(*state);
    return 0;
}

static posw_buf written(const p_world *w) {
    posw_buf b = {0};
    ok(posw_mempool_journal_write(w->pool, &b));
    assert_false(b.failed);
    return b;
}

/* A new pool on the same chain, with what this journal gives. */
static size_t reload(p_world *w, posw_bytes journal) {
    const posw_mempool_options o = p_options();
    size_t accepted = 99;
    posw_mempool_free(w->pool);
    ok(posw_mempool_new(&w->pool, w->node.chain, &o));
    ok(posw_mempool_journal_read(w->pool, journal.data, journal.size, w->now_s, &accepted));
    p_check(w->pool);
    return accepted;
}

static void round_trip(void **state) {
    p_world *w = *state;
    posw_buf first = written(w);
    assert_int_equal(reload(w, posw_buf_view(&first)), 9);
    p_expect(w, 6, 3);
    posw_buf second = written(w);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    assert_int_equal(reload(w, (posw_bytes){NULL, 0}), 0);
    p_expect(w, 0, 0);
    posw_buf_clear(&first);
    posw_buf_clear(&second);
}

/* Appended in the order of arrival, with a replaced one and one that came twice. */
static void records_as_they_came(void **state) {
    p_world *w = *state;
    posw_buf journal = {0};
    posw_tx better = p_tx_tip(0, 2);
    better.max_fee = posw_u256_from_u64(200 * P_GWEI);
    const posw_tx list[] = {p_tx(5), p_tx(0), better, p_tx(1), p_tx(1)};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(list); i++) {
        h_tx t = p_sign(4, &list[i]);
        const posw_mempool_entry e = {.tx = {.raw = posw_buf_view(&t.raw)}};
        posw_mempool_journal_record(&journal, &e);
        posw_buf_clear(&t.raw);
    }
    assert_int_equal(reload(w, posw_buf_view(&journal)), 4);
    p_expect(w, 2, 1);
    assert_true(p_has(w, 4, better));
    posw_buf_clear(&journal);
}

/* Cut anywhere: the whole records before the cut are there. */
static void torn_tail(void **state) {
    p_world *w = *state;
    posw_buf all = written(w);
    size_t whole = 0;
    const size_t step = all.size / 60;
    for (size_t cut = 0; cut <= all.size; cut = cut == all.size || cut + step < all.size ? cut + step : all.size) {
        size_t records = 0;
        for (whole = 0; whole + 4 <= cut && whole + 4 + posw_load_be32(all.data + whole) <= cut; records++)
            whole += 4 + posw_load_be32(all.data + whole);
        assert_int_equal(posw_mempool_journal_piece(all.data, cut, SIZE_MAX), whole);
        assert_int_equal(reload(w, posw_bytes_of(all.data, cut)), records);
    }
    posw_buf_clear(&all);
}

static void pieces(void **state) {
    p_world *w = *state;
    posw_buf all = written(w);
    const size_t first = 4 + posw_load_be32(all.data), second = first + 4 + posw_load_be32(all.data + first);
    assert_int_equal(posw_mempool_journal_piece(all.data, all.size, 0), 0);
    assert_int_equal(posw_mempool_journal_piece(all.data, all.size, 1), first);
    assert_int_equal(posw_mempool_journal_piece(all.data, all.size, first), first);
    assert_int_equal(posw_mempool_journal_piece(all.data, all.size, first + 1), second);
    assert_int_equal(posw_mempool_journal_piece(all.data, all.size, SIZE_MAX), all.size);
    assert_int_equal(posw_mempool_journal_piece(NULL, 0, SIZE_MAX), 0);
    posw_buf_clear(&all);
}

static void damaged_lengths(void **state) {
    p_world *w = *state;
    posw_buf all = written(w);
    const size_t first = 4 + posw_load_be32(all.data);
    const uint32_t bad[] = {0, POSW_TX_SIZE_MAX + 1, UINT32_MAX, (uint32_t)all.size};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++) {
        posw_store_be32(all.data + first, bad[i]);
        assert_int_equal(reload(w, posw_buf_view(&all)), 1);
    }
    posw_buf_clear(&all);
}

/* A damaged record of the right length costs itself only. */
static void damaged_record(void **state) {
    p_world *w = *state;
    posw_buf all = written(w);
    all.data[4] = 0x90;
    assert_int_equal(reload(w, posw_buf_view(&all)), 8);
    posw_buf_clear(&all);
}

/* Mined meanwhile: not recovered again, not taken. */
static void mined_ones_are_passed_over(void **state) {
    p_world *w = *state;
    posw_buf all = written(w);
    const posw_tx a = p_tx(0), b = p_tx(1);
    h_plan plan = {.miner = 0, .tx_count = 3, .txs = {p_sign(1, &a), p_sign(1, &b), p_sign(2, &a)}};
    p_mine(w, &plan);
    assert_int_equal(reload(w, posw_buf_view(&all)), 6);
    p_expect(w, 3, 3);
    posw_buf_clear(&all);
}

static void a_store_fault(void **state) {
    p_world *w = *state;
    posw_buf all = written(w);
    size_t accepted = 0;
    reload(w, (posw_bytes){NULL, 0});
    posw_store_memory_fail(w->node.store, 3, POSW_EIO, false);
    assert_int_equal(posw_mempool_journal_read(w->pool, all.data, all.size, w->now_s, &accepted), POSW_EIO);
    p_check(w->pool);
    assert_int_equal(accepted, w->pool->tx_count);
    posw_buf_clear(&all);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(round_trip),
        TEST(records_as_they_came),
        TEST(torn_tail),
        TEST(pieces),
        TEST(damaged_lengths),
        TEST(damaged_record),
        TEST(mined_ones_are_passed_over),
        TEST(a_store_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
