/* Everything about a block that can be computed without the chain: decoding, senders, transactions root, proof of work.
 * Pure: workers run it on their own copies, ahead of the node's thread, which then only links and executes. */
#ifndef POSW_CHAIN_PREPARE_H
#define POSW_CHAIN_PREPARE_H

#include "codec/block.h"
#include "posw/seal.h"
#include "posw/verdict.h"

typedef struct {
    posw_buf bytes;        /* the encoding; owned */
    posw_block block;      /* views of bytes */
    posw_address *senders; /* block.tx_count; owned */
    posw_hash *tx_hashes;  /* block.tx_count; owned */
    posw_verdict verdict;  /* of all that was checked: form, size, signatures, transactions root, and the PoW where it
                              needs no key */
    bool pow_checked;
    bool is_built_on;   /* its child has a header with a proof of work that was checked. The caller's to say */
    bool own_signature; /* the seal's signature is known to be the beneficiary's: a fact of the header alone */
} posw_prepared;

/* Known senders, so that a signature that the mempool has seen is not recovered again. May be NULL. Must be thread
 * safe. */
typedef struct {
    bool (*find)(void *arg, posw_address *out, const posw_hash *tx_hash);
    void *arg;
} posw_sender_cache;

/* Copies `in`. POSW_OK with a verdict, or an operating error. pow NULL, or an engine that needs a key (randomx): the
 * PoW is left to the import. */
int posw_prepare(posw_prepared *out, const uint8_t *in, size_t size, const posw_pow *pow, void *scratch,
                 const posw_sender_cache *cache);
/* A block that was put together around a header of which all is known, the proof of work too: it is neither decoded nor
 * hashed again. Takes over `bytes`, whatever comes of it. */
int posw_prepare_known(posw_prepared *out, posw_buf *bytes, const posw_header *header, const posw_hash *hash,
                       const posw_sender_cache *cache);
void posw_prepared_clear(posw_prepared *p);

#endif
