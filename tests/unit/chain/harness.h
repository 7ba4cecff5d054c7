/* Chains for tests: a keccak engine, keys, a small specification, and valid blocks on the tip of any chain instance. */
#ifndef POSW_TEST_CHAIN_HARNESS_H
#define POSW_TEST_CHAIN_HARNESS_H

#include "base/bytes.h"
#include "base/random.h"
#include "base/test.h"
#include "base/units.h"
#include "chain/chain.h"
#include "codec/abi.h"
#include "codec/trie.h"
#include "crypto/keccak.h"
#include "posw/difficulty.h"
#include "posw/u256.h"
#include "state/staking.h"
#include "store/store_memory.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdio.h>
#include <string.h>

enum { H_KEYS = 8, H_EPOCH = 8, H_WINDOW = 10, H_UNBONDING = 16, H_REORG = 8, H_TXS_MAX = 256 };
static const uint64_t H_NOW = 1000000000; /* far ahead of every test block */

#define ok(call) assert_int_equal((call), POSW_OK)

/* ---- proof of work ---- */

/* A key of zeros, as in chains whose algorithm has none, counts for nothing. */
static inline bool h_pow_hash(void *scratch, posw_hash *out, const posw_hash *key,
                              const uint8_t input[POSW_POW_INPUT_SIZE]) {
    posw_keccak k;
    (void)scratch;
    posw_keccak_init(&k);
    if (!posw_hash_is_zero(key)) posw_keccak_update(&k, key->b, sizeof key->b);
    posw_keccak_update(&k, input, POSW_POW_INPUT_SIZE);
    posw_keccak_final(&k, out);
    return true;
}
static const posw_pow h_pow = {.name = "keccak256", .hash = h_pow_hash};

/* ---- keys ---- */

static inline void h_secret(uint8_t out[32], unsigned i) {
    posw_hash h;
    char text[32];
    const int n = snprintf(text, sizeof text, "test key %u", i);
    posw_keccak256(&h, text, (size_t)n);
    memcpy(out, h.b, 32);
}

static inline posw_address h_address(unsigned i) {
    uint8_t secret[32];
    posw_address a;
    h_secret(secret, i);
    assert_true(posw_secp_address(&a, secret));
    return a;
}

static inline posw_u256 h_coins(uint64_t n) {
    const posw_u256 one = posw_coin();
    posw_u256 out;
    assert_true(posw_u256_mul_u64(&out, &one, n));
    return out;
}

/* ---- the specification ---- */

/* Keccak, difficulty 1 (every nonce is good), tickets of 10 coins; keys 0 to 7 have 10,000 coins, key 0 has 100 at
 * stake. */
static inline void h_spec(posw_chain_spec *out) {
    ok(posw_chainfile_dev(out));
    posw_params *p = &out->params;
    p->genesis_difficulty = POSW_U256_ONE;
    p->epoch_blocks = H_EPOCH;
    p->window_blocks = H_WINDOW;
    p->unbonding_blocks = H_UNBONDING;
    p->reorg_max_blocks = H_REORG;
    p->weight.ticket_price_wei = h_coins(10);
    p->weight.boost = 16;
    p->gas_limit = 30000000;
    p->genesis_time = 1000;
    out->accounts = calloc(H_KEYS, sizeof *out->accounts);
    out->account_count = H_KEYS;
    for (unsigned i = 0; i < H_KEYS; i++)
        out->accounts[i] = (posw_genesis_account){h_address(i), h_coins(10000)};
    out->stakes = calloc(1, sizeof *out->stakes);
    out->stake_count = 1;
    out->stakes[0] = (posw_genesis_stake){h_address(0), h_address(0), h_coins(100)};
    posw_message msg = {{0}};
    if (posw_chain_spec_check(out, NULL, &msg) != POSW_OK) fail_msg("%s", msg.text);
}

/* ---- chain instances ---- */

typedef struct {
    const posw_chain_spec *spec;
    posw_store *store;
    posw_chain *chain;
} h_node;

static inline posw_chain_options h_options(const posw_chain_spec *spec, posw_store *store) {
    return (posw_chain_options){.spec = spec, .store = store, .pow = &h_pow};
}

