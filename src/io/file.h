/* Files for the rest of src/io and the commands: read whole, write atomically, make directories; and system errors as
 * sentences. Every function that takes a posw_message (may be NULL) says there what failed, on which path and why. */
#ifndef POSW_IO_FILE_H
#define POSW_IO_FILE_H

#include "base/buf.h"
#include "base/error.h"

#include <sys/types.h>

/* The error code of an errno: ENOENT is POSW_ENOTFOUND, ENOSPC and EDQUOT are POSW_ENOSPC, EEXIST and ENOMEM as named,
 * all others POSW_EIO. */
int posw_file_error_code(int errnum);
/* Says "cannot <verb> <path>: <errno text>" with a remedy where there is one; returns posw_file_error_code(errnum). */
int posw_file_error(posw_message *msg, int errnum, const char *verb, const char *path);

/* Appends the whole regular file to out; a file of more than size_max bytes is POSW_EFULL, a missing one
 * POSW_ENOTFOUND. On failure out is as it was. The buffer is not wiped: a caller that reads a secret wipes it. */
int posw_file_read(posw_buf *out, const char *path, size_t size_max, posw_message *msg);

/* Puts a file in place whole or not at all, also across a power cut: writes a hidden file beside it, syncs, renames and
 * syncs the directory. An existing file is replaced; mode is exact, whatever the umask. On failure the old file stays.
 */
int posw_file_write(const char *path, const void *data, size_t size, mode_t mode, posw_message *msg);
/* The same, but an existing file is left alone: POSW_EEXIST. */
int posw_file_create(const char *path, const void *data, size_t size, mode_t mode, posw_message *msg);

/* Makes the directory and the parents that are missing, each with this mode; durable. A directory that is there is
 * POSW_OK whatever its mode. */
int posw_file_make_directories(const char *path, mode_t mode, posw_message *msg);
/* Makes durable which names a directory holds. */
int posw_file_sync_directory(const char *path, posw_message *msg);

#endif
