/* Which chain to follow, and from whom its headers come. */
#include "p2p/sync.h"

#include "base/bytes.h"
#include "base/error.h"
#include "core/check_parts.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- Branches ---- */

p2p_branch *sync_branch(const p2p_sync *s, uint64_t id) {
    for (size_t i = 0; i < s->branch_count; i++)
        if (s->branches[i]->id == id) return s->branches[i];
    return NULL;
}

void sync_drop_branch(p2p_sync *s, p2p_branch *b) {
    for (size_t i = 0; i < s->branch_count; i++) {
        if (s->branches[i] != b) continue;
        memmove(s->branches + i, s->branches + i + 1, (s->branch_count - i - 1) * sizeof s->branches[0]);
        s->branch_count--;
        p2p_branch_free(b);
        return;
    }
}

p2p_branch *sync_find_record(const p2p_sync *s, const posw_hash *hash, size_t *index) {
    for (size_t i = 0; i < s->branch_count; i++) {
        *index = p2p_branch_find(s->branches[i], hash);
        if (*index != SIZE_MAX) return s->branches[i];
    }
    return NULL;
}

bool sync_chain_has(posw_p2p *p, const posw_hash *hash) {
    const posw_hash tip = posw_chain_tip_hash(p->chain);
    if (posw_hash_equal(hash, &tip)) return true; /* what is asked most, without a read */
    return p2p_was_read(p, posw_chain_has_block(p->chain, hash));
}

bool sync_is_close(const posw_p2p *p, const p2p_branch *b) {
    const posw_u256 tip = posw_chain_weight_total(p->chain);
    posw_u256 more;
    if (b->count < 2 || b->proved <= b->imported || b->far || p->now_ms >= b->grown_ms + SYNC_ORPHAN_MS) return false;
    if (b->fork_number < posw_chain_finalized(p->chain)) return false;
    if (!posw_u256_mul_u64(&more, &b->last.difficulty, SYNC_CLOSE_BLOCKS)) return true;
    more = posw_u256_add_sat(&more, &b->weight);
    return posw_u256_cmp(&more, &tip) > 0;
}

/* Nothing is to be had of it any more, or nothing is worth having. */
static bool is_over(posw_p2p *p, const p2p_branch *b) {
    const posw_u256 tip = posw_chain_weight_total(p->chain);
    const bool done = b->imported == b->count && !b->far, light = posw_u256_cmp(&b->weight, &tip) <= 0;
    const bool is_weighed = b->far && !b->heavier;
    if (b->proved > b->imported && !is_weighed && p->now_ms >= b->fed_ms + SYNC_STARVED_MS) return true;
    if (b->source != 0 || b->proved < b->count || b->far_open > 0)
        return false; /* more comes, or a job is waited for */
    if (!b->closed && b->count > 0 && p->now_ms < b->orphan_until_ms) {
        p2p_wake(p, b->orphan_until_ms);
        return false;
    }
    if (!b->closed && sync_is_close(p, b)) return false;
    return done || light || is_weighed;
}

/* Blocks that came another way are crossed off; what then leads nowhere goes. */
static void tidy(posw_p2p *p) {
    p2p_sync *s = p->sync;
    for (size_t i = s->branch_count; i-- > 0;) {
        p2p_branch *b = s->branches[i];
        while (b->imported < b->proved && b->records[b->imported].body != P2P_BODY_READY &&
               sync_chain_has(p, &b->records[b->imported].hash))
            p2p_branch_imported(b);
        if (is_over(p, b)) sync_drop_branch(s, b);
    }
}

/* ---- Asking for headers ---- */

/* The latest 10 of the main chain, then in doubling steps, genesis last; n are there already. */
static size_t add_main_chain(posw_p2p *p, posw_hash *out, size_t n) {
    const size_t near = n + 10;
    uint64_t number = posw_chain_tip(p->chain)->number, step = 1;
    for (;;) {
        if (p2p_was_read(p, posw_chain_hash_by_number(p->chain, &out[n], number))) n++;
        if (number == 0 || n == POSW_MSG_LOCATOR_MAX) return n;
        if (n >= near) step *= 2;
        number = number > step ? number - step : 0;
    }
}

