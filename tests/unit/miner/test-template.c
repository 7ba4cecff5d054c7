/* Block templates from a pool, their seals, and what two chains make of them. */
#include "mempool/pool.h"
#include "miner/search.h"

static int setup(void **state) {
    p_world *w = malloc(sizeof *w);
    p_open(w);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    p_close(*state);
    free(*state);
    return 0;
}

static posw_chain_template make(p_world *w, unsigned miner, uint64_t now_s) {
    const posw_address a = h_address(miner);
    posw_chain_template t;
    ok(posw_miner_template(w->node.chain, w->pool, &a, now_s, &t));
    return t;
}

static posw_header seal_with(p_world *w, const posw_chain_template *t, unsigned key) {
    posw_work work;
    posw_header sealed;
    uint8_t secret[32];
    ok(posw_miner_work(w->node.chain, t, 7, &work));
    const found f = search_work(&work);
    h_secret(secret, key);
    assert_true(posw_miner_seal(&sealed, t, f.nonce, &f.mix, secret));
    return sealed;
}

/* Seals with the miner's own key and imports as an own block; the pool follows. */
static posw_verdict finish(p_world *w, posw_chain_template *t, unsigned key) {
    const posw_header sealed = seal_with(w, t, key);
    posw_chain_change change;
    posw_verdict v;
    ok(posw_chain_import_own(w->node.chain, t, &sealed, H_NOW, &v, &change));
    if (v.kind != POSW_VALID) posw_chain_template_clear(t);
    ok(posw_mempool_follow(w->pool, &change, w->now_s));
    p_check(w->pool);
    return v;
}

/* "from.nonce ..." of a template's transactions. */
static void holds(const posw_chain_template *t, const char *expected) {
    char text[1024] = "";
    const uint8_t *p = t->txs.data;
    for (size_t i = 0; i < t->tx_count; i++) {
        posw_tx tx;
        posw_address sender;
        unsigned from = 0;
        char one[32];
        const size_t size = posw_load_be32(p);
        assert_int_equal(posw_tx_decode(&tx, p + 4, size), POSW_TX_OK);
        p += 4 + size;
        assert_true(posw_tx_sender(&sender, &tx));
        assert_memory_equal(t->senders.data + 20 * i, sender.b, 20);
        for (posw_address a = h_address(0); !posw_address_equal(&a, &sender); a = h_address(from))
            from++;
        snprintf(one, sizeof one, "%u.%u ", from, (unsigned)tx.nonce);
        strcat(text, one);
    }
    assert_ptr_equal(p, t->txs.data == NULL ? NULL : t->txs.data + t->txs.size);
    assert_string_equal(text, expected);
}

static void add(p_world *w, unsigned from, uint64_t nonce, uint64_t tip) {
    assert_int_equal(p_add(w, from, p_tx_tip(nonce, tip)), POSW_MEMPOOL_ACCEPTED);
}

/* ---- the header ---- */

static void an_empty_block(void **state) {
    p_world *w = *state;
    posw_chain_template t = make(w, 3, P_NOW);
    const posw_address miner = h_address(3);
    const posw_hash tip = posw_chain_tip_hash(w->node.chain), root = posw_chain_stake_root(w->node.chain, 1);
    const posw_hash in_header = posw_header_stake_root(&t.header);
    assert_true(posw_hash_equal(&t.parent, &tip) && posw_hash_equal(&t.header.parent_hash, &tip));
    assert_true(posw_address_equal(&t.header.beneficiary, &miner));
    assert_true(posw_hash_equal(&root, &in_header));
    assert_int_equal(t.header.number, 1);
    assert_int_equal(t.header.timestamp, P_NOW);
    assert_int_equal(t.header.gas_limit, w->spec.params.gas_limit);
    assert_int_equal(t.header.gas_used, 0);
    assert_true(posw_hash_equal(&t.header.transactions_root, &POSW_TRIE_EMPTY_ROOT));
    assert_true(posw_hash_equal(&t.header.ommers_hash, &POSW_OMMERS_EMPTY));
    assert_int_equal(t.tx_count, 0);
    assert_int_equal(finish(w, &t, 3).kind, POSW_VALID);
    h_check_state(w->node.chain);
}

