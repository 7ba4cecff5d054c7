#include "stratum/message.h"

#include "base/bytes.h"
#include "stratum/text.h"

#include <stdio.h>
#include <string.h>

enum { CODE_ERROR = -1, CODE_FOR_GOOD = -2 };

/* ---- writing ---- */

/* Left away while there is nothing to tell. */
static void encode_coming(posw_jw *w, const posw_stratum_coming *c) {
    static const posw_stratum_coming nothing = {0};
    if (memcmp(c, &nothing, sizeof nothing) == 0) return;
    posw_jw_key(w, "coming");
    posw_jw_object(w);
    stratum_kv_hex_u64(w, "nextFrom", c->next_from);
    posw_jw_kv_quantity_u256(w, "next", &c->next_wei);
    stratum_kv_hex_u64(w, "laterFrom", c->later_from);
    posw_jw_kv_quantity_u256(w, "later", &c->later_wei);
    posw_jw_kv_quantity_u256(w, "exiting", &c->exiting_wei);
    stratum_kv_hex_u64(w, "exitBlock", c->exit_block);
    posw_jw_kv_quantity_u256(w, "unlocked", &c->unlocked_wei);
    stratum_kv_hex_u64(w, "blockTime", c->block_time_s);
    posw_jw_object_end(w);
}

static void encode_stake(posw_jw *w, const posw_stratum_stake *s) {
    posw_jw_object(w);
    posw_jw_kv_string(w, "rule", s->tickets_rule ? "ticket" : "power");
    posw_jw_kv_quantity_u256(w, "weight", &s->weight);
    posw_jw_kv_quantity_u256(w, "stake", &s->stake_wei);
    posw_jw_kv_quantity_u256(w, "step", &s->step_wei);
    posw_jw_kv_quantity_u256(w, "stepWeight", &s->step_weight);
    posw_jw_kv_quantity_u256(w, "difficulty", &s->difficulty);
    if (s->tickets_rule) {
        posw_jw_kv_quantity_u256(w, "boost", &s->boost);
        posw_jw_kv_quantity_u256(w, "price", &s->price_wei);
        stratum_kv_hex_u64(w, "tickets", s->tickets);
        stratum_kv_hex_u64(w, "used", s->used);
        stratum_kv_hex_u64(w, "window", s->window_blocks);
    }
    encode_coming(w, &s->coming);
    posw_jw_object_end(w);
}

static void encode_job(posw_jw *w, const posw_stratum_job *j) {
    uint8_t target[8];
    posw_store_le64(target, j->target);
    posw_jw_object(w);
    stratum_kv_hex(w, "blob", j->input, sizeof j->input);
    stratum_kv_hex_u64(w, "job_id", j->id);
    stratum_kv_hex(w, "target", target, sizeof target);
    posw_jw_kv_u64(w, "height", j->height);
    posw_jw_kv_string(w, "algo", j->algorithm);
    stratum_kv_hex(w, "seed_hash", j->key.b, sizeof j->key.b);
    if (j->has_stake) {
        posw_jw_key(w, "posw");
        encode_stake(w, &j->stake);
    }
    posw_jw_object_end(w);
}

static void encode_welcome(posw_jw *w, const posw_stratum_reply *r) {
    posw_jw_object(w);
    stratum_kv_hex_u64(w, "id", r->session);
    posw_jw_key(w, "job");
    encode_job(w, &r->job);
    posw_jw_key(w, "extensions");
    posw_jw_array(w);
    posw_jw_string(w, "algo");
    posw_jw_string(w, "keepalive");
    posw_jw_array_end(w);
    posw_jw_kv_string(w, "status", "OK");
    posw_jw_object_end(w);
}

static void encode_error(posw_jw *w, const posw_stratum_reply *r) {
    posw_jw_object(w);
    posw_jw_key(w, "code");
    posw_jw_i64(w, r->for_good ? CODE_FOR_GOOD : CODE_ERROR);
    posw_jw_kv_string(w, "message", r->error);
    posw_jw_object_end(w);
}

/* A job that nobody asked for is a notification; one that was asked for is a result. An error that answers nothing is a
 * notification, too: miners show those, and pass over answers without an id. */
static void encode_body(posw_jw *w, const posw_stratum_reply *r) {
    const bool unasked =
        strcmp(r->id, "null") == 0 && r->type != POSW_STRATUM_WELCOME && r->type != POSW_STRATUM_STATUS;
    if (unasked)
        posw_jw_kv_string(w, "method", r->type == POSW_STRATUM_JOB ? "job" : "error");
    else {
        posw_jw_key(w, "id");
        posw_jw_raw(w, r->id, strlen(r->id));
    }
    if (r->type == POSW_STRATUM_ERROR) {
        posw_jw_key(w, "error");
        encode_error(w, r);
        return;
    }
    if (!unasked) posw_jw_kv_null(w, "error");
    posw_jw_key(w, unasked ? "params" : "result");
    if (r->type == POSW_STRATUM_JOB)
        encode_job(w, &r->job);
    else if (r->type == POSW_STRATUM_WELCOME)
        encode_welcome(w, r);
    else {
        posw_jw_object(w);
        posw_jw_kv_string(w, "status", "OK");
        posw_jw_object_end(w);
    }
}

void posw_stratum_reply_encode(posw_buf *out, const posw_stratum_reply *r) {
    posw_jw w;
    posw_jw_init(&w, out);
    posw_jw_object(&w);
    posw_jw_kv_string(&w, "jsonrpc", "2.0");
    encode_body(&w, r);
    posw_jw_object_end(&w);
    posw_buf_byte(out, '\n');
}

