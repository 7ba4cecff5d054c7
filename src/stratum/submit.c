/* Shares: what a miner hands in, until it is a block or refused. */
#include "stratum/stratum_internal.h"

#include "base/bytes.h"

#include <inttypes.h>

/* ---- false results ---- */

static stratum_fault *fault_of(posw_stratum *s, const uint8_t address[16], bool is_site) {
    for (size_t i = 0; i < STRATUM_BANS_MAX; i++) {
        stratum_fault *f = &s->faults[i];
        if (f->count > 0 && f->is_site == is_site && memcmp(f->address, address, sizeof f->address) == 0) return f;
    }
    return NULL;
}

static bool is_of(const stratum_conn *c, const uint8_t address[16], bool is_site) {
    return memcmp(is_site ? c->site : c->address, address, sizeof c->address) == 0;
}

bool stratum_is_banned(const posw_stratum *s, const stratum_conn *c) {
    for (size_t i = 0; i < STRATUM_BANS_MAX; i++) {
        const stratum_fault *f = &s->faults[i];
        if (f->until_ms > s->now_ms && is_of(c, f->address, f->is_site)) return true;
    }
    return false;
}

/* Of the latest STRATUM_BANS_MAX addresses and sites with false results. True: it is banned from now on. */
static bool count_false(posw_stratum *s, const uint8_t address[16], bool is_site) {
    stratum_fault *f = fault_of(s, address, is_site);
    if (f == NULL) {
        f = &s->faults[s->next_fault++ % STRATUM_BANS_MAX];
        *f = (stratum_fault){.is_site = is_site};
        memcpy(f->address, address, sizeof f->address);
    }
    f->count++;
    if (f->count % (is_site ? STRATUM_SITE_FALSE * s->o.false_max : s->o.false_max) != 0) return false;
    f->until_ms = s->now_ms + s->o.ban_ms;
    s->counters.bans++;
    return true;
}

static void close_banned(posw_stratum *s, const uint8_t address[16], bool is_site, posw_actions *out) {
    for (stratum_conn *c = s->first, *next; c != NULL; c = next) {
        next = c->next;
        if (!is_of(c, address, is_site)) continue;
        stratum_refuse(c, "null", out, "IP Address currently banned");
        stratum_close(s, c, out);
    }
}

/* ---- handing in ---- */

static stratum_job *job_of(stratum_conn *c, uint64_t id) {
    for (size_t i = 0; i < STRATUM_JOBS; i++)
        if (c->jobs[i].id == id && id != 0) return &c->jobs[i];
    return NULL;
}

static bool is_duplicate(const stratum_job *j, const uint8_t nonce[POSW_STRATUM_NONCE_SIZE]) {
    const size_t known = j->nonce_count < STRATUM_NONCES ? j->nonce_count : STRATUM_NONCES;
    for (size_t i = 0; i < known; i++)
        if (memcmp(j->nonces[i], nonce, POSW_STRATUM_NONCE_SIZE) == 0) return true;
    return false;
}

static stratum_share *free_share(posw_stratum *s, const stratum_conn *c) {
    if (c->shares >= STRATUM_SHARES_CONN_MAX) return NULL;
    for (size_t i = 0; i < STRATUM_SHARES_MAX; i++)
        if (s->shares[i].id == 0) return &s->shares[i];
    return NULL;
}

static void fill_share(posw_stratum *s, stratum_share *share, stratum_conn *c, stratum_job *j,
                       const posw_stratum_request *r) {
    *share =
        (stratum_share){.id = s->next_id++, .client = c->id, .account = c->account, .work = j->work, .mix = r->result};
    memcpy(share->address, c->address, sizeof share->address);
    memcpy(share->site, c->site, sizeof share->site);
    memcpy(share->request, r->id, sizeof share->request);
    memcpy(share->nonce, r->nonce, sizeof r->nonce);
    memcpy(share->nonce + sizeof r->nonce, j->extra, sizeof j->extra);
    memcpy(j->nonces[j->nonce_count++ % STRATUM_NONCES], r->nonce, sizeof r->nonce);
    c->account->users++;
    c->shares++;
}

/* Recomputes the result on another thread. False: no memory. */
static bool start_check(const stratum_share *share, const posw_work *work, posw_actions *out) {
    posw_job *job = posw_job_new(POSW_JOB_SHARE, 1);
    posw_action *a = job == NULL ? NULL : posw_actions_push(out, POSW_ACTION_JOB);
    if (a == NULL) {
        posw_job_free(job);
        return false;
    }
    job->id = share->id;
    job->item_count = 1;
    job->items[0] = (posw_job_pow){.seal_hash = work->seal_hash, .key = work->key, .claimed = share->mix};
    memcpy(job->items[0].nonce, share->nonce, sizeof job->items[0].nonce);
    a->job = job;
    return true;
}

static void release(posw_stratum *s, stratum_share *share) {
    stratum_conn *c = stratum_find(s, share->client);
    if (c != NULL) c->shares--;
    stratum_account_leave(share->account);
    share->id = 0;
}

