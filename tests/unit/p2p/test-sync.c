/* Headers and blocks: messages by hand against a whole node. */
#include "net.h"

/* ---- headers and blocks ---- */

static void test_unasked(void **state) {
    (void)state;
    n_net w;
    n_open(&w);
    posw_msg_writer list;
    posw_buf b = {0}, block = {0};
    h_block made = h_simple(w.node.chain, 1, 1);
    n_greet(&w, 1, 0, 0);
    posw_msg_headers_begin(&list, &b, 1);
    posw_msg_end(&list);
    n_send(&w, 1, &b);
    n_greet(&w, 2, 0, 0);
    posw_msg_block_encode(&b, posw_buf_view(&made.bytes));
    n_send(&w, 2, &b);
    assert_int_equal(n_violations(&w), 2);
    h_block_clear(&made);
    posw_buf_clear(&b);
    posw_buf_clear(&block);
    n_close(&w);
}

static void test_sync(void **state) {
    (void)state;
    n_net w;
    h_node source;
    n_open(&w);
    h_open(&source, &w.spec);
    h_grow(source.chain, 40);
    n_greet(&w, 1, 40, 1000000);
    n_answer_headers(&w, 1, source.chain, 1, 40);
    size_t blocks = 0, n;
    while ((n = n_answer_blocks(&w, 1, source.chain)) > 0)
        blocks += n;
    assert_int_equal(blocks, 40);
    h_same(w.node.chain, source.chain);
    assert_int_equal(n_violations(&w), 0);
    h_close(&source);
    n_close(&w);
}

/* F3 while a node starts: of a branch that leaves its chain deep, the last block is taken like the others, also where
 * it comes alone and all hangs on it. */
static void test_last_block_of_a_deep_branch(void **state) {
    (void)state;
    enum { BLOCKS = H_REORG + 5 };
    n_net w;
    h_node source;
    posw_hash hash;
    n_open(&w);
    h_open(&source, &w.spec);
    n_grow_slowly(w.node.chain, BLOCKS - 1, 2);
    n_grow_slowly(source.chain, BLOCKS, 1);
    n_greet_with(&w, 1, source.chain);
    n_answer_headers(&w, 1, source.chain, 1, BLOCKS);
    for (uint64_t n = 1; n <= BLOCKS; n++) { /* one after the other, as they are asked for */
        ok(posw_chain_hash_by_number(source.chain, &hash, n));
        n_send_block(&w, 1, source.chain, &hash);
    }
    assert_int_equal(n_violations(&w), 0);
    h_same(w.node.chain, source.chain);
    h_close(&source);
    n_close(&w);
}

static void import_next(n_net *w, posw_chain *from) {
    const uint64_t next = posw_chain_tip(w->node.chain)->number + 1;
    h_block b = h_copy(from, next);
    posw_prepared p;
    posw_verdict v;
    posw_actions a = {0};
    ok(posw_prepare(&p, b.bytes.data, b.bytes.size, &h_pow, NULL, NULL));
    ok(posw_node_submit_block(w->n, &p, &v, &a));
    assert_int_equal(v.kind, POSW_VALID);
    posw_actions_clear(&a);
    h_block_clear(&b);
}

static bool says_restart(const n_net *w) {
    posw_p2p_status s = {0};
    p2p_sync_status(w->p2p, &s);
    assert_int_equal(s.refused, s.problem[0] != 0);
    return strstr(s.problem, "restart with --connect") != NULL;
}

/* F3: that a heavier chain was refused, and what an operator can do, is said until the own chain is no lighter: one
 * more block is no reason to be silent. */
static void test_a_refused_chain_stays_said(void **state) {
    (void)state;
    enum { BLOCKS = H_REORG + 2, MORE = 3 };
    n_net w;
    h_node own, source;
    n_open(&w);
    h_open(&own, &w.spec);
    h_open(&source, &w.spec);
    n_grow_slowly(own.chain, BLOCKS + MORE, 2);
    n_grow_slowly(source.chain, BLOCKS + MORE, 1);
    h_feed(w.node.chain, own.chain, 1, BLOCKS);
    n_greet(&w, 2, 0, 0);
    for (uint64_t at = 0; at <= SYNC_SETTLE_MS; at += 1000)
        n_tick(&w, 1000);
    n_greet_with(&w, 1, source.chain);
    n_answer_headers(&w, 1, source.chain, 1, BLOCKS + MORE);
    n_answer_blocks(&w, 1, source.chain);
    for (int i = 0; i < MORE; i++) {
        assert_true(says_restart(&w));
        import_next(&w, own.chain);
    }
    assert_false(says_restart(&w));
    h_same(w.node.chain, own.chain);
    assert_int_equal(n_violations(&w), 0);
    h_close(&own);
    h_close(&source);
    n_close(&w);
}

/* Whoever comes to two blocks at once tells of them like of one, and of none while more of them are to come: those who
 * stand beside it may have heard of them from nobody else. */
