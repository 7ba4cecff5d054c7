/* Peers that keep only recent blocks: what they say, what they are asked, and what a node does that finds no others. */
#include "p2p/net.h"

#include "store/store_memory.h"

enum { KEEP = POSW_CHAIN_BODIES_MIN + POSW_CHAIN_BODIES_SLACK, BLOCKS = KEEP + 300, PART = 8192 };

/* A chain whose blocks have a transfer each and need no stake proofs, whole and pruned; made once. */
typedef struct {
    posw_chain_spec spec;
    h_node whole, pruned;
} world;

static void grow(posw_chain *c, unsigned blocks) {
    for (unsigned i = 0; i < blocks; i++) {
        h_plan plan = {.miner = 1 + i % 3, .tx_count = 1, .txs = {h_transfer(5, h_nonce(c, 5), 6, 1)}};
        h_block b = h_extend(c, &plan);
        h_block_clear(&b);
    }
}

static void prune(posw_chain *c) {
    posw_chain_pruning p;
    do
        ok(posw_chain_prune(c, 1, &p));
    while (p.more);
    assert_true(posw_chain_first_body(c) > 0);
}

static int setup(void **state) {
    world *w = calloc(1, sizeof *w);
    h_spec(&w->spec);
    h_open(&w->whole, &w->spec);
    h_open(&w->pruned, &w->spec);
    posw_store_memory_set_part(w->pruned.store, PART);
    grow(w->whole.chain, BLOCKS);
    h_feed(w->pruned.chain, w->whole.chain, 1, BLOCKS);
    prune(w->pruned.chain);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world *w = *state;
    h_close(&w->whole);
    h_close(&w->pruned);
    posw_chain_spec_clear(&w->spec);
    free(w);
    return 0;
}

static void greet_pruned(n_net *n, uint64_t peer, posw_chain *from) {
    n_greet_flagged(n, peer, from, POSW_MSG_HELLO_RECENT);
}

static uint64_t flags_told(const n_net *n, uint64_t peer) {
    posw_msg_frame f;
    posw_msg_hello m;
    assert_int_equal(n_got(n, peer, POSW_MSG_HELLO, &f), 1);
    assert_true(posw_msg_hello_decode(&m, f.payload));
    return m.flags;
}

static void check_problem(n_net *n, const char *words) {
    posw_p2p_status s;
    posw_p2p_read_status(n->p2p, &s);
    if (words == NULL ? strstr(s.problem, "pruned") != NULL : strstr(s.problem, words) == NULL)
        fail_msg("problem: '%s'", s.problem);
}

/* What this peer is asked for from now on: none of these is below the number. */
static size_t check_asked(const n_net *n, uint64_t peer, posw_chain *chain, uint64_t lowest) {
    posw_hash hashes[POSW_MSG_BLOCKS_MAX * 4];
    const size_t count = n_asked(n, peer, POSW_MSG_GET_BLOCKS, hashes, POSW_ARRAY_SIZE(hashes));
    for (size_t i = 0; i < count; i++) {
        posw_chain_block_info info;
        ok(posw_chain_block_by_hash(chain, &info, &hashes[i]));
        if (info.header.number < lowest) fail_msg("asked for block %llu", (unsigned long long)info.header.number);
    }
    return count;
}

