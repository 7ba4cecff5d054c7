/* A file that one process holds at a time, with its process id inside for those who come second. The lock (flock) ends
 * with the process however that ends, so a file that is left behind locks nobody out. */
#ifndef POSW_IO_LOCK_FILE_H
#define POSW_IO_LOCK_FILE_H

#include "base/error.h"

/* Takes the lock without waiting; *fd is owned by the caller and holds the lock until posw_lock_file_release.
 * POSW_EBUSY: held elsewhere; the sentence is "<what> is in use by process <id>: …". */
int posw_lock_file_take(int *fd, const char *path, const char *what, posw_message *msg);
/* The same with a directory in place of the file, for whoever has removed the file (that of a process in another
 * container looks like one that was left behind) and so gets in twice. Where a file system has no such locks, *fd is
 * -1. */
int posw_lock_file_take_directory(int *fd, const char *path, const char *what, posw_message *msg);
/* -1 is ignored. The file stays: removing it would let two processes lock two files of the same name. */
void posw_lock_file_release(int fd);

#endif
