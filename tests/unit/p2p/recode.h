/* Any payload through its decoder, every list walked to its end, and back through the encoder: what is accepted must be
 * written again as it was, but for members of a later version behind the described ones. Shared by the unit test and
 * the fuzz target. */
#ifndef POSW_TEST_P2P_RECODE_H
#define POSW_TEST_P2P_RECODE_H

#include "base/error.h"
#include "p2p/message.h"

#include <stdlib.h>
#include <string.h>

enum recode_result {
    RECODE_REFUSED,
    RECODE_SAME,  /* *out holds the frame, equal to the input */
    RECODE_SHORT, /* *out holds the frame without the further members */
    RECODE_CUT,   /* a text was longer than what is sent, or the list is fuller than what is written: not comparable */
};

static inline bool recode_hashes(posw_buf *out, uint8_t type, posw_bytes payload) {
    posw_msg_hashes list;
    posw_hash hashes[POSW_MSG_TX_HASHES_MAX];
    if (!posw_msg_hashes_decode(&list, (enum posw_msg_type)type, payload)) return false;
    for (size_t i = 0; i < list.count; i++)
        hashes[i] = posw_msg_hash_at(&list, i);
    posw_msg_hashes_encode(out, (enum posw_msg_type)type, hashes, list.count);
    return true;
}

static inline bool recode_get_headers(posw_buf *out, posw_bytes payload) {
    posw_msg_get_headers m;
    posw_hash hashes[POSW_MSG_LOCATOR_MAX];
    if (!posw_msg_get_headers_decode(&m, payload)) return false;
    for (size_t i = 0; i < m.locator.count; i++)
        hashes[i] = posw_msg_hash_at(&m.locator, i);
    posw_msg_get_headers_encode(out, m.request, hashes, m.locator.count, m.wanted);
    return true;
}

static inline void recode_header_list(posw_msg_writer *w, posw_msg_header_list list) {
    posw_msg_header h;
    size_t count = 0;
    for (; posw_msg_headers_next(&h, &list); count++)
        POSW_ASSERT(posw_msg_headers_add(w, &h.header, h.has_proof ? &h.proof : NULL));
    POSW_ASSERT(count == list.count);
    posw_msg_end(w);
}

static inline bool recode_headers(posw_buf *out, uint8_t type, posw_bytes payload) {
    posw_msg_writer w;
    if (type == POSW_MSG_HEADERS) {
        posw_msg_headers m;
        if (!posw_msg_headers_decode(&m, payload)) return false;
        posw_msg_headers_begin(&w, out, m.request);
        recode_header_list(&w, m.list);
    } else {
        posw_msg_header_list list;
        if (!posw_msg_announce_decode(&list, payload)) return false;
        posw_msg_announce_begin(&w, out);
        recode_header_list(&w, list);
    }
    return true;
}

static inline bool recode_addresses(posw_buf *out, posw_bytes payload) {
    posw_msg_addresses list;
    posw_msg_address a;
    posw_msg_writer w;
    size_t count = 0;
    if (!posw_msg_addresses_decode(&list, payload)) return false;
    posw_msg_addresses_begin(&w, out);
    for (; posw_msg_addresses_next(&a, &list); count++)
        POSW_ASSERT(posw_msg_addresses_add(&w, &a));
    POSW_ASSERT(count == list.count);
    posw_msg_end(&w);
    return true;
}

static inline bool recode_txs(posw_buf *out, bool *cut, uint8_t type, posw_bytes payload) {
    posw_msg_block_txs m;
    posw_msg_writer w;
    posw_bytes raw;
    size_t count = 0;
    if (type == POSW_MSG_TXS) {
        if (!posw_msg_txs_decode(&m.txs, payload)) return false;
        posw_msg_txs_begin(&w, out);
    } else {
        if (!posw_msg_block_txs_decode(&m, payload)) return false;
        posw_msg_block_txs_begin(&w, out, &m.block);
    }
    for (; posw_msg_txs_next(&raw, &m.txs); count++)
        *cut = !posw_msg_txs_add(&w, raw) || *cut;
    POSW_ASSERT(count == m.txs.count);
    posw_msg_end(&w);
    return true;
}

static inline bool recode_compact(posw_buf *out, posw_bytes payload) {
    posw_msg_compact m;
    size_t filled = 0;
    if (!posw_msg_compact_decode(&m, payload)) return false;
    uint64_t *ids = calloc(m.txs.id_count + 1, sizeof *ids);
    posw_msg_prefilled *prefilled = calloc(m.txs.prefilled_count + 1, sizeof *prefilled);
    POSW_ASSERT(ids != NULL && prefilled != NULL);
    for (size_t i = 0; i < m.txs.id_count; i++)
        ids[i] = posw_msg_short_id_at(&m.txs, i);
    while (posw_msg_prefilled_next(&prefilled[filled], &m.txs))
        POSW_ASSERT(++filled <= m.txs.prefilled_count);
    POSW_ASSERT(filled == m.txs.prefilled_count);
    POSW_ASSERT(posw_msg_compact_encode(out, &m.head.header, m.head.has_proof ? &m.head.proof : NULL, m.nonce, ids,
                                        m.txs.id_count, prefilled, filled));
    free(ids);
    free(prefilled);
    return true;
}