bool sync_is_led(const posw_p2p *p, const p2p_branch *b) {
    const p2p_peer *source = b->source == 0 ? NULL : p2p_find(p, b->source);
    if (source == NULL || source->state != P2P_READY) return false;
    return source->sync->request == 0 || p->now_ms < source->sync->request_ms + SYNC_ASK_LATE_MS;
}

/* Whoever has a branch that another began goes on where that one stopped. Their order is no matter: one end at most is
 * on a chain. */
static size_t add_orphans(const posw_p2p *p, posw_hash *out) {
    size_t n = 0;
    for (size_t i = 0; i < p->sync->branch_count; i++) {
        const p2p_branch *b = p->sync->branches[i];
        if (!b->closed && b->count > 0 && !sync_is_led(p, b)) out[n++] = *p2p_branch_end(b);
    }
    return n;
}

void sync_ask_headers(posw_p2p *p, p2p_peer *peer, const posw_hash *from, posw_actions *out) {
    p2p_sync_peer *s = peer->sync;
    posw_hash hashes[POSW_MSG_LOCATOR_MAX];
    size_t n = 0;
    if (s->request != 0) return;
    posw_action *a = p2p_send_begin(p, peer, out);
    if (a == NULL) return;
    s->request = ++p->sync->next_request;
    p->sync->asking++;
    s->request_ms = p->now_ms;
    if (from != NULL)
        hashes[n++] = *from;
    else
        n = add_orphans(p, hashes);
    posw_msg_get_headers_encode(&a->data, s->request, hashes, add_main_chain(p, hashes, n), POSW_MSG_HEADERS_MAX);
    p2p_send_end(p, peer, a);
    p2p_wake(p, p->now_ms + SYNC_ASK_MS);
}

void p2p_sync_ask_headers(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    if (p->now_ms >= peer->sync->quiet_until_ms) sync_ask_headers(p, peer, NULL, out);
}

/* Headers ahead of the executed chain. */
static bool has_room(const p2p_branch *b) {
    return b->count - b->imported + POSW_MSG_HEADERS_MAX <= POSW_P2P_HEADERS_AHEAD;
}

static p2p_branch *fed_by(const p2p_sync *s, uint64_t peer) {
    for (size_t i = 0; i < s->branch_count; i++)
        if (s->branches[i]->source == peer) return s->branches[i];
    return NULL;
}

/* For more than the last few blocks. */
static bool is_far(const posw_p2p *p, const p2p_peer *peer) {
    return peer->number > posw_chain_tip(p->chain)->number + SYNC_NEAR;
}

/* Somebody may still answer. The more there are who have not in time, the longer the next is waited for: an own line
 * that is slow does not become quicker by asking everybody. */
static bool waits_for_answer(posw_p2p *p) {
    uint64_t wait_ms = SYNC_ASK_LATE_MS, latest_ms = 0;
    size_t i = 0, count = 0;
    for (const p2p_peer *other; (other = p2p_ready_peer(p, &i)) != NULL;) {
        if (other->sync->request == 0 || !is_far(p, other)) continue;
        if (count++ > 0 && wait_ms < SYNC_ASK_MS) wait_ms *= 2;
        if (other->sync->request_ms > latest_ms) latest_ms = other->sync->request_ms;
    }
    if (count == 0 || p->now_ms >= latest_ms + wait_ms) return false;
    p2p_wake(p, latest_ms + wait_ms);
    return true;
}

/* Somebody is being asked already, for more than the last few blocks. */
static bool somebody_else_leads(posw_p2p *p, const p2p_peer *peer) {
    if (!is_far(p, peer)) return false;
    for (size_t i = 0; i < p->sync->branch_count; i++) {
        const p2p_branch *b = p->sync->branches[i];
        if (b->source != peer->id && sync_is_led(p, b)) return true;
    }
    return waits_for_answer(p);
}

