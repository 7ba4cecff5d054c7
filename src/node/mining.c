/* Mining as the node decides it: when to make a template, what the searchers search, and what a found seal becomes. */
#include "node/node_internal.h"

#include "base/bytes.h"
#include "core/difficulty_rules.h"

#include <inttypes.h>
#include <string.h>

enum {
    TIMESTAMP_REFRESH_MS = 30000, /* a template without new transactions, for its timestamp's sake */
    RETRY_MS = 1000
};

static void slot_clear(node_template *s) {
    if (s->used) posw_chain_template_clear(&s->t);
    memset(s, 0, sizeof *s);
}

void node_templates_clear(posw_node *n) {
    for (size_t i = 0; i < NODE_TEMPLATES_MAX; i++)
        slot_clear(&n->templates[i]);
}

void node_templates_age(posw_node *n) {
    posw_hash tip = posw_chain_tip_hash(n->options.chain);
    for (size_t i = 0; i < NODE_TEMPLATES_MAX; i++) {
        node_template *s = &n->templates[i];
        if (s->used && !posw_hash_equal(&s->t.parent, &tip)) posw_miner_template_age(&s->t);
    }
}

static node_template *template_by_id(posw_node *n, uint64_t id) {
    for (size_t i = 0; i < NODE_TEMPLATES_MAX; i++)
        if (n->templates[i].used && n->templates[i].work.id == id) return &n->templates[i];
    return NULL;
}

/* How many templates on the tip a template's miner has; 0 where it is on another block itself. */
static unsigned templates_beside(const posw_node *n, const node_template *s) {
    const posw_hash tip = posw_chain_tip_hash(n->options.chain);
    unsigned count = 0;
    for (size_t i = 0; i < NODE_TEMPLATES_MAX; i++) {
        const node_template *t = &n->templates[i];
        count += t->used && posw_hash_equal(&t->t.parent, &tip) &&
                 posw_address_equal(&t->t.header.beneficiary, &s->t.header.beneficiary);
    }
    return posw_hash_equal(&s->t.parent, &tip) ? count : 0;
}

/* Which template is given up first: one that is not on the tip; of the others one of the miner that has most of them,
 * so that whoever asks every second (as the own searchers do) does not take away the work of one that searches for
 * long; the oldest of those. */
static bool goes_before(const posw_node *n, const node_template *a, const node_template *b) {
    const unsigned of_a = templates_beside(n, a), of_b = templates_beside(n, b);
    if (of_a == of_b) return a->work.id < b->work.id;
    if (of_a == 0 || of_b == 0) return of_a == 0;
    return of_a > of_b;
}

/* A free place, else that of the template which is given up first; never that of the own searchers, so that nobody can
 * take their work away by asking for other work. */
static node_template *template_place(posw_node *n) {
    node_template *first = NULL;
    for (size_t i = 0; i < NODE_TEMPLATES_MAX; i++) {
        node_template *s = &n->templates[i];
        if (!s->used) return s;
        if (s->work.id == n->mining_id) continue;
        if (first == NULL || goes_before(n, s, first)) first = s;
    }
    slot_clear(first);
    return first;
}

static int template_as_of(posw_node *n, const posw_address *miner, uint64_t now_s, uint64_t id, node_template **out) {
    node_template made = {.used = true, .made_ms = n->now_ms};
    int err = posw_miner_template(n->options.chain, n->options.mempool, miner, now_s, &made.t);
    if (err != POSW_OK) return err;
    err = posw_miner_work(n->options.chain, &made.t, id, &made.work);
    if (err != POSW_OK) {
        posw_chain_template_clear(&made.t);
        return err;
    }
    node_template *slot = template_place(n);
    *slot = made;
    n->counters.templates++;
    *out = slot;
    return POSW_OK;
}

static int template_new(posw_node *n, const posw_address *miner, node_template **out) {
    const int err = template_as_of(n, miner, posw_node_now_s(n), n->next_work_id, out);
    if (err == POSW_OK) n->next_work_id++;
    return err;
}

static node_template *mining_template(posw_node *n) {
    return n->mining_id == 0 ? NULL : template_by_id(n, n->mining_id);
}

static void mining_stop(posw_node *n, posw_actions *out) {
    if (n->mining_id == 0) return;
    n->mining_id = 0;
    posw_actions_push(out, POSW_ACTION_MINE_STOP);
}

