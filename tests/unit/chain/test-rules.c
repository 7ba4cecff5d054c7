/* Every rule of a block broken in turn: the verdict names it, and nothing changes. */
#include "harness.h"

typedef struct {
    posw_chain_spec spec;
    h_node a;
} world;

static int setup_with(void **state, uint64_t difficulty) {
    world *w = calloc(1, sizeof *w);
    h_spec(&w->spec);
    w->spec.params.genesis_difficulty = posw_u256_from_u64(difficulty);
    h_open(&w->a, &w->spec);
    h_grow(w->a.chain, 3);
    *state = w;
    return 0;
}

static int setup(void **state) {
    return setup_with(state, 1);
}
static int setup_difficult(void **state) {
    return setup_with(state, 64);
}

static int teardown(void **state) {
    world *w = *state;
    h_close(&w->a);
    posw_chain_spec_clear(&w->spec);
    free(w);
    return 0;
}

static void refused(posw_chain *c, const h_block *b, enum posw_verdict_kind kind, enum posw_rule rule) {
    const posw_hash tip = posw_chain_tip_hash(c);
    const uint64_t mtp = posw_window_mtp(posw_chain_window(c));
    posw_chain_block_info info;
    for (int twice = 0; twice < 2; twice++) /* a second time from memory, with the same answer */
        h_import_refused(c, b, kind, rule);
    assert_true(h_tip_is(c, &tip));
    assert_int_equal(posw_window_mtp(posw_chain_window(c)), mtp);
    assert_int_equal(posw_chain_block_by_hash(c, &info, &b->hash), POSW_ENOTFOUND);
    h_check_state(c);
}

static void refuse_plan(posw_chain *c, h_plan *plan, enum posw_rule rule) {
    h_block b = h_build(c, plan);
    refused(c, &b, POSW_INVALID, rule);
    h_block_clear(&b);
}

/* ---- fields, before the seal ---- */

static void break_ommers(void *arg, posw_header *h) {
    (void)arg, h->ommers_hash.b[0] ^= 1;
}
static void break_version(void *arg, posw_header *h) {
    (void)arg, h->extra[0] = 2;
}
static void break_number(void *arg, posw_header *h) {
    (void)arg, h->number++;
}
static void break_number_zero(void *arg, posw_header *h) {
    (void)arg, h->number = 0;
}
static void break_time(void *arg, posw_header *h) {
    (void)arg, h->timestamp--;
}
static void break_difficulty(void *arg, posw_header *h) {
    (void)arg, h->difficulty.w[0]++;
}
static void break_stake_root(void *arg, posw_header *h) {
    (void)arg, h->extra[1] ^= 1;
}
static void break_gas_limit(void *arg, posw_header *h) {
    (void)arg, h->gas_limit++;
}
static void break_base_fee(void *arg, posw_header *h) {
    (void)arg, h->base_fee_wei++;
}
static void break_tx_root(void *arg, posw_header *h) {
    (void)arg, h->transactions_root.b[0] ^= 1;
}
static void break_gas_used(void *arg, posw_header *h) {
    (void)arg, h->gas_used++;
}
static void break_receipts(void *arg, posw_header *h) {
    (void)arg, h->receipts_root.b[0] ^= 1;
}
static void break_bloom(void *arg, posw_header *h) {
    (void)arg, h->logs_bloom[0] ^= 1;
}
static void break_state_root(void *arg, posw_header *h) {
    (void)arg, h->state_root.b[0] ^= 1;
}

