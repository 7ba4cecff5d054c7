#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_STEP = 64 };

void posw_buf_init(posw_buf *b) {
    *b = (posw_buf){0};
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
