#include "stratum/message.h"

#include "base/bytes.h"
#include "stratum/text.h"

#include <stdio.h>

const char *posw_stratum_algorithm(enum posw_pow_algorithm pow) {
    switch (pow) {
    case POSW_POW_KECCAK256:
        return "posw/keccak256";
    case POSW_POW_ARGON2ID:
        return "argon2/chukwa";
    case POSW_POW_RANDOMX:
        return "rx/0";
    }
    return "";
}

bool posw_stratum_algorithm_parse(enum posw_pow_algorithm *out, const char *name) {
    static const enum posw_pow_algorithm all[] = {POSW_POW_KECCAK256, POSW_POW_ARGON2ID, POSW_POW_RANDOMX};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(all); i++) {
        if (strcmp(name, posw_stratum_algorithm(all[i])) != 0) continue;
        *out = all[i];
        return true;
    }
    return false;
}

static const struct {
    const char *name;
    enum posw_stratum_method method;
} methods[] = {
    {"login", POSW_STRATUM_LOGIN},
    {"getjob", POSW_STRATUM_GETJOB},
    {"submit", POSW_STRATUM_SUBMIT},
    {"keepalived", POSW_STRATUM_KEEPALIVED},
};

static enum posw_stratum_method method_of(const char *name) {
    for (size_t i = 0; i < POSW_ARRAY_SIZE(methods); i++)
        if (strcmp(methods[i].name, name) == 0) return methods[i].method;
    return POSW_STRATUM_OTHER;
}

static int decode_login(posw_stratum_request *r, const json_t *params, const char *algorithm, posw_message *why) {
    const char *login = stratum_string(json_object_get(params, "login"), POSW_STRATUM_LOGIN_MAX);
    const json_t *list = json_object_get(params, "algo");
    if (login == NULL) return posw_message_set(why, POSW_EINVAL, "Missing login");
    (void)snprintf(r->login, sizeof r->login, "%s", login);
    stratum_printable(r->agent, sizeof r->agent, json_object_get(params, "agent"));
    r->lists_algorithms = json_array_size(list) > 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name != NULL && algorithm != NULL && strcmp(name, algorithm) == 0) r->knows = true;
    }
    return POSW_OK;
}

/* A job id that is none of ours counts as one that is not known: miners log in anew then, which helps them. */
static int decode_submit(posw_stratum_request *r, const json_t *params, posw_message *why) {
    if (!stratum_hex_u64(&r->session, json_object_get(params, "id"))) r->session = 0;
    if (!stratum_hex_u64(&r->job, json_object_get(params, "job_id"))) r->job = 0;
    if (!stratum_hex_bytes(r->nonce, sizeof r->nonce, json_object_get(params, "nonce")))
        return posw_message_set(why, POSW_EINVAL, "Malformed nonce");
    if (!stratum_hex_bytes(r->result.b, sizeof r->result.b, json_object_get(params, "result")))
        return posw_message_set(why, POSW_EINVAL, "Malformed result");
    return POSW_OK;
}

static int decode(posw_stratum_request *r, const json_t *object, const char *algorithm, posw_message *why) {
    const char *method = stratum_string(json_object_get(object, "method"), 32);
    const json_t *params = json_object_get(object, "params");
    if (method == NULL) return POSW_EPARSE;
    r->method = method_of(method);
    stratum_id_text(r->id, sizeof r->id, json_object_get(object, "id"));
    if (r->method == POSW_STRATUM_LOGIN) return decode_login(r, params, algorithm, why);
    return r->method == POSW_STRATUM_SUBMIT ? decode_submit(r, params, why) : POSW_OK;
}

int posw_stratum_request_decode(posw_stratum_request *out, posw_bytes line, const char *algorithm, posw_message *why) {
    json_t *object = stratum_object(line);
    if (object == NULL) return POSW_EPARSE;
    memset(out, 0, sizeof *out);
    const int err = decode(out, object, algorithm, why);
    json_decref(object);
    return err;
}

/* ---- writing ---- */

static const char *name_of(enum posw_stratum_method method) {
    for (size_t i = 0; i < POSW_ARRAY_SIZE(methods); i++)
        if (methods[i].method == method) return methods[i].name;
    return "other";
}

static void encode_login(posw_jw *w, const posw_stratum_request *r, const char *algorithm) {
    posw_jw_kv_string(w, "login", r->login);
    posw_jw_kv_string(w, "pass", "x");
    posw_jw_kv_string(w, "agent", r->agent);
    if (algorithm == NULL) return;
    posw_jw_key(w, "algo");
    posw_jw_array(w);
    posw_jw_string(w, algorithm);
    posw_jw_array_end(w);
}

static void encode_submit(posw_jw *w, const posw_stratum_request *r) {
    stratum_kv_hex_u64(w, "id", r->session);
    stratum_kv_hex_u64(w, "job_id", r->job);
    stratum_kv_hex(w, "nonce", r->nonce, sizeof r->nonce);
    stratum_kv_hex(w, "result", r->result.b, sizeof r->result.b);
}

void posw_stratum_request_encode(posw_buf *out, const posw_stratum_request *r, const char *algorithm) {
    posw_jw w;
    posw_jw_init(&w, out);
    posw_jw_object(&w);
    posw_jw_key(&w, "id");
    posw_jw_raw(&w, r->id, strlen(r->id));
    posw_jw_kv_string(&w, "jsonrpc", "2.0");
    posw_jw_kv_string(&w, "method", name_of(r->method));
    posw_jw_key(&w, "params");
    posw_jw_object(&w);
    if (r->method == POSW_STRATUM_LOGIN)
        encode_login(&w, r, algorithm);
    else if (r->method == POSW_STRATUM_SUBMIT)
        encode_submit(&w, r);
    else
        stratum_kv_hex_u64(&w, "id", r->session);
    posw_jw_object_end(&w);
    posw_jw_object_end(&w);
    posw_buf_byte(out, '\n');
}
