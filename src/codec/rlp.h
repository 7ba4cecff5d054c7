/* RLP, Ethereum's recursive length prefix: strict in both directions.
 *
 * Reading is a cursor with a sticky error: read on, ask posw_rlp_done() once at the end. Nothing is copied: byte
 * strings are views of the input. Non-canonical encodings, lengths beyond the input and trailing bytes set the error.
 * Lists are entered by making a cursor of their content, so nothing here recurses.
 *
 * Writing goes to plain memory that the caller has sized, or to a posw_buf. */
#ifndef POSW_CODEC_RLP_H
#define POSW_CODEC_RLP_H

#include "base/buf.h"
#include "posw/types.h"

typedef struct {
    const uint8_t *p, *end;
    bool failed;
} posw_rlp;

posw_rlp posw_rlp_reader(const void *data, size_t size);
/* No error, and every byte was read. */
bool posw_rlp_done(const posw_rlp *r);
bool posw_rlp_more(const posw_rlp *r); /* bytes are left and no error so far */
bool posw_rlp_next_is_list(const posw_rlp *r);
/* The next item. On error: empty result. */
posw_bytes posw_rlp_bytes(posw_rlp *r);
posw_rlp posw_rlp_list(posw_rlp *r);
/* The next item, of either kind, with its prefix; checks its own framing only. */
posw_bytes posw_rlp_raw(posw_rlp *r);
void posw_rlp_fixed(posw_rlp *r, void *out, size_t size); /* a byte string of exactly this size */
uint64_t posw_rlp_u64(posw_rlp *r);                       /* no leading zeros, at most 8 bytes */
posw_u256 posw_rlp_u256(posw_rlp *r);                     /* no leading zeros, at most 32 bytes */
/* Items of a list (each with its own framing valid), -1 when the content is malformed. */
int64_t posw_rlp_count(posw_rlp r);
/* Whole input valid at every depth (iterative; depth at most 1,024)? For vectors and fuzzing. */
bool posw_rlp_valid(const void *data, size_t size);

/* Encoded sizes, prefix included. */
size_t posw_rlp_size_bytes(const void *data, size_t size);
size_t posw_rlp_size_u64(uint64_t v);
size_t posw_rlp_size_u256(const posw_u256 *v);
size_t posw_rlp_size_list(size_t content_size); /* prefix + content */
/* Writers return the byte after what they wrote. */
uint8_t *posw_rlp_put_bytes(uint8_t *out, const void *data, size_t size);
uint8_t *posw_rlp_put_u64(uint8_t *out, uint64_t v);
uint8_t *posw_rlp_put_u256(uint8_t *out, const posw_u256 *v);
uint8_t *posw_rlp_put_list(uint8_t *out, size_t content_size); /* prefix only */
/* What posw_rlp_put_bytes writes ahead of the data: nothing for a byte that is its own encoding. For data that is
 * streamed. */
uint8_t *posw_rlp_put_bytes_prefix(uint8_t *out, const void *data, size_t size);
/* The same onto a buffer. */
void posw_rlp_append_bytes(posw_buf *b, const void *data, size_t size);
void posw_rlp_append_u64(posw_buf *b, uint64_t v);
void posw_rlp_append_u256(posw_buf *b, const posw_u256 *v);
void posw_rlp_append_list(posw_buf *b, size_t content_size); /* prefix only */
/* A list whose size is not known ahead: begin, append the content, end (moves the content by the prefix). */
size_t posw_rlp_list_begin(posw_buf *b);
void posw_rlp_list_end(posw_buf *b, size_t mark);

#endif
