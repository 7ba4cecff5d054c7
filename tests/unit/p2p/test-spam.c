/* Floods: headers without work, and malformed messages by the ten thousand. What the node holds stays small, and an
 * honest peer stays connected. POSW_LONG=1 in the environment: a million of each. */
#include "net.h"

#include <malloc.h>

enum { GROWTH_MAX = 50 << 20, HONEST = 1 };

static uint64_t amount(uint64_t usual) {
    return getenv("POSW_LONG") != NULL ? 1000000 : usual;
}

static size_t heap(void) {
    const struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

/* ---- headers ---- */

static void forge(posw_stake_proof *p, posw_random *random) {
    memset(p, 0, sizeof *p);
    p->supply_wei = h_coins(1000);
    p->total_wei = p->stake_wei = h_coins(900);
    p->depth = posw_random_below(random, 6);
    for (size_t i = 0; i < p->depth; i++)
        posw_random_fill(random, p->siblings[i].hash.b, sizeof p->siblings[i].hash.b);
}

/* As many children of `first`'s parent as the list takes, each of the one before, with outputs that meet any target. */
static uint64_t add_chain(posw_msg_writer *list, posw_header h, size_t most, bool forged, posw_random *random) {
    posw_stake_proof proof;
    uint64_t n = 0;
    for (; n < most; n++) {
        forge(&proof, random);
        posw_random_fill(random, h.nonce, sizeof h.nonce);
        memset(h.mix_hash.b, 0, sizeof h.mix_hash.b);
        posw_random_fill(random, h.mix_hash.b, 4);
        h_sign(&h, 1);
        if (!posw_msg_headers_add(list, &h, forged ? &proof : NULL)) break;
        posw_header_hash(&h.parent_hash, &h);
        h.number++;
        h.timestamp++;
    }
    return n;
}

static void spam_headers(bool forged) {
    static const uint8_t seed[POSW_RANDOM_SEED_SIZE] = {3};
    posw_random random;
    n_net w;
    posw_buf b = {0};
    posw_msg_frame f;
    posw_msg_get_headers asked;
    posw_msg_writer list;
    n_open(&w);
    posw_random_init(&random, seed);
    h_block made = h_simple(w.node.chain, 1, 1);
    n_greet(&w, HONEST, 0, 0);
    const size_t before = heap();
    size_t most = before;
    uint64_t peer = HONEST;
    for (uint64_t sent = 0, wanted = amount(20000); sent < wanted;) {
        peer = peer % (N_PEERS - 1) + 2;
        n_forget(&w);
        n_greet(&w, peer, 100000, 1000000000); /* so it is asked */
        if (n_got(&w, peer, POSW_MSG_GET_HEADERS, &f) > 0 && posw_msg_get_headers_decode(&asked, f.payload)) {
            posw_msg_headers_begin(&list, &b, asked.request);
            sent += add_chain(&list, made.header, POSW_MSG_HEADERS_MAX, forged, &random);
        } else {
            posw_msg_announce_begin(&list, &b);
            sent += add_chain(&list, made.header, POSW_MSG_ANNOUNCE_MAX, forged, &random);
        }
        posw_msg_end(&list);
        n_send(&w, peer, &b);
        if (w.peers[peer].open) n_closed(&w, peer);
        w.now_ms += 10;
        if (heap() > most) most = heap();
    }
    assert_true(most - before < GROWTH_MAX);
    assert_true(w.p2p->sync->branch_count == 0);
    assert_int_equal(posw_chain_tip(w.node.chain)->number, 0);
    assert_true(w.peers[HONEST].open);
    assert_true(n_violations(&w) > 0);
    posw_buf_clear(&b);
    h_block_clear(&made);
    n_close(&w);
}

static void test_headers_without_work(void **state) {
    (void)state;
    spam_headers(false);
}
static void test_headers_with_forged_proofs(void **state) {
    (void)state;
    spam_headers(true);
}

/* ---- messages ---- */

typedef struct {
    posw_buf frames[32];
    size_t count;
} corpus;

/* One of each kind, right as they stand. */
static void fill(corpus *c, n_net *w) {
    const posw_hash genesis = posw_chain_genesis_hash(w->node.chain);
    const posw_msg_hello hello = n_hello_of(w, 9);
    posw_msg_ping ping = {.number = 5, .weight = posw_u256_from_u64(77), .fork = w->p2p->fork};
    posw_hash hashes[3] = {genesis, {{1}}, {{2}}};
    posw_msg_writer list;
    h_block made = h_simple(w->node.chain, 1, 1);
    h_tx tx = h_call(2, 0, &(posw_address){{9}}, POSW_U256_ONE, posw_bytes_of(NULL, 0), 21000);
    static const uint8_t nonce[8] = {1};
    const uint32_t indexes[2] = {0, 3};
    const posw_msg_prefilled filled = {.index = 0, .raw = posw_buf_view(&tx.raw)};
    static const enum posw_msg_type hash_types[] = {POSW_MSG_GET_BLOCKS, POSW_MSG_NOT_FOUND, POSW_MSG_TX_HASHES,
                                                    POSW_MSG_GET_TXS};
    posw_msg_hello_encode(&c->frames[c->count++], &hello);
    posw_msg_ping_encode(&c->frames[c->count++], &ping);
    posw_msg_pong_encode(&c->frames[c->count++], nonce);
    posw_msg_get_addresses_encode(&c->frames[c->count++]);
    posw_msg_addresses_begin(&list, &c->frames[c->count++]);
    (void)posw_msg_addresses_add(
        &list, &(posw_msg_address){.address = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 9, [15] = 7}, .port = 99},
                                   .seen_s = N_START_MS / 1000});
    posw_msg_end(&list);
    posw_msg_get_headers_encode(&c->frames[c->count++], 1, hashes, 3, 100);
    posw_msg_headers_begin(&list, &c->frames[c->count++], 1);
    (void)posw_msg_headers_add(&list, &made.header, NULL);
    posw_msg_end(&list);
    posw_msg_announce_begin(&list, &c->frames[c->count++]);
    (void)posw_msg_headers_add(&list, &made.header, NULL);
    posw_msg_end(&list);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(hash_types); i++)
        posw_msg_hashes_encode(&c->frames[c->count++], hash_types[i], hashes, 3);
    posw_msg_block_encode(&c->frames[c->count++], posw_buf_view(&made.bytes));
    assert_true(posw_msg_compact_encode(&c->frames[c->count++], &made.header, NULL, nonce, NULL, 0, NULL, 0));
    assert_true(
        posw_msg_compact_encode(&c->frames[c->count++], &made.header, NULL, nonce, &(uint64_t){5}, 1, &filled, 1));
    posw_msg_get_block_txs_encode(&c->frames[c->count++], &genesis, indexes, 2);
    posw_msg_block_txs_begin(&list, &c->frames[c->count++], &made.hash);
    (void)posw_msg_txs_add(&list, posw_buf_view(&tx.raw));
    posw_msg_end(&list);
    posw_msg_send_compact_encode(&c->frames[c->count++], true);
    posw_msg_txs_begin(&list, &c->frames[c->count++]);
    (void)posw_msg_txs_add(&list, posw_buf_view(&tx.raw));
    posw_msg_end(&list);
    posw_buf_clear(&tx.raw);
    h_block_clear(&made);
}

