/* What requests and replies share: the JSON of a line, and short texts in it. */
#ifndef POSW_STRATUM_TEXT_H
#define POSW_STRATUM_TEXT_H

#include "base/json_writer.h"

#include <jansson.h>

/* The JSON object of a line; NULL: it is none. A new reference. */
json_t *stratum_object(posw_bytes line);
/* Text as it is, NULL unless v is a string of at most `max` bytes. Borrowed from v. */
const char *stratum_string(const json_t *v, size_t max);
/* Printable ASCII of v, other characters as '?', cut at size - 1 bytes; empty unless v is a string. */
void stratum_printable(char *out, size_t size, const json_t *v);
/* An id as its JSON text: an integer, a string, or "null" for everything else and what is too long. */
void stratum_id_text(char *out, size_t size, const json_t *v);
/* 1 to 16 hexadecimal digits. */
POSW_MUST_USE bool stratum_hex_u64(uint64_t *out, const json_t *v);
/* Exactly 2 * size hexadecimal digits. */
POSW_MUST_USE bool stratum_hex_bytes(uint8_t *out, size_t size, const json_t *v);
/* "0x…" */
POSW_MUST_USE bool stratum_u256(posw_u256 *out, const json_t *v);
void stratum_kv_hex(posw_jw *w, const char *key, const uint8_t *data, size_t size);
void stratum_kv_hex_u64(posw_jw *w, const char *key, uint64_t v);

#endif
