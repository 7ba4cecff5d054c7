/* Headers and bodies that are asked for: of blocks that were told by ANNOUNCE, and of branches whose first blocks were
 * not taken. */
#include "blocks_internal.h"

#include "posw/u256.h"

enum { CHAIN_MAX = 64, CLOSE_BLOCKS = 8, ANSWER_SLOW_US = 1000 * 1000 };

static uint32_t parent_of(const blocks *b, uint32_t block) {
    return b->tree.blocks[block].parent;
}

/* ---- Headers ---- */

void block_ask_headers(blocks *b, uint32_t link) {
    if (b->links[link].asks_headers) return;
    b->links[link].asks_headers = true;
    block_send(b, link, BLOCK_GET_HEADERS, TREE_GENESIS, 0, false);
}

void block_on_get_headers(blocks *b, block_event e) {
    const block_link *l = &b->links[e.link];
    const uint32_t tip = b->nodes[l->to].tip, theirs = b->nodes[b->links[l->back].to].tip;
    const uint64_t from = b->tree.blocks[block_tree_fork(&b->tree, tip, theirs)].number;
    const uint64_t count = b->tree.blocks[tip].number - from;
    block_send(b, l->back, BLOCK_HEADERS, tip, count < BLOCK_TELL ? (unsigned)count : BLOCK_TELL, false);
}

void block_on_headers(blocks *b, block_event e) {
    block_link *back = &b->links[b->links[e.link].back];
    back->asks_headers = false;
    back->quiet_until_us = b->now_us + BLOCK_QUIET_US;
    block_take_headers(b, e.link, e.block, BLOCK_ASKED_HEADERS);
}

/* How many of them are new, the others being below; the first one's parent. */
static unsigned count_new(const blocks *b, uint32_t node, uint32_t block, unsigned max, uint32_t *below) {
    unsigned n = 0;
    for (*below = block; n < max && block_state(b, *below, node) == BLOCK_UNKNOWN; n++)
        *below = parent_of(b, *below);
    return n;
}

void block_take_headers(blocks *b, uint32_t link, uint32_t block, unsigned count) {
    const uint32_t node = b->links[link].to, back = b->links[link].back;
    const bool asked = count == BLOCK_ASKED_HEADERS;
    uint32_t below;
    const unsigned added = count_new(b, node, block, asked ? UINT32_MAX : count, &below);
    const uint8_t state = block_state(b, below, node);
    if (added > 0 && state <= BLOCK_CHECKING) { /* they lead on from a block that is not known */
        if (!asked) block_ask_headers(b, back);
        return;
    }
    if (added > 0 || (state > BLOCK_CHECKING && state < BLOCK_HAVE)) block_told(b, &b->links[back], block);
    if (added == 0) return;
    for (uint32_t at = block; at != below; at = parent_of(b, at))
        block_set_state(b, at, node, BLOCK_HEADER);
    block_job(b, BLOCK_JOB_HEADERS, link, block, asked ? BLOCK_ASKED_HEADERS : 1);
}

/* ---- Who is asked for a body ---- */

static bool is_lacking(const blocks *b, const block_link *l, uint32_t block) {
    if (l->lacks == TREE_GENESIS || l->lacks_at != l->told) return false;
    for (unsigned i = 0; i < BLOCK_TELL; i++, block = parent_of(b, block))
        if (block == l->lacks) return true;
    return false;
}

/* Not one by one: once a quarter of the share is free. */
static void make_room(blocks *b, const block_node *n) {
    for (block_link *l = b->links + n->first; l < b->links + n->first + n->count; l++)
        l->room = 4 * l->asked > 3 * l->share ? 0 : (uint16_t)(l->share - l->asked);
}

/* Of those that have shown a chain of that weight the one that owes least of its share; among equals the one that gave
 * the headers when it was asked for them. origin: it, or UINT32_MAX. UINT32_MAX: nobody. */