static void test_what_was_caught_up_with_is_told(void **state) {
    (void)state;
    n_net w;
    h_node source;
    n_open(&w);
    h_open(&source, &w.spec);
    h_grow(source.chain, 3);
    n_greet(&w, 1, 0, 0);
    n_greet_with(&w, 2, source.chain);
    n_answer_headers(&w, 2, source.chain, 1, 3);
    assert_true(p2p_sync_is_behind(w.p2p));
    assert_int_equal(n_answer_blocks(&w, 2, source.chain), 3);
    h_same(w.node.chain, source.chain);
    posw_msg_frame f;
    posw_msg_header_list list;
    assert_int_equal(n_got(&w, 1, POSW_MSG_ANNOUNCE, &f), 1);
    assert_true(posw_msg_announce_decode(&list, f.payload));
    assert_int_equal(list.count, 3);
    assert_int_equal(n_got(&w, 2, POSW_MSG_ANNOUNCE, NULL), 0); /* it has them */
    h_close(&source);
    n_close(&w);
}

static posw_hash asked_after(const n_net *w, uint64_t peer) {
    posw_msg_frame f;
    posw_msg_get_headers asked;
    assert_true(n_got(w, peer, POSW_MSG_GET_HEADERS, &f) > 0);
    assert_true(posw_msg_get_headers_decode(&asked, f.payload));
    return posw_msg_hash_at(&asked.locator, 0);
}

/* Who falls silent while it gives headers holds the others up for a second: one of them goes on where it stopped. If it
 * answers after all, that is no violation, and it is the other that goes on. */
static void test_who_gives_headers_falls_silent(void **state) {
    (void)state;
    n_net w;
    h_node source;
    n_open_beside(&w, &source, 1400);
    n_greet_with(&w, 1, source.chain);
    assert_int_equal(n_serve(&w, 1, source.chain), 1); /* and it is asked for more */
    const posw_hash end = w.p2p->sync->branches[0]->last_hash;
    n_greet_with(&w, 2, source.chain);
    n_answer_headers(&w, 2, source.chain, 1, POSW_MSG_HEADERS_MAX); /* what is known */
    n_tick(&w, SYNC_ASK_LATE_MS - 1);
    assert_int_equal(n_got(&w, 2, POSW_MSG_GET_HEADERS, NULL), 1);
    n_tick(&w, 1);
    assert_int_equal(n_got(&w, 2, POSW_MSG_GET_HEADERS, NULL), 2);
    const posw_hash after = asked_after(&w, 2);
    assert_true(posw_hash_equal(&after, &end));
    n_serve_all(&w, 2, source.chain);
    for (int i = 0; i < 4; i++) { /* the blocks that the silent one owes are late */
        n_pass_late(&w);
        n_serve_all(&w, 2, source.chain);
    }
    h_same(w.node.chain, source.chain);
    assert_true(w.peers[1].open);
    n_forget(&w);
    const uint64_t request = p2p_find(w.p2p, 1)->sync->request;
    assert_true(request != 0);
    posw_buf b = {0};
    posw_msg_writer list;
    posw_chain_block_info info;
    posw_msg_headers_begin(&list, &b, request);
    ok(posw_chain_block_by_number(source.chain, &info, POSW_MSG_HEADERS_MAX + 1));
    assert_true(posw_msg_headers_add(&list, &info.header, NULL));
    posw_msg_end(&list);
    n_send(&w, 1, &b);
    assert_int_equal(n_violations(&w), 0);
    assert_true(w.peers[1].open);
    posw_buf_clear(&b);
    n_close_beside(&w, &source);
}

/* The more are silent the longer the next is waited for: a line that is slow itself does not become quicker by asking
 * everybody. */
static void test_not_everybody_is_asked(void **state) {
    (void)state;
    enum { MANY = 20 };
    n_net w;
    h_node source;
    n_open_beside(&w, &source, 1400);
    for (uint64_t peer = 1; peer <= MANY; peer++) {
        n_greet_with(&w, peer, source.chain);
        if (peer == 1)
            n_serve(&w, 1, source.chain);
        else
            n_answer_headers(&w, peer, source.chain, 1, POSW_MSG_HEADERS_MAX);
    }
    n_forget(&w);
    size_t at_ms[MANY], asked = 0;
    for (uint64_t ms = 0; ms < SYNC_ASK_MS - 1; ms += 100) {
        size_t now = 1;
        n_tick(&w, ms == 0 ? 0 : 100);
        for (uint64_t peer = 2; peer <= MANY; peer++)
            now += n_got(&w, peer, POSW_MSG_GET_HEADERS, NULL);
        for (; asked < now; asked++)
            at_ms[asked] = ms;
    }
    assert_int_equal(asked, 4);
    assert_int_equal(at_ms[1], SYNC_ASK_LATE_MS);
    assert_int_equal(at_ms[2], 3 * SYNC_ASK_LATE_MS);
    assert_int_equal(at_ms[3], 7 * SYNC_ASK_LATE_MS);
    n_close_beside(&w, &source);
}

