/* Headers of others: linked, checked against all rules, their proofs of work and signatures given to jobs.
 *
 * A peer that sends a header that breaks a rule is lying: every rule of a header can be checked by whoever sends it on.
 */
#include "base/bytes.h"
#include "base/error.h"
#include "p2p/sync.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <stdio.h>

/* A batch while it is taken in. */
typedef struct {
    posw_p2p *p;
    p2p_peer *peer;
    posw_actions *out;
    p2p_branch *branch; /* that the headers go to; NULL: none yet */
    posw_job *job;      /* being filled */
    size_t added, left; /* left: in the list, after the one that is being looked at */
    posw_hash last;     /* of the list, as far as it was read */
    posw_header before; /* its header */
    bool has_before;
    bool asked;    /* HEADERS, not ANNOUNCE */
    bool halted;   /* the rest cannot be used now; nobody is to blame */
    bool too_long; /* of a branch that is weighed */
} batch;

static void say_violation(batch *b, const posw_header *h, posw_verdict v) {
    char what[200];
    snprintf(what, sizeof what, "a header that breaks rule %s: %s", posw_rule_number(v.rule), posw_rule_text(v.rule));
    p2p_blame(b->p, b->peer, h->number, v.rule, what, b->out);
}

static void send_job(batch *b) {
    if (b->job == NULL) return;
    p2p_run_job(b->p, b->job, b->out);
    b->job = NULL;
}

/* tag: the branch; hash: the first header of the job, since indices move. */
static bool add_to_job(batch *b, const posw_header *h, const posw_hash *hash, const posw_address *signer) {
    if (b->job == NULL) {
        b->job = posw_job_new(POSW_JOB_POW, b->left + 1 < POSW_JOB_POW_MAX ? b->left + 1 : POSW_JOB_POW_MAX);
        if (b->job == NULL) return false;
        b->job->id = (uint64_t)P2P_JOB_SYNC << P2P_JOB_OWNER_SHIFT;
        b->job->peer = b->peer->id;
        b->job->tag = b->branch->id;
        b->job->hash = *hash;
    }
    posw_job_pow *item = &b->job->items[b->job->item_count];
    if (p2p_branch_pow_item(b->branch, b->p->chain, item, h, signer) != POSW_OK) return false;
    b->job->item_count++;
    return true;
}

static size_t made_by(const p2p_sync *s, uint64_t peer) {
    size_t n = 0;
    for (size_t i = 0; i < s->branch_count; i++)
        n += s->branches[i]->maker == peer;
    return n;
}

/* Whom this node dials, an attacker cannot choose; nor is a block cheap that others did not bring first. */
static int trust_in(const posw_p2p *p, uint64_t id) {
    const p2p_peer *peer = p2p_find(p, id);
    if (peer == NULL) return 0;
    if (peer->kind != POSW_P2P_INBOUND) return 3;
    return peer->last_block_ms != 0 ? 2 : 1;
}

/* Which of two branches goes first: one of somebody who is trusted less; of somebody who has more of them; the lighter
 * one. */
static bool is_worth_less(const posw_p2p *p, const p2p_branch *a, const p2p_branch *b) {
    const int in_a = trust_in(p, a->maker), in_b = trust_in(p, b->maker);
    const size_t of_a = made_by(p->sync, a->maker), of_b = made_by(p->sync, b->maker);
    if (in_a != in_b) return in_a < in_b;
    return of_a != of_b ? of_a > of_b : posw_u256_cmp(&a->weight, &b->weight) < 0;
}

/* One more branch; the one that is worth least goes when there are too many. */
static p2p_branch *branch_on(posw_p2p *p, const p2p_peer *peer, const posw_hash *base) {
    p2p_sync *s = p->sync;
    p2p_branch *b;
    if (s->branch_count == SYNC_BRANCHES_MAX) {
        p2p_branch *least = s->branches[0];
        for (size_t i = 1; i < s->branch_count; i++)
            if (is_worth_less(p, s->branches[i], least)) least = s->branches[i];
        sync_drop_branch(s, least);
    }
    if (!p2p_was_read(p, p2p_branch_new(&b, p->chain, base))) return NULL;
    b->id = s->next_branch++;
    b->maker = peer->id;
    b->fed_ms = p->now_ms;
    s->branches[s->branch_count++] = b;
    return b;
}

