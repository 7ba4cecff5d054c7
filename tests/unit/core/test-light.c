/* Following a chain by its headers: against the same checks one by one, with every kind of damage, in calls of every
 * size; keys, epochs, starts, and what stays as it was. */
#include "posw/light.h"

#include "codec/header_x4.h"
#include "core/made.h"
#include "core/stake_proof_x4.h"
#include "crypto/keccak.h"
#include "posw/check.h"
#include "posw/difficulty.h"
#include "posw/genesis.h"
#include "posw/weight.h"

enum { MINERS = 5, W = 24, EPOCH = 16, LENGTH = 96, HISTORY = 16, FAR_S = 1 << 30 };

typedef struct {
    posw_params params;
    made_key keys[MINERS], signer; /* miner 1 has named the signer; miner 4 has no stake */
    posw_stake_entry entries[MINERS - 1];
    posw_stake_node scratch[MINERS - 1];
    posw_stake_table table;
    posw_header genesis, headers[LENGTH];
    posw_stake_proof proofs[LENGTH];
    posw_light_item items[LENGTH];
    void *memory[2];
    posw_window *windows[2];
} world;

static void make_stakes(world *x) {
    static const uint64_t stakes[MINERS - 1] = {60, 25, 20, 90}; /* coins; a ticket costs 10 */
    for (int i = 0; i < MINERS - 1; i++)
        x->entries[i] = (posw_stake_entry){.miner = x->keys[i].address,
                                           .signer = i == 1 ? x->signer.address : x->keys[i].address,
                                           .stake_wei = coins(stakes[i])};
    for (int i = 1; i < MINERS - 1; i++)
        for (int k = i; k > 0 && posw_address_cmp(&x->entries[k - 1].miner, &x->entries[k].miner) > 0; k--) {
            const posw_stake_entry e = x->entries[k];
            x->entries[k] = x->entries[k - 1];
            x->entries[k - 1] = e;
        }
    x->table = (posw_stake_table){.entries = x->entries, .count = MINERS - 1, .supply_wei = coins(1000)};
    posw_stake_table_finish(&x->table, x->scratch);
}

static posw_hash root_of(const world *x, uint64_t number) {
    posw_hash root;
    posw_stake_root(&root, posw_epoch_of(&x->params, number), &x->table.supply_wei, &x->table.total_wei,
                    &x->table.tree_root);
    return root;
}

/* The output of the work for this nonce. */
static posw_hash work_of(const posw_header *h) {
    posw_hash seal_hash, out;
    uint8_t input[POSW_POW_INPUT_SIZE];
    posw_header_seal_hash(&seal_hash, h);
    posw_pow_input(input, &seal_hash, h->nonce);
    posw_keccak256(&out, input, sizeof input);
    return out;
}

/* The next header, by this miner, with all the weight that it has. */
static void seal_next(world *x, const posw_light *light, size_t at, int miner) {
    posw_header *h = &x->headers[at];
    const posw_params *p = &x->params;
    const bool staked = posw_stake_prove(&x->proofs[at], &x->table, &x->keys[miner].address, x->scratch);
    const posw_u256 stake = staked ? x->proofs[at].stake_wei : POSW_U256_ZERO;
    *h = (posw_header){.parent_hash = light->tip_hash,
                       .ommers_hash = POSW_OMMERS_EMPTY,
                       .beneficiary = x->keys[miner].address,
                       .number = light->tip.number + 1,
                       .gas_limit = p->gas_limit,
                       .timestamp = light->tip.timestamp + 1 + at % 30,
                       .base_fee_wei = p->base_fee_min_wei};
    h->difficulty = posw_difficulty_next(p, light->window, &light->tip, h->timestamp);
    const posw_hash root = root_of(x, h->number);
    posw_header_set_extra(h, &root);
    const posw_u256 weight =
        posw_weight(p, h->number, &stake, &x->table.supply_wei, posw_window_used(light->window, &h->beneficiary));
    do {
        h->nonce[7]++;
        if (h->nonce[7] == 0) h->nonce[6]++;
        h->mix_hash = work_of(h);
    } while (!posw_seal_meets(&h->mix_hash, &h->difficulty, &weight));
    sign_header(h, miner == 1 ? &x->signer : &x->keys[miner]);
    x->items[at] = (posw_light_item){h, staked ? &x->proofs[at] : NULL};
}

