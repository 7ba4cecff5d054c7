/* Block files: encoded blocks one after another, as Ethereum's clients export them.
 *
 * Import is a pipeline: the file is read in order, threads prepare blocks ahead (decoding, senders, proof of work), and
 * the calling thread links and executes them in order. While the next block is not ready the calling thread prepares
 * one itself, so all cores are busy. Blocks that the chain has are only hashed. */
#ifndef POSW_IO_BLOCK_FILE_H
#define POSW_IO_BLOCK_FILE_H

#include "chain/chain.h"

typedef struct {
    uint64_t blocks, transactions,
        known;                   /* blocks gone through; transactions of new ones; blocks that the chain had already */
    uint64_t number;             /* of the latest */
    uint64_t bytes, total_bytes; /* of the file */
} posw_block_file_progress;

typedef struct {
    unsigned threads; /* that prepare, beside the caller's; 0 allowed */
    const posw_pow *pow;
    uint64_t commit_blocks; /* blocks of one commit; 1: each */
    /* Called after each block; a non-zero result stops with POSW_ECANCELED. May be NULL. */
    int (*progress)(void *arg, const posw_block_file_progress *p);
    void *arg;
} posw_block_file_options;

/* Imports all blocks of a file. Errors with a sentence: POSW_ENOTFOUND, POSW_EPARSE (not a block file, torn),
 * POSW_EINVAL (a block was refused: names block and rule), POSW_ECANCELED and operating errors. What was imported
 * before stays, durably. */
int posw_block_file_import(posw_chain *c, const char *path, const posw_block_file_options *o, posw_message *msg);
/* Where an export of all that there is begins: at block 1, or at the lowest one that is not pruned. */
uint64_t posw_block_file_first(const posw_chain *c);
/* Writes main-chain blocks first..last (inclusive) to a new file, whole or not at all. POSW_ERANGE: the chain does not
 * have them all; POSW_EPRUNED: it has no longer. */
int posw_block_file_export(posw_chain *c, const char *path, uint64_t first, uint64_t last,
                           const posw_block_file_options *o, posw_message *msg);

#endif
