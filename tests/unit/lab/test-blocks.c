/* The model of a network at the level of blocks: its parts by themselves, cases that can be computed by hand, and the
 * same questions as put to whole nodes. Seeds are fixed. */
#include "network/blocks.h"

#include "base/error.h"
#include "base/units.h"
#include "memo.h"
#include "near.h"
#include "network/block_queue.h"
#include "network/block_tree.h"
#include "posw/difficulty.h"
#include "posw/u256.h"
#include "world/world.h"

#include <string.h>

enum { NODES_MAX = 20 };

static network_setup setup_of(size_t nodes) {
    return (network_setup){.nodes = nodes,
                           .peers = 2,
                           .latency_ms = 150,
                           .jitter_ms = 10,
                           .bytes_per_s = 1250000,
                           .block_time_s = 2,
                           .blocks = 200,
                           .weight = "pow",
                           .reach = 1,
                           .seed = 5};
}

static network_result run_of(const network_setup *s, uint64_t block_bytes, uint32_t *found_of, uint32_t *main_of) {
    network_result r = {.found_of = found_of, .main_of = main_of};
    posw_chain_spec spec;
    posw_message msg = {""};
    if (network_chain(&spec, s, &msg) != POSW_OK) fail_msg("%s", msg.text);
    assert_int_equal(blocks_run(&r, s, &spec, block_bytes, NULL), POSW_OK);
    assert_true(r.done);
    posw_chain_spec_clear(&spec);
    return r;
}

static network_result run(const network_setup *s) {
    return run_of(s, 0, NULL, NULL);
}

/* ---- the queue ---- */

static void test_queue(void **state) {
    (void)state;
    block_queue q = {.heap = NULL};
    lab_random random = lab_random_of(1, 0);
    uint64_t now = 0;
    for (int i = 0; i < 20000; i++) {
        const bool job = lab_below(&random, 4) == 0;
        const uint64_t at_us = now + (job ? 100 : lab_below(&random, 1000));
        const block_event e = block_event_of(at_us, job, (uint32_t)i, 7, 3);
        assert_true(job ? block_queue_put_job(&q, e) : block_queue_put(&q, e));
        while (q.heap_count + q.line_count > lab_below(&random, 3000)) {
            const uint64_t next = block_queue_next_us(&q);
            const block_event got = block_queue_take(&q);
            assert_true(next == got.at_us && got.at_us >= now);
            assert_true(got.block == 7 && got.count == 3 && got.what <= 1);
            now = got.at_us;
        }
    }
    while (block_queue_next_us(&q) != UINT64_MAX) {
        const uint64_t at_us = block_queue_take(&q).at_us;
        assert_true(at_us >= now);
        now = at_us;
    }
    assert_int_equal(q.heap_count + q.line_count, 0);
    block_queue_clear(&q);
}

/* ---- the tree ---- */

static void ticket_rules(posw_params *p, enum posw_difficulty_rule rule, uint64_t window) {
    posw_params_default(p);
    assert_true(posw_params_preset(p, "ticket"));
    p->difficulty_rule = rule;
    p->window_blocks = window;
    p->difficulty_blocks = posw_difficulty_blocks_default(rule, window);
    p->block_time_s = 10;
    p->chain_id = 7;
    p->genesis_time = 1000;
    p->genesis_difficulty = posw_u256_from_u64(1000 * 1000);
    p->weight.ticket_price_wei = posw_coin();
}

/* Wherever somebody mines, near the last find or far behind it, the tickets and the difficulty are those of that
 * block's own ancestors. */
