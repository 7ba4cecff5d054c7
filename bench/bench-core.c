/* What the consensus core costs, each beside its bound or its goal.
 *
 *      bench-core [rounds]        (default 40)
 *
 *  header     headers with keccak256 work and stake proofs 16 levels deep, linked and checked, against what recovering
 *             their signatures alone costs: goal 90 % of that rate
 *  proof      a stake proof of depth 16 against 16 node hashes, one after the other: goal 120 % of their time
 *  weight     weight and target of a miner: goal 200 ns
 *  window     a push or a pop: goal 50 ns
 *  tree       adding a header to a tree of 100,000: goal 1,000 ns
 *
 * Each pair is measured in turns of a few milliseconds, and the median of the turns' ratios is printed, so that
 * whatever else the machine does meets both sides alike. Exit 1 when a goal is missed. */
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/keccak.h"
#include "crypto/secp.h"
#include "posw/difficulty.h"
#include "posw/genesis.h"
#include "posw/light.h"
#include "posw/u256.h"
#include "posw/weight.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    TABLE = POSW_STAKE_MINERS_MAX,
    MINERS = 16, /* of the table, which mine in turn */
    HEADERS = 1024,
    SLICE = 32, /* headers a turn */
    ROUNDS_MAX = 1000,
    TURNS_MAX = ROUNDS_MAX * (HEADERS / SLICE)
};

static bool missed;

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
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

static int compare_doubles(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, compare_doubles);
    return values[count / 2];
}

static void verdict_of(bool met) {
    puts(met ? "   met" : "   MISSED");
    if (!met) missed = true;
}

/* ---- a chain of sealed headers ---- */

typedef struct {
    posw_params params;
    posw_header genesis, headers[HEADERS];
    posw_stake_proof proofs[MINERS];
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
    posw_stake_node *scratch = memory_for(TABLE * sizeof *scratch);
    posw_address miners[MINERS];
    for (unsigned i = 0; i < TABLE; i++) {
        uint8_t secret[32];
        posw_hash h;
        secret_of(secret, i);
        posw_keccak256(&h, secret, sizeof secret);
        memcpy(entries[i].miner.b, h.b, POSW_ADDRESS_SIZE);
        if (i < MINERS && !posw_secp_address(&entries[i].miner, secret)) exit(2);
        if (i < MINERS) miners[i] = entries[i].miner;
        entries[i].signer = entries[i].miner;
        entries[i].stake_wei = posw_u256_from_u64((uint64_t)1 << 60);
    }
    qsort(entries, TABLE, sizeof *entries, compare_entries);
    posw_stake_table t = {.entries = entries, .count = TABLE, .supply_wei = posw_u256_from_u128(1 << 20, 0)};
    posw_stake_table_finish(&t, scratch);
    for (unsigned i = 0; i < MINERS; i++)
        if (!posw_stake_prove(&c->proofs[i], &t, &miners[i], scratch)) exit(2);
    posw_hash root;
    posw_stake_root(&root, 0, &t.supply_wei, &t.total_wei, &t.tree_root);
    free(scratch);
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
    const posw_verdict v = posw_light_extend(&ok, &accepted, light, items, count, light->tip.timestamp + 1000);
    if (ok && v.kind == POSW_VALID && accepted == count) return;
    fprintf(stderr, "bench-core: header %zu is refused by rule %s\n", accepted, posw_rule_number(v.rule));
    exit(2);
}

