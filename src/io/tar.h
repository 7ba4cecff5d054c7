/* Heads of files in an archive that every tar reads: POSIX ustar, with the base-256 sizes of GNU tar from 8 GiB on.
 *
 *      head (512) ‖ contents ‖ zeros up to 512 · … · two blocks of zeros
 *
 * Written and read in one form only: regular files, mode 0600, no owner. */
#ifndef POSW_IO_TAR_H
#define POSW_IO_TAR_H

#include "posw/types.h"

enum { POSW_TAR_BLOCK = 512, POSW_TAR_NAME_SIZE = 100 };

/* name: 1 to 99 bytes without its NUL (asserted); size: below 2^63; time_s: unix time below 2^33. */
void posw_tar_head_encode(uint8_t out[POSW_TAR_BLOCK], const char *name, uint64_t size, uint64_t time_s);
/* True only for what _encode writes. */
POSW_MUST_USE bool posw_tar_head_decode(char name[POSW_TAR_NAME_SIZE], uint64_t *size, uint64_t *time_s,
                                        const uint8_t in[POSW_TAR_BLOCK]);
/* A block of zeros: the archive ends here. */
bool posw_tar_is_end(const uint8_t in[POSW_TAR_BLOCK]);
/* Zeros behind contents of this size. */
size_t posw_tar_padding(uint64_t size);

#endif
