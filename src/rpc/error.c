/* What is answered when something goes wrong: go-ethereum's codes and texts, which clients match. */
#include "rpc/rpc_internal.h"

#include "codec/abi.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

bool rpc_fail(rpc_call *c, int code, const char *format, ...) {
    if (c->code != 0) return false;
    c->code = code;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(c->message.text, sizeof c->message.text, format, args);
    va_end(args);
    return false;
}

bool rpc_fail_pruned(rpc_call *c) {
    return rpc_fail(c, RPC_ERROR_PRUNED,
                    "pruned history unavailable: this node keeps transactions and receipts from block %" PRIu64 " on",
                    posw_chain_first_body(c->chain));
}

bool rpc_fail_operating(rpc_call *c, int err) {
    if (err == POSW_EPRUNED) return rpc_fail_pruned(c);
    return rpc_fail(c, RPC_ERROR_INTERNAL, "internal error: %s", posw_error_text(err));
}

bool rpc_fail_reverted(rpc_call *c, posw_bytes output) {
    char reason[256];
    if (posw_abi_revert_reason(reason, sizeof reason, output))
        (void)rpc_fail(c, RPC_ERROR_REVERTED, "execution reverted: %s", reason);
    else
        (void)rpc_fail(c, RPC_ERROR_REVERTED, "execution reverted");
    posw_jw w;
    posw_jw_init(&w, &c->data);
    posw_jw_data(&w, output.data, output.size);
    return false;
}

bool rpc_fail_verdict(rpc_call *c, const char *what, posw_verdict v) {
    const char *number = posw_rule_number(v.rule), *text = posw_rule_text(v.rule);
    (void)rpc_fail(c, RPC_ERROR_SERVER, "%s: %s (rule %s)", what, text, number);
    posw_jw w;
    posw_jw_init(&w, &c->data);
    posw_jw_object(&w);
    posw_jw_kv_string(&w, "rule", number);
    posw_jw_kv_string(&w, "text", text);
    posw_jw_kv_bool(&w, "retry", v.kind == POSW_NOT_YET);
    posw_jw_object_end(&w);
    return false;
}

bool rpc_fits(rpc_call *c) {
    if (c->code != 0) return false;
    if (c->w.out->failed) return rpc_fail_operating(c, POSW_ENOMEM);
    if (c->w.out->size <= c->size_max) return true;
    return rpc_fail(c, RPC_ERROR_TOO_LARGE, "response too large");
}

void rpc_error_object(posw_jw *w, int code, const char *message, posw_bytes data) {
    posw_jw_object(w);
    posw_jw_key(w, "code");
    posw_jw_i64(w, code);
    posw_jw_kv_string(w, "message", message);
    if (data.size > 0) {
        posw_jw_key(w, "data");
        posw_jw_raw(w, (const char *)data.data, data.size);
    }
    posw_jw_object_end(w);
}