static inline void h_open(h_node *n, const posw_chain_spec *spec) {
    *n = (h_node){.spec = spec, .store = posw_store_memory_new()};
    assert_non_null(n->store);
    const posw_chain_options o = h_options(spec, n->store);
    posw_message msg = {{0}};
    if (posw_chain_open(&n->chain, &o, &msg) != POSW_OK) fail_msg("%s", msg.text);
}

static inline void h_reopen(h_node *n) {
    const posw_chain_options o = h_options(n->spec, n->store);
    posw_message msg = {{0}};
    ok(posw_chain_close(n->chain));
    if (posw_chain_open(&n->chain, &o, &msg) != POSW_OK) fail_msg("%s", msg.text);
}

static inline void h_close(h_node *n) {
    ok(posw_chain_close(n->chain));
    n->store->ops->close(n->store);
    *n = (h_node){0};
}

/* Two instances of one chain, as the state of a test. */
typedef struct {
    posw_chain_spec spec;
    h_node a, b;
} h_pair;

static inline int h_pair_setup(void **state) {
    h_pair *p = calloc(1, sizeof *p);
    h_spec(&p->spec);
    h_open(&p->a, &p->spec);
    h_open(&p->b, &p->spec);
    *state = p;
    return 0;
}

static inline int h_pair_teardown(void **state) {
    h_pair *p = *state;
    h_close(&p->a);
    h_close(&p->b);
    posw_chain_spec_clear(&p->spec);
    free(p);
    return 0;
}

/* ---- transactions ---- */

typedef struct {
    unsigned from;
    posw_buf raw; /* owned */
} h_tx;

static inline h_tx h_call(unsigned from, uint64_t nonce, const posw_address *to, posw_u256 value, posw_bytes input,
                          uint64_t gas) {
    uint8_t secret[32];
    h_tx out = {.from = from};
    const posw_tx tx = {.type = POSW_TX_DYNAMIC_FEE,
                        .is_protected = true,
                        .chain_id = 1337,
                        .nonce = nonce,
                        .gas_limit = gas,
                        .max_fee = posw_u256_from_u64(100000000000),
                        .max_tip = posw_u256_from_u64(1000000000),
                        .has_to = true,
                        .to = *to,
                        .value = value,
                        .input = input};
    h_secret(secret, from);
    assert_true(posw_tx_sign(&out.raw, &tx, secret));
    return out;
}

static inline h_tx h_transfer(unsigned from, uint64_t nonce, unsigned to, uint64_t coins) {
    const posw_address a = h_address(to);
    return h_call(from, nonce, &a, h_coins(coins), (posw_bytes){NULL, 0}, 21000);
}

/* A call of the staking contract with one address, that of key `about`. */
static inline h_tx h_staking_call(unsigned from, uint64_t nonce, const char *signature, unsigned about,
                                  posw_u256 value) {
    const posw_address a = h_address(about);
    posw_buf input = {0};
    posw_abi_append_selector(&input, signature);
    posw_abi_append_address(&input, &a);
    const h_tx tx = h_call(from, nonce, &POSW_STAKING_ADDRESS, value, posw_buf_view(&input), 200000);
    posw_buf_clear(&input);
    return tx;
}

static inline h_tx h_stake(unsigned from, uint64_t nonce, unsigned miner, uint64_t coins) {
    return h_staking_call(from, nonce, "stake(address)", miner, h_coins(coins));
}

static inline h_tx h_set_signer(unsigned from, uint64_t nonce, unsigned signer) {
    return h_staking_call(from, nonce, "setSigner(address)", signer, POSW_U256_ZERO);
}

static inline h_tx h_unstake(unsigned from, uint64_t nonce, unsigned miner, uint64_t coins) {
    const posw_address a = h_address(miner);
    const posw_u256 wei = h_coins(coins);
    posw_buf input = {0};
    posw_abi_append_selector(&input, "unstake(address,uint256)");
    posw_abi_append_address(&input, &a);
    posw_abi_append_u256(&input, &wei);
    const h_tx tx = h_call(from, nonce, &POSW_STAKING_ADDRESS, POSW_U256_ZERO, posw_buf_view(&input), 200000);
    posw_buf_clear(&input);
    return tx;
}

/* ---- blocks ---- */

