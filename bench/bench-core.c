/* What the consensus core costs, each beside its bound or its goal.
 *
 *      bench-core [rounds]        (default 20)
 *
 *  header     headers with keccak256 work and stake proofs 16 levels deep, linked and checked, against what recovering
 *             their signatures alone costs: goal 90 % of that rate, with 64 miners; then where no miner comes twice,
 * and one header a call proof      a stake proof of depth 16 against 16 node hashes, one after the other: goal 120 % of
 * their time weight     weight and target of a miner: goal 200 ns window     a push or a pop: goal 50 ns tree adding a
 * header to a tree of 100,000: goal 1,000 ns
 *
 * The two sides of a ratio are measured in turns of some 2 ms, on the same input again in each round, and of each turn
 * the best round counts: what else the machine does costs time, never gives any. Exit 1 when a goal is missed. */
#include "base/bytes.h"
#include "base/error.h"
#include "bench.h"
#include "core/stake_tree.h"
#include "crypto/keccak.h"
#include "crypto/secp.h"
#include "posw/difficulty.h"
#include "posw/genesis.h"
#include "posw/light.h"
#include "posw/tree.h"
#include "posw/u256.h"
#include "posw/weight.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    TABLE = POSW_STAKE_MINERS_MAX,
    HEADERS = 1024,
    SLICE = 128, /* headers a turn */
    TURNS = HEADERS / SLICE
};

