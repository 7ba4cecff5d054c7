/* The simulated world itself: what it shares between machines changes nothing, its topology, its hooks, its memory. */
#include "base/test.h"

#include "crypto/keccak.h"
#include "crypto/secp.h"
#include "memo.h"
#include "queue.h"
#include "scenario.h"

#include <malloc.h>

#define ok(call) assert_int_equal((call), POSW_OK)

enum { BLOCK_MS = 10 * 1000, RATE = 1000 };

/* ---- what is remembered ---- */

/* Every length around the limits, first asked and asked again; an answer written over its question. */
static void test_hashes(void **state) {
    (void)state;
    static uint8_t data[1100];
    posw_hash plain, first, again;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t size = 0; size <= sizeof data; size++) {
        data[size / 2] ^= 0x40;
        memo_set(false);
        posw_keccak256(&plain, data, size);
        memo_set(true);
        posw_keccak256(&first, data, size);
        posw_keccak256(&again, data, size);
        assert_memory_equal(&first, &plain, sizeof plain);
        assert_memory_equal(&again, &plain, sizeof plain);
    }
    memo_set(false);
    posw_keccak256(&plain, data, 64);
    memo_set(true);
    for (int i = 0; i < 2; i++) {
        uint8_t both[64];
        memcpy(both, data, sizeof both);
        posw_keccak256((posw_hash *)both, both, sizeof both);
        assert_memory_equal(both, &plain, sizeof plain);
    }
}

static void test_four_hashes(void **state) {
    (void)state;
    uint8_t data[4][200] = {{1}, {2}, {3}, {4}};
    posw_hash plain[4], kept[4];
    const posw_bytes in[4] = {{data[0], 200}, {data[1], 1}, {data[2], 136}, {NULL, 0}};
    for (int round = 0; round < 3; round++) {
        memo_set(false);
        posw_keccak256_x4((posw_hash *[4]){&plain[0], &plain[1], &plain[2], &plain[3]}, in);
        memo_set(true);
        posw_keccak256_x4((posw_hash *[4]){&kept[0], &kept[1], &kept[2], &kept[3]}, in);
        assert_memory_equal(kept, plain, sizeof plain);
    }
}

static void test_signatures(void **state) {
    (void)state;
    uint8_t secret[32] = {[31] = 9};
    posw_address own, found;
    assert_true(posw_secp_address(&own, secret));
    for (uint8_t i = 0; i < 20; i++) {
        posw_hash digest = {{i, 1}};
        posw_signature signature;
        assert_true(posw_secp_sign(&signature, &digest, secret));
        for (int round = 0; round < 2; round++) {
            assert_true(posw_secp_recover(&found, &digest, &signature));
            assert_memory_equal(&found, &own, sizeof own);
        }
        const posw_hash other = {{i, 2}};
        if (posw_secp_recover(&found, &other, &signature)) assert_memory_not_equal(&found, &own, sizeof own);
        for (size_t at = 0; at < POSW_SIGNATURE_SIZE; at++) {
            posw_signature changed = signature;
            changed.b[at] ^= 1;
            if (posw_secp_recover(&found, &digest, &changed)) assert_memory_not_equal(&found, &own, sizeof own);
        }
        signature.b[POSW_SIGNATURE_SIZE - 1] = 9; /* no recovery id */
        for (int round = 0; round < 2; round++)
            assert_false(posw_secp_recover(&found, &digest, &signature));
    }
}

/* What machines decide is the same with and without: one event log, with transactions, faults and liars. */
static void test_same_log_without_memory(void **state) {
    (void)state;
    scenario_options o;
    for (uint64_t seed = 3; seed <= 5; seed++) {
        scenario_result with, without;
        uint64_t hits, misses, hits_before, misses_before;
        scenario_options_default(&o, seed);
        o.machines = 8;
        o.blocks = 8;
        memo_counts(&hits_before, &misses_before);
        ok(scenario_run(&with, &o));
        memo_counts(&hits, &misses);
        assert_true(hits - hits_before > misses - misses_before);
        memo_set(false);
        ok(scenario_run(&without, &o));
        memo_set(true);
        assert_string_equal(with.problem, "");
        assert_memory_equal(&with.log_hash, &without.log_hash, sizeof with.log_hash);
        assert_int_equal(with.events, without.events);
    }
}

/* ---- worlds ---- */

static void spec_of(posw_chain_spec *spec, size_t machines) {
    ok(scenario_spec(spec, machines * RATE, 1, 1));
}

typedef struct {
    uint64_t changes, same;
    posw_hash last[64];
    uint64_t latest_us;
} watched;

