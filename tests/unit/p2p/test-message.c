#include "p2p/message.h"

#include "base/bytes.h"
#include "base/random.h"
#include "base/siphash.h"
#include "base/test.h"
#include "crypto/keccak.h"
#include "p2p/recode.h"
#include "posw/u256.h"

#include <stdio.h>

/* ---- material ---- */

static posw_header some_header(uint64_t *seed) {
    posw_header h;
    random_bytes(seed, (uint8_t *)&h, sizeof h);
    h.extra_size = POSW_EXTRA_SIZE;
    return h;
}

static posw_stake_proof some_proof(uint64_t *seed, size_t depth) {
    posw_stake_proof p;
    random_bytes(seed, (uint8_t *)&p, sizeof p);
    p.depth = depth;
    p.total_wei.w[2] = p.total_wei.w[3] = p.stake_wei.w[2] = p.stake_wei.w[3] = 0;
    for (size_t i = 0; i < POSW_STAKE_PROOF_DEPTH_MAX; i++) {
        p.siblings[i].sum.w[2] = p.siblings[i].sum.w[3] = 0;
        p.siblings[i].left = random_below(seed, 2);
    }
    return p;
}

static posw_hash some_hash(uint64_t *seed) {
    posw_hash h;
    random_bytes(seed, h.b, sizeof h.b);
    return h;
}

static posw_bytes payload_of(const posw_buf *frame) {
    posw_msg_frame f;
    size_t size;
    assert_false(frame->failed);
    assert_int_equal(posw_msg_frame_cut(&f, &size, frame->data, frame->size), POSW_MSG_CUT_WHOLE);
    assert_int_equal(size, frame->size);
    return f.payload;
}

/* The content of the payload's list, with `more` behind it, as a new payload. */
static void extended(posw_buf *out, posw_bytes payload, const void *more, size_t more_size) {
    posw_rlp outer = posw_rlp_reader(payload.data, payload.size);
    const posw_rlp list = posw_rlp_list(&outer);
    posw_buf_reset(out);
    posw_rlp_append_list(out, (size_t)(list.end - list.p) + more_size);
    posw_buf_append(out, list.p, (size_t)(list.end - list.p));
    posw_buf_append(out, more, more_size);
}

static void hashes_encode(posw_buf *out, enum posw_msg_type type, size_t count, uint64_t *seed) {
    posw_hash hashes[POSW_MSG_TX_HASHES_MAX];
    for (size_t i = 0; i < count; i++)
        hashes[i] = some_hash(seed);
    posw_msg_hashes_encode(out, type, hashes, count);
}

static void headers_encode(posw_buf *out, enum posw_msg_type type, size_t count, uint64_t *seed) {
    posw_msg_writer w;
    posw_hash parent = some_hash(seed);
    if (type == POSW_MSG_HEADERS)
        posw_msg_headers_begin(&w, out, random_next(seed));
    else
        posw_msg_announce_begin(&w, out);
    for (size_t i = 0; i < count; i++) {
        posw_header h = some_header(seed);
        const posw_stake_proof p = some_proof(seed, i % (POSW_STAKE_PROOF_DEPTH_MAX + 1));
        h.parent_hash = parent;
        posw_header_hash(&parent, &h);
        assert_true(posw_msg_headers_add(&w, &h, i % 3 == 2 ? NULL : &p));
    }
    posw_msg_end(&w);
}

static void compact_encode(posw_buf *out, size_t total, size_t every, uint64_t *seed) {
    uint64_t ids[100];
    posw_msg_prefilled prefilled[100];
    static const uint8_t tx[] = {0x02, 0xc0}, byte[] = {0x05};
    size_t id_count = 0, filled = 0;
    for (size_t i = 0; i < total; i++) {
        if (i % every == 0)
            prefilled[filled++] =
                (posw_msg_prefilled){(uint32_t)i, i % 2 ? posw_bytes_of(tx, 2) : posw_bytes_of(byte, 1)};
        else
            ids[id_count++] = random_next(seed) >> 16;
    }
    const posw_header h = some_header(seed);
    const posw_stake_proof p = some_proof(seed, 3);
    assert_true(posw_msg_compact_encode(out, &h, total % 2 ? &p : NULL, (const uint8_t *)"12345678", ids, id_count,
                                        prefilled, filled));
}

static void txs_encode(posw_buf *out, enum posw_msg_type type, size_t count, uint64_t *seed) {
    posw_msg_writer w;
    const posw_hash block = some_hash(seed);
    uint8_t raw[300];
    random_bytes(seed, raw, sizeof raw);
    if (type == POSW_MSG_TXS)
        posw_msg_txs_begin(&w, out);
    else
        posw_msg_block_txs_begin(&w, out, &block);
    for (size_t i = 0; i < count; i++)
        assert_true(posw_msg_txs_add(&w, posw_bytes_of(raw, 1 + random_below(seed, sizeof raw))));
    posw_msg_end(&w);
}

static posw_msg_hello some_hello(uint64_t *seed) {
    posw_msg_hello m;
    random_bytes(seed, (uint8_t *)&m, sizeof m);
    m.agent = posw_bytes_of("posw/0.1.0 (test)", 17);
    return m;
}

