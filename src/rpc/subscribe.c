/* Subscriptions of streams (WebSocket): newHeads, logs, newPendingTransactions. What is sent goes out as SEND actions
 * in the order of the subscriptions; a slow reader is the server's business. */
#include "rpc/methods.h"

#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

static void subscription_clear(rpc_subscription *s) {
    rpc_log_filter_clear(s->logs);
    free(s->logs);
}

static void remove_at(posw_rpc *r, size_t i) {
    subscription_clear(&r->subscriptions[i]);
    r->subscription_count--;
    memmove(&r->subscriptions[i], &r->subscriptions[i + 1], (r->subscription_count - i) * sizeof *r->subscriptions);
}

void rpc_subscriptions_drop(posw_rpc *r, uint64_t client) {
    size_t kept = 0;
    for (size_t i = 0; i < r->subscription_count; i++) {
        if (r->subscriptions[i].client == client)
            subscription_clear(&r->subscriptions[i]);
        else
            r->subscriptions[kept++] = r->subscriptions[i];
    }
    r->subscription_count = kept;
}

void rpc_subscriptions_clear(posw_rpc *r) {
    for (size_t i = 0; i < r->subscription_count; i++)
        subscription_clear(&r->subscriptions[i]);
    free(r->subscriptions);
    r->subscriptions = NULL;
    r->subscription_count = r->subscription_capacity = 0;
}

static bool have_room(rpc_call *c) {
    posw_rpc *r = c->rpc;
    size_t own = 0;
    for (size_t i = 0; i < r->subscription_count; i++)
        own += r->subscriptions[i].client == c->client;
    if (own >= r->options.subscriptions_max)
        return rpc_fail(c, RPC_ERROR_SERVER, "too many subscriptions: at most %zu of one client",
                        r->options.subscriptions_max);
    if (r->subscription_count >= RPC_SUBSCRIPTIONS_MAX) return rpc_fail(c, RPC_ERROR_SERVER, "too many subscriptions");
    if (r->subscription_count < r->subscription_capacity) return true;
    size_t capacity = r->subscription_capacity ? 2 * r->subscription_capacity : 16;
    rpc_subscription *items = realloc(r->subscriptions, capacity * sizeof *items);
    if (items == NULL) return rpc_fail_operating(c, POSW_ENOMEM);
    r->subscriptions = items;
    r->subscription_capacity = capacity;
    return true;
}

/* Reads what argument 1 says about the kind of argument 0. */
static bool read_subscription(rpc_call *c, rpc_subscription *s) {
    const json_t *kind = rpc_param(c, 0), *option = rpc_param(c, 1);
    if (!json_is_string(kind)) return rpc_bad(c, rpc_arg(0), "not the name of a subscription");
    const char *name = json_string_value(kind);
    if (strcmp(name, "newHeads") == 0) {
        s->what = RPC_WATCH_BLOCKS;
        return true;
    }
    if (strcmp(name, "newPendingTransactions") == 0) {
        s->what = RPC_WATCH_TXS;
        if (option != NULL && !json_is_boolean(option)) return rpc_bad(c, rpc_arg(1), "not a boolean");
        s->full = json_is_true(option);
        return true;
    }
    if (strcmp(name, "logs") != 0)
        return rpc_fail(c, RPC_ERROR_METHOD, "no \"%.100s\" subscription in eth namespace", name);
    s->what = RPC_WATCH_LOGS;
    s->logs = calloc(1, sizeof *s->logs);
    if (s->logs == NULL) return rpc_fail_operating(c, POSW_ENOMEM);
    return rpc_param_log_filter(c, 1, s->logs);
}

void rpc_eth_subscribe(rpc_call *c) {
    posw_rpc *r = c->rpc;
    rpc_subscription s = {.client = c->client};
    if (!c->stream) {
        (void)rpc_fail(c, RPC_ERROR_NO_NOTIFICATIONS, "notifications not supported");
        return;
    }
    if (!read_subscription(c, &s) || !have_room(c) || !rpc_log_filter_fits(c, s.logs)) {
        subscription_clear(&s);
        return;
    }
    s.id = rpc_new_id(r);
    r->subscriptions[r->subscription_count++] = s;
    posw_jw_quantity(&c->w, s.id);
}

void rpc_eth_unsubscribe(rpc_call *c) {
    posw_rpc *r = c->rpc;
    uint64_t id;
    if (!rpc_param_u64(c, 0, &id)) return;
    for (size_t i = 0; i < r->subscription_count; i++) {
        if (r->subscriptions[i].id != id || r->subscriptions[i].client != c->client) continue;
        remove_at(r, i);
        posw_jw_bool(&c->w, true);
        return;
    }
    (void)rpc_fail(c, RPC_ERROR_SERVER, "subscription not found");
}

/* ---- telling ---- */

/* One message to all who watch for it, made when there is the first of them. The action stays where it is until
 * another one is pushed, so *a is used up before. */