/* A peer that claims more than the tip. */
static bool is_worth_asking(posw_p2p *p, const p2p_peer *peer) {
    enum posw_rule rule;
    size_t index;
    if (peer->sync->request != 0 || p->now_ms < peer->sync->quiet_until_ms) return false;
    if (posw_chain_is_invalid(p->chain, &rule, &peer->hash)) return false;
    if (p2p_compact_is_rebuilding(p, &peer->hash) || p2p_sync_wants(p, &peer->hash)) return false; /* on its way */
    const p2p_branch *b = sync_find_record(p->sync, &peer->hash, &index);
    if (b != NULL ? !b->heavier : sync_chain_has(p, &peer->hash)) return false;
    return !somebody_else_leads(p, peer) || peer->sync->looked_ms == 0 ||
           p->now_ms >= peer->sync->looked_ms + SYNC_LOOK_MS;
}

/* ---- Branches that are full ---- */

/* Full, and still no heavier than the tip. */
static bool is_stuck(posw_p2p *p, const p2p_branch *b) {
    const posw_u256 tip = posw_chain_weight_total(p->chain);
    return !b->far && !has_room(b) && posw_u256_cmp(&b->weight, &tip) <= 0;
}

void sync_refuse_branch(posw_p2p *p, p2p_branch *b) {
    const uint64_t givers[] = {b->source, b->origin};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(givers); i++) {
        p2p_peer *peer = givers[i] == 0 ? NULL : p2p_find(p, givers[i]);
        if (peer != NULL && peer->sync != NULL) peer->sync->quiet_until_ms = p->now_ms + SYNC_REFUSED_MS;
    }
    sync_drop_branch(p->sync, b);
}

/* F3 lets none be followed that leaves the chain so far back, but while a node has not caught up yet: then it is
 * weighed. */
static void weigh_branch(posw_p2p *p, p2p_branch *b) {
    const posw_u256 tip = posw_chain_weight_total(p->chain);
    uint8_t key[16];
    if (is_stuck(p, b) && !p->sync->caught_up) {
        posw_random_fill(&p->random, key, sizeof key);
        p2p_branch_go_far(b, key);
    } else if (b->far && !b->heavier && b->far_open == 0 && b->proved == b->count &&
               posw_u256_cmp(&b->weight, &tip) > 0) {
        posw_log_write(p->log, POSW_LOG_INFO, "sync",
                       "a chain that leaves ours after block %" PRIu64 " is the heavier one at block %" PRIu64,
                       b->fork_number, b->last.number);
        p2p_branch_come_back(b);
        b->fed_ms = p->now_ms;
    }
}

static void weigh(posw_p2p *p) {
    for (size_t k = p->sync->branch_count; k-- > 0;) {
        p2p_branch *b = p->sync->branches[k];
        weigh_branch(p, b);
        if (is_stuck(p, b)) sync_refuse_branch(p, b);
    }
}

/* Of its source. */
static bool wants_headers(posw_p2p *p, const p2p_branch *b) {
    const posw_u256 tip = posw_chain_weight_total(p->chain);
    if (b->closed) return false;
    return b->far && !b->heavier ? posw_u256_cmp(&b->weight, &tip) <= 0 : has_room(b);
}

static void ask_where_worth(posw_p2p *p, posw_actions *out) {
    const posw_u256 tip = posw_chain_weight_total(p->chain);
    size_t i = 0;
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;) {
        p2p_branch *b = fed_by(p->sync, peer->id);
        const bool is_heavier = posw_u256_cmp(&peer->weight, &tip) > 0;
        if (b == NULL && !is_heavier) continue; /* mostly */
        if (peer->kind == POSW_P2P_FEELER || peer->sync->request != 0 || peer->jobs > P2P_JOBS_PEER_MAX / 2) continue;
        if (b != NULL) {
            if (wants_headers(p, b)) sync_ask_headers(p, peer, p2p_branch_end(b), out);
        } else if (is_worth_asking(p, peer)) {
            peer->sync->looked_ms = p->now_ms;
            sync_ask_headers(p, peer, NULL, out);
        }
    }
}

