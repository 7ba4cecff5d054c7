/* What a stranger can make grow in the network part, each at its limit (doc/network.md section 5). Headers, jobs
 * and branches are in test-sync.c, unfinished messages in test-frames.c, addresses and bans in their own. */
#include "net.h"

enum {
    TX_ASKED_PEER = 1024,
    TX_ASKED = 16384,
    TX_ASKED_SURE = 64,
    TX_ASKED_ALL = 65536,
    TX_BUDGET = 8000,
    REBUILDS = 8,
    REBUILDS_PEER = 2
};

/* Hashes that nobody has. */
static void announce_txs(n_net *w, uint64_t peer, uint64_t first, size_t count) {
    posw_hash hashes[POSW_MSG_TX_HASHES_MAX] = {0};
    posw_buf b = {0};
    for (size_t i = 0; i < count; i++)
        posw_store_be64(hashes[i].b, first + i);
    posw_msg_hashes_encode(&b, POSW_MSG_TX_HASHES, hashes, count);
    n_send(w, peer, &b);
    posw_buf_clear(&b);
}

/* Transactions that it was asked for since n_forget. */
static size_t asked_txs(const n_net *w, uint64_t peer) {
    return n_asked(w, peer, POSW_MSG_GET_TXS, NULL, 0);
}

/* Whoever comes when all places are taken has a few of its own. */
static void test_transactions_asked_for(void **state) {
    (void)state;
    n_net w;
    uint64_t next = 1;
    size_t all = 0;
    n_open(&w);
    for (uint64_t peer = 1; peer <= N_PEERS; peer++) {
        n_greet(&w, peer, 0, 0);
        for (int i = 0; i < 3; i++, next += POSW_MSG_TX_HASHES_MAX)
            announce_txs(&w, peer, next, POSW_MSG_TX_HASHES_MAX);
        assert_int_equal(asked_txs(&w, peer), all < TX_ASKED ? TX_ASKED_PEER : TX_ASKED_SURE);
        all += asked_txs(&w, peer);
    }
    assert_int_equal(all, TX_ASKED + (N_PEERS - TX_ASKED / TX_ASKED_PEER) * TX_ASKED_SURE);
    for (size_t asked = TX_ASKED_SURE; asked > 0; next += POSW_MSG_TX_HASHES_MAX) { /* one that comes and goes */
        n_closed(&w, 1);
        n_forget(&w);
        n_greet(&w, 1, 0, 0);
        announce_txs(&w, 1, next, POSW_MSG_TX_HASHES_MAX);
        asked = asked_txs(&w, 1);
        all += asked;
    }
    assert_int_equal(all, TX_ASKED_ALL);
    n_forget(&w);
    for (int i = 0; i < 800; i++) /* what did not come is forgotten, and there is room again */
        n_tick(&w, 100);
    announce_txs(&w, 1, next, 10);
    assert_int_equal(asked_txs(&w, 1), 10);
    n_close(&w);
}

enum { CHUNK = 250 };

/* Announces so many right transactions that the pool refuses (their nonces are far away), and answers what it is asked.
 * Returns how many were asked for, which then were judged. */
static size_t offer_txs(n_net *w, uint64_t peer, uint64_t first) {
    posw_hash hashes[CHUNK];
    posw_buf b = {0}, answer = {0};
    posw_msg_writer list;
    posw_msg_txs_begin(&list, &answer);
    for (size_t i = 0; i < CHUNK; i++) {
        h_tx tx = h_transfer(5, 1000000 + first + i, 6, 1);
        posw_keccak256(&hashes[i], tx.raw.data, tx.raw.size);
        assert_true(posw_msg_txs_add(&list, posw_buf_view(&tx.raw)));
        posw_buf_clear(&tx.raw);
    }
    posw_msg_end(&list);
    n_forget(w);
    posw_msg_hashes_encode(&b, POSW_MSG_TX_HASHES, hashes, CHUNK);
    n_send(w, peer, &b);
    n_send(w, peer, &answer);
    posw_buf_clear(&b);
    posw_buf_clear(&answer);
    return asked_txs(w, peer);
}

