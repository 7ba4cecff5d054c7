#include "stratum/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void posw_stratum_client_clear(posw_stratum_client *c) {
    posw_stratum_lines_clear(&c->lines);
    memset(c, 0, sizeof *c);
}

/* ---- asking ---- */

static void ask(posw_stratum_client *c, posw_buf *out, posw_stratum_request *r, const char *algorithm) {
    (void)snprintf(r->id, sizeof r->id, "%" PRIu64, ++c->next_id);
    r->session = c->session;
    posw_stratum_request_encode(out, r, algorithm);
}

void posw_stratum_client_login(posw_stratum_client *c, posw_buf *out, const char *login, const char *agent,
                               const char *algorithm) {
    posw_stratum_request r = {.method = POSW_STRATUM_LOGIN};
    (void)snprintf(r.login, sizeof r.login, "%s", login);
    (void)snprintf(r.agent, sizeof r.agent, "%s", agent);
    ask(c, out, &r, algorithm);
}

void posw_stratum_client_submit(posw_stratum_client *c, posw_buf *out, uint64_t job,
                                const uint8_t nonce[POSW_STRATUM_NONCE_SIZE], const posw_hash *result) {
    posw_stratum_request r = {.method = POSW_STRATUM_SUBMIT, .job = job, .result = *result};
    memcpy(r.nonce, nonce, sizeof r.nonce);
    ask(c, out, &r, NULL);
    c->shares[c->share_count++ % POSW_STRATUM_CLIENT_SHARES] = c->next_id;
}

void posw_stratum_client_keepalive(posw_stratum_client *c, posw_buf *out) {
    posw_stratum_request r = {.method = POSW_STRATUM_KEEPALIVED};
    ask(c, out, &r, NULL);
}

/* ---- hearing ---- */

bool posw_stratum_client_add(posw_stratum_client *c, posw_bytes data) {
    return posw_stratum_lines_add(&c->lines, data);
}

static bool answers_share(posw_stratum_client *c, const char *id) {
    char *end;
    const unsigned long long n = strtoull(id, &end, 10);
    for (size_t i = 0; *end == '\0' && n > 0 && i < POSW_STRATUM_CLIENT_SHARES; i++) {
        if (c->shares[i] != n) continue;
        c->shares[i] = 0;
        return true;
    }
    return false;
}

static void understand(posw_stratum_client *c, posw_stratum_said *said, const posw_stratum_reply *r) {
    switch (r->type) {
    case POSW_STRATUM_WELCOME:
        c->session = r->session;
        said->type = POSW_STRATUM_SAID_WELCOME;
        said->job = r->job;
        break;
    case POSW_STRATUM_JOB:
        said->type = POSW_STRATUM_SAID_JOB;
        said->job = r->job;
        break;
    case POSW_STRATUM_STATUS:
        if (answers_share(c, r->id)) said->type = POSW_STRATUM_SAID_ACCEPTED;
        break;
    case POSW_STRATUM_ERROR:
        said->type = answers_share(c, r->id) ? POSW_STRATUM_SAID_REJECTED
                     : c->session == 0       ? POSW_STRATUM_SAID_REFUSED
                                             : POSW_STRATUM_SAID_ERROR;
        said->for_good = r->for_good;
        memcpy(said->error, r->error, sizeof said->error);
        break;
    }
}

void posw_stratum_client_next(posw_stratum_client *c, posw_stratum_said *said) {
    memset(said, 0, sizeof *said);
    while (said->type == POSW_STRATUM_SAID_NOTHING) {
        posw_bytes line;
        posw_stratum_reply r;
        const enum posw_stratum_cut cut = posw_stratum_lines_next(&c->lines, &line);
        if (cut == POSW_STRATUM_CUT_NONE) return;
        if (cut == POSW_STRATUM_CUT_LINE && line.size == 0) continue;
        if (cut == POSW_STRATUM_CUT_TOO_LONG || posw_stratum_reply_decode(&r, line) != POSW_OK)
            said->type = POSW_STRATUM_SAID_GARBAGE;
        else
            understand(c, said, &r);
    }
}
