/* HTTP/1.1 requests of the RPC door: what is allowed, and what it is answered. */
#include "io/server_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    enum conn_header header;
} known_headers[] = {
    {"host", HEADER_HOST},
    {"origin", HEADER_ORIGIN},
    {"content-type", HEADER_CONTENT_TYPE},
    {"expect", HEADER_EXPECT},
    {"if-none-match", HEADER_IF_NONE_MATCH},
    {"upgrade", HEADER_UPGRADE},
    {"sec-websocket-key", HEADER_WS_KEY},
    {"sec-websocket-version", HEADER_WS_VERSION},
};

static enum conn_header header_of(const char *name) {
    for (size_t i = 0; i < POSW_ARRAY_SIZE(known_headers); i++)
        if (strcasecmp(known_headers[i].name, name) == 0) return known_headers[i].header;
    return HEADER_OTHER;
}

static const char *status_text(unsigned status) {
    switch (status) {
    case 200:
        return "OK";
    case 204:
        return "No Content";
    case 302:
        return "Found";
    case 304:
        return "Not Modified";
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 413:
        return "Content Too Large";
    case 415:
        return "Unsupported Media Type";
    case 426:
        return "Upgrade Required";
    case 429:
        return "Too Many Requests";
    case 503:
        return "Service Unavailable";
    default:
        return "Error";
    }
}

static const char *refusal_text(unsigned status) {
    switch (status) {
    case 400:
        return "this is not an HTTP request that the RPC port understands\n";
    case 403:
        return "this Host or Origin is not allowed; see --rpc-hosts and --cors\n";
    case 404:
        return "there is nothing here\n";
    case 405:
        return "send JSON-RPC by POST, or open a WebSocket\n";
    case 413:
        return "the request is larger than this node accepts\n";
    case 415:
        return "send JSON-RPC with Content-Type: application/json\n";
    case 426:
        return "this node speaks version 13 of the WebSocket protocol\n";
    case 429:
        return "too many requests in this second; each call of a batch is one, and each 10 ms of work\n";
    case 503:
        return "the node is busy with other large requests; try again\n";
    default:
        return "";
    }
}

static size_t cors_headers(const conn *c, char *out, size_t capacity) {
    if (c->headers[HEADER_ORIGIN][0] == '\0' || !http_origin_allowed(c)) return 0;
    int n =
        snprintf(out, capacity,
                 "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\nAccess-Control-Allow-Methods: POST, OPTIONS\r\n"
                 "Access-Control-Allow-Headers: content-type\r\nAccess-Control-Max-Age: 600\r\n",
                 c->headers[HEADER_ORIGIN]);
    return n < 0 ? 0 : (size_t)n;
}

/* Headers that a status wants. */
static const char *status_headers(const conn *c, unsigned status) {
    const posw_server_options *o = &c->server->o;
    switch (status) {
    case 405:
        if (o->data == NULL) return "Allow: GET, HEAD\r\n";
        return o->get == NULL && o->pages == NULL ? "Allow: POST, OPTIONS\r\n" : "Allow: GET, HEAD, POST, OPTIONS\r\n";
    case 426:
        return "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    default:
        return "";
    }
}

void http_answer_with(conn *c, unsigned status, const char *content_type, const char *headers, posw_bytes body) {
    char cors[2 * SERVER_HEADER_VALUE_MAX + 256] = "", type[128] = "", head[sizeof cors + sizeof type + 1024 + 256];
    (void)cors_headers(c, cors, sizeof cors);
    if (status != 204 && status != 304)
        (void)snprintf(type, sizeof type, "Content-Type: %s\r\nContent-Length: %zu\r\n", content_type, body.size);
    int n = snprintf(head, sizeof head, "HTTP/1.1 %u %s\r\n%s%s%s%s%s\r\n", status, status_text(status), type,
                     status_headers(c, status), headers, cors, c->keep_alive ? "" : "Connection: close\r\n");
    POSW_ASSERT(n > 0 && (size_t)n < sizeof head);
    if (c->parser.method == HTTP_HEAD) body.size = 0;
    c->answered = true;
    conn_write(c, (posw_bytes){(const uint8_t *)head, (size_t)n}, body);
}

void http_answer(conn *c, unsigned status, const char *content_type, posw_bytes body) {
    http_answer_with(c, status, content_type, "", body);
}