/* A peer that does not answer holds everything up; another is asked. */
static void check_answers(posw_p2p *p, posw_actions *out) {
    size_t i = 0;
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;) {
        p2p_sync_peer *s = peer->sync;
        if (s->request == 0) continue;
        if (p->now_ms < s->request_ms + SYNC_ASK_MS)
            p2p_wake(p, s->request_ms + SYNC_ASK_MS);
        else
            p2p_goodbye(p, peer, P2P_BYE_SLOW, "headers that were asked for did not come in time", out);
    }
}

/* ---- The state of affairs ---- */

/* Somebody shows a chain of which more is to come. */
static bool somebody_shows_more(const p2p_sync *s) {
    for (size_t i = 0; i < s->branch_count; i++)
        if (s->branches[i]->source != 0 || s->branches[i]->far) return true;
    return false;
}

/* A peer that has just come claims a heavier chain, and has not answered yet. */
static bool is_promised(const posw_p2p *p) {
    size_t i = 0;
    if (p->sync->asking == 0) return false;
    const posw_u256 tip = posw_chain_weight_total(p->chain);
    for (const p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;)
        if (peer->sync->request != 0 && peer->opened_ms + SYNC_ASK_MS > p->now_ms &&
            posw_u256_cmp(&peer->weight, &tip) > 0)
            return true;
    return false;
}

/* Anybody can claim a heavier chain, and whoever has found two blocks can show their headers and keep their bodies. All
 * others would wait for them instead of mining, if their patience had no end: it is used up while more is promised than
 * comes, returns in ten times that time, and at once when a block came. */
static void use_patience(posw_p2p *p) {
    p2p_sync *s = p->sync;
    const uint64_t passed_ms = p->now_ms - s->patience_at_ms;
    if (s->waits && s->patience_ms > 0 && passed_ms >= s->patience_ms) {
        s->patience_ms = 0;
        posw_log_write(p->log, POSW_LOG_WARN, "sync",
                       "a heavier chain was promised, but its blocks do not come: going on without it");
    } else if (s->waits) {
        s->patience_ms -= s->patience_ms > 0 ? passed_ms : 0;
    } else {
        s->patience_ms += passed_ms / SYNC_PATIENCE_BACK;
        if (passed_ms < SYNC_PATIENCE_BACK) return; /* too little to count: it counts next time */
    }
    if (s->patience_ms > SYNC_PATIENCE_MS) s->patience_ms = SYNC_PATIENCE_MS;
    s->patience_at_ms = p->now_ms;
}

void sync_note_fed(posw_p2p *p, p2p_branch *b, bool is_best) {
    b->fed_ms = p->now_ms;
    if (!is_best) return;
    p->sync->patience_ms = SYNC_PATIENCE_MS;
    p->sync->patience_at_ms = p->now_ms;
}

static bool is_fed(const posw_p2p *p) {
    return p->sync->behind && p->sync->patience_ms > 0;
}

/* One block more may be that of a miner who has just found it. */
static bool lacks_blocks(const p2p_branch *best) {
    return best != NULL && best->count - best->imported > 1;
}

/* There are others, and a chain to compare: who began where they are will never be behind. */
static bool has_company(posw_p2p *p) {
    size_t i = 0;
    if (posw_chain_tip(p->chain)->number == 0) return false;
    for (const p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;)
        if (peer->kind != POSW_P2P_FEELER) return true;
    return false;
}

/* More than the few blocks that are always under way somewhere. */
static bool lacks_much(const posw_p2p *p, const p2p_branch *best) {
    if (best == NULL) return false;
    return best->fork_number < posw_chain_finalized(p->chain) || best->count - best->imported > SYNC_CLOSE_BLOCKS;
}

/* Caught up is who lacks little for a while: the first chain that a fresh node meets need not be the right one. Light
 * headers, which anybody can make, put that off for an hour at most. */
static void note_start(posw_p2p *p, const p2p_branch *best) {
    p2p_sync *s = p->sync;
    const bool is_far_behind = lacks_much(p, best);
    const bool begins = s->settled_ms == 0 && has_company(p);
    if (is_far_behind || begins) s->shown_ms = p->now_ms + SYNC_SHOWN_MS;
    if (is_far_behind || begins || (p->now_ms < s->shown_ms && somebody_shows_more(s)))
        s->settled_ms = p->now_ms + SYNC_SETTLE_MS;
    s->caught_up = s->settled_ms != 0 && p->now_ms >= s->settled_ms;
    if (s->settled_ms != 0 && !s->caught_up) p2p_wake(p, s->settled_ms);
}