static void note_tip(void *arg, world *w, size_t machine, const posw_hash *tip) {
    watched *t = arg;
    t->changes++;
    t->same += posw_hash_equal(&t->last[machine], tip);
    t->last[machine] = *tip;
    t->latest_us = world_now_us(w);
    const posw_hash is = posw_chain_tip_hash(world_chain(w, machine));
    assert_memory_equal(&is, tip, sizeof is);
}

static world *make(const posw_chain_spec *spec, size_t count, unsigned others, bool early, watched *t) {
    machine_options machines[64] = {0};
    world_options o;
    world *w;
    for (size_t i = 0; i < count; i++)
        machines[i].hashes_per_s = RATE;
    world_name_peers(machines, count, others, 11);
    world_options_default(&o);
    o.seed = 5;
    o.spec = spec;
    o.machines = machines;
    o.machine_count = count;
    o.start_s = spec->params.genesis_time;
    o.early_templates = early;
    o.tip = t == NULL ? NULL : note_tip;
    o.arg = t;
    ok(world_new(&w, &o));
    return w;
}

/* Blocks that are made when they are found are those that would have been made for the search. */
static void test_late_templates(void **state) {
    (void)state;
    posw_hash logs[2];
    posw_chain_spec spec;
    spec_of(&spec, 8);
    for (int early = 0; early < 2; early++) {
        world *w = make(&spec, 8, 1, early != 0, NULL);
        ok(world_run(w, 60 * BLOCK_MS));
        assert_true(posw_chain_tip(world_chain(w, 0))->number > 30);
        logs[early] = world_log_hash(w);
        world_free(w);
    }
    assert_memory_equal(&logs[0], &logs[1], sizeof logs[0]);
    posw_chain_spec_clear(&spec);
}

/* All machines follow, each change of a tip is told once, and measuring changes nothing. */
static void test_tips_and_topology(void **state) {
    (void)state;
    enum { COUNT = 40 };
    watched t = {0};
    posw_chain_spec spec;
    spec_of(&spec, COUNT);
    world *w = make(&spec, COUNT, 1, false, &t);
    ok(world_run(w, 40 * BLOCK_MS));
    for (size_t i = 0; i < COUNT; i++)
        world_set_hashes(w, i, 0);
    ok(world_run(w, world_now_ms(w) + 10 * 1000));
    const posw_hash tip = posw_chain_tip_hash(world_chain(w, 0));
    size_t links = 0, peers[COUNT], same = 0;
    for (size_t i = 0; i < COUNT; i++) {
        const posw_hash other = posw_chain_tip_hash(world_chain(w, i));
        same += posw_hash_equal(&other, &tip);
        assert_memory_equal(&t.last[i], &other, sizeof other);
        const size_t n = world_peers(w, i, peers, COUNT);
        assert_in_range(n, 2, 16);
        links += n;
    }
    assert_true(same >= COUNT / 2); /* two blocks of one weight may stand at the end */
    assert_in_range(links, 2 * (2 * COUNT - 5), 4 * COUNT);
    assert_true(t.changes >= COUNT * 20);
    assert_int_equal(t.same, 0);
    assert_true(world_deliveries(w) >= COUNT * 20);
    assert_true(world_latency_us(w, 3, 9) == world_latency_us(w, 9, 3) && world_latency_us(w, 3, 9) >= 25000);
    world_free(w);
    posw_chain_spec_clear(&spec);
}

/* A machine that is started again while it has no hash power mines when it has some again. */
static void test_hash_power_after_restart(void **state) {
    (void)state;
    enum { COUNT = 3 };
    posw_chain_spec spec;
    spec_of(&spec, COUNT);
    world *w = make(&spec, COUNT, 1, false, NULL);
    ok(world_run(w, 10 * BLOCK_MS));
    for (size_t i = 0; i < COUNT; i++)
        world_set_hashes(w, i, 0);
    ok(world_run(w, world_now_ms(w) + 10 * 1000));
    world_stop(w, 0, 1000);
    ok(world_run(w, world_now_ms(w) + 60 * 1000));
    const uint64_t before = posw_chain_tip(world_chain(w, 0))->number;
    world_set_hashes(w, 0, 1000);
    ok(world_run(w, world_now_ms(w) + 60 * BLOCK_MS));
    assert_true(posw_chain_tip(world_chain(w, 0))->number > before);
    world_free(w);
    posw_chain_spec_clear(&spec);
}

