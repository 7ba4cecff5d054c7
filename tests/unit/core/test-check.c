/* Header checks: each rule broken in turn, the order of the checks, and both roads to the seal. */
#include "posw/check.h"

#include "core/made.h"
#include "crypto/keccak.h"
#include "posw/difficulty.h"
#include "posw/weight.h"

enum { MINER_SECRET = 0x41, SIGNER_SECRET = 0x42, OTHER_SECRET = 0x43 };

/* A parent at height 20, a stake table with the miner, and a header that follows. */
typedef struct {
    posw_params params;
    posw_header parent, header;
    posw_hash parent_hash, root;
    made_key miner, signer, other;
    posw_stake_entry entries[2];
    posw_stake_node scratch[2];
    posw_stake_table table;
    void *memory;
    posw_window *window;
    posw_check_context context;
} world;

/* The level of the seal, and a signature by this key. */
static void seal_as(world *x, uint64_t level, const made_key *key) {
    const posw_u256 weight = u64(level);
    const posw_u256 h = posw_seal_target(&x->header.difficulty, &weight); /* level 0: h = 0 */
    x->header.mix_hash = hash_of_level(&h);
    sign_header(&x->header, key);
}

static void make_stakes(world *x) {
    x->entries[0] = (posw_stake_entry){.miner = x->miner.address, .signer = x->miner.address, .stake_wei = coins(25)};
    x->entries[1] = (posw_stake_entry){.miner = x->other.address, .signer = x->signer.address, .stake_wei = coins(10)};
    if (posw_address_cmp(&x->entries[0].miner, &x->entries[1].miner) > 0) {
        const posw_stake_entry e = x->entries[0];
        x->entries[0] = x->entries[1];
        x->entries[1] = e;
    }
    /* 4 slots, W = 8: with 320 coins a ticket costs 10 coins, so the miner has two and the other one */
    x->table = (posw_stake_table){.entries = x->entries, .count = 2, .supply_wei = coins(320)};
    posw_stake_table_finish(&x->table, x->scratch);
    posw_stake_root(&x->root, 5, &x->table.supply_wei, &x->table.total_wei, &x->table.tree_root);
}

static void make_parent(world *x) {
    const posw_params *p = &x->params;
    x->parent = (posw_header){.ommers_hash = POSW_OMMERS_EMPTY,
                              .number = 20,
                              .gas_limit = p->gas_limit,
                              .gas_used = p->gas_limit,
                              .timestamp = p->genesis_time + 15 * 20,
                              .base_fee_wei = p->base_fee_initial_wei};
    posw_header_hash(&x->parent_hash, &x->parent);
    x->memory = aligned_alloc(16, (posw_window_size(8, 4) + 15) / 16 * 16);
    assert_non_null(x->memory);
    x->window = posw_window_init(x->memory, 8, 4, 2 * 8 * 15);
    for (uint64_t n = 0; n <= 20; n++)
        posw_window_push(x->window, &(posw_window_entry){.timestamp = p->genesis_time + 15 * n});
}

static void make_world(world *x) {
    *x = (world){.params = made_params(),
                 .miner = key_of(MINER_SECRET),
                 .signer = key_of(SIGNER_SECRET),
                 .other = key_of(OTHER_SECRET)};
    posw_params *p = &x->params;
    p->genesis_difficulty = u64(1000000);
    p->window_blocks = 8;
    p->epoch_blocks = 4;
    p->reorg_max_blocks = 4;
    p->unbonding_blocks = 8;
    assert_verdict(posw_params_check(p), POSW_VALID, POSW_RULE_NONE);
    make_stakes(x);
    make_parent(x);
    x->header = (posw_header){.parent_hash = x->parent_hash,
                              .ommers_hash = POSW_OMMERS_EMPTY,
                              .beneficiary = x->miner.address,
                              .difficulty = posw_difficulty_next(p, x->window, &x->parent, x->parent.timestamp + 1),
                              .number = 21,
                              .gas_limit = p->gas_limit,
                              .gas_used = 21000,
                              .timestamp = x->parent.timestamp + 1,
                              .base_fee_wei = 1125000000};
    posw_header_set_extra(&x->header, &x->root);
    seal_as(x, 0, &x->miner);
    x->context = (posw_check_context){
        .params = p, .parent = &x->parent, .parent_hash = &x->parent_hash, .window = x->window, .stake_root = &x->root};
}

