/* New blocks on their way: COMPACT, ANNOUNCE, and what a node does with a block that it has whole. */
#include "blocks_internal.h"

/* ---- Out ---- */

/* Told again what it has, or will have by then, a node would do nothing: no event is made for that.
 * A COMPACT that arrives first is taken if the parent is there and the block outweighs the tip; then whatever comes
 * after its proof of work is no news. */
static bool is_no_news(blocks *b, const block_link *l, uint32_t block, uint64_t at_us, bool compact) {
    const block_spread *s = &b->spread[block];
    if (s->slot == UINT32_MAX) return true;
    const size_t place = block_place(b, block, l->to);
    if (b->states[place] == BLOCK_HAVE) return true;
    const uint64_t us = at_us - s->found_us;
    if (b->states[place] > BLOCK_CHECKING || us >= UINT32_MAX) return false;
    if (b->arrives[place] != 0) return us > b->arrives[place] + BLOCK_JOB_US;
    if (!compact || block_state(b, b->tree.blocks[block].parent, l->to) != BLOCK_HAVE ||
        !block_tree_is_heavier(&b->tree, block, b->nodes[l->to].tip) || block_node_is_behind(&b->nodes[l->to]))
        return false;
    b->arrives[place] = (uint32_t)us;
    return false;
}

static void put(blocks *b, uint32_t link, enum block_what what, uint32_t block, unsigned count, uint64_t at_us) {
    b->failed |= !block_queue_put(&b->queue, block_event_of(at_us, what, link, block, count));
}

/* To all that want it at once. */
static void spread(blocks *b, uint32_t node, uint32_t block) {
    block_node *n = &b->nodes[node];
    for (uint32_t i = n->first; i < n->first + n->count; i++) {
        block_link *l = &b->links[i];
        if (!l->wants || block_is_seen(l, block)) continue;
        block_note_seen(l, block);
        const uint64_t at_us = block_send_us(b, n, l, block_us(b, block), false);
        if (!is_no_news(b, l, block, at_us, true)) put(b, i, BLOCK_COMPACT, block, 1, at_us);
    }
}

/* What the other side lacks, from the highest that it has on. */
static unsigned lacks(const blocks *b, const block_link *l, uint32_t tip) {
    unsigned n = 1;
    for (uint32_t at = b->tree.blocks[tip].parent; n < BLOCK_TELL && at != TREE_GENESIS;
         at = b->tree.blocks[at].parent) {
        if (block_is_seen(l, at) || at == l->told) break;
        n++;
    }
    return n;
}

static void announce(blocks *b, uint32_t node) {
    block_node *n = &b->nodes[node];
    for (uint32_t i = n->first; i < n->first + n->count; i++) {
        block_link *l = &b->links[i];
        if (block_is_seen(l, n->tip) || l->told == n->tip) continue;
        const unsigned count = lacks(b, l, n->tip);
        uint32_t at = n->tip;
        for (unsigned k = 0; k < count; k++, at = b->tree.blocks[at].parent)
            block_note_seen(l, at);
        const uint64_t at_us = block_send_us(b, n, l, block_headers_us(b, n->tip, count), false);
        if (count > 1 || !is_no_news(b, l, n->tip, at_us, false)) put(b, i, BLOCK_ANNOUNCE, n->tip, count, at_us);
    }
}

/* ---- Whole blocks ---- */

static bool is_next(const blocks *b, uint32_t tip, uint32_t block) {
    const uint32_t parent = b->tree.blocks[block].parent;
    return parent == tip || block_tree_fork(&b->tree, tip, parent) == parent;
}

static void take(blocks *b, uint32_t node, uint32_t block) {
    block_node *n = &b->nodes[node];
    block_set_state(b, block, node, BLOCK_HAVE);
    if (b->tree.blocks[block].miner != node) b->out->deliveries++;
    if (!block_tree_is_heavier(&b->tree, n->best, block)) n->lacking = 0;
    if (!block_tree_is_heavier(&b->tree, block, n->tip)) return;
    const bool alone = is_next(b, n->tip, block);
    block_set_tip(b, node, block);
    if (n->pending > 0) block_forget_light(b, node);
    if (block_node_is_behind(n)) return; /* more comes: it is told with that */
    if (alone) spread(b, node, block);
    announce(b, node);
}

/* The next one that waited for this one. */
static uint32_t waiting_child(const blocks *b, uint32_t node, uint32_t block) {
    for (size_t i = 0; i < b->active_count; i++)
        if (b->tree.blocks[b->active[i]].parent == block && block_state(b, b->active[i], node) == BLOCK_READY)
            return b->active[i];
    return TREE_GENESIS;
}

void block_import(blocks *b, uint32_t node, uint32_t block) {
    take(b, node, block);
    for (uint32_t child; b->nodes[node].pending > 0 && (child = waiting_child(b, node, block)) != TREE_GENESIS;) {
        block_import(b, node, child);
    }
}

/* ---- In ---- */

void block_brought(blocks *b, uint32_t link) {
    const block_node *n = &b->nodes[b->links[b->links[link].back].to];
    uint32_t count = 0, idlest = link;
    if (b->links[link].is_fast) return;
    for (uint32_t i = n->first; i < n->first + n->count; i++) {
        if (!b->links[i].is_fast) continue;
        if (count++ == 0 || b->links[i].brought_us < b->links[idlest].brought_us) idlest = i;
    }
    if (count >= BLOCK_FAST) {
        b->links[idlest].is_fast = false;
        block_send(b, idlest, BLOCK_WANTS_NO_MORE, TREE_GENESIS, 0, false);
    }
    b->links[link].is_fast = true;
    block_send(b, link, BLOCK_WANTS, TREE_GENESIS, 0, false);
}

void block_on_compact(blocks *b, block_event e) {
    const block_link *l = &b->links[e.link];
    const uint32_t node = l->to, parent = b->tree.blocks[e.block].parent;
    block_link *back = &b->links[l->back];
    block_note_seen(back, e.block);
    const uint8_t state = block_state(b, e.block, node);
    if (state == BLOCK_HAVE || state == BLOCK_CHECKING) return;
    if (state > BLOCK_WANTED) {
        block_told(b, back, e.block);
        return;
    }
    const uint8_t below = block_state(b, parent, node);
    const bool on_branch = below > BLOCK_CHECKING && below < BLOCK_HAVE;
    if (on_branch || (block_node_is_behind(&b->nodes[node]) && parent != b->nodes[node].tip)) {
        block_take_headers(b, e.link, e.block, 1);
    } else if (below != BLOCK_HAVE) {
        if (b->now_us >= back->quiet_until_us) block_ask_headers(b, l->back);
    } else {
        block_told(b, back, e.block);
        if (!block_tree_is_heavier(&b->tree, e.block, b->nodes[node].tip)) return;
        block_set_state(b, e.block, node, BLOCK_CHECKING);
        block_job(b, BLOCK_JOB_COMPACT, e.link, e.block, 1);
    }
}

void block_on_announce(blocks *b, block_event e) {
    block_link *back = &b->links[b->links[e.link].back];
    block_note_seen(back, e.block);
    if (e.block == b->nodes[b->links[e.link].to].tip) return;
    block_take_headers(b, e.link, e.block, e.count);
}

void block_compact_proved(blocks *b, block_event e) {
    const uint32_t node = b->links[e.link].to, back = b->links[e.link].back;
    if (block_state(b, e.block, node) != BLOCK_CHECKING) return;
    spread(b, node, e.block);
    block_brought(b, back);
    b->links[back].brought_us = b->now_us;
    block_import(b, node, e.block);
}