static void time_never_stands_still(void **state) {
    p_world *w = *state;
    const uint64_t genesis = posw_chain_tip(w->node.chain)->timestamp;
    const uint64_t now[] = {0, genesis - 1, genesis, genesis + 1, genesis + 2, genesis + 100};
    const uint64_t expected[] = {genesis + 1, genesis + 1, genesis + 1, genesis + 1, genesis + 2, genesis + 100};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(now); i++) {
        posw_chain_template t = make(w, 1, now[i]);
        assert_int_equal(t.header.timestamp, expected[i]);
        posw_chain_template_clear(&t);
    }
}

static void without_a_pool(void **state) {
    p_world *w = *state;
    const posw_address a = h_address(1);
    posw_chain_template t;
    add(w, 1, 0, 1);
    ok(posw_miner_template(w->node.chain, NULL, &a, P_NOW, &t));
    assert_int_equal(t.tx_count, 0);
    posw_chain_template_clear(&t);
}

/* ---- transactions ---- */

static void the_best_first(void **state) {
    p_world *w = *state;
    add(w, 1, 0, 2);
    add(w, 1, 1, 9);
    add(w, 2, 0, 5);
    add(w, 3, 0, 3);
    add(w, 3, 2, 99); /* behind a gap */
    posw_chain_template t = make(w, 0, P_NOW);
    holds(&t, "2.0 3.0 1.0 1.1 ");
    assert_int_equal(t.header.gas_used, 4 * 21000);
    assert_int_equal(finish(w, &t, 0).kind, POSW_VALID);
    p_expect(w, 0, 1);
    h_check_state(w->node.chain);
}

static void with_small_gas_limit(posw_chain_spec *spec) {
    spec->params.gas_limit = 100000;
}

static void the_gas_limit(void **state) {
    p_world w;
    (void)state;
    const posw_mempool_options o = p_options();
    p_open_with(&w, &o, with_small_gas_limit);
    posw_tx large = p_tx_tip(0, 5);
    large.gas_limit = 90000;
    add(&w, 1, 0, 9);
    assert_int_equal(p_add(&w, 2, large), POSW_MEMPOOL_ACCEPTED); /* does not fit any more */
    add(&w, 2, 1, 9);
    for (unsigned from = 3; from < 7; from++)
        add(&w, from, 0, 1);
    posw_chain_template t = make(&w, 0, P_NOW);
    holds(&t, "1.0 3.0 4.0 5.0 "); /* 84,000 of 100,000 */
    assert_int_equal(finish(&w, &t, 0).kind, POSW_VALID);
    t = make(&w, 0, P_NOW);
    holds(&t, "2.0 2.1 6.0 "); /* the large one comes first now, and needs 21,000 only */
    assert_int_equal(finish(&w, &t, 0).kind, POSW_VALID);
    p_expect(&w, 0, 0);
    p_close(&w);
}

static void with_much_gas(posw_chain_spec *spec) {
    spec->params.gas_limit = 600000000;
}

static void the_size_limit(void **state) {
    enum { LARGE = 70 };
    static const uint8_t zeros[POSW_TX_SIZE_MAX];
    p_world w;
    (void)state;
    const posw_mempool_options o = p_options();
    p_open_with(&w, &o, with_much_gas);
    posw_tx large = p_tx_tip(0, 5);
    large.input = posw_bytes_of(zeros, 130000);
    large.gas_limit = 21000 + 4 * 130000;
    for (large.nonce = 0; large.nonce < LARGE; large.nonce++) {
        h_tx tx = p_sign(1, &large);
        enum posw_mempool_refusal refusal;
        ok(posw_mempool_add(w.pool, &refusal, NULL, NULL, tx.raw.data, tx.raw.size, NULL, P_NOW));
        assert_int_equal(refusal, POSW_MEMPOOL_ACCEPTED);
        posw_buf_clear(&tx.raw);
    }
    add(&w, 2, 0, 1);
    posw_chain_template t = make(&w, 0, P_NOW);
    assert_int_equal(t.tx_count, 64 + 1); /* 64 large ones are 8.3 of 8.39 million bytes; the small one still fits */
    const posw_header sealed = seal_with(&w, &t, 0);
    posw_chain_change change;
    posw_verdict v;
    ok(posw_chain_import_own(w.node.chain, &t, &sealed, H_NOW, &v, &change));
    assert_int_equal(v.kind, POSW_VALID);
    posw_chain_block_info info;
    ok(posw_chain_block_by_number(w.node.chain, &info, 1));
    assert_in_range(info.size, POSW_BLOCK_SIZE_MAX - 130000, POSW_BLOCK_SIZE_MAX);
    p_close(&w);
}

