/* Named scenes in the simulated world. POSW_LONG=1 in the environment: the long forms. */
#include "base/scale.h"
#include "base/test.h"

#include "adversary.h"
#include "base/bytes.h"
#include "base/units.h"
#include "codec/tx.h"
#include "posw/u256.h"
#include "scenario.h"

#include <stdio.h>

#define ok(call) assert_int_equal((call), POSW_OK)

enum { BLOCK_MS = 10 * 1000, RATE = 1000, REORG = 96 };

/* A chain on which a branch of some dozens of blocks can be left. */
static void spec_of(posw_chain_spec *spec, uint64_t hashes_per_s) {
    posw_message msg = {""};
    ok(scenario_spec(spec, hashes_per_s, 1, 2));
    spec->params.reorg_max_blocks = spec->params.epoch_blocks = REORG;
    spec->params.unbonding_blocks = 2 * REORG;
    ok(posw_chain_spec_check(spec, NULL, &msg));
}

static world *make(const posw_chain_spec *spec, const machine_options *machines, size_t count, uint64_t seed) {
    world_options o;
    world *w;
    world_options_default(&o);
    o.seed = seed;
    o.spec = spec;
    o.machines = machines;
    o.machine_count = count;
    o.start_s = spec->params.genesis_time;
    ok(world_new(&w, &o));
    return w;
}

static uint64_t height(const world *w, size_t machine) {
    return posw_chain_tip(world_chain(w, machine))->number;
}

static bool same_tip(const world *w, size_t a, size_t b) {
    const posw_hash x = posw_chain_tip_hash(world_chain(w, a)), y = posw_chain_tip_hash(world_chain(w, b));
    return posw_hash_equal(&x, &y);
}

/* Runs in steps of a second until fn holds. */
static bool run_until(world *w, uint64_t most_ms, bool (*fn)(world *w)) {
    const uint64_t end = world_now_ms(w) + most_ms;
    while (!fn(w) && world_now_ms(w) < end)
        ok(world_run(w, world_now_ms(w) + 1000));
    return fn(w);
}

/* ---- a chain's first minutes ---- */

static void test_two_at_genesis(void **state) {
    (void)state;
    posw_chain_spec spec;
    const machine_options machines[2] = {{.hashes_per_s = RATE, .named_count = 1, .named = {1}, .named_only = true},
                                         {.hashes_per_s = RATE, .named_count = 1, .named = {0}, .named_only = true}};
    spec_of(&spec, 2 * RATE);
    world *w = make(&spec, machines, 2, 1);
    ok(world_run(w, 20 * BLOCK_MS));
    assert_in_range(height(w, 0), 8, 50);
    world_set_hashes(w, 0, 0);
    world_set_hashes(w, 1, 0);
    ok(world_run(w, world_now_ms(w) + 5000));
    assert_true(same_tip(w, 0, 1));
    world_free(w);
    posw_chain_spec_clear(&spec);
}

static void test_alone(void **state) {
    (void)state;
    posw_chain_spec spec;
    machine_options machine = {.hashes_per_s = RATE};
    spec_of(&spec, RATE);
    world *w = make(&spec, &machine, 1, 1);
    ok(world_run(w, 100 * BLOCK_MS));
    assert_int_equal(height(w, 0), 0);
    world_free(w);
    machine.mine_alone = true;
    w = make(&spec, &machine, 1, 1);
    ok(world_run(w, 100 * BLOCK_MS));
    assert_in_range(height(w, 0), 60, 150);
    world_free(w);
    posw_chain_spec_clear(&spec);
}

/* ---- two halves ---- */

static bool is_parted_for_long(world *w) {
    return height(w, 0) >= 50 && height(w, 2) >= 50;
}

static bool is_reconnected(world *w) {
    size_t peers[4];
    for (size_t i = 0; i < 2; i++) {
        const size_t n = world_peers(w, i, peers, 4);
        if (n > 0 && peers[n - 1] >= 2) return true;
    }
    return false;
}

static bool is_one_chain(world *w) {
    return same_tip(w, 0, 1) && same_tip(w, 0, 2) && same_tip(w, 0, 3);
}

static posw_hash submit(world *w, const posw_chain_spec *spec, size_t machine, size_t account) {
    uint8_t secret[32];
    posw_buf raw = {0};
    posw_hash hash;
    posw_tx tx = {.type = POSW_TX_DYNAMIC_FEE,
                  .is_protected = true,
                  .chain_id = spec->params.chain_id,
                  .gas_limit = 21000,
                  .max_fee = posw_u256_from_u64(100000000000),
                  .max_tip = posw_u256_from_u64(1000000000),
                  .has_to = true,
                  .value = POSW_U256_ONE};
    scenario_account_secret(secret, account);
    assert_true(posw_tx_sign(&raw, &tx, secret));
    assert_int_equal(posw_tx_decode(&tx, raw.data, raw.size), POSW_TX_OK);
    posw_tx_hash(&hash, &tx);
    assert_true(world_submit_tx(w, machine, posw_buf_view(&raw)));
    posw_buf_clear(&raw);
    return hash;
}

