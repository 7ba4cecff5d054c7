/* A growable byte buffer with a sticky error: append freely, ask once at the end.
 * Zero-initialise ({0}) or posw_buf_init; posw_buf_clear frees. Not for secrets. */
#ifndef POSW_BASE_BUF_H
#define POSW_BASE_BUF_H

#include "posw/types.h"

#include <stdlib.h>
#include <string.h>

/* The most one buffer may hold, in bytes (1 GiB); appending beyond it fails. A power of two. */
enum { POSW_BUF_SIZE_MAX = 1 << 30 };

typedef struct {
    uint8_t *data;
    size_t size, capacity;
    bool failed; /* an allocation failed or a limit was met; later appends do nothing */
} posw_buf;

void posw_buf_init(posw_buf *b);
/* Frees; NULL and zeroed allowed; then usable again. Most that are cleared are empty. */
static inline void posw_buf_clear(posw_buf *b) {
    if (b == NULL) return;
    if (b->data != NULL) free(b->data);
    *b = (posw_buf){0};
}
bool posw_buf_reserve(posw_buf *b, size_t more); /* false sets `failed` */
/* Size 0, keeps memory, clears the error. */
static inline void posw_buf_reset(posw_buf *b) {
    b->size = 0;
    b->failed = false;
}
/* Appends `size` bytes and returns where to write them, NULL after failure. Borrowed until the next append. There is at
 * least one byte of room, so that a successful call with size 0 is never NULL. */
static inline uint8_t *posw_buf_extend(posw_buf *b, size_t size) {
    const bool fits = !b->failed && size < b->capacity - b->size;
    if (!fits && !posw_buf_reserve(b, size > 0 ? size : 1)) return NULL;
    uint8_t *at = b->data + b->size;
    b->size += size;
    return at;
}
static inline void posw_buf_append(posw_buf *b, const void *data, size_t size) {
    uint8_t *at = size > 0 ? posw_buf_extend(b, size) : NULL;
    if (at != NULL) memcpy(at, data, size);
}
static inline void posw_buf_byte(posw_buf *b, uint8_t v) {
    uint8_t *at = posw_buf_extend(b, 1);
    if (at != NULL) *at = v;
}
void posw_buf_text(posw_buf *b, const char *text); /* without its NUL */
void posw_buf_printf(posw_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline posw_bytes posw_buf_view(const posw_buf *b) {
    return (posw_bytes){b->data, b->size};
}

#endif