static void test_window_of_any_block(void **state) {
    (void)state;
    enum { THREE = 3, SHORT = 12 };
    posw_params p;
    block_tree t;
    posw_u256 stakes[THREE];
    const double hashes[THREE] = {1, 2, 3};
    lab_random random = lab_random_of(2, 0);
    ticket_rules(&p, POSW_DIFFICULTY_LWMA3, SHORT);
    for (size_t i = 0; i < THREE; i++)
        assert_true(posw_u256_mul_u64(&stakes[i], &p.weight.ticket_price_wei, 2 + i));
    assert_true(block_tree_init(&t, &p, hashes, stakes, THREE, &stakes[0]));
    void *memory = aligned_alloc(64, (posw_window_size(SHORT, 0) + 63) / 64 * 64);
    uint64_t now_s = p.genesis_time;
    while (t.count < 800) {
        const size_t back = lab_below(&random, 10) == 0 ? 150 : 4;
        const uint32_t tip = (uint32_t)(t.count - 1 - lab_below(&random, t.count < back ? t.count : back));
        const size_t miner = block_tree_draw(&t, &random);
        now_s += 8;
        block_tree_set_least(&t, 1); /* nearly every try misses */
        t.least = t.blocks[tip].least / 2;
        if (block_tree_try(&t, miner, tip, now_s, now_s, &random) != TREE_FOUND) continue;
        uint32_t chain[800];
        size_t n = 0;
        for (uint32_t at = (uint32_t)t.count - 1;; at = t.blocks[at].parent) {
            chain[n++] = at;
            if (at == TREE_GENESIS) break;
        }
        posw_window *w = posw_window_init(memory, SHORT, 0, 2 * SHORT * p.block_time_s);
        for (size_t i = n; i-- > 0;) {
            const tree_block *b = &t.blocks[chain[i]];
            posw_window_entry e = {.timestamp = b->timestamp_s, .boosted = b->boosted, .difficulty = b->difficulty};
            if (i + 1 < n) e.miner = t.miners[b->miner].address;
            posw_window_push(w, &e);
        }
        for (size_t i = 0; i < THREE; i++)
            assert_int_equal(posw_window_used(t.window, &t.miners[i].address),
                             posw_window_used(w, &t.miners[i].address));
        const tree_block *last = &t.blocks[t.count - 1];
        const posw_header parent = {
            .number = last->number, .timestamp = last->timestamp_s, .difficulty = last->difficulty};
        const posw_u256 next = posw_difficulty_next(&p, w, &parent, now_s);
        assert_int_equal(posw_u256_cmp(&next, &last->next), 0);
        assert_true(block_tree_is_heavier(&t, chain[0], chain[1]) && !block_tree_is_heavier(&t, chain[1], chain[0]));
        assert_int_equal(block_tree_fork(&t, chain[0], chain[n / 2]), chain[n / 2]);
    }
    free(memory);
    block_tree_clear(&t);
}

/* ---- by hand ---- */

/* A message of 630 bytes at 1,250,000 a second, the pair's latency, a millisecond for the proof of work. */
static void test_two_nodes(void **state) {
    (void)state;
    network_setup s = setup_of(2);
    s.jitter_ms = 0;
    s.block_time_s = 600;
    s.settle = 30; /* each has brought a block, and sends the next ones as COMPACT */
    const network_result r = run(&s);
    const double latency_ms = (double)world_pair_latency_us(s.seed, s.latency_ms, 0, 1) / 1000;
    assert_true(latency_ms >= 75 && latency_ms < 225);
    assert_int_equal(r.found, r.main);
    assert_int_equal(r.arrivals, r.found);
    near(r.arrival_ms / (double)r.arrivals, .504 + latency_ms + 1, 1e-9);
    near(r.reached_ms[1] / (double)r.reached[1], .504 + latency_ms + 1, 1e-9);
    near(r.own_power, (double)r.found / 2, 1e-9);
    /* a block of a second's length takes a second more */
    const network_result large = run_of(&s, 1250000, NULL, NULL);
    near(large.arrival_ms / (double)large.arrivals, 1000 + latency_ms + 1, 1e-9);
}

/* Of two miners each is without the other's block for the delay: half of the hash meets it with a rival. */
static void test_lost_blocks_of_two(void **state) {
    (void)state;
    network_setup s = setup_of(2);
    uint64_t found = 0, lost = 0;
    double delay_ms = 0, arrivals = 0;
    s.jitter_ms = 0;
    s.blocks = 10000;
    s.block_time_s = 10;
    for (s.seed = 1; s.seed <= 30; s.seed++) {
        const network_result r = run(&s);
        found += r.found;
        lost += r.found - r.main;
        delay_ms += r.arrival_ms;
        arrivals += (double)r.arrivals;
    }
    const double want = network_stale_expected(delay_ms / arrivals / 1000 / 2, s.block_time_s);
    near((double)lost / (double)found, want, 5 * sqrt(want / (double)found) + .03 * want);
}

static void test_same_seed_same_result(void **state) {
    (void)state;
    network_setup s = setup_of(NODES_MAX);
    const network_result a = run(&s), b = run(&s);
    assert_memory_equal(&a, &b, sizeof a);
    s.seed++;
    const network_result other = run(&s);
    assert_memory_not_equal(&a, &other, sizeof a);
}

/* Blocks that come much faster than they travel: the model holds, whatever becomes of the chain. */
static void test_hopeless_network(void **state) {
    (void)state;
    network_setup s = setup_of(NODES_MAX);
    s.latency_ms = 20000;
    s.block_time_s = 1;
    s.blocks = 400;
    const network_result r = run(&s);
    assert_in_range(r.found, 100, 600);
    assert_in_range(r.main, 1, r.found * 2 / 3);
}

static bool at_once(void) {
    return true;
}