static void note_behind(posw_p2p *p) {
    p2p_sync *s = p->sync;
    const p2p_branch *best = sync_best_branch(p);
    const bool behind = lacks_blocks(best);
    use_patience(p);
    if (behind && !s->behind) s->start = posw_chain_tip(p->chain)->number;
    if (!s->caught_up) note_start(p, best);
    s->behind = behind;
    s->waits = behind || is_promised(p);
    if (s->waits && s->patience_ms > 0) p2p_wake(p, p->now_ms + s->patience_ms);
}

bool p2p_sync_is_behind(const posw_p2p *p) {
    return p->sync->patience_ms > 0 && (p->sync->behind || is_promised(p));
}

/* p2p_sync_is_behind is as old as the last look, which was before the latest blocks came. */
bool p2p_sync_has_more(posw_p2p *p) {
    return p->sync->patience_ms > 0 && lacks_blocks(sync_best_branch(p));
}

/* Joined commits while there is much to go (posw_chain_bulk). F3: a node that has never caught up may leave its chain
 * at any depth, for a branch to its last block. */
static void set_pace(posw_p2p *p) {
    p2p_sync *s = p->sync;
    const p2p_branch *best = sync_best_branch(p);
    const bool bulk = is_fed(p) && best != NULL && best->count - best->imported >= (s->bulk ? 2 : SYNC_BULK_FROM);
    posw_chain_allow_deep_reorg(p->chain, !s->caught_up && best != NULL);
    if (bulk == s->bulk) return;
    s->bulk = bulk;
    if (posw_chain_bulk(p->chain, bulk, SYNC_BULK_BLOCKS) != POSW_OK)
        posw_log_write(p->log, POSW_LOG_ERROR, "sync", "joined commits cannot be switched");
}

/* Somebody on a heavier chain has all of its blocks. */
static bool somebody_keeps_all(const posw_p2p *p) {
    const posw_u256 tip = posw_chain_weight_total(p->chain);
    size_t i = 0;
    for (const p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;)
        if ((peer->flags & POSW_MSG_HELLO_RECENT) == 0 && posw_u256_cmp(&peer->weight, &tip) > 0) return true;
    return false;
}

/* The heaviest branch, when its next block is one that all who are connected and have that chain have pruned; else
 * NULL. */
static p2p_branch *pruned_branch(posw_p2p *p) {
    p2p_branch *best = sync_best_branch(p);
    const p2p_record *first = best == NULL ? NULL : &best->records[best->imported];
    return first != NULL && first->body == P2P_BODY_WANTED && sync_is_pruned_away(p, best, first) ? best : NULL;
}

/* Who has caught up once knows what others know: that somebody keeps the blocks of a few headers back must not hold up
 * its mining. */
bool p2p_sync_is_stranded(posw_p2p *p) {
    return !p->sync->caught_up && p->sync->branch_count > 0 && pruned_branch(p) != NULL;
}

/* A network whose nodes have all pruned cannot be joined from genesis: that is said, not waited out. It stays said
 * while nothing changes; and the headers are kept, which would only be fetched again. */
static void note_pruned_away(posw_p2p *p) {
    p2p_sync *s = p->sync;
    p2p_branch *best = pruned_branch(p);
    if (best != NULL && !s->caught_up) best->fed_ms = p->now_ms;
    if (s->pruned_away[0] != '\0') {
        if (somebody_keeps_all(p)) s->pruned_away[0] = '\0';
        return;
    }
    if (best == NULL) return;
    snprintf(s->pruned_away, sizeof s->pruned_away,
             "no peer has block %" PRIu64
             " any more, all have pruned it: add a node that keeps all blocks (--addnode), "
             "or restore a snapshot",
             p2p_branch_number(best, best->imported));
    posw_log_write(p->log, POSW_LOG_ERROR, "sync", "%s", s->pruned_away);
}