static int setup(void **state) {
    world *x = malloc(sizeof *x);
    assert_non_null(x);
    make_world(x);
    *state = x;
    return 0;
}

static int teardown(void **state) {
    world *x = *state;
    free(x->memory);
    free(x);
    return 0;
}

/* --- fields --- */

static void assert_fields(world *x, const posw_header *h, enum posw_rule rule) {
    assert_verdict(posw_check_header_fields(&x->context, h), rule == POSW_RULE_NONE ? POSW_VALID : POSW_INVALID, rule);
}

/* Each change breaks one rule; they are listed in the order of the checks. */
static void break_field(posw_header *h, int which) {
    switch (which) {
    case 0:
        h->number++;
        break;
    case 1:
        h->parent_hash.b[5] ^= 1;
        break;
    case 2:
        h->ommers_hash.b[0] ^= 1;
        break;
    case 3:
        h->extra[0] = 2;
        break;
    case 4:
        h->extra[97] = 2;
        break;
    case 5:
        memset(h->extra + 65, 0x80, 32);
        break; /* s in the upper half */
    case 6:
        h->timestamp--;
        break;
    case 7:
        h->gas_limit--;
        break;
    case 8:
        h->gas_used = h->gas_limit + 1;
        break;
    case 9:
        h->base_fee_wei--;
        break;
    case 10:
        h->extra[32] ^= 1;
        break; /* the stake root */
    case 11:
        h->difficulty.w[0]++;
        break;
    case 12:
        h->difficulty.w[3] = 1;
        break;
    }
}

static const enum posw_rule BROKEN_RULES[] = {
    POSW_RULE_PARENT,     POSW_RULE_PARENT,     POSW_RULE_OMMERS,     POSW_RULE_EXTRA_DATA, POSW_RULE_EXTRA_DATA,
    POSW_RULE_EXTRA_DATA, POSW_RULE_TIME_ORDER, POSW_RULE_GAS_LIMIT,  POSW_RULE_GAS_USED,   POSW_RULE_BASE_FEE,
    POSW_RULE_STAKE_ROOT, POSW_RULE_DIFFICULTY, POSW_RULE_DIFFICULTY,
};

static void test_fields(void **state) {
    world *x = *state;
    assert_fields(x, &x->header, POSW_RULE_NONE);
    for (int i = 0; i < (int)POSW_ARRAY_SIZE(BROKEN_RULES); i++) {
        posw_header h = x->header;
        break_field(&h, i);
        assert_fields(x, &h, BROKEN_RULES[i]);
        for (int later = i + 1; later < (int)POSW_ARRAY_SIZE(BROKEN_RULES); later++) {
            posw_header both = h;
            break_field(&both, later);
            if (later == 8 && i == 7) continue; /* gasLimit and gasUsed move together there */
            assert_fields(x, &both, BROKEN_RULES[i]);
        }
    }
}

static void test_field_edges(void **state) {
    world *x = *state;
    posw_header h = x->header;
    h.gas_used = h.gas_limit;
    assert_fields(x, &h, POSW_RULE_NONE);
    h = x->header;
    h.timestamp = UINT64_MAX; /* too far ahead is another check's business */
    assert_fields(x, &h, POSW_RULE_NONE);
    for (uint32_t size = 0; size < POSW_EXTRA_SIZE; size++) {
        h = x->header;
        h.extra_size = size;
        assert_fields(x, &h, POSW_RULE_EXTRA_DATA);
    }
    h = x->header;
    h.number = 0; /* genesis follows nothing */
    x->parent.number = UINT64_MAX;
    assert_fields(x, &h, POSW_RULE_PARENT);
    x->parent.number = 20;

    static const uint8_t half_order[32] = {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                           0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4,
                                           0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0};
    h = x->header;
    memcpy(h.extra + 65, half_order, 32);
    assert_fields(x, &h, POSW_RULE_NONE);
    h.extra[96]++;
    assert_fields(x, &h, POSW_RULE_EXTRA_DATA);

    h = x->header;
    h.extra[1] ^= 0xff; /* nobody knows the root in force */
    x->context.stake_root = NULL;
    assert_fields(x, &h, POSW_RULE_NONE);
}

