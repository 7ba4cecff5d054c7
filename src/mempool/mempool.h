/* The pool of transactions that wait for a block.
 *
 * Each sender has a queue by nonce. Transactions whose nonces follow the account's without a gap are *pending* (can be
 * mined), later ones are *queued*. A transaction is replaced by one of the same sender and nonce that offers at least
 * 10 % more in both fee fields, and that leaves the money for the sender's others. When the pool is full, tails go:
 * queued ones before pending ones, then the one that offers least (what the miner of the next block would get for its
 * gas, then fee, then the latest arrival), where a tail counts as what the worst of its sender's transactions up to it
 * offers. A newcomer goes over what is worth less; if that is not enough it is refused, and nothing is evicted for it.
 *
 * No I/O, no clock (now_s comes in). The journal is bytes that the owner keeps: see posw_mempool_journal_record.
 * Single-threaded. */
#ifndef POSW_MEMPOOL_MEMPOOL_H
#define POSW_MEMPOOL_MEMPOOL_H

#include "chain/chain.h"
#include "state/execute.h"

typedef struct posw_mempool posw_mempool;

typedef struct {
    size_t txs_max;            /* default 100,000 */
    size_t bytes_max;          /* of memory: each encoding and about 400 bytes, default 64 MiB */
    size_t sender_pending_max; /* default 20,000: how far a nonce may be ahead of the account's, so the whole queue of
                                  one sender */
    size_t sender_queued_max;  /* behind a nonce gap, default 64 */
    uint64_t lifetime_s;       /* default 3 h; queued ones older than this go */
    uint64_t seed[2];          /* of the hash maps */
} posw_mempool_options;
void posw_mempool_options_default(posw_mempool_options *o);

/* Every refusal, with the words that its sentence begins with: those that Ethereum's clients recognise. */
enum posw_mempool_refusal {
    POSW_MEMPOOL_ACCEPTED,
    POSW_MEMPOOL_KNOWN,     /* already known */
    POSW_MEMPOOL_MALFORMED, /* the transaction is malformed */
    POSW_MEMPOOL_TYPE, /* transaction type not supported (go-ethereum's words), and in it: transaction type not valid
                          (what viem looks for) */
    POSW_MEMPOOL_SIGNATURE,        /* invalid sender */
    POSW_MEMPOOL_UNPROTECTED,      /* only replay-protected (EIP-155) transactions allowed over RPC */
    POSW_MEMPOOL_CHAIN_ID,         /* invalid chain id for signer */
    POSW_MEMPOOL_CREATES_CONTRACT, /* contract creation is not supported */
    POSW_MEMPOOL_SIZE,             /* oversized data */
    POSW_MEMPOOL_INTRINSIC_GAS,    /* intrinsic gas too low */
    POSW_MEMPOOL_GAS_LIMIT,        /* exceeds block gas limit */
    POSW_MEMPOOL_TIP_ABOVE_MAX,    /* max priority fee per gas higher than max fee per gas */
    POSW_MEMPOOL_UNDERPRICED,      /* transaction underpriced: below the chain's minimum base fee */
    POSW_MEMPOOL_NONCE_LOW,        /* nonce too low: next nonce 5, tx nonce 4 */
    POSW_MEMPOOL_NONCE_HIGH,       /* nonce too high: too far ahead of the account's, or too many behind a gap */
    POSW_MEMPOOL_NONCE_MAX,        /* nonce has max value */
    POSW_MEMPOOL_FUNDS,            /* insufficient funds for gas * price + value: balance ... */
    POSW_MEMPOOL_REPLACEMENT,      /* replacement transaction underpriced */
    POSW_MEMPOOL_FULL,             /* txpool is full */
};

int posw_mempool_new(posw_mempool **out, posw_chain *chain, const posw_mempool_options *o); /* chain: borrowed */
void posw_mempool_free(posw_mempool *m);

/* Judges and takes a transaction. sender: known (already recovered) or NULL. text (may be NULL) gets the refusal's full
 * sentence. *hash (may be NULL) is set whenever it decodes. POSW_OK, also when refused; else an operating error. */
int posw_mempool_add(posw_mempool *m, enum posw_mempool_refusal *refusal, posw_message *text, posw_hash *hash,
                     const uint8_t *raw, size_t size, const posw_address *sender, uint64_t now_s);
/* Follows the chain after an import: transactions of removed blocks come back (when they are still valid), mined ones
 * go, pending and queued are recomputed for the senders that were touched; replaced and unaffordable ones go. */
int posw_mempool_follow(posw_mempool *m, const posw_chain_change *change, uint64_t now_s);

/* One transaction as it lies in the pool. Borrowed until the next add or follow. */
typedef struct {
    posw_tx tx;
    posw_hash hash;
    posw_address sender;
    uint64_t added_s;
    bool pending;
} posw_mempool_entry;
const posw_mempool_entry *posw_mempool_find(const posw_mempool *m, const posw_hash *hash);
/* The next nonce of an account counting its pending transactions. */
int posw_mempool_next_nonce(posw_mempool *m, uint64_t *out, const posw_address *sender);
void posw_mempool_counts(const posw_mempool *m, size_t *pending, size_t *queued, size_t *bytes);
/* Every entry, by sender address then nonce; for txpool_content. A non-zero result of fn stops and is returned. sender
 * NULL: all. */
int posw_mempool_walk(const posw_mempool *m, const posw_address *sender,
                      int (*fn)(void *arg, const posw_mempool_entry *e), void *arg);
/* The same in an order that costs nothing: nonces of a sender one after the other, and last the sender whose tail would
 * go first when the pool is full. For who looks for something, or stops early: a sort takes 40 ms for 100,000 senders.
 */
int posw_mempool_walk_unsorted(const posw_mempool *m, int (*fn)(void *arg, const posw_mempool_entry *e), void *arg);
/* Sender of a transaction that the pool holds, for posw_prepare. NOT thread safe: for use on the node's thread. */
bool posw_mempool_sender(const posw_mempool *m, posw_address *out, const posw_hash *tx_hash);

/* Selection for a block: the best-paying pending transactions first (effective tip at this base fee, then arrival),
 * nonces of a sender in order. next() gives a borrowed entry or NULL; skip_sender() drops the rest of the last entry's
 * sender. The pool must not change meanwhile. */
typedef struct posw_mempool_selection posw_mempool_selection;
int posw_mempool_select(const posw_mempool *m, posw_mempool_selection **out, uint64_t base_fee_wei);
const posw_mempool_entry *posw_mempool_selection_next(posw_mempool_selection *s);
void posw_mempool_selection_skip_sender(posw_mempool_selection *s);
void posw_mempool_selection_free(posw_mempool_selection *s);

/* The journal: records of length (4, big-endian) ‖ raw transaction. The owner appends what it accepted to a file, and
 * rewrites the file from posw_mempool_journal_write now and then. Loading adds what is still valid; a torn or damaged
 * tail is ignored. piece: the size of the whole records at the front, as many as are needed for `wanted` bytes; 0: none
 * is whole. */
void posw_mempool_journal_record(posw_buf *out, const posw_mempool_entry *e);
int posw_mempool_journal_write(const posw_mempool *m, posw_buf *out);
size_t posw_mempool_journal_piece(const uint8_t *data, size_t size, size_t wanted);
int posw_mempool_journal_read(posw_mempool *m, const uint8_t *data, size_t size, uint64_t now_s, size_t *accepted);

#endif
