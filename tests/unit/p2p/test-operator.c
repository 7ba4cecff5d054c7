/* What an operator is told: each problem once, with what to do about it. "wrong chain" is said in the log (tests with
 * real nodes). */
#include "net.h"

static const char *problem(const n_net *w, posw_p2p_status *s) {
    posw_p2p_read_status(w->p2p, s);
    return s->problem;
}

static void test_no_peers(void **state) {
    (void)state;
    n_net w;
    posw_p2p_status s;
    n_open(&w);
    assert_string_equal(problem(&w, &s), "no peers: no address is known; name a node with --addnode posw://…");
    const posw_msg_address told = {.address = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 9}, .port = 30301},
                                   .seen_s = w.now_ms / 1000};
    assert_true(posw_addrman_add(posw_connect_addresses(w.p2p->connect), &told, &told.address, w.now_ms / 1000));
    assert_string_equal(problem(&w, &s), "no peers: none of the known addresses answers; is this machine connected?");
    n_greet(&w, 1, 0, 0);
    assert_string_equal(problem(&w, &s), "");
    n_close(&w);
}

static void test_clock_is_off(void **state) {
    (void)state;
    n_net w;
    posw_p2p_status s;
    n_open(&w);
    for (uint64_t peer = 1; peer <= 5; peer++)
        n_greet(&w, peer, 0, 0);
    assert_string_equal(problem(&w, &s), "");
    for (uint64_t peer = 1; peer <= 5; peer++) {
        p2p_find(w.p2p, peer)->kind = POSW_P2P_OUTBOUND; /* those who came could lie about it */
        p2p_find(w.p2p, peer)->clock_offset_s = 300 + (int64_t)peer;
    }
    assert_non_null(strstr(problem(&w, &s), "the clock is off by about"));
    assert_non_null(strstr(s.problem, "set it"));
    n_close(&w);
}

static void test_not_reachable(void **state) {
    (void)state;
    n_net w;
    posw_p2p_status s;
    n_open(&w);
    n_greet(&w, 1, 0, 0);
    p2p_find(w.p2p, 1)->kind = POSW_P2P_OUTBOUND; /* the only one that is connected was dialled */
    w.p2p->options.listen_port = 30301;
    w.p2p->now_ms += 23 * 3600 * 1000ULL;
    assert_string_equal(problem(&w, &s), "");
    w.p2p->now_ms += 2 * 3600 * 1000ULL;
    assert_non_null(strstr(problem(&w, &s), "not reachable: "));
    assert_non_null(strstr(s.problem, "open TCP port 30301 in router and firewall"));
    n_greet(&w, 2, 0, 0);
    assert_string_equal(problem(&w, &s), "");
    n_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_peers),
        cmocka_unit_test(test_clock_is_off),
        cmocka_unit_test(test_not_reachable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
