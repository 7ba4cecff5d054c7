/* One encrypted connection between two nodes: TLS 1.3 as bytes in and bytes out, without sockets (doc/network.md
 * section 1).
 *
 *      wire ──> posw_tls_feed ──> plain bytes              plain bytes ──> posw_tls_write ──> posw_tls_output ──> wire
 *
 * Both sides show a self-signed Ed25519 certificate; who the other is, is the hash of its key, and nothing else of the
 * certificate counts. Both name the application protocol posw/1. There are no session tickets, no resumption, no early
 * data, no compression and no renegotiation. The bytes that a handshake may take, and messages of the protocol itself
 * after it, are limited. */
#ifndef POSW_IO_TLS_H
#define POSW_IO_TLS_H

#include "base/buf.h"
#include "io/identity.h"

/* Made once a node; the identity's key is shared, so that may go. One thread. */
typedef struct posw_tls_context posw_tls_context;
int posw_tls_context_new(posw_tls_context **out, const posw_identity *id);
void posw_tls_context_free(posw_tls_context *c); /* after all its connections; NULL allowed */
/* For the miners' door: no application protocol is named, and only the server shows a certificate, that of the
 * identity, or any of which this is the SHA-256 of its DER form. Limits are those of above. */
int posw_tls_door_context_new(posw_tls_context **out, const posw_identity *id);
int posw_tls_pinned_context_new(posw_tls_context **out, const uint8_t fingerprint[POSW_FINGERPRINT_SIZE]);

enum {
    POSW_TLS_HANDSHAKE_BYTES_MAX = 16 * 1024, /* from the other side; an honest one takes 1 to 2 KiB */
    POSW_TLS_RECORD_MAX = 16 * 1024,
    POSW_TLS_REASON_SIZE = 96
};

enum posw_tls_state {
    POSW_TLS_HANDSHAKE,
    POSW_TLS_OPEN,
    POSW_TLS_CLOSED, /* the other side has said its last word */
    POSW_TLS_FAILED  /* posw_tls_reason says why; output may hold an alert for the other side */
};

typedef struct posw_tls posw_tls;
/* expected: the only node id that is accepted; NULL or zero: any. A client's first words are then in the output.
 * POSW_ENOMEM. */
int posw_tls_new(posw_tls **out, posw_tls_context *c, bool server, const posw_node_id *expected);
void posw_tls_free(posw_tls *t); /* NULL allowed */

/* Bytes from the wire, cut anywhere. What they say is appended to plain (at most `size` bytes, and only once the state
 * is OPEN); answers of the protocol itself are in the output. */
enum posw_tls_state posw_tls_feed(posw_tls *t, const uint8_t *data, size_t size, posw_buf *plain);
enum posw_tls_state posw_tls_state_now(const posw_tls *t);
/* Encrypts into the output; OPEN only. False: failed (also: out of memory). */
bool posw_tls_write(posw_tls *t, const uint8_t *data, size_t size);
/* Our last word (close_notify) into the output, where the state allows it. */
void posw_tls_close(posw_tls *t);
/* What is to go over the wire now: the caller takes bytes out (or the whole buffer, leaving it zeroed). */
posw_buf *posw_tls_output(posw_tls *t);

/* OPEN and later. */
posw_node_id posw_tls_peer_id(const posw_tls *t);
/* FAILED: a few words, for example "not a posw node: no TLS". Borrowed from t. */
const char *posw_tls_reason(const posw_tls *t);

#endif
