#include "messages.h"

#include "base/bytes.h"
#include "base/error.h"
#include "posw/u256.h"

#include <string.h>

static posw_hash random_hash(posw_random *r) {
    posw_hash h;
    posw_random_fill(r, h.b, sizeof h.b);
    return h;
}

/* A block of theirs, now and then. */
static posw_hash some_hash(const messages_context *c, posw_random *r) {
    if (posw_random_chance(r, 1, 3)) return c->known[posw_random_below(r, c->known_count)];
    return random_hash(r);
}

/* Small, large, and just at an edge. */
static uint64_t some_number(posw_random *r) {
    static const uint64_t edges[] = {0, 1, 127, 128, 255, 256, UINT32_MAX, (uint64_t)UINT32_MAX + 1, UINT64_MAX};
    switch (posw_random_below(r, 3)) {
    case 0:
        return posw_random_below(r, 1000);
    case 1:
        return edges[posw_random_below(r, POSW_ARRAY_SIZE(edges))];
    default:
        return posw_random_u64(r) >> posw_random_below(r, 64);
    }
}

static size_t some_count(posw_random *r, size_t max) {
    return posw_random_chance(r, 1, 16) ? max : posw_random_below(r, posw_random_chance(r, 1, 4) ? max + 1 : 8);
}

/* ---- one of each kind ---- */

static void put_hello(posw_buf *out, const messages_context *c, posw_random *r) {
    static const char agent[] = "flood";
    posw_msg_hello m = *c->hello;
    m.version = 1 + some_number(r) / 2;
    m.number = some_number(r);
    m.hash = some_hash(c, r);
    m.flags = posw_random_below(r, 8);
    m.port = (uint16_t)posw_random_below(r, 65536);
    m.agent = posw_bytes_of(agent, sizeof agent - 1);
    posw_random_fill(r, m.nonce, sizeof m.nonce);
    posw_msg_hello_encode(out, &m);
}

static void put_ping(posw_buf *out, const messages_context *c, posw_random *r) {
    posw_msg_ping m = {.number = some_number(r), .hash = some_hash(c, r), .fork = c->hello->fork};
    posw_random_fill(r, m.nonce, sizeof m.nonce);
    posw_random_fill(r, &m.weight, posw_random_below(r, sizeof m.weight));
    posw_msg_ping_encode(out, &m);
}

static void put_pong(posw_buf *out, const messages_context *c, posw_random *r) {
    uint8_t nonce[8];
    (void)c;
    posw_random_fill(r, nonce, sizeof nonce);
    posw_msg_pong_encode(out, nonce);
}

static void put_get_addresses(posw_buf *out, const messages_context *c, posw_random *r) {
    (void)c, (void)r;
    posw_msg_get_addresses_encode(out);
}

static void put_addresses(posw_buf *out, const messages_context *c, posw_random *r) {
    posw_msg_writer w;
    (void)c;
    posw_msg_addresses_begin(&w, out);
    for (size_t i = some_count(r, POSW_MSG_ADDRESSES_MAX); i-- > 0;) {
        posw_msg_address a = {.address = {.ip = {[10] = 0xff, [11] = 0xff}}, .seen_s = some_number(r)};
        posw_random_fill(r, a.address.ip + (posw_random_chance(r, 1, 4) ? 0 : 12),
                         posw_random_chance(r, 1, 4) ? 16 - 12 : 4);
        a.address.port = (uint16_t)posw_random_below(r, 65536);
        if (posw_random_chance(r, 1, 2)) posw_random_fill(r, a.id.b, sizeof a.id.b);
        if (!posw_msg_addresses_add(&w, &a)) break;
    }
    posw_msg_end(&w);
}

static void put_hashes(posw_buf *out, enum posw_msg_type type, size_t max, const messages_context *c, posw_random *r) {
    posw_hash hashes[POSW_MSG_TX_HASHES_MAX];
    const size_t n = some_count(r, max);
    for (size_t i = 0; i < n; i++)
        hashes[i] = some_hash(c, r);
    posw_msg_hashes_encode(out, type, hashes, n);
}

static void put_get_headers(posw_buf *out, const messages_context *c, posw_random *r) {
    posw_hash locator[POSW_MSG_LOCATOR_MAX];
    const size_t n = some_count(r, POSW_MSG_LOCATOR_MAX);
    for (size_t i = 0; i < n; i++)
        locator[i] = some_hash(c, r);
    posw_msg_get_headers_encode(out, posw_random_u64(r), locator, n, 1 + posw_random_below(r, POSW_MSG_HEADERS_MAX));
}