void stratum_submit(posw_stratum *s, stratum_conn *c, const posw_stratum_request *r, posw_actions *out) {
    stratum_job *j = job_of(c, r->job);
    const stratum_work *w = j == NULL ? NULL : stratum_account_work(c->account, j->work);
    stratum_share *share;
    if (j == NULL) {
        s->counters.unknown_jobs++;
        stratum_refuse(c, r->id, out, "Invalid job id");
    } else if (is_duplicate(j, r->nonce)) {
        s->counters.duplicates++;
        stratum_refuse(c, r->id, out, "Duplicate share");
    } else if (w == NULL) {
        s->counters.stale++;
        stratum_refuse(c, r->id, out, "Block expired");
    } else if (!posw_seal_meets(&r->result, &w->work.difficulty, &w->work.weight)) {
        s->counters.weak++;
        stratum_refuse(c, r->id, out, "Low difficulty share");
    } else if ((share = free_share(s, c)) == NULL) {
        s->counters.excess++;
        stratum_refuse(c, r->id, out, "Too many shares at once");
    } else {
        fill_share(s, share, c, j, r);
        if (start_check(share, &w->work, out)) return;
        release(s, share);
        stratum_refuse(c, r->id, out, "Out of memory");
    }
}

/* ---- recomputed ---- */

typedef struct {
    bool is_tip, expired;
    int err;
    posw_verdict verdict;
} outcome;

static outcome make_block(posw_stratum *s, const stratum_share *share, posw_actions *out) {
    outcome o = {.verdict = posw_valid()};
    stratum_work *w = stratum_account_work(share->account, share->work);
    posw_header sealed;
    posw_hash hash, tip;
    if (w == NULL || share->account->key == NULL ||
        !posw_miner_seal(&sealed, &w->t, share->nonce, &share->mix, share->account->key->secret)) {
        o.expired = true;
        return o;
    }
    /* Taken out first: what follows a new tip makes new work in its place. */
    posw_chain_template t = w->t;
    const posw_work work = w->work;
    memset(w, 0, sizeof *w);
    o.err = posw_node_submit_template(s->node, &t, &sealed, &o.verdict, out);
    if (o.err != POSW_OK || o.verdict.kind != POSW_VALID) { /* nothing has followed: its place is free */
        *w = (stratum_work){.used = true, .serial = share->work, .work = work, .t = t};
        return o;
    }
    posw_header_hash(&hash, &sealed);
    tip = posw_chain_tip_hash(s->chain);
    o.is_tip = posw_hash_equal(&hash, &tip);
    if (!o.is_tip) return o;
    char text[2 * POSW_ADDRESS_SIZE + 1];
    posw_hex_encode(text, sealed.beneficiary.b, sizeof sealed.beneficiary.b);
    posw_log_write(posw_node_log(s->node), POSW_LOG_INFO, "stratum", "block %" PRIu64 " found for 0x%s", sealed.number,
                   text);
    return o;
}

static void answer(posw_stratum *s, const stratum_share *share, const outcome *o, posw_actions *out) {
    const stratum_conn *c = stratum_find(s, share->client);
    posw_stratum_reply r = {.type = POSW_STRATUM_STATUS};
    if (o->is_tip) {
        s->counters.blocks++;
    } else if (o->err == POSW_OK && o->verdict.kind == POSW_VALID) {
        s->counters.stale++;
        s->counters.late += !o->expired;
    }
    if (c == NULL) return;
    memcpy(r.id, share->request, sizeof r.id);
    if (o->is_tip)
        stratum_reply(c, &r, out);
    else if (o->err != POSW_OK)
        stratum_refuse(c, share->request, out, "Block not stored: %s", posw_error_text(o->err));
    else if (o->verdict.kind == POSW_VALID)
        stratum_refuse(c, share->request, out, "Block expired");
    else
        stratum_refuse(c, share->request, out, "Block refused: %s (rule %s)", posw_rule_text(o->verdict.rule),
                       posw_rule_number(o->verdict.rule));
}

static void refuse_false(posw_stratum *s, const stratum_share *share, posw_actions *out) {
    const stratum_conn *c = stratum_find(s, share->client);
    if (c != NULL) stratum_refuse(c, share->request, out, "Invalid share: the result is not the hash of this job");
    s->counters.false_results++;
    if (count_false(s, share->address, false)) close_banned(s, share->address, false, out);
    const bool has_more = memcmp(share->site, share->address, sizeof share->site) != 0; /* addresses than this */
    if (has_more && count_false(s, share->site, true)) close_banned(s, share->site, true, out);
}

void stratum_share_done(posw_stratum *s, const posw_job *job, posw_actions *out) {
    stratum_share *share = NULL;
    for (size_t i = 0; share == NULL && i < STRATUM_SHARES_MAX; i++)
        if (s->shares[i].id == job->id && job->id != 0) share = &s->shares[i];
    if (share == NULL) return;
    if (job->result == POSW_OK && job->good == 0) {
        refuse_false(s, share, out);
    } else {
        outcome o = {.err = job->result, .verdict = posw_valid()};
        if (job->result == POSW_OK) o = make_block(s, share, out);
        answer(s, share, &o, out);
    }
    release(s, share);
}
