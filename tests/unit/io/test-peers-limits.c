/* The limits of the transport, each at its limit: strangers who say nothing, too much or too often, and those who do
 * not read. */
#include "io/peers_internal.h"
#include "io/peers_world.h"

enum { FLOOD = 1000 };

static posw_peers_counters counters(const end *x) {
    return posw_peers_read_counters(x->p);
}

static void meet(world *w, end *a, end *b, unsigned number) {
    const unsigned opened_a = a->opened, opened_b = b->opened;
    dial(a, number, b);
    UNTIL(w, a->opened > opened_a && b->opened > opened_b);
}

static void open_silent(world *w, const end *to, int *fds, size_t count) {
    for (size_t i = 0; i < count; i++) {
        fds[i] = raw_dial(posw_peers_port(to->p), 0);
        if (i % 50 == 0) turn(w);
    }
    run_ms(w, 30);
}

static size_t ended(const int *fds, size_t count) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += raw_ended(fds[i]);
    return n;
}

static void close_all(const int *fds, size_t count) {
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

/* ---- handshakes ---- */

static void half_open_in_all(void **state) {
    world *w = *state;
    end *a = &w->ends[0], *b = &w->ends[1];
    int fds[40];
    a->o.half_open_max = 20;
    a->o.half_open_group_max = 1000;
    a->o.handshake_ms = 400;
    start(w, 0), start(w, 1);
    open_silent(w, a, fds, 20);
    assert_int_equal(counters(a).half_open, 20);
    assert_int_equal(counters(a).refused_full, 0);
    open_silent(w, a, fds + 20, 20);
    assert_int_equal(counters(a).half_open, 20);
    assert_int_equal(counters(a).refused_full, 20);
    assert_int_equal(ended(fds + 20, 20), 20);
    assert_int_equal(ended(fds, 20), 0);
    UNTIL_MS(w, counters(a).inbound == 0, 5000); /* their time is over */
    assert_int_equal(ended(fds, 20), 20);
    assert_int_equal(a->opened + a->closed, 0); /* nobody heard of them */
    meet(w, b, a, 1);
    close_all(fds, 40);
}

static void half_open_of_a_group(void **state) {
    world *w = *state;
    end *a = &w->ends[0];
    int fds[50];
    a->o.local_factor = 1;
    start(w, 0);
    open_silent(w, a, fds, 8);
    assert_int_equal(counters(a).half_open, 8);
    open_silent(w, a, fds + 8, 2);
    assert_int_equal(counters(a).half_open, 8);
    assert_int_equal(counters(a).refused_group, 2);
    close(fds[0]);
    UNTIL(w, counters(a).half_open == 7);
    fds[0] = raw_dial(posw_peers_port(a->p), 0);
    UNTIL(w, counters(a).half_open == 8);
    close_all(fds, 10);
    UNTIL(w, counters(a).inbound == 0);
    posw_peers_stop(a->p, 10);
    UNTIL(w, posw_peers_is_idle(a->p));
    posw_peers_free(a->p);
    a->o.local_factor = 0; /* a group that may hold a whole cluster has four times as many */
    start(w, 0);
    open_silent(w, a, fds, 34);
    assert_int_equal(counters(a).half_open, 32);
    assert_int_equal(counters(a).refused_group, 2);
    close_all(fds, 34);
}

static void handshakes_a_second(void **state) {
    world *w = *state;
    end *a = &w->ends[0], *b = &w->ends[1];
    a->o.handshakes_per_s = 20;
    a->o.handshakes_burst = 5;
    a->o.local_factor = 1;
    start(w, 0), start(w, 1);
    const uint64_t begin = clock_us();
    for (unsigned i = 1; i <= 30; i++)
        dial(b, i, a);
    UNTIL(w, b->opened + b->closed == 30);
    const unsigned first = b->opened;
    assert_in_range(first, 5, 5 + (clock_us() - begin) / 50000 + 1);
    assert_int_equal(counters(a).refused_rate, 30 - first);
    UNTIL(w, clock_us() - begin > 1000000);
    for (unsigned i = 31; i <= 60; i++)
        dial(b, i, a);
    UNTIL(w, b->opened + b->closed == 60);
    assert_in_range(b->opened, first + 5, 6 + 5 + (clock_us() - begin) / 50000); /* a rest is worth a burst, not more */
}

/* Addresses of other groups cannot be had on one machine: the gate alone, with connections that have no socket. */
static peer_conn *make_half_open(posw_peers *p, uint8_t group) {
    peer_conn *c = conn_new(p, true);
    memset(c->group, 0, sizeof c->group);
    c->group[0] = 4;
    c->group[1] = group;
    c->address = (posw_netaddr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 8, [13] = group}, .port = 1};
    return c;
}