static uint32_t giver_of(const blocks *b, const block_node *n, uint32_t block, uint32_t origin) {
    uint32_t best = UINT32_MAX;
    unsigned most = 0;
    for (uint32_t i = n->first; i < n->first + n->count; i++) {
        const block_link *l = &b->links[i];
        const unsigned room = l->room;
        const bool has = i == origin || !block_tree_is_heavier(&b->tree, block, l->told);
        if (room == 0 || !has || is_lacking(b, l, block)) continue;
        if (room < most || (room == most && i != origin)) continue;
        best = i;
        most = room;
    }
    return best;
}

static bool ask_body(blocks *b, uint32_t node, uint32_t block, uint32_t origin, uint32_t *before) {
    const uint32_t giver = giver_of(b, &b->nodes[node], block, origin);
    if (giver == UINT32_MAX) {
        block_set_state(b, block, node, BLOCK_WANTED);
        return false;
    }
    block_link *l = &b->links[giver];
    block_set_state(b, block, node, BLOCK_ASKED);
    l->asked++;
    l->room--;
    b->asked_us[block_place(b, block, node)] = (uint32_t)b->now_us;
    block_send(b, giver, BLOCK_GET_BLOCK, block, 1, giver == *before);
    *before = giver;
    return true;
}

/* ---- Branches ---- */

/* A branch of two or more that is nearly as heavy as the tip is fetched, too. */
static bool is_close(const blocks *b, uint32_t tip, uint32_t block, size_t count) {
    posw_u256 more;
    const tree_block *end = &b->tree.blocks[block];
    if (count < 2 || !posw_u256_mul_u64(&more, &end->difficulty, CLOSE_BLOCKS)) return false;
    more = posw_u256_add_sat(&more, &end->weight);
    return posw_u256_cmp(&more, &b->tree.blocks[tip].weight) > 0;
}

/* The oldest of the blocks up to one that are not had, the oldest last; how many these are, at most CHAIN_MAX. count:
 * of all of them. */
static size_t chain_of(const blocks *b, uint32_t node, uint32_t block, uint32_t chain[CHAIN_MAX], size_t *count) {
    size_t n = 0;
    *count = 0;
    for (uint32_t at = block; block_state(b, at, node) != BLOCK_HAVE; at = parent_of(b, at))
        (*count)++;
    for (size_t newer = *count; newer > CHAIN_MAX; newer--)
        block = parent_of(b, block);
    for (; block_state(b, block, node) != BLOCK_HAVE; block = parent_of(b, block))
        chain[n++] = block;
    return n;
}

static bool is_worth_it(const blocks *b, uint32_t node, uint32_t block, size_t count) {
    const uint32_t tip = b->nodes[node].tip;
    return block_tree_is_heavier(&b->tree, block, tip) || is_close(b, tip, block, count);
}

/* Of each block that is asked for: is there a branch with it that is worth its bodies? */
void block_forget_light(blocks *b, uint32_t node) {
    uint32_t pending[CHAIN_MAX], chain[CHAIN_MAX];
    bool keep[CHAIN_MAX] = {false};
    size_t n = 0;
    for (size_t i = b->active_count; i-- > 0 && n < CHAIN_MAX && n < b->nodes[node].pending;)
        if (block_is_pending(block_state(b, b->active[i], node))) pending[n++] = b->active[i];
    for (size_t i = 0; i < n; i++) {
        size_t all;
        const size_t count = chain_of(b, node, pending[i], chain, &all);
        if (!is_worth_it(b, node, pending[i], all)) continue;
        for (size_t k = 0; k < n; k++)
            for (size_t j = 0; j < count; j++)
                keep[k] |= pending[k] == chain[j];
    }
    for (size_t i = 0; i < n; i++)
        if (!keep[i]) block_set_state(b, pending[i], node, BLOCK_UNKNOWN);
}

/* Asks for all bodies of a branch that nobody is asked for. origin: who gave its headers when it was asked, or
 * UINT32_MAX. */
