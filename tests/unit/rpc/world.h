/* A development node over a small chain in memory, and clients that speak with it. Every answer is parsed, its envelope
 * is checked, and results of standard methods are held against the execution-apis schemas. */
#ifndef POSW_TEST_RPC_WORLD_H
#define POSW_TEST_RPC_WORLD_H

#include "chain/harness.h"
#include "rpc/rpc.h"
#include "rpc/schema.h"

#include <inttypes.h>

enum { W_HTTP = 1, W_STREAM = 100 };

typedef struct {
    posw_chain_spec spec;
    h_node chain;
    posw_mempool *pool;
    posw_node *node;
    posw_rpc *rpc;
    posw_actions actions; /* of the latest step */
    uint64_t now_ms;
    schema schema;
} world;

typedef struct {
    bool production; /* no evm_* */
    bool no_miner;
    posw_rpc_options rpc; /* zeros: defaults */
    void (*change)(posw_chain_spec *spec);
} world_options;

static inline void w_open_with(world *w, const world_options *o) {
    memset(w, 0, sizeof *w);
    h_spec(&w->spec);
    if (o->change != NULL) o->change(&w->spec);
    h_open(&w->chain, &w->spec);
    posw_mempool_options m;
    posw_mempool_options_default(&m);
    ok(posw_mempool_new(&w->pool, w->chain.chain, &m));
    posw_miner_identity id = {.miner = h_address(0)};
    h_secret(id.secret, 0);
    posw_node_options n = {.chain = w->chain.chain,
                           .mempool = w->pool,
                           .identity = o->no_miner ? NULL : &id,
                           .development = !o->production,
                           .pow = &h_pow};
    ok(posw_node_new(&w->node, &n));
    posw_rpc_options r = o->rpc;
    r.admin = true;
    r.seed[0] = 7;
    ok(posw_rpc_new(&w->rpc, w->node, &r));
    w->now_ms = 2000 * 1000;
    schema_open(&w->schema);
}

static inline void w_open(world *w) {
    const world_options o = {0};
    w_open_with(w, &o);
}

static inline void w_close(world *w) {
    posw_rpc_free(w->rpc);
    posw_node_free(w->node);
    posw_mempool_free(w->pool);
    h_close(&w->chain);
    posw_chain_spec_clear(&w->spec);
    posw_actions_clear(&w->actions);
    schema_close(&w->schema);
}

/* ---- steps ---- */

static inline void w_step(world *w, posw_event e) {
    posw_actions_reset(&w->actions);
    e.now_ms = w->now_ms;
    posw_node_step(w->node, &e, &w->actions);
}

static inline void w_data(world *w, uint64_t client, const void *text, size_t size) {
    w_step(w, (posw_event){.type = POSW_EVENT_CLIENT_DATA,
                           .client = client,
                           .client_stream = client >= W_STREAM,
                           .data = posw_bytes_of(text, size)});
}

static inline void w_wait(world *w, uint64_t seconds) {
    w->now_ms += seconds * 1000;
    w_step(w, (posw_event){.type = POSW_EVENT_TICK});
}

static inline json_t *w_parsed(posw_bytes text) {
    json_error_t error;
    if (text.size == 0) return json_null();
    json_t *v = json_loadb((const char *)text.data, text.size, 0, &error);
    if (v == NULL) fail_msg("answer is not JSON: %s: %.*s", error.text, (int)text.size, (const char *)text.data);
    return v;
}

/* The *i-th message of a NOTIFY to a client; NULL: there are fewer, by which *i becomes less. */
static inline json_t *w_notified(const posw_action *a, uint64_t client, size_t *i) {
    json_t *v = NULL;
    for (size_t k = 0; v == NULL && k < posw_action_readers(a); k++) {
        posw_buf message = {0};
        if (posw_action_message(&message, a, k) == client && (*i)-- == 0) v = w_parsed(posw_buf_view(&message));
        posw_buf_clear(&message);
    }
    return v;
}

/* The i-th message that the latest step sent to a client, parsed; NULL: there are fewer. An empty one is given as JSON
 * null. */
