/* What the files of src/node share. */
#ifndef POSW_NODE_NODE_INTERNAL_H
#define POSW_NODE_NODE_INTERNAL_H

#include "node/node.h"

/* Templates that are still worth a found seal: a searcher may be one or two behind. The own searchers' is never given
 * up for others' (template_place says which is). */
enum { NODE_TEMPLATES_MAX = 8 };

typedef struct {
    bool used;
    posw_work work;
    posw_chain_template t;
    uint64_t made_ms;
} node_template;

struct posw_node {
    posw_node_options options;
    posw_miner_identity identity;
    bool has_identity;
    posw_address signer; /* of the identity's key, */
    bool can_sign;       /* if that is one */
    posw_node_service services[POSW_SERVICE_COUNT];
    uint64_t wake_ms[POSW_SERVICE_COUNT], mining_wake_ms, prune_wake_ms; /* UINT64_MAX: no wish */
    bool rearm;                                                          /* a wish has changed in this step */
    bool mining_held;
    bool (*interrupt_asked)(void *arg); /* NULL: never */
    void *interrupt_arg;
    uint64_t now_ms, behind_ms, offset_s;        /* as in the event; of the development chain */
    node_template templates[NODE_TEMPLATES_MAX]; /* in no order; found by work id or seal hash */
    uint64_t next_work_id;                       /* of the next template */
    uint64_t mining_id;                          /* work that the searchers have; 0: none */
    posw_hash late_parent;                       /* late_templates: of that work */
    uint64_t late_ms, late_s;                    /* when it was given out: by the clock, and by the chain's time */
    bool pool_changed;                           /* since that template was made */
    bool warned_signer, warned_prune, warned_late;
    posw_node_counters counters;
};

/* 0 where there is no stopwatch. */
uint64_t node_stopwatch_us(const posw_node *n);
/* An import that began then is done. */
void node_count_import(posw_node *n, uint64_t began_us);
/* Everything that follows a moved tip: pool, subscribers, miner. */
void node_chain_changed(posw_node *n, const posw_chain_change *change, posw_actions *out);
/* Gives the searchers new work if the tip moved or the template is old, and asks for the next tick. */
void node_mining_update(posw_node *n, posw_actions *out);
/* Asks for the next tick: at this time for mining, or earlier when a service wishes so. */
void node_mining_wake(posw_node *n, uint64_t at_ms, posw_actions *out);
/* Says an operating error aloud; those that a node cannot live with become FATAL. */
void node_operating_error(posw_node *n, int err, const char *what, posw_actions *out);
/* The chain has grown: old blocks go with the next tick, unless a time for it is set already. */
void node_prune_later(posw_node *n);
/* On a tick: one step of it, if it is time. */
void node_prune(posw_node *n, posw_actions *out);
void node_templates_clear(posw_node *n);
/* The tip has moved: templates on others keep only what a late seal needs. */
void node_templates_age(posw_node *n);
/* Imports a sealed template and does what follows. */
int node_import_sealed(posw_node *n, node_template *slot, const posw_header *sealed, posw_verdict *verdict,
                       posw_actions *out);
/* A found seal from our own searchers. */
void node_seal_found(posw_node *n, const posw_event *e, posw_actions *out);

#endif
