/* What the parts of the model of blocks share: blocks.c (a run: nodes, connections, mining), blocks_relay.c (new blocks
 * on their way) and blocks_fetch.c (headers and bodies that are asked for). */
#ifndef POSW_LAB_BLOCKS_INTERNAL_H
#define POSW_LAB_BLOCKS_INTERNAL_H

#include "block_queue.h"
#include "block_tree.h"
#include "blocks.h"

/* Messages, then jobs. */
enum block_what {
    BLOCK_COMPACT,
    BLOCK_ANNOUNCE,
    BLOCK_GET_HEADERS,
    BLOCK_HEADERS,
    BLOCK_GET_BLOCK,
    BLOCK_BLOCK,
    BLOCK_NOT_FOUND,
    BLOCK_WANTS, /* SEND_COMPACT 1 */
    BLOCK_WANTS_NO_MORE,
    BLOCK_JOB_COMPACT, /* the proof of work of a COMPACT; link: over which it came */
    BLOCK_JOB_HEADERS, /* of headers */
    BLOCK_JOB_BODY
};

enum {
    BLOCK_KEEP = 16,          /* blocks so far below all tips are known to all */
    BLOCK_TELL = 8,           /* headers in an ANNOUNCE */
    BLOCK_ASKED_HEADERS = 15, /* `count` of an event: of an answer, as many as lack */
    BLOCK_JOB_US = 1000,
    BLOCK_FAST = 3,                   /* peers that are asked for COMPACT */
    BLOCK_QUIET_US = 2 * 1000 * 1000, /* SYNC_QUIET_MS */
    BLOCK_SHARE_FIRST = 4,
    BLOCK_SHARE_MAX = 64
};

/* What a node has of a block. */
enum block_state {
    BLOCK_UNKNOWN,
    BLOCK_CHECKING,  /* came as COMPACT; its proof of work is being computed */
    BLOCK_HEADER,    /* its header is; so is that one's */
    BLOCK_WANTED,    /* the header is right, nobody is asked for the body */
    BLOCK_ASKED,     /* for its body */
    BLOCK_PREPARING, /* the body is here and being looked at */
    BLOCK_READY,     /* its parent lacks */
    BLOCK_HAVE
};

/* One direction of a connection, as its sender knows it. */
typedef struct {
    uint32_t to, back; /* a node; the other direction */
    uint32_t latency_us;
    uint32_t seen;      /* the latest block that the other side is known to have, */
    uint64_t seen_mask; /* and which of the 64 up to it */
    uint64_t arrives_us;
    bool wants;   /* the other side wants COMPACT; */
    bool is_fast; /* it was told to send it */
    bool asks_headers;
    uint16_t share, asked;    /* bodies that it may owe, and owes; */
    uint16_t room;            /* more that it may be asked for in this round */
    uint32_t told;            /* the heaviest block that it has shown */
    uint32_t lacks, lacks_at; /* a block that it had not when it had shown that; 0: none */
    uint64_t quiet_until_us, brought_us;
} block_link;

typedef struct {
    uint32_t tip;
    uint32_t first, count;  /* its links */
    uint32_t pending;       /* blocks whose bodies are asked for, or wait for their parents */
    uint32_t best, lacking; /* the heaviest block that is being fetched; how many are */
    uint64_t since_us;      /* its tip */
    uint64_t free_us;       /* its line */
    double power;
} block_node;

/* A block on its way. */
typedef struct {
    uint32_t slot; /* of its states; UINT32_MAX: all have it */
    uint32_t tips, reached;
    bool counted;
    uint64_t found_us;
} block_spread;

typedef struct {
    const network_setup *s;
    network_result *out;
    block_tree tree;
    block_queue queue;
    block_node *nodes;
    block_link *links;
    size_t node_count, link_count;
    block_spread *spread; /* of each block */
    size_t spread_capacity;
    uint32_t *active; /* blocks with a slot, by age */
    size_t active_count, active_capacity;
    uint32_t *free_slots;
    size_t free_count, slot_count;
    uint8_t *states;    /* [slot * nodes + node] */
    uint32_t *arrives;  /* the same: earliest arrival of a COMPACT that will be taken, us after the find; 0: none */
    uint32_t *asked_us; /* the same: when its body was asked for, modulo 2^32 */
    lab_random mining, random;
    uint64_t now_us, try_us; /* the next try at mining */
    uint64_t start_s, jitter_us, proof_bytes;
    uint64_t plain_us, boosted_us; /* that a node sends a block */
    bool counting, failed;
} blocks;

