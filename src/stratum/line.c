#include "stratum/line.h"

#include <string.h>

void posw_stratum_lines_clear(posw_stratum_lines *l) {
    posw_buf_clear(&l->buf);
    l->at = 0;
}

bool posw_stratum_lines_add(posw_stratum_lines *l, posw_bytes data) {
    const size_t rest = l->buf.size - l->at;
    if (l->at > 0) {
        memmove(l->buf.data, l->buf.data + l->at, rest);
        l->buf.size = rest;
        l->at = 0;
    }
    posw_buf_append(&l->buf, data.data, data.size);
    return !l->buf.failed;
}

enum posw_stratum_cut posw_stratum_lines_next(posw_stratum_lines *l, posw_bytes *line) {
    const size_t rest = l->buf.size - l->at;
    if (rest == 0) return POSW_STRATUM_CUT_NONE;
    const uint8_t *begin = l->buf.data + l->at, *end = memchr(begin, '\n', rest);
    size_t size = end == NULL ? rest : (size_t)(end - begin);
    if (size > POSW_STRATUM_LINE_MAX) return POSW_STRATUM_CUT_TOO_LONG;
    if (end == NULL) return POSW_STRATUM_CUT_NONE;
    l->at += size + 1;
    if (size > 0 && begin[size - 1] == '\r') size--;
    *line = (posw_bytes){begin, size};
    return POSW_STRATUM_CUT_LINE;
}
