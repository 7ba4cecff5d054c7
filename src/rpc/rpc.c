/* The service: request text in, answer text out. Everything that an outsider can make large is bounded here before it
 * is parsed; what a single method may cost is the method's business. */
#include "rpc/rpc_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

void posw_rpc_options_default(posw_rpc_options *o) {
    *o = (posw_rpc_options){.batch_max = 1000,
                            .batch_us_max = 5000000,
                            .answer_bytes_max = (size_t)32 << 20,
                            .filters_max = 1000,
                            .subscriptions_max = 128,
                            .watched_values_max = 1000000,
                            .logs_range_max = 100000,
                            .search_blocks_max = 10000,
                            .search_txs_max = 20000,
                            .client_version = "posw/v" POSW_VERSION};
}

static void set_defaults(posw_rpc_options *o) {
    posw_rpc_options d;
    posw_rpc_options_default(&d);
    if (o->batch_max == 0) o->batch_max = d.batch_max;
    if (o->batch_us_max == 0) o->batch_us_max = d.batch_us_max;
    if (o->answer_bytes_max == 0) o->answer_bytes_max = d.answer_bytes_max;
    if (o->filters_max == 0) o->filters_max = d.filters_max;
    if (o->filters_max > RPC_FILTERS_MAX) o->filters_max = RPC_FILTERS_MAX;
    if (o->subscriptions_max == 0) o->subscriptions_max = d.subscriptions_max;
    if (o->watched_values_max == 0) o->watched_values_max = d.watched_values_max;
    if (o->logs_range_max == 0) o->logs_range_max = d.logs_range_max;
    if (o->search_blocks_max == 0) o->search_blocks_max = d.search_blocks_max;
    if (o->search_txs_max == 0) o->search_txs_max = d.search_txs_max;
    if (o->client_version == NULL) o->client_version = d.client_version;
}

/* NULL: it is not JSON, and the answer says so. */
static json_t *parse(posw_bytes request, posw_buf *answer);
static void handle(posw_rpc *r, uint64_t client, bool stream, const json_t *request, posw_buf *answer,
                   posw_actions *out);

/* An answer is always sent, also an empty one: the HTTP side of the loop waits for it. A stream gets no empty message.
 * The place of the answer is taken first, so that whatever the request sets off (a new block, a new head for a
 * subscriber) follows it. */
void rpc_send_answer(posw_rpc *r, uint64_t client, bool stream, const json_t *request, posw_buf *answer,
                     posw_actions *out) {
    size_t place = out->count;
    posw_action *a = posw_actions_push(out, POSW_ACTION_SEND);
    if (a == NULL) {
        posw_buf_clear(answer);
        return;
    }
    a->client = client;
    if (request != NULL) handle(r, client, stream, request, answer, out);
    if (answer->size > 0 || !stream) {
        out->items[place].data = *answer;
        *answer = (posw_buf){0};
        return;
    }
    posw_buf_clear(answer);
    out->count--;
    memmove(out->items + place, out->items + place + 1, (out->count - place) * sizeof *out->items);
    memset(out->items + out->count, 0, sizeof *out->items);
}

static void client_data(void *arg, posw_node *n, const posw_event *e, posw_actions *out) {
    (void)n;
    posw_buf answer = {0};
    json_t *request = parse(e->data, &answer);
    if (request == NULL || e->client_stream || !rpc_later_begin(arg, e->client, request, e->data.size, out))
        rpc_send_answer(arg, e->client, e->client_stream, request, &answer, out);
    json_decref(request);
}

static void event(void *arg, posw_node *n, const posw_event *e, posw_actions *out) {
    (void)n;
    if (e->type == POSW_EVENT_JOB_DONE && e->job->type == POSW_JOB_SENDERS) rpc_later_done(arg, e->job, out);
}

static void client_closed(void *arg, posw_node *n, uint64_t client) {
    (void)n;
    rpc_subscriptions_drop(arg, client);
}

