/* What the files of src/rpc share.
 *
 *      text -> rpc.c (limits, parsing, batches) -> methods.c (the table) -> one function a method
 *                                                                            |-> params.c, block_ref.c: reading
 * arguments
 *                                                                            |-> block_cache.c: blocks with senders and
 * receipts
 *                                                                            '-> json_block.c: standard objects
 *      the chain moved, a transaction came -> events.c -> filters.c (asked for later), subscribe.c (sent at once)
 *
 * A method writes one JSON value to call->w. What goes wrong is said once with rpc_fail (sticky): whatever the method
 * had written is then taken back. */
#ifndef POSW_RPC_RPC_INTERNAL_H
#define POSW_RPC_RPC_INTERNAL_H

#include "base/json_writer.h"
#include "rpc/rpc.h"

#include <jansson.h>

enum {
    RPC_ERROR_PARSE = -32700,
    RPC_ERROR_REQUEST = -32600,
    RPC_ERROR_METHOD = -32601,
    RPC_ERROR_PARAMS = -32602,
    RPC_ERROR_INTERNAL = -32603,
    RPC_ERROR_SERVER = -32000, /* everything of the application */
    RPC_ERROR_NO_NOTIFICATIONS = -32001,
    RPC_ERROR_TOO_LARGE = -32003,
    RPC_ERROR_REVERTED = 3,
    RPC_ERROR_PRUNED = 4444, /* EIP-4444, as go-ethereum answers it */
};

enum {
    RPC_DEPTH_MAX = 32,      /* nesting of a request */
    RPC_VALUES_MAX = 200000, /* of a request: bounds what its parsed form takes */
    RPC_CLAUSE_MAX = 1000,   /* addresses of a log filter, and topics of one place */
    RPC_SLOTS_MAX = 1024,    /* storage keys of one eth_getProof */
    RPC_FILTER_LIFETIME_S = 300,
    RPC_FILTER_IDLE_S = 15,  /* not asked for so long, it makes room for another when there are too many */
    RPC_CHAIN_EVENTS = 4096, /* what filters may be behind, in blocks */
    RPC_TX_EVENTS = 65536,   /* and in transactions */
    RPC_BLOCKS_CACHED = 4,
    RPC_BLOCKS_CACHED_BYTES = 16 << 20,
    RPC_TIP_BLOCKS = 20, /* whose fees the suggestion looks at */
    RPC_FILTERS_MAX = 100000,
    RPC_SUBSCRIPTIONS_MAX = 100000, /* of all clients */
    RPC_PAGE_MAX = 1000,            /* transactions of a page of ots_getBlockTransactions */
    RPC_SEARCH_PAGE_MAX = 100,      /* of one of ots_searchTransactions*, which ends with a whole block */
    RPC_LATER_TXS_MIN = 4,          /* transactions of a batch for which other threads are asked */
    RPC_LATER_JOBS_MAX = 128,       /* that have been asked for and not come back */
    RPC_LATER_BYTES_MAX = 16 << 20, /* of the requests that wait for them */
};

typedef struct rpc_later rpc_later;

/* ---- Blocks ---- */

/* Which block a request means. */
typedef struct {
    enum { RPC_BY_NUMBER, RPC_BY_HASH, RPC_LATEST, RPC_PENDING, RPC_SAFE, RPC_FINALIZED } kind;
    uint64_t number;
    posw_hash hash;
    bool canonical; /* EIP-1898: it must be on the main chain */
} rpc_block_ref;

/* A block ready to be shown. Owned by the cache: borrowed until the next rpc_block_load. */
typedef struct {
    bool used, has_receipts, has_senders, has_hashes;
    uint64_t used_at;
    size_t memory;
    posw_hash hash;
    posw_header header;
    posw_u256 weight_total;
    size_t size;
    posw_buf raw;
    posw_block block; /* views of raw */
    posw_buf receipts, senders;
    posw_hash *tx_hashes;
    /* One a transaction: */
    struct rpc_receipt_place {
        posw_bytes receipt;
        uint64_t gas_before; /* cumulative, of those before it */
        uint64_t first_log;  /* index in the block */
    } * places;
} rpc_block;

