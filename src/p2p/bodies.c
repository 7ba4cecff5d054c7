/* Blocks of checked headers: asked for in a window, from all who have them; prepared by jobs; imported in order. */
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/keccak.h"
#include "p2p/sync.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

p2p_branch *sync_best_branch(posw_p2p *p) {
    p2p_branch *best = NULL;
    if (p->sync->branch_count == 0) return NULL; /* mostly */
    const posw_u256 tip = posw_chain_weight_total(p->chain);
    for (size_t i = 0; i < p->sync->branch_count; i++) {
        p2p_branch *b = p->sync->branches[i];
        if (b->proved == b->imported || posw_u256_cmp(p2p_branch_proved_weight(b), &tip) <= 0) continue;
        if (best == NULL || posw_u256_cmp(p2p_branch_proved_weight(b), p2p_branch_proved_weight(best)) > 0) best = b;
    }
    return best;
}

/* All branches whose proved headers outweigh the tip, or nearly so, the heaviest first. Returns how many. Bodies are
 * asked of all of them: one whose headers come alone must not keep the node from the others. */
size_t sync_heavy_branches(posw_p2p *p, p2p_branch *out[SYNC_BRANCHES_MAX]) {
    size_t n = 0;
    if (p->sync->branch_count == 0) return 0; /* mostly */
    const posw_u256 tip = posw_chain_weight_total(p->chain);
    for (size_t i = 0; i < p->sync->branch_count; i++) {
        p2p_branch *b = p->sync->branches[i];
        if (b->proved == b->imported) continue;
        const posw_u256 *weight = p2p_branch_proved_weight(b);
        if (posw_u256_cmp(weight, &tip) <= 0 && !sync_is_close(p, b)) continue;
        size_t at = n++;
        for (; at > 0 && posw_u256_cmp(weight, p2p_branch_proved_weight(out[at - 1])) > 0; at--)
            out[at] = out[at - 1];
        out[at] = b;
    }
    return n;
}

/* ---- Asking ---- */

/* One GET_BLOCKS a peer for all that this round has put on it. */
static void send_asked(posw_p2p *p, posw_actions *out) {
    size_t i = 0;
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;) {
        p2p_sync_peer *s = peer->sync;
        const size_t n = s->unsent_asked;
        posw_action *a;
        s->unsent_asked = 0;
        if (n == 0 || (a = p2p_send_begin(p, peer, out)) == NULL) continue;
        posw_msg_hashes_encode(&a->data, POSW_MSG_GET_BLOCKS, s->asked + s->asked_count - n, n);
        p2p_send_end(p, peer, a);
    }
}

/* Bytes of the window: blocks that are here, and those under way as if they were like the latest. */
static void ask_of_branch(posw_p2p *p, p2p_branch *b, size_t window) {
    const size_t end = b->proved < b->imported + window ? b->proved : b->imported + window;
    size_t bytes = b->bytes;
    for (size_t i = b->imported; i < end; i++) {
        p2p_record *r = &b->records[i];
        if (r->body == P2P_BODY_READY) continue;
        if (bytes > SYNC_WINDOW_BYTES && i > b->imported) break; /* the first is always worth its place */
        bytes += p->sync->block_bytes;
        if (r->body != P2P_BODY_WANTED) continue;
        p2p_peer *peer = sync_giver(p, b, r, r->peer);
        if (peer == NULL) peer = sync_giver(p, b, r, 0);
        if (peer == NULL) break;
        sync_note_asked(p, peer, r);
    }
    sync_wake_when_late(p, b);
}

void sync_ask_bodies(posw_p2p *p, posw_actions *out) {
    p2p_branch *heavy[SYNC_BRANCHES_MAX];
    const size_t n = sync_heavy_branches(p, heavy);
    if (n == 0 || p->jobs >= P2P_JOBS_MAX) return;
    sync_make_room(p);
    for (size_t i = 0; i < n; i++)
        ask_of_branch(p, heavy[i], i == 0 ? SYNC_WINDOW : SYNC_WINDOW_OTHERS);
    send_asked(p, out);
}

static void want_again(p2p_sync *s, const posw_hash *hash, uint64_t peer) {
    size_t index;
    p2p_branch *b = sync_find_record(s, hash, &index);
    if (b != NULL && b->records[index].body == P2P_BODY_ASKED && b->records[index].peer == peer)
        b->records[index].body = P2P_BODY_WANTED;
}

void sync_release_asked(posw_p2p *p, p2p_peer *peer) {
    for (size_t i = 0; i < peer->sync->asked_count; i++)
        want_again(p->sync, &peer->sync->asked[i], peer->id);
    peer->sync->asked_count = 0;
}

