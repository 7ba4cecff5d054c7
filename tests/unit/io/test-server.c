/* The RPC door over HTTP: requests as clients say them, whole, in pieces, wrong, too large. */
#include "io/http_client.h"

#include "io/server_internal.h"

/* Says this and hears that status; the connection then ends if `ends`. */
static void asked(const door *d, const char *text, unsigned status, bool ends) {
    const int fd = dial(d);
    say(fd, text);
    hear_status(fd, status);
    if (ends) hear_end(fd);
    close(fd);
}

/* ---- requests and answers ---- */

static void a_request(void **state) {
    const int fd = dial(*state);
    reply r;
    say_post(fd, "", "{\"a\":1}");
    assert_true(hear_reply(fd, &r));
    assert_int_equal(r.status, 200);
    assert_string_equal(reply_header(&r, "Content-Type"), "application/json");
    assert_null(reply_header(&r, "Connection"));
    assert_null(reply_header(&r, "Access-Control-Allow-Origin"));
    assert_int_equal(r.body.size, 7);
    assert_memory_equal(r.body.data, "{\"a\":1}", 7);
    posw_buf_clear(&r.body);
    close(fd);
}

/* IPv4 in the form of IPv6; nobody has none. */
static void who_asks(void **state) {
    static const uint8_t loopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
    const int fd = dial(*state);
    reply r;
    say_post(fd, "", "who");
    assert_true(hear_reply(fd, &r));
    assert_int_equal(r.body.size, sizeof loopback);
    assert_memory_equal(r.body.data, loopback, sizeof loopback);
    posw_buf_clear(&r.body);
    close(fd);
}

static void keep_alive(void **state) {
    const int fd = dial(*state);
    char body[32];
    for (int i = 0; i < 200; i++) {
        snprintf(body, sizeof body, "request %d", i);
        say_post(fd, "", body);
        hear_body(fd, body);
    }
    close(fd);
    assert_int_equal(((door *)*state)->requests, 200);
}

static void connections_that_end(void **state) {
    reply r;
    int fd = dial(*state);
    say_post(fd, "Connection: close\r\n", "last");
    assert_true(hear_reply(fd, &r));
    assert_string_equal(reply_header(&r, "Connection"), "close");
    assert_int_equal(r.body.size, 4);
    posw_buf_clear(&r.body);
    hear_end(fd);
    close(fd);
    fd = dial(*state);
    say(fd, "POST / HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\nold");
    hear_body(fd, "old");
    hear_end(fd);
    close(fd);
    /* what follows the last request is not looked at */
    fd = dial(*state);
    say_post(fd, "Connection: close\r\n", "last");
    say_post(fd, "", "one more");
    hear_body(fd, "last");
    hear_end(fd);
    close(fd);
}

static void three_in_one_packet(void **state) {
    const int fd = dial(*state);
    say(fd, HEAD_POST "Content-Length: 3\r\n\r\none" HEAD_POST "Content-Length: 3\r\n\r\ntwo" HEAD_POST
                      "Content-Length: 5\r\n\r\nthree");
    hear_body(fd, "one");
    hear_body(fd, "two");
    hear_body(fd, "three");
    close(fd);
}

static void many_in_one_packet(void **state) {
    enum { MANY = 2000 };
    const int fd = dial(*state);
    posw_buf all = {0};
    for (int i = 0; i < MANY; i++)
        posw_buf_printf(&all, HEAD_POST "Content-Length: 4\r\n\r\n%04d", i);
    assert_true(say_bytes(fd, all.data, all.size));
    for (int i = 0; i < MANY; i++) {
        char body[8];
        snprintf(body, sizeof body, "%04d", i);
        hear_body(fd, body);
    }
    posw_buf_clear(&all);
    close(fd);
}

/* ---- answers that come later ---- */

static void later(void **state) {
    const int fd = dial(*state);
    say_post(fd, "", "later one");
    hear_body(fd, "later one");
    say_post(fd, "", "two");
    hear_body(fd, "two");
    close(fd);
}

