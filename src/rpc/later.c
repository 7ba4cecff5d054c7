/* Batches of signed transactions, whose senders other threads recover before the batch is answered.
 *
 *      batch of eth_sendRawTransaction ─► jobs of up to 32 signatures ─► all done: the batch is answered as any other,
 *                                         and each transaction finds its sender here
 *
 * Recovering a sender is nine tenths of what admission costs, and would hold up the node. Nothing else changes:
 * answers, their order and the texts of refusals are those of a batch that is answered at once, because it is the same
 * code that answers it. A sender is only used for the very bytes it was recovered from; where there is none, admission
 * recovers (and refuses) itself.
 *
 * Only for HTTP: its connection waits for the answer, so requests of one client stay in order. Limits:
 * RPC_LATER_JOBS_MAX jobs of all clients, and RPC_LATER_BYTES_MAX of their requests; what comes beyond is answered at
 * once. */
#include "rpc/rpc_internal.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

/* What one job is about, and what it brought. */
typedef struct {
    posw_buf bytes; /* as in the job; owned; empty until it is done */
    size_t count;
    posw_address senders[POSW_JOB_SENDERS_MAX];
    bool has_sender[POSW_JOB_SENDERS_MAX];
} part;

struct rpc_later {
    rpc_later *next;
    uint64_t id, client;
    json_t *request; /* owned */
    size_t size;     /* of its text */
    part *parts;     /* owned */
    size_t part_count, waiting;
    /* Where the answering stands: the next transaction of `parts`. */
    size_t at_part, at_item, at_byte;
};

static void later_free(rpc_later *l) {
    if (l == NULL) return;
    for (size_t i = 0; i < l->part_count; i++)
        posw_buf_clear(&l->parts[i].bytes);
    free(l->parts);
    json_decref(l->request);
    free(l);
}

void rpc_later_clear(posw_rpc *r) {
    for (rpc_later *l = r->later, *next; l != NULL; l = next) {
        next = l->next;
        later_free(l);
    }
    r->later = NULL;
}

/* ---- which transactions ---- */

/* The transaction of a request of this kind, appended to out. */
static bool read_raw(rpc_call *c, posw_buf *out, const json_t *request) {
    const json_t *method = json_object_get(request, "method"), *params = json_object_get(request, "params");
    if (!json_is_string(method) || strcmp(json_string_value(method), "eth_sendRawTransaction") != 0) return false;
    if (json_array_size(params) != 1) return false;
    posw_buf_reset(out);
    return rpc_value_data(c, rpc_arg(0), json_array_get(params, 0), out, POSW_TX_SIZE_MAX) && out->size > 0;
}

static void add(posw_job *job, const posw_buf *raw) {
    uint8_t size[4];
    posw_store_be32(size, (uint32_t)raw->size);
    posw_buf_append(&job->bytes, size, sizeof size);
    posw_buf_append(&job->bytes, raw->data, raw->size);
    job->item_count++;
}

static void jobs_free(posw_job **jobs, size_t count) {
    for (size_t i = 0; i < count; i++)
        posw_job_free(jobs[i]);
}

/* Their number; 0: it is not worth it, there are too many, or memory is short. */
static size_t make_jobs(posw_rpc *r, const json_t *batch, posw_job *jobs[RPC_LATER_JOBS_MAX]) {
    posw_buf raw = {0}, nothing = {0};
    const size_t room = RPC_LATER_JOBS_MAX - r->later_jobs;
    size_t count = 0, txs = 0;
    bool good = true;
    for (size_t i = 0; good && i < json_array_size(batch); i++) {
        rpc_call c = rpc_call_begin(r, 0, false, &nothing, NULL);
        const bool is_tx = read_raw(&c, &raw, json_array_get(batch, i));
        posw_buf_clear(&c.data);
        if (!is_tx) continue;
        if (txs++ % POSW_JOB_SENDERS_MAX == 0) {
            good = count < room && (jobs[count] = posw_job_new(POSW_JOB_SENDERS, 0)) != NULL;
            if (!good) break;
            count++;
        }
        add(jobs[count - 1], &raw);
        good = !jobs[count - 1]->bytes.failed;
    }
    posw_buf_clear(&raw);
    posw_buf_clear(&nothing);
    if (good && txs >= RPC_LATER_TXS_MIN) return count;
    jobs_free(jobs, count);
    return 0;
}

