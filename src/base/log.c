#include "base/log.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LOG_LINE_MAX = 1000 };

static const char *const level_names[] = {"error", "warn", "info", "debug", "trace"};

/* Text that came from outside must not be able to fake a second record or steer a terminal. */
static void blank_controls(char *line) {
    for (unsigned char *p = (unsigned char *)line; *p != '\0'; p++)
        if (*p < 0x20 || *p == 0x7f) *p = ' ';
}

/* A cut line ends on a whole UTF-8 character. */
static void cut(char *line, size_t size) {
    while (size > 0 && ((unsigned char)line[size] & 0xc0) == 0x80)
        size--;
    line[size] = '\0';
}

void posw_log_write(const posw_log *log, enum posw_log_level level, const char *category, const char *format, ...) {
    if (!posw_log_wants(log, level)) return;
    char line[LOG_LINE_MAX + 2];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (length < 0) return;
    if (length > LOG_LINE_MAX) cut(line, LOG_LINE_MAX);
    blank_controls(line);
    log->write(log->arg, level, category, line);
}

bool posw_log_level_parse(enum posw_log_level *out, const char *name) {
    for (size_t i = 0; i < POSW_ARRAY_SIZE(level_names); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *out = (enum posw_log_level)i;
            return true;
        }
    }
    return false;
}

const char *posw_log_level_name(enum posw_log_level level) {
    size_t i = (size_t)level;
    return i < POSW_ARRAY_SIZE(level_names) ? level_names[i] : "unknown";
}
