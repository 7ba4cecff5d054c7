/* Proof of StakeWork for a chain with a header of its own: 80 bytes, double SHA-256, as in Bitcoin.
 *
 *      toy [BLOCKS]        (default 400)
 *
 * The rule does not care what is hashed, as long as the miner whose stake counts is inside (here: in the Merkle root).
 * A client changes two places: where it compares the hash with the target, and where it adds or takes back a block:
 *
 *      before:   hash <= target                             after:   posw_seal_meets(hash, difficulty, weight)
 *                                                                    posw_window_push / posw_window_pop
 *
 * Three miners with the same hash rate and 0, 1 and 3 tickets mine a chain; then other hands try to change it. */
#include <openssl/sha.h>
#include <posw/posw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_SIZE = 80, MINERS = 3, WINDOW = 32, BLOCK_TIME_S = 60, REORG_MAX = 16, BLOCKS_MAX = 100000 };

/* version 4, previous 32, Merkle root 32, time 4, bits 4, nonce 4; all numbers little-endian */
typedef struct {
    uint8_t header[HEADER_SIZE];
    posw_address miner; /* of the coinbase transaction, which is what this toy's Merkle root is made of */
} block;

static const uint64_t COIN = 1000000000000000000U, STAKES[MINERS] = {0, 1, 3}; /* coins; a ticket costs 1 */
static const uint32_t TARGET_BITS = 0x1f7fffff;                                /* one hash in 512 */

