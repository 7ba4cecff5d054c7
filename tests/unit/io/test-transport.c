/* Transports over real sockets of the loopback: they meet, talk and part; and say what went wrong. */
#include "io/peers_world.h"

static void meet(world *w, end *a, end *b, unsigned number) {
    const unsigned opened_a = a->opened, opened_b = b->opened;
    dial(a, number, b);
    UNTIL(w, a->opened > opened_a && b->opened > opened_b);
}

static void say(end *from, uint64_t to, size_t size, unsigned seed) {
    posw_buf b = pattern(size, seed);
    posw_peers_send(from->p, to, &b);
    assert_null(b.data);
}

static void assert_heard(end *x, size_t size, unsigned seed) {
    posw_buf b = pattern(size, seed);
    assert_int_equal(x->heard.size, size);
    if (size > 0) assert_memory_equal(x->heard.data, b.data, size);
    posw_buf_clear(&b);
    posw_buf_reset(&x->heard);
}

/* ---- good days ---- */

static void two_meet_talk_and_part(void **state) {
    world *w = *state;
    end *a = start(w, 0), *b = start(w, 1);
    const posw_node_id id_a = posw_identity_node_id(a->id), id_b = posw_identity_node_id(b->id);
    meet(w, a, b, 1);
    assert_int_equal(a->last_peer, number_of(1));
    assert_int_equal(b->last_peer, 1);
    assert_false(a->last_inbound);
    assert_true(b->last_inbound);
    assert_memory_equal(&a->last_id, &id_b, sizeof id_b);
    assert_memory_equal(&b->last_id, &id_a, sizeof id_a);
    assert_true(posw_netaddr_is_loopback(&b->last_address));
    assert_int_equal(a->last_address.port, posw_peers_port(b->p));
    static const size_t sizes[] = {1, 100, 16384, 65536, 65537, 5000000};
    for (unsigned i = 0; i < POSW_ARRAY_SIZE(sizes); i++) {
        const unsigned drained = a->drained;
        say(a, number_of(1), sizes[i], i);
        UNTIL(w, b->heard.size >= sizes[i] && a->drained > drained);
        assert_int_equal(a->drained, drained + 1);
        assert_heard(b, sizes[i], i);
        say(b, 1, sizes[i], i + 50);
        UNTIL(w, a->heard.size >= sizes[i]);
        assert_heard(a, sizes[i], i + 50);
    }
    assert_true(a->largest_event <= 65536 + POSW_TLS_RECORD_MAX);
    /* what was sent before the close arrives */
    say(a, number_of(1), 3000000, 9);
    posw_peers_close(a->p, number_of(1));
    say(a, number_of(1), 1000, 10); /* and what comes after it does not */
    UNTIL(w, a->closed == 1 && b->closed == 1);
    assert_heard(b, 3000000, 9);
    assert_string_equal(a->reason, "closed by this node");
    assert_string_equal(b->reason, "closed by the other side");
    assert_int_equal(a->last_closed, number_of(1));
    /* numbers of inbound ones are never used again, those of outbound ones are the node's to choose */
    meet(w, a, b, 1);
    assert_int_equal(b->last_peer, 2);
    posw_peers_close(b->p, 2);
    UNTIL(w, a->closed == 2 && b->closed == 2);
    assert_int_equal(posw_peers_read_counters(a->p).outbound, 0);
    assert_int_equal(posw_peers_read_counters(b->p).inbound, 0);
}

/* Many small messages keep their order and are not sent one by one. */
static void small_messages(void **state) {
    world *w = *state;
    end *a = start(w, 0), *b = start(w, 1);
    posw_buf all = {0};
    meet(w, a, b, 1);
    for (unsigned i = 0; i < 3000; i++) {
        posw_buf m = pattern(i % 97, i);
        posw_buf_append(&all, m.data, m.size);
        posw_peers_send(a->p, number_of(1), &m);
        if (i % 7 == 0) posw_peers_flush(a->p);
        if (i % 100 == 0) turn(w);
    }
    UNTIL(w, b->heard.size >= all.size);
    assert_int_equal(b->heard.size, all.size);
    assert_memory_equal(b->heard.data, all.data, all.size);
    posw_buf_clear(&all);
}

static void both_families(void **state) {
    world *w = *state;
    w->ends[1].o.host = "::";
    end *a = start(w, 0), *b = start(w, 1);
    const posw_node_id any = {{0}};
    const posw_netaddr v6 = {.ip = {[15] = 1}, .port = posw_peers_port(b->p)};
    meet(w, a, b, 1);
    assert_true(posw_netaddr_is_ipv4(&b->last_address));
    posw_peers_connect(a->p, number_of(2), &v6, &any);
    UNTIL(w, a->opened + a->closed == 2);
    if (a->closed > 0) skip(); /* this machine has no IPv6 */
    UNTIL(w, b->opened == 2);
    assert_false(posw_netaddr_is_ipv4(&b->last_address));
}