/* However fast it answers, one peer cannot have more judged than its budget: 8,000 at once, then 4 a millisecond. */
static void test_transactions_judged(void **state) {
    (void)state;
    n_net w;
    uint64_t next = 0;
    size_t judged = 0;
    n_open(&w);
    n_greet(&w, 1, 0, 0);
    for (; next < TX_BUDGET + 2 * CHUNK; next += CHUNK)
        judged += offer_txs(&w, 1, next);
    assert_int_equal(judged, TX_BUDGET);
    w.now_ms += 50;
    assert_int_equal(offer_txs(&w, 1, next), 200);
    assert_int_equal(offer_txs(&w, 1, next + CHUNK), 0);
    n_greet(&w, 2, 0, 0);
    assert_int_equal(offer_txs(&w, 2, next + 2 * CHUNK), CHUNK);
    assert_int_equal(n_violations(&w), 0);
    assert_true(w.peers[1].open);
    n_close(&w);
}

static void announce_tx(n_net *w, uint64_t peer, const h_tx *tx) {
    posw_hash hash;
    posw_buf b = {0};
    posw_keccak256(&hash, tx->raw.data, tx->raw.size);
    n_forget(w);
    posw_msg_hashes_encode(&b, POSW_MSG_TX_HASHES, &hash, 1);
    n_send(w, peer, &b);
    posw_buf_clear(&b);
}

static void send_tx(n_net *w, uint64_t peer, const h_tx *tx) {
    posw_buf b = {0};
    posw_msg_writer list;
    posw_msg_txs_begin(&list, &b);
    assert_true(posw_msg_txs_add(&list, posw_buf_view(&tx->raw)));
    posw_msg_end(&list);
    n_send(w, peer, &b);
    posw_buf_clear(&b);
}

/* Strangers who announce a transaction and do not give it, many and first, only put it off: it is asked of the others
 * that have announced it, one after the other for a minute, and of one that the node dialled before any further
 * stranger. */
static void test_announced_and_not_given(void **state) {
    (void)state;
    enum { SILENT = 8, HONEST, DIALLED };
    for (int with_dialled = 0; with_dialled < 2; with_dialled++) {
        n_net w;
        const uint64_t last = with_dialled ? DIALLED : HONEST;
        uint64_t given_to = 0, rounds = 0;
        size_t pending;
        h_tx tx = h_transfer(5, 0, 6, 1);
        n_open(&w);
        for (uint64_t peer = 1; peer <= last; peer++) {
            n_greet(&w, peer, 0, 0);
            if (peer == DIALLED) p2p_find(w.p2p, peer)->kind = POSW_P2P_OUTBOUND;
        }
        for (uint64_t peer = 1; peer <= last; peer++) {
            announce_tx(&w, peer, &tx);
            assert_int_equal(asked_txs(&w, peer), peer == 1);
        }
        for (; given_to == 0 && rounds < SILENT + 1; rounds++) {
            n_forget(&w);
            for (int i = 0; i < 50; i++)
                n_tick(&w, 126);
            for (uint64_t peer = HONEST; peer <= last; peer++)
                if (asked_txs(&w, peer) > 0) given_to = peer;
        }
        assert_int_equal(given_to, last);
        if (with_dialled) assert_int_equal(rounds, 1);
        send_tx(&w, given_to, &tx);
        posw_mempool_counts(w.pool, &pending, NULL, NULL);
        assert_int_equal(pending, 1);
        assert_int_equal(n_violations(&w), 0);
        posw_buf_clear(&tx.raw);
        n_close(&w);
    }
}