static void chain_changed(void *arg, posw_node *n, const posw_chain_change *change, posw_actions *out) {
    (void)n;
    rpc_events_chain(arg, change);
    rpc_filters_expire(arg);
    rpc_subscriptions_chain(arg, change, out);
}

static void tx_accepted(void *arg, posw_node *n, const posw_mempool_entry *e, posw_actions *out) {
    (void)n;
    rpc_events_tx(arg, &e->hash);
    rpc_subscriptions_tx(arg, e, out);
}

void posw_rpc_set_p2p(posw_rpc *r, posw_p2p *p) {
    r->p2p = p;
}

int posw_rpc_new(posw_rpc **out, posw_node *n, const posw_rpc_options *o) {
    posw_rpc *r = calloc(1, sizeof *r);
    if (r == NULL) return POSW_ENOMEM;
    r->chain_events = calloc(RPC_CHAIN_EVENTS, sizeof *r->chain_events);
    if (r->chain_events == NULL) {
        free(r);
        return POSW_ENOMEM;
    }
    r->node = n;
    r->options = *o;
    set_defaults(&r->options);
    posw_node_set_service(n, POSW_SERVICE_RPC,
                          &(posw_node_service){.event = event,
                                               .client_data = client_data,
                                               .client_closed = client_closed,
                                               .chain_changed = chain_changed,
                                               .tx_accepted = tx_accepted,
                                               .arg = r});
    *out = r;
    return POSW_OK;
}

void posw_rpc_free(posw_rpc *r) {
    if (r == NULL) return;
    posw_node_set_service(r->node, POSW_SERVICE_RPC, &(posw_node_service){0});
    rpc_filters_clear(r);
    rpc_subscriptions_clear(r);
    rpc_later_clear(r);
    rpc_blocks_clear(r);
    free(r->chain_events);
    free(r->tx_events);
    free(r);
}

/* ---- one request ---- */

rpc_call rpc_call_begin(posw_rpc *r, uint64_t client, bool stream, posw_buf *answer, posw_actions *out) {
    rpc_call c = {.rpc = r,
                  .node = r->node,
                  .chain = posw_node_chain(r->node),
                  .pool = posw_node_mempool(r->node),
                  .client = client,
                  .stream = stream,
                  .size_max = r->options.answer_bytes_max,
                  .actions = out};
    posw_jw_init(&c.w, answer);
    return c;
}

/* Any JSON scalar comes back as it was sent. */
static void write_id(posw_jw *w, const json_t *id) {
    if (json_is_string(id)) {
        posw_jw_string_n(w, json_string_value(id), json_string_length(id));
    } else if (json_is_integer(id)) {
        posw_jw_i64(w, json_integer_value(id));
    } else if (json_is_boolean(id)) {
        posw_jw_bool(w, json_is_true(id));
    } else if (json_is_real(id)) {
        char text[64];
        size_t size = json_dumpb(id, text, sizeof text, JSON_ENCODE_ANY);
        if (size > 0 && size <= sizeof text)
            posw_jw_raw(w, text, size);
        else
            posw_jw_null(w);
    } else {
        posw_jw_null(w);
    }
}

static void begin_answer(posw_jw *w, const json_t *id) {
    posw_jw_object(w);
    posw_jw_kv_string(w, "jsonrpc", "2.0");
    posw_jw_key(w, "id");
    write_id(w, id);
}

static void write_error(posw_buf *answer, const json_t *id, int code, const char *message, posw_bytes data) {
    posw_jw w;
    posw_jw_init(&w, answer);
    begin_answer(&w, id);
    posw_jw_key(&w, "error");
    rpc_error_object(&w, code, message, data);
    posw_jw_object_end(&w);
}

static void write_plain_error(posw_buf *answer, const json_t *id, int code, const char *message) {
    write_error(answer, id, code, message, (posw_bytes){NULL, 0});
}

/* Absent, null and {} mean no arguments. */
static bool take_params(rpc_call *c, const json_t *params) {
    if (params == NULL || json_is_null(params)) return true;
    if (json_is_object(params) && json_object_size(params) == 0) return true;
    if (!json_is_array(params)) return rpc_fail(c, RPC_ERROR_PARAMS, "non-array args");
    c->params = params;
    return true;
}

