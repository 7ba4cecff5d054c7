/* Who is asked for which block.
 *
 * Nobody knows beforehand who gives, and how fast. So a peer may owe a few blocks at first, its *share*; each right
 * block that it brings within a second adds one, each that took longer takes one away: what is under way of one peer is
 * about what it gives in a second, and whoever never gives holds a few blocks and no more.
 *
 *      imported │ 17 18 19 20 21 22 23 24 …        the window: blocks are imported in order
 *               │  a  b  c  c  b  c  c  c          who was asked; 17 is what all others wait for
 *
 * Whoever says in HELLO that it keeps only recent blocks is asked for none but the latest POSW_CHAIN_BODIES_MIN of its
 * chain.
 *
 * The first missing block is late after several times what blocks take at present. Then it and what else is late behind
 * it are asked of others as well, and whichever comes first is taken. Who let it wait has half a share, and is asked
 * nothing more before it has given something: while nobody else can be asked, nothing is late. */
#include "p2p/sync.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <string.h>

/* ---- How long blocks take ---- */

uint64_t sync_late_after_ms(const posw_p2p *p) {
    return SYNC_LATE_MIN_MS + SYNC_LATE_TIMES * p->sync->took_mean / SYNC_MEAN_OF;
}

/* A moving mean over SYNC_MEAN_OF blocks, which no single block changes much: neither does one quick answer make all
 * others late, nor a slow one let them off. */
static void note_took(p2p_sync *s, uint64_t took_ms) {
    const uint64_t most = SYNC_LATE_MIN_MS + SYNC_LATE_TIMES * s->took_mean / SYNC_MEAN_OF;
    s->took_mean += (took_ms < most ? took_ms : most) - s->took_mean / SYNC_MEAN_OF;
}

static uint64_t due_ms(const posw_p2p *p, const p2p_record *r) {
    return r->asked_ms + (r->late ? SYNC_LATE_AGAIN_MS : sync_late_after_ms(p));
}

/* ---- Who has it ---- */

static bool lacks(const p2p_peer *peer, const p2p_branch *b) {
    const p2p_sync_peer *s = peer->sync;
    if (!posw_hash_equal(&s->lacks_at, &peer->hash)) return false;
    for (size_t i = 0; i < SYNC_BRANCHES_MAX; i++)
        if (s->lacks[i] == b->id) return true;
    return false;
}

void sync_note_lacks(p2p_peer *peer, const p2p_branch *b) {
    p2p_sync_peer *s = peer->sync;
    if (!posw_hash_equal(&s->lacks_at, &peer->hash)) memset(s->lacks, 0, sizeof s->lacks);
    s->lacks_at = peer->hash;
    if (!lacks(peer, b)) s->lacks[s->lacks_next++ % SYNC_BRANCHES_MAX] = b->id;
}

/* On its chain, as far as it told. */
static bool is_on_chain_of(const p2p_peer *peer, const p2p_branch *b, const p2p_record *r) {
    return b->origin == peer->id || posw_u256_cmp(&peer->weight, &r->weight) >= 0;
}

/* It keeps only its latest blocks, and this is not one of them. */
static bool has_pruned(const p2p_peer *peer, const p2p_branch *b, const p2p_record *r) {
    const uint64_t number = p2p_branch_number(b, (size_t)(r - b->records));
    return (peer->flags & POSW_MSG_HELLO_RECENT) != 0 && number + POSW_CHAIN_BODIES_MIN <= peer->number;
}

static bool has(const p2p_peer *peer, const p2p_branch *b, const p2p_record *r) {
    if (peer->kind == POSW_P2P_FEELER || peer->sync->late || lacks(peer, b)) return false;
    return is_on_chain_of(peer, b, r) && !has_pruned(peer, b, r);
}

bool sync_is_pruned_away(const posw_p2p *p, const p2p_branch *b, const p2p_record *r) {
    bool found = false;
    size_t i = 0;
    for (const p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;) {
        if (peer->kind == POSW_P2P_FEELER || !is_on_chain_of(peer, b, r)) continue;
        if (!has_pruned(peer, b, r)) return false;
        found = true;
    }
    return found;
}

/* ---- Shares ---- */

/* Not one by one: a request is made when a quarter of the share is free. */
void sync_make_room(posw_p2p *p) {
    size_t i = 0;
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;) {
        p2p_sync_peer *s = peer->sync;
        s->room = 4 * s->asked_count > 3 * s->share ? 0 : s->share - s->asked_count;
    }
}

/* The one with most room; among equals the one that gave the headers. avoid: asked before in vain, or 0. */
p2p_peer *sync_giver(const posw_p2p *p, const p2p_branch *b, const p2p_record *r, uint64_t avoid) {
    p2p_peer *best = NULL;
    size_t i = 0;
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;) {
        if (peer->sync->room == 0 || peer->id == avoid || !has(peer, b, r)) continue;
        if (best == NULL || peer->sync->room > best->sync->room ||
            (peer->sync->room == best->sync->room && peer->id == b->origin))
            best = peer;
    }
    return best;
}

static bool owes(const p2p_sync_peer *s, const posw_hash *hash) {
    for (size_t i = 0; i < s->asked_count; i++)
        if (posw_hash_equal(&s->asked[i], hash)) return true;
    return false;
}