/* Nobody gives it: after a minute it is forgotten, though there are more who have announced it. */
static void test_announced_and_never_given(void **state) {
    (void)state;
    n_net w;
    size_t asked = 0;
    n_open(&w);
    for (uint64_t peer = 1; peer <= N_PEERS; peer++) {
        n_greet(&w, peer, 0, 0);
        announce_txs(&w, peer, 1, 1);
    }
    for (int i = 0; i < 1400; i++)
        n_tick(&w, 100);
    for (uint64_t peer = 1; peer <= N_PEERS; peer++)
        asked += asked_txs(&w, peer);
    assert_in_range(asked, 10, 13);
    n_close(&w);
}

/* A block on the tip with this one transaction, which is sent with it. */
static void mine_tx(n_net *w, uint64_t peer, h_tx tx) {
    static const uint8_t nonce[8] = {1};
    posw_buf b = {0}, raw = {0};
    h_plan plan = {.miner = 1, .gap_s = 1};
    posw_buf_append(&raw, tx.raw.data, tx.raw.size);
    plan.txs[plan.tx_count++] = tx;
    h_block made = h_build(w->node.chain, &plan);
    const posw_msg_prefilled filled = {.index = 0, .raw = posw_buf_view(&raw)};
    assert_true(posw_msg_compact_encode(&b, &made.header, NULL, nonce, NULL, 0, &filled, 1));
    n_send(w, peer, &b);
    assert_true(h_tip_is(w->node.chain, &made.hash));
    posw_buf_clear(&raw);
    posw_buf_clear(&b);
    h_block_clear(&made);
}

/* What was refused is not asked for again before the tip has moved: then what was in its way may be gone. (Whoever
 * hears of a payment before the coins for it have come would otherwise never pass it on.) */
static void test_refused_until_the_next_block(void **state) {
    (void)state;
    enum { POOR = H_KEYS + 1 };
    n_net w;
    size_t pending;
    n_open(&w);
    for (uint64_t peer = 1; peer <= 3; peer++)
        n_greet(&w, peer, 0, 0);
    h_tx tx = h_transfer(POOR, 0, 6, 1);
    announce_tx(&w, 1, &tx);
    assert_int_equal(asked_txs(&w, 1), 1);
    send_tx(&w, 1, &tx);
    posw_mempool_counts(w.pool, &pending, NULL, NULL);
    assert_int_equal(pending, 0);
    announce_tx(&w, 2, &tx);
    assert_int_equal(asked_txs(&w, 2), 0);
    mine_tx(&w, 3, h_transfer(5, 0, POOR, 100));
    announce_tx(&w, 2, &tx);
    assert_int_equal(asked_txs(&w, 2), 1);
    send_tx(&w, 2, &tx);
    posw_mempool_counts(w.pool, &pending, NULL, NULL);
    assert_int_equal(pending, 1);
    assert_int_equal(n_violations(&w), 0);
    posw_buf_clear(&tx.raw);
    n_close(&w);
}

/* What is remembered of what a peer has told does not grow with what it tells. */
static void test_hashes_that_are_known(void **state) {
    (void)state;
    n_net w;
    posw_p2p_peer_info info;
    size_t most = 0;
    n_open(&w);
    n_greet(&w, 1, 0, 0);
    for (uint64_t i = 0; i < 400; i++) {
        announce_txs(&w, 1, 1 + i * POSW_MSG_TX_HASHES_MAX, POSW_MSG_TX_HASHES_MAX);
        n_forget(&w);
        assert_int_equal(posw_p2p_peers(w.p2p, &info, 1), 1);
        if (i == 40) most = info.memory;
        if (i > 40) assert_true(info.memory <= most);
    }
    assert_true(most < 1024 * 1024);
    n_close(&w);
}

