/* Transactions, receipts, genesis and whole chains against the golden vectors that the executable specification wrote.
 */
#include "chain/harness.h"
#include "codec/receipt.h"
#include "spec_json.h"
#include "state/genesis.h"

/* ---- transactions, receipts ---- */

/* What no block may hold by its form alone (V2, step 1), and the signature. */
static bool tx_valid(posw_tx *tx, posw_address *sender, const posw_buf *raw) {
    if (posw_tx_decode(tx, raw->data, raw->size) != POSW_TX_OK) return false;
    return tx->has_to && tx->is_protected && posw_tx_sender(sender, tx);
}

static void check_tx(const json_t *c) {
    posw_buf raw = spec_bytes(c, "envelope");
    posw_tx tx;
    posw_address sender;
    posw_hash hash;
    const bool valid = tx_valid(&tx, &sender, &raw);
    assert_int_equal(valid, spec_bool(c, "valid"));
    if (valid) {
        posw_tx_hash(&hash, &tx);
        spec_same_hash(c, "hash", &hash);
        posw_tx_signing_hash(&hash, &tx);
        spec_same_hash(c, "signingHash", &hash);
        assert_hex(sender.b, sizeof sender.b, spec_text(c, "sender"));
        assert_int_equal(posw_tx_intrinsic_gas(&tx), spec_u64(c, "intrinsicGas"));
    }
    posw_buf_clear(&raw);
}

static void test_transactions(void **state) {
    (void)state;
    spec_each("transactions", check_tx);
}

enum { RECEIPTS_MAX = 64 };
static posw_buf receipts[RECEIPTS_MAX];
static size_t receipt_count;

static void check_logs(const json_t *c, const posw_receipt *r) {
    const json_t *logs = spec_get(c, "logs");
    assert_int_equal(r->log_count, json_array_size(logs));
    for (size_t i = 0; i < r->log_count; i++) {
        const json_t *log = json_array_get(logs, i), *topics = spec_get(log, "topics");
        assert_hex(r->logs[i].address.b, POSW_ADDRESS_SIZE, spec_text(log, "address"));
        assert_hex(r->logs[i].data, r->logs[i].data_size, spec_text(log, "data"));
        assert_int_equal(r->logs[i].topic_count, json_array_size(topics));
        for (size_t k = 0; k < r->logs[i].topic_count; k++)
            assert_hex(r->logs[i].topics[k].b, POSW_HASH_SIZE, spec_text_of(json_array_get(topics, k)));
    }
}

static void check_receipts_root(const json_t *c) {
    posw_bytes items[RECEIPTS_MAX];
    posw_hash root;
    for (size_t i = 0; i < receipt_count; i++)
        items[i] = posw_buf_view(&receipts[i]);
    ok(posw_trie_list_root(&root, items, receipt_count));
    spec_same_hash(c, "rootUpToThis", &root);
}

static void check_receipt(const json_t *c) {
    posw_receipt r;
    posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
    posw_buf again = {0};
    uint8_t bloom[POSW_BLOOM_SIZE];
    assert_true(receipt_count < RECEIPTS_MAX);
    posw_buf *encoded = &receipts[receipt_count++];
    *encoded = spec_bytes(c, "encoded");
    assert_true(posw_receipt_decode(&r, logs, encoded->data, encoded->size));
    assert_int_equal(r.type, spec_u64(c, "type"));
    assert_int_equal(r.success, spec_bool(c, "success"));
    assert_int_equal(r.cumulative_gas_used, spec_u64(c, "gasUsedTotal"));
    check_logs(c, &r);
    posw_receipt_bloom(bloom, &r);
    assert_hex(bloom, sizeof bloom, spec_text(c, "bloom"));
    posw_receipt_encode(&again, &r);
    assert_hex(again.data, again.size, spec_text(c, "encoded"));
    posw_buf_clear(&again);
    check_receipts_root(c);
}

static void test_receipts(void **state) {
    (void)state;
    receipt_count = 0;
    spec_each("receipts", check_receipt);
    while (receipt_count > 0)
        posw_buf_clear(&receipts[--receipt_count]);
}

/* ---- genesis ---- */

