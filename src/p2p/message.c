#include "base/bytes.h"
#include "base/error.h"
#include "p2p/message_internal.h"

/* ---- HELLO ---- */

void posw_msg_hello_encode(posw_buf *out, const posw_msg_hello *m) {
    const msg_mark mark = msg_begin(out, POSW_MSG_HELLO);
    posw_rlp_append_u64(out, m->version);
    posw_rlp_append_u64(out, m->chain_id);
    posw_rlp_append_bytes(out, m->genesis.b, sizeof m->genesis.b);
    posw_rlp_append_bytes(out, m->fork.hash, sizeof m->fork.hash);
    posw_rlp_append_u64(out, m->fork.next);
    posw_rlp_append_u64(out, m->number);
    posw_rlp_append_bytes(out, m->hash.b, sizeof m->hash.b);
    posw_rlp_append_u256(out, &m->weight);
    posw_rlp_append_u64(out, m->flags);
    posw_rlp_append_u64(out, m->port);
    posw_rlp_append_u64(out, m->time_s);
    posw_rlp_append_bytes(out, m->nonce, sizeof m->nonce);
    posw_rlp_append_bytes(out, m->agent.data, m->agent.size < POSW_MSG_AGENT_MAX ? m->agent.size : POSW_MSG_AGENT_MAX);
    msg_end(out, mark);
}

bool posw_msg_hello_decode(posw_msg_hello *out, posw_bytes payload) {
    posw_msg_hello m = {0};
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_HELLO, payload)) return false;
    m.version = posw_rlp_u64(&r);
    m.chain_id = posw_rlp_u64(&r);
    posw_rlp_fixed(&r, m.genesis.b, sizeof m.genesis.b);
    posw_rlp_fixed(&r, m.fork.hash, sizeof m.fork.hash);
    m.fork.next = posw_rlp_u64(&r);
    m.number = posw_rlp_u64(&r);
    posw_rlp_fixed(&r, m.hash.b, sizeof m.hash.b);
    m.weight = posw_rlp_u256(&r);
    m.flags = posw_rlp_u64(&r);
    const uint64_t port = posw_rlp_u64(&r);
    m.time_s = posw_rlp_u64(&r);
    posw_rlp_fixed(&r, m.nonce, sizeof m.nonce);
    m.agent = posw_rlp_bytes(&r);
    if (port > UINT16_MAX || !msg_close(&r)) return false;
    m.port = (uint16_t)port;
    *out = m;
    return true;
}

/* ---- GOODBYE, PING, PONG ---- */

void posw_msg_goodbye_encode(posw_buf *out, uint64_t code, const char *sentence) {
    const msg_mark mark = msg_begin(out, POSW_MSG_GOODBYE);
    posw_rlp_append_u64(out, code);
    posw_rlp_append_bytes(out, sentence, strnlen(sentence, POSW_MSG_SENTENCE_MAX));
    msg_end(out, mark);
}

bool posw_msg_goodbye_decode(posw_msg_goodbye *out, posw_bytes payload) {
    posw_msg_goodbye m;
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_GOODBYE, payload)) return false;
    m.code = posw_rlp_u64(&r);
    m.sentence = posw_rlp_bytes(&r);
    if (!msg_close(&r)) return false;
    *out = m;
    return true;
}

void posw_msg_ping_encode(posw_buf *out, const posw_msg_ping *m) {
    const size_t content = 1 + sizeof m->nonce + posw_rlp_size_u64(m->number) + HASH_ENCODED +
                           posw_rlp_size_u256(&m->weight) + 1 + sizeof m->fork.hash + posw_rlp_size_u64(m->fork.next);
    uint8_t *at = msg_extend(out, POSW_MSG_PING, content);
    if (at == NULL) return;
    at = posw_rlp_put_bytes(at, m->nonce, sizeof m->nonce);
    at = posw_rlp_put_u64(at, m->number);
    at = posw_rlp_put_bytes(at, m->hash.b, sizeof m->hash.b);
    at = posw_rlp_put_u256(at, &m->weight);
    at = posw_rlp_put_bytes(at, m->fork.hash, sizeof m->fork.hash);
    (void)posw_rlp_put_u64(at, m->fork.next);
}

bool posw_msg_ping_decode(posw_msg_ping *out, posw_bytes payload) {
    posw_msg_ping m = {0};
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_PING, payload)) return false;
    posw_rlp_fixed(&r, m.nonce, sizeof m.nonce);
    m.number = posw_rlp_u64(&r);
    posw_rlp_fixed(&r, m.hash.b, sizeof m.hash.b);
    m.weight = posw_rlp_u256(&r);
    posw_rlp_fixed(&r, m.fork.hash, sizeof m.fork.hash);
    m.fork.next = posw_rlp_u64(&r);
    if (!msg_close(&r)) return false;
    *out = m;
    return true;
}

void posw_msg_pong_encode(posw_buf *out, const uint8_t nonce[8]) {
    uint8_t *at = msg_extend(out, POSW_MSG_PONG, 1 + 8);
    if (at != NULL) (void)posw_rlp_put_bytes(at, nonce, 8);
}

bool posw_msg_pong_decode(uint8_t nonce[8], posw_bytes payload) {
    uint8_t bytes[8];
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_PONG, payload)) return false;
    posw_rlp_fixed(&r, bytes, sizeof bytes);
    if (!msg_close(&r)) return false;
    memcpy(nonce, bytes, sizeof bytes);
    return true;
}

/* ---- SEND_COMPACT, GET_ADDRESSES ---- */

void posw_msg_send_compact_encode(posw_buf *out, bool on) {
    const msg_mark mark = msg_begin(out, POSW_MSG_SEND_COMPACT);
    posw_rlp_append_u64(out, on);
    msg_end(out, mark);
}

bool posw_msg_send_compact_decode(bool *on, posw_bytes payload) {
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_SEND_COMPACT, payload)) return false;
    const uint64_t v = posw_rlp_u64(&r);
    if (!msg_close(&r) || v > 1) return false;
    *on = v == 1;
    return true;
}

void posw_msg_get_addresses_encode(posw_buf *out) {
    msg_end(out, msg_begin(out, POSW_MSG_GET_ADDRESSES));
}

bool posw_msg_get_addresses_decode(posw_bytes payload) {
    posw_rlp r;
    return msg_open(&r, POSW_MSG_GET_ADDRESSES, payload) && msg_close(&r);
}

/* ---- BLOCK ---- */

void posw_msg_block_encode(posw_buf *out, posw_bytes block) {
    POSW_ASSERT(block.size <= POSW_BLOCK_SIZE_MAX);
    msg_begin_sized(out, POSW_MSG_BLOCK, block.size);
    posw_buf_append(out, block.data, block.size);
}

bool posw_msg_block_decode(posw_bytes *block, posw_bytes payload) {
    posw_rlp r;
    if (!msg_open(&r, POSW_MSG_BLOCK, payload) || !posw_rlp_next_is_list(&r)) return false;
    const posw_bytes raw = posw_rlp_raw(&r);
    if (!msg_close(&r) || raw.size > POSW_BLOCK_SIZE_MAX) return false;
    *block = raw;
    return true;
}
