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

/* Asks for the name again, and answers it. */
static void resolved(n_net *w, const char *name, const posw_netaddr *addresses, size_t count) {
    w->now_ms += 600 * 1000;
    n_step(w, &(posw_event){.type = POSW_EVENT_TICK});
    n_step(w, &(posw_event){.type = POSW_EVENT_RESOLVED,
                            .data = posw_bytes_of(name, strlen(name)),
                            .addresses = addresses,
                            .address_count = count});
}

/* Who was named and does not answer, or has no address, is spoken of instead of asking for a name. */
static void test_named_in_vain(void **state) {
    (void)state;
    static const char NAME[] = "seed.example.invalid";
    n_net w;
    posw_p2p_status s;
    posw_actions a = {0};
    posw_node_url url = {.host = "seed.example.invalid", .port = 5};
    const posw_netaddr there = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 9}, .port = 5};
    n_open(&w);
    assert_true(posw_p2p_add_node(w.p2p, &url, &a));
    n_perform(&w, &a);
    posw_actions_clear(&a);
    assert_string_equal(problem(&w, &s),
                        "no peers: none of the nodes that were named answers; do they run, and let others in?");
    resolved(&w, NAME, NULL, 0);
    assert_string_equal(problem(&w, &s),
                        "no peers: seed.example.invalid has no address; is the name spelt right, and is "
                        "this machine connected?");
    resolved(&w, NAME, &there, 1);
    assert_non_null(strstr(problem(&w, &s), "none of the nodes that were named answers"));
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
        p2p_find(w.p2p, peer)->clock_ahead_s = 300 + (int64_t)peer;
    }
    assert_non_null(strstr(problem(&w, &s), "the clock is off by about"));
    assert_non_null(strstr(s.problem, "set it"));
    n_close(&w);
}

/* Nobody greets anew when the own clock is set back: the peers' clocks are as far from it as they were from the time
 * that the node went on with. */
static void test_clock_is_set_back(void **state) {
    (void)state;
    n_net w;
    posw_p2p_status s;
    posw_p2p_peer_info info;
    n_open(&w);
    for (uint64_t peer = 1; peer <= 5; peer++) {
        n_greet(&w, peer, 0, 0);
        p2p_find(w.p2p, peer)->kind = POSW_P2P_OUTBOUND;
    }
    w.now_ms += 1000;
    w.behind_ms = 3600 * 1000;
    n_tick(&w, 0);
    assert_string_equal(problem(&w, &s), "the clock is off by about 3600 s: set it (blocks may be refused)");
    assert_int_equal(s.clock_offset_s, 3600);
    assert_int_equal(posw_p2p_peers(w.p2p, &info, 1), 5);
    assert_int_equal(info.clock_offset_s, 3600);
    n_greet(&w, 6, 0, 0); /* whoever greets meanwhile says the same */
    p2p_find(w.p2p, 6)->kind = POSW_P2P_OUTBOUND;
    posw_buf b = {0}; /* and whoever says something senseless is at least counted with */
    posw_p2p_peer_info all[7];
    posw_msg_hello m = n_hello_of(&w, 7);
    m.time_s = UINT64_MAX;
    posw_msg_hello_encode(&b, &m);
    n_connect(&w, 7);
    n_send(&w, 7, &b);
    posw_buf_clear(&b);
    n_tick(&w, 60 * 1000);
    assert_int_equal(posw_p2p_peers(w.p2p, all, 7), 7);
    assert_true(all[6].clock_offset_s > INT64_MAX / 4);
    w.behind_ms = 0; /* it is right again */
    n_tick(&w, 0);
    assert_string_equal(problem(&w, &s), "");
    assert_int_equal(s.clock_offset_s, 0);
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

/* Set and lifted, both are kept at once: a node that is killed a moment later has not forgotten either. */
static void test_bans_are_kept(void **state) {
    (void)state;
    n_net w;
    const posw_netaddr there = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 9, [15] = 7}, .port = 5};
    n_open(&w);
    for (int lifted = 0; lifted < 2; lifted++) {
        posw_actions a = {0};
        posw_bytes kept = {NULL, 0};
        posw_message warning;
        posw_connect *next;
        assert_int_equal(posw_p2p_ban(w.p2p, "9.0.0.0/24", lifted ? 0 : w.now_ms / 1000 + 60, &a), POSW_OK);
        for (size_t i = 0; i < a.count; i++)
            if (a.items[i].type == POSW_ACTION_SAVE_PEERS) kept = posw_buf_view(&a.items[i].data);
        assert_true(kept.size > 0);
        const posw_connect_options o = {.private_network = true, .kept = kept};
        assert_int_equal(posw_connect_new(&next, &warning, &o, w.now_ms), POSW_OK);
        assert_string_equal(warning.text, "");
        assert_int_equal(posw_bans_has(posw_connect_bans(next), &there, w.now_ms / 1000), !lifted);
        posw_connect_free(next);
        posw_actions_clear(&a);
    }
    posw_actions none = {0};
    assert_int_equal(posw_p2p_ban(w.p2p, "9.0.0.0/24", 0, &none), POSW_ENOTFOUND);
    assert_int_equal(none.count, 0);
    n_close(&w);
}

static int count_ban(void *arg, const char *subnet, uint64_t until_s) {
    assert_string_equal(subnet, "10.0.0.7");
    assert_int_equal(until_s, N_START_MS / 1000 + 3600);
    (*(size_t *)arg)++;
    return 0;
}

/* A ban is in force until the time that the operator reads, though the clock was a day ahead meanwhile: neither does
 * the banned one come in, nor is it dialled. */