static void tip_block(n_net *w, uint64_t peer, uint64_t gap_s) {
    static const uint8_t nonce[8] = {1};
    posw_buf b = {0};
    h_plan plan = {.miner = 1 + (unsigned)(gap_s % 7), .gap_s = gap_s};
    plan.txs[plan.tx_count++] = h_transfer(5, 0, 6, 1);
    h_block made = h_build(w->node.chain, &plan);
    assert_true(posw_msg_compact_encode(&b, &made.header, NULL, nonce, &(uint64_t){gap_s}, 1, NULL, 0));
    n_send(w, peer, &b);
    posw_buf_clear(&b);
    h_block_clear(&made);
}

/* Blocks that are being rebuilt: two of a peer, eight in all; those that were not finished go after two seconds. */
static void test_rebuilds(void **state) {
    (void)state;
    n_net w;
    uint64_t gap_s = 1;
    size_t all = 0;
    n_open(&w);
    for (uint64_t peer = 1; peer <= 6; peer++) {
        n_greet(&w, peer, 0, 0);
        for (int i = 0; i < 4; i++)
            tip_block(&w, peer, gap_s++);
        const size_t asked = n_got(&w, peer, POSW_MSG_GET_BLOCK_TXS, NULL);
        assert_int_equal(asked, all < REBUILDS ? REBUILDS_PEER : 0);
        all += asked;
    }
    assert_int_equal(all, REBUILDS);
    n_tick(&w, 2000);
    n_forget(&w);
    tip_block(&w, 6, gap_s);
    assert_int_equal(n_got(&w, 6, POSW_MSG_GET_BLOCK_TXS, NULL), 1);
    assert_int_equal(n_violations(&w), 0);
    n_close(&w);
}

/* A block of 8 MiB on the tip, of transactions of type 0, which take more room in a message of their own. */
static h_block build_large_block(n_net *w) {
    enum { INPUT = 32657 };
    static const uint8_t zeros[INPUT];
    h_plan plan = {.miner = 1, .gap_s = 1, .tx_count = H_TXS_MAX};
    uint8_t secret[32];
    h_secret(secret, 5);
    for (size_t i = 0; i < H_TXS_MAX; i++) {
        const posw_tx tx = {.type = POSW_TX_LEGACY,
                            .is_protected = true,
                            .chain_id = 1337,
                            .nonce = i,
                            .gas_limit = 21000 + 4 * INPUT,
                            .max_fee = posw_u256_from_u64(100000000000),
                            .max_tip = posw_u256_from_u64(100000000000),
                            .has_to = true,
                            .to = h_address(6),
                            .input = {zeros, INPUT}};
        plan.txs[i].from = 5;
        assert_true(posw_tx_sign(&plan.txs[i].raw, &tx, secret));
    }
    h_block made = h_build(w->node.chain, &plan);
    assert_in_range(made.bytes.size, POSW_BLOCK_SIZE_MAX - 100, POSW_BLOCK_SIZE_MAX);
    return made;
}

/* It wants blocks as COMPACT, and says that it has these transactions. */
static void wants_compact(n_net *w, uint64_t peer, const posw_prepared *b) {
    posw_buf frames = {0};
    n_greet(w, peer, 0, 0);
    posw_msg_send_compact_encode(&frames, true);
    posw_msg_hashes_encode(&frames, POSW_MSG_TX_HASHES, b->tx_hashes, b->block.tx_count);
    n_send(w, peer, &frames);
    posw_buf_clear(&frames);
}

/* Found by the node's own miner, say. */
static void submit_block(n_net *w, posw_prepared *b) {
    posw_verdict v;
    posw_actions a = {0};
    ok(posw_node_submit_block(w->n, b, &v, &a));
    assert_int_equal(v.kind, POSW_VALID);
    n_perform(w, &a);
    posw_actions_clear(&a);
}

static void ask_block_txs(n_net *w, uint64_t peer, const posw_hash *block, uint32_t first, size_t count) {
    uint32_t indexes[H_TXS_MAX];
    posw_buf b = {0};
    for (size_t i = 0; i < count; i++)
        indexes[i] = first + (uint32_t)i;
    posw_msg_get_block_txs_encode(&b, block, indexes, count);
    n_send(w, peer, &b);
    posw_buf_clear(&b);
}

