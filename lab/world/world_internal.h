/* What the parts of a world share: world.c (machines, what happens to them and what they do), links.c (connections) and
 * seals.c (proofs of work). */
#ifndef POSW_LAB_WORLD_INTERNAL_H
#define POSW_LAB_WORLD_INTERNAL_H

#include "digest.h"
#include "queue.h"
#include "store/values.h"
#include "world.h"

enum {
    LINK_SLOTS = 1 << 20,
    SPARE_MAX = 4,
    KNOWN_MEANS = 8,
    MESSAGE_TYPES = 0x30,
    KINDS = WHAT_CALL + 1 + MESSAGE_TYPES
};

/* A connection. Side 0 is who dialled. */
typedef struct {
    uint64_t number; /* 0: free; its place in the list is this modulo LINK_SLOTS */
    size_t machine[2];
    uint64_t life[2];
    uint64_t peer[2];    /* how each side calls the other */
    bool open[2];        /* this side has been told PEER_OPEN and not yet PEER_CLOSED */
    bool cut;            /* nothing passes any more */
    uint64_t latency_us; /* world_latency_us */
    uint64_t arrives[2]; /* when the latest piece sent by this side arrives */
    uint64_t sent[2];    /* pieces sent by this side: DRAINED is told for the last one only, */
    size_t undrained[2]; /* and when more than some of this side's bytes were sent since it was told last */
} link;

/* By what a machine calls the other, and where the connection is in the list. */
typedef struct {
    uint64_t peer;
    uint32_t slot;
} link_place;

typedef struct {
    machine_options o;
    posw_netaddr address;
    posw_node_id id;
    uint8_t secret[32];
    posw_address miner;
    posw_store *store; /* survives the machine's lives; of the world's values */
    posw_buf kept;     /* SAVE_PEERS */
    bool is_miner;     /* has had hash power: mines in its next life, too, also when it has none at its start */
    /* while it is up */
    bool up;
    uint64_t life;
    posw_chain *chain;
    posw_mempool *mempool;
    posw_node *node;
    posw_p2p *p2p;
    posw_log log;
    posw_work work;
    uint64_t search, timer;             /* generations */
    uint32_t search_alarm, timer_alarm; /* where the queue has the latest, of this life: 1 + slot; 0: it came */
    link_place *places;                 /* of its connections, the newest last; place_count of them */
    size_t place_count, place_capacity;
    uint64_t next_inbound;
    uint64_t upload_free_us;
    uint64_t own_blocks;
    bool failed; /* FATAL was said */
    uint64_t down_ms_after_fault;
    world_tamper tamper;
    void *tamper_arg;
    world_sealer sealer;
    void *sealer_arg;
    world *w;
} machine;

typedef struct {
    posw_u256 target;
    uint64_t hashes_per_s; /* 0: nothing is here yet */
    uint64_t mean_us;
} known_mean;

struct world {
    world_options o;
    machine *machines;
    size_t count;
    link *links;
    size_t link_count, link_capacity;
    uint64_t next_link;
    queue queue;
    posw_values values; /* of all disks: most machines have the same blocks */
    uint64_t now_us, events, deliveries;
    posw_random random;
    uint8_t *groups;
    event_digest digest;
    world_cost costs[KINDS];       /* of each kind of event, then of each type of message */
    posw_actions spare[SPARE_MAX]; /* lists of actions with memory, for the next steps */
    size_t spare_count;
    known_mean means[KNOWN_MEANS]; /* of the latest searches: many machines search below the same target */
    size_t next_mean;
    int result;
};

/* ---- world.c ---- */
/* Takes the item over; out of memory ends the run. */
void world_put(world *w, happening *h);
uint64_t world_index_of(const world *w, const machine *m);
/* Of this machine's present life. */
happening world_happening(const world *w, const machine *m, enum what what, uint64_t at_us);

/* ---- links.c ---- */
link *link_find(world *w, uint64_t number); /* NULL: it is no more */
/* By what a machine calls the other; *side is the machine's. NULL: none. */
link *link_of(world *w, const machine *m, uint64_t peer, int *side);
bool link_can_reach(const world *w, size_t a, size_t b);
/* This machine has heard of its end. */
void link_forget(machine *m, uint64_t peer);
/* Both sides hear of it, so much later; what is under way is lost. */
void link_cut(world *w, link *l, uint64_t after_us, const char *why);
void link_dial(world *w, machine *m, const posw_action *a);
/* Takes the bytes. */
void link_send(world *w, machine *m, link *l, int side, posw_buf *data);
/* What was sent before still arrives. */
void link_close(world *w, machine *m, uint64_t peer);

/* ---- seals.c ---- */
extern const posw_pow seal_engine;
/* The table of what was found is there from the first world of the process to the last one. */
void seals_begin(void);
void seals_end(void);
/* A nonce and an output below the target, which from now on is the right one. False: out of memory. */
bool seal_draw(world *w, const posw_hash *seal_hash, const posw_u256 *target, uint8_t nonce[8], posw_hash *mix);
/* Mean time to a seal: 2^256 / target hashes. */
uint64_t seal_mean_us(world *w, const posw_work *work, uint64_t hashes_per_s);

#endif