static uint64_t sink; /* what is computed is used */

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t next(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void *memory_for(size_t size) {
    void *p = aligned_alloc(64, (size + 63) / 64 * 64);
    if (p == NULL) exit(2);
    return p;
}

/* The least time of each turn over all rounds. */
typedef struct {
    double ns[TURNS];
} best_times;

static void best_start(best_times *b) {
    for (size_t i = 0; i < TURNS; i++)
        b->ns[i] = 1e18;
}

static void best_take(best_times *b, size_t turn, double ns) {
    if (ns < b->ns[turn]) b->ns[turn] = ns;
}

static double best_sum(const best_times *b) {
    double sum = 0;
    for (size_t i = 0; i < TURNS; i++)
        sum += b->ns[i];
    return sum;
}

/* ---- a chain of sealed headers ---- */

typedef struct {
    posw_params params;
    posw_header genesis, headers[HEADERS];
    unsigned miners; /* of the table; they mine in turn */
    posw_stake_proof proofs[HEADERS];
    posw_hash digests[HEADERS]; /* what is signed */
    posw_signature signatures[HEADERS];
    posw_light_item items[HEADERS];
    void *window_memory;
    posw_window *window;
} chain;

static void secret_of(uint8_t secret[32], unsigned miner) {
    memset(secret, 7, 32);
    posw_store_be32(secret, miner);
}

static int compare_entries(const void *a, const void *b) {
    return posw_address_cmp(&((const posw_stake_entry *)a)->miner, &((const posw_stake_entry *)b)->miner);
}

/* A full table with our miners in it; their proofs, and the stake root of epoch 0. */
static posw_hash make_stakes(chain *c) {
    posw_stake_entry *entries = memory_for(TABLE * sizeof *entries);
    posw_stake_node *tree = memory_for(posw_stake_tree_size(TABLE) * sizeof *tree);
    posw_address miners[HEADERS];
    for (unsigned i = 0; i < TABLE; i++) {
        uint8_t secret[32];
        posw_hash h;
        secret_of(secret, i);
        posw_keccak256(&h, secret, sizeof secret);
        memcpy(entries[i].miner.b, h.b, POSW_ADDRESS_SIZE);
        if (i < c->miners && !posw_secp_address(&entries[i].miner, secret)) exit(2);
        if (i < c->miners) miners[i] = entries[i].miner;
        entries[i].signer = entries[i].miner;
        entries[i].stake_wei = posw_u256_from_u64((uint64_t)1 << 60);
    }
    qsort(entries, TABLE, sizeof *entries, compare_entries);
    posw_stake_table t = {.entries = entries, .count = TABLE, .supply_wei = posw_u256_from_u128(1 << 20, 0)};
    posw_stake_table_finish(&t, tree);
    posw_stake_tree_build(tree, &t);
    for (unsigned i = 0; i < c->miners; i++)
        if (!posw_stake_tree_prove(&c->proofs[i], &t, &miners[i], tree)) exit(2);
    posw_hash root;
    posw_stake_root(&root, 0, &t.supply_wei, &t.total_wei, &t.tree_root);
    free(tree);
    free(entries);
    return root;
}

/* Searches and signs: with a ticket one nonce in four is enough. */
static void seal(chain *c, size_t at, unsigned miner, const posw_u256 *weight) {
    posw_header *h = &c->headers[at];
    posw_hash seal_hash;
    uint8_t input[POSW_POW_INPUT_SIZE], secret[32];
    posw_header_seal_hash(&seal_hash, h);
    for (uint64_t nonce = 0;; nonce++) {
        posw_store_be64(h->nonce, nonce);
        posw_pow_input(input, &seal_hash, h->nonce);
        posw_keccak256(&h->mix_hash, input, sizeof input);
        if (posw_seal_meets(&h->mix_hash, &h->difficulty, weight)) break;
    }
    posw_seal_digest(&c->digests[at], &seal_hash, h->nonce, &h->mix_hash);
    secret_of(secret, miner);
    if (!posw_secp_sign(&c->signatures[at], &c->digests[at], secret)) exit(2);
    memcpy(h->extra + POSW_EXTRA_SIZE - POSW_SIGNATURE_SIZE, c->signatures[at].b, POSW_SIGNATURE_SIZE);
}

static posw_light start(chain *c) {
    posw_light light;
    if (!posw_light_init(&light, &c->params, c->window, posw_pow_keccak256(), NULL, &c->genesis)) exit(2);
    return light;
}

static void must_accept(posw_light *light, const posw_light_item *items, size_t count) {
    bool ok;
    size_t accepted;
    const posw_verdict v = posw_light_extend(&ok, &accepted, light, items, count, UINT64_MAX);
    if (ok && v.kind == POSW_VALID && accepted == count) return;
    fprintf(stderr, "bench-core: header %zu is refused by rule %s\n", accepted, posw_rule_number(v.rule));
    exit(2);
}

static chain *make_chain(unsigned miners) {
    chain *c = memory_for(sizeof *c);
    memset(c, 0, sizeof *c);
    c->miners = miners;
    posw_params *p = &c->params;
    posw_params_default(p);
    p->chain_id = 7;
    p->pow = POSW_POW_KECCAK256;
    p->epoch_blocks = p->unbonding_blocks = 65536; /* all in epoch 0 */
    p->unbonding_blocks *= 2;
    p->genesis_time = 1700000000;
    p->genesis_difficulty = posw_u256_from_u64(4096);
    p->weight.ticket_price_wei = posw_u256_from_u64((uint64_t)1 << 48); /* tickets for all */
    if (posw_params_check(p).kind != POSW_VALID) exit(2);
    const posw_hash root = make_stakes(c), state_root = {{1}};
    posw_genesis_header(&c->genesis, p, "bench", &state_root);
    c->window_memory = memory_for(posw_window_size(p->window_blocks, 0));
    c->window = posw_window_init(c->window_memory, p->window_blocks, 0, 2 * p->window_blocks * p->block_time_s);
    posw_light light = start(c);
    const posw_u256 boost = posw_u256_from_u64(p->weight.boost);
    for (size_t i = 0; i < HEADERS; i++) {
        const unsigned miner = (unsigned)(i % c->miners);
        posw_header *h = &c->headers[i];
        *h = (posw_header){.parent_hash = light.tip_hash,
                           .ommers_hash = POSW_OMMERS_EMPTY,
                           .number = i + 1,
                           .gas_limit = p->gas_limit,
                           .gas_used = p->gas_limit / 2,
                           .timestamp = light.tip.timestamp + p->block_time_s,
                           .base_fee_wei = p->base_fee_min_wei};
        uint8_t secret[32];
        secret_of(secret, miner);
        if (!posw_secp_address(&h->beneficiary, secret)) exit(2);
        memset(h->logs_bloom, (int)i, sizeof h->logs_bloom);
        h->difficulty = posw_difficulty_next(p, c->window, &light.tip, h->timestamp);
        posw_header_set_extra(h, &root);
        seal(c, i, miner, &boost);
        c->items[i] = (posw_light_item){.header = h, .proof = &c->proofs[miner]};
        must_accept(&light, &c->items[i], 1);
    }
    return c;
}

static void free_chain(chain *c) {
    free(c->window_memory);
    free(c);
}

/* ---- header ---- */

static double recover_ns(const chain *c, size_t from, size_t count) {
    posw_address signer;
    const double begin = now_ns();
    for (size_t i = from; i < from + count; i++)
        if (!posw_secp_recover(&signer, &c->digests[i], &c->signatures[i])) exit(2);
    return now_ns() - begin;
}

/* `step` headers a call. */
static double check_ns(posw_light *light, const chain *c, size_t from, size_t count, size_t step) {
    const double begin = now_ns();
    for (size_t i = from; i < from + count; i += step)
        must_accept(light, &c->items[i], step);
    return now_ns() - begin;
}

static void bench_header(const char *name, chain *c, size_t rounds, size_t step, double goal) {
    best_times checks, bounds;
    best_start(&checks);
    best_start(&bounds);
    for (size_t r = 0; r < rounds; r++) {
        posw_light light = start(c);
        for (size_t t = 0; t < TURNS; t++) {
            best_take(&checks, t, check_ns(&light, c, t * SLICE, SLICE, step));
            best_take(&bounds, t, recover_ns(c, t * SLICE, SLICE));
        }
    }
    const double ratio = best_sum(&bounds) / best_sum(&checks);
    printf("%-20s %8.2f us   %5.1f %% of the recover bound of %.2f us", name, best_sum(&checks) / HEADERS / 1e3,
           ratio * 100, best_sum(&bounds) / HEADERS / 1e3);
    if (goal > 0)
        bench_goal(ratio >= goal, "%.0f %% or more", goal * 100);
    else
        puts("");
}

/* ---- proof ---- */

enum { PROOFS = 300 /* a turn */ };

static double proof_ns(const chain *c) {
    const posw_hash root = posw_header_stake_root(&c->headers[0]);
    const double begin = now_ns();
    for (size_t i = 0; i < PROOFS; i++) {
        const posw_header *h = &c->headers[i % c->miners];
        if (posw_stake_proof_check(&c->proofs[i % c->miners], 0, &h->beneficiary, &root).kind != POSW_VALID) exit(2);
    }
    return now_ns() - begin;
}

/* Node after node, as a tree is hashed: message and hash. */
static double nodes_ns(const chain *c) {
    posw_stake_node node = {.sum = POSW_U256_ONE}, sibling = {.sum = POSW_U256_ONE};
    uint8_t message[POSW_STAKE_NODE_SIZE];
    const double begin = now_ns();
    for (size_t i = 0; i < PROOFS * POSW_STAKE_PROOF_DEPTH_MAX; i++) {
        sibling.hash = c->proofs[i % c->miners].siblings[i / c->miners % POSW_STAKE_PROOF_DEPTH_MAX].hash;
        posw_stake_node_put(message, &node, &sibling);
        posw_keccak256(&node.hash, message, sizeof message);
    }
    return now_ns() - begin;
}

static void bench_proof(const chain *c, size_t rounds) {
    best_times proofs, bounds;
    best_start(&proofs);
    best_start(&bounds);
    for (size_t r = 0; r < rounds; r++)
        for (size_t t = 0; t < TURNS; t++) {
            best_take(&proofs, t, proof_ns(c));
            best_take(&bounds, t, nodes_ns(c));
        }
    const double ratio = best_sum(&proofs) / best_sum(&bounds);
    printf("proof, depth 16      %8.2f us   %5.1f %% of 16 node hashes in %.2f us",
           best_sum(&proofs) / TURNS / PROOFS / 1e3, ratio * 100, best_sum(&bounds) / TURNS / PROOFS / 1e3);
    bench_goal(ratio <= 1.2, "120 %% or less");
}

/* ---- weight, window, tree ---- */

static void print_goal(const char *name, double ns, double goal) {
    printf("%-20s %8.1f ns", name, ns);
    bench_goal(ns <= goal, "%.0f ns or less", goal);
}

static void bench_weight(const char *preset, size_t rounds) {
    enum { CALLS = 4096 };
    static posw_u256 stakes[CALLS];
    posw_params p;
    uint64_t seed = 1;
    posw_params_default(&p);
    if (!posw_params_preset(&p, preset)) exit(2);
    const posw_u256 supply = posw_u256_from_u128(1 << 24, 1), difficulty = posw_u256_from_u128(1, next(&seed));
    for (size_t i = 0; i < CALLS; i++)
        stakes[i] = posw_u256_from_u128(next(&seed) % (1 << 16), next(&seed));
    double best = 1e18;
    for (size_t r = 0; r < rounds; r++) {
        const double begin = now_ns();
        for (size_t i = 0; i < CALLS; i++) {
            const posw_u256 weight = posw_weight(&p, 1000000, &stakes[i], &supply, i & 7);
            sink += posw_seal_target(&difficulty, &weight).w[3];
        }
        const double ns = (now_ns() - begin) / CALLS;
        best = ns < best ? ns : best;
    }
    char name[64];
    snprintf(name, sizeof name, "weight %s", preset);
    print_goal(name, best, 200);
}

enum { W = 2016, HISTORY = 512, OPERATIONS = 512, MINER_COUNT = 1000, UNLOCK_S = 2 * W * 15 };

/* A round: as many pushes as pops, then the pushes again, so that each round counts other miners. */
static void window_round(posw_window *w, uint64_t *seed, uint64_t *time, double *push, double *pop) {
    static posw_window_entry entries[OPERATIONS];
    for (size_t i = 0; i < OPERATIONS; i++) {
        posw_window_entry *e = &entries[i];
        *e = (posw_window_entry){.difficulty = POSW_U256_ONE, .boosted = next(seed) % 4 != 0};
        posw_store_be32(e->miner.b, (uint32_t)(next(seed) % MINER_COUNT));
        e->timestamp = *time += 15;
    }
    double begin = now_ns();
    for (size_t i = 0; i < OPERATIONS; i++)
        posw_window_push(w, &entries[i]);
    *push = (now_ns() - begin) / OPERATIONS;
    begin = now_ns();
    for (size_t i = 0; i < OPERATIONS; i++)
        if (!posw_window_pop(w)) exit(2);
    *pop = (now_ns() - begin) / OPERATIONS;
    for (size_t i = 0; i < OPERATIONS; i++)
        posw_window_push(w, &entries[i]);
}

static void bench_window(size_t rounds) {
    void *memory = memory_for(posw_window_size(W, HISTORY));
    posw_window *w = posw_window_init(memory, W, HISTORY, UNLOCK_S);
    uint64_t seed = 2, time = 1;
    double push, pop, best_push = 1e18, best_pop = 1e18;
    for (size_t r = 0; r < 10 + rounds; r++) {
        window_round(w, &seed, &time, &push, &pop);
        if (r < 10) continue; /* the window fills */
        best_push = push < best_push ? push : best_push;
        best_pop = pop < best_pop ? pop : best_pop;
    }
    print_goal("window push", best_push, 50);
    print_goal("window pop", best_pop, 50);
    free(memory);
}

/* The last 4,096 insertions into a tree that has room for no more: random parents among the latest 64. */
static void bench_tree(size_t rounds) {
    enum { NODES = 100000, LAST = 4096, NEAR = 64 };
    posw_hash *hashes = memory_for(NODES * sizeof *hashes);
    void *memory = memory_for(posw_tree_size(NODES));
    const uint64_t key[2] = {1, 2};
    const posw_u256 one = POSW_U256_ONE;
    uint64_t seed = 3;
    double best = 1e18;
    for (size_t i = 0; i < NODES; i++)
        for (size_t k = 0; k < 4; k++)
            posw_store_be64(hashes[i].b + 8 * k, next(&seed));
    for (size_t r = 0; r < rounds; r++) {
        posw_tree *t = posw_tree_init(memory, NODES, key, &hashes[0], 0, &one);
        double begin = 0;
        for (size_t i = 1; i < NODES; i++) {
            const posw_u256 difficulty = posw_u256_from_u64(1 + next(&seed) % 1000);
            const size_t parent = i - 1 - next(&seed) % (i < NEAR ? i : NEAR);
            if (i == NODES - LAST) begin = now_ns();
            if (posw_tree_insert(t, NULL, &hashes[i], &hashes[parent], &difficulty) != POSW_TREE_ADDED) exit(2);
        }
        const double ns = (now_ns() - begin) / LAST;
        best = ns < best ? ns : best;
    }
    print_goal("tree, 100,000 nodes", best, 1000);
    free(memory);
    free(hashes);
}

int main(int argc, char **argv) {
    const size_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 20;
    if (rounds < 1) return 2;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    chain *few = make_chain(64), *many = make_chain(HEADERS);
    bench_header("header", few, rounds, SLICE, 0.9);
    bench_header("  no miner twice", many, rounds, SLICE, 0);
    bench_header("  one by one", few, rounds, 1, 0);
    bench_proof(few, rounds);
    free_chain(few);
    free_chain(many);
    static const char *const presets[] = {"ticket", "diode", "sqrt"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(presets); i++)
        bench_weight(presets[i], rounds * 20);
    bench_window(rounds * 20);
    bench_tree(rounds);
    return sink == 1 ? 2 : bench_end();
}
