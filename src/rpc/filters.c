/* Filters: a client that cannot be sent to asks again and again what is new. One that is not asked for five minutes is
 * dropped, where there are too many for a quarter of a minute, and so is one that fell too far behind: its answer would
 * have a hole. */
#include "rpc/methods.h"

#include "base/bytes.h"

#include <stdlib.h>

static void filter_clear(rpc_filter *f) {
    rpc_log_filter_clear(f->logs);
    free(f->logs);
}

static void remove_at(posw_rpc *r, size_t i) {
    filter_clear(&r->filters[i]);
    r->filters[i] = r->filters[--r->filter_count];
}

static uint64_t clock_s(const posw_rpc *r) {
    return posw_node_now_s(r->node) - r->clock_skew_s;
}

void rpc_filters_expire(posw_rpc *r) {
    uint64_t now = clock_s(r);
    for (size_t i = r->filter_count; i-- > 0;)
        if (now >= r->filters[i].used_s && now - r->filters[i].used_s > RPC_FILTER_LIFETIME_S) remove_at(r, i);
}

void rpc_filters_clear(posw_rpc *r) {
    while (r->filter_count > 0)
        remove_at(r, r->filter_count - 1);
    free(r->filters);
    r->filters = NULL;
    r->filter_capacity = 0;
}

/* ---- making ---- */

/* Whoever reads a filter asks every few seconds. One that is made and left must not keep others out for minutes: there
 * a stranger would need no more than a thousand requests to take filters from all clients of a public node. */
static void drop_idle(posw_rpc *r) {
    uint64_t now = clock_s(r);
    size_t oldest = 0;
    for (size_t i = 1; i < r->filter_count; i++)
        if (r->filters[i].used_s < r->filters[oldest].used_s) oldest = i;
    if (r->filter_count > 0 && now >= r->filters[oldest].used_s && now - r->filters[oldest].used_s >= RPC_FILTER_IDLE_S)
        remove_at(r, oldest);
}

static bool have_room(rpc_call *c) {
    posw_rpc *r = c->rpc;
    if (r->filter_count >= r->options.filters_max) rpc_filters_expire(r);
    if (r->filter_count >= r->options.filters_max) drop_idle(r);
    if (r->filter_count >= r->options.filters_max)
        return rpc_fail(c, RPC_ERROR_SERVER, "too many filters: at most %zu are kept", r->options.filters_max);
    if (r->filter_count < r->filter_capacity) return true;
    size_t capacity = r->filter_capacity ? 2 * r->filter_capacity : 16;
    rpc_filter *items = realloc(r->filters, capacity * sizeof *items);
    if (items == NULL) return rpc_fail_operating(c, POSW_ENOMEM);
    r->filters = items;
    r->filter_capacity = capacity;
    return true;
}

/* Takes `logs` over. */
static void add_filter(rpc_call *c, enum rpc_watch what, rpc_log_filter *logs) {
    posw_rpc *r = c->rpc;
    if (!have_room(c) || !rpc_log_filter_fits(c, logs)) {
        rpc_log_filter_clear(logs);
        free(logs);
        return;
    }
    uint64_t id = rpc_new_id(r);
    r->filters[r->filter_count++] = (rpc_filter){.id = id,
                                                 .what = what,
                                                 .cursor = what == RPC_WATCH_TXS ? r->tx_next : r->chain_next,
                                                 .used_s = clock_s(r),
                                                 .logs = logs};
    posw_jw_quantity(&c->w, id);
}

void rpc_eth_new_filter(rpc_call *c) {
    rpc_log_filter *logs = calloc(1, sizeof *logs);
    if (logs == NULL) {
        (void)rpc_fail_operating(c, POSW_ENOMEM);
        return;
    }
    if (rpc_param_log_filter(c, 0, logs)) {
        add_filter(c, RPC_WATCH_LOGS, logs);
        return;
    }
    rpc_log_filter_clear(logs);
    free(logs);
}

void rpc_eth_new_block_filter(rpc_call *c) {
    add_filter(c, RPC_WATCH_BLOCKS, NULL);
}

void rpc_eth_new_pending_filter(rpc_call *c) {
    if (!rpc_events_want_txs(c->rpc))
        (void)rpc_fail_operating(c, POSW_ENOMEM);
    else
        add_filter(c, RPC_WATCH_TXS, NULL);
}

/* ---- asking ---- */

