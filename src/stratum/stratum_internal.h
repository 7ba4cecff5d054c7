/* What stratum.c (connections), account.c (work of an address) and submit.c (shares) have in common. */
#ifndef POSW_STRATUM_STRATUM_INTERNAL_H
#define POSW_STRATUM_STRATUM_INTERNAL_H

#include "base/map.h"
#include "stratum/line.h"
#include "stratum/message.h"
#include "stratum/stratum.h"

enum {
    STRATUM_WORKS = 3,           /* templates of an address: the current one and those before it */
    STRATUM_JOBS = 8,            /* of a connection, that shares may still be for */
    STRATUM_NONCES = 4,          /* of a job, that were good enough to be recomputed: a duplicate is known by them */
    STRATUM_SHARES_MAX = 64,     /* that are being recomputed, */
    STRATUM_SHARES_CONN_MAX = 4, /* of one connection */
    STRATUM_LOGIN_WORKS = 8,     /* templates a second that logins cause */
    STRATUM_BANS_MAX = 1024,
    STRATUM_SITE_FALSE = 16 /* times as many false results as of an address, and a whole site is banned */
};

typedef struct {
    bool used;
    uint64_t serial;
    posw_work work;
    posw_chain_template t;
} stratum_work;

/* An address that connections are logged in with. */
typedef struct {
    unsigned users; /* connections, and shares that are being recomputed; 0: a free place, with or without work */
    posw_address miner;
    const posw_stratum_key *key; /* that signs for it now */
    stratum_work works[STRATUM_WORKS];
    size_t current;
    uint64_t made_ms;  /* of the current one; 0: none was made */
    bool pool_changed; /* transactions came since */
    posw_stratum_stake stake;
} stratum_account;

typedef struct {
    uint64_t id; /* 0: none */
    uint64_t work;
    uint8_t extra[4]; /* of the nonce, behind what the miner searches */
    uint8_t nonces[STRATUM_NONCES][POSW_STRATUM_NONCE_SIZE];
    size_t nonce_count;
} stratum_job;

typedef struct stratum_conn {
    struct stratum_conn *next, *prev;
    uint64_t id, session, opened_ms;
    uint8_t address[16], site[16]; /* posw_netaddr_unit, by which bans go, and _site */
    posw_stratum_lines lines;
    stratum_account *account; /* NULL: not logged in */
    char worker[33];
    stratum_job jobs[STRATUM_JOBS];
    size_t next_job;
    unsigned shares;
    uint64_t tokens, filled_ms; /* thousandths of a request that it may still send, as of then */
    unsigned excess;
} stratum_conn;

/* A share whose result is being recomputed. */
typedef struct {
    uint64_t id; /* of the job; 0: a free place */
    uint64_t client;
    uint8_t address[16], site[16]; /* of the connection */
    char request[POSW_STRATUM_ID_SIZE];
    stratum_account *account;
    uint64_t work;
    uint8_t nonce[8];
    posw_hash mix;
} stratum_share;

/* False results of an address or a site, and its ban. */
typedef struct {
    uint8_t address[16];
    bool is_site;
    unsigned count;
    uint64_t until_ms; /* 0: not banned */
} stratum_fault;

struct posw_stratum {
    posw_stratum_options o;
    posw_node *node;
    posw_chain *chain;
    const char *algorithm;
    bool reads_own_time; /* the difficulty, of a block */
    posw_stratum_key keys[POSW_STRATUM_KEYS_MAX];
    stratum_conn *first, *last; /* in the order in which they came */
    posw_map by_id;             /* client -> stratum_conn * */
    posw_map by_site;           /* site -> unsigned: connections */
    stratum_account *accounts;  /* o.accounts_max of them */
    stratum_share shares[STRATUM_SHARES_MAX];
    stratum_fault faults[STRATUM_BANS_MAX];
    size_t next_fault;
    uint64_t now_ms, next_id; /* of sessions, jobs, templates and shares */
    uint32_t next_extra;
    uint64_t login_second; /* the latest in which a login had a template made, */
    unsigned login_works;  /* and how many did */
    posw_stratum_counters counters;
};

/* ---- stratum.c ---- */
stratum_conn *stratum_find(posw_stratum *s, uint64_t client); /* NULL: gone */
void stratum_reply(const stratum_conn *c, const posw_stratum_reply *r, posw_actions *out);
/* {"id":…,"error":…} */
void stratum_refuse(const stratum_conn *c, const char *id, posw_actions *out, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* After what was sent. The connection is freed. */
void stratum_close(posw_stratum *s, stratum_conn *c, posw_actions *out);
/* A job of the account's current work; the type of the reply is WELCOME (as an answer) or JOB. */
void stratum_give_job(posw_stratum *s, stratum_conn *c, enum posw_stratum_reply_type type, const char *id,
                      posw_actions *out);

/* ---- account.c ---- */
/* The account of this address, with work; the caller is counted as a user. POSW_EAUTH (the node cannot sign for it),
 * POSW_EFULL or another error, and `why` says it in a sentence. */
POSW_MUST_USE int stratum_account_get(posw_stratum *s, stratum_account **account, const posw_address *miner,
                                      posw_message *why, posw_actions *out);
void stratum_account_leave(stratum_account *a);
void stratum_account_clear(stratum_account *a);                          /* of no users */
stratum_work *stratum_account_work(stratum_account *a, uint64_t serial); /* NULL: forgotten, or a block already */
/* New work for this account and jobs for its connections; those of one that cannot be served any more are closed. */
void stratum_account_renew(posw_stratum *s, stratum_account *a, posw_actions *out);
/* What stake does for this address. */
void stratum_stake_of(posw_stratum_stake *out, posw_chain *c, const posw_address *miner, const posw_u256 *difficulty);

/* ---- submit.c ---- */
void stratum_submit(posw_stratum *s, stratum_conn *c, const posw_stratum_request *r, posw_actions *out);
void stratum_share_done(posw_stratum *s, const posw_job *job, posw_actions *out);
bool stratum_is_banned(const posw_stratum *s, const stratum_conn *c);

#endif