/* The end of the connection: what follows in it may not be what it seems. */
static void refuse(conn *c, unsigned status) {
    const char *text = c->parser.method == HTTP_HEAD ? "" : refusal_text(status); /* HEAD is answered without a body */
    c->server->counters.refused++;
    c->keep_alive = false;
    http_answer(c, status, "text/plain", (posw_bytes){(const uint8_t *)text, strlen(text)});
}

/* ---- Parser callbacks: a non-zero result stops the parser ---- */

void http_body_clear(conn *c) {
    c->server->body_bytes -= c->body.size;
    posw_buf_clear(&c->body);
}

static int on_message_begin(http_parser *p) {
    conn *c = p->data;
    memset(c->headers, 0, sizeof c->headers);
    c->header = HEADER_OTHER;
    c->field[0] = '\0';
    c->path[0] = '\0';
    c->path_cut = false;
    c->value_began = true;
    c->headers_done = false;
    c->refuse_status = 0;
    c->answered = false;
    c->request_ms = c->active_ms;
    return 0;
}

static void append_text(char *out, size_t capacity, const char *at, size_t size) {
    size_t used = strlen(out);
    if (used + size >= capacity) size = capacity - 1 - used;
    memcpy(out + used, at, size);
    out[used + size] = '\0';
}

static int on_url(http_parser *p, const char *at, size_t size) {
    conn *c = p->data;
    if (strlen(c->path) + size >= sizeof c->path) c->path_cut = true;
    append_text(c->path, sizeof c->path, at, size);
    return 0;
}

static int on_header_field(http_parser *p, const char *at, size_t size) {
    conn *c = p->data;
    if (c->headers_done) return 0; /* a chunked body's trailer has no say */
    if (c->value_began) c->field[0] = '\0';
    c->value_began = false;
    append_text(c->field, sizeof c->field, at, size);
    return 0;
}

static int on_header_value(http_parser *p, const char *at, size_t size) {
    conn *c = p->data;
    if (c->headers_done) return 0;
    if (!c->value_began) {
        c->header = header_of(c->field);
        if (c->header != HEADER_OTHER && c->headers[c->header][0] != '\0')
            c->refuse_status = 400; /* twice: ambiguous */
    }
    c->value_began = true;
    if (c->header == HEADER_OTHER) return 0;
    if (strlen(c->headers[c->header]) + size >= SERVER_HEADER_VALUE_MAX) c->refuse_status = 400;
    append_text(c->headers[c->header], SERVER_HEADER_VALUE_MAX, at, size);
    return 0;
}

static int on_headers_complete(http_parser *p) {
    conn *c = p->data;
    c->headers_done = true;
    if (c->refuse_status == 0 && !http_host_allowed(c)) c->refuse_status = 403;
    if (c->refuse_status == 0 && p->content_length != UINT64_MAX && p->content_length > c->server->o.body_bytes_max)
        c->refuse_status = 413;
    if (c->refuse_status != 0) return -1;
    /* Whoever offers another protocol (some libraries offer HTTP/2) goes on in this one. */
    if (p->method != HTTP_GET || strcasecmp(c->headers[HEADER_UPGRADE], "websocket") != 0) p->upgrade = 0;
    if (strcasecmp(c->headers[HEADER_EXPECT], "100-continue") == 0) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        conn_write(c, (posw_bytes){(const uint8_t *)go_on, sizeof go_on - 1}, (posw_bytes){NULL, 0});
    }
    return 0;
}

static int on_body(http_parser *p, const char *at, size_t size) {
    conn *c = p->data;
    posw_server *s = c->server;
    if (c->body.size + size > s->o.body_bytes_max)
        c->refuse_status = 413;
    else if (!server_has_room_for_body(s, c->body.size, size))
        c->refuse_status = 503;
    if (c->refuse_status != 0) return -1;
    posw_buf_append(&c->body, at, size);
    if (c->body.failed) {
        c->refuse_status = 503;
        return -1;
    }
    s->body_bytes += size;
    return 0;
}

static void answer_post(conn *c) {
    if (!http_is_json(c)) {
        refuse(c, 415);
        return;
    }
    if (!conn_rate_allows(c, posw_buf_view(&c->body))) {
        refuse(c, 429);
        return;
    }
    c->asking = true;
    conn_hand_over(c, false, posw_buf_view(&c->body));
    if (c->later) return;
    c->asking = false;
    if (!c->closing && !c->answered)
        http_answer(c, 200, "application/json", (posw_bytes){NULL, 0}); /* notifications only */
}

