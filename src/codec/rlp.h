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

/* Prefix bytes: 00..7f the byte itself; 80..b7 string of 0..55 bytes; b8..bf string, its length in 1..8 bytes; c0..f7
 * and f8..ff the same for lists. */
enum { POSW_RLP_STRING = 0x80, POSW_RLP_LIST = 0xc0, POSW_RLP_SHORT_MAX = 55 };

typedef struct {
    const uint8_t *p, *end;
    bool failed;
} posw_rlp;

/* Of an item: how many bytes its prefix and its content take. */
typedef struct {
    bool is_list;
    size_t prefix, content;
} posw_rlp_frame;

bool posw_rlp_longer_length(size_t *out, const uint8_t *p, size_t size);
/* The length field of the long form: no leading zero, above what the short form can say. Of headers and most else it
 * has one byte or two. */
static inline bool posw_rlp_long_length(size_t *out, const uint8_t *p, size_t size) {
    if (size > 2) return posw_rlp_longer_length(out, p, size);
    *out = size == 1 ? p[0] : (size_t)p[0] << 8 | p[1];
    return p[0] != 0 && *out > POSW_RLP_SHORT_MAX;
}

/* The canonical item at p; false if there is none or it does not end within `left` bytes. */
static inline bool posw_rlp_frame_parse(posw_rlp_frame *f, const uint8_t *p, size_t left) {
    if (left == 0) return false;
    *f = (posw_rlp_frame){.is_list = p[0] >= POSW_RLP_LIST, .prefix = 0, .content = 1};
    if (p[0] < POSW_RLP_STRING) return true;
    const unsigned tag = p[0] - (unsigned)(f->is_list ? POSW_RLP_LIST : POSW_RLP_STRING);
    f->prefix = 1;
    f->content = tag;
    if (tag > POSW_RLP_SHORT_MAX) {
        f->prefix += tag - POSW_RLP_SHORT_MAX;
        if (left < f->prefix || !posw_rlp_long_length(&f->content, p + 1, tag - POSW_RLP_SHORT_MAX)) return false;
    }
    if (f->content > left - f->prefix) return false;
    /* A byte below 0x80 is its own encoding. */
    return f->is_list || f->content != 1 || p[1] >= POSW_RLP_STRING;
}

extern const uint8_t posw_rlp_nothing[1]; /* where cursors of no bytes stand */

static inline posw_rlp posw_rlp_reader(const void *data, size_t size) {
    const uint8_t *p = size == 0 ? posw_rlp_nothing : (const uint8_t *)data;
    return (posw_rlp){p, p + size, false};
}
/* No error, and every byte was read. */
static inline bool posw_rlp_done(const posw_rlp *r) {
    return !r->failed && r->p == r->end;
}
/* Bytes are left and no error so far. */
static inline bool posw_rlp_more(const posw_rlp *r) {
    return !r->failed && r->p != r->end;
}
static inline bool posw_rlp_next_is_list(const posw_rlp *r) {
    return posw_rlp_more(r) && *r->p >= POSW_RLP_LIST;
}

/* For those below: the next item's frame. False sets the error. */
static inline bool posw_rlp_next(posw_rlp *r, posw_rlp_frame *f) {
    if (!r->failed && posw_rlp_frame_parse(f, r->p, (size_t)(r->end - r->p))) return true;
    r->failed = true;
    return false;
}
static inline posw_bytes posw_rlp_take(posw_rlp *r, size_t skip, size_t size) {
    const posw_bytes out = {r->p + skip, size};
    r->p += skip + size;
    return out;
}