static inline uint8_t block_state(const blocks *b, uint32_t block, uint32_t node) {
    const uint32_t slot = b->spread[block].slot;
    return slot == UINT32_MAX ? (uint8_t)BLOCK_HAVE : b->states[(size_t)slot * b->node_count + node];
}

/* Its body is wanted, asked for, or has come and waits. */
static inline bool block_is_pending(uint8_t state) {
    return state > BLOCK_HEADER && state < BLOCK_HAVE;
}

/* Where a node's arrives and asked_us of a block stand, which must have a slot. */
static inline size_t block_place(const blocks *b, uint32_t block, uint32_t node) {
    return (size_t)b->spread[block].slot * b->node_count + node;
}

static inline void block_set_state(blocks *b, uint32_t block, uint32_t node, enum block_state state) {
    const uint32_t slot = b->spread[block].slot;
    if (slot == UINT32_MAX) return;
    uint8_t *at = &b->states[(size_t)slot * b->node_count + node];
    b->nodes[node].pending += block_is_pending((uint8_t)state);
    b->nodes[node].pending -= block_is_pending(*at);
    *at = (uint8_t)state;
}

static inline bool block_is_seen(const block_link *l, uint32_t block) {
    return block <= l->seen && l->seen - block < 64 && (l->seen_mask >> (l->seen - block) & 1) != 0;
}

static inline void block_note_seen(block_link *l, uint32_t block) {
    if (block > l->seen) {
        const uint32_t by = block - l->seen;
        l->seen_mask = by < 64 ? l->seen_mask << by | 1 : 1;
        l->seen = block;
    } else if (l->seen - block < 64) {
        l->seen_mask |= (uint64_t)1 << (l->seen - block);
    }
}

static inline void block_job(blocks *b, enum block_what what, uint32_t link, uint32_t block, unsigned count) {
    b->failed |= !block_queue_put_job(&b->queue, block_event_of(b->now_us + BLOCK_JOB_US, what, link, block, count));
}

static inline bool block_node_is_behind(const block_node *n) {
    return n->lacking > 1;
}

/* ---- blocks.c ---- */
/* Time that a node sends a block, and so many headers up to one. */
uint64_t block_us(const blocks *b, uint32_t block);
uint64_t block_headers_us(const blocks *b, uint32_t tip, unsigned count);
/* The time at which a message of this node arrives that is sent now. joined: in one piece with the one before. */
uint64_t block_send_us(blocks *b, block_node *from, block_link *l, uint64_t us, bool joined);
void block_send(blocks *b, uint32_t link, enum block_what what, uint32_t block, unsigned count, bool joined);
/* Another tip, found or received. */
void block_set_tip(blocks *b, uint32_t node, uint32_t tip);

/* ---- blocks_relay.c ---- */
void block_on_compact(blocks *b, block_event e);
void block_on_announce(blocks *b, block_event e);
void block_compact_proved(blocks *b, block_event e);
/* The node has found it, or has its body and that of its parent. */
void block_import(blocks *b, uint32_t node, uint32_t block);
/* Who has brought a block first is asked for COMPACT. link: towards it. */
void block_brought(blocks *b, uint32_t link);
static inline void block_told(blocks *b, block_link *l, uint32_t block) {
    if (block_tree_is_heavier(&b->tree, block, l->told)) l->told = block;
}

/* ---- blocks_fetch.c ---- */
/* The node has another tip: what is asked for and no heavier is given up. */
void block_forget_light(blocks *b, uint32_t node);
void block_ask_headers(blocks *b, uint32_t link);
/* `count` headers up to this block came over a link. */
void block_take_headers(blocks *b, uint32_t link, uint32_t block, unsigned count);
void block_on_get_headers(blocks *b, block_event e);
void block_on_headers(blocks *b, block_event e);
void block_headers_proved(blocks *b, block_event e);
void block_on_get_block(blocks *b, block_event e);
void block_on_block(blocks *b, block_event e);
void block_on_not_found(blocks *b, block_event e);
void block_body_prepared(blocks *b, block_event e);

#endif
