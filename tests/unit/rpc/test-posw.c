/* posw_*: parameters, epochs, stake, miners, proofs, work from outside, blocks, status; and the development methods. */
#include "rpc/world.h"

#include "posw/weight.h"

static void expect_u64(const json_t *o, const char *key, uint64_t want) {
    if (w_u64(o, key) != want) fail_msg("%s is %s, not %" PRIu64, key, w_string(o, key), want);
}

static void expect_coins(const json_t *o, const char *key, uint64_t coins) {
    posw_u256 got = w_u256(o, key), want = h_coins(coins);
    if (!posw_u256_equal(&got, &want)) fail_msg("%s is %s, not %" PRIu64 " coins", key, w_string(o, key), coins);
}

static void test_parameters(void **state) {
    (void)state;
    world w;
    w_open(&w);
    json_t *p = w_call(&w, "posw_chainParameters", "[]");
    assert_string_equal(w_string(p, "genesisHash"), w_hash_at(&w, 0));
    assert_string_equal(w_string(p, "name"), w.spec.name);
    assert_string_equal(w_string(p, "ticker"), w.spec.ticker);
    assert_string_equal(w_string(p, "pow"), "keccak256");
    assert_string_equal(w_string(p, "stakingContract"), W_CONTRACT);
    expect_u64(p, "chainId", 1337);
    expect_u64(p, "window", H_WINDOW);
    expect_u64(p, "epoch", H_EPOCH);
    expect_u64(p, "unbonding", H_UNBONDING);
    expect_u64(p, "maxReorg", H_REORG);
    const json_t *weight = json_object_get(p, "weight");
    assert_string_equal(w_string(weight, "rule"), "ticket");
    assert_string_equal(w_string(weight, "preset"), "custom");
    assert_true(w_string(weight, "text")[0] != 0);
    expect_u64(weight, "boost", 16);
    expect_coins(weight, "price", 10);
    assert_string_equal(w_string(json_object_get(p, "difficulty"), "rule"), "fixed");
    assert_string_equal(w_string(json_object_get(p, "fees"), "base"), "burn");
    json_decref(p);
    w_close(&w);
}

static void quadratic(posw_chain_spec *spec) {
    assert_true(posw_params_preset(&spec->params, "quadratic"));
}

static void test_power_parameters(void **state) {
    (void)state;
    world w;
    const world_options o = {.change = quadratic};
    w_open_with(&w, &o);
    json_t *p = w_call(&w, "posw_chainParameters", "[]"), *weight = json_object_get(p, "weight");
    assert_string_equal(w_string(weight, "preset"), "quadratic");
    assert_string_equal(w_string(weight, "text"), posw_params_preset_text("quadratic"));
    assert_true(json_number_value(json_object_get(weight, "exponent")) == 2);
    json_decref(p);
    json_t *m = w_call(&w, "posw_getMiner", "[\"%s\"]", w_address(0));
    assert_string_equal(w_string(m, "tickets"), "0x0");
    assert_string_equal(w_string(m, "ticketPrice"), "0x0");
    json_decref(m);
    w_close(&w);
}

static void test_epoch(void **state) {
    (void)state;
    world w;
    w_open(&w);
    json_t *e = w_call(&w, "posw_getEpoch", "[]");
    expect_u64(e, "epoch", 0);
    expect_u64(e, "firstBlock", 0);
    expect_u64(e, "lastBlock", H_EPOCH - 1);
    expect_u64(e, "nextEpochAt", H_EPOCH);
    expect_u64(e, "snapshotBlock", 0);
    expect_u64(e, "miners", 1);
    expect_coins(e, "totalStake", 100);
    expect_coins(e, "supply", 80100);
    expect_coins(e, "ticketPrice", 10);
    json_decref(e);
    w_send_only(&w, h_stake(2, 0, 3, 50));
    w_mine(&w, 2 * H_EPOCH - 1); /* the next block is the first of epoch 2 */
    e = w_call(&w, "posw_getEpoch", "[]");
    expect_u64(e, "epoch", 2);
    expect_u64(e, "firstBlock", 2 * H_EPOCH);
    expect_u64(e, "snapshotBlock", H_EPOCH - 1);
    expect_u64(e, "miners", 2);
    expect_coins(e, "totalStake", 150);
    w_mine(&w, 1);
    posw_hash root = posw_header_stake_root(posw_chain_tip(w.chain.chain));
    assert_string_equal(w_string(e, "stakeRoot"), w_hex(root.b, 32));
    json_decref(e);
    e = w_call(&w, "posw_getEpoch", "[\"0x%x\"]", 2 * H_EPOCH - 1); /* still known */
    expect_u64(e, "epoch", 1);
    expect_u64(e, "miners", 1);
    json_decref(e);
    w_close(&w);
}

