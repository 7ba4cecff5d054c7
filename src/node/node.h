/* The node: joins chain, mempool and miner, and decides everything in one function.
 *
 *      posw_node_step(node, event, actions)
 *
 * Events come in (an RPC request, bytes of a peer, a found seal, a finished job, the passing of time), actions go out
 * (send these bytes, connect to that address, search this work, run that job on another thread). The node reads no
 * clock, opens no socket and starts no thread: the loop in src/io performs actions and brings events; a simulated world
 * does the same with other means. One thread owns the node. */
#ifndef POSW_NODE_NODE_H
#define POSW_NODE_NODE_H

#include "base/log.h"
#include "base/metrics.h"
#include "base/netaddr.h"
#include "chain/chain.h"
#include "mempool/mempool.h"
#include "miner/miner.h"
#include "node/job.h"

typedef struct posw_node posw_node;

enum posw_event_type {
    POSW_EVENT_TICK,          /* time has passed (a timer that was asked for, or any other time) */
    POSW_EVENT_CLIENT_DATA,   /* a whole request or message of a client of a service (RPC) */
    POSW_EVENT_CLIENT_CLOSED, /* the client is gone */
    POSW_EVENT_SEAL_FOUND,    /* a searcher found a nonce */
    POSW_EVENT_JOURNAL,       /* whole records of the mempool's journal, in pieces after the start */
    POSW_EVENT_PEER_OPEN,     /* a peer is connected, encrypted and authenticated: peer, inbound, address, node_id */
    POSW_EVENT_PEER_DATA,     /* bytes from a peer, cut anywhere */
    POSW_EVENT_PEER_CLOSED,   /* the connection is gone or never came to be; data: a few words why (no full stop) */
    POSW_EVENT_PEER_DRAINED,  /* all that was sent to this peer has left this machine */
    POSW_EVENT_JOB_DONE,      /* job: the node takes it over */
    POSW_EVENT_RESOLVED,      /* data: the name as asked; addresses (none: it could not be resolved) */
    POSW_EVENT_MINER_OPEN,    /* an outside miner is connected: client, address, places */
    POSW_EVENT_MINER_DATA,    /* bytes of it, cut anywhere: client, data */
    POSW_EVENT_MINER_CLOSED,  /* the connection is gone: client */
};

typedef struct {
    enum posw_event_type type;
    uint64_t now_ms;    /* unix time; never goes back within one node */
    uint64_t behind_ms; /* by how much the world's clock is behind now_ms, since it was set back; else 0 */
    uint64_t client;    /* CLIENT_*, MINER_*: chosen by the loop, each of the two for itself; never reused */
    bool client_stream; /* the client can be sent to unasked (WebSocket) */
    posw_bytes data;    /* CLIENT_DATA, JOURNAL: borrowed during the step */
    uint64_t work_id;   /* SEAL_FOUND */
    uint8_t nonce[8];
    posw_hash mix_hash;
    uint64_t peer; /* PEER_*: inbound ones are numbered by the loop from 1 (POSW_PEER_OUTBOUND clear), never reused */
    bool inbound;
    posw_netaddr address;
    posw_node_id node_id;
    posw_job *job;                 /* JOB_DONE */
    const posw_netaddr *addresses; /* RESOLVED: borrowed */
    size_t address_count;
    unsigned places; /* MINER_OPEN: so many miners the loop can have at once; 0: any number */
} posw_event;

/* Set in the numbers of outbound peers, which the node chooses in its PEER_CONNECT. */
#define POSW_PEER_OUTBOUND (1ULL << 63)

enum posw_action_type {
    POSW_ACTION_SEND,   /* data to client: the answer of its request, or unasked when it is a stream */
    POSW_ACTION_NOTIFY, /* data to each of `readers`, which are streams, with the number of each: posw_action_message */
    POSW_ACTION_LATER,  /* the answer of this client's request comes in a later step */
    POSW_ACTION_CLOSE,  /* client */
    POSW_ACTION_MINE,   /* search `work`, dropping what was searched before */
    POSW_ACTION_MINE_STOP,
    POSW_ACTION_TIMER,           /* call again with a TICK at at_ms (replaces an earlier timer) */
    POSW_ACTION_JOURNAL_APPEND,  /* data to the mempool journal */
    POSW_ACTION_JOURNAL_REPLACE, /* write the journal anew from the pool (posw_mempool_journal_write) */
    POSW_ACTION_PEER_CONNECT, /* to address as number `peer`; the other's key must hash to node_id unless that is zero
                               */
    POSW_ACTION_PEER_SEND,    /* data to peer */
    POSW_ACTION_PEER_CLOSE,   /* after what was sent before has left, or a second; PEER_CLOSED follows */
    POSW_ACTION_JOB,     /* run `job` (posw_job_run) on another thread and bring JOB_DONE; in the order of priority */
    POSW_ACTION_RESOLVE, /* the host name in data (a C string) to addresses with the port of `address` */
    POSW_ACTION_SAVE_PEERS,  /* keep data for the next start, replacing what was kept */
    POSW_ACTION_MINER_SEND,  /* data to the outside miner `client` */
    POSW_ACTION_MINER_CLOSE, /* `client`, when what was sent before has left, or soon; MINER_CLOSED does not follow */
    POSW_ACTION_FATAL,       /* an operating error that the node cannot live with: data is a sentence; stop */
};

