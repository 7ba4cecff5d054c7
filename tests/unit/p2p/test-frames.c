/* Frames: what a peer sends, before it means anything; and who sends none. */
#include "net.h"

static const enum posw_msg_type all_types[] = {
#define X(constant, value, name, limit) constant,
    POSW_MSG_TABLE(X)
#undef X
};

static void frame(posw_buf *out, uint8_t type, const void *payload, size_t size) {
    uint8_t head[POSW_MSG_PREFIX] = {type};
    posw_store_be32(head + 1, (uint32_t)size);
    posw_buf_append(out, head, sizeof head);
    posw_buf_append(out, payload, size);
}

static void test_malformed_is_a_violation(void **state) {
    (void)state;
    n_net w;
    static const uint8_t bad[][3] = {{0x80, 0, 0}, {0xc2, 0x81, 0x01}, {0xc1, 0xc1, 0}};
    n_open(&w);
    uint64_t peer = 0, expected = 0;
    for (size_t t = 0; t < POSW_ARRAY_SIZE(all_types); t++)
        for (size_t k = 0; k < POSW_ARRAY_SIZE(bad); k++) {
            posw_buf b = {0};
            peer = peer % N_PEERS + 1;
            n_greet(&w, peer, 0, 0);
            frame(&b, (uint8_t)all_types[t], bad[k], k == 0 ? 1 : 3);
            n_send(&w, peer, &b);
            assert_int_equal(n_violations(&w), ++expected);
            assert_false(w.peers[peer].open);
            posw_buf_clear(&b);
        }
    n_close(&w);
}

static void test_frames_of_no_type_or_too_large(void **state) {
    (void)state;
    n_net w;
    n_open(&w);
    const uint8_t unknown[POSW_MSG_PREFIX] = {0x7f}, large[POSW_MSG_PREFIX] = {POSW_MSG_PING, 0, 0, 1, 1};
    posw_buf b = {0};
    n_greet(&w, 1, 0, 0);
    posw_buf_append(&b, unknown, sizeof unknown);
    n_send(&w, 1, &b);
    n_greet(&w, 2, 0, 0);
    posw_buf_append(&b, large, sizeof large); /* seen by the prefix alone */
    n_send(&w, 2, &b);
    n_connect(&w, 3);
    posw_msg_get_addresses_encode(&b); /* before HELLO */
    n_send(&w, 3, &b);
    assert_int_equal(n_violations(&w), 3);
    assert_false(w.peers[1].open || w.peers[2].open || w.peers[3].open);
    posw_buf_clear(&b);
    n_close(&w);
}

static void test_who_says_nothing_is_left(void **state) {
    (void)state;
    n_net w;
    n_open(&w);
    n_connect(&w, 1);
    n_greet(&w, 2, 0, 0);
    n_tick(&w, P2P_HELLO_MS - 1);
    assert_true(w.peers[1].open);
    n_tick(&w, 1);
    assert_false(w.peers[1].open);
    assert_true(w.peers[2].open);
    n_tick(&w, P2P_SILENT_MS);
    assert_false(w.peers[2].open);
    assert_int_equal(n_violations(&w), 0);
    n_close(&w);
}

static void send_part(n_net *w, uint64_t peer, uint8_t type, size_t whole, size_t from, size_t size) {
    posw_buf b = {0};
    uint8_t head[POSW_MSG_PREFIX] = {type};
    posw_store_be32(head + 1, (uint32_t)whole);
    if (from == 0) posw_buf_append(&b, head, sizeof head);
    memset(posw_buf_extend(&b, size), 0, size);
    n_send(w, peer, &b);
    posw_buf_clear(&b);
}

/* A message that comes drop by drop holds its place for two minutes and no longer, whatever else its sender answers. */
static void test_a_frame_in_drops(void **state) {
    (void)state;
    n_net w;
    n_open(&w);
    n_greet(&w, 1, 0, 0);
    n_greet(&w, 2, 0, 0);
    send_part(&w, 1, POSW_MSG_COMPACT, 1000, 0, 1);
    for (uint64_t ms = 1000; ms < P2P_FRAME_MS; ms += 1000) {
        n_tick(&w, 1000);
        send_part(&w, 1, POSW_MSG_COMPACT, 1000, 1, 1);
        assert_true(w.peers[1].open);
    }
    n_tick(&w, 1000);
    assert_false(w.peers[1].open);
    assert_true(w.peers[2].open);
    assert_int_equal(n_violations(&w), 0); /* it may be an honest one on a bad line */
    n_close(&w);
}

/* Unfinished messages of all peers together have a limit; who has most of them goes, and nobody who has none. */
static void test_unfinished_frames_have_a_limit(void **state) {
    (void)state;
    n_net w;
    n_open(&w);
    enum { LARGE = 8 * 1024 * 1024 - 100, PIECE = 65536 };
    size_t most = 0;
    unsigned open = 0;
    n_greet(&w, N_PEERS, 0, 0); /* says nothing more */
    for (uint64_t peer = 1; peer < N_PEERS; peer++) {
        n_greet(&w, peer, 0, 0);
        for (size_t at = 0; at + PIECE < LARGE && w.peers[peer].open; at += PIECE) {
            size_t held = 0;
            send_part(&w, peer, POSW_MSG_COMPACT, LARGE, at, PIECE);
            for (size_t i = 0; i < w.p2p->peer_count; i++)
                held += w.p2p->peers[i]->in.capacity;
            if (held > most) most = held;
        }
    }
    for (uint64_t peer = 1; peer < N_PEERS; peer++)
        open += w.peers[peer].open;
    assert_true(open < N_PEERS - 1);
    assert_true(most > P2P_IN_MAX / 2 && most <= P2P_IN_MAX);
    assert_true(w.peers[N_PEERS].open);
    n_close(&w);
}

/* A tick that is due is not put off by what another event wishes in the same moment. */
static void test_a_due_tick_stays(void **state) {
    (void)state;
    n_net w;
    n_open(&w);
    n_connect(&w, 1);
    w.now_ms = w.p2p->wake_ms; /* due; another event comes first */
    n_connect(&w, 2);
    assert_true(w.timer_ms <= w.now_ms);
    n_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed_is_a_violation),       cmocka_unit_test(test_frames_of_no_type_or_too_large),
        cmocka_unit_test(test_who_says_nothing_is_left),       cmocka_unit_test(test_a_frame_in_drops),
        cmocka_unit_test(test_unfinished_frames_have_a_limit), cmocka_unit_test(test_a_due_tick_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