/* Jobs look at signatures, whether the signer is known from the node's own table or from a proof: what comes before a
 * false one stands, and nothing is built on it. */
static void test_false_signature(void **state) {
    (void)state;
    static const uint64_t places[] = {6, 5 * H_EPOCH};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(places); i++) {
        n_net w;
        h_node source;
        n_open(&w);
        h_open(&source, &w.spec);
        h_grow(source.chain, 6 * H_EPOCH);
        w.keeps_jobs = true;
        n_greet_with(&w, 1, source.chain);
        n_answer_headers_forged(&w, 1, source.chain, 1, places[i], true);
        assert_int_equal(n_violations(&w), 0);
        assert_int_equal(w.p2p->sync->branches[0]->count, places[i]);
        assert_int_equal(w.p2p->sync->branches[0]->proved, 0);
        n_run_jobs(&w);
        assert_int_equal(n_violations(&w), 1);
        assert_false(w.peers[1].open);
        assert_int_equal(w.p2p->sync->branches[0]->count, places[i] - 1);
        assert_int_equal(w.p2p->sync->branches[0]->proved, places[i] - 1);
        n_greet_with(&w, 2, source.chain);
        for (int round = 0; round < 6; round++) {
            n_serve_all(&w, 2, source.chain);
            n_tick(&w, SYNC_QUIET_MS);
        }
        h_same(w.node.chain, source.chain);
        assert_int_equal(n_violations(&w), 1);
        h_close(&source);
        n_close(&w);
    }
}

/* A download that ends because its giver goes away is continued by another from where it ended, also when what has come
 * is no heavier than the own chain yet. */
static void test_cut_branch_goes_on(void **state) {
    (void)state;
    n_net w;
    h_node source;
    posw_msg_frame f;
    posw_msg_get_headers asked;
    n_open_asert(&w, 16);
    h_open(&source, &w.spec);
    n_grow_slowly(w.node.chain, 40, 1);
    n_grow_slowly(source.chain, 1400, 60); /* difficulty 1: outweighs the other after some 850 blocks */
    n_greet_with(&w, 1, source.chain);
    assert_int_equal(n_serve(&w, 1, source.chain), 1);
    assert_int_equal(n_got(&w, 1, POSW_MSG_GET_HEADERS, NULL), 1); /* for more */
    assert_int_equal(w.p2p->sync->branches[0]->count, POSW_MSG_HEADERS_MAX);
    const posw_hash end = w.p2p->sync->branches[0]->last_hash;
    n_closed(&w, 1);
    n_greet_with(&w, 2, source.chain);
    assert_int_equal(n_got(&w, 2, POSW_MSG_GET_HEADERS, &f), 1);
    assert_true(posw_msg_get_headers_decode(&asked, f.payload));
    const posw_hash first = posw_msg_hash_at(&asked.locator, 0);
    assert_true(posw_hash_equal(&first, &end));
    n_serve_all(&w, 2, source.chain);
    h_same(w.node.chain, source.chain);
    assert_int_equal(w.p2p->counters.headers_checked, 1400); /* each once */
    assert_int_equal(n_violations(&w), 0);
    h_close(&source);
    n_close(&w);
}

/* Of two chains that grow in step, over a line that is slower than they are, what has come of the other is kept while
 * it is no heavier: else it would begin anew with each block, and never be there in time. */
static void test_chains_in_step(void **state) {
    (void)state;
    n_net w;
    h_node source;
    posw_msg_writer list;
    posw_buf b = {0};
    n_open(&w);
    h_open(&source, &w.spec);
    n_grow_slowly(w.node.chain, 5, 2);
    n_grow_slowly(source.chain, 6, 1);
    n_greet_with(&w, 1, source.chain);
    assert_int_equal(n_got(&w, 1, POSW_MSG_GET_HEADERS, NULL), 1);
    n_answer_headers(&w, 1, source.chain, 1, 6);
    n_grow_slowly(w.node.chain, 1, 2); /* before the blocks come */
    n_tick(&w, 1000);
    const size_t asked = n_got(&w, 1, POSW_MSG_GET_HEADERS, NULL);
    n_grow_slowly(source.chain, 1, 1);
    posw_chain_block_info info;
    ok(posw_chain_block_by_number(source.chain, &info, 7));
    posw_msg_announce_begin(&list, &b);
    assert_true(posw_msg_headers_add(&list, &info.header, NULL));
    posw_msg_end(&list);
    n_send(&w, 1, &b);
    assert_int_equal(n_got(&w, 1, POSW_MSG_GET_HEADERS, NULL), asked);
    assert_int_equal(w.p2p->counters.headers_checked, 7);
    while (n_answer_blocks(&w, 1, source.chain) > 0) {
    }
    h_same(w.node.chain, source.chain);
    posw_buf_clear(&b);
    h_close(&source);
    n_close(&w);
}