/* ---- Filters and subscriptions ---- */

typedef struct {
    uint16_t byte[3];
    uint8_t mask[3]; /* where a bloom that holds it is set */
} rpc_bloom_bits;

/* An address or topic in a filter. Addresses use the first 20 bytes. */
typedef struct {
    posw_hash value;
    rpc_bloom_bits bits;
} rpc_clause_item;

typedef struct {
    rpc_clause_item *items; /* owned; sorted by value */
    size_t count;           /* 0: anything */
} rpc_clause;

typedef struct {
    bool by_block_hash;
    posw_hash block_hash;
    rpc_block_ref from, to;
    rpc_clause address, topics[POSW_LOG_TOPICS_MAX];
    size_t topic_count; /* a log needs at least so many */
} rpc_log_filter;

enum rpc_watch { RPC_WATCH_BLOCKS, RPC_WATCH_LOGS, RPC_WATCH_TXS };

typedef struct {
    uint64_t id;
    enum rpc_watch what;
    uint64_t cursor; /* of chain events or transaction events */
    uint64_t used_s;
    rpc_log_filter *logs; /* owned; WATCH_LOGS only */
} rpc_filter;

typedef struct {
    uint64_t id, client;
    enum rpc_watch what;
    bool full;            /* WATCH_TXS: whole objects */
    bool may_match;       /* WATCH_LOGS: a log of the block that is being told, by its bloom */
    rpc_log_filter *logs; /* owned; WATCH_LOGS only */
} rpc_subscription;

/* One step of the main chain. */
typedef struct {
    posw_hash hash;
    uint64_t number;
    bool removed;
} rpc_chain_event;

/* The lowest tips of one block, for the suggestion. */
typedef struct {
    bool used;
    posw_hash hash;
    size_t count; /* 0: no transaction paid one */
    posw_u256 tips[3];
} rpc_block_tips;

struct posw_rpc {
    posw_node *node;
    posw_p2p *p2p;                /* NULL: no network */
    posw_rpc_snapshots snapshots; /* zeroed: none can be made */
    posw_rpc_options options;
    uint64_t next_id;

    rpc_block blocks[RPC_BLOCKS_CACHED];
    uint64_t blocks_clock;

    rpc_chain_event *chain_events; /* RPC_CHAIN_EVENTS of them, at sequence number % RPC_CHAIN_EVENTS */
    uint64_t chain_next;           /* sequence number of the next event */
    posw_hash *tx_events;          /* NULL until somebody asks */
    uint64_t tx_next;

    rpc_filter *filters;
    size_t filter_count, filter_capacity;
    rpc_subscription *subscriptions; /* in the order in which they were made */
    size_t subscription_count, subscription_capacity;

    rpc_block_tips tips[RPC_TIP_BLOCKS];
    posw_hash tip_of; /* block for which suggested_tip was computed */
    posw_u256 suggested_tip;
    bool tip_known;

    rpc_later *later; /* batches that wait for jobs; owned */
    uint64_t later_id;
    size_t later_jobs, later_bytes;
    rpc_later *answering; /* the one that is being answered, NULL: none */

    uint64_t time_added_s; /* evm_increaseTime */
    uint64_t clock_skew_s; /* by which a development chain's clock was moved */
};

/* ---- A request in progress ---- */

typedef struct {
    posw_rpc *rpc;
    posw_node *node;
    posw_chain *chain;
    posw_mempool *pool;
    uint64_t client;
    bool stream;
    const json_t *params; /* an array, or NULL */
    posw_jw w;            /* the result */
    size_t size_max;      /* of w.out */
    posw_actions *actions;
    int code; /* not 0: failed */
    posw_message message;
    posw_buf data; /* of the error: a JSON value, or empty */
} rpc_call;