static void put_get_blocks(posw_buf *out, const messages_context *c, posw_random *r) {
    put_hashes(out, POSW_MSG_GET_BLOCKS, POSW_MSG_BLOCKS_MAX, c, r);
}

static void put_not_found(posw_buf *out, const messages_context *c, posw_random *r) {
    put_hashes(out, POSW_MSG_NOT_FOUND, POSW_MSG_BLOCKS_MAX, c, r);
}

static void put_tx_hashes(posw_buf *out, const messages_context *c, posw_random *r) {
    put_hashes(out, POSW_MSG_TX_HASHES, POSW_MSG_TX_HASHES_MAX, c, r);
}

static void put_get_txs(posw_buf *out, const messages_context *c, posw_random *r) {
    put_hashes(out, POSW_MSG_GET_TXS, POSW_MSG_TXS_MAX, c, r);
}

/* On a block that they do not know, so that nothing about it can be judged. */
static posw_header strange_header(const messages_context *c, posw_random *r) {
    posw_header h = {.extra_size = POSW_EXTRA_SIZE};
    if (c->header != NULL) h = *c->header;
    h.parent_hash = random_hash(r);
    h.number = some_number(r);
    h.timestamp = some_number(r);
    h.difficulty = posw_u256_from_u64(some_number(r));
    posw_random_fill(r, h.nonce, sizeof h.nonce);
    posw_random_fill(r, h.mix_hash.b, sizeof h.mix_hash.b);
    posw_random_fill(r, h.extra + 33, 64);
    return h;
}

static void random_proof(posw_stake_proof *p, posw_random *r) {
    memset(p, 0, sizeof *p);
    posw_random_fill(r, &p->supply_wei, 12);
    posw_random_fill(r, &p->total_wei, 11);
    posw_random_fill(r, &p->stake_wei, 10);
    p->depth = posw_random_below(r, POSW_STAKE_PROOF_DEPTH_MAX + 1);
    for (size_t i = 0; i < p->depth; i++)
        p->siblings[i].hash = random_hash(r);
}

static void put_headers_in(posw_msg_writer *w, size_t count, const messages_context *c, posw_random *r) {
    posw_stake_proof proof;
    posw_header h = strange_header(c, r);
    while (count-- > 0) {
        random_proof(&proof, r);
        if (!posw_msg_headers_add(w, &h, posw_random_chance(r, 1, 2) ? &proof : NULL)) break;
        posw_header_hash(&h.parent_hash, &h);
        h.number++;
    }
}

static void put_announce(posw_buf *out, const messages_context *c, posw_random *r) {
    posw_msg_writer w;
    posw_msg_announce_begin(&w, out);
    put_headers_in(&w, 1 + posw_random_below(r, POSW_MSG_ANNOUNCE_MAX), c, r);
    posw_msg_end(&w);
}

static void put_headers(posw_buf *out, const messages_context *c, posw_random *r) {
    posw_msg_writer w;
    posw_msg_headers_begin(&w, out, posw_random_u64(r) | 1ULL << 63); /* no number that was asked for */
    put_headers_in(&w, some_count(r, 64), c, r);
    posw_msg_end(&w);
}

static void put_random_txs(posw_msg_writer *w, size_t count, posw_random *r) {
    uint8_t bytes[200];
    while (count-- > 0) {
        const size_t n = 1 + posw_random_below(r, sizeof bytes);
        posw_random_fill(r, bytes, n);
        if (!posw_msg_txs_add(w, posw_bytes_of(bytes, n))) break;
    }
}

static void put_txs(posw_buf *out, const messages_context *c, posw_random *r) {
    posw_msg_writer w;
    (void)c;
    posw_msg_txs_begin(&w, out);
    put_random_txs(&w, some_count(r, POSW_MSG_TXS_MAX), r);
    posw_msg_end(&w);
}

static void put_block_txs(posw_buf *out, const messages_context *c, posw_random *r) {
    posw_msg_writer w;
    const posw_hash block = some_hash(c, r);
    posw_msg_block_txs_begin(&w, out, &block);
    put_random_txs(&w, some_count(r, 32), r);
    posw_msg_end(&w);
}