static posw_chain_spec read_chainfile(const json_t *c) {
    posw_chain_spec spec;
    posw_message msg = {{0}};
    char *text = json_dumps(spec_get(c, "chainfile"), 0);
    assert_non_null(text);
    if (posw_chainfile_read(&spec, text, strlen(text), &msg) != POSW_OK) fail_msg("%s", msg.text);
    free(text);
    return spec;
}

static void check_canonical(const json_t *c, const posw_params *p) {
    posw_buf canonical = spec_bytes(c, "canonical");
    posw_hash want, have;
    posw_keccak256(&want, canonical.data, canonical.size);
    posw_params_hash(&have, p);
    assert_true(posw_hash_equal(&have, &want));
    posw_buf_clear(&canonical);
}

static void check_storage(posw_state *s, const json_t *c) {
    posw_account contract;
    posw_staking_totals totals;
    const posw_u256 supply = spec_wide(c, "supply");
    ok(posw_state_account(s, &contract, &POSW_STAKING_ADDRESS));
    spec_same_hash(c, "storageRoot", &contract.storage_root);
    ok(posw_staking_read_totals(s, &totals));
    spec_same(&totals.supply_wei, &supply);
}

static void check_genesis(const json_t *c) {
    posw_chain_spec spec = read_chainfile(c);
    uint8_t rlp[POSW_HEADER_SIZE_MAX];
    posw_state *s;
    h_node n;
    check_canonical(c, &spec.params);
    h_open(&n, &spec);
    assert_hex(rlp, posw_header_encode(rlp, posw_chain_tip(n.chain)), spec_text(c, "header"));
    const posw_hash hash = posw_chain_genesis_hash(n.chain), root = posw_chain_stake_root(n.chain, 1);
    spec_same_hash(c, "hash", &hash);
    spec_same_hash(c, "stateRoot", &posw_chain_tip(n.chain)->state_root);
    spec_same_hash(c, "stakeRoot", &root);
    ok(posw_chain_state_at(n.chain, &s, 0));
    check_storage(s, c);
    posw_state_free(s);
    h_close(&n);
    posw_chain_spec_clear(&spec);
}

static void test_genesis(void **state) {
    (void)state;
    spec_each("genesis", check_genesis);
}

/* ---- chains ---- */

static const char *kind_text(enum posw_verdict_kind kind) {
    switch (kind) {
    case POSW_VALID:
        return "valid";
    case POSW_INVALID:
        return "invalid";
    case POSW_NOT_YET:
        return "not yet";
    }
    return "?";
}

/* The name that the specification knows a rule by. */
static const char *rule_name(enum posw_rule rule) {
    static const char *const names[] = {
#define X(name, number, text) #name,
        POSW_RULE_TABLE(X)
#undef X
    };
    return rule == POSW_RULE_NONE ? "" : names[rule] + strlen("POSW_RULE_");
}

static void check_tip_state(posw_chain *c, const json_t *want) {
    posw_state *s;
    posw_stake_table *table;
    ok(posw_chain_state_at(c, &s, posw_chain_tip(c)->number));
    const posw_hash root = posw_state_root(s);
    spec_same_hash(want, "stateRoot", &root);
    check_storage(s, want);
    ok(posw_staking_table(s, &table));
    spec_same_hash(want, "tableRoot", &table->tree_root);
    free(table);
    posw_state_free(s);
}

static void check_tip(posw_chain *c, const json_t *want) {
    const posw_hash tip = posw_chain_tip_hash(c), root = posw_chain_stake_root(c, posw_chain_tip(c)->number + 1);
    const posw_u256 weight = posw_chain_weight_total(c), want_weight = spec_wide(want, "weight");
    spec_same_hash(want, "tip", &tip);
    assert_int_equal(posw_chain_tip(c)->number, spec_u64(want, "number"));
    spec_same(&weight, &want_weight);
    spec_same_hash(want, "nextStakeRoot", &root);
    assert_int_equal(posw_window_mtp(posw_chain_window(c)), spec_u64(want, "mtp"));
    check_tip_state(c, want);
}