static void test_stopped(void **state) {
    (void)state;
    network_setup s = setup_of(NODES_MAX);
    network_result r = {.found_of = NULL};
    posw_chain_spec spec;
    posw_message msg = {""};
    s.blocks = 10000;
    assert_int_equal(network_chain(&spec, &s, &msg), POSW_OK);
    assert_int_equal(blocks_run(&r, &s, &spec, 0, at_once), POSW_OK);
    assert_false(r.done);
    assert_true(r.found < 9000);
    posw_chain_spec_clear(&spec);
}

/* ---- rules ---- */

enum { MINERS = 4, WINDOW = 60, TICKETS = 8 };

/* What each of them finds without a network: chains of ten thousand blocks. */
static void share_of_chains(lab_sample share[MINERS], const network_setup *s) {
    for (uint64_t chain = 0; chain < 10; chain++) {
        const chain_sim_setup setup = {.params = s->chain,
                                       .supply_wei = s->supply_wei,
                                       .miners = s->miners,
                                       .miner_count = MINERS,
                                       .seed = 1,
                                       .task = chain};
        chain_sim *sim = chain_sim_new(&setup);
        chain_sim_block block;
        assert_non_null(sim);
        for (int i = 0; i < 2 * WINDOW; i++)
            chain_sim_step(sim, &block);
        chain_sim_forget(sim);
        for (int i = 0; i < 10000; i++)
            chain_sim_step(sim, &block);
        for (size_t i = 0; i < MINERS; i++)
            lab_sample_add(&share[i], (double)chain_sim_score_of(sim, i).blocks / 10000, 1);
        chain_sim_free(sim);
    }
}

/* Hash alike, stake not: the tickets divide the blocks, as without a network. */
static void test_tickets(void **state) {
    (void)state;
    posw_params p;
    chain_sim_miner miners[MINERS];
    lab_sample expected[MINERS] = {{0}}, got[MINERS] = {{0}};
    network_setup s = setup_of(MINERS);
    ticket_rules(&p, POSW_DIFFICULTY_ASERT, WINDOW);
    s.chain = &p;
    s.block_time_s = 10;
    s.latency_ms = 2;
    s.jitter_ms = 0;
    s.settle = 2 * WINDOW;
    s.blocks = 4000;
    s.miners = miners;
    for (uint32_t i = 0; i < MINERS; i++) {
        miners[i] = (chain_sim_miner){.hash = 1, .identities = 1};
        assert_true(posw_u256_mul_u64(&miners[i].stake_wei, &p.weight.ticket_price_wei, TICKETS * (i + 1)));
    }
    assert_true(posw_u256_mul_u64(&s.supply_wei, &p.weight.ticket_price_wei, 1000));
    share_of_chains(expected, &s);
    for (s.seed = 1; s.seed <= 8; s.seed++) {
        uint32_t found_of[MINERS], main_of[MINERS];
        const network_result r = run_of(&s, 0, found_of, main_of);
        assert_in_range(r.found, 3700, 4300);
        for (size_t i = 0; i < MINERS; i++)
            lab_sample_add(&got[i], (double)main_of[i] / (double)r.main, 1);
    }
    for (size_t i = 0; i < MINERS; i++)
        near(got[i].mean, expected[i].mean,
             5 * hypot(lab_sample_error(&got[i]), lab_sample_error(&expected[i])) + .001);
    assert_true(got[3].mean > 2 * got[0].mean);
}

/* How many blocks come in a thousand block times, by 64 runs; whole nodes: 1000, 1001, 987, 972, 1006 and 788, by 6. */
static void test_difficulty_rules(void **state) {
    (void)state;
    static const double want[] = {
        [POSW_DIFFICULTY_ASERT] = 999,       [POSW_DIFFICULTY_FIXED] = 997,      [POSW_DIFFICULTY_LWMA3] = 994,
        [POSW_DIFFICULTY_BITCOIN2016] = 967, [POSW_DIFFICULTY_HOMESTEAD] = 1001, [POSW_DIFFICULTY_STEP] = 785,
        [POSW_DIFFICULTY_ASERT_LAG] = 997};
    for (int rule = POSW_DIFFICULTY_ASERT; rule <= POSW_DIFFICULTY_ASERT_LAG; rule++) {
        posw_params p;
        network_setup s = setup_of(4);
        ticket_rules(&p, (enum posw_difficulty_rule)rule, 60);
        p.block_time_s = 100;
        s.chain = &p;
        s.block_time_s = 100;
        s.blocks = 3000;
        const network_result r = run(&s);
        near((double)r.found / 3, want[rule], 92); /* Poisson's deviation, of which most rules have less: 18 */
        assert_true(r.main > r.found * 98 / 100);
    }
}

