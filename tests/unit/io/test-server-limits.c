/* The RPC door when there is too much of something: connections, large requests, requests a second; and for clients
 * that are slow, do not read, or go away. */
#include "io/http_client.h"

#include <limits.h>

/* ---- too many ---- */

static void too_many_connections(void **state) {
    (void)state;
    posw_server_options o = door_options();
    o.connections_max = 3;
    door *d = door_open(&o);
    int fd[3];
    for (int i = 0; i < 3; i++) {
        fd[i] = dial(d);
        say_post(fd[i], "", "in");
        hear_body(fd[i], "in");
    }
    for (int i = 0; i < 5; i++) {
        const int more = dial(d);
        reply r;
        assert_true(hear_reply(more, &r));
        assert_int_equal(r.status, 503);
        assert_int_equal(r.body.size, 21);
        assert_memory_equal(r.body.data, "too many connections\n", 21);
        posw_buf_clear(&r.body);
        hear_end(more);
        close(more);
    }
    say_post(fd[0], "", "still");
    hear_body(fd[0], "still");
    close(fd[1]);
    rest_ms(50);
    still_serves(d);
    close(fd[0]);
    close(fd[2]);
    door_close(d);
}

/* Who is turned away hears why, although it has not said all of its request yet. Those who hear it have none of the
 * others' places, and beyond so many of them the next are closed at once. */
static void turned_away_in_peace(void **state) {
    (void)state;
    posw_server_options o = door_options();
    o.connections_max = 8;
    door *d = door_open(&o);
    int fd[8], more[3];
    reply r;
    for (int i = 0; i < 8; i++) {
        fd[i] = dial(d);
        say_post(fd[i], "", "in");
        hear_body(fd[i], "in");
    }
    for (int i = 0; i < 2; i++) {
        more[i] = dial(d);
        say(more[i], HEAD_POST "Content-Length: 2\r\n\r\n");
        assert_int_equal(recv(more[i], &(char){0}, 1, MSG_PEEK), 1); /* it has been answered already */
        say(more[i], "no");
        rest_ms(20);
        say(more[i], "more");
    }
    more[2] = dial(d);
    assert_true(hear_reply(more[2], &r));
    assert_int_equal(r.status, 503);
    posw_buf_clear(&r.body);
    hear_end(more[2]);
    for (int i = 0; i < 2; i++) {
        assert_true(hear_reply(more[i], &r));
        assert_int_equal(r.status, 503);
        assert_int_equal(r.body.size, 21);
        assert_memory_equal(r.body.data, "too many connections\n", 21);
        posw_buf_clear(&r.body);
        hear_end(more[i]);
    }
    close(fd[0]);
    rest_ms(50);
    still_serves(d);
    for (int i = 0; i < 3; i++)
        close(more[i]);
    for (int i = 1; i < 8; i++)
        close(fd[i]);
    assert_int_equal(d->requests, 9);
    door_close(d);
}

static int dial_from(const door *d, uint32_t from) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(from)};
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    a.sin_port = htons(d->port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 20}, sizeof(struct timeval));
    return fd;
}

/* One address has a share of the connections, and the others have the rest. */
static void too_many_connections_of_an_address(void **state) {
    (void)state;
    static const char why[] =
        "too many connections of this address; close some, or use them for more than one request\n";
    posw_server_options o = door_options();
    o.loopback_connections = 3;
    door *d = door_open(&o);
    int fd[3];
    reply r;
    for (int i = 0; i < 3; i++) {
        fd[i] = dial(d);
        say_post(fd[i], "", "in");
        hear_body(fd[i], "in");
    }
    for (int i = 0; i < 40; i++) { /* also beyond those who are told in peace */
        const int more = dial(d);
        assert_true(hear_reply(more, &r));
        assert_int_equal(r.status, 503);
        assert_int_equal(r.body.size, sizeof why - 1);
        assert_memory_equal(r.body.data, why, sizeof why - 1);
        posw_buf_clear(&r.body);
        close(more);
    }
    const int other = dial_from(d, INADDR_LOOPBACK + 1);
    say_post(other, "", "another");
    hear_body(other, "another");
    close(other);
    close(fd[0]);
    rest_ms(50);
    still_serves(d);
    close(fd[1]);
    close(fd[2]);
    door_close(d);
}