/* A peer whose chain has changed near its tip: what has come of it is kept up to there, blocks and all. */
static void test_branch_follows_its_peer(void **state) {
    (void)state;
    n_net w;
    h_node source, other;
    n_open(&w);
    h_open(&source, &w.spec);
    h_open(&other, &w.spec);
    n_grow_slowly(w.node.chain, 6, 2);
    n_grow_slowly(source.chain, 6, 1);
    n_greet_with(&w, 1, source.chain); /* of equal weight */
    h_feed(other.chain, source.chain, 1, 4);
    n_grow_slowly(source.chain, 1, 1);
    n_tick(&w, 1);
    p2p_find(w.p2p, 1)->weight = posw_chain_weight_total(source.chain);
    n_tick(&w, SYNC_QUIET_MS);
    n_answer_headers(&w, 1, source.chain, 1, 7);
    n_grow_slowly(w.node.chain, 1, 2); /* and again, before blocks come */
    n_grow_slowly(other.chain, 4, 2);
    n_tick(&w, SYNC_QUIET_MS);
    const p2p_branch *b = w.p2p->sync->branches[0];
    assert_int_equal(b->count, 7);
    p2p_find(w.p2p, 1)->weight = posw_chain_weight_total(other.chain);
    p2p_find(w.p2p, 1)->hash = posw_chain_tip_hash(other.chain);
    n_tick(&w, 250);
    n_answer_headers(&w, 1, other.chain, 1, 8);
    assert_int_equal(w.p2p->sync->branch_count, 1);
    assert_int_equal(b->count, 8);
    const posw_hash tip = posw_chain_tip_hash(other.chain);
    assert_true(posw_hash_equal(&b->last_hash, &tip));
    assert_int_equal(w.p2p->counters.headers_checked, 11);
    for (int i = 0; i < 3; i++) {
        n_tick(&w, SYNC_LATE_AGAIN_MS);
        n_serve_all(&w, 1, other.chain);
    }
    h_same(w.node.chain, other.chain);
    assert_int_equal(n_violations(&w), 0);
    h_close(&source);
    h_close(&other);
    n_close(&w);
}

/* Somebody else does not change it. */
static void test_branch_is_cut_by_its_peer_only(void **state) {
    (void)state;
    n_net w;
    h_node source, other;
    n_open(&w);
    h_open(&source, &w.spec);
    h_open(&other, &w.spec);
    n_grow_slowly(w.node.chain, 6, 2);
    n_grow_slowly(source.chain, 7, 1);
    n_greet_with(&w, 1, source.chain);
    n_answer_headers(&w, 1, source.chain, 1, 7);
    h_feed(other.chain, source.chain, 1, 4);
    n_grow_slowly(other.chain, 4, 2);
    n_greet_with(&w, 2, other.chain);
    n_answer_headers(&w, 2, other.chain, 1, 8);
    const p2p_branch *b = w.p2p->sync->branches[0];
    const posw_hash tip = posw_chain_tip_hash(source.chain);
    assert_true(posw_hash_equal(&b->last_hash, &tip));
    assert_int_equal(w.p2p->counters.headers_checked, 7);
    for (int i = 0; i < 40; i++) { /* it is taken when the blocks before the fork are here */
        n_tick(&w, 250);
        while (n_serve(&w, 1, source.chain) + n_serve(&w, 2, other.chain) > 0) {
        }
    }
    h_same(w.node.chain, other.chain);
    h_close(&source);
    h_close(&other);
    n_close(&w);
}

/* The other may know it from its beginning only. */
static void test_cut_branch_goes_on_from_known_headers(void **state) {
    (void)state;
    n_net w;
    h_node source;
    n_open_asert(&w, 16);
    h_open(&source, &w.spec);
    n_grow_slowly(w.node.chain, 40, 1);
    n_grow_slowly(source.chain, 1400, 60);
    n_greet_with(&w, 1, source.chain);
    n_greet_with(&w, 2, source.chain); /* asked as well, whether it has the same chain */
    n_serve(&w, 1, source.chain);
    n_closed(&w, 1);
    n_serve_all(&w, 2, source.chain);
    h_same(w.node.chain, source.chain);
    assert_int_equal(w.p2p->counters.headers_checked, 1400);
    h_close(&source);
    n_close(&w);
}

/* One proof of work with any number of signatures does not take the place of other branches. */
static void test_equivocation(void **state) {
    (void)state;
    n_net w;
    h_node source;
    n_open(&w);
    h_open(&source, &w.spec);
    h_block made = h_simple(source.chain, 1, 1);
    posw_header h = made.header;
    n_greet(&w, 1, 0, 0);
    for (uint64_t i = 0; i < 200; i++) {
        posw_msg_writer list;
        posw_buf b = {0};
        h_sign_again(&h, 1, i);
        posw_msg_announce_begin(&list, &b);
        assert_true(posw_msg_headers_add(&list, &h, NULL));
        posw_msg_end(&list);
        n_send(&w, 1, &b);
        posw_buf_clear(&b);
    }
    assert_true(w.p2p->sync->branch_count <= POSW_COPIES_MAX);
    assert_int_equal(w.p2p->counters.headers_checked, POSW_COPIES_MAX);
    assert_int_equal(n_violations(&w), 0);
    h_block_clear(&made);
    h_grow(source.chain, 6); /* what others built on is taken all the same */
    n_greet(&w, 2, 6, 1000000);
    n_answer_headers(&w, 2, source.chain, 1, 6);
    while (n_answer_blocks(&w, 2, source.chain) > 0) {
    }
    h_same(w.node.chain, source.chain);
    h_close(&source);
    n_close(&w);
}