static void fetch(blocks *b, uint32_t node, uint32_t end, uint32_t origin) {
    block_node *n = &b->nodes[node];
    uint32_t chain[CHAIN_MAX], before = UINT32_MAX;
    size_t all;
    size_t i = chain_of(b, node, end, chain, &all);
    if (end == n->best) n->lacking = (uint32_t)all;
    make_room(b, n);
    while (i-- > 0) {
        const uint8_t state = block_state(b, chain[i], node);
        if (state > BLOCK_WANTED || state == BLOCK_CHECKING) continue;
        if (!ask_body(b, node, chain[i], origin, &before)) return;
    }
}

/* Something has come: of the heaviest branch more can be asked for. */
static void go_on(blocks *b, uint32_t node) {
    const block_node *n = &b->nodes[node];
    if (block_tree_is_heavier(&b->tree, n->best, n->tip)) fetch(b, node, n->best, UINT32_MAX);
}

void block_headers_proved(blocks *b, block_event e) {
    const uint32_t node = b->links[e.link].to, back = b->links[e.link].back;
    block_node *n = &b->nodes[node];
    uint32_t chain[CHAIN_MAX];
    size_t all;
    (void)chain_of(b, node, e.block, chain, &all);
    const bool worth = is_worth_it(b, node, e.block, all);
    uint32_t at = e.block;
    for (size_t i = 0; i < all; i++, at = parent_of(b, at))
        if (block_state(b, at, node) == BLOCK_HEADER)
            block_set_state(b, at, node, worth ? BLOCK_WANTED : BLOCK_UNKNOWN);
    if (!worth) return;
    if (block_tree_is_heavier(&b->tree, e.block, n->tip) && block_tree_is_heavier(&b->tree, e.block, n->best))
        n->best = e.block;
    fetch(b, node, e.block, e.count == BLOCK_ASKED_HEADERS ? back : UINT32_MAX);
}

/* ---- Bodies ---- */

void block_on_get_block(blocks *b, block_event e) {
    const block_link *l = &b->links[e.link];
    const bool has = block_state(b, e.block, l->to) == BLOCK_HAVE;
    if (has) block_note_seen(&b->links[l->back], e.block);
    block_send(b, l->back, has ? BLOCK_BLOCK : BLOCK_NOT_FOUND, e.block, 1, false);
}

void block_on_block(blocks *b, block_event e) {
    const uint32_t node = b->links[e.link].to;
    block_link *back = &b->links[b->links[e.link].back];
    if (back->asked > 0) back->asked--;
    back->brought_us = b->now_us;
    if (block_state(b, e.block, node) == BLOCK_ASKED) {
        block_set_state(b, e.block, node, BLOCK_PREPARING);
        block_job(b, BLOCK_JOB_BODY, e.link, e.block, 1);
    }
    go_on(b, node);
}

/* It is asked of another. */
void block_on_not_found(blocks *b, block_event e) {
    const uint32_t node = b->links[e.link].to;
    block_link *back = &b->links[b->links[e.link].back];
    if (back->asked > 0) back->asked--;
    back->lacks = e.block;
    back->lacks_at = back->told;
    if (block_state(b, e.block, node) == BLOCK_ASKED) block_set_state(b, e.block, node, BLOCK_WANTED);
    go_on(b, node);
}

void block_body_prepared(blocks *b, block_event e) {
    const uint32_t node = b->links[e.link].to, link = b->links[e.link].back;
    block_link *back = &b->links[link];
    if (block_state(b, e.block, node) != BLOCK_PREPARING) return; /* it was given up */
    const bool slow = (uint32_t)b->now_us - b->asked_us[block_place(b, e.block, node)] > ANSWER_SLOW_US;
    if (slow && back->share > 1) back->share--;
    if (!slow && back->share < BLOCK_SHARE_MAX) back->share++;
    if (block_state(b, parent_of(b, e.block), node) != BLOCK_HAVE) {
        block_set_state(b, e.block, node, BLOCK_READY);
        go_on(b, node);
        return;
    }
    const bool behind = block_node_is_behind(&b->nodes[node]);
    block_import(b, node, e.block);
    if (!behind) block_brought(b, link);
    go_on(b, node);
}
