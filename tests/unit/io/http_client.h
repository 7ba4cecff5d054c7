/* A server on a thread of its own, and clients on real sockets of the loopback that say bytes as a test wants them
 * said. The server answers by what it is asked, see on_data(). */
#ifndef POSW_TEST_IO_HTTP_CLIENT_H
#define POSW_TEST_IO_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/test.h"
#include "io/server_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

/* ---- the server ---- */

typedef struct {
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t wake;
    posw_server *server;
    _Atomic unsigned requests, stream_messages, streams_closed;
    uint16_t port;
    const char *host;
    _Atomic bool held;
    bool stopped;
} door;

static inline void answer_number(door *d, uint64_t client, posw_bytes body, size_t skip, size_t repeat) {
    char text[32];
    snprintf(text, sizeof text, "%.*s", (int)(body.size - skip < 20 ? body.size - skip : 20),
             (const char *)body.data + skip);
    const size_t size = strtoul(text, NULL, 10);
    uint8_t *data = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < repeat; i++)
        posw_server_send(d->server, client, (posw_bytes){data, size});
    free(data);
}

static inline bool begins(posw_bytes b, const char *word) {
    return b.size >= strlen(word) && memcmp(b.data, word, strlen(word)) == 0;
}

/* Answers that come later: one from another step of the loop. */
typedef struct {
    uv_timer_t timer;
    door *d;
    uint64_t client;
    size_t size;
    uint8_t body[];
} late_answer;

static inline void on_late_closed(uv_handle_t *handle) {
    free(handle);
}

static inline void on_late(uv_timer_t *timer) {
    late_answer *l = (late_answer *)timer;
    posw_server_send(l->d->server, l->client, (posw_bytes){l->body, l->size});
    uv_close((uv_handle_t *)timer, on_late_closed);
}

static inline void answer_later(door *d, uint64_t client, posw_bytes body) {
    late_answer *l = malloc(sizeof *l + body.size);
    *l = (late_answer){.d = d, .client = client, .size = body.size};
    memcpy(l->body, body.data, body.size);
    uv_timer_init(&d->loop, &l->timer);
    uv_timer_start(&l->timer, on_late, 20, 0);
    posw_server_answer_later(d->server, client);
}

static inline void answer_with(door *d, uint64_t client, size_t v) {
    char text[32];
    const int n = snprintf(text, sizeof text, "%zu", v);
    posw_server_send(d->server, client, (posw_bytes){(const uint8_t *)text, (size_t)n});
}

static inline void answer_who(door *d, uint64_t client) {
    uint8_t address[16];
    if (!posw_server_client_address(d->server, 987654321, address) &&
        posw_server_client_address(d->server, client, address))
        posw_server_send(d->server, client, (posw_bytes){address, sizeof address});
}

/* Processor time of the server's thread. */
static inline void be_busy(unsigned ms) {
    struct timespec began, now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &began);
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while ((now.tv_sec - began.tv_sec) * 1000 + (now.tv_nsec - began.tv_nsec) / 1000000 < ms);
}

/* "hold" is answered when the test lets it go on; "toil" after work for 0.4 s; "count": how many requests
 * there have been; "backlog": what waits to be written; "bodies": what other requests hold; "big N": N bytes; "push N":
 * N bytes 64 times; "nothing"; "twice"; "close"; "who": the address of who asks; "later…" comes back after a while;
 * anything else comes back. */
static inline void on_data(void *arg, uint64_t client, bool stream, posw_bytes body) {
    door *d = arg;
    d->requests++;
    d->stream_messages += stream;
    posw_server_send(d->server, 987654321, body); /* nobody */
    while (begins(body, "hold") && d->held)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (begins(body, "toil")) be_busy(400);
    if (begins(body, "big "))
        answer_number(d, client, body, 4, 1);
    else if (begins(body, "push "))
        answer_number(d, client, body, 5, 64);
    else if (begins(body, "later"))
        answer_later(d, client, body);
    else if (begins(body, "close"))
        posw_server_close_client(d->server, client);
    else if (begins(body, "count"))
        answer_with(d, client, d->requests);
    else if (begins(body, "backlog"))
        answer_with(d, client, d->server->backlog_bytes);
    else if (begins(body, "bodies"))
        answer_with(d, client, d->server->body_bytes - body.size);
    else if (begins(body, "who"))
        answer_who(d, client);
    else if (!begins(body, "nothing"))
        posw_server_send(d->server, client, body);
    if (begins(body, "twice")) posw_server_send(d->server, client, body);
}