typedef struct {
    unsigned miner;  /* key */
    unsigned signer; /* key that signs; the miner's own unless set with has_signer */
    bool has_signer;
    uint64_t gap_s;      /* after the parent; 0 counts as 1 */
    h_tx txs[H_TXS_MAX]; /* freed by h_build */
    size_t tx_count;
    /* Changes the header before it is sealed; h_build then searches a nonce for what the header says. */
    void (*before_seal)(void *arg, posw_header *h);
    void (*after_seal)(void *arg, posw_header *h);
    void *arg;
    bool ignore_target; /* seals whatever nonce 0 gives */
    bool want_boosted;  /* searches on until the base target is missed */
} h_plan;

typedef struct {
    posw_buf bytes; /* owned */
    posw_header header;
    posw_hash hash;
} h_block;

static inline void h_sign(posw_header *h, unsigned key) {
    posw_hash seal_hash, digest;
    posw_signature signature;
    uint8_t secret[32];
    posw_header_seal_hash(&seal_hash, h);
    posw_seal_digest(&digest, &seal_hash, h->nonce, &h->mix_hash);
    h_secret(secret, key);
    assert_true(posw_secp_sign(&signature, &digest, secret));
    memcpy(h->extra + POSW_EXTRA_SIZE - POSW_SIGNATURE_SIZE, signature.b, POSW_SIGNATURE_SIZE);
}

/* Another valid signature of the same seal: another k for each nonce. */
static inline void h_sign_again(posw_header *h, unsigned key, uint64_t nonce) {
    posw_hash seal_hash, digest;
    uint8_t secret[32], data[32] = {0};
    int recovery;
    secp256k1_ecdsa_recoverable_signature signature;
    secp256k1_context *c = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    posw_store_le64(data, nonce);
    h_secret(secret, key);
    posw_header_seal_hash(&seal_hash, h);
    posw_seal_digest(&digest, &seal_hash, h->nonce, &h->mix_hash);
    assert_true(secp256k1_ecdsa_sign_recoverable(c, &signature, digest.b, secret, NULL, data));
    secp256k1_ecdsa_recoverable_signature_serialize_compact(c, h->extra + POSW_EXTRA_SIZE - POSW_SIGNATURE_SIZE,
                                                            &recovery, &signature);
    h->extra[POSW_EXTRA_SIZE - 1] = (uint8_t)recovery;
    secp256k1_context_destroy(c);
}

static inline void h_search(posw_header *h, const posw_hash *key, const posw_u256 *weight, const h_plan *plan) {
    posw_hash seal_hash;
    uint8_t input[POSW_POW_INPUT_SIZE];
    posw_header_seal_hash(&seal_hash, h);
    for (uint64_t nonce = 0;; nonce++) {
        posw_store_be64(h->nonce, nonce);
        posw_pow_input(input, &seal_hash, h->nonce);
        h_pow_hash(NULL, &h->mix_hash, key, input);
        if (plan->ignore_target) return;
        if (!posw_seal_meets(&h->mix_hash, &h->difficulty, weight)) continue;
        if (plan->want_boosted && !posw_seal_boosted(&h->mix_hash, &h->difficulty)) continue;
        return;
    }
}

/* Executes the plan's transactions on the tip of c; `result` and `state` are the caller's. */
static inline void h_execute(posw_chain *c, const h_plan *plan, posw_header *h, posw_state **state,
                             posw_execution_result *result) {
    const posw_params *p = posw_chain_params(c);
    const posw_header *tip = posw_chain_tip(c);
    const posw_address miner = h_address(plan->miner);
    const uint64_t number = tip->number + 1, time = tip->timestamp + (plan->gap_s == 0 ? 1 : plan->gap_s);
    posw_execution x;
    posw_bytes raw[H_TXS_MAX];
    ok(posw_chain_state_at(c, state, tip->number));
    *h = (posw_header){.parent_hash = posw_chain_tip_hash(c),
                       .ommers_hash = POSW_OMMERS_EMPTY,
                       .beneficiary = miner,
                       .difficulty = posw_difficulty_next(p, posw_chain_window(c), tip, time),
                       .number = number,
                       .gas_limit = posw_params_rules(p, number).gas_limit,
                       .timestamp = time,
                       .base_fee_wei = posw_base_fee_next(p, tip->number, tip->base_fee_wei, tip->gas_used)};
    posw_execution_begin(&x, *state, p, posw_chain_table(c, number), number, time, h->base_fee_wei, &miner);
    for (size_t i = 0; i < plan->tx_count; i++) {
        enum posw_tx_refusal refusal;
        posw_tx tx;
        const posw_address sender = h_address(plan->txs[i].from);
        raw[i] = posw_buf_view(&plan->txs[i].raw);
        assert_int_equal(posw_tx_decode(&tx, raw[i].data, raw[i].size), POSW_TX_OK);
        ok(posw_execution_tx(&x, &refusal, &tx, &sender));
        assert_int_equal(refusal, POSW_TX_FITS);
    }
    ok(posw_execution_finish(&x, result));
    posw_execution_clear(&x);
    h->state_root = result->state_root;
    h->receipts_root = result->receipts_root;
    h->gas_used = result->gas_used;
    memcpy(h->logs_bloom, result->bloom, sizeof h->logs_bloom);
    ok(posw_trie_list_root(&h->transactions_root, raw, plan->tx_count));
    const posw_hash root = posw_chain_stake_root(c, number);
    posw_header_set_extra(h, &root);
}