/* Without tickets the window is there for the rules that look back. */
static void test_without_tickets(void **state) {
    (void)state;
    for (int rule = POSW_DIFFICULTY_ASERT; rule <= POSW_DIFFICULTY_ASERT_LAG; rule++) {
        posw_params p;
        network_setup s = setup_of(4);
        ticket_rules(&p, (enum posw_difficulty_rule)rule, 60);
        assert_true(posw_params_preset(&p, "pow"));
        p.block_time_s = 100;
        s.chain = &p;
        s.block_time_s = 100;
        s.blocks = 300;
        const network_result r = run(&s);
        assert_in_range(r.found, 180, 420); /* as above, by seven deviations */
    }
}

/* Templates are of the second in which they are found, also where blocks come every few seconds: `step` has then the
 * mean that whole seconds give it, and not a longer one. */
static void test_own_time(void **state) {
    (void)state;
    posw_params p;
    network_setup s = setup_of(2);
    ticket_rules(&p, POSW_DIFFICULTY_STEP, 60);
    s.chain = &p;
    s.block_time_s = 10;
    s.latency_ms = 2;
    s.blocks = 40000;
    const network_result r = run(&s);
    near((double)s.blocks / (double)r.main, 1.22, .03); /* of times up to 30 s old: 1.29 */
}

/* ---- beside whole nodes ---- */

enum { STALE, RATIO, DELAY, HALF, NINE_TENTHS, FIGURES };

static void add_figures(lab_sample *f, const network_setup *s, const network_result *r) {
    lab_sample_add(&f[STALE], 1 - (double)r->main / (double)r->found, (double)r->found);
    lab_sample_add(&f[RATIO], (double)s->blocks / (double)r->main, 1);
    lab_sample_add(&f[DELAY], r->delay_ms / r->delay_power, r->delay_power);
    for (size_t i = 0; i < 2; i++)
        lab_sample_add(&f[HALF + i], r->reached_ms[i] / (double)r->reached[i], (double)r->reached[i]);
}

/* A tenth of all blocks is lost here, so that what nodes do with branches counts. The networks are the same. */
static void test_whole_nodes(void **state) {
    (void)state;
    enum { RUNS = 16, MORE = 10 };
    network_setup s = setup_of(10);
    lab_sample nodes[FIGURES] = {{0}}, model[FIGURES] = {{0}};
    s.blocks = 80;
    memo_set(true);
    for (s.seed = 1; s.seed <= RUNS; s.seed++) {
        network_result r = {.found_of = NULL};
        assert_int_equal(network_run(&r, &s), POSW_OK);
        add_figures(nodes, &s, &r);
    }
    memo_set(false);
    s.blocks *= MORE;
    for (s.seed = 1; s.seed <= RUNS; s.seed++) {
        const network_result r = run(&s);
        add_figures(model, &s, &r);
    }
    for (size_t i = 0; i < FIGURES; i++) {
        const double error = hypot(lab_sample_error(&nodes[i]), lab_sample_error(&model[i]));
        near(model[i].mean, nodes[i].mean, 3 * error);
        assert_true(error < .15 * nodes[i].mean); /* so that it says something */
    }
}

/* A row: seven of ten blocks are lost, branches are long, and the answers of most neighbours take longer than a second,
 * so that these are asked for one block after the other. */
static void test_row_of_whole_nodes(void **state) {
    (void)state;
    enum { NODES = 31, RUNS = 16 };
    network_setup s = setup_of(NODES);
    lab_sample nodes = {0}, model = {0};
    s.peers = 0;
    s.latency_ms = 500;
    memo_set(true);
    for (s.seed = 1; s.seed <= RUNS; s.seed++) {
        network_result r = {.found_of = NULL};
        assert_int_equal(network_run(&r, &s), POSW_OK);
        lab_sample_add(&nodes, 1 - (double)r.main / (double)r.found, (double)r.found);
    }
    memo_set(false);
    for (s.seed = 1; s.seed <= 4 * RUNS; s.seed++) {
        const network_result r = run(&s);
        lab_sample_add(&model, 1 - (double)r.main / (double)r.found, (double)r.found);
    }
    const double error = hypot(lab_sample_error(&nodes), lab_sample_error(&model));
    near(model.mean, nodes.mean, 3 * error);
    assert_true(error < .02 && nodes.mean > .65);
}

/* `short`: without the tests that take long under a sanitizer. */
int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_window_of_any_block),
        cmocka_unit_test(test_two_nodes),
        cmocka_unit_test(test_lost_blocks_of_two),
        cmocka_unit_test(test_same_seed_same_result),
        cmocka_unit_test(test_hopeless_network),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_tickets),
        cmocka_unit_test(test_difficulty_rules),
        cmocka_unit_test(test_without_tickets),
        cmocka_unit_test(test_own_time),
    };
    const struct CMUnitTest beside[] = {cmocka_unit_test(test_whole_nodes), cmocka_unit_test(test_row_of_whole_nodes)};
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (argc > 1 && strcmp(argv[1], "short") == 0) return failed;
    return failed + cmocka_run_group_tests(beside, NULL, NULL);
}
