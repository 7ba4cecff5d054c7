/* What peers.c (listening, dialling, commands), peers_conn.c (one connection) and peers_gate.c (who may shake hands)
 * share. */
#ifndef POSW_IO_PEERS_INTERNAL_H
#define POSW_IO_PEERS_INTERNAL_H

#include "base/map.h"
#include "io/peers.h"
#include "io/tls.h"

enum {
    PEERS_READ_SIZE = 64 * 1024,
    PEERS_WIRE_SIZE = 256 * 1024,  /* so much is encrypted ahead of the socket */
    PEERS_TURN_SIZE = 1024 * 1024, /* sent to one peer before it is the others' turn */
    PEERS_CHUNK_SIZE = 16 * 1024,  /* smaller messages are put together */
    PEERS_KEEPALIVE_S = 60,
    PEERS_RATES_MAX = 4096,
    PEERS_REASON_SIZE = POSW_TLS_REASON_SIZE
};

enum conn_phase {
    CONN_DIALLING,
    CONN_SHAKING, /* hands: the TLS handshake */
    CONN_OPEN,
    CONN_LEAVING, /* closed by us: what waits may still leave; what comes is not looked at */
    CONN_GONE     /* the handle is closing */
};

/* Bytes that wait, in the order of sending. */
typedef struct chunk {
    struct chunk *next;
    posw_buf data;
    size_t done;
} chunk;

typedef struct peer_conn {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    uv_shutdown_t shutdown;
    posw_peers *owner;
    struct peer_conn *next, *prev; /* newest first */
    uint64_t number;               /* 0: inbound and not open yet */
    bool inbound, told;            /* told: PEER_OPEN, or our own connect: PEER_CLOSED will be told */
    enum conn_phase phase;
    posw_netaddr address;
    uint8_t group[POSW_NETGROUP_SIZE];
    posw_node_id expected; /* zero: any */
    posw_tls *tls;
    chunk *first, *last;
    size_t queued;      /* bytes in chunks */
    posw_buf wire;      /* with uv_write now */
    bool writing, shut; /* shut: our side of the stream is ended */
    bool dirty;         /* has something to send */
    bool owes_drained;
    bool paused;          /* has had its turn of reading */
    uint64_t handed;      /* bytes given to the socket or to libuv */
    uint64_t arrived;     /* of those, what the other side had when last looked at, */
    uint64_t arrived_ms;  /* and since when */
    uint64_t deadline_ms; /* of the handshake or of the close; 0: none */
    uint64_t begun_ms;
    char reason[PEERS_REASON_SIZE];
} peer_conn;

struct posw_peers {
    posw_peers_options o;
    uv_loop_t *loop;
    uv_tcp_t listener;
    uv_timer_t sweep;
    uv_prepare_t before_sleep;
    uv_idle_t awake;  /* runs while a turn is cut short */
    unsigned handles; /* open, without those of connections */
    posw_tls_context *tls;
    peer_conn *conns;
    posw_map by_number; /* peer number -> peer_conn* */
    posw_map rates;     /* netgroup -> uint64_t: the time (us) up to which its handshakes are paid for */
    uint64_t paid_us;   /* the same of all groups together */
    unsigned inbound, outbound, half_open;
    uint64_t next_number;
    size_t queued;
    bool dirty, paused, owes_drained; /* one of the connections is */
    uint64_t swept_ms;                /* when deadlines were last looked at */
    bool stopping;
    bool abandoned;    /* a start that failed: the last handle frees it */
    bool accept_waits; /* a connection could not be taken for lack of memory */
    uint16_t port;
    posw_peers_counters counters;
    posw_buf plain; /* decrypted, of the connection that is read from */
    uint8_t read_buffer[PEERS_READ_SIZE];
};

uint64_t peers_now_ms(void); /* of a clock that never goes back */
void peers_event(posw_peers *p, posw_event *e);
/* False: out of memory, or the number is taken. */
bool peers_number(peer_conn *c, uint64_t number);

/* ---- peers_conn.c ---- */
peer_conn *conn_new(posw_peers *p, bool inbound); /* linked and counted; NULL: out of memory */
/* The socket is connected: shakes hands. */
void conn_begin(peer_conn *c);
void conn_send(peer_conn *c, posw_buf *data);
void conn_flush(peer_conn *c);
void conn_leave(peer_conn *c, unsigned ms);
/* Ends it now; the first reason stays. */
void conn_end(peer_conn *c, const char *reason);
/* A few words for an error of libuv. */
const char *conn_error_text(int err);
void conn_resume(peer_conn *c);
void conn_tell_drained(peer_conn *c);
/* Deadlines. */
void conn_check(peer_conn *c, uint64_t now_ms);

/* ---- peers_gate.c: may this one (new, address set, not counted as half open yet) shake hands? May end another. ----
 */
bool gate_admits(posw_peers *p, const peer_conn *c);

#endif