/* ---- reading ---- */

static bool decode_coming(posw_stratum_coming *c, const json_t *v) {
    return v == NULL || (stratum_hex_u64(&c->next_from, json_object_get(v, "nextFrom")) &&
                         stratum_u256(&c->next_wei, json_object_get(v, "next")) &&
                         stratum_hex_u64(&c->later_from, json_object_get(v, "laterFrom")) &&
                         stratum_u256(&c->later_wei, json_object_get(v, "later")) &&
                         stratum_u256(&c->exiting_wei, json_object_get(v, "exiting")) &&
                         stratum_hex_u64(&c->exit_block, json_object_get(v, "exitBlock")) &&
                         stratum_u256(&c->unlocked_wei, json_object_get(v, "unlocked")) &&
                         stratum_hex_u64(&c->block_time_s, json_object_get(v, "blockTime")));
}

static bool decode_stake(posw_stratum_stake *s, const json_t *v) {
    const char *rule = stratum_string(json_object_get(v, "rule"), 16);
    if (rule == NULL) return false;
    s->tickets_rule = strcmp(rule, "ticket") == 0;
    if (!stratum_u256(&s->weight, json_object_get(v, "weight")) ||
        !stratum_u256(&s->stake_wei, json_object_get(v, "stake")) ||
        !stratum_u256(&s->step_wei, json_object_get(v, "step")) ||
        !stratum_u256(&s->step_weight, json_object_get(v, "stepWeight")) ||
        !stratum_u256(&s->difficulty, json_object_get(v, "difficulty")) ||
        !decode_coming(&s->coming, json_object_get(v, "coming")))
        return false;
    if (!s->tickets_rule) return true;
    return stratum_u256(&s->boost, json_object_get(v, "boost")) &&
           stratum_u256(&s->price_wei, json_object_get(v, "price")) &&
           stratum_hex_u64(&s->tickets, json_object_get(v, "tickets")) &&
           stratum_hex_u64(&s->used, json_object_get(v, "used")) &&
           stratum_hex_u64(&s->window_blocks, json_object_get(v, "window"));
}

static int decode_job(posw_stratum_job *j, const json_t *v) {
    uint8_t target[8];
    enum posw_pow_algorithm pow;
    const json_t *height = json_object_get(v, "height"), *seed = json_object_get(v, "seed_hash");
    const char *algorithm = stratum_string(json_object_get(v, "algo"), sizeof j->algorithm - 1);
    if (algorithm == NULL || !posw_stratum_algorithm_parse(&pow, algorithm) ||
        !stratum_hex_bytes(j->input, sizeof j->input, json_object_get(v, "blob")) ||
        !stratum_hex_u64(&j->id, json_object_get(v, "job_id")) ||
        !stratum_hex_bytes(target, sizeof target, json_object_get(v, "target")) || !json_is_integer(height) ||
        json_integer_value(height) < 0)
        return POSW_EPARSE;
    j->target = posw_load_le64(target);
    j->height = (uint64_t)json_integer_value(height);
    if (j->target == 0 || posw_load_be32(j->input + POSW_STRATUM_NONCE_OFFSET) != 0) return POSW_EPARSE;
    if (!stratum_hex_bytes(j->key.b, sizeof j->key.b, seed)) {
        if (pow == POSW_POW_RANDOMX) return POSW_EPARSE;
        memset(&j->key, 0, sizeof j->key);
    }
    (void)snprintf(j->algorithm, sizeof j->algorithm, "%s", algorithm);
    j->has_stake = decode_stake(&j->stake, json_object_get(v, "posw"));
    if (!j->has_stake) memset(&j->stake, 0, sizeof j->stake);
    return POSW_OK;
}

static int decode_result(posw_stratum_reply *r, const json_t *result) {
    const json_t *job = json_object_get(result, "job");
    if (job != NULL) {
        r->type = POSW_STRATUM_WELCOME;
        return stratum_hex_u64(&r->session, json_object_get(result, "id")) ? decode_job(&r->job, job) : POSW_EPARSE;
    }
    if (json_object_get(result, "blob") != NULL) {
        r->type = POSW_STRATUM_JOB;
        return decode_job(&r->job, result);
    }
    r->type = POSW_STRATUM_STATUS;
    return json_is_object(result) ? POSW_OK : POSW_EPARSE;
}

static int decode(posw_stratum_reply *r, const json_t *object) {
    const json_t *error = json_object_get(object, "error");
    const char *method = stratum_string(json_object_get(object, "method"), 32);
    stratum_id_text(r->id, sizeof r->id, json_object_get(object, "id"));
    if (json_is_object(error)) {
        r->type = POSW_STRATUM_ERROR;
        stratum_printable(r->error, sizeof r->error, json_object_get(error, "message"));
        r->for_good = json_integer_value(json_object_get(error, "code")) == CODE_FOR_GOOD;
        return POSW_OK;
    }
    if (method == NULL) return decode_result(r, json_object_get(object, "result"));
    r->type = POSW_STRATUM_JOB;
    (void)snprintf(r->id, sizeof r->id, "null");
    return strcmp(method, "job") == 0 ? decode_job(&r->job, json_object_get(object, "params")) : POSW_EPARSE;
}

int posw_stratum_reply_decode(posw_stratum_reply *out, posw_bytes line) {
    posw_stratum_reply r = {.id = "null"};
    json_t *object = stratum_object(line);
    const int err = object == NULL ? POSW_EPARSE : decode(&r, object);
    json_decref(object);
    if (err == POSW_OK) *out = r;
    return err;
}
