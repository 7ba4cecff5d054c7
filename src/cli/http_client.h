/* One HTTP/1.1 POST over a plain socket, with a deadline. */
#ifndef POSW_CLI_HTTP_CLIENT_H
#define POSW_CLI_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/error.h"

typedef struct {
    const char *host, *port, *path;
    unsigned timeout_ms; /* for everything */
    size_t answer_max;   /* bytes of the body */
} cli_http_target;

/* Posts a JSON body; *status and the body (appended to answer) on success. POSW_ENOTFOUND: nobody listens there or the
 * name is unknown; POSW_EIO: the connection broke, timed out or spoke something else; POSW_EFULL: the answer is too
 * large. `msg` says why in a few words, without a full sentence. */
POSW_MUST_USE int cli_http_post(const cli_http_target *t, posw_bytes body, unsigned *status, posw_buf *answer,
                                posw_message *msg);

#endif