/* For a block that is late, also beyond the share: the one with the largest share that is free. */
static p2p_peer *second_giver(const posw_p2p *p, const p2p_branch *b, const p2p_record *r) {
    p2p_peer *best = NULL;
    size_t i = 0;
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;) {
        const p2p_sync_peer *s = peer->sync;
        if (s->asked_count == SYNC_IN_FLIGHT || !has(peer, b, r) || owes(s, &r->hash)) continue;
        if (best == NULL || s->share + best->sync->asked_count > best->sync->share + s->asked_count) best = peer;
    }
    return best;
}

void sync_note_asked(posw_p2p *p, p2p_peer *peer, p2p_record *r) {
    p2p_sync_peer *s = peer->sync;
    if (s->asked_count == 0) s->gave_ms = p->now_ms;
    s->asked[s->asked_count] = r->hash;
    s->asked_ms[s->asked_count++] = p->now_ms;
    s->room -= s->room > 0;
    s->unsent_asked++;
    r->body = P2P_BODY_ASKED;
    r->peer = peer->id;
    r->asked_ms = p->now_ms;
    r->late = false;
}

static bool cross_off(p2p_sync_peer *s, const posw_hash *hash, uint64_t *asked_ms) {
    for (size_t i = 0; i < s->asked_count; i++) {
        if (!posw_hash_equal(&s->asked[i], hash)) continue;
        *asked_ms = s->asked_ms[i];
        s->asked_count--;
        memmove(s->asked + i, s->asked + i + 1, (s->asked_count - i) * sizeof s->asked[0]);
        memmove(s->asked_ms + i, s->asked_ms + i + 1, (s->asked_count - i) * sizeof s->asked_ms[0]);
        return true;
    }
    return false;
}

bool sync_note_answered(posw_p2p *p, p2p_peer *peer, const posw_hash *hash) {
    uint64_t asked_ms;
    if (!cross_off(peer->sync, hash, &asked_ms)) return false;
    peer->sync->late = false;
    peer->sync->gave_ms = p->now_ms;
    peer->sync->took_ms = p->now_ms - asked_ms;
    return true;
}

void sync_note_right(posw_p2p *p, p2p_peer *peer) {
    p2p_sync_peer *s = peer->sync;
    note_took(p->sync, s->took_ms);
    if (s->took_ms <= SYNC_AHEAD_MS)
        s->share += s->share < SYNC_IN_FLIGHT;
    else
        s->share -= s->share > 1;
}

/* ---- Lateness ---- */

static void ask_another(posw_p2p *p, p2p_branch *b, p2p_record *r) {
    p2p_peer *slow = p2p_find(p, r->peer), *other = second_giver(p, b, r);
    if (other == NULL) return;
    posw_log_write(p->log, POSW_LOG_DEBUG, "sync",
                   "block %" PRIu64 " is late at peer %" PRIu64 " and asked of peer %" PRIu64,
                   p2p_branch_number(b, (size_t)(r - b->records)), (uint64_t)(r->peer & ~POSW_PEER_OUTBOUND),
                   (uint64_t)(other->id & ~POSW_PEER_OUTBOUND));
    sync_note_asked(p, other, r);
    if (slow == NULL || slow->sync == NULL || slow->sync->late) return;
    slow->sync->late = true;
    slow->sync->share = (slow->sync->share + 1) / 2;
}

/* Seen for the first time it may lie in the socket still, behind a long step of this node's own: the loop reads before
 * it is seen again. */
static void check_record(posw_p2p *p, p2p_branch *b, p2p_record *r) {
    if (r->body != P2P_BODY_ASKED || p->now_ms < due_ms(p, r)) return;
    if (r->late) {
        ask_another(p, b, r);
    } else {
        r->late = true;
        r->asked_ms = p->now_ms;
    }
}

static void check_branch(posw_p2p *p, p2p_branch *b) {
    const p2p_record *first = &b->records[b->imported];
    if (first->body != P2P_BODY_ASKED || p->now_ms < due_ms(p, first)) return;
    const size_t end = b->imported + SYNC_IN_FLIGHT < b->proved ? b->imported + SYNC_IN_FLIGHT : b->proved;
    for (size_t i = b->imported; i < end; i++)
        check_record(p, b, &b->records[i]);
}

void sync_wake_when_late(posw_p2p *p, const p2p_branch *b) {
    const p2p_record *first = &b->records[b->imported];
    if (first->body != P2P_BODY_ASKED) return;
    if (first->late && second_giver(p, b, first) == NULL) return; /* whoever comes, or can again, brings this about */
    const uint64_t due = due_ms(p, first), soon = p->now_ms + SYNC_LATE_AGAIN_MS;
    p2p_wake(p, due > soon ? due : soon);
}

/* Whoever owes blocks and gives none for very long has its place for nothing. */
static void check_givers(posw_p2p *p, posw_actions *out) {
    size_t i = 0;
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;) {
        if (peer->sync->asked_count == 0) continue;
        if (p->now_ms < peer->sync->gave_ms + SYNC_BLOCK_MS)
            p2p_wake(p, peer->sync->gave_ms + SYNC_BLOCK_MS);
        else
            p2p_goodbye(p, peer, P2P_BYE_SLOW, "blocks that were asked for did not come in time", out);
    }
}

void sync_check_late(posw_p2p *p, posw_actions *out) {
    p2p_branch *heavy[SYNC_BRANCHES_MAX];
    const size_t n = sync_heavy_branches(p, heavy);
    for (size_t i = 0; i < n; i++)
        check_branch(p, heavy[i]);
    check_givers(p, out);
}
