/* A run of the model of blocks: nodes and connections, who mines, what is counted. */
#include "blocks_internal.h"

#include "attacker.h"
#include "base/error.h"
#include "counts.h"
#include "posw/u256.h"
#include "rules/clock.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* bytes of messages without transactions, as the node encodes them */
    ANNOUNCE_BYTES = 11,
    HEADER_BYTES = 613,
    GET_HEADERS_BYTES = 543,
    GET_BLOCK_BYTES = 41,
    WANTS_BYTES = 7,
    PROOF_BYTES = 60, /* of a boosted header's stake, and for each level of the table's tree */
    PROOF_LEVEL_BYTES = 45,
    /* a template's timestamp; OWN_TIME: where the difficulty depends on it */
    RENEW_US = 30 * 1000 * 1000,
    RENEW_OWN_TIME_US = 1000 * 1000,
    LATE_DIAL_US = 4 * 1000 * 1000,
    LOOK_EVENTS = 1 << 16,
    FIRST_CAPACITY = 64,
    FOUND_MAX = 1 << 28 /* blocks of a run: what an event can name */
};

/* ---- connections ---- */

/* While the network is being made. */
typedef struct {
    uint32_t from, to;
    uint64_t ready_us; /* about: TCP, TLS and the greeting; whoever was not there yet is dialled again */
    bool dialled;      /* by `from` */
} wire;