static inline void h_seal(posw_chain *c, const h_plan *plan, posw_header *h) {
    const posw_u256 weight = posw_chain_next_weight(c, &h->beneficiary);
    posw_hash key;
    ok(posw_chain_pow_key(c, &key, posw_chain_tip(c)->number + 1));
    if (plan->before_seal != NULL) plan->before_seal(plan->arg, h);
    if (h->extra_size < 33) return;
    h_search(h, &key, &weight, plan);
    if (h->extra_size == POSW_EXTRA_SIZE) h_sign(h, plan->has_signer ? plan->signer : plan->miner);
    if (plan->after_seal != NULL) plan->after_seal(plan->arg, h);
}

static inline void h_plan_clear(h_plan *plan) {
    for (size_t i = 0; i < plan->tx_count; i++)
        posw_buf_clear(&plan->txs[i].raw);
    plan->tx_count = 0;
}

/* A block on the tip of c, which does not change. The plan's transactions are freed. */
static inline h_block h_build(posw_chain *c, h_plan *plan) {
    h_block b = {0};
    posw_state *state;
    posw_execution_result result;
    posw_bytes raw[H_TXS_MAX];
    h_execute(c, plan, &b.header, &state, &result);
    h_seal(c, plan, &b.header);
    for (size_t i = 0; i < plan->tx_count; i++)
        raw[i] = posw_buf_view(&plan->txs[i].raw);
    posw_block_encode(&b.bytes, &b.header, raw, plan->tx_count);
    assert_false(b.bytes.failed);
    posw_header_hash(&b.hash, &b.header);
    posw_execution_result_clear(&result);
    posw_state_free(state);
    h_plan_clear(plan);
    return b;
}

static inline h_block h_simple(posw_chain *c, unsigned miner, uint64_t gap_s) {
    h_plan plan = {.miner = miner, .gap_s = gap_s};
    return h_build(c, &plan);
}

static inline void h_block_clear(h_block *b) {
    posw_buf_clear(&b->bytes);
}

/* ---- import ---- */

static inline int h_try(posw_chain *c, const h_block *b, uint64_t now_s, posw_verdict *v, posw_chain_change *change) {
    posw_prepared p;
    const bool has_key = posw_chain_params(c)->pow == POSW_POW_RANDOMX;
    const int rc = posw_prepare(&p, b->bytes.data, b->bytes.size, has_key ? NULL : &h_pow, NULL, NULL);
    if (rc != POSW_OK) return rc;
    const int result = posw_chain_import(c, &p, now_s, v, change);
    posw_prepared_clear(&p);
    return result;
}

static inline posw_verdict h_import(posw_chain *c, const h_block *b) {
    posw_verdict v;
    posw_chain_change change;
    ok(h_try(c, b, H_NOW, &v, &change));
    return v;
}

#define h_import_valid(c, b)                                                                               \
    do {                                                                                                   \
        const posw_verdict v_ = h_import((c), (b));                                                        \
        if (v_.kind != POSW_VALID) fail_msg("%s: %s", posw_rule_number(v_.rule), posw_rule_text(v_.rule)); \
    } while (0)