static bool comes(posw_peers *p, uint8_t group) {
    peer_conn *c = make_half_open(p, group);
    const bool in = gate_admits(p, c);
    if (in) {
        c->phase = CONN_SHAKING;
        p->half_open++;
    } else {
        conn_end(c, "refused");
    }
    (void)uv_run(p->loop, UV_RUN_NOWAIT);
    return in;
}

static unsigned half_open_of(const posw_peers *p, uint8_t group) {
    unsigned n = 0;
    for (const peer_conn *c = p->conns; c != NULL; c = c->next)
        n += c->phase == CONN_SHAKING && c->group[1] == group;
    return n;
}

static void newcomers_of_rare_groups_get_in(void **state) {
    world *w = *state;
    end *a = &w->ends[0];
    a->o.half_open_max = 32;
    posw_peers *p = start(w, 0)->p;
    const uint64_t begin = clock_us();
    for (uint8_t g = 1; g <= 4; g++) /* four groups take all */
        for (int i = 0; i < 8; i++)
            assert_true(comes(p, g));
    assert_false(comes(p, 1)); /* the limit of a group */
    assert_int_equal(p->half_open, 32);
    for (uint8_t g = 10; g < 30; g++) /* each of others takes a place from those that have most */
        assert_true(comes(p, g));
    assert_int_equal(p->half_open, 32);
    assert_int_equal(counters(a).displaced, 20);
    for (uint8_t g = 10; g < 30; g++)
        assert_int_equal(half_open_of(p, g), 1);
    for (uint8_t g = 1; g <= 4; g++)
        assert_int_equal(half_open_of(p, g), 3); /* fairly */
    /* when all groups have one, nobody new gets in before an honest handshake would be done */
    for (uint8_t g = 30; g < 38; g++)
        assert_true(comes(p, g));
    unsigned in = 0;
    for (uint8_t g = 40; g < 60; g++)
        in += comes(p, g);
    assert_true(in < 20 || clock_us() - begin > 900000);
    assert_int_equal(p->half_open, 32);
    run_ms(w, 1100);
    assert_true(comes(p, 99));
    assert_int_equal(half_open_of(p, 99), 1);
    assert_int_equal(p->half_open, 32);
}

/* Nor does it help to have many groups. */
static void handshakes_a_second_in_all(void **state) {
    world *w = *state;
    end *a = &w->ends[0];
    unsigned in = 0;
    a->o.handshakes_all_per_s = 20;
    a->o.half_open_max = 1000;
    posw_peers *p = start(w, 0)->p;
    const uint64_t begin = clock_us();
    for (unsigned g = 0; g < 100; g++)
        in += comes(p, (uint8_t)g);
    assert_in_range(in, 40, 41 + (clock_us() - begin) / 50000);
    assert_int_equal(counters(a).refused_rate, 100 - in);
    run_ms(w, 500);
    for (unsigned g = 100; g < 200; g++)
        in += comes(p, (uint8_t)g);
    assert_in_range(in, 50, 41 + (clock_us() - begin) / 50000);
}

/* The table of rates does not grow with the number of groups. */
static void rates_of_many_groups(void **state) {
    world *w = *state;
    w->ends[0].o.inbound_max = 1u << 30;
    w->ends[0].o.handshakes_all_per_s = 1000000;
    posw_peers *p = start(w, 0)->p;
    for (unsigned i = 0; i < 3 * PEERS_RATES_MAX; i++) {
        peer_conn *c = make_half_open(p, 0);
        c->group[1] = (uint8_t)i;
        c->group[2] = (uint8_t)(i >> 8);
        assert_true(gate_admits(p, c));
        conn_end(c, "");
        if (i % 64 == 0) (void)uv_run(p->loop, UV_RUN_NOWAIT);
        assert_true(p->rates.count <= PEERS_RATES_MAX);
    }
}

