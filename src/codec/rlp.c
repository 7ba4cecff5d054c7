#include "codec/rlp.h"

#include "base/bytes.h"
#include "posw/u256.h"

/* Prefix bytes: 00..7f the byte itself; 80..b7 string of 0..55 bytes; b8..bf string, its length in 1..8 bytes; c0..f7
 * and f8..ff the same for lists. */
enum { STRING = 0x80, LIST = 0xc0, SHORT_MAX = 55, DEPTH_MAX = 1024 };

typedef struct {
    bool is_list;
    size_t prefix, content;
} item_frame;

/* The length field of the long form: no leading zero, above what the short form can say. */
static bool long_length(size_t *out, const uint8_t *p, size_t size) {
    uint64_t v = 0;
    if (p[0] == 0) return false;
    for (size_t i = 0; i < size; i++)
        v = v << 8 | p[i];
    if (v <= SHORT_MAX || v > SIZE_MAX) return false;
    *out = (size_t)v;
    return true;
}

/* The canonical item at p; false if there is none or it does not end within `left` bytes. */
static inline bool parse_frame(item_frame *f, const uint8_t *p, size_t left) {
    if (left == 0) return false;
    *f = (item_frame){.is_list = p[0] >= LIST, .prefix = 0, .content = 1};
    if (p[0] < STRING) return true;
    const unsigned tag = p[0] - (f->is_list ? LIST : STRING);
    f->prefix = 1;
    f->content = tag;
    if (tag > SHORT_MAX) {
        f->prefix += tag - SHORT_MAX;
        if (left < f->prefix || !long_length(&f->content, p + 1, tag - SHORT_MAX)) return false;
    }
    if (f->content > left - f->prefix) return false;
    /* A byte below 0x80 is its own encoding. */
    return f->is_list || f->content != 1 || p[1] >= STRING;
}

posw_rlp posw_rlp_reader(const void *data, size_t size) {
    static const uint8_t nothing[1];
    const uint8_t *p = size == 0 ? nothing : data;
    return (posw_rlp){p, p + size, false};
}

static size_t bytes_left(const posw_rlp *r) {
    return (size_t)(r->end - r->p);
}

bool posw_rlp_done(const posw_rlp *r) {
    return !r->failed && r->p == r->end;
}

bool posw_rlp_more(const posw_rlp *r) {
    return !r->failed && r->p != r->end;
}

bool posw_rlp_next_is_list(const posw_rlp *r) {
    return posw_rlp_more(r) && *r->p >= LIST;
}

static bool next(posw_rlp *r, item_frame *f) {
    if (!r->failed && parse_frame(f, r->p, bytes_left(r))) return true;
    r->failed = true;
    return false;
}

static posw_bytes take(posw_rlp *r, size_t skip, size_t size) {
    const posw_bytes out = {r->p + skip, size};
    r->p += skip + size;
    return out;
}

posw_bytes posw_rlp_bytes(posw_rlp *r) {
    item_frame f;
    if (!next(r, &f)) return (posw_bytes){NULL, 0};
    if (!f.is_list) return take(r, f.prefix, f.content);
    r->failed = true;
    return (posw_bytes){NULL, 0};
}

posw_rlp posw_rlp_list(posw_rlp *r) {
    item_frame f;
    posw_rlp out = posw_rlp_reader(NULL, 0);
    if (next(r, &f) && f.is_list) {
        const posw_bytes content = take(r, f.prefix, f.content);
        return posw_rlp_reader(content.data, content.size);
    }
    out.failed = r->failed = true;
    return out;
}

posw_bytes posw_rlp_raw(posw_rlp *r) {
    item_frame f;
    if (!next(r, &f)) return (posw_bytes){NULL, 0};
    return take(r, 0, f.prefix + f.content);
}

void posw_rlp_fixed(posw_rlp *r, void *out, size_t size) {
    const posw_bytes b = posw_rlp_bytes(r);
    if (r->failed) return;
    if (b.size != size) {
        r->failed = true;
        return;
    }
    if (size > 0) memcpy(out, b.data, size);
}

/* A number without leading zeros of at most `size_max` bytes; empty after an error. */
static posw_bytes number_bytes(posw_rlp *r, size_t size_max) {
    const posw_bytes b = posw_rlp_bytes(r);
    if (b.size <= size_max && (b.size == 0 || b.data[0] != 0)) return b;
    r->failed = true;
    return (posw_bytes){NULL, 0};
}

/* As the above, with its frame read in place: headers have five of them. */
uint64_t posw_rlp_u64(posw_rlp *r) {
    const size_t left = bytes_left(r);
    const uint8_t first = left > 0 ? *r->p : LIST;
    const size_t size = first < STRING ? 0 : (size_t)first - STRING;
    uint64_t v = first < STRING ? first : 0;
    if (r->failed || first == 0 || size > 8 || size >= left || (size > 0 && r->p[1] == 0) ||
        (size == 1 && r->p[1] < STRING)) {
        r->failed = true;
        return 0;
    }
    for (size_t i = 1; i <= size; i++)
        v = v << 8 | r->p[i];
    r->p += 1 + size;
    return v;
}

posw_u256 posw_rlp_u256(posw_rlp *r) {
    const posw_bytes b = number_bytes(r, 32);
    uint8_t be[32] = {0};
    if (b.size > 0) memcpy(be + 32 - b.size, b.data, b.size);
    return posw_u256_from_be(be);
}

