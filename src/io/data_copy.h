/* A copy of what a data directory holds of the chain, for those who want to try something on it: state and blocks, no
 * key, no address, no waiting transaction. The original is only read. */
#ifndef POSW_IO_DATA_COPY_H
#define POSW_IO_DATA_COPY_H

#include "base/error.h"

/* Called now and then with the bytes done and their total; a result other than 0 ends with POSW_ECANCELED. */
typedef int (*posw_data_copy_progress)(void *arg, uint64_t done, uint64_t total);

/* Copies from a data directory that no process has open, which is seen to while it lasts, into a folder that exists and
 * is empty. POSW_ENOTFOUND: there is no chain in it; POSW_EBUSY: a node runs on it; POSW_ENOSPC, POSW_EIO. On failure
 * what was copied stays for posw_data_copy_remove. */
int posw_data_copy(const char *from, const char *to, posw_data_copy_progress progress, void *arg, posw_message *msg);
/* Is there room below `dir` for so many bytes, and some more for what is to be tried? POSW_ENOSPC with a sentence. */
int posw_data_copy_room(const char *dir, uint64_t bytes, posw_message *msg);
/* Removes the files of a chain from this folder, and the folder if nothing else is in it. */
void posw_data_copy_remove(const char *dir);

#endif