/* Genesis stakes 100 coins of account 0 for itself: they count from the first block, what it adds only from epoch 2. */
static void test_genesis_stake(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_send_only(&w, h_stake(0, 0, 0, 50));
    w_send_only(&w, h_stake(0, 1, 3, 10));
    w_mine(&w, 1);
    json_t *s = w_call(&w, "posw_getStake", "[\"%s\"]", w_address(0));
    const json_t *deposits = json_object_get(s, "deposits"), *recent;
    expect_coins(s, "active", 100);
    assert_int_equal(json_array_size(deposits), 2);
    recent = json_object_get(json_array_get(deposits, 0), "recent");
    assert_string_equal(w_string(json_array_get(deposits, 0), "miner"), w_address(0));
    assert_int_equal(json_array_size(recent), 2);
    expect_coins(json_array_get(recent, 0), "amount", 50);
    expect_u64(json_array_get(recent, 0), "activeFrom", 2 * H_EPOCH);
    expect_coins(json_array_get(recent, 1), "amount", 100);
    expect_u64(json_array_get(recent, 1), "activeFrom", 0);
    recent = json_object_get(json_array_get(deposits, 1), "recent"); /* for another miner: not of genesis */
    assert_int_equal(json_array_size(recent), 1);
    expect_u64(json_array_get(recent, 0), "activeFrom", 2 * H_EPOCH);
    json_decref(s);
    w_send_only(&w,
                h_unstake(0, 2, 0, 120)); /* the newest first: 30 of genesis are left, its table is still in force */
    w_mine(&w, 1);
    s = w_call(&w, "posw_getStake", "[\"%s\"]", w_address(0));
    recent = json_object_get(json_array_get(json_object_get(s, "deposits"), 0), "recent");
    assert_int_equal(json_array_size(recent), 1);
    expect_coins(json_array_get(recent, 0), "amount", 30);
    expect_u64(json_array_get(recent, 0), "activeFrom", 0);
    json_decref(s);
    w_close(&w);
}

