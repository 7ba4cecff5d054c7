#include "cli/rpc_client.h"

#include "base/bytes.h"
#include "cli/http_client.h"
#include "posw/u256.h"

#include <arpa/inet.h>
#include <http_parser.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* ---- the address ---- */

static int bad_url(const cli *c, const char *url) {
    return cli_usage(c, "--rpc '%s' is not an address such as " CLI_RPC_DEFAULT_URL, url);
}

int cli_rpc_open(cli_rpc *r, const cli *c) {
    const char *url = cli_text(c, "rpc");
    struct http_parser_url u;
    http_parser_url_init(&u);
    memset(r, 0, sizeof *r);
    if (strncmp(url, "https://", 8) == 0)
        return cli_usage(c, "--rpc: https is not supported; use http:// to a node on this machine or through a tunnel");
    if (strncmp(url, "http://", 7) != 0 || http_parser_parse_url(url, strlen(url), 0, &u) != 0) return bad_url(c, url);
    bool has_user = (u.field_set & (1 << UF_USERINFO)) != 0, has_path = (u.field_set & (1 << UF_PATH)) != 0;
    size_t host_size = u.field_data[UF_HOST].len;
    if (has_user || host_size == 0 || host_size >= sizeof r->host) return bad_url(c, url);
    memcpy(r->host, url + u.field_data[UF_HOST].off, host_size);
    snprintf(r->port, sizeof r->port, "%u", (u.field_set & (1 << UF_PORT)) != 0 ? u.port : 80u);
    const char *path = has_path ? url + u.field_data[UF_PATH].off : "/";
    r->path = strndup(path, strcspn(path, "#"));
    if (r->path == NULL) return cli_fail("out of memory");
    r->url = url;
    r->timeout_ms = CLI_RPC_TIMEOUT_MS;
    return CLI_OK;
}

void cli_rpc_close(cli_rpc *r) {
    free(r->path);
    r->path = NULL;
}

bool cli_rpc_is_here(const cli_rpc *r) {
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, r->host, &v4) == 1) return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    if (inet_pton(AF_INET6, r->host, &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcasecmp(r->host, "localhost") == 0;
}

/* ---- a call ---- */

void cli_no_controls(char *text) {
    for (uint8_t *p = (uint8_t *)text; *p != '\0'; p++) {
        const bool is_c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;
        if (is_c1) *p++ = '?';
        if (is_c1 || *p < ' ' || *p == 0x7f) *p = '?';
    }
}

posw_message cli_json_sentence(const json_t *v) {
    posw_message out = {""};
    const char *text = json_string_value(v);
    if (text != NULL) (void)posw_message_set(&out, POSW_OK, "%s", text);
    cli_no_controls(out.text);
    return out;
}

static int no_answer(const cli_rpc *r, int err, const posw_message *why) {
    if (err == POSW_ENOTFOUND)
        return cli_fail("no node answers at %s (%s); start one with 'posw dev' or 'posw node', or give --rpc", r->url,
                        why->text);
    return cli_fail("the node at %s cannot be asked: %s", r->url, why->text);
}

/* The parsed body of a POST, or NULL after a sentence. */
static json_t *post(const cli_rpc *r, const char *request) {
    const cli_http_target target = {r->host, r->port, r->path, r->timeout_ms, CLI_RPC_ANSWER_MAX};
    posw_buf body = {0};
    posw_message why = {""};
    unsigned status = 0;
    json_error_t where;
    json_t *answer = NULL;
    int err = cli_http_post(&target, posw_bytes_of(request, strlen(request)), &status, &body, &why);
    posw_buf_byte(&body, 0);
    if (err == POSW_OK && body.failed) err = posw_message_set(&why, POSW_ENOMEM, "out of memory");
    if (err != POSW_OK) {
        (void)no_answer(r, err, &why);
    } else if (status != 200) {
        char *text = (char *)body.data;
        size_t line = strcspn(text, "\r\n");
        cli_no_controls(text);
        (void)cli_fail("%s answers HTTP %u: %.*s", r->url, status, (int)(line < 200 ? line : 200), text);
    } else {
        answer = json_loadb((const char *)body.data, body.size - 1, 0, &where);
        if (answer == NULL) (void)cli_fail("%s does not answer with JSON; is it the RPC address of a node?", r->url);
    }
    posw_buf_clear(&body);
    return answer;
}

static enum cli_rpc_outcome read_answer(cli_rpc *r, json_t **result, const char *method, uint64_t id,
                                        const json_t *answer) {
    const json_t *error = json_object_get(answer, "error"), *value = json_object_get(answer, "result");
    const char *text = json_string_value(json_object_get(error, "message"));
    if (!json_is_object(answer) || (uint64_t)json_integer_value(json_object_get(answer, "id")) != id ||
        (error == NULL) == (value == NULL) || (error != NULL && text == NULL)) {
        (void)cli_rpc_fail_answer(r, method, "it is no JSON-RPC");
        return CLI_RPC_FAILED;
    }
    if (error == NULL) {
        *result = json_incref((json_t *)value);
        return CLI_RPC_OK;
    }
    r->code = (int)json_integer_value(json_object_get(error, "code"));
    r->refusal = cli_json_sentence(json_object_get(error, "message"));
    return CLI_RPC_REFUSED;
}

/* One call of a request; NULL: out of memory. params: taken over. */
static json_t *request_of(uint64_t id, const char *method, json_t *params) {
    return params == NULL ? NULL
                          : json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", (json_int_t)id, "method", method,
                                      "params", params);
}