/* D1 where a rule looks back over the window, and where it looks at the block's own time. The difficulties are made
 * here by hand: 8 blocks of 15 s and 1,000,000 each; one tenth. */
static void test_difficulty_rules(void **state) {
    world *x = *state;
    posw_header h = x->header;
    x->parent.difficulty = u64(1000000);
    x->params.difficulty_rule = POSW_DIFFICULTY_LWMA3;
    x->params.difficulty_blocks = 8;
    posw_window_reset(x->window);
    for (uint64_t n = 0; n <= 20; n++)
        posw_window_push(
            x->window, &(posw_window_entry){.timestamp = x->params.genesis_time + 15 * n, .difficulty = u64(1000000)});
    assert_fields(x, &h, POSW_RULE_DIFFICULTY);
    h.difficulty = u64(990000);
    assert_fields(x, &h, POSW_RULE_NONE);

    x->params.difficulty_rule = POSW_DIFFICULTY_STEP;
    x->context.window = NULL;
    h.timestamp = x->parent.timestamp + 14;
    assert_fields(x, &h, POSW_RULE_DIFFICULTY);
    h.difficulty = u64(1100000);
    assert_fields(x, &h, POSW_RULE_NONE);
    h.timestamp++;
    assert_fields(x, &h, POSW_RULE_DIFFICULTY);
    h.difficulty = u64(900000);
    assert_fields(x, &h, POSW_RULE_NONE);
}

/* --- time --- */

static void test_time(void **state) {
    world *x = *state;
    posw_params *p = &x->params;
    posw_header h = x->header;
    static const uint64_t vectors[][2] = {{15, 30}, {8, 16}, {7, 15}, {1, 15}, {3600, 7200}}; /* T, seconds ahead */
    for (size_t i = 0; i < POSW_ARRAY_SIZE(vectors); i++) {
        p->block_time_s = vectors[i][0];
        h.timestamp = 1000000 + vectors[i][1];
        assert_verdict(posw_check_header_time(p, &h, 1000000), POSW_VALID, POSW_RULE_NONE);
        h.timestamp++;
        assert_verdict(posw_check_header_time(p, &h, 1000000), POSW_NOT_YET, POSW_RULE_TIME_FUTURE);
        assert_verdict(posw_check_header_time(p, &h, 1000001), POSW_VALID, POSW_RULE_NONE);
    }
    h.timestamp = 0;
    assert_verdict(posw_check_header_time(p, &h, UINT64_MAX), POSW_VALID, POSW_RULE_NONE);
    h.timestamp = UINT64_MAX;
    assert_verdict(posw_check_header_time(p, &h, UINT64_MAX - 1), POSW_VALID, POSW_RULE_NONE);
    assert_verdict(posw_check_header_time(p, &h, 0), POSW_NOT_YET, POSW_RULE_TIME_FUTURE);
}

/* --- seal, with the table --- */

static posw_verdict by_table(world *x) {
    const posw_stake_entry *entry = posw_stake_table_find(&x->table, &x->header.beneficiary);
    return posw_check_header_seal(&x->context, &x->header, entry, &x->table.supply_wei);
}

/* Boosted blocks of this miner take the place of the latest ones. */
static void win(world *x, const posw_address *miner, int count) {
    uint64_t time = posw_window_at(x->window, 0).timestamp;
    for (int i = 0; i < count; i++)
        posw_window_push(x->window, &(posw_window_entry){.miner = *miner, .timestamp = ++time, .boosted = true});
}

static void test_weight(void **state) {
    world *x = *state;
    const posw_u256 stake = coins(25);
    posw_u256 f = posw_check_weight(&x->context, &x->header, &stake, &x->table.supply_wei);
    assert_u256_is(&f, 1024);
    win(x, &x->other.address, 3); /* somebody else's */
    win(x, &x->miner.address, 1);
    f = posw_check_weight(&x->context, &x->header, &stake, &x->table.supply_wei);
    assert_u256_is(&f, 1024);
    win(x, &x->miner.address, 1);
    f = posw_check_weight(&x->context, &x->header, &stake, &x->table.supply_wei);
    assert_u256_is(&f, 1);
    x->params.weight =
        (posw_weight_params){.rule = POSW_WEIGHT_POWER, .unit_wei = coins(1), .min = 1, .max = 50, .exponent_x2 = 4};
    x->context.window = NULL; /* not read */
    f = posw_check_weight(&x->context, &x->header, &stake, &x->table.supply_wei);
    assert_u256_is(&f, 625);
}