static void test_stake(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_send_only(&w, h_stake(2, 0, 3, 50));
    w_mine(&w, 1);
    w_send_only(&w, h_stake(2, 1, 4, 30));
    w_send_only(&w, h_unstake(2, 2, 3, 20));
    w_mine(&w, H_EPOCH);
    w_send_only(&w, h_stake(2, 3, 3, 5));
    w_mine(&w, 1);
    json_t *s = w_call(&w, "posw_getStake", "[\"%s\"]", w_address(2));
    expect_u64(s, "stake", 0); /* as a miner it has none */
    const json_t *deposits = json_object_get(s, "deposits"), *exits = json_object_get(s, "exits");
    assert_int_equal(json_array_size(deposits), 2);
    const json_t *first = json_array_get(deposits, 0), *recent = json_object_get(first, "recent");
    assert_string_equal(w_string(first, "miner"), w_address(3));
    expect_coins(first, "amount", 35);
    assert_int_equal(json_array_size(recent), 2);
    expect_coins(json_array_get(recent, 0), "amount", 5);
    expect_u64(json_array_get(recent, 0), "activeFrom", 3 * H_EPOCH);
    expect_u64(json_array_get(recent, 1), "activeFrom", 2 * H_EPOCH);
    assert_int_equal(json_array_size(exits), 1);
    expect_coins(json_array_get(exits, 0), "amount", 20);
    expect_u64(json_array_get(exits, 0), "unlockBlock", 2 + H_UNBONDING);
    assert_true(json_is_false(json_object_get(json_array_get(exits, 0), "unlocked")));
    json_decref(s);
    s = w_call(&w, "posw_getStake", "[\"%s\"]", w_address(3));
    expect_coins(s, "stake", 35);
    expect_coins(s, "active", 0);
    expect_coins(s, "pending", 35);
    assert_string_equal(w_string(s, "signer"), w_address(3));
    json_decref(s);
    w_mine(&w, H_UNBONDING);
    s = w_call(&w, "posw_getStake", "[\"%s\"]", w_address(2));
    assert_true(json_is_true(json_object_get(json_array_get(json_object_get(s, "exits"), 0), "unlocked")));
    json_decref(s);
    s = w_call(&w, "posw_getStake", "[\"%s\"]", w_address(3));
    expect_coins(s, "active", 35);
    json_decref(s);
    w_close(&w);
}

static void expect_miner(world *w, unsigned key, uint64_t weight, uint64_t tickets) {
    posw_address a = h_address(key);
    uint64_t used = posw_window_used(posw_chain_window(w->chain.chain), &a);
    json_t *m = w_call(w, "posw_getMiner", "[\"%s\"]", w_address(key));
    expect_u64(m, "weight", weight);
    expect_u64(m, "tickets", tickets);
    expect_u64(m, "used", used);
    expect_u64(m, "free", tickets > used ? tickets - used : 0);
    expect_u64(m, "number", posw_chain_tip(w->chain.chain)->number + 1);
    posw_u256 f = w_u256(m, "weight"), d = w_u256(m, "difficulty"), target = posw_seal_target(&d, &f),
              shown = w_u256(m, "target");
    assert_true(posw_u256_equal(&target, &shown));
    json_decref(m);
}

static void test_miner(void **state) {
    (void)state;
    world w;
    w_open(&w);
    expect_miner(&w, 0, 16, 10); /* 100 coins of 10 each */
    expect_miner(&w, 3, 1, 0);
    w_mine(&w, 4); /* by key 0 */
    h_plan plan = {.miner = 1};
    h_block b = h_build(w.chain.chain, &plan);
    w_submit(&w, &b);
    h_block_clear(&b);
    json_t *m = w_call(&w, "posw_getMiner", "[\"%s\"]", w_address(0));
    expect_u64(m, "blocks", 4);
    expect_u64(m, "windowBlocks", 6); /* with genesis */
    assert_true(json_real_value(json_object_get(m, "share")) > 0.66 &&
                json_real_value(json_object_get(m, "share")) < 0.67);
    expect_coins(m, "activeStake", 100);
    assert_string_equal(w_string(m, "signer"), w_address(0));
    json_decref(m);
    w_mine(&w, 20);
    m = w_call(&w, "posw_getMiner", "[\"%s\"]", w_address(0));
    expect_u64(m, "windowBlocks", H_WINDOW);
    expect_u64(m, "blocks", H_WINDOW);
    json_decref(m);
    w_close(&w);
}