static inline void on_stream_closed(void *arg, uint64_t client) {
    door *d = arg;
    posw_server_send(d->server, client, (posw_bytes){(const uint8_t *)"too late", 8});
    d->streams_closed++;
}

static inline void on_wake(uv_async_t *wake) {
    door *d = wake->data;
    posw_server_stop(d->server);
    uv_close((uv_handle_t *)wake, NULL);
}

static inline void *door_main(void *arg) {
    door *d = arg;
    uv_run(&d->loop, UV_RUN_DEFAULT);
    return NULL;
}

/* "N …": it counts as N requests. */
static inline unsigned count_by_number(posw_bytes body) {
    return body.size > 0 && body.data[0] >= '1' && body.data[0] <= '9' ? body.data[0] - '0' : 1;
}

static inline posw_server_options door_options(void) {
    return (posw_server_options){.host = "127.0.0.1", .body_bytes_max = 100000, .connections_max = 64};
}

static inline door *door_open(const posw_server_options *o) {
    door *d = calloc(1, sizeof *d);
    posw_server_options options = *o;
    posw_message msg = {""};
    signal(SIGPIPE, SIG_IGN);
    options.data = on_data;
    options.closed = on_stream_closed;
    options.arg = d;
    d->host = o->host;
    assert_int_equal(uv_loop_init(&d->loop), 0);
    assert_int_equal(uv_async_init(&d->loop, &d->wake, on_wake), 0);
    d->wake.data = d;
    if (posw_server_start(&d->server, &d->loop, &options, &msg) != POSW_OK) fail_msg("%s", msg.text);
    d->port = posw_server_port(d->server);
    assert_int_equal(pthread_create(&d->thread, NULL, door_main, d), 0);
    return d;
}

/* Its thread has ended; what the server has counted can be read. */
static inline void door_stop(door *d) {
    uv_async_send(&d->wake);
    pthread_join(d->thread, NULL);
    d->stopped = true;
}

/* Everything is closed and freed: the loop says so. */
static inline void door_close(door *d) {
    if (!d->stopped) door_stop(d);
    posw_server_free(d->server);
    assert_int_equal(uv_loop_close(&d->loop), 0);
    free(d);
}

static inline int door_setup(void **state) {
    const posw_server_options o = door_options();
    *state = door_open(&o);
    return 0;
}

static inline int door_teardown(void **state) {
    door_close(*state);
    return 0;
}

/* A test whose state is a door with the usual options. */
#define DOOR_TEST(name) cmocka_unit_test_setup_teardown(name, door_setup, door_teardown)

/* ---- a client ---- */