/* Senders without keys: the pool believes what it is told. */
enum { CROWD = 3000 };

static posw_address crowd_address(unsigned i) {
    posw_address a = {{0xcc, (uint8_t)(i >> 8), (uint8_t)i}};
    return a;
}

static void with_a_crowd(posw_chain_spec *spec) {
    spec->accounts = realloc(spec->accounts, (H_KEYS + CROWD) * sizeof *spec->accounts);
    for (unsigned i = 0; i < CROWD; i++)
        spec->accounts[H_KEYS + i] = (posw_genesis_account){crowd_address(i), h_coins(10)};
    spec->account_count = H_KEYS + CROWD;
}

static void add_of_crowd(p_world *w, unsigned i, uint64_t gas_limit) {
    const posw_address sender = crowd_address(i);
    enum posw_mempool_refusal refusal;
    posw_tx tx = p_tx_tip(0, 5);
    tx.gas_limit = gas_limit;
    tx.value = posw_u256_from_u64(i); /* so that each has a hash of its own */
    h_tx signed_tx = p_sign(1, &tx);
    ok(posw_mempool_add(w->pool, &refusal, NULL, NULL, signed_tx.raw.data, signed_tx.raw.size, &sender, P_NOW));
    assert_int_equal(refusal, POSW_MEMPOOL_ACCEPTED);
    posw_buf_clear(&signed_tx.raw);
}

/* Each may use the gas of a whole block and uses 21,000: one fits into a block, and those after it take no room. */
static void a_crowd_keeps_nobody_out(void **state) {
    p_world w;
    (void)state;
    const posw_mempool_options o = p_options();
    p_open_with(&w, &o, with_a_crowd);
    for (unsigned i = 0; i < CROWD; i++)
        add_of_crowd(&w, i, w.spec.params.gas_limit);
    add(&w, 2, 0, 1); /* which offers less */
    add(&w, 2, 1, 1);
    add(&w, 3, 0, 1);
    posw_chain_template t = make(&w, 0, P_NOW);
    assert_int_equal(t.tx_count, 1 + 3);
    assert_int_equal(t.header.gas_used, 4 * 21000);
    posw_chain_template_clear(&t);
    p_close(&w);
}

/* What cannot be executed holds up its sender only, and the block is good. */
static void refused_when_executed(void **state) {
    p_world *w = *state;
    for (uint64_t n = 0; n < 3; n++)
        add(w, 1, n, 9);
    add(w, 2, 0, 1);
    h_plan plan = {.miner = 0, .tx_count = 1, .txs = {h_transfer(1, 0, 3, 1)}};
    h_block b = h_extend(w->node.chain, &plan); /* the pool has not followed yet */
    h_block_clear(&b);
    posw_chain_template t = make(w, 0, P_NOW);
    holds(&t, "2.0 ");
    const posw_header sealed = seal_with(w, &t, 0);
    posw_verdict v;
    ok(posw_chain_import_own(w->node.chain, &t, &sealed, H_NOW, &v, NULL));
    assert_int_equal(v.kind, POSW_VALID);
}

static void with_a_high_base_fee(posw_chain_spec *spec) {
    spec->params.base_fee_initial_wei = 8 * P_GWEI;
}

