/* The consensus part of a chain file (doc/protocol.md section 1): the JSON text that defines a chain, read into
 * posw_params. The only part of libposw that uses the heap (jansson's, which also reads /dev/urandom once, to seed its
 * hash tables). */
#ifndef POSW_CHAINFILE_H
#define POSW_CHAINFILE_H

#include "posw/genesis.h"
#include "posw/params.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    POSW_CHAIN_TICKER_MAX = 6, /* characters, without the final NUL */
    POSW_CHAINFILE_SIZE_MAX = 16 * 1024 * 1024,
    POSW_CHAINFILE_MESSAGE_SIZE = 512 /* room for every message, with its final NUL */
};

enum posw_chainfile_result {
    POSW_CHAINFILE_OK,
    POSW_CHAINFILE_REFUSED,  /* malformed, or against P1 to P8 or U1: the message says which key, and what to write */
    POSW_CHAINFILE_NO_MEMORY /* says nothing about the file */
};

/* Reads and checks everything but the allocation: `accounts` and `stakes` may be there and are not looked at (their
 * sums against P5 and P9 are for who executes the chain; the state root of the genesis header stands for them here).
 * name (may be NULL): the chain's, NUL-terminated UTF-8; with it and the state root, posw_genesis_header gives the
 * genesis hash. message: a sentence for a person, NUL-terminated, cut at message_size bytes; empty on success.
 * message_size 0: none is written. json need not be NUL-terminated. Outputs other than the message are written on
 * success only. Any thread; uses up to 256 KiB of stack, for lists in lists in a file that is refused. */
POSW_API POSW_MUST_USE enum posw_chainfile_result posw_params_read(posw_params *out, char name[POSW_CHAIN_NAME_MAX + 1],
                                                                   const char *json, size_t size, char *message,
                                                                   size_t message_size);

#ifdef __cplusplus
}
#endif

#endif
