/* Writing to a buffer: the part of RLP that takes memory. */
#include "codec/rlp.h"

#include <string.h>

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
    uint8_t *out = posw_buf_extend(b, posw_rlp_prefix_size(content_size));
    if (out != NULL) posw_rlp_put_list(out, content_size);
}

size_t posw_rlp_list_begin(posw_buf *b) {
    return b->size;
}

void posw_rlp_list_end(posw_buf *b, size_t mark) {
    if (b->failed) return;
    const size_t content = b->size - mark, prefix = posw_rlp_prefix_size(content);
    if (posw_buf_extend(b, prefix) == NULL) return;
    memmove(b->data + mark + prefix, b->data + mark, content);
    posw_rlp_put_list(b->data + mark, content);
}
