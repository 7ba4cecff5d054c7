/* Chains that leave the own one further back than headers are kept for. */
#include "net.h"

enum { GENESIS_DIFFICULTY = 16, WRONG = 580, RIGHT = 10000 };

/* Of the right chain's blocks the first have difficulty 1: it outweighs the wrong one after some 9,200 of them only,
 * and with POSW_P2P_HEADERS_AHEAD is not there. */
typedef struct {
    n_net first, w; /* first: whose specification the chains have */
    h_node wrong, right;
} two_chains;

/* The chains are made once; each test has a node of its own. */
static int make_chains(void **state) {
    two_chains *t = calloc(1, sizeof *t);
    n_open_asert(&t->first, GENESIS_DIFFICULTY);
    h_open(&t->wrong, &t->first.spec);
    h_open(&t->right, &t->first.spec);
    n_grow_slowly(t->wrong.chain, WRONG, 4);
    n_grow_slowly(t->right.chain, RIGHT, 60);
    const posw_u256 wrong = posw_chain_weight_total(t->wrong.chain), right = posw_chain_weight_total(t->right.chain);
    assert_true(posw_u256_cmp(&right, &wrong) > 0);
    *state = t;
    return 0;
}

static int drop_chains(void **state) {
    two_chains *t = *state;
    h_close(&t->wrong);
    h_close(&t->right);
    n_close(&t->first);
    free(t);
    return 0;
}

static int open_node(void **state) {
    n_open_asert(&((two_chains *)*state)->w, GENESIS_DIFFICULTY);
    return 0;
}

static int close_node(void **state) {
    n_close(&((two_chains *)*state)->w);
    return 0;
}

static void settle(two_chains *t, uint64_t ms) {
    for (uint64_t at = 0; at < ms; at += 1000) {
        n_tick(&t->w, 1000);
        n_forget(&t->w);
    }
}

static bool at_tip_of(two_chains *t, const h_node *n) {
    const posw_hash hash = posw_chain_tip_hash(n->chain);
    return h_tip_is(t->w.node.chain, &hash);
}

static void follow_wrong(two_chains *t) {
    n_greet_with(&t->w, 1, t->wrong.chain);
    while (n_serve(&t->w, 1, t->wrong.chain) > 0) {
    }
    assert_true(at_tip_of(t, &t->wrong));
}

/* The peer of the right chain and that of the wrong one, which lacks what it is asked for. */
static bool serve(two_chains *t, uint64_t peer) {
    const size_t right = n_serve(&t->w, peer, t->right.chain), wrong = n_serve(&t->w, 1, t->wrong.chain);
    return right + wrong > 0;
}

/* A fresh node that met a lighter chain first, and executed it, leaves it for the heavier one; though its giver changes
 * on the way, first while it is weighed, then while it comes again. */
static void test_long_branch_wins(void **state) {
    two_chains *t = *state;
    n_net *w = &t->w;
    follow_wrong(t);
    n_greet_with(w, 2, t->right.chain);
    while (!(w->p2p->sync->branch_count == 1 && w->p2p->sync->branches[0]->far_count > 600))
        assert_true(serve(t, 2));
    n_closed(w, 2);
    n_greet_with(w, 3, t->right.chain);
    while (!(w->p2p->sync->branch_count == 1 && w->p2p->sync->branches[0]->far_taken > 100))
        assert_true(serve(t, 3));
    assert_true(at_tip_of(t, &t->wrong));
    n_closed(w, 3);
    n_greet_with(w, 4, t->right.chain);
    while (serve(t, 4)) {
    }
    assert_true(at_tip_of(t, &t->right));
    assert_int_equal(n_violations(w), 0);
    assert_true(w->p2p->counters.headers_checked <
                RIGHT + WRONG + 3 * POSW_MSG_HEADERS_MAX); /* each once; some come in vain */
}

/* Who shows other headers when they come again loses all that was weighed. */
static void test_other_headers_come_again(void **state) {
    two_chains *t = *state;
    n_net *w = &t->w;
    h_node other;
    follow_wrong(t);
    n_greet_with(w, 2, t->right.chain);
    while (!(w->p2p->sync->branch_count == 1 && w->p2p->sync->branches[0]->far_taken > 100))
        assert_true(serve(t, 2));
    const p2p_branch *b = w->p2p->sync->branches[0];
    const uint64_t taken = p2p_branch_number(b, b->count - 1);
    h_open(&other, &w->spec);
    h_feed(other.chain, t->right.chain, 1, taken);
    n_grow_slowly(other.chain, 2, 61);
    while (w->p2p->sync->branch_count == 1 && w->p2p->sync->branches[0]->far &&
           n_serve(w, 2, other.chain) + n_serve(w, 1, t->wrong.chain) > 0) {
    }
    assert_true(w->p2p->sync->branch_count == 0 || !w->p2p->sync->branches[0]->far);
    assert_true(at_tip_of(t, &t->wrong));
    n_closed(w, 2);
    settle(t, 3000);
    n_greet_with(w, 3, t->right.chain);
    while (serve(t, 3)) {
    }
    assert_true(at_tip_of(t, &t->right));
    h_close(&other);
}

