/* A fresh node among peers that have cheap headers of little work, as anybody can make from genesis on, and one honest
 * peer. The node must come to the honest chain, whatever they show and whatever they keep back. */
#include "net.h"

enum {
    HONEST = N_PEERS,
    HONEST_BLOCKS = 9000,
    ATTACKERS = 9,
    CHAINS = 7,
    CHEAP_HEADERS = POSW_P2P_HEADERS_AHEAD,
    MINUTES = 10
};

/* ---- cheap headers: never executed, of lowest difficulty ---- */

static posw_header *cheap_headers(n_net *w, size_t count, unsigned miner) {
    const posw_params *p = &w->spec.params;
    const posw_u256 weight = posw_u256_from_u64(1);
    const posw_hash genesis = posw_chain_genesis_hash(w->node.chain), no_key = {{0}};
    const h_plan plan = {0};
    posw_header *list = calloc(count, sizeof *list);
    p2p_branch *b;
    ok(p2p_branch_new(&b, w->node.chain, &genesis));
    for (size_t i = 0; i < count; i++) {
        const posw_stake_table *table;
        posw_header *h = &list[i];
        posw_hash root = {{1}}, hash;
        const posw_window *window = b->window != NULL ? b->window : posw_chain_window(w->node.chain); /* at its tip */
        *h = (posw_header){.parent_hash = b->last_hash,
                           .ommers_hash = POSW_OMMERS_EMPTY,
                           .beneficiary = h_address(miner),
                           .difficulty = posw_difficulty_next(p, window, &b->last, b->last.timestamp + 60),
                           .number = b->last.number + 1,
                           .gas_limit = p->gas_limit,
                           .timestamp = b->last.timestamp + 60,
                           .base_fee_wei =
                               posw_base_fee_next(p, b->last.number, b->last.base_fee_wei, b->last.gas_used)};
        (void)posw_chain_branch_table(w->node.chain, &table, &root, h->number, 0);
        posw_header_set_extra(h, &root);
        h_search(h, &no_key, &weight, &plan);
        h_sign(h, miner);
        posw_header_hash(&hash, h);
        ok(p2p_branch_push(b, h, &hash, true));
        ok(p2p_branch_ready(b, w->node.chain));
    }
    p2p_branch_free(b);
    return list;
}

typedef struct {
    posw_header *headers;
    posw_hash *hashes;
    size_t count;
} cheap;

static void cheap_init(cheap *c, n_net *w, size_t count, unsigned miner) {
    *c = (cheap){.headers = cheap_headers(w, count, miner), .hashes = calloc(count, sizeof(posw_hash)), .count = count};
    for (size_t i = 0; i < count; i++)
        posw_header_hash(&c->hashes[i], &c->headers[i]);
}

static void cheap_clear(cheap *c) {
    free(c->headers);
    free(c->hashes);
}

static size_t cheap_after(const cheap *c, const posw_msg_hashes *locator) {
    for (size_t k = 0; k < locator->count; k++) {
        const posw_hash hash = posw_msg_hash_at(locator, k);
        for (size_t i = 0; i < c->count; i++)
            if (posw_hash_equal(&hash, &c->hashes[i])) return i + 1;
    }
    return 0;
}

/* Headers without delay, no block ever. */
static void cheap_serve(n_net *w, uint64_t peer, const cheap *c) {
    posw_msg_frame f;
    posw_msg_get_headers asked;
    posw_msg_writer list;
    posw_buf b = {0};
    const bool is_asked =
        n_got(w, peer, POSW_MSG_GET_HEADERS, &f) > 0 && posw_msg_get_headers_decode(&asked, f.payload);
    if (is_asked) {
        size_t i = cheap_after(c, &asked.locator);
        const size_t end = i + asked.wanted;
        posw_msg_headers_begin(&list, &b, asked.request);
        while (i < end && i < c->count && posw_msg_headers_add(&list, &c->headers[i], NULL))
            i++;
        posw_msg_end(&list);
    }
    posw_buf_reset(&w->peers[peer].got);
    if (is_asked) n_send(w, peer, &b);
    posw_buf_clear(&b);
}