/* What follows waits, and its answers come in order, however it comes in. */
static void later_in_one_packet(void **state) {
    const int fd = dial(*state);
    say(fd, HEAD_POST "Content-Length: 3\r\n\r\none" HEAD_POST "Content-Length: 5\r\n\r\nlater" HEAD_POST
                      "Content-Length: 5\r\n\r\nthree" HEAD_POST "Content-Length: 7\r\n\r\nlater 4" HEAD_POST
                      "Content-Length: 4\r\n\r\nfive");
    hear_body(fd, "one");
    hear_body(fd, "later");
    hear_body(fd, "three");
    hear_body(fd, "later 4");
    hear_body(fd, "five");
    for (int i = 0; i < 5; i++) {
        say_post(fd, "", "later again");
        say_post(fd, "", "then");
        rest_ms(i * 8);
        say_post(fd, "", "and");
        hear_body(fd, "later again");
        hear_body(fd, "then");
        hear_body(fd, "and");
    }
    close(fd);
}

static void later_and_the_end(void **state) {
    const int fd = dial(*state);
    say_post(fd, "Connection: close\r\n", "later");
    say_post(fd, "", "not looked at");
    hear_body(fd, "later");
    hear_end(fd);
    close(fd);
}

/* Behind a large answer that is read slowly. */
static void later_behind_a_large_answer(void **state) {
    const int fd = dial_with(*state, 4096);
    reply r;
    say_post(fd, "", "big 3000000");
    say_post(fd, "", "later");
    say_post(fd, "", "big 2000000");
    say_post(fd, "", "later on");
    rest_ms(60);
    assert_true(hear_reply(fd, &r));
    assert_int_equal(r.body.size, 3000000);
    posw_buf_clear(&r.body);
    hear_body(fd, "later");
    assert_true(hear_reply(fd, &r));
    assert_int_equal(r.body.size, 2000000);
    posw_buf_clear(&r.body);
    hear_body(fd, "later on");
    close(fd);
}

/* The client goes before its answer comes; so does the server. */
static void later_than_the_client(void **state) {
    for (int i = 0; i < 8; i++) {
        const int fd = dial(*state);
        say_post(fd, "", "later");
        if (i % 2 == 0) rest_ms(10);
        close(fd);
    }
    asked(*state, HEAD_POST "Content-Length: 2\r\n\r\nhi", 200, false);
    const int fd = dial(*state);
    say_post(fd, "", "later");
    rest_ms(5);
    close(fd);
}

static void byte_by_byte(void **state) {
    static const char text[] = "\r\n" HEAD_POST "X-Other: something\r\nContent-Length: 12\r\n\r\nhello, world" HEAD_POST
                               "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
    const int fd = dial(*state), on = 1;
    setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        assert_true(say_bytes(fd, text + i, 1));
        if (i % 7 == 0) rest_ms(1);
    }
    hear_body(fd, "hello, world");
    hear_body(fd, "abcde");
    close(fd);
}