static void fees_below_the_base_fee_wait(void **state) {
    p_world w;
    (void)state;
    const posw_mempool_options o = p_options();
    p_open_with(&w, &o, with_a_high_base_fee);
    const uint64_t after_empty = 7 * P_GWEI;
    posw_tx low = p_tx(0);
    low.max_fee = low.max_tip = posw_u256_from_u64(after_empty - 1);
    assert_int_equal(p_add(&w, 1, low), POSW_MEMPOOL_ACCEPTED);
    low.max_fee = posw_u256_from_u64(after_empty);
    assert_int_equal(p_add(&w, 2, low), POSW_MEMPOOL_ACCEPTED);
    posw_chain_template t = make(&w, 0, P_NOW);
    assert_int_equal(t.header.base_fee_wei, after_empty);
    holds(&t, "2.0 ");
    assert_int_equal(finish(&w, &t, 0).kind, POSW_VALID);
    t = make(&w, 0, P_NOW); /* the base fee has fallen once more */
    holds(&t, "1.0 ");
    posw_chain_template_clear(&t);
    p_close(&w);
}

/* ---- seals ---- */

/* The same block by its own way and by its bytes: two chains, one state. */
static void own_blocks_and_their_bytes(void **state) {
    p_world *w = *state;
    h_node other;
    h_open(&other, &w->spec);
    uint64_t random = 5, next[H_KEYS] = {0};
    for (unsigned n = 1; n <= 3 * H_EPOCH; n++) {
        for (unsigned i = 0; i < random_below(&random, 6); i++) {
            const unsigned from = (unsigned)random_below(&random, H_KEYS);
            h_tx tx = random_below(&random, 3) == 0 ? h_stake(from, next[from]++, from, 20)
                                                    : h_transfer(from, next[from]++, 1, 2);
            assert_int_equal(p_add_raw(w, posw_buf_view(&tx.raw), NULL), POSW_MEMPOOL_ACCEPTED);
            posw_buf_clear(&tx.raw);
        }
        const unsigned miner = n % 4;
        posw_chain_template t = make(w, miner, P_NOW + 2 * n);
        assert_int_equal(finish(w, &t, miner).kind, POSW_VALID);
        p_expect(w, 0, 0);
        h_feed(other.chain, w->node.chain, n, n);
    }
    h_same(w->node.chain, other.chain);
    h_check_state(w->node.chain);
    h_check_state(other.chain);
    h_verify(w->node.chain);
    h_verify(other.chain);
    h_close(&other);
}

static void with_difficulty(posw_chain_spec *spec) {
    spec->params.genesis_difficulty = posw_u256_from_u64(1000);
}

static void work_says_what_counts(void **state) {
    p_world w;
    (void)state;
    const posw_mempool_options o = p_options();
    p_open_with(&w, &o, with_difficulty);
    posw_chain_template staked = make(&w, 0, P_NOW), plain = make(&w, 1, P_NOW);
    posw_work a, b;
    posw_hash seal_hash;
    uint8_t input[POSW_POW_INPUT_SIZE];
    ok(posw_miner_work(w.node.chain, &staked, 3, &a));
    ok(posw_miner_work(w.node.chain, &plain, 4, &b));
    assert_int_equal(a.id, 3);
    assert_int_equal(a.number, 1);
    assert_int_equal(a.weight.w[0], 16); /* the boost of a ticket */
    assert_int_equal(b.weight.w[0], 1);
    const posw_u256 target = posw_seal_target(&b.difficulty, &POSW_U256_ONE);
    assert_true(posw_u256_equal(&b.target, &target));
    assert_true(posw_u256_cmp(&a.target, &b.target) > 0);
    posw_header_seal_hash(&seal_hash, &plain.header);
    assert_true(posw_hash_equal(&seal_hash, &b.seal_hash));
    posw_pow_input(input, &seal_hash, (const uint8_t[8]){0});
    assert_memory_equal(input, b.input, sizeof input);
    /* a seal just for one weight is not one for the other */
    found f = search_work(&a);
    while (posw_seal_meets(&f.mix, &b.difficulty, &b.weight)) {
        a.input[0] ^= 1; /* any other search */
        f = search_work(&a);
    }
    assert_true(posw_seal_meets(&f.mix, &a.difficulty, &a.weight));
    assert_int_equal(finish(&w, &plain, 1).kind, POSW_VALID);
    posw_chain_template_clear(&staked);
    p_close(&w);
}