static void weigh(void *arg) {
    world *x = arg;
    (void)posw_check_weight(&x->context, &x->header, &POSW_U256_ZERO, &POSW_U256_ONE);
}

/* A window of other parameters counts other tickets; where nothing is counted, it may be any. */
static void test_other_window(void **state) {
    world *x = *state;
    x->params.block_time_s++;
    assert_true(test_aborts(weigh, x));
    x->params.block_time_s--;
    assert_false(test_aborts(weigh, x));
    x->params.window_blocks--;
    assert_true(test_aborts(weigh, x));
    x->params.weight.rule = POSW_WEIGHT_POWER;
    x->params.weight.unit_wei = POSW_U256_ONE;
    assert_false(test_aborts(weigh, x));
}

static void test_seal_by_table(void **state) {
    world *x = *state;
    assert_verdict(by_table(x), POSW_VALID, POSW_RULE_NONE);
    seal_as(x, 1023, &x->miner);
    assert_verdict(by_table(x), POSW_VALID, POSW_RULE_NONE);
    seal_as(x, 1024, &x->miner);
    assert_verdict(by_table(x), POSW_INVALID, POSW_RULE_TARGET);
    seal_as(x, 1023, &x->signer);
    assert_verdict(by_table(x), POSW_INVALID, POSW_RULE_SIGNATURE);
    win(x, &x->miner.address, 2); /* both tickets are used */
    seal_as(x, 1, &x->miner);
    assert_verdict(by_table(x), POSW_INVALID, POSW_RULE_TARGET);
    seal_as(x, 0, &x->miner);
    assert_verdict(by_table(x), POSW_VALID, POSW_RULE_NONE);

    x->header.beneficiary = x->other.address; /* has named a signer */
    seal_as(x, 5, &x->signer);
    assert_verdict(by_table(x), POSW_VALID, POSW_RULE_NONE);
    seal_as(x, 5, &x->other);
    assert_verdict(by_table(x), POSW_INVALID, POSW_RULE_SIGNATURE);

    x->header.beneficiary = x->signer.address; /* not in the table */
    seal_as(x, 0, &x->signer);
    assert_verdict(by_table(x), POSW_VALID, POSW_RULE_NONE);
    seal_as(x, 1, &x->signer);
    assert_verdict(by_table(x), POSW_INVALID, POSW_RULE_TARGET);
}

/* --- seal, with a proof --- */

static posw_stake_proof proof_of(world *x, const posw_address *miner) {
    posw_stake_proof proof;
    assert_true(posw_stake_prove(&proof, &x->table, miner, x->scratch));
    return proof;
}

static posw_verdict by_proof(world *x, const posw_stake_proof *proof) {
    return posw_check_header_proof(&x->context, &x->header, proof);
}

/* H10: without a proof only unboosted, self-signed headers pass. */
static void test_without_proof(void **state) {
    world *x = *state;
    assert_verdict(by_proof(x, NULL), POSW_VALID, POSW_RULE_NONE);
    seal_as(x, 1, &x->miner);
    assert_verdict(by_proof(x, NULL), POSW_NOT_YET, POSW_RULE_PROOF_MISSING);
    seal_as(x, 1023, &x->miner);
    assert_verdict(by_proof(x, NULL), POSW_NOT_YET, POSW_RULE_PROOF_MISSING);
    seal_as(x, 1024, &x->miner); /* no stake could do this */
    assert_verdict(by_proof(x, NULL), POSW_INVALID, POSW_RULE_TARGET);
    seal_as(x, 0, &x->signer); /* delegated, perhaps */
    assert_verdict(by_proof(x, NULL), POSW_NOT_YET, POSW_RULE_PROOF_MISSING);
    memset(x->header.extra + 33, 0, 65);
    assert_verdict(by_proof(x, NULL), POSW_INVALID, POSW_RULE_SIGNATURE);
    x->header.extra_size = 32;
    assert_verdict(by_proof(x, NULL), POSW_INVALID, POSW_RULE_EXTRA_DATA);
}