static void test_stake_proof(void **state) {
    (void)state;
    world w;
    posw_address miner = h_address(3);
    w_open(&w);
    for (unsigned i = 1; i < 6; i++)
        w_send_only(&w, h_stake(i, 0, 3 + i % 3, 10 * i));
    w_mine(&w, 2 * H_EPOCH);
    json_t *p = w_call(&w, "posw_getStakeProof", "[\"%s\"]", w_address(3));
    const char *encoded = w_string(p, "encoded");
    uint8_t bytes[POSW_STAKE_PROOF_SIZE_MAX];
    size_t size = strlen(encoded) / 2 - 1;
    posw_stake_proof proof;
    posw_hash root;
    assert_true(size <= sizeof bytes && posw_hex_decode_prefixed(bytes, size, encoded, strlen(encoded)));
    assert_true(posw_stake_proof_decode(&proof, bytes, size));
    assert_true(posw_hash_parse(&root, w_string(p, "stakeRoot")));
    assert_int_equal(posw_stake_proof_check(&proof, w_u64(p, "epoch"), &miner, &root).kind, POSW_VALID);
    assert_int_equal(json_array_size(json_object_get(p, "siblings")), proof.depth);
    assert_true(proof.depth >= 1);
    posw_hash of_header = posw_header_stake_root(posw_chain_tip(w.chain.chain));
    assert_true(posw_hash_equal(&root, &of_header));
    json_decref(p);
    w_refused(&w, -32000, "the miner has no stake in the table in force at that block", "posw_getStakeProof",
              "[\"%s\",\"0x1\"]", w_address(3));
    p = w_call(&w, "posw_getStakeProof", "[\"%s\",\"0x1\"]", w_address(0));
    expect_u64(p, "epoch", 0);
    json_decref(p);
    w_close(&w);
}

/* ---- work ---- */

typedef struct {
    json_t *work;
    posw_hash seal_hash, mix;
    uint8_t nonce[8];
} found;

/* Searches as an outside miner would: over the input and against the target that were given. */
static found search(world *w, unsigned miner) {
    found f = {.work = w_call(w, "posw_getWork", "[\"%s\"]", w_address(miner))};
    uint8_t input[POSW_POW_INPUT_SIZE];
    const char *text = w_string(f.work, "input");
    posw_u256 target = w_u256(f.work, "target"), h;
    assert_true(posw_hex_decode_prefixed(input, sizeof input, text, strlen(text)));
    assert_true(posw_hash_parse(&f.seal_hash, w_string(f.work, "sealHash")));
    assert_memory_equal(input + 7, f.seal_hash.b, 32);
    for (uint64_t n = 0;; n++) {
        posw_store_be64(f.nonce, n);
        memcpy(input + 39, f.nonce, 8);
        posw_keccak256(&f.mix, input, sizeof input);
        h = posw_u256_from_le(f.mix.b);
        if (posw_u256_cmp(&h, &target) < 0) break;
    }
    return f;
}

static void found_clear(found *f) {
    json_decref(f->work);
}

static void hard(posw_chain_spec *spec) {
    spec->params.genesis_difficulty = posw_u256_from_u64(64);
}

static void test_work_own_key(void **state) {
    (void)state;
    world w;
    const world_options o = {.change = hard};
    w_open_with(&w, &o);
    found f = search(&w, 0);
    assert_string_equal(w_string(f.work, "algorithm"), "keccak256");
    expect_u64(f.work, "number", 1);
    expect_u64(f.work, "weight", 16);
    expect_u64(f.work, "difficulty", 64);
    json_t *v = w_call(&w, "posw_submitWork", "[{\"sealHash\":\"%s\",\"nonce\":\"%s\",\"mixHash\":\"%s\"}]",
                       w_hex(f.seal_hash.b, 32), w_hex(f.nonce, 8), w_hex(f.mix.b, 32));
    assert_true(json_is_true(v));
    json_decref(v);
    assert_int_equal(w_number(&w, "eth_blockNumber", "[]"), 1);
    w_refused(&w, -32000, "unknown or stale work: fetch new work with posw_getWork", "posw_submitWork",
              "[{\"sealHash\":\"%s\",\"nonce\":\"%s\",\"mixHash\":\"%s\"}]", w_hex(f.seal_hash.b, 32),
              w_hex(f.nonce, 8), w_hex(f.mix.b, 32));
    found_clear(&f);
    w_close(&w);
}

