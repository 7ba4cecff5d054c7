/* What an explorer shows, a screen at a time: summaries of blocks, transactions of a block, of an account and of the
 * pool. Everything has a limit, whatever the chain holds; who wants more asks again from where the answer ended.
 *
 * The node keeps no index of an account's transactions: posw_getAccountTransactions reads blocks backwards (rpc_walk)
 * and says where it stopped. */
#include "rpc/methods.h"

#include "posw/economy.h"
#include "posw/seal.h"
#include "posw/u256.h"

enum {
    POINTS_MAX = 400, /* blocks of posw_getBlockStats */
    COUNTED_MAX = 50, /* up to so many, their transactions are counted, for which bodies are read */
    ROWS_MAX = 100,   /* transactions of one answer */
};

/* Argument i: a count from 1 to max; absent: max. */
static bool param_count(rpc_call *c, size_t i, uint64_t max, uint64_t *out) {
    *out = max;
    if (rpc_param(c, i) == NULL) return true;
    if (!rpc_value_count(c, rpc_arg(i), rpc_param(c, i), out, max)) return false;
    return *out > 0 || rpc_bad(c, rpc_arg(i), "at least 1");
}

/* ---- posw_getBlockStats: every step-th block of a range ---- */

static bool param_main_number(rpc_call *c, size_t i, uint64_t *out) {
    rpc_block_ref ref;
    if (!rpc_param_block_number(c, i, &ref)) return false;
    *out = rpc_ref_number(c, &ref);
    return *out <= posw_chain_tip(c->chain)->number || rpc_fail(c, RPC_ERROR_SERVER, "header not found");
}

static void json_stats_row(rpc_call *c, uint64_t number, bool counted) {
    posw_chain_block_info info;
    posw_stake_sums stake;
    int err = posw_chain_block_by_number(c->chain, &info, number);
    if (err == POSW_OK) err = posw_chain_stake_sums(c->chain, &stake, number);
    counted = counted && err == POSW_OK && !rpc_block_is_pruned(c, &info);
    const rpc_block *body = counted ? rpc_block_load(c, &info.hash) : NULL;
    if (err != POSW_OK || (counted && body == NULL)) {
        (void)rpc_fail_operating(c, err == POSW_OK || err == POSW_ENOTFOUND ? POSW_ECORRUPT : err);
        return;
    }
    const posw_header *h = &info.header;
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_kv_quantity(w, "number", number);
    posw_jw_kv_hash(w, "hash", &info.hash);
    posw_jw_kv_quantity(w, "timestamp", h->timestamp);
    posw_jw_kv_address(w, "miner", &h->beneficiary);
    posw_jw_kv_quantity_u256(w, "difficulty", &h->difficulty);
    posw_jw_kv_quantity_u256(w, "totalDifficulty", &info.weight_total);
    posw_jw_kv_bool(w, "boosted", posw_seal_boosted(&h->mix_hash, &h->difficulty));
    posw_jw_kv_quantity(w, "gasUsed", h->gas_used);
    posw_jw_kv_quantity(w, "size", info.size);
    posw_jw_kv_quantity_u256(w, "totalStake", &stake.total_wei);
    posw_jw_kv_quantity_u256(w, "supply", &stake.supply_wei);
    if (body != NULL) posw_jw_kv_quantity(w, "transactions", body->block.tx_count);
    posw_jw_object_end(w);
}

/* The last block of the range is always among them. */
void rpc_posw_get_block_stats(rpc_call *c) {
    uint64_t from, to, points;
    if (!param_main_number(c, 0, &from) || !param_main_number(c, 1, &to) || !param_count(c, 2, POINTS_MAX, &points))
        return;
    if (from > to) {
        (void)rpc_bad(c, rpc_arg(0), "it is above the end of the range");
        return;
    }
    const uint64_t step = (to - from) / points + 1, count = (to - from) / step + 1;
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_kv_quantity(w, "from", from);
    posw_jw_kv_quantity(w, "to", to);
    posw_jw_kv_quantity(w, "step", step);
    posw_jw_key(w, "blocks");
    posw_jw_array(w);
    for (uint64_t i = count; i > 0 && rpc_fits(c); i--)
        json_stats_row(c, to - (i - 1) * step, count <= COUNTED_MAX);
    posw_jw_array_end(w);
    posw_jw_object_end(w);
}

/* ---- one block ---- */

static rpc_block *param_block_loaded(rpc_call *c) {
    rpc_block_ref ref;
    return rpc_param_block(c, 0, &ref) ? rpc_block_by_ref(c, &ref) : NULL;
}