static void shares_of_addresses(void **state) {
    (void)state;
    static const struct {
        const char *address;
        unsigned share;
    } cases[] = {{"8.8.8.8:1", 5},    {"[2600::1]:1", 5}, {"10.1.2.3:1", 7},  {"192.168.1.1:1", 7},
                 {"172.17.0.1:1", 7}, {"[fd00::1]:1", 7}, {"[fe80::1]:1", 7}, {"100.64.0.1:1", 7},
                 {"127.0.0.1:1", 9},  {"127.9.9.9:1", 9}, {"[::1]:1", 9}};
    posw_server_options o = {.address_connections = 5, .private_connections = 7, .loopback_connections = 9}, any = {0};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        posw_netaddr a;
        assert_true(posw_netaddr_parse(&a, cases[i].address, 0));
        if (server_share(&o, &a) != cases[i].share) fail_msg("%s", cases[i].address);
        assert_int_equal(server_share(&any, &a), UINT_MAX);
    }
}

/* How many connections of these addresses, one after the other, have their share; *last: whether the last one has. */
static size_t count_shares(const posw_server_options *o, const char *const *addresses, size_t count, bool *last) {
    posw_server *s = calloc(1, sizeof *s);
    conn *c = calloc(count, sizeof *c);
    size_t n = 0;
    s->o = *o;
    for (size_t i = 0; i < count; i++) {
        posw_netaddr a;
        assert_true(posw_netaddr_parse(&a, addresses[i], 8545));
        posw_netaddr_unit(c[i].address, &a);
        posw_netaddr_site(c[i].site, &a);
        c[i].next = s->conns;
        s->conns = &c[i];
        *last = server_has_share(s, &c[i], &a);
        c[i].turned_away = !*last;
        n += *last;
    }
    free(c);
    free(s);
    return n;
}

/* Whoever has a /48 has 65,536 of /64: they are not many users. */
static void shares_of_sites(void **state) {
    (void)state;
    static const char *const one_site[] = {"[2600:1:2:1::1]", "[2600:1:2:1::2]", "[2600:1:2:1::3]", "[2600:1:2:2::1]",
                                           "[2600:1:2:2::1]", "[2600:1:2:3::1]", "[2600:1:2:4::1]", "[2600:1:2:5::1]",
                                           "[2600:1:2:6::1]", "[2600:1:2:7::1]", "[2600:1:2:8::1]", "[2600:1:3:1::1]"};
    static const char *const ipv4[] = {"1.2.3.4", "1.2.3.5", "1.2.3.6", "1.2.3.7", "1.2.3.8", "1.2.3.9",
                                       "1.2.3.4", "1.2.3.4", "1.2.4.1", "1.2.4.2", "1.2.4.3"};
    const posw_server_options o = {.address_connections = 2}, any = {0};
    bool last;
    assert_int_equal(count_shares(&o, one_site, POSW_ARRAY_SIZE(one_site) - 1, &last), 8); /* of 11 */
    assert_false(last);
    assert_int_equal(count_shares(&o, one_site, POSW_ARRAY_SIZE(one_site), &last), 9);
    assert_true(last); /* another site's */
    assert_int_equal(count_shares(&o, ipv4, POSW_ARRAY_SIZE(ipv4), &last), POSW_ARRAY_SIZE(ipv4) - 1);
    assert_int_equal(count_shares(&any, one_site, POSW_ARRAY_SIZE(one_site), &last), POSW_ARRAY_SIZE(one_site));
}