/* Indices of a block that they do not have: of one that they have only the first is right. */
static void put_get_block_txs(posw_buf *out, const messages_context *c, posw_random *r) {
    uint32_t indexes[64];
    const posw_hash block = random_hash(r);
    const size_t n = 1 + posw_random_below(r, POSW_ARRAY_SIZE(indexes));
    (void)c;
    for (size_t i = 0, at = 0; i < n; i++)
        indexes[i] = (uint32_t)(at += 1 + posw_random_below(r, 100));
    posw_msg_get_block_txs_encode(out, &block, indexes, n);
}

static void put_compact(posw_buf *out, const messages_context *c, posw_random *r) {
    enum { IDS = 64 };
    uint64_t ids[IDS];
    uint8_t nonce[8], raw[100];
    posw_stake_proof proof;
    posw_header h = strange_header(c, r);
    const size_t n = posw_random_below(r, IDS);
    for (size_t i = 0; i < n; i++)
        ids[i] = posw_random_u64(r) >> 16;
    posw_random_fill(r, nonce, sizeof nonce);
    posw_random_fill(r, raw, sizeof raw);
    random_proof(&proof, r);
    const posw_msg_prefilled filled = {.index = (uint32_t)posw_random_below(r, n + 1),
                                       .raw = posw_bytes_of(raw, sizeof raw)};
    (void)!posw_msg_compact_encode(out, &h, posw_random_chance(r, 1, 2) ? &proof : NULL, nonce, ids, n, &filled, 1);
}

static void put_send_compact(posw_buf *out, const messages_context *c, posw_random *r) {
    (void)c;
    posw_msg_send_compact_encode(out, posw_random_chance(r, 1, 2));
}

/* Form is all that a decoder looks at: an RLP list of random items. */
static void put_block(posw_buf *out, const messages_context *c, posw_random *r) {
    uint8_t item[64];
    posw_buf block = {0};
    (void)c;
    const size_t list = posw_rlp_list_begin(&block);
    for (size_t i = 1 + some_count(r, 200); i-- > 0;) {
        posw_random_fill(r, item, sizeof item);
        posw_rlp_append_bytes(&block, item, posw_random_below(r, sizeof item));
    }
    posw_rlp_list_end(&block, list);
    posw_msg_block_encode(out, posw_buf_view(&block));
    posw_buf_clear(&block);
}

typedef void put(posw_buf *out, const messages_context *c, posw_random *r);

void messages_right(posw_buf *out, const messages_context *c, posw_random *r) {
    static put *const kinds[] = {put_ping,       put_get_addresses, put_addresses, put_get_headers,
                                 put_get_blocks, put_not_found,     put_tx_hashes, put_get_txs,
                                 put_announce,   put_txs,           put_block_txs, put_get_block_txs,
                                 put_compact,    put_ping,          put_tx_hashes, put_send_compact};
    kinds[posw_random_below(r, POSW_ARRAY_SIZE(kinds))](out, c, r);
}

void messages_unasked(posw_buf *out, const messages_context *c, posw_random *r) {
    static put *const kinds[] = {put_hello, put_pong, put_headers, put_block};
    kinds[posw_random_below(r, POSW_ARRAY_SIZE(kinds))](out, c, r);
}

/* ---- broken ones ---- */