static void with_steps(posw_chain_spec *spec) {
    spec->params.block_time_s = 10;
    spec->params.difficulty_rule = POSW_DIFFICULTY_STEP;
    spec->params.genesis_difficulty = posw_u256_from_u64(100);
}
static void with_looking_back(posw_chain_spec *spec) {
    spec->params.block_time_s = 10;
    spec->params.difficulty_rule = POSW_DIFFICULTY_LWMA3;
    spec->params.difficulty_blocks = 6;
    spec->params.genesis_difficulty = posw_u256_from_u64(100);
}

/* Timestamp and difficulty of a template belong together, also when it is made anew later for the same tip. */
static void time_and_difficulty(void **state) {
    static void (*const changes[])(posw_chain_spec *) = {with_steps, with_looking_back};
    (void)state;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(changes); i++) {
        p_world w;
        const posw_mempool_options o = p_options();
        p_open_with(&w, &o, changes[i]);
        for (uint64_t n = 0; n < 12; n++) {
            const uint64_t tip = posw_chain_tip(w.node.chain)->timestamp;
            posw_chain_template early = make(&w, 1, tip + 9), late = make(&w, 1, tip + 10), stuck = make(&w, 1, 0);
            const int order = posw_u256_cmp(&early.header.difficulty, &late.header.difficulty);
            assert_true(i == 0 ? order > 0 : order == 0);
            assert_true(posw_u256_equal(&early.header.difficulty, &stuck.header.difficulty));
            assert_int_equal(finish(&w, n % 3 == 0 ? &late : n % 3 == 1 ? &early : &stuck, 1).kind, POSW_VALID);
            if (n % 3 != 0) posw_chain_template_clear(&late);
            if (n % 3 != 1) posw_chain_template_clear(&early);
            if (n % 3 != 2) posw_chain_template_clear(&stuck);
        }
        h_verify(w.node.chain);
        p_close(&w);
    }
}

static void wrong_seals(void **state) {
    p_world *w = *state;
    posw_chain_template t = make(w, 1, P_NOW);
    posw_verdict v;
    posw_header sealed = seal_with(w, &t, 2); /* another's key */
    ok(posw_chain_import_own(w->node.chain, &t, &sealed, H_NOW, &v, NULL));
    assert_int_equal(v.kind, POSW_INVALID);
    assert_non_null(t.state); /* the template is as good as before */
    sealed = seal_with(w, &t, 1);
    sealed.mix_hash.b[0] ^= 1;
    ok(posw_chain_import_own(w->node.chain, &t, &sealed, H_NOW, &v, NULL));
    assert_int_equal(v.kind, POSW_INVALID);
    posw_work work;
    ok(posw_miner_work(w->node.chain, &t, 1, &work));
    const found f = search_work(&work);
    const uint8_t no_key[32] = {0};
    assert_false(posw_miner_seal(&sealed, &t, f.nonce, &f.mix, no_key));
    assert_int_equal(finish(w, &t, 1).kind, POSW_VALID);
}

/* A template without its state (that of an old tip is given up) is imported by its bytes. */
static void without_its_state(void **state) {
    p_world *w = *state;
    add(w, 1, 0, 1);
    posw_chain_template t = make(w, 0, P_NOW);
    posw_state_free(t.state);
    t.state = NULL;
    posw_execution_result_clear(&t.result);
    assert_int_equal(finish(w, &t, 0).kind, POSW_VALID);
    p_expect(w, 0, 0);
    h_check_state(w->node.chain);
}

/* ---- signers ---- */

