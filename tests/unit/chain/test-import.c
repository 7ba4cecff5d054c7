/* Import on the tip: linear chains with transfers and staking over several epochs, reading them back, reopening, own
 * blocks. */
#include "harness.h"

#include "codec/receipt.h"
#include "posw/weight.h"

typedef struct {
    posw_chain_spec spec;
    h_node a;
} world;

static int setup(void **state) {
    world *w = calloc(1, sizeof *w);
    h_spec(&w->spec);
    h_open(&w->a, &w->spec);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world *w = *state;
    h_close(&w->a);
    posw_chain_spec_clear(&w->spec);
    free(w);
    return 0;
}

static void genesis(void **state) {
    world *w = *state;
    posw_chain *c = w->a.chain;
    posw_chain_block_info info;
    assert_int_equal(posw_chain_tip(c)->number, 0);
    const posw_hash tip = posw_chain_tip_hash(c), first = posw_chain_genesis_hash(c);
    assert_true(posw_hash_equal(&tip, &first));
    ok(posw_chain_block_by_number(c, &info, 0));
    assert_true(info.is_main);
    assert_true(posw_u256_equal(&info.weight_total, &w->spec.params.genesis_difficulty));
    assert_int_equal(posw_chain_block_by_number(c, &info, 1), POSW_ENOTFOUND);
    const posw_address miner = h_address(0);
    assert_non_null(posw_stake_table_find(posw_chain_table(c, 1), &miner));
    assert_null(posw_chain_table(c, 2));
    assert_int_equal(posw_chain_finalized(c), 0);
    h_check_state(c);
    h_verify(c);
}

static void check_tx(posw_chain *c, const posw_hash *hash, uint64_t number, uint32_t index) {
    uint64_t n;
    uint32_t i;
    ok(posw_chain_find_tx(c, &n, &i, hash));
    assert_int_equal(n, number);
    assert_int_equal(i, index);
}

static void transfers_are_found_and_read_back(void **state) {
    world *w = *state;
    posw_chain *c = w->a.chain;
    posw_hash hashes[3];
    h_plan plan = {
        .miner = 1, .tx_count = 3, .txs = {h_transfer(0, 0, 2, 5), h_transfer(1, 0, 2, 6), h_transfer(0, 1, 3, 7)}};
    for (size_t i = 0; i < 3; i++)
        posw_keccak256(&hashes[i], plan.txs[i].raw.data, plan.txs[i].raw.size);
    h_block b = h_extend(c, &plan);
    for (uint32_t i = 0; i < 3; i++)
        check_tx(c, &hashes[i], 1, i);

    posw_buf bytes = {0}, receipts = {0}, senders = {0};
    ok(posw_chain_block_bytes(c, &bytes, &b.hash));
    assert_int_equal(bytes.size, b.bytes.size);
    assert_memory_equal(bytes.data, b.bytes.data, bytes.size);
    ok(posw_chain_block_results(c, &receipts, &senders, &b.hash));
    assert_int_equal(senders.size, 3 * POSW_ADDRESS_SIZE);
    const posw_address second = h_address(1);
    assert_memory_equal(senders.data + POSW_ADDRESS_SIZE, second.b, POSW_ADDRESS_SIZE);
    for (size_t i = 0; i < 3; i++) {
        posw_bytes one;
        posw_receipt r;
        posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
        assert_true(posw_receipts_at(&one, posw_buf_view(&receipts), i));
        assert_true(posw_receipt_decode(&r, logs, one.data, one.size));
        assert_true(r.success);
        assert_int_equal(r.cumulative_gas_used, 21000 * (i + 1));
    }
    posw_chain_block_info info;
    ok(posw_chain_block_by_hash(c, &info, &b.hash));
    assert_int_equal(info.size, b.bytes.size);
    assert_true(info.is_main);
    posw_buf_clear(&bytes);
    posw_buf_clear(&receipts);
    posw_buf_clear(&senders);
    h_block_clear(&b);
}