static void one_that_only_dials(void **state) {
    world *w = *state;
    w->ends[0].o.host = NULL;
    end *a = start(w, 0), *b = start(w, 1);
    assert_int_equal(posw_peers_port(a->p), 0);
    meet(w, a, b, 1);
}

/* What was said right before the stop arrives; no events are told any more. */
static void a_stop_lets_the_last_words_leave(void **state) {
    world *w = *state;
    end *a = start(w, 0), *b = start(w, 1);
    const posw_netaddr nobody = local(9);
    const posw_node_id any = {{0}};
    meet(w, a, b, 1);
    say(a, number_of(1), 2000000, 1);
    posw_peers_stop(a->p, 500);
    posw_peers_connect(a->p, number_of(2), &nobody, &any);
    UNTIL(w, posw_peers_is_idle(a->p) && b->closed == 1);
    assert_heard(b, 2000000, 1);
    assert_int_equal(a->closed, 0);
    /* one that does not read does not hold it up */
    end *c = start(w, 2);
    tls_client deaf;
    tls_dial(w, &deaf, posw_peers_port(c->p), 4096);
    UNTIL(w, c->opened == 1);
    say(c, c->last_peer, 10000000, 1);
    const uint64_t begin = clock_us();
    posw_peers_stop(c->p, 300);
    UNTIL(w, posw_peers_is_idle(c->p));
    assert_in_range(clock_us() - begin, 200000, 6000000);
    tls_hang_up(&deaf);
}

/* ---- commands that make no sense ---- */

static void unknown_numbers_are_ignored(void **state) {
    world *w = *state;
    end *a = start(w, 0), *b = start(w, 1);
    say(a, 12345, 1000, 1);
    posw_peers_close(a->p, 12345);
    meet(w, a, b, 1);
    dial(a, 1, b); /* taken */
    run_ms(w, 50);
    assert_int_equal(b->opened, 1);
    assert_int_equal(a->closed, 0);
    posw_buf nothing = {0};
    posw_peers_send(a->p, number_of(1), &nothing);
    run_ms(w, 20);
    assert_int_equal(a->drained, 0);
}

static void closed_while_dialling(void **state) {
    world *w = *state;
    end *a = start(w, 0), *b = start(w, 1);
    dial(a, 1, b);
    say(a, number_of(1), 1000, 1); /* not open: goes nowhere */
    posw_peers_close(a->p, number_of(1));
    assert_int_equal(a->closed, 0); /* not within the command */
    UNTIL(w, a->closed == 1);
    assert_string_equal(a->reason, "closed by this node");
    assert_int_equal(a->opened, 0);
    for (unsigned i = 0; i < 40; i++) { /* in all phases of the handshake */
        dial(a, 10 + i, b);
        for (unsigned k = 0; k < i; k++)
            (void)uv_run(&w->loop, UV_RUN_NOWAIT);
        posw_peers_close(a->p, number_of(10 + i));
    }
    UNTIL(w, a->closed == 41 && posw_peers_read_counters(b->p).inbound == 0);
    assert_int_equal(b->opened, b->closed);
    assert_int_equal(posw_peers_read_counters(b->p).half_open, 0);
}

/* ---- dials that fail: each says why ---- */

static void fails(world *w, end *a, const posw_netaddr *address, const posw_node_id *id, const char *reason) {
    const unsigned closed = a->closed;
    const posw_node_id any = {{0}};
    posw_peers_connect(a->p, number_of(1000 + closed), address, id != NULL ? id : &any);
    UNTIL(w, a->closed > closed);
    assert_int_equal(a->last_closed, number_of(1000 + closed));
    if (strstr(a->reason, reason) == NULL) fail_msg("'%s' does not say '%s'", a->reason, reason);
}

/* Listens, and answers the first connection with text (NULL: closes it; "": says nothing). */
typedef struct {
    uv_tcp_t listener, tcp;
    uv_write_t write;
    const char *text;
    uint16_t port;
} stranger;

static void stranger_alloc(uv_handle_t *h, size_t n, uv_buf_t *b) {
    static char room[4096];
    (void)h, (void)n;
    *b = uv_buf_init(room, sizeof room);
}

static void stranger_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b) {
    stranger *x = s->data;
    (void)b;
    if (n <= 0 || x->text == NULL) {
        if (!uv_is_closing((uv_handle_t *)s)) uv_close((uv_handle_t *)s, NULL);
        return;
    }
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)x->text, (unsigned)strlen(x->text));
    if (out.len > 0) (void)uv_try_write(s, &out, 1);
}