/* 2 + 2 machines apart for 50 blocks: one chain within three block times after they are connected again, and what was
 * mined only on the side that loses is back in the pools or in the chain. */
static void test_partition(void **state) {
    (void)state;
    static const uint8_t groups[4] = {0, 0, 1, 1};
    for (uint64_t seed = 1; seed <= (scale_is_long() ? 20 : 3); seed++) {
        posw_chain_spec spec;
        machine_options machines[4] = {0};
        for (size_t i = 0; i < 4; i++)
            machines[i] = (machine_options){.hashes_per_s = i < 2 ? 2 * RATE : RATE,
                                            .named_count = 3,
                                            .named = {(i + 1) % 4, (i + 2) % 4, (i + 3) % 4},
                                            .named_only = true};
        spec_of(&spec, 6 * RATE);
        world *w = make(&spec, machines, 4, seed);
        ok(world_run(w, 2 * BLOCK_MS));
        world_partition(w, groups);
        const posw_hash of_losers = submit(w, &spec, 3, 0), of_winners = submit(w, &spec, 0, 1);
        assert_true(run_until(w, 300 * BLOCK_MS, is_parted_for_long));
        assert_false(same_tip(w, 0, 2));
        world_partition(w, NULL);
        assert_true(run_until(w, 120 * 1000, is_reconnected));
        assert_true(run_until(w, 3 * BLOCK_MS, is_one_chain));
        ok(world_run(w, world_now_ms(w) + 3000)); /* what came back is told on */
        const posw_hash txs[2] = {of_losers, of_winners};
        for (size_t i = 0; i < 4; i++)
            for (size_t k = 0; k < 2; k++) {
                uint64_t number;
                uint32_t index;
                assert_true(posw_mempool_find(world_mempool(w, i), &txs[k]) != NULL ||
                            posw_chain_find_tx(world_chain(w, i), &number, &index, &txs[k]) == POSW_OK);
            }
        world_free(w);
        posw_chain_spec_clear(&spec);
    }
}

/* ---- a fresh node ---- */

/* It comes when the chain is long; of its three peers one stalls and one lies. */
static void test_fresh_node(void **state) {
    (void)state;
    const uint64_t blocks = scale_is_long() ? 20000 : 2000;
    const size_t kinds = scale_is_long() ? 8 : 2;
    posw_chain_spec spec;
    machine_options machines[4] = {{.hashes_per_s = RATE, .mine_alone = true},
                                   {.named_count = 1, .named = {0}, .named_only = true},
                                   {.named_count = 1, .named = {0}, .named_only = true},
                                   {.named_count = 3, .named = {0, 1, 2}, .named_only = true}};
    spec_of(&spec, RATE);
    for (uint64_t seed = 1; seed <= kinds; seed++) {
        world *w = make(&spec, machines, 4, seed);
        ok(world_run(w, 1500));
        world_stop(w, 3, blocks * BLOCK_MS);
        ok(world_run(w, blocks * BLOCK_MS));
        world_set_hashes(w, 0, 0);
        adversary *staller = adversary_new(w, 1, ADVERSARY_STALLS), *liar = adversary_new(w, 2, ADVERSARY_LIES);
        ok(world_run(w, world_now_ms(w) + 180 * 1000));
        assert_true(height(w, 0) > blocks * 8 / 10);
        assert_int_equal(height(w, 3), height(w, 0));
        assert_true(same_tip(w, 0, 3));
        world_free(w);
        adversary_free(staller);
        adversary_free(liar);
    }
    posw_chain_spec_clear(&spec);
}

/* A seed is a log, byte for byte. */
static void test_same_seed_same_log(void **state) {
    (void)state;
    scenario_options o;
    scenario_result a, b, other;
    scenario_options_default(&o, 7);
    o.machines = 8;
    o.blocks = 8;
    ok(scenario_run(&a, &o));
    ok(scenario_run(&b, &o));
    o.seed = 8;
    ok(scenario_run(&other, &o));
    assert_string_equal(a.problem, "");
    assert_memory_equal(&a.log_hash, &b.log_hash, sizeof a.log_hash);
    assert_memory_not_equal(&a.log_hash, &other.log_hash, sizeof a.log_hash);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_at_genesis),     cmocka_unit_test(test_alone),
        cmocka_unit_test(test_partition),          cmocka_unit_test(test_fresh_node),
        cmocka_unit_test(test_same_seed_same_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