static void fields(void **state) {
    world *w = *state;
    static const struct {
        void (*fn)(void *, posw_header *);
        enum posw_rule rule;
    } cases[] = {
        {break_ommers, POSW_RULE_OMMERS},         {break_version, POSW_RULE_EXTRA_DATA},
        {break_number, POSW_RULE_PARENT},         {break_number_zero, POSW_RULE_PARENT},
        {break_time, POSW_RULE_TIME_ORDER},       {break_difficulty, POSW_RULE_DIFFICULTY},
        {break_stake_root, POSW_RULE_STAKE_ROOT}, {break_gas_limit, POSW_RULE_GAS_LIMIT},
        {break_base_fee, POSW_RULE_BASE_FEE},     {break_tx_root, POSW_RULE_TX_ROOT},
        {break_gas_used, POSW_RULE_GAS_USED},     {break_receipts, POSW_RULE_RECEIPTS_ROOT},
        {break_bloom, POSW_RULE_BLOOM},           {break_state_root, POSW_RULE_STATE_ROOT},
    };
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        h_plan plan = {.miner = 1, .before_seal = cases[i].fn};
        plan.txs[plan.tx_count++] = h_transfer(4, 0, 3, 1);
        refuse_plan(w->a.chain, &plan, cases[i].rule);
    }
    h_grow(w->a.chain, 2);
    h_verify(w->a.chain);
}

/* ---- the seal ---- */

static void shorten_extra(void *arg, posw_header *h) {
    (void)arg, h->extra_size--;
}
static void break_recovery(void *arg, posw_header *h) {
    (void)arg, h->extra[POSW_EXTRA_SIZE - 1] = 2;
}
static void break_signature(void *arg, posw_header *h) {
    (void)arg, h->extra[POSW_EXTRA_SIZE - 40] ^= 1;
}
static void raise_s(void *arg, posw_header *h) {
    (void)arg, h->extra[POSW_EXTRA_SIZE - 33] = 0xff;
}
static void break_mix_and_sign(void *arg, posw_header *h) {
    h->mix_hash.b[0] ^= 1;
    h_sign(h, *(unsigned *)arg);
}

static void seals(void **state) {
    world *w = *state;
    posw_chain *c = w->a.chain;
    unsigned miner = 1;
    h_plan short_extra = {.miner = miner, .after_seal = shorten_extra};
    h_plan bad_v = {.miner = miner, .after_seal = break_recovery};
    h_plan high_s = {.miner = miner, .after_seal = raise_s};
    h_plan bad_r = {.miner = miner, .after_seal = break_signature};
    h_plan other_signer = {.miner = miner, .signer = 2, .has_signer = true};
    h_plan bad_mix = {.miner = miner, .after_seal = break_mix_and_sign, .arg = &miner};
    refuse_plan(c, &short_extra, POSW_RULE_EXTRA_DATA);
    refuse_plan(c, &bad_v, POSW_RULE_EXTRA_DATA);
    refuse_plan(c, &high_s, POSW_RULE_EXTRA_DATA);
    refuse_plan(c, &bad_r, POSW_RULE_SIGNATURE);
    refuse_plan(c, &other_signer, POSW_RULE_SIGNATURE);
    refuse_plan(c, &bad_mix, POSW_RULE_POW);
}

/* H6 where prepare could not check it: the import does. */
static void unchecked_proof_of_work(void **state) {
    world *w = *state;
    unsigned miner = 1;
    h_plan bad_mix = {.miner = miner, .after_seal = break_mix_and_sign, .arg = &miner};
    h_block b = h_build(w->a.chain, &bad_mix);
    posw_prepared p;
    posw_verdict v;
    ok(posw_prepare(&p, b.bytes.data, b.bytes.size, NULL, NULL, NULL));
    assert_int_equal(p.verdict.kind, POSW_VALID);
    ok(posw_chain_import(w->a.chain, &p, H_NOW, &v, NULL));
    assert_int_equal(v.kind, POSW_INVALID);
    assert_int_equal(v.rule, POSW_RULE_POW);
    h_block_clear(&b);
}

/* A miner without stake needs the base target; nonce 0 is below it with probability 1/64, so some timestamp shows it.
 */
static void target(void **state) {
    world *w = *state;
    unsigned refusals = 0;
    for (uint64_t gap = 1; gap < 40 && refusals < 5; gap++) {
        h_plan plan = {.miner = 2, .gap_s = gap, .ignore_target = true};
        h_block b = h_build(w->a.chain, &plan);
        if (posw_seal_boosted(&b.header.mix_hash, &b.header.difficulty)) {
            refused(w->a.chain, &b, POSW_INVALID, POSW_RULE_TARGET);
            refusals++;
        }
        h_block_clear(&b);
    }
    assert_int_equal(refusals, 5);
}