static void make_params(posw_params *p) {
    *p = made_params();
    p->pow = POSW_POW_KECCAK256;
    p->window_blocks = W;
    p->epoch_blocks = EPOCH;
    p->reorg_max_blocks = EPOCH;
    p->unbonding_blocks = 2 * EPOCH;
    p->genesis_difficulty = u64(300);
    p->weight.boost = 64;
    p->weight.ticket_price_wei = coins(10);
    assert_verdict(posw_params_check(p), POSW_VALID, POSW_RULE_NONE);
}

static posw_light start(const world *x, int which) {
    posw_light light;
    assert_true(posw_light_init(&light, &x->params, x->windows[which], posw_pow_keccak256(), NULL, &x->genesis));
    return light;
}

static posw_verdict extend(posw_light *light, size_t *accepted, const posw_light_item *items, size_t count) {
    bool ok = false;
    const posw_verdict v = posw_light_extend(&ok, accepted, light, items, count, light->tip.timestamp + FAR_S);
    assert_true(ok);
    return v;
}

static int setup(void **state) {
    static const posw_hash state_root = {{0x77}};
    world *x = calloc(1, sizeof *x);
    uint64_t random = 11;
    assert_non_null(x);
    make_params(&x->params);
    for (int i = 0; i < MINERS; i++)
        x->keys[i] = key_of((uint8_t)(0x30 + i));
    x->signer = key_of(0x50);
    make_stakes(x);
    posw_genesis_header(&x->genesis, &x->params, "light", &state_root);
    for (int i = 0; i < 2; i++) {
        x->memory[i] = aligned_alloc(16, (posw_window_size(W, HISTORY) + 15) / 16 * 16);
        assert_non_null(x->memory[i]);
        x->windows[i] = posw_window_init(x->memory[i], W, HISTORY, 2 * W * x->params.block_time_s);
    }
    posw_light light = start(x, 0);
    for (size_t at = 0; at < LENGTH; at++) {
        size_t accepted;
        seal_next(x, &light, at, (int)random_below(&random, MINERS));
        assert_verdict(extend(&light, &accepted, &x->items[at], 1), POSW_VALID, POSW_RULE_NONE);
        assert_int_equal(accepted, 1);
    }
    *state = x;
    return 0;
}

static int teardown(void **state) {
    world *x = *state;
    free(x->memory[0]);
    free(x->memory[1]);
    free(x);
    return 0;
}

/* ---- the plain road: the same checks, one header after the other, without light.c ---- */

typedef struct {
    posw_header tip;
    posw_hash tip_hash, root;
    posw_u256 weight;
} plain;

static plain plain_start(const world *x) {
    plain s = {.tip = x->genesis, .weight = x->genesis.difficulty};
    posw_header_hash(&s.tip_hash, &x->genesis);
    posw_window_reset(x->windows[1]);
    posw_window_push(x->windows[1], &(posw_window_entry){.timestamp = x->genesis.timestamp});
    return s;
}

static posw_verdict plain_check(const world *x, const plain *s, const posw_light_item *item, uint64_t now_s) {
    const posw_header *h = item->header;
    const uint64_t e = x->params.epoch_blocks;
    const bool same_epoch = s->tip.number > 0 && h->number / e == s->tip.number / e;
    const posw_check_context c = {&x->params, &s->tip, &s->tip_hash, x->windows[1], same_epoch ? &s->root : NULL};
    posw_verdict v = posw_check_header_fields(&c, h);
    if (v.kind == POSW_VALID) v = posw_check_header_time(&x->params, h, now_s);
    if (v.kind == POSW_VALID) v = posw_check_header_proof(&c, h, item->proof);
    bool ok = true;
    if (v.kind == POSW_VALID) v = posw_seal_check_pow(&ok, h, posw_pow_keccak256(), NULL, &s->tip_hash);
    assert_true(ok);
    return v;
}

