/* The sockets of the miners' door: what is told, the last word, and a reader that does not read. */
#include "base/bytes.h"
#include "base/test.h"
#include "io/miners.h"
#include "io/tcp.h"
#include "io/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    uv_loop_t loop;
    posw_miners *door;
    unsigned opened, closed, places;
    uint64_t client; /* of the latest MINER_OPEN */
    posw_netaddr address;
    posw_buf got;
    bool answers_and_closes, turns_away;
} world;

static void on_event(void *arg, posw_event *e) {
    world *w = arg;
    if (e->type == POSW_EVENT_MINER_OPEN) {
        w->opened++;
        w->client = e->client;
        w->address = e->address;
        w->places = e->places;
        if (!w->turns_away) return;
        posw_miners_send(w->door, e->client, posw_bytes_of("full\n", 5));
        posw_miners_close(w->door, e->client);
    } else if (e->type == POSW_EVENT_MINER_CLOSED) {
        w->closed++;
    } else {
        assert_int_equal(e->type, POSW_EVENT_MINER_DATA);
        posw_buf_append(&w->got, e->data.data, e->data.size);
        if (!w->answers_and_closes) return;
        posw_miners_send(w->door, e->client, posw_bytes_of("last word\n", 10));
        posw_miners_close(w->door, e->client);
        posw_miners_send(w->door, e->client, posw_bytes_of("more", 4)); /* too late */
    }
}

static int setup_with(void **state, const posw_identity *id, unsigned handshakes_s) {
    world *w = calloc(1, sizeof *w);
    posw_message msg = {""};
    assert_int_equal(uv_loop_init(&w->loop), 0);
    const posw_miners_options o = {.host = "127.0.0.1",
                                   .connections_max = 3,
                                   .identity = id,
                                   .handshakes_s = handshakes_s,
                                   .event = on_event,
                                   .arg = w};
    if (posw_miners_start(&w->door, &w->loop, &o, &msg) != POSW_OK) fail_msg("%s", msg.text);
    assert_int_not_equal(posw_miners_port(w->door), 0);
    *state = w;
    return 0;
}

static int setup(void **state) {
    return setup_with(state, NULL, 0);
}

static const uint8_t seed[32] = {1, 2, 3};

static int setup_tls_with(void **state, unsigned handshakes_s) {
    posw_identity *id;
    assert_int_equal(posw_identity_from_seed(&id, seed), POSW_OK);
    const int rc = setup_with(state, id, handshakes_s);
    posw_identity_free(id); /* the door keeps what it needs */
    return rc;
}

static int setup_tls(void **state) {
    return setup_tls_with(state, 2);
}

static int setup_tls_as_ever(void **state) {
    return setup_tls_with(state, 0);
}

static int teardown(void **state) {
    world *w = *state;
    posw_miners_stop(w->door);
    while (uv_run(&w->loop, UV_RUN_DEFAULT) != 0) {
    }
    posw_miners_free(w->door);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    posw_buf_clear(&w->got);
    free(w);
    return 0;
}

/* Turns the loop until the condition holds, for ten seconds at most. */
#define turn_until(w, condition)                                     \
    do {                                                             \
        const uint64_t end_ = uv_hrtime() + 10000000000ull;          \
        while (!(condition)) {                                       \
            (void)uv_run(&(w)->loop, UV_RUN_NOWAIT);                 \
            if (uv_hrtime() > end_) fail_msg("not: %s", #condition); \
        }                                                            \
    } while (0)

/* From 127.0.0.host. */
static int dial_from(world *w, uint32_t host, int receive_bytes) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(posw_miners_port(w->door))}, own = a;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    own.sin_addr.s_addr = htonl((INADDR_LOOPBACK & ~UINT32_C(255)) | host);
    own.sin_port = 0;
    if (receive_bytes > 0)
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static int dial(world *w, int receive_bytes) {
    return dial_from(w, 1, receive_bytes);
}