/* ---- asking ---- */

static rpc_later *later_new(posw_rpc *r, size_t part_count) {
    rpc_later *l = calloc(1, sizeof *l);
    part *parts = calloc(part_count, sizeof *parts);
    if (l == NULL || parts == NULL) {
        free(l);
        free(parts);
        return NULL;
    }
    *l = (rpc_later){.id = ++r->later_id, .parts = parts, .part_count = part_count, .waiting = part_count};
    return l;
}

/* All actions, or none: the request is then answered at once. */
static bool push(const rpc_later *l, posw_job **jobs, posw_actions *out) {
    const size_t before = out->count;
    posw_action *a = posw_actions_push(out, POSW_ACTION_LATER);
    if (a != NULL) a->client = l->client;
    for (size_t i = 0; a != NULL && i < l->part_count; i++) {
        jobs[i]->id = l->id;
        jobs[i]->tag = i;
        a = posw_actions_push(out, POSW_ACTION_JOB);
        if (a != NULL) a->job = jobs[i];
    }
    if (a != NULL) return true;
    for (; out->count > before; out->count--)
        memset(&out->items[out->count - 1], 0, sizeof *out->items);
    return false;
}

bool rpc_later_begin(posw_rpc *r, uint64_t client, json_t *request, size_t size, posw_actions *out) {
    posw_job *jobs[RPC_LATER_JOBS_MAX];
    if (!r->options.jobs || !json_is_array(request) || json_array_size(request) > r->options.batch_max) return false;
    if (size > RPC_LATER_BYTES_MAX - r->later_bytes) return false;
    const size_t count = make_jobs(r, request, jobs);
    rpc_later *l = count > 0 ? later_new(r, count) : NULL;
    if (l != NULL) l->client = client;
    if (l == NULL || !push(l, jobs, out)) {
        jobs_free(jobs, count);
        later_free(l);
        return false;
    }
    l->request = json_incref(request);
    l->size = size;
    l->next = r->later;
    r->later = l;
    r->later_bytes += size;
    r->later_jobs += count;
    return true;
}

/* ---- answering ---- */

/* The parts of a request whose last job this is; NULL: others are still on their way, or it is not known. */
static rpc_later *take(posw_rpc *r, posw_job *job) {
    rpc_later **at = &r->later;
    while (*at != NULL && (*at)->id != job->id)
        at = &(*at)->next;
    rpc_later *l = *at;
    if (l == NULL || job->tag >= l->part_count || l->parts[job->tag].count > 0) return NULL;
    part *p = &l->parts[job->tag];
    p->bytes = job->bytes;
    job->bytes = (posw_buf){0};
    p->count = job->item_count;
    memcpy(p->senders, job->senders, sizeof p->senders);
    memcpy(p->has_sender, job->has_sender, sizeof p->has_sender);
    if (--l->waiting > 0) return NULL;
    *at = l->next;
    r->later_bytes -= l->size;
    r->later_jobs -= l->part_count;
    return l;
}

void rpc_later_done(posw_rpc *r, posw_job *job, posw_actions *out) {
    rpc_later *l = take(r, job);
    if (l == NULL) return;
    posw_buf answer = {0};
    r->answering = l;
    rpc_send_answer(r, l->client, false, l->request, &answer, out);
    r->answering = NULL;
    later_free(l);
}

const posw_address *rpc_later_sender(posw_rpc *r, posw_bytes raw) {
    rpc_later *l = r->answering;
    if (l == NULL) return NULL;
    for (; l->at_part < l->part_count; l->at_part++, l->at_item = l->at_byte = 0) {
        const part *p = &l->parts[l->at_part];
        while (l->at_item < p->count) {
            const uint8_t *at = p->bytes.data + l->at_byte;
            const size_t size = posw_load_be32(at), item = l->at_item++;
            l->at_byte += 4 + size;
            if (size == raw.size && memcmp(at + 4, raw.data, size) == 0)
                return p->has_sender[item] ? &p->senders[item] : NULL;
        }
    }
    return NULL;
}