static void test_work_with_signature(void **state) {
    (void)state;
    world w;
    const world_options o = {.change = hard, .no_miner = true};
    w_open_with(&w, &o);
    found f = search(&w, 5);
    w_refused(&w, -32000, "this node has no key to sign the seal with: hand in a signature", "posw_submitWork",
              "[{\"sealHash\":\"%s\",\"nonce\":\"%s\",\"mixHash\":\"%s\"}]", w_hex(f.seal_hash.b, 32),
              w_hex(f.nonce, 8), w_hex(f.mix.b, 32));
    char signature[2 * 65 + 3] = "0x";
    for (unsigned key = 6; key >= 5; key--) { /* first a stranger's signature */
        uint8_t secret[32];
        posw_hash digest;
        posw_signature sig;
        h_secret(secret, key);
        posw_seal_digest(&digest, &f.seal_hash, f.nonce, &f.mix);
        assert_true(posw_secp_sign(&sig, &digest, secret));
        posw_hex_encode(signature + 2, sig.b, sizeof sig.b);
        if (key == 5) break;
        json_t *e = w_error(&w, "posw_submitWork",
                            "[{\"sealHash\":\"%s\",\"nonce\":\"%s\",\"mixHash\":\"%s\",\"signature\":\"%s\"}]",
                            w_hex(f.seal_hash.b, 32), w_hex(f.nonce, 8), w_hex(f.mix.b, 32), signature);
        assert_string_equal(w_string(e, "message"),
                            "the seal was not accepted: the seal is not signed by the miner's signer (rule H8)");
        assert_string_equal(w_string(json_object_get(e, "data"), "rule"), "H8");
        json_decref(e);
    }
    json_t *v = w_call(&w, "posw_submitWork",
                       "[{\"sealHash\":\"%s\",\"nonce\":\"%s\",\"mixHash\":\"%s\",\"signature\":\"%s\"}]",
                       w_hex(f.seal_hash.b, 32), w_hex(f.nonce, 8), w_hex(f.mix.b, 32), signature);
    assert_true(json_is_true(v));
    json_decref(v);
    json_t *b = w_call(&w, "eth_getBlockByNumber", "[\"latest\",false]");
    assert_string_equal(w_string(b, "miner"), w_address(5));
    json_decref(b);
    found_clear(&f);
    w_close(&w);
}

static void test_wrong_seal(void **state) {
    (void)state;
    world w;
    const world_options o = {.change = hard};
    w_open_with(&w, &o);
    found f = search(&w, 0);
    posw_hash zero = {{0}}; /* meets every target, but is not the output */
    json_t *e = w_error(&w, "posw_submitWork", "[{\"sealHash\":\"%s\",\"nonce\":\"%s\",\"mixHash\":\"%s\"}]",
                        w_hex(f.seal_hash.b, 32), w_hex(f.nonce, 8), w_hex(zero.b, 32));
    assert_string_equal(w_string(json_object_get(e, "data"), "rule"), "H6");
    json_decref(e);
    memset(zero.b, 0xff, 32);
    e = w_error(&w, "posw_submitWork", "[{\"sealHash\":\"%s\",\"nonce\":\"%s\",\"mixHash\":\"%s\"}]",
                w_hex(f.seal_hash.b, 32), w_hex(f.nonce, 8), w_hex(zero.b, 32));
    assert_string_equal(w_string(json_object_get(e, "data"), "rule"), "H7");
    assert_true(json_is_false(json_object_get(json_object_get(e, "data"), "retry")));
    json_decref(e);
    found_clear(&f);
    w_close(&w);
}

/* ---- blocks ---- */