/* Whoever was told of a block by COMPACT may ask for any of its transactions, once. If they are too large for one
 * message there is no answer, and nobody is to blame: two seconds later the block is asked for. */
static void test_transactions_of_a_block(void **state) {
    (void)state;
    n_net w;
    posw_prepared b;
    memset(&w, 0, sizeof w);
    h_spec(&w.spec);
    w.spec.params.gas_limit = 60000000;
    n_open_spec(&w);
    h_block made = build_large_block(&w);
    ok(posw_prepare(&b, made.bytes.data, made.bytes.size, &h_pow, NULL, NULL));
    for (uint64_t peer = 1; peer <= 3; peer++)
        wants_compact(&w, peer, &b);
    n_greet(&w, 4, 0, 0);
    submit_block(&w, &b);
    ask_block_txs(&w, 1, &made.hash, 0, H_TXS_MAX); /* too much */
    assert_int_equal(n_got(&w, 1, POSW_MSG_COMPACT, NULL), 1);
    assert_int_equal(n_got(&w, 1, POSW_MSG_BLOCK_TXS, NULL), 0);
    for (int i = 0; i < 1000; i++) /* not for the asking */
        ask_block_txs(&w, 2, &made.hash, 0, H_TXS_MAX - 3);
    assert_int_equal(n_got(&w, 2, POSW_MSG_BLOCK_TXS, NULL), 1);
    ask_block_txs(&w, 4, &made.hash, 0, 1); /* it was not told */
    assert_int_equal(n_got(&w, 4, POSW_MSG_BLOCK_TXS, NULL), 0);
    assert_int_equal(n_violations(&w), 0);
    ask_block_txs(&w, 3, &made.hash, H_TXS_MAX, 1); /* there is no such one */
    assert_int_equal(n_got(&w, 3, POSW_MSG_BLOCK_TXS, NULL), 0);
    assert_int_equal(n_violations(&w), 1);
    posw_prepared_clear(&b);
    h_block_clear(&made);
    n_close(&w);
}

/* A store that counts how often it is looked into. */
static const posw_store_ops *counted;
static size_t looks;

static int get_counted(posw_store *s, enum posw_table t, const void *key, size_t key_size, posw_bytes *value) {
    looks++;
    return counted->get(s, t, key, key_size, value);
}

/* Blocks that it was not told of are not looked for: neither one that nobody has, nor the hash of zeros, which is what
 * a place has in which nothing is noted. */
static void test_transactions_of_no_block(void **state) {
    (void)state;
    n_net w;
    const posw_hash hashes[] = {{{0}}, {{1}}};
    n_open(&w);
    n_greet(&w, 1, 0, 0);
    posw_store_ops ops = *w.node.store->ops;
    counted = w.node.store->ops;
    ops.get = get_counted;
    w.node.store->ops = &ops;
    looks = 0;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(hashes); i++)
        ask_block_txs(&w, 1, &hashes[i], 0, 1);
    assert_int_equal(looks, 0);
    w.node.store->ops = counted;
    assert_int_equal(n_violations(&w), 0);
    n_close(&w);
}