/* Key 2 stakes for itself in epoch 0, counts from epoch 2, unstakes in epoch 3, and stops counting in epoch 5. */
static void staking_over_epochs(void **state) {
    world *w = *state;
    posw_chain *c = w->a.chain;
    const posw_address miner = h_address(2);
    const posw_u256 boosted = posw_u256_from_u64(16);
    for (uint64_t n = 1; n < 6 * H_EPOCH; n++) {
        h_plan plan = {.miner = (unsigned)(n % 3)};
        if (n == 3) plan.txs[plan.tx_count++] = h_stake(2, 0, 2, 50);
        if (n == 3 * H_EPOCH + 2) plan.txs[plan.tx_count++] = h_unstake(2, 1, 2, 50);
        h_block b = h_extend(c, &plan);
        h_block_clear(&b);
        const posw_stake_table *table = posw_chain_table(c, n + 1);
        assert_non_null(table);
        const uint64_t epoch = (n + 1) / H_EPOCH;
        const bool counts = epoch >= 2 && epoch < 5;
        assert_int_equal(posw_stake_table_find(table, &miner) != NULL, counts);
        const posw_u256 weight = posw_chain_next_weight(c, &miner);
        assert_true(posw_u256_equal(&weight, counts ? &boosted : &POSW_U256_ONE));
        posw_stake_proof proof;
        assert_int_equal(posw_chain_stake_proof(c, &proof, n + 1, &miner), counts ? POSW_OK : POSW_ENOTFOUND);
        const posw_hash root = posw_chain_stake_root(c, n + 1);
        if (counts) assert_int_equal(posw_stake_proof_check(&proof, epoch, &miner, &root).kind, POSW_VALID);
    }
    h_check_state(c);
    h_verify(c);
    assert_int_equal(posw_chain_finalized(c), 6 * H_EPOCH - 1 - H_REORG);
    assert_int_equal(posw_chain_safe(c), 6 * H_EPOCH - 1 - H_REORG / 4);
}

static void reopening_gives_the_same_chain(void **state) {
    world *w = *state;
    for (int round = 0; round < 4; round++) {
        h_node other;
        h_grow(w->a.chain, 13);
        h_open(&other, &w->spec); /* a copy made block by block */
        h_feed(other.chain, w->a.chain, 1, posw_chain_tip(w->a.chain)->number);
        h_reopen(&w->a);
        h_same(w->a.chain, other.chain);
        h_check_state(w->a.chain);
        h_close(&other);
    }
    h_verify(w->a.chain);
}

static void a_known_block_changes_nothing(void **state) {
    world *w = *state;
    h_block b = h_simple(w->a.chain, 0, 1);
    posw_verdict v;
    posw_chain_change change;
    ok(h_try(w->a.chain, &b, H_NOW, &v, &change));
    assert_int_equal(v.kind, POSW_VALID);
    assert_int_equal(change.added_count, 1);
    assert_true(posw_hash_equal(&change.added[0], &b.hash));
    const uint64_t before = posw_store_memory_operations(w->a.store);
    ok(h_try(w->a.chain, &b, H_NOW, &v, &change));
    assert_int_equal(v.kind, POSW_VALID);
    assert_int_equal(change.added_count + change.removed_count, 0);
    assert_true(posw_store_memory_operations(w->a.store) <= before + 1);
    h_block_clear(&b);
}

static void another_chain_is_refused(void **state) {
    world *w = *state;
    posw_chain_spec other;
    posw_chain *c;
    posw_message msg = {{0}};
    h_grow(w->a.chain, 3);
    h_spec(&other);
    other.params.weight.boost++;
    posw_chain_options o = h_options(&other, w->a.store);
    assert_int_equal(posw_chain_open(&c, &o, &msg), POSW_EMISMATCH);
    assert_non_null(strstr(msg.text, "another chain"));
    posw_chain_spec_clear(&other);

    /* Another ticker is the same chain. */
    h_spec(&other);
    strcpy(other.ticker, "OTHER");
    ok(posw_chain_close(w->a.chain));
    o = h_options(&other, w->a.store);
    ok(posw_chain_open(&w->a.chain, &o, &msg));
    assert_int_equal(posw_chain_tip(w->a.chain)->number, 3);
    ok(posw_chain_close(w->a.chain));
    o = h_options(&w->spec, w->a.store);
    ok(posw_chain_open(&w->a.chain, &o, &msg));
    posw_chain_spec_clear(&other);
}

