/* A block: rlp([header, [transactions], []]), as in Ethereum: what block files and the network carry. */
#ifndef POSW_CODEC_BLOCK_H
#define POSW_CODEC_BLOCK_H

#include "base/buf.h"
#include "codec/tx.h"
#include "posw/header.h"

enum { POSW_BLOCK_SIZE_MAX = 8 * 1024 * 1024 };

/* Decoded views; posw_block owns `txs` only, the bytes they point to are borrowed from the input. */
typedef struct {
    posw_header header;
    posw_hash hash;
    posw_bytes raw;        /* the whole encoding, */
    posw_bytes header_raw; /* and the header's in it */
    posw_tx *txs;          /* owned */
    size_t tx_count;
} posw_block;

/* POSW_OK; POSW_EPARSE: malformed (a verdict "invalid" for whoever sent it; *rule, may be NULL, says
 * POSW_RULE_HEADER_FORM, _OMMERS or _TX_FORM or _BLOCK_SIZE); POSW_ENOMEM. On failure *out is unchanged. enum posw_rule
 * is in posw/verdict.h. `txs` takes 288 bytes for each 21,000 gas of the header's own gas limit at most (X9), which is
 * the chain's only if the caller has seen to it: 400 KB at a gas limit of 30 million, but up to 240 MB in a block whose
 * header nobody has looked at (posw_block_header). */
int posw_block_decode(posw_block *out, int *rule, const uint8_t *in, size_t size);
/* For who has put it together around this header of this hash: they are taken for those of the encoding. */
int posw_block_decode_known(posw_block *out, int *rule, const posw_header *header, const posw_hash *hash,
                            const uint8_t *in, size_t size);
void posw_block_clear(posw_block *b);
/* The header of an encoded block, to be checked before the body is worth its memory. False, and *out unchanged, when it
 * is malformed. */
POSW_MUST_USE bool posw_block_header(posw_header *out, const uint8_t *in, size_t size);
/* Size of the first encoded block in a stream: its RLP length from the first (up to 9) bytes. 0: more bytes are needed;
 * SIZE_MAX: not a block or larger than POSW_BLOCK_SIZE_MAX. */
size_t posw_block_frame(const uint8_t *in, size_t size);
/* Appends the encoding; raw_txs are envelopes (typed ones are wrapped in byte strings). */
void posw_block_encode(posw_buf *out, const posw_header *header, const posw_bytes *raw_txs, size_t tx_count);
/* For who has the header encoded. */
void posw_block_encode_raw(posw_buf *out, posw_bytes header, const posw_bytes *raw_txs, size_t tx_count);

#endif
