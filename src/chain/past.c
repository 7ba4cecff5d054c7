/* States of main-chain blocks that lie behind the versions in memory: after a restart only the tip's is there, and with
 * a deep reorg limit `finalized` is further back than POSW_CHAIN_STATES_MAX.
 *
 *      tip-R ···· n <── undo records ── low ── low+1 ── ··· ── tip        low..tip: versions in memory (states_low)
 *
 * Such a state is made by undo records from the nearest later version that is there. What it may cost is bounded: so
 * many blocks back as a reorganisation may go (and those that a long-running node would have), and so many bytes of
 * records; then the answer is "not kept". The latest few are remembered until the next block, for a client that asks
 * for more of the same block, or goes back step by step; longer, they would hold on to trie nodes that are overwritten
 * meanwhile. */
#include "chain/chain_internal.h"

uint64_t posw_chain_states_depth(const posw_chain *c) {
    const uint64_t reorg_max = c->spec->params.reorg_max_blocks;
    return reorg_max > POSW_CHAIN_STATES_MAX - 1 ? reorg_max : POSW_CHAIN_STATES_MAX - 1;
}

void posw_chain_past_clear(posw_chain *c) {
    for (size_t i = 0; i < POSW_CHAIN_PAST_STATES_MAX; i++) {
        posw_state_free(c->past_states[i].state);
        c->past_states[i] = (posw_chain_past_state){.state = NULL};
    }
}

/* The nearest state of this or a later block. Borrowed. */
static posw_state *nearest(posw_chain *c, uint64_t *number) {
    uint64_t best = c->states_low;
    posw_state *s = posw_chain_state_find(c, best);
    for (size_t i = 0; i < POSW_CHAIN_PAST_STATES_MAX; i++) {
        const posw_chain_past_state *p = &c->past_states[i];
        if (p->state == NULL || p->number < *number || p->number >= best) continue;
        best = p->number;
        s = p->state;
    }
    *number = best;
    return s;
}

/* Copied, in the place of the one that was made first. */
static int keep(posw_chain *c, posw_state *s, uint64_t number) {
    posw_chain_past_state *p = &c->past_states[c->past_next++ % POSW_CHAIN_PAST_STATES_MAX];
    posw_state *copy;
    const int rc = posw_state_copy(&copy, s);
    if (rc != POSW_OK) return rc;
    posw_state_free(p->state);
    *p = (posw_chain_past_state){.number = number, .state = copy};
    return POSW_OK;
}

static int make(posw_chain *c, posw_state **out, uint64_t number) {
    uint64_t from = number;
    posw_state *s;
    const posw_state *start = nearest(c, &from);
    int rc = posw_state_copy(&s, start);
    if (rc != POSW_OK || from == number) {
        if (rc == POSW_OK) *out = s;
        return rc;
    }
    rc = posw_chain_undo(c, s, from, number, c->undo_bytes_max);
    if (rc == POSW_OK) rc = keep(c, s, number);
    if (rc != POSW_OK) {
        posw_state_free(s);
        return rc;
    }
    *out = s;
    if (posw_state_memory(s) > c->cache_bytes_max) posw_chain_past_clear(c);
    return POSW_OK;
}

int posw_chain_state_at(posw_chain *c, posw_state **out, uint64_t number) {
    if (number > c->tip.number) return POSW_ENOTFOUND;
    const posw_state *s = posw_chain_state_find(c, number);
    if (s != NULL) return posw_state_copy(out, s);
    return c->tip.number - number > posw_chain_states_depth(c) ? POSW_ENOTFOUND : make(c, out, number);
}