static void test_with_proof(void **state) {
    world *x = *state;
    const posw_stake_proof proof = proof_of(x, &x->miner.address), others = proof_of(x, &x->other.address);
    assert_verdict(by_proof(x, &proof), POSW_VALID, POSW_RULE_NONE);
    seal_as(x, 1023, &x->miner);
    assert_verdict(by_proof(x, &proof), POSW_VALID, POSW_RULE_NONE);
    x->context.stake_root = NULL; /* a light client takes the header's own */
    assert_verdict(by_proof(x, &proof), POSW_VALID, POSW_RULE_NONE);
    x->header.extra[1] ^= 1;
    assert_verdict(by_proof(x, &proof), POSW_NOT_YET, POSW_RULE_STAKE_PROOF);
    x->header.extra[1] ^= 1;
    x->context.stake_root = &x->root;
    assert_verdict(by_proof(x, &others), POSW_NOT_YET, POSW_RULE_STAKE_PROOF);
    posw_stake_proof bad = proof;
    bad.stake_wei = coins(26);
    assert_verdict(by_proof(x, &bad), POSW_NOT_YET, POSW_RULE_STAKE_PROOF);
    bad = proof;
    bad.supply_wei = coins(1); /* a lower ticket price */
    assert_verdict(by_proof(x, &bad), POSW_NOT_YET, POSW_RULE_STAKE_PROOF);
    x->header.number = 24; /* the next epoch has another root, even with the same table */
    assert_verdict(by_proof(x, &proof), POSW_NOT_YET, POSW_RULE_STAKE_PROOF);
    x->header.number = 21;

    seal_as(x, 1023, &x->signer);
    assert_verdict(by_proof(x, &proof), POSW_INVALID, POSW_RULE_SIGNATURE);
    seal_as(x, 1024, &x->miner);
    assert_verdict(by_proof(x, &proof), POSW_INVALID, POSW_RULE_TARGET);
    win(x, &x->miner.address, 2);
    seal_as(x, 1, &x->miner);
    assert_verdict(by_proof(x, &proof), POSW_INVALID, POSW_RULE_TARGET);

    x->header.beneficiary = x->other.address;
    seal_as(x, 700, &x->signer);
    assert_verdict(by_proof(x, &others), POSW_VALID, POSW_RULE_NONE);
    seal_as(x, 0, &x->other); /* the table names another signer */
    assert_verdict(by_proof(x, &others), POSW_INVALID, POSW_RULE_SIGNATURE);
}

/* Wherever both roads give a final answer, it is the same. */
static void test_roads_agree(void **state) {
    world *x = *state;
    static const uint64_t levels[] = {0, 1, 1023, 1024};
    const made_key *keys[] = {&x->miner, &x->signer, &x->other};
    for (size_t m = 0; m < 2; m++)
        for (size_t used = 0; used < 3; used++) {
            x->header.beneficiary = x->entries[m].miner;
            const posw_stake_proof proof = proof_of(x, &x->header.beneficiary);
            for (size_t l = 0; l < POSW_ARRAY_SIZE(levels); l++)
                for (size_t k = 0; k < POSW_ARRAY_SIZE(keys); k++) {
                    seal_as(x, levels[l], keys[k]);
                    const posw_verdict want = by_table(x);
                    assert_verdict(by_proof(x, &proof), want.kind, want.rule);
                }
            win(x, &x->header.beneficiary, 1);
        }
}

/* --- fork choice --- */

static void test_fork_better(void **state) {
    (void)state;
    const posw_u256 low = u64(5), high = power_of_two(200);
    assert_true(posw_fork_better(&high, &low));
    assert_false(posw_fork_better(&low, &high));
    assert_false(posw_fork_better(&low, &low)); /* of equal ones, the first seen */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_field_edges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_difficulty_rules, setup, teardown),
        cmocka_unit_test_setup_teardown(test_weight, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_window, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seal_by_table, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_proof, setup, teardown),
        cmocka_unit_test_setup_teardown(test_with_proof, setup, teardown),
        cmocka_unit_test_setup_teardown(test_roads_agree, setup, teardown),
        cmocka_unit_test(test_fork_better),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
