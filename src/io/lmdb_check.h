/* Whether a file is one that LMDB itself can have written, before LMDB is given it.
 *
 * LMDB maps its file and believes every offset in it: a page that somebody has made up has it read, and later write,
 * outside of the page. So a file that comes from elsewhere is walked first, page by page. The form is that of LMDB's
 * compacting copies (data format 1, 64 bits, the byte order of this machine):
 *
 *      meta page 0 (empty) · meta page 1 -> main tree -> one tree a table -> branch, leaf and overflow pages
 *
 * Required: no list of free pages, no table with duplicates or an order of its own, every page reached once at most and
 * within the file, every leaf at the depth that its tree names, and in each page nodes that fill its upper part without
 * gap or overlap, each with its key and data. The order of keys is not looked at: LMDB is safe without it, and whoever
 * reads the tables checks what they say. */
#ifndef POSW_IO_LMDB_CHECK_H
#define POSW_IO_LMDB_CHECK_H

#include "base/error.h"

/* POSW_ECORRUPT with a sentence where the file is of another form; POSW_ENOMEM, POSW_EIO. Reads the whole file; a bit a
 * page of memory. Nothing else may change the file meanwhile. */
int posw_lmdb_check(const char *path, posw_message *msg);

#endif
