/* Pages beside the RPC: what is in the table and nothing else, by GET and HEAD, for allowed Hosts only; and RPC and
 * WebSockets from these pages. */
#include "io/http_client.h"

static const posw_page items[] = {
    {"/", "text/html; charset=utf-8", "\"one\"", (const unsigned char *)"<!doctype html>", 15},
    {"/app.js", "text/javascript; charset=utf-8", "\"two\"", (const unsigned char *)"export {}", 9},
    {"/empty.css", "text/css; charset=utf-8", "\"three\"", (const unsigned char *)"", 0},
};
static const posw_pages pages = {items, POSW_ARRAY_SIZE(items), "default-src 'none'"};

static int setup(void **state) {
    posw_server_options o = door_options();
    o.pages = &pages;
    *state = door_open(&o);
    return 0;
}

static int teardown(void **state) {
    door_close(*state);
    return 0;
}

/* The answer to a request line and headers, its end left out; r->body is the caller's. */
static void ask(const door *d, const char *method, const char *path, const char *headers, reply *r) {
    char text[8192];
    const int fd = dial(d);
    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\n%s%s\r\n", method, path,
             strstr(headers, "Host:") == NULL ? "Host: localhost\r\n" : "", headers);
    say(fd, text);
    assert_true(hear_reply(fd, r));
    close(fd);
}

static void asked(const door *d, const char *method, const char *path, const char *headers, unsigned status) {
    reply r;
    ask(d, method, path, headers, &r);
    if (r.status != status) fail_msg("%s %s: %u, not %u", method, path, r.status, status);
    posw_buf_clear(&r.body);
}

static void a_page(void **state) {
    reply r;
    for (size_t i = 0; i < pages.count; i++) {
        ask(*state, "GET", items[i].path, "", &r);
        assert_int_equal(r.status, 200);
        assert_string_equal(reply_header(&r, "Content-Type"), items[i].type);
        assert_string_equal(reply_header(&r, "ETag"), items[i].etag);
        assert_string_equal(reply_header(&r, "Cache-Control"), "no-cache");
        assert_string_equal(reply_header(&r, "Content-Security-Policy"), "default-src 'none'");
        assert_string_equal(reply_header(&r, "X-Content-Type-Options"), "nosniff");
        assert_string_equal(reply_header(&r, "Referrer-Policy"), "no-referrer");
        assert_string_equal(reply_header(&r, "Cross-Origin-Resource-Policy"), "same-origin");
        assert_null(reply_header(&r, "Access-Control-Allow-Origin"));
        assert_int_equal(r.body.size, items[i].size);
        if (items[i].size > 0) assert_memory_equal(r.body.data, items[i].data, items[i].size);
        posw_buf_clear(&r.body);
    }
    asked(*state, "GET", "/app.js?v=2", "", 200);
    asked(*state, "GET", "/?", "", 200);
    assert_int_equal(((door *)*state)->requests, 0);
}

static void many_on_one_connection(void **state) {
    const int fd = dial(*state);
    for (int i = 0; i < 20; i++) {
        say(fd, "GET /app.js HTTP/1.1\r\nHost: localhost\r\n\r\nGET /none HTTP/1.1\r\nHost: localhost\r\n\r\n");
        say_post(fd, "", "between");
        hear_body(fd, "export {}");
        hear_status(fd, 404);
        hear_body(fd, "between");
    }
    close(fd);
}

static void head(void **state) {
    const int fd = dial(*state);
    char rest[2048] = "";
    say(fd, "HEAD /app.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    (void)hear_bytes(fd, rest, sizeof rest - 1); /* to the end */
    assert_non_null(strstr(rest, "HTTP/1.1 200 OK"));
    assert_non_null(strstr(rest, "Content-Length: 9\r\n"));
    assert_string_equal(strstr(rest, "\r\n\r\n"), "\r\n\r\n"); /* no body */
    close(fd);
}

static void what_is_known_already(void **state) {
    const struct {
        const char *header;
        unsigned status;
    } cases[] = {{"If-None-Match: \"two\"\r\n", 304},
                 {"If-None-Match: W/\"two\"\r\n", 304},
                 {"If-None-Match: \"one\", \"two\"\r\n", 304},
                 {"If-None-Match: *\r\n", 304},
                 {"If-None-Match: \"one\"\r\n", 200},
                 {"If-None-Match: two\r\n", 200},
                 {"If-None-Match:\r\n", 200}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++)
        asked(*state, "GET", "/app.js", cases[i].header, cases[i].status);
    reply r;
    ask(*state, "GET", "/app.js", "If-None-Match: \"two\"\r\n", &r);
    assert_string_equal(reply_header(&r, "ETag"), "\"two\"");
    assert_null(reply_header(&r, "Content-Length"));
    assert_null(reply_header(&r, "Content-Type"));
    assert_int_equal(r.body.size, 0);
}

/* What a wallet makes of the explorer's address leads to the view, also behind a proxy with a path of its own. */
static void links_of_wallets(void **state) {
#define DIGITS "0123456789abcdefABCDEF0123456789abcdef0123456789abcdef0123456789"
    const char *const views[][2] = {{"/tx/0x" DIGITS, "../#/tx/0x" DIGITS},
                                    {"/address/0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266?a=b",
                                     "../#/address/0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"},
                                    {"/block/7", "../#/block/7"}};
    const char *const none[] = {"/tx/",       "/tx",       "/tx/0x" DIGITS "0",       "/block/7/1", "/block/%0d%0aX:y",
                                "/tx/../app", "/token/0x", "/address//evil.example/", "/block/<b>", "//tx/0x1"};
    reply r;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(views); i++) {
        ask(*state, "GET", views[i][0], "", &r);
        assert_int_equal(r.status, 302);
        assert_string_equal(reply_header(&r, "Location"), views[i][1]);
        assert_int_equal(r.body.size, 0);
    }
    for (size_t i = 0; i < POSW_ARRAY_SIZE(none); i++)
        asked(*state, "GET", none[i], "", 404);
    asked(*state, "GET", views[0][0], "Host: evil.example\r\n", 403);
}

