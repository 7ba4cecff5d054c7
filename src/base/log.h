/* Logging without I/O: code below src/io formats a line and hands it to the sink that main installed in an object
 * that is passed down. A NULL log drops everything. One record a line; no secret is ever logged. */
#ifndef POSW_BASE_LOG_H
#define POSW_BASE_LOG_H

#include "posw/types.h"

enum posw_log_level { POSW_LOG_ERROR, POSW_LOG_WARN, POSW_LOG_INFO, POSW_LOG_DEBUG, POSW_LOG_TRACE };

typedef struct posw_log {
    enum posw_log_level level; /* records above it are dropped */
    void (*write)(void *arg, enum posw_log_level level, const char *category, const char *line);
    void *arg;
} posw_log;

/* Would it write a record of this level? For who must compute what it says. */
static inline bool posw_log_wants(const posw_log *log, enum posw_log_level level) {
    return log != NULL && log->write != NULL && level <= log->level;
}
/* category: a short word such as "chain", "rpc", "miner". Lines over 1,000 bytes are cut. */
void posw_log_write(const posw_log *log, enum posw_log_level level, const char *category, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* "error", "warn", "info", "debug", "trace" */
POSW_MUST_USE bool posw_log_level_parse(enum posw_log_level *out, const char *name);
const char *posw_log_level_name(enum posw_log_level level);

#endif