static inline json_t *w_sent(const world *w, uint64_t client, size_t i) {
    for (size_t k = 0; k < w->actions.count; k++) {
        const posw_action *a = &w->actions.items[k];
        if (a->type == POSW_ACTION_SEND && a->client == client && i-- == 0) return w_parsed(posw_buf_view(&a->data));
        json_t *v = a->type == POSW_ACTION_NOTIFY ? w_notified(a, client, &i) : NULL;
        if (v != NULL) return v;
    }
    return NULL;
}

/* The answer to a text. */
static inline json_t *w_ask_as(world *w, uint64_t client, const char *text) {
    w_data(w, client, text, strlen(text));
    json_t *v = w_sent(w, client, 0);
    assert_non_null(v);
    return v;
}

static inline json_t *w_ask(world *w, const char *text) {
    return w_ask_as(w, W_HTTP, text);
}

/* ---- calls ---- */

static inline json_t *w_request(world *w, uint64_t client, const char *method, const char *format, va_list args) {
    char params[8192], text[9000];
    vsnprintf(params, sizeof params, format, args);
    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"%s\",\"params\":%s}", method, params);
    json_t *answer = w_ask_as(w, client, text);
    assert_true(json_is_object(answer));
    assert_int_equal(json_object_size(answer), 3);
    assert_string_equal(json_string_value(json_object_get(answer, "jsonrpc")), "2.0");
    assert_int_equal(json_integer_value(json_object_get(answer, "id")), 77);
    return answer;
}

static inline json_t *w_result_of(json_t *answer, const char *method) {
    json_t *result = json_incref(json_object_get(answer, "result"));
    if (result == NULL) {
        char *text = json_dumps(answer, 0);
        fail_msg("%s: %s", method, text);
    }
    json_decref(answer);
    return result;
}

/* The result (a new reference); params as a printf format, "[]" for none. */
__attribute__((format(printf, 3, 4))) static inline json_t *w_call(world *w, const char *method, const char *params,
                                                                   ...) {
    va_list args;
    va_start(args, params);
    json_t *result = w_result_of(w_request(w, W_HTTP, method, params, args), method);
    va_end(args);
    schema_check_result(&w->schema, method, result);
    return result;
}

/* The same for a stream; without schema. */
__attribute__((format(printf, 4, 5))) static inline json_t *w_call_as(world *w, uint64_t client, const char *method,
                                                                      const char *params, ...) {
    va_list args;
    va_start(args, params);
    json_t *result = w_result_of(w_request(w, client, method, params, args), method);
    va_end(args);
    return result;
}

/* The error (a new reference). */
__attribute__((format(printf, 3, 4))) static inline json_t *w_error(world *w, const char *method, const char *params,
                                                                    ...) {
    va_list args;
    va_start(args, params);
    json_t *answer = w_request(w, W_HTTP, method, params, args);
    va_end(args);
    json_t *error = json_incref(json_object_get(answer, "error"));
    if (error == NULL) {
        char *text = json_dumps(answer, 0);
        fail_msg("%s should fail: %.1000s", method, text);
    }
    json_decref(answer);
    return error;
}

/* Expects this code and exactly this message. */
#define w_refused(w, want_code, want_message, method, ...)                                      \
    do {                                                                                        \
        json_t *e_ = w_error((w), (method), __VA_ARGS__);                                       \
        assert_string_equal(json_string_value(json_object_get(e_, "message")), (want_message)); \
        assert_int_equal(json_integer_value(json_object_get(e_, "code")), (want_code));         \
        json_decref(e_);                                                                        \
    } while (0)

/* Expects a string result. */
#define w_text(w, want, method, ...)                        \
    do {                                                    \
        json_t *v_ = w_call((w), (method), __VA_ARGS__);    \
        assert_true(json_is_string(v_));                    \
        assert_string_equal(json_string_value(v_), (want)); \
        json_decref(v_);                                    \
    } while (0)

#define w_null(w, method, ...)                           \
    do {                                                 \
        json_t *v_ = w_call((w), (method), __VA_ARGS__); \
        assert_true(json_is_null(v_));                   \
        json_decref(v_);                                 \
    } while (0)

/* ---- reading answers ---- */

static inline const char *w_string(const json_t *o, const char *key) {
    const char *text = json_string_value(json_object_get(o, key));
    if (text == NULL) fail_msg("no text %s", key);
    return text;
}

