#include "codec/rlp.h"

#include "base/bytes.h"
#include "posw/u256.h"

enum { DEPTH_MAX = 1024 };

const uint8_t posw_rlp_nothing[1] = {0};

bool posw_rlp_longer_length(size_t *out, const uint8_t *p, size_t size) {
    uint64_t v = 0;
    if (p[0] == 0) return false;
    for (size_t i = 0; i < size; i++)
        v = v << 8 | p[i];
    if (v <= POSW_RLP_SHORT_MAX || v > SIZE_MAX) return false;
    *out = (size_t)v;
    return true;
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

/* `size` bytes at p, of `left` that may be read: where those suffice at once, and what lies behind it shifted out. */
static uint64_t load_be(const uint8_t *p, size_t size, size_t left) {
    if (left >= 8) return posw_load_be64(p) >> (64 - 8 * size);
    uint64_t v = 0;
    for (size_t i = 0; i < size; i++)
        v = v << 8 | p[i];
    return v;
}

/* As the above, with its frame read in place: headers have five of them. */
uint64_t posw_rlp_u64(posw_rlp *r) {
    const uint8_t *p = r->p;
    const size_t left = (size_t)(r->end - p);
    if (r->failed || left == 0 || *p == 0) goto fail;
    if (*p < POSW_RLP_STRING) {
        r->p++;
        return *p;
    }
    const size_t size = (size_t)*p - POSW_RLP_STRING;
    if (size > 8 || size >= left) goto fail;
    r->p += 1 + size;
    if (size == 0) return 0;
    if (p[1] == 0 || (size == 1 && p[1] < POSW_RLP_STRING)) goto fail;
    return load_be(p + 1, size, left - 1);
fail:
    r->failed = true;
    return 0;
}

posw_u256 posw_rlp_u256(posw_rlp *r) {
    if (posw_rlp_more(r) && *r->p <= POSW_RLP_STRING + 8) return posw_u256_from_u64(posw_rlp_u64(r));
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
    posw_rlp_frame f;
    if (!posw_rlp_frame_parse(&f, p, size) || f.prefix + f.content != size) return false;
    ends[0] = p + size;
    for (;;) {
        while (p == ends[depth]) {
            if (depth == 0) return true;
            depth--;
        }
        if (!posw_rlp_frame_parse(&f, p, (size_t)(ends[depth] - p))) return false;
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

static bool is_own_encoding(const uint8_t *data, size_t size) {
    return size == 1 && data[0] < POSW_RLP_STRING;
}

size_t posw_rlp_size_bytes(const void *data, size_t size) {
    return is_own_encoding(data, size) ? 1 : posw_rlp_prefix_size(size) + size;
}

size_t posw_rlp_size_u64(uint64_t v) {
    return v < POSW_RLP_STRING ? 1 : 1 + posw_rlp_be_size(v);
}

size_t posw_rlp_size_u256(const posw_u256 *v) {
    const size_t n = (posw_u256_bits(v) + 7) / 8;
    return n <= 1 ? posw_rlp_size_u64(v->w[0]) : 1 + n;
}

uint8_t *posw_rlp_put_u64(uint8_t *out, uint64_t v) {
    const size_t n = posw_rlp_be_size(v);
    if (v != 0 && v < POSW_RLP_STRING) {
        *out = (uint8_t)v;
        return out + 1;
    }
    *out = (uint8_t)(POSW_RLP_STRING + n);
    return posw_rlp_put_be(out + 1, v, n);
}

uint8_t *posw_rlp_put_u256(uint8_t *out, const posw_u256 *v) {
    uint8_t be[32];
    uint64_t word;
    if (posw_u256_to_u64(&word, v)) return posw_rlp_put_u64(out, word);
    const size_t n = (posw_u256_bits(v) + 7) / 8;
    posw_u256_to_be(be, v);
    *out = (uint8_t)(POSW_RLP_STRING + n);
    memcpy(out + 1, be + 32 - n, n);
    return out + 1 + n;
}