static void has_state_of(posw_chain *c, uint64_t number) {
    posw_state *s;
    posw_chain_block_info info;
    ok(posw_chain_block_by_number(c, &info, number));
    ok(posw_chain_state_at(c, &s, number));
    const posw_hash root = posw_state_root(s);
    assert_true(posw_hash_equal(&root, &info.header.state_root));
    posw_account account;
    const posw_address sender = h_address(5);
    ok(posw_state_account(s, &account, &sender));
    assert_int_equal(account.nonce, number);
    posw_state_free(s);
}

static void states_of_recent_blocks(void **state) {
    world *w = *state;
    posw_chain *c = w->a.chain;
    posw_state *s;
    h_grow(c, POSW_CHAIN_STATES_MAX + 20);
    const uint64_t tip = posw_chain_tip(c)->number;
    for (uint64_t n = tip - POSW_CHAIN_STATES_MAX + 1; n <= tip; n++)
        has_state_of(c, n);
    assert_int_equal(posw_chain_state_at(c, &s, tip - POSW_CHAIN_STATES_MAX), POSW_ENOTFOUND);
    assert_int_equal(posw_chain_state_at(c, &s, tip + 1), POSW_ENOTFOUND);
}

/* Versions are in memory; after a restart only the tip's. Older ones come from undo records, as far back as before. */
static void states_after_reopening(void **state) {
    world *w = *state;
    posw_state *s;
    h_grow(w->a.chain, POSW_CHAIN_STATES_MAX + 20);
    h_reopen(&w->a);
    posw_chain *c = w->a.chain;
    const uint64_t tip = posw_chain_tip(c)->number, first = tip - POSW_CHAIN_STATES_MAX + 1;
    assert_int_equal(posw_chain_states_depth(c), POSW_CHAIN_STATES_MAX - 1);
    for (uint64_t n = tip; n >= first; n -= 5)
        has_state_of(c, n);
    for (uint64_t n = first; n <= tip; n++)
        has_state_of(c, n);
    assert_int_equal(posw_chain_state_at(c, &s, first - 1), POSW_ENOTFOUND);
    h_grow(c, 3); /* what was remembered goes with the old tip */
    for (uint64_t n = first + 3; n <= tip + 3; n++)
        has_state_of(c, n);
    assert_int_equal(posw_chain_state_at(c, &s, first + 2), POSW_ENOTFOUND);
    h_verify(c);
}

/* A chain that may take back more than is in memory has these states, too: `finalized` is one of them. */
static void states_of_a_deep_limit(void **state) {
    (void)state;
    h_node n;
    posw_chain_spec spec;
    h_spec(&spec);
    spec.params.epoch_blocks = spec.params.reorg_max_blocks = POSW_CHAIN_STATES_MAX + 40;
    spec.params.unbonding_blocks = 3 * spec.params.epoch_blocks;
    h_open(&n, &spec);
    h_grow(n.chain, POSW_CHAIN_STATES_MAX + 50);
    posw_state *s;
    for (int round = 0; round < 2; round++) {
        has_state_of(n.chain, 10);
        has_state_of(n.chain, 49);
        has_state_of(n.chain, 10);
        assert_int_equal(posw_chain_finalized(n.chain), 10);
        assert_int_equal(posw_chain_state_at(n.chain, &s, 9), POSW_ENOTFOUND);
        h_reopen(&n);
    }
    h_close(&n);
    posw_chain_spec_clear(&spec);
}