static int compare_wires(const void *a, const void *b) {
    const wire *x = a, *y = b;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    if (x->ready_us != y->ready_us) return x->ready_us < y->ready_us ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

static size_t make_wires(wire *out, blocks *b, const machine_options *m, const uint64_t *start_us) {
    size_t n = 0;
    for (uint32_t i = 0; i < b->node_count; i++)
        for (unsigned k = 0; k < m[i].named_count; k++) {
            const uint32_t to = (uint32_t)m[i].named[k];
            if (to < i && world_is_named(&m[to], i)) continue; /* two that dial each other keep one connection */
            const uint64_t trip_us = world_pair_latency_us(b->s->seed, b->s->latency_ms, i, to);
            const uint64_t begin_us = start_us[i] + (start_us[to] > start_us[i] ? LATE_DIAL_US : 0);
            out[n++] = (wire){i, to, begin_us + 5 * trip_us, true};
            out[n++] = (wire){to, i, begin_us + 5 * trip_us, false};
        }
    qsort(out, n, sizeof *out, compare_wires);
    return n;
}

static uint32_t find_link(const blocks *b, uint32_t from, uint32_t to) {
    uint32_t i = b->nodes[from].first;
    while (b->links[i].to != to)
        i++;
    return i;
}

/* The first ones that a node has dialled are asked for COMPACT. */
static void lay_links(blocks *b, const wire *wires) {
    for (uint32_t i = 0; i < b->link_count; i++) {
        block_node *n = &b->nodes[wires[i].from];
        if (n->count++ == 0) n->first = i;
        b->links[i] = (block_link){.to = wires[i].to, .share = BLOCK_SHARE_FIRST};
        b->links[i].latency_us =
            (uint32_t)world_pair_latency_us(b->s->seed, b->s->latency_ms, wires[i].from, wires[i].to);
    }
    for (uint32_t i = 0; i < b->link_count; i++)
        b->links[i].back = find_link(b, wires[i].to, wires[i].from);
    for (uint32_t node = 0; node < b->node_count; node++) {
        const block_node *n = &b->nodes[node];
        unsigned fast = 0;
        for (uint32_t i = n->first; i < n->first + n->count && fast < BLOCK_FAST; i++) {
            if (!wires[i].dialled) continue;
            b->links[i].is_fast = b->links[b->links[i].back].wants = true;
            fast++;
        }
    }
}

static bool make_links(blocks *b) {
    machine_options *m = calloc(b->node_count, sizeof *m);
    uint64_t *start_us = calloc(b->node_count, sizeof *start_us);
    wire *wires = calloc(b->node_count, 2 * (NETWORK_PEERS_MAX + 1) * sizeof *wires);
    bool ok = m != NULL && start_us != NULL && wires != NULL;
    if (ok) {
        world_name_peers(m, b->node_count, b->s->peers, b->s->seed);
        for (size_t i = 0; i < b->node_count; i++)
            start_us[i] = lab_below(&b->random, 1000 * 1000);
        b->link_count = make_wires(wires, b, m, start_us);
        b->links = calloc(b->link_count, sizeof *b->links);
        ok = b->links != NULL;
    }
    if (ok) lay_links(b, wires);
    free(m);
    free(start_us);
    free(wires);
    return ok;
}

/* ---- messages ---- */

static uint64_t us_of(const blocks *b, uint64_t bytes) {
    return bytes * 1000000 / b->s->bytes_per_s;
}

uint64_t block_headers_us(const blocks *b, uint32_t tip, unsigned count) {
    uint64_t bytes = ANNOUNCE_BYTES;
    for (; count > 0; count--, tip = b->tree.blocks[tip].parent)
        bytes += HEADER_BYTES + (b->tree.blocks[tip].boosted ? b->proof_bytes : 0);
    return us_of(b, bytes);
}

uint64_t block_us(const blocks *b, uint32_t block) {
    return b->tree.blocks[block].boosted ? b->boosted_us : b->plain_us;
}

uint64_t block_send_us(blocks *b, block_node *from, block_link *l, uint64_t us, bool joined) {
    const uint64_t begin = from->free_us > b->now_us ? from->free_us : b->now_us;
    from->free_us = begin + us;
    uint64_t at = from->free_us + l->latency_us;
    if (!joined && b->jitter_us > 0) at += lab_below(&b->random, b->jitter_us);
    if (at < l->arrives_us) at = l->arrives_us;
    l->arrives_us = at;
    return at;
}

static uint64_t message_us(const blocks *b, enum block_what what, uint32_t block, unsigned count) {
    if (what == BLOCK_HEADERS) return block_headers_us(b, block, count);
    if (what == BLOCK_BLOCK) return b->plain_us;
    if (what == BLOCK_GET_HEADERS) return us_of(b, GET_HEADERS_BYTES);
    return us_of(b, what == BLOCK_WANTS || what == BLOCK_WANTS_NO_MORE ? WANTS_BYTES : GET_BLOCK_BYTES);
}

void block_send(blocks *b, uint32_t link, enum block_what what, uint32_t block, unsigned count, bool joined) {
    block_link *l = &b->links[link];
    block_node *from = &b->nodes[b->links[l->back].to];
    const uint64_t at_us = block_send_us(b, from, l, message_us(b, what, block, count), joined);
    b->failed |= !block_queue_put(&b->queue, block_event_of(at_us, what, link, block, count));
}

static void on_wants(blocks *b, block_event e) {
    b->links[b->links[e.link].back].wants = e.what == BLOCK_WANTS;
}

static void handle(blocks *b, block_event e) {
    static void (*const handlers[])(blocks *, block_event) = {
        [BLOCK_COMPACT] = block_on_compact,         [BLOCK_ANNOUNCE] = block_on_announce,
        [BLOCK_GET_HEADERS] = block_on_get_headers, [BLOCK_HEADERS] = block_on_headers,
        [BLOCK_GET_BLOCK] = block_on_get_block,     [BLOCK_BLOCK] = block_on_block,
        [BLOCK_NOT_FOUND] = block_on_not_found,     [BLOCK_WANTS] = on_wants,
        [BLOCK_WANTS_NO_MORE] = on_wants,           [BLOCK_JOB_COMPACT] = block_compact_proved,
        [BLOCK_JOB_HEADERS] = block_headers_proved, [BLOCK_JOB_BODY] = block_body_prepared};
    handlers[e.what](b, e);
}

/* ---- tips, and blocks on their way ---- */

void block_set_tip(blocks *b, uint32_t node, uint32_t tip) {
    block_node *n = &b->nodes[node];
    block_spread *s = &b->spread[tip];
    b->spread[n->tip].tips--;
    s->tips++;
    n->tip = tip;
    n->since_us = b->now_us;
    if (!s->counted || b->tree.blocks[tip].miner == node) return;
    s->reached++;
    count_arrival(b->out, b->node_count, n->power, b->now_us - s->found_us, s->reached);
}

static uint32_t lightest_tip(const blocks *b) {
    uint32_t lightest = UINT32_MAX;
    if (b->spread[TREE_GENESIS].tips > 0) return TREE_GENESIS;
    for (size_t i = 0; i < b->active_count; i++) {
        const uint32_t at = b->active[i];
        if (b->spread[at].tips == 0) continue;
        if (lightest == UINT32_MAX || block_tree_is_heavier(&b->tree, lightest, at)) lightest = at;
    }
    return lightest;
}

/* Blocks that all have give their places back; of the others those that can be a tip say how easy a block may be. */
static void look_at_active(blocks *b) {
    const uint32_t lightest = lightest_tip(b);
    const uint64_t number = b->tree.blocks[lightest].number;
    double least = b->tree.blocks[lightest].least;
    size_t kept = 0;
    for (size_t i = 0; i < b->active_count; i++) {
        const uint32_t at = b->active[i];
        block_spread *s = &b->spread[at];
        const tree_block *block = &b->tree.blocks[at];
        if (!block_tree_is_heavier(&b->tree, lightest, at) && block->least < least) least = block->least;
        if (s->tips == 0 && block->number + BLOCK_KEEP < number) {
            b->free_slots[b->free_count++] = s->slot;
            s->slot = UINT32_MAX;
        } else {
            b->active[kept++] = at;
        }
    }
    b->active_count = kept;
    block_tree_set_least(&b->tree, least);
}

static bool grow(void **items, size_t *capacity, size_t needed, size_t size) {
    size_t more = *capacity == 0 ? FIRST_CAPACITY : *capacity;
    while (more < needed)
        more *= 2;
    if (more == *capacity) return true;
    void *larger = realloc(*items, more * size);
    if (larger == NULL) return false;
    *items = larger;
    *capacity = more;
    return true;
}

static bool more_slots(blocks *b) {
    const size_t more = b->slot_count == 0 ? FIRST_CAPACITY : 2 * b->slot_count;
    uint8_t *states = realloc(b->states, more * b->node_count);
    if (states != NULL) b->states = states;
    uint32_t *arrives = realloc(b->arrives, more * b->node_count * sizeof *arrives);
    if (arrives != NULL) b->arrives = arrives;
    uint32_t *asked_us = realloc(b->asked_us, more * b->node_count * sizeof *asked_us);
    if (asked_us != NULL) b->asked_us = asked_us;
    uint32_t *unused = realloc(b->free_slots, more * sizeof *unused);
    if (unused != NULL) b->free_slots = unused;
    uint32_t *active = realloc(b->active, more * sizeof *active);
    if (active != NULL) b->active = active;
    if (states == NULL || arrives == NULL || asked_us == NULL || unused == NULL || active == NULL) return false;
    for (size_t i = more; i > b->slot_count; i--)
        b->free_slots[b->free_count++] = (uint32_t)(i - 1);
    b->slot_count = more;
    return true;
}

static bool start_spread(blocks *b, uint32_t block) {
    if (!grow((void **)&b->spread, &b->spread_capacity, b->tree.count, sizeof *b->spread)) return false;
    if (b->free_count == 0 && !more_slots(b)) return false;
    const uint32_t slot = b->free_slots[--b->free_count];
    memset(b->states + (size_t)slot * b->node_count, BLOCK_UNKNOWN, b->node_count);
    memset(b->arrives + (size_t)slot * b->node_count, 0, b->node_count * sizeof *b->arrives);
    b->spread[block] = (block_spread){.slot = slot, .reached = 1, .counted = b->counting, .found_us = b->now_us};
    b->active[b->active_count++] = block;
    return true;
}

/* ---- mining ---- */

static void next_try(blocks *b) {
    const double us = block_tree_wait_s(&b->tree, &b->mining) * 1e6;
    b->try_us = b->now_us + 1 + (us < 0x1p62 ? (uint64_t)us : (uint64_t)1 << 62);
}

static void found(blocks *b, uint32_t node) {
    const uint32_t block = (uint32_t)b->tree.count - 1;
    if (b->tree.count >= FOUND_MAX || !start_spread(b, block)) {
        b->failed = true;
        return;
    }
    if (b->counting) count_found(b->out, node, b->nodes[node].power);
    block_import(b, node, block);
    look_at_active(b);
}

static void try_to_mine(blocks *b) {
    const uint32_t node = (uint32_t)block_tree_draw(&b->tree, &b->mining);
    const block_node *n = &b->nodes[node];
    if (!block_node_is_behind(n)) {
        const uint64_t renew_us = lab_own_timestamp(b->tree.params) ? RENEW_OWN_TIME_US : RENEW_US;
        const uint64_t work_us = b->now_us - (b->now_us - n->since_us) % renew_us;
        const enum tree_try result = block_tree_try(&b->tree, node, n->tip, b->start_s + work_us / 1000000,
                                                    b->start_s + b->now_us / 1000000, &b->mining);
        if (result == TREE_FOUND) found(b, node);
        b->failed |= result == TREE_NO_MEMORY;
    }
    next_try(b);
}

/* ---- a run ---- */

/* False: stopped, or out of memory. */
static bool run_until(blocks *b, uint64_t end_us, bool (*stop)(void)) {
    for (uint64_t i = 1; !b->failed; i++) {
        const uint64_t event_us = block_queue_next_us(&b->queue);
        const bool mines = b->try_us < event_us;
        const uint64_t at_us = mines ? b->try_us : event_us;
        if (at_us > end_us) {
            b->now_us = end_us;
            return true;
        }
        b->now_us = at_us;
        if (mines)
            try_to_mine(b);
        else
            handle(b, block_queue_take(&b->queue));
        if (i % LOOK_EVENTS == 0 && stop != NULL && stop()) return false;
    }
    return false;
}

/* Of the chain of the first node, from a number on. */
static void count_main(blocks *b, uint64_t base) {
    for (uint32_t at = b->nodes[0].tip; b->tree.blocks[at].number > base; at = b->tree.blocks[at].parent) {
        b->out->main++;
        if (b->spread[at].counted && b->out->main_of != NULL) b->out->main_of[b->tree.blocks[at].miner]++;
    }
}

static bool live(blocks *b, bool (*stop)(void)) {
    const network_setup *s = b->s;
    const uint64_t begin_us = network_begin_ms(s) * 1000;
    next_try(b);
    if (!run_until(b, begin_us, stop)) return false;
    const uint64_t base = b->tree.blocks[b->nodes[0].tip].number;
    b->counting = true;
    if (!run_until(b, begin_us + s->blocks * s->block_time_s * 1000000, stop)) return false;
    count_main(b, base);
    return true;
}

static uint64_t proof_bytes(const posw_chain_spec *spec) {
    uint64_t bytes = PROOF_BYTES;
    for (size_t n = spec->stake_count; n > 1; n = (n + 1) / 2)
        bytes += PROOF_LEVEL_BYTES;
    return spec->stake_count == 0 ? 0 : bytes;
}

static bool make_tree(blocks *b, const posw_chain_spec *spec) {
    double *hashes = calloc(b->node_count, sizeof *hashes);
    posw_u256 *stakes = calloc(b->node_count, sizeof *stakes);
    bool ok = hashes != NULL && stakes != NULL;
    if (ok) {
        network_hash_parts(b->s, hashes);
        for (size_t i = 0; i < b->node_count; i++) {
            b->nodes[i].power = b->s->parts != NULL ? b->s->parts[i] : hashes[i];
            hashes[i] = (double)network_hashes(hashes[i]);
            stakes[i] = network_stake(b->s, &spec->params, i);
        }
        ok = block_tree_init(&b->tree, &spec->params, hashes, stakes, b->node_count, &b->s->supply_wei);
    }
    free(hashes);
    free(stakes);
    return ok;
}

static bool make(blocks *b, const posw_chain_spec *spec, uint64_t block_bytes) {
    b->nodes = calloc(b->node_count, sizeof *b->nodes);
    if (b->nodes == NULL || !make_tree(b, spec) || !make_links(b) ||
        !grow((void **)&b->spread, &b->spread_capacity, 1, sizeof *b->spread))
        return false;
    if (block_bytes < BLOCKS_BYTES_DEFAULT) block_bytes = BLOCKS_BYTES_DEFAULT;
    b->start_s = spec->params.genesis_time + 1;
    b->jitter_us = (uint64_t)b->s->jitter_ms * 1000;
    b->proof_bytes = proof_bytes(spec);
    b->plain_us = us_of(b, block_bytes);
    b->boosted_us = us_of(b, block_bytes + b->proof_bytes);
    b->spread[TREE_GENESIS] = (block_spread){.slot = UINT32_MAX, .tips = (uint32_t)b->node_count};
    return true;
}

static void clear(blocks *b) {
    block_tree_clear(&b->tree);
    block_queue_clear(&b->queue);
    free(b->nodes);
    free(b->links);
    free(b->spread);
    free(b->active);
    free(b->free_slots);
    free(b->states);
    free(b->arrives);
    free(b->asked_us);
}

int blocks_run(network_result *out, const network_setup *setup, const posw_chain_spec *spec, uint64_t block_bytes,
               bool (*stop)(void)) {
    blocks b = {.s = setup, .out = out, .node_count = setup->nodes};
    POSW_ASSERT(setup->attack == NETWORK_NO_ATTACK && setup->nodes >= 2 && setup->nodes <= BLOCKS_NODES_MAX);
    network_result_begin(out, setup->nodes);
    b.random = lab_random_of(setup->seed, 0);
    b.mining = lab_random_of(setup->seed, 1);
    const bool made = make(&b, spec, block_bytes);
    out->done = made && live(&b, stop);
    const bool failed = !made || b.failed;
    clear(&b);
    return failed ? POSW_ENOMEM : POSW_OK;
}
