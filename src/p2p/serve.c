/* Answers to those who synchronise. One request of each kind is open at a time; it waits while its asker does not read.
 */
#include "base/bytes.h"
#include "base/error.h"
#include "p2p/sync.h"

#include <stdlib.h>
#include <string.h>

/* ---- Headers ---- */

/* H10: boosted, or signed by another (whom the table in force names). */
static bool needs_proof(posw_p2p *p, const posw_header *h) {
    const posw_stake_table *table;
    posw_hash root;
    if (!p2p_was_read(p, posw_chain_branch_table(p->chain, &table, &root, h->number, posw_chain_tip(p->chain)->number)))
        return false;
    const posw_stake_entry *entry = posw_stake_table_find(table, &h->beneficiary);
    return entry != NULL &&
           (posw_seal_boosted(&h->mix_hash, &h->difficulty) || !posw_address_equal(&entry->signer, &h->beneficiary));
}

bool p2p_header_proof(posw_p2p *p, posw_stake_proof *out, const posw_header *h) {
    return needs_proof(p, h) && p2p_was_read(p, posw_chain_stake_proof(p->chain, out, h->number, &h->beneficiary));
}

bool p2p_add_header(posw_p2p *p, posw_msg_writer *w, const posw_header *h) {
    posw_stake_proof proof;
    const posw_stake_proof *shown = p2p_header_proof(p, &proof, h) ? &proof : NULL;
    return p->chain_error == POSW_OK &&
           posw_msg_headers_add(w, h, shown); /* one that lacks its proof would be taken for a lie */
}

int p2p_decode_block(posw_prepared *out, const posw_buf *bytes) {
    const int rc = posw_block_decode(&out->block, NULL, bytes->data, bytes->size);
    if (rc != POSW_OK) return rc;
    out->tx_hashes = malloc((out->block.tx_count + 1) * sizeof *out->tx_hashes);
    for (size_t i = 0; out->tx_hashes != NULL && i < out->block.tx_count; i++)
        posw_tx_hash(&out->tx_hashes[i], &out->block.txs[i]);
    return out->tx_hashes == NULL ? POSW_ENOMEM : POSW_OK;
}

static void send_headers(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    p2p_sync_peer *s = peer->sync;
    posw_action *a = p2p_send_begin(p, peer, out);
    posw_msg_writer w;
    posw_chain_block_info info;
    s->headers_wanted = false;
    if (a == NULL) return;
    posw_msg_headers_begin(&w, &a->data, s->headers_request);
    for (uint64_t i = 0; i < s->headers_count; i++)
        if (!p2p_was_read(p, posw_chain_block_by_number(p->chain, &info, s->headers_from + i)) ||
            !p2p_add_header(p, &w, &info.header))
            break;
    posw_msg_end(&w);
    p2p_send_end(p, peer, a);
}

/* An answer costs up to two stake tables and the trees over them, a question forty bytes. Whoever reads headers to
 * check them asks less often. */
static bool may_answer(p2p_sync_peer *s, uint64_t now_ms) {
    const uint64_t most = 1000 * (uint64_t)SYNC_ANSWERS_BURST;
    s->answers_milli += (now_ms - s->answers_ms) * SYNC_ANSWERS_S;
    s->answers_ms = now_ms;
    if (s->answers_milli > most) s->answers_milli = most;
    if (s->answers_milli < 1000) return false;
    s->answers_milli -= 1000;
    return true;
}

static void answer_headers(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    if (!peer->sync->headers_wanted || p2p_is_full(peer)) return;
    if (may_answer(peer->sync, p->now_ms))
        send_headers(p, peer, out);
    else
        p2p_wake(p, p->now_ms + 1000 / SYNC_ANSWERS_S + 1);
}

/* The number of the first block of the locator that is on the main chain; genesis when none is. */
static uint64_t fork_of(posw_p2p *p, const posw_msg_hashes *locator) {
    for (size_t i = 0; i < locator->count; i++) {
        const posw_hash hash = posw_msg_hash_at(locator, i);
        posw_chain_block_info info;
        if (p2p_was_read(p, posw_chain_block_by_hash(p->chain, &info, &hash)) && info.is_main)
            return info.header.number;
    }
    return 0;
}