/* Of NOTIFY. The same client may read more than once. */
typedef struct {
    uint64_t client, number;
} posw_reader;

typedef struct {
    enum posw_action_type type;
    uint64_t client;
    posw_buf data;    /* owned by the actions */
    posw_buf readers; /* likewise: posw_reader after posw_reader */
    size_t hole;      /* where the number of a reader goes in data */
    uint64_t at_ms;
    uint64_t peer;
    posw_netaddr address;
    posw_node_id node_id;
    posw_job *job;  /* owned by the actions until the performer takes it (and sets it to NULL) */
    posw_work work; /* MINE. Last, because of the others it is not set */
} posw_action;

/* Zero-initialise; reuse after posw_actions_reset. */
typedef struct {
    posw_action *items;
    size_t count, capacity;
} posw_actions;
/* A new action at the end, NULL: out of memory. Borrowed until the next push. */
posw_action *posw_actions_push(posw_actions *a, enum posw_action_type type);
/* How many messages a NOTIFY is, 0 if there was no memory for it; and the i-th of them, appended to out: data with the
 * reader's number, as 0x and hexadecimal digits, at the hole. Returns its client. (A message of a hundred kilobytes for
 * thousands of readers is kept once.) */
size_t posw_action_readers(const posw_action *a);
uint64_t posw_action_message(posw_buf *out, const posw_action *a, size_t i);
void posw_actions_reset(posw_actions *a);
void posw_actions_clear(posw_actions *a);

/* What sits on the node and speaks with others: the JSON-RPC of src/rpc, the network of src/p2p and the miners' door of
 * src/stratum. All functions run inside posw_node_step; those that are NULL are not called. */
typedef struct posw_node_service {
    /* Every event that is about a peer, a job or a name; and every TICK. STRATUM: those of miners, too. */
    void (*event)(void *arg, posw_node *n, const posw_event *e, posw_actions *out);
    void (*client_data)(void *arg, posw_node *n, const posw_event *e, posw_actions *out);
    void (*client_closed)(void *arg, posw_node *n, uint64_t client);
    void (*chain_changed)(void *arg, posw_node *n, const posw_chain_change *change, posw_actions *out);
    void (*tx_accepted)(void *arg, posw_node *n, const posw_mempool_entry *e, posw_actions *out);
    void *arg;
} posw_node_service;
enum posw_node_service_slot { POSW_SERVICE_RPC, POSW_SERVICE_P2P, POSW_SERVICE_STRATUM, POSW_SERVICE_COUNT };

typedef struct {
    posw_chain *chain;     /* borrowed */
    posw_mempool *mempool; /* borrowed */
    const posw_log *log;
    /* Mining: NULL identity: no built-in miner (work can still be fetched by others). Copied. */
    const posw_miner_identity *identity;
    uint64_t pace_s; /* development: at least this long between a parent and the block on it; 0: as found */
    /* Renew the template for new transactions, and where the difficulty depends on a block's own time (D6, D7) always;
     * default 1000. */
    uint64_t template_refresh_ms;
    bool development;     /* allows evm_mine and evm_increaseTime */
    uint64_t prune_bytes; /* block and execution files together are held at about this, oldest first; 0: all are kept */
    const posw_pow *pow;  /* borrowed; only posw_node_mine_now searches with it */
    /* For performers that know when a seal will be found without a search (a simulated world): MINE then says number,
     * difficulty, weight and target alone, and the block is made when it is asked for, with posw_node_late_work. */
    bool late_templates;
    /* For the counters alone, which decide nothing: a clock that only goes on, in microseconds. NULL: times are not
     * counted. */
    uint64_t (*stopwatch_us)(void);
} posw_node_options;