static void small_encode(posw_buf *out, enum posw_msg_type type, uint64_t *seed) {
    posw_msg_ping ping;
    const posw_msg_hello hello = some_hello(seed);
    random_bytes(seed, (uint8_t *)&ping, sizeof ping);
    if (type == POSW_MSG_HELLO) posw_msg_hello_encode(out, &hello);
    if (type == POSW_MSG_GOODBYE) posw_msg_goodbye_encode(out, 2, "the fork at height 5 needs posw 0.2: get it");
    if (type == POSW_MSG_PING) posw_msg_ping_encode(out, &ping);
    if (type == POSW_MSG_PONG) posw_msg_pong_encode(out, ping.nonce);
    if (type == POSW_MSG_GET_ADDRESSES) posw_msg_get_addresses_encode(out);
    if (type == POSW_MSG_SEND_COMPACT) posw_msg_send_compact_encode(out, random_below(seed, 2));
}

static void addresses_encode(posw_buf *out, size_t count, uint64_t *seed) {
    posw_msg_writer w;
    posw_msg_addresses_begin(&w, out);
    for (size_t i = 0; i < count; i++) {
        posw_msg_address a;
        random_bytes(seed, (uint8_t *)&a, sizeof a);
        assert_true(posw_msg_addresses_add(&w, &a));
    }
    posw_msg_end(&w);
}

/* A message of a type, with `count` items where it has a list. */
static void sample(posw_buf *out, enum posw_msg_type type, size_t count, uint64_t *seed) {
    posw_hash locator[POSW_MSG_LOCATOR_MAX];
    uint32_t indexes[100];
    for (size_t i = 0; i < POSW_MSG_LOCATOR_MAX; i++)
        locator[i] = some_hash(seed);
    for (size_t i = 0; i < 100; i++)
        indexes[i] = (uint32_t)(i * i * 60);
    posw_buf_reset(out);
    switch (type) {
    case POSW_MSG_HELLO:
    case POSW_MSG_GOODBYE:
    case POSW_MSG_PING:
    case POSW_MSG_PONG:
    case POSW_MSG_GET_ADDRESSES:
    case POSW_MSG_SEND_COMPACT:
        small_encode(out, type, seed);
        break;
    case POSW_MSG_ADDRESSES:
        addresses_encode(out, count, seed);
        break;
    case POSW_MSG_GET_HEADERS:
        posw_msg_get_headers_encode(out, random_next(seed), locator, count, 1 + random_below(seed, 512));
        break;
    case POSW_MSG_HEADERS:
    case POSW_MSG_ANNOUNCE:
        headers_encode(out, type, count, seed);
        break;
    case POSW_MSG_GET_BLOCKS:
    case POSW_MSG_NOT_FOUND:
    case POSW_MSG_TX_HASHES:
    case POSW_MSG_GET_TXS:
        hashes_encode(out, type, count, seed);
        break;
    case POSW_MSG_BLOCK:
        posw_msg_block_encode(out, posw_bytes_of("\xc3\xc0\xc0\xc0", 4));
        break;
    case POSW_MSG_COMPACT:
        compact_encode(out, count, 3, seed);
        break;
    case POSW_MSG_GET_BLOCK_TXS:
        posw_msg_get_block_txs_encode(out, &locator[0], indexes, count);
        break;
    case POSW_MSG_BLOCK_TXS:
    case POSW_MSG_TXS:
        txs_encode(out, type, count, seed);
        break;
    }
}

static const enum posw_msg_type all_types[] = {
#define X(constant, value, name, limit) constant,
    POSW_MSG_TABLE(X)
#undef X
};

/* ---- frames ---- */

static void test_frames(void **state) {
    (void)state;
    const uint8_t pong[] = {0x03, 0, 0, 0, 10, 0xc9, 0x88, 1, 2, 3, 4, 5, 6, 7, 8, 0x77};
    posw_msg_frame f = {.type = 99};
    size_t size;
    for (size_t n = 0; n < 15; n++) { /* byte by byte: how much more is known as soon as it can be */
        assert_int_equal(posw_msg_frame_cut(&f, &size, pong, n), POSW_MSG_CUT_MORE);
        assert_int_equal(size, n < 5 ? 5 : 15);
    }
    assert_int_equal(f.type, 99);
    assert_int_equal(posw_msg_frame_cut(&f, &size, pong, sizeof pong), POSW_MSG_CUT_WHOLE);
    assert_int_equal(size, 15);
    assert_true(f.type == POSW_MSG_PONG && f.payload.data == pong + 5 && f.payload.size == 10);
    unsigned types = 0;
    for (unsigned type = 0; type < 256; type++) {
        const size_t limit = posw_msg_limit((uint8_t)type);
        uint8_t prefix[5] = {(uint8_t)type};
        assert_int_equal(limit > 0, strcmp(posw_msg_name((uint8_t)type), "unknown") != 0);
        types += limit > 0;
        posw_store_be32(prefix + 1, (uint32_t)limit);
        assert_int_equal(posw_msg_frame_cut(&f, &size, prefix, 5), limit > 0 ? POSW_MSG_CUT_MORE : POSW_MSG_CUT_BAD);
        assert_int_equal(posw_msg_frame_cut(&f, &size, prefix, 1), limit > 0 ? POSW_MSG_CUT_MORE : POSW_MSG_CUT_BAD);
        posw_store_be32(prefix + 1, (uint32_t)limit + 1);
        assert_int_equal(posw_msg_frame_cut(&f, &size, prefix, 5), POSW_MSG_CUT_BAD);
        posw_store_be32(prefix + 1, UINT32_MAX);
        assert_int_equal(posw_msg_frame_cut(&f, &size, prefix, 5), POSW_MSG_CUT_BAD);
        posw_store_be32(prefix + 1, 0);
        assert_int_equal(posw_msg_frame_cut(&f, &size, prefix, 5), POSW_MSG_CUT_BAD);
    }
    assert_int_equal(types, POSW_ARRAY_SIZE(all_types));
    assert_int_equal(posw_msg_limit(POSW_MSG_BLOCK), 8388608 + 64);
    assert_int_equal(posw_msg_limit(POSW_MSG_TX_HASHES), 36864);
    assert_string_equal(posw_msg_name(POSW_MSG_GET_BLOCK_TXS), "GET_BLOCK_TXS");
}