/* What the callback for GET has at this path; false: nothing, and nothing was answered. */
static bool answer_reading(conn *c) {
    const posw_server_options *o = &c->server->o;
    posw_server_reading r = {.status = 200};
    if (o->get == NULL || c->path_cut) return false;
    c->path[strcspn(c->path, "?")] = '\0';
    if (!o->get(o->arg, c->path, &r)) return false;
    if (r.body.failed)
        refuse(c, 503);
    else
        http_answer(c, r.status, r.content_type, posw_buf_view(&r.body));
    posw_buf_clear(&r.body);
    return true;
}

/* GET and HEAD: a reading, else a page. */
static void answer_get(conn *c) {
    const posw_server_options *o = &c->server->o;
    if (!conn_rate_allows(c, (posw_bytes){NULL, 0}))
        refuse(c, 429);
    else if (answer_reading(c))
        return;
    else if (o->pages != NULL)
        http_answer_page(c);
    else
        refuse(c, o->data == NULL ? 404 : 405);
}

static int on_message_complete(http_parser *p) {
    conn *c = p->data;
    c->request_ms = 0;
    c->server->counters.requests++;
    if (p->upgrade) return 0; /* http_feed goes on from here */
    c->keep_alive = http_should_keep_alive(p);
    if (p->method == HTTP_POST && c->server->o.data != NULL)
        answer_post(c);
    else if (p->method == HTTP_GET || p->method == HTTP_HEAD)
        answer_get(c);
    else if (p->method == HTTP_OPTIONS && http_origin_allowed(c))
        http_answer(c, 204, "text/plain", (posw_bytes){NULL, 0});
    else
        refuse(c, p->method == HTTP_OPTIONS ? 403 : 405);
    http_body_clear(c);
    if (c->closing || (!c->keep_alive && !c->later)) return -1;
    if (conn_is_behind(c)) http_parser_pause(p, 1);
    return 0;
}

static const http_parser_settings *settings(void) {
    static const http_parser_settings s = {
        .on_message_begin = on_message_begin,
        .on_url = on_url,
        .on_header_field = on_header_field,
        .on_header_value = on_header_value,
        .on_headers_complete = on_headers_complete,
        .on_body = on_body,
        .on_message_complete = on_message_complete,
    };
    return &s;
}

void http_init(conn *c) {
    http_parser_init(&c->parser, HTTP_REQUEST);
    c->parser.data = c;
    c->value_began = true;
    c->keep_alive = true;
}

enum { WS_KEY_SIZE = 24 }; /* 16 bytes in base64 */

static size_t upgrade(conn *c, const uint8_t *rest, size_t size) {
    unsigned status = 0;
    if (c->server->o.data == NULL)
        status = 404;
    else if (strlen(c->headers[HEADER_WS_KEY]) != WS_KEY_SIZE)
        status = 400;
    else if (strcmp(c->headers[HEADER_WS_VERSION], "13") != 0)
        status = 426;
    else if (!http_origin_allowed(c))
        status = 403;
    if (status != 0) {
        refuse(c, status);
        conn_close_politely(c);
    } else if (!ws_accept(c)) {
        conn_close(c);
    } else {
        return ws_feed(c, rest, size);
    }
    return size;
}

size_t http_feed(conn *c, const uint8_t *data, size_t size) {
    if (HTTP_PARSER_ERRNO(&c->parser) == HPE_PAUSED) http_parser_pause(&c->parser, 0);
    size_t used = http_parser_execute(&c->parser, settings(), (const char *)data, size);
    enum http_errno error = HTTP_PARSER_ERRNO(&c->parser);
    if (c->closing || error == HPE_PAUSED) return used;
    if (error == HPE_OK && c->parser.upgrade) return used + upgrade(c, data + used, size - used);
    if (error == HPE_OK) return size;
    /* on_message_complete has answered; everything else is a request that went wrong on its way */
    if (error != HPE_CB_message_complete) refuse(c, c->refuse_status != 0 ? c->refuse_status : 400);
    conn_close_politely(c);
    return size;
}
