/* JSON-RPC 2.0 over a node: text in, text out; no sockets. Methods eth_*, net_*, web3_*, txpool_*, ots_*, posw_*, and
 * on development chains evm_*. Error codes and texts are those that Ethereum's clients recognise. */
#ifndef POSW_RPC_RPC_H
#define POSW_RPC_RPC_H

#include "node/node.h"
#include "p2p/p2p.h"

typedef struct posw_rpc posw_rpc;

typedef struct {
    size_t batch_max;               /* requests in a batch, default 1,000 */
    uint64_t batch_us_max;          /* time of a batch: what is left of it then is not done; default 5 s */
    uint64_t (*stopwatch_us)(void); /* a clock that only goes on; NULL: a batch may take as long as it does */
    size_t answer_bytes_max;        /* default 32 MiB: then -32003 response too large */
    size_t filters_max;             /* of all clients, default 1,000 */
    size_t subscriptions_max;       /* of one client, default 128 */
    size_t watched_values_max;      /* addresses and topics of filters and subscriptions of all clients, 50 bytes each,
                                       default 1,000,000 */
    uint64_t logs_range_max;        /* blocks searched by one eth_getLogs, default 100,000 */
    uint64_t search_blocks_max;     /* looked through by one search for an address's transactions, default 10,000 */
    uint64_t search_txs_max;        /* and transactions in them, default 20,000: together some 200 ms */
    uint64_t seed[2];               /* filter ids are derived from it */
    const char *client_version;     /* "posw/v0.1.0/linux-amd64/gcc"; borrowed */
    bool jobs;  /* whoever performs the node's actions runs jobs: batches of transactions use them */
    bool admin; /* admin_* methods are there: for an RPC that the operator alone can reach */
    /* PoW for posw_submitWork's check comes from the chain. */
} posw_rpc_options;
void posw_rpc_options_default(posw_rpc_options *o);

/* Registers itself as the node's service. */
int posw_rpc_new(posw_rpc **out, posw_node *n, const posw_rpc_options *o);
/* The network that net_*, admin_* and eth_syncing speak of; borrowed, NULL: none. */
void posw_rpc_set_p2p(posw_rpc *r, posw_p2p *p);
/* Snapshots of the data directory (admin_snapshot), which somebody else makes. */
enum posw_rpc_snapshot_state {
    POSW_RPC_SNAPSHOT_NONE,
    POSW_RPC_SNAPSHOT_RUNNING,
    POSW_RPC_SNAPSHOT_DONE,
    POSW_RPC_SNAPSHOT_FAILED
};
typedef struct {
    enum posw_rpc_snapshot_state state; /* of the last one that was asked for */
    const char *path;                   /* NULL: none yet. Borrowed until the next call */
    uint64_t bytes;                     /* written */
    const char *problem;                /* why it failed; borrowed likewise */
} posw_rpc_snapshot;
typedef struct {
    /* Asks for one; POSW_EBUSY, POSW_EFULL and others with a sentence. It begins after this step. */
    int (*start)(void *arg, posw_message *msg);
    void (*read)(void *arg, posw_rpc_snapshot *out);
    void *arg;
} posw_rpc_snapshots;
void posw_rpc_set_snapshots(posw_rpc *r, const posw_rpc_snapshots *s); /* copied */
void posw_rpc_free(posw_rpc *r);

/* How many requests a text has: of a batch all that are in it, else 1. Not more than there are commas and 1, also where
 * it is no JSON; never fewer than would be carried out. */
unsigned posw_rpc_count_calls(posw_bytes text);

/* Answers one request text (object or batch) as posw_node_step does for CLIENT_DATA; nothing appended: only
 * notifications. For tests and fuzzing. */
void posw_rpc_handle(posw_rpc *r, uint64_t client, bool stream, posw_bytes request, posw_buf *answer,
                     posw_actions *out);

#endif
