#include "node/job.h"

#include "base/bytes.h"
#include "base/error.h"
#include "posw/seal.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    posw_address senders[POSW_JOB_SENDERS_MAX];
    bool has_sender[POSW_JOB_SENDERS_MAX];
} senders_room;

/* Behind the job. */
static size_t room_of(enum posw_job_type type, size_t item_capacity) {
    switch (type) {
    case POSW_JOB_PREPARE:
        return sizeof(posw_prepared);
    case POSW_JOB_SENDERS:
        return sizeof(senders_room);
    case POSW_JOB_POW:
    case POSW_JOB_SHARE:
        break;
    }
    return item_capacity * sizeof(posw_job_pow);
}

posw_job *posw_job_new(enum posw_job_type type, size_t item_capacity) {
    POSW_ASSERT(item_capacity <= POSW_JOB_POW_MAX);
    posw_job *job = malloc(sizeof *job + room_of(type, item_capacity));
    if (job == NULL) return NULL;
    *job = (posw_job){.type = type, .item_capacity = item_capacity};
    if (type == POSW_JOB_PREPARE) {
        job->prepared = (posw_prepared *)(job + 1);
        *job->prepared = (posw_prepared){0};
    } else if (type == POSW_JOB_SENDERS) {
        senders_room *room = (senders_room *)(job + 1);
        *room = (senders_room){0};
        job->senders = room->senders;
        job->has_sender = room->has_sender;
    }
    return job;
}

void posw_job_free(posw_job *job) {
    if (job == NULL) return;
    posw_buf_clear(&job->bytes);
    if (job->prepared != NULL) posw_prepared_clear(job->prepared);
    free(job);
}

void posw_job_pow_ask(posw_job_pow *out, const posw_header *h, const posw_address *signer) {
    POSW_ASSERT(h->extra_size == POSW_EXTRA_SIZE);
    *out = (posw_job_pow){.claimed = h->mix_hash, .signature_open = signer != NULL};
    posw_header_seal_hash(&out->seal_hash, h);
    memcpy(out->nonce, h->nonce, sizeof out->nonce);
    if (signer == NULL) return;
    out->signer = *signer;
    memcpy(out->signature.b, h->extra + POSW_EXTRA_SIZE - POSW_SIGNATURE_SIZE, POSW_SIGNATURE_SIZE);
}

/* H8 */
static bool is_signed(const posw_job_pow *item) {
    posw_hash digest;
    posw_address signer;
    if (!item->signature_open) return true;
    posw_seal_digest(&digest, &item->seal_hash, item->nonce, &item->claimed);
    return posw_secp_recover(&signer, &digest, &item->signature) && posw_address_equal(&signer, &item->signer);
}

/* The signature first: of all but the quickest engines it is the lesser work. */
static void check_pow(posw_job *job, const posw_pow *pow, void *scratch) {
    for (job->good = 0; job->good < job->item_count; job->good++) {
        const posw_job_pow *item = &job->items[job->good];
        uint8_t input[POSW_POW_INPUT_SIZE];
        posw_hash mix;
        if (!is_signed(item)) return;
        posw_pow_input(input, &item->seal_hash, item->nonce);
        if (!pow->hash(scratch, &mix, &item->key, input)) {
            job->result = POSW_ENOMEM;
            return;
        }
        if (!posw_hash_equal(&mix, &item->claimed)) return;
    }
}

static void recover_senders(posw_job *job) {
    const uint8_t *at = job->bytes.data;
    for (size_t i = 0; i < job->item_count; i++) {
        posw_tx tx;
        const size_t size = posw_load_be32(at);
        job->has_sender[i] = posw_tx_decode(&tx, at + 4, size) == POSW_TX_OK && posw_tx_sender(&job->senders[i], &tx);
        at += 4 + size;
    }
}

void posw_job_run(posw_job *job, const posw_pow *pow, void *scratch) {
    job->result = POSW_OK;
    switch (job->type) {
    case POSW_JOB_PREPARE:
        job->result =
            posw_prepare(job->prepared, job->bytes.data, job->bytes.size, job->pow_proved ? NULL : pow, scratch, NULL);
        if (job->pow_proved) job->prepared->pow_checked = true;
        if (job->own_signature) job->prepared->own_signature = true;
        break;
    case POSW_JOB_POW:
    case POSW_JOB_SHARE:
        check_pow(job, pow, scratch);
        break;
    case POSW_JOB_SENDERS:
        recover_senders(job);
        break;
    }
}