/* The next item. On error: empty result. */
static inline posw_bytes posw_rlp_bytes(posw_rlp *r) {
    posw_rlp_frame f;
    if (!posw_rlp_next(r, &f)) return (posw_bytes){NULL, 0};
    if (!f.is_list) return posw_rlp_take(r, f.prefix, f.content);
    r->failed = true;
    return (posw_bytes){NULL, 0};
}
static inline posw_rlp posw_rlp_list(posw_rlp *r) {
    posw_rlp_frame f;
    if (posw_rlp_next(r, &f) && f.is_list) {
        const posw_bytes content = posw_rlp_take(r, f.prefix, f.content);
        return posw_rlp_reader(content.data, content.size);
    }
    r->failed = true;
    return (posw_rlp){posw_rlp_nothing, posw_rlp_nothing, true};
}
/* The next item, of either kind, with its prefix; checks its own framing only. */
static inline posw_bytes posw_rlp_raw(posw_rlp *r) {
    posw_rlp_frame f;
    if (!posw_rlp_next(r, &f)) return (posw_bytes){NULL, 0};
    return posw_rlp_take(r, 0, f.prefix + f.content);
}
void posw_rlp_fixed(posw_rlp *r, void *out, size_t size); /* a byte string of exactly this size */
uint64_t posw_rlp_u64(posw_rlp *r);                       /* no leading zeros, at most 8 bytes */
posw_u256 posw_rlp_u256(posw_rlp *r);                     /* no leading zeros, at most 32 bytes */
/* Items of a list (each with its own framing valid), -1 when the content is malformed. */
int64_t posw_rlp_count(posw_rlp r);
/* Whole input valid at every depth (iterative; depth at most 1,024)? For vectors and fuzzing. */
bool posw_rlp_valid(const void *data, size_t size);

/* For those below: the bytes of a number without leading zeros, and of a prefix. */
static inline size_t posw_rlp_be_size(uint64_t v) {
    return v == 0 ? 0 : (size_t)(71 - __builtin_clzll(v)) / 8;
}
static inline size_t posw_rlp_prefix_size(size_t content_size) {
    return content_size <= POSW_RLP_SHORT_MAX ? 1 : 1 + posw_rlp_be_size(content_size);
}
static inline uint8_t *posw_rlp_put_be(uint8_t *out, uint64_t v, size_t size) {
    for (size_t i = size; i > 0; i--, v >>= 8)
        out[i - 1] = (uint8_t)v;
    return out + size;
}
static inline uint8_t *posw_rlp_put_prefix(uint8_t *out, uint8_t tag, size_t content_size) {
    if (content_size <= POSW_RLP_SHORT_MAX) {
        *out = (uint8_t)(tag + content_size);
        return out + 1;
    }
    const size_t n = posw_rlp_be_size(content_size);
    *out = (uint8_t)(tag + POSW_RLP_SHORT_MAX + n);
    return posw_rlp_put_be(out + 1, content_size, n);
}

/* Encoded sizes, prefix included. */
size_t posw_rlp_size_bytes(const void *data, size_t size);
size_t posw_rlp_size_u64(uint64_t v);
size_t posw_rlp_size_u256(const posw_u256 *v);
/* prefix + content */
static inline size_t posw_rlp_size_list(size_t content_size) {
    return posw_rlp_prefix_size(content_size) + content_size;
}
/* Writers return the byte after what they wrote. */
/* What posw_rlp_put_bytes writes ahead of the data: nothing for a byte that is its own encoding. For data that is
 * streamed. */
static inline uint8_t *posw_rlp_put_bytes_prefix(uint8_t *out, const void *data, size_t size) {
    if (size == 1 && *(const uint8_t *)data < POSW_RLP_STRING) return out;
    return posw_rlp_put_prefix(out, POSW_RLP_STRING, size);
}
static inline uint8_t *posw_rlp_put_bytes(uint8_t *out, const void *data, size_t size) {
    out = posw_rlp_put_bytes_prefix(out, data, size);
    if (size > 0) memcpy(out, data, size);
    return out + size;
}
uint8_t *posw_rlp_put_u64(uint8_t *out, uint64_t v);
uint8_t *posw_rlp_put_u256(uint8_t *out, const posw_u256 *v);
/* prefix only */
static inline uint8_t *posw_rlp_put_list(uint8_t *out, size_t content_size) {
    return posw_rlp_put_prefix(out, POSW_RLP_LIST, content_size);
}
/* The same onto a buffer. */
void posw_rlp_append_bytes(posw_buf *b, const void *data, size_t size);
void posw_rlp_append_u64(posw_buf *b, uint64_t v);
void posw_rlp_append_u256(posw_buf *b, const posw_u256 *v);
void posw_rlp_append_list(posw_buf *b, size_t content_size); /* prefix only */
/* A list whose size is not known ahead: begin, append the content, end (moves the content by the prefix). */
size_t posw_rlp_list_begin(posw_buf *b);
void posw_rlp_list_end(posw_buf *b, size_t mark);

#endif