static void test_text(void **state) {
    (void)state;
    char out[8];
    posw_msg_text(out, sizeof out, posw_bytes_of("a\n\x7f\xff ~b", 7));
    assert_string_equal(out, "a??? ~b");
    posw_msg_text(out, sizeof out, posw_bytes_of("0123456789", 10));
    assert_string_equal(out, "0123456");
    posw_msg_text(out, sizeof out, posw_bytes_of(NULL, 0));
    assert_string_equal(out, "");
    posw_msg_text(out, 1, posw_bytes_of("x", 1));
    assert_string_equal(out, "");
}

/* ---- all types alike ---- */

/* Every type, with lists of several lengths: comes back as it was; not with a byte more or less; with further members
 * only their content is dropped; and after any change of a byte it is refused or comes back as it then is. */
static void test_recode(void **state) {
    (void)state;
    uint64_t seed = 1;
    posw_buf frame = {0}, out = {0}, changed = {0};
    for (size_t t = 0; t < POSW_ARRAY_SIZE(all_types); t++) {
        for (size_t count = 0; count <= 8; count++) {
            const uint8_t type = (uint8_t)all_types[t];
            sample(&frame, all_types[t], count, &seed);
            const posw_bytes payload = payload_of(&frame);
            assert_int_equal(frame.data[0], type);
            assert_int_equal(recode(&out, type, payload), RECODE_SAME);
            extended(&changed, payload, "\x05\xc3\xc0\xc1\x80", 5);
            assert_int_equal(recode(&out, type, posw_buf_view(&changed)),
                             changed.size > posw_msg_limit(type) ? RECODE_REFUSED : RECODE_SHORT);
            extended(&changed, payload, "\x81\x05", 2); /* not canonical, even where nobody reads it */
            assert_int_equal(recode(&out, type, posw_buf_view(&changed)), RECODE_REFUSED);
            posw_buf_reset(&changed);
            posw_buf_append(&changed, payload.data, payload.size);
            posw_buf_byte(&changed, 0x80);
            assert_int_equal(recode(&out, type, posw_buf_view(&changed)), RECODE_REFUSED);
            for (size_t n = 0; n < payload.size; n += 1 + payload.size / 200)
                assert_int_equal(recode(&out, type, posw_bytes_of(payload.data, n)), RECODE_REFUSED);
            changed.size = payload.size;
            for (unsigned i = 0; i < 300; i++) {
                const size_t at = random_below(&seed, payload.size);
                changed.data[at] = (uint8_t)random_next(&seed);
                (void)recode(&out, type, posw_buf_view(&changed));
                changed.data[at] = payload.data[at];
            }
        }
    }
    posw_buf_clear(&frame);
    posw_buf_clear(&out);
    posw_buf_clear(&changed);
}

/* Nothing at all, no list, another type's payload: refused unless the form is the same. */
static void test_refused(void **state) {
    (void)state;
    posw_buf out = {0};
    for (size_t t = 0; t < POSW_ARRAY_SIZE(all_types); t++) {
        const uint8_t type = (uint8_t)all_types[t];
        assert_int_equal(recode(&out, type, posw_bytes_of(NULL, 0)), RECODE_REFUSED);
        assert_int_equal(recode(&out, type, posw_bytes_of("\x80", 1)), RECODE_REFUSED);
        assert_int_equal(recode(&out, type, posw_bytes_of("\x05", 1)), RECODE_REFUSED);
        assert_int_equal(recode(&out, type, posw_bytes_of("\xc0", 1)),
                         type == POSW_MSG_GET_ADDRESSES ? RECODE_SAME : RECODE_REFUSED);
    }
    assert_int_equal(recode(&out, 0x7f, posw_bytes_of("\xc0", 1)), RECODE_REFUSED);
    posw_buf_clear(&out);
}

/* Lists at their count limit fit the limit of bytes and are taken; one more is not. */
static void test_count_limits(void **state) {
    (void)state;
    static const struct {
        enum posw_msg_type type;
        size_t max;
    } cases[] = {{POSW_MSG_ADDRESSES, 1000}, {POSW_MSG_GET_HEADERS, 64}, {POSW_MSG_HEADERS, 512},
                 {POSW_MSG_GET_BLOCKS, 64},  {POSW_MSG_NOT_FOUND, 64},   {POSW_MSG_ANNOUNCE, 8},
                 {POSW_MSG_TX_HASHES, 1024}, {POSW_MSG_GET_TXS, 256},    {POSW_MSG_TXS, 256}};
    uint64_t seed = 2;
    posw_buf frame = {0}, out = {0}, more = {0};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        const bool after_request = cases[i].type == POSW_MSG_GET_HEADERS || cases[i].type == POSW_MSG_HEADERS;
        sample(&frame, cases[i].type, cases[i].max, &seed);
        const posw_bytes payload = payload_of(&frame);
        assert_int_equal(recode(&out, (uint8_t)cases[i].type, payload), RECODE_SAME);
        /* the first item twice */
        posw_rlp outer = posw_rlp_reader(payload.data, payload.size), members = posw_rlp_list(&outer);
        const posw_bytes request = after_request ? posw_rlp_raw(&members) : posw_bytes_of(NULL, 0);
        const posw_rlp list = posw_rlp_list(&members);
        posw_rlp walk = list;
        const posw_bytes first = posw_rlp_raw(&walk);
        posw_buf_reset(&more);
        const size_t mark = posw_rlp_list_begin(&more);
        posw_buf_append(&more, request.data, request.size);
        posw_rlp_append_list(&more, first.size + (size_t)(list.end - list.p));
        posw_buf_append(&more, first.data, first.size);
        posw_buf_append(&more, list.p, (size_t)(list.end - list.p));
        posw_buf_append(&more, members.p, (size_t)(members.end - members.p));
        posw_rlp_list_end(&more, mark);
        assert_int_equal(recode(&out, (uint8_t)cases[i].type, posw_buf_view(&more)), RECODE_REFUSED);
    }
    posw_buf_clear(&frame);
    posw_buf_clear(&out);
    posw_buf_clear(&more);
}