static void run_method(rpc_call *c, const char *name, const json_t *params) {
    const rpc_method *m = rpc_method_find(name, posw_node_is_development(c->node), c->rpc->options.admin);
    if (m == NULL) {
        (void)rpc_fail(c, RPC_ERROR_METHOD, "the method %.200s does not exist/is not available", name);
        return;
    }
    if (!take_params(c, params)) return;
    size_t count = rpc_param_count(c);
    if (count < m->required) {
        (void)rpc_fail(c, RPC_ERROR_PARAMS, "missing value for required argument %zu", count);
    } else if (count > m->most) {
        (void)rpc_fail(c, RPC_ERROR_PARAMS, "too many arguments, want at most %u", (unsigned)m->most);
    } else {
        m->run(c);
        (void)rpc_fits(c);
    }
}

/* Appends `{..., "result": value}`, or the error in its place. */
static void answer_call(rpc_call *c, const json_t *id, const char *name, const json_t *params) {
    posw_buf *answer = c->w.out;
    size_t start = answer->size;
    posw_jw frame;
    posw_jw_init(&frame, answer);
    begin_answer(&frame, id);
    posw_jw_key(&frame, "result");
    run_method(c, name, params);
    if (c->code == 0) {
        posw_buf_byte(answer, '}');
        return;
    }
    answer->failed = false; /* what failed to grow is cut off now; the message is small */
    answer->size = start;
    write_error(answer, id, c->code, c->message.text, posw_buf_view(&c->data));
}

typedef struct {
    posw_rpc *rpc;
    uint64_t client;
    bool stream;
    posw_buf *answer;
    posw_actions *actions;
    uint64_t began_us;
} request_context;

static bool is_notification(const json_t *request) {
    return json_is_object(request) && json_object_get(request, "id") == NULL &&
           json_is_string(json_object_get(request, "method"));
}

static bool well_formed(const json_t *request) {
    if (!json_is_object(request)) return false;
    const json_t *version = json_object_get(request, "jsonrpc"), *id = json_object_get(request, "id");
    if (!json_is_string(version) || strcmp(json_string_value(version), "2.0") != 0) return false;
    return json_is_string(json_object_get(request, "method")) && !json_is_object(id) && !json_is_array(id);
}

/* Answers a request; a notification is carried out and answered with nothing. */
static void handle_one(request_context *x, const json_t *request) {
    if (!well_formed(request)) {
        const json_t *id = json_is_object(request) ? json_object_get(request, "id") : NULL;
        write_plain_error(x->answer, id, RPC_ERROR_REQUEST, "invalid request");
        return;
    }
    size_t start = x->answer->size;
    rpc_call c = rpc_call_begin(x->rpc, x->client, x->stream, x->answer, x->actions);
    answer_call(&c, json_object_get(request, "id"), json_string_value(json_object_get(request, "method")),
                json_object_get(request, "params"));
    if (is_notification(request)) x->answer->size = start;
    posw_buf_clear(&c.data);
}

/* ---- batches ---- */

static uint64_t stopwatch_us(const posw_rpc *r) {
    return r->options.stopwatch_us == NULL ? 0 : r->options.stopwatch_us();
}

/* Why the rest of a batch is not done; NULL: it is. One request has limits of its own, but a thousand that each come
 * near them would keep the node from blocks and peers for minutes. */
static const char *skip_reason(const request_context *x) {
    if (x->answer->size >= x->rpc->options.answer_bytes_max) return "response too large";
    if (stopwatch_us(x->rpc) - x->began_us >= x->rpc->options.batch_us_max)
        return "the batch takes too long: ask for the rest in another";
    return posw_node_interrupted(x->rpc->node) ? "the node is stopping" : NULL;
}