/* A machine on a short chain, with all that it remembers of 60 blocks. */
static void test_memory(void **state) {
    (void)state;
    enum { COUNT = 60, MACHINE_MAX = 3 << 20 };
    posw_chain_spec spec;
    spec_of(&spec, COUNT);
    const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    world *w = make(&spec, COUNT, 1, false, NULL);
    ok(world_run(w, 60 * BLOCK_MS));
    const size_t after = mallinfo2().uordblks + mallinfo2().hblkhd, each = (after - before) / COUNT;
    if (after > before && each > MACHINE_MAX) fail_msg("a machine takes %zu bytes", each);
    world_free(w);
    posw_chain_spec_clear(&spec);
}

/* ---- The queue against a list that is looked through ---- */

enum { LISTED_MAX = 4096, ALARMS = 8 };
typedef struct {
    uint64_t at_us, order, number;
} listed;
typedef struct {
    queue q;
    posw_random random;
    listed list[LISTED_MAX];
    size_t count;
    uint64_t order, number, now_us;
    uint32_t slot[ALARMS];
    uint64_t alarm[ALARMS]; /* number; 0: it is not there */
} queue_test;

static size_t first_of(const queue_test *t) {
    size_t first = 0;
    for (size_t i = 1; i < t->count; i++)
        if (t->list[i].at_us < t->list[first].at_us ||
            (t->list[i].at_us == t->list[first].at_us && t->list[i].order < t->list[first].order))
            first = i;
    return first;
}

/* At once, within a bucket, in the ring and just beyond it, and far away. */
static uint64_t draw_time(queue_test *t) {
    static const uint64_t spans_us[] = {1,      3, NEAR_US, 1000, NEAR_US * NEAR_BUCKETS, NEAR_US * NEAR_BUCKETS + 70,
                                        1 << 30};
    return t->now_us +
           posw_random_below(&t->random, spans_us[posw_random_below(&t->random, POSW_ARRAY_SIZE(spans_us))]);
}

static void put_one(queue_test *t, uint64_t at_us, uint32_t *slot) {
    happening h = {.at_us = at_us, .number = ++t->number};
    assert_true(queue_put(&t->q, &h, slot));
    t->list[t->count++] = (listed){at_us, t->order++, t->number};
}

static void put_alarm(queue_test *t, size_t i) {
    const uint64_t at_us = draw_time(t);
    if (t->alarm[i] == 0) {
        put_one(t, at_us, &t->slot[i]);
        t->alarm[i] = t->number;
        return;
    }
    size_t k = 0;
    while (t->list[k].number != t->alarm[i])
        k++;
    t->list[k] = (listed){at_us, t->order++, ++t->number};
    t->alarm[i] = t->number;
    queue_put_again(&t->q, t->slot[i], at_us, t->number);
}

static void take_until(queue_test *t, uint64_t until_us) {
    happening h;
    while (queue_take(&t->q, until_us, &h)) {
        const size_t first = first_of(t);
        assert_true(t->count > 0 && h.at_us == t->list[first].at_us && h.number == t->list[first].number);
        t->list[first] = t->list[--t->count];
        t->now_us = h.at_us;
        for (size_t i = 0; i < ALARMS; i++)
            if (t->alarm[i] == h.number) t->alarm[i] = 0;
        if (posw_random_chance(&t->random, 1, 4)) return;
    }
    assert_true(t->count == 0 || t->list[first_of(t)].at_us > until_us);
    if (until_us != UINT64_MAX && until_us > t->now_us) t->now_us = until_us;
}

static void test_queue(void **state) {
    (void)state;
    const uint8_t seed[POSW_RANDOM_SEED_SIZE] = {7};
    static queue_test t;
    posw_random_init(&t.random, seed);
    for (unsigned round = 0; round < 3000; round++) {
        const size_t burst = posw_random_chance(&t.random, 1, 50) ? 100 : posw_random_below(&t.random, 4);
        const uint64_t at_us = draw_time(&t);
        for (size_t i = 0; i < burst && t.count < LISTED_MAX - ALARMS; i++)
            put_one(&t, burst == 100 ? at_us : draw_time(&t), NULL);
        put_alarm(&t, posw_random_below(&t.random, ALARMS));
        take_until(&t, draw_time(&t));
    }
    while (t.count > 0)
        take_until(&t, UINT64_MAX);
    put_one(&t, 5, NULL); /* before what was taken: what is put late comes next */
    put_one(&t, draw_time(&t), NULL);
    queue_clear(&t.q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_four_hashes),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_same_log_without_memory),
        cmocka_unit_test(test_late_templates),
        cmocka_unit_test(test_tips_and_topology),
        cmocka_unit_test(test_hash_power_after_restart),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