/* Key 0 has 100 coins at stake. With tickets of 25 coins it gets four boosted blocks in a window of ten. */
static void tickets(void **state) {
    world *w = *state;
    h_close(&w->a);
    w->spec.params.weight.ticket_price_wei = h_coins(25);
    h_open(&w->a, &w->spec);
    h_grow(w->a.chain, 3);
    posw_chain *c = w->a.chain;
    const posw_address miner = h_address(0);
    const uint64_t used_before = posw_window_used(posw_chain_window(c), &miner);
    for (uint64_t i = used_before; i < 4; i++) {
        h_plan plan = {.miner = 0, .want_boosted = true};
        h_block b = h_extend(c, &plan);
        h_block_clear(&b);
    }
    assert_int_equal(posw_window_used(posw_chain_window(c), &miner), 4);
    h_plan over = {.miner = 0, .ignore_target = true};
    h_block b = h_build(c, &over);
    while (
        !posw_seal_boosted(&b.header.mix_hash, &b.header.difficulty)) { /* nonce 0 happened to meet the base target */
        h_block_clear(&b);
        over.gap_s++;
        b = h_build(c, &over);
    }
    refused(c, &b, POSW_INVALID, POSW_RULE_TARGET);
    h_block_clear(&b);
    for (uint64_t i = 0; i < H_WINDOW; i++) { /* unboosted ones are free */
        b = h_simple(c, 0, 1);
        assert_false(posw_seal_boosted(&b.header.mix_hash, &b.header.difficulty) &&
                     posw_window_used(posw_chain_window(c), &miner) == 4);
        h_import_valid(c, &b);
        h_block_clear(&b);
    }
    h_verify(c);
}

/* A block of miner 0, whose own signature is known and not recovered again: judged as before. */
static void refuse_known_signature(posw_chain *c, enum posw_rule rule, bool known) {
    posw_prepared p;
    posw_verdict v;
    h_block b = h_simple(c, 0, 1);
    ok(posw_prepare(&p, b.bytes.data, b.bytes.size, &h_pow, NULL, NULL));
    p.own_signature = known;
    ok(posw_chain_import(c, &p, H_NOW, &v, NULL));
    assert_int_equal(v.kind, POSW_INVALID);
    assert_int_equal(v.rule, rule);
    posw_prepared_clear(&p);
    h_block_clear(&b);
}

/* H8: after setSigner the signer's key seals, from the epoch in which the table has it. */
static void delegated_signer(void **state) {
    world *w = *state;
    posw_chain *c = w->a.chain;
    h_plan set = {.miner = 1, .tx_count = 1, .txs = {h_set_signer(0, 0, 7)}};
    h_block b = h_extend(c, &set);
    h_block_clear(&b);
    while (posw_chain_tip(c)->number + 1 < 2 * H_EPOCH) { /* the old signer until then */
        b = h_simple(c, 0, 1);
        h_import_valid(c, &b);
        h_block_clear(&b);
    }
    h_plan old = {.miner = 0}, new = {.miner = 0, .signer = 7, .has_signer = true};
    refuse_plan(c, &old, POSW_RULE_SIGNATURE);
    refuse_known_signature(c, POSW_RULE_SIGNATURE, true);
    b = h_extend(c, &new);
    h_block_clear(&b);
    h_verify(c);
}

/* ---- time ---- */

static void future(void **state) {
    world *w = *state;
    posw_chain *c = w->a.chain;
    posw_verdict v;
    h_block b = h_simple(c, 1, 100);
    const uint64_t ahead = 15; /* max(2T, 15) */
    ok(h_try(c, &b, b.header.timestamp - ahead - 1, &v, NULL));
    assert_int_equal(v.kind, POSW_NOT_YET);
    assert_int_equal(v.rule, POSW_RULE_TIME_FUTURE);
    ok(h_try(c, &b, b.header.timestamp - ahead, &v, NULL));
    assert_int_equal(v.kind, POSW_VALID);
    h_block_clear(&b);
}