static void handle_batch(request_context *x, const json_t *batch) {
    size_t count = json_array_size(batch);
    if (count == 0) {
        write_plain_error(x->answer, NULL, RPC_ERROR_REQUEST, "empty batch");
        return;
    }
    if (count > x->rpc->options.batch_max) {
        write_plain_error(x->answer, NULL, RPC_ERROR_REQUEST, "batch too large");
        return;
    }
    size_t start = x->answer->size;
    posw_buf_byte(x->answer, '[');
    for (size_t i = 0; i < count; i++) {
        const json_t *request = json_array_get(batch, i);
        size_t before = x->answer->size;
        const char *skipped = skip_reason(x);
        if (before > start + 1) posw_buf_byte(x->answer, ',');
        size_t own = x->answer->size;
        if (skipped == NULL)
            handle_one(x, request);
        else if (!is_notification(request))
            write_plain_error(x->answer, json_is_object(request) ? json_object_get(request, "id") : NULL,
                              RPC_ERROR_TOO_LARGE, skipped);
        if (x->answer->size == own) x->answer->size = before;
    }
    posw_buf_byte(x->answer, ']');
    if (x->answer->size == start + 2) x->answer->size = start; /* only notifications */
}

/* ---- text ---- */

/* From the quote that begins a string to the one that ends it, or beyond the end. */
static size_t skip_string(posw_bytes text, size_t i) {
    i++;
    while (i < text.size && text.data[i] != '"')
        i += text.data[i] == '\\' ? 2 : 1;
    return i;
}

/* What brackets and commas say of a text before it is parsed. Strings are skipped; what is malformed is left to the
 * parser. */
typedef struct {
    size_t depth;  /* of the deepest nesting */
    size_t values; /* of all of them, which bounds the memory of the parsed form */
    unsigned outer_commas;
} json_shape;

static json_shape shape_of(posw_bytes text) {
    json_shape s = {0};
    size_t depth = 0;
    for (size_t i = 0; i < text.size; i++) {
        switch (text.data[i]) {
        case '"':
            i = skip_string(text, i);
            break;
        case '[':
        case '{':
            s.values++;
            if (++depth > s.depth) s.depth = depth;
            break;
        case ']':
        case '}':
            if (depth > 0) depth--;
            break;
        case ',':
            s.values++;
            s.outer_commas += depth == 1;
            break;
        default:
            break;
        }
    }
    return s;
}

static bool within_limits(posw_bytes text) {
    const json_shape s = shape_of(text);
    return s.depth <= RPC_DEPTH_MAX && s.values <= RPC_VALUES_MAX;
}

static bool is_space(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

unsigned posw_rpc_count_calls(posw_bytes text) {
    size_t i = 0;
    while (i < text.size && is_space(text.data[i]))
        i++;
    return i < text.size && text.data[i] == '[' ? 1 + shape_of(text).outer_commas : 1;
}

static json_t *parse(posw_bytes request, posw_buf *answer) {
    if (request.size == 0 || !within_limits(request)) {
        write_plain_error(answer, NULL, RPC_ERROR_PARSE,
                          request.size == 0 ? "parse error: empty request"
                                            : "parse error: too many or too deeply nested values");
        return NULL;
    }
    json_error_t error;
    json_t *root = json_loadb((const char *)request.data, request.size, JSON_DECODE_ANY, &error);
    if (root == NULL) {
        posw_message text;
        (void)posw_message_set(&text, 0, "parse error: %s", error.text);
        write_plain_error(answer, NULL, RPC_ERROR_PARSE, text.text);
    }
    return root;
}

static void handle(posw_rpc *r, uint64_t client, bool stream, const json_t *request, posw_buf *answer,
                   posw_actions *out) {
    request_context x = {r, client, stream, answer, out, stopwatch_us(r)};
    if (json_is_array(request))
        handle_batch(&x, request);
    else
        handle_one(&x, request);
}

void posw_rpc_handle(posw_rpc *r, uint64_t client, bool stream, posw_bytes request, posw_buf *answer,
                     posw_actions *out) {
    json_t *root = parse(request, answer);
    if (root != NULL) handle(r, client, stream, root, answer, out);
    json_decref(root);
}