static void send_compact(n_net *w, uint64_t peer, const posw_header *h) {
    static const uint8_t nonce[8] = {1};
    posw_buf b = {0};
    assert_true(posw_msg_compact_encode(&b, h, NULL, nonce, NULL, 0, NULL, 0));
    n_send(w, peer, &b);
    posw_buf_clear(&b);
}

static void announce(n_net *w, uint64_t peer, const posw_header *h) {
    posw_msg_writer list;
    posw_buf b = {0};
    posw_msg_announce_begin(&list, &b);
    assert_true(posw_msg_headers_add(&list, h, NULL));
    posw_msg_end(&list);
    n_send(w, peer, &b);
    posw_buf_clear(&b);
}

/* Headers alone, of more work than the chain has: their blocks are kept back. Others' blocks go on, and mining is held
 * up once for ten seconds, not by every further such chain. */
static void test_headers_whose_blocks_do_not_come(void **state) {
    (void)state;
    n_net w;
    h_node source, other;
    n_open(&w);
    h_open(&source, &w.spec);
    h_open(&other, &w.spec);
    h_grow(source.chain, 6);
    n_greet(&w, 1, 6, 1000000);
    n_answer_headers(&w, 1, source.chain, 1, 6);
    assert_int_equal(n_got(&w, 1, POSW_MSG_GET_BLOCKS, NULL), 1);
    assert_true(p2p_sync_is_behind(w.p2p));
    /* a block of another's chain, which is lighter than those headers */
    h_block made = h_simple(other.chain, 2, 1), next;
    n_greet(&w, 2, 0, 0);
    announce(&w, 2, &made.header);
    h_import_valid(other.chain, &made);
    assert_int_equal(n_answer_blocks(&w, 2, other.chain), 1);
    assert_true(h_tip_is(w.node.chain, &made.hash));
    /* and the next, at once */
    next = h_simple(other.chain, 2, 1);
    send_compact(&w, 2, &next.header);
    assert_true(h_tip_is(w.node.chain, &next.hash));
    assert_true(p2p_sync_is_behind(w.p2p)); /* what others bring does not renew the patience with the first */
    n_tick(&w, SYNC_PATIENCE_MS);
    assert_false(p2p_sync_is_behind(w.p2p));
    n_closed(&w, 1);
    h_grow(source.chain, 3);
    n_tick(&w, SYNC_PATIENCE_MS);
    n_greet(&w, 3, 9, 1000000);
    n_answer_headers(&w, 3, source.chain, 1, 9);
    n_tick(&w, 2 * SYNC_PATIENCE_MS / SYNC_PATIENCE_BACK);
    assert_false(p2p_sync_is_behind(w.p2p));
    /* when they come at last, they are followed */
    for (int i = 0; i < 10 && posw_chain_tip(w.node.chain)->number < 9; i++) {
        n_tick(&w, SYNC_LATE_AGAIN_MS);
        while (n_answer_blocks(&w, 3, source.chain) > 0) {
        }
    }
    h_same(w.node.chain, source.chain);
    assert_int_equal(n_violations(&w), 0);
    h_block_clear(&made);
    h_block_clear(&next);
    h_close(&other);
    h_close(&source);
    n_close(&w);
}

/* A branch of which nothing ever comes does not stay. */
static void test_a_starved_branch_goes(void **state) {
    (void)state;
    n_net w;
    h_node source;
    n_open(&w);
    h_open(&source, &w.spec);
    h_grow(source.chain, 6);
    n_greet(&w, 1, 6, 1000000);
    n_answer_headers(&w, 1, source.chain, 1, 6);
    n_closed(&w, 1);
    assert_int_equal(w.p2p->sync->branch_count, 1);
    n_tick(&w, SYNC_STARVED_MS - 1);
    assert_int_equal(w.p2p->sync->branch_count, 1);
    n_tick(&w, 1 + P2P_TICK_MS);
    assert_int_equal(w.p2p->sync->branch_count, 0);
    h_close(&source);
    n_close(&w);
}

