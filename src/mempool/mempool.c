/* Life of the pool, what can be asked of it, and how it follows the chain. */
#include "mempool/mempool_internal.h"

#include "base/bytes.h"
#include "codec/block.h"

#include <stdlib.h>
#include <string.h>

/* Senders that are looked at for expiry at each block. */
enum { EXPIRY_STEP = 64 };

void posw_mempool_options_default(posw_mempool_options *o) {
    *o = (posw_mempool_options){
        .txs_max = 100000,
        .bytes_max = 64 * 1024 * 1024,
        .sender_pending_max = 20000,
        .sender_queued_max = 64,
        .lifetime_s = 3 * 3600,
    };
}

static posw_rules rules_next(const posw_mempool *m) {
    return posw_params_rules(posw_chain_params(m->chain), posw_chain_tip(m->chain)->number + 1);
}

int posw_mempool_new(posw_mempool **out, posw_chain *chain, const posw_mempool_options *o) {
    posw_mempool *m = calloc(1, sizeof *m);
    if (m == NULL) return POSW_ENOMEM;
    m->chain = chain;
    m->o = *o;
    posw_map_init(&m->by_hash, sizeof(posw_hash), sizeof(pool_tx *), (const uint8_t *)o->seed);
    posw_map_init(&m->senders, sizeof(posw_address), sizeof(pool_sender *), (const uint8_t *)o->seed);
    m->rules = rules_next(m);
    pool_rank_by_next_fee(m);
    *out = m;
    return POSW_OK;
}

void posw_mempool_free(posw_mempool *m) {
    if (m == NULL) return;
    for (size_t i = 0; i < m->heap_count; i++) {
        pool_sender *s = m->heap[i];
        for (size_t k = 0; k < s->count; k++)
            free(s->txs[k]);
        free(s->txs);
        free(s);
    }
    free(m->heap);
    posw_map_clear(&m->by_hash);
    posw_map_clear(&m->senders);
    pool_state_drop(m);
    free(m);
}

/* ---- Following the chain ---- */

/* Mined, or more than the account can ever pay with what it has. */
static bool is_over(const void *arg, const pool_tx *t) {
    const posw_account *account = arg;
    return t->e.tx.nonce < account->nonce || posw_u256_cmp(&t->cost_wei, &account->balance_wei) > 0;
}

/* Reads a sender's account anew and drops what is over. Once for each follow. */
static int refresh(posw_mempool *m, const posw_address *a) {
    pool_sender *s = pool_sender_find(m, a);
    if (s == NULL || s->touched == m->follows) return POSW_OK;
    s->touched = m->follows;
    posw_account account;
    int err = pool_account(m, &account, a);
    if (err != POSW_OK) return err;
    s->nonce = account.nonce;
    s->balance_wei = account.balance_wei;
    (void)pool_sender_filter(m, s, is_over, &account);
    return POSW_OK;
}

typedef struct {
    posw_buf bytes, senders;
    posw_block block;
} read_block;

static void read_block_clear(read_block *b) {
    posw_block_clear(&b->block);
    posw_buf_clear(&b->bytes);
    posw_buf_clear(&b->senders);
}

static int read_block_of(posw_mempool *m, read_block *out, const posw_hash *hash) {
    memset(out, 0, sizeof *out);
    int err = posw_chain_block_bytes(m->chain, &out->bytes, hash);
    if (err == POSW_OK) err = posw_block_decode(&out->block, NULL, out->bytes.data, out->bytes.size);
    if (err == POSW_OK) err = posw_chain_block_results(m->chain, NULL, &out->senders, hash);
    if (err == POSW_OK && out->senders.size != out->block.tx_count * POSW_ADDRESS_SIZE) err = POSW_ECORRUPT;
    if (err != POSW_OK) read_block_clear(out);
    return err;
}