static void chunks(void **state) {
    const int fd = dial(*state);
    say(fd, HEAD_POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0\r\n\r\n");
    hear_body(fd, "hello, world");
    /* a trailer has no say: neither another Host nor a second content type spoils what was accepted */
    say(fd, HEAD_POST
        "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nHost: evil.example\r\nContent-Type: text/plain\r\n\r\n");
    hear_body(fd, "ok");
    say_post(fd, "", "go on");
    hear_body(fd, "go on");
    close(fd);
    asked(*state, HEAD_POST "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, true);
    asked(*state, HEAD_POST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n4\r\nabcd\r\n0\r\n\r\n", 400, true);
}

static void answers_of_every_kind(void **state) {
    const int fd = dial(*state);
    say_post(fd, "", "nothing"); /* only notifications: an empty answer */
    hear_body(fd, "");
    say_post(fd, "", "twice"); /* one answer a request */
    hear_body(fd, "twice");
    say_post(fd, "", "");
    hear_body(fd, "");
    say_post(fd, "", "close");
    hear_end(fd);
    close(fd);
}

static void expect_continue(void **state) {
    const int fd = dial(*state);
    char line[26] = "";
    say(fd, HEAD_POST "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert_true(hear_bytes(fd, line, 25));
    assert_string_equal(line, "HTTP/1.1 100 Continue\r\n\r\n");
    say(fd, "body");
    hear_body(fd, "body");
    say(fd, HEAD_POST "Expect: 100-continue\r\nContent-Length: 1000000\r\n\r\n");
    hear_status(fd, 413); /* instead of an invitation */
    hear_end(fd);
    close(fd);
}

/* Offers of other protocols are passed over: some libraries offer HTTP/2 first. */
static void other_upgrades(void **state) {
    const int fd = dial(*state);
    say_post(fd, "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
             "plain");
    hear_body(fd, "plain");
    say_post(fd, "Connection: Upgrade\r\nUpgrade: websocket\r\n", "a post is no handshake");
    hear_body(fd, "a post is no handshake");
    close(fd);
    asked(*state, "CONNECT example.org:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, true);
}

static void methods(void **state) {
    reply r;
    const char *const refused[] = {"GET", "PUT", "DELETE", "PATCH", "TRACE"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(refused); i++) {
        char text[128];
        const int fd = dial(*state);
        snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: localhost\r\n\r\n", refused[i]);
        say(fd, text);
        assert_true(hear_reply(fd, &r));
        assert_int_equal(r.status, 405);
        assert_string_equal(reply_header(&r, "Allow"), "POST, OPTIONS");
        assert_string_equal(reply_header(&r, "Content-Type"), "text/plain");
        assert_true(r.body.size > 10);
        posw_buf_clear(&r.body);
        hear_end(fd);
        close(fd);
    }
    const int fd = dial(*state);
    char rest[2048] = "";
    say(fd, "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    (void)hear_bytes(fd, rest, sizeof rest - 1); /* to the end */
    assert_non_null(strstr(rest, "405"));
    assert_string_equal(strstr(rest, "\r\n\r\n"), "\r\n\r\n"); /* no body */
    close(fd);
    assert_int_equal(((door *)*state)->requests, 0);
}

/* ---- readings ---- */

static bool on_get(void *arg, const char *path, posw_server_reading *out) {
    (void)arg;
    out->content_type = "text/x-path";
    if (strcmp(path, "/ill") == 0)
        out->status = 503;
    else if (strcmp(path, "/well") != 0)
        return false;
    posw_buf_text(&out->body, path);
    return true;
}

static void readings(void **state) {
    (void)state;
    posw_server_options o = door_options();
    o.get = on_get;
    door *d = door_open(&o);
    const int fd = dial(d);
    const struct {
        const char *target;
        unsigned status;
    } cases[] = {{"/well", 200}, {"/ill", 503}, {"/well?and=more", 200}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        reply r;
        char text[128];
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", cases[i].target);
        say(fd, text);
        assert_true(hear_reply(fd, &r));
        assert_int_equal(r.status, cases[i].status);
        assert_string_equal(reply_header(&r, "Content-Type"), "text/x-path");
        assert_int_equal(r.body.size, strcspn(cases[i].target, "?"));
        posw_buf_clear(&r.body);
    }
    say_post(fd, "", "still the same door");
    hear_body(fd, "still the same door");
    close(fd);
    asked(d, "GET /else HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, true);
    asked(d, "GET /well HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, true);
    char text[600] = "GET /well";
    memset(text + 9, 'x', 300);
    strcat(text, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    asked(d, text, 405, true);
    door_stop(d);
    const posw_server_counters c = posw_server_read_counters(d->server);
    assert_int_equal(c.requests, 4 + 2); /* the one with the wrong host was not taken up */
    assert_int_equal(c.refused, 3);
    door_close(d);
}

static void content_types(void **state) {
    const struct {
        const char *type;
        unsigned status;
    } cases[] = {{"application/json", 200},
                 {"Application/JSON", 200},
                 {"application/json; charset=utf-8", 200},
                 {"application/json;charset=utf-8", 200},
                 {"application/jsonp", 415},
                 {"application/json-rpc", 415},
                 {"text/plain", 415},
                 {"text/plain; application/json", 415},
                 {"application/x-www-form-urlencoded", 415},
                 {"", 415}};
    char text[256];
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        snprintf(text, sizeof text,
                 "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: 1\r\n\r\n1", cases[i].type);
        asked(*state, text, cases[i].status, cases[i].status != 200);
    }
    asked(*state, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1", 415, true);
}

/* ---- who may ask ---- */

static void host(const door *d, const char *name, unsigned status) {
    char text[512];
    snprintf(text, sizeof text,
             "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n1", name);
    asked(d, text, status, status != 200);
}

static void hosts(void **state) {
    static const char *const allowed[] = {"node.example", "Other.Example", NULL};
    (void)state;
    posw_server_options o = door_options();
    o.hosts = allowed;
    door *d = door_open(&o);
    const char *const good[] = {"localhost",    "localhost:8545", "LocalHost",    "127.0.0.1", "127.0.0.1:8545",
                                "127.1.2.3:1",  "10.1.2.3:8545",  "[::1]:8545",   "[::1]",     "[fe80::1]",
                                "node.example", "NODE.example:1", "other.example"};
    const char *const bad[] = {"evil.example",
                               "evil.example:8545",
                               "",
                               ":8545",
                               "localhost.evil.example",
                               "127.0.0.1.evil.example",
                               "127.1",
                               "1234",
                               "[::1",
                               "[]",
                               "[localhost]",
                               "node.example.",
                               "xnode.example",
                               "256.1.1.1"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(good); i++)
        host(d, good[i], 200);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(bad); i++)
        host(d, bad[i], 403);
    const unsigned served = d->requests;
    asked(d, "POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n1", 403, true);
    asked(d, "OPTIONS / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, true);
    asked(d, HEAD_POST "Host: evil.example\r\nContent-Length: 1\r\n\r\n1", 400, true); /* two of them */
    asked(d, "POST http://localhost/ HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 1\r\n\r\n1", 403, true);
    assert_int_equal(d->requests, served);
    door_close(d);
    static const char *const all[] = {"*", NULL};
    o.hosts = all;
    d = door_open(&o);
    host(d, "evil.example", 200);
    host(d, "", 200);
    door_close(d);
}

static void origin(const door *d, const char *method, const char *name, unsigned status, bool leave) {
    char headers[256];
    reply r;
    const int fd = dial(d);
    snprintf(headers, sizeof headers,
             "Origin: %s\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n",
             name);
    if (strcmp(method, "POST") == 0) {
        say_post(fd, headers, "1");
    } else {
        say(fd, "OPTIONS / HTTP/1.1\r\nHost: localhost\r\n");
        say(fd, headers);
        say(fd, "\r\n");
    }
    assert_true(hear_reply(fd, &r));
    assert_int_equal(r.status, status);
    const char *given = reply_header(&r, "Access-Control-Allow-Origin");
    if (leave) {
        assert_string_equal(given, name);
        assert_string_equal(reply_header(&r, "Vary"), "Origin");
        assert_string_equal(reply_header(&r, "Access-Control-Allow-Methods"), "POST, OPTIONS");
        assert_string_equal(reply_header(&r, "Access-Control-Allow-Headers"), "content-type");
    } else {
        assert_null(given);
    }
    if (status == 204) {
        assert_null(reply_header(&r, "Content-Length"));
        say_post(fd, "", "and then"); /* on the same connection */
        hear_body(fd, "and then");
    }
    posw_buf_clear(&r.body);
    close(fd);
}

static void origins(void **state) {
    static const char *const allowed[] = {"https://app.example", "http://localhost:3000", NULL};
    (void)state;
    posw_server_options o = door_options();
    o.cors_origins = allowed;
    door *d = door_open(&o);
    origin(d, "OPTIONS", "https://app.example", 204, true);
    origin(d, "POST", "https://app.example", 200, true);
    origin(d, "POST", "http://localhost:3000", 200, true);
    origin(d, "OPTIONS", "https://evil.example", 403, false);
    origin(d, "OPTIONS", "https://app.example.evil", 403, false);
    origin(d, "OPTIONS", "null", 403, false);
    origin(d, "POST", "chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn", 200,
           false); /* wallets; they need no leave */
    asked(d, "OPTIONS / HTTP/1.1\r\nHost: localhost\r\n\r\n", 204, false);
    door_close(d);
    static const char *const all[] = {"*", NULL};
    o.cors_origins = all;
    d = door_open(&o);
    origin(d, "OPTIONS", "https://any.example", 204, true);
    origin(d, "POST", "null", 200, true);
    door_close(d);
    o.cors_origins = NULL;
    d = door_open(&o);
    origin(d, "OPTIONS", "http://localhost", 403, false);
    door_close(d);
}

/* ---- rubbish ---- */

static void rubbish(void **state) {
    const char *const texts[] = {
        "\x16\x03\x01\x02", /* TLS */
        "hello\r\n\r\n",
        "{\"jsonrpc\":\"2.0\"}",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n1"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(texts); i++)
        asked(*state, texts[i], 400, true);
    const int fd = dial(*state); /* after a good one, too */
    say(fd, HEAD_POST "Content-Length: 2\r\n\r\nok\x01\x02\x03");
    hear_body(fd, "ok");
    hear_status(fd, 400);
    hear_end(fd);
    close(fd);
    still_serves(*state);
}

static void headers_that_are_too_large(void **state) {
    enum { MANY = 200000 };
    char *text = malloc(MANY + 200);
    /* a known one beyond its limit */
    sprintf(text, "POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: ");
    memset(text + strlen(text), 'x', 300);
    strcpy(text + strlen("POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: ") + 300, "\r\nContent-Length: 0\r\n\r\n");
    asked(*state, text, 400, true);
    /* all of them beyond the parser's */
    int fd = dial(*state);
    sprintf(text, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Long: ");
    memset(text + strlen(text), 'x', MANY);
    (void)say_bytes(fd, text, MANY);
    hear_status(fd, 400);
    hear_end(fd);
    close(fd);
    /* unknown ones of any name are passed over */
    fd = dial(*state);
    memset(text, 'n', 200);
    text[200] = '\0';
    strcat(text, ": value\r\nhost-not: evil.example\r\nEmpty:\r\n");
    say_post(fd, text, "fine");
    hear_body(fd, "fine");
    close(fd);
    free(text);
}

static void bodies_at_the_limit(void **state) {
    enum { LIMIT = 100000 };
    char *body = malloc(LIMIT + 2), head[256];
    memset(body, 'b', LIMIT + 1);
    body[LIMIT] = '\0';
    int fd = dial(*state);
    say_post(fd, "", body);
    hear_body(fd, body);
    body[LIMIT] = 'b';
    body[LIMIT + 1] = '\0';
    snprintf(head, sizeof head, HEAD_POST "Content-Length: %d\r\n\r\n", LIMIT + 1);
    say(fd, head);
    hear_status(fd, 413); /* before a byte of it */
    hear_end(fd);
    close(fd);
    fd = dial(*state); /* a client that says it all before it listens hears the answer, too */
    say(fd, head);
    (void)say_bytes(fd, body, LIMIT + 1);
    hear_status(fd, 413);
    hear_end(fd);
    close(fd);
    fd = dial(*state); /* one that does not say beforehand how much it will be */
    say(fd, HEAD_POST "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i <= 10; i++) {
        snprintf(head, sizeof head, "%x\r\n", LIMIT / 10);
        if (!say_bytes(fd, head, strlen(head)) || !say_bytes(fd, body, LIMIT / 10) || !say_bytes(fd, "\r\n", 2)) break;
    }
    hear_status(fd, 413);
    hear_end(fd);
    close(fd);
    free(body);
    assert_int_equal(((door *)*state)->requests, 1);
    still_serves(*state);
}

/* ---- starting and stopping ---- */

static void nothing(uv_timer_t *timer) {
    (void)timer;
}

static void starts_that_fail(void **state) {
    const door *d = *state;
    uv_loop_t loop;
    uv_timer_t other; /* keeps the loop busy: starting must not wait for it */
    posw_server *s = NULL;
    posw_message msg;
    char port[16];
    uv_loop_init(&loop);
    uv_timer_init(&loop, &other);
    uv_timer_start(&other, nothing, 100000, 0);
    posw_server_options o = door_options();
    o.port = d->port;
    const uint64_t begin = clock_ms();
    assert_int_equal(posw_server_start(&s, &loop, &o, &msg), POSW_EBUSY);
    snprintf(port, sizeof port, "%u", d->port);
    assert_non_null(strstr(msg.text, port));
    assert_non_null(strstr(msg.text, "--port"));
    o.host = "localhost";
    assert_int_equal(posw_server_start(&s, &loop, &o, &msg), POSW_EINVAL);
    assert_non_null(strstr(msg.text, "'localhost' is not a numeric IP address"));
    o.host = "192.0.2.1"; /* of nobody */
    o.port = 0;
    assert_int_equal(posw_server_start(&s, &loop, &o, &msg), POSW_EIO);
    assert_non_null(strstr(msg.text, "192.0.2.1"));
    assert_null(s);
    assert_true(clock_ms() - begin < 2000);
    uv_close((uv_handle_t *)&other, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    still_serves(d);
}

static void ipv6(void **state) {
    (void)state;
    posw_server_options o = door_options();
    o.host = "::1";
    o.requests_per_s = 1000;
    door *d = door_open(&o);
    still_serves(d);
    host(d, "[::1]:8545", 200);
    door_close(d);
}

static void stopping_with_clients(void **state) {
    (void)state;
    const posw_server_options o = door_options();
    door *d = door_open(&o);
    int fd[6];
    for (int i = 0; i < 6; i++) {
        fd[i] = dial_with(d, 4096);
        if (i % 3 == 0) say_post(fd[i], "", "big 9000000");
        if (i % 3 == 1) say(fd[i], HEAD_POST "Content-Length: 100\r\n\r\nhalf");
    }
    rest_ms(50);
    const uint64_t begin = clock_ms();
    door_close(d);
    assert_true(clock_ms() - begin < 1000);
    for (int i = 0; i < 6; i++)
        close(fd[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DOOR_TEST(a_request),
        DOOR_TEST(who_asks),
        DOOR_TEST(keep_alive),
        DOOR_TEST(connections_that_end),
        DOOR_TEST(three_in_one_packet),
        DOOR_TEST(later),
        DOOR_TEST(later_in_one_packet),
        DOOR_TEST(later_and_the_end),
        DOOR_TEST(later_behind_a_large_answer),
        DOOR_TEST(later_than_the_client),
        DOOR_TEST(many_in_one_packet),
        DOOR_TEST(byte_by_byte),
        DOOR_TEST(chunks),
        DOOR_TEST(answers_of_every_kind),
        DOOR_TEST(expect_continue),
        DOOR_TEST(other_upgrades),
        DOOR_TEST(methods),
        cmocka_unit_test(readings),
        DOOR_TEST(content_types),
        cmocka_unit_test(hosts),
        cmocka_unit_test(origins),
        DOOR_TEST(rubbish),
        DOOR_TEST(headers_that_are_too_large),
        DOOR_TEST(bodies_at_the_limit),
        DOOR_TEST(starts_that_fail),
        cmocka_unit_test(ipv6),
        cmocka_unit_test(stopping_with_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
