/* Upgrades between nodes: who has which chain file, and farewell to whom the rules part from.
 *
 * Two nodes agree up to a height and then do not. The block at that height would look to the one like a false block,
 * and to the other his would; neither is at fault. So each knows from the other's fork id where they part, says goodbye
 * when one of the two passes it, and blames nobody for a block from there on. */
#include "p2p/p2p_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void p2p_upgrades_update(posw_p2p *p) {
    p->fork = p2p_fork_id_at(&p->genesis, posw_chain_params(p->chain), posw_chain_tip(p->chain)->number);
}

static const char *name_at(const posw_params *p, uint64_t height) {
    for (uint32_t i = 0; i < p->upgrade_count; i++)
        if (p->upgrades[i].height == height) return p->upgrades[i].name;
    return NULL;
}

/* For the other side to read. */
static void sentence_of(char out[POSW_MSG_SENTENCE_MAX], const posw_p2p *p, enum p2p_fork_verdict verdict,
                        uint64_t height) {
    const char *name = name_at(posw_chain_params(p->chain), height);
    if (verdict == P2P_FORK_THEY_LACK)
        snprintf(out, POSW_MSG_SENTENCE_MAX,
                 "upgrade needed: from block %" PRIu64
                 " on the rules change (\"%s\"), and your chain file does not say so; get the chain's new file",
                 height, name == NULL ? "" : name);
    else if (height != 0)
        snprintf(out, POSW_MSG_SENTENCE_MAX,
                 "another fork: you change the rules at block %" PRIu64
                 ", which the chain file here does not say; this node needs the chain's new file",
                 height);
    else
        snprintf(out, POSW_MSG_SENTENCE_MAX,
                 "another fork: the rules that you passed on to are not in the chain file here; one of the two needs "
                 "the chain's new file");
}

/* ---- The words of those who were dialled ---- */

/* Of those that count; they are in the order in which they were heard. */
static size_t first_word(const posw_p2p *p) {
    size_t i = 0;
    while (i < p->word_count && p->now_ms - p->words[i].at_ms >= P2P_WORD_MS)
        i++;
    return i < p->word_count ? i : 0;
}

bool posw_p2p_upgrade_needed(const posw_p2p *p, uint64_t *height) {
    const size_t first = first_word(p);
    size_t lacks = 0;
    uint64_t lowest = 0;
    for (size_t i = first; i < p->word_count; i++) {
        const p2p_word *w = &p->words[i];
        lacks += w->lacks;
        if (w->lacks && w->height != 0 && (lowest == 0 || w->height < lowest)) lowest = w->height;
    }
    if (lacks == 0 || 2 * lacks < p->word_count - first) return false;
    *height = lowest;
    return true;
}

static void take_out(posw_p2p *p, size_t i) {
    p->word_count--;
    memmove(p->words + i, p->words + i + 1, (p->word_count - i) * sizeof p->words[0]);
}

/* Whoever has passed an upgrade cannot say at which block, but may have told of it before. */
static void note_word(posw_p2p *p, const p2p_peer *peer, bool lacks, uint64_t height) {
    if (peer->kind == POSW_P2P_INBOUND) return;
    for (size_t i = p->word_count; i-- > 0;) {
        if (!posw_netaddr_equal(&p->words[i].address, &peer->address)) continue;
        if (lacks && height == 0) height = p->words[i].height;
        take_out(p, i);
    }
    if (p->word_count == P2P_WORDS_MAX) take_out(p, 0);
    p->words[p->word_count++] =
        (p2p_word){.address = peer->address, .at_ms = p->now_ms, .lacks = lacks, .height = height};
    p->lack_said = p->lack_said && posw_p2p_upgrade_needed(p, &height);
}

/* One line until it is over, by the one that brought it about; what to do says the operator's log (node/upgrades.h). */
static void log_lack(posw_p2p *p, const p2p_peer *peer) {
    char address[POSW_NETADDR_TEXT], where[48] = "rules";
    uint64_t height;
    if (p->lack_said || !posw_p2p_upgrade_needed(p, &height)) return;
    p->lack_said = true;
    posw_netaddr_text(address, &peer->address);
    if (height != 0) snprintf(where, sizeof where, "rules from block %" PRIu64 " on", height);
    posw_log_write(p->log, POSW_LOG_WARN, "p2p",
                   "upgrade needed: %s follows %s that this chain file does not have; get the chain's new file",
                   address, where);
}

/* ---- Farewell ---- */