bool messages_decodes(const posw_buf *frame) {
    posw_msg_frame f;
    size_t size;
    union {
        posw_msg_hello hello;
        posw_msg_goodbye goodbye;
        posw_msg_ping ping;
        uint8_t pong[8];
        posw_msg_addresses addresses;
        posw_msg_get_headers get_headers;
        posw_msg_headers headers;
        posw_msg_header_list announce;
        posw_msg_hashes hashes;
        posw_bytes block;
        posw_msg_compact compact;
        posw_msg_get_block_txs get_block_txs;
        posw_msg_block_txs block_txs;
        posw_msg_tx_list txs;
        bool on;
    } m;
    if (posw_msg_frame_cut(&f, &size, frame->data, frame->size) != POSW_MSG_CUT_WHOLE) return false;
    switch ((enum posw_msg_type)f.type) {
    case POSW_MSG_HELLO:
        return posw_msg_hello_decode(&m.hello, f.payload);
    case POSW_MSG_GOODBYE:
        return posw_msg_goodbye_decode(&m.goodbye, f.payload);
    case POSW_MSG_PING:
        return posw_msg_ping_decode(&m.ping, f.payload);
    case POSW_MSG_PONG:
        return posw_msg_pong_decode(m.pong, f.payload);
    case POSW_MSG_GET_ADDRESSES:
        return posw_msg_get_addresses_decode(f.payload);
    case POSW_MSG_ADDRESSES:
        return posw_msg_addresses_decode(&m.addresses, f.payload);
    case POSW_MSG_GET_HEADERS:
        return posw_msg_get_headers_decode(&m.get_headers, f.payload);
    case POSW_MSG_HEADERS:
        return posw_msg_headers_decode(&m.headers, f.payload);
    case POSW_MSG_ANNOUNCE:
        return posw_msg_announce_decode(&m.announce, f.payload);
    case POSW_MSG_GET_BLOCKS:
    case POSW_MSG_NOT_FOUND:
    case POSW_MSG_TX_HASHES:
    case POSW_MSG_GET_TXS:
        return posw_msg_hashes_decode(&m.hashes, (enum posw_msg_type)f.type, f.payload);
    case POSW_MSG_BLOCK:
        return posw_msg_block_decode(&m.block, f.payload);
    case POSW_MSG_COMPACT:
        return posw_msg_compact_decode(&m.compact, f.payload);
    case POSW_MSG_GET_BLOCK_TXS:
        return posw_msg_get_block_txs_decode(&m.get_block_txs, f.payload);
    case POSW_MSG_BLOCK_TXS:
        return posw_msg_block_txs_decode(&m.block_txs, f.payload);
    case POSW_MSG_TXS:
        return posw_msg_txs_decode(&m.txs, f.payload);
    case POSW_MSG_SEND_COMPACT:
        return posw_msg_send_compact_decode(&m.on, f.payload);
    }
    return false;
}

static void flip(posw_buf *b, posw_random *r) {
    for (size_t i = 1 + posw_random_below(r, 4); i-- > 0;)
        b->data[posw_random_below(r, b->size)] ^= (uint8_t)(1U << posw_random_below(r, 8));
}

/* The size in the prefix says what is there. */
static void set_size(posw_buf *b) {
    posw_store_be32(b->data + 1, (uint32_t)(b->size - POSW_MSG_PREFIX));
}

static void spoil(posw_buf *b, posw_random *r) {
    const size_t payload = b->size - POSW_MSG_PREFIX;
    switch (posw_random_below(r, 7)) {
    case 0: /* no such type */
        b->data[0] = (uint8_t)posw_random_u64(r);
        break;
    case 1: /* larger than any frame of the type may be */
        posw_store_be32(b->data + 1, (uint32_t)posw_random_u64(r) | 1U << 24);
        break;
    case 2: /* the end is missing, or doubled */
        if (posw_random_chance(r, 1, 2) || payload < 2)
            posw_buf_append(b, (const uint8_t[4]){1, 2, 3, 4}, 4);
        else
            b->size -= 1 + posw_random_below(r, payload - 1);
        set_size(b);
        break;
    case 3: /* another type's payload */
        b->data[0] = (uint8_t)(b->data[0] ^ (1 + posw_random_below(r, 7)));
        break;
    case 4: /* bytes out of the middle */
        if (payload > 8) {
            const size_t at = POSW_MSG_PREFIX + posw_random_below(r, payload - 4), n = 1 + posw_random_below(r, 4);
            memmove(b->data + at, b->data + at + n, b->size - at - n);
            b->size -= n;
            set_size(b);
        }
        break;
    default: { /* the payload's own bits */
        posw_buf view = {.data = b->data + POSW_MSG_PREFIX, .size = payload < 64 ? payload : 64};
        flip(&view, r);
    }
    }
}

/* The frame is unfinished: the receiver would wait for the rest. */
static bool is_unfinished(const posw_buf *frame) {
    posw_msg_frame f;
    size_t size;
    return posw_msg_frame_cut(&f, &size, frame->data, frame->size) == POSW_MSG_CUT_MORE;
}

void messages_broken(posw_buf *out, const messages_context *c, posw_random *r) {
    posw_buf b = {0};
    do {
        posw_buf_reset(&b);
        if (posw_random_chance(r, 1, 4))
            messages_unasked(&b, c, r);
        else
            messages_right(&b, c, r);
        if (b.size > POSW_MSG_PREFIX) spoil(&b, r);
    } while (b.size <= POSW_MSG_PREFIX || messages_decodes(&b) || is_unfinished(&b));
    posw_buf_append(out, b.data, b.size);
    posw_buf_clear(&b);
}