static void check_arrival(posw_chain *c, const json_t *want) {
    h_block b = {.bytes = spec_bytes(want, "block")};
    posw_verdict v;
    posw_chain_change change;
    ok(h_try(c, &b, spec_u64(want, "now"), &v, &change));
    if (strcmp(kind_text(v.kind), spec_text(want, "verdict")) != 0 ||
        strcmp(rule_name(v.rule), spec_text(want, "name")) != 0)
        fail_msg("%s %s instead of %s %s (%s)", kind_text(v.kind), rule_name(v.rule), spec_text(want, "verdict"),
                 spec_text(want, "name"), spec_text(want, "note"));
    assert_string_equal(posw_rule_number(v.rule), spec_text(want, "rule"));
    assert_int_equal(change.removed_count, spec_u64(want, "removed"));
    assert_int_equal(change.added_count, spec_u64(want, "added"));
    check_tip(c, want);
    h_block_clear(&b);
}

static void check_accounts(posw_chain *c, const json_t *file) {
    const char *key;
    json_t *want, *accounts = json_object_get(file, "accounts");
    posw_state *s;
    assert_true(json_object_size(accounts) > 0);
    ok(posw_chain_state_at(c, &s, posw_chain_tip(c)->number));
    json_object_foreach(accounts, key, want) {
        posw_address a;
        posw_account account;
        assert_true(posw_address_parse(&a, key));
        ok(posw_state_account(s, &account, &a));
        const posw_u256 balance = spec_wide_of(json_array_get(want, 1));
        assert_int_equal(account.nonce, spec_u64_of(json_array_get(want, 0)));
        spec_same(&account.balance_wei, &balance);
    }
    posw_state_free(s);
}

/* [type, success, gas used] of each transaction of a main-chain block. */
static void check_block_receipts(posw_chain *c, uint64_t number, const json_t *want) {
    posw_hash hash;
    posw_buf all = {0}, senders = {0};
    uint64_t gas_used = 0;
    ok(posw_chain_hash_by_number(c, &hash, number));
    if (number > 0) ok(posw_chain_block_results(c, &all, &senders, &hash));
    for (size_t i = 0; i < json_array_size(want); i++) {
        const json_t *w = json_array_get(want, i);
        posw_bytes raw;
        posw_receipt r;
        posw_event_log logs[POSW_RECEIPT_LOGS_MAX];
        assert_true(posw_receipts_at(&raw, posw_buf_view(&all), i));
        assert_true(posw_receipt_decode(&r, logs, raw.data, raw.size));
        assert_int_equal(r.type, spec_u64_of(json_array_get(w, 0)));
        assert_int_equal(r.success, spec_u64_of(json_array_get(w, 1)));
        assert_int_equal(r.cumulative_gas_used - gas_used, spec_u64_of(json_array_get(w, 2)));
        gas_used = r.cumulative_gas_used;
    }
    posw_buf_clear(&all);
    posw_buf_clear(&senders);
}

static void check_chain(const char *path) {
    json_t *file = vectors_json(path);
    const json_t *cases = spec_get(file, "cases"), *blocks = spec_get(file, "receipts");
    posw_chain_spec spec = read_chainfile(file);
    h_node n;
    h_open(&n, &spec);
    const posw_hash genesis = posw_chain_genesis_hash(n.chain);
    spec_same_hash(file, "genesis", &genesis);
    for (size_t i = 0; i < json_array_size(cases); i++)
        check_arrival(n.chain, json_array_get(cases, i));
    check_accounts(n.chain, file);
    assert_int_equal(json_array_size(blocks), posw_chain_tip(n.chain)->number + 1);
    for (size_t i = 0; i < json_array_size(blocks); i++)
        check_block_receipts(n.chain, i, json_array_get(blocks, i));
    h_verify(n.chain);
    h_close(&n);
    posw_chain_spec_clear(&spec);
    json_decref(file);
}

static void test_chain_with_tickets(void **state) {
    (void)state;
    check_chain("spec/chain-ticket.json");
}

static void test_chain_with_power(void **state) {
    (void)state;
    check_chain("spec/chain-power.json");
}

static void test_chain_with_upgrades(void **state) {
    (void)state;
    check_chain("spec/chain-upgrades.json");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transactions),     cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_genesis),          cmocka_unit_test(test_chain_with_tickets),
        cmocka_unit_test(test_chain_with_power), cmocka_unit_test(test_chain_with_upgrades),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
