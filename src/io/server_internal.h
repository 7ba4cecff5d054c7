/* What server.c (connections), http.c (requests), http_access.c (who may), http_pages.c (pages) and websocket.c
 * (frames) share. */
#ifndef POSW_IO_SERVER_INTERNAL_H
#define POSW_IO_SERVER_INTERNAL_H

#include "base/buf.h"
#include "base/map.h"
#include "base/netaddr.h"
#include "io/server.h"

#include <http_parser.h>
#include <wslay/wslay.h>

enum {
    SERVER_READ_SIZE = 64 * 1024,
    SERVER_BACKLOG_MAX = 16 * 1024 * 1024, /* bytes waiting for one reader before more are added */
    SERVER_BACKLOG_PAUSE =
        1024 * 1024, /* beyond it no further requests of that reader are read until it has caught up */
    SERVER_BACKLOGS_MAX = 256 * 1024 * 1024, /* bytes waiting for all readers together: who would pass it is closed */
    SERVER_BODIES_MAX = 128 * 1024 * 1024, /* of unfinished requests of all connections, or four of the largest ones */
    SERVER_BODY_SMALL = 64 * 1024,         /* always has room: with 512 connections 32 MiB beside these */
    SERVER_IDLE_MS = 120000,
    SERVER_REQUEST_MS = 15000,
    SERVER_LINGER_MS = 2000, /* for the other side to close, after our last word */
    SERVER_KEEPALIVE_S = 60,
    SERVER_HEADER_VALUE_MAX = 256,
    SERVER_PATH_MAX = 128, /* of a request, kept to find what is there */
    SERVER_RATE_ADDRESSES_MAX = 4096,
    SERVER_SITE_SHARES = 4,    /* as many connections as so many addresses have */
    SERVER_REQUEST_US = 10000, /* a request counts once more for each time that it keeps the thread busy so long */
};

enum conn_header {
    HEADER_OTHER,
    HEADER_HOST,
    HEADER_ORIGIN,
    HEADER_CONTENT_TYPE,
    HEADER_EXPECT,
    HEADER_IF_NONE_MATCH,
    HEADER_UPGRADE,
    HEADER_WS_KEY,
    HEADER_WS_VERSION,
    HEADER_KNOWN
};

typedef struct conn {
    uv_tcp_t tcp;
    posw_server *server;
    struct conn *next, *prev;
    uint64_t id;
    uint8_t address[16], site[16]; /* posw_netaddr_unit and _site */
    bool closing, is_stream;
    bool turned_away;      /* there is no place for it: it is counted apart, and told so */
    bool draining;         /* the last word is said: what still comes is not looked at */
    bool paused;           /* not read from, until what waits for it is written */
    posw_buf rest;         /* what was read before the pause and not looked at: less than SERVER_READ_SIZE */
    bool asking, answered; /* a request is with the callback; it has been answered */
    bool later;            /* the answer comes after the callback: until then nothing further is looked at */
    uint64_t active_ms;
    uint64_t request_ms; /* when what must not take long began: a request, a closing handshake, the draining after
                            shutdown; 0: none */
    /* HTTP */
    http_parser parser;
    char headers[HEADER_KNOWN][SERVER_HEADER_VALUE_MAX];
    enum conn_header header;
    char field[64];
    char path[SERVER_PATH_MAX];
    bool path_cut; /* it was longer */
    bool value_began, headers_done;
    posw_buf body;
    unsigned refuse_status; /* decided while headers or body came in */
    bool keep_alive;
    /* WebSocket */
    wslay_event_context_ptr ws;
    const uint8_t *ws_in;
    size_t ws_in_size;
    bool ws_in_message;   /* the frame that is coming belongs to a message: it is no control frame */
    size_t ws_body_bytes; /* memory of the unfinished message */
} conn;

typedef struct {
    uint64_t second, count;
} rate_slot;

struct posw_server {
    posw_server_options o;
    uv_loop_t *loop;
    uv_tcp_t listener;
    uv_timer_t sweep;
    conn *conns;
    unsigned conn_count, turned_away; /* the latter beside the former */
    posw_map by_id;                   /* id -> conn* */
    posw_map rates;                   /* address -> rate_slot */
    uint64_t next_id;
    size_t body_bytes;             /* of unfinished requests, messages of streams included */
    size_t backlog_bytes;          /* copied to wait for readers, with what each piece takes beside its bytes */
    bool accept_waits;             /* a connection could not be taken for lack of memory */
    posw_server_counters counters; /* but for the connections */
    uint16_t port;
    /* Who has just filled the buffer, and nobody was read from since: the loop would go on with the same connection up
     * to 32 times, two megabytes, before it looks at another. Only compared. */
    const conn *filled_by;
    uint8_t read_buffer[SERVER_READ_SIZE];
};

/* So many bytes more of an unfinished request that has own bytes are not too many for all together. Small requests, as
 * most are, do not have to wait until those who send large ones slowly are done. */
static inline bool server_has_room_for_body(const posw_server *s, size_t own, size_t more) {
    const size_t large = 4 * s->o.body_bytes_max;
    return own + more <= SERVER_BODY_SMALL ||
           s->body_bytes + more <= (large > SERVER_BODIES_MAX ? large : SERVER_BODIES_MAX);
}

/* server.c */
/* How many connections an address may have; UINT_MAX: any number. */
unsigned server_share(const posw_server_options *o, const posw_netaddr *a);
/* Whether its address and its site (an IPv6 /48) have no more of the connections, of which c is one, than they may. */
bool server_has_share(const posw_server *s, const conn *c, const posw_netaddr *peer);
void conn_close(conn *c);
/* Lets what was written arrive, then closes. (A close with unread bytes would be a reset, which may destroy the answer
 * on its way.) */
void conn_close_politely(conn *c);
/* Writes head and body in one go; copies what cannot be written at once. */
void conn_write(conn *c, posw_bytes head, posw_bytes body);
/* An answer, or so much that is to be written, waits for it that its further requests must wait, too. */
bool conn_is_behind(const conn *c);
/* An answer that was to come later has been written: goes on with what follows. */
void conn_answered_later(conn *c);
/* May this address ask so many things in this second? They are counted if it may. */
bool conn_rate_allows(conn *c, posw_bytes body);
/* Calls the callback for a body that was allowed, and counts the time that it takes. */
void conn_hand_over(conn *c, bool stream, posw_bytes body);
uint64_t server_now_ms(const posw_server *s);

/* http.c. Feeding may close the connection, whose memory stays until the loop goes on. Returns how many bytes were
 * looked at: fewer than size when the connection is behind. */
void http_init(conn *c);
size_t http_feed(conn *c, const uint8_t *data, size_t size);
void http_answer(conn *c, unsigned status, const char *content_type, posw_bytes body);
/* With further header lines, at most 1,023 bytes, each with its end. */
void http_answer_with(conn *c, unsigned status, const char *content_type, const char *headers, posw_bytes body);
void http_body_clear(conn *c);

/* http_pages.c: the page that a GET or HEAD names, or 404. For a server that has pages. */
void http_answer_page(conn *c);

/* http_access.c: what a request's headers allow. */
bool http_host_allowed(const conn *c);
bool http_origin_allowed(const conn *c);
bool http_is_json(const conn *c);

/* websocket.c. ws_accept answers the handshake and switches the connection over; false: no memory. */
bool ws_accept(conn *c);
size_t ws_feed(conn *c, const uint8_t *data, size_t size); /* as http_feed */
void ws_send(conn *c, posw_bytes text);
void ws_clear(conn *c);

#endif