/* T2: fast blocks have run ahead of the clock so far that one more would not be taken yet. */
static bool is_ahead_of_time(const posw_node *n) {
    const uint64_t tip_s = posw_chain_tip(n->options.chain)->timestamp;
    if (tip_s < posw_node_now_s(n)) return false; /* mostly */
    const posw_header next = {.timestamp = tip_s + 1};
    return posw_check_header_time(posw_chain_params(n->options.chain), &next, posw_node_now_s(n)).kind != POSW_VALID;
}

/* The moment before which no block may be made on this tip; 0: at once. */
static uint64_t pace_until_ms(const posw_node *n) {
    if (is_ahead_of_time(n)) return n->now_ms + RETRY_MS;
    if (n->options.pace_s == 0) return 0;
    uint64_t at_s = posw_chain_tip(n->options.chain)->timestamp + n->options.pace_s;
    return at_s <= n->offset_s ? 0 : (at_s - n->offset_s) * 1000 + n->behind_ms;
}

/* How old a template may become. Where its own time makes a block easier (D6, D7), that time must be new always, and
 * not only where it makes a difference: a difficulty that is measured between times that are some new and some old
 * would be too low (renewed only when the difficulty falls, blocks of `step` would come in two thirds of T). */
static uint64_t refresh_ms(const posw_node *n) {
    const bool always = posw_difficulty_reads_own_time(posw_chain_params(n->options.chain)->difficulty_rule);
    return n->pool_changed || always ? n->options.template_refresh_ms : TIMESTAMP_REFRESH_MS;
}

/* When the current template should be replaced; 0: now. */
static uint64_t renew_at_ms(posw_node *n) {
    const bool late = n->options.late_templates;
    const node_template *s = late ? NULL : mining_template(n);
    if (late ? n->mining_id == 0 : s == NULL) return 0;
    const posw_hash tip = posw_chain_tip_hash(n->options.chain);
    if (!posw_hash_equal(late ? &n->late_parent : &s->t.parent, &tip)) return 0;
    return (late ? n->late_ms : s->made_ms) + refresh_ms(n);
}

static bool may_sign(posw_node *n) {
    if (n->can_sign && posw_miner_is_signer(n->options.chain, &n->identity.miner, &n->signer)) {
        n->warned_signer = false;
        return true;
    }
    if (!n->warned_signer)
        posw_log_write(
            n->options.log, POSW_LOG_WARN, "miner",
            "not mining: another key signs for this miner in this epoch; start with that one. A signer that was named "
            "counts from the second next epoch on (see posw stake status)");
    n->warned_signer = true;
    return false;
}

/* D2 and D8 count from the chain file's time on: what has not been mined since is made up for, at a difficulty that
 * has fallen meanwhile. Said once, before the first block. */
static void warn_late_start(posw_node *n) {
    enum { HALF_LIVES = 2 };
    const posw_params *p = posw_chain_params(n->options.chain);
    const posw_header *tip = posw_chain_tip(n->options.chain);
    const uint64_t now_s = posw_node_now_s(n), late_s = now_s > tip->timestamp ? now_s - tip->timestamp : 0;
    if (n->warned_late || tip->number != 0 || !posw_difficulty_has_half_life(p->difficulty_rule)) return;
    n->warned_late = true;
    if (late_s / HALF_LIVES <= p->difficulty_blocks * p->block_time_s) return;
    posw_log_write(n->options.log, POSW_LOG_WARN, "miner",
                   "this chain has no block %" PRIu64 " h %" PRIu64
                   " min after the timestamp of its chain file: some %" PRIu64
                   " blocks, with all their coins, will be found quickly and go to whoever mines first. If nobody uses "
                   "the chain yet, write the chain file anew shortly before its first block",
                   late_s / 3600, late_s / 60 % 60, late_s / p->block_time_s);
}

static int next_work(posw_node *n, posw_work *out) {
    if (!n->options.late_templates) {
        node_template *s;
        const int err = template_new(n, &n->identity.miner, &s);
        if (err == POSW_OK) *out = s->work;
        return err;
    }
    const int err = posw_miner_outlook(n->options.chain, &n->identity.miner, posw_node_now_s(n), n->next_work_id, out);
    if (err != POSW_OK) return err;
    n->next_work_id++;
    n->late_parent = posw_chain_tip_hash(n->options.chain);
    n->late_ms = n->now_ms;
    n->late_s = posw_node_now_s(n);
    return POSW_OK;
}