/* Where this header can stand: the end of a branch, or a block of the chain. NULL: nowhere now. */
static p2p_branch *place_of(posw_p2p *p, const p2p_peer *peer, const posw_hash *parent) {
    p2p_sync *s = p->sync;
    for (size_t i = 0; i < s->branch_count; i++) {
        p2p_branch *b = s->branches[i];
        if (!b->closed && posw_hash_equal(p2p_branch_end(b), parent)) return b;
    }
    return sync_chain_has(p, parent) ? branch_on(p, peer, parent) : NULL;
}

/* The peer that began a branch, or feeds it, has left it for another: it goes on where the two part. Somebody else's
 * word does not end what another has. */
static p2p_branch *go_back(batch *b, const posw_hash *parent) {
    size_t index;
    p2p_branch *known = sync_find_record(b->p->sync, parent, &index);
    if (known == NULL || !b->has_before || (known->maker != b->peer->id && known->source != b->peer->id)) return NULL;
    if (known->closed || known->far || index + 1 < known->imported || index >= known->proved) return NULL;
    return p2p_branch_rewind(known, &b->before, index) ? known : NULL;
}

/* One that was weighed comes again. False: it is another one, and all that was weighed is worth nothing. */
static bool retake_header(batch *b, const posw_msg_header *m) {
    const int rc = p2p_branch_retake(b->branch, &m->header, &m->hash);
    b->halted = rc != POSW_OK;
    b->added += !b->halted;
    if (rc == POSW_EMISMATCH) {
        sync_drop_branch(b->p->sync, b->branch);
        b->branch = NULL;
    }
    return !b->halted;
}

/* False: the batch ends here. */
static bool take_header(batch *b, const posw_msg_header *m) {
    posw_p2p *p = b->p;
    size_t index;
    if (b->branch == NULL) {
        if (sync_chain_has(p, &m->hash) || sync_find_record(p->sync, &m->hash, &index) != NULL) return true;
        if (b->left == 0 && p2p_sync_is_copy(p, &m->header, &m->hash)) return false;
        b->branch = place_of(p, b->peer, &m->header.parent_hash);
        if (b->branch == NULL) b->branch = go_back(b, &m->header.parent_hash);
        b->halted = b->branch == NULL;
        if (b->halted) return false;
        b->branch->source = b->peer->id;
        b->branch->orphan_until_ms = 0;
        b->branch->origin = b->asked ? b->peer->id : 0;
    }
    if (b->branch->heavier) return retake_header(b, m);
    b->halted = !p2p_was_read(p, p2p_branch_ready(b->branch, p->chain));
    if (b->halted) return false;
    posw_address signer;
    const posw_verdict v = p2p_branch_check(b->branch, p->chain, &m->header, &m->hash, m->has_proof ? &m->proof : NULL,
                                            posw_node_now_s(p->node), &signer);
    p->counters.headers_checked++;
    if (v.kind == POSW_NOT_YET && (v.rule == POSW_RULE_TIME_FUTURE || v.rule == POSW_RULE_UNKNOWN_PARENT)) {
        b->halted = true;
        return false;
    }
    if (v.kind != POSW_VALID) {
        say_violation(b, &m->header, v);
        return false;
    }
    if (b->job == NULL && !p2p_may_prove(p, b->peer)) {
        b->halted = true; /* enough of its headers are being looked at */
        return false;
    }
    const bool own_signature = posw_address_equal(&signer, &m->header.beneficiary);
    int rc = add_to_job(b, &m->header, &m->hash, &signer) ? POSW_OK : POSW_ENOMEM;
    if (rc == POSW_OK) rc = p2p_branch_push(b->branch, &m->header, &m->hash, own_signature);
    if (rc != POSW_OK) {
        if (b->job != NULL && b->job->item_count > 0)
            b->job->item_count--; /* out of memory: what was taken stands, the rest comes again */
        b->halted = true;
        b->too_long = rc == POSW_EFULL;
        return false;
    }
    b->branch->grown_ms = p->now_ms;
    b->added++;
    if (b->job->item_count == b->job->item_capacity) send_job(b);
    return true;
}

