/* The messages of the miners' protocol: JSON-RPC, one object a line, as stock CPU miners (xmrig) speak it.
 *
 *      miner                                                     node
 *      {"id":1,"method":"login","params":{"login":"0x…",…}} ──►
 *                    ◄── {"id":1,"result":{"id":"…","job":{"blob":"…","job_id":"…","target":"…",…},"status":"OK"}}
 *      {"id":2,"method":"submit","params":{"id":"…","job_id":"…","nonce":"…","result":"…"}} ──►
 *                    ◄── {"id":2,"result":{"status":"OK"}}  or  {"id":2,"error":{"code":-1,"message":"…"}}
 *                    ◄── {"method":"job","params":{"blob":"…",…}}      whenever there is other work
 *
 * blob: the 47 bytes of H5. The miner searches the first 4 bytes of the nonce (offset 39 of the blob, zero in the job);
 * the other 4 are the node's and differ from job to job. A hash is good iff its last 8 bytes, read as a little-endian
 * number, are below the target, which is sent as 8 bytes, the least significant first. The member "posw" of a job is
 * ours: what stake does and would do for this login; other miners ignore it.
 *
 * Both directions can be written and read: the node reads requests and writes replies, our own miner the reverse. What
 * is read, written and read again is the same. Pure functions, any thread. */
#ifndef POSW_STRATUM_MESSAGE_H
#define POSW_STRATUM_MESSAGE_H

#include "base/buf.h"
#include "base/error.h"
#include "posw/header.h"
#include "posw/params.h"

enum {
    POSW_STRATUM_LOGIN_MAX = 128, /* bytes of a login */
    POSW_STRATUM_ID_SIZE = 72,    /* of an id as JSON text, with its NUL */
    POSW_STRATUM_NONCE_OFFSET = 39,
    POSW_STRATUM_NONCE_SIZE = 4, /* that the miner searches */
    POSW_STRATUM_ALGORITHM_SIZE = 32,
    POSW_STRATUM_ERROR_SIZE = 256
};

/* What the miners' protocol calls the algorithm of a chain: "argon2/chukwa", "rx/0"; "posw/keccak256" only our own
 * miner knows. Static storage. */
const char *posw_stratum_algorithm(enum posw_pow_algorithm pow);
/* The reverse; false: no such algorithm. */
POSW_MUST_USE bool posw_stratum_algorithm_parse(enum posw_pow_algorithm *out, const char *name);

/* ---- From the miner ---- */

enum posw_stratum_method {
    POSW_STRATUM_LOGIN,
    POSW_STRATUM_GETJOB,
    POSW_STRATUM_SUBMIT,
    POSW_STRATUM_KEEPALIVED,
    POSW_STRATUM_OTHER
};

typedef struct {
    enum posw_stratum_method method;
    char id[POSW_STRATUM_ID_SIZE]; /* JSON text, to be repeated in the answer */
    /* LOGIN */
    char login[POSW_STRATUM_LOGIN_MAX + 1];
    char agent[65];               /* printable, cut */
    bool lists_algorithms, knows; /* it names algorithms; the one that was asked for is among them */
    /* SUBMIT */
    uint64_t session, job;
    uint8_t nonce[POSW_STRATUM_NONCE_SIZE];
    posw_hash result;
} posw_stratum_request;

/* POSW_OK; POSW_EPARSE: no such message at all; POSW_EINVAL: `why` says which parameter is bad, and method and id are
 * set. algorithm: for `knows`. */
POSW_MUST_USE int posw_stratum_request_decode(posw_stratum_request *out, posw_bytes line, const char *algorithm,
                                              posw_message *why);
/* One line with its end, appended. algorithm: the only one that a login names; NULL: it names none. */
void posw_stratum_request_encode(posw_buf *out, const posw_stratum_request *r, const char *algorithm);

/* ---- To the miner ---- */

/* What of a login's stake will change by itself, as of the tip. All zero: nothing. */
typedef struct {
    uint64_t next_from, later_from; /* first blocks of the next epoch and of the one behind it, from which S is */
    posw_u256 next_wei, later_wei;  /* so much; 0, 0: as before */
    posw_u256 exiting_wei;          /* what the address has unstaked and is locked until the last of it is free */
    uint64_t exit_block;            /* in this block; 0: none */
    posw_u256 unlocked_wei;         /* what is free, and was not withdrawn */
    uint64_t block_time_s;          /* T of the chain, for the time until then */
} posw_stratum_coming;

/* What stake does for a login now, and what more would do. All as of the next block. */
typedef struct {
    bool tickets_rule;   /* W2; false: W1 */
    posw_u256 weight;    /* F */
    posw_u256 stake_wei; /* S in force */
    posw_u256 step_wei,
        step_weight;     /* so much more stake would give this F; 0: none would change F (step_weight = F) */
    posw_u256 boost;     /* W2: M' */
    posw_u256 price_wei; /* W2: c */
    uint64_t tickets, used, window_blocks; /* W2: floor(S / c), B, W */
    posw_u256 difficulty;
    posw_stratum_coming coming;
} posw_stratum_stake;

typedef struct {
    uint64_t id;
    uint8_t input[POSW_POW_INPUT_SIZE];
    uint64_t target; /* above 0 */
    uint64_t height;
    posw_hash key; /* rx/0; else zero */
    char algorithm[POSW_STRATUM_ALGORITHM_SIZE];
    bool has_stake;
    posw_stratum_stake stake;
} posw_stratum_job;

enum posw_stratum_reply_type {
    POSW_STRATUM_WELCOME, /* answer to a login: session, job */
    POSW_STRATUM_STATUS,  /* done: to a submit or keepalived */
    POSW_STRATUM_JOB,     /* other work; id "null" when unasked */
    POSW_STRATUM_ERROR    /* error */
};

typedef struct {
    enum posw_stratum_reply_type type;
    char id[POSW_STRATUM_ID_SIZE];
    uint64_t session; /* WELCOME */
    posw_stratum_job job;
    char error[POSW_STRATUM_ERROR_SIZE]; /* printable, cut */
    bool for_good;                       /* ERROR: the same login will be refused again (error code -2, else -1) */
} posw_stratum_reply;

void posw_stratum_reply_encode(posw_buf *out, const posw_stratum_reply *r);
/* POSW_OK or POSW_EPARSE: it is none of these, or a job that this program could not search. */
POSW_MUST_USE int posw_stratum_reply_decode(posw_stratum_reply *out, posw_bytes line);

#endif
