/* WebSocket frames of the RPC door, by wslay. */
#include "io/server_internal.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

/* The frame reader looks at all that it is given, however far behind the client is; so it is given little at a time. */
enum { RECV_SIZE = 256 };

/* What the frame reader keeps of a frame beside its payload, until the message is whole: a message of a byte a frame
 * takes a hundred times its size. So a message may take twice the largest request, and a little. */
enum { FRAME_COST = 128, MESSAGE_SPARE = 64 * 1024, CODE_TRY_AGAIN_LATER = 1013 };

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

static void say_goodbye(wslay_event_context_ptr ws, uint16_t code, const char *text) {
    (void)wslay_event_queue_close(ws, code, (const uint8_t *)text, strlen(text));
    wslay_event_shutdown_read(ws);
}

static void body_taken(conn *c, size_t size) {
    c->ws_body_bytes += size;
    c->server->body_bytes += size;
}

static void body_gone(conn *c) {
    c->server->body_bytes -= c->ws_body_bytes;
    c->ws_body_bytes = 0;
}

/* Counts what the unfinished message takes. */
static void take_body(conn *c, wslay_event_context_ptr ws, size_t size) {
    if (c->ws_body_bytes + size > 2 * c->server->o.body_bytes_max + MESSAGE_SPARE)
        say_goodbye(ws, WSLAY_CODE_MESSAGE_TOO_BIG, "the message comes in too many frames");
    else if (!server_has_room_for_body(c->server, c->ws_body_bytes, size))
        say_goodbye(ws, CODE_TRY_AGAIN_LATER, "the node is busy with other large requests");
    body_taken(c, size);
}

/* A message that has begun must end in time. */
static void on_frame_start(wslay_event_context_ptr ws, const struct wslay_event_on_frame_recv_start_arg *f, void *arg) {
    conn *c = arg;
    c->ws_in_message = !wslay_is_ctrl_frame(f->opcode);
    if (!c->ws_in_message) return;
    if (c->request_ms == 0) c->request_ms = c->active_ms;
    take_body(c, ws, FRAME_COST);
}

static void on_frame_chunk(wslay_event_context_ptr ws, const struct wslay_event_on_frame_recv_chunk_arg *f, void *arg) {
    conn *c = arg;
    if (c->ws_in_message) take_body(c, ws, f->data_length);
}

static void on_message(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *m, void *arg) {
    conn *c = arg;
    if (c->closing || c->draining || wslay_is_ctrl_frame(m->opcode)) return;
    c->request_ms = 0;
    body_gone(c);
    c->server->counters.requests++;
    if (!conn_rate_allows(c, (posw_bytes){m->msg, m->msg_length})) {
        c->server->counters.refused++;
        say_goodbye(ws, WSLAY_CODE_POLICY_VIOLATION,
                    "too many requests in this second; each call of a batch is one, and each 10 ms of work");
        return;
    }
    conn_hand_over(c, true, (posw_bytes){m->msg, m->msg_length});
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
                                                           .on_frame_recv_start_callback = on_frame_start,
                                                           .on_frame_recv_chunk_callback = on_frame_chunk};
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
    body_gone(c);
}