/* Answers wait while their asker does not read, and are not made for it then. */
static void test_answers_to_who_does_not_read(void **state) {
    (void)state;
    n_net w;
    posw_buf b = {0};
    const posw_hash genesis = posw_chain_genesis_hash((n_open(&w), w.node.chain));
    const posw_msg_ping ping = {.nonce = {1}, .fork = w.p2p->fork};
    h_grow(w.node.chain, 200);
    n_greet(&w, 1, 0, 0);
    p2p_peer *peer = p2p_find(w.p2p, 1);
    for (int i = 0; i < 200 && !p2p_is_full(peer); i++) {
        w.now_ms += 100;
        posw_msg_get_headers_encode(&b, 1, &genesis, 1, POSW_MSG_HEADERS_MAX);
        n_send(&w, 1, &b);
    }
    assert_true(p2p_is_full(peer));
    const size_t unsent = peer->unsent;
    for (int i = 0; i < 1000; i++) {
        posw_msg_ping_encode(&b, &ping);
        posw_msg_hashes_encode(&b, POSW_MSG_GET_TXS, &genesis, 1);
        n_send(&w, 1, &b);
    }
    posw_msg_get_headers_encode(&b, 2, &genesis, 1, POSW_MSG_HEADERS_MAX); /* this one waits, */
    n_send(&w, 1, &b);
    assert_int_equal(peer->unsent, unsent);
    assert_int_equal(n_violations(&w), 0);
    posw_msg_get_headers_encode(&b, 3, &genesis, 1, POSW_MSG_HEADERS_MAX); /* and a second must not be asked */
    n_send(&w, 1, &b);
    assert_int_equal(n_violations(&w), 1);
    posw_buf_clear(&b);
    n_close(&w);
}

/* Transactions that it was sent since n_forget. */
static size_t count_txs(const n_net *w, uint64_t peer) {
    posw_bytes rest = posw_buf_view(&w->peers[peer].got);
    posw_msg_frame f;
    posw_msg_tx_list list;
    size_t size, n = 0;
    for (; rest.size > 0 && posw_msg_frame_cut(&f, &size, rest.data, rest.size) == POSW_MSG_CUT_WHOLE;
         rest = posw_bytes_of(rest.data + size, rest.size - size)) {
        if (f.type != POSW_MSG_TXS) continue;
        assert_true(posw_msg_txs_decode(&list, f.payload));
        n += list.count;
    }
    return n;
}

static posw_hash submit_large_tx(n_net *w, uint64_t nonce) {
    static const uint8_t zeros[130000];
    const posw_address to = h_address(6);
    enum posw_mempool_refusal refusal;
    posw_hash hash;
    posw_actions a = {0};
    h_tx tx = h_call(5, nonce, &to, POSW_U256_ONE, posw_bytes_of(zeros, sizeof zeros), 600000);
    ok(posw_node_submit_tx(w->n, tx.raw.data, tx.raw.size, NULL, &refusal, NULL, &hash, &a));
    assert_int_equal(refusal, POSW_MEMPOOL_ACCEPTED);
    n_perform(w, &a);
    posw_actions_clear(&a);
    posw_buf_clear(&tx.raw);
    return hash;
}

/* A few kilobytes of hashes may stand for tens of megabytes of transactions. They are given as they are read: all at
 * once would be more than may wait for one peer, and whoever asked would be left for it. */
static void test_large_transactions(void **state) {
    (void)state;
    enum { COUNT = 150, MIB = 1 << 20 };
    n_net w;
    posw_hash hashes[COUNT];
    posw_buf b = {0};
    size_t rounds = 0;
    n_open(&w);
    for (uint64_t i = 0; i < COUNT; i++)
        hashes[i] = submit_large_tx(&w, i);
    n_greet(&w, 1, 0, 0);
    p2p_peer *peer = p2p_find(w.p2p, 1);
    posw_msg_hashes_encode(&b, POSW_MSG_GET_TXS, hashes, COUNT);
    n_send(&w, 1, &b);
    for (; count_txs(&w, 1) < COUNT && rounds < COUNT; rounds++) {
        assert_true(peer->unsent < 6 * MIB);
        n_step(&w, &(posw_event){.type = POSW_EVENT_PEER_DRAINED, .peer = 1});
    }
    assert_int_equal(count_txs(&w, 1), COUNT);
    assert_in_range(rounds, 3, 5);
    n_step(&w, &(posw_event){.type = POSW_EVENT_PEER_DRAINED, .peer = 1});
    assert_int_equal(peer->unsent, 0);
    posw_buf_clear(&b);
    n_close(&w);
}