/* The table of a branch that has become the main chain, or has ceased to be it, is that of its fork. */
static void refresh_forks(posw_p2p *p) {
    p2p_sync *s = p->sync;
    for (size_t i = 0; i < s->branch_count; i++) {
        p2p_branch *b = s->branches[i];
        posw_chain_place place;
        const posw_hash *at = b->imported > 0 ? &b->records[b->imported - 1].hash : &b->base_hash;
        if (p2p_was_read(p, posw_chain_find_place(p->chain, &place, at))) b->fork_number = place.fork_number;
    }
}

/* A peer's tip is at least what it has just shown, also where others have shown it before: of all these its bodies can
 * be asked. */
static void note_tip(batch *b) {
    size_t index;
    p2p_peer *peer = b->peer;
    const p2p_branch *branch = sync_find_record(b->p->sync, &b->last, &index);
    if (branch == NULL || posw_u256_cmp(&peer->weight, &branch->records[index].weight) >= 0) return;
    peer->weight = branch->records[index].weight;
    peer->number = p2p_branch_number(branch, index);
    peer->hash = b->last;
}

static void taken(batch *b) {
    send_job(b);
    if (b->peer->state == P2P_READY) note_tip(b);
}

static void take_one(batch *b, const posw_msg_header *m) {
    refresh_forks(b->p);
    b->last = m->hash;
    (void)take_header(b, m);
    taken(b);
}

static void take_all(batch *b, posw_msg_header_list *list) {
    posw_msg_header m;
    refresh_forks(b->p);
    b->left = list->count;
    for (bool first = true; posw_msg_headers_next(&m, list); first = false) {
        b->left--;
        if (!first && !posw_hash_equal(&m.header.parent_hash, &b->last)) {
            p2p_violation(b->p, b->peer, "headers that do not follow each other", b->out);
            break;
        }
        b->last = m.hash;
        if (!take_header(b, &m)) break;
        b->before = m.header;
        b->has_before = true;
    }
    taken(b);
}

/* Nothing more to be had from this peer for a while. */
static void quiet(posw_p2p *p, p2p_peer *peer, uint64_t ms) {
    peer->sync->quiet_until_ms = p->now_ms + ms;
    p2p_wake(p, peer->sync->quiet_until_ms);
    for (size_t i = 0; i < p->sync->branch_count; i++)
        if (p->sync->branches[i]->source == peer->id) p->sync->branches[i]->source = 0;
}

/* What a whole answer asks for next. */
static void go_on(batch *b, posw_actions *out) {
    posw_p2p *p = b->p;
    p2p_sync_peer *s = b->peer->sync;
    size_t index;
    s->known = b->added > 0 ? 0 : s->known + 1;
    if (b->branch != NULL) {
        const posw_u256 tip = posw_chain_weight_total(p->chain);
        b->branch->source = b->peer->id;
        if (posw_u256_cmp(&b->branch->weight, &tip) <= 0)
            b->branch->fed_ms = p->now_ms; /* no block of it is asked for yet */
        return;
    }
    p2p_branch *known = sync_find_record(p->sync, &b->last, &index);
    if (s->known > SYNC_KNOWN_MAX) {
        quiet(p, b->peer, SYNC_QUIET_MS); /* it repeats itself */
    } else if (known != NULL && known->source != b->peer->id && sync_is_led(p, known)) {
        quiet(p, b->peer, SYNC_ASK_LATE_MS); /* another feeds that branch; perhaps not for long */
    } else if (known != NULL && !known->closed) {
        known->source = b->peer->id;
    } else {
        sync_ask_headers(p, b->peer, &b->last, out);
    }
}