typedef struct {
    const char *name;
    void (*run)(rpc_call *c);
    uint8_t required, most; /* arguments */
    bool development;       /* only there */
} rpc_method;
/* NULL: no such method here. */
const rpc_method *rpc_method_find(const char *name, bool development, bool admin);
/* The whole table, sorted by name. */
const rpc_method *rpc_methods(size_t *count);

/* ---- network.c ---- */
size_t rpc_peer_count(const rpc_call *c);
bool rpc_is_syncing(const rpc_call *c);

/* ---- error.c: all return false, so that `return rpc_fail(...)` reads well; the first one stays ---- */
bool rpc_fail(rpc_call *c, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* An operating error: -32603, or -32000 where the caller can do something; POSW_EPRUNED as rpc_fail_pruned. */
bool rpc_fail_operating(rpc_call *c, int err);
/* Code 4444: bodies and receipts of that age are not here. */
bool rpc_fail_pruned(rpc_call *c);
/* code 3 with the reason and the return data. */
bool rpc_fail_reverted(rpc_call *c, posw_bytes output);
/* A block or seal that was not accepted: rule number and text. */
bool rpc_fail_verdict(rpc_call *c, const char *what, posw_verdict v);
/* False, and failed with -32003, when the answer has grown too large. */
bool rpc_fits(rpc_call *c);
void rpc_error_object(posw_jw *w, int code, const char *message, posw_bytes data);

/* ---- params.c ---- */
/* Where a value stands, for messages: "invalid argument 0: from: …". */
typedef struct {
    size_t arg;
    const char *member; /* NULL: the argument itself */
} rpc_at;
static inline rpc_at rpc_arg(size_t i) {
    return (rpc_at){i, NULL};
}
bool rpc_bad(rpc_call *c, rpc_at at, const char *format, ...) __attribute__((format(printf, 3, 4)));
size_t rpc_param_count(const rpc_call *c);
/* NULL when absent or null. Borrowed from the request. */
const json_t *rpc_param(const rpc_call *c, size_t i);
/* Values: false and failed with -32602 when v is not one; NULL is not one. */
bool rpc_value_address(rpc_call *c, rpc_at at, const json_t *v, posw_address *out);
bool rpc_value_hash(rpc_call *c, rpc_at at, const json_t *v, posw_hash *out);
bool rpc_value_u64(rpc_call *c, rpc_at at, const json_t *v, uint64_t *out);
bool rpc_value_u256(rpc_call *c, rpc_at at, const json_t *v, posw_u256 *out);
bool rpc_value_fixed(rpc_call *c, rpc_at at, const json_t *v, uint8_t *out, size_t size);
/* Appends to out. */
bool rpc_value_data(rpc_call *c, rpc_at at, const json_t *v, posw_buf *out, size_t size_max);
/* Quantity as text or a JSON number, at most `max`. */
bool rpc_value_count(rpc_call *c, rpc_at at, const json_t *v, uint64_t *out, uint64_t max);
/* A storage key: up to 32 bytes, right-aligned; *full: it was given with all 32. */
bool rpc_value_slot(rpc_call *c, const json_t *v, posw_hash *out, bool *full);
/* The same for argument i. */
bool rpc_param_address(rpc_call *c, size_t i, posw_address *out);
bool rpc_param_hash(rpc_call *c, size_t i, posw_hash *out);
bool rpc_param_u64(rpc_call *c, size_t i, uint64_t *out);
bool rpc_param_bool(rpc_call *c, size_t i, bool *out);

/* ---- block_ref.c ---- */
/* Tag or number. An absent argument is `latest`. */
bool rpc_param_block_number(rpc_call *c, size_t i, rpc_block_ref *out);
/* Tag, number, hash, or an EIP-1898 object. */
bool rpc_param_block(rpc_call *c, size_t i, rpc_block_ref *out);
bool rpc_value_block_number(rpc_call *c, rpc_at at, const json_t *v, rpc_block_ref *out);
/* The number that a tag or number means; not for hashes. `pending` is the tip's. */
uint64_t rpc_ref_number(const rpc_call *c, const rpc_block_ref *ref);
/* The hash of the block. False without failure: there is none; with: an operating error, or it must be on the main
 * chain and is not. */
bool rpc_ref_hash(rpc_call *c, const rpc_block_ref *ref, posw_hash *out);
/* Its header and what goes with it, without its body. False without failure: there is no such block. */
bool rpc_ref_info(rpc_call *c, const rpc_block_ref *ref, posw_chain_block_info *out);
/* A copy of the state after that block, owned by the caller; NULL: failed. *number (may be NULL): of the block. */
posw_state *rpc_ref_state(rpc_call *c, const rpc_block_ref *ref, uint64_t *number);

/* ---- block_cache.c: NULL: failed, or (without failure) not there ---- */
rpc_block *rpc_block_load(rpc_call *c, const posw_hash *hash);
rpc_block *rpc_block_by_ref(rpc_call *c, const rpc_block_ref *ref);
/* Nothing but its header may be here. (A block without transactions is its header.) */
bool rpc_block_is_pruned(const rpc_call *c, const posw_chain_block_info *info);
/* Makes senders, receipts or hashes available. Receipts: false without failure for a block that has none (a side
 * branch's). */
bool rpc_block_need_senders(rpc_call *c, rpc_block *b);
bool rpc_block_need_receipts(rpc_call *c, rpc_block *b);
bool rpc_block_need_hashes(rpc_call *c, rpc_block *b);
const posw_address *rpc_block_sender(const rpc_block *b, size_t i);
/* Receipt i; its logs are written to `logs`. */
bool rpc_block_receipt(rpc_call *c, const rpc_block *b, size_t i, posw_receipt *out,
                       posw_event_log logs[POSW_RECEIPT_LOGS_MAX]);
void rpc_blocks_clear(posw_rpc *r);

/* ---- walk.c ---- */
/* There is no index by address: who looks for one goes from block to block of the main chain, up or down, until the
 * last block wanted or one of the limits search_blocks_max and search_txs_max of the options. Blocks that are pruned
 * are passed over: `end` is then the first that is not. */
typedef struct {
    uint64_t end; /* the last block wanted */
    bool upward;
    uint64_t next; /* the block that comes next */
    uint64_t blocks_left, txs_left;
    bool exhausted; /* `end` has been looked at */
} rpc_walk;
rpc_walk rpc_walk_of(const rpc_call *c, bool upward, uint64_t first, uint64_t end);
/* The next block that has transactions, with hashes, senders and receipts; NULL: no more within the limits, or failed.
 */
rpc_block *rpc_walk_next(rpc_call *c, rpc_walk *s);
/* Whether transaction i is from or to the address. */
bool rpc_tx_concerns(const rpc_block *b, size_t i, const posw_address *a);

/* ---- eth_chain.c ---- */
/* Transaction i of the pending block, borrowed until the pool changes; NULL: it has fewer, or failed. */
const posw_mempool_entry *rpc_pending_tx(rpc_call *c, uint64_t i);

/* ---- eth_tx.c ---- */
/* The block of a mined transaction, with its hashes; NULL: not mined, or failed. */
rpc_block *rpc_find_mined(rpc_call *c, const posw_hash *hash, size_t *index);

/* ---- json_block.c ---- */
void rpc_json_header_members(posw_jw *w, const posw_header *h, const posw_hash *hash);
void rpc_json_block(rpc_call *c, rpc_block *b, bool full);
/* Needs senders and hashes. */
void rpc_json_tx(posw_jw *w, const rpc_block *b, size_t i);
void rpc_json_tx_brief(posw_jw *w, const rpc_block *b, size_t i); /* of the input only the selector */
/* Members of an open object: the block without its transactions and bloom, and their number. */
void rpc_json_block_brief(posw_jw *w, const rpc_block *b);
void rpc_json_pool_tx(posw_jw *w, const posw_mempool_entry *e);
/* Needs senders, hashes and receipts. */
bool rpc_json_receipt(rpc_call *c, posw_jw *w, const rpc_block *b, size_t i);
/* The forms of ots_*: with the block's time (a JSON number), and without logs and bloom. */
enum rpc_receipt_form { RPC_RECEIPT_STANDARD, RPC_RECEIPT_TIMED, RPC_RECEIPT_BRIEF };
bool rpc_json_receipt_as(rpc_call *c, posw_jw *w, const rpc_block *b, size_t i, enum rpc_receipt_form form);
void rpc_json_log(posw_jw *w, const rpc_block *b, size_t tx, const posw_event_log *log, uint64_t log_index,
                  bool removed);

/* ---- log_filter.c ---- */
/* Reads argument i; *out must be cleared afterwards. An absent argument matches everything. */
bool rpc_param_log_filter(rpc_call *c, size_t i, rpc_log_filter *out);
void rpc_log_filter_clear(rpc_log_filter *f);
/* May this one (NULL: nothing) be kept beside all that are watched? Else the call fails. */
bool rpc_log_filter_fits(rpc_call *c, const rpc_log_filter *f);
bool rpc_log_filter_may_match(const rpc_log_filter *f, const uint8_t bloom[POSW_BLOOM_SIZE]);
bool rpc_log_filter_matches(const rpc_log_filter *f, const posw_event_log *log);
/* Writes every log of the block that matches. */
bool rpc_logs_of_block(rpc_call *c, posw_jw *w, const rpc_log_filter *f, const posw_hash *hash, bool removed);
/* The logs of the filter's range, as an array. */
void rpc_logs_of_filter(rpc_call *c, const rpc_log_filter *f);

/* ---- events.c ---- */
uint64_t rpc_new_id(posw_rpc *r);
void rpc_events_chain(posw_rpc *r, const posw_chain_change *change);
bool rpc_events_want_txs(posw_rpc *r); /* false: no memory */
void rpc_events_tx(posw_rpc *r, const posw_hash *hash);

/* ---- later.c: batches of transactions, whose senders jobs recover first ---- */
/* False: answer it at once. size: of the request's text. */
bool rpc_later_begin(posw_rpc *r, uint64_t client, json_t *request, size_t size, posw_actions *out);
void rpc_later_done(posw_rpc *r, posw_job *job, posw_actions *out);
/* The sender of a transaction of the batch that is being answered; NULL: not known. */
const posw_address *rpc_later_sender(posw_rpc *r, posw_bytes raw);
void rpc_later_clear(posw_rpc *r);

/* ---- rpc.c ---- */
/* Sends the answer of a parsed request, or with request NULL what `answer` holds; takes answer over. */
void rpc_send_answer(posw_rpc *r, uint64_t client, bool stream, const json_t *request, posw_buf *answer,
                     posw_actions *out);

/* ---- filters.c, subscribe.c ---- */
void rpc_filters_clear(posw_rpc *r);
void rpc_filters_expire(posw_rpc *r);
void rpc_subscriptions_drop(posw_rpc *r, uint64_t client);
void rpc_subscriptions_clear(posw_rpc *r);
void rpc_subscriptions_chain(posw_rpc *r, const posw_chain_change *change, posw_actions *out);
void rpc_subscriptions_tx(posw_rpc *r, const posw_mempool_entry *e, posw_actions *out);

/* A request that nobody made, for work that needs one: notifications. */
rpc_call rpc_call_begin(posw_rpc *r, uint64_t client, bool stream, posw_buf *answer, posw_actions *out);

/* U2: of the block after the tip. */
posw_rules rpc_rules_next(const rpc_call *c);

#endif