static posw_verdict plain_extend(const world *x, plain *s, size_t *accepted, const posw_light_item *items, size_t count,
                                 uint64_t now_s) {
    for (*accepted = 0; *accepted < count; ++*accepted) {
        const posw_header *h = items[*accepted].header;
        const posw_verdict v = plain_check(x, s, &items[*accepted], now_s);
        if (v.kind != POSW_VALID) return v;
        posw_window_push(x->windows[1],
                         &(posw_window_entry){.miner = h->beneficiary,
                                              .timestamp = h->timestamp,
                                              .boosted = posw_seal_boosted(&h->mix_hash, &h->difficulty)});
        s->tip = *h;
        posw_header_hash(&s->tip_hash, h);
        s->root = posw_header_stake_root(h);
        s->weight = plus(&s->weight, &h->difficulty);
    }
    return posw_valid();
}

static void assert_same_place(const world *x, const posw_light *light, const plain *s) {
    assert_true(posw_hash_equal(&light->tip_hash, &s->tip_hash));
    assert_int_equal(light->tip.number, s->tip.number);
    assert_u256(&light->weight, &s->weight);
    assert_int_equal(posw_window_count(light->window), posw_window_count(x->windows[1]));
    for (int i = 0; i < MINERS; i++)
        assert_int_equal(posw_window_used(light->window, &x->keys[i].address),
                         posw_window_used(x->windows[1], &x->keys[i].address));
}

static void test_every_call_size(void **state) {
    const world *x = *state;
    size_t boosted = 0;
    for (size_t i = 0; i < LENGTH; i++)
        boosted += posw_seal_boosted(&x->headers[i].mix_hash, &x->headers[i].difficulty);
    assert_in_range(boosted, 10, LENGTH - 10);
    for (size_t size = 1; size <= LENGTH; size += size < 36 ? 1 : 20) { /* groups have 16, lanes 4 */
        posw_light light = start(x, 0);
        plain s = plain_start(x);
        size_t accepted;
        for (size_t at = 0; at < LENGTH; at += size) {
            const size_t n = LENGTH - at < size ? LENGTH - at : size;
            assert_verdict(extend(&light, &accepted, &x->items[at], n), POSW_VALID, POSW_RULE_NONE);
            assert_int_equal(accepted, n);
        }
        if (size % 16 != 1) continue; /* the plain road is slow */
        assert_verdict(plain_extend(x, &s, &accepted, x->items, LENGTH, x->headers[LENGTH - 1].timestamp), POSW_VALID,
                       POSW_RULE_NONE);
        assert_same_place(x, &light, &s);
    }
}

/* One object for all headers of a miner, as a client has it that asks once an epoch; a wrong one is refused for each
 * that it comes with. */
static void test_shared_proofs(void **state) {
    const world *x = *state;
    posw_light_item items[LENGTH];
    const posw_stake_proof *first[MINERS] = {NULL};
    size_t proven = 0, accepted;
    for (size_t i = 0; i < LENGTH; i++) {
        items[i] = x->items[i];
        for (int m = 0; m < MINERS; m++) {
            if (items[i].proof == NULL || !posw_address_equal(&items[i].header->beneficiary, &x->keys[m].address))
                continue;
            if (first[m] == NULL) first[m] = items[i].proof;
            items[i].proof = first[m];
            proven++;
        }
    }
    assert_in_range(proven, LENGTH / 2, LENGTH);
    posw_light light = start(x, 0);
    assert_verdict(extend(&light, &accepted, items, LENGTH), POSW_VALID, POSW_RULE_NONE);
    assert_int_equal(accepted, LENGTH);

    posw_stake_proof wrong;
    for (size_t i = 0; i < LENGTH; i++) {
        if (items[i].proof == NULL || !posw_seal_boosted(&items[i].header->mix_hash, &items[i].header->difficulty))
            continue;
        posw_light_item again[LENGTH];
        memcpy(again, items, sizeof again);
        wrong = *items[i].proof;
        wrong.depth--;
        again[i].proof = &wrong;
        light = start(x, 0);
        assert_verdict(extend(&light, &accepted, again, LENGTH), POSW_NOT_YET, POSW_RULE_STAKE_PROOF);
        assert_int_equal(accepted, i);
    }
}