static chain *make_chain(void) {
    chain *c = memory_for(sizeof *c);
    memset(c, 0, sizeof *c);
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
        const unsigned miner = (unsigned)(i % MINERS);
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

static void bench_header(chain *c, size_t rounds, size_t step, double goal) {
    static double ratios[TURNS_MAX], checks[TURNS_MAX];
    size_t turns = 0;
    for (size_t r = 0; r < rounds; r++) {
        posw_light light = start(c);
        for (size_t at = 0; at < HEADERS; at += SLICE, turns++) {
            const double check = check_ns(&light, c, at, SLICE, step), bound = recover_ns(c, at, SLICE);
            ratios[turns] = bound / check;
            checks[turns] = check / SLICE;
        }
    }
    const double ratio = median(ratios, turns);
    printf("header, %2zu at once   %8.2f us   %5.1f %% of the recover bound", step, median(checks, turns) / 1e3,
           ratio * 100);
    if (goal > 0)
        verdict_of(ratio >= goal);
    else
        puts("");
}

/* ---- proof ---- */

static void bench_proof(const chain *c, size_t rounds) {
    enum { PROOFS = 200, NODE_SIZE = 1 + 2 * (32 + 16) };
    static double ratios[ROUNDS_MAX * 4], times[ROUNDS_MAX * 4];
    const posw_hash root = posw_header_stake_root(&c->headers[0]);
    uint8_t node[NODE_SIZE] = {1};
    posw_hash hash;
    const size_t turns = rounds * 4;
    for (size_t t = 0; t < turns; t++) {
        const double begin = now_ns();
        for (size_t i = 0; i < PROOFS; i++)
            if (posw_stake_proof_check(&c->proofs[i % MINERS], 0, &c->headers[i % MINERS].beneficiary, &root).kind !=
                POSW_VALID)
                exit(2);
        const double middle = now_ns();
        for (size_t i = 0; i < PROOFS * POSW_STAKE_PROOF_DEPTH_MAX; i++) {
            posw_keccak256(&hash, node, sizeof node);
            memcpy(node + 1, hash.b, sizeof hash.b);
        }
        ratios[t] = (middle - begin) / (now_ns() - middle);
        times[t] = (middle - begin) / PROOFS;
    }
    const double ratio = median(ratios, turns);
    printf("proof, depth 16      %8.2f us   %5.1f %% of 16 node hashes", median(times, turns) / 1e3, ratio * 100);
    verdict_of(ratio <= 1.2);
}

/* ---- weight, window ---- */

static void print_goal(const char *name, double *times, size_t turns, double goal) {
    const double ns = median(times, turns);
    printf("%-20s %8.1f ns   goal %.0f ns", name, ns, goal);
    verdict_of(ns <= goal);
}

static void bench_weight(const char *preset, size_t rounds) {
    enum { CALLS = 4096 };
    static double times[ROUNDS_MAX];
    static posw_u256 stakes[CALLS];
    posw_params p;
    uint64_t seed = 1;
    posw_params_default(&p);
    if (!posw_params_preset(&p, preset)) exit(2);
    const posw_u256 supply = posw_u256_from_u128(1 << 24, 1), difficulty = posw_u256_from_u128(1, next(&seed));
    for (size_t i = 0; i < CALLS; i++)
        stakes[i] = posw_u256_from_u128(next(&seed) % (1 << 16), next(&seed));
    uint64_t sum = 0;
    for (size_t r = 0; r < rounds; r++) {
        const double begin = now_ns();
        for (size_t i = 0; i < CALLS; i++) {
            const posw_u256 weight = posw_weight(&p, 1000000, &stakes[i], &supply, i & 7);
            sum += posw_seal_target(&difficulty, &weight).w[3];
        }
        times[r] = (now_ns() - begin) / CALLS;
    }
    char name[64];
    snprintf(name, sizeof name, "weight %s", preset);
    if (sum == 1) puts("");
    print_goal(name, times, rounds, 200);
}

static void bench_window(size_t rounds) {
    enum { W = 2016, HISTORY = 512, OPERATIONS = 512, MINER_COUNT = 1000, UNLOCK_S = 2 * W * 15 };
    static double pushes[ROUNDS_MAX], pops[ROUNDS_MAX];
    static posw_window_entry entries[OPERATIONS];
    posw_window *w = posw_window_init(memory_for(posw_window_size(W, HISTORY)), W, HISTORY, UNLOCK_S);
    uint64_t seed = 2, time = 1;
    posw_window_entry e = {.difficulty = POSW_U256_ONE};
    for (size_t n = 0; n < 2 * W; n++, time += 15) {
        const posw_window_entry entry = {.timestamp = time, .boosted = n % 2, .miner.b = {(uint8_t)(n * 7), 1}};
        posw_window_push(w, &entry);
    }
    for (size_t r = 0; r < rounds; r++) {
        for (size_t i = 0; i < OPERATIONS; i++) {
            posw_store_be32(e.miner.b, (uint32_t)(next(&seed) % MINER_COUNT));
            e.boosted = next(&seed) % 4 != 0;
            e.timestamp = time + 15 * i;
            entries[i] = e;
        }
        double begin = now_ns();
        for (size_t i = 0; i < OPERATIONS; i++)
            posw_window_push(w, &entries[i]);
        pushes[r] = (now_ns() - begin) / OPERATIONS;
        begin = now_ns();
        for (size_t i = 0; i < OPERATIONS; i++)
            if (!posw_window_pop(w)) exit(2);
        pops[r] = (now_ns() - begin) / OPERATIONS;
        for (size_t i = 0; i < OPERATIONS; i++) /* forward, so that each round counts other miners */
            posw_window_push(w, &entries[i]);
        time += 15 * OPERATIONS;
    }
    print_goal("window push", pushes, rounds, 50);
    print_goal("window pop", pops, rounds, 50);
    free(w);
}

int main(int argc, char **argv) {
    size_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 40;
    if (rounds < 1 || rounds > ROUNDS_MAX) return 2;
    chain *c = make_chain();
    bench_header(c, rounds, SLICE, 0.9);
    bench_header(c, rounds, 1, 0);
    bench_proof(c, rounds);
    static const char *const presets[] = {"ticket", "diode", "sqrt"};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(presets); i++)
        bench_weight(presets[i], rounds * 10 < ROUNDS_MAX ? rounds * 10 : ROUNDS_MAX);
    bench_window(rounds * 10 < ROUNDS_MAX ? rounds * 10 : ROUNDS_MAX);
    free(c->window_memory);
    free(c);
    return missed ? 1 : 0;
}