/* The answer to a request, which is taken over; NULL after a sentence. */
static json_t *exchange(const cli_rpc *r, json_t *request) {
    char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    json_t *answer = text != NULL ? post(r, text) : NULL;
    if (text == NULL) (void)cli_fail("out of memory");
    free(text);
    return answer;
}

enum cli_rpc_outcome cli_rpc_try(cli_rpc *r, json_t **result, const char *method, json_t *params) {
    const uint64_t id = ++r->next_id;
    json_t *answer = exchange(r, request_of(id, method, params));
    enum cli_rpc_outcome outcome = answer != NULL ? read_answer(r, result, method, id, answer) : CLI_RPC_FAILED;
    json_decref(answer);
    return outcome;
}

/* The answer with this id; NULL: there is none. */
static const json_t *answer_of(const json_t *answers, uint64_t id) {
    size_t i;
    const json_t *answer;
    json_array_foreach((json_t *)answers, i,
                       answer) if ((uint64_t)json_integer_value(json_object_get(answer, "id")) == id) return answer;
    return NULL;
}

static int read_answers(cli_rpc *r, json_t *results, const char *method, uint64_t first, size_t count,
                        const json_t *answers) {
    for (size_t i = 0; i < count; i++) {
        /* Nodes answer in order; others may not. */
        const json_t *answer = json_array_get(answers, i);
        json_t *result = NULL;
        if ((uint64_t)json_integer_value(json_object_get(answer, "id")) != first + i)
            answer = answer_of(answers, first + i);
        switch (read_answer(r, &result, method, first + i, answer)) {
        case CLI_RPC_OK:
            if (json_array_append_new(results, result) != 0) return cli_fail("out of memory");
            break;
        case CLI_RPC_REFUSED:
            return cli_rpc_fail_refused(r, method);
        case CLI_RPC_FAILED:
            return CLI_FAILED;
        }
    }
    return CLI_OK;
}

int cli_rpc_batch(cli_rpc *r, json_t **results, const char *method, json_t *params) {
    const size_t count = json_array_size(params);
    const uint64_t first = r->next_id + 1;
    json_t *requests = json_array(), *one;
    size_t i;
    POSW_ASSERT(count <= CLI_RPC_BATCH_MAX);
    *results = json_array();
    if (count == 0) {
        json_decref(params);
        json_decref(requests);
        return *results != NULL ? CLI_OK : cli_fail("out of memory");
    }
    bool ok = params != NULL && *results != NULL && requests != NULL;
    json_array_foreach(params, i, one) ok =
        ok && json_array_append_new(requests, request_of(first + i, method, json_incref(one))) == 0;
    r->next_id += count;
    json_decref(params);
    if (!ok) {
        json_decref(requests);
        return cli_fail("out of memory");
    }
    json_t *answers = exchange(r, requests);
    int code = answers != NULL ? read_answers(r, *results, method, first, count, answers) : CLI_FAILED;
    json_decref(answers);
    return code;
}