static void test_nothing(void **state) {
    const world *x = *state;
    posw_light light = start(x, 0);
    size_t accepted = 9;
    assert_verdict(extend(&light, &accepted, NULL, 0), POSW_VALID, POSW_RULE_NONE);
    assert_int_equal(accepted, 0);
    assert_int_equal(light.tip.number, 0);
}

/* ---- damage ---- */

/* Damages a header or its proof, anew signed (by the miner's own key) half of the time. */
static void damage(const world *x, uint64_t *random, posw_header *h, posw_stake_proof *proof, posw_light_item *item) {
    switch (random_below(random, 20)) {
    case 0:
        h->number++;
        break;
    case 1:
        h->parent_hash.b[random_below(random, 32)] ^= 1;
        break;
    case 2:
        h->ommers_hash.b[0] ^= 1;
        break;
    case 3:
        h->extra_size = (uint32_t)random_below(random, POSW_EXTRA_SIZE);
        break;
    case 4:
        h->timestamp = random_below(random, 2) ? h->timestamp - 40 : h->timestamp + 2 * (uint64_t)FAR_S;
        break;
    case 5:
        h->difficulty.w[random_below(random, 4)] ^= 1;
        break;
    case 6:
        h->extra[1 + random_below(random, POSW_EXTRA_SIZE - 1)] ^= 1;
        break;
    case 7:
        h->mix_hash = random_below(random, 2) ? (posw_hash){{0}} : (posw_hash){{[31] = 0xff}};
        break;
    case 8:
        h->nonce[random_below(random, 8)] ^= 1;
        break;
    case 9:
        h->base_fee_wei++;
        break;
    case 10:
        h->beneficiary = x->keys[random_below(random, MINERS)].address;
        break;
    case 11:
        h->mix_hash = (posw_hash){{1}}; /* meets every target, but is not the output */
        break;
    case 12:
        item->proof = NULL;
        break;
    case 13:
        proof->depth = random_below(random, POSW_STAKE_PROOF_DEPTH_MAX + 3);
        break;
    case 14:
        proof->siblings[0].left ^= 1;
        break;
    case 15:
        proof->siblings[random_below(random, 2)].hash.b[3] ^= 1;
        break;
    case 16:
        proof->siblings[random_below(random, 2)].sum.w[random_below(random, 4)] ^= 1;
        break;
    case 17:
        proof->stake_wei.w[random_below(random, 4)] ^= 1;
        break;
    case 18:
        proof->supply_wei.w[0] ^= 1;
        break;
    default:
        proof->signer.b[4] ^= 1;
        break;
    }
    if (h->extra_size == POSW_EXTRA_SIZE && random_below(random, 2))
        for (int i = 0; i < MINERS; i++)
            if (posw_address_equal(&x->keys[i].address, &h->beneficiary)) sign_header(h, &x->keys[i]);
}

/* Verdict, count and state are those of the plain road, whatever is damaged and wherever calls begin. */
static void test_damage(void **state) {
    const world *x = *state;
    uint64_t random = 5;
    size_t refused[POSW_RULE_COUNT] = {0};
    for (int round = 0; round < 300; round++) {
        posw_light_item items[LENGTH];
        memcpy(items, x->items, sizeof items);
        const size_t bad = random_below(&random, LENGTH), from = random_below(&random, bad + 1);
        posw_header h = x->headers[bad];
        posw_stake_proof proof = x->proofs[bad];
        items[bad].header = &h;
        if (items[bad].proof != NULL || random_below(&random, 4) == 0) items[bad].proof = &proof;
        damage(x, &random, &h, &proof, &items[bad]);

        posw_light light = start(x, 0);
        plain s = plain_start(x);
        size_t accepted, plain_accepted;
        assert_verdict(extend(&light, &accepted, items, from), POSW_VALID, POSW_RULE_NONE);
        assert_verdict(plain_extend(x, &s, &plain_accepted, items, from, UINT64_MAX), POSW_VALID, POSW_RULE_NONE);
        const uint64_t now_s = light.tip.timestamp + FAR_S;
        const posw_verdict v = extend(&light, &accepted, items + from, LENGTH - from);
        assert_verdict(plain_extend(x, &s, &plain_accepted, items + from, LENGTH - from, now_s), v.kind, v.rule);
        assert_int_equal(accepted, plain_accepted);
        assert_same_place(x, &light, &s);
        refused[v.rule]++;
    }
    static const enum posw_rule reached[] = {
        POSW_RULE_PARENT,   POSW_RULE_OMMERS,    POSW_RULE_EXTRA_DATA, POSW_RULE_TIME_ORDER,    POSW_RULE_TIME_FUTURE,
        POSW_RULE_BASE_FEE, POSW_RULE_SIGNATURE, POSW_RULE_DIFFICULTY, POSW_RULE_PROOF_MISSING, POSW_RULE_STAKE_PROOF,
        POSW_RULE_TARGET,   POSW_RULE_POW,       POSW_RULE_STAKE_ROOT};
    for (size_t i = 0; i < POSW_ARRAY_SIZE(reached); i++)
        if (refused[reached[i]] == 0) fail_msg("rule %s is never broken", posw_rule_number(reached[i]));
}

