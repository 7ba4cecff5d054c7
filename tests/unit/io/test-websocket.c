/* The RPC door over WebSocket (RFC 6455): handshakes, frames of every size and cut, control frames, limits, and pushes.
 */
#include "io/http_client.h"

enum { OP_CONTINUE = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10, FIN = 0x80, MASK = 0x80 };

#define HEAD_UPGRADE                                                                    \
    "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: " \
    "WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                      \
    "Sec-WebSocket-Version: 13\r\n"

/* ---- frames ---- */

static void frame(posw_buf *out, unsigned first, const void *data, size_t size) {
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    posw_buf_byte(out, (uint8_t)first);
    if (size < 126) {
        posw_buf_byte(out, (uint8_t)(MASK | size));
    } else {
        const unsigned bytes = size < 65536 ? 2 : 8;
        posw_buf_byte(out, MASK | (bytes == 2 ? 126 : 127));
        for (unsigned i = bytes; i-- > 0;)
            posw_buf_byte(out, (uint8_t)((uint64_t)size >> (8 * i)));
    }
    posw_buf_append(out, mask, 4);
    uint8_t *at = posw_buf_extend(out, size);
    for (size_t i = 0; i < size; i++)
        at[i] = ((const uint8_t *)data)[i] ^ mask[i % 4];
}

static void say_frame(int fd, unsigned first, const void *data, size_t size) {
    posw_buf b = {0};
    frame(&b, first, data, size);
    assert_true(say_bytes(fd, b.data, b.size));
    posw_buf_clear(&b);
}

static void say_text(int fd, const char *text) {
    say_frame(fd, FIN | OP_TEXT, text, strlen(text));
}

/* The next frame; the server's are whole and not masked. Its first byte; data is owned by the caller. */
static unsigned hear_frame(int fd, posw_buf *data) {
    uint8_t head[2], more[8];
    memset(data, 0, sizeof *data);
    if (!hear_bytes(fd, head, 2)) return 0;
    assert_int_equal(head[1] & MASK, 0);
    uint64_t size = head[1];
    if (size >= 126) {
        const size_t bytes = size == 126 ? 2 : 8;
        assert_true(hear_bytes(fd, more, bytes));
        size = 0;
        for (size_t i = 0; i < bytes; i++)
            size = size << 8 | more[i];
        assert_true(bytes == 2 ? size >= 126 : size >= 65536);
    }
    uint8_t *at = size > 0 ? posw_buf_extend(data, size) : NULL;
    assert_true(size == 0 || hear_bytes(fd, at, size));
    return head[0];
}

static void hear_exactly(int fd, unsigned first, const void *data, size_t size) {
    posw_buf b;
    assert_int_equal(hear_frame(fd, &b), first);
    assert_int_equal(b.size, size);
    if (size > 0) assert_memory_equal(b.data, data, size);
    posw_buf_clear(&b);
}

static void hear_text(int fd, const char *text) {
    hear_exactly(fd, FIN | OP_TEXT, text, strlen(text));
}

/* A closing frame with this code, and then the end. Of a broken frame the reader only says that it is broken: no code.
 */
static void hear_close(int fd, unsigned code) {
    posw_buf b;
    assert_int_equal(hear_frame(fd, &b), FIN | OP_CLOSE);
    if (code != 0 && (b.size > 0 || code != 1002)) {
        assert_true(b.size >= 2);
        assert_int_equal(b.data[0] << 8 | b.data[1], code);
    }
    posw_buf_clear(&b);
    hear_end(fd);
}

static int upgrade_on(int fd) {
    reply r;
    say(fd, HEAD_UPGRADE "\r\n");
    assert_true(hear_reply(fd, &r));
    assert_int_equal(r.status, 101);
    return fd;
}

static int upgrade(const door *d) {
    return upgrade_on(dial(d));
}

static void wait_closed(door *d, unsigned streams) {
    const uint64_t begin = clock_ms();
    while (d->streams_closed < streams && clock_ms() - begin < 10000)
        rest_ms(2);
    assert_int_equal(d->streams_closed, streams);
}

/* ---- the handshake ---- */

