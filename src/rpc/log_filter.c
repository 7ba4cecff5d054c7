/* Which logs a client wants: addresses and topics by place, over a range of blocks or one block.
 *
 * Blooms are asked first. The three bits of each address and topic are computed once, when the filter is read: a filter
 * of a thousand addresses over a hundred thousand blocks then costs no hashing. Logs themselves are looked up in sorted
 * lists: what all subscribers watch for may be a million values, and a block may have thousands of logs. */
#include "rpc/rpc_internal.h"

#include "base/bytes.h"

#include <stdlib.h>

static rpc_bloom_bits bloom_bits(const void *data, size_t size) {
    uint8_t bloom[POSW_BLOOM_SIZE] = {0};
    rpc_bloom_bits bits = {{0}, {0}};
    posw_bloom_add(bloom, data, size);
    size_t count = 0;
    for (uint16_t i = 0; i < sizeof bloom && count < 3; i++) {
        if (bloom[i] == 0) continue;
        bits.byte[count] = i;
        bits.mask[count++] = bloom[i];
    }
    return bits; /* places that are left say: byte 0, mask 0, which every bloom meets */
}

static bool bits_in(const rpc_bloom_bits *b, const uint8_t bloom[POSW_BLOOM_SIZE]) {
    for (size_t i = 0; i < 3; i++)
        if ((bloom[b->byte[i]] & b->mask[i]) != b->mask[i]) return false;
    return true;
}

/* ---- reading ---- */

static bool clause_add(rpc_call *c, rpc_clause *clause, size_t i, rpc_at at, const json_t *v, bool is_address) {
    rpc_clause_item *item = &clause->items[i];
    posw_address address;
    if (!is_address) {
        if (!rpc_value_hash(c, at, v, &item->value)) return false;
    } else {
        if (!rpc_value_address(c, at, v, &address)) return false;
        memcpy(item->value.b, address.b, sizeof address.b);
    }
    item->bits = bloom_bits(item->value.b, is_address ? sizeof address.b : sizeof item->value.b);
    clause->count++;
    return true;
}

static int compare_items(const void *a, const void *b) {
    return posw_hash_cmp(&((const rpc_clause_item *)a)->value, &((const rpc_clause_item *)b)->value);
}

/* One value or a list of them; absent, null and [] mean anything. */
static bool read_clause(rpc_call *c, rpc_clause *clause, rpc_at at, const json_t *v, bool is_address) {
    if (v == NULL || json_is_null(v)) return true;
    size_t count = json_is_array(v) ? json_array_size(v) : 1;
    if (count > RPC_CLAUSE_MAX)
        return rpc_bad(c, at, "exceed max %s: at most %d", is_address ? "addresses" : "topics", RPC_CLAUSE_MAX);
    if (count == 0) return true;
    clause->items = calloc(count, sizeof *clause->items);
    if (clause->items == NULL) return rpc_fail_operating(c, POSW_ENOMEM);
    for (size_t i = 0; i < count; i++)
        if (!clause_add(c, clause, i, at, json_is_array(v) ? json_array_get(v, i) : v, is_address)) return false;
    qsort(clause->items, count, sizeof *clause->items, compare_items);
    return true;
}

static bool read_topics(rpc_call *c, rpc_log_filter *f, rpc_at at, const json_t *v) {
    if (v == NULL || json_is_null(v)) return true;
    if (!json_is_array(v)) return rpc_bad(c, at, "not an array");
    f->topic_count = json_array_size(v);
    if (f->topic_count > POSW_LOG_TOPICS_MAX)
        return rpc_bad(c, at, "exceed max topics: at most %d places", POSW_LOG_TOPICS_MAX);
    for (size_t i = 0; i < f->topic_count; i++)
        if (!read_clause(c, &f->topics[i], at, json_array_get(v, i), false)) return false;
    return true;
}

static bool read_bound(rpc_call *c, size_t arg, const char *name, const json_t *v, rpc_block_ref *out) {
    *out = (rpc_block_ref){.kind = RPC_LATEST};
    if (v == NULL || json_is_null(v)) return true;
    if (!rpc_value_block_number(c, (rpc_at){arg, name}, v, out)) return false;
    return out->kind != RPC_PENDING || rpc_fail(c, RPC_ERROR_PARAMS, "pending logs are not supported");
}

