/* A stored chain opened with another list of upgrades: what is ahead may change, what is in force may not. */
#include "harness.h"

enum { GAS = 40000000 };

static void set_upgrade(posw_chain_spec *spec, uint32_t i, uint64_t height, uint64_t gas_limit) {
    posw_upgrade *u = &spec->params.upgrades[i];
    *u = (posw_upgrade){.height = height, .name = "more", .rules = posw_params_rules(&spec->params, 0)};
    u->rules.gas_limit = gas_limit;
    spec->params.upgrade_count = i + 1;
}

/* Closes it and opens it with this file; then it is open with that one, or, if it refuses, with the former again. */
static int open_with(h_node *n, const posw_chain_spec *spec, posw_message *msg) {
    const posw_chain_options o = h_options(spec, n->store), former = h_options(n->spec, n->store);
    *msg = (posw_message){{0}};
    ok(posw_chain_close(n->chain));
    const int rc = posw_chain_open(&n->chain, &o, msg);
    if (rc == POSW_OK)
        n->spec = spec;
    else
        ok(posw_chain_open(&n->chain, &former, NULL));
    return rc;
}

static void accepts(h_node *n, const posw_chain_spec *spec) {
    posw_message msg;
    if (open_with(n, spec, &msg) != POSW_OK) fail_msg("%s", msg.text);
}

static void refuses(h_node *n, const posw_chain_spec *spec, const char *sentence) {
    posw_message msg;
    assert_int_equal(open_with(n, spec, &msg), POSW_EMISMATCH);
    if (strstr(msg.text, sentence) == NULL) fail_msg("%s", msg.text);
}

static void test_lists(void **state) {
    (void)state;
    posw_chain_spec none, six, seven, other, renamed, two;
    posw_chain_spec *const all[] = {&none, &six, &seven, &other, &renamed, &two};
    h_node n;
    for (size_t i = 0; i < POSW_ARRAY_SIZE(all); i++)
        h_spec(all[i]);
    set_upgrade(&six, 0, 6, GAS);
    set_upgrade(&seven, 0, 7, GAS);
    set_upgrade(&other, 0, 6, GAS + 1);
    set_upgrade(&renamed, 0, 6, GAS);
    renamed.params.upgrades[0].name[0] = 'M';
    set_upgrade(&two, 0, 6, GAS);
    set_upgrade(&two, 1, 20, GAS + 1);
    h_open(&n, &none);
    h_grow(n.chain, 5);
    accepts(&n, &six); /* ahead: as often as one likes */
    accepts(&n, &seven);
    accepts(&n, &none);
    accepts(&n, &other);
    accepts(&n, &six);
    h_grow(n.chain, 1);
    assert_int_equal(posw_chain_tip(n.chain)->number, 6);
    assert_int_equal(posw_chain_tip(n.chain)->gas_limit, GAS);
    refuses(&n, &none, "other rules from block 6 on than the file by which the blocks up to 6 were accepted");
    refuses(&n, &seven, "a snapshot of a block before 6");
    refuses(&n, &other, "use the former chain file, or move the data directory's folders state and blocks away");
    accepts(&n, &renamed);
    accepts(&n, &two);
    h_grow(n.chain, 14);
    assert_int_equal(posw_chain_tip(n.chain)->gas_limit, GAS + 1);
    refuses(&n, &six, "from block 20 on");
    refuses(&n, &none, "from block 6 on");
    ok(posw_chain_verify(n.chain, NULL, NULL, NULL));
    h_close(&n);
    for (size_t i = 0; i < POSW_ARRAY_SIZE(all); i++)
        posw_chain_spec_clear(all[i]);
}

/* A node that came too late has blocks of the old rules where the new ones hold. */
static void test_too_late(void **state) {
    (void)state;
    posw_chain_spec none, six;
    h_node n;
    h_spec(&none);
    h_spec(&six);
    set_upgrade(&six, 0, 6, GAS);
    h_open(&n, &none);
    h_grow(n.chain, 8);
    refuses(&n, &six, "other rules from block 6 on than the file by which the blocks up to 8 were accepted");
    h_grow(n.chain, 1); /* nothing has changed for the former file */
    h_close(&n);
    posw_chain_spec_clear(&none);
    posw_chain_spec_clear(&six);
}

static void by_steps(posw_chain_spec *spec) {
    spec->params.difficulty_rule = POSW_DIFFICULTY_STEP;
    spec->params.block_time_s = 15;
    spec->params.genesis_difficulty = posw_u256_from_u64(1000);
}

/* Five quick blocks outweigh six slow ones, of which the sixth was accepted before the upgrade of its height was known.
 * It would count as valid for ever here, and nowhere else. */
static void test_side_branch_beyond_the_tip(void **state) {
    (void)state;
    posw_chain_spec none, six;
    h_node n, slow;
    h_block sixth = {0};
    h_spec(&none);
    h_spec(&six);
    by_steps(&none);
    by_steps(&six);
    set_upgrade(&six, 0, 6, GAS);
    h_open(&n, &none);
    h_open(&slow, &none);
    for (unsigned i = 0; i < 5; i++) {
        h_block b = h_simple(n.chain, 1, 1);
        h_import_valid(n.chain, &b);
        h_block_clear(&b);
    }
    for (unsigned i = 0; i < 6; i++) {
        h_block_clear(&sixth);
        sixth = h_simple(slow.chain, 2, 20);
        h_import_valid(slow.chain, &sixth);
        h_import_valid(n.chain, &sixth);
    }
    const posw_hash fifth = sixth.header.parent_hash;
    assert_int_equal(posw_chain_tip(n.chain)->number, 5);
    h_reopen(&n);
    h_import_valid(n.chain, &sixth); /* the same file: it is known */
    accepts(&n, &six);
    assert_int_equal(posw_chain_has_block(n.chain, &fifth), POSW_OK);
    h_import_refused(n.chain, &sixth, POSW_INVALID, POSW_RULE_GAS_LIMIT);
    accepts(&n, &none); /* ahead still */
    h_import_valid(n.chain, &sixth);
    ok(posw_chain_verify(n.chain, NULL, NULL, NULL));
    h_block_clear(&sixth);
    h_close(&slow);
    h_close(&n);
    posw_chain_spec_clear(&none);
    posw_chain_spec_clear(&six);
}

static void test_damaged(void **state) {
    (void)state;
    posw_chain_spec none;
    h_node n;
    posw_message msg = {{0}};
    h_spec(&none);
    h_open(&n, &none);
    ok(posw_chain_close(n.chain));
    ok(n.store->ops->begin(n.store));
    ok(n.store->ops->put(n.store, POSW_TABLE_META, "chain.upgrades", 14, "?", 1));
    ok(n.store->ops->commit(n.store));
    const posw_chain_options o = h_options(&none, n.store);
    assert_int_equal(posw_chain_open(&n.chain, &o, &msg), POSW_ECORRUPT);
    n.store->ops->close(n.store);
    posw_chain_spec_clear(&none);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_too_late),
        cmocka_unit_test(test_side_branch_beyond_the_tip),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