static void part(posw_p2p *p, p2p_peer *peer, enum p2p_fork_verdict verdict, uint64_t height, posw_actions *out) {
    char text[POSW_MSG_SENTENCE_MAX];
    sentence_of(text, p, verdict, height);
    note_word(p, peer, verdict == P2P_FORK_WE_LACK, height);
    log_lack(p, peer);
    p2p_refuse(p, peer, POSW_DIAL_USELESS, P2P_BYE_OTHER_FORK, text, out);
}

static enum p2p_fork_verdict who_lacks(const p2p_peer *peer) {
    return peer->unknown_upgrade == peer->parts ? P2P_FORK_WE_LACK : P2P_FORK_THEY_LACK;
}

bool p2p_upgrades_heard(posw_p2p *p, p2p_peer *peer, const p2p_fork_id *theirs, uint64_t number, posw_actions *out) {
    const bool same = memcmp(theirs->hash, p->fork.hash, sizeof theirs->hash) == 0 && theirs->next == p->fork.next;
    const p2p_fork_judgement j =
        same ? (p2p_fork_judgement){.verdict = P2P_FORK_FITS} /* mostly, and known without a hash of all upgrades */
             : p2p_fork_judge(&p->genesis, posw_chain_params(p->chain), posw_chain_tip(p->chain)->number, theirs);
    if (j.verdict != P2P_FORK_FITS) {
        part(p, peer, j.verdict, j.height, out);
        return false;
    }
    peer->parts = j.parts;
    peer->unknown_upgrade = j.unknown;
    if (j.parts == 0 || number < j.parts) {
        note_word(p, peer, false, j.unknown);
        return true;
    }
    part(p, peer, who_lacks(peer), j.parts, out); /* it has passed the height and not the upgrade */
    return false;
}

bool p2p_upgrades_passed(posw_p2p *p, p2p_peer *peer, uint64_t number, posw_actions *out) {
    if (peer->state != P2P_READY || peer->parts == 0 || number < peer->parts) return false;
    part(p, peer, who_lacks(peer), peer->parts, out);
    return true;
}

/* What a block under other rules can look like. Others, such as a false seal, have nothing to do with upgrades. */
static bool could_be_upgrade(enum posw_rule rule) {
    switch ((int)rule) {
    case POSW_RULE_GAS_LIMIT:
    case POSW_RULE_GAS_USED:
    case POSW_RULE_BASE_FEE:
    case POSW_RULE_TX_INVALID:
    case POSW_RULE_RECEIPTS_ROOT:
    case POSW_RULE_BLOOM:
    case POSW_RULE_STATE_ROOT:
    case POSW_RULE_BAD_ANCESTOR:
        return true;
    default:
        return false;
    }
}

void p2p_blame(posw_p2p *p, p2p_peer *peer, uint64_t number, enum posw_rule rule, const char *what, posw_actions *out) {
    if (peer->state == P2P_CLOSING) return;
    if (could_be_upgrade(rule) && p2p_upgrades_passed(p, peer, number, out)) return;
    p2p_violation(p, peer, what, out);
}

void p2p_upgrades_chain_changed(posw_p2p *p, posw_actions *out) {
    const uint64_t number = posw_chain_tip(p->chain)->number;
    const p2p_fork_id before = p->fork;
    if (posw_chain_params(p->chain)->upgrade_count > 0) p2p_upgrades_update(p); /* else it never changes */
    for (size_t i = 0; i < p->peer_count; i++)
        (void)p2p_upgrades_passed(p, p->peers[i], number, out);
    if (memcmp(before.hash, p->fork.hash, sizeof before.hash) == 0) return;
    for (size_t i = 0; i < p->peer_count; i++) /* tell the new fork id, and hear theirs */
        p->peers[i]->next_ping_ms = p->now_ms;
    p2p_wake(p, p->now_ms);
}

bool posw_p2p_unknown_upgrade(const posw_p2p *p, uint64_t *height, size_t *peers) {
    uint8_t groups[P2P_UPGRADE_GROUPS_MAX][POSW_NETGROUP_SIZE];
    size_t i = 0, count = 0;
    uint64_t lowest = 0;
    for (const p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL;)
        if (peer->unknown_upgrade != 0 && (lowest == 0 || peer->unknown_upgrade < lowest))
            lowest = peer->unknown_upgrade;
    if (lowest == 0) return false;
    i = 0;
    for (const p2p_peer *peer; (peer = p2p_ready_peer(p, &i)) != NULL && count < P2P_UPGRADE_GROUPS_MAX;) {
        if (peer->unknown_upgrade != lowest) continue;
        size_t k = 0;
        posw_netaddr_group(groups[count], &peer->address);
        while (memcmp(groups[k], groups[count], POSW_NETGROUP_SIZE) != 0)
            k++; /* ends at the one just written */
        count += k == count;
    }
    *height = lowest;
    *peers = count;
    return true;
}
