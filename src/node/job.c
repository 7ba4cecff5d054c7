#include "node/job.h"

#include "base/bytes.h"
#include "base/error.h"
#include "posw/seal.h"

#include <stdlib.h>
#include <string.h>

posw_job *posw_job_new(enum posw_job_type type, size_t item_capacity) {
    POSW_ASSERT(item_capacity <= POSW_JOB_POW_MAX);
    posw_job *job = malloc(sizeof *job + item_capacity * sizeof job->items[0]);
    if (job != NULL) *job = (posw_job){.type = type, .item_capacity = item_capacity};
    return job;
}

void posw_job_free(posw_job *job) {
    if (job == NULL) return;
    posw_buf_clear(&job->bytes);
    posw_prepared_clear(&job->prepared);
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
            posw_prepare(&job->prepared, job->bytes.data, job->bytes.size, job->pow_proved ? NULL : pow, scratch, NULL);
        if (job->pow_proved) job->prepared.pow_checked = true;
        if (job->own_signature) job->prepared.own_signature = true;
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