static inline bool recode_get_block_txs(posw_buf *out, posw_bytes payload) {
    posw_msg_get_block_txs m;
    size_t count = 0;
    if (!posw_msg_get_block_txs_decode(&m, payload)) return false;
    uint32_t *indexes = calloc(m.count + 1, sizeof *indexes);
    POSW_ASSERT(indexes != NULL);
    while (posw_msg_indexes_next(&indexes[count], &m))
        POSW_ASSERT(++count <= m.count);
    POSW_ASSERT(count == m.count);
    posw_msg_get_block_txs_encode(out, &m.block, indexes, count);
    free(indexes);
    return true;
}

static inline bool recode_greeting(posw_buf *out, bool *cut, uint8_t type, posw_bytes payload) {
    posw_msg_hello hello;
    posw_msg_goodbye bye;
    char text[POSW_MSG_SENTENCE_MAX + 1] = "";
    if (type == POSW_MSG_HELLO) {
        if (!posw_msg_hello_decode(&hello, payload)) return false;
        posw_msg_hello_encode(out, &hello);
        *cut = hello.agent.size > POSW_MSG_AGENT_MAX;
    } else {
        if (!posw_msg_goodbye_decode(&bye, payload)) return false;
        posw_msg_text(text, sizeof text, bye.sentence);
        *cut = bye.sentence.size != strlen(text) || memcmp(text, bye.sentence.data, bye.sentence.size) != 0;
        posw_msg_goodbye_encode(out, bye.code, text);
    }
    return true;
}

static inline bool recode_small(posw_buf *out, uint8_t type, posw_bytes payload) {
    posw_msg_ping ping;
    uint8_t nonce[8];
    bool on;
    if (type == POSW_MSG_PING) {
        if (!posw_msg_ping_decode(&ping, payload)) return false;
        posw_msg_ping_encode(out, &ping);
    } else if (type == POSW_MSG_PONG) {
        if (!posw_msg_pong_decode(nonce, payload)) return false;
        posw_msg_pong_encode(out, nonce);
    } else if (type == POSW_MSG_SEND_COMPACT) {
        if (!posw_msg_send_compact_decode(&on, payload)) return false;
        posw_msg_send_compact_encode(out, on);
    } else {
        if (!posw_msg_get_addresses_decode(payload)) return false;
        posw_msg_get_addresses_encode(out);
    }
    return true;
}

static inline bool recode_any(posw_buf *out, bool *cut, uint8_t type, posw_bytes payload) {
    posw_bytes block;
    switch ((enum posw_msg_type)type) {
    case POSW_MSG_HELLO:
    case POSW_MSG_GOODBYE:
        return recode_greeting(out, cut, type, payload);
    case POSW_MSG_PING:
    case POSW_MSG_PONG:
    case POSW_MSG_GET_ADDRESSES:
    case POSW_MSG_SEND_COMPACT:
        return recode_small(out, type, payload);
    case POSW_MSG_ADDRESSES:
        return recode_addresses(out, payload);
    case POSW_MSG_GET_HEADERS:
        return recode_get_headers(out, payload);
    case POSW_MSG_HEADERS:
    case POSW_MSG_ANNOUNCE:
        return recode_headers(out, type, payload);
    case POSW_MSG_GET_BLOCKS:
    case POSW_MSG_NOT_FOUND:
    case POSW_MSG_TX_HASHES:
    case POSW_MSG_GET_TXS:
        return recode_hashes(out, type, payload);
    case POSW_MSG_BLOCK:
        if (!posw_msg_block_decode(&block, payload)) return false;
        posw_msg_block_encode(out, block);
        return true;
    case POSW_MSG_COMPACT:
        return recode_compact(out, payload);
    case POSW_MSG_GET_BLOCK_TXS:
        return recode_get_block_txs(out, payload);
    case POSW_MSG_BLOCK_TXS:
    case POSW_MSG_TXS:
        return recode_txs(out, cut, type, payload);
    }
    return false;
}

/* Aborts when what is accepted does not come back. */
static inline enum recode_result recode(posw_buf *out, uint8_t type, posw_bytes payload) {
    posw_msg_frame frame;
    size_t size;
    bool cut = false;
    posw_buf_reset(out);
    if (!recode_any(out, &cut, type, payload)) return RECODE_REFUSED;
    POSW_ASSERT(!out->failed);
    POSW_ASSERT(posw_msg_frame_cut(&frame, &size, out->data, out->size) == POSW_MSG_CUT_WHOLE && size == out->size);
    POSW_ASSERT(frame.type == type && frame.payload.size <= payload.size);
    if (cut) return RECODE_CUT;
    if (frame.payload.size < payload.size) return RECODE_SHORT;
    POSW_ASSERT(memcmp(frame.payload.data, payload.data, payload.size) == 0);
    return RECODE_SAME;
}

#endif