bool sync_on_not_found(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out) {
    posw_msg_hashes list;
    size_t index;
    if (!posw_msg_hashes_decode(&list, POSW_MSG_NOT_FOUND, payload)) return false;
    for (size_t i = 0; i < list.count; i++) {
        const posw_hash hash = posw_msg_hash_at(&list, i);
        if (!sync_note_answered(p, peer, &hash)) continue;
        want_again(p->sync, &hash, peer->id);
        const p2p_branch *b = sync_find_record(p->sync, &hash, &index);
        if (b != NULL) sync_note_lacks(peer, b);
    }
    sync_advance(p, out);
    return true;
}

/* ---- Blocks that come ---- */

static bool hash_of_block(posw_hash *out, posw_bytes block) {
    posw_rlp r = posw_rlp_reader(block.data, block.size), list = posw_rlp_list(&r);
    const posw_bytes header = posw_rlp_raw(&list);
    if (list.failed || !posw_rlp_done(&r) || header.size > POSW_HEADER_SIZE_MAX) return false;
    posw_keccak256(out, header.data, header.size);
    return true;
}

static void prepare(posw_p2p *p, p2p_peer *peer, p2p_branch *b, size_t index, posw_bytes block, posw_actions *out) {
    posw_job *job = p->jobs < P2P_JOBS_MAX ? posw_job_new(POSW_JOB_PREPARE, 0) : NULL;
    b->records[index].body = P2P_BODY_WANTED;
    if (job == NULL) return; /* it is asked for again */
    posw_buf_append(&job->bytes, block.data, block.size);
    if (job->bytes.failed) {
        posw_job_free(job);
        return;
    }
    job->id = (uint64_t)P2P_JOB_SYNC << P2P_JOB_OWNER_SHIFT;
    job->peer = peer->id;
    job->tag = b->id;
    job->hash = b->records[index].hash;
    job->pow_proved = true; /* only proved records are asked for */
    job->own_signature = b->records[index].own_signature;
    b->records[index].body = P2P_BODY_PREPARING;
    b->records[index].peer = peer->id;
    p2p_run_job(p, job, out);
}

bool sync_on_block(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out) {
    posw_bytes block;
    posw_hash hash;
    size_t index;
    if (!posw_msg_block_decode(&block, payload) || !hash_of_block(&hash, block)) return false;
    if (!sync_note_answered(p, peer, &hash)) {
        p2p_violation(p, peer, "a block that was not asked for", out);
        return true;
    }
    peer->blocks++;
    peer->last_block_ms = p->now_ms;
    p->counters.blocks_received++;
    p->sync->block_bytes += block.size / 16 - p->sync->block_bytes / 16;
    p2p_branch *b = sync_find_record(p->sync, &hash, &index);
    const bool wanted = b != NULL && index >= b->imported && index < b->proved &&
                        (b->records[index].body == P2P_BODY_ASKED || b->records[index].body == P2P_BODY_WANTED);
    if (wanted)
        prepare(p, peer, b, index, block, out);
    else
        p->counters.blocks_wasted++;
    sync_advance(p, out);
    return true;
}

static void keep_block(p2p_branch *b, p2p_record *r, posw_job *job) {
    r->body = P2P_BODY_WANTED;
    r->block = malloc(sizeof *r->block);
    if (r->block == NULL) return;
    *r->block = *job->prepared;
    *job->prepared = (posw_prepared){0};
    r->body = P2P_BODY_READY;
    b->bytes += r->block->bytes.size;
}

void sync_prepared(posw_p2p *p, posw_job *job, posw_actions *out) {
    p2p_branch *b = sync_branch(p->sync, job->tag);
    p2p_peer *peer = p2p_find(p, job->peer);
    const size_t index = b == NULL ? SIZE_MAX : p2p_branch_find(b, &job->hash);
    const bool right = job->result == POSW_OK && job->prepared->verdict.kind == POSW_VALID;
    if (index != SIZE_MAX && index >= b->imported && b->records[index].body == P2P_BODY_PREPARING) {
        if (right)
            keep_block(b, &b->records[index], job);
        else
            b->records[index].body = P2P_BODY_WANTED;
    }
    if (right && peer != NULL && peer->sync != NULL) sync_note_right(p, peer);
    if (job->result == POSW_OK && !right && peer != NULL)
        p2p_violation(p, peer, "a block whose body does not belong to its header", out);
    sync_advance(p, out);
}

/* ---- Importing ---- */

static void blame_origin(posw_p2p *p, p2p_branch *b, posw_verdict v, posw_actions *out) {
    p2p_peer *origin = p2p_find(p, b->origin);
    char what[200];
    posw_log_write(p->log, POSW_LOG_WARN, "sync", "block %" PRIu64 " is invalid, its branch is dropped: rule %s, %s",
                   p2p_branch_number(b, b->imported), posw_rule_number(v.rule), posw_rule_text(v.rule));
    snprintf(what, sizeof what, "a chain with an invalid block: rule %s, %s", posw_rule_number(v.rule),
             posw_rule_text(v.rule));
    if (origin != NULL) p2p_blame(p, origin, p2p_branch_number(b, b->imported), v.rule, what, out);
}

