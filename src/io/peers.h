/* The network's transport: TCP with TLS to other nodes, on a libuv loop. It dials, listens, encrypts, counts and
 * closes; whom to dial and what to say is decided by others. What happens is told as the events PEER_OPEN, PEER_DATA,
 * PEER_DRAINED and PEER_CLOSED of node/node.h; its commands are the PEER_* actions. No event is told within a command:
 * a command that fails is followed by PEER_CLOSED when the loop goes on.
 *
 * Limits, so that strangers can take neither memory nor time from the rest:
 *  - connections: inbound ones in all, and handshakes that are under way, in all and of one netgroup. When all are
 * taken, a newcomer of a group that has fewer gets the place of the oldest of the group that has most.
 *  - handshakes a second of one netgroup and of all, and the time of each from the first packet on.
 *  - what waits to be sent to one peer and to all, and how long it may wait without a byte leaving.
 *  - 64 KiB read from one peer before it is the others' turn: an event has so much, and one TLS record, at most.
 * Loopback and private networks are one group each, which may hold a whole cluster: for them the limits of a group are
 * local_factor times as high. */
#ifndef POSW_IO_PEERS_H
#define POSW_IO_PEERS_H

#include "io/identity.h"
#include "node/node.h"

#include <uv.h>

typedef struct posw_peers posw_peers;

/* Zero members get their default. */
typedef struct {
    const posw_identity *identity; /* borrowed */
    const char *host;              /* numeric address to listen on, "::": all of IPv6 and IPv4; NULL: do not listen */
    uint16_t port;                 /* 0: any free one */
    unsigned inbound_max;          /* connections, with those that shake hands or close; 256 */
    unsigned outbound_max;         /* the same; 64 */
    unsigned half_open_max;        /* inbound handshakes under way; 64 */
    unsigned half_open_group_max;  /* of one netgroup; 8 */
    unsigned handshakes_per_s;     /* of one netgroup, on average; 4 */
    unsigned handshakes_burst;     /* at once after a rest; 16 */
    unsigned handshakes_all_per_s; /* of all together, 1 ms of processor time each; twice as many at once after a rest;
                                      100 */
    unsigned local_factor;         /* 4 */
    unsigned handshake_ms;         /* 10,000, with the time to connect */
    unsigned close_ms;             /* for the last words to leave; 1,000 */
    unsigned stall_ms;             /* with bytes waiting and none leaving; 60,000 */
    size_t queue_max;              /* bytes waiting for one peer; 16 MiB */
    size_t queues_max;             /* for all peers: then the one with most is closed; 256 MiB */
    const posw_log *log;
    void (*event)(void *arg, posw_event *e); /* now_ms is left to the receiver */
    void *arg;
} posw_peers_options;

/* Listens. POSW_EBUSY (port in use), POSW_EINVAL (host), POSW_ENOMEM or POSW_EIO with a sentence; then what it has
 * opened closes while the loop runs. */
int posw_peers_start(posw_peers **out, uv_loop_t *loop, const posw_peers_options *o, posw_message *msg);
uint16_t posw_peers_port(const posw_peers *p); /* 0: does not listen */

/* The commands. Numbers that are not known (any more) are ignored. */
void posw_peers_connect(posw_peers *p, uint64_t peer, const posw_netaddr *address, const posw_node_id *id);
/* Takes the bytes over and leaves *data zeroed. They leave with the next posw_peers_flush, or when the loop goes on. */
void posw_peers_send(posw_peers *p, uint64_t peer, posw_buf *data);
void posw_peers_close(posw_peers *p, uint64_t peer);
void posw_peers_flush(posw_peers *p);

/* Says no more events, listens and dials no more, and closes each connection when what waits for it has left, after
 * grace_ms at the latest. The loop must run until posw_peers_is_idle, then posw_peers_free. */
void posw_peers_stop(posw_peers *p, unsigned grace_ms);
bool posw_peers_is_idle(const posw_peers *p);
void posw_peers_free(posw_peers *p); /* NULL allowed */

typedef struct {
    unsigned inbound, outbound, half_open; /* now */
    size_t queued;                         /* bytes that wait for all peers */
    uint64_t opened, refused_full, refused_group, refused_rate, displaced, failed, slow;
} posw_peers_counters;
posw_peers_counters posw_peers_read_counters(const posw_peers *p);

#endif