/* A node says that it has pruned as soon as it has, and answers for what it lacks. */
static void a_pruned_node_tells_and_answers(void **state) {
    const world *w = *state;
    n_net n;
    posw_msg_frame f;
    posw_msg_hashes list;
    posw_buf b = {0};
    posw_hash hashes[3];
    n_open(&n);
    posw_store_memory_set_part(n.node.store, PART);
    h_feed(n.node.chain, w->whole.chain, 1, BLOCKS);
    n_greet(&n, 1, 0, 1);
    assert_int_equal(flags_told(&n, 1) & POSW_MSG_HELLO_RECENT, 0);
    prune(n.node.chain);
    n_greet(&n, 2, 0, 1);
    assert_int_equal(flags_told(&n, 2) & POSW_MSG_HELLO_RECENT, POSW_MSG_HELLO_RECENT);
    n_forget(&n);
    ok(posw_chain_hash_by_number(n.node.chain, &hashes[0], 1));
    ok(posw_chain_hash_by_number(n.node.chain, &hashes[1], BLOCKS));
    ok(posw_chain_hash_by_number(n.node.chain, &hashes[2], BLOCKS - POSW_CHAIN_BODIES_MIN + 1));
    posw_msg_hashes_encode(&b, POSW_MSG_GET_BLOCKS, hashes, 3);
    n_send(&n, 2, &b);
    assert_int_equal(n_got(&n, 2, POSW_MSG_BLOCK, NULL), 2);
    assert_int_equal(n_got(&n, 2, POSW_MSG_NOT_FOUND, &f), 1);
    assert_true(posw_msg_hashes_decode(&list, POSW_MSG_NOT_FOUND, f.payload));
    assert_int_equal(list.count, 1);
    const posw_hash missing = posw_msg_hash_at(&list, 0);
    assert_true(posw_hash_equal(&missing, &hashes[0]));
    /* the same for parts of a block */
    const uint32_t index = 0;
    posw_msg_get_block_txs_encode(&b, &hashes[0], &index, 1);
    n_send(&n, 2, &b);
    /* headers of any age */
    posw_msg_get_headers_encode(&b, 7, (const posw_hash[]){posw_chain_genesis_hash(n.node.chain)}, 1, 5);
    n_send(&n, 2, &b);
    posw_msg_headers headers;
    assert_int_equal(n_got(&n, 2, POSW_MSG_HEADERS, &f), 1);
    assert_true(posw_msg_headers_decode(&headers, f.payload));
    assert_int_equal(headers.list.count, 5);
    assert_false(n.fatal);
    assert_int_equal(n_violations(&n), 0);
    assert_true(n.peers[2].open);
    posw_buf_clear(&b);
    n_close(&n);
}

/* Two pruned peers and a whole one: the old blocks come from this, the latest from all. */
static void two_pruned_and_a_whole_one(void **state) {
    const world *w = *state;
    n_net n;
    size_t asked[4] = {0};
    n_open(&n);
    greet_pruned(&n, 1, w->pruned.chain);
    greet_pruned(&n, 2, w->pruned.chain);
    n_greet_with(&n, 3, w->whole.chain);
    for (unsigned round = 0; round < 2000 && posw_chain_tip(n.node.chain)->number < BLOCKS; round++) {
        for (uint64_t peer = 1; peer <= 2; peer++) {
            asked[peer] += check_asked(&n, peer, w->whole.chain, BLOCKS - POSW_CHAIN_BODIES_MIN + 1);
            (void)n_serve(&n, peer, w->pruned.chain);
        }
        asked[3] += check_asked(&n, 3, w->whole.chain, 0);
        (void)n_serve(&n, 3, w->whole.chain);
        n_tick(&n, 100);
    }
    const posw_hash tip = posw_chain_tip_hash(w->whole.chain);
    assert_true(h_tip_is(n.node.chain, &tip));
    assert_true(asked[1] > 100 && asked[2] > 100 && asked[3] >= BLOCKS - POSW_CHAIN_BODIES_MIN);
    assert_int_equal(n_violations(&n), 0);
    check_problem(&n, NULL);
    n_close(&n);
}

/* It has come to the tip of all. */
static void close_in_step(n_net *n, const world *w) {
    const posw_hash tip = posw_chain_tip_hash(w->whole.chain);
    assert_true(h_tip_is(n->node.chain, &tip));
    n_close(n);
}

static size_t lines_of_pruning;

static void count_line(void *arg, enum posw_log_level level, const char *category, const char *line) {
    (void)arg, (void)level, (void)category;
    lines_of_pruning += strstr(line, "pruned") != NULL;
}

static const posw_log counting = {.level = POSW_LOG_INFO, .write = count_line};

/* It keeps the connection alive, as peers do. */
static void ping_from(n_net *n, uint64_t peer, const world *w) {
    posw_buf b = {0};
    const posw_msg_ping ping = {.number = BLOCKS,
                                .hash = posw_chain_tip_hash(w->whole.chain),
                                .weight = posw_chain_weight_total(w->whole.chain),
                                .fork = n->p2p->fork};
    posw_msg_ping_encode(&b, &ping);
    n_send(n, peer, &b);
    posw_buf_clear(&b);
    assert_true(n->peers[peer].open);
}

/* So many seconds with these peers, who answer all. Returns for how many lists of headers they were asked. */
static size_t live(n_net *n, const world *w, uint64_t peers, unsigned seconds) {
    size_t asked = 0;
    for (unsigned second = 0; second < seconds; second++) {
        for (uint64_t peer = 1; peer <= peers; peer++) {
            assert_int_equal(check_asked(n, peer, w->whole.chain, 0), 0);
            do
                asked += n_got(n, peer, POSW_MSG_GET_HEADERS, NULL);
            while (n_serve(n, peer, w->pruned.chain) > 0);
            ping_from(n, peer, w);
        }
        check_problem(n, "no peer has block 1 any more, all have pruned it");
        n_tick(n, 1000);
    }
    return asked;
}