/* E4: a proof that leads to a root of its own passes at the start of an epoch only. */
static void test_one_root_an_epoch(void **state) {
    world *x = *state;
    for (size_t at = 2 * EPOCH - 1; at <= 2 * EPOCH; at++) { /* headers 32 and 33 */
        posw_light light = start(x, 0);
        size_t accepted;
        assert_verdict(extend(&light, &accepted, x->items, at), POSW_VALID, POSW_RULE_NONE);
        const posw_header kept = x->headers[at];
        const posw_stake_proof kept_proof = x->proofs[at];
        const posw_light_item kept_item = x->items[at];
        x->table.supply_wei = coins(999);
        seal_next(x, &light, at, 0);
        x->table.supply_wei = coins(1000);
        const posw_verdict v = extend(&light, &accepted, &x->items[at], 1);
        if (x->headers[at].number % EPOCH == 0)
            assert_verdict(v, POSW_VALID, POSW_RULE_NONE);
        else
            assert_verdict(v, POSW_INVALID, POSW_RULE_STAKE_ROOT);
        x->headers[at] = kept;
        x->proofs[at] = kept_proof;
        x->items[at] = kept_item;
    }
}

/* ---- start ---- */

static void assert_no_start(const world *x, const posw_params *p, const posw_header *genesis) {
    posw_light light, before;
    memset(&light, 0x5a, sizeof light);
    before = light;
    assert_false(posw_light_init(&light, p, x->windows[0], NULL, NULL, genesis));
    assert_memory_equal(&light, &before, sizeof light);
}

static void test_genesis(void **state) {
    const world *x = *state;
    posw_params p = x->params;
    posw_header h = x->genesis;
    assert_true(posw_genesis_matches(&h, &p));
    p.window_blocks++;
    assert_no_start(x, &p, &h);
    assert_no_start(x, &x->params, &x->headers[0]);
    h.extra[0] ^= 1; /* another name */
    assert_true(posw_genesis_matches(&h, &x->params));
    h.state_root.b[0] ^= 1; /* another allocation */
    assert_true(posw_genesis_matches(&h, &x->params));
    h.extra[0] = '\0';
    assert_no_start(x, &x->params, &h);
    h = x->genesis;
    h.nonce[0] = 1;
    assert_no_start(x, &x->params, &h);
    for (uint32_t size = 0; size <= POSW_EXTRA_SIZE; size++) {
        h = x->genesis;
        h.extra_size = size;
        assert_int_equal(posw_genesis_matches(&h, &x->params), size == x->genesis.extra_size);
    }
    static const char longest[] = "0123456789abcdef0123456789abcdef";
    posw_genesis_header(&h, &x->params, longest, &x->genesis.state_root);
    assert_int_equal(h.extra_size, 32 + 1 + 32);
    assert_true(posw_genesis_matches(&h, &x->params));
    posw_genesis_header(&h, &x->params, "", &x->genesis.state_root);
    assert_true(posw_genesis_matches(&h, &x->params));
}

static void name_too_long(void *arg) {
    const world *x = arg;
    posw_header h;
    posw_genesis_header(&h, &x->params, "0123456789abcdef0123456789abcdef!", &x->genesis.state_root);
}