/* Those who send large requests and do not end them keep others from sending large ones, and not from small ones. */
static void room_for_small_requests(void **state) {
    enum { LARGE = SERVER_BODY_SMALL + 1 };
    (void)state;
    const posw_server_options o = full_options();
    door *d = door_open(&o);
    int fd[FULL_CLIENTS];
    char *large = calloc(1, LARGE + 1);
    memset(large, 'a', LARGE);
    fill_bodies(d, fd);
    const int more = dial(d), other = dial(d);
    say_post(more, "", large);
    hear_status(more, 503);
    hear_end(more);
    close(more);
    for (int i = 0; i < 10; i++) {
        say_post(other, "", "a small one");
        hear_body(other, "a small one");
    }
    close(other);
    for (int i = 0; i < FULL_CLIENTS; i++)
        close(fd[i]);
    free(large);
    door_close(d);
}

static void too_many_requests(void **state) {
    (void)state;
    posw_server_options o = door_options();
    o.requests_per_s = 5;
    door *d = door_open(&o);
    /* at most two fixed seconds are touched by what follows, so at most ten of the twenty are served */
    unsigned served = 0, refused = 0;
    for (int i = 0; i < 20; i++) {
        const int fd = dial(d);
        reply r;
        say_post(fd, "", "x");
        assert_true(hear_reply(fd, &r));
        served += r.status == 200;
        refused += r.status == 429;
        if (r.status == 429) hear_end(fd);
        posw_buf_clear(&r.body);
        close(fd);
    }
    assert_in_range(served, 5, 10);
    assert_int_equal(served + refused, 20);
    assert_int_equal(d->requests, served);
    rest_ms(1100);
    still_serves(d);
    door_close(d);
}

/* What counts as more than the rate is never served, and takes nothing from what else is asked; what counts as all of
 * it is served once a second. */
static void requests_that_count_more(void **state) {
    (void)state;
    posw_server_options o = door_options();
    o.requests_per_s = 5;
    o.count = count_by_number;
    door *d = door_open(&o);
    unsigned served = 0, refused = 0;
    for (int i = 0; i < 10; i++) {
        const int fd = dial(d);
        say_post(fd, "", "6 at once");
        hear_status(fd, 429);
        hear_end(fd);
        close(fd);
    }
    assert_int_equal(d->requests, 0);
    const uint64_t began_ms = clock_ms();
    for (int i = 0; i < 20; i++) {
        const int fd = dial(d);
        reply r;
        say_post(fd, "", "5 at once");
        assert_true(hear_reply(fd, &r));
        served += r.status == 200;
        refused += r.status == 429;
        posw_buf_clear(&r.body);
        close(fd);
    }
    assert_in_range(served, 1, (clock_ms() - began_ms) / 1000 + 2);
    assert_int_equal(served + refused, 20);
    assert_int_equal(d->requests, served);
    door_close(d);
}

/* A request that takes long counts as many: whoever sends such is not served for the seconds that this is worth, and
 * then is again. */
static void requests_that_take_long(void **state) {
    (void)state;
    posw_server_options o = door_options();
    o.requests_per_s = 10;
    door *d = door_open(&o);
    const uint64_t began_ms = clock_ms();
    unsigned refused = 0;
    reply r = {.status = 0};
    int fd = dial(d);
    say_post(fd, "", "toil"); /* 41 of 10 a second */
    hear_body(fd, "toil");
    close(fd);
    while (r.status != 200) {
        fd = dial(d);
        say_post(fd, "", "again");
        assert_true(hear_reply(fd, &r));
        refused += r.status == 429;
        posw_buf_clear(&r.body);
        close(fd);
        rest_ms(20);
    }
    assert_true(refused > 0);
    assert_true(clock_ms() - began_ms > 2500);
    door_close(d);
}

/* While the server is busy, one client sends thousands of requests, and then another sends one: that one is answered
 * after a buffer of the first's requests, not after all of them. */