/* Sixteen answers at once and 32 a second, however fast it asks; the one beyond waits, and a second must not be asked.
 */
static void test_headers_asked_for(void **state) {
    (void)state;
    n_net w;
    posw_buf b = {0};
    const posw_hash genesis = posw_chain_genesis_hash((n_open(&w), w.node.chain));
    h_grow(w.node.chain, 20);
    n_greet(&w, 1, 0, 0);
    for (int i = 0; i < 17; i++) {
        posw_msg_get_headers_encode(&b, 1, &genesis, 1, 1);
        n_send(&w, 1, &b);
    }
    assert_int_equal(n_got(&w, 1, POSW_MSG_HEADERS, NULL), 16);
    n_tick(&w, 20);
    assert_int_equal(n_got(&w, 1, POSW_MSG_HEADERS, NULL), 16);
    n_tick(&w, 12);
    assert_int_equal(n_got(&w, 1, POSW_MSG_HEADERS, NULL), 17);
    for (int i = 0; i < 100; i++) { /* one after the other */
        n_tick(&w, 32);
        posw_msg_get_headers_encode(&b, 1, &genesis, 1, 1);
        n_send(&w, 1, &b);
    }
    assert_int_equal(n_got(&w, 1, POSW_MSG_HEADERS, NULL), 117);
    n_tick(&w, 600000);
    assert_int_equal(n_violations(&w), 0);
    n_greet(&w, 2, 0, 0);
    for (int i = 0; i < 18; i++)
        posw_msg_get_headers_encode(&b, 1, &genesis, 1, 1);
    n_send(&w, 2, &b);
    assert_int_equal(n_got(&w, 2, POSW_MSG_HEADERS, NULL), 16);
    assert_int_equal(n_violations(&w), 1);
    posw_buf_clear(&b);
    n_close(&w);
}

/* The same for blocks: as many wait as one message asks for. */
static void test_blocks_that_wait(void **state) {
    (void)state;
    n_net w;
    posw_buf b = {0};
    n_open(&w);
    h_grow(w.node.chain, 1);
    posw_hash hashes[POSW_MSG_BLOCKS_MAX];
    for (size_t i = 0; i < POSW_MSG_BLOCKS_MAX; i++)
        hashes[i] = posw_chain_tip_hash(w.node.chain);
    n_greet(&w, 1, 0, 0);
    p2p_find(w.p2p, 1)->unsent = P2P_UNSENT_MAX + 1;
    posw_msg_hashes_encode(&b, POSW_MSG_GET_BLOCKS, hashes, POSW_MSG_BLOCKS_MAX);
    n_send(&w, 1, &b);
    assert_int_equal(n_got(&w, 1, POSW_MSG_BLOCK, NULL), 0);
    assert_true(w.peers[1].open);
    n_step(&w, &(posw_event){.type = POSW_EVENT_PEER_DRAINED, .peer = 1});
    assert_int_equal(n_got(&w, 1, POSW_MSG_BLOCK, NULL), POSW_MSG_BLOCKS_MAX);
    p2p_find(w.p2p, 1)->unsent = P2P_UNSENT_MAX + 1;
    for (int i = 0; i < 2; i++) {
        assert_true(w.peers[1].open);
        posw_msg_hashes_encode(&b, POSW_MSG_GET_BLOCKS, hashes, i == 0 ? POSW_MSG_BLOCKS_MAX : 1);
        n_send(&w, 1, &b);
    }
    assert_int_equal(n_violations(&w), 1);
    posw_buf_clear(&b);
    n_close(&w);
}

/* Addresses are told once on a connection. */
static void test_addresses_once(void **state) {
    (void)state;
    n_net w;
    posw_buf b = {0};
    n_open(&w);
    n_greet(&w, 1, 0, 0);
    for (int i = 0; i < 50; i++) {
        posw_msg_get_addresses_encode(&b);
        n_send(&w, 1, &b);
    }
    assert_int_equal(n_got(&w, 1, POSW_MSG_ADDRESSES, NULL), 1);
    posw_buf_clear(&b);
    n_close(&w);
}