static void notify(posw_action **a, const rpc_subscription *s, posw_bytes result, posw_actions *out) {
    static const char begin[] = "{\"jsonrpc\":\"2.0\",\"method\":\"eth_subscription\",\"params\":{\"subscription\":\"",
                      middle[] = "\",\"result\":", end[] = "}}";
    const posw_reader reader = {s->client, s->id};
    if (*a == NULL && (*a = posw_actions_push(out, POSW_ACTION_NOTIFY)) != NULL) {
        posw_buf_text(&(*a)->data, begin);
        (*a)->hole = (*a)->data.size;
        posw_buf_text(&(*a)->data, middle);
        posw_buf_append(&(*a)->data, result.data, result.size);
        posw_buf_text(&(*a)->data, end);
    }
    if (*a != NULL) posw_buf_append(&(*a)->readers, &reader, sizeof reader);
}

static bool anyone_watches(const posw_rpc *r, enum rpc_watch what) {
    for (size_t i = 0; i < r->subscription_count; i++)
        if (r->subscriptions[i].what == what) return true;
    return false;
}

static void tell_head(posw_rpc *r, const rpc_block *b, posw_actions *out) {
    posw_action *a = NULL;
    posw_buf json = {0};
    posw_jw w;
    posw_jw_init(&w, &json);
    posw_jw_object(&w);
    rpc_json_header_members(&w, &b->header, &b->hash);
    posw_jw_object_end(&w);
    for (size_t i = 0; i < r->subscription_count && !json.failed; i++)
        if (r->subscriptions[i].what == RPC_WATCH_BLOCKS) notify(&a, &r->subscriptions[i], posw_buf_view(&json), out);
    posw_buf_clear(&json);
}

/* One message a log. */
static void tell_log(posw_rpc *r, const rpc_block *b, size_t tx, const posw_event_log *log, uint64_t index,
                     bool removed, posw_actions *out) {
    posw_action *a = NULL;
    posw_buf json = {0};
    posw_jw w;
    posw_jw_init(&w, &json);
    rpc_json_log(&w, b, tx, log, index, removed);
    for (size_t i = 0; i < r->subscription_count && !json.failed; i++) {
        const rpc_subscription *s = &r->subscriptions[i];
        if (s->may_match && rpc_log_filter_matches(s->logs, log)) notify(&a, s, posw_buf_view(&json), out);
    }
    posw_buf_clear(&json);
}

/* Whether anyone may want logs of this block; notes who. */
static bool logs_wanted(posw_rpc *r, const uint8_t bloom[POSW_BLOOM_SIZE]) {
    bool any = false;
    for (size_t i = 0; i < r->subscription_count; i++) {
        rpc_subscription *s = &r->subscriptions[i];
        s->may_match = s->what == RPC_WATCH_LOGS && rpc_log_filter_may_match(s->logs, bloom);
        any = any || s->may_match;
    }
    return any;
}

/* What leaves the chain is told backwards, as it is undone. */
static void tell_logs(rpc_call *c, rpc_block *b, bool removed) {
    if (!logs_wanted(c->rpc, b->header.logs_bloom)) return;
    if (!rpc_block_need_receipts(c, b) || !rpc_block_need_hashes(c, b)) return;
    size_t count = b->block.tx_count;
    for (size_t i = 0; i < count; i++) {
        size_t tx = removed ? count - 1 - i : i;
        posw_receipt receipt;
        posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
        if (!rpc_block_receipt(c, b, tx, &receipt, logs)) return;
        for (size_t k = 0; k < receipt.log_count; k++) {
            size_t at = removed ? receipt.log_count - 1 - k : k;
            tell_log(c->rpc, b, tx, &logs[at], b->places[tx].first_log + at, removed, c->actions);
        }
    }
}

void rpc_subscriptions_chain(posw_rpc *r, const posw_chain_change *change, posw_actions *out) {
    bool heads = anyone_watches(r, RPC_WATCH_BLOCKS), logs = anyone_watches(r, RPC_WATCH_LOGS);
    if (!heads && !logs) return;
    posw_buf unused = {0};
    rpc_call c = rpc_call_begin(r, 0, true, &unused, out);
    for (size_t i = 0; i < change->removed_count && logs && c.code == 0; i++) {
        rpc_block *b = rpc_block_load(&c, &change->removed[i]);
        if (b != NULL) tell_logs(&c, b, true);
    }
    for (size_t i = 0; i < change->added_count && c.code == 0; i++) {
        rpc_block *b = rpc_block_load(&c, &change->added[i]);
        if (b == NULL) continue;
        if (heads) tell_head(r, b, out);
        if (logs) tell_logs(&c, b, false);
    }
    posw_buf_clear(&c.data);
    posw_buf_clear(&unused);
}

static void tell_tx(posw_rpc *r, bool full, const posw_buf *json, posw_actions *out) {
    posw_action *a = NULL;
    for (size_t i = 0; i < r->subscription_count && !json->failed; i++) {
        const rpc_subscription *s = &r->subscriptions[i];
        if (s->what == RPC_WATCH_TXS && s->full == full) notify(&a, s, posw_buf_view(json), out);
    }
}

void rpc_subscriptions_tx(posw_rpc *r, const posw_mempool_entry *e, posw_actions *out) {
    posw_buf full = {0}, hash = {0};
    posw_jw w;
    if (!anyone_watches(r, RPC_WATCH_TXS)) return;
    posw_jw_init(&w, &hash);
    posw_jw_hash(&w, &e->hash);
    tell_tx(r, false, &hash, out);
    posw_jw_init(&w, &full);
    rpc_json_pool_tx(&w, e);
    tell_tx(r, true, &full, out);
    posw_buf_clear(&full);
    posw_buf_clear(&hash);
}
