#include "base/json_writer.h"

#include "base/bytes.h"
#include "base/error.h"
#include "posw/u256.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { JW_DEPTH_MAX = 64 };

void posw_jw_init(posw_jw *w, posw_buf *out) {
    *w = (posw_jw){.out = out};
}

/* The comma before a value or a key, where one belongs. */
static void separate(posw_jw *w) {
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->depth == 0) return;
    uint64_t bit = (uint64_t)1 << (w->depth - 1);
    if (w->has_member & bit) posw_buf_byte(w->out, ',');
    w->has_member |= bit;
}

static void open_container(posw_jw *w, char c) {
    POSW_ASSERT(w->depth < JW_DEPTH_MAX);
    separate(w);
    posw_buf_byte(w->out, (uint8_t)c);
    w->has_member &= ~((uint64_t)1 << w->depth);
    w->depth++;
}

static void close_container(posw_jw *w, char c) {
    POSW_ASSERT(w->depth > 0 && !w->after_key);
    w->depth--;
    posw_buf_byte(w->out, (uint8_t)c);
}

void posw_jw_object(posw_jw *w) {
    open_container(w, '{');
}
void posw_jw_object_end(posw_jw *w) {
    close_container(w, '}');
}
void posw_jw_array(posw_jw *w) {
    open_container(w, '[');
}
void posw_jw_array_end(posw_jw *w) {
    close_container(w, ']');
}

/* ---- strings ---- */