/* Who has caught up is not led so far back (F3), and keeps nothing of it. */
static void test_long_branch_is_refused_later(void **state) {
    two_chains *t = *state;
    follow_wrong(t);
    settle(t, SYNC_SETTLE_MS + 1000);
    n_greet_with(&t->w, 2, t->right.chain);
    for (int i = 0; i < 100; i++)
        n_serve(&t->w, 2, t->right.chain);
    assert_true(at_tip_of(t, &t->wrong));
    assert_int_equal(t->w.p2p->sync->branch_count, 0);
    assert_int_equal(n_violations(&t->w), 0);
}

/* Nor is who was never behind: its start is over when it was in company for a while, and company showed no more. */
static void test_never_behind_is_no_start(void **state) {
    two_chains *t = *state;
    h_feed(t->w.node.chain, t->wrong.chain, 1, WRONG);
    n_greet_with(&t->w, 1, t->wrong.chain);
    settle(t, SYNC_SETTLE_MS + 1000);
    n_greet_with(&t->w, 2, t->right.chain);
    for (int i = 0; i < 1000 && serve(t, 2); i++) {
    }
    assert_true(at_tip_of(t, &t->wrong));
    assert_int_equal(n_violations(&t->w), 0);
}

/* Time alone ends no start: nobody has shown a chain. */
static void test_alone_is_no_end_of_the_start(void **state) {
    two_chains *t = *state;
    h_feed(t->w.node.chain, t->wrong.chain, 1, WRONG);
    settle(t, 10 * SYNC_SETTLE_MS);
    n_greet_with(&t->w, 2, t->right.chain);
    while (n_serve(&t->w, 2, t->right.chain) > 0) {
    }
    assert_true(at_tip_of(t, &t->right));
}

/* Whoever shows light headers without end does not keep the start open: they cost nothing. */
static void test_light_headers_do_not_keep_the_start_open(void **state) {
    two_chains *t = *state;
    h_feed(t->w.node.chain, t->wrong.chain, 1, WRONG);
    n_greet_with(&t->w, 1, t->wrong.chain);
    for (uint64_t at = 0, peer = 3; at < SYNC_SHOWN_MS + 2 * SYNC_SETTLE_MS; at += SYNC_SETTLE_MS / 2) {
        n_greet(&t->w, peer, RIGHT, UINT32_MAX);
        n_answer_headers(&t->w, peer, t->right.chain, 1, POSW_MSG_HEADERS_MAX);
        settle(t, SYNC_SETTLE_MS / 2); /* more is asked for, and does not come: it is left */
        peer = peer == N_PEERS ? 3 : peer + 1;
    }
    n_greet_with(&t->w, 2, t->right.chain);
    for (int i = 0; i < 1000 && serve(t, 2); i++) {
    }
    assert_true(at_tip_of(t, &t->wrong));
    assert_int_equal(n_violations(&t->w), 0);
}

/* Nor do the few blocks that are under way on a chain of quick blocks. */
static void test_some_blocks_do_not_keep_the_start_open(void **state) {
    enum { FIRST = WRONG - 20 };
    two_chains *t = *state;
    h_node grows;
    h_open(&grows, &t->w.spec);
    h_feed(grows.chain, t->wrong.chain, 1, FIRST);
    h_feed(t->w.node.chain, t->wrong.chain, 1, FIRST);
    for (uint64_t n = FIRST; n <= WRONG; n += 2) {
        n_greet_with(&t->w, 1, grows.chain);
        while (n_serve(&t->w, 1, grows.chain) > 0) {
        }
        settle(t, SYNC_SETTLE_MS / 2);
        if (n < WRONG) n_closed(&t->w, 1);
        if (n < WRONG) h_feed(grows.chain, t->wrong.chain, n + 1, n + 2);
    }
    assert_true(at_tip_of(t, &t->wrong));
    n_greet_with(&t->w, 2, t->right.chain);
    for (int i = 0; i < 1000 && serve(t, 2); i++) {
    }
    assert_true(at_tip_of(t, &t->wrong));
    assert_int_equal(n_violations(&t->w), 0);
    h_close(&grows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_long_branch_wins, open_node, close_node),
        cmocka_unit_test_setup_teardown(test_other_headers_come_again, open_node, close_node),
        cmocka_unit_test_setup_teardown(test_long_branch_is_refused_later, open_node, close_node),
        cmocka_unit_test_setup_teardown(test_never_behind_is_no_start, open_node, close_node),
        cmocka_unit_test_setup_teardown(test_light_headers_do_not_keep_the_start_open, open_node, close_node),
        cmocka_unit_test_setup_teardown(test_some_blocks_do_not_keep_the_start_open, open_node, close_node),
        cmocka_unit_test_setup_teardown(test_alone_is_no_end_of_the_start, open_node, close_node),
    };
    return cmocka_run_group_tests(tests, make_chains, drop_chains);
}
