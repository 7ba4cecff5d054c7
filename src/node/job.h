/* Work for other threads: pure functions of what the job holds.
 *
 * The node makes a job, the performer of its actions runs it with posw_job_run on whatever thread it likes, and brings
 * it back with POSW_EVENT_JOB_DONE. A simulated world runs it at once. Jobs hold copies: nothing of the node is read.
 */
#ifndef POSW_NODE_JOB_H
#define POSW_NODE_JOB_H

#include "chain/prepare.h"
#include "crypto/secp.h"
#include "posw/header.h"

enum posw_job_type {
    POSW_JOB_PREPARE, /* posw_prepare of an encoded block */
    POSW_JOB_POW,     /* the proof-of-work outputs and the signatures of several headers */
    POSW_JOB_SENDERS, /* whose signatures several transactions carry */
    POSW_JOB_SHARE,   /* as POW: the output that an outside miner claims */
};

enum { POSW_JOB_POW_MAX = 64, POSW_JOB_SENDERS_MAX = 32 };

typedef struct {
    posw_hash seal_hash;
    uint8_t nonce[8];
    posw_hash key;       /* RandomX */
    posw_hash claimed;   /* mixHash */
    bool signature_open; /* the signature is asked about, too: */
    posw_signature signature;
    posw_address signer; /* who must have made it */
} posw_job_pow;

typedef struct posw_job {
    enum posw_job_type type;
    uint64_t id, peer, tag; /* for the owner: what it belongs to */
    posw_hash hash;
    /* PREPARE, SENDERS */
    posw_buf bytes; /* in: the block; or each transaction's length (4, big-endian) ‖ bytes; owned */
    /* PREPARE */
    bool pow_proved;    /* in: the header of this block was proved by a POW job: its output is not computed again */
    bool own_signature; /* in: nor is the signer of the seal, who is known to be the beneficiary */
    posw_prepared *prepared; /* out; owned, in the job's memory. NULL: of other jobs */
    /* POW, SHARE */
    size_t item_count, item_capacity; /* in */
    size_t good;                      /* out: how many of the items, from the first on, are what they claim */
    /* SENDERS: item_count, at most POSW_JOB_SENDERS_MAX, transactions in bytes. In the job's memory, with room for so
     * many; NULL: of other jobs */
    posw_address *senders; /* out */
    bool *has_sender;      /* out: false: not decoded, or no key made this signature */
    int result;            /* out: POSW_OK, or an operating error: then nothing can be said */
    posw_job_pow items[];  /* in; POW: item_capacity of them */
} posw_job;

/* With room for so many items of POW or SHARE, at most POSW_JOB_POW_MAX; they are not initialised. NULL: out of memory.
 */
posw_job *posw_job_new(enum posw_job_type type, size_t item_capacity);
void posw_job_free(posw_job *job);
/* The question about this header's seal (H6, H8), but for the key. signer: who must have signed it; NULL: the signature
 * is known. extra_size must be POSW_EXTRA_SIZE (asserted). */
void posw_job_pow_ask(posw_job_pow *out, const posw_header *h, const posw_address *signer);
/* Thread safe. scratch: of the engine, for this thread (NULL where it needs none). */
void posw_job_run(posw_job *job, const posw_pow *pow, void *scratch);

#endif