/* One who shows branch after branch takes the place of his own, and of nobody whose blocks are good. */
static void test_places_of_branches(void **state) {
    (void)state;
    n_net w;
    n_open(&w);
    h_block first = h_simple(w.node.chain, 1, 1), second;
    n_greet(&w, 1, 0, 0);
    send_compact(&w, 1, &first.header);
    second = h_simple(w.node.chain, 1, 1);
    announce(&w, 1, &second.header);
    const posw_hash honest = second.hash;
    size_t index;
    for (unsigned i = 0; i < 5 * SYNC_BRANCHES_MAX; i++) {
        h_plan plan = {.miner = 2 + i % 6, .gap_s = 2 + i};
        h_block made = h_build(w.node.chain, &plan);
        if (i % 2 == 0 && w.peers[2 + i % 20].open) n_closed(&w, 2 + i % 20);
        if (i % 2 == 0)
            n_greet(&w, 2 + i % 20, 0, 0); /* one connection after the other: no more than two branches each */
        announce(&w, 2 + (i - i % 2) % 20, &made.header);
        assert_true(w.p2p->sync->branch_count <= SYNC_BRANCHES_MAX);
        assert_non_null(sync_find_record(w.p2p->sync, &honest, &index));
        h_block_clear(&made);
    }
    assert_int_equal(w.p2p->sync->branch_count, SYNC_BRANCHES_MAX);
    h_block_clear(&first);
    h_block_clear(&second);
    n_close(&w);
}

/* Whether an output is what it claims to be shows only when it was computed: until then a peer's headers, and those of
 * all, may cost so many jobs and no more. */
static void test_jobs_have_a_limit(void **state) {
    (void)state;
    n_net w;
    n_open(&w);
    h_block made = h_simple(w.node.chain, 1, 1);
    posw_header h = made.header;
    uint64_t nonce = 0;
    w.keeps_jobs = true;
    for (uint64_t round = 0; w.p2p->jobs < P2P_JOBS_POW_MAX; round++) {
        const uint64_t peer = 1 + round % N_PEERS;
        assert_true(round < 2 * P2P_JOBS_POW_MAX / P2P_JOBS_PEER_MAX);
        if (w.peers[peer].open) n_closed(&w, peer); /* who comes again begins anew, but its jobs are under way */
        n_greet(&w, peer, 0, 0);
        for (int i = 0; i < P2P_JOBS_PEER_MAX + 3; i++) {
            posw_store_be64(h.nonce, nonce++);
            memset(h.mix_hash.b, 0, sizeof h.mix_hash.b); /* a lie */
            posw_store_be64(h.mix_hash.b, nonce);
            h_sign(&h, 1);
            announce(&w, peer, &h);
            assert_int_equal(p2p_find(w.p2p, peer)->jobs, i < P2P_JOBS_PEER_MAX ? i + 1 : P2P_JOBS_PEER_MAX);
        }
        n_forget(&w);
    }
    assert_int_equal(w.p2p->jobs, P2P_JOBS_POW_MAX);
    assert_int_equal(w.job_count, P2P_JOBS_POW_MAX);
    n_closed(&w, 1);
    n_greet(&w, 1, 0, 0);
    announce(&w, 1, &h);
    assert_int_equal(p2p_find(w.p2p, 1)->jobs, 0);
    n_run_jobs(&w);
    assert_int_equal(w.p2p->jobs, 0);
    assert_true(n_violations(&w) > 0);
    n_greet(&w, 31, 0, 0); /* and the honest one is heard again */
    send_compact(&w, 31, &made.header);
    assert_true(h_tip_is(w.node.chain, &made.hash));
    h_block_clear(&made);
    n_close(&w);
}

/* Those of the RPC, say: counted as its own, one too few would be under way ever after, and none be made any more. */
static void test_jobs_of_others_are_not_counted(void **state) {
    (void)state;
    n_net w;
    n_open(&w);
    posw_job *job = posw_job_new(POSW_JOB_SENDERS, 0);
    assert_non_null(job);
    job->id = 1;
    n_step(&w, &(posw_event){.type = POSW_EVENT_JOB_DONE, .job = job});
    assert_int_equal(w.p2p->jobs, 0);
    n_close(&w);
}

/* Blocks that are being prepared do not keep the headers of their giver from being looked at. */
static void test_blocks_are_no_proofs(void **state) {
    (void)state;
    n_net w;
    h_node source;
    n_open_beside(&w, &source, 2 * POSW_MSG_HEADERS_MAX);
    n_greet_with(&w, 1, source.chain);
    n_answer_headers(&w, 1, source.chain, 1, POSW_MSG_HEADERS_MAX);
    w.keeps_jobs = true;
    while (n_answer_blocks(&w, 1, source.chain) > 0) {
    }
    assert_true(w.job_count > 0);
    assert_int_equal(p2p_find(w.p2p, 1)->jobs, 0);
    h_close(&source);
    n_run_jobs(&w);
    n_close(&w);
}