static inline uint64_t w_u64_of(const json_t *v) {
    posw_u256 n;
    uint64_t out;
    assert_true(json_is_string(v));
    assert_true(posw_u256_parse(&n, json_string_value(v), json_string_length(v)));
    assert_true(posw_u256_to_u64(&out, &n));
    return out;
}

static inline uint64_t w_u64(const json_t *o, const char *key) {
    return w_u64_of(json_object_get(o, key));
}

static inline posw_u256 w_u256(const json_t *o, const char *key) {
    posw_u256 n;
    const char *text = w_string(o, key);
    assert_true(posw_u256_parse(&n, text, strlen(text)));
    return n;
}

static inline uint64_t w_number(world *w, const char *method, const char *params) {
    json_t *v = w_call(w, method, "%s", params);
    uint64_t n = w_u64_of(v);
    json_decref(v);
    return n;
}

/* 0x… of an address or hash; the text lives until 16 more were made. */
static inline const char *w_hex(const void *data, size_t size) {
    static char ring[16][2 * 64 + 3];
    static unsigned at;
    char *out = ring[at++ % 16];
    assert_true(size <= 64);
    memcpy(out, "0x", 2);
    posw_hex_encode(out + 2, data, size);
    return out;
}

static inline const char *w_address(unsigned key) {
    posw_address a = h_address(key);
    return w_hex(a.b, sizeof a.b);
}

static inline const char *w_hash_at(world *w, uint64_t number) {
    posw_hash hash;
    ok(posw_chain_hash_by_number(w->chain.chain, &hash, number));
    return w_hex(hash.b, sizeof hash.b);
}

/* 0x… of any size; free it. */
static inline char *w_long_hex(posw_bytes b) {
    char *out = malloc(2 * b.size + 3);
    memcpy(out, "0x", 2);
    posw_hex_encode(out + 2, b.data, b.size);
    return out;
}

/* ---- doing ---- */

/* The raw transaction through eth_sendRawTransaction; freed. Its hash, as text to free. */
static inline char *w_send(world *w, h_tx tx) {
    char *raw = w_long_hex(posw_buf_view(&tx.raw));
    json_t *v = w_call(w, "eth_sendRawTransaction", "[\"%s\"]", raw);
    char *hash = strdup(json_string_value(v));
    json_decref(v);
    free(raw);
    posw_buf_clear(&tx.raw);
    return hash;
}

static inline void w_send_only(world *w, h_tx tx) {
    free(w_send(w, tx));
}

static inline void w_mine(world *w, uint64_t blocks) {
    json_t *v = w_call(w, "evm_mine", "[%" PRIu64 "]", blocks);
    assert_string_equal(json_string_value(v), "0x0");
    json_decref(v);
}

/* A block with a transfer (key 1 to 2), a stake of key 2 for miner 3, and a call that reverts (key 4). Their hashes:
 * w_free_hashes. */
static inline void w_three_kinds(world *w, char *hashes[3]) {
    hashes[0] = w_send(w, h_transfer(1, 0, 2, 5));
    hashes[1] = w_send(w, h_stake(2, 0, 3, 50));
    hashes[2] = w_send(w, h_unstake(4, 0, 3, 1)); /* has no stake */
    w_mine(w, 1);
}

static inline void w_free_hashes(char *hashes[3]) {
    for (size_t i = 0; i < 3; i++)
        free(hashes[i]);
}

/* A block that others made, through posw_submitBlock. */
static inline void w_submit(world *w, const h_block *b) {
    char *raw = w_long_hex(posw_buf_view(&b->bytes));
    json_t *v = w_call(w, "posw_submitBlock", "[\"%s\"]", raw);
    assert_string_equal(json_string_value(v), w_hex(b->hash.b, sizeof b->hash.b));
    json_decref(v);
    free(raw);
}

/* An n-word ABI call as hex text; free it. */
static inline char *w_abi(const char *signature, const posw_address *a, const posw_u256 *n) {
    posw_buf b = {0};
    posw_abi_append_selector(&b, signature);
    if (a != NULL) posw_abi_append_address(&b, a);
    if (n != NULL) posw_abi_append_u256(&b, n);
    char *out = w_long_hex(posw_buf_view(&b));
    posw_buf_clear(&b);
    return out;
}

#define W_CONTRACT "0x00000000000000000000000000000000706f7377"

#endif
