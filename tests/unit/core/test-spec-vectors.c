/* The consensus core against the golden vectors that the executable specification wrote: headers, seals, weights,
 * windows, epochs, stake tables and proofs, difficulty, base fee, rewards. */
#include "crypto/keccak.h"
#include "posw/check.h"
#include "posw/difficulty.h"
#include "posw/economy.h"
#include "posw/weight.h"
#include "spec_json.h"

/* ---- headers, seals ---- */

static void check_signer(const json_t *c, const posw_header *h) {
    const json_t *want = spec_get(c, "signer");
    posw_address signer;
    if (json_is_null(want)) {
        assert_false(posw_seal_signer(&signer, h));
        return;
    }
    assert_true(posw_seal_signer(&signer, h));
    assert_hex(signer.b, sizeof signer.b, spec_text_of(want));
}

static void check_sealing(const json_t *c, const posw_header *h) {
    uint8_t input[POSW_POW_INPUT_SIZE];
    posw_hash seal_hash, output, digest;
    posw_header_seal_hash(&seal_hash, h);
    spec_same_hash(c, "sealHash", &seal_hash);
    posw_pow_input(input, &seal_hash, h->nonce);
    assert_hex(input, sizeof input, spec_text(c, "powInput"));
    posw_keccak256(&output, input, sizeof input);
    spec_same_hash(c, "powHash", &output);
    posw_seal_digest(&digest, &seal_hash, h->nonce, &h->mix_hash);
    spec_same_hash(c, "signedHash", &digest);
}

static void check_header(const json_t *c) {
    posw_buf rlp = spec_bytes(c, "header");
    posw_header h;
    posw_hash hash;
    uint8_t again[POSW_HEADER_SIZE_MAX];
    assert_true(posw_header_decode(&h, rlp.data, rlp.size));
    assert_int_equal(posw_header_encode(again, &h), rlp.size);
    assert_memory_equal(again, rlp.data, rlp.size);
    posw_header_hash(&hash, &h);
    spec_same_hash(c, "hash", &hash);
    if (h.extra_size >= 33) check_sealing(c, &h);
    check_signer(c, &h);
    const posw_u256 level = posw_seal_level(&h.mix_hash, &h.difficulty), want = spec_wide(c, "quotient");
    spec_same(&level, &want);
    assert_int_equal(posw_seal_boosted(&h.mix_hash, &h.difficulty), spec_bool(c, "boosted"));
    posw_buf_clear(&rlp);
}

static void test_headers(void **state) {
    (void)state;
    spec_each("headers", check_header);
}

static void check_seal(const json_t *c) {
    const posw_hash mix = spec_hash(c, "mixHash");
    const posw_u256 difficulty = spec_wide(c, "difficulty"), weight = spec_wide(c, "weight");
    assert_int_equal(posw_seal_meets(&mix, &difficulty, &weight), spec_bool(c, "valid"));
    assert_int_equal(posw_seal_boosted(&mix, &difficulty), spec_bool(c, "boosted"));
}

static void test_seals(void **state) {
    (void)state;
    spec_each("seals", check_seal);
}

/* ---- weights, windows ---- */

static posw_params weight_params(const json_t *c) {
    posw_params p;
    posw_params_default(&p);
    const bool is_power = strcmp(spec_text(c, "rule"), "power") == 0;
    p.weight = (posw_weight_params){.rule = is_power ? POSW_WEIGHT_POWER : POSW_WEIGHT_TICKET,
                                    .unit_wei = spec_wide(c, "unit"),
                                    .min = spec_u64(c, "min"),
                                    .max = spec_u64(c, "max"),
                                    .exponent_x2 = (uint32_t)spec_u64(c, "exponentTwice"),
                                    .boost = spec_u64(c, "boost"),
                                    .slots = spec_u64(c, "slots"),
                                    .ticket_price_wei = spec_wide(c, "price"),
                                    .ramp_blocks = spec_u64(c, "ramp")};
    p.window_blocks = spec_u64(c, "window");
    return p;
}

