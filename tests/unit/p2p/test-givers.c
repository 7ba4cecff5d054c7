/* Who is asked for which block, and what is late (givers.c). */
#include "net.h"

/* How many blocks it was asked for since n_forget. */
static size_t blocks_asked(const n_net *w, uint64_t peer) {
    return n_asked(w, peer, POSW_MSG_GET_BLOCKS, NULL, 0);
}

static p2p_sync_peer *sync_of(const n_net *w, uint64_t peer) {
    return p2p_find(w->p2p, peer)->sync;
}

static void send_block(n_net *w, uint64_t peer, posw_chain *from, uint64_t number) {
    posw_hash hash;
    ok(posw_chain_hash_by_number(from, &hash, number));
    n_send_block(w, peer, from, &hash);
}

/* The more it brings the more it may owe, up to what one message asks for, and less when it takes long. */
static void test_shares(void **state) {
    (void)state;
    n_net w;
    h_node source;
    n_open_beside(&w, &source, 300);
    n_show(&w, 1, source.chain);
    assert_int_equal(blocks_asked(&w, 1), SYNC_SHARE_FIRST);
    for (size_t at_most = SYNC_SHARE_FIRST, n;
         (n = n_answer_blocks(&w, 1, source.chain)) > 0 && at_most < SYNC_IN_FLIGHT;) {
        at_most += n; /* one more for each */
        assert_true(sync_of(&w, 1)->asked_count <= at_most);
        assert_true(sync_of(&w, 1)->share <= SYNC_IN_FLIGHT);
    }
    assert_int_equal(sync_of(&w, 1)->share, SYNC_IN_FLIGHT);
    assert_true(sync_of(&w, 1)->asked_count <= SYNC_IN_FLIGHT);
    w.now_ms += SYNC_AHEAD_MS + 1;
    n_answer_blocks(&w, 1, source.chain);
    assert_true(sync_of(&w, 1)->share < SYNC_IN_FLIGHT);
    for (int i = 0; i < 100; i++) {
        w.now_ms += SYNC_AHEAD_MS + 1;
        n_answer_blocks(&w, 1, source.chain);
        assert_true(sync_of(&w, 1)->share >= 1);
    }
    h_same(w.node.chain, source.chain);
    assert_int_equal(n_violations(&w), 0);
    n_close_beside(&w, &source);
}

/* The one who does not give the block that all wait for keeps no more than its first share, and others are asked for
 * that: at the first sight of it not yet, since the answer may lie in the socket. Nothing more is asked of it before it
 * answers; its answer is no violation although another was quicker. */
static void test_a_late_block(void **state) {
    (void)state;
    n_net w;
    h_node source;
    n_open_beside(&w, &source, 200);
    n_show(&w, 1, source.chain);
    assert_int_equal(blocks_asked(&w, 1), SYNC_SHARE_FIRST);
    n_greet_with(&w, 2, source.chain);
    n_serve(&w, 2, source.chain); /* headers */
    n_serve_all(&w, 2, source.chain);
    assert_int_equal(posw_chain_tip(w.node.chain)->number, 0); /* all that it may bring is here */
    assert_true(sync_late_after_ms(w.p2p) < 2 * SYNC_LATE_MIN_MS);
    n_forget(&w);
    n_tick(&w, sync_late_after_ms(w.p2p));
    assert_int_equal(blocks_asked(&w, 2), 0);
    assert_true(w.timer_ms <= w.now_ms + SYNC_LATE_AGAIN_MS);
    n_tick(&w, SYNC_LATE_AGAIN_MS);
    assert_int_equal(blocks_asked(&w, 2), SYNC_SHARE_FIRST); /* all that the first owes */
    assert_true(sync_of(&w, 1)->late);
    assert_int_equal(sync_of(&w, 1)->share, SYNC_SHARE_FIRST / 2);
    n_serve_all(&w, 2, source.chain);
    for (int i = 0; i < 4; i++)
        n_tick(&w, 1); /* as it wishes after each part of a long import */
    h_same(w.node.chain, source.chain);
    assert_int_equal(blocks_asked(&w, 1), 0);
    for (uint64_t n = 1; n <= SYNC_SHARE_FIRST; n++)
        send_block(&w, 1, source.chain, n);
    assert_int_equal(n_violations(&w), 0);
    assert_int_equal(w.p2p->counters.blocks_wasted, SYNC_SHARE_FIRST);
    assert_false(sync_of(&w, 1)->late);
    send_block(&w, 1, source.chain, 1); /* once */
    assert_int_equal(n_violations(&w), 1);
    n_close_beside(&w, &source);
}

/* A block that was read between the two sights was not late. */
static void test_late_once(void **state) {
    (void)state;
    n_net w;
    h_node source;
    n_open_beside(&w, &source, 2);
    n_show(&w, 1, source.chain);
    n_greet_with(&w, 2, source.chain);
    n_tick(&w, sync_late_after_ms(w.p2p) - 1);
    n_tick(&w, 1);
    n_tick(&w, SYNC_LATE_AGAIN_MS - 1);
    assert_int_equal(blocks_asked(&w, 2), 0);
    n_answer_blocks(&w, 1, source.chain);
    n_tick(&w, 1);
    assert_int_equal(blocks_asked(&w, 2), 0);
    assert_false(sync_of(&w, 1)->late);
    h_same(w.node.chain, source.chain);
    n_close_beside(&w, &source);
}