/* ---- the body ---- */

static void set_root(void *arg, posw_header *h) {
    h->transactions_root = *(const posw_hash *)arg;
}

/* A block with this one transaction in its body, whatever executing it would give. */
static h_block with_tx(posw_chain *c, h_tx *tx) {
    posw_hash root;
    const posw_bytes raw = posw_buf_view(&tx->raw);
    ok(posw_trie_list_root(&root, &raw, 1));
    h_plan plan = {.miner = 1, .before_seal = set_root, .arg = &root};
    h_block b = h_build(c, &plan);
    posw_buf_reset(&b.bytes);
    posw_block_encode(&b.bytes, &b.header, &raw, 1);
    posw_buf_clear(&tx->raw);
    return b;
}

static h_tx sign_as(posw_tx tx, unsigned from) {
    uint8_t secret[32];
    h_tx out = {.from = from};
    h_secret(secret, from);
    assert_true(posw_tx_sign(&out.raw, &tx, secret));
    return out;
}

static void transactions(void **state) {
    world *w = *state;
    const posw_tx good = {.type = POSW_TX_DYNAMIC_FEE,
                          .is_protected = true,
                          .chain_id = 1337,
                          .gas_limit = 21000,
                          .max_fee = posw_u256_from_u64(100000000000),
                          .max_tip = posw_u256_from_u64(1000000000),
                          .has_to = true,
                          .to = h_address(3),
                          .value = h_coins(1)};
    struct {
        posw_tx tx;
        enum posw_rule rule;
    } cases[10];
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++)
        cases[i].tx = good;
    cases[0].tx.nonce = 1, cases[0].rule = POSW_RULE_TX_INVALID;
    cases[1].tx.value = h_coins(10001), cases[1].rule = POSW_RULE_TX_INVALID;
    cases[2].tx.max_fee = cases[2].tx.max_tip = POSW_U256_ONE, cases[2].rule = POSW_RULE_TX_INVALID;
    cases[3].tx.gas_limit = 30000001, cases[3].rule = POSW_RULE_TX_INVALID;
    cases[4].tx.max_tip = posw_u256_from_u64(200000000000), cases[4].rule = POSW_RULE_TX_INVALID;
    cases[5].tx.gas_limit = 20999, cases[5].rule = POSW_RULE_TX_INTRINSIC_GAS;
    cases[6].tx.chain_id = 1338, cases[6].rule = POSW_RULE_TX_FORM;
    cases[7].tx.type = POSW_TX_LEGACY, cases[7].tx.is_protected = false, cases[7].rule = POSW_RULE_TX_FORM;
    cases[8].tx.has_to = false, cases[8].tx.gas_limit = 60000, cases[8].rule = POSW_RULE_TX_FORM;
    cases[9].tx.nonce = UINT64_MAX, cases[9].rule = POSW_RULE_TX_INVALID;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(cases); i++) {
        h_tx tx = sign_as(cases[i].tx, 4);
        h_block b = with_tx(w->a.chain, &tx);
        refused(w->a.chain, &b, POSW_INVALID, cases[i].rule);
        h_block_clear(&b);
    }
    h_tx fine = sign_as(good, 4); /* the same way, but its results are missing in the header */
    h_block b = with_tx(w->a.chain, &fine);
    refused(w->a.chain, &b, POSW_INVALID, POSW_RULE_GAS_USED);
    h_block_clear(&b);
}

/* A wrong body does not spoil the block of that hash. */
static void a_foreign_body(void **state) {
    world *w = *state;
    posw_chain *c = w->a.chain;
    h_plan plan = {.miner = 1, .tx_count = 1, .txs = {h_transfer(4, 0, 3, 1)}};
    h_block good = h_build(c, &plan), bad = good;
    h_tx other = h_transfer(4, 0, 3, 2);
    const posw_bytes raw = posw_buf_view(&other.raw);
    bad.bytes = (posw_buf){0};
    posw_block_encode(&bad.bytes, &bad.header, &raw, 1);
    refused(c, &bad, POSW_INVALID, POSW_RULE_TX_ROOT);
    h_import_valid(c, &good);
    posw_buf_clear(&other.raw);
    h_block_clear(&good);
    h_block_clear(&bad);
}