int64_t posw_rlp_count(posw_rlp r) {
    int64_t n = 0;
    while (posw_rlp_more(&r)) {
        (void)posw_rlp_raw(&r);
        n++;
    }
    return r.failed ? -1 : n;
}

bool posw_rlp_valid(const void *data, size_t size) {
    const uint8_t *ends[DEPTH_MAX + 1]; /* of the input and of every open list */
    const uint8_t *p = posw_rlp_reader(data, size).p;
    size_t depth = 0;
    item_frame f;
    if (!parse_frame(&f, p, size) || f.prefix + f.content != size) return false;
    ends[0] = p + size;
    for (;;) {
        while (p == ends[depth]) {
            if (depth == 0) return true;
            depth--;
        }
        if (!parse_frame(&f, p, (size_t)(ends[depth] - p))) return false;
        p += f.prefix;
        if (!f.is_list) {
            p += f.content;
        } else {
            if (depth == DEPTH_MAX) return false;
            ends[++depth] = p + f.content;
        }
    }
}

/* ---- writing ---- */

static size_t be_size(uint64_t v) {
    return v == 0 ? 0 : (size_t)(71 - __builtin_clzll(v)) / 8;
}

static uint8_t *put_be(uint8_t *out, uint64_t v, size_t size) {
    for (size_t i = size; i > 0; i--, v >>= 8)
        out[i - 1] = (uint8_t)v;
    return out + size;
}

static size_t prefix_size(size_t content_size) {
    return content_size <= SHORT_MAX ? 1 : 1 + be_size(content_size);
}

static uint8_t *put_prefix(uint8_t *out, uint8_t tag, size_t content_size) {
    if (content_size <= SHORT_MAX) {
        *out = (uint8_t)(tag + content_size);
        return out + 1;
    }
    const size_t n = be_size(content_size);
    *out = (uint8_t)(tag + SHORT_MAX + n);
    return put_be(out + 1, content_size, n);
}

static bool is_own_encoding(const uint8_t *data, size_t size) {
    return size == 1 && data[0] < STRING;
}

size_t posw_rlp_size_bytes(const void *data, size_t size) {
    return is_own_encoding(data, size) ? 1 : prefix_size(size) + size;
}

size_t posw_rlp_size_u64(uint64_t v) {
    return v < STRING ? 1 : 1 + be_size(v);
}

size_t posw_rlp_size_u256(const posw_u256 *v) {
    const size_t n = (posw_u256_bits(v) + 7) / 8;
    return n <= 1 ? posw_rlp_size_u64(v->w[0]) : 1 + n;
}

size_t posw_rlp_size_list(size_t content_size) {
    return prefix_size(content_size) + content_size;
}

uint8_t *posw_rlp_put_bytes_prefix(uint8_t *out, const void *data, size_t size) {
    return is_own_encoding(data, size) ? out : put_prefix(out, STRING, size);
}

uint8_t *posw_rlp_put_bytes(uint8_t *out, const void *data, size_t size) {
    out = posw_rlp_put_bytes_prefix(out, data, size);
    if (size > 0) memcpy(out, data, size);
    return out + size;
}

uint8_t *posw_rlp_put_u64(uint8_t *out, uint64_t v) {
    const size_t n = be_size(v);
    if (v != 0 && v < STRING) {
        *out = (uint8_t)v;
        return out + 1;
    }
    *out = (uint8_t)(STRING + n);
    return put_be(out + 1, v, n);
}

uint8_t *posw_rlp_put_u256(uint8_t *out, const posw_u256 *v) {
    uint8_t be[32];
    const size_t n = (posw_u256_bits(v) + 7) / 8;
    posw_u256_to_be(be, v);
    return posw_rlp_put_bytes(out, be + 32 - n, n);
}

uint8_t *posw_rlp_put_list(uint8_t *out, size_t content_size) {
    return put_prefix(out, LIST, content_size);
}

void posw_rlp_append_bytes(posw_buf *b, const void *data, size_t size) {
    uint8_t *out = posw_buf_extend(b, posw_rlp_size_bytes(data, size));
    if (out != NULL) posw_rlp_put_bytes(out, data, size);
}

void posw_rlp_append_u64(posw_buf *b, uint64_t v) {
    uint8_t *out = posw_buf_extend(b, posw_rlp_size_u64(v));
    if (out != NULL) posw_rlp_put_u64(out, v);
}

void posw_rlp_append_u256(posw_buf *b, const posw_u256 *v) {
    uint8_t *out = posw_buf_extend(b, posw_rlp_size_u256(v));
    if (out != NULL) posw_rlp_put_u256(out, v);
}

void posw_rlp_append_list(posw_buf *b, size_t content_size) {
    uint8_t *out = posw_buf_extend(b, prefix_size(content_size));
    if (out != NULL) posw_rlp_put_list(out, content_size);
}

size_t posw_rlp_list_begin(posw_buf *b) {
    return b->size;
}

void posw_rlp_list_end(posw_buf *b, size_t mark) {
    if (b->failed) return;
    const size_t content = b->size - mark, prefix = prefix_size(content);
    if (posw_buf_extend(b, prefix) == NULL) return;
    memmove(b->data + mark + prefix, b->data + mark, content);
    posw_rlp_put_list(b->data + mark, content);
}
