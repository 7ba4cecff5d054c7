/* libposw in Node.js: one function, through Node-API, which is the same for all versions of Node.js.
 *
 *      check(chainFile, [[header, proof | null], ...], now) -> { accepted, rule, text, tip, weight }
 *
 * chainFile and headers are Buffers; the first header is genesis. rule: "" when all are accepted. The proof of work is
 * keccak256. */
#include <node_api.h>
#include <posw/posw.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    napi_env env;
    posw_params params;
    posw_header *headers;
    posw_stake_proof *proofs;
    posw_light_item *items; /* without genesis: items[i] is headers[i + 1] */
    uint32_t count;         /* of headers */
    void *window_memory;
} job;

static bool fail(job *j, const char *sentence) {
    bool pending = false;
    if (napi_is_exception_pending(j->env, &pending) == napi_ok && !pending) napi_throw_error(j->env, NULL, sentence);
    return false;
}

static bool bytes_of(job *j, posw_bytes *out, napi_value v) {
    bool is_buffer = false;
    void *data = NULL;
    size_t size = 0;
    if (napi_is_buffer(j->env, v, &is_buffer) != napi_ok || !is_buffer) return fail(j, "a Buffer is needed");
    if (napi_get_buffer_info(j->env, v, &data, &size) != napi_ok) return fail(j, "a Buffer cannot be read");
    *out = (posw_bytes){data, size};
    return true;
}

static bool read_pair(job *j, napi_value pair, uint32_t i) {
    napi_value header, proof;
    napi_valuetype type;
    posw_bytes b;
    if (napi_get_element(j->env, pair, 0, &header) != napi_ok || napi_get_element(j->env, pair, 1, &proof) != napi_ok ||
        napi_typeof(j->env, proof, &type) != napi_ok)
        return fail(j, "a pair of header and proof is needed");
    if (!bytes_of(j, &b, header)) return false;
    if (!posw_header_decode(&j->headers[i], b.data, b.size)) return fail(j, "a header is malformed (rule H1)");
    if (i == 0) return true;
    j->items[i - 1] = (posw_light_item){&j->headers[i], NULL};
    if (type == napi_null || type == napi_undefined) return true;
    if (!bytes_of(j, &b, proof)) return false;
    if (!posw_stake_proof_decode(&j->proofs[i], b.data, b.size)) return fail(j, "a stake proof is malformed (rule E5)");
    j->items[i - 1].proof = &j->proofs[i];
    return true;
}

static bool read_pairs(job *j, napi_value list) {
    if (napi_get_array_length(j->env, list, &j->count) != napi_ok || j->count == 0)
        return fail(j, "a list with the genesis header is needed");
    j->headers = calloc(j->count, sizeof *j->headers);
    j->proofs = calloc(j->count, sizeof *j->proofs);
    j->items = calloc(j->count, sizeof *j->items);
    if (j->headers == NULL || j->proofs == NULL || j->items == NULL) return fail(j, "out of memory");
    for (uint32_t i = 0; i < j->count; i++) {
        napi_value pair;
        if (napi_get_element(j->env, list, i, &pair) != napi_ok || !read_pair(j, pair, i)) return false;
    }
    return true;
}

static bool read_chain(job *j, napi_value file) {
    char message[POSW_CHAINFILE_MESSAGE_SIZE];
    posw_bytes text;
    if (!bytes_of(j, &text, file)) return false;
    const enum posw_chainfile_result r =
        posw_params_read(&j->params, NULL, (const char *)text.data, text.size, message, sizeof message);
    if (r != POSW_CHAINFILE_OK) return fail(j, message);
    return j->params.pow == POSW_POW_KECCAK256 || fail(j, "only keccak256 is connected here");
}

static bool start(job *j, posw_light *light) {
    const posw_params *p = &j->params;
    const size_t size = posw_window_size(p->window_blocks, 0);
    j->window_memory = aligned_alloc(16, (size + 15) / 16 * 16);
    if (j->window_memory == NULL) return fail(j, "out of memory");
    posw_window *w = posw_window_init(j->window_memory, p->window_blocks, 0, 2 * p->window_blocks * p->block_time_s);
    return posw_light_init(light, p, w, posw_pow_keccak256(), NULL, &j->headers[0]) ||
           fail(j, "this is not the genesis header of that chain file (rule G2)");
}

static void set_text(job *j, napi_value object, const char *key, const char *text) {
    napi_value v;
    if (napi_create_string_utf8(j->env, text, NAPI_AUTO_LENGTH, &v) == napi_ok)
        napi_set_named_property(j->env, object, key, v);
}

static napi_value answer(job *j, const posw_light *light, posw_verdict v) {
    napi_value object, number;
    char weight[POSW_U256_DEC_SIZE], tip[2 * POSW_HASH_SIZE + 1];
    if (napi_create_object(j->env, &object) != napi_ok ||
        napi_create_double(j->env, (double)light->tip.number, &number) != napi_ok)
        return NULL;
    napi_set_named_property(j->env, object, "accepted", number);
    for (size_t i = 0; i < 2 * POSW_HASH_SIZE; i++)
        tip[i] = "0123456789abcdef"[light->tip_hash.b[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
    tip[2 * POSW_HASH_SIZE] = '\0';
    posw_u256_to_dec(weight, &light->weight);
    set_text(j, object, "rule", posw_rule_number(v.rule));
    set_text(j, object, "text", v.kind == POSW_VALID ? "" : posw_rule_text(v.rule));
    set_text(j, object, "tip", tip);
    set_text(j, object, "weight", weight);
    return object;
}

static napi_value run(job *j, const napi_value arguments[3]) {
    posw_light light;
    int64_t now_s;
    bool ok;
    size_t accepted;
    if (napi_get_value_int64(j->env, arguments[2], &now_s) != napi_ok || now_s < 0)
        return fail(j, "check(chainFile, headers, now)"), NULL;
    if (!read_chain(j, arguments[0]) || !read_pairs(j, arguments[1]) || !start(j, &light)) return NULL;
    const posw_verdict v = posw_light_extend(&ok, &accepted, &light, j->items, j->count - 1, (uint64_t)now_s);
    return answer(j, &light, v);
}

static napi_value check(napi_env env, napi_callback_info info) {
    napi_value arguments[3];
    size_t count = 3;
    job j = {.env = env};
    if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 3) {
        fail(&j, "check(chainFile, headers, now)");
        return NULL;
    }
    napi_value result = run(&j, arguments);
    free(j.headers);
    free(j.proofs);
    free(j.items);
    free(j.window_memory);
    return result;
}

NAPI_MODULE_INIT(/* env, exports */) {
    napi_value function;
    if (napi_create_function(env, "check", NAPI_AUTO_LENGTH, check, NULL, &function) == napi_ok)
        napi_set_named_property(env, exports, "check", function);
    set_text(&(job){.env = env}, exports, "version", posw_version());
    return exports;
}