#define h_import_refused(c, b, verdict_kind, verdict_rule)                                                          \
    do {                                                                                                            \
        const posw_verdict v_ = h_import((c), (b));                                                                 \
        assert_int_equal(v_.kind, (verdict_kind));                                                                  \
        if (v_.rule != (verdict_rule)) fail_msg("rule %s: %s", posw_rule_number(v_.rule), posw_rule_text(v_.rule)); \
    } while (0)

/* Builds on the tip and imports. */
static inline h_block h_extend(posw_chain *c, h_plan *plan) {
    h_block b = h_build(c, plan);
    h_import_valid(c, &b);
    return b;
}

static inline uint64_t h_nonce(posw_chain *c, unsigned key) {
    posw_state *s;
    posw_account account;
    const posw_address a = h_address(key);
    ok(posw_chain_state_at(c, &s, posw_chain_tip(c)->number));
    ok(posw_state_account(s, &account, &a));
    posw_state_free(s);
    return account.nonce;
}

/* Blocks on the tip, each with a transfer from key 5. */
static inline void h_grow(posw_chain *c, uint64_t blocks) {
    for (uint64_t i = 0; i < blocks; i++) {
        h_plan plan = {
            .miner = (unsigned)(i % 4), .gap_s = 1 + i % 3, .tx_count = 1, .txs = {h_transfer(5, h_nonce(c, 5), 6, 1)}};
        h_block b = h_extend(c, &plan);
        h_block_clear(&b);
    }
}

/* Main-chain block `number` of a chain. */
static inline h_block h_copy(posw_chain *c, uint64_t number) {
    h_block b = {0};
    posw_chain_block_info info;
    ok(posw_chain_block_by_number(c, &info, number));
    ok(posw_chain_block_bytes(c, &b.bytes, &info.hash));
    b.header = info.header;
    b.hash = info.hash;
    return b;
}

/* Imports main-chain blocks first..last of `from`. */
static inline void h_feed(posw_chain *to, posw_chain *from, uint64_t first, uint64_t last) {
    for (uint64_t n = first; n <= last; n++) {
        h_block b = h_copy(from, n);
        h_import_valid(to, &b);
        h_block_clear(&b);
    }
}

/* ---- comparing ---- */

static inline bool h_tip_is(posw_chain *c, const posw_hash *hash) {
    const posw_hash tip = posw_chain_tip_hash(c);
    return posw_hash_equal(&tip, hash);
}

/* Everything that a user sees of two chains is equal, blocks included; a fresh verification of the first finds nothing.
 */
static inline void h_same(posw_chain *a, posw_chain *b) {
    const posw_hash tip = posw_chain_tip_hash(b);
    const posw_u256 wa = posw_chain_weight_total(a), wb = posw_chain_weight_total(b);
    assert_true(h_tip_is(a, &tip));
    assert_true(posw_u256_equal(&wa, &wb));
    const posw_window *x = posw_chain_window(a), *y = posw_chain_window(b);
    assert_int_equal(posw_window_mtp(x), posw_window_mtp(y));
    for (unsigned i = 0; i < H_KEYS; i++) {
        const posw_address miner = h_address(i);
        assert_int_equal(posw_window_used(x, &miner), posw_window_used(y, &miner));
    }
    const uint64_t next = posw_chain_tip(a)->number + 1;
    const posw_hash ra = posw_chain_stake_root(a, next), rb = posw_chain_stake_root(b, next);
    assert_true(posw_hash_equal(&ra, &rb));
    for (uint64_t n = 0; n < next; n++) {
        posw_chain_block_info info;
        posw_hash hash;
        ok(posw_chain_hash_by_number(b, &hash, n));
        ok(posw_chain_block_by_hash(a, &info, &hash));
        assert_true(info.is_main && info.header.number == n);
        ok(posw_chain_block_by_number(a, &info, n));
        assert_true(posw_hash_equal(&info.hash, &hash));
    }
}

static inline void h_verify(posw_chain *c) {
    posw_message msg = {{0}};
    if (posw_chain_verify(c, NULL, NULL, &msg) != POSW_OK) fail_msg("%s", msg.text);
}

/* The state root that the chain gives out is the header's. */
static inline void h_check_state(posw_chain *c) {
    posw_state *s;
    ok(posw_chain_state_at(c, &s, posw_chain_tip(c)->number));
    const posw_hash root = posw_state_root(s);
    assert_true(posw_hash_equal(&root, &posw_chain_tip(c)->state_root));
    posw_state_free(s);
}

#endif
