/* WebSocket frames of the RPC door, by wslay. */
#include "io/server_internal.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

/* The frame reader looks at all that it is given, however far behind the client is; so it is given little at a time. */
enum { RECV_SIZE = 256 };

static ssize_t on_recv(wslay_event_context_ptr ws, uint8_t *buf, size_t size, int flags, void *arg) {
    (void)flags;
    conn *c = arg;
    if (c->ws_in_size == 0 || conn_is_behind(c)) {
        wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size_t n = size < RECV_SIZE ? size : RECV_SIZE;
    if (n > c->ws_in_size) n = c->ws_in_size;
    memcpy(buf, c->ws_in, n);
    c->ws_in += n;
    c->ws_in_size -= n;
    return (ssize_t)n;
}

static ssize_t on_send(wslay_event_context_ptr ws, const uint8_t *data, size_t size, int flags, void *arg) {
    (void)flags;
    conn *c = arg;
    if (c->closing) {
        wslay_event_set_error(ws, WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
    }
    conn_write(c, (posw_bytes){data, size}, (posw_bytes){NULL, 0});
    return (ssize_t)size;
}

/* A message that has begun must end in time. */
static void on_frame_start(wslay_event_context_ptr ws, const struct wslay_event_on_frame_recv_start_arg *f, void *arg) {
    (void)ws;
    conn *c = arg;
    if (!wslay_is_ctrl_frame(f->opcode) && c->request_ms == 0) c->request_ms = c->active_ms;
}

static void on_message(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *m, void *arg) {
    conn *c = arg;
    if (c->closing || c->draining || wslay_is_ctrl_frame(m->opcode)) return;
    c->request_ms = 0;
    c->server->counters.requests++;
    if (!conn_rate_allows(c)) {
        c->server->counters.refused++;
        static const char text[] = "too many requests in this second";
        (void)wslay_event_queue_close(ws, WSLAY_CODE_POLICY_VIOLATION, (const uint8_t *)text, sizeof text - 1);
        wslay_event_shutdown_read(ws);
        return;
    }
    c->server->o.data(c->server->o.arg, c->id, true, (posw_bytes){m->msg, m->msg_length});
}

static void accept_key(char out[32], const char *key) {
    char text[SERVER_HEADER_VALUE_MAX + 40];
    uint8_t digest[SHA_DIGEST_LENGTH];
    int n = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    SHA1((const uint8_t *)text, (size_t)n, digest);
    (void)EVP_EncodeBlock((unsigned char *)out, digest, sizeof digest);
}

bool ws_accept(conn *c) {
    static const struct wslay_event_callbacks callbacks = {.recv_callback = on_recv,
                                                           .send_callback = on_send,
                                                           .on_msg_recv_callback = on_message,
                                                           .on_frame_recv_start_callback = on_frame_start};
    if (wslay_event_context_server_init(&c->ws, &callbacks, c) != 0) return false;
    wslay_event_config_set_max_recv_msg_length(c->ws, c->server->o.body_bytes_max);
    char key[32], head[256];
    accept_key(key, c->headers[HEADER_WS_KEY]);
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                     "Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                     key);
    c->is_stream = true;
    c->request_ms = 0;
    http_body_clear(c);
    conn_write(c, (posw_bytes){(const uint8_t *)head, (size_t)n}, (posw_bytes){NULL, 0});
    return !c->closing;
}

static void flush(conn *c) {
    if (c->closing || c->draining) return;
    if (wslay_event_want_write(c->ws) && wslay_event_send(c->ws) != 0) conn_close(c);
    if (c->closing) return;
    if (!wslay_event_want_read(c->ws) && !wslay_event_want_write(c->ws))
        conn_close_politely(c);
    else if (wslay_event_get_close_sent(c->ws) && c->request_ms == 0)
        c->request_ms = server_now_ms(c->server);
}

size_t ws_feed(conn *c, const uint8_t *data, size_t size) {
    c->ws_in = data;
    c->ws_in_size = size;
    int err = wslay_event_recv(c->ws);
    size_t used = size - c->ws_in_size;
    c->ws_in_size = 0;
    if (err == WSLAY_ERR_NOMEM) conn_close(c);
    flush(c);
    if (err != 0 && !c->draining)
        conn_close(c); /* a frame that breaks the rules: flush has said goodbye and is closing */
    return used;
}

void ws_send(conn *c, posw_bytes text) {
    struct wslay_event_msg m = {.opcode = WSLAY_TEXT_FRAME, .msg = text.data, .msg_length = text.size};
    int err = wslay_event_queue_msg(c->ws, &m);
    if (err == WSLAY_ERR_NO_MORE_MSG) return; /* after the closing frame nothing follows */
    if (err != 0) conn_close(c);
    flush(c);
}

void ws_clear(conn *c) {
    if (c->ws != NULL) wslay_event_context_free(c->ws);
    c->ws = NULL;
}
