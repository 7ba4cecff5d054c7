/* Admission: what is refused, with which words; replacement; who goes when the pool is full. */
#include "mempool/mempool_internal.h"

#include "base/bytes.h"
#include "base/error.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    posw_mempool *m;
    posw_message *text;
    enum posw_mempool_refusal *refusal;
} judge;

static bool refuse(judge *j, enum posw_mempool_refusal r, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool refuse(judge *j, enum posw_mempool_refusal r, const char *format, ...) {
    *j->refusal = r;
    if (j->text == NULL) return false;
    va_list ap;
    va_start(ap, format);
    posw_message_vset(j->text, format, ap);
    va_end(ap);
    return false;
}

static bool judge_decoding(judge *j, enum posw_tx_status status, uint8_t type) {
    switch (status) {
    case POSW_TX_OK:
        return true;
    case POSW_TX_MALFORMED:
        return refuse(j, POSW_MEMPOOL_MALFORMED,
                      "the transaction is malformed: it is not canonical RLP of a signed transaction");
    case POSW_TX_TYPE_UNSUPPORTED:
        return refuse(j, POSW_MEMPOOL_TYPE,
                      "transaction type not supported: type %u is a transaction type not valid here; this chain takes "
                      "types 0, 1 and 2",
                      type);
    case POSW_TX_BAD_SIGNATURE:
        return refuse(j, POSW_MEMPOOL_SIGNATURE, "invalid sender: the signature is out of range");
    }
    return false;
}

static bool refuse_tip(judge *j, const posw_tx *tx) {
    char fee[POSW_U256_DEC_SIZE], tip[POSW_U256_DEC_SIZE];
    posw_u256_to_dec(fee, &tx->max_fee);
    posw_u256_to_dec(tip, &tx->max_tip);
    return refuse(j, POSW_MEMPOOL_TIP_ABOVE_MAX,
                  "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: %s, maxFeePerGas: %s",
                  tip, fee);
}

static bool refuse_fee(judge *j, const posw_tx *tx, uint64_t minimum_wei) {
    char fee[POSW_U256_DEC_SIZE];
    posw_u256_to_dec(fee, &tx->max_fee);
    return refuse(j, POSW_MEMPOOL_UNDERPRICED,
                  "transaction underpriced: maxFeePerGas %s, the chain's minimum base fee is %" PRIu64, fee,
                  minimum_wei);
}

/* Refusals that only need the transaction and the chain's parameters. */
static bool judge_static(judge *j, const posw_tx *tx) {
    const posw_params *p = posw_chain_params(j->m->chain);
    const posw_rules *rules = &j->m->rules;
    switch (posw_tx_check_static(tx, p, rules->gas_limit)) {
    case POSW_TX_UNPROTECTED:
        return refuse(j, POSW_MEMPOOL_UNPROTECTED, "only replay-protected (EIP-155) transactions allowed over RPC");
    case POSW_TX_WRONG_CHAIN:
        return refuse(j, POSW_MEMPOOL_CHAIN_ID, "invalid chain id for signer: have %" PRIu64 " want %" PRIu64,
                      tx->chain_id, p->chain_id);
    case POSW_TX_CREATES_CONTRACT:
        return refuse(j, POSW_MEMPOOL_CREATES_CONTRACT,
                      "contract creation is not supported: this chain has no contract VM; set 'to'");
    case POSW_TX_INTRINSIC_GAS:
        return refuse(j, POSW_MEMPOOL_INTRINSIC_GAS, "intrinsic gas too low: gas %" PRIu64 ", minimum needed %" PRIu64,
                      tx->gas_limit, posw_tx_intrinsic_gas(tx));
    case POSW_TX_GAS_ABOVE_BLOCK:
        return refuse(j, POSW_MEMPOOL_GAS_LIMIT, "exceeds block gas limit: gas %" PRIu64 ", limit %" PRIu64,
                      tx->gas_limit, rules->gas_limit);
    case POSW_TX_NONCE_MAX:
        return refuse(j, POSW_MEMPOOL_NONCE_MAX, "nonce has max value: 2^64-1");
    case POSW_TX_TIP_ABOVE_MAX:
        return refuse_tip(j, tx);
    case POSW_TX_FITS:
    case POSW_TX_NONCE_LOW:
    case POSW_TX_NONCE_HIGH:
    case POSW_TX_SENDER_HAS_CODE:
    case POSW_TX_FEE_BELOW_BASE:
    case POSW_TX_FUNDS:
        break;
    }
    posw_u256 minimum = posw_u256_from_u64(rules->base_fee_min_wei);
    return posw_u256_cmp(&tx->max_fee, &minimum) >= 0 || refuse_fee(j, tx, rules->base_fee_min_wei);
}

static posw_u256 cost_of(const posw_tx *tx) {
    posw_u256 gas;
    if (!posw_u256_mul_u64(&gas, &tx->max_fee, tx->gas_limit)) return POSW_U256_MAX;
    return posw_u256_add_sat(&gas, &tx->value);
}

/* The account of a sender at the tip, with its queue if it has one. */
typedef struct {
    const pool_sender *queue; /* NULL: nothing waits */
    uint64_t nonce;
    posw_u256 balance_wei;
} standing;

/* The nonce that would be pending next. */
static uint64_t next_nonce(const standing *a) {
    return a->nonce + (a->queue != NULL ? a->queue->pending : 0);
}

static bool judge_nonce(judge *j, const posw_tx *tx, const standing *a) {
    const posw_mempool_options *o = &j->m->o;
    if (tx->nonce < a->nonce)
        return refuse(j, POSW_MEMPOOL_NONCE_LOW, "nonce too low: next nonce %" PRIu64 ", tx nonce %" PRIu64, a->nonce,
                      tx->nonce);
    uint64_t next = next_nonce(a);
    if (tx->nonce - a->nonce >= o->sender_pending_max)
        return refuse(j, POSW_MEMPOOL_NONCE_HIGH, "nonce too high: next nonce %" PRIu64 ", tx nonce %" PRIu64, next,
                      tx->nonce);
    size_t queued = a->queue != NULL ? a->queue->count - a->queue->pending : 0;
    bool adds_behind_gap = tx->nonce > next && pool_sender_tx(a->queue, tx->nonce) == NULL;
    if (adds_behind_gap && queued >= o->sender_queued_max)
        return refuse(j, POSW_MEMPOOL_NONCE_HIGH,
                      "nonce too high: next nonce %" PRIu64 ", tx nonce %" PRIu64
                      " and %zu transactions are already waiting behind the gap",
                      next, tx->nonce, queued);
    return true;
}

static bool refuse_funds(judge *j, const posw_u256 *balance, const posw_u256 *cost, const char *what) {
    char b[POSW_U256_DEC_SIZE], c[POSW_U256_DEC_SIZE], d[POSW_U256_DEC_SIZE];
    posw_u256 over = posw_u256_sub_sat(cost, balance);
    posw_u256_to_dec(b, balance);
    posw_u256_to_dec(c, cost);
    posw_u256_to_dec(d, &over);
    return refuse(j, POSW_MEMPOOL_FUNDS,
                  "insufficient funds for gas * price + value: balance %s, %s cost %s, overshot %s", b, what, c, d);
}

/* What the sender's pending transactions cost with this one, which may replace one of them. */
static posw_u256 cost_with(const pool_tx *t, const pool_sender *s) {
    const pool_tx *old = pool_sender_tx(s, t->e.tx.nonce);
    posw_u256 sum = s->pending_cost_wei;
    if (old != NULL && old->e.pending) sum = posw_u256_sub_sat(&sum, &old->cost_wei);
    return posw_u256_add_sat(&sum, &t->cost_wei);
}

/* The balance must pay this transaction, and with it all of the sender's that are pending. Also those that come after
 * it: whoever could take the money away from under a long queue by replacing its front would have pushed others out of
 * a full pool for the price of one transaction. */
static bool judge_funds(judge *j, const pool_tx *t, const standing *a) {
    if (posw_u256_cmp(&t->cost_wei, &a->balance_wei) > 0) return refuse_funds(j, &a->balance_wei, &t->cost_wei, "tx");
    if (a->queue == NULL) return true;
    const posw_u256 sum = cost_with(t, a->queue);
    return posw_u256_cmp(&sum, &a->balance_wei) <= 0 || refuse_funds(j, &a->balance_wei, &sum, "queued");
}

/* new >= old + 10 % in both fee fields */
static bool outbids(const posw_u256 *offer, const posw_u256 *old) {
    posw_u256 rise = posw_u256_div_u64(old, 10), needed = posw_u256_add_sat(old, &rise);
    if (posw_u256_is_zero(&rise)) needed = posw_u256_add_sat(old, &POSW_U256_ONE);
    return posw_u256_cmp(offer, &needed) >= 0;
}

static bool judge_replacement(judge *j, const posw_tx *tx, const pool_sender *s) {
    const pool_tx *old = pool_sender_tx(s, tx->nonce);
    if (old == NULL) return true;
    bool free_of_charge = posw_u256_is_zero(&old->e.tx.max_tip);
    if (outbids(&tx->max_fee, &old->e.tx.max_fee) && (free_of_charge || outbids(&tx->max_tip, &old->e.tx.max_tip)))
        return true;
    return refuse(j, POSW_MEMPOOL_REPLACEMENT,
                  "replacement transaction underpriced: offer at least 10 %% more in every fee field");
}

/* ---- Room ---- */

/* Would the pool be beyond its limits with this transaction in it (instead of the one that it replaces)? */
static bool too_much(const posw_mempool *m, const pool_tx *t, const pool_sender *s) {
    const pool_tx *old = pool_sender_tx(s, t->e.tx.nonce);
    size_t count = m->tx_count + (old == NULL),
           bytes = m->bytes + pool_tx_bytes(t) - (old == NULL ? 0 : pool_tx_bytes(old));
    return count > m->o.txs_max || bytes > m->o.bytes_max;
}

/* The least that is offered by it and by those that must be mined before it. */
static const pool_tx *worst_with(const pool_tx *t, const pool_sender *s) {
    size_t at = s != NULL ? pool_sender_at(s, t->e.tx.nonce) : 0;
    return at > 0 && pool_offer_cmp(s->txs[at - 1]->worst, t) < 0 ? s->txs[at - 1]->worst : t;
}

static void put_back(posw_mempool *m, pool_tx *list) {
    while (list != NULL) {
        pool_tx *t = list;
        list = t->next;
        t->next = NULL;
        if (pool_insert(m, t) != POSW_OK) free(t); /* no memory: as if it had been evicted */
    }
}

/* Makes room by evicting tails that are worth less than this transaction. False, and nothing is evicted, when it would
 * itself be the next to go. */
static bool make_room(judge *j, pool_tx *t, bool is_pending) {
    posw_mempool *m = j->m;
    pool_tx *evicted = NULL;
    if (!too_much(m, t, pool_sender_find(m, &t->e.sender))) return true;
    pool_rank_by_next_fee(m);
    t->tip_wei = pool_tip(&t->e.tx, m->base_fee_wei);
    for (;;) {
        const pool_sender *own = pool_sender_find(m, &t->e.sender);
        if (!too_much(m, t, own)) break;
        pool_sender *s = m->heap_count > 0 ? m->heap[0] : NULL;
        if (s == NULL ||
            pool_rank_cmp(is_pending, worst_with(t, own), pool_tail_is_pending(s), s->txs[s->count - 1]->worst) <= 0) {
            put_back(m, evicted);
            return refuse(j, POSW_MEMPOOL_FULL, "txpool is full: offer a higher fee or try again later");
        }
        pool_tx *tail = pool_sender_take_tail(m, s);
        tail->next = evicted;
        evicted = tail;
    }
    while (evicted != NULL) {
        pool_tx *next = evicted->next;
        free(evicted);
        evicted = next;
    }
    return true;
}

static int make_tx(posw_mempool *m, pool_tx **out, const posw_tx *tx, const posw_hash *hash, const posw_address *sender,
                   uint64_t now_s) {
    pool_tx *t = malloc(sizeof *t + tx->raw.size);
    if (t == NULL) return POSW_ENOMEM;
    memset(t, 0, sizeof *t);
    memcpy(t->raw, tx->raw.data, tx->raw.size);
    if (posw_tx_decode(&t->e.tx, t->raw, tx->raw.size) != POSW_TX_OK) {
        free(t);
        return POSW_EINVAL;
    }
    t->e.hash = *hash;
    t->e.sender = *sender;
    t->e.added_s = now_s;
    t->cost_wei = cost_of(tx);
    t->arrival = m->next_arrival++;
    t->tip_wei = pool_tip(&t->e.tx, m->base_fee_wei);
    *out = t;
    return POSW_OK;
}

static int stand(posw_mempool *m, standing *out, const posw_address *sender) {
    out->queue = pool_sender_find(m, sender);
    if (out->queue != NULL) {
        out->nonce = out->queue->nonce;
        out->balance_wei = out->queue->balance_wei;
        return POSW_OK;
    }
    posw_account account;
    int err = pool_account(m, &account, sender);
    if (err != POSW_OK) return err;
    out->nonce = account.nonce;
    out->balance_wei = account.balance_wei;
    return POSW_OK;
}

static int judge_and_insert(judge *j, pool_tx *t, bool *taken) {
    standing a;
    int err = stand(j->m, &a, &t->e.sender);
    if (err != POSW_OK) return err;
    if (!judge_nonce(j, &t->e.tx, &a) || !judge_funds(j, t, &a) || !judge_replacement(j, &t->e.tx, a.queue))
        return POSW_OK;
    if (!make_room(j, t, t->e.tx.nonce <= next_nonce(&a))) return POSW_OK; /* may end a.queue */
    err = pool_insert(j->m, t);
    *taken = err == POSW_OK;
    return err;
}

int posw_mempool_add(posw_mempool *m, enum posw_mempool_refusal *refusal, posw_message *text, posw_hash *hash,
                     const uint8_t *raw, size_t size, const posw_address *sender, uint64_t now_s) {
    judge j = {m, text, refusal};
    posw_tx tx;
    posw_hash own;
    posw_address recovered;
    *refusal = POSW_MEMPOOL_ACCEPTED;
    /* A type that is not taken is said first: one with blobs is always too large as well. */
    if (size > POSW_TX_SIZE_MAX && posw_tx_decode(&tx, raw, 1) != POSW_TX_TYPE_UNSUPPORTED) {
        refuse(&j, POSW_MEMPOOL_SIZE, "oversized data: transaction size %zu, limit %d", size, POSW_TX_SIZE_MAX);
        return POSW_OK;
    }
    if (!judge_decoding(&j, posw_tx_decode(&tx, raw, size), size > 0 ? raw[0] : 0)) return POSW_OK;
    if (hash == NULL) hash = &own;
    posw_tx_hash(hash, &tx);
    if (posw_map_find(&m->by_hash, hash) != NULL) {
        refuse(&j, POSW_MEMPOOL_KNOWN, "already known");
        return POSW_OK;
    }
    if (!judge_static(&j, &tx)) return POSW_OK;
    if (sender == NULL) {
        if (!posw_tx_sender(&recovered, &tx)) {
            refuse(&j, POSW_MEMPOOL_SIGNATURE, "invalid sender: no key made this signature");
            return POSW_OK;
        }
        sender = &recovered;
    }
    pool_tx *t;
    bool taken = false;
    int err = make_tx(m, &t, &tx, hash, sender, now_s);
    if (err != POSW_OK) return err;
    err = judge_and_insert(&j, t, &taken);
    if (!taken) free(t);
    return err;
}