/* With pruned peers alone there is nothing to begin with. That is said once, no blocks are made beside the chain that
 * is known, its headers are kept and not fetched again; and it is over when another comes. */
static void pruned_peers_alone(void **state) {
    const world *w = *state;
    n_net n;
    n_open(&n);
    n.p2p->log = &counting;
    lines_of_pruning = 0;
    greet_pruned(&n, 1, w->pruned.chain);
    greet_pruned(&n, 2, w->pruned.chain);
    assert_true(live(&n, w, 2, 100) >= BLOCKS / POSW_MSG_HEADERS_MAX);
    assert_int_equal(live(&n, w, 2, 500), 0);
    assert_int_equal(posw_chain_tip(n.node.chain)->number, 0);
    assert_true(posw_node_mining_is_held(n.n));
    assert_int_equal(lines_of_pruning, 1);
    n_closed(&n, 2);
    n_forget(&n);
    n_greet_with(&n, 3, w->whole.chain);
    check_problem(&n, NULL);
    for (unsigned round = 0; round < 2000 && posw_chain_tip(n.node.chain)->number < BLOCKS; round++) {
        (void)n_serve(&n, 1, w->pruned.chain);
        (void)n_serve(&n, 3, w->whole.chain);
        n_tick(&n, 100);
    }
    n_tick(&n, 1000);
    assert_false(posw_node_mining_is_held(n.n));
    close_in_step(&n, w);
}

/* Whoever wants to go on all the same may, and whoever is left without those peers: nothing better is known then. */
static void alone_beside_pruned_peers(void **state) {
    const world *w = *state;
    n_net n;
    for (int told = 0; told < 2; told++) {
        n_open(&n);
        n.p2p->options.mine_alone = told != 0;
        greet_pruned(&n, 1, w->pruned.chain);
        (void)live(&n, w, 1, 300);
        assert_int_equal(posw_node_mining_is_held(n.n), !told);
        n_greet(&n, 2, 0, 0); /* another that knows of nothing */
        n_tick(&n, 1000);
        assert_int_equal(posw_node_mining_is_held(n.n), !told);
        n_closed(&n, 1);
        n_tick(&n, 1000);
        assert_false(posw_node_mining_is_held(n.n));
        n_close(&n);
    }
}

/* A node that was away for a while needs none but pruned peers. */
static void close_to_the_tip(void **state) {
    const world *w = *state;
    n_net n;
    n_open(&n);
    h_feed(n.node.chain, w->whole.chain, 1, BLOCKS - POSW_CHAIN_BODIES_MIN);
    greet_pruned(&n, 1, w->pruned.chain);
    for (unsigned round = 0; round < 2000 && posw_chain_tip(n.node.chain)->number < BLOCKS; round++) {
        (void)n_serve(&n, 1, w->pruned.chain);
        n_tick(&n, 100);
        check_problem(&n, NULL);
    }
    close_in_step(&n, w);
}

/* A peer may prune while it is connected: then it says NOT_FOUND, is not punished, and others are asked. */
static void a_peer_that_has_pruned_meanwhile(void **state) {
    const world *w = *state;
    n_net n;
    n_open(&n);
    n_greet_with(&n, 1, w->pruned.chain); /* without the flag */
    for (unsigned round = 0; round < 20; round++) {
        n_serve_all(&n, 1, w->pruned.chain);
        n_tick(&n, 100);
    }
    assert_int_equal(posw_chain_tip(n.node.chain)->number, 0);
    n_greet_with(&n, 2, w->whole.chain);
    for (unsigned round = 0; round < 2000 && posw_chain_tip(n.node.chain)->number < BLOCKS; round++) {
        (void)n_serve(&n, 1, w->pruned.chain);
        (void)n_serve(&n, 2, w->whole.chain);
        n_tick(&n, 100);
    }
    const posw_hash tip = posw_chain_tip_hash(w->whole.chain);
    assert_true(h_tip_is(n.node.chain, &tip));
    assert_true(n.peers[1].open);
    assert_int_equal(n_violations(&n), 0);
    n_close(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pruned_node_tells_and_answers),
        cmocka_unit_test(two_pruned_and_a_whole_one),
        cmocka_unit_test(pruned_peers_alone),
        cmocka_unit_test(alone_beside_pruned_peers),
        cmocka_unit_test(close_to_the_tip),
        cmocka_unit_test(a_peer_that_has_pruned_meanwhile),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