static void the_handshake(void **state) {
    const int fd = dial(*state);
    reply r;
    say(fd, HEAD_UPGRADE "\r\n");
    assert_true(hear_reply(fd, &r));
    assert_int_equal(r.status, 101);
    assert_string_equal(reply_header(&r, "Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); /* RFC 6455, 1.3 */
    assert_string_equal(reply_header(&r, "Upgrade"), "websocket");
    assert_string_equal(reply_header(&r, "Connection"), "Upgrade");
    say_text(fd, "hello");
    hear_text(fd, "hello");
    close(fd);
    wait_closed(*state, 1);
}

static void frames_in_the_handshakes_packet(void **state) {
    const int fd = dial(*state);
    posw_buf b = {0};
    reply r;
    posw_buf_text(&b, HEAD_UPGRADE "\r\n");
    frame(&b, FIN | OP_TEXT, "one", 3);
    frame(&b, FIN | OP_TEXT, "two", 3);
    assert_true(say_bytes(fd, b.data, b.size));
    assert_true(hear_reply(fd, &r));
    hear_text(fd, "one");
    hear_text(fd, "two");
    posw_buf_clear(&b);
    close(fd);
}

static void after_requests(void **state) {
    const int fd = dial(*state);
    reply r;
    say_post(fd, "", "first over HTTP");
    hear_body(fd, "first over HTTP");
    say(fd, HEAD_UPGRADE "\r\n");
    assert_true(hear_reply(fd, &r));
    assert_int_equal(r.status, 101);
    say_text(fd, "then here");
    hear_text(fd, "then here");
    close(fd);
}

static void refused(const door *d, const char *text, unsigned status) {
    const int fd = dial(d);
    reply r;
    say(fd, text);
    assert_true(hear_reply(fd, &r));
    assert_int_equal(r.status, status);
    if (status == 426) assert_string_equal(reply_header(&r, "Sec-WebSocket-Version"), "13");
    posw_buf_clear(&r.body);
    hear_end(fd);
    close(fd);
}

#define UPGRADE_WITH(headers) \
    "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" headers "\r\n"

static void handshakes_that_are_refused(void **state) {
    (void)state;
    static const char *const allowed[] = {"https://app.example", NULL};
    posw_server_options o = door_options();
    o.cors_origins = allowed;
    door *d = door_open(&o);
    refused(d, UPGRADE_WITH("Sec-WebSocket-Version: 13\r\n"), 400);
    refused(d, UPGRADE_WITH("Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n"), 400);
    refused(d, UPGRADE_WITH("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 426);
    refused(d, UPGRADE_WITH("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n"), 426);
    refused(d, HEAD_UPGRADE "Origin: https://evil.example\r\n\r\n", 403);
    refused(d, "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 403);
    refused(d, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: something\r\n\r\n", 405);
    int fd = dial(d);
    reply r;
    say(fd, HEAD_UPGRADE "Origin: https://app.example\r\n\r\n");
    assert_true(hear_reply(fd, &r));
    assert_int_equal(r.status, 101);
    close(fd);
    wait_closed(d, 1); /* those that were refused were never streams */
    door_close(d);
}

/* ---- messages ---- */

static void messages_of_every_size(void **state) {
    const size_t sizes[] = {0,    1,    2,    124,   125,   126,   127,   128,   1000,
                            4095, 4096, 4097, 65534, 65535, 65536, 65537, 99999, 100000};
    const int fd = upgrade(*state);
    char *text = malloc(100000);
    memset(text, 'x', 100000);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(sizes); i++) {
        say_frame(fd, FIN | OP_TEXT, text, sizes[i]);
        hear_exactly(fd, FIN | OP_TEXT, text, sizes[i]);
    }
    say_frame(fd, FIN | OP_BINARY, "\xff\xfe", 2); /* taken as bytes; what they mean is for others */
    hear_exactly(fd, FIN | OP_TEXT, "\xff\xfe", 2);
    free(text);
    close(fd);
    assert_int_equal(((door *)*state)->stream_messages, POSW_ARRAY_SIZE(sizes) + 1);
}

static void byte_by_byte(void **state) {
    const int fd = upgrade(*state), on = 1;
    posw_buf b = {0};
    setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
    frame(&b, FIN | OP_TEXT, "slowly", 6);
    frame(&b, FIN | OP_PING, "still?", 6);
    frame(&b, FIN | OP_TEXT, "but surely", 10);
    for (size_t i = 0; i < b.size; i++) {
        assert_true(say_bytes(fd, b.data + i, 1));
        rest_ms(1);
    }
    hear_text(fd, "slowly");
    hear_exactly(fd, FIN | OP_PONG, "still?", 6);
    hear_text(fd, "but surely");
    posw_buf_clear(&b);
    close(fd);
}

static void many_in_one_packet(void **state) {
    enum { MANY = 3000 };
    const int fd = upgrade(*state);
    posw_buf b = {0};
    char text[16];
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "message %d", i);
        frame(&b, FIN | OP_TEXT, text, strlen(text));
    }
    assert_true(say_bytes(fd, b.data, b.size));
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "message %d", i);
        hear_text(fd, text);
    }
    posw_buf_clear(&b);
    close(fd);
}

static void fragments(void **state) {
    const int fd = upgrade(*state);
    say_frame(fd, OP_TEXT, "one ", 4);
    say_frame(fd, OP_CONTINUE, "two ", 4);
    say_frame(fd, FIN | OP_PING, "ping", 4); /* control frames may come in between */
    hear_exactly(fd, FIN | OP_PONG, "ping", 4);
    say_frame(fd, OP_CONTINUE, "", 0);
    say_frame(fd, FIN | OP_CONTINUE, "three", 5);
    hear_text(fd, "one two three");
    /* a character may be cut in two */
    say_frame(fd, OP_TEXT, "\xe2\x82", 2);
    say_frame(fd, FIN | OP_CONTINUE, "\xac", 1);
    hear_text(fd, "\xe2\x82\xac");
    assert_int_equal(((door *)*state)->stream_messages, 2);
    close(fd);
}

static void pings(void **state) {
    const int fd = upgrade(*state);
    say_frame(fd, FIN | OP_PING, "", 0);
    hear_exactly(fd, FIN | OP_PONG, "", 0);
    char text[125];
    memset(text, 'p', sizeof text);
    say_frame(fd, FIN | OP_PING, text, sizeof text);
    hear_exactly(fd, FIN | OP_PONG, text, sizeof text);
    say_frame(fd, FIN | OP_PONG, "unasked", 7);
    say_text(fd, "fine");
    hear_text(fd, "fine");
    close(fd);
}

/* ---- the end ---- */

static void closing(void **state) {
    int fd = upgrade(*state);
    say_frame(fd, FIN | OP_CLOSE, "\x03\xe8", 2);
    hear_close(fd, 1000);
    close(fd);
    fd = upgrade(*state);
    say_frame(fd, FIN | OP_CLOSE, "", 0);
    hear_close(fd, 0);
    close(fd);
    fd = upgrade(*state);
    say_text(fd, "close"); /* the callback closes it, without words */
    hear_end(fd);
    close(fd);
    fd = upgrade(*state); /* no farewell */
    close(fd);
    wait_closed(*state, 4);
    rest_ms(20);
    assert_int_equal(((door *)*state)->streams_closed, 4); /* each once */
}

static void what_breaks_the_rules(void **state) {
    const struct {
        unsigned first;
        const char *data;
        size_t size;
        unsigned code;
    } cases[] = {
        {FIN | OP_TEXT, "\xff\xff", 2, 1007},     {FIN | OP_TEXT, "\xc0\x80", 2, 1007},
        {FIN | OP_TEXT, "\xed\xa0\x80", 3, 1007}, {FIN | OP_CONTINUE, "alone", 5, 1002},
        {FIN | 0x40 | OP_TEXT, "rsv", 3, 1002},   {FIN | 3, "opcode", 6, 1002},
        {OP_PING, "cut ping", 8, 1002},           {FIN | OP_CLOSE, "x", 1, 1002},
        {FIN | OP_CLOSE, "\x00\x01", 2, 1002},
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        const int fd = upgrade(*state);
        say_frame(fd, cases[i].first, cases[i].data, cases[i].size);
        hear_close(fd, cases[i].code);
        close(fd);
    }
    int fd = upgrade(*state); /* a new message before the old one's end */
    say_frame(fd, OP_TEXT, "one", 3);
    say_frame(fd, FIN | OP_TEXT, "two", 3);
    hear_close(fd, 1002);
    close(fd);
    fd = upgrade(*state); /* a ping that is too large */
    char large[126];
    memset(large, 'x', sizeof large);
    say_frame(fd, FIN | OP_PING, large, sizeof large);
    hear_close(fd, 1002);
    close(fd);
    wait_closed(*state, POSW_ARRAY_SIZE(cases) + 2);
    assert_int_equal(((door *)*state)->stream_messages, 0);
    still_serves(*state);
}

static void messages_that_are_too_large(void **state) {
    enum { LIMIT = 100000 };
    char *text = malloc(LIMIT + 1);
    memset(text, 'x', LIMIT + 1);
    int fd = upgrade(*state);
    posw_buf b = {0};
    frame(&b, FIN | OP_TEXT, text, LIMIT + 1);
    (void)say_bytes(fd, b.data, b.size);
    hear_close(fd, 1009);
    close(fd);
    fd = upgrade(*state); /* in fragments */
    for (int i = 0; i < 11; i++) {
        posw_buf_reset(&b);
        frame(&b, i == 0 ? OP_TEXT : OP_CONTINUE, text, LIMIT / 10);
        if (!say_bytes(fd, b.data, b.size)) break;
    }
    hear_close(fd, 1009);
    close(fd);
    fd = upgrade(*state); /* announced as 2^63 - 1 bytes */
    say_bytes(fd, "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04x", 15);
    hear_close(fd, 1009);
    close(fd);
    posw_buf_clear(&b);
    free(text);
    assert_int_equal(((door *)*state)->stream_messages, 0);
    still_serves(*state);
}

/* A frame costs memory, however little is in it. */
static void messages_of_too_many_frames(void **state) {
    enum { FRAMES = 10000 };
    const int fd = upgrade(*state);
    posw_buf b = {0};
    for (int i = 0; i < FRAMES; i++)
        frame(&b, i == 0 ? OP_TEXT : OP_CONTINUE, "x", 1);
    (void)say_bytes(fd, b.data, b.size);
    hear_close(fd, 1009);
    close(fd);
    posw_buf_clear(&b);
    assert_int_equal(((door *)*state)->stream_messages, 0);
    still_serves(*state);
}

/* Nor do messages that never end take more than unfinished requests may, all together. */
static void unfinished_messages_of_all(void **state) {
    (void)state;
    enum { STREAMS = 4, SIZE = 33 << 20 };
    posw_server_options o = door_options();
    o.body_bytes_max = SIZE;
    door *d = door_open(&o);
    posw_buf b = {0};
    int fd[STREAMS + 1];
    char *text = calloc(1, SIZE);
    frame(&b, FIN | OP_TEXT, text, SIZE);
    for (int i = 0; i <= STREAMS; i++) { /* all but the last bytes of each */
        fd[i] = upgrade(d);
        (void)say_bytes(fd[i], b.data, b.size - 2000);
    }
    hear_close(fd[STREAMS], 1013);
    for (int i = 0; i <= STREAMS; i++)
        close(fd[i]);
    wait_closed(d, STREAMS + 1);
    const int again = upgrade(d); /* and there is room again */
    assert_true(say_bytes(again, b.data, b.size));
    posw_buf_clear(&b);
    assert_int_equal(hear_frame(again, &b), FIN | OP_TEXT);
    assert_int_equal(b.size, SIZE);
    close(again);
    wait_closed(d, STREAMS + 2);
    posw_buf_clear(&b);
    free(text);
    door_close(d);
}

/* Who sends pings and reads no pong is not read from any more when a megabyte waits for it. Pongs are small, and what
 * each of them takes beside its bytes counts as well. */
static void pongs_that_wait(void **state) {
    door *d = *state;
    const int fd = upgrade_on(dial_with(d, 4096));
    const uint64_t end_ms = clock_ms() + 20000;
    posw_buf pings = {0};
    size_t sent = 0;
    for (int i = 0; i < 100; i++)
        frame(&pings, FIN | OP_PING, "a ping that is to be answered", 29);
    while (ask_number(d, "backlog") < 3 * SERVER_BACKLOG_PAUSE) {
        ssize_t n = 1;
        while (n > 0 && (n = send(fd, pings.data + sent, pings.size - sent, MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
            sent = (sent + (size_t)n) % pings.size;
        if (clock_ms() > end_ms) fail_msg("%zu", ask_number(d, "backlog"));
    }
    assert_true(ask_number(d, "backlog") < 16 * SERVER_BACKLOG_PAUSE);
    posw_buf_clear(&pings);
    close(fd);
    wait_closed(d, 1);
    while (ask_number(d, "backlog") > 0)
        if (clock_ms() > end_ms) fail_msg("%zu are left", ask_number(d, "backlog"));
}

/* See room_for_small_requests in test-server-limits.c. */
static void room_for_small_messages(void **state) {
    (void)state;
    const posw_server_options o = full_options();
    door *d = door_open(&o);
    int fd[FULL_CLIENTS];
    posw_buf heard;
    char *large = calloc(1, 2 * SERVER_BODY_SMALL);
    fill_bodies(d, fd);
    const int more = upgrade(d);
    say_frame(more, FIN | OP_TEXT, large, 2 * SERVER_BODY_SMALL);
    assert_int_equal(hear_frame(more, &heard), FIN | OP_CLOSE);
    assert_int_equal(heard.data[0] << 8 | heard.data[1], 1013);
    posw_buf_clear(&heard);
    free(large);
    close(more);
    const int small = upgrade(d);
    for (int i = 0; i < 10; i++) {
        say_frame(small, FIN | OP_TEXT, "a small one", 11);
        assert_int_equal(hear_frame(small, &heard), FIN | OP_TEXT);
        posw_buf_clear(&heard);
    }
    close(small);
    for (int i = 0; i < FULL_CLIENTS; i++)
        close(fd[i]);
    door_close(d);
}

static void too_many_messages(void **state) {
    (void)state;
    posw_server_options o = door_options();
    o.requests_per_s = 10;
    door *d = door_open(&o);
    const int fd = upgrade(d);
    posw_buf b = {0}, heard;
    unsigned served = 0;
    for (int i = 0; i < 50; i++)
        frame(&b, FIN | OP_TEXT, "more", 4);
    assert_true(say_bytes(fd, b.data, b.size));
    posw_buf_clear(&b);
    unsigned first;
    while ((first = hear_frame(fd, &heard)) == (FIN | OP_TEXT)) {
        served++;
        posw_buf_clear(&heard);
    }
    assert_int_equal(first, FIN | OP_CLOSE);
    assert_int_equal(heard.data[0] << 8 | heard.data[1], 1008);
    posw_buf_clear(&heard);
    assert_in_range(served, 10, 20); /* one fixed second, or two */
    hear_end(fd);
    close(fd);
    wait_closed(d, 1);
    door_close(d);
}

static void messages_that_count_more(void **state) {
    (void)state;
    posw_server_options o = door_options();
    o.requests_per_s = 5;
    o.count = count_by_number;
    door *d = door_open(&o);
    const int fd = upgrade(d);
    posw_buf heard;
    say_frame(fd, FIN | OP_TEXT, "5 at once", 9);
    assert_int_equal(hear_frame(fd, &heard), FIN | OP_TEXT);
    posw_buf_clear(&heard);
    say_frame(fd, FIN | OP_TEXT, "6 at once", 9);
    assert_int_equal(hear_frame(fd, &heard), FIN | OP_CLOSE);
    assert_int_equal(heard.data[0] << 8 | heard.data[1], 1008);
    posw_buf_clear(&heard);
    hear_end(fd);
    close(fd);
    wait_closed(d, 1);
    assert_int_equal(d->requests, 1);
    door_close(d);
}

/* After a closing frame nobody may leave the connection open for ever. */
static void a_client_that_does_not_say_goodbye(void **state) {
    (void)state;
    posw_server_options o = door_options();
    o.request_ms = 200;
    door *d = door_open(&o);
    const int fd = upgrade(d);
    say_frame(fd, FIN | OP_TEXT, "\xff", 1);
    wait_closed(d, 1);
    close(fd);
    door_close(d);
}

/* Nor may a message that has begun. */
static void a_slow_message(void **state) {
    (void)state;
    posw_server_options o = door_options();
    o.request_ms = 200;
    door *d = door_open(&o);
    int fd = upgrade(d);
    say_frame(fd, OP_TEXT, "half a mess", 11);
    rest_ms(50);
    say_frame(fd, FIN | OP_PING, "busy", 4);
    hear_exactly(fd, FIN | OP_PONG, "busy", 4);
    hear_end(fd);
    close(fd);
    fd = upgrade(d);
    for (int i = 0; i < 4; i++) { /* each in time, all together not */
        say_frame(fd, OP_TEXT, "a ", 2);
        rest_ms(100);
        say_frame(fd, FIN | OP_CONTINUE, "message", 7);
        hear_text(fd, "a message");
    }
    close(fd);
    wait_closed(d, 2);
    door_close(d);
}

/* A stream may be silent for long. */
static void a_silent_stream(void **state) {
    (void)state;
    posw_server_options o = door_options();
    o.request_ms = o.idle_ms = 100;
    door *d = door_open(&o);
    const int fd = upgrade(d);
    rest_ms(800);
    say_text(fd, "still here");
    hear_text(fd, "still here");
    close(fd);
    wait_closed(d, 1);
    door_close(d);
}

/* ---- pushes ---- */

static void pushes(void **state) {
    const int fd = upgrade(*state);
    posw_buf b;
    say_text(fd, "push 1000");
    for (int i = 0; i < 64; i++) {
        assert_int_equal(hear_frame(fd, &b), FIN | OP_TEXT);
        assert_int_equal(b.size, 1000);
        posw_buf_clear(&b);
    }
    say_text(fd, "big 20000000"); /* one message may be of any size */
    assert_int_equal(hear_frame(fd, &b), FIN | OP_TEXT);
    assert_int_equal(b.size, 20000000);
    assert_int_equal(b.data[19999999], (uint8_t)(19999999 * 7 + 19999999 / 251));
    posw_buf_clear(&b);
    close(fd);
}

/* A reader that is far behind is closed instead of being remembered. */
static void a_reader_that_is_behind(void **state) {
    const int fd = upgrade(*state);
    say_text(fd, "push 1000000"); /* 64 MB */
    wait_closed(*state, 1);
    size_t heard = 0;
    char *some = malloc(1 << 20);
    for (ssize_t n; (n = recv(fd, some, 1 << 20, 0)) > 0;)
        heard += (size_t)n;
    assert_true(heard < 40000000);
    free(some);
    close(fd);
    still_serves(*state);
}

/* Requests whose answers pile up wait; all are answered. */
static void many_large_answers(void **state) {
    enum { MANY = 60, SIZE = 1000000 };
    const int fd = upgrade(*state);
    posw_buf b = {0};
    char text[150]; /* so long that not all of them fit into what the frame reader reads ahead */
    memset(text, ' ', sizeof text);
    memcpy(text, "big 1000000", 11);
    for (int i = 0; i < MANY; i++)
        frame(&b, FIN | OP_TEXT, text, sizeof text);
    assert_true(say_bytes(fd, b.data, b.size));
    posw_buf_clear(&b);
    rest_ms(50);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(hear_frame(fd, &b), FIN | OP_TEXT);
        assert_int_equal(b.size, SIZE);
        posw_buf_clear(&b);
    }
    say_text(fd, "done");
    hear_text(fd, "done");
    close(fd);
}

static void stopping_with_streams(void **state) {
    (void)state;
    const posw_server_options o = door_options();
    door *d = door_open(&o);
    int fd[5];
    for (int i = 0; i < 5; i++) {
        fd[i] = upgrade(d);
        if (i % 2 == 0) say_text(fd[i], "push 100000");
    }
    rest_ms(30);
    uv_async_send(&d->wake);
    pthread_join(d->thread, NULL);
    assert_int_equal(d->streams_closed, 5);
    posw_server_free(d->server);
    assert_int_equal(uv_loop_close(&d->loop), 0);
    free(d);
    for (int i = 0; i < 5; i++)
        close(fd[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DOOR_TEST(the_handshake),
        DOOR_TEST(frames_in_the_handshakes_packet),
        DOOR_TEST(after_requests),
        cmocka_unit_test(handshakes_that_are_refused),
        DOOR_TEST(messages_of_every_size),
        DOOR_TEST(byte_by_byte),
        DOOR_TEST(many_in_one_packet),
        DOOR_TEST(fragments),
        DOOR_TEST(pings),
        DOOR_TEST(closing),
        DOOR_TEST(what_breaks_the_rules),
        DOOR_TEST(messages_that_are_too_large),
        DOOR_TEST(messages_of_too_many_frames),
        cmocka_unit_test(unfinished_messages_of_all),
        DOOR_TEST(pongs_that_wait),
        cmocka_unit_test(room_for_small_messages),
        cmocka_unit_test(too_many_messages),
        cmocka_unit_test(messages_that_count_more),
        cmocka_unit_test(a_client_that_does_not_say_goodbye),
        cmocka_unit_test(a_slow_message),
        cmocka_unit_test(a_silent_stream),
        DOOR_TEST(pushes),
        DOOR_TEST(a_reader_that_is_behind),
        DOOR_TEST(many_large_answers),
        cmocka_unit_test(stopping_with_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