/* ---- connections ---- */

static void inbound_in_all(void **state) {
    world *w = *state;
    w->ends[0].o.inbound_max = 4;
    end *a = start(w, 0), *b = start(w, 1);
    for (unsigned i = 1; i <= 6; i++)
        dial(b, i, a);
    UNTIL(w, b->opened == 4 && b->closed == 2);
    assert_int_equal(counters(a).inbound, 4);
    assert_int_equal(counters(a).refused_full, 2);
    posw_peers_close(b->p, number_of(1));
    UNTIL(w, counters(a).inbound == 3);
    meet(w, b, a, 7);
}

static void outbound_in_all(void **state) {
    world *w = *state;
    w->ends[0].o.outbound_max = 3;
    end *a = start(w, 0), *b = start(w, 1);
    for (unsigned i = 1; i <= 5; i++)
        dial(a, i, b);
    UNTIL(w, a->opened == 3 && a->closed == 2);
    assert_string_equal(a->reason, "too many connections");
}

/* ---- strangers ---- */

static uint64_t round_trip_us(world *w, end *a, end *b) {
    posw_buf m = pattern(100, 1);
    const size_t heard = a->heard_bytes;
    const uint64_t begin = clock_us();
    b->echo = true;
    posw_peers_send(a->p, a->last_peer, &m);
    while (a->heard_bytes < heard + 100)
        (void)uv_run(&w->loop, UV_RUN_NOWAIT);
    return clock_us() - begin;
}

/* A thousand who connect and say nothing: peers that are there do not notice, memory is bounded, and after it newcomers
 * are welcome again. */
static void a_thousand_silent_ones(void **state) {
    world *w = *state;
    end *a = start(w, 0), *b = &w->ends[1];
    int fds[FLOOD];
    b->o.handshake_ms = 1000;
    start(w, 1);
    meet(w, a, b, 1);
    open_silent(w, b, fds, FLOOD);
    assert_true(counters(b).half_open <= 32);
    assert_true(counters(b).inbound <= 33);
    assert_int_equal(counters(b).refused_group, FLOOD - 32);
    assert_true(round_trip_us(w, a, b) < 1000000);
    UNTIL_MS(w, counters(b).half_open == 0, 8000);
    assert_int_equal(ended(fds, FLOOD), FLOOD);
    assert_int_equal(counters(b).inbound, 1);
    b->echo = false;
    meet(w, a, b, 2);
    close_all(fds, FLOOD);
}

