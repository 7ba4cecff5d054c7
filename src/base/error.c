#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *posw_error_text(int code) {
    switch (code) {
    case POSW_OK:
        return "success";
#define X(name, value, text) \
    case value:              \
        return text;
        POSW_ERROR_TABLE(X)
#undef X
    default:
        return "unknown error";
    }
}

const char *posw_error_remedy(int code) {
    switch (code) {
    case POSW_ENOSPC:
        return "; free some space on the disk of the data directory and start again: nothing is lost";
    case POSW_ENOMEM:
        return "; give the program more memory and start again: nothing is lost";
    case POSW_EIO:
        return "; check the disk of the data directory and the limits of this process (see the log), and start again";
    case POSW_ECORRUPT:
        return "; run 'posw db verify' on the data directory";
    default:
        return "";
    }
}

const char *posw_error_name(int code) {
    switch (code) {
    case POSW_OK:
        return "POSW_OK";
#define X(name, value, text) \
    case value:              \
        return #name;
        POSW_ERROR_TABLE(X)
#undef X
    default:
        return "POSW_UNKNOWN";
    }
}

/* The one place below src/io that writes to a stream: the program is about to stop. */
_Noreturn void posw_assert_fail(const char *expr, const char *file, int line) {
    fprintf(stderr, "%s:%d: bug: assertion failed: %s\n", file, line, expr);
    abort();
}

void posw_message_vset(posw_message *msg, const char *format, va_list args) {
    if (vsnprintf(msg->text, sizeof msg->text, format, args) < 0) msg->text[0] = '\0';
}

int posw_message_set(posw_message *msg, int code, const char *format, ...) {
    if (msg == NULL) return code;
    va_list args;
    va_start(args, format);
    posw_message_vset(msg, format, args);
    va_end(args);
    return code;
}
