/* The RPC door without its sockets: what a client sends, in pieces, through the HTTP parser and, after an upgrade, the
 * frame reader. The functions of server.c that they call are those below, which count instead of sending.
 *
 * The first byte says how the rest is cut into pieces (0: not at all), and whether the client reads. */
#include "fuzz.h"

#include "base/error.h"
#include "io/server_internal.h"

#include <stdlib.h>

enum { BODY_MAX = 4096, BACKLOG_MAX = 2000 };

static size_t written; /* by the connection; as much waits, if the client does not read */
static bool is_reading;

void conn_close(conn *c) {
    c->closing = true;
}

void conn_close_politely(conn *c) {
    c->draining = true;
    c->request_ms = 0;
}

void conn_write(conn *c, posw_bytes head, posw_bytes body) {
    if (c->closing || c->draining) return;
    for (size_t i = 0; i < head.size; i++)
        POSW_ASSERT(c->ws != NULL || head.data[i] < 0x80); /* headers are made of ours and of checked ones */
    written += head.size + body.size;
}

bool conn_is_behind(const conn *c) {
    (void)c;
    return !is_reading && written > BACKLOG_MAX;
}

bool conn_rate_allows(conn *c, posw_bytes body) {
    (void)body;
    return c->active_ms++ < 100;
}

void conn_hand_over(conn *c, bool stream, posw_bytes body) {
    c->server->o.data(c->server->o.arg, c->id, stream, body);
}

uint64_t server_now_ms(const posw_server *s) {
    (void)s;
    return 1;
}

static void on_data(void *arg, uint64_t client, bool stream, posw_bytes body) {
    static const uint8_t answer[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}";
    const posw_bytes view = {answer, sizeof answer - 1};
    conn *c = arg;
    POSW_ASSERT(client == 7 && stream == c->is_stream && body.size <= BODY_MAX);
    if (stream)
        ws_send(c, view);
    else
        http_answer(c, 200, "application/json", view);
}

/* As conn_feed of server.c does; false: nothing more is read. */
static bool feed(conn *c, const uint8_t *data, size_t size) {
    uint8_t *exact = malloc(size + 1);
    POSW_ASSERT(exact != NULL);
    memcpy(exact, data, size);
    for (size_t used = 0; used < size && !c->closing && !c->draining;) {
        const size_t more =
            c->is_stream ? ws_feed(c, exact + used, size - used) : http_feed(c, exact + used, size - used);
        POSW_ASSERT(more <= size - used);
        used += more;
        if (c->closing || c->draining || !conn_is_behind(c)) break;
        written = 0; /* it has caught up */
    }
    free(exact);
    return !c->closing && !c->draining;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const hosts[] = {"node.example", NULL}, *const origins[] = {"https://wallet.example", NULL};
    static const posw_page items[] = {{"/", "text/html", "\"1\"", (const unsigned char *)"<p>", 3},
                                      {"/app.js", "text/javascript", "\"2\"", (const unsigned char *)"", 0}};
    static const posw_pages pages = {items, POSW_ARRAY_SIZE(items), "default-src 'none'"};
    static posw_server server;
    static conn c;
    if (size == 0) return 0;
    memset(&c, 0, sizeof c);
    server.o = (posw_server_options){.hosts = hosts,
                                     .cors_origins = origins,
                                     .pages = (data[0] & 128) != 0 ? &pages : NULL,
                                     .body_bytes_max = BODY_MAX,
                                     .data = on_data,
                                     .arg = &c};
    server.body_bytes = 0;
    c.server = &server;
    c.id = 7;
    http_init(&c);
    written = 0;
    is_reading = (data[0] & 1) == 0;
    const size_t piece = data[0] / 2 == 0 ? size : data[0] / 2u;
    for (size_t at = 1; at < size; at += piece)
        if (!feed(&c, data + at, size - at < piece ? size - at : piece)) break;
    http_body_clear(&c);
    POSW_ASSERT(server.body_bytes == 0);
    ws_clear(&c);
    return 0;
}