static bool has_ended(int fd) {
    char byte;
    const ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

static void what_happens_is_told(void **state) {
    world *w = *state;
    const int fd = dial(w, 0);
    turn_until(w, w->opened == 1);
    assert_true(posw_netaddr_is_loopback(&w->address) && w->address.port != 0);
    assert_int_equal(w->places, 3);
    assert_int_equal(send(fd, "hello", 5, 0), 5);
    turn_until(w, w->got.size == 5);
    assert_memory_equal(w->got.data, "hello", 5);
    posw_miners_send(w->door, w->client, posw_bytes_of("job\n", 4));
    char text[8];
    assert_int_equal(recv(fd, text, sizeof text, 0), 4);
    close(fd);
    turn_until(w, w->closed == 1);
    posw_miners_send(w->door, w->client, posw_bytes_of("job\n", 4)); /* to nobody */
    posw_miners_close(w->door, w->client);
}

/* It arrives although the miner goes on sending, and its end is not told of. */
static void the_last_word_arrives(void **state) {
    world *w = *state;
    w->answers_and_closes = true;
    const int fd = dial(w, 0);
    turn_until(w, w->opened == 1);
    assert_int_equal(send(fd, "one", 3, 0), 3);
    turn_until(w, w->got.size > 0);
    assert_int_equal(send(fd, "two", 3, 0), 3);
    char text[32];
    assert_int_equal(recv(fd, text, sizeof text, MSG_WAITALL), 10);
    assert_memory_equal(text, "last word\n", 10);
    assert_int_equal(w->got.size, 3);
    const int other = dial(w, 0); /* its place is free again: within the second that it lingers, or at once */
    close(fd);
    turn_until(w, w->opened == 2);
    close(other);
    turn_until(w, w->closed == 1);
}

static void who_does_not_read_is_closed(void **state) {
    world *w = *state;
    static uint8_t line[1000];
    size_t sent = 0;
    const int fd = dial(w, 4096), reads = dial(w, 0);
    turn_until(w, w->opened == 2);
    for (; w->closed == 0; sent += sizeof line) {
        posw_miners_send(w->door, 1, posw_bytes_of(line, sizeof line));
        (void)uv_run(&w->loop, UV_RUN_NOWAIT);
        assert_true(sent < 64u << 20); /* what the system takes is bounded, and so is what waits here */
    }
    assert_true(sent > POSW_MINERS_BACKLOG_MAX);
    posw_miners_send(w->door, 2, posw_bytes_of("job\n", 4)); /* others are not concerned */
    char text[8];
    assert_int_equal(recv(reads, text, sizeof text, 0), 4);
    close(fd);
    close(reads);
}

static void connections_have_a_limit(void **state) {
    world *w = *state;
    int fds[3];
    for (size_t i = 0; i < 3; i++)
        fds[i] = dial(w, 0);
    turn_until(w, w->opened == 3);
    const int more = dial(w, 0);
    turn_until(w, has_ended(more));
    assert_int_equal(w->opened, 3);
    close(more);
    close(fds[0]);
    turn_until(w, w->closed == 1);
    fds[0] = dial(w, 0);
    turn_until(w, w->opened == 4);
    for (size_t i = 0; i < 3; i++)
        close(fds[i]);
}

/* ---- TLS ---- */

static void send_all(int fd, posw_buf *out) {
    assert_int_equal(send(fd, out->data, out->size, MSG_NOSIGNAL), (ssize_t)out->size);
    posw_buf_reset(out);
}

/* What comes, decrypted, until `size` bytes are there or the state is another one. */
static void read_tls(world *w, int fd, posw_tls *t, posw_buf *plain, size_t size, enum posw_tls_state state) {
    uint8_t data[4096];
    while (posw_tls_state_now(t) == state && plain->size < size) {
        ssize_t n = -1;
        turn_until(w, (n = recv(fd, data, sizeof data, MSG_DONTWAIT)) >= 0);
        assert_true(n > 0);
        (void)posw_tls_feed(t, data, (size_t)n, plain);
        if (posw_tls_output(t)->size > 0) send_all(fd, posw_tls_output(t));
    }
}

/* A client of the door, connected, with this bit of the expected fingerprint changed. */
typedef struct {
    int fd;
    posw_tls_context *context;
    posw_tls *tls;
} tls_client;

static tls_client dial_tls(world *w, uint8_t change) {
    tls_client c;
    posw_identity *id;
    uint8_t pin[POSW_FINGERPRINT_SIZE];
    assert_int_equal(posw_identity_from_seed(&id, seed), POSW_OK);
    assert_true(posw_identity_fingerprint(pin, id));
    posw_identity_free(id);
    pin[31] ^= change;
    assert_int_equal(posw_tls_pinned_context_new(&c.context, pin), POSW_OK);
    assert_int_equal(posw_tls_new(&c.tls, c.context, false, NULL), POSW_OK);
    c.fd = dial(w, 0);
    turn_until(w, w->opened == 1);
    send_all(c.fd, posw_tls_output(c.tls));
    return c;
}

static void client_clear(tls_client *c) {
    close(c->fd);
    posw_tls_free(c->tls);
    posw_tls_context_free(c->context);
}

static void tls_beside_plain(void **state) {
    world *w = *state;
    posw_buf plain = {0};
    tls_client c = dial_tls(w, 0);
    read_tls(w, c.fd, c.tls, &plain, 1, POSW_TLS_HANDSHAKE);
    assert_int_equal(posw_tls_state_now(c.tls), POSW_TLS_OPEN);
    const int other = dial(w, 0);
    assert_int_equal(send(other, "{", 1, 0), 1);
    turn_until(w, w->got.size == 1);
    close(other);
    turn_until(w, w->closed == 1);
    w->answers_and_closes = true;
    assert_true(posw_tls_write(c.tls, (const uint8_t *)"hello", 5));
    send_all(c.fd, posw_tls_output(c.tls));
    turn_until(w, w->got.size == 6);
    assert_memory_equal(w->got.data, "{hello", 6);
    read_tls(w, c.fd, c.tls, &plain, 11, POSW_TLS_OPEN); /* and the end, which is said, too */
    assert_int_equal(posw_tls_state_now(c.tls), POSW_TLS_CLOSED);
    assert_int_equal(plain.size, 10);
    assert_memory_equal(plain.data, "last word\n", 10);
    client_clear(&c);
    posw_buf_clear(&plain);
}

static void another_certificate(void **state) {
    world *w = *state;
    posw_buf plain = {0};
    tls_client c = dial_tls(w, 1);
    read_tls(w, c.fd, c.tls, &plain, 1, POSW_TLS_HANDSHAKE);
    assert_int_equal(posw_tls_state_now(c.tls), POSW_TLS_FAILED);
    assert_string_equal(posw_tls_reason(c.tls), "another fingerprint");
    turn_until(w, w->closed == 1);
    client_clear(&c);
    posw_buf_clear(&plain);
}

/* Whether what comes from there, and is no TLS after all, gets at least the alert that it deserves. */
static bool is_answered(world *w, uint32_t host) {
    const unsigned opened = w->opened, closed = w->closed;
    uint8_t byte;
    ssize_t n = -1;
    const int fd = dial_from(w, host, 0);
    turn_until(w, w->opened == opened + 1);
    assert_int_equal(send(fd, "\x16\x03\x01\x00\x04oops", 9, 0), 9);
    turn_until(w, (n = recv(fd, &byte, 1, MSG_DONTWAIT)) >= 0 || errno != EAGAIN);
    turn_until(w, w->closed == closed + 1);
    close(fd);
    return n == 1;
}

/* Two a second: who comes beyond is closed without a word. */
static void handshakes_have_a_limit(void **state) {
    world *w = *state;
    const uint64_t began_s = uv_now(&w->loop) / 1000;
    unsigned answered = 0;
    for (unsigned i = 1; i <= 60; i++)
        answered += is_answered(w, 1);
    assert_true(answered >= 2 && answered <= 2 * (uv_now(&w->loop) / 1000 - began_s + 1));
    assert_int_equal(w->got.size, 0);
}

/* One address has 64 at once and ten a second, and so cannot take those of all others. */
static void handshakes_of_an_address_have_a_limit(void **state) {
    world *w = *state;
    const uint64_t began_ms = uv_now(&w->loop);
    unsigned answered = 0;
    for (unsigned i = 1; i <= 150; i++)
        answered += is_answered(w, 1);
    assert_true(answered >= 64 && answered <= 64 + (uv_now(&w->loop) - began_ms) / 100 + 1);
    assert_true(is_answered(w, 2));
}

static void hears_that_it_is_full(world *w, int fd) {
    char text[8];
    size_t size = 0;
    for (ssize_t n = -1; n != 0; size += n > 0 ? (size_t)n : 0)
        turn_until(w, (n = recv(fd, text + size, sizeof text - size, MSG_DONTWAIT)) >= 0);
    assert_int_equal(size, 5);
    assert_memory_equal(text, "full\n", 5);
    close(fd);
}

/* Who is turned away at once hears why in the way in which it speaks; who says nothing, in plain. */
static void turned_away(void **state) {
    world *w = *state;
    posw_buf plain = {0};
    w->turns_away = true;
    tls_client c = dial_tls(w, 0);
    read_tls(w, c.fd, c.tls, &plain, 1, POSW_TLS_HANDSHAKE);
    assert_int_equal(posw_tls_state_now(c.tls), POSW_TLS_OPEN);
    assert_true(posw_tls_write(c.tls, (const uint8_t *)"login", 5));
    send_all(c.fd, posw_tls_output(c.tls));
    read_tls(w, c.fd, c.tls, &plain, 6, POSW_TLS_OPEN);
    assert_int_equal(posw_tls_state_now(c.tls), POSW_TLS_CLOSED);
    assert_int_equal(plain.size, 5);
    assert_memory_equal(plain.data, "full\n", 5);
    client_clear(&c);
    const int speaks = dial(w, 0), silent = dial(w, 0);
    turn_until(w, w->opened == 3);
    assert_int_equal(send(speaks, "login", 5, MSG_NOSIGNAL), 5);
    hears_that_it_is_full(w, speaks);
    hears_that_it_is_full(w, silent);
    assert_int_equal(w->got.size, 0);
    assert_int_equal(w->closed, 0);
    posw_buf_clear(&plain);
}

/* Those that are turned away have no place that another needs, though they stay until they have heard why. */
static void turned_away_in_numbers(void **state) {
    world *w = *state;
    int fds[8];
    w->turns_away = true;
    for (unsigned i = 0; i < POSW_ARRAY_SIZE(fds); i++) {
        fds[i] = dial(w, 0);
        turn_until(w, w->opened == i + 1);
    }
    w->turns_away = false;
    const int other = dial(w, 0);
    turn_until(w, w->opened == POSW_ARRAY_SIZE(fds) + 1);
    assert_int_equal(send(other, "hello", 5, 0), 5);
    turn_until(w, w->got.size == 5);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(fds); i++)
        close(fds[i]);
    close(other);
    turn_until(w, w->closed == 1);
}

