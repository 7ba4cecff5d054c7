/* An outside miner: a connection to a miners' door (src/stratum), searching threads, and a loop of its own around the
 * two. It comes back by itself when the connection is lost or the node takes no miners for now, after 1 s, then twice
 * as long each time, up to a minute; where nobody could be reached, at the next address of the node's name. It ends
 * when the node refuses the login for good, or when what answers is no such node and has never been one. */
#ifndef POSW_IO_RIG_H
#define POSW_IO_RIG_H

#include "base/error.h"
#include "io/identity.h"
#include "stratum/client.h"

enum posw_rig_news {
    POSW_RIG_CONNECTED, /* text: where */
    POSW_RIG_LOST,      /* text: why; retry_ms */
    POSW_RIG_WELCOME,   /* logged in */
    POSW_RIG_JOB,       /* job */
    POSW_RIG_FOUND,     /* a share is handed in */
    POSW_RIG_ACCEPTED,
    POSW_RIG_REJECTED, /* text: why */
    POSW_RIG_NOTICE,   /* text: what the other side says that is about no share */
    POSW_RIG_REPORT    /* every report_ms, and at the end */
};

typedef struct {
    enum posw_rig_news news;
    const char *text;
    uint64_t retry_ms;
    const posw_stratum_job *job; /* the latest, NULL: none yet */
    /* since the start */
    uint64_t hashes, accepted, rejected, ms;
    /* REPORT: since the one before */
    uint64_t report_hashes, report_ms;
} posw_rig_event;

typedef struct {
    const char *host; /* a name or a numeric address */
    uint16_t port;
    const uint8_t *fingerprint; /* POSW_FINGERPRINT_SIZE bytes: TLS, and only with this certificate; NULL: plain */
    const char *login, *agent;
    unsigned threads;                                 /* 1 to 256 */
    unsigned throttle;                                /* percent of the time that they rest, 0 to 90 */
    uint64_t shares;                                  /* ends after so many accepted ones; 0: never */
    uint64_t report_ms;                               /* 0: only at the end */
    uint64_t retry_first_ms;                          /* 0: 1,000 */
    void (*said)(void *arg, const posw_rig_event *e); /* on the caller's thread */
    void *arg;
} posw_rig_options;

/* Runs until SIGINT or SIGTERM, or the shares are done: POSW_OK. POSW_EAUTH (refused), POSW_EPARSE (no node),
 * POSW_EUNSUPPORTED (the chain's proof of work is not in this program), POSW_EIO or POSW_ENOMEM with a sentence. */
int posw_rig_run(const posw_rig_options *o, posw_message *msg);

#endif
