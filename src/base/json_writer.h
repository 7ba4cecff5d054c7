/* A streaming JSON writer onto a posw_buf: commas and quotes are its business, nesting the caller's.
 * Used where answers are large (a block with a thousand transactions); reading JSON is jansson's business.
 * Nesting at most 64 deep (asserted). */
#ifndef POSW_BASE_JSON_WRITER_H
#define POSW_BASE_JSON_WRITER_H

#include "base/buf.h"

typedef struct {
    posw_buf *out;       /* borrowed */
    uint64_t has_member; /* bit d: the container at depth d has a member already */
    unsigned depth;
    bool after_key;
} posw_jw;

void posw_jw_init(posw_jw *w, posw_buf *out);
void posw_jw_object(posw_jw *w);
void posw_jw_object_end(posw_jw *w);
void posw_jw_array(posw_jw *w);
void posw_jw_array_end(posw_jw *w);
void posw_jw_key(posw_jw *w, const char *key);
void posw_jw_string(posw_jw *w, const char *text); /* UTF-8, escaped as needed */
void posw_jw_string_n(posw_jw *w, const char *text, size_t size);
void posw_jw_raw(posw_jw *w, const char *json, size_t size); /* a finished JSON value */
void posw_jw_bool(posw_jw *w, bool v);
void posw_jw_null(posw_jw *w);
void posw_jw_u64(posw_jw *w, uint64_t v); /* a JSON number */
void posw_jw_i64(posw_jw *w, int64_t v);
void posw_jw_double(posw_jw *w, double v); /* shortest form; display code only */
/* Ethereum's encodings, as strings */
void posw_jw_quantity(posw_jw *w, uint64_t v); /* "0x1f" */
void posw_jw_quantity_u256(posw_jw *w, const posw_u256 *v);
void posw_jw_data(posw_jw *w, const void *data, size_t size); /* "0x" and two digits a byte */
void posw_jw_hash(posw_jw *w, const posw_hash *h);
void posw_jw_address(posw_jw *w, const posw_address *a); /* lower case */
/* key and value in one call */
void posw_jw_kv_string(posw_jw *w, const char *key, const char *text);
void posw_jw_kv_bool(posw_jw *w, const char *key, bool v);
void posw_jw_kv_null(posw_jw *w, const char *key);
void posw_jw_kv_u64(posw_jw *w, const char *key, uint64_t v);
void posw_jw_kv_quantity(posw_jw *w, const char *key, uint64_t v);
void posw_jw_kv_quantity_u256(posw_jw *w, const char *key, const posw_u256 *v);
void posw_jw_kv_decimal(posw_jw *w, const char *key, const posw_u256 *v); /* digits as a string, such as wei */
void posw_jw_kv_data(posw_jw *w, const char *key, const void *data, size_t size);
void posw_jw_kv_hash(posw_jw *w, const char *key, const posw_hash *h);
void posw_jw_kv_address(posw_jw *w, const char *key, const posw_address *a);

#endif