/* A window of another chain counts other tickets. */
static void other_window(void *arg) {
    const world *x = arg;
    (void)posw_window_init(x->memory[0], W - 1, HISTORY, 2 * W * x->params.block_time_s);
    (void)start(x, 0);
}

static void other_unlock(void *arg) {
    const world *x = arg;
    (void)posw_window_init(x->memory[0], W, HISTORY, 2 * W * x->params.block_time_s - 1);
    (void)start(x, 0);
}

static void window_exchanged(void *arg) {
    const world *x = arg;
    size_t accepted;
    posw_light light = start(x, 0);
    light.window = posw_window_init(x->memory[1], W + 1, HISTORY - 1, 2 * W * x->params.block_time_s);
    (void)extend(&light, &accepted, x->items, 1);
}

static void test_bugs_stop(void **state) {
    assert_true(test_aborts(name_too_long, *state));
    assert_true(test_aborts(other_window, *state));
    assert_true(test_aborts(other_unlock, *state));
    assert_true(test_aborts(window_exchanged, *state));
}

/* ---- engines and keys ---- */

typedef struct {
    int calls, fail_at; /* the call that fails, from 1; 0: none */
    posw_hash keys[LENGTH + 1];
} recorder;

static bool recorded_hash(void *scratch, posw_hash *out, const posw_hash *key,
                          const uint8_t input[POSW_POW_INPUT_SIZE]) {
    recorder *r = scratch;
    if (r->calls <= LENGTH) r->keys[r->calls] = *key;
    if (++r->calls == r->fail_at) return false;
    return posw_pow_keccak256()->hash(NULL, out, key, input);
}

static const posw_pow RECORDED = {"recorded", recorded_hash, NULL, NULL};

static void test_engine_fails(void **state) {
    const world *x = *state;
    for (int at = 1; at <= 20; at++) {
        recorder r = {.fail_at = at};
        posw_light light;
        size_t accepted;
        bool ok;
        assert_true(posw_light_init(&light, &x->params, x->windows[0], &RECORDED, &r, &x->genesis));
        const posw_verdict meaningless =
            posw_light_extend(&ok, &accepted, &light, x->items, LENGTH, light.tip.timestamp + FAR_S);
        (void)meaningless;
        assert_false(ok);
        assert_int_equal(accepted, at - 1);
        assert_int_equal(light.tip.number, at - 1);
        /* and on from there */
        assert_verdict(extend(&light, &accepted, x->items + accepted, LENGTH - accepted), POSW_VALID, POSW_RULE_NONE);
        assert_int_equal(light.tip.number, LENGTH);
    }
}

/* Without an engine the output is believed. */
static void test_no_engine(void **state) {
    world *x = *state;
    posw_light light;
    size_t accepted;
    posw_header h = x->headers[0];
    posw_light_item item = {&h, x->items[0].proof};
    h.mix_hash = (posw_hash){{1}};
    for (int i = 0; i < MINERS; i++)
        if (posw_address_equal(&x->keys[i].address, &h.beneficiary)) sign_header(&h, i == 1 ? &x->signer : &x->keys[i]);
    light = start(x, 0);
    assert_verdict(extend(&light, &accepted, &item, 1), POSW_INVALID, POSW_RULE_POW);
    assert_true(posw_light_init(&light, &x->params, x->windows[0], NULL, NULL, &x->genesis));
    assert_verdict(extend(&light, &accepted, &item, 1), POSW_VALID, POSW_RULE_NONE);
}