/* What making one may cost is bounded: of these blocks, all alike, twice the room takes back twice as many. */
static void states_cost_a_bounded_sum(void **state) {
    world *w = *state;
    posw_state *s;
    h_grow(w->a.chain, 20);
    h_reopen(&w->a);
    posw_chain_options o = h_options(&w->spec, w->a.store);
    uint64_t reach[2];
    for (int i = 0; i < 2; i++) {
        uint64_t back = 1;
        ok(posw_chain_close(w->a.chain));
        o.undo_bytes_max = i == 0 ? 1000 : 2000;
        ok(posw_chain_open(&w->a.chain, &o, NULL));
        while (back < 20 && posw_chain_state_at(w->a.chain, &s, 20 - back) == POSW_OK) {
            posw_state_free(s);
            ok(posw_chain_close(w->a.chain)); /* so that the next begins at the tip again */
            ok(posw_chain_open(&w->a.chain, &o, NULL));
            back++;
        }
        reach[i] = back - 1;
    }
    assert_in_range(reach[0], 1, 15);
    assert_in_range(reach[1], 2 * reach[0], 2 * reach[0] + 1);
    h_check_state(w->a.chain); /* the tip is as it was */
}

/* E = 1: the table of block n is that of block n - 2. */
static void epochs_of_one_block(void **state) {
    world *w = *state;
    h_node n;
    posw_chain_spec spec;
    h_spec(&spec);
    spec.params.epoch_blocks = spec.params.reorg_max_blocks = 1;
    h_open(&n, &spec);
    h_grow(n.chain, 2);
    h_plan plan = {.miner = 2, .tx_count = 1, .txs = {h_stake(2, 0, 2, 50)}};
    h_block b = h_extend(n.chain, &plan);
    h_block_clear(&b);
    const posw_address miner = h_address(2);
    assert_null(posw_stake_table_find(posw_chain_table(n.chain, 4), &miner));
    h_grow(n.chain, 1);
    assert_non_null(posw_stake_table_find(posw_chain_table(n.chain, 5), &miner));
    h_grow(n.chain, 5);
    h_verify(n.chain);
    h_reopen(&n);
    h_grow(n.chain, 2);
    h_close(&n);
    posw_chain_spec_clear(&spec);
    (void)w;
}

/* ---- own blocks ---- */

static void make_template(posw_chain *c, h_plan *plan, posw_chain_template *t) {
    *t = (posw_chain_template){.parent = posw_chain_tip_hash(c), .tx_count = plan->tx_count};
    h_execute(c, plan, &t->header, &t->state, &t->result);
    for (size_t i = 0; i < plan->tx_count; i++) {
        uint8_t size[4];
        const posw_address sender = h_address(plan->txs[i].from);
        posw_store_be32(size, (uint32_t)plan->txs[i].raw.size);
        posw_buf_append(&t->txs, size, 4);
        posw_buf_append(&t->txs, plan->txs[i].raw.data, plan->txs[i].raw.size);
        posw_buf_append(&t->senders, sender.b, sizeof sender.b);
    }
}

static posw_header sealed_of(posw_chain *c, h_plan *plan, const posw_chain_template *t) {
    posw_header h = t->header;
    h_seal(c, plan, &h);
    h_plan_clear(plan);
    return h;
}

static void own_block_is_the_same_block(void **state) {
    world *w = *state;
    h_node other;
    h_open(&other, &w->spec);
    posw_chain_template t;
    posw_chain_change change;
    posw_verdict v;
    h_plan plan = {.miner = 1, .tx_count = 2, .txs = {h_transfer(0, 0, 2, 5), h_stake(3, 0, 3, 20)}};
    make_template(w->a.chain, &plan, &t);
    const posw_header sealed = sealed_of(w->a.chain, &plan, &t);
    ok(posw_chain_import_own(w->a.chain, &t, &sealed, H_NOW, &v, &change));
    assert_int_equal(v.kind, POSW_VALID);
    assert_null(t.state);
    assert_int_equal(change.added_count, 1);
    h_block b = {0};
    ok(posw_chain_block_bytes(w->a.chain, &b.bytes, &change.added[0]));
    h_import_valid(other.chain, &b);
    h_same(w->a.chain, other.chain);
    h_check_state(w->a.chain);
    h_verify(w->a.chain);
    h_grow(w->a.chain, 3);
    h_block_clear(&b);
    h_close(&other);
}

