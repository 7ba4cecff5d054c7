/* posw_rlp_valid against a walk with the cursor that writes everything again. */
#include "fuzz.h"

#include "codec/rlp.h"

enum { DEPTH_MAX = 1024 };

typedef struct {
    posw_rlp r;
    size_t mark;
} open_list;

/* Writes again what the cursor reads; false if it does not read to the end. */
static bool rewrite(posw_buf *out, const uint8_t *data, size_t size) {
    open_list lists[DEPTH_MAX + 1];
    size_t depth = 0;
    lists[0] = (open_list){posw_rlp_reader(data, size), 0};
    for (;;) {
        posw_rlp *r = &lists[depth].r;
        if (posw_rlp_next_is_list(r)) {
            if (depth == DEPTH_MAX) return false;
            const posw_rlp inner = posw_rlp_list(r);
            lists[++depth] = (open_list){inner, posw_rlp_list_begin(out)};
        } else if (posw_rlp_more(r)) {
            const posw_bytes b = posw_rlp_bytes(r);
            if (!r->failed) posw_rlp_append_bytes(out, b.data, b.size);
        } else {
            if (!posw_rlp_done(r)) return false;
            if (depth == 0) return true;
            posw_rlp_list_end(out, lists[depth--].mark);
        }
    }
}

static void read_as_numbers(const uint8_t *data, size_t size) {
    posw_rlp r = posw_rlp_reader(data, size), again = r;
    const uint64_t v = posw_rlp_u64(&r);
    const posw_u256 wide = posw_rlp_u256(&again);
    if (r.failed) {
        POSW_ASSERT(v == 0);
        return;
    }
    uint8_t out[9];
    const size_t n = (size_t)(posw_rlp_put_u64(out, v) - out);
    POSW_ASSERT(n == (size_t)(r.p - data) && memcmp(out, data, n) == 0);
    POSW_ASSERT(!again.failed && wide.w[0] == v && (wide.w[1] | wide.w[2] | wide.w[3]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    posw_buf out = {0};
    /* One item, nothing behind it: the outermost level of the walk takes any number of items. */
    const bool is_one = posw_rlp_count(posw_rlp_reader(data, size)) == 1;
    const bool is_read = rewrite(&out, data, size);
    POSW_ASSERT(posw_rlp_valid(data, size) == (is_one && is_read));
    if (is_read) POSW_ASSERT(!out.failed && out.size == size && (size == 0 || memcmp(out.data, data, size) == 0));
    read_as_numbers(data, size);
    posw_buf_clear(&out);
    return 0;
}