void sync_advance(posw_p2p *p, posw_actions *out) {
    sync_import(p, out);
    weigh(p);
    tidy(p);
    note_behind(p);
    set_pace(p);
    sync_ask_bodies(p, out);
    note_pruned_away(p);
    ask_where_worth(p, out);
}

/* ---- What p2p.c calls ---- */

int p2p_sync_new(posw_p2p *p) {
    p->sync = calloc(1, sizeof *p->sync);
    if (p->sync == NULL) return POSW_ENOMEM;
    p->sync->next_branch = 1;
    p->sync->took_mean = SYNC_MEAN_OF * SYNC_LATE_FIRST_MS;
    p->sync->patience_ms = SYNC_PATIENCE_MS;
    p->sync->patience_at_ms = p->now_ms;
    p->sync->copies_memory = aligned_alloc(16, posw_copies_size(SYNC_SEALS) / 16 * 16 + 16);
    if (p->sync->copies_memory == NULL) return POSW_ENOMEM;
    const uint64_t seed[2] = {posw_random_u64(&p->random), posw_random_u64(&p->random)};
    p->sync->copies = posw_copies_init(p->sync->copies_memory, SYNC_SEALS, seed);
    return POSW_OK;
}

void p2p_sync_free(posw_p2p *p) {
    if (p->sync == NULL) return;
    while (p->sync->branch_count > 0)
        sync_drop_branch(p->sync, p->sync->branches[0]);
    for (size_t i = 0; i < p->sync->here_count; i++)
        posw_prepared_clear(&p->sync->here[i].block);
    if (p->sync->bulk) (void)posw_chain_bulk(p->chain, false, 0);
    free(p->sync->copies_memory);
    free(p->sync);
    p->sync = NULL;
}

int p2p_sync_peer_ready(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    peer->sync = calloc(1, sizeof *peer->sync);
    if (peer->sync == NULL) return POSW_ENOMEM;
    peer->sync->share = SYNC_SHARE_FIRST;
    peer->sync->answers_milli = 1000 * (uint64_t)SYNC_ANSWERS_BURST;
    peer->sync->answers_ms = p->now_ms;
    sync_advance(p, out);
    return POSW_OK;
}

void p2p_sync_peer_leaves(posw_p2p *p, p2p_peer *peer) {
    if (peer->sync != NULL) sync_release_asked(p, peer);
}

void p2p_sync_peer_gone(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    if (peer->sync == NULL) return;
    sync_release_asked(p, peer);
    p->sync->asking -= peer->sync->request != 0;
    for (size_t i = 0; i < p->sync->branch_count; i++) {
        p2p_branch *b = p->sync->branches[i];
        if (b->source != peer->id) continue;
        b->source = 0;
        b->orphan_until_ms = p->now_ms + SYNC_ORPHAN_MS;
    }
    free(peer->sync);
    peer->sync = NULL;
    if (!p->stopping) sync_advance(p, out);
}

void p2p_sync_peer_tip(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    (void)peer;
    sync_advance(p, out);
}

bool p2p_sync_message(posw_p2p *p, p2p_peer *peer, const posw_msg_frame *f, posw_actions *out) {
    switch (f->type) {
    case POSW_MSG_GET_HEADERS:
        return sync_on_get_headers(p, peer, f->payload, out);
    case POSW_MSG_HEADERS:
        return sync_on_headers(p, peer, f->payload, out);
    case POSW_MSG_GET_BLOCKS:
        return sync_on_get_blocks(p, peer, f->payload, out);
    case POSW_MSG_BLOCK:
        return sync_on_block(p, peer, f->payload, out);
    case POSW_MSG_NOT_FOUND:
        return sync_on_not_found(p, peer, f->payload, out);
    case POSW_MSG_ANNOUNCE:
        return sync_on_announce(p, peer, f->payload, out);
    default:
        return false;
    }
}

void p2p_sync_job_done(posw_p2p *p, posw_job *job, posw_actions *out) {
    if (job->type == POSW_JOB_POW)
        sync_pow_done(p, job, out);
    else
        sync_prepared(p, job, out);
}

void p2p_sync_peer_drained(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    sync_serve_waiting(p, peer, out);
}