/* How many there are, null where that was pruned with the block. */
static void json_tx_count(rpc_call *c, const posw_chain_block_info *info) {
    const rpc_block *b = rpc_block_is_pruned(c, info) ? NULL : rpc_block_load(c, &info->hash);
    if (b == NULL)
        posw_jw_kv_null(&c->w, "transactions");
    else
        posw_jw_kv_quantity(&c->w, "transactions", b->block.tx_count);
}

/* The header, and what follows from the block without listing it; null: no such block. */
void rpc_posw_get_block_summary(rpc_call *c) {
    rpc_block_ref ref;
    posw_chain_block_info info;
    if (!rpc_param_block(c, 0, &ref) || !rpc_ref_info(c, &ref, &info)) {
        posw_jw_null(&c->w);
        return;
    }
    const posw_params *p = posw_chain_params(c->chain);
    const posw_header *h = &info.header;
    const posw_u256 level = posw_seal_level(&h->mix_hash, &h->difficulty);
    posw_u256 subsidy = h->number == 0 ? POSW_U256_ZERO : posw_reward_subsidy(p, h->number);
    const posw_u256 treasury = posw_reward_treasury(p, h->number, &subsidy);
    posw_jw *w = &c->w;
    posw_jw_object(w);
    rpc_json_header_members(w, h, &info.hash);
    posw_jw_kv_quantity_u256(w, "totalDifficulty", &info.weight_total);
    posw_jw_kv_quantity(w, "size", info.size);
    json_tx_count(c, &info);
    posw_jw_kv_bool(w, "main", info.is_main);
    posw_jw_kv_bool(w, "boosted", posw_seal_boosted(&h->mix_hash, &h->difficulty));
    posw_jw_kv_quantity_u256(w, "level", &level);
    posw_jw_kv_quantity_u256(w, "subsidy", &subsidy);
    posw_jw_kv_quantity_u256(w, "treasury", &treasury);
    posw_jw_object_end(w);
}

/* ---- rows of transactions ---- */

static void json_tx_head(posw_jw *w, const posw_tx *tx, const posw_hash *hash, const posw_address *sender) {
    posw_jw_object(w);
    posw_jw_kv_hash(w, "hash", hash);
    posw_jw_kv_address(w, "from", sender);
    if (tx->has_to)
        posw_jw_kv_address(w, "to", &tx->to);
    else
        posw_jw_kv_null(w, "to");
    posw_jw_kv_quantity_u256(w, "value", &tx->value);
    posw_jw_kv_quantity(w, "nonce", tx->nonce);
    posw_jw_kv_data(w, "selector", tx->input.data, tx->input.size < 4 ? 0 : 4); /* the first bytes of a call */
}

/* A block of a side branch has no results: status is null. Needs hashes and senders. */
static void json_tx_row(rpc_call *c, const rpc_block *b, size_t i) {
    posw_receipt receipt;
    posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
    posw_jw *w = &c->w;
    if (b->has_receipts && !rpc_block_receipt(c, b, i, &receipt, logs)) return;
    json_tx_head(w, &b->block.txs[i], &b->tx_hashes[i], rpc_block_sender(b, i));
    posw_jw_kv_quantity(w, "blockNumber", b->header.number);
    posw_jw_kv_quantity(w, "transactionIndex", i);
    posw_jw_kv_quantity(w, "timestamp", b->header.timestamp);
    if (b->has_receipts)
        posw_jw_kv_quantity(w, "status", receipt.success);
    else
        posw_jw_kv_null(w, "status");
    posw_jw_object_end(w);
}

static bool need_rows(rpc_call *c, rpc_block *b) {
    (void)rpc_block_need_receipts(c, b);
    return c->code == 0 && rpc_block_need_senders(c, b) && rpc_block_need_hashes(c, b);
}

/* (block, first, count) */
void rpc_posw_get_block_transactions(rpc_call *c) {
    uint64_t first = 0, count;
    rpc_block *b = param_block_loaded(c);
    if (c->code != 0 || (rpc_param(c, 1) != NULL && !rpc_param_u64(c, 1, &first)) ||
        !param_count(c, 2, ROWS_MAX, &count))
        return;
    if (b == NULL) {
        posw_jw_null(&c->w);
        return;
    }
    if (!need_rows(c, b)) return;
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_kv_quantity(w, "total", b->block.tx_count);
    posw_jw_key(w, "transactions");
    posw_jw_array(w);
    for (uint64_t i = first; i < b->block.tx_count && i - first < count && c->code == 0; i++)
        json_tx_row(c, b, (size_t)i);
    posw_jw_array_end(w);
    posw_jw_object_end(w);
}