/* The preset that the case names has exactly its parameters. */
static void check_preset(const json_t *c, const posw_params *p) {
    posw_params preset;
    posw_params_default(&preset);
    preset.window_blocks = p->window_blocks;
    if (spec_text(c, "preset")[0] == '\0') return;
    assert_true(posw_params_preset(&preset, spec_text(c, "preset")));
    assert_int_equal(preset.window_blocks, p->window_blocks);
    posw_hash a, b;
    posw_params_hash(&a, &preset);
    posw_params_hash(&b, p);
    assert_true(posw_hash_equal(&a, &b));
}

static void check_weight(const json_t *c) {
    const posw_params p = weight_params(c);
    const posw_u256 stake = spec_wide(c, "stake"), supply = spec_wide(c, "supply"), want = spec_wide(c, "weight");
    const posw_u256 weight = posw_weight(&p, spec_u64(c, "number"), &stake, &supply, spec_u64(c, "ticketsUsed"));
    spec_same(&weight, &want);
    check_preset(c, &p);
    if (p.weight.rule != POSW_WEIGHT_TICKET) return;
    const posw_u256 price = posw_weight_ticket_price(&p, &supply), want_price = spec_wide(c, "ticketPrice");
    spec_same(&price, &want_price);
}

static void test_weights(void **state) {
    (void)state;
    spec_each("weights", check_weight);
}

static void push_block(posw_window *w, const json_t *miners, const json_t *block) {
    const posw_window_entry e = {.miner = spec_address_of(json_array_get(miners, spec_u64(block, "miner"))),
                                 .timestamp = spec_u64(block, "timestamp"),
                                 .difficulty = POSW_U256_ONE,
                                 .boosted = spec_bool(block, "boosted")};
    posw_window_push(w, &e);
}

static void check_used(const posw_window *w, const json_t *miners, const json_t *block) {
    const json_t *used = spec_get(block, "usedAfter");
    assert_int_equal(posw_window_mtp(w), spec_u64(block, "mtp"));
    for (size_t i = 0; i < json_array_size(miners); i++) {
        const posw_address miner = spec_address_of(json_array_get(miners, i));
        assert_int_equal(posw_window_used(w, &miner), spec_u64_of(json_array_get(used, i)));
    }
}

/* Every block pushed, and once more after it has been popped. */
static void check_window(const json_t *c) {
    enum { HISTORY = 8 };
    const uint64_t window = spec_u64(c, "window"), unlock_s = 2 * window * spec_u64(c, "blockTime");
    const json_t *miners = spec_get(c, "miners"), *blocks = spec_get(c, "blocks");
    void *memory = aligned_alloc(16, (posw_window_size(window, HISTORY) + 15) / 16 * 16);
    assert_non_null(memory);
    posw_window *w = posw_window_init(memory, window, HISTORY, unlock_s);
    const posw_window_entry genesis = {.timestamp = spec_u64(c, "genesisTimestamp"), .difficulty = POSW_U256_ONE};
    posw_window_push(w, &genesis);
    for (size_t i = 0; i < json_array_size(blocks); i++) {
        push_block(w, miners, json_array_get(blocks, i));
        check_used(w, miners, json_array_get(blocks, i));
        assert_true(posw_window_pop(w));
        if (i > 0) check_used(w, miners, json_array_get(blocks, i - 1));
        push_block(w, miners, json_array_get(blocks, i));
        check_used(w, miners, json_array_get(blocks, i));
    }
    free(memory);
}

static void test_windows(void **state) {
    (void)state;
    spec_each("windows", check_window);
}

/* ---- epochs, stakes ---- */

static void check_epoch(const json_t *c) {
    posw_params p;
    posw_params_default(&p);
    p.epoch_blocks = spec_u64(c, "epoch");
    const uint64_t number = spec_u64(c, "number"), epoch = posw_epoch_of(&p, number);
    assert_int_equal(epoch, spec_u64(c, "index"));
    assert_int_equal(posw_epoch_snapshot_block(&p, epoch), spec_u64(c, "snapshot"));
    assert_int_equal(posw_epoch_active_from(&p, number), spec_u64(c, "activeFrom"));
}

static void test_epochs(void **state) {
    (void)state;
    spec_each("epochs", check_epoch);
}