/* Who has nothing more to tell now is asked again after two seconds, also when nothing else happens. */
static void test_who_was_quiet_is_asked_again(void **state) {
    (void)state;
    n_net w;
    n_open(&w);
    n_greet(&w, 1, 40, 1000000);                 /* claims a heavy chain, */
    w.p2p->wake_ms = UINT64_MAX;                 /* (nothing else is waited for) */
    n_answer_headers(&w, 1, w.node.chain, 1, 0); /* and shows none */
    assert_true(w.p2p->wake_ms <= w.now_ms + SYNC_QUIET_MS);
    n_forget(&w);
    n_tick(&w, SYNC_QUIET_MS);
    assert_int_equal(n_got(&w, 1, POSW_MSG_GET_HEADERS, NULL), 1);
    n_close(&w);
}

/* A disk that fails must not pass for an unknown block. */
static void test_failing_disk_ends_the_node(void **state) {
    (void)state;
    n_net w;
    n_open(&w);
    posw_buf b = {0};
    const posw_hash genesis = posw_chain_genesis_hash(w.node.chain);
    h_grow(w.node.chain, 3);
    n_greet(&w, 1, 0, 0);
    posw_store_memory_fail(w.node.store, 1, POSW_EIO, true);
    posw_msg_get_headers_encode(&b, 1, &genesis, 1, 10);
    n_send(&w, 1, &b);
    posw_store_memory_fail(w.node.store, 0, POSW_OK, false);
    assert_true(w.fatal);
    posw_buf_clear(&b);
    n_close(&w);
}

static void count_line(void *arg, enum posw_log_level level, const char *category, const char *line) {
    (void)category;
    if (level == POSW_LOG_ERROR && strstr(line, "posw db verify") != NULL) ++*(unsigned *)arg;
}

/* Whoever asks for a block that is damaged here does not get it, and gets the others; the node goes on, and says so now
 * and then. */
static void test_a_damaged_block_is_not_given(void **state) {
    enum { ROW, BODY, PLACES };
    (void)state;
    n_net w;
    unsigned lines = 0;
    const posw_log log = {.level = POSW_LOG_ERROR, .write = count_line, .arg = &lines};
    posw_hash hashes[3];
    posw_buf b = {0};
    posw_msg_frame last;
    posw_msg_hashes missing;
    n_open(&w);
    w.p2p->log = &log;
    h_grow(w.node.chain, 3);
    for (size_t i = 0; i < 3; i++)
        ok(posw_chain_hash_by_number(w.node.chain, &hashes[i], 1 + i));
    for (unsigned round = 0; round < 4; round++) {
        const uint64_t peer = 1 + round / 2;
        if (round == 2) n_tick(&w, SYNC_DAMAGE_MS); /* the first one has been silent for too long */
        if (round % 2 == 0) n_greet(&w, peer, 0, 0);
        n_forget(&w);
        posw_msg_hashes_encode(&b, POSW_MSG_GET_BLOCKS, hashes, 3);
        posw_store_memory_fail(w.node.store, 3 + round % PLACES, POSW_ECORRUPT, false); /* of the second block */
        n_send(&w, peer, &b);
        posw_store_memory_fail(w.node.store, 0, POSW_OK, false);
        assert_false(w.fatal);
        assert_int_equal(n_got(&w, peer, POSW_MSG_BLOCK, NULL), 2);
        assert_int_equal(n_got(&w, peer, POSW_MSG_NOT_FOUND, &last), 1);
        assert_true(posw_msg_hashes_decode(&missing, POSW_MSG_NOT_FOUND, last.payload));
        const posw_hash told = posw_msg_hash_at(&missing, 0);
        assert_true(missing.count == 1 && posw_hash_equal(&told, &hashes[1]));
        assert_int_equal(lines, peer);
    }
    posw_buf_clear(&b);
    n_close(&w);
}

/* A new tip of which something cannot be read is not told of: one message less, not an empty one. */
static void test_what_cannot_be_read_is_not_told(void **state) {
    (void)state;
    n_net w;
    posw_prepared p;
    posw_verdict v;
    posw_actions a = {0};
    n_open(&w);
    n_greet(&w, 1, 0, 0);
    for (unsigned fails = 0; fails < 2; fails++) {
        h_block b = h_simple(w.node.chain, 1, 1 + fails);
        ok(posw_prepare(&p, b.bytes.data, b.bytes.size, &h_pow, NULL, NULL));
        n_forget(&w);
        w.p2p->chain_error = fails ? POSW_EIO : POSW_OK;
        ok(posw_node_submit_block(w.n, &p, &v, &a));
        n_perform(&w, &a);
        posw_actions_clear(&a);
        posw_prepared_clear(&p);
        h_block_clear(&b);
        assert_int_equal(v.kind, POSW_VALID);
        assert_int_equal(n_got(&w, 1, POSW_MSG_ANNOUNCE, NULL), 1 - fails);
    }
    n_close(&w);
}

/* ---- compact blocks ---- */

static void wrong_state(void *arg, posw_header *h) {
    (void)arg;
    h->state_root.b[0] ^= 1;
}