/* ---- places ---- */

static void parents(void **state) {
    world *w = *state;
    h_node other;
    h_open(&other, &w->spec);
    h_block first = h_simple(other.chain, 6, 7);
    h_import_valid(other.chain, &first);
    h_block second = h_simple(other.chain, 6, 7);
    refused(w->a.chain, &second, POSW_NOT_YET, POSW_RULE_UNKNOWN_PARENT);
    h_import_valid(w->a.chain, &first);
    h_import_valid(w->a.chain, &second);
    assert_int_equal(posw_chain_tip(w->a.chain)->number, 3);
    h_block_clear(&first);
    h_block_clear(&second);
    h_close(&other);
}

static void take_parent(void *arg, posw_header *h) {
    h->parent_hash = *(const posw_hash *)arg;
}

static void children_of_an_invalid_block(void **state) {
    world *w = *state;
    posw_chain *c = w->a.chain;
    h_node ahead; /* has the valid twin of the invalid block */
    h_open(&ahead, &w->spec);
    h_feed(ahead.chain, c, 1, posw_chain_tip(c)->number);
    h_plan twin = {.miner = 1}, broken = {.miner = 1, .before_seal = break_state_root};
    h_block bad = h_build(c, &broken), good = h_extend(ahead.chain, &twin);
    h_plan on_bad = {.miner = 2, .before_seal = take_parent, .arg = &bad.hash};
    h_block child = h_build(ahead.chain, &on_bad);
    refused(c, &child, POSW_NOT_YET, POSW_RULE_UNKNOWN_PARENT);
    refused(c, &bad, POSW_INVALID, POSW_RULE_STATE_ROOT);
    refused(c, &child, POSW_INVALID, POSW_RULE_BAD_ANCESTOR);
    h_plan on_child = {.miner = 3, .before_seal = take_parent, .arg = &child.hash};
    h_block grandchild = h_build(ahead.chain, &on_child);
    refused(c, &grandchild, POSW_INVALID, POSW_RULE_BAD_ANCESTOR);
    h_import_valid(c, &good);
    h_block_clear(&bad);
    h_block_clear(&good);
    h_block_clear(&child);
    h_block_clear(&grandchild);
    h_close(&ahead);
}

static void rubbish(void **state) {
    world *w = *state;
    h_block b = h_simple(w->a.chain, 1, 1);
    h_block cut = b;
    cut.bytes.size--;
    h_import_refused(w->a.chain, &cut, POSW_INVALID, POSW_RULE_HEADER_FORM);
    cut.bytes.size = 0;
    h_import_refused(w->a.chain, &cut, POSW_INVALID, POSW_RULE_HEADER_FORM);
    h_import_valid(w->a.chain, &b);
    h_block_clear(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fields, setup, teardown),
        cmocka_unit_test_setup_teardown(seals, setup, teardown),
        cmocka_unit_test_setup_teardown(unchecked_proof_of_work, setup, teardown),
        cmocka_unit_test_setup_teardown(target, setup_difficult, teardown),
        cmocka_unit_test_setup_teardown(tickets, setup_difficult, teardown),
        cmocka_unit_test_setup_teardown(delegated_signer, setup, teardown),
        cmocka_unit_test_setup_teardown(future, setup, teardown),
        cmocka_unit_test_setup_teardown(transactions, setup, teardown),
        cmocka_unit_test_setup_teardown(a_foreign_body, setup, teardown),
        cmocka_unit_test_setup_teardown(parents, setup, teardown),
        cmocka_unit_test_setup_teardown(children_of_an_invalid_block, setup, teardown),
        cmocka_unit_test_setup_teardown(rubbish, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