/* The writer stops by count, and by bytes: what it wrote until then is a right message within the limit. */
static void test_writer_limits(void **state) {
    (void)state;
    posw_buf frame = {0}, out = {0};
    posw_msg_writer w;
    posw_msg_address a = {.seen_s = UINT64_MAX, .address.port = 65535};
    posw_msg_addresses_begin(&w, &frame);
    for (size_t i = 0; i < 1000; i++)
        assert_true(posw_msg_addresses_add(&w, &a));
    assert_false(posw_msg_addresses_add(&w, &a));
    posw_msg_end(&w);
    assert_int_equal(recode(&out, POSW_MSG_ADDRESSES, payload_of(&frame)), RECODE_SAME);

    uint64_t seed = 3;
    posw_header h = some_header(&seed);
    h.difficulty = (posw_u256){{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    posw_stake_proof p = some_proof(&seed, POSW_STAKE_PROOF_DEPTH_MAX);
    memset(&p.supply_wei, 0xff, sizeof p.supply_wei);
    for (size_t i = 0; i < POSW_STAKE_PROOF_DEPTH_MAX; i++) {
        p.siblings[i].left = true;
        p.siblings[i].sum.w[1] = UINT64_MAX;
    }
    posw_buf_reset(&frame);
    posw_msg_headers_begin(&w, &frame, UINT64_MAX); /* the largest of all HEADERS fit */
    for (size_t i = 0; i < 512; i++)
        assert_true(posw_msg_headers_add(&w, &h, &p));
    assert_false(posw_msg_headers_add(&w, &h, &p));
    posw_msg_end(&w);
    assert_int_equal(recode(&out, POSW_MSG_HEADERS, payload_of(&frame)), RECODE_SAME);

    uint8_t *big = calloc(1, POSW_TX_SIZE_MAX);
    assert_non_null(big);
    big[0] = 2;
    posw_buf_reset(&frame);
    posw_msg_txs_begin(&w, &frame);
    size_t count = 0;
    while (posw_msg_txs_add(&w, posw_bytes_of(big, POSW_TX_SIZE_MAX)))
        count++;
    assert_int_equal(count, 7);
    assert_true(posw_msg_txs_add(&w, posw_bytes_of(big, 100))); /* a smaller one still has room */
    posw_msg_end(&w);
    assert_int_equal(recode(&out, POSW_MSG_TXS, payload_of(&frame)), RECODE_SAME);

    posw_buf_reset(&frame); /* to the last byte: the writer leaves room for two prefixes of four bytes */
    posw_msg_txs_begin(&w, &frame);
    for (size_t i = 0; i < 7; i++)
        assert_true(posw_msg_txs_add(&w, posw_bytes_of(big, POSW_TX_SIZE_MAX)));
    const size_t left = posw_msg_limit(POSW_MSG_TXS) - 8 - (w.out->size - w.outer) - 4;
    assert_false(posw_msg_txs_add(&w, posw_bytes_of(big, left + 1)));
    assert_true(posw_msg_txs_add(&w, posw_bytes_of(big, left)));
    assert_false(posw_msg_txs_add(&w, posw_bytes_of(big, 1)));
    posw_msg_end(&w);
    assert_int_equal(payload_of(&frame).size, posw_msg_limit(POSW_MSG_TXS));
    assert_int_equal(recode(&out, POSW_MSG_TXS, payload_of(&frame)), RECODE_SAME);
    free(big);
    posw_buf_clear(&frame);
    posw_buf_clear(&out);
}

/* ---- one by one: every field at its place ---- */

static void test_hello(void **state) {
    (void)state;
    posw_msg_hello m = {.version = 1,
                        .chain_id = 2,
                        .fork = {.next = 3},
                        .number = 4,
                        .weight = {{5}},
                        .flags = 6,
                        .port = 7,
                        .time_s = 8},
                   back;
    memset(m.genesis.b, 0xaa, 32);
    memset(m.hash.b, 0xbb, 32);
    memset(m.fork.hash, 0xcc, 4);
    memset(m.nonce, 0xdd, 8);
    char agent[100];
    memset(agent, 'x', sizeof agent);
    m.agent = posw_bytes_of(agent, sizeof agent);
    posw_buf frame = {0}, out = {0};
    posw_msg_hello_encode(&frame, &m);
    assert_true(posw_msg_hello_decode(&back, payload_of(&frame)));
    assert_int_equal(back.agent.size, 64);
    assert_memory_equal(back.agent.data, agent, 64);
    back.agent = m.agent;
    assert_memory_equal(&back, &m, sizeof m);
    /* the bytes, written by hand from the table */
    uint8_t expected[5 + 2 + 154];
    size_t n = 0;
    memcpy(expected, "\x00\x00\x00\x00\x9c\xf8\x9a", 7);
    n = 7;
    memcpy(expected + n, "\x01\x02\xa0", 3);
    n += 3;
    memset(expected + n, 0xaa, 32);
    n += 32;
    memcpy(expected + n, "\x84\xcc\xcc\xcc\xcc\x03\x04\xa0", 8);
    n += 8;
    memset(expected + n, 0xbb, 32);
    n += 32;
    memcpy(expected + n, "\x05\x06\x07\x08\x88\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xb8\x40", 15);
    n += 15;
    memset(expected + n, 'x', 64);
    n += 64;
    assert_int_equal(frame.size, n);
    assert_memory_equal(frame.data, expected, n);
    /* a port that is none */
    posw_bytes payload = payload_of(&frame);
    posw_buf_reset(&out);
    posw_rlp_append_list(&out, payload.size - 2 + 3);
    const size_t before = 2 + 33 + 5 + 2 + 33 + 2; /* the members ahead of the port */
    posw_buf_append(&out, payload.data + 2, before);
    posw_buf_append(&out, "\x83\x01\x00\x00", 4);
    posw_buf_append(&out, payload.data + 2 + before + 1, payload.size - 2 - before - 1);
    assert_false(posw_msg_hello_decode(&back, posw_buf_view(&out)));
    memcpy(out.data + 2 + before, "\x82\xff\xff", 3);
    memmove(out.data + 2 + before + 3, out.data + 2 + before + 4, out.size - 2 - before - 4);
    out.data[1]--;
    out.size--;
    assert_true(posw_msg_hello_decode(&back, posw_buf_view(&out)));
    assert_int_equal(back.port, 65535);
    posw_buf_clear(&frame);
    posw_buf_clear(&out);
}

static void test_small(void **state) {
    (void)state;
    posw_buf b = {0};
    posw_msg_goodbye bye;
    char sentence[600];
    memset(sentence, 's', sizeof sentence);
    sentence[599] = '\0';
    posw_msg_goodbye_encode(&b, UINT64_MAX, sentence);
    assert_true(posw_msg_goodbye_decode(&bye, payload_of(&b)));
    assert_true(bye.code == UINT64_MAX && bye.sentence.size == POSW_MSG_SENTENCE_MAX);
    posw_msg_ping ping = {.nonce = "1234567",
                          .number = 9,
                          .weight = {{1, 2, 3, 4}},
                          .fork = {.hash = {1, 2, 3, 4}, .next = 77}},
                  ping_back;
    posw_buf_reset(&b);
    posw_msg_ping_encode(&b, &ping);
    assert_true(posw_msg_ping_decode(&ping_back, payload_of(&b)));
    assert_memory_equal(&ping, &ping_back, sizeof ping);
    /* one that ends before the fork id, which it once did not have to have */
    enum { FORK = 5 + 1 }; /* a string of four bytes, and 77 */
    assert_int_equal(b.data[POSW_MSG_PREFIX], 0xf8);
    b.data[POSW_MSG_PREFIX + 1] -= FORK;
    assert_false(
        posw_msg_ping_decode(&ping_back, posw_bytes_of(b.data + POSW_MSG_PREFIX, b.size - POSW_MSG_PREFIX - FORK)));
    uint8_t nonce[8];
    posw_buf_reset(&b);
    posw_msg_pong_encode(&b, ping.nonce);
    assert_int_equal(b.size, 5 + 10);
    assert_true(posw_msg_pong_decode(nonce, payload_of(&b)));
    assert_memory_equal(nonce, ping.nonce, 8);
    assert_false(posw_msg_pong_decode(nonce, posw_bytes_of("\xc8\x87"
                                                           "1234567",
                                                           9)));
    bool on = false;
    assert_true(posw_msg_send_compact_decode(&on, posw_bytes_of("\xc1\x01", 2)) && on);
    assert_true(posw_msg_send_compact_decode(&on, posw_bytes_of("\xc1\x80", 2)) && !on);
    assert_false(posw_msg_send_compact_decode(&on, posw_bytes_of("\xc1\x02", 2)));
    assert_false(posw_msg_send_compact_decode(&on, posw_bytes_of("\xc1\x00", 2)));
    posw_bytes block;
    assert_false(posw_msg_block_decode(&block, posw_bytes_of("\xc1\x80", 2))); /* no list */
    assert_true(posw_msg_block_decode(&block, posw_bytes_of("\xc1\xc0", 2)) && block.size == 1);
    posw_buf_clear(&b);
}

/* The largest block fits, one byte more does not. */
static void test_block_limit(void **state) {
    (void)state;
    posw_buf block = {0}, frame = {0};
    posw_bytes back;
    for (size_t more = 0; more < 2; more++) {
        const size_t content = POSW_BLOCK_SIZE_MAX - 4 + more;
        posw_buf_reset(&block);
        posw_rlp_append_list(&block, content);
        assert_non_null(posw_buf_extend(&block, content));
        memset(block.data + 4, 1, content);
        posw_buf_reset(&frame);
        posw_rlp_append_list(&frame, block.size);
        posw_buf_append(&frame, block.data, block.size);
        assert_int_equal(posw_msg_block_decode(&back, posw_buf_view(&frame)), more == 0);
    }
    block.size = POSW_BLOCK_SIZE_MAX;
    posw_buf_reset(&frame);
    block.data[3]--; /* length again */
    posw_msg_block_encode(&frame, posw_buf_view(&block));
    assert_int_equal(frame.size, 5 + 4 + POSW_BLOCK_SIZE_MAX);
    posw_buf_clear(&block);
    posw_buf_clear(&frame);
}

static void test_get_headers(void **state) {
    (void)state;
    posw_msg_get_headers m;
    assert_true(posw_msg_get_headers_decode(&m, posw_bytes_of("\xc3\x07\xc0\x01", 4)));
    assert_true(m.request == 7 && m.wanted == 1 && m.locator.count == 0);
    assert_false(posw_msg_get_headers_decode(&m, posw_bytes_of("\xc3\x07\xc0\x80", 4)));         /* none wanted */
    assert_true(posw_msg_get_headers_decode(&m, posw_bytes_of("\xc5\x07\xc0\x82\x02\x00", 6)));  /* 512 */
    assert_false(posw_msg_get_headers_decode(&m, posw_bytes_of("\xc5\x07\xc0\x82\x02\x01", 6))); /* 513 */
    uint64_t seed = 4;
    posw_buf b = {0};
    posw_hash locator[2] = {some_hash(&seed), some_hash(&seed)};
    posw_msg_get_headers_encode(&b, 1, locator, 2, 512);
    assert_true(posw_msg_get_headers_decode(&m, payload_of(&b)));
    for (size_t i = 0; i < 2; i++) {
        const posw_hash h = posw_msg_hash_at(&m.locator, i);
        assert_true(posw_hash_equal(&h, &locator[i]));
    }
    posw_buf_clear(&b);
}

static void test_headers(void **state) {
    (void)state;
    uint64_t seed = 5;
    posw_buf b = {0}, out = {0};
    posw_msg_writer w;
    posw_header h[3];
    const posw_stake_proof proof = some_proof(&seed, 5);
    for (size_t i = 0; i < 3; i++)
        h[i] = some_header(&seed);
    posw_header_hash(&h[1].parent_hash, &h[0]);
    posw_header_hash(&h[2].parent_hash, &h[1]);
    posw_msg_headers_begin(&w, &b, 77);
    for (size_t i = 0; i < 3; i++)
        assert_true(posw_msg_headers_add(&w, &h[i], i == 1 ? &proof : NULL));
    posw_msg_end(&w);
    posw_msg_headers m;
    assert_true(posw_msg_headers_decode(&m, payload_of(&b)));
    assert_true(m.request == 77 && m.list.count == 3);
    posw_msg_header got;
    for (size_t i = 0; i < 3; i++) {
        posw_hash hash;
        uint8_t a[POSW_HEADER_SIZE_MAX];
        posw_header_hash(&hash, &h[i]);
        assert_true(posw_msg_headers_next(&got, &m.list));
        assert_true(posw_hash_equal(&hash, &got.hash));
        assert_int_equal(got.raw.size, posw_header_encode(a, &h[i]));
        assert_memory_equal(got.raw.data, a, got.raw.size);
        assert_int_equal(got.has_proof, i == 1);
        uint8_t x[POSW_STAKE_PROOF_SIZE_MAX], y[POSW_STAKE_PROOF_SIZE_MAX];
        if (i == 1) {
            const size_t n = posw_stake_proof_encode(x, &proof);
            assert_int_equal(posw_stake_proof_encode(y, &got.proof), n);
            assert_memory_equal(x, y, n);
        }
    }
    assert_false(posw_msg_headers_next(&got, &m.list));
    /* ANNOUNCE: the same list is right, with the links broken it is not */
    posw_msg_header_list list;
    for (size_t broken = 0; broken < 3; broken++) {
        if (broken > 0) h[broken].parent_hash.b[0] ^= 1;
        posw_buf_reset(&b);
        posw_msg_announce_begin(&w, &b);
        for (size_t i = 0; i < 3; i++)
            assert_true(posw_msg_headers_add(&w, &h[i], NULL));
        posw_msg_end(&w);
        assert_int_equal(posw_msg_announce_decode(&list, payload_of(&b)), broken == 0);
        if (broken > 0) h[broken].parent_hash.b[0] ^= 1;
    }
    /* a proof that is a text, a header that is one; a third member of the pair is a later version's */
    uint8_t raw[POSW_HEADER_SIZE_MAX];
    const size_t raw_size = posw_header_encode(raw, &h[0]);
    static const struct {
        const char *after;
        size_t size;
        bool good;
    } pairs[] = {{"\x80", 1, true}, {"\x01", 1, false},    {"\x81\x80", 2, false},   {"\xc0", 1, false},
                 {"", 0, false},    {"\x80\x05", 2, true}, {"\x80\xc1\x01", 3, true}};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(pairs); i++) {
        posw_buf_reset(&out);
        const size_t outer = posw_rlp_list_begin(&out), inner = posw_rlp_list_begin(&out),
                     pair = posw_rlp_list_begin(&out);
        posw_buf_append(&out, raw, raw_size);
        posw_buf_append(&out, pairs[i].after, pairs[i].size);
        posw_rlp_list_end(&out, pair);
        posw_rlp_list_end(&out, inner);
        posw_rlp_list_end(&out, outer);
        assert_int_equal(posw_msg_announce_decode(&list, posw_buf_view(&out)), pairs[i].good);
    }
    posw_buf_clear(&b);
    posw_buf_clear(&out);
}

static void test_addresses(void **state) {
    (void)state;
    posw_buf b = {0};
    posw_msg_writer w;
    posw_msg_addresses list;
    posw_msg_address in = {.seen_s = 1700000000, .address.port = 30301}, out;
    memset(in.address.ip, 3, 16);
    memset(in.id.b, 4, 32);
    posw_msg_addresses_begin(&w, &b);
    assert_true(posw_msg_addresses_add(&w, &in));
    posw_msg_end(&w);
    assert_true(posw_msg_addresses_decode(&list, payload_of(&b)) && list.count == 1);
    assert_true(posw_msg_addresses_next(&out, &list));
    assert_memory_equal(&out.address.ip, &in.address.ip, 16);
    assert_true(out.address.port == 30301 && out.seen_s == in.seen_s && memcmp(&out.id, &in.id, 32) == 0);
    assert_false(posw_msg_addresses_next(&out, &list));
    posw_buf_clear(&b);
}

/* ---- compact blocks ---- */

/* SipHash of a 32-byte message is checked by the official vectors in test-map; here the key and the cut, by a second
 * way. */
static void test_short_ids(void **state) {
    (void)state;
    uint64_t seed = 6;
    const posw_hash block = some_hash(&seed), tx = some_hash(&seed);
    uint8_t nonce[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    posw_keccak k;
    posw_hash hash;
    posw_keccak_init(&k);
    posw_keccak_update(&k, block.b, 32);
    posw_keccak_update(&k, nonce, 8);
    posw_keccak_final(&k, &hash);
    const posw_short_id_key key = posw_short_id_key_of(&block, nonce);
    assert_true(key.k[0] == posw_load_le64(hash.b) && key.k[1] == posw_load_le64(hash.b + 8));
    uint8_t sip[8], wire[8];
    posw_store_le64(sip, posw_siphash(key.k, tx.b, 32));
    posw_store_le64(wire, posw_short_id(&key, &tx));
    assert_memory_equal(sip, wire, 6);
    assert_true(wire[6] == 0 && wire[7] == 0);
    nonce[0]++;
    const posw_short_id_key other = posw_short_id_key_of(&block, nonce);
    assert_true(posw_short_id(&other, &tx) != posw_short_id(&key, &tx));
}

static void test_compact(void **state) {
    (void)state;
    uint64_t seed = 7;
    posw_buf b = {0}, out = {0};
    const posw_header h = some_header(&seed);
    const posw_stake_proof proof = some_proof(&seed, 16);
    const uint64_t ids[3] = {0, 0xffffffffffff, 0x010203040506};
    const posw_msg_prefilled prefilled[2] = {{0, posw_bytes_of("\x02tx", 3)}, {4, posw_bytes_of("\x7f", 1)}};
    uint8_t raw[POSW_HEADER_SIZE_MAX];
    const size_t raw_size = posw_header_encode(raw, &h);
    assert_true(posw_msg_compact_encode(&b, &h, &proof, (const uint8_t *)"abcdefgh", ids, 3, prefilled, 2));
    assert_true(posw_msg_compact_encode_raw(&out, posw_bytes_of(raw, raw_size), &proof, (const uint8_t *)"abcdefgh",
                                            ids, 3, prefilled, 2));
    assert_int_equal(out.size, b.size);
    assert_memory_equal(out.data, b.data, b.size);
    posw_msg_compact m, known;
    posw_hash hash;
    posw_keccak256(&hash, raw, raw_size);
    assert_true(posw_msg_compact_decode(&m, payload_of(&b)));
    assert_true(posw_msg_compact_decode_known(&known, &hash, payload_of(&b)));
    assert_true(posw_hash_equal(&m.head.hash, &hash) && posw_hash_equal(&known.head.hash, &hash));
    assert_true(m.head.has_proof && m.txs.id_count == 3 && m.txs.prefilled_count == 2 &&
                memcmp(m.nonce, "abcdefgh", 8) == 0);
    for (size_t i = 0; i < 3; i++)
        assert_true(posw_msg_short_id_at(&m.txs, i) == ids[i]);
    posw_msg_prefilled p;
    for (size_t i = 0; i < 2; i++) {
        assert_true(posw_msg_prefilled_next(&p, &m.txs));
        assert_int_equal(p.index, prefilled[i].index);
        assert_true(p.raw.size == prefilled[i].raw.size && memcmp(p.raw.data, prefilled[i].raw.data, p.raw.size) == 0);
    }
    assert_false(posw_msg_prefilled_next(&p, &m.txs));

    /* prefilled lists by hand: [[index, tx]...] behind no ids */
    static const struct {
        const char *bytes;
        size_t size;
        bool good;
    } lists[] = {
        {"\xc0", 1, true},
        {"\xc3\xc2\x80\x01", 4, true},
        {"\xc3\xc2\x01\x01", 4, false}, /* beyond the last */
        {"\xc6\xc2\x80\x01\xc2\x01\x01", 7, true},
        {"\xc6\xc2\x01\x01\xc2\x80\x01", 7, false}, /* descending */
        {"\xc6\xc2\x80\x01\xc2\x80\x01", 7, false}, /* twice */
        {"\xc3\xc2\x80\x80", 4, false},             /* an empty transaction */
        {"\xc4\xc3\x80\x01\x09", 5, true},          /* a later version's member */
        {"\xc2\xc1\x80", 3, false},
        {"\xc2\x80\x01", 3, false},
        {"\xc8\xc7\x85\x01\x00\x00\x00\x00\x01", 9, false}, /* an index of 33 bits */
        {"\x80", 1, false},
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(lists); i++) {
        posw_buf_reset(&out);
        const size_t outer = posw_rlp_list_begin(&out);
        posw_buf_append(&out, raw, raw_size);
        posw_buf_append(&out,
                        "\x80\x88"
                        "12345678\xc0",
                        11);
        posw_buf_append(&out, lists[i].bytes, lists[i].size);
        posw_rlp_list_end(&out, outer);
        if (posw_msg_compact_decode(&m, posw_buf_view(&out)) != lists[i].good) fail_msg("list %zu", i);
    }
    /* what does not fit is refused and leaves the buffer alone */
    uint8_t *big = malloc(8 * 1024 * 1024);
    assert_non_null(big);
    memset(big, 1, 8 * 1024 * 1024);
    const posw_msg_prefilled all = {0, posw_bytes_of(big, 8 * 1024 * 1024 - 500)};
    posw_buf_reset(&b);
    posw_buf_byte(&b, 42);
    assert_false(posw_msg_compact_encode(&b, &h, &proof, (const uint8_t *)"abcdefgh", NULL, 0, &all, 1));
    assert_true(b.size == 1 && !b.failed);
    free(big);
    posw_buf_clear(&b);
    posw_buf_clear(&out);
}

static void test_get_block_txs(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        int count; /* -1: refused */
    } lists[] = {{"\xc0", 1, 0},
                 {"\xc3\x80\x01\x7f", 4, 3},
                 {"\xc2\x01\x01", 3, -1},
                 {"\xc2\x02\x01", 3, -1},
                 {"\xc5\x84\xff\xff\xff\xff", 6, 1},
                 {"\xc6\x85\x01\x00\x00\x00\x00", 7, -1},
                 {"\xca\x84\xff\xff\xff\xff\x84\xff\xff\xff\xff", 11, -1},
                 {"\xc1\xc0", 2, -1},
                 {"\x01", 1, -1}};
    posw_buf b = {0};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(lists); i++) {
        static const posw_hash zero;
        posw_msg_get_block_txs m;
        uint32_t index;
        posw_buf_reset(&b);
        const size_t mark = posw_rlp_list_begin(&b);
        posw_rlp_append_bytes(&b, zero.b, 32);
        posw_buf_append(&b, lists[i].bytes, lists[i].size);
        posw_rlp_list_end(&b, mark);
        if (posw_msg_get_block_txs_decode(&m, posw_buf_view(&b)) != (lists[i].count >= 0)) fail_msg("list %zu", i);
        if (lists[i].count < 0) continue;
        assert_int_equal(m.count, lists[i].count);
        for (int k = 0; k < lists[i].count; k++)
            assert_true(posw_msg_indexes_next(&index, &m));
        assert_false(posw_msg_indexes_next(&index, &m));
    }
    posw_buf_clear(&b);
}