/* K1, for the blocks around the second and third change of the key. The chain starts in the middle, as a client may. */
static void test_keys(void **state) {
    world *x = *state;
    x->params.difficulty_rule = POSW_DIFFICULTY_FIXED; /* so many blocks in no time would be hard to find */
    posw_genesis_header(&x->genesis, &x->params, "light", &x->genesis.state_root);
    posw_light light = start(x, 0);
    posw_hash first, message[2] = {{{0}}};
    memcpy(message[0].b + 25, "posw-rx", 7);
    message[1] = light.tip_hash;
    posw_keccak256(&first, message[0].b + 25, 7 + 32);
    assert_true(posw_hash_equal(&light.pow_key, &first));

    recorder r = {.fail_at = 0};
    light.pow = &RECORDED;
    light.pow_scratch = &r;
    light.tip.number = 4 * POSW_POW_KEY_BLOCKS - POSW_POW_KEY_LAG - 20;
    light.stake_root = root_of(x, light.tip.number);
    posw_hash hashes[LENGTH];
    const posw_hash old = light.pow_key;
    for (size_t at = 0; at < LENGTH; at++) {
        size_t accepted;
        seal_next(x, &light, at, 0);
        assert_verdict(extend(&light, &accepted, &x->items[at], 1), POSW_VALID, POSW_RULE_NONE);
        hashes[at] = light.tip_hash;
    }
    /* header `at` has number 4 * 2048 - 64 - 19 + at: the 19th is the source, and the 83rd the first under it */
    for (size_t at = 0; at < LENGTH; at++)
        assert_true(posw_hash_equal(&r.keys[at], at < 19 + POSW_POW_KEY_LAG ? &old : &hashes[19]));
    uint64_t source = 1;
    assert_false(posw_pow_key_source(&source, POSW_POW_KEY_BLOCKS - 1));
    assert_int_equal(source, 1);
    assert_true(posw_pow_key_source(&source, POSW_POW_KEY_BLOCKS));
    assert_int_equal(source, POSW_POW_KEY_BLOCKS - POSW_POW_KEY_LAG);
    assert_true(posw_pow_key_source(&source, 3 * POSW_POW_KEY_BLOCKS - 1));
    assert_int_equal(source, 2 * POSW_POW_KEY_BLOCKS - POSW_POW_KEY_LAG);
}

/* ---- four at once ---- */

static void test_lanes(void **state) {
    const world *x = *state;
    uint64_t random = 3;
    for (int round = 0; round < 200; round++) {
        const posw_header *headers[POSW_HEADER_LANES];
        posw_header changed[POSW_HEADER_LANES];
        posw_hash hash[POSW_HEADER_LANES], seal_hash[POSW_HEADER_LANES];
        posw_stake_claim claims[POSW_STAKE_PROOF_LANES] = {{0}};
        posw_stake_proof proofs[POSW_STAKE_PROOF_LANES];
        posw_verdict verdicts[POSW_STAKE_PROOF_LANES];
        for (size_t i = 0; i < POSW_HEADER_LANES; i++) {
            const size_t at = random_below(&random, LENGTH);
            changed[i] = x->headers[at];
            changed[i].timestamp = random_next(&random) >> random_below(&random, 64); /* sizes differ */
            if (random_below(&random, 8) == 0) changed[i].extra_size = (uint32_t)random_below(&random, 98);
            headers[i] = &changed[i];
            posw_light_item item = {&changed[i], NULL};
            proofs[i] = x->proofs[at];
            if (random_below(&random, 2)) damage(x, &random, &changed[i], &proofs[i], &item);
            const bool asked = x->items[at].proof != NULL && random_below(&random, 8) > 0;
            claims[i] = (posw_stake_claim){.proof = asked ? &proofs[i] : NULL,
                                           .miner = &changed[i].beneficiary,
                                           .epoch = posw_epoch_of(&x->params, x->headers[at].number),
                                           .stake_root = root_of(x, x->headers[at].number)};
        }
        posw_header_hash_x4(hash, seal_hash, headers);
        posw_stake_proof_check_x4(verdicts, claims);
        for (size_t i = 0; i < POSW_HEADER_LANES; i++) {
            posw_hash want;
            posw_header_hash(&want, headers[i]);
            assert_true(posw_hash_equal(&hash[i], &want));
            const posw_stake_claim *c = &claims[i];
            const posw_verdict v = c->proof == NULL
                                       ? posw_invalid(POSW_RULE_STAKE_PROOF)
                                       : posw_stake_proof_check(c->proof, c->epoch, c->miner, &c->stake_root);
            assert_verdict(verdicts[i], v.kind, v.rule);
            if (headers[i]->extra_size != POSW_EXTRA_SIZE) continue;
            posw_header_seal_hash(&want, headers[i]);
            assert_true(posw_hash_equal(&seal_hash[i], &want));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_call_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shared_proofs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_root_an_epoch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_genesis, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bugs_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_engine_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_engine, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lanes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