static unsigned lowest_key(void) {
    unsigned low = 0;
    for (unsigned i = 1; i < H_KEYS; i++) {
        const posw_address a = h_address(i), b = h_address(low);
        if (posw_address_cmp(&a, &b) < 0) low = i;
    }
    return low;
}

/* More than a peer is told at once, of one sender. */
static void fill_pool(n_net *w, unsigned from, uint64_t count) {
    for (uint64_t nonce = 0; nonce < count; nonce++) {
        h_tx tx = h_transfer(from, nonce, 6, 1);
        enum posw_mempool_refusal refusal;
        ok(posw_mempool_add(w->pool, &refusal, NULL, NULL, tx.raw.data, tx.raw.size, NULL, 1));
        assert_int_equal(refusal, POSW_MEMPOOL_ACCEPTED);
        posw_buf_clear(&tx.raw);
    }
}

static void take_block(n_net *w, const h_block *b) {
    posw_prepared p;
    ok(posw_prepare(&p, b->bytes.data, b->bytes.size, &h_pow, NULL, NULL));
    submit_block(w, &p);
    posw_prepared_clear(&p);
}

/* What a reorganisation gave back is told, whatever else waits, and by whatever address. */
static void test_what_came_back_is_told(void **state) {
    enum { MANY = 4200, TOLD_MAX = 2 * MANY };
    static posw_hash told[TOLD_MAX];
    (void)state;
    n_net w;
    h_node other;
    const unsigned low = lowest_key(), high = (low + 1) % H_KEYS;
    n_open(&w);
    h_open(&other, &w.spec);
    fill_pool(&w, low, MANY);
    h_plan plan = {.miner = 1, .tx_count = 1, .txs = {h_transfer(high, 0, 6, 1)}};
    posw_hash hash;
    posw_keccak256(&hash, plan.txs[0].raw.data, plan.txs[0].raw.size);
    h_block b = h_build(w.node.chain, &plan);
    take_block(&w, &b);
    h_block_clear(&b);
    n_greet(&w, 1, 0, 0);
    for (int i = 0; i < 30; i++)
        n_tick(&w, 100);
    assert_in_range(n_asked(&w, 1, POSW_MSG_TX_HASHES, told, TOLD_MAX), 4096, MANY);
    n_forget(&w);
    for (int i = 0; i < 2; i++) {
        h_plan empty = {.miner = 2, .gap_s = 2};
        b = h_extend(other.chain, &empty);
        take_block(&w, &b);
        h_block_clear(&b);
    }
    assert_non_null(posw_mempool_find(w.pool, &hash));
    for (int i = 0; i < 30; i++)
        n_tick(&w, 100);
    const size_t count = n_asked(&w, 1, POSW_MSG_TX_HASHES, told, TOLD_MAX);
    assert_int_equal(count, 1);
    assert_true(posw_hash_equal(&told[0], &hash));
    h_close(&other);
    n_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transactions_asked_for),
        cmocka_unit_test(test_transactions_judged),
        cmocka_unit_test(test_announced_and_not_given),
        cmocka_unit_test(test_announced_and_never_given),
        cmocka_unit_test(test_refused_until_the_next_block),
        cmocka_unit_test(test_hashes_that_are_known),
        cmocka_unit_test(test_rebuilds),
        cmocka_unit_test(test_transactions_of_a_block),
        cmocka_unit_test(test_transactions_of_no_block),
        cmocka_unit_test(test_answers_to_who_does_not_read),
        cmocka_unit_test(test_large_transactions),
        cmocka_unit_test(test_headers_asked_for),
        cmocka_unit_test(test_blocks_that_wait),
        cmocka_unit_test(test_addresses_once),
        cmocka_unit_test(test_what_came_back_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