int posw_node_new(posw_node **out, const posw_node_options *o);
void posw_node_free(posw_node *n);
void posw_node_set_service(posw_node *n, enum posw_node_service_slot slot, const posw_node_service *s); /* copied */
/* Asked between the parts of a long step (a batch, many blocks of evm_mine): true ends it early, because the program is
 * to stop. NULL: never. */
void posw_node_set_interrupt(posw_node *n, bool (*asked)(void *arg), void *arg);
/* late_templates: the work of this MINE, whole: the block as of that moment, but with what the pool holds now.
 * POSW_ENOTFOUND: it is not what is mined any more; or an operating error. */
int posw_node_late_work(posw_node *n, uint64_t work_id, posw_work *out);
/* Never fails: what goes wrong is answered, logged, or a FATAL action. */
void posw_node_step(posw_node *n, const posw_event *e, posw_actions *out);

/* ---- For services ---- */
posw_chain *posw_node_chain(posw_node *n);
posw_mempool *posw_node_mempool(posw_node *n);
/* The world's clock at the current step, which may have been set back, plus the development chain's offset: for what
 * others are to agree with. */
uint64_t posw_node_now_s(const posw_node *n);
uint64_t posw_node_now_ms(const posw_node *n); /* of the current step: for what is due, since it never goes back */
/* By how much the world's clock is behind that, since it was set back; else 0. */
uint64_t posw_node_behind_ms(const posw_node *n);
const posw_log *posw_node_log(const posw_node *n);
/* Asks for a TICK at that time at the latest. Each slot has one wish, which a later call replaces; UINT64_MAX: none. */
void posw_node_wake_at(posw_node *n, enum posw_node_service_slot slot, uint64_t at_ms);
/* While held, the built-in miner rests (a node that is still catching up would mine on an old block). */
void posw_node_hold_mining(posw_node *n, bool hold, posw_actions *out);
bool posw_node_mining_is_held(const posw_node *n);
bool posw_node_interrupted(const posw_node *n);
/* An operating error that a service met: it is logged, and FATAL where the node cannot live with it. what: "the … could
 * not be …". */
void posw_node_operating_error(posw_node *n, int err, const char *what, posw_actions *out);
bool posw_node_is_development(const posw_node *n);
const posw_address *posw_node_miner(const posw_node *n); /* NULL: none */
/* A transaction from a client: pool, journal, subscribers. sender: recovered from these bytes by a job, or NULL. */
int posw_node_submit_tx(posw_node *n, const uint8_t *raw, size_t size, const posw_address *sender,
                        enum posw_mempool_refusal *refusal, posw_message *text, posw_hash *hash, posw_actions *out);
/* An encoded block from a client or file: import and everything that follows. */
int posw_node_submit_block(posw_node *n, posw_prepared *p, posw_verdict *verdict, posw_actions *out);
/* Work for an outside searcher of this miner. 7 templates are remembered beside the built-in miner's current one; those
 * on an old tip go first, then the oldest of the miner that has most. */
int posw_node_get_work(posw_node *n, const posw_address *miner, posw_work *out);
/* A found seal for remembered work, signed by the client (signature over posw_seal_digest) or, when signature is NULL,
 * by the node's own identity. POSW_ENOTFOUND: work that is not known (any more); POSW_EAUTH: no signature and no
 * identity. A seal that is refused leaves the work as it is. */
int posw_node_submit_work(posw_node *n, const posw_hash *seal_hash, const uint8_t nonce[8], const posw_hash *mix_hash,
                          const posw_signature *signature, posw_verdict *verdict, posw_actions *out);
/* A sealed block of a template that a service has made with posw_miner_template: import and everything that follows.
 * Taken over (cleared) when the verdict is valid; else it stays as it is. */
int posw_node_submit_template(posw_node *n, posw_chain_template *t, const posw_header *sealed, posw_verdict *verdict,
                              posw_actions *out);
/* Development chains: mines one block now (time moves on if needed) by searching in this thread. POSW_EUNSUPPORTED
 * elsewhere; POSW_EAUTH: the miner has named another signer. */
int posw_node_mine_now(posw_node *n, posw_actions *out);
int posw_node_increase_time(posw_node *n, uint64_t seconds);

typedef struct {
    uint64_t blocks_mined, templates, txs_submitted, txs_refused;
    uint64_t blocks_imported, reorgs; /* blocks that joined the main chain; changes that took blocks back */
    posw_histogram reorg_depth;       /* blocks taken back: posw_histogram_depths */
    posw_histogram import_us;         /* each block, with execution and commit: posw_histogram_times */
} posw_node_counters;
posw_node_counters posw_node_read_counters(const posw_node *n);
uint64_t posw_node_blocks_mined(const posw_node *n); /* of the same */

#endif