int cli_rpc_fail_refused(const cli_rpc *r, const char *method) {
    if (r->code == CLI_RPC_NO_SUCH_METHOD)
        return cli_fail("the node at %s does not know %s; it is not a posw node, or an older one", r->url, method);
    return cli_fail("the node refuses: %s", r->refusal.text);
}

int cli_rpc_fail_answer(const cli_rpc *r, const char *method, const char *what) {
    return cli_fail("%s gives an answer to %s that is not understood: %s; is it a posw node of this version?", r->url,
                    method, what);
}

int cli_rpc_call(cli_rpc *r, json_t **result, const char *method, json_t *params) {
    switch (cli_rpc_try(r, result, method, params)) {
    case CLI_RPC_OK:
        return CLI_OK;
    case CLI_RPC_REFUSED:
        return cli_rpc_fail_refused(r, method);
    case CLI_RPC_FAILED:
        break;
    }
    return CLI_FAILED;
}

int cli_rpc_note_syncing(cli_rpc *r) {
    json_t *status = NULL;
    uint64_t tip;
    const enum cli_rpc_outcome got = cli_rpc_try(r, &status, "posw_status", json_array());
    if (got == CLI_RPC_OK && json_is_true(json_object_get(status, "syncing")) &&
        cli_json_u64(&tip, json_object_get(json_object_get(status, "tip"), "number")))
        fprintf(stderr,
                "note: the node is catching up with the chain and stands at block %" PRIu64
                ": it does not know yet what came later\n",
                tip);
    json_decref(status);
    return got == CLI_RPC_FAILED ? CLI_FAILED : CLI_OK;
}

int cli_rpc_u256(cli_rpc *r, posw_u256 *out, const char *method, json_t *params) {
    json_t *result = NULL;
    int code = cli_rpc_call(r, &result, method, params);
    if (code == CLI_OK && !cli_json_u256(out, result)) code = cli_rpc_fail_answer(r, method, "it is no number");
    json_decref(result);
    return code;
}

int cli_rpc_u64(cli_rpc *r, uint64_t *out, const char *method, json_t *params) {
    posw_u256 wide;
    int code = cli_rpc_u256(r, &wide, method, params);
    if (code == CLI_OK && !posw_u256_to_u64(out, &wide))
        code = cli_rpc_fail_answer(r, method, "the number is too large");
    return code;
}

/* ---- values ---- */

bool cli_json_u256(posw_u256 *out, const json_t *v) {
    if (json_is_integer(v) && json_integer_value(v) >= 0) {
        *out = posw_u256_from_u64((uint64_t)json_integer_value(v));
        return true;
    }
    return json_is_string(v) && posw_u256_parse(out, json_string_value(v), json_string_length(v));
}

bool cli_json_u64(uint64_t *out, const json_t *v) {
    posw_u256 wide;
    return cli_json_u256(&wide, v) && posw_u256_to_u64(out, &wide);
}

bool cli_json_data(posw_buf *out, const json_t *v) {
    size_t size = json_string_length(v);
    if (!json_is_string(v) || size < 2 || size % 2 != 0) return false;
    size_t start = out->size;
    uint8_t *room = posw_buf_extend(out, size / 2 - 1);
    if (size == 2) return strcmp(json_string_value(v), "0x") == 0;
    if (room != NULL && posw_hex_decode_prefixed(room, size / 2 - 1, json_string_value(v), size)) return true;
    out->size = start;
    return false;
}

json_t *cli_json_address(const posw_address *a) {
    return cli_json_hex(posw_bytes_of(a->b, sizeof a->b));
}

json_t *cli_json_quantity(const posw_u256 *v) {
    char text[POSW_U256_HEX_SIZE];
    posw_u256_to_hex(text, v);
    return json_string(text);
}

json_t *cli_json_hex(posw_bytes data) {
    char *text = malloc(2 * data.size + 3);
    if (text == NULL) return NULL;
    memcpy(text, "0x", 3);
    if (data.size > 0) posw_hex_encode(text + 2, data.data, data.size);
    json_t *v = json_string(text);
    free(text);
    return v;
}

int cli_json_print(json_t *v) {
    char *text = v != NULL ? json_dumps(v, JSON_COMPACT) : NULL;
    posw_buf b = {0};
    json_decref(v);
    if (text == NULL) return cli_fail("out of memory");
    posw_buf_text(&b, text);
    free(text);
    return cli_print(&b);
}