/* ---- misuse ---- */

static void too_many_hashes(void *arg) {
    static const posw_hash hashes[POSW_MSG_BLOCKS_MAX + 1];
    posw_msg_hashes_encode(arg, POSW_MSG_GET_BLOCKS, hashes, POSW_MSG_BLOCKS_MAX + 1);
}
static void no_hash_list(void *arg) {
    posw_msg_hashes_encode(arg, POSW_MSG_PING, NULL, 0);
}
static void nothing_wanted(void *arg) {
    posw_msg_get_headers_encode(arg, 1, NULL, 0, 0);
}
static void empty_tx(void *arg) {
    posw_msg_writer w;
    posw_msg_txs_begin(&w, arg);
    (void)posw_msg_txs_add(&w, posw_bytes_of("", 0));
}
static void descending(void *arg) {
    static const posw_hash block;
    posw_msg_get_block_txs_encode(arg, &block, (const uint32_t[]){2, 1}, 2);
}
static void test_bugs(void **state) {
    (void)state;
    posw_buf b = {0};
    assert_true(test_aborts(too_many_hashes, &b));
    assert_true(test_aborts(no_hash_list, &b));
    assert_true(test_aborts(nothing_wanted, &b));
    assert_true(test_aborts(empty_tx, &b));
    assert_true(test_aborts(descending, &b));
}

