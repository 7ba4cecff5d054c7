/* The RPC door over HTTP: requests as clients say them, whole, in pieces, wrong, too large, too slow. */
#include "io/http_client.h"

#include "io/server_internal.h"

#include <limits.h>

static int setup(void **state) {
    const posw_server_options o = door_options();
    *state = door_open(&o);
    return 0;
}

static int teardown(void **state) {
    door_close(*state);
    return 0;
}

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_request),
        TEST(who_asks),
        TEST(keep_alive),
        TEST(connections_that_end),
        TEST(three_in_one_packet),
        TEST(later),
        TEST(later_in_one_packet),
        TEST(later_and_the_end),
        TEST(later_behind_a_large_answer),
        TEST(later_than_the_client),
        TEST(many_in_one_packet),
        TEST(who_sends_much_waits),
        TEST(byte_by_byte),
        TEST(chunks),
        TEST(answers_of_every_kind),
        TEST(expect_continue),
        TEST(other_upgrades),
        TEST(methods),
        cmocka_unit_test(readings),
        TEST(content_types),
        cmocka_unit_test(hosts),
        cmocka_unit_test(origins),
        TEST(rubbish),
        TEST(headers_that_are_too_large),
        TEST(bodies_at_the_limit),
        cmocka_unit_test(too_many_connections),
        cmocka_unit_test(turned_away_in_peace),
        cmocka_unit_test(too_many_connections_of_an_address),
        cmocka_unit_test(shares_of_addresses),
        cmocka_unit_test(room_for_small_requests),
        cmocka_unit_test(too_many_requests),
        cmocka_unit_test(requests_that_count_more),
        cmocka_unit_test(slow_requests),
        cmocka_unit_test(idle_connections),
        TEST(large_answer_to_a_slow_reader),
        TEST(many_large_answers),
        cmocka_unit_test(a_reader_that_does_not_read),
        TEST(clients_that_go_away),
        TEST(a_client_that_does_not_listen),
        TEST(starts_that_fail),
        cmocka_unit_test(ipv6),
        cmocka_unit_test(stopping_with_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