static posw_address sender_at(const read_block *b, size_t i) {
    posw_address a;
    memcpy(a.b, b->senders.data + i * POSW_ADDRESS_SIZE, sizeof a.b);
    return a;
}

/* Whose nonce or balance a block changes: senders, receivers, its miner and the treasury of its time. */
static int refresh_block(posw_mempool *m, const read_block *b) {
    const posw_rules rules = posw_params_rules(posw_chain_params(m->chain), b->block.header.number);
    int err = refresh(m, &b->block.header.beneficiary);
    if (err == POSW_OK) err = refresh(m, &rules.treasury);
    for (size_t i = 0; err == POSW_OK && i < b->block.tx_count; i++) {
        posw_address a = sender_at(b, i);
        err = refresh(m, &a);
        if (err == POSW_OK) err = refresh(m, &b->block.txs[i].to);
    }
    return err;
}

/* Blocks that left and are beyond what the chain keeps of side branches are gone, and their transactions with them. */
static int follow_block(posw_mempool *m, const posw_hash *hash) {
    if (m->heap_count == 0) return POSW_OK;
    read_block b;
    int err = read_block_of(m, &b, hash);
    if (err != POSW_OK) return err == POSW_ENOTFOUND ? POSW_OK : err;
    err = refresh_block(m, &b);
    read_block_clear(&b);
    return err;
}

/* What was mined on the branch that lost waits again; what the new branch has mined too is refused by its nonce. The
 * results of a block that left the chain are still there, and with them its senders. */
static int refill(posw_mempool *m, const posw_hash *hash, uint64_t now_s) {
    read_block b;
    int err = read_block_of(m, &b, hash);
    if (err != POSW_OK) return err == POSW_ENOTFOUND ? POSW_OK : err;
    for (size_t i = 0; err == POSW_OK && i < b.block.tx_count; i++) {
        enum posw_mempool_refusal refusal;
        posw_address sender = sender_at(&b, i);
        posw_bytes raw = b.block.txs[i].raw;
        err = posw_mempool_add(m, &refusal, NULL, NULL, raw.data, raw.size, &sender, now_s);
    }
    read_block_clear(&b);
    return err;
}

typedef struct {
    uint64_t now_s, lifetime_s;
} expiry;

static bool is_expired(const void *arg, const pool_tx *t) {
    const expiry *x = arg;
    return !t->e.pending && x->now_s > t->e.added_s && x->now_s - t->e.added_s > x->lifetime_s;
}

static void expire_sender(posw_mempool *m, pool_sender *s, const expiry *x) {
    for (size_t i = s->pending; i < s->count; i++) {
        if (!is_expired(x, s->txs[i])) continue;
        (void)pool_sender_filter(m, s, is_expired, x);
        return;
    }
}

static void expire_some(posw_mempool *m, uint64_t now_s) {
    const expiry x = {now_s, m->o.lifetime_s};
    for (size_t n = 0; n < EXPIRY_STEP && m->heap_count > 0; n++) {
        if (m->expiry_cursor >= m->heap_count) m->expiry_cursor = 0;
        expire_sender(m, m->heap[m->expiry_cursor++], &x);
    }
}

/* What no block takes under the rules of the next one. */
static bool is_outlawed(const void *arg, const pool_tx *t) {
    const posw_rules *rules = arg;
    const posw_u256 minimum = posw_u256_from_u64(rules->base_fee_min_wei);
    return t->e.tx.gas_limit > rules->gas_limit || posw_u256_cmp(&t->e.tx.max_fee, &minimum) < 0;
}

/* U2: an upgrade drops what would wait for nothing. */
static int follow_rules(posw_mempool *m) {
    const posw_rules rules = rules_next(m);
    const size_t count = m->heap_count;
    if (posw_rules_equal(&rules, &m->rules)) return POSW_OK;
    pool_sender **all = malloc((count + 1) * sizeof *all); /* the heap moves while it is filtered */
    if (all == NULL) return POSW_ENOMEM;
    if (count > 0) memcpy(all, m->heap, count * sizeof *all);
    m->rules = rules;
    for (size_t i = 0; i < count; i++)
        (void)pool_sender_filter(m, all[i], is_outlawed, &rules);
    free(all);
    return POSW_OK;
}