static void test_ban_and_clock(void **state) {
    (void)state;
    n_net w;
    size_t bans = 0;
    posw_actions a = {0};
    posw_addrman_entry e;
    n_open(&w);
    assert_int_equal(posw_p2p_ban(w.p2p, "10.0.0.7", w.now_ms / 1000 + 3600, &a), POSW_OK);
    posw_actions_clear(&a);
    n_tick(&w, 24 * 3600 * 1000);
    w.behind_ms = 24 * 3600 * 1000;
    n_tick(&w, 60 * 1000);
    const posw_msg_address told = {.address = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7}, .port = 5},
                                   .seen_s = w.now_ms / 1000};
    assert_true(posw_addrman_add(posw_connect_addresses(w.p2p->connect), &told, &told.address, w.now_ms / 1000));
    n_tick(&w, 60 * 1000);
    assert_true(posw_addrman_find(posw_connect_addresses(w.p2p->connect), &e, &told.address) && e.dialled_s == 0);
    n_connect(&w, 7);
    assert_false(w.peers[7].open);
    assert_int_equal(posw_p2p_bans(w.p2p, count_ban, &bans), 0);
    assert_int_equal(bans, 1);
    n_tick(&w, 3600 * 1000);
    n_connect(&w, 7);
    assert_true(w.peers[7].open);
    n_closed(&w, 7);
    n_tick(&w, 60 * 1000);
    assert_true(posw_addrman_find(posw_connect_addresses(w.p2p->connect), &e, &told.address) && e.dialled_s != 0);
    n_close(&w);
}

/* ---- What others are told ---- */

static unsigned port_told(n_net *w, uint64_t peer) {
    posw_msg_frame f;
    posw_msg_hello m;
    n_connect(w, peer);
    assert_int_equal(n_got(w, peer, POSW_MSG_HELLO, &f), 1);
    assert_true(posw_msg_hello_decode(&m, f.payload));
    return m.port;
}

/* A router may let peers in at another port than the node listens on: whoever meets this node must not remember an
 * address at which nobody answers. */
static void test_port_that_is_told(void **state) {
    (void)state;
    n_net w;
    posw_netaddr external = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 9, [15] = 7}, .port = 40000};
    n_open(&w);
    posw_p2p_set_external(w.p2p, &external);
    assert_int_equal(port_told(&w, 1), 0); /* it does not listen */
    w.p2p->options.listen_port = 30301;
    assert_int_equal(port_told(&w, 2), 40000);
    posw_p2p_set_external(w.p2p, &(posw_netaddr){{0}, 0});
    assert_int_equal(port_told(&w, 3), 30301);
    n_close(&w);
}

/* ---- Traffic ---- */

typedef struct {
    const char *name;
    posw_p2p_traffic found;
    size_t kinds;
    uint64_t violations;
} wanted;

static int on_traffic(void *arg, const char *name, const posw_p2p_traffic *t) {
    wanted *w = arg;
    if (strcmp(name, w->name) == 0) w->found = *t;
    w->kinds++;
    w->violations += t->violations;
    return 0;
}

static posw_p2p_traffic traffic(const n_net *w, const char *name) {
    wanted t = {.name = name};
    assert_int_equal(posw_p2p_read_traffic(w->p2p, on_traffic, &t), 0);
    assert_int_equal(t.kinds, POSW_MSG_KINDS + 1);
    posw_p2p_status s;
    posw_p2p_read_status(w->p2p, &s);
    assert_int_equal(t.violations, s.violations); /* each has its place */
    return t.found;
}

static int stop_at_once(void *arg, const char *name, const posw_p2p_traffic *t) {
    (void)arg, (void)name, (void)t;
    return 42;
}

static void test_traffic(void **state) {
    (void)state;
    n_net w;
    n_open(&w);
    assert_int_equal(traffic(&w, "HELLO").bytes_in, 0);
    n_greet(&w, 1, 0, 0);
    n_greet(&w, 2, 0, 0);
    const posw_p2p_traffic hello = traffic(&w, "HELLO");
    assert_true(hello.bytes_in > 2 * 60 && hello.bytes_in < 2 * 1024);
    assert_true(hello.bytes_out > 2 * 60 && hello.bytes_out < 2 * 1024);
    assert_int_equal(traffic(&w, "BLOCK").bytes_in, 0);
    static const uint8_t malformed_pong[] = {0x03, 0, 0, 0, 1, 0xc0}, unknown_type[] = {0xfe, 0, 0, 0, 1, 0xc0};
    posw_buf frames = {0};
    posw_buf_append(&frames, malformed_pong, sizeof malformed_pong);
    n_send(&w, 1, &frames);
    assert_int_equal(traffic(&w, "PONG").violations, 1);
    assert_int_equal(traffic(&w, "PONG").bytes_in, sizeof malformed_pong);
    posw_buf_append(&frames, unknown_type, sizeof unknown_type);
    n_send(&w, 2, &frames);
    assert_int_equal(traffic(&w, "other").violations, 1);
    assert_int_equal(posw_p2p_read_traffic(w.p2p, stop_at_once, NULL), 42);
    posw_buf_clear(&frames);
    n_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_peers),      cmocka_unit_test(test_named_in_vain),
        cmocka_unit_test(test_clock_is_off),  cmocka_unit_test(test_clock_is_set_back),
        cmocka_unit_test(test_not_reachable), cmocka_unit_test(test_bans_are_kept),
        cmocka_unit_test(test_ban_and_clock), cmocka_unit_test(test_port_that_is_told),
        cmocka_unit_test(test_traffic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