static void test_submit_block(void **state) {
    (void)state;
    world w, other;
    w_open(&w);
    w_open(&other);
    h_grow(other.chain.chain, 2);
    h_block one = h_copy(other.chain.chain, 1), two = h_copy(other.chain.chain, 2);
    char *raw = w_long_hex(posw_buf_view(&two.bytes));
    json_t *e = w_error(&w, "posw_submitBlock", "[\"%s\"]", raw);
    assert_string_equal(w_string(e, "message"), "the block was not accepted: the parent is not known (rule F2)");
    assert_true(json_is_true(json_object_get(json_object_get(e, "data"), "retry")));
    json_decref(e);
    w_submit(&w, &one);
    w_submit(&w, &two);
    w_submit(&w, &two); /* known: valid again */
    assert_int_equal(w_number(&w, "eth_blockNumber", "[]"), 2);
    raw[strlen(raw) - 5] = raw[strlen(raw) - 5] == '1' ? '2' : '1';
    e = w_error(&w, "posw_submitBlock", "[\"%s\"]", raw);
    assert_int_equal(json_integer_value(json_object_get(e, "code")), -32000);
    json_decref(e);
    e = w_error(&w, "posw_submitBlock", "[\"0xc0\"]");
    assert_string_equal(w_string(json_object_get(e, "data"), "rule"), "H1");
    json_decref(e);
    free(raw);
    /* A gas limit of its own, which would let in more transactions than a block of this chain can have. */
    posw_header h;
    posw_buf greedy = {0};
    assert_true(posw_block_header(&h, two.bytes.data, two.bytes.size));
    h.gas_limit = UINT64_MAX;
    posw_block_encode(&greedy, &h, NULL, 0);
    raw = w_long_hex(posw_buf_view(&greedy));
    e = w_error(&w, "posw_submitBlock", "[\"%s\"]", raw);
    assert_string_equal(w_string(json_object_get(e, "data"), "rule"), "X9");
    json_decref(e);
    posw_buf_clear(&greedy);
    free(raw);
    h_block_clear(&one);
    h_block_clear(&two);
    w_close(&other);
    w_close(&w);
}

static void refused_block(world *w, const posw_buf *bytes, const char *rule) {
    char *raw = w_long_hex(posw_buf_view(bytes));
    json_t *e = w_error(w, "posw_submitBlock", "[\"%s\"]", raw);
    assert_string_equal(w_string(json_object_get(e, "data"), "rule"), rule);
    json_decref(e);
    free(raw);
}

static void wrong_state_root(void *arg, posw_header *h) {
    (void)arg;
    h->state_root.b[0] ^= 1;
}

/* A stranger's block costs its sender a proof of work before its transactions cost the node their signatures: here the
 * one that nobody can have made is not come to. */
static void test_submit_without_work(void **state) {
    (void)state;
    world w;
    w_open(&w);
    h_block good = h_simple(w.chain.chain, 1, 7);
    posw_tx tx = {.type = POSW_TX_DYNAMIC_FEE,
                  .is_protected = true,
                  .chain_id = 1337,
                  .gas_limit = 21000,
                  .max_fee = posw_u256_from_u64(2000000000),
                  .has_to = true,
                  .to = h_address(7)};
    tx.signature.b[31] = 5; /* x = 5 is not on the curve */
    tx.signature.b[63] = 1;
    posw_buf raw = {0}, forged = {0};
    posw_tx_encode(&raw, &tx);
    const posw_bytes item = posw_buf_view(&raw);
    posw_header h = good.header;
    ok(posw_trie_list_root(&h.transactions_root, &item, 1));
    posw_block_encode(&forged, &h, &item, 1);
    refused_block(&w, &forged, "H8");
    /* The same in a block whose seal is right. */
    const h_plan plan = {.miner = 1};
    h_seal(w.chain.chain, &plan, &h);
    posw_buf_reset(&forged);
    posw_block_encode(&forged, &h, &item, 1);
    refused_block(&w, &forged, "X2");
    posw_buf_clear(&forged);
    posw_buf_clear(&raw);
    h_block_clear(&good);
    w_close(&w);
}