static void a_named_signer(void **state) {
    p_world *w = *state;
    posw_miner_identity own = {.miner = h_address(0)}, named = own, stranger = {.miner = h_address(1)}, none = own;
    h_secret(own.secret, 0);
    h_secret(named.secret, 6);
    h_secret(stranger.secret, 1);
    memset(none.secret, 0, sizeof none.secret);
    assert_true(posw_miner_can_sign(w->node.chain, &own) && posw_miner_can_sign(w->node.chain, &stranger));
    assert_false(posw_miner_can_sign(w->node.chain, &named) || posw_miner_can_sign(w->node.chain, &none));
    h_plan plan = {.miner = 1, .tx_count = 1, .txs = {h_set_signer(0, 0, 6)}};
    p_mine(w, &plan);
    assert_true(posw_miner_can_sign(w->node.chain, &own)); /* the table in force is of an earlier epoch */
    while (posw_chain_tip(w->node.chain)->number < 3 * H_EPOCH) {
        h_plan empty = {.miner = 1};
        p_mine(w, &empty);
    }
    assert_false(posw_miner_can_sign(w->node.chain, &own));
    assert_true(posw_miner_can_sign(w->node.chain, &named));
    posw_chain_template t = make(w, 0, P_NOW + 100);
    const posw_header by_owner = seal_with(w, &t, 0);
    posw_verdict v;
    ok(posw_chain_import_own(w->node.chain, &t, &by_owner, H_NOW, &v, NULL));
    assert_int_equal(v.kind, POSW_INVALID);
    assert_int_equal(finish(w, &t, 6).kind, POSW_VALID);
    posw_miner_identity_clear(&own);
    assert_true(posw_address_is_zero(&own.miner) && own.secret[0] == 0 && own.secret[31] == 0);
    posw_miner_identity_clear(NULL);
}

/* ---- faults ---- */

/* Whatever read fails: an error, nothing lost, and the next template is good. */
static void store_faults(void **state) {
    p_world *w = *state;
    h_grow(w->node.chain, 3);
    const posw_mempool_options o = p_options();
    const posw_address a = h_address(0);
    unsigned failed = 0;
    for (uint64_t nth = 1; nth < 200; nth++) {
        posw_chain_template t;
        posw_mempool_free(w->pool);
        h_reopen(&w->node);
        ok(posw_mempool_new(&w->pool, w->node.chain, &o));
        assert_int_equal(p_add(w, 5, p_tx(3)), POSW_MEMPOOL_ACCEPTED);
        assert_int_equal(p_add(w, 6, p_tx(0)), POSW_MEMPOOL_ACCEPTED);
        const uint64_t before = posw_store_memory_operations(w->node.store);
        posw_store_memory_fail(w->node.store, nth, POSW_EIO, false);
        const int rc = posw_miner_template(w->node.chain, w->pool, &a, P_NOW, &t);
        posw_store_memory_fail(w->node.store, 0, POSW_OK, false);
        if (rc == POSW_OK) posw_chain_template_clear(&t);
        if (rc == POSW_OK && posw_store_memory_operations(w->node.store) - before < nth) break;
        assert_int_equal(rc, POSW_EIO);
        failed++;
        t = make(w, 0, P_NOW);
        holds(&t, "5.3 6.0 ");
        assert_int_equal(t.tx_count, 2);
        posw_chain_template_clear(&t);
    }
    assert_true(failed > 0);
    posw_chain_template t = make(w, 0, P_NOW);
    assert_int_equal(finish(w, &t, 0).kind, POSW_VALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_empty_block),
        TEST(time_never_stands_still),
        TEST(without_a_pool),
        TEST(the_best_first),
        cmocka_unit_test(the_gas_limit),
        cmocka_unit_test(the_size_limit),
        cmocka_unit_test(a_crowd_keeps_nobody_out),
        TEST(refused_when_executed),
        TEST(fees_below_the_base_fee_wait),
        TEST(own_blocks_and_their_bytes),
        cmocka_unit_test(work_says_what_counts),
        cmocka_unit_test(time_and_difficulty),
        TEST(wrong_seals),
        TEST(without_its_state),
        TEST(a_named_signer),
        TEST(store_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
