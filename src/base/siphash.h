/* SipHash-2-4: a hash of bytes under a secret seed, so that nobody can make the hashes of chosen bytes collide. */
#ifndef POSW_BASE_SIPHASH_H
#define POSW_BASE_SIPHASH_H

#include "posw/types.h"

uint64_t posw_siphash(const uint64_t seed[2], const void *data, size_t size);

#endif