static bool read_range(rpc_call *c, size_t arg, const json_t *o, rpc_log_filter *f) {
    const json_t *hash = json_object_get(o, "blockHash"), *from = json_object_get(o, "fromBlock"),
                 *to = json_object_get(o, "toBlock");
    if (hash == NULL || json_is_null(hash))
        return read_bound(c, arg, "fromBlock", from, &f->from) && read_bound(c, arg, "toBlock", to, &f->to);
    if ((from != NULL && !json_is_null(from)) || (to != NULL && !json_is_null(to)))
        return rpc_bad(c, rpc_arg(arg), "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other");
    f->by_block_hash = true;
    return rpc_value_hash(c, (rpc_at){arg, "blockHash"}, hash, &f->block_hash);
}

bool rpc_param_log_filter(rpc_call *c, size_t i, rpc_log_filter *out) {
    const json_t *o = rpc_param(c, i);
    out->from = out->to = (rpc_block_ref){.kind = RPC_LATEST};
    if (o == NULL) return true;
    if (!json_is_object(o)) return rpc_bad(c, rpc_arg(i), "not a filter object");
    return read_range(c, i, o, out) &&
           read_clause(c, &out->address, (rpc_at){i, "address"}, json_object_get(o, "address"), true) &&
           read_topics(c, out, (rpc_at){i, "topics"}, json_object_get(o, "topics"));
}

void rpc_log_filter_clear(rpc_log_filter *f) {
    if (f == NULL) return;
    free(f->address.items);
    for (size_t i = 0; i < POSW_LOG_TOPICS_MAX; i++)
        free(f->topics[i].items);
    memset(f, 0, sizeof *f);
}

static size_t count_values(const rpc_log_filter *f) {
    size_t n = f == NULL ? 0 : f->address.count;
    for (size_t i = 0; f != NULL && i < POSW_LOG_TOPICS_MAX; i++)
        n += f->topics[i].count;
    return n;
}

bool rpc_log_filter_fits(rpc_call *c, const rpc_log_filter *f) {
    const posw_rpc *r = c->rpc;
    size_t n = count_values(f);
    if (n == 0) return true;
    for (size_t i = 0; i < r->filter_count; i++)
        n += count_values(r->filters[i].logs);
    for (size_t i = 0; i < r->subscription_count; i++)
        n += count_values(r->subscriptions[i].logs);
    if (n <= r->options.watched_values_max) return true;
    return rpc_fail(c, RPC_ERROR_SERVER, "too many addresses and topics are watched: at most %zu of all filters",
                    r->options.watched_values_max);
}

/* ---- matching ---- */

static bool clause_in_bloom(const rpc_clause *clause, const uint8_t bloom[POSW_BLOOM_SIZE]) {
    for (size_t i = 0; i < clause->count; i++)
        if (bits_in(&clause->items[i].bits, bloom)) return true;
    return clause->count == 0;
}

/* size: of an address or topic; the rest of an item is zero. */
static bool clause_has(const rpc_clause *clause, const void *value, size_t size) {
    rpc_clause_item key = {0};
    memcpy(key.value.b, value, size);
    return clause->count == 0 ||
           bsearch(&key, clause->items, clause->count, sizeof *clause->items, compare_items) != NULL;
}

/* A block without logs has an empty bloom. */
static bool bloom_is_empty(const uint8_t bloom[POSW_BLOOM_SIZE]) {
    uint8_t any = 0;
    for (size_t i = 0; i < POSW_BLOOM_SIZE; i++)
        any |= bloom[i];
    return any == 0;
}

bool rpc_log_filter_may_match(const rpc_log_filter *f, const uint8_t bloom[POSW_BLOOM_SIZE]) {
    if (bloom_is_empty(bloom) || !clause_in_bloom(&f->address, bloom)) return false;
    for (size_t i = 0; i < f->topic_count; i++)
        if (!clause_in_bloom(&f->topics[i], bloom)) return false;
    return true;
}

