/* Bytes of a stream, cut anywhere, to lines. No line, finished or not, may be longer than POSW_STRATUM_LINE_MAX bytes.
 */
#ifndef POSW_STRATUM_LINE_H
#define POSW_STRATUM_LINE_H

#include "base/buf.h"

enum { POSW_STRATUM_LINE_MAX = 4096 };

/* Zero-initialise. */
typedef struct {
    posw_buf buf;
    size_t at; /* what stands before it has been given out */
} posw_stratum_lines;

enum posw_stratum_cut { POSW_STRATUM_CUT_NONE, POSW_STRATUM_CUT_LINE, POSW_STRATUM_CUT_TOO_LONG };

void posw_stratum_lines_clear(posw_stratum_lines *l);
/* Takes bytes in; false: out of memory. All lines should be taken out before the next bytes come in. */
POSW_MUST_USE bool posw_stratum_lines_add(posw_stratum_lines *l, posw_bytes data);
/* The next line without its end (\n or \r\n), borrowed until the next add. TOO_LONG: so it will be for ever. */
enum posw_stratum_cut posw_stratum_lines_next(posw_stratum_lines *l, posw_bytes *line);

#endif