static void put_u32(uint8_t *out, uint32_t v) {
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t get_u32(const uint8_t *in) {
    return in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static void hash_twice(posw_hash *out, const void *data, size_t size) {
    uint8_t once[32];
    SHA256(data, size, once);
    SHA256(once, sizeof once, out->b);
}

/* Bitcoin's compact target -> the difficulty of libposw: floor((2^256 - 1) / target). */
static posw_u256 difficulty_of(uint32_t bits) {
    const posw_u256 mantissa = posw_u256_from_u64(bits & 0x7fffff);
    const posw_u256 target = posw_u256_shl(&mantissa, 8 * ((bits >> 24) - 3));
    return posw_difficulty_of_target(&target);
}

static posw_address miner_at(int i) {
    return (posw_address){{(uint8_t)(i + 1)}};
}

static posw_u256 stake_of(const posw_address *miner) {
    for (int i = 0; i < MINERS; i++) {
        const posw_address known = miner_at(i);
        if (memcmp(&known, miner, sizeof known) == 0) return posw_u256_from_u64(STAKES[i] * COIN);
    }
    return POSW_U256_ZERO;
}

/* What this chain asks of a header anyway. It comes before the rule: a target or a time of somebody else's making would
 * stop the program in the library, which takes them from a client that has looked. */
static bool header_holds(const posw_window *w, const block *b) {
    posw_hash root;
    hash_twice(&root, &b->miner, sizeof b->miner);
    if (get_u32(b->header + 72) != TARGET_BITS || memcmp(b->header + 36, root.b, 32) != 0) return false;
    return posw_window_count(w) == 0 || get_u32(b->header + 68) > posw_window_at(w, 0).timestamp;
}

/* The part of a client that knows the rule. */
static bool block_holds(const posw_params *p, const posw_window *w, const block *b, uint64_t number, bool *boosted) {
    if (!header_holds(w, b)) return false;
    const posw_u256 stake = stake_of(&b->miner), difficulty = difficulty_of(get_u32(b->header + 72));
    const uint64_t used = posw_window_used(w, &b->miner);
    const posw_u256 weight = posw_weight(p, number, &stake, &POSW_U256_ZERO, used); /* fixed price: no supply */
    posw_hash hash;
    hash_twice(&hash, b->header, HEADER_SIZE);
    *boosted = posw_seal_boosted(&hash, &difficulty);
    return posw_seal_meets(&hash, &difficulty, &weight);
}

static void push(posw_window *w, const block *b, bool boosted) {
    const posw_window_entry e = {b->miner, get_u32(b->header + 68), boosted, difficulty_of(TARGET_BITS)};
    posw_window_push(w, &e);
}

/* All miners try a nonce each in turn, until one of them has a block. */
static block mine(const posw_params *p, const posw_window *w, const posw_hash *previous, uint64_t number,
                  bool *boosted) {
    block tries[MINERS];
    for (int i = 0; i < MINERS; i++) {
        tries[i] = (block){.miner = miner_at(i)};
        posw_hash root;
        hash_twice(&root, &tries[i].miner, sizeof tries[i].miner);
        put_u32(tries[i].header, 1);
        memcpy(tries[i].header + 4, previous->b, 32);
        memcpy(tries[i].header + 36, root.b, 32);
        put_u32(tries[i].header + 68, (uint32_t)(1700000000 + number * BLOCK_TIME_S));
        put_u32(tries[i].header + 72, TARGET_BITS);
    }
    for (uint32_t nonce = 0;; nonce++)
        for (int i = 0; i < MINERS; i++) {
            put_u32(tries[i].header + 76, nonce);
            if (block_holds(p, w, &tries[i], number, boosted)) return tries[i];
        }
}

static int refused(const char *what, bool holds) {
    printf("%s: %s\n", what, holds ? "ACCEPTED" : "refused");
    return holds;
}

int main(int argc, char **argv) {
    const uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 400;
    if (count < 2 * REORG_MAX || count > BLOCKS_MAX) return 2;
    posw_params p;
    posw_params_default(&p);
    p.window_blocks = WINDOW;
    p.weight.boost = 64;
    p.weight.ticket_price_wei = posw_u256_from_u64(COIN);
    void *memory = aligned_alloc(16, (posw_window_size(WINDOW, REORG_MAX) + 15) / 16 * 16);
    block *chain = calloc(count, sizeof *chain);
    if (memory == NULL || chain == NULL) return 2;
    posw_window *w = posw_window_init(memory, WINDOW, REORG_MAX, 2 * WINDOW * BLOCK_TIME_S);
    posw_hash tip = {{0}};
    size_t found[MINERS] = {0}, by_stake[MINERS] = {0};
    bool boosted;
    for (uint64_t n = 0; n < count; n++) {
        chain[n] = mine(&p, w, &tip, n, &boosted);
        push(w, &chain[n], boosted);
        hash_twice(&tip, chain[n].header, HEADER_SIZE);
        found[chain[n].miner.b[0] - 1]++;
        by_stake[chain[n].miner.b[0] - 1] += boosted;
    }
    for (int i = 0; i < MINERS; i++)
        printf("miner %d: %2llu coins, %4zu blocks, %4zu of them by stake\n", i, (unsigned long long)STAKES[i],
               found[i], by_stake[i]);

    /* A reorganisation: the window goes back, and forward again, and counts the same. */
    const posw_address rich = miner_at(MINERS - 1);
    const uint64_t used = posw_window_used(w, &rich);
    for (int i = 0; i < REORG_MAX; i++)
        if (!posw_window_pop(w)) return 1;
    for (uint64_t n = count - REORG_MAX; n < count; n++) {
        if (!block_holds(&p, w, &chain[n], n, &boosted)) return 1;
        push(w, &chain[n], boosted);
    }
    int bad = posw_window_used(w, &rich) != used || posw_window_recount(w, &rich) != used;

    block thief = mine(&p, w, &tip, count, &boosted);
    thief.miner = miner_at(thief.miner.b[0] % MINERS);
    bad += refused("a block under another miner's name", block_holds(&p, w, &thief, count, &boosted));
    block easy = mine(&p, w, &tip, count, &boosted);
    put_u32(easy.header + 72, 0x207fffff);
    bad += refused("a block with an easier target", block_holds(&p, w, &easy, count, &boosted));
    const block early = chain[0], nothing = {.miner = {{0}}};
    bad += refused("a block of an earlier time", block_holds(&p, w, &early, count, &boosted));
    bad += refused("a header of zeros", block_holds(&p, w, &nothing, count, &boosted));
    free(chain);
    free(memory);
    return bad;
}