int posw_node_late_work(posw_node *n, uint64_t work_id, posw_work *out) {
    const posw_hash tip = posw_chain_tip_hash(n->options.chain);
    node_template *s = template_by_id(n, work_id);
    if (s == NULL) {
        if (work_id == 0 || work_id != n->mining_id || !posw_hash_equal(&n->late_parent, &tip)) return POSW_ENOTFOUND;
        const int err = template_as_of(n, &n->identity.miner, n->late_s, work_id, &s);
        if (err != POSW_OK) return err;
    }
    *out = s->work;
    return POSW_OK;
}

static void mining_start(posw_node *n, posw_actions *out) {
    posw_work work;
    warn_late_start(n);
    int err = next_work(n, &work);
    if (err != POSW_OK) {
        node_operating_error(n, err, "no block template could be made", out);
        return;
    }
    posw_action *a = posw_actions_push(out, POSW_ACTION_MINE);
    if (a == NULL) return;
    a->work = work;
    n->mining_id = work.id;
    n->pool_changed = false;
}

void node_mining_update(posw_node *n, posw_actions *out) {
    if (!n->has_identity) return;
    if (n->mining_held) {
        mining_stop(n, out);
        return;
    }
    uint64_t wait = pace_until_ms(n);
    if (wait > n->now_ms) {
        mining_stop(n, out);
        node_mining_wake(n, wait, out);
        return;
    }
    if (renew_at_ms(n) <= n->now_ms) {
        if (may_sign(n))
            mining_start(n, out);
        else
            mining_stop(n, out);
    }
    uint64_t next = renew_at_ms(n);
    node_mining_wake(n, next > n->now_ms ? next : n->now_ms + n->options.template_refresh_ms, out);
}

/* slot: of this template, NULL: a service's. */
static int import_sealed(posw_node *n, posw_chain_template *t, node_template *slot, const posw_header *sealed,
                         posw_verdict *verdict, posw_actions *out) {
    posw_chain_change change = {0};
    const uint64_t began_us = node_stopwatch_us(n);
    int err = posw_chain_import_own(n->options.chain, t, sealed, posw_node_now_s(n), verdict, &change);
    node_count_import(n, began_us);
    if (err != POSW_OK) {
        node_operating_error(n, err, "an own block could not be stored", out);
        return err;
    }
    if (verdict->kind == POSW_VALID) {
        if (slot != NULL) memset(slot, 0, sizeof *slot); /* the chain took it over */
        n->counters.blocks_mined++;
    }
    node_chain_changed(n, &change, out);
    return POSW_OK;
}

int node_import_sealed(posw_node *n, node_template *slot, const posw_header *sealed, posw_verdict *verdict,
                       posw_actions *out) {
    return import_sealed(n, &slot->t, slot, sealed, verdict, out);
}

int posw_node_submit_template(posw_node *n, posw_chain_template *t, const posw_header *sealed, posw_verdict *verdict,
                              posw_actions *out) {
    return import_sealed(n, t, NULL, sealed, verdict, out);
}

static void say_refused(posw_node *n, posw_verdict v) {
    posw_log_write(n->options.log, v.kind == POSW_INVALID ? POSW_LOG_WARN : POSW_LOG_DEBUG, "miner",
                   "a found seal was not accepted: %s (rule %s)", posw_rule_text(v.rule), posw_rule_number(v.rule));
}

void node_seal_found(posw_node *n, const posw_event *e, posw_actions *out) {
    node_template *s = template_by_id(n, e->work_id);
    if (!n->has_identity || s == NULL) return; /* stale */
    posw_header sealed;
    if (!posw_miner_seal(&sealed, &s->t, e->nonce, &e->mix_hash, n->identity.secret)) return;
    posw_verdict v = posw_valid();
    if (n->mining_id == e->work_id) n->mining_id = 0; /* searchers stop at their find */
    int err = node_import_sealed(n, s, &sealed, &v, out);
    if (err == POSW_OK && v.kind != POSW_VALID) say_refused(n, v);
    if (n->mining_id == 0) node_mining_update(n, out);
}

/* ---- Work for others ---- */