static void who_sends_much_waits(void **state) {
    enum { MANY = 4000, BUFFER = 64 * 1024 };
    static const char request[] = HEAD_POST "Content-Length: 4\r\n\r\nmuch";
    door *d = *state;
    reply r;
    const int holder = dial(d), much = dial(d), one = dial(d);
    char *text = malloc(MANY * (sizeof request - 1));
    for (size_t i = 0; i < MANY; i++)
        memcpy(text + i * (sizeof request - 1), request, sizeof request - 1);
    say_post(much, "", "in"); /* both are known to the server */
    hear_body(much, "in");
    say_post(one, "", "in");
    hear_body(one, "in");
    const int room = 1024 * 1024;
    setsockopt(much, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    d->held = true;
    say_post(holder, "", "hold");
    while (d->requests < 3)
        rest_ms(1);
    const ssize_t sent = send(much, text, MANY * (sizeof request - 1), MSG_NOSIGNAL | MSG_DONTWAIT);
    assert_true(sent > 3 * BUFFER); /* the system has taken so much */
    say_post(one, "", "count");
    d->held = false;
    assert_true(hear_reply(one, &r));
    posw_buf_byte(&r.body, 0);
    const unsigned before = (unsigned)strtoul((const char *)r.body.data, NULL, 10) - 4;
    posw_buf_clear(&r.body);
    assert_in_range(before * (sizeof request - 1), 0, BUFFER);
    hear_body(holder, "hold");
    close(holder);
    close(much);
    close(one);
    free(text);
    still_serves(d);
}

/* ---- too slow ---- */

static posw_server_options fast_options(void) {
    posw_server_options o = door_options();
    o.request_ms = 200;
    o.idle_ms = 600;
    return o;
}

/* Says a part and waits for the end of the connection. */
static void ends_within(const door *d, const char *text, uint64_t from_ms, uint64_t to_ms) {
    const int fd = dial(d);
    const uint64_t begin = clock_ms();
    if (text != NULL) say(fd, text);
    hear_end(fd);
    assert_in_range(clock_ms() - begin, from_ms, to_ms);
    close(fd);
}

static void slow_requests(void **state) {
    (void)state;
    const posw_server_options o = fast_options();
    door *d = door_open(&o);
    ends_within(d, NULL, 150, 3000);
    ends_within(d, "POST / HT", 150, 3000);
    ends_within(d, HEAD_POST, 150, 3000);
    ends_within(d, HEAD_POST "Content-Length: 10\r\n\r\nhalf", 150, 3000);
    ends_within(d, HEAD_POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 150, 3000);
    /* a byte now and then does not help */
    const int fd = dial(d);
    const uint64_t begin = clock_ms();
    const char *text = HEAD_POST "X-Slow: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    while (*text != '\0' && say_bytes(fd, text, 1) && recv(fd, &(char){0}, 1, MSG_DONTWAIT) != 0) {
        text++;
        rest_ms(20);
    }
    assert_true(*text != '\0');
    assert_in_range(clock_ms() - begin, 150, 3000);
    close(fd);
    assert_int_equal(d->requests, 0);
    still_serves(d);
    door_close(d);
}

static void idle_connections(void **state) {
    (void)state;
    const posw_server_options o = fast_options();
    door *d = door_open(&o);
    const int fd = dial(d);
    for (int i = 0; i < 6; i++) { /* busy for longer than both limits */
        say_post(fd, "", "busy");
        hear_body(fd, "busy");
        rest_ms(250);
    }
    const uint64_t begin = clock_ms();
    hear_end(fd);
    assert_in_range(clock_ms() - begin, 200, 3000);
    close(fd);
    door_close(d);
}

/* ---- readers ---- */

static void large_answer_to_a_slow_reader(void **state) {
    enum { SIZE = 40 * 1000 * 1000, PIECE = 1000 * 1000 };
    const int fd = dial_with(*state, 8192);
    char head[512];
    size_t n = 0, at = 0;
    uint8_t *piece = malloc(PIECE);
    say_post(fd, "", "big 40000000");
    while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0)
        assert_true(n < sizeof head && hear_bytes(fd, head + n++, 1));
    for (; at < SIZE; at += PIECE) {
        if (at % (10 * PIECE) == 0) rest_ms(30);
        assert_true(hear_bytes(fd, piece, PIECE));
        for (size_t i = 0; i < PIECE; i += 97)
            assert_int_equal(piece[i], (uint8_t)((at + i) * 7 + (at + i) / 251));
    }
    say_post(fd, "", "and again");
    hear_body(fd, "and again");
    free(piece);
    close(fd);
}

