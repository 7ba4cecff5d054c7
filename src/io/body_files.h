/* One append-only log of records in numbered files, for what is large and never changes: block bodies, receipts and
 * undo.
 *
 *      blocks/blk00000.dat   | record | record | ... | record |seal|     full: the next record would pass file_size_max
 *      blocks/blk00001.dat   | record | record |xxxxxxx                  x: appended, not committed: cut at open
 *                                              ^ end
 *
 *      record = magic (4) ‖ length (4, big-endian) ‖ checksum (16) ‖ bytes;    seal = a record of length 0
 *      checksum = BLAKE2b-128 of prefix ‖ position (8, big-endian) ‖ bytes, keyed with the genesis hash
 *
 * So a record that was damaged, moved, or that comes from another chain's files is never taken for the right one, and a
 * full file that was cut short is noticed by its last 24 bytes. A position is file number · 2³² + offset + 1: never 0,
 * in order of appending.
 *
 * Where the log ends, and which file is its first (older ones have been given up), is not written in it: the owner
 * keeps both in its own transaction (src/io/store_lmdb.c), and gives them back at open. Appending writes at once, so a
 * record can be read at once; posw_body_files_sync makes everything appended durable; then _commit or _abort says what
 * becomes of it. One thread.
 *
 * Fallible functions fill the message with a sentence that names the file. */
#ifndef POSW_IO_BODY_FILES_H
#define POSW_IO_BODY_FILES_H

#include "base/buf.h"
#include "base/error.h"

#include <sys/types.h>
#include <sys/uio.h>

enum {
    POSW_BODY_RECORD_SIZE_MAX = 64 << 20,
    POSW_BODY_FILE_SIZE_DEFAULT = 128 << 20, /* a file is longer only when one record is */
    POSW_BODY_HEADER_SIZE = 24,
    POSW_BODY_END_SIZE = 12,
    POSW_BODY_FILE_MAX = 9999999 /* the greatest file number; a node that prunes makes small files, and many */
};

/* The system calls that change a file, as tests may replace them; they set errno like the real ones. */
typedef struct {
    ssize_t (*pwritev)(void *arg, int fd, const struct iovec *parts, int count, off_t offset);
    int (*fdatasync)(void *arg, int fd);
    int (*ftruncate)(void *arg, int fd, off_t size);
    void *arg;
} posw_body_calls;

/* The end of a log: the offset behind the last record in the last file, and where that record starts. All zero: empty.
 */
typedef struct {
    uint32_t file, offset, last;
} posw_body_end;

void posw_body_end_encode(uint8_t out[POSW_BODY_END_SIZE], const posw_body_end *end);
/* False if that cannot be an end. */
POSW_MUST_USE bool posw_body_end_decode(posw_body_end *out, const uint8_t *in, size_t size);

typedef struct {
    const char *directory; /* exists; copied */
    char prefix[4];        /* three letters, such as "blk" */
    posw_hash genesis;
    uint32_t file_size_max;       /* 0: the default; at most 1 GiB */
    uint32_t first;               /* file number; not above the end's (asserted) */
    const posw_body_calls *calls; /* copied, its arg borrowed until close; NULL: the system's */
} posw_body_options;

typedef struct posw_body_files posw_body_files;

/* True if the directory holds files of the log with anything in them. */
bool posw_body_files_exist(const char *directory, const char prefix[4]);

/* Opens the log whose committed end is `end`: checks that its files are there and complete and the last record is
 * whole, cuts what lies beyond the end, and removes files before the first. POSW_ECORRUPT if a file is missing or too
 * short or the last record is damaged; nothing is changed then. */
int posw_body_files_open(posw_body_files **out, const posw_body_options *o, const posw_body_end *end,
                         posw_message *msg);
/* What is not committed is left for the next open to cut. NULL allowed. */
void posw_body_files_close(posw_body_files *b);

/* 1 byte to POSW_BODY_RECORD_SIZE_MAX. After a failure nothing was appended; what was appended since the last commit
 * may never become durable, so abort. */
int posw_body_files_append(posw_body_files *b, const void *data, size_t size, uint64_t *pos, posw_message *msg);
/* Appends the record's bytes to out, which is as it was on failure. POSW_ENOTFOUND for 0, POSW_EPRUNED before the first
 * file, POSW_ECORRUPT. */
int posw_body_files_read(posw_body_files *b, uint64_t pos, posw_buf *out, posw_message *msg);

/* Makes what was appended since the last commit durable, and new files' names. */
int posw_body_files_sync(posw_body_files *b, posw_message *msg);
/* True if records were appended since the last commit or abort. */
bool posw_body_files_changed(const posw_body_files *b);
/* The end with the records that are not committed. */
posw_body_end posw_body_files_end(const posw_body_files *b);
void posw_body_files_commit(posw_body_files *b);
/* Forgets what was not committed. give_back: also returns its disk space (as far as that works; what is left is
 * overwritten or cut later). */
void posw_body_files_abort(posw_body_files *b, bool give_back);

/* Bytes in committed and appended records with their headers. */
uint64_t posw_body_files_used(const posw_body_files *b);

/* The number of the first file, after those that were dropped and not committed. */
uint32_t posw_body_files_first(const posw_body_files *b);
/* The size of the first file when it is full and committed, and the position that all of its records are before. False:
 * there is only the one that is being written. */
bool posw_body_files_oldest(posw_body_files *b, uint64_t *bytes, uint64_t *end);
/* Gives that file up: its records cannot be read any more. _commit removes it (what cannot be removed goes at the next
 * open), _abort takes it back. POSW_EIO: it cannot be looked at. Nothing to give up: asserted. */
int posw_body_files_drop(posw_body_files *b, posw_message *msg);

/* Reads every committed record and checks its checksum. progress (may be NULL) is told how many bytes were read since
 * the last call; a result other than 0 stops and is returned. */
int posw_body_files_check(posw_body_files *b, int (*progress)(void *arg, uint64_t bytes), void *arg, posw_message *msg);

#endif
