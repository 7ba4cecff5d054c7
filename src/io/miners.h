/* The sockets of the miners' door (src/stratum): TCP connections on a libuv loop. What happens is told as the events
 * MINER_OPEN, MINER_DATA and MINER_CLOSED of node/node.h; its commands are the actions MINER_SEND and MINER_CLOSE. Who
 * may come, and how often a connection may ask, is decided there.
 *
 * With an identity a connection may also be TLS (io/tls.h): the first byte tells, since no line begins with that of a
 * handshake. Of these so many a second are answered (about 0.3 ms each), of one address (IPv4, or an IPv6 /48) the
 * tenth part, and 64 at once after a rest; who comes beyond is closed. What is said before that first byte waits for
 * it, and with TLS for the end of the handshake (to who says nothing it is said in plain before the end); what is said
 * in the midst of a handshake is left unsaid.
 *
 * Limits: connections in all, of which those that are being closed give way to others; and bytes that wait
 * for a miner that does not read: 64 KiB (about 80 jobs), then it is closed. A miner may be silent for hours; that it
 * has gone is noticed by TCP's keepalive. */
#ifndef POSW_IO_MINERS_H
#define POSW_IO_MINERS_H

#include "base/error.h"
#include "io/identity.h"
#include "node/node.h"

#include <uv.h>

enum { POSW_MINERS_BACKLOG_MAX = 64 * 1024, POSW_MINERS_TURNED_AWAY_MAX = 16 };

typedef struct posw_miners posw_miners;

typedef struct {
    const char *host;              /* numeric address */
    uint16_t port;                 /* 0: any free one */
    unsigned connections_max;      /* a quarter, POSW_MINERS_TURNED_AWAY_MAX at most, for who is told that it is full */
    const posw_identity *identity; /* NULL: no TLS; read by posw_miners_start alone */
    unsigned handshakes_s;         /* TLS handshakes a second; 0: 100 */
    void (*event)(void *arg, posw_event *e); /* now_ms is left to the receiver */
    void *arg;
} posw_miners_options;

/* Listens on the loop. POSW_EBUSY (port in use), POSW_EINVAL (host), POSW_ENOMEM or POSW_EIO with a sentence; then what
 * it has opened closes while the loop runs. */
int posw_miners_start(posw_miners **out, uv_loop_t *loop, const posw_miners_options *o, posw_message *msg);
uint16_t posw_miners_port(const posw_miners *m);
/* Unknown numbers are ignored. The bytes are copied. A miner that is closed for not reading is told of as MINER_CLOSED
 * when the loop goes on. */
void posw_miners_send(posw_miners *m, uint64_t client, posw_bytes data);
/* When what was sent has left, or after a second. MINER_CLOSED does not follow. */
void posw_miners_close(posw_miners *m, uint64_t client);
/* Closes everything; the loop must run on for the handles, then posw_miners_free. No events any more. */
void posw_miners_stop(posw_miners *m);
void posw_miners_free(posw_miners *m); /* NULL allowed */

#endif