static void own_block_with_a_bad_seal_is_refused(void **state) {
    world *w = *state;
    posw_chain_template t;
    posw_verdict v;
    h_plan plan = {.miner = 1};
    make_template(w->a.chain, &plan, &t);
    posw_header sealed = sealed_of(w->a.chain, &plan, &t);
    posw_header other = sealed;
    other.gas_used++;
    assert_int_equal(posw_chain_import_own(w->a.chain, &t, &other, H_NOW, &v, NULL), POSW_EINVAL);
    sealed.nonce[0]++;
    ok(posw_chain_import_own(w->a.chain, &t, &sealed, H_NOW, &v, NULL));
    assert_int_equal(v.kind, POSW_INVALID);
    assert_int_equal(posw_chain_tip(w->a.chain)->number, 0);
    posw_chain_template_clear(&t);
}

/* The tip moved while the block was searched: it becomes a side block. */
static void own_block_that_came_too_late(void **state) {
    world *w = *state;
    posw_chain_template t;
    posw_chain_change change;
    posw_chain_block_info info;
    posw_verdict v;
    posw_hash hash;
    h_plan plan = {.miner = 1, .tx_count = 1, .txs = {h_transfer(0, 0, 2, 5)}};
    make_template(w->a.chain, &plan, &t);
    const posw_header sealed = sealed_of(w->a.chain, &plan, &t);
    h_grow(w->a.chain, 1);
    ok(posw_chain_import_own(w->a.chain, &t, &sealed, H_NOW, &v, &change));
    assert_int_equal(v.kind, POSW_VALID);
    assert_int_equal(change.added_count, 0);
    posw_header_hash(&hash, &sealed);
    ok(posw_chain_block_by_hash(w->a.chain, &info, &hash));
    assert_false(info.is_main);
}

static void break_root(void *arg, posw_header *h) {
    (void)arg;
    h->state_root.b[0] ^= 1;
}

/* Only the latest few thousand invalid blocks are remembered; each has cost a proof of work and an execution. */
static void invalid_blocks_are_forgotten(void **state) {
    enum { REMEMBERED = 4096 };
    world *w = *state;
    posw_hash first = {{0}}, second = {{0}}, last = {{0}};
    enum posw_rule rule;
    for (unsigned i = 0; i <= REMEMBERED; i++) {
        h_plan plan = {.miner = 1, .gap_s = 1 + i, .before_seal = break_root};
        h_block b = h_build(w->a.chain, &plan);
        h_import_refused(w->a.chain, &b, POSW_INVALID, POSW_RULE_STATE_ROOT);
        if (i == 0) first = b.hash;
        if (i == 1) second = b.hash;
        last = b.hash;
        if (i == REMEMBERED - 1) assert_true(posw_chain_is_invalid(w->a.chain, &rule, &first));
        h_block_clear(&b);
    }
    assert_false(posw_chain_is_invalid(w->a.chain, &rule, &first));
    assert_true(posw_chain_is_invalid(w->a.chain, &rule, &second));
    assert_true(posw_chain_is_invalid(w->a.chain, &rule, &last));
    assert_int_equal(rule, POSW_RULE_STATE_ROOT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(genesis, setup, teardown),
        cmocka_unit_test_setup_teardown(transfers_are_found_and_read_back, setup, teardown),
        cmocka_unit_test_setup_teardown(staking_over_epochs, setup, teardown),
        cmocka_unit_test_setup_teardown(reopening_gives_the_same_chain, setup, teardown),
        cmocka_unit_test_setup_teardown(a_known_block_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(another_chain_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(states_of_recent_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(states_after_reopening, setup, teardown),
        cmocka_unit_test(states_of_a_deep_limit),
        cmocka_unit_test_setup_teardown(states_cost_a_bounded_sum, setup, teardown),
        cmocka_unit_test_setup_teardown(epochs_of_one_block, setup, teardown),
        cmocka_unit_test_setup_teardown(own_block_is_the_same_block, setup, teardown),
        cmocka_unit_test_setup_teardown(own_block_with_a_bad_seal_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(own_block_that_came_too_late, setup, teardown),
        cmocka_unit_test_setup_teardown(invalid_blocks_are_forgotten, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