/* Requests whose answers pile up wait until their reader has caught up; all are answered. */
static void many_large_answers(void **state) {
    enum { MANY = 40, SIZE = 1500000 };
    const int fd = dial_with(*state, 8192);
    posw_buf all = {0};
    for (int i = 0; i < MANY; i++)
        posw_buf_printf(&all, HEAD_POST "Content-Length: 11\r\n\r\nbig %d", SIZE);
    assert_true(say_bytes(fd, all.data, all.size));
    posw_buf_clear(&all);
    rest_ms(100);
    assert_true(((door *)*state)->requests < MANY / 2);
    for (int i = 0; i < MANY; i++) {
        reply r;
        assert_true(hear_reply(fd, &r));
        assert_int_equal(r.body.size, SIZE);
        assert_int_equal(r.body.data[SIZE - 1], (uint8_t)((SIZE - 1) * 7 + (SIZE - 1) / 251));
        posw_buf_clear(&r.body);
    }
    say_post(fd, "", "done");
    hear_body(fd, "done");
    close(fd);
}

/* A reader that never reads is given up after the idle time. */
static void a_reader_that_does_not_read(void **state) {
    (void)state;
    const posw_server_options o = fast_options();
    door *d = door_open(&o);
    const int fd = dial_with(d, 4096);
    say_post(fd, "", "big 30000000");
    rest_ms(1500);
    uint8_t *all = malloc(30000000);
    assert_false(hear_bytes(fd, all, 30000000));
    free(all);
    close(fd);
    still_serves(d);
    door_close(d);
}

static void clients_that_go_away(void **state) {
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    for (int i = 0; i < 30; i++) {
        const int fd = dial_with(*state, 4096);
        char some[100];
        if (i % 3 != 2)
            say_post(fd, "", "big 5000000");
        else
            say(fd, HEAD_POST "Content-Length: 100\r\n\r\nhalf of i");
        if (i % 3 == 0) assert_true(hear_bytes(fd, some, sizeof some));
        if (i % 2 == 0) setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
    }
    for (int i = 0; i < 10; i++) { /* half closed: the request is whole, and is answered */
        const int fd = dial(*state);
        say_post(fd, "Connection: close\r\n", "bye");
        hear_body(fd, "bye");
        shutdown(fd, SHUT_WR);
        close(fd);
    }
    still_serves(*state);
}

/* A client that only talks after the last word is cut off. */
static void a_client_that_does_not_listen(void **state) {
    const int fd = dial(*state);
    uint8_t zeros[1000] = {0};
    const uint64_t begin = clock_ms();
    say(fd, "rubbish\r\n\r\n");
    while (say_bytes(fd, zeros, sizeof zeros) && clock_ms() - begin < 10000)
        rest_ms(5);
    assert_true(clock_ms() - begin < 8000);
    close(fd);
    still_serves(*state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_many_connections),
        cmocka_unit_test(turned_away_in_peace),
        cmocka_unit_test(too_many_connections_of_an_address),
        cmocka_unit_test(shares_of_addresses),
        cmocka_unit_test(shares_of_sites),
        cmocka_unit_test(room_for_small_requests),
        cmocka_unit_test(too_many_requests),
        cmocka_unit_test(requests_that_count_more),
        cmocka_unit_test(requests_that_take_long),
        DOOR_TEST(who_sends_much_waits),
        cmocka_unit_test(slow_requests),
        cmocka_unit_test(idle_connections),
        DOOR_TEST(large_answer_to_a_slow_reader),
        DOOR_TEST(many_large_answers),
        cmocka_unit_test(a_reader_that_does_not_read),
        DOOR_TEST(clients_that_go_away),
        DOOR_TEST(a_client_that_does_not_listen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