static posw_stake_entry entry_of(const json_t *e) {
    return (posw_stake_entry){.miner = spec_address_of(json_array_get(e, 0)),
                              .signer = spec_address_of(json_array_get(e, 1)),
                              .stake_wei = spec_wide_of(json_array_get(e, 2))};
}

/* False: it has more siblings than a proof can have here, which is a refusal, too. */
static bool read_proof(posw_stake_proof *out, const json_t *c) {
    const json_t *siblings = spec_get(c, "siblings");
    *out = (posw_stake_proof){.supply_wei = spec_wide(c, "supply"),
                              .total_wei = spec_wide(c, "total"),
                              .signer = spec_address(c, "signer"),
                              .stake_wei = spec_wide(c, "stake"),
                              .depth = json_array_size(siblings)};
    if (out->depth > POSW_STAKE_PROOF_DEPTH_MAX) return false;
    for (size_t i = 0; i < out->depth; i++) {
        const json_t *s = json_array_get(siblings, i);
        out->siblings[i] = (posw_stake_sibling){
            .hash = spec_hash(s, "hash"), .sum = spec_wide(s, "sum"), .left = spec_bool(s, "left")};
    }
    return true;
}

static void check_proof(const json_t *c) {
    posw_stake_proof proof;
    const posw_address miner = spec_address(c, "miner");
    const posw_hash root = spec_hash(c, "root");
    const bool valid =
        read_proof(&proof, c) && posw_stake_proof_check(&proof, spec_u64(c, "epoch"), &miner, &root).kind == POSW_VALID;
    assert_int_equal(valid, spec_bool(c, "valid"));
}

/* A proof made here for each entry holds. */
static void check_own_proofs(const posw_stake_table *t, uint64_t epoch, const posw_hash *root,
                             posw_stake_node *scratch) {
    for (size_t i = 0; i < t->count; i++) {
        posw_stake_proof proof;
        assert_true(posw_stake_prove(&proof, t, &t->entries[i].miner, scratch));
        assert_int_equal(posw_stake_proof_check(&proof, epoch, &t->entries[i].miner, root).kind, POSW_VALID);
    }
}

static void check_stakes(const json_t *c) {
    const json_t *list = spec_get(c, "entries"), *proofs = spec_get(c, "proofs");
    const size_t count = json_array_size(list);
    posw_stake_entry *entries = calloc(count + 1, sizeof *entries);
    posw_stake_node *scratch = calloc(count + 1, sizeof *scratch);
    assert_non_null(entries);
    assert_non_null(scratch);
    for (size_t i = 0; i < count; i++)
        entries[i] = entry_of(json_array_get(list, i));
    posw_stake_table t = {.entries = entries, .count = count, .supply_wei = spec_wide(c, "supply")};
    posw_stake_table_finish(&t, scratch);
    const posw_u256 total = spec_wide(c, "total");
    spec_same(&t.total_wei, &total);
    spec_same_hash(c, "treeRoot", &t.tree_root);
    posw_hash root;
    posw_stake_root(&root, spec_u64(c, "epoch"), &t.supply_wei, &t.total_wei, &t.tree_root);
    spec_same_hash(c, "root", &root);
    check_own_proofs(&t, spec_u64(c, "epoch"), &root, scratch);
    for (size_t i = 0; i < json_array_size(proofs); i++)
        check_proof(json_array_get(proofs, i));
    free(entries);
    free(scratch);
}

static void test_stakes(void **state) {
    (void)state;
    spec_each("stakes", check_stakes);
}

/* ---- difficulty ---- */

static enum posw_difficulty_rule rule_named(const char *name) {
    for (int rule = POSW_DIFFICULTY_ASERT; rule <= POSW_DIFFICULTY_ASERT_LAG; rule++)
        if (strcmp(posw_difficulty_name((enum posw_difficulty_rule)rule), name) == 0)
            return (enum posw_difficulty_rule)rule;
    fail_msg("no rule is called \"%s\"", name);
    return POSW_DIFFICULTY_FIXED;
}