bool rpc_log_filter_matches(const rpc_log_filter *f, const posw_event_log *log) {
    if (log->topic_count < f->topic_count || !clause_has(&f->address, log->address.b, sizeof log->address.b))
        return false;
    for (size_t i = 0; i < f->topic_count; i++)
        if (!clause_has(&f->topics[i], log->topics[i].b, sizeof log->topics[i].b)) return false;
    return true;
}

/* ---- collecting ---- */

bool rpc_logs_of_block(rpc_call *c, posw_jw *w, const rpc_log_filter *f, const posw_hash *hash, bool removed) {
    rpc_block *b = rpc_block_load(c, hash);
    if (b == NULL) return c->code == 0;
    if (!rpc_log_filter_may_match(f, b->header.logs_bloom)) return true;
    if (!rpc_block_need_receipts(c, b)) return c->code == 0;
    if (!rpc_block_need_hashes(c, b)) return false;
    for (size_t i = 0; i < b->block.tx_count && rpc_fits(c); i++) {
        posw_receipt receipt;
        posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
        if (!rpc_block_receipt(c, b, i, &receipt, logs)) return false;
        for (size_t k = 0; k < receipt.log_count; k++)
            if (rpc_log_filter_matches(f, &logs[k]))
                rpc_json_log(w, b, i, &logs[k], b->places[i].first_log + k, removed);
    }
    return c->code == 0;
}

static bool logs_of_range(rpc_call *c, const rpc_log_filter *f, uint64_t from, uint64_t to) {
    for (uint64_t n = from; n <= to && rpc_fits(c); n++) {
        posw_chain_block_info info;
        int err = posw_chain_block_by_number(c->chain, &info, n);
        if (err != POSW_OK) return rpc_fail_operating(c, err);
        if (rpc_log_filter_may_match(f, info.header.logs_bloom) && !rpc_logs_of_block(c, &c->w, f, &info.hash, false))
            return false;
    }
    return c->code == 0;
}

static bool range_of(rpc_call *c, const rpc_log_filter *f, uint64_t *from, uint64_t *to) {
    uint64_t tip = posw_chain_tip(c->chain)->number;
    *from = rpc_ref_number(c, &f->from);
    *to = rpc_ref_number(c, &f->to);
    if (*from > *to) return rpc_fail(c, RPC_ERROR_PARAMS, "invalid block range params");
    if (*to > tip) return rpc_fail(c, RPC_ERROR_PARAMS, "block range extends beyond current head block");
    if (*from < posw_chain_first_body(c->chain))
        return rpc_fail_pruned(c); /* an answer with gaps would pass for whole */
    if (*to - *from < c->rpc->options.logs_range_max) return true;
    return rpc_fail(c, RPC_ERROR_PARAMS, "query exceeds max block range %llu",
                    (unsigned long long)c->rpc->options.logs_range_max);
}

/* Of a block that a reorganisation took out they are removed. One that never was on the main chain has no receipts, and
 * an empty list would pass for no logs. */
static void logs_of_named_block(rpc_call *c, const rpc_log_filter *f) {
    posw_chain_block_info info;
    rpc_block *b = rpc_block_load(c, &f->block_hash);
    if (b == NULL) {
        (void)rpc_fail(c, RPC_ERROR_SERVER, "unknown block");
        return;
    }
    if (rpc_log_filter_may_match(f, b->header.logs_bloom) && !rpc_block_need_receipts(c, b)) {
        (void)rpc_fail(c, RPC_ERROR_SERVER,
                       "the logs of this block are not known: it is on a side branch, which was not executed");
        return;
    }
    const int err = posw_chain_block_by_hash(c->chain, &info, &f->block_hash);
    if (err != POSW_OK) {
        (void)rpc_fail_operating(c, err);
        return;
    }
    posw_jw_array(&c->w);
    (void)rpc_logs_of_block(c, &c->w, f, &f->block_hash, !info.is_main);
    posw_jw_array_end(&c->w);
}

void rpc_logs_of_filter(rpc_call *c, const rpc_log_filter *f) {
    uint64_t from, to;
    if (f->by_block_hash) {
        logs_of_named_block(c, f);
        return;
    }
    if (!range_of(c, f, &from, &to)) return;
    posw_jw_array(&c->w);
    (void)logs_of_range(c, f, from, to);
    posw_jw_array_end(&c->w);
}