static node_template *fresh_template_for(posw_node *n, const posw_address *miner) {
    posw_hash tip = posw_chain_tip_hash(n->options.chain);
    for (size_t i = 0; i < NODE_TEMPLATES_MAX; i++) {
        node_template *s = &n->templates[i];
        if (s->used && posw_address_equal(&s->t.header.beneficiary, miner) && posw_hash_equal(&s->t.parent, &tip) &&
            s->made_ms + n->options.template_refresh_ms > n->now_ms)
            return s;
    }
    return NULL;
}

int posw_node_get_work(posw_node *n, const posw_address *miner, posw_work *out) {
    node_template *s = fresh_template_for(n, miner);
    if (s == NULL) {
        int err = template_new(n, miner, &s);
        if (err != POSW_OK) return err;
    }
    *out = s->work;
    return POSW_OK;
}

static node_template *template_by_seal(posw_node *n, const posw_hash *seal_hash) {
    for (size_t i = 0; i < NODE_TEMPLATES_MAX; i++)
        if (n->templates[i].used && posw_hash_equal(&n->templates[i].work.seal_hash, seal_hash))
            return &n->templates[i];
    return NULL;
}

int posw_node_submit_work(posw_node *n, const posw_hash *seal_hash, const uint8_t nonce[8], const posw_hash *mix_hash,
                          const posw_signature *signature, posw_verdict *verdict, posw_actions *out) {
    node_template *s = template_by_seal(n, seal_hash);
    if (s == NULL) return POSW_ENOTFOUND;
    posw_header sealed;
    if (signature != NULL) {
        sealed = s->t.header;
        memcpy(sealed.nonce, nonce, sizeof sealed.nonce);
        sealed.mix_hash = *mix_hash;
        memcpy(sealed.extra + POSW_EXTRA_SIZE - POSW_SIGNATURE_SIZE, signature->b, sizeof signature->b);
    } else if (!n->has_identity || !posw_miner_seal(&sealed, &s->t, nonce, mix_hash, n->identity.secret)) {
        return POSW_EAUTH;
    }
    return node_import_sealed(n, s, &sealed, verdict, out);
}

/* ---- Development chains ---- */

/* Tries enough nonces for any development difficulty; a chain with real work is not mined like this. */
enum { DEVELOPMENT_TRIES = 50 * 1000 * 1000 };

static bool search_here(const posw_node *n, const posw_work *w, uint8_t nonce[8], posw_hash *mix) {
    uint8_t input[POSW_POW_INPUT_SIZE];
    void *scratch = n->options.pow->scratch_new ? n->options.pow->scratch_new() : NULL;
    bool found = false;
    for (uint64_t i = 0; !found && i < DEVELOPMENT_TRIES; i++) {
        posw_store_le64(nonce, i);
        posw_pow_input(input, &w->seal_hash, nonce);
        if (!n->options.pow->hash(scratch, mix, &w->key, input)) break;
        found = posw_seal_meets(mix, &w->difficulty, &w->weight);
    }
    if (scratch != NULL) n->options.pow->scratch_free(scratch);
    return found;
}

int posw_node_mine_now(posw_node *n, posw_actions *out) {
    if (!n->options.development || !n->has_identity || n->options.pow == NULL) return POSW_EUNSUPPORTED;
    uint64_t parent_s = posw_chain_tip(n->options.chain)->timestamp;
    if (!posw_miner_can_sign(n->options.chain, &n->identity)) return POSW_EAUTH;
    if (posw_node_now_s(n) <= parent_s) n->offset_s += parent_s + 1 - posw_node_now_s(n);
    node_template *s;
    int err = template_new(n, &n->identity.miner, &s);
    if (err != POSW_OK) return err;
    uint8_t nonce[8];
    posw_hash mix;
    posw_header sealed;
    posw_verdict v;
    if (!search_here(n, &s->work, nonce, &mix)) return POSW_ENOTFOUND;
    if (!posw_miner_seal(&sealed, &s->t, nonce, &mix, n->identity.secret)) return POSW_EAUTH;
    n->pool_changed = false;
    err = node_import_sealed(n, s, &sealed, &v, out);
    if (err != POSW_OK) return err;
    if (v.kind != POSW_VALID) {
        say_refused(n, v);
        return POSW_EINVAL;
    }
    return POSW_OK;
}

int posw_node_increase_time(posw_node *n, uint64_t seconds) {
    if (!n->options.development) return POSW_EUNSUPPORTED;
    if (seconds > UINT32_MAX || n->offset_s > UINT32_MAX) return POSW_ERANGE;
    n->offset_s += seconds;
    return POSW_OK;
}