static void stranger_connection(uv_stream_t *listener, int status) {
    stranger *x = listener->data;
    assert_int_equal(status, 0);
    uv_tcp_init(listener->loop, &x->tcp);
    x->tcp.data = x;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&x->tcp), 0);
    uv_read_start((uv_stream_t *)&x->tcp, stranger_alloc, stranger_read);
}

static posw_netaddr stranger_open(world *w, stranger *x, const char *text) {
    struct sockaddr_in a;
    int size = sizeof a;
    memset(x, 0, sizeof *x);
    x->text = text;
    uv_tcp_init(&w->loop, &x->listener);
    x->listener.data = x;
    uv_ip4_addr("127.0.0.1", 0, &a);
    uv_tcp_bind(&x->listener, (struct sockaddr *)&a, 0);
    assert_int_equal(uv_listen((uv_stream_t *)&x->listener, 8, stranger_connection), 0);
    uv_tcp_getsockname(&x->listener, (struct sockaddr *)&a, &size);
    return local(ntohs(a.sin_port));
}

static void stranger_close(world *w, stranger *x) {
    uv_close((uv_handle_t *)&x->listener, NULL);
    UNTIL(w, x->tcp.loop == NULL || uv_is_closing((uv_handle_t *)&x->tcp)); /* the other side has closed */
    run_ms(w, 5);
}

static void dials_that_fail(void **state) {
    world *w = *state;
    w->ends[0].o.handshake_ms = 300;
    end *a = start(w, 0), *b = start(w, 1);
    const posw_node_id own = posw_identity_node_id(a->id);
    const posw_netaddr there = local(posw_peers_port(b->p)), nowhere = {.port = 0};
    stranger x;
    posw_netaddr address = stranger_open(w, &x, "HTTP/1.1 400 Bad Request\r\n\r\n");
    fails(w, a, &address, NULL, "not a posw node: no TLS");
    stranger_close(w, &x);
    fails(w, a, &address, NULL, "connection refused");
    address = stranger_open(w, &x, NULL);
    fails(w, a, &address, NULL, "closed by the other side during the handshake");
    stranger_close(w, &x);
    address = stranger_open(w, &x, "");
    const uint64_t begin = clock_us();
    fails(w, a, &address, NULL, "timed out");
    assert_in_range(clock_us() - begin, 290000, 6000000);
    stranger_close(w, &x);
    fails(w, a, &there, &own, "another node id than expected");
    fails(w, a, &nowhere, NULL, "");
    assert_int_equal(a->opened + b->opened, 0);
    UNTIL(w, posw_peers_read_counters(b->p).inbound == 0);
}

static void bad_places_to_listen(void **state) {
    world *w = *state;
    posw_message msg = {""};
    posw_peers *p = NULL;
    end *a = start(w, 0);
    posw_peers_options o = w->ends[1].o;
    o.port = posw_peers_port(a->p);
    assert_int_equal(posw_peers_start(&p, &w->loop, &o, &msg), POSW_EBUSY);
    assert_non_null(strstr(msg.text, "in use"));
    o.host = "localhost";
    assert_int_equal(posw_peers_start(&p, &w->loop, &o, &msg), POSW_EINVAL);
    assert_non_null(strstr(msg.text, "numeric"));
    o.host = "192.0.2.77";
    assert_int_equal(posw_peers_start(&p, &w->loop, &o, &msg), POSW_EINVAL);
    assert_non_null(strstr(msg.text, "no address"));
    assert_null(p);
    run_ms(w, 10);
}

/* ---- a network of some ---- */

static void many_at_once(void **state) {
    world *w = *state;
    w->ends[1].o.half_open_group_max = 64;
    end *a = start(w, 0), *b = start(w, 1);
    for (unsigned i = 1; i <= 60; i++)
        dial(a, i, b);
    UNTIL(w, a->opened == 60 && b->opened == 60);
    a->keep = b->keep = false;
    for (unsigned i = 1; i <= 60; i++)
        say(a, number_of(i), 100000, i);
    UNTIL(w, b->heard_bytes == 6000000 && a->drained == 60);
    for (unsigned i = 1; i <= 60; i++)
        posw_peers_close(b->p, i);
    UNTIL(w, a->closed == 60 && b->closed == 60);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(two_meet_talk_and_part),
        TEST(small_messages),
        TEST(both_families),
        TEST(one_that_only_dials),
        TEST(a_stop_lets_the_last_words_leave),
        TEST(unknown_numbers_are_ignored),
        TEST(closed_while_dialling),
        TEST(dials_that_fail),
        TEST(bad_places_to_listen),
        TEST(many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
