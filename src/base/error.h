/* Operating errors: one table of codes, names and sentences.
 *
 * Three kinds of failure are never mixed: a bug is an assertion (POSW_ASSERT, on in every build); an operating
 * error is one of these negative codes; a consensus verdict is a posw_verdict (posw/verdict.h) and never one of
 * these. Functions return POSW_OK (0) or a negative code unless their header says otherwise. */
#ifndef POSW_BASE_ERROR_H
#define POSW_BASE_ERROR_H

#include "posw/types.h"

#include <stdarg.h>

/* code, value, sentence for a person */
#define POSW_ERROR_TABLE(X)                            \
    X(POSW_ENOMEM, -1, "out of memory")                \
    X(POSW_EIO, -2, "input or output error")           \
    X(POSW_ENOTFOUND, -3, "not found")                 \
    X(POSW_EINVAL, -4, "invalid argument")             \
    X(POSW_ERANGE, -5, "value out of range")           \
    X(POSW_EPARSE, -6, "malformed input")              \
    X(POSW_EFULL, -7, "limit reached")                 \
    X(POSW_ENOSPC, -8, "no space left on the disk")    \
    X(POSW_ECORRUPT, -9, "stored data is damaged")     \
    X(POSW_EBUSY, -10, "in use by another process")    \
    X(POSW_EMISMATCH, -11, "belongs to another chain") \
    X(POSW_EAUTH, -12, "wrong password or key")        \
    X(POSW_EEXIST, -13, "exists already")              \
    X(POSW_EUNSUPPORTED, -14, "not supported")         \
    X(POSW_ECANCELED, -15, "interrupted")              \
    X(POSW_ECHECKSUM, -16, "checksum does not match")  \
    X(POSW_EPRUNED, -17, "no longer kept here: pruned")

enum posw_error {
    POSW_OK = 0,
#define X(name, value, text) name = value,
    POSW_ERROR_TABLE(X)
#undef X
};

/* The sentence of a code; "unknown error" for other values. Static storage. */
const char *posw_error_text(int code);
/* What to do about it, to go behind a sentence: "; free some space ...". Empty where nothing general can be said.
 * Static storage. */
const char *posw_error_remedy(int code);
/* "POSW_EIO" and so on. Static storage. */
const char *posw_error_name(int code);

/* Bugs stop the program in every build, with the place. */
#define POSW_ASSERT(cond) ((cond) ? (void)0 : posw_assert_fail(#cond, __FILE__, __LINE__))
_Noreturn void posw_assert_fail(const char *expr, const char *file, int line);

#define POSW_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* A sentence for a person that names what is wrong and what to do; filled beside an error code by functions
 * that take one. Empty when nothing was said. */
enum { POSW_MESSAGE_SIZE = 512 };
typedef struct {
    char text[POSW_MESSAGE_SIZE];
} posw_message;
/* printf into the message, cut at its size; msg may be NULL. Returns `code`, so that
 * `return posw_message_set(msg, POSW_EINVAL, "...")` reads well. */
int posw_message_set(posw_message *msg, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void posw_message_vset(posw_message *msg, const char *format, va_list args);

#endif
