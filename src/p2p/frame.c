#include "base/bytes.h"
#include "base/error.h"
#include "p2p/message_internal.h"

size_t posw_msg_limit(uint8_t type) {
    switch (type) {
#define X(constant, value, name, limit) \
    case value:                         \
        return limit;
        POSW_MSG_TABLE(X)
#undef X
    }
    return 0;
}

size_t posw_msg_kind(uint8_t type) {
    switch (type) {
#define X(constant, value, name, limit) \
    case value:                         \
        return constant##_KIND;
        POSW_MSG_TABLE(X)
#undef X
    }
    return POSW_MSG_KINDS;
}

const char *posw_msg_kind_name(size_t kind) {
    static const char *const names[] = {
#define X(constant, value, name, limit) name,
        POSW_MSG_TABLE(X)
#undef X
            "other"};
    return names[kind];
}

const char *posw_msg_name(uint8_t type) {
    switch (type) {
#define X(constant, value, name, limit) \
    case value:                         \
        return name;
        POSW_MSG_TABLE(X)
#undef X
    }
    return "unknown";
}

enum posw_msg_cut posw_msg_frame_cut(posw_msg_frame *out, size_t *size, const uint8_t *in, size_t in_size) {
    *size = POSW_MSG_PREFIX;
    if (in_size == 0) return POSW_MSG_CUT_MORE;
    const size_t limit = posw_msg_limit(in[0]);
    if (limit == 0) return POSW_MSG_CUT_BAD;
    if (in_size < POSW_MSG_PREFIX) return POSW_MSG_CUT_MORE;
    const size_t payload = posw_load_be32(in + 1);
    if (payload == 0 || payload > limit) return POSW_MSG_CUT_BAD; /* the shortest list is one byte */
    *size = POSW_MSG_PREFIX + payload;
    if (in_size < *size) return POSW_MSG_CUT_MORE;
    *out = (posw_msg_frame){in[0], {in + POSW_MSG_PREFIX, payload}};
    return POSW_MSG_CUT_WHOLE;
}

void posw_msg_text(char *out, size_t room, posw_bytes in) {
    size_t n = 0;
    POSW_ASSERT(room > 0);
    for (; n < in.size && n < room - 1; n++)
        out[n] = in.data[n] >= ' ' && in.data[n] <= '~' ? (char)in.data[n] : '?';
    out[n] = '\0';
}

/* ---- reading ---- */

bool msg_open(posw_rlp *list, enum posw_msg_type type, posw_bytes payload) {
    if (payload.size > posw_msg_limit((uint8_t)type)) return false;
    posw_rlp outer = posw_rlp_reader(payload.data, payload.size);
    *list = posw_rlp_list(&outer);
    return posw_rlp_done(&outer);
}

bool msg_close(posw_rlp *list) {
    while (posw_rlp_more(list))
        (void)posw_rlp_raw(list);
    return posw_rlp_done(list);
}

bool msg_read_hashes(posw_msg_hashes *out, posw_rlp *list, size_t max) {
    const posw_rlp items = posw_rlp_list(list);
    const size_t size = (size_t)(items.end - items.p);
    if (items.failed || size % HASH_ENCODED != 0 || size / HASH_ENCODED > max) return false;
    for (size_t i = 0; i < size; i += HASH_ENCODED)
        if (items.p[i] != 0x80 + POSW_HASH_SIZE) return false;
    *out = (posw_msg_hashes){items.p, size / HASH_ENCODED};
    return true;
}

uint32_t msg_read_u32(posw_rlp *list) {
    const uint64_t v = posw_rlp_u64(list);
    if (v > UINT32_MAX) list->failed = true;
    return (uint32_t)v;
}

/* ---- writing ---- */

msg_mark msg_begin(posw_buf *out, enum posw_msg_type type) {
    const uint8_t prefix[POSW_MSG_PREFIX] = {(uint8_t)type};
    const size_t frame = out->size;
    posw_buf_append(out, prefix, sizeof prefix);
    return (msg_mark){frame, posw_rlp_list_begin(out)};
}

void msg_end(posw_buf *out, msg_mark mark) {
    posw_rlp_list_end(out, mark.list);
    if (out->failed) return;
    const size_t payload = out->size - mark.frame - POSW_MSG_PREFIX;
    POSW_ASSERT(payload <= posw_msg_limit(out->data[mark.frame]));
    posw_store_be32(out->data + mark.frame + 1, (uint32_t)payload);
}

void msg_begin_sized(posw_buf *out, enum posw_msg_type type, size_t content) {
    uint8_t prefix[POSW_MSG_PREFIX] = {(uint8_t)type};
    const size_t payload = posw_rlp_size_list(content);
    POSW_ASSERT(payload <= posw_msg_limit((uint8_t)type));
    posw_store_be32(prefix + 1, (uint32_t)payload);
    if (!posw_buf_reserve(out, sizeof prefix + payload)) return;
    posw_buf_append(out, prefix, sizeof prefix);
    posw_rlp_append_list(out, content);
}

uint8_t *msg_extend(posw_buf *out, enum posw_msg_type type, size_t content) {
    const size_t payload = posw_rlp_size_list(content);
    POSW_ASSERT(payload <= posw_msg_limit((uint8_t)type));
    uint8_t *at = posw_buf_extend(out, POSW_MSG_PREFIX + payload);
    if (at == NULL) return NULL;
    at[0] = (uint8_t)type;
    posw_store_be32(at + 1, (uint32_t)payload);
    return posw_rlp_put_list(at + POSW_MSG_PREFIX, content);
}

void msg_writer_begin(posw_msg_writer *w, posw_buf *out, enum posw_msg_type type) {
    const msg_mark mark = msg_begin(out, type);
    *w = (posw_msg_writer){.out = out, .type = type, .frame = mark.frame, .outer = mark.list};
}

void msg_writer_list(posw_msg_writer *w) {
    w->inner = posw_rlp_list_begin(w->out);
}

bool msg_writer_room(const posw_msg_writer *w, size_t count_max) {
    return w->count < count_max && !w->out->failed;
}

bool msg_writer_keep(posw_msg_writer *w, size_t before) {
    enum { LIST_PREFIX_MAX = 4 }; /* of lists below 16 MiB; two will be put before what is there */
    if (w->out->failed) return false;
    if (w->out->size - w->outer + 2 * LIST_PREFIX_MAX > posw_msg_limit((uint8_t)w->type)) {
        w->out->size = before;
        return false;
    }
    w->count++;
    return true;
}

void posw_msg_end(posw_msg_writer *w) {
    posw_rlp_list_end(w->out, w->inner);
    msg_end(w->out, (msg_mark){w->frame, w->outer});
}