void p2p_sync_tick(posw_p2p *p, posw_actions *out) {
    check_answers(p, out);
    sync_check_late(p, out);
    sync_answer_waiting(p, out);
    sync_advance(p, out);
}

void p2p_sync_chain_changed(posw_p2p *p, const posw_chain_change *change, posw_actions *out) {
    (void)out;
    const posw_u256 tip = posw_chain_weight_total(p->chain);
    if (change->added_count > 0) p->sync->pruned_away[0] = 0;
    if (posw_u256_cmp(&tip, &p->sync->problem_weight) >= 0) p->sync->problem[0] = 0;
}

void p2p_sync_status(const posw_p2p *p, posw_p2p_status *s) {
    const uint64_t tip = posw_chain_tip(p->chain)->number;
    s->syncing = is_fed(p);
    s->refused = p->sync->problem[0] != 0;
    s->sync_start = s->syncing ? p->sync->start : tip;
    s->sync_tip = tip;
    for (size_t i = 0; i < p->sync->branch_count; i++) {
        s->memory += p2p_branch_memory(p->sync->branches[i]);
        if (p->sync->branches[i]->last.number > s->sync_tip) s->sync_tip = p->sync->branches[i]->last.number;
    }
    const char *problem = p->sync->problem[0] != 0 ? p->sync->problem : p->sync->pruned_away;
    if (problem[0] != 0) memcpy(s->problem, problem, sizeof p->sync->problem);
}

size_t p2p_sync_peer_memory(const p2p_peer *peer) {
    return peer->sync == NULL ? 0 : sizeof *peer->sync;
}

/* ---- For compact blocks ---- */

posw_verdict p2p_sync_check_header(posw_p2p *p, const posw_header *h, const posw_hash *hash,
                                   const posw_stake_proof *proof, posw_u256 *weight, posw_job_pow *seal,
                                   bool *own_signature) {
    posw_chain_place place;
    const posw_window *window;
    posw_address must_sign, signer;
    posw_hash digest;
    int rc = posw_chain_find_place(p->chain, &place, &h->parent_hash);
    if (rc == POSW_OK) rc = posw_chain_window_view(p->chain, &window, &place);
    if (!p2p_was_read(p, rc)) return posw_not_yet(POSW_RULE_UNKNOWN_PARENT);
    *weight = posw_u256_add_sat(&place.parent_weight, &h->difficulty);
    const p2p_parent parent = {&place.parent, &place.parent_hash, window, place.fork_number};
    const posw_verdict v = p2p_check_header(&parent, p->chain, h, hash, proof, posw_node_now_s(p->node), &must_sign);
    if (v.kind != POSW_VALID) return v;
    posw_job_pow_ask(seal, h, NULL);
    posw_seal_digest(&digest, &seal->seal_hash, h->nonce, &h->mix_hash);
    if (!posw_seal_signer_of(&signer, h, &digest) || !posw_address_equal(&signer, &must_sign))
        return posw_invalid(POSW_RULE_SIGNATURE);
    *own_signature = posw_address_equal(&signer, &h->beneficiary);
    return v;
}

bool p2p_sync_extends_branch(const posw_p2p *p, const posw_header *h) {
    const p2p_sync *s = p->sync;
    for (size_t i = 0; i < s->branch_count; i++) {
        const p2p_branch *b = s->branches[i];
        if (!b->closed && b->imported < b->count && posw_hash_equal(p2p_branch_end(b), &h->parent_hash)) return true;
    }
    return false;
}

bool p2p_sync_is_copy(posw_p2p *p, const posw_header *h, const posw_hash *hash) {
    return !posw_copies_take(p->sync->copies, hash, &h->parent_hash, &h->mix_hash);
}

bool p2p_sync_wants(const posw_p2p *p, const posw_hash *hash) {
    size_t index;
    for (size_t i = 0; i < p->sync->here_count; i++)
        if (posw_hash_equal(&p->sync->here[i].block.block.hash, hash)) return true;
    const p2p_branch *b = sync_find_record(p->sync, hash, &index);
    return b != NULL && index >= b->imported && b->records[index].body != P2P_BODY_WANTED;
}
