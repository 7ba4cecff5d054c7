/* The miner's side of the protocol of message.h, without its socket: bytes in, what they mean out; and the lines to
 * send. One object a connection. */
#ifndef POSW_STRATUM_CLIENT_H
#define POSW_STRATUM_CLIENT_H

#include "stratum/line.h"
#include "stratum/message.h"

enum posw_stratum_said_type {
    POSW_STRATUM_SAID_NOTHING,  /* more bytes are needed */
    POSW_STRATUM_SAID_WELCOME,  /* logged in; job */
    POSW_STRATUM_SAID_JOB,      /* job */
    POSW_STRATUM_SAID_ACCEPTED, /* a share */
    POSW_STRATUM_SAID_REJECTED, /* the same; error says why */
    POSW_STRATUM_SAID_REFUSED,  /* before a login was accepted: error; for_good: another try is of no use */
    POSW_STRATUM_SAID_ERROR,    /* later, and not about a share: error */
    POSW_STRATUM_SAID_GARBAGE   /* not this protocol: the connection is of no use */
};

typedef struct {
    enum posw_stratum_said_type type;
    posw_stratum_job job;
    char error[POSW_STRATUM_ERROR_SIZE];
    bool for_good;
} posw_stratum_said;

enum { POSW_STRATUM_CLIENT_SHARES = 16 };

/* Zero-initialise. */
typedef struct {
    posw_stratum_lines lines;
    uint64_t session;                            /* 0: not logged in */
    uint64_t next_id;                            /* of requests */
    uint64_t shares[POSW_STRATUM_CLIENT_SHARES]; /* ids of the latest ones that are not answered; 0: none */
    size_t share_count;
} posw_stratum_client;

void posw_stratum_client_clear(posw_stratum_client *c);
/* Lines to send, appended. algorithm: the only one that is offered; NULL: any. agent: program and version. */
void posw_stratum_client_login(posw_stratum_client *c, posw_buf *out, const char *login, const char *agent,
                               const char *algorithm);
void posw_stratum_client_submit(posw_stratum_client *c, posw_buf *out, uint64_t job,
                                const uint8_t nonce[POSW_STRATUM_NONCE_SIZE], const posw_hash *result);
void posw_stratum_client_keepalive(posw_stratum_client *c, posw_buf *out);
/* False: out of memory. Then posw_stratum_client_next until it says nothing. */
POSW_MUST_USE bool posw_stratum_client_add(posw_stratum_client *c, posw_bytes data);
void posw_stratum_client_next(posw_stratum_client *c, posw_stratum_said *said);

#endif