static rpc_filter *find_filter(rpc_call *c) {
    posw_rpc *r = c->rpc;
    uint64_t id;
    if (!rpc_param_u64(c, 0, &id)) return NULL;
    rpc_filters_expire(r);
    for (size_t i = 0; i < r->filter_count; i++) {
        if (r->filters[i].id != id) continue;
        r->filters[i].used_s = clock_s(r);
        return &r->filters[i];
    }
    (void)rpc_fail(c, RPC_ERROR_SERVER, "filter not found");
    return NULL;
}

void rpc_eth_uninstall_filter(rpc_call *c) {
    posw_rpc *r = c->rpc;
    uint64_t id;
    if (!rpc_param_u64(c, 0, &id)) return;
    bool found = false;
    for (size_t i = 0; i < r->filter_count && !found; i++) {
        found = r->filters[i].id == id;
        if (found) remove_at(r, i);
    }
    posw_jw_bool(&c->w, found);
}

static void new_txs(rpc_call *c, rpc_filter *f) {
    const posw_rpc *r = c->rpc;
    for (; f->cursor < r->tx_next && rpc_fits(c); f->cursor++)
        posw_jw_hash(&c->w, &r->tx_events[f->cursor % RPC_TX_EVENTS]);
}

static void new_blocks(rpc_call *c, rpc_filter *f) {
    const posw_rpc *r = c->rpc;
    for (; f->cursor < r->chain_next && rpc_fits(c); f->cursor++) {
        const rpc_chain_event *e = &r->chain_events[f->cursor % RPC_CHAIN_EVENTS];
        if (!e->removed) posw_jw_hash(&c->w, &e->hash);
    }
}

/* Bounds that are tags do not bound what is new. */
static bool in_range(const rpc_log_filter *f, uint64_t number) {
    if (f->from.kind == RPC_BY_NUMBER && number < f->from.number) return false;
    return f->to.kind != RPC_BY_NUMBER || number <= f->to.number;
}

/* By its header alone: in a synchronisation thousands of blocks may have come since the client asked last. An error is
 * left to whoever reads the block. */
static bool may_have_logs(rpc_call *c, const rpc_filter *f, const posw_hash *hash) {
    posw_chain_block_info info;
    return posw_chain_block_by_hash(c->chain, &info, hash) != POSW_OK ||
           rpc_log_filter_may_match(f->logs, info.header.logs_bloom);
}

/* What does not fit into half of an answer comes with the next one: refused as a whole it would never come. */
static void new_logs(rpc_call *c, rpc_filter *f) {
    const posw_rpc *r = c->rpc;
    const size_t enough = c->w.out->size + c->size_max / 2;
    for (; f->cursor < r->chain_next && c->w.out->size <= enough && rpc_fits(c); f->cursor++) {
        rpc_chain_event e = r->chain_events[f->cursor % RPC_CHAIN_EVENTS];
        if (f->logs->by_block_hash ? !posw_hash_equal(&f->logs->block_hash, &e.hash) : !in_range(f->logs, e.number))
            continue;
        if (!may_have_logs(c, f, &e.hash)) continue;
        if (!rpc_logs_of_block(c, &c->w, f->logs, &e.hash, e.removed)) return;
    }
}

void rpc_eth_get_filter_changes(rpc_call *c) {
    rpc_filter *f = find_filter(c);
    if (f == NULL) return;
    const posw_rpc *r = c->rpc;
    uint64_t next = f->what == RPC_WATCH_TXS ? r->tx_next : r->chain_next;
    uint64_t kept = f->what == RPC_WATCH_TXS ? RPC_TX_EVENTS : RPC_CHAIN_EVENTS;
    if (next - f->cursor > kept) {
        remove_at(c->rpc, (size_t)(f - r->filters));
        (void)rpc_fail(c, RPC_ERROR_SERVER, "filter not found: it was asked too rarely and has missed events");
        return;
    }
    uint64_t start = f->cursor;
    posw_jw_array(&c->w);
    switch (f->what) {
    case RPC_WATCH_BLOCKS:
        new_blocks(c, f);
        break;
    case RPC_WATCH_TXS:
        new_txs(c, f);
        break;
    case RPC_WATCH_LOGS:
        new_logs(c, f);
        break;
    }
    posw_jw_array_end(&c->w);
    if (c->code != 0) f->cursor = start; /* nothing was handed out */
}

void rpc_eth_get_filter_logs(rpc_call *c) {
    const rpc_filter *f = find_filter(c);
    if (f == NULL) return;
    if (f->what != RPC_WATCH_LOGS)
        (void)rpc_fail(c, RPC_ERROR_SERVER, "filter not found");
    else
        rpc_logs_of_filter(c, f->logs);
}