/* A drop of a byte at a time does not extend the time of a handshake. */
static void a_drip(void **state) {
    world *w = *state;
    static const uint8_t hello[] = {22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
    w->ends[0].o.handshake_ms = 500;
    end *a = start(w, 0);
    const int fd = raw_dial(posw_peers_port(a->p), 0);
    const uint64_t begin = clock_us();
    for (size_t i = 0; !raw_ended(fd); i++) {
        assert_true(clock_us() - begin < 8000000);
        (void)send(fd, i < sizeof hello ? hello + i : hello, 1, MSG_NOSIGNAL);
        run_ms(w, 10);
    }
    assert_in_range(clock_us() - begin, 450000, 6000000);
    close(fd);
}

/* While the node is at work it hears nobody: that is not the others' fault. */
static void a_node_that_was_away(void **state) {
    world *w = *state;
    w->ends[0].o.handshake_ms = w->ends[1].o.handshake_ms = 300;
    end *a = start(w, 0), *b = start(w, 1);
    dial(b, 1, a);
    run_ms(w, 1);
    nanosleep(&(struct timespec){.tv_nsec = 700000000}, NULL);
    UNTIL(w, a->opened == 1 && b->opened == 1);
    assert_int_equal(a->closed + b->closed, 0);
}

static void strangers_with_garbage(void **state) {
    world *w = *state;
    end *a = start(w, 0), *b = start(w, 1);
    for (unsigned i = 0; i < 200; i++) {
        posw_buf g = pattern(1 + i * 37 % 3000, i);
        const int fd = raw_dial(posw_peers_port(a->p), 0);
        turn(w);
        (void)send(fd, g.data, g.size, MSG_NOSIGNAL);
        if (i % 3 == 0) UNTIL(w, raw_ended(fd) || g.size < 6);
        close(fd);
        posw_buf_clear(&g);
    }
    UNTIL(w, counters(a).inbound == 0);
    assert_int_equal(a->opened + a->closed, 0);
    meet(w, b, a, 1);
}

/* One that sends as fast as it can does not keep others waiting, and gets no large pieces to the node. */
static void a_flood_of_data(void **state) {
    world *w = *state;
    end *a = start(w, 0), *b = start(w, 1), *c = start(w, 2);
    uint64_t worst = 0;
    b->keep = c->keep = false;
    meet(w, a, b, 1);
    dial(c, 1, b);
    UNTIL(w, c->opened == 1 && b->opened == 2);
    for (int i = 0; i < 50; i++) {
        posw_buf m = pattern(4000000, 1); /* more than the socket takes */
        if (counters(c).queued < 8000000) posw_peers_send(c->p, number_of(1), &m);
        posw_buf_clear(&m);
        const size_t before = b->heard_bytes;
        b->echo = false;
        for (int k = 0; k < 3; k++)
            (void)uv_run(&w->loop, UV_RUN_NOWAIT);
        assert_true(b->heard_bytes - before <=
                    4 * (65536 + POSW_TLS_RECORD_MAX)); /* two turns of reading a round at most */
        const uint64_t t = clock_us();
        const size_t heard = a->heard_bytes;
        posw_buf ping = pattern(10, 2), pong = pattern(10, 3);
        posw_peers_send(a->p, number_of(1), &ping);
        posw_peers_send(b->p, 1, &pong);
        while (a->heard_bytes < heard + 10)
            (void)uv_run(&w->loop, UV_RUN_NOWAIT);
        if (clock_us() - t > worst) worst = clock_us() - t;
    }
    assert_true(b->heard_bytes > 5000000);
    assert_true(b->largest_event <= 65536 + POSW_TLS_RECORD_MAX);
    assert_true(worst < 2000000);
}

/* ---- slow readers ---- */

static void say(end *from, uint64_t to, size_t size) {
    posw_buf b = pattern(size, 3);
    posw_peers_send(from->p, to, &b);
    posw_peers_flush(from->p);
}

static void the_queue_has_a_limit(void **state) {
    world *w = *state;
    end *a = start(w, 0);
    tls_client deaf;
    tls_dial(w, &deaf, posw_peers_port(a->p), 4096);
    UNTIL(w, a->opened == 1);
    say(a, 1, 16 << 20); /* as much as may wait, and some is in the socket */
    run_ms(w, 100);
    assert_int_equal(a->closed, 0);
    say(a, 1, (16u << 20) - counters(a).queued);
    run_ms(w, 50);
    assert_int_equal(a->closed, 0);
    assert_in_range(counters(a).queued, 16000000, 16 << 20);
    say(a, 1, (16u << 20) - counters(a).queued + 1);
    UNTIL(w, a->closed == 1);
    assert_non_null(strstr(a->reason, "too slow"));
    assert_int_equal(counters(a).queued, 0);
    assert_int_equal(counters(a).slow, 1);
    assert_int_equal(a->drained, 0);
    tls_hang_up(&deaf);
}

/* The memory of all is bounded too, and who uses most of it goes first. */
static void all_queues_have_a_limit(void **state) {
    world *w = *state;
    w->ends[0].o.queues_max = 20000000;
    end *a = start(w, 0);
    tls_client deaf[3];
    for (unsigned i = 0; i < 3; i++) {
        tls_dial(w, &deaf[i], posw_peers_port(a->p), 4096);
        UNTIL(w, a->opened == i + 1);
    }
    say(a, 1, 9000000);
    say(a, 2, 11000000);
    assert_int_equal(a->closed, 0);
    for (int i = 0; i < 10 && a->closed == 0; i++) {
        say(a, 3, 1000000);
        run_ms(w, 10);
    }
    UNTIL(w, a->closed == 1);
    assert_int_equal(a->last_closed, 2);
    assert_true(counters(a).queued <= 20000000);
    for (int i = 0; i < 3; i++)
        tls_hang_up(&deaf[i]);
}

static void one_that_takes_nothing(void **state) {
    world *w = *state;
    w->ends[0].o.stall_ms = 400;
    end *a = start(w, 0);
    tls_client deaf, slow;
    posw_buf heard = {0};
    tls_dial(w, &deaf, posw_peers_port(a->p), 4096);
    UNTIL(w, a->opened == 1);
    tls_dial(w, &slow, posw_peers_port(a->p), 65536);
    UNTIL(w, a->opened == 2);
    say(a, 1, 12000000);
    say(a, 2, 12000000);
    const uint64_t begin = clock_us();
    /* who takes something now and then is not closed, however long it takes */
    while (clock_us() - begin < 2000000) {
        run_ms(w, 100);
        for (int i = 0; i < 4; i++)
            assert_true(tls_pull(&slow, 65536, &heard) >= 0);
        posw_buf_reset(&heard);
    }
    assert_int_equal(a->closed, 1);
    assert_int_equal(a->last_closed, 1);
    assert_non_null(strstr(a->reason, "takes nothing"));
    assert_true(counters(a).queued > 0);
    posw_buf_clear(&heard);
    tls_hang_up(&deaf);
    tls_hang_up(&slow);
}

/* A close waits for what was sent, for a second at most. */
static void a_close_does_not_wait_for_ever(void **state) {
    world *w = *state;
    end *a = start(w, 0);
    tls_client deaf;
    tls_dial(w, &deaf, posw_peers_port(a->p), 4096);
    UNTIL(w, a->opened == 1);
    say(a, 1, 12000000);
    const uint64_t begin = clock_us();
    posw_peers_close(a->p, 1);
    posw_peers_close(a->p, 1);
    UNTIL(w, a->closed == 1);
    assert_in_range(clock_us() - begin, 900000, 6000000);
    assert_string_equal(a->reason, "closed by this node");
    tls_hang_up(&deaf);
}

/* Nor for one that goes on talking. */
static void a_close_on_a_talker(void **state) {
    world *w = *state;
    w->ends[0].o.close_ms = 300;
    end *a = start(w, 0);
    tls_client c;
    uint8_t noise[10000] = {0};
    tls_dial(w, &c, posw_peers_port(a->p), 0);
    UNTIL(w, a->opened == 1);
    posw_peers_close(a->p, 1);
    const uint64_t begin = clock_us();
    while (a->closed == 0) {
        assert_true(clock_us() - begin < 8000000);
        if (posw_tls_state_now(c.tls) == POSW_TLS_OPEN && posw_tls_output(c.tls)->size < 1000000)
            (void)posw_tls_write(c.tls, noise, sizeof noise);
        (void)tls_push(&c);
        turn(w);
    }
    assert_int_equal(a->heard_bytes, 0);
    assert_true(clock_us() - begin > 200000);
    tls_hang_up(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(half_open_in_all),
        TEST(half_open_of_a_group),
        TEST(handshakes_a_second),
        TEST(newcomers_of_rare_groups_get_in),
        TEST(handshakes_a_second_in_all),
        TEST(rates_of_many_groups),
        TEST(inbound_in_all),
        TEST(outbound_in_all),
        TEST(a_thousand_silent_ones),
        TEST(a_drip),
        TEST(a_node_that_was_away),
        TEST(strangers_with_garbage),
        TEST(a_flood_of_data),
        TEST(the_queue_has_a_limit),
        TEST(all_queues_have_a_limit),
        TEST(one_that_takes_nothing),
        TEST(a_close_does_not_wait_for_ever),
        TEST(a_close_on_a_talker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