/* ---- posw_getAccountTransactions ---- */

typedef struct {
    rpc_call *c;
    posw_address account;
    uint64_t block, index; /* where to go on: transactions of this block below this index */
    uint64_t found, found_max;
} search;

/* From the last one down; false: there is no room for more. */
static bool search_body(search *s, const rpc_block *b) {
    if (s->index > b->block.tx_count) s->index = b->block.tx_count;
    for (; s->index > 0 && s->c->code == 0; s->index--) {
        const size_t i = (size_t)s->index - 1;
        if (!rpc_tx_concerns(b, i, &s->account)) continue;
        if (s->found == s->found_max) return false;
        json_tx_row(s->c, b, i);
        s->found++;
    }
    return s->c->code == 0;
}

static void go_to(search *s, uint64_t block) {
    if (block != s->block) s->index = UINT64_MAX;
    s->block = block;
}

/* True: every block has been looked at. */
static bool run_search(search *s) {
    rpc_walk walk = rpc_walk_of(s->c, false, s->block, 0);
    for (const rpc_block *b; (b = rpc_walk_next(s->c, &walk)) != NULL;) {
        go_to(s, b->header.number);
        if (!search_body(s, b)) return false;
    }
    go_to(s, walk.next);
    return walk.exhausted;
}

/* (address, count, block, index): newest first, beginning with the transactions of this block below this index. */
void rpc_posw_get_account_transactions(rpc_call *c) {
    search s = {.c = c, .index = UINT64_MAX};
    if (!rpc_param_address(c, 0, &s.account) || !param_count(c, 1, ROWS_MAX, &s.found_max) ||
        !param_main_number(c, 2, &s.block) || (rpc_param(c, 3) != NULL && !rpc_param_u64(c, 3, &s.index)))
        return;
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_kv_quantity(w, "from", s.block);
    posw_jw_key(w, "transactions");
    posw_jw_array(w);
    const bool done = run_search(&s);
    posw_jw_array_end(w);
    posw_jw_kv_quantity(w, "firstBody", posw_chain_first_body(c->chain)); /* blocks before it are not looked at */
    posw_jw_key(w, "next"); /* arguments that go on; null: every block that is kept has been looked at */
    if (done) {
        posw_jw_null(w);
    } else {
        posw_jw_object(w);
        posw_jw_kv_quantity(w, "block", s.block);
        posw_jw_kv_quantity(w, "index", s.index);
        posw_jw_object_end(w);
    }
    posw_jw_object_end(w);
}

/* ---- posw_getPendingTransactions: the newest of the pool ---- */

typedef struct {
    const posw_mempool_entry *newest[ROWS_MAX];
    size_t count, max;
} newest;

static int keep_newest(void *arg, const posw_mempool_entry *e) {
    newest *n = arg;
    if (n->count == n->max && n->newest[n->count - 1]->added_s >= e->added_s) return 0;
    size_t i = n->count < n->max ? n->count++ : n->count - 1;
    for (; i > 0 && n->newest[i - 1]->added_s < e->added_s; i--)
        n->newest[i] = n->newest[i - 1];
    n->newest[i] = e;
    return 0;
}

void rpc_posw_get_pending_transactions(rpc_call *c) {
    newest n = {.count = 0};
    uint64_t max;
    size_t pending, queued, bytes;
    if (!param_count(c, 0, ROWS_MAX, &max)) return;
    n.max = (size_t)max;
    (void)posw_mempool_walk(c->pool, NULL, keep_newest, &n);
    posw_mempool_counts(c->pool, &pending, &queued, &bytes);
    posw_jw *w = &c->w;
    posw_jw_object(w);
    posw_jw_kv_quantity(w, "pending", pending);
    posw_jw_kv_quantity(w, "queued", queued);
    posw_jw_kv_quantity(w, "bytes", bytes);
    posw_jw_key(w, "transactions");
    posw_jw_array(w);
    for (size_t i = 0; i < n.count; i++) {
        const posw_mempool_entry *e = n.newest[i];
        json_tx_head(w, &e->tx, &e->hash, &e->sender);
        posw_jw_kv_quantity(w, "added", e->added_s);
        posw_jw_kv_bool(w, "pending", e->pending); /* false: queued behind a gap */
        posw_jw_object_end(w);
    }
    posw_jw_array_end(w);
    posw_jw_object_end(w);
}