/* Any number of those who hold one block each, and never give: their blocks are asked of another together. */
static void test_many_who_never_give(void **state) {
    (void)state;
    n_net w;
    h_node source;
    n_open_beside(&w, &source, 60);
    n_greet_with(&w, 1, source.chain);
    for (uint64_t peer = 2; peer < 12; peer++)
        n_greet_with(&w, peer, source.chain);
    n_answer_headers(&w, 1, source.chain, 1, 60);
    for (int i = 0; i < 4 && posw_chain_tip(w.node.chain)->number < 60; i++) {
        n_serve_all(&w, 11, source.chain);
        n_pass_late(&w);
    }
    h_same(w.node.chain, source.chain);
    assert_int_equal(n_violations(&w), 0);
    n_close_beside(&w, &source);
}

/* While nobody else can be asked nobody is late; whoever gives nothing for very long is left, and whoever gives slowly
 * is not. */
static void test_alone_and_slow(void **state) {
    (void)state;
    n_net w;
    h_node source;
    n_open_beside(&w, &source, 8);
    n_show(&w, 1, source.chain);
    for (uint64_t n = 1; n <= 3; n++) {
        n_tick(&w, SYNC_BLOCK_MS - 1);
        assert_true(w.peers[1].open);
        assert_false(sync_of(&w, 1)->late);
        send_block(&w, 1, source.chain, n);
        assert_int_equal(posw_chain_tip(w.node.chain)->number, n);
        n_send(&w, 1, &(posw_buf){0});
    }
    n_pass_late(&w);
    assert_true(w.timer_ms > w.now_ms + SYNC_LATE_AGAIN_MS); /* nothing can be done about it before somebody comes */
    n_tick(&w, SYNC_BLOCK_MS);
    assert_false(w.peers[1].open);
    assert_int_equal(n_violations(&w), 0);
    n_close_beside(&w, &source);
}

/* What blocks take at present is no single block's doing. */
static void test_lateness_follows_all(void **state) {
    (void)state;
    n_net w;
    h_node source;
    n_open_beside(&w, &source, 250);
    n_show(&w, 1, source.chain);
    for (int i = 0; i < 6; i++)
        n_answer_blocks(&w, 1, source.chain);
    const uint64_t quick = sync_late_after_ms(w.p2p);
    assert_true(quick < SYNC_LATE_MIN_MS + 20);
    w.now_ms += 30000;
    n_answer_blocks(&w, 1, source.chain); /* many that took half a minute: */
    const uint64_t slow = sync_late_after_ms(w.p2p);
    assert_true(slow > 2 * quick);
    p2p_sync s = *w.p2p->sync;
    w.p2p->sync->took_mean = SYNC_MEAN_OF; /* and one alone, after quick ones */
    sync_of(&w, 1)->took_ms = 30000;
    sync_note_right(w.p2p, p2p_find(w.p2p, 1));
    assert_true(sync_late_after_ms(w.p2p) < 2 * SYNC_LATE_MIN_MS);
    w.p2p->sync->took_mean = s.took_mean;
    n_close_beside(&w, &source);
}

/* The window is one of bytes, too, of those that are under way as well. */
static void test_large_blocks_are_asked_for_one_by_one(void **state) {
    (void)state;
    n_net w;
    h_node source;
    n_open_beside(&w, &source, 200);
    w.p2p->sync->block_bytes = SYNC_WINDOW_BYTES / 8;
    for (uint64_t peer = 1; peer <= 16; peer++)
        n_greet_with(&w, peer, source.chain);
    n_answer_headers(&w, 1, source.chain, 1, 200);
    size_t n = 0;
    for (uint64_t peer = 1; peer <= 16; peer++)
        n += blocks_asked(&w, peer);
    assert_int_equal(n, 9);
    n_close_beside(&w, &source);
}

/* What a peer owes that is being closed is asked of others at once, not when its socket has closed. */
static void test_who_is_closed_owes_nothing(void **state) {
    (void)state;
    n_net w;
    h_node source;
    posw_actions out = {0};
    n_open_beside(&w, &source, 3);
    n_show(&w, 1, source.chain);
    n_greet_with(&w, 2, source.chain);
    assert_int_equal(blocks_asked(&w, 2), 0);
    p2p_violation(w.p2p, p2p_find(w.p2p, 1), "a test", &out);
    posw_actions_clear(&out);
    n_tick(&w, P2P_TICK_MS);
    assert_int_equal(blocks_asked(&w, 2), 3);
    n_close_beside(&w, &source);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_a_late_block),
        cmocka_unit_test(test_late_once),
        cmocka_unit_test(test_many_who_never_give),
        cmocka_unit_test(test_alone_and_slow),
        cmocka_unit_test(test_lateness_follows_all),
        cmocka_unit_test(test_large_blocks_are_asked_for_one_by_one),
        cmocka_unit_test(test_who_is_closed_owes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