/* A door without TLS has nothing to wait for. */
static void turned_away_in_plain(void **state) {
    world *w = *state;
    w->turns_away = true;
    const int fd = dial(w, 0);
    turn_until(w, w->opened == 1);
    hears_that_it_is_full(w, fd);
}

/* A handshake that goes wrong ends it. */
static void turned_away_without_a_handshake(void **state) {
    world *w = *state;
    w->turns_away = true;
    const int fd = dial(w, 0);
    char text[64];
    ssize_t n = -1;
    turn_until(w, w->opened == 1);
    assert_int_equal(send(fd, "\x16\x03\x01\x00\x04oops", 9, 0), 9);
    turn_until(w, (n = recv(fd, text, sizeof text, MSG_DONTWAIT)) >= 0);
    assert_int_equal(text[0], 21); /* an alert, and nothing in plain */
    assert_true(n == 7);
    turn_until(w, has_ended(fd));
    close(fd);
}

static void a_port_in_use(void **state) {
    world *w = *state;
    posw_miners *other = NULL;
    posw_message msg = {""};
    posw_miners_options o = {
        .host = "127.0.0.1", .port = posw_miners_port(w->door), .connections_max = 3, .event = on_event};
    assert_int_equal(posw_miners_start(&other, &w->loop, &o, &msg), POSW_EBUSY);
    assert_non_null(strstr(msg.text, "--stratum"));
    o.host = "localhost";
    assert_int_equal(posw_miners_start(&other, &w->loop, &o, &msg), POSW_EINVAL);
    assert_null(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_happens_is_told),
        TEST(the_last_word_arrives),
        TEST(who_does_not_read_is_closed),
        TEST(connections_have_a_limit),
        TEST(a_port_in_use),
        cmocka_unit_test_setup_teardown(tls_beside_plain, setup_tls, teardown),
        cmocka_unit_test_setup_teardown(another_certificate, setup_tls, teardown),
        TEST(turned_away_in_plain),
        TEST(turned_away_in_numbers),
        cmocka_unit_test_setup_teardown(turned_away_in_numbers, setup_tls, teardown),
        cmocka_unit_test_setup_teardown(handshakes_of_an_address_have_a_limit, setup_tls_as_ever, teardown),
        cmocka_unit_test_setup_teardown(turned_away, setup_tls, teardown),
        cmocka_unit_test_setup_teardown(turned_away_without_a_handshake, setup_tls, teardown),
        cmocka_unit_test_setup_teardown(handshakes_have_a_limit, setup_tls, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