/* Whoever sends a block on before it was executed is not to blame for it: not the first, and not a later one. */
static void test_invalid_compact_condemns_nobody(void **state) {
    (void)state;
    n_net w;
    n_open(&w);
    h_plan plan = {.miner = 1, .gap_s = 1, .before_seal = wrong_state};
    h_block made = h_build(w.node.chain, &plan), good = h_simple(w.node.chain, 2, 1);
    for (uint64_t peer = 1; peer <= 3; peer++) {
        n_greet(&w, peer, 0, 0);
        send_compact(&w, peer, &made.header);
    }
    assert_int_equal(posw_chain_tip(w.node.chain)->number, 0);
    assert_int_equal(n_violations(&w), 0);
    send_compact(&w, 2, &good.header);
    assert_true(h_tip_is(w.node.chain, &good.hash));
    h_block_clear(&made);
    h_block_clear(&good);
    n_close(&w);
}

/* Neighbours do not wait for execution and disk; nobody is asked for headers of what is on its way. */
static void test_compact_goes_on_before_import(void **state) {
    (void)state;
    n_net w;
    static const uint8_t nonce[8] = {1};
    posw_buf b = {0};
    n_open(&w);
    h_block made = h_simple(w.node.chain, 1, 1);
    n_greet(&w, 1, 0, 0);
    n_greet(&w, 2, 0, 0);
    posw_msg_send_compact_encode(&b, true);
    n_send(&w, 2, &b);
    assert_true(posw_msg_compact_encode(&b, &made.header, NULL, nonce, NULL, 0, NULL, 0));
    n_step(&w, &(posw_event){.type = POSW_EVENT_PEER_DATA, .peer = 1, .data = posw_buf_view(&b)});
    assert_int_equal(n_got(&w, 2, POSW_MSG_COMPACT, NULL), 1);
    assert_int_equal(posw_chain_tip(w.node.chain)->number, 0);
    assert_true(w.timer_ms <= w.now_ms); /* at once */
    n_tick(&w, 0);
    assert_true(h_tip_is(w.node.chain, &made.hash));
    assert_int_equal(n_got(&w, 1, POSW_MSG_GET_HEADERS, NULL), 0);
    assert_int_equal(n_got(&w, 2, POSW_MSG_ANNOUNCE, NULL), 0);
    posw_buf_clear(&b);
    h_block_clear(&made);
    n_close(&w);
}

static void wrong_work(void *arg, posw_header *h) {
    (void)arg;
    memset(h->mix_hash.b, 0, sizeof h->mix_hash.b);
    h_sign(h, 1);
}

static void wrong_signer(void *arg, posw_header *h) {
    (void)arg;
    h_sign(h, H_KEYS - 1);
}

static void test_compact_with_a_false_seal_is_a_violation(void **state) {
    (void)state;
    void (*const spoil[])(void *arg, posw_header *h) = {wrong_work, wrong_signer};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(spoil); i++) {
        n_net w;
        n_open(&w);
        h_plan plan = {.miner = 1, .gap_s = 1, .after_seal = spoil[i]};
        h_block made = h_build(w.node.chain, &plan);
        n_greet(&w, 1, 0, 0);
        send_compact(&w, 1, &made.header);
        assert_int_equal(n_violations(&w), 1);
        assert_false(w.peers[1].open);
        assert_false(p2p_compact_is_rebuilding(w.p2p, &made.hash));
        h_block_clear(&made);
        n_close(&w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unasked),
        cmocka_unit_test(test_sync),
        cmocka_unit_test(test_last_block_of_a_deep_branch),
        cmocka_unit_test(test_a_refused_chain_stays_said),
        cmocka_unit_test(test_what_was_caught_up_with_is_told),
        cmocka_unit_test(test_who_gives_headers_falls_silent),
        cmocka_unit_test(test_not_everybody_is_asked),
        cmocka_unit_test(test_false_signature),
        cmocka_unit_test(test_cut_branch_goes_on),
        cmocka_unit_test(test_cut_branch_goes_on_from_known_headers),
        cmocka_unit_test(test_chains_in_step),
        cmocka_unit_test(test_branch_follows_its_peer),
        cmocka_unit_test(test_branch_is_cut_by_its_peer_only),
        cmocka_unit_test(test_equivocation),
        cmocka_unit_test(test_headers_whose_blocks_do_not_come),
        cmocka_unit_test(test_a_starved_branch_goes),
        cmocka_unit_test(test_places_of_branches),
        cmocka_unit_test(test_jobs_have_a_limit),
        cmocka_unit_test(test_jobs_of_others_are_not_counted),
        cmocka_unit_test(test_blocks_are_no_proofs),
        cmocka_unit_test(test_who_was_quiet_is_asked_again),
        cmocka_unit_test(test_failing_disk_ends_the_node),
        cmocka_unit_test(test_a_damaged_block_is_not_given),
        cmocka_unit_test(test_what_cannot_be_read_is_not_told),
        cmocka_unit_test(test_invalid_compact_condemns_nobody),
        cmocka_unit_test(test_compact_goes_on_before_import),
        cmocka_unit_test(test_compact_with_a_false_seal_is_a_violation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