/* What execution found is remembered: the block is not executed again. */
static void test_submit_invalid_again(void **state) {
    (void)state;
    world w;
    w_open(&w);
    h_plan plan = {.miner = 1, .gap_s = 7, .before_seal = wrong_state_root};
    h_block b = h_build(w.chain.chain, &plan);
    refused_block(&w, &b.bytes, "X8");
    refused_block(&w, &b.bytes, "X8");
    posw_header child = b.header;
    posw_buf bytes = {0};
    child.parent_hash = b.hash;
    child.number++;
    posw_block_encode(&bytes, &child, NULL, 0);
    refused_block(&w, &bytes, "F2");
    posw_buf_clear(&bytes);
    h_block_clear(&b);
    w_close(&w);
}

static void test_status(void **state) {
    (void)state;
    world w;
    w_open(&w);
    w_mine(&w, 3);
    json_decref(w_call(&w, "eth_newBlockFilter", "[]"));
    w_send_only(&w, h_transfer(1, 0, 2, 1));
    json_t *s = w_call(&w, "posw_status", "[]");
    expect_u64(json_object_get(s, "tip"), "number", 3);
    assert_string_equal(w_string(json_object_get(s, "tip"), "hash"), w_hash_at(&w, 3));
    expect_u64(s, "totalDifficulty", 4);
    expect_u64(json_object_get(s, "mempool"), "pending", 1);
    expect_u64(json_object_get(s, "counters"), "blocksMined", 3);
    expect_u64(json_object_get(s, "counters"), "filters", 1);
    assert_true(json_is_false(json_object_get(s, "syncing")));
    assert_string_equal(w_string(json_object_get(s, "mining"), "miner"), w_address(0));
    assert_true(json_is_false(json_object_get(json_object_get(s, "mining"), "held")));
    json_decref(s);
    w_text(&w, w_address(0), "eth_coinbase", "[]");
    w_close(&w);
    const world_options o = {.no_miner = true};
    w_open_with(&w, &o);
    s = w_call(&w, "posw_status", "[]");
    assert_true(json_is_null(json_object_get(json_object_get(s, "mining"), "miner")));
    json_decref(s);
    json_decref(w_error(&w, "eth_coinbase", "[]"));
    w_refused(&w, -32000, "this node has no miner: start it with one", "evm_mine", "[]");
    w_close(&w);
}

/* ---- development ---- */

static void test_development(void **state) {
    (void)state;
    world w;
    w_open(&w);
    json_decref(w_call(&w, "evm_mine", "[]"));
    json_decref(w_call(&w, "evm_mine", "[{\"blocks\":3}]"));
    json_decref(w_call(&w, "evm_mine", "[\"0x2\"]"));
    json_decref(w_call(&w, "evm_mine", "[{}]"));
    assert_int_equal(w_number(&w, "eth_blockNumber", "[]"), 7);
    json_t *before = w_call(&w, "eth_getBlockByNumber", "[\"latest\",false]");
    json_t *v = w_call(&w, "evm_increaseTime", "[3600]");
    assert_int_equal(json_integer_value(v), 3600);
    json_decref(v);
    v = w_call(&w, "evm_increaseTime", "[\"0x10\"]");
    assert_int_equal(json_integer_value(v), 3616);
    json_decref(v);
    w_mine(&w, 1);
    json_t *after = w_call(&w, "eth_getBlockByNumber", "[\"latest\",false]");
    assert_true(w_u64(after, "timestamp") >= w_u64(before, "timestamp") + 3600);
    json_decref(before);
    json_decref(after);
    w_refused(&w, -32602, "invalid argument 0: 4294967296 is too large, at most 4294967295", "evm_increaseTime",
              "[4294967296]");
    w_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_power_parameters),
        cmocka_unit_test(test_epoch),
        cmocka_unit_test(test_genesis_stake),
        cmocka_unit_test(test_stake),
        cmocka_unit_test(test_miner),
        cmocka_unit_test(test_stake_proof),
        cmocka_unit_test(test_work_own_key),
        cmocka_unit_test(test_work_with_signature),
        cmocka_unit_test(test_wrong_seal),
        cmocka_unit_test(test_submit_block),
        cmocka_unit_test(test_submit_without_work),
        cmocka_unit_test(test_submit_invalid_again),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_development),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