/* Bytes that stand for themselves inside a JSON string. */
static bool is_plain(uint8_t c) {
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* Size of the well-formed UTF-8 sequence at p (first byte >= 0x80), 0 if it is none. Table 3-7 of the Unicode
 * standard: no overlong forms, no surrogates, nothing above U+10FFFF. */
static size_t utf8_size(const uint8_t *p, size_t left) {
    uint8_t first = p[0], low = 0x80, high = 0xbf;
    size_t size;
    if (first >= 0xc2 && first <= 0xdf) {
        size = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        size = 3;
        low = first == 0xe0 ? 0xa0 : low;
        high = first == 0xed ? 0x9f : high;
    } else if (first >= 0xf0 && first <= 0xf4) {
        size = 4;
        low = first == 0xf0 ? 0x90 : low;
        high = first == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (size > left || p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < size; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    return size;
}

static void escape(posw_buf *out, uint8_t c) {
    static const char digits[] = "0123456789abcdef";
    static const char short_forms[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    char name = c < 0x20 ? short_forms[c] : (char)c;
    if (name != 0) {
        posw_buf_append(out, (char[2]){'\\', name}, 2);
        return;
    }
    posw_buf_append(out, (char[6]){'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]}, 6);
}

static void quoted(posw_buf *out, const char *text, size_t size) {
    const uint8_t *p = (const uint8_t *)text, *end = p + size;
    posw_buf_byte(out, '"');
    while (p < end) {
        const uint8_t *run = p;
        while (p < end && is_plain(*p))
            p++;
        posw_buf_append(out, run, (size_t)(p - run));
        if (p == end) break;
        if (*p < 0x80) {
            escape(out, *p++);
            continue;
        }
        size_t n = utf8_size(p, (size_t)(end - p));
        if (n > 0)
            posw_buf_append(out, p, n);
        else
            posw_buf_append(out, "\xef\xbf\xbd", 3); /* U+FFFD: the answer must stay valid JSON whatever comes */
        p += n > 0 ? n : 1;
    }
    posw_buf_byte(out, '"');
}

void posw_jw_key(posw_jw *w, const char *key) {
    POSW_ASSERT(!w->after_key && w->depth > 0);
    separate(w);
    quoted(w->out, key, strlen(key));
    posw_buf_byte(w->out, ':');
    w->after_key = true;
}

void posw_jw_string_n(posw_jw *w, const char *text, size_t size) {
    separate(w);
    quoted(w->out, text, size);
}

void posw_jw_string(posw_jw *w, const char *text) {
    posw_jw_string_n(w, text, strlen(text));
}

void posw_jw_raw(posw_jw *w, const char *json, size_t size) {
    separate(w);
    posw_buf_append(w->out, json, size);
}

void posw_jw_bool(posw_jw *w, bool v) {
    posw_jw_raw(w, v ? "true" : "false", v ? 4 : 5);
}
void posw_jw_null(posw_jw *w) {
    posw_jw_raw(w, "null", 4);
}

/* ---- numbers ---- */

/* Writes the digits so that they end right before `end`; returns their start. */
static char *u64_digits(char *end, uint64_t v) {
    do {
        *--end = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    return end;
}

void posw_jw_u64(posw_jw *w, uint64_t v) {
    char text[20], *end = text + sizeof text, *start = u64_digits(end, v);
    posw_jw_raw(w, start, (size_t)(end - start));
}

void posw_jw_i64(posw_jw *w, int64_t v) {
    char text[21], *end = text + sizeof text;
    char *start = u64_digits(end, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
    if (v < 0) *--start = '-';
    posw_jw_raw(w, start, (size_t)(end - start));
}

void posw_jw_double(posw_jw *w, double v) {
    if (!isfinite(v)) { /* JSON has no such numbers */
        posw_jw_null(w);
        return;
    }
    char text[40];
    int length = 0;
    for (int precision = 15; precision <= 17; precision++) {
        length = snprintf(text, sizeof text, "%.*g", precision, v);
        if (strtod(text, NULL) == v) break;
    }
    posw_jw_raw(w, text, (size_t)length);
}

/* ---- Ethereum's encodings ---- */

/* Every byte as two digits. */
#define HEX_ROW(h) h "0" h "1" h "2" h "3" h "4" h "5" h "6" h "7" h "8" h "9" h "a" h "b" h "c" h "d" h "e" h "f"
static const char hex_pairs[513] =
    HEX_ROW("0") HEX_ROW("1") HEX_ROW("2") HEX_ROW("3") HEX_ROW("4") HEX_ROW("5") HEX_ROW("6") HEX_ROW("7") HEX_ROW("8")
        HEX_ROW("9") HEX_ROW("a") HEX_ROW("b") HEX_ROW("c") HEX_ROW("d") HEX_ROW("e") HEX_ROW("f");

void posw_jw_quantity(posw_jw *w, uint64_t v) {
    char text[20], *end = text + sizeof text, *p = end;
    *--p = '"';
    do {
        *--p = hex_pairs[2 * (v & 15) + 1];
        v >>= 4;
    } while (v > 0);
    *--p = 'x';
    *--p = '0';
    *--p = '"';
    posw_jw_raw(w, p, (size_t)(end - p));
}

void posw_jw_quantity_u256(posw_jw *w, const posw_u256 *v) {
    char text[POSW_U256_HEX_SIZE + 2];
    text[0] = '"';
    size_t n = posw_u256_to_hex(text + 1, v);
    text[n + 1] = '"';
    posw_jw_raw(w, text, n + 2);
}

void posw_jw_data(posw_jw *w, const void *data, size_t size) {
    separate(w);
    if (size > POSW_BUF_SIZE_MAX / 2) {
        w->out->failed = true;
        return;
    }
    char *out = (char *)posw_buf_extend(w->out, 2 * size + 4);
    if (out == NULL) return;
    memcpy(out, "\"0x", 3);
    out += 3;
    const uint8_t *in = data;
    for (size_t i = 0; i < size; i++)
        memcpy(out + 2 * i, hex_pairs + 2 * in[i], 2);
    out[2 * size] = '"';
}

void posw_jw_hash(posw_jw *w, const posw_hash *h) {
    posw_jw_data(w, h->b, sizeof h->b);
}
void posw_jw_address(posw_jw *w, const posw_address *a) {
    posw_jw_data(w, a->b, sizeof a->b);
}

/* ---- key and value ---- */

void posw_jw_kv_string(posw_jw *w, const char *key, const char *text) {
    posw_jw_key(w, key);
    posw_jw_string(w, text);
}
void posw_jw_kv_bool(posw_jw *w, const char *key, bool v) {
    posw_jw_key(w, key);
    posw_jw_bool(w, v);
}
void posw_jw_kv_null(posw_jw *w, const char *key) {
    posw_jw_key(w, key);
    posw_jw_null(w);
}
void posw_jw_kv_u64(posw_jw *w, const char *key, uint64_t v) {
    posw_jw_key(w, key);
    posw_jw_u64(w, v);
}
void posw_jw_kv_quantity(posw_jw *w, const char *key, uint64_t v) {
    posw_jw_key(w, key);
    posw_jw_quantity(w, v);
}
void posw_jw_kv_quantity_u256(posw_jw *w, const char *key, const posw_u256 *v) {
    posw_jw_key(w, key);
    posw_jw_quantity_u256(w, v);
}
void posw_jw_kv_decimal(posw_jw *w, const char *key, const posw_u256 *v) {
    char text[POSW_U256_DEC_SIZE];
    posw_u256_to_dec(text, v);
    posw_jw_kv_string(w, key, text);
}
void posw_jw_kv_data(posw_jw *w, const char *key, const void *data, size_t size) {
    posw_jw_key(w, key);
    posw_jw_data(w, data, size);
}
void posw_jw_kv_hash(posw_jw *w, const char *key, const posw_hash *h) {
    posw_jw_key(w, key);
    posw_jw_hash(w, h);
}
void posw_jw_kv_address(posw_jw *w, const char *key, const posw_address *a) {
    posw_jw_key(w, key);
    posw_jw_address(w, a);
}
