/* Reading arguments, strictly: what is wrong is said with the argument's number and, inside objects, the member's name.
 */
#include "rpc/rpc_internal.h"

#include "base/bytes.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

bool rpc_bad(rpc_call *c, rpc_at at, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (at.member == NULL) return rpc_fail(c, RPC_ERROR_PARAMS, "invalid argument %zu: %s", at.arg, text);
    return rpc_fail(c, RPC_ERROR_PARAMS, "invalid argument %zu: %s: %s", at.arg, at.member, text);
}

size_t rpc_param_count(const rpc_call *c) {
    return c->params == NULL ? 0 : json_array_size(c->params);
}

const json_t *rpc_param(const rpc_call *c, size_t i) {
    const json_t *v = i < rpc_param_count(c) ? json_array_get(c->params, i) : NULL;
    return json_is_null(v) ? NULL : v;
}

/* ---- hexadecimal text ---- */

/* The digits after 0x. */
static bool hex_digits(rpc_call *c, rpc_at at, const json_t *v, const char *what, const char **digits, size_t *count) {
    if (v == NULL) {
        if (at.member == NULL) return rpc_fail(c, RPC_ERROR_PARAMS, "missing value for required argument %zu", at.arg);
        return rpc_bad(c, at, "missing value");
    }
    if (!json_is_string(v)) return rpc_bad(c, at, "not a string, want %s", what);
    const char *text = json_string_value(v);
    size_t size = json_string_length(v);
    if (size == 0) return rpc_bad(c, at, "empty string, want %s", what);
    if (size < 2 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
        return rpc_bad(c, at, "hex string without 0x prefix");
    *digits = text + 2;
    *count = size - 2;
    return true;
}

static bool hex_quantity(rpc_call *c, rpc_at at, const json_t *v, posw_u256 *out) {
    const char *digits;
    size_t count;
    if (!hex_digits(c, at, v, "a hex number", &digits, &count)) return false;
    if (count == 0) return rpc_bad(c, at, "hex string \"0x\"");
    if (count > 1 && digits[0] == '0') return rpc_bad(c, at, "hex number with leading zero digits");
    if (count > 64) return rpc_bad(c, at, "hex number > 256 bits");
    if (!posw_u256_parse(out, digits - 2, count + 2)) return rpc_bad(c, at, "invalid hex string");
    return true;
}

bool rpc_value_u256(rpc_call *c, rpc_at at, const json_t *v, posw_u256 *out) {
    return hex_quantity(c, at, v, out);
}

bool rpc_value_u64(rpc_call *c, rpc_at at, const json_t *v, uint64_t *out) {
    posw_u256 number;
    if (!hex_quantity(c, at, v, &number)) return false;
    return posw_u256_to_u64(out, &number) || rpc_bad(c, at, "hex number > 64 bits");
}

bool rpc_value_count(rpc_call *c, rpc_at at, const json_t *v, uint64_t *out, uint64_t max) {
    uint64_t n;
    if (json_is_integer(v)) {
        if (json_integer_value(v) < 0) return rpc_bad(c, at, "negative number");
        n = (uint64_t)json_integer_value(v);
    } else if (!rpc_value_u64(c, at, v, &n)) {
        return false;
    }
    if (n > max) return rpc_bad(c, at, "%" PRIu64 " is too large, at most %" PRIu64, n, max);
    *out = n;
    return true;
}

bool rpc_value_fixed(rpc_call *c, rpc_at at, const json_t *v, uint8_t *out, size_t size) {
    const char *digits;
    size_t count;
    if (!hex_digits(c, at, v, "hex data", &digits, &count)) return false;
    if (count != 2 * size) return rpc_bad(c, at, "hex string has length %zu, want %zu", count, 2 * size);
    return posw_hex_decode(out, size, digits, count) || rpc_bad(c, at, "invalid hex string");
}

bool rpc_value_address(rpc_call *c, rpc_at at, const json_t *v, posw_address *out) {
    const char *digits;
    size_t count;
    if (!hex_digits(c, at, v, "an address", &digits, &count)) return false;
    if (count != 2 * sizeof out->b) return rpc_bad(c, at, "hex string has length %zu, want 40 for an address", count);
    return posw_hex_decode(out->b, sizeof out->b, digits, count) || rpc_bad(c, at, "invalid hex string");
}

bool rpc_value_hash(rpc_call *c, rpc_at at, const json_t *v, posw_hash *out) {
    const char *digits;
    size_t count;
    if (!hex_digits(c, at, v, "a hash", &digits, &count)) return false;
    if (count != 2 * sizeof out->b) return rpc_bad(c, at, "hex string has length %zu, want 64 for a hash", count);
    return posw_hex_decode(out->b, sizeof out->b, digits, count) || rpc_bad(c, at, "invalid hex string");
}

bool rpc_value_data(rpc_call *c, rpc_at at, const json_t *v, posw_buf *out, size_t size_max) {
    const char *digits;
    size_t count;
    if (!hex_digits(c, at, v, "hex data", &digits, &count)) return false;
    if (count % 2 != 0) return rpc_bad(c, at, "hex string of odd length");
    if (count / 2 > size_max) return rpc_bad(c, at, "%zu bytes are too many, at most %zu", count / 2, size_max);
    if (count == 0) return true;
    uint8_t *bytes = posw_buf_extend(out, count / 2);
    if (bytes == NULL) return rpc_fail_operating(c, POSW_ENOMEM);
    return posw_hex_decode(bytes, count / 2, digits, count) || rpc_bad(c, at, "invalid hex string");
}

/* The texts are those that the execution-apis tests expect. */
bool rpc_value_slot(rpc_call *c, const json_t *v, posw_hash *out, bool *full) {
    if (!json_is_string(v)) return rpc_fail(c, RPC_ERROR_PARAMS, "storage key is not a hex string");
    const char *digits = json_string_value(v);
    size_t count = json_string_length(v);
    if (count >= 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
        digits += 2;
        count -= 2;
    }
    if (count > 64)
        return rpc_fail(c, RPC_ERROR_PARAMS, "storage key too long (want at most 32 bytes): \"%.100s\"",
                        json_string_value(v));
    char padded[64];
    memset(padded, '0', sizeof padded);
    memcpy(padded + 64 - count, digits, count);
    if (!posw_hex_decode(out->b, sizeof out->b, padded, sizeof padded))
        return rpc_fail(c, RPC_ERROR_PARAMS, "invalid hex in storage key: \"%.100s\"", json_string_value(v));
    *full = count == 64;
    return true;
}

/* ---- by place ---- */

bool rpc_param_address(rpc_call *c, size_t i, posw_address *out) {
    return rpc_value_address(c, rpc_arg(i), rpc_param(c, i), out);
}

bool rpc_param_hash(rpc_call *c, size_t i, posw_hash *out) {
    return rpc_value_hash(c, rpc_arg(i), rpc_param(c, i), out);
}

bool rpc_param_u64(rpc_call *c, size_t i, uint64_t *out) {
    return rpc_value_u64(c, rpc_arg(i), rpc_param(c, i), out);
}

bool rpc_param_bool(rpc_call *c, size_t i, bool *out) {
    const json_t *v = rpc_param(c, i);
    if (v == NULL) return rpc_fail(c, RPC_ERROR_PARAMS, "missing value for required argument %zu", i);
    if (!json_is_boolean(v)) return rpc_bad(c, rpc_arg(i), "not a boolean");
    *out = json_is_true(v);
    return true;
}