int posw_mempool_follow(posw_mempool *m, const posw_chain_change *change, uint64_t now_s) {
    if (change->added_count == 0) return POSW_OK;
    m->follows++;
    pool_state_drop(m);
    int err = follow_rules(m);
    for (size_t i = 0; err == POSW_OK && i < change->added_count; i++)
        err = follow_block(m, &change->added[i]);
    for (size_t i = 0; err == POSW_OK && i < change->removed_count; i++)
        err = follow_block(m, &change->removed[i]);
    for (size_t i = change->removed_count; err == POSW_OK && i-- > 0;)
        err = refill(m, &change->removed[i], now_s);
    expire_some(m, now_s);
    return err;
}

/* ---- Asking ---- */

const posw_mempool_entry *posw_mempool_find(const posw_mempool *m, const posw_hash *hash) {
    pool_tx **slot = posw_map_find(&m->by_hash, hash);
    return slot == NULL ? NULL : &(*slot)->e;
}

int posw_mempool_next_nonce(posw_mempool *m, uint64_t *out, const posw_address *sender) {
    const pool_sender *s = pool_sender_find(m, sender);
    if (s != NULL) {
        *out = s->nonce + s->pending;
        return POSW_OK;
    }
    posw_account account;
    int err = pool_account(m, &account, sender);
    if (err == POSW_OK) *out = account.nonce;
    return err;
}

void posw_mempool_counts(const posw_mempool *m, size_t *pending, size_t *queued, size_t *bytes) {
    if (pending != NULL) *pending = m->pending_count;
    if (queued != NULL) *queued = m->tx_count - m->pending_count;
    if (bytes != NULL) *bytes = m->bytes;
}

bool posw_mempool_sender(const posw_mempool *m, posw_address *out, const posw_hash *tx_hash) {
    const posw_mempool_entry *e = posw_mempool_find(m, tx_hash);
    if (e == NULL) return false;
    *out = e->sender;
    return true;
}

static int by_address(const void *a, const void *b) {
    const pool_sender *const *x = a, *const *y = b;
    return posw_address_cmp(&(*x)->address, &(*y)->address);
}

static int walk_sender(const pool_sender *s, int (*fn)(void *arg, const posw_mempool_entry *e), void *arg) {
    for (size_t i = 0; i < s->count; i++) {
        int result = fn(arg, &s->txs[i]->e);
        if (result != 0) return result;
    }
    return 0;
}

int posw_mempool_walk(const posw_mempool *m, const posw_address *sender,
                      int (*fn)(void *arg, const posw_mempool_entry *e), void *arg) {
    if (sender != NULL) {
        const pool_sender *s = pool_sender_find(m, sender);
        return s == NULL ? 0 : walk_sender(s, fn, arg);
    }
    if (m->heap_count == 0) return 0;
    pool_sender **sorted = malloc(m->heap_count * sizeof(pool_sender *));
    if (sorted == NULL) return POSW_ENOMEM;
    memcpy(sorted, m->heap, m->heap_count * sizeof(pool_sender *));
    qsort(sorted, m->heap_count, sizeof(pool_sender *), by_address);
    int result = 0;
    for (size_t i = 0; result == 0 && i < m->heap_count; i++)
        result = walk_sender(sorted[i], fn, arg);
    free(sorted);
    return result;
}

int posw_mempool_walk_unsorted(const posw_mempool *m, int (*fn)(void *arg, const posw_mempool_entry *e), void *arg) {
    int result = 0;
    for (size_t i = m->heap_count; result == 0 && i-- > 0;)
        result = walk_sender(m->heap[i], fn, arg);
    return result;
}