/* Bits flipped, bytes cut out or doubled, with the size in the prefix made right again most of the time. */
static void mutate(posw_buf *out, const posw_buf *frame, posw_random *random) {
    posw_buf_append(out, frame->data, frame->size);
    for (uint64_t i = posw_random_below(random, 4); i-- > 0;)
        out->data[posw_random_below(random, 2) == 0
                      ? POSW_MSG_PREFIX - 1 + posw_random_below(random, out->size - POSW_MSG_PREFIX + 1)
                      : posw_random_below(random, out->size)] ^= (uint8_t)(1U << posw_random_below(random, 8));
    if (posw_random_below(random, 6) == 0) out->size -= posw_random_below(random, out->size - POSW_MSG_PREFIX + 1);
    if (posw_random_below(random, 6) == 0)
        posw_buf_append(out, frame->data + POSW_MSG_PREFIX,
                        posw_random_below(random, frame->size - POSW_MSG_PREFIX + 1));
    if (posw_random_below(random, 8) > 0) posw_store_be32(out->data + 1, (uint32_t)(out->size - POSW_MSG_PREFIX));
}

static void test_malformed_messages(void **state) {
    (void)state;
    static const uint8_t seed[POSW_RANDOM_SEED_SIZE] = {4};
    posw_random random;
    n_net w;
    corpus c = {.count = 0};
    posw_buf b = {0};
    n_open(&w);
    posw_random_init(&random, seed);
    fill(&c, &w);
    n_greet(&w, HONEST, 0, 0);
    const size_t before = heap();
    size_t most = before;
    uint64_t peer = 2;
    for (uint64_t i = 0, wanted = amount(50000); i < wanted; i++) {
        if (!w.peers[peer].open) {
            peer = peer % (N_PEERS - 1) + 2;
            if (w.peers[peer].open) n_closed(&w, peer);
            n_forget(&w);
            n_greet(&w, peer, posw_random_below(&random, 3), posw_random_below(&random, 1000));
        }
        mutate(&b, &c.frames[posw_random_below(&random, c.count)], &random);
        n_send(&w, peer, &b);
        if (i % 16 == 0) n_tick(&w, posw_random_below(&random, 100));
        if (i % 64 == 0 && heap() > most) most = heap();
        if (i % 4096 == 0) { /* the honest one says something now and then, and is answered */
            posw_msg_ping ping = {.nonce = {1}, .fork = w.p2p->fork};
            posw_msg_ping_encode(&b, &ping);
            n_send(&w, HONEST, &b);
            assert_int_equal(n_got(&w, HONEST, POSW_MSG_PONG, NULL) > 0, 1);
        }
    }
    assert_true(w.peers[HONEST].open);
    assert_false(w.fatal);
    assert_true(most - before < 20 << 20);
    for (size_t i = 0; i < c.count; i++)
        posw_buf_clear(&c.frames[i]);
    posw_buf_clear(&b);
    n_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_without_work),
        cmocka_unit_test(test_headers_with_forged_proofs),
        cmocka_unit_test(test_malformed_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
