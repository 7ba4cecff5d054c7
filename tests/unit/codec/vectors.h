/* Reading of test data: files under tests/vectors, hexadecimal text, JSON cases. Everything that fails here fails the
 * test. */
#ifndef POSW_TEST_CODEC_VECTORS_H
#define POSW_TEST_CODEC_VECTORS_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/test.h"

#include <jansson.h>
#include <stdio.h>

/* Owned by the caller: posw_buf_clear. */
static inline posw_buf vectors_file(const char *name) {
    char path[512];
    uint8_t chunk[4096];
    posw_buf b = {0};
    (void)snprintf(path, sizeof path, "%s/%s", POSW_VECTORS, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        posw_buf_append(&b, chunk, n);
    assert_int_equal(ferror(f), 0);
    (void)fclose(f);
    assert_false(b.failed);
    return b;
}

/* Owned by the caller: json_decref. */
static inline json_t *vectors_json(const char *name) {
    json_error_t error;
    posw_buf b = vectors_file(name);
    json_t *json = json_loadb((const char *)b.data, b.size, JSON_ALLOW_NUL, &error);
    assert_non_null(json);
    posw_buf_clear(&b);
    return json;
}

/* Digits with or without 0x; exactly sized heap memory, so that a sanitizer sees each byte read beyond. */
static inline posw_buf vectors_hex(const char *text) {
    posw_buf b = {0};
    if (text[0] == '0' && text[1] == 'x') text += 2;
    const size_t digits = strlen(text);
    assert_int_equal(digits % 2, 0);
    b.data = malloc(digits / 2 + (digits == 0));
    assert_non_null(b.data);
    b.size = digits / 2;
    b.capacity = digits / 2 + (digits == 0);
    assert_true(posw_hex_decode(b.data, b.size, text, digits));
    return b;
}

/* An exact heap copy of bytes. */
static inline uint8_t *vectors_copy(const void *data, size_t size) {
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    if (size > 0) memcpy(copy, data, size);
    return copy;
}

static inline void assert_hex(const void *data, size_t size, const char *expected) {
    posw_buf b = vectors_hex(expected);
    assert_int_equal(size, b.size);
    if (size > 0) assert_memory_equal(data, b.data, size);
    posw_buf_clear(&b);
}

#endif