bool sync_on_get_headers(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out) {
    posw_msg_get_headers m;
    p2p_sync_peer *s = peer->sync;
    if (!posw_msg_get_headers_decode(&m, payload) || s->headers_wanted) return false; /* one at a time */
    s->headers_wanted = true;
    s->headers_request = m.request;
    s->headers_from = fork_of(p, &m.locator) + 1;
    s->headers_count = m.wanted;
    answer_headers(p, peer, out);
    return true;
}

/* ---- Blocks ---- */

static void tell_damage(posw_p2p *p, const posw_hash *hash) {
    char hex[2 * POSW_HASH_SIZE + 1];
    if (p->now_ms < p->sync->damage_ms) return;
    p->sync->damage_ms = p->now_ms + SYNC_DAMAGE_MS;
    posw_hex_encode(hex, hash->b, sizeof hash->b);
    posw_log_write(p->log, POSW_LOG_ERROR, "sync",
                   "block 0x%s is damaged here, and a peer that asked for it did not get it: run 'posw db verify' on "
                   "the data directory",
                   hex);
}

/* Any stranger may ask for any block: a file that is damaged far back does not end the node, which needs it no more
 * than a pruned one does. Others have it. */
static bool read_block(posw_p2p *p, posw_buf *out, const posw_hash *hash) {
    const int rc = posw_chain_block_bytes(p->chain, out, hash);
    if (rc != POSW_ECORRUPT) return p2p_was_read(p, rc);
    tell_damage(p, hash);
    return false;
}

static bool send_block(posw_p2p *p, p2p_peer *peer, const posw_hash *hash, posw_actions *out) {
    posw_buf bytes = {0};
    posw_action *a;
    const bool found = read_block(p, &bytes, hash);
    if (found && (a = p2p_send_begin(p, peer, out)) != NULL) {
        posw_msg_block_encode(&a->data, posw_buf_view(&bytes));
        p2p_send_end(p, peer, a);
        p2p_compact_peer_has(p, peer, hash);
    }
    posw_buf_clear(&bytes);
    return found;
}

static void send_not_found(posw_p2p *p, p2p_peer *peer, const posw_hash *hashes, size_t count, posw_actions *out) {
    posw_action *a = count == 0 ? NULL : p2p_send_begin(p, peer, out);
    if (a == NULL) return;
    posw_msg_hashes_encode(&a->data, POSW_MSG_NOT_FOUND, hashes, count);
    p2p_send_end(p, peer, a);
}

static void send_blocks(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    p2p_sync_peer *s = peer->sync;
    posw_hash missing[SYNC_IN_FLIGHT];
    size_t done = 0, missing_count = 0;
    for (; done < s->wanted_count && !p2p_is_full(peer) && peer->state == P2P_READY; done++)
        if (!send_block(p, peer, &s->wanted[done], out)) missing[missing_count++] = s->wanted[done];
    memmove(s->wanted, s->wanted + done, (s->wanted_count - done) * sizeof s->wanted[0]);
    s->wanted_count -= done;
    send_not_found(p, peer, missing, missing_count, out);
}

bool sync_on_get_blocks(posw_p2p *p, p2p_peer *peer, posw_bytes payload, posw_actions *out) {
    posw_msg_hashes list;
    p2p_sync_peer *s = peer->sync;
    if (!posw_msg_hashes_decode(&list, POSW_MSG_GET_BLOCKS, payload) || s->wanted_count + list.count > SYNC_IN_FLIGHT)
        return false;
    for (size_t i = 0; i < list.count; i++)
        s->wanted[s->wanted_count++] = posw_msg_hash_at(&list, i);
    send_blocks(p, peer, out);
    return true;
}

void sync_answer_waiting(posw_p2p *p, posw_actions *out) {
    size_t i = 0;
    for (p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;)
        answer_headers(p, peer, out);
}

void sync_serve_waiting(posw_p2p *p, p2p_peer *peer, posw_actions *out) {
    answer_headers(p, peer, out);
    if (peer->sync->wanted_count > 0) send_blocks(p, peer, out);
}