static inline uint64_t clock_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static inline void rest_ms(long ms) {
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static inline int dial_with(const door *d, int receive_buffer) {
    struct sockaddr_storage address = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    const bool is_v6 = strchr(d->host, ':') != NULL;
    if (is_v6)
        *v6 =
            (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(d->port), .sin6_addr = in6addr_loopback};
    else
        *v4 = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(d->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (receive_buffer > 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, is_v6 ? sizeof *v6 : sizeof *v4), 0);
    const struct timeval limit = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

static inline int dial(const door *d) {
    return dial_with(d, 0);
}

/* False: the other side has closed. */
static inline bool say_bytes(int fd, const void *data, size_t size) {
    const uint8_t *p = data;
    while (size > 0) {
        const ssize_t n = send(fd, p, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        p += n;
        size -= (size_t)n;
    }
    return true;
}

static inline void say(int fd, const char *text) {
    assert_true(say_bytes(fd, text, strlen(text)));
}

/* Exactly so many bytes; false at the end of the stream or a reset. A time-out fails the test. */
static inline bool hear_bytes(int fd, void *out, size_t size) {
    uint8_t *p = out;
    while (size > 0) {
        const ssize_t n = recv(fd, p, size, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) fail_msg("the server says nothing");
        if (n <= 0) return false;
        p += n;
        size -= (size_t)n;
    }
    return true;
}

/* The server has closed, and nothing came before that. */
static inline void hear_end(int fd) {
    char c;
    assert_false(hear_bytes(fd, &c, 1));
}

typedef struct {
    unsigned status;
    char head[4096];
    posw_buf body; /* owned */
} reply;

/* A header's value, NULL: not there. Borrowed from static memory until the next call. */
static inline const char *reply_header(const reply *r, const char *name) {
    static char value[1024];
    for (const char *line = strstr(r->head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, strlen(name)) != 0 || line[strlen(name)] != ':') continue;
        const char *v = line + strlen(name) + 1;
        while (*v == ' ')
            v++;
        snprintf(value, sizeof value, "%.*s", (int)strcspn(v, "\r"), v);
        return value;
    }
    return NULL;
}

/* False: the connection ended instead. */
static inline bool hear_reply(int fd, reply *r) {
    size_t size = 0;
    memset(r, 0, sizeof *r);
    while (size < 4 || memcmp(r->head + size - 4, "\r\n\r\n", 4) != 0) {
        assert_true(size + 1 < sizeof r->head);
        if (!hear_bytes(fd, r->head + size, 1)) return false;
        size++;
    }
    assert_int_equal(sscanf(r->head, "HTTP/1.1 %u ", &r->status), 1);
    const char *length = reply_header(r, "Content-Length");
    if (length == NULL) return true;
    const size_t body = strtoul(length, NULL, 10);
    uint8_t *at = body > 0 ? posw_buf_extend(&r->body, body) : NULL;
    return body == 0 || hear_bytes(fd, at, body);
}

static inline void hear_status(int fd, unsigned status) {
    reply r;
    assert_true(hear_reply(fd, &r));
    assert_int_equal(r.status, status);
    posw_buf_clear(&r.body);
}

static inline void hear_body(int fd, const char *body) {
    reply r;
    assert_true(hear_reply(fd, &r));
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body.size, strlen(body));
    if (r.body.size > 0) assert_memory_equal(r.body.data, body, r.body.size);
    posw_buf_clear(&r.body);
}

#define HEAD_POST "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

static inline void say_post(int fd, const char *headers, const char *body) {
    char *text = malloc(strlen(headers) + strlen(body) + 256);
    sprintf(text, HEAD_POST "%sContent-Length: %zu\r\n\r\n%s", headers, strlen(body), body);
    say(fd, text);
    free(text);
}

/* What the server answers to "count", "backlog" or "bodies". */
static inline size_t ask_number(const door *d, const char *what) {
    const int fd = dial(d);
    reply r;
    say_post(fd, "", what);
    assert_true(hear_reply(fd, &r));
    posw_buf_byte(&r.body, 0);
    const size_t number = strtoul((const char *)r.body.data, NULL, 10);
    posw_buf_clear(&r.body);
    close(fd);
    return number;
}

/* Requests without their end, that take what there is for the bodies of all but for less than one of the small ones;
 * with the options of full_options() there is time for them. All has come in when this returns: what is asked sooner
 * could have the place of one of them. */
enum { FULL_CLIENTS = 4, FULL_BODY = SERVER_BODIES_MAX / FULL_CLIENTS, FULL_LEFT = 1024 };

static inline posw_server_options full_options(void) {
    posw_server_options o = door_options();
    o.body_bytes_max = FULL_BODY;
    o.request_ms = 300000;
    return o;
}

static inline void fill_bodies(const door *d, int fd[FULL_CLIENTS]) {
    char *body = malloc(FULL_BODY);
    memset(body, ' ', FULL_BODY);
    for (int i = 0; i < FULL_CLIENTS; i++) {
        char head[256];
        fd[i] = dial(d);
        snprintf(head, sizeof head, HEAD_POST "Content-Length: %d\r\n\r\n", FULL_BODY);
        say(fd[i], head);
        assert_true(say_bytes(fd[i], body, FULL_BODY - FULL_LEFT));
    }
    free(body);
    const uint64_t end_ms = clock_ms() + 60000;
    while (ask_number(d, "bodies") < (size_t)FULL_CLIENTS * (FULL_BODY - FULL_LEFT)) {
        assert_true(clock_ms() < end_ms);
        rest_ms(10);
    }
}

/* The server is well: a new client gets its answer. */
static inline void still_serves(const door *d) {
    const int fd = dial(d);
    say_post(fd, "", "hello");
    hear_body(fd, "hello");
    close(fd);
}

#endif
