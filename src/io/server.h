/* The RPC door: HTTP/1.1 with keep-alive and WebSocket on one TCP port, over libuv, http_parser and wslay. It knows
 * nothing of JSON: whole bodies and messages go to a callback, answers come back by client number. Beside that it
 * answers GET: with what another callback reads (the health of the node, its metrics), else with pages (pages.h).
 *
 * Limits: connections, bytes of a body or message, requests a second of one address, header size and time, idle time,
 * and bytes that wait for a slow reader.
 *
 * A browser carries pages of strangers. Refused therefore: Host names that are not allowed (a name that an attacker
 * points at this machine; numeric addresses are no names); content types other than application/json, so that a page
 * cannot post without asking first; that question (OPTIONS), and WebSockets, from pages whose origin is not allowed:
 * one of the list, or this door itself, where it has pages, by an allowed Host. A POST with a foreign Origin is
 * answered, without leave for a page to read it: wallets that are browser extensions send such. */
#ifndef POSW_IO_SERVER_H
#define POSW_IO_SERVER_H

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "io/pages.h"
#include "posw/types.h"

#include <uv.h>

typedef struct posw_server posw_server;

/* Connections that are told that there is no place for them, at a time, beside connections_max: so many, or a quarter
 * of that if it is less. Who comes beyond is told, too, but may be closed before it has heard it. */
enum { POSW_SERVER_TURNED_AWAY_MAX = 16 };

/* What a GET is answered. */
typedef struct {
    unsigned status; /* 200 or 503 */
    const char *content_type;
    posw_buf body; /* of the callback; the server clears it */
} posw_server_reading;

typedef struct {
    const char *host;                /* numeric address */
    uint16_t port;                   /* 0: any */
    const char *port_option;         /* that chose it, for sentences: "--port" */
    const char *const *hosts;        /* Host names allowed beside loopback ones; NULL-terminated or NULL; "*": all */
    const char *const *cors_origins; /* NULL-terminated or NULL; "*": all */
    const posw_pages *pages;         /* shown by GET and HEAD; NULL: none */
    size_t body_bytes_max;
    unsigned connections_max;
    /* Of one IPv4 address or IPv6 /64 (of a /48 four times as many): of the internet, of private networks, of this
     * machine; 0: any number. Proxies stand on the latter two. */
    unsigned address_connections, private_connections, loopback_connections;
    unsigned requests_per_s; /* of one IPv4 address or IPv6 /64; 0: any number. See count. One that keeps the thread
                                busy counts once more for each 10 ms */
    unsigned request_ms;     /* from a request's first byte to its last; 0: 15,000 */
    unsigned idle_ms; /* an HTTP connection without bytes from the client, also while it reads an answer; 0: 120,000 */
    const posw_log *log;
    /* A whole request or message. An HTTP client's answer is sent within the call (else an empty answer is sent
     * after it), or later, when posw_server_answer_later was called within it. */
    void (*data)(void *arg, uint64_t client, bool stream, posw_bytes body); /* NULL: POST is refused */
    /* As how many requests of that second a body counts, at least 1; NULL: each as one. */
    unsigned (*count)(posw_bytes body);
    /* GET and HEAD of a path (without its query): false: there is nothing there. NULL: nowhere. */
    bool (*get)(void *arg, const char *path, posw_server_reading *out);
    void (*closed)(void *arg, uint64_t client); /* streams only */
    void *arg;
} posw_server_options;

/* Listens on the loop. POSW_EBUSY (port in use), POSW_EINVAL (host) or POSW_EIO with a sentence. */
int posw_server_start(posw_server **out, uv_loop_t *loop, const posw_server_options *o, posw_message *msg);
uint16_t posw_server_port(const posw_server *s);
typedef struct {
    unsigned connections;       /* now */
    uint64_t requests, refused; /* whole requests and messages; those that were refused, and connections */
} posw_server_counters;
posw_server_counters posw_server_read_counters(const posw_server *s);
/* Sends an answer (HTTP) or message (stream); unknown clients are ignored. The bytes are copied. A stream whose reader
 * is 16 MiB behind is closed. */
void posw_server_send(posw_server *s, uint64_t client, posw_bytes body);
/* From within `data`: the answer of this HTTP client comes later. Until then no further request of it is read. */
void posw_server_answer_later(posw_server *s, uint64_t client);
void posw_server_close_client(posw_server *s, uint64_t client);
/* The address of a client: IPv6, or IPv4 as ::ffff:a.b.c.d; of IPv6 the first 8 bytes, the /64 that one user has, and
 * zeros. False: there is no such client any more. */
bool posw_server_client_address(posw_server *s, uint64_t client, uint8_t out[16]);
/* Closes everything; the loop must run once more for the handles, then posw_server_free. */
void posw_server_stop(posw_server *s);
void posw_server_free(posw_server *s);

#endif