/* ---- the world: attackers come back whenever they are left ---- */

typedef struct {
    n_net w;
    h_node honest;
    const cheap *chains; /* CHAINS of them */
    uint64_t claimed;    /* weight */
} world;

static void play(world *x, size_t attackers) {
    n_net *w = &x->w;
    for (size_t i = 0; i < attackers; i++) {
        const uint64_t peer = 1 + i;
        if (!w->peers[peer].open) {
            posw_buf_reset(&w->peers[peer].got);
            n_greet(w, peer, 1000000, x->claimed);
        }
        if (w->peers[peer].open) cheap_serve(w, peer, &x->chains[i % CHAINS]);
    }
    if (!w->peers[HONEST].open) {
        posw_buf_reset(&w->peers[HONEST].got);
        n_greet_with(w, HONEST, x->honest.chain);
        p2p_find(w->p2p, HONEST)->kind = POSW_P2P_OUTBOUND; /* the node has chosen it */
    }
    n_serve(w, HONEST, x->honest.chain);
}

static bool is_at_honest_tip(world *x) {
    const posw_hash tip = posw_chain_tip_hash(x->honest.chain);
    return h_tip_is(x->w.node.chain, &tip);
}

static void run(world *x, size_t attackers) {
    for (int turn = 0; turn < MINUTES * 60 * 4 && !is_at_honest_tip(x); turn++) {
        for (int i = 0; i < 16; i++)
            play(x, attackers);
        n_tick(&x->w, 250);
    }
    assert_true(is_at_honest_tip(x));
    size_t memory = 0;
    for (size_t i = 0; i < x->w.p2p->sync->branch_count; i++)
        memory += p2p_branch_memory(x->w.p2p->sync->branches[i]);
    assert_true(memory < 20 << 20);
}

static void open_world(world *x, const cheap *chains) {
    memset(x, 0, sizeof *x);
    n_open_asert(&x->w, 1);
    h_open(&x->honest, &x->w.spec);
    x->claimed = UINT64_MAX / 2;
    x->chains = chains;
}

static void close_world(world *x) {
    h_close(&x->honest);
    n_close(&x->w);
}

/* The honest chain began with little work, as chains do: its first headers weigh less than what attackers have from the
 * start. */
static void test_crowd(void **state) {
    world x;
    open_world(&x, *state);
    n_grow_slowly(x.honest.chain, HONEST_BLOCKS - 600, 4);
    n_grow_slowly(x.honest.chain, 100, 1); /* difficulty rises to some 4 */
    n_grow_slowly(x.honest.chain, 500, 4);
    for (int i = 0; i < 100; i++) /* they are here first */
        for (size_t k = 0; k < ATTACKERS; k++) {
            if (!x.w.peers[1 + k].open) n_greet(&x.w, 1 + k, 1000000, x.claimed);
            cheap_serve(&x.w, 1 + k, &x.chains[k % CHAINS]);
        }
    run(&x, ATTACKERS);
    close_world(&x);
}

/* Headers that weigh more than the honest chain, of blocks that nobody gives. */
static void test_withheld(void **state) {
    world x;
    open_world(&x, *state);
    n_grow_slowly(x.honest.chain, 600, 4);
    run(&x, 2);
    close_world(&x);
}

static int make_chains(void **state) {
    cheap *chains = calloc(CHAINS, sizeof *chains);
    n_net w;
    n_open_asert(&w, 1);
    for (unsigned i = 0; i < CHAINS; i++)
        cheap_init(&chains[i], &w, CHEAP_HEADERS, 1 + i);
    n_close(&w);
    *state = chains;
    return 0;
}

static int drop_chains(void **state) {
    cheap *chains = *state;
    for (size_t i = 0; i < CHAINS; i++)
        cheap_clear(&chains[i]);
    free(chains);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_crowd), cmocka_unit_test(test_withheld)};
    return cmocka_run_group_tests(tests, make_chains, drop_chains);
}