/* A buffer that has failed stays as it is, through every encoder. */
static void test_failed_buffer(void **state) {
    (void)state;
    uint64_t seed = 8;
    posw_hash hash = some_hash(&seed);
    posw_msg_writer w;
    posw_buf b = {.failed = true};
    small_encode(&b, POSW_MSG_HELLO, &seed);
    small_encode(&b, POSW_MSG_GOODBYE, &seed);
    small_encode(&b, POSW_MSG_GET_ADDRESSES, &seed);
    hashes_encode(&b, POSW_MSG_TX_HASHES, 5, &seed);
    compact_encode(&b, 9, 2, &seed);
    posw_msg_block_encode(&b, posw_bytes_of("\xc0", 1));
    posw_msg_block_txs_begin(&w, &b, &hash);
    assert_false(posw_msg_txs_add(&w, posw_bytes_of("x", 1)));
    posw_msg_end(&w);
    assert_true(b.failed && b.size == 0 && b.data == NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),      cmocka_unit_test(test_text),          cmocka_unit_test(test_recode),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_count_limits),  cmocka_unit_test(test_writer_limits),
        cmocka_unit_test(test_hello),       cmocka_unit_test(test_small),         cmocka_unit_test(test_block_limit),
        cmocka_unit_test(test_get_headers), cmocka_unit_test(test_headers),       cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_short_ids),   cmocka_unit_test(test_compact),       cmocka_unit_test(test_get_block_txs),
        cmocka_unit_test(test_bugs),        cmocka_unit_test(test_failed_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