/* The limit of F3 is off at a start; pruned blocks stay away. */
static void cannot_follow(posw_p2p *p, p2p_branch *b, posw_verdict v) {
    const bool is_pruned = b->fork_number + 1 < posw_chain_first_body(p->chain);
    snprintf(p->sync->problem, sizeof p->sync->problem,
             "a heavier chain leaves ours after block %" PRIu64
             " and cannot be followed (rule %s): if it is the right one, %s",
             b->fork_number, posw_rule_number(v.rule),
             is_pruned ? "start again from an empty datadir" : "restart with --connect to a node on it");
    p->sync->problem_weight = b->weight;
    posw_log_write(p->log, POSW_LOG_ERROR, "sync", "%s", p->sync->problem);
}

/* False: the branch is gone, or waits. */
static bool import_next(posw_p2p *p, p2p_branch *b, posw_actions *out) {
    p2p_record *r = &b->records[b->imported];
    posw_verdict v;
    const size_t size = r->block->bytes.size;
    const uint64_t peer = r->peer;
    const posw_hash hash = r->hash;
    const bool is_best = b == sync_best_branch(p);
    r->block->is_built_on = b->imported + 1 < b->proved;
    p->sync->importing = true;
    const int rc = posw_node_submit_block(p->node, r->block, &v, out);
    p->sync->importing = false;
    if (rc != POSW_OK) return false; /* said by the node */
    b->bytes -= size;
    free(r->block);
    r->block = NULL;
    r->body = P2P_BODY_WANTED;
    if (v.kind == POSW_NOT_YET && v.rule == POSW_RULE_TIME_FUTURE) {
        p2p_wake(p, p->now_ms + 1000);
        return false;
    }
    if (v.kind != POSW_VALID) {
        if (v.kind == POSW_INVALID)
            blame_origin(p, b, v, out);
        else
            cannot_follow(p, b, v);
        sync_refuse_branch(p, b);
        return false;
    }
    const posw_hash tip = posw_chain_tip_hash(p->chain);
    if (posw_hash_equal(&tip, &hash)) b->fork_number = p2p_branch_number(b, b->imported);
    p2p_peer_brought_block(p, peer);
    if (!p2p_sync_is_behind(p) && p2p_find(p, peer) != NULL) p2p_compact_peer_brought(p, p2p_find(p, peer), out);
    p2p_branch_imported(b);
    sync_note_fed(p, b, is_best);
    return true;
}

/* The heaviest that can go on. */
static p2p_branch *next_to_import(posw_p2p *p) {
    p2p_branch *heavy[SYNC_BRANCHES_MAX];
    const size_t n = sync_heavy_branches(p, heavy);
    for (size_t i = 0; i < n; i++)
        if (heavy[i]->records[heavy[i]->imported].body == P2P_BODY_READY) return heavy[i];
    return NULL;
}

void sync_import(posw_p2p *p, posw_actions *out) {
    size_t txs = 0, blocks = 0;
    p2p_branch *b;
    while ((b = next_to_import(p)) != NULL) {
        if (txs >= SYNC_STEP_TXS || blocks >= SYNC_STEP_BLOCKS) {
            p2p_wake(p, p->now_ms); /* others may have their turn */
            return;
        }
        txs += b->records[b->imported].block->block.tx_count;
        blocks++;
        if (!import_next(p, b, out)) return;
    }
}

static void import_here(posw_p2p *p, p2p_here *here, posw_actions *out) {
    posw_verdict v;
    const int rc = posw_node_submit_block(p->node, &here->block, &v, out);
    posw_prepared_clear(&here->block);
    if (rc == POSW_OK && v.kind == POSW_VALID) p2p_peer_brought_block(p, here->peer);
}

/* Nothing that an import does brings another block here. */
void p2p_sync_import_here(posw_p2p *p, posw_actions *out) {
    p2p_sync *s = p->sync;
    const size_t count = s->here_count;
    if (count == 0) return;
    s->here_count = 0;
    for (size_t i = 0; i < count; i++)
        import_here(p, &s->here[i], out);
    POSW_ASSERT(s->here_count == 0);
    sync_advance(p, out);
}

posw_prepared *p2p_sync_room_here(posw_p2p *p) {
    return &p->sync->here[p->sync->here_count].block;
}

void p2p_sync_block_here(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    p2p_sync *s = p->sync;
    if (peer != NULL) {
        peer->blocks++;
        peer->last_block_ms = p->now_ms;
    }
    p->counters.blocks_received++;
    if (s->here_count == SYNC_HERE_MAX) {
        p2p_sync_import_here(p, out);
        s->here[0].block = s->here[SYNC_HERE_MAX].block;
    }
    s->here[s->here_count++].peer = peer == NULL ? 0 : peer->id;
    p2p_wake(p, p->now_ms);
}