static void nothing_else(void **state) {
    const char *const paths[] = {"/none",        "/app",
                                 "/app.jsx",     "/App.js",
                                 "//app.js",     "/./app.js",
                                 "/../app.js",   "/../../../../etc/passwd",
                                 "/..%2fapp.js", "/%2e%2e/app.js",
                                 "/app.js/",     "/app.js%00.html",
                                 "/app.js\\..",  "*",
                                 "/%61pp.js",    "http://localhost/app.js"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(paths); i++)
        asked(*state, "GET", paths[i], "", 404);
    char path[4000] = "/app.js"; /* beyond what is kept of a path */
    memset(path + 7, 'x', sizeof path - 8);
    asked(*state, "GET", path, "", 404);
    memset(path + 7, '?', sizeof path - 8);
    asked(*state, "GET", path, "", 404);
    assert_int_equal(((door *)*state)->requests, 0);
}

static void other_methods(void **state) {
    const char *const refused[] = {"PUT", "DELETE", "PATCH", "TRACE"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(refused); i++) {
        reply r;
        ask(*state, refused[i], "/app.js", "", &r);
        assert_int_equal(r.status, 405);
        assert_string_equal(reply_header(&r, "Allow"), "GET, HEAD, POST, OPTIONS");
        posw_buf_clear(&r.body);
    }
    const int fd = dial(*state); /* a POST to any path is JSON-RPC, as it was */
    say(fd,
        "POST /app.js HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\nhi");
    hear_body(fd, "hi");
    close(fd);
}

static void hosts(void **state) {
    asked(*state, "GET", "/", "Host: evil.example\r\n", 403); /* a name that was made to point here */
    asked(*state, "GET", "/", "Host: evil.example:8545\r\n", 403);
    asked(*state, "GET", "/", "Host: 192.0.2.1:8545\r\n", 200);
    asked(*state, "HEAD", "/", "Host: evil.example\r\n", 403);
}

static void rate(void **state) {
    (void)state;
    posw_server_options o = door_options();
    o.pages = &pages;
    o.requests_per_s = 5;
    door *d = door_open(&o);
    unsigned served = 0;
    for (int i = 0; i < 20; i++) {
        reply r;
        ask(d, "GET", "/app.js", "", &r);
        served += r.status == 200;
        assert_true(r.status == 200 || r.status == 429);
        posw_buf_clear(&r.body);
    }
    assert_in_range(served, 5, 10); /* at most two seconds are touched */
    door_close(d);
}

/* A page of this door may open a WebSocket to it, by whatever allowed name it was loaded; others may not. */
static void own_websockets(void **state) {
    const struct {
        const char *headers;
        unsigned status;
    } cases[] = {{"Host: localhost:8545\r\nOrigin: http://localhost:8545\r\n", 101},
                 {"Host: 127.0.0.1:8545\r\nOrigin: http://127.0.0.1:8545\r\n", 101},
                 {"Host: localhost\r\nOrigin: https://localhost\r\n", 101},
                 {"Host: LocalHost\r\nOrigin: http://localhost\r\n", 101},
                 {"Host: localhost:8545\r\nOrigin: http://localhost:3000\r\n", 403},
                 {"Host: localhost:8545\r\nOrigin: http://localhost\r\n", 403},
                 {"Host: localhost:8545\r\nOrigin: http://127.0.0.1:8545\r\n", 403},
                 {"Host: localhost\r\nOrigin: https://evil.example\r\n", 403},
                 {"Host: localhost\r\nOrigin: null\r\n", 403},
                 {"Host: evil.example\r\nOrigin: http://evil.example\r\n", 403},
                 {"Host: localhost\r\nOrigin: ftp://localhost\r\n", 403},
                 {"Host: localhost\r\nOrigin: http://localhost.evil.example\r\n", 403}};
    static const char upgrade[] = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
                                  "13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        char headers[512];
        snprintf(headers, sizeof headers, "%s%s", cases[i].headers, upgrade);
        asked(*state, "GET", "/", headers, cases[i].status);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_page),           TEST(many_on_one_connection), TEST(head),          TEST(what_is_known_already),
        TEST(links_of_wallets), TEST(nothing_else),           TEST(other_methods), TEST(hosts),
        cmocka_unit_test(rate), TEST(own_websockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