static void check_difficulties(const json_t *c) {
    posw_params p;
    posw_params_default(&p);
    p.difficulty_rule = rule_named(spec_text(c, "rule"));
    p.difficulty_blocks = spec_u64(c, "blocks");
    p.block_time_s = spec_u64(c, "blockTime");
    p.genesis_difficulty = spec_wide(c, "genesisDifficulty");
    p.genesis_time = spec_u64(c, "genesisTimestamp");
    void *memory = aligned_alloc(16, (posw_window_size(p.window_blocks, 0) + 15) / 16 * 16);
    assert_non_null(memory);
    posw_window *w = posw_window_init(memory, p.window_blocks, 0, 2 * p.window_blocks * p.block_time_s);
    posw_header parent = {.difficulty = p.genesis_difficulty, .timestamp = p.genesis_time};
    const json_t *chain = spec_get(c, "chain");
    for (size_t i = 0; i < json_array_size(chain); i++) {
        const posw_window_entry e = {.timestamp = parent.timestamp, .difficulty = parent.difficulty, .boosted = false};
        posw_window_push(w, &e);
        const json_t *block = json_array_get(chain, i);
        const uint64_t timestamp = spec_u64_of(json_array_get(block, 0));
        const posw_u256 want = spec_wide_of(json_array_get(block, 1));
        const posw_u256 have = posw_difficulty_next(&p, w, &parent, timestamp);
        spec_same(&have, &want);
        parent.number++;
        parent.timestamp = timestamp;
        parent.difficulty = have;
    }
    free(memory);
}

static void test_difficulties(void **state) {
    (void)state;
    spec_each("difficulties", check_difficulties);
}

/* ---- fees, rewards ---- */

static void check_base_fee(const json_t *c) {
    posw_params p;
    posw_params_default(&p);
    p.gas_limit = spec_u64_of(json_array_get(c, 0));
    p.base_fee_min_wei = spec_u64_of(json_array_get(c, 1));
    const uint64_t have =
        posw_base_fee_next(&p, 1, spec_u64_of(json_array_get(c, 2)), spec_u64_of(json_array_get(c, 3)));
    assert_int_equal(have, spec_u64_of(json_array_get(c, 4)));
}

static void test_base_fees(void **state) {
    (void)state;
    spec_each("basefees", check_base_fee);
}

static void check_reward(const json_t *c) {
    posw_params p;
    posw_params_default(&p);
    p.reward_initial_wei = spec_wide_of(json_array_get(c, 0));
    p.halving_blocks = spec_u64_of(json_array_get(c, 1));
    p.reward_tail_wei = spec_wide_of(json_array_get(c, 2));
    p.treasury_share = (uint32_t)spec_u64_of(json_array_get(c, 3));
    const posw_u256 subsidy = posw_reward_subsidy(&p, spec_u64_of(json_array_get(c, 4)));
    const posw_u256 treasury = posw_reward_treasury(&p, spec_u64_of(json_array_get(c, 4)), &subsidy);
    const posw_u256 want_subsidy = spec_wide_of(json_array_get(c, 5)),
                    want_treasury = spec_wide_of(json_array_get(c, 6));
    spec_same(&subsidy, &want_subsidy);
    spec_same(&treasury, &want_treasury);
}

static void test_rewards(void **state) {
    (void)state;
    spec_each("rewards", check_reward);
}

/* ---- parameters ---- */

static void check_lengths(const json_t *c) {
    posw_params p;
    posw_params_default(&p);
    p.chain_id = 1;
    p.window_blocks = spec_u64_of(json_array_get(c, 0));
    p.epoch_blocks = spec_u64_of(json_array_get(c, 1));
    p.unbonding_blocks = spec_u64_of(json_array_get(c, 2));
    p.reorg_max_blocks = spec_u64_of(json_array_get(c, 3));
    const posw_verdict v = posw_params_check(&p);
    assert_string_equal(posw_rule_number(v.rule), spec_text_of(json_array_get(c, 4)));
    assert_int_equal(v.kind, v.rule == POSW_RULE_NONE ? POSW_VALID : POSW_INVALID);
}

static void test_lengths(void **state) {
    (void)state;
    spec_each("lengths", check_lengths);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),   cmocka_unit_test(test_seals),        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_windows),   cmocka_unit_test(test_epochs),       cmocka_unit_test(test_stakes),
        cmocka_unit_test(test_base_fees), cmocka_unit_test(test_difficulties), cmocka_unit_test(test_rewards),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
