/* A small chain in memory for the targets that need one: a development chain with one rich miner, some blocks with
 * transfers and stakes, and a pool. Made once for all inputs. */
#ifndef POSW_FUZZ_WORLD_H
#define POSW_FUZZ_WORLD_H

#include "fuzz.h"

#include "base/bytes.h"
#include "base/units.h"
#include "codec/abi.h"
#include "crypto/keccak.h"
#include "node/node.h"
#include "posw/u256.h"
#include "store/store_memory.h"

#include <stdlib.h>

typedef struct {
    posw_chain_spec spec;
    posw_store *store;
    posw_chain *chain;
    posw_mempool *pool;
    posw_miner_identity id;
    uint64_t nonce; /* of the miner's account */
} world;

static inline bool world_pow_hash(void *scratch, posw_hash *out, const posw_hash *key,
                                  const uint8_t input[POSW_POW_INPUT_SIZE]) {
    (void)scratch;
    (void)key;
    posw_keccak256(out, input, POSW_POW_INPUT_SIZE);
    return true;
}

static const posw_pow WORLD_POW = {.name = "keccak256", .hash = world_pow_hash};

static inline void world_make_spec(world *w) {
    posw_chain_spec *spec = &w->spec;
    const posw_u256 coin = posw_coin();
    posw_u256 thousand;
    w->id = (posw_miner_identity){.secret = {[31] = 1}};
    POSW_ASSERT(posw_secp_address(&w->id.miner, w->id.secret) && posw_chainfile_dev(spec) == POSW_OK);
    POSW_ASSERT(posw_u256_mul_u64(&thousand, &coin, 1000));
    spec->params.genesis_difficulty = POSW_U256_ONE;
    spec->params.gas_limit = 30000000;
    spec->params.epoch_blocks = 4;
    spec->params.reorg_max_blocks = 4;
    spec->accounts = calloc(1, sizeof *spec->accounts);
    spec->stakes = calloc(1, sizeof *spec->stakes);
    POSW_ASSERT(spec->accounts != NULL && spec->stakes != NULL);
    spec->account_count = spec->stake_count = 1;
    spec->accounts[0] = (posw_genesis_account){w->id.miner, thousand};
    spec->stakes[0] = (posw_genesis_stake){w->id.miner, w->id.miner, thousand};
}

static inline void world_open_chain(world *w) {
    const posw_chain_options o = {.spec = &w->spec, .store = w->store, .pow = &WORLD_POW};
    posw_mempool_options m;
    POSW_ASSERT(posw_chain_open(&w->chain, &o, NULL) == POSW_OK);
    posw_mempool_options_default(&m);
    POSW_ASSERT(posw_mempool_new(&w->pool, w->chain, &m) == POSW_OK);
}

/* Genesis alone. */
static inline void world_open(world *w) {
    *w = (world){.nonce = 0};
    world_make_spec(w);
    w->store = posw_store_memory_new();
    POSW_ASSERT(w->store != NULL);
    world_open_chain(w);
}

static inline posw_node *world_node(const world *w) {
    const posw_node_options o = {
        .chain = w->chain, .mempool = w->pool, .identity = &w->id, .development = true, .pow = &WORLD_POW};
    posw_node *n;
    POSW_ASSERT(posw_node_new(&n, &o) == POSW_OK);
    return n;
}

static inline void world_mine(world *w, unsigned blocks) {
    posw_node *n = world_node(w);
    posw_actions actions = {0};
    for (unsigned i = 0; i < blocks; i++)
        POSW_ASSERT(posw_node_mine_now(n, &actions) == POSW_OK);
    posw_node_free(n);
    posw_actions_clear(&actions);
}

/* A signed transaction of the miner; owned by the caller. */
static inline posw_buf world_tx(world *w, posw_address to, uint64_t coins, posw_bytes input) {
    const posw_u256 coin = posw_coin();
    posw_tx tx = {
        .type = POSW_TX_DYNAMIC_FEE, .is_protected = true, .chain_id = w->spec.params.chain_id, .nonce = w->nonce++};
    posw_buf raw = {0};
    tx.gas_limit = 200000;
    tx.max_fee = posw_u256_from_u64(100000000000);
    tx.max_tip = posw_u256_from_u64(1000000000);
    tx.has_to = true;
    tx.to = to;
    tx.input = input;
    POSW_ASSERT(posw_u256_mul_u64(&tx.value, &coin, coins) && posw_tx_sign(&raw, &tx, w->id.secret));
    return raw;
}

static inline void world_send(world *w, posw_address to, uint64_t coins, posw_bytes input) {
    enum posw_mempool_refusal refusal;
    posw_buf raw = world_tx(w, to, coins, input);
    POSW_ASSERT(posw_mempool_add(w->pool, &refusal, NULL, NULL, raw.data, raw.size, NULL, 1) == POSW_OK);
    POSW_ASSERT(refusal == POSW_MEMPOOL_ACCEPTED);
    posw_buf_clear(&raw);
}

/* `blocks` blocks; in each a transfer and a stake of one coin. */
static inline void world_grow(world *w, unsigned blocks) {
    for (unsigned i = 0; i < blocks; i++) {
        posw_buf input = {0};
        const posw_address miner = {{[0] = (uint8_t)(i % 3 + 1)}};
        posw_abi_append_selector(&input, "stake(address)");
        posw_abi_append_address(&input, &miner);
        world_send(w, (posw_address){{[19] = (uint8_t)(i + 1)}}, 1, (posw_bytes){NULL, 0});
        world_send(w, POSW_STAKING_ADDRESS, 1, posw_buf_view(&input));
        world_mine(w, 1);
        posw_buf_clear(&input);
    }
}

#endif