bool sync_on_headers(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out) {
    posw_msg_headers m;
    p2p_sync_peer *s = peer->sync;
    if (!posw_msg_headers_decode(&m, payload)) return false;
    if (s->request == 0 || m.request != s->request) {
        p2p_violation(p, peer, "headers that were not asked for", out);
        return true;
    }
    s->request = 0;
    p->sync->asking--;
    const size_t count = m.list.count;
    batch b = {.p = p, .peer = peer, .out = out, .asked = true};
    take_all(&b, &m.list);
    posw_log_write(p->log, POSW_LOG_DEBUG, "sync", "%zu headers of peer %" PRIu64 ", %zu of them new%s", count,
                   (uint64_t)(peer->id & ~POSW_PEER_OUTBOUND), b.added,
                   b.halted ? "; they lead on from a block that is not known, or too far into the future" : "");
    if (peer->state != P2P_READY) return true;
    if (b.too_long)
        sync_refuse_branch(p, b.branch);
    else if (b.halted || count < POSW_MSG_HEADERS_MAX)
        quiet(p, peer, SYNC_QUIET_MS);
    else
        go_on(&b, out);
    sync_advance(p, out);
    return true;
}

/* Told, not asked. */
static void announced(batch *b) {
    p2p_peer *peer = b->peer;
    if (peer->state != P2P_READY) return;
    if (b->branch != NULL && b->branch->source == peer->id) b->branch->source = 0; /* nothing is owed */
    if (b->halted && peer->sync->request == 0) sync_ask_headers(b->p, peer, NULL, b->out);
    if (b->added > 0) sync_advance(b->p, b->out); /* else it was known: nothing has changed */
}

void p2p_sync_announced(posw_p2p *p, p2p_peer *peer, const posw_msg_header *m, posw_actions *out) {
    batch b = {.p = p, .peer = peer, .out = out};
    take_one(&b, m);
    announced(&b);
}

/* Most announcements tell the tip that another peer has brought: nothing more of them is looked at. */
static bool announced_one(posw_p2p *p, p2p_peer *peer, posw_bytes header, posw_bytes payload, posw_actions *out) {
    posw_msg_header m;
    const posw_hash tip = posw_chain_tip_hash(p->chain), hash = p2p_compact_hash(p, header);
    if (posw_hash_equal(&hash, &tip)) {
        p2p_compact_peer_has(p, peer, &hash);
        return true;
    }
    if (!posw_msg_announce_decode_single(&m, &hash, payload)) return false;
    batch b = {.p = p, .peer = peer, .out = out};
    take_one(&b, &m);
    p2p_compact_peer_has(p, peer, &hash);
    announced(&b);
    return true;
}

bool sync_on_announce(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out) {
    posw_bytes header;
    posw_msg_header_list list;
    batch b = {.p = p, .peer = peer, .out = out};
    if (posw_msg_announce_single(&header, payload)) return announced_one(p, peer, header, payload, out);
    if (!posw_msg_announce_decode(&list, payload)) return false;
    take_all(&b, &list);
    p2p_compact_peer_has(p, peer, &b.last);
    announced(&b);
    return true;
}

/* ---- Seals ---- */

/* Jobs may come back in any order; `proved` is the unbroken part. */
static void mark_proved(p2p_branch *b, size_t first, size_t count) {
    for (size_t i = first; i < first + count && i < b->count; i++)
        b->records[i].seal_right = true;
    while (b->proved < b->count && b->records[b->proved].seal_right)
        b->proved++;
}

void sync_pow_done(posw_p2p *p, posw_job *job, posw_actions *out) {
    p2p_branch *b = sync_branch(p->sync, job->tag);
    p2p_peer *peer = p2p_find(p, job->peer);
    if (job->result == POSW_OK && job->good < job->item_count && peer != NULL)
        p2p_violation(p, peer, "a header whose seal is false: mixHash or signature", out);
    const size_t first = b == NULL ? SIZE_MAX : p2p_branch_find(b, &job->hash);
    if (b != NULL && first == SIZE_MAX && b->far_open >= job->item_count) {
        b->far_open -= job->item_count;
        if (job->good < job->item_count) sync_drop_branch(p->sync, b);
        sync_advance(p, out);
    }
    if (first == SIZE_MAX) return;
    mark_proved(b, first, job->good);
    if (job->good < job->item_count) p2p_branch_cut(b, first + job->good);
    sync_advance(p, out);
}
