#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_STEP = 64 };

void posw_buf_init(posw_buf *b) {
    *b = (posw_buf){0};
}

void posw_buf_clear(posw_buf *b) {
    if (b == NULL) return;
    free(b->data);
    *b = (posw_buf){0};
}

void posw_buf_reset(posw_buf *b) {
    b->size = 0;
    b->failed = false;
}

/* Twice as much, so that many small appends copy little; or no more than is needed, since most buffers are filled at
 * once. needed <= POSW_BUF_SIZE_MAX, a multiple of BUF_STEP: never beyond it. */
static bool grow(posw_buf *b, size_t needed) {
    const size_t twice = 2 * b->capacity < POSW_BUF_SIZE_MAX ? 2 * b->capacity : POSW_BUF_SIZE_MAX;
    const size_t capacity = needed <= twice ? twice : (needed + BUF_STEP - 1) / BUF_STEP * BUF_STEP;
    uint8_t *data = realloc(b->data, capacity);
    if (data == NULL) return false;
    b->data = data;
    b->capacity = capacity;
    return true;
}

bool posw_buf_reserve(posw_buf *b, size_t more) {
    if (b->failed) return false;
    if (more <= b->capacity - b->size) return true;
    if (more > POSW_BUF_SIZE_MAX - b->size || !grow(b, b->size + more)) {
        b->failed = true;
        return false;
    }
    return true;
}

void posw_buf_append(posw_buf *b, const void *data, size_t size) {
    if (!posw_buf_reserve(b, size) || size == 0) return;
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

void posw_buf_byte(posw_buf *b, uint8_t v) {
    if (posw_buf_reserve(b, 1)) b->data[b->size++] = v;
}

void posw_buf_text(posw_buf *b, const char *text) {
    posw_buf_append(b, text, strlen(text));
}

void posw_buf_printf(posw_buf *b, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t room = b->failed ? 0 : b->capacity - b->size;
    int length = vsnprintf(room > 0 ? (char *)b->data + b->size : NULL, room, format, args);
    if (length < 0) {
        b->failed = true;
    } else if ((size_t)length < room) {
        b->size += (size_t)length;
    } else if (posw_buf_reserve(b, (size_t)length + 1)) { /* vsnprintf wants room for its NUL, too */
        vsnprintf((char *)b->data + b->size, (size_t)length + 1, format, again);
        b->size += (size_t)length;
    }
    va_end(again);
    va_end(args);
}

uint8_t *posw_buf_extend(posw_buf *b, size_t size) {
    /* At least one byte of room, so that a successful call with size 0 is never NULL. */
    if (!posw_buf_reserve(b, size > 0 ? size : 1)) return NULL;
    uint8_t *at = b->data + b->size;
    b->size += size;
    return at;
}
