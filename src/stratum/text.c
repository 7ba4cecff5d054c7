#include "stratum/text.h"

#include "base/bytes.h"
#include "base/error.h"
#include "posw/u256.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEX_BYTES_MAX = 64 };

json_t *stratum_object(posw_bytes line) {
    json_t *v = json_loadb((const char *)line.data, line.size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(v)) return v;
    json_decref(v);
    return NULL;
}

const char *stratum_string(const json_t *v, size_t max) {
    return json_is_string(v) && json_string_length(v) <= max ? json_string_value(v) : NULL;
}

void stratum_printable(char *out, size_t size, const json_t *v) {
    const char *text = json_is_string(v) ? json_string_value(v) : "";
    size_t n = 0;
    for (; text[n] != '\0' && n + 1 < size; n++)
        out[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
    out[n] = '\0';
}

void stratum_id_text(char *out, size_t size, const json_t *v) {
    char *text = json_is_integer(v) || json_is_string(v) ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    const bool fits = text != NULL && strlen(text) < size;
    (void)snprintf(out, size, "%s", fits ? text : "null");
    free(text);
}

bool stratum_hex_u64(uint64_t *out, const json_t *v) {
    const char *text = stratum_string(v, 16);
    char digits[17];
    uint8_t b[8];
    if (text == NULL || *text == '\0') return false;
    memset(digits, '0', 16);
    memcpy(digits + 16 - strlen(text), text, strlen(text));
    if (!posw_hex_decode(b, sizeof b, digits, 16)) return false;
    *out = posw_load_be64(b);
    return true;
}

bool stratum_hex_bytes(uint8_t *out, size_t size, const json_t *v) {
    const char *text = stratum_string(v, 2 * size);
    return text != NULL && posw_hex_decode(out, size, text, strlen(text));
}

bool stratum_u256(posw_u256 *out, const json_t *v) {
    const char *text = stratum_string(v, 66);
    return text != NULL && strncmp(text, "0x", 2) == 0 && posw_u256_parse(out, text, strlen(text));
}

void stratum_kv_hex(posw_jw *w, const char *key, const uint8_t *data, size_t size) {
    char text[2 * HEX_BYTES_MAX + 1];
    POSW_ASSERT(size <= HEX_BYTES_MAX);
    posw_hex_encode(text, data, size);
    posw_jw_kv_string(w, key, text);
}

void stratum_kv_hex_u64(posw_jw *w, const char *key, uint64_t v) {
    char text[17];
    (void)snprintf(text, sizeof text, "%" PRIx64, v);
    posw_jw_kv_string(w, key, text);
}
